/* Key files. A secret file is a small text file, mode 0600, that holds either a participant's
 * signing key or a replica's signing key and link key; its public twin (NAME.pub) is what members
 * exchange. Layout, one field per line, "name: value", in this order and nothing else:
 *
 *   hansa-key 1                     | hansa-public 1
 *   network: demo                   | network: demo
 *   kind: replica                   | kind: replica          (or participant)
 *   name: alpha                     | name: alpha
 *   sign-public: <64 hex>           | sign-public: <64 hex>
 *   link-public: <64 hex>           | link-public: <64 hex>  (replica only)
 *   peer: 127.0.0.1:7101            | peer: 127.0.0.1:7101   (replica only)
 *   client: 127.0.0.1:7201          | client: ...            (replica only)
 *   protection: none                (or argon2id, then the next four lines)
 *   opslimit: <decimal>  memlimit: <decimal, bytes>  salt: <32 hex>  nonce: <48 hex>
 *   secret: <hex>                   sign seed | link secret, plain or XChaCha20-Poly1305 under the
 *                                   crypto_pwhash key with all lines before it as associated data
 *
 * network is the chain name of the genesis file, so that a key of one network is not used in
 * another by mistake; signatures are bound to the chain id anyway. */
#ifndef CRYPTO_KEYFILE_H
#define CRYPTO_KEYFILE_H

#include "crypto/base/result.h"
#include "crypto/link.h"
#include "crypto/sign.h"

enum {
    KEY_NAME_BYTES_MAX = 32, /* participant and replica names, [a-z0-9-]{1,32} */
    KEY_NETWORK_BYTES_MAX = 32,
    KEY_ADDRESS_BYTES_MAX = 64, /* host:port; a name of 58, a colon, five digits */
    KEY_PASSPHRASE_BYTES_MAX = 1024,
    KEY_FILE_BYTES_MAX = 4096 /* thirteen lines of at most 200 characters, with room */
};

enum key_kind { KEY_PARTICIPANT, KEY_REPLICA };

/* What may be shown to anyone. Texts are terminated. */
struct key_public {
    enum key_kind kind;
    char network[KEY_NETWORK_BYTES_MAX + 1];
    char name[KEY_NAME_BYTES_MAX + 1];
    struct public_key sign_public;
    uint8_t link_public[LINK_KEY_BYTES];            /* replica only, else zero */
    char peer_address[KEY_ADDRESS_BYTES_MAX + 1];   /* replica only, else "" */
    char client_address[KEY_ADDRESS_BYTES_MAX + 1]; /* replica only, else "" */
};

/* A key with its secrets, in memory locked against swapping where the system allows. */
struct key {
    struct key_public public;
    struct sign_key sign;
    uint8_t link_secret[LINK_KEY_BYTES]; /* replica only */
};

/* [a-z0-9-]{1,32}: the one rule for network, participant and replica names. */
MUST_USE bool key_name_is_valid(struct bytes name);
/* host:port with a port in 1..65535 and a host of [A-Za-z0-9.-] or [IPv6]. */
MUST_USE bool key_address_is_valid(struct bytes address);

/* Make a fresh key. public carries kind, network, name and addresses (judged by the caller's use
 * of the two functions above); the keys in it are filled in. key_close() ends it.
 * seed32 is NULL for a random key; tests pass 32 bytes for a repeatable one. */
void key_make(struct key *out, const struct key_public *public, const uint8_t *seed32);
void key_close(struct key *key); /* wipes and unlocks; idempotent */

/* Cost of deriving a key from a passphrase (crypto_pwhash, argon2id). */
enum keyfile_cost {
    KEYFILE_COST_MODERATE, /* 256 MiB, about 0.6 s: for people */
    KEYFILE_COST_TEST
}; /* the library's minimum: tests only */

/* Write the secret file at path (created 0600, exclusive, synced with its directory) and the public
 * file at path + ".pub" (0644). passphrase NULL or empty = not encrypted.
 * Returns: RC_OK | RC_FILE_EXISTS (either; nothing written) | RC_FILE_IO | RC_INVALID (the
 * passphrase is too long, or the memory to derive a key from it is not there); on error neither
 * file is left behind. */
MUST_USE enum rc keyfile_write(const char *path, const struct key *key, const char *passphrase,
                               enum keyfile_cost cost, struct why *why);

/* Read a secret file. Refuses a mode wider than 0600 and files not owned by this user (root may).
 * passphrase is asked for by the caller: keyfile_needs_passphrase() says whether one is needed.
 * network: NULL, or the name the key must belong to.
 * Returns: RC_OK (end with key_close) | RC_FILE_IO | RC_FILE_MODE | RC_MALFORMED | RC_PASSPHRASE |
 * RC_NETWORK_MISMATCH | RC_KEY_MISMATCH (the public line is not the secret's) | RC_INVALID (as for
 * keyfile_write). On error out is wiped. Limits a hostile file cannot pass: opslimit 10, memlimit
 * 1 GiB. */
MUST_USE enum rc keyfile_read(struct key *out, const char *path, const char *passphrase,
                              const char *network, struct why *why);
MUST_USE enum rc keyfile_needs_passphrase(bool *out, const char *path, struct why *why);

/* A passphrase, locked against swapping; zero-initialise or have it filled in, and end it with
 * key_passphrase_close(), which wipes it and may be called again. */
struct key_passphrase {
    char text[KEY_PASSPHRASE_BYTES_MAX + 2]; /* room for the newline while it is read */
};
void key_passphrase_close(struct key_passphrase *p);
/* From a file of one line: its newline is stripped, its mode is 0600 at most and it belongs to this
 * user, as for keys. The words begin with the path and never quote the line. Returns: RC_OK |
 * RC_FILE_IO | RC_FILE_MODE | RC_MALFORMED (as below); on an error out is wiped. */
MUST_USE enum rc key_passphrase_read(struct key_passphrase *out, const char *path, struct why *why);
/* Make a passphrase of the first size bytes of p->text, however they came there: one line, whose
 * newline is stripped. Requires: size <= sizeof p->text.
 * Returns: RC_OK | RC_MALFORMED (empty, longer than KEY_PASSPHRASE_BYTES_MAX, more than one line,
 * or with NUL bytes). */
MUST_USE enum rc key_passphrase_take(struct key_passphrase *p, size_t size, struct why *why);

/* Read what is public from a .pub file or from a secret file (without its secret; its mode is
 * judged all the same). */
MUST_USE enum rc keyfile_read_public(struct key_public *out, const char *path, struct why *why);

#endif
