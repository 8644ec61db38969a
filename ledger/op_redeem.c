/* redeem: from text8 | asset text8 | amount u64 | memo text8.
 * The asset's issuer takes units out of one of its own accounts and out of the world. Others'
 * units have to be transferred to the issuer first: only a participant's keys debit its accounts.
 */
#include "ledger/amount.h"
#include "ledger/apply.h"
#include "ledger/op_rules.h"

static void encode(struct buf *out, const struct op *op)
{
    buf_add_text8(out, op->redeem.from);
    buf_add_text8(out, op->redeem.asset);
    buf_add_u64(out, op->redeem.amount);
    buf_add_text8(out, op->redeem.memo);
}

static void decode(struct rd *r, struct op *op)
{
    op->redeem.from = rd_text8(r);
    op->redeem.asset = rd_text8(r);
    op->redeem.amount = rd_u64(r);
    op->redeem.memo = rd_text8(r);
}

static enum verdict judge(const struct op *op)
{
    if (!account_is_valid(op->redeem.from))
        return VERDICT_BAD_NAME;
    return op_judge_money(op->redeem.asset, op->redeem.amount, op->redeem.memo);
}

static enum verdict apply(struct apply *a, const struct op *op)
{
    const struct op_redeem *r = &op->redeem;
    struct state_asset asset;

    enum verdict own = apply_own_account(a, r->from);
    if (own != VERDICT_OK)
        return own;
    if (!state_get_asset(a->layer, r->asset, &asset))
        return VERDICT_UNKNOWN_ASSET;
    if (!bytes_equal(asset.issuer, a->participant))
        return VERDICT_NOT_THE_ISSUER;
    enum verdict debit = apply_debit(a, r->from, r->asset, r->amount);
    if (debit != VERDICT_OK)
        return debit;
    /* A supply below one of its own balances cannot come of any transaction: the state is rotten.
     */
    if (!amount_subtract(&asset.supply, asset.supply, r->amount))
        layer_fail(a->layer, RC_STORE_DAMAGED);
    state_put_asset(a->layer, r->asset, &asset, false);
    return VERDICT_OK;
}

const struct op_rules op_redeem_rules = {"redeem", encode, decode, judge, apply};
