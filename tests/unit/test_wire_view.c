/* The encoding of COMPLAIN, VIEW-CHANGE and NEW-VIEW: layouts, sizes, and what pbft_decode()
 * refuses and pbft_encode() CHECKs of them (PROTOCOL.md 1, 7.2, 7.4; pitfalls A1, B5, B14, H4). */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/unit/wire_judge.h"

/* Where things stand in the encodings. */
enum {
    EPOCH_AT = 2,
    VIEW_AT = 10,
    PARTS_AT = 18,
    LC_ENTRY = 1 + 1 + SIGNATURE_BYTES,
    CERT_FIXED = 1 + 3 * 8 + DIGEST_BYTES + 1, /* of a certificate, before its signatures */
};

static struct wire_sample s; /* a NEW-VIEW is too big for comfort on the stack */
static struct buf out, expected;

static int open_all(void **state)
{
    (void)state;
    memset(&s, 0, sizeof s);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    wire_sample_close(&s);
    buf_free(&out);
    buf_free(&expected);
    memset(&out, 0, sizeof out);
    memset(&expected, 0, sizeof expected);
    return 0;
}

/* ---- layout: the bytes of wire.h, put together by hand ---- */

static void expect_head(uint64_t epoch, uint64_t view)
{
    buf_clear(&expected);
    buf_add_u8(&expected, (uint8_t)s.msg.type);
    buf_add_u8(&expected, (uint8_t)s.msg.from);
    buf_add_u64(&expected, epoch);
    buf_add_u64(&expected, view);
}

static void expect_view_change(const struct pbft_view_change *v)
{
    uint8_t certificate[CERT_BYTES_MAX];
    struct wr w = wr_of(certificate, sizeof certificate);
    buf_add_u8(&expected, v->has_high);
    if (v->has_high)
        cert_encode(&w, &v->high);
    buf_add_bytes(&expected, wr_bytes_of(&w));
    buf_add_u8(&expected, (uint8_t)v->lc.entries_count);
    for (uint32_t i = 0; i < v->lc.entries_count; i++) {
        buf_add_u8(&expected, v->lc.entries[i].member_index);
        buf_add_u8(&expected, (uint8_t)v->lc.entries[i].reason);
        buf_add(&expected, v->lc.entries[i].signature.bytes, 64);
    }
    buf_add(&expected, v->signature.bytes, 64);
}

static void assert_encoded_as_expected(void)
{
    encode(&out, &s.msg);
    assert_int_equal(out.size, expected.size);
    assert_memory_equal(out.data, expected.data, out.size);
}

static void encode_of_a_complain_is_as_described(void **state)
{
    (void)state;
    struct prng p = prng_of(1);
    wire_sample_make(&s, PBFT_COMPLAIN, &p);
    expect_head(s.msg.complain.epoch, s.msg.complain.view);
    buf_add_u8(&expected, (uint8_t)s.msg.complain.reason);
    buf_add(&expected, s.msg.complain.signature.bytes, 64);
    assert_encoded_as_expected();
}

/* With a high, and with "base of e". */
static void encode_of_a_view_change_is_as_described(void **state)
{
    (void)state;
    struct prng p = prng_of(2);
    for (uint32_t high_entries = 0; high_entries <= 3; high_entries++) {
        wire_sample_view_change(&s, &p, high_entries, 2);
        expect_head(s.msg.view_change.epoch, s.msg.view_change.view);
        expect_view_change(&s.msg.view_change);
        assert_encoded_as_expected();
    }
}

static void encode_of_a_new_view_is_as_described(void **state)
{
    (void)state;
    struct prng p = prng_of(3);
    const struct pbft_new_view *n = &s.msg.new_view;
    wire_sample_new_view(&s, &p, 3, 2, 2);
    s.msg.new_view.entries[1].view_change.has_high = false;
    expect_head(n->epoch, n->view);
    buf_add_u8(&expected, 3);
    for (int i = 0; i < 3; i++) {
        buf_add_u8(&expected, (uint8_t)n->entries[i].from);
        expect_view_change(&n->entries[i].view_change);
    }
    buf_add(&expected, n->signature.bytes, 64);
    assert_encoded_as_expected();
}

