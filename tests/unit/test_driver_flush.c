/* State trees made beside the protocol: flushes join turns in their order, and the root of a
 * checkpoint is told when it is durable (8.1). */
#include <string.h>

#include "tests/unit/driver_step.h"

/* ---- flushes ---- */

static void a_root_is_told_when_its_flush_is_durable(void **state)
{
    (void)state;
    begin_at(0);
    w.holds_trees = true;
    commit_range(1, 4);
    assert_non_null(w.tree);
    world_land(&w);
    world_run(&w);
    assert_false(w.is_submitted); /* it waits, and does not spin */
    assert_int_equal(roots_count, 0);
    assert_int_equal(world_look(&w).durable_height, 4);
    assert_int_equal(store_flushed_height(w.store), 0);
    world_return_tree(&w);
    assert_int_equal(driver_deadline_ms(w.driver), 0);
    world_run(&w);
    assert_true(w.is_submitted);
    assert_int_equal(roots_count, 0);
    assert_int_equal(world_look(&w).root.height, 0);
    world_land(&w);
    assert_int_equal(driver_deadline_ms(w.driver), 0);
    world_run(&w);
    assert_int_equal(roots_count, 1);
    expect_root(0, 4);
    assert_int_equal(world_look(&w).root.height, 4);
    assert_true(driver_deadline_ms(w.driver) > w.time.now_ms);
}

static void roots_are_told_in_order_and_once(void **state)
{
    (void)state;
    begin_at(17);
    assert_int_equal(roots_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(roots[i].height, 4 * (i + 1));
    expect_root(2, 12);
    expect_root(3, 16);
    assert_int_equal(w.trees_count, 4);
}

/* Proposals, votes and commits need no tree: they go on all the time. */
static void turns_go_on_while_a_tree_is_made(void **state)
{
    (void)state;
    begin_at(0);
    w.holds_trees = true;
    commit_range(1, 4);
    world_land(&w);
    for (uint64_t i = 5; i <= 11; i++) {
        world_propose(&w, b[i]);
        world_votes(&w, CERT_PREPARE, b[i]);
        world_votes(&w, CERT_COMMIT, b[i]);
        for (int turns = 0; turns < 4; turns++) {
            world_run(&w);
            if (w.is_submitted)
                world_land(&w);
        }
        assert_int_equal(world_look(&w).durable_height, i);
        assert_int_equal(world_sent(&w, PBFT_COMMIT, b[i]), WORLD_OTHERS);
    }
    assert_int_equal(w.trees_count, 1);
    assert_int_equal(store_flushed_height(w.store), 0);
    assert_int_equal(store_flushes_due(w.store), 2);
    world_settle(&w);
    assert_int_equal(store_flushed_height(w.store), 8);
    assert_int_equal(roots_count, 2);
}

/* It comes back while a batch is under way: it joins the next one, with what was decided. */
static void a_flush_joins_the_turn_that_closes_next(void **state)
{
    (void)state;
    begin_at(0);
    w.holds_trees = true;
    commit_range(1, 4);
    world_land(&w);
    world_propose(&w, b[5]);
    world_run(&w);
    assert_true(w.is_submitted);
    world_propose(&w, b[6]);
    world_return_tree(&w);
    world_run(&w);
    uint64_t submits = w.submits_count;
    world_land(&w);
    assert_int_equal(store_flushed_height(w.store), 0);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[6]), 0);
    world_run(&w);
    assert_int_equal(w.submits_count, submits + 1);
    assert_int_equal(store_flushed_height(w.store), 0);
    world_land(&w);
    assert_int_equal(store_flushed_height(w.store), 4);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[6]), WORLD_OTHERS);
    world_settle(&w);
    assert_int_equal(w.submits_count, submits + 1);
}

/* Four flushes due, the first by the helper: no message is taken until no more than the limit are,
 * and what is computed is let in all the same. */
static void while_trees_lag_behind_no_message_is_taken(void **state)
{
    (void)state;
    begin_at(0);
    w.holds_trees = true;
    commit_range(1, 16);
    world_land(&w);
    world_propose(&w, b[17]);
    for (uint32_t due = 4; due > DRIVER_FLUSHES_DUE_MAX; due--) {
        assert_int_equal(store_flushes_due(w.store), due);
        world_run(&w);
        assert_true(world_look(&w).inbox_bytes > 0);
        assert_true(driver_deadline_ms(w.driver) > w.time.now_ms);
        world_return_tree(&w);
        world_run(&w);
        assert_true(world_look(&w).inbox_bytes > 0);
        world_land(&w);
    }
    world_run(&w);
    assert_int_equal(world_look(&w).inbox_bytes, 0);
    assert_non_null(w.tree); /* the next one */
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[17]), WORLD_OTHERS);
    assert_int_equal(store_flushed_height(w.store), 16);
    assert_int_equal(roots_count, 4);
}

/* Where the machine stops: the flush is by the helper, back, on its way to the disk, there. */
enum { AT_HELPER, AT_BACK, AT_SUBMIT, AT_DONE, STOPS };

