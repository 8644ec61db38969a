/* What the sealing modules share: the exchange, keys from a root, and one sealed message. Only
 * crypto/seal*.c include this. */
#ifndef CRYPTO_SEAL_PARTS_H
#define CRYPTO_SEAL_PARTS_H

#include "crypto/seal.h"

/* random's bytes, or crypto_random's when it is NULL. */
void seal_fill(seal_random *random, void *context, void *out, size_t size);
/* out = X25519(secret, public). False, and out is zero, unless the public key is one that
 * link_public_is_valid() accepts; one exchange judges it and uses it. */
MUST_USE bool seal_exchange(struct seal_secret *out, const uint8_t secret[static LINK_KEY_BYTES],
                            const uint8_t public[static LINK_KEY_BYTES]);
/* out = H(TAG_SEAL_KEY, root | label). */
void seal_derive(struct seal_secret *out, const struct seal_secret *root, uint8_t label);
/* End a hasher that was fed secrets. */
void seal_hash_end(struct hasher *h, struct seal_secret *out);

/* ChaCha20-Poly1305-IETF with the counter as nonce: append ciphertext and tag of the message to
 * out, whose bytes from header_at on are the header in clear. Requires: no counter twice under one
 * key. */
void seal_add_sealed(struct buf *out, size_t header_at, const struct seal_secret *key,
                     uint64_t counter, struct bytes message);
/* opened becomes the message. False, and opened is empty, when it does not open.
 * Requires: sealed.size >= SEAL_TAG_BYTES. */
MUST_USE bool seal_open_sealed(struct buf *opened, struct bytes header,
                               const struct seal_secret *key, uint64_t counter,
                               struct bytes sealed);

/* What a client and a node both know once either has made the exchange. Borrows all. */
struct seal_client_exchange {
    const struct seal_secret *product;
    const struct digest *chain_id;
    const uint8_t *ephemeral, *node_public; /* LINK_KEY_BYTES each */
};
/* The keys of a client's session (layout in seal_client.h). */
void seal_client_keys(struct seal_secret *request_key, struct seal_secret *reply_key,
                      const struct seal_client_exchange *from);

#endif
