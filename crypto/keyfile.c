#include "crypto/keyfile.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/keyfile_parts.h"

/* ---- keys in memory ---- */

/* Fills in all of out's keys. secret is the sign seed and, for a replica, the link secret. */
static void key_from_secret(struct key *out, const uint8_t *secret)
{
    sign_key_from_seed(&out->sign, secret);
    out->public.sign_public = out->sign.public;
    if (out->public.kind != KEY_REPLICA)
        return;
    memcpy(out->link_secret, secret + SIGN_SEED_BYTES, LINK_KEY_BYTES);
    link_public_of(out->public.link_public, out->link_secret);
}

static void secret_of_key(uint8_t out[static KEYFILE_SECRET_BYTES_MAX], const struct key *key)
{
    memcpy(out, key->sign.secret, SIGN_SEED_BYTES);
    memcpy(out + SIGN_SEED_BYTES, key->link_secret, LINK_KEY_BYTES);
}

static bool text_is_name(const char *text)
{
    return key_name_is_valid(bytes_of_text(text));
}

static bool text_is_address(const char *text)
{
    return key_address_is_valid(bytes_of_text(text));
}

/* What is written has to be readable again. */
static void check_public(const struct key_public *public)
{
    bool is_replica = public->kind == KEY_REPLICA;
    CHECK(text_is_name(public->network));
    CHECK(text_is_name(public->name));
    CHECK(is_replica ? text_is_address(public->peer_address) : public->peer_address[0] == '\0');
    CHECK(is_replica ? text_is_address(public->client_address) : public->client_address[0] == '\0');
}

void key_make(struct key *out, const struct key_public *public, const uint8_t *seed32)
{
    check_public(public);
    memset(out, 0, sizeof *out);
    crypto_lock(out, sizeof *out);
    uint8_t secret[KEYFILE_SECRET_BYTES_MAX];
    crypto_lock(secret, sizeof secret);
    if (seed32 == NULL) {
        crypto_random(secret, sizeof secret);
    } else {
        /* The two keys of one seed must not be related: the second is derived from the first. */
        memcpy(secret, seed32, SIGN_SEED_BYTES);
        CHECK(crypto_kdf_derive_from_key(secret + SIGN_SEED_BYTES, LINK_KEY_BYTES, 1, "hansalnk",
                                         seed32) == 0);
    }
    out->public.kind = public->kind;
    memcpy(out->public.network, public->network, sizeof out->public.network);
    memcpy(out->public.name, public->name, sizeof out->public.name);
    memcpy(out->public.peer_address, public->peer_address, sizeof out->public.peer_address);
    memcpy(out->public.client_address, public->client_address, sizeof out->public.client_address);
    key_from_secret(out, secret);
    crypto_unlock(secret, sizeof secret);
}

void key_close(struct key *key)
{
    crypto_unlock(key, sizeof *key);
}

/* ---- writing ---- */

static enum rc write_texts(struct keyfile_text *secret_text, uint8_t *secret, const char *path,
                           const struct key *key, const char *passphrase, enum keyfile_cost cost,
                           struct why *why)
{
    struct keyfile_protection protection = {.is_sealed = false};
    uint32_t secret_bytes = keyfile_secret_bytes_of(key->public.kind);
    bool has_passphrase = passphrase != NULL && passphrase[0] != '\0';
    if (has_passphrase)
        keyfile_protection_make(&protection, cost);
    keyfile_text_of_secret(secret_text, &key->public, &protection);
    secret_of_key(secret, key);
    if (has_passphrase) {
        /* In place: libsodium allows it. */
        struct bytes associated = bytes_of(secret_text->data, secret_text->size);
        enum rc rc = keyfile_seal(secret, &protection, bytes_of(secret, secret_bytes), associated,
                                  passphrase, why);
        if (rc != RC_OK)
            return rc;
        secret_bytes += KEYFILE_TAG_BYTES;
    }
    keyfile_text_add_secret(secret_text, secret, secret_bytes);
    struct keyfile_text public_text;
    keyfile_text_of_public(&public_text, &key->public);
    return keyfile_store(path, secret_text, &public_text, why);
}

enum rc keyfile_write(const char *path, const struct key *key, const char *passphrase,
                      enum keyfile_cost cost, struct why *why)
{
    check_public(&key->public);
    struct keyfile_text secret_text;
    uint8_t secret[KEYFILE_SEALED_BYTES_MAX];
    crypto_lock(&secret_text, sizeof secret_text);
    crypto_lock(secret, sizeof secret);
    enum rc rc = write_texts(&secret_text, secret, path, key, passphrase, cost, why);
    crypto_unlock(secret, sizeof secret);
    crypto_unlock(&secret_text, sizeof secret_text);
    return rc;
}

