/* Complaints and timers (PROTOCOL.md 6): when a replica wants to leave its view, and when enough of
 * them do. It keeps voting meanwhile. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/state.h"
#include "node/pbft/wire.h"

enum { BACKOFF_MAX = 40 }; /* beyond any T_cap: 50 ms doubled so often are 1700 years */

static uint64_t latest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Doubled so often, up to T_cap. */
static uint64_t backed_off(const struct pbft *p, uint64_t ms, uint32_t doublings)
{
    uint64_t cap = p->config.view_change_cap_ms;
    for (uint32_t i = 0; i < doublings && ms < cap; i++)
        ms *= 2;
    return earliest(ms, cap);
}

uint64_t pbft_timeout_ms(const struct pbft *p)
{
    return backed_off(p, p->config.view_change_ms, p->backoff_count);
}

/* 6.1 (a): views left for it one after the other double its limit, even if they committed. */
static uint64_t fair_limit_ms(const struct pbft *p)
{
    return backed_off(p, latest(p->config.fairness_ms, pbft_timeout_ms(p)), p->unfair_count);
}

/* ---- others' complaints ---- */

enum pbft_drop pbft_judge_complain(const struct pbft *p, uint32_t from,
                                   const struct pbft_complain *c)
{
    const struct pbft_peer *peer = &p->peers[from];
    if (c->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    if (c->view < p->view)
        return PBFT_DROP_OTHER_VIEW;
    if (!peer->has_complain || c->view > peer->complain.view)
        return PBFT_KEEP;
    return c->view == peer->complain.view ? PBFT_DROP_DUPLICATE : PBFT_DROP_STALE;
}

enum pbft_drop pbft_on_complain(struct pbft *p, uint32_t from, const struct pbft_complain *c)
{
    enum pbft_drop drop = pbft_judge_complain(p, from, c);
    if (drop != PBFT_KEEP)
        return drop;
    p->peers[from].has_complain = true;
    p->peers[from].complain = *c;
    return PBFT_KEEP;
}

static bool complains_about(const struct pbft *p, uint32_t from, uint64_t view)
{
    return p->peers[from].has_complain && p->peers[from].complain.view == view;
}

/* 6.4: COMPLAINs of f+1 members for one view. */
static bool make_lc(const struct pbft *p, uint64_t view, struct pbft_lc *lc)
{
    memset(lc, 0, sizeof *lc);
    lc->epoch = p->config.epoch;
    lc->view = view;
    for (uint32_t i = 0; i < p->config.members.members_count; i++) {
        if (!complains_about(p, i, view) || lc->entries_count == p->faulty_max + 1)
            continue;
        const struct pbft_complain *c = &p->peers[i].complain;
        lc->entries[lc->entries_count++] = (struct pbft_lc_entry){
            .member_index = (uint8_t)i, .reason = c->reason, .signature = c->signature};
    }
    return lc->entries_count == p->faulty_max + 1;
}

bool pbft_try_leave_view(struct pbft *p)
{
    struct pbft_lc lc;
    for (uint32_t i = 0; i < p->config.members.members_count; i++) {
        uint64_t view = p->peers[i].complain.view;
        if (!p->peers[i].has_complain || view < p->view || !make_lc(p, view, &lc))
            continue;
        pbft_change_view(p, &lc);
        return true;
    }
    return false;
}

/* ---- timers ---- */

/* 6.2. Falling also while a view goes on, by one in each T_k in which it makes progress: k is to
 * outgrow what a view change takes, and a long good view should not be left later for an old bad
 * time. */
static void ease(struct pbft *p)
{
    if (p->backoff_count == 0 || p->now_ms - p->backoff_eased_ms < pbft_timeout_ms(p))
        return;
    p->backoff_count--;
    p->backoff_eased_ms = p->now_ms;
}

void pbft_count_progress(struct pbft *p)
{
    if (!p->has_progress)
        p->backoff_eased_ms = p->now_ms;
    p->has_progress = true;
    ease(p);
}

void pbft_count_view(struct pbft *p)
{
    if (!p->has_progress && p->backoff_count < BACKOFF_MAX)
        p->backoff_count++;
    if (p->has_progress && p->backoff_count > 0)
        p->backoff_count--;
    bool was_unfair = p->is_complaining && p->complaint.reason == PBFT_REASON_UNFAIR;
    p->unfair_count = was_unfair && p->unfair_count < BACKOFF_MAX ? p->unfair_count + 1 : 0;
    pbft_pace_end_view(p);
}

/* (a), (b) and (d) are armed only while this replica sees what happens. */
static bool is_armed(const struct pbft *p)
{
    return p->mode == PBFT_NORMAL && p->is_installed &&
           p->top_cqc.statement.height <= p->committed.height;
}

/* When (a) will be met, as far as is known; UINT64_MAX: not by waiting. */
static uint64_t unfair_at_ms(const struct pbft *p)
{
    if (!is_armed(p))
        return UINT64_MAX;
    if (p->pool.late_ms > fair_limit_ms(p))
        return 0; /* it committed, but came too late */
    if (!p->pool.has_executable || p->pool.fair_since_ms == 0)
        return UINT64_MAX;
    uint64_t since = latest(latest(p->pool.fair_since_ms, p->installed_ms), p->awake_from_ms);
    return pbft_aged_ms(p, since, fair_limit_ms(p) + 1);
}

static uint64_t stalled_at_ms(const struct pbft *p)
{
    if (!is_armed(p) || !p->pool.has_executable)
        return UINT64_MAX;
    uint64_t since = latest(latest(p->installed_ms, p->committed_ms), p->pool.oldest_ms);
    return pbft_aged_ms(p, latest(since, p->awake_from_ms), pbft_timeout_ms(p));
}

/* (e): the primary has what it needs for a NEW-VIEW, or gave one that leads to nothing. */
static uint64_t absent_at_ms(const struct pbft *p)
{
    bool is_waiting = p->mode == PBFT_CHANGING || !p->is_installed;
    if (!is_waiting || p->changing_ms == 0)
        return UINT64_MAX;
    return pbft_aged_ms(p, latest(p->changing_ms, p->awake_from_ms), pbft_timeout_ms(p));
}

/* What stands above the base was proposed in this view, whenever and however it came here; what
 * stands below was not. */
static bool is_term_over(const struct pbft *p)
{
    uint64_t term = p->config.term_blocks, base_height = p->base.height;
    uint64_t blocks = p->committed.height > base_height ? p->committed.height - base_height : 0;
    return term > 0 && is_armed(p) && blocks >= term;
}

static enum pbft_reason reason_now(const struct pbft *p)
{
    if (p->is_primary_faulty)
        return PBFT_REASON_FAULTY;
    if (p->now_ms >= unfair_at_ms(p))
        return PBFT_REASON_UNFAIR;
    if (p->now_ms >= stalled_at_ms(p))
        return PBFT_REASON_STALLED;
    if (p->now_ms >= absent_at_ms(p))
        return PBFT_REASON_ABSENT;
    if (is_term_over(p) || (is_armed(p) && pbft_is_slow(p)))
        return PBFT_REASON_SLOW;
    return PBFT_REASON_NONE;
}

/* ---- my own complaint ---- */

static void make_complaint(struct pbft *p, enum pbft_reason reason)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    struct pbft_complain *c = &p->complaint;
    struct pbft_peer *own = &p->peers[p->config.own_index];
    *c = (struct pbft_complain){.epoch = p->config.epoch, .view = p->view, .reason = reason};
    struct bytes message = pbft_complain_signed(room, c, p->config.own_index, &p->config.chain_id);
    p->config.sign(p->config.sign_context, &c->signature, message);
    own->has_complain = true;
    own->complain = *c;
    p->complain_at_ms = 0;
}

