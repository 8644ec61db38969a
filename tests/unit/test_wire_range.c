/* What pbft_decode() refuses of a DATA of kind RANGE: a chain of blocks, then of heads. */
#include "tests/help/unit.h"

#include <string.h>

#include "ledger/block.h"
#include "tests/unit/wire_judge.h"

/* One block more than the limit, well formed and chained, is refused: the count is what says so. */
static void decode_of_a_range_with_one_block_too_many_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(9);
    struct wire_sample s = {0};
    struct buf out = {0}, longer = {0};
    wire_sample_range(&s, &p, PBFT_DATA_BLOCKS_MAX, 0);
    encode(&out, &s.msg);
    enum { EACH = PBFT_BLOCK_SIZE_BYTES + BLOCK_HEADER_BYTES };
    /* A parent cannot be put before a given block, so a child goes behind the last one. */
    const struct pbft_block *last = &s.msg.data.blocks[PBFT_DATA_BLOCKS_MAX - 1];
    struct block_header header = {.height = last->height + 1, .parent = last->digest};
    struct certificate c = s.msg.data.certificate;
    uint8_t encoding[CERT_BYTES_MAX], block[BLOCK_HEADER_BYTES];
    struct wr w = wr_of(encoding, sizeof encoding);
    block_header_encode(block, &header);
    c.statement.height = header.height;
    block_header_digest(&c.statement.digest, &header);
    cert_encode(&w, &c);
    buf_add(&longer, out.data, 3 + PBFT_DATA_BLOCKS_MAX * EACH);
    longer.data[2]++;
    buf_add_u32(&longer, sizeof block);
    buf_add(&longer, block, sizeof block);
    buf_add_u8(&longer, 0);
    buf_add_bytes(&longer, wr_bytes_of(&w));
    assert_false(decodes(buf_bytes(&longer)));
    /* Without the first block it is a DATA like any other. */
    memmove(longer.data + 3, longer.data + 3 + EACH, longer.size - 3 - EACH);
    longer.size -= EACH;
    longer.data[2]--;
    assert_true(decodes(buf_bytes(&longer)));
    buf_free(&out);
    buf_free(&longer);
    wire_sample_close(&s);
}

/* Heads have a limit of their own; one more, well formed and chained, is refused for its number. */
static void decode_of_a_range_with_one_head_too_many_is_refused(void **state)
{
    (void)state;
    enum { EACH = PBFT_BLOCK_SIZE_BYTES + BLOCK_HEADER_BYTES, COUNT_AT = 3 + EACH };
    struct prng p = prng_of(14);
    struct wire_sample s = {0};
    struct buf out = {0}, longer = {0};
    wire_sample_range_with_heads(&s, &p, 1, PBFT_DATA_HEADS_MAX, 0);
    assert_true(decodes(encode(&out, &s.msg)));
    for (int count = 0; count < 256; count++)
        assert_int_equal(decodes_with(&out, COUNT_AT, (uint8_t)count),
                         count == PBFT_DATA_HEADS_MAX);
    s.msg.data.heads_count = PBFT_DATA_HEADS_MAX + 1;
    assert_true(encode_ends_by_check(&s.msg));
    /* Two blocks and all heads: of 1 + 1 blocks the second is made a head. */
    wire_sample_range_with_heads(&s, &p, 2, PBFT_DATA_HEADS_MAX, 0);
    assert_true(decodes(encode(&out, &s.msg)));
    buf_add(&longer, out.data, COUNT_AT);
    longer.data[2] = 1;
    buf_add_u8(&longer, PBFT_DATA_HEADS_MAX + 1);
    buf_add(&longer, out.data + COUNT_AT, EACH);
    buf_add(&longer, out.data + COUNT_AT + EACH + 1, out.size - COUNT_AT - EACH - 1);
    assert_int_equal(longer.size, out.size);
    assert_false(decodes(buf_bytes(&longer)));
    buf_free(&out);
    buf_free(&longer);
    wire_sample_close(&s);
}

