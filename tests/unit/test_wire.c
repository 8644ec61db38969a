#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/wire_samples.h"

static struct bytes encode(struct buf *out, const struct pbft_msg *m)
{
    buf_clear(out);
    pbft_encode(out, m);
    return buf_bytes(out);
}

/* ---- round trips ---- */

static void assert_same_digest(const struct digest *a, const struct digest *b)
{
    assert_memory_equal(a->bytes, b->bytes, DIGEST_BYTES);
}

static void assert_same_block(const struct pbft_block *a, const struct pbft_block *b)
{
    assert_int_equal(a->height, b->height);
    assert_same_digest(&a->digest, &b->digest);
    assert_same_digest(&a->parent, &b->parent);
}

static void assert_same_pre_prepare(const struct pbft_pre_prepare *a,
                                    const struct pbft_pre_prepare *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->view, b->view);
    assert_same_block(&a->block, &b->block);
    assert_memory_equal(a->signature.bytes, b->signature.bytes, SIGNATURE_BYTES);
    assert_true(bytes_equal(a->bytes, b->bytes));
}

static void assert_same_status(const struct pbft_status *a, const struct pbft_status *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->view, b->view);
    assert_int_equal(a->mode, b->mode);
    assert_int_equal(a->committed_height, b->committed_height);
    assert_int_equal(pbft_rank_compare(&a->high, &b->high), 0);
    assert_int_equal(a->stable_height, b->stable_height);
    assert_same_digest(&a->evidence_digest, &b->evidence_digest);
    assert_int_equal(a->counter, b->counter);
    assert_memory_equal(a->signature.bytes, b->signature.bytes, SIGNATURE_BYTES);
}

static void assert_same_certificate(const struct certificate *a, const struct certificate *b)
{
    assert_true(statement_equal(&a->statement, &b->statement));
    assert_int_equal(a->entries_count, b->entries_count);
    for (uint32_t i = 0; i < a->entries_count; i++) {
        assert_int_equal(a->entries[i].member_index, b->entries[i].member_index);
        assert_memory_equal(a->entries[i].signature.bytes, b->entries[i].signature.bytes,
                            SIGNATURE_BYTES);
    }
}

static void assert_same_data(const struct pbft_data *a, const struct pbft_data *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->blocks_count, b->blocks_count);
    for (uint32_t i = 0; i < a->blocks_count; i++) {
        assert_same_block(&a->blocks[i], &b->blocks[i]);
        assert_true(bytes_equal(a->bytes[i], b->bytes[i]));
    }
    assert_int_equal(a->heads_count, b->heads_count);
    for (uint32_t i = 0; i < a->heads_count; i++) {
        assert_same_block(&a->heads[i], &b->heads[i]);
        assert_true(bytes_equal(a->head_bytes[i], b->head_bytes[i]));
    }
    assert_same_certificate(&a->certificate, &b->certificate);
    assert_int_equal(a->has_pre_prepare, b->has_pre_prepare);
    assert_int_equal(a->pre_prepare_from, b->pre_prepare_from);
    assert_same_pre_prepare(&a->pre_prepare, &b->pre_prepare);
}

static void assert_same_view_change(const struct pbft_view_change *a,
                                    const struct pbft_view_change *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->view, b->view);
    assert_int_equal(a->has_high, b->has_high);
    assert_same_certificate(&a->high, &b->high);
    assert_int_equal(a->lc.epoch, b->lc.epoch);
    assert_int_equal(a->lc.view, b->lc.view);
    assert_int_equal(a->lc.entries_count, b->lc.entries_count);
    for (uint32_t i = 0; i < a->lc.entries_count; i++) {
        assert_int_equal(a->lc.entries[i].member_index, b->lc.entries[i].member_index);
        assert_int_equal(a->lc.entries[i].reason, b->lc.entries[i].reason);
        assert_memory_equal(a->lc.entries[i].signature.bytes, b->lc.entries[i].signature.bytes,
                            SIGNATURE_BYTES);
    }
    assert_memory_equal(a->signature.bytes, b->signature.bytes, SIGNATURE_BYTES);
}

