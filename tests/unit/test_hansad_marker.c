/* The marker beside the key: one file, one text, replaced as a whole; and what a start makes of it
 * (rule 4.2). */
#include "tests/help/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "node/hansad/marker.h"
#include "tests/help/scratch.h"

static struct why why;

static struct marker sample(void)
{
    return (struct marker){.chain_id = {{1, 2, 3}},
                           .key = {{4, 5, 6}},
                           .store_id = {7, 8, 9},
                           .reserved = {.epoch = 1, .view = 2, .height = UINT64_MAX}};
}

static size_t read_text(const char *path, char text[static MARKER_FILE_BYTES_MAX])
{
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    size_t size = fread(text, 1, MARKER_FILE_BYTES_MAX, file);
    fclose(file);
    return size;
}

static void write_text(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fwrite(text, 1, size, file) == size && fclose(file) == 0);
}

static void assert_same(const struct marker *a, const struct marker *b)
{
    assert_memory_equal(&a->chain_id, &b->chain_id, sizeof a->chain_id);
    assert_memory_equal(&a->key, &b->key, sizeof a->key);
    assert_memory_equal(a->store_id, b->store_id, STORE_ID_BYTES);
    assert_int_equal(pbft_rank_compare(&a->reserved, &b->reserved), 0);
}

/* ---- the file ---- */

static void what_is_written_is_read(void **state)
{
    char *path = scratch_join(*state, "a.key.marker");
    struct marker m = sample(), got;
    struct stat st;
    assert_int_equal(marker_read(&got, path, &why), RC_NOT_FOUND);
    assert_int_equal(marker_write(path, &m, &why), RC_OK);
    assert_int_equal(marker_read(&got, path, &why), RC_OK);
    assert_same(&got, &m);
    m.reserved = (struct pbft_rank){.epoch = 1, .view = 3, .height = 1024};
    assert_int_equal(marker_write(path, &m, &why), RC_OK);
    assert_int_equal(marker_read(&got, path, &why), RC_OK);
    assert_same(&got, &m);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    free(path);
}

/* A node that stopped while it wrote leaves the old marker, and a piece that is in nobody's way. */
static void a_torn_new_marker_leaves_the_old_one(void **state)
{
    char *path = scratch_join(*state, "torn.marker"),
         *new_path = scratch_join(*state, "torn.marker.new");
    struct marker m = sample(), got;
    assert_int_equal(marker_write(path, &m, &why), RC_OK);
    write_text(new_path, "hansa-mark", 10);
    assert_int_equal(marker_read(&got, path, &why), RC_OK);
    assert_same(&got, &m);
    m.reserved.view++;
    assert_int_equal(marker_write(path, &m, &why), RC_OK);
    assert_int_equal(marker_read(&got, path, &why), RC_OK);
    assert_same(&got, &m);
    assert_int_not_equal(access(new_path, F_OK), 0);
    free(new_path);
    free(path);
}

/* Each bit, each cut, a byte more: none reads as a marker. */
static void a_damaged_marker_is_refused(void **state)
{
    char *path = scratch_join(*state, "damaged.marker");
    char text[MARKER_FILE_BYTES_MAX], bent[MARKER_FILE_BYTES_MAX + 1];
    struct marker m = sample(), got;
    assert_int_equal(marker_write(path, &m, &why), RC_OK);
    size_t size = read_text(path, text);
    for (size_t i = 0; i < size * 8; i++) {
        memcpy(bent, text, size);
        bent[i / 8] = (char)(bent[i / 8] ^ 1 << i % 8);
        write_text(path, bent, size);
        assert_int_equal(marker_read(&got, path, &why), RC_MALFORMED);
    }
    for (size_t left = 0; left < size; left++) {
        write_text(path, text, left);
        assert_int_equal(marker_read(&got, path, &why), RC_MALFORMED);
    }
    memcpy(bent, text, size);
    bent[size] = '\n';
    write_text(path, bent, size + 1);
    assert_int_equal(marker_read(&got, path, &why), RC_MALFORMED);
    assert_non_null(strstr(why.text, "damaged.marker"));
    assert_non_null(strstr(why.text, "new key"));
    free(path);
}

static void a_directory_that_is_not_there_is_said(void **state)
{
    char *path = scratch_join(*state, "nowhere/a.marker");
    struct marker m = sample();
    assert_int_equal(marker_write(path, &m, &why), RC_FILE_IO);
    assert_non_null(strstr(why.text, "nowhere/a.marker"));
    free(path);
}

static void a_path_too_long_for_its_marker_is_refused(void **state)
{
    (void)state;
    char out[PATH_MAX], key[PATH_MAX];
    memset(key, 'k', sizeof key);
    key[PATH_MAX - 1] = '\0';
    assert_int_equal(marker_path(out, key, &why), RC_INVALID);
    assert_int_equal(marker_path(out, "a.key", &why), RC_OK);
    assert_string_equal(out, "a.key.marker");
}

/* ---- judging ---- */

/* A key that has been started before, on its own store, at the same reservation. */
static struct marker held;
static struct marker_case begun(void)
{
    held = sample();
    held.reserved = (struct pbft_rank){.epoch = 0, .view = 1, .height = 1024};
    struct marker_case c = {.marker = &held,
                            .chain_id = held.chain_id,
                            .key = held.key,
                            .data_path = "the/data",
                            .has_store = true,
                            .is_used = true,
                            .reserved = held.reserved};
    memcpy(c.store_id, held.store_id, STORE_ID_BYTES);
    return c;
}

