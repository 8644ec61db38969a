/* The disk of a node, and the marker beside its key: slow, failing, full. What was under way when
 * it failed, or the machine stopped, is there whole or not at all. A process that was told of a
 * failure tells nothing any more and ends (4.2); a supervisor starts it again, and a disk that is
 * full still fails it again. */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "tests/sim/world.h"

/* ---- what goes wrong ---- */

static bool is_full(const struct sim *s, const struct sim_node *n)
{
    return !s->is_healed && s->now_us < n->full_until_us;
}

static void fill_up(struct sim *s, void *context, uint64_t number)
{
    uint64_t mean_us = 60000000 / s->plan.full_disks_per_minute;
    (void)context;
    if (s->is_healed)
        return;
    if (number != 0) {
        struct sim_node *n = &s->nodes[sim_between(s, 0, s->plan.members_count - 1)];
        n->full_until_us = s->now_us + sim_between(s, 1000, s->plan.full_max_us);
        s->counts.full_disks++;
        sim_say(s, n->index, "its disk is full for %" PRIu64 " us", n->full_until_us - s->now_us);
    }
    sim_at(s, s->now_us + sim_between(s, 1, 2 * mean_us), fill_up, NULL);
}

void sim_disks_start_faults(struct sim *s)
{
    if (s->plan.full_disks_per_minute > 0)
        fill_up(s, NULL, 0);
}

/* Of the lives to come some end with an EIO at their k-th commit: also the first ones, which a rate
 * would hardly ever hit (pitfalls D8). */
void sim_disk_start(struct sim *s, struct sim_node *n)
{
    enum { DOUBLINGS_MAX = 7 };
    n->commits_count = n->eio_at_commit = 0;
    if (sim_fault(s, s->plan.eio_ppm))
        n->eio_at_commit = sim_between(s, 1, UINT64_C(1) << sim_between(s, 0, DOUBLINGS_MAX));
}

/* What becomes of the batch that is submitted now. */
static enum rc draw_failure(struct sim *s, struct sim_node *n)
{
    n->commits_count++;
    if (is_full(s, n)) {
        s->counts.full_commits++;
        return sim_luck(s, 500000) ? RC_DISK_FULL : RC_STORE_FULL;
    }
    if (n->commits_count == n->eio_at_commit) {
        s->counts.eio_commits++;
        return RC_STORE_IO;
    }
    return sim_fault(s, s->plan.crash_ppm[SIM_AT_ERROR]) ? RC_STORE_IO : RC_OK;
}

static enum rc draw_marker_failure(struct sim *s, const struct sim_node *n)
{
    enum rc rc = is_full(s, n)                             ? RC_DISK_FULL
                 : sim_fault(s, s->plan.marker_errors_ppm) ? RC_FILE_IO
                                                           : RC_OK;
    s->counts.mark_errors += rc != RC_OK;
    return rc;
}

/* ---- the disk ---- */

static uint64_t sync_us(struct sim *s, const struct sim_node *n)
{
    if (s->is_healed)
        return sim_between(s, HEALED_DISK_MIN_US, HEALED_DISK_MAX_US);
    if (sim_luck(s, s->plan.stall_ppm)) {
        s->counts.stalls++;
        return sim_between(s, STALL_MIN_US, STALL_MAX_US);
    }
    if ((s->plan.slow_disk_bits >> n->index & 1) != 0)
        return s->plan.slow_disk_us;
    return n->disk_times * sim_between(s, s->plan.disk_min_us, s->plan.disk_max_us);
}

static void send_self(struct sim_node *n, enum sim_packet_type type, enum rc rc, uint64_t after_us)
{
    struct sim_packet *p = sim_packet_new(n->sim, type, n->index, bytes_of(NULL, 0));
    p->rc = rc;
    p->life = n->life;
    sim_at(n->sim, n->sim->now_us + after_us, sim_node_arrive, p);
}

