/* PROTOCOL.md 4 through the driver: decided, durable, told. That records and bodies are on the disk
 * when a message leaves is held by the world itself in every test. */
#include <string.h>

#include "tests/unit/driver_rules.h"

/* Bytes that are no transaction: an answer that needs nothing from anybody. */
static void ask(uint64_t client)
{
    driver_on_tx(w.driver, client, bytes_of_text("no transaction"), w.time);
}

/* ---- decide, make durable, then tell ---- */

static void nothing_leaves_between_submit_and_done(void **state)
{
    (void)state;
    begin(1);
    world_propose(&w, b[1]);
    world_run(&w);
    assert_true(w.is_submitted);
    ask(1);
    world_fetch(&w, 2, b[1]);
    world_status(&w, 2, 0);
    for (int i = 0; i < 3; i++)
        world_run(&w);
    assert_int_equal(w.outputs_count, 0);
    world_land(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[1]), WORLD_OTHERS);
    assert_int_equal(w.outputs_count, WORLD_OTHERS);
}

static void a_turn_without_writes_waits_for_the_one_under_way(void **state)
{
    (void)state;
    begin(1);
    ask(1);
    world_run(&w); /* alone it waits for nobody */
    assert_non_null(world_answer(&w, 1));
    world_propose(&w, b[1]);
    world_run(&w);
    ask(2);
    world_run(&w);
    assert_null(world_answer(&w, 2));
    world_land(&w);
    assert_null(world_answer(&w, 2)); /* DONE is of the turn before */
    assert_int_equal(driver_deadline_ms(w.driver), 0);
    world_run(&w);
    assert_non_null(world_answer(&w, 2));
    assert_int_equal(w.submits_count, 2); /* the start, and b[1] */
}

static void an_answer_waits_for_writes_of_its_own_turn(void **state)
{
    (void)state;
    begin(1);
    w.holds_jobs = true;
    world_propose(&w, b[1]);
    world_run(&w);
    world_return_jobs(&w, false);
    world_run(&w); /* its transaction is being verified now */
    ask(1);
    world_return_jobs(&w, false);
    world_run(&w);
    assert_true(w.is_submitted);
    assert_int_equal(w.outputs_count, 0);
    world_land(&w);
    assert_non_null(world_answer(&w, 1));
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[1]), WORLD_OTHERS);
}

static void outputs_leave_in_the_order_decided(void **state)
{
    (void)state;
    begin(1);
    ask(1);
    for (int i = 1; i <= 3; i++)
        world_propose(&w, b[i]);
    world_run(&w);
    ask(2);
    world_qc(&w, 2, CERT_PREPARE, b[2]);
    world_run(&w);
    world_land(&w);
    world_run(&w);
    world_land(&w);
    static const struct {
        enum pbft_msg_type type;
        uint64_t height;
    } expected[] = {{PBFT_PREPARE, 1}, {PBFT_PREPARE, 2}, {PBFT_PREPARE, 3}, {0, 2},
                    {PBFT_COMMIT, 1},  {PBFT_COMMIT, 2}};
    size_t at = 0;
    assert_int_equal(w.outputs[at++].client, 1);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (expected[i].type == 0) {
            assert_true(w.outputs[at].is_answer);
            assert_int_equal(w.outputs[at++].client, expected[i].height);
            continue;
        }
        for (int to = 0; to < WORLD_OTHERS; to++, at++) {
            assert_int_equal(w.outputs[at].type, expected[i].type);
            assert_int_equal(w.outputs[at].height, expected[i].height);
        }
    }
    assert_int_equal(at, w.outputs_count);
}

/* Group commit: what was decided while one batch was under way is one batch. */
static void what_is_decided_meanwhile_goes_into_one_next_batch(void **state)
{
    (void)state;
    begin(1);
    uint64_t before = w.submits_count;
    world_propose(&w, b[1]);
    world_run(&w);
    world_propose(&w, b[2]);
    world_run(&w);
    world_propose(&w, b[3]);
    world_run(&w);
    assert_int_equal(w.submits_count, before + 1);
    world_land(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), WORLD_OTHERS);
    world_run(&w);
    assert_int_equal(w.submits_count, before + 2);
    world_land(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[2]), WORLD_OTHERS);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[3]), WORLD_OTHERS);
    world_settle(&w);
    assert_int_equal(w.submits_count, before + 2);
}

static void fails_with(enum rc rc)
{
    struct why why = {{0}};
    begin(1);
    world_commit(&w, b[1]); /* the marker is raised far enough */
    world_forget(&w);
    world_propose(&w, b[2]);
    world_run(&w);
    ask(1);
    world_propose(&w, b[3]);
    world_run(&w);
    uint64_t submits = w.submits_count;
    world_fail(&w, rc);
    assert_int_equal(driver_failure(w.driver, &why), rc);
    assert_non_null(strstr(why.text, "durable"));
    assert_non_null(strstr(why.text, rc_text(rc)));
    assert_int_equal(driver_deadline_ms(w.driver), UINT64_MAX);
    ask(2);
    world_votes(&w, CERT_PREPARE, b[2]);
    for (int i = 0; i < 3; i++) {
        world_pass(&w, 20000);
        world_run(&w);
    }
    assert_int_equal(w.outputs_count, 0);
    assert_int_equal(w.submits_count, submits);
}

