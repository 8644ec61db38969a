/* Admission (PROTOCOL.md 6.3): "a full pool is drainable within T_fair/4 at the measured rate:
 * overload answers busy, it never complains".
 *
 * Each node holds its own clients to it: pending of them may be the work that, at the rate at which
 * the work of its clients was committed lately, is done in T_fair/4. Who waits as long as that has
 * a queue before it of just this length, so the pending work of a node that is saturated settles
 * where its transactions take T_fair/4 to commit; and since the rates of all nodes add up to the
 * consortium's, so do the queues: all that is pending anywhere drains within T_fair/4. A node whose
 * clients are late to come would find no rate of its own to grow by, so its n-th part of the whole
 * rate is its due as well; while that shifts, the queues may be twice as long, T_fair/2. What is
 * left of T_fair is for a rate that falls: to a quarter of what was measured, before anybody
 * complains.
 *
 * The rate is looked at over T_fair/2, in four parts: many commits even with T_fair short, and
 * quick enough to see a rate fall before what was admitted grows old. A node that has little to do
 * commits little, which says nothing of what it could do. So what was drained can always raise the
 * estimate, but lowers it only if the least that was pending all that time is more than drains in
 * T_fair/4: then it is a queue that stands, and not one that comes and goes.
 *
 * It recovers by itself, since each round through the protocol that takes less than T_fair/4 lets
 * more in than came out, and since some is always let in: */
#include "node/pool_parts.h"

#include "crypto/base/check.h"

enum {
    /* The slowest useful rate, of the consortium: 1,024 transactions of one operation in a second,
     * a tenth of what one core verifies. What this lets in, whatever the estimate, drains in T_fair
     * at a quarter of that still; and at the default T_fair it is two SUBMITs for each of four
     * nodes, so that a short burst meets no `busy`. */
    SLOWEST_WORK_PER_SECOND = 2048,
    WORK_BYTES = 1024
};

uint64_t pool_work_of(const struct tx *tx)
{
    return 1 + tx->consents_count + tx->ops_count + tx->whole.size / WORK_BYTES;
}

void pool_admit_init(struct pool *p)
{
    struct pool_admit *a = &p->admit;
    uint64_t floor_work =
        SLOWEST_WORK_PER_SECOND * (p->limits.fairness_ms / 4) / 1000 / p->limits.replicas_count;
    a->part_ms = p->limits.fairness_ms / (2 * POOL_ADMIT_PARTS);
    a->floor_work = floor_work > 0 ? floor_work : 1;
}

/* What four parts drained is of T_fair/2. */
void pool_admit_at(struct pool *p)
{
    struct pool_admit *a = &p->admit;
    uint64_t clients_work = 0, all_work = 0, least_work = UINT64_MAX;
    if (a->part_ms == 0 || p->now_ms - a->from_ms < a->part_ms)
        return;
    for (uint32_t i = 0; i < POOL_ADMIT_PARTS; i++) {
        const struct pool_drained *part = &a->parts[i];
        clients_work += part->clients_work;
        all_work += part->all_work;
        least_work = part->least_work < least_work ? part->least_work : least_work;
    }
    clients_work /= 2;
    all_work /= 2;
    bool is_standing = least_work > clients_work;
    if (is_standing || clients_work > a->clients_work)
        a->clients_work = clients_work;
    if (is_standing || all_work > a->all_work)
        a->all_work = all_work;
    /* However long nobody called, as in a pause of the process (pitfalls I6), it is one part: that
     * nothing was done in a pause says nothing of a rate. */
    a->from_ms = p->now_ms;
    a->last_part = (a->last_part + 1) % POOL_ADMIT_PARTS;
    a->parts[a->last_part] = (struct pool_drained){.least_work = a->pending_work};
}

void pool_admit_pending(struct pool *p, const struct pool_entry *e, bool is_pending)
{
    struct pool_admit *a = &p->admit;
    struct pool_drained *part = &a->parts[a->last_part];
    uint64_t work = pool_work_of(&e->tx);
    if (!pool_is_clients(p, e->sender))
        return;
    if (is_pending) {
        a->pending_work += work;
        return;
    }
    CHECK(a->pending_work >= work);
    a->pending_work -= work;
    if (a->pending_work < part->least_work)
        part->least_work = a->pending_work;
}

void pool_admit_committed(struct pool *p, const struct pool_entry *e)
{
    if (pool_is_clients(p, e->sender))
        p->admit.parts[p->admit.last_part].clients_work += pool_work_of(&e->tx);
}

void pool_on_work(struct pool *p, uint64_t work, uint64_t now_ms)
{
    pool_at(p, now_ms);
    p->admit.parts[p->admit.last_part].all_work += work;
}

uint64_t pool_admit_most(const struct pool *p)
{
    const struct pool_admit *a = &p->admit;
    uint64_t most = a->all_work / p->limits.replicas_count;
    most = most > a->clients_work ? most : a->clients_work;
    return most > a->floor_work ? most : a->floor_work;
}

/* One may go beyond it, so that large ones do not wait for ever behind small ones. */
bool pool_is_full(struct pool *p, uint64_t coming_work, uint64_t now_ms)
{
    pool_at(p, now_ms);
    return p->admit.part_ms > 0 && p->admit.pending_work + coming_work >= pool_admit_most(p);
}
