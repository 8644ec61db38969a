/* The inbox, and what is being verified.
 *
 * Messages wait in a queue per link and are taken in turn, so that nobody's flood delays another's
 * (pitfalls I4). Form is judged here; what the core could not use, whoever signed it, is dropped
 * before its signatures cost anything (3.3, pbft_glance()); the rest goes to be verified, on
 * whatever thread, and comes back in any order. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"

/* ---- jobs ---- */

struct driver_job *driver_job_new(struct driver *d, enum driver_job_type type, struct bytes bytes)
{
    struct driver_job *job = mem_alloc(sizeof *job);
    job->driver = d;
    job->type = type;
    buf_add_bytes(&job->bytes, bytes);
    return job;
}

struct driver_job *driver_job_of_txs(struct driver *d, uint64_t check, const struct tx *txs,
                                     uint32_t txs_count)
{
    struct driver_job *job = driver_job_new(d, JOB_BLOCK_TXS, bytes_of(NULL, 0));
    CHECK(txs_count <= DRIVER_JOB_TXS_MAX);
    for (uint32_t i = 0; i < txs_count; i++)
        buf_add_bytes(&job->bytes, txs[i].whole);
    job->check = check;
    job->txs_count = txs_count;
    job->txs = mem_resize(NULL, txs_count * sizeof *job->txs);
    struct rd r = rd_of(buf_bytes(&job->bytes));
    for (uint32_t i = 0; i < txs_count; i++) {
        enum verdict verdict =
            tx_decode(&job->txs[i], rd_take(&r, txs[i].whole.size), &d->verify_config.chain_id);
        CHECK(verdict == VERDICT_OK); /* it was decoded to be listed */
    }
    return job;
}

void driver_job_free(struct driver_job *job)
{
    store_flush_abandon(job->flush);
    buf_free(&job->bytes);
    mem_free(job->msg);
    mem_free(job->txs);
    mem_free(job);
}

void driver_job_run(struct driver_job *job)
{
    const struct verify_config *config = &job->driver->verify_config; /* never written after init */
    if (job->type == JOB_FLUSH) {
        store_flush_compute(job->flush);
        return;
    }
    if (job->type == JOB_MESSAGE) {
        job->drop = verify_judge(job->msg, config);
        return;
    }
    job->verdict = VERDICT_OK;
    for (uint32_t i = 0; i < job->txs_count && job->verdict == VERDICT_OK; i++) {
        job->verdict = tx_verify(&job->txs[i], &config->chain_id);
        job->bad_tx = i; /* if it is */
    }
}

uint32_t driver_job_signatures(const struct driver_job *job)
{
    if (job->type != JOB_MESSAGE)
        return job->txs_count; /* 0 of a flush */
    return verify_signatures(job->msg);
}

void driver_job_submit(struct driver_job *job)
{
    struct driver *d = job->driver;
    const struct driver_verify *verify = &d->config.verify;
    const struct driver_helper *helper = &d->config.helper;
    job->after = d->out;
    if (d->out != NULL)
        d->out->before = job;
    d->out = job;
    if (job->type == JOB_FLUSH)
        helper->submit(helper->context, job);
    else
        verify->submit(verify->context, job);
}

void driver_on_job(struct driver *d, struct driver_job *job)
{
    CHECK(job->driver == d);
    if (job->before != NULL)
        job->before->after = job->after;
    else
        d->out = job->after;
    if (job->after != NULL)
        job->after->before = job->before;
    job->next = NULL;
    if (job->type == JOB_FLUSH) { /* it does not wait for messages, which may wait for it */
        d->flushed = job;
        return;
    }
    if (d->ready_last != NULL)
        d->ready_last->next = job;
    else
        d->ready_first = job;
    d->ready_last = job;
}

/* ---- the links' queues ---- */

bool driver_on_message(struct driver *d, uint32_t link, struct bytes message)
{
    CHECK(link < d->verify_config.members.members_count);
    CHECK(link != d->config.own_index);
    struct driver_link *l = &d->links[link];
    if (l->msgs_count >= DRIVER_LINK_MSGS_MAX || message.size > DRIVER_LINK_BYTES_MAX - l->bytes) {
        d->inbox_drops++;
        return false;
    }
    struct driver_job *job = driver_job_new(d, JOB_MESSAGE, message);
    job->link = link;
    if (l->last != NULL)
        l->last->next = job;
    else
        l->first = job;
    l->last = job;
    l->msgs_count++;
    l->bytes += message.size;
    return true;
}

static struct driver_job *take_from(struct driver_link *l)
{
    struct driver_job *job = l->first;
    l->first = job->next;
    if (l->first == NULL)
        l->last = NULL;
    l->msgs_count--;
    job->next = NULL;
    return job;
}

/* Its bytes count for its link until it is dealt with, also while it is being verified. */
static void end_message(struct driver *d, struct driver_job *job)
{
    d->links[job->link].bytes -= job->bytes.size;
    driver_job_free(job);
}

