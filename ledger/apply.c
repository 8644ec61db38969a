#include "ledger/apply.h"

#include "crypto/base/check.h"
#include "ledger/amount.h"

/* ---- for operations ---- */

enum verdict apply_own_account(const struct apply *a, struct bytes account)
{
    bool is_own = bytes_equal(account_participant(account), a->participant);
    return is_own ? VERDICT_OK : VERDICT_FOREIGN_ACCOUNT;
}

/* Write the changed balance and the history entry that the change is. */
static void put_change(struct apply *a, struct bytes account, struct bytes asset,
                       struct state_balance *balance, bool is_new, bool credit, uint64_t amount)
{
    uint8_t key[KV_KEY_BYTES_MAX], value[PLACE_BYTES_MAX];
    balance->entries_count++;
    state_put_balance(a->layer, account, asset, balance, is_new);
    struct history_entry entry = {
        .place = a->place, .credit = credit, .amount = amount, .balance = balance->amount};
    layer_put_index(a->layer, KV_HISTORY,
                    place_history_key(key, account, asset, balance->entries_count),
                    place_history_encode(value, &entry));
}

enum verdict apply_credit(struct apply *a, struct bytes account, struct bytes asset,
                          uint64_t amount)
{
    struct state_balance balance;
    bool is_new = !state_get_balance(a->layer, account, asset, &balance);
    if (!amount_add(&balance.amount, balance.amount, amount))
        return VERDICT_BALANCE_OVERFLOW;
    put_change(a, account, asset, &balance, is_new, true, amount);
    return VERDICT_OK;
}

enum verdict apply_debit(struct apply *a, struct bytes account, struct bytes asset, uint64_t amount)
{
    struct state_balance balance;
    if (!state_get_balance(a->layer, account, asset, &balance))
        return VERDICT_OVERDRAFT;
    if (!amount_subtract(&balance.amount, balance.amount, amount))
        return VERDICT_OVERDRAFT;
    put_change(a, account, asset, &balance, false, false, amount);
    return VERDICT_OK;
}

/* ---- transactions ---- */

static enum verdict judge_signer(const struct tx *tx, const struct state_key *key, bool is_known,
                                 uint64_t height)
{
    if (!is_known)
        return VERDICT_UNKNOWN_KEY;
    if (key->revoked)
        return VERDICT_REVOKED_KEY;
    if (tx->nonce <= key->nonce)
        return VERDICT_NONCE_USED;
    if (tx->valid_until_height != 0 && height > tx->valid_until_height)
        return VERDICT_EXPIRED;
    /* Contiguous (pitfalls E1): in the signer's own order, and nothing is ever skipped. */
    return tx->nonce == key->nonce + 1 ? VERDICT_OK : VERDICT_NONCE_GAP;
}

static void put_tx(struct apply *a, struct state_key *key)
{
    uint8_t room[KV_KEY_BYTES_MAX], value[PLACE_BYTES_MAX];
    struct bytes place = place_tx_encode(value, &a->place);

    key->nonce = a->tx->nonce;
    state_put_key(a->layer, &a->tx->signer, key, false);
    layer_put_index(a->layer, KV_NONCE, place_nonce_key(room, &a->tx->signer, a->tx->nonce), place);
    layer_put_index(a->layer, KV_TXID, bytes_of(a->tx->id.bytes, DIGEST_BYTES), place);
}

static enum verdict apply_ops(struct apply *a)
{
    struct rd r = tx_ops(a->tx);
    for (uint32_t i = 0; i < a->tx->ops_count; i++) {
        struct op op;
        op_decode_judged(&r, &op);
        a->place.op_index = (uint16_t)i;
        enum verdict verdict = op_rules_of(op.type)->apply(a, &op);
        if (verdict != VERDICT_OK)
            return verdict;
    }
    return VERDICT_OK;
}

enum rc apply_tx(enum verdict *out, struct layer *l, const struct tx *tx, uint64_t height,
                 uint32_t tx_index)
{
    struct state_key key;
    size_t mark = layer_mark(l);
    CHECK(layer_rc(l) == RC_OK);

    bool is_known = state_get_key(l, &tx->signer, &key);
    *out = judge_signer(tx, &key, is_known, height);
    if (layer_rc(l) != RC_OK || *out != VERDICT_OK)
        return layer_rc(l);

    struct apply a = {.layer = l,
                      .tx = tx,
                      .place = {.height = height, .tx_index = tx_index},
                      .participant = key.participant};
    put_tx(&a, &key);
    *out = apply_ops(&a);
    if (*out != VERDICT_OK || layer_rc(l) != RC_OK)
        layer_rollback(l, mark);
    return layer_rc(l);
}
