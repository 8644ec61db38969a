/* What the core is told for the timers of PROTOCOL.md 6.1 (a) and (d). */
#include <string.h>

#include "node/driver/driver_impl.h" /* to say which view was before: views are the core's */
#include "node/pbft/wire.h"
#include "tests/unit/driver_rules.h"

enum { T_FAIR_MS = 2000, T_S_MS = 250, T_0_MS = 1000 };

static struct pbft_pool told(void)
{
    return world_look(&w).told;
}

/* A client's transaction that has just been sent to all. Returns when that was. */
static uint64_t send_to_all(const struct world_tx *tx)
{
    world_submit(&w, 1, tx);
    world_settle(&w);
    assert_int_equal(told().fair_since_ms, 0);
    world_pass(&w, T_FAIR_MS / 2);
    world_settle(&w);
    return w.time.now_ms;
}

/* ---- 6.1 (a) ---- */

static void rule_6_1_a_age_counts_from_when_it_went_to_all(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    uint64_t since_ms = send_to_all(tx);
    assert_int_equal(told().fair_since_ms, since_ms);
    world_pass(&w, 3 * T_FAIR_MS);
    world_settle(&w);
    assert_int_equal(told().fair_since_ms, since_ms);
    world_commit(&w, world_block(&w, NULL, &tx, 1));
    assert_int_equal(told().fair_since_ms, 0);
}

/* Late is when the proposal came, not when it was committed; and the longest counts. */
static void rule_6_1_a_block_is_late_by_the_arrival_of_its_proposal(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *txs[] = {world_record(&w, 0, 1), world_record(&w, 1, 1),
                                    world_record(&w, 2, 1)};
    for (uint64_t i = 0; i < 3; i++)
        world_submit(&w, 1 + i, txs[i]);
    world_settle(&w);
    world_pass(&w, T_FAIR_MS / 2);
    world_settle(&w);
    const struct world_block *first = world_block(&w, NULL, &txs[0], 1);
    const struct world_block *second = world_block(&w, first, &txs[1], 1);
    pass_awake(700);
    world_propose(&w, first);
    world_settle(&w);
    pass_awake(5000);
    world_propose(&w, first); /* again */
    world_settle(&w);
    assert_int_equal(told().late_ms, 0); /* it is not committed */
    world_commit(&w, first);
    assert_int_equal(told().late_ms, 700);
    world_commit(&w, second);
    assert_int_equal(told().late_ms, 5700);
    world_commit(&w, world_block(&w, second, &txs[2], 1));
    assert_int_equal(told().late_ms, 5700);
}

/* What was proposed before it went to all, or waits here for nothing, is not late. */
static void rule_6_1_a_block_in_time_is_not_late(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = world_block(&w, NULL, &tx, 1);
    world_propose(&w, block);
    world_settle(&w);
    (void)send_to_all(tx);
    pass_awake(3 * T_FAIR_MS);
    world_commit(&w, block);
    const struct world_tx *strange = world_record(&w, 1, 1);
    world_commit(&w, world_block(&w, block, &strange, 1));
    assert_int_equal(told().late_ms, 0);
}

/* Of a block that was fetched as part of the chain nobody here knows when it was proposed. */
static void rule_6_1_a_fetched_chain_is_not_late(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = world_block(&w, NULL, &tx, 1);
    (void)send_to_all(tx);
    pass_awake(3 * T_FAIR_MS);
    world_range(&w, 2, &block, 1, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).core.committed.height, 1);
    assert_int_equal(told().late_ms, 0);
    assert_int_equal(told().fair_since_ms, 0);
}

/* ---- views ---- */

/* Ages begin anew, all is forwarded again, and what was late in another view is forgotten. */
static void rule_6_3_a_new_view_forgets_ages_and_forwards_again(void **state)
{
    (void)state;
    begin_with(1, "{\"view_change_ms\": 60000}"); /* the primary is not told again meanwhile */
    const struct world_tx *txs[] = {world_record(&w, 0, 1), world_record(&w, 1, 1)};
    world_submit(&w, 2, txs[1]);
    (void)send_to_all(txs[0]);
    world_pass(&w, 500);
    world_commit(&w, world_block(&w, NULL, &txs[1], 1));
    assert_true(told().late_ms > 0);
    assert_true(told().fair_since_ms > 0);
    world_forget(&w);
    w.driver->view = 7;
    world_status(&w, 2, 1); /* any step */
    world_settle(&w);
    assert_int_equal(told().late_ms, 0);
    assert_int_equal(told().fair_since_ms, 0);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 1); /* to the primary */
    world_pass(&w, T_FAIR_MS / 2);
    world_settle(&w);
    assert_int_equal(told().fair_since_ms, w.time.now_ms);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 1 + WORLD_OTHERS);
}

/* The core hears of it before its next message: that may install the view, and a lateness of the
 * one before would be a reason to leave it. */
