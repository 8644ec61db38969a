/* One run: a world is made of its plan, goes wrong for a while, is healed, and has to come to an
 * end.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "ledger/block.h"
#include "tests/sim/world.h"

#ifndef SIM_COMMIT
#define SIM_COMMIT "unknown"
#endif

static struct sim *running;

struct sim *sim_running(void)
{
    return running;
}

/* ---- chance ---- */

bool sim_luck(struct sim *s, uint32_t ppm)
{
    return ppm > 0 && prng_below(&s->prng, 1000000) < ppm;
}

bool sim_fault(struct sim *s, uint32_t ppm)
{
    return !s->is_healed && sim_luck(s, ppm);
}

uint64_t sim_between(struct sim *s, uint64_t least, uint64_t most)
{
    CHECK(least <= most);
    return least + prng_below(&s->prng, most - least + 1);
}

/* ---- violations ---- */

static void print_nodes(const struct sim *s, FILE *to)
{
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        const struct sim_node *n = &s->nodes[i];
        if (n->is_gone) {
            (void)fprintf(to, "node %u: down for good\n", i);
            continue;
        }
        if (n->driver == NULL) {
            (void)fprintf(to, "node %u: down until %" PRIu64 " us\n", i, n->up_at_us);
            continue;
        }
        struct driver_look look;
        driver_look(n->driver, &look);
        (void)fprintf(
            to,
            "node %u: view %" PRIu64 ", committed %" PRIu64 ", durable %" PRIu64
            ", certified %" PRIu64 ", tip %" PRIu64 ", high %" PRIu64
            ", pool %u (%u executable), %u clients wait, batch %s%s%s%s\n",
            i, look.core.view, look.core.committed.height, look.durable_height,
            look.core.certified_height, look.core.has_tip ? look.core.tip.height : 0,
            look.core.has_high ? look.core.high.height : 0, look.pool.txs_count,
            look.pool.executable_count, look.waiting_count,
            n->in_flight != NULL ? "under way" : "none", sim_node_is_paused(s, i) ? ", paused" : "",
            look.core.is_learner ? ", learner" : "", look.core.is_alarmed ? ", alarmed" : "");
    }
}

static void print_again(const struct sim *s, FILE *to)
{
    (void)fputs("again: build/hansa-sim", to);
    sim_plan_print_settings(to, &s->plan);
    (void)fprintf(to, " %" PRIu64 "\n", s->plan.seed);
}

void sim_report(struct sim *s, uint32_t node_index, const char *property, const char *words)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    CHECK(to != NULL);
    (void)fprintf(to, "== violation: %s\n   %s\n", property, words);
    (void)fprintf(to, "seed %" PRIu64 ", commit %s, at %" PRIu64 " us", s->plan.seed, SIM_COMMIT,
                  s->now_us);
    if (node_index < SIM_NODES_MAX)
        (void)fprintf(to, ", node %u", node_index);
    (void)fputs("\n", to);
    sim_plan_print(to, &s->plan);
    sim_trace_print_last(s, to);
    (void)fprintf(to, "== violation: %s\n   %s\n", property, words);
    print_again(s, to);
    (void)fclose(to);
    (void)fflush(stdout);
    for (size_t at = 0; at < size;) {
        ssize_t part =
            write(STDOUT_FILENO, text + at, size - at); /* whole, between other workers' */
        if (part <= 0)
            break;
        at += (size_t)part;
    }
    free(text);
}

void sim_fail(struct sim *s, uint32_t node_index, const char *property, const char *format, ...)
{
    char words[4096];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    sim_report(s, node_index, property, words);
    _exit(1); /* nothing that is half done is to be closed */
}

/* ---- the second part ---- */

/* A pool that cannot be full drops nothing that it took. Half of a share may wait behind gaps, and
 * a nonce may have two transactions. */
static bool may_overflow(const struct sim_plan *plan)
{
    uint64_t share_txs = plan->parameters.pool_txs_max / plan->members_count / 2;
    return UINT64_C(2) * (plan->keys_count + 1) * plan->in_flight_max > share_txs;
}

