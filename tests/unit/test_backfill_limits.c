/* Limits of back-filling, and what is left over from before the snapshot. */
#include "ledger/store_impl.h"
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/snapshot_world.h"

static struct why why;

static const enum kv_table by_height[] = {KV_CHAIN, KV_BLOCK, KV_CERT};
static const enum kv_table indexes[] = {KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY, KV_RECORD};

static void expect_same_history(struct snapshot_world *w)
{
    for (size_t i = 0; i < sizeof by_height / sizeof by_height[0]; i++)
        snapshot_world_expect_same(w, by_height[i]);
}

/* All that a store which applied every block has, once both have flushed all. */
static void expect_same_all(struct snapshot_world *w)
{
    snapshot_world_follow(w);
    assert_int_equal(store_flush(w->t.chain.store, &why), RC_OK);
    assert_int_equal(store_flush(w->t.sound.store, &why), RC_OK);
    expect_same_history(w);
    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++)
        snapshot_world_expect_same(w, indexes[i]);
    struct tree_ref ours = store_tree(w->t.chain.store), theirs = store_tree(w->t.sound.store);
    assert_true(digest_equal(&ours.root, &theirs.root));
    snapshot_world_reopen(w); /* and the counts are right */
}

static void append_to(struct snapshot_world *w, uint64_t height)
{
    staged_append_to(&w->t, height);
    staged_commit(&w->t);
    staged_settle(&w->t);
}

/* ---- sweeping ---- */

/* What is left of the state before the snapshot goes in bounded steps; trees made since stay. */
static void the_old_state_is_swept(void **state)
{
    (void)state;
    struct snapshot_world w;
    size_t swept, all = 0;
    uint64_t before, after;
    snapshot_world_open(&w, &(struct chain_options){.seed = 46}, 21);
    append_to(&w, 13);
    assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
    assert_int_equal(store_stage_sweep(w.t.chain.store, w.t.batch, 5, &swept, &why), RC_OK);
    assert_int_equal(swept, 0); /* it never took a snapshot */
    w.crash_every = 1;
    snapshot_world_take(&w, false);
    snapshot_world_follow(&w);
    assert_int_equal(kv_count(store_view(w.t.chain.store), KV_TREE, &before), RC_OK);
    do {
        assert_int_equal(store_stage_sweep(w.t.chain.store, w.t.batch, 5, &swept, &why), RC_OK);
        assert_true(swept <= 5);
        all += swept;
        (void)snapshot_world_commit(&w);
    } while (swept > 0);
    assert_true(all > 20);
    assert_int_equal(kv_count(store_view(w.t.chain.store), KV_TREE, &after), RC_OK);
    assert_true(after < before);
    struct kv_cursor *c;
    static const enum kv_table swept_tables[] = {KV_TREE, KV_ROOT, KV_STALE};
    for (size_t i = 0; i < 3; i++) {
        struct bytes key, value;
        assert_int_equal(kv_cursor_open(&c, store_view(w.t.chain.store), swept_tables[i]), RC_OK);
        enum rc rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value);
        kv_cursor_close(c);
        if (rc == RC_NOT_FOUND)
            continue;
        struct rd r = rd_of(key);
        assert_true(rd_be64(&r) >= 20);
    }
    chain_grow(&w.t.sound, 12);
    snapshot_world_backfill(&w);
    expect_same_all(&w);
    snapshot_world_close(&w);
}

/* ---- bounds ---- */

/* A batch takes so many blocks and no more; then it has to become durable. */
static void a_batch_of_blocks_is_bounded(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct block block;
    enum backfill_fault fault;
    snapshot_world_open(&w, &(struct chain_options){.seed = 49}, 40);
    append_to(&w, 10); /* 9 and 10 are held, and are to be compared */
    assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
    snapshot_world_take(&w, false);
    struct store *s = w.t.chain.store;
    for (uint64_t end = 40; end > 8;) {
        uint32_t count = 0;
        for (; !store_backfill_next(s).is_batch_full && !store_backfill_next(s).is_whole; count++) {
            bool is_held = store_backfill_next(s).is_held;
            staged_block(&w.t, end--, &block);
            assert_int_equal(is_held, end < 10);
            assert_int_equal(
                store_stage_backfill(s, w.t.batch, &fault, is_held ? NULL : &block, NULL, &why),
                RC_OK);
            assert_int_equal(fault, BACKFILL_OK);
        }
        assert_int_equal(count, STORE_BACKFILL_BLOCKS_MAX);
        assert_true(snapshot_world_commit(&w));
        assert_int_equal(store_on_backfill(s, &why), RC_OK);
        assert_false(store_backfill_next(s).is_batch_full);
    }
    assert_true(store_backfill_next(s).is_whole);
    snapshot_world_close(&w);
}

/* A gap more, and the chain has grown further than the head. */
static void take_one_more(struct snapshot_world *w, bool discards)
{
    snapshot_world_take(w, discards);
    chain_grow(&w->t.sound, 1); /* one more that is not missing */
    snapshot_world_follow(w);
    assert_int_equal(store_flush(w->t.chain.store, &why), RC_OK);
}

/* Whether another can be taken, which is only asked: nothing is written. */
static enum rc ask_to_start(struct snapshot_world *w, bool discards)
{
    struct snapshot_intake *in = NULL;
    enum rc rc =
        snapshot_intake_start(&in, w->t.chain.store, w->t.batch, &w->target, discards, &why);
    if (rc == RC_OK) {
        snapshot_intake_close(in);
        staged_reopen(&w->t);
    }
    assert_int_equal(kv_batch_count(w->t.batch), 0);
    return rc;
}

