/* A short keyed hash for hash tables (SipHash-2-4): with a secret key nobody can choose names that
 * all fall into one slot. Not for anything that is stored or sent. */
#ifndef CRYPTO_SHORTHASH_H
#define CRYPTO_SHORTHASH_H

#include <stdint.h>

#include "crypto/base/bytes.h"

enum { SHORTHASH_KEY_BYTES = 16, SHORTHASH_DATA_BYTES_MAX = 511 };

struct shorthash_key {
    uint8_t bytes[SHORTHASH_KEY_BYTES];
};

/* Hash of domain | data. Requires: data.size <= SHORTHASH_DATA_BYTES_MAX. */
uint64_t shorthash(const struct shorthash_key *key, uint8_t domain, struct bytes data);

#endif
