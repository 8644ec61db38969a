/* Transactions: one byte string per value, every other one refused; signatures; nonces. */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/prng.h"
#include "tests/help/book.h"

static struct book book;
static struct buf signed_bytes;

static int open_book(void **state)
{
    (void)state;
    book_open(&book);
    return 0;
}

static int close_book(void **state)
{
    (void)state;
    buf_free(&signed_bytes);
    book_close(&book);
    return 0;
}

/* One of each operation, into ops; returns how many. */
static uint32_t one_of_each(struct op ops[static 6])
{
    ops[0] = op_transfer_of("bank/main", "anna/a", "CZK", 7);
    ops[0].transfer.memo = bytes_of_text("k\xc3\xa1va");
    ops[1] = op_issue_of("anna/a", "CZK", 8);
    ops[2] = op_redeem_of("bank/main", "CZK", 9);
    ops[3] = op_record_of("topic", "key", bytes_of("\0\1\2", 3));
    ops[4] = op_key_add_of(&book, "bank", SPARE);
    ops[5] = op_key_revoke_of(&book, BANK2);
    return 6;
}

static struct bytes sign_ops(const struct op *ops, uint32_t ops_count, uint64_t nonce)
{
    struct tx_draft draft = {.nonce = nonce, .ops = ops, .ops_count = ops_count};
    buf_clear(&signed_bytes);
    assert_int_equal(tx_sign(&signed_bytes, &draft, &book.keys[BANK], &book.chain_id), VERDICT_OK);
    return buf_bytes(&signed_bytes);
}

static enum verdict decode(struct tx *out, struct bytes whole)
{
    return tx_decode(out, whole, &book.chain_id);
}

/* Decoding what was signed gives it back, and encoding that again gives the same bytes. */
static void decoding_and_encoding_again_is_the_identity(void **state)
{
    (void)state;
    struct op ops[6];
    struct tx tx;
    struct buf again = {0};
    struct bytes whole = sign_ops(ops, one_of_each(ops), 5);
    assert_int_equal(decode(&tx, whole), VERDICT_OK);
    assert_int_equal(tx_verify(&tx, &book.chain_id), VERDICT_OK);
    assert_int_equal(tx.nonce, 5);
    assert_int_equal(tx.ops_count, 6);
    assert_int_equal(tx.consents_count, 1);
    struct rd r = tx_ops(&tx);
    for (uint32_t i = 0; i < tx.ops_count; i++) {
        struct op op;
        assert_int_equal(op_decode(&r, &op), VERDICT_OK);
        op_encode(&again, &op);
    }
    assert_true(rd_done(&r));
    assert_true(bytes_equal(buf_bytes(&again), tx.ops));
    buf_free(&again);
}

/* Every strict prefix and every extension is refused. */
static void truncated_and_extended_bytes_are_refused(void **state)
{
    (void)state;
    struct op ops[6];
    struct tx tx;
    struct bytes whole = sign_ops(ops, one_of_each(ops), 1);
    for (size_t size = 0; size < whole.size; size++) {
        /* A copy of its own, so that a read beyond it is seen. */
        uint8_t *cut = mem_alloc(size);
        memcpy(cut, whole.data, size);
        enum verdict verdict = decode(&tx, bytes_of(cut, size));
        if (verdict == VERDICT_OK)
            verdict = tx_verify(&tx, &book.chain_id);
        assert_int_not_equal(verdict, VERDICT_OK);
        mem_free(cut);
    }
    buf_add_u8(&signed_bytes, 0);
    assert_int_not_equal(decode(&tx, buf_bytes(&signed_bytes)), VERDICT_OK);
}

/* No single bit can change and the transaction still verify. */
static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct op ops[2] = {op_transfer_of("bank/main", "anna/a", "CZK", 7),
                        op_key_add_of(&book, "bank", SPARE)};
    struct tx tx;
    struct bytes whole = sign_ops(ops, 2, 1);
    for (size_t bit = 0; bit < whole.size * 8; bit++) {
        signed_bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum verdict verdict = decode(&tx, whole);
        if (verdict == VERDICT_OK)
            verdict = tx_verify(&tx, &book.chain_id);
        assert_int_not_equal(verdict, VERDICT_OK);
        signed_bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(decode(&tx, whole), VERDICT_OK);
}

