/* `hansa tx show`: what a transaction file says, and whether its signatures hold. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/render.h"
#include "tools/hansa/tx_file.h"

static uint32_t count_consents(const struct tx *tx)
{
    uint32_t count = 0;
    struct rd r = tx_ops(tx);
    struct op op;
    for (uint32_t i = 0; i < tx->ops_count && op_decode(&r, &op) == VERDICT_OK; i++)
        count += op.type == OP_KEY_ADD;
    return count;
}

static enum cli_exit answer(struct cli *c, const struct tx *tx, const struct genesis *g,
                            const char *quoted)
{
    enum verdict v = tx_verify(tx, &g->chain_id);
    uint32_t consents = count_consents(tx);
    if (c->json) {
        json_t *out = render_tx_json(tx, g);
        render_set_text(out, "chain", bytes_of_text(g->chain));
        json_object_set_new(out, "holds", json_boolean(v == VERDICT_OK));
        render_set_number(out, "consents", consents);
        cli_answer(c, out);
        return v == VERDICT_OK ? CLI_DONE : cli_fail_verdict(c, v, "%s", quoted);
    }
    render_tx_text(tx, g);
    if (v != VERDICT_OK) {
        cli_line("verified", "NO: %s", verdict_text(v));
        return cli_fail_verdict(c, v, "%s", quoted);
    }
    cli_line("verified", "yes: the signature%s valid on chain '%s'",
             consents > 0 ? " and the new keys' consents are" : " is", g->chain);
    return CLI_DONE;
}

static enum cli_exit show(struct cli *c, struct buf *file, const struct genesis *g)
{
    char quoted[CLI_QUOTE_BYTES];
    struct why why = {""};
    const char *path = cli_argument(c, 0);
    enum rc rc = tx_file_read(file, path, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    struct tx tx;
    enum verdict v = tx_decode(&tx, buf_bytes(file), &g->chain_id);
    if (v != VERDICT_OK)
        return cli_fail_verdict(c, v, "%s", cli_quote(quoted, path));
    return answer(c, &tx, g, cli_quote(quoted, path));
}

static enum cli_exit run(struct cli *c)
{
    return file_act_with_genesis(c, show);
}

static const struct cli_argument arguments[] = {
    {"FILE", CLI_REQUIRED, "a transaction as `hansa sign` makes it, bytes or hex"}, {0}};

static const struct cli_option options[] = {
    {"genesis", "FILE", CLI_OPTIONAL, "the chain's genesis file; else HANSA_GENESIS"}, {0}};

const struct command cmd_tx_show = {
    .words = "tx show",
    .summary = "show a transaction file, and verify its signatures",
    .arguments = arguments,
    .options = options,
    .text =
        "The txid and the signatures belong to one chain: with another genesis file they\n"
        "do not verify. What is wrong is shown all the same, also with --json, where \"holds\"\n"
        "says whether all signatures are valid.",
    .example = "hansa tx show pay.tx --genesis genesis.json",
    .exits = "0 valid; 1 a signature or a new key's consent is wrong; 3 not a transaction;\n"
             "5 a file cannot be read",
    .run = run,
};
