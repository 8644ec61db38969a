/* SUBMIT and WAIT: requests that are answered when all of their transactions are settled, or their
 * time is over (rule 10.3: never silence).
 *
 * A slot is settled by the driver's answer, or, when the driver has no more to say of it or was
 * never given it, by the block that holds it. The driver's number for a client is serial and slot.
 */
#include <string.h>

#include "crypto/base/check.h"
#include "node/hansad/serve_impl.h"

enum { SLOT_BITS = 6 };
_Static_assert(PROTO_TXS_MAX == 1 << SLOT_BITS, "a slot's number has its bits");

/* ---- the tables ---- */

static struct serve_wait **serial_bucket(struct serve *s, uint64_t serial)
{
    return &s->by_serial[serial % SERVE_BUCKETS];
}

/* A txid is a hash: any part of it is as good as the whole. Who chooses one to collide makes his
 * own request slow, within SERVE_WAITS_MAX. */
static struct serve_slot **watched_bucket(struct serve *s, const struct digest *txid)
{
    uint64_t part;
    memcpy(&part, txid->bytes, sizeof part);
    return &s->watched[part % SERVE_BUCKETS];
}

static void watch(struct serve *s, struct serve_slot *slot)
{
    struct serve_slot **bucket = watched_bucket(s, &slot->result.txid);
    slot->is_watched = true;
    slot->next_watched = *bucket;
    *bucket = slot;
    s->watched_count++;
}

static void unwatch(struct serve *s, struct serve_slot *slot)
{
    struct serve_slot **at = watched_bucket(s, &slot->result.txid);
    if (!slot->is_watched)
        return;
    while (*at != slot)
        at = &(*at)->next_watched;
    *at = slot->next_watched;
    slot->is_watched = false;
    s->watched_count--;
}

static struct serve_wait *wait_new(struct serve *s, uint64_t number)
{
    const struct proto_request *r = &s->request;
    struct serve_wait *w = mem_alloc(sizeof *w + r->count * sizeof w->slots[0]);
    w->serial = ++s->last_serial;
    w->number = number;
    w->type = r->type;
    w->until_ms = s->time.now_ms + r->wait_ms;
    if (s->waits == NULL || w->until_ms < s->waits_due_ms)
        s->waits_due_ms = w->until_ms;
    w->count = w->open_count = r->count;
    w->older = s->waits;
    if (s->waits != NULL)
        s->waits->newer = w;
    s->waits = w;
    struct serve_wait **bucket = serial_bucket(s, w->serial);
    w->next_in_bucket = *bucket;
    *bucket = w;
    s->look.waits_count++;
    for (uint32_t i = 0; i < w->count; i++) {
        w->slots[i].wait = w;
        w->slots[i].is_open = true;
        w->slots[i].result.outcome = PROTO_UNKNOWN;
    }
    return w;
}

static void wait_free(struct serve *s, struct serve_wait *w)
{
    struct serve_wait **at = serial_bucket(s, w->serial);
    for (uint32_t i = 0; i < w->count; i++)
        unwatch(s, &w->slots[i]);
    while (*at != w)
        at = &(*at)->next_in_bucket;
    *at = w->next_in_bucket;
    if (w->newer != NULL)
        w->newer->older = w->older;
    else
        s->waits = w->older;
    if (w->older != NULL)
        w->older->newer = w->newer;
    s->look.waits_count--;
    mem_free(w);
}

void serve_waits_free(struct serve *s)
{
    while (s->waits != NULL)
        wait_free(s, s->waits);
}

/* ---- settling ---- */

static void answer(struct serve *s, struct serve_wait *w)
{
    s->reply.type = w->type;
    s->reply.code = PROTO_OK;
    s->reply.count = w->count;
    for (uint32_t i = 0; i < w->count; i++) {
        s->reply.results[i] = w->slots[i].result;
        s->look.outcomes[w->slots[i].result.outcome]++;
    }
    serve_reply(s, w->number, 0); /* each result says what was durable when it came */
    wait_free(s, w);
}

