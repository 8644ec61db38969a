#include "tests/help/rot.h"

#include <string.h>

#include "crypto/base/check.h"
#include "ledger/kv_impl.h"
#include "ledger/state.h"
#include "ledger/tree_node.h"

enum { VERSION_AT = 8, ROOT_AT = 16 }; /* of "derived" (ledger/store.h) */

struct rot {
    struct kv_view *view;
    struct kv_batch *batch;
    enum state_table table;
    uint64_t left; /* entries to pass by */
    uint64_t passed;
    struct digest key_hash;
    uint8_t value[STATE_VALUE_BYTES_MAX];
    size_t value_bytes;
};

/* A balance rises by one minor unit; a record's data are a byte longer. */
static void bend(struct rot *r, struct bytes value)
{
    size_t at = r->table == STATE_BALANCE ? 0 : value.size - 4;
    CHECK(value.size <= sizeof r->value && value.size >= 8);
    memcpy(r->value, value.data, value.size);
    r->value_bytes = value.size;
    for (size_t i = at; ++r->value[i] == 0;)
        i++; /* a number ends before it carries beyond its bytes */
}

static enum rc pick(void *context, const struct digest *key_hash, uint8_t table, struct bytes key,
                    struct bytes value)
{
    struct rot *r = context;
    (void)key;
    if (table != r->table)
        return RC_OK;
    r->passed++;
    if (r->left-- > 0)
        return RC_OK;
    bend(r, value);
    r->key_hash = *key_hash;
    return RC_INTERRUPTED; /* found */
}

/* Set it below this place, and the hashes up from there. */
static void rewrite(struct rot *r, const struct tree_place *place, struct digest *hash)
{
    uint8_t key[TREE_PLACE_KEY_BYTES_MAX];
    struct tree_node node;
    struct buf bytes = {0};
    CHECK(tree_node_get(&node, r->view, place) == RC_OK);
    struct tree_child *child = &node.child[tree_nibble(&r->key_hash, place->depth)];
    if (child->kind == TREE_INNER) {
        struct tree_place below = {child->version, place->depth + 1, r->key_hash};
        rewrite(r, &below, &child->hash);
    } else {
        child->value = bytes_of(r->value, r->value_bytes);
        child->has_hash = false;
    }
    CHECK(tree_node_hash_leaves(&node, place));
    tree_node_hash_of(hash, &node);
    tree_node_encode(&bytes, &node);
    kv_batch_put(r->batch, KV_TREE, tree_place_encode(key, place), buf_bytes(&bytes));
    buf_free(&bytes);
}

static void put_root(struct rot *r, struct bytes derived, const struct digest *root)
{
    struct buf bent = {0};
    struct rd rd = rd_of(bytes_of(derived.data + VERSION_AT, 8));
    uint8_t room[8];
    struct wr w = wr_of(room, sizeof room);
    wr_be64(&w, rd_u64(&rd));
    kv_batch_put(r->batch, KV_ROOT, wr_bytes_of(&w), bytes_of(root->bytes, DIGEST_BYTES));
    buf_add_bytes(&bent, derived);
    memcpy(bent.data + ROOT_AT, root->bytes, DIGEST_BYTES);
    kv_batch_put(r->batch, KV_META, bytes_of_text("derived"), buf_bytes(&bent));
    buf_free(&bent);
}

uint64_t rot_state(struct kv *kv, uint64_t number)
{
    struct rot r = {.left = UINT64_MAX, .table = STATE_BALANCE};
    struct bytes derived;
    struct tree_ref tree;
    struct digest root;
    CHECK(kv_view_open(&r.view, kv, NULL) == RC_OK);
    CHECK(kv_get(r.view, KV_META, bytes_of_text("derived"), &derived) == RC_OK);
    struct rd rd = rd_of(derived);
    uint64_t flushed_height = rd_u64(&rd);
    tree.version = rd_u64(&rd);
    rd_copy(&rd, tree.root.bytes, DIGEST_BYTES);
    CHECK(!rd.failed);
    CHECK(tree_walk(r.view, &tree, pick, &r, NULL) == RC_OK); /* counts them */
    if (r.passed == 0) {
        r.table = STATE_RECORD;
        CHECK(tree_walk(r.view, &tree, pick, &r, NULL) == RC_OK);
    }
    CHECK(r.passed > 0);
    r.left = number % r.passed;
    CHECK(tree_walk(r.view, &tree, pick, &r, NULL) == RC_INTERRUPTED);
    r.batch = kv_batch_new();
    struct tree_place top = {.version = tree.version};
    rewrite(&r, &top, &root);
    put_root(&r, derived, &root);
    CHECK(kv_commit(kv, r.batch, NULL) == RC_OK);
    kv_batch_free(r.batch);
    kv_view_close(r.view);
    return flushed_height;
}

uint64_t rot_top_node(struct kv *kv)
{
    struct kv_view *view;
    struct bytes derived, node;
    uint8_t room[TREE_PLACE_KEY_BYTES_MAX];
    struct tree_place top = {.version = 0};
    CHECK(kv_view_open(&view, kv, NULL) == RC_OK);
    CHECK(kv_get(view, KV_META, bytes_of_text("derived"), &derived) == RC_OK);
    struct rd rd = rd_of(derived);
    uint64_t flushed_height = rd_u64(&rd);
    top.version = rd_u64(&rd);
    CHECK(!rd.failed);
    struct bytes key = tree_place_encode(room, &top);
    enum rc rc = kv_get(view, KV_TREE, key, &node);
    CHECK(rc == RC_OK || rc == RC_STORE_DAMAGED); /* it may be so already */
    struct kv_batch *batch = kv_batch_new();
    if (rc == RC_OK) {
        kv_batch_put(batch, KV_TREE, key, node);
        struct bytes sealed = kv_record_sealed(kv_record_next(batch, NULL));
        ((uint8_t *)(uintptr_t)sealed.data)[sealed.size / 2] ^= 1; /* nobody else does that */
        CHECK(kv_commit(kv, batch, NULL) == RC_OK);
    }
    kv_batch_free(batch);
    kv_view_close(view);
    return flushed_height;
}
