/* The lines of key files: written and read in one order, each value with one spelling. */
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/keyfile_parts.h"

static const char secret_title[] = "hansa-key 1";
static const char public_title[] = "hansa-public 1";

uint32_t keyfile_secret_bytes_of(enum key_kind kind)
{
    return kind == KEY_REPLICA ? KEYFILE_SECRET_BYTES_MAX : SIGN_SEED_BYTES;
}

/* ---- writing ---- */

__attribute__((format(printf, 2, 3))) static void add_line(struct keyfile_text *text,
                                                           const char *format, ...)
{
    size_t room = KEY_FILE_BYTES_MAX - text->size;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text->data + text->size, room, format, args);
    va_end(args);
    CHECK(size >= 0);
    CHECK((size_t)size + 1 < room);
    text->size += (size_t)size;
    text->data[text->size++] = '\n';
}

static void add_hex_line(struct keyfile_text *text, const char *name, const void *data, size_t size)
{
    char hex[2 * KEYFILE_SEALED_BYTES_MAX + 1];
    CHECK(2 * size < sizeof hex);
    hex_encode(hex, data, size);
    add_line(text, "%s: %s", name, hex);
    crypto_wipe(hex, sizeof hex);
}

static void add_public_lines(struct keyfile_text *text, const struct key_public *public)
{
    add_line(text, "network: %s", public->network);
    add_line(text, "kind: %s", public->kind == KEY_REPLICA ? "replica" : "participant");
    add_line(text, "name: %s", public->name);
    add_hex_line(text, "sign-public", public->sign_public.bytes, PUBLIC_KEY_BYTES);
    if (public->kind != KEY_REPLICA)
        return;
    add_hex_line(text, "link-public", public->link_public, LINK_KEY_BYTES);
    add_line(text, "peer: %s", public->peer_address);
    add_line(text, "client: %s", public->client_address);
}

void keyfile_text_of_public(struct keyfile_text *out, const struct key_public *public)
{
    out->size = 0;
    add_line(out, "%s", public_title);
    add_public_lines(out, public);
}

void keyfile_text_of_secret(struct keyfile_text *out, const struct key_public *public,
                            const struct keyfile_protection *protection)
{
    out->size = 0;
    add_line(out, "%s", secret_title);
    add_public_lines(out, public);
    add_line(out, "protection: %s", protection->is_sealed ? "argon2id" : "none");
    if (!protection->is_sealed)
        return;
    add_line(out, "opslimit: %" PRIu64, protection->opslimit);
    add_line(out, "memlimit: %" PRIu64, protection->memlimit_bytes);
    add_hex_line(out, "salt", protection->salt, KEYFILE_SALT_BYTES);
    add_hex_line(out, "nonce", protection->nonce, KEYFILE_NONCE_BYTES);
}

void keyfile_text_add_secret(struct keyfile_text *text, const uint8_t *sealed, uint32_t bytes)
{
    add_hex_line(text, "secret", sealed, bytes);
}

/* ---- reading ---- */

/* Lines are taken from the front; the first fault is kept in why and sticks. */
struct lines {
    struct bytes left;
    uint32_t number; /* of the line taken last, from 1 as people count */
    bool failed;
    struct why *why;
};

__attribute__((format(printf, 2, 3))) static void fault(struct lines *l, const char *format, ...)
{
    if (l->failed)
        return;
    char text[160];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    CHECK(size >= 0);
    enum rc rc = why_set(l->why, RC_MALFORMED, "line %" PRIu32 ": %s", l->number, text);
    l->failed = rc != RC_OK;
}

/* The next line without its end; a line that the file does not end is no line. */
static struct bytes take_line(struct lines *l)
{
    struct bytes none = bytes_of(NULL, 0);
    if (l->failed)
        return none;
    l->number++;
    const uint8_t *end = l->left.size > 0 ? memchr(l->left.data, '\n', l->left.size) : NULL;
    if (end == NULL) {
        fault(l, "the file ends too early, a line is missing or not ended");
        return none;
    }
    struct bytes line = bytes_of(l->left.data, (size_t)(end - l->left.data));
    l->left = bytes_of(end + 1, l->left.size - line.size - 1);
    return line;
}

/* The value of the next line, which has to be "name: value". What stands there instead is not
 * quoted: lines that changed places could show a secret. */
static struct bytes take_value(struct lines *l, const char *name)
{
    struct bytes line = take_line(l);
    size_t name_bytes = strlen(name);
    bool is_named = line.size > name_bytes + 2 && memcmp(line.data, name, name_bytes) == 0 &&
                    memcmp(line.data + name_bytes, ": ", 2) == 0;
    if (is_named)
        return bytes_of(line.data + name_bytes + 2, line.size - name_bytes - 2);
    fault(l, "'%s: ...' is expected here", name);
    return bytes_of(NULL, 0);
}

/* Blames a value that may be shown, with what is not printable replaced. */
static void fault_value(struct lines *l, const char *name, struct bytes value, const char *expected)
{
    char shown[41];
    size_t size = value.size < sizeof shown ? value.size : sizeof shown - 1;
    for (size_t i = 0; i < size; i++)
        shown[i] = value.data[i] >= ' ' && value.data[i] <= '~' ? (char)value.data[i] : '?';
    shown[size] = '\0';
    fault(l, "%s '%s' is not %s", name, shown, expected);
}

