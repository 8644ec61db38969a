/* Log lines: whatever stands in a value, one event stays one line, and a field stays a field. */
#include "tests/help/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "genesis/json.h"
#include "node/hansad/log.h"

enum { TEXT_BYTES = 64 * 1024 };

/* What one writes comes out of a pipe. */
static struct log open_log(enum log_level level, enum log_format format, int *read_fd)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    *read_fd = fds[0];
    return (struct log){.fd = fds[1], .level = level, .format = format};
}

static const char *written(char text[static TEXT_BYTES], struct log *log, int read_fd)
{
    ssize_t size = read(read_fd, text, TEXT_BYTES - 1);
    text[size > 0 ? size : 0] = '\0';
    close(read_fd);
    close(log->fd);
    return text;
}

/* Behind the time, which changes. */
static const char *tail_of(const char *line)
{
    const char *level = strstr(line, "level");
    assert_non_null(level);
    return level;
}

static const char *say_value(char text[static TEXT_BYTES], enum log_format format,
                             struct bytes value)
{
    int read_fd;
    struct log log = open_log(LOG_INFO, format, &read_fd);
    struct log_line l;
    log_begin(&l, &log, LOG_INFO, "event");
    log_text(&l, "value", value);
    log_number(&l, "after", 7);
    log_end(&l);
    return written(text, &log, read_fd);
}

static void assert_logfmt(struct bytes value, const char *expected)
{
    char text[TEXT_BYTES], line[TEXT_BYTES];
    snprintf(line, sizeof line, "level=info event=event value=%s after=7\n", expected);
    assert_string_equal(tail_of(say_value(text, LOG_LOGFMT, value)), line);
}

static void logfmt_quotes_what_is_not_plain(void **state)
{
    (void)state;
    assert_logfmt(bytes_of_text("plain-1.2:3"), "plain-1.2:3");
    assert_logfmt(bytes_of_text(""), "\"\"");
    assert_logfmt(bytes_of_text("two words"), "\"two words\"");
    assert_logfmt(bytes_of_text("a=b"), "\"a=b\"");
    assert_logfmt(bytes_of_text("a\"b"), "\"a\\\"b\"");
    assert_logfmt(bytes_of_text("a\\b"), "\"a\\\\\\\\b\"");
}

/* Every byte there is: none ends the line, none is a control character, and the JSON reads. */
static void hostile_bytes_neither_end_the_line_nor_reach_a_terminal(void **state)
{
    (void)state;
    for (int format = 0; format < LOG_FORMATS_COUNT; format++) {
        uint8_t all[256];
        char text[TEXT_BYTES];
        for (int i = 0; i < 256; i++)
            all[i] = (uint8_t)i;
        say_value(text, (enum log_format)format, bytes_of(all, sizeof all));
        size_t size = strlen(text);
        assert_int_equal(text[size - 1], '\n');
        for (size_t i = 0; i + 1 < size; i++)
            assert_true(text[i] >= 0x20 && text[i] < 0x7f);
        assert_non_null(strstr(text, "\\\\x1b")); /* escape */
        assert_non_null(strstr(text, "\\\\xff"));
    }
}

static void a_value_cannot_forge_a_field(void **state)
{
    (void)state;
    assert_logfmt(bytes_of_text("x\" level=error event=\"stopped"),
                  "\"x\\\" level=error event=\\\"stopped\"");
    assert_logfmt(bytes_of_text("x\nts=1 level=error"), "\"x\\\\x0ats=1 level=error\"");
}

