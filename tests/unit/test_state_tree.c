/* The state tree against its model: updates, reads, old versions, dropping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "tests/help/tree_world.h"

static enum rc get(struct world *w, const char *key, struct bytes *value)
{
    return tree_get(w->view, &w->ref, TREE_VERIFY, STATE_BALANCE, bytes_of_text(key), value);
}

/* The empty tree has the root of a node without children, and says itself that nothing is there. */
static void tree_without_entries_says_not_found(void **state)
{
    (void)state;
    struct world w;
    tree_world_open(&w);
    struct digest empty, by_hand;
    struct bytes value;
    tree_empty_root(&empty);
    digest_of(&by_hand, TAG_STATE_NODE, bytes_of("\0\0", 2));
    assert_true(digest_equal(&empty, &by_hand));
    assert_true(digest_equal(&empty, &w.ref.root));
    assert_int_equal(get(&w, "anything", &value), RC_NOT_FOUND);
    assert_int_equal(tree_world_count(&w, KV_TREE), 1);
    assert_int_equal(tree_world_count(&w, KV_ROOT), 1);
    assert_tree_is_model(w.view, &w.ref, &w.model);
    struct kv_batch *b = kv_batch_new();
    kv_batch_delete(b, KV_TREE, (struct bytes){(const uint8_t *)"\0\0\0\0\0\0\0\1\0", 9});
    tree_world_commit(&w, b);
    kv_batch_free(b);
    assert_int_equal(get(&w, "anything", &value), RC_STORE_DAMAGED);
    tree_world_close(&w);
}

/* Random updates of every size give the root that the definition gives, and every entry back. */
static void update_random_changes_matches_the_definition(void **state)
{
    (void)state;
    struct prng p = prng_of(1);
    struct world w;
    tree_world_open(&w);
    static const size_t counts[] = {1, 1, 1, 2, 3, 17, 200, 1, 1500, 5, 100, 1};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        tree_world_update_random(&w, 2 + i * 3, &p, 2000, counts[i]);
        assert_int_equal(w.ref.version, 2 + i * 3);
        assert_tree_is_model(w.view, &w.ref, &w.model);
    }
    assert_true(w.model.count > 1500);
    for (unsigned i = 0; i < 300; i++) {
        char key[32];
        struct bytes value;
        snprintf(key, sizeof key, "absent-%u", i);
        assert_int_equal(get(&w, key, &value), RC_NOT_FOUND);
        assert_int_equal(
            tree_get(w.view, &w.ref, TREE_TRUST, STATE_BALANCE, bytes_of_text(key), &value),
            RC_NOT_FOUND);
    }
    tree_world_close(&w);
}

/* The entry of KV_ROOT under an update's version is the root that the update gave. */
static void update_with_changes_stores_the_root(void **state)
{
    (void)state;
    struct world w;
    tree_world_open(&w);
    tree_world_set(&w, 0x102, "a", "1");
    struct bytes root;
    assert_int_equal(kv_get(w.view, KV_ROOT, bytes_of("\0\0\0\0\0\0\1\2", 8), &root), RC_OK);
    assert_true(bytes_equal(root, bytes_of(w.ref.root.bytes, DIGEST_BYTES)));
    tree_world_close(&w);
}

/* The same entries, in any order and split into any number of updates, give one root. */
static void update_in_any_order_and_split_gives_one_root(void **state)
{
    (void)state;
    enum { ENTRIES = 300 };
    static char keys[ENTRIES][16];
    struct tree_change all[ENTRIES];
    struct prng p = prng_of(2);
    struct digest first = {0};
    for (size_t i = 0; i < ENTRIES; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        all[i] = (struct tree_change){.table = (uint8_t)(1 + i % 5)};
        all[i].key = all[i].value = bytes_of_text(keys[i]);
    }
    for (unsigned round = 0; round < 12; round++) {
        struct world w;
        tree_world_open(&w);
        for (size_t i = ENTRIES; i > 1; i--) { /* shuffled by Fisher and Yates */
            size_t j = prng_below(&p, i);
            struct tree_change swapped = all[i - 1];
            all[i - 1] = all[j];
            all[j] = swapped;
        }
        uint64_t version = 2;
        for (size_t at = 0; at < ENTRIES;) {
            size_t count = 1 + prng_below(&p, round == 0 ? 1 : ENTRIES - at);
            struct tree_change some[ENTRIES];
            memcpy(some, all + at, count * sizeof *some);
            tree_world_update(&w, version++, some, count);
            at += count;
        }
        if (round == 0)
            first = w.ref.root;
        assert_true(digest_equal(&first, &w.ref.root));
        assert_int_equal(w.model.count, ENTRIES);
        tree_world_close(&w);
    }
}