/* A RANGE is a chain: with any header in it changed, something does not fit any more. */
static void decode_of_a_range_that_is_no_chain_is_refused(void **state)
{
    (void)state;
    enum {
        EACH = PBFT_BLOCK_SIZE_BYTES + BLOCK_HEADER_BYTES,
        COUNT = 3,
        HEADS = 2,
        HEADS_AT = 3 + COUNT * EACH,
        CERTIFICATE = HEADS_AT + 1 + HEADS * EACH
    };
    struct prng p = prng_of(13);
    struct wire_sample s = {0};
    struct buf out = {0};
    wire_sample_range_with_heads(&s, &p, COUNT, HEADS, 0);
    encode(&out, &s.msg);
    for (size_t at = 3; at < CERTIFICATE; at++)
        assert_false(decodes_with(&out, at, (uint8_t)(out.data[at] ^ 0x10)));
    /* The certificate's kind, height and digest are held against the last head; its epoch, view
     * and signatures are for node/verify. */
    for (size_t at = CERTIFICATE + 1; at < CERTIFICATE + 1 + 16 + 8 + DIGEST_BYTES; at++)
        assert_int_equal(decodes_with(&out, at, (uint8_t)(out.data[at] ^ 0x10)),
                         at < CERTIFICATE + 1 + 16);
    assert_false(decodes_with(&out, CERTIFICATE, CERT_PREPARE));
    s.msg.data.blocks[1].parent.bytes[0] ^= 1;
    assert_true(encode_ends_by_check(&s.msg));
    s.msg.data.blocks[1].parent.bytes[0] ^= 1;
    s.msg.data.heads[0].parent.bytes[0] ^= 1;
    assert_true(encode_ends_by_check(&s.msg));
    s.msg.data.heads[0].parent.bytes[0] ^= 1;
    s.msg.data.heads_count--; /* then the certificate commits another one */
    assert_true(encode_ends_by_check(&s.msg));
    buf_free(&out);
    wire_sample_close(&s);
}

/* Linked by digest is not enough: heights go up by one, and never around. */
static void decode_of_a_range_with_a_gap_in_heights_is_refused(void **state)
{
    (void)state;
    static const uint64_t heights[][2] = {{7, 8}, {7, 9},          {7, 7},
                                          {8, 7}, {UINT64_MAX, 0}, {UINT64_MAX - 1, UINT64_MAX}};
    static const bool expected[] = {true, false, false, false, false, true};
    for (int i = 0; i < 6; i++) {
        uint8_t room[1024];
        struct wr w = wr_of(room, sizeof room);
        struct certificate c = {.statement = {.kind = CERT_COMMIT, .height = heights[i][1]}};
        struct block_header header = {.height = heights[i][0]};
        uint8_t block[BLOCK_HEADER_BYTES];
        wr_copy(&w, "\x0a\x02\x02", 3);
        for (int j = 0; j < 2; j++) {
            header.height = heights[i][j];
            header.parent = c.statement.digest;
            block_header_encode(block, &header);
            block_header_digest(&c.statement.digest, &header);
            wr_u32(&w, sizeof block);
            wr_copy(&w, block, sizeof block);
        }
        wr_u8(&w, 0);
        cert_encode(&w, &c);
        assert_true(wr_ok(&w));
        assert_int_equal(decodes(wr_bytes_of(&w)), expected[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_of_a_range_with_one_block_too_many_is_refused),
        cmocka_unit_test(decode_of_a_range_with_one_head_too_many_is_refused),
        cmocka_unit_test(decode_of_a_range_that_is_no_chain_is_refused),
        cmocka_unit_test(decode_of_a_range_with_a_gap_in_heights_is_refused),
    };
    return cmocka_run_group_tests_name("wire_range", tests, NULL, NULL);
}
