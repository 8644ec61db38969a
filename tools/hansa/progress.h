/* The line that says how far a long command is, on stderr: on a terminal one line that is written
 * over, elsewhere (a log) a line every 10 s, with --json none at all. */
#ifndef TOOLS_HANSA_PROGRESS_H
#define TOOLS_HANSA_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* the command: the line's first word */
    bool is_silent;
    bool is_terminal;
    bool is_shown; /* there is a line on the terminal to be wiped */
    uint64_t started_ms;
    uint64_t told_ms;
};
/* Requires: what is a constant. */
void progress_start(struct progress *p, const char *what, bool is_silent);
/* `done` of `total` heights, and all transactions in them. Cheap to call often. */
void progress_tell(struct progress *p, uint64_t done, uint64_t total, uint64_t txs_count);
/* `done` of `total` rows of a file, of which done_now since progress_start(). */
void progress_tell_rows(struct progress *p, uint64_t done, uint64_t total, uint64_t done_now);
/* The same of bytes; nothing while there are none. */
void progress_tell_bytes(struct progress *p, uint64_t done, uint64_t total);
/* Before anything else is printed. */
void progress_end(struct progress *p);

#endif
