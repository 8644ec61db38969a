/* PROTOCOL.md 16 through the driver: nobody's flood fills it, and nobody's delays another's. */
#include <string.h>

#include "tests/unit/driver_rules.h"

static struct buf garbage;

/* So many bytes that are no message. */
static bool give_garbage(uint32_t link, size_t size)
{
    buf_clear(&garbage);
    buf_grow(&garbage, size);
    memset(garbage.data, 0xff, size);
    return driver_on_message(w.driver, link, buf_bytes(&garbage));
}

static int end_garbage(void **state)
{
    buf_free(&garbage);
    return end(state);
}

/* STATUSes that nobody signed: of use by their form, so they are verified. */
static void flood(uint32_t link, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        world_make_status(&w, link, 0);
        w.msg.status.signature.bytes[0] ^= 1;
        assert_true(world_give(&w, link));
    }
}

/* ---- the inbox ---- */

static void a_link_has_room_for_so_many_messages(void **state)
{
    (void)state;
    begin(1);
    for (uint32_t i = 0; i < DRIVER_LINK_MSGS_MAX; i++)
        assert_true(give_garbage(0, 1));
    assert_false(give_garbage(0, 1));
    assert_int_equal(world_look(&w).inbox_drops, 1);
    assert_int_equal(world_look(&w).inbox_bytes, DRIVER_LINK_MSGS_MAX);
    assert_true(give_garbage(2, 1)); /* another's is its own */
    world_settle(&w);
    assert_int_equal(world_look(&w).inbox_bytes, 0);
    assert_int_equal(world_look(&w).verify_drops[VERIFY_DROP_MALFORMED], DRIVER_LINK_MSGS_MAX + 1);
    assert_true(give_garbage(0, 1));
}

static void a_link_has_room_for_so_many_bytes(void **state)
{
    (void)state;
    begin(1);
    for (uint32_t i = 0; i + 1 < DRIVER_LINK_BYTES_MAX / PBFT_MSG_BYTES_MAX; i++)
        assert_true(give_garbage(0, PBFT_MSG_BYTES_MAX));
    assert_true(give_garbage(0, PBFT_MSG_BYTES_MAX - 1));
    assert_false(give_garbage(0, 2));
    assert_true(give_garbage(0, 1));
    assert_false(give_garbage(0, 1));
    assert_int_equal(world_look(&w).inbox_drops, 2);
    assert_int_equal(world_look(&w).inbox_bytes, DRIVER_LINK_BYTES_MAX);
    assert_true(give_garbage(2, PBFT_MSG_BYTES_MAX));
    world_settle(&w);
    assert_true(give_garbage(0, 2));
}

static void one_run_takes_no_more_than_its_share(void **state)
{
    (void)state;
    begin(1);
    for (uint32_t i = 0; i < DRIVER_RUN_MSGS_MAX + 1; i++)
        assert_true(give_garbage(0, 1));
    world_run_once(&w);
    assert_int_equal(world_look(&w).inbox_bytes, 1);
    assert_int_equal(driver_deadline_ms(w.driver), 0); /* it is not done */
    world_run_once(&w);
    assert_int_equal(world_look(&w).inbox_bytes, 0);
    assert_true(driver_deadline_ms(w.driver) > w.time.now_ms);
}

/* ---- being verified ---- */

static void a_link_has_so_many_jobs_under_way(void **state)
{
    (void)state;
    begin(1);
    w.holds_jobs = true;
    flood(0, DRIVER_LINK_JOBS_MAX + 10);
    world_run(&w);
    assert_int_equal(w.jobs_count, DRIVER_LINK_JOBS_MAX);
    assert_true(driver_deadline_ms(w.driver) > w.time.now_ms); /* and it does not spin */
    world_return_job(&w, 0);
    world_return_job(&w, 0);
    world_run(&w);
    assert_int_equal(w.jobs_count, DRIVER_LINK_JOBS_MAX);
    flood(2, DRIVER_LINK_JOBS_MAX + 1);
    world_run(&w);
    assert_int_equal(w.jobs_count, 2 * DRIVER_LINK_JOBS_MAX);
    world_settle(&w);
    assert_int_equal(world_look(&w).verify_drops[VERIFY_DROP_BAD_SIGNATURE],
                     2 * DRIVER_LINK_JOBS_MAX + 11);
}

/* Its only message is the second to be taken, behind one of the flood. */
static void a_flood_does_not_delay_another_link(void **state)
{
    (void)state;
    begin(1);
    flood(0, 1000);
    world_vote(&w, 3, CERT_PREPARE, b[1]);
    w.holds_jobs = true;
    world_run(&w);
    assert_int_equal(w.jobs_count, DRIVER_LINK_JOBS_MAX + 1);
    world_return_job(&w, 0);
    world_return_job(&w, 0);
    world_run(&w);
    world_vote(&w, 3, CERT_PREPARE, b[1]); /* known to the core by now */
    uint64_t before = world_look(&w).core_drops[PBFT_DROP_DUPLICATE];
    world_run(&w);
    assert_int_equal(world_look(&w).core_drops[PBFT_DROP_DUPLICATE], before + 1);
}

