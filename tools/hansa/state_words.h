/* Entries of the state in words, for where two stores differ. */
#ifndef TOOLS_HANSA_STATE_WORDS_H
#define TOOLS_HANSA_STATE_WORDS_H

#include "genesis/genesis.h"

/* Any bytes may be handed in; what does not decode is shown in hex. The caller frees with mem_free.
 */
MUST_USE char *state_words_key(uint8_t table, struct bytes key);
MUST_USE char *state_words_value(uint8_t table, struct bytes key, struct bytes value,
                                 const struct genesis *g);

#endif
