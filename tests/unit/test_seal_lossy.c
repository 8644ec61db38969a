/* Two replicas over a link that loses, repeats, delays, reorders and replays everything that was
 * ever sent, and reflects it to its sender, while either side restarts and renews at any moment.
 * Always: no frame opens twice, none opens in a life of its receiver for which it was not sealed,
 * no nonce is used twice. And from wherever that led, once messages get through again, both sides
 * come to one live session and lose nothing, not even while old messages go on being replayed. One
 * seed makes one schedule. */
#include "tests/help/unit.h"

#include <stdlib.h>

#include "tests/unit/seal_pair.h"

enum {
    SCHEDULES = 1000,
    STEP_MS = 5,
    CHAOS_MS_MAX = 4000,
    CALM_MS = 4000,
    REPLAYS_MS = 4000,
    CONVERGED_MS_MAX = 2500, /* silence noticed, and two HELLOs of the timer */
    SETTLED_MS = 100,        /* what was sent before has arrived */
    HELLO_MS_LEAST = 250,
    HELLO_MS_MOST = 1000,
    HELLO_ANSWER_MS = 100, /* answers are not sent more often */
    SILENCE_MS = 500,
    BEAT_MS = 100,
    LATE_MS_MAX = 400,
    LOG_MAX = 4096,
    FLIGHT_MAX = 4096,
    SESSIONS_MAX = 4096
};

struct packet {
    uint8_t *data;
    size_t size;
    uint8_t from;
    bool is_frame, is_message, is_opened;
};

struct flight {
    uint64_t at_ms;
    uint32_t packet;
    uint8_t to;
};

struct end {
    struct seal_peer s;
    uint8_t me;
    uint32_t life;
    uint64_t hello_due_ms, hello_sent_ms, opened_ms, beat_ms;
};

/* A session's name, which life of each side has it, and the last counter of each side under it. */
struct session {
    uint64_t id, counter[2];
    uint32_t life[2]; /* 0: not seen yet */
};

static struct world {
    struct pair_keys *keys;
    struct prng prng, random;
    uint64_t now_ms, seed;
    struct end ends[2];
    struct packet log[LOG_MAX];
    struct flight flights[FLIGHT_MAX];
    struct session sessions[SESSIONS_MAX];
    uint32_t log_count, flights_count, sessions_count;
    bool is_calm;
    uint32_t loss_percent, repeat_percent, late_percent, replay_percent, event_percent;
    uint64_t fifo_ms[2];
} w;

static uint64_t schedules = SCHEDULES;
static struct totals {
    uint64_t restarts, renewals, replays, opened, slowest_ms, sessions;
} totals;

#define DEMAND(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("seed %llu at %llu ms\n", (unsigned long long)w.seed,                      \
                        (unsigned long long)w.now_ms);                                             \
            fail_msg("%s", #condition);                                                            \
        }                                                                                          \
    } while (0)

static bool chance(uint32_t percent)
{
    return prng_below(&w.prng, 100) < percent;
}

/* ---- the checkers ---- */

/* A session belongs to one life of each side. */
static struct session *note_session(struct bytes frame, const struct end *e)
{
    uint64_t id;
    uint32_t i = 0;
    DEMAND(seal_session_of(&id, frame));
    while (i < w.sessions_count && w.sessions[i].id != id)
        i++;
    if (i == w.sessions_count) {
        DEMAND(w.sessions_count < SESSIONS_MAX);
        w.sessions[w.sessions_count++] = (struct session){.id = id};
    }
    uint32_t *life = &w.sessions[i].life[e->me];
    DEMAND(*life == 0 || *life == e->life);
    *life = e->life;
    return &w.sessions[i];
}

/* Counters rise under one key, so no nonce comes twice. */
static void check_sealed(struct bytes frame, const struct end *e)
{
    struct session *session = note_session(frame, e);
    struct rd r = rd_of(bytes_of(frame.data + 9, 8));
    uint64_t counter = rd_u64(&r);
    DEMAND(counter > session->counter[e->me]);
    session->counter[e->me] = counter;
}

/* Message: sender, its life, its number. */
static void check_opened(struct packet *p, struct end *e, struct bytes message)
{
    DEMAND(p->is_frame);
    DEMAND(p->from != e->me);
    DEMAND(!p->is_opened);
    p->is_opened = true;
    totals.opened++;
    struct session *session = note_session(bytes_of(p->data, p->size), e);
    DEMAND(session->life[p->from] != 0);
    if (message.size == 0)
        return;
    struct rd r = rd_of(message);
    DEMAND(rd_u8(&r) == p->from);
    DEMAND(rd_u32(&r) == session->life[p->from]);
    DEMAND(rd_u32(&r) == (uint32_t)(p - w.log));
    DEMAND(rd_done(&r));
}

/* ---- the link ---- */

