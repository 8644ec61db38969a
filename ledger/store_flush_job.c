/* A flush that is computed beside all else: taken out of the store, computed on any thread, and put
 * into somebody's batch. */
#include "crypto/base/check.h"
#include "ledger/store_impl.h"

bool store_flush_is_due(const struct store *s)
{
    return s->oldest != NULL && s->job == NULL && !s->is_flush_staged;
}

struct store_flush_job *store_flush_begin(struct store *s)
{
    struct store_kept kept = s->kept;
    if (!store_flush_is_due(s))
        return NULL;
    const struct store_frozen *f = s->oldest;
    if (f->is_told)
        (void)store_kept_add(&kept, f->height);
    struct store_flush_job *job = mem_alloc(sizeof *job);
    job->store = s;
    job->layer = f->layer;
    job->height = f->height;
    job->from = s->derived;
    job->oldest_kept = store_oldest_tree(s, &kept);
    job->batch = kv_batch_new();
    s->job = job;
    return job;
}

/* Commits go on meanwhile, but no flush: whenever the view is opened, it shows the tree of the one
 * before. */
void store_flush_compute(struct store_flush_job *job)
{
    struct kv_view *v;
    CHECK(!job->is_computed);
    job->rc = kv_view_open(&v, store_kv(job->store), &job->why);
    if (job->rc == RC_OK) {
        job->rc = store_derive(&job->derived, job->batch, v, job->layer, job->height, &job->from,
                               &job->why);
        if (job->rc == RC_OK)
            job->rc = store_drop(job->batch, v, job->oldest_kept, &job->why);
        kv_view_close(v);
    }
    job->is_computed = true;
}

void store_flush_abandon(struct store_flush_job *job)
{
    if (job == NULL)
        return;
    CHECK(job->store->job == job);
    job->store->job = NULL;
    kv_batch_free(job->batch);
    mem_free(job);
}

enum rc store_stage_flush(struct store *s, struct kv_batch *batch, struct store_flush_job *job,
                          struct why *why)
{
    CHECK(s->job == job);
    CHECK(job->is_computed);
    CHECK(!s->is_flush_staged);
    enum rc rc = job->rc;
    if (rc == RC_OK) {
        kv_batch_append(batch, job->batch);
        store_take_flush(s, batch, &job->derived);
    } else {
        *why = job->why;
    }
    store_flush_abandon(job);
    return rc;
}