/* What has to happen after healing, one thing after the other at worst:
 * - What lies between nodes of different heights is fetched, in rounds of B blocks; a round begins
 *   with the STATUS that shows the difference and may have to wait for the next one: 2 T_s. Each
 *   member that is gone, or lies, may be asked first, in vain.
 * - Lost proposals, PREPAREs and COMMITs are sent again, each after two STATUSes that do not rise:
 *   6 T_s.
 * - A transaction that the primary never got, or had no room for, comes by way of FORWARDs to all,
 *   every T_fair / 2: two of those.
 * - A client finds out that its words or the answer were lost (its patience) and asks the next
 *   node, which may have had no room (again), and in the end for the receipt of another of its own
 * (again).
 * - What a full pool pushed out after it was taken is asked for again when the node says that it
 * does not know what became of it (DRIVER_ANSWER_MS, with patience once more).
 * - What is refused or expired at a nonce shows only when its turn comes, and is then filled by
 *   another: per open nonce of a key two ways of the client's and two agreements.
 * - A state tree that is being made holds up all messages when others wait behind it.
 * - Blocks whose time is ahead wait for it, and syncs that stall come to their end; and what fills
 *   blocks with bytes needs so many of them.
 * It bounds a sound run, and is no promise to users. */
uint64_t sim_bound_ms(const struct sim *s)
{
    enum { PATIENCE_MS = 2000, MARGIN_MS = 1000 };
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
    uint64_t rounds = (highest - lowest) / per_round + 1;
    uint64_t way_ms = s->plan.delay_max_us / 1000 + 1; /* the clients' stays as it was */
    uint64_t hop_ms = (HEALED_DELAY_MAX_US + HEALED_DISK_MAX_US + s->plan.run_lag_us) / 1000 + 1;
    uint64_t agreement_ms = p->batch_ms + 5 * hop_ms + 64 * s->plan.verify_us / 1000;
    /* What was proposed by a clock that was ahead waits, and who has seen that it has to does not
     * look at its clock again before: at most the spread of all clocks. */
    bool waits = s->plan.clock_offset_max_ms > p->clock_skew_ms / 2;
    uint64_t drifted_ms = s->plan.faults_us / 1000 * s->plan.drift_ppm / 1000000;
    uint64_t ahead_ms =
        waits || drifted_ms > 0 ? 2 * (s->plan.clock_offset_max_ms + drifted_ms) : 0;
    uint64_t stall_ms = s->plan.stall_ppm > 0 ? 2 * STALL_MAX_US / 1000 : 0; /* what is under way */
    uint64_t blocks = s->plan.big_bytes_total / (p->block_bytes_max / 2);
    uint64_t lost = s->plan.members_count - sim_needed_count(s);
    uint64_t full_ms = may_overflow(&s->plan) ? DRIVER_ANSWER_MS + PATIENCE_MS : 0;
    uint64_t sum_ms = ahead_ms + stall_ms + blocks * agreement_ms +
                      (2 * rounds * (1 + lost) + 6 + 2 * lost) * p->status_ms + p->fairness_ms +
                      (lost > 0 ? 4 : 3) * PATIENCE_MS + full_ms +
                      s->plan.in_flight_max * 2 * (way_ms + agreement_ms) + MARGIN_MS;
    return sum_ms + sum_ms * s->plan.drift_ppm / 1000000; /* by the slowest clock */
}

static bool have_one_height(const struct sim *s)
{
    struct driver_look first, look;
    bool has_first = false;
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        if (!sim_is_needed(s, i))
            continue;
        if (s->nodes[i].driver == NULL)
            return false;
        if (!has_first)
            driver_look(s->nodes[i].driver, &first);
        has_first = true;
        driver_look(s->nodes[i].driver, &look);
        if (s->nodes[i].in_flight != NULL || look.durable_height != first.durable_height ||
            look.core.committed.height != look.durable_height)
            return false;
    }
    return true;
}

static void print_waiting(struct sim *s, FILE *to, uint64_t bound_ms)
{
    struct buf words = {0};
    uint32_t pending = sim_clients_pending(s, &words);
    (void)fprintf(to, "after %" PRIu64 " ms %u transactions are pending (%.*s)\n", bound_ms,
                  pending, (int)words.size, (const char *)words.data);
    print_nodes(s, to);
    buf_free(&words);
}

