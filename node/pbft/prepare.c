/* Accepting proposals and preparing them (PROTOCOL.md 5.2, 5.3). */
#include "crypto/base/check.h"
#include "node/pbft/state.h"

/* Whether the primary proposed another block at this height in this view: it is here, or I voted
 * for it before a restart. */
static bool is_conflicting(const struct pbft *p, const struct pbft_block *block)
{
    struct pbft_slot *slot = pbft_slot_find(p, block->height);
    if (slot == NULL)
        return false;
    const struct pbft_ballot *own = pbft_ballot(slot, CERT_PREPARE, p->config.own_index);
    if (own->is_cast && own->view == p->view && !digest_equal(&own->digest, &block->digest))
        return true;
    for (int i = 0; i < PBFT_SLOT_BLOCKS; i++) {
        const struct pbft_known *known = &slot->known[i];
        if (known->is_used && known->is_proposed &&
            !digest_equal(&known->block.digest, &block->digest))
            return true;
    }
    return false;
}

/* ---- 16: the bytes of proposals ---- */

/* Of the highest COMMIT certificate. */
static uint64_t certified_height(const struct pbft *p)
{
    uint64_t height = p->top_cqc.statement.height;
    return height > p->committed.height ? height : p->committed.height;
}

/* Of a proposal that can be forgotten: what I voted for is what I stand by. */
static size_t loose_size(const struct pbft_known *known)
{
    bool is_loose = known->is_used && known->is_proposed && known->has_body && !known->is_durable;
    return is_loose ? known->size : 0;
}

/* All bodies above the head, up to a height. A primary can make all of its chain valid by itself,
 * so those that I voted for count as well; and what a certificate covers counts until it commits.
 */
static uint64_t bytes_held(const struct pbft *p, uint64_t to_height)
{
    uint64_t sum = 0;
    for (uint64_t height = p->committed.height + 1;
         height <= to_height && pbft_in_window(p, height); height++) {
        const struct pbft_slot *slot = pbft_slot_find(p, height);
        for (int i = 0; slot != NULL && i < PBFT_SLOT_BLOCKS; i++) {
            const struct pbft_known *known = &slot->known[i];
            if (known->is_used && known->has_body)
                sum += known->size;
        }
    }
    return sum;
}

bool pbft_is_full(const struct pbft *p)
{
    return bytes_held(p, UINT64_MAX) >= p->config.proposals_bytes_max;
}

/* Beyond the limit what is needed last goes, so only those needed before a proposal are in its way.
 * The one right above tip always has room: it is the one that the next vote is about. */
static bool has_bytes_for(const struct pbft *p, const struct pbft_pre_prepare *m)
{
    uint64_t max = p->config.proposals_bytes_max;
    if (m->bytes.size > max)
        return false;
    bool is_next = p->has_tip && m->block.height == p->tip.height + 1;
    return is_next || bytes_held(p, m->block.height - 1) <= max - m->bytes.size;
}

/* Forget bodies from the highest down until one more fits. The PRE-PREPARE itself stays: a second,
 * different one is still known for what it is (5.3), and takes no place at its height. The body
 * comes again with the PRE-PREPARE (9.1) or by FETCH (5.7). */
static void make_bytes_for(struct pbft *p, const struct pbft_pre_prepare *m)
{
    uint64_t top = p->committed.height + 2 * p->config.window_heights;
    uint64_t sum = bytes_held(p, top) + m->bytes.size;
    for (uint64_t at = top; at > m->block.height && sum > p->config.proposals_bytes_max; at--) {
        struct pbft_slot *slot = pbft_slot_find(p, at);
        for (int i = 0; slot != NULL && i < PBFT_SLOT_BLOCKS; i++) {
            size_t size = loose_size(&slot->known[i]);
            if (size > 0)
                slot->known[i].has_body = false;
            sum -= size;
        }
    }
}

/* ---- 5.2 ---- */

/* Pure: one line per reason. A PRE-PREPARE above tip + 1 is kept when it is the first of the
 * primary for its height in this view; whether it can be voted for is decided when tip reaches it.
 * While tip is none, all are above it (7.4). */
