/* Standing on a snapshot: the batch that ends an intake, and the trees that others take from here.
 */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/store_intake_impl.h"

/* ---- ending an intake ---- */

static enum rc judge_target(const struct store *s, const struct snapshot_target *t,
                            const struct block_header *header, const struct certificate *c,
                            struct why *why)
{
    struct digest digest;
    block_header_digest(&digest, header);
    if (!digest_equal(&digest, &t->digest) || header->height != t->height ||
        !digest_equal(&header->chain_id, &s->identity.chain_id))
        return why_set(why, RC_PROOF,
                       "the header is not the one of the snapshot's block at height %" PRIu64,
                       t->height);
    const struct statement *said = &c->statement;
    if (said->kind != CERT_CHECKPOINT || said->height != t->height ||
        !digest_equal(&said->digest, &t->digest) || !digest_equal(&said->state_root, &t->root))
        return why_set(why, RC_PROOF,
                       "the checkpoint certificate is not of the snapshot at height %" PRIu64,
                       t->height);
    return RC_OK;
}

/* The tree's top node is there, and there is a name for each entry and no other: names of the old
 * state that the new one does not have would be listed for ever. */
enum rc snapshot_intake_judge_taken(const struct snapshot_intake *in, struct why *why)
{
    struct store *s = in->store;
    struct tree_node node;
    struct tree_place top = {.version = in->target.height};
    uint64_t names_count = 0;
    CHECK(snapshot_intake_is_whole(in));
    enum rc rc = kv_view_renew(s->view, why);
    if (rc != RC_OK)
        return rc;
    rc = tree_node_get_verified(&node, s->view, &top, &in->target.root, why);
    if (rc != RC_OK)
        return why_within(why, rc, "the snapshot that was taken in");
    rc = kv_count(s->view, KV_NAME, &names_count);
    if (rc != RC_OK)
        return why_set(why, rc, "the index of names cannot be counted");
    if (names_count == in->entries_count)
        return RC_OK;
    return why_set(why, RC_INVALID,
                   "the snapshot has %" PRIu64 " entries, but there are %" PRIu64
                   " names: the old state is to be discarded",
                   in->entries_count, names_count);
}

/* Other blocks of heights that are decided now are nobody's any more, be they damaged. */
static enum rc drop_proposals(struct store *s, struct kv_batch *batch, uint64_t height,
                              struct why *why)
{
    uint8_t room[8];
    struct kv_cursor *c;
    struct bytes key, value;
    enum rc rc = kv_cursor_open(&c, s->view, KV_BLOCK);
    if (rc != RC_OK)
        return why_set(why, rc, "the proposals cannot be read: %s", rc_text(rc));
    rc = kv_cursor_seek(c, store_height_key(room, s->head.height + 1), &key, &value);
    while (rc == RC_OK || (rc == RC_STORE_DAMAGED && key.size > 0)) {
        struct rd r = rd_of(key);
        if (rd_be64(&r) > height) {
            rc = RC_NOT_FOUND;
            break;
        }
        kv_batch_delete(batch, KV_BLOCK, key);
        rc = kv_cursor_next(c, &key, &value);
    }
    kv_cursor_close(c);
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    return why_set(why, rc, "the proposals cannot be read: %s", rc_text(rc));
}

/* Whether a CHECKPOINT certificate stands under this key, be it damaged: it goes, or is replaced.
 */
