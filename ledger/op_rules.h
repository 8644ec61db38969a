/* The rows of op.c's table, one from each op_*.c. Nobody else needs them. */
#ifndef LEDGER_OP_RULES_H
#define LEDGER_OP_RULES_H

#include "ledger/op.h"

extern const struct op_rules op_transfer_rules;
extern const struct op_rules op_issue_rules;
extern const struct op_rules op_redeem_rules;
extern const struct op_rules op_record_rules;
extern const struct op_rules op_key_add_rules;
extern const struct op_rules op_key_revoke_rules;
extern const struct op_rules op_cancel_rules;

/* What operations on money have in common: an asset's code, an amount above zero, a memo. */
enum verdict op_judge_money(struct bytes asset, uint64_t amount, struct bytes memo);

#endif
