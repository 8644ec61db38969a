/* From certificates to committed blocks (PROTOCOL.md 5.4 to 5.8). */
#include "crypto/base/check.h"
#include "node/pbft/state.h"

bool pbft_raises_high(const struct pbft *p, const struct certificate *c)
{
    struct pbft_rank fresh = pbft_rank_of(c), old = pbft_rank_of(&p->high);
    return !p->has_high || pbft_rank_compare(&fresh, &old) > 0;
}

void pbft_raise_high(struct pbft *p, const struct certificate *c)
{
    if (!pbft_raises_high(p, c))
        return;
    p->has_high = true;
    p->high = *c;
    CHECK(p->high.statement.view <= p->view);
    pbft_put(p, PBFT_WRITE_HIGH)->certificate = &p->high;
}

/* A certified chain that does not follow my committed head: more than f members lie. */
static bool is_on_my_chain(struct pbft *p, const struct certificate *c)
{
    if (digest_equal(&p->chain[0].parent, &p->committed.digest))
        return true;
    pbft_alarm(p, c, &p->head_cqc);
    return false;
}

/* The lowest certificate that I have not sent COMMIT up to. If its chain is not here, neither is
 * that of a higher one of this view, since that runs through it; the other way round is common. */
static const struct certificate *next_prepared(struct pbft *p)
{
    const struct statement *top = &p->top_pqc.statement;
    uint64_t from = p->commit_next_height;
    if (p->top_pqc.entries_count == 0 || top->view != p->view)
        return NULL;
    if (!pbft_is_votable(p, from) && from <= p->committed.height)
        from = p->committed.height + 1;
    if (top->height < from)
        return NULL;
    if (pbft_is_votable(p, top->height))
        pbft_keep_pqc(p, &p->top_pqc); /* it may have been beyond the window when it came */
    const struct certificate *c = pbft_lowest_certificate(p, CERT_PREPARE, from);
    /* Further up it is of no use before what is below has committed (5.6), and chains of certified
     * blocks would be walked again and again in one step. */
    bool is_far = c != NULL && c->statement.height - p->committed.height > PBFT_UNCERTIFIED_MAX;
    return is_far ? NULL : c;
}

static void commit_vote(struct pbft *p, const struct pbft_block *block)
{
    p->commit_next_height = block->height + 1;
    pbft_cast(p, CERT_COMMIT, block);
}

/* 7.4: the base is voted for in its view even where it is committed, so that the view is installed
 * everywhere (6.1) and those who lack it have a quorum. */
static bool try_commit_vote_base(struct pbft *p, const struct certificate *c)
{
    const struct pbft_block *base = &p->base;
    if (p->commit_next_height != base->height || base->height != p->committed.height ||
        !digest_equal(&base->digest, &p->committed.digest) ||
        !pbft_covers(p, c, base->height, &base->digest))
        return false;
    commit_vote(p, base);
    return true;
}

/* Rule 5.5: a certificate of this view at m covers its ancestors down to the base; COMMIT goes out
 * for each whose body, and all bodies below it, are here: ascending, once each. One that installs
 * the view lets bodies go (5.9): what follows it is looked up anew, by the next round. */
bool pbft_try_commit_vote(struct pbft *p)
{
    if (!pbft_may_vote(p))
        return false;
    const struct certificate *c = next_prepared(p);
    if (c == NULL)
        return false;
    if (try_commit_vote_base(p, c))
        return true;
    if (!pbft_in_window(p, c->statement.height))
        return false;
    struct pbft_chain chain = pbft_chain_to(p, c->statement.height, &c->statement.digest);
    if (!chain.is_linked || !is_on_my_chain(p, c))
        return false;

    uint64_t before = p->commit_next_height;
    bool was_installed = p->is_installed;
    for (size_t i = 0; i < chain.bodies_count; i++) {
        if (!pbft_may_vote(p) || p->is_installed != was_installed)
            break;
        const struct pbft_block *block = &p->chain[i];
        struct pbft_known *known = pbft_known_find(p, block->height, &block->digest);
        CHECK(known != NULL);
        pbft_forget_beside(p, known);
        if (!known->is_durable) { /* section 4: all bodies up to it, those below the base too */
            known->is_durable = true;
            pbft_put(p, PBFT_WRITE_BLOCK)->block = *block;
        }
        if (block->height < p->commit_next_height || block->height < p->base.height)
            continue;
        commit_vote(p, block);
    }
    return p->commit_next_height > before;
}

