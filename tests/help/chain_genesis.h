/* The genesis of a test chain, as a JSON file would give it. */
#ifndef TESTS_HELP_CHAIN_GENESIS_H
#define TESTS_HELP_CHAIN_GENESIS_H

#include "tests/help/chain.h"

/* Fill in c->genesis. Requires: c->options and c->members. */
MUST_USE enum rc chain_make_genesis(struct chain *c, struct why *why);

#endif