/* Random bytes, and random changes to good bytes, never do worse than a refusal; what is accepted
 * as well-formed encodes to the same bytes again. */
static void hostile_bytes_are_judged_without_harm(void **state)
{
    (void)state;
    struct prng p = prng_of(3);
    struct op ops[6];
    struct tx tx;
    struct buf work = {0}, again = {0};
    uint32_t ops_count = one_of_each(ops);
    struct bytes whole = sign_ops(ops, ops_count, 1);
    for (int round = 0; round < 4000; round++) {
        buf_clear(&work);
        buf_add_bytes(&work, whole);
        uint64_t changes = 1 + prng_below(&p, 4);
        for (uint64_t i = 0; i < changes; i++)
            work.data[TX_HEAD_BYTES - 2 + prng_below(&p, work.size - TX_HEAD_BYTES + 2)] =
                (uint8_t)prng_u64(&p);
        if (decode(&tx, buf_bytes(&work)) != VERDICT_OK)
            continue;
        buf_clear(&again);
        struct rd r = tx_ops(&tx);
        for (uint32_t i = 0; i < tx.ops_count; i++) {
            struct op op;
            op_decode_judged(&r, &op);
            op_encode(&again, &op);
        }
        assert_true(bytes_equal(buf_bytes(&again), tx.ops));
    }
    buf_free(&work);
    buf_free(&again);
}

/* The signature binds chain, signer and content. */
static void a_signature_holds_for_its_chain_and_signer_only(void **state)
{
    (void)state;
    struct op op = op_transfer_of("bank/main", "anna/a", "CZK", 7);
    struct tx tx;
    struct digest other_chain = book.chain_id;
    struct bytes whole = sign_ops(&op, 1, 1);
    other_chain.bytes[31] ^= 1;
    assert_int_equal(tx_decode(&tx, whole, &other_chain), VERDICT_OK);
    assert_int_equal(tx_verify(&tx, &other_chain), VERDICT_BAD_SIGNATURE);
    memcpy(signed_bytes.data + 1, book.keys[ANNA].public.bytes, PUBLIC_KEY_BYTES);
    assert_int_equal(decode(&tx, whole), VERDICT_OK);
    assert_int_equal(tx_verify(&tx, &book.chain_id), VERDICT_BAD_SIGNATURE);
}

/* A signature made malleable by adding the group's order to S is refused (pitfalls H3), and the
 * txid does not depend on the signature at all. */