static void a_commit_that_failed_sends_nothing_ever(void **state)
{
    (void)state;
    fails_with(RC_DISK_FULL);
}

static void a_disk_that_broke_sends_nothing_ever(void **state)
{
    (void)state;
    fails_with(RC_STORE_IO);
}

/* The world holds body, tip, high and record against the disk whenever a vote leaves. */
static void what_a_backup_sends_is_on_the_disk(void **state)
{
    (void)state;
    begin(1);
    for (int i = 1; i <= 10; i++)
        world_commit(&w, b[i]);
    assert_int_equal(world_look(&w).durable_height, 10);
    for (int i = 1; i <= 10; i++) {
        assert_int_equal(world_sent(&w, PBFT_PREPARE, b[i]), WORLD_OTHERS);
        assert_int_equal(world_sent(&w, PBFT_COMMIT, b[i]), WORLD_OTHERS);
    }
    assert_int_equal(w.own_votes_count, 20);
}

/* The block that the primary built, from its PRE-PREPARE. */
static const struct pbft_msg *proposal(size_t nth)
{
    static struct pbft_msg m;
    const struct world_output *o = world_message(&w, PBFT_PRE_PREPARE, nth * WORLD_OTHERS);
    assert_non_null(o);
    assert_true(world_decode(&m, o));
    return &m;
}

static void what_a_primary_sends_is_on_the_disk(void **state)
{
    (void)state;
    begin(0);
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_run(&w);
    assert_true(w.is_submitted);
    assert_int_equal(w.outputs_count, 0);
    world_land(&w);
    assert_int_equal(world_sent(&w, PBFT_PRE_PREPARE, NULL), WORLD_OTHERS);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), WORLD_OTHERS);
    assert_int_equal(proposal(0)->pre_prepare.block.height, 1);
}

/* A committed read tells it: not before the disk has it, and with the height that goes with it. */
static void high_is_lent_once_it_is_durable(void **state)
{
    (void)state;
    begin(1);
    assert_null(driver_high(w.driver)); /* the base */
    world_propose(&w, b[1]);
    world_settle(&w);
    world_votes(&w, CERT_PREPARE, b[1]);
    world_run(&w);
    assert_true(w.is_submitted);
    assert_true(world_look(&w).core.has_high);
    assert_null(driver_high(w.driver));
    world_votes(&w, CERT_COMMIT, b[1]); /* is decided while the first is under way */
    world_run(&w);
    world_land(&w);
    assert_int_equal(driver_high(w.driver)->statement.kind, CERT_PREPARE);
    assert_int_equal(driver_high(w.driver)->statement.height, 1);
    assert_int_equal(world_look(&w).durable_height, 0);
    world_qc(&w, 2, CERT_PREPARE, b[2]);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 1);
    assert_int_equal(driver_high(w.driver)->statement.height, 2);
}

static void high_is_what_the_disk_had_after_a_restart(void **state)
{
    (void)state;
    begin(1);
    world_commit(&w, b[1]);
    world_qc(&w, 2, CERT_PREPARE, b[2]);
    world_run(&w);
    world_crash(&w, false);
    assert_int_equal(world_start(&w), RC_OK);
    assert_int_equal(driver_high(w.driver)->statement.height, 1);
    world_settle(&w);
    world_qc(&w, 2, CERT_PREPARE, b[2]);
    world_run(&w);
    world_crash(&w, true);
    assert_int_equal(world_start(&w), RC_OK);
    assert_int_equal(driver_high(w.driver)->statement.height, 2);
    world_settle(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(nothing_leaves_between_submit_and_done),
        DRIVER_TEST(a_turn_without_writes_waits_for_the_one_under_way),
        DRIVER_TEST(an_answer_waits_for_writes_of_its_own_turn),
        DRIVER_TEST(outputs_leave_in_the_order_decided),
        DRIVER_TEST(what_is_decided_meanwhile_goes_into_one_next_batch),
        DRIVER_TEST_FAILED(a_commit_that_failed_sends_nothing_ever),
        DRIVER_TEST_FAILED(a_disk_that_broke_sends_nothing_ever),
        DRIVER_TEST(what_a_backup_sends_is_on_the_disk),
        DRIVER_TEST(what_a_primary_sends_is_on_the_disk),
        DRIVER_TEST(high_is_lent_once_it_is_durable),
        DRIVER_TEST(high_is_what_the_disk_had_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
