#include "tools/hansa/csv.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "crypto/base/check.h"

enum { CHUNK_BYTES = 64 * 1024, END = -1, BROKEN = -2 };

/* ---- bytes ---- */

static enum rc refuse(const struct csv *c, struct why *why, const char *text)
{
    return why_set(why, RC_MALFORMED, "line %" PRIu64 ": %s", c->line, text);
}

static bool fill(struct csv *c)
{
    ssize_t got;
    do
        got = read(c->fd, c->chunk, CHUNK_BYTES);
    while (got < 0 && errno == EINTR);
    c->chunk_at = 0;
    c->chunk_size = got > 0 ? (size_t)got : 0;
    if (got > 0)
        hasher_add(&c->hasher, c->chunk, (size_t)got);
    return got >= 0;
}

/* The next byte without taking it; END; BROKEN when the file cannot be read (errno says why). */
static int peek(struct csv *c)
{
    if (c->chunk_at == c->chunk_size && !fill(c))
        return BROKEN;
    return c->chunk_at < c->chunk_size ? c->chunk[c->chunk_at] : END;
}

static void take(struct csv *c)
{
    if (c->chunk[c->chunk_at++] == '\n')
        c->line++;
}

static enum rc broken(struct why *why)
{
    return why_set(why, RC_FILE_IO, "cannot be read: %s", strerror(errno));
}

/* Take one byte into the field. */
static enum rc keep(struct csv *c, int byte, struct why *why)
{
    if (byte == '\0')
        return refuse(c, why, "there is a NUL byte: this is no text file");
    if (c->text.size >= CSV_ROW_BYTES_MAX)
        return refuse(c, why, "the row is longer than 256 KiB: is a closing quote missing?");
    buf_add_u8(&c->text, (uint8_t)byte);
    take(c);
    return RC_OK;
}

/* ---- fields ---- */

/* Behind the opening quote, up to behind the closing one. */
static enum rc read_quoted(struct csv *c, struct why *why)
{
    enum rc rc = RC_OK;
    while (rc == RC_OK) {
        int byte = peek(c);
        if (byte == BROKEN)
            return broken(why);
        if (byte == END)
            return why_set(why, RC_MALFORMED,
                           "line %" PRIu64 ": a quoted field of this row is not closed",
                           c->row_line);
        if (byte == '"') {
            take(c);
            if (peek(c) != '"')
                return RC_OK;
        }
        rc = keep(c, byte, why);
    }
    return rc;
}

static bool is_bare(const struct csv *c, int byte)
{
    return byte >= 0 && byte != c->delimiter && byte != '\n' && byte != '\r' && byte != '"';
}

static enum rc read_bare(struct csv *c, struct why *why)
{
    enum rc rc = RC_OK;
    while (rc == RC_OK && is_bare(c, peek(c)))
        rc = keep(c, peek(c), why);
    if (rc == RC_OK && peek(c) == '"')
        return refuse(c, why,
                      "there is a quote inside a field without quotes: quote the whole "
                      "field, and write the quote twice");
    return rc;
}

static enum rc read_field(struct csv *c, struct why *why)
{
    if (c->fields_count == CSV_COLUMNS_MAX)
        return refuse(c, why, "there are more than 256 fields");
    c->starts[c->fields_count++] = c->text.size;
    bool is_quoted = peek(c) == '"';
    if (is_quoted)
        take(c);
    enum rc rc = is_quoted ? read_quoted(c, why) : read_bare(c, why);
    buf_add_u8(&c->text, '\0');
    c->starts[c->fields_count] = c->text.size;
    return rc;
}

/* What stands behind a field. *is_last: it was the row's last one. */
static enum rc read_separator(struct csv *c, bool *is_last, struct why *why)
{
    int byte = peek(c);
    *is_last = byte != c->delimiter;
    if (byte == BROKEN)
        return broken(why);
    if (byte == END)
        return RC_OK;
    if (byte == '\r') {
        take(c);
        if (peek(c) != '\n')
            return refuse(c, why, "there is a carriage return that ends no line");
    } else if (byte != '\n' && byte != c->delimiter) {
        return refuse(c, why,
                      "there is text behind a closing quote: a quote inside a quoted "
                      "field is written twice");
    }
    take(c);
    return RC_OK;
}

