/* A client's sealed session with one node (design 4): it knows the node's link key and the chain id
 * from the genesis file; the node knows nothing of it. No I/O, no clock.
 *
 * REQUEST, 57 bytes and the message         REPLY, 49 bytes and the message
 *   0  type 3                u8               0  type 4       u8
 *   1  ephemeral X25519      32               1  counter      u64, the request's
 *  33  counter               u64, from 1      9  nonce        24
 *  41  ciphertext, tag of 16:                33  ciphertext, tag of 16: XChaCha20-Poly1305
 *      ChaCha20-Poly1305 (IETF),                 (IETF)
 *      nonce = counter
 * The clear header is associated data. Keys, with derive() as in seal_peer.h:
 *   root = H(TAG_SEAL_CLIENT, X25519(ephemeral, node's link key) | chain id | ephemeral |
 *            node's link public);  requests: derive(root, 0), replies: derive(root, 1)
 *
 * - The node says who it is by opening requests at all; a client says who it is, if it must, inside
 *   its messages. Who steals the node's link secret can open what was recorded.
 * - Requests may come again (sockets resend by themselves, strangers replay) and open again: they
 *   have to be idempotent, which ours are (transactions by their nonces, reads by nature).
 * - So one request may get several replies, and they may differ. A nonce made from the counter
 *   would then seal two messages under one nonce; hence the reply's own one.
 * - Any one of them answers its very request and no other: the counter is under the tag. */
#ifndef CRYPTO_SEAL_CLIENT_H
#define CRYPTO_SEAL_CLIENT_H

#include "crypto/seal.h"

struct seal_client_setup {
    struct digest chain_id;
    size_t request_bytes_max, reply_bytes_max; /* of messages; longer ones never pass */
    const uint8_t *node_link_public;           /* valid (genesis saw to it); borrows for init */
    seal_random *random;                       /* NULL: crypto_random() */
    void *random_context;
};

/* The fields are private. */
struct seal_client {
    struct seal_client_setup setup;
    uint8_t mine[LINK_KEY_BYTES];
    struct seal_secret request_key, reply_key;
    uint64_t sealed_counter; /* the last used */
};

/* Must not be copied: two copies would use one nonce twice. Requires: what the setup says. */
void seal_client_init(struct seal_client *c, const struct seal_client_setup *setup);
void seal_client_close(struct seal_client *c); /* wipes it */

/* The ephemeral key of its requests, which names the session: LINK_KEY_BYTES. Lends. */
const uint8_t *seal_client_name(const struct seal_client *c);
/* Append a request to out. Returns its counter, to judge the reply with. To ask again, send the
 * same bytes again. Requires: message.size <= request_bytes_max; message does not lie in out. */
uint64_t seal_client_request(struct seal_client *c, struct buf *out, struct bytes message);
/* Judge a reply to the request of that counter; any bytes. opened becomes the message, or empty. */
MUST_USE enum seal_drop seal_client_take(const struct seal_client *c, struct buf *opened,
                                         struct bytes bytes, uint64_t counter);

#endif
