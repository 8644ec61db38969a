/* What pbft_decode() refuses, and what pbft_encode() CHECKs. */
#include "tests/help/unit.h"

#include <string.h>

#include "ledger/block.h"
#include "tests/unit/wire_judge.h"

/* ---- sizes ---- */

/* No strict prefix of a message is a message, nor is anything longer. */
static void decode_of_every_prefix_and_extension_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(1);
    struct wire_sample s = {0};
    struct buf out = {0};
    for (int round = 0; round < 12 * WIRE_TYPES_COUNT; round++) {
        wire_sample_make(&s, wire_types[round % WIRE_TYPES_COUNT], &p);
        size_t whole = encode(&out, &s.msg).size;
        for (size_t size = 0; size < whole; size++)
            assert_false(decodes(bytes_of(out.data, size)));
        assert_true(decodes(bytes_of(out.data, whole)));
        for (int i = 0; i < 70; i++) {
            buf_add_u8(&out, (uint8_t)prng_u64(&p));
            assert_false(decodes(buf_bytes(&out)));
        }
    }
    assert_false(decodes(bytes_of(NULL, 0)));
    buf_free(&out);
    wire_sample_close(&s);
}

/* A message of one byte more than the limit is refused; ours ends the process that made it. */
static void size_of_a_message_at_and_beyond_the_limit(void **state)
{
    (void)state;
    struct wire_sample s = {0};
    struct prng p = prng_of(2);
    struct buf out = {0};
    size_t frame_bytes = 126 + BLOCK_HEADER_BYTES;
    wire_sample_pre_prepare(&s, &p, PBFT_MSG_BYTES_MAX - frame_bytes);
    assert_int_equal(encode(&out, &s.msg).size, PBFT_MSG_BYTES_MAX);
    assert_true(decodes(buf_bytes(&out)));
    wire_sample_pre_prepare(&s, &p, PBFT_MSG_BYTES_MAX - frame_bytes + 1);
    assert_true(encode_ends_by_check(&s.msg));
    /* What such a sender would send: one byte more of block, counted in its size. */
    uint32_t block_bytes = (uint32_t)(PBFT_MSG_BYTES_MAX - 126 + 1);
    buf_add_u8(&out, 0);
    for (int i = 0; i < 4; i++)
        out.data[122 + i] = (uint8_t)(block_bytes >> (8 * i));
    assert_false(decodes(buf_bytes(&out)));
    buf_free(&out);
    wire_sample_close(&s);
}

/* A transaction's size counts into the whole, too. */
static void size_of_a_forward_at_and_beyond_the_limit(void **state)
{
    (void)state;
    struct buf out = {0}, tx = {0};
    memset(buf_grow(&tx, PBFT_MSG_BYTES_MAX - 4), 7, PBFT_MSG_BYTES_MAX - 4);
    struct pbft_msg m = {.type = PBFT_FORWARD,
                         .forward = bytes_of(tx.data, PBFT_MSG_BYTES_MAX - 5)};
    assert_int_equal(encode(&out, &m).size, PBFT_MSG_BYTES_MAX);
    assert_true(decodes(buf_bytes(&out)));
    m.forward.size++;
    assert_true(encode_ends_by_check(&m));
    buf_clear(&out);
    buf_add_u8(&out, PBFT_FORWARD);
    buf_add_u32(&out, (uint32_t)m.forward.size);
    buf_add_bytes(&out, m.forward);
    assert_false(decodes(buf_bytes(&out)));
    buf_free(&out);
    buf_free(&tx);
}

/* So does a piece's; and a path has one byte at least, and no more than the ledger's longest. */
static void size_of_a_piece_at_and_beyond_the_limits(void **state)
{
    (void)state;
    enum { AT = 1 + 8 + DIGEST_BYTES, NAME = AT + 1 + PBFT_PATH_BYTES_MAX };
    struct buf out = {0}, bytes = {0};
    uint8_t *data = buf_grow(&bytes, PBFT_MSG_BYTES_MAX);
    memset(data, 7, PBFT_MSG_BYTES_MAX);
    struct pbft_msg m = {.type = PBFT_PIECE};
    m.piece.of.path = bytes_of(data, PBFT_PATH_BYTES_MAX);
    m.piece.bytes = bytes_of(data, PBFT_MSG_BYTES_MAX - NAME - 4);
    assert_int_equal(encode(&out, &m).size, PBFT_MSG_BYTES_MAX);
    assert_true(decodes(buf_bytes(&out)));
    m.piece.bytes.size++;
    assert_true(encode_ends_by_check(&m));
    m.piece.bytes.size = 1;
    m.piece.of.path.size++;
    assert_true(encode_ends_by_check(&m));
    m.piece.of.path.size = 0;
    assert_true(encode_ends_by_check(&m));
    /* Made by one who does not CHECK: each with as many bytes as it says. */
    for (unsigned size = 0; size <= PBFT_PATH_BYTES_MAX + 1; size++) {
        buf_clear(&out);
        buf_add_u8(&out, PBFT_FETCH_PIECE);
        buf_add(&out, data, AT - 1);
        buf_add_u8(&out, (uint8_t)size);
        buf_add(&out, data, size);
        assert_int_equal(decodes(buf_bytes(&out)), size > 0 && size <= PBFT_PATH_BYTES_MAX);
    }
    buf_free(&out);
    buf_free(&bytes);
}

