/* The audit of the trees that a store keeps beside the flushed one, and of the list of nodes that
 * it will drop. */
#include <string.h>

#include "ledger/tree_node.h"
#include "tests/help/audited.h"
#include "tests/help/unit.h"

/* ---- the list ---- */

enum { STALE_KEY_BYTES_MAX = 8 + TREE_PLACE_KEY_BYTES_MAX };

static struct bytes stale_key(uint8_t out[static STALE_KEY_BYTES_MAX], uint64_t replaced_by,
                              const struct tree_place *place)
{
    struct wr w = wr_of(out, 8);
    wr_be64(&w, replaced_by);
    return bytes_of(out, 8 + tree_place_encode(out + 8, place).size);
}

static void put_stale(struct chain *c, uint64_t replaced_by, const struct tree_place *place)
{
    uint8_t room[STALE_KEY_BYTES_MAX];
    tamper_put(c, KV_STALE, stale_key(room, replaced_by, place), bytes_of(NULL, 0));
}

/* A node right below the top of the flushed tree that an older version wrote and it still uses. */
static struct tree_place old_node_of(struct chain *c)
{
    struct tree_ref tree = store_tree(c->store);
    struct tree_place top = {.version = tree.version};
    struct tree_node node;
    assert_int_equal(tree_node_get(&node, store_view(c->store), &top), RC_OK);
    for (unsigned i = 0; i < TREE_CHILDREN; i++) {
        if (node.child[i].kind != TREE_INNER || node.child[i].version == tree.version)
            continue;
        struct tree_place place = {.version = node.child[i].version, .depth = 1};
        place.path.bytes[0] = (uint8_t)(i << 4);
        return place;
    }
    fail_msg("all nodes below the top are of the newest version");
    return top;
}

/* The first entry of the list of a version, and the node that it names. */
static struct tree_place first_stale(struct chain *c, uint64_t replaced_by)
{
    struct kv_cursor *cursor;
    struct bytes key, value;
    struct tree_place place;
    assert_int_equal(kv_cursor_open(&cursor, store_view(c->store), KV_STALE), RC_OK);
    struct bytes from = tamper_height_key(replaced_by);
    assert_int_equal(kv_cursor_seek(cursor, from, &key, &value), RC_OK);
    assert_true(bytes_has_prefix(key, from));
    assert_true(tree_place_decode(&place, bytes_of(key.data + 8, key.size - 8)));
    kv_cursor_close(cursor);
    return place;
}

/* Few transactions, so that most nodes stay as they were. */
static void open_quiet_chain(struct chain *c, uint32_t blocks_count)
{
    chain_open(c,
               &(struct chain_options){
                   .seed = 7, .txs_per_block = 1, .ops_per_tx = 1, .accounts_count = 200},
               kv_mem_new());
    chain_grow(c, blocks_count);
}

/* A node of the flushed tree on the list would be dropped some checkpoints later. */
static void live_node_on_stale_list_is_found(void **state)
{
    (void)state;
    struct chain c;
    open_quiet_chain(&c, 40);
    struct tree_place place = old_node_of(&c);
    put_stale(&c, place.version + 1, &place);
    audited_expect(&c, 40,
                   "table stale: an entry drops a node that the tree of height 40 needs (key ");
}

/* A node that only the older checkpoint's tree uses, listed under a version that is too low. */
static void node_of_older_checkpoint_on_stale_list_is_found(void **state)
{
    (void)state;
    struct chain c;
    open_quiet_chain(&c, 12);
    struct tree_place place = first_stale(&c, 12);
    assert_true(place.version < 8); /* replaced at 12, so the tree of height 8 uses it */
    put_stale(&c, 8, &place);
    audited_expect(&c, 12,
                   "table stale: an entry drops a node that the tree of height 8 needs (key ");
}

/* Heights without changes have the tree of an older version, whose nodes they need all the same. */
static void node_listed_under_a_height_without_changes_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    struct tree_place top = {.version = 8};
    for (int i = 0; i < 4; i++)
        chain_add_block(&c, NULL, 0);
    assert_int_equal(store_flushed_height(c.store), 12);
    assert_int_equal(store_tree(c.store).version, 8);
    put_stale(&c, 10, &top);
    audited_expect(&c, 12,
                   "table stale: an entry drops a node that the tree of height 12 needs (key ");
}

