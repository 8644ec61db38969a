#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/name.h"

/* A text of that many times the same character; lends until the next call. */
static struct bytes times(char c, size_t count)
{
    static char text[256];
    assert_true(count <= sizeof text);
    memset(text, c, count);
    return bytes_of(text, count);
}

/* Is the text valid with each of the 256 bytes in its last place exactly where allowed says so? */
static void assert_allowed(bool (*is_valid)(struct bytes), const char *before, const char *allowed)
{
    char text[64];
    size_t size = strlen(before);
    memcpy(text, before, size);
    for (int c = 0; c < 256; c++) {
        text[size] = (char)c;
        bool is_allowed = c != 0 && strchr(allowed, c) != NULL;
        assert_int_equal(is_valid(bytes_of(text, size + 1)), is_allowed);
    }
}

#define DIGITS "0123456789"
#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* A participant's name has 1 to 32 bytes. */
static void participant_of_1_to_32_bytes_is_valid(void **state)
{
    (void)state;
    assert_false(participant_is_valid(bytes_of(NULL, 0)));
    assert_true(participant_is_valid(times('a', 1)));
    assert_true(participant_is_valid(times('a', PARTICIPANT_BYTES_MAX)));
    assert_false(participant_is_valid(times('a', PARTICIPANT_BYTES_MAX + 1)));
}

/* Only lower-case letters, digits and the hyphen make a participant's name. */
static void participant_with_other_characters_is_refused(void **state)
{
    (void)state;
    assert_allowed(participant_is_valid, "a", DIGITS LOWER "-");
}

/* An account is a participant, one slash and a sub-account of 1 to 40 bytes. */
static void account_of_each_length_is_judged(void **state)
{
    (void)state;
    char text[ACCOUNT_BYTES_MAX + 2];
    memset(text, 'a', sizeof text);
    text[PARTICIPANT_BYTES_MAX] = '/';
    assert_true(account_is_valid(bytes_of(text, ACCOUNT_BYTES_MAX)));
    assert_false(account_is_valid(bytes_of(text, ACCOUNT_BYTES_MAX + 1)));
    memset(text, 'a', sizeof text);
    text[PARTICIPANT_BYTES_MAX + 1] = '/';
    assert_false(account_is_valid(bytes_of(text, PARTICIPANT_BYTES_MAX + 3)));
    text[1] = '/';
    text[PARTICIPANT_BYTES_MAX + 1] = 'a';
    assert_true(account_is_valid(bytes_of(text, 2 + ACCOUNT_SUB_BYTES_MAX)));
    assert_false(account_is_valid(bytes_of(text, 2 + ACCOUNT_SUB_BYTES_MAX + 1)));
    assert_true(account_is_valid(bytes_of_text("b/m")));
}

/* A part that is missing, a second slash or a capital in the participant are refused. */
static void account_of_wrong_shape_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",     "/",     "bank",      "bank/",     "/main",
                                        "a//b", "a/b/c", "Bank/main", " a/b",      "a/b ",
                                        "a /b", "a/ b",  "a/b\n",     "a/\xc3\xa9"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(account_is_valid(bytes_of_text(wrong[i])));
    assert_false(account_is_valid(bytes_of("a/b\0", 4)));
    assert_false(account_is_valid(bytes_of("a\0/b", 4)));
    assert_false(account_is_valid(bytes_of(NULL, 0)));
}

/* A sub-account may have letters of both cases, digits, dot, underscore and hyphen. */
static void account_sub_with_other_characters_is_refused(void **state)
{
    (void)state;
    assert_allowed(account_is_valid, "bank/x", DIGITS LOWER UPPER "._-");
}

/* The participant of an account is what stands before the slash. */
static void account_participant_is_the_part_before_the_slash(void **state)
{
    (void)state;
    struct bytes owner = account_participant(bytes_of_text("bank-1/main.x"));
    assert_true(bytes_equal(owner, bytes_of_text("bank-1")));
}

