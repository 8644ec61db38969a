/* What a flush writes: the state tree and the indexes of its height, made of those of the flush
 * before and of one layer. Nothing of the store is read or written here, so that it may be done on
 * any thread. */
#include <inttypes.h>

#include "ledger/store_impl.h"

/* About as many as a full layer's flush replaces, so that dropping keeps pace; what is left waits
 * for the next flush instead of holding up this one. */
enum { STALE_NODES_PER_FLUSH = 131072 };

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

enum rc store_derive(struct store_derived *out, struct kv_batch *batch, struct kv_view *v,
                     const struct layer *layer, uint64_t height, const struct store_derived *from,
                     struct why *why)
{
    size_t count;
    *out = from != NULL ? *from : (struct store_derived){0};
    out->flushed_height = height;
    struct tree_change *changes = collect(batch, layer, out, &count);
    enum rc rc = tree_update(&out->tree, batch, v, from != NULL ? &from->tree : NULL, height,
                             changes, count);
    mem_free(changes);
    if (rc != RC_OK)
        return why_set(why, rc, "the state tree of height %" PRIu64 " cannot be updated: %s",
                       height, rc_text(rc));
    store_put_derived(batch, out);
    return RC_OK;
}

/* This may stand in the batch of a flush itself, with the oldest height whose tree is kept once it
 * is durable: what is dropped was replaced at that height or below, and the flush that came
 * last before this one was not below it, so neither it nor this one, which grows from it, uses any
 * of it. */
enum rc store_drop(struct kv_batch *batch, struct kv_view *v, uint64_t oldest_kept, struct why *why)
{
    size_t dropped;
    enum rc rc = tree_drop_stale(batch, v, oldest_kept, STALE_NODES_PER_FLUSH, &dropped);
    return rc == RC_OK
               ? RC_OK
               : why_set(why, rc, "stale nodes of the tree cannot be dropped: %s", rc_text(rc));
}
