/* Clients that read. Each read asks as the tool does (tools/hansa/linear_read.h): all members side
 * by side, again where one was not far enough or not heard; and what the answers are worth says the
 * tool's own rule, tools/hansa/linear.h. */
#include "tests/sim/reads.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/receipt.h"
#include "ledger/state.h"
#include "node/proto.h"
#include "tests/sim/clients_parts.h"
#include "tests/sim/world.h"
#include "tools/hansa/linear.h"

enum {
    READS_MAX = 8, /* at once */
    PATIENCE_MS = 2000,
    AGAIN_MS = 500,  /* after an answer of no use */
    GRACE_MS = 500,  /* beyond T_read */
    READ_MS = 10000, /* in all, when it is not even known how far a member has to be */
    LATE_TIMES_MAX = 20
};

enum trip_type { TRIP_ARRIVAL, TRIP_TO_NODE, TRIP_TO_CLIENT, TRIP_AGAIN, TRIP_GIVE_UP };
struct read_trip {
    struct read_trip *next, *prev;
    enum trip_type type;
    uint32_t node;
    uint64_t number; /* of the question; GIVE_UP: of the read */
    struct buf bytes;
};

struct read {
    uint64_t serial; /* 0: there is none here */
    enum sim_read_kind kind;
    bool is_last;
    uint64_t from_height;  /* what it has to show */
    uint64_t began_height; /* of the chain then */
    uint32_t accounts_count;
    char accounts[SIM_READ_ACCOUNTS_MAX][ACCOUNT_ROOM];
    uint64_t give_up_ms; /* when it does; in ms of the world */
    struct read_node {
        bool is_asked;
        uint64_t number; /* of the question that it was asked last */
        uint32_t replies_count;
    } nodes[SIM_NODES_MAX];
    struct linear_reply replies[LINEAR_REPLIES_MAX];
    size_t replies_count;
    struct linear_answers answers;
    struct linear_verdict verdict;
};

struct sim_reads {
    struct prng prng;
    bool is_stopped;
    uint64_t last_serial, last_number;
    struct read_trip *trips;
    struct read reads[READS_MAX];
    struct proto_reply reply; /* scratch */
};

/* ---- chance ---- */

static uint64_t between(struct prng *p, uint64_t least, uint64_t most)
{
    return least + prng_below(p, most - least + 1);
}

static bool luck(struct prng *p, uint32_t ppm)
{
    return ppm > 0 && prng_below(p, 1000000) < ppm;
}

/* ---- what is under way ---- */

static sim_action on_trip;

static struct read_trip *start_trip(struct sim *s, enum trip_type type, uint32_t node,
                                    uint64_t number, uint64_t delay_us)
{
    struct read_trip *t = mem_alloc(sizeof *t);
    t->type = type;
    t->node = node;
    t->number = number;
    t->next = s->reads->trips;
    if (t->next != NULL)
        t->next->prev = t;
    s->reads->trips = t;
    (void)sim_at(s, s->now_us + delay_us, on_trip, t);
    return t;
}

static void free_trip(struct sim *s, struct read_trip *t)
{
    if (t->next != NULL)
        t->next->prev = t->prev;
    if (t->prev != NULL)
        t->prev->next = t->next;
    else
        s->reads->trips = t->next;
    buf_free(&t->bytes);
    mem_free(t);
}

/* A question or an answer goes its way: it may be lost, late, or come twice. Sessions are sealed,
 * so what is damaged is lost. */
static void carry(struct sim *s, enum trip_type type, uint32_t node, uint64_t number,
                  struct bytes bytes)
{
    const struct sim_plan *plan = &s->plan;
    struct prng *p = &s->reads->prng;
    bool has_faults = !s->is_healed;
    if (has_faults && (luck(p, plan->loss_ppm) || luck(p, plan->corrupt_ppm)))
        return;
    uint32_t copies = has_faults && luck(p, plan->double_ppm) ? 2 : 1;
    for (uint32_t i = 0; i < copies; i++) {
        uint64_t delay_us = between(p, plan->delay_min_us, plan->delay_max_us);
        if (has_faults && luck(p, plan->late_ppm))
            delay_us *= between(p, 2, LATE_TIMES_MAX);
        buf_add_bytes(&start_trip(s, type, node, number, delay_us)->bytes, bytes);
    }
}

