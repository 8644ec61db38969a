/* The base of a view: what its first votes are about, and whether it can be (PROTOCOL.md 7.4, 7.5).
 */
#include "crypto/base/check.h"
#include "node/pbft/state.h"

/* What was committed at a height; NULL: nothing is known here. */
static const struct digest *committed_digest(const struct pbft *p, uint64_t height,
                                             const struct digest *ledger)
{
    const struct pbft_slot *slot = pbft_slot_find(p, height);
    if (height == p->committed.height)
        return &p->committed.digest;
    if (height == p->config.epoch_base.height)
        return &p->config.epoch_base.digest;
    return slot != NULL && slot->is_committed ? &slot->committed : ledger;
}

/* Whether the head was committed by a certificate of this view. A head without a certificate of its
 * own was committed by one that covers it, which is kept. */
static bool is_head_of(const struct pbft *p, uint64_t view)
{
    return p->head_cqc.entries_count > 0 && p->head_cqc.statement.view == view;
}

enum pbft_fit pbft_judge_base(const struct pbft *p, uint64_t view, const struct pbft_block *base,
                              const struct digest *ledger)
{
    bool is_own_view = is_head_of(p, view);
    /* After a snapshot, or where the ledger has lost it: then nobody can be blamed, and the base
     * vote waits for a certificate of this view (7.4). As little where the base lies in history
     * that is not here: a certificate of this view vouches for the head. Of a lower view none can,
     * and what it covers is below the base that a correct quorum would have chosen (13). */
    bool is_unknown = p->head_cqc.entries_count == 0;
    if (base->height > p->committed.height)
        return PBFT_FITS; /* whether they are one chain shows when the base is here */
    if (base->height < p->committed.height && !is_own_view && !is_unknown)
        return PBFT_FIT_ALARM;
    const struct digest *mine = committed_digest(p, base->height, ledger);
    if (mine != NULL ? digest_equal(mine, &base->digest) : is_unknown || is_own_view)
        return PBFT_FITS;
    return is_own_view || is_unknown ? PBFT_FIT_TWO_BASES : PBFT_FIT_ALARM;
}

/* The chain from my committed head to the base is here with all its bodies. */
static struct pbft_chain chain_to_base(struct pbft *p)
{
    if (!pbft_in_window(p, p->base.height))
        return (struct pbft_chain){0};
    return pbft_chain_to(p, p->base.height, &p->base.digest);
}

/* What cannot be beside this certificate of COMMITs. */
static void refuse_base(struct pbft *p, enum pbft_fit fit, const struct certificate *against)
{
    CHECK(fit != PBFT_FITS);
    if (fit == PBFT_FIT_TWO_BASES)
        pbft_spoil_view(p);
    else
        pbft_alarm(p, p->has_new_view ? pbft_new_view_base(&p->new_view) : &p->high, against);
}

/* The block of the base's chain at a height up to its own; NULL: no headers lead down to there. */
static const struct digest *base_chain_digest(const struct pbft *p, uint64_t height)
{
    const struct digest *next = &p->base.digest;
    for (uint64_t at = p->base.height; at > height; at--) {
        const struct pbft_known *known = pbft_known_find(p, at, next);
        if (known == NULL)
            return NULL;
        next = &known->block.parent;
    }
    return next;
}

/* What lower views committed stands in the base of this one or below it (13). */
static bool is_against_base(const struct pbft *p, uint64_t height, const struct digest *digest,
                            const struct certificate *c)
{
    if (height > p->base.height)
        return c->statement.view < p->view;
    const struct digest *mine = base_chain_digest(p, height);
    return mine != NULL && !digest_equal(mine, digest);
}

void pbft_judge_against_base(struct pbft *p, uint64_t height, const struct digest *digest,
                             const struct certificate *c)
{
    if (p->mode != PBFT_NORMAL || p->view == 0 || p->is_spoiled)
        return;
    if (is_against_base(p, height, digest, c))
        refuse_base(p, c->statement.view == p->view ? PBFT_FIT_TWO_BASES : PBFT_FIT_ALARM, c);
}

/* The certificates that came before what is in p->chain, up to the base. */
static void judge_certificates_below(struct pbft *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct pbft_slot *slot = pbft_slot_find(p, p->chain[i].height);
        if (slot != NULL && slot->has_cqc)
            pbft_judge_against_base(p, slot->height, &slot->cqc.statement.digest, &slot->cqc);
    }
}

static void set_tip(struct pbft *p, const struct pbft_block *tip)
{
    p->has_tip = true;
    p->tip = *tip;
    p->is_build_dry = false;
    pbft_write_state(p);
}

static void vote_for_base(struct pbft *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pbft_known *known = pbft_known_find(p, p->chain[i].height, &p->chain[i].digest);
        CHECK(known != NULL);
        pbft_forget_beside(p, known);
        if (!known->is_durable) { /* section 4: its body, and all below it */
            known->is_durable = true;
            pbft_put(p, PBFT_WRITE_BLOCK)->block = known->block;
        }
        p->base.parent = known->block.parent;
    }
    set_tip(p, &p->base);
    pbft_cast(p, CERT_PREPARE, &p->base);
}

const struct certificate *pbft_awaited_base(const struct pbft *p)
{
    bool is_waiting = p->mode == PBFT_NORMAL && !p->has_tip && p->has_new_view;
    return is_waiting ? pbft_new_view_base(&p->new_view) : NULL;
}

/* 7.4: only the base vote, or a certificate of this very view, sets tip. */
void pbft_try_base_vote(struct pbft *p)
{
    if (!pbft_may_vote(p) || p->has_tip || p->is_spoiled || p->view == 0)
        return;
    if (p->base.height < p->committed.height) {
        if (is_head_of(p, p->view)) /* 7.5: certificates of this view took me above it */
            set_tip(p, &p->committed);
        return;
    }
    if (p->base.height == p->committed.height) {
        if (!digest_equal(&p->base.digest, &p->committed.digest)) { /* a snapshot passed it */
            refuse_base(p, PBFT_FIT_TWO_BASES, NULL);
            return;
        }
        p->base.parent = p->committed.parent;
        vote_for_base(p, 0);
        return;
    }
    struct pbft_chain chain = chain_to_base(p);
    if (!chain.is_linked || chain.bodies_count < chain.count)
        return; /* being fetched */
    if (!digest_equal(&p->chain[0].parent, &p->committed.digest)) {
        bool is_alarm = p->head_cqc.entries_count > 0 && !is_head_of(p, p->view);
        refuse_base(p, is_alarm ? PBFT_FIT_ALARM : PBFT_FIT_TWO_BASES, &p->head_cqc);
        return;
    }
    judge_certificates_below(p, chain.count);
    if (pbft_may_vote(p) && !p->is_spoiled)
        vote_for_base(p, chain.count);
}