static void assert_same_new_view(const struct pbft_new_view *a, const struct pbft_new_view *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->view, b->view);
    assert_int_equal(a->entries_count, b->entries_count);
    for (uint32_t i = 0; i < a->entries_count; i++) {
        assert_int_equal(a->entries[i].from, b->entries[i].from);
        assert_same_view_change(&a->entries[i].view_change, &b->entries[i].view_change);
    }
    assert_memory_equal(a->signature.bytes, b->signature.bytes, SIGNATURE_BYTES);
}

static void assert_same_piece_name(const struct pbft_fetch_piece *a,
                                   const struct pbft_fetch_piece *b)
{
    assert_int_equal(a->height, b->height);
    assert_same_digest(&a->root, &b->root);
    assert_true(bytes_equal(a->path, b->path));
}

static void assert_same(const struct pbft_msg *a, const struct pbft_msg *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->from, b->from);
    if (a->type == PBFT_PRE_PREPARE) {
        assert_same_pre_prepare(&a->pre_prepare, &b->pre_prepare);
    } else if (a->type == PBFT_STATUS) {
        assert_same_status(&a->status, &b->status);
    } else if (a->type == PBFT_FETCH) {
        assert_int_equal(a->fetch.kind, b->fetch.kind);
        assert_same_digest(&a->fetch.digest, &b->fetch.digest);
        assert_int_equal(a->fetch.from_height, b->fetch.from_height);
        assert_int_equal(a->fetch.blocks_max, b->fetch.blocks_max);
    } else if (a->type == PBFT_DATA) {
        assert_same_data(&a->data, &b->data);
    } else if (a->type == PBFT_FORWARD) {
        assert_true(bytes_equal(a->forward, b->forward));
    } else if (a->type == PBFT_FETCH_PIECE) {
        assert_same_piece_name(&a->fetch_piece, &b->fetch_piece);
    } else if (a->type == PBFT_PIECE) {
        assert_same_piece_name(&a->piece.of, &b->piece.of);
        assert_true(bytes_equal(a->piece.bytes, b->piece.bytes));
    } else if (a->type == PBFT_QC) {
        assert_same_certificate(&a->qc, &b->qc);
    } else if (a->type == PBFT_COMPLAIN) {
        assert_int_equal(a->complain.epoch, b->complain.epoch);
        assert_int_equal(a->complain.view, b->complain.view);
        assert_int_equal(a->complain.reason, b->complain.reason);
        assert_memory_equal(a->complain.signature.bytes, b->complain.signature.bytes,
                            SIGNATURE_BYTES);
    } else if (a->type == PBFT_VIEW_CHANGE) {
        assert_same_view_change(&a->view_change, &b->view_change);
    } else if (a->type == PBFT_NEW_VIEW) {
        assert_same_new_view(&a->new_view, &b->new_view);
    } else {
        assert_true(statement_equal(&a->vote.statement, &b->vote.statement));
        assert_memory_equal(a->vote.signature.bytes, b->vote.signature.bytes, SIGNATURE_BYTES);
    }
}

/* Every field of every type comes back, and nothing of an earlier message shines through. */
static void decode_of_an_encoding_gives_the_same_message(void **state)
{
    (void)state;
    struct prng p = prng_of(1);
    struct wire_sample sample = {0};
    struct buf out = {0};
    for (int round = 0; round < 2000; round++) {
        static struct pbft_msg back;
        wire_sample_make(&sample, wire_types[round % WIRE_TYPES_COUNT], &p);
        struct bytes whole = encode(&out, &sample.msg);
        assert_true(pbft_decode(&back, whole, sample.msg.link, wire_block_head));
        assert_int_equal(back.link, sample.msg.link);
        assert_same(&sample.msg, &back);
    }
    buf_free(&out);
    wire_sample_close(&sample);
}

