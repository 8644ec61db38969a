/* Flushing: state tree and indexes go to the kv together with their height, many blocks at once.
 *
 * Keys of the tree and of most indexes are spread evenly, so each changed key costs about a page of
 * its own; flushing thousands together lets the upper levels and the commit's two syncs be shared
 * (figures: tests/bench). The layer's limit bounds both the memory and the time of one flush; with
 * the default of 32 MiB, some 50,000 transfers, it stays far below LMDB's limit of 131,071 dirty
 * pages in one transaction (pitfalls J4). */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/store_impl.h"

/* About as many as a full layer's flush replaces, so that dropping keeps pace; what is left waits
 * for the next flush instead of holding up this one. */
enum { STALE_NODES_PER_FLUSH = 131072 };

/* Put the layer's index entries into the batch, and collect its state entries. */
static struct tree_change *collect(struct store *s, struct store_derived *derived, size_t *count)
{
    size_t log_count = layer_log_count(s->layer);
    struct tree_change *changes = mem_resize(NULL, log_count * sizeof *changes);
    *count = 0;
    for (size_t i = 0; i < log_count; i++) {
        struct layer_entry e;
        if (!layer_log_at(s->layer, i, &e))
            continue;
        if (!e.is_index) {
            changes[(*count)++] =
                (struct tree_change){.table = e.table, .key = e.key, .value = e.value};
            continue;
        }
        kv_batch_put(s->batch, (enum kv_table)e.table, e.key, e.value);
        for (uint32_t index = 0; index < STORE_INDEXES_COUNT; index++)
            derived->counts[index] += (uint8_t)store_indexes[index] == e.table;
    }
    return changes;
}

/* Build the flush of everything up to the head on top of `from` (NULL: nothing yet) and commit. */
static enum rc flush(struct store *s, const struct tree_ref *from, struct why *why)
{
    struct store_derived derived = s->derived;
    size_t count;
    struct tree_change *changes = collect(s, &derived, &count);
    derived.flushed_height = s->head.height;
    enum rc rc =
        tree_update(&derived.tree, s->batch, s->view, from, s->head.height, changes, count);
    mem_free(changes);
    if (rc != RC_OK) {
        kv_batch_clear(s->batch);
        return why_set(why, rc, "the state tree of height %" PRIu64 " cannot be updated: %s",
                       s->head.height, rc_text(rc));
    }
    store_put_derived(s->batch, &derived);
    rc = store_commit(s, why);
    if (rc != RC_OK)
        return rc;
    s->derived = derived;
    layer_clear(s->layer);
    return RC_OK;
}

/* Trees of the last two checkpoint heights stay whole; what only older ones used goes. */
static enum rc drop_stale(struct store *s, struct why *why)
{
    uint64_t every = s->identity.checkpoint_every_heights;
    uint64_t last = s->derived.flushed_height / every * every;
    if (last < 2 * every)
        return RC_OK;
    size_t dropped;
    enum rc rc = tree_drop_stale(s->batch, s->view, last - every, STALE_NODES_PER_FLUSH, &dropped);
    if (rc == RC_OK && dropped > 0)
        return store_commit(s, why);
    kv_batch_clear(s->batch);
    return rc == RC_OK ? RC_OK : why_set(why, rc, "stale nodes of the tree cannot be dropped");
}

enum rc store_flush_initial(struct store *s, struct why *why)
{
    CHECK(s->head.height == 0);
    return flush(s, NULL, why);
}

enum rc store_flush(struct store *s, struct why *why)
{
    if (s->derived.flushed_height == s->head.height)
        return RC_OK;
    struct tree_ref from = s->derived.tree;
    enum rc rc = flush(s, &from, why);
    return rc == RC_OK ? drop_stale(s, why) : rc;
}

enum rc store_flush_if_due(struct store *s, struct why *why)
{
    bool is_checkpoint = s->head.height % s->identity.checkpoint_every_heights == 0;
    if (!is_checkpoint && layer_bytes(s->layer) < s->options.layer_bytes_max)
        return RC_OK;
    return store_flush(s, why);
}
