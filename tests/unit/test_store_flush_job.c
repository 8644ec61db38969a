/* A flush that is computed beside all else: what it reads stands still, however far the store goes
 * on meanwhile, and what comes of it is what the store would have made by itself. */
#include <string.h>

#include "ledger/tree_node.h"
#include "tests/help/staged.h"
#include "tests/help/unit.h"

enum { EVERY = 4, END = 60 };

static struct staged t;
static struct store_flush_job *job;

static int setup(void **state)
{
    (void)state;
    job = NULL;
    staged_open(&t,
                &(struct chain_options){
                    .seed = 3, .checkpoint_every_heights = EVERY, .certificate_every_heights = 3},
                END);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_flush_abandon(job);
    staged_close(&t);
    return 0;
}

static void begin(void)
{
    assert_null(job);
    assert_true(store_flush_is_due(t.chain.store));
    job = store_flush_begin(t.chain.store);
    assert_non_null(job);
}

static void stage(void)
{
    struct why why = {{0}};
    assert_int_equal(store_stage_flush(t.chain.store, t.batch, job, &why), RC_OK);
    job = NULL;
}

/* What stands at that height in both stores. */
static void expect_root(uint64_t height)
{
    struct digest sound, beside;
    assert_int_equal(store_get_root(t.sound.store, height, &sound, NULL), RC_OK);
    assert_int_equal(store_get_root(t.chain.store, height, &beside, NULL), RC_OK);
    assert_true(digest_equal(&sound, &beside));
}

/* ---- what it gives ---- */

/* Begun, held for a while and computed early or late; blocks and batches go on all the time. */
static void flush_beside(uint32_t held_steps, bool is_early)
{
    uint32_t step = 0, began = 0, staged_count = 0;
    while (store_head(t.chain.store)->height < END || store_flushes_due(t.chain.store) > 0) {
        uint64_t height = store_head(t.chain.store)->height + 1 + step % 3;
        staged_append_to(&t, height < END ? height : END);
        if (job == NULL && store_flush_is_due(t.chain.store)) {
            begin();
            began = step;
            if (is_early)
                store_flush_compute(job);
        }
        if (job != NULL && step >= began + held_steps) {
            if (!is_early)
                store_flush_compute(job);
            stage();
            staged_count++;
        }
        staged_commit(&t);
        step++;
    }
    assert_int_equal(staged_count, END / EVERY);
}

static void trees_made_beside_are_those_made_in_turn(void **state)
{
    for (uint32_t held_steps = 0; held_steps < 5; held_steps++)
        for (int is_early = 0; is_early < 2; is_early++) {
            flush_beside(held_steps, is_early);
            for (uint64_t height = EVERY; height <= END; height += EVERY)
                expect_root(height);
            staged_expect_same(&t);
            staged_expect_audited(&t);
            teardown(state);
            setup(state);
        }
}

/* Blocks of many more flushes are appended and durable by the time that it is computed: its layer
 * is under all of theirs, and nobody frees or moves it (under ASan this test holds that). */
static void its_layer_stays_while_others_are_set_aside_above_it(void **state)
{
    (void)state;
    struct place place;
    struct block block;
    struct tx tx;
    staged_append_to(&t, EVERY);
    staged_commit(&t);
    begin();
    for (uint64_t height = EVERY + 1; height <= END; height++) {
        staged_append(&t);
        staged_commit(&t);
    }
    assert_int_equal(store_flushes_due(t.chain.store), END / EVERY);
    store_flush_compute(job);
    staged_block(&t, 2, &block); /* found through all layers, down to the one that was lent */
    struct rd r = rd_of(block.body);
    assert_int_equal(tx_decode(&tx, block_next_tx(&r), &t.sound.genesis.chain_id), VERDICT_OK);
    assert_int_equal(store_get_place(t.chain.store, &tx.id, &place, NULL), RC_OK);
    assert_int_equal(place.height, 2);
    stage();
    staged_commit(&t);
    assert_int_equal(store_flushed_height(t.chain.store), EVERY);
    expect_root(EVERY);
    assert_int_equal(store_get_place(t.chain.store, &tx.id, &place, NULL), RC_OK);
    staged_settle(&t);
    staged_expect_same(&t);
}

/* ---- one after the other ---- */

