/* The key-value interface under the ledger. Two implementations: kv_lmdb (product) and kv_mem
 * (simulation, tests, audit). All that is written goes through a batch that lands whole or not at
 * all; all that is read goes through a view, a fixed picture of one moment.
 *
 * Every value carries an 8-byte checksum over table, key and value (SipHash-2-4, pitfalls J2),
 * added on commit and checked on read by the layer common to both implementations, so callers
 * never see it. Keys sort as unsigned bytes; numbers in keys are big-endian. */
#ifndef LEDGER_KV_H
#define LEDGER_KV_H

#include <stdint.h>

#include "crypto/base/bytes.h"

enum {
    KV_KEY_BYTES_MAX = 511,              /* LMDB's limit; 1 byte at least */
    KV_VALUE_BYTES_MAX = 2 * 1024 * 1024 /* a block of B_max = 1 MiB and its header, with room */
};

/* The tables; the number is part of the store's format: append only, never reuse.
 * table, number, name of the LMDB database */
#define KV_TABLE_LIST(X)                                                                           \
    X(KV_META, 0, "meta")                                                                          \
    X(KV_BLOCK, 1, "block")           /* height | digest -> block, of the chain or proposed */     \
    X(KV_CHAIN, 2, "chain")           /* height -> digest of the committed block */                \
    X(KV_CERT, 3, "cert")             /* height -> COMMIT certificate */                           \
    X(KV_CHECKPOINT, 4, "checkpoint") /* height -> CHECKPOINT certificate */                       \
    X(KV_TREE, 5, "tree")             /* version | path -> node of the state tree */               \
    X(KV_STALE, 6, "stale")           /* version | version | path -> node to drop later */         \
    X(KV_ROOT, 7, "root")             /* version -> state root */                                  \
    X(KV_NAME, 8, "name")             /* state table | key, for listing */                         \
    X(KV_TXID, 9, "txid")             /* txid -> place */                                          \
    X(KV_NONCE, 10, "nonce")          /* public key | nonce -> place */                            \
    X(KV_HISTORY, 11, "history")      /* account, asset | number -> place and amounts */           \
    X(KV_RECORD, 12, "record")        /* participant, topic, key | version -> place */             \
    X(KV_VOTE, 13, "vote")            /* the agreement's own durable state */

enum kv_table {
#define X(table, number, name) table = number,
    KV_TABLE_LIST(X)
#undef X
        KV_TABLE_COUNT
};
const char *kv_table_name(enum kv_table table);

struct kv;
struct kv_view;

/* ---- batches ---- */

/* Writes to be done together, in the order in which they were added (the last one for a key wins).
 * Owns: copies keys and values. */
struct kv_batch;
struct kv_batch *kv_batch_new(void);
void kv_batch_free(struct kv_batch *b);
void kv_batch_clear(struct kv_batch *b); /* keeps the memory */
/* Requires: 1 <= key.size <= KV_KEY_BYTES_MAX, value.size <= KV_VALUE_BYTES_MAX; the key is not
 * "commits" in KV_META: there the commit counter stands, which this layer adds to every batch.
 * (It can be read like any key, and a walk over KV_META meets it.) */
void kv_batch_put(struct kv_batch *b, enum kv_table table, struct bytes key, struct bytes value);
/* Deleting what is not there is fine. */
void kv_batch_delete(struct kv_batch *b, enum kv_table table, struct bytes key);
/* Add all that `from` holds, behind what b holds. Owns: copies. Requires: b != from. */
void kv_batch_append(struct kv_batch *b, const struct kv_batch *from);
size_t kv_batch_count(const struct kv_batch *b);
size_t kv_batch_bytes(const struct kv_batch *b); /* keys and values, for limits and statistics */

/* Make the batch durable; returns when it is. On any error nothing of it is visible.
 * Returns: RC_OK | RC_STORE_FULL (map full: state intact) | RC_DISK_FULL | RC_STORE_IO. After
 * RC_DISK_FULL or RC_STORE_IO the outcome is unknown until the store is opened anew, and every
 * later commit returns RC_STORE_IO (pitfalls D8).
 * Requires: one thread commits at a time; the store is not read_only. Owns: borrows b. */
MUST_USE enum rc kv_commit(struct kv *kv, const struct kv_batch *b, struct why *why);

/* ---- views ---- */

/* Open a picture of the last commit. Many may be open, from any thread; each is used by one thread.
 * Keep them short in kv_lmdb: an open view stops the reuse of pages (pitfalls J5). */
MUST_USE enum rc kv_view_open(struct kv_view **out, struct kv *kv, struct why *why);
/* Move an open view on to the last commit. All that was lent from it ends; its cursors must be
 * closed. It keeps its place among LMDB's readers, so this cannot fail for want of one.
 * Returns: RC_OK | RC_STORE_IO (the view can then only be closed). */
MUST_USE enum rc kv_view_renew(struct kv_view *v, struct why *why);
void kv_view_close(struct kv_view *v);

/* Get one value. Lends *value until the view is closed.
 * Returns: RC_OK | RC_NOT_FOUND | RC_STORE_DAMAGED (checksum, or the store's own structure) |
 * RC_STORE_IO. */
MUST_USE enum rc kv_get(struct kv_view *v, enum kv_table table, struct bytes key,
                        struct bytes *value);

