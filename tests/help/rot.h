/* A state entry that is not what the chain gives, in a store whose hashes and checksums all hold:
 * what bad memory, or a fault of this program, leaves on a disk (rule 8.2, pitfalls C1). */
#ifndef TESTS_HELP_ROT_H
#define TESTS_HELP_ROT_H

#include "ledger/kv.h"

/* Raise a balance of the flushed state by one minor unit: the pick-th, counted around. It never
 * falls short, so that blocks go on applying, and all roots from here on are others. Returns the
 * flushed height. Requires: the kv holds a store with a balance, which nobody has open. */
uint64_t rot_balance(struct kv *kv, uint64_t pick);

#endif
