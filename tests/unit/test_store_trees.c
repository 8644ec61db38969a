/* Which state trees outlive newer ones (PROTOCOL.md 8.3, 9.3): the one that a quorum certified
 * last, whoever withholds CHECKPOINTs since, and one of which pieces are taken; and that no more is
 * kept than these need. */
#include <string.h>

#include "ledger/store_intake.h"
#include "tests/help/staged.h"
#include "tests/help/tamper.h"
#include "tests/help/unit.h"

enum { EVERY = 8, END = 80 };

static struct staged t;
static struct store_flush_job *job;

static int setup(void **state)
{
    (void)state;
    job = NULL;
    staged_open(
        &t,
        &(struct chain_options){.seed = 11, .txs_per_block = 2, .checkpoint_every_heights = EVERY},
        END);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_flush_abandon(job);
    staged_close(&t);
    return 0;
}

static void go_to(uint64_t height)
{
    staged_append_to(&t, height);
    staged_commit(&t);
    staged_settle(&t);
}

/* Its certificate comes late, when the chain has gone on. */
static void certify(uint64_t height)
{
    struct certificate c;
    assert_int_equal(store_get_stable(t.sound.store, height + 1, &c, NULL), RC_OK);
    assert_int_equal(c.statement.height, height);
    store_stage_checkpoint(t.chain.store, t.batch, &c);
    staged_commit(&t);
}

static enum rc pass(void *context, const struct digest *key_hash, uint8_t table, struct bytes key,
                    struct bytes value)
{
    (void)context, (void)key_hash, (void)table, (void)key, (void)value;
    return RC_OK;
}

/* The tree is given to whoever asks for it, and whole. */
static bool is_given(uint64_t height)
{
    struct certificate c;
    struct tree_ref tree;
    struct why why = {{0}};
    assert_int_equal(store_get_stable(t.sound.store, height + 1, &c, NULL), RC_OK);
    assert_int_equal(c.statement.height, height);
    if (store_get_kept_tree(t.chain.store, height, &c.statement.state_root, &tree, &why) != RC_OK)
        return false;
    assert_int_equal(tree_walk(store_view(t.chain.store), &tree, pass, NULL, &why), RC_OK);
    return true;
}

/* The lowest height whose flush replaced something that is there still; END + 1: nothing is. */
static uint64_t oldest_stale(void)
{
    struct kv_cursor *c;
    struct bytes key, value;
    assert_int_equal(kv_cursor_open(&c, store_view(t.chain.store), KV_STALE), RC_OK);
    enum rc rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value);
    struct rd r = rd_of(key);
    uint64_t height = rc == RC_OK ? rd_be64(&r) : END + 1;
    kv_cursor_close(c);
    return height;
}

/* ---- stable ---- */

/* One member withholds its CHECKPOINTs and another has no state: nothing is certified any more, and
 * the last certified state is all that the other can take. */
static void the_certified_tree_stays_until_a_newer_one_is_certified(void **state)
{
    (void)state;
    struct certificate found;
    struct tree_ref tree;
    go_to(2 * EVERY);
    t.withholds = true;
    for (uint64_t height = 3 * EVERY; height <= 7 * EVERY; height += EVERY) {
        go_to(height - 3);
        store_stage_keep(t.chain.store, t.batch, height - 3); /* quiet, and as little certified */
        go_to(height);
        assert_true(is_given(2 * EVERY));
    }
    assert_int_equal(store_kept(t.chain.store)->heights[0], 7 * EVERY - 3);
    assert_false(is_given(EVERY));
    assert_int_equal(store_get_checkpoint(t.chain.store, &found, &tree, NULL), RC_OK);
    assert_int_equal(found.statement.height, 2 * EVERY); /* and proofs are made against it */
    staged_expect_audited(&t);
    staged_reopen(&t);
    assert_true(is_given(2 * EVERY));
    go_to(8 * EVERY);
    assert_true(is_given(2 * EVERY));
    certify(7 * EVERY);
    assert_false(is_given(2 * EVERY)); /* the next flush drops it */
    assert_true(is_given(7 * EVERY));
    go_to(9 * EVERY);
    assert_true(is_given(7 * EVERY));
    staged_expect_audited(&t);
}