static void take_checked(struct lines *l, const char *name, char *out, size_t room,
                         bool (*is_valid)(struct bytes), const char *expected)
{
    struct bytes value = take_value(l, name);
    if (l->failed)
        return;
    if (value.size >= room || !is_valid(value)) {
        fault_value(l, name, value, expected);
        return;
    }
    memcpy(out, value.data, value.size);
    out[value.size] = '\0';
}

static void take_hex(struct lines *l, const char *name, uint8_t *out, size_t size)
{
    char hex[2 * KEYFILE_SEALED_BYTES_MAX + 1];
    CHECK(2 * size < sizeof hex);
    struct bytes value = take_value(l, name);
    if (l->failed)
        return;
    bool is_valid = value.size == 2 * size;
    if (is_valid) {
        memcpy(hex, value.data, value.size);
        hex[value.size] = '\0';
        is_valid = hex_decode(out, size, hex);
        crypto_wipe(hex, sizeof hex);
    }
    if (!is_valid)
        fault(l, "%s is not %zu lower-case hex digits", name, 2 * size);
}

/* One of two words. */
static bool take_choice(struct lines *l, const char *name, const char *no, const char *yes)
{
    struct bytes value = take_value(l, name);
    bool is_yes = bytes_equal(value, bytes_of_text(yes));
    if (!l->failed && !is_yes && !bytes_equal(value, bytes_of_text(no))) {
        char expected[64];
        snprintf(expected, sizeof expected, "'%s' or '%s'", no, yes);
        fault_value(l, name, value, expected);
    }
    return is_yes;
}

/* min..max in decimal, without a sign or leading zeros. Requires: max < 10^10. */
static uint64_t take_number(struct lines *l, const char *name, uint64_t min, uint64_t max)
{
    struct bytes value = take_value(l, name);
    if (l->failed)
        return 0;
    bool is_valid = value.size <= 10 && value.data[0] != '0';
    uint64_t number = 0;
    for (size_t i = 0; is_valid && i < value.size; i++) {
        is_valid = value.data[i] >= '0' && value.data[i] <= '9';
        number = number * 10 + (uint64_t)(value.data[i] - '0');
    }
    if (is_valid && number >= min && number <= max)
        return number;
    char expected[64];
    snprintf(expected, sizeof expected, "a number from %" PRIu64 " to %" PRIu64, min, max);
    fault_value(l, name, value, expected);
    return 0;
}

static void take_public(struct lines *l, struct key_public *out)
{
    static const char a_name[] = "1 to 32 of a-z, 0-9 and -";
    static const char an_address[] = "host:port";
    take_checked(l, "network", out->network, sizeof out->network, key_name_is_valid, a_name);
    bool is_replica = take_choice(l, "kind", "participant", "replica");
    out->kind = is_replica ? KEY_REPLICA : KEY_PARTICIPANT;
    take_checked(l, "name", out->name, sizeof out->name, key_name_is_valid, a_name);
    take_hex(l, "sign-public", out->sign_public.bytes, PUBLIC_KEY_BYTES);
    if (!l->failed && !public_key_is_valid(&out->sign_public))
        fault(l, "sign-public is not a key that Ed25519 makes");
    if (!is_replica)
        return;
    take_hex(l, "link-public", out->link_public, LINK_KEY_BYTES);
    take_checked(l, "peer", out->peer_address, sizeof out->peer_address, key_address_is_valid,
                 an_address);
    take_checked(l, "client", out->client_address, sizeof out->client_address, key_address_is_valid,
                 an_address);
}

static void take_secret(struct lines *l, struct keyfile_fields *out, const uint8_t *start)
{
    struct keyfile_protection *protection = &out->protection;
    out->sealed_bytes = keyfile_secret_bytes_of(out->public.kind);
    protection->is_sealed = take_choice(l, "protection", "none", "argon2id");
    if (protection->is_sealed) {
        out->sealed_bytes += KEYFILE_TAG_BYTES;
        protection->opslimit =
            take_number(l, "opslimit", crypto_pwhash_argon2id_OPSLIMIT_MIN, KEYFILE_OPSLIMIT_MAX);
        protection->memlimit_bytes = take_number(l, "memlimit", crypto_pwhash_argon2id_MEMLIMIT_MIN,
                                                 KEYFILE_MEMLIMIT_BYTES_MAX);
        take_hex(l, "salt", protection->salt, KEYFILE_SALT_BYTES);
        take_hex(l, "nonce", protection->nonce, KEYFILE_NONCE_BYTES);
    }
    if (!l->failed)
        out->secret_line_at = (size_t)(l->left.data - start);
    take_hex(l, "secret", out->sealed, out->sealed_bytes);
}

enum rc keyfile_parse(struct keyfile_fields *out, const struct keyfile_text *text, struct why *why)
{
    memset(out, 0, sizeof *out);
    struct lines l = {.left = bytes_of(text->data, text->size), .why = why};
    struct bytes title = take_line(&l);
    out->has_secret = bytes_equal(title, bytes_of_text(secret_title));
    if (!out->has_secret && !bytes_equal(title, bytes_of_text(public_title)))
        fault(&l, "'%s' or '%s' is expected here: this is not a key file", secret_title,
              public_title);
    take_public(&l, &out->public);
    if (out->has_secret)
        take_secret(&l, out, (const uint8_t *)text->data);
    l.number++;
    if (!l.failed && l.left.size > 0)
        fault(&l, "nothing is expected after the last line");
    return l.failed ? RC_MALFORMED : RC_OK;
}
