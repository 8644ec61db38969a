/* Evidence through the driver: made of a body that contradicts itself, kept in the store, judged at
 * a start, handed on; and the scorecard (PROTOCOL.md 5.3, 9.5, 14; pitfalls D5, H8). */
#include <string.h>

#include "tests/help/evidence_made.h"
#include "tests/unit/driver_rules.h"

static struct pbft_evidence found; /* the item that left last */

static bool is_known(uint32_t offender, enum pbft_evidence_kind kind)
{
    struct driver_look look = world_look(&w);
    return (look.scores[offender].evidence & PBFT_EVIDENCE_BIT(kind)) != 0;
}

/* Key of the record. */
static struct bytes record_of(uint32_t offender, enum pbft_evidence_kind kind)
{
    static uint8_t key[] = "evidence..";
    key[8] = (uint8_t)offender;
    key[9] = (uint8_t)kind;
    return bytes_of(key, 10);
}

/* This left to all others, once, and is kept (that it was durable by then the world sees to). */
static void assert_told(uint32_t offender, enum pbft_evidence_kind kind)
{
    static struct pbft_msg m;
    struct bytes bytes;
    assert_int_equal(world_sent(&w, PBFT_EVIDENCE, NULL), WORLD_OTHERS);
    assert_true(world_decode(&m, world_message(&w, PBFT_EVIDENCE, 0)));
    found = m.evidence;
    assert_int_equal(found.offender, offender);
    assert_int_equal(found.kind, kind);
    assert_true(is_known(offender, kind));
    assert_true(driver_evidence(w.driver, offender, kind, &bytes));
    const struct world_output *o = world_message(&w, PBFT_EVIDENCE, 0);
    assert_true(bytes_equal(bytes, bytes_of(o->bytes.data + 1, o->bytes.size - 1)));
}

static void assert_nothing_told(uint32_t offender)
{
    struct bytes bytes;
    assert_int_equal(world_sent(&w, PBFT_EVIDENCE, NULL), 0);
    assert_int_equal(world_look(&w).scores[offender].evidence, 0);
    assert_false(driver_evidence(w.driver, offender, PBFT_BAD_BODY, &bytes));
}

/* Member 0 proposes a block of these transactions on genesis. */
static const struct world_block *propose(const struct world_tx *const *txs, uint32_t txs_count)
{
    const struct world_block *block = world_block(&w, NULL, txs, txs_count);
    world_propose(&w, block);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, block), 0);
    return block;
}

static struct liar a_liar(uint32_t index)
{
    return (struct liar){
        .chain_id = w.chain.genesis.chain_id, .index = index, .key = &w.chain.members[index]};
}

static void make(uint32_t offender, enum pbft_evidence_kind kind)
{
    struct liar liar = a_liar(offender);
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = PBFT_EVIDENCE;
    liar_evidence(&liar, &w.msg.evidence, kind);
}

static void show(uint32_t offender, enum pbft_evidence_kind kind, uint32_t link)
{
    make(offender, kind);
    assert_true(world_give(&w, link));
    world_settle(&w);
}

/* ---- bodies ---- */

static void rule_14_1_a_bad_client_signature_is_evidence(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *txs[3] = {world_record(&w, 0, 1), world_record(&w, 1, 1),
                                     world_record(&w, 2, 1)};
    txs[1] = world_forged(&w, txs[1]);
    const struct world_block *block = propose(txs, 3);
    assert_told(0, PBFT_BAD_BODY);
    assert_int_equal(found.tx_index, 1);
    assert_int_equal(found.height, 1);
    assert_true(digest_equal(&found.parts[0].digest, &block->name.digest));
    assert_int_equal(world_look(&w).scores[0].accusations, 0);
}

/* The lowest one is named, whichever job is back first, and whatever was known already. */
static void rule_14_1_the_first_bad_transaction_is_named(void **state)
{
    (void)state;
    enum { COUNT = 3 * DRIVER_JOB_TXS_MAX };
    for (int is_reversed = 0; is_reversed < 2; is_reversed++) {
        const struct world_tx *txs[COUNT];
        begin(1);
        for (uint32_t i = 0; i < COUNT; i++)
            txs[i] = world_record(&w, 0, i + 1);
        world_submit(&w, 1, txs[0]); /* verified before: it is not listed */
        world_settle(&w);
        txs[100] = world_forged(&w, txs[100]);
        txs[180] = world_forged(&w, txs[180]);
        world_forget(&w);
        w.holds_jobs = true;
        world_propose(&w, world_block(&w, NULL, txs, COUNT));
        world_run(&w);
        world_return_jobs(&w, false); /* the PRE-PREPARE itself */
        world_run(&w);
        assert_int_equal(w.jobs_count, 3);
        world_return_jobs(&w, is_reversed);
        w.holds_jobs = false;
        world_settle(&w);
        assert_told(0, PBFT_BAD_BODY);
        assert_int_equal(found.tx_index, 100);
        if (is_reversed == 0)
            assert_int_equal(end(NULL), 0);
    }
}