/* What the core would drop whoever signed it costs no signature (3.3). */
static void what_is_of_no_use_is_not_verified(void **state)
{
    (void)state;
    begin(1);
    world_commit(&w, b[1]);
    uint64_t before = w.signatures_count;
    world_vote(&w, 3, CERT_COMMIT, b[1]);
    world_propose(&w, b[1]);
    world_qc(&w, 3, CERT_COMMIT, b[1]);
    world_data(&w, 3, b[2]); /* not asked for */
    world_settle(&w);
    assert_int_equal(w.signatures_count, before);
    assert_int_equal(world_look(&w).core_drops[PBFT_DROP_NOT_ASKED], 1);
}

/* ---- bodies ---- */

static void bodies_that_the_core_does_not_want_are_not_kept(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *sibling = world_block(&w, NULL, &tx, 1);
    const struct world_block *nephew = world_block(&w, sibling, &tx, 1);
    world_propose(&w, b[1]);
    world_settle(&w);
    assert_int_equal(world_look(&w).blocks_count, 1);
    world_propose(&w, sibling); /* 5.3: a conflict is verified, and not kept */
    world_settle(&w);
    assert_int_equal(world_look(&w).core_drops[PBFT_DROP_CONFLICT], 1);
    world_propose(&w, nephew); /* its parent is not tip */
    world_settle(&w);
    world_data(&w, 2, nephew);
    world_settle(&w);
    assert_int_equal(world_look(&w).blocks_count, 1);
    assert_int_equal(world_look(&w).blocks_bytes, b[1]->bytes.size);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), WORLD_OTHERS);
}

static void an_invalid_block_is_kept_once_and_goes_with_its_height(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 2);
    const struct world_block *invalid = world_block(&w, NULL, &tx, 1);
    for (int i = 0; i < 3; i++) {
        world_propose(&w, invalid);
        world_settle(&w);
    }
    assert_int_equal(world_look(&w).blocks_count, 1);
    world_range(&w, 2, &b[1], 1, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 1);
    assert_int_equal(world_look(&w).blocks_count, 0);
}

/* ---- flushes that lag behind ---- */

#define CLOSE_CHECKPOINTS                                                                          \
    "{\"pipeline_heights\": 2, \"checkpoint_every_heights\": 4, \"window_heights\": 8}"

/* One message commits 16 blocks, and makes four flushes due. */
static void while_flushes_lag_behind_no_message_is_taken(void **state)
{
    (void)state;
    begin_with(1, CLOSE_CHECKPOINTS);
    world_range(&w, 2, &b[1], 16, 0);
    world_run(&w);
    assert_true(w.is_submitted);
    assert_int_equal(store_flushes_due(w.store), 4);
    world_propose(&w, b[17]);
    for (uint32_t due = 4; due > DRIVER_FLUSHES_DUE_MAX; due--) {
        assert_int_equal(store_flushes_due(w.store), due);
        world_run(&w);
        assert_true(world_look(&w).inbox_bytes > 0);
        assert_true(driver_deadline_ms(w.driver) > w.time.now_ms); /* it does not spin */
        world_land(&w);
        assert_int_equal(driver_deadline_ms(w.driver), 0);
        if (due - 1 > DRIVER_FLUSHES_DUE_MAX)
            world_run(&w);
    }
    world_run(&w);
    assert_int_equal(world_look(&w).inbox_bytes, 0);
    world_settle(&w);
    assert_int_equal(store_flushes_due(w.store), 0);
    assert_int_equal(store_flushed_height(w.store), 16);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[17]), WORLD_OTHERS);
}

/* At most one flush in a batch, and by itself, without anything else to write. */
static void flushes_that_are_due_at_a_start_are_made(void **state)
{
    (void)state;
    begin_with(1, CLOSE_CHECKPOINTS);
    world_range(&w, 2, &b[1], 16, 0);
    world_run(&w);
    world_crash(&w, true);
    assert_int_equal(world_start(&w), RC_OK);
    assert_int_equal(store_flushes_due(w.store), 3);
    uint64_t before = w.submits_count;
    world_settle(&w);
    assert_int_equal(store_flushes_due(w.store), 0);
    assert_int_equal(w.submits_count, before + 3);
    assert_int_equal(store_flushed_height(w.store), 16);
}

#define LIMIT_TEST(test) cmocka_unit_test_teardown(test, end_garbage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIMIT_TEST(a_link_has_room_for_so_many_messages),
        LIMIT_TEST(a_link_has_room_for_so_many_bytes),
        LIMIT_TEST(one_run_takes_no_more_than_its_share),
        DRIVER_TEST(a_link_has_so_many_jobs_under_way),
        DRIVER_TEST(a_flood_does_not_delay_another_link),
        DRIVER_TEST(what_is_of_no_use_is_not_verified),
        DRIVER_TEST(bodies_that_the_core_does_not_want_are_not_kept),
        DRIVER_TEST(an_invalid_block_is_kept_once_and_goes_with_its_height),
        DRIVER_TEST(while_flushes_lag_behind_no_message_is_taken),
        DRIVER_TEST(flushes_that_are_due_at_a_start_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
