/* PROTOCOL.md 6.1 to 6.3: when a replica wants to leave its view, and how long it waits. */
#include "tests/unit/rules_view.h"

enum { T_0 = 1000, T_FAIR = 2000, HOUR_MS = 3600000 };

/* A late commit, told by the pool. */
static void late_by(uint64_t late_ms)
{
    (void)lone_pool_of(&l, &(struct pbft_pool){.late_ms = late_ms});
}

/* ---- 6.1 (b) ---- */

/* Work is pending and nothing commits for T_k. */
static void rule_6_1_b_a_view_that_commits_nothing_for_t_k_is_complained_about(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pool(&l, true, false);
    assert_complains_after(T_0, PBFT_REASON_STALLED);
}

/* It counts from the oldest pending arrival, and from the last commit. */
static void rule_6_1_b_counts_from_arrival_and_from_the_last_commit(void **state)
{
    (void)state;
    begin(4, 1);
    assert_quiet(5000);
    (void)lone_pool(&l, true, false);
    assert_quiet(T_0 - 1);
    commit(&b[1]);
    assert_quiet(T_0 - 1);
    assert_complains_after(1, PBFT_REASON_STALLED);
}

/* And from when the view was installed here. */
static void rule_6_1_b_counts_from_the_installing_of_the_view(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_pool(&l, true, false);
    leave(0);
    adopt(1, NULL);
    assert_quiet(1500);
    install(&b[0]);
    assert_int_equal(l.look.timeout_ms, 2 * T_0);
    assert_complains_after(2 * T_0, PBFT_REASON_STALLED);
}

/* Nothing pending: silence is no fault, for however long (6.3: commit disarms). */
static void rule_6_3_an_idle_view_is_never_complained_about(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pool(&l, true, false);
    commit(&b[1]);
    (void)lone_pool(&l, false, false);
    assert_quiet(HOUR_MS);
}

/* (a), (b), (d) only while this replica sees what happens: not behind a certificate. */
static void rule_6_1_one_that_is_behind_does_not_complain(void **state)
{
    (void)state;
    begin(4, 1);
    sent_to_all();
    (void)lone_qc(&l, CERT_COMMIT, &b[3], 13);
    assert_int_equal(l.look.committed.height, 0);
    assert_quiet(10 * T_FAIR);
    late_by(10 * T_FAIR);
    assert_quiet(1);
    (void)lone_pool(&l, true, false);
    (void)lone_range(&l, 2, &b[1], 3, 0);
    assert_int_equal(l.look.committed.height, 3);
    assert_complains_after(T_0, PBFT_REASON_STALLED);
}

/* ---- 6.1 (a) ---- */

/* A transaction that was sent to all waits for longer than T_fair, though others commit. */
static void rule_6_1_a_a_transaction_that_waits_too_long_is_a_complaint(void **state)
{
    (void)state;
    begin(4, 1);
    sent_to_all();
    for (int h = 1; h <= 4; h++) {
        assert_quiet(T_FAIR / 4);
        commit(&b[h]);
    }
    assert_complains_after(1, PBFT_REASON_UNFAIR);
}

/* Its age does not count before the view is installed here. */
static void rule_6_1_a_counts_from_the_installing_of_the_view(void **state)
{
    (void)state;
    begin(4, 3);
    sent_to_all();
    leave(0);
    adopt(1, NULL);
    assert_quiet(1500);
    sent_to_all();
    assert_quiet(400);
    install(&b[0]);
    for (int h = 1; h <= 4; h++) {
        assert_quiet(T_FAIR / 4);
        commit(&b[h]);
    }
    assert_complains_after(1, PBFT_REASON_UNFAIR);
}

/* One that committed, and came too late, is the same. */
static void rule_6_1_a_a_late_commit_is_a_complaint(void **state)
{
    (void)state;
    begin(4, 1);
    late_by(T_FAIR);
    assert_quiet(1);
    late_by(T_FAIR + 1);
    assert_int_equal(lone_act(&l, PBFT_SEND_COMPLAIN, 0)->complain.reason, PBFT_REASON_UNFAIR);
}

/* The limit is not below T_k: what a slow network makes of every view is no reason. */
static void rule_6_1_a_the_limit_is_not_below_t_k(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    leave(1);
    adopt(2, NULL);
    install(&b[0]);
    assert_int_equal(l.look.timeout_ms, 4 * T_0);
    late_by(4 * T_0);
    assert_quiet(1);
    late_by(4 * T_0 + 1);
    assert_int_equal(l.look.complaint, PBFT_REASON_UNFAIR);
}

