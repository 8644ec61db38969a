/* What the pool takes, and from whom. */
#include "node/pool_parts.h"

#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"

const char *pool_answer_word(enum pool_answer a)
{
    static const char *const words[] = {
#define X(answer, word, text) word,
        POOL_ANSWER_LIST(X)
#undef X
    };
    CHECK(a < POOL_ANSWER_COUNT);
    return words[a];
}

const char *pool_answer_text(enum pool_answer a)
{
    static const char *const texts[] = {
#define X(answer, word, text) text,
        POOL_ANSWER_LIST(X)
#undef X
    };
    CHECK(a < POOL_ANSWER_COUNT);
    return texts[a];
}

/* ---- loads ---- */

static void load_add(struct pool_load *l, size_t size)
{
    l->txs_count++;
    l->bytes += size;
}

static void load_subtract(struct pool_load *l, size_t size)
{
    CHECK(l->txs_count > 0);
    CHECK(l->bytes >= size);
    l->txs_count--;
    l->bytes -= size;
}

static bool load_has_room(const struct pool_load *l, const struct pool_load *most, size_t size)
{
    return l->txs_count < most->txs_count && l->bytes < most->bytes &&
           most->bytes - l->bytes >= size;
}

/* ---- new and free ---- */

/* Fixed shares: what one sender leaves free is not lent to another, since it could only be had back
 * by dropping another's. Half of a share, rounded up, may wait: so transactions behind gaps, of
 * however many keys, leave room for those that can commit (pitfalls E2). */
static void share_out(struct pool *p)
{
    uint32_t n = p->limits.replicas_count;
    struct pool_load link = {.txs_count = p->limits.txs_max / n, .bytes = p->limits.bytes_max / n};
    for (uint32_t i = 0; i < n; i++)
        p->senders[i].held_most = link;
    p->senders[n].held_most =
        (struct pool_load){.txs_count = p->limits.txs_max - (n - 1) * link.txs_count,
                           .bytes = p->limits.bytes_max - (n - 1) * link.bytes};
    for (uint32_t i = 0; i <= n; i++) {
        struct pool_load most = p->senders[i].held_most;
        p->senders[i].waiting_most = (struct pool_load){
            .txs_count = most.txs_count - most.txs_count / 2, .bytes = most.bytes - most.bytes / 2};
    }
}

struct pool *pool_new(const struct pool_limits *limits, const struct pool_state *state)
{
    CHECK(limits->replicas_count > 0);
    CHECK(limits->replicas_count < POOL_FROM_CLIENT);
    CHECK(limits->txs_max >= limits->replicas_count);
    CHECK(limits->txs_max <= UINT32_MAX / 4);
    CHECK(limits->nonce_window > 0);
    struct pool *p = mem_alloc(sizeof *p);
    p->limits = *limits;
    p->state = *state;
    p->held_most = (struct pool_load){limits->txs_max, limits->bytes_max};
    p->senders = mem_alloc((limits->replicas_count + 1) * sizeof *p->senders);
    share_out(p);
    p->entries = mem_alloc(limits->txs_max * sizeof *p->entries);
    p->key_room = mem_alloc(limits->txs_max * sizeof *p->key_room);
    p->walk.heap = mem_alloc(limits->txs_max * sizeof(struct pool_key *));
    for (p->slots_count = 1; p->slots_count < 2 * limits->txs_max;)
        p->slots_count *= 2;
    p->slots = mem_alloc(p->slots_count * sizeof(struct pool_key *));
    crypto_random(&p->secret, sizeof p->secret);
    struct pool_link *lists[] = {&p->free_entries, &p->free_keys, &p->keys, &p->ready,
                                 &p->untold,       &p->told,      &p->fair};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        pool_list_init(lists[i]);
    pool_admit_init(p);
    return p;
}

void pool_free(struct pool *p)
{
    if (p == NULL)
        return;
    for (uint32_t i = 0; i < p->entries_used; i++)
        mem_free(p->entries[i].bytes);
    mem_free(p->slots);
    mem_free(p->walk.heap);
    mem_free(p->key_room);
    mem_free(p->entries);
    mem_free(p->senders);
    mem_free(p);
}

