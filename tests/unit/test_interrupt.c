/* Signals during long work: noted once, and whoever waits is woken. */
#include "tests/help/unit.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/hansa/interrupt.h"

static bool is_readable(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, 0) == 1;
}

/* In a child: signals and handlers are of the whole process. Its exit code is what work() gives. */
static int status_of(int (*work)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(work());
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int wake(void)
{
    if (interrupt_fd() != -1)
        return 1;
    interrupt_watch();
    if (interrupt_was_asked() || is_readable(interrupt_fd()))
        return 2;
    raise(SIGINT);
    if (!interrupt_was_asked() || !is_readable(interrupt_fd()))
        return 3;
    (void)alarm(20);
    interrupt_sleep(60000); /* the signal came before it */
    return is_readable(interrupt_fd()) ? 0 : 4;
}

static void a_signal_that_came_before_the_wait_ends_it(void **state)
{
    (void)state;
    assert_int_equal(status_of(wake), 0);
}

static int twice_at_once(void)
{
    interrupt_watch();
    raise(SIGTERM);
    raise(SIGTERM);
    raise(SIGINT);
    return interrupt_was_asked() ? 0 : 1;
}

static void the_same_signal_sent_twice_is_one(void **state)
{
    (void)state;
    assert_int_equal(status_of(twice_at_once), 0);
}

static int twice(void)
{
    interrupt_watch();
    raise(SIGTERM);
    (void)poll(NULL, 0, INTERRUPT_ONE_MS + 100);
    raise(SIGTERM);
    return 0;
}

static void a_later_signal_ends_the_program(void **state)
{
    (void)state;
    int status = status_of(twice);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_that_came_before_the_wait_ends_it),
        cmocka_unit_test(the_same_signal_sent_twice_is_one),
        cmocka_unit_test(a_later_signal_ends_the_program),
    };
    return cmocka_run_group_tests_name("interrupt", tests, NULL, NULL);
}
