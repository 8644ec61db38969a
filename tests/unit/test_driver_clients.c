/* PROTOCOL.md 10.1 to 10.4 through the driver: what a client is told, and when. The world verifies
 * every receipt offline and holds its block against the disk. */
#include <string.h>

#include "tests/unit/driver_rules.h"

#define SMALL_POOL "{\"pool_txs_max\": 64}"
enum { SMALL_SHARE = 64 - 3 * 16, SMALL_WAITERS = 2 * 64 };

static enum driver_outcome outcome(uint64_t client)
{
    const struct driver_answer *a = world_answer(&w, client);
    if (a == NULL)
        fail_msg("client %u has no answer", (unsigned)client);
    return a->outcome;
}

static void assert_rejected(uint64_t client, enum verdict verdict)
{
    assert_int_equal(outcome(client), DRIVER_REJECTED);
    assert_int_equal(world_answer(&w, client)->verdict, verdict);
}

static void assert_rejected_for(uint64_t client, const struct world_tx *tx,
                                const struct world_tx *other)
{
    const struct driver_answer *a = world_answer(&w, client);
    assert_rejected(client, VERDICT_NONCE_USED);
    assert_true(a->has_other);
    assert_memory_equal(&a->other_txid, &other->tx.id, sizeof other->tx.id);
    assert_memory_equal(&a->txid, &tx->tx.id, sizeof tx->tx.id);
}

static const struct world_block *block_of(const struct world_block *parent,
                                          const struct world_tx *tx)
{
    return world_block(&w, parent, &tx, 1);
}

/* Everything of a commit but the last COMMIT. */
static void nearly_commit(const struct world_block *block)
{
    world_propose(&w, block);
    world_settle(&w);
    world_votes(&w, CERT_PREPARE, block);
    world_settle(&w);
    world_vote(&w, 0, CERT_COMMIT, block);
    world_settle(&w);
}

/* ---- committed ---- */

static void rule_10_4_a_committed_transaction_has_a_receipt_once_it_is_durable(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_submit(&w, 7, tx);
    world_settle(&w);
    assert_int_equal(world_look(&w).waiting_count, 1);
    const struct world_block *block = block_of(NULL, tx);
    nearly_commit(block);
    world_vote(&w, 2, CERT_COMMIT, block);
    world_run(&w);
    assert_true(w.is_submitted);
    assert_null(world_answer(&w, 7));
    world_land(&w);
    assert_int_equal(outcome(7), DRIVER_COMMITTED);
    assert_int_equal(world_look(&w).waiting_count, 0);
}

static void rule_10_2_the_same_bytes_get_the_receipt_again(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = block_of(NULL, tx);
    world_commit(&w, block);
    world_submit(&w, 1, tx);
    world_settle(&w);
    assert_int_equal(outcome(1), DRIVER_COMMITTED);
    world_commit(&w, block_of(block, world_record(&w, 0, 2)));
    world_submit(&w, 2, tx);
    world_settle(&w);
    assert_int_equal(outcome(2), DRIVER_COMMITTED);
}

/* After a start its places are read from what was applied again, or from the flushed index. */
static void the_receipt_is_there_after_a_start(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *txs[10];
    const struct world_block *block = NULL;
    for (uint64_t i = 0; i < 10; i++) { /* K = 8: the first eight are flushed */
        txs[i] = world_record(&w, 0, i + 1);
        block = block_of(block, txs[i]);
        world_commit(&w, block);
    }
    world_crash(&w, false);
    world_begin(&w);
    for (uint64_t i = 0; i < 10; i++)
        world_submit(&w, i, txs[i]);
    world_submit(&w, 10, world_transfer(&w, 0, 1, 3, 5));
    world_settle(&w);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(outcome(i), DRIVER_COMMITTED);
    assert_rejected_for(10, world_transfer(&w, 0, 1, 3, 5), txs[2]);
}

