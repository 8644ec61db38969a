/* The marker over a power cut (rule 4.2, pitfalls D3): a new name is there for good only when its
 * directory was synced behind the rename, and so nobody is told before. marker.c is compiled into
 * this file over a disk that keeps what was synced, and forgets the rest when the power goes. */
#include "tests/help/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tests/help/scratch.h"

/* What was done, in order: f a file synced, r the rename, d the directory synced. */
static char acts[16];
static int fails_at;             /* that act fails; -1: none */
static bool is_content_synced;   /* of the new file, */
static bool is_named, is_synced; /* renamed; and for good */

static bool act(char what)
{
    size_t at = strlen(acts);
    CHECK(at + 1 < sizeof acts);
    acts[at] = what;
    acts[at + 1] = '\0';
    return (int)at != fails_at;
}

static int disk_fsync(int fd)
{
    struct stat st;
    CHECK(fstat(fd, &st) == 0);
    bool is_directory = S_ISDIR(st.st_mode);
    if (!act(is_directory ? 'd' : 'f')) {
        errno = EIO;
        return -1;
    }
    if (is_directory)
        is_synced = is_named;
    else
        is_content_synced = true;
    return 0;
}

static int disk_rename(const char *from, const char *to)
{
    if (!act('r')) {
        errno = EIO;
        return -1;
    }
    assert_true(is_content_synced); /* or the name could stand over an empty file */
    is_named = true;
    return rename(from, to);
}

#define fsync  disk_fsync
#define rename disk_rename
#include "node/hansad/marker.c"
#undef fsync
#undef rename

static void begin(int fails)
{
    acts[0] = '\0';
    fails_at = fails;
    is_content_synced = is_named = is_synced = false;
}

static struct marker sample(uint64_t height)
{
    return (struct marker){.chain_id = {{1}},
                           .key = {{2}},
                           .store_id = {3},
                           .reserved = {.epoch = 0, .view = 1, .height = height}};
}

static void a_marker_is_told_to_be_raised_when_its_name_is_synced(void **state)
{
    char *path = scratch_join(*state, "a.key.marker");
    struct why why = {{0}};
    struct marker m = sample(1024);
    begin(-1);
    assert_int_equal(marker_write(path, &m, &why), RC_OK);
    assert_string_equal(acts, "frd");
    assert_true(is_synced);
    free(path);
}

/* Also where the path has no directory in it: the one that the process stands in. */
static void a_name_without_a_directory_is_synced_where_it_stands(void **state)
{
    char before[PATH_MAX];
    struct why why = {{0}};
    struct marker m = sample(1024);
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(*state), 0);
    begin(-1);
    assert_int_equal(marker_write("b.key.marker", &m, &why), RC_OK);
    assert_string_equal(acts, "frd");
    assert_int_equal(chdir(before), 0);
}

/* Whichever of the three fails: nobody is told that the marker is higher, and what a start reads is
 * the old one or the new one, whole. */
static void a_step_that_fails_is_told_and_leaves_one_of_both(void **state)
{
    char *path = scratch_join(*state, "c.key.marker");
    struct marker old = sample(1024), new = sample(2048), got;
    for (int fails = 0; fails < 3; fails++) {
        struct why why = {{0}};
        begin(-1);
        assert_int_equal(marker_write(path, &old, &why), RC_OK);
        begin(fails);
        assert_int_equal(marker_write(path, &new, &why), RC_FILE_IO);
        assert_int_equal(strlen(acts), fails + 1); /* nothing goes on behind it */
        assert_false(is_synced);
        assert_non_null(strstr(why.text, "c.key.marker"));
        assert_int_equal(marker_read(&got, path, &why), RC_OK);
        assert_int_equal(got.reserved.height, is_named ? 2048 : 1024);
    }
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_marker_is_told_to_be_raised_when_its_name_is_synced),
        cmocka_unit_test(a_name_without_a_directory_is_synced_where_it_stands),
        cmocka_unit_test(a_step_that_fails_is_told_and_leaves_one_of_both),
    };
    return cmocka_run_group_tests_name("marker_power", tests, scratch_setup, scratch_teardown);
}