static void rule_14_1_a_malformed_transaction_is_evidence(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *txs[2] = {world_record(&w, 0, 1), world_record(&w, 1, 1)};
    txs[1]->bytes.data[0] = 99; /* its version */
    (void)propose(txs, 2);
    assert_told(0, PBFT_BAD_BODY);
    assert_int_equal(found.tx_index, 1);
}

static void rule_14_1_a_repeated_transaction_is_evidence(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_tx *txs[3] = {tx, world_record(&w, 1, 1), tx};
    (void)propose(txs, 3);
    assert_told(0, PBFT_BAD_BODY);
    assert_int_equal(found.tx_index, 2);
}

/* 14.2: an accusation stays here. */
static void rule_14_2_what_the_state_forbids_is_counted_and_goes_nowhere(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_transfer(&w, 0, 1, 1, CHAIN_OPENING + 1);
    (void)propose(&tx, 1);
    assert_nothing_told(0);
    assert_int_equal(world_look(&w).scores[0].accusations, 1);
}

static void rule_14_2_a_block_by_anothers_name_is_an_accusation(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_propose(&w, world_block_at(&w, NULL, &tx, 1, w.time.wall_ms, 2));
    world_settle(&w);
    assert_nothing_told(0);
    assert_int_equal(world_look(&w).scores[0].accusations, 1);
}

/* 5.2: its time has not come: neither invalid nor evidence. */
static void rule_14_3_a_clock_that_is_ahead_is_never_evidence(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    world_propose(&w, world_block_at(&w, NULL, &tx, 1, w.time.wall_ms + 3600 * 1000, 0));
    world_settle(&w);
    assert_nothing_told(0);
    assert_int_equal(world_look(&w).scores[0].accusations, 0);
}

/* 5.2, 14.3: a body that does not give its header is the fault of the link that brought it. */
static void rule_14_3_a_body_against_its_header_is_never_evidence(void **state)
{
    (void)state;
    begin(1);
    struct buf bent = {0};
    world_make_pre_prepare(&w, b[1]);
    buf_add_bytes(&bent, w.msg.pre_prepare.bytes);
    bent.data[bent.size - 1] ^= 1;
    w.msg.pre_prepare.bytes = buf_bytes(&bent);
    assert_true(world_give(&w, 0));
    world_settle(&w);
    assert_nothing_told(0);
    assert_int_equal(world_look(&w).verify_drops[VERIFY_DROP_BAD_BODY], 1);
    buf_free(&bent);
}

/* ---- the core's finds ---- */

static void rule_14_1_two_proposals_are_told_and_kept(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *other = world_block(&w, NULL, &tx, 1);
    world_propose(&w, b[1]);
    world_settle(&w);
    world_propose(&w, other);
    world_settle(&w);
    assert_told(0, PBFT_TWO_PRE_PREPARES);
    assert_int_equal(world_look(&w).scores[0].conflicts, 1);
}

static void rule_14_1_two_votes_are_told_and_kept(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *other = world_block(&w, NULL, &tx, 1);
    world_vote(&w, 2, CERT_COMMIT, b[1]);
    world_vote(&w, 2, CERT_COMMIT, other);
    world_vote(&w, 2, CERT_COMMIT, other);
    world_settle(&w);
    assert_told(2, PBFT_TWO_COMMITS);
    assert_int_equal(world_look(&w).scores[2].conflicts, 2); /* each time */
    assert_int_equal(world_look(&w).scores[0].conflicts, 0);
}

/* ---- messages ---- */

static void rule_9_5_evidence_of_every_kind_is_taken_and_handed_on_once(void **state)
{
    (void)state;
    begin(1);
    for (int kind = 1; kind < PBFT_BAD_BODY; kind++) {
        world_forget(&w);
        show(3, (enum pbft_evidence_kind)kind, 2);
        assert_told(3, (enum pbft_evidence_kind)kind);
        world_forget(&w);
        show(3, (enum pbft_evidence_kind)kind, 0);
        assert_int_equal(world_sent(&w, PBFT_EVIDENCE, NULL), 0);
    }
}

