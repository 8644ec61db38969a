/* Records as they stand in the chain: each version is read back from its block, and the newest is
 * held against the hash in the state. */
#ifndef TOOLS_HANSA_RECORD_H
#define TOOLS_HANSA_RECORD_H

#include "tools/hansa/chain_read.h"

struct record {
    struct source *source;                /* borrows */
    struct bytes participant, topic, key; /* borrowed */
    uint8_t room[STATE_KEY_BYTES_MAX];
    struct bytes state_key; /* lends room */
    struct state_record newest;
};

struct record_version {
    uint64_t version;
    struct place place;
    struct tx tx;      /* with data: lends until another block is read */
    struct bytes data; /* the whole of it */
    struct digest data_hash;
    uint64_t time_ms;            /* of the block */
    uint64_t certificate_height; /* of the certificate that covers the block; 0 = none yet */
};

/* Requires: participant, topic and key were judged.
 * Returns: RC_OK | RC_NOT_FOUND (words say up to which height) | as the store's reads. */
MUST_USE enum rc record_open(struct record *r, struct source *s, struct bytes participant,
                             struct bytes topic, struct bytes key, struct why *why);
/* Requires: 1 <= version <= r->newest.version. Returns: RC_OK | RC_STORE_DAMAGED | RC_PROOF (the
 * certificate over its block does not hold) | as source_block(). */
MUST_USE enum rc record_get(struct record_version *out, struct record *r, uint64_t version,
                            struct why *why);

#endif
