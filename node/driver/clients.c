/* Transactions from clients and from peers' FORWARDs: into the pool, on to the primary, and back
 * with an outcome (PROTOCOL.md 10). Every answer is an output of the turn, so nobody is told of a
 * state that is not durable here. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"

/* ---- the pool's view of the committed state ---- */

/* What the committed state knows of a key; false when it is not registered. */
static bool get_key(struct driver *d, const struct public_key *key, struct state_key *out)
{
    bool is_known = state_get_key(d->scratch, key, out);
    enum rc rc = layer_rc(d->scratch);
    if (rc != RC_OK) {
        struct why why = {{0}};
        rc = why_set(&why, rc, "the state cannot be read: %s", rc_text(rc));
        driver_state_failed(d, rc, &why);
    }
    return is_known;
}

static bool last_nonce(void *context, const struct public_key *key, uint64_t *nonce)
{
    struct driver *d = context;
    struct state_key k;
    if (!get_key(d, key, &k) || k.revoked)
        return false;
    *nonce = k.nonce;
    return true;
}

static enum verdict try_apply(void *context, const struct tx *tx)
{
    struct driver *d = context;
    enum verdict verdict = VERDICT_MALFORMED;
    if (d->failure != RC_OK) /* in reading the key's entry, just before: so has the layer */
        return verdict;
    enum rc rc = apply_tx(&verdict, d->scratch, tx, store_head(d->store)->height + 1, 0);
    layer_rollback(d->scratch, 0);
    if (rc != RC_OK) {
        struct why why = {{0}};
        rc = why_set(&why, rc, "the state cannot be read: %s", rc_text(rc));
        driver_state_failed(d, rc, &why);
    }
    return verdict;
}

static uint64_t committed_height(void *context)
{
    const struct driver *d = context;
    return store_head(d->store)->height;
}

struct pool *driver_pool_new(struct driver *d)
{
    struct pool_limits limits = {.nonce_window = (uint32_t)d->parameters.nonce_window,
                                 .txs_max = (uint32_t)d->parameters.pool_txs_max,
                                 .bytes_max = d->parameters.pool_bytes_max,
                                 .replicas_count = d->verify_config.members.members_count,
                                 .fairness_ms = d->parameters.fairness_ms};
    struct pool_state state = {.context = d,
                               .last_nonce = last_nonce,
                               .try_apply = try_apply,
                               .committed_height = committed_height};
    return pool_new(&limits, &state);
}

/* ---- outcomes ---- */

static void reject(struct driver *d, uint64_t client, const struct digest *txid,
                   enum verdict verdict)
{
    struct driver_answer answer = {.txid = *txid, .verdict = verdict};
    bool is_final = verdict_outcome(verdict) == OUTCOME_FINAL;
    answer.outcome = is_final ? DRIVER_REJECTED : DRIVER_REFUSED;
    answer.pool_answer = POOL_REFUSED;
    driver_say(d, client, &answer);
}

static void reject_other(struct driver *d, uint64_t client, const struct digest *txid,
                         const struct digest *other)
{
    struct driver_answer answer = {.outcome = DRIVER_REJECTED,
                                   .txid = *txid,
                                   .verdict = VERDICT_NONCE_USED,
                                   .pool_answer = POOL_REFUSED,
                                   .has_other = true,
                                   .other_txid = *other};
    driver_say(d, client, &answer);
}

static void say_outcome(struct driver *d, uint64_t client, const struct digest *txid,
                        enum driver_outcome outcome, enum pool_answer pool_answer)
{
    struct driver_answer answer = {.outcome = outcome, .txid = *txid, .pool_answer = pool_answer};
    driver_say(d, client, &answer);
}

