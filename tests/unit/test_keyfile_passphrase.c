/* Passphrases from files: one line that nobody else can read, and never quoted. */
#include "tests/help/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/help/key_place.h"

static struct key_passphrase passphrase;

/* On a refusal no secret is left, and the words begin with the path and do not quote the line. */
static enum rc read_saved(const struct key_place *p, const char *text, size_t size,
                          const char *words)
{
    static const struct key_passphrase wiped;
    struct why why = {{0}};
    key_place_save(p->path, text, size);
    memset(&passphrase, 0xee, sizeof passphrase);
    enum rc rc = key_passphrase_read(&passphrase, p->path, &why);
    if (rc == RC_OK)
        return rc;
    assert_memory_equal(&passphrase, &wiped, sizeof passphrase);
    assert_true(strncmp(why.text, p->path, strlen(p->path)) == 0);
    assert_non_null(strstr(why.text, words));
    assert_null(strstr(why.text, "sesame"));
    return rc;
}
#define READ(text, words) read_saved(p, text, sizeof text - 1, words)

static void a_line_is_read_with_or_without_its_newline(void **state)
{
    const struct key_place *p = *state;
    assert_int_equal(READ("open sesame\n", ""), RC_OK);
    assert_string_equal(passphrase.text, "open sesame");
    assert_int_equal(READ("open sesame", ""), RC_OK);
    assert_string_equal(passphrase.text, "open sesame");
    assert_int_equal(READ(" \t\xc4\x8d\r\n", ""), RC_OK); /* whatever it is, but for one newline */
    assert_string_equal(passphrase.text, " \t\xc4\x8d\r");
    key_passphrase_close(&passphrase);
    static const struct key_passphrase wiped;
    assert_memory_equal(&passphrase, &wiped, sizeof passphrase);
    key_passphrase_close(&passphrase);
}

static void what_is_not_one_line_is_refused(void **state)
{
    const struct key_place *p = *state;
    assert_int_equal(READ("", "empty"), RC_MALFORMED);
    assert_int_equal(READ("\n", "empty"), RC_MALFORMED);
    assert_int_equal(READ("open\nsesame\n", "one line"), RC_MALFORMED);
    assert_int_equal(READ("open sesame\n\n", "one line"), RC_MALFORMED);
    assert_int_equal(READ("open\0sesame\n", "NUL"), RC_MALFORMED);
    assert_int_equal(READ("open sesame\0", "NUL"), RC_MALFORMED);
}

static void a_passphrase_has_1024_bytes_at_most(void **state)
{
    const struct key_place *p = *state;
    static char text[8192];
    memset(text, 'a', sizeof text);
    assert_int_equal(read_saved(p, text, KEY_PASSPHRASE_BYTES_MAX, ""), RC_OK);
    assert_int_equal(strlen(passphrase.text), KEY_PASSPHRASE_BYTES_MAX);
    text[KEY_PASSPHRASE_BYTES_MAX] = '\n';
    assert_int_equal(read_saved(p, text, KEY_PASSPHRASE_BYTES_MAX + 1, ""), RC_OK);
    assert_int_equal(strlen(passphrase.text), KEY_PASSPHRASE_BYTES_MAX);
    text[KEY_PASSPHRASE_BYTES_MAX] = 'a';
    static const size_t too_long[] = {KEY_PASSPHRASE_BYTES_MAX + 1, KEY_PASSPHRASE_BYTES_MAX + 2,
                                      KEY_PASSPHRASE_BYTES_MAX + 3, KEY_FILE_BYTES_MAX,
                                      KEY_FILE_BYTES_MAX + 1,       sizeof text};
    for (size_t i = 0; i < sizeof too_long / sizeof *too_long; i++)
        assert_int_equal(read_saved(p, text, too_long[i], "at most 1024 bytes"), RC_MALFORMED);
}

static void a_file_that_others_can_read_is_refused(void **state)
{
    const struct key_place *p = *state;
    struct why why = {{0}};
    static const mode_t modes[] = {0640, 0604, 0610, 0700, 04600};
    key_place_save(p->path, "open sesame\n", 12);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(p->path, modes[i]), 0);
        assert_int_equal(key_passphrase_read(&passphrase, p->path, &why), RC_FILE_MODE);
        assert_non_null(strstr(why.text, "chmod 600"));
        assert_non_null(strstr(why.text, "passphrase file"));
        assert_int_equal(passphrase.text[0], '\0');
    }
    assert_int_equal(chmod(p->path, 0400), 0);
    assert_int_equal(key_passphrase_read(&passphrase, p->path, &why), RC_OK);
    key_passphrase_close(&passphrase);
}

static void what_is_no_file_is_said(void **state)
{
    const struct key_place *p = *state;
    struct why why = {{0}};
    assert_int_equal(key_passphrase_read(&passphrase, p->path, &why), RC_FILE_IO);
    assert_non_null(strstr(why.text, "No such file"));
    assert_int_equal(key_passphrase_read(&passphrase, p->directory, &why), RC_FILE_IO);
    assert_non_null(strstr(why.text, "is not a file"));
    assert_int_equal(mkfifo(p->path, 0600),
                     0); /* nobody writes into it: that must not be waited for */
    assert_int_equal(key_passphrase_read(&passphrase, p->path, &why), RC_FILE_IO);
    assert_non_null(strstr(why.text, "is not a file"));
}

static void a_typed_line_is_judged_the_same(void **state)
{
    (void)state;
    struct why why = {{0}};
    struct key_passphrase typed = {"open sesame\nxyz"};
    assert_int_equal(key_passphrase_take(&typed, 12, &why), RC_OK);
    assert_string_equal(typed.text, "open sesame");
    memset(typed.text, 'a', sizeof typed.text);
    assert_int_equal(key_passphrase_take(&typed, sizeof typed.text, &why), RC_MALFORMED);
    assert_int_equal(key_passphrase_take(&typed, 0, &why), RC_MALFORMED);
}

#define AT_PLACE(test) cmocka_unit_test_setup_teardown(test, key_place_make, key_place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AT_PLACE(a_line_is_read_with_or_without_its_newline),
        AT_PLACE(what_is_not_one_line_is_refused),
        AT_PLACE(a_passphrase_has_1024_bytes_at_most),
        AT_PLACE(a_file_that_others_can_read_is_refused),
        AT_PLACE(what_is_no_file_is_said),
        AT_PLACE(a_typed_line_is_judged_the_same),
    };
    return cmocka_run_group_tests_name("keyfile_passphrase", tests, NULL, NULL);
}