/* 6.1 (c): of a kind that is known from another view, and thus not kept; it leaves as it came. */
static void rule_9_5_what_shows_the_primary_of_this_view_is_handed_on(void **state)
{
    (void)state;
    static struct pbft_msg m;
    begin(1);
    show(0, PBFT_TWO_COMMITS, 2);
    assert_told(0, PBFT_TWO_COMMITS);
    world_forget(&w);
    struct liar liar = a_liar(0);
    struct pbft_vote first = liar_vote(&liar, CERT_COMMIT, 0, 1, 1);
    struct pbft_vote second = liar_vote(&liar, CERT_COMMIT, 0, 1, 2);
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = PBFT_EVIDENCE;
    assert_true(pbft_evidence_of_votes(&w.msg.evidence, 0, &first, &second));
    assert_true(world_give(&w, 2));
    world_settle(&w);
    assert_int_equal(world_look(&w).core.complaint, PBFT_REASON_FAULTY);
    assert_int_equal(world_sent(&w, PBFT_EVIDENCE, NULL), WORLD_OTHERS);
    assert_true(world_decode(&m, world_message(&w, PBFT_EVIDENCE, 0)));
    assert_int_equal(m.evidence.view, 0);
    assert_int_equal(m.evidence.height, 1);
}

/* Pitfalls H8: the link is to blame for what is not true, and nothing else changes. */
static void false_evidence_is_charged_to_the_link(void **state)
{
    (void)state;
    begin(1);
    make(3, PBFT_TWO_COMMITS);
    w.msg.evidence.parts[1].signature.bytes[5] ^= 1;
    assert_true(world_give(&w, 2));
    world_settle(&w);
    struct driver_look look = world_look(&w);
    assert_nothing_told(3);
    assert_int_equal(look.scores[2].bad_signatures, 1);
    assert_int_equal(look.scores[3].bad_signatures, 0);
    assert_int_equal(look.verify_drops[VERIFY_DROP_BAD_SIGNATURE], 1);
}

/* An honest primary's block, and a transaction in it that is good. */
static void false_evidence_of_a_good_block_is_dropped(void **state)
{
    (void)state;
    begin(1);
    struct liar honest = a_liar(0);
    struct pbft_pre_prepare p =
        liar_proposal(&honest, 0, buf_bytes(&b[1]->bytes), verify_block_head);
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = PBFT_EVIDENCE;
    assert_true(pbft_evidence_of_body(&w.msg.evidence, 0, &p, 0));
    assert_true(world_give(&w, 2));
    world_settle(&w);
    assert_nothing_told(0);
    assert_int_equal(world_look(&w).verify_drops[VERIFY_DROP_NO_EVIDENCE], 1);
}

/* ---- the store ---- */

/* A small one and one with a block: known after a restart, not told again by itself, and given to
 * whoever shows that he lacks it. */
static void evidence_survives_a_restart_and_goes_to_who_lacks_it(void **state)
{
    (void)state;
    begin(1);
    const struct world_tx *tx = world_forged(&w, world_record(&w, 0, 1));
    (void)propose(&tx, 1);
    show(3, PBFT_TWO_COMMITS, 2);
    world_crash(&w, true);
    world_forget(&w);
    assert_int_equal(world_start(&w), RC_OK);
    world_settle(&w);
    assert_true(is_known(0, PBFT_BAD_BODY));
    assert_true(is_known(3, PBFT_TWO_COMMITS));
    assert_int_equal(world_sent(&w, PBFT_EVIDENCE, NULL), 0);
    for (size_t i = 1; i <= 3; i++) {
        world_pass(&w, 1000);
        world_status(&w, 2, 0);
        world_settle(&w);
        assert_int_equal(world_sent(&w, PBFT_EVIDENCE, NULL), i);
        const struct world_output *o = world_message(&w, PBFT_EVIDENCE, i - 1);
        assert_int_equal(o->to, 2);
        assert_int_equal(o->bytes.data[1], i == 2 ? PBFT_TWO_COMMITS : PBFT_BAD_BODY);
    }
}

