/* Links: what each direction is like, and when it is cut. Links differ, and so do their two
 * directions: a delay and a loss of its own, or a trickle of bytes. Partitions cut off one member,
 * some, or one link, in both directions or in one, and hold, or flap. */
#include <inttypes.h>

#include "tests/sim/world.h"

/* ---- what a link is like ---- */

enum { BACKLOG_MAX_US = 1500000 }; /* of a slow link; beyond, messages are lost */

/* Some part of the plan's range of delays, and up to twice its loss. */
static void draw_link(struct sim *s, struct sim_link *link)
{
    const struct sim_plan *plan = &s->plan;
    *link = (struct sim_link){.delay_min_us = plan->delay_min_us,
                              .delay_max_us = plan->delay_max_us,
                              .loss_ppm = plan->loss_ppm};
    if (plan->has_uneven_links) {
        link->delay_min_us = sim_between(s, plan->delay_min_us, plan->delay_max_us);
        link->delay_max_us = sim_between(s, link->delay_min_us, plan->delay_max_us);
        link->loss_ppm = (uint32_t)sim_between(s, 0, 2 * (uint64_t)plan->loss_ppm);
    }
    if (!sim_luck(s, plan->slow_links_percent * 10000))
        return;
    uint64_t more_us = sim_between(s, 0, plan->slow_delay_us);
    link->delay_min_us += more_us;
    link->delay_max_us += more_us;
    link->bytes_per_ms = plan->slow_bytes_per_ms * sim_between(s, 1, 8);
}

uint64_t sim_link_delay_us(struct sim *s, struct sim_link *link, size_t size)
{
    if (s->is_healed)
        return sim_between(s, HEALED_DELAY_MIN_US, HEALED_DELAY_MAX_US);
    uint64_t delay_us = sim_between(s, link->delay_min_us, link->delay_max_us);
    if (link->bytes_per_ms == 0)
        return delay_us;
    s->counts.slow_sends++;
    uint64_t from_us = link->free_at_us > s->now_us ? link->free_at_us : s->now_us;
    link->free_at_us = from_us + size * 1000 / link->bytes_per_ms;
    return delay_us + link->free_at_us - s->now_us;
}

bool sim_link_is_full(const struct sim *s, const struct sim_link *link)
{
    return !s->is_healed && link->free_at_us > s->now_us + BACKLOG_MAX_US;
}

/* ---- partitions: one at a time, so that the end of one is not in the way of another ---- */

static void cut_between(struct sim *s, uint32_t left_bits, bool is_out, bool is_in)
{
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        for (uint32_t k = 0; k < s->plan.members_count; k++) {
            bool goes_out = (left_bits >> i & 1) != 0 && (left_bits >> k & 1) == 0;
            bool goes_in = (left_bits >> i & 1) == 0 && (left_bits >> k & 1) != 0;
            s->links[i][k].is_cut = (goes_out && is_out) || (goes_in && is_in);
        }
}

/* One is alone (every second time the primary), or a half is; in both directions or in one. Or one
 * link alone is cut. */
static void cut_some(struct sim *s)
{
    uint32_t n = s->plan.members_count;
    uint32_t one = sim_luck(s, 300000) ? 0 : (uint32_t)sim_between(s, 0, n - 1);
    uint32_t left_bits =
        sim_luck(s, 500000) ? 1u << one : (uint32_t)sim_between(s, 1, (1u << n) - 2);
    bool is_out = !sim_luck(s, 200000);
    bool is_in = !is_out || !sim_luck(s, 250000);
    s->counts.one_way += is_in != is_out;
    if (sim_luck(s, 150000)) {
        uint32_t other = (one + 1 + (uint32_t)sim_between(s, 0, n - 2)) % n;
        s->links[one][other].is_cut = is_out;
        s->links[other][one].is_cut = is_in;
        sim_say(s, UINT32_MAX, "the link between %u and %u is cut (%d%d)", one, other, is_out,
                is_in);
        return;
    }
    cut_between(s, left_bits, is_out, is_in);
    sim_say(s, UINT32_MAX, "partition: %02x is apart (%d%d)", left_bits, is_out, is_in);
}

static void join_all(struct sim *s)
{
    s->is_flapped = false;
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        for (uint32_t k = 0; k < s->plan.members_count; k++)
            s->links[i][k].is_cut = false;
}

static sim_action next_partition;

/* What is cut comes and goes, many times a second. */
static void flap(struct sim *s, void *context, uint64_t number)
{
    enum { FLAP_MIN_US = 2000, FLAP_MAX_US = 150000 };
    (void)context;
    if (s->is_healed || s->now_us >= s->flaps_until_us)
        return;
    s->is_flapped = number != 0 && !s->is_flapped;
    sim_at(s, s->now_us + sim_between(s, FLAP_MIN_US, FLAP_MAX_US), flap, NULL);
}

static uint64_t partition_mean_us(const struct sim *s)
{
    return 60000000 / s->plan.partitions_per_minute;
}

static void end_partition(struct sim *s, void *context, uint64_t number)
{
    (void)context;
    (void)number;
    if (s->is_healed)
        return;
    join_all(s);
    sim_say(s, UINT32_MAX, "the partition ends");
    sim_at(s, s->now_us + sim_between(s, 1, partition_mean_us(s)), next_partition, NULL);
}

static void next_partition(struct sim *s, void *context, uint64_t number)
{
    (void)context;
    (void)number;
    if (s->is_healed)
        return;
    s->counts.partitions++;
    cut_some(s);
    /* Half of the time it lasts, on average, so that both sides of it are seen. */
    uint64_t end_us = s->now_us + sim_between(s, 1000, partition_mean_us(s));
    sim_at(s, end_us, end_partition, NULL);
    if (!sim_luck(s, s->plan.flapping_ppm))
        return;
    s->counts.flapping++;
    s->flaps_until_us = end_us;
    flap(s, NULL, 0);
}

/* ---- all ---- */

void sim_network_start(struct sim *s)
{
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        for (uint32_t k = 0; k < s->plan.members_count; k++)
            draw_link(s, &s->links[i][k]);
    if (s->plan.partitions_per_minute > 0)
        sim_at(s, s->now_us + sim_between(s, 1, partition_mean_us(s)), next_partition, NULL);
}

void sim_network_heal(struct sim *s)
{
    join_all(s);
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        for (uint32_t k = 0; k < s->plan.members_count; k++)
            s->links[i][k].arrives_us = 0; /* what is late is no reason to wait */
}