/* Committed and not yet durable: nobody is told, whoever asks. */
static void who_asks_meanwhile_waits_for_the_disk(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1), *other = world_transfer(&w, 0, 1, 1, 5);
    const struct world_block *block = block_of(NULL, tx);
    world_submit(&w, 1, tx);
    world_settle(&w);
    nearly_commit(block);
    world_vote(&w, 2, CERT_COMMIT, block);
    world_run(&w);
    assert_true(w.is_submitted);
    world_forget(&w);
    world_submit(&w, 2, tx);
    world_submit(&w, 3, other);
    world_run(&w);
    assert_int_equal(w.outputs_count, 0);
    world_land(&w);
    assert_int_equal(outcome(1), DRIVER_COMMITTED);
    world_run(&w);
    assert_int_equal(outcome(2), DRIVER_COMMITTED);
    assert_rejected_for(3, other, tx);
}

static void all_who_wait_for_one_transaction_are_answered(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    for (uint64_t client = 1; client <= DRIVER_WAITERS_PER_TX; client++)
        world_submit(&w, client, tx);
    world_settle(&w);
    assert_int_equal(w.outputs_count, 1); /* its FORWARD */
    world_commit(&w, block_of(NULL, tx));
    for (uint64_t client = 1; client <= DRIVER_WAITERS_PER_TX; client++)
        assert_int_equal(outcome(client), DRIVER_COMMITTED);
}

static void who_asks_again_and_again_takes_no_places_of_others(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1), *other = world_record(&w, 1, 1);
    for (uint64_t client = 1; client <= 100; client++)
        world_submit(&w, client, tx);
    world_submit(&w, 1001, other);
    world_settle(&w);
    assert_int_equal(world_look(&w).waiting_count, DRIVER_WAITERS_PER_TX + 1);
    assert_int_equal(outcome(DRIVER_WAITERS_PER_TX + 1), DRIVER_UNKNOWN);
    assert_null(world_answer(&w, 1001));
}

/* ---- receipts need a certificate at or above their block (5.6) ---- */

static const struct world_block *partial[3]; /* of heights 1 and 2 */

/* Two blocks that one certificate commits; the upper body is not here. */
static void commit_partly(const struct world_tx *tx)
{
    partial[1] = block_of(NULL, tx);
    partial[2] = block_of(partial[1], world_record(&w, 1, 1));
    world_range(&w, 2, &partial[1], 1, 1);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 1);
    assert_int_equal(world_look(&w).core.certified_height, 2);
}

static void rule_10_4_a_receipt_waits_for_a_certificate(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1), *other = world_transfer(&w, 0, 1, 1, 5);
    world_submit(&w, 1, tx);
    world_submit(&w, 2, other);
    world_settle(&w);
    commit_partly(tx);
    world_submit(&w, 3, tx);
    world_settle(&w);
    assert_null(world_answer(&w, 1));
    assert_null(world_answer(&w, 3));
    world_data(&w, 3, partial[2]);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 2);
    assert_int_equal(outcome(1), DRIVER_COMMITTED);
    assert_int_equal(outcome(3), DRIVER_COMMITTED);
}

static void rule_10_4_a_receipt_waits_for_a_certificate_after_a_start_too(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    commit_partly(tx);
    world_crash(&w, false);
    world_begin(&w);
    assert_int_equal(world_look(&w).durable_height, 1);
    world_submit(&w, 3, tx);
    world_settle(&w);
    assert_null(world_answer(&w, 3));
    world_range(&w, 2, &partial[2], 1, 0);
    world_settle(&w);
    assert_int_equal(outcome(3), DRIVER_COMMITTED);
}

