/* What a node stands on: genesis, key, store and marker, each judged and all together (rule 4.2);
 * and that a look writes nothing. */
#include "tests/help/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "genesis/json.h"
#include "node/driver/records.h"
#include "node/hansad/home.h"
#include "tests/help/scratch.h"

enum { MEMBERS = 4 };

static struct config config;
static struct home home;
static struct why why;

/* ---- a consortium in the scratch directory ---- */

static void make_key(struct key *out, uint32_t index, const char *network, enum key_kind kind)
{
    struct key_public public = {.kind = kind};
    uint8_t seed[SIGN_SEED_BYTES];
    memset(seed, (int)index + 1, sizeof seed);
    snprintf(public.network, sizeof public.network, "%s", network);
    snprintf(public.name, sizeof public.name, "m%u", (unsigned)index);
    if (kind == KEY_REPLICA) {
        snprintf(public.peer_address, sizeof public.peer_address, "127.0.0.1:%u", 7101 + index);
        snprintf(public.client_address, sizeof public.client_address, "127.0.0.1:%u", 7201 + index);
    }
    key_make(out, &public, seed);
}

static void write_key(const char *path, uint32_t index, const char *network, enum key_kind kind)
{
    struct key key;
    make_key(&key, index, network, kind);
    assert_int_equal(keyfile_write(path, &key, NULL, KEYFILE_COST_TEST, &why), RC_OK);
    key_close(&key);
}

static void write_genesis(const char *path, uint64_t status_ms)
{
    json_t *document;
    CHECK(json_read_file(&document, "genesis/example/genesis.json", GENESIS_FILE_BYTES_MAX, &why) ==
          RC_OK); /* run from the root */
    json_t *members = json_object_get(document, "members");
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct key key;
        char sign_hex[2 * PUBLIC_KEY_BYTES + 1], link_hex[2 * LINK_KEY_BYTES + 1];
        make_key(&key, i, "hansa-example", KEY_REPLICA);
        public_key_to_hex(sign_hex, &key.public.sign_public);
        hex_encode(link_hex, key.public.link_public, LINK_KEY_BYTES);
        json_object_set_new(json_array_get(members, i), "sign_key", json_string(sign_hex));
        json_object_set_new(json_array_get(members, i), "link_key", json_string(link_hex));
        key_close(&key);
    }
    json_object_set_new(json_object_get(document, "parameters"), "status_ms",
                        json_integer((json_int_t)status_ms));
    char *text = json_dumps(document, JSON_INDENT(2));
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    mem_free(text);
    json_decref(document);
}

static int setup(void **state)
{
    CHECK(scratch_setup(state) == 0);
    const char *directory = *state;
    memset(&config, 0, sizeof config);
    memset(&home, 0, sizeof home);
    why = (struct why){{0}};
    config.map_bytes = (uint64_t)1 << 30;
    config.snapshot_behind_heights = 16384;
    snprintf(config.genesis, sizeof config.genesis, "%s/genesis.json", directory);
    snprintf(config.key, sizeof config.key, "%s/m1.key", directory);
    snprintf(config.data, sizeof config.data, "%s/data", directory);
    write_genesis(config.genesis, 250);
    write_key(config.key, 1, "hansa-example", KEY_REPLICA);
    return 0;
}

/* A key's first start, and its end. */
static void start_first(void)
{
    assert_int_equal(home_open(&home, &config, true, &why), RC_OK);
    assert_true(home.is_first);
    assert_false(home.is_fenced);
    home_close(&home);
}

