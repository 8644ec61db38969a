/* The checksum that the store keeps beside every value: SipHash-2-4 under a fixed, public key. It
 * finds damage, such as a flipped bit or a value that strayed to another key; it is no protection
 * against somebody who means harm, who can compute it too. */
#ifndef CRYPTO_CHECKSUM_H
#define CRYPTO_CHECKSUM_H

#include <stdint.h>

#include "crypto/base/bytes.h"

enum {
    CHECKSUM_BYTES = 8,
    CHECKSUM_LABEL_BYTES_MAX = 512 /* a key of the store has 511 at most */
};

/* S(domain | label | S(body)), where S is SipHash-2-4 and a digest stands as 8 bytes little-endian.
 * The body is hashed by itself, so a large value is read where it lies, without a copy. The label
 * needs no length: the domain and the digest around it have fixed sizes.
 * Requires: label.size <= CHECKSUM_LABEL_BYTES_MAX. */
uint64_t checksum_of(uint8_t domain, struct bytes label, struct bytes body);

#endif
