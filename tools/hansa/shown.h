/* A block as a node shows it, believed only with a certificate over it. */
#ifndef TOOLS_HANSA_SHOWN_H
#define TOOLS_HANSA_SHOWN_H

#include "ledger/block.h"
#include "tools/hansa/nodes.h"

/* Start with {.nodes = n}, end with shown_close(). Large: keep it off the stack. */
struct shown {
    struct nodes *nodes;        /* borrows */
    struct nodes_answer answer; /* of the block that is lent */
    struct nodes_answer above;  /* up to its certificate */
};
void shown_close(struct shown *s);

/* Ask one node for the block at a height, that its body is the header's, and for a COMMIT
 * certificate of the members on it or on a block above that it leads to. What contradicts that is
 * not believed, whoever says it. out lends until the next call.
 * Returns: RC_OK | RC_NOT_FOUND (it has none, or no certificate yet) | RC_PROOF | RC_TIMEOUT; words
 * name the node. */
MUST_USE enum rc shown_block(struct shown *s, uint32_t node, uint64_t height, uint32_t timeout_ms,
                             struct block *out, struct why *why);

#endif
