/* A look at a message before its signatures are verified (PROTOCOL.md 3.3). The judges are those of
 * the handlers. Three of their reasons need a signature that holds, so what meets them is let
 * through: two different messages for one place are evidence against their signer (3.1, 5.3, 14.1),
 * two certificates of one height are the alarm (13), and a message of mine that I do not know makes
 * a learner of me (4.2). */
#include "node/pbft/state.h"

static enum pbft_drop but_conflicts(enum pbft_drop drop)
{
    return drop == PBFT_DROP_CONFLICT ? PBFT_KEEP : drop;
}

static enum pbft_drop glance_at_own(const struct pbft *p, const struct pbft_msg *m)
{
    static const bool may_be_strange[PBFT_MSG_TYPE_END] = {[PBFT_PREPARE] = true,
                                                           [PBFT_COMMIT] = true,
                                                           [PBFT_PRE_PREPARE] = true,
                                                           [PBFT_VIEW_CHANGE] = true,
                                                           [PBFT_NEW_VIEW] = true};
    return m->from == p->config.own_index && may_be_strange[m->type] ? PBFT_KEEP : PBFT_DROP_OWN;
}

static enum pbft_drop glance_at_certificate(const struct pbft *p, const struct certificate *c)
{
    if (c->statement.kind == CERT_CHECKPOINT)
        return pbft_judge_checkpoint_certificate(p, c);
    return pbft_has_strange_entry(p, c) ? PBFT_KEEP : but_conflicts(pbft_judge_certificate(p, c));
}

static enum pbft_drop glance_at_data(const struct pbft *p, const struct pbft_msg *m)
{
    const struct pbft_data *d = &m->data;
    if (d->kind == PBFT_FETCH_RANGE && pbft_has_strange_entry(p, &d->certificate))
        return PBFT_KEEP;
    if (d->has_pre_prepare && d->pre_prepare_from == p->config.own_index)
        return PBFT_KEEP;
    if (d->has_pre_prepare &&
        pbft_judge_pre_prepare(p, d->pre_prepare_from, &d->pre_prepare) == PBFT_DROP_CONFLICT)
        return PBFT_KEEP;
    return but_conflicts(pbft_judge_data(p, m->link, d));
}

enum pbft_drop pbft_glance(const struct pbft *p, const struct pbft_msg *m)
{
    uint32_t members_count = p->config.members.members_count, own = p->config.own_index;
    if (m->link >= members_count || m->from >= members_count)
        return PBFT_DROP_NOT_A_MEMBER;
    if (m->from == own || m->link == own)
        return glance_at_own(p, m);
    switch (m->type) {
    case PBFT_PRE_PREPARE:
        return but_conflicts(pbft_judge_pre_prepare(p, m->from, &m->pre_prepare));
    case PBFT_PREPARE:
    case PBFT_COMMIT:
        return but_conflicts(pbft_judge_vote(p, m->from, &m->vote.statement));
    case PBFT_STATUS:
        return pbft_judge_status(p, m->from, &m->status);
    case PBFT_DATA:
        return glance_at_data(p, m);
    case PBFT_QC:
        return glance_at_certificate(p, &m->qc);
    case PBFT_EVIDENCE:
        return pbft_judge_evidence(p, &m->evidence);
    case PBFT_FETCH:       /* nothing in it is signed */
    case PBFT_FORWARD:     /* for the pool */
    case PBFT_FETCH_PIECE: /* for the driver */
    case PBFT_PIECE:
        return PBFT_KEEP;
    case PBFT_CHECKPOINT:
        return pbft_judge_checkpoint(p, m->from, &m->vote.statement);
    case PBFT_COMPLAIN:
        return pbft_judge_complain(p, m->from, &m->complain);
    case PBFT_VIEW_CHANGE:
        return but_conflicts(pbft_judge_view_change(p, m->from, &m->view_change));
    case PBFT_NEW_VIEW:
        return but_conflicts(pbft_judge_new_view(p, &m->new_view));
    default:
        return PBFT_DROP_NOT_YET;
    }
}
