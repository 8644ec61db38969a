/* What an import answers at its end. */
#ifndef TOOLS_HANSA_IMPORT_WORDS_H
#define TOOLS_HANSA_IMPORT_WORDS_H

#include "tools/hansa/cli.h"
#include "tools/hansa/import.h"
#include "tools/hansa/import_judge.h"

struct import_summary {
    enum rc rc; /* of import_run() */
    const struct why *why;
    uint64_t rows; /* in the file */
    double seconds;
    const char *journal;
    struct import_look look;
};
enum cli_exit import_answer(struct cli *c, const struct import_summary *s);
/* Of --dry-run: what would be done. Reads the first batch of rows. */
enum cli_exit import_answer_dry(struct cli *c, struct import_rows *rows,
                                const struct import_judged *judged);

#endif