/* ---- entries ---- */

void pool_entry_set_executable(struct pool *p, struct pool_entry *e, bool is_executable)
{
    if (e->is_executable == is_executable)
        return;
    e->is_executable = is_executable;
    if (is_executable) {
        p->executable_count++;
        e->executable_since_ms = p->now_ms;
        pool_link_put(&p->ready, &e->ready);
    } else {
        p->executable_count--;
        pool_link_remove(&e->ready);
    }
    pool_entry_set_fair(p, e);
}

bool pool_is_clients(const struct pool *p, const struct pool_sender *sender)
{
    return sender == &p->senders[p->limits.replicas_count];
}

void pool_at(struct pool *p, uint64_t now_ms)
{
    if (now_ms > p->now_ms)
        p->now_ms = now_ms;
    pool_admit_at(p);
}

void pool_entry_drop(struct pool *p, struct pool_entry *e)
{
    pool_walk_end(p);
    pool_entry_set_executable(p, e, false);
    pool_entry_set_reachable(p, e, false);
    load_subtract(&e->sender->waiting, e->tx.whole.size);
    load_subtract(&e->sender->held, e->tx.whole.size);
    load_subtract(&p->held, e->tx.whole.size);
    mem_free(e->bytes);
    e->bytes = NULL;
    pool_link_remove(&e->of_key);
    pool_link_put(p->free_entries.next, &e->of_key);
}

static struct pool_entry *entry_room(struct pool *p)
{
    if (pool_list_is_empty(&p->free_entries)) {
        CHECK(p->entries_used < p->limits.txs_max);
        return &p->entries[p->entries_used++];
    }
    struct pool_link *at = p->free_entries.next;
    pool_link_remove(at);
    return POOL_ENTRY_AT(at, of_key);
}

/* The same part of `whole` in its copy. */
static struct bytes part_of_copy(struct bytes part, struct bytes whole, const uint8_t *copy)
{
    CHECK(part.data >= whole.data);
    CHECK(part.data + part.size <= whole.data + whole.size);
    return bytes_of(copy + (part.data - whole.data), part.size);
}

/* Put a copy into the key's list, as one that waits. */
static struct pool_entry *entry_put(struct pool *p, struct pool_key *key,
                                    struct pool_sender *sender, const struct tx *tx)
{
    pool_walk_end(p);
    struct pool_entry *e = entry_room(p);
    *e = (struct pool_entry){.key = key, .sender = sender, .tx = *tx, .arrival = p->arrivals++};
    e->bytes = mem_alloc(tx->whole.size);
    memcpy(e->bytes, tx->whole.data, tx->whole.size);
    e->tx.whole = bytes_of(e->bytes, tx->whole.size);
    e->tx.body = part_of_copy(tx->body, tx->whole, e->bytes);
    e->tx.ops = part_of_copy(tx->ops, tx->whole, e->bytes);
    load_add(&p->held, tx->whole.size);
    load_add(&sender->held, tx->whole.size);
    load_add(&sender->waiting, tx->whole.size);

    struct pool_link *next = &key->entries;
    while (next->prev != &key->entries && POOL_ENTRY_AT(next->prev, of_key)->tx.nonce > tx->nonce)
        next = next->prev;
    pool_link_put(next, &e->of_key);
    return e;
}

/* ---- room ---- */

/* Someone who comes, and what makes room for it. */
struct arrival {
    const struct tx *tx;
    struct pool_sender *sender;
    struct pool_key *key;         /* NULL: nothing of it is pending */
    struct pool_entry *displaced; /* NULL: its slot is free */
    bool is_next;                 /* its nonce is last+1 */
    uint32_t evictions_count;
};

/* The loads as they would be. */
struct room {
    struct pool_load pool, sender, waiting;
};

static void room_without(struct room *r, const struct pool_entry *e,
                         const struct pool_sender *sender)
{
    load_subtract(&r->pool, e->tx.whole.size);
    if (e->sender != sender)
        return;
    load_subtract(&r->sender, e->tx.whole.size);
    if (!e->is_reachable)
        load_subtract(&r->waiting, e->tx.whole.size);
}