/* A tree may be kept as the last checkpoint's and for a quiet height without changes after it; then
 * the latter counts. */
static void node_listed_under_a_quiet_height_without_changes_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct certificate certificate;
    struct audit_report report;
    const struct tree_place top = {.version = 4};
    chain_open(&c, &(struct chain_options){.seed = 3, .layer_bytes_max = 1}, kv_mem_new());
    chain_grow(&c, 4);
    chain_add_block(&c, NULL, 0);
    chain_add_block(&c, NULL, 0);
    struct digest digest = *store_head_digest(c.store);
    struct digest root = store_tree(c.store).root;
    assert_int_equal(store_tree(c.store).version, 4);
    chain_grow(&c, 1);
    chain_certify(&c, &certificate, CERT_CHECKPOINT, 6, &digest, &root, 0);
    tamper_put_certificate(&c, &certificate);
    assert_int_equal(audited_run(&c, &report), RC_OK);
    put_stale(&c, 6, &top);
    audited_expect(&c, 7,
                   "table stale: an entry drops a node that the tree of height 6 needs (key ");
}

/* Entries that name no node that can have been replaced; one of them lies in wait for a node to
 * come. */
static void entry_of_no_replaced_node_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    uint8_t room[6][STALE_KEY_BYTES_MAX + 1];
    const struct tree_place now = {.version = 8}, later = {.version = 9};
    const struct tree_place too_deep = {.version = 0, .depth = TREE_DEPTH_MAX - 1};
    struct bytes same = stale_key(room[1], 8, &now), longer = stale_key(room[3], 4, &now);
    longer.size++;
    room[3][longer.size - 1] = 0;
    const struct bytes keys[] = {stale_key(room[0], 10, &later), same,
                                 stale_key(room[2], 9, &now),    longer,
                                 bytes_of(room[2], 7),           stale_key(room[5], 8, &too_deep)};
    audited_open(&c);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        tamper_put(&c, KV_STALE, keys[i], bytes_of(NULL, 0));
        assert_int_equal(audited_run(&c, &report), RC_PROOF);
        assert_int_equal(report.fault_height, 8);
        assert_memory_equal(report.fault_field, "table stale: an entry that belongs to nothing",
                            45);
        tamper_delete(&c, KV_STALE, keys[i]);
    }
    /* A right key, but with something to say. */
    struct tree_place place = first_stale(&c, 8);
    tamper_put(&c, KV_STALE, stale_key(room[4], 8, &place), bytes_of_text("x"));
    audited_expect(&c, 8, "table stale: an entry that belongs to nothing");
}

/* ---- the trees ---- */

static void drop_top(struct chain *c, uint64_t version)
{
    uint8_t room[TREE_PLACE_KEY_BYTES_MAX];
    struct tree_place top = {.version = version};
    tamper_delete(c, KV_TREE, tree_place_encode(room, &top));
}

static void expect_damaged(struct chain *c, uint64_t height, const char *field)
{
    struct audit_report report;
    assert_int_equal(audited_run(c, &report), RC_STORE_DAMAGED);
    assert_int_equal(report.fault_height, height);
    assert_memory_equal(report.fault_field, field, strlen(field));
    chain_close(c);
}

/* The trees of the last two checkpoint heights are kept, certified or not yet: here 4 and 8, and at
 * height 10 neither is the flushed one. */
static void missing_node_of_kept_checkpoint_is_found(void **state)
{
    (void)state;
    struct chain c;
    for (uint64_t height = 4; height <= 8; height += 4) {
        audited_open(&c);
        chain_grow(&c, 2);
        assert_int_equal(store_flush(c.store, NULL), RC_OK);
        tamper_delete(&c, KV_CHECKPOINT, tamper_height_key(4));
        tamper_delete(&c, KV_CHECKPOINT, tamper_height_key(8));
        drop_top(&c, height);
        expect_damaged(&c, height, "kept tree: ");
    }
}

