/* The state's entries, typed: each kind's key, value encoding, and get/put on a layer.
 *
 *   participant: name
 *             -> role u8 | keys_count u8 | active keys, ascending
 *   key:         public key
 *             -> participant text8 | nonce u64 | revoked u8
 *   asset:       code
 *             -> decimals u8 | issuer text8 | supply u64
 *   balance:     account | 0 | asset
 *             -> amount u64 | entries_count u64
 *   record:      participant text8 | topic text8 | key text8
 *             -> version u64 | txid 32 | data hash 32 | data_bytes u32
 *
 * No height stands in the state: the same operations give the same state however they are split
 * into blocks. entries_count numbers the entries of an account's history and version those of a
 * record, so a proof of the entry also proves that a history is complete. */
#ifndef LEDGER_STATE_H
#define LEDGER_STATE_H

#include "ledger/initial.h"
#include "ledger/layer.h"

struct state_participant {
    enum participant_role role;
    uint32_t keys_count;
    struct public_key keys[PARTICIPANT_KEYS_MAX]; /* active ones, ascending */
};
struct state_key {
    struct bytes participant; /* lends as layer_get() */
    uint64_t nonce;           /* the last one used; 0 = none */
    bool revoked;
};
struct state_asset {
    uint8_t decimals;
    struct bytes issuer; /* lends as layer_get() */
    uint64_t supply;
};
struct state_balance {
    uint64_t amount;
    uint64_t entries_count;
};
struct state_record {
    uint64_t version; /* 1 for the first */
    struct digest txid;
    struct digest data_hash; /* H(TAG_RECORD, data) */
    uint32_t data_bytes;
};

/* Keys. Each writes into out and returns the bytes written there (lends out). */
struct bytes state_balance_key(uint8_t out[static STATE_KEY_BYTES_MAX], struct bytes account,
                               struct bytes asset);
struct bytes state_record_key(uint8_t out[static STATE_KEY_BYTES_MAX], struct bytes participant,
                              struct bytes topic, struct bytes key);
/* The other way round; false for other bytes. Lend from key. */
MUST_USE bool state_balance_key_split(struct bytes key, struct bytes *account, struct bytes *asset);
MUST_USE bool state_record_key_split(struct bytes key, struct bytes *participant,
                                     struct bytes *topic, struct bytes *record_key);

/* Decoding, for values from trees and proofs: false when the bytes are not such a value. */
MUST_USE bool state_participant_decode(struct state_participant *out, struct bytes value);
MUST_USE bool state_key_decode(struct state_key *out, struct bytes value);
MUST_USE bool state_asset_decode(struct state_asset *out, struct bytes value);
MUST_USE bool state_balance_decode(struct state_balance *out, struct bytes value);
MUST_USE bool state_record_decode(struct state_record *out, struct bytes value);

/* Get: false = absent (*out is then zero, which is what an absent balance means) or the layer
 * failed; a value that does not decode fails the layer with RC_STORE_DAMAGED. */
MUST_USE bool state_get_participant(struct layer *l, struct bytes name,
                                    struct state_participant *out);
MUST_USE bool state_get_key(struct layer *l, const struct public_key *key, struct state_key *out);
MUST_USE bool state_get_asset(struct layer *l, struct bytes code, struct state_asset *out);
MUST_USE bool state_get_balance(struct layer *l, struct bytes account, struct bytes asset,
                                struct state_balance *out);
MUST_USE bool state_get_record(struct layer *l, struct bytes record_key, struct state_record *out);

/* Put. is_new also adds the entry to the index of names (KV_NAME), by which things are listed. */
void state_put_participant(struct layer *l, struct bytes name, const struct state_participant *p,
                           bool is_new);
void state_put_key(struct layer *l, const struct public_key *key, const struct state_key *k,
                   bool is_new);
void state_put_asset(struct layer *l, struct bytes code, const struct state_asset *a, bool is_new);
void state_put_balance(struct layer *l, struct bytes account, struct bytes asset,
                       const struct state_balance *b, bool is_new);
void state_put_record(struct layer *l, struct bytes record_key, const struct state_record *r,
                      bool is_new);

/* Put everything of a chain's start into an empty layer. */
void state_put_initial(struct layer *l, const struct initial_state *initial);

#endif
