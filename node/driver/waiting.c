/* Clients that wait for the outcome of a transaction that was taken: found by key and nonce when a
 * block settles that nonce, by age when they have waited long enough. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"

/* Keys are uniform and only registered ones get here; mixing in the nonce spreads one key's. No
 * order depends on the bucket: within one, the newest comes first. */
static struct driver_waiter **bucket_of(struct driver *d, const struct public_key *signer,
                                        uint64_t nonce)
{
    uint64_t part;
    memcpy(&part, signer->bytes, sizeof part);
    return &d->buckets[(part + nonce) % DRIVER_WAITER_BUCKETS];
}

bool driver_wait(struct driver *d, uint64_t client, const struct tx *tx)
{
    struct driver_waiter **bucket = bucket_of(d, &tx->signer, tx->nonce);
    uint32_t same_count = 0;
    for (const struct driver_waiter *at = *bucket; at != NULL; at = at->next_in_bucket)
        same_count += digest_equal(&at->txid, &tx->id);
    if (same_count >= DRIVER_WAITERS_PER_TX ||
        d->waiters_count + d->uncovered_count >= d->waiters_max)
        return false;
    struct driver_waiter *w = mem_alloc(sizeof *w);
    *w = (struct driver_waiter){.older = d->newest_waiter,
                                .next_in_bucket = *bucket,
                                .client = client,
                                .txid = tx->id,
                                .signer = tx->signer,
                                .nonce = tx->nonce,
                                .valid_until_height = tx->valid_until_height,
                                .until_ms = d->time.now_ms + DRIVER_ANSWER_MS};
    *bucket = w;
    if (d->newest_waiter != NULL)
        d->newest_waiter->newer = w;
    else
        d->oldest_waiter = w;
    d->newest_waiter = w;
    d->waiters_count++;
    if (w->valid_until_height > 0 && w->valid_until_height < d->expires_min_height)
        d->expires_min_height = w->valid_until_height;
    return true;
}

static struct driver_waiter *take_out(struct driver *d, struct driver_waiter *w)
{
    struct driver_waiter **at = bucket_of(d, &w->signer, w->nonce);
    while (*at != w)
        at = &(*at)->next_in_bucket;
    *at = w->next_in_bucket;
    if (w->older != NULL)
        w->older->newer = w->newer;
    else
        d->oldest_waiter = w->newer;
    if (w->newer != NULL)
        w->newer->older = w->older;
    else
        d->newest_waiter = w->older;
    d->waiters_count--;
    return w;
}

struct driver_waiter *driver_waiter_take(struct driver *d, const struct public_key *signer,
                                         uint64_t nonce)
{
    struct driver_waiter *w = *bucket_of(d, signer, nonce);
    while (w != NULL && (w->nonce != nonce || !public_key_equal(&w->signer, signer)))
        w = w->next_in_bucket;
    return w == NULL ? NULL : take_out(d, w);
}

struct driver_waiter *driver_waiter_take_late(struct driver *d)
{
    struct driver_waiter *w = d->oldest_waiter;
    return w == NULL || d->time.now_ms < w->until_ms ? NULL : take_out(d, w);
}

struct driver_waiter *driver_waiter_take_expired(struct driver *d, uint64_t head_height,
                                                 struct driver_waiter **at)
{
    if (*at == NULL) { /* a new walk, or the end of one: then none is left to expire */
        if (d->expires_min_height > head_height)
            return NULL;
        d->expires_min_height = UINT64_MAX;
        *at = d->oldest_waiter;
    }
    for (struct driver_waiter *w = *at, *newer; w != NULL; w = newer) {
        newer = w->newer;
        if (w->valid_until_height == 0)
            continue;
        if (w->valid_until_height <= head_height) {
            *at = newer;
            return take_out(d, w);
        }
        if (w->valid_until_height < d->expires_min_height)
            d->expires_min_height = w->valid_until_height;
    }
    return NULL;
}

void driver_waiters_free(struct driver *d)
{
    while (d->oldest_waiter != NULL)
        mem_free(take_out(d, d->oldest_waiter));
}
