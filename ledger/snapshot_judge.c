/* Judging pieces of the state tree: a piece is taken apart, held to the shape that the definition
 * of the tree demands, and hashed. Only what gives the hash that its parent names is good. */
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/snapshot.h"
#include "ledger/snapshot_parts.h"

/* ---- entries ---- */

/* Take one entry, which is to hang below the path. */
static enum snapshot_fault take_entry(struct tree_change *out, struct rd *r,
                                      const struct snapshot_path *path)
{
    *out = (struct tree_change){.table = rd_u8(r)};
    uint16_t key_bytes = rd_u16(r);
    out->key = rd_take(r, key_bytes);
    uint16_t value_bytes = rd_u16(r);
    out->value = rd_take(r, value_bytes);
    if (r->failed)
        return SNAPSHOT_MALFORMED;
    if (out->table == 0 || out->table >= STATE_TABLE_END || key_bytes > STATE_KEY_BYTES_MAX ||
        value_bytes > STATE_VALUE_BYTES_MAX)
        return SNAPSHOT_BAD_ENTRY;
    tree_key_hash(&out->key_hash, out->table, out->key);
    bool is_below = tree_shares_path(&out->key_hash, &path->nibbles, path->depth);
    return is_below ? SNAPSHOT_OK : SNAPSHOT_WRONG_PATH;
}

static enum snapshot_fault judge_entries(struct snapshot_piece *out, struct digest *hash,
                                         struct rd *r)
{
    uint32_t count = rd_u32(r);
    if (r->failed)
        return SNAPSHOT_MALFORMED;
    if (count > SNAPSHOT_ENTRIES_MAX)
        return SNAPSHOT_TOO_LARGE;
    /* Every node but the top one holds two entries at least, or they would stand higher up. */
    if (out->path.depth > 0 && count < 2)
        return SNAPSHOT_BAD_SHAPE;
    out->entries = mem_alloc((count + 1) * sizeof *out->entries);
    for (; out->entries_count < count; out->entries_count++) {
        struct tree_change *entry = &out->entries[out->entries_count];
        enum snapshot_fault fault = take_entry(entry, r, &out->path);
        if (fault != SNAPSHOT_OK)
            return fault;
        if (out->entries_count > 0 &&
            memcmp(entry[-1].key_hash.bytes, entry->key_hash.bytes, DIGEST_BYTES) >= 0)
            return SNAPSHOT_NOT_ASCENDING;
    }
    if (!rd_done(r))
        return SNAPSHOT_MALFORMED;
    struct tree_place place = {.depth = out->path.depth, .path = out->path.nibbles};
    tree_build(hash, NULL, &place, out->entries, out->entries_count);
    return SNAPSHOT_OK;
}

/* ---- nodes ---- */

static enum snapshot_fault take_child(struct snapshot_piece *out, struct rd *r, unsigned nibble,
                                      bool is_leaf)
{
    struct tree_child *child = &out->node.child[nibble];
    child->has_hash = true;
    if (!is_leaf) {
        child->kind = TREE_INNER;
        rd_copy(r, child->hash.bytes, DIGEST_BYTES);
        return r->failed ? SNAPSHOT_MALFORMED : SNAPSHOT_OK;
    }
    struct tree_change *entry = &out->entries[out->entries_count];
    enum snapshot_fault fault = take_entry(entry, r, &out->path);
    if (fault != SNAPSHOT_OK)
        return fault;
    if (tree_nibble(&entry->key_hash, out->path.depth) != nibble)
        return SNAPSHOT_WRONG_PATH;
    out->entries_count++;
    *child = (struct tree_child){.kind = TREE_LEAF,
                                 .table = entry->table,
                                 .key = entry->key,
                                 .value = entry->value,
                                 .has_key_hash = true,
                                 .key_hash = entry->key_hash,
                                 .has_hash = true};
    tree_leaf_hash(&child->hash, &entry->key_hash, entry->value);
    return SNAPSHOT_OK;
}

static enum snapshot_fault judge_node(struct snapshot_piece *out, struct digest *hash, struct rd *r)
{
    uint16_t children = rd_u16(r);
    uint16_t leaves = rd_u16(r);
    out->is_node = true;
    if (r->failed)
        return SNAPSHOT_MALFORMED;
    if (!tree_node_shape_is_valid(children, leaves, out->path.depth))
        return SNAPSHOT_BAD_SHAPE;
    out->entries = mem_alloc(TREE_CHILDREN * sizeof *out->entries);
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        if ((children >> i & 1) == 0)
            continue;
        enum snapshot_fault fault = take_child(out, r, i, (leaves >> i & 1) != 0);
        if (fault != SNAPSHOT_OK)
            return fault;
    }
    if (!rd_done(r))
        return SNAPSHOT_MALFORMED;
    tree_node_hash_of(hash, &out->node);
    return SNAPSHOT_OK;
}

/* ---- both ---- */

static enum snapshot_fault judge(struct snapshot_piece *out, struct bytes piece,
                                 const struct digest *expected)
{
    struct digest hash = {0};
    if (piece.size > SNAPSHOT_PIECE_BYTES_MAX)
        return SNAPSHOT_TOO_LARGE;
    struct rd r = rd_of(piece);
    uint8_t kind = rd_u8(&r);
    enum snapshot_fault fault = SNAPSHOT_MALFORMED;
    if (kind == PIECE_ENTRIES)
        fault = judge_entries(out, &hash, &r);
    if (kind == PIECE_NODE)
        fault = judge_node(out, &hash, &r);
    if (fault != SNAPSHOT_OK)
        return fault;
    return digest_equal(&hash, expected) ? SNAPSHOT_OK : SNAPSHOT_WRONG_HASH;
}

enum snapshot_fault snapshot_judge(struct snapshot_piece *out, struct bytes piece,
                                   const struct snapshot_path *path, const struct digest *expected)
{
    CHECK(path->depth < TREE_DEPTH_MAX);
    *out = (struct snapshot_piece){.path = *path, .bytes = piece.size};
    enum snapshot_fault fault = judge(out, piece, expected);
    if (fault != SNAPSHOT_OK)
        snapshot_piece_close(out);
    return fault;
}

void snapshot_piece_close(struct snapshot_piece *p)
{
    mem_free(p->entries);
    *p = (struct snapshot_piece){0};
}
