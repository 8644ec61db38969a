/* The marker of rule 4.2: a small text file beside the key, KEYFILE.marker, that says which store
 * this key votes from and up to where it may have voted. It is not in the store, so a store that is
 * lost, swapped or put back from a copy is found out by it, and the key then never votes again.
 *
 *   hansa-marker 1
 *   chain: <64 hex>
 *   key: <64 hex>          the replica's signing key
 *   store: <32 hex>        the store's id
 *   epoch: 0
 *   view: 0
 *   height: 1024           the reservation
 *   checksum: <16 hex>     of all before it
 *
 * It is replaced as a whole: written beside itself, synced, renamed, its directory synced. So it is
 * the old one or the new one after any crash. The directory has to be writable for the node. */
#ifndef NODE_HANSAD_MARKER_H
#define NODE_HANSAD_MARKER_H

#include <limits.h>

#include "ledger/store.h"
#include "node/pbft/msg.h"

enum { MARKER_FILE_BYTES_MAX = 512 };

struct marker {
    struct digest chain_id;
    struct public_key key;
    uint8_t store_id[STORE_ID_BYTES];
    struct pbft_rank reserved;
};

/* Where the marker of a key file lies. Returns: RC_OK | RC_INVALID (the path is too long). */
MUST_USE enum rc marker_path(char out[static PATH_MAX], const char *key_path, struct why *why);
/* Returns: RC_OK | RC_NOT_FOUND | RC_MALFORMED (what is left of the words is what to do) |
 * RC_FILE_IO. Words begin with the path. */
MUST_USE enum rc marker_read(struct marker *out, const char *path, struct why *why);
/* Durable when it returns. Returns: RC_OK | RC_DISK_FULL | RC_FILE_IO; after an error the old one
 * or the new one is there. Words begin with the path. */
MUST_USE enum rc marker_write(const char *path, const struct marker *m, struct why *why);

/* What a start finds. */
struct marker_case {
    const struct marker *marker; /* NULL: there is none */
    bool init;                   /* --init was given */
    struct digest chain_id;      /* of the genesis file */
    struct public_key key;
    const char *data_path; /* for the words */
    bool has_store;
    bool is_used; /* the store: it has blocks or records of agreement */
    uint8_t store_id[STORE_ID_BYTES];
    struct pbft_rank reserved; /* by the store */
};

enum marker_verdict {
    MARKER_FITS,   /* vote */
    MARKER_FIRST,  /* the key's first start: make the store, if there is none, and the marker */
    MARKER_FENCED, /* follow and do not vote; words say why, what it means, and what to look at */
    MARKER_REFUSED /* do not start; *rc and words say why */
};
/* Pure. Requires: key and chain of the store, if there is one, are those of the case. */
enum marker_verdict marker_judge(const struct marker_case *c, enum rc *rc, struct why *why);

#endif
