/* Passphrases and the key files that need them. */
#ifndef TOOLS_HANSA_PASSPHRASE_H
#define TOOLS_HANSA_PASSPHRASE_H

#include "crypto/keyfile.h"

/* As key_passphrase_read(), with the words that this tool has for paths. */
MUST_USE enum rc passphrase_from_file(struct key_passphrase *out, const char *path,
                                      struct why *why);
/* From the terminal, without echo; twice for a new one. what names the key file in the question.
 * Returns: RC_OK (end with key_passphrase_close) | RC_INVALID (empty, too long, the two differ) |
 * RC_FILE_IO (there is no terminal) | RC_INTERRUPTED. */
MUST_USE enum rc passphrase_ask(struct key_passphrase *out, const char *what, bool is_new,
                                struct why *why);

/* Open a participant's secret key file; if it is protected, with the passphrase from
 * passphrase_file, or, when that is NULL, from the terminal. network: the chain it must belong to;
 * that and the kind are judged before a passphrase is asked for. The words begin with the path.
 * Returns: as keyfile_read() and the two above | RC_INVALID (a replica's key); on RC_OK end with
 * key_close(). */
MUST_USE enum rc key_open(struct key *out, const char *path, const char *passphrase_file,
                          const char *network, struct why *why);

#endif
