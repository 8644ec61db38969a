/* Fetching what is missing: bodies by digest, and ranges of committed blocks (PROTOCOL.md 5.7, 9.2,
 * 9.4). Only certified heights are believed; a peer's claims decide no more than whom to ask. */
#include "crypto/base/check.h"
#include "node/pbft/state.h"

/* ---- asking ---- */

static bool is_free_to_ask(const struct pbft *p, uint32_t at)
{
    return at != p->config.own_index && p->now_ms >= p->peers[at].fetching_until_ms;
}

static bool has_voted_for(const struct pbft *p, struct pbft_slot *slot, uint32_t from,
                          const struct digest *digest)
{
    const struct pbft_ballot *b = pbft_ballot(slot, CERT_PREPARE, from);
    return b->is_cast && b->view == p->view && digest_equal(&b->digest, digest);
}

static uint32_t count_votes(const struct pbft *p, struct pbft_slot *slot,
                            const struct digest *digest)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->config.members.members_count; i++)
        count += has_voted_for(p, slot, i, digest);
    return count;
}

/* Rules 9.4 and 16: one FETCH in flight per peer, PBFT_FETCHES_MAX in all. */
static bool has_free_fetch(const struct pbft *p)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->config.members.members_count; i++)
        count += p->now_ms < p->peers[i].fetching_until_ms;
    return count < PBFT_FETCHES_MAX;
}

static void send_fetch(struct pbft *p, uint32_t to, const struct pbft_fetch *fetch)
{
    pbft_note_asked(p, to, fetch);
    pbft_put_send(p, PBFT_SEND_FETCH, to)->fetch = *fetch;
}

static bool was_asked_for(const struct pbft_slot *slot, uint32_t at)
{
    return (slot->fetch_asked >> at & 1) != 0;
}

/* Of those that were not asked for this block yet: first whoever's last body came in time. */
static uint32_t next_to_ask(const struct pbft *p, struct pbft_slot *slot,
                            const struct digest *digest)
{
    uint32_t members_count = p->config.members.members_count, in_vain = p->config.own_index;
    bool has_signers = count_votes(p, slot, digest) > p->faulty_max;
    for (uint32_t i = 0; i < members_count; i++) {
        uint32_t at = (p->fetch_turn + i) % members_count;
        if (!is_free_to_ask(p, at) || was_asked_for(slot, at) ||
            (has_signers && !has_voted_for(p, slot, at, digest)))
            continue;
        if (!p->peers[at].is_asked_in_vain)
            return at;
        if (in_vain == p->config.own_index)
            in_vain = at;
    }
    return in_vain;
}

/* A member to ask for this block: of the signers where f+1 are known (5.7), else, where a
 * certificate came as a whole, of all. Not of f or fewer voters before the others: they may be the
 * ones that lie. Each is asked once before anybody is asked again, so that no answers to other
 * questions keep a block from me. The own index when all of them are busy. */
static uint32_t whom_to_ask(struct pbft *p, struct pbft_slot *slot, const struct digest *digest)
{
    uint32_t at = next_to_ask(p, slot, digest), asked = slot->fetch_asked;
    if (at != p->config.own_index)
        return at;
    slot->fetch_asked = 0;
    at = next_to_ask(p, slot, digest);
    if (at == p->config.own_index)
        slot->fetch_asked = asked;
    return at;
}

static void retry_at(struct pbft *p, uint64_t at_ms)
{
    if (p->fetch_retry_ms == 0 || at_ms < p->fetch_retry_ms)
        p->fetch_retry_ms = at_ms;
}

static void retry_when_one_is_free(struct pbft *p)
{
    for (uint32_t i = 0; i < p->config.members.members_count; i++)
        if (p->now_ms < p->peers[i].fetching_until_ms)
            retry_at(p, p->peers[i].fetching_until_ms);
}

/* 7.4, 16: the bodies on the way down from the base that are here. Whoever prepared it held all of
 * them above his head within the limit, and what is below his head comes in ranges. */
static uint64_t base_bytes_held(const struct pbft *p)
{
    struct digest next = p->base.digest;
    uint64_t sum = 0;
    for (uint64_t at = p->base.height; at > p->committed.height; at--) {
        const struct pbft_known *known = pbft_known_find(p, at, &next);
        if (known == NULL)
            break;
        sum += known->has_body ? known->size : 0;
        next = known->block.parent;
    }
    return sum;
}

