/* A node's data directory as the tool opens it: read only, refused while a node runs in it, and
 * with the genesis that the store itself carries. */
#ifndef TOOLS_HANSA_DATA_DIR_H
#define TOOLS_HANSA_DATA_DIR_H

#include "genesis/genesis.h"
#include "ledger/store.h"
#include "tools/hansa/cli.h"

/* Whether a quorum of members vouches for the state that the directory shows (certified.h). */
struct certified {
    bool holds;
    uint64_t checkpoint_height; /* of the root; 0 = the genesis, whose state needs no signatures */
    char reason[WHY_BYTES];     /* in words, when it does not hold */
};

struct data_dir {
    struct kv *kv;
    struct store *store;
    struct genesis genesis;     /* judged; its chain id is the store's */
    struct certified certified; /* set by data_dir_open_asked() */
};

/* Nodes on the way to a value are hashed against the root (TREE_VERIFY).
 * Returns: RC_OK (end with data_dir_close) | as kv_lmdb_open(), store_open(),
 * genesis_from_canonical(); RC_STORE_DAMAGED when the genesis in it is not that of its chain id.
 * The words begin with the path. */
MUST_USE enum rc data_dir_open(struct data_dir *out, const char *path, struct why *why);
/* The same for the audit, which recounts and reapplies everything itself: the store stands as it
 * was recorded (store_options.as_recorded). genesis_path as below. */
MUST_USE enum rc data_dir_open_for_audit(struct data_dir *out, const char *path,
                                         const char *genesis_path, struct why *why);
void data_dir_close(struct data_dir *d);

/* The same, and the directory must be of the chain of this genesis file (NULL: of any).
 * Returns: as data_dir_open() and genesis_read() | RC_GENESIS_MISMATCH, both chain ids in the
 * words. */
MUST_USE enum rc data_dir_open_expecting(struct data_dir *out, const char *path,
                                         const char *genesis_path, struct why *why);

/* Opens what --dir names, for looking things up: also finds out whether what is shown is certified,
 * and refuses a directory that contradicts its own certificates (RC_PROOF). */
MUST_USE enum rc data_dir_open_asked(struct data_dir *out, const struct cli *c, struct why *why);

/* "next:" of a command that wrote a file for others: `hansa <words> <path>` with the genesis file
 * that was used, or with FILE in its place when none was. */
void data_dir_print_next(const struct cli *c, const char *words, const char *path);

/* Names that people type: judged, and lent from the command line.
 * Returns: RC_OK | RC_INVALID, quoting the name and saying what names look like. */
MUST_USE enum rc ask_participant(struct bytes *out, const char *text, struct why *why);
MUST_USE enum rc ask_account(struct bytes *out, const char *text, struct why *why);
MUST_USE enum rc ask_asset(struct bytes *out, const char *text, struct why *why);

#endif
