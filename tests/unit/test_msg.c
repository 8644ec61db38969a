#include "tests/help/unit.h"

#include <string.h>

#include "node/pbft/msg.h"

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

/* The names are the protocol's, and the numbers those on the wire. */
static void msg_name_of_each_type_is_the_protocols_word(void **state)
{
    (void)state;
    static const char *const names[PBFT_MSG_TYPE_END] = {
        [1] = "PRE-PREPARE", [2] = "PREPARE",  [3] = "COMMIT",     [4] = "COMPLAIN",
        [5] = "VIEW-CHANGE", [6] = "NEW-VIEW", [7] = "CHECKPOINT", [8] = "STATUS",
        [9] = "FETCH",       [10] = "DATA",    [11] = "FORWARD",   [12] = "EVIDENCE",
        [13] = "QC"};
    for (int type = 1; type < PBFT_MSG_TYPE_END; type++)
        assert_string_equal(pbft_msg_name((enum pbft_msg_type)type), names[type]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rank_compare_is_lexicographic_in_epoch_view_height),
        cmocka_unit_test(rank_of_a_certificate_is_that_of_its_statement),
        cmocka_unit_test(msg_name_of_each_type_is_the_protocols_word),
    };
    return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
