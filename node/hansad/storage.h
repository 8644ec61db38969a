/* The storage thread: the one that writes. It makes batches durable and raises the marker, one act
 * at a time, as the driver asks; what became of each comes back over a descriptor. */
#ifndef NODE_HANSAD_STORAGE_H
#define NODE_HANSAD_STORAGE_H

#include "ledger/kv.h"
#include "node/hansad/marker.h"

struct storage;

/* Owns: borrows kv until storage_close(); copies the marker, whose reservation it raises.
 * Returns: RC_OK | RC_FILE_IO (no thread, no descriptors). */
MUST_USE enum rc storage_open(struct storage **out, struct kv *kv, const char *marker_path,
                              const struct marker *marker, struct why *why);
/* Waits for what is under way: a commit is never cut off by an orderly end. */
void storage_close(struct storage *s);

/* Requires: nothing is under way. Owns: borrows the batch until storage_take() gave its result. */
void storage_submit(struct storage *s, const struct kv_batch *batch);
void storage_raise(struct storage *s, const struct pbft_rank *to);

struct storage_done {
    bool is_marker; /* else a batch */
    enum rc rc;
    struct why why;
    uint64_t took_us;
    size_t bytes; /* of the batch */
};
int storage_fd(const struct storage *s); /* readable when storage_take() has something */
MUST_USE bool storage_take(struct storage *s, struct storage_done *out);

#endif
