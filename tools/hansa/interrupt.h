/* Ctrl-C (and SIGTERM) during long work: the work ends at its next good place, with words. */
#ifndef TOOLS_HANSA_INTERRUPT_H
#define TOOLS_HANSA_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* Who ends a whole group of processes may signal one of them twice: timeout(1) does. */
enum { INTERRUPT_ONE_MS = 500 };
/* From now on the first signal, with those up to INTERRUPT_ONE_MS later, is only noted; a later one
 * ends the program as usual. */
void interrupt_watch(void);
bool interrupt_was_asked(void);
/* Readable from the first signal on, so that who waits in poll() ends even if the signal came just
 * before that; -1, which poll() passes over, while nobody watches. */
int interrupt_fd(void);
/* Sleep so long, or until the first signal. */
void interrupt_sleep(uint32_t ms);
/* For work that cannot be asked to stop and leaves nothing behind: from now on a signal ends the
 * program with these words on stderr and this exit code. Owns: borrows words until the program
 * ends, or interrupt_end_as_usual(). */
void interrupt_end_with(const char *words, int exit_code);
void interrupt_end_as_usual(void);

#endif
