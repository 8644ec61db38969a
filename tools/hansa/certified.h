/* Whether the state that a directory shows is vouched for by a quorum of members.
 *
 * A store opened with TREE_VERIFY cannot show another state than its own root, but that root is
 * written by whoever runs the node. It is certified when q members signed the root as a checkpoint,
 * and the blocks above it up to the head hang under a COMMIT certificate: what they do to the state
 * is recomputed here. */
#ifndef TOOLS_HANSA_CERTIFIED_H
#define TOOLS_HANSA_CERTIFIED_H

#include "genesis/json.h"
#include "tools/hansa/data_dir.h"

/* Returns: RC_OK with *out | RC_PROOF (a certificate contradicts the store, or does not verify:
 * words say which) | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc certified_state(struct certified *out, struct data_dir *d, struct why *why);

/* One line for people, and the member "certified" for JSON. */
void certified_print(const struct certified *c);
void certified_to_json(json_t *object, const struct certified *c);

#endif
