/* Layers: reading through a stack, rolling back, merging, failing. */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/prng.h"
#include "crypto/crypto.h"
#include "ledger/layer.h"

static enum rc below_rc;
static struct bytes below_value;

static enum rc below(void *context, uint8_t table, struct bytes key, struct bytes *value)
{
    (void)context;
    if (below_rc != RC_OK)
        return below_rc;
    if (table != STATE_ASSET || !bytes_equal(key, bytes_of_text("below")))
        return RC_NOT_FOUND;
    *value = below_value;
    return RC_OK;
}

static const struct layer_base base = {.get = below};

static int start(void **state)
{
    (void)state;
    below_rc = RC_OK;
    below_value = bytes_of_text("from below");
    return crypto_start(NULL) == RC_OK ? 0 : -1;
}

static void put_text(struct layer *l, const char *key, const char *value)
{
    layer_put(l, STATE_ASSET, bytes_of_text(key), bytes_of_text(value));
}

static void expect(struct layer *l, const char *key, const char *value)
{
    struct bytes found;
    bool has = layer_get(l, STATE_ASSET, bytes_of_text(key), &found);
    assert_int_equal(has, value != NULL);
    if (has)
        assert_true(bytes_equal(found, bytes_of_text(value)));
}

/* What a layer does not hold comes from its parent, and from the base at the bottom. */
static void a_read_goes_down_the_stack(void **state)
{
    (void)state;
    struct layer *low = layer_new(NULL, &base);
    struct layer *high = layer_new(low, NULL);
    put_text(low, "a", "low a");
    put_text(low, "b", "low b");
    put_text(high, "b", "high b");
    expect(high, "a", "low a");
    expect(high, "b", "high b");
    expect(high, "below", "from below");
    expect(high, "nowhere", NULL);
    expect(low, "b", "low b");
    layer_free(high);
    layer_free(low);
}

/* One key in two tables, or in a table of the state and one of the indexes, is two entries. */
static void entries_of_different_tables_are_apart(void **state)
{
    (void)state;
    struct layer *l = layer_new(NULL, &base);
    struct bytes key = bytes_of_text("k"), found;
    layer_put(l, STATE_ASSET, key, bytes_of_text("asset"));
    layer_put(l, STATE_KEY, key, bytes_of_text("key"));
    layer_put_index(l, (enum kv_table)STATE_ASSET, key, bytes_of_text("index"));
    expect(l, "k", "asset");
    assert_true(layer_get(l, STATE_KEY, key, &found));
    assert_true(bytes_equal(found, bytes_of_text("key")));
    assert_true(layer_get_index(l, (enum kv_table)STATE_ASSET, key, &found));
    assert_true(bytes_equal(found, bytes_of_text("index")));
    assert_false(layer_get_index(l, KV_TXID, key, &found));
    layer_free(l);
}

/* The hash table grows under many entries and still finds each one, also while entries are
 * superseded and rolled back in between: a model of plain arrays says what must be there. */
static void random_puts_and_rollbacks_agree_with_a_model(void **state)
{
    (void)state;
    enum { KEYS = 300, STEPS = 30000, MARKS = 40 };
    static uint64_t model[KEYS], saved[MARKS][KEYS];
    size_t marks[MARKS], marks_count = 0;
    struct prng p = prng_of(11);
    struct layer *l = layer_new(NULL, &base);
    memset(model, 0, sizeof model);

    for (int step = 0; step < STEPS; step++) {
        uint64_t act = prng_below(&p, 100);
        if (act < 2 && marks_count < MARKS) {
            marks[marks_count] = layer_mark(l);
            memcpy(saved[marks_count++], model, sizeof model);
        } else if (act < 4 && marks_count > 0) {
            layer_rollback(l, marks[--marks_count]);
            memcpy(model, saved[marks_count], sizeof model);
        } else {
            uint64_t key = prng_below(&p, KEYS);
            model[key] = (uint64_t)step + 1;
            layer_put(l, STATE_BALANCE, bytes_of(&key, sizeof key),
                      bytes_of(&model[key], 1 + key % 8));
        }
        uint64_t probe = prng_below(&p, KEYS);
        struct bytes found;
        bool has = layer_get(l, STATE_BALANCE, bytes_of(&probe, sizeof probe), &found);
        assert_int_equal(has, model[probe] != 0);
        if (has)
            assert_true(bytes_equal(found, bytes_of(&model[probe], 1 + probe % 8)));
    }
    layer_free(l);
}