/* They wait like everybody: not for ever, and not any number of them. */
static void who_waits_for_a_certificate_waits_within_limits(void **state)
{
    (void)state;
    begin_with(1, SMALL_POOL);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_submit(&w, 0, tx); /* from a waiter it becomes one of them */
    world_settle(&w);
    commit_partly(tx);
    for (uint64_t client = 1; client < SMALL_WAITERS + 1; client++)
        world_submit(&w, client, tx);
    world_settle(&w);
    assert_int_equal(world_look(&w).waiting_count, SMALL_WAITERS);
    assert_int_equal(outcome(SMALL_WAITERS), DRIVER_UNKNOWN);
    assert_null(world_answer(&w, SMALL_WAITERS - 1));
    world_pass(&w, DRIVER_ANSWER_MS - 1);
    world_settle(&w);
    assert_null(world_answer(&w, 1));
    assert_true(driver_deadline_ms(w.driver) <= w.time.now_ms + 1);
    world_pass(&w, 1);
    world_settle(&w);
    for (uint64_t client = 0; client < SMALL_WAITERS; client++)
        assert_int_equal(outcome(client), DRIVER_UNKNOWN);
    assert_int_equal(world_look(&w).waiting_count, 0);
    world_submit(&w, 1000, tx);
    world_range(&w, 2, &partial[2], 1, 0);
    world_settle(&w);
    assert_int_equal(outcome(1000), DRIVER_COMMITTED);
}

/* ---- rejected ---- */

static void rule_10_2_another_transaction_of_a_used_nonce_is_rejected_and_named(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1), *other = world_transfer(&w, 0, 1, 1, 5);
    world_commit(&w, block_of(NULL, tx));
    world_submit(&w, 1, other);
    world_settle(&w);
    assert_rejected_for(1, other, tx);
}

/* It was taken here, and the other one was ordered. */
static void rule_10_2_the_loser_of_a_nonce_is_told_by_the_commit(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1), *other = world_transfer(&w, 0, 1, 1, 5);
    world_submit(&w, 1, other);
    world_submit(&w, 2, other);
    world_settle(&w);
    world_commit(&w, block_of(NULL, tx));
    assert_rejected_for(1, other, tx);
    assert_rejected_for(2, other, tx);
    assert_int_equal(world_look(&w).pool.txs_count, 0);
}

static void rule_10_3_what_cannot_be_a_transaction_is_rejected(void **state)
{
    (void)state;
    begin(1);
    driver_on_tx(w.driver, 1, bytes_of_text("no transaction"), w.time);
    world_submit(&w, 2, world_forged(&w, world_record(&w, 0, 1)));
    struct digest chain_id = w.chain.genesis.chain_id;
    w.chain.genesis.chain_id.bytes[0] ^= 1;
    const struct world_tx *foreign = world_record(&w, 0, 1);
    w.chain.genesis.chain_id = chain_id;
    world_submit(&w, 3, foreign);
    world_settle(&w);
    assert_rejected(1, VERDICT_MALFORMED);
    assert_rejected(2, VERDICT_BAD_SIGNATURE);
    assert_rejected(3, VERDICT_BAD_SIGNATURE);
    assert_int_equal(world_look(&w).pool.txs_count, 0);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), 0);
}

/* The cache knows bytes, not txids: a forged signature under a known body is none. */
static void a_known_transaction_does_not_vouch_for_a_forged_one(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_submit(&w, 1, tx);
    world_settle(&w);
    world_submit(&w, 2, world_forged(&w, tx));
    world_settle(&w);
    assert_rejected(2, VERDICT_BAD_SIGNATURE);
}

static void rule_10_3_what_expires_while_it_waits_is_rejected(void **state)
{
    (void)state;
    begin(1);
    struct op op = op_record_of("driver", "key", bytes_of_text("data"));
    world_submit(&w, 1, world_tx(&w, 0, 1, 2, op));
    world_submit(&w, 2, world_tx(&w, 1, 1, 3, op));
    world_submit(&w, 3, world_tx(&w, 2, 1, 0, op));
    world_settle(&w);
    world_commit(&w, b[1]);
    assert_null(world_answer(&w, 1)); /* it may stand at 2 */
    world_commit(&w, b[2]);
    assert_rejected(1, VERDICT_EXPIRED);
    assert_null(world_answer(&w, 2));
    world_commit(&w, b[3]);
    assert_rejected(2, VERDICT_EXPIRED);
    world_commit(&w, b[4]);
    assert_null(world_answer(&w, 3));
    world_submit(&w, 4, world_tx(&w, 0, 1, 4, op));
    world_settle(&w);
    assert_rejected(4, VERDICT_EXPIRED);
}

/* ---- refused now ---- */

