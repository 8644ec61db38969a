/* From plans in numbers to signed transactions. */
#include "tests/help/chain_plan.h"

#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"

enum { TEXT_ROOM = 96 };

/* The texts of one operation. */
struct texts {
    char from[CHAIN_ACCOUNT_ROOM];
    char to[CHAIN_ACCOUNT_ROOM];
    char participant[TEXT_ROOM];
    char topic[TEXT_ROOM];
    char key[TEXT_ROOM];
    char data[TEXT_ROOM];
    char memo[TEXT_ROOM];
};

static struct bytes print(char out[static TEXT_ROOM], const char *word, uint32_t number)
{
    int size = snprintf(out, TEXT_ROOM, "%s%u", word, number);
    CHECK(size > 0 && size < TEXT_ROOM);
    return bytes_of(out, (size_t)size);
}

static struct op make_record(struct texts *t, uint32_t number)
{
    /* Few topics and keys, so that records have several versions. */
    return (struct op){.type = OP_RECORD,
                       .record = {.topic = print(t->topic, "topic-", number % 3),
                                  .key = print(t->key, "key-", number % 17),
                                  .data = print(t->data, "what was recorded as number ", number)}};
}

static struct op make_key_op(struct texts *t, const struct chain *c, const struct plan_tx *tx,
                             const struct plan_op *plan)
{
    struct sign_key key;
    chain_make_key(&key, "participant", tx->participant, plan->number);
    struct op op = {.type = plan->type};
    if (plan->type == OP_KEY_REVOKE) {
        op.key_revoke.key = key.public;
        return op;
    }
    op.key_add.participant = print(t->participant, "p", tx->participant);
    op.key_add.key = key.public;
    op_key_add_consent(&op.key_add.consent, &c->genesis.chain_id, op.key_add.participant, &key);
    return op;
}

static struct op make_op(struct texts *t, const struct chain *c, const struct plan_tx *tx,
                         const struct plan_op *plan)
{
    struct bytes asset = bytes_of_text(chain_asset_codes[plan->asset]);
    struct bytes from = chain_account(t->from, c, plan->from);
    struct bytes to = chain_account(t->to, c, plan->to);
    struct bytes memo = print(t->memo, "no. ", (uint32_t)tx->nonce);
    uint64_t amount = plan->amount;
    struct op op = {.type = plan->type};
    switch (plan->type) {
    case OP_TRANSFER:
        op.transfer = (struct op_transfer){from, to, asset, amount, memo};
        return op;
    case OP_ISSUE:
        op.issue = (struct op_issue){to, asset, amount, memo};
        return op;
    case OP_REDEEM:
        op.redeem = (struct op_redeem){from, asset, amount, memo};
        return op;
    case OP_RECORD:
        return make_record(t, plan->number);
    case OP_KEY_ADD:
    case OP_KEY_REVOKE:
        return make_key_op(t, c, tx, plan);
    default:
        CHECK(plan->type == OP_CANCEL);
        return op;
    }
}

void plan_sign(struct plan_batch *b, const struct chain *c, uint32_t tx_index)
{
    struct plan_tx *tx = &b->txs[tx_index];
    struct op *ops = mem_alloc(tx->ops_count * sizeof *ops);
    struct texts *texts = mem_alloc(tx->ops_count * sizeof *texts);
    for (uint32_t i = 0; i < tx->ops_count; i++)
        ops[i] = make_op(&texts[i], c, tx, &b->ops[tx->ops_from + i]);
    struct tx_draft draft = {.nonce = tx->nonce, .ops = ops, .ops_count = tx->ops_count};
    buf_clear(&tx->bytes);
    CHECK(tx_sign(&tx->bytes, &draft, &tx->key, &c->genesis.chain_id) == VERDICT_OK);
    mem_free(texts);
    mem_free(ops);
}