/* Views left for (a) one after the other double its limit, even if they committed. */
static void rule_6_1_a_views_left_for_it_double_its_limit(void **state)
{
    (void)state;
    begin(7, 6);
    uint64_t limit_ms = T_FAIR;
    for (uint64_t view = 0; view < 4; view++) {
        commit(&b[view + 1]); /* progress: T_k stays at T_0 */
        late_by(limit_ms);
        assert_quiet(1);
        late_by(limit_ms + 1);
        assert_int_equal(l.look.complaint, PBFT_REASON_UNFAIR);
        go_on(view, &b[view + 1]);
        assert_int_equal(l.look.timeout_ms, T_0);
        limit_ms *= 2;
    }
    /* One that is left for another reason begins anew. */
    commit(&b[5]);
    late_by(0);
    go_on(4, &b[5]);
    late_by(T_FAIR + 1);
    assert_int_equal(l.look.complaint, PBFT_REASON_UNFAIR);
}

/* Up to T_cap. */
static void rule_6_1_a_the_limit_ends_at_t_cap(void **state)
{
    (void)state;
    begin_stored(7, 6);
    l.config.view_change_cap_ms = 3 * T_FAIR;
    lone_start(&l);
    for (uint64_t view = 0; view < 4; view++) {
        late_by(10 * T_FAIR);
        assert_int_equal(l.look.complaint, PBFT_REASON_UNFAIR);
        go_on(view, &b[0]);
    }
    late_by(3 * T_FAIR);
    assert_quiet(1);
    late_by(3 * T_FAIR + 1);
    assert_int_equal(l.look.complaint, PBFT_REASON_UNFAIR);
}

/* What came late in one view says nothing of the next, also before the pool tells so. */
static void rule_6_1_a_what_was_late_in_the_last_view_is_no_complaint(void **state)
{
    (void)state;
    begin(4, 3);
    late_by(20 * T_FAIR);
    assert_int_equal(l.look.complaint, PBFT_REASON_UNFAIR);
    go_on(0, &b[0]);
    assert_int_equal(lone_count(&l, PBFT_SEND_COMPLAIN), 0);
    assert_quiet(T_0);
}

/* ---- 6.1 (c) ---- */

/* Two proposals for one place, or an invalid one: at once. */
static void rule_6_1_c_a_faulty_primary_is_complained_about_at_once(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    assert_int_equal(lone_count(&l, PBFT_SEND_COMPLAIN), 0);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    assert_int_equal(lone_act(&l, PBFT_SEND_COMPLAIN, 0)->complain.reason, PBFT_REASON_FAULTY);
    lone_close(&l);
    begin(4, 3);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    (void)lone_checked(&l, &b[1], PBFT_CHECK_INVALID, 0);
    assert_int_equal(lone_act(&l, PBFT_SEND_COMPLAIN, 0)->complain.reason, PBFT_REASON_FAULTY);
    go_on(0, &b[0]); /* the next primary is another one */
    assert_quiet(1);
}

/* ---- 6.1 (d) ---- */

static uint64_t work_done;

/* One period of T_fair with more than a block pending throughout. */
static struct lone_waited busy_period(uint64_t work)
{
    struct pbft_pool pool = {.is_over_full_block = true, .work_done = work_done};
    (void)lone_pool_of(&l, &pool); /* the period's beginning, if it is the first */
    pool.work_done = work_done += work;
    (void)lone_pool_of(&l, &pool);
    return lone_wait(&l, T_FAIR);
}

static void measure_views(uint64_t from_view, int count, const uint64_t *works)
{
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < 2; k++)
            assert_int_equal(busy_period(works[i]).complaints_count, 0);
        go_on(from_view + (uint64_t)i, &b[0]);
    }
}

static size_t busy_periods(int count, uint64_t work)
{
    size_t complaints_count = 0;
    for (int i = 0; i < count; i++)
        complaints_count += busy_period(work).complaints_count;
    return complaints_count;
}

/* Ten periods in a row below half the median of the last three views. */
static void rule_6_1_d_ten_slow_periods_in_a_row_are_a_complaint(void **state)
{
    (void)state;
    begin(7, 6);
    measure_views(0, 3, (const uint64_t[]){1000, 9000, 2000});
    assert_int_equal(busy_periods(12, 1000), 0); /* just half of it */
    assert_int_equal(busy_periods(9, 999), 0);
    assert_int_equal(busy_periods(1, 1000), 0);
    assert_int_equal(busy_periods(9, 999), 0);
    struct lone_waited w = busy_period(999);
    assert_int_equal(w.complaints_count, 1);
    assert_int_equal(w.reason, PBFT_REASON_SLOW);
}

/* Fewer than three views measured so: never. */
static void rule_6_1_d_nothing_is_slow_before_three_views_were_measured(void **state)
{
    (void)state;
    begin(7, 6);
    measure_views(0, 2, (const uint64_t[]){1000, 1000});
    assert_int_equal(busy_periods(30, 1), 0);
}

