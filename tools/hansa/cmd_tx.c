/* `hansa tx`: a transaction of the ledger, where it stands, and its receipt. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/receipt.h"
#include "tools/hansa/chain_read.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/render.h"

/* All that is shown. What stands in a receipt was verified as whoever gets the receipt will. */
struct found {
    struct place place;
    struct tx tx;
    struct block_header header;
    struct digest block_digest;
    bool is_certified;
    struct certificate certificate;
    struct bytes participant;
    struct buf receipt; /* empty when there is no certificate */
};

static enum rc read_uncertified(struct found *f, struct source *s, struct why *why)
{
    enum rc rc = chain_get_tx(s, &f->place, &f->tx, why);
    if (rc != RC_OK)
        return rc;
    f->header = s->block.header;
    f->block_digest = s->block.digest;
    return RC_OK;
}

static enum rc read_certified(struct found *f, struct source *s, struct why *why)
{
    struct receipt r;
    enum rc rc = receipt_verify(&r, buf_bytes(&f->receipt), &s->genesis->chain_id,
                                &s->genesis->member_table, why);
    if (rc != RC_OK)
        return why_within(why, rc, "height %" PRIu64 ", transaction %" PRIu32, f->place.height,
                          f->place.tx_index);
    f->is_certified = true;
    f->tx = r.tx;
    f->header = r.header;
    f->block_digest = r.block_digest;
    f->certificate = r.certificate;
    return RC_OK;
}

static enum rc find(struct found *f, struct source *s, const struct digest *txid,
                    bool needs_receipt, struct why *why)
{
    enum rc rc = source_place(s, txid, &f->place, why);
    if (rc != RC_OK)
        return rc;
    rc = source_receipt(s, txid, &f->place, &f->receipt, why);
    if (rc == RC_NOT_FOUND && !needs_receipt)
        rc = read_uncertified(f, s, why);
    else if (rc == RC_OK)
        rc = read_certified(f, s, why);
    if (rc != RC_OK)
        return rc;
    /* The index was only asked where to look. */
    if (!digest_equal(&f->tx.id, txid) || f->header.height != f->place.height)
        return why_set(why, RC_STORE_DAMAGED,
                       "the index of txids names another transaction: run hansa audit on %s",
                       source_audit_words(s));
    return chain_get_signer(s, &f->tx, &f->participant, why);
}

static enum cli_exit answer(struct cli *c, const struct found *f, const struct genesis *g)
{
    const char *path = cli_value(c, "receipt");
    if (c->json) {
        json_t *out = json_object();
        render_set_text(out, "chain", bytes_of_text(g->chain));
        render_set_number(out, "height", f->place.height);
        render_set_number(out, "tx_index", f->place.tx_index);
        render_set_text(out, "participant", f->participant);
        json_object_set_new(out, "transaction", render_tx_json(&f->tx, g));
        json_object_set_new(out, "header", render_header_json(&f->header, &f->block_digest, g));
        json_object_set_new(out, "certified", json_boolean(f->is_certified));
        if (f->is_certified)
            json_object_set_new(out, "certificate", render_certificate_json(&f->certificate, g));
        if (path != NULL)
            render_set_text(out, "receipt", bytes_of_text(path));
        return cli_answer(c, out);
    }
    render_tx_text(&f->tx, g);
    cli_line("participant", "%.*s", (int)f->participant.size, (const char *)f->participant.data);
    cli_line("place", "transaction %" PRIu32 " of %" PRIu32 " at height %" PRIu64,
             f->place.tx_index, f->header.tx_count, f->place.height);
    render_header_text(&f->header, &f->block_digest, g);
    if (f->is_certified)
        render_certificate_text(&f->certificate, g);
    else
        cli_line("certificate", "none covers this block in this store yet");
    if (path != NULL) {
        char quoted[CLI_QUOTE_BYTES];
        cli_line("receipt", "%s", cli_quote(quoted, path));
        data_dir_print_next(c, "receipt verify", path);
    }
    return CLI_DONE;
}

static enum cli_exit show(struct cli *c, struct source *s, const struct digest *txid)
{
    struct why why = {""};
    struct found f = {0};
    const char *path = cli_value(c, "receipt");
    enum rc rc = find(&f, s, txid, path != NULL, &why);
    if (rc == RC_OK && path != NULL)
        rc = file_write_new(path, buf_bytes(&f.receipt), &why);
    enum cli_exit code = rc == RC_OK ? answer(c, &f, s->genesis) : source_fail(c, s, rc, &why);
    buf_free(&f.receipt);
    return code;
}

static enum cli_exit run(struct cli *c)
{
    struct digest txid;
    char quoted[CLI_QUOTE_BYTES];
    if (!digest_from_hex(&txid, cli_argument(c, 0)))
        return cli_usage(c,
                         "%s is no txid: that is 64 digits of 0-9 and a-f; for a transaction "
                         "in a file there is hansa tx show",
                         cli_quote(quoted, cli_argument(c, 0)));
    struct source s;
    enum cli_exit code = source_open_asked(&s, c);
    if (code != CLI_DONE)
        return code;
    code = show(c, &s, &txid);
    source_close(&s);
    return code;
}

static const struct cli_argument arguments[] = {
    {"TXID", CLI_REQUIRED, "64 hex digits, as hansa sign printed them"}, {0}};

static const struct cli_option options[] = {
    SOURCE_OPTIONS,
    {"receipt", "FILE", CLI_OPTIONAL, "write the receipt, which anyone can verify offline"},
    {0}};

const struct command cmd_tx = {
    .words = "tx",
    .summary = "show a transaction of the ledger, and write its receipt",
    .arguments = arguments,
    .options = options,
    .text =
        "The transaction's signature, its way into the block, and the certificate over the\n"
        "block are verified before anything is shown, whoever answers; the name of the signer's\n"
        "participant is a running node's word.",
    .example = "hansa tx TXID --genesis genesis.json\n"
               "hansa tx TXID --dir node-0/data --receipt pay.receipt",
    .exits = "0 shown; 1 the store is damaged, or the certificate does not hold; 2 not a txid;\n"
             "3 another chain; 4 no such transaction, or no certificate for a receipt yet;\n"
             "5 a node runs in DIR, or the receipt cannot be written; 6 the key may not\n"
             "read; 7 no node answers",
    .run = run,
};
