/* Who is Byzantine in a run and what they do there: a swarm like the rest of the plan, in which
 * each of them has a few ways of any strength. */
#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/byz_parts.h"

static const char *const way_words[] = {
#define X(name, word) word,
    SIM_BYZ_LIST(X)
#undef X
};

static uint64_t between(struct prng *p, uint64_t least, uint64_t most)
{
    return least + prng_below(p, most - least + 1);
}

static bool luck(struct prng *p, uint32_t percent)
{
    return prng_below(p, 100) < percent;
}

static uint32_t count(uint32_t members)
{
    uint32_t bits = 0;
    for (; members != 0; members &= members - 1)
        bits++;
    return bits;
}

static uint32_t draw_members(struct prng *p, uint32_t n, uint32_t members_count)
{
    uint32_t members = 0;
    while (count(members) < members_count)
        members |= (uint32_t)1 << prng_below(p, n);
    return members;
}

/* The correct ones in two halves, as even as can be; which Byzantine ones belong to, does not
 * matter. */
static uint32_t draw_half(struct prng *p, const struct sim_plan *plan)
{
    uint32_t all = ((uint32_t)1 << plan->members_count) - 1, correct = all & ~plan->byz.members;
    uint32_t half = 0;
    while (count(half) < count(correct) / 2)
        half |= correct & (uint32_t)1 << prng_below(p, plan->members_count);
    return half;
}

/* Nothing that a good consortium does not have: quick links and disks, machines that stay. */
static void remove_faults(struct sim_plan *plan)
{
    enum { DELAY_US = 10000, DISK_US = 10000, TREE_US = 20000 };
    plan->loss_ppm = plan->double_ppm = plan->late_ppm = plan->corrupt_ppm = plan->flood_ppm = 0;
    plan->partitions_per_minute = plan->pauses_per_minute = plan->clock_steps_per_minute = 0;
    plan->stall_ppm = plan->crash_all_percent = plan->flapping_ppm = 0;
    plan->slow_links_percent = plan->slow_disks_percent = plan->drift_ppm = 0;
    plan->eio_ppm = plan->full_disks_per_minute = plan->marker_errors_ppm = 0;
    plan->liars_count = plan->members_down_for_good = plan->rots_count = 0;
    plan->has_uneven_links = false;
    memset(plan->crash_ppm, 0, sizeof plan->crash_ppm);
    plan->clock_offset_max_ms = 0;
    if (plan->delay_max_us > DELAY_US) {
        plan->delay_max_us = DELAY_US;
        plan->delay_min_us = DELAY_US / 20;
    }
    if (plan->disk_max_us > DISK_US) {
        plan->disk_max_us = DISK_US;
        plan->disk_min_us = DISK_US / 10;
    }
    if (plan->tree_max_us > TREE_US)
        plan->tree_max_us = TREE_US;
    plan->outputs_max = DRIVER_OUTPUTS_MAX;
    plan->answer_bytes_max = DRIVER_ANSWER_BYTES_MAX;
}

/* Then nobody complains, at any load. T_0 is longer than an agreement takes, as an operator has to
 * see to it, and otherwise shorter or longer than T_fair as it comes. */
static void draw_faultless(struct prng *p, struct sim_plan *plan)
{
    plan->byz.is_faultless = true;
    remove_faults(plan);
    plan->txs_per_second = (uint32_t)between(p, 1, 600);
    plan->parameters.view_change_ms = between(p, 1000, 2000);
    plan->parameters.view_change_cap_ms = between(p, 2000, 5000);
    plan->parameters.term_blocks = 0; /* terms end by complaints */
}

static void draw_ways(struct prng *p, struct sim_plan *plan)
{
    struct sim_byz_plan *b = &plan->byz;
    const struct parameters *param = &plan->parameters;
    const uint64_t times_ms[] = {param->status_ms, param->retransmit_ms, param->fairness_ms / 2,
                                 param->fairness_ms, param->view_change_ms};
    uint32_t all = ((uint32_t)1 << plan->members_count) - 1;
    for (uint32_t i = 0; i <= BYZ_TWIN; i++)
        b->strength_ppm[i] = (uint32_t)(luck(p, 30)   ? 1000000
                                        : luck(p, 50) ? between(p, 100000, 900000)
                                                      : between(p, 2000, 100000));
    for (uint32_t i = 0; i < plan->members_count; i++) {
        uint32_t percent = luck(p, 70) ? 15 : 50;
        for (uint32_t way = 0; way <= BYZ_TWIN; way++)
            if (luck(p, percent))
                b->ways[i] |= (uint32_t)1 << way;
        if (!luck(p, 20)) /* it hides all the others */
            b->ways[i] &= ~((uint32_t)1 << BYZ_SILENCE);
        b->shunned[i] = (uint32_t)prng_below(p, all + 1);
        b->delay_us[i] = times_ms[prng_below(p, sizeof times_ms / sizeof *times_ms)] * 900;
        if (plan->has_real_signatures)
            b->ways[i] &= ~((uint32_t)1 << BYZ_FLOOD);
    }
    b->half = draw_half(p, plan);
    b->victim = (uint32_t)prng_below(p, plan->keys_count);
    b->moments_per_second = (uint32_t)between(p, 1, luck(p, 30) ? 100 : 10);
}

