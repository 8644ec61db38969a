#include "node/hansad/storage.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "net/ring.h"

struct storage {
    struct kv *kv;
    char marker_path[PATH_MAX];
    struct marker marker; /* the thread's */
    pthread_t thread;
    struct ring *in, *out;
    bool is_busy; /* the asker's */
    /* The one act under way; whose it is goes with the rings. */
    const struct kv_batch *batch; /* NULL: raise the marker */
    struct pbft_rank to;
    struct storage_done done;
};

static uint64_t now_us(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void act(struct storage *s)
{
    struct storage_done *done = &s->done;
    uint64_t start_us = now_us();
    memset(done, 0, sizeof *done);
    if (s->batch != NULL) {
        done->bytes = kv_batch_bytes(s->batch);
        done->rc = kv_commit(s->kv, s->batch, &done->why);
    } else {
        done->is_marker = true;
        s->marker.reserved = s->to;
        done->rc = marker_write(s->marker_path, &s->marker, &done->why);
    }
    done->took_us = now_us() - start_us;
}

/* A marker is a new file each time, and strangers' connections can fill the process's table of
 * descriptors (pitfalls K6): so this thread has a table of its own, with what is open now. Who
 * forbids both calls leaves it that of the process. */
static void part_descriptors(void)
{
    if (close_range(UINT_MAX, UINT_MAX, CLOSE_RANGE_UNSHARE) != 0)
        (void)unshare(CLONE_FILES);
}

static void *run(void *context)
{
    struct storage *s = context;
    part_descriptors();
    bool is_told = ring_put(s->out, s);
    CHECK(is_told);
    while (ring_wait(s->in) != NULL) {
        act(s);
        bool is_put = ring_put(s->out, s);
        CHECK(is_put); /* one act at a time */
    }
    return NULL;
}

enum rc storage_open(struct storage **out, struct kv *kv, const char *marker_path,
                     const struct marker *marker, struct why *why)
{
    struct storage *s = mem_alloc(sizeof *s);
    *out = NULL;
    s->kv = kv;
    snprintf(s->marker_path, sizeof s->marker_path, "%s", marker_path);
    s->marker = *marker;
    s->in = ring_new(1);
    s->out = ring_new(1);
    bool has_rings = s->in != NULL && s->out != NULL;
    int e = has_rings ? pthread_create(&s->thread, NULL, run, s) : EMFILE;
    if (e == 0) {
        CHECK(ring_wait(s->out) == s); /* before anything else is opened, ports above all */
        *out = s;
        return RC_OK;
    }
    ring_free(s->in);
    ring_free(s->out);
    mem_free(s);
    return why_set(why, RC_FILE_IO, "the storage thread cannot be started: %s", strerror(e));
}

void storage_close(struct storage *s)
{
    if (s == NULL)
        return;
    ring_close(s->in);
    CHECK(pthread_join(s->thread, NULL) == 0);
    ring_free(s->in);
    ring_free(s->out);
    mem_free(s);
}

static void ask(struct storage *s)
{
    CHECK(!s->is_busy);
    s->is_busy = true;
    bool is_put = ring_put(s->in, s);
    CHECK(is_put);
}

void storage_submit(struct storage *s, const struct kv_batch *batch)
{
    s->batch = batch;
    ask(s);
}

void storage_raise(struct storage *s, const struct pbft_rank *to)
{
    s->batch = NULL;
    s->to = *to;
    ask(s);
}

int storage_fd(const struct storage *s)
{
    return ring_fd(s->out);
}

bool storage_take(struct storage *s, struct storage_done *out)
{
    if (ring_take(s->out) == NULL)
        return false;
    s->is_busy = false;
    *out = s->done;
    return true;
}
