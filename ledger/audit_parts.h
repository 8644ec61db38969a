/* The parts of the audit, for its own files only.
 *
 *   audit_height.c     one height: read, hash, decode, verify (pure, on any thread)
 *   audit_fault.c      faults, and words for them
 *   audit_pool.c       many heights at once: worker threads and a bounded window
 *   audit_map.c        the replayed state's entries, found at once
 *   audit_replay.c     the state, made anew from the genesis in memory
 *   audit_state.c      the store's roots and state tree against the replayed ones
 *   audit_index.c      the store's indexes against the replayed ones
 *   audit_tables.c     what stands in the store and belongs to nothing
 *   audit_proposals.c  blocks above the head
 *   audit_kept.c       the trees that are kept, and the list of nodes to drop
 *   audit_history.c    a store whose history is not whole: where to begin, and what is not there
 *   audit_compare.c    two stores against each other
 *   audit.c            the conductor, in the order of heights, and the report
 *
 * Judging the store goes through faults, not through result codes: a fault says at which height and
 * in which field, and the first one in the chain's order ends the audit. */
#ifndef LEDGER_AUDIT_PARTS_H
#define LEDGER_AUDIT_PARTS_H

#include <stdatomic.h>

#include "ledger/audit.h"

/* ---- faults ---- */

struct audit_fault {
    enum rc rc; /* RC_OK = nothing is wrong; RC_PROOF | RC_STORE_DAMAGED | RC_STORE_IO | ... */
    uint64_t height;
    char field[WHY_BYTES];
};
/* Set the fault, unless there is one already: the first one counts. Always returns false, so that
 * `return audit_fault_set(...)` reads well in functions that say whether all is well. */
