#include "node/hansad/workers.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "crypto/base/check.h"
#include "net/ring.h"

struct workers {
    struct ring *in, *out;
    atomic_bool is_ending;
    atomic_uint_fast32_t out_count; /* under way: `out` has room for all of them */
    pthread_t *threads;
    uint32_t threads_count;
};

static void *run(void *context)
{
    struct workers *w = context;
    for (;;) {
        struct driver_job *job = ring_wait(w->in);
        if (job == NULL || atomic_load(&w->is_ending))
            return NULL;
        driver_job_run(job);
        bool is_put = ring_put(w->out, job);
        CHECK(is_put || atomic_load(&w->is_ending));
    }
}

static uint32_t cores_count(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 0 ? (uint32_t)count : 1;
}

enum rc workers_open(struct workers **out, uint32_t threads_count, struct why *why)
{
    struct workers *w = mem_alloc(sizeof *w);
    uint32_t wanted = threads_count > 0 ? threads_count : cores_count();
    *out = NULL;
    w->threads = mem_alloc(wanted * sizeof *w->threads);
    w->in = ring_new(WORKERS_JOBS_MAX);
    w->out = ring_new(WORKERS_JOBS_MAX);
    int e = w->in != NULL && w->out != NULL ? 0 : EMFILE;
    for (; e == 0 && w->threads_count < wanted; w->threads_count += e == 0)
        e = pthread_create(&w->threads[w->threads_count], NULL, run, w);
    if (e == 0) {
        *out = w;
        return RC_OK;
    }
    workers_close(w);
    return why_set(why, RC_FILE_IO, "a thread for the driver's jobs cannot be started: %s",
                   strerror(e));
}

void workers_close(struct workers *w)
{
    if (w == NULL)
        return;
    atomic_store(&w->is_ending, true);
    if (w->in != NULL)
        ring_close(w->in);
    for (uint32_t i = 0; i < w->threads_count; i++)
        CHECK(pthread_join(w->threads[i], NULL) == 0);
    ring_free(w->in);
    ring_free(w->out);
    mem_free(w->threads);
    mem_free(w);
}

uint32_t workers_count(const struct workers *w)
{
    return w->threads_count;
}

bool workers_submit(struct workers *w, struct driver_job *job)
{
    if (atomic_load(&w->out_count) >= WORKERS_JOBS_MAX)
        return false;
    atomic_fetch_add(&w->out_count, 1);
    bool is_put = ring_put(w->in, job);
    CHECK(is_put); /* no more are in it than are under way */
    return true;
}

int workers_fd(const struct workers *w)
{
    return ring_fd(w->out);
}

struct driver_job *workers_take(struct workers *w)
{
    struct driver_job *job = ring_take(w->out);
    if (job != NULL)
        atomic_fetch_sub(&w->out_count, 1);
    return job;
}

void workers_end_jobs(struct workers *w)
{
    while (ring_take(w->in) != NULL)
        atomic_fetch_sub(&w->out_count, 1);
    while (atomic_load(&w->out_count) > 0) {
        CHECK(ring_wait(w->out) != NULL);
        atomic_fetch_sub(&w->out_count, 1);
    }
}
