/* A state that is not the one that a quorum certified (8.2) is put aside before the next driver
 * discards it: a copy of the whole store, which nobody deletes but the operator. */
#ifndef NODE_HANSAD_ASIDE_H
#define NODE_HANSAD_ASIDE_H

#include "node/hansad/home.h"

/* If the store has diverged and still has that state: copy it to DATA/diverged-HEIGHT/data.mdb,
 * where HEIGHT is that of its flushed state, and say so, with the command that shows what is wrong
 * in it. A copy of it that is there already will do, and is said again; one that was cut off is
 * made anew; one of another state stays, and diverged-HEIGHT-2 and so on are tried. Takes as long
 * as to copy the store. Returns: RC_OK | RC_FILE_IO | RC_DISK_FULL | RC_STORE_DAMAGED |
 * RC_STORE_IO: then the node has to stop, or the state would be lost. */
MUST_USE enum rc aside_put(struct home *h, struct log *log, struct why *why);

#endif
