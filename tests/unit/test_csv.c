/* The reader of CSV files: what RFC 4180 allows is read, all else is refused with its line. */
#include "tests/help/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/hansa/csv.h"

static int file_of(const char *text, size_t size)
{
    int fd = memfd_create("csv", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), (ssize_t)size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* What a row reads as: its fields with bars between them. */
static void assert_row(const struct csv *c, const char *expected)
{
    struct buf joined = {0};
    for (size_t i = 0; i < c->columns_count; i++) {
        if (i > 0)
            buf_add_u8(&joined, '|');
        buf_add_bytes(&joined, csv_field(c, i));
    }
    buf_add_u8(&joined, '\0');
    assert_string_equal((const char *)joined.data, expected);
    buf_free(&joined);
}

static void assert_rows(const char *text, const char *const *rows)
{
    struct csv c;
    struct why why = {""};
    int fd = file_of(text, strlen(text));
    assert_int_equal(csv_open(&c, fd, ',', &why), RC_OK);
    for (; *rows != NULL; rows++) {
        assert_int_equal(csv_next(&c, &why), RC_OK);
        assert_row(&c, *rows);
    }
    assert_int_equal(csv_next(&c, &why), RC_NOT_FOUND);
    csv_close(&c);
    close(fd);
}

/* Read up to the first error: its code, and words that begin so. */
static void assert_refused(struct bytes text, enum rc expected, const char *words)
{
    struct csv c;
    struct why why = {""};
    int fd = file_of((const char *)text.data, text.size);
    enum rc rc = csv_open(&c, fd, ',', &why);
    if (rc == RC_OK) {
        while (rc == RC_OK)
            rc = csv_next(&c, &why);
        csv_close(&c);
    }
    close(fd);
    assert_int_equal(rc, expected);
    if (strncmp(why.text, words, strlen(words)) != 0)
        fail_msg("'%s' does not begin with '%s'", why.text, words);
}

static void rows_are_read_with_every_end_of_line(void **state)
{
    (void)state;
    const char *const rows[] = {"1|2", "3|4", NULL};
    assert_rows("a,b\n1,2\n3,4\n", rows);
    assert_rows("a,b\n1,2\n3,4", rows);
    assert_rows("a,b\r\n1,2\r\n3,4\r\n", rows);
    assert_rows("\xef\xbb\xbf"
                "a,b\r\n1,2\n3,4",
                rows);
}

static void quoted_fields_hold_delimiters_quotes_and_lines(void **state)
{
    (void)state;
    const char *const rows[] = {"x,y|say \"no\"", "two\r\nlines|", "|", NULL};
    assert_rows("a,\"b\"\n\"x,y\",\"say \"\"no\"\"\"\n\"two\r\nlines\",\"\"\n,\n", rows);
}

static void a_mark_alone_does_not_hide_a_quoted_header(void **state)
{
    (void)state;
    struct csv c;
    struct why why = {""};
    const char text[] = "\xef\xbb\xbf\"a b\",c\n1,2\n";
    int fd = file_of(text, sizeof text - 1);
    assert_int_equal(csv_open(&c, fd, ',', &why), RC_OK);
    assert_int_equal(csv_column(&c, bytes_of_text("a b")), 0);
    assert_int_equal(csv_column(&c, bytes_of_text("c")), 1);
    assert_int_equal(csv_column(&c, bytes_of_text("d")), 2);
    csv_close(&c);
    close(fd);
}

static void another_delimiter_makes_commas_text(void **state)
{
    (void)state;
    struct csv c;
    struct why why = {""};
    int fd = file_of("a;b\n1,5;2\n", 10);
    assert_int_equal(csv_open(&c, fd, ';', &why), RC_OK);
    assert_int_equal(csv_next(&c, &why), RC_OK);
    assert_row(&c, "1,5|2");
    csv_close(&c);
    close(fd);
}

static void ragged_rows_are_refused_and_the_next_one_is_read(void **state)
{
    (void)state;
    struct csv c;
    struct why why = {""};
    const char text[] = "a,b\n1\n1,2,3\n\n1,2\n";
    int fd = file_of(text, sizeof text - 1);
    assert_int_equal(csv_open(&c, fd, ',', &why), RC_OK);
    assert_int_equal(csv_next(&c, &why), RC_INVALID);
    assert_string_equal(why.text, "line 2: the row has 1 field, and the header names 2 columns");
    assert_int_equal(csv_next(&c, &why), RC_INVALID);
    assert_string_equal(why.text, "line 3: the row has 3 fields, and the header names 2 columns");
    assert_int_equal(csv_next(&c, &why), RC_INVALID);
    assert_string_equal(why.text, "line 4: the line is empty");
    assert_int_equal(csv_next(&c, &why), RC_OK);
    assert_row(&c, "1|2");
    csv_close(&c);
    close(fd);
}

static void what_is_no_csv_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } wrong[] = {
        {"", "line 1: the file is empty"},
        {"\xef\xbb\xbf", "line 1: the file is empty"},
        {"a,a\n", "line 1: two columns have the same name, 'a'"},
        {"a,b\n1,x\"y\n", "line 2: there is a quote inside a field"},
        {"a,b\n1,\"x\"y\n", "line 2: there is text behind a closing quote"},
        {"a,b\n1,2\n1,\"x\n\n", "line 3: a quoted field of this row is not closed"},
        {"a,b\n1,2\r1,2\n", "line 2: there is a carriage return that ends no line"},
        {"a,b\n\"1\n2\",3\n4,5\"\n", "line 4: there is a quote inside a field"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused(bytes_of_text(wrong[i].text), RC_MALFORMED, wrong[i].words);
    assert_refused(bytes_of("a,b\n1,\0\n", 8), RC_MALFORMED, "line 2: there is a NUL byte");
    assert_refused(bytes_of("a,b\n1,\"\0\"\n", 10), RC_MALFORMED, "line 2: there is a NUL byte");
}

/* A file without line ends, as binary files are, must not fill the memory. */
static void rows_without_end_are_refused(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_add(&text, "a\n", 2);
    memset(buf_grow(&text, 2 * CSV_ROW_BYTES_MAX), 'x', 2 * CSV_ROW_BYTES_MAX);
    assert_refused(buf_bytes(&text), RC_MALFORMED, "line 2: the row is longer than 256 KiB");
    buf_clear(&text);
    memset(buf_grow(&text, CSV_COLUMNS_MAX), ',', CSV_COLUMNS_MAX);
    assert_refused(buf_bytes(&text), RC_MALFORMED, "line 1: there are more than 256 fields");
    buf_free(&text);
}

/* Rows lie across the pieces in which the file is read. */
static void many_rows_are_read_in_flat_memory(void **state)
{
    (void)state;
    enum { ROWS = 50000 };
    struct buf text = {0};
    buf_add(&text, "n,text\n", 7);
    for (int i = 0; i < ROWS; i++) {
        char row[64];
        int size = snprintf(row, sizeof row, "%d,\"row, %d\"\r\n", i, i);
        buf_add(&text, row, (size_t)size);
    }
    struct csv c;
    struct why why = {""};
    int fd = file_of((const char *)text.data, text.size);
    assert_int_equal(csv_open(&c, fd, ',', &why), RC_OK);
    for (int i = 0; i < ROWS; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "%d|row, %d", i, i);
        assert_int_equal(csv_next(&c, &why), RC_OK);
        assert_row(&c, expected);
        assert_int_equal(c.row_line, i + 2);
        assert_true(c.text.room < 1024);
    }
    assert_int_equal(csv_next(&c, &why), RC_NOT_FOUND);
    struct digest whole, expected;
    csv_digest(&c, &whole);
    digest_of(&expected, TAG_RECORD, buf_bytes(&text));
    assert_true(digest_equal(&whole, &expected));
    csv_close(&c);
    close(fd);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_with_every_end_of_line),
        cmocka_unit_test(quoted_fields_hold_delimiters_quotes_and_lines),
        cmocka_unit_test(a_mark_alone_does_not_hide_a_quoted_header),
        cmocka_unit_test(another_delimiter_makes_commas_text),
        cmocka_unit_test(ragged_rows_are_refused_and_the_next_one_is_read),
        cmocka_unit_test(what_is_no_csv_is_refused_with_its_line),
        cmocka_unit_test(rows_without_end_are_refused),
        cmocka_unit_test(many_rows_are_read_in_flat_memory),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
