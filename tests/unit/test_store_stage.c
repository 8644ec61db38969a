/* Appending through somebody else's batch: what is staged is seen at once, what is durable is what
 * the batches made so, and the outcome is that of a store that commits by itself. */
#include "tests/help/staged.h"
#include "tests/help/unit.h"

enum { EVERY = 4, MANY = 69, END = 80 };

static struct staged t;

static int open_with(uint64_t layer_bytes_max)
{
    staged_open(&t,
                &(struct chain_options){.seed = 3,
                                        .checkpoint_every_heights = EVERY,
                                        .certificate_every_heights = 3,
                                        .layer_bytes_max = layer_bytes_max},
                END);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return open_with(0);
}

static int teardown(void **state)
{
    (void)state;
    staged_close(&t);
    return 0;
}

/* ---- what is seen when ---- */

static uint64_t balance_of(struct store *s, uint32_t account_index)
{
    char room[CHAIN_ACCOUNT_ROOM];
    struct state_balance balance;
    struct layer *above = layer_new(store_layer(s), NULL);
    bool found = state_get_balance(above, chain_account(room, &t.sound, account_index),
                                   bytes_of_text(chain_asset_codes[0]), &balance);
    assert_int_equal(layer_rc(above), RC_OK);
    layer_free(above);
    return found ? balance.amount : 0;
}

static enum rc find_tx(uint64_t height, struct place *place)
{
    struct block block;
    struct tx tx;
    staged_block(&t, height, &block);
    struct rd r = rd_of(block.body);
    assert_int_equal(tx_decode(&tx, block_next_tx(&r), &t.sound.genesis.chain_id), VERDICT_OK);
    return store_get_place(t.chain.store, &tx.id, place, NULL);
}

static void staged_blocks_are_seen_at_once_and_by_height_when_durable(void **state)
{
    (void)state;
    struct store *s = t.chain.store;
    struct block first, found;
    struct certificate certificate;
    struct place place;
    staged_append_to(&t, 3);
    staged_block(&t, 3, &first);
    assert_int_equal(store_head(s)->height, 3);
    assert_true(digest_equal(store_head_digest(s), &first.digest));
    assert_int_equal(find_tx(3, &place), RC_OK);
    assert_int_equal(place.height, 3);
    assert_int_not_equal(balance_of(s, 0), CHAIN_OPENING);
    assert_int_equal(store_get_block(s, 3, &found, NULL), RC_NOT_FOUND);
    assert_int_equal(store_get_certificate(s, 1, &certificate, NULL), RC_NOT_FOUND);

    struct store_mark mark = store_mark(s);
    assert_int_equal(kv_commit(t.chain.kv, t.batch, NULL), RC_OK);
    assert_int_equal(store_get_block(s, 3, &found, NULL), RC_NOT_FOUND);
    assert_int_equal(store_on_durable(s, &mark, NULL), RC_OK);
    assert_int_equal(store_get_block(s, 3, &found, NULL), RC_OK);
    assert_true(bytes_equal(found.whole, first.whole));
    assert_int_equal(store_get_certificate(s, 1, &certificate, NULL), RC_OK);
    assert_int_equal(certificate.statement.height, 3);
    assert_int_equal(find_tx(4, &place), RC_NOT_FOUND);
}

/* A batch in flight: the store runs ahead of it, and a mark makes readable no more than its own. */
static void a_mark_gives_no_more_than_its_own_batch(void **state)
{
    (void)state;
    struct store *s = t.chain.store;
    struct block found;
    staged_append_to(&t, 2);
    struct store_mark first = store_mark(s);
    kv_mem_begin(t.chain.kv, t.batch);
    kv_batch_clear(t.batch);
    staged_append_to(&t, 5);
    struct store_mark second = store_mark(s);
    assert_int_equal(store_head(s)->height, 5);
    kv_mem_finish(t.chain.kv, true);
    assert_int_equal(store_on_durable(s, &first, NULL), RC_OK);
    assert_int_equal(store_get_block(s, 2, &found, NULL), RC_OK);
    assert_int_equal(store_get_block(s, 3, &found, NULL), RC_NOT_FOUND);
    kv_mem_begin(t.chain.kv, t.batch);
    kv_mem_finish(t.chain.kv, true);
    assert_int_equal(store_on_durable(s, &second, NULL), RC_OK);
    assert_int_equal(store_get_block(s, 5, &found, NULL), RC_OK);
}

