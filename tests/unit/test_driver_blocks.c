/* Blocks through the driver: checking (PROTOCOL.md 5.2), committing (5.6) and ranges (9.2). */
#include "tests/unit/driver_rules.h"

enum { SKEW_MS = 5000 };

static bool is_voted_for(const struct world_block *block)
{
    return world_sent(&w, PBFT_PREPARE, block) > 0;
}

static void propose(const struct world_block *block)
{
    world_propose(&w, block);
    world_settle(&w);
}

/* ---- signatures of clients (5.2) ---- */

/* Some transactions of one payer, and a block of them. */
static const struct world_tx *txs[BLOCK_TXS_MAX];
static const struct world_block *block_of_records(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        txs[i] = world_record(&w, 0, i + 1);
    return world_block(&w, NULL, txs, count);
}

static void unknown_signatures_are_verified_before_the_vote(void **state)
{
    (void)state;
    begin(1);
    const struct world_block *block = block_of_records(3);
    w.holds_jobs = true;
    world_propose(&w, block);
    world_run(&w);
    assert_int_equal(w.signatures_count, 1); /* the PRE-PREPARE's */
    world_return_jobs(&w, false);
    world_run(&w);
    assert_int_equal(w.signatures_count, 1 + 3);
    assert_int_equal(w.jobs_count, 1);
    world_run(&w);
    assert_false(w.is_submitted);
    world_return_jobs(&w, false);
    world_run(&w);
    assert_true(w.is_submitted);
    world_land(&w);
    assert_true(is_voted_for(block));
}

static void known_signatures_are_not_verified_again(void **state)
{
    (void)state;
    begin(1);
    const struct world_block *block = block_of_records(3);
    world_forward(&w, 2, txs[0]);
    world_forward(&w, 3, txs[1]);
    world_forward(&w, 0, txs[1]); /* again: known by now, or being verified */
    world_settle(&w);
    uint64_t before = w.signatures_count;
    world_forward(&w, 0, txs[0]);
    world_settle(&w);
    assert_int_equal(w.signatures_count, before);
    propose(block);
    assert_int_equal(w.signatures_count, before + 1 + 1);
    assert_true(is_voted_for(block));
}

static void what_clients_sent_is_not_verified_again(void **state)
{
    (void)state;
    begin(1);
    const struct world_block *block = block_of_records(3);
    for (uint64_t i = 0; i < 3; i++)
        world_submit(&w, i, txs[i]);
    world_settle(&w);
    assert_int_equal(w.signatures_count, 3);
    propose(block);
    assert_int_equal(w.signatures_count, 3 + 1);
    assert_true(is_voted_for(block));
}

/* Verified for a proposal, it is known when it comes again in another. */
static void what_a_proposal_brought_is_not_verified_again(void **state)
{
    (void)state;
    begin(1);
    const struct world_block *block = block_of_records(3);
    propose(block);
    uint64_t before = w.signatures_count;
    for (uint64_t i = 0; i < 3; i++)
        world_submit(&w, i, txs[i]);
    world_settle(&w);
    assert_int_equal(w.signatures_count, before);
}

/* Its other signature is known: the txid leaves the signature out. */
static void a_block_with_a_forged_copy_of_a_known_transaction_gets_no_vote(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1), *forged = world_forged(&w, tx);
    world_forward(&w, 2, tx);
    world_settle(&w);
    const struct world_block *block = world_block(&w, NULL, &forged, 1);
    propose(block);
    assert_false(is_voted_for(block));
    assert_int_equal(world_look(&w).core_drops[PBFT_DROP_INVALID_BLOCK], 1);
}

enum { MANY = 2 * DRIVER_JOB_TXS_MAX + 7 };

static void a_full_block_spreads_over_jobs_that_come_back_in_any_order(void **state)
{
    (void)state;
    for (int is_reversed = 0; is_reversed < 2; is_reversed++) {
        begin(1);
        const struct world_block *block = block_of_records(MANY);
        w.holds_jobs = true;
        world_propose(&w, block);
        world_run(&w);
        world_return_jobs(&w, false);
        world_run(&w);
        assert_int_equal(w.jobs_count, 3);
        for (size_t i = 0; i < w.jobs_count; i++)
            assert_true(driver_job_signatures(w.jobs[i]) <= DRIVER_JOB_TXS_MAX);
        while (w.jobs_count > 0) {
            assert_false(w.is_submitted);
            world_return_job(&w, is_reversed ? w.jobs_count - 1 : 0);
            world_run(&w);
        }
        assert_true(w.is_submitted);
        world_land(&w);
        assert_true(is_voted_for(block));
        assert_int_equal(end(NULL), 0);
    }
    begin(1);
}

