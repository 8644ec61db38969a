/* One turn of a node's loop: what it tells its driver of where its time goes (PROTOCOL.md 6.2). */
#include "tests/help/unit.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "net/loop.h"
#include "node/driver/driver_impl.h"
#include "node/hansad/node_impl.h"
#include "tests/unit/driver_rules.h"

static struct node node;
static int fd;

static int open_node(void **state)
{
    (void)state;
    begin(1);
    node = (struct node){.driver = w.driver};
    fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    return loop_open(&node.loop, NULL) == RC_OK ? 0 : -1;
}

static int close_node(void **state)
{
    loop_close(node.loop);
    close(fd);
    return end(state);
}

static void spin_beyond(uint64_t ms)
{
    while (loop_now_ms() <= ms)
        ;
}

static void take_long(void *context)
{
    (void)context;
    spin_beyond(loop_woke_ms(node.loop) + 1);
}

/* Whether the machine stood still meanwhile: that is none of it. */
static bool is_too_long(uint64_t from_ms)
{
    return node.time.now_ms - from_ms > DRIVER_WORK_MS_MAX;
}

static void what_is_handed_over_is_the_nodes_own_work(void **state)
{
    (void)state;
    assert_int_equal(loop_add(node.loop, fd, take_long, NULL, NULL), RC_OK);
    do {
        node.time = node_time();
        w.driver->due_ms = 0;
        assert_int_equal(node_hand_over(&node, 0, NULL), RC_OK);
    } while (is_too_long(loop_woke_ms(node.loop)));
    assert_true(node.time.now_ms > loop_woke_ms(node.loop) + 1);
    assert_int_equal(w.driver->due_ms, node.time.now_ms);
}

/* What was done since the driver ran is work too, and the wait behind it is none. A machine may
 * stand still before the wait until that is over, but not each time. */
static void a_wait_for_nothing_is_none(void **state)
{
    (void)state;
    enum { WAIT_MS = 10, TRIES = 100 };
    uint64_t from_ms = 0, until_ms = 0;
    for (int i = 0; i < TRIES && w.driver->due_ms >= until_ms; i++) {
        node.time = node_time();
        from_ms = node.time.now_ms;
        w.driver->due_ms = 0;
        spin_beyond(from_ms + 1);
        until_ms = loop_now_ms() + WAIT_MS;
        assert_int_equal(node_hand_over(&node, until_ms, NULL), RC_OK);
        assert_true(is_too_long(from_ms) || w.driver->due_ms > from_ms + 1);
    }
    assert_true(w.driver->due_ms < until_ms);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_node, close_node)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_handed_over_is_the_nodes_own_work),
        TEST(a_wait_for_nothing_is_none),
    };
    return cmocka_run_group_tests_name("hansad_turn", tests, NULL, NULL);
}
