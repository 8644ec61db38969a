#include "tools/hansa/certified.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/hansa/chain_read.h"

/* ---- the root ---- */

static enum rc nothing_below(void *context, uint8_t table, struct bytes key, struct bytes *value)
{
    (void)context;
    (void)table;
    (void)key;
    (void)value;
    return RC_NOT_FOUND;
}

/* The root of the state that a genesis gives, made anew. */
static enum rc genesis_root(struct digest *out, const struct genesis *g, struct why *why)
{
    static const struct layer_base nothing = {.get = nothing_below};
    struct kv *kv = kv_mem_new();
    struct kv_view *view;
    struct tree_ref tree;
    enum rc rc = kv_view_open(&view, kv, why);
    if (rc != RC_OK) {
        kv_close(kv);
        return rc;
    }
    struct layer *l = layer_new(NULL, &nothing);
    state_put_initial(l, &g->initial);
    struct kv_batch *batch = kv_batch_new();
    struct tree_change *changes = mem_alloc(layer_log_count(l) * sizeof *changes);
    size_t count = 0;
    for (size_t i = 0; i < layer_log_count(l); i++) {
        struct layer_entry e;
        if (layer_log_at(l, i, &e) && !e.is_index)
            changes[count++] =
                (struct tree_change){.table = e.table, .key = e.key, .value = e.value};
    }
    rc = tree_update(&tree, batch, view, NULL, 0, changes, count);
    *out = tree.root;
    mem_free(changes);
    kv_batch_free(batch);
    layer_free(l);
    kv_view_close(view);
    kv_close(kv);
    return rc;
}

static enum rc contradicts(struct why *why, const char *what, uint64_t height)
{
    return why_set(why, RC_PROOF,
                   "%s at height %" PRIu64 " is not what the store shows: keep this directory as "
                   "evidence, and run hansa audit on it",
                   what, height);
}

/* Height 0 is vouched for by the chain id itself. */
static enum rc judge_genesis_root(struct certified *out, struct data_dir *d, struct why *why)
{
    struct digest root;
    struct tree_ref tree = store_tree(d->store);
    enum rc rc = genesis_root(&root, &d->genesis, why);
    if (rc != RC_OK)
        return rc;
    if (!digest_equal(&root, &tree.root))
        return contradicts(why, "the state of the genesis", 0);
    out->holds = true;
    return RC_OK;
}

static enum rc get_checkpoint(struct certificate *out, struct data_dir *d, uint64_t height,
                              struct why *why)
{
    uint8_t key[8];
    struct wr w = wr_of(key, sizeof key);
    struct bytes value;
    wr_be64(&w, height);
    enum rc rc = kv_get(store_view(d->store), KV_CHECKPOINT, wr_bytes_of(&w), &value);
    if (rc == RC_NOT_FOUND)
        return rc;
    struct rd r = rd_of(rc == RC_OK ? value : bytes_of(NULL, 0));
    cert_decode(&r, out);
    if (rc == RC_OK && rd_done(&r) && out->statement.kind == CERT_CHECKPOINT &&
        out->statement.height == height)
        return RC_OK;
    return why_set(why, rc == RC_STORE_IO ? rc : RC_STORE_DAMAGED,
                   "the CHECKPOINT certificate at height %" PRIu64 " is damaged", height);
}

static enum rc judge_root(struct certified *out, struct data_dir *d, struct why *why)
{
    struct certificate c;
    struct digest block; /* of which a snapshot has no more at first (PROTOCOL.md 9.3) */
    uint64_t height = store_flushed_height(d->store);
    struct tree_ref tree = store_tree(d->store);
    out->checkpoint_height = height;
    if (height == 0)
        return judge_genesis_root(out, d, why);
    enum rc rc = get_checkpoint(&c, d, height, why);
    if (rc == RC_NOT_FOUND) {
        snprintf(out->reason, sizeof out->reason,
                 "no CHECKPOINT certificate stands at height %" PRIu64 ", where the state was "
                 "last flushed",
                 height);
        return RC_OK;
    }
    if (rc == RC_OK)
        rc = chain_judge_certificate(&d->genesis, &c, why);
    if (rc == RC_OK)
        rc = store_get_digest(d->store, height, &block, why);
    if (rc != RC_OK)
        return rc;
    if (!digest_equal(&c.statement.state_root, &tree.root))
        return contradicts(why, "the state that the members signed", height);
    if (!digest_equal(&c.statement.digest, &block))
        return contradicts(why, "the block that the members signed as a checkpoint", height);
    out->holds = true;
    return RC_OK;
}

/* ---- the blocks above it ---- */

static enum rc judge_head(struct certified *out, struct data_dir *d, struct why *why)
{
    struct certificate c;
    uint64_t height = store_head(d->store)->height;
    if (!out->holds || height == store_flushed_height(d->store))
        return RC_OK;
    struct source source;
    source_of_dir(&source, d);
    enum rc rc = chain_get_certificate(&source, height, &c, why);
    source_close(&source);
    if (rc != RC_NOT_FOUND)
        return rc;
    out->holds = false;
    snprintf(out->reason, sizeof out->reason,
             "no COMMIT certificate covers the newest block, at height %" PRIu64, height);
    return RC_OK;
}

enum rc certified_state(struct certified *out, struct data_dir *d, struct why *why)
{
    *out = (struct certified){.holds = false};
    enum rc rc = judge_root(out, d, why);
    return rc == RC_OK ? judge_head(out, d, why) : rc;
}

/* ---- words ---- */

void certified_print(const struct certified *c)
{
    if (!c->holds)
        cli_line("certified", "no: %s; hansa audit recomputes it", c->reason);
    else if (c->checkpoint_height == 0)
        cli_line("certified", "yes, from the genesis on");
    else
        cli_line("certified", "yes, from the checkpoint at height %" PRIu64 " on",
                 c->checkpoint_height);
}

void certified_to_json(json_t *object, const struct certified *c)
{
    json_object_set_new(object, "certified", json_boolean(c->holds));
    if (!c->holds)
        json_object_set_new(object, "not_certified_because", json_string(c->reason));
}
