/* The output list. Its room is computed from the largest thing one event can cause: own votes,
 * bodies and commits for every height of the window. */
#include "crypto/base/check.h"
#include "node/pbft/state.h"

struct pbft_act *pbft_put(struct pbft *p, enum pbft_act_type type)
{
    CHECK(p->acts_count < p->acts_room);
    struct pbft_act *act = &p->acts[p->acts_count++];
    *act = (struct pbft_act){.type = type};
    return act;
}

struct pbft_act *pbft_put_send(struct pbft *p, enum pbft_act_type type, uint32_t to)
{
    CHECK(to == PBFT_TO_ALL || to < p->config.members.members_count);
    CHECK(to != p->config.own_index);
    struct pbft_act *act = pbft_put(p, type);
    act->to = to;
    return act;
}

void pbft_write_state(struct pbft *p)
{
    struct pbft_act *act = pbft_put(p, PBFT_WRITE_STATE);
    act->state.view = p->view;
    act->state.mode = p->mode;
    act->state.is_installed = p->is_installed;
    act->state.is_spoiled = p->is_spoiled;
    act->state.base = p->base;
    act->state.has_tip = p->has_tip;
    act->state.tip = p->tip;
}

static bool is_there(const struct certificate *c)
{
    return c != NULL && c->entries_count > 0;
}

void pbft_alarm(struct pbft *p, const struct certificate *a, const struct certificate *b)
{
    /* Section 13: more than f members lie. Stop voting and proposing; stay readable. Durable before
     * it is told, so that a restart neither forgets the certificates nor votes again. */
    static const enum pbft_act_type types[] = {PBFT_WRITE_ALARM, PBFT_ALARM};
    bool has_both = is_there(a) && is_there(b);
    if (p->is_alarmed || (!is_there(a) && !is_there(b)))
        return;
    p->is_alarmed = true;
    p->alarm[0] = is_there(a) ? *a : *b;
    if (has_both)
        p->alarm[1] = *b;
    for (int i = 0; i < 2; i++) {
        struct pbft_act *act = pbft_put(p, types[i]);
        act->certificate = &p->alarm[0];
        act->other = has_both ? &p->alarm[1] : NULL;
    }
}