static void rule_10_3_what_is_refused_now_may_commit_later(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_transfer(&w, 0, 1, 1, CHAIN_OPENING + 5);
    world_submit(&w, 1, tx);
    world_settle(&w);
    assert_int_equal(outcome(1), DRIVER_REFUSED);
    assert_int_equal(world_answer(&w, 1)->verdict, VERDICT_OVERDRAFT);
    const struct world_block *block = block_of(NULL, world_transfer(&w, 2, 0, 1, 5));
    world_commit(&w, block);
    world_submit(&w, 2, tx);
    world_settle(&w);
    assert_null(world_answer(&w, 2));
    world_commit(&w, block_of(block, tx));
    assert_int_equal(outcome(2), DRIVER_COMMITTED);
}

static void a_second_transaction_of_a_pending_nonce_is_refused_now(void **state)
{
    (void)state;
    begin(1);
    world_submit(&w, 1, world_record(&w, 0, 1));
    world_submit(&w, 2, world_transfer(&w, 0, 1, 1, 5));
    world_submit(&w, 3, world_record(&w, 0, 1000));
    world_settle(&w);
    assert_int_equal(outcome(2), DRIVER_REFUSED);
    assert_int_equal(world_answer(&w, 2)->pool_answer, POOL_SLOT_TAKEN);
    assert_int_equal(outcome(3), DRIVER_REFUSED);
    assert_int_equal(world_answer(&w, 3)->pool_answer, POOL_BEYOND_WINDOW);
}

/* ---- busy and unknown ---- */

static void rule_10_3_a_full_pool_is_busy(void **state)
{
    (void)state;
    begin_with(1, SMALL_POOL);
    for (uint64_t nonce = 1; nonce <= SMALL_SHARE + 1; nonce++)
        world_submit(&w, nonce, world_record(&w, 0, nonce));
    world_settle(&w);
    assert_int_equal(outcome(SMALL_SHARE + 1), DRIVER_BUSY);
    assert_null(world_answer(&w, SMALL_SHARE));
    assert_int_equal(world_look(&w).pool.txs_count, SMALL_SHARE);
}

static void more_being_verified_than_the_limit_is_busy(void **state)
{
    (void)state;
    begin_with(1, "{\"fairness_ms\": 600000}"); /* so that admission has room for more */
    const struct world_tx *tx = world_record(&w, 0, 1);
    w.holds_jobs = true;
    for (uint64_t client = 1; client <= DRIVER_CLIENT_JOBS_MAX; client++)
        world_submit(&w, client, tx);
    world_run(&w);
    assert_int_equal(w.outputs_count, 0);
    assert_int_equal(w.jobs_count, DRIVER_CLIENT_JOBS_MAX);
    world_submit(&w, 0, tx);
    world_run(&w);
    assert_int_equal(outcome(0), DRIVER_BUSY);
    assert_int_equal(w.jobs_count, DRIVER_CLIENT_JOBS_MAX);
    world_return_job(&w, 0);
    world_run(&w);
    world_submit(&w, 9999, world_record(&w, 1, 1)); /* there is room again */
    world_run(&w);
    assert_null(world_answer(&w, 9999));
    assert_int_equal(w.jobs_count, DRIVER_CLIENT_JOBS_MAX);
}

static void rule_10_3_who_waited_long_enough_is_told_unknown(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_submit(&w, 1, tx);
    world_settle(&w);
    world_pass(&w, 1000);
    world_submit(&w, 2, tx);
    world_settle(&w);
    world_pass(&w, DRIVER_ANSWER_MS - 1000 - 1);
    world_settle(&w);
    assert_null(world_answer(&w, 1));
    assert_true(driver_deadline_ms(w.driver) <= w.time.now_ms + 1);
    world_pass(&w, 1);
    world_settle(&w);
    assert_int_equal(outcome(1), DRIVER_UNKNOWN);
    assert_null(world_answer(&w, 2));
    world_commit(&w, block_of(NULL, tx)); /* it was pending all the time */
    assert_int_equal(outcome(2), DRIVER_COMMITTED);
}

/* One whose turn came meanwhile and that does not apply is told why, or it would ask for ever; and
 * so is who asks again. It stays, and commits when it applies. */
