/* The driver's interfaces over the virtual world: its links, its processors (its disk: disk.c); and
 * how events reach it. Where it is cut off between deciding and telling is drawn here (rule 4). */
#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/world.h"

/* ---- running ---- */

struct driver_time sim_node_time(const struct sim *s, uint32_t index)
{
    /* The wall clocks of all begin on one day in 2026, and differ by their offsets. */
    static const int64_t start_ms = INT64_C(1780000000000);
    const struct sim_node *n = &s->nodes[index];
    int64_t now_us = (int64_t)s->now_us;
    int64_t own_us = now_us + now_us * n->drift_ppm / 1000000;
    int64_t wall_us = now_us + (now_us - (int64_t)n->wall_set_us) * n->wall_drift_ppm / 1000000;
    return (struct driver_time){.now_ms = (uint64_t)(own_us / 1000) + n->monotonic_offset_ms,
                                .wall_ms =
                                    (uint64_t)(start_ms + wall_us / 1000 + n->wall_offset_ms)};
}

uint64_t sim_node_world_us(const struct sim_node *n, uint64_t own_ms)
{
    return (own_ms - n->monotonic_offset_ms) * 1000 * 1000000 / (uint64_t)(1000000 + n->drift_ppm);
}

uint64_t sim_node_wall_most_ms(const struct sim *s, uint32_t index)
{
    uint64_t now_ms = sim_node_time(s, index).wall_ms;
    return now_ms > s->nodes[index].wall_most_ms ? now_ms : s->nodes[index].wall_most_ms;
}

void sim_node_decided(const struct sim *s, uint32_t index, uint64_t *from_ms, uint64_t *until_ms)
{
    const struct sim_node *n = &s->nodes[index];
    *from_ms = n->is_telling ? n->closed_from_ms : n->fill_from_ms;
    *until_ms = n->is_telling ? n->closed_at_ms : sim_node_time(s, index).now_ms;
}

void sim_node_close_turn(struct sim_node *n)
{
    n->closed_from_ms = n->fill_from_ms;
    n->closed_at_ms = n->fill_from_ms = sim_node_time(n->sim, n->index).now_ms;
}

static sim_action run;

/* One event per node is enough: the earliest. A later one that was there is known by its number to
 * be out of date. */
static void run_at(struct sim *s, struct sim_node *n, uint64_t at_us)
{
    if (n->deadline_event != 0 && n->deadline_at_us <= at_us)
        return;
    n->deadline_at_us = at_us;
    n->deadline_event = sim_at(s, at_us, run, n);
}

void sim_node_touch(struct sim *s, uint32_t index)
{
    uint64_t lag_us = s->plan.run_lag_us > 0 ? sim_between(s, 0, s->plan.run_lag_us) : 0;
    run_at(s, &s->nodes[index], s->now_us + lag_us);
}

/* When its deadline comes, by the world's clock. */
static void run_at_deadline(struct sim *s, struct sim_node *n)
{
    uint64_t deadline_ms = driver_deadline_ms(n->driver);
    if (deadline_ms == UINT64_MAX)
        return;
    uint64_t at_us = sim_node_world_us(n, deadline_ms);
    if (deadline_ms <= sim_node_time(s, n->index).now_ms)
        sim_node_touch(s, n->index);
    else
        run_at(s, n, at_us > s->now_us ? at_us : s->now_us + 1);
}

/* Bounded work per run is no help if the driver asks to be run for ever. */
static void judge_spinning(struct sim *s, struct sim_node *n)
{
    enum { RUNS_PER_MS_MAX = 3000 };
    if (n->runs_at_ms != s->now_us / 1000) {
        n->runs_at_ms = s->now_us / 1000;
        n->runs_count = 0;
    }
    if (++n->runs_count > RUNS_PER_MS_MAX)
        sim_fail(s, n->index, "the driver comes to rest",
                 "it was run %d times in one millisecond; its deadline is %" PRIu64
                 ", the time %" PRIu64,
                 RUNS_PER_MS_MAX, driver_deadline_ms(n->driver), sim_node_time(s, n->index).now_ms);
}