/* ---- flushes ---- */

static struct digest root_at(struct store *s, uint64_t height)
{
    uint8_t key[8];
    struct wr w = wr_of(key, sizeof key);
    struct bytes value;
    struct digest root;
    wr_be64(&w, height);
    assert_int_equal(kv_get(store_view(s), KV_ROOT, wr_bytes_of(&w), &value), RC_OK);
    struct rd r = rd_of(value);
    rd_copy(&r, root.bytes, DIGEST_BYTES);
    assert_true(rd_done(&r));
    return root;
}

static void expect_root(uint64_t height)
{
    struct digest sound = root_at(t.sound.store, height), staged = root_at(t.chain.store, height);
    assert_true(digest_equal(&sound, &staged));
}

static enum rc count_entry(void *context, const struct digest *key_hash, uint8_t table,
                           struct bytes key, struct bytes value)
{
    (void)key_hash, (void)table, (void)key, (void)value;
    ++*(uint64_t *)context;
    return RC_OK;
}

/* The tree of this checkpoint height is the flushed one, whole, and the one it has to be. */
static void expect_flushed(uint64_t height)
{
    struct tree_ref tree = store_tree(t.chain.store);
    uint64_t entries_count = 0;
    assert_int_equal(store_flushed_height(t.chain.store), height);
    assert_int_equal(tree.version, height);
    assert_int_equal(tree_walk(store_view(t.chain.store), &tree, count_entry, &entries_count, NULL),
                     RC_OK);
    assert_true(entries_count > 0);
    expect_root(height);
}

static void many_blocks_in_one_batch_flush_each_checkpoint_in_turn(void **state)
{
    (void)state;
    staged_append_to(&t, MANY);
    staged_commit(&t);
    assert_int_equal(store_flushes_due(t.chain.store), MANY / EVERY);
    assert_int_equal(store_flushed_height(t.chain.store), 0);
    for (uint64_t height = EVERY; height <= MANY; height += EVERY) {
        assert_true(staged_flush(&t));
        staged_commit(&t);
        expect_flushed(height);
        assert_int_equal(store_flushes_due(t.chain.store), (MANY - height) / EVERY);
    }
    assert_false(staged_flush(&t));
    staged_append_to(&t, END);
    staged_commit(&t);
    staged_settle(&t);
    staged_expect_same(&t);
    staged_expect_audited(&t);
}

/* While a flush is on its way no other one is staged: it would grow from a tree that is not there
 * yet. Its height counts as flushed when it is durable. */
static void one_flush_at_a_time_is_on_its_way(void **state)
{
    (void)state;
    struct store *s = t.chain.store;
    staged_append_to(&t, 3 * EVERY);
    assert_true(staged_flush(&t)); /* in the batch of the blocks themselves */
    assert_false(staged_flush(&t));
    struct store_mark mark = store_mark(s);
    assert_int_equal(mark.height, 3 * EVERY);
    assert_int_equal(mark.flushed_height, EVERY);
    kv_mem_begin(t.chain.kv, t.batch);
    kv_batch_clear(t.batch);
    assert_false(staged_flush(&t));
    assert_int_equal(kv_batch_count(t.batch), 0);
    kv_mem_finish(t.chain.kv, true);
    assert_int_equal(store_flushed_height(s), 0);
    assert_int_equal(store_flushes_due(s), 3);
    assert_int_equal(store_on_durable(s, &mark, NULL), RC_OK);
    expect_flushed(EVERY);
    assert_int_equal(store_flushes_due(s), 2);
    assert_true(staged_flush(&t));
    staged_commit(&t);
    expect_flushed(2 * EVERY);
}

