/* Rule 11 as a function of replies: honest, lagging and lying mixes, and F2's stale, split and
 * aborted reads. */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/prng.h"
#include "tools/hansa/linear.h"

/* ---- replies in short ---- */

enum { BASE = 0, A = 0, B = 1, C = 2, D = 3, E = 4, F = 5, G = 6 };

static struct linear_reply replies[LINEAR_REPLIES_MAX];
static size_t count;
static struct linear_verdict verdict;

/* One that has committed `height`, under a high of (view, high_height), and answers so. */
static void says_in(uint32_t member, uint64_t view, uint64_t high_height, uint64_t height,
                    uint32_t answer)
{
    assert_true(count < LINEAR_REPLIES_MAX);
    replies[count++] = (struct linear_reply){.member = member,
                                             .has_high = high_height != BASE,
                                             .high_view = view,
                                             .high_height = high_height,
                                             .height = height,
                                             .answer = answer};
}

static void says(uint32_t member, uint64_t high_height, uint64_t height, uint32_t answer)
{
    says_in(member, 0, high_height, height, answer);
}

static void judge_of(uint32_t members_count)
{
    linear_judge(&verdict, replies, count, members_count, 0);
}

static void judge(void)
{
    judge_of(4);
}

static int begin(void **state)
{
    (void)state;
    count = 0;
    return 0;
}

static void assert_accepted(uint32_t answer, uint64_t index_height)
{
    assert_true(verdict.is_accepted);
    assert_int_equal(verdict.answer, answer);
    assert_int_equal(verdict.index_height, index_height);
}

static void assert_not_accepted(void)
{
    judge();
    assert_false(verdict.is_accepted);
}

static void assert_word(uint32_t member, enum linear_word word)
{
    if (verdict.words[member] != word)
        fail_msg("member %u: %s, not %s", member, linear_word_text(verdict.words[member]),
                 linear_word_text(word));
}

/* ---- R ---- */

static void fewer_than_q_replies_give_no_index(void **state)
{
    (void)state;
    judge();
    assert_false(verdict.has_index);
    says(A, 5, 5, 1);
    says(B, 5, 5, 1);
    assert_not_accepted(); /* f+1 agree already; but who knows what a third has signed */
    assert_false(verdict.has_index);
    assert_word(A, LINEAR_HEARD);
    assert_word(C, LINEAR_SILENT);
    assert_int_equal(verdict.next_heights[A], 0);
    says(C, 5, 5, 1);
    judge();
    assert_accepted(1, 5);
    assert_int_equal(verdict.highs_count, 3);
    assert_int_equal(verdict.agree_count, 3);
}

/* The same member again is not another one. */
static void one_member_counts_once(void **state)
{
    (void)state;
    says(A, 5, 5, 1);
    says(A, 5, 5, 1);
    says(A, 5, 5, 1);
    says(B, 5, 5, 2);
    assert_not_accepted();
    assert_false(verdict.has_index);
    says(C, 5, 5, 3);
    assert_not_accepted();
    assert_true(verdict.has_index);
    assert_int_equal(verdict.agree_count, 1);
}

static void index_is_the_height_of_the_highest_rank_not_the_highest_height(void **state)
{
    (void)state;
    says_in(A, 0, 9, 7, 1); /* of a view that was left: 8 and 9 did not survive it */
    says_in(B, 1, 7, 7, 1);
    says_in(C, 1, 7, 7, 1);
    judge();
    assert_accepted(1, 7);
}

static void base_is_the_lowest_rank(void **state)
{
    (void)state;
    says(A, BASE, 0, 1);
    says(B, BASE, 0, 1);
    says(C, BASE, 0, 1);
    judge();
    assert_accepted(1, 0);
    count = 0;
    says(A, BASE, 0, 1);
    says(B, BASE, 0, 1);
    says(C, 1, 0, 1); /* a write may be acknowledged by others under this */
    assert_not_accepted();
    assert_int_equal(verdict.index_height, 1);
    assert_word(A, LINEAR_LAGS);
}

/* Any q replies will do: who shows what never commits does not hold up the others. */
static void lowest_index_of_any_q_replies_is_taken(void **state)
{
    (void)state;
    says(D, 9, 5, 1); /* a proposal that was prepared, and goes no further */
    says(A, 5, 5, 1);
    says(B, 5, 5, 1);
    assert_not_accepted();
    assert_int_equal(verdict.index_height, 9);
    assert_int_equal(verdict.next_heights[A], 9);
    says(C, 5, 5, 1);
    judge();
    assert_accepted(1, 5);
}

/* A learner may have forgotten its COMMIT (4.2): not one of the q, but its value is as good. */
static void high_of_a_learner_counts_for_nothing(void **state)
{
    (void)state;
    says(A, 2, 2, 1);
    says(B, 2, 2, 1);
    says(C, 2, 2, 1);
    replies[2].is_learner = true;
    assert_not_accepted();
    assert_false(verdict.has_index);
    assert_true(verdict.is_learner[C]); /* for the words */
    assert_false(verdict.is_learner[B] || verdict.is_learner[D]);
    says(D, 2, 2, 9);
    judge();
    assert_accepted(1, 2);
    assert_int_equal(verdict.agree_count, 3);
}

