/* Secrets under a passphrase: XChaCha20-Poly1305 with a key from argon2id. */
#include <sodium.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/keyfile_parts.h"

_Static_assert((int)KEYFILE_SALT_BYTES == (int)crypto_pwhash_argon2id_SALTBYTES, "as libsodium");
_Static_assert((int)KEYFILE_NONCE_BYTES == (int)crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
               "as libsodium");
_Static_assert((int)KEYFILE_TAG_BYTES == (int)crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "as libsodium");

enum { SEAL_KEY_BYTES = crypto_aead_xchacha20poly1305_ietf_KEYBYTES };

void keyfile_protection_make(struct keyfile_protection *out, enum keyfile_cost cost)
{
    bool is_test = cost == KEYFILE_COST_TEST;
    out->is_sealed = true;
    out->opslimit =
        is_test ? crypto_pwhash_argon2id_OPSLIMIT_MIN : crypto_pwhash_argon2id_OPSLIMIT_MODERATE;
    out->memlimit_bytes =
        is_test ? crypto_pwhash_argon2id_MEMLIMIT_MIN : crypto_pwhash_argon2id_MEMLIMIT_MODERATE;
    crypto_random(out->salt, sizeof out->salt);
    crypto_random(out->nonce, sizeof out->nonce);
}

/* On failure out holds nothing secret. */
static enum rc derive(uint8_t out[static SEAL_KEY_BYTES],
                      const struct keyfile_protection *protection, const char *passphrase,
                      struct why *why)
{
    size_t size = strlen(passphrase);
    if (size > KEY_PASSPHRASE_BYTES_MAX)
        return why_set(why, RC_INVALID, "the passphrase has %zu bytes, at most %d are allowed",
                       size, (int)KEY_PASSPHRASE_BYTES_MAX);
    int failed = crypto_pwhash_argon2id(out, SEAL_KEY_BYTES, passphrase, size, protection->salt,
                                        protection->opslimit, (size_t)protection->memlimit_bytes,
                                        crypto_pwhash_argon2id_ALG_ARGON2ID13);
    if (failed == 0)
        return RC_OK;
    return why_set(why, RC_INVALID,
                   "the passphrase cannot be used: %llu MiB of memory are needed for it, free some",
                   (unsigned long long)(protection->memlimit_bytes >> 20));
}

enum rc keyfile_seal(uint8_t *out, const struct keyfile_protection *protection, struct bytes secret,
                     struct bytes associated, const char *passphrase, struct why *why)
{
    uint8_t key[SEAL_KEY_BYTES];
    crypto_lock(key, sizeof key);
    enum rc rc = derive(key, protection, passphrase, why);
    if (rc == RC_OK)
        CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, secret.data, secret.size,
                                                         associated.data, associated.size, NULL,
                                                         protection->nonce, key) == 0);
    crypto_unlock(key, sizeof key);
    return rc;
}

enum rc keyfile_unseal(uint8_t *out, const struct keyfile_protection *protection,
                       struct bytes sealed, struct bytes associated, const char *passphrase,
                       struct why *why)
{
    CHECK(sealed.size >= KEYFILE_TAG_BYTES);
    uint8_t key[SEAL_KEY_BYTES];
    crypto_lock(key, sizeof key);
    enum rc rc = derive(key, protection, passphrase, why);
    if (rc == RC_OK && crypto_aead_xchacha20poly1305_ietf_decrypt(
                           out, NULL, NULL, sealed.data, sealed.size, associated.data,
                           associated.size, protection->nonce, key) != 0)
        rc = why_set(why, RC_PASSPHRASE,
                     "the passphrase does not open this key file (or a line of it was changed)");
    crypto_unlock(key, sizeof key);
    return rc;
}
