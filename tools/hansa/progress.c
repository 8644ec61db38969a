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

/* Whether it is time for a line; then *seconds have passed since the start. */
static bool is_time(struct progress *p, double *seconds)
{
    uint64_t now = now_ms();
    if (p->is_silent || now - p->told_ms < (p->is_terminal ? TERMINAL_EVERY_MS : LOG_EVERY_MS))
        return false;
    p->told_ms = now;
    *seconds = (double)(now - p->started_ms) / 1000;
    return true;
}

void progress_tell(struct progress *p, uint64_t done, uint64_t total, uint64_t txs_count)
{
    double seconds;
    if (!is_time(p, &seconds))
        return;
    double left = done > 0 ? seconds * (double)(total - done) / (double)done : 0;
    double percent = total > 0 ? 100 * (double)done / (double)total : 100;
    fprintf(stderr,
            "%s%s: height %" PRIu64 " of %" PRIu64 " (%.0f %%), %.0f transactions/s, %.0f s left%s",
            p->is_terminal ? "\r" : "", p->what, done, total, percent, (double)txs_count / seconds,
            left, p->is_terminal ? "\033[K" : "\n");
    fflush(stderr);
    p->is_shown = p->is_terminal;
}

void progress_tell_rows(struct progress *p, uint64_t done, uint64_t total, uint64_t done_now)
{
    enum { BAR = 20 };
    static const char full[] = "####################", rest[] = "....................";
    _Static_assert(sizeof full == BAR + 1 && sizeof rest == BAR + 1, "a bar has BAR characters");
    double seconds;
    if (!is_time(p, &seconds))
        return;
    double rate = seconds > 0 ? (double)done_now / seconds : 0;
    int filled = total > 0 ? (int)(done * BAR / total) : BAR;
    fprintf(stderr, "%s%s: %.*s%.*s row %" PRIu64 " of %" PRIu64 ", %.0f rows/s",
            p->is_terminal ? "\r" : "", p->what, filled, full, BAR - filled, rest, done, total,
            rate);
    if (rate > 0)
        fprintf(stderr, ", %.0f s left", (double)(total - done) / rate);
    fputs(p->is_terminal ? "\033[K" : "\n", stderr);
    fflush(stderr);
    p->is_shown = p->is_terminal;
}

void progress_tell_bytes(struct progress *p, uint64_t done, uint64_t total)
{
    const double mib = 1024 * 1024;
    double seconds;
    if (done == 0 || !is_time(p, &seconds)) /* of nothing yet there is no rate */
        return;
    double left = seconds * (double)(total - done) / (double)done;
    double percent = 100 * (double)done / (double)total;
    fprintf(stderr, "%s%s: %.1f of %.1f MiB (%.0f %%), %.1f MiB/s, %.0f s left%s",
            p->is_terminal ? "\r" : "", p->what, (double)done / mib, (double)total / mib, percent,
            (double)done / mib / seconds, left, p->is_terminal ? "\033[K" : "\n");
    fflush(stderr);
    p->is_shown = p->is_terminal;
}

void progress_end(struct progress *p)
{
    if (p->is_shown)
        fputs("\r\033[K", stderr);
    p->is_shown = false;
}
