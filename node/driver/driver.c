/* Making a driver from what is durable, and running it. */
#include "node/driver/driver.h"

#include <inttypes.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"
#include "node/driver/records.h"

uint32_t driver_primary(const struct driver *d)
{
    struct pbft_view_of look;
    pbft_look(d->core, &look);
    return pbft_primary_of(d->verify_config.epoch, look.view,
                           d->verify_config.members.members_count);
}

void driver_fail(struct driver *d, enum rc rc, const struct why *why)
{
    CHECK(rc != RC_OK);
    if (d->failure != RC_OK)
        return;
    d->failure = rc;
    d->failure_why = *why;
}

bool driver_note_damage(struct driver *d, enum rc rc, const struct why *why)
{
    if (rc == RC_STORE_DAMAGED) {
        d->damaged_count++;
        d->damaged_why = *why;
        return true;
    }
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        driver_fail(d, rc, why);
    return false;
}

enum rc driver_failure(const struct driver *d, struct why *why)
{
    if (d->last_word != LAST_WORD_NONE)
        return RC_OK;
    if (why != NULL)
        *why = d->failure_why;
    return d->failure;
}

/* ---- opening ---- */

static uint32_t least(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

/* The block before the first: base of the epoch. */
static struct pbft_block genesis_block(const struct genesis *g)
{
    struct pbft_block base = {.height = 0};
    struct block_header header;
    block_genesis_header(&header, &g->chain_id);
    block_header_digest(&base.digest, &header);
    base.parent = header.parent;
    return base;
}

static void configure(struct driver *d, struct pbft_config *core)
{
    const struct genesis *g = d->config.genesis;
    const struct parameters *p = &g->parameters;
    d->parameters = *p;
    d->verify_config = (struct verify_config){
        .chain_id = g->chain_id,
        .epoch = 0,
        .members = g->member_table,
        .block_rules = {.members_count = g->members_count, .body_bytes_max = p->block_bytes_max}};
    *core = (struct pbft_config){
        .chain_id = g->chain_id,
        .epoch = 0,
        .members = g->member_table,
        .own_index = d->config.own_index,
        .pipeline_heights = p->pipeline_heights,
        .window_heights = p->window_heights,
        .proposals_bytes_max = p->pipeline_heights * (p->block_bytes_max + BLOCK_HEADER_BYTES),
        .batch_ms = p->batch_ms,
        .status_ms = p->status_ms,
        .view_change_ms = p->view_change_ms,
        .view_change_cap_ms = p->view_change_cap_ms,
        .fairness_ms = p->fairness_ms,
        .retransmit_ms = p->retransmit_ms,
        .quiet_checkpoint_ms = p->quiet_checkpoint_ms,
        .snapshot_behind_heights = d->config.snapshot_behind_heights,
        .term_blocks = p->term_blocks,
        .epoch_base = genesis_block(g),
        /* A range and the headers behind it fit into the window of whoever takes it. */
        .sync_blocks_max =
            least(least(p->sync_blocks_max, PBFT_DATA_BLOCKS_MAX), p->window_heights),
        .sign = d->config.signer.sign,
        .sign_context = d->config.signer.context};
}

enum rc driver_open(struct driver **out, const struct driver_config *config, struct why *why)
{
    struct driver *d = mem_alloc(sizeof *d);
    struct pbft_config core;
    CHECK(config->reserved_heights > 0 && config->snapshot_behind_heights > 0);
    CHECK(config->outputs_max > 1 && config->answer_bytes_max >= PBFT_MSG_BYTES_MAX);
    *out = NULL;
    d->config = *config;
    d->store = config->store;
    d->expires_min_height = UINT64_MAX;
    configure(d, &core);
    d->durable_height = store_head(d->store)->height;
    d->pieces.known = mem_alloc(sizeof *d->pieces.known);
    d->turns[0].batch = kv_batch_new();
    d->turns[1].batch = kv_batch_new();
    d->scratch = layer_new(store_layer(d->store), NULL);
    d->scratch_msg = mem_alloc(sizeof *d->scratch_msg);
    d->unknown_txs = mem_alloc(BLOCK_TXS_MAX * sizeof *d->unknown_txs);
    d->unknown_indexes = mem_alloc(BLOCK_TXS_MAX * sizeof *d->unknown_indexes);
    /* Whatever is pending here, and what others' proposals bring meanwhile. */
    d->cache = verify_cache_new(
        (uint32_t)(d->parameters.pool_txs_max + d->parameters.pipeline_heights * BLOCK_TXS_MAX));
    d->pool = driver_pool_new(d);
    /* Each pending transaction may be asked for twice: by the client, and by one that asks again.
     */
    d->waiters_max = DRIVER_WAITERS_PER_TX * (uint32_t)d->parameters.pool_txs_max;
    enum rc rc = driver_load(d, &core, why);
    if (rc != RC_OK) {
        driver_close(d);
        return rc;
    }
    *out = d;
    return RC_OK;
}

void driver_close(struct driver *d)
{
    if (d == NULL)
        return;
    driver_snapshot_close(d);
    driver_jobs_free(d);
    driver_waiters_free(d);
    driver_blocks_free(d);
    for (int i = 0; i < 2; i++) {
        kv_batch_free(d->turns[i].batch);
        mem_free(d->turns[i].outputs);
        buf_free(&d->turns[i].bytes);
    }
    pool_free(d->pool);
    layer_free(d->scratch);
    verify_cache_free(d->cache);
    mem_free(d->pieces.known);
    mem_free(d->uncovered);
    mem_free(d->signers);
    mem_free(d->unknown_indexes);
    mem_free(d->unknown_txs);
    mem_free(d->scratch_msg);
    mem_free(d->core_memory);
    mem_free(d);
}

/* ---- running ---- */

/* Rule 4.1. The count of starts goes with the first batch, so that no STATUS leaves before it. */
static void start(struct driver *d)
{
    struct pbft_event e = {.type = PBFT_EVENT_START, .now_ms = d->time.now_ms};
    d->is_started = true;
    records_put_starts(driver_turn(d)->batch, d->starts_count);
    if (d->is_fenced)
        records_put(driver_turn(d)->batch, &(struct pbft_act){.type = PBFT_WRITE_LEARNER},
                    d->config.own_index);
    driver_step(d, &e);
}

/* What the core asked for while it stepped. An answer may bring the next question. */
static void answer_core(struct driver *d)
{
    while (d->failure == RC_OK && (d->check.is_asked || d->is_build_asked)) {
        if (d->check.is_asked)
            driver_check_start(d);
        if (d->is_build_asked) {
            driver_tell_pool(d);
            driver_build(d);
        }
    }
}

/* Rule 6.2, pitfalls I6: the process stood still far beyond the time when it wanted to be run. What
 * would stop the timers may be in the inbox, so that is taken first; not for longer than T_s, or a
 * flood would stop time. */
static void note_pause(struct driver *d, uint64_t woke_ms, uint64_t now_ms)
{
    if (d->is_started && woke_ms > d->due_ms && woke_ms - d->due_ms >= d->parameters.status_ms)
        d->drain_until_ms = now_ms + d->parameters.status_ms;
}

static bool must_drain(const struct driver *d)
{
    return d->time.now_ms < d->drain_until_ms && driver_jobs_have_messages(d);
}

/* Rule 6.2, pitfalls I6: while the disk is behind no messages are taken (jobs.c), and all that the
 * primary does waits in the inbox: that is a pause of my own. What waited is taken first, for as
 * long as it waited, and not for longer than T_s. */
static void note_held(struct driver *d, uint64_t now_ms)
{
    struct driver_held *h = &d->held;
    if (h->is_held)
        pbft_held(d->core, d->time.now_ms, now_ms);
    if (h->is_waiting)
        h->drain_until_ms = now_ms + least(now_ms - h->from_ms, d->parameters.status_ms);
}

static void look_held(struct driver *d)
{
    struct driver_held *h = &d->held;
    h->is_waiting = driver_jobs_wait(d);
    if (h->is_waiting && !h->is_held)
        h->from_ms = d->time.now_ms;
    bool is_draining = d->time.now_ms < h->drain_until_ms && driver_jobs_have_messages(d);
    h->is_held = h->is_waiting || is_draining;
}

static void tick(struct driver *d)
{
    struct pbft_event e = {.type = PBFT_EVENT_TICK, .now_ms = d->time.now_ms};
    if (d->failure == RC_OK && pbft_deadline_ms(d->core) <= d->time.now_ms && !must_drain(d))
        driver_step(d, &e);
}

void driver_worked(struct driver *d, uint64_t from_ms, uint64_t now_ms)
{
    if (!d->is_started || now_ms <= from_ms || now_ms - from_ms > DRIVER_WORK_MS_MAX)
        return;
    note_pause(d, from_ms, now_ms);
    pbft_worked(d->core, from_ms, now_ms);
    if (d->due_ms < now_ms)
        d->due_ms = now_ms; /* it could not have been run earlier */
}

void driver_run(struct driver *d, struct driver_time time)
{
    note_pause(d, time.now_ms, time.now_ms);
    note_held(d, time.now_ms);
    d->time = time;
    driver_last_word(d); /* it may have failed when it was opened */
    if (d->failure != RC_OK)
        return;
    if (!d->is_started)
        start(d);
    driver_roots_tell(d);
    driver_jobs_take(d);
    driver_jobs_ready(d);
    driver_clients_run(d);
    driver_tell_pool(d);
    tick(d);
    answer_core(d);
    driver_tell_pool(d);
    answer_core(d);
    driver_snapshot_run(d);
    driver_pieces_run(d);
    driver_backfill_run(d);
    driver_repair_run(d);
    driver_flush_begin(d);
    driver_turn_close(d);
    driver_answers_run(d);
    driver_last_word(d);
    look_held(d);
    d->due_ms = driver_deadline_ms(d);
    if (d->due_ms < time.now_ms)
        d->due_ms = time.now_ms;
}

/* Of a batch or the marker: whether the driver goes on. */
static bool is_well(struct driver *d, enum rc rc, const char *what)
{
    struct why why = {{0}};
    if (rc != RC_OK)
        rc = why_set(&why, rc, "%s: %s", what, rc_text(rc));
    if (d->failure != RC_OK)
        driver_last_word_on_durable(d, rc, &why);
    else if (rc != RC_OK)
        driver_fail(d, rc, &why);
    return d->failure == RC_OK;
}

void driver_on_durable(struct driver *d, enum rc rc)
{
    if (is_well(d, rc, "votes and blocks could not be made durable"))
        driver_turn_on_durable(d);
}

void driver_on_marked(struct driver *d, enum rc rc)
{
    if (is_well(d, rc, "the marker beside the key could not be raised"))
        driver_turn_on_marked(d);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t driver_deadline_ms(const struct driver *d)
{
    if (d->last_word == LAST_WORD_DUE && !d->is_committing)
        return 0;
    if (d->failure != RC_OK)
        return UINT64_MAX;
    if (!d->is_started || driver_jobs_have_work(d) || d->is_pool_changed)
        return 0;
    if (driver_flush_has_work(d) || (!d->is_committing && driver_has_outputs(d)))
        return 0;
    uint64_t core_ms = pbft_deadline_ms(d->core);
    if (core_ms < d->drain_until_ms && must_drain(d))
        core_ms = d->drain_until_ms;
    uint64_t due = earlier(core_ms, driver_clients_deadline_ms(d));
    due = earlier(due, driver_snapshot_deadline_ms(d));
    due = earlier(due, driver_pieces_deadline_ms(d));
    due = earlier(due, driver_answers_deadline_ms(d));
    due = earlier(due, driver_backfill_deadline_ms(d));
    return earlier(due, driver_repair_deadline_ms(d));
}

/* ---- looking in ---- */

const struct certificate *driver_high(const struct driver *d)
{
    return d->has_durable_high ? &d->durable_high : NULL;
}

void driver_look_at_work(const struct driver *d, struct driver_look *out)
{
    pbft_look(d->core, &out->core);
    pool_summary(d->pool, &out->pool);
    out->durable_height = d->durable_height;
    out->blocks_count = (uint32_t)d->blocks_count;
    out->blocks_bytes = d->blocks_bytes;
    out->waiting_count = d->waiters_count + (uint32_t)d->uncovered_count;
    out->inbox_bytes = 0;
    for (uint32_t i = 0; i < d->verify_config.members.members_count; i++)
        out->inbox_bytes += d->links[i].bytes;
    out->outputs_count = d->turns[d->filling].messages_count;
    out->outputs_bytes = d->turns[d->filling].bytes.size;
}

void driver_look(const struct driver *d, struct driver_look *out)
{
    *out = (struct driver_look){.inbox_drops = d->inbox_drops,
                                .output_drops = d->output_drops,
                                .answer_drops = d->answer_drops,
                                .views = d->views,
                                .is_diverged = d->is_diverged,
                                .divergence = d->divergence,
                                .is_taking_snapshot = d->snapshot.intake != NULL,
                                .history_from_height = store_history_from_height(d->store),
                                .root = d->root,
                                .damaged_count = d->damaged_count,
                                .damaged_why = d->damaged_why,
                                .repaired_count = d->repair.repaired_count,
                                .awaited_height =
                                    d->repair.is_awaited ? store_awaited_height(d->store) : 0,
                                .told = d->told};
    if (d->snapshot.intake != NULL)
        out->snapshot = snapshot_intake_progress(d->snapshot.intake);
    for (int i = 1; i < SNAPSHOT_FAULT_COUNT; i++)
        out->snapshot_faults += d->snapshot.faults[i];
    driver_look_at_work(d, out);
    for (uint32_t i = 0; i < d->verify_config.members.members_count; i++)
        out->claimed_heights[i] = pbft_claimed_height(d->core, i);
    driver_score_look(d, out);
    for (int i = 0; i < PBFT_DROP_COUNT; i++)
        out->core_drops[i] = pbft_drops(d->core)[i] + d->glance_drops[i];
    for (int i = 0; i < VERIFY_DROP_COUNT; i++)
        out->verify_drops[i] = d->verify_drops[i];
}
