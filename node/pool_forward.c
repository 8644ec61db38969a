/* When pending transactions are sent on (PROTOCOL.md 10.1, 6.3), and how old they are by 6.1 (a),
 * which counts from there.
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
    if (pool_is_clients(p, e->sender) && !e->was_told)
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
    pool_admit_pending(p, e, is_reachable);
    if (is_reachable) {
        p->reachable.txs_count++;
        p->reachable.bytes += e->tx.whole.size;
        waiting->txs_count--;
        waiting->bytes -= e->tx.whole.size;
        queue(p, e);
    } else {
        p->reachable.txs_count--;
        p->reachable.bytes -= e->tx.whole.size;
        waiting->txs_count++;
        waiting->bytes += e->tx.whole.size;
        pool_link_remove(&e->forward);
    }
}

/* Both of what an age counts from come about at the time of the call that says so, so whoever comes
 * to the list belongs at its end. */
void pool_entry_set_fair(struct pool *p, struct pool_entry *e)
{
    bool is_fair = e->is_executable && e->was_told_all;
    if (is_fair == (e->fair_since_ms != 0))
        return;
    if (is_fair) {
        e->fair_since_ms = p->now_ms > 0 ? p->now_ms : 1;
        pool_link_put(&p->fair, &e->fair);
    } else {
        e->fair_since_ms = 0;
        pool_link_remove(&e->fair);
    }
}

uint64_t pool_fair_since_ms(const struct pool *p, const struct public_key *key, uint64_t nonce,
                            const struct digest *txid)
{
    const struct pool_key *found = pool_key_find(p, key);
    const struct pool_entry *e = found == NULL ? NULL : pool_key_entry(found, nonce);
    return e != NULL && digest_equal(&e->tx.id, txid) ? e->fair_since_ms : 0;
}

void pool_forward_due(struct pool *p, uint64_t now_ms, uint64_t again_ms, pool_forward *visit,
                      void *context)
{
    pool_at(p, now_ms);
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
        e->was_told = e->was_told_all = true;
        pool_entry_set_fair(p, e);
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
    pool_at(p, now_ms);
    for (struct pool_link *key = p->keys.next; key != &p->keys; key = key->next) {
        struct pool_link *entries = &POOL_KEY_AT(key)->entries;
        for (struct pool_link *at = entries->next; at != entries; at = at->next) {
            struct pool_entry *e = POOL_ENTRY_AT(at, of_key);
            e->was_told = e->was_told_all = false;
            pool_entry_set_fair(p, e);
            if (!e->is_reachable)
                continue;
            pool_link_remove(&e->forward);
            queue(p, e);
        }
    }
}