/* A period in which no more than a block was pending ends the succession. */
static void rule_6_1_d_a_pause_of_the_load_begins_anew(void **state)
{
    (void)state;
    begin(7, 6);
    measure_views(0, 3, (const uint64_t[]){1000, 1000, 1000});
    assert_int_equal(busy_periods(9, 1), 0);
    (void)lone_pool(&l, false, false);
    assert_int_equal(busy_periods(9, 1), 0);
    assert_int_equal(busy_periods(1, 1), 1);
}

/* Nor is anything slow for one that is behind a certificate: it does not see what is done. */
static void rule_6_1_d_nothing_is_slow_for_one_that_is_behind(void **state)
{
    (void)state;
    begin(7, 6);
    measure_views(0, 3, (const uint64_t[]){1000, 1000, 1000});
    assert_int_equal(busy_periods(9, 1), 0);
    (void)lone_qc(&l, CERT_COMMIT, &b[3], others());
    assert_int_equal(l.look.committed.height, 0);
    assert_int_equal(busy_periods(20, 1), 0);
    (void)lone_range(&l, 2, &b[1], 3, 0);
    assert_int_equal(busy_periods(9, 1), 0);
    assert_int_equal(busy_periods(1, 1), 1);
}

/* A term of R blocks; R = 0: no terms. */
static void rule_6_1_d_a_term_is_over_after_r_blocks(void **state)
{
    (void)state;
    begin_stored(4, 3);
    l.config.term_blocks = 3;
    lone_start(&l);
    commit(&b[1]);
    commit(&b[2]);
    assert_quiet(1);
    commit(&b[3]);
    assert_int_equal(l.look.complaint, PBFT_REASON_SLOW);
    go_on(0, &b[3]);
    commit(&b[4]);
    commit(&b[5]);
    assert_quiet(1);
    lone_close(&l);
    begin(4, 3);
    for (int h = 1; h <= 20; h++)
        commit(&b[h]);
    assert_quiet(1);
}

/* ---- 6.1 (e) ---- */

/* Only from q VIEW-CHANGEs on (pitfalls L4): who waits for others chases no views. */
static void rule_6_1_e_is_armed_by_q_view_changes(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    (void)lone_view_change(&l, 0, 1, NULL);
    assert_quiet(HOUR_MS);
    (void)lone_view_change(&l, 1, 1, NULL);
    assert_complains_after(2 * T_0, PBFT_REASON_ABSENT);
}

/* VIEW-CHANGEs for other views do not count. */
static void rule_6_1_e_view_changes_for_other_views_do_not_arm_it(void **state)
{
    (void)state;
    begin(7, 6);
    leave(0);
    for (uint32_t from = 0; from < 3; from++)
        (void)lone_view_change(&l, from, 1, NULL);
    leave(1);
    (void)lone_view_change(&l, 3, 2, NULL);
    (void)lone_view_change(&l, 4, 2, NULL);
    assert_quiet(60000);
}

/* NEW-VIEW accepted and not installed within T_k; it counts anew from there. */
static void rule_6_1_e_a_new_view_that_is_not_installed_is_a_complaint(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_pool(&l, true, false); /* (b) is not armed before the view is installed */
    leave(0);
    (void)lone_view_change(&l, 0, 1, NULL);
    (void)lone_view_change(&l, 1, 1, NULL);
    assert_quiet(1500);
    adopt(1, NULL);
    assert_complains_after(2 * T_0, PBFT_REASON_ABSENT);
    lone_start(&l); /* and over a restart */
    assert_complains_after(T_0, PBFT_REASON_ABSENT);
    (void)lone_pool(&l, false, false);
    install(&b[0]);
    assert_quiet(HOUR_MS);
}

/* ---- 6.1, 6.2 ---- */

/* Keep voting while complaining. */
static void rule_6_1_a_complaining_replica_keeps_voting(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pool(&l, true, false);
    assert_complains_after(T_0, PBFT_REASON_STALLED);
    commit(&b[1]);
    assert_int_equal(l.votes_count, 2);
    assert_int_equal(l.look.mode, PBFT_NORMAL);
}

/* T_k doubles with each view without progress, up to T_cap. */
static void rule_6_2_t_k_doubles_up_to_t_cap(void **state)
{
    (void)state;
    begin(4, 3);
    uint64_t expected_ms = T_0;
    for (uint64_t view = 0; view < 60; view++) {
        assert_int_equal(l.look.timeout_ms, expected_ms);
        leave(view);
        expected_ms = 2 * expected_ms < 60000 ? 2 * expected_ms : 60000;
    }
}

