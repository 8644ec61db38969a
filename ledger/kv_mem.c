/* The store in memory: one persistent treap for each table. A view takes one reference to the
 * picture of the moment; the next commit writes into a picture of its own. */
#include "crypto/base/check.h"
#include "ledger/kv_impl.h"
#include "ledger/kv_treap.h"

/* The tables at one moment. */
struct picture {
    size_t refs;
    struct treap *roots[KV_TABLE_COUNT];
    uint64_t counts[KV_TABLE_COUNT];
};

struct mem {
    struct kv base;
    struct picture *now;
    struct kv_batch in_flight; /* begun and not finished */
    bool has_in_flight;
    enum rc fail; /* RC_OK: nothing is to fail */
    uint32_t fail_after_commits;
    bool fail_lands;
};
struct mem_view {
    struct kv_view base;
    struct picture *picture;
};

/* ---- commits ---- */

static void picture_drop(struct picture *p)
{
    CHECK(p->refs > 0);
    if (--p->refs > 0)
        return;
    for (size_t i = 0; i < KV_TABLE_COUNT; i++)
        treap_drop(p->roots[i]);
    mem_free(p);
}

/* Make the present picture ours alone, so that views keep theirs. */
static void mem_own_picture(struct mem *m)
{
    if (m->now->refs == 1)
        return;
    struct picture *copy = mem_alloc(sizeof *copy);
    *copy = *m->now;
    copy->refs = 1;
    for (size_t i = 0; i < KV_TABLE_COUNT; i++)
        treap_share(copy->roots[i]);
    m->now->refs--;
    m->now = copy;
}

static void mem_apply(struct mem *m, const struct kv_batch *b)
{
    mem_own_picture(m);
    const struct kv_record *r = NULL;
    while ((r = kv_record_next(b, r)) != NULL) {
        struct treap **root = &m->now->roots[r->table];
        struct bytes key = kv_record_key(r);
        if (r->op == KV_PUT)
            m->now->counts[r->table] += treap_put(root, key, kv_record_sealed(r));
        else
            m->now->counts[r->table] -= treap_delete(root, key);
    }
}

static enum rc mem_commit(struct kv *kv, const struct kv_batch *b, const struct kv_batch *stamp,
                          struct why *why)
{
    struct mem *m = (struct mem *)kv;
    CHECK(!m->has_in_flight);
    bool fails = m->fail != RC_OK && m->fail_after_commits-- == 0;
    if (!fails || m->fail_lands) {
        mem_apply(m, b);
        mem_apply(m, stamp);
    }
    if (!fails)
        return RC_OK;
    enum rc fail = m->fail;
    m->fail = RC_OK;
    m->base.commits += m->fail_lands; /* kv.c counts only what it knows to have landed */
    return why_set(why, fail, "the store in memory was told to fail: %s", rc_text(fail));
}

/* ---- views ---- */

static enum rc mem_view_open(struct kv_view **out, struct kv *kv, struct why *why)
{
    (void)why; /* cannot fail */
    struct mem *m = (struct mem *)kv;
    struct mem_view *v = mem_alloc(sizeof *v);
    v->picture = m->now;
    v->picture->refs++;
    *out = &v->base;
    return RC_OK;
}

static enum rc mem_view_renew(struct kv_view *base, struct why *why)
{
    struct mem_view *v = (struct mem_view *)base;
    (void)why; /* cannot fail */
    picture_drop(v->picture);
    v->picture = ((struct mem *)base->kv)->now;
    v->picture->refs++;
    return RC_OK;
}

static void mem_view_close(struct kv_view *base)
{
    struct mem_view *v = (struct mem_view *)base;
    picture_drop(v->picture);
    mem_free(v);
}

static enum rc mem_get(struct kv_view *v, enum kv_table table, struct bytes key,
                       struct bytes *sealed)
{
    struct treap *n = treap_find(((struct mem_view *)v)->picture->roots[table], key);
    if (n == NULL)
        return RC_NOT_FOUND;
    *sealed = treap_value(n);
    return RC_OK;
}

static enum rc mem_count(struct kv_view *v, enum kv_table table, uint64_t *out)
{
    *out = ((struct mem_view *)v)->picture->counts[table];
    return RC_OK;
}

/* A cursor is no more than the key kv.c remembers: each move starts from the root. */
static enum rc mem_cursor_open(struct kv_cursor **out, struct kv_view *v, enum kv_table table)
{
    (void)v;
    (void)table;
    *out = mem_alloc(sizeof **out);
    return RC_OK;
}

static void mem_cursor_close(struct kv_cursor *c)
{
    mem_free(c);
}

