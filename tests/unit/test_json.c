#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "genesis/json.h"

static json_t *parsed(const char *text)
{
    json_t *document;
    struct why why = {""};
    if (json_read(&document, bytes_of_text(text), &why) != RC_OK)
        fail_msg("%s: %s", text, why.text);
    return document;
}

static void assert_says(const struct why *why, const char *words)
{
    if (strstr(why->text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why->text, words);
}

/* What is not one whole JSON document is refused, and the words say where it went wrong. */
static void document_that_is_not_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        " ",
                                        "{",
                                        "[1",
                                        "{} {}",
                                        "{} x",
                                        "5",
                                        "\"a\"",
                                        "{'a': 1}",
                                        "{\"a\": 1,}",
                                        "[1,]",
                                        "{\"a\" 1}",
                                        "[01]",
                                        "[1e999]",
                                        "[+1]",
                                        "[NaN]",
                                        "[\"\\ud800\"]",
                                        "[\"\xff\"]",
                                        "[\"a\nb\"]",
                                        "// x\n{}",
                                        "[99999999999999999999]",
                                        "[\"a\\u0000b\"]",
                                        "{\"a\\u0000b\": 1}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *document = NULL;
        struct why why = {""};
        if (json_read(&document, bytes_of_text(wrong[i]), &why) != RC_MALFORMED)
            fail_msg("accepted: %s", wrong[i]);
        assert_null(document);
        assert_says(&why, "line ");
        assert_says(&why, "column ");
    }
    json_t *document;
    struct why why = {""};
    assert_int_equal(json_read(&document, bytes_of("{}\0", 3), &why), RC_MALFORMED);
    assert_int_equal(json_read(&document, bytes_of_text("{\n \"a\": 1,\n x}"), &why), RC_MALFORMED);
    assert_says(&why, "line 3");
}

/* A field that stands twice is refused at any depth: readers disagree about which one counts. */
static void document_with_a_duplicate_field_is_refused(void **state)
{
    (void)state;
    json_t *document;
    struct why why = {""};
    assert_int_equal(json_read(&document, bytes_of_text("{\"a\": 1, \"a\": 1}"), &why),
                     RC_MALFORMED);
    assert_says(&why, "duplicate");
    assert_int_equal(
        json_read(&document, bytes_of_text("[{\"b\": {\"a\": 1, \"\\u0061\": 2}}]"), &why),
        RC_MALFORMED);
}

/* Brackets without end do not exhaust the stack. */
static void document_of_very_deep_nesting_is_refused(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    char *text = mem_alloc(DEPTH);
    memset(text, '[', DEPTH);
    json_t *document;
    assert_int_equal(json_read(&document, bytes_of(text, DEPTH), NULL), RC_MALFORMED);
    mem_free(text);
}

/* What a file holds does not reach the terminal as it is. */
static void words_about_a_document_are_printable(void **state)
{
    (void)state;
    struct why why = {""};
    json_t *document;
    assert_int_equal(json_read(&document, bytes_of_text("{\"a\": \033[31mred}"), &why),
                     RC_MALFORMED);
    assert_null(strchr(why.text, '\033'));

    static const char *const none[] = {NULL};
    document = parsed("{\"\\u001b[31m\x7f\xc3\xa9\": 1}");
    struct json_at root = json_root(document);
    assert_int_equal(json_expect_object(&root, none, &why), RC_INVALID);
    for (const char *c = why.text; *c != '\0'; c++)
        assert_true(*c >= 0x20 && *c < 0x7f);
    json_decref(document);

    document = parsed("[\"\\u001b[31m\x7f\xc3\xa9\"]");
    root = json_root(document);
    struct json_at item = json_item(&root, 0);
    assert_int_equal(json_refuse(&item, &why, "no"), RC_INVALID);
    for (const char *c = why.text; *c != '\0'; c++)
        assert_true(*c >= 0x20 && *c < 0x7f);
    json_decref(document);
}

