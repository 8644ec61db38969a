/* The clients: what a careful program does with a ledger that answers late, twice or not at all.
 *
 * A client gives out the nonces of its key one after the other, several at a time. What was sent
 * for a nonce is sent again, the very same bytes, to one node after the other, until an answer is
 * final (10.3). Something else goes out for the same nonce only where the ledger can take at most
 * one of the two: so nothing is ever done twice, whatever is lost. A nonce whose transaction was
 * refused or expired is filled with another, because those behind it wait for it. */
#include <inttypes.h>
#include <stdio.h>

#include "crypto/base/check.h"
#include "tests/sim/clients_parts.h"

enum {
    PATIENCE_MS = 2000, /* no answer for so long: the next node is asked */
    BUSY_MS_MIN = 100,
    BUSY_MS_MAX = 600,
    SOON_MS_MAX = 200,     /* the same when nothing else is asked for any more */
    REFUSED_MS_MAX = 1500, /* until a refused nonce is filled */
    BANK_PPM = 30000,
    UNKNOWN_AT_ONCE = 8, /* asked again at once so often; then as after busy */
    UNKNOWN_MOST = 2     /* then what may be refused is taken for refused: it waits in every pool */
};

/* Something of the clients that is under way in time. */
enum trip_type { TRIP_TO_NODE, TRIP_TIMER, TRIP_FILL, TRIP_ARRIVAL, TRIP_BURST };
struct trip {
    struct trip *next, *prev;
    enum trip_type type;
    uint64_t event;
    uint64_t number;  /* of the try */
    uint32_t node;    /* TO_NODE */
    struct buf bytes; /* TO_NODE: what is sent */
};

/* ---- what is under way ---- */

static sim_action on_trip;

static struct trip *trip_start(struct sim *s, enum trip_type type, uint64_t number,
                               uint64_t delay_us)
{
    struct trip *t = mem_alloc(sizeof *t);
    t->type = type;
    t->number = number;
    t->next = s->clients->trips;
    if (t->next != NULL)
        t->next->prev = t;
    s->clients->trips = t;
    t->event = sim_at(s, s->now_us + delay_us, on_trip, t);
    return t;
}

static void trip_free(struct sim *s, struct trip *t)
{
    if (t->next != NULL)
        t->next->prev = t->prev;
    if (t->prev != NULL)
        t->prev->next = t->next;
    else
        s->clients->trips = t->next;
    buf_free(&t->bytes);
    mem_free(t);
}

/* ---- numbers: what a node calls `client` names the try ---- */

static uint64_t number_of(const struct sim *s, const struct client *c, const struct slot *slot,
                          const struct try *try)
{
    uint64_t client = (uint64_t)(c - s->clients->clients);
    return client << 56 | (uint64_t)(try - slot->tries) << 48 | slot->nonce;
}

struct found {
    struct client *client;
    struct slot *slot; /* NULL: the nonce is settled */
    struct try *try;
};

static struct found find(struct sim *s, uint64_t number)
{
    struct found f = {.client = &s->clients->clients[number >> 56]};
    for (f.slot = f.client->slots; f.slot != NULL; f.slot = f.slot->next)
        if (f.slot->nonce == (number & (UINT64_MAX >> 16)))
            break;
    if (f.slot != NULL)
        f.try = &f.slot->tries[number >> 48 & UINT8_MAX];
    return f;
}

/* ---- sending ---- */

static void stop_timer(struct sim *s, struct try *try)
{
    if (try->timer == NULL)
        return;
    sim_cancel(s, try->timer->event);
    trip_free(s, try->timer);
    try->timer = NULL;
}

static void send_later(struct sim *s, const struct found *f, uint64_t delay_us)
{
    stop_timer(s, f->try);
    f->try->timer = trip_start(s, TRIP_TIMER, number_of(s, f->client, f->slot, f->try), delay_us);
}

static void send_now(struct sim *s, const struct found *f)
{
    struct try *try = f->try;
    uint32_t node = try->next_node;
    while (s->is_healed && !sim_is_needed(s, node)) /* by then it is known who is gone */
        node = (node + 1) % s->plan.members_count;
    uint64_t number = number_of(s, f->client, f->slot, try);
    try->next_node = (node + 1) % s->plan.members_count;
    try->sends_count++;
    send_later(s, f, PATIENCE_MS * 1000);
    if (!s->is_healed && sim_luck(s, s->plan.loss_ppm))
        return; /* on the way; answers are lost by the node's side */
    uint64_t way_us = sim_between(s, s->plan.delay_min_us, s->plan.delay_max_us);
    struct trip *t = trip_start(s, TRIP_TO_NODE, number, way_us);
    t->node = node;
    buf_add_bytes(&t->bytes, buf_bytes(&try->bytes));
}