static bool has_turn(const struct driver_link *l)
{
    return l->msgs_count > 0 && l->jobs_count < DRIVER_LINK_JOBS_MAX;
}

/* A FORWARD is not the core's: whether its transaction is known to be good already. */
static bool take_known_forward(struct driver *d, const struct driver_job *job)
{
    struct tx tx;
    const struct pbft_msg *m = d->scratch_msg;
    if (m->type != PBFT_FORWARD ||
        tx_decode(&tx, m->forward, &d->verify_config.chain_id) != VERDICT_OK)
        return false; /* verify_judge() says what is wrong with it */
    if (!verify_cache_has(d->cache, &tx))
        return false;
    driver_clients_on_forward(d, job->link, m->forward);
    return true;
}

/* A certificate that a message brings, by number from 0 on; NULL: there is none of that number. */
static const struct certificate *certificate_in(const struct pbft_msg *m, uint32_t number)
{
    static const struct certificate none;
    const struct pbft_view_change *v = NULL;
    if (m->type == PBFT_NEW_VIEW && number < m->new_view.entries_count)
        v = &m->new_view.entries[number].view_change;
    if (m->type == PBFT_VIEW_CHANGE && number == 0)
        v = &m->view_change;
    if (v != NULL)
        return v->has_high ? &v->high : &none;
    if (m->type == PBFT_QC && number == 0)
        return &m->qc;
    if (m->type == PBFT_DATA && m->data.kind == PBFT_FETCH_RANGE && number == 0)
        return &m->data.certificate;
    return NULL;
}

/* What is durable at a height of the ledger; false: nothing is, or it cannot be read. */
static bool ledger_digest(struct driver *d, uint64_t height, struct digest *out)
{
    struct why why = {{0}};
    if (height == 0 || height > d->durable_height || !store_history_has(d->store, height))
        return false;
    enum rc rc = store_get_digest(d->store, height, out, &why);
    if (rc == RC_NOT_FOUND) /* up to the head there is one at each height */
        rc = RC_STORE_DAMAGED;
    if (driver_note_damage(d, rc, &why))
        return false; /* what the core remembers has to do */
    return rc == RC_OK;
}

/* 13: two COMMIT certificates that disagree on a height are the alarm, however long ago the first
 * came. The core remembers the latest heights only, and none of those before a restart; the ledger
 * has them all. */
static bool is_against_ledger(struct driver *d, const struct certificate *c)
{
    struct digest digest;
    return c->statement.kind == CERT_COMMIT && c->statement.epoch == d->verify_config.epoch &&
           ledger_digest(d, c->statement.height, &digest) &&
           !digest_equal(&digest, &c->statement.digest);
}

/* The first of a message's certificates that is against the ledger; NULL: none. */
static const struct certificate *find_against_ledger(struct driver *d, const struct pbft_msg *m)
{
    struct pbft_view_of look;
    const struct certificate *c;
    pbft_look(d->core, &look);
    if (look.is_alarmed)
        return NULL;
    for (uint32_t i = 0; (c = certificate_in(m, i)) != NULL; i++)
        if (is_against_ledger(d, c))
            return c;
    return NULL;
}

/* Pieces of states prove themselves, or not (9.3): nothing of them is signed. */
static bool take_piece(struct driver *d, const struct driver_job *job)
{
    static const struct pbft_fetch_piece none;
    const struct pbft_msg *m = d->scratch_msg;
    struct pbft_fetch_piece fetch = m->type == PBFT_FETCH_PIECE ? m->fetch_piece : none;
    struct pbft_piece piece = {.of = none};
    if (m->type == PBFT_PIECE)
        piece = m->piece;
    if (m->type == PBFT_FETCH_PIECE)
        driver_snapshot_on_fetch(d, job->link, &fetch);
    if (m->type == PBFT_PIECE)
        driver_snapshot_on_piece(d, job->link, &piece);
    return m->type == PBFT_FETCH_PIECE || m->type == PBFT_PIECE;
}

/* Judge the form of one message; what is of use goes to be verified. */
static void take_one(struct driver *d, struct driver_job *job)
{
    struct pbft_msg *m = d->scratch_msg;
    enum verify_drop drop = verify_decode(m, &d->verify_config, buf_bytes(&job->bytes), job->link);
    if (drop != VERIFY_KEEP) {
        d->verify_drops[drop]++;
        end_message(d, job);
        return;
    }
    if (take_piece(d, job)) {
        end_message(d, job);
        return;
    }
    bool is_alarming = find_against_ledger(d, m) != NULL;
    enum pbft_drop glance =
        m->type == PBFT_FORWARD || is_alarming ? PBFT_KEEP : pbft_glance(d->core, m);
    if (glance != PBFT_KEEP || take_known_forward(d, job)) {
        d->glance_drops[glance]++;
        end_message(d, job);
        return;
    }
    /* It takes room according to its type: a vote is a hundredth of a DATA. */
    job->msg = mem_resize(NULL, pbft_msg_bytes(m->type));
    memcpy(job->msg, m, pbft_msg_bytes(m->type));
    job->is_against_ledger = is_alarming;
    d->links[job->link].jobs_count++;
    driver_job_submit(job);
}

