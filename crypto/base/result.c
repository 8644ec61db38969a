#include "crypto/base/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"

const char *rc_text(enum rc rc)
{
    static const char *const texts[] = {
#define X(code, text) [code] = text,
        RC_LIST(X)
#undef X
    };
    CHECK((unsigned)rc < RC_COUNT);
    return texts[rc];
}

const char *rc_name(enum rc rc)
{
    static const char *const names[] = {
#define X(code, text) [code] = #code,
        RC_LIST(X)
#undef X
    };
    CHECK((unsigned)rc < RC_COUNT);
    return names[rc];
}

enum rc why_set(struct why *why, enum rc rc, const char *format, ...)
{
    if (why == NULL)
        return rc;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    CHECK(size >= 0);
    return rc;
}

enum rc why_within(struct why *why, enum rc rc, const char *format, ...)
{
    if (why == NULL)
        return rc;
    char cause[WHY_BYTES];
    snprintf(cause, sizeof cause, "%s", why->text[0] != '\0' ? why->text : rc_text(rc));
    va_list args;
    va_start(args, format);
    int size = vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    CHECK(size >= 0);
    size_t used = strlen(why->text);
    snprintf(why->text + used, sizeof why->text - used, ": %s", cause);
    return rc;
}
