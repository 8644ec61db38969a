#include "tools/hansa/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/check.h"

enum { TERMINAL_EVERY_MS = 200, LOG_EVERY_MS = 10000 };

static uint64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void progress_start(struct progress *p, const char *what, bool is_silent)
{
    *p = (struct progress){.what = what,
                           .is_silent = is_silent,
                           .is_terminal = isatty(STDERR_FILENO) == 1,
                           .started_ms = now_ms()};
    p->told_ms = p->started_ms;
}

void progress_tell(struct progress *p, uint64_t done, uint64_t total, uint64_t txs_count)
{
    uint64_t now = now_ms();
    if (p->is_silent || now - p->told_ms < (p->is_terminal ? TERMINAL_EVERY_MS : LOG_EVERY_MS))
        return;
    p->told_ms = now;
    double seconds = (double)(now - p->started_ms) / 1000;
    double left = done > 0 ? seconds * (double)(total - done) / (double)done : 0;
    double percent = total > 0 ? 100 * (double)done / (double)total : 100;
    fprintf(stderr,
            "%s%s: height %" PRIu64 " of %" PRIu64 " (%.0f %%), %.0f transactions/s, %.0f s left%s",
            p->is_terminal ? "\r" : "", p->what, done, total, percent, (double)txs_count / seconds,
            left, p->is_terminal ? "\033[K" : "\n");
    fflush(stderr);
    p->is_shown = p->is_terminal;
}

void progress_end(struct progress *p)
{
    if (p->is_shown)
        fputs("\r\033[K", stderr);
    p->is_shown = false;
}
