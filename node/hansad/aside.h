/* A state that is not the one that a quorum certified (8.2) is put aside before the next driver
 * discards it: a copy of the whole store, for whoever wants to know what went wrong. */
#ifndef NODE_HANSAD_ASIDE_H
#define NODE_HANSAD_ASIDE_H

#include "node/hansad/home.h"

/* If the store has diverged and still has that state: copy it to DATA/diverged-first/data.mdb, or,
 * when that is there, to DATA/diverged-newest/data.mdb in place of what is there, and say so, with
 * the command that shows what is wrong in it. So there are two copies at most, however often this
 * machine goes wrong; the first is the operator's to delete. A copy is made once for each
 * divergence: an empty file "current" beside it says that the one which is under way has it; it
 * goes at the first call when that is over, so call this before each driver is opened.
 *
 * The copy is compact or, where the store is so damaged that its trees cannot be walked, page by
 * page as it is. Where it cannot be made (no room above the disk reserve, an error of the disk)
 * nothing is left of it, and it is said that there is none: the member has to come back all the
 * same. Takes as long as to copy the store.
 * Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO: it cannot be told whether it has diverged. */
MUST_USE enum rc aside_put(struct home *h, struct log *log, struct why *why);

#endif