static struct read *read_of(const struct sim *s, uint64_t number, uint32_t *node)
{
    for (uint32_t i = 0; i < READS_MAX; i++)
        for (uint32_t k = 0; k < s->plan.members_count; k++) {
            struct read *r = &s->reads->reads[i];
            if (r->serial == 0 || !r->nodes[k].is_asked || r->nodes[k].number != number)
                continue;
            *node = k;
            return r;
        }
    return NULL;
}

bool sim_reads_of(const struct sim *s, uint64_t number, uint64_t *serial, uint64_t *height)
{
    uint32_t node;
    const struct read *r = read_of(s, number, &node);
    if (r == NULL)
        return false;
    *serial = r->serial;
    *height = r->began_height;
    return true;
}

static void name_accounts(const struct read *r, struct sim_read_entry *out)
{
    for (uint32_t i = 0; i < r->accounts_count; i++)
        out[i] = (struct sim_read_entry){.account = bytes_of_text(r->accounts[i])};
}

uint32_t sim_reads_accounts(const struct sim *s, uint64_t number,
                            struct sim_read_entry out[static SIM_READ_ACCOUNTS_MAX])
{
    uint32_t node;
    const struct read *r = read_of(s, number, &node);
    if (r == NULL)
        return 0;
    name_accounts(r, out);
    return r->accounts_count;
}

/* ---- asking ---- */

static void put_request(struct buf *out, const struct read *r, uint64_t at_least_height)
{
    static uint8_t rooms[SIM_READ_ACCOUNTS_MAX][STATE_KEY_BYTES_MAX];
    static const enum proto_type types[] = {PROTO_READ, PROTO_PROOF, PROTO_STATE};
    static struct proto_request q;
    q = (struct proto_request){.type = types[r->kind],
                               .table = STATE_BALANCE,
                               .count = r->accounts_count,
                               .height = at_least_height};
    for (uint32_t i = 0; i < r->accounts_count; i++) {
        q.tables[i] = STATE_BALANCE;
        q.items[i] =
            state_balance_key(rooms[i], bytes_of_text(r->accounts[i]), bytes_of_text(SIM_ASSET));
    }
    proto_encode_request(out, &q);
}

static void ask(struct sim *s, struct read *r, uint32_t node, uint64_t at_least_height)
{
    struct buf bytes = {0};
    put_request(&bytes, r, at_least_height);
    r->nodes[node].is_asked = true;
    r->nodes[node].number = ++s->reads->last_number;
    carry(s, TRIP_TO_NODE, node, r->nodes[node].number, buf_bytes(&bytes));
    (void)start_trip(s, TRIP_AGAIN, node, r->nodes[node].number, PATIENCE_MS * 1000);
    buf_free(&bytes);
}

/* From where on its next answer is of use; 0: any is. */
static uint64_t useful_height(const struct read *r)
{
    return r->verdict.has_index ? r->verdict.index_height : 0;
}

static void ask_where_not_far_enough(struct sim *s, struct read *r)
{
    for (uint32_t i = 0; i < s->plan.members_count; i++) {
        const struct read_node *n = &r->nodes[i];
        if (!n->is_asked && n->replies_count < LINEAR_REPLIES_PER_MEMBER &&
            r->verdict.next_heights[i] > 0)
            ask(s, r, i, r->verdict.next_heights[i]);
    }
}

static void end_read(struct read *r)
{
    linear_answers_close(&r->answers);
    memset(r, 0, sizeof *r);
}

static void set_give_up(struct sim *s, struct read *r, uint64_t after_ms)
{
    r->give_up_ms = s->now_us / 1000 + after_ms;
    (void)start_trip(s, TRIP_GIVE_UP, 0, r->serial, after_ms * 1000);
}

static void begin_asking(struct sim *s, struct read *r)
{
    uint32_t n = s->plan.members_count;
    r->serial = ++s->reads->last_serial;
    r->from_height = sim_check_read_begins(s);
    r->began_height = sim_check_height(s);
    r->replies_count = 0;
    linear_answers_clear(&r->answers);
    memset(r->nodes, 0, sizeof r->nodes);
    s->counts.reads_begun[r->kind]++;
    set_give_up(s, r, READ_MS);
    sim_say(s, UINT32_MAX, "read %" PRIu64 " of kind %u begins, of %s and %u more, from %" PRIu64,
            r->serial, r->kind, r->accounts[0], r->accounts_count - 1, r->from_height);
    if (r->kind != SIM_READ_LINEAR) {
        ask(s, r, (uint32_t)prng_below(&s->reads->prng, n), 0);
        return;
    }
    linear_judge(&r->verdict, r->replies, 0, n, 0);
    for (uint32_t i = 0; i < n; i++)
        ask(s, r, i, 0);
}

