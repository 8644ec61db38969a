/* A pool of pending transactions over the tiny ledger of book.h: the committed state is the book's
 * layer, and whether a transaction applies is asked of apply_tx on a scratch layer above it. */
#ifndef TESTS_HELP_POOL_WORLD_H
#define TESTS_HELP_POOL_WORLD_H

#include "node/pool.h"
#include "tests/help/book.h"

enum { POOL_WORLD_EXTRA_KEYS_COUNT = 8, POOL_WORLD_TXS_MAX = 4096 };

struct pool_world {
    struct book book;
    struct sign_key extra[POOL_WORLD_EXTRA_KEYS_COUNT]; /* more keys of anna's, registered */
    struct layer *scratch;
    uint64_t height; /* committed */
    uint32_t tries_count;
    struct pool *pool;
    struct pool_state state;
    struct pool_world_tx {
        struct buf bytes;
        struct tx tx;
    } * made;
    uint32_t made_count;
};

void pool_world_open(struct pool_world *w, const struct pool_limits *limits);
void pool_world_close(struct pool_world *w);

/* Make this key one of anna's, so that it may sign. */
void pool_world_register(struct pool_world *w, const struct public_key *key);
uint64_t pool_world_last_nonce(struct pool_world *w, const struct public_key *key);

/* A signed transaction; lends until the world is closed. */
const struct tx *pool_world_tx(struct pool_world *w, const struct sign_key *key, uint64_t nonce,
                               uint64_t valid_until_height, struct op op);
/* The same, with an operation that always applies: a record named `what`. */
const struct tx *pool_world_record(struct pool_world *w, const struct sign_key *key, uint64_t nonce,
                                   const char *what);
/* As if by this key, but not signed by it: the pool leaves signatures to whoever calls it, and a
 * flood of 10^5 would take seconds to sign. Into *out, lends from room. */
void pool_world_flood_tx(struct pool_world *w, struct tx *out, struct buf *room,
                         const struct public_key *key, uint64_t nonce);

/* Commit a block of these (all must apply) without telling the pool. */
void pool_world_commit_untold(struct pool_world *w, const struct tx *const *txs,
                              uint32_t txs_count);
/* Commit a block of these and tell the pool. */
void pool_world_commit(struct pool_world *w, const struct tx *const *txs, uint32_t txs_count,
                       uint64_t now_ms);

#endif
