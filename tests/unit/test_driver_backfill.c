/* Rule 9.3 through the driver, after a snapshot: history below it is fetched behind everything else
 * and held by hash links; until it is here, answers say that they do not know. */
#include <string.h>

#include "tests/help/rot.h"
#include "tests/unit/others_rules.h"

enum { CHAIN = 60, SNAPSHOT = 56, OWN = 5 };

/* Member 3 has blocks 1 to OWN, and stands on the state of SNAPSHOT. */
static void begin_joined(void)
{
    world_open(&w, 3, NULL);
    w.snapshot_behind_heights = 16;
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, CHAIN);
    others_commit_to(&p, OWN);
    world_forget(&w);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    p.ranges_asked = 0;
    p.lowest_asked = UINT64_MAX;
    world_crash(&w, false);
    assert_int_equal(world_start(&w), RC_OK);
    assert_int_equal(store_history_from_height(w.store), SNAPSHOT + 1);
}

static void expect_whole(void)
{
    others_tell(&p);
    assert_int_equal(others_play(&p, 600), RC_OK);
    assert_int_equal(store_history_from_height(w.store), 1);
    assert_int_equal(store_head(w.store)->height, p.count);
    for (uint64_t height = 1; height <= p.count; height++)
        assert_true(store_history_has(w.store, height));
    assert_true(others_have_same_state(&p));
}

/* The first transaction of a block of the chain. */
static const struct world_tx *tx_of(uint64_t height)
{
    struct rd r = rd_of(p.blocks[height]->block.body);
    struct bytes whole = block_next_tx(&r);
    for (size_t i = 0; i < w.txs_count; i++)
        if (bytes_equal(buf_bytes(&w.txs[i]->bytes), whole))
            return w.txs[i];
    fail();
    return NULL;
}

static enum driver_outcome outcome_of(uint64_t client, const struct world_tx *tx)
{
    world_submit(&w, client, tx);
    world_settle(&w);
    const struct driver_answer *answer = world_answer(&w, client);
    assert_non_null(answer);
    return answer->outcome;
}

/* ---- filling ---- */

/* From above, in ranges of any length; what the replica had is not asked for. */
static void history_is_filled_downward(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {PBFT_DATA_BLOCKS_MAX, 1, 3, 7};
    for (int i = 0; i < 4; i++) {
        begin_joined();
        p.range_blocks_max = lengths[i];
        expect_whole();
        assert_int_equal(p.lowest_asked, OWN + 1);
        if (i < 3)
            assert_int_equal(end_others(state), 0);
    }
}

static void new_blocks_commit_meanwhile(void **state)
{
    (void)state;
    begin_joined();
    p.range_blocks_max = 2;
    for (int i = 0; i < 20 && store_history_from_height(w.store) > 1; i++) {
        others_grow(&p, 2);
        others_tell(&p);
        (void)others_answer(&p);
        (void)others_answer(&p);
    }
    expect_whole();
}

/* With the batch or without; and it is swept what the old state left. */
static void a_crash_at_any_time_costs_one_batch(void **state)
{
    (void)state;
    uint64_t from = UINT64_MAX;
    begin_joined();
    for (uint32_t round = 0; store_history_from_height(w.store) > 1; round++) {
        assert_true(round < 400);
        assert_true(store_history_from_height(w.store) <= from);
        from = store_history_from_height(w.store);
        others_tell(&p);
        (void)others_answer(&p);
        world_run(&w);
        world_crash(&w, round % 3 != 0);
        assert_int_equal(world_start(&w), RC_OK);
    }
    expect_whole();
}

/* ---- sources ---- */

/* Peers with less history, and one whose blocks are not what their headers say. */
static void who_has_it_not_or_lies_is_passed_over(void **state)
{
    (void)state;
    begin_joined();
    p.history_from[0] = 40;
    p.bends_ranges[1] = true;
    expect_whole();
    assert_true(world_look(&w).verify_drops[VERIFY_DROP_BAD_BODY] > 0);
}

static void nobody_who_has_it_is_waited_for(void **state)
{
    (void)state;
    begin_joined();
    for (uint32_t i = 0; i < WORLD_OTHERS; i++)
        p.history_from[i] = 30;
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_OK);
    assert_int_equal(store_history_from_height(w.store), 30);
    p.history_from[1] = 0;
    expect_whole();
}

/* Member 3 stands on a new state of height 16, and holds the blocks up to 20; one of them is
 * rotten, unless it is 0. */