static void stop_at(int stop, bool lands)
{
    begin_at(4);
    w.holds_trees = true;
    commit_range(5, 4);
    world_land(&w);
    world_run(&w);
    assert_non_null(w.tree);
    if (stop >= AT_BACK)
        world_return_tree(&w);
    if (stop >= AT_SUBMIT)
        world_run(&w);
    if (stop >= AT_DONE)
        world_land(&w);
    world_crash(&w, lands); /* the audit holds what is left */
    w.holds_trees = false;
    forget_events();
    assert_int_equal(world_start(&w), RC_OK);
    bool is_durable = stop == AT_DONE || (stop == AT_SUBMIT && lands);
    assert_int_equal(store_flushed_height(w.store), is_durable ? 8 : 4);
    assert_int_equal(world_look(&w).durable_height, 8);
    world_settle(&w);
    assert_int_equal(store_flushed_height(w.store), 8);
    assert_int_equal(roots_count, 2);
    expect_root(0, 4);
    expect_root(1, 8);
    assert_int_equal(end(NULL), 0);
}

static void a_machine_may_stop_with_a_flush_anywhere(void **state)
{
    (void)state;
    for (int stop = 0; stop < STOPS; stop++) {
        stop_at(stop, false);
        stop_at(stop, true);
    }
    begin_at(0);
}

/* A tree without which nothing can be checked: the driver ends, with the words of the cause. */
static void a_tree_that_cannot_be_read_ends_the_driver(void **state)
{
    (void)state;
    struct why why = {{0}};
    struct kv_cursor *c;
    struct bytes key, value;
    struct buf top = {0};
    begin_at(4);
    w.holds_trees = true;
    assert_int_equal(kv_cursor_open(&c, store_view(w.store), KV_TREE), RC_OK);
    assert_int_equal(kv_cursor_seek_before(c, bytes_of(NULL, 0), &key, &value), RC_OK);
    buf_add_bytes(&top, key);
    kv_cursor_close(c);
    commit_range(5, 4);
    world_land(&w);
    world_run(&w);
    world_rot(&w, KV_TREE, buf_bytes(&top)); /* the newest version's last node */
    buf_free(&top);
    world_return_tree(&w);
    world_run(&w);
    assert_int_equal(driver_failure(w.driver, &why), RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "the state tree of height 8 cannot be updated"));
    assert_false(w.is_submitted);
    assert_int_equal(roots_count, 1);
}

/* ---- 6.2: time in which no messages are taken is a pause of this replica ---- */

enum { T_0_MS = 1000, STEP_MS = 100 };

/* It lags, and somebody's transaction is pending. */
static void begin_lagging(void)
{
    begin_at(0);
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_settle(&w);
    w.holds_trees = true;
    commit_range(1, 16);
    world_land(&w);
    assert_int_equal(store_flushes_due(w.store), 4);
    world_forget(&w);
}

static void go_on(uint64_t ms)
{
    for (; ms > 0; ms -= STEP_MS) { /* no step is so late that it looks like a pause */
        world_pass(&w, STEP_MS);
        world_run(&w);
        if (w.is_submitted)
            world_land(&w);
    }
}

static void end_lag(void)
{
    w.holds_trees = false;
    while (w.tree != NULL) {
        world_return_tree(&w);
        world_run(&w);
        if (w.is_submitted)
            world_land(&w);
    }
    world_settle(&w);
}

/* The proposal and all votes lie in the inbox. */
static void rule_6_2_who_takes_no_messages_complains_about_nobody(void **state)
{
    (void)state;
    begin_lagging();
    world_propose(&w, b[17]);
    for (uint32_t from = 0; from < WORLD_MEMBERS; from++)
        if (from != w.own_index) {
            world_vote(&w, from, CERT_PREPARE, b[17]);
            world_vote(&w, from, CERT_COMMIT, b[17]);
        }
    go_on(10 * T_0_MS);
    assert_true(world_look(&w).inbox_bytes > 0);
    assert_int_equal(world_sent(&w, PBFT_COMPLAIN, NULL), 0);
    assert_true(world_sent(&w, PBFT_STATUS, NULL) >= 30 * WORLD_OTHERS); /* it is heard of */
    end_lag();
    assert_int_equal(world_look(&w).core.committed.height, 17);
    assert_int_equal(world_sent(&w, PBFT_COMPLAIN, NULL), 0);
}

