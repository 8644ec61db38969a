/* The end of taking a state (9.3): what was taken is judged once more as a whole, and one batch
 * makes the store stand on it. */
#include "node/driver/driver_impl.h"
#include "node/driver/records.h"

/* What I signed below it is past, as when heights are committed. */
static void drop_votes(struct driver *d, uint64_t height)
{
    uint64_t from = store_head(d->store)->height + 1;
    uint64_t end = from + 2 * d->parameters.window_heights; /* no vote of mine is there or above */
    for (uint64_t at = from; at <= height && at <= end; at++)
        records_drop_below(driver_turn(d)->batch, at);
}

/* The same target once more, all of it. */
static void begin_again(struct driver *d, bool discards, const struct why *why)
{
    struct why refused = {{0}};
    (void)driver_note_damage(d, RC_STORE_DAMAGED, why);
    enum rc rc =
        snapshot_intake_begin_again(d->snapshot.intake, driver_turn(d)->batch, discards, &refused);
    if (rc != RC_OK)
        driver_fail(d, rc, &refused);
}

void driver_snapshot_discard(struct driver *d, const struct why *why)
{
    if (d->was_diverged)
        begin_again(d, true, why);
    else
        driver_diverge_taking(d, why);
}

/* What was taken has to be all there, and the own state to have had no name that it has not: else
 * that was none of this chain's, and goes first (8.2). Where it is gone already, what was taken has
 * rotted. Returns whether it can be stood on. */
static bool judge_taken(struct driver *d)
{
    struct why why = {{0}};
    enum rc rc = snapshot_intake_judge_taken(d->snapshot.intake, &why);
    if (rc == RC_OK)
        return true;
    if (rc == RC_INVALID)
        driver_snapshot_discard(d, &why);
    else if (rc == RC_STORE_DAMAGED)
        begin_again(d, false, &why);
    else
        driver_fail(d, rc, &why);
    return false;
}

/* One batch makes the store stand there; what is above in it, of my votes' chain, is judged before.
 */
void driver_snapshot_finish(struct driver *d)
{
    if (!judge_taken(d))
        return;
    struct driver_snapshot *s = &d->snapshot;
    struct kv_batch *batch = driver_turn(d)->batch;
    struct why why = {{0}};
    struct pbft_event e = {.type = PBFT_EVENT_SNAPSHOT_TAKEN,
                           .now_ms = d->time.now_ms,
                           .snapshot = {.height = s->header.height,
                                        .digest = s->certificate.statement.digest,
                                        .parent = s->header.parent}};
    drop_votes(d, s->header.height);
    driver_step(d, &e);
    if (d->failure != RC_OK)
        return;
    enum rc rc =
        store_stage_snapshot(d->store, batch, s->intake, &s->header, &s->certificate, &why);
    if (rc != RC_OK) {
        driver_fail(d, rc, &why);
        return;
    }
    records_drop_snapshot(batch);
    if (s->has_cover)
        records_put(batch, &(struct pbft_act){.type = PBFT_WRITE_COVER, .certificate = &s->cover},
                    d->config.own_index);
    s->is_finishing = true;
}