/* ---- F2 ---- */

/* D acknowledged height 6 with B and C, which have not committed it yet; A knows nothing. */
static void stale_value_below_the_index_is_not_accepted(void **state)
{
    (void)state;
    says(A, 5, 5, 1);
    says(B, 6, 5, 1);
    says(C, 6, 5, 1);
    assert_not_accepted(); /* three of four say the old value */
    assert_int_equal(verdict.index_height, 6);
    for (uint32_t m = A; m <= C; m++) {
        assert_word(m, LINEAR_LAGS);
        assert_int_equal(verdict.next_heights[m], 6);
    }
    says(B, 6, 6, 2); /* held until they are there */
    assert_not_accepted();
    says(C, 6, 6, 2);
    judge();
    assert_accepted(2, 6);
    assert_word(A, LINEAR_LAGS);
    assert_word(B, LINEAR_AGREES);
}

/* The liar shows old certificates: the quorum of the write is in any q replies all the same. */
static void stale_liar_does_not_lower_the_index(void **state)
{
    (void)state;
    says(D, 1, 1, 1);
    says(A, 1, 1, 1); /* correct, and lags */
    says(B, 6, 6, 2);
    assert_not_accepted();
    assert_int_equal(verdict.index_height, 6);
    says(C, 6, 6, 2);
    judge();
    assert_accepted(2, 6);
}

/* f liars and f laggards at once are no f+1. */
static void split_answers_are_not_accepted(void **state)
{
    (void)state;
    says(A, 6, 6, 2);
    says(B, 6, 5, 1);
    says(D, 6, 6, 3);
    assert_not_accepted();
    assert_int_equal(verdict.agree_count, 1);
    assert_word(A, LINEAR_CONTRADICTED);
    assert_word(D, LINEAR_CONTRADICTED);
    assert_int_equal(verdict.against[A], D);
    assert_int_equal(verdict.against[D], A);
    says(B, 6, 6, 2);
    judge();
    assert_accepted(2, 6);
    assert_word(D, LINEAR_LIES);
    assert_word(A, LINEAR_AGREES);
}

/* A value of a proposal that was prepared and is aborted later: only a liar tells it. */
static void aborted_value_of_f_liars_is_not_accepted(void **state)
{
    (void)state;
    says(D, 7, 7, 9);
    says(A, 6, 6, 2);
    says(B, 7, 6, 2);
    assert_not_accepted();
    assert_int_equal(verdict.index_height, 7);
    says(C, 6, 6, 2);
    judge(); /* three replies have their highs at 7 at most: A, C and one more */
    assert_not_accepted();
    assert_int_equal(verdict.index_height, 7);
    says(A, 7, 7, 2); /* the proposal went through after all, without what D said */
    says(C, 7, 7, 2);
    judge();
    assert_accepted(2, 7);
    assert_word(D, LINEAR_LIES);
}

/* Of seven, two lie and two lag. */
static void larger_consortium_needs_f_plus_1_at_the_index(void **state)
{
    (void)state;
    says(F, 8, 8, 9);
    says(G, 8, 8, 9);
    says(A, 3, 3, 1);
    says(B, 3, 3, 1);
    says(C, 8, 8, 2);
    judge_of(7);
    assert_true(verdict.has_index); /* q = 5 */
    assert_int_equal(verdict.index_height, 8);
    assert_false(verdict.is_accepted);
    assert_int_equal(verdict.agree_count, 2);
    says(D, 8, 8, 2);
    says(E, 8, 8, 2);
    judge_of(7);
    assert_accepted(2, 8);
    assert_word(F, LINEAR_LIES);
    assert_word(G, LINEAR_LIES);
    assert_word(A, LINEAR_LAGS);
}

/* ---- moving values ---- */

/* The account is paid all the time: they come together at the highest height seen. */
static void answers_of_different_heights_are_asked_again_for_the_highest(void **state)
{
    (void)state;
    says(A, 6, 6, 1);
    says(B, 7, 7, 2);
    says(C, 8, 8, 3);
    assert_not_accepted();
    assert_int_equal(verdict.index_height, 8);
    says(D, 6, 6, 1);
    assert_not_accepted();
    assert_int_equal(verdict.index_height, 7);
    assert_int_equal(verdict.next_heights[A], 7); /* below R: at least there */
    assert_int_equal(verdict.next_heights[B], 8);
    assert_int_equal(verdict.next_heights[C], 0);
    assert_word(B, LINEAR_DIFFERS);
    says(B, 9, 9, 4);
    assert_not_accepted();
    assert_int_equal(verdict.next_heights[C], 9);
    says(A, 9, 8, 3); /* C said so before: both were within the read */
    judge();
    assert_accepted(3, 7);
    assert_word(B, LINEAR_DIFFERS);
    assert_int_equal(verdict.next_heights[C], 0);
}

