#include "ledger/state.h"

#include <string.h>

#include "crypto/base/check.h"

/* ---- keys ---- */

struct bytes state_balance_key(uint8_t out[static STATE_KEY_BYTES_MAX], struct bytes account,
                               struct bytes asset)
{
    struct wr w = wr_of(out, STATE_KEY_BYTES_MAX);
    wr_bytes(&w, account);
    wr_u8(&w, 0);
    wr_bytes(&w, asset);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

bool state_balance_key_split(struct bytes key, struct bytes *account, struct bytes *asset)
{
    const uint8_t *zero = key.size == 0 ? NULL : memchr(key.data, 0, key.size);
    if (zero == NULL)
        return false;
    *account = bytes_of(key.data, (size_t)(zero - key.data));
    *asset = bytes_of(zero + 1, key.size - account->size - 1);
    return account_is_valid(*account) && asset_is_valid(*asset);
}

struct bytes state_record_key(uint8_t out[static STATE_KEY_BYTES_MAX], struct bytes participant,
                              struct bytes topic, struct bytes key)
{
    struct wr w = wr_of(out, STATE_KEY_BYTES_MAX);
    wr_text8(&w, participant);
    wr_text8(&w, topic);
    wr_text8(&w, key);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

bool state_record_key_split(struct bytes key, struct bytes *participant, struct bytes *topic,
                            struct bytes *record_key)
{
    struct rd r = rd_of(key);
    *participant = rd_text8(&r);
    *topic = rd_text8(&r);
    *record_key = rd_text8(&r);
    return rd_done(&r) && participant_is_valid(*participant) && topic->size > 0 &&
           topic->size <= TOPIC_BYTES_MAX && text_is_valid(*topic) && record_key->size > 0 &&
           record_key->size <= RECORD_KEY_BYTES_MAX && text_is_valid(*record_key);
}

/* ---- values ---- */

static struct bytes participant_encode(uint8_t out[static STATE_VALUE_BYTES_MAX],
                                       const struct state_participant *p)
{
    struct wr w = wr_of(out, STATE_VALUE_BYTES_MAX);
    wr_u8(&w, (uint8_t)p->role);
    wr_u8(&w, (uint8_t)p->keys_count);
    for (uint32_t i = 0; i < p->keys_count; i++)
        wr_copy(&w, p->keys[i].bytes, PUBLIC_KEY_BYTES);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

bool state_participant_decode(struct state_participant *out, struct bytes value)
{
    *out = (struct state_participant){0};
    struct rd r = rd_of(value);
    uint8_t role = rd_u8(&r);
    out->keys_count = rd_u8(&r);
    if (role > ROLE_GOVERNOR || out->keys_count == 0 || out->keys_count > PARTICIPANT_KEYS_MAX)
        return false;
    out->role = (enum participant_role)role;
    for (uint32_t i = 0; i < out->keys_count; i++) {
        rd_copy(&r, out->keys[i].bytes, PUBLIC_KEY_BYTES);
        if (i > 0 && memcmp(out->keys[i - 1].bytes, out->keys[i].bytes, PUBLIC_KEY_BYTES) >= 0)
            return false;
    }
    return rd_done(&r);
}

static struct bytes key_encode(uint8_t out[static STATE_VALUE_BYTES_MAX], const struct state_key *k)
{
    struct wr w = wr_of(out, STATE_VALUE_BYTES_MAX);
    wr_text8(&w, k->participant);
    wr_u64(&w, k->nonce);
    wr_u8(&w, k->revoked);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

bool state_key_decode(struct state_key *out, struct bytes value)
{
    *out = (struct state_key){0};
    struct rd r = rd_of(value);
    out->participant = rd_text8(&r);
    out->nonce = rd_u64(&r);
    uint8_t revoked = rd_u8(&r);
    out->revoked = revoked == 1;
    return rd_done(&r) && revoked <= 1 && participant_is_valid(out->participant);
}

static struct bytes asset_encode(uint8_t out[static STATE_VALUE_BYTES_MAX],
                                 const struct state_asset *a)
{
    struct wr w = wr_of(out, STATE_VALUE_BYTES_MAX);
    wr_u8(&w, a->decimals);
    wr_text8(&w, a->issuer);
    wr_u64(&w, a->supply);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

bool state_asset_decode(struct state_asset *out, struct bytes value)
{
    *out = (struct state_asset){0};
    struct rd r = rd_of(value);
    out->decimals = rd_u8(&r);
    out->issuer = rd_text8(&r);
    out->supply = rd_u64(&r);
    return rd_done(&r) && out->decimals <= DECIMALS_MAX && participant_is_valid(out->issuer);
}

static struct bytes balance_encode(uint8_t out[static STATE_VALUE_BYTES_MAX],
                                   const struct state_balance *b)
{
    struct wr w = wr_of(out, STATE_VALUE_BYTES_MAX);
    wr_u64(&w, b->amount);
    wr_u64(&w, b->entries_count);
    return wr_bytes_of(&w);
}

bool state_balance_decode(struct state_balance *out, struct bytes value)
{
    struct rd r = rd_of(value);
    out->amount = rd_u64(&r);
    out->entries_count = rd_u64(&r);
    return rd_done(&r);
}

static struct bytes record_encode(uint8_t out[static STATE_VALUE_BYTES_MAX],
                                  const struct state_record *record)
{
    struct wr w = wr_of(out, STATE_VALUE_BYTES_MAX);
    wr_u64(&w, record->version);
    wr_copy(&w, record->txid.bytes, DIGEST_BYTES);
    wr_copy(&w, record->data_hash.bytes, DIGEST_BYTES);
    wr_u32(&w, record->data_bytes);
    return wr_bytes_of(&w);
}

bool state_record_decode(struct state_record *out, struct bytes value)
{
    struct rd r = rd_of(value);
    out->version = rd_u64(&r);
    rd_copy(&r, out->txid.bytes, DIGEST_BYTES);
    rd_copy(&r, out->data_hash.bytes, DIGEST_BYTES);
    out->data_bytes = rd_u32(&r);
    return rd_done(&r) && out->version > 0 && out->data_bytes <= RECORD_DATA_BYTES_MAX;
}

/* ---- get ---- */

/* After a get: an undecodable value is damage, and reads as absent. */
static bool decoded(struct layer *l, bool is_sound)
{
    if (!is_sound)
        layer_fail(l, RC_STORE_DAMAGED);
    return is_sound;
}

bool state_get_participant(struct layer *l, struct bytes name, struct state_participant *out)
{
    struct bytes value;
    *out = (struct state_participant){0};
    return layer_get(l, STATE_PARTICIPANT, name, &value) &&
           decoded(l, state_participant_decode(out, value));
}

bool state_get_key(struct layer *l, const struct public_key *key, struct state_key *out)
{
    struct bytes value;
    *out = (struct state_key){0};
    return layer_get(l, STATE_KEY, bytes_of(key->bytes, PUBLIC_KEY_BYTES), &value) &&
           decoded(l, state_key_decode(out, value));
}

bool state_get_asset(struct layer *l, struct bytes code, struct state_asset *out)
{
    struct bytes value;
    *out = (struct state_asset){0};
    return layer_get(l, STATE_ASSET, code, &value) && decoded(l, state_asset_decode(out, value));
}

bool state_get_balance(struct layer *l, struct bytes account, struct bytes asset,
                       struct state_balance *out)
{
    uint8_t room[STATE_KEY_BYTES_MAX];
    struct bytes value;
    *out = (struct state_balance){0};
    return layer_get(l, STATE_BALANCE, state_balance_key(room, account, asset), &value) &&
           decoded(l, state_balance_decode(out, value));
}

bool state_get_record(struct layer *l, struct bytes record_key, struct state_record *out)
{
    struct bytes value;
    *out = (struct state_record){0};
    return layer_get(l, STATE_RECORD, record_key, &value) &&
           decoded(l, state_record_decode(out, value));
}

/* ---- put ---- */

static void put_entry(struct layer *l, enum state_table table, struct bytes key, struct bytes value,
                      bool is_new)
{
    layer_put(l, table, key, value);
    if (!is_new)
        return;
    uint8_t name[1 + STATE_KEY_BYTES_MAX];
    struct wr w = wr_of(name, sizeof name);
    wr_u8(&w, (uint8_t)table);
    wr_bytes(&w, key);
    CHECK(wr_ok(&w));
    layer_put_index(l, KV_NAME, wr_bytes_of(&w), bytes_of(NULL, 0));
}

void state_put_participant(struct layer *l, struct bytes name, const struct state_participant *p,
                           bool is_new)
{
    uint8_t value[STATE_VALUE_BYTES_MAX];
    put_entry(l, STATE_PARTICIPANT, name, participant_encode(value, p), is_new);
}

void state_put_key(struct layer *l, const struct public_key *key, const struct state_key *k,
                   bool is_new)
{
    uint8_t value[STATE_VALUE_BYTES_MAX];
    put_entry(l, STATE_KEY, bytes_of(key->bytes, PUBLIC_KEY_BYTES), key_encode(value, k), is_new);
}

void state_put_asset(struct layer *l, struct bytes code, const struct state_asset *a, bool is_new)
{
    uint8_t value[STATE_VALUE_BYTES_MAX];
    put_entry(l, STATE_ASSET, code, asset_encode(value, a), is_new);
}

void state_put_balance(struct layer *l, struct bytes account, struct bytes asset,
                       const struct state_balance *b, bool is_new)
{
    uint8_t room[STATE_KEY_BYTES_MAX], value[STATE_VALUE_BYTES_MAX];
    put_entry(l, STATE_BALANCE, state_balance_key(room, account, asset), balance_encode(value, b),
              is_new);
}

void state_put_record(struct layer *l, struct bytes record_key, const struct state_record *record,
                      bool is_new)
{
    uint8_t value[STATE_VALUE_BYTES_MAX];
    put_entry(l, STATE_RECORD, record_key, record_encode(value, record), is_new);
}

void state_put_initial(struct layer *l, const struct initial_state *initial)
{
    for (uint32_t i = 0; i < initial->participants_count; i++) {
        const struct initial_participant *from = &initial->participants[i];
        struct state_participant p = {.role = from->role, .keys_count = from->keys_count};
        struct state_key fresh = {.participant = bytes_of_text(from->name)};
        memcpy(p.keys, from->keys, from->keys_count * sizeof *from->keys);
        state_put_participant(l, bytes_of_text(from->name), &p, true);
        for (uint32_t k = 0; k < from->keys_count; k++)
            state_put_key(l, &from->keys[k], &fresh, true);
    }
    for (uint32_t i = 0; i < initial->assets_count; i++) {
        const struct initial_asset *from = &initial->assets[i];
        struct state_asset a = {.decimals = from->decimals, .issuer = bytes_of_text(from->issuer)};
        state_put_asset(l, bytes_of_text(from->code), &a, true);
    }
    for (uint32_t i = 0; i < initial->balances_count; i++) {
        const struct initial_balance *from = &initial->balances[i];
        struct state_balance b = {.amount = from->amount};
        struct state_asset a;
        struct bytes code = bytes_of_text(from->asset);
        CHECK(state_get_asset(l, code, &a)); /* the genesis was judged: see initial.h */
        CHECK(a.supply <= UINT64_MAX - from->amount);
        a.supply += from->amount;
        state_put_asset(l, code, &a, false);
        state_put_balance(l, bytes_of_text(from->account), code, &b, true);
    }
}
