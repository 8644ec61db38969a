#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/base/bytes.h"
#include "crypto/base/check.h"
#include "crypto/base/prng.h"

/* Order is that of unsigned bytes, a prefix before what it is a prefix of. */
static void bytes_compare_orders_as_unsigned_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
    } sorted[] = {{NULL, 0},       {"\x00", 1}, {"\x00\x00", 2}, {"\x01", 1},
                  {"\x01\xff", 2}, {"\x7f", 1}, {"\x80", 1},     {"\xff", 1}};
    int count = (int)(sizeof sorted / sizeof sorted[0]);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            struct bytes a = bytes_of(sorted[i].data, sorted[i].size);
            struct bytes b = bytes_of(sorted[j].data, sorted[j].size);
            int order = bytes_compare(a, b);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(bytes_equal(a, b), i == j);
        }
}

/* A string has itself and nothing longer as prefix. */
static void bytes_has_prefix_of_each_length(void **state)
{
    (void)state;
    struct bytes whole = bytes_of_text("abc");
    assert_int_equal(whole.size, 3);
    for (size_t size = 0; size <= 3; size++)
        assert_true(bytes_has_prefix(whole, bytes_of("abc", size)));
    assert_false(bytes_has_prefix(whole, bytes_of_text("abcd")));
    assert_false(bytes_has_prefix(whole, bytes_of_text("b")));
    assert_true(bytes_has_prefix(bytes_of(NULL, 0), bytes_of(NULL, 0)));
}

/* Numbers have their bytes in the order the name says, and come back. */
static void cursor_numbers_written_are_read_back(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0xfe, 0x34, 0x12, 0x04, 0x03, 0x02, 0x81, 0x08, 0x07, 0x06,
                                       0x05, 0x04, 0x03, 0x02, 0x81, 0x81, 0x02, 0x03, 0x04, 0x05,
                                       0x06, 0x07, 0x08, 0x81, 0x02, 0x03, 0x04, 'x',  'y',  'z'};
    uint8_t room[sizeof expected], copy[2];
    struct wr w = wr_of(room, sizeof room);
    wr_u8(&w, 0xfe);
    wr_u16(&w, 0x1234);
    wr_u32(&w, 0x81020304);
    wr_u64(&w, 0x8102030405060708);
    wr_be64(&w, 0x8102030405060708);
    wr_be32(&w, 0x81020304);
    wr_copy(&w, "xy", 2);
    wr_bytes(&w, bytes_of_text("z"));
    assert_true(wr_ok(&w));
    assert_true(bytes_equal(wr_bytes_of(&w), bytes_of(expected, sizeof expected)));
    struct rd r = rd_of(wr_bytes_of(&w));
    assert_int_equal(rd_u8(&r), 0xfe);
    assert_int_equal(rd_u16(&r), 0x1234);
    assert_int_equal(rd_u32(&r), 0x81020304);
    assert_true(rd_u64(&r) == 0x8102030405060708);
    assert_true(rd_be64(&r) == 0x8102030405060708);
    assert_int_equal(rd_be32(&r), 0x81020304);
    rd_copy(&r, copy, 2);
    assert_memory_equal(copy, "xy", 2);
    assert_false(rd_done(&r));
    assert_true(bytes_equal(rd_take(&r, 1), bytes_of_text("z")));
    assert_true(rd_done(&r));
}

