#include "ledger/amount.h"

#include <string.h>

#include "crypto/base/check.h"
#include "ledger/name.h"

bool amount_add(uint64_t *out, uint64_t a, uint64_t b)
{
    if (a > UINT64_MAX - b)
        return false;
    *out = a + b;
    return true;
}

bool amount_subtract(uint64_t *out, uint64_t a, uint64_t b)
{
    if (a < b)
        return false;
    *out = a - b;
    return true;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Append one decimal digit to *value; false when that is beyond 2^64-1. */
static bool append_digit(uint64_t *value, uint8_t c)
{
    uint64_t digit = (uint64_t)(c - '0');
    if (*value > (UINT64_MAX - digit) / 10)
        return false;
    *value = *value * 10 + digit;
    return true;
}

/* The shape first, the value after it: one value has one spelling. */
static bool shape_is_valid(struct bytes text, size_t whole, uint8_t decimals)
{
    if (whole == 0)
        return false;
    if (whole > 1 && text.data[0] == '0')
        return false;
    if (decimals > 0 && text.data[whole] != '.')
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (i != whole && !is_digit(text.data[i]))
            return false;
    }
    return true;
}

bool amount_parse(uint64_t *out, struct bytes text, uint8_t decimals)
{
    CHECK(decimals <= DECIMALS_MAX);
    *out = 0;
    size_t after = decimals > 0 ? 1u + decimals : 0; /* the point and what follows it */
    if (text.size <= after || text.size >= AMOUNT_TEXT_BYTES)
        return false;
    size_t whole = text.size - after;
    if (!shape_is_valid(text, whole, decimals))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (i != whole && !append_digit(&value, text.data[i]))
            return false;
    }
    *out = value;
    return true;
}

void amount_format(char out[static AMOUNT_TEXT_BYTES], uint64_t minor_units, uint8_t decimals)
{
    CHECK(decimals <= DECIMALS_MAX);
    char text[AMOUNT_TEXT_BYTES];
    size_t at = sizeof text; /* written from the last digit backwards */
    size_t digits = 0;
    text[--at] = '\0';
    while (digits <= decimals || minor_units > 0) { /* one digit at least before the point */
        if (decimals > 0 && digits == decimals)
            text[--at] = '.';
        text[--at] = (char)('0' + minor_units % 10);
        minor_units /= 10;
        digits++;
    }
    memcpy(out, text + at, sizeof text - at);
}
