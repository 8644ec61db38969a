#include "net/loop.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/bytes.h"
#include "crypto/base/check.h"

enum { EVENTS_MAX = 64 }; /* taken in one go; the others come with the next, epoll is fair */

struct watch {
    bool is_used, is_enabled;
    int fd;
    uint32_t generation; /* of the slot: an event of who sat here before is nobody's */
    loop_ready *ready;
    void *context;
};

struct loop {
    int epoll_fd;
    uint64_t woke_ms;
    uint32_t watches_count; /* slots that were ever used */
    struct watch watches[LOOP_DESCRIPTORS_MAX];
};

enum rc loop_open(struct loop **out, struct why *why)
{
    *out = NULL;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return why_set(why, RC_FILE_IO, "epoll_create1: %s", strerror(errno));
    *out = mem_alloc(sizeof **out);
    (*out)->epoll_fd = fd;
    return RC_OK;
}

void loop_close(struct loop *l)
{
    if (l == NULL)
        return;
    close(l->epoll_fd);
    mem_free(l);
}

/* ---- the table of descriptors ---- */

static struct watch *find(struct loop *l, int fd)
{
    for (uint32_t i = 0; i < l->watches_count; i++)
        if (l->watches[i].is_used && l->watches[i].fd == fd)
            return &l->watches[i];
    return NULL;
}

static struct watch *free_slot(struct loop *l)
{
    for (uint32_t i = 0; i < l->watches_count; i++)
        if (!l->watches[i].is_used)
            return &l->watches[i];
    return l->watches_count < LOOP_DESCRIPTORS_MAX ? &l->watches[l->watches_count++] : NULL;
}

/* A descriptor that is switched off is taken out of the set, since epoll tells hang-ups even of
 * those in which it was asked for nothing. Returns epoll's errno, or 0. */
static int set_in_epoll(struct loop *l, const struct watch *w, bool is_in)
{
    uint32_t slot = (uint32_t)(w - l->watches);
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = (uint64_t)w->generation << 32 | slot};
    int op = is_in ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;
    return epoll_ctl(l->epoll_fd, op, w->fd, &event) == 0 ? 0 : errno;
}

enum rc loop_add(struct loop *l, int fd, loop_ready *ready, void *context, struct why *why)
{
    CHECK(find(l, fd) == NULL);
    struct watch *w = free_slot(l);
    if (w == NULL)
        return why_set(why, RC_FILE_IO, "more than %d descriptors to watch", LOOP_DESCRIPTORS_MAX);
    w->fd = fd;
    w->generation++;
    w->ready = ready;
    w->context = context;
    int error = set_in_epoll(l, w, true);
    if (error != 0)
        return why_set(why, RC_FILE_IO, "epoll_ctl: %s", strerror(error));
    w->is_used = w->is_enabled = true;
    return RC_OK;
}

void loop_remove(struct loop *l, int fd)
{
    struct watch *w = find(l, fd);
    CHECK(w != NULL);
    loop_enable(l, fd, false);
    w->is_used = false;
}

void loop_enable(struct loop *l, int fd, bool is_enabled)
{
    struct watch *w = find(l, fd);
    CHECK(w != NULL);
    if (w->is_enabled == is_enabled)
        return;
    /* It was in the set once, so that only a descriptor that the caller closed can fail here. */
    CHECK(set_in_epoll(l, w, is_enabled) == 0);
    w->is_enabled = is_enabled;
}

/* ---- waiting ---- */

static int timeout_until(uint64_t until_ms)
{
    uint64_t now_ms = loop_now_ms();
    if (until_ms == UINT64_MAX)
        return -1;
    if (until_ms <= now_ms)
        return 0;
    return until_ms - now_ms < INT_MAX ? (int)(until_ms - now_ms) : INT_MAX;
}

/* Who was removed, switched off or replaced by a call before in the same go is not called. */
static void call(struct loop *l, uint64_t data)
{
    struct watch *w = &l->watches[data & UINT32_MAX];
    if (w->is_used && w->is_enabled && w->generation == data >> 32)
        w->ready(w->context);
}

enum rc loop_run(struct loop *l, uint64_t until_ms, struct why *why)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(l->epoll_fd, events, EVENTS_MAX, timeout_until(until_ms));
    int error = errno;
    l->woke_ms = loop_now_ms();
    if (count < 0 && error == EINTR)
        return RC_OK;
    if (count < 0)
        return why_set(why, RC_FILE_IO, "epoll_wait: %s", strerror(error));
    for (int i = 0; i < count; i++)
        call(l, events[i].data.u64);
    return RC_OK;
}

uint64_t loop_woke_ms(const struct loop *l)
{
    return l->woke_ms;
}

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t loop_now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

uint64_t loop_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}
