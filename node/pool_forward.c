/* When pending transactions are sent on (pbft.md 10.1, 6.3).
 *
 * Only what can be reached is: the executable first nonce of a key, and what stands behind it
 * without a gap. The rest could not be ordered by anybody, and would only fill this replica's share
 * of the others' pools. */
#include "node/pool_parts.h"

static void tell_later(struct pool *p, struct pool_entry *e)
{
    e->told_ms = p->now_ms;
    pool_link_put(&p->told, &e->forward);
}

/* A client's goes to the primary first; what a peer forwarded, it has told the primary itself. */
static void queue(struct pool *p, struct pool_entry *e)
{
    bool is_clients = e->sender == &p->senders[p->limits.replicas_count];
    if (is_clients && !e->was_told)
        pool_link_put(&p->untold, &e->forward);
    else
        tell_later(p, e);
}

void pool_entry_set_reachable(struct pool *p, struct pool_entry *e, bool is_reachable)
{
    struct pool_load *waiting = &e->sender->waiting;
    if (e->is_reachable == is_reachable)
        return;
    e->is_reachable = is_reachable;
    if (is_reachable) {
        waiting->txs_count--;
        waiting->bytes -= e->tx.whole.size;
        queue(p, e);
    } else {
        waiting->txs_count++;
        waiting->bytes += e->tx.whole.size;
        pool_link_remove(&e->forward);
    }
}

void pool_forward_due(struct pool *p, uint64_t now_ms, uint64_t again_ms, pool_forward *visit,
                      void *context)
{
    if (now_ms > p->now_ms)
        p->now_ms = now_ms;
    /* Each at most once in this call, even when again_ms is 0: those told now are at the end. */
    struct pool_link *last_told = p->told.prev;
    while (!pool_list_is_empty(&p->untold)) {
        struct pool_entry *e = POOL_ENTRY_AT(p->untold.next, forward);
        if (!visit(context, e->tx.whole, false))
            return;
        e->was_told = true;
        pool_link_remove(&e->forward);
        tell_later(p, e);
    }
    for (bool is_last = last_told == &p->told; !is_last;) {
        struct pool_entry *e = POOL_ENTRY_AT(p->told.next, forward);
        if (p->now_ms - e->told_ms < again_ms || !visit(context, e->tx.whole, true))
            return;
        is_last = &e->forward == last_told;
        e->was_told = true;
        pool_link_remove(&e->forward);
        tell_later(p, e);
    }
}

uint64_t pool_forward_next_ms(const struct pool *p, uint64_t again_ms)
{
    if (!pool_list_is_empty(&p->untold))
        return 0;
    if (pool_list_is_empty(&p->told))
        return UINT64_MAX;
    return POOL_ENTRY_AT(p->told.next, forward)->told_ms + again_ms;
}

void pool_forward_again(struct pool *p, uint64_t now_ms)
{
    if (now_ms > p->now_ms)
        p->now_ms = now_ms;
    for (struct pool_link *key = p->keys.next; key != &p->keys; key = key->next) {
        struct pool_link *entries = &POOL_KEY_AT(key)->entries;
        for (struct pool_link *at = entries->next; at != entries; at = at->next) {
            struct pool_entry *e = POOL_ENTRY_AT(at, of_key);
            e->was_told = false;
            if (!e->is_reachable)
                continue;
            pool_link_remove(&e->forward);
            queue(p, e);
        }
    }
}
