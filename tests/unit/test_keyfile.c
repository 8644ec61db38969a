#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/help/key_place.h"

static void assert_public_equal(const struct key_public *a, const struct key_public *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_string_equal(a->network, b->network);
    assert_string_equal(a->name, b->name);
    assert_true(public_key_equal(&a->sign_public, &b->sign_public));
    assert_memory_equal(a->link_public, b->link_public, LINK_KEY_BYTES);
    assert_string_equal(a->peer_address, b->peer_address);
    assert_string_equal(a->client_address, b->client_address);
}

/* What is written comes back, for both kinds, with and without a passphrase, and signs. */
static void keyfile_read_of_a_written_key_gives_it_back(void **state)
{
    struct key_place *p = *state;
    for (int i = 0; i < 4; i++) {
        enum key_kind kind = i % 2 == 0 ? KEY_PARTICIPANT : KEY_REPLICA;
        const char *passphrase = i < 2 ? NULL : "open sesame";
        key_place_write(p, kind, passphrase);
        struct key expected = key_for_test(kind, 1), key;
        struct key_public from_public, from_secret;
        bool is_needed;
        assert_int_equal(keyfile_needs_passphrase(&is_needed, p->path, NULL), RC_OK);
        assert_int_equal(is_needed, passphrase != NULL);
        assert_int_equal(keyfile_read(&key, p->path, passphrase, "demo", NULL), RC_OK);
        assert_public_equal(&key.public, &expected.public);
        assert_memory_equal(&key.sign, &expected.sign, sizeof key.sign);
        assert_memory_equal(key.link_secret, expected.link_secret, LINK_KEY_BYTES);
        assert_int_equal(keyfile_read_public(&from_public, p->public_path, NULL), RC_OK);
        assert_int_equal(keyfile_read_public(&from_secret, p->path, NULL), RC_OK);
        assert_public_equal(&from_public, &expected.public);
        assert_public_equal(&from_secret, &expected.public);
        struct signature signature;
        sign_message(&signature, bytes_of_text("hello"), &key.sign);
        assert_true(sign_verify(&signature, bytes_of_text("hello"), &from_public.sign_public));
        key_close(&key);
        key_close(&expected);
        unlink(p->path);
        unlink(p->public_path);
    }
}

/* The layout of the header, line for line; the public file holds nothing of the secret. */
static void keyfile_write_makes_the_lines_of_the_header(void **state)
{
    struct key_place *p = *state;
    char text[KEY_FILE_BYTES_MAX + 1], expected[KEY_FILE_BYTES_MAX];
    char sign_hex[65], link_hex[65], seed_hex[65], secret_hex[65];
    key_place_write(p, KEY_REPLICA, NULL);
    struct key key = key_for_test(KEY_REPLICA, 1);
    public_key_to_hex(sign_hex, &key.public.sign_public);
    hex_encode(link_hex, key.public.link_public, LINK_KEY_BYTES);
    hex_encode(seed_hex, key.sign.secret, SIGN_SEED_BYTES);
    hex_encode(secret_hex, key.link_secret, LINK_KEY_BYTES);
    key_close(&key);
    int size = snprintf(expected, sizeof expected,
                        "hansa-public 1\nnetwork: demo\nkind: replica\nname: alpha\n"
                        "sign-public: %s\nlink-public: %s\npeer: 127.0.0.1:7101\n"
                        "client: [::1]:7201\n",
                        sign_hex, link_hex);
    key_place_load(p->public_path, text);
    assert_string_equal(text, expected);
    memmove(expected + 9, expected + 12, (size_t)size - 11);
    memcpy(expected, "hansa-key", 9);
    sprintf(expected + size - 3, "protection: none\nsecret: %s%s\n", seed_hex, secret_hex);
    key_place_load(p->path, text);
    assert_string_equal(text, expected);
}

