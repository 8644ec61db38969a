/* Opening the store anew, again and again: ever later, and never later than the bound. */
#include "tests/help/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "node/hansad/node_impl.h"

static struct reopen r;
static uint64_t now_ms;

static int setup(void **state)
{
    (void)state;
    memset(&r, 0, sizeof r);
    now_ms = 1000;
    return 0;
}

/* A driver that ends at once: opened when it is due, and not before. Returns the wait. */
static uint64_t open_once(void)
{
    if (!reopen_is_due(&r, now_ms)) {
        uint64_t due_ms = reopen_due_ms(&r), from_ms = now_ms;
        assert_true(due_ms > from_ms);
        assert_false(reopen_is_due(&r, due_ms - 1));
        assert_int_equal(reopen_due_ms(&r), due_ms); /* asking does not put it off */
        now_ms = due_ms;
        assert_true(reopen_is_due(&r, now_ms));
        reopen_done(&r, now_ms);
        return now_ms - from_ms;
    }
    reopen_done(&r, now_ms);
    return 0;
}

static void the_first_time_is_at_once(void **state)
{
    (void)state;
    assert_true(reopen_due_ms(&r) == UINT64_MAX);
    assert_int_equal(open_once(), 0);
    assert_true(reopen_due_ms(&r) == UINT64_MAX);
}

static void each_next_one_waits_twice_as_long_up_to_the_bound(void **state)
{
    (void)state;
    uint64_t expected_ms = REOPEN_WAIT_LEAST_MS;
    assert_int_equal(open_once(), 0);
    for (; expected_ms < REOPEN_WAIT_MAX_MS; expected_ms *= 2)
        assert_int_equal(open_once(), expected_ms);
    for (int i = 0; i < 100; i++) /* far beyond: it neither grows nor turns over */
        assert_int_equal(open_once(), REOPEN_WAIT_MAX_MS);
    assert_in_range(r.count, 100, 110);
}

static void a_good_run_ends_that_and_a_shorter_one_does_not(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        (void)open_once();
    now_ms += REOPEN_GOOD_RUN_MS - 1;
    assert_int_equal(open_once(), REOPEN_WAIT_MAX_MS);
    now_ms += REOPEN_GOOD_RUN_MS;
    assert_int_equal(open_once(), 0);
    assert_int_equal(open_once(), REOPEN_WAIT_LEAST_MS);
}

/* The node says so once, and why, and goes on meanwhile with the driver that has ended. */
static void what_waits_is_said_once(void **state)
{
    (void)state;
    static struct log log;
    static struct node node;
    int fds[2];
    char text[2048];
    struct why why = {{0}};
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    memset(&node, 0, sizeof node);
    log.fd = fds[1];
    log.level = LOG_INFO;
    node.log = &log;
    node.time.now_ms = 5000;
    assert_true(reopen_is_due(&node.reopen, 4000));
    reopen_done(&node.reopen, 4000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(why_set(&why, RC_REOPEN, "it rots again"), RC_REOPEN);
        assert_int_equal(node_reopen(&node, &why), RC_OK);
        ssize_t size = read(fds[0], text, sizeof text - 1);
        text[size > 0 ? size : 0] = '\0';
        if (i > 0)
            assert_string_equal(text, "");
        else if (strstr(text, "level=warn event=reopening_waits ms=250 times=1 "
                              "what=\"it rots again\" words=") == NULL)
            fail_msg("%s", text);
    }
    assert_int_equal(reopen_due_ms(&node.reopen), 5000 + REOPEN_WAIT_LEAST_MS);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_time_is_at_once, setup),
        cmocka_unit_test_setup(each_next_one_waits_twice_as_long_up_to_the_bound, setup),
        cmocka_unit_test_setup(a_good_run_ends_that_and_a_shorter_one_does_not, setup),
        cmocka_unit_test_setup(what_waits_is_said_once, setup),
    };
    return cmocka_run_group_tests_name("hansad_reopen", tests, NULL, NULL);
}
