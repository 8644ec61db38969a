/* The durable record of an intake. It is written whole with every piece: what is wanted is some
 * kilobytes, beside a piece of a quarter megabyte. */
#include "crypto/base/check.h"
#include "ledger/store_intake_impl.h"

static const char META_INTAKE[] = "intake";

enum phase { TAKING, CLEARING, ABANDONED };

void snapshot_intake_add_want(struct snapshot_intake *in, const struct snapshot_path *path,
                              const struct digest *hash)
{
    CHECK(in->wants_count < SNAPSHOT_WANTS_MAX);
    if (in->wants_count == in->wants_room) {
        in->wants_room = in->wants_room > 0 ? 2 * in->wants_room : 64;
        in->wants = mem_resize(in->wants, in->wants_room * sizeof *in->wants);
    }
    in->wants[in->wants_count++] = (struct snapshot_want){.path = *path, .hash = *hash};
}

static void put_wants(struct buf *value, const struct snapshot_intake *in)
{
    buf_add_u32(value, in->wants_count);
    for (uint32_t i = 0; i < in->wants_count; i++) {
        uint8_t room[SNAPSHOT_PATH_BYTES_MAX];
        struct wr w = wr_of(room, sizeof room);
        snapshot_path_encode(&w, &in->wants[i].path);
        CHECK(wr_ok(&w));
        buf_add_bytes(value, wr_bytes_of(&w));
        buf_add(value, in->wants[i].hash.bytes, DIGEST_BYTES);
    }
}

void snapshot_intake_put(struct snapshot_intake *in, struct kv_batch *batch)
{
    struct buf value = {0};
    buf_add_u64(&value, in->target.height);
    buf_add(&value, in->target.digest.bytes, DIGEST_BYTES);
    buf_add(&value, in->target.root.bytes, DIGEST_BYTES);
    buf_add_u8(&value, in->discards);
    buf_add_u8(&value, in->is_abandoned ? ABANDONED : in->is_clearing ? CLEARING : TAKING);
    buf_add_u64(&value, in->pieces_count);
    buf_add_u64(&value, in->entries_count);
    buf_add_u64(&value, in->bytes);
    buf_add_u64(&value, in->names_count);
    put_wants(&value, in);
    kv_batch_put(batch, KV_META, bytes_of_text(META_INTAKE), buf_bytes(&value));
    buf_free(&value);
    in->store->intake = (struct store_intake){
        .is_open = true, .discards = in->discards, .names_count = in->names_count};
}

void snapshot_intake_delete(struct kv_batch *batch)
{
    kv_batch_delete(batch, KV_META, bytes_of_text(META_INTAKE));
}

static bool rd_bool(struct rd *r)
{
    uint8_t value = rd_u8(r);
    if (value > 1)
        rd_fail(r);
    return value == 1;
}

/* All but what is wanted. */
static void decode_front(struct snapshot_intake *out, struct rd *r)
{
    out->target.height = rd_u64(r);
    rd_copy(r, out->target.digest.bytes, DIGEST_BYTES);
    rd_copy(r, out->target.root.bytes, DIGEST_BYTES);
    out->discards = rd_bool(r);
    uint8_t phase = rd_u8(r);
    if (phase > ABANDONED || (phase == ABANDONED && out->discards))
        rd_fail(r);
    out->is_clearing = phase == CLEARING;
    out->is_abandoned = phase == ABANDONED;
    out->pieces_count = rd_u64(r);
    out->entries_count = rd_u64(r);
    out->bytes = rd_u64(r);
    out->names_count = rd_u64(r);
}

static bool decode_wants(struct snapshot_intake *out, struct rd *r)
{
    uint32_t count = rd_u32(r);
    if (r->failed || count > SNAPSHOT_WANTS_MAX || (out->is_abandoned && count > 0))
        return false;
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        struct snapshot_path path;
        struct digest hash;
        snapshot_path_decode(r, &path);
        rd_copy(r, hash.bytes, DIGEST_BYTES);
        snapshot_intake_add_want(out, &path, &hash);
    }
    return rd_done(r);
}

static enum rc get_record(struct kv_view *v, struct bytes *value, struct why *why)
{
    enum rc rc = kv_get(v, KV_META, bytes_of_text(META_INTAKE), value);
    if (rc == RC_OK)
        return RC_OK;
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc, "no snapshot is being taken in");
    return why_set(why, rc, "the record of the snapshot being taken in cannot be read");
}

static enum rc damaged(struct why *why)
{
    return why_set(why, RC_STORE_DAMAGED, "the record of the snapshot being taken in is damaged");
}

enum rc snapshot_intake_load(struct snapshot_intake *out, struct kv_view *v, struct why *why)
{
    struct bytes value;
    enum rc rc = get_record(v, &value, why);
    if (rc != RC_OK)
        return rc;
    struct rd r = rd_of(value);
    decode_front(out, &r);
    return decode_wants(out, &r) ? RC_OK : damaged(why);
}

enum rc store_load_intake(struct kv_view *v, struct store_intake *out, struct why *why)
{
    struct bytes value;
    struct snapshot_intake in = {.store = NULL};
    *out = (struct store_intake){.is_open = false};
    enum rc rc = get_record(v, &value, why);
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc != RC_OK)
        return rc;
    struct rd r = rd_of(value);
    decode_front(&in, &r);
    if (r.failed)
        return damaged(why);
    *out = (struct store_intake){
        .is_open = true, .discards = in.discards, .names_count = in.names_count};
    return RC_OK;
}
