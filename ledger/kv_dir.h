/* The data directory of kv_lmdb: made, locked, and its "head" file read and written. No LMDB here.
 *
 * head is 24 bytes: "hansahd1", commits made so far (u64 little-endian), checksum (u64). */
#ifndef LEDGER_KV_DIR_H
#define LEDGER_KV_DIR_H

#include <stdint.h>

#include "crypto/base/bytes.h"

struct kv_dir {
    int fd;      /* the directory, under flock until it is closed; -1 when there is none */
    int head_fd; /* -1 when there is none */
    bool read_only;
};

/* Open and lock the directory; with create, make it (0700) when it is not there.
 * Returns: RC_OK | RC_NOT_A_STORE | RC_STORE_IN_USE | RC_DISK_FULL | RC_STORE_IO; on error there is
 * nothing to close. */
MUST_USE enum rc kv_dir_open(struct kv_dir *d, const char *path, bool create, bool read_only,
                             struct why *why);
void kv_dir_close(struct kv_dir *d); /* gives the lock back */

/* The size of a file in the directory; 0 when it is not there. */
MUST_USE enum rc kv_dir_file_bytes(const struct kv_dir *d, const char *name, uint64_t *out,
                                   struct why *why);
/* Make sure that the file exists (0600) and that its first size bytes have room on the disk. */
MUST_USE enum rc kv_dir_reserve(const struct kv_dir *d, const char *name, uint64_t size,
                                struct why *why);
/* Make the names of new files durable, and the directory's own name. */
MUST_USE enum rc kv_dir_sync(const struct kv_dir *d, struct why *why);

/* Whether errno value e, from an act on this directory's disk, says that the disk is full: it says
 * so itself, or it is one of the vaguer ones and there is indeed no room left. */
bool kv_dir_is_full(const struct kv_dir *d, int e);

/* Hold the head file against the commits that the store has.
 * Returns: RC_OK (also when head is missing or torn: it is never synced) | RC_STORE_ROLLED_BACK |
 * RC_DISK_FULL | RC_STORE_IO. A writer then has a head file. */
MUST_USE enum rc kv_dir_judge_head(struct kv_dir *d, uint64_t commits, struct why *why);
/* Note a commit that is durable already. A failure is no error: a head that lags behind only
 * guards less. */
void kv_dir_write_head(const struct kv_dir *d, uint64_t commits);

#endif
