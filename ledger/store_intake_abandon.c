/* Giving a snapshot up that is not to be had: what was taken of it goes, and the store goes on from
 * the state that it kept. */
#include "crypto/base/check.h"
#include "ledger/state_tree.h"
#include "ledger/store_intake_impl.h"

void snapshot_intake_abandon(struct snapshot_intake *in, struct kv_batch *batch)
{
    CHECK(!in->discards);
    in->is_abandoned = true;
    in->is_clearing = false;
    in->wants_count = in->asked_count = 0;
    snapshot_intake_put(in, batch);
}

bool snapshot_intake_is_abandoned(const struct snapshot_intake *in)
{
    return in->is_abandoned;
}

/* A name of the index that the state does not have came with a piece. */
static enum rc judge_name(struct snapshot_intake *in, struct kv_batch *batch, struct bytes name)
{
    struct store *s = in->store;
    struct rd r = rd_of(name);
    struct bytes value;
    uint8_t table = rd_u8(&r);
    struct bytes key = rd_take(&r, r.left);
    enum rc rc = r.failed
                     ? RC_STORE_DAMAGED
                     : tree_get(s->view, &s->derived.tree, s->options.care, table, key, &value);
    if (rc != RC_NOT_FOUND)
        return rc;
    kv_batch_delete(batch, KV_NAME, name);
    in->names_count--;
    return RC_OK;
}

/* Names up to `names_done` are judged; those left that were added are counted. */
static enum rc clear_names(struct snapshot_intake *in, struct kv_batch *batch, size_t *left)
{
    struct kv_cursor *c;
    struct bytes key, value;
    struct buf last = {0};
    enum rc rc = kv_cursor_open(&c, in->store->view, KV_NAME);
    if (rc != RC_OK)
        return rc;
    rc = kv_cursor_seek(c, buf_bytes(&in->names_done), &key, &value);
    while (rc == RC_OK && in->names_count > 0 && *left > 0) {
        rc = judge_name(in, batch, key);
        if (rc != RC_OK)
            break;
        --*left;
        buf_clear(&last);
        buf_add_bytes(&last, key);
        buf_add_u8(&last, 0); /* what follows it is the least that is above */
        rc = kv_cursor_next(c, &key, &value);
    }
    kv_cursor_close(c);
    if (last.size > 0) {
        buf_clear(&in->names_done);
        buf_add_bytes(&in->names_done, buf_bytes(&last));
    }
    buf_free(&last);
    if (rc != RC_NOT_FOUND)
        return rc;
    return in->names_count == 0 ? RC_OK : RC_STORE_DAMAGED; /* they were counted when they came */
}

enum rc snapshot_intake_undo(struct snapshot_intake *in, struct kv_batch *batch, bool *is_done,
                             struct why *why)
{
    size_t left = SNAPSHOT_CLEAR_KEYS_MAX;
    CHECK(in->is_abandoned);
    *is_done = false;
    enum rc rc = kv_view_renew(in->store->view, why);
    if (rc == RC_OK)
        rc = snapshot_intake_clear_kept(in, batch, &left);
    if (rc == RC_OK)
        rc = clear_names(in, batch, &left);
    if (rc != RC_OK)
        return why_set(why, rc, "the snapshot that is given up cannot be cleared away: %s",
                       rc_text(rc));
    *is_done = in->names_count == 0 && left > 0;
    if (*is_done) {
        snapshot_intake_delete(batch);
        in->store->intake = (struct store_intake){.is_open = false};
    } else {
        snapshot_intake_put(in, batch);
    }
    return RC_OK;
}