static void assert_judged(const struct marker_case *c, enum marker_verdict verdict, enum rc rc,
                          const char *words)
{
    enum rc got;
    why = (struct why){{0}};
    assert_int_equal(marker_judge(c, &got, &why), verdict);
    assert_int_equal(got, rc);
    if (strstr(why.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why.text, words);
}

static void a_store_at_or_above_its_marker_may_vote(void **state)
{
    (void)state;
    struct marker_case c = begun();
    assert_judged(&c, MARKER_FITS, RC_OK, "");
    c.reserved.height += 1024; /* stopped between the store and the marker */
    assert_judged(&c, MARKER_FITS, RC_OK, "");
    c.reserved = (struct pbft_rank){.epoch = 0, .view = 2, .height = 0};
    assert_judged(&c, MARKER_FITS, RC_OK, "");
}

static void a_store_below_its_marker_never_votes_again(void **state)
{
    (void)state;
    struct marker_case c = begun();
    c.reserved.height--;
    assert_judged(&c, MARKER_FENCED, RC_STORE_ROLLED_BACK,
                  "in the data directory the/data is older");
    c.reserved = (struct pbft_rank){.epoch = 0, .view = 0, .height = 9999};
    assert_judged(&c, MARKER_FENCED, RC_STORE_ROLLED_BACK, "no way yet to give");
}

static void another_store_or_none_never_votes_again(void **state)
{
    (void)state;
    struct marker_case c = begun();
    c.store_id[STORE_ID_BYTES - 1] ^= 1;
    assert_judged(&c, MARKER_FENCED, RC_STORE_ROLLED_BACK,
                  "in the data directory the/data: is that the right one?");
    c = begun();
    c.has_store = false;
    assert_judged(&c, MARKER_FENCED, RC_STORE_ROLLED_BACK,
                  "not in the data directory the/data: is that the right one?");
}

static void a_key_without_marker_needs_init_and_a_new_store(void **state)
{
    (void)state;
    struct marker_case c = begun();
    c.marker = NULL;
    assert_judged(&c, MARKER_REFUSED, RC_NOT_FOUND, "--init");
    c.has_store = false;
    assert_judged(&c, MARKER_REFUSED, RC_NOT_FOUND, "--init");
    c.init = true;
    assert_judged(&c, MARKER_FIRST, RC_OK, "");
    c.has_store = true; /* made by a start that was cut off before it wrote the marker */
    c.is_used = false;
    assert_judged(&c, MARKER_FIRST, RC_OK, "");
    c.is_used = true;
    assert_judged(&c, MARKER_REFUSED, RC_INVALID, "has been used");
}

static void init_is_refused_where_a_marker_is(void **state)
{
    (void)state;
    struct marker_case c = begun();
    c.init = true;
    assert_judged(&c, MARKER_REFUSED, RC_INVALID, "leave --init out");
    c.has_store = false;
    assert_judged(&c, MARKER_REFUSED, RC_INVALID, "leave --init out");
}

/* It ended for want of a port, say: nothing was signed, and whoever started it starts it again. */
static void a_first_start_that_did_nothing_may_be_done_again(void **state)
{
    (void)state;
    struct marker_case c = begun();
    c.init = true;
    c.is_used = false;
    assert_judged(&c, MARKER_REFUSED, RC_INVALID, "leave --init out");
    held.reserved = c.reserved = (struct pbft_rank){0};
    assert_judged(&c, MARKER_FITS, RC_OK, "");
    c.is_used = true;
    assert_judged(&c, MARKER_REFUSED, RC_INVALID, "leave --init out");
    c.is_used = false;
    c.store_id[0] ^= 1;
    assert_judged(&c, MARKER_REFUSED, RC_INVALID, "leave --init out");
}

static void a_marker_of_another_chain_or_key_is_refused(void **state)
{
    (void)state;
    struct marker_case c = begun();
    c.chain_id.bytes[0] ^= 1;
    assert_judged(&c, MARKER_REFUSED, RC_GENESIS_MISMATCH, "0002030000");
    assert_non_null(strstr(why.text, "0102030000"));
    c = begun();
    c.key.bytes[31] ^= 1;
    assert_judged(&c, MARKER_REFUSED, RC_KEY_MISMATCH, "another key's");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_torn_new_marker_leaves_the_old_one),
        cmocka_unit_test(a_damaged_marker_is_refused),
        cmocka_unit_test(a_directory_that_is_not_there_is_said),
        cmocka_unit_test(a_path_too_long_for_its_marker_is_refused),
        cmocka_unit_test(a_store_at_or_above_its_marker_may_vote),
        cmocka_unit_test(a_store_below_its_marker_never_votes_again),
        cmocka_unit_test(another_store_or_none_never_votes_again),
        cmocka_unit_test(a_key_without_marker_needs_init_and_a_new_store),
        cmocka_unit_test(init_is_refused_where_a_marker_is),
        cmocka_unit_test(a_first_start_that_did_nothing_may_be_done_again),
        cmocka_unit_test(a_marker_of_another_chain_or_key_is_refused),
    };
    return cmocka_run_group_tests_name("hansad_marker", tests, scratch_setup, scratch_teardown);
}
