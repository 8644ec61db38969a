/* Reading the chain of a data directory, believing nothing: blocks are hashed by the store
 * (TREE_VERIFY), what an index points at is looked at itself, and a certificate counts only with
 * its signatures verified and the chain of parents walked from the block up to it. */
#ifndef TOOLS_HANSA_CHAIN_READ_H
#define TOOLS_HANSA_CHAIN_READ_H

#include "tools/hansa/data_dir.h"

/* A reader that keeps the last block, since what people list often stands together.
 * Start with {.dir = d}; there is nothing to end. */
struct chain_read {
    struct data_dir *dir; /* borrows */
    uint64_t height;      /* of block; 0 = none read yet */
    struct block block;   /* lends until data_dir_close() */
};
MUST_USE enum rc chain_get_block(struct chain_read *r, uint64_t height, struct why *why);
/* The transaction at a place that an index names. Lends until data_dir_close().
 * Returns: RC_OK | RC_STORE_DAMAGED (no such place) | RC_STORE_IO. */
MUST_USE enum rc chain_get_tx(struct chain_read *r, const struct place *place, struct tx *out,
                              struct why *why);
/* The same, with the operation at place->op_index. */
MUST_USE enum rc chain_get_op(struct chain_read *r, const struct place *place, struct tx *tx,
                              struct op *op, struct why *why);

/* The lowest COMMIT certificate that covers the block at a height.
 * Returns: RC_OK | RC_NOT_FOUND (none in this store, or none within RECEIPT_HEADERS_MAX heights) |
 * RC_PROOF (it does not verify, or is not of this chain of blocks) | as store_get_block(). */
MUST_USE enum rc chain_get_certificate(struct data_dir *d, uint64_t height, struct certificate *out,
                                       struct why *why);
/* That a certificate is validly signed by the members. Returns: RC_OK | RC_PROOF. */
MUST_USE enum rc chain_judge_certificate(const struct data_dir *d, const struct certificate *c,
                                         struct why *why);

/* The participant whose key signed. Lends until data_dir_close().
 * Returns: RC_OK | RC_STORE_DAMAGED (a signer without an entry) | RC_STORE_IO. */
MUST_USE enum rc chain_get_signer(struct data_dir *d, const struct tx *tx, struct bytes *out,
                                  struct why *why);

#endif