/* Pitfalls D5: evidence is no vote. What is damaged is missing, is said, and comes again. */
static void damaged_evidence_is_missing_and_comes_again(void **state)
{
    (void)state;
    begin(1);
    show(3, PBFT_TWO_COMMITS, 2);
    show(3, PBFT_TWO_PREPARES, 2);
    world_crash(&w, true);
    world_rot(&w, KV_VOTE, record_of(3, PBFT_TWO_COMMITS));
    world_begin(&w);
    assert_false(is_known(3, PBFT_TWO_COMMITS));
    assert_true(is_known(3, PBFT_TWO_PREPARES));
    struct driver_look look = world_look(&w);
    assert_int_equal(look.damaged_count, 1);
    assert_non_null(strstr(look.damaged_why.text, "two-commits"));
    show(3, PBFT_TWO_COMMITS, 2);
    assert_true(is_known(3, PBFT_TWO_COMMITS));
    w.is_rotten = false; /* it was written anew */
    world_crash(&w, true);
    world_begin(&w);
    assert_true(is_known(3, PBFT_TWO_COMMITS));
    assert_int_equal(world_look(&w).damaged_count, 0);
}

/* What stands in the store is judged like what a peer sends. */
static void evidence_of_the_store_that_does_not_hold_is_not_counted(void **state)
{
    (void)state;
    begin(1);
    struct buf value = {0};
    make(3, PBFT_TWO_COMMITS);
    pbft_evidence_encode(&value, &w.msg.evidence);
    struct bytes bytes = buf_bytes(&value);
    world_crash(&w, true);
    world_write(&w, KV_VOTE, record_of(2, PBFT_TWO_COMMITS), &bytes);  /* under another's name */
    world_write(&w, KV_VOTE, record_of(3, PBFT_TWO_PREPARES), &bytes); /* another kind */
    value.data[value.size - 1] ^= 1;
    world_write(&w, KV_VOTE, record_of(3, PBFT_TWO_COMMITS), &bytes); /* another signature */
    bytes.size--;
    world_write(&w, KV_VOTE, record_of(0, PBFT_TWO_COMMITS), &bytes); /* no evidence at all */
    world_begin(&w);
    struct driver_look look = world_look(&w);
    for (uint32_t i = 0; i < WORLD_MEMBERS; i++)
        assert_int_equal(look.scores[i].evidence, 0);
    assert_int_equal(look.damaged_count, 4);
    buf_free(&value);
}

/* A key of evidence against nobody, or of no kind, is none of ours: the table is damaged. */
static void a_key_of_no_evidence_stops_the_start(void **state)
{
    (void)state;
    static const uint8_t keys[][2] = {{MEMBERS_MAX, 1}, {3, 0}, {3, PBFT_EVIDENCE_KINDS_END}};
    begin(1);
    world_crash(&w, true);
    for (int i = 0; i < 3; i++) {
        struct bytes key = record_of(keys[i][0], (enum pbft_evidence_kind)keys[i][1]);
        struct bytes value = bytes_of("?", 1);
        world_write(&w, KV_VOTE, key, &value);
        assert_int_equal(world_start(&w), RC_STORE_DAMAGED);
        world_write(&w, KV_VOTE, key, NULL);
    }
    assert_int_equal(world_start(&w), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(rule_14_1_a_bad_client_signature_is_evidence),
        DRIVER_TEST(rule_14_1_the_first_bad_transaction_is_named),
        DRIVER_TEST(rule_14_1_a_malformed_transaction_is_evidence),
        DRIVER_TEST(rule_14_1_a_repeated_transaction_is_evidence),
        DRIVER_TEST(rule_14_2_what_the_state_forbids_is_counted_and_goes_nowhere),
        DRIVER_TEST(rule_14_2_a_block_by_anothers_name_is_an_accusation),
        DRIVER_TEST(rule_14_3_a_clock_that_is_ahead_is_never_evidence),
        DRIVER_TEST(rule_14_3_a_body_against_its_header_is_never_evidence),
        DRIVER_TEST(rule_14_1_two_proposals_are_told_and_kept),
        DRIVER_TEST(rule_14_1_two_votes_are_told_and_kept),
        DRIVER_TEST(rule_9_5_evidence_of_every_kind_is_taken_and_handed_on_once),
        DRIVER_TEST(rule_9_5_what_shows_the_primary_of_this_view_is_handed_on),
        DRIVER_TEST(false_evidence_is_charged_to_the_link),
        DRIVER_TEST(false_evidence_of_a_good_block_is_dropped),
        DRIVER_TEST(evidence_survives_a_restart_and_goes_to_who_lacks_it),
        DRIVER_TEST(damaged_evidence_is_missing_and_comes_again),
        DRIVER_TEST(evidence_of_the_store_that_does_not_hold_is_not_counted),
        DRIVER_TEST(a_key_of_no_evidence_stops_the_start),
    };
    return cmocka_run_group_tests_name("driver_evidence", tests, NULL, NULL);
}
