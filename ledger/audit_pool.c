#include "ledger/audit_parts.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/check.h"

/* The window holds what is read while the caller updates its tree at a checkpoint, so that threads
 * seldom wait; each height in it takes up to BLOCK_TXS_MAX decoded transactions, some 200 KiB. */
enum {
    SLOTS_PER_THREAD_MIN = 2,
    SLOTS_PER_THREAD = 16,
    SLOTS_MAX = 64 /* unless SLOTS_PER_THREAD_MIN asks for more */
};

struct slot {
    bool is_ready;
    struct audit_height height;
};

struct worker {
    struct audit_pool *pool;
    struct kv_view *view; /* open for the whole audit: nobody writes meanwhile (pitfalls J5) */
    pthread_t thread;
    bool is_running;
};

struct audit_pool {
    const struct audit_subject *subject;
    pthread_mutex_t lock; /* guards what follows, up to stop */
    pthread_cond_t ready; /* a slot became ready */
    pthread_cond_t room;  /* the window moved on, or the end came */
    uint64_t next_read;   /* height that the next free worker reads */
    uint64_t next_taken;  /* height that the caller takes next: the window begins here */
    atomic_bool stop;
    uint32_t slots_count; /* the window: heights [next_taken, next_taken + slots_count) */
    struct slot *slots;   /* of height h: slots[h % slots_count] */
    uint32_t workers_count;
    struct worker workers[AUDIT_THREADS_MAX];
};

static struct slot *slot_of(struct audit_pool *p, uint64_t height)
{
    return &p->slots[height % p->slots_count];
}

/* ---- workers ---- */

/* The next height to read, or 0 when there is none any more. */
static uint64_t claim_height(struct audit_pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!atomic_load(&p->stop) && p->next_read <= p->subject->head_height &&
           p->next_read >= p->next_taken + p->slots_count)
        pthread_cond_wait(&p->room, &p->lock);
    uint64_t height = 0;
    if (!atomic_load(&p->stop) && p->next_read <= p->subject->head_height)
        height = p->next_read++;
    pthread_mutex_unlock(&p->lock);
    return height;
}

static void *work(void *context)
{
    struct worker *w = context;
    struct audit_pool *p = w->pool;
    for (uint64_t height = claim_height(p); height != 0; height = claim_height(p)) {
        struct slot *slot = slot_of(p, height);
        audit_height_read(&slot->height, p->subject, w->view, height, &p->stop);
        pthread_mutex_lock(&p->lock);
        slot->is_ready = true;
        pthread_cond_signal(&p->ready);
        pthread_mutex_unlock(&p->lock);
    }
    return NULL;
}

/* ---- starting and ending ---- */

static uint32_t threads_of(uint32_t wanted)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t count = wanted != 0 ? wanted : cores > 0 ? (uint32_t)cores : 1;
    return count < AUDIT_THREADS_MAX ? count : AUDIT_THREADS_MAX;
}

static uint32_t slots_of(uint32_t threads_count)
{
    uint32_t least = threads_count * SLOTS_PER_THREAD_MIN;
    uint32_t wanted = threads_count * SLOTS_PER_THREAD;
    if (wanted > SLOTS_MAX)
        wanted = SLOTS_MAX;
    return wanted > least ? wanted : least;
}

static void init_locks(struct audit_pool *p)
{
    /* The caller waits by the monotonic clock: setting the wall clock must not stop progress. */
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&p->ready, &attributes) == 0);
    CHECK(pthread_cond_init(&p->room, NULL) == 0);
    CHECK(pthread_mutex_init(&p->lock, NULL) == 0);
    pthread_condattr_destroy(&attributes);
}

enum rc audit_pool_start(struct audit_pool **out, const struct audit_subject *subject,
                         uint32_t threads_count, struct why *why)
{
    struct audit_pool *p = mem_alloc(sizeof *p);
    uint32_t wanted = threads_of(threads_count);
    p->subject = subject;
    p->next_read = 1;
    p->next_taken = 1;
    p->slots_count = slots_of(wanted);
    p->slots = mem_alloc(p->slots_count * sizeof *p->slots);
    init_locks(p);
    enum rc rc = RC_OK;
    /* Fewer threads than wanted are enough, as long as there is one. */
    for (uint32_t i = 0; i < wanted && rc == RC_OK; i++) {
        struct worker *w = &p->workers[i];
        w->pool = p;
        rc = kv_view_open(&w->view, subject->kv, why);
        if (rc != RC_OK)
            break;
        p->workers_count++;
        if (pthread_create(&w->thread, NULL, work, w) != 0)
            rc = why_set(why, RC_INVALID, "audit: no thread could be started");
        else
            w->is_running = true;
    }
    if (!p->workers[0].is_running) {
        audit_pool_stop(p);
        return rc;
    }
    *out = p;
    return RC_OK;
}

uint32_t audit_pool_threads_count(const struct audit_pool *p)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->workers_count; i++)
        count += p->workers[i].is_running;
    return count;
}

void audit_pool_stop(struct audit_pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, true);
    pthread_cond_broadcast(&p->room);
    pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 0; i < p->workers_count; i++) {
        if (p->workers[i].is_running)
            CHECK(pthread_join(p->workers[i].thread, NULL) == 0);
        kv_view_close(p->workers[i].view);
    }
    for (uint32_t i = 0; i < p->slots_count; i++)
        audit_height_close(&p->slots[i].height);
    mem_free(p->slots);
    pthread_cond_destroy(&p->ready);
    pthread_cond_destroy(&p->room);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

/* ---- the caller ---- */

struct audit_height *audit_pool_take(struct audit_pool *p, uint64_t wait_ms)
{
    struct timespec until;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    uint64_t nanoseconds = (uint64_t)until.tv_nsec + wait_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(wait_ms / 1000 + nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    pthread_mutex_lock(&p->lock);
    CHECK(p->next_taken <= p->subject->head_height);
    struct slot *slot = slot_of(p, p->next_taken);
    int timed_out = 0;
    while (!slot->is_ready && timed_out == 0)
        timed_out = pthread_cond_timedwait(&p->ready, &p->lock, &until);
    bool is_ready = slot->is_ready;
    pthread_mutex_unlock(&p->lock);
    return is_ready ? &slot->height : NULL;
}

void audit_pool_release(struct audit_pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct slot *slot = slot_of(p, p->next_taken);
    CHECK(slot->is_ready);
    slot->is_ready = false;
    p->next_taken++;
    pthread_cond_broadcast(&p->room);
    pthread_mutex_unlock(&p->lock);
}