/* The layer's limit sets flushes aside between checkpoints, and they do not change what is there in
 * the end: byte for byte that of a store that commits by itself. */
static void the_same_chain_staged_gives_the_same_bytes(void **state)
{
    (void)state;
    staged_close(&t);
    open_with(71000);
    uint32_t flushes_count = 0;
    for (uint64_t height = 1; height <= END; height += 1 + height % 5) {
        staged_append_to(&t, height);
        flushes_count += staged_flush(&t);
        staged_commit(&t);
    }
    staged_append_to(&t, END);
    flushes_count += store_flushes_due(t.chain.store);
    staged_commit(&t);
    staged_settle(&t);
    assert_true(flushes_count > END / EVERY);
    staged_expect_same(&t);
    staged_expect_audited(&t);
}

/* ---- frozen layers ---- */

static enum rc collect_name(void *context, struct bytes key)
{
    struct buf *names = context;
    buf_add_bytes(names, key);
    buf_add_u8(names, '\n');
    return RC_OK;
}

static void expect_same_lists(void)
{
    struct buf sound = {0}, staged = {0};
    assert_int_equal(
        store_list(t.sound.store, STATE_BALANCE, bytes_of(NULL, 0), collect_name, &sound, NULL),
        RC_OK);
    assert_int_equal(
        store_list(t.chain.store, STATE_BALANCE, bytes_of(NULL, 0), collect_name, &staged, NULL),
        RC_OK);
    assert_true(sound.size > 100);
    assert_int_equal(staged.size, sound.size);
    assert_memory_equal(staged.data, sound.data, sound.size);
    buf_free(&sound);
    buf_free(&staged);
}

static void expect_same_readings(void)
{
    struct place place;
    for (uint32_t i = 0; i < t.sound.options.accounts_count; i++)
        assert_int_equal(balance_of(t.chain.store, i), balance_of(t.sound.store, i));
    for (uint64_t height = 1; height <= END; height++) {
        assert_int_equal(find_tx(height, &place), RC_OK);
        assert_int_equal(place.height, height);
    }
    expect_same_lists();
}

/* State, indexes and lists are the same, whatever stands in the kv, in frozen layers and above. */
static void reads_go_through_frozen_layers(void **state)
{
    (void)state;
    staged_append_to(&t, END - 1);
    struct layer *above = layer_new(store_layer(t.chain.store), NULL);
    struct bytes account = bytes_of_text("p0/a0"), asset = bytes_of_text(chain_asset_codes[0]);
    struct state_balance before, after;
    assert_true(state_get_balance(above, account, asset, &before));
    layer_put(above, STATE_ASSET, bytes_of_text("X"), bytes_of_text("x"));
    staged_append_to(&t, END);
    expect_same_readings();
    staged_commit(&t);
    for (uint32_t due = store_flushes_due(t.chain.store); due > 0; due--) {
        assert_int_equal(store_flushes_due(t.chain.store), due);
        expect_same_readings();
        assert_true(staged_flush(&t));
        expect_same_readings();
        staged_commit(&t);
    }
    expect_same_readings();
    /* A layer that stood there all the time stands on the same state. */
    assert_true(state_get_balance(above, account, asset, &after));
    assert_int_equal(after.amount, balance_of(t.sound.store, 0));
    layer_free(above);
}

