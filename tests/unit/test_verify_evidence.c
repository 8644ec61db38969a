/* Judging EVIDENCE: all of it by one signer, the contradiction itself, and the block of a bad body
 * (PROTOCOL.md 3.2, 14; pitfalls A3, H1, H3). */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/check.h"
#include "tests/help/evidence_made.h"
#include "tests/help/verify_world.h"

static struct verify_world w;
static struct liar liar;

static int open_world(void **state)
{
    (void)state;
    verify_world_open(&w);
    liar = (struct liar){.chain_id = w.config.chain_id,
                         .epoch = VERIFY_WORLD_EPOCH,
                         .index = 3,
                         .key = &w.members[3]};
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    verify_world_close(&w);
    return 0;
}

static struct pbft_evidence *begin(void)
{
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = PBFT_EVIDENCE;
    w.msg.link = w.msg.from = VERIFY_WORLD_LINK;
    return &w.msg.evidence;
}

static void make(enum pbft_evidence_kind kind)
{
    liar_evidence(&liar, begin(), kind);
}

static void assert_drops(enum verify_drop drop)
{
    assert_int_equal(verify_world_judge(&w), drop);
}

/* ---- bad bodies ---- */

/* The world's block 2 with these transactions, proposed by the liar, who is accused of one. */
static void make_bad_body(const struct bytes *txs, uint32_t txs_count, uint32_t tx_index)
{
    verify_world_remake_block(&w, 2, txs, txs_count, NULL);
    struct pbft_pre_prepare p =
        liar_proposal(&liar, LIAR_VIEW, buf_bytes(&w.blocks[2]), verify_block_head);
    assert_true(pbft_evidence_of_body(begin(), liar.index, &p, tx_index));
}

/* A transaction of the world with one byte changed; `at` counts from the end if negative. */
static struct bytes spoilt(uint32_t tx_index, int at)
{
    struct buf *tx = &w.txs[tx_index];
    size_t place = at < 0 ? tx->size - (size_t)-at : (size_t)at;
    tx->data[place] ^= 1;
    return buf_bytes(tx);
}

static void rule_14_1_a_bad_client_signature_is_evidence(void **state)
{
    (void)state;
    struct bytes txs[] = {buf_bytes(&w.txs[0]), spoilt(1, -1)};
    make_bad_body(txs, 2, 1);
    assert_drops(VERIFY_KEEP);
    make_bad_body(txs, 2, 0); /* the other one is good */
    assert_drops(VERIFY_DROP_NO_EVIDENCE);
}

static void rule_14_1_a_malformed_transaction_is_evidence(void **state)
{
    (void)state;
    struct bytes txs[] = {spoilt(0, 0), buf_bytes(&w.txs[1])}; /* its version */
    make_bad_body(txs, 2, 0);
    assert_drops(VERIFY_KEEP);
    struct bytes none[] = {buf_bytes(&w.txs[1]), bytes_of(NULL, 0)};
    make_bad_body(none, 2, 1);
    assert_drops(VERIFY_KEEP);
}

/* The same content again, with the same signature or with another that need not even hold. */
static void rule_14_1_a_repeated_transaction_is_evidence(void **state)
{
    (void)state;
    struct buf again = {0};
    buf_add_bytes(&again, buf_bytes(&w.txs[0]));
    struct bytes txs[] = {buf_bytes(&w.txs[0]), buf_bytes(&w.txs[1]), buf_bytes(&again)};
    make_bad_body(txs, 3, 2);
    assert_drops(VERIFY_KEEP);
    make_bad_body(txs, 3, 0); /* the first time it was good */
    assert_drops(VERIFY_DROP_NO_EVIDENCE);
    again.data[again.size - 1] ^= 1;
    make_bad_body(txs, 3, 2);
    assert_drops(VERIFY_KEEP);
    buf_free(&again);
}

/* Two transactions at one nonce: which of them holds, the state says. An accusation (14.2). */
static void rule_14_2_what_only_the_state_forbids_is_no_evidence(void **state)
{
    (void)state;
    struct bytes txs[] = {buf_bytes(&w.txs[5]), buf_bytes(&w.txs[2])}; /* nonces 6, 3 */
    for (uint32_t i = 0; i < 2; i++) {
        make_bad_body(txs, 2, i);
        assert_drops(VERIFY_DROP_NO_EVIDENCE);
    }
}