static void begin_discarded_of(uint64_t rotten, uint32_t transfers_per_block)
{
    struct buf key = {0};
    world_open(&w, 3, NULL);
    others_open(&p, &w);
    p.transfers_per_block = transfers_per_block;
    world_begin(&w);
    others_grow(&p, 20);
    others_commit_to(&p, 20);
    world_crash(&w, false);
    if (rotten > 0)
        world_rot(&w, KV_BLOCK, world_block_key(&key, rotten, &p.blocks[rotten]->name.digest));
    buf_free(&key);
    assert_int_equal(rot_state(w.kv, 1), 16);
    w.is_rotten = true;
    world_begin(&w);
    others_tell(&p);
    (void)others_answer(&p);
    assert_int_equal(driver_failure(w.driver, NULL), RC_REOPEN);
    others_reopen(&p);
    w.is_rotten = rotten > 0;
    others_tell(&p);
    assert_int_equal(others_play(&p, 200), RC_REOPEN);
    p.lowest_asked = UINT64_MAX;
    world_crash(&w, false);
    assert_int_equal(world_start(&w), RC_OK);
    assert_int_equal(store_head(w.store)->height, 20);
}

static void begin_discarded(uint64_t rotten)
{
    begin_discarded_of(rotten, 1);
}

/* Of a state that was discarded the indexes are made anew from the blocks, which are here. */
static void held_blocks_are_not_asked_for(void **state)
{
    (void)state;
    begin_discarded(0);
    assert_int_equal(outcome_of(1, tx_of(3)), DRIVER_UNKNOWN);
    world_forget(&w);
    others_tell(&p);
    assert_int_equal(others_play(&p, 600), RC_OK);
    assert_int_equal(store_history_from_height(w.store), 1);
    assert_int_equal(p.lowest_asked, UINT64_MAX);
    assert_int_equal(outcome_of(2, tx_of(3)), DRIVER_COMMITTED);
}

/* How many held blocks one run undoes, by how much there is in them. By itself it goes on. */
static uint32_t most_in_one_run(uint32_t transfers_per_block, uint32_t *runs_count,
                                uint64_t *passed_ms)
{
    uint32_t most = 0;
    begin_discarded_of(0, transfers_per_block);
    uint64_t from_ms = w.time.now_ms;
    p.transfers_per_block = 1;
    *runs_count = 0;
    for (uint32_t i = 0; store_history_from_height(w.store) > 1; i++) {
        assert_in_range(i, 0, 2000);
        uint64_t height = store_backfill_next(w.store).height;
        world_run_once(&w);
        struct backfill_next next = store_backfill_next(w.store);
        uint64_t done = next.is_whole ? height : height - next.height;
        *runs_count += done > 0;
        if (done > most)
            most = (uint32_t)done;
        if (w.is_submitted)
            world_land(&w);
        else if (driver_deadline_ms(w.driver) > w.time.now_ms)
            world_pass(&w, driver_deadline_ms(w.driver) - w.time.now_ms);
        if (i % 8 == 0) { /* and messages are taken meanwhile */
            others_grow(&p, 1);
            world_range(&w, 0, &p.blocks[p.count], 1, 0);
            world_run_once(&w);
            assert_int_equal(store_head(w.store)->height, p.count);
        }
    }
    assert_true(others_have_same_state(&p));
    *passed_ms = w.time.now_ms - from_ms;
    return most;
}

/* 9.3, behind everything else: full blocks are undone one in a run or a few, each with a pause. */
static void held_blocks_hold_the_thread_by_what_is_in_them(void **state)
{
    uint32_t runs_count;
    uint64_t passed_ms;
    assert_int_equal(most_in_one_run(1, &runs_count, &passed_ms), 16);
    assert_int_equal(end_others(state), 0);
    assert_in_range(most_in_one_run(1000, &runs_count, &passed_ms), 1, 3);
    assert_in_range(runs_count, 16 / 3, 16);
    /* By the pauses alone, of which none is after the last; not from STATUS to STATUS. */
    assert_in_range(passed_ms, 12 * 4000 / 100, 16 * 4100 / 100);
}

/* ---- what is damaged here (pitfalls D5) ---- */

static void expect_mended(uint64_t height)
{
    others_tell(&p);
    assert_int_equal(others_play(&p, 600), RC_OK);
    assert_int_equal(store_history_from_height(w.store), 1);
    assert_int_equal(p.lowest_asked, height);
    assert_int_equal(world_look(&w).repaired_count, 1);
    w.is_rotten = false;
}

