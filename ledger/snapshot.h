/* Pieces of the state tree: how the state at a checkpoint goes from replicas that have it to one
 * that does not (PROTOCOL.md 9.3). Whoever has the tree with a root can make the piece at any path
 * of it, so pieces come from several peers at once; whoever knows the hash that its parent gives
 * for a path can judge the piece, so nobody is believed.
 *
 * The root is that of a CHECKPOINT certificate. The first piece is asked for at the empty path; a
 * piece that is a node tells the hashes of the nodes one nibble below, which are asked for in turn.
 *
 *   path:   depth u8 (0..63) | nibbles, two a byte, high half first, (depth + 1) / 2 bytes, an odd
 *           last one with 0 in the low half
 *   piece:  kind u8 | contents
 *     1 entries: all that hang below the path:
 *       entries_count u32 | entries, ascending by key_hash
 *     2 node: the node that stands at the path:
 *       children u16 | leaves u16, a subset of them | per child, ascending:
 *       hash 32 of a node, or the entry that is the leaf
 *   entry:  table u8 (1..5) | key_bytes u16 | key | value_bytes u16 | value
 *
 * (key_hash, the hashes, children: FORMATS.md 9.) Of the two kinds a sender takes the first where
 * the piece keeps within its limit. Each has one encoding, and nothing may be left over. */
#ifndef LEDGER_SNAPSHOT_H
#define LEDGER_SNAPSHOT_H

#include "ledger/tree_node.h"

enum {
    /* A quarter of the largest block: takes a link for about as long, so votes get between; and
     * some 3000 entries pay for the round trip. */
    SNAPSHOT_PIECE_BYTES_MAX = 256 * 1024,
    /* Bounds the memory of judging. The shortest entry that a state can have, an asset, takes 19
     * bytes, so the bytes bind first. */
    SNAPSHOT_ENTRIES_MAX = 16384,
    SNAPSHOT_NODE_BYTES_MAX = 1 + 2 + 2 + TREE_CHILDREN * TREE_LEAF_BYTES_MAX,
    SNAPSHOT_PATH_BYTES_MAX = 1 + DIGEST_BYTES
};
_Static_assert((int)SNAPSHOT_NODE_BYTES_MAX <= (int)SNAPSHOT_PIECE_BYTES_MAX, "a node is a piece");

/* A path: the first `depth` nibbles; all others are 0. depth < TREE_DEPTH_MAX. */
struct snapshot_path {
    unsigned depth;
    struct digest nibbles;
};
bool snapshot_path_equal(const struct snapshot_path *a, const struct snapshot_path *b);
void snapshot_path_encode(struct wr *w, const struct snapshot_path *path);
/* Judges: what is no path fails the cursor. */
void snapshot_path_decode(struct rd *r, struct snapshot_path *out);

/* Append the piece at a path of the tree: entries where that takes no more than piece_bytes_max.
 * Every hash on the way is verified, so a rotten store gives no piece at all instead of a bad one.
 * Requires: piece_bytes_max <= SNAPSHOT_PIECE_BYTES_MAX; a node may take more than it asks for.
 * Returns: RC_OK | RC_NOT_FOUND (no node stands at this path) | RC_STORE_DAMAGED | RC_STORE_IO; on
 * error out is as it was. */
MUST_USE enum rc snapshot_make(struct buf *out, struct kv_view *v, const struct tree_ref *ref,
                               const struct snapshot_path *path, size_t piece_bytes_max,
                               struct why *why);

/* Nodes, by their hashes, that are known to hold more than one piece takes, so that it is not found
 * out again by gathering a whole piece of entries in vain. A hash is of all that hangs below, so
 * one table does for all trees, and for ever; but for one piece_bytes_max. All zero: none is known.
 * 10 GiB of state have 4,369 such nodes. Two that share a place drive each other out: then it is
 * found out again, and *walked_bytes says so. */
enum { SNAPSHOT_KNOWN_NODES = 8192 };
struct snapshot_known {
    struct digest hashes[SNAPSHOT_KNOWN_NODES];
};
/* The same as snapshot_make(), looking into known and adding to it. *walked_bytes: of the entries
 * that were gathered, whether they are the piece or too many, then piece_bytes_max: what it cost.
 */
MUST_USE enum rc snapshot_make_known(struct buf *out, size_t *walked_bytes,
                                     struct snapshot_known *known, struct kv_view *v,
                                     const struct tree_ref *ref, const struct snapshot_path *path,
                                     size_t piece_bytes_max, struct why *why);

/* Why a piece is refused; the word is for logs and counters, the text for people. */
#define SNAPSHOT_FAULT_LIST(X)                                                                     \
    X(SNAPSHOT_OK, "ok", "ok")                                                                     \
    X(SNAPSHOT_NOT_ASKED, "piece_not_asked", "nobody asked for a piece at this path")              \
    X(SNAPSHOT_TOO_LARGE, "piece_too_large", "the piece has too many bytes or entries")            \
    X(SNAPSHOT_MALFORMED, "piece_malformed", "the bytes are not a piece")                          \
    X(SNAPSHOT_BAD_ENTRY, "piece_bad_entry", "an entry's table or sizes are none of the state's")  \
    X(SNAPSHOT_BAD_SHAPE, "piece_bad_shape", "no node at this path can have this shape")           \
    X(SNAPSHOT_NOT_ASCENDING, "piece_not_ascending", "the entries are not in ascending order")     \
    X(SNAPSHOT_WRONG_PATH, "piece_wrong_path", "an entry belongs to another path")                 \
    X(SNAPSHOT_WRONG_HASH, "piece_wrong_hash", "the piece does not give the hash it should have")

enum snapshot_fault {
#define X(fault, word, text) fault,
    SNAPSHOT_FAULT_LIST(X)
#undef X
        SNAPSHOT_FAULT_COUNT
};
const char *snapshot_fault_word(enum snapshot_fault f);
const char *snapshot_fault_text(enum snapshot_fault f);

/* A piece that was found good. */
struct snapshot_piece {
    struct snapshot_path path;
    size_t bytes;
    bool is_node;
    size_t entries_count;        /* leaves, if it is a node */
    struct tree_change *entries; /* with key_hash, ascending; keys and values lend from the bytes */
    struct tree_node node;       /* if it is one: children with their hashes, versions unset */
};
/* Judges: any bytes may be handed in. On SNAPSHOT_OK *out holds memory until
 * snapshot_piece_close(), and lends from piece; otherwise it holds nothing. */
MUST_USE enum snapshot_fault snapshot_judge(struct snapshot_piece *out, struct bytes piece,
                                            const struct snapshot_path *path,
                                            const struct digest *expected);
void snapshot_piece_close(struct snapshot_piece *p);

#endif
