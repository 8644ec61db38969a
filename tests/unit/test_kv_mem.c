/* The store in memory: crash semantics, injected faults, and the treap under it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/base/prng.h"
#include "ledger/kv.h"

static struct bytes text(const char *t)
{
    return bytes_of_text(t);
}

static void expect(struct kv *kv, const char *key, const char *value)
{
    struct kv_view *v;
    struct bytes found;
    assert_int_equal(kv_view_open(&v, kv, NULL), RC_OK);
    enum rc rc = kv_get(v, KV_VOTE, text(key), &found);
    assert_int_equal(rc, value != NULL ? RC_OK : RC_NOT_FOUND);
    if (value != NULL)
        assert_true(bytes_equal(found, text(value)));
    kv_view_close(v);
}

static struct kv_batch *batch_of(const char *key, const char *value)
{
    struct kv_batch *b = kv_batch_new();
    kv_batch_put(b, KV_VOTE, text(key), text(value));
    return b;
}

static void commit(struct kv *kv, const char *key, const char *value)
{
    struct kv_batch *b = batch_of(key, value);
    assert_int_equal(kv_commit(kv, b, NULL), RC_OK);
    kv_batch_free(b);
}

/* What is in flight cannot be seen; when it lands it is there, as it was when it began. */
static void commit_in_flight_that_lands_is_seen_then(void **state)
{
    (void)state;
    struct kv *kv = kv_mem_new();
    commit(kv, "a", "old");
    struct kv_batch *b = batch_of("a", "new");
    kv_batch_put(b, KV_VOTE, text("b"), text("too"));
    kv_mem_begin(kv, b);
    kv_batch_free(b); /* begin took a copy */
    expect(kv, "a", "old");
    expect(kv, "b", NULL);
    kv_mem_finish(kv, true);
    expect(kv, "a", "new");
    expect(kv, "b", "too");
    kv_close(kv);
}

/* When the machine crashes first, nothing of it is there, and commits go on as if it never was. */
static void commit_in_flight_that_is_lost_leaves_nothing(void **state)
{
    (void)state;
    struct kv *kv = kv_mem_new();
    commit(kv, "a", "old");
    struct kv_batch *b = batch_of("a", "new");
    kv_batch_put(b, KV_VOTE, text("b"), text("too"));
    kv_mem_begin(kv, b);
    kv_mem_finish(kv, false);
    expect(kv, "a", "old");
    expect(kv, "b", NULL);
    commit(kv, "c", "later");
    kv_mem_begin(kv, b);
    kv_mem_finish(kv, true);
    expect(kv, "a", "new");
    expect(kv, "c", "later");
    kv_batch_free(b);
    kv_close(kv);
}

/* A store closed with a batch in flight drops it (the sanitizers look for leaks here). */
static void close_with_a_commit_in_flight_is_fine(void **state)
{
    (void)state;
    struct kv *kv = kv_mem_new();
    struct kv_batch *b = batch_of("a", "1");
    kv_mem_begin(kv, b);
    expect(kv, "a", NULL);
    kv_batch_free(b);
    kv_close(kv);
}

/* A full map is no more than a refusal: the next commit works. */
static void fault_store_full_fails_one_commit(void **state)
{
    (void)state;
    struct kv *kv = kv_mem_new();
    struct kv_batch *b = batch_of("a", "1");
    struct why why = {0};
    kv_mem_fail_next(kv, RC_STORE_FULL);
    assert_int_equal(kv_commit(kv, b, &why), RC_STORE_FULL);
    assert_true(why.text[0] != '\0');
    expect(kv, "a", NULL);
    assert_int_equal(kv_commit(kv, b, &why), RC_OK);
    expect(kv, "a", "1");
    kv_batch_free(b);
    kv_close(kv);
}

/* After a disk error no commit is tried again until the store is opened anew (pitfalls D8). */
static void fault_of_the_disk_ends_all_commits(void **state)
{
    (void)state;
    static const enum rc faults[] = {RC_STORE_IO, RC_DISK_FULL};
    for (int i = 0; i < 2; i++) {
        struct kv *kv = kv_mem_new();
        struct kv_batch *b = batch_of("a", "1");
        kv_mem_fail_next(kv, faults[i]);
        assert_int_equal(kv_commit(kv, b, NULL), faults[i]);
        assert_int_equal(kv_commit(kv, b, NULL), RC_STORE_IO);
        expect(kv, "a", NULL);
        kv_mem_fail_next(kv, RC_OK);
        assert_int_equal(kv_commit(kv, b, NULL), RC_OK);
        expect(kv, "a", "1");
        kv_batch_free(b);
        kv_close(kv);
    }
}

