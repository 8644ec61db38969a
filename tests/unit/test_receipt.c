/* Receipts: made from a store, and judged as a stranger's bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/receipt.h"
#include "tests/help/regions.h"
#include "tests/help/small_chain.h"
#include "tests/help/unit.h"

/* small_chain_fill() has certificates at 2 and 4; then come blocks 5..9 with one at 9, which has
 * five transactions like the others, and block 10 without any. */
enum { LAST_CERTIFIED = 9, LAST = 10, RECORDS = 5 };

static struct small_chain chain;

static int open_chain(void **state)
{
    (void)state;
    small_chain_open(&chain);
    small_chain_fill(&chain);
    while (store_head(chain.store)->height < LAST)
        small_chain_append_records(&chain, RECORDS);
    small_chain_certify(&chain, CERT_COMMIT, LAST_CERTIFIED);
    return 0;
}

static int close_chain(void **state)
{
    (void)state;
    small_chain_close(&chain);
    return 0;
}

static enum rc judge(const void *context, struct bytes file, struct why *why)
{
    const struct small_chain *c = context;
    struct receipt receipt;
    return receipt_verify(&receipt, file, &c->genesis.chain_id, &c->genesis.member_table, why);
}

static struct buf receipt_of(uint64_t height, uint32_t tx_index)
{
    struct buf out = {0};
    struct why why;
    struct place place = {.height = height, .tx_index = tx_index};
    enum rc rc = receipt_make(&out, chain.store, &place, &why);
    if (rc != RC_OK)
        fail_msg("receipt of %" PRIu64 ", %" PRIu32 ": %s", height, tx_index, why.text);
    return out;
}

/* ---- making and accepting ---- */

/* The receipt of every certified transaction verifies, at every distance from its certificate, and
 * says where the transaction stands. */
static void receipt_of_any_transaction_verifies(void **state)
{
    (void)state;
    for (uint64_t height = 1; height <= LAST_CERTIFIED; height++) {
        struct block block;
        assert_int_equal(store_get_block(chain.store, height, &block, NULL), RC_OK);
        struct rd r = rd_of(block.body);
        for (uint32_t i = 0; i < block.header.tx_count; i++) {
            struct bytes tx = block_next_tx(&r);
            struct buf file = receipt_of(height, i);
            struct receipt receipt;
            struct why why = {""};
            enum rc rc = receipt_verify(&receipt, buf_bytes(&file), &chain.genesis.chain_id,
                                        &chain.genesis.member_table, &why);
            assert_string_equal(why.text, "");
            assert_int_equal(rc, RC_OK);
            assert_true(bytes_equal(receipt.tx.whole, tx));
            assert_int_equal(receipt.tx_index, i);
            assert_int_equal(receipt.header.height, height);
            assert_true(digest_equal(&receipt.block_digest, &block.digest));
            assert_int_equal(receipt.certificate.statement.height, height <= 2   ? 2
                                                                   : height <= 4 ? 4
                                                                                 : LAST_CERTIFIED);
            buf_free(&file);
        }
    }
}

/* Where there is no certificate, transaction or block yet, there is no receipt, nor half of one. */
static void receipt_of_what_is_not_there_is_not_made(void **state)
{
    (void)state;
    static const struct place places[] = {{LAST, 0, 0}, {1, 3, 0}, {LAST + 1, 0, 0}, {0, 0, 0}};
    static const char *const words[] = {"no certificate covers height 10", "block 1 has 3",
                                        "there is no block at height 11",
                                        "there is no block at height 0"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct buf out = {0};
        struct why why = {""};
        buf_add(&out, "before", 6);
        assert_int_equal(receipt_make(&out, chain.store, &places[i], &why), RC_NOT_FOUND);
        assert_memory_equal(why.text, words[i], strlen(words[i]));
        assert_int_equal(out.size, 6);
        buf_free(&out);
    }
}

/* A receipt spans at most 1024 headers: the store gives no longer one. */
static void receipt_longer_than_the_limit_is_not_made(void **state)
{
    (void)state;
    static struct small_chain c;
    struct buf out = {0};
    struct why why = {""};
    struct place first = {.height = 1}, second = {.height = 2};
    small_chain_open(&c);
    while (store_head(c.store)->height < RECEIPT_HEADERS_MAX + 1)
        small_chain_append_records(&c, 1);
    small_chain_certify(&c, CERT_COMMIT, RECEIPT_HEADERS_MAX + 1);
    assert_int_equal(receipt_make(&out, c.store, &first, &why), RC_NOT_FOUND);
    assert_non_null(strstr(why.text, "no certificate covers height 1 within the 1024 heights"));
    assert_int_equal(out.size, 0);
    assert_int_equal(receipt_make(&out, c.store, &second, &why), RC_OK);
    assert_int_equal(judge(&c, buf_bytes(&out), &why), RC_OK);
    buf_free(&out);
    small_chain_close(&c);
}

