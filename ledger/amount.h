/* Amounts: u64 minor units inside; people and JSON see a decimal string with exactly the asset's
 * decimals, so 12.3 is not an amount of an asset with two (design 2). */
#ifndef LEDGER_AMOUNT_H
#define LEDGER_AMOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/base/bytes.h"

enum {
    AMOUNT_TEXT_BYTES = 24
}; /* 20 digits of 2^64-1, a point, a leading zero, terminator, one over */

/* Digits, then for decimals > 0 a point and exactly that many digits. No sign, space, exponent,
 * separator or needless leading zero; at most 2^64-1 minor units. On refusal *out is 0.
 * Requires: decimals <= DECIMALS_MAX. */
MUST_USE bool amount_parse(uint64_t *out, struct bytes text, uint8_t decimals);
void amount_format(char out[static AMOUNT_TEXT_BYTES], uint64_t minor_units, uint8_t decimals);

/* a + b and a - b that refuse to wrap; on refusal *out is untouched. */
MUST_USE bool amount_add(uint64_t *out, uint64_t a, uint64_t b);
MUST_USE bool amount_subtract(uint64_t *out, uint64_t a, uint64_t b);

#endif
