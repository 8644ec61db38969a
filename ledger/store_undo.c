/* Undoing blocks, from the last transaction to the first, for the index entries that applying them
 * would have made.
 *
 * Applying a block forward numbers its history entries and records upward from what the state
 * before it says. Here the state before is not known, but the one after it is: what the flushed
 * state says, less all entries of later heights. The index itself tells how many those are, because
 * what is there from store_history_from_height() on is complete and ascends in height with its
 * numbers. So the lowest number at or above that height is found by bisection, and nothing has to
 * be remembered from batch to batch. */
#include "crypto/base/check.h"
#include "ledger/amount.h"
#include "ledger/store_impl.h"

struct undo {
    struct store *store;
    struct layer *layer; /* the state below what was undone so far, and the index entries made */
    const struct tx *tx;
    struct place place;
    enum rc rc; /* the first failure */
};

static void fail(struct undo *u, enum rc rc)
{
    if (u->rc == RC_OK)
        u->rc =
            rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc; /* what a certified block names is there */
}

static bool flushed_get(struct undo *u, enum state_table table, struct bytes key,
                        struct bytes *value)
{
    struct store *s = u->store;
    enum rc rc = tree_get(s->view, &s->derived.tree, s->options.care, (uint8_t)table, key, value);
    if (rc != RC_OK)
        fail(u, rc);
    return rc == RC_OK;
}

/* The index entry of number `number` whose key begins with `front`, if it is there and of a height
 * that is complete; then *value is it. The height is the first field of every place. */
