/* The store: the chain and what is derived from it, over a kv.
 *
 * Durable at once, with each append: block, place in the chain, certificate. Derived, and flushed
 * together in bulk with its height: the state tree and the indexes. What was appended and not yet
 * flushed is in layers in memory; opening applies those blocks again. A flush of its own comes at
 * every checkpoint height (so that the tree of each checkpoint exists), and earlier when the layer
 * has grown past layer_bytes_max. A flush that is due is set aside, and the next layer begun above
 * it. Trees of the last two checkpoint heights are kept: multiples of checkpoint_every_heights, and
 * those that store_stage_keep() named in between (a quiet checkpoint, PROTOCOL.md 8.1). Which two
 * they are is durable with the flush that makes them so, because dropping what only older trees
 * used goes by it; without the record they are the last two multiples, which are never newer. Where
 * the newest CHECKPOINT certificate is of an older height (genesis, without any), all trees from
 * that one on are kept: who has no state can take no other. That is what the states changed since,
 * over the L heights that a correct primary builds above it (5.1). Blocks that are proposed and not
 * committed stand beside the chain, above its head. A store that took its state from a snapshot has
 * more to tell: what of history is there (store_history.h), and how far taking it in is
 * (store_intake.h).
 *
 * KV_META:
 *   "store"               -> format u32 | store_id 16 | chain_id 32 | replica key 32 |
 *                            replica_index u8 | checkpoint_every u64
 *   "genesis" piece be32  -> canonical genesis, in pieces of 1 MiB
 *   "head"                -> height u64 | digest 32 | counts u64 of KV_CERT, KV_CHECKPOINT
 *   "derived"             -> flushed_height u64 | tree version u64 | state root 32 |
 *                            counts u64 of KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY, KV_RECORD
 *   "kept"                -> height u64 | height u64, ascending, of the trees kept; the first is 0
 *                            as long as there is one
 *   "history", "intake"   -> see store_history.h, store_intake.h; most stores have neither */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include "crypto/cert.h"
#include "ledger/block.h"

enum {
    STORE_FORMAT = 1,
    STORE_ID_BYTES = 16,
    STORE_INDEXES_COUNT = 5,
    STORE_GENESIS_BYTES_MAX = 32 * 1024 * 1024, /* the canonical form is shorter than the file */
    STORE_CHECKPOINT_EVERY_MAX = 4096,          /* K's upper bound */
    /* How far the flushed height may lie below the head: bounds what opening has to apply, and
     * hold, whoever wrote the store. One step of the agreement may commit its whole window, 2L <=
     * 32768 heights (PROTOCOL.md 8.3), before any of their flushes can be staged; as much again as
     * L is room for flushes that were due before, at least four of the largest interval. */
    STORE_BEHIND_HEIGHTS_MAX = 3 * 16384,
    /* Proposals stand in the window above the head, 2L, and at one height no more than PROTOCOL.md
     * 16 lets anybody keep: two of a view, and one that a certificate names. The audit holds a
     * store to both. */
    STORE_PROPOSAL_HEIGHTS_MAX = 2 * 16384,
    STORE_PROPOSALS_PER_HEIGHT_MAX = 3,
    STORE_LAYER_BYTES_MAX = 32 * 1024 * 1024 /* default of layer_bytes_max: see store_flush.c */
};

struct store_identity {
    uint8_t store_id[STORE_ID_BYTES];
    struct digest chain_id;
    struct public_key replica_key;
    uint32_t replica_index; /* MEMBERS_MAX for a store of no replica (an archive) */
    uint64_t checkpoint_every_heights;
};

struct store_options {
    enum tree_care care;      /* tools verify, nodes trust what has its checksum */
    uint64_t layer_bytes_max; /* 0 = STORE_LAYER_BYTES_MAX */
    /* For the audit, which recounts and reapplies everything itself and then names what is wrong:
     * stand on the recorded head without either. The layer stays empty, so only identity, genesis,
     * head height and digest, flushed height, tree and the view may be asked for. */
    bool as_recorded;
    /* For a node, which can take another state from its peers (PROTOCOL.md 8.2, 9.3), or a block:
     * where a block above the flushed height does not apply to the flushed state, or what it needs
     * of that is damaged, or the block itself (store_awaited_height()), open on the chain alone. */
    bool may_have_wrong_state;
};

struct store;

/* Make a store in an empty kv: identity (store_id is drawn here unless it is non-zero), genesis,
 * and the initial state flushed as height 0.
 * Returns: RC_OK | RC_FILE_EXISTS (the kv holds a store) | as kv_commit(). */