void sim_disk_submit(void *context, const struct kv_batch *batch)
{
    struct sim_node *n = context;
    struct sim *s = n->sim;
    CHECK(n->in_flight == NULL); /* one at a time: driver.h */
    if (n->is_dying)
        return;
    sim_say(s, n->index, "submits a batch of %zu, %zu bytes", kv_batch_count(batch),
            kv_batch_bytes(batch));
    if (sim_fault(s, s->plan.crash_ppm[SIM_AT_DECIDE])) {
        sim_node_dies(n, SIM_AT_DECIDE);
        return;
    }
    sim_node_close_turn(n);
    kv_mem_begin(n->kv, batch);
    n->in_flight = batch;
    uint64_t after_us = sync_us(s, n);
    enum rc rc = draw_failure(s, n);
    if (sim_fault(s, s->plan.crash_ppm[SIM_AT_SUBMIT]))
        send_self(n, PACKET_CRASH, RC_OK, sim_between(s, 0, after_us));
    else
        send_self(n, rc == RC_OK ? PACKET_DURABLE : PACKET_ERROR, rc, after_us);
}

/* The disk fails: what was under way is there, whole, or not at all (a map that is full took
 * nothing); the driver is told, and is silent for as long as its process still lives (4.2). */
void sim_disk_on_error(struct sim *s, struct sim_packet *p)
{
    enum { ENDS_WITHIN_US = 50000 };
    struct sim_node *n = &s->nodes[p->to];
    sim_say(s, n->index, "%s: %s", n->is_marking ? "the marker" : "the disk", rc_name(p->rc));
    sim_node_settle(s, n, p->rc != RC_STORE_FULL);
    n->is_failed = true;
    send_self(n, PACKET_END, RC_OK, sim_between(s, 0, ENDS_WITHIN_US));
    sim_node_take(s, p);
}

/* ---- the marker beside the key (4.2) ---- */

void sim_disk_raise(void *context, const struct pbft_rank *to)
{
    struct sim_node *n = context;
    struct sim *s = n->sim;
    CHECK(n->in_flight == NULL && !n->is_marking); /* driver.h */
    if (n->is_dying)
        return;
    if (!n->is_telling)
        sim_node_close_turn(n);
    s->counts.marks++;
    s->counts.marks_again += n->marker.height > 0;
    sim_say(s, n->index, "raises the marker to height %" PRIu64, to->height);
    sim_check_marker(s, n->index, to);
    n->is_marking = true;
    n->marking_to = *to;
    uint64_t after_us = sync_us(s, n);
    enum rc rc = draw_marker_failure(s, n);
    if (sim_fault(s, s->plan.crash_ppm[SIM_AT_MARK]))
        send_self(n, PACKET_CRASH, RC_OK, sim_between(s, 0, after_us));
    else
        send_self(n, rc == RC_OK ? PACKET_STORED : PACKET_MARK_ERROR, rc, after_us);
}

void sim_disk_on_stored(struct sim *s, struct sim_packet *p)
{
    struct sim_node *n = &s->nodes[p->to];
    n->marker = n->marking_to;
    n->is_marking = false;
    sim_say(s, n->index, "the marker is raised");
    if (sim_fault(s, s->plan.crash_ppm[SIM_AT_MARK])) {
        sim_packet_free(s, p);
        sim_node_crash(s, n->index, SIM_AT_MARK);
        return;
    }
    p->type = PACKET_MARKED;
    sim_node_take(s, p);
}

/* The disk does its work whether the node is paused or not; the word of it may have to wait. */
void sim_disk_on_durable(struct sim *s, struct sim_packet *p)
{
    struct sim_node *n = &s->nodes[p->to];
    kv_mem_finish(n->kv, true);
    n->in_flight = NULL;
    sim_say(s, n->index, "the batch is durable");
    sim_liar_landed(s, n);
    sim_check_landed(s, n->index);
    if (sim_fault(s, s->plan.crash_ppm[SIM_AT_DONE])) {
        sim_packet_free(s, p);
        sim_node_crash(s, n->index, SIM_AT_DONE);
        return;
    }
    p->type = PACKET_TOLD;
    sim_node_take(s, p);
}
