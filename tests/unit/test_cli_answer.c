/* The shape of the tool's answers: measured numbers have the digits that were meant, in a failure
 * as in an answer; and words that are counted agree with their number. */
#include "tests/help/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/hansa/cli.h"

enum { PRINTED_BYTES = 1024 };

/* From here on the stream writes to a file; *kept_fd is where it wrote before. */
static FILE *divert(FILE *stream, int *kept_fd)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stream);
    *kept_fd = dup(fileno(stream));
    assert_true(*kept_fd >= 0 && dup2(fileno(file), fileno(stream)) >= 0);
    return file;
}

static void restore(FILE *stream, int kept_fd, FILE *file, char out[static PRINTED_BYTES])
{
    fflush(stream);
    assert_true(dup2(kept_fd, fileno(stream)) >= 0);
    close(kept_fd);
    rewind(file);
    size_t size = fread(out, 1, PRINTED_BYTES - 1, file);
    out[size] = '\0';
    fclose(file);
}

static json_t *timed(double seconds)
{
    json_t *out = json_object();
    assert_int_equal(json_object_set_new(out, "seconds", cli_json_measure(seconds)), 0);
    return out;
}

/* 0.978 is no double: the nearest one has 17 digits and more. */
static void a_time_in_a_failure_has_three_decimals(void **state)
{
    (void)state;
    struct cli c = {.json = true};
    struct why why = {"outcome unknown"};
    char printed[PRINTED_BYTES];
    int kept_fd;
    FILE *file = divert(stderr, &kept_fd);
    enum cli_exit code = cli_fail_details(&c, RC_TIMEOUT, &why, timed(0.97799999));
    restore(stderr, kept_fd, file, printed);
    assert_int_equal(code, CLI_UNKNOWN);
    assert_non_null(strstr(printed, "\"seconds\": 0.978}"));
}

static void a_time_in_an_answer_has_three_decimals(void **state)
{
    (void)state;
    struct cli c = {.json = true};
    char printed[PRINTED_BYTES];
    int kept_fd;
    FILE *file = divert(stdout, &kept_fd);
    enum cli_exit code = cli_answer(&c, timed(123456.07149));
    restore(stdout, kept_fd, file, printed);
    assert_int_equal(code, CLI_DONE);
    assert_non_null(strstr(printed, "\"seconds\": 123456.071\n"));
}

static void a_counted_word_agrees_with_its_number(void **state)
{
    (void)state;
    assert_string_equal(cli_plural(0), "s");
    assert_string_equal(cli_plural(1), "");
    assert_string_equal(cli_plural(2), "s");
    assert_string_equal(cli_plural(UINT64_MAX), "s");
}

#define TEST(name) cmocka_unit_test(name)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_time_in_a_failure_has_three_decimals),
        TEST(a_time_in_an_answer_has_three_decimals),
        TEST(a_counted_word_agrees_with_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
