/* Transaction files as `hansa sign` makes them: bytes, or lower-case hex. */
#ifndef TOOLS_HANSA_TX_FILE_H
#define TOOLS_HANSA_TX_FILE_H

#include "crypto/base/bytes.h"

/* The transaction's bytes into out, which is empty; they are not judged yet.
 * Returns: as file_read() | RC_MALFORMED (it is something else: the words say what). */
MUST_USE enum rc tx_file_read(struct buf *out, const char *path, struct why *why);

#endif
