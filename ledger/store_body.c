/* Bodies by name: what a node sends again of what it voted for, committed meanwhile or not. */
#include <inttypes.h>

#include "ledger/store_impl.h"

enum rc store_get_body(struct store *s, uint64_t height, const struct digest *digest,
                       struct bytes *whole, struct why *why)
{
    uint8_t room[8 + DIGEST_BYTES];
    enum rc rc = kv_get(s->view, KV_BLOCK, store_block_key(room, height, digest), whole);
    if (rc == RC_OK)
        return RC_OK;
    return why_set(why, rc, "the body of a block of height %" PRIu64 " cannot be read: %s", height,
                   rc_text(rc));
}

enum rc store_stage_body(struct store *s, struct kv_batch *batch, const struct block *block,
                         struct why *why)
{
    struct digest digest;
    enum rc rc = store_get_digest(s, block->header.height, &digest, why);
    if (rc != RC_OK)
        return rc;
    if (!digest_equal(&digest, &block->digest) || block_judge_body(block, NULL) != BLOCK_OK)
        return why_set(why, RC_INVALID, "not the block that is committed at height %" PRIu64,
                       block->header.height);
    store_put_block(batch, block, true);
    return RC_OK;
}
