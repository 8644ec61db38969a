/* One node of the state tree: where it stands, what it holds, its bytes and its hash. Shared by the
 * files that update, read, walk and prove; state_tree.h has the layouts.
 *
 * What comes out of the store is judged here, once: a node that decodes has children within the
 * bounds, no deeper than the tree can be, and the shape that the definition of the tree demands.
 * Whether it is the *right* node only its hash can say. */
#ifndef LEDGER_TREE_NODE_H
#define LEDGER_TREE_NODE_H

#include "ledger/state_tree.h"

enum {
    TREE_CHILDREN = 16,
    TREE_PLACE_KEY_BYTES_MAX = 8 + 1 + DIGEST_BYTES,
    TREE_LEAF_BYTES_MAX = 1 + 2 + STATE_KEY_BYTES_MAX + 2 + STATE_VALUE_BYTES_MAX
};

/* Where a node stands: the first `depth` nibbles of path (the rest is ignored, so that any
 * key_hash below the node serves as its path). Nodes stand at 0 <= depth < TREE_DEPTH_MAX. */
struct tree_place {
    uint64_t version;
    unsigned depth;
    struct digest path;
};

enum tree_kind { TREE_NONE = 0, TREE_LEAF, TREE_INNER };

/* What hangs in one slot of a node. key and value are lent by the store or by the changes. */
struct tree_child {
    enum tree_kind kind;
    uint8_t table;           /* leaf */
    bool has_key_hash;       /* leaf: key_hash is filled in */
    bool has_hash;           /* always for an inner child */
    uint64_t version;        /* inner */
    struct bytes key, value; /* leaf */
    struct digest key_hash;
    struct digest hash;
};

struct tree_node {
    struct tree_child child[TREE_CHILDREN];
};

/* ---- hashes ---- */
void tree_key_hash(struct digest *out, uint8_t table, struct bytes key);
void tree_leaf_hash(struct digest *out, const struct digest *key_hash, struct bytes value);
/* hashes: of the children present, ascending, back to back. */
void tree_node_hash(struct digest *out, uint16_t children, const uint8_t *hashes);

/* Nibble number `index` of a digest, the high half of a byte first. Requires: index < 64. */
unsigned tree_nibble(const struct digest *d, unsigned index);
/* Do both begin with the same `nibbles` nibbles? Requires: nibbles <= 64. */
bool tree_shares_path(const struct digest *a, const struct digest *b, unsigned nibbles);
/* Set nibble number `index`; the others stay. Requires: index < 64, nibble < 16. */
void tree_path_set(struct digest *path, unsigned index, unsigned nibble);

/* ---- the store's key of a node ---- */
/* Returns the key; lends out. Requires: place->depth < TREE_DEPTH_MAX. */
struct bytes tree_place_encode(uint8_t out[static TREE_PLACE_KEY_BYTES_MAX],
                               const struct tree_place *place);
/* Judges: any bytes may be handed in. */
MUST_USE bool tree_place_decode(struct tree_place *out, struct bytes key);

/* ---- nodes ---- */
uint16_t tree_node_children(const struct tree_node *node);
/* Fill in key_hash and hash of the leaves that lack them. False when a leaf does not belong in its
 * slot of the node at place; then the node came from a damaged store. */
MUST_USE bool tree_node_hash_leaves(struct tree_node *node, const struct tree_place *place);
/* Requires: the leaves have their hashes. */
void tree_node_hash_of(struct digest *out, const struct tree_node *node);
/* Append the node's bytes. */
void tree_node_encode(struct buf *out, const struct tree_node *node);
/* Judges: any bytes may be handed in. Lends keys and values from value. */
MUST_USE bool tree_node_decode(struct tree_node *out, const struct tree_place *place,
                               struct bytes value);

/* Can a node at this depth have these children, of which `leaves` are leaves? */
MUST_USE bool tree_node_shape_is_valid(uint16_t children, uint16_t leaves, unsigned depth);

/* Get a node that must be there. Lends until the view is closed.
 * Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc tree_node_get(struct tree_node *out, struct kv_view *v,
                               const struct tree_place *place);
/* The same, and believe nothing: its leaves must belong where they are and its hash be `expected`.
 * All its leaves then have their hashes. why may be NULL. */
MUST_USE enum rc tree_node_get_verified(struct tree_node *out, struct kv_view *v,
                                        const struct tree_place *place,
                                        const struct digest *expected, struct why *why);

/* ---- subtrees ---- */
/* As tree_walk(), of what hangs below the node at place, whose hash is expected. */
MUST_USE enum rc tree_walk_below(struct kv_view *v, const struct tree_place *place,
                                 const struct digest *expected, tree_visit *visit, void *context,
                                 struct why *why);
/* The node at place over these entries alone, with all nodes below it: its hash to out, and the
 * nodes to batch, unless that is NULL, as tree_update() from nothing writes them under
 * place->version. Requires: entries have their key_hash, strictly ascending, all of them under
 * place; two at least, unless place is the top. */
void tree_build(struct digest *out, struct kv_batch *batch, const struct tree_place *place,
                const struct tree_change *entries, size_t entries_count);

#endif
