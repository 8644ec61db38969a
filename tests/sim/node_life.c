/* The life of nodes: made, started, crashed, started again; paused, and going on. */
#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "node/driver/records.h"
#include "node/hansad/marker.h"
#include "tests/sim/world.h"

const char *sim_boundary_word(enum sim_boundary boundary)
{
    static const char *const words[] = {
#define X(name, word) word,
        SIM_BOUNDARY_LIST(X)
#undef X
    };
    return words[boundary];
}

/* ---- making and starting ---- */

/* Its id is drawn here: what the store would draw itself comes from outside the seed. */
static enum rc make_store(struct sim *s, struct sim_node *n, struct why *why)
{
    struct store_identity identity = {.chain_id = s->genesis.chain_id,
                                      .replica_key = n->key.public,
                                      .replica_index = n->member,
                                      .checkpoint_every_heights =
                                          s->genesis.parameters.checkpoint_every_heights};
    prng_fill(&s->prng, identity.store_id, sizeof identity.store_id);
    identity.store_id[0] |= 1;
    if (!sim_is_faulty(s, n->index)) /* the key's first: its marker is made with it */
        memcpy(n->marked_store, identity.store_id, sizeof n->marked_store);
    return store_create(n->kv, &identity, buf_bytes(&s->genesis.canonical), &s->genesis.initial,
                        why);
}

void sim_node_make(struct sim *s, uint32_t index)
{
    struct sim_node *n = &s->nodes[index];
    struct why why = {{0}};
    if (index < SIM_NODES_MAX)
        n->member = index;
    n->sim = s;
    n->index = index;
    n->drift_ppm =
        (int64_t)sim_between(s, 0, 2 * (uint64_t)s->plan.drift_ppm) - (int64_t)s->plan.drift_ppm;
    n->disk_times = sim_luck(s, s->plan.slow_disks_percent * 10000) ? SLOW_DISK_TIMES : 1;
    s->counts.drifting += n->drift_ppm != 0;
    s->counts.slow_disks += n->disk_times > 1;
    n->kv = kv_mem_new();
    enum rc rc = make_store(s, n, &why);
    if (rc != RC_OK)
        sim_fail(s, index, "a store is made of the genesis", "%s: %s", rc_name(rc), why.text);
}

void sim_node_set_wall(struct sim *s, struct sim_node *n)
{
    uint64_t most_ms = s->plan.clock_offset_max_ms,
             good_ms = s->plan.parameters.clock_skew_ms / 2 - 1;
    if (s->is_healed && most_ms > good_ms)
        most_ms = good_ms;
    n->wall_most_ms = sim_node_wall_most_ms(s, n->index);
    n->wall_set_us = s->now_us;
    n->wall_drift_ppm = s->is_healed ? 0 : n->drift_ppm;
    n->wall_offset_ms = (int64_t)sim_between(s, 0, 2 * most_ms) - (int64_t)most_ms;
}

static void set_clocks(struct sim *s, struct sim_node *n)
{
    /* Monotonic clocks start anywhere; they never come back near a value of an earlier life. */
    n->monotonic_offset_ms = sim_between(s, 1, 1000000000);
    sim_node_set_wall(s, n);
}

/* Rule 4.2, by the node's own rule (node/hansad/marker.h). */
static enum rc judge_marker(struct sim *s, struct sim_node *n, struct why *why)
{
    struct marker marker = {
        .chain_id = s->genesis.chain_id, .key = n->key.public, .reserved = n->marker};
    struct marker_case c = {.marker = &marker,
                            .chain_id = s->genesis.chain_id,
                            .key = n->key.public,
                            .has_store = n->store != NULL};
    enum rc rc = RC_OK;
    memcpy(marker.store_id, n->marked_store, sizeof marker.store_id);
    if (n->store != NULL) {
        memcpy(c.store_id, store_identity(n->store)->store_id, sizeof c.store_id);
        rc = records_load_reserved(store_view(n->store), &c.reserved, why);
    }
    if (rc != RC_OK)
        return rc;
    enum marker_verdict verdict = marker_judge(&c, &rc, why);
    n->is_fenced = verdict == MARKER_FENCED;
    if (verdict != MARKER_FITS && !sim_is_faulty(s, n->index))
        sim_fail(s, n->index, "a store fits its marker after any crash", "%s", why->text);
    return verdict == MARKER_REFUSED ? rc : RC_OK;
}