/* Several blocks are judged by their sum, which PBFT_RANGE_BYTES_MAX lets a sender reckon. */
static void size_of_a_range_at_and_beyond_the_limit(void **state)
{
    (void)state;
    enum { BLOCKS = 64, PER_BLOCK = PBFT_BLOCK_SIZE_BYTES + BLOCK_HEADER_BYTES };
    struct wire_sample s = {0};
    struct prng p = prng_of(3);
    struct buf out = {0};
    size_t body_bytes = (PBFT_MSG_BYTES_MAX - PBFT_RANGE_BYTES_MAX) / BLOCKS - PER_BLOCK;
    wire_sample_range(&s, &p, BLOCKS, body_bytes);
    s.msg.data.certificate.entries_count = QUORUM_MAX;
    size_t size = encode(&out, &s.msg).size;
    assert_true(size <= PBFT_MSG_BYTES_MAX);
    assert_true(size > PBFT_MSG_BYTES_MAX - 2 * BLOCKS);
    assert_true(decodes(buf_bytes(&out)));
    wire_sample_range(&s, &p, BLOCKS, body_bytes + 2);
    s.msg.data.certificate.entries_count = QUORUM_MAX;
    assert_true(encode_ends_by_check(&s.msg));
    /* The same, made by one who does not CHECK. */
    buf_clear(&out);
    buf_add(&out, "\x0a\x02\x40", 3);
    for (int i = 0; i < BLOCKS; i++) {
        buf_add_u32(&out, (uint32_t)s.msg.data.bytes[i].size);
        buf_add_bytes(&out, s.msg.data.bytes[i]);
    }
    buf_add_u8(&out, 0);
    uint8_t certificate[CERT_BYTES_MAX];
    struct wr w = wr_of(certificate, sizeof certificate);
    cert_encode(&w, &s.msg.data.certificate);
    buf_add_bytes(&out, wr_bytes_of(&w));
    assert_true(out.size > PBFT_MSG_BYTES_MAX);
    assert_false(decodes(buf_bytes(&out)));
    buf_free(&out);
    wire_sample_close(&s);
}

/* The ledger's largest block fits every message that carries one. */
static void size_of_the_largest_block_fits(void **state)
{
    (void)state;
    struct wire_sample s = {0};
    struct prng p = prng_of(4);
    struct buf out = {0};
    wire_sample_pre_prepare(&s, &p, BLOCK_BODY_BYTES_MAX);
    assert_true(decodes(encode(&out, &s.msg)));
    wire_sample_block(&s, &p, true, BLOCK_BODY_BYTES_MAX);
    assert_true(decodes(encode(&out, &s.msg)));
    wire_sample_range(&s, &p, 1, BLOCK_BODY_BYTES_MAX);
    s.msg.data.certificate.entries_count = QUORUM_MAX;
    assert_true(decodes(encode(&out, &s.msg)));
    buf_free(&out);
    wire_sample_close(&s);
}

/* ---- numbers that name something ---- */

/* Types without an encoding, or beyond the list, are refused whatever follows. */
static void decode_of_unknown_types_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(5);
    struct wire_sample s = {0};
    struct buf out = {0};
    for (int i = 0; i < WIRE_TYPES_COUNT; i++) {
        wire_sample_make(&s, wire_types[i], &p);
        encode(&out, &s.msg);
        for (int type = 0; type < 256; type++) {
            bool known = false;
            for (int j = 0; j < WIRE_TYPES_COUNT; j++)
                known = known || type == (int)wire_types[j];
            if (!known)
                assert_false(decodes_with(&out, 0, (uint8_t)type));
        }
        assert_true(decodes(buf_bytes(&out)));
    }
    for (int type = 0; type <= PBFT_MSG_TYPE_END; type++) {
        if (type == 0 || type == PBFT_MSG_TYPE_END) {
            struct pbft_msg m = {.type = (enum pbft_msg_type)type};
            assert_true(encode_ends_by_check(&m));
        }
    }
    buf_free(&out);
    wire_sample_close(&s);
}

