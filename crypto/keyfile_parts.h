/* The parts of keyfile.c, for its own files only: text (no I/O), seal (passphrases), disk (files,
 * no knowledge of their contents). */
#ifndef CRYPTO_KEYFILE_PARTS_H
#define CRYPTO_KEYFILE_PARTS_H

#include "crypto/keyfile.h"

enum {
    KEYFILE_SECRET_BYTES_MAX = SIGN_SEED_BYTES + LINK_KEY_BYTES,
    KEYFILE_SALT_BYTES = 16,
    KEYFILE_NONCE_BYTES = 24,
    KEYFILE_TAG_BYTES = 16,
    KEYFILE_SEALED_BYTES_MAX = KEYFILE_SECRET_BYTES_MAX + KEYFILE_TAG_BYTES,
    /* A file that asks for more is refused: deriving would take all memory, or minutes. */
    KEYFILE_OPSLIMIT_MAX = 10,
    KEYFILE_MEMLIMIT_BYTES_MAX = 1 << 30
};

/* How a secret is kept: as it is, or sealed under a passphrase. */
struct keyfile_protection {
    bool is_sealed;
    /* The rest only when sealed. */
    uint64_t opslimit;
    uint64_t memlimit_bytes;
    uint8_t salt[KEYFILE_SALT_BYTES];
    uint8_t nonce[KEYFILE_NONCE_BYTES];
};

/* Sign seed | link secret (replica only). */
uint32_t keyfile_secret_bytes_of(enum key_kind kind);

/* ---- text ---- */

/* A key file in memory. Holds secrets: crypto_lock() it first, crypto_unlock() it when done. */
struct keyfile_text {
    size_t size;
    char data[KEY_FILE_BYTES_MAX + 1]; /* one more, to see that a file is too long */
};

/* What the lines of a file say, judged one by one but not against each other. */
struct keyfile_fields {
    struct key_public public;
    bool has_secret; /* the rest only then */
    struct keyfile_protection protection;
    size_t secret_line_at; /* the lines before it are the associated data */
    uint32_t sealed_bytes;
    uint8_t sealed[KEYFILE_SEALED_BYTES_MAX]; /* plain when not is_sealed */
};

void keyfile_text_of_public(struct keyfile_text *out, const struct key_public *public);
/* All lines before the secret's. */
void keyfile_text_of_secret(struct keyfile_text *out, const struct key_public *public,
                            const struct keyfile_protection *protection);
void keyfile_text_add_secret(struct keyfile_text *text, const uint8_t *sealed, uint32_t bytes);
/* Returns: RC_OK | RC_MALFORMED. The words never quote a secret. */
MUST_USE enum rc keyfile_parse(struct keyfile_fields *out, const struct keyfile_text *text,
                               struct why *why);

/* ---- seal ---- */

void keyfile_protection_make(struct keyfile_protection *out, enum keyfile_cost cost);
/* out has room for secret.size + KEYFILE_TAG_BYTES.
 * Returns: RC_OK | RC_INVALID (the passphrase is too long, or memory is short). */
MUST_USE enum rc keyfile_seal(uint8_t *out, const struct keyfile_protection *protection,
                              struct bytes secret, struct bytes associated, const char *passphrase,
                              struct why *why);
/* out has room for sealed.size - KEYFILE_TAG_BYTES. Requires: sealed.size >= KEYFILE_TAG_BYTES.
 * Returns: RC_OK | RC_PASSPHRASE | RC_INVALID. */
MUST_USE enum rc keyfile_unseal(uint8_t *out, const struct keyfile_protection *protection,
                                struct bytes sealed, struct bytes associated,
                                const char *passphrase, struct why *why);

/* ---- disk ---- */

struct keyfile_stat {
    unsigned mode; /* permission bits */
    unsigned long owner;
};

/* Returns: RC_OK | RC_FILE_IO | RC_MALFORMED (too long). stat is of the file that was read. */
MUST_USE enum rc keyfile_load(struct keyfile_text *out, struct keyfile_stat *stat, const char *path,
                              struct why *why);
/* A secret that others can read is a secret no more. what names the file in the words ("key"),
 * more follows the advice. Returns: RC_OK | RC_FILE_MODE. */
MUST_USE enum rc keyfile_judge_access(const struct keyfile_stat *stat, const char *what,
                                      const char *more, struct why *why);
/* Create both files or none, synced with their directory.
 * Returns: RC_OK | RC_FILE_EXISTS | RC_FILE_IO. */
MUST_USE enum rc keyfile_store(const char *path, const struct keyfile_text *secret,
                               const struct keyfile_text *public, struct why *why);

#endif