static void bad_body_of_no_transaction_of_the_block_is_dropped(void **state)
{
    (void)state;
    struct bytes txs[] = {buf_bytes(&w.txs[0]), spoilt(1, -1)};
    static const uint32_t beyond[] = {2, 3, BLOCK_TXS_MAX, UINT32_MAX};
    for (int i = 0; i < 4; i++) {
        make_bad_body(txs, 2, beyond[i]);
        assert_drops(VERIFY_DROP_NO_EVIDENCE);
    }
    make_bad_body(NULL, 0, 0);
    assert_drops(VERIFY_DROP_NO_EVIDENCE);
}

/* 14.3: a body that does not give its header is the fault of whoever brought it. */
static void rule_14_3_a_body_against_its_header_is_no_evidence(void **state)
{
    (void)state;
    struct bytes txs[] = {buf_bytes(&w.txs[0]), buf_bytes(&w.txs[1])};
    make_bad_body(txs, 2, 1);
    w.blocks[2].data[w.blocks[2].size - 1] ^= 1; /* now tx 1 is bad, and tx_root another's */
    assert_drops(VERIFY_DROP_BAD_BODY);
}

static void other_chain(struct block_header *h)
{
    h->chain_id.bytes[0] ^= 1;
}

static void other_epoch(struct block_header *h)
{
    h->epoch++;
}

static void too_large(struct block_header *h)
{
    h->tx_count = BLOCK_TXS_MAX + 1;
}

/* What else may be wrong with a header is none of 14.1's. */
static void rule_14_1_a_bad_header_is_no_evidence(void **state)
{
    (void)state;
    struct bytes txs[] = {buf_bytes(&w.txs[0]), spoilt(1, -1)};
    static verify_world_change *const changes[] = {other_chain, other_epoch, too_large};
    static const enum verify_drop drops[] = {VERIFY_DROP_OTHER_CHAIN, VERIFY_DROP_OTHER_EPOCH,
                                             VERIFY_DROP_TOO_LARGE};
    for (int i = 0; i < 3; i++) {
        verify_world_remake_block(&w, 2, txs, 2, changes[i]);
        struct pbft_pre_prepare p =
            liar_proposal(&liar, LIAR_VIEW, buf_bytes(&w.blocks[2]), verify_block_head);
        assert_true(pbft_evidence_of_body(begin(), liar.index, &p, 1));
        assert_drops(drops[i]);
    }
}

/* The index of the second of two, wherever they stand. */
static void repeated_tx_is_found(void **state)
{
    (void)state;
    struct bytes txs[VERIFY_WORLD_TXS];
    struct block block;
    uint32_t tx_index = 0;
    for (uint32_t i = 0; i < VERIFY_WORLD_TXS; i++)
        txs[i] = buf_bytes(&w.txs[i]);
    for (uint32_t from = 0; from < VERIFY_WORLD_TXS - 1; from++) {
        txs[VERIFY_WORLD_TXS - 1] = txs[from];
        verify_world_remake_block(&w, 2, txs, VERIFY_WORLD_TXS, NULL);
        assert_int_equal(block_decode(&block, buf_bytes(&w.blocks[2])), BLOCK_OK);
        assert_true(verify_repeated_tx(&block, &tx_index));
        assert_int_equal(tx_index, VERIFY_WORLD_TXS - 1);
    }
    assert_int_equal(block_decode(&block, buf_bytes(&w.blocks[0])), BLOCK_OK);
    assert_false(verify_repeated_tx(&block, &tx_index));
}

/* ---- signatures ---- */

static void rule_14_1_what_was_truly_signed_is_kept(void **state)
{
    (void)state;
    for (int kind = 1; kind < PBFT_BAD_BODY; kind++) {
        struct buf again = {0};
        make((enum pbft_evidence_kind)kind);
        assert_drops(VERIFY_KEEP);
        assert_int_equal(verify_signatures(&w.out), 2);
        assert_int_equal(w.out.from, VERIFY_WORLD_LINK);
        pbft_encode(&again, &w.out);
        assert_true(bytes_equal(buf_bytes(&again), buf_bytes(&w.encoding)));
        buf_free(&again);
    }
}

/* Every bit of every kind: nothing in it that nobody signed. The one number that is not signed says
 * where to look. */
