/* The network: it loses, delays, doubles, reorders and damages messages; links.c says what a link
 * is like, and when it is cut. What is on the way arrives, whatever becomes of its sender. Real
 * links are authenticated and in order; here neither is taken for granted. */
#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/world.h"

enum {
    LATE_TIMES_MAX = 20,  /* so many times the delay */
    FLOOD_MAX = 60,       /* copies of one FETCH */
    LATE_LEAST_US = 5000, /* also in a network with hardly any delay */
    DAMAGE_BYTES_MAX = 64 /* added behind, at most */
};

/* ---- damage ---- */

/* One byte differs, some are missing at the end, some come behind, or all are others. */
static struct sim_packet *damaged_copy(struct sim *s, uint32_t to, struct bytes message)
{
    uint64_t kind = sim_between(s, 0, 9);
    struct buf bytes = {0};
    if (kind == 0 && message.size > 1) {
        buf_add(&bytes, message.data, sim_between(s, 0, message.size - 1));
    } else if (kind == 1) {
        buf_add_bytes(&bytes, message);
        size_t more = sim_between(s, 1, DAMAGE_BYTES_MAX);
        prng_fill(&s->prng, buf_grow(&bytes, more), more);
    } else if (kind == 2) {
        size_t size = sim_between(s, 0, 2 * DAMAGE_BYTES_MAX);
        prng_fill(&s->prng, buf_grow(&bytes, size), size);
        if (size > 0 && message.size > 0)
            bytes.data[0] = message.data[0]; /* of the type that it was, to get past that */
    } else if (message.size > 0) {
        buf_add_bytes(&bytes, message);
        bytes.data[sim_between(s, 0, message.size - 1)] ^= (uint8_t)(1u << sim_between(s, 0, 7));
    }
    struct sim_packet *p = sim_packet_new(s, PACKET_MESSAGE, to, buf_bytes(&bytes));
    buf_free(&bytes);
    return p;
}

/* ---- messages ---- */

static const char *type_word(struct bytes message)
{
    uint8_t type = message.size > 0 ? message.data[0] : 0;
    bool is_known = type >= PBFT_PRE_PREPARE && type < PBFT_MSG_TYPE_END;
    return is_known ? pbft_msg_name((enum pbft_msg_type)type) : "?";
}

/* PRE-PREPARE, PREPARE and COMMIT begin alike: type, from, epoch, view, height. */
static uint64_t height_of(struct bytes message)
{
    struct rd r = rd_of(message);
    uint8_t type = rd_u8(&r);
    if (type != PBFT_PRE_PREPARE && type != PBFT_PREPARE && type != PBFT_COMMIT)
        return 0;
    (void)rd_u8(&r);
    (void)rd_u64(&r);
    (void)rd_u64(&r);
    return rd_u64(&r);
}

static void arrive(struct sim *s, void *context, uint64_t number)
{
    struct sim_packet *p = context;
    struct bytes message = bytes_of(p->bytes, p->size);
    (void)number;
    uint32_t place = sim_byz_arrives(s, p->from, p->to, message);
    if (place == UINT32_MAX) {
        sim_packet_free(s, p);
        return;
    }
    p->to = place;
    if (s->nodes[p->to].driver != NULL)
        sim_say(s, p->to, "< %u %s %" PRIu64, p->from, type_word(message), height_of(message));
    sim_node_take(s, p);
}

/* In order, unless this network may let one come late. */
static uint64_t arrival_us(struct sim *s, uint32_t from, uint32_t to, size_t size, bool *is_late)
{
    struct sim_link *link = &s->links[from][to];
    uint64_t delay_us = sim_link_delay_us(s, link, size);
    *is_late = sim_fault(s, s->plan.late_ppm);
    if (*is_late) {
        s->counts.late++;
        return s->now_us + (delay_us + LATE_LEAST_US) * sim_between(s, 2, LATE_TIMES_MAX);
    }
    uint64_t at_us = s->now_us + delay_us;
    if (s->plan.late_ppm == 0 && at_us < link->arrives_us)
        at_us = link->arrives_us;
    link->arrives_us = at_us;
    return at_us;
}

static void send_copy(struct sim *s, uint32_t from, uint32_t to, struct bytes message)
{
    bool is_late = false, is_damaged = sim_fault(s, s->plan.corrupt_ppm);
    struct sim_packet *p =
        is_damaged ? damaged_copy(s, to, message) : sim_packet_new(s, PACKET_MESSAGE, to, message);
    s->counts.corrupted += is_damaged;
    p->from = from;
    uint64_t at_us = arrival_us(s, from, to, p->size, &is_late);
    sim_say(s, from, "> %u %s %" PRIu64 ", %zu bytes, %08x, for %" PRIu64 "%s%s", to,
            type_word(message), height_of(message), message.size,
            sim_word_of(bytes_of(p->bytes, p->size)), at_us, is_late ? ", late" : "",
            is_damaged ? ", damaged" : "");
    sim_at(s, at_us, arrive, p);
}

void sim_network_send(struct sim *s, uint32_t from, uint32_t to, struct bytes message)
{
    CHECK(to < s->plan.members_count && to != from);
    s->counts.messages++;
    const struct sim_link *link = &s->links[from][to];
    bool is_cut = link->is_cut && !s->is_flapped;
    bool is_lost = sim_fault(s, link->loss_ppm) || sim_link_is_full(s, link);
    if (is_lost || is_cut) {
        *(is_cut ? &s->counts.cut : &s->counts.lost) += 1;
        sim_say(s, from, "> %u %s %" PRIu64 " is lost", to, type_word(message), height_of(message));
        return;
    }
    send_copy(s, from, to, message);
    bool is_fetch = message.size > 0 && message.data[0] == PBFT_FETCH;
    uint32_t copies = is_fetch && sim_fault(s, s->plan.flood_ppm) ? FLOOD_MAX : 0;
    for (uint32_t i = 0; i < copies; i++)
        send_copy(s, from, to, message);
    if (sim_fault(s, s->plan.double_ppm)) {
        s->counts.doubled++;
        send_copy(s, from, to, message);
    }
}
