/* `hansa import show`: what a journal says of its import, also while that is at work. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/journal.h"
#include "tools/hansa/render.h"

/* The last ones of a journal are remembered, since an end names a batch and not its rows. */
enum { OPEN_MAX = 4096 };

struct open_batch {
    uint64_t batch, first_line, last_line;
    uint32_t rows;
    struct digest txid;
    bool has_cancel;
    bool is_again; /* it was signed before */
};

struct refused_batch {
    uint64_t batch, first_line, last_line;
    enum verdict verdict;
    bool is_committed; /* by a later try */
    bool is_repeated;  /* a later try was refused, too */
};

struct looking {
    struct cli *c;
    bool has_begun;
    struct journal_binding binding;
    uint64_t batches, rows, committed, refused, lost; /* rows, but for batches */
    struct open_batch open[OPEN_MAX];
    size_t open_count;
    struct refused_batch *refusals; /* each time */
    size_t refusals_count, refusals_room;
};

static struct open_batch *find(struct looking *l, uint64_t batch)
{
    for (size_t i = 0; i < l->open_count; i++) {
        if (l->open[i].batch == batch)
            return &l->open[i];
    }
    return NULL;
}

static enum rc see_signed(struct looking *l, const struct journal_record *r, struct why *why)
{
    struct tx tx;
    if (l->open_count == OPEN_MAX || !l->has_begun ||
        tx_decode(&tx, r->tx, &l->binding.chain_id) != VERDICT_OK)
        return why_set(why, RC_STORE_DAMAGED, "the journal contradicts itself about batch %" PRIu64,
                       r->batch);
    bool is_again = r->batch < l->batches;
    if (!is_again) {
        l->batches = r->batch + 1;
        l->rows += r->rows;
    }
    l->open[l->open_count++] =
        (struct open_batch){r->batch, r->first_line, r->last_line, r->rows, tx.id, false, is_again};
    return RC_OK;
}

static void see_refused(struct looking *l, const struct journal_record *r,
                        const struct open_batch *b)
{
    if (l->refusals_count == l->refusals_room) {
        l->refusals_room = 2 * l->refusals_room + 16;
        l->refusals = mem_resize(l->refusals, l->refusals_room * sizeof *l->refusals);
    }
    l->refusals[l->refusals_count++] =
        (struct refused_batch){b->batch, b->first_line, b->last_line, r->verdict, false, false};
}

static void see_end(struct looking *l, const struct journal_record *r, struct open_batch *b)
{
    if (r->type == JOURNAL_COMMITTED)
        l->committed += b->rows;
    for (size_t i = 0; i < l->refusals_count && b->is_again; i++) {
        if (l->refusals[i].batch != b->batch)
            continue;
        l->refusals[i].is_committed = r->type == JOURNAL_COMMITTED;
        l->refusals[i].is_repeated |= r->type == JOURNAL_REFUSED;
    }
    if (r->type == JOURNAL_REFUSED)
        see_refused(l, r, b);
    if (r->type == JOURNAL_LOST)
        l->lost++;
    size_t behind = (size_t)(l->open + l->open_count - (b + 1));
    memmove(b, b + 1, behind * sizeof *b);
    l->open_count--;
}

static enum rc see(void *context, const struct journal_record *r, struct why *why)
{
    struct looking *l = context;
    struct open_batch *b = find(l, r->batch);
    switch (r->type) {
    case JOURNAL_BEGIN:
        l->has_begun = true;
        l->binding = r->binding;
        l->binding.rules = bytes_of(NULL, 0); /* lent until this returns only */
        return RC_OK;
    case JOURNAL_SIGNED:
        return see_signed(l, r, why);
    case JOURNAL_CANCEL:
        if (b != NULL)
            b->has_cancel = true;
        return RC_OK;
    default:
        if (b != NULL)
            see_end(l, r, b);
        return RC_OK;
    }
}

static uint64_t under_way(const struct looking *l)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < l->open_count; i++)
        rows += l->open[i].rows;
    return rows;
}

