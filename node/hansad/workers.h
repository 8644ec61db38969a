/* Threads that run the driver's jobs and bring them back: the verification threads, and the helper
 * for state trees, which is one by itself, so that neither waits for the other. */
#ifndef NODE_HANSAD_WORKERS_H
#define NODE_HANSAD_WORKERS_H

#include "node/driver/driver.h"

enum {
    /* Jobs that wait or come back: beyond what the driver has out (DRIVER_LINK_JOBS_MAX of 30
     * links, DRIVER_CLIENT_JOBS_MAX, and those of the checks of a window); a full one is no error.
     */
    WORKERS_JOBS_MAX = 16384
};

struct workers;
/* threads_count 0: one for each core that this process may use.
 * Returns: RC_OK | RC_FILE_IO (no threads, no descriptors). */
MUST_USE enum rc workers_open(struct workers **out, uint32_t threads_count, struct why *why);
/* Jobs not begun are left to the driver; returns when nobody runs one any more. */
void workers_close(struct workers *w);
uint32_t workers_count(const struct workers *w);

/* False when the ring is full: run it here. */
MUST_USE bool workers_submit(struct workers *w, struct driver_job *job);
/* Who gave the jobs ends: those not begun are left to him, and when this returns nobody runs one
 * and none will come back. The threads stay, for the jobs of whoever comes next. */
void workers_end_jobs(struct workers *w);
int workers_fd(const struct workers *w); /* readable when workers_take() has something */
struct driver_job *workers_take(struct workers *w);

#endif
