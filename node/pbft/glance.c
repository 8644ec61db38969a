/* A look at a message before its signatures are verified (PROTOCOL.md 3.3). The judges are those of
 * the handlers. Three of their reasons need a signature that holds, so what meets them is let
 * through: two different messages for one place are evidence against their signer (3.1, 5.3, 14.1),
 * as long as that is news (16: the first of each kind is kept), two certificates of one height are
 * the alarm (13), which is raised once, and a message of mine that I do not know makes a learner of
 * me (4.2). */
#include "node/pbft/state.h"

/* A conflict is evidence of this kind against its signer, if it is verified. */
static enum pbft_drop but_news(const struct pbft *p, enum pbft_drop drop, uint32_t from,
                               enum pbft_evidence_kind kind, uint64_t view)
{
    bool is_news = drop == PBFT_DROP_CONFLICT && pbft_is_evidence_news(p, from, kind, view);
    return is_news ? PBFT_KEEP : drop;
}

static enum pbft_drop glance_at_vote(const struct pbft *p, uint32_t from, const struct statement *s)
{
    enum pbft_evidence_kind kind = s->kind == CERT_PREPARE ? PBFT_TWO_PREPARES : PBFT_TWO_COMMITS;
    return but_news(p, pbft_judge_vote(p, from, s), from, kind, s->view);
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

/* What is in a certificate, whatever it raises. */
static bool has_news(const struct pbft *p, const struct certificate *c)
{
    return pbft_has_strange_entry(p, c) || pbft_shows_two_votes(p, c);
}

static enum pbft_drop but_alarm(const struct pbft *p, enum pbft_drop drop)
{
    return drop == PBFT_DROP_CONFLICT && !p->is_alarmed ? PBFT_KEEP : drop;
}

static enum pbft_drop glance_at_certificate(const struct pbft *p, const struct certificate *c)
{
    if (c->statement.kind == CERT_CHECKPOINT)
        return pbft_judge_checkpoint_certificate(p, c);
    return has_news(p, c) ? PBFT_KEEP : but_alarm(p, pbft_judge_certificate(p, c));
}

static enum pbft_drop glance_at_proposal(const struct pbft *p, uint32_t from,
                                         const struct pbft_pre_prepare *m)
{
    return but_news(p, pbft_judge_pre_prepare(p, from, m), from, PBFT_TWO_PRE_PREPARES, m->view);
}

static enum pbft_drop glance_at_data(const struct pbft *p, const struct pbft_msg *m)
{
    const struct pbft_data *d = &m->data;
    if (d->kind == PBFT_FETCH_RANGE && has_news(p, &d->certificate))
        return PBFT_KEEP;
    if (d->has_pre_prepare && d->pre_prepare_from == p->config.own_index)
        return PBFT_KEEP;
    if (d->has_pre_prepare &&
        glance_at_proposal(p, d->pre_prepare_from, &d->pre_prepare) == PBFT_KEEP)
        return PBFT_KEEP;
    return but_alarm(p, pbft_judge_data(p, m->link, d));
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
        return glance_at_proposal(p, m->from, &m->pre_prepare);
    case PBFT_PREPARE:
    case PBFT_COMMIT:
        return glance_at_vote(p, m->from, &m->vote.statement);
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
        return but_news(p, pbft_judge_view_change(p, m->from, &m->view_change), m->from,
                        PBFT_TWO_VIEW_CHANGES, m->view_change.view);
    case PBFT_NEW_VIEW:
        return but_news(p, pbft_judge_new_view(p, &m->new_view), pbft_primary(p, m->new_view.view),
                        PBFT_TWO_NEW_VIEWS, m->new_view.view);
    default:
        return PBFT_DROP_NOT_YET;
    }
}
