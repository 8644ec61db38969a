/* The key-value layer: what holds for both implementations alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/base/prng.h"
#include "ledger/kv.h"
#include "tests/help/scratch.h"

enum { KEYS = 150, TABLES = 2, KINDS = 2 };

/* Both implementations, side by side. */
struct pair {
    char *path;
    struct kv *kv[KINDS];
};

static int pair_open(void **state)
{
    struct pair *p = calloc(1, sizeof *p);
    struct kv_lmdb_options options = {.create = true};
    struct why why = {0};
    p->path = scratch_make();
    p->kv[0] = kv_mem_new();
    if (kv_lmdb_open(&p->kv[1], p->path, &options, &why) != RC_OK)
        fail_msg("%s", why.text);
    *state = p;
    return 0;
}

static int pair_close(void **state)
{
    struct pair *p = *state;
    for (int i = 0; i < KINDS; i++)
        kv_close(p->kv[i]);
    scratch_remove(p->path);
    free(p);
    return 0;
}

static struct bytes text(const char *t)
{
    return bytes_of_text(t);
}

static void commit_to(struct pair *p, const struct kv_batch *b)
{
    struct why why = {0};
    for (int i = 0; i < KINDS; i++)
        if (kv_commit(p->kv[i], b, &why) != RC_OK)
            fail_msg("%s", why.text);
}

static struct kv_view *view_of(struct kv *kv)
{
    struct kv_view *v;
    assert_int_equal(kv_view_open(&v, kv, NULL), RC_OK);
    return v;
}

static void assert_bytes(struct bytes is, struct bytes should_be)
{
    assert_int_equal(is.size, should_be.size);
    if (is.size > 0)
        assert_memory_equal(is.data, should_be.data, is.size);
}

/* ---- a model: for each table all possible keys in order, and what they hold ---- */

struct entry {
    uint8_t key[KV_KEY_BYTES_MAX];
    size_t key_bytes;
    bool is_there;
    uint64_t value_seed;
    size_t value_bytes;
};
struct model {
    struct entry entries[TABLES][KEYS];
};
static const enum kv_table tables[TABLES] = {KV_NAME, KV_TREE};

static struct bytes key_of(const struct entry *e)
{
    return bytes_of(e->key, e->key_bytes);
}

static int entry_compare(const void *a, const void *b)
{
    return bytes_compare(key_of(a), key_of(b));
}

/* Keys of few letters, so that many are prefixes of others; some as long as keys may be. */
static void model_init(struct model *m, struct prng *p)
{
    memset(m, 0, sizeof *m);
    for (int t = 0; t < TABLES; t++) {
        for (int i = 0; i < KEYS; i++) {
            struct entry *e = &m->entries[t][i];
            e->key_bytes = i % 16 == 0 ? KV_KEY_BYTES_MAX : 1 + prng_below(p, 12);
            for (size_t k = 0; k < e->key_bytes; k++)
                e->key[k] = (uint8_t)(prng_below(p, 3) * 127);
        }
        qsort(m->entries[t], KEYS, sizeof(struct entry), entry_compare);
    }
}

static struct bytes value_of(const struct entry *e, uint8_t *room)
{
    struct prng p = prng_of(e->value_seed);
    prng_fill(&p, room, e->value_bytes);
    return bytes_of(room, e->value_bytes);
}

/* Several entries may have the same key: the first of them stands for all. */
static struct entry *pick(struct model *m, int t, struct prng *p)
{
    size_t i = prng_below(p, KEYS);
    while (i > 0 && entry_compare(&m->entries[t][i - 1], &m->entries[t][i]) == 0)
        i--;
    return &m->entries[t][i];
}

static uint8_t value_room[KV_VALUE_BYTES_MAX + 1];

static void change(struct model *m, struct kv_batch *b, struct prng *p)
{
    int t = (int)prng_below(p, TABLES);
    struct entry *e = pick(m, t, p);
    e->is_there = prng_below(p, 3) > 0;
    if (!e->is_there) {
        kv_batch_delete(b, tables[t], key_of(e));
        return;
    }
    e->value_seed = prng_u64(p);
    e->value_bytes = prng_below(p, 10) == 0 ? prng_below(p, 9000) : prng_below(p, 60);
    kv_batch_put(b, tables[t], key_of(e), value_of(e, value_room));
}

/* The first entry there at or after index i going in steps of 1 or -1; NULL at the end. */
static const struct entry *there(const struct model *m, int t, int i, int step)
{
    for (; i >= 0 && i < KEYS; i += step)
        if (m->entries[t][i].is_there)
            return &m->entries[t][i];
    return NULL;
}

static void assert_found(enum rc rc, struct bytes key, struct bytes value, const struct entry *e)
{
    assert_int_equal(rc, e != NULL ? RC_OK : RC_NOT_FOUND);
    assert_bytes(key, e != NULL ? key_of(e) : bytes_of(NULL, 0));
    assert_bytes(value, e != NULL ? value_of(e, value_room) : bytes_of(NULL, 0));
}

