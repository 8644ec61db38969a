/* The event loop of a thread: level-triggered epoll over descriptors (edge-triggered hangs nanomsg:
 * pitfalls K11), and the clocks. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdint.h>

#include "crypto/base/result.h"

enum { LOOP_DESCRIPTORS_MAX = 256 }; /* 30 peers, two ports, rings, signals: a few dozen */

struct loop;
MUST_USE enum rc loop_open(struct loop **out, struct why *why);
void loop_close(struct loop *l);

/* Call ready(context) whenever fd is readable, or hung up. Descriptors stay the caller's, who
 * removes them before closing them; ready() may add, remove and switch whatever it likes.
 * Requires: fd is not watched yet. Returns: RC_OK | RC_FILE_IO (more than LOOP_DESCRIPTORS_MAX, or
 * the system refuses). */
typedef void loop_ready(void *context);
MUST_USE enum rc loop_add(struct loop *l, int fd, loop_ready *ready, void *context,
                          struct why *why);
void loop_remove(struct loop *l, int fd);
/* Switch the calls for a descriptor off and on: for NN_SNDFDs, which are readable all the time that
 * nothing is to be sent. */
void loop_enable(struct loop *l, int fd, bool is_enabled);
/* Wait at most until the time (monotonic ms; UINT64_MAX = for ever), and call what is ready. A
 * signal ends the wait early.
 * Returns: RC_OK | RC_FILE_IO (epoll failed: our fault or the system's end). */
MUST_USE enum rc loop_run(struct loop *l, uint64_t until_ms, struct why *why);

/* When the last loop_run() ended its wait: what it called came after that. */
uint64_t loop_woke_ms(const struct loop *l);

uint64_t loop_now_ms(void);  /* monotonic */
uint64_t loop_wall_ms(void); /* since 1970, UTC */

#endif
