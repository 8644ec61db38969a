#include "tools/hansa/import_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tools/hansa/cli.h"

/* ---- opening ---- */

static enum rc parse_templates(struct import_rows *r, struct why *why)
{
    for (size_t i = 0; i < r->config.fields_count; i++) {
        const struct import_field *f = &r->config.fields[i];
        enum rc rc = template_parse(&r->templates[i], f->template, &r->csv, why);
        if (rc != RC_OK)
            return why_within(why, rc, "--%s", f->option);
    }
    return RC_OK;
}

static enum rc open_file(struct import_rows *r, struct why *why)
{
    r->fd = open(r->config.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->fd < 0)
        return why_set(why, RC_FILE_IO, "cannot be opened: %s", strerror(errno));
    if (fstat(r->fd, &r->at_open) != 0 || !S_ISREG(r->at_open.st_mode))
        return why_set(why, RC_FILE_IO,
                       "is not a file: an import reads it twice, so save it first");
    return RC_OK;
}

static enum rc named(const struct import_rows *r, enum rc rc, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    if (rc == RC_OK || rc == RC_NOT_FOUND)
        return rc;
    return why_within(why, rc, "%s", cli_quote(quoted, r->config.path));
}

enum rc import_rows_open(struct import_rows *r, const struct import_rows_config *config,
                         struct why *why)
{
    memset(r, 0, sizeof *r);
    r->config = *config;
    enum rc rc = open_file(r, why);
    if (rc == RC_OK)
        rc = csv_open(&r->csv, r->fd, config->delimiter, why);
    rc = named(r, rc, why);
    if (rc == RC_OK)
        rc = parse_templates(r, why);
    if (rc != RC_OK)
        import_rows_close(r);
    return rc;
}

static void drop_batch(struct import_rows *r)
{
    for (uint32_t i = 0; i < r->ops_count; i++) {
        ops_close(&r->lists[i]);
        json_decref(r->documents[i]);
    }
    r->ops_count = 0;
    r->bytes = 0;
}

static void drop_row(struct import_rows *r)
{
    if (r->has_row) {
        ops_close(&r->row);
        json_decref(r->row_document);
    }
    r->has_row = false;
}

