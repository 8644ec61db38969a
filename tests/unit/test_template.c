/* Templates: places for the fields of a row, and adapters between them. */
#include "tests/help/unit.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/hansa/template.h"

struct row {
    int fd;
    struct csv csv;
};

static void row_open(struct row *r)
{
    static const char text[] = "bank_to,account_to,amount,note,empty\n"
                               "YZ,87144583,\"2452,5\", M\xc3\xbcller & Co. ,\n";
    struct why why = {""};
    r->fd = memfd_create("csv", MFD_CLOEXEC);
    assert_int_equal(write(r->fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    assert_int_equal(lseek(r->fd, 0, SEEK_SET), 0);
    assert_int_equal(csv_open(&r->csv, r->fd, ',', &why), RC_OK);
    assert_int_equal(csv_next(&r->csv, &why), RC_OK);
}

static void row_close(struct row *r)
{
    csv_close(&r->csv);
    close(r->fd);
}

static void assert_filled(const char *template, const char *expected)
{
    struct row r;
    struct template t;
    struct buf out = {0};
    struct why why = {""};
    row_open(&r);
    if (template_parse(&t, template, &r.csv, &why) != RC_OK)
        fail_msg("'%s': %s", template, why.text);
    if (template_fill(&out, &t, &r.csv, &why) != RC_OK)
        fail_msg("'%s': %s", template, why.text);
    buf_add_u8(&out, '\0');
    assert_string_equal((const char *)out.data, expected);
    buf_free(&out);
    template_close(&t);
    row_close(&r);
}

static void fields_stand_where_the_template_names_them(void **state)
{
    (void)state;
    assert_filled("{bank_to}/{account_to}", "YZ/87144583");
    assert_filled("home/{account_to}", "home/87144583");
    assert_filled("CZK", "CZK");
    assert_filled("", "");
    assert_filled("{empty}", "");
    assert_filled("{{{bank_to}}}", "{YZ}");
    assert_filled("a}}b{{c", "a}b{c");
}

static void adapters_change_the_field(void **state)
{
    (void)state;
    assert_filled("{bank_to|lower}", "yz");
    assert_filled("{bank_to|lower|upper}", "YZ");
    assert_filled("{note|trim}", "M\xc3\xbcller & Co.");
    assert_filled("{note|trim|slug}", "M--ller---Co.");
    assert_filled("{note|trim|first:2}", "M\xc3\xbc");
    assert_filled("{note|first:100|trim}", "M\xc3\xbcller & Co.");
    assert_filled("{amount|comma}", "2452.5");
    assert_filled("{amount|comma|decimals:2}", "2452.50");
    assert_filled("{account_to|decimals:2}", "87144583.00");
    assert_filled("{account_to|decimals:0}", "87144583");
    assert_filled("{account_to|pad:10}", "0087144583");
    assert_filled("{account_to|pad:3}", "87144583");
    assert_filled("{empty|or:none}", "none");
    assert_filled("{bank_to|or:none}", "YZ");
}

static void assert_unparsed(const char *template, const char *words)
{
    struct row r;
    struct template t;
    struct why why = {""};
    row_open(&r);
    assert_int_equal(template_parse(&t, template, &r.csv, &why), RC_INVALID);
    if (strstr(why.text, words) == NULL)
        fail_msg("'%s': no '%s' in '%s'", template, words, why.text);
    row_close(&r);
}

static void what_is_no_template_is_refused(void **state)
{
    (void)state;
    assert_unparsed("{bank}", "no column 'bank'; the file has: bank_to, account_to, amount");
    assert_unparsed("{}", "no column ''");
    assert_unparsed("{bank_to", "is not closed");
    assert_unparsed("{bank_to{", "is not closed");
    assert_unparsed("bank_to}", "closes nothing");
    assert_unparsed("{bank_to|lowr}", "did you mean lower?");
    assert_unparsed("{bank_to|}", "no adapter ''");
    assert_unparsed("{bank_to|lower:2}", "is written lower");
    assert_unparsed("{bank_to|pad}", "is written pad:N");
    assert_unparsed("{bank_to|pad:x}", "a number from 0 to 128");
    assert_unparsed("{bank_to|trim|trim|trim|trim|trim|trim|trim|trim|trim}", "more than 8");
}

static void what_an_adapter_cannot_take_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"{amount|comma|decimals:0}", "{empty|decimals:2}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct row r;
        struct template t;
        struct buf out = {0};
        struct why why = {""};
        row_open(&r);
        assert_int_equal(template_parse(&t, wrong[i], &r.csv, &why), RC_OK);
        assert_int_equal(template_fill(&out, &t, &r.csv, &why), RC_INVALID);
        assert_non_null(strstr(why.text, "column '"));
        buf_free(&out);
        template_close(&t);
        row_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_stand_where_the_template_names_them),
        cmocka_unit_test(adapters_change_the_field),
        cmocka_unit_test(what_is_no_template_is_refused),
        cmocka_unit_test(what_an_adapter_cannot_take_is_refused),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
