/* What a seed draws before the first event. A swarm (Groce et al., ISSTA 2012): every kind of fault
 * is off in about half of the seeds and of any strength in the others, because faults that are
 * always there hide what needs their absence. */
#include <string.h>

#include "tests/sim/world.h"

/* Whether replicas change views: sim_plan's has_view_change in all that is drawn. */
enum { VIEWS_CHANGE = 1 };

/* ---- drawing ---- */

static uint64_t between(struct prng *p, uint64_t least, uint64_t most)
{
    return least + prng_below(p, most - least + 1);
}

static bool luck(struct prng *p, uint32_t percent)
{
    return prng_below(p, 100) < percent;
}

/* Every order of magnitude is as likely as the next. */
static uint64_t wide(struct prng *p, uint64_t least, uint64_t most)
{
    uint32_t doublings = 0;
    while (least << doublings < most)
        doublings++;
    uint64_t from = least << (doublings > 0 ? prng_below(p, doublings) : 0);
    return between(p, from, 2 * from < most ? 2 * from : most);
}

/* Off in half of the seeds. */
static uint32_t fault(struct prng *p, uint32_t least, uint32_t most)
{
    return luck(p, 50) ? (uint32_t)wide(p, least, most) : 0;
}

/* ---- the protocol's parameters ---- */

static struct parameters parameters_default(void)
{
    return (struct parameters){
#define X(field, symbol, initial, least, most) .field = (initial),
        PARAMETER_LIST(X)
#undef X
    };
}

static void draw_parameters(struct prng *p, struct parameters *out)
{
    *out = parameters_default();
    out->status_ms = between(p, 50, 250);
    out->pipeline_heights = between(p, 1, 8);
    uint64_t least = 2 * out->pipeline_heights; /* 8.3: 2K >= 4P */
    out->checkpoint_every_heights = between(p, least > 4 ? least : 4, 16);
    out->window_heights = wide(p, 2 * out->checkpoint_every_heights, 64);
    out->sync_blocks_max = wide(p, 1, 64);
    out->nonce_window = wide(p, 2, 64);
    if (luck(p, 20)) /* small ones, which overflow */
        out->pool_txs_max = wide(p, 64, 256);
    if (luck(p, 50))
        out->block_bytes_max = wide(p, 131200, 1048576);
    out->batch_ms = luck(p, 30) ? 0 : wide(p, 1, 50);
    out->fairness_ms = wide(p, 100, 4000);
    out->view_change_ms = wide(p, 50, 1000);
    /* After healing one view change takes a fraction of the least; T_k may have grown up to it. */
    out->view_change_cap_ms = between(p, out->view_change_ms < 500 ? 500 : 1000, 5000);
    out->retransmit_ms = wide(p, 20, 500);
    out->quiet_checkpoint_ms = wide(p, 100, 2000);
    out->clock_skew_ms = wide(p, 100, 5000);
}

/* ---- the world ---- */

static void draw_network(struct prng *p, struct sim_plan *out)
{
    out->delay_max_us = wide(p, 100, 200000);
    out->delay_min_us = between(p, out->delay_max_us / 20, out->delay_max_us);
    out->loss_ppm = fault(p, 1000, 300000);
    out->double_ppm = fault(p, 1000, 200000);
    out->late_ppm = fault(p, 1000, 200000);
    out->corrupt_ppm = fault(p, 100, 50000);
    out->partitions_per_minute = fault(p, 2, 60);
    out->flapping_ppm = fault(p, 100000, 1000000);
    out->has_uneven_links = luck(p, 50);
    if (luck(p, 70))
        return;
    out->slow_links_percent = (uint32_t)between(p, 5, 60);
    out->slow_delay_us = wide(p, 1000, 400000);
    out->slow_bytes_per_ms = wide(p, 2, 1000);
}

/* So many crashes in a run, by the passings of a boundary that a run of this length has. */
static void draw_crashes(struct prng *p, struct sim_plan *out)
{
    enum { BATCHES_PER_SECOND = 40, SENDS_PER_SECOND = 300 }; /* of one node, about */
    static const uint64_t per_second[] = {
        [SIM_AT_DECIDE] = BATCHES_PER_SECOND, [SIM_AT_SUBMIT] = BATCHES_PER_SECOND,
        [SIM_AT_DONE] = BATCHES_PER_SECOND,   [SIM_AT_SEND] = SENDS_PER_SECOND,
        [SIM_AT_ERROR] = BATCHES_PER_SECOND,  [SIM_AT_IDLE] = 1};
    if (!luck(p, 60))
        return;
    for (uint32_t i = 0; i < SIM_BOUNDARY_COUNT; i++) {
        if (i == SIM_AT_MARK)
            continue;
        uint64_t passings = per_second[i] * out->members_count * out->faults_us / 1000000;
        uint64_t crashes = luck(p, 50) ? wide(p, 1, 16) : 0;
        uint64_t ppm = passings > 0 ? crashes * 1000000 / passings : 0;
        out->crash_ppm[i] = (uint32_t)(ppm < 500000 ? ppm : 500000);
    }
    out->crash_ppm[SIM_AT_MARK] = fault(p, 50000, 500000); /* once in a life, or a bit more */
    out->crash_all_percent = fault(p, 5, 100);
    out->down_max_us = wide(p, 2000, 3000000);
}

