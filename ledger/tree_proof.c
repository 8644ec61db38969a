/* Proofs that an entry is in the tree, or that it is not, for those who know only the root. */
#include "crypto/base/check.h"
#include "ledger/state_tree.h"
#include "ledger/tree_node.h"

/* ---- making ---- */

static void add_level(struct buf *out, const struct tree_node *node, unsigned on_path)
{
    buf_add_u16(out, tree_node_children(node));
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        if (i != on_path && node->child[i].kind != TREE_NONE)
            buf_add(out, node->child[i].hash.bytes, DIGEST_BYTES);
    }
}

static void add_end(struct buf *out, const struct tree_child *child, const struct digest *key_hash)
{
    if (child->kind == TREE_NONE) {
        buf_add_u8(out, TREE_END_EMPTY);
        return;
    }
    bool present = digest_equal(&child->key_hash, key_hash);
    buf_add_u8(out, present ? TREE_END_PRESENT : TREE_END_OTHER);
    if (!present)
        buf_add(out, child->key_hash.bytes, DIGEST_BYTES);
    buf_add_u32(out, (uint32_t)child->value.size);
    buf_add_bytes(out, child->value);
}

static enum rc prove_levels(struct buf *out, struct kv_view *v, struct tree_place place,
                            struct digest expected)
{
    size_t count_at = out->size;
    struct tree_node node;
    buf_add_u8(out, 0); /* filled in at the end */
    for (; place.depth < TREE_DEPTH_MAX; place.depth++) {
        enum rc rc = tree_node_get_verified(&node, v, &place, &expected, NULL);
        if (rc != RC_OK)
            return rc;
        unsigned nibble = tree_nibble(&place.path, place.depth);
        const struct tree_child *child = &node.child[nibble];
        add_level(out, &node, nibble);
        if (child->kind != TREE_INNER) {
            add_end(out, child, &place.path);
            out->data[count_at] = (uint8_t)(place.depth + 1);
            CHECK(out->size - count_at <= TREE_PROOF_BYTES_MAX);
            return RC_OK;
        }
        place.version = child->version;
        expected = child->hash;
    }
    return RC_STORE_DAMAGED; /* the decoder lets no inner child stand so deep */
}

enum rc tree_prove(struct buf *out, struct kv_view *v, const struct tree_ref *ref, uint8_t table,
                   struct bytes key)
{
    size_t before = out->size;
    struct tree_place top = {.version = ref->version};
    tree_key_hash(&top.path, table, key);
    enum rc rc = prove_levels(out, v, top, ref->root);
    if (rc != RC_OK)
        out->size = before; /* half a proof is none */
    return rc;
}

/* ---- judging ---- */

struct level {
    uint16_t children;
    const uint8_t *others; /* hashes of the children but the one on the path */
};

struct proof {
    unsigned levels_count;
    struct level levels[TREE_DEPTH_MAX];
    uint8_t end;
    struct digest other; /* the key_hash of what stands in the way, with TREE_END_OTHER */
    struct bytes value;
};

static unsigned ones(unsigned bitmap)
{
    return (unsigned)__builtin_popcount(bitmap);
}

/* Take the proof apart along the path of key_hash. The path's bit must be set wherever the path
 * goes on, and unset where the proof says that nothing is there. */
static enum rc decode_proof(struct proof *out, const struct digest *key_hash, struct bytes from)
{
    struct rd r = rd_of(from);
    bool on_path = true;
    out->levels_count = rd_u8(&r);
    if (out->levels_count == 0 || out->levels_count > TREE_DEPTH_MAX)
        return RC_MALFORMED;
    for (unsigned i = 0; i < out->levels_count; i++) {
        struct level *level = &out->levels[i];
        if (r.failed)
            return RC_MALFORMED;
        if (!on_path) /* the level above has no child here, yet there is a level below */
            return RC_PROOF;
        level->children = rd_u16(&r);
        on_path = (level->children >> tree_nibble(key_hash, i) & 1) != 0;
        level->others = rd_take(&r, (ones(level->children) - on_path) * DIGEST_BYTES).data;
    }
    out->end = rd_u8(&r);
    if (out->end == TREE_END_OTHER)
        rd_copy(&r, out->other.bytes, DIGEST_BYTES);
    if (out->end != TREE_END_EMPTY) {
        uint32_t value_bytes = rd_u32(&r);
        if (value_bytes > STATE_VALUE_BYTES_MAX)
            return RC_MALFORMED;
        out->value = rd_take(&r, value_bytes);
    }
    if (!rd_done(&r) || out->end > TREE_END_OTHER)
        return RC_MALFORMED;
    return on_path == (out->end != TREE_END_EMPTY) ? RC_OK : RC_PROOF;
}

/* The hash of a level's node, given the hash of its child on the path if it has one. */
static void level_hash(struct digest *out, const struct level *level, unsigned nibble,
                       const struct digest *child)
{
    uint8_t hashes[TREE_CHILDREN * DIGEST_BYTES];
    struct wr w = wr_of(hashes, sizeof hashes);
    unsigned below = ones(level->children & ((1u << nibble) - 1));
    unsigned all = ones(level->children);
    bool on_path = (level->children >> nibble & 1) != 0;
    wr_copy(&w, level->others, below * DIGEST_BYTES);
    if (on_path)
        wr_copy(&w, child->bytes, DIGEST_BYTES);
    unsigned above = all - below - on_path;
    if (above > 0)
        wr_copy(&w, level->others + below * DIGEST_BYTES, above * DIGEST_BYTES);
    CHECK(wr_ok(&w));
    tree_node_hash(out, level->children, hashes);
}

static bool leads_to(const struct digest *root, const struct proof *p,
                     const struct digest *key_hash)
{
    struct digest hash = {0};
    if (p->end == TREE_END_OTHER) {
        /* An entry is in our way only if it is another one and hangs in the very same slot. */
        if (digest_equal(&p->other, key_hash) ||
            !tree_shares_path(&p->other, key_hash, p->levels_count))
            return false;
        tree_leaf_hash(&hash, &p->other, p->value);
    }
    if (p->end == TREE_END_PRESENT)
        tree_leaf_hash(&hash, key_hash, p->value);
    for (unsigned i = p->levels_count; i > 0; i--) {
        struct digest child = hash;
        level_hash(&hash, &p->levels[i - 1], tree_nibble(key_hash, i - 1), &child);
    }
    return digest_equal(&hash, root);
}

enum rc tree_proof_verify(const struct digest *root, uint8_t table, struct bytes key,
                          struct bytes proof, bool *present, struct bytes *value)
{
    *present = false;
    *value = bytes_of(NULL, 0);
    struct digest key_hash;
    tree_key_hash(&key_hash, table, key);
    struct proof p;
    enum rc rc = decode_proof(&p, &key_hash, proof);
    if (rc != RC_OK)
        return rc;
    if (!leads_to(root, &p, &key_hash))
        return RC_PROOF;
    *present = p.end == TREE_END_PRESENT;
    if (*present)
        *value = p.value;
    return RC_OK;
}
