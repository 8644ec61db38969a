/* The sandbox that a bench runs against: another process of this tool, ended with the bench. */
#ifndef TOOLS_HANSA_BENCH_BOX_H
#define TOOLS_HANSA_BENCH_BOX_H

#include <limits.h>
#include <sys/types.h>

#include "genesis/genesis.h"

struct bench_box {
    pid_t pid;
    char dir[PATH_MAX / 2];
    struct genesis genesis;
};

/* Participants c0, c1, ... with an account main each; c0 issues the asset BEN, of which each has
 * plenty. hansad: NULL = beside this tool. Blocks until the nodes work together.
 * Returns: RC_OK (end with bench_box_close) | RC_FILE_IO | RC_TIMEOUT | RC_INTERRUPTED. */
MUST_USE enum rc bench_box_open(struct bench_box *out, uint32_t nodes, uint32_t clients,
                                const char *hansad, struct why *why);
void bench_box_close(struct bench_box *b);
MUST_USE enum rc bench_box_key(const struct bench_box *b, uint32_t client, struct key *out,
                               struct why *why);

#endif
