/* Running an import against the nodes of a chain: what import.h wants sent goes out over lanes, and
 * what nodes claim is proven by blocks with certificates. */
#ifndef TOOLS_HANSA_IMPORT_RUN_H
#define TOOLS_HANSA_IMPORT_RUN_H

#include "tools/hansa/import.h"
#include "tools/hansa/nodes.h"
#include "tools/hansa/progress.h"

struct import_run_config {
    struct import *import;     /* borrows */
    struct nodes *nodes;       /* borrows; its timeout is how long nothing may happen at all */
    struct progress *progress; /* borrows */
    uint64_t rows_total;       /* for the progress */
    bool is_telling;           /* print each txid on stderr before it is sent, */
    bool is_json;              /* as {"sending": {"line", "txid", "cancel"}} */
    struct public_key signer;
};

/* Run until all is settled, a refusal stopped it, somebody interrupted it, or nothing happened for
 * the time of the nodes. Returns: RC_OK (done, or stopped by a refusal) | RC_INTERRUPTED |
 * RC_TIMEOUT (words: what is unknown, and how to find out) | RC_REFUSED (the key itself) | as the
 * journal and the source. */
MUST_USE enum rc import_run(const struct import_run_config *config, struct why *why);

#endif
