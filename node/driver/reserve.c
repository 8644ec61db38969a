/* Rule 4.2: the reservation, in the store and in the marker beside the key.
 *
 * Before anything leaves that this key signed above what the marker holds, the reservation goes
 * into the batch of that turn, and when that is durable into the marker (turn.c). So the marker is
 * never above the store that this key votes from, and never below what it has signed. A store that
 * is put back, or swapped for another, is below the marker: it must not vote again. */
#include "node/driver/driver_impl.h"
#include "node/driver/records.h"

enum rc driver_reserve_load(struct driver *d, struct why *why)
{
    const struct driver_marker *m = &d->config.marker;
    enum rc rc = records_load_reserved(store_view(d->store), &d->reserved, why);
    if (rc != RC_OK)
        return rc;
    d->marked = m->held;
    d->is_fenced =
        d->config.is_fenced || (m->raise != NULL && pbft_rank_compare(&m->held, &d->reserved) > 0);
    return RC_OK;
}

/* What an act signs, or lets be signed; false for acts that sign nothing. */
static bool rank_of(const struct driver *d, const struct pbft_act *act, struct pbft_rank *out)
{
    switch (act->type) {
    case PBFT_WRITE_VOTE:
    case PBFT_SEND_VOTE:
        if (act->vote.statement.kind == CERT_CHECKPOINT)
            return false; /* of what is committed: it can contradict nothing */
        *out = (struct pbft_rank){.epoch = act->vote.statement.epoch,
                                  .view = act->vote.statement.view,
                                  .height = act->vote.statement.height};
        return true;
    case PBFT_WRITE_PRE_PREPARE:
    case PBFT_SEND_PRE_PREPARE:
        *out = (struct pbft_rank){.epoch = act->pre_prepare.epoch,
                                  .view = act->pre_prepare.view,
                                  .height = act->block.height};
        return true;
    case PBFT_SEND_VIEW_CHANGE: /* again, after a start */
        *out = (struct pbft_rank){.epoch = act->view_change->epoch, .view = act->view_change->view};
        return true;
    case PBFT_SEND_NEW_VIEW:
        *out = (struct pbft_rank){.epoch = act->new_view->epoch, .view = act->new_view->view};
        return act->new_view_from == d->config.own_index;
    case PBFT_WRITE_STATE: /* a new view, in which no vote may have been cast yet */
        /* with room for those that follow: they begin above the head */
        *out = (struct pbft_rank){.epoch = d->verify_config.epoch,
                                  .view = act->state.view,
                                  .height = store_head(d->store)->height};
        return true;
    default:
        return false;
    }
}

void driver_reserve(struct driver *d, const struct pbft_act *act)
{
    struct pbft_rank rank;
    if (d->config.marker.raise == NULL || d->is_fenced || !rank_of(d, act, &rank) ||
        pbft_rank_compare(&rank, &d->marked) <= 0)
        return;
    struct driver_turn *t = driver_turn(d);
    if (pbft_rank_compare(&rank, &d->reserved) > 0) {
        d->reserved = rank;
        d->reserved.height =
            (rank.height / d->config.reserved_heights + 1) * d->config.reserved_heights;
        records_put_reserved(t->batch, &d->reserved);
    }
    d->marked = t->reserved = d->reserved;
    t->is_above_marker = true;
}
