#include "ledger/tree_node.h"

#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"

_Static_assert(STATE_KEY_BYTES_MAX <= UINT16_MAX, "key_bytes is a u16");
_Static_assert(STATE_VALUE_BYTES_MAX <= UINT16_MAX, "value_bytes is a u16");
_Static_assert(4 + TREE_CHILDREN * TREE_LEAF_BYTES_MAX <= KV_VALUE_BYTES_MAX, "a node is a value");
_Static_assert(8 + TREE_PLACE_KEY_BYTES_MAX <= KV_KEY_BYTES_MAX, "a stale place is a key");

/* ---- hashes ---- */

void tree_key_hash(struct digest *out, uint8_t table, struct bytes key)
{
    struct hasher h;
    hasher_start(&h, TAG_STATE_KEY);
    hasher_add(&h, &table, sizeof table);
    hasher_add_bytes(&h, key);
    hasher_end(&h, out);
}

void tree_leaf_hash(struct digest *out, const struct digest *key_hash, struct bytes value)
{
    struct hasher h;
    hasher_start(&h, TAG_STATE_LEAF);
    hasher_add(&h, key_hash->bytes, DIGEST_BYTES);
    hasher_add_bytes(&h, value);
    hasher_end(&h, out);
}

void tree_node_hash(struct digest *out, uint16_t children, const uint8_t *hashes)
{
    uint8_t bitmap[2] = {(uint8_t)children, (uint8_t)(children >> 8)};
    struct hasher h;
    hasher_start(&h, TAG_STATE_NODE);
    hasher_add(&h, bitmap, sizeof bitmap);
    hasher_add(&h, hashes, (size_t)__builtin_popcount(children) * DIGEST_BYTES);
    hasher_end(&h, out);
}

unsigned tree_nibble(const struct digest *d, unsigned index)
{
    CHECK(index < TREE_DEPTH_MAX);
    uint8_t byte = d->bytes[index / 2];
    return index % 2 == 0 ? byte >> 4 : byte & 15u;
}

bool tree_shares_path(const struct digest *a, const struct digest *b, unsigned nibbles)
{
    CHECK(nibbles <= TREE_DEPTH_MAX);
    if (memcmp(a->bytes, b->bytes, nibbles / 2) != 0)
        return false;
    return nibbles % 2 == 0 || tree_nibble(a, nibbles - 1) == tree_nibble(b, nibbles - 1);
}

/* ---- the store's key of a node ---- */

struct bytes tree_place_encode(uint8_t out[static TREE_PLACE_KEY_BYTES_MAX],
                               const struct tree_place *place)
{
    CHECK(place->depth < TREE_DEPTH_MAX);
    size_t path_bytes = (place->depth + 1) / 2;
    struct wr w = wr_of(out, TREE_PLACE_KEY_BYTES_MAX);
    wr_be64(&w, place->version);
    wr_u8(&w, (uint8_t)place->depth);
    wr_copy(&w, place->path.bytes, path_bytes);
    CHECK(wr_ok(&w));
    if (place->depth % 2 != 0)
        out[w.size - 1] &= 0xf0;
    return wr_bytes_of(&w);
}

bool tree_place_decode(struct tree_place *out, struct bytes key)
{
    struct rd r = rd_of(key);
    *out = (struct tree_place){.version = rd_be64(&r)};
    out->depth = rd_u8(&r);
    if (out->depth >= TREE_DEPTH_MAX)
        return false;
    size_t path_bytes = (out->depth + 1) / 2;
    rd_copy(&r, out->path.bytes, path_bytes);
    if (!rd_done(&r))
        return false;
    return out->depth % 2 == 0 || (out->path.bytes[path_bytes - 1] & 15) == 0;
}

/* ---- nodes ---- */

static uint16_t bitmap_of(const struct tree_node *node, bool leaves_only)
{
    uint16_t bitmap = 0;
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        enum tree_kind kind = node->child[i].kind;
        if (kind == TREE_LEAF || (kind == TREE_INNER && !leaves_only))
            bitmap |= (uint16_t)(1u << i);
    }
    return bitmap;
}

uint16_t tree_node_children(const struct tree_node *node)
{
    return bitmap_of(node, false);
}

bool tree_node_hash_leaves(struct tree_node *node, const struct tree_place *place)
{
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        struct tree_child *child = &node->child[i];
        if (child->kind != TREE_LEAF)
            continue;
        if (!child->has_key_hash)
            tree_key_hash(&child->key_hash, child->table, child->key);
        child->has_key_hash = true;
        if (!tree_shares_path(&child->key_hash, &place->path, place->depth) ||
            tree_nibble(&child->key_hash, place->depth) != i)
            return false;
        if (!child->has_hash)
            tree_leaf_hash(&child->hash, &child->key_hash, child->value);
        child->has_hash = true;
    }
    return true;
}

void tree_node_hash_of(struct digest *out, const struct tree_node *node)
{
    uint8_t hashes[TREE_CHILDREN * DIGEST_BYTES];
    struct wr w = wr_of(hashes, sizeof hashes);
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        if (node->child[i].kind == TREE_NONE)
            continue;
        CHECK(node->child[i].has_hash);
        wr_copy(&w, node->child[i].hash.bytes, DIGEST_BYTES);
    }
    CHECK(wr_ok(&w));
    tree_node_hash(out, tree_node_children(node), hashes);
}