/* Put another transaction beside those of this nonce. */
static void add_try(struct sim *s, struct client *c, struct slot *slot, enum try_kind kind)
{
    CHECK(slot->tries_count < TRIES_MAX);
    struct found f = {c, slot, &slot->tries[slot->tries_count]};
    clients_draw_tx(s, c, slot->nonce, kind, f.try);
    for (uint32_t i = 0; i < slot->tries_count; i++)
        if (digest_equal(&slot->tries[i].txid, &f.try->txid)) {
            buf_free(&f.try->bytes); /* two cancels are one transaction */
            return;
        }
    slot->tries_count++;
    s->counts.txs_submitted++;
    send_now(s, &f);
}

/* ---- a nonce from its first transaction to its end ---- */

static bool has_cancel(const struct slot *slot)
{
    for (uint32_t i = 0; i < slot->tries_count; i++)
        if (slot->tries[i].kind == TRY_CANCEL)
            return true;
    return false;
}

static bool has_hope(const struct slot *slot)
{
    for (uint32_t i = 0; i < slot->tries_count; i++)
        if (!slot->tries[i].is_dead && !slot->tries[i].is_refused)
            return true;
    return false;
}

/* What stands at this nonce will not come, or not soon: those behind it wait for it. */
static void fill(struct sim *s, struct client *c, struct slot *slot)
{
    bool is_refused = false;
    if (slot->chosen != NULL || slot->is_echo || has_cancel(slot))
        return;
    for (uint32_t i = 0; i < slot->tries_count; i++)
        is_refused = is_refused || slot->tries[i].is_refused;
    bool is_cancel = is_refused || s->clients->is_stopped || slot->tries_count + 1 >= TRIES_MAX;
    add_try(s, c, slot, is_cancel ? TRY_CANCEL : TRY_PLAIN);
}

static void slot_free(struct sim *s, struct client *c, struct slot *slot)
{
    struct slot **at = &c->slots;
    while (*at != slot)
        at = &(*at)->next;
    *at = slot->next;
    for (uint32_t i = 0; i < slot->tries_count; i++) {
        stop_timer(s, &slot->tries[i]);
        buf_free(&slot->tries[i].bytes);
    }
    mem_free(slot);
}

/* Only the bytes of one try are sent from now on. */
static void choose(struct sim *s, struct slot *slot, struct try *try)
{
    slot->chosen = try;
    for (uint32_t i = 0; i < slot->tries_count; i++)
        stop_timer(s, &slot->tries[i]);
}

/* ---- answers ---- */

static _Noreturn void fail(struct sim *s, const struct found *f, const char *words)
{
    sim_fail(s, UINT32_MAX, "a final answer is final", "%s nonce %" PRIu64 " try %u: %s",
             f->client->name, f->slot->nonce, (unsigned)(f->try - f->slot->tries), words);
}

static void on_committed(struct sim *s, const struct found *f)
{
    if (f->try->is_dead || (f->slot->chosen != NULL && f->slot->chosen != f->try))
        fail(s, f, "a receipt for what was rejected");
    if (!f->slot->is_echo) {
        s->counts.txs_committed++;
        choose(s, f->slot, f->try);
        if (!s->clients->is_stopped && sim_luck(s, s->plan.resend_ppm)) {
            f->slot->is_echo = true; /* its bytes once more: the same receipt */
            send_later(s, f, sim_between(s, 0, PATIENCE_MS * 1000));
            return;
        }
    }
    slot_free(s, f->client, f->slot);
}

/* The nonce is another's, which must be one of the client's own. */
static void on_other(struct sim *s, const struct found *f, const struct digest *other)
{
    struct found chosen = *f;
    for (uint32_t i = 0; i < f->slot->tries_count; i++) {
        chosen.try = &f->slot->tries[i];
        if (digest_equal(&chosen.try->txid, other))
            break;
    }
    if (!digest_equal(&chosen.try->txid, other))
        fail(s, f, "rejected for a transaction that the client never made");
    if (chosen.try == f->try || chosen.try->is_dead)
        fail(s, f, "rejected for what cannot be committed");
    if (f->slot->chosen != NULL && f->slot->chosen != chosen.try)
        fail(s, f, "rejected for another one than before");
    if (f->slot->chosen != NULL)
        return; /* its receipt is asked for already */
    choose(s, f->slot, chosen.try);
    send_now(s, &chosen);
}

