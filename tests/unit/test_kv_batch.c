/* Batches and the seal on their values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ledger/kv_impl.h"

static uint8_t value_room[KV_VALUE_BYTES_MAX + 1];

static struct bytes text(const char *t)
{
    return bytes_of_text(t);
}

/* ---- limits that are the caller's to keep ---- */

/* Run the act in a process of its own; true when a CHECK stopped it. */
static bool is_checked(void (*act)(struct kv_batch *b))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0};
        setrlimit(RLIMIT_CORE, &no_core);
        close(STDERR_FILENO);
        act(kv_batch_new());
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void put_key_511(struct kv_batch *b)
{
    kv_batch_put(b, KV_NAME, bytes_of(value_room, KV_KEY_BYTES_MAX), text(""));
}
static void put_key_512(struct kv_batch *b)
{
    kv_batch_put(b, KV_NAME, bytes_of(value_room, KV_KEY_BYTES_MAX + 1), text(""));
}
static void put_key_empty(struct kv_batch *b)
{
    kv_batch_put(b, KV_NAME, bytes_of(NULL, 0), text(""));
}
static void put_value_too_large(struct kv_batch *b)
{
    kv_batch_put(b, KV_NAME, text("k"), bytes_of(value_room, KV_VALUE_BYTES_MAX + 1));
}
static void put_commits(struct kv_batch *b)
{
    kv_batch_put(b, KV_META, text("commits"), text("9"));
}
static void delete_commits(struct kv_batch *b)
{
    kv_batch_delete(b, KV_META, text("commits"));
}

/* Keys of 512 bytes or none, values over the limit, and the counter's own key are our bugs. */
static void batch_beyond_its_limits_is_checked(void **state)
{
    (void)state;
    assert_false(is_checked(put_key_511));
    assert_true(is_checked(put_key_512));
    assert_true(is_checked(put_key_empty));
    assert_true(is_checked(put_value_too_large));
    assert_true(is_checked(put_commits));
    assert_true(is_checked(delete_commits));
}

/* ---- checksums ---- */

/* The checksum is part of the store's format: this value was computed by another program. */
static void checksum_of_known_bytes_is_as_written_down(void **state)
{
    (void)state;
    assert_int_equal(checksum_of(7, text("root"), text("Hansa")), 0xe9cb09b7d7c0e638ull);
    assert_int_equal(checksum_of(0, text(""), text("")), 0x04466e66d597f70cull);
}

/* Any one bit flipped in value or checksum, and any length but its own, is refused. */
static void sealed_value_with_any_bit_flipped_is_refused(void **state)
{
    (void)state;
    struct kv_batch *b = kv_batch_new();
    kv_batch_put(b, KV_NAME, text("key"), text("some value of some bytes"));
    struct bytes sealed = kv_record_sealed(kv_record_next(b, NULL));
    uint8_t copy[64];
    struct bytes value;
    memcpy(copy, sealed.data, sealed.size);
    for (size_t bit = 0; bit < 8 * sealed.size; bit++) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(kv_unseal(KV_NAME, text("key"), bytes_of(copy, sealed.size), &value));
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t size = 0; size < sealed.size; size++)
        assert_false(kv_unseal(KV_NAME, text("key"), bytes_of(copy, size), &value));
    assert_false(kv_unseal(KV_NAME, text("kez"), sealed, &value));
    assert_false(kv_unseal(KV_TREE, text("key"), sealed, &value));
    assert_true(kv_unseal(KV_NAME, text("key"), sealed, &value));
    assert_true(bytes_equal(value, text("some value of some bytes")));
    kv_batch_free(b);
}

/* A plan keeps the last write of each key only, in the order of table and key. */
static void plan_of_a_batch_is_sorted_and_without_doubles(void **state)
{
    (void)state;
    static const char *const sorted[] = {"a", "ab", "b", "long prefix, then 1",
                                         "long prefix, then 2"};
    struct kv_batch *b = kv_batch_new();
    kv_batch_put(b, KV_TREE, text("a"), text("other table"));
    for (int i = 4; i >= 0; i--)
        kv_batch_put(b, KV_CHECKPOINT, text(sorted[i]), text("first"));
    for (int i = 0; i < 5; i++)
        kv_batch_put(b, KV_CHECKPOINT, text(sorted[i]), text("second"));
    kv_batch_delete(b, KV_CHECKPOINT, text("ab"));
    struct kv_plan plan = kv_plan_make(b);
    assert_int_equal(plan.count, 6);
    for (int i = 0; i < 5; i++) {
        assert_true(bytes_equal(kv_record_key(plan.records[i]), text(sorted[i])));
        assert_int_equal(plan.records[i]->op, i == 1 ? KV_DELETE : KV_PUT);
        if (i != 1)
            assert_true(bytes_has_prefix(kv_record_sealed(plan.records[i]), text("second")));
    }
    assert_int_equal(plan.records[5]->table, KV_TREE);
    kv_plan_free(&plan);
    kv_batch_free(b);
}

/* As if all had been put into one from the start: the last one for a key wins, wherever it came
 * from.
 */
static void appended_batches_are_one(void **state)
{
    (void)state;
    struct kv *kv = kv_mem_new();
    struct kv_view *view;
    struct bytes value;
    struct kv_batch *b = kv_batch_new(), *other = kv_batch_new();
    kv_batch_put(b, KV_BLOCK, text("a"), text("1"));
    kv_batch_put(b, KV_BLOCK, text("b"), text("first"));
    kv_batch_put(other, KV_BLOCK, text("b"), text("second"));
    kv_batch_delete(other, KV_BLOCK, text("a"));
    kv_batch_put(other, KV_CERT, text("c"), text("a longer one"));
    kv_batch_append(b, other);
    assert_int_equal(kv_batch_count(other), 3);
    kv_batch_free(other);
    other = kv_batch_new();
    kv_batch_append(b, other); /* nothing */
    kv_batch_put(b, KV_BLOCK, text("d"), text("4"));
    assert_int_equal(kv_batch_count(b), 6);
    assert_int_equal(kv_batch_bytes(b), 2 + 6 + 7 + 1 + 13 + 2);
    assert_int_equal(kv_commit(kv, b, NULL), RC_OK);
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    assert_int_equal(kv_get(view, KV_BLOCK, text("a"), &value), RC_NOT_FOUND);
    assert_int_equal(kv_get(view, KV_BLOCK, text("b"), &value), RC_OK);
    assert_true(bytes_equal(value, text("second")));
    assert_int_equal(kv_get(view, KV_CERT, text("c"), &value), RC_OK);
    assert_int_equal(kv_get(view, KV_BLOCK, text("d"), &value), RC_OK);
    kv_view_close(view);
    kv_batch_free(b);
    kv_batch_free(other);
    kv_close(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_beyond_its_limits_is_checked),
        cmocka_unit_test(checksum_of_known_bytes_is_as_written_down),
        cmocka_unit_test(sealed_value_with_any_bit_flipped_is_refused),
        cmocka_unit_test(plan_of_a_batch_is_sorted_and_without_doubles),
        cmocka_unit_test(appended_batches_are_one),
    };
    return cmocka_run_group_tests_name("kv_batch", tests, NULL, NULL);
}