static void rule_6_1_what_was_late_does_not_outlast_the_step_that_ends_its_view(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    (void)send_to_all(tx);
    world_pass(&w, 500);
    world_commit(&w, world_block(&w, NULL, &tx, 1));
    assert_int_equal(told().late_ms, 500);
    w.driver->view = 7;
    driver_step(w.driver, &(struct pbft_event){.type = PBFT_EVENT_TICK, .now_ms = w.time.now_ms});
    assert_int_equal(told().late_ms, 0);
}

/* f+1 complaints end view 0, and with it what was late there. */
static void rule_6_1_complaints_of_others_end_the_view_and_its_lateness(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    (void)send_to_all(tx);
    world_pass(&w, 500);
    world_commit(&w, world_block(&w, NULL, &tx, 1));
    assert_int_equal(told().late_ms, 500);
    for (uint32_t from = 2; from <= 3; from++) {
        uint8_t room[PBFT_SIGNED_BYTES_MAX];
        memset(&w.msg, 0, sizeof w.msg);
        w.msg = (struct pbft_msg){.type = PBFT_COMPLAIN, .from = from, .link = from};
        w.msg.complain.reason = PBFT_REASON_STALLED;
        sign_message(&w.msg.complain.signature,
                     pbft_complain_signed(room, &w.msg.complain, from, &w.chain.genesis.chain_id),
                     &w.chain.members[from]);
        assert_true(world_give(&w, from));
    }
    world_settle(&w);
    assert_int_equal(world_look(&w).core.view, 1);
    assert_false(world_look(&w).core.is_installed);
    assert_int_equal(told().late_ms, 0);
}

/* Blocks of the view before are none of this one's. */
static void rule_6_1_a_block_of_another_view_is_not_late(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = world_block(&w, NULL, &tx, 1);
    (void)send_to_all(tx);
    pass_awake(700);
    world_propose(&w, block);
    world_settle(&w);
    driver_block_find(w.driver, &block->name.digest)->proposed_view = 7;
    world_votes(&w, CERT_PREPARE, block);
    world_votes(&w, CERT_COMMIT, block);
    world_settle(&w);
    assert_int_equal(world_look(&w).core.committed.height, 1);
    assert_int_equal(told().late_ms, 0);
}

/* Whoever answers a FETCH may sign a PRE-PREPARE of a view that is far away beside the body. It is
 * the primary's of this view that tells when the block was proposed. */
static void rule_6_1_a_proposal_of_anybody_says_nothing_of_when_it_came(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = world_block(&w, NULL, &tx, 1);
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    (void)send_to_all(tx);
    for (uint32_t from = 2; from <= 3; from++) /* 5.7: it is fetched */
        world_vote(&w, from, CERT_PREPARE, block);
    world_settle(&w);
    for (uint32_t from = 2; from <= 3; from++) {
        w.msg = (struct pbft_msg){.type = PBFT_DATA, .from = from, .link = from};
        struct pbft_data *d = &w.msg.data;
        d->kind = PBFT_FETCH_BLOCK;
        d->blocks_count = 1;
        d->blocks[0] = block->name;
        d->bytes[0] = buf_bytes(&block->bytes);
        d->has_pre_prepare = true;
        d->pre_prepare_from = from;
        d->pre_prepare = (struct pbft_pre_prepare){
            .view = from == 2 ? 7 : 0, .block = block->name, .bytes = d->bytes[0]};
        sign_message(&d->pre_prepare.signature,
                     pbft_pre_prepare_signed(room, &d->pre_prepare, &w.chain.genesis.chain_id),
                     &w.chain.members[from]);
        assert_true(world_give(&w, from));
    }
    world_settle(&w);
    assert_non_null(driver_block_find(w.driver, &block->name.digest));
    pass_awake(700);
    world_commit(&w, block);
    assert_int_equal(told().late_ms, 700);
}

/* What stood in a proposal that a view change dropped is to be proposed: at once, since it is old.
 */
static void rule_6_3_what_a_new_view_dropped_stands_in_no_block(void **state)
{
    (void)state;
    begin_with(0, "{\"pipeline_heights\": 1}");
    uint64_t arrived_ms = w.time.now_ms;
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_settle(&w);
    assert_int_equal(world_look(&w).core.tip.height, 1);
    assert_int_equal(told().unproposed_ms, 0);
    world_pass(&w, 100);
    w.driver->view = 7;
    world_status(&w, 2, 0);
    world_settle(&w);
    assert_int_equal(told().unproposed_ms, arrived_ms);
}

/* ---- 6.1 (d) ---- */

static void rule_6_1_d_work_is_signatures_and_operations_of_all_blocks(void **state)
{
    (void)state;
    begin(1);
    assert_int_equal(told().work_done, 0);
    world_commit(&w, b[1]);
    assert_int_equal(told().work_done, 2);
    world_range(&w, 2, &b[2], 3, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).core.committed.height, 4);
    assert_int_equal(told().work_done, 8);
}