static void run(struct sim *s, void *context, uint64_t number)
{
    struct sim_node *n = context;
    if (number != n->deadline_event)
        return;
    n->deadline_event = 0;
    if (n->driver == NULL || sim_node_is_paused(s, n->index))
        return; /* going on touches it */
    judge_spinning(s, n);
    uint32_t charged = sim_mem_charge(n->index);
    driver_run(n->driver, sim_node_time(s, n->index));
    (void)sim_mem_charge(charged);
    if (n->in_flight == NULL && !n->is_marking)
        n->fill_from_ms = sim_node_time(s, n->index).now_ms; /* what had no need to wait has left */
    if (!n->is_dying && !n->is_failed) /* a dying one saw its submits and sends swallowed */
        sim_check_bounds(s, n->index);
    sim_serve_run(s, n);
    if (sim_is_faulty(s, n->index))
        sim_liar_ran(s, n);
    sim_node_called(s, n->index);
    if (n->driver != NULL)
        run_at_deadline(s, n);
}

void sim_node_called(struct sim *s, uint32_t index)
{
    struct sim_node *n = &s->nodes[index];
    struct why why;
    if (n->is_dying)
        sim_node_crash(s, index, n->dying_at);
    else if (n->driver != NULL && driver_failure(n->driver, NULL) == RC_REOPEN &&
             driver_failure(n->driver, &why) == RC_REOPEN)
        sim_node_reopen(s, n, &why);
}

void sim_node_dies(struct sim_node *n, enum sim_boundary boundary)
{
    n->is_dying = true;
    n->dying_at = boundary;
}

/* ---- the links and the clients ---- */

static void send_message(struct sim_node *n, uint32_t to, struct bytes message)
{
    struct sim *s = n->sim;
    if (!n->is_dying && sim_fault(s, s->plan.crash_ppm[SIM_AT_SEND]))
        sim_node_dies(n, SIM_AT_SEND);
    if (n->is_dying)
        return;
    if (n->is_failed)
        sim_fail(s, n->index, "after a failed disk nothing is told", "a message to %u", to);
    if (sim_is_byzantine(s, n->index)) {
        sim_byz_send(s, n->index, to, message);
        return;
    }
    sim_check_sent(s, n->index, to, message);
    sim_network_send(s, n->index, to, message);
}

static void give_answer(struct sim_node *n, uint64_t client, const struct driver_answer *answer)
{
    static const char *const words[] = {"committed", "rejected", "refused", "busy", "unknown"};
    struct sim *s = n->sim;
    if (n->is_dying)
        return;
    if (n->is_failed)
        sim_fail(s, n->index, "after a failed disk nothing is told", "an answer to %" PRIu64,
                 client);
    if (!sim_is_faulty(s, n->index))
        sim_check_answer(s, n->index, client, answer);
    else if (!sim_check_faulty_answer(s, n->index, answer))
        return; /* no client believes it */
    sim_say(s, n->index, "answers %" PRIu64 ": %s", client, words[answer->outcome]);
    if (sim_byz_takes_answer(s, n->index, client, answer))
        return;
    sim_clients_on_answer(s, n->index, client, answer); /* their network is theirs */
}

/* ---- the processors ---- */

static void run_job(struct sim_node *n, struct driver_job *job)
{
    uint32_t charged = sim_mem_charge(n->index);
    driver_job_run(job);
    (void)sim_mem_charge(charged);
}

static void submit_job(struct sim_node *n, struct driver_job *job)
{
    struct sim *s = n->sim;
    if (n->is_dying)
        return; /* it never comes back */
    uint32_t core = 0;
    for (uint32_t i = 1; i < SIM_CORES; i++)
        if (n->core_free_us[i] < n->core_free_us[core])
            core = i;
    uint64_t cost_us = s->plan.verify_us * driver_job_signatures(job);
    uint64_t from_us = n->core_free_us[core] > s->now_us ? n->core_free_us[core] : s->now_us;
    n->core_free_us[core] = from_us + (cost_us > 0 ? sim_between(s, cost_us / 2, cost_us) : 0);
    struct sim_packet *p = sim_packet_new(s, PACKET_JOB, n->index, bytes_of(NULL, 0));
    p->job = job;
    p->life = n->life;
    sim_at(s, n->core_free_us[core], sim_node_arrive, p);
}