/* Section 16, pitfalls B14: at n = 31 about 50 KiB; here to the byte. */
static void rule_16_a_new_view_of_the_largest_group_is_46619_bytes(void **state)
{
    (void)state;
    struct prng p = prng_of(4);
    wire_sample_new_view(&s, &p, QUORUM_MAX, QUORUM_MAX, PBFT_LC_ENTRIES_MAX);
    assert_int_equal(QUORUM_MAX, quorum_of(MEMBERS_MAX));
    assert_int_equal(PBFT_LC_ENTRIES_MAX, faulty_max_of(MEMBERS_MAX) + 1);
    assert_int_equal(encode(&out, &s.msg).size, 46619);
    assert_true(out.size <= PBFT_MSG_BYTES_MAX / 20);
    assert_true(decodes(buf_bytes(&out)));
    wire_sample_view_change(&s, &p, QUORUM_MAX, PBFT_LC_ENTRIES_MAX);
    assert_int_equal(encode(&out, &s.msg).size, 2233);
    assert_true(decodes(buf_bytes(&out)));
}

/* ---- one value, one encoding ---- */

/* Every byte changed, to every value: refused, or another message with these very bytes. */
static void decode_with_any_byte_changed_gives_back_the_same_bytes_or_is_refused(void **state)
{
    (void)state;
    static const enum pbft_msg_type types[] = {PBFT_COMPLAIN, PBFT_VIEW_CHANGE, PBFT_NEW_VIEW};
    struct prng p = prng_of(5);
    for (int i = 0; i < 3; i++) {
        if (types[i] == PBFT_NEW_VIEW)
            wire_sample_new_view(&s, &p, 2, 1, 2);
        else
            wire_sample_make(&s, types[i], &p);
        encode(&expected, &s.msg);
        for (size_t at = 1; at < expected.size; at++) {
            for (int change = 1; change < 256; change++) {
                expected.data[at] ^= (uint8_t)change;
                if (decodes(buf_bytes(&expected)))
                    assert_true(bytes_equal(encode(&out, &back), buf_bytes(&expected)));
                expected.data[at] ^= (uint8_t)change;
            }
        }
    }
}

/* A byte that says yes or no has two values. */
static void decode_of_a_high_neither_there_nor_not_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(6);
    wire_sample_view_change(&s, &p, 0, 1);
    encode(&out, &s.msg);
    for (int value = 0; value < 256; value++)
        assert_int_equal(decodes_with(&out, PARTS_AT, (uint8_t)value), value == 0);
    wire_sample_view_change(&s, &p, 2, 1);
    encode(&out, &s.msg);
    for (int value = 0; value < 256; value++)
        assert_int_equal(decodes_with(&out, PARTS_AT, (uint8_t)value), value == 1);
}

/* ---- form ---- */

static void put_u64(struct buf *b, size_t at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        b->data[at + (size_t)i] = (uint8_t)(value >> (8 * i));
}

/* Rule 6.1: (a) to (e), 1 to 5; in an LC too. */
static void rule_6_1_decode_of_an_unknown_reason_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(7);
    wire_sample_make(&s, PBFT_COMPLAIN, &p);
    encode(&out, &s.msg);
    for (int value = 0; value < 256; value++)
        assert_int_equal(decodes_with(&out, PARTS_AT, (uint8_t)value), value >= 1 && value <= 5);
    s.msg.complain.reason = PBFT_REASON_END;
    assert_true(encode_ends_by_check(&s.msg));
    wire_sample_view_change(&s, &p, 0, 2);
    encode(&out, &s.msg);
    for (int value = 0; value < 256; value++)
        assert_int_equal(decodes_with(&out, PARTS_AT + 2 + LC_ENTRY + 1, (uint8_t)value),
                         value >= 1 && value <= 5);
    s.msg.view_change.lc.entries[1].reason = (enum pbft_reason)0;
    assert_true(encode_ends_by_check(&s.msg));
}