/* Walking the log gives each entry once, with its last value. */
static void the_log_leaves_superseded_entries_out(void **state)
{
    (void)state;
    struct layer *l = layer_new(NULL, &base);
    struct layer_entry e;
    put_text(l, "a", "1");
    put_text(l, "b", "2");
    put_text(l, "a", "3");
    assert_int_equal(layer_log_count(l), 3);
    assert_false(layer_log_at(l, 0, &e));
    assert_true(layer_log_at(l, 1, &e));
    assert_true(layer_log_at(l, 2, &e));
    assert_true(bytes_equal(e.value, bytes_of_text("3")));
    layer_rollback(l, 2);
    assert_true(layer_log_at(l, 0, &e));
    expect(l, "a", "1");
    layer_free(l);
}

/* Merging carries the last values over, and nothing of what was superseded. */
static void a_merge_carries_current_entries(void **state)
{
    (void)state;
    struct layer *low = layer_new(NULL, &base);
    struct layer *high = layer_new(low, NULL);
    put_text(low, "a", "old");
    put_text(high, "a", "newer");
    put_text(high, "a", "newest");
    put_text(high, "c", "c");
    layer_merge(low, high);
    layer_free(high);
    expect(low, "a", "newest");
    expect(low, "c", "c");
    assert_int_equal(layer_log_count(low), 3);
    layer_free(low);
}

/* A log moves to another layer at once, with what was lent from it; the first one is empty, and
 * goes on above it or without it. */
static void a_log_moves_to_a_layer_below(void **state)
{
    (void)state;
    struct layer *top = layer_new(NULL, &base);
    struct layer *above = layer_new(top, NULL);
    struct bytes lent, again;
    put_text(top, "a", "1");
    put_text(top, "b", "2");
    put_text(top, "a", "3");
    assert_true(layer_get(above, STATE_ASSET, bytes_of_text("a"), &lent));
    struct layer *low = layer_new(top, NULL);
    layer_move(low, top);
    assert_int_equal(layer_log_count(top), 0);
    assert_int_equal(layer_log_count(low), 3);
    layer_set_parent(low, NULL);
    layer_set_parent(top, low);
    put_text(top, "b", "4");
    expect(above, "a", "3");
    expect(above, "b", "4");
    expect(above, "below", "from below");
    expect(low, "b", "2");
    assert_true(layer_get(above, STATE_ASSET, bytes_of_text("a"), &again));
    assert_ptr_equal(again.data, lent.data);
    /* What it holds is in the base by now, say: the top one is the lowest again. */
    layer_set_parent(top, NULL);
    layer_free(low);
    expect(above, "a", NULL);
    expect(above, "b", "4");
    expect(above, "below", "from below");
    layer_rollback(top, 0);
    expect(top, "b", NULL);
    layer_free(above);
    layer_free(top);
}

/* A read that the store cannot answer makes the layer fail for good, until it is cleared. */
static void a_failed_read_sticks(void **state)
{
    (void)state;
    struct layer *l = layer_new(NULL, &base);
    below_rc = RC_STORE_DAMAGED;
    expect(l, "x", NULL);
    below_rc = RC_OK;
    expect(l, "below", "from below");
    assert_int_equal(layer_rc(l), RC_STORE_DAMAGED);
    layer_clear(l);
    assert_int_equal(layer_rc(l), RC_OK);
    layer_free(l);
}

/* The largest key and value fit; memory is given back by a rollback. */
static void the_largest_entries_fit(void **state)
{
    (void)state;
    static uint8_t key[KV_KEY_BYTES_MAX], value[STATE_VALUE_BYTES_MAX];
    struct bytes found;
    struct layer *l = layer_new(NULL, &base);
    size_t mark = layer_mark(l), before = layer_bytes(l);
    for (int i = 0; i < 1000; i++) {
        memcpy(key, &i, sizeof i);
        layer_put_index(l, KV_RECORD, bytes_of(key, sizeof key), bytes_of(value, sizeof value));
    }
    assert_true(layer_get_index(l, KV_RECORD, bytes_of(key, sizeof key), &found));
    assert_int_equal(found.size, sizeof value);
    assert_true(layer_bytes(l) > before + 1000 * (sizeof key + sizeof value));
    size_t full = layer_bytes(l);
    layer_rollback(l, mark);
    assert_true(layer_bytes(l) < full - 900 * (sizeof key + sizeof value));
    assert_false(layer_get_index(l, KV_RECORD, bytes_of(key, sizeof key), &found));
    layer_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_read_goes_down_the_stack, start),
        cmocka_unit_test_setup(entries_of_different_tables_are_apart, start),
        cmocka_unit_test_setup(random_puts_and_rollbacks_agree_with_a_model, start),
        cmocka_unit_test_setup(the_log_leaves_superseded_entries_out, start),
        cmocka_unit_test_setup(a_merge_carries_current_entries, start),
        cmocka_unit_test_setup(a_log_moves_to_a_layer_below, start),
        cmocka_unit_test_setup(a_failed_read_sticks, start),
        cmocka_unit_test_setup(the_largest_entries_fit, start),
    };
    return cmocka_run_group_tests_name("layer", tests, NULL, NULL);
}
