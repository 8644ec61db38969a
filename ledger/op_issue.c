/* issue: to text8 | asset text8 | amount u64 | memo text8.
 * The asset's issuer makes new units of it and credits them to any account; the supply grows. */
#include "ledger/amount.h"
#include "ledger/apply.h"
#include "ledger/op_rules.h"

static void encode(struct buf *out, const struct op *op)
{
    buf_add_text8(out, op->issue.to);
    buf_add_text8(out, op->issue.asset);
    buf_add_u64(out, op->issue.amount);
    buf_add_text8(out, op->issue.memo);
}

static void decode(struct rd *r, struct op *op)
{
    op->issue.to = rd_text8(r);
    op->issue.asset = rd_text8(r);
    op->issue.amount = rd_u64(r);
    op->issue.memo = rd_text8(r);
}

static enum verdict judge(const struct op *op)
{
    if (!account_is_valid(op->issue.to))
        return VERDICT_BAD_NAME;
    return op_judge_money(op->issue.asset, op->issue.amount, op->issue.memo);
}

static enum verdict apply(struct apply *a, const struct op *op)
{
    const struct op_issue *i = &op->issue;
    struct state_asset asset;
    struct state_participant receiver;

    if (!state_get_asset(a->layer, i->asset, &asset))
        return VERDICT_UNKNOWN_ASSET;
    if (!bytes_equal(asset.issuer, a->participant))
        return VERDICT_NOT_THE_ISSUER;
    if (!state_get_participant(a->layer, account_participant(i->to), &receiver))
        return VERDICT_UNKNOWN_PARTICIPANT;
    if (!amount_add(&asset.supply, asset.supply, i->amount))
        return VERDICT_SUPPLY_OVERFLOW;
    state_put_asset(a->layer, i->asset, &asset, false);
    return apply_credit(a, i->to, i->asset, i->amount);
}

const struct op_rules op_issue_rules = {"issue", encode, decode, judge, apply};