/* A node with another balance in it, and right checksums. */
static void changed_node_of_kept_checkpoint_is_found(void **state)
{
    (void)state;
    struct chain c;
    uint8_t room[TREE_PLACE_KEY_BYTES_MAX];
    audited_open(&c);
    struct tree_place place = first_stale(&c, 8);
    struct bytes key = tree_place_encode(room, &place);
    struct buf node = tamper_get(&c, KV_TREE, key);
    node.data[node.size - 1] ^= 1;
    tamper_put(&c, KV_TREE, key, buf_bytes(&node));
    buf_free(&node);
    expect_damaged(&c, 4, "kept tree: ");
}

/* A checkpoint that was certified at a quiet height is the one that proofs are made from. */
static void missing_node_of_quiet_checkpoint_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct certificate certificate;
    struct audit_report report;
    chain_open(&c, &(struct chain_options){.seed = 3, .layer_bytes_max = 1}, kv_mem_new());
    chain_grow(&c, 6);
    struct digest digest = *store_head_digest(c.store);
    struct digest root = store_tree(c.store).root;
    chain_grow(&c, 1);
    chain_certify(&c, &certificate, CERT_CHECKPOINT, 6, &digest, &root, 0);
    tamper_put_certificate(&c, &certificate);
    assert_int_equal(audited_run(&c, &report), RC_OK);
    drop_top(&c, 6);
    expect_damaged(&c, 6, "kept tree: ");
}

/* A quiet height that is kept, certified or not, with the next checkpoint flushed above it. */
static void open_with_quiet(struct chain *c, uint64_t height)
{
    struct kv_batch *batch = kv_batch_new();
    chain_open(c, &(struct chain_options){.seed = 3}, kv_mem_new());
    chain_grow(c, (uint32_t)height);
    store_stage_keep(c->store, batch, height);
    struct store_flush_job *job = store_flush_begin(c->store);
    store_flush_compute(job);
    assert_int_equal(store_stage_flush(c->store, batch, job, NULL), RC_OK);
    struct store_mark mark = store_mark(c->store);
    assert_int_equal(kv_commit(c->kv, batch, NULL), RC_OK);
    assert_int_equal(store_on_durable(c->store, &mark, NULL), RC_OK);
    kv_batch_free(batch);
    chain_grow(c, 9 - (uint32_t)height);
}

static void missing_node_of_a_quiet_height_that_is_kept_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    open_with_quiet(&c, 6);
    assert_int_equal(store_kept(c.store)->heights[0], 6);
    assert_int_equal(store_kept(c.store)->heights[1], 8);
    assert_int_equal(audited_run(&c, &report), RC_OK);
    drop_top(&c, 6);
    expect_damaged(&c, 6, "kept tree: ");
}

/* It would be signed in a CHECKPOINT: it is made anew, as those of the multiples are. */
static void wrong_root_of_a_quiet_height_that_is_kept_is_found(void **state)
{
    (void)state;
    struct chain c;
    open_with_quiet(&c, 6);
    struct buf root = tamper_get(&c, KV_ROOT, tamper_height_key(6));
    root.data[0] ^= 1;
    tamper_put(&c, KV_ROOT, tamper_height_key(6), buf_bytes(&root));
    buf_free(&root);
    audited_expect(&c, 6, "state root: the store has ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_node_on_stale_list_is_found),
        cmocka_unit_test(node_of_older_checkpoint_on_stale_list_is_found),
        cmocka_unit_test(node_listed_under_a_height_without_changes_is_found),
        cmocka_unit_test(node_listed_under_a_quiet_height_without_changes_is_found),
        cmocka_unit_test(entry_of_no_replaced_node_is_found),
        cmocka_unit_test(missing_node_of_kept_checkpoint_is_found),
        cmocka_unit_test(changed_node_of_kept_checkpoint_is_found),
        cmocka_unit_test(missing_node_of_quiet_checkpoint_is_found),
        cmocka_unit_test(missing_node_of_a_quiet_height_that_is_kept_is_found),
        cmocka_unit_test(wrong_root_of_a_quiet_height_that_is_kept_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
