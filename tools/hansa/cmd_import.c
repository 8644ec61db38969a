/* `hansa import`: the rows of a CSV file as signed transactions, each paid exactly once. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "net/loop.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/import_earlier.h"
#include "tools/hansa/import_judge.h"
#include "tools/hansa/import_run.h"
#include "tools/hansa/import_words.h"
#include "tools/hansa/interrupt.h"
#include "tools/hansa/passphrase.h"

/* ---- options into rows ---- */

/* Which options an operation takes, and the fields they become (ops_read.h). */
static const struct op_fields {
    const char *op;
    struct {
        const char *option, *field;
        bool is_needed;
    } fields[IMPORT_FIELDS_MAX];
} op_fields[] = {
    {"transfer",
     {{"from", "from", true},
      {"to", "to", true},
      {"amount", "amount", true},
      {"asset", "asset", true},
      {"memo", "memo", false}}},
    {"issue",
     {{"to", "to", true},
      {"amount", "amount", true},
      {"asset", "asset", true},
      {"memo", "memo", false}}},
    {"redeem",
     {{"from", "from", true},
      {"amount", "amount", true},
      {"asset", "asset", true},
      {"memo", "memo", false}}},
    {"record", {{"topic", "topic", true}, {"record-key", "key", true}, {"data", "data", true}}},
};
enum { OPS_COUNT = sizeof op_fields / sizeof op_fields[0] };

static const char *const template_options[] = {"from", "to",    "amount",     "asset",
                                               "memo", "topic", "record-key", "data"};

static bool takes(const struct op_fields *f, const char *option)
{
    for (size_t i = 0; i < IMPORT_FIELDS_MAX && f->fields[i].option != NULL; i++) {
        if (strcmp(f->fields[i].option, option) == 0)
            return true;
    }
    return false;
}

static enum cli_exit read_templates(struct import_rows_config *out, struct cli *c,
                                    const struct op_fields *f)
{
    for (size_t i = 0; i < IMPORT_FIELDS_MAX && f->fields[i].option != NULL; i++) {
        const char *text = cli_value(c, f->fields[i].option);
        if (text == NULL && f->fields[i].is_needed)
            return cli_usage(c, "--op %s needs --%s TEMPLATE", f->op, f->fields[i].option);
        if (text == NULL)
            continue;
        out->fields[out->fields_count++] =
            (struct import_field){f->fields[i].option, f->fields[i].field, text};
    }
    for (size_t i = 0; i < sizeof template_options / sizeof template_options[0]; i++) {
        if (cli_has(c, template_options[i]) && !takes(f, template_options[i]))
            return cli_usage(c, "--op %s takes no --%s", f->op, template_options[i]);
    }
    return CLI_DONE;
}

static enum cli_exit read_options(struct import_rows_config *out, struct cli *c)
{
    const char *delimiter = cli_has(c, "delimiter") ? cli_value(c, "delimiter") : ",";
    const char *op = cli_value(c, "op");
    uint64_t ops_per_tx = 1;
    *out = (struct import_rows_config){.path = cli_argument(c, 0), .op = op};
    if (!cli_number(c, "ops-per-tx", 1, TX_OPS_MAX, &ops_per_tx))
        return CLI_USAGE;
    out->ops_per_tx = (uint32_t)ops_per_tx;
    out->delimiter = strcmp(delimiter, "tab") == 0 ? '\t' : delimiter[0];
    if (strcmp(delimiter, "tab") != 0 && (strlen(delimiter) != 1 || strchr("\"\r\n", *delimiter)))
        return cli_usage(c, "--delimiter must be one character, or tab");
    for (size_t i = 0; i < OPS_COUNT; i++) {
        if (strcmp(op_fields[i].op, op) == 0)
            return read_templates(out, c, &op_fields[i]);
    }
    return cli_usage(c, "--op must be transfer, issue, redeem or record");
}

/* ---- the parts of a run, opened one after the other ---- */

struct importing {
    struct cli *c;
    struct import_rows_config config;
    struct nodes nodes;
    struct import_rows *rows;
    struct import_judged judged;
    struct buf rules;
    struct key key;
    int key_lock;
    char journal_path[PATH_MAX];
    struct journal journal;
    struct import *import;
};

/* Two imports with one key would take each other's nonces: nothing is paid twice then, but both
 * have to sign again. The key file stands for the key; another copy of it is not seen. */
