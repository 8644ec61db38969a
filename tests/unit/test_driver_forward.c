/* PROTOCOL.md 10.1 through the driver: to whom pending transactions go, and when. */
#include "tests/unit/driver_rules.h"

enum { T_FAIR_MS = 2000 };

static void rule_10_1_a_transaction_goes_to_the_primary_at_once_then_to_all(void **state)
{
    (void)state;
    begin(1);
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
    begin(1);
    world_forward(&w, 2, world_record(&w, 0, 1));
    world_settle(&w);
    assert_int_equal(world_look(&w).pool.txs_count, 1);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 0);
    world_pass(&w, T_FAIR_MS / 2);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), WORLD_OTHERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(rule_10_1_a_transaction_goes_to_the_primary_at_once_then_to_all),
        DRIVER_TEST(rule_10_1_a_primary_forwards_to_all_only),
        DRIVER_TEST(rule_10_1_a_peers_transaction_goes_to_all_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