/* 16: beyond the limit only the next body is fetched, which lets others go, and what the base
 * lacks: what I voted for in lower views goes when this one is installed (5.9), and that takes base
 * votes. Ranges bring the rest. */
static bool may_fetch(const struct pbft *p, uint64_t height, const struct digest *digest)
{
    if (height == p->committed.height + 1 || !pbft_is_full(p))
        return true;
    const struct certificate *base = pbft_awaited_base(p);
    if (base == NULL || base_bytes_held(p) >= p->config.proposals_bytes_max)
        return false;
    struct pbft_block missing = pbft_missing_below(p, base);
    return missing.height == height && digest_equal(&missing.digest, digest);
}

static void fetch_block(struct pbft *p, uint64_t height, const struct digest *digest)
{
    struct pbft_slot *slot = pbft_slot_at(p, height);
    if (!may_fetch(p, height, digest))
        return;
    if (p->now_ms < slot->fetch_at_ms) { /* 9.4: asked within T_s */
        retry_at(p, slot->fetch_at_ms);
        return;
    }
    uint32_t to = has_free_fetch(p) ? whom_to_ask(p, slot, digest) : p->config.own_index;
    if (to == p->config.own_index) {
        retry_when_one_is_free(p);
        return;
    }
    slot->fetch_at_ms = p->now_ms + p->config.status_ms;
    slot->fetch_asked |= UINT32_C(1) << to;
    p->fetch_turn = to + 1;
    slot->is_fetched = true;
    slot->fetched = *digest;
    retry_at(p, slot->fetch_at_ms);
    struct pbft_fetch fetch = {.kind = PBFT_FETCH_BLOCK, .digest = *digest};
    send_fetch(p, to, &fetch);
}

/* Rule 5.7: f+1 PREPAREs name a block that is not here. */
static void fetch_voted(struct pbft *p, struct pbft_slot *slot)
{
    for (uint32_t i = 0; i < p->config.members.members_count; i++) {
        const struct pbft_ballot *b = pbft_ballot(slot, CERT_PREPARE, i);
        if (!b->is_cast || b->view != p->view)
            continue;
        const struct pbft_known *known = pbft_known_find(p, slot->height, &b->digest);
        if (known != NULL && known->has_body)
            continue;
        if (count_votes(p, slot, &b->digest) > p->faulty_max) {
            fetch_block(p, slot->height, &b->digest);
            return;
        }
    }
}

/* How high single bodies are fetched. What a certificate further up names comes in ranges, which
 * bring nearer certificates too (9.2, 5.6). */
static bool is_near(const struct pbft *p, uint64_t height)
{
    return height - p->committed.height <= PBFT_UNCERTIFIED_MAX;
}

/* What is missing below the lowest certificates, which is needed first, and below the highest. */
static void fetch_certified(struct pbft *p)
{
    uint64_t from = p->committed.height + 1;
    const struct certificate *certificates[] = {pbft_lowest_certificate(p, CERT_COMMIT, from),
                                                pbft_lowest_certificate(p, CERT_PREPARE, from),
                                                &p->top_cqc, &p->top_pqc, pbft_awaited_base(p)};
    for (size_t i = 0; i < sizeof certificates / sizeof certificates[0]; i++) {
        const struct certificate *c = certificates[i];
        if (c == NULL || !pbft_in_window(p, c->statement.height) ||
            !is_near(p, c->statement.height))
            continue;
        struct pbft_block missing = pbft_missing_below(p, c);
        if (missing.height > 0)
            fetch_block(p, missing.height, &missing.digest);
    }
}

/* Rule 9.2: ranges come from rotating peers, so that none of them sets the pace. What a peer claims
 * to have decides no more than whether it is asked. Whether one was. */
static bool fetch_range(struct pbft *p, uint64_t from_height, uint32_t blocks_max)
{
    uint32_t members_count = p->config.members.members_count;
    for (uint32_t i = 0; i < members_count && has_free_fetch(p); i++) {
        uint32_t at = (p->range_turn + i) % members_count;
        if (!is_free_to_ask(p, at) || p->peers[at].committed_height < from_height)
            continue;
        struct pbft_fetch fetch = {
            .kind = PBFT_FETCH_RANGE, .from_height = from_height, .blocks_max = blocks_max};
        send_fetch(p, at, &fetch);
        p->range_turn = at + 1;
        return true;
    }
    return false;
}

