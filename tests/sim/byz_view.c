/* View changes as Byzantine members make them: complaints without a reason, VIEW-CHANGEs with an
 * old high or none, NEW-VIEWs made of other VIEW-CHANGEs than the driver took, two of them to two
 * halves, and views beyond reason. */
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/byz_parts.h"

/* ---- VIEW-CHANGE ---- */

/* One of the certificates that were seen, if it can stand there: of the epoch, and of a lower view
 * (7.2). */
static bool read_high(struct sim *s, const struct byz_kept *kept, const struct pbft_view_change *v)
{
    struct pbft_msg *m = s->byz->spare;
    return kept->bytes.size > 0 &&
           pbft_decode(m, buf_bytes(&kept->bytes), kept->from, verify_block_head) &&
           m->qc.statement.kind != CERT_CHECKPOINT && m->qc.statement.view < v->view &&
           m->qc.statement.epoch == v->epoch;
}

/* Any old certificate in place of the highest; or the one of the greatest height, whatever its
 * view: perhaps nobody else has it; or none. */
void byz_lower_high(struct sim *s, struct pbft_view_change *v)
{
    const struct byz_kept *any = byz_recall(s, PBFT_QC);
    uint64_t kind = sim_between(s, 0, 2);
    if (kind == 0 || any == NULL) {
        v->has_high = false;
        return;
    }
    if (kind == 1 && read_high(s, any, v)) {
        v->has_high = true;
        v->high = s->byz->spare->qc;
        return;
    }
    for (uint32_t i = 0; i < BYZ_KEPT; i++) {
        const struct certificate *c = &s->byz->spare->qc;
        if (!read_high(s, &s->byz->kept[PBFT_QC][i], v) ||
            (v->has_high && c->statement.height < v->high.statement.height))
            continue;
        v->has_high = true;
        v->high = *c;
    }
}

/* Its own VIEW-CHANGE with an LC that anybody has shown; or with one that it made up of its own
 * complaint, for a view beyond reason. */
void byz_change_view(struct sim *s, uint32_t member)
{
    struct pbft_msg *m = s->byz->msg; /* spare is read from */
    const struct byz_kept *kept = byz_recall(s, PBFT_VIEW_CHANGE);
    uint32_t to = byz_any_peer(s, member);
    if (kept != NULL && sim_luck(s, 700000) &&
        pbft_decode(m, buf_bytes(&kept->bytes), kept->from, verify_block_head)) {
        m->from = member;
        byz_lower_high(s, &m->view_change);
        byz_sign(s, member, m);
        byz_emit(s, member, to, m, 0);
        return;
    }
    struct pbft_msg complaint = {.type = PBFT_COMPLAIN, .from = member, .link = member};
    uint64_t view = sim_luck(s, 500000) ? s->byz->view : UINT64_MAX - 1 - sim_between(s, 0, 2);
    complaint.complain = (struct pbft_complain){.view = view, .reason = PBFT_REASON_STALLED};
    byz_sign(s, member, &complaint);
    m->type = PBFT_VIEW_CHANGE;
    m->from = m->link = member;
    memset(&m->view_change, 0, sizeof m->view_change);
    m->view_change.view = view + 1;
    m->view_change.lc.view = view;
    for (uint32_t i = 0; i <= faulty_max_of(s->plan.members_count); i++)
        m->view_change.lc.entries[m->view_change.lc.entries_count++] =
            (struct pbft_lc_entry){.member_index = (uint8_t)i,
                                   .reason = PBFT_REASON_STALLED,
                                   .signature = complaint.complain.signature};
    byz_sign(s, member, m);
    byz_emit(s, member, to, m, 0);
}

/* ---- NEW-VIEW ---- */

static bool has_entry(const struct pbft_new_view *n, uint32_t from)
{
    for (uint32_t i = 0; i < n->entries_count; i++)
        if (n->entries[i].from == from)
            return true;
    return false;
}

void byz_insert_entry(struct pbft_new_view *n, uint32_t from, const struct pbft_view_change *v)
{
    uint32_t at = n->entries_count++;
    for (; at > 0 && n->entries[at - 1].from > from; at--)
        n->entries[at] = n->entries[at - 1];
    n->entries[at].from = from;
    n->entries[at].view_change = *v;
}

/* Put VIEW-CHANGEs that were seen in the place of some that the driver took. */
static void choose_others(struct sim *s, struct pbft_new_view *n)
{
    struct sim_byz *b = s->byz;
    uint32_t gone = (uint32_t)sim_between(s, 0, n->entries_count - 1);
    uint64_t from = sim_between(s, 0, BYZ_KEPT - 1);
    for (uint32_t i = gone; i + 1 < n->entries_count; i++)
        n->entries[i] = n->entries[i + 1];
    n->entries_count--;
    for (uint32_t i = 0; i < BYZ_KEPT; i++) {
        const struct byz_kept *kept = &b->kept[PBFT_VIEW_CHANGE][(from + i) % BYZ_KEPT];
        const struct pbft_msg *m = b->spare;
        if (kept->bytes.size == 0 ||
            !pbft_decode(b->spare, buf_bytes(&kept->bytes), kept->from, verify_block_head) ||
            m->view_change.view != n->view || m->view_change.epoch != n->epoch ||
            has_entry(n, m->from))
            continue;
        byz_insert_entry(n, m->from, &m->view_change);
        return;
    }
}

/* ---- what a driver says ---- */

void byz_on_view(struct byz_act *a)
{
    struct sim *s = a->s;
    struct pbft_msg *m = a->m;
    if (m->type == PBFT_VIEW_CHANGE && byz_does(s, a->member, BYZ_VIEW_CHANGE_LIE)) {
        byz_lower_high(s, &m->view_change);
        a->is_changed = true;
    }
    if (m->type != PBFT_NEW_VIEW || m->from != a->member)
        return;
    if (byz_is_second(s, a->to) && byz_does(s, a->member, BYZ_NEW_VIEW_LIE)) {
        choose_others(s, &m->new_view);
        a->is_changed = true;
    }
}

/* Of the view that is, the next, or one beyond reason; to one, or to all. */
void byz_complain(struct sim *s, uint32_t member)
{
    struct pbft_msg *m = s->byz->spare;
    uint64_t view = s->byz->view + sim_between(s, 0, 1);
    uint32_t only = byz_any_peer(s, member);
    bool is_to_all = sim_luck(s, 500000);
    if (sim_luck(s, 200000))
        view = UINT64_MAX - 1 - sim_between(s, 0, 100);
    m->type = PBFT_COMPLAIN;
    m->from = m->link = member;
    m->complain = (struct pbft_complain){
        .view = view,
        .reason = (enum pbft_reason)sim_between(s, PBFT_REASON_UNFAIR, PBFT_REASON_END - 1)};
    byz_sign(s, member, m);
    for (uint32_t to = 0; to < s->plan.members_count; to++)
        if (to != member && (is_to_all || to == only))
            byz_emit(s, member, to, m, 0);
}
