/* What the files of the store (ledger/store*.c) share. Nobody else includes this. */
#ifndef LEDGER_STORE_IMPL_H
#define LEDGER_STORE_IMPL_H

#include "ledger/store_intake.h"

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

/* What "history" in KV_META says (store_history.h). */
struct store_history {
    bool exists;
    struct block_header base;             /* of the snapshot */
    struct digest next_digest;            /* of the block at the top of the highest gap */
    uint64_t counts[STORE_INDEXES_COUNT]; /* of store_indexes[i], beyond "derived" */
    uint32_t gaps_count;
    struct store_gap gaps[STORE_GAPS_MAX]; /* ascending */
};

/* What "intake" in KV_META says, as far as the store itself has to know (store_intake.h). */
struct store_intake {
    bool is_open;
    bool discards;
    uint64_t names_count; /* entries of KV_NAME beyond "derived" */
};

/* A flush that is due: what the blocks up to its height changed since the one before, set aside. */
struct store_frozen {
    struct store_frozen *newer;
    struct layer *layer;
    uint64_t height;
    bool is_told; /* its root is: the tree is one of the two that are kept from then on */
};

struct store_flush_job {
    struct store *store;
    /* What it reads. Nothing of it changes until the job ends: the layer is the lowest, so it is
     * neither put on another one nor freed, and what is frozen is not written. */
    const struct layer *layer;
    uint64_t height;
    struct store_derived from;
    uint64_t oldest_kept; /* once this height is flushed */
    /* What it makes. */
    bool is_computed;
    struct kv_batch *batch;
    struct store_derived derived;
    enum rc rc;
    struct why why;
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
    struct store_flush_job *job; /* the oldest is being computed, or waits to be staged */
    bool is_flush_staged;        /* of the oldest, */
    struct store_derived staged; /* which gives this */
    /* The two newest heights that a root was or will be told of: with what is staged, and as the
     * last batch that store_on_durable() was told of left them. */
    struct store_kept kept, kept_durable;
    uint64_t held_height; /* store_hold_trees(); 0: none */
    /* Of the newest CHECKPOINT certificate, likewise; 0: there is none. */
    uint64_t checkpoint_height, checkpoint_durable;
    struct store_intake intake;
    bool is_state_wrong; /* store_has_wrong_state(), as this says: */
    struct why wrong_why;
    uint64_t awaited_height;          /* store_awaited_height() */
    struct store_history history;     /* durable */
    struct store_history backfilled;  /* with what is staged: store_on_backfill() */
    struct layer *undone;             /* the state below the blocks staged; NULL: none is */
    uint32_t undone_count;            /* of blocks */
    bool undone_is_full;              /* the next block needs another `undone` */
    uint64_t backfill_damaged_height; /* store_backfill_damaged_height() */
};

/* The index tables, in the order of their counts in "derived". */
extern const enum kv_table store_indexes[STORE_INDEXES_COUNT];

/* Stand on the flushed height as the view shows it, then apply what came after it. The layer is
 * empty. */
MUST_USE enum rc store_recover(struct store *s, struct why *why);
/* Drop all that is above the flushed height in memory, staged or not. */
void store_drop_layers(struct store *s);

/* Commit the batch and renew the view. */
MUST_USE enum rc store_commit(struct store *s, struct why *why);
/* Nothing is staged that is not durable: the store may commit by itself. */
void store_check_settled(const struct store *s);

/* Set the layer aside for a flush, when a checkpoint height or the layer's limit asks for it. */
void store_freeze_if_due(struct store *s);
/* No flush may drop a tree of this height or above, when these heights are kept. */
uint64_t store_oldest_tree(const struct store *s, const struct store_kept *kept);
/* From this height on all trees are there, as the view shows them. */
uint64_t store_oldest_durable_tree(const struct store *s);
/* The same if the head is of this height, and has not been set aside. */
void store_freeze_at(struct store *s, uint64_t height);
/* Flush what is due, oldest first, each by commits of its own. */
MUST_USE enum rc store_flush_due(struct store *s, struct why *why);
/* The staged flush is durable, and the view shows it. */
void store_end_flush(struct store *s);

/* Put into the batch what this layer makes of `from` (NULL: of nothing) at this height, and what
 * that is into *out. Reads the tree through v, which must show `from`. On failure the batch is
 * useless. Returns: as tree_update(). */