static struct treap *tree_move(struct treap *root, enum kv_move move, struct bytes than)
{
    switch (move) {
    case KV_MOVE_FIRST: /* than is empty, and below every key */
    case KV_MOVE_AT_OR_AFTER:
        return treap_after(root, than, true);
    case KV_MOVE_NEXT:
        return treap_after(root, than, false);
    case KV_MOVE_BEFORE:
        return treap_before(root, than);
    case KV_MOVE_LAST:
        return treap_last(root);
    }
    CHECK(!"a move of enum kv_move");
    return NULL;
}

static enum rc mem_cursor_move(struct kv_cursor *c, enum kv_move move, struct bytes than,
                               struct bytes *key, struct bytes *sealed)
{
    struct mem_view *v = (struct mem_view *)c->view;
    struct treap *n = tree_move(v->picture->roots[c->table], move, than);
    if (n == NULL)
        return RC_NOT_FOUND;
    *key = treap_key(n);
    *sealed = treap_value(n);
    return RC_OK;
}

/* ---- the store ---- */

static void mem_close(struct kv *kv)
{
    struct mem *m = (struct mem *)kv;
    picture_drop(m->now);
    buf_free(&m->in_flight.records);
    kv_clear(kv);
    mem_free(m);
}

static const struct kv_ops mem_ops = {
    .commit = mem_commit,
    .view_open = mem_view_open,
    .view_renew = mem_view_renew,
    .view_close = mem_view_close,
    .get = mem_get,
    .count = mem_count,
    .cursor_open = mem_cursor_open,
    .cursor_close = mem_cursor_close,
    .cursor_move = mem_cursor_move,
    .close = mem_close,
};

struct kv *kv_mem_new(void)
{
    struct mem *m = mem_alloc(sizeof *m);
    kv_init(&m->base, &mem_ops, 0);
    m->now = mem_alloc(sizeof *m->now);
    m->now->refs = 1;
    kv_batch_stamp(m->base.stamp, 0); /* as kv_lmdb does in a new store */
    mem_apply(m, m->base.stamp);
    return &m->base;
}

static struct mem *mem_of(struct kv *kv)
{
    CHECK(kv->ops == &mem_ops);
    return (struct mem *)kv;
}

void kv_mem_begin(struct kv *kv, const struct kv_batch *b)
{
    struct mem *m = mem_of(kv);
    CHECK(!m->has_in_flight);
    CHECK(!kv->dead);
    kv_batch_clear(&m->in_flight);
    buf_add_bytes(&m->in_flight.records, buf_bytes(&b->records));
    m->in_flight.count = b->count;
    m->in_flight.bytes = b->bytes;
    m->has_in_flight = true;
}

void kv_mem_finish(struct kv *kv, bool lands)
{
    struct mem *m = mem_of(kv);
    CHECK(m->has_in_flight);
    m->has_in_flight = false;
    if (!lands)
        return;
    kv_batch_stamp(kv->stamp, kv->commits + 1);
    mem_apply(m, &m->in_flight);
    mem_apply(m, kv->stamp);
    kv->commits++;
}

void kv_mem_fail_after(struct kv *kv, uint32_t commits_count, enum rc rc, bool lands)
{
    struct mem *m = mem_of(kv);
    CHECK((unsigned)rc < RC_COUNT);
    m->fail = rc;
    m->fail_after_commits = commits_count;
    m->fail_lands = lands;
    if (rc == RC_OK)
        kv->dead = false;
}

void kv_mem_fail_next(struct kv *kv, enum rc rc)
{
    kv_mem_fail_after(kv, 0, rc, false);
}

enum rc kv_mem_copy(struct kv **out, struct kv_view *v, struct why *why)
{
    CHECK(v->kv->ops == &mem_ops);
    struct mem *m = mem_alloc(sizeof *m);
    kv_init(&m->base, &mem_ops, 0);
    m->now = ((struct mem_view *)v)->picture;
    m->now->refs++;
    *out = NULL;
    enum rc rc = kv_read_commits(&m->base, why);
    if (rc == RC_OK)
        *out = &m->base;
    else
        mem_close(&m->base);
    return rc;
}

void kv_mem_flip(struct kv *kv, enum kv_table table, struct bytes key, uint64_t bit)
{
    struct mem *m = mem_of(kv);
    mem_own_picture(m);
    struct treap *n = treap_find(m->now->roots[table], key);
    CHECK(n != NULL);
    struct buf sealed = {0};
    buf_add_bytes(&sealed, treap_value(n));
    CHECK(sealed.size > 0);
    bit %= 8 * sealed.size;
    sealed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    bool is_new = treap_put(&m->now->roots[table], key, buf_bytes(&sealed));
    CHECK(!is_new);
    buf_free(&sealed);
}
