/* VIEW-CHANGE and NEW-VIEW (PROTOCOL.md 7.1 to 7.4). What becomes of the base stands in base.c, the
 * view's own life in view.c. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/state.h"
#include "node/pbft/wire.h"

static bool signature_equal(const struct signature *a, const struct signature *b)
{
    return memcmp(a->bytes, b->bytes, SIGNATURE_BYTES) == 0;
}

/* ---- VIEW-CHANGE ---- */

static void send_view_change(struct pbft *p, uint32_t to)
{
    if (to == PBFT_TO_ALL)
        p->view_change_at_ms = p->now_ms + p->config.retransmit_ms;
    const struct pbft_view_change *own = &p->peers[p->config.own_index].view_change;
    pbft_put_send(p, PBFT_SEND_VIEW_CHANGE, to)->view_change = own;
}

/* Once per view; sent again byte for byte, also when high has risen (7.6, 14.1). */
static void make_view_change(struct pbft *p, const struct pbft_lc *lc)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    struct pbft_peer *own = &p->peers[p->config.own_index];
    struct pbft_view_change *v = &own->view_change;
    CHECK(!p->has_view_change && p->mode == PBFT_CHANGING);
    CHECK(lc->view + 1 == p->view);
    CHECK(!p->has_high || p->high.statement.view < p->view);
    memset(v, 0, sizeof *v);
    v->epoch = p->config.epoch;
    v->view = p->view;
    v->has_high = p->has_high;
    if (p->has_high)
        v->high = p->high;
    v->lc = *lc;
    struct bytes message =
        pbft_view_change_signed(room, v, p->config.own_index, &p->config.chain_id);
    p->config.sign(p->config.sign_context, &v->signature, message);
    p->has_view_change = own->has_view_change = true;
    pbft_put(p, PBFT_WRITE_VIEW_CHANGE)->view_change = v;
    send_view_change(p, PBFT_TO_ALL);
}

void pbft_change_view(struct pbft *p, const struct pbft_lc *lc)
{
    CHECK(lc->view >= p->view);
    pbft_enter_view(p, lc->view + 1);
    if (pbft_may_speak(p))
        make_view_change(p, lc);
}

void pbft_try_resend_view_change(struct pbft *p)
{
    if (p->mode != PBFT_CHANGING || !p->has_view_change || !pbft_may_speak(p) ||
        p->now_ms < p->view_change_at_ms)
        return;
    send_view_change(p, PBFT_TO_ALL);
}

static bool is_same_view_change(const struct pbft_view_change *a, const struct pbft_view_change *b)
{
    struct digest high_a, high_b, lc_a, lc_b;
    if (signature_equal(&a->signature, &b->signature))
        return true;
    pbft_high_digest(&high_a, a);
    pbft_high_digest(&high_b, b);
    pbft_lc_digest(&lc_a, &a->lc);
    pbft_lc_digest(&lc_b, &b->lc);
    return digest_equal(&high_a, &high_b) && digest_equal(&lc_a, &lc_b);
}

