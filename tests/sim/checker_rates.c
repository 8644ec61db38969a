/* How often a node may ask, answer and forward (9.1, 9.4, 10.1). A rate holds for the moments at
 * which things are decided, and those are not seen: what a turn decides leaves together when the
 * disk is done. But each send was decided between the beginning of its turn and its end. So the
 * checker gives every send the earliest moment that its turn and the rate allow; if that lies
 * behind the turn's end, no moments keep the rate. Sound nodes cannot be blamed by this. */
#include <inttypes.h>

#include "node/pbft/state.h"
#include "tests/sim/checker_parts.h"

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Everything in memory begins anew with a life. */
static struct check_rates *rates_of(struct sim *s, uint32_t node, uint32_t to)
{
    struct check_rates *r = &s->checker->nodes[node].rates[to];
    if (r->life != s->nodes[node].life)
        *r = (struct check_rates){.life = s->nodes[node].life};
    return r;
}

/* PBFT_FETCHES_MAX in flight in all (16). One is for sure when no DATA came since, and T_s after
 * the earliest moment at which it was decided lies behind the end of this turn. */
static void check_fetches(struct sim *s, uint32_t node, uint64_t until_ms)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        const struct check_rates *r = rates_of(s, node, i);
        count += r->is_fetching && r->fetched_ms + s->plan.parameters.status_ms > until_ms;
    }
    if (count > PBFT_FETCHES_MAX)
        sim_fail(s, node, "so many questions at a time in all (16)", "%u, %d at most", count,
                 PBFT_FETCHES_MAX);
}

/* One FETCH in flight per peer, for T_s or until the peer's answer: each DATA of it, once it was
 * verified, is good for one FETCH that is early. */
static void check_fetch(struct sim *s, uint32_t node, uint32_t to)
{
    enum { VERIFIED_WITHIN_MS = 5000 };
    struct check_rates *r = rates_of(s, node, to);
    uint64_t from_ms, until_ms, at_ms;
    sim_node_decided(s, node, &from_ms, &until_ms);
    if (r->answered_ms + VERIFIED_WITHIN_MS < from_ms)
        r->unused_count = 0;
    at_ms = from_ms;
    if (r->has_fetched)
        at_ms = later(from_ms, r->fetched_ms + s->plan.parameters.status_ms);
    if (at_ms > until_ms && r->unused_count > 0) {
        r->unused_count--;
        at_ms = from_ms;
    }
    if (at_ms > until_ms)
        sim_fail(s, node, "one question at a time to each peer (9.4)",
                 "to %u after %" PRIu64 " ms; T_s is %" PRIu64, to, until_ms - r->fetched_ms,
                 s->plan.parameters.status_ms);
    r->has_fetched = r->is_fetching = true;
    r->fetched_ms = at_ms;
    check_fetches(s, node, until_ms);
}

/* 16 answers to each peer in a T_s that begins with the first of them: of any 33 the last one is
 * not of the T_s after the first one's. */
static void check_answers(struct sim *s, uint32_t node, uint32_t to)
{
    struct check_rates *r = rates_of(s, node, to);
    uint64_t from_ms, until_ms;
    uint64_t *at_ms = &r->answers_ms[r->answers_count % CHECK_ANSWERS];
    sim_node_decided(s, node, &from_ms, &until_ms);
    uint64_t least_ms = later(from_ms, r->last_answer_ms);
    if (r->answers_count >= CHECK_ANSWERS)
        least_ms = later(least_ms, *at_ms + s->plan.parameters.status_ms);
    if (least_ms > until_ms)
        sim_fail(s, node, "answers to a peer have a budget (9.1)",
                 "%d to %u within %" PRIu64 " ms; T_s is %" PRIu64, CHECK_ANSWERS + 1, to,
                 until_ms - *at_ms, s->plan.parameters.status_ms);
    *at_ms = r->last_answer_ms = least_ms;
    r->answers_count++;
}

/* A pending transaction goes to all every T_fair / 2, and anew when a view is installed (6.3). Seen
 * at one member that is not the primary: that one is told of it only together with all. */
static void check_forward(struct sim *s, uint32_t node, uint32_t to, struct bytes message)
{
    uint32_t n = s->plan.members_count;
    struct check_state state = check_get_state(s, node);
    uint32_t primary = (uint32_t)(state.view % n), watched = 0;
    uint64_t from_ms, until_ms, again_ms = s->plan.parameters.fairness_ms / 2;
    struct hasher h;
    struct digest key;
    while (watched == node || watched == primary)
        watched++;
    if (to != watched || s->checker->nodes[node].is_view_new)
        return; /* or told as the primary of the view before */
    hasher_start(&h, TAG_TEST);
    hasher_add(&h, &node, sizeof node);
    hasher_add(&h, &s->nodes[node].life, sizeof s->nodes[node].life);
    hasher_add(&h, &state.view, sizeof state.view);
    hasher_add(&h, &state.is_installed, sizeof state.is_installed);
    hasher_add_bytes(&h, message);
    hasher_end(&h, &key);
    sim_node_decided(s, node, &from_ms, &until_ms);
    const struct check_value *before = check_map_find(&s->checker->forwards, &key);
    if (before != NULL)
        from_ms = later(from_ms, before->place.height + again_ms);
    if (from_ms > until_ms)
        sim_fail(s, node, "what is pending goes to all every T_fair / 2 (10.1)",
                 "again after %" PRIu64 " ms; T_fair is %" PRIu64, until_ms - before->place.height,
                 s->plan.parameters.fairness_ms);
    check_map_put(&s->checker->forwards, &key)->place.height = from_ms;
}

void check_rates(struct sim *s, uint32_t node, uint32_t to, struct bytes message)
{
    uint8_t type = message.size > 0 ? message.data[0] : 0;
    if (type == PBFT_FETCH)
        check_fetch(s, node, to);
    else if (type == PBFT_DATA)
        check_answers(s, node, to);
    else if (type == PBFT_FORWARD)
        check_forward(s, node, to, message);
}

void sim_check_delivered(struct sim *s, uint32_t node_index, uint32_t from, struct bytes message)
{
    if (sim_is_byzantine(s, node_index))
        return;
    struct check_rates *r = rates_of(s, node_index, from);
    if (message.size == 0 || message.data[0] != PBFT_DATA)
        return;
    r->answered_ms = sim_node_time(s, node_index).now_ms;
    r->unused_count++;
    r->is_fetching = false;
}