MUST_USE enum rc store_create(struct kv *kv, const struct store_identity *identity,
                              struct bytes genesis_canonical, const struct initial_state *initial,
                              struct why *why);

/* Open: read the identity, check format and the counts of the indexes, apply the blocks above the
 * flushed height. Nothing is written: flushes that became due there are set aside (see
 * store_flushes_due()). Owns: takes nothing; kv must outlive the store.
 * Returns: RC_OK | RC_NOT_A_STORE | RC_STORE_FORMAT | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc store_open(struct store **out, struct kv *kv, const struct store_options *options,
                            struct why *why);
/* Flushes nothing; what is durable is durable. */
void store_close(struct store *s);

/* The kv under it, for those who open views on other threads. Lends until store_close(). */
struct kv *store_kv(struct store *s);
const struct store_identity *store_identity(const struct store *s);
/* The canonical genesis bytes into out. */
MUST_USE enum rc store_genesis(struct store *s, struct buf *out, struct why *why);
/* Fails unless this store is of that chain (and, unless key is NULL, of that replica).
 * Returns: RC_OK | RC_GENESIS_MISMATCH | RC_REPLICA_MISMATCH, both values in the words. */
MUST_USE enum rc store_expect(const struct store *s, const struct digest *chain_id,
                              const struct public_key *replica_key, struct why *why);

/* There is a state, and it is right as far as is known: or neither it nor indexes can be read. */
bool store_can_read_state(const struct store *s);
/* 0, or: the store was opened on its chain alone, for the block of this height is damaged, and the
 * state of the head cannot be made without. Its digest stands in the chain: put back what
 * store_stage_body() takes, and open the store anew. With store_options.may_have_wrong_state. */
uint64_t store_awaited_height(const struct store *s);

/* The newest block, and its digest; the genesis header at height 0. Where that block itself cannot
 * be read (store_awaited_height(), or the state is wrong) its header is height and parent alone. */
const struct block_header *store_head(const struct store *s);
const struct digest *store_head_digest(const struct store *s);
/* Up to where state and indexes are durable. */
uint64_t store_flushed_height(const struct store *s);
/* The flushed tree, whose version is at most the flushed height. */
struct tree_ref store_tree(const struct store *s);

/* The committed state, to put block layers on; one object until the store is closed. Commits of the
 * store and store_on_durable() invalidate values lent from it. A read that fails makes the layer it
 * was asked of fail, so ask through a layer of your own on top of it. */
struct layer *store_layer(struct store *s);

/* Append the next block: durable when this returns. layer holds its effects (from block_apply or
 * block_build) on store_layer(); it is merged and may be freed, once layers on top of it have been
 * given store_layer() as parent (layer_set_parent). certificate may be NULL
 * (an ancestor of a certified block). Flushes when due, and first what is due since opening.
 * Requires: block follows the head, was judged and applied; no intake is under way.
 * A flush that is due and failed for want of room (RC_STORE_FULL) leaves the block itself in, as
 * store_head() tells; no further block is taken until it succeeds.
 * Returns: as kv_commit(), and the reads of a flush. */
MUST_USE enum rc store_append(struct store *s, const struct block *block, struct layer *layer,
                              const struct certificate *certificate, struct why *why);
/* Keep a COMMIT certificate (by height), or a CHECKPOINT certificate. Durable when this returns. */
MUST_USE enum rc store_put_certificate(struct store *s, const struct certificate *c,
                                       struct why *why);
/* Flush now: what is due, oldest first, and what is not due yet. */
MUST_USE enum rc store_flush(struct store *s, struct why *why);

/* ---- appending through somebody else's batch ----
 *
 * For a node: its votes and its blocks go to the disk together (PROTOCOL.md 4), and it goes on
 * working meanwhile. What is staged is in store_head(), store_layer() and the indexes at once; what
 * is read by height (store_get_block(), store_get_certificate()) is there once store_on_durable()
 * was told. Batches are made durable whole and in the order in which they were filled, by
 * kv_commit() on any thread; after a failed one the store can only be closed. While anything is
 * staged and not durable the functions above that commit by themselves must not be called. */

/* Stage a block that is proposed and not committed: kept beside the chain in KV_BLOCK, above the
 * head. Requires: its body was judged; its height is above the head's, by at most
 * STORE_PROPOSAL_HEIGHTS_MAX. (More than STORE_PROPOSALS_PER_HEIGHT_MAX at one height, or one left
 * behind when another block was committed there, and the audit refuses the store.) */
