/* Evidence as the tool shows it: what a verified file says, and which evidence the nodes name. */
#ifndef TOOLS_HANSA_EVIDENCE_H
#define TOOLS_HANSA_EVIDENCE_H

#include "node/evidence_file.h"
#include "tools/hansa/nodes.h"

/* "delta", or "member 3" where the genesis has no such member. */
enum { EVIDENCE_NAME_BYTES = KEY_NAME_BYTES_MAX + 16 };
const char *evidence_offender(char out[static EVIDENCE_NAME_BYTES], const struct genesis *g,
                              uint32_t offender);

/* What a file that was verified says: { "offender", "offender_index", "kind", "text", "epoch",
 * "view", ... }, and as lines for people. */
json_t *evidence_json(const struct evidence_file *f, const struct genesis *g);
void evidence_print(const struct evidence_file *f, const struct genesis *g);

/* What nodes say in STATUS, each by its own word: [ { "offender", "kind", "text", "nodes": [names]
 * }
 * ], and a line for each. Require: answers of nodes_ask_all() to STATUS, one for each node. */
json_t *evidence_known_json(const struct nodes *n, const struct nodes_answer *answers);
/* Returns how many there are. */
uint32_t evidence_known_print(const struct nodes *n, const struct nodes_answer *answers);

#endif
