/* The storage thread: what strangers at the ports take away from it. */
#include "tests/help/unit.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "node/hansad/storage.h"
#include "tests/help/scratch.h"

static struct why why;

enum { DESCRIPTORS_MAX = 200 };

/* Take all that are left; they lie in fds. */
static int take_descriptors(int fds[static DESCRIPTORS_MAX])
{
    int count = 0;
    for (int fd = dup(STDERR_FILENO); fd >= 0; fd = dup(STDERR_FILENO)) {
        CHECK(count < DESCRIPTORS_MAX);
        fds[count++] = fd;
    }
    return count;
}

/* A replica that cannot raise its marker has to stop, so that anybody with a thousand connections
 * could stop it (pitfalls K6). */
static void marker_is_raised_without_a_free_descriptor(void **state)
{
    char *path = scratch_join(*state, "a.key.marker");
    struct marker m = {.chain_id = {{1}}, .key = {{2}}, .store_id = {3}}, got;
    const struct pbft_rank to = {.epoch = 1, .view = 2, .height = 1024};
    int fds[DESCRIPTORS_MAX];
    struct storage *s;
    struct storage_done done;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = DESCRIPTORS_MAX;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(storage_open(&s, NULL, path, &m, &why), RC_OK);
    struct pollfd ready = {.fd = storage_fd(s), .events = POLLIN};
    int count = take_descriptors(fds);
    assert_true(count > 0);
    storage_raise(s, &to);
    assert_int_equal(poll(&ready, 1, 60 * 1000), 1);
    assert_true(storage_take(s, &done));
    while (count > 0)
        close(fds[--count]);
    assert_string_equal(done.why.text, "");
    assert_int_equal(done.rc, RC_OK);
    assert_true(done.is_marker);
    storage_close(s);
    limit.rlim_cur = before;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(marker_read(&got, path, &why), RC_OK);
    assert_int_equal(pbft_rank_compare(&got.reserved, &to), 0);
    free(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {TEST(marker_is_raised_without_a_free_descriptor)};
    return cmocka_run_group_tests_name("hansad_storage", tests, NULL, NULL);
}
