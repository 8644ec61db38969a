/* The store on disk under stress: many readers, kill -9, a full map, a full disk. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/base/check.h"
#include "crypto/base/prng.h"
#include "ledger/kv.h"
#include "ledger/kv_dir.h"
#include "tests/help/scratch.h"

/* Much of this runs in children, where an assertion of cmocka's would jump into the parent's code:
 * there and in what they share with parents, a CHECK fails the test. */

enum { SLOTS = 16, VALUE_BYTES = 3000 };

static struct kv *open_store(const char *path, uint64_t map_bytes)
{
    struct kv_lmdb_options options = {.map_bytes = map_bytes, .create = true};
    struct kv *kv;
    struct why why = {0};
    if (kv_lmdb_open(&kv, path, &options, &why) == RC_OK)
        return kv;
    fprintf(stderr, "%s\n", why.text);
    CHECK(!"the store opens");
    return NULL;
}

/* ---- batches with a number ---- */

struct number {
    uint8_t at[8];
};

static struct bytes be64(struct number *room, uint64_t n)
{
    struct wr w = wr_of(room->at, sizeof room->at);
    wr_be64(&w, n);
    return wr_bytes_of(&w);
}

static struct bytes block_of(uint8_t *room, uint64_t n)
{
    struct prng p = prng_of(n);
    prng_fill(&p, room, VALUE_BYTES);
    return bytes_of(room, VALUE_BYTES);
}

/* Batch n: a block of its own, its number in one of a few slots, and the slot before deleted. */
static enum rc commit_number(struct kv *kv, uint64_t n)
{
    uint8_t room[VALUE_BYTES];
    struct number key;
    struct number value;
    struct why why = {0};
    struct kv_batch *b = kv_batch_new();
    kv_batch_put(b, KV_BLOCK, be64(&key, n), block_of(room, n));
    kv_batch_put(b, KV_NAME, be64(&key, n % SLOTS), be64(&value, n));
    kv_batch_delete(b, KV_NAME, be64(&key, (n + 1) % SLOTS));
    kv_batch_put(b, KV_META, bytes_of_text("last"), be64(&value, n));
    enum rc rc = kv_commit(kv, b, &why);
    CHECK((rc == RC_OK) == (why.text[0] == '\0'));
    kv_batch_free(b);
    return rc;
}

static bool has(struct kv_view *v, enum kv_table table, uint64_t key, struct bytes value)
{
    struct number room;
    struct bytes found;
    enum rc rc = kv_get(v, table, be64(&room, key), &found);
    CHECK(rc == RC_OK || rc == RC_NOT_FOUND);
    return rc == RC_OK && bytes_equal(found, value);
}

/* CHECK that the store holds batches 1..last and nothing of any other, the commit counter being
 * part of each; returns last. */
static uint64_t check_numbers(struct kv *kv)
{
    struct kv_view *v;
    struct bytes value;
    CHECK(kv_view_open(&v, kv, NULL) == RC_OK);
    enum rc rc = kv_get(v, KV_META, bytes_of_text("last"), &value);
    CHECK(rc == RC_OK || rc == RC_NOT_FOUND);
    struct rd r = rd_of(value);
    uint64_t last = rc == RC_OK ? rd_be64(&r) : 0;
    CHECK(kv_get(v, KV_META, bytes_of_text("commits"), &value) == RC_OK);
    r = rd_of(value);
    CHECK(rd_u64(&r) == last);
    uint64_t count;
    CHECK(kv_count(v, KV_BLOCK, &count) == RC_OK);
    CHECK(count == last);
    for (uint64_t n = 1; n <= last; n++) {
        uint8_t room[VALUE_BYTES];
        CHECK(has(v, KV_BLOCK, n, block_of(room, n)));
    }
    CHECK(kv_count(v, KV_NAME, &count) == RC_OK);
    CHECK(count == (last < SLOTS ? last : SLOTS - 1));
    for (uint64_t n = last; n > last - count; n--) {
        struct number room;
        CHECK(has(v, KV_NAME, n % SLOTS, be64(&room, n)));
    }
    kv_view_close(v);
    return last;
}

