/* record: topic text8 | key text8 | data_bytes u32 | data.
 * Notes data under (participant, topic, key). Recording again under the same key makes a new
 * version; nobody can touch another participant's. The state keeps txid and hash, the data stays
 * in the block. */
#include "ledger/apply.h"
#include "ledger/op_rules.h"

static void encode(struct buf *out, const struct op *op)
{
    buf_add_text8(out, op->record.topic);
    buf_add_text8(out, op->record.key);
    buf_add_u32(out, (uint32_t)op->record.data.size);
    buf_add_bytes(out, op->record.data);
}

static void decode(struct rd *r, struct op *op)
{
    op->record.topic = rd_text8(r);
    op->record.key = rd_text8(r);
    uint32_t data_bytes = rd_u32(r);
    op->record.data = rd_take(r, data_bytes);
}

static enum verdict judge(const struct op *op)
{
    const struct op_record *record = &op->record;
    if (record->topic.size == 0 || record->topic.size > TOPIC_BYTES_MAX)
        return VERDICT_BAD_TEXT;
    if (record->key.size == 0 || record->key.size > RECORD_KEY_BYTES_MAX)
        return VERDICT_BAD_TEXT;
    if (!text_is_valid(record->topic) || !text_is_valid(record->key))
        return VERDICT_BAD_TEXT;
    return record->data.size > RECORD_DATA_BYTES_MAX ? VERDICT_DATA_TOO_LARGE : VERDICT_OK;
}

static enum verdict apply(struct apply *a, const struct op *op)
{
    uint8_t room[STATE_KEY_BYTES_MAX], index_room[KV_KEY_BYTES_MAX], value[PLACE_BYTES_MAX];
    struct state_record record;

    struct bytes key = state_record_key(room, a->participant, op->record.topic, op->record.key);
    bool is_new = !state_get_record(a->layer, key, &record);
    record.version++;
    record.txid = a->tx->id;
    record.data_bytes = (uint32_t)op->record.data.size;
    digest_of(&record.data_hash, TAG_RECORD, op->record.data);
    state_put_record(a->layer, key, &record, is_new);
    layer_put_index(a->layer, KV_RECORD, place_record_key(index_room, key, record.version),
                    place_op_encode(value, &a->place));
    return VERDICT_OK;
}

const struct op_rules op_record_rules = {"record", encode, decode, judge, apply};
