/* A small strict reader of CSV files with a header line (RFC 4180), row by row in flat memory.
 *
 * Fields are separated by one delimiter and may stand in double quotes, a quote inside written
 * twice; lines end with LF or CRLF; a byte order mark in front is skipped. All else is refused with
 * its line: a quote inside a bare field, text behind a closing quote, a lone CR, a NUL, a row with
 * more or fewer fields than the header, two columns of one name. What stands in a payment file is
 * money, so nothing is guessed. Debian's libcsv was considered: it repairs such input by default,
 * calls back instead of being asked, and knows no lines, which are what people need to hear. */
#ifndef TOOLS_HANSA_CSV_H
#define TOOLS_HANSA_CSV_H

#include "crypto/digest.h"

enum {
    CSV_COLUMNS_MAX = 256,
    CSV_ROW_BYTES_MAX = 256 * 1024 /* a record's 32 KiB as hex and more; bounds the memory */
};

struct csv {
    int fd; /* the caller's */
    char delimiter;
    uint8_t *chunk;
    size_t chunk_at, chunk_size;
    struct hasher hasher; /* of all bytes taken from fd */
    uint64_t line;        /* of the next byte, from 1 */
    uint64_t row_line;    /* where the last row began */
    struct buf text;      /* its fields, each with a NUL behind it */
    size_t starts[CSV_COLUMNS_MAX + 1];
    size_t fields_count;
    struct buf names; /* of the columns, as text */
    size_t name_starts[CSV_COLUMNS_MAX + 1];
    size_t columns_count;
};

/* Read the header line. fd stands at the file's start and stays the caller's until csv_close().
 * The words of all functions begin with the line ("line 7: ..."), but for errors of the disk.
 * Returns: RC_OK (end with csv_close) | RC_MALFORMED | RC_FILE_IO. */
MUST_USE enum rc csv_open(struct csv *out, int fd, char delimiter, struct why *why);
void csv_close(struct csv *c);

/* Take the next row. Returns: RC_OK | RC_NOT_FOUND (there are no more) | RC_INVALID (this row has
 * another number of fields; the next call goes on behind it) | RC_MALFORMED (where it goes on
 * cannot be told) | RC_FILE_IO. */
MUST_USE enum rc csv_next(struct csv *c, struct why *why);

/* Of the last row: a field, with a NUL behind it. Lends until the next row. Requires: RC_OK of
 * csv_next(), index < columns_count. */
struct bytes csv_field(const struct csv *c, size_t index);
struct bytes csv_column_name(const struct csv *c, size_t index);
/* The column of this name, or columns_count. */
size_t csv_column(const struct csv *c, struct bytes name);

/* Hash of the whole file, as of a record's data. Requires: csv_next() said RC_NOT_FOUND. */
void csv_digest(const struct csv *c, struct digest *out);

#endif
