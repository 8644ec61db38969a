/* PROTOCOL.md 6.1 (a), 6.2, pitfalls I6: what waited here while this process stood still is late by
 * its sleep, and not by the primary, whose own lateness counts as before. */
#include "node/pbft/wire.h"
#include "tests/unit/driver_rules.h"

enum { T_FAIR_MS = 2000, PAUSE_MS = 600000 };

static uint64_t late_ms(void)
{
    return world_look(&w).told.late_ms;
}

/* A client's transaction that went to all, so long ago. In a block that nobody has proposed yet. */
static const struct world_block *begin_waiting(uint64_t awake_ms)
{
    begin_with(1, "{\"view_change_ms\": 60000, \"view_change_cap_ms\": 60000}"); /* T_k: no (b) */
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_submit(&w, 1, tx);
    world_settle(&w);
    pass_awake(T_FAIR_MS / 2);
    assert_int_equal(world_look(&w).told.fair_since_ms, w.time.now_ms);
    pass_awake(awake_ms);
    return world_block(&w, NULL, &tx, 1);
}

static void rule_6_1_a_what_waited_through_a_pause_is_not_late(void **state)
{
    (void)state;
    const struct world_block *block = begin_waiting(100);
    world_pass(&w, PAUSE_MS);
    world_commit(&w, block);
    assert_int_equal(world_look(&w).core.committed.height, 1);
    assert_int_equal(late_ms(), 0);
}

/* And nobody complains for it, in the rest of the view. */
static void rule_6_1_a_after_a_pause_nobody_complains_of_what_waited(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_submit(&w, 1, tx);
    world_settle(&w);
    pass_awake(T_FAIR_MS / 2);
    world_forget(&w);
    world_pass(&w, PAUSE_MS);
    world_commit(&w, world_block(&w, NULL, &tx, 1));
    assert_int_equal(world_look(&w).core.committed.height, 1);
    pass_awake(4 * T_FAIR_MS);
    assert_int_equal(world_sent(&w, PBFT_COMPLAIN, NULL), 0);
}

/* Ages begin anew with the end of the pause: from then on the primary's time runs. */
static void rule_6_1_a_what_comes_late_after_a_pause_is_late(void **state)
{
    (void)state;
    const struct world_block *block = begin_waiting(100);
    world_pass(&w, PAUSE_MS);
    world_settle(&w);
    pass_awake(3 * T_FAIR_MS);
    world_commit(&w, block);
    assert_int_equal(late_ms(), 3 * T_FAIR_MS);
}

/* What came late before a pause is late, whenever it is committed. */
static void rule_6_1_a_a_pause_forgives_nothing_that_came_before_it(void **state)
{
    (void)state;
    const struct world_block *block = begin_waiting(3 * T_FAIR_MS);
    world_propose(&w, block);
    world_settle(&w);
    world_pass(&w, PAUSE_MS);
    world_commit(&w, block);
    assert_int_equal(world_look(&w).core.committed.height, 1);
    assert_int_equal(late_ms(), 3 * T_FAIR_MS);
}

/* No pause: as long a run of the driver's own work (6.2). */
static void rule_6_1_a_own_work_makes_nobody_less_late(void **state)
{
    (void)state;
    const struct world_block *block = begin_waiting(0);
    for (int i = 0; i < 4; i++) {
        world_pass(&w, T_FAIR_MS);
        driver_worked(w.driver, w.time.now_ms - T_FAIR_MS, w.time.now_ms);
        world_settle(&w);
    }
    world_commit(&w, block);
    assert_int_equal(late_ms(), 4 * T_FAIR_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(rule_6_1_a_what_waited_through_a_pause_is_not_late),
        DRIVER_TEST(rule_6_1_a_after_a_pause_nobody_complains_of_what_waited),
        DRIVER_TEST(rule_6_1_a_what_comes_late_after_a_pause_is_late),
        DRIVER_TEST(rule_6_1_a_a_pause_forgives_nothing_that_came_before_it),
        DRIVER_TEST(rule_6_1_a_own_work_makes_nobody_less_late),
    };
    return cmocka_run_group_tests_name("driver_asleep", tests, NULL, NULL);
}
