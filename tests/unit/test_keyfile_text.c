#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/help/key_place.h"

/* Replaces the line that starts with name (up to its end) by with. */
static size_t replace_line(char *out, const char *text, const char *name, const char *with)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    const char *rest = strchr(at, '\n');
    assert_non_null(rest);
    return (size_t)sprintf(out, "%.*s%s%s", (int)(at - text), text, with, rest);
}

/* Cut anywhere, a file is refused; so is one with anything after its end. */
static void keyfile_read_of_a_truncated_file_is_refused(void **state)
{
    struct key_place *p = *state;
    static const char *const passphrases[] = {NULL, "open sesame"};
    char text[KEY_FILE_BYTES_MAX + 1];
    struct why why;
    struct key_public public;
    for (int i = 0; i < 2; i++) {
        unlink(p->path);
        unlink(p->public_path);
        key_place_write(p, KEY_REPLICA, passphrases[i]);
        assert_int_equal(key_place_read(p->path, passphrases[i], NULL, &why), RC_OK);
        size_t size = key_place_load(p->path, text);
        for (size_t left = 0; left < size; left++) {
            key_place_save(p->path, text, left);
            assert_int_equal(key_place_read(p->path, passphrases[i], NULL, &why), RC_MALFORMED);
        }
        static const char *const more[] = {"\n", "x", "secret: 00\n", " "};
        for (int j = 0; j < 4; j++) {
            strcpy(text + size, more[j]);
            key_place_save(p->path, text, strlen(text));
            assert_int_equal(key_place_read(p->path, passphrases[i], NULL, &why), RC_MALFORMED);
        }
    }
    size_t size = key_place_load(p->public_path, text);
    for (size_t left = 0; left < size; left++) {
        key_place_save(p->public_path, text, left);
        assert_int_equal(keyfile_read_public(&public, p->public_path, NULL), RC_MALFORMED);
    }
}

/* Every line has one place and one spelling: dropped, doubled, swapped, with a CR, a space, a
 * capital or a wrong first byte, the file is refused. */
static void keyfile_read_with_any_line_changed_is_refused(void **state)
{
    struct key_place *p = *state;
    char text[KEY_FILE_BYTES_MAX + 1], changed[2 * KEY_FILE_BYTES_MAX];
    struct why why;
    key_place_write(p, KEY_REPLICA, "open sesame");
    assert_int_equal(key_place_read(p->path, "open sesame", NULL, &why), RC_OK);
    key_place_load(p->path, text);
    uint32_t lines_count = 0;
    for (char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        int before = (int)(line - text), size = (int)(strchr(line, '\n') - line) + 1;
        const char *after = line + size;
        sprintf(changed, "%.*s%s", before, text, after);
        key_place_save(p->path, changed, strlen(changed));
        assert_int_equal(key_place_read(p->path, "open sesame", NULL, &why), RC_MALFORMED);
        static const char *const formats[] = {"%.*s%.*s%.*s%s", "%.*s%.*s\r\n%s", "%.*s%.*s \n%s",
                                              "%.*s %.*s\n%s",  "%.*sX%.*s\n%s",  "%.*s\n%.*s\n%s"};
        sprintf(changed, formats[0], before, text, size, line, size, line, after);
        key_place_save(p->path, changed, strlen(changed));
        assert_int_equal(key_place_read(p->path, "open sesame", NULL, &why), RC_MALFORMED);
        for (size_t i = 1; i < sizeof formats / sizeof formats[0]; i++) {
            sprintf(changed, formats[i], before, text, size - 1, line, after);
            key_place_save(p->path, changed, strlen(changed));
            assert_int_equal(key_place_read(p->path, "open sesame", NULL, &why), RC_MALFORMED);
        }
        int next = (int)(strchrnul(after, '\n') - after) + 1;
        if (*after != '\0') {
            sprintf(changed, "%.*s%.*s%.*s%s", before, text, next, after, size, line, after + next);
            key_place_save(p->path, changed, strlen(changed));
            assert_int_equal(key_place_read(p->path, "open sesame", NULL, &why), RC_MALFORMED);
        }
        lines_count++;
    }
    assert_int_equal(lines_count, 14);
}

/* In a protected file every line is bound to the secret: a change that reads well is refused. */
static void keyfile_read_of_a_protected_file_with_another_value_is_refused(void **state)
{
    struct key_place *p = *state;
    static const char other_salt[] = "salt: 000102030405060708090a0b0c0d0e0f";
    static const char other_nonce[] = "nonce: 000102030405060708090a0b0c0d0e0f1011121314151617";
    struct key other = key_for_test(KEY_REPLICA, 9);
    char sign_line[96] = "sign-public: ", link_line[96] = "link-public: ";
    public_key_to_hex(sign_line + strlen(sign_line), &other.public.sign_public);
    hex_encode(link_line + strlen(link_line), other.public.link_public, LINK_KEY_BYTES);
    key_close(&other);
    const struct {
        const char *name, *with;
    } changes[] = {{"network", "network: dem0"}, {"name", "name: beta"},
                   {"sign-public", sign_line},   {"link-public", link_line},
                   {"peer", "peer: [::1]:7101"}, {"client", "client: a:1"},
                   {"opslimit", "opslimit: 2"},  {"memlimit", "memlimit: 16384"},
                   {"salt", other_salt},         {"nonce", other_nonce}};
    char text[KEY_FILE_BYTES_MAX + 1], changed[2 * KEY_FILE_BYTES_MAX];
    struct why why;
    key_place_write(p, KEY_REPLICA, "open sesame");
    assert_int_equal(key_place_read(p->path, "open sesame", NULL, &why), RC_OK);
    key_place_load(p->path, text);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "\n%s", changes[i].name);
        char with[128];
        snprintf(with, sizeof with, "\n%s", changes[i].with);
        char *at = strstr(text, name);
        assert_non_null(at);
        sprintf(changed, "%.*s%s%s", (int)(at - text), text, with, strchr(at + 1, '\n'));
        key_place_save(p->path, changed, strlen(changed));
        assert_int_equal(key_place_read(p->path, "open sesame", NULL, &why), RC_PASSPHRASE);
    }
    /* The last digit of the secret, too. */
    size_t size = strlen(text);
    text[size - 2] = text[size - 2] == '0' ? '1' : '0';
    key_place_save(p->path, text, size);
    assert_int_equal(key_place_read(p->path, "open sesame", NULL, &why), RC_PASSPHRASE);
}

