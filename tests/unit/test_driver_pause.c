/* The core's timers stand still while what came in a pause is taken, and go on over what is this
 * replica's own work (PROTOCOL.md 6.2; pitfalls I6). */
#include "tests/unit/driver_rules.h"

enum { T_S_MS = 250, T_0_MS = 1000 };

/* What came over a link is being verified. */
static void run_with_a_message(void)
{
    w.holds_jobs = true;
    world_vote(&w, 2, CERT_PREPARE, b[1]);
    world_run(&w);
    assert_int_equal(w.jobs_count, 1);
}

/* It came while the process stood still. */
static void pause_with_a_message(uint64_t pause_ms)
{
    begin(1);
    world_pass(&w, pause_ms);
    run_with_a_message();
}

static void rule_6_2_after_a_pause_the_inbox_goes_before_the_timers(void **state)
{
    (void)state;
    pause_with_a_message(600000);
    assert_int_equal(world_sent(&w, PBFT_STATUS, NULL), 0);    /* of T_s: it is due */
    assert_true(driver_deadline_ms(w.driver) > w.time.now_ms); /* and does not spin */
    world_return_jobs(&w, false);
    assert_true(driver_deadline_ms(w.driver) <= w.time.now_ms);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_STATUS, NULL), WORLD_OTHERS);
}

/* Without a pause timers wait for nobody: nor does a pause that is none make them. */
static void rule_6_2_timers_do_not_wait_for_messages_otherwise(void **state)
{
    (void)state;
    pause_with_a_message(T_S_MS + T_S_MS / 2);
    assert_true(world_look(&w).outputs_count > 0 || world_sent(&w, PBFT_STATUS, NULL) > 0);
}

/* Nobody's flood stops time: after T_s they fire whatever waits. */
static void rule_6_2_a_flood_after_a_pause_stops_no_timer_for_long(void **state)
{
    (void)state;
    pause_with_a_message(600000);
    uint64_t due_ms = driver_deadline_ms(w.driver);
    assert_int_equal(due_ms, w.time.now_ms + T_S_MS);
    world_pass(&w, T_S_MS);
    world_run(&w);
    assert_true(world_look(&w).outputs_count > 0 || world_sent(&w, PBFT_STATUS, NULL) > 0);
    world_return_jobs(&w, false);
}

/* A run that took so long, or handing over what came. */
static void work(uint64_t ms)
{
    uint64_t from_ms = w.time.now_ms;
    world_pass(&w, ms);
    driver_worked(w.driver, from_ms, w.time.now_ms);
}

static size_t complaints(void)
{
    return world_sent(&w, PBFT_COMPLAIN, NULL);
}

/* Executable work is pending, of which the primary does nothing. */
static void begin_waiting(void)
{
    begin(1);
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_settle(&w);
    world_forget(&w);
}

/* Whoever floods this replica, so that each of its runs takes longer than 2 T_s, does not keep it
 * from complaining about a primary that is silent. */
static void rule_6_2_own_work_is_no_pause(void **state)
{
    (void)state;
    enum { RUN_MS = 820 };
    begin_waiting();
    for (uint32_t i = 0; i < 2 * T_0_MS / RUN_MS + 1 && complaints() == 0; i++) {
        work(RUN_MS);
        world_pass(&w, i % 2);
        world_status(&w, 2, 0);
        world_settle(&w);
    }
    assert_true(complaints() > 0);
}

/* Nor do its timers wait for what is in the inbox. */
static void rule_6_2_after_own_work_timers_do_not_wait(void **state)
{
    (void)state;
    begin(1);
    w.holds_jobs = true;
    work(4 * T_S_MS);
    world_vote(&w, 2, CERT_PREPARE, b[1]);
    world_run(&w);
    assert_int_equal(w.jobs_count, 1);
    assert_true(world_sent(&w, PBFT_STATUS, NULL) > 0);
    world_return_jobs(&w, false);
}

/* Nothing is too old yet: ages began anew with the pause. */
static void expect_ages_begun_anew(void)
{
    assert_int_equal(complaints(), 0);
    work(T_0_MS - 1);
    world_settle(&w);
    assert_int_equal(complaints(), 0);
    work(1);
    world_settle(&w);
    assert_true(complaints() > 0);
}

