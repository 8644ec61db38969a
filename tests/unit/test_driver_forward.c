/* PROTOCOL.md 10.1 through the driver: to whom pending transactions go, and when. */
#include "tests/unit/driver_rules.h"

enum { T_FAIR_MS = 2000, T_0_MS = 1000 };

/* T_0 beyond what is looked at. By default it is not above T_fair / 2, so that what goes to all
 * comes too late for 6.1 (b); and here twice as far, so that nothing goes to all. */
#define BEYOND_T_0  "{\"view_change_ms\": 60000}"
#define LATE_TO_ALL "{\"fairness_ms\": 4000}"

static void rule_10_1_a_transaction_goes_to_the_primary_at_once_then_to_all(void **state)
{
    (void)state;
    begin_with(1, BEYOND_T_0);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_submit(&w, 1, tx);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 1);
    const struct world_output *o = world_message(&w, PBFT_FORWARD, 0);
    static struct pbft_msg m;
    assert_true(world_decode(&m, o));
    assert_int_equal(o->to, 0);
    assert_true(bytes_equal(m.forward, buf_bytes(&tx->bytes)));
    world_pass(&w, T_FAIR_MS / 2 - 1);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 1);
    for (uint32_t again = 1; again <= 3; again++) {
        world_pass(&w, again == 1 ? 1 : T_FAIR_MS / 2);
        assert_true(driver_deadline_ms(w.driver) <= w.time.now_ms);
        world_settle(&w);
        assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 1 + again * WORLD_OTHERS);
    }
    world_commit(&w, world_block(&w, NULL, &tx, 1));
    world_forget(&w);
    world_pass(&w, 3 * T_FAIR_MS);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 0);
}

static void rule_10_1_a_primary_forwards_to_all_only(void **state)
{
    (void)state;
    begin_with(0, "{\"pipeline_heights\": 1}");
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 0);
    world_pass(&w, T_FAIR_MS / 2);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), WORLD_OTHERS);
}

/* What a peer forwarded it has told the primary itself. */
static void rule_10_1_a_peers_transaction_goes_to_all_later(void **state)
{
    (void)state;
    begin_with(1, BEYOND_T_0);
    world_forward(&w, 2, world_record(&w, 0, 1));
    world_settle(&w);
    assert_int_equal(world_look(&w).pool.txs_count, 1);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 0);
    world_pass(&w, T_FAIR_MS / 2);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), WORLD_OTHERS);
}

/* ---- before 6.1 (b): to the primary once more ---- */

/* The nth FORWARD that left is of this transaction, and for the primary alone. */
static void assert_told_primary(size_t nth, const struct world_tx *tx)
{
    static struct pbft_msg m;
    const struct world_output *o = world_message(&w, PBFT_FORWARD, nth);
    assert_non_null(o);
    assert_true(world_decode(&m, o));
    assert_int_equal(o->to, 0);
    assert_true(bytes_equal(m.forward, buf_bytes(&tx->bytes)));
}

static void let_half_pass(void)
{
    world_pass(&w, T_0_MS / 2 - 1);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 0);
    world_pass(&w, 1);
    assert_true(driver_deadline_ms(w.driver) <= w.time.now_ms);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 1);
}

/* The primary may not have kept it: another one of that nonce stood in its place. Whoever waits for
 * a commit tells it again in time; the oldest alone, since any commit will do. */
static void rule_10_1_when_nothing_is_committed_the_primary_is_told_again(void **state)
{
    (void)state;
    begin_with(1, LATE_TO_ALL);
    const struct world_tx *oldest = world_record(&w, 0, 1);
    world_submit(&w, 1, oldest);
    world_settle(&w);
    world_pass(&w, 1);
    world_submit(&w, 2, world_record(&w, 1, 1));
    world_settle(&w);
    world_forget(&w);
    world_pass(&w, T_0_MS / 2 - 2);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 0);
    world_pass(&w, 1);
    assert_true(driver_deadline_ms(w.driver) <= w.time.now_ms);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 1);
    assert_told_primary(0, oldest);
    world_forget(&w);
    let_half_pass();
    assert_told_primary(0, oldest);
}

/* Whoever brought it: his own word to the primary may have been in vain as well. */
static void rule_10_1_the_primary_is_told_again_of_what_a_peer_forwarded(void **state)
{
    (void)state;
    begin_with(1, LATE_TO_ALL);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_forward(&w, 2, tx);
    world_settle(&w);
    let_half_pass();
    assert_told_primary(0, tx);
}

/* It was forwarded when its turn had not come. That it comes begins the time of (b), and of this.
 */
static void rule_10_1_the_primary_is_told_again_of_what_became_executable(void **state)
{
    (void)state;
    begin_with(1, LATE_TO_ALL);
    const struct world_tx *first = world_record(&w, 0, 1), *second = world_record(&w, 0, 2);
    world_submit(&w, 1, first);
    world_submit(&w, 2, second);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 2);
    world_pass(&w, T_0_MS / 2 - 10);
    world_commit(&w, world_block(&w, NULL, &first, 1));
    world_forget(&w);
    let_half_pass();
    assert_told_primary(0, second);
}

/* Under load nothing is sent twice. */
static void rule_10_1_as_long_as_blocks_are_committed_the_primary_is_not_told_again(void **state)
{
    (void)state;
    begin_with(1, LATE_TO_ALL);
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_settle(&w);
    world_forget(&w);
    for (uint64_t i = 1; i <= 5; i++) {
        world_pass(&w, T_0_MS / 2 - 250); /* STATUS and its answers take their part */
        world_commit(&w, b[i]);
    }
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 0);
    let_half_pass();
}

static void rule_10_1_a_primary_tells_itself_nothing(void **state)
{
    (void)state;
    begin_with(0, LATE_TO_ALL);
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_settle(&w);
    world_pass(&w, 10 * T_0_MS / 8);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 0);
}

/* The primary that takes none of it is complained about when T_0 is over, and not a moment later
 * because it was told again (6.1 (b)). */
static void rule_6_1_b_who_was_told_again_gets_no_more_time(void **state)
{
    (void)state;
    begin_with(1, LATE_TO_ALL);
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_settle(&w);
    world_pass(&w, T_0_MS / 2);
    world_settle(&w);
    world_pass(&w, T_0_MS / 2 - 1);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_COMPLAIN, NULL), 0);
    world_pass(&w, 1);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_COMPLAIN, NULL), WORLD_OTHERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(rule_10_1_a_transaction_goes_to_the_primary_at_once_then_to_all),
        DRIVER_TEST(rule_10_1_a_primary_forwards_to_all_only),
        DRIVER_TEST(rule_10_1_a_peers_transaction_goes_to_all_later),
        DRIVER_TEST(rule_10_1_when_nothing_is_committed_the_primary_is_told_again),
        DRIVER_TEST(rule_10_1_the_primary_is_told_again_of_what_a_peer_forwarded),
        DRIVER_TEST(rule_10_1_the_primary_is_told_again_of_what_became_executable),
        DRIVER_TEST(rule_10_1_as_long_as_blocks_are_committed_the_primary_is_not_told_again),
        DRIVER_TEST(rule_10_1_a_primary_tells_itself_nothing),
        DRIVER_TEST(rule_6_1_b_who_was_told_again_gets_no_more_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
