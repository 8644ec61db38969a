/* Ctrl-C (and SIGTERM) during long work: the work ends at its next good place, with words. */
#ifndef TOOLS_HANSA_INTERRUPT_H
#define TOOLS_HANSA_INTERRUPT_H

#include <stdbool.h>

/* From now on the first signal is only noted; a second one ends the program as usual. */
void interrupt_watch(void);
bool interrupt_was_asked(void);
/* For work that cannot be asked to stop and leaves nothing behind: from now on a signal ends the
 * program with these words on stderr and this exit code. Owns: borrows words until the program
 * ends, or interrupt_end_as_usual(). */
void interrupt_end_with(const char *words, int exit_code);
void interrupt_end_as_usual(void);

#endif
