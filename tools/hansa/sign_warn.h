/* What the ledger will hardly accept, as far as the genesis file tells. It is signed all the same:
 * keys may have been added since, and the ledger judges, not this tool. */
#ifndef TOOLS_HANSA_SIGN_WARN_H
#define TOOLS_HANSA_SIGN_WARN_H

#include "tools/hansa/ops_read.h"

/* A new array of sentences, each once; the caller takes it. */
MUST_USE json_t *sign_warnings(const struct op_list *list, const struct ops_context *context);

#endif