enum pbft_drop pbft_on_fetch_range(struct pbft *p, uint64_t from_height, uint32_t blocks_max)
{
    return fetch_range(p, from_height, blocks_max) ? PBFT_KEEP : PBFT_DROP_BUDGET;
}

static bool fetch_next_range(struct pbft *p)
{
    if (p->range_asks_left == 0 || p->is_alarmed ||
        !fetch_range(p, p->committed.height + 1, p->config.sync_blocks_max))
        return false;
    p->range_asks_left--;
    p->range_until_ms = p->now_ms + p->config.status_ms;
    return true;
}

/* While a range is under way it brings what certificates name. One that is late is left to arrive
 * or not: the next source is asked, and single bodies beside it. */
static void fetch_ahead(struct pbft *p)
{
    if (p->now_ms < p->range_until_ms) {
        retry_at(p, p->range_until_ms);
        return;
    }
    bool is_late = p->range_until_ms > 0;
    p->range_until_ms = 0;
    bool is_asked = fetch_next_range(p);
    if (is_asked)
        retry_at(p, p->range_until_ms);
    if (is_late || !is_asked)
        fetch_certified(p);
}

/* Once after whatever may have left a body missing, and again every T_s. */
void pbft_try_fetch(struct pbft *p)
{
    if (!p->is_fetch_due || p->is_taking_snapshot)
        return;
    p->is_fetch_due = false;
    p->fetch_retry_ms = 0;
    fetch_ahead(p);
    for (uint64_t height = p->committed.height + 1; is_near(p, height) && pbft_in_window(p, height);
         height++) {
        struct pbft_slot *slot = pbft_slot_find(p, height);
        if (slot != NULL)
            fetch_voted(p, slot);
    }
}

/* ---- taking ---- */

/* Whether I asked for it, because f+1 votes or a certificate name it, and it is not here: only then
 * is an unsigned body kept. */
static bool is_wanted(const struct pbft *p, const struct pbft_block *block)
{
    struct pbft_slot *slot = pbft_slot_find(p, block->height);
    const struct pbft_known *known = pbft_known_find(p, block->height, &block->digest);
    if (slot == NULL || (known != NULL && known->has_body))
        return false;
    return slot->is_fetched && digest_equal(&slot->fetched, &block->digest);
}

static bool has_proposal(const struct pbft *p, const struct pbft_data *data)
{
    return data->has_pre_prepare && data->pre_prepare_from != p->config.own_index;
}

static enum pbft_drop judge_block(const struct pbft *p, const struct pbft_data *data)
{
    const struct pbft_block *block = &data->blocks[0];
    if (block->height <= p->committed.height)
        return PBFT_DROP_COMMITTED;
    if (!pbft_in_window(p, block->height))
        return PBFT_DROP_OUT_OF_WINDOW;
    if (has_proposal(p, data) &&
        pbft_judge_pre_prepare(p, data->pre_prepare_from, &data->pre_prepare) == PBFT_KEEP)
        return PBFT_KEEP;
    if (!is_wanted(p, block))
        return PBFT_DROP_NOT_ASKED;
    if (!may_fetch(p, block->height, &block->digest))
        return PBFT_DROP_NO_ROOM; /* others came meanwhile */
    bool is_known = pbft_known_find(p, block->height, &block->digest) != NULL;
    return is_known || pbft_has_room(p, block) ? PBFT_KEEP : PBFT_DROP_SLOT_FULL;
}

/* Returns false when the height has no room. */
static bool take(struct pbft *p, const struct pbft_block *block, const struct bytes *body)
{
    struct pbft_known *known = pbft_known_at(p, block);
    if (known == NULL)
        return false;
    if (body != NULL) {
        known->has_body = true;
        known->size = body->size;
    }
    return true;
}

static enum pbft_drop on_block(struct pbft *p, const struct pbft_data *data)
{
    enum pbft_drop drop = judge_block(p, data);
    if (drop != PBFT_KEEP)
        return drop;
    bool is_proposal =
        has_proposal(p, data) &&
        pbft_on_pre_prepare(p, data->pre_prepare_from, &data->pre_prepare) == PBFT_KEEP;
    if (!is_proposal)
        CHECK(take(p, &data->blocks[0], &data->bytes[0])); /* there is room, said the judge */
    return PBFT_KEEP;
}

