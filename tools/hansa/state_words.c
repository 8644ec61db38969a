#include "tools/hansa/state_words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "crypto/base/check.h"
#include "ledger/state.h"
#include "tools/hansa/render.h"

enum { WORDS_BYTES = 1024 }; /* a record's topic and key are the longest; cut, never overrun */
#define TEXT(bytes) (int)(bytes).size, (const char *)(bytes).data

static char *words(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *words(const char *format, ...)
{
    char *out = mem_alloc(WORDS_BYTES);
    va_list args;
    va_start(args, format);
    vsnprintf(out, WORDS_BYTES, format, args);
    va_end(args);
    return out;
}

static char *hex_words(const char *what, struct bytes from)
{
    enum { SHOWN_BYTES_MAX = 48 };
    char hex[2 * SHOWN_BYTES_MAX + 1];
    bool is_cut = from.size > SHOWN_BYTES_MAX;
    hex_encode(hex, from.data, is_cut ? (size_t)SHOWN_BYTES_MAX : from.size);
    return words("%s%s%s", what, hex, is_cut ? "..." : "");
}

char *state_words_key(uint8_t table, struct bytes key)
{
    struct bytes a, b, c;
    switch ((enum state_table)table) {
    case STATE_PARTICIPANT:
        if (participant_is_valid(key))
            return words("participant %.*s", TEXT(key));
        break;
    case STATE_KEY:
        return hex_words("key ", key);
    case STATE_ASSET:
        if (asset_is_valid(key))
            return words("asset %.*s", TEXT(key));
        break;
    case STATE_BALANCE:
        if (state_balance_key_split(key, &a, &b) && account_is_valid(a) && asset_is_valid(b))
            return words("balance of %.*s in %.*s", TEXT(a), TEXT(b));
        break;
    case STATE_RECORD:
        if (state_record_key_split(key, &a, &b, &c) && participant_is_valid(a) &&
            text_is_valid(b) && text_is_valid(c))
            return words("record '%.*s' of topic '%.*s' of participant %.*s", TEXT(c), TEXT(b),
                         TEXT(a));
        break;
    case STATE_TABLE_END:
        break;
    }
    return hex_words("unknown entry ", key);
}

static char *balance_words(struct bytes key, struct bytes value, const struct genesis *g)
{
    struct bytes account, asset;
    struct state_balance balance;
    char amount[RENDER_AMOUNT_BYTES];
    if (!state_balance_key_split(key, &account, &asset) || !asset_is_valid(asset) ||
        !state_balance_decode(&balance, value))
        return hex_words("", value);
    return words("%s after %" PRIu64 " history entr%s",
                 render_amount(amount, balance.amount, asset, g), balance.entries_count,
                 balance.entries_count == 1 ? "y" : "ies");
}

static char *record_words(struct bytes value)
{
    struct state_record record;
    char hex[DIGEST_HEX_BYTES];
    if (!state_record_decode(&record, value))
        return hex_words("", value);
    digest_to_hex(hex, &record.data_hash);
    return words("version %" PRIu64 ", %" PRIu32 " byte%s, hash %s", record.version,
                 record.data_bytes, cli_plural(record.data_bytes), hex);
}

char *state_words_value(uint8_t table, struct bytes key, struct bytes value,
                        const struct genesis *g)
{
    struct state_key state_key;
    struct state_asset asset;
    char amount[RENDER_AMOUNT_BYTES];
    if (table == STATE_BALANCE)
        return balance_words(key, value, g);
    if (table == STATE_RECORD)
        return record_words(value);
    if (table == STATE_KEY && state_key_decode(&state_key, value))
        return words("nonce %" PRIu64 "%s", state_key.nonce, state_key.revoked ? ", revoked" : "");
    if (table == STATE_ASSET && asset_is_valid(key) && state_asset_decode(&asset, value))
        return words("supply %s", render_amount(amount, asset.supply, key, g));
    return hex_words("", value);
}