/* The secret file is for its owner alone and the public one for all, whatever the umask. */
static void keyfile_write_gives_the_files_their_modes(void **state)
{
    struct key_place *p = *state;
    static const mode_t masks[] = {0, 022, 077, 0777};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        struct stat st;
        mode_t before = umask(masks[i]);
        key_place_write(p, KEY_PARTICIPANT, NULL);
        umask(before);
        assert_int_equal(stat(p->path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(stat(p->public_path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0644);
        unlink(p->path);
        unlink(p->public_path);
    }
}

/* A file in the way of either is kept as it is, and nothing else is left. */
static void keyfile_write_with_a_file_in_the_way_leaves_nothing(void **state)
{
    struct key_place *p = *state;
    const char *const taken[] = {p->path, p->public_path};
    for (int i = 0; i < 2; i++) {
        char text[KEY_FILE_BYTES_MAX + 1];
        struct key key = key_for_test(KEY_PARTICIPANT, 2);
        struct why why = {{0}};
        key_place_save(taken[i], "mine", 4);
        assert_int_equal(keyfile_write(p->path, &key, NULL, KEYFILE_COST_TEST, &why),
                         RC_FILE_EXISTS);
        assert_non_null(strstr(why.text, taken[i]));
        assert_int_equal(key_place_files_count(p), 1);
        key_place_load(taken[i], text);
        assert_string_equal(text, "mine");
        unlink(taken[i]);
        /* A link that leads nowhere is in the way too: it is not followed. */
        assert_int_equal(symlink("elsewhere", taken[i]), 0);
        assert_int_equal(keyfile_write(p->path, &key, NULL, KEYFILE_COST_TEST, NULL),
                         RC_FILE_EXISTS);
        assert_int_equal(key_place_files_count(p), 1);
        unlink(taken[i]);
        key_close(&key);
    }
}

/* When writing stops half-way (here: a limit on file sizes), neither file stays. */
static void keyfile_write_that_cannot_finish_leaves_nothing(void **state)
{
    struct key_place *p = *state;
    struct key key = key_for_test(KEY_REPLICA, 3);
    struct why why = {{0}};
    struct rlimit before, tight;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    enum rc rc = keyfile_write(p->path, &key, NULL, KEYFILE_COST_TEST, &why);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, RC_FILE_IO);
    assert_non_null(strstr(why.text, p->path));
    assert_int_equal(key_place_files_count(p), 0);
    rc = keyfile_write("/nonexistent-directory/key", &key, NULL, KEYFILE_COST_TEST, &why);
    assert_int_equal(rc, RC_FILE_IO);
    key_close(&key);
}

/* Modes wider than 0600 are refused, even for what is public; narrower ones are not. */
static void keyfile_read_of_a_wider_mode_is_refused(void **state)
{
    struct key_place *p = *state;
    static const mode_t wide[] = {0644, 0640, 0604, 0660, 0602, 0601, 0700, 04600, 01600};
    struct why why;
    struct key_public public;
    bool is_needed;
    key_place_write(p, KEY_PARTICIPANT, NULL);
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        assert_int_equal(chmod(p->path, wide[i]), 0);
        assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_FILE_MODE);
        assert_non_null(strstr(why.text, "chmod 600"));
        assert_int_equal(keyfile_read_public(&public, p->path, NULL), RC_FILE_MODE);
        assert_int_equal(keyfile_needs_passphrase(&is_needed, p->path, NULL), RC_FILE_MODE);
    }
    assert_int_equal(chmod(p->path, 0400), 0);
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_OK);
    assert_int_equal(chmod(p->path, 0600), 0);
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_OK);
    /* The mode is that of the file a link leads to. */
    assert_int_equal(chmod(p->path, 0644), 0);
    unlink(p->public_path);
    assert_int_equal(symlink("alpha.key", p->public_path), 0);
    assert_int_equal(key_place_read(p->public_path, NULL, NULL, &why), RC_FILE_MODE);
}

/* Another passphrase, none, and one too long do not open a protected file. */
static void keyfile_read_with_another_passphrase_is_refused(void **state)
{
    struct key_place *p = *state;
    char too_long[KEY_PASSPHRASE_BYTES_MAX + 2];
    struct why why;
    key_place_write(p, KEY_REPLICA, "open sesame");
    assert_int_equal(key_place_read(p->path, "open sesame", NULL, &why), RC_OK);
    assert_int_equal(key_place_read(p->path, "open sesam", NULL, &why), RC_PASSPHRASE);
    assert_int_equal(key_place_read(p->path, "open sesame ", NULL, &why), RC_PASSPHRASE);
    assert_int_equal(key_place_read(p->path, "", NULL, &why), RC_PASSPHRASE);
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_PASSPHRASE);
    memset(too_long, 'x', sizeof too_long);
    too_long[KEY_PASSPHRASE_BYTES_MAX + 1] = '\0';
    assert_int_equal(key_place_read(p->path, too_long, NULL, &why), RC_INVALID);
    unlink(p->path);
    unlink(p->public_path);
    struct key key = key_for_test(KEY_PARTICIPANT, 1);
    enum rc rc = keyfile_write(p->path, &key, too_long, KEYFILE_COST_TEST, &why);
    key_close(&key);
    assert_int_equal(rc, RC_INVALID);
    assert_int_equal(key_place_files_count(p), 0);
    too_long[KEY_PASSPHRASE_BYTES_MAX] = '\0';
    key_place_write(p, KEY_PARTICIPANT, too_long);
    assert_int_equal(key_place_read(p->path, too_long, NULL, &why), RC_OK);
}

/* The key of one network is not used in another. */
static void keyfile_read_for_another_network_is_refused(void **state)
{
    struct key_place *p = *state;
    struct why why;
    key_place_write(p, KEY_PARTICIPANT, NULL);
    assert_int_equal(key_place_read(p->path, NULL, "demo2", &why), RC_NETWORK_MISMATCH);
    assert_non_null(strstr(why.text, "'demo'"));
    assert_non_null(strstr(why.text, "'demo2'"));
    assert_int_equal(key_place_read(p->path, NULL, "dem", &why), RC_NETWORK_MISMATCH);
    assert_int_equal(key_place_read(p->path, NULL, "demo", &why), RC_OK);
}

