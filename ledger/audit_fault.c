#include "ledger/audit_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"

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
    return false;
}

bool audit_fault_read(struct audit_fault *f, enum rc rc, uint64_t height, enum kv_table table)
{
    return audit_fault_set(f, rc == RC_NOT_FOUND ? RC_PROOF : rc, height, "table %s: %s",
                           kv_table_name(table), rc_text(rc));
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
