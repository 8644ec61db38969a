#include "ledger/state_tree.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/tree_node.h"

void tree_empty_root(struct digest *out)
{
    tree_node_hash(out, 0, NULL);
}

/* ---- reading ---- */

static bool leaf_is(const struct tree_child *child, uint8_t table, struct bytes key)
{
    return child->kind == TREE_LEAF && child->table == table && bytes_equal(child->key, key);
}

enum rc tree_get(struct kv_view *v, const struct tree_ref *ref, enum tree_care care, uint8_t table,
                 struct bytes key, struct bytes *value)
{
    struct tree_place place = {.version = ref->version};
    struct digest expected = ref->root;
    struct tree_node node;
    *value = bytes_of(NULL, 0);
    tree_key_hash(&place.path, table, key);
    for (place.depth = 0; place.depth < TREE_DEPTH_MAX; place.depth++) {
        enum rc rc = care == TREE_VERIFY ? tree_node_get_verified(&node, v, &place, &expected, NULL)
                                         : tree_node_get(&node, v, &place);
        if (rc != RC_OK)
            return rc;
        const struct tree_child *child = &node.child[tree_nibble(&place.path, place.depth)];
        if (child->kind != TREE_INNER) {
            if (!leaf_is(child, table, key))
                return RC_NOT_FOUND;
            *value = child->value;
            return RC_OK;
        }
        place.version = child->version;
        expected = child->hash;
    }
    return RC_STORE_DAMAGED; /* the decoder lets no inner child stand so deep */
}

/* ---- updating ----
 * The changes are sorted by key_hash, so those that fall into one subtree are neighbours: the tree
 * is gone down once, each touched node is read once and written once, after its children. */

struct update {
    struct kv_view *view;
    struct kv_batch *batch; /* NULL: only hashes are wanted */
    uint64_t version;
    struct buf value; /* a node's bytes on their way to the batch; reused */
};

/* Changes that share the path to one slot, and the depth of what hangs in it. */
struct slice {
    const struct tree_change *changes;
    size_t count;
    unsigned depth;
};

static enum rc update_child(struct update *u, struct tree_child *child, struct slice s,
                            bool *changed);

