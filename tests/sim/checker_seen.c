/* What the checkers have seen of all nodes together: who has voted COMMIT for what, which
 * certificates there are, and how large the blocks are that were proposed. No node is asked. */
#include <inttypes.h>
#include <string.h>

#include "tests/sim/checker_parts.h"

/* ---- certificates ---- */

static void raise_certified(struct check_node *n, uint64_t height)
{
    if (n->certified_height < height)
        n->certified_height = height;
}

static uint32_t count(uint32_t members)
{
    uint32_t bits = 0;
    for (; members != 0; members &= members - 1)
        bits++;
    return bits;
}

/* By its block, and by the epoch and view in which it is voted for. */
static struct digest key_of(uint64_t epoch, uint64_t view, const struct digest *digest)
{
    struct digest key = *digest;
    for (int i = 0; i < 8; i++) {
        key.bytes[i] ^= (uint8_t)(epoch >> 8 * i);
        key.bytes[8 + i] ^= (uint8_t)(view >> 8 * i);
    }
    return key;
}

/* A node may hold a certificate, and thus commit, once a quorum has voted, its own vote included:
 * that one need not be seen, since its record goes in the very batch that commits. Byzantine ones
 * vote for anything. */
void check_saw_commit(struct sim *s, uint32_t node, uint64_t epoch, uint64_t view, uint64_t height,
                      const struct digest *digest)
{
    struct digest key = key_of(epoch, view, digest);
    struct check_value *voted = check_map_put(&s->checker->commits, &key);
    voted->members |= (uint32_t)1 << node;
    for (uint32_t i = 0; i < s->plan.members_count; i++)
        if (count((voted->members | sim_byzantine(s)) & ~((uint32_t)1 << i)) + 1 >=
            quorum_of(s->plan.members_count))
            raise_certified(&s->checker->nodes[i], height);
}

/* It may have been sent to anybody. */
void check_saw_certificate(struct sim *s, const struct certificate *c)
{
    for (uint32_t i = 0; c->statement.kind == CERT_COMMIT && i < s->plan.members_count; i++)
        raise_certified(&s->checker->nodes[i], c->statement.height);
}

/* A block is committed by a COMMIT certificate at or above it (5.6). */
void check_certified(struct sim *s, uint32_t node, uint64_t height)
{
    const struct check_node *n = &s->checker->nodes[node];
    if (s->plan.byz.is_marked)
        return; /* with its own vote they may be a quorum, and that one is not seen before */
    if (height > n->certified_height)
        sim_fail(s, node, "committed is certified",
                 "height %" PRIu64
                 " is committed; the highest certificate that there can be here is "
                 "of height %" PRIu64,
                 height, n->certified_height);
}

/* ---- bodies ---- */

void check_saw_body(struct sim *s, uint64_t height, size_t size)
{
    struct sim_checker *c = s->checker;
    if (height >= c->body_bytes_count) {
        size_t before = c->body_bytes_count;
        c->body_bytes_count = 2 * height + 256;
        c->body_bytes = mem_resize(c->body_bytes, c->body_bytes_count * sizeof *c->body_bytes);
        for (size_t i = before; i < c->body_bytes_count; i++)
            c->body_bytes[i] = 0;
    }
    if (height > c->body_top_height)
        c->body_top_height = height;
    if (c->body_bytes[height] < size)
        c->body_bytes[height] = size;
}

uint64_t check_bodies_bytes_above(const struct sim *s, uint64_t height)
{
    uint64_t bytes = 0;
    for (uint64_t h = height + 1; h <= s->checker->body_top_height; h++)
        bytes += s->checker->body_bytes[h];
    return bytes;
}

void check_saw_root(struct sim *s, uint32_t node, uint64_t height, const struct digest *root)
{
    struct digest key = {{0}};
    memcpy(key.bytes, &height, sizeof height);
    struct check_value *known = check_map_find(&s->checker->roots, &key);
    if (known == NULL) {
        known = check_map_put(&s->checker->roots, &key);
        known->digest = *root;
    }
    if (!digest_equal(&known->digest, root))
        sim_fail(s, node, "state roots are equal", "height %" PRIu64, height);
}

void check_count_checkpoint(struct sim *s, uint64_t height)
{
    struct digest key = {{0}};
    memcpy(key.bytes, &height, sizeof height);
    struct check_value *root = check_map_find(&s->checker->roots, &key);
    s->counts.checkpoints += root != NULL && root->members == 0;
    if (root != NULL)
        root->members = 1;
}
