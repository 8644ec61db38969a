#include "crypto/crypto.h"

#include <sodium.h>

#include "crypto/base/check.h"
#include "crypto/sign.h"

/* The points of the edge vectors, by what is odd about them. */
#define KEY_PLAIN    "5c88902d6e72391b52f3d82c5cb3dafec38f493c1f3f076225bea2ef5e7c6ecc"
#define KEY_SMALL    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
#define KEY_BEYOND_P "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
#define KEY_MIXED    "3c3b8b98e586a445847e04cd9c1daae5e4d389e544af237d4150987a4e283430"

/* Made for this file by the signing equation SB = R + kA, with k reduced as libsodium does. Those
 * that hold times 8 only tell the cofactorless equation of 1.0.18 from the cofactored one; the
 * mixed ones that hold tell it from verifiers that demand points of the main subgroup. */
static const struct edge {
    const char *what;
    bool is_accepted;
    const char *key;
    const char *message;
    const char *r;
    const char *s;
} edges[] = {
    {"a plain signature", true, KEY_PLAIN, "edge",
     "f6cd8aaceee64efd60796a77ee8029c2de2cf6b782152ade998b1b43eb25a9c4",
     "3900cd698bc6ad2ea68a8dcbe4fc0e1e52b8a35808e6719f5862ac2eefac3e0f"},
    {"S + L instead of S", false, KEY_PLAIN, "edge",
     "f6cd8aaceee64efd60796a77ee8029c2de2cf6b782152ade998b1b43eb25a9c4",
     "26d4c2c6a529c0867c27856ec3f6ed3252b8a35808e6719f5862ac2eefac3e1f"},
    {"R of small order", false, KEY_PLAIN, "edge",
     "0100000000000000000000000000000000000000000000000000000000000000",
     "bc5d62ca7358ae6e93c27cd3a3cff310e8213b55a0ccfc700360eda5027d3300"},
    {"R not canonical", false, KEY_PLAIN, "edge",
     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
     "b4bd602b274a545ce6462229512c8b96c02f4d4bdced766dee091addfca88006"},
    {"a key of small order", false, KEY_SMALL, "edge 3",
     "f6cd8aaceee64efd60796a77ee8029c2de2cf6b782152ade998b1b43eb25a9c4",
     "123e46ea4c413bc8fd39aa3ca4761d1ad9bdf583696b8efa7531ad97a2361f0a"},
    {"a key not canonical", false, KEY_BEYOND_P, "edge",
     "f6cd8aaceee64efd60796a77ee8029c2de2cf6b782152ade998b1b43eb25a9c4",
     "123e46ea4c413bc8fd39aa3ca4761d1ad9bdf583696b8efa7531ad97a2361f0a"},
    {"a key of mixed order, the equation holds", true, KEY_MIXED, "edge 2",
     "f6cd8aaceee64efd60796a77ee8029c2de2cf6b782152ade998b1b43eb25a9c4",
     "eb95fae5bd60889f830ffab8954624b6178c2ec802ab7145a4578537d46c370d"},
    {"a key of mixed order, the equation holds times 8 only", false, KEY_MIXED, "edge 3",
     "f6cd8aaceee64efd60796a77ee8029c2de2cf6b782152ade998b1b43eb25a9c4",
     "9c0b83c9070392a9c5e515037536a0464d5a8203eb737e24528076b743f2e407"},
    {"R of mixed order, the equation holds times 8 only", false, KEY_PLAIN, "edge",
     "85c484042465b57100fc791d985196d95679acb6180c952f154c2b9bcaa04ab4",
     "da48ba09eb9403baa61ab80418d3ea959de9368c25917507f21f7134a4382f01"},
    {"key and R of mixed order, the equation holds", true, KEY_MIXED, "edge 7",
     "85c484042465b57100fc791d985196d95679acb6180c952f154c2b9bcaa04ab4",
     "380c17ca0e924b25e5121b29e7083962bafbcbcc6312029d2aec6ad4a0a49d00"},
};

static bool edge_holds(const struct edge *e)
{
    struct public_key key;
    struct signature signature;
    CHECK(public_key_from_hex(&key, e->key));
    CHECK(hex_decode(signature.bytes, sizeof signature.bytes / 2, e->r));
    CHECK(hex_decode(signature.bytes + sizeof signature.bytes / 2, SIGNATURE_BYTES / 2, e->s));
    return sign_verify(&signature, bytes_of_text(e->message), &key) == e->is_accepted;
}

enum rc crypto_start(struct why *why)
{
    if (sodium_init() < 0)
        return why_set(why, RC_CRYPTO_DIFFERS, "libsodium %s cannot start on this system",
                       sodium_version_string());
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        if (edge_holds(&edges[i]))
            continue;
        return why_set(why, RC_CRYPTO_DIFFERS,
                       "libsodium %s %s the edge vector '%s', so this replica would disagree with "
                       "the others: install libsodium 1.0.18",
                       sodium_version_string(), edges[i].is_accepted ? "refuses" : "accepts",
                       edges[i].what);
    }
    return RC_OK;
}

void crypto_random(void *out, size_t size)
{
    randombytes_buf(out, size);
}

void crypto_wipe(void *at, size_t size)
{
    sodium_memzero(at, size);
}

void crypto_lock(void *at, size_t size)
{
    /* RLIMIT_MEMLOCK may forbid it; the secret is then as safe as the swap is. */
    (void)sodium_mlock(at, size);
}

void crypto_unlock(void *at, size_t size)
{
    /* Wipes first; unlocking what could not be locked fails, which changes nothing. */
    (void)sodium_munlock(at, size);
}
