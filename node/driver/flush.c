/* State trees beside the protocol, and checkpoints (8.1): when the flush of a checkpoint height is
 * durable the core is told its root.
 *
 * A flush is computed by the helper while turns go on, and joins the turn that closes next when it
 * is back: one batch makes its height durable, in its order, and what is told of it comes after. */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"

/* ---- flushes ---- */

/* A state that is discarded, or stands beside one that is being taken, is not flushed any more
 * (ledger/store_intake.h). */
static bool is_flushing(const struct driver *d)
{
    return !d->was_diverged && d->snapshot.intake == NULL;
}

/* What a start set aside of a state that is not flushed any more stays so, and nothing is added. */
bool driver_flush_lags(const struct driver *d)
{
    return is_flushing(d) && store_flushes_due(d->store) > DRIVER_FLUSHES_DUE_MAX;
}

void driver_flush_begin(struct driver *d)
{
    bool may_begin = d->failure == RC_OK && is_flushing(d);
    driver_hold_end(d); /* what a flush drops is decided when it begins */
    struct store_flush_job *flush = may_begin ? store_flush_begin(d->store) : NULL;
    if (flush == NULL)
        return;
    struct driver_job *job = driver_job_new(d, JOB_FLUSH, bytes_of(NULL, 0));
    job->flush = flush;
    driver_job_submit(job);
}

bool driver_flush_stage(struct driver *d)
{
    struct driver_job *job = d->flushed;
    struct why why = {{0}};
    if (job == NULL)
        return true;
    enum rc rc = store_stage_flush(d->store, driver_turn(d)->batch, job->flush, &why);
    job->flush = NULL;
    d->flushed = NULL;
    driver_job_free(job);
    if (rc != RC_OK)
        driver_state_failed(d, rc, &why);
    return rc == RC_OK;
}

/* ---- roots ---- */

static bool is_among(const struct store_kept *kept, uint64_t height)
{
    return height == 0 || height == kept->heights[0] || height == kept->heights[1];
}

static void tell_root(struct driver *d, uint64_t height)
{
    struct why why = {{0}};
    struct pbft_event e = {
        .type = PBFT_EVENT_ROOT, .now_ms = d->time.now_ms, .root = {.height = height}};
    enum rc rc = store_get_digest(d->store, height, &e.root.digest, &why);
    if (rc == RC_OK)
        rc = store_get_root(d->store, height, &e.root.root, &why);
    if (driver_note_damage(d, rc, &why) || rc != RC_OK)
        return; /* a checkpoint is not signed on what cannot be read */
    d->root = e.root;
    driver_step(d, &e);
}

void driver_roots_tell(struct driver *d)
{
    const struct store_kept known = d->told_roots, kept = *store_kept(d->store);
    if (!is_flushing(d))
        return;
    d->told_roots = kept; /* before the core may ask for one of them again */
    for (int i = 0; i < 2 && d->failure == RC_OK; i++)
        if (!is_among(&known, kept.heights[i]))
            tell_root(d, kept.heights[i]);
}

void driver_ask_root(struct driver *d, uint64_t height)
{
    store_stage_keep(d->store, driver_turn(d)->batch, height);
    for (int i = 0; i < 2; i++)
        if (d->told_roots.heights[i] == height) /* it is durable: once more */
            d->told_roots.heights[i] = 0;
}

bool driver_flush_has_work(const struct driver *d)
{
    const struct store_kept *kept = store_kept(d->store);
    if (!is_flushing(d))
        return false;
    return store_flush_is_due(d->store) || (d->flushed != NULL && !d->is_committing) ||
           !is_among(&d->told_roots, kept->heights[0]) ||
           !is_among(&d->told_roots, kept->heights[1]);
}

/* ---- certificates ---- */

void driver_stage_checkpoint(struct driver *d, const struct certificate *certificate)
{
    store_stage_checkpoint(d->store, driver_turn(d)->batch, certificate);
}

/* It covers a block of this ledger; which the ledger cannot say where it is damaged. */
static enum rc judge_stable(struct driver *d, const struct certificate *c, struct why *why)
{
    struct digest digest;
    struct why cause = {{0}};
    enum rc rc = driver_judge_record(d, c, "checkpoint", why);
    if (rc != RC_OK)
        return rc;
    rc = store_get_digest(d->store, c->statement.height, &digest, &cause);
    if (driver_note_damage(d, rc, &cause))
        return RC_OK;
    if (rc != RC_OK)
        return why_set(why, rc, "%s", cause.text);
    if (digest_equal(&digest, &c->statement.digest))
        return RC_OK;
    return why_set(why, RC_STORE_DAMAGED,
                   "the CHECKPOINT certificate at height %" PRIu64
                   " is not of the block that the ledger has there",
                   c->statement.height);
}

/* Where one cannot be read an older one does as well: it only keeps more. */
enum rc driver_load_stable(struct driver *d, struct pbft_durable *durable, struct why *why)
{
    struct certificate *c = &durable->stable;
    uint64_t below = store_head(d->store)->height + 1;
    enum rc rc = store_get_stable(d->store, below, c, why);
    while (rc == RC_STORE_DAMAGED && c->statement.height > 0) {
        (void)driver_note_damage(d, rc, why);
        rc = store_get_stable(d->store, c->statement.height, c, why);
    }
    durable->has_stable = rc == RC_OK;
    if (rc == RC_OK)
        return judge_stable(d, c, why);
    *c = (struct certificate){0};
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}
