/* Memory for the simulator: in the place of crypto/base/mem.c. A run makes and drops millions of
 * small pieces, most of them nodes of trees, and goes from one to the other all the time: finding
 * places for them in libc's heap, and their pages in the tables of the processor, was a seventh of
 * what a run costs. Here a piece goes back to those of its size, and all lie in huge pages where
 * the system has some. Under ASan, which has to see each of them, all comes out of libc's heap.
 *
 * And whoever took a piece is charged with it until it is given back: so a checker can see what a
 * node keeps in memory. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "crypto/base/bytes.h"
#include "crypto/base/check.h"
#include "tests/sim/world.h"

#ifndef __has_feature
#define __has_feature(x) 0 /* clang's way to tell */
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define CAN_POOL false
#else
#define CAN_POOL true
#endif

enum {
    STEP = 16,       /* small sizes are multiples of it, which aligns as malloc() does; */
    STEPS_MAX = 64,  /* so many at most. From there on a size is twice the one before, */
    DOUBLES_MAX = 7, /* up to 128 KiB; beyond, libc's way costs little beside the use of them */
    SIZES = STEPS_MAX + DOUBLES_MAX + 1,
    NOT_POOLED = SIZES, /* or of another thread; and its bytes behind that */
    HUGE_PAGE_BYTES = 1 << 21
};

/* Before each piece. */
struct head {
    union {
        struct head *next; /* while it is unused; else */
        uint64_t owner;    /* who is charged with it */
    };
    size_t size_class; /* or NOT_POOLED + its bytes */
};
_Static_assert(sizeof(struct head) == STEP, "what follows a head is aligned");

static struct head *unused[SIZES];
static uint8_t *chunk;
static size_t chunk_left;
/* The thread that runs the world has the pool to itself; those of the audit do without, and what
 * they give back waits here. */
static _Thread_local bool has_pool;
static _Atomic(struct head *) given_back;

/* What each has taken and not given back; the threads of the audit take for nobody. */
static uint64_t taken_bytes[SIM_PLACES_MAX];
static _Thread_local uint32_t taker = SIM_PLACES_MAX;

void sim_mem_pool(void)
{
    has_pool = CAN_POOL;
}

/* ---- pieces ---- */

static size_t class_bytes(size_t size_class)
{
    return size_class <= STEPS_MAX ? size_class * STEP
                                   : (size_t)STEPS_MAX * STEP << (size_class - STEPS_MAX);
}

uint32_t sim_mem_charge(uint32_t place)
{
    uint32_t before = taker;
    CHECK(place <= SIM_PLACES_MAX);
    taker = place;
    return before;
}

uint64_t sim_mem_bytes(uint32_t place)
{
    return taken_bytes[place];
}

static size_t bytes_of_piece(const struct head *h)
{
    return h->size_class >= NOT_POOLED ? h->size_class - NOT_POOLED : class_bytes(h->size_class);
}

static void *charged(struct head *h, uint64_t owner)
{
    h->owner = owner;
    if (owner < SIM_PLACES_MAX)
        taken_bytes[owner] += bytes_of_piece(h);
    return h + 1;
}

static void discharge(const struct head *h)
{
    if (h->owner < SIM_PLACES_MAX)
        taken_bytes[h->owner] -= bytes_of_piece(h);
}

static size_t class_of(size_t size)
{
    size_t size_class = (size + STEP - 1) / STEP;
    if (size_class > STEPS_MAX)
        for (size_class = STEPS_MAX; class_bytes(size_class) < size; size_class++)
            ;
    return size_class;
}

static void put_back(struct head *h)
{
    h->next = unused[h->size_class];
    unused[h->size_class] = h;
}

static void take_given_back(void)
{
    struct head *h = atomic_exchange(&given_back, NULL);
    while (h != NULL) {
        struct head *next = h->next;
        put_back(h);
        h = next;
    }
}

static void give_back(struct head *h)
{
    h->next = atomic_load(&given_back);
    while (!atomic_compare_exchange_weak(&given_back, &h->next, h))
        ;
}

/* Chunks stay for good: what one run had, the next one needs. */
static struct head *carve(size_t size_class)
{
    size_t size = sizeof(struct head) + class_bytes(size_class);
    if (chunk_left < size) {
        take_given_back(); /* seldom is often enough */
        chunk = aligned_alloc(HUGE_PAGE_BYTES, HUGE_PAGE_BYTES);
        CHECK(chunk != NULL);
        (void)madvise(chunk, HUGE_PAGE_BYTES, MADV_HUGEPAGE); /* else it is slower */
        chunk_left = HUGE_PAGE_BYTES;
    }
    struct head *h = (struct head *)(void *)chunk;
    h->size_class = size_class;
    chunk += size;
    chunk_left -= size;
    return h;
}

/* Not zeroed. */
static struct head *take(size_t size)
{
    size_t size_class = class_of(size);
    struct head *h = unused[size_class];
    if (h == NULL)
        return carve(size_class);
    unused[size_class] = h->next;
    return h;
}

static bool is_pooled(size_t size)
{
    return has_pool && size <= (size_t)STEPS_MAX * STEP << DOUBLES_MAX;
}

/* ---- what is large, or another thread's ---- */

/* What a node has for bad times is touched here and there: at once rather than page by page. */
static void prefer_huge_pages(struct head *h, size_t size)
{
    uintptr_t from = ((uintptr_t)h + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
    uintptr_t to = ((uintptr_t)h + size) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}

static void *large(struct head *old, size_t size)
{
    uint64_t owner = old == NULL ? taker : old->owner;
    CHECK(size <= SIZE_MAX - sizeof(struct head) - NOT_POOLED);
    if (old != NULL)
        discharge(old);
    struct head *h = old == NULL ? calloc(1, sizeof *h + size) : realloc(old, sizeof *h + size);
    CHECK(h != NULL);
    h->size_class = NOT_POOLED + size;
    if (old == NULL)
        prefer_huge_pages(h, sizeof *h + size);
    return charged(h, owner);
}

/* ---- crypto/base/bytes.h ---- */

void *mem_alloc(size_t size)
{
    return is_pooled(size) ? memset(charged(take(size), taker), 0, size) : large(NULL, size);
}

void *mem_resize(void *at, size_t size)
{
    struct head *h = at == NULL ? NULL : (struct head *)at - 1;
    if (h != NULL && h->size_class >= NOT_POOLED)
        return large(h, size);
    size_t had = h == NULL ? 0 : class_bytes(h->size_class);
    if (h != NULL && size <= had)
        return at;
    void *moved = is_pooled(size) ? charged(take(size), taker) : large(NULL, size);
    if (h != NULL)
        memcpy(moved, at, had);
    mem_free(at);
    return moved;
}

void mem_free(void *at)
{
    if (at == NULL)
        return;
    struct head *h = (struct head *)at - 1;
    discharge(h);
    if (h->size_class >= NOT_POOLED)
        free(h);
    else if (has_pool)
        put_back(h);
    else
        give_back(h);
}