static enum cli_exit answer_json(struct looking *l)
{
    json_t *out = json_object();
    json_t *list = json_array();
    render_set_digest(out, "chain_id", &l->binding.chain_id);
    render_set_public_key(out, "signer", &l->binding.signer);
    render_set_digest(out, "csv_hash", &l->binding.csv);
    render_set_number(out, "rows_signed", l->rows);
    render_set_number(out, "rows_committed", l->committed);
    render_set_number(out, "rows_under_way", under_way(l));
    render_set_number(out, "nonces_lost", l->lost);
    for (size_t i = 0; i < l->open_count; i++) {
        json_t *one = json_object();
        render_set_number(one, "first_line", l->open[i].first_line);
        render_set_number(one, "last_line", l->open[i].last_line);
        render_set_digest(one, "txid", &l->open[i].txid);
        CHECK(json_object_set_new(one, "has_cancel", json_boolean(l->open[i].has_cancel)) == 0);
        CHECK(json_array_append_new(list, one) == 0);
    }
    CHECK(json_object_set_new(out, "under_way", list) == 0);
    json_t *refusals = json_array();
    for (size_t i = 0; i < l->refusals_count; i++) {
        json_t *one = json_object();
        render_set_number(one, "first_line", l->refusals[i].first_line);
        render_set_number(one, "last_line", l->refusals[i].last_line);
        render_set_text(one, "text", bytes_of_text(verdict_text(l->refusals[i].verdict)));
        CHECK(json_array_append_new(refusals, one) == 0);
    }
    CHECK(json_object_set_new(out, "refusals", refusals) == 0);
    return cli_answer(l->c, out);
}

static enum cli_exit answer(struct looking *l)
{
    if (l->c->json)
        return answer_json(l);
    char hex[DIGEST_HEX_BYTES];
    digest_to_hex(hex, &l->binding.chain_id);
    cli_line("chain id", "%s", hex);
    cli_line("rows signed", "%" PRIu64, l->rows);
    cli_line("committed", "%" PRIu64, l->committed);
    cli_line("under way", "%" PRIu64, under_way(l));
    for (size_t i = 0; i < l->open_count; i++) {
        digest_to_hex(hex, &l->open[i].txid);
        printf("line %" PRIu64 ": txid %s%s\n", l->open[i].first_line, hex,
               l->open[i].has_cancel ? ", refused: a cancel is under way" : "");
    }
    for (size_t i = 0; i < l->refusals_count; i++) {
        const struct refused_batch *r = &l->refusals[i];
        char to[32] = "";
        if (r->is_repeated)
            continue;
        if (r->last_line > r->first_line)
            snprintf(to, sizeof to, " to %" PRIu64, r->last_line);
        printf("line %" PRIu64 "%s: refused: %s%s\n", r->first_line, to, verdict_text(r->verdict),
               r->is_committed ? "; a later try is committed" : "");
    }
    return CLI_DONE;
}

static enum cli_exit run(struct cli *c)
{
    struct why why = {""};
    struct journal journal;
    const char *path = cli_argument(c, 0);
    enum rc rc = journal_open_to_look(&journal, path, &why);
    if (rc == RC_NOT_FOUND)
        rc = RC_FILE_IO; /* a file that is not there is one that cannot be read, as everywhere */
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    struct looking *l = mem_alloc(sizeof *l);
    l->c = c;
    char quoted[CLI_QUOTE_BYTES];
    rc = journal_replay(&journal, see, l, &why);
    if (rc == RC_OK && !l->has_begun)
        rc = why_set(&why, RC_NOT_FOUND, "the import it is of had not begun");
    if (rc != RC_OK)
        rc = why_within(&why, rc, "%s", cli_quote(quoted, path));
    enum cli_exit code = rc == RC_OK ? answer(l) : cli_fail(c, rc, &why);
    mem_free(l->refusals);
    mem_free(l);
    journal_close(&journal);
    return code;
}

static const struct cli_argument arguments[] = {
    {"JOURNAL", CLI_REQUIRED, "the journal of an import, CSV.journal"}, {0}};

const struct command cmd_import_show = {
    .words = "import show",
    .summary = "what the journal of an import says, also while that is at work",
    .arguments = arguments,
    .text =
        "Shows how many rows were signed and are committed, each line whose outcome is not known\n"
        "yet with its txid, and each that was refused.",
    .example = "hansa import show payments.csv.journal",
    .exits = "0 shown; 1 the journal is damaged; 3 it is no journal; 4 its import had not begun;\n"
             "5 it is not there, or cannot be read",
    .run = run,
};
