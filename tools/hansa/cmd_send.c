/* `hansa transfer`, `issue`, `redeem`, `record put`, `key add`, `key revoke` and `cancel`: one
 * operation from options, signed with the key's next nonce, sent, and followed to its outcome. */
#include "tools/hansa/commands.h"
#include "tools/hansa/ops_options.h"
#include "tools/hansa/send.h"

/* ---- money ---- */

static enum cli_exit run_transfer(struct cli *c)
{
    return ops_from_options(c, OP_TRANSFER, send_and_answer);
}

static const struct cli_option transfer_options[] = {OPS_TRANSFER_OPTIONS, SEND_OPTIONS, {0}};

const struct command cmd_transfer = {
    .words = "transfer",
    .summary = "move money from one account to another",
    .options = transfer_options,
    .text = SEND_TEXT,
    .example = "hansa transfer --key alice.key --genesis genesis.json --from alice/main \\\n"
               "    --to bob/main --amount 12.00 --asset CZK --receipt pay.receipt",
    .exits = SEND_EXITS,
    .run = run_transfer,
};

static enum cli_exit run_issue(struct cli *c)
{
    return ops_from_options(c, OP_ISSUE, send_and_answer);
}

static const struct cli_option issue_options[] = {OPS_ISSUE_OPTIONS, SEND_OPTIONS, {0}};

const struct command cmd_issue = {
    .words = "issue",
    .summary = "issue more of an asset, as its issuer",
    .options = issue_options,
    .text = SEND_TEXT,
    .example = "hansa issue --key bank.key --genesis genesis.json --to alice/main \\\n"
               "    --amount 1000.00 --asset CZK",
    .exits = SEND_EXITS,
    .run = run_issue,
};

static enum cli_exit run_redeem(struct cli *c)
{
    return ops_from_options(c, OP_REDEEM, send_and_answer);
}

static const struct cli_option redeem_options[] = {OPS_REDEEM_OPTIONS, SEND_OPTIONS, {0}};

const struct command cmd_redeem = {
    .words = "redeem",
    .summary = "take an asset out of the world, as its issuer",
    .options = redeem_options,
    .text = SEND_TEXT,
    .example = "hansa redeem --key bank.key --genesis genesis.json --from bank/main \\\n"
               "    --amount 1000.00 --asset CZK",
    .exits = SEND_EXITS,
    .run = run_redeem,
};

/* ---- records ---- */

static enum cli_exit run_record(struct cli *c)
{
    return ops_from_options(c, OP_RECORD, send_and_answer);
}

static const struct cli_option record_options[] = {OPS_RECORD_OPTIONS, SEND_OPTIONS, {0}};

const struct command cmd_record_put = {
    .words = "record put",
    .summary = "record data under a topic and key of the signer's participant",
    .options = record_options,
    .text = "A record is known by participant, topic and key; the same again is its next "
            "version.\n" SEND_TEXT,
    .example = "hansa record put --key school.key --genesis genesis.json --topic diploma \\\n"
               "    --record-key 2026/0042 --data-file diploma.pdf --receipt diploma.receipt",
    .exits = SEND_EXITS,
    .run = run_record,
};

/* ---- keys ---- */

static enum cli_exit run_key_add(struct cli *c)
{
    return ops_from_options(c, OP_KEY_ADD, send_and_answer);
}

static const struct cli_option key_add_options[] = {OPS_KEY_ADD_OPTIONS, SEND_OPTIONS, {0}};

const struct command cmd_key_add = {
    .words = "key add",
    .summary = "add a key to the signer's participant",
    .options = key_add_options,
    .text = "The new key is made by `hansa keygen` with the participant's name. A participant has\n"
            "at most 8 active keys, and a key belongs to one participant for ever.\n" SEND_TEXT,
    .example = "hansa keygen alice --network demo --out alice-2.key\n"
               "hansa key add --key alice.key --genesis genesis.json --new-key alice-2.key",
    .exits = SEND_EXITS,
    .run = run_key_add,
};

static enum cli_exit run_key_revoke(struct cli *c)
{
    return ops_from_options(c, OP_KEY_REVOKE, send_and_answer);
}

static const struct cli_option key_revoke_options[] = {OPS_KEY_REVOKE_OPTIONS, SEND_OPTIONS, {0}};

const struct command cmd_key_revoke = {
    .words = "key revoke",
    .summary = "revoke a key of the signer's participant, for ever",
    .options = key_revoke_options,
    .text = "A revoked key never comes back. The last key of a participant cannot be "
            "revoked.\n" SEND_TEXT,
    .example = "hansa key revoke --key alice-2.key --genesis genesis.json --revoke alice.key.pub",
    .exits = SEND_EXITS,
    .run = run_key_revoke,
};

/* ---- nothing ---- */

static enum cli_exit run_cancel(struct cli *c)
{
    return ops_from_options(c, OP_CANCEL, send_and_answer);
}

static const struct cli_option cancel_options[] = {SEND_OPTIONS, {0}};

const struct command cmd_cancel = {
    .words = "cancel",
    .summary = "use up the key's next nonce, so that another transaction of it never commits",
    .options = cancel_options,
    .text =
        "For a transaction that was refused, and so keeps its nonce open: whichever of the two\n"
        "commits first, the other is rejected for good.\n" SEND_TEXT,
    .example = "hansa cancel --key alice.key --genesis genesis.json --nonce 4",
    .exits = SEND_EXITS,
    .run = run_cancel,
};
