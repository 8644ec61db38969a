#include "tools/hansa/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/check.h"

static volatile sig_atomic_t asked;
static volatile uint64_t asked_ms;
static int asked_fd = -1;
static const char *last_words;
static size_t last_words_bytes;
static int last_exit;

static uint64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void note(int signal_number)
{
    const uint64_t one = 1, at_ms = now_ms();
    if (asked != 0 && at_ms - asked_ms >= INTERRUPT_ONE_MS) {
        (void)signal(signal_number, SIG_DFL);
        (void)raise(signal_number);
        return;
    }
    if (asked == 0)
        asked_ms = at_ms;
    asked = 1;
    ssize_t put = write(asked_fd, &one, sizeof one);
    (void)put; /* it is readable already if there is no room */
}

static void end(int signal_number)
{
    (void)signal_number;
    ssize_t put = write(STDERR_FILENO, last_words, last_words_bytes);
    (void)put;
    _exit(last_exit);
}

/* SA_RESTART: reads and writes under way go on, so that only the work itself decides to stop. */
static void watch(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    CHECK(sigaction(SIGINT, &action, NULL) == 0);
    CHECK(sigaction(SIGTERM, &action, NULL) == 0);
}

void interrupt_watch(void)
{
    if (asked_fd < 0)
        asked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(asked_fd >= 0);
    watch(note);
}

bool interrupt_was_asked(void)
{
    return asked != 0;
}

int interrupt_fd(void)
{
    return asked_fd;
}

void interrupt_sleep(uint32_t ms)
{
    struct pollfd asked_for = {.fd = asked_fd, .events = POLLIN};
    (void)poll(&asked_for, 1, (int)ms);
}

void interrupt_end_with(const char *words, int exit_code)
{
    sigset_t both, before; /* no signal finds one's words with the other's exit code */
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    CHECK(sigprocmask(SIG_BLOCK, &both, &before) == 0);
    last_exit = exit_code;
    last_words = words;
    last_words_bytes = strlen(words);
    watch(end);
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
}

void interrupt_end_as_usual(void)
{
    watch(SIG_DFL);
}
