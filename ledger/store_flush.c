/* Flushing: state tree and indexes go to the kv together with their height, many blocks at once.
 *
 * Keys of the tree and of most indexes are spread evenly, so each changed key costs about a page of
 * its own; flushing thousands together lets the upper levels and the commit's two syncs be shared
 * (figures: tests/bench). The layer's limit bounds both the memory and the time of one flush; with
 * the default of 32 MiB, some 50,000 transfers, it stays far below LMDB's limit of 131,071 dirty
 * pages in one transaction (pitfalls J4).
 *
 * What is due is set aside first (frozen), so that appending may go on before it is durable. Every
 * checkpoint height is frozen, and so flushed, by itself: or its tree would never have existed. */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/store_impl.h"

/* About as many as a full layer's flush replaces, so that dropping keeps pace; what is left waits
 * for the next flush instead of holding up this one. */
enum { STALE_NODES_PER_FLUSH = 131072 };

/* ---- setting aside ---- */

/* Everything up to here is flushed or set aside. */
static uint64_t frozen_height(const struct store *s)
{
    return s->newest != NULL ? s->newest->height : s->derived.flushed_height;
}

/* Move what the layer holds below it. */
static void freeze(struct store *s)
{
    struct store_frozen *f = mem_alloc(sizeof *f);
    *f = (struct store_frozen){.layer = layer_new(s->layer, NULL), .height = s->head.height};
    layer_move(f->layer, s->layer);
    layer_set_parent(f->layer, s->newest != NULL ? s->newest->layer : NULL);
    layer_set_parent(s->layer, f->layer);
    if (s->newest != NULL)
        s->newest->newer = f;
    else
        s->oldest = f;
    s->newest = f;
    s->frozen_count++;
}

void store_freeze_if_due(struct store *s)
{
    bool is_checkpoint = s->head.height % s->identity.checkpoint_every_heights == 0;
    bool is_due = is_checkpoint || layer_bytes(s->layer) >= s->options.layer_bytes_max;
    if (is_due && s->head.height > frozen_height(s))
        freeze(s);
}

void store_end_flush(struct store *s)
{
    struct store_frozen *f = s->oldest;
    s->derived = s->staged;
    s->is_flush_staged = false;
    s->oldest = f->newer;
    if (s->oldest == NULL)
        s->newest = NULL;
    s->frozen_count--;
    layer_set_parent(s->oldest != NULL ? s->oldest->layer : s->layer, NULL);
    layer_free(f->layer);
    mem_free(f);
}

/* ---- into a batch ---- */

/* Put the layer's index entries into the batch, and collect its state entries. */
static struct tree_change *collect(struct kv_batch *batch, const struct layer *layer,
                                   struct store_derived *derived, size_t *count)
{
    size_t log_count = layer_log_count(layer);
    struct tree_change *changes = mem_resize(NULL, log_count * sizeof *changes);
    *count = 0;
    for (size_t i = 0; i < log_count; i++) {
        struct layer_entry e;
        if (!layer_log_at(layer, i, &e))
            continue;
        if (!e.is_index) {
            changes[(*count)++] =
                (struct tree_change){.table = e.table, .key = e.key, .value = e.value};
            continue;
        }
        kv_batch_put(batch, (enum kv_table)e.table, e.key, e.value);
        for (uint32_t index = 0; index < STORE_INDEXES_COUNT; index++)
            derived->counts[index] += (uint8_t)store_indexes[index] == e.table;
    }
    return changes;
}

/* Stage what this layer makes of `from` (NULL: of nothing). On failure the batch is useless. */
static enum rc stage_derived(struct store *s, struct kv_batch *batch, const struct layer *layer,
                             uint64_t height, const struct tree_ref *from, struct why *why)
{
    size_t count;
    s->staged = s->derived;
    s->staged.flushed_height = height;
    struct tree_change *changes = collect(batch, layer, &s->staged, &count);
    enum rc rc = tree_update(&s->staged.tree, batch, s->view, from, height, changes, count);
    mem_free(changes);
    if (rc != RC_OK)
        return why_set(why, rc, "the state tree of height %" PRIu64 " cannot be updated: %s",
                       height, rc_text(rc));
    store_put_derived(batch, &s->staged);
    return RC_OK;
}

static enum rc stage_oldest(struct store *s, struct kv_batch *batch, struct why *why)
{
    struct tree_ref from = s->derived.tree;
    return stage_derived(s, batch, s->oldest->layer, s->oldest->height, &from, why);
}

/* Once this height is flushed: trees of the last two checkpoint heights stay whole; what only older
 * ones used goes. This may stand in the batch of that flush itself: what is dropped was replaced at
 * the older of the two heights or below, and the flush that came last before this one was not below
 * that height, so neither it nor this one, which grows from it, uses any of it. */
static enum rc stage_drop(struct store *s, struct kv_batch *batch, uint64_t flushed_height,
                          struct why *why)
{
    uint64_t every = s->identity.checkpoint_every_heights;
    uint64_t last = flushed_height / every * every;
    size_t dropped;
    if (last < 2 * every)
        return RC_OK;
    enum rc rc = tree_drop_stale(batch, s->view, last - every, STALE_NODES_PER_FLUSH, &dropped);
    return rc == RC_OK ? RC_OK : why_set(why, rc, "stale nodes of the tree cannot be dropped");
}

enum rc store_stage_flush(struct store *s, struct kv_batch *batch, bool *staged, struct why *why)
{
    *staged = false;
    if (s->oldest == NULL || s->is_flush_staged)
        return RC_OK;
    enum rc rc = stage_oldest(s, batch, why);
    if (rc == RC_OK)
        rc = stage_drop(s, batch, s->oldest->height, why);
    if (rc != RC_OK)
        return rc;
    *staged = s->is_flush_staged = true;
    return RC_OK;
}

/* ---- by commits of one's own ---- */

/* What was staged into the store's own batch. */
static enum rc commit_staged(struct store *s, enum rc staging, struct why *why)
{
    if (staging == RC_OK && kv_batch_count(s->batch) > 0)
        return store_commit(s, why);
    kv_batch_clear(s->batch);
    return staging;
}

enum rc store_flush_initial(struct store *s, struct why *why)
{
    CHECK(s->head.height == 0);
    return commit_staged(s, stage_derived(s, s->batch, s->layer, 0, NULL, why), why);
}

enum rc store_flush_due(struct store *s, struct why *why)
{
    while (s->oldest != NULL) {
        enum rc rc = commit_staged(s, stage_oldest(s, s->batch, why), why);
        if (rc != RC_OK)
            return rc;
        store_end_flush(s);
        rc = commit_staged(s, stage_drop(s, s->batch, s->derived.flushed_height, why), why);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

enum rc store_flush(struct store *s, struct why *why)
{
    store_check_settled(s);
    if (s->head.height > frozen_height(s))
        freeze(s);
    return store_flush_due(s, why);
}