static void one_is_under_way_until_it_is_durable(void **state)
{
    (void)state;
    struct store *s = t.chain.store;
    assert_null(store_flush_begin(s)); /* nothing is due */
    staged_append_to(&t, 2 * EVERY);
    staged_commit(&t);
    begin();
    assert_false(store_flush_is_due(s));
    assert_null(store_flush_begin(s));
    store_flush_compute(job);
    assert_null(store_flush_begin(s));
    stage();
    assert_false(store_flush_is_due(s)); /* it would grow from a tree that is not there yet */
    assert_null(store_flush_begin(s));
    staged_commit(&t);
    begin();
}

/* The batch has the flush beside what else is decided, and its mark says so: one durable step. */
static void it_lands_with_the_batch_that_it_was_staged_in(void **state)
{
    (void)state;
    struct store *s = t.chain.store;
    staged_append_to(&t, EVERY);
    staged_commit(&t);
    begin();
    store_flush_compute(job);
    staged_append_to(&t, EVERY + 2);
    struct store_mark before = store_mark(s);
    stage();
    struct store_mark mark = store_mark(s);
    assert_int_equal(before.flushed_height, 0);
    assert_int_equal(before.kept.heights[1], 0);
    assert_int_equal(mark.flushed_height, EVERY);
    assert_int_equal(mark.kept.heights[1], EVERY);
    assert_int_equal(mark.height, EVERY + 2);
    kv_mem_begin(t.chain.kv, t.batch);
    assert_int_equal(store_flushed_height(s), 0);
    assert_int_equal(store_kept(s)->heights[1], 0);
    kv_mem_finish(t.chain.kv, false); /* lost: all of it */
    staged_reopen(&t);
    assert_int_equal(store_head(t.chain.store)->height, EVERY);
    assert_int_equal(store_flushed_height(t.chain.store), 0);
    assert_int_equal(store_kept(t.chain.store)->heights[1], 0);
    assert_int_equal(store_flushes_due(t.chain.store), 1);
}

static void one_that_is_abandoned_is_due_again(void **state)
{
    (void)state;
    staged_append_to(&t, EVERY);
    staged_commit(&t);
    for (int i = 0; i < 4; i++) {
        begin();
        if (i % 2 == 1)
            store_flush_compute(job);
        store_flush_abandon(job);
        job = NULL;
    }
    assert_int_equal(kv_batch_count(t.batch), 0);
    staged_settle(&t);
    expect_root(EVERY);
    store_flush_abandon(NULL);
}

/* ---- what it cannot read ---- */

static void a_tree_that_cannot_be_read_is_told_when_it_is_staged(void **state)
{
    (void)state;
    struct store *s = t.chain.store;
    struct why why = {{0}};
    struct tree_place top = {.version = EVERY};
    uint8_t room[TREE_PLACE_KEY_BYTES_MAX];
    struct bytes found;
    struct buf value = {0};
    staged_append_to(&t, EVERY);
    staged_commit(&t);
    staged_settle(&t);
    struct bytes key = tree_place_encode(room, &top);
    assert_int_equal(kv_get(store_view(s), KV_TREE, key, &found), RC_OK);
    buf_add_bytes(&value, found);
    kv_batch_delete(t.batch, KV_TREE, key);
    staged_append_to(&t, 2 * EVERY);
    staged_commit(&t);

    store_stage_proposal_drop(t.batch, 2 * EVERY + 1, store_head_digest(s)); /* anything */
    begin();
    store_flush_compute(job);
    assert_int_equal(store_stage_flush(s, t.batch, job, &why), RC_STORE_DAMAGED);
    job = NULL;
    assert_non_null(strstr(why.text, "the state tree of height 8 cannot be updated"));
    assert_int_equal(kv_batch_count(t.batch), 1);
    assert_true(store_flush_is_due(s));

    kv_batch_put(t.batch, KV_TREE, key, buf_bytes(&value));
    buf_free(&value);
    staged_commit(&t);
    staged_settle(&t);
    expect_root(2 * EVERY);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(trees_made_beside_are_those_made_in_turn),
        T(its_layer_stays_while_others_are_set_aside_above_it),
        T(one_is_under_way_until_it_is_durable),
        T(it_lands_with_the_batch_that_it_was_staged_in),
        T(one_that_is_abandoned_is_due_again),
        T(a_tree_that_cannot_be_read_is_told_when_it_is_staged),
    };
    return cmocka_run_group_tests_name("store_flush_job", tests, NULL, NULL);
}
