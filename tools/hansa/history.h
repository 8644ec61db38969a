/* The history of one account in one asset, complete by construction: the balance entry, which the
 * state tree proves, counts its entries, and each entry is read back to the operation that made it
 * and held against the balance before and after. */
#ifndef TOOLS_HANSA_HISTORY_H
#define TOOLS_HANSA_HISTORY_H

#include "ledger/place.h"
#include "tools/hansa/chain_read.h"
#include "tools/hansa/holdings.h"

struct history {
    struct source *source;       /* borrows */
    struct bytes account, asset; /* lend from the holding */
    struct state_balance end;    /* after the last entry */
    uint64_t opening;            /* before entry 1, as the genesis file gives it */
    uint64_t next;               /* number of the entry that comes next, from 1 */
    uint64_t balance;            /* before it */
    struct place last;           /* of the entry before it */
};

struct history_line {
    uint64_t number;
    struct history_entry entry;
    struct tx tx; /* with op: lends until the next line */
    struct op op;
    struct bytes counterparty; /* an account; empty for issue and redeem */
    struct bytes memo;
    uint64_t time_ms; /* of the block */
};

/* Stand before entry `from`. Requires: 1 <= from. Borrows s and holding until the last line.
 * Returns: RC_OK | RC_NOT_FOUND (from is beyond the last entry, and not 1) | as the store's reads.
 */
MUST_USE enum rc history_open(struct history *h, struct source *s, const struct holding *holding,
                              uint64_t from, struct why *why);
/* Returns: RC_OK | RC_NOT_FOUND (there are no more) | RC_STORE_DAMAGED (words name the entry) |
 * as source_block(). */
MUST_USE enum rc history_next(struct history *h, struct history_line *out, struct why *why);

#endif