enum pbft_drop pbft_judge_pre_prepare(const struct pbft *p, uint32_t from,
                                      const struct pbft_pre_prepare *m)
{
    if (from >= p->config.members.members_count)
        return PBFT_DROP_NOT_A_MEMBER;
    if (m->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    if (m->view != p->view)
        return PBFT_DROP_OTHER_VIEW;
    if (p->mode != PBFT_NORMAL)
        return PBFT_DROP_CHANGING;
    if (from != pbft_primary(p, p->view))
        return PBFT_DROP_NOT_PRIMARY;
    if (m->block.height <= p->committed.height || m->block.height <= p->base.height)
        return PBFT_DROP_COMMITTED;
    if (!pbft_in_window(p, m->block.height))
        return PBFT_DROP_OUT_OF_WINDOW;
    if (is_conflicting(p, &m->block))
        return PBFT_DROP_CONFLICT; /* 5.3 */
    if (p->has_tip && m->block.height == p->tip.height + 1 &&
        !digest_equal(&m->block.parent, &p->tip.digest))
        return PBFT_DROP_WRONG_PARENT;
    const struct pbft_known *known = pbft_known_find(p, m->block.height, &m->block.digest);
    if (known == NULL && !pbft_has_room(p, &m->block))
        return PBFT_DROP_SLOT_FULL;
    if (known != NULL && known->has_body) /* not proposed: fetched (5.7), it costs no more */
        return known->is_proposed ? PBFT_DROP_DUPLICATE : PBFT_KEEP;
    return has_bytes_for(p, m) ? PBFT_KEEP : PBFT_DROP_NO_ROOM;
}

enum pbft_drop pbft_on_pre_prepare(struct pbft *p, uint32_t from, const struct pbft_pre_prepare *m)
{
    enum pbft_drop drop = pbft_judge_pre_prepare(p, from, m);
    if (drop == PBFT_DROP_CONFLICT) { /* 5.3: complain */
        p->is_primary_faulty = true;
        pbft_find_pre_prepares(p, from, m);
    }
    if (drop != PBFT_KEEP)
        return drop;
    struct pbft_known *known = pbft_known_at(p, &m->block);
    CHECK(known != NULL); /* has_room */
    if (!known->has_body)
        make_bytes_for(p, m);
    known->has_body = true;
    known->is_proposed = true;
    known->pre_prepare = m->signature;
    known->size = m->bytes.size;
    return PBFT_KEEP;
}

/* Bodies that I voted for are held until they commit, so the vote waits while there are too many of
 * them (16), and while it would go too far above the highest COMMIT certificate. A correct primary
 * is at most P above a block with such a certificate (5.1), which STATUS brings, with the blocks
 * below it: then P of the largest fit again. */
static bool may_prepare(const struct pbft *p, const struct pbft_known *known)
{
    uint64_t certified = certified_height(p), max = p->config.proposals_bytes_max;
    uint64_t height = known->block.height;
    if (height > certified && height - certified > PBFT_UNCERTIFIED_MAX)
        return false;
    if (p->tip.height <= p->committed.height)
        return true;
    return known->size <= max && bytes_held(p, p->tip.height) <= max - known->size;
}

/* The proposal that can be voted for next: of this view, right above tip. */
static struct pbft_known *next_proposal(struct pbft *p)
{
    struct pbft_slot *slot = pbft_slot_find(p, p->tip.height + 1);
    for (int i = 0; slot != NULL && i < PBFT_SLOT_BLOCKS; i++) {
        struct pbft_known *known = &slot->known[i];
        if (known->is_used && known->is_proposed && known->has_body &&
            known->validity != PBFT_INVALID && digest_equal(&known->block.parent, &p->tip.digest))
            return known;
    }
    return NULL;
}

void pbft_try_check(struct pbft *p)
{
    if (p->check_retry_ms <= p->now_ms)
        p->check_retry_ms = 0;
    if (!pbft_may_vote(p) || !p->has_tip || p->is_checking || !p->is_installed || p->has_lost)
        return;
    if (p->tip.height < p->committed.height)
        return; /* a snapshot passed tip (9.3): nothing to vote for down there */
    struct pbft_known *known = next_proposal(p);
    if (known == NULL || !may_prepare(p, known))
        return;
    if (p->check_retry_ms > 0 && digest_equal(&known->block.digest, &p->check_digest))
        return; /* 5.2: held until its time comes */
    p->check_retry_ms = 0;
    p->is_checking = true;
    p->check_digest = known->block.digest;
    p->check = (struct pbft_ticket){
        .view = p->view, .height = known->block.height, .parent = p->tip.digest};
    struct pbft_act *ask = pbft_put(p, PBFT_ASK_CHECK);
    ask->ticket = p->check;
    ask->block = known->block;
    ask->pre_prepare = (struct pbft_pre_prepare){.epoch = p->config.epoch,
                                                 .view = p->view,
                                                 .block = known->block,
                                                 .signature = known->pre_prepare};
    ask->pre_prepare_from = pbft_primary(p, p->view);
}

/* Persist; send PREPARE (5.2). */
static void prepare(struct pbft *p, struct pbft_known *known)
{
    /* Section 13: each PREPARE extends the previous one of its view. */
    CHECK(p->has_tip && p->is_installed);
    CHECK(known->block.height == p->tip.height + 1);
    CHECK(digest_equal(&known->block.parent, &p->tip.digest));
    known->validity = PBFT_VALID;
    p->tip = known->block;
    if (!known->is_durable) {
        known->is_durable = true;
        pbft_put(p, PBFT_WRITE_BLOCK)->block = known->block;
    }
    pbft_write_state(p);
    pbft_cast(p, CERT_PREPARE, &known->block);
}

enum pbft_drop pbft_on_checked(struct pbft *p, const struct pbft_checked *c)
{
    if (!p->is_checking || !digest_equal(&c->digest, &p->check_digest) ||
        c->ticket.view != p->check.view || c->ticket.height != p->check.height)
        return PBFT_DROP_STALE;
    p->is_checking = false;
    if (!pbft_may_vote(p) || !p->has_tip || !p->is_installed)
        return PBFT_DROP_STALE;
    struct pbft_known *known = next_proposal(p);
    if (known == NULL || !digest_equal(&known->block.digest, &c->digest))
        return PBFT_DROP_STALE; /* tip moved meanwhile (5.8) */
    if (c->answer == PBFT_CHECK_LATER) {
        p->check_retry_ms = c->retry_ms;
        return PBFT_KEEP;
    }
    if (c->answer == PBFT_CHECK_INVALID) {
        known->validity = PBFT_INVALID;
        p->is_primary_faulty = true; /* 14.2: an accusation, which everybody finds by himself */
        return PBFT_DROP_INVALID_BLOCK;
    }
    prepare(p, known);
    return PBFT_KEEP;
}
