/* A genesis file in the making, as JSON, from the options of `genesis init`. Nothing is judged here
 * but the form of the options: genesis_from_json() judges the whole. */
#ifndef TOOLS_HANSA_GENESIS_DRAFT_H
#define TOOLS_HANSA_GENESIS_DRAFT_H

#include "crypto/keyfile.h"
#include "tools/hansa/cli.h"

/* An object with the chain's name and empty lists; the caller json_decref()s it. */
json_t *draft_new(const char *chain);

/* A replica's public part becomes a member, a participant's a key of the participant of its name.
 * path is for words. Returns: RC_OK | RC_NETWORK_MISMATCH | RC_INVALID (the other kind of key). */
MUST_USE enum rc draft_add_member(json_t *draft, const struct key_public *public, const char *path,
                                  struct why *why);
MUST_USE enum rc draft_add_participant(json_t *draft, const struct key_public *public,
                                       const char *path, struct why *why);
/* Returns: RC_OK | RC_NOT_FOUND (no key of this name was added). */
MUST_USE enum rc draft_set_governor(json_t *draft, const char *name, struct why *why);

/* --asset, --balance, --parameter, --reads as they were given.
 * Returns: CLI_DONE | CLI_USAGE, and then said so. */
MUST_USE enum cli_exit draft_add_options(json_t *draft, struct cli *c);

#endif