/* Fields and items know the path they stand on. */
static void path_of_a_place_names_fields_and_indexes(void **state)
{
    (void)state;
    json_t *document = parsed("{\"members\": [{}, {\"peer\": \"x\"}]}");
    struct json_at root = json_root(document);
    struct json_at members = json_field(&root, "members");
    assert_int_equal(json_items_count(&members), 2);
    struct json_at second = json_item(&members, 1);
    struct json_at peer = json_field(&second, "peer");
    assert_string_equal(peer.path, "members[1].peer");
    struct json_at missing = json_field(&second, "client");
    assert_null(missing.value);
    struct why why;
    assert_int_equal(json_refuse(&peer, &why, "must be %d", 7), RC_INVALID);
    assert_string_equal(why.text, "members[1].peer: must be 7 (here: \"x\")");
    json_decref(document);
}

/* An object may lack only what is optional and have only what is known. */
static void object_with_other_fields_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "?b", NULL};
    static const struct {
        const char *text;
        enum rc rc;
        const char *words;
    } cases[] = {
        {"[{\"a\": 1}]", RC_OK, ""},
        {"[{\"b\": 1, \"a\": null}]", RC_OK, ""},
        {"[{\"b\": 1}]", RC_INVALID, "[0].a: this field is missing"},
        {"[{}]", RC_INVALID, "[0].a: this field is missing"},
        {"[{\"a\": 1, \"c\": 1}]", RC_INVALID, "[0].c: unknown field; the fields here are: a, b"},
        {"[{\"a\": 1, \"?b\": 1}]", RC_INVALID, "[0].?b: unknown"},
        {"[{\"a\": 1, \"\": 1}]", RC_INVALID, "[0].: unknown"},
        {"[[]]", RC_INVALID, "[0]: must be an object (here: an array)"},
        {"[null]", RC_INVALID, "[0]: must be an object (here: null)"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *document = parsed(cases[i].text);
        struct json_at root = json_root(document);
        struct json_at item = json_item(&root, 0);
        struct why why = {""};
        assert_int_equal(json_expect_object(&item, names, &why), cases[i].rc);
        assert_says(&why, cases[i].words);
        json_decref(document);
    }
}

/* An object that knows very many fields names the first of them. */
static void object_of_many_fields_names_the_first(void **state)
{
    (void)state;
    char name[60][16];
    const char *names[61] = {NULL};
    for (size_t i = 0; i < 60; i++) {
        snprintf(name[i], sizeof name[i], "?parameter_%zu", i);
        names[i] = name[i];
    }
    json_t *document = parsed("{\"other\": 1}");
    struct json_at root = json_root(document);
    struct why why = {""};
    assert_int_equal(json_expect_object(&root, names, &why), RC_INVALID);
    assert_says(&why, "other: unknown field; the fields here are: parameter_0, parameter_1, ");
    assert_says(&why, ", ...");
    json_decref(document);
}

/* The count of an array's items has a least and a most. */
static void array_of_another_count_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum rc rc;
    } cases[] = {{"[1]", RC_INVALID},
                 {"[1,2]", RC_OK},
                 {"[1,2,3]", RC_OK},
                 {"[1,2,3,4]", RC_INVALID},
                 {"{}", RC_INVALID}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *document = parsed(cases[i].text);
        struct json_at root = json_root(document);
        struct why why = {""};
        assert_int_equal(json_expect_array(&root, 2, 3, &why), cases[i].rc);
        if (cases[i].rc != RC_OK)
            assert_says(&why, "the document: ");
        json_decref(document);
    }
}

