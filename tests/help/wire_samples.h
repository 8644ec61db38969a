/* Messages between replicas with every field drawn at random, and blocks as the wire layer needs
 * them: a real header over a body of random bytes (whether the body fits is not the wire's to
 * judge). The same numbers give the same messages. */
#ifndef TESTS_HELP_WIRE_SAMPLES_H
#define TESTS_HELP_WIRE_SAMPLES_H

#include "crypto/base/prng.h"
#include "node/pbft/wire.h"

/* The types that have an encoding by now. */
enum { WIRE_TYPES_COUNT = 15 };
extern const enum pbft_msg_type wire_types[WIRE_TYPES_COUNT];

/* A message and the bytes it lends. Zero-initialise to start; wire_sample_close() ends it. */
struct wire_sample {
    struct pbft_msg msg;
    struct buf bytes;
};
void wire_sample_make(struct wire_sample *s, enum pbft_msg_type type, struct prng *p);
void wire_sample_close(struct wire_sample *s);

/* The same for a type, a kind, a number of blocks, and a body size of one's own. */
void wire_sample_pre_prepare(struct wire_sample *s, struct prng *p, size_t body_bytes);
void wire_sample_range(struct wire_sample *s, struct prng *p, uint32_t blocks_count,
                       size_t body_bytes);
/* Then heads alone, up to what the certificate commits. */
void wire_sample_range_with_heads(struct wire_sample *s, struct prng *p, uint32_t blocks_count,
                                  uint32_t heads_count, size_t body_bytes);
void wire_sample_block(struct wire_sample *s, struct prng *p, bool has_pre_prepare,
                       size_t body_bytes);

/* A VIEW-CHANGE with a high of that many signatures (0: "base of e"), and an LC
 * of that many; a NEW-VIEW of that many such VIEW-CHANGEs. */
void wire_sample_view_change(struct wire_sample *s, struct prng *p, uint32_t high_entries,
                             uint32_t lc_entries);
void wire_sample_new_view(struct wire_sample *s, struct prng *p, uint32_t view_changes,
                          uint32_t high_entries, uint32_t lc_entries);

/* EVIDENCE of a kind; bad-body with a block of that body size, forgotten-commit with a high of that
 * many signatures (0: "base of e"). */
void wire_sample_evidence(struct wire_sample *s, struct prng *p, enum pbft_evidence_kind kind,
                          uint32_t high_entries, size_t body_bytes);

/* Reads the ledger's header: what the shell gives to pbft_decode(). */
pbft_block_head wire_block_head;

#endif