/* A receipt needs a certificate at or above; after a partial commit there is none yet (5.6). */
static void say_committed(struct driver *d, uint64_t client, const struct digest *txid,
                          const struct place *place)
{
    if (place->height <= d->covered_height) {
        driver_say_receipt(d, client, txid, place);
        return;
    }
    if (d->waiters_count + d->uncovered_count >= d->waiters_max) {
        say_outcome(d, client, txid, DRIVER_UNKNOWN, POOL_KNOWN);
        return;
    }
    if (d->uncovered_count == d->uncovered_room) {
        d->uncovered_room = d->uncovered_room * 2 + 16;
        d->uncovered = mem_resize(d->uncovered, d->uncovered_room * sizeof *d->uncovered);
    }
    d->uncovered[d->uncovered_count++] =
        (struct driver_uncovered){.client = client,
                                  .txid = *txid,
                                  .place = *place,
                                  .until_ms = d->time.now_ms + DRIVER_ANSWER_MS};
}

void driver_clients_on_covered(struct driver *d, uint64_t height)
{
    size_t kept = 0;
    d->covered_height = height;
    for (size_t i = 0; i < d->uncovered_count; i++) {
        const struct driver_uncovered *u = &d->uncovered[i];
        if (u->place.height <= height)
            driver_say_receipt(d, u->client, &u->txid, &u->place);
        else
            d->uncovered[kept++] = *u;
    }
    d->uncovered_count = kept;
}

/* ---- taking transactions ---- */

/* Rule 10.2: its nonce is used. By itself: its receipt again. By another: final, and which. */
static void answer_used(struct driver *d, uint64_t client, const struct tx *tx)
{
    uint8_t room[KV_KEY_BYTES_MAX];
    struct bytes value;
    struct place place;
    struct why why = {{0}};
    enum rc rc = store_get_place(d->store, &tx->id, &place, &why);
    if (rc == RC_OK) {
        say_committed(d, client, &tx->id, &place);
        return;
    }
    if (rc == RC_NOT_FOUND)
        rc = store_get_index(d->store, KV_NONCE, place_nonce_key(room, &tx->signer, tx->nonce),
                             &value, &why);
    if (rc == RC_OK && !place_tx_decode(&place, value))
        rc = why_set(&why, RC_STORE_DAMAGED, "an entry of the index of nonces is damaged");
    if (rc == RC_NOT_FOUND && store_history_from_height(d->store) > 1) { /* not here yet: 9.3 */
        say_outcome(d, client, &tx->id, DRIVER_UNKNOWN, POOL_KNOWN);
        return;
    }
    if (rc == RC_NOT_FOUND) /* every used nonce has an entry */
        rc = why_set(&why, RC_STORE_DAMAGED, "a used nonce is not in the index of nonces");
    if (rc == RC_OK)
        driver_say_other(d, client, &tx->id, &place);
    else if (driver_note_damage(d, rc, &why))
        say_outcome(d, client, &tx->id, DRIVER_UNKNOWN, POOL_KNOWN);
}

static bool is_used(struct driver *d, const struct tx *tx)
{
    struct state_key key;
    return get_key(d, &tx->signer, &key) && tx->nonce <= key.nonce;
}

/* A verified transaction of a client. */
static void take(struct driver *d, uint64_t client, const struct tx *tx)
{
    enum verdict verdict = VERDICT_OK;
    if (is_used(d, tx)) {
        answer_used(d, client, tx);
        return;
    }
    enum pool_answer a = pool_add(d->pool, tx, POOL_FROM_CLIENT, d->time.now_ms, &verdict);
    switch (a) {
    case POOL_TAKEN:
        driver_note_unproposed(d);
        if (!driver_wait(d, client, tx))
            say_outcome(d, client, &tx->id, DRIVER_UNKNOWN, a);
        break;
    case POOL_KNOWN:
        if (!driver_wait(d, client, tx))
            say_outcome(d, client, &tx->id, DRIVER_UNKNOWN, a);
        break;
    case POOL_REFUSED:
        reject(d, client, &tx->id, verdict);
        break;
    case POOL_SLOT_TAKEN:
    case POOL_BEYOND_WINDOW:
        say_outcome(d, client, &tx->id, DRIVER_REFUSED, a);
        break;
    default:
        say_outcome(d, client, &tx->id, DRIVER_BUSY, a);
        break;
    }
}

