/* Receipts and state proofs: files that carry everything needed to check them offline, with the
 * genesis file alone (PROTOCOL.md 10.4, 12.3). Layouts: FORMATS.md.
 *
 *   receipt:  "HANSARC1" | chain_id 32 | epoch_changes u16 = 0 | tx_bytes u32 | transaction |
 *             tx_index u32 | siblings_count u8 | siblings | headers_count u16 |
 *             headers of heights h..m | COMMIT certificate at m
 *   proof:    "HANSAPF1" | chain_id 32 | epoch_changes u16 = 0 | state table u8 | key_bytes u16 |
 *             key | tree_proof_bytes u32 | tree proof | CHECKPOINT certificate
 */
#ifndef LEDGER_RECEIPT_H
#define LEDGER_RECEIPT_H

#include "crypto/cert.h"
#include "ledger/store.h"

enum {
    RECEIPT_HEADERS_MAX = 1024, /* a certificate comes within P <= 64 heights; epochs end by K */
    RECEIPT_BYTES_MAX = 8 + DIGEST_BYTES + 2 + 4 + TX_BYTES_MAX + 4 + 1 +
                        MERKLE_PATH_MAX * DIGEST_BYTES + 2 +
                        RECEIPT_HEADERS_MAX * BLOCK_HEADER_BYTES + CERT_BYTES_MAX,
    PROOF_BYTES_MAX = 8 + DIGEST_BYTES + 2 + 1 + 2 + STATE_KEY_BYTES_MAX + 4 +
                      TREE_PROOF_BYTES_MAX + CERT_BYTES_MAX
};

/* What a verified receipt says. Lends from its bytes. */
struct receipt {
    struct tx tx;
    uint32_t tx_index;
    struct block_header header; /* of the block that holds it */
    struct digest block_digest;
    struct certificate certificate; /* at height >= header.height */
};

/* What a verified state proof says. Lends from its bytes. */
struct state_proof {
    enum state_table table;
    struct bytes key;
    bool present;
    struct bytes value;
    struct certificate certificate; /* says at which height, and which state root */
};

/* Append the receipt for the transaction at a place.
 * On error out is as before. Returns: RC_OK | RC_NOT_FOUND (no such transaction, or no certificate
 * within RECEIPT_HEADERS_MAX heights covers it yet) | as the store's reads. */
MUST_USE enum rc receipt_make(struct buf *out, struct store *s, const struct place *place,
                              struct why *why);
/* Append the proof of a state entry, present or absent, at the newest certified checkpoint.
 * On error out is as before. Requires: table is known. Returns: RC_OK | RC_INVALID (not a key of
 * that table) | RC_NOT_FOUND (no checkpoint is certified yet) | as the store's reads. */
MUST_USE enum rc proof_make(struct buf *out, struct store *s, enum state_table table,
                            struct bytes key, struct why *why);

/* Judge a file against a chain: any bytes may be handed in. The words begin with the field that is
 * wrong ("Merkle path: ..."; all of them: FORMATS.md), and on error nothing in *out may be used.
 * members are those of epoch 0. A value that proof_verify() hands out decodes as one of its table.
 * Returns: RC_OK | RC_MALFORMED | RC_NETWORK_MISMATCH (chain id) | RC_SIGNATURE (of the transaction
 * or in the certificate) | RC_PROOF. */
MUST_USE enum rc receipt_verify(struct receipt *out, struct bytes receipt,
                                const struct digest *chain_id, const struct member_table *members,
                                struct why *why);
MUST_USE enum rc proof_verify(struct state_proof *out, struct bytes proof,
                              const struct digest *chain_id, const struct member_table *members,
                              struct why *why);

#endif
