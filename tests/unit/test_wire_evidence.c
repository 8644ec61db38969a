/* The encoding of EVIDENCE: layouts, sizes, one encoding for one pair, and what pbft_decode()
 * refuses and pbft_encode() CHECKs (PROTOCOL.md 14; pitfalls A3, H4, H5). */
#include "tests/help/unit.h"

#include <string.h>

#include "ledger/block.h"
#include "tests/unit/wire_judge.h"

/* Where things stand in the encodings. */
enum {
    KIND_AT = 1,
    OFFENDER_AT = 2,
    EPOCH_AT = 3,
    VIEW_AT = 11,
    PARTS_AT = 19, /* or the height */
    PART = DIGEST_BYTES + SIGNATURE_BYTES
};

static struct wire_sample s;
static struct buf out, expected;
static struct prng p;

static int open_all(void **state)
{
    (void)state;
    memset(&s, 0, sizeof s);
    p = prng_of(30);
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

static void expect_head(void)
{
    const struct pbft_evidence *e = &s.msg.evidence;
    buf_clear(&expected);
    buf_add_u8(&expected, 12);
    buf_add_u8(&expected, (uint8_t)e->kind);
    buf_add_u8(&expected, (uint8_t)e->offender);
    buf_add_u64(&expected, e->epoch);
    buf_add_u64(&expected, e->view);
}

static void expect(const void *bytes, size_t size)
{
    buf_add(&expected, bytes, size);
}

static void assert_encoded_as_expected(void)
{
    encode(&out, &s.msg);
    assert_int_equal(out.size, expected.size);
    assert_memory_equal(out.data, expected.data, out.size);
}

static void encode_of_a_pair_is_as_described(void **state)
{
    (void)state;
    for (int kind = PBFT_TWO_PRE_PREPARES; kind <= PBFT_TWO_NEW_VIEWS; kind++) {
        wire_sample_evidence(&s, &p, (enum pbft_evidence_kind)kind, 0, 0);
        expect_head();
        if (kind <= PBFT_TWO_COMMITS)
            buf_add_u64(&expected, s.msg.evidence.height);
        for (int i = 0; i < 2; i++) {
            const struct pbft_evidence_part *part = &s.msg.evidence.parts[i];
            expect(part->digest.bytes, 32);
            if (kind == PBFT_TWO_VIEW_CHANGES)
                expect(part->lc.bytes, 32);
            expect(part->signature.bytes, 64);
        }
        assert_encoded_as_expected();
    }
}

/* With a high, and with "base of e". */
static void encode_of_a_forgotten_commit_is_as_described(void **state)
{
    (void)state;
    const struct pbft_evidence *e = &s.msg.evidence;
    for (uint32_t high_entries = 0; high_entries <= 3; high_entries++) {
        uint8_t certificate[CERT_BYTES_MAX];
        struct wr w = wr_of(certificate, sizeof certificate);
        wire_sample_evidence(&s, &p, PBFT_FORGOTTEN_COMMIT, high_entries, 0);
        expect_head();
        buf_add_u64(&expected, e->height);
        expect(e->parts[0].digest.bytes, 32);
        expect(e->parts[0].signature.bytes, 64);
        buf_add_u64(&expected, e->to_view);
        buf_add_u8(&expected, high_entries > 0);
        if (high_entries > 0)
            cert_encode(&w, &e->high);
        buf_add_bytes(&expected, wr_bytes_of(&w));
        expect(e->parts[1].lc.bytes, 32);
        expect(e->parts[1].signature.bytes, 64);
        assert_encoded_as_expected();
    }
}

static void encode_of_a_bad_body_is_as_described(void **state)
{
    (void)state;
    const struct pbft_evidence *e = &s.msg.evidence;
    wire_sample_evidence(&s, &p, PBFT_BAD_BODY, 0, 33);
    expect_head();
    expect(e->parts[0].signature.bytes, 64);
    buf_add_u32(&expected, e->tx_index);
    buf_add_u32(&expected, BLOCK_HEADER_BYTES + 33);
    buf_add_bytes(&expected, e->block);
    assert_encoded_as_expected();
}

/* ---- one value, one encoding ---- */

/* Every byte changed, to every value: refused, or another message with these very bytes. */
static void decode_with_any_byte_changed_gives_back_the_same_bytes_or_is_refused(void **state)
{
    (void)state;
    for (int kind = 1; kind < PBFT_EVIDENCE_KINDS_END; kind++) {
        wire_sample_evidence(&s, &p, (enum pbft_evidence_kind)kind, 1, 20);
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

/* The two the other way round are the same pair, and twice the same is none. */
static void decode_of_parts_out_of_order_or_equal_is_refused(void **state)
{
    (void)state;
    for (int kind = PBFT_TWO_PRE_PREPARES; kind <= PBFT_TWO_NEW_VIEWS; kind++) {
        size_t at = kind <= PBFT_TWO_COMMITS ? PARTS_AT + 8 : PARTS_AT;
        size_t size = kind == PBFT_TWO_VIEW_CHANGES ? PART + DIGEST_BYTES : PART;
        uint8_t part[PART + DIGEST_BYTES];
        wire_sample_evidence(&s, &p, (enum pbft_evidence_kind)kind, 0, 0);
        encode(&out, &s.msg);
        assert_true(decodes(buf_bytes(&out)));
        memcpy(part, out.data + at, size);
        memmove(out.data + at, out.data + at + size, size);
        assert_false(decodes(buf_bytes(&out))); /* twice the second */
        memcpy(out.data + at + size, part, size);
        assert_false(decodes(buf_bytes(&out)));
        struct pbft_evidence_part first = s.msg.evidence.parts[0];
        s.msg.evidence.parts[0] = s.msg.evidence.parts[1];
        assert_true(encode_ends_by_check(&s.msg));
        s.msg.evidence.parts[1] = first;
        assert_true(encode_ends_by_check(&s.msg));
    }
}

/* Of two VIEW-CHANGEs with one high the LCs decide, which have to differ then. */
static void view_changes_with_one_high_are_ordered_by_their_lcs(void **state)
{
    (void)state;
    struct pbft_evidence *e = &s.msg.evidence;
    wire_sample_evidence(&s, &p, PBFT_TWO_VIEW_CHANGES, 0, 0);
    e->parts[1].digest = e->parts[0].digest;
    e->parts[1].lc = e->parts[0].lc;
    assert_true(encode_ends_by_check(&s.msg));
    e->parts[0].lc.bytes[31] = 7;
    e->parts[1].lc.bytes[31] = 8;
    assert_true(decodes(encode(&out, &s.msg)));
    e->parts[0].lc.bytes[31] = 9;
    assert_true(encode_ends_by_check(&s.msg));
}

/* ---- form ---- */

static void put_u64(size_t at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out.data[at + (size_t)i] = (uint8_t)(value >> (8 * i));
}

static void decode_of_an_unknown_kind_or_offender_is_refused(void **state)
{
    (void)state;
    wire_sample_evidence(&s, &p, PBFT_TWO_COMMITS, 0, 0);
    encode(&out, &s.msg);
    for (int value = 0; value < 256; value++) {
        bool is_such = value >= PBFT_TWO_PRE_PREPARES && value <= PBFT_TWO_COMMITS;
        assert_int_equal(decodes_with(&out, KIND_AT, (uint8_t)value), is_such);
        assert_int_equal(decodes_with(&out, OFFENDER_AT, (uint8_t)value), value < MEMBERS_MAX);
    }
    s.msg.evidence.offender = MEMBERS_MAX;
    assert_true(encode_ends_by_check(&s.msg));
    s.msg.evidence.offender = 0;
    s.msg.evidence.kind = PBFT_EVIDENCE_KINDS_END;
    assert_true(encode_ends_by_check(&s.msg));
    s.msg.evidence.kind = (enum pbft_evidence_kind)0;
    assert_true(encode_ends_by_check(&s.msg));
}

/* There is no VIEW-CHANGE and no NEW-VIEW to view 0. */
static void decode_of_view_changes_to_view_0_is_refused(void **state)
{
    (void)state;
    for (int kind = PBFT_TWO_PRE_PREPARES; kind <= PBFT_TWO_NEW_VIEWS; kind++) {
        wire_sample_evidence(&s, &p, (enum pbft_evidence_kind)kind, 0, 0);
        encode(&out, &s.msg);
        put_u64(VIEW_AT, 0);
        assert_int_equal(decodes(buf_bytes(&out)), kind <= PBFT_TWO_COMMITS);
    }
}

/* A COMMIT in a later view, or a high that is no VIEW-CHANGE's, or ranks high enough. */
static void decode_of_a_commit_that_was_not_forgotten_is_refused(void **state)
{
    (void)state;
    enum { TO_VIEW_AT = PARTS_AT + 8 + PART, HIGH_AT = TO_VIEW_AT + 9 };
    wire_sample_evidence(&s, &p, PBFT_FORGOTTEN_COMMIT, 0, 0);
    s.msg.evidence.view = 5;
    s.msg.evidence.to_view = 6;
    encode(&out, &s.msg);
    for (uint64_t to_view = 0; to_view < 9; to_view++) {
        put_u64(TO_VIEW_AT, to_view);
        assert_int_equal(decodes(buf_bytes(&out)), to_view > 5);
    }
    wire_sample_evidence(&s, &p, PBFT_FORGOTTEN_COMMIT, 2, 0);
    s.msg.evidence.view = 5;
    s.msg.evidence.to_view = 7;
    s.msg.evidence.height = 10;
    s.msg.evidence.high.statement.view = 4;
    encode(&out, &s.msg);
    for (int kind = 0; kind < 5; kind++)
        assert_int_equal(decodes_with(&out, HIGH_AT, (uint8_t)kind),
                         kind == CERT_PREPARE || kind == CERT_COMMIT);
    for (uint64_t view = 3; view < 9; view++) {
        for (uint64_t height = 8; height < 13; height++) {
            put_u64(HIGH_AT + 9, view);
            put_u64(HIGH_AT + 17, height);
            assert_int_equal(decodes(buf_bytes(&out)), view < 5 || (view == 5 && height < 10));
        }
    }
    put_u64(HIGH_AT + 9, 4);
    assert_true(decodes(buf_bytes(&out)));
    out.data[HIGH_AT + 1] ^= 1; /* of another epoch */
    assert_false(decodes(buf_bytes(&out)));
}

/* ---- section 16 ---- */

/* One that does not carry a block is smaller than a block's header and two certificates. */
static void rule_16_evidence_is_small_but_for_a_bad_body(void **state)
{
    (void)state;
    for (int kind = 1; kind < PBFT_BAD_BODY; kind++) {
        wire_sample_evidence(&s, &p, (enum pbft_evidence_kind)kind, QUORUM_MAX, 0);
        assert_in_range(encode(&out, &s.msg).size, 200, 1800);
        assert_true(decodes(buf_bytes(&out)));
    }
}

/* A bad body of the largest block fits; one byte more than a message holds does not. */
static void rule_16_a_bad_body_at_and_beyond_the_limit(void **state)
{
    (void)state;
    enum { BODY_MAX = PBFT_MSG_BYTES_MAX - PARTS_AT - 64 - 4 - 4 - BLOCK_HEADER_BYTES };
    wire_sample_evidence(&s, &p, PBFT_BAD_BODY, 0, BLOCK_BODY_BYTES_MAX);
    assert_true(decodes(encode(&out, &s.msg)));
    wire_sample_evidence(&s, &p, PBFT_BAD_BODY, 0, BODY_MAX);
    assert_int_equal(encode(&out, &s.msg).size, PBFT_MSG_BYTES_MAX);
    assert_true(decodes(buf_bytes(&out)));
    struct pbft_evidence e;
    struct bytes file = bytes_of(out.data + 1, out.size - 1);
    assert_true(pbft_evidence_decode(&e, file, wire_block_head));
    buf_clear(&expected);
    pbft_evidence_encode(&expected, &e);
    assert_true(bytes_equal(buf_bytes(&expected), file));
    wire_sample_evidence(&s, &p, PBFT_BAD_BODY, 0, BODY_MAX + 1);
    assert_true(encode_ends_by_check(&s.msg));
    buf_clear(&expected);
    pbft_evidence_encode(&expected, &s.msg.evidence);
    assert_false(pbft_evidence_decode(&e, buf_bytes(&expected), wire_block_head));
}

/* ---- the digest of what is known ---- */

static struct digest digest_of_kinds(const uint8_t *kinds)
{
    struct digest d;
    pbft_evidence_digest(&d, kinds);
    return d;
}

/* Zero for nothing, else over (offender, kind) in ascending order. */
static void evidence_digest_is_as_described(void **state)
{
    (void)state;
    uint8_t kinds[MEMBERS_MAX] = {0};
    struct digest d = digest_of_kinds(kinds), by_hand;
    const uint8_t items[] = {0, 3, 2, 1, 2, 7, 30, 5};
    assert_true(digest_is_zero(&d));
    kinds[30] = PBFT_EVIDENCE_BIT(PBFT_TWO_NEW_VIEWS);
    kinds[2] = PBFT_EVIDENCE_BIT(PBFT_BAD_BODY) | PBFT_EVIDENCE_BIT(PBFT_TWO_PRE_PREPARES);
    kinds[0] = PBFT_EVIDENCE_BIT(PBFT_TWO_COMMITS);
    d = digest_of_kinds(kinds);
    digest_of(&by_hand, TAG_EVIDENCE, bytes_of(items, sizeof items));
    assert_true(digest_equal(&d, &by_hand));
    kinds[0] = PBFT_EVIDENCE_BIT(PBFT_TWO_PREPARES);
    d = digest_of_kinds(kinds);
    assert_false(digest_equal(&d, &by_hand));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(encode_of_a_pair_is_as_described),
        TEST(encode_of_a_forgotten_commit_is_as_described),
        TEST(encode_of_a_bad_body_is_as_described),
        TEST(decode_with_any_byte_changed_gives_back_the_same_bytes_or_is_refused),
        TEST(decode_of_parts_out_of_order_or_equal_is_refused),
        TEST(view_changes_with_one_high_are_ordered_by_their_lcs),
        TEST(decode_of_an_unknown_kind_or_offender_is_refused),
        TEST(decode_of_view_changes_to_view_0_is_refused),
        TEST(decode_of_a_commit_that_was_not_forgotten_is_refused),
        TEST(rule_16_evidence_is_small_but_for_a_bad_body),
        TEST(rule_16_a_bad_body_at_and_beyond_the_limit),
        TEST(evidence_digest_is_as_described),
    };
    return cmocka_run_group_tests_name("wire_evidence", tests, NULL, NULL);
}
