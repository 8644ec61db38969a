/* A store in memory over random traffic, for tests of the store: 40 blocks of three transactions,
 * appended as the test asks. */
#ifndef TESTS_HELP_STORED_H
#define TESTS_HELP_STORED_H

#include "tests/help/traffic.h"

enum {
    STORED_TXS = 120,
    STORED_TXS_PER_BLOCK = 3,
    STORED_BLOCKS = STORED_TXS / STORED_TXS_PER_BLOCK
};

/* One at a time, as cmocka's setup and teardown; what is open now is in `stored`. */
struct stored {
    struct traffic traffic;
    struct kv *kv;
    struct store *store;
    struct why why; /* of the last call that failed */
};
extern struct stored stored;
int stored_setup(void **state);
int stored_teardown(void **state);

/* Open stored.kv again, with TREE_VERIFY; stored.store is closed or NULL by then. */
void stored_open(uint64_t layer_bytes_max);
void stored_reopen(void);
/* Close both, and make an empty store in a new kv. */
void stored_renew(uint64_t layer_bytes_max);
/* Blocks first..end-1 of the traffic, which are heights first+1..end. */
void stored_append(uint32_t first, uint32_t end);
/* The next block. Returns: as store_append(). */
MUST_USE enum rc stored_append_next(void);
/* The root of the flushed tree. Lends until the next call. */
const struct digest *stored_root(void);

#endif