/* A store whose certificate names another block, or one that is not there, is called damaged. */
static void receipt_from_a_damaged_store_is_not_made(void **state)
{
    (void)state;
    static struct small_chain c;
    static const uint8_t members[] = {0, 1, 2};
    struct buf out = {0};
    struct why why = {""};
    struct place place = {.height = 1};
    small_chain_open(&c);
    small_chain_append_records(&c, 1);
    small_chain_append_records(&c, 1);
    struct statement s = small_chain_statement(&c, CERT_COMMIT, 0, 2);
    s.height = 3;
    struct certificate certificate = small_chain_certificate(&c, &s, members, SMALL_QUORUM);
    assert_int_equal(store_put_certificate(c.store, &certificate, NULL), RC_OK);
    assert_int_equal(receipt_make(&out, c.store, &place, &why), RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "block 3 is missing"));
    s = small_chain_statement(&c, CERT_COMMIT, 0, 1);
    s.height = 2;
    certificate = small_chain_certificate(&c, &s, members, SMALL_QUORUM);
    assert_int_equal(store_put_certificate(c.store, &certificate, NULL), RC_OK);
    assert_int_equal(receipt_make(&out, c.store, &place, &why), RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "the certificate of height 2 names another block"));
    assert_int_equal(out.size, 0);
    buf_free(&out);
    small_chain_close(&c);
}

/* ---- spoilt bytes ---- */

/* No bit of a receipt can change unseen, and the words name the field in which it is. */
static void receipt_with_a_flipped_bit_blames_its_field(void **state)
{
    (void)state;
    struct buf file = receipt_of(1, 1);
    const struct region regions[] = {
        {8, "magic:", ""},
        {DIGEST_BYTES, "chain id:", ""},
        {2, "epoch changes:", ""},
        {4, "structure:", ""}, /* tx_bytes */
        {chain.txs[1].size, "transaction:", ""},
        {4, "tx index:", "Merkle path:"},
        {1, "structure:", ""}, /* siblings_count */
        {2 * DIGEST_BYTES, "Merkle path:", ""},
        {2, "structure:", ""}, /* headers_count */
        {BLOCK_HEADER_BYTES, "header of height 1:", ""},
        {BLOCK_HEADER_BYTES, "header of height 2:", ""},
        {1, "structure:", "certificate:"}, /* kind */
        {3 * 8 + DIGEST_BYTES, "certificate:", ""},
        {1, "structure:", ""}, /* entries_count */
        {SMALL_QUORUM * (1 + SIGNATURE_BYTES), "certificate:", ""},
    };
    assert_flips_blamed(judge, &chain, buf_bytes(&file), regions,
                        sizeof regions / sizeof regions[0]);
    buf_free(&file);
}

/* A receipt has one size: cut anywhere or lengthened, it is refused. */
static void receipt_of_another_size_is_refused(void **state)
{
    (void)state;
    struct buf file = receipt_of(6, 2);
    assert_size_is_exact(judge, &chain, buf_bytes(&file));
    buf_free(&file);
}

/* A receipt of another network is told from a spoilt one, with both chain ids. */
static void receipt_of_another_chain_is_refused(void **state)
{
    (void)state;
    struct buf file = receipt_of(1, 0);
    struct digest other = chain.genesis.chain_id;
    struct receipt receipt;
    struct why why;
    char hex[DIGEST_HEX_BYTES];
    other.bytes[31] ^= 1;
    assert_int_equal(
        receipt_verify(&receipt, buf_bytes(&file), &other, &chain.genesis.member_table, &why),
        RC_NETWORK_MISMATCH);
    digest_to_hex(hex, &other);
    assert_non_null(strstr(why.text, hex));
    digest_to_hex(hex, &chain.genesis.chain_id);
    assert_non_null(strstr(why.text, hex));
    buf_free(&file);
}

/* A state proof handed in as a receipt is called by its name. */
static void receipt_that_is_a_state_proof_is_refused(void **state)
{
    (void)state;
    assert_refused(judge, &chain, bytes_of_text("HANSAPF1"), RC_MALFORMED,
                   "magic: this is a state proof");
}

/* ---- the Merkle path ---- */

/* The receipt of transaction i does not hold for any other index j, with its own path or j's. */
static void receipt_with_another_index_is_refused(void **state)
{
    (void)state;
    enum { AT = 8 + DIGEST_BYTES + 2 + 4 };
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct buf mine = receipt_of(7, i);
        for (uint32_t j = 0; j < RECORDS + 3; j++) {
            struct rd r = rd_of(bytes_of(mine.data + AT - 4, 4));
            size_t index_at = AT + rd_u32(&r);
            mine.data[index_at] = (uint8_t)j;
            const char *words = j < RECORDS ? "Merkle path:" : "tx index:";
            if (i == j)
                assert_int_equal(judge(&chain, buf_bytes(&mine), NULL), RC_OK);
            else
                assert_refused(judge, &chain, buf_bytes(&mine), RC_PROOF, words);
        }
        buf_free(&mine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receipt_of_any_transaction_verifies),
        cmocka_unit_test(receipt_of_what_is_not_there_is_not_made),
        cmocka_unit_test(receipt_longer_than_the_limit_is_not_made),
        cmocka_unit_test(receipt_from_a_damaged_store_is_not_made),
        cmocka_unit_test(receipt_with_a_flipped_bit_blames_its_field),
        cmocka_unit_test(receipt_of_another_size_is_refused),
        cmocka_unit_test(receipt_of_another_chain_is_refused),
        cmocka_unit_test(receipt_that_is_a_state_proof_is_refused),
        cmocka_unit_test(receipt_with_another_index_is_refused),
    };
    return cmocka_run_group_tests_name("receipt", tests, open_chain, close_chain);
}