/* ---- readers ---- */

static void *read_often(void *kv)
{
    for (uint64_t seen = 0; seen < 100;) {
        uint64_t last = check_numbers(kv);
        CHECK(last >= seen);
        seen = last;
    }
    return NULL;
}

/* Views on other threads each show one whole moment, and never an earlier one than before. */
static void views_on_other_threads_are_whole(void **state)
{
    enum { THREADS = 3 };
    pthread_t threads[THREADS];
    struct kv *kv = open_store(*state, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, kv), 0);
    for (uint64_t n = 1; n <= 100; n++)
        assert_int_equal(commit_number(kv, n), RC_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    kv_close(kv);
}

/* ---- kill -9 ---- */

/* Commit numbered batches until killed, and report each one when it is durable. */
static _Noreturn void write_until_killed(const char *path, int report)
{
    struct kv *kv = open_store(path, 0);
    for (uint64_t n = check_numbers(kv) + 1;; n++) {
        CHECK(commit_number(kv, n) == RC_OK);
        CHECK(write(report, &n, sizeof n) == (ssize_t)sizeof n);
    }
}

/* Let a child write; kill it at a moment that the PRNG picks, some commits and some microseconds
 * in; return the last batch that it reported. No store is open in this process meanwhile. */
static uint64_t run_and_kill(const char *path, struct prng *p)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        write_until_killed(path, ends[1]);
    }
    close(ends[1]);
    uint64_t reported = 0;
    uint64_t n;
    for (uint64_t wait = 1 + prng_below(p, 8); wait > 0; wait--)
        if (read(ends[0], &n, sizeof n) == (ssize_t)sizeof n)
            reported = n;
    usleep((useconds_t)prng_below(p, 2000));
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(ends[0], &n, sizeof n) == (ssize_t)sizeof n)
        reported = n;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    return reported;
}

/* Whatever a killed process had reported durable is there, and no batch is there by half. */
static void writer_killed_at_any_moment_keeps_what_it_reported(void **state)
{
    struct prng p = prng_of(20);
    for (int round = 0; round < 20; round++) {
        uint64_t reported = run_and_kill(*state, &p);
        assert_true(reported > 0);
        struct kv *kv = open_store(*state, 0);
        uint64_t last = check_numbers(kv);
        assert_in_range(last, reported, reported + 1);
        kv_close(kv);
    }
}

/* ---- a full map ---- */

/* A batch that finds no room in the map changes nothing and ends nothing: the store stays open
 * for reading and goes on with a larger map. */
static void map_that_is_full_refuses_and_grows_when_opened_again(void **state)
{
    struct kv *kv = open_store(*state, 512 * 1024);
    uint64_t n = 1;
    enum rc rc;
    while ((rc = commit_number(kv, n)) == RC_OK)
        assert_in_range(n++, 1, 500);
    assert_int_equal(rc, RC_STORE_FULL);
    assert_true(n > 20);
    assert_int_equal(check_numbers(kv), n - 1);
    assert_int_equal(commit_number(kv, n), RC_STORE_FULL); /* not RC_STORE_IO: it is alive */
    kv_close(kv);
    kv = open_store(*state, 4 * 1024 * 1024);
    assert_int_equal(check_numbers(kv), n - 1);
    assert_int_equal(commit_number(kv, n), RC_OK);
    assert_int_equal(check_numbers(kv), n);
    kv_close(kv);
}

/* A map too small for even the empty tables is a plain refusal. */
static void map_too_small_to_begin_with_is_refused(void **state)
{
    struct kv_lmdb_options options = {.map_bytes = 1, .create = true};
    struct kv *kv;
    struct why why = {0};
    assert_int_equal(kv_lmdb_open(&kv, *state, &options, &why), RC_STORE_FULL);
    assert_non_null(strstr(why.text, "--map-bytes"));
    kv_close(open_store(*state, 0));
}

/* ---- a full disk ---- */

enum { CANNOT = 77 };

/* Run the act in a child; returns its exit code. */
static int in_child(int (*act)(const char *path), const char *path)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(act(path));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Commit from batch n on until it fails, as it must soon; then nothing may be committed, and all
 * that came before can be read. Returns the number that failed. */
