#include "tools/hansa/ops_read.h"

#include <string.h>

#include "crypto/base/check.h"
#include "ledger/amount.h"
#include "tools/hansa/cli.h"
#include "tools/hansa/files.h"
#include "tools/hansa/ops_read_parts.h"

/* ---- values ---- */

typedef bool judge_text(struct bytes text);

static enum rc read_text(struct bytes *out, const struct reading *r, const char *field,
                         judge_text *judge, const char *form)
{
    struct json_at at = json_field(r->at, field);
    enum rc rc = json_expect_text(out, &at, r->why);
    if (rc != RC_OK || judge(*out))
        return rc;
    return json_refuse(&at, r->why, "must be %s", form);
}

static enum rc read_account(struct bytes *out, const struct reading *r, const char *field)
{
    return read_text(out, r, field, account_is_valid,
                     "an account: participant/name, the participant of a-z, 0-9 and - (at most "
                     "32), the name of A-Z, a-z, 0-9, '.', '_' and - (at most 40)");
}

static bool is_memo(struct bytes text)
{
    return text.size <= MEMO_BYTES_MAX && text_is_valid(text);
}

static bool is_topic(struct bytes text)
{
    return text.size > 0 && text.size <= TOPIC_BYTES_MAX && text_is_valid(text);
}

static bool is_record_key(struct bytes text)
{
    return text.size > 0 && text.size <= RECORD_KEY_BYTES_MAX && text_is_valid(text);
}

static enum rc read_memo(struct bytes *out, const struct reading *r)
{
    *out = bytes_of(NULL, 0);
    if (json_field(r->at, "memo").value == NULL)
        return RC_OK;
    return read_text(out, r, "memo", is_memo,
                     "UTF-8 text of at most 128 bytes without control characters");
}

static enum rc read_asset(const struct initial_asset **out, const struct reading *r)
{
    struct json_at at = json_field(r->at, "asset");
    struct bytes code;
    enum rc rc = json_expect_text(&code, &at, r->why);
    if (rc != RC_OK)
        return rc;
    *out = genesis_asset(r->context->genesis, code);
    if (*out == NULL)
        return json_refuse(&at, r->why,
                           "is no asset of this chain: `hansa genesis show` lists them");
    return RC_OK;
}

static enum rc read_amount(struct bytes *asset_code, uint64_t *amount, const struct reading *r)
{
    const struct initial_asset *asset;
    enum rc rc = read_asset(&asset, r);
    if (rc != RC_OK)
        return rc;
    struct json_at at = json_field(r->at, "amount");
    struct bytes text;
    rc = json_expect_text(&text, &at, r->why);
    if (rc != RC_OK)
        return rc;
    *asset_code = bytes_of_text(asset->code);
    if (amount_parse(amount, text, asset->decimals))
        return RC_OK;
    char example[AMOUNT_TEXT_BYTES];
    char most[AMOUNT_TEXT_BYTES];
    uint64_t twelve = 12;
    for (uint8_t i = 0; i < asset->decimals; i++)
        twelve *= 10;
    amount_format(example, twelve, asset->decimals);
    amount_format(most, UINT64_MAX, asset->decimals);
    return json_refuse(&at, r->why,
                       "is not an amount of %s, which has %u decimal%s: digits alone and exactly "
                       "%u after the point, at most %s, for example %s",
                       asset->code, (unsigned)asset->decimals, cli_plural(asset->decimals),
                       (unsigned)asset->decimals, most, example);
}

enum rc ops_read_hex(uint8_t *out, size_t size, const struct reading *r, const char *field)
{
    struct json_at at = json_field(r->at, field);
    struct bytes text;
    enum rc rc = json_expect_text(&text, &at, r->why);
    if (rc != RC_OK)
        return rc;
    if (text.size != 2 * size || !hex_decode(out, size, (const char *)text.data))
        return json_refuse(&at, r->why, "must be %zu lower-case hex digits", 2 * size);
    return RC_OK;
}

/* ---- operations ---- */

