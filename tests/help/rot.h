/* A state entry that is not what the chain gives, in a store whose hashes and checksums all hold:
 * what bad memory, or a fault of this program, leaves on a disk (rule 8.2, pitfalls C1). */
#ifndef TESTS_HELP_ROT_H
#define TESTS_HELP_ROT_H

#include "ledger/kv.h"

/* Raise a balance of the flushed state by one minor unit: number so many, counted around; where
 * there is none, a record is said to have a byte more. Nothing falls short, so that blocks go on
 * applying, and all roots from here on are others. Returns the flushed height. Requires: the kv
 * holds a store with a balance or a record, which nobody has open. */
uint64_t rot_state(struct kv *kv, uint64_t number);

#endif