static void same_value_at_different_heights_agrees(void **state)
{
    (void)state;
    says(A, 6, 6, 1);
    says(B, 9, 9, 1);
    says(C, 6, 5, 1);
    judge();
    assert_int_equal(verdict.index_height, 9);
    assert_false(verdict.is_accepted);
    says(D, 6, 6, 1);
    judge();
    assert_accepted(1, 6);
    assert_int_equal(verdict.agree_count, 3); /* C is below 6 */
}

/* ---- liars by name ---- */

static void member_with_two_answers_of_one_height_lies(void **state)
{
    (void)state;
    says(A, 6, 6, 1);
    says(D, 6, 6, 1);
    says(D, 6, 6, 2);
    judge();
    assert_word(D, LINEAR_LIES);
    assert_word(A, LINEAR_HEARD); /* two gave its answer */
}

/* Proven by nobody yet below R, and a lie all the same. */
static void contradiction_below_the_index_is_seen(void **state)
{
    (void)state;
    says(A, 9, 6, 1);
    says(B, 9, 6, 1);
    says(D, 9, 6, 2);
    assert_not_accepted();
    assert_word(D, LINEAR_LIES);
    assert_word(A, LINEAR_LAGS);
}

static void refuted_member_counts_for_nothing(void **state)
{
    (void)state;
    says(A, 6, 6, 1);
    says(D, 6, 6, 1);
    says(D, 99, 99, 5);
    replies[2].fault = LINEAR_BAD_CERTIFICATE;
    says(B, 6, 5, 2);
    assert_not_accepted(); /* neither for q, nor for f+1 */
    assert_false(verdict.has_index);
    assert_word(D, LINEAR_REFUTED);
    assert_int_equal(verdict.next_heights[D], 0);
    says(C, 6, 6, 1);
    judge();
    assert_accepted(1, 6);
    assert_int_equal(verdict.agree_count, 2);
    assert_word(A, LINEAR_AGREES);
}

/* ---- the ordered read ---- */

static void index_of_an_ordered_read_is_where_it_stands(void **state)
{
    (void)state;
    says(D, 99, 5, 1);
    says(A, 8, 7, 1);
    linear_judge(&verdict, replies, count, 4, 8);
    assert_true(verdict.has_index); /* nobody's high is asked for */
    assert_int_equal(verdict.index_height, 8);
    assert_false(verdict.is_accepted);
    assert_int_equal(verdict.next_heights[A], 8);
    says(A, 8, 8, 2);
    says(B, 8, 8, 2);
    linear_judge(&verdict, replies, count, 4, 8);
    assert_accepted(2, 8);
}

/* ---- at random: two of four correct ones have it, whatever one liar says ---- */

static void one_liar_of_four_never_has_a_wrong_value_accepted(void **state)
{
    (void)state;
    struct prng p = prng_of(11);
    int accepted_count = 0;
    for (int round = 0; round < 20000; round++) {
        /* The answer of height h is h; everything up to `acknowledged` is, by B, C and D or E. */
        uint64_t acknowledged = 1 + prng_below(&p, 5);
        uint32_t without = (uint32_t)prng_below(&p, 3); /* a correct one that was not needed */
        count = 0;
        for (int i = 0; i < 8; i++) {
            uint32_t member = (uint32_t)prng_below(&p, 4);
            uint64_t high = prng_below(&p, 8), height = prng_below(&p, high + 1);
            uint64_t least = member == without || member == D ? 0 : acknowledged;
            if (high < least)
                high = least;
            bool lies = member == D;
            says(member, high, height, lies ? (uint32_t)prng_below(&p, 8) : (uint32_t)height);
        }
        judge();
        accepted_count += verdict.is_accepted;
        if (verdict.is_accepted && verdict.answer < acknowledged)
            fail_msg("round %d: %u is older than what was acknowledged", round, verdict.answer);
        for (uint32_t m = A; m <= C; m++)
            assert_true(verdict.words[m] != LINEAR_LIES && verdict.words[m] != LINEAR_REFUTED);
    }
    assert_in_range(accepted_count, 1000, 19000);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fewer_than_q_replies_give_no_index),
        TEST(one_member_counts_once),
        TEST(index_is_the_height_of_the_highest_rank_not_the_highest_height),
        TEST(base_is_the_lowest_rank),
        TEST(lowest_index_of_any_q_replies_is_taken),
        TEST(high_of_a_learner_counts_for_nothing),
        TEST(stale_value_below_the_index_is_not_accepted),
        TEST(stale_liar_does_not_lower_the_index),
        TEST(split_answers_are_not_accepted),
        TEST(aborted_value_of_f_liars_is_not_accepted),
        TEST(larger_consortium_needs_f_plus_1_at_the_index),
        TEST(answers_of_different_heights_are_asked_again_for_the_highest),
        TEST(same_value_at_different_heights_agrees),
        TEST(member_with_two_answers_of_one_height_lies),
        TEST(contradiction_below_the_index_is_seen),
        TEST(refuted_member_counts_for_nothing),
        TEST(index_of_an_ordered_read_is_where_it_stands),
        TEST(one_liar_of_four_never_has_a_wrong_value_accepted),
    };
    return cmocka_run_group_tests_name("linear", tests, NULL, NULL);
}
