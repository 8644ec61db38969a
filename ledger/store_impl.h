/* What store.c, store_flush.c and store_read.c share. Nobody else includes this. */
#ifndef LEDGER_STORE_IMPL_H
#define LEDGER_STORE_IMPL_H

#include "ledger/store.h"

/* What "derived" in KV_META says of state and indexes. */
struct store_derived {
    uint64_t flushed_height;
    struct tree_ref tree;
    uint64_t counts[STORE_INDEXES_COUNT]; /* entries of store_indexes[i] */
};

/* Entries of KV_CERT and KV_CHECKPOINT. */
struct store_counts {
    uint64_t certificates, checkpoints;
};

struct store {
    struct kv *kv;
    struct kv_view *view; /* of the last commit */
    struct kv_batch *batch;
    struct store_identity identity;
    struct store_options options;
    struct store_derived derived;
    struct block_header head;
    struct digest head_digest;
    uint64_t chain_height; /* of the head on disk; while opening, head is still on its way there */
    struct store_counts counts;
    struct layer *layer; /* blocks above the flushed height */
};

/* The index tables, in the order of their counts in "derived". */
extern const enum kv_table store_indexes[STORE_INDEXES_COUNT];

/* Commit the batch and renew the view. */
MUST_USE enum rc store_commit(struct store *s, struct why *why);
/* Flush when a checkpoint height or the layer's limit asks for it. */
MUST_USE enum rc store_flush_if_due(struct store *s, struct why *why);

/* Record that the layer holds `initial`, before anything is flushed. */
MUST_USE enum rc store_flush_initial(struct store *s, struct why *why);

/* Confirm that no key of a table stands in from..to, both included. Only with TREE_VERIFY.
 * Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc store_confirm_absent(struct store *s, enum kv_table table, struct bytes from,
                                      struct bytes to, struct why *why);

/* Returns: RC_OK | RC_NOT_A_STORE | RC_STORE_FORMAT | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc store_load_identity(struct kv_view *v, struct store_identity *out,
                                     struct why *why);

/* Meta records: "head" goes with every commit, "derived" with every flush. */
void store_put_head(struct store *s, uint64_t height, const struct digest *digest,
                    const struct store_counts *counts);
void store_put_derived(struct kv_batch *batch, const struct store_derived *d);
MUST_USE enum rc store_load_derived(struct kv_view *v, struct store_derived *out, struct why *why);
/* Sets chain_height and the counts of s. */
MUST_USE enum rc store_load_head(struct store *s, struct digest *digest, struct why *why);

/* Keys by height, into out; lends it. */
struct bytes store_height_key(uint8_t out[static 8], uint64_t height);
struct bytes store_block_key(uint8_t out[static 8 + DIGEST_BYTES], uint64_t height,
                             const struct digest *digest);

#endif
