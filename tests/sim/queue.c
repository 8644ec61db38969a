/* Virtual time: a binary heap of events by time, then by number, so that nothing is left to chance;
 * and the packets that events carry, listed so that none is lost at the end. */
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/world.h"

struct event {
    uint64_t at_us;
    uint64_t number;
    sim_action *action;
    void *context;
};

struct sim_queue {
    struct event *events; /* a heap */
    size_t count, room;
    uint64_t last_number;
    uint64_t *cancelled; /* a bit per number, as far as any was cancelled */
    size_t cancelled_words;
    struct sim_packet packets; /* head of the list */
};

void sim_queue_open(struct sim *s)
{
    struct sim_queue *q = mem_alloc(sizeof *q);
    q->packets.next = q->packets.prev = &q->packets;
    s->queue = q;
}

void sim_queue_close(struct sim *s)
{
    struct sim_queue *q = s->queue;
    while (q->packets.next != &q->packets)
        sim_packet_free(s, q->packets.next);
    mem_free(q->events);
    mem_free(q->cancelled);
    mem_free(q);
    s->queue = NULL;
}

/* ---- the heap ---- */

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

uint64_t sim_at(struct sim *s, uint64_t at_us, sim_action *action, void *context)
{
    struct sim_queue *q = s->queue;
    struct event new = {.at_us = at_us > s->now_us ? at_us : s->now_us,
                        .number = ++q->last_number,
                        .action = action,
                        .context = context};
    if (q->count == q->room) {
        q->room = q->room * 2 + 256;
        q->events = mem_resize(q->events, q->room * sizeof *q->events);
    }
    size_t at = q->count++;
    for (; at > 0 && is_before(&new, &q->events[(at - 1) / 2]); at = (at - 1) / 2)
        q->events[at] = q->events[(at - 1) / 2];
    q->events[at] = new;
    return new.number;
}

static struct event take_first(struct sim_queue *q)
{
    struct event first = q->events[0];
    struct event last = q->events[--q->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= q->count)
            break;
        if (child + 1 < q->count && is_before(&q->events[child + 1], &q->events[child]))
            child++;
        if (!is_before(&q->events[child], &last))
            break;
        q->events[at] = q->events[child];
        at = child;
    }
    if (q->count > 0)
        q->events[at] = last;
    return first;
}

/* Lazily: the event stays in the heap, and is passed over when its time comes. */
void sim_cancel(struct sim *s, uint64_t number)
{
    struct sim_queue *q = s->queue;
    size_t word = number / 64;
    CHECK(number != 0 && number <= q->last_number);
    if (word >= q->cancelled_words) {
        size_t words = word * 2 + 64;
        q->cancelled = mem_resize(q->cancelled, words * sizeof *q->cancelled);
        memset(q->cancelled + q->cancelled_words, 0,
               (words - q->cancelled_words) * sizeof *q->cancelled);
        q->cancelled_words = words;
    }
    q->cancelled[word] |= UINT64_C(1) << number % 64;
}

static bool is_cancelled(const struct sim_queue *q, uint64_t number)
{
    return number / 64 < q->cancelled_words && (q->cancelled[number / 64] >> number % 64 & 1) != 0;
}

bool sim_queue_step(struct sim *s, uint64_t until_us)
{
    struct sim_queue *q = s->queue;
    if (q->count == 0 || q->events[0].at_us > until_us) {
        if (until_us > s->now_us)
            s->now_us = until_us;
        return false;
    }
    struct event e = take_first(q);
    s->now_us = e.at_us;
    if (is_cancelled(q, e.number))
        return true;
    s->counts.events++;
    e.action(s, e.context, e.number);
    return true;
}

/* ---- packets ---- */

struct sim_packet *sim_packet_new(struct sim *s, enum sim_packet_type type, uint32_t to,
                                  struct bytes bytes)
{
    struct sim_queue *q = s->queue;
    struct sim_packet *p = mem_alloc(sizeof *p + bytes.size);
    p->type = type;
    p->to = to;
    p->size = bytes.size;
    if (bytes.size > 0)
        memcpy(p->bytes, bytes.data, bytes.size);
    p->prev = &q->packets;
    p->next = q->packets.next;
    p->next->prev = q->packets.next = p;
    return p;
}

void sim_packet_free(struct sim *s, struct sim_packet *p)
{
    (void)s;
    p->next->prev = p->prev;
    p->prev->next = p->next;
    mem_free(p);
}
