#include "ledger/audit_parts.h"

#include <inttypes.h>

#include "crypto/base/check.h"

struct audit_replay {
    struct audit_map *map;
    struct layer_base base; /* the map, for the layer */
    struct layer *layer;
    struct kv *kv;
    struct kv_view *view; /* of the last flush */
    struct kv_batch *batch;
    bool has_tree;
    struct tree_ref tree;
};

static enum rc base_get(void *context, uint8_t table, struct bytes key, struct bytes *value)
{
    struct audit_replay *r = context;
    return audit_map_get(r->map, table, key, value) ? RC_OK : RC_NOT_FOUND;
}

struct audit_replay *audit_replay_new(const struct initial_state *initial)
{
    struct audit_replay *r = mem_alloc(sizeof *r);
    r->map = audit_map_new();
    r->kv = kv_mem_new();
    r->batch = kv_batch_new();
    r->base = (struct layer_base){.get = base_get, .context = r};
    r->layer = layer_new(NULL, &r->base);
    state_put_initial(r->layer, initial);
    return r;
}

struct loading {
    struct audit_replay *replay;
    const struct audit_tick *tick;
    uint64_t entries_count;
};

static enum rc load_entry(void *context, const struct digest *key_hash, uint8_t table,
                          struct bytes key, struct bytes value)
{
    (void)key_hash;
    struct loading *l = context;
    audit_map_put(l->replay->map, table, key, value);
    return ++l->entries_count % 1024 != 0 || audit_tick_ask(l->tick) ? RC_OK : RC_INTERRUPTED;
}

struct audit_replay *audit_replay_new_from(struct kv_view *v, const struct audit_subject *subject,
                                           const struct audit_tick *tick, struct audit_fault *f)
{
    static const struct initial_state nothing;
    struct audit_replay *r = audit_replay_new(&nothing);
    struct loading l = {.replay = r, .tick = tick};
    struct why why = {{0}};
    enum rc rc = tree_walk(v, &subject->start_tree, load_entry, &l, &why);
    if (rc == RC_OK)
        return r;
    audit_fault_set(f, rc, subject->start_height, "state tree: %s",
                    why.text[0] != '\0' ? why.text : rc_text(rc));
    audit_replay_free(r);
    return NULL;
}

void audit_replay_free(struct audit_replay *r)
{
    if (r == NULL)
        return;
    layer_free(r->layer);
    audit_map_free(r->map);
    if (r->view != NULL)
        kv_view_close(r->view);
    kv_batch_free(r->batch);
    kv_close(r->kv);
    mem_free(r);
}

bool audit_replay_apply(struct audit_replay *r, const struct audit_height *h, struct audit_fault *f)
{
    for (uint32_t i = 0; i < h->block.header.tx_count; i++) {
        enum verdict verdict;
        enum rc rc = apply_tx(&verdict, r->layer, &h->txs[i], h->height, i);
        if (rc != RC_OK)
            return audit_fault_set(f, rc, h->height, "transaction %" PRIu32 ": %s", i, rc_text(rc));
        if (verdict != VERDICT_OK)
            return audit_fault_set(f, RC_PROOF, h->height, "transaction %" PRIu32 ": %s: %s", i,
                                   verdict_word(verdict), verdict_text(verdict));
    }
    return true;
}

struct layer *audit_replay_layer(struct audit_replay *r)
{
    return r->layer;
}

void audit_replay_absorb(struct audit_replay *r)
{
    size_t log_count = layer_log_count(r->layer);
    for (size_t i = 0; i < log_count; i++) {
        struct layer_entry entry;
        if (layer_log_at(r->layer, i, &entry) && !entry.is_index)
            audit_map_put(r->map, entry.table, entry.key, entry.value);
    }
    layer_clear(r->layer);
}

static enum rc commit(struct audit_replay *r)
{
    enum rc rc = kv_commit(r->kv, r->batch, NULL);
    kv_batch_clear(r->batch);
    kv_view_close(r->view);
    r->view = NULL;
    return rc == RC_OK ? kv_view_open(&r->view, r->kv, NULL) : rc;
}

/* Nobody asks for older versions of the tree in memory. */
static enum rc drop_stale(struct audit_replay *r)
{
    size_t dropped = 0;
    enum rc rc = tree_drop_stale(r->batch, r->view, r->tree.version, SIZE_MAX, &dropped);
    if (rc != RC_OK || dropped == 0)
        return rc;
    return commit(r);
}

static enum rc flush(struct audit_replay *r, uint64_t height, struct tree_change *changes,
                     size_t changes_count)
{
    enum rc rc = r->view == NULL ? kv_view_open(&r->view, r->kv, NULL) : RC_OK;
    if (rc != RC_OK)
        return rc;
    struct tree_ref next;
    rc = tree_update(&next, r->batch, r->view, r->has_tree ? &r->tree : NULL, height, changes,
                     changes_count);
    if (rc == RC_OK)
        rc = commit(r);
    if (rc != RC_OK)
        return rc;
    r->tree = next;
    r->has_tree = true;
    return drop_stale(r);
}

bool audit_replay_flush(struct audit_replay *r, uint64_t height, struct audit_fault *f)
{
    CHECK(layer_log_count(r->layer) == 0);
    size_t changes_count;
    struct tree_change *changes = audit_map_changes(r->map, &changes_count);
    enum rc rc = RC_OK;
    if (!r->has_tree || changes_count > 0)
        rc = flush(r, height, changes, changes_count);
    mem_free(changes);
    audit_map_settle(r->map);
    return rc == RC_OK || audit_fault_set(f, rc, height, "replayed state: %s", rc_text(rc));
}

const struct tree_ref *audit_replay_tree(const struct audit_replay *r)
{
    CHECK(r->has_tree);
    return &r->tree;
}

struct kv_view *audit_replay_view(struct audit_replay *r)
{
    CHECK(r->view != NULL);
    return r->view;
}
