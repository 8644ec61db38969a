/* What `hansa status` makes of the clocks of nodes: the way of an answer is no skew, and whatever a
 * node says can be shown. */
#include "tests/help/unit.h"

#include "tools/hansa/clocks.h"

static void half_of_the_way_is_no_skew(void **state)
{
    (void)state;
    /* Asked at 100,000, answered at 103,000, both clocks the same, read in the middle. */
    struct clock_reading r = clock_read(101500, 103000, 3000);
    assert_int_equal(r.skew_ms, 0);
    assert_int_equal(r.uncertain_ms, 1500);
    r = clock_read(103000, 103000, 3000); /* read at the end */
    assert_int_equal(r.skew_ms, 1500);
    r = clock_read(100000, 103000, 3001); /* read at the start; odd */
    assert_int_equal(r.skew_ms, -1500);
    assert_int_equal(r.uncertain_ms, 1501);
}

static void off_is_what_the_way_cannot_explain(void **state)
{
    (void)state;
    struct clock_reading ahead = clock_read(105200, 100100, 200);
    assert_int_equal(ahead.skew_ms, 5200);
    assert_false(clock_is_off(&ahead, 5100));
    assert_true(clock_is_off(&ahead, 5099));
    struct clock_reading behind = clock_read(94800, 100100, 200);
    assert_int_equal(behind.skew_ms, -5200);
    assert_false(clock_is_off(&behind, 5100));
    assert_true(clock_is_off(&behind, 5099));
    struct clock_reading slow = clock_read(101500, 103000, 20000);
    assert_false(clock_is_off(&slow, 0));
}

static void whatever_a_node_says_has_a_place(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_BYTES];
    struct clock_reading r = clock_read(UINT64_MAX, 0, 0);
    assert_true(clock_is_off(&r, 5000));
    assert_string_equal(clock_text(text, &r), "+9223372036854775.807");
    r = clock_read(0, UINT64_MAX, 0);
    assert_true(clock_is_off(&r, 5000));
    assert_string_equal(clock_text(text, &r), "-9223372036854775.807");
    r = clock_read(0, 0, UINT64_MAX);
    assert_false(clock_is_off(&r, 0));
}

static void skew_is_shown_in_seconds_with_its_sign(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_BYTES];
    struct clock_reading r = {.skew_ms = -2};
    assert_string_equal(clock_text(text, &r), "~0");
    r.skew_ms = -3;
    assert_string_equal(clock_text(text, &r), "-0.003");
    r.skew_ms = -101;
    assert_string_equal(clock_text(text, &r), "-0.101");
    r.skew_ms = 60010;
    assert_string_equal(clock_text(text, &r), "+60.010");
    r.uncertain_ms = 60007;
    assert_string_equal(clock_text(text, &r), "+60.010");
    r.uncertain_ms = 60008;
    assert_string_equal(clock_text(text, &r), "~0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_the_way_is_no_skew),
        cmocka_unit_test(off_is_what_the_way_cannot_explain),
        cmocka_unit_test(whatever_a_node_says_has_a_place),
        cmocka_unit_test(skew_is_shown_in_seconds_with_its_sign),
    };
    return cmocka_run_group_tests_name("clocks", tests, NULL, NULL);
}
