/* Scenarios: one thing goes wrong all the time, and nothing else; how much a consortium gets done
 * then is held against a run of the same seed in which nothing goes wrong. Virtual time makes that
 * a number that does not depend on the machine. */
#include <inttypes.h>
#include <string.h>

#include "tests/sim/world.h"

enum { SECONDS = 20, OFFERED_PER_SECOND = 60 };

struct sim_scenario {
    const char *name, *words;
    void (*draw)(struct sim_plan *plan, struct prng *p);
    uint32_t least_percent; /* of the transactions that are committed in time without it */
    bool has_reads;         /* all linearizable ones have to be accepted, too, while it goes on */
};

/* ---- a sound consortium ---- */

static void draw_sound(struct sim_plan *out, uint64_t seed, struct prng *p)
{
    sim_plan_calm(out, seed);
    out->has_view_change = true;
    out->members_count = prng_below(p, 2) == 0 ? 4 : 7;
    out->faults_us = SECONDS * 1000000;
    out->keys_count = SIM_KEYS_MAX;
    out->txs_per_second = OFFERED_PER_SECOND;
    out->in_flight_max = 60; /* of T_fair and more in each window */
    out->delay_max_us = 3000;
    out->disk_min_us = 500;
    out->disk_max_us = 3000;
    out->verify_us = 60;
}

static uint32_t f_of(const struct sim_plan *plan)
{
    return faulty_max_of(plan->members_count);
}

static void be_byzantine(struct sim_plan *plan, uint32_t members, enum sim_byz_way way)
{
    plan->byz.members = members;
    plan->byz.strength_ppm[way] = 1000000;
    for (uint32_t i = 0; i < plan->members_count; i++)
        plan->byz.ways[i] = (members >> i & 1) != 0 ? (uint32_t)1 << way : 0;
}

/* Pitfalls F1. The primary and f - 1 others answer no read, and the primary shows its proposals
 * to all but f correct members: of the q that a read needs these have to be some. */
static void draw_starved(struct sim_plan *plan, struct prng *p)
{
    uint32_t f = f_of(plan), n = plan->members_count;
    uint32_t first = 1 + (uint32_t)prng_below(p, n - 1 - 2 * f + 2);
    be_byzantine(plan, 1, BYZ_SHUNNING);
    for (uint32_t i = 0; i < f; i++)
        plan->byz.shunned[0] |= (uint32_t)1 << (first + i);
    for (uint32_t i = 1, left = f - 1; left > 0; i++)
        if ((plan->byz.shunned[0] >> i & 1) == 0) {
            plan->byz.members |= (uint32_t)1 << i;
            left--;
        }
    plan->reads.lies_bits = (uint32_t)1 << SIM_READ_SILENT;
    plan->reads.lies_ppm = 1000000;
}

/* Pitfalls L1. The primary of view 0 holds back all that it sends for almost T_fair, or for almost
 * as long as one waits before one leaves a view. */
static void draw_slow_primary(struct sim_plan *plan, struct prng *p)
{
    const struct parameters *param = &plan->parameters;
    uint64_t time_ms = prng_below(p, 2) == 0 ? param->fairness_ms : param->view_change_ms;
    be_byzantine(plan, 1, BYZ_DELAY);
    plan->byz.delay_us[0] = time_ms * 900;
}

/* Pitfalls L6. A sync takes a second on f members, none of which is the primary. */
static void draw_slow_disks(struct sim_plan *plan, struct prng *p)
{
    uint32_t f = f_of(plan), first = 1 + (uint32_t)prng_below(p, plan->members_count - f);
    for (uint32_t i = 0; i < f; i++)
        plan->slow_disk_bits |= (uint32_t)1 << (first + i);
    plan->slow_disk_us = 1000000;
}

static const struct sim_scenario scenarios[] = {
    {"starved", "a primary starves f members, and f answer no read", draw_starved, 80, true},
    {"slow-primary", "a primary stays just within its time", draw_slow_primary, 50, false},
    {"slow-disks", "the disks of f members take a second", draw_slow_disks, 80, false},
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

/* ---- running ---- */

const struct sim_scenario *sim_scenario_find(const char *name)
{
    for (size_t i = 0; i < SCENARIOS; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    return NULL;
}

void sim_scenarios_print(FILE *to)
{
    for (size_t i = 0; i < SCENARIOS; i++)
        (void)fprintf(to, "                  %s: %s\n", scenarios[i].name, scenarios[i].words);
}

static bool say(const struct sim_scenario *scenario, uint64_t seed, const char *words, uint64_t is,
                uint64_t least)
{
    (void)printf("== violation: %s (%s)\n   %s: %" PRIu64 ", %" PRIu64 " at least\nseed %" PRIu64
                 "\nagain: build/hansa-sim --scenario %s %" PRIu64 "\n",
                 scenario->name, scenario->words, words, is, least, seed, scenario->name, seed);
    return false;
}

bool sim_scenario_run(const struct sim_scenario *scenario, uint64_t seed, struct sim_counts *counts)
{
    struct prng p = prng_of(seed);
    struct sim_plan sound, plan;
    struct sim_counts without;
    static char again[64]; /* its plan has more than what settings can say */
    (void)snprintf(again, sizeof again, " --scenario %s", scenario->name);
    sim_replay_as(again);
    draw_sound(&sound, seed, &p);
    if (scenario->has_reads)
        sound.reads.per_second = 5;
    plan = sound;
    scenario->draw(&plan, &p);
    sim_run(&sound, NULL, &without, NULL);
    sim_run(&plan, NULL, counts, NULL);
    uint64_t least = without.txs_in_time * scenario->least_percent / 100;
    (void)printf("seed %" PRIu64 ", n = %u: %" PRIu64 " transactions in time, %" PRIu64
                 " without it; %" PRIu64 " views changed\n",
                 seed, plan.members_count, counts->txs_in_time, without.txs_in_time, counts->views);
    if (without.txs_in_time < SECONDS * OFFERED_PER_SECOND * 3 / 4)
        return say(scenario, seed, "transactions in time without it", without.txs_in_time,
                   SECONDS * OFFERED_PER_SECOND * 3 / 4);
    if (counts->txs_in_time < least)
        return say(scenario, seed, "transactions in time", counts->txs_in_time, least);
    uint64_t begun = counts->reads_begun[SIM_READ_LINEAR];
    if (counts->reads_accepted[SIM_READ_LINEAR] < begun || (scenario->has_reads && begun == 0))
        return say(scenario, seed, "linearizable reads accepted",
                   counts->reads_accepted[SIM_READ_LINEAR], begun);
    return true;
}