static void on_rejected(struct sim *s, const struct found *f, const struct driver_answer *a)
{
    if (f->slot->chosen == f->try)
        fail(s, f, "rejected after it was committed");
    if (!a->has_other && (a->verdict != VERDICT_EXPIRED || f->try->kind != TRY_EXPIRING))
        fail(s, f, verdict_text(a->verdict));
    s->counts.txs_rejected += !f->try->is_dead;
    f->try->is_dead = true;
    stop_timer(s, f->try);
    if (a->has_other)
        on_other(s, f, &a->other_txid);
    else if (!has_hope(f->slot))
        fill(s, f->client, f->slot);
}

/* The nonce stays open. What is not asked for any more may commit all the same, so what fills the
 * nonce may lose against it. */
static void give_up(struct sim *s, const struct found *f, uint64_t fill_after_us)
{
    f->try->is_refused = true;
    stop_timer(s, f->try);
    if (!has_hope(f->slot))
        (void)trip_start(s, TRIP_FILL, number_of(s, f->client, f->slot, f->try), fill_after_us);
}

static uint64_t busy_us(struct sim *s)
{
    return sim_between(s, BUSY_MS_MIN, s->clients->is_stopped ? SOON_MS_MAX : BUSY_MS_MAX) * 1000;
}

static void on_refused(struct sim *s, const struct found *f, const struct driver_answer *a)
{
    if (f->try->kind != TRY_OVERDRAFT)
        fail(s, f, verdict_text(a->verdict)); /* nothing stands against the others */
    if (f->slot->chosen != NULL)
        send_later(s, f, busy_us(s)); /* a node that is behind */
    else
        give_up(s, f, s->clients->is_stopped ? 0 : sim_between(s, 0, REFUSED_MS_MAX * 1000));
}

void sim_clients_on_answer(struct sim *s, uint32_t node_index, uint64_t client,
                           const struct driver_answer *a)
{
    struct found f = find(s, client);
    (void)node_index; /* one node's word is as good as another's */
    if (f.slot == NULL)
        return; /* an answer to something that was asked twice */
    if (!digest_equal(&a->txid, &f.try->txid))
        fail(s, &f, "an answer with another txid");
    if (a->outcome == DRIVER_COMMITTED) {
        on_committed(s, &f);
        return;
    }
    if (a->outcome == DRIVER_REJECTED) {
        on_rejected(s, &f, a);
        return;
    }
    if (f.try->is_dead || f.try->is_refused || (f.slot->chosen != NULL && f.slot->chosen != f.try))
        return; /* it is not asked for any more */
    if (a->outcome == DRIVER_REFUSED && a->pool_answer == POOL_REFUSED) {
        on_refused(s, &f, a);
        return;
    }
    bool is_unknown = a->outcome == DRIVER_UNKNOWN;
    f.try->unknown_count += is_unknown;
    if (f.slot->chosen == NULL && f.try->kind == TRY_OVERDRAFT &&
        f.try->unknown_count >= UNKNOWN_MOST)
        give_up(s, &f, 0);
    else
        send_later(s, &f, is_unknown && f.try->unknown_count <= UNKNOWN_AT_ONCE ? 0 : busy_us(s));
}

/* ---- load ---- */

static void open_slot(struct sim *s, struct client *c)
{
    struct slot **at = &c->slots;
    struct slot *slot = mem_alloc(sizeof *slot);
    while (*at != NULL)
        at = &(*at)->next;
    *at = slot;
    slot->nonce = ++c->last_nonce;
    enum try_kind kind = sim_luck(s, s->plan.overdraft_ppm)  ? TRY_OVERDRAFT
                         : sim_luck(s, s->plan.expiring_ppm) ? TRY_EXPIRING
                                                             : TRY_PLAIN;
    add_try(s, c, slot, kind);
    if (sim_luck(s, s->plan.conflicting_ppm))
        add_try(s, c, slot, TRY_PLAIN);
}

static bool may_open(const struct sim *s, const struct client *c)
{
    uint64_t open = 0;
    for (const struct slot *slot = c->slots; slot != NULL; slot = slot->next)
        open += !slot->is_echo;
    return open < s->plan.in_flight_max && open < s->plan.parameters.nonce_window;
}

