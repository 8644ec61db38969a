/* A running node: the driver bound to threads, sockets, disk and clock (design 3).
 *
 * The thread that calls node_run() is the protocol's. It sleeps in the loop until a message, a
 * request, the storage thread, a verifier, a signal or a deadline wakes it, hands that on, and then
 * lets the driver do what is to be done. */
#ifndef NODE_HANSAD_NODE_H
#define NODE_HANSAD_NODE_H

#include "node/hansad/home.h"

enum {
    NODE_LOOK_MS = 100,       /* how often it looks at what has changed of what must be said */
    NODE_DISK_MS = 1000,      /* and at the disk */
    NODE_PROGRESS_MS = 10000, /* and the log says how far it is and how far behind */
    /* How often the slots of readers that were killed are given back (pitfalls J5). */
    NODE_READERS_MS = 60 * 60 * 1000,
    /* An end waits so long for its last answers to leave: nanomsg drops what it has not sent when a
     * socket closes. */
    NODE_PARTING_MS = 200,
    /* So far behind is worth a line of its own: more than a pipeline and what one tick adds. */
    NODE_BEHIND_HEIGHTS = 64,
    /* Jobs that are brought back in one go, before others have their turn. */
    NODE_JOBS_TAKEN_MAX = 1024
};

/* Open ports and threads, and run until SIGTERM or SIGINT (RC_OK) or until the node has to stop,
 * with the words why. Clients that wait are answered before the port closes. Everything it has said
 * is durable whenever it ends, by a signal or in the middle of anything. Requires: SIGTERM and
 * SIGINT are blocked in this thread, and it is the only one. Owns: borrows both until it returns.
 */
MUST_USE enum rc node_run(struct home *home, struct log *log, struct why *why);

/* Whether free bytes on the disk of the data directory can be told, and how many. */
MUST_USE enum rc node_disk_free(uint64_t *out, const char *data_path, struct why *why);

#endif