static bool is_above(struct undo *u, enum kv_table table, struct bytes front, uint64_t number,
                     struct bytes *value)
{
    uint8_t room[KV_KEY_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    wr_bytes(&w, front);
    wr_be64(&w, number);
    CHECK(wr_ok(&w));
    enum rc rc = kv_get(u->store->view, table, wr_bytes_of(&w), value);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        fail(u, rc);
    if (rc != RC_OK)
        return false;
    struct rd r = rd_of(*value);
    return rd_u64(&r) >= store_history_from_height(u->store);
}

/* The lowest number of 1..count of which that is so; count + 1 when there is none. */
static uint64_t lowest_above(struct undo *u, enum kv_table table, struct bytes front,
                             uint64_t count, struct bytes *value)
{
    uint64_t low = 1, high = count + 1;
    while (low < high && u->rc == RC_OK) {
        uint64_t middle = low + (high - low) / 2;
        if (is_above(u, table, front, middle, value))
            high = middle;
        else
            low = middle + 1;
    }
    if (high <= count && u->rc == RC_OK && !is_above(u, table, front, high, value))
        fail(u, RC_STORE_DAMAGED);
    return high;
}

/* The amount before an entry, given that after it. */
static bool amount_before(uint64_t *out, const struct history_entry *e)
{
    return e->credit ? amount_subtract(out, e->balance, e->amount)
                     : amount_add(out, e->balance, e->amount);
}

/* A balance as it stood after the block that is being undone. */
static bool get_balance(struct undo *u, struct bytes account, struct bytes asset,
                        struct state_balance *out)
{
    uint8_t room[STATE_KEY_BYTES_MAX], index_room[KV_KEY_BYTES_MAX];
    struct bytes key = state_balance_key(room, account, asset), value;
    if (layer_get(u->layer, STATE_BALANCE, key, &value)) {
        bool is_sound = state_balance_decode(out, value);
        CHECK(is_sound); /* our own */
        return true;
    }
    if (!flushed_get(u, STATE_BALANCE, key, &value))
        return false;
    if (!state_balance_decode(out, value) || out->entries_count == UINT64_MAX) {
        fail(u, RC_STORE_DAMAGED);
        return false;
    }
    struct bytes front = place_history_key(index_room, account, asset, 0);
    front.size -= 8; /* without the number */
    uint64_t lowest = lowest_above(u, KV_HISTORY, front, out->entries_count, &value);
    struct history_entry entry;
    if (u->rc == RC_OK && lowest <= out->entries_count) {
        if (!place_history_decode(&entry, value) || !amount_before(&out->amount, &entry))
            fail(u, RC_STORE_DAMAGED);
        out->entries_count = lowest - 1;
    }
    return u->rc == RC_OK;
}

static void undo_change(struct undo *u, struct bytes account, struct bytes asset, bool credit,
                        uint64_t amount)
{
    uint8_t room[KV_KEY_BYTES_MAX], state_room[STATE_KEY_BYTES_MAX], value[PLACE_BYTES_MAX];
    struct state_balance balance;
    if (u->rc != RC_OK || !get_balance(u, account, asset, &balance))
        return;
    struct history_entry entry = {
        .place = u->place, .credit = credit, .amount = amount, .balance = balance.amount};
    if (balance.entries_count == 0 || !amount_before(&balance.amount, &entry)) {
        fail(u, RC_STORE_DAMAGED);
        return;
    }
    layer_put_index(u->layer, KV_HISTORY,
                    place_history_key(room, account, asset, balance.entries_count),
                    place_history_encode(value, &entry));
    balance.entries_count--;
    struct wr w = wr_of(value, sizeof value); /* as state.h has it */
    wr_u64(&w, balance.amount);
    wr_u64(&w, balance.entries_count);
    layer_put(u->layer, STATE_BALANCE, state_balance_key(state_room, account, asset),
              wr_bytes_of(&w));
}

/* A record's version as it was after the block that is being undone. In the layer only that number
 * is kept of a record. */
static bool get_version(struct undo *u, struct bytes key, uint64_t *version)
{
    struct bytes value;
    struct state_record record;
    if (layer_get(u->layer, STATE_RECORD, key, &value)) {
        struct rd r = rd_of(value);
        *version = rd_u64(&r);
        return true;
    }
    if (!flushed_get(u, STATE_RECORD, key, &value))
        return false;
    if (!state_record_decode(&record, value) || record.version == UINT64_MAX) {
        fail(u, RC_STORE_DAMAGED);
        return false;
    }
    *version = lowest_above(u, KV_RECORD, key, record.version, &value) - 1;
    return u->rc == RC_OK;
}

static void undo_record(struct undo *u, const struct op_record *op)
{
    uint8_t room[STATE_KEY_BYTES_MAX], index_room[KV_KEY_BYTES_MAX], value[PLACE_BYTES_MAX];
    struct state_key signer;
    struct bytes found;
    uint64_t version = 0;
    struct bytes signer_key = bytes_of(u->tx->signer.bytes, PUBLIC_KEY_BYTES);
    if (u->rc != RC_OK || !flushed_get(u, STATE_KEY, signer_key, &found))
        return;
    if (!state_key_decode(&signer, found)) { /* a key is one participant's for ever */
        fail(u, RC_STORE_DAMAGED);
        return;
    }
    struct bytes key = state_record_key(room, signer.participant, op->topic, op->key);
    if (!get_version(u, key, &version))
        return;
    if (version == 0) {
        fail(u, RC_STORE_DAMAGED);
        return;
    }
    layer_put_index(u->layer, KV_RECORD, place_record_key(index_room, key, version),
                    place_op_encode(value, &u->place));
    struct wr w = wr_of(value, sizeof value);
    wr_u64(&w, version - 1);
    layer_put(u->layer, STATE_RECORD, key, wr_bytes_of(&w));
}

/* Backward: what an operation did last comes first. */
static void undo_op(struct undo *u, const struct op *op)
{
    switch (op->type) {
    case OP_TRANSFER:
        undo_change(u, op->transfer.to, op->transfer.asset, true, op->transfer.amount);
        undo_change(u, op->transfer.from, op->transfer.asset, false, op->transfer.amount);
        break;
    case OP_ISSUE:
        undo_change(u, op->issue.to, op->issue.asset, true, op->issue.amount);
        break;
    case OP_REDEEM:
        undo_change(u, op->redeem.from, op->redeem.asset, false, op->redeem.amount);
        break;
    case OP_RECORD:
        undo_record(u, &op->record);
        break;
    case OP_KEY_ADD: /* these leave nothing in the indexes but names, which are there */
    case OP_KEY_REVOKE:
    case OP_CANCEL:
    case OP_TYPE_END:
        break;
    }
}

static void undo_tx(struct undo *u, struct op *ops)
{
    uint8_t room[KV_KEY_BYTES_MAX], value[PLACE_BYTES_MAX];
    struct rd r = tx_ops(u->tx);
    for (uint32_t i = 0; i < u->tx->ops_count; i++)
        op_decode_judged(&r, &ops[i]);
    for (uint32_t i = u->tx->ops_count; i > 0; i--) {
        u->place.op_index = (uint16_t)(i - 1);
        undo_op(u, &ops[i - 1]);
    }
    u->place.op_index = 0;
    struct bytes place = place_tx_encode(value, &u->place);
    layer_put_index(u->layer, KV_NONCE, place_nonce_key(room, &u->tx->signer, u->tx->nonce), place);
    layer_put_index(u->layer, KV_TXID, bytes_of(u->tx->id.bytes, DIGEST_BYTES), place);
}

enum rc store_undo_block(struct store *s, struct layer *undone, const struct block *block,
                         bool *is_good)
{
    struct undo u = {.store = s, .layer = undone};
    uint32_t txs_count = block->header.tx_count;
    struct tx *txs = mem_alloc((txs_count + 1) * sizeof *txs);
    struct op *ops = mem_alloc(TX_OPS_MAX * sizeof *ops);
    struct rd r = rd_of(block->body);
    *is_good = true;
    for (uint32_t i = 0; i < txs_count && *is_good; i++)
        *is_good = tx_decode(&txs[i], block_next_tx(&r), &block->header.chain_id) == VERDICT_OK;
    for (uint32_t i = txs_count; i > 0 && *is_good && u.rc == RC_OK; i--) {
        u.tx = &txs[i - 1];
        u.place = (struct place){.height = block->header.height, .tx_index = i - 1};
        undo_tx(&u, ops);
    }
    mem_free(txs);
    mem_free(ops);
    return u.rc;
}