/* Another snapshot until it is refused. Returns how many were taken. */
static unsigned take_until_refused(struct snapshot_world *w, bool discards)
{
    unsigned taken = 0;
    do {
        assert_in_range(taken, 0, STORE_GAPS_MAX);
        take_one_more(w, discards);
        taken++;
        chain_grow(&w->t.sound, 3);
        snapshot_world_aim(w);
    } while (ask_to_start(w, discards) == RC_OK);
    return taken;
}

/* A snapshot that would make too many gaps is refused, and the store goes on. One that discards the
 * state is taken all the same, many times. */
static void too_many_gaps_are_refused(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct store_gap gaps[STORE_GAPS_MAX];
    struct chain_options options = {.seed = 47, .txs_per_block = 1, .ops_per_tx = 1};
    snapshot_world_open(&w, &options, 4);
    /* Each leaves what to compare, and what to take. */
    assert_int_equal(take_until_refused(&w, false), STORE_GAPS_BESIDE_MAX / 2);
    assert_int_equal(ask_to_start(&w, false), RC_REFUSED);
    assert_non_null(strstr(why.text, "let one of them be filled"));
    assert_int_equal(store_history_gaps(w.t.chain.store, gaps), STORE_GAPS_BESIDE_MAX - 1);
    assert_int_equal(take_until_refused(&w, true), (STORE_GAPS_MAX - STORE_GAPS_BESIDE_MAX) / 2);
    assert_non_null(strstr(why.text, "begin with an empty store"));
    assert_int_equal(store_history_gaps(w.t.chain.store, gaps), STORE_GAPS_MAX - 1);
    snapshot_world_backfill(&w);
    expect_same_all(&w);
    snapshot_world_close(&w);
}

/* One at a height that is held would make one gap less; but a newer one may be aimed at before it
 * is whole, and then it has to fit. */
static void a_newer_target_has_room_for_its_gaps(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct snapshot_target held;
    struct chain_options options = {.seed = 47, .txs_per_block = 1, .ops_per_tx = 1};
    snapshot_world_open(&w, &options, 4);
    (void)take_until_refused(&w, false);
    for (unsigned i = 0; i < (STORE_GAPS_MAX - STORE_GAPS_BESIDE_MAX) / 2; i++) {
        take_one_more(&w, true);
        held = w.target;
        chain_grow(&w.t.sound, 3);
        snapshot_world_aim(&w);
    }
    assert_true(held.height <= store_head(w.t.chain.store)->height);
    w.target = held;
    assert_int_equal(ask_to_start(&w, true), RC_REFUSED);
    snapshot_world_close(&w);
}

/* What fits when an intake begins, with nothing proven, has to fit when it ends: a gap that is
 * compared already, and another one above the newest proven height, do not join. */
static void what_fits_at_the_start_fits_at_the_end(void **state)
{
    (void)state;
    static struct store_history from, out;
    from = (struct store_history){.exists = true, .gaps_count = STORE_GAPS_BESIDE_MAX - 1};
    from.base.height = 1000;
    for (uint64_t i = 0; i + 1 < from.gaps_count; i++) /* left by snapshots before */
        from.gaps[i] = (struct store_gap){1 + 10 * i, 5 + 10 * i, STORE_GAP_BLOCKS};
    /* Of the last one the blocks are filled in, and comparing came down to 950. */
    from.gaps[from.gaps_count - 1] = (struct store_gap){900, 950, STORE_GAP_UNPROVEN};
    struct store_rebase to = {.head_height = 2000, .base_height = 30000};
    assert_false(store_history_has_room(&from, &to));
    from.gaps[from.gaps_count - 2] = from.gaps[from.gaps_count - 1];
    from.gaps_count--;
    assert_true(store_history_has_room(&from, &to));
    for (to.proven_height = 0; to.proven_height <= to.head_height; to.proven_height += 50)
        assert_true(store_history_rebase(&out, &from, &to));
}

/* A record of history that is none is damage. */
static void a_damaged_record_is_damage(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct bytes record, key = bytes_of_text("history");
    struct buf copy = {0};
    snapshot_world_open(&w, &(struct chain_options){.seed = 48}, 9);
    snapshot_world_take(&w, false);
    assert_int_equal(kv_get(store_view(w.t.chain.store), KV_META, key, &record), RC_OK);
    buf_add_bytes(&copy, record);
    size_t gap_at = copy.size - 17;
    for (size_t i = 0; i < copy.size + 3; i++) {
        struct bytes forged = bytes_of(copy.data, i < copy.size ? i : copy.size);
        if (i == copy.size)
            copy.data[gap_at + 16] = STORE_GAP_KIND_COUNT;
        if (i == copy.size + 1)
            copy.data[gap_at + 16] = 0, copy.data[gap_at + 8] = 9; /* beyond the snapshot */
        if (i == copy.size + 2)
            copy.data[gap_at + 8] = 8, copy.data[gap_at] = 0; /* from height 0 */
        kv_batch_put(w.t.batch, KV_META, key, forged);
        assert_int_equal(kv_commit(w.t.chain.kv, w.t.batch, &why), RC_OK);
        kv_batch_clear(w.t.batch);
        struct store *s;
        struct store_options options = {.care = TREE_VERIFY};
        assert_int_equal(store_open(&s, w.t.chain.kv, &options, &why), RC_STORE_DAMAGED);
        assert_null(s);
    }
    buf_free(&copy);
    snapshot_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_old_state_is_swept),
        cmocka_unit_test(a_batch_of_blocks_is_bounded),
        cmocka_unit_test(too_many_gaps_are_refused),
        cmocka_unit_test(a_newer_target_has_room_for_its_gaps),
        cmocka_unit_test(what_fits_at_the_start_fits_at_the_end),
        cmocka_unit_test(a_damaged_record_is_damage),
    };
    return cmocka_run_group_tests_name("backfill_limits", tests, NULL, NULL);
}