static enum rc has_checkpoint(const struct store *s, struct bytes key, bool *out)
{
    struct bytes present;
    enum rc rc = kv_get(s->view, KV_CHECKPOINT, key, &present);
    *out = rc == RC_OK || rc == RC_STORE_DAMAGED;
    return *out || rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* The block of an earlier snapshot, if it has not come yet, is like all others in its gap now. */
static enum rc drop_old_base(struct store *s, struct kv_batch *batch, uint64_t height,
                             struct store_counts *counts, struct why *why)
{
    uint8_t room[8];
    struct bytes key = store_height_key(room, s->history.base.height);
    bool is_there = false;
    if (!s->history.exists || s->history.base.height == height ||
        store_history_has(s, s->history.base.height))
        return RC_OK;
    enum rc rc = has_checkpoint(s, key, &is_there);
    if (rc != RC_OK)
        return why_set(why, rc, "the certificate of the snapshot before cannot be read");
    counts->checkpoints -= is_there;
    kv_batch_delete(batch, KV_CHECKPOINT, key);
    kv_batch_delete(batch, KV_CHAIN, key);
    return RC_OK;
}

static enum rc stage_chain(struct store *s, struct kv_batch *batch, const struct snapshot_target *t,
                           const struct certificate *checkpoint, struct why *why)
{
    uint8_t room[8];
    struct bytes key = store_height_key(room, t->height);
    struct store_counts counts = s->counts;
    bool is_there = false;
    enum rc rc = has_checkpoint(s, key, &is_there);
    if (rc != RC_OK)
        return why_set(why, rc, "the certificate at height %" PRIu64 " cannot be read", t->height);
    counts.checkpoints += !is_there;
    rc = drop_old_base(s, batch, t->height, &counts, why);
    if (rc != RC_OK)
        return rc;
    store_put_certificate_at(batch, key, checkpoint);
    kv_batch_put(batch, KV_CHAIN, key, bytes_of(t->digest.bytes, DIGEST_BYTES));
    if (t->height > s->head.height)
        store_put_head(batch, t->height, &t->digest, &counts);
    else
        store_put_head(batch, s->head.height, &s->head_digest, &counts);
    return drop_proposals(s, batch, t->height, why);
}

static void stage_state(struct store *s, struct kv_batch *batch, const struct snapshot_intake *in)
{
    uint8_t room[8];
    struct store_derived derived = s->derived;
    derived.flushed_height = in->target.height;
    derived.tree = (struct tree_ref){.version = in->target.height, .root = in->target.root};
    for (uint32_t i = 0; i < STORE_INDEXES_COUNT; i++) {
        if (store_indexes[i] == KV_NAME)
            derived.counts[i] = in->entries_count;
        else if (in->discards)
            derived.counts[i] = 0;
    }
    store_put_derived(batch, &derived);
    store_put_kept(batch, &(struct store_kept){{0, in->target.height}});
    kv_batch_put(batch, KV_ROOT, store_height_key(room, in->target.height),
                 bytes_of(in->target.root.bytes, DIGEST_BYTES));
}

/* Up to the newest checkpoint whose certified root the own tree had. Above that nobody ever said
 * what the state should be, and who is this far behind is told of no root that he could meet. */
static enum rc find_proven(struct store *s, uint64_t *out, struct why *why)
{
    struct certificate c;
    struct tree_ref tree;
    *out = s->history.exists ? s->history.base.height : 0;
    enum rc rc = store_get_checkpoint(s, &c, &tree, why);
    if (rc == RC_OK && c.statement.height > *out)
        *out = c.statement.height;
    return rc == RC_STORE_IO ? rc : RC_OK; /* without one the more is compared */
}

static void stage_history(struct store *s, struct kv_batch *batch, const struct snapshot_intake *in,
                          const struct block_header *header, uint64_t proven_height)
{
    struct store_history history;
    struct store_rebase rebase = {.head_height = s->head.height,
                                  .proven_height = proven_height,
                                  .base_height = header->height,
                                  .discards = in->discards};
    bool fits = store_history_rebase(&history, &s->history, &rebase);
    CHECK(fits); /* as when it began, with nothing proven, and above the head: nothing was
                  * appended since */
    history.base = *header;
    history.next_digest = in->target.digest;
    store_put_history(batch, &history);
}

enum rc store_stage_snapshot(struct store *s, struct kv_batch *batch,
                             const struct snapshot_intake *in, const struct block_header *header,
                             const struct certificate *checkpoint, struct why *why)
{
    uint64_t proven_height = 0;
    CHECK(snapshot_intake_is_whole(in));
    store_check_settled(s);
    enum rc rc = judge_target(s, &in->target, header, checkpoint, why);
    if (rc != RC_OK)
        return rc;
    rc = snapshot_intake_judge_taken(in, why);
    if (rc == RC_OK && !in->discards)
        rc = find_proven(s, &proven_height, why);
    if (rc == RC_OK)
        rc = stage_chain(s, batch, &in->target, checkpoint, why);
    if (rc != RC_OK)
        return rc;
    stage_state(s, batch, in);
    stage_history(s, batch, in, header, proven_height);
    snapshot_intake_delete(batch);
    return RC_OK;
}

enum rc store_on_snapshot(struct store *s, struct why *why)
{
    store_drop_layers(s);
    enum rc rc = kv_view_renew(s->view, why);
    return rc == RC_OK ? store_recover(s, why) : rc;
}

/* ---- serving ---- */

bool store_hold_trees(struct store *s, uint64_t height)
{
    bool is_there = height >= store_oldest_tree(s, &s->kept) &&
                    (s->job == NULL || s->job->oldest_kept <= height);
    if (is_there)
        s->held_height = height;
    return is_there;
}

void store_let_trees_go(struct store *s)
{
    s->held_height = 0;
}

enum rc store_get_tree(struct store *s, uint64_t height, struct tree_ref *out, struct why *why)
{
    uint64_t oldest = store_oldest_durable_tree(s);
    if (s->history.exists && oldest < s->history.base.height)
        oldest = s->history.base.height;
    enum rc rc = RC_NOT_FOUND;
    if (store_has_state(s) && height == s->derived.flushed_height) {
        *out = store_tree(s); /* what this store shows, whatever its roots say */
        return RC_OK;
    }
    if (store_has_state(s) && height >= oldest && height < s->derived.flushed_height)
        rc = store_tree_at(s, height, out);
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc, "no state tree of height %" PRIu64 " is kept", height);
    return rc == RC_OK
               ? rc
               : why_set(why, rc, "the state tree of height %" PRIu64 " cannot be read", height);
}