/* A pause that comes after work is one, and ages begin anew after it. */
static void rule_6_2_a_pause_after_own_work_is_one(void **state)
{
    (void)state;
    begin_waiting();
    work(T_0_MS - 1);
    world_pass(&w, 600000);
    world_settle(&w);
    expect_ages_begun_anew();
}

/* No run takes so long: the process stood still in the midst of it. */
static void rule_6_2_work_that_takes_too_long_is_a_pause(void **state)
{
    (void)state;
    for (uint64_t beyond_ms = 0; beyond_ms < 2; beyond_ms++) {
        begin_waiting();
        work(DRIVER_WORK_MS_MAX + beyond_ms);
        world_settle(&w);
        assert_int_equal(complaints() > 0, beyond_ms == 0);
        if (beyond_ms == 0)
            assert_int_equal(end(state), 0);
    }
}

/* ---- what was done before a run, since the thread woke ---- */

/* Nor does who makes work for it between its runs, of requests or messages that are handed over. */
static void rule_6_2_handing_over_is_no_pause(void **state)
{
    (void)state;
    enum { HANDING_MS = 820 };
    begin_waiting();
    for (uint32_t i = 0; i < 2 * T_0_MS / HANDING_MS + 1 && complaints() == 0; i++) {
        world_pass(&w, i % T_S_MS);
        world_status(&w, 2, 0);
        work(HANDING_MS);
        world_settle(&w);
    }
    assert_true(complaints() > 0);
}

/* It slept too long, and what was handed over then hides nothing of that. */
static void rule_6_2_a_pause_before_handing_over_is_one(void **state)
{
    (void)state;
    begin_waiting();
    world_pass(&w, 600000);
    work(1);
    world_settle(&w);
    expect_ages_begun_anew();
}

static void rule_6_2_timers_wait_for_what_was_handed_over_after_a_pause(void **state)
{
    (void)state;
    begin(1);
    world_pass(&w, 600000);
    work(1);
    run_with_a_message();
    assert_int_equal(world_sent(&w, PBFT_STATUS, NULL), 0);
    assert_int_equal(driver_deadline_ms(w.driver), w.time.now_ms + T_S_MS);
    world_return_jobs(&w, false);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_STATUS, NULL), WORLD_OTHERS);
}

/* While the inbox goes first the core makes no step, and the work of that is not the pause's. */
static void rule_6_2_work_after_a_pause_hides_none(void **state)
{
    (void)state;
    begin_waiting();
    world_pass(&w, 3 * T_S_MS); /* nothing but STATUS is due before T_fair/2 */
    run_with_a_message();
    work(1);
    world_return_jobs(&w, false);
    w.holds_jobs = false;
    world_settle(&w);
    work(T_0_MS - 1);
    world_settle(&w);
    assert_int_equal(complaints(), 0);
    work(1);
    world_settle(&w);
    assert_true(complaints() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(rule_6_2_after_a_pause_the_inbox_goes_before_the_timers),
        DRIVER_TEST(rule_6_2_timers_do_not_wait_for_messages_otherwise),
        DRIVER_TEST(rule_6_2_a_flood_after_a_pause_stops_no_timer_for_long),
        DRIVER_TEST(rule_6_2_own_work_is_no_pause),
        DRIVER_TEST(rule_6_2_after_own_work_timers_do_not_wait),
        DRIVER_TEST(rule_6_2_a_pause_after_own_work_is_one),
        DRIVER_TEST(rule_6_2_work_that_takes_too_long_is_a_pause),
        DRIVER_TEST(rule_6_2_handing_over_is_no_pause),
        DRIVER_TEST(rule_6_2_a_pause_before_handing_over_is_one),
        DRIVER_TEST(rule_6_2_timers_wait_for_what_was_handed_over_after_a_pause),
        DRIVER_TEST(rule_6_2_work_after_a_pause_hides_none),
    };
    return cmocka_run_group_tests_name("driver_pause", tests, NULL, NULL);
}
