/* Blocks: building and judging are one, and whatever is changed in a block shows. */
#include "tests/help/unit.h"

#include <string.h>

#include "ledger/block.h"
#include "tests/help/book.h"

static struct book book;
static struct block_header genesis;
static struct digest genesis_digest;
static struct block_build build;
static struct layer *layer;
static const struct block_rules rules = {.members_count = 4, .body_bytes_max = 1000};

static int open_book(void **state)
{
    (void)state;
    book_open(&book);
    block_genesis_header(&genesis, &book.chain_id);
    block_header_digest(&genesis_digest, &genesis);
    layer = layer_new(book.layer, NULL);
    block_build_start(&build, &genesis, &genesis_digest, layer, BLOCK_BODY_BYTES_MAX);
    return 0;
}

static int close_book(void **state)
{
    (void)state;
    block_build_close(&build);
    layer_free(layer);
    book_close(&book);
    return 0;
}

/* Sign one operation by the bank and add it to the block being built. */
static enum verdict add(struct op op, uint64_t nonce, bool *fits)
{
    struct buf bytes = {0};
    struct tx tx;
    enum verdict verdict = VERDICT_OK;
    struct tx_draft draft = {.nonce = nonce, .ops = &op, .ops_count = 1};
    assert_int_equal(tx_sign(&bytes, &draft, &book.keys[BANK], &book.chain_id), VERDICT_OK);
    assert_int_equal(tx_decode(&tx, buf_bytes(&bytes), &book.chain_id), VERDICT_OK);
    assert_int_equal(block_build_add(&build, &tx, fits, &verdict), RC_OK);
    buf_free(&bytes);
    return verdict;
}

static void build_three(struct block *out)
{
    bool fits;
    for (uint64_t nonce = 1; nonce <= 3; nonce++)
        assert_int_equal(add(op_transfer_of("bank/main", "anna/a", "CZK", nonce), nonce, &fits),
                         VERDICT_OK);
    block_build_finish(&build, 1000, 2, out);
}

/* What was built decodes, has its root, and applies on the parent with the same effect. */
static void a_built_block_is_valid_on_its_parent(void **state)
{
    (void)state;
    struct block block;
    enum block_fault fault;
    enum verdict verdict;
    uint32_t at;
    build_three(&block);
    assert_int_equal(block.header.tx_count, 3);
    assert_int_equal(block_judge_body(&block, NULL), BLOCK_OK);
    assert_int_equal(block_judge_header(&block.header, &genesis, &genesis_digest, &rules),
                     BLOCK_OK);
    layer_clear(layer);
    assert_int_equal(block_apply(&fault, &at, &verdict, layer, &block, true), RC_OK);
    assert_int_equal(fault, BLOCK_OK);
    struct state_balance balance;
    assert_true(state_get_balance(layer, bytes_of_text("anna/a"), bytes_of_text("CZK"), &balance));
    assert_int_equal(balance.amount, 6);
}

/* A refused transaction is left out and the block stays valid. */
static void a_refused_transaction_stays_outside(void **state)
{
    (void)state;
    struct block block;
    bool fits;
    assert_int_equal(add(op_transfer_of("bank/main", "anna/a", "CZK", 100001), 1, &fits),
                     VERDICT_OVERDRAFT);
    assert_true(fits);
    build_three(&block);
    assert_int_equal(block_judge_body(&block, NULL), BLOCK_OK);
}

/* A block is full at its bytes, and at 1,024 transactions. */
static void a_full_block_takes_no_more(void **state)
{
    (void)state;
    bool fits = true;
    uint64_t nonce = 0;
    struct op cancel = {.type = OP_CANCEL};
    while (nonce < BLOCK_TXS_MAX)
        assert_int_equal(add(cancel, ++nonce, &fits), VERDICT_OK);
    add(cancel, nonce + 1, &fits);
    assert_false(fits);

    uint32_t cancel_bytes = build.header.body_bytes / BLOCK_TXS_MAX;
    block_build_close(&build);
    layer_clear(layer);
    block_build_start(&build, &genesis, &genesis_digest, layer, 2 * cancel_bytes + 1);
    assert_int_equal(add(cancel, 1, &fits), VERDICT_OK);
    assert_int_equal(add(cancel, 2, &fits), VERDICT_OK);
    assert_true(fits);
    add(cancel, 3, &fits);
    assert_false(fits);
}

/* Any bit changed in the block changes its digest, or its body no longer gives the header, even
 * in a signature (pitfalls H3: tx_root covers whole signed transactions). */
