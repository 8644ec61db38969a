#include "tools/hansa/import_judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/amount.h"
#include "tools/hansa/interrupt.h"

/* So many wrong rows are shown; people read no more. */
enum { WRONG_MAX = 20 };

struct wrong {
    enum rc rc;
    struct why first;
    uint64_t count;
    json_t *list;
};

/* ---- sums ---- */

static bool get_money(const struct op *op, struct bytes *asset, uint64_t *amount)
{
    switch (op->type) {
    case OP_TRANSFER:
        *asset = op->transfer.asset;
        *amount = op->transfer.amount;
        return true;
    case OP_ISSUE:
        *asset = op->issue.asset;
        *amount = op->issue.amount;
        return true;
    case OP_REDEEM:
        *asset = op->redeem.asset;
        *amount = op->redeem.amount;
        return true;
    default:
        return false;
    }
}

static void add_sum(struct import_judged *out, const struct op *op)
{
    struct bytes asset;
    uint64_t amount;
    bool is_money = get_money(op, &asset, &amount);
    if (is_money && out->rows == 0) {
        memcpy(out->asset, asset.data, asset.size);
        out->asset[asset.size] = '\0';
        out->has_sum = true;
    }
    out->rows++;
    if (out->has_sum && (!is_money || !bytes_equal(asset, bytes_of_text(out->asset)) ||
                         !amount_add(&out->sum, out->sum, amount)))
        out->has_sum = false;
}

/* ---- wrong rows ---- */

static void note_wrong(struct wrong *w, const struct import_rows *rows, enum rc rc,
                       const struct why *why)
{
    if (w->count++ == 0) {
        w->rc = rc;
        w->first = *why;
        w->list = json_array();
    }
    if (json_array_size(w->list) >= WRONG_MAX)
        return;
    json_t *row = json_object();
    CHECK(json_object_set_new(row, "line", cli_json_number(rows->csv.row_line)) == 0);
    CHECK(json_object_set_new(row, "text", cli_json_text(bytes_of_text(why->text))) == 0);
    CHECK(json_array_append_new(w->list, row) == 0);
}

static void list_lines(char *out, size_t room, const struct wrong *w)
{
    size_t used = 0, index;
    json_t *row;
    out[0] = '\0';
    json_array_foreach(w->list, index, row)
    {
        if (index == 0 || used + 32 > room)
            continue;
        const json_t *line = json_object_get(row, "line");
        used += (size_t)snprintf(out + used, room - used, "%s%" JSON_INTEGER_FORMAT,
                                 index == 1 ? "" : ", ", json_integer_value(line));
    }
}

static enum rc say_wrong(struct wrong *w, json_t **details, struct why *why)
{
    char lines[160];
    list_lines(lines, sizeof lines, w);
    if (w->count == 1)
        *why = w->first;
    else
        w->rc = why_set(why, w->rc, "%.400s; %" PRIu64 " more rows are wrong: line%s %s%s",
                        w->first.text, w->count - 1, w->count == 2 ? "" : "s", lines,
                        w->count > WRONG_MAX ? ", ..." : "");
    *details = json_pack("{s:o, s:o}", "wrong_rows", cli_json_number(w->count), "wrong", w->list);
    return w->rc;
}

/* ---- all rows ---- */

static enum rc judge_all(struct import_judged *out, struct import_rows *rows, struct wrong *w,
                         struct why *why)
{
    for (;;) {
        struct import_batch batch;
        enum rc rc = import_rows_next(rows, &batch, why);
        if (rc == RC_NOT_FOUND)
            return RC_OK;
        if (interrupt_was_asked())
            return why_set(why, RC_INTERRUPTED, "interrupted: nothing was sent");
        if (rc == RC_INVALID || rc == RC_MALFORMED)
            note_wrong(w, rows, rc, why);
        if (rc == RC_MALFORMED) /* where the next row begins cannot be told */
            return RC_OK;
        if (rc == RC_INVALID)
            continue;
        if (rc != RC_OK)
            return rc;
        out->txs++;
        for (uint32_t i = 0; i < batch.ops_count; i++)
            add_sum(out, &batch.ops[i]);
    }
}

enum rc import_judge(struct import_judged *out, struct import_rows *rows, json_t **details,
                     struct why *why)
{
    struct wrong w = {0};
    memset(out, 0, sizeof *out);
    *details = NULL;
    enum rc rc = judge_all(out, rows, &w, why);
    if (rc != RC_OK) {
        json_decref(w.list);
        return rc;
    }
    if (w.count > 0)
        return say_wrong(&w, details, why);
    if (out->rows == 0)
        return why_set(why, RC_INVALID, "there are no rows in the file, only the header line");
    import_rows_digest(rows, &out->csv);
    return import_rows_restart(rows, why);
}
