/* Sending signed transactions, and following each to what becomes of it (PROTOCOL.md 10.3).
 *
 * The same bytes may go to several nodes and go again: a transaction takes effect at most once. So
 * a node that is silent, busy or does not know in time costs nothing but the next node's turn. */
#ifndef TOOLS_HANSA_SUBMIT_H
#define TOOLS_HANSA_SUBMIT_H

#include "ledger/receipt.h"
#include "tools/hansa/nodes.h"

enum {
    SUBMIT_WAIT_MS = 2000, /* how long a node is asked to wait for the outcome */
    SUBMIT_BUSY_MS = 100,  /* after the first "busy"; doubles */
    SUBMIT_BUSY_MS_MAX = 2000
};

/* What became of one transaction. PROTO_UNKNOWN and PROTO_TX_BUSY: until the time was over. */
struct submit_end {
    struct proto_result result; /* txid: computed here, or asked for */
    uint32_t node;              /* who said so: index in nodes.items */
};

/* Send count (1..PROTO_TXS_MAX) transactions, in as many messages as they need, and follow them
 * until each has an outcome that is not unknown or busy, or the time of the nodes is over. Their
 * order is kept: put those of one key in the order of their nonces. "Refused" counts as an outcome.
 * What a node does not know in time goes to the next node.
 * Requires: they decode for this chain (tx_decode()). Borrows txs.
 * Returns: RC_OK (ends has count, some may be unknown) | RC_TIMEOUT (no node ever answered: all are
 * unknown; words name the nodes). */
MUST_USE enum rc submit_txs(struct nodes *n, const struct bytes *txs, uint32_t count,
                            struct submit_end *ends, struct why *why);
/* Wait for transactions that were sent by somebody: COMMITTED, or UNKNOWN when the time is over.
 * Returns: as submit_txs(). */
MUST_USE enum rc submit_wait(struct nodes *n, const struct digest *txids, uint32_t count,
                             struct submit_end *ends, struct why *why);

/* Fetch the receipt of a committed transaction from whichever node has one that verifies against
 * the genesis: then that is proven, whoever said it. file is appended to, receipt lends from it.
 * Returns: RC_OK | RC_NOT_FOUND (all that answer say there is none) | RC_PROOF (words: whose does
 * not hold) | RC_TIMEOUT. */
MUST_USE enum rc submit_receipt(struct nodes *n, const struct digest *txid, struct buf *file,
                                struct receipt *receipt, struct why *why);

/* Why, in words: "the balance is too low", "the pool is full ...". Lends a constant; "" when the
 * outcome says all. */
const char *submit_text(const struct proto_result *r);

#endif
