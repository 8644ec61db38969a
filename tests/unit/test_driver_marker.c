/* PROTOCOL.md 4.2 through the driver: the reservation in the store, the marker beside the key, and
 * a store that is behind it. That nothing leaves above the marker is held by the world in every
 * test. */
#include <string.h>

#include "tests/unit/driver_rules.h"

static bool is_voted_for(const struct world_block *block)
{
    return world_sent(&w, PBFT_PREPARE, block) > 0;
}

/* What the store says is reserved. */
static uint64_t reserved_height(void)
{
    struct buf value = {0};
    bool is_there = world_read(&w, KV_VOTE, bytes_of_text("reserved"), &value);
    struct rd r = rd_of(buf_bytes(&value));
    (void)rd_u64(&r); /* epoch */
    (void)rd_u64(&r); /* view */
    uint64_t height = rd_u64(&r);
    assert_true(!is_there || rd_done(&r));
    buf_free(&value);
    return height;
}

/* Reserved in the batch of the vote, then in the marker, then told. */
static void a_first_vote_waits_for_store_and_marker(void **state)
{
    (void)state;
    begin(1);
    w.holds_marker = true;
    world_propose(&w, b[1]);
    world_run(&w);
    assert_true(w.is_submitted);
    assert_false(w.is_marking);
    assert_int_equal(reserved_height(), 0);
    world_land(&w);
    assert_true(w.is_marking);
    assert_int_equal(reserved_height(), DRIVER_RESERVED_HEIGHTS);
    assert_int_equal(w.marking.height, DRIVER_RESERVED_HEIGHTS);
    world_run(&w);
    assert_int_equal(w.outputs_count, 0);
    world_mark(&w);
    assert_true(is_voted_for(b[1]));
}

static void what_is_decided_meanwhile_waits_too(void **state)
{
    (void)state;
    begin(1);
    w.holds_marker = true;
    world_propose(&w, b[1]);
    world_run(&w);
    world_land(&w);
    driver_on_tx(w.driver, 1, bytes_of_text("no transaction"), w.time);
    world_propose(&w, b[2]);
    world_run(&w);
    assert_false(w.is_submitted);
    assert_int_equal(w.outputs_count, 0);
    assert_true(driver_deadline_ms(w.driver) > w.time.now_ms); /* it does not spin */
    world_mark(&w);
    assert_false(is_voted_for(b[2]));
    world_run(&w);
    assert_true(w.is_submitted);
    world_land(&w);
    assert_true(is_voted_for(b[2]));
    assert_non_null(world_answer(&w, 1));
}

static void votes_within_the_reservation_need_no_marker(void **state)
{
    (void)state;
    begin(1);
    for (int i = 1; i <= 10; i++)
        world_commit(&w, b[i]);
    assert_int_equal(w.marks_count, 1);
    world_crash(&w, false);
    world_begin(&w);
    for (int i = 11; i <= 20; i++)
        world_commit(&w, b[i]);
    assert_int_equal(w.marks_count, 1);
}

static void a_primary_waits_for_the_marker_with_its_proposal(void **state)
{
    (void)state;
    begin(0);
    w.holds_marker = true;
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_run(&w);
    world_land(&w);
    world_run(&w);
    assert_int_equal(w.outputs_count, 0);
    world_mark(&w);
    assert_int_equal(world_sent(&w, PBFT_PRE_PREPARE, NULL), WORLD_OTHERS);
}

/* Between the two: the store may be ahead of the marker, never the other way round. */
static void a_machine_that_stops_in_between_raises_it_at_its_start(void **state)
{
    (void)state;
    for (int lands = 0; lands < 2; lands++) {
        begin(1);
        w.holds_marker = true;
        world_propose(&w, b[1]);
        world_run(&w);
        world_land(&w);
        assert_true(w.is_marking);
        world_crash(&w, lands != 0);
        w.holds_marker = false;
        assert_int_equal(world_start(&w), RC_OK);
        world_settle(&w);
        assert_int_equal(world_sent(&w, PBFT_PREPARE, b[1]), WORLD_OTHERS);
        assert_int_equal(w.marks_count, lands != 0 ? 1 : 2);
        assert_false(world_look(&w).core.is_learner);
        assert_int_equal(end(NULL), 0);
    }
    begin(1);
}

