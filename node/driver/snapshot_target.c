/* Which state is taken (9.3): one that is to be had. Who aimed at one that is not takes a newer one
 * or, where the own state can be gone on with, none. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"
#include "node/driver/records.h"

enum {
    /* Who says so often in a row that it has nothing of the target, with no piece of anybody in
     * between, has none: peers keep the trees of two checkpoints. Its header they have for ever, so
     * with that it is the network that takes so long, and what counts is how often each of the
     * others was asked since the last piece. */
    ABSENT_ROUNDS = 2,
    HEADER_ROUNDS = 16
};

struct snapshot_target snapshot_target_of(const struct certificate *c)
{
    return (struct snapshot_target){.height = c->statement.height,
                                    .digest = c->statement.digest,
                                    .root = c->statement.state_root};
}

/* It cannot be: ranges have to do or, where the state is not to be believed anyway, a newer one. */
void driver_snapshot_refuse(struct driver *d)
{
    struct pbft_event e = {.type = PBFT_EVENT_SNAPSHOT_REFUSED, .now_ms = d->time.now_ms};
    d->snapshot.is_wanted = false;
    d->snapshot.refused_count++;
    if (!d->is_diverged)
        driver_step(d, &e);
}

static bool is_newer_wanted(const struct driver_snapshot *s)
{
    return s->is_wanted && s->wanted.statement.height > snapshot_intake_target(s->intake).height;
}

/* So many have said of late that they have it not that one of them is correct, by peer:
 * whatever one says, and however often, throws nothing away. No more than that, since the f others
 * may be silent for ever. Silence says nothing: it may be my network. */
static bool is_nobodys(const struct driver *d)
{
    uint32_t n = d->verify_config.members.members_count, count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += d->snapshot.asked[i].absences_count >= ABSENT_ROUNDS;
    return count >= n - 1 - faulty_max_of(n);
}

/* Peers keep the trees of two checkpoints, so an older one is not to be had for ever. While pieces
 * of it come it is gone on with: what is here already need not come again. */
void driver_snapshot_retarget(struct driver *d)
{
    struct driver_snapshot *s = &d->snapshot;
    struct snapshot_target target = snapshot_target_of(&s->wanted);
    uint32_t others = d->verify_config.members.members_count - 1;
    bool is_gone = is_nobodys(d) || s->header_asks_count >= HEADER_ROUNDS * others;
    if (!is_gone || !is_newer_wanted(s) || !driver_snapshot_is_settled(d))
        return;
    snapshot_intake_retarget(s->intake, driver_turn(d)->batch, &target);
    s->certificate = s->wanted;
    s->is_wanted = s->has_header = s->has_cover = false;
    s->header_asks_count = 0;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        s->asked[i].is_asked = false;
        s->asked[i].absences_count = 0;
        if (!s->asked[i].is_liar) /* it may have the new one */
            s->asked[i].put_off_until_ms = 0;
    }
    records_put_snapshot(driver_turn(d)->batch, &s->certificate);
}

/* Blocks do as well, if slower, where the own state can be gone on with. */
void driver_snapshot_abandon(struct driver *d)
{
    struct driver_snapshot *s = &d->snapshot;
    if (is_newer_wanted(s) || d->is_diverged || !is_nobodys(d) || !driver_snapshot_is_settled(d))
        return;
    s->is_wanted = false; /* until the core asks for another */
    snapshot_intake_abandon(s->intake, driver_turn(d)->batch);
}

/* The own state is damaged, so it is none to go on with: every start would end here again. It is
 * not theirs (8.2), and goes; once that is known, the same target is aimed at again, until a newer
 * one is certified. */
static void undo_failed(struct driver *d, enum rc rc, const struct why *why)
{
    struct driver_snapshot *s = &d->snapshot;
    struct kv_batch *batch = driver_turn(d)->batch;
    struct why refused = {{0}};
    if (rc != RC_STORE_DAMAGED) {
        driver_fail(d, rc, why);
        return;
    }
    if (!d->was_diverged) {
        driver_diverge_taking(d, why);
        return;
    }
    (void)driver_note_damage(d, rc, why);
    kv_batch_clear(batch); /* of the step that failed; there was nothing else in it */
    rc = snapshot_intake_begin_again(s->intake, batch, true, &refused);
    if (rc != RC_OK)
        driver_fail(d, rc, &refused);
}

/* Until nothing of it is left; then a newer one may be wanted by now. */
void driver_snapshot_undo(struct driver *d)
{
    struct driver_snapshot *s = &d->snapshot;
    struct why why = {{0}};
    bool is_done = false;
    if (!driver_snapshot_is_settled(d))
        return;
    enum rc rc = snapshot_intake_undo(s->intake, driver_turn(d)->batch, &is_done, &why);
    if (rc != RC_OK) {
        undo_failed(d, rc, &why);
        return;
    }
    if (!is_done)
        return;
    if (!d->is_diverged) /* that it has is not forgotten with it */
        records_drop_snapshot(driver_turn(d)->batch);
    snapshot_intake_close(s->intake);
    s->intake = NULL;
    s->has_header = s->has_cover = false;
    s->header_asks_count = 0;
    memset(s->asked, 0, sizeof s->asked);
    if (!s->is_wanted)
        driver_snapshot_refuse(d);
}
