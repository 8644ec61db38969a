/* Passphrases: one line of text, from wherever it comes. The words never quote it. */
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/keyfile_parts.h"

void key_passphrase_close(struct key_passphrase *p)
{
    crypto_unlock(p, sizeof *p);
}

static enum rc refuse_long(struct why *why)
{
    return why_set(why, RC_MALFORMED, "a passphrase has at most %d bytes",
                   (int)KEY_PASSPHRASE_BYTES_MAX);
}

enum rc key_passphrase_take(struct key_passphrase *p, size_t size, struct why *why)
{
    CHECK(size <= sizeof p->text);
    if (size > 0 && p->text[size - 1] == '\n')
        size--;
    if (size == 0)
        return why_set(why, RC_MALFORMED, "the passphrase is empty: it needs one byte at least");
    if (size > KEY_PASSPHRASE_BYTES_MAX)
        return refuse_long(why);
    p->text[size] = '\0';
    if (strlen(p->text) != size || strchr(p->text, '\n') != NULL)
        return why_set(why, RC_MALFORMED, "a passphrase is one line of text, without NUL bytes");
    return RC_OK;
}

static enum rc take_text(struct key_passphrase *out, const struct keyfile_text *text,
                         struct why *why)
{
    if (text->size > sizeof out->text)
        return refuse_long(why);
    memcpy(out->text, text->data, text->size);
    return key_passphrase_take(out, text->size, why);
}

enum rc key_passphrase_read(struct key_passphrase *out, const char *path, struct why *why)
{
    struct keyfile_text text;
    struct keyfile_stat stat;
    memset(out, 0, sizeof *out);
    crypto_lock(out, sizeof *out);
    crypto_lock(&text, sizeof text);
    enum rc rc = keyfile_load(&text, &stat, path, why);
    if (rc == RC_MALFORMED) /* too long even for a key */
        rc = refuse_long(why);
    if (rc == RC_OK)
        rc = keyfile_judge_access(&stat, "passphrase", "", why);
    if (rc == RC_OK)
        rc = take_text(out, &text, why);
    crypto_unlock(&text, sizeof text);
    if (rc == RC_OK)
        return RC_OK;
    key_passphrase_close(out);
    return why_within(why, rc, "%s", path);
}
