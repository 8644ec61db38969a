/* Votes of mine that a peer shows (PROTOCOL.md 4.2, pitfalls D4). One above my last of its kind, or
 * against a stored one, was signed with my key and is not in my store: the store was put back, or
 * another process runs with the same key. To vote on would risk a second vote for one place, so the
 * core follows as a learner from here on. Older votes prove nothing: they are not kept. */
#include "crypto/base/check.h"
#include "node/pbft/state.h"

void pbft_become_learner(struct pbft *p)
{
    if (p->is_learner)
        return;
    p->is_learner = true;
    pbft_put(p, PBFT_WRITE_LEARNER);
}

/* Whether a message of mine for this place would still be here, had I sent it from this store. In a
 * view in which I am CHANGING I have sent none, at any height: the base's may be committed (7.4).
 */
static bool is_remembered_place(const struct pbft *p, uint64_t epoch, uint64_t view,
                                uint64_t height)
{
    if (epoch != p->config.epoch || view < p->view)
        return false;
    return view > p->view || p->mode == PBFT_CHANGING || height > p->committed.height;
}

static bool is_strange_vote(const struct pbft *p, const struct statement *s)
{
    if (s->kind == CERT_CHECKPOINT || !is_remembered_place(p, s->epoch, s->view, s->height))
        return false;
    struct pbft_slot *slot = pbft_slot_find(p, s->height);
    const struct pbft_ballot *own =
        slot == NULL ? NULL : pbft_ballot(slot, s->kind, p->config.own_index);
    return own == NULL || !own->is_cast || own->view != s->view ||
           !digest_equal(&own->digest, &s->digest);
}

bool pbft_has_strange_entry(const struct pbft *p, const struct certificate *c)
{
    for (uint32_t i = 0; i < c->entries_count; i++)
        if (c->entries[i].member_index == p->config.own_index)
            return is_strange_vote(p, &c->statement);
    return false;
}

void pbft_on_own_entries(struct pbft *p, const struct certificate *c)
{
    if (pbft_has_strange_entry(p, c))
        pbft_become_learner(p);
}

/* One for a view that I have not been in, or another than the one that I made. */
static bool is_strange_view_change(const struct pbft *p, const struct pbft_view_change *v)
{
    if (v->epoch != p->config.epoch || v->view < p->view)
        return false;
    return v->view > p->view || !p->has_view_change ||
           pbft_judge_view_change(p, p->config.own_index, v) == PBFT_DROP_CONFLICT;
}

void pbft_on_own_view_change(struct pbft *p, const struct pbft_view_change *v)
{
    if (is_strange_view_change(p, v))
        pbft_become_learner(p);
}

void pbft_on_own_pre_prepare(struct pbft *p, const struct pbft_pre_prepare *m)
{
    if (!is_remembered_place(p, m->epoch, m->view, m->block.height))
        return;
    const struct pbft_known *known = pbft_known_find(p, m->block.height, &m->block.digest);
    if (m->view != p->view || known == NULL || !known->is_proposed)
        pbft_become_learner(p);
}

/* A NEW-VIEW of mine is durable, with its view, before anybody has it; and there is one per view.
 */
static bool is_strange_new_view(const struct pbft *p, const struct pbft_new_view *n)
{
    if (n->epoch != p->config.epoch || n->view < p->view)
        return false;
    return n->view > p->view || !p->has_new_view || pbft_judge_new_view(p, n) == PBFT_DROP_CONFLICT;
}

enum pbft_drop pbft_on_own(struct pbft *p, const struct pbft_msg *m)
{
    if (m->from != p->config.own_index)
        return PBFT_DROP_OWN; /* over a link to myself, which there is none of */
    bool is_vote = m->type == PBFT_PREPARE || m->type == PBFT_COMMIT;
    if (is_vote && is_strange_vote(p, &m->vote.statement))
        pbft_become_learner(p);
    if (m->type == PBFT_PRE_PREPARE)
        pbft_on_own_pre_prepare(p, &m->pre_prepare);
    if (m->type == PBFT_VIEW_CHANGE && is_strange_view_change(p, &m->view_change))
        pbft_become_learner(p);
    if (m->type == PBFT_NEW_VIEW && is_strange_new_view(p, &m->new_view))
        pbft_become_learner(p);
    return PBFT_DROP_OWN;
}
