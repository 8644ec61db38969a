/* What the files genesis*.c share with each other and with nobody else.
 *
 * Both forms are read in the same steps, each judged before the next one leans on it:
 * fill (chain, members, participants, assets, parameters) -> genesis_judge_head -> fill balances ->
 * genesis_judge_balances. Judging comes in the order of the file, so that words name the place
 * where people look; it ends by putting the arrays into canonical order. */
#ifndef GENESIS_GENESIS_PARTS_H
#define GENESIS_GENESIS_PARTS_H

#include <stddef.h>

#include "genesis/genesis.h"
#include "genesis/json.h"

/* ---- parameters as a table (genesis_parameters.c) ---- */
struct parameter_rule {
    const char *name;
    const char *symbol; /* PROTOCOL.md's */
    size_t offset;      /* in struct parameters */
    uint64_t initial;
    uint64_t least;
    uint64_t most;
};
enum {
#define X(field, symbol, initial, least, most) +1
    PARAMETERS_COUNT = 0 PARAMETER_LIST(X)
#undef X
};
extern const struct parameter_rule genesis_parameter_rules[PARAMETERS_COUNT];
uint64_t genesis_parameter(const struct parameters *p, size_t index);
void genesis_parameter_set(struct parameters *p, size_t index, uint64_t value);

/* ---- the rules that hold for both forms (genesis_judge.c; keys and parameters in files of
 * their own) ---- */

/* Copy a text of at most bytes_max bytes and terminate it; false when it is longer or has a NUL. */
MUST_USE bool genesis_text_set(char *out, size_t bytes_max, struct bytes text);
/* Everything but the balances. On RC_OK participants, their keys and assets are ascending. */
MUST_USE enum rc genesis_judge_head(struct genesis *g, struct why *why);
/* Requires: genesis_judge_head() was content. On RC_OK the balances are ascending. */
MUST_USE enum rc genesis_judge_balances(struct genesis *g, struct why *why);

/* The pieces of genesis_judge_head that have a file of their own. */
int genesis_compare_keys(const void *a, const void *b); /* what begins with a key's 32 bytes */
MUST_USE enum rc genesis_judge_keys_differ(const struct genesis *g, struct why *why);
MUST_USE enum rc genesis_judge_parameters(const struct parameters *p, struct why *why);

/* ---- the two forms; on refusal the caller closes g ---- */
MUST_USE enum rc genesis_fill_from_json(struct genesis *g, json_t *document, struct why *why);
MUST_USE enum rc genesis_fill_from_canonical(struct genesis *g, struct bytes canonical,
                                             struct why *why);
/* Requires: g is judged. */
void genesis_encode(struct buf *out, const struct genesis *g);

/* Room for the arrays of g->initial. Requires: counts within the maxima of ledger/initial.h. */
void genesis_room_for_participants(struct genesis *g, uint32_t count);
void genesis_room_for_assets(struct genesis *g, uint32_t count);
void genesis_room_for_balances(struct genesis *g, uint32_t count);

#endif
