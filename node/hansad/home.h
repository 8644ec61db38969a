/* All that a node stands on before it has a socket or a thread: genesis, key, data directory,
 * store, marker; each judged, and together. */
#ifndef NODE_HANSAD_HOME_H
#define NODE_HANSAD_HOME_H

#include "genesis/genesis.h"
#include "node/hansad/config.h"
#include "node/hansad/marker.h"

struct home {
    const struct config *config;
    struct genesis genesis;
    struct key key;
    uint32_t own_index;
    struct kv *kv;
    struct store *store; /* NULL only with home_check(): there is none yet */
    char marker_path[PATH_MAX];
    struct marker marker;
    bool is_first;  /* the key's first start */
    bool is_fenced; /* rule 4.2: it does not vote from this store */
    struct why fence_why;
};

/* Open all, to run: the data directory is made when the key's first start (init) or a lost store
 * asks for it, the marker when it is the first start. Owns: borrows config; end with home_close().
 * Returns: RC_OK | as the parts; the words say which and what to do. */
MUST_USE enum rc home_open(struct home *out, const struct config *config, bool init,
                           struct why *why);
/* The store stands elsewhere now, or its state is to go (RC_REOPEN of driver.h): close it and open
 * it anew, and judge it again. Genesis, key and the lock on the data directory stay as they are:
 * who gave the passphrase need not give it twice, and nobody comes in between. Requires: opened by
 * home_open(); nothing stands on the store. On failure the home can only be closed. */
MUST_USE enum rc home_reopen(struct home *h, struct why *why);
/* As home_open(), without writing anything: what it would say and do. */
MUST_USE enum rc home_check(struct home *out, const struct config *config, bool init,
                            struct why *why);
void home_close(struct home *h);

/* Where it listens. */
const char *home_peer_address(const struct home *h);
const char *home_client_address(const struct home *h);
const struct genesis_member *home_member(const struct home *h);

#endif