/* A signer's index is below MEMBERS_MAX in every signed type, and inside DATA. */
static void decode_of_member_indexes_beyond_the_largest_group_is_refused(void **state)
{
    (void)state;
    static const enum pbft_msg_type types[] = {PBFT_PRE_PREPARE, PBFT_PREPARE, PBFT_COMMIT,
                                               PBFT_CHECKPOINT,  PBFT_STATUS,  PBFT_COMPLAIN,
                                               PBFT_VIEW_CHANGE, PBFT_NEW_VIEW};
    struct prng p = prng_of(6);
    struct wire_sample s = {0};
    struct buf out = {0};
    for (int index = 0; index < 256; index++) {
        for (int i = 0; i < 8; i++) {
            wire_sample_make(&s, types[i], &p);
            encode(&out, &s.msg);
            assert_int_equal(decodes_with(&out, 1, (uint8_t)index), index < MEMBERS_MAX);
        }
        wire_sample_block(&s, &p, true, 9);
        size_t from_at = encode(&out, &s.msg).size - 64 - 8 - 8 - 1;
        assert_int_equal(decodes_with(&out, from_at, (uint8_t)index), index < MEMBERS_MAX);
        /* The last signer of a certificate, alone and at the end of a DATA. */
        wire_sample_range(&s, &p, 2, 9);
        s.msg.data.certificate.entries_count = 3;
        size_t entry_at = encode(&out, &s.msg).size - 64 - 1;
        assert_int_equal(decodes_with(&out, entry_at, (uint8_t)index), index < MEMBERS_MAX);
        wire_sample_make(&s, PBFT_QC, &p);
        s.msg.qc.entries_count = QUORUM_MAX;
        entry_at = encode(&out, &s.msg).size - 64 - 1;
        assert_int_equal(decodes_with(&out, entry_at, (uint8_t)index), index < MEMBERS_MAX);
    }
    wire_sample_make(&s, PBFT_COMMIT, &p);
    s.msg.from = MEMBERS_MAX;
    assert_true(encode_ends_by_check(&s.msg));
    buf_free(&out);
    wire_sample_close(&s);
}

/* Modes, kinds and yes-or-no bytes have the values that are named, no others. */
static void decode_of_unknown_modes_and_kinds_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(7);
    struct wire_sample s = {0};
    struct buf out = {0};
    for (int value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value;
        wire_sample_make(&s, PBFT_STATUS, &p);
        encode(&out, &s.msg);
        assert_int_equal(decodes_with(&out, 18, byte), value <= 1);
        struct pbft_msg fetch = {.type = PBFT_FETCH, .fetch = {.kind = PBFT_FETCH_BLOCK}};
        encode(&out, &fetch);
        assert_int_equal(decodes_with(&out, 1, byte), value == PBFT_FETCH_BLOCK);
        fetch.fetch = (struct pbft_fetch){.kind = PBFT_FETCH_RANGE, .blocks_max = 1};
        encode(&out, &fetch);
        assert_int_equal(decodes_with(&out, 1, byte), value == PBFT_FETCH_RANGE);
        wire_sample_range(&s, &p, 2, 9);
        encode(&out, &s.msg);
        assert_int_equal(decodes_with(&out, 1, byte), value == PBFT_FETCH_RANGE);
        wire_sample_block(&s, &p, false, 9);
        size_t size = encode(&out, &s.msg).size;
        assert_int_equal(decodes_with(&out, 1, byte), value == PBFT_FETCH_BLOCK);
        assert_int_equal(decodes_with(&out, size - 1, byte), value == 0);
        wire_sample_block(&s, &p, true, 9);
        size = encode(&out, &s.msg).size;
        assert_int_equal(decodes_with(&out, size - 64 - 8 - 8 - 1 - 1, byte), value == 1);
        /* QC: PREPARE and COMMIT have one layout, a CHECKPOINT has no rank. */
        wire_sample_make(&s, PBFT_QC, &p);
        encode(&out, &s.msg);
        assert_int_equal(decodes_with(&out, 1, byte),
                         value == CERT_PREPARE || value == CERT_COMMIT);
    }
    buf_free(&out);
    wire_sample_close(&s);
}