void driver_on_tx(struct driver *d, uint64_t client, struct bytes whole, struct driver_time time)
{
    struct tx tx;
    if (d->failure != RC_OK)
        return;
    d->time = time;
    enum verdict verdict = tx_decode(&tx, whole, &d->verify_config.chain_id);
    if (verdict != VERDICT_OK) {
        reject(d, client, &(struct digest){{0}}, verdict);
        return;
    }
    if (d->scratch == NULL) { /* 8.2: this state is to be discarded, and says nothing */
        say_outcome(d, client, &tx.id, DRIVER_BUSY, POOL_BUSY);
        return;
    }
    if (verify_cache_has(d->cache, &tx)) {
        take(d, client, &tx);
        return;
    }
    /* Overload is answered before it costs a signature, and what is being verified is on its way to
     * the pool: votes wait behind it (pitfalls I4). But whoever asks for what is committed has his
     * receipt (10.2). */
    if (d->client_jobs_count >= DRIVER_CLIENT_JOBS_MAX ||
        (pool_is_full(d->pool, d->client_jobs_work, time.now_ms) && !is_used(d, &tx))) {
        say_outcome(d, client, &tx.id, DRIVER_BUSY, POOL_BUSY);
        return;
    }
    struct driver_job *job = driver_job_new(d, JOB_CLIENT_TX, whole);
    job->client = client;
    job->txs_count = 1;
    job->txs = mem_alloc(sizeof *job->txs);
    verdict = tx_decode(job->txs, buf_bytes(&job->bytes), &d->verify_config.chain_id);
    CHECK(verdict == VERDICT_OK);
    d->client_jobs_count++;
    d->client_jobs_work += pool_work_of(job->txs);
    driver_job_submit(job);
}

void driver_clients_on_job(struct driver *d, struct driver_job *job)
{
    d->client_jobs_count--;
    d->client_jobs_work -= pool_work_of(job->txs);
    if (job->verdict != VERDICT_OK) {
        reject(d, job->client, &job->txs->id, job->verdict);
        return;
    }
    verify_cache_add(d->cache, job->txs);
    take(d, job->client, job->txs);
}

void driver_clients_on_forward(struct driver *d, uint32_t link, struct bytes whole)
{
    struct tx tx;
    enum verdict verdict = tx_decode(&tx, whole, &d->verify_config.chain_id);
    CHECK(verdict == VERDICT_OK); /* node/verify judged it */
    verify_cache_add(d->cache, &tx);
    if (d->scratch == NULL)
        return;
    if (pool_add(d->pool, &tx, link, d->time.now_ms, &verdict) == POOL_TAKEN)
        driver_note_unproposed(d);
}

/* ---- commits ---- */

static void settle_tx(struct driver *d, const struct tx *tx, const struct place *place)
{
    for (;;) {
        struct driver_waiter *w = driver_waiter_take(d, &tx->signer, tx->nonce);
        if (w == NULL)
            return;
        if (digest_equal(&w->txid, &tx->id))
            say_committed(d, w->client, &w->txid, place);
        else
            reject_other(d, w->client, &w->txid, &tx->id);
        mem_free(w);
    }
}

/* What cannot stand in the next block cannot stand anywhere any more. */
static void settle_expired(struct driver *d, uint64_t head_height)
{
    struct driver_waiter *at = NULL;
    for (;;) {
        struct driver_waiter *w = driver_waiter_take_expired(d, head_height, &at);
        if (w == NULL)
            return;
        reject(d, w->client, &w->txid, VERDICT_EXPIRED);
        mem_free(w);
    }
}

