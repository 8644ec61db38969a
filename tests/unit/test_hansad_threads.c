/* The threads beside the protocol's: the storage thread does one act at a time and tells what
 * became of it, the verifiers give back what they were given. */
#include "tests/help/unit.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "node/driver/driver_impl.h"
#include "node/hansad/storage.h"
#include "node/hansad/workers.h"
#include "tests/help/scratch.h"
#include "tests/help/staged.h"
#include "tests/unit/driver_rules.h"

enum { PATIENCE_MS = 60 * 1000 };

static struct why why;

static bool is_readable(int fd, int patience_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, patience_ms) == 1;
}

/* ---- storage ---- */

static const struct marker marker = {.chain_id = {{1}}, .key = {{2}}, .store_id = {3}};

static struct storage *open_storage(struct kv *kv, const char *marker_path)
{
    struct storage *s;
    struct storage_done done;
    assert_int_equal(storage_open(&s, kv, marker_path, &marker, &why), RC_OK);
    assert_false(is_readable(storage_fd(s), 0));
    assert_false(storage_take(s, &done));
    return s;
}

static struct storage_done wait_done(struct storage *s)
{
    struct storage_done done;
    assert_true(is_readable(storage_fd(s), PATIENCE_MS));
    assert_true(storage_take(s, &done));
    assert_false(is_readable(storage_fd(s), 0));
    assert_false(storage_take(s, &done));
    return done;
}

static void put(struct kv_batch *batch, uint8_t key, const char *value)
{
    kv_batch_clear(batch);
    kv_batch_put(batch, KV_BLOCK, bytes_of(&key, 1), bytes_of_text(value));
}

static bool holds(struct kv *kv, uint8_t key, const char *value)
{
    struct kv_view *view;
    struct bytes found;
    assert_int_equal(kv_view_open(&view, kv, &why), RC_OK);
    bool is_there = kv_get(view, KV_BLOCK, bytes_of(&key, 1), &found) == RC_OK &&
                    found.size == strlen(value) && memcmp(found.data, value, found.size) == 0;
    kv_view_close(view);
    return is_there;
}

static void batches_are_durable_when_they_are_told(void **state)
{
    const struct kv_lmdb_options options = {.create = true, .map_bytes = (uint64_t)1 << 30};
    struct kv *kv;
    struct kv_batch *batch = kv_batch_new();
    assert_int_equal(kv_lmdb_open(&kv, *state, &options, &why), RC_OK);
    struct storage *s = open_storage(kv, "none");
    for (uint8_t i = 0; i < 20; i++) {
        put(batch, i, "value");
        storage_submit(s, batch);
        struct storage_done done = wait_done(s);
        assert_int_equal(done.rc, RC_OK);
        assert_false(done.is_marker);
        assert_int_equal(done.bytes, kv_batch_bytes(batch));
        assert_true(holds(kv, i, "value"));
    }
    storage_close(s);
    kv_batch_free(batch);
    kv_close(kv);
}

static void a_disk_that_fails_is_told_with_its_cause(void **state)
{
    (void)state;
    struct kv *kv = kv_mem_new();
    struct kv_batch *batch = kv_batch_new();
    struct storage *s = open_storage(kv, "none");
    kv_mem_fail_next(kv, RC_DISK_FULL);
    put(batch, 1, "value");
    storage_submit(s, batch);
    assert_int_equal(wait_done(s).rc, RC_DISK_FULL);
    assert_false(holds(kv, 1, "value"));
    storage_submit(s, batch);
    assert_int_equal(wait_done(s).rc, RC_STORE_IO); /* dead from then on (pitfalls D8) */
    storage_close(s);
    kv_batch_free(batch);
    kv_close(kv);
}

static void an_end_waits_for_what_is_under_way(void **state)
{
    (void)state;
    struct kv *kv = kv_mem_new();
    struct kv_batch *batch = kv_batch_new();
    for (uint8_t i = 0; i < 20; i++) {
        struct storage *s = open_storage(kv, "none");
        put(batch, i, "value");
        storage_submit(s, batch);
        storage_close(s);
        assert_true(holds(kv, i, "value"));
    }
    kv_batch_free(batch);
    kv_close(kv);
}

/* The reservation is what changes; whose it is stays. */
static void markers_are_raised_between_batches(void **state)
{
    char *path = scratch_join(*state, "a.key.marker");
    struct kv *kv = kv_mem_new();
    struct kv_batch *batch = kv_batch_new();
    struct storage *s = open_storage(kv, path);
    for (uint8_t i = 1; i < 4; i++) {
        const struct pbft_rank to = {.view = 2, .height = 1024u * i};
        struct marker got;
        storage_raise(s, &to);
        struct storage_done done = wait_done(s);
        assert_int_equal(done.rc, RC_OK);
        assert_true(done.is_marker);
        assert_int_equal(marker_read(&got, path, &why), RC_OK);
        assert_int_equal(pbft_rank_compare(&got.reserved, &to), 0);
        assert_memory_equal(&got.key, &marker.key, sizeof got.key);
        assert_memory_equal(got.store_id, marker.store_id, STORE_ID_BYTES);
        put(batch, i, "value");
        storage_submit(s, batch);
        assert_false(wait_done(s).is_marker);
    }
    storage_close(s);
    kv_batch_free(batch);
    kv_close(kv);
    free(path);
}