/* There is no view after the last one, so it cannot be left; and none before the first, so that
 * nothing can have been left for it. */
static void rule_7_1_decode_of_a_view_without_the_next_or_the_one_before_is_refused(void **state)
{
    (void)state;
    struct prng p = prng_of(8);
    wire_sample_make(&s, PBFT_COMPLAIN, &p);
    encode(&out, &s.msg);
    put_u64(&out, VIEW_AT, UINT64_MAX);
    assert_false(decodes(buf_bytes(&out)));
    put_u64(&out, VIEW_AT, UINT64_MAX - 1);
    assert_true(decodes(buf_bytes(&out)));
    put_u64(&out, VIEW_AT, 0);
    assert_true(decodes(buf_bytes(&out)));
    s.msg.complain.view = UINT64_MAX;
    assert_true(encode_ends_by_check(&s.msg));
    for (int is_new_view = 0; is_new_view < 2; is_new_view++) {
        if (is_new_view)
            wire_sample_new_view(&s, &p, 2, 0, 1);
        else
            wire_sample_view_change(&s, &p, 0, 1);
        encode(&out, &s.msg);
        put_u64(&out, VIEW_AT, 0);
        assert_false(decodes(buf_bytes(&out)));
        put_u64(&out, VIEW_AT, 1);
        assert_true(decodes(buf_bytes(&out)));
        put_u64(&out, VIEW_AT, UINT64_MAX);
        assert_true(decodes(buf_bytes(&out)));
    }
}

/* The decoder sets what is not sent: LC(v'-1), and VIEW-CHANGEs for (e,v'). */
static void rule_7_4_parts_are_of_the_view_that_the_message_names(void **state)
{
    (void)state;
    struct prng p = prng_of(9);
    wire_sample_new_view(&s, &p, 3, 0, 1);
    encode(&out, &s.msg);
    put_u64(&out, EPOCH_AT, 77);
    put_u64(&out, VIEW_AT, 1);
    assert_true(decodes(buf_bytes(&out)));
    for (uint32_t i = 0; i < 3; i++) {
        const struct pbft_view_change *v = &back.new_view.entries[i].view_change;
        assert_int_equal(v->epoch, 77);
        assert_int_equal(v->view, 1);
        assert_int_equal(v->lc.epoch, 77);
        assert_int_equal(v->lc.view, 0);
    }
}

/* So the sender has to have it so. */
static void rule_7_4_encode_of_parts_of_another_view_or_epoch_ends_by_check(void **state)
{
    (void)state;
    struct prng p = prng_of(10);
    struct pbft_view_change *v = &s.msg.view_change,
                            *of_two = &s.msg.new_view.entries[1].view_change;
    for (int way = 0; way < 6; way++) {
        if (way < 2)
            wire_sample_view_change(&s, &p, 2, 2);
        else
            wire_sample_new_view(&s, &p, 2, 0, 2);
        assert_false(encode_ends_by_check(&s.msg));
        v->lc.view += way == 0;
        v->lc.epoch += way == 1;
        if (way == 2 || way == 3)
            of_two->view++;
        of_two->lc.view += way == 3;
        if (way == 4)
            s.msg.new_view.epoch++;
        of_two->lc.entries_count -= way == 5 ? 2 : 0;
        assert_true(encode_ends_by_check(&s.msg));
    }
}

