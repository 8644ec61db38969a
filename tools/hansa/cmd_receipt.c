/* `hansa receipt verify`: a receipt held against the genesis file alone. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/receipt.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/render.h"

static enum cli_exit answer(struct cli *c, const struct receipt *r, const struct genesis *g)
{
    if (c->json) {
        json_t *out = json_pack("{s:b}", "holds", 1);
        render_set_text(out, "chain", bytes_of_text(g->chain));
        render_set_number(out, "height", r->header.height);
        render_set_number(out, "tx_index", r->tx_index);
        json_object_set_new(out, "transaction", render_tx_json(&r->tx, g));
        json_object_set_new(out, "header", render_header_json(&r->header, &r->block_digest, g));
        json_object_set_new(out, "certificate", render_certificate_json(&r->certificate, g));
        return cli_answer(c, out);
    }
    char txid[DIGEST_HEX_BYTES];
    digest_to_hex(txid, &r->tx.id);
    printf("This receipt proves that chain '%s' has committed transaction\n%s\n"
           "in block %" PRIu64 " at index %" PRIu32 ", with the signatures of %" PRIu32
           " of its %" PRIu32 " members.\n\n",
           g->chain, txid, r->header.height, r->tx_index, r->certificate.entries_count,
           g->members_count);
    render_tx_text(&r->tx, g);
    render_header_text(&r->header, &r->block_digest, g);
    render_certificate_text(&r->certificate, g);
    return CLI_DONE;
}

static enum cli_exit verify(struct cli *c, struct buf *file, const struct genesis *g)
{
    struct why why = {""};
    char quoted[CLI_QUOTE_BYTES];
    const char *path = cli_argument(c, 0);
    enum rc rc = file_read(file, path, RECEIPT_BYTES_MAX, "a receipt", &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    struct receipt receipt;
    rc = receipt_verify(&receipt, buf_bytes(file), &g->chain_id, &g->member_table, &why);
    if (rc == RC_OK)
        return answer(c, &receipt, g);
    const char *guess = rc == RC_MALFORMED ? file_guess(buf_bytes(file)) : NULL;
    if (guess != NULL && strncmp(guess, "a receipt:", strlen("a receipt:")) != 0)
        rc = why_set(&why, rc, "this is %s", guess);
    rc = why_within(&why, rc, "%s: this receipt proves nothing", cli_quote(quoted, path));
    return cli_fail_holds(c, rc, &why, NULL);
}

static enum cli_exit run(struct cli *c)
{
    return file_act_with_genesis(c, verify);
}

static const struct cli_argument arguments[] = {{"FILE", CLI_REQUIRED, "the receipt"}, {0}};

static const struct cli_option options[] = {
    {"genesis", "FILE", CLI_OPTIONAL,
     "the chain's genesis file, which is all that is trusted; else HANSA_GENESIS"},
    {0}};

const struct command cmd_receipt_verify = {
    .words = "receipt verify",
    .summary = "verify a receipt offline: that a transaction is in the ledger",
    .arguments = arguments,
    .options = options,
    .text =
        "With --json the answer has \"holds\": true; else the error's details have it as false.",
    .example = "hansa receipt verify pay.receipt --genesis genesis.json",
    .exits = "0 it holds; 1 it does not (the words name the field); 3 the bytes are no receipt,\n"
             "or one of another chain; 5 a file cannot be read",
    .run = run,
};
