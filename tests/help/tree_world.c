#include "tests/help/tree_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/base/check.h"

/* ---- the model ---- */

struct bytes entry_key(const struct model_entry *e)
{
    return bytes_of(e->key, e->key_bytes);
}

struct bytes entry_value(const struct model_entry *e)
{
    return bytes_of(e->value, e->value_bytes);
}

static struct digest key_hash_of(uint8_t table, struct bytes key)
{
    struct digest hash;
    struct buf b = {0};
    buf_add_u8(&b, table);
    buf_add_bytes(&b, key);
    digest_of(&hash, TAG_STATE_KEY, buf_bytes(&b));
    buf_free(&b);
    return hash;
}

void model_free(struct model *m)
{
    for (size_t i = 0; i < m->count; i++)
        mem_free(m->entries[i]);
    mem_free(m->entries);
    *m = (struct model){0};
}

struct model model_copy(const struct model *from)
{
    struct model copy = {mem_alloc(from->count * sizeof *copy.entries), from->count};
    for (size_t i = 0; i < from->count; i++) {
        copy.entries[i] = mem_alloc(sizeof **copy.entries);
        *copy.entries[i] = *from->entries[i];
    }
    return copy;
}

/* The index of the first entry that is not before hash. */
static size_t model_index(const struct model *m, const struct digest *hash)
{
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(m->entries[middle]->key_hash.bytes, hash->bytes, DIGEST_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct model_entry *model_find(const struct model *m, uint8_t table, struct bytes key)
{
    struct digest hash = key_hash_of(table, key);
    size_t at = model_index(m, &hash);
    if (at == m->count || !digest_equal(&m->entries[at]->key_hash, &hash))
        return NULL;
    return m->entries[at];
}

void model_set(struct model *m, uint8_t table, struct bytes key, struct bytes value)
{
    CHECK(key.size <= STATE_KEY_BYTES_MAX && value.size <= STATE_VALUE_BYTES_MAX);
    struct digest hash = key_hash_of(table, key);
    size_t at = model_index(m, &hash);
    if (at == m->count || !digest_equal(&m->entries[at]->key_hash, &hash)) {
        m->entries = mem_resize(m->entries, (m->count + 1) * sizeof *m->entries);
        memmove(m->entries + at + 1, m->entries + at, (m->count - at) * sizeof *m->entries);
        m->count++;
        m->entries[at] = mem_alloc(sizeof **m->entries);
    }
    struct model_entry *e = m->entries[at];
    *e = (struct model_entry){.key_hash = hash, .table = table};
    e->key_bytes = key.size;
    e->value_bytes = value.size;
    if (key.size > 0)
        memcpy(e->key, key.data, key.size);
    if (value.size > 0)
        memcpy(e->value, value.data, value.size);
}

static unsigned nibble_at(const struct model_entry *e, unsigned depth)
{
    return e->key_hash.bytes[depth / 2] >> (depth % 2 == 0 ? 4 : 0) & 15;
}

static struct digest leaf_by_definition(const struct model_entry *e)
{
    struct digest hash;
    struct buf b = {0};
    buf_add(&b, e->key_hash.bytes, DIGEST_BYTES);
    buf_add_bytes(&b, entry_value(e));
    digest_of(&hash, TAG_STATE_LEAF, buf_bytes(&b));
    buf_free(&b);
    return hash;
}

/* The node over all entries of a sorted run, which share their first `depth` nibbles. */
static struct digest node_by_definition(struct model_entry *const *entries, size_t count,
                                        unsigned depth, size_t *nodes_count)
{
    uint16_t children = 0;
    struct buf hashes = {0};
    struct buf b = {0};
    size_t at = 0;
    for (unsigned nibble = 0; nibble < 16; nibble++) {
        size_t from = at;
        while (at < count && nibble_at(entries[at], depth) == nibble)
            at++;
        if (at == from)
            continue;
        struct digest child =
            at - from == 1 ? leaf_by_definition(entries[from])
                           : node_by_definition(entries + from, at - from, depth + 1, nodes_count);
        children |= (uint16_t)(1u << nibble);
        buf_add(&hashes, child.bytes, DIGEST_BYTES);
    }
    buf_add_u16(&b, children);
    buf_add_bytes(&b, buf_bytes(&hashes));
    struct digest hash;
    digest_of(&hash, TAG_STATE_NODE, buf_bytes(&b));
    buf_free(&b);
    buf_free(&hashes);
    ++*nodes_count;
    return hash;
}

struct digest model_root(const struct model *m, size_t *nodes_count)
{
    size_t nodes = 0;
    struct digest root = node_by_definition(m->entries, m->count, 0, &nodes);
    if (nodes_count != NULL)
        *nodes_count = nodes;
    return root;
}

/* ---- the world ---- */

static void look_anew(struct world *w)
{
    if (w->view != NULL)
        kv_view_close(w->view);
    assert_int_equal(kv_view_open(&w->view, w->kv, NULL), RC_OK);
}

void tree_world_commit(struct world *w, const struct kv_batch *b)
{
    assert_int_equal(kv_commit(w->kv, b, NULL), RC_OK);
    look_anew(w);
}

void tree_world_open(struct world *w)
{
    *w = (struct world){.kv = kv_mem_new()};
    look_anew(w);
    struct kv_batch *b = kv_batch_new();
    assert_int_equal(tree_update(&w->ref, b, w->view, NULL, 1, NULL, 0), RC_OK);
    tree_world_commit(w, b);
    kv_batch_free(b);
}

void tree_world_close(struct world *w)
{
    kv_view_close(w->view);
    kv_close(w->kv);
    model_free(&w->model);
}

void tree_world_update(struct world *w, uint64_t version, struct tree_change *changes, size_t count)
{
    struct kv_batch *b = kv_batch_new();
    struct tree_ref from = w->ref;
    assert_int_equal(tree_update(&w->ref, b, w->view, &from, version, changes, count), RC_OK);
    for (size_t i = 0; i < count; i++)
        model_set(&w->model, changes[i].table, changes[i].key, changes[i].value);
    tree_world_commit(w, b);
    kv_batch_free(b);
}

void tree_world_set(struct world *w, uint64_t version, const char *key, const char *value)
{
    struct tree_change change = {
        .table = STATE_BALANCE, .key = bytes_of_text(key), .value = bytes_of_text(value)};
    tree_world_update(w, version, &change, 1);
}

void tree_world_update_random(struct world *w, uint64_t version, struct prng *p, size_t keys_count,
                              size_t count)
{
    CHECK(count <= keys_count);
    struct tree_change *changes = mem_alloc(count * sizeof *changes);
    char(*keys)[32] = mem_alloc(count * sizeof *keys);
    uint8_t(*values)[32] = mem_alloc(count * sizeof *values);
    size_t start = prng_below(p, keys_count); /* a run of keys: distinct, and anywhere by hash */
    for (size_t i = 0; i < count; i++) {
        snprintf(keys[i], sizeof keys[i], "key-%zu", (start + i) % keys_count);
        prng_fill(p, values[i], sizeof values[i]);
        changes[i] = (struct tree_change){.table = STATE_BALANCE, .key = bytes_of_text(keys[i])};
        changes[i].value = bytes_of(values[i], prng_below(p, sizeof values[i] + 1));
    }
    tree_world_update(w, version, changes, count);
    mem_free(changes);
    mem_free(keys);
    mem_free(values);
}

void tree_world_put_raw(struct world *w, enum kv_table table, struct bytes key, struct bytes value)
{
    struct kv_batch *b = kv_batch_new();
    kv_batch_put(b, table, key, value);
    tree_world_commit(w, b);
    kv_batch_free(b);
}

void tree_world_delete_raw(struct world *w, enum kv_table table, struct bytes key)
{
    struct kv_batch *b = kv_batch_new();
    kv_batch_delete(b, table, key);
    tree_world_commit(w, b);
    kv_batch_free(b);
}

uint64_t tree_world_count(struct world *w, enum kv_table table)
{
    uint64_t count = 0;
    assert_int_equal(kv_count(w->view, table, &count), RC_OK);
    return count;
}

static struct bytes copy_of(struct bytes from)
{
    uint8_t *data = mem_alloc(from.size);
    if (from.size > 0)
        memcpy(data, from.data, from.size);
    return bytes_of(data, from.size);
}

struct pair *tree_world_pairs(struct world *w, enum kv_table table, size_t *count)
{
    struct pair *pairs = mem_alloc(tree_world_count(w, table) * sizeof *pairs);
    struct kv_cursor *c;
    struct bytes key, value;
    *count = 0;
    assert_int_equal(kv_cursor_open(&c, w->view, table), RC_OK);
    enum rc rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value);
    for (; rc == RC_OK; rc = kv_cursor_next(c, &key, &value))
        pairs[(*count)++] = (struct pair){copy_of(key), copy_of(value)};
    assert_int_equal(rc, RC_NOT_FOUND);
    kv_cursor_close(c);
    return pairs;
}

void pairs_free(struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free((void *)(uintptr_t)pairs[i].key.data);
        mem_free((void *)(uintptr_t)pairs[i].value.data);
    }
    mem_free(pairs);
}

