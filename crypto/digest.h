/* H of the design: BLAKE2b-256 over a 16-byte domain tag and the data (PROTOCOL.md section 0).
 *
 * A tag is its ASCII text padded with zeros to TAG_BYTES, so tagged inputs of different kinds
 * never collide (pitfalls H1). Merkle trees use the prefixes 0 and 1 of RFC 6962 instead; no tag
 * starts with those. */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/bytes.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX_BYTES = 2 * DIGEST_BYTES + 1, TAG_BYTES = 16 };

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

/* Every domain tag there is: one per thing that is hashed or signed. */
#define TAG_LIST(X)                                                                                \
    X(TAG_GENESIS, "hansa-genesis")     /* chain id = H(canonical genesis) */                      \
    X(TAG_TX_ID, "hansa-txid")          /* txid = H(chain id, body) */                             \
    X(TAG_TX_SIGN, "hansa-tx-sign")     /* the signer's signature on a transaction */              \
    X(TAG_TX_VERIFIED, "hansa-tx-seen") /* key of the cache of verified transactions */            \
    X(TAG_KEY_ADD, "hansa-key-add")     /* a new key's own consent to being added */               \
    X(TAG_BLOCK, "hansa-block")         /* block digest = H(header) */                             \
    X(TAG_PREPARE, "hansa-prepare")     /* votes, and the certificates made of them */             \
    X(TAG_COMMIT, "hansa-commit")                                                                  \
    X(TAG_CHECKPOINT, "hansa-checkpoint")                                                          \
    X(TAG_RECORD, "hansa-record")       /* hash of a record's data */                              \
    X(TAG_STATE_KEY, "hansa-state-key") /* place of an entry in the state tree */                  \
    X(TAG_STATE_LEAF, "hansa-state-leaf")                                                          \
    X(TAG_STATE_NODE, "hansa-state-node")                                                          \
    X(TAG_PRE_PREPARE, "hansa-preprepare")                                                         \
    X(TAG_STATUS, "hansa-status")     /* where a replica stands, for retransmission */             \
    X(TAG_COMPLAIN, "hansa-complain") /* the wish to leave a view */                               \
    X(TAG_VIEW_CHANGE, "hansa-viewchange")                                                         \
    X(TAG_NEW_VIEW, "hansa-new-view")                                                              \
    X(TAG_VIEW_HIGH, "hansa-view-high")   /* the certificate, or none, in a VIEW-CHANGE */         \
    X(TAG_VIEW_LC, "hansa-view-lc")       /* the complaints in a VIEW-CHANGE */                    \
    X(TAG_VIEW_SET, "hansa-view-set")     /* the VIEW-CHANGEs in a NEW-VIEW */                     \
    X(TAG_EVIDENCE, "hansa-evidence")     /* which evidence a replica has */                       \
    X(TAG_TEST, "hansa-test")             /* seeds of test keys; never in product code */          \
    X(TAG_SEAL_PAIR, "hansa-seal-pair")   /* what two replicas share, from their link keys */      \
    X(TAG_SEAL_MAC, "hansa-seal-mac")     /* a HELLO, for the eyes of the pair */                  \
    X(TAG_SEAL_SIGN, "hansa-seal-sign")   /* a HELLO, by its sender's own key */                   \
    X(TAG_SEAL_PEER, "hansa-seal-peer")   /* root of a session between replicas */                 \
    X(TAG_SEAL_CLIENT, "hansa-seal-clnt") /* root of a session of a client with a node */          \
    X(TAG_SEAL_KEY, "hansa-seal-key")     /* keys and names made from a root */                    \
    X(TAG_READ_SIGN, "hansa-read-sign")   /* a participant's signature on what it asks a node */

enum tag {
#define X(tag, text) tag,
    TAG_LIST(X)
#undef X
        TAG_COUNT
};

/* The TAG_BYTES bytes of a tag. Lends a constant. */
const uint8_t *tag_bytes(enum tag tag);

/* out = H(tag, data). */
void digest_of(struct digest *out, enum tag tag, struct bytes data);
bool digest_equal(const struct digest *a, const struct digest *b);
bool digest_is_zero(const struct digest *d);
/* 64 lower-case hex digits and a terminator. */
void digest_to_hex(char out[static DIGEST_HEX_BYTES], const struct digest *d);
MUST_USE bool digest_from_hex(struct digest *out, const char *hex);

/* The same hash fed in pieces. hasher_start_plain() leaves the tag out; only merkle.c may. */
struct hasher {
    _Alignas(64) uint8_t state[384]; /* crypto_generichash_blake2b_state, asserted in digest.c */
};
void hasher_start(struct hasher *h, enum tag tag);
void hasher_start_plain(struct hasher *h);
void hasher_add(struct hasher *h, const void *data, size_t size);
void hasher_add_bytes(struct hasher *h, struct bytes data);
void hasher_end(struct hasher *h, struct digest *out);

#endif
