#include "ledger/audit.h"

#include <inttypes.h>

#include "ledger/store_intake.h"

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

/* The newest height whose tree both can have: where both ended to flush or, as every multiple of K
 * is flushed by itself, such a one below. */
static uint64_t common_tree_height(struct store *ours, struct store *theirs)
{
    uint64_t every = store_identity(ours)->checkpoint_every_heights;
    uint64_t a = store_flushed_height(ours), b = store_flushed_height(theirs);
    uint64_t lower = a < b ? a : b;
    return a == b ? a : lower / every * every;
}

static enum rc compare_state(struct audit_difference *out, struct store *ours, struct store *theirs,
                             struct why *why)
{
    struct tree_ref our_tree, their_tree;
    uint64_t height = common_tree_height(ours, theirs);
    enum rc rc = store_get_tree(ours, height, &our_tree, why);
    if (rc == RC_OK)
        rc = store_get_tree(theirs, height, &their_tree, why);
    if (rc != RC_OK)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    rc = tree_compare(&out->state, store_view(ours), &our_tree, store_view(theirs), &their_tree);
    if (rc != RC_OK)
        return why_set(why, rc, "the state trees at height %" PRIu64 " cannot be compared: %s",
                       height, rc_text(rc));
    out->state_compared = true;
    out->state_height = height;
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
    if (out->found)
        return RC_OK;
    return compare_state(out, ours, theirs, why);
}
