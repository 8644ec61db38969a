#include "tools/hansa/import_earlier.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/hansa/cli.h"

/* So many stretches of lines are listed; `hansa import show` has all that are not paid. */
enum { STRETCHES_MAX = 3, LINES_BYTES = 128, UNPAID_BYTES = LINES_BYTES + 64 };

enum end { END_UNKNOWN, END_COMMITTED, END_NOT_PAID };

struct earlier {
    bool has_begun;
    struct digest chain_id;
    struct public_key signer;
    struct digest csv;
    struct earlier_batch {
        uint64_t first_line, last_line;
        uint32_t rows;
        enum end end;
    } * batches;
    size_t count, room;
    uint64_t rows[END_NOT_PAID + 1]; /* by their end */
};

/* ---- reading ---- */

static void set_end(struct earlier *e, struct earlier_batch *b, enum end end)
{
    e->rows[b->end] -= b->rows;
    e->rows[end] += b->rows;
    b->end = end;
}

static enum rc see_signed(struct earlier *e, const struct journal_record *r, struct why *why)
{
    if (r->batch > e->count)
        return why_set(why, RC_STORE_DAMAGED, "the journal contradicts itself about batch %" PRIu64,
                       r->batch);
    if (r->batch < e->count) {
        set_end(e, &e->batches[r->batch], END_UNKNOWN);
        return RC_OK;
    }
    if (e->count == e->room) {
        e->room = 2 * e->room + 64;
        e->batches = mem_resize(e->batches, e->room * sizeof *e->batches);
    }
    e->batches[e->count++] =
        (struct earlier_batch){r->first_line, r->last_line, r->rows, END_UNKNOWN};
    e->rows[END_UNKNOWN] += r->rows;
    return RC_OK;
}

static enum rc see(void *context, const struct journal_record *r, struct why *why)
{
    struct earlier *e = context;
    if (r->type == JOURNAL_BEGIN) {
        e->has_begun = true;
        e->chain_id = r->binding.chain_id;
        e->signer = r->binding.signer;
        e->csv = r->binding.csv;
    } else if (r->type == JOURNAL_SIGNED) {
        return see_signed(e, r, why);
    } else if (r->type != JOURNAL_CANCEL && r->batch < e->count) {
        set_end(e, &e->batches[r->batch],
                r->type == JOURNAL_COMMITTED ? END_COMMITTED : END_NOT_PAID);
    }
    return RC_OK;
}

/* A journal that is not there, or none, has not begun. The caller mem_free()s the batches. */
static enum rc read_earlier(struct earlier *e, const char *path, struct why *why)
{
    struct journal journal;
    char quoted[CLI_QUOTE_BYTES];
    *e = (struct earlier){0};
    enum rc rc = journal_open_to_look(&journal, path, why);
    if (rc == RC_NOT_FOUND || rc == RC_MALFORMED)
        return RC_OK;
    if (rc != RC_OK)
        return rc;
    rc = journal_replay(&journal, see, e, why);
    journal_close(&journal);
    return rc == RC_OK ? rc : why_within(why, rc, "%s", cli_quote(quoted, path));
}

/* ---- words ---- */

/* "2 to 3, 5 to 200" */
static const char *list_lines(char out[static LINES_BYTES], const struct earlier *e, enum end end)
{
    size_t used = 0, stretches = 0;
    out[0] = '\0';
    for (size_t i = 0; i < e->count && used < LINES_BYTES; i++) {
        uint64_t first = e->batches[i].first_line;
        if (e->batches[i].end != end)
            continue;
        while (i + 1 < e->count && e->batches[i + 1].end == end)
            i++;
        uint64_t last = e->batches[i].last_line;
        if (stretches++ == STRETCHES_MAX) {
            snprintf(out + used, LINES_BYTES - used, " and others");
            break;
        }
        int size = first == last
                       ? snprintf(out + used, LINES_BYTES - used, "%s%" PRIu64,
                                  used > 0 ? ", " : "", first)
                       : snprintf(out + used, LINES_BYTES - used, "%s%" PRIu64 " to %" PRIu64,
                                  used > 0 ? ", " : "", first, last);
        used += size > 0 ? (size_t)size : 0;
    }
    return out;
}

static bool may_have_paid(const struct earlier *e)
{
    return e->rows[END_COMMITTED] + e->rows[END_UNKNOWN] > 0;
}