static bool room_is_enough(const struct pool *p, const struct arrival *a, const struct room *r,
                           bool will_wait)
{
    size_t size = a->tx->whole.size;
    return load_has_room(&r->pool, &p->held_most, size) &&
           load_has_room(&r->sender, &a->sender->held_most, size) &&
           (!will_wait || load_has_room(&r->waiting, &a->sender->waiting_most, size));
}

static bool will_wait(const struct arrival *a)
{
    if (a->is_next)
        return false;
    const struct pool_entry *before =
        a->key == NULL ? NULL : pool_key_entry(a->key, a->tx->nonce - 1);
    return before == NULL || !before->is_reachable;
}

/* The highest nonce above `above` that this sender brought, at or below `from` in the list. */
static struct pool_entry *highest_of(struct pool_link *from, const struct arrival *a)
{
    for (; from != &a->key->entries; from = from->prev) {
        struct pool_entry *e = POOL_ENTRY_AT(from, of_key);
        if (e->tx.nonce <= a->tx->nonce)
            return NULL;
        if (e->sender == a->sender)
            return e;
    }
    return NULL;
}

/* Whether there is room, if need be by evicting this sender's own later nonces of this key, the
 * highest first: they are needed last. Never another's. Changes nothing but a->evictions_count. */
static bool plan_room(const struct pool *p, struct arrival *a)
{
    struct room r = {p->held, a->sender->held, a->sender->waiting};
    bool waits = will_wait(a);
    if (a->displaced != NULL)
        room_without(&r, a->displaced, a->sender);
    struct pool_link *from = a->key == NULL ? NULL : a->key->entries.prev;
    for (a->evictions_count = 0; !room_is_enough(p, a, &r, waits); a->evictions_count++) {
        struct pool_entry *e = from == NULL ? NULL : highest_of(from, a);
        if (e == NULL)
            return false;
        room_without(&r, e, a->sender);
        from = e->of_key.prev;
    }
    return true;
}

/* Admission is of what adds to the work that could be done now: what waits behind a gap is bounded
 * by its own share, and must not keep out what can commit (pitfalls E2). */
static bool is_admitted(struct pool *p, const struct arrival *a)
{
    return !pool_is_clients(p, a->sender) || will_wait(a) || !pool_is_full(p, 0, p->now_ms);
}

static void make_room(struct pool *p, const struct arrival *a)
{
    for (uint32_t i = 0; i < a->evictions_count; i++)
        pool_entry_drop(p, highest_of(a->key->entries.prev, a));
    if (a->displaced != NULL)
        pool_entry_drop(p, a->displaced);
}

/* ---- adding ---- */

static enum verdict judge(struct pool *p, const struct tx *tx, uint64_t *last)
{
    if (!p->state.last_nonce(p->state.context, &tx->signer, last)) {
        /* Unknown or revoked: applying says which, and only one of them is final. */
        enum verdict verdict = p->state.try_apply(p->state.context, tx);
        return verdict == VERDICT_OK ? VERDICT_UNKNOWN_KEY : verdict;
    }
    if (tx->nonce <= *last)
        return VERDICT_NONCE_USED;
    uint64_t height = p->state.committed_height(p->state.context);
    return pool_is_expired(tx, height) ? VERDICT_EXPIRED : VERDICT_OK;
}

/* The key's record, up to date even when the state went on before pool_on_commit() said so. */
static struct pool_key *key_at(struct pool *p, const struct public_key *public, uint64_t last)
{
    struct pool_key *key = pool_key_find(p, public);
    if (key == NULL || key->last_nonce == last)
        return key;
    key->has_moved = true;
    bool is_left = pool_key_settle(p, key, p->state.committed_height(p->state.context));
    return is_left ? key : NULL;
}

static void take(struct pool *p, struct arrival *a, uint64_t last)
{
    if (a->key == NULL)
        a->key = pool_key_make(p, &a->tx->signer, last);
    make_room(p, a);
    struct pool_entry *e = entry_put(p, a->key, a->sender, a->tx);
    pool_entry_set_executable(p, e, a->is_next);
    CHECK(pool_key_tidy(p, a->key));
}

