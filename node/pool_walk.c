/* Candidates for a block, oldest first: a heap of keys, each with its next nonce on offer. */
#include "node/pool_parts.h"

#include "crypto/base/check.h"

static bool is_older(const struct pool_key *a, const struct pool_key *b)
{
    return a->candidate->arrival < b->candidate->arrival;
}

static void sift_up(struct pool_walk *w, uint32_t at)
{
    struct pool_key *key = w->heap[at];
    for (; at > 0 && is_older(key, w->heap[(at - 1) / 2]); at = (at - 1) / 2)
        w->heap[at] = w->heap[(at - 1) / 2];
    w->heap[at] = key;
}

static void sift_down(struct pool_walk *w)
{
    struct pool_key *key = w->heap[0];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < w->count && is_older(w->heap[child + 1], w->heap[child]))
            child++;
        if (child >= w->count || !is_older(w->heap[child], key))
            break;
        w->heap[at] = w->heap[child];
        at = child;
    }
    w->heap[at] = key;
}

static void offer(struct pool_walk *w, struct pool_key *key, struct pool_entry *candidate)
{
    key->candidate = candidate;
    w->heap[w->count++] = key;
    sift_up(w, w->count - 1);
}

void pool_walk_end(struct pool *p)
{
    p->walk.count = 0;
    p->walk.asked = NULL;
}

void pool_walk_start(struct pool *p)
{
    pool_walk_end(p);
    for (struct pool_link *at = p->keys.next; at != &p->keys; at = at->next) {
        struct pool_key *key = POOL_KEY_AT(at);
        struct pool_entry *first = pool_key_first(key);
        /* A gapped block is invalid (pitfalls E1, E2), so what waits behind a gap is not offered.
         */
        if (first->tx.nonce - 1 == key->last_nonce)
            offer(&p->walk, key, first);
    }
}

bool pool_walk_next(struct pool *p, const struct tx **tx)
{
    struct pool_walk *w = &p->walk;
    CHECK(w->asked == NULL);
    if (w->count == 0)
        return false;
    w->asked = w->heap[0];
    *tx = &w->asked->candidate->tx;
    w->heap[0] = w->heap[--w->count];
    if (w->count > 0)
        sift_down(w);
    return true;
}

void pool_walk_taken(struct pool *p, bool was_taken)
{
    struct pool_key *key = p->walk.asked;
    if (key == NULL) /* the pool changed since, which ended the walk */
        return;
    p->walk.asked = NULL;
    struct pool_entry *next = was_taken ? pool_key_next(key->candidate) : NULL;
    if (next != NULL)
        offer(&p->walk, key, next);
}