/* Rule 5.8: a CQC of this view above tip, on the chain of my votes, moves tip. */
void pbft_try_move_tip(struct pbft *p)
{
    if (p->mode != PBFT_NORMAL || !p->has_tip || p->head_cqc.entries_count == 0)
        return;
    if (p->head_cqc.statement.view != p->view || p->committed.height <= p->tip.height)
        return;
    p->tip = p->committed;
    pbft_write_state(p);
}

void pbft_note_head_cqc(struct pbft *p, const struct certificate *c)
{
    const struct statement *s = &c->statement;
    if (s->kind != CERT_COMMIT || s->height != p->committed.height ||
        !digest_equal(&s->digest, &p->committed.digest))
        return;
    if (p->head_cqc.entries_count == 0 || s->view > p->head_cqc.statement.view)
        p->head_cqc = *c;
}

void pbft_judge_own_chain(struct pbft *p, uint64_t view, uint64_t height,
                          const struct digest *digest)
{
    struct pbft_slot *slot = pbft_slot_find(p, height);
    if (slot == NULL || view != p->view || !p->has_tip)
        return;
    const struct pbft_ballot *own = pbft_ballot(slot, CERT_PREPARE, p->config.own_index);
    if (!own->is_cast || own->view != view || digest_equal(&own->digest, digest))
        return;
    pbft_spoil_view(p);
}

static void commit_block(struct pbft *p, const struct pbft_block *block,
                         const struct certificate *c)
{
    /* Section 13: parent(h) = digest(h-1), committed at most the highest certificate seen. */
    CHECK(block->height == p->committed.height + 1);
    CHECK(digest_equal(&block->parent, &p->committed.digest));
    CHECK(block->height <= p->top_cqc.statement.height);
    pbft_judge_own_chain(p, c->statement.view, block->height, &block->digest);
    pbft_judge_against_base(p, block->height, &block->digest, c);
    if (p->is_alarmed)
        return;
    struct pbft_slot *slot = pbft_slot_at(p, block->height);
    slot->is_committed = true;
    slot->committed = block->digest;
    p->committed = *block;
    p->committed_ms = p->now_ms;
    struct pbft_act *act = pbft_put(p, PBFT_WRITE_COMMIT);
    act->block = *block;
    act->certificate = block->height == c->statement.height ? c : NULL;
}

/* The lowest certificate above the committed height. If its chain is not here, neither is that of a
 * higher one, since that runs through it. */
static const struct certificate *lowest_certified(struct pbft *p)
{
    if (pbft_in_window(p, p->top_cqc.statement.height))
        pbft_keep_cqc(p, &p->top_cqc); /* it may have been beyond the window when it came */
    return pbft_lowest_certificate(p, CERT_COMMIT, p->committed.height + 1);
}

/* Rule 5.6: a COMMIT certificate commits its block and all ancestors, in any mode, as far up as
 * bodies are here; nothing is committed out of order. Not under one so far up that headers of one
 * range do not lead to it: then a range brings a nearer one (9.2). */
bool pbft_try_execute(struct pbft *p)
{
    if (p->is_alarmed || p->is_diverged || p->is_taking_snapshot ||
        p->top_cqc.statement.height <= p->committed.height)
        return false;
    const struct certificate *c = lowest_certified(p);
    if (c == NULL || c->statement.height - p->committed.height > PBFT_UNCERTIFIED_MAX)
        return false;
    struct pbft_chain chain = pbft_chain_to(p, c->statement.height, &c->statement.digest);
    if (!chain.is_linked || !is_on_my_chain(p, c) || chain.bodies_count == 0)
        return false;
    for (size_t i = 0; i < chain.bodies_count && !p->is_alarmed; i++)
        commit_block(p, &p->chain[i], c);
    if (p->is_alarmed)
        return false;
    bool is_new = c->statement.height != p->head_cqc.statement.height;
    p->head_cqc = *c;
    /* The ledger has it only with its own block. Until then it is what the head stands on, also for
     * a start: or the next certificate might lie too far above the last one that the ledger has. */
    if (chain.bodies_count < chain.count && is_new)
        pbft_put(p, PBFT_WRITE_COVER)->certificate = &p->head_cqc;
    p->is_build_dry = false;
    p->is_fetch_due = true; /* the next body of a chain that is known by heads */
    return true;
}
