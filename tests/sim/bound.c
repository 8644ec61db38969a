/* How long it may take until all is decided once all is healed, as a formula.
 *
 *   bound = (1 + drift) * (ahead + stall + tree + full + bulk + views + sync + clients + states +
 * byzantine + reads + margin), byzantine in byz.c
 *
 * With delay = what one message and the sync before it take now, and agreement = T_batch + 5 delay
 * + 64 signatures; lost = members that are gone or whose stores lie (at most f); spread = twice
 * what clocks may be off by:
 *
 *   ahead   = spread, if clocks are off by more than skew / 2: a block of a clock that was ahead
 *             waits, and who has seen that it has to does not look at its clock again before.
 *   stall   = two syncs that take seconds and are under way.
 *   tree    = a state tree that is being made holds up all messages when others wait behind it.
 *   full    = DRIVER_ANSWER_MS + patience, if pools may overflow: what a full pool pushed out after
 *             it was taken is asked for again when the node says that it does not know of it.
 *   bulk    = an agreement for each block that the large records fill.
 *   views   = (lost + 2) * (max(T_fair, T_cap) + T_cap + 2 T_rtx + 6 delay): T_k may have grown to
 * T_cap. At worst all wait for a view whose primary is gone, and so are the next ones' (f in a
 * row): each is left when a transaction has aged (6.1 a, b), or its NEW-VIEW did not come (e), by
 * complaints, LC and VIEW-CHANGEs of which each may have to wait for T_rtx. Then one more that
 * works. sync    = (2 rounds (1 + lost) + 6 + 2 lost) * T_s: what lies between nodes of different
 * heights is fetched in rounds of B blocks; a round begins with the STATUS that shows the
 * difference, or the next one; members that are lost may be asked first, in vain. And lost
 * proposals, PREPAREs and COMMITs are sent again, each after two STATUSes that do not rise. clients
 * = T_fair + 3 patience (4, if any are lost) + 2 in_flight * (way + agreement): what the primary
 * never got, or had no room for, comes by way of FORWARDs to all, every T_fair / 2, twice. A client
 * finds out that its words or the answer were lost, and asks the next node, which may have had no
 * room (again), and in the end for the receipt of another of its own (again). What is refused or
 * expired at a nonce shows only when its turn comes, and is then filled by another: per open nonce
 * of a key two ways of the client's and two agreements.
 * states  = where states may be taken (9.3): 2 T_c + (40 + 20 lost) T_s, and for each batch of
 * back-fill (1 + lost) T_s. The root that shows that a state has rotted is told when nothing
 * follows it; then the state is discarded, pieces are asked for, of members that are lost too, for
 * a checkpoint that nobody has any more and for its successor; then blocks come as before.
 *
 * reads   = patience + T_read + grace: who was not heard is asked again, and once all is decided
 * every node answers at once.
 *
 * It bounds a sound run, and is no promise to users. */
#include "ledger/block.h"
#include "tests/sim/world.h"

/* A pool that cannot be full drops nothing that it took. Half of a share may wait behind gaps, and
 * a nonce may have two transactions. */
static bool may_overflow(const struct sim_plan *plan)
{
    uint64_t share_txs = plan->parameters.pool_txs_max / plan->members_count / 2;
    return UINT64_C(2) * (plan->keys_count + 1) * plan->in_flight_max > share_txs;
}

static uint64_t highest_head(const struct sim *s)
{
    uint64_t highest = 0;
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        if (sim_is_needed(s, i) && store_head(s->nodes[i].store)->height > highest)
            highest = store_head(s->nodes[i].store)->height;
    return highest;
}

/* Rounds of range sync from the lowest of those that are needed to the highest. */
static uint64_t rounds_of_sync(const struct sim *s)
{
    const struct parameters *p = &s->plan.parameters;
    uint64_t lowest = UINT64_MAX, highest = 0;
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        if (!sim_is_needed(s, i))
            continue;
        uint64_t height = store_head(s->nodes[i].store)->height;
        lowest = height < lowest ? height : lowest;
        highest = height > highest ? height : highest;
    }
    uint64_t per_round = PBFT_MSG_BYTES_MAX / (p->block_bytes_max + BLOCK_HEADER_BYTES);
    if (s->plan.big_bytes_max == 0 || per_round > p->sync_blocks_max)
        per_round = p->sync_blocks_max;
    return (highest - lowest) / per_round + 1;
}

static uint64_t states_ms(const struct sim *s, uint64_t lost)
{
    const struct parameters *p = &s->plan.parameters;
    uint64_t batches = highest_head(s) / STORE_BACKFILL_BLOCKS_MAX + 1;
    if (s->counts.snapshots == 0 && s->counts.rots == 0 &&
        s->plan.snapshot_behind_heights >= DRIVER_SNAPSHOT_BEHIND_HEIGHTS)
        return 0;
    return 2 * p->quiet_checkpoint_ms + (40 + 20 * lost + batches * (1 + lost)) * p->status_ms;
}

static uint64_t ahead_ms(const struct sim_plan *plan)
{
    uint64_t drifted_ms = plan->faults_us / 1000 * plan->drift_ppm / 1000000;
    uint64_t off_ms = plan->clock_offset_max_ms + drifted_ms;
    return off_ms > plan->parameters.clock_skew_ms / 2 ? 2 * off_ms : 0;
}

uint64_t sim_bound_ms(const struct sim *s)
{
    enum { PATIENCE_MS = 2000, MARGIN_MS = 1000 };
    const struct sim_plan *plan = &s->plan;
    const struct parameters *p = &plan->parameters;
    uint64_t lost = plan->members_count - sim_needed_count(s);
    uint64_t way_ms = plan->delay_max_us / 1000 + 1; /* the clients' stays as it was */
    uint64_t delay_ms = (HEALED_DELAY_MAX_US + HEALED_DISK_MAX_US + plan->run_lag_us) / 1000 + 1;
    uint64_t agreement_ms = p->batch_ms + 5 * delay_ms + 64 * plan->verify_us / 1000;
    uint64_t stall_ms = plan->stall_ppm > 0 ? 2 * STALL_MAX_US / 1000 : 0;
    uint64_t bulk_ms = plan->big_bytes_total / (p->block_bytes_max / 2) * agreement_ms;
    uint64_t full_ms = may_overflow(plan) ? DRIVER_ANSWER_MS + PATIENCE_MS : 0;
    uint64_t age_ms =
        p->fairness_ms > p->view_change_cap_ms ? p->fairness_ms : p->view_change_cap_ms;
    uint64_t view_ms = age_ms + p->view_change_cap_ms + 2 * p->retransmit_ms + 6 * delay_ms;
    uint64_t views_ms = (lost + 2) * view_ms;
    uint64_t tree_ms = plan->tree_max_us / 1000 + 1; /* what is under way */
    uint64_t sync_ms = (2 * rounds_of_sync(s) * (1 + lost) + 6 + 2 * lost) * p->status_ms;
    uint64_t clients_ms = p->fairness_ms + (lost > 0 ? 4 : 3) * PATIENCE_MS +
                          2 * plan->in_flight_max * (way_ms + agreement_ms);
    uint64_t sum_ms = ahead_ms(plan) + stall_ms + tree_ms + full_ms + bulk_ms + views_ms + sync_ms +
                      clients_ms + states_ms(s, lost) + sim_byz_bound_ms(s) +
                      sim_reads_bound_ms(s) + MARGIN_MS;
    return sum_ms + sum_ms * plan->drift_ppm / 1000000; /* by the slowest clock */
}
