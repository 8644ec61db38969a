/* Files that people name on the command line: read whole within a bound, written once. */
#ifndef TOOLS_HANSA_FILES_H
#define TOOLS_HANSA_FILES_H

#include "crypto/base/bytes.h"

/* Append the whole file to out. The words begin with the path.
 * Returns: RC_OK | RC_FILE_IO | RC_MALFORMED (more than bytes_max, which no file of
 * this kind has). */
MUST_USE enum rc file_read(struct buf *out, const char *path, size_t bytes_max, struct why *why);

/* Make a new file (exclusive, mode 0644), synced with its directory; nothing stays on failure.
 * Returns: RC_OK | RC_FILE_EXISTS | RC_DISK_FULL | RC_FILE_IO. */
MUST_USE enum rc file_write_new(const char *path, struct bytes contents, struct why *why);

#endif
