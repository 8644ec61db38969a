/* `hansa audit`: recompute everything from the genesis on, and say what is the first thing wrong.
 * With --against two directories are compared instead (audit_against.c). */
#include "ledger/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/hansa/audit_against.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/data_dir.h"
#include "tools/hansa/interrupt.h"
#include "tools/hansa/nodes.h"
#include "tools/hansa/progress.h"
#include "tools/hansa/render.h"

enum { ASK_EVERY_MS = 100 };

struct result {
    struct audit_report report;
    uint64_t certificates_count;
    uint64_t threads_count; /* asked for; 0 = one per core */
};

static bool on_progress(void *context, const struct audit_progress *p)
{
    progress_tell(context, p->height, p->height_end, p->txs_count);
    return !interrupt_was_asked();
}

/* COMMIT certificates in the store. The audit has verified each. */
static enum rc count_certificates(uint64_t *out, struct data_dir *d, struct why *why)
{
    struct kv_cursor *cursor;
    struct bytes key, value;
    *out = 0;
    enum rc rc = kv_cursor_open(&cursor, store_view(d->store), KV_CERT);
    if (rc != RC_OK)
        return why_set(why, rc, "the certificates cannot be counted: %s", rc_text(rc));
    rc = kv_cursor_seek(cursor, bytes_of(NULL, 0), &key, &value);
    while (rc == RC_OK) {
        ++*out;
        rc = kv_cursor_next(cursor, &key, &value);
    }
    kv_cursor_close(cursor);
    return rc == RC_NOT_FOUND
               ? RC_OK
               : why_set(why, rc, "the certificates cannot be counted: %s", rc_text(rc));
}

/* ---- answering ---- */

static double per_second(uint64_t count, double seconds)
{
    return (double)count / (seconds > 0.001 ? seconds : 0.001);
}

/* Blocks at the end of the chain for which this store has no certificate. */
static uint64_t uncertified_count(const struct audit_report *r)
{
    return r->head_height - r->certified_height;
}

/* Blocks that are there; those missing below a snapshot were passed over. */
static uint64_t blocks_count(const struct audit_report *r)
{
    return r->done.height - r->missing_count;
}

static void print_history(const struct audit_report *r)
{
    if (r->history_from_height == 1)
        return;
    cli_line("history",
             "from height %" PRIu64 "; of the heights below, %" PRIu64
             " %s not here yet, and indexes may be missing",
             r->history_from_height, r->missing_count,
             r->missing_count == 1 ? "block is" : "blocks are");
    cli_line("replayed",
             "from height %" PRIu64
             ", where the state is a snapshot whose root is certified; blocks below were held to "
             "their hash links",
             r->replayed_from_height);
}

static json_t *identity_json(const struct cli *c, const struct genesis *g)
{
    json_t *out = json_object();
    render_set_text(out, "dir", bytes_of_text(cli_argument(c, 0)));
    render_set_text(out, "chain", bytes_of_text(g->chain));
    render_set_digest(out, "chain_id", &g->chain_id);
    json_object_set_new(out, "genesis",
                        json_string(nodes_genesis_path(c) != NULL ? "file" : "in the store"));
    return out;
}

static enum cli_exit answer_json(struct cli *c, const struct genesis *g,
                                 const struct result *result)
{
    const struct audit_report *r = &result->report;
    json_t *out = identity_json(c, g);
    json_object_set_new(out, "holds", json_true());
    render_set_number(out, "head_height", r->head_height);
    render_set_digest(out, "head_digest", &r->head_digest);
    render_set_number(out, "certified_height", r->certified_height);
    render_set_number(out, "uncertified_count", uncertified_count(r));
    render_set_number(out, "flushed_height", r->flushed_height);
    render_set_digest(out, "state_root", &r->state_root);
    render_set_number(out, "history_from_height", r->history_from_height);
    render_set_number(out, "replayed_from_height", r->replayed_from_height);
    render_set_number(out, "missing_count", r->missing_count);
    render_set_number(out, "blocks_count", blocks_count(r));
    render_set_number(out, "txs_count", r->done.txs_count);
    render_set_number(out, "signatures_count", r->done.signatures_count);
    render_set_number(out, "certificates_count", result->certificates_count);
    render_set_number(out, "checkpoints_count", r->checkpoints_count);
    render_set_number(out, "state_entries_count", r->state_entries_count);
    render_set_number(out, "index_entries_count", r->index_entries_count);
    render_set_number(out, "threads_count", r->threads_count);
    json_object_set_new(out, "seconds", cli_json_measure(r->seconds));
    json_object_set_new(out, "txs_per_second",
                        cli_json_measure(per_second(r->done.txs_count, r->seconds)));
    json_object_set_new(out, "signatures_per_second",
                        cli_json_measure(per_second(r->done.signatures_count, r->seconds)));
    return cli_answer(c, out);
}

