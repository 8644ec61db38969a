/* The store on disk. LMDB with its default sync (pitfalls J1), no WRITEMAP (J3), no DUPSORT (J8),
 * readers not bound to threads (J9). This is the only file that knows LMDB. */
#include <inttypes.h>
#include <lmdb.h>

#include <errno.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "ledger/kv_dir.h"
#include "ledger/kv_impl.h"
#include "ledger/kv_map.h"

enum {
    READERS_MAX = 126, /* what LMDB's lock file holds in two pages */
    LOCK_FILE_BYTES = 8192
};

struct lmdb {
    struct kv base;
    struct kv_dir dir;
    MDB_env *env;
    MDB_dbi tables[KV_TABLE_COUNT];
};
struct lmdb_view {
    struct kv_view base;
    MDB_txn *txn;
};
struct lmdb_cursor {
    struct kv_cursor base;
    MDB_cursor *cursor;
};

/* ---- errors and values ---- */

static enum rc rc_of_read(int e)
{
    switch (e) {
    case MDB_SUCCESS:
        return RC_OK;
    case MDB_NOTFOUND:
        return RC_NOT_FOUND;
    case MDB_VERSION_MISMATCH:
        return RC_STORE_FORMAT;
    case MDB_PAGE_NOTFOUND:
    case MDB_CORRUPTED:
    case MDB_INVALID:
    case MDB_CURSOR_FULL: /* deeper than any sound tree */
    case MDB_INCOMPATIBLE:
    case MDB_BAD_TXN: /* after an error in the same view */
    case MDB_BAD_VALSIZE:
    case MDB_BAD_DBI:
        return RC_STORE_DAMAGED;
    default:
        return RC_STORE_IO;
    }
}

static enum rc read_failed(const char *act, int e, struct why *why)
{
    return why_set(why, rc_of_read(e), "%s: %s", act, mdb_strerror(e));
}

static enum rc write_failed(const struct lmdb *l, const char *act, int e, struct why *why)
{
    enum rc rc = RC_STORE_IO;
    if (e == MDB_MAP_FULL)
        rc = RC_STORE_FULL;
    else if (kv_dir_is_full(&l->dir, e))
        rc = RC_DISK_FULL;
    if (rc == RC_STORE_IO)
        return why_set(why, rc, "%s: %s", act, mdb_strerror(e));
    return why_set(why, rc, "%s", rc_text(rc));
}

static MDB_val val_of(struct bytes b)
{
    return (MDB_val){.mv_size = b.size, .mv_data = (void *)(uintptr_t)b.data};
}

static struct bytes bytes_of_val(MDB_val v)
{
    return bytes_of(v.mv_data, v.mv_size);
}

/* ---- commits ---- */

static int write_all(const struct lmdb *l, MDB_txn *txn, const struct kv_batch *b)
{
    struct kv_plan plan = kv_plan_make(b);
    int e = MDB_SUCCESS;
    for (size_t i = 0; i < plan.count && e == MDB_SUCCESS; i++) {
        const struct kv_record *r = plan.records[i];
        MDB_val key = val_of(kv_record_key(r));
        MDB_val value = val_of(kv_record_sealed(r));
        if (r->op == KV_PUT)
            e = mdb_put(txn, l->tables[r->table], &key, &value, 0);
        else
            e = mdb_del(txn, l->tables[r->table], &key, NULL);
        if (r->op == KV_DELETE && e == MDB_NOTFOUND)
            e = MDB_SUCCESS;
    }
    kv_plan_free(&plan);
    return e;
}

static enum rc lmdb_commit(struct kv *kv, const struct kv_batch *b, const struct kv_batch *stamp,
                           struct why *why)
{
    struct lmdb *l = (struct lmdb *)kv;
    CHECK(!l->dir.read_only);
    MDB_txn *txn;
    int e = mdb_txn_begin(l->env, NULL, 0, &txn);
    if (e != MDB_SUCCESS)
        return write_failed(l, "begin a commit", e, why);
    e = write_all(l, txn, b);
    if (e == MDB_SUCCESS)
        e = write_all(l, txn, stamp);
    if (e != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return write_failed(l, "write a batch", e, why);
    }
    e = mdb_txn_commit(txn); /* frees txn in any case */
    if (e != MDB_SUCCESS)
        return write_failed(l, "commit a batch", e, why);
    kv_dir_write_head(&l->dir, kv->commits + 1);
    return RC_OK;
}