static struct read *free_read(struct sim *s)
{
    for (uint32_t i = 0; i < READS_MAX; i++)
        if (s->reads->reads[i].serial == 0)
            return &s->reads->reads[i];
    return NULL;
}

static bool is_named(const struct read *r, const char *account)
{
    for (uint32_t i = 0; i < r->accounts_count; i++)
        if (strcmp(r->accounts[i], account) == 0)
            return true;
    return false;
}

static void begin_read(struct sim *s, enum sim_read_kind kind)
{
    struct prng *p = &s->reads->prng;
    struct read *r = free_read(s);
    if (r == NULL)
        return;
    r->kind = kind;
    uint64_t count = kind == SIM_READ_PROVED ? 1 : between(p, 1, SIM_READ_ACCOUNTS_MAX);
    while (r->accounts_count < count) {
        char account[ACCOUNT_ROOM];
        const struct client *c = &s->clients->clients[prng_below(p, s->clients->count)];
        (void)clients_account(account, c, (uint32_t)prng_below(p, 2));
        if (is_named(r, account))
            continue;
        memcpy(r->accounts[r->accounts_count++], account, sizeof account);
    }
    begin_asking(s, r);
}

/* ---- answers ---- */

static void accepted(struct sim *s, struct read *r)
{
    s->counts.reads_accepted[r->kind]++;
    sim_say(s, UINT32_MAX, "read %" PRIu64 " is accepted", r->serial);
    end_read(r);
}

/* T_read begins when it is known what is waited for. */
static void judge(struct sim *s, struct read *r)
{
    struct sim_read_entry entries[SIM_READ_ACCOUNTS_MAX];
    struct proto_reply *reply = &s->reads->reply;
    bool had_index = r->verdict.has_index;
    linear_judge(&r->verdict, r->replies, r->replies_count, s->plan.members_count, 0);
    if (!r->verdict.is_accepted) {
        if (!had_index && r->verdict.has_index)
            set_give_up(s, r, s->plan.parameters.read_ms + GRACE_MS);
        ask_where_not_far_enough(s, r);
        return;
    }
    bool is_reply = proto_decode_reply(reply, buf_bytes(&r->answers.replies[r->verdict.answer]));
    CHECK(is_reply);
    name_accounts(r, entries);
    if (!sim_read_entries(reply, entries, r->accounts_count))
        sim_fail(s, UINT32_MAX, "reads are linearizable",
                 "what is accepted is no answer to the question");
    sim_check_read(s, r->from_height, r->verdict.index_height, entries, r->accounts_count);
    accepted(s, r);
}

static void on_answer(struct sim *s, struct read *r, uint32_t node, struct bytes bytes)
{
    const struct proto_reply *reply = &s->reads->reply;
    struct linear_reply *out = &r->replies[r->replies_count];
    struct sim_read_entry entry;
    uint64_t height;
    if (r->kind == SIM_READ_LINEAR) {
        CHECK(r->replies_count < LINEAR_REPLIES_MAX);
        linear_take(out, node, reply, &s->genesis);
        out->answer = linear_number(&r->answers, reply, bytes);
        r->replies_count++;
        r->nodes[node].replies_count++;
        judge(s, r);
        return;
    }
    if (r->kind == SIM_READ_LOCAL) { /* whoever believes one node gets no promise */
        accepted(s, r);
        return;
    }
    if (!sim_read_proof(s, reply->data, bytes_of_text(r->accounts[0]), &entry, &height)) {
        s->counts.reads_given_up[r->kind]++;
        end_read(r);
        return;
    }
    sim_check_proved(s, node, height, &entry);
    accepted(s, r);
}

/* At the client. Late answers to questions that were asked again are of no use to it. */
static void take_reply(struct sim *s, uint64_t number, struct bytes bytes)
{
    static const enum proto_type types[] = {PROTO_READ, PROTO_PROOF, PROTO_STATE};
    uint32_t node;
    struct read *r = read_of(s, number, &node);
    if (r == NULL)
        return;
    if (proto_decode_reply(&s->reads->reply, bytes) && s->reads->reply.code == PROTO_OK &&
        s->reads->reply.type == types[r->kind]) {
        r->nodes[node].is_asked = false;
        on_answer(s, r, node, bytes);
    } else { /* busy, or of no use: another time */
        (void)start_trip(s, TRIP_AGAIN, node, number, AGAIN_MS * 1000);
    }
}