enum pbft_drop pbft_judge_view_change(const struct pbft *p, uint32_t from,
                                      const struct pbft_view_change *v)
{
    const struct pbft_peer *peer = &p->peers[from];
    if (v->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    if (peer->has_view_change && v->view == peer->view_change.view)
        return is_same_view_change(v, &peer->view_change) ? PBFT_DROP_DUPLICATE
                                                          : PBFT_DROP_CONFLICT;
    if (v->view < p->view)
        return PBFT_DROP_OTHER_VIEW;
    if (peer->has_view_change && v->view < peer->view_change.view)
        return PBFT_DROP_STALE; /* 7.2: the highest view of a sender */
    bool is_late = v->view == p->view && p->mode == PBFT_NORMAL;
    bool is_news = v->has_high && pbft_raises_high(p, &v->high); /* 5.4: from any message */
    return is_late && !is_news ? PBFT_DROP_NOT_NEEDED : PBFT_KEEP;
}

enum pbft_drop pbft_on_view_change(struct pbft *p, uint32_t from, const struct pbft_view_change *v)
{
    struct pbft_peer *peer = &p->peers[from];
    enum pbft_drop drop = pbft_judge_view_change(p, from, v);
    if (drop == PBFT_DROP_CONFLICT)
        pbft_find_view_changes(p, from, v);
    if (drop != PBFT_KEEP)
        return drop;
    pbft_find_forgotten(p, from, v);
    peer->has_view_change = true;
    peer->view_change = *v;
    if (v->has_high)
        (void)pbft_on_certificate(p, &v->high); /* whatever becomes of it */
    if (v->view > p->view)
        pbft_change_view(p, &v->lc); /* 7.1: LC(v'-1), seen anywhere */
    return PBFT_KEEP;
}

/* ---- NEW-VIEW ---- */

/* Of the base of a NEW-VIEW, which may be that of the epoch. */
static void alarm_about_base(struct pbft *p, const struct certificate *base)
{
    bool has_head = p->head_cqc.entries_count > 0;
    pbft_alarm(p, base, has_head ? &p->head_cqc : &p->high);
}

static struct pbft_block base_block(const struct pbft *p, const struct certificate *c)
{
    if (c == NULL)
        return p->config.epoch_base;
    return (struct pbft_block){.height = c->statement.height, .digest = c->statement.digest};
}

/* 7.3: everybody, the primary as well, takes the base from V by the same choice. */
static enum pbft_drop take_new_view(struct pbft *p, const struct pbft_new_view *n,
                                    const struct digest *ledger)
{
    const struct certificate *c = pbft_new_view_base(n);
    struct pbft_block base = base_block(p, c);
    switch (pbft_judge_base(p, n->view, &base, ledger)) {
    case PBFT_FITS:
        pbft_adopt(p, n, &base);
        return PBFT_KEEP;
    case PBFT_FIT_TWO_BASES: /* the other one may still come: stay CHANGING */
        p->is_primary_faulty = true;
        return PBFT_DROP_CONFLICT;
    case PBFT_FIT_ALARM:
        alarm_about_base(p, c);
        return PBFT_DROP_CONFLICT;
    }
    return PBFT_DROP_CONFLICT;
}

enum pbft_drop pbft_judge_new_view(const struct pbft *p, const struct pbft_new_view *n)
{
    if (n->epoch != p->config.epoch)
        return PBFT_DROP_OTHER_EPOCH;
    if (n->view < p->view)
        return PBFT_DROP_OTHER_VIEW; /* pitfalls B6: a replayed one moves nobody back */
    if (n->view > p->view || p->mode == PBFT_CHANGING)
        return PBFT_KEEP;
    bool is_same = p->has_new_view && signature_equal(&n->signature, &p->new_view.signature);
    return is_same ? PBFT_DROP_DUPLICATE : PBFT_DROP_CONFLICT; /* 7.4: a second one is evidence */
}

enum pbft_drop pbft_on_new_view(struct pbft *p, const struct pbft_new_view *n,
                                const struct digest *ledger)
{
    enum pbft_drop drop = pbft_judge_new_view(p, n);
    if (drop == PBFT_DROP_CONFLICT)
        pbft_find_new_views(p, n);
    if (drop != PBFT_KEEP)
        return drop;
    for (uint32_t i = 0; i < n->entries_count; i++) {
        const struct pbft_new_view_entry *entry = &n->entries[i];
        if (entry->from == p->config.own_index)
            pbft_on_own_view_change(p, &entry->view_change);
        if (entry->view_change.has_high)
            (void)pbft_on_certificate(p, &entry->view_change.high);
    }
    return take_new_view(p, n, ledger);
}

static uint32_t count_view_changes(const struct pbft *p)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->config.members.members_count; i++)
        count += p->peers[i].has_view_change && p->peers[i].view_change.view == p->view;
    return count;
}

static void make_new_view(struct pbft *p)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    struct pbft_new_view *n = &p->making;
    memset(n, 0, sizeof *n);
    n->epoch = p->config.epoch;
    n->view = p->view;
    for (uint32_t i = 0; n->entries_count < p->quorum; i++) {
        CHECK(i < p->config.members.members_count);
        if (!p->peers[i].has_view_change || p->peers[i].view_change.view != p->view)
            continue;
        n->entries[n->entries_count++] =
            (struct pbft_new_view_entry){.from = i, .view_change = p->peers[i].view_change};
    }
    struct bytes message = pbft_new_view_signed(room, n, p->config.own_index, &p->config.chain_id);
    p->config.sign(p->config.sign_context, &n->signature, message);
}

/* 7.3. A primary without a VIEW-CHANGE of its own came here by a certificate of this view (7.7), so
 * it has sent a NEW-VIEW before, which its store lost: it makes no second one. */
void pbft_try_new_view(struct pbft *p)
{
    if (p->mode != PBFT_CHANGING || count_view_changes(p) < p->quorum)
        return;
    if (p->changing_ms == 0)
        p->changing_ms = p->now_ms; /* 6.1 (e) */
    if (pbft_primary(p, p->view) != p->config.own_index || !pbft_may_speak(p) ||
        !p->has_view_change || p->is_primary_faulty)
        return;
    make_new_view(p);
    if (take_new_view(p, &p->making, NULL) == PBFT_KEEP)
        pbft_send_view(p, PBFT_TO_ALL);
}

/* 9.1, 16: of all answers without a body it is the biggest, and one that lies of its view can ask
 * for ever. It goes to one member as often as a correct one asks, once per T_s, so that one that is
 * lost costs T_s or two. */
static bool take_new_view_budget(struct pbft *p, uint32_t to)
{
    struct pbft_peer *peer = &p->peers[to];
    if (p->now_ms < peer->new_view_quiet_ms)
        return false;
    peer->new_view_quiet_ms = p->now_ms + p->config.status_ms;
    return true;
}

void pbft_send_view(struct pbft *p, uint32_t to)
{
    uint32_t primary = pbft_primary(p, p->view);
    if (p->mode == PBFT_CHANGING && p->has_view_change && pbft_may_speak(p))
        send_view_change(p, to);
    if (p->mode == PBFT_CHANGING || !p->has_new_view)
        return;
    if (primary == p->config.own_index && !pbft_may_speak(p))
        return;
    if (to != PBFT_TO_ALL && !take_new_view_budget(p, to))
        return;
    struct pbft_act *act = pbft_put_send(p, PBFT_SEND_NEW_VIEW, to);
    act->new_view = &p->new_view;
    act->new_view_from = primary;
}
