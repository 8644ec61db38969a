/* The log of heights: what is known at each height of the window. Slots are reused as the window
 * moves; a slot belongs to the height written in it. */
#include <stddef.h>
#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/state.h"

uint32_t pbft_primary(const struct pbft *p, uint64_t view)
{
    return pbft_primary_of(p->config.epoch, view, p->config.members.members_count);
}

bool pbft_in_window(const struct pbft *p, uint64_t height)
{
    return height > p->committed.height &&
           height - p->committed.height <= 2 * p->config.window_heights;
}

bool pbft_is_votable(const struct pbft *p, uint64_t height)
{
    /* What the base is shows with the NEW-VIEW; votes for it may come before. */
    bool may_be_base = p->mode == PBFT_CHANGING || height == p->base.height;
    bool is_base = p->view > 0 && may_be_base && height == p->committed.height;
    return is_base || pbft_in_window(p, height);
}

struct pbft_slot *pbft_slot_find(const struct pbft *p, uint64_t height)
{
    if (height > p->slots_top_height)
        return NULL; /* most of a window is empty: its memory is not even fetched */
    struct pbft_slot *slot = &p->slots[height % p->slots_count];
    return slot->is_used && slot->height == height ? slot : NULL;
}

struct pbft_slot *pbft_slot_at(struct pbft *p, uint64_t height)
{
    CHECK(pbft_is_votable(p, height));
    struct pbft_slot *slot = &p->slots[height % p->slots_count];
    if (!slot->is_used || slot->height != height) {
        CHECK(slot->height <= p->committed.height); /* slots_count is twice the window */
        memset(slot, 0,
               offsetof(struct pbft_slot, ballots) +
                   p->config.members.members_count * sizeof slot->ballots[0]);
        slot->is_used = true;
        slot->height = height;
        if (height > p->slots_top_height)
            p->slots_top_height = height;
    }
    return slot;
}

struct pbft_known *pbft_known_find(const struct pbft *p, uint64_t height,
                                   const struct digest *digest)
{
    struct pbft_slot *slot = pbft_slot_find(p, height);
    if (slot == NULL)
        return NULL;
    for (int i = 0; i < PBFT_SLOT_BLOCKS; i++) {
        struct pbft_known *known = &slot->known[i];
        if (known->is_used && digest_equal(&known->block.digest, digest))
            return known;
    }
    return NULL;
}

static bool is_certified(const struct pbft *p, uint64_t height, const struct digest *digest)
{
    const struct certificate *base = pbft_awaited_base(p);
    return pbft_is_covered(p, CERT_COMMIT, height, digest) ||
           pbft_is_covered(p, CERT_PREPARE, height, digest) ||
           (base != NULL && pbft_covers(p, base, height, digest));
}

/* 16: where a certificate names one block of a height, nothing comes any more of others that only
 * votes or a liar's proposal named. A proposal goes last: a second one is told by the first (5.3).
 */
static struct pbft_known *place_for(const struct pbft *p, struct pbft_slot *slot,
                                    const struct digest *digest)
{
    struct pbft_known *place = NULL;
    for (int i = 0; i < PBFT_SLOT_BLOCKS; i++)
        if (!slot->known[i].is_used)
            return &slot->known[i];
    if (!is_certified(p, slot->height, digest))
        return NULL;
    for (int i = 0; i < PBFT_SLOT_BLOCKS; i++) {
        struct pbft_known *known = &slot->known[i];
        if (known->is_durable || is_certified(p, slot->height, &known->block.digest))
            continue;
        if (place == NULL || place->is_proposed)
            place = known;
    }
    return place;
}

bool pbft_has_room(const struct pbft *p, const struct pbft_block *block)
{
    struct pbft_slot *slot = pbft_slot_find(p, block->height);
    return slot == NULL || place_for(p, slot, &block->digest) != NULL;
}

struct pbft_known *pbft_known_at(struct pbft *p, const struct pbft_block *block)
{
    struct pbft_known *known = pbft_known_find(p, block->height, &block->digest);
    if (known != NULL)
        return known;
    known = place_for(p, pbft_slot_at(p, block->height), &block->digest);
    if (known != NULL)
        *known = (struct pbft_known){.is_used = true, .block = *block};
    return known;
}

/* Reverse what was collected from the top down. */
static void reverse(struct pbft_block *blocks, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct pbft_block swap = blocks[i];
        blocks[i] = blocks[count - 1 - i];
        blocks[count - 1 - i] = swap;
    }
}

struct pbft_chain pbft_chain_to(struct pbft *p, uint64_t height, const struct digest *digest)
{
    struct pbft_chain chain = {0};
    struct digest next = *digest;
    CHECK(pbft_in_window(p, height));
    for (uint64_t at = height; at > p->committed.height; at--) {
        const struct pbft_known *known = pbft_known_find(p, at, &next);
        if (known == NULL)
            return (struct pbft_chain){0};
        CHECK(chain.count < 2 * p->config.window_heights);
        p->chain[chain.count++] = known->block;
        next = known->block.parent;
    }
    chain.is_linked = true;
    reverse(p->chain, chain.count);
    for (size_t i = 0; i < chain.count; i++) {
        const struct pbft_block *block = &p->chain[i];
        if (!pbft_known_find(p, block->height, &block->digest)->has_body)
            break;
        chain.bodies_count++;
    }
    return chain;
}

struct pbft_block pbft_missing_below(const struct pbft *p, const struct certificate *c)
{
    struct pbft_block missing = {.height = 0};
    struct digest next = c->statement.digest;
    if (c->entries_count == 0 || !pbft_in_window(p, c->statement.height))
        return missing;
    for (uint64_t at = c->statement.height; at > p->committed.height; at--) {
        const struct pbft_known *known = pbft_known_find(p, at, &next);
        if (known == NULL)
            return (struct pbft_block){.height = at, .digest = next};
        if (!known->has_body)
            missing = known->block;
        next = known->block.parent;
    }
    return missing;
}

bool pbft_covers(const struct pbft *p, const struct certificate *c, uint64_t height,
                 const struct digest *digest)
{
    struct digest next = c->statement.digest;
    if (c->entries_count == 0 || c->statement.height < height ||
        !pbft_is_votable(p, c->statement.height))
        return false;
    for (uint64_t at = c->statement.height; at > height; at--) {
        const struct pbft_known *known = pbft_known_find(p, at, &next);
        if (known == NULL)
            return false;
        next = known->block.parent;
    }
    return digest_equal(&next, digest);
}