/* Encoding appends: what is in the buffer before stays. */
static void encode_into_a_used_buffer_appends(void **state)
{
    (void)state;
    struct prng p = prng_of(2);
    struct wire_sample sample = {0};
    struct buf alone = {0}, out = {0};
    wire_sample_make(&sample, PBFT_STATUS, &p);
    struct bytes expected = encode(&alone, &sample.msg);
    buf_add(&out, "abc", 3);
    pbft_encode(&out, &sample.msg);
    assert_int_equal(out.size, 3 + expected.size);
    assert_memory_equal(out.data, "abc", 3);
    assert_memory_equal(out.data + 3, expected.data, expected.size);
    buf_free(&alone);
    buf_free(&out);
    wire_sample_close(&sample);
}

/* ---- layout: the bytes of wire.h, put together by hand ---- */

static void expect_head(struct buf *b, const struct pbft_msg *m, uint64_t epoch)
{
    buf_clear(b);
    buf_add_u8(b, (uint8_t)m->type);
    buf_add_u8(b, (uint8_t)m->from);
    buf_add_u64(b, epoch);
}

static void expect_block(struct buf *b, struct bytes block)
{
    buf_add_u32(b, (uint32_t)block.size);
    buf_add_bytes(b, block);
}

static void assert_encoded_as(const struct pbft_msg *m, struct buf *expected)
{
    struct buf out = {0};
    struct bytes got = encode(&out, m);
    assert_int_equal(got.size, expected->size);
    assert_memory_equal(got.data, expected->data, got.size);
    buf_free(&out);
}

/* Signed types have their signer behind the type, and the signature behind the fields. */
static void encode_of_signed_types_is_as_described(void **state)
{
    (void)state;
    struct prng p = prng_of(3);
    struct wire_sample s = {0};
    struct buf b = {0};
    wire_sample_make(&s, PBFT_PRE_PREPARE, &p);
    const struct pbft_pre_prepare *pre = &s.msg.pre_prepare;
    expect_head(&b, &s.msg, pre->epoch);
    buf_add_u64(&b, pre->view);
    buf_add_u64(&b, pre->block.height);
    buf_add(&b, pre->block.digest.bytes, 32);
    buf_add(&b, pre->signature.bytes, 64);
    expect_block(&b, pre->bytes);
    assert_encoded_as(&s.msg, &b);
    static const enum pbft_msg_type votes[] = {PBFT_PREPARE, PBFT_COMMIT, PBFT_CHECKPOINT};
    for (int i = 0; i < 3; i++) {
        wire_sample_make(&s, votes[i], &p);
        const struct statement *st = &s.msg.vote.statement;
        expect_head(&b, &s.msg, st->epoch);
        if (votes[i] != PBFT_CHECKPOINT)
            buf_add_u64(&b, st->view);
        buf_add_u64(&b, st->height);
        buf_add(&b, st->digest.bytes, 32);
        if (votes[i] == PBFT_CHECKPOINT)
            buf_add(&b, st->state_root.bytes, 32);
        buf_add(&b, s.msg.vote.signature.bytes, 64);
        assert_encoded_as(&s.msg, &b);
    }
    wire_sample_make(&s, PBFT_STATUS, &p);
    const struct pbft_status *status = &s.msg.status;
    expect_head(&b, &s.msg, status->epoch);
    buf_add_u64(&b, status->view);
    buf_add_u8(&b, (uint8_t)status->mode);
    buf_add_u64(&b, status->committed_height);
    buf_add_u64(&b, status->high.epoch);
    buf_add_u64(&b, status->high.view);
    buf_add_u64(&b, status->high.height);
    buf_add_u64(&b, status->stable_height);
    buf_add(&b, status->evidence_digest.bytes, 32);
    buf_add_u64(&b, status->counter);
    buf_add(&b, status->signature.bytes, 64);
    assert_encoded_as(&s.msg, &b);
    buf_free(&b);
    wire_sample_close(&s);
}

