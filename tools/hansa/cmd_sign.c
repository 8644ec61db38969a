/* `hansa sign ...`: one operation from options, or several from a JSON file. */
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/ops_read.h"
#include "tools/hansa/render.h"
#include "tools/hansa/sign.h"

/* ---- options become JSON ---- */

/* An option and the field it becomes. */
struct field_of {
    const char *option;
    const char *field;
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

static enum cli_exit sign_one(struct cli *c, const char *name, const struct field_of *fields)
{
    json_t *op = json_pack("{s:s}", "op", name);
    enum cli_exit code = CLI_DONE;
    for (; fields->option != NULL && code == CLI_DONE; fields++)
        code = set_field(c, op, fields);
    if (code == CLI_DONE)
        code = sign_and_answer(c, op, NULL);
    json_decref(op);
    return code;
}

/* ---- money ---- */

static const struct field_of money_fields[] = {{"from", "from"},   {"to", "to"},
                                               {"asset", "asset"}, {"amount", "amount"},
                                               {"memo", "memo"},   {0}};

static enum cli_exit run_transfer(struct cli *c)
{
    return sign_one(c, "transfer", money_fields);
}

static const struct cli_option transfer_options[] = {
    {"from", "ACCOUNT", CLI_REQUIRED, "the signer's account: participant/name"},
    {"to", "ACCOUNT", CLI_REQUIRED, "the receiving account"},
    {"amount", "AMOUNT", CLI_REQUIRED, "with exactly the asset's decimals: 12.00"},
    {"asset", "CODE", CLI_REQUIRED, "the asset"},
    {"memo", "TEXT", CLI_OPTIONAL, "at most 128 bytes; everybody can read it"},
    SIGN_OPTIONS,
    {0}};

const struct command cmd_sign_transfer = {
    .words = "sign transfer",
    .summary = "sign a transfer, offline",
    .options = transfer_options,
    .example = "hansa sign transfer --key alice.key --genesis genesis.json --nonce 1 \\\n"
               "    --from alice/main --to bob/main --amount 12.00 --asset CZK --out pay.tx",
    .exits = SIGN_EXITS,
    .run = run_transfer,
};

static const struct field_of issue_fields[] = {
    {"to", "to"}, {"asset", "asset"}, {"amount", "amount"}, {"memo", "memo"}, {0}};

static enum cli_exit run_issue(struct cli *c)
{
    return sign_one(c, "issue", issue_fields);
}

static const struct cli_option issue_options[] = {
    {"to", "ACCOUNT", CLI_REQUIRED, "the account that gets it"},
    {"amount", "AMOUNT", CLI_REQUIRED, "with exactly the asset's decimals: 12.00"},
    {"asset", "CODE", CLI_REQUIRED, "an asset that the signer issues"},
    {"memo", "TEXT", CLI_OPTIONAL, "at most 128 bytes; everybody can read it"},
    SIGN_OPTIONS,
    {0}};

const struct command cmd_sign_issue = {
    .words = "sign issue",
    .summary = "sign the issue of an asset by its issuer, offline",
    .options = issue_options,
    .example = "hansa sign issue --key bank.key --genesis genesis.json --nonce 1 \\\n"
               "    --to alice/main --amount 1000.00 --asset CZK --out issue.tx",
    .exits = SIGN_EXITS,
    .run = run_issue,
};

static const struct field_of redeem_fields[] = {
    {"from", "from"}, {"asset", "asset"}, {"amount", "amount"}, {"memo", "memo"}, {0}};

static enum cli_exit run_redeem(struct cli *c)
{
    return sign_one(c, "redeem", redeem_fields);
}

static const struct cli_option redeem_options[] = {
    {"from", "ACCOUNT", CLI_REQUIRED, "the issuer's own account"},
    {"amount", "AMOUNT", CLI_REQUIRED, "with exactly the asset's decimals: 12.00"},
    {"asset", "CODE", CLI_REQUIRED, "an asset that the signer issues"},
    {"memo", "TEXT", CLI_OPTIONAL, "at most 128 bytes; everybody can read it"},
    SIGN_OPTIONS,
    {0}};

const struct command cmd_sign_redeem = {
    .words = "sign redeem",
    .summary = "sign the redemption of an asset by its issuer, offline",
    .options = redeem_options,
    .example = "hansa sign redeem --key bank.key --genesis genesis.json --nonce 2 \\\n"
               "    --from bank/main --amount 1000.00 --asset CZK --out redeem.tx",
    .exits = SIGN_EXITS,
    .run = run_redeem,
};

/* ---- records ---- */

static const struct field_of record_fields[] = {
    {"topic", "topic"}, {"record-key", "key"}, {"data", "data"}, {"data-file", "data_file"}, {0}};

static enum cli_exit run_record(struct cli *c)
{
    if (cli_has(c, "data") == cli_has(c, "data-file"))
        return cli_usage(c, "give either --data TEXT or --data-file FILE");
    return sign_one(c, "record", record_fields);
}

static const struct cli_option record_options[] = {
    {"topic", "TEXT", CLI_REQUIRED, "what kind of record: at most 64 bytes"},
    {"record-key", "TEXT", CLI_REQUIRED, "which one: at most 128 bytes"},
    {"data", "TEXT", CLI_OPTIONAL, "its content: at most 32 KiB; everybody can read it"},
    {"data-file", "FILE", CLI_OPTIONAL, "the same from a file, any bytes"},
    SIGN_OPTIONS,
    {0}};

const struct command cmd_sign_record = {
    .words = "sign record",
    .summary = "sign a record under the signer's participant, offline",
    .options = record_options,
    .text = "A record is known by participant, topic and key; the same again is its next version.",
    .example = "hansa sign record --key school.key --genesis genesis.json --nonce 7 \\\n"
               "    --topic diploma --record-key 2026/0042 --data-file diploma.pdf --out rec.tx",
    .exits = SIGN_EXITS,
    .run = run_record,
};

/* ---- keys ---- */

static const struct field_of key_add_fields[] = {
    {"new-key", "new_key_file"}, {"new-passphrase-file", "new_passphrase_file"}, {0}};

static enum cli_exit run_key_add(struct cli *c)
{
    return sign_one(c, "key-add", key_add_fields);
}

static const struct cli_option key_add_options[] = {
    {"new-key", "FILE", CLI_REQUIRED, "the new key's secret file: it gives its consent"},
    {"new-passphrase-file", "FILE", CLI_OPTIONAL, "its passphrase; else asked at the terminal"},
    SIGN_OPTIONS,
    {0}};

const struct command cmd_sign_key_add = {
    .words = "sign key-add",
    .summary = "sign the addition of a key to the signer's participant, offline",
    .options = key_add_options,
    .text = "The new key is made by `hansa keygen` with the participant's name. A participant has\n"
            "at most 8 active keys, and a key belongs to one participant for ever.",
    .example = "hansa keygen alice --network demo --out alice-2.key\n"
               "hansa sign key-add --key alice.key --genesis genesis.json --nonce 3 \\\n"
               "    --new-key alice-2.key --out add.tx",
    .exits = SIGN_EXITS,
    .run = run_key_add,
};

static const struct field_of key_revoke_fields[] = {
    {"revoke", "key_file"}, {"revoke-hex", "key"}, {0}};

static enum cli_exit run_key_revoke(struct cli *c)
{
    if (cli_has(c, "revoke") == cli_has(c, "revoke-hex"))
        return cli_usage(c, "give either --revoke FILE.pub or --revoke-hex HEX");
    return sign_one(c, "key-revoke", key_revoke_fields);
}

static const struct cli_option key_revoke_options[] = {
    {"revoke", "FILE.pub", CLI_OPTIONAL, "the public file of the key to revoke"},
    {"revoke-hex", "HEX", CLI_OPTIONAL, "or the public key itself, 64 hex digits"},
    SIGN_OPTIONS,
    {0}};

const struct command cmd_sign_key_revoke = {
    .words = "sign key-revoke",
    .summary = "sign the revocation of a key of the signer's participant, offline",
    .options = key_revoke_options,
    .text = "A revoked key never comes back. The last key of a participant cannot be revoked.",
    .example = "hansa sign key-revoke --key alice-2.key --genesis genesis.json --nonce 1 \\\n"
               "    --revoke alice.key.pub --out revoke.tx",
    .exits = SIGN_EXITS,
    .run = run_key_revoke,
};

/* ---- nothing, and several ---- */

static enum cli_exit run_cancel(struct cli *c)
{
    static const struct field_of none[] = {{0}};
    return sign_one(c, "cancel", none);
}

static const struct cli_option cancel_options[] = {SIGN_OPTIONS, {0}};

const struct command cmd_sign_cancel = {
    .words = "sign cancel",
    .summary = "sign a transaction that only uses up its nonce, offline",
    .options = cancel_options,
    .text = "Once it is committed, another transaction with this nonce never will be.",
    .example = "hansa sign cancel --key alice.key --genesis genesis.json --nonce 4 --out no.tx",
    .exits = SIGN_EXITS,
    .run = run_cancel,
};

/* 1000 operations fit a transaction of 128 KiB; JSON spells them out, with room. */
enum { OPS_FILE_BYTES_MAX = 4 * 1024 * 1024 };

static enum cli_exit run_ops(struct cli *c)
{
    struct why why = {""};
    json_t *ops;
    const char *path = cli_value(c, "ops");
    enum rc rc = file_read_json(&ops, path, OPS_FILE_BYTES_MAX, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    char quoted[CLI_QUOTE_BYTES];
    enum cli_exit code = sign_and_answer(c, ops, cli_quote(quoted, path));
    json_decref(ops);
    return code;
}

static const struct cli_option ops_options[] = {
    {"ops", "FILE.json", CLI_REQUIRED, "a JSON list of 1 to 1000 operations, or one alone"},
    SIGN_OPTIONS,
    {0}};

const struct command cmd_sign = {
    .words = "sign",
    .summary = "sign several operations as one transaction, offline",
    .options = ops_options,
    .text = "All of them take effect, or none. The file, at most 4 MiB, holds a JSON list of 1 to\n"
            "1000 such objects, or one alone; files named in it are seen from the current\n"
            "directory. `hansa sign transfer` and so on sign one without a file.\n"
            "  {\"op\": \"transfer\", \"from\": \"a/x\", \"to\": \"b/y\", \"asset\": \"CZK\",\n"
            "   \"amount\": \"12.00\", \"memo\": \"rent\"}        memo may be left out\n"
            "  {\"op\": \"issue\", \"to\", \"asset\", \"amount\", \"memo\"}\n"
            "  {\"op\": \"redeem\", \"from\", \"asset\", \"amount\", \"memo\"}\n"
            "  {\"op\": \"record\", \"topic\", \"key\", and one of \"data\", \"data_hex\", "
            "\"data_file\"}\n"
            "  {\"op\": \"key-add\", \"new_key_file\", \"new_passphrase_file\"}   the latter if "
            "sealed,\n"
            "      or \"key\" and \"consent\" in hex, as tx show --json gives them\n"
            "  {\"op\": \"key-revoke\", and one of \"key\", \"key_file\"}\n"
            "  {\"op\": \"cancel\"}                              alone\n"
            "`hansa tx show --json` shows operations in the same form.",
    .example = "hansa sign --ops wages.json --key firm.key --genesis genesis.json --nonce 9 \\\n"
               "    --valid-until 5000 --out wages.tx",
    .exits = SIGN_EXITS,
    .run = run_ops,
};