/* Many keys in ascending order, the worst case of a plain tree, half of them deleted again while
 * a view holds them all: both pictures are whole. */
static void treap_many_ascending_keys_keep_both_pictures(void **state)
{
    enum { COUNT = 20000 };
    (void)state;
    struct kv *kv = kv_mem_new();
    struct kv_batch *put = kv_batch_new();
    struct kv_batch *drop = kv_batch_new();
    for (uint32_t i = 0; i < COUNT; i++) {
        uint8_t key[4];
        struct wr w = wr_of(key, sizeof key);
        wr_be32(&w, i);
        kv_batch_put(put, KV_CHAIN, wr_bytes_of(&w), wr_bytes_of(&w));
        if (i % 2 == 1)
            kv_batch_delete(drop, KV_CHAIN, wr_bytes_of(&w));
    }
    struct kv_view *views[2];
    assert_int_equal(kv_commit(kv, put, NULL), RC_OK);
    assert_int_equal(kv_view_open(&views[0], kv, NULL), RC_OK);
    assert_int_equal(kv_commit(kv, drop, NULL), RC_OK);
    assert_int_equal(kv_view_open(&views[1], kv, NULL), RC_OK);
    for (uint32_t i = 0; i < 2; i++) {
        struct kv_cursor *c;
        struct bytes key;
        struct bytes value;
        uint64_t count;
        assert_int_equal(kv_count(views[i], KV_CHAIN, &count), RC_OK);
        assert_int_equal(count, COUNT >> i);
        assert_int_equal(kv_cursor_open(&c, views[i], KV_CHAIN), RC_OK);
        enum rc rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value);
        for (uint32_t n = 0; n < COUNT; n += 1 + i) {
            assert_int_equal(rc, RC_OK);
            struct rd r = rd_of(key);
            assert_int_equal(rd_be32(&r), n);
            rc = kv_cursor_next(c, &key, &value);
        }
        assert_int_equal(rc, RC_NOT_FOUND);
        kv_cursor_close(c);
        kv_view_close(views[i]);
    }
    kv_batch_free(put);
    kv_batch_free(drop);
    kv_close(kv);
}

/* A copy stands where the view did, and goes its own way from there. */
static void copy_of_a_view_goes_its_own_way(void **state)
{
    (void)state;
    struct kv *kv = kv_mem_new(), *copy;
    struct kv_view *view;
    commit(kv, "a", "old");
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    commit(kv, "a", "new");
    assert_int_equal(kv_mem_copy(&copy, view, NULL), RC_OK);
    kv_view_close(view);
    expect(copy, "a", "old");
    commit(copy, "b", "of the copy");
    expect(kv, "a", "new");
    expect(kv, "b", NULL);
    kv_close(kv);
    expect(copy, "a", "old");
    expect(copy, "b", "of the copy");
    kv_close(copy);
}

/* Whichever bit turns, of the value or of its checksum, it is seen; views keep what they had. */
static void flipped_bit_is_damage_to_who_reads_it_later(void **state)
{
    (void)state;
    for (uint64_t bit = 0; bit < 8 * (3 + 8); bit++) {
        struct kv *kv = kv_mem_new();
        struct kv_view *before, *after;
        struct bytes found;
        commit(kv, "a", "old");
        assert_int_equal(kv_view_open(&before, kv, NULL), RC_OK);
        kv_mem_flip(kv, KV_VOTE, text("a"), bit);
        assert_int_equal(kv_view_open(&after, kv, NULL), RC_OK);
        assert_int_equal(kv_get(before, KV_VOTE, text("a"), &found), RC_OK);
        assert_int_equal(kv_get(after, KV_VOTE, text("a"), &found), RC_STORE_DAMAGED);
        kv_view_close(before);
        kv_view_close(after);
        kv_mem_flip(kv, KV_VOTE, text("a"), bit);
        expect(kv, "a", "old");
        kv_close(kv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commit_in_flight_that_lands_is_seen_then),
        cmocka_unit_test(commit_in_flight_that_is_lost_leaves_nothing),
        cmocka_unit_test(close_with_a_commit_in_flight_is_fine),
        cmocka_unit_test(fault_store_full_fails_one_commit),
        cmocka_unit_test(fault_of_the_disk_ends_all_commits),
        cmocka_unit_test(copy_of_a_view_goes_its_own_way),
        cmocka_unit_test(flipped_bit_is_damage_to_who_reads_it_later),
        cmocka_unit_test(treap_many_ascending_keys_keep_both_pictures),
    };
    return cmocka_run_group_tests_name("kv_mem", tests, NULL, NULL);
}
