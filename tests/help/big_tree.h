/* A state tree that is larger than any that a test's chain gives: to be taken piece by piece. */
#ifndef TESTS_HELP_BIG_TREE_H
#define TESTS_HELP_BIG_TREE_H

#include "ledger/snapshot.h"

enum { BIG_TREE_ENTRIES_MAX = 65536 };

struct big_tree {
    struct kv *kv;
    struct kv_view *view;
    struct tree_ref tree; /* of that version, with so many entries of 8 bytes */
};

void big_tree_open(struct big_tree *b, uint64_t version, uint32_t entries_count);
void big_tree_close(struct big_tree *b);
/* The paths of the nodes below the one at this path are appended to out. Returns how many, 16 at
 * most. */
uint32_t big_tree_children(const struct big_tree *b, const struct snapshot_path *path,
                           struct snapshot_path *out);

#endif
