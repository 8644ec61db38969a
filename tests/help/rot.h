/* A state that rots (rule 8.2): an entry that is not what the chain gives, in a store whose hashes
 * and checksums all hold, as bad memory or a fault of this program leave it (pitfalls C1); or a bit
 * that the disk flipped, which its checksum shows. */
#ifndef TESTS_HELP_ROT_H
#define TESTS_HELP_ROT_H

#include "ledger/kv.h"

/* Raise a balance of the flushed state by one minor unit: number so many, counted around; where
 * there is none, a record is said to have a byte more. Nothing falls short, so that blocks go on
 * applying, and all roots from here on are others. Returns the flushed height. Requires: the kv
 * holds a store with a balance or a record, which nobody has open. */
uint64_t rot_state(struct kv *kv, uint64_t number);

/* Flip a bit of the flushed tree's top node, beside its checksum: whoever reads the state meets it.
 * Returns the flushed height. Requires: the kv holds a store, which nobody has open. */
uint64_t rot_top_node(struct kv *kv);

#endif