static void fly(uint32_t packet, uint8_t to)
{
    uint64_t at_ms = w.now_ms + 1 + prng_below(&w.prng, 20);
    if (!w.is_calm && chance(w.late_percent))
        at_ms += prng_below(&w.prng, LATE_MS_MAX);
    if (w.is_calm) { /* keeps order */
        if (at_ms < w.fifo_ms[to])
            at_ms = w.fifo_ms[to];
        w.fifo_ms[to] = at_ms;
    }
    DEMAND(w.flights_count < FLIGHT_MAX);
    w.flights[w.flights_count++] = (struct flight){.at_ms = at_ms, .packet = packet, .to = to};
}

static void send(const struct end *e, struct buf *what)
{
    DEMAND(w.log_count < LOG_MAX);
    bool is_frame = what->data[0] == SEAL_TYPE_FRAME;
    if (is_frame)
        check_sealed(buf_bytes(what), e);
    w.log[w.log_count] =
        (struct packet){.data = what->data,
                        .size = what->size,
                        .from = e->me,
                        .is_frame = is_frame,
                        .is_message = is_frame && what->size > SEAL_FRAME_OVERHEAD_BYTES};
    uint32_t packet = w.log_count++;
    if (w.is_calm || !chance(w.loss_percent))
        fly(packet, 1 - e->me);
    if (!w.is_calm && chance(w.repeat_percent))
        fly(packet, 1 - e->me);
}

/* ---- the owners of the two ends ---- */

static void start_end(struct end *e)
{
    struct seal_peer_setup setup = pair_setup(w.keys, &w.random, e->me, 1 - e->me);
    seal_peer_init(&e->s, &setup);
    e->life++;
    e->hello_due_ms = w.now_ms + prng_below(&w.prng, HELLO_MS_LEAST);
    e->opened_ms = w.now_ms;
}

static void send_hello(struct end *e)
{
    struct buf out = {0};
    seal_peer_hello(&e->s, &out);
    send(e, &out);
    e->hello_sent_ms = w.now_ms;
    e->hello_due_ms =
        w.now_ms + HELLO_MS_LEAST + prng_below(&w.prng, HELLO_MS_MOST - HELLO_MS_LEAST + 1);
}

static void send_message(struct end *e)
{
    uint8_t text[9];
    struct wr t = wr_of(text, sizeof text);
    wr_u8(&t, e->me);
    wr_u32(&t, e->life);
    wr_u32(&t, w.log_count);
    struct buf out = {0};
    if (!seal_peer_seal(&e->s, &out, wr_bytes_of(&t)))
        return;
    send(e, &out);
}

static void receive(struct end *e, struct packet *p)
{
    struct seal_due due_now;
    struct buf message = {0};
    enum seal_drop drop = seal_peer_take(&e->s, &due_now, &message, bytes_of(p->data, p->size));
    if (drop == SEAL_KEEP && p->is_frame) {
        check_opened(p, e, buf_bytes(&message));
        e->opened_ms = w.now_ms;
    }
    buf_free(&message);
    if (due_now.hello && w.now_ms >= e->hello_sent_ms + HELLO_ANSWER_MS)
        send_hello(e);
    struct buf confirm = {0};
    if (due_now.confirm) {
        DEMAND(seal_peer_confirm(&e->s, &confirm));
        send(e, &confirm);
    }
}

static void tick(struct end *e)
{
    bool is_silent = w.now_ms >= e->opened_ms + SILENCE_MS;
    if ((seal_peer_wants_hello(&e->s) || is_silent) && w.now_ms >= e->hello_due_ms)
        send_hello(e);
    if (w.now_ms >= e->beat_ms) {
        send_message(e);
        e->beat_ms = w.now_ms + BEAT_MS + prng_below(&w.prng, BEAT_MS);
    }
}

/* ---- schedules ---- */

static void replay(uint32_t packet)
{
    struct flight f = {.at_ms = w.now_ms, .packet = packet, .to = (uint8_t)prng_below(&w.prng, 2)};
    DEMAND(w.flights_count < FLIGHT_MAX);
    w.flights[w.flights_count++] = f;
    totals.replays++;
}

static void disturb(void)
{
    if (w.log_count > 0 && chance(w.replay_percent))
        replay((uint32_t)prng_below(&w.prng, w.log_count));
    if (!chance(w.event_percent) || !chance(20))
        return;
    struct end *e = &w.ends[prng_below(&w.prng, 2)];
    if (chance(50)) {
        seal_peer_renew(&e->s);
        totals.renewals++;
    } else {
        seal_peer_close(&e->s);
        start_end(e);
        totals.restarts++;
    }
}

static void step(void)
{
    w.now_ms += STEP_MS;
    if (!w.is_calm)
        disturb();
    for (uint32_t i = 0; i < w.flights_count;) {
        if (w.flights[i].at_ms > w.now_ms) {
            i++;
            continue;
        }
        struct flight f = w.flights[i];
        w.flights_count--;
        memmove(&w.flights[i], &w.flights[i + 1],
                (w.flights_count - i) * sizeof w.flights[0]); /* keeps order */
        receive(&w.ends[f.to], &w.log[f.packet]);
    }
    tick(&w.ends[0]);
    tick(&w.ends[1]);
}