static void expect_certificate(struct buf *b, const struct certificate *c)
{
    uint8_t encoding[CERT_BYTES_MAX];
    struct wr w = wr_of(encoding, sizeof encoding);
    cert_encode(&w, c);
    buf_add_bytes(b, wr_bytes_of(&w));
}

/* DATA is a chain of blocks, then heads, with its certificate, or one block with what the
 * PRE-PREPARE adds to it. */
static void encode_of_data_is_as_described(void **state)
{
    (void)state;
    struct prng p = prng_of(4);
    struct wire_sample s = {0};
    struct buf b = {0};
    wire_sample_range_with_heads(&s, &p, 3, 2, 5);
    buf_add(&b, "\x0a\x02\x03", 3);
    for (int i = 0; i < 3; i++)
        expect_block(&b, s.msg.data.bytes[i]);
    buf_add_u8(&b, 2);
    for (int i = 0; i < 2; i++)
        expect_block(&b, s.msg.data.head_bytes[i]);
    expect_certificate(&b, &s.msg.data.certificate);
    assert_encoded_as(&s.msg, &b);
    wire_sample_block(&s, &p, false, 5);
    buf_clear(&b);
    buf_add(&b, "\x0a\x01", 2);
    expect_block(&b, s.msg.data.bytes[0]);
    buf_add_u8(&b, 0);
    assert_encoded_as(&s.msg, &b);
    wire_sample_block(&s, &p, true, 5);
    buf_clear(&b);
    buf_add(&b, "\x0a\x01", 2);
    expect_block(&b, s.msg.data.bytes[0]);
    buf_add_u8(&b, 1);
    buf_add_u8(&b, (uint8_t)s.msg.data.pre_prepare_from);
    buf_add_u64(&b, s.msg.data.pre_prepare.epoch);
    buf_add_u64(&b, s.msg.data.pre_prepare.view);
    buf_add(&b, s.msg.data.pre_prepare.signature.bytes, 64);
    assert_encoded_as(&s.msg, &b);
    buf_free(&b);
    wire_sample_close(&s);
}

/* What is not signed has no signer either. */
static void encode_of_other_types_is_as_described(void **state)
{
    (void)state;
    struct prng p = prng_of(5);
    struct wire_sample s = {0};
    struct buf b = {0};
    struct pbft_msg fetch = {.type = PBFT_FETCH, .fetch = {.kind = PBFT_FETCH_BLOCK}};
    memset(fetch.fetch.digest.bytes, 0xd1, 32);
    buf_add(&b, "\x09\x01", 2);
    buf_add(&b, fetch.fetch.digest.bytes, 32);
    assert_encoded_as(&fetch, &b);
    fetch.fetch = (struct pbft_fetch){
        .kind = PBFT_FETCH_RANGE, .from_height = 0x0102030405060708, .blocks_max = 64};
    buf_clear(&b);
    buf_add(&b, "\x09\x02\x08\x07\x06\x05\x04\x03\x02\x01\x40\x00", 12);
    assert_encoded_as(&fetch, &b);
    struct pbft_msg forward = {.type = PBFT_FORWARD, .forward = bytes_of_text("abc")};
    buf_clear(&b);
    buf_add(&b,
            "\x0b\x03\x00\x00\x00"
            "abc",
            8);
    assert_encoded_as(&forward, &b);
    wire_sample_make(&s, PBFT_QC, &p);
    buf_clear(&b);
    buf_add_u8(&b, 13);
    expect_certificate(&b, &s.msg.qc);
    assert_encoded_as(&s.msg, &b);
    buf_free(&b);
    wire_sample_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_of_an_encoding_gives_the_same_message),
        cmocka_unit_test(encode_into_a_used_buffer_appends),
        cmocka_unit_test(encode_of_signed_types_is_as_described),
        cmocka_unit_test(encode_of_data_is_as_described),
        cmocka_unit_test(encode_of_other_types_is_as_described),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