/* Those blocks of a range, with bodies or (NULL) heads alone, that lie in the window: from the top
 * down, so that the certificate covers each of them when it looks for a place. */
static bool take_all(struct pbft *p, const struct pbft_block *blocks, uint32_t count,
                     const struct bytes *bodies)
{
    for (uint32_t i = count; i-- > 0;)
        if (pbft_in_window(p, blocks[i].height) &&
            !take(p, &blocks[i], bodies == NULL ? NULL : &bodies[i]))
            return false;
    return true;
}

/* 5.6: one further up commits nothing yet. */
static bool is_committing(const struct pbft *p, const struct certificate *c)
{
    return pbft_in_window(p, c->statement.height) && is_near(p, c->statement.height);
}

/* The blocks of a range, apart from its certificate. */
static enum pbft_drop judge_range_blocks(const struct pbft *p, const struct pbft_data *data)
{
    uint64_t first = data->blocks[0].height, last = data->blocks[data->blocks_count - 1].height;
    if (last <= p->committed.height)
        return PBFT_DROP_COMMITTED;
    if (!pbft_in_window(p, first) && first > p->committed.height)
        return PBFT_DROP_OUT_OF_WINDOW;
    /* One that leaves a gap, or ends too far below its certificate, would not commit (5.6), only
     * lie here. */
    bool is_at_head = first <= p->committed.height + 1;
    return is_at_head && is_committing(p, &data->certificate) ? PBFT_KEEP : PBFT_DROP_NOT_ASKED;
}

/* A certificate that is not needed says nothing about the bodies below it: they may be what is
 * missing. */
static enum pbft_drop judge_range(const struct pbft *p, const struct pbft_data *data)
{
    enum pbft_drop drop = pbft_judge_certificate(p, &data->certificate);
    return drop == PBFT_DROP_NOT_NEEDED ? judge_range_blocks(p, data) : drop;
}

/* A range: its certificate commits its last block or head, and all below. The decoder and
 * node/verify held all links and the certificate, which is taken first (5.4). */
static enum pbft_drop on_range(struct pbft *p, const struct pbft_data *data)
{
    enum pbft_drop drop = pbft_on_certificate(p, &data->certificate);
    if (drop == PBFT_KEEP || drop == PBFT_DROP_NOT_NEEDED)
        drop = judge_range_blocks(p, data);
    if (drop != PBFT_KEEP)
        return drop;
    bool has_room = take_all(p, data->heads, data->heads_count, NULL) &&
                    take_all(p, data->blocks, data->blocks_count, data->bytes);
    if (!has_room)
        return PBFT_DROP_SLOT_FULL;
    /* The next is asked for at once, of whoever's turn it is, and of everybody once if need be. */
    p->range_asks_left = p->config.members.members_count - 1;
    return PBFT_KEEP;
}

enum pbft_drop pbft_judge_data(const struct pbft *p, uint32_t link, const struct pbft_data *data)
{
    if (pbft_is_answer(p, link, data))
        return PBFT_KEEP; /* it frees the link, or the driver waits for it, if nothing else */
    return data->kind == PBFT_FETCH_RANGE ? judge_range(p, data) : judge_block(p, data);
}

/* An answer frees the link whether or not it is of use; nothing follows from DATA that is of no use
 * and was not asked for. */
enum pbft_drop pbft_on_data(struct pbft *p, uint32_t link, const struct pbft_data *data)
{
    CHECK(data->blocks_count > 0);
    if (data->has_pre_prepare && data->pre_prepare_from == p->config.own_index)
        pbft_on_own_pre_prepare(p, &data->pre_prepare);
    /* 5.8: the other PRE-PREPARE, which completes the evidence. */
    if (has_proposal(p, data) &&
        pbft_judge_pre_prepare(p, data->pre_prepare_from, &data->pre_prepare) == PBFT_DROP_CONFLICT)
        pbft_find_pre_prepares(p, data->pre_prepare_from, &data->pre_prepare);
    bool was_asked = pbft_is_answer(p, link, data);
    if (was_asked && pbft_end_asked(p, link, data) && data->kind == PBFT_FETCH_RANGE)
        p->range_until_ms = 0;
    enum pbft_drop drop = data->kind == PBFT_FETCH_RANGE ? on_range(p, data) : on_block(p, data);
    if (was_asked || drop == PBFT_KEEP)
        p->is_fetch_due = true;
    return drop;
}
