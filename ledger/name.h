/* Names as the ledger knows them: participants, accounts, assets, and the free texts of people.
 * All functions here judge: any bytes may be handed in. */
#ifndef LEDGER_NAME_H
#define LEDGER_NAME_H

#include <stdbool.h>

#include "crypto/base/bytes.h"

enum {
    PARTICIPANT_BYTES_MAX = 32, /* [a-z0-9-]{1,32} */
    ACCOUNT_SUB_BYTES_MAX = 40, /* [A-Za-z0-9._-]{1,40} */
    ACCOUNT_BYTES_MAX = PARTICIPANT_BYTES_MAX + 1 + ACCOUNT_SUB_BYTES_MAX, /* participant/sub */
    ASSET_BYTES_MIN = 3,
    ASSET_BYTES_MAX = 12, /* [A-Z0-9]{3,12} */
    DECIMALS_MAX = 8,
    MEMO_BYTES_MAX = 128,
    TOPIC_BYTES_MAX = 64,
    RECORD_KEY_BYTES_MAX = 128,
    RECORD_DATA_BYTES_MAX = 32 * 1024
};

MUST_USE bool participant_is_valid(struct bytes name);
MUST_USE bool account_is_valid(struct bytes account);
MUST_USE bool asset_is_valid(struct bytes code);
/* UTF-8 without control characters (C0, DEL, C1), surrogates or overlong forms: memo, topic and
 * key reach terminals and JSON as they are. May be empty. */
MUST_USE bool text_is_valid(struct bytes text);
/* The participant in front of the slash. Lends from account. Requires: account_is_valid. */
struct bytes account_participant(struct bytes account);

#endif
