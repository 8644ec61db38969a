/* `hansa submit`, `hansa wait` and `hansa receipt get`: transactions that are signed or sent
 * already. */
#include <stdio.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/data_dir.h"
#include "tools/hansa/files.h"
#include "tools/hansa/outcome.h"
#include "tools/hansa/render.h"
#include "tools/hansa/tx_file.h"

/* ---- submit ---- */

/* Whether all nodes will say so too is not worth a question when the bytes alone tell. */
static enum cli_exit judge(struct cli *c, struct tx *tx, struct buf *file, const struct genesis *g)
{
    char quoted[CLI_QUOTE_BYTES];
    struct why why = {""};
    const char *path = cli_argument(c, 0);
    enum rc rc = tx_file_read(file, path, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    enum verdict v = tx_decode(tx, buf_bytes(file), &g->chain_id);
    if (v == VERDICT_OK)
        v = tx_verify(tx, &g->chain_id);
    if (v != VERDICT_OK)
        return cli_fail_verdict(c, v, "%s: not sent", cli_quote(quoted, path));
    return CLI_DONE;
}

static enum cli_exit submit(struct cli *c, struct nodes *n, struct buf *file)
{
    struct tx tx;
    struct submit_end end;
    struct why why = {""};
    enum cli_exit code = judge(c, &tx, file, n->genesis);
    if (code != CLI_DONE)
        return code;
    const struct outcome_of o = {.txid = tx.id, .nonce = tx.nonce, .is_kept = true};
    outcome_announce(c, &o);
    enum rc rc = submit_txs(n, &tx.whole, 1, &end, &why);
    return outcome_answer(c, n, &o, &end, rc, &why);
}

static enum cli_exit run_submit(struct cli *c)
{
    struct nodes nodes;
    struct buf file = {0};
    enum cli_exit code = outcome_judge_receipt(c);
    if (code == CLI_DONE)
        code = nodes_open_asked(&nodes, c, NODES_SEND_SECONDS);
    if (code != CLI_DONE)
        return code;
    code = submit(c, &nodes, &file);
    buf_free(&file);
    nodes_close(&nodes);
    return code;
}

static const struct cli_argument submit_arguments[] = {
    {"FILE", CLI_REQUIRED, "a transaction as `hansa sign` makes it, bytes or hex"}, {0}};
static const struct cli_option outcome_options[] = {OUTCOME_RECEIPT_OPTION, NODES_OPTIONS, {0}};

const struct command cmd_submit = {
    .words = "submit",
    .summary = "send a transaction that was signed offline, and follow it to its outcome",
    .arguments = submit_arguments,
    .options = outcome_options,
    .text =
        "To submit the same file again is harmless: it takes effect once, and the same receipt\n"
        "comes back.",
    .example = "hansa sign transfer --key alice.key --genesis genesis.json --nonce 1 \\\n"
               "    --from alice/main --to bob/main --amount 12.00 --asset CZK --out pay.tx\n"
               "hansa submit pay.tx --genesis genesis.json --receipt pay.receipt",
    .exits = OUTCOME_EXITS("3 FILE is no transaction, or of another chain; 5 a file cannot be read "
                           "or written;"),
    .run = run_submit,
};

/* ---- wait ---- */

static bool ask_txid(struct digest *txid, struct cli *c)
{
    char quoted[CLI_QUOTE_BYTES];
    if (digest_from_hex(txid, cli_argument(c, 0)))
        return true;
    cli_usage(c, "%s is no txid: that is 64 digits of 0-9 and a-f",
              cli_quote(quoted, cli_argument(c, 0)));
    return false;
}

static enum cli_exit run_wait(struct cli *c)
{
    struct nodes nodes;
    struct submit_end end;
    struct why why = {""};
    struct outcome_of o = {.nonce = 0};
    if (!ask_txid(&o.txid, c))
        return CLI_USAGE;
    enum cli_exit code = outcome_judge_receipt(c);
    if (code == CLI_DONE)
        code = nodes_open_asked(&nodes, c, NODES_SEND_SECONDS);
    if (code != CLI_DONE)
        return code;
    enum rc rc = submit_wait(&nodes, &o.txid, 1, &end, &why);
    code = outcome_answer(c, &nodes, &o, &end, rc, &why);
    nodes_close(&nodes);
    return code;
}

static const struct cli_argument txid_arguments[] = {
    {"TXID", CLI_REQUIRED, "64 hex digits, as they were printed before it was sent"}, {0}};

const struct command cmd_wait = {
    .words = "wait",
    .summary = "wait until a transaction is committed",
    .arguments = txid_arguments,
    .options = outcome_options,
    .text =
        "For a transaction whose outcome is not known. One that was refused or rejected is not\n"
        "told from one that was never sent: submit the same file again to learn that. Of the\n"
        "rows of an import, the same import again tells.",
    .example = "hansa wait TXID --genesis genesis.json --timeout 60 --receipt pay.receipt",
    .exits = "0 committed, and its receipt verified; 1 a node's receipt does not hold; 2 not a\n"
             "txid; 5 the receipt cannot be written; 7 it is not committed in time, or no node\n"
             "answers",
    .run = run_wait,
};

/* ---- receipt get ---- */

static enum cli_exit get(struct cli *c, struct nodes *n, const struct digest *txid,
                         struct buf *file)
{
    struct why why = {""};
    struct receipt receipt;
    const char *path = cli_value(c, "out");
    enum rc rc = submit_receipt(n, txid, file, &receipt, &why);
    if (rc == RC_OK)
        rc = file_write_new(path, buf_bytes(file), &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    if (c->json) {
        json_t *out = json_object();
        render_set_digest(out, "txid", txid);
        render_set_number(out, "height", receipt.header.height);
        render_set_number(out, "tx_index", receipt.tx_index);
        render_set_text(out, "file", bytes_of_text(path));
        render_set_number(out, "bytes", file->size);
        json_object_set_new(out, "node", json_string(nodes_member_name(n, n->first)));
        return cli_answer(c, out);
    }
    char quoted[CLI_QUOTE_BYTES];
    cli_line("receipt", "%s, %zu bytes, verified", cli_quote(quoted, path), file->size);
    data_dir_print_next(c, "receipt verify", path);
    return CLI_DONE;
}

static enum cli_exit run_get(struct cli *c)
{
    struct nodes nodes;
    struct digest txid;
    struct buf file = {0};
    if (!ask_txid(&txid, c))
        return CLI_USAGE;
    enum cli_exit code = nodes_open_asked(&nodes, c, NODES_READ_SECONDS);
    if (code != CLI_DONE)
        return code;
    code = get(c, &nodes, &txid, &file);
    buf_free(&file);
    nodes_close(&nodes);
    return code;
}

static const struct cli_option get_options[] = {
    {"out", "FILE", CLI_REQUIRED, "a new file for the receipt"}, NODES_OPTIONS, {0}};

const struct command cmd_receipt_get = {
    .words = "receipt get",
    .summary = "fetch a committed transaction's receipt, verified before it is written",
    .arguments = txid_arguments,
    .options = get_options,
    .text = "From a stopped node's data directory: hansa tx TXID --dir DIR --receipt FILE.",
    .example = "hansa receipt get TXID --genesis genesis.json --out pay.receipt",
    .exits = "0 written; 1 what a node gave does not hold; 2 not a txid; 4 no node has one; 5 the\n"
             "file cannot be written; 7 no node answers",
    .run = run_get,
};
