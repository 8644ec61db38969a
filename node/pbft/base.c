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
     * vote waits for a certificate of this view (7.4). */
    bool is_unknown = p->head_cqc.entries_count == 0;
    if (base->height > p->committed.height)
        return PBFT_FITS; /* whether they are one chain shows when the base is here */
    if (base->height < p->committed.height && !is_own_view && !is_unknown)
        return PBFT_FIT_ALARM;
    const struct digest *mine = committed_digest(p, base->height, ledger);
    if (mine != NULL ? digest_equal(mine, &base->digest) : is_unknown)
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

static void refuse_base(struct pbft *p, enum pbft_fit fit)
{
    CHECK(fit != PBFT_FITS);
    if (fit == PBFT_FIT_TWO_BASES)
        pbft_spoil_view(p);
    else
        pbft_alarm(p, p->has_new_view ? pbft_new_view_base(&p->new_view) : &p->high, &p->head_cqc);
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
            refuse_base(p, PBFT_FIT_TWO_BASES);
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
        refuse_base(p, is_head_of(p, p->view) ? PBFT_FIT_TWO_BASES : PBFT_FIT_ALARM);
        return;
    }
    vote_for_base(p, chain.count);
}

/* 7.5 again, where the ledger passes the base before or after the base vote. */
void pbft_judge_commit_at_base(struct pbft *p, const struct pbft_block *block,
                               const struct certificate *c)
{
    bool is_at_base = p->mode == PBFT_NORMAL && p->view > 0 && block->height == p->base.height;
    if (!is_at_base || digest_equal(&block->digest, &p->base.digest) || p->is_spoiled)
        return;
    refuse_base(p, c->statement.view == p->view ? PBFT_FIT_TWO_BASES : PBFT_FIT_ALARM);
}