static void on_arrival(struct sim *s)
{
    uint64_t mean_us = 1000000 / s->plan.txs_per_second;
    if (s->clients->is_stopped)
        return;
    (void)trip_start(s, TRIP_ARRIVAL, 0, sim_between(s, 0, 2 * mean_us));
    uint32_t index = s->clients->count - 1;
    if (!sim_luck(s, BANK_PPM))
        index = (uint32_t)prng_below(&s->prng, s->clients->count - 1);
    struct client *c = &s->clients->clients[index];
    if (may_open(s, c))
        open_slot(s, c);
}

static void on_burst(struct sim *s)
{
    uint64_t mean_us = 60000000 / s->plan.bursts_per_minute;
    if (s->clients->is_stopped)
        return;
    (void)trip_start(s, TRIP_BURST, 0, sim_between(s, 1, 2 * mean_us));
    for (uint32_t i = 0; i < s->clients->count; i++)
        while (may_open(s, &s->clients->clients[i]))
            open_slot(s, &s->clients->clients[i]);
}

/* ---- time ---- */

static void on_timer(struct sim *s, uint64_t number)
{
    struct found f = find(s, number);
    f.try->timer = NULL; /* a slot that goes takes its timers along */
    send_now(s, &f);
}

static void on_fill(struct sim *s, uint64_t number)
{
    struct found f = find(s, number);
    if (f.slot != NULL && !has_hope(f.slot))
        fill(s, f.client, f.slot);
}

static void on_trip(struct sim *s, void *context, uint64_t event)
{
    struct trip *t = context;
    (void)event;
    switch (t->type) {
    case TRIP_TO_NODE: /* a node that is down answers nothing: the timer sends it on */
        (void)sim_node_submit(s, t->node, t->number, buf_bytes(&t->bytes));
        break;
    case TRIP_TIMER:
        on_timer(s, t->number);
        break;
    case TRIP_FILL:
        on_fill(s, t->number);
        break;
    case TRIP_ARRIVAL:
        on_arrival(s);
        break;
    case TRIP_BURST:
        on_burst(s);
        break;
    }
    trip_free(s, t);
}

/* ---- opening, ending ---- */

void sim_clients_open(struct sim *s)
{
    char name[16];
    CHECK(s->plan.keys_count > 0 && s->plan.keys_count <= SIM_KEYS_MAX);
    s->clients = mem_alloc(sizeof *s->clients);
    s->clients->count = s->plan.keys_count + 1;
    for (uint32_t i = 0; i < s->clients->count; i++) {
        (void)snprintf(name, sizeof name, i < s->plan.keys_count ? "c%u" : "bank", i);
        clients_make_key(&s->clients->clients[i], name, s->plan.seed);
    }
}

void sim_clients_start(struct sim *s)
{
    if (s->plan.txs_per_second > 0)
        (void)trip_start(s, TRIP_ARRIVAL, 0, 0);
    if (s->plan.bursts_per_minute > 0)
        (void)trip_start(s, TRIP_BURST, 0, 0);
}

void sim_clients_stop_new(struct sim *s)
{
    s->clients->is_stopped = true;
    for (uint32_t i = 0; i < s->clients->count; i++)
        for (struct slot *slot = s->clients->clients[i].slots; slot != NULL; slot = slot->next) {
            struct found f = {&s->clients->clients[i], slot, &slot->tries[0]};
            if (f.try->kind == TRY_OVERDRAFT && !f.try->is_dead && slot->chosen == NULL)
                give_up(s, &f, 0); /* nobody waits for what is refused, any more */
        }
}

uint64_t sim_clients_valid_until(struct sim *s, uint64_t client)
{
    if (client >> 56 >= s->clients->count)
        return 0; /* not one of these clients */
    struct found f = find(s, client);
    return f.slot != NULL ? f.try->valid_until_height : 0;
}

void sim_clients_close(struct sim *s)
{
    if (s->clients == NULL)
        return;
    for (uint32_t i = 0; i < s->clients->count; i++)
        while (s->clients->clients[i].slots != NULL)
            slot_free(s, &s->clients->clients[i], s->clients->clients[i].slots);
    while (s->clients->trips != NULL)
        trip_free(s, s->clients->trips);
    mem_free(s->clients);
    s->clients = NULL;
}