/* A read past the end gives zeros and fails for good, even where bytes would be left. */
static void rd_past_the_end_fails_for_good(void **state)
{
    (void)state;
    uint8_t out[4] = {1, 1, 1, 1};
    struct rd r = rd_of(bytes_of("\xff\xff\xff", 3));
    assert_int_equal(rd_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(rd_u8(&r), 0);
    assert_int_equal(rd_u16(&r), 0);
    assert_true(rd_u64(&r) == 0);
    assert_true(rd_be64(&r) == 0);
    assert_int_equal(rd_be32(&r), 0);
    assert_int_equal(rd_take(&r, 0).size, 0);
    rd_copy(&r, out, sizeof out);
    assert_memory_equal(out, "\0\0\0\0", 4);
    assert_false(rd_done(&r));
    r = rd_of(bytes_of("\xff", 1));
    assert_int_equal(rd_take(&r, SIZE_MAX).size, 0);
    assert_true(r.failed);
}

/* Bytes left over are not done, nor is a cursor that was failed by its user. */
static void rd_done_with_bytes_left_or_failed_is_false(void **state)
{
    (void)state;
    struct rd r = rd_of(bytes_of("ab", 2));
    assert_int_equal(rd_u8(&r), 'a');
    assert_false(rd_done(&r));
    assert_int_equal(rd_u8(&r), 'b');
    assert_true(rd_done(&r));
    rd_fail(&r);
    assert_false(rd_done(&r));
    r = rd_of(bytes_of(NULL, 0));
    assert_true(rd_done(&r));
    assert_int_equal(rd_take(&r, 0).size, 0);
    assert_true(rd_done(&r));
}

/* A write past the room writes nothing of it and fails for good. */
static void wr_past_the_room_fails_for_good(void **state)
{
    (void)state;
    uint8_t room[5] = {9, 9, 9, 9, 9};
    struct wr w = wr_of(room, 4);
    wr_u16(&w, 1);
    wr_u32(&w, 2);
    assert_false(wr_ok(&w));
    wr_u8(&w, 3);
    assert_false(wr_ok(&w));
    assert_int_equal(wr_bytes_of(&w).size, 0);
    assert_memory_equal(room, "\x01\x00\x09\x09\x09", 5);
    w = wr_of(room, 4);
    wr_copy(&w, room, SIZE_MAX);
    assert_false(wr_ok(&w));
    w = wr_of(room, 4);
    wr_u32(&w, 7);
    assert_true(wr_ok(&w));
}

/* Every byte has one spelling, and it comes back. */
static void hex_of_every_byte_comes_back(void **state)
{
    (void)state;
    uint8_t all[256], back[256];
    char text[2 * sizeof all + 1];
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    hex_encode(text, all, sizeof all);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102", 6);
    assert_string_equal(text + 506, "fdfeff");
    assert_true(hex_decode(back, sizeof back, text));
    assert_memory_equal(all, back, sizeof all);
    hex_encode(text, NULL, 0);
    assert_string_equal(text, "");
    assert_true(hex_decode(back, 0, ""));
}

/* Too short, too long, or with any other character in any place: refused and zeroed. */
static void hex_decode_of_another_spelling_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "0", "abc", "abc ", "abcde", "abcdef", "ABcd", "0xab"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t out[2] = {7, 7};
        assert_false(hex_decode(out, 2, bad[i]));
        assert_memory_equal(out, "\0\0", 2);
    }
    for (int place = 0; place < 4; place++)
        for (int c = 0; c < 256; c++) {
            char text[] = "0f1e";
            uint8_t out[2];
            text[place] = (char)c;
            bool is_digit = c != 0 && strchr("0123456789abcdef", c) != NULL;
            assert_int_equal(hex_decode(out, 2, text), is_digit);
        }
}

/* A buffer holds what was added, however often it had to grow. */
static void buf_of_many_adds_holds_them_all(void **state)
{
    (void)state;
    struct buf b = {0};
    for (uint32_t i = 0; i < 5000; i++) {
        buf_add_u8(&b, (uint8_t)i);
        buf_add_u16(&b, (uint16_t)i);
        buf_add_u32(&b, i);
        buf_add_u64(&b, (uint64_t)i << 32);
        buf_add(&b, "ab", 2);
        buf_add_bytes(&b, bytes_of(NULL, 0));
        memset(buf_grow(&b, 3), 'g', 3);
    }
    struct rd r = rd_of(buf_bytes(&b));
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(rd_u8(&r), i & 0xff);
        assert_int_equal(rd_u16(&r), i & 0xffff);
        assert_int_equal(rd_u32(&r), i);
        assert_true(rd_u64(&r) == (uint64_t)i << 32);
        assert_true(bytes_equal(rd_take(&r, 5), bytes_of_text("abggg")));
    }
    assert_true(rd_done(&r));
    size_t room = b.room;
    buf_clear(&b);
    assert_int_equal(buf_bytes(&b).size, 0);
    assert_int_equal(b.room, room);
    buf_free(&b);
    assert_null(b.data);
    buf_free(&b);
}

/* Memory is zeroed when it is new and kept when it is moved. */
static void mem_alloc_is_zeroed_and_resize_keeps(void **state)
{
    (void)state;
    static const uint8_t zeros[1000];
    uint8_t *at = mem_alloc(1000);
    assert_memory_equal(at, zeros, 1000);
    memset(at, 5, 1000);
    at = mem_resize(at, 100000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(at[i], 5);
    mem_free(at);
    at = mem_alloc(0);
    assert_non_null(at);
    mem_free(at);
    mem_free(NULL);
}

/* The numbers of seed 1, worked out with a second implementation in Python: they may never change,
 * since simulation seeds are quoted in reports. */
static void prng_of_a_seed_gives_the_known_numbers(void **state)
{
    (void)state;
    struct prng p = prng_of(1);
    static const uint64_t expected[] = {0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514,
                                        0x642e1c7bc266a3a7};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_true(prng_u64(&p) == expected[i]);
}

/* Below a bound every value comes, none beyond it, and about equally often. */
static void prng_below_reaches_every_value_about_equally(void **state)
{
    (void)state;
    struct prng p = prng_of(2);
    uint32_t counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t value = prng_below(&p, 7);
        assert_true(value < 7);
        counts[value]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_true(counts[i] > 9500);
        assert_true(counts[i] < 10500);
    }
    assert_true(prng_below(&p, 1) == 0);
    /* Without redrawing, half of all draws would fall into the lowest third of this bound. */
    uint64_t bound = UINT64_MAX / 4 * 3;
    uint32_t low_count = 0;
    for (int i = 0; i < 9000; i++)
        low_count += prng_below(&p, bound) < bound / 3;
    assert_true(low_count > 2700);
    assert_true(low_count < 3300);
}