/* One per view, for the reason that came first; sent again while any holds (9.5). */
void pbft_try_complain(struct pbft *p)
{
    enum pbft_reason reason = reason_now(p);
    p->is_complaining = reason != PBFT_REASON_NONE && pbft_may_speak(p) && p->view < UINT64_MAX;
    if (!p->is_complaining)
        return;
    if (p->complaint.reason == PBFT_REASON_NONE)
        make_complaint(p, reason);
    if (p->now_ms < p->complain_at_ms)
        return;
    p->complain_at_ms = p->now_ms + p->config.retransmit_ms;
    pbft_put_send(p, PBFT_SEND_COMPLAIN, PBFT_TO_ALL)->complain = p->complaint;
}

uint64_t pbft_complain_due_ms(const struct pbft *p)
{
    uint64_t due = UINT64_MAX;
    if (p->mode == PBFT_CHANGING && p->has_view_change && pbft_may_speak(p))
        due = p->view_change_at_ms;
    if (p->is_complaining)
        return earliest(due, p->complain_at_ms);
    if (!pbft_may_speak(p) || p->view == UINT64_MAX)
        return due;
    due = earliest(due, unfair_at_ms(p));
    due = earliest(due, stalled_at_ms(p));
    return earliest(due, absent_at_ms(p));
}
