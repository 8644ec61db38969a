/* States that rot: one entry of one node's state is not what the chain gives any more, under
 * checksums and hashes that all hold (8.2, pitfalls C1); or a bit of the tree is another, and its
 * checksum shows that to whoever reads it. That only where a certified state is known: without one
 * it ends the node as for a fault. Such a node counts towards f until it has found that out, by a
 * root that a quorum signed or by its checksums, and has discarded the state, or was far behind,
 * and stands on a new one, taken from the others; by then it is as sound as they are, and is held
 * to all that they are. */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "tests/help/rot.h"
#include "tests/sim/world.h"

static uint32_t bit(const struct sim_node *n)
{
    return (uint32_t)1 << n->index;
}

/* Of the snapshot that it stands on; 0: none. */
static uint64_t base_height(struct kv_view *view)
{
    struct bytes value;
    struct block_header header = {.height = 0};
    if (kv_get(view, KV_META, bytes_of_text("history"), &value) == RC_OK) {
        struct rd r = rd_of(value);
        block_header_decode(&r, &header);
    }
    return header.height;
}

/* One that takes a state in has none that could rot. */
static bool has_state(struct sim *s, struct sim_node *n)
{
    struct kv_view *view;
    struct bytes value;
    struct why why = {{0}};
    if (kv_view_open(&view, n->kv, &why) != RC_OK)
        sim_fail(s, n->index, "a disk can be read", "%s", why.text);
    n->rotten_base = base_height(view);
    bool has = kv_get(view, KV_META, bytes_of_text("intake"), &value) == RC_NOT_FOUND;
    uint64_t certificates = 0;
    CHECK(kv_count(view, KV_CHECKPOINT, &certificates) == RC_OK);
    n->can_diverge = certificates > 0;
    kv_view_close(view);
    return has;
}

static void rot(struct sim *s, void *context, uint64_t number)
{
    struct sim_node *n = context;
    (void)number;
    if (s->is_healed || n->is_gone)
        return;
    if (n->driver != NULL)
        sim_node_crash(s, n->index, SIM_AT_IDLE);
    if (!has_state(s, n))
        return;
    s->faulty |= bit(n);
    sim_check_lied(s, n->index);
    uint64_t entry = sim_between(s, 0, 1000);
    bool shows = n->can_diverge && entry % 2 == 0;
    uint64_t height = shows ? rot_top_node(n->kv) : rot_state(n->kv, entry);
    n->rot_shows = shows;
    s->counts.rots++;
    sim_say(s, n->index, "its state of height %" PRIu64 " rots", height);
}

void sim_rots_start(struct sim *s)
{
    uint32_t first = s->plan.has_view_change ? 0 : 1, most = sim_faults_left(s);
    for (uint32_t left = s->plan.rots_count < most ? s->plan.rots_count : most; left > 0;) {
        uint32_t i = (uint32_t)sim_between(s, first, s->plan.members_count - 1);
        if (((s->liars | s->faulty | sim_byzantine(s)) >> i & 1) != 0)
            continue;
        left--;
        s->liars |= bit(&s->nodes[i]);
        s->rotting |= bit(&s->nodes[i]);
        sim_at(s, sim_between(s, 0, s->plan.faults_us - 1), rot, &s->nodes[i]);
    }
}

void sim_rot_started(struct sim *s, struct sim_node *n)
{
    struct driver_look look;
    if (!sim_is_rotten(s, n->index))
        return;
    driver_look(n->driver, &look);
    if (look.is_diverged) {
        s->counts.diverged += !n->has_diverged;
        n->has_diverged = true;
        sim_say(s, n->index, "knows that its state is not the certified one");
        return;
    }
    /* Who was far behind may have taken a state before it could notice. */
    struct block_header base = {.height = 0};
    (void)store_snapshot_header(n->store, &base);
    if (!n->has_diverged && base.height <= n->rotten_base)
        return;
    s->faulty &= ~bit(n);
    s->counts.recovered++;
    sim_say(s, n->index, "has a sound state again");
}

/* A checksum shows it to whoever reads it; who is at work, and as far as the others, has had no
 * reason to, and none may come any more. */
bool sim_is_rot_unread(const struct sim *s, uint32_t index)
{
    const struct sim_node *n = &s->nodes[index];
    struct driver_look look;
    if (!n->rot_shows || n->has_diverged || n->driver == NULL || n->in_flight != NULL)
        return false;
    driver_look(n->driver, &look);
    return !look.is_diverged && look.durable_height == sim_check_height(s);
}

bool sim_is_rotten(const struct sim *s, uint32_t index)
{
    return (s->faulty & s->rotting) >> index & 1;
}