/* A held block that rotted is fetched like any other, alone, and back-fill goes on below it. */
static void a_held_block_that_is_damaged_is_fetched(void **state)
{
    (void)state;
    begin_discarded(3);
    expect_mended(3);
    assert_int_equal(p.ranges_asked, 1);
    assert_int_equal(world_look(&w).damaged_count, 1);
    assert_int_equal(outcome_of(2, tx_of(3)), DRIVER_COMMITTED);
    assert_int_equal(outcome_of(3, tx_of(2)), DRIVER_COMMITTED);
}

/* Nobody has it for now: the replica is up meanwhile, at each start, and looks for it now and then.
 */
static void until_it_comes_the_replica_goes_on_without(void **state)
{
    (void)state;
    begin_discarded(3);
    for (uint32_t i = 0; i < WORLD_OTHERS; i++)
        p.history_from[i] = 4;
    others_grow(&p, 10);
    for (int start = 0; start < 2; start++) {
        others_tell(&p);
        assert_int_equal(others_play(&p, 300), RC_OK);
        assert_int_equal(store_history_from_height(w.store), 4);
        assert_int_equal(store_head(w.store)->height, 30);
        world_crash(&w, false);
        assert_int_equal(world_start(&w), RC_OK);
    }
    p.ranges_asked = 0;
    others_tell(&p);
    assert_int_equal(others_play(&p, 300), RC_OK);
    assert_in_range(p.ranges_asked, 1, 300 / 4 + 1);
    memset(p.history_from, 0, sizeof p.history_from);
    expect_mended(3);
}

enum { PROVEN = 64, FOLLOWED = 70, SECOND = 112, GROWN = 114 };

/* Two gaps, 6 to 56 and from behind `followed` to 112; in between is what the first snapshot was
 * followed by, and what of that lies above the last certified root is to be compared. */
static void begin_with_two_gaps(uint64_t followed, enum kv_table table, uint64_t rotten)
{
    struct buf key = {0};
    begin_joined();
    for (uint32_t i = 0; i < WORLD_OTHERS; i++)
        p.history_from[i] = SNAPSHOT + 1;
    others_tell(&p);
    assert_int_equal(others_play(&p, 100), RC_OK);
    assert_int_equal(store_head(w.store)->height, CHAIN);
    others_grow(&p, (uint32_t)followed - CHAIN);
    others_tell(&p);
    assert_int_equal(others_play(&p, 100), RC_OK);
    assert_int_equal(store_head(w.store)->height, followed);
    assert_int_equal(world_look(&w).core.stable_height, followed < PROVEN ? SNAPSHOT : PROVEN);
    others_grow(&p, GROWN - (uint32_t)followed);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    world_crash(&w, false);
    struct bytes at = world_block_key(&key, rotten, &p.blocks[rotten]->name.digest);
    world_rot(&w, table, table == KV_CHAIN ? bytes_of(at.data, 8) : at);
    buf_free(&key);
    assert_int_equal(world_start(&w), RC_OK);
    assert_int_equal(store_history_from_height(w.store), SECOND + 1);
    memset(p.history_from, 0, sizeof p.history_from);
}

/* It names the block at the top of the next gap: where it is itself one of those to be compared,
 * and where it is whole and only looked at for that name. */
static void so_is_the_damaged_block_above_the_next_gap(void **state)
{
    static const uint64_t followed[] = {CHAIN, FOLLOWED};
    for (int i = 0; i < 2; i++) {
        begin_with_two_gaps(followed[i], KV_BLOCK, SNAPSHOT + 1);
        expect_whole();
        assert_int_equal(world_look(&w).repaired_count, 1);
        w.is_rotten = false;
        if (i == 0)
            assert_int_equal(end_others(state), 0);
    }
}

/* Nothing here names that block then. */
static void over_a_damaged_chain_history_is_not_filled(void **state)
{
    (void)state;
    begin_with_two_gaps(CHAIN, KV_CHAIN, CHAIN);
    others_tell(&p);
    assert_int_equal(others_play(&p, 300), RC_OK);
    assert_int_equal(store_history_from_height(w.store), CHAIN + 2);
    assert_int_equal(store_head(w.store)->height, GROWN);
    assert_int_equal(world_look(&w).repaired_count, 0);
    assert_true(world_look(&w).damaged_count > 0);
    others_grow(&p, 1);
    others_tell(&p);
    assert_int_equal(others_play(&p, 10), RC_OK);
    assert_int_equal(store_head(w.store)->height, GROWN + 1);
}