static uint64_t commit_until_failure(struct kv *kv, uint64_t n, enum rc expected)
{
    enum rc rc;
    while ((rc = commit_number(kv, n)) == RC_OK)
        CHECK(n++ < 10000);
    CHECK(rc == expected);
    CHECK(commit_number(kv, n) == RC_STORE_IO);
    CHECK(check_numbers(kv) == n - 1);
    return n;
}

/* The outcome of the failed batch is unknown, but it is there whole or not at all, and with room
 * all goes on. */
static void check_going_on(const char *path, uint64_t failed)
{
    struct kv *kv = open_store(path, 0);
    uint64_t last = check_numbers(kv);
    CHECK(last == failed || last == failed - 1);
    CHECK(commit_number(kv, last + 1) == RC_OK);
    CHECK(check_numbers(kv) == last + 1);
    kv_close(kv);
}

static int meet_the_file_limit(const char *path)
{
    struct rlimit limit;
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    struct kv *kv = open_store(path, 0);
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    struct rlimit low = {.rlim_cur = 600001, .rlim_max = limit.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &low) == 0);
    uint64_t failed = commit_until_failure(kv, 1, RC_STORE_IO); /* the disk has room: not "full" */
    CHECK(failed > 20);
    kv_close(kv);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    check_going_on(path, failed);
    return 0;
}

/* A file that may not grow fails the commit, loses nothing, and goes on when it may. */
static void file_that_may_not_grow_loses_nothing(void **state)
{
    assert_int_equal(in_child(meet_the_file_limit, *state), 0);
}

/* LMDB calls a short write EIO, which says "full" only where there is no room. */
static bool is_eio_full(const char *path)
{
    struct kv_dir d;
    CHECK(kv_dir_open(&d, path, false, true, NULL) == RC_OK);
    bool is_full = kv_dir_is_full(&d, EIO);
    kv_dir_close(&d);
    return is_full;
}

static int meet_the_full_disk(const char *path)
{
    if (!scratch_mount_disk(path, "size=3m"))
        return CANNOT;
    struct kv *kv = open_store(path, 0);
    uint64_t failed = commit_until_failure(kv, 1, RC_DISK_FULL);
    CHECK(failed > 20);
    kv_close(kv);

    /* Opened while there is still no room: it opens, since nothing has to be written, reads, and
     * fails in the same way. */
    scratch_fill_disk(path);
    CHECK(is_eio_full(path));
    kv = open_store(path, 0);
    CHECK(check_numbers(kv) == failed - 1);
    failed = commit_until_failure(kv, failed, RC_DISK_FULL);
    kv_close(kv);

    /* A new store has no room to begin: a refusal, not a SIGBUS in LMDB's lock file. */
    char *other = scratch_join(path, "other");
    struct kv_lmdb_options options = {.create = true};
    struct why why = {0};
    CHECK(kv_lmdb_open(&kv, other, &options, &why) == RC_DISK_FULL);
    CHECK(strstr(why.text, other) != NULL);
    free(other);

    CHECK(scratch_resize_disk(path, "size=12m"));
    CHECK(!is_eio_full(path));
    check_going_on(path, failed);
    return 0;
}

/* On a disk that is really full the cause is named, nothing is lost, and room mends it. */
static void disk_that_is_full_loses_nothing(void **state)
{
    int code = in_child(meet_the_full_disk, *state);
    if (code == CANNOT) {
        print_message("skipped: no right to mount a tmpfs here\n");
        skip();
    }
    assert_int_equal(code, 0);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(views_on_other_threads_are_whole),
        ON_DISK(writer_killed_at_any_moment_keeps_what_it_reported),
        ON_DISK(map_that_is_full_refuses_and_grows_when_opened_again),
        ON_DISK(map_too_small_to_begin_with_is_refused),
        ON_DISK(file_that_may_not_grow_loses_nothing),
        ON_DISK(disk_that_is_full_loses_nothing),
    };
    return cmocka_run_group_tests_name("kv_disk", tests, NULL, NULL);
}
