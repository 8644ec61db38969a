/* Index entries that point into the chain.
 *
 *   KV_TXID:    txid
 *            -> height u64 | tx_index u32
 *   KV_NONCE:   public key | nonce be64
 *            -> height u64 | tx_index u32
 *   KV_RECORD:  record's state key | version be64
 *            -> height u64 | tx_index u32 | op_index u16
 *   KV_HISTORY: account | 0 | asset | 0 | number be64
 *            -> height u64 | tx_index u32 | op_index u16 | credit u8 | amount u64 | balance u64
 *
 * A history starts at 1; the opening balance of the genesis file is not an entry in it, so the
 * balance before entry 1 is what the genesis file gave. */
#ifndef LEDGER_PLACE_H
#define LEDGER_PLACE_H

#include "crypto/digest.h"
#include "crypto/sign.h"
#include "ledger/layer.h"

enum { PLACE_BYTES_MAX = 8 + 4 + 2 + 1 + 8 + 8 };

/* Where a transaction, or one of its operations, stands. Indexes count from 0. */
struct place {
    uint64_t height;
    uint32_t tx_index;
    uint16_t op_index;
};

struct history_entry {
    struct place place;
    bool credit; /* else debit */
    uint64_t amount;
    uint64_t balance; /* after this entry */
};

/* Keys: each writes into out and lends it. */
struct bytes place_nonce_key(uint8_t out[static KV_KEY_BYTES_MAX], const struct public_key *key,
                             uint64_t nonce);
struct bytes place_record_key(uint8_t out[static KV_KEY_BYTES_MAX], struct bytes record_key,
                              uint64_t version);
struct bytes place_history_key(uint8_t out[static KV_KEY_BYTES_MAX], struct bytes account,
                               struct bytes asset, uint64_t number);

struct bytes place_tx_encode(uint8_t out[static PLACE_BYTES_MAX], const struct place *p);
struct bytes place_op_encode(uint8_t out[static PLACE_BYTES_MAX], const struct place *p);
struct bytes place_history_encode(uint8_t out[static PLACE_BYTES_MAX],
                                  const struct history_entry *h);
MUST_USE bool place_tx_decode(struct place *out, struct bytes value);
MUST_USE bool place_op_decode(struct place *out, struct bytes value);
MUST_USE bool place_history_decode(struct history_entry *out, struct bytes value);

#endif