static enum rc read_row(struct csv *c, struct why *why)
{
    bool is_last = false;
    c->row_line = c->line;
    c->fields_count = 0;
    buf_clear(&c->text);
    while (!is_last) {
        enum rc rc = read_field(c, why);
        if (rc == RC_OK)
            rc = read_separator(c, &is_last, why);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

/* ---- the header ---- */

static void skip_mark(struct csv *c)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    if (peek(c) >= 0 && c->chunk_size >= sizeof mark && memcmp(c->chunk, mark, sizeof mark) == 0)
        c->chunk_at = sizeof mark;
}

static enum rc judge_header(struct csv *c, struct why *why)
{
    for (size_t i = 0; i < c->columns_count; i++) {
        struct bytes name = csv_column_name(c, i);
        if (csv_column(c, name) != i)
            return why_set(why, RC_MALFORMED, "line 1: two columns have the same name, '%.*s'",
                           name.size < 64 ? (int)name.size : 64, (const char *)name.data);
    }
    return RC_OK;
}

enum rc csv_open(struct csv *out, int fd, char delimiter, struct why *why)
{
    memset(out, 0, sizeof *out);
    out->fd = fd;
    out->delimiter = delimiter;
    out->line = 1;
    out->chunk = mem_alloc(CHUNK_BYTES);
    hasher_start(&out->hasher, TAG_RECORD);
    skip_mark(out);
    enum rc rc = RC_OK;
    if (peek(out) == BROKEN)
        rc = broken(why);
    else if (peek(out) == END)
        rc = why_set(why, RC_MALFORMED,
                     "line 1: the file is empty: the first line must name the "
                     "columns");
    if (rc == RC_OK)
        rc = read_row(out, why);
    if (rc == RC_OK) {
        out->names = out->text;
        memset(&out->text, 0, sizeof out->text);
        memcpy(out->name_starts, out->starts, sizeof out->starts);
        out->columns_count = out->fields_count;
        rc = judge_header(out, why);
    }
    if (rc != RC_OK)
        csv_close(out);
    return rc;
}

void csv_close(struct csv *c)
{
    mem_free(c->chunk);
    buf_free(&c->text);
    buf_free(&c->names);
    c->chunk = NULL;
}

/* ---- rows ---- */

enum rc csv_next(struct csv *c, struct why *why)
{
    int byte = peek(c);
    if (byte == BROKEN)
        return broken(why);
    if (byte == END)
        return RC_NOT_FOUND;
    enum rc rc = read_row(c, why);
    if (rc != RC_OK || c->fields_count == c->columns_count)
        return rc;
    if (c->fields_count == 1 && c->starts[1] == 1)
        return why_set(why, RC_INVALID, "line %" PRIu64 ": the line is empty", c->row_line);
    return why_set(why, RC_INVALID,
                   "line %" PRIu64 ": the row has %zu field%s, and the header names %zu columns",
                   c->row_line, c->fields_count, c->fields_count == 1 ? "" : "s", c->columns_count);
}

struct bytes csv_field(const struct csv *c, size_t index)
{
    CHECK(index < c->fields_count);
    return bytes_of(c->text.data + c->starts[index], c->starts[index + 1] - c->starts[index] - 1);
}

struct bytes csv_column_name(const struct csv *c, size_t index)
{
    CHECK(index < c->columns_count);
    return bytes_of(c->names.data + c->name_starts[index],
                    c->name_starts[index + 1] - c->name_starts[index] - 1);
}

size_t csv_column(const struct csv *c, struct bytes name)
{
    size_t i = 0;
    while (i < c->columns_count && !bytes_equal(csv_column_name(c, i), name))
        i++;
    return i;
}

void csv_digest(const struct csv *c, struct digest *out)
{
    CHECK(c->chunk_at == c->chunk_size);
    struct hasher ended = c->hasher;
    hasher_end(&ended, out);
}
