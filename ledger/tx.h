/* Transactions. Layout (little-endian; FORMATS.md):
 *
 *   body: version u8 = 1 | signer 32 | nonce u64 | valid_until u64 | ops_count u16 | operations
 *   transaction: body | signature 64
 *   txid = H(TAG_TX_ID, chain_id | body); the signature covers tag(TAG_TX_SIGN) | chain_id | txid.
 *
 * The txid leaves the signature out, because a signer can make many valid ones for one body
 * (pitfalls H3); whatever must know the very bytes (tx_root, the cache of verified transactions)
 * takes body and signature together. */
#ifndef LEDGER_TX_H
#define LEDGER_TX_H

#include "ledger/op.h"

enum {
    TX_VERSION = 1,
    TX_OPS_MAX = 1000,
    TX_BYTES_MAX = 128 * 1024,
    TX_HEAD_BYTES = 1 + PUBLIC_KEY_BYTES + 8 + 8 + 2 /* body before the operations */
};

struct tx {
    struct bytes whole; /* lends: the bytes decoded */
    struct bytes body;  /* whole without the signature */
    struct bytes ops;   /* the operations' bytes; walk them with tx_ops() */
    struct public_key signer;
    uint64_t nonce;
    uint64_t valid_until_height; /* last height it may stand at; 0 = no limit */
    uint32_t ops_count;
    uint32_t consents_count; /* key-adds among them: each is one more signature to verify */
    struct signature signature;
    struct digest id;
};

/* Decode one transaction that fills `whole` exactly, and judge all that its bytes tell without
 * any signature. Requires nothing of the bytes. Lends from whole. */
MUST_USE enum verdict tx_decode(struct tx *out, struct bytes whole, const struct digest *chain_id);

/* Verify the signer's signature, then that each new key is a valid point and consents. Pure; safe
 * on any thread. This is the expensive step (about 66 us), done once per transaction and replica.
 */
MUST_USE enum verdict tx_verify(const struct tx *tx, const struct digest *chain_id);

/* A cursor over the operations of a decoded transaction, for op_decode_judged(), ops_count times.
 */
struct rd tx_ops(const struct tx *tx);

/* What a signer decides. Borrows ops. */
struct tx_draft {
    uint64_t nonce;
    uint64_t valid_until_height;
    const struct op *ops;
    uint32_t ops_count;
};

/* Append the signed transaction to out. Judges the draft like tx_decode judges bytes; on refusal
 * out is as it was. */
MUST_USE enum verdict tx_sign(struct buf *out, const struct tx_draft *draft,
                              const struct sign_key *key, const struct digest *chain_id);

#endif
