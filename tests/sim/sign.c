/* Signatures for the simulator: all of crypto/sign.h, in whose place this file is linked. The real
 * ones are crypto/sign.c itself, compiled into this file under other names; the simulated ones are
 * a keyed hash, a hundred times cheaper. Whoever has the public key can forge those: what is
 * simulated here are crashes and losses, and bytes that were damaged on the way, not thieves. */
#include <string.h>

#include "crypto/digest.h"
#include "crypto/shorthash.h"
#include "tests/sim/sim.h"

/* First declared static, the definitions of crypto/sign.c stay inside this file. */
static void real_key_from_seed(struct sign_key *out, const uint8_t seed[static SIGN_SEED_BYTES]);
static void real_sign(struct signature *out, struct bytes message, const struct sign_key *key);
static bool real_verify(const struct signature *signature, struct bytes message,
                        const struct public_key *key);
static bool real_is_valid(const struct public_key *key);

#define sign_key_from_seed  real_key_from_seed
#define sign_message        real_sign
#define sign_verify         real_verify
#define public_key_is_valid real_is_valid
#include "crypto/sign.c"
#undef sign_key_from_seed
#undef sign_message
#undef sign_verify
#undef public_key_is_valid

static bool is_real = true; /* until told otherwise: crypto_start() tests the real ones */

void sim_sign_real(bool real)
{
    is_real = real;
}

/* ---- the simulated ones ---- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* The message's hash under a key made from the public key, spread over all of the signature. */
static struct signature simulated(struct bytes message, const struct public_key *key)
{
    struct signature out;
    struct shorthash_key hash_key;
    struct digest digest;
    uint64_t words[PUBLIC_KEY_BYTES / 8];
    memcpy(words, key->bytes, sizeof words);
    uint64_t halves[2] = {mix(words[0] ^ mix(words[1])), mix(words[2] ^ mix(words[3]))};
    memcpy(hash_key.bytes, halves, sizeof halves);
    if (message.size > SHORTHASH_DATA_BYTES_MAX) {
        digest_of(&digest, TAG_TEST, message);
        message = bytes_of(digest.bytes, sizeof digest.bytes);
    }
    uint64_t word = shorthash(&hash_key, 0, message);
    for (size_t at = 0; at < SIGNATURE_BYTES; at += sizeof word) {
        word = mix(word + 0x9e3779b97f4a7c15u);
        memcpy(out.bytes + at, &word, sizeof word);
    }
    return out;
}

void sign_key_from_seed(struct sign_key *out, const uint8_t seed[static SIGN_SEED_BYTES])
{
    struct digest public;
    if (is_real) {
        real_key_from_seed(out, seed);
        return;
    }
    digest_of(&public, TAG_TEST, bytes_of(seed, SIGN_SEED_BYTES));
    memcpy(out->public.bytes, public.bytes, PUBLIC_KEY_BYTES);
    memcpy(out->secret, seed, SIGN_SEED_BYTES); /* libsodium's form */
    memcpy(out->secret + SIGN_SEED_BYTES, public.bytes, PUBLIC_KEY_BYTES);
}

void sign_message(struct signature *out, struct bytes message, const struct sign_key *key)
{
    if (is_real)
        real_sign(out, message, key);
    else
        *out = simulated(message, &key->public);
}

bool sign_verify(const struct signature *signature, struct bytes message,
                 const struct public_key *key)
{
    if (is_real)
        return real_verify(signature, message, key);
    struct signature expected = simulated(message, key);
    return memcmp(signature->bytes, expected.bytes, SIGNATURE_BYTES) == 0;
}

/* Any hash may be a simulated key; what was left empty by mistake is none. */
bool public_key_is_valid(const struct public_key *key)
{
    static const struct public_key none;
    return is_real ? real_is_valid(key) : !public_key_equal(key, &none);
}
