/* transfer: from text8 | to text8 | asset text8 | amount u64 | memo text8.
 * Moves an amount from an account of the signer's participant to any other account, which comes
 * into being with its first credit. From an account to itself is refused as a mistake. */
#include "ledger/apply.h"
#include "ledger/op_rules.h"

enum verdict op_judge_money(struct bytes asset, uint64_t amount, struct bytes memo)
{
    if (!asset_is_valid(asset))
        return VERDICT_BAD_NAME;
    if (amount == 0)
        return VERDICT_ZERO_AMOUNT;
    if (memo.size > MEMO_BYTES_MAX || !text_is_valid(memo))
        return VERDICT_BAD_TEXT;
    return VERDICT_OK;
}

static void encode(struct buf *out, const struct op *op)
{
    buf_add_text8(out, op->transfer.from);
    buf_add_text8(out, op->transfer.to);
    buf_add_text8(out, op->transfer.asset);
    buf_add_u64(out, op->transfer.amount);
    buf_add_text8(out, op->transfer.memo);
}

static void decode(struct rd *r, struct op *op)
{
    op->transfer.from = rd_text8(r);
    op->transfer.to = rd_text8(r);
    op->transfer.asset = rd_text8(r);
    op->transfer.amount = rd_u64(r);
    op->transfer.memo = rd_text8(r);
}

static enum verdict judge(const struct op *op)
{
    const struct op_transfer *t = &op->transfer;
    if (!account_is_valid(t->from) || !account_is_valid(t->to))
        return VERDICT_BAD_NAME;
    if (bytes_equal(t->from, t->to))
        return VERDICT_SELF_TRANSFER;
    return op_judge_money(t->asset, t->amount, t->memo);
}

static enum verdict apply(struct apply *a, const struct op *op)
{
    const struct op_transfer *t = &op->transfer;
    struct state_asset asset;
    struct state_participant receiver;

    enum verdict own = apply_own_account(a, t->from);
    if (own != VERDICT_OK)
        return own;
    if (!state_get_asset(a->layer, t->asset, &asset))
        return VERDICT_UNKNOWN_ASSET;
    if (!state_get_participant(a->layer, account_participant(t->to), &receiver))
        return VERDICT_UNKNOWN_PARTICIPANT;
    enum verdict debit = apply_debit(a, t->from, t->asset, t->amount);
    if (debit != VERDICT_OK)
        return debit;
    return apply_credit(a, t->to, t->asset, t->amount);
}

const struct op_rules op_transfer_rules = {"transfer", encode, decode, judge, apply};