void store_stage_proposal(struct store *s, struct kv_batch *batch, const struct block *block);
/* Stage that a proposal goes: another block was committed at its height. */
void store_stage_proposal_drop(struct kv_batch *batch, uint64_t height,
                               const struct digest *digest);
/* Stage the next block; arguments and requirements as for store_append(). is_proposal: it was
 * staged as one, and its bytes are not written again. When a flush becomes due here (checkpoint
 * height, layer's limit) what it has to write is set aside in memory, and appending goes on above
 * it. Requires: store_flushed_height() is at most STORE_BEHIND_HEIGHTS_MAX below the block. */
void store_stage_append(struct store *s, struct kv_batch *batch, const struct block *block,
                        struct layer *layer, const struct certificate *certificate,
                        bool is_proposal);
/* Flushes set aside and not yet durable; each makes reading slower by one look. The caller keeps
 * this small by not appending on and on; opening takes a store that is behind by
 * STORE_BEHIND_HEIGHTS_MAX. */
uint32_t store_flushes_due(const struct store *s);

/* A flush in three steps, because the one in the middle takes long (design 2, 3): begin it here,
 * compute it on any thread, stage here what came of it. Blocks are appended and batches made
 * durable meanwhile. One at a time, oldest first: each grows from the tree of the one before. */
struct store_flush_job;
/* One is due, none is under way, and the one before is durable. */
bool store_flush_is_due(const struct store *s);
/* NULL unless store_flush_is_due(). Owns: borrows the store, which is not closed before the job
 * ended: by store_stage_flush() or store_flush_abandon(). */
struct store_flush_job *store_flush_begin(struct store *s);
/* On any thread, once: opens a view of its own, and writes to nothing but the job. */
void store_flush_compute(struct store_flush_job *job);
/* Put what it made into the batch, which has the blocks up to its height in it or behind it.
 * Requires: it was computed; it is the store's. Owns: takes job.
 * Returns: RC_OK | what computing met: RC_STORE_DAMAGED | RC_STORE_IO. On an error the batch is as
 * it was, and the flush is due again. */
MUST_USE enum rc store_stage_flush(struct store *s, struct kv_batch *batch,
                                   struct store_flush_job *job, struct why *why);
/* Nobody may be computing it. NULL is fine. Owns: takes job. */
void store_flush_abandon(struct store_flush_job *job);

/* The heights of the two newest checkpoints whose trees are kept, ascending; 0: none. */
struct store_kept {
    uint64_t heights[2];
};
/* As the last durable batch left them. */
const struct store_kept *store_kept(const struct store *s);
/* Have the tree of this height kept as one of the two newest: a quiet checkpoint's (8.1). If it is
 * the head's, a flush of it is set aside, out of turn; it is among store_kept() once that, or this
 * batch, is durable. No effect when the height is neither the head's nor set aside nor the last one
 * flushed: its tree never existed, or may be dropped already. */
void store_stage_keep(struct store *s, struct kv_batch *batch, uint64_t height);
/* Stage a CHECKPOINT certificate. Nothing happens when one of a greater height is kept here: that
 * one cannot be read (store_get_stable()). Requires: it was judged; its height is not above the
 * head's. */
void store_stage_checkpoint(struct store *s, struct kv_batch *batch, const struct certificate *c);

/* What the batches filled so far will make durable: take it when one is closed, */
struct store_mark {
    uint64_t height;
    uint64_t flushed_height;
    uint64_t checkpoint_height;
    struct store_kept kept;
};
struct store_mark store_mark(const struct store *s);
/* and give it back, each in its turn, when that one is durable; later ones may be by then. Renews
 * the view, and ends what was lent from store_layer(). Returns: RC_OK | RC_STORE_IO. */
MUST_USE enum rc store_on_durable(struct store *s, const struct store_mark *mark, struct why *why);

/* Visit the durable proposals above the head, ascending by height then digest. block lends until
 * visit returns. visit returns RC_OK to go on. damaged (NULL: that ends it) is told of those whose
 * bytes fail their checksum: what they are called stands in their key, and the body can be had from
 * others (pitfalls D5).
 * Returns: RC_OK | as visit | RC_STORE_DAMAGED (also for a proposal that does not give its key) |
 * RC_STORE_IO. */
typedef enum rc store_visit_block(void *context, const struct block *block);
typedef void store_visit_damaged(void *context, uint64_t height, const struct digest *digest);
MUST_USE enum rc store_proposals(struct store *s, store_visit_block *visit,
                                 store_visit_damaged *damaged, void *context, struct why *why);

