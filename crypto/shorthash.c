#include "crypto/shorthash.h"

#include <sodium.h>
#include <string.h>

#include "crypto/base/check.h"

_Static_assert(SHORTHASH_KEY_BYTES == crypto_shorthash_KEYBYTES, "SipHash's key");
_Static_assert(sizeof(uint64_t) == crypto_shorthash_BYTES, "SipHash's output");

uint64_t shorthash(const struct shorthash_key *key, uint8_t domain, struct bytes data)
{
    uint8_t joined[1 + SHORTHASH_DATA_BYTES_MAX];
    uint8_t hash[crypto_shorthash_BYTES];
    CHECK(data.size <= SHORTHASH_DATA_BYTES_MAX);
    joined[0] = domain;
    if (data.size > 0)
        memcpy(joined + 1, data.data, data.size);
    crypto_shorthash(hash, joined, 1 + data.size, key->bytes);
    uint64_t value;
    memcpy(&value, hash, sizeof value);
    return value;
}
