#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/wire_samples.h"

/* Ranks compare by epoch, then view, then height: a low view at a great height loses. */
static void rank_compare_is_lexicographic_in_epoch_view_height(void **state)
{
    (void)state;
    static const struct pbft_rank ascending[] = {
        {0, 0, 0},          {0, 0, 1},          {0, 0, UINT64_MAX}, {0, 1, 0},          {0, 1, 5},
        {0, UINT64_MAX, 0}, {1, 0, 0},          {1, 0, 1ull << 32}, {1, 1ull << 32, 0}, {2, 1, 1},
        {1ull << 63, 0, 0}, {UINT64_MAX, 0, 0}, {UINT64_MAX, 0, 1}};
    enum { COUNT = sizeof ascending / sizeof ascending[0] };
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < COUNT; j++) {
            int order = pbft_rank_compare(&ascending[i], &ascending[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

/* The rank of a certificate is that of its statement; before any certificate it is the lowest. */
static void rank_of_a_certificate_is_that_of_its_statement(void **state)
{
    (void)state;
    struct certificate c = {
        .statement = {.kind = CERT_PREPARE, .epoch = 3, .view = 5, .height = 7}};
    struct certificate none = {.entries_count = 0};
    struct pbft_rank expected = {.epoch = 3, .view = 5, .height = 7}, lowest = {0, 0, 0};
    struct pbft_rank got = pbft_rank_of(&c);
    assert_int_equal(pbft_rank_compare(&got, &expected), 0);
    c.statement.kind = CERT_COMMIT;
    got = pbft_rank_of(&c);
    assert_int_equal(pbft_rank_compare(&got, &expected), 0);
    got = pbft_rank_of(&none);
    assert_int_equal(pbft_rank_compare(&got, &lowest), 0);
}

/* Section 0; the sum wraps, for everybody in the same way. */
static void primary_of_a_view_goes_around_the_members(void **state)
{
    (void)state;
    for (uint32_t n = MEMBERS_MIN; n <= MEMBERS_MAX; n++) {
        for (uint64_t view = 0; view < 3 * n; view++)
            assert_int_equal(pbft_primary_of(5, view, n), (5 + view) % n);
    }
    assert_int_equal(pbft_primary_of(UINT64_MAX, 3, 7), 2);
    assert_int_equal(pbft_primary_of(2, UINT64_MAX, 7), 1);
}

/* ---- view changes ---- */

static struct pbft_new_view new_view; /* too big for comfort on the stack */

static void start_new_view(uint32_t entries_count)
{
    memset(&new_view, 0, sizeof new_view);
    new_view.entries_count = entries_count;
    for (uint32_t i = 0; i < entries_count; i++)
        new_view.entries[i].from = i;
}

static void set_high(uint32_t i, enum cert_kind kind, uint64_t view, uint64_t height)
{
    struct pbft_view_change *v = &new_view.entries[i].view_change;
    v->has_high = true;
    v->high.statement =
        (struct statement){.kind = kind, .epoch = 3, .view = view, .height = height};
}

/* Which VIEW-CHANGE the base is from; -1: the base of the epoch. */
static int base_from(void)
{
    const struct certificate *base = pbft_new_view_base(&new_view);
    for (uint32_t i = 0; i < new_view.entries_count; i++) {
        if (base == &new_view.entries[i].view_change.high)
            return (int)i;
    }
    assert_null(base);
    return -1;
}

static void rule_7_3_the_base_is_the_highest_rank_wherever_it_stands(void **state)
{
    (void)state;
    for (uint32_t at = 0; at < QUORUM_MAX; at++) {
        start_new_view(QUORUM_MAX);
        for (uint32_t i = 0; i < QUORUM_MAX; i++)
            set_high(i, CERT_COMMIT, 1 + i % 4, 1000 + i); /* high up, in lower views */
        set_high(at, CERT_PREPARE, 5, 7);
        assert_int_equal(base_from(), at);
        /* In the same view the height decides. */
        set_high((at + 1) % QUORUM_MAX, CERT_COMMIT, 5, 6);
        assert_int_equal(base_from(), at);
        set_high((at + 1) % QUORUM_MAX, CERT_COMMIT, 5, 8);
        assert_int_equal(base_from(), (at + 1) % QUORUM_MAX);
    }
}

static void rule_7_3_the_base_without_any_high_is_that_of_the_epoch(void **state)
{
    (void)state;
    start_new_view(3);
    assert_int_equal(base_from(), -1);
    /* A high that is not there has no rank, whatever stands in its place. */
    set_high(0, CERT_COMMIT, 9, 9);
    new_view.entries[0].view_change.has_high = false;
    assert_int_equal(base_from(), -1);
    set_high(2, CERT_PREPARE, 0, 0); /* the base block, voted for, is a high like any other */
    assert_int_equal(base_from(), 2);
}

/* COMMIT before PREPARE, then the lowest sender. */
static void rule_7_3_a_tie_is_broken_the_same_way_for_everybody(void **state)
{
    (void)state;
    start_new_view(4);
    for (uint32_t i = 0; i < 4; i++)
        set_high(i, CERT_PREPARE, 2, 20);
    assert_int_equal(base_from(), 0);
    set_high(3, CERT_COMMIT, 2, 20);
    assert_int_equal(base_from(), 3);
    set_high(2, CERT_COMMIT, 2, 20);
    assert_int_equal(base_from(), 2);
    set_high(1, CERT_PREPARE, 2, 21); /* rank goes first */
    assert_int_equal(base_from(), 1);
}

static void lc_complain_gives_back_what_was_signed(void **state)
{
    (void)state;
    struct pbft_lc lc = {.epoch = 3, .view = 8, .entries_count = 2};
    for (uint32_t i = 0; i < 2; i++) {
        lc.entries[i] =
            (struct pbft_lc_entry){.member_index = (uint8_t)(4 + i),
                                   .reason = i == 0 ? PBFT_REASON_FAULTY : PBFT_REASON_ABSENT};
        memset(lc.entries[i].signature.bytes, (int)(0x70 + i), SIGNATURE_BYTES);
        struct pbft_complain c = pbft_lc_complain(&lc, i);
        assert_int_equal(c.epoch, 3);
        assert_int_equal(c.view, 8);
        assert_int_equal(c.reason, lc.entries[i].reason);
        assert_memory_equal(&c.signature, &lc.entries[i].signature, SIGNATURE_BYTES);
    }
}

/* ---- all types ---- */

/* What is decoded reaches as far as it is said to, and nothing beyond is touched. */
static void msg_bytes_are_what_the_decoder_writes(void **state)
{
    (void)state;
    static struct pbft_msg back;
    struct prng p = prng_of(1);
    struct wire_sample sample = {0};
    struct buf out = {0};
    for (int i = 0; i < WIRE_TYPES_COUNT; i++) {
        size_t size = pbft_msg_bytes(wire_types[i]);
        assert_in_range(size, offsetof(struct pbft_msg, vote), sizeof back);
        wire_sample_make(&sample, wire_types[i], &p);
        buf_clear(&out);
        pbft_encode(&out, &sample.msg);
        memset(&back, 0xee, sizeof back);
        assert_true(pbft_decode(&back, buf_bytes(&out), 1, wire_block_head));
        for (size_t at = size; at < sizeof back; at++)
            assert_int_equal(((const uint8_t *)&back)[at], 0xee);
    }
    assert_int_equal(pbft_msg_bytes(PBFT_NEW_VIEW), sizeof back);
    assert_true(pbft_msg_bytes(PBFT_PREPARE) < sizeof back / 100);
    buf_free(&out);
    wire_sample_close(&sample);
}

/* The names are the protocol's, and the numbers those on the wire. */
static void msg_name_of_each_type_is_the_protocols_word(void **state)
{
    (void)state;
    static const char *const names[PBFT_MSG_TYPE_END] = {
        [1] = "PRE-PREPARE", [2] = "PREPARE",      [3] = "COMMIT",     [4] = "COMPLAIN",
        [5] = "VIEW-CHANGE", [6] = "NEW-VIEW",     [7] = "CHECKPOINT", [8] = "STATUS",
        [9] = "FETCH",       [10] = "DATA",        [11] = "FORWARD",   [12] = "EVIDENCE",
        [13] = "QC",         [14] = "FETCH-PIECE", [15] = "PIECE"};
    for (int type = 1; type < PBFT_MSG_TYPE_END; type++)
        assert_string_equal(pbft_msg_name((enum pbft_msg_type)type), names[type]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rank_compare_is_lexicographic_in_epoch_view_height),
        cmocka_unit_test(rank_of_a_certificate_is_that_of_its_statement),
        cmocka_unit_test(primary_of_a_view_goes_around_the_members),
        cmocka_unit_test(rule_7_3_the_base_is_the_highest_rank_wherever_it_stands),
        cmocka_unit_test(rule_7_3_the_base_without_any_high_is_that_of_the_epoch),
        cmocka_unit_test(rule_7_3_a_tie_is_broken_the_same_way_for_everybody),
        cmocka_unit_test(lc_complain_gives_back_what_was_signed),
        cmocka_unit_test(msg_bytes_are_what_the_decoder_writes),
        cmocka_unit_test(msg_name_of_each_type_is_the_protocols_word),
    };
    return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
