#include "ledger/audit.h"

#include <inttypes.h>

/* Does the block at this height differ? Whole blocks are compared, not digests alone: nothing says
 * that either store was audited before. */
static enum rc compare_height(struct audit_difference *out, struct store *ours,
                              struct store *theirs, uint64_t height, struct why *why)
{
    struct block our_block, their_block;
    enum rc rc = store_get_block(ours, height, &our_block, why);
    if (rc != RC_OK)
        return why_within(why, rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc, "this store");
    rc = store_get_block(theirs, height, &their_block, why);
    if (rc != RC_OK)
        return why_within(why, rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc, "the other store");
    if (bytes_equal(our_block.whole, their_block.whole))
        return RC_OK;
    out->found = true;
    out->height = height;
    out->ours = our_block.digest;
    out->theirs = their_block.digest;
    return RC_OK;
}

static enum rc compare_state(struct audit_difference *out, struct store *ours, struct store *theirs,
                             struct why *why)
{
    struct tree_ref our_tree = store_tree(ours);
    struct tree_ref their_tree = store_tree(theirs);
    enum rc rc =
        tree_compare(&out->state, store_view(ours), &our_tree, store_view(theirs), &their_tree);
    if (rc != RC_OK)
        return why_set(why, rc, "the state trees at height %" PRIu64 " cannot be compared: %s",
                       store_flushed_height(ours), rc_text(rc));
    out->state_compared = true;
    out->found = out->state.found;
    return RC_OK;
}

enum rc audit_compare(struct audit_difference *out, struct store *ours, struct store *theirs,
                      struct why *why)
{
    *out = (struct audit_difference){.ours_height = store_head(ours)->height,
                                     .theirs_height = store_head(theirs)->height};
    uint64_t common_height =
        out->ours_height < out->theirs_height ? out->ours_height : out->theirs_height;
    for (uint64_t height = 1; height <= common_height && !out->found; height++) {
        if (!store_history_has(ours, height) || !store_history_has(theirs, height)) {
            out->missing_count++;
            continue;
        }
        enum rc rc = compare_height(out, ours, theirs, height, why);
        if (rc != RC_OK)
            return rc;
    }
    if (!store_has_state(ours) || !store_has_state(theirs))
        return RC_OK; /* discarded, and being taken in anew */
    if (out->found || store_flushed_height(ours) != store_flushed_height(theirs))
        return RC_OK;
    return compare_state(out, ours, theirs, why);
}
