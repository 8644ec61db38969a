/* Ed25519 by libsodium alone: other verifiers accept signatures that this one refuses (facts). */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/bytes.h"

enum {
    PUBLIC_KEY_BYTES = 32,
    PUBLIC_KEY_HEX_BYTES = 2 * PUBLIC_KEY_BYTES + 1,
    SIGN_SEED_BYTES = 32,
    SIGN_SECRET_BYTES = 64,
    SIGNATURE_BYTES = 64
};

struct public_key {
    uint8_t bytes[PUBLIC_KEY_BYTES];
};

struct signature {
    uint8_t bytes[SIGNATURE_BYTES];
};

/* A signing key in memory. Holds a secret: crypto_wipe() it when done. */
struct sign_key {
    struct public_key public;
    uint8_t secret[SIGN_SECRET_BYTES]; /* libsodium's form: seed, then public key */
};

/* Deterministic: the same seed gives the same key (RFC 8032). */
void sign_key_from_seed(struct sign_key *out, const uint8_t seed[static SIGN_SEED_BYTES]);
void sign_message(struct signature *out, struct bytes message, const struct sign_key *key);
MUST_USE bool sign_verify(const struct signature *signature, struct bytes message,
                          const struct public_key *key);
/* A canonical point of the main subgroup. Others verify message-dependently and are never
 * registered (design 2, pitfalls H2). */
MUST_USE bool public_key_is_valid(const struct public_key *key);
bool public_key_equal(const struct public_key *a, const struct public_key *b);
void public_key_to_hex(char out[static PUBLIC_KEY_HEX_BYTES], const struct public_key *key);
MUST_USE bool public_key_from_hex(struct public_key *out, const char *hex);

#endif