void sim_reads_on_reply(struct sim *s, uint32_t node_index, uint64_t number, struct bytes reply)
{
    carry(s, TRIP_TO_CLIENT, node_index, number, reply);
}

/* ---- time ---- */

static void on_again(struct sim *s, uint64_t number)
{
    uint32_t node;
    struct read *r = read_of(s, number, &node);
    if (r == NULL)
        return;
    if (r->kind != SIM_READ_LINEAR) { /* of another node */
        r->nodes[node].is_asked = false;
        node = (node + 1) % s->plan.members_count;
    }
    ask(s, r, node, useful_height(r));
}

static void on_give_up(struct sim *s, uint64_t serial)
{
    for (uint32_t i = 0; i < READS_MAX; i++) {
        struct read *r = &s->reads->reads[i];
        if (r->serial != serial || r->give_up_ms > s->now_us / 1000)
            continue;
        s->counts.reads_given_up[r->kind]++;
        sim_say(s, UINT32_MAX, "read %" PRIu64 " is given up", r->serial);
        if (s->reads->is_stopped && r->kind == SIM_READ_LINEAR)
            begin_asking(s, r); /* until it is answered */
        else
            end_read(r);
    }
}

static void on_arrival(struct sim *s)
{
    struct prng *p = &s->reads->prng;
    const struct sim_reads_plan *plan = &s->plan.reads;
    if (s->reads->is_stopped)
        return;
    uint64_t roll = prng_below(p, 100);
    enum sim_read_kind kind = roll < plan->proved_percent                         ? SIM_READ_PROVED
                              : roll < plan->proved_percent + plan->local_percent ? SIM_READ_LOCAL
                                                                                  : SIM_READ_LINEAR;
    begin_read(s, kind);
    (void)start_trip(s, TRIP_ARRIVAL, 0, 0, between(p, 1, 2 * 1000000 / plan->per_second));
}

static void on_trip(struct sim *s, void *context, uint64_t event)
{
    struct read_trip *t = context;
    (void)event;
    switch (t->type) {
    case TRIP_ARRIVAL:
        on_arrival(s);
        break;
    case TRIP_TO_NODE:
        sim_serve_ask(s, t->node, t->number, buf_bytes(&t->bytes));
        break;
    case TRIP_TO_CLIENT:
        take_reply(s, t->number, buf_bytes(&t->bytes));
        break;
    case TRIP_AGAIN:
        on_again(s, t->number);
        break;
    case TRIP_GIVE_UP:
        on_give_up(s, t->number);
        break;
    }
    free_trip(s, t);
}

/* ---- opening, ending ---- */

void sim_reads_open(struct sim *s)
{
    s->reads = mem_alloc(sizeof *s->reads);
    s->reads->prng = prng_of((s->plan.seed ^ UINT64_C(0x72656164657273)) + s->plan.salt);
}

void sim_reads_start(struct sim *s)
{
    if (s->plan.reads.per_second > 0)
        (void)start_trip(s, TRIP_ARRIVAL, 0, 0, 0);
}

void sim_reads_stop_new(struct sim *s)
{
    if (s->plan.reads.per_second > 0)
        begin_read(s, SIM_READ_LINEAR);
    s->reads->is_stopped = true;
}

uint32_t sim_reads_pending(const struct sim *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < READS_MAX; i++) {
        const struct read *r = &s->reads->reads[i];
        count += r->serial != 0 && r->kind == SIM_READ_LINEAR;
    }
    return count;
}

uint64_t sim_reads_bound_ms(const struct sim *s)
{
    return s->plan.reads.per_second > 0 ? PATIENCE_MS + s->plan.parameters.read_ms + GRACE_MS : 0;
}

void sim_reads_close(struct sim *s)
{
    if (s->reads == NULL)
        return;
    for (uint32_t i = 0; i < READS_MAX; i++)
        end_read(&s->reads->reads[i]);
    while (s->reads->trips != NULL)
        free_trip(s, s->reads->trips);
    mem_free(s->reads);
    s->reads = NULL;
}
