/* `hansa sign ...`: one operation from options, or several from a JSON file. */
#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/ops_options.h"
#include "tools/hansa/sign.h"

/* ---- money ---- */

static enum cli_exit run_transfer(struct cli *c)
{
    return ops_from_options(c, OP_TRANSFER, sign_and_answer);
}

static const struct cli_option transfer_options[] = {OPS_TRANSFER_OPTIONS, SIGN_OPTIONS, {0}};

const struct command cmd_sign_transfer = {
    .words = "sign transfer",
    .summary = "sign a transfer, offline",
    .options = transfer_options,
    .example = "hansa sign transfer --key alice.key --genesis genesis.json --nonce 1 \\\n"
               "    --from alice/main --to bob/main --amount 12.00 --asset CZK --out pay.tx",
    .exits = SIGN_EXITS,
    .run = run_transfer,
};

static enum cli_exit run_issue(struct cli *c)
{
    return ops_from_options(c, OP_ISSUE, sign_and_answer);
}

static const struct cli_option issue_options[] = {OPS_ISSUE_OPTIONS, SIGN_OPTIONS, {0}};

const struct command cmd_sign_issue = {
    .words = "sign issue",
    .summary = "sign the issue of an asset by its issuer, offline",
    .options = issue_options,
    .example = "hansa sign issue --key bank.key --genesis genesis.json --nonce 1 \\\n"
               "    --to alice/main --amount 1000.00 --asset CZK --out issue.tx",
    .exits = SIGN_EXITS,
    .run = run_issue,
};

static enum cli_exit run_redeem(struct cli *c)
{
    return ops_from_options(c, OP_REDEEM, sign_and_answer);
}

static const struct cli_option redeem_options[] = {OPS_REDEEM_OPTIONS, SIGN_OPTIONS, {0}};

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

static enum cli_exit run_record(struct cli *c)
{
    return ops_from_options(c, OP_RECORD, sign_and_answer);
}

static const struct cli_option record_options[] = {OPS_RECORD_OPTIONS, SIGN_OPTIONS, {0}};

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

static enum cli_exit run_key_add(struct cli *c)
{
    return ops_from_options(c, OP_KEY_ADD, sign_and_answer);
}

static const struct cli_option key_add_options[] = {OPS_KEY_ADD_OPTIONS, SIGN_OPTIONS, {0}};

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

static enum cli_exit run_key_revoke(struct cli *c)
{
    return ops_from_options(c, OP_KEY_REVOKE, sign_and_answer);
}

static const struct cli_option key_revoke_options[] = {OPS_KEY_REVOKE_OPTIONS, SIGN_OPTIONS, {0}};

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
    return ops_from_options(c, OP_CANCEL, sign_and_answer);
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
