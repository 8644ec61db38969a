/* What this machine can do at best, measured beside a run: figures of a run mean something only as
 * a share of it. */
#ifndef TOOLS_HANSA_BENCH_MACHINE_H
#define TOOLS_HANSA_BENCH_MACHINE_H

#include <stdint.h>

#include "crypto/base/result.h"

struct bench_machine {
    uint32_t cores;
    double verify_one; /* Ed25519 verifications a second on one core */
    double verify_all; /* on all at once */
    double syncs;      /* fdatasync() of 4 KiB a second, in the directory of the ledgers */
};

/* Takes about a second and a half. dir: where a file may be made for a moment.
 * Returns: RC_OK | RC_FILE_IO. */
MUST_USE enum rc bench_measure(struct bench_machine *out, const char *dir, struct why *why);

#endif