/* Neither by a start nor by a look, and for the same reason. */
static void assert_no_start(bool init, enum rc rc, const char *words)
{
    struct why looked = {{0}};
    assert_int_equal(home_check(&home, &config, init, &looked), rc);
    assert_int_equal(home_open(&home, &config, init, &why), rc);
    assert_string_equal(looked.text, why.text);
    if (strstr(why.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why.text, words);
    assert_null(home.kv);
    assert_null(home.store);
}

/* 9.3: inside the window blocks come by themselves. */
static void a_state_is_not_taken_for_being_a_little_behind(void **state)
{
    (void)state;
    config.snapshot_behind_heights = 255;
    assert_no_start(true, RC_INVALID,
                    "snapshot_behind_heights: 255 is less than this chain's window_heights, 256");
    config.snapshot_behind_heights = 256;
    start_first();
}

static bool is_there(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static void move(const char *directory, const char *from, const char *to)
{
    char *old_path = scratch_join(directory, from), *new_path = scratch_join(directory, to);
    assert_int_equal(rename(old_path, new_path), 0);
    free(old_path);
    free(new_path);
}

/* As after votes: a reservation in the store and in the marker. */
static void reserve(uint64_t in_store, uint64_t in_marker)
{
    struct kv_batch *batch = kv_batch_new();
    const struct pbft_rank reserved = {.height = in_store};
    assert_int_equal(home_open(&home, &config, false, &why), RC_OK);
    records_put_reserved(batch, &reserved);
    assert_int_equal(kv_commit(home.kv, batch, &why), RC_OK);
    kv_batch_free(batch);
    home.marker.reserved.height = in_marker;
    assert_int_equal(marker_write(home.marker_path, &home.marker, &why), RC_OK);
    home_close(&home);
}

/* ---- the first start ---- */

static void a_first_start_makes_store_and_marker_and_the_next_one_finds_them(void **state)
{
    (void)state;
    assert_no_start(false, RC_NOT_FOUND, "--init");
    assert_false(is_there(config.data));
    start_first();
    assert_int_equal(home_open(&home, &config, false, &why), RC_OK);
    assert_false(home.is_first);
    assert_false(home.is_fenced);
    assert_int_equal(home.own_index, 1);
    assert_string_equal(home_member(&home)->name, "gdansk");
    assert_int_equal(store_head(home.store)->height, 0);
    assert_memory_equal(home.marker.store_id, store_identity(home.store)->store_id, STORE_ID_BYTES);
    home_close(&home);
}

static void a_look_at_a_first_start_makes_nothing(void **state)
{
    (void)state;
    assert_int_equal(home_check(&home, &config, true, &why), RC_OK);
    assert_true(home.is_first);
    assert_null(home.store);
    assert_string_equal(home_peer_address(&home), "ledger.gdansk.example:7101");
    char marker[PATH_MAX];
    snprintf(marker, sizeof marker, "%s", home.marker_path);
    home_close(&home);
    assert_false(is_there(config.data));
    assert_false(is_there(marker));
}

static void a_first_start_that_did_nothing_may_be_done_again(void **state)
{
    (void)state;
    start_first();
    assert_int_equal(home_open(&home, &config, true, &why), RC_OK);
    home_close(&home);
    reserve(1024, 1024);
    assert_no_start(true, RC_INVALID, "leave --init out");
}

static void a_start_cut_off_before_its_marker_is_done_again(void **state)
{
    start_first();
    char *marker = scratch_join(*state, "m1.key.marker");
    assert_int_equal(unlink(marker), 0);
    free(marker);
    assert_no_start(false, RC_NOT_FOUND, "no marker");
    start_first();
}

/* ---- what may not start ---- */

static void keys_that_are_no_members_are_refused(void **state)
{
    const char *directory = *state;
    snprintf(config.key, sizeof config.key, "%s/other.key", directory);
    assert_no_start(true, RC_FILE_IO, "No such file");
    write_key(config.key, 9, "hansa-example", KEY_REPLICA);
    assert_no_start(true, RC_KEY_MISMATCH, "no member's");
    snprintf(config.key, sizeof config.key, "%s/net.key", directory);
    write_key(config.key, 1, "elsewhere", KEY_REPLICA);
    assert_no_start(true, RC_NETWORK_MISMATCH, "elsewhere");
    snprintf(config.key, sizeof config.key, "%s/bank.key", directory);
    write_key(config.key, 1, "hansa-example", KEY_PARTICIPANT);
    assert_no_start(true, RC_INVALID, "participant");
    assert_false(is_there(config.data));
}

static void another_members_store_is_refused(void **state)
{
    start_first();
    snprintf(config.key, sizeof config.key, "%s/m2.key", (const char *)*state);
    write_key(config.key, 2, "hansa-example", KEY_REPLICA);
    assert_no_start(true, RC_REPLICA_MISMATCH, config.data);
}

static void store_of_another_genesis_is_refused(void **state)
{
    (void)state;
    start_first();
    write_genesis(config.genesis, 300);
    assert_no_start(false, RC_GENESIS_MISMATCH, config.data);
}

static void used_store_without_its_marker_is_refused(void **state)
{
    start_first();
    reserve(1024, 1024);
    move(*state, "m1.key.marker", "away");
    assert_no_start(true, RC_INVALID, "has been used");
    assert_no_start(false, RC_NOT_FOUND, "no marker");
    move(*state, "away", "m1.key.marker");
    assert_int_equal(home_open(&home, &config, false, &why), RC_OK);
    assert_false(home.is_fenced);
    home_close(&home);
}

/* What a start cannot use a look refuses too, and both for the cause that is the real one. */
static void a_data_directory_that_cannot_be_one_is_refused(void **state)
{
    char words[2 * PATH_MAX];
    snprintf(config.data, sizeof config.data, "%s", config.genesis);
    assert_no_start(true, RC_NOT_A_STORE, "--data: ");
    assert_non_null(strstr(why.text, "Not a directory"));
    snprintf(config.data, sizeof config.data, "%s/none/data//", (const char *)*state);
    snprintf(words, sizeof words, "there is no directory %s/none:", (const char *)*state);
    assert_no_start(true, RC_FILE_IO, words);
    snprintf(config.data, sizeof config.data, "/proc/x");
    assert_no_start(true, RC_FILE_IO, "nothing can be made in /proc: these are the kernel's own");
    snprintf(config.data, sizeof config.data, "/proc");
    assert_no_start(true, RC_FILE_IO, "nothing can be made in it");
}

/* ---- who never votes again ---- */

static void assert_fenced(const char *words)
{
    assert_true(home.is_fenced);
    assert_false(home.is_first);
    assert_non_null(strstr(home.fence_why.text, "never votes again"));
    assert_non_null(strstr(home.fence_why.text, config.data));
    assert_non_null(strstr(home.fence_why.text, "is that the right one?"));
    assert_null(strstr(home.fence_why.text, "membership change"));
    assert_non_null(strstr(home.fence_why.text, words));
}

static void a_lost_store_is_made_anew_for_a_learner(void **state)
{
    start_first();
    move(*state, "data", "away");
    assert_int_equal(home_check(&home, &config, false, &why), RC_OK);
    assert_fenced("not in the data directory");
    assert_null(home.store);
    home_close(&home);
    assert_false(is_there(config.data));
    for (int i = 0; i < 2; i++) { /* the new store is not the one that the marker names */
        assert_int_equal(home_open(&home, &config, false, &why), RC_OK);
        assert_fenced(i == 0 ? "not in the data directory" : "another store");
        assert_non_null(home.store);
        home_close(&home);
    }
    move(*state, "data", "newer");
    move(*state, "away", "data");
    assert_int_equal(home_open(&home, &config, false, &why), RC_OK);
    assert_false(home.is_fenced); /* its own store again */
    home_close(&home);
}

static void a_store_behind_its_marker_makes_a_learner(void **state)
{
    (void)state;
    start_first();
    reserve(1024, 2048);
    assert_int_equal(home_open(&home, &config, false, &why), RC_OK);
    assert_fenced("height 2048; the store knows up to view 0, height 1024");
    home_close(&home);
    reserve(2048, 1024); /* the store goes first: 4.2 */
    assert_int_equal(home_open(&home, &config, false, &why), RC_OK);
    assert_false(home.is_fenced);
    home_close(&home);
}

/* ---- addresses ---- */

static void the_configuration_overrides_where_it_listens(void **state)
{
    (void)state;
    snprintf(config.peer_bind, sizeof config.peer_bind, "0.0.0.0:1");
    snprintf(config.client_bind, sizeof config.client_bind, "0.0.0.0:2");
    assert_int_equal(home_check(&home, &config, true, &why), RC_OK);
    assert_string_equal(home_peer_address(&home), "0.0.0.0:1");
    assert_string_equal(home_client_address(&home), "0.0.0.0:2");
    home_close(&home);
}

#define HOME_TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOME_TEST(a_first_start_makes_store_and_marker_and_the_next_one_finds_them),
        HOME_TEST(a_look_at_a_first_start_makes_nothing),
        HOME_TEST(a_state_is_not_taken_for_being_a_little_behind),
        HOME_TEST(a_first_start_that_did_nothing_may_be_done_again),
        HOME_TEST(a_start_cut_off_before_its_marker_is_done_again),
        HOME_TEST(keys_that_are_no_members_are_refused),
        HOME_TEST(another_members_store_is_refused),
        HOME_TEST(store_of_another_genesis_is_refused),
        HOME_TEST(used_store_without_its_marker_is_refused),
        HOME_TEST(a_data_directory_that_cannot_be_one_is_refused),
        HOME_TEST(a_lost_store_is_made_anew_for_a_learner),
        HOME_TEST(a_store_behind_its_marker_makes_a_learner),
        HOME_TEST(the_configuration_overrides_where_it_listens),
    };
    return cmocka_run_group_tests_name("hansad_home", tests, NULL, NULL);
}
