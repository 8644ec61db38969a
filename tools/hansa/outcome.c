#include "tools/hansa/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/base/check.h"
#include "node/pool.h"
#include "tools/hansa/data_dir.h"
#include "tools/hansa/files.h"
#include "tools/hansa/interrupt.h"
#include "tools/hansa/render.h"

enum cli_exit outcome_judge_receipt(struct cli *c)
{
    struct stat st;
    struct why why;
    char quoted[CLI_QUOTE_BYTES];
    const char *path = cli_value(c, "receipt");
    if (path == NULL || lstat(path, &st) != 0)
        return CLI_DONE;
    return cli_fail(
        c,
        why_set(&why, RC_FILE_EXISTS, "%s: %s", cli_quote(quoted, path), rc_text(RC_FILE_EXISTS)),
        &why);
}

/* ---- before ---- */

enum { WORDS_BYTES = 512 }; /* two of a txid, and a line */

/* For the handler of a signal, which may make no words; each its own, since the ones before are
 * still his while the next ones are made. */
static char unsent[WORDS_BYTES], interrupted[WORDS_BYTES];

/* details: JSON, made here of what needs no escaping. */
static void end_with(const struct cli *c, char room[static WORDS_BYTES], enum cli_exit code,
                     const char *text, const char *details)
{
    static const char json[] =
        "{\"error\": {\"command\": \"%s\", \"code\": \"interrupted\", \"exit_code\": %d, "
        "\"exit\": \"%s\", \"text\": \"interrupted: %s\", \"details\": %s}}\n";
    if (c->json)
        snprintf(room, WORDS_BYTES, json, c->command->words, (int)code, cli_exit_word(code), text,
                 details);
    else
        snprintf(room, WORDS_BYTES, "hansa: %s: interrupted: %s\n", c->command->words, text);
    interrupt_end_with(room, (int)code);
}

void outcome_watch_unsent(const struct cli *c)
{
    end_with(c, unsent, CLI_ENVIRONMENT, "nothing was sent", "{\"sent\": false}");
}

static void watch_interrupts(const struct cli *c, const char *txid)
{
    char text[160], details[160];
    snprintf(text, sizeof text, "the outcome is unknown: run `hansa wait %s`", txid);
    snprintf(details, sizeof details, "{\"txid\": \"%s\", \"outcome\": \"unknown\"}", txid);
    end_with(c, interrupted, CLI_UNKNOWN, text, details);
}

void outcome_announce(struct cli *c, const struct outcome_of *o)
{
    char txid[DIGEST_HEX_BYTES];
    digest_to_hex(txid, &o->txid);
    watch_interrupts(c, txid);
    if (c->json) {
        json_t *sending = json_pack("{s:s}", "txid", txid);
        render_set_number(sending, "nonce", o->nonce);
        if (o->asked != NULL)
            json_object_set_new(sending, "nonce_agreed", json_boolean(o->asked->is_agreed));
        if (o->asked != NULL && !o->asked->is_agreed)
            render_set_text(sending, "nonce_words", bytes_of_text(o->asked->words));
        json_t *whole = json_pack("{s:o}", "sending", sending);
        CHECK(whole != NULL);
        (void)json_dumpf(whole, stderr, JSON_COMPACT);
        (void)fputc('\n', stderr);
        json_decref(whole);
        return;
    }
    cli_line("txid", "%s", txid);
    if (o->asked != NULL && !o->asked->is_agreed)
        cli_line("nonce", "%" PRIu64 ", %s", o->nonce, o->asked->words);
    (void)fflush(stdout);
}

/* ---- committed ---- */

struct proven {
    struct buf file;
    struct receipt receipt;
};

static json_t *committed_json(const struct nodes *n, const struct outcome_of *o,
                              const struct proven *p, const char *path)
{
    const struct receipt *r = &p->receipt;
    json_t *out = json_object();
    render_set_digest(out, "txid", &o->txid);
    json_object_set_new(out, "outcome", json_string("committed"));
    render_set_number(out, "nonce", r->tx.nonce);
    render_set_number(out, "height", r->header.height);
    render_set_number(out, "tx_index", r->tx_index);
    render_set_digest(out, "block", &r->block_digest);
    render_set_number(out, "time_ms", r->header.time_ms);
    render_set_number(out, "certificate_height", r->certificate.statement.height);
    render_set_number(out, "signers_count", r->certificate.entries_count);
    json_object_set_new(out, "node", json_string(nodes_member_name(n, n->first)));
    if (path != NULL)
        render_set_text(out, "receipt", bytes_of_text(path));
    return out;
}

