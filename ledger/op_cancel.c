/* cancel: no fields.
 * Does nothing, and is always valid: it consumes a nonce whose earlier transaction keeps being
 * refused (PROTOCOL.md 10.3). It must stand alone (tx.c), or other operations could make it fail.
 */
#include "ledger/apply.h"
#include "ledger/op_rules.h"

static void encode(struct buf *out, const struct op *op)
{
    (void)out;
    (void)op;
}

static void decode(struct rd *r, struct op *op)
{
    (void)r;
    (void)op;
}

static enum verdict judge(const struct op *op)
{
    (void)op;
    return VERDICT_OK;
}

static enum verdict apply(struct apply *a, const struct op *op)
{
    (void)a;
    (void)op;
    return VERDICT_OK;
}

const struct op_rules op_cancel_rules = {"cancel", encode, decode, judge, apply};