/* ---- views ---- */

static enum rc lmdb_view_open(struct kv_view **out, struct kv *kv, struct why *why)
{
    struct lmdb *l = (struct lmdb *)kv;
    MDB_txn *txn;
    int e = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn);
    if (e != MDB_SUCCESS)
        return read_failed("open a view", e, why);
    struct lmdb_view *v = mem_alloc(sizeof *v);
    v->txn = txn;
    *out = &v->base;
    return RC_OK;
}

static enum rc lmdb_view_renew(struct kv_view *base, struct why *why)
{
    struct lmdb_view *v = (struct lmdb_view *)base;
    mdb_txn_reset(v->txn);
    int e = mdb_txn_renew(v->txn);
    return e == MDB_SUCCESS ? RC_OK : read_failed("renew a view", e, why);
}

static void lmdb_view_close(struct kv_view *base)
{
    struct lmdb_view *v = (struct lmdb_view *)base;
    mdb_txn_abort(v->txn);
    mem_free(v);
}

static MDB_dbi dbi_of(const struct kv_view *v, enum kv_table table)
{
    return ((const struct lmdb *)v->kv)->tables[table];
}

static enum rc lmdb_get(struct kv_view *v, enum kv_table table, struct bytes key,
                        struct bytes *sealed)
{
    MDB_val wanted = val_of(key);
    MDB_val found;
    int e = mdb_get(((struct lmdb_view *)v)->txn, dbi_of(v, table), &wanted, &found);
    if (e == MDB_SUCCESS)
        *sealed = bytes_of_val(found);
    return rc_of_read(e);
}

static enum rc lmdb_count(struct kv_view *v, enum kv_table table, uint64_t *out)
{
    MDB_stat stat;
    int e = mdb_stat(((struct lmdb_view *)v)->txn, dbi_of(v, table), &stat);
    if (e == MDB_SUCCESS)
        *out = stat.ms_entries;
    return rc_of_read(e);
}

static enum rc lmdb_cursor_open(struct kv_cursor **out, struct kv_view *v, enum kv_table table)
{
    MDB_cursor *cursor;
    int e = mdb_cursor_open(((struct lmdb_view *)v)->txn, dbi_of(v, table), &cursor);
    if (e != MDB_SUCCESS)
        return rc_of_read(e);
    struct lmdb_cursor *c = mem_alloc(sizeof *c);
    c->cursor = cursor;
    *out = &c->base;
    return RC_OK;
}

static void lmdb_cursor_close(struct kv_cursor *base)
{
    struct lmdb_cursor *c = (struct lmdb_cursor *)base;
    mdb_cursor_close(c->cursor);
    mem_free(c);
}

static int seek_before(MDB_cursor *cursor, MDB_val *key, MDB_val *value)
{
    int e = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (e == MDB_SUCCESS)
        return mdb_cursor_get(cursor, key, value, MDB_PREV);
    if (e == MDB_NOTFOUND) /* every key is below */
        return mdb_cursor_get(cursor, key, value, MDB_LAST);
    return e;
}

static enum rc lmdb_cursor_move(struct kv_cursor *c, enum kv_move move, struct bytes than,
                                struct bytes *key, struct bytes *sealed)
{
    static const MDB_cursor_op ops[] = {[KV_MOVE_FIRST] = MDB_FIRST,
                                        [KV_MOVE_LAST] = MDB_LAST,
                                        [KV_MOVE_AT_OR_AFTER] = MDB_SET_RANGE,
                                        [KV_MOVE_NEXT] = MDB_NEXT};
    MDB_cursor *cursor = ((struct lmdb_cursor *)c)->cursor;
    MDB_val k = val_of(than);
    MDB_val value;
    int e = move == KV_MOVE_BEFORE ? seek_before(cursor, &k, &value)
                                   : mdb_cursor_get(cursor, &k, &value, ops[move]);
    if (e != MDB_SUCCESS)
        return rc_of_read(e);
    *key = bytes_of_val(k);
    *sealed = bytes_of_val(value);
    return RC_OK;
}

/* ---- opening ---- */

