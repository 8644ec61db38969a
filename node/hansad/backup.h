/* Copies of the store for clients who ask for a backup: made compact by a thread of its own into a
 * nameless file in the data directory, handed out in pieces, one copy at a time. Hot: commits go on
 * meanwhile (facts: stalled 14 ms at most). */
#ifndef NODE_HANSAD_BACKUP_H
#define NODE_HANSAD_BACKUP_H

#include "ledger/kv.h"

enum {
    BACKUP_ID_BYTES = 16,
    /* A copy that nobody has read of for so long goes: it holds disk that the ledger may need. */
    BACKUP_IDLE_MS = 10 * 60 * 1000
};

struct backup;
/* Owns: borrows kv and the path until backup_close().
 * Returns: RC_OK | RC_FILE_IO (no descriptors). */
MUST_USE enum rc backup_open(struct backup **out, struct kv *kv, const char *data_path,
                             struct why *why);
void backup_close(struct backup *b); /* waits for a copy under way */

/* Begin a copy in place of the last one. False while one is being made. */
MUST_USE bool backup_begin(struct backup *b, uint64_t now_ms);
int backup_fd(const struct backup *b); /* readable when the copy that was begun has ended */
/* Take note of that. Returns: RC_OK (the copy may be read) | as kv_lmdb_copy() | RC_FILE_IO. */
MUST_USE enum rc backup_finish(struct backup *b, uint64_t now_ms, struct why *why);

/* The name of the copy that is there; false: there is none. */
MUST_USE bool backup_is_there(const struct backup *b, uint8_t id[static BACKUP_ID_BYTES],
                              uint64_t *total);
/* Append up to `count` bytes from `offset` on. Returns: RC_OK | RC_NOT_FOUND (no copy of this name,
 * or beyond its end) | RC_FILE_IO. */
MUST_USE enum rc backup_read(struct backup *b, const uint8_t id[static BACKUP_ID_BYTES],
                             uint64_t offset, uint32_t count, struct buf *out, uint64_t now_ms,
                             struct why *why);
/* Drop a copy that is idle. */
void backup_run(struct backup *b, uint64_t now_ms);

#endif