/* The request is answered when this was its last. */
static void settle(struct serve *s, struct serve_slot *slot)
{
    struct serve_wait *w = slot->wait;
    CHECK(slot->is_open);
    unwatch(s, slot);
    slot->is_open = false;
    if (--w->open_count == 0)
        answer(s, w);
}

static void settle_committed(struct serve *s, struct serve_slot *slot, const struct place *place)
{
    slot->result.outcome = PROTO_COMMITTED;
    slot->result.pool_answer = 0;
    slot->result.place = (struct place){.height = place->height, .tx_index = place->tx_index};
    settle(s, slot);
}

/* A slot that is settled as anything but committed. Bytes that are no transaction have no txid. */
static void log_refusal(const struct serve *s, const struct proto_result *r)
{
    struct log_line l;
    bool is_final = r->outcome == PROTO_REJECTED;
    bool is_verdict = is_final || (r->outcome == PROTO_REFUSED && r->verdict != VERDICT_OK);
    log_begin(&l, s->config.log, LOG_DEBUG, is_final ? "rejected" : "refused_tx");
    if (!digest_is_zero(&r->txid))
        log_digest(&l, "txid", &r->txid);
    log_words(&l, "word",
              is_verdict ? verdict_word((enum verdict)r->verdict)
                         : pool_answer_word((enum pool_answer)r->pool_answer));
    log_end(&l);
}

/* Whether a txid stands in the blocks followed so far. A read that fails is met again by who
 * follows or by the driver, and said there. */
static bool is_committed(struct serve *s, const struct digest *txid, struct place *place)
{
    struct why why = {{0}};
    return serve_has_state(s) && store_get_place(s->config.store, txid, place, &why) == RC_OK &&
           place->height <= s->look.followed_height;
}

/* ---- requests ---- */

void serve_await(struct serve *s, uint64_t number)
{
    uint32_t count = s->request.count;
    if (s->look.waits_count >= SERVE_WAITS_MAX) {
        serve_refuse(s, number, PROTO_WAIT, PROTO_BUSY);
        return;
    }
    struct serve_wait *w = wait_new(s, number);
    for (uint32_t i = 0; i < count; i++) {
        w->slots[i].result.txid = s->request.txids[i];
        watch(s, &w->slots[i]);
    }
    for (uint32_t i = 0; i < count; i++) { /* the last one may end w */
        struct place place;
        if (is_committed(s, &s->request.txids[i], &place))
            settle_committed(s, &w->slots[i], &place);
    }
}

/* The disk is below its reserve: what is committed is told, the rest must wait. */
static void submit_in_vain(struct serve *s, struct serve_wait *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct serve_slot *slot = &w->slots[i];
        struct place place;
        if (is_committed(s, &slot->result.txid, &place)) {
            settle_committed(s, slot, &place);
            continue;
        }
        slot->result.outcome = PROTO_TX_BUSY;
        slot->result.pool_answer = POOL_BUSY;
        log_refusal(s, &slot->result);
        settle(s, slot);
    }
}

void serve_submit(struct serve *s, uint64_t number)
{
    const struct proto_request *r = &s->request;
    uint32_t count = r->count;
    if (s->look.waits_count >= SERVE_WAITS_MAX || s->owed_count + count > SERVE_OWED_MAX) {
        struct log_line l;
        log_begin(&l, s->config.log, LOG_DEBUG, "refused_tx");
        log_number(&l, "txs", count);
        log_words(&l, "word", pool_answer_word(POOL_BUSY));
        log_end(&l);
        serve_refuse(s, number, PROTO_SUBMIT, PROTO_BUSY);
        return;
    }
    struct serve_wait *w = wait_new(s, number);
    uint64_t serial = w->serial;
    for (uint32_t i = 0; i < count; i++) {
        struct tx tx;
        if (tx_decode(&tx, r->items[i], &s->config.genesis->chain_id) == VERDICT_OK)
            w->slots[i].result.txid = tx.id;
    }
    if (!s->takes_txs) {
        submit_in_vain(s, w, count);
        return;
    }
    s->owed_count += count;
    for (uint32_t i = 0; i < count; i++) /* an answer at once may end w */
        driver_on_tx(s->config.driver, serial << SLOT_BITS | i, r->items[i], s->time);
}