void driver_clients_on_commit(struct driver *d, const struct driver_block *b, bool is_covered)
{
    const struct block *block = &b->block;
    struct place place = {.height = block->header.height};
    struct rd r = rd_of(block->body);
    if (d->signers_room < d->signers_count + block->header.tx_count) {
        d->signers_room = 2 * d->signers_room + BLOCK_TXS_MAX;
        d->signers = mem_resize(d->signers, d->signers_room * sizeof *d->signers);
    }
    for (uint32_t i = 0; i < block->header.tx_count; i++) {
        struct tx tx;
        enum verdict verdict = tx_decode(&tx, block_next_tx(&r), &d->verify_config.chain_id);
        CHECK(verdict == VERDICT_OK); /* it was applied */
        place.tx_index = i;
        d->signers[d->signers_count++] = tx.signer;
        driver_note_tx(d, b, &tx);
        settle_tx(d, &tx, &place);
    }
    settle_expired(d, block->header.height);
    if (is_covered)
        driver_clients_on_covered(d, block->header.height);
}

/* The pool tries the next of every key, so it is told once, of all blocks that a step committed. */
void driver_clients_after_commits(struct driver *d)
{
    if (d->signers_count == 0)
        return;
    pool_on_commit(d->pool, d->signers, (uint32_t)d->signers_count, d->time.now_ms);
    d->signers_count = 0;
    d->moved_ms = d->time.now_ms;
    driver_note_unproposed(d); /* what waited for money or for a nonce may apply now */
}

/* ---- time ---- */

static uint64_t forward_again_ms(const struct driver *d)
{
    return d->parameters.fairness_ms / 2;
}

static bool forward(void *context, struct bytes whole, bool to_all)
{
    struct driver *d = context;
    uint32_t primary = driver_primary(d);
    if (!driver_has_room_to_spare(d))
        return false; /* it stays due */
    if (to_all) {
        driver_say_forward(d, PBFT_TO_ALL, whole);
        d->is_pool_changed = true; /* its age begins (6.1 (a)) */
    } else if (primary != d->config.own_index)
        driver_say_forward(d, primary, whole);
    return true;
}

/* The certificate does not come. They stand in the order of their time. */
static void give_up_uncovered(struct driver *d)
{
    size_t late = 0;
    for (; late < d->uncovered_count && d->uncovered[late].until_ms <= d->time.now_ms; late++) {
        const struct driver_uncovered *u = &d->uncovered[late];
        say_outcome(d, u->client, &u->txid, DRIVER_UNKNOWN, POOL_KNOWN);
    }
    if (late == 0)
        return;
    d->uncovered_count -= late;
    memmove(d->uncovered, d->uncovered + late, d->uncovered_count * sizeof *d->uncovered);
}

/* It has waited long enough. Where its turn has come and it does not apply, that is what it is
 * told: "unknown" would make it ask again for ever. Not before this, because what applies on a
 * block that is not committed yet may not do so on the committed state. */
static void give_up(struct driver *d, const struct driver_waiter *w)
{
    enum verdict verdict = pool_why_pending(d->pool, &w->signer, w->nonce, &w->txid);
    if (verdict == VERDICT_OK)
        say_outcome(d, w->client, &w->txid, DRIVER_UNKNOWN, POOL_KNOWN);
    else
        reject(d, w->client, &w->txid, verdict);
}

void driver_clients_run(struct driver *d)
{
    pool_forward_due(d->pool, d->time.now_ms, forward_again_ms(d), forward, d);
    driver_remind_primary(d);
    give_up_uncovered(d);
    for (;;) {
        struct driver_waiter *w = driver_waiter_take_late(d);
        if (w == NULL)
            return;
        give_up(d, w);
        mem_free(w);
    }
}

uint64_t driver_clients_deadline_ms(const struct driver *d)
{
    uint64_t deadline_ms = UINT64_MAX;
    if (driver_has_room_to_spare(d)) { /* else when the turn has gone out */
        uint64_t remind_ms = driver_remind_ms(d);
        deadline_ms = pool_forward_next_ms(d->pool, forward_again_ms(d));
        deadline_ms = remind_ms < deadline_ms ? remind_ms : deadline_ms;
    }
    if (d->oldest_waiter != NULL && d->oldest_waiter->until_ms < deadline_ms)
        deadline_ms = d->oldest_waiter->until_ms;
    if (d->uncovered_count > 0 && d->uncovered[0].until_ms < deadline_ms)
        deadline_ms = d->uncovered[0].until_ms;
    return deadline_ms;
}
