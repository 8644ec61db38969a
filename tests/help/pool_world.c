#include "tests/help/pool_world.h"

#include <string.h>

#include "crypto/base/check.h"

static bool last_nonce(void *context, const struct public_key *key, uint64_t *nonce)
{
    struct pool_world *w = context;
    struct state_key found;
    if (!state_get_key(w->book.layer, key, &found) || found.revoked)
        return false;
    *nonce = found.nonce;
    return true;
}

static enum verdict try_apply(void *context, const struct tx *tx)
{
    struct pool_world *w = context;
    enum verdict verdict;
    w->tries_count++;
    CHECK(apply_tx(&verdict, w->scratch, tx, w->height + 1, 0) == RC_OK);
    layer_clear(w->scratch);
    return verdict;
}

static uint64_t committed_height(void *context)
{
    struct pool_world *w = context;
    return w->height;
}

void pool_world_open(struct pool_world *w, const struct pool_limits *limits)
{
    memset(w, 0, sizeof *w);
    book_open(&w->book);
    w->scratch = layer_new(w->book.layer, NULL);
    w->made = mem_alloc(POOL_WORLD_TXS_MAX * sizeof *w->made);
    w->height = 10;
    for (uint64_t i = 0; i < POOL_WORLD_EXTRA_KEYS_COUNT; i++) {
        book_make_key(&w->extra[i], 100 + i);
        pool_world_register(w, &w->extra[i].public);
    }
    w->state = (struct pool_state){.context = w,
                                   .last_nonce = last_nonce,
                                   .try_apply = try_apply,
                                   .committed_height = committed_height};
    w->pool = pool_new(limits, &w->state);
}

void pool_world_close(struct pool_world *w)
{
    pool_free(w->pool);
    for (uint32_t i = 0; i < w->made_count; i++)
        buf_free(&w->made[i].bytes);
    mem_free(w->made);
    layer_free(w->scratch);
    book_close(&w->book);
}

void pool_world_register(struct pool_world *w, const struct public_key *key)
{
    struct state_key k = {.participant = bytes_of_text("anna")};
    state_put_key(w->book.layer, key, &k, true);
}

uint64_t pool_world_last_nonce(struct pool_world *w, const struct public_key *key)
{
    uint64_t nonce;
    return last_nonce(w, key, &nonce) ? nonce : 0;
}

const struct tx *pool_world_tx(struct pool_world *w, const struct sign_key *key, uint64_t nonce,
                               uint64_t valid_until_height, struct op op)
{
    CHECK(w->made_count < POOL_WORLD_TXS_MAX);
    struct pool_world_tx *made = &w->made[w->made_count++];
    struct tx_draft draft = {
        .nonce = nonce, .valid_until_height = valid_until_height, .ops = &op, .ops_count = 1};
    CHECK(tx_sign(&made->bytes, &draft, key, &w->book.chain_id) == VERDICT_OK);
    CHECK(tx_decode(&made->tx, buf_bytes(&made->bytes), &w->book.chain_id) == VERDICT_OK);
    return &made->tx;
}

const struct tx *pool_world_record(struct pool_world *w, const struct sign_key *key, uint64_t nonce,
                                   const char *what)
{
    return pool_world_tx(w, key, nonce, 0, op_record_of("pool", what, bytes_of_text(what)));
}

void pool_world_flood_tx(struct pool_world *w, struct tx *out, struct buf *room,
                         const struct public_key *key, uint64_t nonce)
{
    if (room->size == 0)
        buf_add_bytes(room, pool_world_record(w, &w->extra[0], 1, "flood")->whole);
    struct wr at = wr_of(room->data + 1, PUBLIC_KEY_BYTES + sizeof nonce);
    wr_copy(&at, key->bytes, PUBLIC_KEY_BYTES);
    wr_u64(&at, nonce);
    CHECK(tx_decode(out, buf_bytes(room), &w->book.chain_id) == VERDICT_OK);
}

void pool_world_commit_untold(struct pool_world *w, const struct tx *const *txs, uint32_t txs_count)
{
    for (uint32_t i = 0; i < txs_count; i++) {
        enum verdict verdict;
        CHECK(apply_tx(&verdict, w->book.layer, txs[i], w->height + 1, i) == RC_OK);
        CHECK(verdict == VERDICT_OK);
    }
    w->height++;
}

void pool_world_commit(struct pool_world *w, const struct tx *const *txs, uint32_t txs_count,
                       uint64_t now_ms)
{
    struct public_key *keys = mem_alloc((txs_count + 1) * sizeof *keys);
    for (uint32_t i = 0; i < txs_count; i++)
        keys[i] = txs[i]->signer;
    pool_world_commit_untold(w, txs, txs_count);
    pool_on_commit(w->pool, keys, txs_count, now_ms);
    mem_free(keys);
}