static enum cli_exit answer_committed(struct cli *c, const struct nodes *n,
                                      const struct outcome_of *o, const struct proven *p)
{
    const char *path = cli_value(c, "receipt");
    const struct receipt *r = &p->receipt;
    if (c->json)
        return cli_answer(c, committed_json(n, o, p, path));
    cli_line(
        "committed",
        "at height %" PRIu64 ", index %" PRIu32 ", signed by %" PRIu32 " of %" PRIu32 " members",
        r->header.height, r->tx_index, r->certificate.entries_count, n->genesis->members_count);
    if (path == NULL)
        return CLI_DONE;
    char quoted[CLI_QUOTE_BYTES];
    cli_line("receipt", "%s, %zu bytes", cli_quote(quoted, path), p->file.size);
    data_dir_print_next(c, "receipt verify", path);
    return CLI_DONE;
}

/* ---- words for what is not ---- */

static json_t *details_json(const struct nodes *n, const struct outcome_of *o,
                            const struct submit_end *end)
{
    const struct proto_result *r = &end->result;
    json_t *out = json_object();
    render_set_digest(out, "txid", &o->txid);
    json_object_set_new(out, "outcome", json_string(proto_outcome_word(r->outcome)));
    if (o->nonce > 0)
        render_set_number(out, "nonce", o->nonce);
    if (r->outcome == PROTO_REJECTED || r->outcome == PROTO_REFUSED) {
        json_object_set_new(out, "node", json_string(nodes_member_name(n, end->node)));
        if (r->verdict != VERDICT_OK)
            json_object_set_new(out, "verdict", json_string(verdict_word(r->verdict)));
        else
            json_object_set_new(out, "pool",
                                json_string(pool_answer_word((enum pool_answer)r->pool_answer)));
    }
    if (r->has_other)
        render_set_digest(out, "other_txid", &r->other_txid);
    return out;
}

/* Final: these bytes never take effect. The next step depends on what was wrong. */
static enum rc say_rejected(const struct nodes *n, const struct submit_end *end, const char *txid,
                            struct why *why)
{
    char name[NODES_NAME_BYTES], other[DIGEST_HEX_BYTES];
    const struct proto_result *r = &end->result;
    nodes_name(name, n, end->node);
    digest_to_hex(other, &r->other_txid);
    if (r->has_other)
        return why_set(why, RC_REFUSED,
                       "%s rejects transaction %s for good: its nonce was used by transaction %s "
                       "(hansa tx shows it). If this one is still wanted, sign it with the key's "
                       "next nonce",
                       name, txid, other);
    return why_set(why, RC_REFUSED,
                   "%s rejects transaction %s for good: %s. If it is still wanted, sign it anew",
                   name, txid, submit_text(r));
}

static enum rc say_refused(const struct nodes *n, const struct outcome_of *o,
                           const struct submit_end *end, const char *txid, struct why *why)
{
    char name[NODES_NAME_BYTES];
    nodes_name(name, n, end->node);
    const struct proto_result *r = &end->result;
    bool is_taken = r->verdict == VERDICT_OK && r->pool_answer == POOL_SLOT_TAKEN;
    const char *next = "Its nonce stays open, and the next command of this key uses it";
    if (o->is_kept)
        next = "Its nonce stays open: the same bytes may commit later (hansa submit), until "
               "another transaction of this nonce does; hansa cancel is one";
    else if (is_taken)
        next = "This one was not taken: give the command again when that one has ended";
    return why_set(why, RC_REFUSED, "%s refuses transaction %s as things stand: %s%s. %s", name,
                   txid, submit_text(r),
                   is_taken ? " (an import with this key may be at work)" : "", next);
}

