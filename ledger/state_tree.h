/* The state tree: all of the ledger's state, authenticated and versioned.
 *
 * It is a 16-ary Merkle radix tree over H(table | key). An inner node has up to 16 children, one
 * per nibble; an entry sits as a leaf in the shallowest node where no other entry shares its
 * prefix. Leaves live inside the node above them, with table, key and value in full, so the tree is
 * the state's only copy: there is no second table of balances that could differ from it.
 *
 *   key_hash  = H(TAG_STATE_KEY, table u8 | key)
 *   leaf hash = H(TAG_STATE_LEAF, key_hash | value)
 *   node hash = H(TAG_STATE_NODE, children bitmap u16 | hash of each child present, ascending)
 *   state root = hash of the node at the empty path, which is a node even with one leaf or none
 *
 * Nodes are immutable. An update at version v (a height) writes new nodes under v and leaves the
 * old ones in place; an inner child is referred to by (version, hash). Hence
 *   - a crash in the middle leaves the old version whole;
 *   - a reader of an old version (a checkpoint being proven or sent) needs no long LMDB reader;
 *   - a key of the store has one value for ever, so a damaged page can hide a node, or fail its
 *     checksum, but never show an older balance (design 5, pitfalls J2);
 *   - "not there" is always said by a node that is there: no key vanishes silently.
 * What an update replaced is listed in KV_STALE under the version that replaced it, and dropped
 * once no kept version needs it.
 *
 * Store layout: KV_TREE, key = version be64 | depth u8 | path nibbles, two a byte, high first, an
 * odd last nibble in the high half with 0 below; value = children u16 | leaves u16 (a subset) | for
 * each child ascending: inner: version u64 | hash 32; leaf: table u8 | key_bytes u16 | key |
 * value_bytes u16 | value. KV_STALE: key = version be64 that replaced it | node key, value empty.
 */
#ifndef LEDGER_STATE_TREE_H
#define LEDGER_STATE_TREE_H

#include "crypto/digest.h"
#include "ledger/kv.h"

/* What the state is made of; the number is hashed, so it is part of the protocol. */
enum state_table {
    STATE_PARTICIPANT = 1,
    STATE_KEY = 2,
    STATE_ASSET = 3,
    STATE_BALANCE = 4,
    STATE_RECORD = 5,
    STATE_TABLE_END
};

enum {
    STATE_KEY_BYTES_MAX = 256,   /* a record's (participant, topic, key) is the longest: 227 */
    STATE_VALUE_BYTES_MAX = 512, /* a participant with 8 keys is the longest: about 270 */
    TREE_DEPTH_MAX = 64,         /* nibbles in a digest */
    TREE_PROOF_BYTES_MAX =
        1 + TREE_DEPTH_MAX * (2 + 15 * DIGEST_BYTES) + 1 + DIGEST_BYTES + 4 + STATE_VALUE_BYTES_MAX
};

/* One version of the tree: where its top node stands, and its hash. */
struct tree_ref {
    uint64_t version;
    struct digest root;
};

/* The root of the tree without entries (nothing stored). */
void tree_empty_root(struct digest *out);

/* TREE_TRUST takes nodes as the store gives them (each has its checksum); TREE_VERIFY also
 * hashes every node on the way against its parent, up from ref->root, and so believes nothing. */
enum tree_care { TREE_TRUST, TREE_VERIFY };

/* Get one entry. Lends *value until the view is closed.
 * Returns: RC_OK | RC_NOT_FOUND (said by a node) | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc tree_get(struct kv_view *v, const struct tree_ref *ref, enum tree_care care,
                          uint8_t table, struct bytes key, struct bytes *value);

/* One entry that was set. key_hash is filled in by tree_update(). */
struct tree_change {
    uint8_t table;
    struct bytes key;
    struct bytes value;
    struct digest key_hash;
};

/* Set entries, making version `version` out of `from`. Adds the new nodes, the list of stale ones
 * and the entry of KV_ROOT (version be64 -> root) to batch; reads through v, which must show
 * `from`. Where the values set are those that are there, nodes stay; when that is everywhere, or
 * there are no changes, nothing is added and *out = *from. Sorts changes; keys must be distinct.
 * from == NULL starts with the empty tree and always writes a top node. Trusts the nodes it reads.
 * Requires: version > from->version, tables known, sizes within the maxima. Owns: borrows all.
 * Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO; on error batch is spoilt and must be cleared. */
MUST_USE enum rc tree_update(struct tree_ref *out, struct kv_batch *batch, struct kv_view *v,
                             const struct tree_ref *from, uint64_t version,
                             struct tree_change *changes, size_t changes_count);

/* Add deletions of at most `nodes_max` nodes (and their KV_STALE entries) that only versions below
 * `oldest_kept` used. *dropped = how many; less than nodes_max means that there are no more.
 * The roots in KV_ROOT stay. Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO; on error batch is
 * spoilt and must be cleared. */
MUST_USE enum rc tree_drop_stale(struct kv_batch *batch, struct kv_view *v, uint64_t oldest_kept,
                                 size_t nodes_max, size_t *dropped);

/* Walk all entries in order of key_hash, verifying every hash from the root down.
 * visit returns RC_OK to go on; any other code ends the walk and is returned (why is then visit's
 * own affair). Returns: RC_OK | visit's | RC_STORE_DAMAGED, with the node's path in why |
 * RC_STORE_IO. */
typedef enum rc tree_visit(void *context, const struct digest *key_hash, uint8_t table,
                           struct bytes key, struct bytes value);
MUST_USE enum rc tree_walk(struct kv_view *v, const struct tree_ref *ref, tree_visit *visit,
                           void *context, struct why *why);

/* The first entry, in order of key_hash, in which two trees differ; subtrees of equal hash are not
 * entered, all other nodes are verified up to the roots given. RC_OK with found = false means that
 * the trees are equal. A side that lacks the entry has its value empty. Lends key and values until
 * the views are closed. Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO. */
struct tree_difference {
    bool found;
    uint8_t table;
    struct bytes key;
    bool ours_has, theirs_has;
    struct bytes ours, theirs;
};
MUST_USE enum rc tree_compare(struct tree_difference *out, struct kv_view *ours_view,
                              const struct tree_ref *ours, struct kv_view *theirs_view,
                              const struct tree_ref *theirs);

/* ---- proofs ----
 * Encoding: levels_count u8 (1..64) | per level from the top: children bitmap u16 | hashes of the
 * children present but the one on the path, ascending | end u8:
 *   0 nothing there: the path's bit is not set in the last level
 *   1 present: value_bytes u32 | value
 *   2 another entry stands there: key_hash 32 | value_bytes u32 | value */
enum tree_end { TREE_END_EMPTY = 0, TREE_END_PRESENT = 1, TREE_END_OTHER = 2 };

/* Append the proof for (table, key), present or absent, to out; reads with TREE_VERIFY, so what it
 * gives does hold. Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO; on error out is as before. */
MUST_USE enum rc tree_prove(struct buf *out, struct kv_view *v, const struct tree_ref *ref,
                            uint8_t table, struct bytes key);

/* Judges: any bytes may be handed in. Returns RC_OK with *present and, if so, *value (lends from
 * proof) | RC_MALFORMED | RC_PROOF (does not lead to root). How many hashes a level has depends on
 * the key, so a proof for another key may give either. */
MUST_USE enum rc tree_proof_verify(const struct digest *root, uint8_t table, struct bytes key,
                                   struct bytes proof, bool *present, struct bytes *value);

#endif