/* One thread besides, whose work takes long. It reads what is durable as it begins, or later: no
 * flush but its own comes meanwhile. */
static void submit_tree(struct sim_node *n, struct driver_job *job)
{
    struct sim *s = n->sim;
    if (n->is_dying)
        return;
    uint64_t most_us = s->is_healed ? HEALED_DISK_MAX_US : s->plan.tree_max_us;
    uint64_t after_us = s->plan.tree_max_us > 0 ? sim_between(s, 0, most_us) : 0;
    bool is_early = after_us > 0 && sim_luck(s, 500000);
    if (is_early)
        run_job(n, job);
    struct sim_packet *p =
        sim_packet_new(s, is_early ? PACKET_RUN_JOB : PACKET_JOB, n->index, bytes_of(NULL, 0));
    p->job = job;
    p->life = n->life;
    sim_at(s, s->now_us + after_us, sim_node_arrive, p);
}

static void on_sign(void *context, struct signature *out, struct bytes message)
{
    const struct sim_node *n = context;
    sign_message(out, message, &n->key);
}

/* ---- what the driver calls: what the world needs for it is the world's, not the node's ---- */

static void on_send(void *node, uint32_t to, struct bytes message)
{
    uint32_t charged = sim_mem_charge(SIM_PLACES_MAX);
    send_message(node, to, message);
    (void)sim_mem_charge(charged);
}

static void on_answer(void *node, uint64_t client, const struct driver_answer *answer)
{
    uint32_t charged = sim_mem_charge(SIM_PLACES_MAX);
    give_answer(node, client, answer);
    (void)sim_mem_charge(charged);
}

static void on_job_submit(void *node, struct driver_job *job)
{
    uint32_t charged = sim_mem_charge(SIM_PLACES_MAX);
    submit_job(node, job);
    (void)sim_mem_charge(charged);
}

static void on_tree_submit(void *node, struct driver_job *job)
{
    uint32_t charged = sim_mem_charge(SIM_PLACES_MAX);
    submit_tree(node, job);
    (void)sim_mem_charge(charged);
}

static void on_batch(void *node, const struct kv_batch *batch)
{
    uint32_t charged = sim_mem_charge(SIM_PLACES_MAX);
    sim_disk_submit(node, batch);
    (void)sim_mem_charge(charged);
}

static void on_raise(void *node, const struct pbft_rank *to)
{
    uint32_t charged = sim_mem_charge(SIM_PLACES_MAX);
    sim_disk_raise(node, to);
    (void)sim_mem_charge(charged);
}

void sim_node_bind(struct sim_node *n, struct driver_config *config)
{
    config->kv = (struct driver_kv){.context = n, .submit = on_batch};
    config->net = (struct driver_net){.context = n, .send = on_send, .answer = on_answer};
    config->verify = (struct driver_verify){.context = n, .submit = on_job_submit};
    config->helper = (struct driver_helper){.context = n, .submit = on_tree_submit};
    config->marker = (struct driver_marker){.context = n, .held = n->marker, .raise = on_raise};
    config->signer = (struct driver_signer){.context = n, .sign = on_sign};
}

/* ---- what comes in ---- */

