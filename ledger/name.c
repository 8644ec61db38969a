#include "ledger/name.h"

#include <string.h>

#include "crypto/base/check.h"
#include "crypto/keyfile.h"

_Static_assert((int)PARTICIPANT_BYTES_MAX == (int)KEY_NAME_BYTES_MAX,
               "a key file must be able to hold every participant's name");

/* Which characters are allowed is asked by range, never by isalnum(): that depends on the locale,
 * and every replica must judge alike. */
static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

bool participant_is_valid(struct bytes name)
{
    return key_name_is_valid(name);
}

static bool sub_is_valid(struct bytes sub)
{
    if (sub.size < 1 || sub.size > ACCOUNT_SUB_BYTES_MAX)
        return false;
    for (size_t i = 0; i < sub.size; i++) {
        uint8_t c = sub.data[i];
        bool is_mark = c == '.' || c == '_' || c == '-';
        if (!is_mark && !is_digit(c) && !is_lower(c) && !is_upper(c))
            return false;
    }
    return true;
}

bool account_is_valid(struct bytes account)
{
    if (account.size < 3 || account.size > ACCOUNT_BYTES_MAX)
        return false;
    const uint8_t *slash = memchr(account.data, '/', account.size);
    if (slash == NULL)
        return false;
    size_t before = (size_t)(slash - account.data);
    return participant_is_valid(bytes_of(account.data, before)) &&
           sub_is_valid(bytes_of(slash + 1, account.size - before - 1));
}

bool asset_is_valid(struct bytes code)
{
    if (code.size < ASSET_BYTES_MIN || code.size > ASSET_BYTES_MAX)
        return false;
    for (size_t i = 0; i < code.size; i++) {
        if (!is_digit(code.data[i]) && !is_upper(code.data[i]))
            return false;
    }
    return true;
}

/* How many bytes the character that begins with this byte has; 0 when none begins so. C0 and C1
 * would begin only overlong forms, F5 and above only what lies beyond U+10FFFF. */
static size_t utf8_size(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

static bool code_point_is_allowed(uint32_t code, size_t size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* by size: below is overlong */
    if (code < least[size] || code > 0x10ffff)
        return false;
    bool is_control = code < 0x20 || (code >= 0x7f && code <= 0x9f);
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return !is_control && !is_surrogate;
}

bool text_is_valid(struct bytes text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = utf8_size(text.data[at]);
        if (size == 0 || size > text.size - at)
            return false;
        uint32_t code = size == 1 ? text.data[at] : text.data[at] & (0x7fu >> size);
        for (size_t i = 1; i < size; i++) {
            uint8_t next = text.data[at + i];
            if ((next & 0xc0) != 0x80)
                return false;
            code = code << 6 | (next & 0x3fu);
        }
        if (!code_point_is_allowed(code, size))
            return false;
        at += size;
    }
    return true;
}

struct bytes account_participant(struct bytes account)
{
    CHECK(account.size > 0);
    const uint8_t *slash = memchr(account.data, '/', account.size);
    CHECK(slash != NULL);
    return bytes_of(account.data, (size_t)(slash - account.data));
}
