#include "tools/hansa/interrupt.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "crypto/base/check.h"

static volatile sig_atomic_t asked;
static const char *last_words;
static size_t last_words_bytes;
static int last_exit;

static void note(int signal_number)
{
    (void)signal_number;
    asked = 1;
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
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGINT, &action, NULL) == 0);
    CHECK(sigaction(SIGTERM, &action, NULL) == 0);
}

void interrupt_watch(void)
{
    watch(note);
}

bool interrupt_was_asked(void)
{
    return asked != 0;
}

void interrupt_end_with(const char *words, int exit_code)
{
    last_exit = exit_code;
    last_words = words;
    last_words_bytes = strlen(words);
    watch(end);
}

void interrupt_end_as_usual(void)
{
    watch(SIG_DFL);
}