static enum proto_outcome outcome_of(enum driver_outcome outcome)
{
    switch (outcome) {
    case DRIVER_COMMITTED:
        return PROTO_COMMITTED;
    case DRIVER_REJECTED:
        return PROTO_REJECTED;
    case DRIVER_REFUSED:
        return PROTO_REFUSED;
    case DRIVER_BUSY:
        return PROTO_TX_BUSY;
    case DRIVER_UNKNOWN:
        break;
    }
    return PROTO_UNKNOWN;
}

void serve_on_answer(struct serve *s, uint64_t client, const struct driver_answer *answer)
{
    uint64_t serial = client >> SLOT_BITS;
    struct serve_wait *w = *serial_bucket(s, serial);
    CHECK(s->owed_count > 0);
    s->owed_count--;
    while (w != NULL && w->serial != serial)
        w = w->next_in_bucket;
    uint32_t index = client & (PROTO_TXS_MAX - 1);
    if (w == NULL || index >= w->count || !w->slots[index].is_open)
        return; /* answered without it */
    struct serve_slot *slot = &w->slots[index];
    if (answer->outcome == DRIVER_COMMITTED) {
        settle_committed(s, slot, &answer->place);
        return;
    }
    slot->result.outcome = outcome_of(answer->outcome);
    slot->result.verdict = answer->verdict;
    slot->result.pool_answer = (uint8_t)answer->pool_answer;
    slot->result.has_other = answer->outcome == DRIVER_REJECTED && answer->has_other;
    if (slot->result.has_other)
        slot->result.other_txid = answer->other_txid;
    if (answer->outcome != DRIVER_UNKNOWN) {
        log_refusal(s, &slot->result);
        settle(s, slot);
        return;
    }
    /* It is pending, and the driver waits no longer: the chain tells. */
    struct place place;
    if (is_committed(s, &slot->result.txid, &place))
        settle_committed(s, slot, &place);
    else if (!slot->is_watched)
        watch(s, slot);
}

/* ---- the chain, and time ---- */

static void settle_txid(struct serve *s, const struct digest *txid, const struct place *place)
{
    for (;;) {
        struct serve_slot *slot = *watched_bucket(s, txid);
        while (slot != NULL && !digest_equal(&slot->result.txid, txid))
            slot = slot->next_watched;
        if (slot == NULL)
            return;
        settle_committed(s, slot, place);
    }
}

void serve_waits_on_block(struct serve *s, const struct block *block)
{
    struct place place = {.height = block->header.height};
    struct rd r = rd_of(block->body);
    for (uint32_t i = 0; s->watched_count > 0 && i < block->header.tx_count; i++) {
        struct tx tx;
        place.tx_index = i;
        if (tx_decode(&tx, block_next_tx(&r), &s->config.genesis->chain_id) == VERDICT_OK)
            settle_txid(s, &tx.id, &place);
    }
}

void serve_waits_run(struct serve *s)
{
    uint64_t due_ms = UINT64_MAX;
    if (s->waits == NULL || s->time.now_ms < s->waits_due_ms)
        return;
    for (struct serve_wait *w = s->waits; w != NULL;) {
        struct serve_wait *next = w->older;
        if (w->until_ms <= s->time.now_ms)
            answer(s, w);
        else if (w->until_ms < due_ms)
            due_ms = w->until_ms;
        w = next;
    }
    s->waits_due_ms = due_ms;
}

void serve_waits_end(struct serve *s)
{
    while (s->waits != NULL)
        answer(s, s->waits);
}

uint64_t serve_waits_deadline_ms(const struct serve *s)
{
    return s->waits != NULL ? s->waits_due_ms : UINT64_MAX;
}
