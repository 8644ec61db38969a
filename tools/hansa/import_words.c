#include "tools/hansa/import_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/render.h"

/* A thousand rows may be refused; people read no more lines than these. --json and the journal have
 * all of them. */
enum { LINES_MAX = 8 };

static double rate_of(const struct import_summary *s)
{
    uint64_t rows = s->look.rows_committed - s->look.rows_committed_before;
    return s->seconds > 0 ? (double)rows / s->seconds : 0;
}

static json_t *refusals_json(const struct import_look *look)
{
    json_t *list = json_array();
    for (size_t i = 0; i < look->refusals_count; i++) {
        const struct import_refusal *r = &look->refusals[i];
        json_t *one = json_object();
        render_set_number(one, "first_line", r->first_line);
        render_set_number(one, "last_line", r->last_line);
        render_set_number(one, "rows", r->rows);
        render_set_text(one, "verdict", bytes_of_text(verdict_word(r->verdict)));
        render_set_text(one, "text", bytes_of_text(verdict_text(r->verdict)));
        CHECK(json_array_append_new(list, one) == 0);
    }
    return list;
}

static json_t *summary_json(const struct import_summary *s)
{
    const struct import_look *look = &s->look;
    json_t *out = json_object();
    render_set_number(out, "rows", s->rows);
    render_set_number(out, "rows_committed", look->rows_committed);
    render_set_number(out, "rows_committed_before", look->rows_committed_before);
    render_set_number(out, "rows_refused", look->rows_refused);
    render_set_number(out, "rows_under_way", look->rows_under_way);
    render_set_number(out, "nonces_lost", look->nonces_lost);
    CHECK(json_object_set_new(out, "refused", refusals_json(look)) == 0);
    CHECK(json_object_set_new(out, "seconds", cli_json_measure(s->seconds)) == 0);
    CHECK(json_object_set_new(out, "rows_per_second", cli_json_measure(rate_of(s))) == 0);
    render_set_text(out, "journal", bytes_of_text(s->journal));
    return out;
}

/* "line 4: the balance is too low; line 9: ..." */
static void list_refusals(char *out, size_t room, const struct import_look *look)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < look->refusals_count && i < LINES_MAX && used < room; i++) {
        const struct import_refusal *r = &look->refusals[i];
        char lines[48];
        if (r->rows == 1)
            snprintf(lines, sizeof lines, "line %" PRIu64, r->first_line);
        else
            snprintf(lines, sizeof lines, "lines %" PRIu64 " to %" PRIu64, r->first_line,
                     r->last_line);
        int size = snprintf(out + used, room - used, "%s%s: %s", i > 0 ? "; " : "", lines,
                            verdict_text(r->verdict));
        used += size > 0 ? (size_t)size : 0;
    }
    if (look->refusals_count > LINES_MAX && used < room)
        snprintf(out + used, room - used, "; and %zu more",
                 look->refusals_count - (size_t)LINES_MAX);
}

static enum cli_exit answer_refused(struct cli *c, const struct import_summary *s)
{
    const struct import_look *look = &s->look;
    char list[320];
    struct why why;
    list_refusals(list, sizeof list, look);
    uint64_t left = s->rows - look->rows_committed - look->rows_refused;
    char rest[96] = "";
    if (left > 0)
        snprintf(rest, sizeof rest, ", and %" PRIu64 " were not tried", left);
    enum rc rc = why_set(&why, RC_REFUSED,
                         "%s. %" PRIu64 " of %" PRIu64 " rows are committed%s; the same command "
                         "again tries the refused ones again, with --skip-refused it goes on "
                         "behind them. To correct rows, leave this file as it is: put those not "
                         "paid alone into a new one, and import that instead",
                         list, look->rows_committed, s->rows, rest);
    return cli_fail_details(c, rc, &why, summary_json(s));
}

enum cli_exit import_answer(struct cli *c, const struct import_summary *s)
{
    const struct import_look *look = &s->look;
    char quoted[CLI_QUOTE_BYTES];
    /* What is under way may be committed yet, and that is what scripts have to know. */
    if (s->rc == RC_INTERRUPTED || s->rc == RC_TIMEOUT)
        return cli_fail_as(c, look->txs_under_way > 0 ? CLI_UNKNOWN : CLI_ENVIRONMENT, s->rc,
                           s->why, summary_json(s));
    if (s->rc != RC_OK)
        return cli_fail_details(c, s->rc, s->why, summary_json(s));
    if (look->refusals_count > 0)
        return answer_refused(c, s);
    if (c->json)
        return cli_answer(c, summary_json(s));
    char before[64] = "";
    if (look->rows_committed_before > 0)
        snprintf(before, sizeof before, ", %" PRIu64 " of them by earlier runs",
                 look->rows_committed_before);
    cli_line("rows", "%" PRIu64, s->rows);
    cli_line("committed", "%" PRIu64 "%s", look->rows_committed, before);
    cli_line("time", "%.1f s, %.0f rows/s", s->seconds, rate_of(s));
    cli_line("journal", "%s", cli_quote(quoted, s->journal));
    return CLI_DONE;
}

enum cli_exit import_answer_dry(struct cli *c, struct import_rows *rows,
                                const struct import_judged *judged)
{
    struct why why = {""};
    struct import_batch batch;
    const struct genesis *g = rows->config.context.genesis;
    enum rc rc = import_rows_next(rows, &batch, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    if (c->json) {
        json_t *out = json_object();
        render_set_number(out, "rows", judged->rows);
        render_set_number(out, "transactions", judged->txs);
        if (judged->has_sum)
            render_amount_into(out, "sum", judged->sum, bytes_of_text(judged->asset), g);
        CHECK(json_object_set_new(out, "first", render_op_json(&batch.ops[0], g)) == 0);
        return cli_answer(c, out);
    }
    char sum[RENDER_AMOUNT_BYTES];
    cli_line("rows", "%" PRIu64 ", all well-formed", judged->rows);
    cli_line("transactions", "%" PRIu64, judged->txs);
    if (judged->has_sum)
        cli_line("sum", "%s", render_amount(sum, judged->sum, bytes_of_text(judged->asset), g));
    printf("line %" PRIu64 ":          ", batch.first_line);
    render_op_text(&batch.ops[0], g);
    printf("\nnothing was sent (--dry-run)\n");
    return CLI_DONE;
}
