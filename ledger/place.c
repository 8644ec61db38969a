#include "ledger/place.h"

#include "crypto/base/check.h"

struct bytes place_nonce_key(uint8_t out[static KV_KEY_BYTES_MAX], const struct public_key *key,
                             uint64_t nonce)
{
    struct wr w = wr_of(out, KV_KEY_BYTES_MAX);
    wr_copy(&w, key->bytes, PUBLIC_KEY_BYTES);
    wr_be64(&w, nonce);
    return wr_bytes_of(&w);
}

struct bytes place_record_key(uint8_t out[static KV_KEY_BYTES_MAX], struct bytes record_key,
                              uint64_t version)
{
    struct wr w = wr_of(out, KV_KEY_BYTES_MAX);
    wr_bytes(&w, record_key);
    wr_be64(&w, version);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

struct bytes place_history_key(uint8_t out[static KV_KEY_BYTES_MAX], struct bytes account,
                               struct bytes asset, uint64_t number)
{
    struct wr w = wr_of(out, KV_KEY_BYTES_MAX);
    wr_bytes(&w, account);
    wr_u8(&w, 0);
    wr_bytes(&w, asset);
    wr_u8(&w, 0);
    wr_be64(&w, number);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

struct bytes place_tx_encode(uint8_t out[static PLACE_BYTES_MAX], const struct place *p)
{
    struct wr w = wr_of(out, PLACE_BYTES_MAX);
    wr_u64(&w, p->height);
    wr_u32(&w, p->tx_index);
    return wr_bytes_of(&w);
}

struct bytes place_op_encode(uint8_t out[static PLACE_BYTES_MAX], const struct place *p)
{
    struct wr w = wr_of(out, PLACE_BYTES_MAX);
    wr_u64(&w, p->height);
    wr_u32(&w, p->tx_index);
    wr_u16(&w, p->op_index);
    return wr_bytes_of(&w);
}

struct bytes place_history_encode(uint8_t out[static PLACE_BYTES_MAX],
                                  const struct history_entry *h)
{
    struct wr w = wr_of(out, PLACE_BYTES_MAX);
    wr_u64(&w, h->place.height);
    wr_u32(&w, h->place.tx_index);
    wr_u16(&w, h->place.op_index);
    wr_u8(&w, h->credit);
    wr_u64(&w, h->amount);
    wr_u64(&w, h->balance);
    return wr_bytes_of(&w);
}

bool place_tx_decode(struct place *out, struct bytes value)
{
    struct rd r = rd_of(value);
    *out = (struct place){0};
    out->height = rd_u64(&r);
    out->tx_index = rd_u32(&r);
    return rd_done(&r);
}

bool place_op_decode(struct place *out, struct bytes value)
{
    struct rd r = rd_of(value);
    *out = (struct place){0};
    out->height = rd_u64(&r);
    out->tx_index = rd_u32(&r);
    out->op_index = rd_u16(&r);
    return rd_done(&r);
}

bool place_history_decode(struct history_entry *out, struct bytes value)
{
    struct rd r = rd_of(value);
    *out = (struct history_entry){0};
    out->place.height = rd_u64(&r);
    out->place.tx_index = rd_u32(&r);
    out->place.op_index = rd_u16(&r);
    uint8_t credit = rd_u8(&r);
    out->credit = credit == 1;
    out->amount = rd_u64(&r);
    out->balance = rd_u64(&r);
    return rd_done(&r) && credit <= 1;
}