static void assert_walk(const struct model *m, struct kv_cursor *c, int t, uint64_t count)
{
    struct bytes key;
    struct bytes value;
    enum rc rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value);
    for (int i = 0; i < KEYS; i++) {
        if (!m->entries[t][i].is_there)
            continue;
        assert_found(rc, key, value, &m->entries[t][i]);
        count--;
        rc = kv_cursor_next(c, &key, &value);
    }
    assert_found(rc, key, value, NULL);
    assert_int_equal(count, 0);
}

/* All that a view can be asked, at every key. */
static void assert_same(const struct model *m, struct kv_view *v)
{
    for (int t = 0; t < TABLES; t++) {
        struct kv_cursor *c;
        uint64_t count;
        assert_int_equal(kv_count(v, tables[t], &count), RC_OK);
        assert_int_equal(kv_cursor_open(&c, v, tables[t]), RC_OK);
        assert_walk(m, c, t, count);
        for (int i = 0; i < KEYS; i++) {
            const struct entry *e = &m->entries[t][i];
            if (i > 0 && entry_compare(e - 1, e) == 0)
                continue;
            struct bytes key = bytes_of(NULL, 0);
            struct bytes value;
            enum rc rc = kv_get(v, tables[t], key_of(e), &value);
            assert_found(rc, e->is_there ? key_of(e) : key, value, e->is_there ? e : NULL);
            rc = kv_cursor_seek(c, key_of(e), &key, &value);
            assert_found(rc, key, value, there(m, t, i, 1));
            rc = kv_cursor_seek_before(c, key_of(e), &key, &value);
            assert_found(rc, key, value, there(m, t, i - 1, -1));
        }
        struct bytes key;
        struct bytes value;
        enum rc rc = kv_cursor_seek_before(c, bytes_of(NULL, 0), &key, &value);
        assert_found(rc, key, value, there(m, t, KEYS - 1, -1));
        kv_cursor_close(c);
    }
}

/* Random batches leave both implementations with just what a plain list of entries holds. */
static void kv_random_batches_equal_the_model(void **state)
{
    struct pair *p = *state;
    struct prng prng = prng_of(1);
    struct model m;
    model_init(&m, &prng);
    struct kv_batch *b = kv_batch_new();
    for (int round = 0; round < 25; round++) {
        kv_batch_clear(b);
        for (uint64_t n = prng_below(&prng, 40); n > 0; n--)
            change(&m, b, &prng);
        commit_to(p, b);
        for (int i = 0; i < KINDS; i++) {
            struct kv_view *v = view_of(p->kv[i]);
            assert_same(&m, v);
            kv_view_close(v);
        }
    }
    kv_batch_free(b);
}

/* A view shows its own moment however many commits follow, and views may close in any order. */
static void view_during_commits_stays_fixed(void **state)
{
    enum { VIEWS = 12 };
    struct pair *p = *state;
    struct prng prng = prng_of(2);
    struct model *then = calloc(VIEWS + 1, sizeof *then);
    struct kv_view *views[VIEWS][KINDS];
    struct model *m = &then[VIEWS];
    model_init(m, &prng);
    struct kv_batch *b = kv_batch_new();
    for (int n = 0; n < VIEWS; n++) {
        kv_batch_clear(b);
        for (int i = 0; i < 30; i++)
            change(m, b, &prng);
        commit_to(p, b);
        then[n] = *m;
        for (int i = 0; i < KINDS; i++)
            views[n][i] = view_of(p->kv[i]);
    }
    for (int n = 0; n < VIEWS; n++) {
        int at = n * 5 % VIEWS; /* 5 and 12 have no common divisor: each view once */
        for (int i = 0; i < KINDS; i++) {
            assert_same(&then[at], views[at][i]);
            kv_view_close(views[at][i]);
        }
    }
    kv_batch_free(b);
    free(then);
}

/* Within a batch the last write to a key wins, whether it puts or deletes. */
static void batch_same_key_twice_keeps_the_last(void **state)
{
    struct pair *p = *state;
    struct kv_batch *b = kv_batch_new();
    kv_batch_put(b, KV_META, text("a"), text("first"));
    kv_batch_delete(b, KV_META, text("a"));
    kv_batch_put(b, KV_META, text("a"), text("last"));
    kv_batch_put(b, KV_META, text("b"), text("gone"));
    kv_batch_delete(b, KV_META, text("b"));
    kv_batch_delete(b, KV_META, text("never there"));
    assert_int_equal(kv_batch_count(b), 6);
    assert_int_equal(kv_batch_bytes(b), 3 + 2 + 11 + 5 + 4 + 4);
    commit_to(p, b);
    for (int i = 0; i < KINDS; i++) {
        struct kv_view *v = view_of(p->kv[i]);
        struct bytes value;
        assert_int_equal(kv_get(v, KV_META, text("a"), &value), RC_OK);
        assert_bytes(value, text("last"));
        assert_int_equal(kv_get(v, KV_META, text("b"), &value), RC_NOT_FOUND);
        kv_view_close(v);
    }
    kv_batch_free(b);
}

