/* A bounded ring of pointers between two threads, with an eventfd that is readable while something
 * is in it (facts: ring + eventfd). Any number of threads may put and take. */
#ifndef NET_RING_H
#define NET_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/base/result.h"

struct ring;
/* Returns NULL when the system has no eventfd to give. Requires: 1 <= room <= 2^20. */
struct ring *ring_new(size_t room);
void ring_free(struct ring *r); /* what is in it is the caller's */
/* False when it is full, or closed. Requires: item != NULL. */
MUST_USE bool ring_put(struct ring *r, void *item);
/* NULL when it is empty. */
void *ring_take(struct ring *r);
/* Sleep until there is something; NULL when the ring is closed and empty. */
void *ring_wait(struct ring *r);
/* Nothing goes in any more; those who wait wake up. */
void ring_close(struct ring *r);
int ring_fd(const struct ring *r); /* readable while it is not empty */

#endif