/* Setting what is set already adds nothing and keeps the version; so do no changes at all. */
static void update_to_the_same_values_adds_nothing(void **state)
{
    (void)state;
    struct world w;
    tree_world_open(&w);
    struct tree_change same[40];
    char keys[40][8];
    for (size_t i = 0; i < 40; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        same[i] = (struct tree_change){.table = STATE_ASSET, .key = bytes_of_text(keys[i])};
        same[i].value = bytes_of_text("v");
    }
    tree_world_update(&w, 2, same, 40);
    struct tree_ref after;
    struct kv_batch *b = kv_batch_new();
    assert_int_equal(tree_update(&after, b, w.view, &w.ref, 3, same, 40), RC_OK);
    assert_int_equal(kv_batch_count(b), 0);
    assert_int_equal(after.version, 2);
    assert_true(digest_equal(&after.root, &w.ref.root));
    assert_int_equal(tree_update(&after, b, w.view, &w.ref, 3, NULL, 0), RC_OK);
    assert_int_equal(kv_batch_count(b), 0);
    assert_int_equal(after.version, 2);

    /* One that differs among them costs what it would cost alone. */
    same[7].value = bytes_of_text("w");
    struct tree_change alone = same[7];
    struct kv_batch *single = kv_batch_new();
    assert_int_equal(tree_update(&after, b, w.view, &w.ref, 3, same, 40), RC_OK);
    assert_int_equal(tree_update(&after, single, w.view, &w.ref, 3, &alone, 1), RC_OK);
    assert_true(kv_batch_count(single) >= 3);
    assert_int_equal(kv_batch_count(b), kv_batch_count(single));
    kv_batch_free(single);
    kv_batch_free(b);
    tree_world_close(&w);
}

/* Keys and values of zero bytes and of the most bytes there may be are kept like all others. */
static void update_with_extreme_sizes_is_kept(void **state)
{
    (void)state;
    struct world w;
    uint8_t key[STATE_KEY_BYTES_MAX], value[STATE_VALUE_BYTES_MAX];
    memset(key, 'k', sizeof key);
    memset(value, 'v', sizeof value);
    tree_world_open(&w);
    struct tree_change c[3] = {{.table = 1, .key = bytes_of(key, sizeof key)},
                               {.table = 2, .value = bytes_of(value, sizeof value)},
                               {.table = 1}};
    c[0].value = c[1].value;
    tree_world_update(&w, 2, c, 3);
    assert_tree_is_model(w.view, &w.ref, &w.model);
    tree_world_close(&w);
}

/* One key in two tables is two entries. */
static void update_of_one_key_in_two_tables_keeps_both(void **state)
{
    (void)state;
    struct world w;
    tree_world_open(&w);
    struct tree_change c[2] = {{.table = STATE_KEY, .key = bytes_of_text("x")},
                               {.table = STATE_ASSET, .key = bytes_of_text("x")}};
    c[0].value = bytes_of_text("in keys");
    c[1].value = bytes_of_text("in assets");
    tree_world_update(&w, 2, c, 2);
    assert_int_equal(w.model.count, 2);
    assert_tree_is_model(w.view, &w.ref, &w.model);
    tree_world_close(&w);
}

/* Keys found by search whose hashes share their first 8, 6 and 5 nibbles push each other down. */
static void update_with_colliding_keys_goes_deep(void **state)
{
    (void)state;
    static const char *const keys[] = {"deep-2522",   "deep-234932", "deep-114688",
                                       "deep-274816", "deep-160125", "deep-33127",
                                       "deep-337890", "deep-81579",  "deep-40400"};
    enum { KEYS = sizeof keys / sizeof *keys };
    for (size_t turn = 0; turn < KEYS; turn++) { /* whichever comes first */
        struct world w;
        tree_world_open(&w);
        for (size_t i = 0; i < KEYS; i++) {
            tree_world_set(&w, 2 + i, keys[(turn + i) % KEYS], "1");
            assert_tree_is_model(w.view, &w.ref, &w.model);
        }
        const struct model_entry *a = model_find(&w.model, STATE_BALANCE, bytes_of_text(keys[0]));
        const struct model_entry *b = model_find(&w.model, STATE_BALANCE, bytes_of_text(keys[1]));
        assert_memory_equal(a->key_hash.bytes, b->key_hash.bytes, 4);
        uint64_t deepest = 0;
        size_t count;
        struct pair *nodes = tree_world_pairs(&w, KV_TREE, &count);
        for (size_t i = 0; i < count; i++)
            deepest = nodes[i].key.data[8] > deepest ? nodes[i].key.data[8] : deepest;
        assert_int_equal(deepest, 8);
        pairs_free(nodes, count);
        tree_world_close(&w);
    }
}

/* Every version reads whole until it is dropped. */
static void version_that_is_old_stays_readable(void **state)
{
    (void)state;
    enum { VERSIONS = 12 };
    struct prng p = prng_of(3);
    struct world w;
    struct tree_ref refs[VERSIONS];
    struct model models[VERSIONS];
    tree_world_open(&w);
    for (size_t i = 0; i < VERSIONS; i++) {
        tree_world_update_random(&w, 10 * (i + 1), &p, 150, 1 + prng_below(&p, 40));
        refs[i] = w.ref;
        models[i] = model_copy(&w.model);
        for (size_t j = 0; j <= i; j++)
            assert_tree_is_model(w.view, &refs[j], &models[j]);
    }
    for (size_t i = 0; i < VERSIONS; i++)
        model_free(&models[i]);
    tree_world_close(&w);
}