void tree_node_encode(struct buf *out, const struct tree_node *node)
{
    buf_add_u16(out, tree_node_children(node));
    buf_add_u16(out, bitmap_of(node, true));
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        const struct tree_child *child = &node->child[i];
        if (child->kind == TREE_INNER) {
            buf_add_u64(out, child->version);
            buf_add(out, child->hash.bytes, DIGEST_BYTES);
        }
        if (child->kind == TREE_LEAF) {
            buf_add_u8(out, child->table);
            buf_add_u16(out, (uint16_t)child->key.size);
            buf_add_bytes(out, child->key);
            buf_add_u16(out, (uint16_t)child->value.size);
            buf_add_bytes(out, child->value);
        }
    }
}

static bool decode_leaf(struct tree_child *child, struct rd *r)
{
    child->kind = TREE_LEAF;
    child->table = rd_u8(r);
    child->key = rd_take(r, rd_u16(r));
    child->value = rd_take(r, rd_u16(r));
    return child->table > 0 && child->table < STATE_TABLE_END &&
           child->key.size <= STATE_KEY_BYTES_MAX && child->value.size <= STATE_VALUE_BYTES_MAX;
}

static bool decode_inner(struct tree_child *child, struct rd *r, const struct tree_place *place)
{
    child->kind = TREE_INNER;
    child->version = rd_u64(r);
    child->has_hash = true;
    rd_copy(r, child->hash.bytes, DIGEST_BYTES);
    return child->version <= place->version; /* a node refers to what was there before it */
}

/* Every node but the top one holds two entries at least, or they would stand higher up; and below
 * the last nibble there is nothing to tell entries apart by. */
bool tree_node_shape_is_valid(uint16_t children, uint16_t leaves, unsigned depth)
{
    if ((leaves & ~children) != 0)
        return false;
    if (depth == TREE_DEPTH_MAX - 1 && leaves != children)
        return false;
    if (depth == 0)
        return true;
    return children != 0 && !(leaves == children && __builtin_popcount(children) == 1);
}

bool tree_node_decode(struct tree_node *out, const struct tree_place *place, struct bytes value)
{
    CHECK(place->depth < TREE_DEPTH_MAX);
    struct rd r = rd_of(value);
    uint16_t children = rd_u16(&r);
    uint16_t leaves = rd_u16(&r);
    if (r.failed || !tree_node_shape_is_valid(children, leaves, place->depth))
        return false;
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        struct tree_child *child = &out->child[i];
        child->kind = TREE_NONE;
        child->has_key_hash = false;
        child->has_hash = false;
        if ((children >> i & 1) == 0)
            continue;
        bool good =
            (leaves >> i & 1) != 0 ? decode_leaf(child, &r) : decode_inner(child, &r, place);
        if (!good)
            return false;
    }
    return rd_done(&r);
}

static enum rc why_damaged(struct why *why, const struct tree_place *place, const char *what)
{
    char path[DIGEST_HEX_BYTES];
    digest_to_hex(path, &place->path);
    return why_set(why, RC_STORE_DAMAGED, "state tree: node of version %llu at path \"%.*s\": %s",
                   (unsigned long long)place->version, (int)place->depth, path, what);
}

static enum rc get_with_why(struct tree_node *out, struct kv_view *v,
                            const struct tree_place *place, struct why *why)
{
    uint8_t key[TREE_PLACE_KEY_BYTES_MAX];
    struct bytes value;
    enum rc rc = kv_get(v, KV_TREE, tree_place_encode(key, place), &value);
    if (rc == RC_NOT_FOUND) /* nodes are written before those that refer to them */
        return why_damaged(why, place, "it is missing");
    if (rc == RC_STORE_DAMAGED)
        return why_damaged(why, place, "its checksum is wrong");
    if (rc != RC_OK)
        return why_set(why, rc, "state tree: %s", rc_text(rc));
    if (!tree_node_decode(out, place, value))
        return why_damaged(why, place, "its bytes are not a valid node");
    return RC_OK;
}

enum rc tree_node_get(struct tree_node *out, struct kv_view *v, const struct tree_place *place)
{
    return get_with_why(out, v, place, NULL);
}

enum rc tree_node_get_verified(struct tree_node *out, struct kv_view *v,
                               const struct tree_place *place, const struct digest *expected,
                               struct why *why)
{
    enum rc rc = get_with_why(out, v, place, why);
    if (rc != RC_OK)
        return rc;
    if (!tree_node_hash_leaves(out, place))
        return why_damaged(why, place, "an entry in it belongs elsewhere");
    struct digest hash;
    tree_node_hash_of(&hash, out);
    if (digest_equal(&hash, expected))
        return RC_OK;
    char is[DIGEST_HEX_BYTES], should[DIGEST_HEX_BYTES], what[2 * DIGEST_HEX_BYTES + 64];
    digest_to_hex(is, &hash);
    digest_to_hex(should, expected);
    snprintf(what, sizeof what, "its hash is %s, but %s is expected there", is, should);
    return why_damaged(why, place, what);
}