/* Whichever of its jobs says so, and whether first or last. */
static void one_bad_signature_of_a_client_and_there_is_no_vote(void **state)
{
    (void)state;
    for (uint32_t bad = 0; bad < MANY; bad += DRIVER_JOB_TXS_MAX) {
        begin(1);
        (void)block_of_records(MANY);
        txs[bad] = world_forged(&w, txs[bad]);
        const struct world_block *block = world_block(&w, NULL, txs, MANY);
        w.holds_jobs = true;
        world_propose(&w, block);
        world_run(&w);
        world_return_jobs(&w, false);
        world_run(&w);
        world_return_jobs(&w, bad == 0);
        world_settle(&w);
        assert_false(is_voted_for(block));
        assert_int_equal(world_look(&w).core_drops[PBFT_DROP_INVALID_BLOCK], 1);
        assert_int_equal(end(NULL), 0);
    }
    begin(1);
}

/* The block was committed meanwhile, or took another's place. */
static void a_check_that_comes_back_too_late_does_no_harm(void **state)
{
    (void)state;
    begin(1);
    w.holds_jobs = true;
    world_propose(&w, b[1]);
    world_run(&w);
    world_return_jobs(&w, false);
    world_run(&w);
    assert_int_equal(w.jobs_count, 1); /* the check's */
    world_qc(&w, 2, CERT_COMMIT, b[1]);
    world_run(&w);
    assert_int_equal(w.jobs_count, 2);
    world_return_job(&w, 1);
    world_run(&w);
    assert_true(w.is_submitted);
    world_land(&w);
    assert_int_equal(world_look(&w).durable_height, 1);
    world_return_jobs(&w, false);
    world_settle(&w);
    assert_false(is_voted_for(b[1]));
    w.holds_jobs = false;
    world_commit(&w, b[2]);
    assert_true(is_voted_for(b[2]));
}

/* ---- the rest of 5.2 ---- */

static void a_block_from_the_future_is_held_until_its_time(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block =
        world_block_at(&w, NULL, &tx, 1, w.time.wall_ms + SKEW_MS + 200, 0);
    propose(block);
    assert_false(is_voted_for(block));
    assert_true(driver_deadline_ms(w.driver) <= w.time.now_ms + 200);
    world_pass(&w, 199);
    world_settle(&w);
    assert_false(is_voted_for(block));
    assert_int_equal(world_look(&w).core_drops[PBFT_DROP_INVALID_BLOCK], 0);
    world_pass(&w, 1);
    assert_true(driver_deadline_ms(w.driver) <= w.time.now_ms);
    world_settle(&w);
    assert_true(is_voted_for(block));
}

/* The wall clock stood an hour behind, and is put right. */
static void a_held_block_is_looked_at_again_when_the_clock_is_put_right(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = world_block_at(&w, NULL, &tx, 1, w.time.wall_ms + 3600000, 0);
    propose(block);
    assert_false(is_voted_for(block));
    w.time.wall_ms += 3600000;
    world_pass(&w, 250);
    world_settle(&w);
    assert_true(is_voted_for(block));
}

static void a_block_as_far_ahead_as_the_skew_is_voted_for(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = world_block_at(&w, NULL, &tx, 1, w.time.wall_ms + SKEW_MS, 0);
    propose(block);
    assert_true(is_voted_for(block));
}

static void gets_no_vote(const struct world_block *block)
{
    propose(block);
    assert_false(is_voted_for(block));
    assert_int_equal(world_look(&w).core_drops[PBFT_DROP_INVALID_BLOCK], 1);
    assert_false(w.is_submitted);
}

static void a_block_that_names_another_proposer_gets_no_vote(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    gets_no_vote(world_block_at(&w, NULL, &tx, 1, w.time.wall_ms, 2));
}

static void a_block_with_an_overdraft_gets_no_vote(void **state)
{
    (void)state;
    begin(1);
    txs[0] = world_record(&w, 1, 1);
    txs[1] = world_transfer(&w, 0, 1, 1, CHAIN_OPENING + 1);
    gets_no_vote(world_block(&w, NULL, txs, 2));
}

