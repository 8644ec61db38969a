/* When the store is opened anew after a driver that ended with RC_REOPEN: at once, and later and
 * later where each of them ends so before long. What ends them is rare and meant to help (a state
 * was taken, or is to go); where it does not help, for rot that comes back, say, opening at once
 * would keep a core and the disk busy for ever, and fill the log. */
#ifndef NODE_HANSAD_REOPEN_H
#define NODE_HANSAD_REOPEN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    REOPEN_WAIT_LEAST_MS = 250,
    REOPEN_WAIT_MAX_MS = 8000,     /* the node is of no use meanwhile, and may be well afterwards */
    REOPEN_GOOD_RUN_MS = 60 * 1000 /* whoever ran so long has been helped */
};

struct reopen {
    uint64_t count;     /* how often it was opened anew */
    uint64_t row_count; /* of these, without a good run between */
    uint64_t opened_ms; /* the last time */
    bool is_wanted;
    uint64_t wait_ms; /* before the one that is wanted or, if none is, before the last */
    uint64_t due_ms;
};

/* A driver has ended with RC_REOPEN, and is seen to have at this time (monotonic). Returns whether
 * the store is to be opened now; until it is, may be asked as often as one likes. */
bool reopen_is_due(struct reopen *r, uint64_t now_ms);
/* When it will be; UINT64_MAX: none is wanted. */
uint64_t reopen_due_ms(const struct reopen *r);
/* It was opened, at this time. Requires: it was wanted. */
void reopen_done(struct reopen *r, uint64_t now_ms);

#endif