/* A number is an integer in its range and nothing that looks like one. */
static void integer_of_another_kind_or_range_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"[1]",
                                        "[13]",
                                        "[-5]",
                                        "[5.0]",
                                        "[5e0]",
                                        "[\"5\"]",
                                        "[true]",
                                        "[null]",
                                        "[[5]]",
                                        "[{}]",
                                        "[9223372036854775807]",
                                        "[-9223372036854775808]"};
    uint64_t value = 77;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *document = parsed(wrong[i]);
        struct json_at root = json_root(document);
        struct json_at item = json_item(&root, 0);
        struct why why = {""};
        assert_int_equal(json_expect_integer(&value, &item, 2, 12, &why), RC_INVALID);
        assert_says(&why, "[0]: must be a ");
        assert_true(value == 77);
        json_decref(document);
    }
    json_t *document = parsed("[2, 12, 9223372036854775807]");
    struct json_at root = json_root(document);
    struct json_at item = json_item(&root, 0);
    assert_int_equal(json_expect_integer(&value, &item, 2, 12, NULL), RC_OK);
    assert_true(value == 2);
    item = json_item(&root, 1);
    assert_int_equal(json_expect_integer(&value, &item, 2, 12, NULL), RC_OK);
    assert_true(value == 12);
    item = json_item(&root, 2);
    assert_int_equal(json_expect_integer(&value, &item, 0, UINT64_MAX, NULL), RC_OK);
    assert_true(value == INT64_MAX);
    json_decref(document);
}

/* Texts and truth values are taken as such only; a long value is cut in the words. */
static void text_and_bool_of_another_kind_are_refused(void **state)
{
    (void)state;
    json_t *document = parsed("[\"true\", true, false, 1]");
    struct json_at root = json_root(document);
    struct bytes text;
    bool truth = false;
    for (size_t i = 0; i < 4; i++) {
        struct json_at item = json_item(&root, i);
        assert_int_equal(json_expect_text(&text, &item, NULL), i == 0 ? RC_OK : RC_INVALID);
        bool is_bool = i == 1 || i == 2;
        assert_int_equal(json_expect_bool(&truth, &item, NULL), is_bool ? RC_OK : RC_INVALID);
        assert_int_equal(truth, i == 1);
    }
    assert_true(bytes_equal(text, bytes_of_text("true")));
    json_decref(document);

    char long_text[1000];
    memset(long_text, 'a', sizeof long_text);
    memcpy(long_text, "[\"", 2);
    memcpy(long_text + sizeof long_text - 3, "\"]", 3);
    document = parsed(long_text);
    root = json_root(document);
    struct json_at item = json_item(&root, 0);
    struct why why;
    assert_int_equal(json_expect_bool(&truth, &item, &why), RC_INVALID);
    assert_says(&why, "aaa...)");
    assert_true(strlen(why.text) < 160);
    json_decref(document);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* A file is read up to its bound; what goes wrong is said with its path. */
static void file_is_read_up_to_its_bound(void **state)
{
    (void)state;
    char path[] = "/tmp/hansa-test-json-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    json_t *document;
    struct why why = {""};
    write_text(path, "{\"a\": 1}\n");
    assert_int_equal(json_read_file(&document, path, 9, &why), RC_OK);
    json_decref(document);
    assert_int_equal(json_read_file(&document, path, 8, &why), RC_MALFORMED);
    assert_says(&why, path);
    assert_says(&why, "8 bytes");
    write_text(path, "{\"a\": ");
    assert_int_equal(json_read_file(&document, path, 100, &why), RC_MALFORMED);
    assert_says(&why, path);
    assert_says(&why, "line 1");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(json_read_file(&document, path, 100, &why), RC_FILE_IO);
    assert_says(&why, path);
    assert_says(&why, "No such file");
    assert_int_equal(json_read_file(&document, "/", 100, &why), RC_FILE_IO);
    assert_says(&why, "directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_that_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(document_with_a_duplicate_field_is_refused),
        cmocka_unit_test(document_of_very_deep_nesting_is_refused),
        cmocka_unit_test(words_about_a_document_are_printable),
        cmocka_unit_test(path_of_a_place_names_fields_and_indexes),
        cmocka_unit_test(object_with_other_fields_is_refused),
        cmocka_unit_test(object_of_many_fields_names_the_first),
        cmocka_unit_test(array_of_another_count_is_refused),
        cmocka_unit_test(integer_of_another_kind_or_range_is_refused),
        cmocka_unit_test(text_and_bool_of_another_kind_are_refused),
        cmocka_unit_test(file_is_read_up_to_its_bound),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
