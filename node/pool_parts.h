/* The inside of the pool, shared by its files: pool.c (what is taken), pool_keys.c (each key's
 * nonces and what a commit makes of them), pool_walk.c, pool_forward.c, pool_admit.c.
 *
 * Every order there is comes from a list or from a count of arrivals: the hash table is only ever
 * asked for one key, so neither its secret nor an address decides anything. */
#ifndef NODE_POOL_PARTS_H
#define NODE_POOL_PARTS_H

#include <stddef.h>

#include "crypto/shorthash.h"
#include "node/pool.h"

/* A place in a circular list; a list's head that is alone points to itself. */
struct pool_link {
    struct pool_link *prev, *next;
};

/* How much is held, or may be held. */
struct pool_load {
    uint32_t txs_count;
    uint64_t bytes;
};

/* A link, or the clients of this node: whoever takes places together. *Waiting* is what cannot be
 * reached yet: nonces behind a gap, or behind a first one that does not apply. */
struct pool_sender {
    struct pool_load held, held_most;
    struct pool_load waiting, waiting_most; /* part of held */
};

struct pool_key;

struct pool_entry {
    struct pool_link of_key;  /* in key->entries, or in pool.free_entries */
    struct pool_link ready;   /* in pool.ready while executable */
    struct pool_link forward; /* in pool.untold or pool.told while reachable */
    struct pool_link fair;    /* in pool.fair while executable and sent to all */
    struct pool_key *key;
    struct pool_sender *sender;
    uint8_t *bytes;   /* owned */
    struct tx tx;     /* lends from bytes */
    uint64_t arrival; /* counts up: the order of arrival */
    uint64_t executable_since_ms;
    uint64_t told_ms;       /* last forwarded, or reachable since */
    uint64_t fair_since_ms; /* in pool.fair; 0: it is not */
    bool is_executable;
    bool is_reachable; /* executable, or behind an executable one without a gap */
    bool was_told;     /* forwarded since it came or since pool_forward_again */
    bool was_told_all; /* to all, since then */
};

/* A key that has something pending. */
struct pool_key {
    struct pool_link all; /* in pool.keys, in order of first arrival, or in pool.free_keys */
    struct pool_key *next_in_slot;
    struct public_key public;
    uint64_t last_nonce;          /* committed, as the state said last */
    bool has_moved;               /* ask the state for last_nonce again */
    struct pool_link entries;     /* by nonce, ascending */
    struct pool_entry *candidate; /* during a walk */
};

struct pool_walk {
    struct pool_key **heap; /* room for a key per transaction; oldest candidate on top */
    uint32_t count;
    struct pool_key *asked; /* handed out, pool_walk_taken() to come */
};

/* What was committed within a part of the time that admission looks back on. */
struct pool_drained {
    uint64_t clients_work, all_work;
    uint64_t least_work; /* of the clients, that was pending all the while */
};

enum { POOL_ADMIT_PARTS = 4 };

struct pool_admit {
    uint64_t part_ms;                            /* 0: there is no admission */
    uint64_t from_ms;                            /* of the last part */
    struct pool_drained parts[POOL_ADMIT_PARTS]; /* a ring; the last one at last_part */
    uint32_t last_part;
    uint64_t pending_work; /* of the clients, reachable */
    uint64_t floor_work;
    /* The estimates: what is drained in T_fair/4. */
    uint64_t clients_work, all_work;
};

struct pool {
    struct pool_limits limits;
    struct pool_state state;
    uint64_t now_ms;   /* latest seen: never goes back */
    uint64_t arrivals; /* so far */
    struct pool_load held, held_most;
    struct pool_load reachable; /* part of held */
    uint32_t executable_count;
    struct pool_sender *senders; /* replicas_count links, then the clients */
    struct pool_entry *entries;  /* txs_max, the first entries_used of them used at some time */
    uint32_t entries_used;
    struct pool_key *key_room; /* likewise */
    uint32_t keys_used;
    struct pool_key **slots; /* hash table: slots_count is a power of two */
    uint32_t slots_count;
    struct shorthash_key secret;
    struct pool_link free_entries, free_keys;
    struct pool_link keys;
    struct pool_link ready;  /* by executable_since_ms */
    struct pool_link untold; /* due for the primary at once */
    struct pool_link told;   /* by told_ms: due for all, one interval later */
    struct pool_link fair;   /* by fair_since_ms */
    struct pool_walk walk;
    struct pool_admit admit;
};

#define POOL_ENTRY_AT(link, member)                                                                \
    ((struct pool_entry *)(void *)((char *)(link)-offsetof(struct pool_entry, member)))
#define POOL_KEY_AT(link)                                                                          \
    ((struct pool_key *)(void *)((char *)(link)-offsetof(struct pool_key, all)))

/* ---- lists ---- */
void pool_list_init(struct pool_link *head);
bool pool_list_is_empty(const struct pool_link *head);
/* Put link before `next`; before the head means at the end. */
void pool_link_put(struct pool_link *next, struct pool_link *link);
void pool_link_remove(struct pool_link *link);

/* ---- pool_keys.c ---- */
/* The key's record, or NULL when nothing of it is pending. */
struct pool_key *pool_key_find(const struct pool *p, const struct public_key *public);
struct pool_key *pool_key_make(struct pool *p, const struct public_key *public, uint64_t last);
struct pool_entry *pool_key_entry(const struct pool_key *key, uint64_t nonce); /* or NULL */
struct pool_entry *pool_key_first(const struct pool_key *key);                 /* or NULL */
struct pool_entry *pool_key_next(const struct pool_entry *e); /* nonce + 1, or NULL */
/* After entries came or went: what can be reached now. False = the key had none left, and is gone.
 */
bool pool_key_tidy(struct pool *p, struct pool_key *key);
/* Drop what is used or expired at the committed height, and try the next nonce. The same result. */
bool pool_key_settle(struct pool *p, struct pool_key *key, uint64_t height);
bool pool_is_expired(const struct tx *tx, uint64_t committed_height);

/* ---- pool.c ---- */
/* Both leave what can be reached to pool_key_tidy(). Drop frees the bytes. */
void pool_entry_drop(struct pool *p, struct pool_entry *e);
void pool_entry_set_executable(struct pool *p, struct pool_entry *e, bool is_executable);
bool pool_is_clients(const struct pool *p, const struct pool_sender *sender);
/* Time passes. */
void pool_at(struct pool *p, uint64_t now_ms);

/* ---- pool_forward.c ---- */
void pool_entry_set_reachable(struct pool *p, struct pool_entry *e, bool is_reachable);
/* It is executable now or not any more, or was sent to all: its age begins or ends. */
void pool_entry_set_fair(struct pool *p, struct pool_entry *e);

/* ---- pool_admit.c ---- */
void pool_admit_init(struct pool *p);
/* Close the part of the time that is over. */
void pool_admit_at(struct pool *p);
/* A client's transaction can be reached now, or not any more. */
void pool_admit_pending(struct pool *p, const struct pool_entry *e, bool is_pending);
/* Its nonce was committed. */
void pool_admit_committed(struct pool *p, const struct pool_entry *e);
uint64_t pool_admit_most(const struct pool *p);

/* ---- pool_walk.c ---- */
/* The pool changes: nothing that a walk lent is good any more. */
void pool_walk_end(struct pool *p);

#endif
