/* HELLO, the message that opens a session between replicas: written, and judged without regard to
 * the sessions there are. Only crypto/seal_peer.c includes this; the layout is in seal_peer.h. */
#ifndef CRYPTO_SEAL_HELLO_H
#define CRYPTO_SEAL_HELLO_H

#include "crypto/seal_peer.h"

struct seal_hello {
    struct seal_claim claim;
    uint8_t ephemeral[LINK_KEY_BYTES];
    uint8_t echo[LINK_KEY_BYTES];
};

/* Append mine to out. */
void seal_hello_add(const struct seal_peer *s, struct buf *out);
/* Everything but the signature, cheap first: form, chain, version, members, MAC. Chain and version
 * come before the MAC, because another genesis may name other link keys too and the operators of
 * both ends are to see what it is. */
MUST_USE enum seal_drop seal_hello_judge(struct seal_hello *out, const struct seal_peer *s,
                                         struct bytes bytes);
/* Requires: bytes that seal_hello_judge() kept. */
MUST_USE bool seal_hello_verify(const struct seal_peer *s, struct bytes bytes);

#endif