static void a_marker_that_cannot_be_written_ends_the_driver(void **state)
{
    (void)state;
    struct why why = {{0}};
    begin(1);
    w.holds_marker = true;
    world_propose(&w, b[1]);
    world_run(&w);
    world_land(&w);
    world_fail_marker(&w, RC_DISK_FULL);
    assert_int_equal(driver_failure(w.driver, &why), RC_DISK_FULL);
    assert_non_null(strstr(why.text, "marker"));
    world_run(&w);
    assert_int_equal(w.outputs_count, 0);
    assert_false(w.is_submitted);
}

/* It follows, and says nothing that binds. */
static void follows_as_a_learner(void)
{
    assert_true(world_look(&w).core.is_learner);
    world_propose(&w, b[1]);
    world_settle(&w);
    world_range(&w, 2, &b[1], 2, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 2);
    world_propose(&w, b[3]);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
    assert_int_equal(world_sent(&w, PBFT_COMMIT, NULL), 0);
}

static void a_store_behind_the_marker_never_votes_again(void **state)
{
    (void)state;
    begin_stored(1, NULL);
    w.marker = (struct pbft_rank){.height = 1};
    assert_int_equal(world_start(&w), RC_OK);
    world_settle(&w);
    follows_as_a_learner();
    world_crash(&w, false);
    w.marker = (struct pbft_rank){0}; /* whatever becomes of the marker then */
    world_begin(&w);
    assert_true(world_look(&w).core.is_learner);
    world_propose(&w, b[3]);
    world_settle(&w);
    assert_false(is_voted_for(b[3]));
}

/* For instance because the marker names another store. */
static void whoever_is_fenced_never_votes_again(void **state)
{
    (void)state;
    begin_stored(1, NULL);
    w.is_fenced = true;
    assert_int_equal(world_start(&w), RC_OK);
    world_settle(&w);
    follows_as_a_learner();
    world_crash(&w, false);
    w.is_fenced = false;
    world_begin(&w);
    assert_true(world_look(&w).core.is_learner);
}

/* It had voted before the store was put back. */
static void old_votes_of_a_fenced_store_are_not_sent_again(void **state)
{
    (void)state;
    begin(1);
    world_propose(&w, b[1]);
    world_settle(&w);
    assert_true(is_voted_for(b[1]));
    world_crash(&w, false);
    world_forget(&w);
    w.marker.height = 2 * DRIVER_RESERVED_HEIGHTS;
    assert_int_equal(world_start(&w), RC_OK);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
    assert_int_equal(world_sent(&w, PBFT_STATUS, NULL), WORLD_OTHERS);
}

/* ---- raised again ---- */

static void begin_with_small_reservations(uint64_t heights)
{
    begin_stored(1, NULL);
    w.reserved_heights = heights;
    world_begin(&w);
}

/* Each time in the same order: the store, the marker, then the votes. */
static void the_marker_is_raised_again_and_again(void **state)
{
    (void)state;
    enum { HEIGHTS = 3 };
    begin_with_small_reservations(HEIGHTS);
    for (uint64_t height = 1; height <= 12; height++) {
        uint64_t reserved = (height / HEIGHTS + 1) * HEIGHTS;
        bool is_within = height <= w.marker.height;
        w.holds_marker = true;
        world_propose(&w, b[height]);
        world_run(&w);
        assert_int_equal(reserved_height(), w.marker.height);
        world_land(&w);
        assert_int_equal(w.is_marking, !is_within);
        if (!is_within) {
            assert_int_equal(reserved_height(), reserved);
            assert_int_equal(w.marking.height, reserved);
            assert_false(is_voted_for(b[height]));
            world_mark(&w);
        }
        assert_true(is_voted_for(b[height]));
        w.holds_marker = false;
        world_votes(&w, CERT_PREPARE, b[height]);
        world_settle(&w);
        world_votes(&w, CERT_COMMIT, b[height]);
        world_settle(&w);
        assert_int_equal(world_look(&w).durable_height, height);
    }
    assert_int_equal(w.marks_count, 4);
}