MUST_USE enum rc store_derive(struct store_derived *out, struct kv_batch *batch, struct kv_view *v,
                              const struct layer *layer, uint64_t height,
                              const struct store_derived *from, struct why *why);
/* Put deletions of nodes that no tree from this height on uses, and not more than keep pace.
 * Returns: as tree_drop_stale(). */
MUST_USE enum rc store_drop(struct kv_batch *batch, struct kv_view *v, uint64_t oldest_kept,
                            struct why *why);
/* The flush of the oldest has been put into a batch: it gives this. */
void store_take_flush(struct store *s, struct kv_batch *batch, const struct store_derived *derived);

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

/* Take a height among the two; false when it changes nothing. */
bool store_kept_add(struct store_kept *kept, uint64_t height);
void store_put_kept(struct kv_batch *batch, const struct store_kept *kept);
MUST_USE enum rc store_load_kept(struct kv_view *v, uint64_t flushed_height, uint64_t every,
                                 struct store_kept *out, struct why *why);
/* The height of the newest CHECKPOINT certificate; 0: there is none. */
MUST_USE enum rc store_load_checkpoint_height(struct kv_view *v, uint64_t *out, struct why *why);
/* Judges: any bytes may be handed in. */
MUST_USE enum rc store_decode_certificate(struct certificate *out, struct bytes value,
                                          enum cert_kind kind);
enum rc store_read_failed(struct why *why, enum rc rc, const char *what, uint64_t height);

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

/* The records of KV_META that most stores do not have; absent ones leave *out zero. */
MUST_USE enum rc store_load_history(struct kv_view *v, struct store_history *out, struct why *why);
MUST_USE enum rc store_load_intake(struct kv_view *v, struct store_intake *out, struct why *why);
void store_put_history(struct kv_batch *batch, const struct store_history *h);
/* How many entries KV_CHAIN has under a head of this height. */
uint64_t store_chain_count(const struct store_history *h, uint64_t head_height);
/* Is an entry of KV_CHAIN there? */
bool store_chain_has(const struct store *s, uint64_t height);
/* What history becomes when a snapshot is taken. */
struct store_rebase {
    uint64_t head_height;   /* of the blocks held */
    uint64_t proven_height; /* the state up to there was held against a certified root */
    uint64_t base_height;
    bool discards; /* all indexes go */
};
/* Whether there is room for the gaps, whatever turns out to be proven by the end: proven_height is
 * not looked at. */
MUST_USE bool store_history_has_room(const struct store_history *from,
                                     const struct store_rebase *to);
/* False: there would be more gaps than STORE_GAPS_MAX or, unless it discards, than
 * STORE_GAPS_BESIDE_MAX; one or two more where base_height is above the head. */
MUST_USE bool store_history_rebase(struct store_history *out, const struct store_history *from,
                                   const struct store_rebase *to);
/* What the store has of index i, where it is whole: as the records of one view say. */
uint64_t store_index_count(uint32_t i, const struct store_derived *d, const struct store_history *h,
                           const struct store_intake *intake);
/* The newest tree that is not of a version above the height. */
MUST_USE enum rc store_tree_at(struct store *s, uint64_t height, struct tree_ref *out);

/* Undo a block's transactions: its index entries to `undone`, and the state below it as far as it
 * differs from what the flushed state and the indexes say. undone is empty for the block that comes
 * next after what is durable, and is then handed on downward. *is_good is false, and nothing was
 * done, when a transaction's bytes are none.
 * Returns: RC_OK | RC_STORE_DAMAGED (the state does not go with the block) | RC_STORE_IO. */
MUST_USE enum rc store_undo_block(struct store *s, struct layer *undone, const struct block *block,
                                  bool *is_good);

/* A store_visit that passes on only names that the state has: what an intake adds to the index
 * comes before the state does. */
struct store_known {
    struct store *store;
    enum state_table table;
    store_visit *visit;
    void *context;
};
MUST_USE enum rc store_visit_known(void *context, struct bytes key);

/* Keys by height, into out; lends it. */
struct bytes store_height_key(uint8_t out[static 8], uint64_t height);
struct bytes store_block_key(uint8_t out[static 8 + DIGEST_BYTES], uint64_t height,
                             const struct digest *digest);

#endif
