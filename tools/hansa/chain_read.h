/* Reading the chain of a source, believing nothing: blocks are whole in themselves, what an index
 * points at is looked at itself, and a certificate counts only with its signatures verified and the
 * chain of parents walked from the block up to it. Blocks are read into source.block. */
#ifndef TOOLS_HANSA_CHAIN_READ_H
#define TOOLS_HANSA_CHAIN_READ_H

#include "tools/hansa/source.h"

/* The transaction at a place that an index names. Lends until a block of another height is read.
 * Returns: RC_OK | RC_STORE_DAMAGED (no such place) | as source_block(). */
MUST_USE enum rc chain_get_tx(struct source *s, const struct place *place, struct tx *out,
                              struct why *why);
/* The same, with the operation at place->op_index. */
MUST_USE enum rc chain_get_op(struct source *s, const struct place *place, struct tx *tx,
                              struct op *op, struct why *why);

/* The lowest COMMIT certificate that covers the block at a height, which is source.block then.
 * Returns: RC_OK | RC_NOT_FOUND (none is there, or none within RECEIPT_HEADERS_MAX heights) |
 * RC_PROOF (it does not verify, or is not of this chain of blocks) | as source_block(). */
MUST_USE enum rc chain_get_certificate(struct source *s, uint64_t height, struct certificate *out,
                                       struct why *why);
/* That a certificate is validly signed by the members. Returns: RC_OK | RC_PROOF. */
MUST_USE enum rc chain_judge_certificate(const struct genesis *g, const struct certificate *c,
                                         struct why *why);

/* The participant whose key signed. Lends until source_close().
 * Returns: RC_OK | RC_STORE_DAMAGED (a signer without an entry) | as source_state_rc(). */
MUST_USE enum rc chain_get_signer(struct source *s, const struct tx *tx, struct bytes *out,
                                  struct why *why);

#endif