/* By numbers of its own, so that what a seed has drawn before stays what it was. */
static void draw_stinginess(struct sim_plan *plan)
{
    struct prng p = prng_of(plan->seed ^ UINT64_C(0x7374696e6779));
    struct sim_byz_plan *b = &plan->byz;
    uint32_t all = ((uint32_t)1 << plan->members_count) - 1;
    if (b->members == 0 && !b->is_faultless && plan->rots_count > 0 && luck(&p, 60)) {
        b->is_stingy = true;
        b->members = draw_members(&p, plan->members_count, 1);
        plan->liars_count = plan->members_down_for_good = 0;
        plan->rots_count = 1;
    }
    b->strength_ppm[BYZ_STINGINESS] =
        (uint32_t)(b->is_stingy || luck(&p, 50) ? 1000000 : between(&p, 100000, 990000));
    for (uint32_t i = 0; i < plan->members_count; i++) {
        bool is_drawn = luck(&p, 40);
        b->withheld[i] = b->is_stingy || luck(&p, 50) ? all : (uint32_t)prng_below(&p, all + 1);
        if (b->is_stingy || (!b->is_marked && is_drawn))
            b->ways[i] |= (uint32_t)1 << BYZ_STINGINESS;
    }
}

static void draw(struct sim_plan *plan)
{
    struct prng p = prng_of(plan->seed ^ UINT64_C(0x62797a616e74696e));
    struct sim_byz_plan *b = &plan->byz;
    uint32_t f = faulty_max_of(plan->members_count);
    memset(b, 0, sizeof *b);
    uint64_t kind = prng_below(&p, 100);
    if (kind < 3) {
        draw_faultless(&p, plan);
        return;
    }
    if (kind >= 50)
        return;
    b->is_marked = kind < 7;
    uint32_t most = b->is_marked ? f + 1 : f;
    b->members =
        draw_members(&p, plan->members_count, b->is_marked ? most : (uint32_t)between(&p, 1, most));
    if (!b->is_marked && !plan->has_view_change && luck(&p, 60))
        b->members &= ~(uint32_t)1; /* most runs shall come to an end */
    if (b->members == 0)
        b->members = 2;
    draw_ways(&p, plan);
    if (luck(&p, 50)) /* everybody is the primary now and then (6.1 (d)) */
        plan->parameters.term_blocks = between(&p, 1, luck(&p, 50) ? 5 : 40);
    if (b->is_marked && luck(&p, 50)) {
        if ((b->members & 1) == 0) /* the primary in the place of another */
            b->members = (b->members & (b->members - 1)) | 1;
        for (uint32_t i = 0; i < plan->members_count; i++)
            b->ways[i] = (uint32_t)1 << BYZ_EQUIVOCATION;
        b->strength_ppm[BYZ_EQUIVOCATION] = 1000000;
        b->half = draw_half(&p, plan);
    }
}

void sim_byz_draw(struct sim_plan *plan)
{
    draw(plan);
    draw_stinginess(plan);
}

void sim_byz_plan_faultless(struct sim_plan *plan)
{
    struct prng p = prng_of(plan->seed ^ UINT64_C(0x6661756c746c6573));
    memset(&plan->byz, 0, sizeof plan->byz);
    draw_faultless(&p, plan);
}

void sim_byz_plan_fork(struct sim_plan *plan)
{
    struct prng p = prng_of(plan->seed ^ UINT64_C(0x666f726b));
    struct sim_byz_plan *b = &plan->byz;
    memset(b, 0, sizeof *b);
    remove_faults(plan);
    plan->has_real_signatures = false;
    plan->members_count = luck(&p, 70) ? 4 : 7;
    plan->faults_us = 5000000;
    plan->reads.per_second = 0; /* f+1 liars agree on anything: only the fork is to be seen */
    if (plan->txs_per_second < 10)
        plan->txs_per_second = 10;
    b->is_marked = b->is_fork = true;
    b->members = 1;
    while (count(b->members) < faulty_max_of(plan->members_count) + 1)
        b->members |= (uint32_t)1 << prng_below(&p, plan->members_count);
    for (uint32_t i = 0; i < plan->members_count; i++)
        b->ways[i] = (uint32_t)1 << BYZ_EQUIVOCATION;
    b->strength_ppm[BYZ_EQUIVOCATION] = 1000000;
    b->half = draw_half(&p, plan);
}

/* ---- printing ---- */

void sim_byz_plan_print(FILE *to, const struct sim_plan *plan)
{
    const struct sim_byz_plan *b = &plan->byz;
    if (b->is_faultless)
        (void)fprintf(to, "  faultless\n");
    for (uint32_t i = 0; i < plan->members_count; i++) {
        if ((b->members >> i & 1) == 0)
            continue;
        (void)fprintf(
            to, "  Byzantine%s: %u, shuns %02x, withholds from %02x, delays %" PRIu64 " us, ppm:",
            b->is_marked   ? " (f+1)"
            : b->is_stingy ? " (besides one that rots)"
                           : "",
            i, b->shunned[i], b->withheld[i], b->delay_us[i]);
        for (uint32_t way = 0; way < SIM_BYZ_COUNT; way++)
            if ((b->ways[i] >> way & 1) != 0)
                (void)fprintf(to, " %s %u,", way_words[way], b->strength_ppm[way]);
        (void)fprintf(to, " half %02x, %u moments/s\n", b->half, b->moments_per_second);
    }
}

void sim_byz_print_counts(FILE *to, const struct sim_counts *counts)
{
    (void)fprintf(to,
                  "Byzantine: %" PRIu64 " runs, %" PRIu64 " members, marked %" PRIu64
                  ", besides one that rots %" PRIu64 ", forks seen %" PRIu64
                  ", evidence kept %" PRIu64 ";",
                  counts->byz_runs, counts->byz_members, counts->byz_marked, counts->byz_stingy,
                  counts->forks_seen, counts->evidence);
    for (uint32_t way = 0; way < SIM_BYZ_COUNT; way++)
        (void)fprintf(to, " %s %" PRIu64 "%s", way_words[way], counts->byz[way],
                      way + 1 < SIM_BYZ_COUNT ? "," : "\n");
}