static void lmdb_close(struct kv *kv)
{
    struct lmdb *l = (struct lmdb *)kv;
    if (l->env != NULL)
        mdb_env_close(l->env);
    kv_dir_close(&l->dir); /* last: the lock guards the environment */
    kv_clear(kv);
    mem_free(l);
}

static const struct kv_ops lmdb_ops = {
    .commit = lmdb_commit,
    .view_open = lmdb_view_open,
    .view_renew = lmdb_view_renew,
    .view_close = lmdb_view_close,
    .get = lmdb_get,
    .count = lmdb_count,
    .cursor_open = lmdb_cursor_open,
    .cursor_close = lmdb_cursor_close,
    .cursor_move = lmdb_cursor_move,
    .close = lmdb_close,
};

static int env_try(struct lmdb *l, const char *path, uint64_t map_bytes)
{
    /* The lock on the directory stands in for LMDB's own where nobody writes. */
    unsigned flags = MDB_NOTLS | (l->dir.read_only ? MDB_RDONLY | MDB_NOLOCK : 0);
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    map_bytes = (map_bytes + page_bytes - 1) / page_bytes * page_bytes;
    CHECK(mdb_env_create(&l->env) == MDB_SUCCESS); /* these four just fill a struct */
    CHECK(mdb_env_set_maxdbs(l->env, KV_TABLE_COUNT) == MDB_SUCCESS);
    CHECK(mdb_env_set_maxreaders(l->env, READERS_MAX) == MDB_SUCCESS);
    CHECK(mdb_env_set_mapsize(l->env, map_bytes) == MDB_SUCCESS);
    int e = mdb_env_open(l->env, path, flags, 0600);
    if (e == MDB_SUCCESS)
        return e;
    mdb_env_close(l->env);
    l->env = NULL;
    return e;
}

static enum rc env_open(struct lmdb *l, const char *path, const struct kv_lmdb_options *options,
                        struct why *why)
{
    uint64_t data_bytes;
    enum rc rc = kv_dir_file_bytes(&l->dir, "data.mdb", &data_bytes, why);
    if (rc != RC_OK)
        return rc;
    if (data_bytes == 0 && !options->create)
        return why_set(why, RC_NOT_A_STORE, "%s", rc_text(RC_NOT_A_STORE));
    /* LMDB maps its lock file: where the disk has no room for it, the first touch is a SIGBUS. */
    if (!options->read_only)
        rc = kv_dir_reserve(&l->dir, "lock.mdb", LOCK_FILE_BYTES, why);
    if (rc != RC_OK)
        return rc;

    uint64_t map_bytes = options->map_bytes;
    if (map_bytes == 0)
        map_bytes = KV_MAP_BYTES_DEFAULT;
    int e = env_try(l, path, map_bytes);
    if ((e == ENOMEM || e == EINVAL) && options->map_bytes == 0)
        e = env_try(l, path, KV_MAP_BYTES_SMALL); /* a limit on addresses; Valgrind says EINVAL */
    if (e == MDB_SUCCESS && !options->read_only)
        e = mdb_reader_check(l->env, NULL); /* slots of readers that were killed: pitfalls J5 */
    if (e == MDB_SUCCESS)
        return RC_OK;
    if (kv_dir_is_full(&l->dir, e))
        return write_failed(l, "open data.mdb", e, why);
    return read_failed("open data.mdb", e, why);
}

/* Open the tables in txn, all of them new when the store is. A table that is missing from a store
 * that has others, or has become one of another kind, is damage: made anew it would be empty and
 * nobody the wiser. */
