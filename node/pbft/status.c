/* STATUS, and what it heals: every lost message is sent again because somebody's STATUS shows that
 * it is missing there (PROTOCOL.md 9.1, 9.5, 4.1). */
#include "crypto/base/check.h"
#include "node/pbft/state.h"
#include "node/pbft/wire.h"

void pbft_send_status(struct pbft *p)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    struct pbft_status s = {.epoch = p->config.epoch,
                            .view = p->view,
                            .mode = p->mode,
                            .committed_height = p->committed.height,
                            .stable_height = pbft_stable_height(p),
                            .evidence_digest = p->evidence_digest,
                            .counter = ++p->status_counter};
    if (p->has_high)
        s.high = pbft_rank_of(&p->high);
    p->status_at_ms = p->now_ms + p->config.status_ms;
    struct bytes message = pbft_status_signed(room, &s, p->config.own_index, &p->config.chain_id);
    p->config.sign(p->config.sign_context, &s.signature, message);
    pbft_put_send(p, PBFT_SEND_STATUS, PBFT_TO_ALL)->status = s;
    for (uint32_t i = 0; i < p->config.members.members_count; i++)
        p->peers[i].silent_count += p->peers[i].silent_count < PBFT_STATUS_SILENT_MAX;
}

/* Rule 9.1's budget for PRE-PREPAREs, which carry bodies: to one member each goes out again after
 * T_s/2, T_s, 2 T_s, ... 8 T_s. The first few tries are as fast as STATUS asks for them, so what
 * the network loses is healed as before; but whoever claims for ever not to rise gets P bodies in 8
 * T_s. It is counted by height, not by what the member claims: nothing that it says earns it more.
 * Votes are small and have no such budget. */
static bool take_resend(struct pbft *p, struct pbft_slot *slot, uint32_t to)
{
    if (to == PBFT_TO_ALL)
        return true; /* once, at the start */
    if (p->now_ms < slot->resend_at_ms[to])
        return false;
    slot->resend_at_ms[to] = p->now_ms + (p->config.status_ms / 2 << slot->resends_count[to]);
    if (slot->resends_count[to] < PBFT_RESEND_DOUBLINGS_MAX)
        slot->resends_count[to]++;
    return true;
}

static void resend_proposals(struct pbft *p, struct pbft_slot *slot, uint32_t to)
{
    if (pbft_primary(p, p->view) != p->config.own_index)
        return;
    for (int i = 0; i < PBFT_SLOT_BLOCKS; i++) {
        const struct pbft_known *known = &slot->known[i]; /* one of them at most: 5.1 */
        if (!known->is_used || !known->is_proposed || !known->is_durable ||
            !take_resend(p, slot, to))
            continue;
        struct pbft_act *act = pbft_put_send(p, PBFT_SEND_PRE_PREPARE, to);
        act->block = known->block;
        act->pre_prepare = (struct pbft_pre_prepare){.epoch = p->config.epoch,
                                                     .view = p->view,
                                                     .block = known->block,
                                                     .signature = known->pre_prepare};
    }
}

static void resend_votes(struct pbft *p, struct pbft_slot *slot, uint32_t to)
{
    static const enum cert_kind kinds[PBFT_VOTE_KINDS] = {CERT_PREPARE, CERT_COMMIT};
    for (int k = 0; k < PBFT_VOTE_KINDS; k++) {
        const struct pbft_ballot *own = pbft_ballot(slot, kinds[k], p->config.own_index);
        if (!own->is_cast || own->view != p->view)
            continue;
        struct pbft_act *act = pbft_put_send(p, PBFT_SEND_VOTE, to);
        act->vote.statement = (struct statement){.kind = kinds[k],
                                                 .epoch = p->config.epoch,
                                                 .view = own->view,
                                                 .height = slot->height,
                                                 .digest = own->digest};
        act->vote.signature = own->signature; /* 4.1: byte-identical */
    }
}

void pbft_resend(struct pbft *p, uint64_t above_height, uint32_t to)
{
    if (!pbft_may_speak(p) || p->has_lost)
        return; /* 4.2, 13: a vote that is sent again is a vote; section 4: so is its body held */
    /* 7.4: the base vote too, where nothing above the base is committed. */
    bool has_base = p->view > 0 && above_height == p->base.height;
    for (uint64_t height = above_height + !has_base; pbft_is_votable(p, height); height++) {
        struct pbft_slot *slot = pbft_slot_find(p, height);
        if (slot == NULL)
            continue;
        resend_proposals(p, slot, to);
        resend_votes(p, slot, to);
    }
}

enum pbft_drop pbft_judge_status(const struct pbft *p, uint32_t from, const struct pbft_status *s)
{
    if (s->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    const struct pbft_peer *peer = &p->peers[from];
    bool is_heard = peer->has_status && peer->silent_count < PBFT_STATUS_SILENT_MAX;
    return is_heard && s->counter <= peer->counter ? PBFT_DROP_STALE : PBFT_KEEP;
}

/* Rules 9.1 and 9.5: what the sender of a STATUS has not got. Below my committed height that is
 * blocks and a certificate, above it are the votes that may still be missing. */
static void answer_status(struct pbft *p, uint32_t from, const struct pbft_status *s, bool is_first,
                          bool has_risen)
{
    uint64_t own_height = p->committed.height;
    bool is_behind = s->committed_height < own_height;
    /* One that rises and is hardly behind has them in flight already. */
    bool is_far_behind = is_behind && own_height - s->committed_height > p->config.pipeline_heights;
    if (is_far_behind || (is_behind && !has_risen))
        (void)pbft_send_range(p, from, s->committed_height + 1, p->config.sync_blocks_max);
    if (s->view == p->view && !has_risen && !is_first)
        pbft_resend(p, is_behind ? own_height : s->committed_height, from);
    if (s->view < p->view || (s->view == p->view && s->mode == PBFT_CHANGING))
        pbft_send_view(p, from);
    pbft_send_checkpoints(p, from, s->stable_height);
    struct pbft_rank own = pbft_rank_of(&p->high);
    if (p->has_high && pbft_rank_compare(&s->high, &own) < 0)
        pbft_put_send(p, PBFT_SEND_QC, from)->certificate = &p->high;
    pbft_answer_evidence(p, from, &s->evidence_digest);
}

enum pbft_drop pbft_on_status(struct pbft *p, uint32_t from, const struct pbft_status *s)
{
    enum pbft_drop drop = pbft_judge_status(p, from, s);
    if (drop != PBFT_KEEP)
        return drop;
    struct pbft_peer *peer = &p->peers[from];
    bool is_first = !peer->has_status; /* whether it rises will be seen at its next */
    bool has_risen = !is_first && s->committed_height > peer->committed_height;
    peer->has_status = true;
    peer->silent_count = 0;
    peer->counter = s->counter;
    peer->committed_height = s->committed_height;
    if (p->now_ms < peer->status_quiet_ms)
        return PBFT_DROP_BUDGET;
    peer->status_quiet_ms = p->now_ms + p->config.status_ms / 2;
    answer_status(p, from, s, is_first, has_risen);
    return PBFT_KEEP;
}
