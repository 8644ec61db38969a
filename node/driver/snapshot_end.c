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

/* What was taken has to be all there, and the own state to have had no name that it has not: else
 * that was none of this chain's, and goes first (8.2). Returns whether it can be stood on. */
static bool judge_taken(struct driver *d)
{
    struct snapshot_intake *in = d->snapshot.intake;
    struct why why = {{0}}, refused = {{0}};
    enum rc rc = snapshot_intake_judge_taken(in, &why);
    if (rc == RC_OK)
        return true;
    if (rc == RC_INVALID && !d->was_diverged) {
        driver_diverge_taking(d, &why);
        return false;
    }
    bool is_to_go = rc == RC_INVALID && store_has_state(d->store);
    if (is_to_go || rc == RC_STORE_DAMAGED) {
        (void)driver_note_damage(d, RC_STORE_DAMAGED, &why);
        rc = snapshot_intake_begin_again(in, driver_turn(d)->batch, is_to_go, &refused);
    }
    if (rc != RC_OK)
        driver_fail(d, rc, rc == RC_REFUSED ? &refused : &why);
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