enum rc store_get_kept_tree(struct store *s, uint64_t height, const struct digest *root,
                            struct tree_ref *out, struct why *why)
{
    enum rc rc = store_get_tree(s, height, out, why);
    if (rc != RC_OK || digest_equal(&out->root, root))
        return rc;
    return why_set(why, RC_NOT_FOUND, "no state tree of height %" PRIu64 " has this root", height);
}

/* ---- sweeping ---- */

/* Add deletions of the table's keys that begin with a number below `before`. */
static enum rc sweep_table(struct store *s, struct kv_batch *batch, enum kv_table table,
                           uint64_t before, size_t keys_max, size_t *swept)
{
    struct kv_cursor *c;
    struct bytes key, value;
    enum rc rc = kv_cursor_open(&c, s->view, table);
    if (rc != RC_OK)
        return rc;
    rc = *swept < keys_max ? kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value) : RC_NOT_FOUND;
    while (rc == RC_OK || (rc == RC_STORE_DAMAGED && key.size > 0)) {
        struct rd r = rd_of(key);
        if (rd_be64(&r) >= before) { /* one too short goes too */
            rc = RC_NOT_FOUND;
            break;
        }
        kv_batch_delete(batch, table, key);
        rc = ++*swept < keys_max ? kv_cursor_next(c, &key, &value) : RC_NOT_FOUND;
    }
    kv_cursor_close(c);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc store_stage_sweep(struct store *s, struct kv_batch *batch, size_t keys_max, size_t *swept,
                          struct why *why)
{
    *swept = 0;
    if (!s->history.exists || s->intake.is_open)
        return RC_OK;
    uint64_t base = s->history.base.height;
    enum rc rc = sweep_table(s, batch, KV_TREE, base, keys_max, swept);
    if (rc == RC_OK)
        rc = sweep_table(s, batch, KV_ROOT, base, keys_max, swept);
    /* What names a node of an older tree was replaced by one of that tree, not of the snapshot's:
     * nothing in a tree made anew replaces anything. */
    if (rc == RC_OK)
        rc = sweep_table(s, batch, KV_STALE, base + 1, keys_max, swept);
    return rc == RC_OK ? RC_OK : why_set(why, rc, "the old state cannot be swept: %s", rc_text(rc));
}