static enum rc update_children(struct update *u, struct tree_node *node, struct slice s,
                               bool *changed)
{
    for (size_t at = 0, end; at < s.count; at = end) {
        unsigned nibble = tree_nibble(&s.changes[at].key_hash, s.depth);
        end = at + 1;
        while (end < s.count && tree_nibble(&s.changes[end].key_hash, s.depth) == nibble)
            end++;
        struct slice below = {s.changes + at, end - at, s.depth + 1};
        enum rc rc = update_child(u, &node->child[nibble], below, changed);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

/* Add the node to the batch and make child refer to it. */
static enum rc write_node(struct update *u, struct tree_child *child, struct tree_node *node,
                          const struct tree_place *place)
{
    if (!tree_node_hash_leaves(node, place))
        return RC_STORE_DAMAGED;
    uint8_t key[TREE_PLACE_KEY_BYTES_MAX];
    struct bytes key_bytes = tree_place_encode(key, place);
    buf_clear(&u->value);
    if (u->batch != NULL) {
        tree_node_encode(&u->value, node);
        kv_batch_put(u->batch, KV_TREE, key_bytes, buf_bytes(&u->value));
    }
    *child = (struct tree_child){.kind = TREE_INNER, .version = place->version, .has_hash = true};
    tree_node_hash_of(&child->hash, node);
    return RC_OK;
}

static void add_stale(struct update *u, const struct tree_place *replaced)
{
    uint8_t key[8 + TREE_PLACE_KEY_BYTES_MAX];
    struct wr w = wr_of(key, 8);
    wr_be64(&w, u->version);
    struct bytes place = tree_place_encode(key + w.size, replaced);
    kv_batch_put(u->batch, KV_STALE, bytes_of(key, w.size + place.size), bytes_of(NULL, 0));
}

static enum rc update_inner(struct update *u, struct tree_child *child, struct slice s,
                            bool *changed)
{
    struct tree_place place = {child->version, s.depth, s.changes[0].key_hash};
    struct tree_node node;
    enum rc rc = tree_node_get(&node, u->view, &place);
    if (rc != RC_OK)
        return rc;
    bool changed_below = false;
    rc = update_children(u, &node, s, &changed_below);
    if (rc != RC_OK || !changed_below)
        return rc;
    *changed = true;
    add_stale(u, &place);
    place.version = u->version;
    return write_node(u, child, &node, &place);
}

/* Make a node where there was a leaf or nothing; the leaf moves down into it. Whether the leaf
 * belonged here at all is judged when the node that it ends up in is written. */
static enum rc update_split(struct update *u, struct tree_child *child, struct slice s,
                            bool *changed)
{
    if (s.depth == TREE_DEPTH_MAX)
        return RC_STORE_DAMAGED; /* our keys are distinct: the leaf that is here cannot be */
    struct tree_place place = {u->version, s.depth, s.changes[0].key_hash};
    struct tree_node node = {0};
    if (child->kind == TREE_LEAF) {
        tree_key_hash(&child->key_hash, child->table, child->key);
        child->has_key_hash = true;
        node.child[tree_nibble(&child->key_hash, s.depth)] = *child;
    }
    enum rc rc = update_children(u, &node, s, changed);
    return rc != RC_OK ? rc : write_node(u, child, &node, &place);
}

static enum rc update_child(struct update *u, struct tree_child *child, struct slice s,
                            bool *changed)
{
    const struct tree_change *first = &s.changes[0];
    if (child->kind == TREE_INNER)
        return update_inner(u, child, s, changed);
    bool present = leaf_is(child, first->table, first->key);
    if (s.count > 1 || (child->kind == TREE_LEAF && !present))
        return update_split(u, child, s, changed);
    if (present && bytes_equal(child->value, first->value))
        return RC_OK;
    *changed = true;
    *child = (struct tree_child){.kind = TREE_LEAF,
                                 .table = first->table,
                                 .key = first->key,
                                 .value = first->value,
                                 .has_key_hash = true,
                                 .key_hash = first->key_hash};
    return RC_OK;
}

static int compare_changes(const void *a, const void *b)
{
    const struct tree_change *left = a, *right = b;
    return memcmp(left->key_hash.bytes, right->key_hash.bytes, DIGEST_BYTES);
}

static void prepare_changes(struct tree_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK(changes[i].table > 0 && changes[i].table < STATE_TABLE_END);
        CHECK(changes[i].key.size <= STATE_KEY_BYTES_MAX);
        CHECK(changes[i].value.size <= STATE_VALUE_BYTES_MAX);
        tree_key_hash(&changes[i].key_hash, changes[i].table, changes[i].key);
    }
    if (count > 1)
        qsort(changes, count, sizeof *changes, compare_changes);
    for (size_t i = 1; i < count; i++)
        CHECK(!digest_equal(&changes[i - 1].key_hash, &changes[i].key_hash));
}

/* A tree from nothing has its top node even without entries, so that "not there" is said by it. */
static enum rc update_top(struct update *u, struct tree_child *top, struct slice s, bool is_first,
                          bool *changed)
{
    if (!is_first)
        return s.count == 0 ? RC_OK : update_inner(u, top, s, changed);
    struct tree_place place = {.version = u->version};
    struct tree_node node = {0};
    *changed = true;
    enum rc rc = update_children(u, &node, s, changed);
    return rc != RC_OK ? rc : write_node(u, top, &node, &place);
}

enum rc tree_update(struct tree_ref *out, struct kv_batch *batch, struct kv_view *v,
                    const struct tree_ref *from, uint64_t version, struct tree_change *changes,
                    size_t changes_count)
{
    CHECK(from == NULL || version > from->version);
    prepare_changes(changes, changes_count);
    struct update u = {.view = v, .batch = batch, .version = version};
    struct slice all = {changes, changes_count, 0};
    struct tree_child top = {.kind = TREE_INNER, .has_hash = true};
    if (from != NULL) {
        top.version = from->version;
        top.hash = from->root;
    }
    bool changed = false;
    enum rc rc = update_top(&u, &top, all, from == NULL, &changed);
    buf_free(&u.value);
    if (rc != RC_OK)
        return rc;
    *out = (struct tree_ref){.version = top.version, .root = top.hash};
    if (!changed)
        return RC_OK;
    uint8_t key[8];
    struct wr w = wr_of(key, sizeof key);
    wr_be64(&w, version);
    kv_batch_put(batch, KV_ROOT, wr_bytes_of(&w), bytes_of(top.hash.bytes, DIGEST_BYTES));
    return RC_OK;
}

void tree_build(struct digest *out, struct kv_batch *batch, const struct tree_place *place,
                const struct tree_change *entries, size_t entries_count)
{
    CHECK(place->depth == 0 || entries_count >= 2);
    struct update u = {.batch = batch, .version = place->version};
    struct slice all = {entries, entries_count, place->depth};
    struct tree_node node = {0};
    struct tree_child top = {0};
    bool changed = false;
    enum rc rc = update_children(&u, &node, all, &changed); /* of empty slots: nothing is read */
    if (rc == RC_OK)
        rc = write_node(&u, &top, &node, place);
    CHECK(rc == RC_OK);
    buf_free(&u.value);
    *out = top.hash;
}

/* ---- dropping ---- */

/* A key of KV_STALE: judged, because what it names is deleted. */
static bool decode_stale(uint64_t *replaced_by, struct bytes *place_key, struct bytes key)
{
    struct rd r = rd_of(key);
    *replaced_by = rd_be64(&r);
    *place_key = rd_take(&r, r.left);
    struct tree_place place;
    return rd_done(&r) && tree_place_decode(&place, *place_key) && place.version < *replaced_by;
}

enum rc tree_drop_stale(struct kv_batch *batch, struct kv_view *v, uint64_t oldest_kept,
                        size_t nodes_max, size_t *dropped)
{
    struct kv_cursor *cursor;
    *dropped = 0;
    enum rc rc = kv_cursor_open(&cursor, v, KV_STALE);
    if (rc != RC_OK)
        return rc;
    struct bytes key, value, place_key;
    uint64_t replaced_by;
    rc = nodes_max == 0 ? RC_NOT_FOUND : kv_cursor_seek(cursor, bytes_of(NULL, 0), &key, &value);
    while (rc == RC_OK) {
        if (value.size != 0 || !decode_stale(&replaced_by, &place_key, key)) {
            rc = RC_STORE_DAMAGED;
            break;
        }
        if (replaced_by > oldest_kept) /* the version before it still needs the node */
            break;
        kv_batch_delete(batch, KV_TREE, place_key);
        kv_batch_delete(batch, KV_STALE, key);
        if (++*dropped == nodes_max)
            break;
        rc = kv_cursor_next(cursor, &key, &value);
    }
    kv_cursor_close(cursor);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}