/* ---- reading ---- */

/* A file as it was read. Holds secrets: file_close() it. */
struct file {
    struct keyfile_text text;
    struct keyfile_fields fields;
};

static void file_close(struct file *f)
{
    crypto_unlock(f, sizeof *f);
    mem_free(f);
}

/* Ends with file_close() only when RC_OK. The words begin with the path. */
static enum rc file_open(struct file **out, const char *path, struct why *why)
{
    struct file *f = mem_alloc(sizeof *f);
    crypto_lock(f, sizeof *f);
    struct keyfile_stat stat;
    enum rc rc = keyfile_load(&f->text, &stat, path, why);
    if (rc == RC_OK)
        rc = keyfile_parse(&f->fields, &f->text, why);
    if (rc == RC_OK && f->fields.has_secret)
        rc = keyfile_judge_access(&stat, "key",
                                  ", and if others have used this machine, make a new key", why);
    if (rc == RC_OK) {
        *out = f;
        return RC_OK;
    }
    file_close(f);
    return why_within(why, rc, "%s", path);
}

/* The secret of f, opened, into secret. */
static enum rc take_secret(uint8_t secret[static KEYFILE_SECRET_BYTES_MAX], const struct file *f,
                           const char *passphrase, struct why *why)
{
    const struct keyfile_fields *fields = &f->fields;
    if (!fields->protection.is_sealed) {
        memcpy(secret, fields->sealed, fields->sealed_bytes);
        return RC_OK;
    }
    if (passphrase == NULL || passphrase[0] == '\0')
        return why_set(why, RC_PASSPHRASE, "the key is protected: its passphrase is needed");
    return keyfile_unseal(secret, &fields->protection,
                          bytes_of(fields->sealed, fields->sealed_bytes),
                          bytes_of(f->text.data, fields->secret_line_at), passphrase, why);
}

/* The public lines say what the secret is; a secret that is another's would sign in vain. */
static enum rc judge_match(const struct key *key, const struct key_public *lines, struct why *why)
{
    if (!public_key_equal(&key->public.sign_public, &lines->sign_public))
        return why_set(why, RC_KEY_MISMATCH, "sign-public is not the public key of the secret");
    if (memcmp(key->public.link_public, lines->link_public, LINK_KEY_BYTES) != 0)
        return why_set(why, RC_KEY_MISMATCH, "link-public is not the public key of the secret");
    return RC_OK;
}

static enum rc read_from(struct key *out, const struct file *f, const char *passphrase,
                         const char *network, struct why *why)
{
    const struct key_public *lines = &f->fields.public;
    if (!f->fields.has_secret)
        return why_set(why, RC_MALFORMED,
                       "this is a public file: give the secret file, without .pub");
    if (network != NULL && strcmp(network, lines->network) != 0)
        return why_set(why, RC_NETWORK_MISMATCH,
                       "the key belongs to network '%s', not to '%s': use a key of this network",
                       lines->network, network);
    uint8_t secret[KEYFILE_SECRET_BYTES_MAX] = {0};
    crypto_lock(secret, sizeof secret);
    enum rc rc = take_secret(secret, f, passphrase, why);
    if (rc == RC_OK) {
        out->public = *lines;
        key_from_secret(out, secret);
        rc = judge_match(out, lines, why);
    }
    crypto_unlock(secret, sizeof secret);
    return rc;
}

enum rc keyfile_read(struct key *out, const char *path, const char *passphrase, const char *network,
                     struct why *why)
{
    memset(out, 0, sizeof *out);
    struct file *f;
    enum rc rc = file_open(&f, path, why);
    if (rc != RC_OK)
        return rc;
    crypto_lock(out, sizeof *out);
    rc = read_from(out, f, passphrase, network, why);
    file_close(f);
    if (rc == RC_OK)
        return RC_OK;
    key_close(out);
    return why_within(why, rc, "%s", path);
}

enum rc keyfile_needs_passphrase(bool *out, const char *path, struct why *why)
{
    *out = false;
    struct file *f;
    enum rc rc = file_open(&f, path, why);
    if (rc != RC_OK)
        return rc;
    *out = f->fields.protection.is_sealed;
    file_close(f);
    return RC_OK;
}

enum rc keyfile_read_public(struct key_public *out, const char *path, struct why *why)
{
    memset(out, 0, sizeof *out);
    struct file *f;
    enum rc rc = file_open(&f, path, why);
    if (rc != RC_OK)
        return rc;
    *out = f->fields.public;
    file_close(f);
    return RC_OK;
}
