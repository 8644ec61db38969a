/* Making pieces of the state tree. */
#include "crypto/base/check.h"
#include "ledger/snapshot.h"
#include "ledger/snapshot_parts.h"

static void add_entry(struct buf *out, uint8_t table, struct bytes key, struct bytes value)
{
    buf_add_u8(out, table);
    buf_add_u16(out, (uint16_t)key.size);
    buf_add_bytes(out, key);
    buf_add_u16(out, (uint16_t)value.size);
    buf_add_bytes(out, value);
}

/* Where the node at a path stands, and its hash: down from the root, verifying. */
static enum rc find_place(struct tree_place *place, struct digest *hash, struct kv_view *v,
                          const struct tree_ref *ref, const struct snapshot_path *path,
                          struct why *why)
{
    struct tree_node node;
    *place = (struct tree_place){.version = ref->version, .path = path->nibbles};
    *hash = ref->root;
    for (; place->depth < path->depth; place->depth++) {
        enum rc rc = tree_node_get_verified(&node, v, place, hash, why);
        if (rc != RC_OK)
            return rc;
        const struct tree_child *child = &node.child[tree_nibble(&path->nibbles, place->depth)];
        if (child->kind != TREE_INNER)
            return why_set(why, RC_NOT_FOUND, "the state tree has no node at this path");
        place->version = child->version;
        *hash = child->hash;
    }
    return RC_OK;
}

/* ---- all entries ---- */

struct gathering {
    struct buf *out;
    size_t bytes_before;
    size_t bytes_max;
    uint32_t entries_count;
    bool is_full;
};

static enum rc gather(void *context, const struct digest *key_hash, uint8_t table, struct bytes key,
                      struct bytes value)
{
    (void)key_hash;
    struct gathering *g = context;
    add_entry(g->out, table, key, value);
    g->is_full =
        g->out->size - g->bytes_before > g->bytes_max || ++g->entries_count > SNAPSHOT_ENTRIES_MAX;
    return g->is_full ? RC_REFUSED : RC_OK;
}

/* *fits is false, and out as it was, where they are too many for one piece. */
static enum rc add_entries(struct buf *out, bool *fits, size_t *walked_bytes, struct kv_view *v,
                           const struct tree_place *place, const struct digest *hash,
                           size_t bytes_max, struct why *why)
{
    struct gathering g = {.out = out, .bytes_before = out->size, .bytes_max = bytes_max};
    buf_add_u8(out, PIECE_ENTRIES);
    buf_add_u32(out, 0); /* filled in at the end */
    enum rc rc = tree_walk_below(v, place, hash, gather, &g, why);
    *walked_bytes = g.is_full ? bytes_max : out->size - g.bytes_before;
    *fits = rc == RC_OK && out->size - g.bytes_before <= bytes_max;
    if (*fits) {
        struct wr w = wr_of(out->data + g.bytes_before + 1, 4);
        wr_u32(&w, g.entries_count);
        return RC_OK;
    }
    out->size = g.bytes_before;
    return g.is_full ? RC_OK : rc;
}

/* ---- the node ---- */

static enum rc add_node(struct buf *out, struct kv_view *v, const struct tree_place *place,
                        const struct digest *hash, struct why *why)
{
    struct tree_node node;
    uint16_t leaves = 0;
    enum rc rc = tree_node_get_verified(&node, v, place, hash, why);
    if (rc != RC_OK)
        return rc;
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        if (node.child[i].kind == TREE_LEAF)
            leaves |= (uint16_t)(1u << i);
    }
    buf_add_u8(out, PIECE_NODE);
    buf_add_u16(out, tree_node_children(&node));
    buf_add_u16(out, leaves);
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        const struct tree_child *child = &node.child[i];
        if (child->kind == TREE_INNER)
            buf_add(out, child->hash.bytes, DIGEST_BYTES);
        if (child->kind == TREE_LEAF)
            add_entry(out, child->table, child->key, child->value);
    }
    return RC_OK;
}

/* Hashes are spread evenly, unless somebody seeks keys that make them meet, who gains no more than
 * that the walk is done again. */
static struct digest *known_at(struct snapshot_known *known, const struct digest *hash)
{
    struct rd r = rd_of(bytes_of(hash->bytes, DIGEST_BYTES));
    return &known->hashes[rd_u32(&r) % SNAPSHOT_KNOWN_NODES];
}

static bool is_known(struct snapshot_known *known, const struct digest *hash)
{
    return known != NULL && digest_equal(known_at(known, hash), hash);
}

enum rc snapshot_make_known(struct buf *out, size_t *walked_bytes, struct snapshot_known *known,
                            struct kv_view *v, const struct tree_ref *ref,
                            const struct snapshot_path *path, size_t piece_bytes_max,
                            struct why *why)
{
    struct tree_place place;
    struct digest hash;
    bool fits = false;
    CHECK(piece_bytes_max <= SNAPSHOT_PIECE_BYTES_MAX);
    CHECK(path->depth < TREE_DEPTH_MAX);
    *walked_bytes = 0;
    enum rc rc = find_place(&place, &hash, v, ref, path, why);
    if (rc == RC_OK && !is_known(known, &hash))
        rc = add_entries(out, &fits, walked_bytes, v, &place, &hash, piece_bytes_max, why);
    if (rc != RC_OK || fits)
        return rc;
    if (known != NULL)
        *known_at(known, &hash) = hash;
    return add_node(out, v, &place, &hash, why);
}

enum rc snapshot_make(struct buf *out, struct kv_view *v, const struct tree_ref *ref,
                      const struct snapshot_path *path, size_t piece_bytes_max, struct why *why)
{
    size_t walked_bytes;
    return snapshot_make_known(out, &walked_bytes, NULL, v, ref, path, piece_bytes_max, why);
}
