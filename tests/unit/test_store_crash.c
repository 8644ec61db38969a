/* The store on a real disk, killed and starved: what was reported durable is there, and the chain
 * goes on to the same state as if nothing had happened. */
#include "tests/help/unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tests/help/scratch.h"
#include "tests/help/traffic.h"

enum { TXS = 600, TXS_PER_BLOCK = 2, BLOCKS = TXS / TXS_PER_BLOCK };

static struct traffic traffic;
static struct digest sound_root, sound_head;

/* Append blocks up to the last; report each durable height to fd (if it is one). */
static enum rc append_all(struct store *s, int report_fd)
{
    struct why why;
    while (store_head(s)->height < BLOCKS) {
        uint32_t first = (uint32_t)store_head(s)->height * TXS_PER_BLOCK;
        enum rc rc = traffic_append(&traffic, s, first, TXS_PER_BLOCK, NULL, &why);
        if (rc != RC_OK)
            return rc;
        uint64_t height = store_head(s)->height;
        if (report_fd >= 0)
            CHECK(write(report_fd, &height, sizeof height) == sizeof height);
    }
    return store_flush(s, &why);
}

static enum rc open_disk(struct kv **kv, struct store **store, const char *path, uint64_t map_bytes)
{
    struct why why;
    struct kv_lmdb_options kv_options = {.create = true, .map_bytes = map_bytes};
    /* A small layer, so that flushes come often and at odd heights too. */
    struct store_options options = {.care = TREE_VERIFY, .layer_bytes_max = 80 * 1024};
    enum rc rc = kv_lmdb_open(kv, path, &kv_options, &why);
    if (rc != RC_OK)
        return rc;
    rc = traffic_create_store(&traffic, *kv, &why);
    if (rc == RC_OK || rc == RC_FILE_EXISTS)
        rc = store_open(store, *kv, &options, &why);
    if (rc != RC_OK)
        kv_close(*kv);
    return rc;
}

static int start(void **state)
{
    struct why why;
    struct kv *kv = kv_mem_new();
    struct store *store;
    struct store_options options = {.care = TREE_TRUST};
    if (scratch_setup(state) != 0)
        return -1;
    traffic_open(&traffic, 31, TXS);
    CHECK(traffic_create_store(&traffic, kv, &why) == RC_OK);
    CHECK(store_open(&store, kv, &options, &why) == RC_OK);
    CHECK(append_all(store, -1) == RC_OK);
    sound_root = store_tree(store).root;
    sound_head = *store_head_digest(store);
    store_close(store);
    kv_close(kv);
    return 0;
}

static int stop(void **state)
{
    traffic_close(&traffic);
    return scratch_teardown(state);
}

static void expect_sound_end(struct store *s)
{
    struct tree_ref tree = store_tree(s);
    assert_int_equal(store_head(s)->height, BLOCKS);
    assert_true(digest_equal(store_head_digest(s), &sound_head));
    assert_true(digest_equal(&tree.root, &sound_root));
}

/* Run a writer and kill it after it has reported `reports` heights. Returns the last one read. */
static uint64_t write_and_kill(const char *path, uint64_t reports)
{
    int ends[2], status;
    uint64_t height = 0, last = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct kv *kv;
        struct store *store;
        close(ends[0]);
        bool done = open_disk(&kv, &store, path, 0) == RC_OK && append_all(store, ends[1]) == RC_OK;
        _exit(done ? 0 : 1);
    }
    close(ends[1]);
    for (uint64_t i = 0; i < reports && read(ends[0], &height, sizeof height) == sizeof height; i++)
        last = height;
    kill(pid, SIGKILL);
    while (read(ends[0], &height, sizeof height) == sizeof height)
        last = height; /* reported before it died */
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return last;
}

/* kill -9 at random moments, again and again on the same store. */
static void a_killed_writer_loses_nothing_that_it_reported(void **state)
{
    struct prng p = prng_of(8);
    struct kv *kv;
    struct store *store;
    for (int round = 0; round < 12; round++) {
        uint64_t reported = write_and_kill(*state, 1 + prng_below(&p, 40));
        assert_int_equal(open_disk(&kv, &store, *state, 0), RC_OK);
        assert_true(store_head(store)->height >= reported);
        store_close(store);
        kv_close(kv);
    }
    assert_int_equal(open_disk(&kv, &store, *state, 0), RC_OK);
    assert_int_equal(append_all(store, -1), RC_OK);
    expect_sound_end(store);
    store_close(store);
    kv_close(kv);
}

/* A full map stops the writer with its name; with a larger one the same store goes on. */
static void a_full_map_is_reported_and_cured_by_a_larger_one(void **state)
{
    struct kv *kv;
    struct store *store;
    assert_int_equal(open_disk(&kv, &store, *state, 512 * 1024), RC_OK);
    assert_int_equal(append_all(store, -1), RC_STORE_FULL);
    uint64_t height = store_head(store)->height;
    assert_in_range(height, 1, BLOCKS - 1);
    store_close(store);
    kv_close(kv);

    assert_int_equal(open_disk(&kv, &store, *state, 64 * 1024 * 1024), RC_OK);
    assert_int_equal(store_head(store)->height, height);
    assert_int_equal(append_all(store, -1), RC_OK);
    expect_sound_end(store);
    store_close(store);
    kv_close(kv);
}

/* What a child that fills its own small disk says by its exit code. */
enum { SAID_OK = 0, SAID_NO_DISK = 77, SAID_WRONG = 1 };

/* On a disk of 3 MiB: the write fails with the cause, and after room is made the chain goes on. */
static int fill_a_disk(const char *path)
{
    struct kv *kv;
    struct store *store;
    if (!scratch_mount_disk(path, "size=3m"))
        return SAID_NO_DISK;
    if (open_disk(&kv, &store, path, 0) != RC_OK)
        return SAID_WRONG;
    scratch_fill_disk(path);
    if (append_all(store, -1) != RC_DISK_FULL)
        return SAID_WRONG;
    uint64_t height = store_head(store)->height;
    store_close(store);
    kv_close(kv);
    if (!scratch_resize_disk(path, "size=64m"))
        return SAID_WRONG;
    if (open_disk(&kv, &store, path, 0) != RC_OK || store_head(store)->height < height)
        return SAID_WRONG;
    if (append_all(store, -1) != RC_OK)
        return SAID_WRONG;
    bool is_sound = digest_equal(store_head_digest(store), &sound_head);
    store_close(store);
    kv_close(kv);
    return is_sound ? SAID_OK : SAID_WRONG;
}

static void a_full_disk_is_reported_and_cured_by_room(void **state)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fill_a_disk(*state));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == SAID_NO_DISK) {
        print_message("skipped: this system lets us mount no disk of our own\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), SAID_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        T(a_killed_writer_loses_nothing_that_it_reported),
        T(a_full_map_is_reported_and_cured_by_a_larger_one),
        T(a_full_disk_is_reported_and_cured_by_room),
    };
    return cmocka_run_group_tests_name("store_crash", tests, NULL, NULL);
}