bool audit_fault_set(struct audit_fault *f, enum rc rc, uint64_t height, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for a read of a table that did not succeed; RC_NOT_FOUND becomes RC_PROOF. */
bool audit_fault_read(struct audit_fault *f, enum rc rc, uint64_t height, enum kv_table table);

/* A key for people: hex, cut where it is long. */
enum { AUDIT_KEY_TEXT_BYTES = 2 * 48 + 4 };
const char *audit_key_text(char out[static AUDIT_KEY_TEXT_BYTES], struct bytes key);

/* Called often; false = somebody wants the audit to end. */
struct audit_tick {
    bool (*ask)(void *context);
    void *context;
};
bool audit_tick_ask(const struct audit_tick *t);

/* ---- what is audited ---- */

/* Constant while the audit runs; read by all threads. */
struct audit_subject {
    struct kv *kv;
    struct digest chain_id;
    const struct member_table *members;
    const struct initial_state *initial;
    struct block_rules block_rules;
    uint64_t checkpoint_every_heights;
    uint64_t head_height;
    struct digest head_digest;
    uint64_t flushed_height;
    struct store_kept kept;  /* heights whose trees the store keeps */
    struct tree_ref tree;    /* at flushed_height */
    uint64_t covered_height; /* where the highest COMMIT certificate stands, good or not */
    /* Of a store that took a snapshot; else all zero (audit_history.c). */
    uint64_t base_height;
    struct block_header base;
    struct digest base_digest;
    uint32_t gaps_count;
    struct store_gap gaps[STORE_GAPS_MAX];
    uint64_t start_height;      /* replaying starts from the state at this height; 0 = genesis */
    struct tree_ref start_tree; /* unless it is 0 */
    struct digest start_digest; /* of the block there, as its quorum says */
};

/* ---- history that is not whole ---- */

/* Fill in base and gaps. */
void audit_history_load(struct audit_subject *subject, const struct store *s);
/* The gap that a height is in, or NULL. */
const struct store_gap *audit_gap_at(const struct audit_subject *subject, uint64_t height);
/* The block is not there, and need not be. */
bool audit_is_missing(const struct audit_subject *subject, uint64_t height);
/* Verify the certificate of the snapshot, whose block may be missing; and, if there are gaps, find
 * the certified tree to start from. */
bool audit_history_find_start(struct audit_subject *subject, struct kv_view *v,
                              uint64_t *signatures_count, struct audit_fault *f);
/* Nothing stands in the tables by height where blocks are missing. */
bool audit_history_judge_gaps(const struct audit_subject *subject, struct kv_view *v,
                              struct audit_fault *f);

/* ---- one height ---- */

struct audit_height {
    uint64_t height;
    struct block block; /* lends from the worker's view */
    struct tx *txs;     /* block.header.tx_count of them, decoded and verified; kept for reuse */
    size_t txs_room;
    bool is_missing; /* nothing was read: audit_is_missing() */
    bool has_commit;
    bool has_checkpoint;
    struct digest checkpoint_root; /* what the CHECKPOINT certificate says */
    uint64_t signatures_count;
    struct audit_fault broken; /* there is no block here of the digest that the chain names */
    struct audit_fault wrong;  /* the block is there; the header's link is judged before this */
};
/* Fill in everything from the store. stop is asked now and then; when it is set, the result is
 * worthless. Requires: out->txs and out->txs_room are of an earlier call, or zero. */
void audit_height_read(struct audit_height *out, const struct audit_subject *subject,
                       struct kv_view *v, uint64_t height, const atomic_bool *stop);
void audit_height_close(struct audit_height *h);

/* ---- many heights ---- */

struct audit_pool;
/* Start reading from height 1 on. Owns: borrows subject until audit_pool_stop().
 * Returns: RC_OK | as kv_view_open() | RC_INVALID (no thread could be started). */
MUST_USE enum rc audit_pool_start(struct audit_pool **out, const struct audit_subject *subject,
                                  uint32_t threads_count, struct why *why);
/* How many run. */
uint32_t audit_pool_threads_count(const struct audit_pool *p);
/* Wait for the next height in order, at most `wait_ms`: NULL when it is not ready then. Lends until
 * audit_pool_release(), which must come before the next height is taken. */
struct audit_height *audit_pool_take(struct audit_pool *p, uint64_t wait_ms);
void audit_pool_release(struct audit_pool *p);
/* Ends the threads wherever they are. NULL is fine. */
void audit_pool_stop(struct audit_pool *p);

/* ---- the replayed state ---- */

/* All entries of the state in a hash table. Applying reads from here: a walk down a tree for each
 * read would cost half as much as verifying the signature. */
struct audit_map;
struct audit_map *audit_map_new(void);
void audit_map_free(struct audit_map *m);
/* Lends *value until the entry is put again. False = there is none. */
bool audit_map_get(const struct audit_map *m, uint8_t table, struct bytes key, struct bytes *value);
/* Owns: copies. Requires: sizes within the maxima of state_tree.h. */
void audit_map_put(struct audit_map *m, uint8_t table, struct bytes key, struct bytes value);
/* What was put since the last audit_map_settle(). The caller mem_free()s it; keys and values are
 * lent until the next put. */
struct tree_change *audit_map_changes(const struct audit_map *m, size_t *count);
void audit_map_settle(struct audit_map *m);

struct audit_replay;
/* Make the state of the genesis; its effects are in the layer, as those of a height. */
struct audit_replay *audit_replay_new(const struct initial_state *initial);
/* The same from a tree of the store, walked and verified, as that of its height; the layer is
 * empty. NULL with *f set when it cannot be read. */
struct audit_replay *audit_replay_new_from(struct kv_view *v, const struct audit_subject *subject,
                                           const struct audit_tick *tick, struct audit_fault *f);
void audit_replay_free(struct audit_replay *r);
/* Apply all transactions of a height that audit_height_read() found good. */
bool audit_replay_apply(struct audit_replay *r, const struct audit_height *h,
                        struct audit_fault *f);
/* The layer: what the last height did, state and index entries, until it is absorbed. */
struct layer *audit_replay_layer(struct audit_replay *r);
/* Take the state entries of the layer into the map, and clear it. */
void audit_replay_absorb(struct audit_replay *r);
/* Put what changed in the map into the tree in memory, as version `height`. */
bool audit_replay_flush(struct audit_replay *r, uint64_t height, struct audit_fault *f);
/* The tree as it was last flushed, for reading until the next flush. */
const struct tree_ref *audit_replay_tree(const struct audit_replay *r);
struct kv_view *audit_replay_view(struct audit_replay *r);

/* ---- the conductor's own reading, on the calling thread ---- */

/* A walk along KV_ROOT beside the heights. */
struct audit_roots {
    const struct audit_subject *subject;
    struct kv_cursor *cursor;
    enum rc rc; /* of the entry at hand: RC_NOT_FOUND = no more */
    struct bytes key;
    struct bytes value;
    struct digest newest; /* of the entries passed */
    uint64_t newest_version;
};
MUST_USE enum rc audit_roots_open(struct audit_roots *r, const struct audit_subject *subject,
                                  struct kv_view *v);
void audit_roots_close(struct audit_roots *r);
/* A height whose root the store must keep: a checkpoint's, a kept or the flushed one. Roots of
 * other heights, left by flushes in between, prove nothing to anybody and are not recomputed. */
bool audit_roots_is_due(const struct audit_roots *r, uint64_t height);
/* Pass the entries up to this height, which must be roots. */
bool audit_roots_pass(struct audit_roots *r, uint64_t height, struct audit_fault *f);
/* Hold the newest root passed against the recomputed one; what differs is named where the tree is
 * there still (v). Requires: audit_roots_is_due(). */
bool audit_roots_judge(const struct audit_roots *r, uint64_t height, struct kv_view *v,
                       struct audit_replay *replay, struct audit_fault *f);

/* After the head: there is no more. */
bool audit_roots_judge_end(struct audit_roots *r, struct audit_fault *f);

/* Compare the store's tree with the replayed one, which has entries_count entries, entry by entry,
 * both at the flushed height. */
bool audit_state_judge(const struct audit_subject *subject, struct kv_view *v,
                       struct audit_replay *replay, const struct audit_tick *tick,
                       uint64_t entries_count, struct audit_fault *f);
/* Per asset, the balances add up to the supply. *entries_count = all entries of the state. */
bool audit_money_judge(struct audit_replay *replay, uint64_t height, const struct audit_tick *tick,
                       uint64_t *entries_count, struct audit_fault *f);

/* How many entries of each index table were found as they must be. */
struct audit_index {
    uint64_t count[KV_TABLE_COUNT];
};
/* Compare the layer's index entries, which are all of this height, with the store's. */
bool audit_index_judge(struct audit_index *index, struct kv_view *v, const struct layer *l,
                       uint64_t height, struct audit_fault *f);
/* The same for a block below the start, as far as its bytes alone tell: the places of transactions
 * by id and by nonce; histories and records are counted. */
bool audit_index_judge_below(struct audit_index *index, struct kv_view *v,
                             const struct audit_height *h, struct audit_fault *f);
/* There is a name for each entry of the tree at the start. */
bool audit_index_judge_names(struct audit_index *index, struct kv_view *v,
                             const struct audit_subject *subject, const struct audit_tick *tick,
                             struct audit_fault *f);
/* At the flushed height: the index tables hold nothing else. */
bool audit_index_judge_counts(const struct audit_index *index, const struct audit_subject *subject,
                              struct kv_view *v, struct audit_replay *replay,
                              const struct audit_tick *tick, struct audit_fault *f);

/* The stored genesis is the chain's, and no table by height begins before height 1. */
bool audit_tables_judge_start(struct store *s, struct kv_view *v, struct audit_fault *f);
/* No table by height goes on beyond the head but for proposals, KV_META has no keys but the
 * store's, and all that was not asked for by its key can be read. */
bool audit_tables_judge_end(const struct audit_subject *subject, struct kv_view *v,
                            const struct audit_tick *tick, struct audit_fault *f);

/* What stands in KV_BLOCK above the head, and up to this height, are proposals: the block of the
 * key, and not more of them, nor higher, than a node may keep. */
bool audit_proposals_judge(const struct audit_subject *subject, struct kv_view *v, uint64_t last,
                           const struct audit_tick *tick, struct audit_fault *f);

/* The trees that the store keeps beside the flushed one are whole, and the list of stale nodes
 * names none that a kept tree needs. Requires: all roots were judged. */
bool audit_kept_judge(struct store *s, const struct audit_subject *subject, struct kv_view *v,
                      const struct audit_tick *tick, struct audit_fault *f);

#endif
