/* The small records of KV_META that change with every commit or flush, and keys by height. */
#include "ledger/store_impl.h"

static const char META_HEAD[] = "head";
static const char META_DERIVED[] = "derived";

const enum kv_table store_indexes[STORE_INDEXES_COUNT] = {KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY,
                                                          KV_RECORD};

struct bytes store_height_key(uint8_t out[static 8], uint64_t height)
{
    struct wr w = wr_of(out, 8);
    wr_be64(&w, height);
    return wr_bytes_of(&w);
}

struct bytes store_block_key(uint8_t out[static 8 + DIGEST_BYTES], uint64_t height,
                             const struct digest *digest)
{
    struct wr w = wr_of(out, 8 + DIGEST_BYTES);
    wr_be64(&w, height);
    wr_copy(&w, digest->bytes, DIGEST_BYTES);
    return wr_bytes_of(&w);
}

void store_put_head(struct kv_batch *batch, uint64_t height, const struct digest *digest,
                    const struct store_counts *counts)
{
    uint8_t value[8 + DIGEST_BYTES + 8 + 8];
    struct wr w = wr_of(value, sizeof value);
    wr_u64(&w, height);
    wr_copy(&w, digest->bytes, DIGEST_BYTES);
    wr_u64(&w, counts->certificates);
    wr_u64(&w, counts->checkpoints);
    kv_batch_put(batch, KV_META, bytes_of_text(META_HEAD), wr_bytes_of(&w));
}

enum rc store_load_head(struct kv_view *v, uint64_t *height, struct digest *digest,
                        struct store_counts *counts, struct why *why)
{
    struct bytes value;
    enum rc rc = kv_get(v, KV_META, bytes_of_text(META_HEAD), &value);
    struct rd r = rd_of(rc == RC_OK ? value : bytes_of(NULL, 0));
    *height = rd_u64(&r);
    rd_copy(&r, digest->bytes, DIGEST_BYTES);
    counts->certificates = rd_u64(&r);
    counts->checkpoints = rd_u64(&r);
    if (rc == RC_STORE_IO)
        return why_set(why, rc, "the store's head record cannot be read");
    if (!rd_done(&r))
        return why_set(why, RC_STORE_DAMAGED, "the store's head record is missing or damaged");
    return RC_OK;
}

void store_put_derived(struct kv_batch *batch, const struct store_derived *d)
{
    uint8_t value[8 + 8 + DIGEST_BYTES + 8 * STORE_INDEXES_COUNT];
    struct wr w = wr_of(value, sizeof value);
    wr_u64(&w, d->flushed_height);
    wr_u64(&w, d->tree.version);
    wr_copy(&w, d->tree.root.bytes, DIGEST_BYTES);
    for (uint32_t i = 0; i < STORE_INDEXES_COUNT; i++)
        wr_u64(&w, d->counts[i]);
    kv_batch_put(batch, KV_META, bytes_of_text(META_DERIVED), wr_bytes_of(&w));
}

enum rc store_load_derived(struct kv_view *v, struct store_derived *out, struct why *why)
{
    struct bytes value;
    enum rc rc = kv_get(v, KV_META, bytes_of_text(META_DERIVED), &value);
    struct rd r = rd_of(rc == RC_OK ? value : bytes_of(NULL, 0));
    out->flushed_height = rd_u64(&r);
    out->tree.version = rd_u64(&r);
    rd_copy(&r, out->tree.root.bytes, DIGEST_BYTES);
    for (uint32_t i = 0; i < STORE_INDEXES_COUNT; i++)
        out->counts[i] = rd_u64(&r);
    if (rc == RC_STORE_IO)
        return why_set(why, rc, "the record of the derived state cannot be read");
    if (!rd_done(&r))
        return why_set(why, RC_STORE_DAMAGED,
                       "the record of the derived state is missing or damaged");
    return RC_OK;
}
