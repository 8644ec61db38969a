#include "ledger/audit_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"

/* What kind of damage a read that failed has met. */
static const char *read_fault_text(enum rc rc)
{
    if (rc == RC_STORE_DAMAGED)
        return "a value fails its checksum, or the file around it is broken";
    if (rc == RC_STORE_IO)
        return "cannot be read: the disk or the file system fails";
    return rc == RC_NOT_FOUND ? "an entry is missing" : rc_text(rc);
}

/* What rc_text() says of damage ends with "run hansa audit on it". This is the audit. */
static void say_damage(char field[static WHY_BYTES])
{
    const char *advice = rc_text(RC_STORE_DAMAGED);
    const char *at = strstr(field, advice);
    if (at == NULL)
        return;
    char whole[2 * WHY_BYTES];
    (void)snprintf(whole, sizeof whole, "%.*s%s%s", (int)(at - field), field,
                   read_fault_text(RC_STORE_DAMAGED), at + strlen(advice));
    (void)snprintf(field, WHY_BYTES, "%.*s", WHY_BYTES - 1, whole);
}

bool audit_fault_set(struct audit_fault *f, enum rc rc, uint64_t height, const char *format, ...)
{
    CHECK(rc != RC_OK);
    if (f->rc != RC_OK)
        return false;
    f->rc = rc;
    f->height = height;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(f->field, sizeof f->field, format, arguments);
    va_end(arguments);
    say_damage(f->field);
    return false;
}

bool audit_fault_read(struct audit_fault *f, enum rc rc, uint64_t height, enum kv_table table)
{
    return audit_fault_set(f, rc == RC_NOT_FOUND ? RC_PROOF : rc, height, "table %s: %s",
                           kv_table_name(table), read_fault_text(rc));
}

const char *audit_key_text(char out[static AUDIT_KEY_TEXT_BYTES], struct bytes key)
{
    enum { SHOWN_BYTES = (AUDIT_KEY_TEXT_BYTES - 4) / 2 };
    size_t shown_bytes = key.size < SHOWN_BYTES ? key.size : SHOWN_BYTES;
    hex_encode(out, key.data, shown_bytes);
    if (shown_bytes < key.size)
        memcpy(out + 2 * shown_bytes, "...", sizeof "...");
    return out;
}

bool audit_tick_ask(const struct audit_tick *t)
{
    return t->ask == NULL || t->ask(t->context);
}