static enum rc read_transfer(const struct reading *r)
{
    static const char *const names[] = {"op", "from", "to", "asset", "amount", "?memo", NULL};
    struct op_transfer *op = &r->op->transfer;
    enum rc rc = json_expect_object(r->at, names, r->why);
    if (rc == RC_OK)
        rc = read_account(&op->from, r, "from");
    if (rc == RC_OK)
        rc = read_account(&op->to, r, "to");
    if (rc == RC_OK)
        rc = read_amount(&op->asset, &op->amount, r);
    return rc == RC_OK ? read_memo(&op->memo, r) : rc;
}

static enum rc read_issue(const struct reading *r)
{
    static const char *const names[] = {"op", "to", "asset", "amount", "?memo", NULL};
    struct op_issue *op = &r->op->issue;
    enum rc rc = json_expect_object(r->at, names, r->why);
    if (rc == RC_OK)
        rc = read_account(&op->to, r, "to");
    if (rc == RC_OK)
        rc = read_amount(&op->asset, &op->amount, r);
    return rc == RC_OK ? read_memo(&op->memo, r) : rc;
}

static enum rc read_redeem(const struct reading *r)
{
    static const char *const names[] = {"op", "from", "asset", "amount", "?memo", NULL};
    struct op_redeem *op = &r->op->redeem;
    enum rc rc = json_expect_object(r->at, names, r->why);
    if (rc == RC_OK)
        rc = read_account(&op->from, r, "from");
    if (rc == RC_OK)
        rc = read_amount(&op->asset, &op->amount, r);
    return rc == RC_OK ? read_memo(&op->memo, r) : rc;
}

/* How many of these fields the operation has. */
static size_t count_fields(const struct reading *r, const char *const *fields)
{
    size_t count = 0;
    for (; *fields != NULL; fields++)
        count += json_field(r->at, *fields).value != NULL;
    return count;
}

static enum rc refuse_choice(const struct reading *r, const char *choices)
{
    struct json_at op = json_field(r->at, "op");
    return json_refuse(&op, r->why, "needs exactly one of %s", choices);
}

static enum rc read_data(struct bytes *out, const struct reading *r)
{
    static const char *const choices[] = {"data", "data_hex", "data_file", NULL};
    if (count_fields(r, choices) != 1)
        return refuse_choice(r, "data, data_hex and data_file");
    if (json_field(r->at, "data").value != NULL) {
        struct json_at at = json_field(r->at, "data");
        enum rc rc = json_expect_text(out, &at, r->why);
        if (rc == RC_OK && out->size > RECORD_DATA_BYTES_MAX)
            return why_set(r->why, RC_INVALID,
                           "%s: has %zu bytes; record data may have 32 KiB (%d bytes)", at.path,
                           out->size, (int)RECORD_DATA_BYTES_MAX);
        return rc;
    }
    bool is_file = json_field(r->at, "data_file").value != NULL;
    struct json_at at = json_field(r->at, is_file ? "data_file" : "data_hex");
    struct bytes text;
    enum rc rc = json_expect_text(&text, &at, r->why);
    if (rc != RC_OK)
        return rc;
    if (is_file) {
        rc = file_read(r->data, (const char *)text.data, RECORD_DATA_BYTES_MAX, "record data",
                       r->why);
        *out = buf_bytes(r->data);
        return rc == RC_OK ? rc : why_within(r->why, rc, "%s", at.path);
    }
    if (text.size > 2 * RECORD_DATA_BYTES_MAX || text.size % 2 != 0 ||
        !hex_decode(buf_grow(r->data, text.size / 2), text.size / 2, (const char *)text.data))
        return json_refuse(&at, r->why,
                           "must be lower-case hex digits, two for each of at most "
                           "32768 bytes");
    *out = buf_bytes(r->data);
    return RC_OK;
}

