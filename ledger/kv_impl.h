/* Inside the key-value layer: what kv.c asks of an implementation, and the batch as both of them
 * read it. Nobody but kv*.c includes this.
 *
 * A sealed value is the value with its checksum behind it. Batches seal on put, in the one place
 * where the value is copied anyway; implementations store and lend sealed values without looking
 * inside; kv.c opens them. */
#ifndef LEDGER_KV_IMPL_H
#define LEDGER_KV_IMPL_H

#include <stdatomic.h>

#include "crypto/checksum.h"
#include "ledger/kv.h"

enum { KV_SEALED_BYTES_MAX = KV_VALUE_BYTES_MAX + CHECKSUM_BYTES };

/* ---- batches ---- */

enum kv_op { KV_PUT, KV_DELETE };

/* One write in a batch, aligned to 8 bytes. Behind it stand the key and the sealed value. */
struct kv_record {
    uint8_t op;
    uint8_t table;
    uint16_t key_bytes;
    uint32_t sealed_bytes; /* 0 when op is KV_DELETE */
};

struct kv_batch {
    struct buf records;
    size_t count;
    size_t bytes;
};

/* The record after r, or the first when r is NULL; NULL at the end. Lends until b changes. */
const struct kv_record *kv_record_next(const struct kv_batch *b, const struct kv_record *r);
struct bytes kv_record_key(const struct kv_record *r);
struct bytes kv_record_sealed(const struct kv_record *r);

/* The writes of a batch in the order of table and key, only the last one for each key: neighbours
 * in a B+tree are then written one after the other. */
struct kv_plan {
    const struct kv_record **records;
    size_t count;
};
/* Owns: borrows b until kv_plan_free. */
struct kv_plan kv_plan_make(const struct kv_batch *b);
void kv_plan_free(struct kv_plan *plan);

/* Where the commit counter is, in KV_META; kv_batch_put refuses the key. */
extern const char kv_stamp_key[];
/* Make b hold one write, the commit counter. */
void kv_batch_stamp(struct kv_batch *b, uint64_t commits);
/* The checksum holds: *value is what was put. Else false, and *value is empty. */
MUST_USE bool kv_unseal(enum kv_table table, struct bytes key, struct bytes sealed,
                        struct bytes *value);

/* ---- implementations ---- */

enum kv_move {
    KV_MOVE_FIRST,       /* to the first key */
    KV_MOVE_LAST,        /* to the last key */
    KV_MOVE_AT_OR_AFTER, /* to the first key >= the one given */
    KV_MOVE_BEFORE,      /* to the last key < the one given */
    KV_MOVE_NEXT         /* on from where the cursor is; only after a move that found a key */
};

struct kv_ops {
    /* Write b and then stamp, whole or not at all. */
    enum rc (*commit)(struct kv *kv, const struct kv_batch *b, const struct kv_batch *stamp,
                      struct why *why);
    enum rc (*view_open)(struct kv_view **out, struct kv *kv, struct why *why);
    enum rc (*view_renew)(struct kv_view *v, struct why *why);
    void (*view_close)(struct kv_view *v);
    enum rc (*get)(struct kv_view *v, enum kv_table table, struct bytes key, struct bytes *sealed);
    enum rc (*count)(struct kv_view *v, enum kv_table table, uint64_t *out);
    enum rc (*cursor_open)(struct kv_cursor **out, struct kv_view *v, enum kv_table table);
    void (*cursor_close)(struct kv_cursor *c);
    enum rc (*cursor_move)(struct kv_cursor *c, enum kv_move move, struct bytes than,
                           struct bytes *key, struct bytes *sealed);
    void (*close)(struct kv *kv);
};

/* The common heads; an implementation's own struct starts with one. */
struct kv {
    const struct kv_ops *ops;
    uint64_t commits;       /* made so far; only the committing thread looks */
    bool dead;              /* a commit failed with its outcome unknown (pitfalls D8) */
    struct kv_batch *stamp; /* kept between commits for its memory */
    atomic_uint views_open; /* views are opened from any thread */
};
struct kv_view {
    struct kv *kv;
};
struct kv_cursor {
    struct kv_view *view;
    enum kv_table table;
    struct bytes at; /* the key under the cursor; empty when there is none */
};

/* Set up the head of a new kv that has made so many commits. */
void kv_init(struct kv *kv, const struct kv_ops *ops, uint64_t commits);
/* Set kv->commits from the counter in an existing store.
 * Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc kv_read_commits(struct kv *kv, struct why *why);
/* Free what kv_init made. */
void kv_clear(struct kv *kv);

#endif