static void a_block_with_a_gap_of_nonces_gets_no_vote(void **state)
{
    (void)state;
    begin(1);
    txs[0] = world_record(&w, 0, 2);
    gets_no_vote(world_block(&w, NULL, txs, 1));
}

static void a_block_not_after_its_parent_gets_no_vote(void **state)
{
    (void)state;
    begin(1);
    propose(b[1]);
    const struct world_tx *tx = world_record(&w, 0, 1);
    gets_no_vote(world_block_at(&w, b[1], &tx, 1, b[1]->block.header.time_ms, 0));
}

/* The link is to blame, not the block. */
static void a_body_that_does_not_fit_its_header_is_dropped(void **state)
{
    (void)state;
    begin(1);
    struct buf bent = {0};
    buf_add_bytes(&bent, buf_bytes(&b[1]->bytes));
    bent.data[bent.size - 1] ^= 1;
    world_make_pre_prepare(&w, b[1]);
    w.msg.pre_prepare.bytes = buf_bytes(&bent);
    assert_true(world_give(&w, 2));
    world_settle(&w);
    buf_free(&bent);
    assert_int_equal(world_look(&w).verify_drops[VERIFY_DROP_BAD_BODY], 1);
    propose(b[1]);
    assert_true(is_voted_for(b[1]));
}

/* What it leads to is judged on the effects of those below, committed or not. */
static void blocks_in_flight_are_checked_on_each_others_effects(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *all = world_transfer(&w, 0, 1, 1, CHAIN_OPENING);
    const struct world_tx *back = world_transfer(&w, 1, 0, 1, 2 * (uint64_t)CHAIN_OPENING);
    const struct world_tx *more = world_transfer(&w, 1, 0, 2, 1);
    const struct world_block *first = world_block(&w, NULL, &all, 1);
    const struct world_block *second = world_block(&w, first, &back, 1);
    const struct world_block *third = world_block(&w, second, &more, 1);
    propose(first);
    propose(second);
    assert_true(is_voted_for(second));
    world_qc(&w, 2, CERT_COMMIT, first);
    propose(third);
    assert_false(is_voted_for(third));
}

/* ---- committing (5.6, 9.2) ---- */

static void one_certificate_commits_all_below_it(void **state)
{
    (void)state;
    begin(1);
    for (int i = 1; i <= 3; i++)
        propose(b[i]);
    world_qc(&w, 2, CERT_COMMIT, b[3]);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 3);
    assert_int_equal(world_look(&w).blocks_count, 0);
    world_commit(&w, b[4]);
}

static bool is_on_disk(const struct world_block *block)
{
    struct buf key = {0}, value = {0};
    world_block_key(&key, block->name.height, &block->name.digest);
    bool is_there = world_read(&w, KV_BLOCK, buf_bytes(&key), &value);
    buf_free(&key);
    buf_free(&value);
    return is_there;
}

/* Siblings that this replica voted for lose: each body goes from memory and disk with its height,
 * across a start too. */
static void the_losers_of_a_height_leave_nothing_behind(void **state)
{
    (void)state;
    begin(1);
    const struct world_block *other[3] = {NULL};
    for (uint64_t i = 0; i < 3; i++) {
        const struct world_tx *tx = world_record(&w, 0, i + 1);
        other[i] = world_block(&w, i == 0 ? NULL : other[i - 1], &tx, 1);
        propose(b[i + 1]);
    }
    world_range(&w, 2, &other[0], 1, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 1);
    assert_int_equal(world_look(&w).blocks_count, 2);
    assert_true(is_on_disk(other[0]));
    assert_false(is_on_disk(b[1]));
    assert_true(is_on_disk(b[2]));
    world_crash(&w, false);
    world_begin(&w);
    world_range(&w, 2, &other[1], 2, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 3);
    assert_int_equal(world_look(&w).blocks_count, 0);
    for (int i = 1; i <= 3; i++)
        assert_false(is_on_disk(b[i]));
}

static void certified_blocks_need_no_signatures_of_clients(void **state)
{
    (void)state;
    begin(1);
    world_range(&w, 2, &b[1], 5, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 5);
    assert_int_equal(w.signatures_count, WORLD_OTHERS); /* the certificate's */
}