/* ---- reading ---- */

/* A view of the last commit, renewed by every commit. Lends until then. */
struct kv_view *store_view(struct store *s);

/* The name of the committed block at a height. Height 0, what is above the head and what is not in
 * history yet (store_history_has()) are RC_NOT_FOUND, here and below. Returns: RC_OK | RC_NOT_FOUND
 * | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc store_get_digest(struct store *s, uint64_t height, struct digest *out,
                                  struct why *why);
/* The committed block at a height: fetched, decoded, and its digest held against the chain's.
 * Lends until the next commit. Height 0 is RC_NOT_FOUND.
 * Returns: RC_OK | RC_NOT_FOUND | RC_STORE_DAMAGED (words say what) | RC_STORE_IO. */
MUST_USE enum rc store_get_block(struct store *s, uint64_t height, struct block *out,
                                 struct why *why);
/* The durable body of a block, committed or proposed, by its name; as it was staged, not judged
 * again. Lends until the next commit. Returns: RC_OK | RC_NOT_FOUND | RC_STORE_DAMAGED |
 * RC_STORE_IO. */
MUST_USE enum rc store_get_body(struct store *s, uint64_t height, const struct digest *digest,
                                struct bytes *whole, struct why *why);
/* Stage the body of the committed block at this height anew, because it is damaged here (pitfalls
 * D5): nothing but the bytes that its digest names is taken. It is there once the batch is durable.
 * Returns: RC_OK | RC_INVALID (not that block's; nothing was staged) | as store_get_digest(). */
MUST_USE enum rc store_stage_body(struct store *s, struct kv_batch *batch,
                                  const struct block *block, struct why *why);
/* The certificate with the lowest height >= height. */
MUST_USE enum rc store_get_certificate(struct store *s, uint64_t height, struct certificate *out,
                                       struct why *why);
/* The newest CHECKPOINT certificate up to the flushed height whose tree is here, and that tree. */
MUST_USE enum rc store_get_checkpoint(struct store *s, struct certificate *out,
                                      struct tree_ref *tree, struct why *why);
/* The newest CHECKPOINT certificate below a height, whether its tree is kept or not; as it was put,
 * not judged again. Returns: RC_OK | RC_NOT_FOUND | RC_STORE_DAMAGED: only the height in *out is
 * set, 0 when the table itself is damaged | RC_STORE_IO. */
MUST_USE enum rc store_get_stable(struct store *s, uint64_t below, struct certificate *out,
                                  struct why *why);
/* The state root of a height. Requires: it is one of store_kept().
 * Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc store_get_root(struct store *s, uint64_t height, struct digest *out,
                                struct why *why);

/* Look up an index entry, in the layer or in the kv. With TREE_VERIFY an absence is reported only
 * after the whole table was walked, because a damaged page can hide keys (design 5,
 * store_confirm.c): RC_NOT_FOUND is then the truth, of all from store_history_from_height() on.
 * Absent certificates and names are confirmed in the same way. */
MUST_USE enum rc store_get_index(struct store *s, enum kv_table table, struct bytes key,
                                 struct bytes *value, struct why *why);
/* Where a transaction stands. Returns: as store_get_index(). */
MUST_USE enum rc store_get_place(struct store *s, const struct digest *txid, struct place *out,
                                 struct why *why);
/* The transaction at a place. Lends until the next commit. */
MUST_USE enum rc store_get_tx(struct store *s, const struct place *place, struct tx *out,
                              struct block *block, struct why *why);

/* Walk an index table: order, checksums, and the count kept in "derived". With TREE_VERIFY only. */
MUST_USE enum rc store_confirm_index(struct store *s, enum kv_table table, struct why *why);

/* List state entries in order of key: those of the flushed index of names, and those in the layer.
 * prefix limits to keys that start so. visit returns RC_OK to go on. */
typedef enum rc store_visit(void *context, struct bytes key);
MUST_USE enum rc store_list(struct store *s, enum state_table table, struct bytes prefix,
                            store_visit *visit, void *context, struct why *why);
/* The same, only those behind `after` (empty: all), which need not be there: for pages. Requires:
 * prefix and after are at most STATE_KEY_BYTES_MAX long. */
MUST_USE enum rc store_list_after(struct store *s, enum state_table table, struct bytes prefix,
                                  struct bytes after, store_visit *visit, void *context,
                                  struct why *why);

#endif