static void json_lines_are_json_with_the_values_in_them(void **state)
{
    (void)state;
    char text[TEXT_BYTES];
    const char hostile[] = "a\"b\\c\n\xc3\xa9{}";
    say_value(text, LOG_JSON, bytes_of(hostile, sizeof hostile - 1));
    json_t *document;
    struct why why = {{0}};
    assert_int_equal(json_read(&document, bytes_of_text(text), &why), RC_OK);
    assert_string_equal(json_string_value(json_object_get(document, "value")),
                        "a\"b\\\\c\\x0a\\xc3\\xa9{}");
    assert_string_equal(json_string_value(json_object_get(document, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(document, "event")), "event");
    assert_int_equal(json_integer_value(json_object_get(document, "after")), 7);
    assert_int_equal(strlen(json_string_value(json_object_get(document, "ts"))), 24);
    json_decref(document);
}

static void a_value_beyond_the_line_is_cut_and_the_line_says_so(void **state)
{
    (void)state;
    char text[TEXT_BYTES];
    uint8_t long_value[2 * LOG_LINE_BYTES];
    memset(long_value, 1, sizeof long_value); /* five characters each */
    for (int format = 0; format < LOG_FORMATS_COUNT; format++) {
        say_value(text, (enum log_format)format, bytes_of(long_value, sizeof long_value));
        assert_true(strlen(text) <= LOG_LINE_BYTES);
        assert_true(strlen(text) > LOG_LINE_BYTES - 100);
        assert_non_null(strstr(text, format == LOG_JSON ? "\",\"cut\":true}\n" : "\" cut=true\n"));
        assert_null(strstr(text, "after"));
    }
}

static void many_fields_never_overrun_a_line(void **state)
{
    (void)state;
    for (int format = 0; format < LOG_FORMATS_COUNT; format++) {
        int read_fd;
        char text[TEXT_BYTES];
        struct log log = open_log(LOG_INFO, (enum log_format)format, &read_fd);
        struct log_line l;
        log_begin(&l, &log, LOG_INFO, "event");
        for (int i = 0; i < 1000; i++)
            log_number(&l, "a_number_of_some_length", UINT64_MAX);
        log_end(&l);
        written(text, &log, read_fd);
        assert_true(strlen(text) <= LOG_LINE_BYTES);
        assert_non_null(strstr(text, "cut"));
    }
}

static void lines_above_the_level_are_not_written(void **state)
{
    (void)state;
    int read_fd;
    char text[TEXT_BYTES];
    struct log log = open_log(LOG_WARN, LOG_LOGFMT, &read_fd);
    log_say(&log, LOG_INFO, "not_this", "words");
    log_say(&log, LOG_DEBUG, "nor_this", "words");
    log_say(&log, LOG_WARN, "this", "words");
    log_say(&log, LOG_ERROR, "that", "words");
    written(text, &log, read_fd);
    assert_null(strstr(text, "not_this"));
    assert_null(strstr(text, "nor_this"));
    assert_non_null(strstr(text, "event=this"));
    assert_non_null(strstr(text, "event=that"));
}

/* A reader who does not keep up is told how much he missed, and nobody waits for him. */
static void lines_that_find_no_room_are_counted(void **state)
{
    (void)state;
    int read_fd;
    char text[TEXT_BYTES + 1];
    struct log log = open_log(LOG_INFO, LOG_LOGFMT, &read_fd);
    char words[1000];
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    for (int i = 0; i < 200; i++) /* a pipe holds 64 KiB */
        log_say(&log, LOG_INFO, "much", words);
    uint64_t lost = atomic_load(&log.lost_count);
    assert_true(lost > 100);
    while (read(read_fd, text, TEXT_BYTES) > 0)
        ;
    log_say(&log, LOG_INFO, "again", "words");
    written(text, &log, read_fd);
    char expected[64];
    snprintf(expected, sizeof expected, "lines_lost=%ju", (uintmax_t)lost);
    assert_non_null(strstr(text, expected));
    assert_int_equal(atomic_load(&log.lost_count), 0);
}

static void what_repeats_is_said_once_in_a_while_with_its_count(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    uint64_t skipped = 99;
    assert_true(log_may(&limit, 1000, 500, &skipped));
    assert_int_equal(skipped, 0);
    assert_false(log_may(&limit, 1000, 500, &skipped));
    assert_false(log_may(&limit, 1499, 500, &skipped));
    assert_true(log_may(&limit, 1500, 500, &skipped));
    assert_int_equal(skipped, 2);
    assert_true(log_may(&limit, 2000, 500, &skipped));
    assert_int_equal(skipped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logfmt_quotes_what_is_not_plain),
        cmocka_unit_test(hostile_bytes_neither_end_the_line_nor_reach_a_terminal),
        cmocka_unit_test(a_value_cannot_forge_a_field),
        cmocka_unit_test(json_lines_are_json_with_the_values_in_them),
        cmocka_unit_test(a_value_beyond_the_line_is_cut_and_the_line_says_so),
        cmocka_unit_test(many_fields_never_overrun_a_line),
        cmocka_unit_test(lines_above_the_level_are_not_written),
        cmocka_unit_test(lines_that_find_no_room_are_counted),
        cmocka_unit_test(what_repeats_is_said_once_in_a_while_with_its_count),
    };
    return cmocka_run_group_tests_name("hansad_log", tests, NULL, NULL);
}