void import_rows_close(struct import_rows *r)
{
    drop_batch(r);
    drop_row(r);
    for (size_t i = 0; i < r->config.fields_count; i++)
        template_close(&r->templates[i]);
    csv_close(&r->csv);
    buf_free(&r->text);
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

enum rc import_rows_restart(struct import_rows *r, struct why *why)
{
    drop_batch(r);
    drop_row(r);
    csv_close(&r->csv);
    r->number = 0;
    if (lseek(r->fd, 0, SEEK_SET) != 0)
        return named(r, why_set(why, RC_FILE_IO, "cannot be read again: %s", strerror(errno)), why);
    return named(r, csv_open(&r->csv, r->fd, r->config.delimiter, why), why);
}

/* ---- rows ---- */

static enum rc fill_document(struct import_rows *r, json_t *out, struct why *why)
{
    for (size_t i = 0; i < r->config.fields_count; i++) {
        const struct import_field *f = &r->config.fields[i];
        buf_clear(&r->text);
        enum rc rc = template_fill(&r->text, &r->templates[i], &r->csv, why);
        if (rc != RC_OK)
            return why_within(why, rc, "--%s", f->option);
        json_t *value = json_stringn((const char *)r->text.data, r->text.size);
        if (value == NULL)
            return why_set(why, RC_INVALID,
                           "--%s: this is not UTF-8 text: check the file's encoding", f->option);
        CHECK(json_object_set_new(out, f->field, value) == 0);
    }
    return RC_OK;
}

/* A row that the ledger can never take is refused before anything of the file is sent. */
static enum rc judge_op(const struct import_rows *r, const struct op *op, struct why *why)
{
    enum verdict v = op_rules_of(op->type)->judge(op);
    if (v != VERDICT_OK)
        return why_set(why, RC_INVALID, "%s", verdict_text(v));
    if (op->type != OP_TRANSFER && op->type != OP_REDEEM)
        return RC_OK;
    struct bytes from = op->type == OP_TRANSFER ? op->transfer.from : op->redeem.from;
    struct bytes owner = account_participant(from);
    if (bytes_equal(owner, bytes_of_text(r->config.context.participant)))
        return RC_OK;
    return why_set(why, RC_INVALID,
                   "from: account %.*s belongs to participant %.*s, and the key to %s",
                   (int)from.size, (const char *)from.data, (int)owner.size,
                   (const char *)owner.data, r->config.context.participant);
}

static enum rc read_op(struct import_rows *r, struct why *why)
{
    r->row_document = json_pack("{s:s}", "op", r->config.op);
    enum rc rc = fill_document(r, r->row_document, why);
    if (rc == RC_OK) {
        struct json_at at = json_root(r->row_document);
        rc = ops_read(&r->row, &at, &r->config.context, why);
    }
    if (rc == RC_OK) {
        rc = judge_op(r, &r->row.ops[0], why);
        if (rc != RC_OK)
            ops_close(&r->row);
    }
    if (rc != RC_OK)
        json_decref(r->row_document);
    return rc;
}

static bool is_same_file(const struct import_rows *r)
{
    struct stat now;
    return fstat(r->fd, &now) == 0 && now.st_size == r->at_open.st_size &&
           now.st_mtim.tv_sec == r->at_open.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == r->at_open.st_mtim.tv_nsec;
}

/* The next row into r->row. */
static enum rc read_row(struct import_rows *r, struct why *why)
{
    enum rc rc = csv_next(&r->csv, why);
    if (rc != RC_OK)
        return named(r, rc, why);
    r->row_line = r->csv.row_line;
    rc = read_op(r, why);
    if (rc != RC_OK)
        return named(r, why_within(why, rc, "line %" PRIu64, r->row_line), why);
    r->has_row = true;
    buf_clear(&r->text);
    op_encode(&r->text, &r->row.ops[0]);
    r->row_bytes = r->text.size;
    return RC_OK;
}

static void take_row(struct import_rows *r)
{
    r->lists[r->ops_count] = r->row;
    r->documents[r->ops_count] = r->row_document;
    r->ops[r->ops_count] = r->row.ops[0];
    if (r->ops_count++ == 0)
        r->first_line = r->row_line;
    r->last_line = r->row_line;
    r->bytes += r->row_bytes;
    r->has_row = false;
}

enum rc import_rows_next(void *rows, struct import_batch *out, struct why *why)
{
    enum { OPS_BYTES_MAX = TX_BYTES_MAX - TX_HEAD_BYTES - SIGNATURE_BYTES };
    struct import_rows *r = rows;
    enum rc rc = RC_OK;
    drop_batch(r);
    if (!is_same_file(r))
        return named(r, why_set(why, RC_FILE_IO, "was changed while it was imported"), why);
    while (r->ops_count < r->config.ops_per_tx) {
        if (!r->has_row)
            rc = read_row(r, why);
        if (rc != RC_OK || r->bytes + r->row_bytes > OPS_BYTES_MAX)
            break;
        take_row(r);
    }
    if (rc != RC_OK && (rc != RC_NOT_FOUND || r->ops_count == 0))
        return rc;
    CHECK(r->ops_count > 0); /* the largest operation fits alone */
    *out = (struct import_batch){.number = r->number++,
                                 .first_line = r->first_line,
                                 .last_line = r->last_line,
                                 .ops = r->ops,
                                 .ops_count = r->ops_count};
    return RC_OK;
}

void import_rows_digest(const struct import_rows *r, struct digest *out)
{
    csv_digest(&r->csv, out);
}

void import_rows_rules(struct buf *out, const struct import_rows_config *config)
{
    char line[64];
    int size = snprintf(line, sizeof line, "ops-per-tx %" PRIu32 "\ndelimiter %c\nop ",
                        config->ops_per_tx, config->delimiter);
    buf_add(out, line, (size_t)size);
    buf_add_bytes(out, bytes_of_text(config->op));
    for (size_t i = 0; i < config->fields_count; i++) {
        buf_add(out, "\n", 1);
        buf_add_bytes(out, bytes_of_text(config->fields[i].option));
        buf_add(out, " ", 1);
        buf_add_bytes(out, bytes_of_text(config->fields[i].template));
    }
}