static void print_identity(const struct cli *c, const struct genesis *g)
{
    char hex[DIGEST_HEX_BYTES], quoted[CLI_QUOTE_BYTES];
    digest_to_hex(hex, &g->chain_id);
    cli_line("chain", "%s", g->chain);
    cli_line("chain id", "%s", hex);
    if (nodes_genesis_path(c) != NULL)
        cli_line("genesis", "%s%s", cli_quote(quoted, nodes_genesis_path(c)),
                 cli_has(c, "genesis") ? "" : ", which HANSA_GENESIS names");
    else
        cli_line("genesis", "the one inside the store: compare the chain id with the other members "
                            "by phone, or give --genesis FILE");
}

static enum cli_exit answer(struct cli *c, const struct genesis *g, const struct result *result)
{
    const struct audit_report *r = &result->report;
    char hex[DIGEST_HEX_BYTES];
    if (c->json)
        return answer_json(c, g, result);
    print_identity(c, g);
    digest_to_hex(hex, &r->head_digest);
    cli_line("head", "height %" PRIu64 ", block %s", r->head_height, hex);
    digest_to_hex(hex, &r->state_root);
    cli_line("state root", "%s, at height %" PRIu64, hex, r->flushed_height);
    uint64_t tail_count = uncertified_count(r);
    if (tail_count == 0)
        cli_line("certified", "all of it");
    else if (tail_count == 1)
        cli_line("certified",
                 "up to height %" PRIu64 "; the last block is not certified yet in this store",
                 r->certified_height);
    else
        cli_line("certified",
                 "up to height %" PRIu64 "; the last %" PRIu64
                 " blocks are not certified yet in this store",
                 r->certified_height, tail_count);
    print_history(r);
    cli_line("blocks", "%" PRIu64, blocks_count(r));
    cli_line("transactions", "%" PRIu64, r->done.txs_count);
    cli_line("signatures", "%" PRIu64, r->done.signatures_count);
    cli_line("certificates", "%" PRIu64 ", and %" PRIu64 " of checkpoints",
             result->certificates_count, r->checkpoints_count);
    cli_line("state entries", "%" PRIu64, r->state_entries_count);
    cli_line("index entries", "%" PRIu64, r->index_entries_count);
    cli_line("time", "%.2f s, %.0f transactions/s, %.0f signatures/s, %" PRIu64 " thread%s",
             r->seconds, per_second(r->done.txs_count, r->seconds),
             per_second(r->done.signatures_count, r->seconds), (uint64_t)r->threads_count,
             cli_plural(r->threads_count));
    printf(r->history_from_height == 1 ? "Everything holds.\n"
                                       : "Everything that is here holds.\n");
    return CLI_DONE;
}

/* The report says "field: words". */
static void set_fault(json_t *details, const struct audit_report *r)
{
    const char *colon = strstr(r->fault_field, ": ");
    size_t field_bytes = colon != NULL ? (size_t)(colon - r->fault_field) : strlen(r->fault_field);
    render_set_number(details, "height", r->fault_height);
    render_set_text(details, "field", bytes_of(r->fault_field, field_bytes));
    if (colon != NULL)
        render_set_text(details, "words", bytes_of_text(colon + 2));
}

static enum cli_exit fail(struct cli *c, enum rc rc, const struct genesis *g,
                          const struct audit_report *r, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    bool is_fault = rc == RC_PROOF || rc == RC_STORE_DAMAGED;
    json_t *details = identity_json(c, g);
    if (is_fault) {
        set_fault(details, r);
        rc = why_set(why, rc,
                     "%s: height %" PRIu64 ": %s (next: keep this directory as evidence, and "
                     "compare it with another member's by hansa audit --against)",
                     cli_quote(quoted, cli_argument(c, 0)), r->fault_height, r->fault_field);
    } else if (rc == RC_INTERRUPTED) {
        render_set_number(details, "height", r->done.height);
        rc = why_set(why, rc,
                     "%s: interrupted at height %" PRIu64 " of %" PRIu64
                     "; nothing wrong was found up to there",
                     cli_quote(quoted, cli_argument(c, 0)), r->done.height, r->head_height);
    } else {
        rc = why_within(why, rc, "%s", cli_quote(quoted, cli_argument(c, 0)));
    }
    return cli_fail_holds(c, rc, why, details);
}

