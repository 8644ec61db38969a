#include "net/ring.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "crypto/base/bytes.h"
#include "crypto/base/check.h"

enum { ROOM_MAX = 1 << 20 };

struct ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void **items;
    size_t room, first, count;
    bool is_closed;
    int fd;
};

/* The eventfd holds 1 exactly while count > 0. It is written and read under the lock, and only when
 * the ring becomes empty or ceases to be: two system calls per burst, not per item. */
static void raise_fd(struct ring *r)
{
    uint64_t one = 1;
    CHECK(write(r->fd, &one, sizeof one) == (ssize_t)sizeof one);
}

static void lower_fd(struct ring *r)
{
    uint64_t value;
    CHECK(read(r->fd, &value, sizeof value) == (ssize_t)sizeof value);
    CHECK(value == 1);
}

static void lock(struct ring *r)
{
    CHECK(pthread_mutex_lock(&r->lock) == 0);
}

static void unlock(struct ring *r)
{
    CHECK(pthread_mutex_unlock(&r->lock) == 0);
}

struct ring *ring_new(size_t room)
{
    CHECK(room >= 1);
    CHECK(room <= ROOM_MAX);
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return NULL;
    struct ring *r = mem_alloc(sizeof *r);
    r->items = mem_alloc(room * sizeof r->items[0]);
    r->room = room;
    r->fd = fd;
    CHECK(pthread_mutex_init(&r->lock, NULL) == 0);
    CHECK(pthread_cond_init(&r->changed, NULL) == 0);
    return r;
}

void ring_free(struct ring *r)
{
    if (r == NULL)
        return;
    CHECK(pthread_cond_destroy(&r->changed) == 0);
    CHECK(pthread_mutex_destroy(&r->lock) == 0);
    close(r->fd);
    mem_free(r->items);
    mem_free(r);
}

static bool put_locked(struct ring *r, void *item)
{
    if (r->is_closed || r->count == r->room)
        return false;
    r->items[(r->first + r->count) % r->room] = item;
    if (r->count++ == 0)
        raise_fd(r);
    CHECK(pthread_cond_signal(&r->changed) == 0);
    return true;
}

static void *take_locked(struct ring *r)
{
    if (r->count == 0)
        return NULL;
    void *item = r->items[r->first];
    r->first = (r->first + 1) % r->room;
    if (--r->count == 0)
        lower_fd(r);
    return item;
}

bool ring_put(struct ring *r, void *item)
{
    CHECK(item != NULL); /* NULL says "empty" to who takes */
    lock(r);
    bool was_put = put_locked(r, item);
    unlock(r);
    return was_put;
}

void *ring_take(struct ring *r)
{
    lock(r);
    void *item = take_locked(r);
    unlock(r);
    return item;
}

void *ring_wait(struct ring *r)
{
    lock(r);
    while (r->count == 0 && !r->is_closed)
        CHECK(pthread_cond_wait(&r->changed, &r->lock) == 0);
    void *item = take_locked(r);
    unlock(r);
    return item;
}

void ring_close(struct ring *r)
{
    lock(r);
    r->is_closed = true;
    CHECK(pthread_cond_broadcast(&r->changed) == 0);
    unlock(r);
}

int ring_fd(const struct ring *r)
{
    return r->fd;
}
