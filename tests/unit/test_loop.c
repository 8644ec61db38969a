/* The event loop: who is ready is called, again until it is not, and nobody else. */
#include "tests/help/unit.h"

#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include "net/loop.h"

enum { FDS = 3 };
struct ear {
    int fd, calls_count;
    struct ear *removes, *disables; /* when called */
};
static struct loop *loop;
static struct ear ears[FDS];

static void drain(int fd)
{
    uint64_t value;
    assert_int_equal(read(fd, &value, sizeof value), sizeof value);
}

static void raise_fd(int fd)
{
    uint64_t one = 1;
    assert_int_equal(write(fd, &one, sizeof one), sizeof one);
}

/* Leaves the descriptor readable: that it is called again is the loop's promise. */
static void on_ready(void *context)
{
    struct ear *ear = context;
    ear->calls_count++;
    if (ear->removes != NULL)
        loop_remove(loop, ear->removes->fd);
    if (ear->disables != NULL)
        loop_enable(loop, ear->disables->fd, false);
    ear->removes = ear->disables = NULL;
}

static void run(void)
{
    assert_int_equal(loop_run(loop, 0, NULL), RC_OK);
}

static int open_loop(void **state)
{
    (void)state;
    memset(ears, 0, sizeof ears);
    if (loop_open(&loop, NULL) != RC_OK)
        return -1;
    for (int i = 0; i < FDS; i++) {
        ears[i].fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (loop_add(loop, ears[i].fd, on_ready, &ears[i], NULL) != RC_OK)
            return -1;
    }
    return 0;
}

static int close_loop(void **state)
{
    (void)state;
    loop_close(loop);
    for (int i = 0; i < FDS; i++)
        close(ears[i].fd);
    return 0;
}

/* Who is readable is called, once per turn, as long as it is. */
static void readable_is_called_until_it_is_drained(void **state)
{
    (void)state;
    run();
    assert_int_equal(ears[0].calls_count, 0);
    raise_fd(ears[0].fd);
    for (int turn = 1; turn <= 3; turn++) {
        run();
        assert_int_equal(ears[0].calls_count, turn);
        assert_int_equal(ears[1].calls_count, 0);
    }
    drain(ears[0].fd);
    run();
    assert_int_equal(ears[0].calls_count, 3);
}

/* Takes some time. */
static void on_ready_for_long(void *context)
{
    uint64_t *woke_ms = context;
    *woke_ms = loop_woke_ms(loop);
    while (loop_now_ms() <= *woke_ms + 1)
        ;
}

/* What is called is none of the wait. */
static void it_woke_before_it_called(void **state)
{
    (void)state;
    uint64_t woke_ms = 0, from_ms = loop_now_ms();
    loop_remove(loop, ears[0].fd);
    assert_int_equal(loop_add(loop, ears[0].fd, on_ready_for_long, &woke_ms, NULL), RC_OK);
    raise_fd(ears[0].fd);
    run();
    assert_true(woke_ms >= from_ms);
    assert_int_equal(loop_woke_ms(loop), woke_ms);
    assert_true(loop_now_ms() > woke_ms + 1);
    drain(ears[0].fd);
    uint64_t until_ms = loop_now_ms() + 3;
    assert_int_equal(loop_run(loop, until_ms, NULL), RC_OK); /* for nothing */
    assert_true(loop_woke_ms(loop) >= until_ms);
}

/* A descriptor that is switched off is not called, and costs no wake-up; switched on it is, for
 * what came before too. */
static void disabled_is_silent_until_enabled(void **state)
{
    (void)state;
    loop_enable(loop, ears[1].fd, false);
    loop_enable(loop, ears[1].fd, false);
    raise_fd(ears[1].fd);
    run();
    assert_int_equal(ears[1].calls_count, 0);
    uint64_t until_ms = loop_now_ms() + 3;
    assert_int_equal(loop_run(loop, until_ms, NULL), RC_OK);
    assert_true(loop_now_ms() >= until_ms);
    loop_enable(loop, ears[1].fd, true);
    run();
    assert_int_equal(ears[1].calls_count, 1);
}

/* Whoever a call removes or switches off is not called any more, though it was ready in the same
 * turn. */
static void removed_by_another_call_is_not_called(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        raise_fd(ears[i].fd);
        ears[i].removes = &ears[1 - i];
    }
    run();
    assert_int_equal(ears[0].calls_count + ears[1].calls_count, 1);
    run();
    assert_int_equal(ears[0].calls_count + ears[1].calls_count, 2);
}

static void disabled_by_another_call_is_not_called(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        raise_fd(ears[i].fd);
        ears[i].disables = &ears[1 - i];
    }
    run();
    assert_int_equal(ears[0].calls_count + ears[1].calls_count, 1);
}

static int newcomer_calls_count;