static const struct world_tx *large(uint32_t payer, uint64_t nonce)
{
    static uint8_t data[32 * 1024];
    return world_tx(&w, payer, nonce, 0,
                    op_record_of("driver", "key", bytes_of(data, sizeof data)));
}

/* A block takes 131,200 bytes: four of these. What waits behind a gap does not count (E3). */
static void rule_6_1_d_more_is_pending_than_a_block_takes(void **state)
{
    (void)state;
    begin_with(1, "{\"block_bytes_max\": 131200}");
    for (uint64_t nonce = 1; nonce <= 3; nonce++)
        world_submit(&w, nonce, large(0, nonce));
    for (uint64_t nonce = 3; nonce <= 5; nonce++)
        world_submit(&w, nonce, large(1, nonce));
    world_settle(&w);
    assert_int_equal(world_look(&w).pool.txs_count, 6);
    assert_false(told().is_over_full_block);
    world_submit(&w, 8, large(2, 1));
    world_settle(&w);
    assert_int_equal(world_look(&w).pool.reachable_count, 4);
    assert_true(told().is_over_full_block);
}

/* ---- 6.3: overload ---- */

/* Beyond what drains in time clients are told `busy`, before their signatures cost anything; but
 * what is committed has its receipt (10.2). */
static void rule_6_3_overload_is_told_busy_before_it_costs(void **state)
{
    (void)state;
    begin_with(1, "{\"fairness_ms\": 50}"); /* lets in six units of work */
    const struct world_tx *kept = world_record(&w, 0, 1);
    world_commit(&w, world_block(&w, NULL, &kept, 1));
    world_crash(&w, true);
    world_begin(&w); /* that forgets whose signature it knows */
    for (uint64_t i = 0; i < 3; i++)
        world_submit(&w, 10 + i, world_record(&w, 1, 1 + i));
    world_settle(&w);
    assert_int_equal(world_look(&w).pool.txs_count, 3);
    uint64_t before = w.signatures_count;
    world_submit(&w, 20, world_record(&w, 2, 1));
    world_settle(&w);
    assert_int_equal(world_answer(&w, 20)->outcome, DRIVER_BUSY);
    assert_int_equal(world_answer(&w, 20)->pool_answer, POOL_BUSY);
    assert_int_equal(w.signatures_count, before);
    world_submit(&w, 21, kept);
    world_settle(&w);
    assert_int_equal(world_answer(&w, 21)->outcome, DRIVER_COMMITTED);
    world_forward(&w, 2, world_record(&w, 2, 1)); /* a peer has admitted it */
    world_settle(&w);
    assert_int_equal(world_look(&w).pool.txs_count, 4);
}

/* What is being verified is as good as pending: else a burst would have all of it verified, and
 * votes behind it. */
static void rule_6_3_what_is_being_verified_counts(void **state)
{
    (void)state;
    begin_with(1, "{\"fairness_ms\": 50}");
    w.holds_jobs = true;
    for (uint64_t i = 0; i < 4; i++)
        world_submit(&w, 10 + i, world_record(&w, 1, 1 + i));
    world_run(&w);
    assert_int_equal(w.jobs_count, 3);
    world_return_jobs(&w, false);
    w.holds_jobs = false;
    world_settle(&w);
    assert_int_equal(world_look(&w).pool.txs_count, 3);
    assert_int_equal(world_answer(&w, 13)->outcome, DRIVER_BUSY);
    assert_null(world_answer(&w, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(rule_6_1_a_age_counts_from_when_it_went_to_all),
        DRIVER_TEST(rule_6_1_a_block_is_late_by_the_arrival_of_its_proposal),
        DRIVER_TEST(rule_6_1_a_block_in_time_is_not_late),
        DRIVER_TEST(rule_6_1_a_fetched_chain_is_not_late),
        DRIVER_TEST(rule_6_3_a_new_view_forgets_ages_and_forwards_again),
        DRIVER_TEST(rule_6_1_what_was_late_does_not_outlast_the_step_that_ends_its_view),
        DRIVER_TEST(rule_6_1_complaints_of_others_end_the_view_and_its_lateness),
        DRIVER_TEST(rule_6_1_a_block_of_another_view_is_not_late),
        DRIVER_TEST(rule_6_1_a_proposal_of_anybody_says_nothing_of_when_it_came),
        DRIVER_TEST(rule_6_3_what_a_new_view_dropped_stands_in_no_block),
        DRIVER_TEST(rule_6_1_d_work_is_signatures_and_operations_of_all_blocks),
        DRIVER_TEST(rule_6_1_d_more_is_pending_than_a_block_takes),
        DRIVER_TEST(rule_6_3_overload_is_told_busy_before_it_costs),
        DRIVER_TEST(rule_6_3_what_is_being_verified_counts),
    };
    return cmocka_run_group_tests_name("driver_fair", tests, NULL, NULL);
}
