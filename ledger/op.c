#include "ledger/op.h"

#include <string.h>

#include "crypto/base/check.h"
#include "ledger/op_rules.h"

static const struct op_rules *const rules[OP_TYPE_END] = {
    [OP_TRANSFER] = &op_transfer_rules, [OP_ISSUE] = &op_issue_rules,
    [OP_REDEEM] = &op_redeem_rules,     [OP_RECORD] = &op_record_rules,
    [OP_KEY_ADD] = &op_key_add_rules,   [OP_KEY_REVOKE] = &op_key_revoke_rules,
    [OP_CANCEL] = &op_cancel_rules,
};

const struct op_rules *op_rules_of(enum op_type type)
{
    return (unsigned)type < OP_TYPE_END ? rules[type] : NULL;
}

enum op_type op_type_by_name(const char *name)
{
    for (enum op_type type = OP_TRANSFER; type < OP_TYPE_END; type++)
        if (strcmp(rules[type]->name, name) == 0)
            return type;
    return OP_TYPE_END;
}

void op_encode(struct buf *out, const struct op *op)
{
    CHECK(op_rules_of(op->type) != NULL);
    buf_add_u8(out, (uint8_t)op->type);
    op_rules_of(op->type)->encode(out, op);
}

enum verdict op_decode(struct rd *r, struct op *op)
{
    *op = (struct op){.type = (enum op_type)rd_u8(r)};
    if (r->failed)
        return VERDICT_MALFORMED;
    const struct op_rules *found = op_rules_of(op->type);
    if (found == NULL)
        return VERDICT_UNKNOWN_OP;
    found->decode(r, op);
    return r->failed ? VERDICT_MALFORMED : found->judge(op);
}

void op_decode_judged(struct rd *r, struct op *op)
{
    *op = (struct op){.type = (enum op_type)rd_u8(r)};
    CHECK(op_rules_of(op->type) != NULL);
    op_rules_of(op->type)->decode(r, op);
    CHECK(!r->failed);
}