/* "line 4, and any behind line 201": the file that was imported may go on behind what is signed,
 * unless it is this one with its rows. "" = none are left. */
static const char *list_unpaid(char out[static UNPAID_BYTES], const struct earlier *e,
                               const struct journal_binding *binding, uint64_t rows)
{
    char lines[LINES_BYTES];
    const char *not_paid = list_lines(lines, e, END_NOT_PAID);
    bool is_whole = digest_equal(&e->csv, &binding->csv) &&
                    e->rows[END_COMMITTED] + e->rows[END_NOT_PAID] >= rows;
    size_t used = 0;
    out[0] = '\0';
    if (*not_paid != '\0')
        used = (size_t)snprintf(out, UNPAID_BYTES, "line %s%s", not_paid, is_whole ? "" : ", and ");
    if (!is_whole)
        snprintf(out + used, UNPAID_BYTES - used, "any behind line %" PRIu64,
                 e->batches[e->count - 1].last_line);
    return out;
}

/* While an outcome is not known, only the import itself can find out: no row is called unpaid. */
static enum rc advise(const struct earlier *e, const struct journal_binding *binding, uint64_t rows,
                      enum rc rc, struct why *why)
{
    char lines[LINES_BYTES], unpaid[UNPAID_BYTES];
    const char *committed = list_lines(lines, e, END_COMMITTED);
    uint64_t signed_rows = e->rows[END_COMMITTED] + e->rows[END_UNKNOWN] + e->rows[END_NOT_PAID];
    char known[256];
    snprintf(known, sizeof known, "%" PRIu64 " of %" PRIu64 " rows it signed are committed%s%s%s",
             e->rows[END_COMMITTED], signed_rows, *committed != '\0' ? " (lines " : "", committed,
             *committed != '\0' ? ")" : "");
    const struct why said = *why;
    if (e->rows[END_UNKNOWN] > 0)
        return why_set(why, rc,
                       "%s: %s, and of %" PRIu64 " the outcome is not known. Another journal pays "
                       "every row of this file, those again: restore what it was begun with and "
                       "repeat that command",
                       said.text, known, e->rows[END_UNKNOWN]);
    if (*list_unpaid(unpaid, e, binding, rows) == '\0')
        return why_set(why, rc,
                       "%s: %s: all rows of this file are paid, and nothing is left to do. Another "
                       "journal pays each of them again",
                       said.text, known);
    return why_set(why, rc,
                   "%s: %s. Another journal pays every row of this file, those again: restore what "
                   "it was begun with and repeat that command with --skip-refused; or put the rows "
                   "not paid, corrected, alone into a new file: %s",
                   said.text, known, unpaid);
}

enum rc import_earlier_advise(const char *journal, const struct journal_binding *binding,
                              uint64_t rows, enum rc rc, struct why *why)
{
    struct earlier e;
    struct why unread = {""};
    const struct why said = *why;
    enum rc read = read_earlier(&e, journal, &unread);
    if (read == RC_OK && may_have_paid(&e))
        rc = advise(&e, binding, rows, rc, why);
    else if (read == RC_OK)
        rc = why_set(why, rc,
                     "%s: none of its rows is committed; another --journal FILE begins "
                     "another import",
                     said.text);
    mem_free(e.batches);
    return rc;
}

enum rc import_earlier_judge(const char *asked, const char *own,
                             const struct journal_binding *binding, uint64_t rows, struct why *why)
{
    struct earlier e;
    char quoted[CLI_QUOTE_BYTES];
    enum rc rc = read_earlier(&e, asked, why);
    bool has_begun = e.has_begun;
    mem_free(e.batches);
    if (rc != RC_OK || has_begun)
        return rc;
    rc = read_earlier(&e, own, why);
    if (rc == RC_OK && e.has_begun && digest_equal(&e.chain_id, &binding->chain_id) &&
        public_key_equal(&e.signer, &binding->signer) && may_have_paid(&e)) {
        rc = why_set(why, RC_INVALID, "%s: an earlier import of this file (--again pays anew)",
                     cli_quote(quoted, own));
        rc = advise(&e, binding, rows, rc, why);
    }
    mem_free(e.batches);
    return rc;
}

enum rc import_earlier_open(uint64_t *rows, const char *journal, struct why *why)
{
    struct earlier e;
    enum rc rc = read_earlier(&e, journal, why);
    *rows = e.rows[END_UNKNOWN];
    mem_free(e.batches);
    return rc;
}
