#include "tools/hansa/ops_options.h"

#include <string.h>

#include "crypto/base/check.h"
#include "ledger/op_rules.h"
#include "tools/hansa/render.h"

/* An option and the field it becomes. */
struct field_of {
    const char *option;
    const char *field;
};
enum { FIELDS_MAX = 8 };

static const struct field_of fields[OP_TYPE_END][FIELDS_MAX] = {
    [OP_TRANSFER] = {{"from", "from"},
                     {"to", "to"},
                     {"asset", "asset"},
                     {"amount", "amount"},
                     {"memo", "memo"}},
    [OP_ISSUE] = {{"to", "to"}, {"asset", "asset"}, {"amount", "amount"}, {"memo", "memo"}},
    [OP_REDEEM] = {{"from", "from"}, {"asset", "asset"}, {"amount", "amount"}, {"memo", "memo"}},
    [OP_RECORD] = {{"topic", "topic"},
                   {"record-key", "key"},
                   {"data", "data"},
                   {"data-file", "data_file"}},
    [OP_KEY_ADD] = {{"new-key", "new_key_file"}, {"new-passphrase-file", "new_passphrase_file"}},
    [OP_KEY_REVOKE] = {{"revoke", "key_file"}, {"revoke-hex", "key"}},
};

/* Arguments are bytes, JSON texts are UTF-8: what is not is refused here. */
static enum cli_exit set_field(struct cli *c, json_t *op, const struct field_of *f)
{
    const char *text = cli_value(c, f->option);
    if (text == NULL)
        return CLI_DONE;
    json_t *value = json_string(text);
    if (value != NULL) {
        CHECK(json_object_set_new(op, f->field, value) == 0);
        return CLI_DONE;
    }
    /* A record may hold any bytes. */
    if (strcmp(f->field, "data") == 0) {
        render_set_hex(op, "data_hex", bytes_of_text(text));
        return CLI_DONE;
    }
    struct why why;
    char quoted[CLI_QUOTE_BYTES];
    return cli_fail(c,
                    why_set(&why, RC_INVALID, "--%s %s: this is not UTF-8 text: check the encoding",
                            f->option, cli_quote(quoted, text)),
                    &why);
}

static enum cli_exit judge_choice(struct cli *c, enum op_type type)
{
    if (type == OP_RECORD && cli_has(c, "data") == cli_has(c, "data-file"))
        return cli_usage(c, "give either --data TEXT or --data-file FILE");
    if (type == OP_KEY_REVOKE && cli_has(c, "revoke") == cli_has(c, "revoke-hex"))
        return cli_usage(c, "give either --revoke FILE.pub or --revoke-hex HEX");
    return CLI_DONE;
}

enum cli_exit ops_from_options(struct cli *c, enum op_type type, ops_act *act)
{
    const struct op_rules *rules = op_rules_of(type);
    CHECK(rules != NULL);
    enum cli_exit code = judge_choice(c, type);
    if (code != CLI_DONE)
        return code;
    json_t *op = json_pack("{s:s}", "op", rules->name);
    CHECK(op != NULL);
    for (size_t i = 0; fields[type][i].option != NULL && code == CLI_DONE; i++)
        code = set_field(c, op, &fields[type][i]);
    if (code == CLI_DONE)
        code = act(c, op, NULL);
    json_decref(op);
    return code;
}
