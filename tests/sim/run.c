/* One run: a world is made of its plan, goes wrong for a while, is healed, and has to come to an
 * end.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tests/sim/world.h"

#ifndef SIM_COMMIT
#define SIM_COMMIT "unknown"
#endif

enum { REPORT_BYTES_MAX = 16384 };

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

static const char *replay_words;

void sim_replay_as(const char *words)
{
    replay_words = words;
}

static void print_again(const struct sim *s, FILE *to)
{
    (void)fputs("again: build/hansa-sim", to);
    if (replay_words == NULL)
        sim_plan_print_settings(to, &s->plan);
    else
        (void)fputs(replay_words, to);
    (void)fprintf(to, " %" PRIu64 "\n", s->plan.seed);
}

static char *kept_property;

void sim_keep_property(char out[static SIM_PROPERTY_BYTES])
{
    kept_property = out;
}

void sim_report(struct sim *s, uint32_t node_index, const char *property, const char *words)
{
    char *text = NULL;
    size_t size = 0;
    if (kept_property != NULL)
        (void)snprintf(kept_property, SIM_PROPERTY_BYTES, "%s", property);
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
    static char words[REPORT_BYTES_MAX]; /* static: a CHECK may have failed deep down */
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    sim_byz_on_violation(s, property);
    sim_report(s, node_index, property, words);
    _exit(1); /* nothing that is half done is to be closed */
}

/* ---- the second part ---- */

/* Members outside the quorum that is healed: with those whose stores lie, no more than f. */
static void take_down_for_good(struct sim *s)
{
    uint32_t n = s->plan.members_count, room = sim_faults_left(s);
    uint32_t left = s->plan.members_down_for_good < room ? s->plan.members_down_for_good : room;
    while (s->plan.has_view_change && left > 0) {
        struct sim_node *node = &s->nodes[sim_between(s, 0, n - 1)];
        if (node->is_gone || ((s->liars | s->faulty | sim_byzantine(s)) >> node->index & 1) != 0)
            continue;
        left--;
        node->is_gone = true;
        s->counts.gone++;
        sim_say(s, node->index, "is down for good");
        if (node->driver != NULL)
            sim_node_crash(s, node->index, SIM_AT_IDLE);
    }
}

/* Whoever took a state has all blocks by now, and nobody has a state that rotted (8.2, 9.3). */
static bool are_whole(const struct sim *s)
{
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        if (sim_is_rotten(s, i) && !sim_is_rot_unread(s, i))
            return false;
        if (sim_is_needed(s, i) && store_history_from_height(s->nodes[i].store) > 1)
            return false;
    }
    return true;
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
        if (!has_first)
            first = look;
        has_first = true;
        if (s->nodes[i].in_flight != NULL || look.durable_height != first.durable_height ||
            look.core.committed.height != look.durable_height)
            return false;
    }
    return true;
}

static _Noreturn void fail_liveness(struct sim *s, uint64_t bound_ms)
{
    static char words[REPORT_BYTES_MAX - 1];
    FILE *to = fmemopen(words, sizeof words - 1, "w");
    CHECK(to != NULL);
    (void)fprintf(to, "after %" PRIu64 " ms ", bound_ms);
    sim_print_waiting(s, to);
    (void)fclose(to);
    sim_fail(s, UINT32_MAX, "all that is pending is decided, and all nodes come to one height",
             "%s", words);
}

static void heal(struct sim *s)
{
    sim_say(s, UINT32_MAX, "all is healed");
    s->is_healed = true;
    s->counts.txs_in_time = sim_check_txs(s);
    sim_network_heal(s);
    take_down_for_good(s);
    sim_nodes_heal(s);
    sim_clients_stop_new(s);
    sim_reads_stop_new(s);
}

/* Where Byzantine members may stop all progress: what is there stays safe. */
static void heal_and_watch(struct sim *s)
{
    enum { WATCH_US = 2000000 };
    heal(s);
    s->counts.bound_us = WATCH_US;
    while (sim_queue_step(s, s->plan.faults_us + WATCH_US))
        ;
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        if (s->nodes[i].driver == NULL &&
            !s->nodes[i].is_gone) /* a batch that was under way when all was healed failed */
            sim_node_start(s, i);
}

static void heal_and_finish(struct sim *s)
{
    enum { LOOK_EVERY_US = 20000 };
    heal(s);
    uint64_t from_us = s->now_us, bound_ms = sim_bound_ms(s);
    for (;;) {
        if (sim_clients_pending(s, NULL) == 0 && sim_reads_pending(s) == 0 && have_one_height(s) &&
            are_whole(s))
            break;
        if (s->now_us >= from_us + bound_ms * 1000)
            fail_liveness(s, bound_ms);
        uint64_t until_us = s->now_us + LOOK_EVERY_US;
        while (sim_queue_step(s, until_us))
            ;
    }
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
    sim_byz_open(s);
    sim_genesis_make(s);
    sim_checker_open(s);
    sim_reads_open(s);
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        sim_node_make(s, i);
    sim_network_start(s);
    sim_liars_start(s);
    sim_rots_start(s);
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        sim_node_start(s, i);
    sim_byz_start(s);
    sim_nodes_start_faults(s);
    sim_clients_start(s);
    sim_reads_start(s);
}

static void close_all(struct sim *s, struct sim_counts *counts)
{
    sim_checker_close(s);
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        sim_node_close(s, i);
    sim_byz_close(s);
    *counts = s->counts; /* with those of the last lives */
    sim_clients_close(s);
    sim_reads_close(s);
    sim_queue_close(s);
    sim_trace_close(s);
    genesis_close(&s->genesis);
    mem_free(s);
}

void sim_run(const struct sim_plan *plan, FILE *trace_to, struct sim_counts *counts,
             struct digest *trace_digest)
{
    sim_mem_pool();
    struct sim *s = mem_alloc(sizeof *s);
    s->plan = *plan;
    s->prng = prng_of((plan->seed ^ UINT64_C(0x73696d756c617465)) +
                      plan->salt); /* another than the plan's */
    running = s;
    sim_digest_remember();
    sim_trace_open(s, trace_to);
    sim_queue_open(s);
    make(s);
    while (sim_queue_step(s, plan->faults_us))
        ;
    if (sim_byz_is_live(s))
        heal_and_finish(s);
    else
        heal_and_watch(s);
    sim_check_end(s);
    sim_liars_end(s);
    s->counts.virtual_us = s->now_us;
    s->counts.snapshot_runs = s->counts.snapshots > 0;
    if (trace_digest != NULL)
        sim_trace_digest(s, trace_digest);
    running = NULL;
    close_all(s, counts);
}
