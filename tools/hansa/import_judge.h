/* The whole file is judged before anything of it is signed: what is wrong in line 900 is said while
 * line 1 can still be taken back. */
#ifndef TOOLS_HANSA_IMPORT_JUDGE_H
#define TOOLS_HANSA_IMPORT_JUDGE_H

#include "tools/hansa/cli.h"
#include "tools/hansa/import_rows.h"

struct import_judged {
    uint64_t rows, txs;
    struct digest csv;
    bool has_sum; /* all are amounts of one asset, and the sum fits 64 bits */
    uint64_t sum;
    char asset[ASSET_BYTES_MAX + 1];
};

/* Read all rows, and begin again at the first one. The words name the first wrong row with its
 * cause, and the lines of more; *details (the caller takes it; NULL when all is well) has them.
 * Returns: RC_OK | RC_INVALID, RC_MALFORMED (wrong rows; no rows) | RC_FILE_IO | RC_INTERRUPTED. */
MUST_USE enum rc import_judge(struct import_judged *out, struct import_rows *rows, json_t **details,
                              struct why *why);

#endif