/* What is no key file is refused: missing, a directory, a pipe, too long, a public file. */
static void keyfile_read_of_no_key_file_is_refused(void **state)
{
    struct key_place *p = *state;
    struct why why;
    static char long_text[KEY_FILE_BYTES_MAX + 1];
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_FILE_IO);
    assert_int_equal(key_place_read(p->directory, NULL, NULL, &why), RC_FILE_IO);
    assert_int_equal(mkfifo(p->path, 0600), 0);
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_FILE_IO);
    memset(long_text, 'a', sizeof long_text);
    key_place_save(p->path, long_text, sizeof long_text);
    assert_int_equal(key_place_read(p->path, NULL, NULL, &why), RC_MALFORMED);
    assert_non_null(strstr(why.text, "4096"));
    unlink(p->path);
    key_place_write(p, KEY_PARTICIPANT, NULL);
    assert_int_equal(key_place_read(p->public_path, NULL, NULL, &why), RC_MALFORMED);
    assert_non_null(strstr(why.text, "public file"));
}

/* A seed decides both keys, the two unrelated; without a seed all keys differ; closing wipes. */
static void key_make_with_and_without_a_seed(void **state)
{
    (void)state;
    static const struct key wiped;
    struct key a = key_for_test(KEY_REPLICA, 1), b = key_for_test(KEY_REPLICA, 1),
               c = key_for_test(KEY_REPLICA, 2);
    assert_memory_equal(&a.sign, &b.sign, sizeof a.sign);
    assert_memory_equal(a.link_secret, b.link_secret, LINK_KEY_BYTES);
    assert_memory_not_equal(a.link_secret, c.link_secret, LINK_KEY_BYTES);
    assert_memory_not_equal(a.link_secret, a.sign.secret, LINK_KEY_BYTES);
    struct key_public public = a.public;
    key_make(&b, &public, NULL);
    key_make(&c, &public, NULL);
    assert_memory_not_equal(&b.sign, &c.sign, sizeof b.sign);
    assert_memory_not_equal(b.link_secret, c.link_secret, LINK_KEY_BYTES);
    assert_true(public_key_is_valid(&b.public.sign_public));
    key_close(&a);
    key_close(&a);
    key_close(&b);
    key_close(&c);
    assert_memory_equal(&a, &wiped, sizeof a);
}

/* Names are 1 to 32 of a-z, 0-9 and -. */
static void key_name_outside_its_rule_is_refused(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "0", "-", "bank-7", "abcdefghijklmnopqrstuvwxyz-01234"};
    static const char *const bad[] = {"",    "A",    "a b",
                                      "a_b", "a.b",  "\xc3\xa9",
                                      "a\n", "a/..", "abcdefghijklmnopqrstuvwxyz-012345"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(key_name_is_valid(bytes_of_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(key_name_is_valid(bytes_of_text(bad[i])));
    assert_false(key_name_is_valid(bytes_of("a\0b", 3)));
}

/* Addresses are host:port, a port from 1 to 65535 in one spelling, IPv6 in brackets. */
static void key_address_outside_its_rule_is_refused(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a:1",
        "127.0.0.1:7101",
        "Bank-7.example.org:65535",
        "[::1]:1",
        "[fe80::1:2]:7101",
        "a23456789012345678901234567890123456789012345678901234567x:12345"};
    static const char *const bad[] = {
        "",
        ":",
        ":1",
        "a",
        "a:",
        "a:0",
        "a:01",
        "a:65536",
        "a:99999",
        "a:100000",
        "a:+1",
        "a:1 ",
        " a:1",
        "a b:1",
        "a_b:1",
        "a:1:2",
        "::1:7",
        "[::1]",
        "[]:1",
        "[x]:1",
        "[::1:1",
        "::1]:1",
        "[a.b]:1",
        "a:1x",
        "[::1]x:1",
        "[1.2.3.4]:1",
        "a/b:1",
        "a\n:1",
        "a23456789012345678901234567890123456789012345678901234567xy:12345"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(key_address_is_valid(bytes_of_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(key_address_is_valid(bytes_of_text(bad[i])));
    assert_false(key_address_is_valid(bytes_of("[::1\0]:1", 8)));
    assert_false(key_address_is_valid(bytes_of("a\0:1", 4)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, key_place_make, key_place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keyfile_read_of_a_written_key_gives_it_back),
        TEST(keyfile_write_makes_the_lines_of_the_header),
        TEST(keyfile_write_gives_the_files_their_modes),
        TEST(keyfile_write_with_a_file_in_the_way_leaves_nothing),
        TEST(keyfile_write_that_cannot_finish_leaves_nothing),
        TEST(keyfile_read_of_a_wider_mode_is_refused),
        TEST(keyfile_read_with_another_passphrase_is_refused),
        TEST(keyfile_read_for_another_network_is_refused),
        TEST(keyfile_read_of_no_key_file_is_refused),
        cmocka_unit_test(key_make_with_and_without_a_seed),
        cmocka_unit_test(key_name_outside_its_rule_is_refused),
        cmocka_unit_test(key_address_outside_its_rule_is_refused),
    };
    return cmocka_run_group_tests_name("keyfile", tests, NULL, NULL);
}