static void a_malleable_signature_is_refused_and_the_txid_stays(void **state)
{
    (void)state;
    /* L = 2^252 + 27742317777372353535851937790883648493, little-endian (RFC 8032 5.1). */
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                      0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                      0,    0,    0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0x10};
    struct op op = {.type = OP_CANCEL};
    struct tx tx, altered;
    struct bytes whole = sign_ops(&op, 1, 1);
    assert_int_equal(decode(&tx, whole), VERDICT_OK);
    uint8_t *s = signed_bytes.data + whole.size - 32;
    unsigned carry = 0;
    for (int i = 0; i < 32; i++) {
        carry += (unsigned)s[i] + order[i];
        s[i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(decode(&altered, whole), VERDICT_OK);
    assert_true(digest_equal(&altered.id, &tx.id));
    assert_int_equal(tx_verify(&altered, &book.chain_id), VERDICT_BAD_SIGNATURE);
}

/* One to a thousand operations: none and 1001 are refused, in bytes and in drafts. */
static void the_number_of_operations_is_bounded(void **state)
{
    (void)state;
    static struct op ops[TX_OPS_MAX + 1];
    struct tx tx;
    for (size_t i = 0; i < TX_OPS_MAX + 1; i++)
        ops[i] = op_transfer_of("bank/main", "anna/a", "CZK", 1);
    struct tx_draft draft = {.nonce = 1, .ops = ops, .ops_count = TX_OPS_MAX + 1};
    assert_int_equal(tx_sign(&signed_bytes, &draft, &book.keys[BANK], &book.chain_id),
                     VERDICT_OPS_COUNT);
    draft.ops_count = 0;
    assert_int_equal(tx_sign(&signed_bytes, &draft, &book.keys[BANK], &book.chain_id),
                     VERDICT_OPS_COUNT);
    assert_int_equal(signed_bytes.size, 0);
    struct bytes whole = sign_ops(ops, TX_OPS_MAX, 1);
    assert_int_equal(decode(&tx, whole), VERDICT_OK);

    size_t count_at = TX_HEAD_BYTES - 2;
    signed_bytes.data[count_at]++; /* 1000 = 0x03e8 -> 1001 */
    assert_int_equal(decode(&tx, whole), VERDICT_OPS_COUNT);
    signed_bytes.data[count_at] = 0;
    signed_bytes.data[count_at + 1] = 0;
    assert_int_equal(decode(&tx, whole), VERDICT_OPS_COUNT);
}

/* 128 KiB is the most. */
static void an_oversize_transaction_is_refused(void **state)
{
    (void)state;
    static uint8_t data[RECORD_DATA_BYTES_MAX];
    struct tx tx;
    struct op ops[5];
    size_t overhead = 1 + 2 + 2 + 4; /* type, topic "t", key "k", data_bytes */
    for (int i = 0; i < 5; i++)
        ops[i] = op_record_of("t", "k", bytes_of(data, sizeof data));
    struct tx_draft draft = {.nonce = 1, .ops = ops, .ops_count = 4};
    ops[3].record.data.size =
        TX_BYTES_MAX - TX_HEAD_BYTES - SIGNATURE_BYTES - 4 * overhead - 3 * sizeof data;
    assert_int_equal(tx_sign(&signed_bytes, &draft, &book.keys[BANK], &book.chain_id), VERDICT_OK);
    assert_int_equal(signed_bytes.size, TX_BYTES_MAX);
    assert_int_equal(decode(&tx, buf_bytes(&signed_bytes)), VERDICT_OK);
    ops[3].record.data.size++;
    buf_clear(&signed_bytes);
    assert_int_equal(tx_sign(&signed_bytes, &draft, &book.keys[BANK], &book.chain_id),
                     VERDICT_TOO_LARGE);
    draft.ops_count = 5;
    assert_int_equal(tx_sign(&signed_bytes, &draft, &book.keys[BANK], &book.chain_id),
                     VERDICT_TOO_LARGE);
}

/* Versions, nonces and operations that do not exist are refused by name. */
static void unknown_versions_operations_and_nonce_zero_are_refused(void **state)
{
    (void)state;
    struct op op = {.type = OP_CANCEL};
    struct tx tx;
    struct bytes whole = sign_ops(&op, 1, 1);
    signed_bytes.data[0] = TX_VERSION + 1;
    assert_int_equal(decode(&tx, whole), VERDICT_UNKNOWN_VERSION);
    signed_bytes.data[0] = TX_VERSION;
    signed_bytes.data[TX_HEAD_BYTES] = OP_TYPE_END;
    assert_int_equal(decode(&tx, whole), VERDICT_UNKNOWN_OP);
    signed_bytes.data[TX_HEAD_BYTES] = 0;
    assert_int_equal(decode(&tx, whole), VERDICT_UNKNOWN_OP);
    struct tx_draft draft = {.nonce = 0, .ops = &op, .ops_count = 1};
    assert_int_equal(tx_sign(&signed_bytes, &draft, &book.keys[BANK], &book.chain_id),
                     VERDICT_ZERO_NONCE);
}

/* Apply a cancel with this nonce and expiry. */
static enum verdict apply_cancel(enum book_key key, uint64_t nonce, uint64_t valid_until)
{
    struct op op = {.type = OP_CANCEL};
    struct tx tx;
    enum verdict verdict;
    struct tx_draft draft = {
        .nonce = nonce, .valid_until_height = valid_until, .ops = &op, .ops_count = 1};
    buf_clear(&signed_bytes);
    assert_int_equal(tx_sign(&signed_bytes, &draft, &book.keys[key], &book.chain_id), VERDICT_OK);
    assert_int_equal(decode(&tx, buf_bytes(&signed_bytes)), VERDICT_OK);
    assert_int_equal(apply_tx(&verdict, book.layer, &tx, book.height, 0), RC_OK);
    return verdict;
}

/* Nonces are contiguous per key (pitfalls E1, E2): no gap, no reuse, each key its own. */
static void nonces_are_contiguous_per_key(void **state)
{
    (void)state;
    assert_int_equal(apply_cancel(BANK, 2, 0), VERDICT_NONCE_GAP);
    assert_int_equal(apply_cancel(BANK, UINT64_MAX, 0), VERDICT_NONCE_GAP);
    assert_int_equal(apply_cancel(BANK, 1, 0), VERDICT_OK);
    assert_int_equal(apply_cancel(BANK, 1, 0), VERDICT_NONCE_USED);
    assert_int_equal(apply_cancel(BANK, 2, 0), VERDICT_OK);
    assert_int_equal(apply_cancel(BANK2, 1, 0), VERDICT_OK);
}

/* The last height at which it may stand is valid_until itself. */
static void a_transaction_expires_after_valid_until(void **state)
{
    (void)state;
    book.height = 10;
    assert_int_equal(apply_cancel(BANK, 1, 9), VERDICT_EXPIRED);
    assert_int_equal(apply_cancel(BANK, 1, 10), VERDICT_OK);
}

/* A refused transaction leaves nothing behind, not even its nonce, whichever operation failed. */
static void a_refused_transaction_leaves_no_trace(void **state)
{
    (void)state;
    struct op ops[] = {op_transfer_of("bank/main", "anna/a", "CZK", 60000),
                       op_record_of("t", "k", bytes_of_text("x")),
                       op_transfer_of("bank/main", "anna/a", "CZK", 60000)};
    size_t entries = layer_log_count(book.layer);
    assert_int_equal(book_do(&book, BANK, ops, 3), VERDICT_OVERDRAFT);
    assert_int_equal(layer_log_count(book.layer), entries);
    assert_int_equal(book_balance(&book, "bank/main", "CZK"), 100000);
    assert_int_equal(book_do(&book, BANK, ops, 2), VERDICT_OK);
    assert_int_equal(book.nonces[BANK], 1);
}

/* A later operation sees what an earlier one of the same transaction did. */
static void operations_of_one_transaction_build_on_each_other(void **state)
{
    (void)state;
    struct op ops[] = {op_issue_of("bank/new", "CZK", 50),
                       op_transfer_of("bank/new", "bank/newer", "CZK", 50),
                       op_redeem_of("bank/newer", "CZK", 50)};
    assert_int_equal(book_do(&book, BANK, ops, 3), VERDICT_OK);
    assert_int_equal(book_supply(&book, "CZK"), 100000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_book, close_book)
    const struct CMUnitTest tests[] = {
        T(decoding_and_encoding_again_is_the_identity),
        T(truncated_and_extended_bytes_are_refused),
        T(every_flipped_bit_is_refused),
        T(hostile_bytes_are_judged_without_harm),
        T(a_signature_holds_for_its_chain_and_signer_only),
        T(a_malleable_signature_is_refused_and_the_txid_stays),
        T(the_number_of_operations_is_bounded),
        T(an_oversize_transaction_is_refused),
        T(unknown_versions_operations_and_nonce_zero_are_refused),
        T(nonces_are_contiguous_per_key),
        T(a_transaction_expires_after_valid_until),
        T(a_refused_transaction_leaves_no_trace),
        T(operations_of_one_transaction_build_on_each_other),
    };
    return cmocka_run_group_tests_name("tx", tests, NULL, NULL);
}