/* Progress is a certificate of the current view above what was committed: then k falls. */
static void rule_6_2_t_k_falls_with_progress(void **state)
{
    (void)state;
    begin(7, 6);
    for (uint64_t view = 0; view < 3; view++)
        leave(view);
    adopt(3, NULL);
    install(&b[0]);
    assert_int_equal(l.look.timeout_ms, 8 * T_0);
    commit(&b[1]);
    leave(3);
    assert_int_equal(l.look.timeout_ms, 4 * T_0);
}

/* The base once more, or blocks of a lower view, are none. */
static void rule_6_2_a_base_commit_and_synced_blocks_are_no_progress(void **state)
{
    (void)state;
    begin(4, 3);
    struct certificate c = lone_certificate(&l, CERT_COMMIT, 0, &b[2], others());
    leave(0);
    (void)lone_certified(&l, &c);
    adopt(1, &c);
    (void)lone_data(&l, 2, &b[2], false);
    l.view = 0;
    (void)lone_range(&l, 2, &b[1], 2, 0);
    l.view = 1;
    assert_int_equal(l.look.committed.height, 2);
    install(&b[2]);
    leave(1);
    assert_int_equal(l.look.timeout_ms, 4 * T_0);
}

/* k falls also within a view, by one in each T_k with progress. */
static void rule_6_2_t_k_falls_within_a_good_view(void **state)
{
    (void)state;
    begin(7, 6);
    leave(0);
    leave(1);
    adopt(2, NULL);
    install(&b[0]);
    commit(&b[1]);
    assert_quiet(4 * T_0 - 1);
    commit(&b[2]);
    assert_int_equal(l.look.timeout_ms, 4 * T_0);
    assert_quiet(1);
    commit(&b[3]);
    assert_int_equal(l.look.timeout_ms, 2 * T_0);
    assert_quiet(2 * T_0);
    commit(&b[4]);
    assert_int_equal(l.look.timeout_ms, T_0);
}

/* After a long pause all ages begin anew: what waits in the inbox comes first (pitfalls I6). */
static void rule_6_2_after_a_pause_no_timer_fires_at_once(void **state)
{
    (void)state;
    begin(4, 1);
    sent_to_all();
    assert_quiet(T_0 - 1);
    (void)lone_tick(&l, 600000);
    assert_int_equal(lone_count(&l, PBFT_SEND_COMPLAIN), 0);
    assert_quiet(T_0 - 1);
    assert_complains_after(1, PBFT_REASON_STALLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_6_1_b_a_view_that_commits_nothing_for_t_k_is_complained_about),
        RULE(rule_6_1_b_counts_from_arrival_and_from_the_last_commit),
        RULE(rule_6_1_b_counts_from_the_installing_of_the_view),
        RULE(rule_6_3_an_idle_view_is_never_complained_about),
        RULE(rule_6_1_one_that_is_behind_does_not_complain),
        RULE(rule_6_1_a_a_transaction_that_waits_too_long_is_a_complaint),
        RULE(rule_6_1_a_counts_from_the_installing_of_the_view),
        RULE(rule_6_1_a_a_late_commit_is_a_complaint),
        RULE(rule_6_1_a_the_limit_is_not_below_t_k),
        RULE(rule_6_1_a_views_left_for_it_double_its_limit),
        RULE(rule_6_1_a_the_limit_ends_at_t_cap),
        RULE(rule_6_1_a_what_was_late_in_the_last_view_is_no_complaint),
        RULE(rule_6_1_c_a_faulty_primary_is_complained_about_at_once),
        RULE(rule_6_1_d_ten_slow_periods_in_a_row_are_a_complaint),
        RULE(rule_6_1_d_nothing_is_slow_before_three_views_were_measured),
        RULE(rule_6_1_d_a_pause_of_the_load_begins_anew),
        RULE(rule_6_1_d_nothing_is_slow_for_one_that_is_behind),
        RULE(rule_6_1_d_a_term_is_over_after_r_blocks),
        RULE(rule_6_1_e_is_armed_by_q_view_changes),
        RULE(rule_6_1_e_view_changes_for_other_views_do_not_arm_it),
        RULE(rule_6_1_e_a_new_view_that_is_not_installed_is_a_complaint),
        RULE(rule_6_1_a_complaining_replica_keeps_voting),
        RULE(rule_6_2_t_k_doubles_up_to_t_cap),
        RULE(rule_6_2_t_k_falls_with_progress),
        RULE(rule_6_2_a_base_commit_and_synced_blocks_are_no_progress),
        RULE(rule_6_2_t_k_falls_within_a_good_view),
        RULE(rule_6_2_after_a_pause_no_timer_fires_at_once),
    };
    return cmocka_run_group_tests_name("rules_6_timers", tests, NULL, NULL);
}
