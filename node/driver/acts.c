/* What the core decides, one act after the other, into the turn that fills: writes into its batch,
 * outputs into its list, questions to whoever answers them. What becomes of the turn is turn.c's.
 */
#include <string.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"
#include "node/driver/records.h"

/* The last STATUS says all that an earlier one of the same turn would. */
static void take_status(struct driver *d, const struct pbft_act *act)
{
    struct driver_turn *t = driver_turn(d);
    size_t at = t->bytes.size;
    bool is_message = driver_encode(d, &t->bytes, act);
    CHECK(is_message);
    if (t->status_at == 0) {
        struct driver_output *o = driver_add_output(d, OUTPUT_MESSAGE);
        *o = (struct driver_output){
            .type = OUTPUT_MESSAGE, .to = act->to, .at = at, .size = t->bytes.size - at};
        t->status_at = t->outputs_count;
        return;
    }
    const struct driver_output *o = &t->outputs[t->status_at - 1];
    CHECK(o->size == t->bytes.size - at); /* its encoding has one size */
    memcpy(t->bytes.data + o->at, t->bytes.data + at, o->size);
    t->bytes.size = at;
}

/* By the act that made it: FETCH, certificates and ranges speak for others, or ask. */
static bool is_own_word(const struct driver *d, const struct pbft_act *act)
{
    return act->type == PBFT_SEND_VOTE || act->type == PBFT_SEND_PRE_PREPARE ||
           act->type == PBFT_SEND_COMPLAIN || act->type == PBFT_SEND_VIEW_CHANGE ||
           (act->type == PBFT_SEND_NEW_VIEW && act->new_view_from == d->config.own_index);
}

static void take_send(struct driver *d, const struct pbft_act *act)
{
    struct driver_turn *t = driver_turn(d);
    if (!driver_has_room(d)) {
        d->output_drops++;
        return;
    }
    t->messages_count++;
    size_t at = t->bytes.size;
    if (driver_encode(d, &t->bytes, act)) {
        struct driver_output *o = driver_add_output(d, OUTPUT_MESSAGE);
        o->is_own_word = is_own_word(d, act);
        o->to = act->to;
        o->at = at;
        o->size = t->bytes.size - at;
        return;
    }
    struct driver_output *o = driver_add_output(d, OUTPUT_BODY);
    o->is_own_word = is_own_word(d, act);
    o->to = act->to;
    o->act = *act;
}

void driver_strip_proposal(const struct driver *d, struct pbft_act *act)
{
    if (act->type == PBFT_SEND_BLOCK && act->pre_prepare_from == d->config.own_index)
        act->has_pre_prepare = false;
}

/* Keep what a turn has to tell but for votes and PRE-PREPAREs of mine. */
static void withdraw_from(const struct driver *d, struct driver_turn *t)
{
    size_t kept = 0, status_at = 0;
    for (size_t i = 0; i < t->outputs_count; i++) {
        struct driver_output *o = &t->outputs[i];
        if (o->is_own_word) {
            t->messages_count--;
            continue;
        }
        if (o->type == OUTPUT_BODY)
            driver_strip_proposal(d, &o->act);
        t->outputs[kept++] = *o;
        if (t->status_at == i + 1)
            status_at = kept;
    }
    t->outputs_count = kept;
    t->status_at = status_at;
}

/* From here on this key votes no more (4.2, 13): neither by what was decided before and waits for
 * the disk, in this turn and in the one under way, or for its turn among answers. */
static void withdraw(struct driver *d)
{
    for (int i = 0; i < 2; i++)
        withdraw_from(d, &d->turns[i]);
    driver_answers_withdraw(d);
}

static void note_divergence(struct driver *d, const struct pbft_act *act)
{
    d->divergence =
        (struct driver_divergence){.height = act->root.height,
                                   .root = act->root.root,
                                   .certified_root = act->certificate->statement.state_root};
}

void driver_take_act(struct driver *d, const struct pbft_act *act)
{
    driver_reserve(d, act);
    driver_views_note_act(d, act);
    switch (act->type) {
    case PBFT_WRITE_BLOCK:
        driver_stage_block(d, &act->block);
        break;
    case PBFT_WRITE_COMMIT:
        driver_commit(d, act);
        break;
    case PBFT_WRITE_STATE:
    case PBFT_WRITE_VOTE:
    case PBFT_WRITE_PRE_PREPARE:
    case PBFT_WRITE_HIGH:
    case PBFT_WRITE_COVER:
    case PBFT_WRITE_VIEW_CHANGE:
    case PBFT_WRITE_NEW_VIEW:
        records_put(driver_turn(d)->batch, act, d->config.own_index);
        break;
    case PBFT_DIVERGED:
        d->is_diverged = driver_turn(d)->is_diverging = true;
        note_divergence(d, act);
        withdraw(d);
        records_put(driver_turn(d)->batch, act, d->config.own_index);
        break;
    case PBFT_WRITE_CHECKPOINT:
        driver_stage_checkpoint(d, act->certificate);
        break;
    case PBFT_WRITE_LEARNER:
    case PBFT_WRITE_ALARM:
        withdraw(d);
        records_put(driver_turn(d)->batch, act, d->config.own_index);
        break;
    case PBFT_WRITE_EVIDENCE:
        records_put_evidence(driver_turn(d)->batch, act->evidence);
        break;
    case PBFT_SEND_VOTE:
    case PBFT_SEND_PRE_PREPARE:
    case PBFT_SEND_FETCH:
    case PBFT_SEND_QC:
    case PBFT_SEND_RANGE:
    case PBFT_SEND_BLOCK:
    case PBFT_SEND_COMPLAIN:
    case PBFT_SEND_VIEW_CHANGE:
    case PBFT_SEND_NEW_VIEW:
    case PBFT_SEND_EVIDENCE:
        take_send(d, act);
        break;
    case PBFT_SEND_STATUS:
        take_status(d, act);
        break;
    case PBFT_ASK_SNAPSHOT:
        driver_snapshot_want(d, act->certificate);
        break;
    case PBFT_ASK_CHECK:
        d->check.is_asked = true;
        d->check.ticket = act->ticket;
        d->check.block = act->block;
        d->check.pre_prepare = act->pre_prepare;
        d->check.pre_prepare_from = act->pre_prepare_from;
        break;
    case PBFT_ASK_BUILD:
        d->is_build_asked = true;
        d->build = act->ticket;
        break;
    case PBFT_ASK_ROOT:
        driver_ask_root(d, act->height);
        break;
    case PBFT_ALARM:
        break; /* durable by WRITE_ALARM; told by driver_look() */
    }
}
