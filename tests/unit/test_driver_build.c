/* The primary's part through the driver: what it builds, and when (PROTOCOL.md 5.1). */
#include "tests/unit/driver_rules.h"

enum { SKEW_MS = 5000 };

static struct block built; /* the nth that was proposed */
static const struct block *take_built(size_t nth)
{
    static struct pbft_msg m;
    const struct world_output *o = world_message(&w, PBFT_PRE_PREPARE, nth * WORLD_OTHERS);
    if (o == NULL)
        fail_msg("no proposal %zu", nth);
    assert_true(world_decode(&m, o));
    assert_int_equal(block_decode(&built, m.pre_prepare.bytes), BLOCK_OK);
    return &built;
}

static size_t built_count(void)
{
    return world_sent(&w, PBFT_PRE_PREPARE, NULL) / WORLD_OTHERS;
}

static void assert_holds(const struct block *block, const struct world_tx *const *expected,
                         uint32_t count)
{
    struct rd r = rd_of(block->body);
    assert_int_equal(block->header.tx_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_true(bytes_equal(block_next_tx(&r), buf_bytes(&expected[i]->bytes)));
}

/* The block that was built, in the players' hands. */
static const struct world_block *built_by_driver(const struct world_block *parent,
                                                 const struct world_tx *const *expected,
                                                 uint32_t count)
{
    const struct world_block *block =
        world_block_at(&w, parent, expected, count, built.header.time_ms, 0);
    assert_true(digest_equal(&block->name.digest, &built.digest));
    return block;
}

/* Taken while the first block is in flight, so that all stand in the second. */
static void the_oldest_goes_first_and_nonces_in_order(void **state)
{
    (void)state;
    begin(0);
    const struct world_tx *first = world_record(&w, 0, 1);
    const struct world_tx *arrive[] = {world_record(&w, 2, 2), world_record(&w, 1, 1),
                                       world_record(&w, 2, 1), world_record(&w, 0, 2)};
    world_submit(&w, 0, first);
    world_settle(&w);
    assert_holds(take_built(0), &first, 1);
    for (uint64_t i = 0; i < 4; i++)
        world_submit(&w, i + 1, arrive[i]);
    world_settle(&w);
    assert_int_equal(built_count(), 1); /* T_batch */
    world_pass(&w, 5);
    world_settle(&w);
    /* The next nonce of payer 2 came third; with it in, the oldest of all is the next one. */
    const struct world_tx *expected[] = {arrive[1], arrive[2], arrive[0], arrive[3]};
    assert_holds(take_built(1), expected, 4);
    assert_int_equal(take_built(1)->header.time_ms, w.time.wall_ms);
    assert_int_equal(built.header.proposer, 0);
}

static void what_does_not_apply_is_left_out_and_may_come_later(void **state)
{
    (void)state;
    begin(0);
    const struct world_tx *all = world_transfer(&w, 0, 1, 1, CHAIN_OPENING);
    const struct world_tx *more = world_transfer(&w, 0, 1, 2, 1);
    const struct world_tx *other = world_record(&w, 2, 1);
    w.holds_jobs = true;
    world_submit(&w, 1, all);
    world_submit(&w, 2, more);
    world_submit(&w, 3, other);
    world_return_jobs(&w, false);
    w.holds_jobs = false;
    world_settle(&w);
    const struct world_tx *expected[] = {all, other};
    assert_holds(take_built(0), expected, 2);
    const struct world_block *first = built_by_driver(NULL, expected, 2);
    world_pass(&w, 100);
    world_settle(&w);
    assert_int_equal(built_count(), 1);
    assert_null(world_answer(&w, 2));
    world_commit(&w, first);
    assert_int_equal(built_count(), 1);
    const struct world_tx *money = world_transfer(&w, 3, 0, 1, 1);
    world_submit(&w, 4, money);
    world_settle(&w);
    take_built(1);
    world_commit(&w, built_by_driver(first, &money, 1));
    assert_holds(take_built(2), &more, 1); /* it applies now */
}

enum { B_MAX = 131200, DATA_BYTES = 30000 };

static void a_block_is_filled_to_its_limit_and_the_rest_follows(void **state)
{
    (void)state;
    static uint8_t data[DATA_BYTES];
    begin_with(0, "{\"block_bytes_max\": 131200}");
    const struct world_tx *six[6];
    w.holds_jobs = true;
    for (uint64_t i = 0; i < 6; i++) {
        six[i] =
            world_tx(&w, 0, i + 1, 0, op_record_of("driver", "key", bytes_of(data, sizeof data)));
        world_submit(&w, i, six[i]);
    }
    world_return_jobs(&w, false);
    w.holds_jobs = false;
    world_settle(&w);
    assert_holds(take_built(0), six, 4);
    assert_true(built.header.body_bytes <= B_MAX);
    assert_true(built.header.body_bytes + DATA_BYTES > B_MAX);
    assert_int_equal(built_count(), 1); /* the rest is no full block */
    world_pass(&w, 5);
    world_settle(&w);
    assert_holds(take_built(1), six + 4, 2);
    assert_int_equal(built_count(), 2);
}

/* A parent whose clock was ahead; it came certified, so nobody judged its time. */
static void building_waits_for_a_clock_that_is_behind_the_parents(void **state)
{
    (void)state;
    begin(0);
    const struct world_tx *tx = world_record(&w, 1, 1);
    const struct world_block *ahead =
        world_block_at(&w, NULL, &tx, 1, w.time.wall_ms + SKEW_MS + 300, 0);
    world_range(&w, 2, &ahead, 1, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 1);
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_settle(&w);
    assert_int_equal(built_count(), 0);
    world_pass(&w, 300);
    world_settle(&w);
    assert_int_equal(built_count(), 0);
    world_pass(&w, 1); /* parent.time + 1 is within the skew now */
    assert_true(driver_deadline_ms(w.driver) <= w.time.now_ms);
    world_settle(&w);
    assert_int_equal(built_count(), 1);
    assert_int_equal(take_built(0)->header.time_ms, ahead->block.header.time_ms + 1);
}

static void no_more_than_p_proposals_are_in_flight(void **state)
{
    (void)state;
    begin_with(0, "{\"pipeline_heights\": 2}");
    const struct world_tx *each[4];
    for (uint64_t i = 0; i < 4; i++) {
        each[i] = world_record(&w, 0, i + 1);
        world_submit(&w, i, each[i]);
        world_settle(&w);
        world_pass(&w, 5);
        world_settle(&w);
    }
    assert_int_equal(built_count(), 2);
    take_built(0);
    const struct world_block *first = built_by_driver(NULL, each, 1);
    world_votes(&w, CERT_PREPARE, first);
    world_settle(&w);
    world_pass(&w, 100);
    world_settle(&w);
    assert_int_equal(built_count(), 2);
    world_votes(&w, CERT_COMMIT, first);
    world_settle(&w);
    assert_int_equal(built_count(), 3);
    assert_holds(take_built(2), each + 2, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(the_oldest_goes_first_and_nonces_in_order),
        DRIVER_TEST(what_does_not_apply_is_left_out_and_may_come_later),
        DRIVER_TEST(a_block_is_filled_to_its_limit_and_the_rest_follows),
        DRIVER_TEST(building_waits_for_a_clock_that_is_behind_the_parents),
        DRIVER_TEST(no_more_than_p_proposals_are_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
