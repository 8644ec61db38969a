/* History that is not all there: a store that took its state from a snapshot begins at the
 * snapshot's height, and takes the blocks below it afterwards, downward (PROTOCOL.md 9.3,
 * back-fill).
 *
 * What is there: the blocks that the store held before the snapshot, which stay, with their
 * indexes; and everything from the height store_history_from_height() up. In between are gaps: of
 * blocks that are missing; or (where the state was not to be believed, and indexes went with it)
 * of blocks whose index entries are missing; or of blocks whose index entries were made on a state
 * that no certified root was ever held against, because the store was too far behind to meet the
 * next one: a state that had rotted would have left wrong ones, so they are compared with what
 * undoing gives, and where one differs the store is damaged. Back-filling takes the heights of the
 * highest gap one by one, from above. Each block must have the digest that the block above it names
 * as its parent, up to the one that the checkpoint's quorum signed: so nothing in it is believed,
 * and no client signature has to be verified. Its index entries are made by undoing it: how many
 * entries a balance's history or a record has at a height follows from the state above it
 * (place.h).
 *
 * While history is not whole, what is looked up and not found below that height may exist: whoever
 * answers says "history from height X" (store_history_from_height()) beside RC_NOT_FOUND.
 *
 * KV_META:
 *   "history" -> header of the snapshot's block 131 | digest 32 of the next block to take |
 *                counts u64 of what back-filling put into KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY,
 *                KV_RECORD, beyond those in "derived" | gaps_count u32 |
 *                per gap, ascending: from u64 | to u64 | kind u8 (store_gap_kind)
 * There is none in a store that never took a snapshot. KV_CHAIN has an entry for each height that
 * is no gap of missing blocks, and one for the snapshot's own height in any case. */
#ifndef LEDGER_STORE_HISTORY_H
#define LEDGER_STORE_HISTORY_H

#include "ledger/store.h"

enum {
    /* Each snapshot taken before the back-fill of the one before was done adds two gaps, or, if it
     * discards the state, doubles them. Nobody gets there who ever lets it finish; who does takes
     * blocks instead of another state, */
    STORE_GAPS_BESIDE_MAX = 64,
    /* but one that has diverged has no other way, and fills no gap before: so it has room for twice
     * as many, and then for 60 more that it takes before one gap is filled. */
    STORE_GAPS_MAX = 256,
    /* In one batch. Some 16 MiB of bodies and, with the indexes of their operations, far below
     * LMDB's limit of dirty pages in one transaction (pitfalls J4). */
    STORE_BACKFILL_BLOCKS_MAX = 16
};

/* From this height on there is everything, up to the head: blocks and, up to the flushed height and
 * in the layer, their index entries. 1 = history is whole. One above the head right after a
 * snapshot. As of the last durable batch. */
uint64_t store_history_from_height(const struct store *s);
/* Is the block at this height there (as of the last durable batch)? False for height 0 and above
 * the head. A height that is neither there nor above the head is "not in history yet". */
bool store_history_has(const struct store *s, uint64_t height);

/* What is missing at heights: their blocks; or, where these are held, their index entries; or only
 * what proves the entries that are there. */
enum store_gap_kind {
    STORE_GAP_BLOCKS,
    STORE_GAP_INDEXES,
    STORE_GAP_UNPROVEN,
    STORE_GAP_KIND_COUNT
};
struct store_gap {
    uint64_t from, to;
    enum store_gap_kind kind;
};
/* The gaps, ascending and apart (or of several kinds). Returns how many. As of the last durable
 * batch.
 */
uint32_t store_history_gaps(const struct store *s, struct store_gap out[static STORE_GAPS_MAX]);
/* The header of the block at the height of the newest snapshot that this store took. False: it
 * never took one. */
bool store_snapshot_header(const struct store *s, struct block_header *out);

/* ---- back-filling ---- */

/* The block that comes next, with what is staged. */
struct backfill_next {
    bool is_whole; /* there is none */
    bool is_held;  /* the store has its body: nobody need be asked */
    /* The batch is full: what is staged has to become durable first. */
    bool is_batch_full;
    uint64_t height;
    struct digest digest; /* of the block */
    /* How many heights from there down are of the same kind: to ask for a range. */
    uint64_t heights_count;
    /* Work so far in this batch: entries of state and indexes that were undone. */
    uint64_t changes_count;
};
struct backfill_next store_backfill_next(const struct store *s);

/* Why a peer's block is refused, or one that is held cannot be gone on with. */
#define BACKFILL_FAULT_LIST(X)                                                                     \
    X(BACKFILL_OK, "ok", "ok")                                                                     \
    X(BACKFILL_NOT_NEXT, "backfill_not_next", "the block is not the one that comes next")          \
    X(BACKFILL_WRONG_BLOCK, "backfill_wrong_block",                                                \
      "the block does not have the digest that the one above it names")                            \
    X(BACKFILL_WRONG_BODY, "backfill_wrong_body",                                                  \
      "the transactions are not those of the block's header")                                      \
    X(BACKFILL_BAD_TX, "backfill_bad_tx", "a transaction in it is none")                           \
    X(BACKFILL_HELD_DAMAGED, "backfill_held_damaged", "a block that is held here is damaged")

enum backfill_fault {
#define X(fault, word, text) fault,
    BACKFILL_FAULT_LIST(X)
#undef X
        BACKFILL_FAULT_COUNT
};
const char *backfill_fault_word(enum backfill_fault f);
const char *backfill_fault_text(enum backfill_fault f);

/* Stage the block that comes next, as block_decode() gives it, with its index entries; or, where
 * the store holds its body (block and certificate NULL), the index entries alone. certificate: a
 * COMMIT certificate of this very block, verified by the caller, or NULL; receipts need one within
 * 1024 heights above a transaction.
 * May be called up to STORE_BACKFILL_BLOCKS_MAX times for one batch, until store_backfill_next()
 * says that it is full, which it also is where a gap ends; then that batch has to become durable,
 * and store_on_backfill() be told, before another is begun. Appending and flushing go on beside it.
 * Requires: neither whole nor is_batch_full; no intake is under way.
 * Returns: RC_OK; *fault is why the block is refused, and nothing was staged, unless BACKFILL_OK.
 * BACKFILL_HELD_DAMAGED: the bytes of store_backfill_damaged_height(), which is held and needed,
 * are damaged, as why says: it can go on when store_stage_body() has put them in their place |
 * RC_STORE_DAMAGED (BACKFILL_OK: this store's state or indexes do not go with the block, or cannot
 * be read, or its unproven entries were made on another state; else its own older blocks disagree
 * with the certified chain) | RC_STORE_IO; after an
 * error the batch is useless. */
MUST_USE enum rc store_stage_backfill(struct store *s, struct kv_batch *batch,
                                      enum backfill_fault *fault, const struct block *block,
                                      const struct certificate *certificate, struct why *why);
/* The height that the last BACKFILL_HELD_DAMAGED was said of. */
uint64_t store_backfill_damaged_height(const struct store *s);
/* The batch is durable. Renews the view, and ends what was lent from store_layer().
 * Returns: RC_OK | RC_STORE_IO. */
MUST_USE enum rc store_on_backfill(struct store *s, struct why *why);

/* ---- what is left of the state before the snapshot ---- */

/* Add deletions of at most `keys_max` nodes, roots and stale entries of trees older than the
 * snapshot's. *swept = how many: 0 means that there are none (as of the last durable batch), which
 * costs three looks. Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO; then the batch is useless. */
MUST_USE enum rc store_stage_sweep(struct store *s, struct kv_batch *batch, size_t keys_max,
                                   size_t *swept, struct why *why);

#endif