/* While flushes lag behind, or a snapshot's next step waits for the disk, nothing is taken that
 * could commit more (design 2): the inbox fills, and beyond it the network loses, which STATUS
 * heals. */
bool driver_jobs_wait(const struct driver *d)
{
    return driver_flush_lags(d) || driver_snapshot_holds(d);
}

void driver_jobs_take(struct driver *d)
{
    uint32_t n = d->verify_config.members.members_count, idle = 0;
    if (driver_jobs_wait(d))
        return;
    for (uint32_t taken = 0; taken < DRIVER_RUN_MSGS_MAX && idle < n;) {
        struct driver_link *l = &d->links[d->next_link];
        d->next_link = (d->next_link + 1) % n;
        if (!has_turn(l)) {
            idle++;
            continue;
        }
        idle = 0;
        taken++;
        take_one(d, take_from(l));
    }
}

bool driver_jobs_have_work(const struct driver *d)
{
    if (driver_jobs_wait(d))
        return false;
    if (d->ready_first != NULL)
        return true;
    for (uint32_t i = 0; i < d->verify_config.members.members_count; i++)
        if (has_turn(&d->links[i]))
            return true;
    return false;
}

bool driver_jobs_have_messages(const struct driver *d)
{
    for (uint32_t i = 0; i < d->verify_config.members.members_count; i++)
        if (d->links[i].msgs_count > 0 || d->links[i].jobs_count > 0)
            return true;
    return false;
}

/* ---- what came back ---- */

/* The bodies in it are kept before the core hears of them: it may want to write them at once. */
static void keep_bodies(struct driver *d, const struct pbft_msg *m)
{
    if (m->type == PBFT_PRE_PREPARE) {
        driver_block_keep(d, m->pre_prepare.bytes);
        driver_note_proposed(d, &m->pre_prepare.block.digest, m->from, m->pre_prepare.view);
    }
    for (uint32_t i = 0; m->type == PBFT_DATA && i < m->data.blocks_count; i++)
        driver_block_keep(d, m->data.bytes[i]);
    if (m->type == PBFT_DATA && m->data.has_pre_prepare)
        driver_note_proposed(d, &m->data.blocks[0].digest, m->data.pre_prepare_from,
                             m->data.pre_prepare.view);
}

/* 7.5: whether the base of a NEW-VIEW is one chain with what is committed. */
static bool has_ledger_at_base(struct driver *d, const struct pbft_msg *m, struct digest *out)
{
    const struct certificate *base =
        m->type == PBFT_NEW_VIEW ? pbft_new_view_base(&m->new_view) : NULL;
    return base != NULL && ledger_digest(d, base->statement.height, out);
}

static void on_message(struct driver *d, struct driver_job *job)
{
    d->links[job->link].jobs_count--;
    d->verify_drops[job->drop]++;
    driver_score_refused(d, job->link, job->drop);
    if (job->drop != VERIFY_KEEP)
        return;
    if (job->msg->type == PBFT_FORWARD) {
        driver_clients_on_forward(d, job->link, job->msg->forward);
        return;
    }
    struct pbft_event e = {.type = PBFT_EVENT_MSG, .now_ms = d->time.now_ms, .msg = job->msg};
    struct digest ledger;
    const struct certificate *against =
        job->is_against_ledger ? find_against_ledger(d, job->msg) : NULL;
    if (against != NULL) {
        e.type = PBFT_EVENT_CONTRADICTION;
        e.contradiction = against;
    } else {
        keep_bodies(d, job->msg);
        if (job->msg->type == PBFT_DATA) {
            driver_snapshot_on_range(d, &job->msg->data);
            driver_backfill_on_range(d, job->link, &job->msg->data);
            driver_repair_on_range(d, &job->msg->data);
        }
        if (has_ledger_at_base(d, job->msg, &ledger))
            e.base_digest = &ledger;
    }
    driver_step(d, &e);
}

void driver_jobs_ready(struct driver *d)
{
    while (d->ready_first != NULL && !driver_jobs_wait(d) && d->failure == RC_OK) {
        struct driver_job *job = d->ready_first;
        d->ready_first = job->next;
        if (d->ready_first == NULL)
            d->ready_last = NULL;
        if (job->type == JOB_MESSAGE) {
            on_message(d, job);
            end_message(d, job);
            continue;
        }
        if (job->type == JOB_BLOCK_TXS)
            driver_check_on_job(d, job);
        else
            driver_clients_on_job(d, job);
        driver_job_free(job);
    }
}

static void free_list(struct driver_job *job)
{
    while (job != NULL) {
        struct driver_job *next = job->next;
        driver_job_free(job);
        job = next;
    }
}

void driver_jobs_free(struct driver *d)
{
    free_list(d->ready_first);
    free_list(d->flushed);
    while (d->out != NULL) {
        struct driver_job *job = d->out;
        d->out = job->after;
        driver_job_free(job);
    }
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        free_list(d->links[i].first);
}