struct tree_child leaf_of(const char *key)
{
    struct tree_child leaf = {.kind = TREE_LEAF, .table = STATE_BALANCE};
    leaf.key = leaf.value = bytes_of_text(key);
    leaf.has_key_hash = leaf.has_hash = true;
    tree_key_hash(&leaf.key_hash, leaf.table, leaf.key);
    tree_leaf_hash(&leaf.hash, &leaf.key_hash, leaf.value);
    return leaf;
}

/* ---- comparing both ---- */

struct walked {
    const struct model *model;
    size_t count;
};

static enum rc visit(void *context, const struct digest *key_hash, uint8_t table, struct bytes key,
                     struct bytes value)
{
    struct walked *walked = context;
    assert_true(walked->count < walked->model->count);
    const struct model_entry *e = walked->model->entries[walked->count++];
    assert_true(digest_equal(key_hash, &e->key_hash));
    assert_int_equal(table, e->table);
    assert_true(bytes_equal(key, entry_key(e)));
    assert_true(bytes_equal(value, entry_value(e)));
    return RC_OK;
}

void assert_tree_is_model(struct kv_view *v, const struct tree_ref *ref, const struct model *m)
{
    struct digest root = model_root(m, NULL);
    assert_true(digest_equal(&root, &ref->root));
    for (size_t i = 0; i < m->count; i++) {
        const struct model_entry *e = m->entries[i];
        for (int care = TREE_TRUST; care <= TREE_VERIFY; care++) {
            struct bytes value;
            assert_int_equal(tree_get(v, ref, (enum tree_care)care, e->table, entry_key(e), &value),
                             RC_OK);
            assert_true(bytes_equal(value, entry_value(e)));
        }
    }
    struct walked walked = {m, 0};
    assert_int_equal(tree_walk(v, ref, visit, &walked, NULL), RC_OK);
    assert_int_equal(walked.count, m->count);
}
