/* Each key's pending nonces, and what a commit makes of them. */
#include "node/pool_parts.h"

#include "crypto/base/check.h"

/* ---- lists ---- */

void pool_list_init(struct pool_link *head)
{
    head->prev = head->next = head;
}

bool pool_list_is_empty(const struct pool_link *head)
{
    return head->next == head;
}

void pool_link_put(struct pool_link *next, struct pool_link *link)
{
    link->prev = next->prev;
    link->next = next;
    next->prev->next = link;
    next->prev = link;
}

void pool_link_remove(struct pool_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link->next = NULL;
}

/* ---- the table of keys ---- */

static struct pool_key **slot_of(const struct pool *p, const struct public_key *public)
{
    uint64_t hash = shorthash(&p->secret, 0, bytes_of(public->bytes, PUBLIC_KEY_BYTES));
    return &p->slots[hash & (p->slots_count - 1)];
}

struct pool_key *pool_key_find(const struct pool *p, const struct public_key *public)
{
    struct pool_key *key = *slot_of(p, public);
    while (key != NULL && !public_key_equal(&key->public, public))
        key = key->next_in_slot;
    return key;
}

struct pool_key *pool_key_make(struct pool *p, const struct public_key *public, uint64_t last)
{
    struct pool_key *key, **slot = slot_of(p, public);
    if (!pool_list_is_empty(&p->free_keys)) {
        key = POOL_KEY_AT(p->free_keys.next);
        pool_link_remove(&key->all);
    } else {
        /* Every key has a transaction, so there are no more keys than places for those. */
        CHECK(p->keys_used < p->limits.txs_max);
        key = &p->key_room[p->keys_used++];
    }
    *key = (struct pool_key){.next_in_slot = *slot, .public = *public, .last_nonce = last};
    *slot = key;
    pool_list_init(&key->entries);
    pool_link_put(&p->keys, &key->all);
    return key;
}

static void release_key(struct pool *p, struct pool_key *key)
{
    struct pool_key **at = slot_of(p, &key->public);
    while (*at != key) {
        CHECK(*at != NULL);
        at = &(*at)->next_in_slot;
    }
    *at = key->next_in_slot;
    pool_link_remove(&key->all);
    pool_link_put(p->free_keys.next, &key->all);
}

/* ---- one key's nonces ---- */

struct pool_entry *pool_key_first(const struct pool_key *key)
{
    return pool_list_is_empty(&key->entries) ? NULL : POOL_ENTRY_AT(key->entries.next, of_key);
}

struct pool_entry *pool_key_entry(const struct pool_key *key, uint64_t nonce)
{
    /* From the end: nonces mostly come in order. */
    for (struct pool_link *at = key->entries.prev; at != &key->entries; at = at->prev) {
        struct pool_entry *e = POOL_ENTRY_AT(at, of_key);
        if (e->tx.nonce <= nonce)
            return e->tx.nonce == nonce ? e : NULL;
    }
    return NULL;
}

struct pool_entry *pool_key_next(const struct pool_entry *e)
{
    if (e->of_key.next == &e->key->entries)
        return NULL;
    struct pool_entry *next = POOL_ENTRY_AT(e->of_key.next, of_key);
    /* No overflow at nonce 2^64-1, which nothing can follow (pitfalls E2). */
    return next->tx.nonce - 1 == e->tx.nonce ? next : NULL;
}

bool pool_key_tidy(struct pool *p, struct pool_key *key)
{
    struct pool_entry *first = pool_key_first(key);
    if (first == NULL) {
        release_key(p, key);
        return false;
    }
    struct pool_entry *reached = first->is_executable ? first : NULL;
    for (struct pool_link *at = key->entries.next; at != &key->entries; at = at->next) {
        struct pool_entry *e = POOL_ENTRY_AT(at, of_key);
        pool_entry_set_reachable(p, e, e == reached);
        if (e == reached)
            reached = pool_key_next(e);
    }
    return true;
}

/* ---- after a commit ---- */

bool pool_is_expired(const struct tx *tx, uint64_t committed_height)
{
    /* The next block's height is the first it could stand at. */
    return tx->valid_until_height != 0 && tx->valid_until_height <= committed_height;
}

static void drop_all(struct pool *p, struct pool_key *key)
{
    while (!pool_list_is_empty(&key->entries))
        pool_entry_drop(p, pool_key_first(key));
}

static void drop_used_and_expired(struct pool *p, struct pool_key *key, uint64_t height)
{
    struct pool_link *next;
    for (struct pool_link *at = key->entries.next; at != &key->entries; at = next) {
        struct pool_entry *e = POOL_ENTRY_AT(at, of_key);
        next = at->next;
        bool is_used = e->tx.nonce <= key->last_nonce;
        if (is_used)
            pool_admit_committed(p, e);
        if (is_used || pool_is_expired(&e->tx, height))
            pool_entry_drop(p, e);
    }
}

/* Ask the state for the key's last nonce; what belongs to an unknown or revoked key is dropped. */
static bool ask_last_nonce(struct pool *p, struct pool_key *key)
{
    key->has_moved = false;
    if (p->state.last_nonce(p->state.context, &key->public, &key->last_nonce))
        return true;
    drop_all(p, key);
    return false;
}

/* Try the key's first nonce when it is its turn. One that does not apply stays, tried again at each
 * commit, but is not executable, so it starts no timer (pitfalls E3); one that never can is
 * dropped. */
static void try_first(struct pool *p, struct pool_key *key)
{
    struct pool_entry *first = pool_key_first(key);
    if (first == NULL)
        return;
    if (first->tx.nonce - 1 != key->last_nonce) {
        pool_entry_set_executable(p, first, false);
        return;
    }
    enum verdict verdict = p->state.try_apply(p->state.context, &first->tx);
    pool_entry_set_executable(p, first, verdict == VERDICT_OK);
    if (verdict_outcome(verdict) != OUTCOME_FINAL)
        return;
    pool_entry_drop(p, first);
    /* It may have been the key itself that was refused: revoked by another key's transaction. */
    (void)ask_last_nonce(p, key);
}

bool pool_key_settle(struct pool *p, struct pool_key *key, uint64_t height)
{
    /* A key that waits behind a gap is asked each time, since nothing of it is tried: so a
     * revoked key's nonces do not wait for ever. */
    bool has_gap = pool_key_first(key)->tx.nonce - 1 != key->last_nonce;
    if (!(key->has_moved || has_gap) || ask_last_nonce(p, key)) {
        drop_used_and_expired(p, key, height);
        try_first(p, key);
    }
    return pool_key_tidy(p, key);
}

void pool_on_commit(struct pool *p, const struct public_key *keys, uint32_t keys_count,
                    uint64_t now_ms)
{
    uint64_t height = p->state.committed_height(p->state.context);
    pool_at(p, now_ms);
    for (uint32_t i = 0; i < keys_count; i++) {
        struct pool_key *key = pool_key_find(p, &keys[i]);
        if (key != NULL)
            key->has_moved = true;
    }
    struct pool_link *next;
    for (struct pool_link *at = p->keys.next; at != &p->keys; at = next) {
        next = at->next;
        (void)pool_key_settle(p, POOL_KEY_AT(at), height);
    }
}
