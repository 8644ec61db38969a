/* The configuration of a node: strict, each fault named with its place. */
#include "tests/help/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/check.h"
#include "node/hansad/config.h"
#include "tests/help/scratch.h"

static struct config config;
static struct asked asked;
static struct why why;

enum { WORDS_MAX = 24 };

/* words: the command line, with spaces between. */
static enum rc read_words(const char *words)
{
    char text[2 * PATH_MAX], *argv[WORDS_MAX + 1];
    int argc = 0;
    char *rest = text;
    why = (struct why){{0}};
    snprintf(text, sizeof text, "hansad %s", words);
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        if (*word != '\0') {
            CHECK(argc < WORDS_MAX);
            argv[argc++] = word;
        }
    argv[argc] = NULL;
    return config_read(&config, &asked, argc, argv, &why);
}

static enum rc read_file(const char *directory, const char *json, const char *more)
{
    char words[2048];
    char *path = scratch_join(directory, "node.json");
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(json, file) >= 0 && fclose(file) == 0);
    snprintf(words, sizeof words, "--config %s %s", path, more);
    free(path);
    return read_words(words);
}

static void assert_says(const char *words)
{
    if (strstr(why.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why.text, words);
}

#define LEAST "--genesis g.json --key a.key --data d"
#define FILE_LEAST                                                                                 \
    "\"hansad_config\": 1, \"genesis\": \"g.json\", \"key\": \"a.key\", \"data\": \"d\""

static void flags_alone_are_enough(void **state)
{
    (void)state;
    assert_int_equal(read_words(LEAST), RC_OK);
    assert_string_equal(config.genesis, "g.json");
    assert_string_equal(config.key, "a.key");
    assert_string_equal(config.data, "d");
    assert_string_equal(config.peer_bind, "");
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(config.log_format, LOG_LOGFMT);
    assert_int_equal(config.verify_threads, 0);
    assert_int_equal(config.map_bytes, 0);
    assert_int_equal(config.disk_reserve_bytes, UINT64_C(1) << 30);
    assert_int_equal(config.snapshot_behind_heights, 16384);
    assert_false(config.backups);
    assert_false(asked.init || asked.check || asked.help || asked.version);
}

static void what_is_needed_and_missing_is_named(void **state)
{
    assert_int_equal(read_words("--genesis g.json --key a.key"), RC_REFUSED);
    assert_says("--data is missing");
    assert_int_equal(read_words(""), RC_REFUSED);
    assert_says("--genesis is missing");
    assert_int_equal(read_file(*state, "{\"hansad_config\": 1}", "--genesis g --data d"),
                     RC_REFUSED);
    assert_says("--key is missing");
}

static void paths_in_the_file_are_relative_to_the_file(void **state)
{
    char expected[2048];
    assert_int_equal(read_file(*state,
                               "{\"hansad_config\": 1, \"genesis\": \"../g.json\", \"key\": "
                               "\"/abs/a.key\", \"data\": \"d\"}",
                               ""),
                     RC_OK);
    snprintf(expected, sizeof expected, "%s/../g.json", (char *)*state);
    assert_string_equal(config.genesis, expected);
    assert_string_equal(config.key, "/abs/a.key");
    snprintf(expected, sizeof expected, "%s/d", (char *)*state);
    assert_string_equal(config.data, expected);
}

static void every_field_of_the_file_is_taken(void **state)
{
    assert_int_equal(read_file(*state,
                               "{" FILE_LEAST ", \"passphrase_file\": \"/p\", \"peer_bind\": "
                               "\"[::1]:1\", \"client_bind\": \"0.0.0.0:65535\", \"log_level\": "
                               "\"debug\", \"log_format\": \"json\", \"verify_threads\": 3, "
                               "\"map_bytes\": 70368744177664, \"disk_reserve_bytes\": 0, "
                               "\"snapshot_behind_heights\": 300, "
                               "\"backups\": true}",
                               ""),
                     RC_OK);
    assert_string_equal(config.passphrase_file, "/p");
    assert_string_equal(config.peer_bind, "[::1]:1");
    assert_string_equal(config.client_bind, "0.0.0.0:65535");
    assert_int_equal(config.log_level, LOG_DEBUG);
    assert_int_equal(config.log_format, LOG_JSON);
    assert_int_equal(config.verify_threads, 3);
    assert_int_equal(config.map_bytes, UINT64_C(1) << 46);
    assert_int_equal(config.disk_reserve_bytes, 0);
    assert_int_equal(config.snapshot_behind_heights, 300);
    assert_true(config.backups);
}

static void a_flag_overrides_the_file_wherever_it_stands(void **state)
{
    assert_int_equal(read_file(*state, "{" FILE_LEAST ", \"log_level\": \"debug\"}",
                               "--data other --log-level=error --verify-threads 7 --backups"),
                     RC_OK);
    assert_string_equal(config.data, "other");
    assert_int_equal(config.log_level, LOG_ERROR);
    assert_int_equal(config.verify_threads, 7);
    assert_true(config.backups);
}

static void a_wrong_field_is_refused_by_its_name(void **state)
{
    static const struct {
        const char *field, *words;
    } wrong[] = {
        {"\"kye\": \"x\"", "kye: unknown field"},
        {"\"log_level\": \"loud\"", "log_level: must be error, warn, info or debug"},
        {"\"log_level\": 3", "log_level: must be a text"},
        {"\"log_format\": \"xml\"", "log_format: must be logfmt or json"},
        {"\"peer_bind\": \"7100\"", "peer_bind: must be HOST:PORT"},
        {"\"client_bind\": \"host:0\"", "client_bind: must be HOST:PORT"},
        {"\"verify_threads\": 257", "verify_threads: must be a number from 0 to 256"},
        {"\"map_bytes\": \"1\"", "map_bytes: must be a whole number"},
        {"\"map_bytes\": 70368744177665", "map_bytes: must be a number"},
        {"\"disk_reserve_bytes\": -1", "disk_reserve_bytes: must be a number"},
        {"\"snapshot_behind_heights\": 0", "snapshot_behind_heights: must be a number from 1"},
        {"\"backups\": 1", "backups: must be true or false"},
        {"\"passphrase_file\": \"\"", "passphrase_file: a path has one character"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char json[512];
        snprintf(json, sizeof json, "{" FILE_LEAST ", %s}", wrong[i].field);
        assert_int_equal(read_file(*state, json, ""), RC_INVALID);
        assert_says("node.json");
        assert_says(wrong[i].words);
    }
}

/* For words about what a setting's value turns out to be. */
static void the_place_of_a_setting_is_the_file_or_the_flag(void **state)
{
    char place[CONFIG_PLACE_BYTES];
    assert_int_equal(read_words(LEAST), RC_OK);
    assert_string_equal(config_place(place, &config, "genesis"), "--genesis");
    assert_string_equal(config_place(place, &config, "passphrase_file"), "--passphrase-file");
    assert_int_equal(read_file(*state, "{" FILE_LEAST "}", "--data other"), RC_OK);
    assert_non_null(strstr(config_place(place, &config, "genesis"), "node.json: genesis"));
    assert_string_equal(config_place(place, &config, "data"), "--data");
}

static void a_file_of_another_version_or_none_is_refused(void **state)
{
    assert_int_equal(read_file(*state, "{\"genesis\": \"g\"}", ""), RC_INVALID);
    assert_says("hansad_config: this field is missing");
    assert_int_equal(read_file(*state, "{\"hansad_config\": 2}", ""), RC_INVALID);
    assert_says("hansad_config: must be 1 (here: 2)");
    assert_int_equal(read_file(*state, "{\"hansad_config\": 1,", ""), RC_MALFORMED);
    assert_int_equal(read_words("--config /nowhere/node.json"), RC_FILE_IO);
    assert_says("/nowhere/node.json");
}

static void wrong_usage_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *words, *says;
    } wrong[] = {
        {"--bogus", "there is no option --bogus"},
        {"--inits", "there is no option --inits"},
        {"node.json", "is no option; a file is given by --config"},
        {"--config", "--config needs a value"},
        {LEAST " --log-level", "--log-level needs a value"},
        {LEAST " --log-level loud", "--log-level: must be"},
        {LEAST " --init=yes", "--init takes no value"},
        {LEAST " --backups=no", "--backups takes no value"},
        {LEAST " --verify-threads 01", "--verify-threads: must be a number from 0 to 256"},
        {LEAST " --verify-threads 257", "--verify-threads: must be a number"},
        {LEAST " --map-bytes 99999999999999999999999", "--map-bytes: must be a number"},
        {LEAST " --map-bytes 1k", "--map-bytes: must be a number"},
        {LEAST " --peer-bind x", "--peer-bind: must be HOST:PORT"},
        {"--genesis= --key a --data d", "--genesis: a path has one character"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(read_words(wrong[i].words), RC_REFUSED);
        assert_says(wrong[i].says);
    }
}

static void help_and_version_need_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(read_words("--help"), RC_OK);
    assert_true(asked.help);
    assert_int_equal(read_words("--config /nowhere --version"), RC_OK);
    assert_true(asked.version);
    assert_int_equal(read_words(LEAST " --init --check"), RC_OK);
    assert_true(asked.init && asked.check);
}

static enum rc read_key_of(int size)
{
    static char words[2 * PATH_MAX];
    snprintf(words, sizeof words, "--genesis g --data d --key %0*d", size, 0);
    return read_words(words);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_key_of(PATH_MAX - 1), RC_OK);
    assert_int_equal(read_key_of(PATH_MAX), RC_REFUSED);
    assert_says("--key: the path is longer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_alone_are_enough),
        cmocka_unit_test(what_is_needed_and_missing_is_named),
        cmocka_unit_test(paths_in_the_file_are_relative_to_the_file),
        cmocka_unit_test(every_field_of_the_file_is_taken),
        cmocka_unit_test(a_flag_overrides_the_file_wherever_it_stands),
        cmocka_unit_test(a_wrong_field_is_refused_by_its_name),
        cmocka_unit_test(a_file_of_another_version_or_none_is_refused),
        cmocka_unit_test(wrong_usage_is_named),
        cmocka_unit_test(help_and_version_need_nothing_else),
        cmocka_unit_test(the_place_of_a_setting_is_the_file_or_the_flag),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests_name("hansad_config", tests, scratch_setup, scratch_teardown);
}