static enum rc say_unknown(const struct nodes *n, const struct submit_end *end, const char *txid,
                           struct why *why)
{
    const char *cause = end->result.outcome == PROTO_TX_BUSY
                            ? "the nodes are busy"
                            : "no node knows yet that it is committed";
    return why_set(why, RC_TIMEOUT,
                   "the outcome of transaction %s is unknown: %s, after %" PRIu32
                   " s. Run `hansa wait %s`; to send the same transaction again is harmless",
                   txid, cause, n->timeout_ms / 1000, txid);
}

static enum cli_exit fail(struct cli *c, const struct nodes *n, const struct outcome_of *o,
                          const struct submit_end *end, enum rc rc, const struct why *why)
{
    return cli_fail_details(c, rc, why, details_json(n, o, end));
}

/* A node's word that it is committed counts only with a receipt that says so. */
static enum cli_exit fail_unproven(struct cli *c, const struct nodes *n, const struct outcome_of *o,
                                   struct submit_end *end, const char *txid, enum rc rc,
                                   struct why *why)
{
    char name[NODES_NAME_BYTES];
    if (rc == RC_NOT_FOUND)
        rc = RC_TIMEOUT;
    rc = why_within(why, rc,
                    "%s says that transaction %s is committed, but no receipt proves it; run "
                    "`hansa wait %s`",
                    nodes_name(name, n, end->node), txid, txid);
    end->result.outcome = PROTO_UNKNOWN;
    return fail(c, n, o, end, rc, why);
}

/* height: NULL, or where to put its height, instead of answering. */
static enum cli_exit prove(struct cli *c, struct nodes *n, const struct outcome_of *o,
                           struct submit_end *end, const char *txid, uint64_t *height)
{
    struct why why = {""};
    struct proven p = {.file = {0}};
    const char *path = height == NULL ? cli_value(c, "receipt") : NULL;
    /* However late the outcome came: there is time for its proof. */
    nodes_restart(n);
    enum rc rc = submit_receipt(n, &o->txid, &p.file, &p.receipt, &why);
    enum cli_exit code;
    if (rc != RC_OK) {
        code = fail_unproven(c, n, o, end, txid, rc, &why);
    } else if (height != NULL) {
        *height = p.receipt.header.height;
        code = CLI_DONE;
    } else {
        rc = path != NULL ? file_write_new(path, buf_bytes(&p.file), &why) : RC_OK;
        code = rc == RC_OK ? answer_committed(c, n, o, &p) : fail(c, n, o, end, rc, &why);
    }
    buf_free(&p.file);
    return code;
}

static enum cli_exit follow(struct cli *c, struct nodes *n, const struct outcome_of *o,
                            const struct submit_end *end, enum rc rc, struct why *why,
                            uint64_t *height)
{
    char txid[DIGEST_HEX_BYTES];
    struct submit_end judged = *end;
    digest_to_hex(txid, &o->txid);
    interrupt_end_as_usual();
    if (rc != RC_OK) {
        rc = why_within(why, rc, "the outcome of transaction %s is unknown: run `hansa wait %s`",
                        txid, txid);
        return fail(c, n, o, end, rc, why);
    }
    switch (end->result.outcome) {
    case PROTO_COMMITTED:
        return prove(c, n, o, &judged, txid, height);
    case PROTO_REJECTED:
        rc = say_rejected(n, end, txid, why);
        break;
    case PROTO_REFUSED:
        rc = say_refused(n, o, end, txid, why);
        break;
    case PROTO_TX_BUSY:
    case PROTO_UNKNOWN:
    case PROTO_OUTCOME_COUNT:
        rc = say_unknown(n, end, txid, why);
        break;
    }
    return fail(c, n, o, end, rc, why);
}

enum cli_exit outcome_answer(struct cli *c, struct nodes *n, const struct outcome_of *o,
                             const struct submit_end *end, enum rc rc, struct why *why)
{
    return follow(c, n, o, end, rc, why, NULL);
}

enum cli_exit outcome_height(struct cli *c, struct nodes *n, const struct outcome_of *o,
                             const struct submit_end *end, enum rc rc, struct why *why,
                             uint64_t *height)
{
    return follow(c, n, o, end, rc, why, height);
}
