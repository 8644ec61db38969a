/* The layer common to both implementations: it judges what callers ask (their bugs are CHECKs) and
 * what comes back from the disk (checksums, lengths, order: refused, never believed). */
#include "ledger/kv.h"

#include "crypto/base/check.h"
#include "ledger/kv_impl.h"

const char *kv_table_name(enum kv_table table)
{
    static const char *const names[] = {
#define X(table, number, name) [table] = name,
        KV_TABLE_LIST(X)
#undef X
    };
    CHECK((unsigned)table < KV_TABLE_COUNT);
    return names[table];
}

void kv_init(struct kv *kv, const struct kv_ops *ops, uint64_t commits)
{
    kv->ops = ops;
    kv->commits = commits;
    kv->dead = false;
    kv->stamp = kv_batch_new();
    atomic_init(&kv->views_open, 0);
}

void kv_clear(struct kv *kv)
{
    kv_batch_free(kv->stamp);
    kv->stamp = NULL;
}

void kv_close(struct kv *kv)
{
    if (kv == NULL)
        return;
    CHECK(atomic_load(&kv->views_open) == 0);
    kv->ops->close(kv);
}

enum rc kv_commit(struct kv *kv, const struct kv_batch *b, struct why *why)
{
    if (kv->dead)
        return why_set(why, RC_STORE_IO,
                       "an earlier commit failed and its outcome is unknown: open the store again");
    kv_batch_stamp(kv->stamp, kv->commits + 1);
    enum rc rc = kv->ops->commit(kv, b, kv->stamp, why);
    if (rc == RC_OK)
        kv->commits++;
    else if (rc != RC_STORE_FULL)
        kv->dead = true; /* a failed sync may not be tried again: pitfalls D8 */
    return rc;
}

/* ---- views ---- */

enum rc kv_view_open(struct kv_view **out, struct kv *kv, struct why *why)
{
    *out = NULL;
    enum rc rc = kv->ops->view_open(out, kv, why);
    if (rc != RC_OK)
        return rc;
    (*out)->kv = kv;
    atomic_fetch_add(&kv->views_open, 1);
    return RC_OK;
}

enum rc kv_view_renew(struct kv_view *v, struct why *why)
{
    return v->kv->ops->view_renew(v, why);
}

void kv_view_close(struct kv_view *v)
{
    if (v == NULL)
        return;
    struct kv *kv = v->kv;
    kv->ops->view_close(v);
    CHECK(atomic_fetch_sub(&kv->views_open, 1) > 0);
}

enum rc kv_get(struct kv_view *v, enum kv_table table, struct bytes key, struct bytes *value)
{
    CHECK((unsigned)table < KV_TABLE_COUNT);
    CHECK(key.size >= 1);
    CHECK(key.size <= KV_KEY_BYTES_MAX);
    *value = bytes_of(NULL, 0);
    struct bytes sealed;
    enum rc rc = v->kv->ops->get(v, table, key, &sealed);
    if (rc != RC_OK)
        return rc;
    return kv_unseal(table, key, sealed, value) ? RC_OK : RC_STORE_DAMAGED;
}

enum rc kv_count(struct kv_view *v, enum kv_table table, uint64_t *out)
{
    CHECK((unsigned)table < KV_TABLE_COUNT);
    *out = 0;
    return v->kv->ops->count(v, table, out);
}

enum rc kv_read_commits(struct kv *kv, struct why *why)
{
    struct kv_view *v;
    enum rc rc = kv_view_open(&v, kv, why);
    if (rc != RC_OK)
        return rc;
    struct bytes value;
    rc = kv_get(v, KV_META, bytes_of_text(kv_stamp_key), &value);
    struct rd r = rd_of(value);
    kv->commits = rd_u64(&r);
    bool is_sound = rc == RC_OK && rd_done(&r);
    kv_view_close(v);
    if (rc == RC_STORE_IO)
        return why_set(why, rc, "read the commit counter: %s", rc_text(rc));
    if (!is_sound)
        return why_set(why, RC_STORE_DAMAGED, "the commit counter in table meta is damaged");
    return RC_OK;
}

/* ---- cursors ---- */

enum rc kv_cursor_open(struct kv_cursor **out, struct kv_view *v, enum kv_table table)
{
    CHECK((unsigned)table < KV_TABLE_COUNT);
    *out = NULL;
    enum rc rc = v->kv->ops->cursor_open(out, v, table);
    if (rc != RC_OK)
        return rc;
    (*out)->view = v;
    (*out)->table = table;
    (*out)->at = bytes_of(NULL, 0);
    return RC_OK;
}

void kv_cursor_close(struct kv_cursor *c)
{
    if (c != NULL)
        c->view->kv->ops->cursor_close(c);
}

/* Whether a key may follow this move. Damaged pages can make keys come in any order, even in a
 * circle: whoever walks must not be led around it for ever. */
static bool is_in_order(enum kv_move move, struct bytes than, struct bytes key)
{
    if (key.size < 1 || key.size > KV_KEY_BYTES_MAX)
        return false;
    switch (move) {
    case KV_MOVE_AT_OR_AFTER:
        return bytes_compare(key, than) >= 0;
    case KV_MOVE_NEXT:
        return bytes_compare(key, than) > 0;
    case KV_MOVE_BEFORE:
        return bytes_compare(key, than) < 0;
    case KV_MOVE_FIRST:
    case KV_MOVE_LAST:
        return true;
    }
    return false;
}

static enum rc move_cursor(struct kv_cursor *c, enum kv_move move, struct bytes than,
                           struct bytes *key, struct bytes *value)
{
    CHECK(than.size <= KV_KEY_BYTES_MAX);
    c->at = *key = *value = bytes_of(NULL, 0);
    struct bytes found;
    struct bytes sealed;
    enum rc rc = c->view->kv->ops->cursor_move(c, move, than, &found, &sealed);
    if (rc != RC_OK)
        return rc;
    if (!is_in_order(move, than, found))
        return RC_STORE_DAMAGED;
    c->at = *key = found;
    return kv_unseal(c->table, found, sealed, value) ? RC_OK : RC_STORE_DAMAGED;
}

enum rc kv_cursor_seek(struct kv_cursor *c, struct bytes from, struct bytes *key,
                       struct bytes *value)
{
    enum kv_move move = from.size > 0 ? KV_MOVE_AT_OR_AFTER : KV_MOVE_FIRST;
    return move_cursor(c, move, from, key, value);
}

enum rc kv_cursor_seek_before(struct kv_cursor *c, struct bytes before, struct bytes *key,
                              struct bytes *value)
{
    enum kv_move move = before.size > 0 ? KV_MOVE_BEFORE : KV_MOVE_LAST;
    return move_cursor(c, move, before, key, value);
}

enum rc kv_cursor_next(struct kv_cursor *c, struct bytes *key, struct bytes *value)
{
    if (c->at.size > 0)
        return move_cursor(c, KV_MOVE_NEXT, c->at, key, value);
    *key = *value = bytes_of(NULL, 0);
    return RC_NOT_FOUND;
}