/* As hansad does: the head file, the store, the marker, and then the driver. */
static enum rc open_driver(struct sim *s, struct sim_node *n, struct why *why)
{
    struct store_options options = {.care = TREE_TRUST,
                                    .layer_bytes_max = s->plan.layer_bytes_max,
                                    .may_have_wrong_state = true};
    enum rc rc = sim_store_judge_head(s, n, why);
    if (rc != RC_OK)
        return rc;
    rc = store_open(&n->store, n->kv, &options, why);
    if (rc == RC_OK)
        rc = store_expect(n->store, &s->genesis.chain_id, &n->key.public, why);
    bool is_missing = rc == RC_NOT_A_STORE && sim_is_faulty(s, n->index);
    if (rc == RC_OK || is_missing)
        rc = judge_marker(s, n, why);
    if (rc == RC_OK && is_missing)
        rc = make_store(s, n, why);
    if (rc == RC_OK && is_missing)
        rc = store_open(&n->store, n->kv, &options, why);
    if (rc != RC_OK)
        return rc;
    struct driver_config config = {.genesis = &s->genesis,
                                   .own_index = n->member,
                                   .store = n->store,
                                   .reserved_heights = s->plan.reserved_heights,
                                   .snapshot_behind_heights = s->plan.snapshot_behind_heights,
                                   .outputs_max = s->plan.outputs_max,
                                   .answer_bytes_max = s->plan.answer_bytes_max,
                                   .is_fenced = n->is_fenced};
    sim_node_bind(n, &config);
    return driver_open(&n->driver, &config, why);
}

static void refuse_start(struct sim *s, struct sim_node *n, enum rc rc, const struct why *why)
{
    /* What f+1 made a node sign cannot all be; and what a Byzantine one's disk says is its own. */
    bool may_refuse = s->plan.byz.is_marked || sim_is_byzantine(s, n->index);
    if (!may_refuse && !sim_is_faulty(s, n->index))
        sim_fail(s, n->index, "a node starts after any crash", "%s: %s", rc_name(rc), why->text);
    if (n->store != NULL)
        store_close(n->store);
    n->store = NULL;
    n->driver = NULL;
    if (may_refuse) {
        sim_say(s, n->index, "does not start: %s", why->text);
        n->is_gone = true;
    } else {
        sim_liar_refused(s, n, rc, why);
    }
}

void sim_node_start(struct sim *s, uint32_t index)
{
    struct sim_node *n = &s->nodes[index];
    struct why why = {{0}};
    CHECK(n->driver == NULL && n->in_flight == NULL && !n->is_gone);
    n->life++;
    n->starts_count++;
    s->counts.starts++;
    n->is_dying = n->is_failed = false;
    n->paused_until_us = 0;
    n->up_at_us = 0;
    memset(n->core_free_us, 0, sizeof n->core_free_us);
    sim_disk_start(s, n);
    set_clocks(s, n);
    n->fill_from_ms = sim_node_time(s, index).now_ms;
    uint32_t charged = sim_mem_charge(index);
    enum rc rc = open_driver(s, n, &why);
    (void)sim_mem_charge(charged);
    n->opened_bytes = sim_mem_bytes(index);
    if (rc != RC_OK) {
        refuse_start(s, n, rc, &why);
        return;
    }
    sim_say(s, index, "starts at height %" PRIu64, store_head(n->store)->height);
    sim_rot_started(s, n);
    sim_check_start(s, index);
    sim_node_called(s, index);
    if (n->driver != NULL)
        sim_node_touch(s, index);
}

/* ---- ending ---- */

static void drop_waiting(struct sim *s, struct sim_node *n)
{
    while (n->waiting_first != NULL) {
        struct sim_packet *p = n->waiting_first;
        n->waiting_first = p->next_waiting;
        sim_packet_free(s, p);
    }
    n->waiting_last = NULL;
}