/* A secret that does not make the public lines is refused, signing and link key alike. */
static void keyfile_read_of_a_secret_of_other_public_lines_is_refused(void **state)
{
    struct key_place *p = *state;
    struct key other = key_for_test(KEY_REPLICA, 9);
    char sign_line[96] = "sign-public: ", link_line[96] = "link-public: ";
    char text[KEY_FILE_BYTES_MAX + 1], changed[KEY_FILE_BYTES_MAX + 1];
    struct why why;
    public_key_to_hex(sign_line + strlen(sign_line), &other.public.sign_public);
    hex_encode(link_line + strlen(link_line), other.public.link_public, LINK_KEY_BYTES);
    key_close(&other);
    key_place_write(p, KEY_REPLICA, NULL);
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_OK);
    key_place_load(p->path, text);
    key_place_save(p->path, changed, replace_line(changed, text, "sign-public", sign_line));
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_KEY_MISMATCH);
    key_place_save(p->path, changed, replace_line(changed, text, "link-public", link_line));
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_KEY_MISMATCH);
    char *secret = strstr(text, "secret: ");
    assert_non_null(secret);
    secret[8] = secret[8] == '0' ? '1' : '0';
    key_place_save(p->path, text, strlen(text));
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_KEY_MISMATCH);
}

/* Values outside their rules are refused, the costs of a hostile file among them. */
static void keyfile_read_with_a_value_out_of_range_is_refused(void **state)
{
    struct key_place *p = *state;
    static const struct {
        const char *name, *with;
    } changes[] = {
        {"opslimit", "opslimit: 11"},
        {"opslimit", "opslimit: 0"},
        {"opslimit", "opslimit: 03"},
        {"opslimit", "opslimit: +3"},
        {"opslimit", "opslimit: 18446744073709551617"},
        {"memlimit", "memlimit: 1073741825"},
        {"memlimit", "memlimit: 8191"},
        {"memlimit", "memlimit: 1e4"},
        {"protection", "protection: argon2i"},
        {"kind", "kind: observer"},
        {"network", "network: Demo"},
        {"peer", "peer: 127.0.0.1:0"},
        {"client", "client: 127.0.0.1"},
        {"sign-public",
         "sign-public: 0100000000000000000000000000000000000000000000000000000000000000"},
        {"hansa-key", "hansa-key 2"},
    };
    char text[KEY_FILE_BYTES_MAX + 1], changed[2 * KEY_FILE_BYTES_MAX];
    struct why why;
    key_place_write(p, KEY_REPLICA, "open sesame");
    assert_int_equal(key_place_read(p->path, "open sesame", NULL, &why), RC_OK);
    key_place_load(p->path, text);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        key_place_save(p->path, changed,
                       replace_line(changed, text, changes[i].name, changes[i].with));
        assert_int_equal(key_place_read(p->path, "open sesame", NULL, &why), RC_MALFORMED);
        assert_non_null(strstr(why.text, ": line "));
    }
}

/* Words about a bad file never show a secret, even where lines changed places. */
static void keyfile_read_of_a_bad_file_never_quotes_the_secret(void **state)
{
    struct key_place *p = *state;
    char text[KEY_FILE_BYTES_MAX + 1], changed[2 * KEY_FILE_BYTES_MAX];
    struct why why;
    key_place_write(p, KEY_REPLICA, NULL);
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_OK);
    key_place_load(p->path, text);
    char *secret = strstr(text, "secret: ");
    assert_non_null(secret);
    for (char *line = text; line < secret; line = strchr(line, '\n') + 1) {
        sprintf(changed, "%.*s%s%s", (int)(line - text), text, secret, line);
        key_place_save(p->path, changed, strlen(changed));
        assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_MALFORMED);
        assert_null(strstr(why.text, "0101010101"));
    }
    key_place_save(p->path, text, strlen(text) - 3);
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_MALFORMED);
    assert_null(strstr(why.text, "0101010101"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_place_make, key_place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keyfile_read_of_a_truncated_file_is_refused),
        TEST(keyfile_read_with_any_line_changed_is_refused),
        TEST(keyfile_read_of_a_protected_file_with_another_value_is_refused),
        TEST(keyfile_read_of_a_secret_of_other_public_lines_is_refused),
        TEST(keyfile_read_with_a_value_out_of_range_is_refused),
        TEST(keyfile_read_of_a_bad_file_never_quotes_the_secret),
    };
    return cmocka_run_group_tests_name("keyfile_text", tests, NULL, NULL);
}