/* What the primary did in time is not late because it was taken late (6.1 a). */
static void rule_6_1_a_block_that_waited_for_my_disk_is_not_late(void **state)
{
    (void)state;
    enum { T_FAIR_MS = 2000 };
    begin_at(0);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_submit(&w, 1, tx);
    world_settle(&w);
    w.holds_trees = true;
    go_on(T_FAIR_MS / 2 + STEP_MS); /* it goes to all */
    commit_range(1, 16);
    world_land(&w);
    const struct world_block *block = world_block(&w, b[16], &tx, 1);
    world_forget(&w);
    go_on(STEP_MS);
    world_propose(&w, block);
    go_on(10 * T_0_MS);
    end_lag();
    world_votes(&w, CERT_PREPARE, block);
    world_votes(&w, CERT_COMMIT, block);
    world_settle(&w);
    assert_int_equal(world_look(&w).core.committed.height, 17);
    assert_true(world_look(&w).told.late_ms < T_FAIR_MS);
    assert_int_equal(world_sent(&w, PBFT_COMPLAIN, NULL), 0);
}

/* When messages are taken again, and none tells of anything done, it waits for what was left. */
static void rule_6_2_a_silent_primary_is_complained_about_after_the_lag(void **state)
{
    (void)state;
    begin_lagging();
    go_on(5 * T_0_MS);
    end_lag();
    assert_int_equal(world_sent(&w, PBFT_COMPLAIN, NULL), 0);
    go_on(T_0_MS - 2 * STEP_MS);
    assert_int_equal(world_sent(&w, PBFT_COMPLAIN, NULL), 0);
    go_on(3 * STEP_MS);
    assert_true(world_sent(&w, PBFT_COMPLAIN, NULL) > 0);
}

/* A disk that never comes to an end holds the complaint back for T_cap, and no flood of messages
 * for more than T_s beyond. */
static void rule_6_2_a_lag_holds_no_complaint_back_for_ever(void **state)
{
    (void)state;
    enum { T_CAP_MS = 60000 };
    begin_lagging();
    go_on(T_CAP_MS);
    assert_int_equal(world_sent(&w, PBFT_COMPLAIN, NULL), 0);
    go_on(2 * T_0_MS);
    assert_true(world_sent(&w, PBFT_COMPLAIN, NULL) > 0);
    end_lag();
}

/* What waited is verified and taken before an age goes on that was nearly over. */
static void rule_6_2_what_waited_is_taken_before_ages_go_on(void **state)
{
    (void)state;
    begin_at(0);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_submit(&w, 1, tx);
    w.holds_trees = true;
    go_on(T_0_MS / 2);
    world_commit(&w, b[1]); /* so that (b) does not come first */
    go_on(T_0_MS / 2 + STEP_MS);
    world_commit(&w, b[2]);
    go_on(T_0_MS - STEP_MS);
    world_commit(&w, b[3]);
    go_on(T_0_MS - STEP_MS);
    commit_range(4, 13);
    world_land(&w);
    world_forget(&w);
    const struct world_block *block = world_block(&w, b[16], &tx, 1);
    go_on(STEP_MS);
    world_propose(&w, block);
    go_on(2 * T_0_MS);
    w.holds_jobs = true;
    end_lag();
    go_on(2 * STEP_MS);
    assert_int_equal(world_sent(&w, PBFT_COMPLAIN, NULL), 0);
    w.holds_jobs = false;
    world_return_jobs(&w, false);
    world_votes(&w, CERT_PREPARE, block);
    world_votes(&w, CERT_COMMIT, block);
    world_settle(&w);
    assert_int_equal(world_look(&w).core.committed.height, 17);
    assert_int_equal(world_sent(&w, PBFT_COMPLAIN, NULL), 0);
}

static void rule_6_2_what_waited_is_taken_for_no_longer_than_t_s(void **state)
{
    (void)state;
    begin_lagging();
    go_on(5 * T_0_MS);
    w.holds_jobs = true; /* what comes is being verified all the time */
    end_lag();
    for (uint64_t ms = 0; ms < T_0_MS + 5 * STEP_MS; ms += STEP_MS) {
        world_status(&w, 2, 0);
        go_on(STEP_MS);
    }
    assert_true(world_sent(&w, PBFT_COMPLAIN, NULL) > 0);
    world_return_jobs(&w, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(a_root_is_told_when_its_flush_is_durable),
        DRIVER_TEST(roots_are_told_in_order_and_once),
        DRIVER_TEST(turns_go_on_while_a_tree_is_made),
        DRIVER_TEST(a_flush_joins_the_turn_that_closes_next),
        DRIVER_TEST(while_trees_lag_behind_no_message_is_taken),
        DRIVER_TEST(a_machine_may_stop_with_a_flush_anywhere),
        DRIVER_TEST_FAILED(a_tree_that_cannot_be_read_ends_the_driver),
        DRIVER_TEST(rule_6_2_who_takes_no_messages_complains_about_nobody),
        DRIVER_TEST(rule_6_1_a_block_that_waited_for_my_disk_is_not_late),
        DRIVER_TEST(rule_6_2_a_silent_primary_is_complained_about_after_the_lag),
        DRIVER_TEST(rule_6_2_a_lag_holds_no_complaint_back_for_ever),
        DRIVER_TEST(rule_6_2_what_waited_is_taken_before_ages_go_on),
        DRIVER_TEST(rule_6_2_what_waited_is_taken_for_no_longer_than_t_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