static size_t drop_all(struct world *w, uint64_t oldest_kept, size_t nodes_max)
{
    size_t all = 0, dropped = nodes_max;
    struct kv_batch *b = kv_batch_new();
    while (dropped == nodes_max) {
        kv_batch_clear(b);
        assert_int_equal(tree_drop_stale(b, w->view, oldest_kept, nodes_max, &dropped), RC_OK);
        assert_true(dropped <= nodes_max);
        assert_int_equal(kv_batch_count(b), 2 * dropped);
        tree_world_commit(w, b);
        all += dropped;
    }
    kv_batch_free(b);
    return all;
}

/* Dropping keeps every version from oldest_kept on whole, and once only the last is kept the store
 * holds just the nodes that its definition counts: nothing leaks and nothing is missing. */
static void drop_stale_leaves_exactly_what_is_kept(void **state)
{
    (void)state;
    enum { VERSIONS = 20 };
    struct prng p = prng_of(4);
    struct world w;
    struct tree_ref refs[VERSIONS];
    struct model models[VERSIONS];
    tree_world_open(&w);
    for (size_t i = 0; i < VERSIONS; i++) {
        tree_world_update_random(&w, 2 + i, &p, 300, 1 + prng_below(&p, 60));
        refs[i] = w.ref;
        models[i] = model_copy(&w.model);
    }
    for (size_t kept = 0; kept < VERSIONS; kept++) {
        drop_all(&w, refs[kept].version, 1 + prng_below(&p, 30));
        for (size_t i = kept; i < VERSIONS; i += 3)
            assert_tree_is_model(w.view, &refs[i], &models[i]);
        struct bytes value; /* the version before has lost its top node at least */
        if (kept > 0)
            assert_int_equal(tree_get(w.view, &refs[kept - 1], TREE_TRUST, STATE_BALANCE,
                                      bytes_of_text("key-1"), &value),
                             RC_STORE_DAMAGED);
        model_free(&models[kept]);
    }
    size_t nodes;
    model_root(&w.model, &nodes);
    assert_int_equal(tree_world_count(&w, KV_TREE), nodes);
    assert_int_equal(tree_world_count(&w, KV_STALE), 0);
    assert_tree_is_model(w.view, &w.ref, &w.model);
    assert_int_equal(drop_all(&w, UINT64_MAX, 5), 0);
    tree_world_close(&w);
}

/* Dropping reads what to delete from the store, and so judges it. */
static void drop_stale_with_a_bad_entry_is_damage(void **state)
{
    (void)state;
    static const struct bytes bad[] = {
        {(const uint8_t *)"\0\0\0\0\0\0\0\2", 8},                        /* no node */
        {(const uint8_t *)"\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\1\0\0", 19}, /* left over */
        {(const uint8_t *)"\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\1\x15", 18}, /* low nibble */
        {(const uint8_t *)"\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\2\1\x10", 18}, /* not older */
        {(const uint8_t *)"\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\2", 17},     /* short path */
        {(const uint8_t *)"\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\x40"
                          "0123456789abcdef0123456789abcdef",
         49}, /* too deep */
    };
    static const struct bytes good = {(const uint8_t *)"\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\1\x10",
                                      18};
    enum { BAD = sizeof bad / sizeof *bad };
    for (size_t i = 0; i <= BAD; i++) { /* the last: a good key, but a value where none belongs */
        struct world w;
        struct kv_batch *b = kv_batch_new();
        size_t dropped;
        tree_world_open(&w);
        tree_world_put_raw(&w, KV_STALE, i < BAD ? bad[i] : good, bytes_of("x", i == BAD));
        assert_int_equal(tree_drop_stale(b, w.view, 9, 10, &dropped), RC_STORE_DAMAGED);
        kv_batch_free(b);
        tree_world_close(&w);
    }
}

static int start(void **state)
{
    (void)state;
    return crypto_start(NULL) == RC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree_without_entries_says_not_found),
        cmocka_unit_test(update_random_changes_matches_the_definition),
        cmocka_unit_test(update_with_changes_stores_the_root),
        cmocka_unit_test(update_in_any_order_and_split_gives_one_root),
        cmocka_unit_test(update_to_the_same_values_adds_nothing),
        cmocka_unit_test(update_with_extreme_sizes_is_kept),
        cmocka_unit_test(update_of_one_key_in_two_tables_keeps_both),
        cmocka_unit_test(update_with_colliding_keys_goes_deep),
        cmocka_unit_test(version_that_is_old_stays_readable),
        cmocka_unit_test(drop_stale_leaves_exactly_what_is_kept),
        cmocka_unit_test(drop_stale_with_a_bad_entry_is_damage),
    };
    return cmocka_run_group_tests_name("state_tree", tests, start, NULL);
}
