/* Flushing: state tree and indexes go to the kv together with their height, many blocks at once.
 *
 * Keys of the tree and of most indexes are spread evenly, so each changed key costs about a page of
 * its own; flushing thousands together lets the upper levels and the commit's two syncs be shared
 * (figures: tests/bench). The layer's limit bounds both the memory and the time of one flush; with
 * the default of 32 MiB, some 50,000 transfers, it stays far below LMDB's limit of 131,071 dirty
 * pages in one transaction (pitfalls J4).
 *
 * What is due is set aside first (frozen), so that appending may go on before it is durable. Every
 * checkpoint height is frozen, and so flushed, by itself: or its tree would never have existed.
 * What a flush writes is made in store_derive.c, by the store itself here, or beside it by a job
 * (store_flush_job.c). */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/store_impl.h"

/* ---- setting aside ---- */

/* Everything up to here is flushed or set aside. */
static uint64_t frozen_height(const struct store *s)
{
    return s->newest != NULL ? s->newest->height : s->derived.flushed_height;
}

/* Move what the layer holds below it. Its tree is kept if its height is one that roots are told of.
 */
static void freeze(struct store *s)
{
    struct store_frozen *f = mem_alloc(sizeof *f);
    *f = (struct store_frozen){.layer = layer_new(s->layer, NULL),
                               .height = s->head.height,
                               .is_told =
                                   s->head.height % s->identity.checkpoint_every_heights == 0};
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

void store_freeze_at(struct store *s, uint64_t height)
{
    if (s->head.height == height && height > frozen_height(s))
        freeze(s);
}

void store_take_flush(struct store *s, struct kv_batch *batch, const struct store_derived *derived)
{
    CHECK(derived->flushed_height == s->oldest->height);
    if (s->oldest->is_told && store_kept_add(&s->kept, s->oldest->height))
        store_put_kept(batch, &s->kept);
    s->staged = *derived;
    s->is_flush_staged = true;
}

void store_end_flush(struct store *s)
{
    struct store_frozen *f = s->oldest;
    CHECK(s->job == NULL); /* it would be at this layer */
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
    enum rc rc = store_derive(&s->derived, s->batch, s->view, s->layer, 0, NULL, why);
    return commit_staged(s, rc, why);
}

/* Nothing is taken to be so before its commit: after one that had no room it is all made anew. */
static enum rc flush_oldest(struct store *s, struct why *why)
{
    struct store_derived derived;
    struct store_kept kept = s->kept;
    const struct store_frozen *f = s->oldest;
    enum rc rc = store_derive(&derived, s->batch, s->view, f->layer, f->height, &s->derived, why);
    if (rc == RC_OK)
        store_take_flush(s, s->batch, &derived);
    rc = commit_staged(s, rc, why);
    if (rc == RC_OK) {
        store_end_flush(s);
        s->kept_durable = s->kept;
        return RC_OK;
    }
    s->is_flush_staged = false;
    s->kept = kept;
    return rc;
}

enum rc store_flush_due(struct store *s, struct why *why)
{
    while (s->oldest != NULL) {
        enum rc rc = flush_oldest(s, why);
        if (rc != RC_OK)
            return rc;
        rc = commit_staged(s, store_drop(s->batch, s->view, store_oldest_tree(s, &s->kept), why),
                           why);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

enum rc store_flush(struct store *s, struct why *why)
{
    store_check_settled(s);
    CHECK(!s->intake.is_open);
    store_freeze_at(s, s->head.height);
    return store_flush_due(s, why);
}
