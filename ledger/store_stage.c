/* Appending through somebody else's batch, and the proposals above the head. */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/store_impl.h"

/* ---- the chain ---- */

void store_stage_append(struct store *s, struct kv_batch *batch, const struct block *block,
                        struct layer *layer, const struct certificate *certificate,
                        bool is_proposal)
{
    uint8_t room[8];
    uint64_t height = block->header.height;
    store_check_next(s, block, layer, certificate);
    CHECK(height - s->derived.flushed_height <= STORE_BEHIND_HEIGHTS_MAX);
    if (certificate != NULL) { /* none can stand above the head */
        store_put_certificate_at(batch, store_height_key(room, height), certificate);
        s->counts.certificates++;
    }
    store_put_block(batch, block, !is_proposal);
    store_put_head(batch, height, &block->digest, &s->counts);
    store_take_block(s, block, layer);
}

uint32_t store_flushes_due(const struct store *s)
{
    return s->frozen_count;
}

struct store_mark store_mark(const struct store *s)
{
    const struct store_derived *d = s->is_flush_staged ? &s->staged : &s->derived;
    return (struct store_mark){.height = s->head.height,
                               .flushed_height = d->flushed_height,
                               .checkpoint_height = s->checkpoint_height,
                               .kept = s->kept};
}

enum rc store_on_durable(struct store *s, const struct store_mark *mark, struct why *why)
{
    bool is_flushed = s->is_flush_staged && mark->flushed_height == s->staged.flushed_height;
    CHECK(mark->height >= s->chain_height);
    CHECK(mark->height <= s->head.height);
    CHECK(is_flushed || mark->flushed_height == s->derived.flushed_height);
    enum rc rc = kv_view_renew(s->view, why);
    if (rc != RC_OK)
        return rc;
    s->chain_height = mark->height;
    s->kept_durable = mark->kept;
    s->checkpoint_durable = mark->checkpoint_height;
    if (is_flushed)
        store_end_flush(s);
    return RC_OK;
}

/* ---- proposals ---- */

void store_stage_proposal(struct store *s, struct kv_batch *batch, const struct block *block)
{
    uint8_t room[8 + DIGEST_BYTES];
    uint64_t height = block->header.height;
    CHECK(height > s->head.height);
    CHECK(height - s->head.height <= STORE_PROPOSAL_HEIGHTS_MAX);
    kv_batch_put(batch, KV_BLOCK, store_block_key(room, height, &block->digest), block->whole);
}

void store_stage_proposal_drop(struct kv_batch *batch, uint64_t height, const struct digest *digest)
{
    uint8_t room[8 + DIGEST_BYTES];
    kv_batch_delete(batch, KV_BLOCK, store_block_key(room, height, digest));
}

static enum rc name_of(struct bytes key, uint64_t *height, struct digest *digest, struct why *why)
{
    struct rd r = rd_of(key);
    *height = rd_be64(&r);
    rd_copy(&r, digest->bytes, DIGEST_BYTES);
    return rd_done(&r) ? RC_OK : why_set(why, RC_STORE_DAMAGED, "a proposal's key is none");
}

/* Decode an entry and hold it against its key. */
static enum rc judge_proposal(struct block *out, struct bytes key, struct bytes value,
                              struct why *why)
{
    struct digest digest;
    uint64_t height;
    enum rc rc = name_of(key, &height, &digest, why);
    if (rc != RC_OK)
        return rc;
    enum block_fault fault = block_decode(out, value);
    if (fault == BLOCK_OK)
        fault = block_judge_body(out, NULL);
    if (fault != BLOCK_OK)
        return why_set(why, RC_STORE_DAMAGED, "a proposal at height %" PRIu64 " is damaged: %s",
                       height, block_fault_text(fault));
    if (out->header.height != height || !digest_equal(&out->digest, &digest))
        return why_set(why, RC_STORE_DAMAGED,
                       "a proposal at height %" PRIu64 " is not the one of its name", height);
    return RC_OK;
}

static enum rc tell_damaged(store_visit_damaged *damaged, void *context, struct bytes key,
                            struct why *why)
{
    struct digest digest;
    uint64_t height;
    enum rc rc = name_of(key, &height, &digest, why);
    if (rc == RC_OK)
        damaged(context, height, &digest);
    return rc;
}

enum rc store_proposals(struct store *s, store_visit_block *visit, store_visit_damaged *damaged,
                        void *context, struct why *why)
{
    uint8_t room[8];
    struct kv_cursor *c;
    struct bytes key, value;
    struct block block;
    enum rc rc = kv_cursor_open(&c, s->view, KV_BLOCK);
    if (rc != RC_OK)
        return why_set(why, rc, "the proposals cannot be read: %s", rc_text(rc));
    enum rc visited = RC_OK;
    rc = kv_cursor_seek(c, store_height_key(room, s->head.height + 1), &key, &value);
    while (visited == RC_OK &&
           (rc == RC_OK || (rc == RC_STORE_DAMAGED && key.size > 0 && damaged != NULL))) {
        visited = rc == RC_OK ? judge_proposal(&block, key, value, why)
                              : tell_damaged(damaged, context, key, why);
        if (visited == RC_OK && rc == RC_OK)
            visited = visit(context, &block);
        if (visited == RC_OK)
            rc = kv_cursor_next(c, &key, &value);
    }
    kv_cursor_close(c);
    if (visited == RC_OK && rc != RC_OK && rc != RC_NOT_FOUND)
        return why_set(why, rc, "the proposals cannot be read: %s", rc_text(rc));
    return visited;
}