static bool is_one_session(void)
{
    const struct seal_peer *x = &w.ends[0].s, *y = &w.ends[1].s;
    return seal_peer_is_live(x) && seal_peer_is_live(y) && !seal_peer_wants_hello(x) &&
           !seal_peer_wants_hello(y) && seal_peer_session(x) == seal_peer_session(y);
}

/* An orderly link, on which at most things come that were sent before. In the end all must be one,
 * and since some time; and what was sent meanwhile must have opened. */
static void demand_convergence(void)
{
    uint64_t began_ms = w.now_ms, one_ms = 0;
    uint32_t first = 0, last = 0; /* packets sent when all was well */
    while (w.now_ms < began_ms + CALM_MS) {
        step();
        if (!is_one_session())
            one_ms = 0;
        else if (one_ms == 0)
            one_ms = w.now_ms;
        if (w.now_ms <= began_ms + CONVERGED_MS_MAX)
            first = w.log_count;
        if (w.now_ms <= began_ms + CALM_MS - SETTLED_MS)
            last = w.log_count;
    }
    DEMAND(one_ms != 0);
    if (one_ms - began_ms > totals.slowest_ms)
        totals.slowest_ms = one_ms - began_ms;
    DEMAND(one_ms - began_ms <= CONVERGED_MS_MAX);
    DEMAND(last >= first + 10);
    for (uint32_t i = first; i < last; i++)
        DEMAND(w.log[i].is_opened);
}

/* Everything old comes again, now and then, to either side, on a link that is otherwise orderly:
 * both stay live, and no message is lost. */
static void demand_that_replays_cost_nothing(void)
{
    uint32_t first = w.log_count, last = first;
    uint64_t began_ms = w.now_ms;
    while (w.now_ms < began_ms + REPLAYS_MS) {
        if (chance(2) && w.now_ms <= began_ms + REPLAYS_MS - 2 * HELLO_MS_MOST)
            replay((uint32_t)prng_below(&w.prng, first));
        step();
        DEMAND(seal_peer_is_live(&w.ends[0].s));
        DEMAND(seal_peer_is_live(&w.ends[1].s));
        if (w.now_ms <= began_ms + REPLAYS_MS - SETTLED_MS)
            last = w.log_count;
    }
    DEMAND(is_one_session());
    for (uint32_t i = first; i < last; i++)
        DEMAND(w.log[i].is_opened || !w.log[i].is_message);
}

static void run(uint64_t seed)
{
    memset(&w, 0, offsetof(struct world, log));
    w.log_count = w.flights_count = w.sessions_count = 0;
    w.is_calm = false;
    w.seed = seed;
    w.keys = &keys;
    w.prng = prng_of(seed);
    w.random = prng_of(seed + ((uint64_t)1 << 32));
    static const uint32_t losses[] = {0, 10, 30, 60, 90};
    w.loss_percent = losses[prng_below(&w.prng, 5)];
    w.repeat_percent = (uint32_t)prng_below(&w.prng, 30);
    w.late_percent = (uint32_t)prng_below(&w.prng, 60);
    w.replay_percent = chance(50) ? (uint32_t)prng_below(&w.prng, 20) : 0;
    w.event_percent = chance(70) ? (uint32_t)prng_below(&w.prng, 20) : 0;
    for (uint8_t i = 0; i < 2; i++) {
        w.ends[i].me = i;
        start_end(&w.ends[i]);
    }
    uint64_t chaos_ms = prng_below(&w.prng, CHAOS_MS_MAX);
    while (w.now_ms < chaos_ms)
        step();
    w.is_calm = true;
    w.fifo_ms[0] = w.fifo_ms[1] = w.now_ms;
    demand_convergence();
    demand_that_replays_cost_nothing();
    totals.sessions += w.sessions_count;
    for (uint32_t i = 0; i < w.log_count; i++)
        mem_free(w.log[i].data);
    for (int i = 0; i < 2; i++)
        seal_peer_close(&w.ends[i].s);
}

static void schedules_of_all_kinds_end_in_one_session(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= schedules; seed++)
        run(seed);
    print_message(
        "# restarts %llu, renewals %llu, replays %llu, frames opened %llu, sessions %llu, "
        "slowest %llu ms\n",
        (unsigned long long)totals.restarts, (unsigned long long)totals.renewals,
        (unsigned long long)totals.replays, (unsigned long long)totals.opened,
        (unsigned long long)totals.sessions, (unsigned long long)totals.slowest_ms);
    assert_true(totals.restarts > 2 * schedules); /* all of it did happen */
    assert_true(totals.renewals > 2 * schedules);
    assert_true(totals.replays > 20 * schedules);
    assert_true(totals.opened > 80 * schedules);
}

/* An argument says how many schedules, for a longer run. */
int main(int argc, char **argv)
{
    if (argc > 1)
        schedules = strtoull(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {TEST(schedules_of_all_kinds_end_in_one_session)};
    return cmocka_run_group_tests_name("seal_lossy", tests, NULL, NULL);
}
