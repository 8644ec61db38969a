/* Result codes for errors of the world (disk, file, input handed to a tool), and the texts that
 * people see. A peer's fault is a verdict or drop reason of the module that judges it; a fault of
 * our own is a CHECK (check.h). The three are never mixed. */
#ifndef CRYPTO_BASE_RESULT_H
#define CRYPTO_BASE_RESULT_H

#include <stdbool.h>

#define MUST_USE __attribute__((warn_unused_result))

/* code, text. The text says what is wrong and, where there is one, the next step. */
#define RC_LIST(X)                                                                                 \
    X(RC_OK, "ok")                                                                                 \
    X(RC_MALFORMED, "the bytes are not a valid encoding")                                          \
    X(RC_INVALID, "the value is not allowed here")                                                 \
    X(RC_NOT_FOUND, "not found")                                                                   \
    X(RC_FILE_IO, "the file could not be read or written")                                         \
    X(RC_FILE_EXISTS, "the file exists already: choose another name or remove it first")           \
    X(RC_FILE_MODE, "the key file is readable by others: run chmod 600 on it")                     \
    X(RC_PASSPHRASE, "the passphrase does not open this key file")                                 \
    X(RC_NETWORK_MISMATCH, "this belongs to another network")                                      \
    X(RC_KEY_MISMATCH, "this key is not the one that is expected here")                            \
    X(RC_SIGNATURE, "a signature is wrong")                                                        \
    X(RC_PROOF, "the proof does not hold")                                                         \
    X(RC_CRYPTO_DIFFERS, "libsodium judges signatures otherwise than this program expects: "       \
                         "install libsodium 1.0.18")                                               \
    X(RC_STORE_IO, "the store could not be read or written: the outcome of the last commit is "    \
                   "unknown until it is opened again")                                             \
    X(RC_STORE_FULL, "the ledger map is full: restart with a larger --map-bytes")                  \
    X(RC_DISK_FULL, "the disk is full: free some room and start again")                            \
    X(RC_STORE_DAMAGED, "the store is damaged: run hansa audit on it")                             \
    X(RC_STORE_ROLLED_BACK, "the store is older than it was when it was last used")                \
    X(RC_STORE_IN_USE, "the data directory is in use by another process: stop that process first") \
    X(RC_STORE_FORMAT, "the store was written in a format this program does not know")             \
    X(RC_GENESIS_MISMATCH, "this store was made from another genesis")                             \
    X(RC_REPLICA_MISMATCH, "this store belongs to another replica")                                \
    X(RC_NOT_A_STORE, "there is no Hansa store here")                                              \
    X(RC_REOPEN, "the store is to be opened anew")                                                 \
    X(RC_NOT_YET, "that may be in blocks that are not here yet")                                   \
    X(RC_REFUSED, "the ledger refuses this")                                                       \
    X(RC_TIMEOUT, "there was no answer in time")                                                   \
    X(RC_INTERRUPTED, "interrupted")

enum rc {
#define X(code, text) code,
    RC_LIST(X)
#undef X
        RC_COUNT
};

/* The text of a code. Never NULL; lends a constant. Requires: rc < RC_COUNT. */
const char *rc_text(enum rc rc);
/* The code's own name, as in this file ("RC_OK"). Never NULL; lends a constant. */
const char *rc_name(enum rc rc);

/* Why something failed, in words: built outward, from the cause to the thing the user named.
 * 640 bytes hold a path of PATH_MAX/8, a quoted value of 128 and the texts around them; longer
 * messages are cut, never overrun. */
enum { WHY_BYTES = 640 };
struct why {
    char text[WHY_BYTES];
};

/* Set the words and return rc, so that `return why_set(why, RC_INVALID, "...")` reads well.
 * Owns: borrows all. why may be NULL: then only rc is returned. */
MUST_USE enum rc why_set(struct why *why, enum rc rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Put "prefix: " before the words there are; with no words yet, rc's own text is the cause. */
MUST_USE enum rc why_within(struct why *why, enum rc rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