/* Between a later reservation in the store and the marker, too. */
static void a_machine_that_stops_at_a_later_raise_goes_on(void **state)
{
    (void)state;
    for (int lands = 0; lands < 2; lands++) {
        begin_with_small_reservations(3);
        for (int i = 1; i <= 3; i++)
            world_commit(&w, b[i]);
        w.holds_marker = true;
        world_propose(&w, b[4]);
        world_run(&w);
        world_land(&w);
        assert_true(w.is_marking);
        world_crash(&w, lands != 0);
        assert_int_equal(w.marker.height, lands != 0 ? 6 : 3);
        w.holds_marker = false;
        world_forget(&w);
        assert_int_equal(world_start(&w), RC_OK);
        world_settle(&w);
        assert_false(world_look(&w).core.is_learner);
        assert_int_equal(world_sent(&w, PBFT_PREPARE, b[4]), WORLD_OTHERS);
        assert_int_equal(w.marker.height, 6);
        assert_int_equal(end(NULL), 0);
    }
    begin(1);
}

static void rule_4_2_the_marker_is_raised_again_at_the_next_1024_heights(void **state)
{
    (void)state;
    enum { BLOCKS = 1025, STEP = 27 };
    static const struct world_block *chain[BLOCKS + 1];
    begin_with(1, "{\"pipeline_heights\": 8, \"checkpoint_every_heights\": 32,"
                  " \"window_heights\": 64, \"sync_blocks_max\": 64}");
    for (uint64_t i = 1; i <= BLOCKS; i++) {
        const struct world_tx *tx = world_record(&w, 0, i);
        chain[i] = world_block(&w, chain[i - 1], &tx, 1);
    }
    world_commit(&w, chain[1]);
    assert_int_equal(w.marks_count, 1);
    for (uint32_t i = 2; i + STEP <= 1024; i += STEP) {
        world_range(&w, 2, &chain[i], STEP, 0);
        world_settle(&w);
    }
    for (uint64_t i = world_look(&w).durable_height + 1; i <= 1024; i++)
        world_commit(&w, chain[i]);
    assert_int_equal(w.marks_count, 1);
    w.holds_marker = true;
    world_forget(&w);
    world_propose(&w, chain[1025]);
    world_run(&w);
    world_land(&w);
    assert_true(w.is_marking);
    assert_int_equal(w.marking.height, 2048);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
    world_mark(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, chain[1025]), WORLD_OTHERS);
}

static void a_damaged_reservation_is_refused(void **state)
{
    (void)state;
    begin(1);
    world_commit(&w, b[1]);
    world_crash(&w, false);
    struct bytes cut = bytes_of_text("reserved to nobody knows");
    cut.size--;
    world_write(&w, KV_VOTE, bytes_of_text("reserved"), &cut);
    assert_int_equal(world_start(&w), RC_STORE_DAMAGED);
    assert_non_null(strstr(w.why.text, "reserved"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(a_first_vote_waits_for_store_and_marker),
        DRIVER_TEST(what_is_decided_meanwhile_waits_too),
        DRIVER_TEST(votes_within_the_reservation_need_no_marker),
        DRIVER_TEST(a_primary_waits_for_the_marker_with_its_proposal),
        DRIVER_TEST(a_machine_that_stops_in_between_raises_it_at_its_start),
        DRIVER_TEST_FAILED(a_marker_that_cannot_be_written_ends_the_driver),
        DRIVER_TEST(a_store_behind_the_marker_never_votes_again),
        DRIVER_TEST(whoever_is_fenced_never_votes_again),
        DRIVER_TEST(old_votes_of_a_fenced_store_are_not_sent_again),
        DRIVER_TEST(the_marker_is_raised_again_and_again),
        DRIVER_TEST(a_machine_that_stops_at_a_later_raise_goes_on),
        DRIVER_TEST(rule_4_2_the_marker_is_raised_again_at_the_next_1024_heights),
        DRIVER_TEST(a_damaged_reservation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
