/* What the files of the store (ledger/store*.c) share. Nobody else includes this. */
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

/* A flush that is due: what the blocks up to its height changed since the one before, set aside. */
struct store_frozen {
    struct store_frozen *newer;
    struct layer *layer;
    uint64_t height;
};

struct store {
    struct kv *kv;
    struct kv_view *view;   /* of the last commit, or of one since which there were others */
    struct kv_batch *batch; /* for what the store commits by itself */
    struct store_identity identity;
    struct store_options options;
    struct store_derived derived; /* durable */
    struct block_header head;
    struct digest head_digest;
    uint64_t chain_height; /* of the head on disk; while opening, head is still on its way there */
    struct store_counts counts; /* with what is staged */
    /* Blocks above the flushed height: those not set aside yet are in `layer`, for ever the same
     * object, because block layers stand on it; below it the frozen ones, newest first. */
    struct layer *layer;
    struct store_frozen *oldest, *newest;
    uint32_t frozen_count;
    bool is_flush_staged;        /* of the oldest, */
    struct store_derived staged; /* which gives this */
};

/* The index tables, in the order of their counts in "derived". */
extern const enum kv_table store_indexes[STORE_INDEXES_COUNT];

/* Commit the batch and renew the view. */
MUST_USE enum rc store_commit(struct store *s, struct why *why);
/* Nothing is staged that is not durable: the store may commit by itself. */
void store_check_settled(const struct store *s);

/* Set the layer aside for a flush, when a checkpoint height or the layer's limit asks for it. */
void store_freeze_if_due(struct store *s);
/* Flush what is due, oldest first, each by commits of its own. */
MUST_USE enum rc store_flush_due(struct store *s, struct why *why);
/* The staged flush is durable, and the view shows it. */
void store_end_flush(struct store *s);

/* Flush the layer, which holds the initial state, as the first of all. */
MUST_USE enum rc store_flush_initial(struct store *s, struct why *why);

/* That a block is the next one, and the certificate, unless it is NULL, its own. */
void store_check_next(const struct store *s, const struct block *block, const struct layer *layer,
                      const struct certificate *certificate);
/* Put it at the end of the chain; with_body: its bytes too. */
void store_put_block(struct kv_batch *batch, const struct block *block, bool with_body);
/* It is the head now, in memory. */
void store_take_block(struct store *s, const struct block *block, const struct layer *layer);
/* Put a certificate under its height. */
void store_put_certificate_at(struct kv_batch *batch, struct bytes key,
                              const struct certificate *c);

/* Confirm that no key of a table stands in from..to, both included. Only with TREE_VERIFY.
 * Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc store_confirm_absent(struct store *s, enum kv_table table, struct bytes from,
                                      struct bytes to, struct why *why);

/* Returns: RC_OK | RC_NOT_A_STORE | RC_STORE_FORMAT | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc store_load_identity(struct kv_view *v, struct store_identity *out,
                                     struct why *why);

/* Meta records: "head" goes with every commit, "derived" with every flush. */
void store_put_head(struct kv_batch *batch, uint64_t height, const struct digest *digest,
                    const struct store_counts *counts);
void store_put_derived(struct kv_batch *batch, const struct store_derived *d);
MUST_USE enum rc store_load_derived(struct kv_view *v, struct store_derived *out, struct why *why);
MUST_USE enum rc store_load_head(struct kv_view *v, uint64_t *height, struct digest *digest,
                                 struct store_counts *counts, struct why *why);

/* Keys by height, into out; lends it. */
struct bytes store_height_key(uint8_t out[static 8], uint64_t height);
struct bytes store_block_key(uint8_t out[static 8 + DIGEST_BYTES], uint64_t height,
                             const struct digest *digest);

#endif