/* Rule 7.2: PREPAREs or COMMITs of this epoch, and of a lower view. */
static void rule_7_2_decode_of_a_high_of_another_epoch_or_no_lower_view_is_refused(void **state)
{
    (void)state;
    enum { KIND_AT = PARTS_AT + 1, HIGH_EPOCH_AT = KIND_AT + 1, HIGH_VIEW_AT = HIGH_EPOCH_AT + 8 };
    struct prng p = prng_of(11);
    wire_sample_view_change(&s, &p, 3, 2);
    struct pbft_view_change *v = &s.msg.view_change;
    v->view = v->lc.view = 0x1000;
    v->lc.view--;
    v->high.statement.view = 0xfff;
    encode(&out, &s.msg);
    for (uint64_t view = 0xffe; view <= 0x1001; view++) {
        put_u64(&out, HIGH_VIEW_AT, view);
        assert_int_equal(decodes(buf_bytes(&out)), view < 0x1000);
    }
    encode(&out, &s.msg);
    for (size_t i = 0; i < 8; i++)
        assert_false(decodes_with(&out, HIGH_EPOCH_AT + i, out.data[HIGH_EPOCH_AT + i] ^ 1));
    for (int kind = 0; kind < 256; kind++)
        assert_int_equal(decodes_with(&out, KIND_AT, (uint8_t)kind),
                         kind == CERT_PREPARE || kind == CERT_COMMIT);
    v->high.statement.view = 0x1000;
    assert_true(encode_ends_by_check(&s.msg));
    v->high.statement.view = 0;
    v->high.statement.epoch++;
    assert_true(encode_ends_by_check(&s.msg));
    v->high.statement.epoch--;
    assert_false(encode_ends_by_check(&s.msg));
}

/* A whole certificate of a CHECKPOINT has another layout; it is no high either. */
static void rule_7_2_decode_of_a_checkpoint_certificate_as_high_is_refused(void **state)
{
    (void)state;
    uint8_t certificate[CERT_BYTES_MAX];
    struct wr w = wr_of(certificate, sizeof certificate);
    struct prng p = prng_of(12);
    wire_sample_view_change(&s, &p, 0, 2);
    struct certificate c = {
        .statement = {.kind = CERT_CHECKPOINT, .epoch = s.msg.view_change.epoch, .height = 4}};
    cert_encode(&w, &c);
    encode(&out, &s.msg);
    buf_add(&expected, out.data, PARTS_AT);
    buf_add_u8(&expected, 1);
    buf_add_bytes(&expected, wr_bytes_of(&w));
    buf_add(&expected, out.data + PARTS_AT + 1, out.size - PARTS_AT - 1);
    assert_false(decodes(buf_bytes(&expected)));
}

/* Pitfalls A1: strictly ascending, one to f+1 at most; likewise the senders of a set. */
static void rule_0_decode_of_entries_out_of_order_is_refused(void **state)
{
    (void)state;
    enum { LC_AT = PARTS_AT + 1, FROM_AT = PARTS_AT + 1 };
    struct prng p = prng_of(13);
    wire_sample_view_change(&s, &p, 0, 3);
    struct pbft_lc_entry *lc = s.msg.view_change.lc.entries;
    lc[0].member_index = 4, lc[1].member_index = 9, lc[2].member_index = 11;
    encode(&out, &s.msg);
    for (int value = 0; value < 256; value++) {
        uint8_t index = (uint8_t)value;
        assert_int_equal(decodes_with(&out, LC_AT + 1, index), value < 9);
        assert_int_equal(decodes_with(&out, LC_AT + 1 + LC_ENTRY, index), value > 4 && value < 11);
        assert_int_equal(decodes_with(&out, LC_AT + 1 + 2 * LC_ENTRY, index),
                         value > 9 && value < MEMBERS_MAX);
    }
    lc[1].member_index = 4;
    assert_true(encode_ends_by_check(&s.msg));

    wire_sample_new_view(&s, &p, 3, 0, 1);
    struct pbft_new_view_entry *set = s.msg.new_view.entries;
    set[0].from = 4, set[1].from = 9, set[2].from = 11;
    size_t each = (encode(&out, &s.msg).size - FROM_AT - 64) / 3;
    for (int value = 0; value < 256; value++) {
        uint8_t index = (uint8_t)value;
        assert_int_equal(decodes_with(&out, FROM_AT, index), value < 9);
        assert_int_equal(decodes_with(&out, FROM_AT + each, index), value > 4 && value < 11);
        assert_int_equal(decodes_with(&out, FROM_AT + 2 * each, index),
                         value > 9 && value < MEMBERS_MAX);
    }
    set[1].from = 4;
    assert_true(encode_ends_by_check(&s.msg));
}

