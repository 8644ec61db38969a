/* Answering FETCHes, and whoever is behind, within a budget (PROTOCOL.md 5.7, 9.1, 9.2). Asking and
 * taking stand in sync.c. */
#include "node/pbft/state.h"

/* One more answer within T_s for this peer (9.1)? */
static bool take_budget(struct pbft *p, uint32_t to)
{
    struct pbft_peer *peer = &p->peers[to];
    if (p->now_ms >= peer->answers_from_ms + p->config.status_ms) {
        peer->answers_from_ms = p->now_ms;
        peer->answers_count = 0;
    }
    if (peer->answers_count >= PBFT_ANSWERS_MAX)
        return false;
    peer->answers_count++;
    return true;
}

enum pbft_drop pbft_send_range(struct pbft *p, uint32_t to, uint64_t from_height,
                               uint32_t blocks_max)
{
    if (from_height == 0 || from_height > p->committed.height)
        return PBFT_DROP_NOT_ASKED; /* nothing to give */
    struct pbft_peer *peer = &p->peers[to];
    bool is_again = peer->range_height == from_height && p->now_ms < peer->range_quiet_ms;
    if (is_again || !take_budget(p, to))
        return PBFT_DROP_BUDGET;
    peer->range_height = from_height;
    peer->range_quiet_ms = p->now_ms + p->config.status_ms / 2;
    struct pbft_act *act = pbft_put_send(p, PBFT_SEND_RANGE, to);
    act->height = from_height;
    act->count = blocks_max < p->config.sync_blocks_max ? blocks_max : p->config.sync_blocks_max;
    return PBFT_KEEP;
}

/* A block of the window, or one committed so lately that its slot is not used again yet. */
static const struct pbft_known *find_body(const struct pbft *p, const struct digest *digest)
{
    for (size_t i = 0; i < p->slots_count; i++) {
        const struct pbft_slot *slot = &p->slots[i];
        for (int k = 0; slot->is_used && k < PBFT_SLOT_BLOCKS; k++) {
            const struct pbft_known *known = &slot->known[k];
            if (known->is_used && known->has_body && known->is_durable &&
                digest_equal(&known->block.digest, digest))
                return known;
        }
    }
    return NULL;
}

static enum pbft_drop send_block(struct pbft *p, uint32_t to, const struct digest *digest)
{
    if (!take_budget(p, to))
        return PBFT_DROP_BUDGET; /* before the search: that is what it has to be spared */
    const struct pbft_known *known = find_body(p, digest);
    if (known == NULL)
        return PBFT_DROP_NOT_ASKED;
    struct pbft_act *act = pbft_put_send(p, PBFT_SEND_BLOCK, to);
    act->block = known->block;
    act->pre_prepare_from = pbft_primary(p, p->view);
    /* 4.2, 8.2, 13: who may not speak hands out bodies, and no signature of his own; nor does one
     * who lacks a body below (D5), as it says that he holds it. */
    bool is_own = act->pre_prepare_from == p->config.own_index;
    bool may_sign = pbft_may_speak(p) && !p->has_lost;
    act->has_pre_prepare = known->is_proposed && (!is_own || may_sign);
    act->pre_prepare = (struct pbft_pre_prepare){.epoch = p->config.epoch,
                                                 .view = p->view,
                                                 .block = known->block,
                                                 .signature = known->pre_prepare};
    return PBFT_KEEP;
}

enum pbft_drop pbft_on_fetch(struct pbft *p, uint32_t link, const struct pbft_fetch *fetch)
{
    if (fetch->kind == PBFT_FETCH_RANGE)
        return pbft_send_range(p, link, fetch->from_height, fetch->blocks_max);
    return send_block(p, link, &fetch->digest);
}