/* Batches that landed before the store was told of the first: everything is found once. */
static void a_view_ahead_of_the_marks_shows_nothing_twice(void **state)
{
    (void)state;
    struct store *s = t.chain.store;
    staged_append_to(&t, END - 2);
    struct store_mark first = store_mark(s);
    assert_int_equal(kv_commit(t.chain.kv, t.batch, NULL), RC_OK);
    kv_batch_clear(t.batch);
    staged_append_to(&t, END);
    assert_true(staged_flush(&t));
    struct store_mark second = store_mark(s);
    assert_int_equal(kv_commit(t.chain.kv, t.batch, NULL), RC_OK);
    kv_batch_clear(t.batch);
    assert_int_equal(store_on_durable(s, &first, NULL), RC_OK);
    assert_int_equal(store_flushed_height(s), 0);
    expect_same_readings();
    for (int table = KV_NAME; table <= KV_RECORD; table++)
        assert_int_equal(store_confirm_index(s, (enum kv_table)table, NULL), RC_OK);
    assert_int_equal(store_on_durable(s, &second, NULL), RC_OK);
    assert_int_equal(store_flushed_height(s), EVERY);
    expect_same_readings();
}

/* ---- after opening ---- */

static void opening_sets_aside_again_what_was_due(void **state)
{
    (void)state;
    struct why why;
    staged_append_to(&t, MANY);
    assert_true(staged_flush(&t));
    staged_commit(&t);
    staged_reopen(&t);
    assert_int_equal(store_head(t.chain.store)->height, MANY);
    assert_int_equal(store_flushes_due(t.chain.store), MANY / EVERY - 1);
    expect_flushed(EVERY);
    staged_expect_audited(&t);
    while (store_head(t.chain.store)->height < END)
        assert_int_equal(staged_append_by_itself(&t, &why), RC_OK);
    assert_int_equal(store_flushes_due(t.chain.store), 0);
    staged_expect_same(&t);
    staged_expect_audited(&t);
}

/* What is due goes first: a block is not taken while a flush has no room. */
static void no_block_is_taken_before_what_is_due(void **state)
{
    (void)state;
    struct why why;
    staged_append_to(&t, MANY);
    staged_commit(&t);
    kv_mem_fail_after(t.chain.kv, 1, RC_STORE_FULL, false);
    assert_int_equal(staged_append_by_itself(&t, &why), RC_STORE_FULL);
    assert_int_equal(store_head(t.chain.store)->height, MANY);
    assert_int_equal(store_flushed_height(t.chain.store), EVERY);
    assert_int_equal(staged_append_by_itself(&t, &why), RC_OK);
    assert_int_equal(store_flushes_due(t.chain.store), 0);
}

/* A full map, at any of the commits that flush what was due, costs none of the trees. */
static void a_full_map_between_flushes_that_were_due_costs_none(void **state)
{
    (void)state;
    struct why why;
    uint32_t refused_count = 0;
    staged_append_to(&t, MANY);
    staged_commit(&t);
    for (enum rc rc = RC_STORE_FULL; rc != RC_OK; refused_count += rc != RC_OK) {
        if (refused_count % 3 == 2)
            staged_reopen(&t);
        kv_mem_fail_after(t.chain.kv, 1 + refused_count % 2, RC_STORE_FULL, false);
        rc = store_flush(t.chain.store, &why);
        assert_true(rc == RC_OK || rc == RC_STORE_FULL);
    }
    kv_mem_fail_next(t.chain.kv, RC_OK);
    assert_true(refused_count > 10);
    while (store_head(t.chain.store)->height < END)
        assert_int_equal(staged_append_by_itself(&t, &why), RC_OK);
    for (uint64_t height = EVERY; height <= END; height += EVERY)
        expect_root(height);
    staged_expect_audited(&t);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(staged_blocks_are_seen_at_once_and_by_height_when_durable),
        T(a_mark_gives_no_more_than_its_own_batch),
        T(many_blocks_in_one_batch_flush_each_checkpoint_in_turn),
        T(one_flush_at_a_time_is_on_its_way),
        T(the_same_chain_staged_gives_the_same_bytes),
        T(reads_go_through_frozen_layers),
        T(a_view_ahead_of_the_marks_shows_nothing_twice),
        T(opening_sets_aside_again_what_was_due),
        T(no_block_is_taken_before_what_is_due),
        T(a_full_map_between_flushes_that_were_due_costs_none),
    };
    return cmocka_run_group_tests_name("store_stage", tests, NULL, NULL);
}