/* Walk a table in ascending order. */
struct kv_cursor;
MUST_USE enum rc kv_cursor_open(struct kv_cursor **out, struct kv_view *v, enum kv_table table);
void kv_cursor_close(struct kv_cursor *c);
/* Go to the first key >= from (an empty from = the first of all), or to the last key < before
 * (an empty before = the last of all). Lends key and value until the view is closed.
 * Returns: as kv_get; RC_NOT_FOUND when there is none. A damaged value is RC_STORE_DAMAGED with
 * *key set, and the walk may go on; with *key empty the store's own structure is damaged (also
 * when keys come in a wrong order), and the walk is over: kv_cursor_next gives RC_NOT_FOUND, as it
 * does after any call that gave RC_NOT_FOUND and before the first seek.
 * Requires: from.size, before.size <= KV_KEY_BYTES_MAX. */
MUST_USE enum rc kv_cursor_seek(struct kv_cursor *c, struct bytes from, struct bytes *key,
                                struct bytes *value);
MUST_USE enum rc kv_cursor_seek_before(struct kv_cursor *c, struct bytes before, struct bytes *key,
                                       struct bytes *value);
MUST_USE enum rc kv_cursor_next(struct kv_cursor *c, struct bytes *key, struct bytes *value);

/* How many entries the store itself believes the table has. */
MUST_USE enum rc kv_count(struct kv_view *v, enum kv_table table, uint64_t *out);

void kv_close(struct kv *kv); /* all views must be closed */

/* ---- kv_lmdb ---- */

struct kv_lmdb_options {
    uint64_t map_bytes; /* 0 = 1 TiB, or 32 GiB under sanitizers and Valgrind (design 5); 2^46 is
                           the most: half of what x86-64 addresses */
    bool create;        /* make the directory (0700) and an empty store when there is none */
    bool read_only;     /* for tools: takes the lock shared, and never writes */
};

/* Open the LMDB environment in the directory at path. The directory itself is locked with flock:
 * exclusive for a writer, shared for read_only, so a tool refuses a running node's store and two
 * nodes refuse each other (also across hard links and bind mounts).
 * Requires: not both create and read_only; no fork() while it is open (pitfalls J6).
 * Returns: RC_OK | RC_NOT_A_STORE | RC_STORE_IN_USE | RC_STORE_FORMAT | RC_STORE_DAMAGED |
 * RC_STORE_ROLLED_BACK (the head file knows a later commit than the store holds; *why has both
 * numbers) | RC_STORE_FULL (map_bytes too small for a new store) | RC_DISK_FULL | RC_STORE_IO.
 *
 * Beside LMDB's files stands "head", 24 bytes: commits made so far, and a checksum. It is written
 * after commits without a sync, so it is never ahead of a sound store; a store that is behind it
 * was rolled back, by a copy from a backup or by a damaged LMDB meta page. The commit counter
 * itself is stored inside each batch under KV_META "commits". A missing or torn head is no error.
 */
MUST_USE enum rc kv_lmdb_open(struct kv **out, const char *path,
                              const struct kv_lmdb_options *options, struct why *why);

/* Give back the places of readers whose processes were killed: each held pages from being used
 * again (pitfalls J5). A writer's opening does so too; a running node has to, now and then, for
 * those of tools that looked into its store and died. On any thread. Requires: of kv_lmdb_open(),
 * not read_only. Returns: RC_OK | RC_STORE_IO. */
MUST_USE enum rc kv_lmdb_clear_readers(struct kv *kv, uint32_t *cleared_count, struct why *why);

enum kv_copy {
    KV_COPY_COMPACT, /* the trees are walked, so damage to one of their pages ends it */
    KV_COPY_AS_IS    /* page by page, free ones too, and none is looked at; commits may wait */
};
/* Write a copy of the last commit to fd, as LMDB's data.mdb; commits go on meanwhile, and pages are
 * not reused until it is done. On any thread. Requires: of kv_lmdb_open().
 * Returns: RC_OK | RC_DISK_FULL | RC_STORE_IO (also of damage). */
MUST_USE enum rc kv_lmdb_copy(struct kv *kv, int fd, enum kv_copy how, struct why *why);

/* ---- kv_mem ---- */

/* An empty store in memory. Views are cheap (persistent tree, shared nodes). Its reference counts
 * are plain integers: one kv_mem, with its views, is used by one thread. */
struct kv *kv_mem_new(void);
/* Crash semantics for simulation: begin a commit that has not yet reached the disk; views do not
 * see it. Then either it lands, or the machine crashes first, when the in-flight batch lands whole
 * or not at all, as the caller (its PRNG) decides. One at a time.
 * Requires of kv_mem_begin: no batch in flight, no earlier failed commit.
 * Owns: kv_mem_begin copies b. */
void kv_mem_begin(struct kv *kv, const struct kv_batch *b);
void kv_mem_finish(struct kv *kv, bool lands);
/* Faults to inject, for tests of callers: after commits_count more, a kv_commit fails with rc;
 * lands says whether its batch is in the store all the same, as after a failed sync. As in any
 * store, RC_STORE_IO and RC_DISK_FULL end its commits for good; RC_OK takes the fault back and
 * brings the store to life again, as opening it anew would. */
void kv_mem_fail_after(struct kv *kv, uint32_t commits_count, enum rc rc, bool lands);
/* The next one, and it does not land. */
void kv_mem_fail_next(struct kv *kv, enum rc rc);
/* Disks that lie, for simulation. Another store that holds what this view shows, as one put back
 * from a copy does; the view and its store stay as they are.
 * Returns: RC_OK | RC_STORE_DAMAGED (the commit counter is). */
MUST_USE enum rc kv_mem_copy(struct kv **out, struct kv_view *v, struct why *why);
/* Turn one bit of a value as it is stored, checksum included; bit is taken modulo its length.
 * Requires: the key is there. */
void kv_mem_flip(struct kv *kv, enum kv_table table, struct bytes key, uint64_t bit);

#endif
