/* The rows of a CSV file as batches of operations, by templates: always the same batches for the
 * same file and options. */
#ifndef TOOLS_HANSA_IMPORT_ROWS_H
#define TOOLS_HANSA_IMPORT_ROWS_H

#include <sys/stat.h>

#include "tools/hansa/import.h"
#include "tools/hansa/ops_read.h"
#include "tools/hansa/template.h"

enum { IMPORT_FIELDS_MAX = 8 };

struct import_rows_config {
    const char *path;
    char delimiter;
    const char *op; /* "transfer" ...: an operation's name */
    /* The fields of an operation in JSON (ops_read.h), each with its option and template. */
    struct import_field {
        const char *option, *field, *template;
    } fields[IMPORT_FIELDS_MAX];
    size_t fields_count;
    uint32_t ops_per_tx;        /* 1..TX_OPS_MAX; a transaction that is full begins the next */
    struct ops_context context; /* borrows what it names */
};

struct import_rows {
    struct import_rows_config config;
    int fd;
    struct stat at_open; /* a file that is written to meanwhile is no longer the one judged */
    struct csv csv;
    struct template templates[IMPORT_FIELDS_MAX];
    /* The batch that is lent: documents and lists that its operations lend from. */
    json_t *documents[TX_OPS_MAX];
    struct op_list lists[TX_OPS_MAX];
    struct op ops[TX_OPS_MAX];
    uint32_t ops_count;
    uint64_t first_line, last_line;
    size_t bytes;
    bool has_row; /* one was read that did not fit: it begins the next batch */
    json_t *row_document;
    struct op_list row;
    uint64_t row_line;
    size_t row_bytes;
    struct buf text;
    uint64_t number; /* of the next batch */
};

/* Open the file, read its header and the templates. Large: allocate it. The words of all functions
 * begin with what is wrong: the file's name, an option, or the line.
 * Returns: RC_OK (end with import_rows_close) | RC_FILE_IO | RC_MALFORMED | RC_INVALID. */
MUST_USE enum rc import_rows_open(struct import_rows *r, const struct import_rows_config *config,
                                  struct why *why);
void import_rows_close(struct import_rows *r);
/* Begin again at the first row. Returns: RC_OK | RC_FILE_IO. */
MUST_USE enum rc import_rows_restart(struct import_rows *r, struct why *why);

/* The next batch, see struct import_source. Its operations are judged as tx_sign() does, and what
 * the signer can never do is refused.
 * Returns: RC_OK | RC_NOT_FOUND (the end) | RC_INVALID (a row is wrong; a further call goes on
 * behind it, with a batch of other rows than it would be: only good for finding more) |
 * RC_MALFORMED | RC_FILE_IO. */
MUST_USE enum rc import_rows_next(void *rows, struct import_batch *out, struct why *why);
/* Of the whole file. Requires: import_rows_next() said RC_NOT_FOUND. */
void import_rows_digest(const struct import_rows *r, struct digest *out);
/* What the batches depend on, for journal_binding. The caller buf_free()s it. */
void import_rows_rules(struct buf *out, const struct import_rows_config *config);

#endif