static enum verdict why_pending(const struct pool *p, const struct pool_key *key,
                                const struct pool_entry *e)
{
    if (e->is_executable || e->tx.nonce - 1 != key->last_nonce)
        return VERDICT_OK;
    return p->state.try_apply(p->state.context, &e->tx);
}

enum pool_answer pool_add(struct pool *p, const struct tx *tx, uint32_t from, uint64_t now_ms,
                          enum verdict *verdict)
{
    uint64_t last;
    CHECK(from == POOL_FROM_CLIENT || from < p->limits.replicas_count);
    pool_at(p, now_ms);
    *verdict = judge(p, tx, &last);
    if (*verdict != VERDICT_OK)
        return POOL_REFUSED;
    if (tx->nonce - last > p->limits.nonce_window)
        return POOL_BEYOND_WINDOW;

    uint32_t sender = from == POOL_FROM_CLIENT ? p->limits.replicas_count : from;
    struct arrival a = {.tx = tx,
                        .sender = &p->senders[sender],
                        .key = key_at(p, &tx->signer, last),
                        .is_next = tx->nonce - 1 == last};
    a.displaced = a.key == NULL ? NULL : pool_key_entry(a.key, tx->nonce);
    /* By txid: the same body under another signature is the same transaction (pitfalls H3). */
    if (a.displaced != NULL && digest_equal(&a.displaced->tx.id, &tx->id)) {
        *verdict = why_pending(p, a.key, a.displaced);
        return *verdict == VERDICT_OK ? POOL_KNOWN : POOL_REFUSED;
    }
    if (a.displaced != NULL && (a.displaced->is_executable || !a.is_next))
        return POOL_SLOT_TAKEN;
    /* Before it is tried: a flood beyond a full share costs little. */
    if (!is_admitted(p, &a) || !plan_room(p, &a))
        return POOL_BUSY;
    if (a.is_next)
        *verdict = p->state.try_apply(p->state.context, tx);
    if (*verdict != VERDICT_OK)
        return POOL_REFUSED;
    take(p, &a, last);
    return POOL_TAKEN;
}

/* ---- looking ---- */

void pool_summary(const struct pool *p, struct pool_summary *out)
{
    *out = (struct pool_summary){.txs_count = p->held.txs_count,
                                 .bytes = p->held.bytes,
                                 .executable_count = p->executable_count,
                                 .reachable_count = p->reachable.txs_count,
                                 .reachable_bytes = p->reachable.bytes,
                                 .clients_work = p->admit.pending_work,
                                 .clients_work_max = pool_admit_most(p)};
    if (!pool_list_is_empty(&p->ready))
        out->oldest_executable_ms = POOL_ENTRY_AT(p->ready.next, ready)->executable_since_ms;
    if (!pool_list_is_empty(&p->fair))
        out->fair_since_ms = POOL_ENTRY_AT(p->fair.next, fair)->fair_since_ms;
}

bool pool_oldest(const struct pool *p, struct bytes *whole, uint64_t *since_ms)
{
    if (pool_list_is_empty(&p->ready))
        return false;
    const struct pool_entry *e = POOL_ENTRY_AT(p->ready.next, ready);
    *whole = e->tx.whole;
    *since_ms = e->executable_since_ms;
    return true;
}

enum verdict pool_why_pending(const struct pool *p, const struct public_key *key, uint64_t nonce,
                              const struct digest *txid)
{
    const struct pool_key *found = pool_key_find(p, key);
    const struct pool_entry *e = found == NULL ? NULL : pool_key_entry(found, nonce);
    bool is_here = e != NULL && digest_equal(&e->tx.id, txid);
    return is_here ? why_pending(p, found, e) : VERDICT_OK;
}

bool pool_has(const struct pool *p, const struct public_key *key, uint64_t nonce)
{
    const struct pool_key *found = pool_key_find(p, key);
    return found != NULL && pool_key_entry(found, nonce) != NULL;
}