/* The largest value comes back whole, and so does the empty one. */
static void value_of_extreme_size_comes_back(void **state)
{
    struct pair *p = *state;
    struct prng prng = prng_of(3);
    uint8_t *large = malloc(KV_VALUE_BYTES_MAX);
    prng_fill(&prng, large, KV_VALUE_BYTES_MAX);
    struct kv_batch *b = kv_batch_new();
    kv_batch_put(b, KV_BLOCK, text("empty"), bytes_of(NULL, 0));
    kv_batch_put(b, KV_BLOCK, text("large"), bytes_of(large, KV_VALUE_BYTES_MAX));
    commit_to(p, b);
    for (int i = 0; i < KINDS; i++) {
        struct kv_view *v = view_of(p->kv[i]);
        struct bytes value;
        assert_int_equal(kv_get(v, KV_BLOCK, text("large"), &value), RC_OK);
        assert_bytes(value, bytes_of(large, KV_VALUE_BYTES_MAX));
        assert_int_equal(kv_get(v, KV_BLOCK, text("empty"), &value), RC_OK);
        assert_int_equal(value.size, 0);
        kv_view_close(v);
    }
    kv_batch_free(b);
    free(large);
}

/* A cursor that stands nowhere goes nowhere: before the first seek, and after the end. */
static void cursor_without_a_place_finds_nothing(void **state)
{
    struct pair *p = *state;
    struct kv_batch *b = kv_batch_new();
    kv_batch_put(b, KV_VOTE, text("a"), text("1"));
    commit_to(p, b);
    for (int i = 0; i < KINDS; i++) {
        struct kv_view *v = view_of(p->kv[i]);
        struct kv_cursor *c;
        struct bytes key;
        struct bytes value;
        assert_int_equal(kv_cursor_open(&c, v, KV_VOTE), RC_OK);
        assert_int_equal(kv_cursor_next(c, &key, &value), RC_NOT_FOUND);
        assert_int_equal(kv_cursor_seek(c, text("a"), &key, &value), RC_OK);
        assert_int_equal(kv_cursor_next(c, &key, &value), RC_NOT_FOUND);
        assert_int_equal(kv_cursor_next(c, &key, &value), RC_NOT_FOUND);
        assert_int_equal(kv_cursor_seek_before(c, text("a"), &key, &value), RC_NOT_FOUND);
        assert_int_equal(key.size, 0);
        kv_cursor_close(c);
        kv_view_close(v);
    }
    kv_batch_free(b);
}

/* Both count their commits, under a key that callers can read. */
static void commits_each_are_counted(void **state)
{
    struct pair *p = *state;
    struct kv_batch *b = kv_batch_new();
    for (int i = 0; i < 3; i++)
        commit_to(p, b);
    for (int i = 0; i < KINDS; i++) {
        struct kv_view *v = view_of(p->kv[i]);
        struct bytes value;
        assert_int_equal(kv_get(v, KV_META, text("commits"), &value), RC_OK);
        assert_bytes(value, bytes_of("\3\0\0\0\0\0\0\0", 8));
        kv_view_close(v);
    }
    kv_batch_free(b);
}

/* Keys that damage has put out of order end a walk, which could else go in a circle. */
static void cursor_meeting_keys_out_of_order_stops(void **state)
{
    struct pair *p = *state;
    struct kv_lmdb_options options = {0};
    struct kv_batch *b = kv_batch_new();
    kv_batch_put(b, KV_BLOCK, text("k1"), text("value"));
    kv_batch_put(b, KV_BLOCK, text("k2"), text("value"));
    kv_batch_put(b, KV_BLOCK, text("k3"), text("value"));
    commit_to(p, b);
    kv_batch_free(b);
    kv_close(p->kv[1]);
    char *command;
    assert_true(asprintf(&command, "LC_ALL=C sed -i s/k3value/k1value/ '%s/data.mdb'", p->path) >
                0);
    assert_int_equal(system(command), 0);
    free(command);
    assert_int_equal(kv_lmdb_open(&p->kv[1], p->path, &options, NULL), RC_OK);
    struct kv_view *v = view_of(p->kv[1]);
    struct kv_cursor *c;
    struct bytes key;
    struct bytes value;
    assert_int_equal(kv_cursor_open(&c, v, KV_BLOCK), RC_OK);
    assert_int_equal(kv_cursor_seek(c, text("k2"), &key, &value), RC_OK);
    assert_int_equal(kv_cursor_next(c, &key, &value), RC_STORE_DAMAGED);
    assert_int_equal(key.size, 0);
    assert_int_equal(kv_cursor_next(c, &key, &value), RC_NOT_FOUND);
    kv_cursor_close(c);
    kv_view_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kv_random_batches_equal_the_model, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(view_during_commits_stays_fixed, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(batch_same_key_twice_keeps_the_last, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(value_of_extreme_size_comes_back, pair_open, pair_close),
        cmocka_unit_test_setup_teardown(cursor_without_a_place_finds_nothing, pair_open,
                                        pair_close),
        cmocka_unit_test_setup_teardown(cursor_meeting_keys_out_of_order_stops, pair_open,
                                        pair_close),
        cmocka_unit_test_setup_teardown(commits_each_are_counted, pair_open, pair_close),
    };
    return cmocka_run_group_tests_name("kv", tests, NULL, NULL);
}