/* Throw away all that is in memory, and what is on the way to it. */
static void end_life(struct sim *s, struct sim_node *n)
{
    if (n->driver == NULL)
        return;
    struct driver_look look;
    driver_look(n->driver, &look);
    s->counts.output_drops += look.output_drops;
    s->counts.answer_drops += look.answer_drops;
    sim_serve_close(n);
    driver_close(n->driver);
    store_close(n->store);
    n->driver = NULL;
    n->store = NULL;
    n->is_dying = false;
    n->deadline_event = 0;
    n->life++;
    drop_waiting(s, n);
}

/* The batch that was on its way to the disk is there, whole, or not at all. */
void sim_node_settle(struct sim *s, struct sim_node *n, bool may_land)
{
    if (n->is_marking && n->marker.height > 0)
        s->counts.cut_marks_again++;
    if (n->is_marking && sim_luck(s, 500000))
        n->marker = n->marking_to;
    n->is_marking = false;
    if (n->in_flight == NULL)
        return;
    bool lands = may_land && sim_luck(s, 500000);
    n->in_flight = NULL;
    kv_mem_finish(n->kv, lands);
    sim_say(s, n->index, lands ? "its batch lands all the same" : "its batch is lost");
    if (!lands)
        return;
    s->counts.landed_unasked++;
    sim_liar_landed(s, n);
    sim_check_landed(s, n->index);
}

static void start_again(struct sim *s, void *context, uint64_t number)
{
    struct sim_node *n = context;
    (void)number;
    if (n->driver == NULL && !n->is_gone &&
        n->up_at_us <= s->now_us) /* healing may have been quicker */
        sim_node_start(s, n->index);
}

static void crash_one(struct sim *s, struct sim_node *n, enum sim_boundary boundary)
{
    enum { DOWN_MIN_US = 1000 };
    s->counts.crashes[boundary]++;
    sim_say(s, n->index, "crashes (%s)", sim_boundary_word(boundary));
    end_life(s, n);
    sim_node_settle(s, n, true);
    uint64_t most_us = s->plan.down_max_us > DOWN_MIN_US ? s->plan.down_max_us : DOWN_MIN_US;
    if (s->is_healed) /* drawn before: a batch that was on its way when all was healed */
        most_us = DOWN_MIN_US;
    n->up_at_us = s->now_us + sim_between(s, DOWN_MIN_US, most_us);
    sim_at(s, n->up_at_us, start_again, n);
}

void sim_node_crash(struct sim *s, uint32_t index, enum sim_boundary boundary)
{
    CHECK(s->nodes[index].driver != NULL);
    crash_one(s, &s->nodes[index], boundary);
    if (!sim_fault(s, s->plan.crash_all_percent * 10000))
        return;
    bool is_all = sim_luck(s, 500000); /* a power cut; else a rack of them */
    *(is_all ? &s->counts.power_cuts : &s->counts.racks_down) += 1;
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        struct sim_node *n = &s->nodes[i];
        if (n->driver != NULL && (is_all || sim_luck(s, 500000)))
            crash_one(s, n, n->in_flight != NULL ? SIM_AT_SUBMIT : SIM_AT_IDLE);
    }
}

/* As hansad does: the process goes on, and opens store and driver anew (driver.h). */
void sim_node_reopen(struct sim *s, struct sim_node *n, const struct why *why)
{
    CHECK(n->in_flight == NULL && !n->is_marking);
    sim_say(s, n->index, "opens its store anew: %s", why->text);
    struct driver_look look;
    driver_look(n->driver, &look);
    s->counts.snapshots += look.is_taking_snapshot;
    end_life(s, n);
    sim_node_start(s, n->index);
}

void sim_node_close(struct sim *s, uint32_t index)
{
    struct sim_node *n = &s->nodes[index];
    end_life(s, n);
    if (n->in_flight != NULL)
        kv_mem_finish(n->kv, false);
    n->in_flight = NULL;
    sim_liar_close(n);
    if (n->kv != NULL)
        kv_close(n->kv);
    n->kv = NULL;
}

/* ---- pauses ---- */