static void on_newcomer(void *context)
{
    (void)context;
    newcomer_calls_count++;
}

static int replaced_fd, newcomer_fd;

static void replace(void *context)
{
    (void)context;
    loop_remove(loop, replaced_fd);
    assert_int_equal(loop_add(loop, newcomer_fd, on_newcomer, NULL, NULL), RC_OK);
    loop_remove(loop, ears[0].fd);
    loop_remove(loop, ears[1].fd);
}

/* An event of one that is gone does not reach the newcomer in its place. */
static void newcomer_gets_no_event_of_who_was_there(void **state)
{
    (void)state;
    newcomer_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    newcomer_calls_count = 0;
    for (int i = 0; i < 2; i++) { /* whichever is called first replaces ears[2] */
        loop_remove(loop, ears[i].fd);
        raise_fd(ears[i].fd);
        assert_int_equal(loop_add(loop, ears[i].fd, replace, NULL, NULL), RC_OK);
    }
    loop_remove(loop, ears[2].fd);
    raise_fd(ears[2].fd);
    assert_int_equal(loop_add(loop, ears[2].fd, on_ready, &ears[2], NULL), RC_OK);
    replaced_fd = ears[2].fd;
    run();
    assert_int_equal(newcomer_calls_count, 0);
    raise_fd(newcomer_fd);
    run();
    assert_int_equal(newcomer_calls_count, 1);
    loop_remove(loop, newcomer_fd);
    close(newcomer_fd);
}

/* LOOP_DESCRIPTORS_MAX can be watched, one more is refused, and a place that is left is free. */
static void one_too_many_is_refused(void **state)
{
    (void)state;
    struct why why;
    int fds[LOOP_DESCRIPTORS_MAX];
    int count = LOOP_DESCRIPTORS_MAX - FDS;
    for (int i = 0; i < count; i++) {
        fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        assert_int_equal(loop_add(loop, fds[i], on_ready, &ears[0], NULL), RC_OK);
    }
    int extra = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_int_equal(loop_add(loop, extra, on_ready, &ears[0], &why), RC_FILE_IO);
    assert_string_equal(why.text, "more than 256 descriptors to watch");
    loop_remove(loop, fds[0]);
    assert_int_equal(loop_add(loop, extra, on_ready, &ears[0], NULL), RC_OK);
    raise_fd(extra);
    run();
    assert_int_equal(ears[0].calls_count, 1);
    for (int i = 0; i < count; i++)
        close(fds[i]);
    close(extra);
}

/* What epoll refuses is said, and takes no place. */
static void descriptor_that_is_none_is_refused(void **state)
{
    (void)state;
    struct why why;
    assert_int_equal(loop_add(loop, -1, on_ready, &ears[0], &why), RC_FILE_IO);
    assert_string_equal(why.text, "epoll_ctl: Bad file descriptor");
    raise_fd(ears[0].fd);
    run();
    assert_int_equal(ears[0].calls_count, 1);
}

/* A hung-up descriptor calls too, so that its owner can find out. */
static void hang_up_is_called(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct ear ear = {.fd = ends[0]};
    assert_int_equal(loop_add(loop, ends[0], on_ready, &ear, NULL), RC_OK);
    close(ends[1]);
    run();
    assert_int_equal(ear.calls_count, 1);
    loop_enable(loop, ends[0], false);
    run();
    assert_int_equal(ear.calls_count, 1);
    loop_remove(loop, ends[0]);
    close(ends[0]);
}

static void on_signal(int number)
{
    (void)number;
}

/* A signal ends a wait for ever, as no error. */
static void signal_ends_the_wait(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_signal}, before;
    struct itimerval soon = {.it_value.tv_usec = 2000, .it_interval.tv_usec = 2000}, never = {0};
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_int_equal(loop_run(loop, UINT64_MAX, NULL), RC_OK);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

/* The monotonic clock does not go back; the other one is of this century. */
static void clocks_tell_the_time(void **state)
{
    (void)state;
    uint64_t last_ms = loop_now_ms();
    assert_true(last_ms > 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t now_ms = loop_now_ms();
        assert_true(now_ms >= last_ms);
        last_ms = now_ms;
    }
    assert_true(loop_wall_ms() > 1577836800000); /* 2020-01-01 */
    assert_true(loop_wall_ms() < 4102444800000); /* 2100-01-01 */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(readable_is_called_until_it_is_drained),
        TEST(it_woke_before_it_called),
        TEST(disabled_is_silent_until_enabled),
        TEST(removed_by_another_call_is_not_called),
        TEST(disabled_by_another_call_is_not_called),
        TEST(newcomer_gets_no_event_of_who_was_there),
        TEST(one_too_many_is_refused),
        TEST(descriptor_that_is_none_is_refused),
        TEST(hang_up_is_called),
        TEST(signal_ends_the_wait),
        TEST(clocks_tell_the_time),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
