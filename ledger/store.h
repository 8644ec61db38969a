/* The store: the chain and what is derived from it, over a kv.
 *
 * Durable at once, with each append: block, place in the chain, certificate. Derived, and flushed
 * together in bulk with its height: the state tree and the indexes. What was appended and not yet
 * flushed is a layer in memory; opening applies those blocks again. A flush comes at every
 * checkpoint height (so that the tree of each checkpoint exists), and earlier when the layer has
 * grown past layer_bytes_max. Trees of the last two checkpoint heights are kept.
 *
 * KV_META:
 *   "store"               -> format u32 | store_id 16 | chain_id 32 | replica key 32 |
 *                            replica_index u8 | checkpoint_every u64
 *   "genesis" piece be32  -> canonical genesis, in pieces of 1 MiB
 *   "head"                -> height u64 | digest 32 | counts u64 of KV_CERT, KV_CHECKPOINT
 *   "derived"             -> flushed_height u64 | tree version u64 | state root 32 |
 *                            counts u64 of KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY, KV_RECORD */
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
    STORE_LAYER_BYTES_MAX = 32 * 1024 * 1024    /* default of layer_bytes_max: see store_flush.c */
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
};

struct store;

/* Make a store in an empty kv: identity (store_id is drawn here unless it is non-zero), genesis,
 * and the initial state flushed as height 0.
 * Returns: RC_OK | RC_FILE_EXISTS (the kv holds a store) | as kv_commit(). */
MUST_USE enum rc store_create(struct kv *kv, const struct store_identity *identity,
                              struct bytes genesis_canonical, const struct initial_state *initial,
                              struct why *why);

/* Open: read the identity, check format and the counts of the indexes, apply the blocks above the
 * flushed height. Owns: takes nothing; kv must outlive the store.
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

/* The newest block, and its digest; the genesis header at height 0. */
const struct block_header *store_head(const struct store *s);
const struct digest *store_head_digest(const struct store *s);
uint64_t store_flushed_height(const struct store *s);
/* The flushed tree, whose version is at most the flushed height. */
struct tree_ref store_tree(const struct store *s);

/* The committed state, to put block layers on. Flushing invalidates values lent from it. A read
 * that fails makes the layer it was asked of fail, so ask through a layer of your own on top of it.
 */
struct layer *store_layer(struct store *s);

/* Append the next block: durable when this returns. layer holds its effects (from block_apply or
 * block_build) on store_layer(); it is merged and may be freed, once layers on top of it have been
 * given store_layer() as parent (layer_set_parent). certificate may be NULL
 * (an ancestor of a certified block). Flushes when due.
 * Requires: block follows the head, was judged and applied.
 * A flush that is due and failed for want of room (RC_STORE_FULL) leaves the block itself in, as
 * store_head() tells; no further block is taken until it succeeds.
 * Returns: as kv_commit(), and the reads of a flush. */
MUST_USE enum rc store_append(struct store *s, const struct block *block, struct layer *layer,
                              const struct certificate *certificate, struct why *why);
/* Keep a COMMIT certificate (by height), or a CHECKPOINT certificate. Durable when this returns. */
MUST_USE enum rc store_put_certificate(struct store *s, const struct certificate *c,
                                       struct why *why);
/* Flush now, whatever is due. */
MUST_USE enum rc store_flush(struct store *s, struct why *why);

/* ---- reading ---- */

/* A view of the last commit, renewed by every commit. Lends until then. */
struct kv_view *store_view(struct store *s);

/* The committed block at a height: fetched, decoded, and its digest held against the chain's.
 * Lends until the next commit. Height 0 is RC_NOT_FOUND.
 * Returns: RC_OK | RC_NOT_FOUND | RC_STORE_DAMAGED (words say what) | RC_STORE_IO. */
MUST_USE enum rc store_get_block(struct store *s, uint64_t height, struct block *out,
                                 struct why *why);
/* The certificate with the lowest height >= height. */
MUST_USE enum rc store_get_certificate(struct store *s, uint64_t height, struct certificate *out,
                                       struct why *why);
/* The newest CHECKPOINT certificate whose tree is kept, and that tree. */
MUST_USE enum rc store_get_checkpoint(struct store *s, struct certificate *out,
                                      struct tree_ref *tree, struct why *why);

/* Look up an index entry, in the layer or in the kv. With TREE_VERIFY an absence is reported only
 * after the whole table was walked, because a damaged page can hide keys (design 5,
 * store_confirm.c): RC_NOT_FOUND is then the truth. Absent certificates and names are confirmed in
 * the same way. */
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

#endif