static void evidence_with_any_bit_flipped_is_dropped(void **state)
{
    (void)state;
    struct bytes txs[] = {spoilt(0, -1), buf_bytes(&w.txs[1])};
    for (int kind = 1; kind < PBFT_EVIDENCE_KINDS_END; kind++) {
        if (kind == PBFT_BAD_BODY)
            make_bad_body(txs, 2, 0);
        else
            make((enum pbft_evidence_kind)kind);
        assert_drops(VERIFY_KEEP);
        for (size_t bit = 0; bit < 8 * w.encoding.size; bit++) {
            uint8_t mask = (uint8_t)(1u << bit % 8);
            w.encoding.data[bit / 8] ^= mask;
            assert_int_not_equal(verify_world_judge_bytes(&w, buf_bytes(&w.encoding)), VERIFY_KEEP);
            w.encoding.data[bit / 8] ^= mask;
        }
    }
}

/* One half by the offender and one by another. */
static void rule_14_1_both_halves_are_by_one_signer(void **state)
{
    (void)state;
    struct liar other = liar;
    other.index = 1;
    other.key = &w.members[1];
    for (int kind = 1; kind < PBFT_BAD_BODY; kind++) {
        for (int half = 0; half < 2; half++) {
            struct pbft_evidence others;
            liar_evidence(&other, &others, (enum pbft_evidence_kind)kind);
            make((enum pbft_evidence_kind)kind);
            assert_drops(VERIFY_KEEP);
            w.msg.evidence.parts[half].signature = others.parts[half].signature;
            assert_drops(VERIFY_DROP_BAD_SIGNATURE);
        }
        make((enum pbft_evidence_kind)kind);
        w.msg.evidence.offender = 1;
        assert_drops(VERIFY_DROP_BAD_SIGNATURE);
    }
}

/* Pitfalls H1: signatures of other chains and epochs say nothing here. */
static void evidence_of_another_chain_or_epoch_is_dropped(void **state)
{
    (void)state;
    for (int kind = 1; kind < PBFT_BAD_BODY; kind++) {
        liar.chain_id.bytes[9] ^= 1;
        make((enum pbft_evidence_kind)kind);
        assert_drops(VERIFY_DROP_BAD_SIGNATURE);
        liar.chain_id.bytes[9] ^= 1;
        liar.epoch++;
        make((enum pbft_evidence_kind)kind);
        assert_drops(VERIFY_DROP_OTHER_EPOCH);
        liar.epoch--;
    }
}

static void evidence_against_a_stranger_is_dropped(void **state)
{
    (void)state;
    make(PBFT_TWO_COMMITS);
    w.msg.evidence.offender = VERIFY_WORLD_MEMBERS;
    assert_drops(VERIFY_DROP_NOT_A_MEMBER);
}

/* A vote is no other vote, and a pair of one type is none of another. */
static void evidence_under_another_kind_is_dropped(void **state)
{
    (void)state;
    make(PBFT_TWO_PREPARES);
    w.msg.evidence.kind = PBFT_TWO_COMMITS;
    assert_drops(VERIFY_DROP_BAD_SIGNATURE);
    w.msg.evidence.kind = PBFT_TWO_PRE_PREPARES;
    assert_drops(VERIFY_DROP_BAD_SIGNATURE);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rule_14_1_a_bad_client_signature_is_evidence),
        TEST(rule_14_1_a_malformed_transaction_is_evidence),
        TEST(rule_14_1_a_repeated_transaction_is_evidence),
        TEST(rule_14_2_what_only_the_state_forbids_is_no_evidence),
        TEST(bad_body_of_no_transaction_of_the_block_is_dropped),
        TEST(rule_14_3_a_body_against_its_header_is_no_evidence),
        TEST(rule_14_1_a_bad_header_is_no_evidence),
        TEST(repeated_tx_is_found),
        TEST(rule_14_1_what_was_truly_signed_is_kept),
        TEST(evidence_with_any_bit_flipped_is_dropped),
        TEST(rule_14_1_both_halves_are_by_one_signer),
        TEST(evidence_of_another_chain_or_epoch_is_dropped),
        TEST(evidence_against_a_stranger_is_dropped),
        TEST(evidence_under_another_kind_is_dropped),
    };
    return cmocka_run_group_tests_name("verify_evidence", tests, NULL, NULL);
}
