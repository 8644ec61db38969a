/* PROTOCOL.md 6.2, pitfalls I6: while this replica's disk is behind it takes no messages, and no
 * age of section 6 grows. */
#include "tests/unit/rules_view.h"

enum { T_0 = 1000, T_FAIR = 2000, T_CAP = 60000, STEP_MS = 50 };

/* No messages are taken for so long; it steps on. Returns how often it complained. */
static size_t hold(uint64_t ms)
{
    size_t complaints_count = 0;
    for (; ms > 0; ms -= STEP_MS) {
        pbft_held(l.core, l.now_ms, l.now_ms + STEP_MS);
        complaints_count += lone_wait(&l, STEP_MS).complaints_count;
    }
    return complaints_count;
}

static void rule_6_2_ages_do_not_grow_while_no_messages_are_taken(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pool(&l, true, false);
    assert_quiet(T_0 - 1);
    assert_int_equal(hold(20000), 0);
    assert_complains_after(1, PBFT_REASON_STALLED);
}

/* They go on between: nobody who makes this replica work has them begin anew. */
static void rule_6_2_ages_grow_between_such_times(void **state)
{
    (void)state;
    begin(4, 1);
    sent_to_all();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(hold(300), 0);
        assert_quiet(T_0 / 10 - (i == 9));
    }
    assert_complains_after(1, PBFT_REASON_STALLED);
}

/* 6.1 (a), though blocks are committed all the time, which stops (b). */
static void rule_6_1_a_waits_for_no_more_than_t_cap(void **state)
{
    (void)state;
    begin(4, 1);
    sent_to_all();
    size_t complaints_count = 0;
    struct pbft_pool pool = {true, .fair_since_ms = l.now_ms};
    for (uint64_t ms = 0; ms <= T_FAIR + T_CAP; ms += STEP_MS) {
        assert_int_equal(complaints_count, 0);
        pool.oldest_ms = l.now_ms;
        (void)lone_pool_of(&l, &pool);
        complaints_count += hold(STEP_MS);
    }
    complaints_count += hold(STEP_MS);
    assert_true(complaints_count > 0);
    assert_int_equal(l.look.complaint, PBFT_REASON_UNFAIR);
}

/* Nor is any longer excused when all of it is one stretch. */
static void rule_6_1_b_waits_for_no_more_than_t_cap(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pool(&l, true, false);
    assert_int_equal(hold(T_CAP + T_0 - STEP_MS), 0);
    assert_true(hold(2 * STEP_MS) > 0);
}

/* What is remembered has a bound; what is forgotten counts as if messages had been taken. */
static void rule_6_2_so_many_such_times_are_remembered(void **state)
{
    (void)state;
    enum { TIMES = 40, REMEMBERED = 16 };
    begin(4, 1);
    for (uint64_t i = 0; i < TIMES; i++)
        pbft_held(l.core, i * 10, i * 10 + 4);
    assert_int_equal(pbft_held_ms(l.core, 0, UINT64_MAX), REMEMBERED * 4);
    assert_int_equal(pbft_held_ms(l.core, TIMES * 10 - 18, TIMES * 10 - 9), 2 + 1);
    for (uint64_t i = 0; i < TIMES; i++) /* adjoining ones are one */
        pbft_held(l.core, 1000 + i * 10, 1000 + i * 10 + 10);
    assert_int_equal(pbft_held_ms(l.core, 0, UINT64_MAX), (REMEMBERED - 1) * 4 + TIMES * 10);
    assert_int_equal(pbft_held_ms(l.core, 0, 1000), (REMEMBERED - 1) * 4);
}

/* 6.1 (e): a NEW-VIEW that may lie in the inbox. */
static void rule_6_1_e_does_not_grow_either(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    (void)lone_view_change(&l, 0, 1, NULL);
    (void)lone_view_change(&l, 1, 1, NULL);
    assert_quiet(2 * T_0 - 1);
    assert_int_equal(hold(5000), 0);
    assert_complains_after(1, PBFT_REASON_ABSENT);
}

/* ---- 6.1 (d) ---- */

static uint64_t work_done;

/* A period of T_fair in which messages are taken, and held_ms besides. */
static size_t busy_period(uint64_t work, uint64_t held_ms)
{
    struct pbft_pool pool = {.is_over_full_block = true, .work_done = work_done};
    (void)lone_pool_of(&l, &pool);
    pool.work_done = work_done += work;
    (void)lone_pool_of(&l, &pool);
    return hold(held_ms) + lone_wait(&l, T_FAIR).complaints_count;
}

/* Work is by the time in which it could be done: nobody is slow because this replica is. */
static void rule_6_1_d_is_by_the_time_in_which_messages_are_taken(void **state)
{
    (void)state;
    begin(7, 6);
    work_done = 0;
    for (uint64_t view = 0; view < 3; view++) {
        for (int k = 0; k < 2; k++)
            assert_int_equal(busy_period(1000, 0), 0);
        go_on(view, &b[0]);
    }
    for (int i = 0; i < 12; i++)
        assert_int_equal(busy_period(600, T_FAIR), 0);
    size_t complaints_count = 0;
    for (int i = 0; i < 12; i++)
        complaints_count += busy_period(400, T_FAIR);
    assert_true(complaints_count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_6_2_ages_do_not_grow_while_no_messages_are_taken),
        RULE(rule_6_2_ages_grow_between_such_times),
        RULE(rule_6_1_a_waits_for_no_more_than_t_cap),
        RULE(rule_6_1_b_waits_for_no_more_than_t_cap),
        RULE(rule_6_2_so_many_such_times_are_remembered),
        RULE(rule_6_1_e_does_not_grow_either),
        RULE(rule_6_1_d_is_by_the_time_in_which_messages_are_taken),
    };
    return cmocka_run_group_tests_name("rules_6_held", tests, NULL, NULL);
}
