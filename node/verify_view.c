/* Judging the messages of view changes (PROTOCOL.md 3.2, 7.2, 7.4): whole or not at all, since a
 * bad part let through could hide a good one (pitfalls B3).
 *
 * A NEW-VIEW is by far the dearest message, up to 694 signatures at n = 31. Nobody but the primary
 * can make anyone work for it: its own signature, which covers all the others, comes before them.
 * And what its VIEW-CHANGEs have in common, usually the high and the LC, is verified once. */
#include "node/pbft/wire.h"
#include "node/verify_parts.h"

/* ---- COMPLAIN, LC ---- */

static enum verify_drop judge_complaint(const struct verify_config *config, uint32_t from,
                                        const struct pbft_complain *c)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    struct bytes message = pbft_complain_signed(room, c, from, &config->chain_id);
    return judge_signature(config, from, &c->signature, message);
}

enum verify_drop verify_judge_complain(const struct verify_config *config, const struct pbft_msg *m)
{
    enum verify_drop drop = judge_signer(config, m->from, m->complain.epoch);
    return drop == VERIFY_KEEP ? judge_complaint(config, m->from, &m->complain) : drop;
}

/* Exactly f+1, all of them members; that they are different ones was the decoder's to see. */
static enum verify_drop judge_lc_form(const struct verify_config *config, const struct pbft_lc *lc)
{
    uint32_t members_count = config->members.members_count;
    if (lc->entries_count != faulty_max_of(members_count) + 1)
        return VERIFY_DROP_BAD_CERTIFICATE;
    for (uint32_t i = 0; i < lc->entries_count; i++) {
        if (lc->entries[i].member_index >= members_count)
            return VERIFY_DROP_BAD_CERTIFICATE;
    }
    return VERIFY_KEEP;
}

/* Requires: its form was judged. */
static enum verify_drop judge_lc_signatures(const struct verify_config *config,
                                            const struct pbft_lc *lc)
{
    for (uint32_t i = 0; i < lc->entries_count; i++) {
        struct pbft_complain c = pbft_lc_complain(lc, i);
        if (judge_complaint(config, lc->entries[i].member_index, &c) != VERIFY_KEEP)
            return VERIFY_DROP_BAD_CERTIFICATE;
    }
    return VERIFY_KEEP;
}

/* ---- VIEW-CHANGE ---- */

/* Of the VIEW-CHANGE alone, without its parts. */
static enum verify_drop judge_view_change_signature(const struct verify_config *config,
                                                    uint32_t from, const struct pbft_view_change *v)
{
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    struct bytes message = pbft_view_change_signed(room, v, from, &config->chain_id);
    return judge_signature(config, from, &v->signature, message);
}

/* Rule 7.2. */
enum verify_drop verify_judge_view_change(const struct verify_config *config,
                                          const struct pbft_msg *m)
{
    const struct pbft_view_change *v = &m->view_change;
    enum verify_drop drop = judge_signer(config, m->from, v->epoch);
    if (drop == VERIFY_KEEP)
        drop = judge_lc_form(config, &v->lc);
    if (drop == VERIFY_KEEP)
        drop = judge_view_change_signature(config, m->from, v);
    if (drop == VERIFY_KEEP)
        drop = judge_lc_signatures(config, &v->lc);
    if (drop == VERIFY_KEEP && v->has_high)
        drop = judge_certificate(config, &v->high);
    return drop;
}

/* ---- NEW-VIEW ---- */

/* Which highs and LCs of a NEW-VIEW stand, byte by byte, in no VIEW-CHANGE before. */
struct fresh {
    bool high[QUORUM_MAX];
    bool lc[QUORUM_MAX];
};

static bool is_among(const struct digest *d, const struct digest *earlier, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (digest_equal(d, &earlier[i]))
            return true;
    }
    return false;
}

static void find_fresh(struct fresh *out, const struct pbft_new_view *n)
{
    struct digest highs[QUORUM_MAX], lcs[QUORUM_MAX];
    for (uint32_t i = 0; i < n->entries_count; i++) {
        const struct pbft_view_change *v = &n->entries[i].view_change;
        pbft_high_digest(&highs[i], v);
        pbft_lc_digest(&lcs[i], &v->lc);
        out->high[i] = v->has_high && !is_among(&highs[i], highs, i);
        out->lc[i] = !is_among(&lcs[i], lcs, i);
    }
}

/* Exactly q VIEW-CHANGEs of members. */
static enum verify_drop judge_set_form(const struct verify_config *config,
                                       const struct pbft_new_view *n)
{
    uint32_t members_count = config->members.members_count;
    enum verify_drop drop = VERIFY_KEEP;
    if (n->entries_count != quorum_of(members_count))
        return VERIFY_DROP_BAD_CERTIFICATE;
    for (uint32_t i = 0; i < n->entries_count && drop == VERIFY_KEEP; i++) {
        if (n->entries[i].from >= members_count)
            return VERIFY_DROP_BAD_CERTIFICATE;
        drop = judge_lc_form(config, &n->entries[i].view_change.lc);
    }
    return drop;
}

/* All that is signed in it, but for what is not fresh. */
static enum verify_drop judge_set_signatures(const struct verify_config *config,
                                             const struct pbft_new_view *n)
{
    struct fresh fresh;
    enum verify_drop drop = VERIFY_KEEP;
    find_fresh(&fresh, n);
    for (uint32_t i = 0; i < n->entries_count && drop == VERIFY_KEEP; i++) {
        const struct pbft_new_view_entry *entry = &n->entries[i];
        const struct pbft_view_change *v = &entry->view_change;
        if (judge_view_change_signature(config, entry->from, v) != VERIFY_KEEP)
            return VERIFY_DROP_BAD_CERTIFICATE;
        if (fresh.lc[i])
            drop = judge_lc_signatures(config, &v->lc);
        if (drop == VERIFY_KEEP && fresh.high[i])
            drop = judge_certificate(config, &v->high);
    }
    return drop;
}

/* Rule 7.4, as far as it needs no state. */
enum verify_drop verify_judge_new_view(const struct verify_config *config, const struct pbft_msg *m)
{
    const struct pbft_new_view *n = &m->new_view;
    uint8_t room[PBFT_SIGNED_BYTES_MAX];
    enum verify_drop drop = judge_signer(config, m->from, n->epoch);
    if (drop != VERIFY_KEEP)
        return drop;
    if (m->from != pbft_primary_of(n->epoch, n->view, config->members.members_count))
        return VERIFY_DROP_NOT_PRIMARY;
    drop = judge_set_form(config, n);
    if (drop == VERIFY_KEEP)
        drop = judge_signature(config, m->from, &n->signature,
                               pbft_new_view_signed(room, n, m->from, &config->chain_id));
    return drop == VERIFY_KEEP ? judge_set_signatures(config, n) : drop;
}

/* ---- what it costs ---- */

uint32_t verify_view_signatures(const struct pbft_msg *m)
{
    const struct pbft_view_change *alone = &m->view_change;
    if (m->type == PBFT_VIEW_CHANGE)
        return 1 + alone->lc.entries_count + (alone->has_high ? alone->high.entries_count : 0);
    const struct pbft_new_view *n = &m->new_view;
    struct fresh fresh;
    uint32_t count = 1 + n->entries_count;
    find_fresh(&fresh, n);
    for (uint32_t i = 0; i < n->entries_count; i++) {
        const struct pbft_view_change *v = &n->entries[i].view_change;
        count += fresh.high[i] ? v->high.entries_count : 0;
        count += fresh.lc[i] ? v->lc.entries_count : 0;
    }
    return count;
}
