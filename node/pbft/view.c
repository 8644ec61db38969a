/* Which view this is: entering one, adopting its NEW-VIEW, and what is known of how it goes
 * (PROTOCOL.md 6.1, 6.2, 7). */
#include "crypto/base/check.h"
#include "node/pbft/state.h"

bool pbft_may_speak(const struct pbft *p)
{
    return !p->is_learner && !p->is_alarmed && !p->is_diverged;
}

/* What the old view brought goes, by PRE-PREPARE or FETCH, or a liar in each view could fill the
 * height. A body that I voted for stays (5.9), and so does what a COMMIT certificate covers, or
 * high, on which the next base may stand. */
static void forget_bodies(struct pbft *p, struct pbft_slot *slot)
{
    for (int i = 0; i < PBFT_SLOT_BLOCKS; i++) {
        struct pbft_known *known = &slot->known[i];
        known->is_proposed = false;
        if (!known->is_used || known->is_durable)
            continue;
        const struct digest *digest = &known->block.digest;
        known->is_used = pbft_is_covered(p, CERT_COMMIT, slot->height, digest) ||
                         pbft_covers(p, &p->high, slot->height, digest);
    }
}

/* Votes carry their view with them, so they need no clearing. */
static void forget_view(struct pbft *p)
{
    for (size_t i = 0; i < p->slots_count; i++) {
        struct pbft_slot *slot = &p->slots[i];
        if (!slot->is_used)
            continue;
        forget_bodies(p, slot);
        slot->has_pqc = false;
        slot->is_fetched = false;
        slot->fetch_at_ms = 0;
        for (uint32_t at = 0; at < p->config.members.members_count; at++) {
            slot->resend_at_ms[at] = 0;
            slot->resends_count[at] = 0;
        }
    }
    p->top_pqc.entries_count = 0;
    p->top_pqc.statement.height = 0;
    p->is_checking = p->is_building = p->is_build_dry = false;
    p->check_retry_ms = p->build_retry_ms = 0;
    p->is_fetch_due = true;
}

/* A complaint about the old view is none about this one. */
static void begin_view(struct pbft *p, uint64_t view)
{
    CHECK(view > p->view);
    pbft_count_view(p);
    forget_view(p);
    p->view = view;
    p->has_view_change = p->has_new_view = false;
    p->has_view_cqc = p->has_progress = p->is_primary_faulty = p->is_fault_told = false;
    p->is_complaining = false;
    p->complaint.reason = PBFT_REASON_NONE;
    p->changing_ms = 0;
    p->pool.late_ms = 0; /* of blocks of the old view; the driver tells of this one when it knows */
}

void pbft_enter_view(struct pbft *p, uint64_t view)
{
    begin_view(p, view);
    p->mode = PBFT_CHANGING;
    p->has_tip = p->is_installed = p->is_spoiled = false;
    pbft_write_state(p);
}

/* 5.9: what I voted for in lower views need not be kept once a COMMIT certificate of this one is
 * known. What this view has to do with is: its base and below, my votes, and certified blocks. */
static bool is_of_this_view(const struct pbft *p, struct pbft_slot *slot,
                            const struct pbft_known *known)
{
    const struct pbft_ballot *own = pbft_ballot(slot, CERT_PREPARE, p->config.own_index);
    const struct digest *digest = &known->block.digest;
    if (slot->height <= p->base.height || known->is_proposed || !known->is_durable)
        return true;
    if (own->is_cast && own->view == p->view && digest_equal(&own->digest, digest))
        return true;
    return pbft_is_covered(p, CERT_COMMIT, slot->height, digest) ||
           pbft_is_covered(p, CERT_PREPARE, slot->height, digest);
}

/* 5.9: at a height of a base that I vote for, and of a PREPARE certificate of this view that I send
 * COMMIT on, one block can still be wanted by a later view (argument in PROTOCOL.md). Else a liar
 * could fill a height with bases of views that are never installed here. What I voted for in this
 * view stays, and all below it (13, 4.2). */
void pbft_forget_beside(struct pbft *p, const struct pbft_known *named)
{
    struct pbft_slot *slot = pbft_slot_find(p, named->block.height);
    const struct pbft_ballot *own = pbft_ballot(slot, CERT_PREPARE, p->config.own_index);
    if ((p->has_tip && slot->height <= p->tip.height) || (own->is_cast && own->view == p->view))
        return;
    for (int i = 0; i < PBFT_SLOT_BLOCKS; i++) {
        struct pbft_known *known = &slot->known[i];
        if (known != named && known->is_durable && !known->is_proposed)
            known->is_used = false;
    }
}

static void release_bodies(struct pbft *p)
{
    for (uint64_t height = p->committed.height + 1; pbft_in_window(p, height); height++) {
        struct pbft_slot *slot = pbft_slot_find(p, height);
        for (int i = 0; slot != NULL && i < PBFT_SLOT_BLOCKS; i++)
            if (slot->known[i].is_used && !is_of_this_view(p, slot, &slot->known[i]))
                slot->known[i].is_used = false;
    }
}

static void install(struct pbft *p)
{
    p->is_installed = true;
    p->installed_ms = p->now_ms;
    p->changing_ms = 0;
    p->is_build_dry = false;
    release_bodies(p);
    pbft_write_state(p);
}

static void try_install(struct pbft *p)
{
    if (p->mode == PBFT_NORMAL && !p->is_installed && p->has_view_cqc &&
        p->view_cqc_height >= p->base.height)
        install(p);
}

void pbft_adopt(struct pbft *p, const struct pbft_new_view *n, const struct pbft_block *base)
{
    if (n->view > p->view)
        begin_view(p, n->view);
    CHECK(n->view == p->view);
    p->mode = PBFT_NORMAL;
    p->base = *base;
    p->has_tip = p->is_installed = p->is_spoiled = false;
    p->commit_next_height = base->height;
    p->has_new_view = true;
    p->new_view = *n;
    p->changing_ms = p->now_ms; /* (e) counts anew: until it is installed */
    struct pbft_act *write = pbft_put(p, PBFT_WRITE_NEW_VIEW);
    write->new_view = &p->new_view;
    write->new_view_from = pbft_primary(p, p->view);
    pbft_write_state(p);
    try_install(p);
    p->is_fetch_due = true;
}

void pbft_note_view_cqc(struct pbft *p, uint64_t height)
{
    if (!p->has_view_cqc || height > p->view_cqc_height)
        p->view_cqc_height = height;
    p->has_view_cqc = true;
    /* 6.2: a base that is committed once more is no progress. */
    if (height > p->committed.height && height > p->base.height)
        pbft_count_progress(p);
    try_install(p);
}

void pbft_spoil_view(struct pbft *p)
{
    p->has_tip = false;
    p->is_spoiled = true;
    p->is_primary_faulty = true;
    pbft_write_state(p);
}