/* An asset's code has 3 to 12 capitals and digits. */
static void asset_code_is_judged_by_length_and_characters(void **state)
{
    (void)state;
    assert_false(asset_is_valid(bytes_of(NULL, 0)));
    assert_false(asset_is_valid(times('A', ASSET_BYTES_MIN - 1)));
    assert_true(asset_is_valid(times('A', ASSET_BYTES_MIN)));
    assert_true(asset_is_valid(times('9', ASSET_BYTES_MAX)));
    assert_false(asset_is_valid(times('A', ASSET_BYTES_MAX + 1)));
    assert_allowed(asset_is_valid, "EU", DIGITS UPPER);
}

/* Text in any script is text, and so is the empty text. */
static void text_in_utf8_is_valid(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "invoice 17: 2 x 3",
        "~ \xc2\xa0 \xdf\xbf",                    /* U+A0 just after C1, U+7FF */
        "\xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80", /* U+800, U+D7FF, U+E000 */
        "\xef\xbf\xbf \xf0\x90\x80\x80",          /* U+FFFF, U+10000 */
        "\xf4\x8f\xbf\xbf",                       /* U+10FFFF */
        "P\xc5\x99\xc3\xadstav \xe2\x82\xac \xf0\x9f\x9a\xa2"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(text_is_valid(bytes_of_text(good[i])));
}

/* Control characters would move a terminal's cursor, so C0, DEL and C1 are refused. */
static void text_with_a_control_character_is_refused(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 0x20; code++) {
        char text[] = {'a', (char)code, 'b'};
        assert_false(text_is_valid(bytes_of(text, sizeof text)));
    }
    assert_false(text_is_valid(bytes_of_text("a\x7f")));
    for (unsigned low = 0x80; low <= 0x9f; low++) {
        char text[] = {'\xc2', (char)low};
        assert_false(text_is_valid(bytes_of(text, sizeof text)));
    }
}

/* What is no UTF-8, or UTF-8 of what is no character, is refused wherever it stands. */
static void text_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"\xc0\xaf",
                                      "\xc1\xbf",
                                      "\xe0\x80\xaf", /* overlong: slash in two and three */
                                      "\xe0\x9f\xbf",
                                      "\xf0\x80\x80\xaf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",             /* surrogates */
                                      "\xed\xa1\x8c\xed\xbe\xb4", /* a pair of them */
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80", /* beyond U+10FFFF */
                                      "\xf8\x88\x80\x80\x80",
                                      "\xfe",
                                      "\xff",
                                      "\x80",
                                      "\xbf", /* a continuation alone */
                                      "\xc3",
                                      "\xe2\x82",
                                      "\xf0\x9f\x9a", /* cut short */
                                      "\xc3(",
                                      "\xe2(\xac",
                                      "\xe2\x82(",
                                      "\xf0\x9f(\xa2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[16] = "ab";
        size_t size = strlen(bad[i]);
        memcpy(text + 2, bad[i], size);
        assert_false(text_is_valid(bytes_of_text(bad[i])));
        assert_false(text_is_valid(bytes_of(text, 2 + size)));
        text[2 + size] = 'c';
        assert_false(text_is_valid(bytes_of(text, 3 + size)));
    }
}

/* Every character there is, encoded by the rule, is judged by its code point alone. */
static void text_of_every_code_point_is_judged_by_its_code(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        uint8_t text[4];
        size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        uint32_t rest = code;
        for (size_t i = size; i > 1; i--, rest >>= 6)
            text[i - 1] = (uint8_t)(0x80 | (rest & 0x3f));
        static const uint8_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
        text[0] = (uint8_t)(marks[size] | rest);
        bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
        bool is_surrogate = code >= 0xd800 && code < 0xe000;
        if (text_is_valid(bytes_of(text, size)) != (!is_control && !is_surrogate))
            fail_msg("U+%04X", (unsigned)code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(participant_of_1_to_32_bytes_is_valid),
        cmocka_unit_test(participant_with_other_characters_is_refused),
        cmocka_unit_test(account_of_each_length_is_judged),
        cmocka_unit_test(account_of_wrong_shape_is_refused),
        cmocka_unit_test(account_sub_with_other_characters_is_refused),
        cmocka_unit_test(account_participant_is_the_part_before_the_slash),
        cmocka_unit_test(asset_code_is_judged_by_length_and_characters),
        cmocka_unit_test(text_in_utf8_is_valid),
        cmocka_unit_test(text_with_a_control_character_is_refused),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(text_of_every_code_point_is_judged_by_its_code),
    };
    return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
