/* The one `apply`: building, checking, committing and auditing blocks all run this, once, on top
 * of the parent's layer (design 2). */
#ifndef LEDGER_APPLY_H
#define LEDGER_APPLY_H

#include "ledger/place.h"
#include "ledger/state.h"
#include "ledger/tx.h"

/* A transaction being applied, as its operations see it. */
struct apply {
    struct layer *layer;
    const struct tx *tx;
    struct place place;       /* of the operation */
    struct bytes participant; /* whose key signed; lends until the layer is rolled back */
};

/* Apply a transaction that tx_decode() made (and tx_verify() accepted, wherever signatures are not
 * known to be good already) at the given place. All operations take effect, or none and *out says
 * why. Does no cryptography but hashing.
 * Returns: RC_OK with *out | the layer's error, when the state below could not be read. */
MUST_USE enum rc apply_tx(enum verdict *out, struct layer *l, const struct tx *tx, uint64_t height,
                          uint32_t tx_index);

/* ---- for operations ---- */

/* Move money in or out of one balance and write its history entry. */
MUST_USE enum verdict apply_credit(struct apply *a, struct bytes account, struct bytes asset,
                                   uint64_t amount);
MUST_USE enum verdict apply_debit(struct apply *a, struct bytes account, struct bytes asset,
                                  uint64_t amount);
/* VERDICT_FOREIGN_ACCOUNT unless the account is the signer's participant's. */
MUST_USE enum verdict apply_own_account(const struct apply *a, struct bytes account);

#endif