/* Give a packet to the driver of a node that is up and not paused. */
static void give_driver(struct sim *s, struct sim_node *n, const struct sim_packet *p)
{
    switch (p->type) {
    case PACKET_MESSAGE:
        if (!driver_on_message(n->driver, p->from, bytes_of(p->bytes, p->size)))
            sim_say(s, n->index, "the inbox of %u is full", p->from);
        break;
    case PACKET_TX:
        driver_on_tx(n->driver, p->client, bytes_of(p->bytes, p->size), sim_node_time(s, n->index));
        break;
    case PACKET_JOB:
        driver_job_run(p->job);
        driver_on_job(n->driver, p->job);
        break;
    case PACKET_RUN_JOB:
        driver_on_job(n->driver, p->job);
        break;
    case PACKET_TOLD:
        n->is_telling = true;
        driver_on_durable(n->driver, RC_OK);
        n->is_telling = false;
        break;
    case PACKET_MARKED:
        n->is_telling = true;
        driver_on_marked(n->driver, RC_OK);
        n->is_telling = false;
        break;
    case PACKET_ERROR:
        driver_on_durable(n->driver, p->rc);
        break;
    case PACKET_MARK_ERROR:
        driver_on_marked(n->driver, p->rc);
        break;
    default:
        CHECK(!"a packet for the driver");
    }
}

static void give(struct sim *s, struct sim_node *n, const struct sim_packet *p)
{
    if (p->type == PACKET_READ) { /* the driver has no part in it */
        sim_serve_take(s, n, p);
        return;
    }
    if (p->type == PACKET_MESSAGE)
        sim_check_delivered(s, n->index, p->from, bytes_of(p->bytes, p->size));
    uint32_t charged = sim_mem_charge(n->index);
    give_driver(s, n, p);
    (void)sim_mem_charge(charged);
    sim_node_called(s, n->index);
    if (n->driver != NULL)
        sim_node_touch(s, n->index);
}

void sim_node_take(struct sim *s, struct sim_packet *p)
{
    struct sim_node *n = &s->nodes[p->to];
    if (n->driver != NULL && sim_node_is_paused(s, n->index)) {
        p->next_waiting = NULL;
        if (n->waiting_last != NULL)
            n->waiting_last->next_waiting = p;
        else
            n->waiting_first = p;
        n->waiting_last = p;
        return;
    }
    /* Messages are the network's: they reach whoever is up by then. The rest dies with the node. */
    bool is_for_it = p->type == PACKET_MESSAGE || p->life == n->life;
    if (n->driver != NULL && is_for_it)
        give(s, n, p);
    sim_packet_free(s, p);
}

void sim_node_arrive(struct sim *s, void *context, uint64_t number)
{
    struct sim_packet *p = context;
    struct sim_node *n = &s->nodes[p->to];
    (void)number;
    if (p->type >= PACKET_DURABLE && p->life != n->life) {
        sim_packet_free(s, p);
        return;
    }
    switch (p->type) {
    case PACKET_DURABLE:
        sim_disk_on_durable(s, p);
        break;
    case PACKET_STORED:
        sim_disk_on_stored(s, p);
        break;
    case PACKET_ERROR:
    case PACKET_MARK_ERROR:
        sim_disk_on_error(s, p);
        break;
    case PACKET_CRASH:
    case PACKET_END:
        sim_node_crash(s, p->to,
                       n->is_marking  ? SIM_AT_MARK
                       : n->is_failed ? SIM_AT_ERROR
                                      : SIM_AT_SUBMIT);
        sim_packet_free(s, p);
        break;
    default:
        sim_node_take(s, p);
    }
}

void sim_node_deliver(struct sim *s, uint32_t to, uint32_t from, struct bytes message)
{
    if (s->nodes[to].driver == NULL)
        return;
    struct sim_packet *p = sim_packet_new(s, PACKET_MESSAGE, to, message);
    p->from = from;
    sim_node_take(s, p);
}

bool sim_node_submit(struct sim *s, uint32_t index, uint64_t client, struct bytes tx)
{
    struct sim_node *n = &s->nodes[index];
    if (n->driver == NULL)
        return false;
    sim_say(s, index, "client %" PRIu64 " submits %zu bytes", client, tx.size);
    if (sim_byz_ignores_tx(s, index, tx))
        return true;
    struct sim_packet *p = sim_packet_new(s, PACKET_TX, index, tx);
    p->client = client;
    p->life = n->life;
    sim_node_take(s, p);
    return true;
}
