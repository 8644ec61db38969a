/* A Byzantine primary that needs no driver. Where the view is its own it makes NEW-VIEWs of
 * whatever VIEW-CHANGEs there are, its own among them, another one for each half of the members;
 * and then goes on with two chains of empty blocks, which are always valid, one for each half. All
 * that are with it vote for both. */
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/byz_parts.h"
#include "tests/sim/checker_parts.h"

/* ---- NEW-VIEWs ---- */

/* Places in memory of VIEW-CHANGEs for the view, one of each sender. */
static uint32_t find_view_changes(struct sim *s, uint64_t view, uint32_t places[MEMBERS_MAX])
{
    struct sim_byz *b = s->byz;
    const struct pbft_msg *m = b->spare;
    uint32_t senders = 0, count = 0;
    for (uint32_t i = 0; i < BYZ_KEPT; i++) {
        const struct byz_kept *kept = &b->kept[PBFT_VIEW_CHANGE][i];
        if (kept->bytes.size == 0 ||
            !pbft_decode(b->spare, buf_bytes(&kept->bytes), kept->from, verify_block_head) ||
            m->view_change.view != view || m->view_change.epoch != 0 ||
            m->from >= s->plan.members_count || (senders >> m->from & 1) != 0)
            continue;
        senders |= (uint32_t)1 << m->from;
        places[count++] = i;
    }
    return count;
}

/* What each Byzantine member could have said: for this view, with the LC that another one has, and
 * an old high or none. It is remembered with the others. */
static void say_what_we_like(struct sim *s, uint64_t view)
{
    struct sim_byz *b = s->byz;
    struct pbft_msg *m = b->msg;
    uint32_t places[MEMBERS_MAX];
    if (find_view_changes(s, view, places) == 0)
        return;
    uint32_t place = places[0];
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        const struct byz_kept *kept = &b->kept[PBFT_VIEW_CHANGE][place];
        struct buf bytes = {0};
        if (!sim_is_byzantine(s, i) || !sim_luck(s, 500000) ||
            !pbft_decode(m, buf_bytes(&kept->bytes), kept->from, verify_block_head))
            continue;
        m->from = i;
        byz_lower_high(s, &m->view_change);
        byz_sign(s, i, m);
        pbft_encode(&bytes, m);
        byz_remember(s, i, buf_bytes(&bytes));
        buf_free(&bytes);
        place = (uint32_t)((b->kept_count[PBFT_VIEW_CHANGE] - 1) % BYZ_KEPT);
    }
}

static void shuffle(struct sim *s, uint32_t *places, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t k = (uint32_t)sim_between(s, 0, i - 1), place = places[i - 1];
        places[i - 1] = places[k];
        places[k] = place;
    }
}

/* Any q of them. Returns false where there are fewer; *tip is then as it was. */
static bool make_new_view(struct sim *s, uint32_t member, uint64_t view, struct pbft_msg *out,
                          struct byz_tip *tip)
{
    struct sim_byz *b = s->byz;
    uint32_t places[MEMBERS_MAX], quorum = quorum_of(s->plan.members_count);
    uint32_t count = find_view_changes(s, view, places);
    if (count < quorum)
        return false;
    shuffle(s, places, count);
    memset(&out->new_view, 0, sizeof out->new_view);
    out->type = PBFT_NEW_VIEW;
    out->from = out->link = member;
    out->new_view.view = view;
    for (uint32_t i = 0; i < quorum; i++) {
        const struct byz_kept *kept = &b->kept[PBFT_VIEW_CHANGE][places[i]];
        bool is_read =
            pbft_decode(b->spare, buf_bytes(&kept->bytes), kept->from, verify_block_head);
        CHECK(is_read); /* it was before */
        byz_insert_entry(&out->new_view, b->spare->from, &b->spare->view_change);
    }
    byz_sign(s, member, out);
    const struct certificate *base = pbft_new_view_base(&out->new_view);
    *tip = (struct byz_tip){.height = 0, .digest = s->checker->chain[0].digest};
    if (base != NULL)
        *tip = (struct byz_tip){.height = base->statement.height, .digest = base->statement.digest};
    return true;
}

static void vote_for_tip(struct sim *s, uint32_t to, uint64_t view, const struct byz_tip *tip)
{
    byz_vote_for(s, to, 0, view, tip->height, &tip->digest);
}

/* One for each half; of each the base is voted for. */
static void open_view(struct sim *s, uint32_t member, uint64_t view)
{
    struct sim_byz *b = s->byz;
    say_what_we_like(s, view);
    for (uint32_t half = 0; half < 2; half++) {
        if (!make_new_view(s, member, view, b->msg, &b->tips[half]))
            return;
        b->led_view = view;
        s->counts.byz[BYZ_NEW_VIEW_LIE]++;
        for (uint32_t to = 0; to < s->plan.members_count; to++) {
            if (to == member || byz_is_second(s, to) != half)
                continue;
            byz_emit(s, member, to, b->msg, 0);
            vote_for_tip(s, to, view, &b->tips[half]);
        }
    }
}

/* ---- blocks ---- */

static void make_empty(struct sim *s, uint32_t member, uint64_t view, struct byz_tip *tip,
                       uint64_t later_ms, struct pbft_msg *out)
{
    struct pbft_pre_prepare *p = &out->pre_prepare;
    struct block_header h = {.chain_id = s->genesis.chain_id,
                             .height = tip->height + 1,
                             .parent = tip->digest,
                             .time_ms = sim_node_time(s, member).wall_ms + later_ms,
                             .proposer = (uint16_t)member};
    uint8_t *room = (buf_clear(&s->byz->bytes), buf_grow(&s->byz->bytes, BLOCK_HEADER_BYTES));
    merkle_root(&h.tx_root, NULL, 0);
    block_header_encode(room, &h);
    out->type = PBFT_PRE_PREPARE;
    out->from = out->link = member;
    *p = (struct pbft_pre_prepare){.view = view, .bytes = buf_bytes(&s->byz->bytes)};
    bool is_block = verify_block_head(p->bytes, &p->block);
    CHECK(is_block);
    *tip = (struct byz_tip){.height = p->block.height, .digest = p->block.digest};
    byz_sign(s, member, out);
}

static void go_on(struct sim *s, uint32_t member, uint64_t view)
{
    struct sim_byz *b = s->byz;
    for (uint32_t half = 0; half < 2; half++) {
        make_empty(s, member, view, &b->tips[half], half, b->msg);
        s->counts.byz[BYZ_EQUIVOCATION]++;
        for (uint32_t to = 0; to < s->plan.members_count; to++) {
            if (to == member || byz_is_second(s, to) != half)
                continue;
            byz_emit(s, member, to, b->msg, 0);
            vote_for_tip(s, to, view, &b->tips[half]);
        }
    }
}

void byz_lead(struct sim *s, uint32_t member)
{
    struct sim_byz *b = s->byz;
    enum { AHEAD_MAX = 8 }; /* of what the correct ones vote for */
    bool is_primary = pbft_primary_of(0, b->view, s->plan.members_count) == member;
    if (b->view == 0 || (!is_primary && !sim_luck(s, 100000)))
        return;
    if (b->led_view != b->view)
        open_view(s, member, b->view);
    else if (b->tips[0].height < b->height + AHEAD_MAX)
        go_on(s, member, b->view);
}