static void draw_nodes(struct prng *p, struct sim_plan *out)
{
    out->disk_max_us = wide(p, 50, 100000);
    out->disk_min_us = between(p, out->disk_max_us / 10, out->disk_max_us);
    out->verify_us = luck(p, 30) ? 0 : wide(p, 10, 200);
    out->run_lag_us = luck(p, 40) ? 0 : wide(p, 10, 2000);
    out->slow_disks_percent = luck(p, 20) ? (uint32_t)between(p, 10, 50) : 0;
    out->eio_ppm = luck(p, 30) ? (uint32_t)wide(p, 50000, 1000000) : 0;
    out->full_disks_per_minute = luck(p, 30) ? (uint32_t)wide(p, 4, 40) : 0;
    out->full_max_us = wide(p, 2000, 3000000);
    out->marker_errors_ppm = luck(p, 30) ? (uint32_t)wide(p, 50000, 500000) : 0;
    draw_crashes(p, out);
    out->pauses_per_minute = fault(p, 2, 60);
    out->pause_max_us = wide(p, 10000, 3000000);
    out->clock_offset_max_ms = luck(p, 50) ? out->parameters.clock_skew_ms / 2 - 1 : 0;
    if (luck(p, 50))
        out->layer_bytes_max = wide(p, 4096, 1048576);
}

static void draw_load(struct prng *p, struct sim_plan *out)
{
    out->keys_count = (uint32_t)between(p, 2, SIM_KEYS_MAX);
    out->txs_per_second = (uint32_t)(luck(p, 70) ? between(p, 20, 60) : wide(p, 1, 200));
    out->ops_per_tx_max = luck(p, 60) ? 1 : (uint32_t)wide(p, 2, 8);
    out->overdraft_ppm = fault(p, 5000, 200000);
    out->expiring_ppm = fault(p, 5000, 200000);
    out->conflicting_ppm = fault(p, 5000, 100000);
    out->resend_ppm = fault(p, 5000, 200000);
    out->in_flight_max = (uint32_t)wide(p, 1, 32);
}

/* Clocks so wrong that blocks have to wait (5.1, 5.2), and clocks that step. */
static void draw_clocks(struct prng *p, struct sim_plan *out)
{
    uint64_t skew_ms = out->parameters.clock_skew_ms;
    if (luck(p, 25))
        out->clock_offset_max_ms = wide(p, skew_ms / 2, 2 * skew_ms);
    if (out->clock_offset_max_ms > 0 && luck(p, 40))
        out->clock_steps_per_minute = (uint32_t)wide(p, 4, 60);
    if (luck(p, 40)) /* worse than any that is not broken */
        out->drift_ppm = (uint32_t)wide(p, 100, 100000);
}

/* Blocks that are full, of bytes or of transactions that most have not seen before. Such a run is
 * short: it costs as much as others do. */
static void draw_bulk(struct prng *p, struct sim_plan *out)
{
    if (out->has_real_signatures || !luck(p, 5))
        return;
    out->faults_us = between(p, 2000000, 4000000);
    out->keys_count = (uint32_t)between(p, 8, SIM_KEYS_MAX);
    out->in_flight_max = (uint32_t)between(p, 8, 32);
    out->txs_per_second = (uint32_t)between(p, 10, 40);
    out->bursts_per_minute = (uint32_t)between(p, 20, 60);
    if (luck(p, 40)) { /* many small ones */
        out->in_flight_max = 32;
        out->keys_count = SIM_KEYS_MAX;
        out->faults_us = 2000000;
        out->parameters.nonce_window = 64;
        return;
    }
    out->parameters.block_bytes_max = 131200;
    out->big_bytes_max = wide(p, 2048, 32768);
    out->big_bytes_total = 3 << 20;
    out->ops_per_tx_max = (uint32_t)between(p, 1, 64);
}

/* The marker is raised every few heights, so that it is cut off at any of its raises. */
static void draw_reservations(struct prng *p, struct sim_plan *out)
{
    out->reserved_heights = luck(p, 20) ? DRIVER_RESERVED_HEIGHTS : wide(p, 4, 64);
}

/* Small ones overflow: what is dropped has to be healed by the next STATUS (9.1). So what one
 * STATUS asks for has to fit, up to what is needed next: the base's two votes, the proposal above
 * it with its two votes, and what else a STATUS brings. */
static void draw_limits(struct prng *p, struct sim_plan *out)
{
    out->outputs_max = luck(p, 30) ? (uint32_t)wide(p, 16, 128) : DRIVER_OUTPUTS_MAX;
    out->answer_bytes_max = luck(p, 50) ? wide(p, PBFT_MSG_BYTES_MAX, DRIVER_ANSWER_BYTES_MAX)
                                        : DRIVER_ANSWER_BYTES_MAX;
}