static void a_marker_that_cannot_be_written_is_told_with_its_path(void **state)
{
    char *path = scratch_join(*state, "nowhere/a.key.marker");
    const struct pbft_rank to = {.height = 1024};
    struct storage *s = open_storage(NULL, path);
    storage_raise(s, &to);
    struct storage_done done = wait_done(s);
    assert_int_equal(done.rc, RC_FILE_IO);
    assert_true(done.is_marker);
    assert_memory_equal(done.why.text, path, strlen(path));
    storage_close(s);
    free(path);
}

/* ---- workers ---- */

enum { CLIENTS = 40 };

/* All that the world's driver wants done goes to the workers and comes back. */
static void return_by_workers(struct workers *workers)
{
    size_t count = w.jobs_count;
    w.jobs_count = 0;
    for (size_t i = 0; i < count; i++)
        assert_true(workers_submit(workers, w.jobs[i]));
    for (size_t done = 0; done < count;) {
        assert_true(is_readable(workers_fd(workers), PATIENCE_MS));
        for (struct driver_job *job; (job = workers_take(workers)) != NULL; done++)
            driver_on_job(w.driver, job);
    }
    assert_false(is_readable(workers_fd(workers), 0));
}

static void jobs_come_back_once_with_their_verdicts(void **state)
{
    (void)state;
    struct workers *workers;
    begin(1);
    assert_int_equal(workers_open(&workers, 3, &why), RC_OK);
    assert_int_equal(workers_count(workers), 3);
    w.holds_jobs = true;
    for (uint64_t i = 1; i <= CLIENTS; i++) {
        const struct world_tx *tx = world_record(&w, 0, i);
        world_submit(&w, i, i % 5 == 0 ? world_forged(&w, tx) : tx);
    }
    assert_int_equal(w.jobs_count, CLIENTS);
    return_by_workers(workers);
    w.holds_jobs = false;
    world_settle(&w);
    for (uint64_t i = 1; i <= CLIENTS; i++) {
        const struct driver_answer *answer = world_answer(&w, i);
        assert_int_equal(answer != NULL, i % 5 == 0);
        if (answer != NULL)
            assert_int_equal(answer->verdict, VERDICT_BAD_SIGNATURE);
    }
    workers_close(workers);
}

static struct driver_job *empty_job(void)
{
    struct driver_job *job = driver_job_new(w.driver, JOB_BLOCK_TXS, bytes_of(NULL, 0));
    job->verdict = VERDICT_BAD_SIGNATURE; /* until it is run */
    return job;
}

static void more_jobs_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    struct workers *workers;
    begin(1);
    struct driver_job *job = empty_job();
    assert_int_equal(workers_open(&workers, 1, &why), RC_OK);
    for (int i = 0; i < WORKERS_JOBS_MAX; i++)
        assert_true(workers_submit(workers, job));
    assert_false(workers_submit(workers, job)); /* done or not: none was taken back */
    assert_true(is_readable(workers_fd(workers), PATIENCE_MS));
    assert_ptr_equal(workers_take(workers), job);
    assert_true(workers_submit(workers, job));
    assert_false(workers_submit(workers, job));
    workers_close(workers);
    driver_job_free(job);
}

/* The driver frees its jobs when it is closed: nobody may be at one then. */
static void an_end_leaves_jobs_to_the_driver(void **state)
{
    (void)state;
    begin(1);
    for (int round = 0; round < 10; round++) {
        struct driver_job *jobs[64];
        struct workers *workers;
        assert_int_equal(workers_open(&workers, 2, &why), RC_OK);
        for (int i = 0; i < 64; i++) {
            jobs[i] = empty_job();
            assert_true(workers_submit(workers, jobs[i]));
        }
        workers_close(workers);
        for (int i = 0; i < 64; i++)
            driver_job_free(jobs[i]);
    }
}