static enum rc read_record(const struct reading *r)
{
    static const char *const names[] = {"op",        "topic",      "key", "?data",
                                        "?data_hex", "?data_file", NULL};
    struct op_record *op = &r->op->record;
    enum rc rc = json_expect_object(r->at, names, r->why);
    if (rc == RC_OK)
        rc = read_text(&op->topic, r, "topic", is_topic,
                       "UTF-8 text of at most 64 bytes without control characters, and not empty");
    if (rc == RC_OK)
        rc = read_text(&op->key, r, "key", is_record_key,
                       "UTF-8 text of at most 128 bytes without control characters, and not empty");
    return rc == RC_OK ? read_data(&op->data, r) : rc;
}

static enum rc read_key_revoke(const struct reading *r)
{
    static const char *const names[] = {"op", "?key", "?key_file", NULL};
    static const char *const choices[] = {"key", "key_file", NULL};
    enum rc rc = json_expect_object(r->at, names, r->why);
    if (rc != RC_OK)
        return rc;
    if (count_fields(r, choices) != 1)
        return refuse_choice(r, "key and key_file");
    if (json_field(r->at, "key").value != NULL)
        return ops_read_hex(r->op->key_revoke.key.bytes, PUBLIC_KEY_BYTES, r, "key");
    struct json_at at = json_field(r->at, "key_file");
    struct bytes path;
    rc = json_expect_text(&path, &at, r->why);
    if (rc != RC_OK)
        return rc;
    struct key_public public;
    rc = file_read_public_key(&public, (const char *)path.data, r->why);
    if (rc != RC_OK)
        return why_within(r->why, rc, "%s", at.path);
    r->op->key_revoke.key = public.sign_public;
    return RC_OK;
}

static enum rc read_cancel(const struct reading *r)
{
    static const char *const names[] = {"op", NULL};
    return json_expect_object(r->at, names, r->why);
}

/* ---- lists ---- */

static enum rc read_op(const struct reading *r)
{
    static enum rc (*const readers[])(const struct reading *) = {
        [OP_TRANSFER] = read_transfer,   [OP_ISSUE] = read_issue,
        [OP_REDEEM] = read_redeem,       [OP_RECORD] = read_record,
        [OP_KEY_ADD] = ops_read_key_add, [OP_KEY_REVOKE] = read_key_revoke,
        [OP_CANCEL] = read_cancel,
    };
    if (!json_is_object(r->at->value))
        return json_refuse(r->at, r->why, "must be an object such as {\"op\": \"cancel\"}");
    struct json_at name_at = json_field(r->at, "op");
    if (name_at.value == NULL)
        return why_set(r->why, RC_INVALID, "%s: this field is missing", name_at.path);
    struct bytes name;
    enum rc rc = json_expect_text(&name, &name_at, r->why);
    if (rc != RC_OK)
        return rc;
    r->op->type = op_type_by_name((const char *)name.data);
    if (r->op->type == OP_TYPE_END)
        return json_refuse(&name_at, r->why,
                           "must be transfer, issue, redeem, record, key-add, key-revoke or "
                           "cancel");
    return readers[r->op->type](r);
}

enum rc ops_read(struct op_list *out, const struct json_at *at, const struct ops_context *context,
                 struct why *why)
{
    memset(out, 0, sizeof *out);
    bool is_one = json_is_object(at->value);
    enum rc rc = is_one ? RC_OK : json_expect_array(at, 1, TX_OPS_MAX, why);
    if (rc != RC_OK)
        return rc;
    out->count = is_one ? 1 : (uint32_t)json_items_count(at);
    out->ops = mem_alloc(out->count * sizeof *out->ops);
    out->data = mem_alloc(out->count * sizeof *out->data);
    for (uint32_t i = 0; i < out->count && rc == RC_OK; i++) {
        struct json_at item = is_one ? *at : json_item(at, i);
        struct reading r = {context, &item, &out->ops[i], &out->data[i], why};
        rc = read_op(&r);
    }
    if (rc != RC_OK)
        ops_close(out);
    return rc;
}

void ops_close(struct op_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        buf_free(&list->data[i]);
    mem_free(list->ops);
    mem_free(list->data);
    memset(list, 0, sizeof *list);
}