static void rule_10_3_who_waited_for_what_does_not_apply_is_told_so(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *first = world_record(&w, 0, 1);
    const struct world_tx *tx = world_transfer(&w, 0, 1, 2, CHAIN_OPENING + 5);
    world_submit(&w, 1, tx);
    const struct world_block *block = block_of(NULL, first);
    world_commit(&w, block);
    world_pass(&w, DRIVER_ANSWER_MS - 1);
    world_settle(&w);
    assert_null(world_answer(&w, 1));
    world_pass(&w, 1);
    world_settle(&w);
    assert_int_equal(outcome(1), DRIVER_REFUSED);
    assert_int_equal(world_answer(&w, 1)->verdict, VERDICT_OVERDRAFT);
    world_submit(&w, 2, tx);
    world_settle(&w);
    assert_int_equal(outcome(2), DRIVER_REFUSED);
    block = block_of(block, world_transfer(&w, 2, 0, 1, 5));
    world_commit(&w, block);
    world_submit(&w, 3, tx);
    world_settle(&w);
    assert_null(world_answer(&w, 3));
    world_commit(&w, block_of(block, tx));
    assert_int_equal(outcome(3), DRIVER_COMMITTED);
}

static void who_cannot_wait_any_more_is_told_unknown_at_once(void **state)
{
    (void)state;
    begin_with(1, SMALL_POOL);
    const struct world_tx *tx = world_record(&w, 0, 1);
    for (uint64_t client = 1; client <= DRIVER_WAITERS_PER_TX + 1; client++)
        world_submit(&w, client, tx);
    world_settle(&w);
    assert_int_equal(world_look(&w).waiting_count, DRIVER_WAITERS_PER_TX);
    assert_int_equal(outcome(DRIVER_WAITERS_PER_TX + 1), DRIVER_UNKNOWN);
    assert_int_equal(world_look(&w).pool.txs_count, 1); /* pending it is */
    world_commit(&w, block_of(NULL, tx));
    for (uint64_t client = 1; client <= DRIVER_WAITERS_PER_TX; client++)
        assert_int_equal(outcome(client), DRIVER_COMMITTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(rule_10_4_a_committed_transaction_has_a_receipt_once_it_is_durable),
        DRIVER_TEST(rule_10_2_the_same_bytes_get_the_receipt_again),
        DRIVER_TEST(the_receipt_is_there_after_a_start),
        DRIVER_TEST(who_asks_meanwhile_waits_for_the_disk),
        DRIVER_TEST(all_who_wait_for_one_transaction_are_answered),
        DRIVER_TEST(who_asks_again_and_again_takes_no_places_of_others),
        DRIVER_TEST(rule_10_4_a_receipt_waits_for_a_certificate),
        DRIVER_TEST(rule_10_4_a_receipt_waits_for_a_certificate_after_a_start_too),
        DRIVER_TEST(who_waits_for_a_certificate_waits_within_limits),
        DRIVER_TEST(rule_10_2_another_transaction_of_a_used_nonce_is_rejected_and_named),
        DRIVER_TEST(rule_10_2_the_loser_of_a_nonce_is_told_by_the_commit),
        DRIVER_TEST(rule_10_3_what_cannot_be_a_transaction_is_rejected),
        DRIVER_TEST(a_known_transaction_does_not_vouch_for_a_forged_one),
        DRIVER_TEST(rule_10_3_what_expires_while_it_waits_is_rejected),
        DRIVER_TEST(rule_10_3_what_is_refused_now_may_commit_later),
        DRIVER_TEST(a_second_transaction_of_a_pending_nonce_is_refused_now),
        DRIVER_TEST(rule_10_3_a_full_pool_is_busy),
        DRIVER_TEST(more_being_verified_than_the_limit_is_busy),
        DRIVER_TEST(rule_10_3_who_waited_long_enough_is_told_unknown),
        DRIVER_TEST(rule_10_3_who_waited_for_what_does_not_apply_is_told_so),
        DRIVER_TEST(who_cannot_wait_any_more_is_told_unknown_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
