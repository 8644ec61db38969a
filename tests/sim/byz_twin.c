/* Twins (Bano et al., OPODIS 2021): one identity run twice, on two disks. Each talks with a part of
 * the members, which changes from phase to phase; so one key equivocates by doing nothing wrong.
 * The second driver stands at a place behind all members. */
#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tests/sim/byz_parts.h"

static uint32_t second_node(uint32_t twin)
{
    return SIM_NODES_MAX + twin;
}

/* The twin that this member is; SIM_TWINS_MAX: it is none. */
static uint32_t twin_of_member(const struct sim *s, uint32_t member)
{
    for (uint32_t i = 0; i < s->byz->twins_count; i++)
        if (s->byz->twin_of[i] == member)
            return i;
    return SIM_TWINS_MAX;
}

bool byz_twin_talks(const struct sim *s, uint32_t node_index, uint32_t with)
{
    bool is_second = node_index >= SIM_NODES_MAX;
    uint32_t twin = is_second ? node_index - SIM_NODES_MAX : twin_of_member(s, node_index);
    return twin == SIM_TWINS_MAX || (s->byz->twin_side[twin][is_second] >> with & 1) != 0;
}

uint32_t byz_twin_node(struct sim *s, uint32_t from, uint32_t to)
{
    uint32_t twin = twin_of_member(s, to);
    if (twin == SIM_TWINS_MAX)
        return to;
    bool hears[2] = {(s->byz->twin_side[twin][0] >> from & 1) != 0,
                     (s->byz->twin_side[twin][1] >> from & 1) != 0};
    if (hears[0] && hears[1]) /* each message reaches one of them */
        return sim_luck(s, 500000) ? to : second_node(twin);
    return hears[0] ? to : hears[1] ? second_node(twin) : UINT32_MAX;
}

/* Each member talks with one of the two, with both, or with none of them. */
static void next_phase(struct sim *s, void *context, uint64_t number)
{
    enum { PHASE_MIN_US = 100000, PHASE_MAX_US = 2000000 };
    uint32_t twin = (uint32_t)((uint32_t(*)[2])context - s->byz->twin_side);
    uint32_t all = ((uint32_t)1 << s->plan.members_count) - 1;
    uint32_t *side = s->byz->twin_side[twin];
    (void)number;
    side[0] = (uint32_t)sim_between(s, 0, all);
    side[1] = sim_luck(s, 700000) ? all & ~side[0] : (uint32_t)sim_between(s, 0, all);
    s->counts.byz[BYZ_TWIN]++;
    sim_say(s, second_node(twin), "the twin of %u: %02x and %02x", s->byz->twin_of[twin], side[0],
            side[1]);
    sim_at(s, s->now_us + sim_between(s, PHASE_MIN_US, PHASE_MAX_US), next_phase, context);
}

static void start_one(struct sim *s, uint32_t member)
{
    uint32_t twin = s->byz->twins_count++;
    struct sim_node *n = &s->nodes[second_node(twin)];
    s->byz->twin_of[twin] = member;
    n->key = s->nodes[member].key;
    n->member = member;
    sim_node_make(s, second_node(twin));
    sim_node_start(s, second_node(twin));
    next_phase(s, &s->byz->twin_side[twin], 0);
}

void byz_twins_start(struct sim *s)
{
    for (uint32_t i = 0; i < s->plan.members_count && s->byz->twins_count < SIM_TWINS_MAX; i++)
        if (sim_is_byzantine(s, i) && byz_has(s, i, BYZ_TWIN))
            start_one(s, i);
}

void byz_twins_close(struct sim *s)
{
    for (uint32_t i = 0; i < s->byz->twins_count; i++)
        sim_node_close(s, second_node(i));
}