/* So few that whoever was down for a while takes a state; and some are. */
static void draw_joins(struct prng *p, struct sim_plan *out)
{
    enum { IDLE_PPM = 100000 };
    uint64_t every = 4;                                  /* the least */
    out->parameters.pipeline_heights = between(p, 1, 2); /* 8.3: 2K >= 4P */
    out->parameters.checkpoint_every_heights = every;
    out->snapshot_behind_heights = wide(p, every, 4 * every);
    out->parameters.sync_blocks_max = wide(p, 1, every); /* a range alone brings nobody near */
    out->txs_per_second += 40;
    if (luck(p, 30)) /* as it was drawn */
        return;
    out->down_max_us = wide(p, 1000000, 6000000);
    if (out->crash_ppm[SIM_AT_IDLE] < IDLE_PPM)
        out->crash_ppm[SIM_AT_IDLE] = IDLE_PPM;
}

static void draw_snapshots(struct prng *p, struct sim_plan *out)
{
    out->snapshot_behind_heights = DRIVER_SNAPSHOT_BEHIND_HEIGHTS;
    if (luck(p, 33))
        draw_joins(p, out);
    if (luck(p, 20))
        out->rots_count = (uint32_t)between(p, 1, faulty_max_of(out->members_count));
}

/* More than 7 in one of ten. */
static void draw_members(struct prng *p, struct sim_plan *out)
{
    uint32_t roll = (uint32_t)between(p, 0, 99);
    out->members_count = roll < 60 ? 4 : (uint32_t)between(p, 5, 7);
    if (roll >= 90)
        out->members_count = (uint32_t)between(p, 8, SIM_NODES_MAX);
}

void sim_plan_draw(struct sim_plan *out, uint64_t seed)
{
    struct prng p = prng_of(seed);
    memset(out, 0, sizeof *out);
    out->seed = seed;
    out->has_real_signatures = prng_below(&p, 50) == 0;
    out->has_view_change = VIEWS_CHANGE;
    draw_members(&p, out);
    out->faults_us = between(&p, 2000000, 10000000);
    if (luck(&p, 2))
        out->faults_us = between(&p, 10000000, 60000000);
    if (out->members_count > 7) /* messages grow with the square */
        out->faults_us = between(&p, 1000000, 4000000);
    if (out->has_real_signatures) /* they cost as much as all the rest does, fifty times */
        out->faults_us = between(&p, 1000000, 3000000);
    draw_parameters(&p, &out->parameters);
    draw_network(&p, out);
    draw_nodes(&p, out);
    draw_load(&p, out);
    draw_clocks(&p, out);
    draw_bulk(&p, out);
    if (luck(&p, 20))
        out->stall_ppm = (uint32_t)wide(&p, 500, 20000);
    if (luck(&p, 20))
        out->flood_ppm = (uint32_t)wide(&p, 10000, 500000);
    draw_reservations(&p, out);
    draw_limits(&p, out);
    out->tree_max_us = luck(&p, 30) ? 0 : wide(&p, 1000, 400000);
    if (luck(&p, 30))
        out->liars_count = (uint32_t)between(&p, 1, faulty_max_of(out->members_count));
    out->lies_max = (uint32_t)wide(&p, 1, 4);
    out->lies_bits = (uint32_t)between(&p, 1, (1 << SIM_LIE_COUNT) - 1);
    out->members_down_for_good = (uint32_t)between(&p, 0, faulty_max_of(out->members_count));
    draw_snapshots(&p, out);
    sim_byz_draw(out);
    sim_reads_draw(out);
}

void sim_plan_default(struct sim_plan *out, uint64_t seed)
{
    *out = (struct sim_plan){.seed = seed,
                             .members_count = 4,
                             .faults_us = 10000000,
                             .parameters = parameters_default(),
                             .keys_count = SIM_KEYS_MAX,
                             .txs_per_second = 100,
                             .ops_per_tx_max = 1,
                             .overdraft_ppm = 10000,
                             .expiring_ppm = 10000,
                             .conflicting_ppm = 5000,
                             .resend_ppm = 10000,
                             .in_flight_max = 16,
                             .delay_min_us = 500,
                             .delay_max_us = 5000,
                             .loss_ppm = 10000,
                             .double_ppm = 10000,
                             .late_ppm = 10000,
                             .corrupt_ppm = 1000,
                             .partitions_per_minute = 6,
                             .disk_min_us = 200,
                             .disk_max_us = 4000,
                             .reserved_heights = DRIVER_RESERVED_HEIGHTS,
                             .snapshot_behind_heights = DRIVER_SNAPSHOT_BEHIND_HEIGHTS,
                             .outputs_max = DRIVER_OUTPUTS_MAX,
                             .answer_bytes_max = DRIVER_ANSWER_BYTES_MAX,
                             .verify_us = 60,
                             .tree_max_us = 20000,
                             .crash_ppm = {200, 200, 200, 20, 50000, 50, 10000},
                             .crash_all_percent = 10,
                             .down_max_us = 1000000,
                             .pauses_per_minute = 6,
                             .pause_max_us = 500000,
                             .clock_offset_max_ms = 1000,
                             .lies_max = 1,
                             .lies_bits = 15};
}
