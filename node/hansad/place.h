/* Whether a store can be in a directory: judged without making anything, so that hansad --check
 * refuses what a start could not use, and both with the same words. */
#ifndef NODE_HANSAD_PLACE_H
#define NODE_HANSAD_PLACE_H

#include <limits.h>

#include "crypto/base/bytes.h"
#include "crypto/base/result.h"

/* Judge a data directory that is there already, or where it would be made. What only the attempt
 * can show (a full disk, a rule of the system's) it does not see.
 * Returns: RC_OK | RC_NOT_A_STORE (it is no directory) | RC_FILE_IO. Words begin with the path. */
MUST_USE enum rc place_judge(const char *path, struct why *why);

/* A directory on the disk where path is, or will be: path itself when it is there, else what it
 * will be in. Requires: path is shorter than PATH_MAX and not empty. */
void place_find_disk(char out[static PATH_MAX], const char *path);

#endif
