#include "crypto/sign.h"

#include <sodium.h>
#include <string.h>

#include "crypto/base/check.h"

_Static_assert((int)PUBLIC_KEY_BYTES == (int)crypto_sign_ed25519_PUBLICKEYBYTES, "as libsodium");
_Static_assert((int)SIGN_SEED_BYTES == (int)crypto_sign_ed25519_SEEDBYTES, "as libsodium");
_Static_assert((int)SIGN_SECRET_BYTES == (int)crypto_sign_ed25519_SECRETKEYBYTES, "as libsodium");
_Static_assert((int)SIGNATURE_BYTES == (int)crypto_sign_ed25519_BYTES, "as libsodium");

void sign_key_from_seed(struct sign_key *out, const uint8_t seed[static SIGN_SEED_BYTES])
{
    CHECK(crypto_sign_ed25519_seed_keypair(out->public.bytes, out->secret, seed) == 0);
}

void sign_message(struct signature *out, struct bytes message, const struct sign_key *key)
{
    CHECK(crypto_sign_ed25519_detached(out->bytes, NULL, message.data, message.size, key->secret) ==
          0);
}

bool sign_verify(const struct signature *signature, struct bytes message,
                 const struct public_key *key)
{
    return crypto_sign_ed25519_verify_detached(signature->bytes, message.data, message.size,
                                               key->bytes) == 0;
}

bool public_key_is_valid(const struct public_key *key)
{
    return crypto_core_ed25519_is_valid_point(key->bytes) == 1;
}

bool public_key_equal(const struct public_key *a, const struct public_key *b)
{
    return memcmp(a->bytes, b->bytes, PUBLIC_KEY_BYTES) == 0;
}

void public_key_to_hex(char out[static PUBLIC_KEY_HEX_BYTES], const struct public_key *key)
{
    hex_encode(out, key->bytes, PUBLIC_KEY_BYTES);
}

bool public_key_from_hex(struct public_key *out, const char *hex)
{
    return hex_decode(out->bytes, PUBLIC_KEY_BYTES, hex);
}
