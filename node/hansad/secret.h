/* The replica's own key: read from its file, with a passphrase if it is protected, and held against
 * the genesis file. */
#ifndef NODE_HANSAD_SECRET_H
#define NODE_HANSAD_SECRET_H

#include "genesis/genesis.h"

/* passphrase_file may be ""; then HANSA_PASSPHRASE_FILE names it, if the key is protected. A node
 * is started by a supervisor: nobody is asked at a terminal. Returns: RC_OK (end with key_close;
 * *own_index is the member it belongs to) | as keyfile_read() | RC_KEY_MISMATCH (of no member of
 * this genesis) | RC_INVALID (a participant's). Words begin with the path. */
MUST_USE enum rc secret_open(struct key *out, uint32_t *own_index, const char *path,
                             const char *passphrase_file, const struct genesis *genesis,
                             struct why *why);

#endif
