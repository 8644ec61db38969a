/* What a lying member signs, truly signed, and the evidence that it makes: for tests of whoever
 * judges, keeps or hands on evidence. Certificates and complaints in it are no quorum's: evidence
 * is about its signer alone. */
#ifndef TESTS_HELP_EVIDENCE_MADE_H
#define TESTS_HELP_EVIDENCE_MADE_H

#include "node/pbft/wire.h"

struct liar {
    struct digest chain_id;
    uint64_t epoch;
    uint32_t index;
    const struct sign_key *key;
};

/* Each is of a place, and says what `word` is: other words, other digests. */
struct pbft_pre_prepare liar_pre_prepare(const struct liar *l, uint64_t view, uint64_t height,
                                         uint8_t word);
struct pbft_vote liar_vote(const struct liar *l, enum cert_kind kind, uint64_t view,
                           uint64_t height, uint8_t word);
/* With a high of PREPAREs of this rank; "base of e" when high_height is 0. */
struct pbft_view_change liar_view_change(const struct liar *l, uint64_t view, uint64_t high_view,
                                         uint64_t high_height, uint8_t word);
/* Requires: view >= 2. */
void liar_new_view(const struct liar *l, struct pbft_new_view *out, uint64_t view, uint8_t word);
/* Of a whole block. */
struct pbft_pre_prepare liar_proposal(const struct liar *l, uint64_t view, struct bytes block,
                                      pbft_block_head *head);

enum { LIAR_VIEW = 6, LIAR_HEIGHT = 40 };
/* Of any kind but bad-body: of view LIAR_VIEW, at height LIAR_HEIGHT. */
void liar_evidence(const struct liar *l, struct pbft_evidence *out, enum pbft_evidence_kind kind);

#endif
