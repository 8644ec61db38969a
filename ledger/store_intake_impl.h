/* What the files of an intake (ledger/store_intake*.c, store_snapshot.c) share. Nobody else
 * includes this. */
#ifndef LEDGER_STORE_INTAKE_IMPL_H
#define LEDGER_STORE_INTAKE_IMPL_H

#include "ledger/store_impl.h"

/* A node of the tree that is still to come. */
struct snapshot_want {
    struct snapshot_path path;
    struct digest hash;
    bool is_asked; /* volatile */
};

struct snapshot_intake {
    struct store *store;
    struct snapshot_target target;
    bool discards;
    bool is_clearing;
    bool is_abandoned;
    uint64_t pieces_count, entries_count, bytes, names_count;
    uint32_t asked_count;
    uint32_t wants_count, wants_room;
    struct snapshot_want *wants;
    struct buf names_done; /* of an abandoned one, since it was opened */
};

/* Append what is still to come. */
void snapshot_intake_add_want(struct snapshot_intake *in, const struct snapshot_path *path,
                              const struct digest *hash);
/* Where the state is kept: one step of dropping the nodes that were taken. */
MUST_USE enum rc snapshot_intake_clear_kept(struct snapshot_intake *in, struct kv_batch *batch,
                                            size_t *left);
/* Put the record, and let the store know what is in it. */
void snapshot_intake_put(struct snapshot_intake *in, struct kv_batch *batch);
/* Returns: RC_OK | RC_NOT_FOUND | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc snapshot_intake_load(struct snapshot_intake *out, struct kv_view *v,
                                      struct why *why);
void snapshot_intake_delete(struct kv_batch *batch);

#endif