/* None, and one more than the largest group has: well formed, but for the number. */
static void rule_0_decode_of_counts_beyond_the_limits_is_refused(void **state)
{
    (void)state;
    enum { LC_AT = PARTS_AT + 1 };
    struct prng p = prng_of(14);
    wire_sample_view_change(&s, &p, 0, 1);
    encode(&out, &s.msg);
    for (uint32_t count = 0; count <= PBFT_LC_ENTRIES_MAX + 1; count++) {
        buf_clear(&expected);
        buf_add(&expected, out.data, LC_AT);
        buf_add_u8(&expected, (uint8_t)count);
        for (uint32_t i = 0; i < count; i++) {
            buf_add_u8(&expected, (uint8_t)i);
            buf_add(&expected, out.data + LC_AT + 2, LC_ENTRY - 1);
        }
        buf_add(&expected, out.data + out.size - 64, 64);
        assert_int_equal(decodes(buf_bytes(&expected)), count >= 1 && count <= PBFT_LC_ENTRIES_MAX);
    }
    wire_sample_new_view(&s, &p, 1, 0, 1);
    encode(&out, &s.msg);
    for (uint32_t count = 0; count <= QUORUM_MAX + 1; count++) {
        buf_clear(&expected);
        buf_add(&expected, out.data, PARTS_AT);
        buf_add_u8(&expected, (uint8_t)count);
        for (uint32_t i = 0; i < count; i++) {
            buf_add_u8(&expected, (uint8_t)i);
            buf_add(&expected, out.data + PARTS_AT + 2, out.size - 64 - PARTS_AT - 2);
        }
        buf_add(&expected, out.data + out.size - 64, 64);
        assert_int_equal(decodes(buf_bytes(&expected)), count >= 1 && count <= QUORUM_MAX);
    }
    s.msg.new_view.entries_count = 0;
    assert_true(encode_ends_by_check(&s.msg));
    s.msg.new_view.entries_count = QUORUM_MAX + 1;
    assert_true(encode_ends_by_check(&s.msg));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(encode_of_a_complain_is_as_described),
        TEST(encode_of_a_view_change_is_as_described),
        TEST(encode_of_a_new_view_is_as_described),
        TEST(rule_16_a_new_view_of_the_largest_group_is_46619_bytes),
        TEST(decode_with_any_byte_changed_gives_back_the_same_bytes_or_is_refused),
        TEST(decode_of_a_high_neither_there_nor_not_is_refused),
        TEST(rule_6_1_decode_of_an_unknown_reason_is_refused),
        TEST(rule_7_1_decode_of_a_view_without_the_next_or_the_one_before_is_refused),
        TEST(rule_7_4_parts_are_of_the_view_that_the_message_names),
        TEST(rule_7_4_encode_of_parts_of_another_view_or_epoch_ends_by_check),
        TEST(rule_7_2_decode_of_a_high_of_another_epoch_or_no_lower_view_is_refused),
        TEST(rule_7_2_decode_of_a_checkpoint_certificate_as_high_is_refused),
        TEST(rule_0_decode_of_entries_out_of_order_is_refused),
        TEST(rule_0_decode_of_counts_beyond_the_limits_is_refused),
    };
    return cmocka_run_group_tests_name("wire_view", tests, NULL, NULL);
}