/* Filling takes the numbers byte for byte and keeps within the size. */
static void prng_fill_of_each_size_keeps_within_it(void **state)
{
    (void)state;
    uint8_t whole[24], part[25];
    struct prng p = prng_of(3);
    prng_fill(&p, whole, sizeof whole);
    for (size_t size = 0; size <= sizeof whole; size++) {
        memset(part, 0xee, sizeof part);
        p = prng_of(3);
        prng_fill(&p, part, size);
        assert_memory_equal(part, whole, size);
        assert_int_equal(part[size], 0xee);
    }
}

/* Every code has its own name and its own words. */
static void rc_text_and_name_of_each_code_are_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < RC_COUNT; i++) {
        assert_memory_equal(rc_name((enum rc)i), "RC_", 3);
        assert_true(strlen(rc_text((enum rc)i)) > 1);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(rc_text((enum rc)i), rc_text((enum rc)j));
            assert_string_not_equal(rc_name((enum rc)i), rc_name((enum rc)j));
        }
    }
    assert_string_equal(rc_name(RC_FILE_MODE), "RC_FILE_MODE");
    assert_string_equal(rc_text(RC_OK), "ok");
}

/* Words are built outward: what was named first stands last. */
static void why_within_puts_the_outer_words_first(void **state)
{
    (void)state;
    struct why why = {{0}};
    assert_int_equal(why_set(&why, RC_INVALID, "port %d", 70000), RC_INVALID);
    assert_string_equal(why.text, "port 70000");
    assert_int_equal(why_within(&why, RC_INVALID, "%s", "members[2]"), RC_INVALID);
    assert_string_equal(why.text, "members[2]: port 70000");
    why = (struct why){{0}};
    assert_int_equal(why_within(&why, RC_NOT_FOUND, "account 7"), RC_NOT_FOUND);
    assert_string_equal(why.text, "account 7: not found");
    assert_int_equal(why_set(NULL, RC_PROOF, "nobody listens"), RC_PROOF);
    assert_int_equal(why_within(NULL, RC_PROOF, "nobody listens"), RC_PROOF);
}

/* Words longer than their room are cut and ended, never overrun. */
static void why_longer_than_its_room_is_cut(void **state)
{
    (void)state;
    struct {
        struct why why;
        char after[16];
    } guarded;
    char long_text[2 * WHY_BYTES];
    memset(&guarded, 0x11, sizeof guarded);
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(why_set(&guarded.why, RC_INVALID, "%s", long_text), RC_INVALID);
    assert_int_equal(strlen(guarded.why.text), WHY_BYTES - 1);
    assert_int_equal(why_within(&guarded.why, RC_INVALID, "outer"), RC_INVALID);
    assert_int_equal(strlen(guarded.why.text), WHY_BYTES - 1);
    assert_memory_equal(guarded.why.text, "outer: xxx", 10);
    assert_int_equal(why_within(&guarded.why, RC_INVALID, "%s", long_text), RC_INVALID);
    assert_int_equal(strlen(guarded.why.text), WHY_BYTES - 1);
    for (size_t i = 0; i < sizeof guarded.after; i++)
        assert_int_equal(guarded.after[i], 0x11);
}

/* A CHECK that fails ends the process by abort, after words on stderr with the condition. */
static void check_that_fails_aborts_with_its_condition(void **state)
{
    (void)state;
    CHECK(1 + 1 == 2);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        int answer = 41;
        CHECK(answer == 42);
        _exit(0);
    }
    close(ends[1]);
    char text[512];
    ssize_t size = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    assert_true(size > 0);
    text[size] = '\0';
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(text, "answer == 42"));
    assert_non_null(strstr(text, "test_base.c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_compare_orders_as_unsigned_bytes),
        cmocka_unit_test(bytes_has_prefix_of_each_length),
        cmocka_unit_test(cursor_numbers_written_are_read_back),
        cmocka_unit_test(rd_past_the_end_fails_for_good),
        cmocka_unit_test(rd_done_with_bytes_left_or_failed_is_false),
        cmocka_unit_test(wr_past_the_room_fails_for_good),
        cmocka_unit_test(hex_of_every_byte_comes_back),
        cmocka_unit_test(hex_decode_of_another_spelling_is_refused),
        cmocka_unit_test(buf_of_many_adds_holds_them_all),
        cmocka_unit_test(mem_alloc_is_zeroed_and_resize_keeps),
        cmocka_unit_test(prng_of_a_seed_gives_the_known_numbers),
        cmocka_unit_test(prng_below_reaches_every_value_about_equally),
        cmocka_unit_test(prng_fill_of_each_size_keeps_within_it),
        cmocka_unit_test(rc_text_and_name_of_each_code_are_its_own),
        cmocka_unit_test(why_within_puts_the_outer_words_first),
        cmocka_unit_test(why_longer_than_its_room_is_cut),
        cmocka_unit_test(check_that_fails_aborts_with_its_condition),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
