/* The ring between threads: first in, first out, bounded, and its descriptor tells the truth. */
#include "tests/help/unit.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "net/ring.h"

static int items[8];

static bool is_readable(const struct ring *r)
{
    struct pollfd p = {.fd = ring_fd(r), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* What goes in first comes out first, round the end of the room too. */
static void items_come_out_in_order(void **state)
{
    (void)state;
    struct ring *r = ring_new(3);
    for (int round = 0; round < 10; round++) {
        assert_true(ring_put(r, &items[0]));
        assert_true(ring_put(r, &items[1]));
        assert_ptr_equal(ring_take(r), &items[0]);
        assert_true(ring_put(r, &items[2]));
        assert_true(ring_put(r, &items[3]));
        assert_ptr_equal(ring_take(r), &items[1]);
        assert_ptr_equal(ring_take(r), &items[2]);
        assert_ptr_equal(ring_take(r), &items[3]);
        assert_null(ring_take(r));
    }
    ring_free(r);
}

/* A full ring takes nothing, and takes again when there is room. */
static void full_ring_refuses(void **state)
{
    (void)state;
    for (size_t room = 1; room <= 3; room++) {
        struct ring *r = ring_new(room);
        for (size_t i = 0; i < room; i++)
            assert_true(ring_put(r, &items[i]));
        assert_false(ring_put(r, &items[7]));
        assert_ptr_equal(ring_take(r), &items[0]);
        assert_true(ring_put(r, &items[7]));
        ring_free(r);
    }
}

/* The descriptor is readable exactly while something is in the ring. */
static void descriptor_is_readable_while_it_is_not_empty(void **state)
{
    (void)state;
    struct ring *r = ring_new(2);
    for (int round = 0; round < 3; round++) {
        assert_false(is_readable(r));
        assert_true(ring_put(r, &items[0]));
        assert_true(is_readable(r));
        assert_true(ring_put(r, &items[1]));
        assert_ptr_equal(ring_take(r), &items[0]);
        assert_true(is_readable(r));
        assert_ptr_equal(ring_wait(r), &items[1]);
        assert_false(is_readable(r));
        assert_null(ring_take(r));
        assert_false(is_readable(r));
    }
    ring_free(r);
}

/* A closed ring takes nothing more, gives what it has, and lets nobody wait. */
static void closed_ring_gives_what_it_has(void **state)
{
    (void)state;
    struct ring *r = ring_new(2);
    assert_true(ring_put(r, &items[0]));
    ring_close(r);
    assert_false(ring_put(r, &items[1]));
    assert_ptr_equal(ring_wait(r), &items[0]);
    assert_null(ring_wait(r));
    assert_null(ring_take(r));
    assert_false(is_readable(r));
    ring_free(r);
}

/* ---- threads ---- */

enum { PRODUCERS = 3, CONSUMERS = 2, EACH = 20000 };

static struct ring *shared;
static int counters[PRODUCERS][EACH];

static void *produce(void *context)
{
    int *mine = context;
    for (int i = 0; i < EACH; i++)
        while (!ring_put(shared, &mine[i]))
            sched_yield();
    return NULL;
}

/* Each item says how often it was taken; no two threads have it at once. */
static void *consume(void *context)
{
    (void)context;
    int *item;
    while ((item = ring_wait(shared)) != NULL)
        ++*item;
    return NULL;
}

/* Like a loop: sleeps on the descriptor and takes what is there. Ends after as many items. */
static void *consume_by_descriptor(void *context)
{
    struct pollfd p = {.fd = ring_fd(shared), .events = POLLIN};
    int left = *(int *)context;
    while (left > 0 && poll(&p, 1, 60 * 1000) == 1) {
        int *item;
        while ((item = ring_take(shared)) != NULL) {
            ++*item;
            left--;
        }
    }
    return NULL;
}

static void start_producers(pthread_t *threads)
{
    for (int i = 0; i < PRODUCERS; i++)
        for (int j = 0; j < EACH; j++)
            counters[i][j] = 0;
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, counters[i]), 0);
}

static void join(pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void assert_all_taken_once(void)
{
    for (int i = 0; i < PRODUCERS; i++)
        for (int j = 0; j < EACH; j++)
            assert_int_equal(counters[i][j], 1);
}

/* With many who put and many who wait, each item comes out once. */
static void every_item_is_taken_once(void **state)
{
    (void)state;
    pthread_t producers[PRODUCERS], consumers[CONSUMERS];
    shared = ring_new(64);
    for (int i = 0; i < CONSUMERS; i++)
        assert_int_equal(pthread_create(&consumers[i], NULL, consume, NULL), 0);
    start_producers(producers);
    join(producers, PRODUCERS);
    ring_close(shared);
    join(consumers, CONSUMERS);
    assert_all_taken_once();
    ring_free(shared);
}

/* No wake-up of the descriptor is lost. */
static void every_item_wakes_the_descriptor(void **state)
{
    (void)state;
    pthread_t producers[PRODUCERS], consumer;
    int all = PRODUCERS * EACH;
    shared = ring_new(16);
    assert_int_equal(pthread_create(&consumer, NULL, consume_by_descriptor, &all), 0);
    start_producers(producers);
    join(producers, PRODUCERS);
    join(&consumer, 1);
    assert_all_taken_once();
    assert_false(is_readable(shared));
    ring_free(shared);
}

/* Closing wakes all who wait. In some of the rounds they do not wait yet. */
static void closing_wakes_those_who_wait(void **state)
{
    (void)state;
    enum { ROUNDS = 200 };
    pthread_t consumers[CONSUMERS];
    for (int round = 0; round < ROUNDS; round++) {
        shared = ring_new(1);
        for (int i = 0; i < CONSUMERS; i++)
            assert_int_equal(pthread_create(&consumers[i], NULL, consume, NULL), 0);
        for (int i = 0; i < round; i++)
            sched_yield();
        ring_close(shared);
        join(consumers, CONSUMERS);
        ring_free(shared);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_out_in_order),
        cmocka_unit_test(full_ring_refuses),
        cmocka_unit_test(descriptor_is_readable_while_it_is_not_empty),
        cmocka_unit_test(closed_ring_gives_what_it_has),
        cmocka_unit_test(every_item_is_taken_once),
        cmocka_unit_test(every_item_wakes_the_descriptor),
        cmocka_unit_test(closing_wakes_those_who_wait),
    };
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
