/* The cache of verified transactions: a ring of digests, oldest first, and a hash set of places in
 * it. Open addressing with linear probing; a slot that becomes free is filled by shifting back what
 * had to go past it, so that there are no tombstones to clean up. */
#include "node/verify.h"

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/shorthash.h"

enum {
    TXS_MAX = 1 << 24,    /* what verify_cache_new() takes: half a GiB of digests */
    SLOTS_PER_TX_MIN = 2, /* at most half of the slots are taken: runs stay short, and end */
    KEY_DOMAIN = 0        /* shorthash(): one kind of key only */
};

struct verify_cache {
    struct shorthash_key key;
    uint32_t txs_max;
    uint32_t txs_count;
    uint32_t next; /* place in the ring that is written next; the oldest when the ring is full */
    uint32_t slots_mask;
    struct digest *ring;
    uint32_t *slots; /* place in the ring + 1; 0 = free */
};

struct verify_cache *verify_cache_new(uint32_t txs_max)
{
    CHECK(txs_max >= 1);
    CHECK(txs_max <= TXS_MAX);
    struct verify_cache *c = mem_alloc(sizeof *c);
    uint32_t slots_count = 1;
    while (slots_count < SLOTS_PER_TX_MIN * txs_max)
        slots_count *= 2;
    crypto_random(&c->key, sizeof c->key);
    c->txs_max = txs_max;
    c->slots_mask = slots_count - 1;
    c->ring = mem_alloc(txs_max * sizeof *c->ring);
    c->slots = mem_alloc(slots_count * sizeof *c->slots);
    return c;
}

void verify_cache_free(struct verify_cache *c)
{
    if (c == NULL)
        return;
    mem_free(c->slots);
    mem_free(c->ring);
    mem_free(c);
}

/* The very bytes, signature included (pitfalls H3). */
static void digest_of_tx(struct digest *out, const struct tx *tx)
{
    struct hasher h;
    hasher_start(&h, TAG_TX_VERIFIED);
    hasher_add_bytes(&h, tx->body);
    hasher_add(&h, tx->signature.bytes, SIGNATURE_BYTES);
    hasher_end(&h, out);
}

/* Whoever signs can also search for digests that share their low bits, so a digest's own bytes
 * would let one client make all runs long; the secret key does not. What the cache holds does not
 * depend on it. */
static uint32_t home_of(const struct verify_cache *c, const struct digest *d)
{
    return (uint32_t)shorthash(&c->key, KEY_DOMAIN, bytes_of(d->bytes, DIGEST_BYTES)) &
           c->slots_mask;
}

static const struct digest *digest_at(const struct verify_cache *c, uint32_t slot)
{
    CHECK(c->slots[slot] >= 1);
    CHECK(c->slots[slot] <= c->txs_max);
    return &c->ring[c->slots[slot] - 1];
}

/* The slot of a digest, or the free one where it belongs. */
static uint32_t slot_of(const struct verify_cache *c, const struct digest *d)
{
    uint32_t slot = home_of(c, d);
    while (c->slots[slot] != 0 && !digest_equal(digest_at(c, slot), d))
        slot = (slot + 1) & c->slots_mask;
    return slot;
}

/* Free a slot, then move into the hole what was pushed past it, until the run ends. */
static void free_slot(struct verify_cache *c, uint32_t hole)
{
    for (uint32_t slot = (hole + 1) & c->slots_mask; c->slots[slot] != 0;
         slot = (slot + 1) & c->slots_mask) {
        uint32_t from_home = (slot - home_of(c, digest_at(c, slot))) & c->slots_mask;
        uint32_t from_hole = (slot - hole) & c->slots_mask;
        if (from_home < from_hole)
            continue; /* its home lies behind the hole */
        c->slots[hole] = c->slots[slot];
        hole = slot;
    }
    c->slots[hole] = 0;
}

static void forget_oldest(struct verify_cache *c)
{
    uint32_t slot = slot_of(c, &c->ring[c->next]);
    CHECK(c->txs_count == c->txs_max);
    CHECK(c->slots[slot] == c->next + 1);
    free_slot(c, slot);
    c->txs_count--;
}

bool verify_cache_has(const struct verify_cache *c, const struct tx *tx)
{
    struct digest d;
    digest_of_tx(&d, tx);
    return c->slots[slot_of(c, &d)] != 0;
}

void verify_cache_add(struct verify_cache *c, const struct tx *tx)
{
    struct digest d;
    digest_of_tx(&d, tx);
    if (c->slots[slot_of(c, &d)] != 0)
        return; /* known: it keeps its age */
    if (c->txs_count == c->txs_max)
        forget_oldest(c);
    c->ring[c->next] = d;
    c->slots[slot_of(c, &d)] = c->next + 1;
    c->next = (c->next + 1) % c->txs_max;
    c->txs_count++;
}
