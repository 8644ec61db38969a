/* Transactions and their operations, as JSON and for people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/render.h"

/* ---- operations as JSON ---- */

static void set_movement(json_t *out, struct bytes asset, uint64_t amount, struct bytes memo,
                         const struct genesis *g)
{
    render_set_text(out, "asset", asset);
    render_amount_into(out, "amount", amount, asset, g);
    if (memo.size > 0)
        render_set_text(out, "memo", memo);
}

static void set_record(json_t *out, const struct op_record *record)
{
    render_set_text(out, "topic", record->topic);
    render_set_text(out, "key", record->key);
    if (text_is_valid(record->data))
        render_set_text(out, "data", record->data);
    else
        render_set_hex(out, "data_hex", record->data);
}

json_t *render_op_json(const struct op *op, const struct genesis *g)
{
    json_t *out = json_pack("{s:s}", "op", op_rules_of(op->type)->name);
    switch (op->type) {
    case OP_TRANSFER:
        render_set_text(out, "from", op->transfer.from);
        render_set_text(out, "to", op->transfer.to);
        set_movement(out, op->transfer.asset, op->transfer.amount, op->transfer.memo, g);
        break;
    case OP_ISSUE:
        render_set_text(out, "to", op->issue.to);
        set_movement(out, op->issue.asset, op->issue.amount, op->issue.memo, g);
        break;
    case OP_REDEEM:
        render_set_text(out, "from", op->redeem.from);
        set_movement(out, op->redeem.asset, op->redeem.amount, op->redeem.memo, g);
        break;
    case OP_RECORD:
        set_record(out, &op->record);
        break;
    case OP_KEY_ADD:
        render_set_text(out, "participant", op->key_add.participant);
        render_set_public_key(out, "key", &op->key_add.key);
        render_set_hex(out, "consent", bytes_of(op->key_add.consent.bytes, SIGNATURE_BYTES));
        break;
    case OP_KEY_REVOKE:
        render_set_public_key(out, "key", &op->key_revoke.key);
        break;
    case OP_CANCEL:
    case OP_TYPE_END:
        break;
    }
    return out;
}

/* ---- operations for people ---- */

static void print_text(struct bytes text)
{
    printf("%.*s", (int)text.size, (const char *)text.data);
}

static void print_memo(struct bytes memo)
{
    if (memo.size > 0)
        printf(", memo \"%.*s\"", (int)memo.size, (const char *)memo.data);
}

/* The first bytes of a record's data: enough to recognise it. */
static void print_data(struct bytes data)
{
    enum { SHOWN_BYTES_MAX = 64 };
    char *shown = cli_printable(
        bytes_of(data.data, data.size < SHOWN_BYTES_MAX ? data.size : (size_t)SHOWN_BYTES_MAX));
    printf(", %zu byte%s: \"%s\"%s", data.size, cli_plural(data.size), shown,
           data.size > SHOWN_BYTES_MAX ? "..." : "");
    mem_free(shown);
}

static void print_key(const char *words, const struct public_key *key)
{
    char hex[PUBLIC_KEY_HEX_BYTES];
    public_key_to_hex(hex, key);
    printf("%s%s", words, hex);
}

void render_op_text(const struct op *op, const struct genesis *g)
{
    char amount[RENDER_AMOUNT_BYTES];
    printf("%s ", op_rules_of(op->type)->name);
    switch (op->type) {
    case OP_TRANSFER:
        printf("%s from ", render_amount(amount, op->transfer.amount, op->transfer.asset, g));
        print_text(op->transfer.from);
        printf(" to ");
        print_text(op->transfer.to);
        print_memo(op->transfer.memo);
        break;
    case OP_ISSUE:
        printf("%s to ", render_amount(amount, op->issue.amount, op->issue.asset, g));
        print_text(op->issue.to);
        print_memo(op->issue.memo);
        break;
    case OP_REDEEM:
        printf("%s from ", render_amount(amount, op->redeem.amount, op->redeem.asset, g));
        print_text(op->redeem.from);
        print_memo(op->redeem.memo);
        break;
    case OP_RECORD:
        printf("topic \"%.*s\", key \"%.*s\"", (int)op->record.topic.size,
               (const char *)op->record.topic.data, (int)op->record.key.size,
               (const char *)op->record.key.data);
        print_data(op->record.data);
        break;
    case OP_KEY_ADD:
        print_key("", &op->key_add.key);
        printf(" to ");
        print_text(op->key_add.participant);
        break;
    case OP_KEY_REVOKE:
        print_key("", &op->key_revoke.key);
        break;
    case OP_CANCEL:
        printf("(uses up the nonce, changes nothing else)");
        break;
    case OP_TYPE_END:
        break;
    }
}

/* ---- transactions ---- */

static void next_op(struct rd *r, struct op *op)
{
    /* tx_decode() has judged these very bytes. */
    CHECK(op_decode(r, op) == VERDICT_OK);
}

json_t *render_tx_json(const struct tx *tx, const struct genesis *g)
{
    json_t *out = json_object();
    render_set_digest(out, "txid", &tx->id);
    render_set_public_key(out, "signer", &tx->signer);
    render_set_number(out, "nonce", tx->nonce);
    if (tx->valid_until_height > 0)
        render_set_number(out, "valid_until", tx->valid_until_height);
    else
        json_object_set_new(out, "valid_until", json_null());
    render_set_number(out, "bytes", tx->whole.size);
    json_t *ops = json_array();
    struct rd r = tx_ops(tx);
    for (uint32_t i = 0; i < tx->ops_count; i++) {
        struct op op;
        next_op(&r, &op);
        CHECK(json_array_append_new(ops, render_op_json(&op, g)) == 0);
    }
    CHECK(json_object_set_new(out, "operations", ops) == 0);
    render_set_hex(out, "signature", bytes_of(tx->signature.bytes, SIGNATURE_BYTES));
    return out;
}

void render_tx_text(const struct tx *tx, const struct genesis *g)
{
    char hex[DIGEST_HEX_BYTES];
    digest_to_hex(hex, &tx->id);
    cli_line("txid", "%s", hex);
    public_key_to_hex(hex, &tx->signer);
    cli_line("signer", "%s", hex);
    cli_line("nonce", "%" PRIu64, tx->nonce);
    if (tx->valid_until_height > 0)
        cli_line("valid until", "height %" PRIu64, tx->valid_until_height);
    else
        cli_line("valid until", "no limit");
    cli_line("bytes", "%zu", tx->whole.size);
    struct rd r = tx_ops(tx);
    for (uint32_t i = 0; i < tx->ops_count; i++) {
        struct op op;
        next_op(&r, &op);
        char name[24];
        snprintf(name, sizeof name, "operation %" PRIu32, i);
        printf("%s:%*s", name, 16 - (int)strlen(name), "");
        render_op_text(&op, g);
        putchar('\n');
    }
}
