/* What a start gives back of what was durable, besides struct pbft_durable (PROTOCOL.md 4.1):
 * bodies, and what I signed in this view. What is of no use any more is passed over. */
#include "crypto/base/check.h"
#include "node/pbft/state.h"

void pbft_restore_block(struct pbft *p, const struct pbft_block *block, size_t block_bytes)
{
    if (!pbft_in_window(p, block->height))
        return;
    struct pbft_known *known = pbft_known_at(p, block);
    if (known == NULL)
        return;
    known->has_body = true;
    known->is_durable = true;
    known->size = block_bytes;
    /* What was written was valid on its parent, or certified. */
    known->validity = PBFT_VALID;
}

void pbft_restore_vote(struct pbft *p, const struct pbft_vote *vote)
{
    const struct statement *s = &vote->statement;
    CHECK(s->kind == CERT_PREPARE || s->kind == CERT_COMMIT);
    if (!pbft_is_votable(p, s->height) || s->view != p->view || s->epoch != p->config.epoch)
        return;
    struct pbft_ballot *own = pbft_ballot(pbft_slot_at(p, s->height), s->kind, p->config.own_index);
    *own = (struct pbft_ballot){
        .is_cast = true, .view = s->view, .digest = s->digest, .signature = vote->signature};
    if (s->kind == CERT_COMMIT && s->height >= p->commit_next_height)
        p->commit_next_height = s->height + 1;
}

void pbft_restore_pre_prepare(struct pbft *p, const struct pbft_pre_prepare *m)
{
    if (!pbft_in_window(p, m->block.height) || m->epoch != p->config.epoch || m->view != p->view)
        return;
    struct pbft_known *known = pbft_known_at(p, &m->block);
    if (known == NULL)
        return;
    known->is_proposed = true;
    known->pre_prepare = m->signature;
}

void pbft_restore_view_change(struct pbft *p, const struct pbft_view_change *v)
{
    if (v->view != p->view || v->epoch != p->config.epoch)
        return;
    p->has_view_change = true;
    struct pbft_peer *own = &p->peers[p->config.own_index];
    own->has_view_change = true;
    own->view_change = *v;
}

void pbft_restore_new_view(struct pbft *p, const struct pbft_new_view *n)
{
    if (n->view != p->view || n->epoch != p->config.epoch)
        return;
    p->has_new_view = true;
    p->new_view = *n;
}