/* A store that does not even open is one that fails its audit. */
static enum cli_exit fail_open(struct cli *c, enum rc rc, struct why *why)
{
    struct why cause = *why;
    /* Elsewhere damage is answered by "run hansa audit on it", which is what runs here. */
    char *advice = strstr(cause.text, ": run hansa audit on it");
    if (advice != NULL)
        *advice = '\0';
    if (rc == RC_GENESIS_MISMATCH && !cli_has(c, "genesis"))
        rc = why_set(why, rc,
                     "%.480s (HANSA_GENESIS names the genesis file: for another one give "
                     "--genesis FILE)",
                     cause.text);
    if (rc == RC_STORE_DAMAGED)
        rc = why_set(why, rc,
                     "%.400s (next: keep this directory as evidence, and take a backup or another "
                     "member's copy)",
                     cause.text);
    return cli_fail_holds(c, rc, why, NULL);
}

/* ---- the audit ---- */

static enum rc run_audit(struct result *result, struct cli *c, struct data_dir *d,
                         const struct genesis *g, struct why *why)
{
    struct progress progress;
    const struct audit_options options = {.threads_count = (uint32_t)result->threads_count,
                                          .progress = on_progress,
                                          .progress_context = &progress,
                                          .progress_every_ms = ASK_EVERY_MS};
    progress_start(&progress, "audit", c->json);
    const struct audit_chain chain = {.members = &g->member_table,
                                      .initial = &g->initial,
                                      .body_bytes_max = g->parameters.block_bytes_max,
                                      .checkpoint_every_heights =
                                          g->parameters.checkpoint_every_heights};
    enum rc rc = audit_run(&result->report, d->store, &chain, &options, why);
    progress_end(&progress);
    return rc == RC_OK ? count_certificates(&result->certificates_count, d, why) : rc;
}

static enum cli_exit audit(struct cli *c)
{
    struct why why = {""};
    struct result result = {0};
    struct data_dir d;
    if (!cli_number(c, "threads", 1, AUDIT_THREADS_MAX, &result.threads_count))
        return CLI_USAGE;
    interrupt_watch();
    enum rc rc = data_dir_open_for_audit(&d, cli_argument(c, 0), nodes_genesis_path(c), &why);
    if (rc != RC_OK)
        return fail_open(c, rc, &why);
    /* With a genesis file the chain ids agree by now, so both are the same genesis. */
    const struct genesis *g = &d.genesis;
    rc = run_audit(&result, c, &d, g, &why);
    enum cli_exit code = rc == RC_OK ? answer(c, g, &result) : fail(c, rc, g, &result.report, &why);
    data_dir_close(&d);
    return code;
}

static enum cli_exit run(struct cli *c)
{
    if (!cli_has(c, "against"))
        return audit(c);
    if (cli_has(c, "threads"))
        return cli_usage(c, "--threads does not go with --against, which only compares");
    return audit_against(c);
}

static const struct cli_argument arguments[] = {
    {"DIR", CLI_REQUIRED, "a stopped node's data directory"}, {0}};

static const struct cli_option options[] = {
    {"genesis", "FILE", CLI_OPTIONAL,
     "audit from this genesis; else from that of HANSA_GENESIS, else from the one in the store"},
    {"threads", "N", CLI_OPTIONAL, "verify on N threads; default one per core"},
    {"against", "DIR2", CLI_OPTIONAL, "compare two directories instead: the first difference"},
    {0}};

const struct command cmd_audit = {
    .words = "audit",
    .summary = "recompute a data directory from its genesis, and name the first thing wrong",
    .arguments = arguments,
    .options = options,
    .text = "Every hash, signature, certificate, nonce, balance, index entry and the state tree\n"
            "are computed anew; nothing in the directory is believed but, without a genesis file,\n"
            "the genesis in it. --against compares blocks and state and audits neither directory:\n"
            "any two may be compared, so HANSA_GENESIS does not count there.\n"
            "The last blocks, 64 at most, may be without a certificate: then the answer says how\n"
            "many. With --json it has \"holds\": true (all is well, or no difference); else the\n"
            "error's details have it as false, with the height, the field and words about it.",
    .example = "hansa audit node-0/data --genesis genesis.json\n"
               "hansa audit node-0/data --against node-1/data",
    .exits = "0 everything holds, or no difference; 1 something is wrong (height and field are\n"
             "named), or the two differ; 3 another chain; 4 no store in DIR; 5 a node runs in\n"
             "DIR, or interrupted",
    .run = run,
};
