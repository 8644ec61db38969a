#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/base/prng.h"
#include "ledger/amount.h"
#include "ledger/name.h"

static void assert_parsed(const char *text, uint8_t decimals, uint64_t expected)
{
    uint64_t value;
    if (!amount_parse(&value, bytes_of_text(text), decimals) || value != expected)
        fail_msg("\"%s\" with %u decimals", text, (unsigned)decimals);
}

static void assert_refused(struct bytes text, uint8_t decimals)
{
    uint64_t value = 77;
    if (amount_parse(&value, text, decimals) || value != 0)
        fail_msg("\"%.*s\" with %u decimals", (int)text.size, (const char *)text.data,
                 (unsigned)decimals);
}

/* Digits, and for decimals a point and exactly that many more, are an amount. */
static void amount_of_exact_decimals_is_parsed(void **state)
{
    (void)state;
    assert_parsed("12.34", 2, 1234);
    assert_parsed("0.00", 2, 0);
    assert_parsed("0.01", 2, 1);
    assert_parsed("1000.00", 2, 100000);
    assert_parsed("0", 0, 0);
    assert_parsed("7", 0, 7);
    assert_parsed("10", 0, 10);
    assert_parsed("0.00000001", 8, 1);
    assert_parsed("3.5", 1, 35);
}

/* Each other spelling of a number is refused and leaves 0, with two decimals. */
static void amount_of_another_spelling_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",      "12.345", "12.3", "12",     "12.",    ".50",      ".",          "1e3",   "1.0e",
        "-1",    "-1.00",  "+1",   "+1.00",  "1,50",   "1,000.00", "01.00",      "00.00", " 1.00",
        "1.00 ", "1 .00",  "1. 0", "\t1.00", "1.00\n", "1.0x",     "0x1.00",     "1..00", "1.0.0",
        "1.-1",  "1.+1",   "inf",  "nan",    "1_0.00", "1'0.00",   "\xd9\xa1.00"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused(bytes_of_text(wrong[i]), 2);
    assert_refused(bytes_of("1.00\0", 5), 2);
    assert_refused(bytes_of(NULL, 0), 2);
}

/* Without decimals there is no point, and the other refusals hold as well. */
static void amount_without_decimals_is_digits_only(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",    "1.", "1.0", ".1", "1e3", "-1", "+1",
                                        "1,5", " 1", "1 ",  "01", "00",  ".",  "a"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused(bytes_of_text(wrong[i]), 0);
    assert_refused(bytes_of(NULL, 0), 0);
}

/* 2^64-1 is an amount at every number of decimals, and 2^64 at none. */
static void amount_at_the_limit_of_u64_is_judged(void **state)
{
    (void)state;
    static const char *const over[] = {"18446744073709551616",  "18446744073709551620",
                                       "18446744073709551999",  "99999999999999999999",
                                       "100000000000000000000", "184467440737095516150"};
    for (uint8_t decimals = 0; decimals <= DECIMALS_MAX; decimals++) {
        char text[AMOUNT_TEXT_BYTES];
        amount_format(text, UINT64_MAX, decimals);
        assert_int_equal(strlen(text), 20 + (decimals > 0));
        assert_parsed(text, decimals, UINT64_MAX);
        for (size_t i = 0; i < sizeof over / sizeof over[0]; i++) {
            char wide[32];
            size_t whole = strlen(over[i]) - decimals;
            memcpy(wide, over[i], whole);
            memcpy(wide + whole, ".", 1);
            memcpy(wide + whole + (decimals > 0), over[i] + whole, decimals + 1u);
            assert_refused(bytes_of_text(wide), decimals);
        }
    }
}

/* A text much longer than any amount is refused, however it goes on. */
static void amount_of_many_digits_is_refused(void **state)
{
    (void)state;
    char text[4096];
    memset(text, '0', sizeof text);
    assert_refused(bytes_of(text, sizeof text), 0);
    memset(text, '1', sizeof text);
    assert_refused(bytes_of(text, sizeof text), 0);
    assert_refused(bytes_of(text, sizeof text), 8);
}

/* Formatting fills up with zeros, before and behind the point. */
static void amount_formatted_has_exactly_the_decimals(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        uint8_t decimals;
        const char *text;
    } cases[] = {{0, 0, "0"},
                 {0, 2, "0.00"},
                 {5, 2, "0.05"},
                 {50, 2, "0.50"},
                 {100, 2, "1.00"},
                 {1234, 2, "12.34"},
                 {1, 8, "0.00000001"},
                 {9, 1, "0.9"},
                 {10, 0, "10"},
                 {UINT64_MAX, 0, "18446744073709551615"},
                 {UINT64_MAX, 8, "184467440737.09551615"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[AMOUNT_TEXT_BYTES];
        amount_format(text, cases[i].value, cases[i].decimals);
        assert_string_equal(text, cases[i].text);
    }
}

/* What is formatted is parsed to the same value, for random values of every size. */
static void amount_formatted_and_parsed_is_the_same(void **state)
{
    (void)state;
    struct prng prng = prng_of(1);
    for (int i = 0; i < 20000; i++) {
        uint64_t value = prng_u64(&prng) >> prng_below(&prng, 64);
        uint8_t decimals = (uint8_t)prng_below(&prng, DECIMALS_MAX + 1);
        char text[AMOUNT_TEXT_BYTES];
        amount_format(text, value, decimals);
        assert_parsed(text, decimals, value);
    }
}

/* An addition beyond 2^64-1 is refused and leaves the sum as it was. */
static void amount_add_beyond_u64_is_refused(void **state)
{
    (void)state;
    uint64_t sum = 5;
    assert_true(amount_add(&sum, UINT64_MAX - 1, 1));
    assert_true(sum == UINT64_MAX);
    assert_false(amount_add(&sum, sum, 1));
    assert_false(amount_add(&sum, 1, sum));
    assert_false(amount_add(&sum, sum, sum));
    assert_true(sum == UINT64_MAX);
    assert_true(amount_add(&sum, 0, 0));
    assert_true(sum == 0);
}

/* A subtraction below 0 is refused and leaves the difference as it was. */
static void amount_subtract_below_zero_is_refused(void **state)
{
    (void)state;
    uint64_t left = 5;
    assert_false(amount_subtract(&left, 0, 1));
    assert_false(amount_subtract(&left, UINT64_MAX - 1, UINT64_MAX));
    assert_true(left == 5);
    assert_true(amount_subtract(&left, UINT64_MAX, UINT64_MAX));
    assert_true(left == 0);
    assert_true(amount_subtract(&left, 9, 2));
    assert_true(left == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amount_of_exact_decimals_is_parsed),
        cmocka_unit_test(amount_of_another_spelling_is_refused),
        cmocka_unit_test(amount_without_decimals_is_digits_only),
        cmocka_unit_test(amount_at_the_limit_of_u64_is_judged),
        cmocka_unit_test(amount_of_many_digits_is_refused),
        cmocka_unit_test(amount_formatted_has_exactly_the_decimals),
        cmocka_unit_test(amount_formatted_and_parsed_is_the_same),
        cmocka_unit_test(amount_add_beyond_u64_is_refused),
        cmocka_unit_test(amount_subtract_below_zero_is_refused),
    };
    return cmocka_run_group_tests_name("amount", tests, NULL, NULL);
}
