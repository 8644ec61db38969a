/* Walking a state tree, and finding where two differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "tests/help/tree_world.h"

static enum rc stop_at_third(void *context, const struct digest *key_hash, uint8_t table,
                             struct bytes key, struct bytes value)
{
    (void)key_hash, (void)table, (void)key, (void)value;
    int *visits = context;
    return ++*visits == 3 ? RC_INTERRUPTED : RC_OK;
}

/* A visitor that says no ends the walk, with its own code. */
static void walk_refused_by_the_visitor_ends(void **state)
{
    (void)state;
    struct prng p = prng_of(5);
    struct world w;
    int visits = 0;
    tree_world_open(&w);
    tree_world_update_random(&w, 2, &p, 50, 50);
    assert_int_equal(tree_walk(w.view, &w.ref, stop_at_third, &visits, NULL), RC_INTERRUPTED);
    assert_int_equal(visits, 3);
    tree_world_close(&w);
}

/* What tree_compare must say, from the models alone. */
static void assert_difference(const struct tree_difference *is, const struct model *ours,
                              const struct model *theirs)
{
    size_t i = 0, j = 0;
    const struct model_entry *a = NULL, *b = NULL;
    for (;; i++, j++) {
        a = i < ours->count ? ours->entries[i] : NULL;
        b = j < theirs->count ? theirs->entries[j] : NULL;
        if (a == NULL || b == NULL || !digest_equal(&a->key_hash, &b->key_hash) ||
            !bytes_equal(entry_value(a), entry_value(b)))
            break;
    }
    assert_int_equal(is->found, a != NULL || b != NULL);
    if (!is->found)
        return;
    int order = a == NULL ? 1 : b == NULL ? -1 : memcmp(&a->key_hash, &b->key_hash, DIGEST_BYTES);
    const struct model_entry *first = order <= 0 ? a : b;
    assert_int_equal(is->table, first->table);
    assert_true(bytes_equal(is->key, entry_key(first)));
    assert_int_equal(is->ours_has, order <= 0);
    assert_int_equal(is->theirs_has, order >= 0);
    assert_true(bytes_equal(is->ours, order <= 0 ? entry_value(a) : bytes_of(NULL, 0)));
    assert_true(bytes_equal(is->theirs, order >= 0 ? entry_value(b) : bytes_of(NULL, 0)));
}

/* Of two trees with random entries the first difference is found, whatever shapes meet there. */
static void compare_of_random_trees_finds_the_first_difference(void **state)
{
    (void)state;
    struct prng p = prng_of(6);
    unsigned only_one = 0, both = 0;
    for (unsigned round = 0; round < 200; round++) {
        struct world ours, theirs;
        struct tree_difference is;
        struct prng shared = prng_of(round);
        struct prng shared_again = prng_of(round);
        tree_world_open(&ours);
        tree_world_open(&theirs);
        size_t keys = 1 + prng_below(&p, 120);
        tree_world_update_random(&ours, 2, &shared, keys, keys / 2);
        tree_world_update_random(&theirs, 2, &shared_again, keys, keys / 2);
        for (uint64_t version = 3; version < 3 + round % 4; version++)
            tree_world_update_random(&ours, version, &p, keys, prng_below(&p, 2));
        for (uint64_t version = 3; version < 3 + round % 3; version++)
            tree_world_update_random(&theirs, version, &p, keys, prng_below(&p, 3) % (keys + 1));
        assert_int_equal(tree_compare(&is, ours.view, &ours.ref, theirs.view, &theirs.ref), RC_OK);
        assert_difference(&is, &ours.model, &theirs.model);
        only_one += is.found && is.ours_has != is.theirs_has;
        both += is.found && is.ours_has && is.theirs_has;
        tree_world_close(&ours);
        tree_world_close(&theirs);
    }
    assert_true(only_one > 20);
    assert_true(both > 20);
}

/* Against an entry alone, a subtree that hides a second one below it is told apart. */
static void compare_of_a_leaf_with_a_subtree_finds_the_other_entry(void **state)
{
    (void)state;
    struct world ours, theirs;
    struct tree_difference is;
    tree_world_open(&ours);
    tree_world_open(&theirs);
    tree_world_set(&ours, 2, "deep-2522", "1");
    tree_world_set(&theirs, 2, "deep-2522", "1");
    assert_int_equal(tree_compare(&is, ours.view, &ours.ref, theirs.view, &theirs.ref), RC_OK);
    assert_false(is.found);
    tree_world_set(&theirs, 3, "deep-234932", "1");
    assert_int_equal(tree_compare(&is, ours.view, &ours.ref, theirs.view, &theirs.ref), RC_OK);
    assert_difference(&is, &ours.model, &theirs.model);
    assert_true(is.found);
    assert_int_equal(tree_compare(&is, theirs.view, &theirs.ref, ours.view, &ours.ref), RC_OK);
    assert_difference(&is, &theirs.model, &ours.model);
    assert_true(is.found);
    tree_world_close(&ours);
    tree_world_close(&theirs);
}

/* Subtrees of equal hash are not entered: with all their nodes gone the answer is the same. */
static void compare_enters_no_equal_subtree(void **state)
{
    (void)state;
    struct prng p = prng_of(7);
    struct world w;
    struct tree_difference is;
    tree_world_open(&w);
    tree_world_update_random(&w, 2, &p, 400, 400);
    struct tree_ref before = w.ref;
    struct model model_before = model_copy(&w.model);
    tree_world_set(&w, 3, "key-123", "changed");
    size_t count, old_kept = 0;
    struct pair *nodes = tree_world_pairs(&w, KV_TREE, &count);
    for (size_t i = 0; i < count; i++) { /* keep version 3 and those that it replaced */
        uint8_t stale[8 + 41] = {0, 0, 0, 0, 0, 0, 0, 3};
        struct bytes value;
        memcpy(stale + 8, nodes[i].key.data, nodes[i].key.size);
        bool replaced =
            kv_get(w.view, KV_STALE, bytes_of(stale, 8 + nodes[i].key.size), &value) == RC_OK;
        old_kept += replaced;
        if (nodes[i].key.data[7] == 2 && !replaced)
            tree_world_delete_raw(&w, KV_TREE, nodes[i].key);
    }
    assert_true(old_kept >= 2);
    assert_true(count > 20 + 2 * old_kept);
    assert_int_equal(tree_compare(&is, w.view, &before, w.view, &w.ref), RC_OK);
    assert_difference(&is, &model_before, &w.model);
    assert_true(bytes_equal(is.key, bytes_of_text("key-123")));
    pairs_free(nodes, count);
    model_free(&model_before);
    tree_world_close(&w);
}

static int start(void **state)
{
    (void)state;
    return crypto_start(NULL) == RC_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk_refused_by_the_visitor_ends),
        cmocka_unit_test(compare_of_random_trees_finds_the_first_difference),
        cmocka_unit_test(compare_of_a_leaf_with_a_subtree_finds_the_other_entry),
        cmocka_unit_test(compare_enters_no_equal_subtree),
    };
    return cmocka_run_group_tests_name("tree_walk", tests, start, NULL);
}