/* 8: genesis is stable. Whatever is certified first, somebody may know of it before this store. */
static void before_the_first_certificate_all_trees_stay(void **state)
{
    (void)state;
    t.withholds = true;
    go_to(6 * EVERY);
    for (uint64_t height = EVERY; height <= 6 * EVERY; height += EVERY)
        assert_true(is_given(height));
    staged_expect_audited(&t);
}

/* Also those between the certified one and the two newest: a certificate of one of them may be with
 * somebody else alone, who takes it. */
static void trees_above_the_certified_one_stay(void **state)
{
    (void)state;
    go_to(EVERY);
    t.withholds = true;
    go_to(6 * EVERY);
    for (uint64_t height = EVERY; height <= 6 * EVERY; height += EVERY)
        assert_true(is_given(height));
}

/* The bound: what states changed since the certified one, nothing older; and once a newer one is
 * certified, all that was kept for it goes. */
static void no_more_is_kept_than_changed_since(void **state)
{
    (void)state;
    go_to(2 * EVERY);
    t.withholds = true;
    go_to(7 * EVERY);
    assert_int_equal(oldest_stale(), 3 * EVERY);
    t.withholds = false;
    go_to(9 * EVERY);
    assert_int_equal(oldest_stale(), 9 * EVERY);
    go_to(END);
    staged_expect_same(&t); /* as a store that was told of every certificate */
}

/* A flush that began before the certificate came goes by the older one. */
static void a_flush_under_way_drops_nothing_that_is_certified_meanwhile(void **state)
{
    (void)state;
    go_to(EVERY);
    t.withholds = true;
    go_to(3 * EVERY);
    staged_append_to(&t, 4 * EVERY);
    staged_commit(&t);
    job = store_flush_begin(t.chain.store);
    assert_non_null(job);
    store_flush_compute(job);
    certify(2 * EVERY);
    assert_int_equal(store_stage_flush(t.chain.store, t.batch, job, NULL), RC_OK);
    job = NULL;
    staged_commit(&t);
    assert_true(is_given(2 * EVERY));
    go_to(6 * EVERY);
    assert_true(is_given(2 * EVERY));
    staged_expect_audited(&t);
}

/* ---- held ---- */

static void a_held_tree_stays_until_it_is_let_go(void **state)
{
    (void)state;
    struct store *s = t.chain.store;
    go_to(3 * EVERY);
    assert_false(store_hold_trees(s, EVERY)); /* too late */
    assert_true(store_hold_trees(s, 2 * EVERY));
    go_to(6 * EVERY);
    assert_true(is_given(2 * EVERY));
    assert_false(store_hold_trees(s, 2 * EVERY - 1));
    staged_expect_audited(&t);
    store_let_trees_go(s);
    assert_false(is_given(2 * EVERY));
    go_to(7 * EVERY);
    assert_int_equal(oldest_stale(), 7 * EVERY);
    staged_expect_audited(&t);
}

/* Its flush is under way, and drops the tree. */
static void what_a_flush_drops_already_cannot_be_held(void **state)
{
    (void)state;
    go_to(2 * EVERY);
    staged_append_to(&t, 3 * EVERY);
    staged_commit(&t);
    job = store_flush_begin(t.chain.store);
    assert_non_null(job);
    assert_true(is_given(EVERY));
    assert_false(store_hold_trees(t.chain.store, EVERY));
    assert_true(store_hold_trees(t.chain.store, 2 * EVERY));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_certified_tree_stays_until_a_newer_one_is_certified),
        T(before_the_first_certificate_all_trees_stay),
        T(trees_above_the_certified_one_stay),
        T(no_more_is_kept_than_changed_since),
        T(a_flush_under_way_drops_nothing_that_is_certified_meanwhile),
        T(a_held_tree_stays_until_it_is_let_go),
        T(what_a_flush_drops_already_cannot_be_held),
    };
    return cmocka_run_group_tests_name("store_trees", tests, NULL, NULL);
}