/* 8.2: with another state the indexes are made anew, so nobody ends for good. */
static void a_damaged_index_is_made_anew_with_the_state(void **state)
{
    (void)state;
    struct kv_cursor *c;
    struct bytes key, value;
    struct buf keys = {0};
    begin_joined();
    for (uint32_t i = 0; i < WORLD_OTHERS; i++)
        p.history_from[i] = 30;
    others_tell(&p);
    assert_int_equal(others_play(&p, 2000), RC_OK);
    assert_int_equal(store_history_from_height(w.store), 30);
    memset(p.history_from, 0, sizeof p.history_from);
    assert_int_equal(kv_cursor_open(&c, store_view(w.store), KV_HISTORY), RC_OK);
    enum rc rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value);
    for (; rc == RC_OK; rc = kv_cursor_next(c, &key, &value)) {
        buf_add_u32(&keys, (uint32_t)key.size);
        buf_add_bytes(&keys, key);
    }
    kv_cursor_close(c);
    world_crash(&w, false);
    for (struct rd r = rd_of(buf_bytes(&keys)); r.left > 0;) {
        uint32_t size = rd_u32(&r);
        world_rot(&w, KV_HISTORY, rd_take(&r, size));
    }
    buf_free(&keys);
    assert_int_equal(world_start(&w), RC_OK);
    others_tell(&p);
    assert_int_equal(others_play(&p, 2000), RC_REOPEN);
    assert_true(world_look(&w).is_diverged);
    others_reopen(&p);
    w.is_rotten = false;
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    others_reopen(&p);
    expect_whole();
}

/* ---- what is answered ---- */

/* Not that a transaction is committed, nor that it is not: it may be. */
static void below_history_the_outcome_is_not_known(void **state)
{
    (void)state;
    begin_joined();
    world_settle(&w);
    const struct world_tx *old = tx_of(30);
    assert_int_equal(outcome_of(1, old), DRIVER_UNKNOWN);
    assert_int_equal(outcome_of(2, tx_of(3)), DRIVER_COMMITTED); /* it had that one before */
    /* Another one at a used nonce: which stands there is not known yet. */
    uint32_t payer = 29 % WORLD_PAYERS;
    const struct world_tx *other =
        world_tx(&w, payer, old->tx.nonce, 0, op_record_of("driver", "x", bytes_of_text("other")));
    assert_int_equal(outcome_of(3, other), DRIVER_UNKNOWN);
    assert_int_equal(world_look(&w).damaged_count, 0);
    world_forget(&w);
    expect_whole();
    assert_int_equal(outcome_of(4, old), DRIVER_COMMITTED);
    assert_int_equal(outcome_of(5, other), DRIVER_REJECTED);
    assert_true(digest_equal(&world_answer(&w, 5)->other_txid, &old->tx.id));
}

/* What is here is given: blocks above and below the gap, and pieces of the state. */
static void one_with_a_gap_gives_what_it_has(void **state)
{
    (void)state;
    begin_joined();
    p.withholds_ranges = true;
    world_settle(&w);
    world_forget(&w);
    world_fetch_range(&w, 0, 30);
    world_fetch(&w, 1, p.blocks[30]);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_DATA, NULL), 0);
    world_fetch_range(&w, 0, 3);
    world_settle(&w);
    const struct world_output *o = world_message(&w, PBFT_DATA, 0);
    assert_non_null(o);
    static struct pbft_msg m;
    assert_true(world_decode(&m, o));
    assert_int_equal(m.data.blocks[0].height, 3);
    assert_int_equal(m.data.blocks_count, OWN - 3 + 1);
    assert_int_equal(world_look(&w).damaged_count, 0);
    p.withholds_ranges = false;
    expect_whole();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OTHERS_TEST(history_is_filled_downward),
        OTHERS_TEST(new_blocks_commit_meanwhile),
        OTHERS_TEST(a_crash_at_any_time_costs_one_batch),
        OTHERS_TEST(who_has_it_not_or_lies_is_passed_over),
        OTHERS_TEST(nobody_who_has_it_is_waited_for),
        OTHERS_TEST(held_blocks_are_not_asked_for),
        OTHERS_TEST(held_blocks_hold_the_thread_by_what_is_in_them),
        OTHERS_TEST(a_held_block_that_is_damaged_is_fetched),
        OTHERS_TEST(until_it_comes_the_replica_goes_on_without),
        OTHERS_TEST(so_is_the_damaged_block_above_the_next_gap),
        OTHERS_TEST(over_a_damaged_chain_history_is_not_filled),
        OTHERS_TEST(a_damaged_index_is_made_anew_with_the_state),
        OTHERS_TEST(below_history_the_outcome_is_not_known),
        OTHERS_TEST(one_with_a_gap_gives_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