static enum rc open_tables_in(struct lmdb *l, MDB_txn *txn, bool create, bool *is_new,
                              struct why *why)
{
    MDB_dbi names;
    MDB_stat stat;
    unsigned flags;
    int e = mdb_dbi_open(txn, NULL, 0, &names);
    if (e == MDB_SUCCESS)
        e = mdb_stat(txn, names, &stat);
    if (e == MDB_SUCCESS)
        e = mdb_dbi_flags(txn, names, &flags);
    if (e != MDB_SUCCESS)
        return read_failed("read the list of tables", e, why);
    *is_new = stat.ms_entries == 0;
    if (*is_new && !create)
        return why_set(why, RC_NOT_A_STORE, "there is no Hansa store here: it has no tables");
    if (flags != 0)
        return why_set(why, RC_STORE_DAMAGED, "the list of tables has become of another kind");
    if (stat.ms_entries > KV_TABLE_COUNT)
        return why_set(why, RC_STORE_FORMAT, "the store has %zu tables, this program knows %d",
                       stat.ms_entries, KV_TABLE_COUNT);
    for (unsigned i = 0; i < KV_TABLE_COUNT; i++) {
        const char *name = kv_table_name(i);
        e = mdb_dbi_open(txn, name, *is_new ? MDB_CREATE : 0, &l->tables[i]);
        if (e == MDB_NOTFOUND)
            return why_set(why, RC_STORE_DAMAGED, "table %s is missing", name);
        if (e == MDB_SUCCESS)
            e = mdb_dbi_flags(txn, l->tables[i], &flags);
        if (e != MDB_SUCCESS)
            return *is_new ? write_failed(l, name, e, why) : read_failed(name, e, why);
        if (flags != 0)
            return why_set(why, RC_STORE_DAMAGED, "table %s has become of another kind", name);
    }
    return RC_OK;
}

static enum rc open_tables(struct lmdb *l, bool create, struct why *why)
{
    MDB_txn *txn;
    bool is_new = false;
    int e = mdb_txn_begin(l->env, NULL, create ? 0 : MDB_RDONLY, &txn);
    if (e != MDB_SUCCESS)
        return read_failed("open the tables", e, why);
    enum rc rc = open_tables_in(l, txn, create, &is_new, why);
    if (rc != RC_OK) {
        mdb_txn_abort(txn);
        return rc;
    }
    if (is_new) {
        kv_batch_stamp(l->base.stamp, 0);
        e = write_all(l, txn, l->base.stamp);
    }
    if (e != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return write_failed(l, "make the tables", e, why);
    }
    e = mdb_txn_commit(txn); /* keeps the tables open; writes nothing in an old store */
    if (e != MDB_SUCCESS)
        return write_failed(l, "make the tables", e, why);
    /* Every writer syncs the directory: the one that made the files may have died before it could,
     * and commits into files without a durable name are lost with it. */
    return l->dir.read_only ? RC_OK : kv_dir_sync(&l->dir, why);
}

enum rc kv_lmdb_open(struct kv **out, const char *path, const struct kv_lmdb_options *options,
                     struct why *why)
{
    *out = NULL;
    if (options->map_bytes > KV_MAP_BYTES_MAX)
        return why_set(why, RC_INVALID, "store %s: a map of %" PRIu64 " bytes is beyond 2^46", path,
                       options->map_bytes);
    struct lmdb *l = mem_alloc(sizeof *l);
    kv_init(&l->base, &lmdb_ops, 0);
    enum rc rc = kv_dir_open(&l->dir, path, options->create, options->read_only, why);
    if (rc == RC_OK)
        rc = env_open(l, path, options, why);
    if (rc == RC_OK)
        rc = open_tables(l, options->create, why);
    if (rc == RC_OK)
        rc = kv_read_commits(&l->base, why);
    if (rc == RC_OK)
        rc = kv_dir_judge_head(&l->dir, l->base.commits, why);
    if (rc != RC_OK) {
        lmdb_close(&l->base);
        return why_within(why, rc, "store %s", path);
    }
    *out = &l->base;
    return RC_OK;
}

enum rc kv_lmdb_clear_readers(struct kv *kv, uint32_t *cleared_count, struct why *why)
{
    const struct lmdb *l = (const struct lmdb *)kv;
    int count = 0;
    CHECK(!l->dir.read_only); /* it has no readers' table */
    int e = mdb_reader_check(l->env, &count);
    *cleared_count = count > 0 ? (uint32_t)count : 0;
    return e == MDB_SUCCESS ? RC_OK : read_failed("look after the readers", e, why);
}

enum rc kv_lmdb_copy(struct kv *kv, int fd, enum kv_copy how, struct why *why)
{
    const struct lmdb *l = (const struct lmdb *)kv;
    int e = mdb_env_copyfd2(l->env, fd, how == KV_COPY_COMPACT ? MDB_CP_COMPACT : 0);
    return e == MDB_SUCCESS ? RC_OK : write_failed(l, "copy the store", e, why);
}
