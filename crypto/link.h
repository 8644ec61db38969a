/* Link keys: X25519, for the sealed sessions between replicas and with clients. */
#ifndef CRYPTO_LINK_H
#define CRYPTO_LINK_H

#include <stdint.h>

#include "crypto/base/result.h"

enum { LINK_KEY_BYTES = 32 };

/* The public key of a secret. */
void link_public_of(uint8_t public[static LINK_KEY_BYTES],
                    const uint8_t secret[static LINK_KEY_BYTES]);
/* One spelling of a point with which an exchange gives a secret: below 2^255 - 19 (X25519 would
 * take the same value in a second spelling, RFC 7748 section 5) and of no small order (which would
 * give a result that everybody knows). */
MUST_USE bool link_public_is_valid(const uint8_t public[static LINK_KEY_BYTES]);

#endif