static void every_flipped_bit_shows(void **state)
{
    (void)state;
    struct block block, altered;
    build_three(&block);
    uint8_t *bytes = build.bytes.data;
    for (size_t bit = 0; bit < block.whole.size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (block_decode(&altered, block.whole) == BLOCK_OK &&
            digest_equal(&altered.digest, &block.digest))
            assert_int_equal(block_judge_body(&altered, NULL), BLOCK_BODY_MISMATCH);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* Every strict prefix and every extension is refused. */
static void truncated_and_extended_blocks_are_refused(void **state)
{
    (void)state;
    struct block block, cut;
    build_three(&block);
    for (size_t size = 0; size < block.whole.size; size++)
        assert_int_not_equal(block_decode(&cut, bytes_of(block.whole.data, size)), BLOCK_OK);
    buf_add_u8(&build.bytes, 0);
    assert_int_not_equal(block_decode(&cut, buf_bytes(&build.bytes)), BLOCK_OK);
}

/* A block over its bounds is refused before anything of it is used. */
static void oversize_blocks_are_refused(void **state)
{
    (void)state;
    struct block block, large;
    build_three(&block);
    uint8_t *bytes = mem_alloc(BLOCK_BYTES_MAX + 1);
    assert_int_equal(block_decode(&large, bytes_of(bytes, BLOCK_BYTES_MAX + 1)), BLOCK_TOO_LARGE);
    mem_free(bytes);
    struct block_header header = block.header;
    header.tx_count = BLOCK_TXS_MAX + 1;
    block_header_encode(build.bytes.data, &header);
    assert_int_equal(block_decode(&large, buf_bytes(&build.bytes)), BLOCK_TOO_LARGE);
}

/* Each field of the header is held against the parent. */
static void a_header_must_follow_its_parent(void **state)
{
    (void)state;
    struct block block;
    build_three(&block);
#define EXPECT(change, fault)                                                                      \
    do {                                                                                           \
        struct block_header h = block.header;                                                      \
        change;                                                                                    \
        assert_int_equal(block_judge_header(&h, &genesis, &genesis_digest, &rules), fault);        \
    } while (0)
    EXPECT(h.chain_id.bytes[0] ^= 1, BLOCK_WRONG_CHAIN);
    EXPECT(h.epoch++, BLOCK_WRONG_EPOCH);
    EXPECT(h.height++, BLOCK_WRONG_HEIGHT);
    EXPECT(h.height--, BLOCK_WRONG_HEIGHT);
    EXPECT(h.parent.bytes[31] ^= 1, BLOCK_WRONG_PARENT);
    EXPECT(h.proposer = 4, BLOCK_WRONG_PROPOSER);
    EXPECT(h.time_ms = genesis.time_ms, BLOCK_WRONG_TIME);
    EXPECT(h.body_bytes = 1000, BLOCK_OK); /* B_max, and one byte more */
    EXPECT(h.body_bytes = 1001, BLOCK_TOO_LARGE);
#undef EXPECT
}

/* An invalid transaction inside names itself and its reason; the same for a bad signature, which
 * is found only where signatures are asked for. */
static void an_invalid_transaction_is_named(void **state)
{
    (void)state;
    struct block block;
    enum block_fault fault;
    enum verdict verdict;
    uint32_t at;
    build_three(&block);
    layer_clear(layer);
    build.bytes.data[block.whole.size - 1] ^= 1; /* in the last signature */
    assert_int_equal(block_apply(&fault, &at, &verdict, layer, &block, true), RC_OK);
    assert_int_equal(fault, BLOCK_BAD_TX);
    assert_int_equal(at, 2);
    assert_int_equal(verdict, VERDICT_BAD_SIGNATURE);
    layer_clear(layer);
    assert_int_equal(block_apply(&fault, &at, &verdict, layer, &block, false), RC_OK);
    assert_int_equal(fault, BLOCK_OK);
    assert_int_equal(block_apply(&fault, &at, &verdict, layer, &block, false), RC_OK);
    assert_int_equal(fault, BLOCK_BAD_TX); /* the same block again: its nonces are used */
    assert_int_equal(at, 0);
    assert_int_equal(verdict, VERDICT_NONCE_USED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_book, close_book)
    const struct CMUnitTest tests[] = {
        T(a_built_block_is_valid_on_its_parent),
        T(a_refused_transaction_stays_outside),
        T(a_full_block_takes_no_more),
        T(every_flipped_bit_shows),
        T(truncated_and_extended_blocks_are_refused),
        T(oversize_blocks_are_refused),
        T(a_header_must_follow_its_parent),
        T(an_invalid_transaction_is_named),
    };
    return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
