/* The places of readers that were killed are given back, of none that lives (pitfalls J5). */
#include "tests/help/unit.h"

#include "ledger/kv.h"
#include "tests/help/dead_reader.h"
#include "tests/help/scratch.h"

static struct kv *open_store(const char *path)
{
    const struct kv_lmdb_options options = {.create = true, .map_bytes = (uint64_t)1 << 30};
    struct kv *kv;
    struct why why = {{0}};
    assert_int_equal(kv_lmdb_open(&kv, path, &options, &why), RC_OK);
    return kv;
}

static uint32_t cleared(struct kv *kv)
{
    uint32_t count = 99;
    struct why why = {{0}};
    assert_int_equal(kv_lmdb_clear_readers(kv, &count, &why), RC_OK);
    return count;
}

static void places_of_the_dead_are_given_back_once(void **state)
{
    struct dead_reader one, other;
    dead_reader_prepare(&one, *state);
    dead_reader_prepare(&other, *state);
    struct kv *kv = open_store(*state);
    assert_int_equal(cleared(kv), 0);
    dead_reader_die(&one);
    dead_reader_die(&other);
    assert_int_equal(cleared(kv), 2);
    assert_int_equal(cleared(kv), 0);
    kv_close(kv);
}

static void places_of_the_living_stay(void **state)
{
    struct dead_reader dead;
    dead_reader_prepare(&dead, *state);
    struct kv *kv = open_store(*state);
    struct kv_view *view;
    struct why why = {{0}};
    struct bytes value;
    assert_int_equal(kv_view_open(&view, kv, &why), RC_OK);
    dead_reader_die(&dead);
    assert_int_equal(cleared(kv), 1);
    assert_int_equal(kv_get(view, KV_META, bytes_of_text("commits"), &value), RC_OK);
    assert_int_equal(kv_view_renew(view, &why), RC_OK);
    kv_view_close(view);
    kv_close(kv);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(places_of_the_dead_are_given_back_once),
        ON_DISK(places_of_the_living_stay),
    };
    return cmocka_run_group_tests_name("kv_readers", tests, NULL, NULL);
}