static _Noreturn void fail_liveness(struct sim *s, uint64_t bound_ms)
{
    static char words[4000];
    FILE *to = fmemopen(words, sizeof words - 1, "w");
    CHECK(to != NULL);
    print_waiting(s, to, bound_ms);
    (void)fclose(to);
    sim_fail(s, UINT32_MAX, "all that is pending is decided, and all nodes come to one height",
             "%s", words);
}

/* Members outside the quorum that is healed: with those whose stores lie, no more than f. */
static void take_down_for_good(struct sim *s)
{
    uint32_t n = s->plan.members_count, room = faulty_max_of(n);
    for (uint32_t i = 0; i < n; i++)
        room -= s->liars >> i & 1;
    uint32_t left = s->plan.members_down_for_good < room ? s->plan.members_down_for_good : room;
    while (s->plan.has_view_change && left > 0) {
        struct sim_node *node = &s->nodes[sim_between(s, 0, n - 1)];
        if (node->is_gone || (s->liars >> node->index & 1) != 0)
            continue;
        left--;
        node->is_gone = true;
        s->counts.gone++;
        sim_say(s, node->index, "is down for good");
        if (node->driver != NULL)
            sim_node_crash(s, node->index, SIM_AT_IDLE);
    }
}

static void heal_and_finish(struct sim *s)
{
    enum { LOOK_EVERY_US = 20000 };
    struct buf words = {0};
    sim_say(s, UINT32_MAX, "all is healed");
    s->is_healed = true;
    sim_network_heal(s);
    take_down_for_good(s);
    sim_nodes_heal(s);
    sim_clients_stop_new(s);
    uint64_t from_us = s->now_us, bound_ms = sim_bound_ms(s);
    for (;;) {
        buf_clear(&words);
        if (sim_clients_pending(s, &words) == 0 && have_one_height(s))
            break;
        if (s->now_us >= from_us + bound_ms * 1000)
            fail_liveness(s, bound_ms);
        uint64_t until_us = s->now_us + LOOK_EVERY_US;
        while (sim_queue_step(s, until_us))
            ;
    }
    buf_free(&words);
    s->counts.healing_us = s->now_us - from_us;
    s->counts.bound_us = bound_ms * 1000;
    sim_say(s, UINT32_MAX, "all is decided, after %" PRIu64 " of %" PRIu64 " ms",
            (s->now_us - from_us) / 1000, bound_ms);
}

/* ---- from beginning to end ---- */

static void make(struct sim *s)
{
    sim_sign_real(s->plan.has_real_signatures);
    sim_clients_open(s);
    sim_genesis_make(s);
    sim_checker_open(s);
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        sim_node_make(s, i);
    sim_network_start(s);
    sim_liars_start(s);
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        sim_node_start(s, i);
    sim_nodes_start_faults(s);
    sim_clients_start(s);
}

static void close_all(struct sim *s, struct sim_counts *counts)
{
    sim_checker_close(s);
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        sim_node_close(s, i);
    *counts = s->counts; /* with those of the last lives */
    sim_clients_close(s);
    sim_queue_close(s);
    sim_trace_close(s);
    genesis_close(&s->genesis);
    mem_free(s);
}

void sim_run(const struct sim_plan *plan, FILE *trace_to, struct sim_counts *counts,
             struct digest *trace_digest)
{
    struct sim *s = mem_alloc(sizeof *s);
    s->plan = *plan;
    s->prng = prng_of((plan->seed ^ UINT64_C(0x73696d756c617465)) +
                      plan->salt); /* another than the plan's */
    running = s;
    sim_trace_open(s, trace_to);
    sim_queue_open(s);
    make(s);
    while (sim_queue_step(s, plan->faults_us))
        ;
    heal_and_finish(s);
    sim_check_end(s);
    sim_liars_end(s);
    s->counts.virtual_us = s->now_us;
    if (trace_digest != NULL)
        sim_trace_digest(s, trace_digest);
    running = NULL;
    close_all(s, counts);
}