bool sim_node_is_paused(const struct sim *s, uint32_t index)
{
    return s->nodes[index].paused_until_us > s->now_us;
}

/* All that came meanwhile comes now, in its order, before anything else. */
static void go_on(struct sim *s, struct sim_node *n)
{
    struct sim_packet *p = n->waiting_first;
    n->paused_until_us = 0;
    n->waiting_first = n->waiting_last = NULL;
    if (n->driver == NULL)
        return;
    sim_say(s, n->index, "goes on");
    while (p != NULL) {
        struct sim_packet *next = p->next_waiting;
        sim_node_take(s, p);
        p = next;
    }
    if (n->driver != NULL)
        sim_node_touch(s, n->index);
}

static void pause_ends(struct sim *s, void *context, uint64_t number)
{
    struct sim_node *n = context;
    (void)number;
    if (n->paused_until_us != 0 && n->paused_until_us <= s->now_us)
        go_on(s, n);
}

static void pause_one(struct sim *s, struct sim_node *n)
{
    uint64_t length_us = sim_between(s, 1000, s->plan.pause_max_us);
    if (n->driver == NULL || n->paused_until_us != 0)
        return;
    s->counts.pauses++;
    sim_say(s, n->index, "is paused for %" PRIu64 " us", length_us);
    n->paused_until_us = s->now_us + length_us;
    sim_at(s, n->paused_until_us, pause_ends, n);
}

/* ---- what comes and goes by itself ---- */

static void next_pause(struct sim *s, void *context, uint64_t number)
{
    uint64_t mean_us = 60000000 / s->plan.pauses_per_minute;
    (void)context;
    if (s->is_healed)
        return;
    if (number != 0)
        pause_one(s, &s->nodes[sim_between(s, 0, s->plan.members_count - 1)]);
    sim_at(s, s->now_us + sim_between(s, 1, 2 * mean_us), next_pause, NULL);
}

static void crash_idle(struct sim *s, void *context, uint64_t number)
{
    struct sim_node *n = context;
    (void)number;
    if (!s->is_healed && n->driver != NULL)
        sim_node_crash(s, n->index, n->in_flight != NULL ? SIM_AT_SUBMIT : SIM_AT_IDLE);
}

static void next_step(struct sim *s, void *context, uint64_t number)
{
    uint64_t mean_us = 60000000 / s->plan.clock_steps_per_minute;
    (void)context;
    if (s->is_healed)
        return;
    if (number != 0) {
        struct sim_node *n = &s->nodes[sim_between(s, 0, s->plan.members_count - 1)];
        s->counts.steps++;
        sim_node_set_wall(s, n);
        sim_say(s, n->index, "its wall clock steps to %" PRId64 " ms", n->wall_offset_ms);
    }
    sim_at(s, s->now_us + sim_between(s, 1, 2 * mean_us), next_step, NULL);
}

/* Once a second for each node: whether it crashes within the next. */
static void draw_idle_crashes(struct sim *s, void *context, uint64_t number)
{
    (void)context;
    (void)number;
    if (s->is_healed)
        return;
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        if (sim_luck(s, s->plan.crash_ppm[SIM_AT_IDLE]))
            sim_at(s, s->now_us + sim_between(s, 0, 999999), crash_idle, &s->nodes[i]);
    sim_at(s, s->now_us + 1000000, draw_idle_crashes, NULL);
}

void sim_nodes_start_faults(struct sim *s)
{
    sim_disks_start_faults(s);
    if (s->plan.pauses_per_minute > 0)
        next_pause(s, NULL, 0);
    if (s->plan.clock_steps_per_minute > 0)
        next_step(s, NULL, 0);
    if (s->plan.crash_ppm[SIM_AT_IDLE] > 0)
        draw_idle_crashes(s, NULL, 0);
}

void sim_nodes_heal(struct sim *s)
{
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        struct sim_node *n = &s->nodes[i];
        sim_node_set_wall(s, n);
        if (n->is_gone)
            continue;
        if (n->driver == NULL)
            sim_node_start(s, i);
        else if (n->paused_until_us != 0)
            go_on(s, n);
    }
}