/* A driver that another takes the place of (RC_REOPEN): the threads stay. */
static void jobs_end_and_their_threads_go_on(void **state)
{
    (void)state;
    struct workers *workers;
    begin(1);
    assert_int_equal(workers_open(&workers, 2, &why), RC_OK);
    for (int round = 0; round < 10; round++) {
        struct driver_job *jobs[64];
        for (int i = 0; i < 64; i++) {
            jobs[i] = empty_job();
            assert_true(workers_submit(workers, jobs[i]));
        }
        assert_true(is_readable(workers_fd(workers), PATIENCE_MS)); /* some were run */
        workers_end_jobs(workers);
        assert_false(is_readable(workers_fd(workers), 0));
        assert_null(workers_take(workers));
        for (int i = 0; i < 64; i++)
            driver_job_free(jobs[i]);
    }
    struct driver_job *jobs[WORKERS_JOBS_MAX];
    for (int i = 0; i < WORKERS_JOBS_MAX; i++) { /* there is room for as many as before */
        jobs[i] = empty_job();
        assert_true(workers_submit(workers, jobs[i]));
    }
    assert_true(is_readable(workers_fd(workers), PATIENCE_MS));
    assert_non_null(workers_take(workers));
    workers_close(workers);
    for (int i = 0; i < WORKERS_JOBS_MAX; i++)
        driver_job_free(jobs[i]);
}

static void without_a_number_there_is_a_thread_for_each_core(void **state)
{
    (void)state;
    struct workers *workers;
    begin(1);
    struct driver_job *job = empty_job();
    assert_int_equal(workers_open(&workers, 0, &why), RC_OK);
    assert_true(workers_count(workers) >= 1);
    assert_true(workers_submit(workers, job));
    assert_true(is_readable(workers_fd(workers), PATIENCE_MS));
    assert_ptr_equal(workers_take(workers), job);
    assert_int_equal(job->verdict, VERDICT_OK);
    workers_close(workers);
    driver_job_free(job);
}

/* ---- the helper ---- */

static int end_helper(void **state)
{
    int failed = scratch_teardown(state);
    return end(state) != 0 || failed != 0;
}

enum { EVERY = 4, HEIGHTS = 60 };

static struct staged t;

static void submit_flush(struct workers *helper)
{
    struct driver_job *job = driver_job_new(w.driver, JOB_FLUSH, bytes_of(NULL, 0));
    job->flush = store_flush_begin(t.chain.store);
    assert_non_null(job->flush);
    assert_true(workers_submit(helper, job));
}

/* True: one came back, and is staged. */
static bool take_flush(struct workers *helper)
{
    struct driver_job *job = workers_take(helper);
    if (job == NULL)
        return false;
    assert_int_equal(store_stage_flush(t.chain.store, t.batch, job->flush, &why), RC_OK);
    job->flush = NULL;
    driver_job_free(job);
    return true;
}

/* Blocks are appended, read and made durable on a disk while the helper is at the trees: what both
 * read nobody writes (under TSan this test holds that). */
static void trees_are_made_beside_appending(void **state)
{
    const struct kv_lmdb_options options = {.create = true, .map_bytes = (uint64_t)1 << 30};
    const struct chain_options chain = {.seed = 11, .checkpoint_every_heights = EVERY};
    struct kv *kv;
    struct workers *helper;
    uint32_t staged_count = 0;
    begin(1); /* for its jobs */
    assert_int_equal(kv_lmdb_open(&kv, *state, &options, &why), RC_OK);
    staged_open_on(&t, &chain, HEIGHTS, kv);
    assert_int_equal(workers_open(&helper, 1, &why), RC_OK);
    bool is_out = false;
    while (staged_count < HEIGHTS / EVERY) {
        if (store_head(t.chain.store)->height < HEIGHTS)
            staged_append(&t);
        else if (is_out)
            assert_true(is_readable(workers_fd(helper), PATIENCE_MS));
        if (is_out && take_flush(helper)) {
            is_out = false;
            staged_count++;
        }
        if (kv_batch_count(t.batch) > 0)
            staged_commit(&t);
        if (!is_out && store_flush_is_due(t.chain.store)) {
            submit_flush(helper);
            is_out = true;
        }
    }
    workers_close(helper);
    staged_expect_same(&t);
    staged_close(&t);
    world_crash(&w, false);
}

#define STORAGE_TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORAGE_TEST(batches_are_durable_when_they_are_told),
        STORAGE_TEST(a_disk_that_fails_is_told_with_its_cause),
        STORAGE_TEST(an_end_waits_for_what_is_under_way),
        STORAGE_TEST(markers_are_raised_between_batches),
        STORAGE_TEST(a_marker_that_cannot_be_written_is_told_with_its_path),
        DRIVER_TEST(jobs_come_back_once_with_their_verdicts),
        DRIVER_TEST(more_jobs_than_there_is_room_for_are_refused),
        DRIVER_TEST(an_end_leaves_jobs_to_the_driver),
        DRIVER_TEST(jobs_end_and_their_threads_go_on),
        cmocka_unit_test_setup_teardown(trees_are_made_beside_appending, scratch_setup, end_helper),
        DRIVER_TEST(without_a_number_there_is_a_thread_for_each_core),
    };
    return cmocka_run_group_tests_name("hansad_threads", tests, NULL, NULL);
}