static void records_of_votes_go_when_the_height_above_is_committed(void **state)
{
    (void)state;
    begin(1);
    struct buf key = {0}, value = {0};
    propose(b[1]);
    world_record_key(&key, "vote", 1, CERT_PREPARE);
    assert_true(world_read(&w, KV_VOTE, buf_bytes(&key), &value));
    world_commit(&w, b[1]);
    assert_true(world_read(&w, KV_VOTE, buf_bytes(&key), &value)); /* it may be a base (7.4) */
    world_commit(&w, b[2]);
    for (int kind = CERT_PREPARE; kind <= CERT_COMMIT; kind++) {
        world_record_key(&key, "vote", 1, (enum cert_kind)kind);
        assert_false(world_read(&w, KV_VOTE, buf_bytes(&key), &value));
    }
    buf_free(&key);
    buf_free(&value);
}

/* The last DATA that was sent. */
static const struct pbft_data *sent_data(void)
{
    static struct pbft_msg m;
    size_t count = world_sent(&w, PBFT_DATA, NULL);
    assert_true(count > 0);
    assert_true(world_decode(&m, world_message(&w, PBFT_DATA, count - 1)));
    return &m.data;
}

static void a_peer_is_given_ranges_and_bodies(void **state)
{
    (void)state;
    begin(1);
    world_range(&w, 2, &b[1], 3, 0);
    world_range(&w, 2, &b[4], 1, 0);
    world_settle(&w);
    world_fetch_range(&w, 3, 2);
    world_settle(&w);
    const struct pbft_data *d = sent_data();
    assert_int_equal(d->kind, PBFT_FETCH_RANGE);
    assert_int_equal(d->blocks_count, 3);
    assert_int_equal(d->blocks[0].height, 2);
    assert_int_equal(d->certificate.statement.height, 4);
    propose(b[5]);
    world_fetch(&w, 3, b[5]);
    world_settle(&w);
    d = sent_data();
    assert_int_equal(d->kind, PBFT_FETCH_BLOCK);
    assert_true(d->has_pre_prepare);
    assert_true(bytes_equal(d->bytes[0], buf_bytes(&b[5]->bytes)));
}

/* One certificate far above: the range ends with bare headers up to it, or where bodies fit. */
static void a_range_leads_on_to_its_certificate(void **state)
{
    (void)state;
    begin_with(1, "{\"sync_blocks_max\": 2}");
    for (int i = 1; i <= 4; i++)
        propose(b[i]);
    world_qc(&w, 2, CERT_COMMIT, b[4]);
    world_settle(&w);
    world_fetch_range(&w, 3, 1);
    world_settle(&w);
    const struct pbft_data *d = sent_data();
    assert_int_equal(d->blocks_count, 2);
    assert_int_equal(d->heads_count, 2);
    assert_int_equal(d->certificate.statement.height, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(unknown_signatures_are_verified_before_the_vote),
        DRIVER_TEST(known_signatures_are_not_verified_again),
        DRIVER_TEST(what_clients_sent_is_not_verified_again),
        DRIVER_TEST(what_a_proposal_brought_is_not_verified_again),
        DRIVER_TEST(a_block_with_a_forged_copy_of_a_known_transaction_gets_no_vote),
        DRIVER_TEST(a_full_block_spreads_over_jobs_that_come_back_in_any_order),
        DRIVER_TEST(one_bad_signature_of_a_client_and_there_is_no_vote),
        DRIVER_TEST(a_check_that_comes_back_too_late_does_no_harm),
        DRIVER_TEST(a_block_from_the_future_is_held_until_its_time),
        DRIVER_TEST(a_held_block_is_looked_at_again_when_the_clock_is_put_right),
        DRIVER_TEST(a_block_as_far_ahead_as_the_skew_is_voted_for),
        DRIVER_TEST(a_block_that_names_another_proposer_gets_no_vote),
        DRIVER_TEST(a_block_with_an_overdraft_gets_no_vote),
        DRIVER_TEST(a_block_with_a_gap_of_nonces_gets_no_vote),
        DRIVER_TEST(a_block_not_after_its_parent_gets_no_vote),
        DRIVER_TEST(a_body_that_does_not_fit_its_header_is_dropped),
        DRIVER_TEST(blocks_in_flight_are_checked_on_each_others_effects),
        DRIVER_TEST(one_certificate_commits_all_below_it),
        DRIVER_TEST(the_losers_of_a_height_leave_nothing_behind),
        DRIVER_TEST(certified_blocks_need_no_signatures_of_clients),
        DRIVER_TEST(records_of_votes_go_when_the_height_above_is_committed),
        DRIVER_TEST(a_peer_is_given_ranges_and_bodies),
        DRIVER_TEST(a_range_leads_on_to_its_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
