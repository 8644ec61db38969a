/* What is told of views (log, STATUS, metrics): which were left, for what, and which were
 * installed. Counted at each step, since between two looks from outside several may come and go. */
#include "node/driver/driver_impl.h"

/* The core speaks of a view that it entered in this very step, so what is said of why comes with
 * the acts that follow. */
void driver_views_note(struct driver *d, const struct pbft_view_of *now)
{
    struct driver_views *v = &d->views;
    bool is_installed = now->mode == PBFT_NORMAL && now->is_installed;
    bool is_other = now->view != d->view;
    if (!d->is_view_known) { /* the first step: where this driver begins */
        d->is_view_known = true;
        d->view_mode = now->mode;
        v->since_ms = d->time.now_ms;
        return;
    }
    if (is_other) {
        v->left_count++;
        v->left_view = d->view;
        v->left_ms = d->time.now_ms;
        v->left_for = PBFT_REASON_NONE;
    }
    if (is_installed && (is_other || !d->is_view_installed)) {
        v->installed_count++;
        v->installed_ms = d->time.now_ms;
    }
    if (is_other || now->mode != d->view_mode)
        v->since_ms = d->time.now_ms;
    d->view_mode = now->mode;
}

/* The reason that most give; liars are fewer than the rest, so it is no invention of theirs. Of two
 * that are given as often, the lower one. */
static enum pbft_reason reason_of(const struct pbft_lc *lc)
{
    uint32_t counts[PBFT_REASON_END] = {0};
    enum pbft_reason most = PBFT_REASON_NONE;
    for (uint32_t i = 0; i < lc->entries_count; i++)
        counts[lc->entries[i].reason]++;
    for (int reason = PBFT_REASON_NONE + 1; reason < PBFT_REASON_END; reason++)
        if (counts[reason] > counts[most])
            most = (enum pbft_reason)reason;
    return most;
}

/* An own complaint that is sent again has the view and reason of the first. */
static void note_complaint(struct driver_views *v, const struct pbft_complain *c)
{
    if (v->complaint_reason != PBFT_REASON_NONE && v->complaint_view == c->view)
        return;
    v->complaints[c->reason]++;
    v->complaint_view = c->view;
    v->complaint_reason = c->reason;
}

/* A replica that was led into a view by a certificate has no LC of its own; the NEW-VIEW brings
 * those of q others. */
void driver_views_note_act(struct driver *d, const struct pbft_act *act)
{
    struct driver_views *v = &d->views;
    if (act->type == PBFT_SEND_COMPLAIN)
        note_complaint(v, &act->complain);
    if (act->type == PBFT_WRITE_VIEW_CHANGE && v->left_for == PBFT_REASON_NONE)
        v->left_for = reason_of(&act->view_change->lc);
    if (act->type == PBFT_WRITE_NEW_VIEW && v->left_for == PBFT_REASON_NONE)
        v->left_for = reason_of(&act->new_view->entries[0].view_change.lc);
}