static enum rc lock_key(struct importing *i, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    const char *path = nodes_key_path(i->c);
    i->key_lock = open(path, O_RDONLY | O_CLOEXEC);
    if (i->key_lock < 0)
        return why_set(why, RC_FILE_IO, "%s: cannot be opened: %s", cli_quote(quoted, path),
                       strerror(errno));
    if (flock(i->key_lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return why_set(why, RC_STORE_IN_USE,
                       "%s: another import signs with this key: wait until it has ended, or use "
                       "another key of the participant",
                       cli_quote(quoted, path));
    return RC_OK; /* where files cannot be locked, the nonces keep the two apart */
}

static enum rc set_journal_path(struct importing *i, struct why *why)
{
    const char *asked = cli_value(i->c, "journal");
    int size = snprintf(i->journal_path, sizeof i->journal_path, "%s%s",
                        asked != NULL ? asked : i->config.path, asked != NULL ? "" : ".journal");
    if (size < 0 || (size_t)size >= sizeof i->journal_path)
        return why_set(why, RC_INVALID, "the path of the journal is too long: give --journal FILE");
    return RC_OK;
}

/* Whoever changed the file and was told so by its journal must not pay its rows again by giving
 * another one. */
static enum rc judge_earlier(const struct importing *i, struct why *why)
{
    char own[PATH_MAX];
    const struct journal_binding binding = {.chain_id = i->nodes.genesis->chain_id,
                                            .csv = i->judged.csv,
                                            .signer = i->key.public.sign_public};
    int size = snprintf(own, sizeof own, "%s.journal", i->config.path);
    if (cli_value(i->c, "journal") == NULL || cli_has(i->c, "again") || size < 0 ||
        (size_t)size >= sizeof own)
        return RC_OK;
    return import_earlier_judge(i->journal_path, own, &binding, i->judged.rows, why);
}

static uint32_t least(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

static enum rc open_import(struct importing *i, struct why *why)
{
    const struct genesis *g = i->nodes.genesis;
    struct import_config config = {.source = {i->rows, import_rows_next},
                                   .journal = &i->journal,
                                   .binding = {.chain_id = g->chain_id,
                                               .csv = i->judged.csv,
                                               .signer = i->key.public.sign_public,
                                               .rules = buf_bytes(&i->rules)},
                                   .key = &i->key.sign,
                                   .window = least(g->parameters.nonce_window, IMPORT_WINDOW_MAX),
                                   .refusals_needed =
                                       least(faulty_max_of(g->members_count) + 1, i->nodes.count),
                                   .skip_refused = cli_has(i->c, "skip-refused")};
    char quoted[CLI_QUOTE_BYTES];
    enum rc rc = import_open(&i->import, &config, why);
    if (rc == RC_INVALID) /* it is of another import */
        rc = import_earlier_advise(i->journal_path, &config.binding, i->judged.rows, rc, why);
    return rc == RC_OK ? rc : why_within(why, rc, "%s", cli_quote(quoted, i->journal_path));
}

/* With everything open. */
static enum cli_exit follow(struct importing *i)
{
    struct why why = {""};
    struct progress progress;
    uint64_t began_ms = loop_now_ms();
    progress_start(&progress, "import", i->c->json);
    const struct import_run_config config = {.import = i->import,
                                             .nodes = &i->nodes,
                                             .progress = &progress,
                                             .rows_total = i->judged.rows,
                                             .is_telling = cli_has(i->c, "txids"),
                                             .is_json = i->c->json,
                                             .signer = i->key.public.sign_public};
    enum rc rc = import_run(&config, &why);
    progress_end(&progress);
    struct import_summary s = {.rc = rc,
                               .why = &why,
                               .rows = i->judged.rows,
                               .seconds = (double)(loop_now_ms() - began_ms) / 1000,
                               .journal = i->journal_path};
    import_look(i->import, &s.look);
    return import_answer(i->c, &s);
}

/* Before this run sent anything. What an earlier one sent may be committed yet, whatever ends this
 * one: "nothing is open" is said only when its journal says so too. */
static enum cli_exit fail_early(struct importing *i, enum rc rc, struct why *why, json_t *details)
{
    uint64_t rows = 0;
    struct why unread = {""};
    bool is_interrupted = rc == RC_INTERRUPTED && !cli_has(i->c, "dry-run");
    if (!is_interrupted || set_journal_path(i, &unread) != RC_OK)
        return cli_fail_details(i->c, rc, why, details);
    enum rc read = import_earlier_open(&rows, i->journal_path, &unread);
    if (read == RC_OK && rows == 0)
        return cli_fail_details(i->c, rc, why, details);
    json_decref(details);
    if (read != RC_OK) {
        rc = why_set(why, rc,
                     "interrupted before this run sent anything, and the journal does not tell "
                     "whether outcomes of an earlier one are open: %.400s",
                     unread.text);
        return cli_fail_as(i->c, CLI_UNKNOWN, rc, why, NULL);
    }
    rc = why_set(why, rc,
                 "interrupted before this run sent anything; of %" PRIu64 " rows that an earlier "
                 "one sent the outcome is not known yet: the same command again finds out, and "
                 "pays no row twice",
                 rows);
    return cli_fail_as(i->c, CLI_UNKNOWN, rc, why,
                       json_pack("{s:o}", "rows_under_way", cli_json_number(rows)));
}

static enum cli_exit with_journal(struct importing *i)
{
    struct why why = {""};
    enum rc rc = set_journal_path(i, &why);
    if (rc == RC_OK)
        rc = judge_earlier(i, &why);
    if (rc == RC_OK)
        rc = journal_open(&i->journal, i->journal_path, &why);
    if (rc != RC_OK)
        return cli_fail(i->c, rc, &why);
    rc = open_import(i, &why);
    enum cli_exit code = rc == RC_OK ? follow(i) : cli_fail(i->c, rc, &why);
    import_close(i->import);
    journal_close(&i->journal);
    return code;
}

static enum cli_exit with_key(struct importing *i)
{
    struct why why = {""};
    enum rc rc = lock_key(i, &why);
    if (rc == RC_OK)
        rc = key_open(&i->key, nodes_key_path(i->c), cli_value(i->c, "passphrase-file"),
                      i->nodes.genesis->chain, &why);
    nodes_read_as(&i->nodes, &i->key.sign);
    enum cli_exit code = rc == RC_OK ? with_journal(i) : fail_early(i, rc, &why, NULL);
    if (rc == RC_OK)
        key_close(&i->key);
    if (i->key_lock >= 0)
        close(i->key_lock);
    return code;
}

/* With the rows' file open. */
static enum cli_exit judge_and_go(struct importing *i)
{
    struct why why = {""};
    json_t *details;
    enum rc rc = import_judge(&i->judged, i->rows, &details, &why);
    if (rc != RC_OK)
        return fail_early(i, rc, &why, details);
    if (cli_has(i->c, "dry-run"))
        return import_answer_dry(i->c, i->rows, &i->judged);
    import_rows_rules(&i->rules, &i->config);
    enum cli_exit code = with_key(i);
    buf_free(&i->rules);
    return code;
}

static enum cli_exit with_nodes(struct importing *i)
{
    struct why why = {""};
    struct key_public public;
    const struct genesis *g = i->nodes.genesis;
    if (nodes_key_path(i->c) == NULL)
        return cli_usage(i->c, "--key FILE is missing, and HANSA_KEY is not set: the signer's "
                               "secret key file");
    enum rc rc = file_read_public_key(&public, nodes_key_path(i->c), &why);
    if (rc == RC_OK && strcmp(public.network, g->chain) != 0)
        rc = why_set(&why, RC_NETWORK_MISMATCH,
                     "--key: it is of network '%s', and the genesis "
                     "file of '%s'",
                     public.network, g->chain);
    if (rc != RC_OK)
        return cli_fail(i->c, rc, &why);
    i->config.context = (struct ops_context){g, public.name, &public.sign_public};
    rc = import_rows_open(i->rows, &i->config, &why);
    if (rc != RC_OK)
        return cli_fail(i->c, rc, &why);
    interrupt_watch();
    enum cli_exit code = judge_and_go(i);
    import_rows_close(i->rows);
    return code;
}

static enum cli_exit run(struct cli *c)
{
    struct importing *i = mem_alloc(sizeof *i);
    i->c = c;
    i->key_lock = -1;
    enum cli_exit code = read_options(&i->config, c);
    if (code == CLI_DONE)
        code = nodes_open_asked(&i->nodes, c, NODES_SEND_SECONDS);
    if (code == CLI_DONE) {
        i->rows = mem_alloc(sizeof *i->rows);
        code = with_nodes(i);
        mem_free(i->rows);
        nodes_close(&i->nodes);
    }
    mem_free(i);
    return code;
}

/* ---- declaration ---- */

static const struct cli_argument arguments[] = {
    {"CSV", CLI_REQUIRED, "a CSV file whose first line names the columns"}, {0}};

static const struct cli_option options[] = {
    {"op", "OP", CLI_REQUIRED, "transfer, issue, redeem or record"},
    {"from", "TEMPLATE", CLI_OPTIONAL, "the signer's account; of transfer and redeem"},
    {"to", "TEMPLATE", CLI_OPTIONAL, "the receiving account; of transfer and issue"},
    {"amount", "TEMPLATE", CLI_OPTIONAL, "with exactly the asset's decimals: 12.00"},
    {"asset", "TEMPLATE", CLI_OPTIONAL, "the asset's code"},
    {"memo", "TEMPLATE", CLI_OPTIONAL, "at most 128 bytes"},
    {"topic", "TEMPLATE", CLI_OPTIONAL, "of a record"},
    {"record-key", "TEMPLATE", CLI_OPTIONAL, "of a record"},
    {"data", "TEMPLATE", CLI_OPTIONAL, "of a record"},
    {"ops-per-tx", "N", CLI_OPTIONAL, "so many rows in one transaction, all or none; default 1"},
    {"delimiter", "CHAR", CLI_OPTIONAL, "between fields: one character, or tab; default ,"},
    {"key", "FILE", CLI_OPTIONAL, "the signer's secret key file; else the one HANSA_KEY names"},
    {"passphrase-file", "FILE", CLI_OPTIONAL, "its passphrase; else asked at the terminal"},
    {"journal", "FILE", CLI_OPTIONAL, "default: CSV.journal"},
    {"again", NULL, CLI_OPTIONAL, "with --journal: also if CSV.journal says that rows are paid"},
    {"dry-run", NULL, CLI_OPTIONAL, "judge the whole file, show the first row, send nothing"},
    {"skip-refused", NULL, CLI_OPTIONAL, "go on behind a row that the ledger refuses"},
    {"txids", NULL, CLI_OPTIONAL, "print each line's txid on stderr before it is sent"},
    NODES_OPTIONS,
    {0}};

#define ADAPTER_LINE(name, argument, written, text) "  " written "  " text "\n"

const struct command cmd_import = {
    .words = "import",
    .summary = "pay or record the rows of a CSV file, each exactly once",
    .arguments = arguments,
    .options = options,
    .text =
        "The whole file is judged first. Then each row, or each N rows, becomes a signed\n"
        "transaction, up to 64 under way at once. The journal holds them on the disk before\n"
        "they are sent: after Ctrl-C, a crash or dead nodes the same command goes on, pays no\n"
        "row twice and skips none. A row that the ledger refuses (a balance too low) has its\n"
        "nonce filled with a cancel and is named with its line; nothing new is sent then, and\n"
        "the same command again tries that row again. The journal belongs to this file's\n"
        "content, these templates, key and chain: hansa import show CSV.journal. Another journal\n"
        "pays all rows of the file, so it is refused while CSV.journal holds some of this key\n"
        "that are paid, unless --again. To correct refused rows, leave the file as it is and put\n"
        "those alone into a new one.\n"
        "In a template {column} is that field of the row, {{ and }} are braces themselves, and\n"
        "{column|adapter|adapter} passes it through adapters:\n" TEMPLATE_ADAPTER_LIST(
            ADAPTER_LINE) "--timeout is how long nothing at all may happen.",
    .example = "hansa import payments.csv --key home.key --genesis genesis.json --op transfer \\\n"
               "    --from 'home/{account_from}' --to '{bank_to|lower}/{account_to}' \\\n"
               "    --amount '{amount}' --asset CZK --memo '{purpose} {order_id}'",
    .exits = "0 all rows are committed; 3 the file, a template or the key is refused, and nothing\n"
             "was sent; 5 a file cannot be read or written, another import is at work, or Ctrl-C\n"
             "or no node answers, and no outcome is open; 6 the ledger refused rows, or the key;\n"
             "7 Ctrl-C or no answer, and the outcome of some rows is unknown: the same command\n"
             "again finds out",
    .run = run,
};
