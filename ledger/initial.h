/* The state a chain starts from, as the genesis file gives it. The ledger knows no genesis files;
 * it is handed this. Arrays are ascending (participants and assets by name, balances by account
 * then asset, keys by their bytes) and hold no repetition; whoever fills this has judged it. */
#ifndef LEDGER_INITIAL_H
#define LEDGER_INITIAL_H

#include <stdint.h>

#include "crypto/digest.h"
#include "crypto/sign.h"
#include "ledger/name.h"

enum {
    PARTICIPANT_KEYS_MAX = 8,
    INITIAL_PARTICIPANTS_MAX = 4096, /* organisations and their departments, not customers */
    INITIAL_ASSETS_MAX = 256,
    INITIAL_BALANCES_MAX = 65536 /* larger openings are made by transactions */
};

enum participant_role { ROLE_NONE = 0, ROLE_GOVERNOR = 1 };

struct initial_participant {
    char name[PARTICIPANT_BYTES_MAX + 1];
    enum participant_role role;
    uint32_t keys_count;
    struct public_key keys[PARTICIPANT_KEYS_MAX];
};

struct initial_asset {
    char code[ASSET_BYTES_MAX + 1];
    uint8_t decimals;
    char issuer[PARTICIPANT_BYTES_MAX + 1];
};

struct initial_balance {
    char account[ACCOUNT_BYTES_MAX + 1];
    char asset[ASSET_BYTES_MAX + 1];
    uint64_t amount; /* > 0; the sum per asset is its supply and fits a u64 */
};

struct initial_state {
    uint32_t participants_count;
    uint32_t assets_count;
    uint32_t balances_count;
    struct initial_participant *participants;
    struct initial_asset *assets;
    struct initial_balance *balances;
};

#endif
