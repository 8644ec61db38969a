/* What accounts hold: the balances whose key begins in some way, each read from the state. */
#ifndef TOOLS_HANSA_HOLDINGS_H
#define TOOLS_HANSA_HOLDINGS_H

#include "tools/hansa/source.h"

struct holding {
    char account[ACCOUNT_BYTES_MAX + 1];
    char asset[ASSET_BYTES_MAX + 1];
    struct state_balance balance;
};
struct holdings {
    struct holding *items; /* ascending by account, then asset */
    size_t count;
    size_t room;
};

/* The balances of one account ("bank/main"), or of all accounts of a participant ("bank"); with an
 * asset (not empty) only those in it. None at all is RC_OK with count 0.
 * Returns: RC_OK | as source_list(). End with holdings_close() whatever it was. */
MUST_USE enum rc holdings_read(struct holdings *out, struct source *s, struct bytes who,
                               struct bytes asset, struct why *why);
/* Add one from an entry of the state, behind those that are there. False: it is no balance. */
MUST_USE bool holdings_take(struct holdings *h, struct bytes key, struct bytes value);
void holdings_close(struct holdings *h);

/* An existing participant's entry. Returns: RC_OK | RC_NOT_FOUND, with the height in the words |
 * as source_state_rc(). */
MUST_USE enum rc holdings_participant(struct state_participant *out, struct source *s,
                                      struct bytes name, struct why *why);

#endif