/* FETCH asks for 1 to PBFT_DATA_BLOCKS_MAX blocks, DATA brings as many. */
static void decode_of_block_counts_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(8);
    struct wire_sample s = {0};
    struct buf out = {0};
    struct pbft_msg fetch = {.type = PBFT_FETCH,
                             .fetch = {.kind = PBFT_FETCH_RANGE, .blocks_max = 1}};
    for (uint32_t count = 0; count <= UINT16_MAX; count++) {
        encode(&out, &fetch);
        out.data[10] = (uint8_t)count;
        out.data[11] = (uint8_t)(count >> 8);
        assert_int_equal(decodes(buf_bytes(&out)), count >= 1 && count <= PBFT_DATA_BLOCKS_MAX);
    }
    fetch.fetch.blocks_max = PBFT_DATA_BLOCKS_MAX + 1;
    assert_true(encode_ends_by_check(&fetch));
    fetch.fetch.blocks_max = 0;
    assert_true(encode_ends_by_check(&fetch));
    wire_sample_range(&s, &p, PBFT_DATA_BLOCKS_MAX, 0);
    assert_true(decodes(encode(&out, &s.msg)));
    for (int count = 0; count < 256; count++)
        assert_int_equal(decodes_with(&out, 2, (uint8_t)count), count == PBFT_DATA_BLOCKS_MAX);
    buf_free(&out);
    wire_sample_close(&s);
}

/* ---- blocks that are not what the message says (pitfalls A3) ---- */

/* Each bit of the claimed height and digest, and of the header itself, has to fit. */
static void decode_of_a_pre_prepare_whose_header_is_another_is_refused(void **state)
{
    (void)state;
    enum { HEIGHT_AT = 18, SIGNATURE_AT = 58, BLOCK_AT = 126 };
    struct prng p = prng_of(10);
    struct wire_sample s = {0};
    struct buf out = {0};
    wire_sample_pre_prepare(&s, &p, 9);
    encode(&out, &s.msg);
    for (size_t at = HEIGHT_AT; at < BLOCK_AT + BLOCK_HEADER_BYTES; at++) {
        bool is_claim = at < SIGNATURE_AT || at >= BLOCK_AT - PBFT_BLOCK_SIZE_BYTES;
        for (int bit = 0; bit < 8; bit++) {
            uint8_t changed = (uint8_t)(out.data[at] ^ 1u << bit);
            assert_int_equal(decodes_with(&out, at, changed), !is_claim);
        }
    }
    buf_free(&out);
    wire_sample_close(&s);
}

/* A header with a digest of its own making, whose height is not the message's. */
static void decode_of_a_pre_prepare_for_another_height_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(11);
    struct wire_sample s = {0};
    struct buf out = {0};
    wire_sample_pre_prepare(&s, &p, 9);
    assert_true(decodes(encode(&out, &s.msg)));
    s.msg.pre_prepare.block.height++;
    assert_false(decodes(encode(&out, &s.msg)));
    buf_free(&out);
    wire_sample_close(&s);
}

/* Bytes too short for a header are no block. */
static void decode_of_a_block_without_a_whole_header_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(12);
    struct wire_sample s = {0};
    struct buf out = {0};
    for (size_t size = 0; size <= BLOCK_HEADER_BYTES; size++) {
        wire_sample_pre_prepare(&s, &p, 0);
        s.msg.pre_prepare.bytes.size = size;
        assert_int_equal(decodes(encode(&out, &s.msg)), size == BLOCK_HEADER_BYTES);
        wire_sample_block(&s, &p, false, 0);
        s.msg.data.bytes[0].size = size;
        assert_int_equal(decodes(encode(&out, &s.msg)), size == BLOCK_HEADER_BYTES);
    }
    buf_free(&out);
    wire_sample_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_of_every_prefix_and_extension_is_refused),
        cmocka_unit_test(size_of_a_message_at_and_beyond_the_limit),
        cmocka_unit_test(size_of_a_forward_at_and_beyond_the_limit),
        cmocka_unit_test(size_of_a_piece_at_and_beyond_the_limits),
        cmocka_unit_test(size_of_a_range_at_and_beyond_the_limit),
        cmocka_unit_test(size_of_the_largest_block_fits),
        cmocka_unit_test(decode_of_unknown_types_is_refused),
        cmocka_unit_test(decode_of_member_indexes_beyond_the_largest_group_is_refused),
        cmocka_unit_test(decode_of_unknown_modes_and_kinds_is_refused),
        cmocka_unit_test(decode_of_block_counts_beyond_the_limit_is_refused),
        cmocka_unit_test(decode_of_a_pre_prepare_whose_header_is_another_is_refused),
        cmocka_unit_test(decode_of_a_pre_prepare_for_another_height_is_refused),
        cmocka_unit_test(decode_of_a_block_without_a_whole_header_is_refused),
    };
    return cmocka_run_group_tests_name("wire_judge", tests, NULL, NULL);
}
