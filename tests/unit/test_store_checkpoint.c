/* Checkpoints in a store: which two trees are kept when some stand at quiet heights
 * (PROTOCOL.md 8.1, 8.3), that this is durable, and the certificates that are staged. */
#include <string.h>

#include "crypto/base/prng.h"
#include "tests/help/staged.h"
#include "tests/help/tamper.h"
#include "tests/help/unit.h"

enum { EVERY = 8, END = 64 };

static struct staged t;
static struct store_flush_job *job;

static void open_with(uint64_t layer_bytes_max)
{
    job = NULL;
    staged_open(&t,
                &(struct chain_options){.seed = 7,
                                        .txs_per_block = 2,
                                        .checkpoint_every_heights = EVERY,
                                        .layer_bytes_max = layer_bytes_max},
                END);
}

static int setup(void **state)
{
    (void)state;
    open_with(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_flush_abandon(job);
    staged_close(&t);
    return 0;
}

static void expect_kept(uint64_t older, uint64_t newer)
{
    assert_int_equal(store_kept(t.chain.store)->heights[0], older);
    assert_int_equal(store_kept(t.chain.store)->heights[1], newer);
}

static void go_to(uint64_t height)
{
    staged_append_to(&t, height);
    staged_commit(&t);
    staged_settle(&t);
}

static void keep(uint64_t height)
{
    store_stage_keep(t.chain.store, t.batch, height);
}

/* ---- trees ---- */

static struct tree_ref tree_at(uint64_t height)
{
    struct kv_cursor *c;
    struct bytes key, value;
    struct tree_ref ref;
    assert_int_equal(kv_cursor_open(&c, store_view(t.chain.store), KV_ROOT), RC_OK);
    assert_int_equal(kv_cursor_seek_before(c, tamper_height_key(height + 1), &key, &value), RC_OK);
    kv_cursor_close(c);
    struct rd key_rd = rd_of(key), value_rd = rd_of(value);
    ref.version = rd_be64(&key_rd);
    rd_copy(&value_rd, ref.root.bytes, DIGEST_BYTES);
    return ref;
}

static enum rc pass(void *context, const struct digest *key_hash, uint8_t table, struct bytes key,
                    struct bytes value)
{
    (void)context, (void)key_hash, (void)table, (void)key, (void)value;
    return RC_OK;
}

static enum rc walk(uint64_t height)
{
    struct tree_ref ref = tree_at(height);
    struct why why = {{0}};
    return tree_walk(store_view(t.chain.store), &ref, pass, NULL, &why);
}

/* All trees that are kept are whole, and the one from which the next will grow. */
static void expect_whole(void)
{
    struct certificate stable;
    const uint64_t *kept = store_kept(t.chain.store)->heights;
    if (store_get_stable(t.chain.store, END + 1, &stable, NULL) == RC_OK)
        assert_int_equal(walk(stable.statement.height), RC_OK);
    assert_int_equal(walk(store_flushed_height(t.chain.store)), RC_OK);
    for (int i = 0; i < 2; i++)
        if (kept[i] > 0)
            assert_int_equal(walk(kept[i]), RC_OK);
}

/* ---- quiet heights ---- */

static void a_quiet_head_is_flushed_out_of_turn(void **state)
{
    (void)state;
    struct store *s = t.chain.store;
    staged_append_to(&t, 5);
    staged_commit(&t);
    assert_int_equal(store_flushes_due(s), 0);
    keep(5);
    keep(5); /* asked twice */
    assert_int_equal(store_flushes_due(s), 1);
    assert_true(staged_flush(&t));
    expect_kept(0, 0); /* not before it is durable */
    staged_commit(&t);
    expect_kept(0, 5);
    assert_int_equal(store_flushed_height(s), 5);
    struct digest root;
    const struct tree_ref tree = store_tree(s);
    assert_int_equal(store_get_root(s, 5, &root, NULL), RC_OK);
    assert_true(digest_equal(&root, &tree.root));
    staged_expect_audited(&t); /* which makes the root of a kept height anew */
}

/* 8.3: two are kept, the newest ones, and what only older ones used goes. */
static void the_two_newest_are_kept_and_older_ones_go(void **state)
{
    (void)state;
    go_to(5);
    keep(5);
    go_to(EVERY);
    expect_kept(5, EVERY);
    expect_whole();
    go_to(EVERY + 1);
    keep(EVERY + 1);
    go_to(2 * EVERY - 1);
    expect_kept(EVERY, EVERY + 1);
    assert_int_equal(walk(EVERY), RC_OK);
    assert_int_equal(walk(5), RC_STORE_DAMAGED);
    go_to(2 * EVERY);
    expect_kept(EVERY + 1, 2 * EVERY);
    expect_whole();
    assert_int_equal(walk(EVERY), RC_STORE_DAMAGED);
    go_to(3 * EVERY);
    expect_kept(2 * EVERY, 3 * EVERY);
    assert_int_equal(walk(EVERY + 1), RC_STORE_DAMAGED);
    staged_expect_audited(&t);
}

static void what_is_kept_outlives_a_restart(void **state)
{
    (void)state;
    go_to(5);
    keep(5);
    go_to(11);
    keep(11);
    staged_settle(&t);
    expect_kept(EVERY, 11);
    staged_reopen(&t);
    expect_kept(EVERY, 11);
    go_to(2 * EVERY - 1);
    expect_whole();
    go_to(2 * EVERY);
    expect_kept(11, 2 * EVERY);
    expect_whole();
    staged_reopen(&t);
    expect_kept(11, 2 * EVERY);
    staged_expect_audited(&t);
}

/* Its layer was full, so it was flushed by itself: there is only the record to write. */
static void a_height_that_is_flushed_already_is_kept(void **state)
{
    (void)state;
    struct store *s = t.chain.store;
    staged_close(&t);
    open_with(1);
    s = t.chain.store;
    go_to(EVERY + 3);
    expect_kept(0, EVERY);
    keep(EVERY + 3);
    assert_int_equal(store_flushes_due(s), 0);
    expect_kept(0, EVERY);
    staged_commit(&t);
    expect_kept(EVERY, EVERY + 3);
    keep(EVERY + 3); /* again: nothing is left to be written */
    assert_int_equal(kv_batch_count(t.batch), 0);
    go_to(EVERY + 6);
    expect_kept(EVERY, EVERY + 3);
    expect_whole();
    go_to(2 * EVERY);
    expect_kept(EVERY + 3, 2 * EVERY);
    expect_whole();
    staged_expect_audited(&t);
}

/* Its flush is under way for another reason, computed or staged: that one is enough. */
static void a_height_whose_flush_is_under_way_is_kept(void **state)
{
    (void)state;
    struct why why;
    for (int is_staged = 0; is_staged < 2; is_staged++) {
        staged_close(&t);
        open_with(1);
        struct store *s = t.chain.store;
        staged_append_to(&t, 3);
        staged_commit(&t);
        for (uint64_t height = 1; height <= 2; height++) {
            assert_true(staged_flush(&t));
            staged_commit(&t);
        }
        job = store_flush_begin(s);
        if (!is_staged)
            keep(3);
        store_flush_compute(job);
        assert_int_equal(store_stage_flush(s, t.batch, job, &why), RC_OK);
        job = NULL;
        struct store_mark mark = store_mark(s);
        kv_mem_begin(t.chain.kv, t.batch);
        kv_batch_clear(t.batch);
        if (is_staged)
            keep(3);
        kv_mem_finish(t.chain.kv, true);
        assert_int_equal(store_on_durable(s, &mark, NULL), RC_OK);
        expect_kept(0, is_staged ? 0 : 3);
        staged_commit(&t);
        expect_kept(0, 3);
        assert_int_equal(store_flushes_due(s), 0);
        staged_expect_audited(&t);
    }
}

/* Something followed it and no flush ended there: its tree never was. */
static void a_height_that_was_passed_is_not_kept(void **state)
{
    (void)state;
    staged_append_to(&t, 6);
    keep(5);
    keep(7);
    keep(0);
    assert_int_equal(store_flushes_due(t.chain.store), 0);
    staged_commit(&t);
    expect_kept(0, 0);
    go_to(EVERY + 2);
    keep(5);
    staged_commit(&t);
    expect_kept(0, EVERY);
}

/* ---- the record ---- */

static void put_record(const struct bytes *value)
{
    struct kv_batch *batch = kv_batch_new();
    if (value != NULL)
        kv_batch_put(batch, KV_META, bytes_of_text("kept"), *value);
    else
        kv_batch_delete(batch, KV_META, bytes_of_text("kept"));
    assert_int_equal(kv_commit(t.chain.kv, batch, NULL), RC_OK);
    kv_batch_free(batch);
}

static void put_heights(uint64_t older, uint64_t newer)
{
    uint8_t room[16];
    struct wr w = wr_of(room, sizeof room);
    wr_u64(&w, older);
    wr_u64(&w, newer);
    struct bytes value = wr_bytes_of(&w);
    put_record(&value);
}

/* A store from before there were quiet checkpoints, or that went on without the record. */
static void without_the_record_the_multiples_are_kept(void **state)
{
    (void)state;
    go_to(3 * EVERY + 2);
    put_record(NULL);
    staged_reopen(&t);
    expect_kept(2 * EVERY, 3 * EVERY);
    put_heights(3, 5); /* left behind by others who did not write it */
    staged_reopen(&t);
    expect_kept(2 * EVERY, 3 * EVERY);
    go_to(4 * EVERY);
    expect_kept(3 * EVERY, 4 * EVERY);
    expect_whole();
    staged_expect_audited(&t);
}

static void expect_refused(void)
{
    struct why why = {{0}};
    assert_int_equal(chain_reopen(&t.chain, &why), RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "record of the kept trees"));
}

static void a_record_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct bytes shorter = bytes_of_text("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0");
    go_to(EVERY + 2);
    put_heights(EVERY, EVERY + 1); /* above the flushed height */
    expect_refused();
    put_heights(EVERY, EVERY);
    expect_refused();
    put_heights(EVERY, 3);
    expect_refused();
    put_record(&shorter);
    expect_refused();
    put_heights(0, EVERY);
    staged_reopen(&t);
}

/* ---- certificates ---- */

static void certify(struct certificate *c, uint64_t height, uint32_t first_member)
{
    struct digest digest, root;
    assert_int_equal(store_get_digest(t.chain.store, height, &digest, NULL), RC_OK);
    assert_int_equal(store_get_root(t.chain.store, height, &root, NULL), RC_OK);
    chain_certify(&t.chain, c, CERT_CHECKPOINT, height, &digest, &root, first_member);
}

static void expect_stable(uint64_t height)
{
    struct certificate c;
    enum rc rc = store_get_stable(t.chain.store, END, &c, NULL);
    assert_int_equal(rc, height > 0 ? RC_OK : RC_NOT_FOUND);
    assert_int_equal(c.statement.height, height);
}

/* With the blocks of a batch or by itself, again with other signers, and over restarts, which hold
 * the count of them against the table. */
static void staged_certificates_are_found(void **state)
{
    (void)state;
    struct certificate c, found;
    struct tree_ref tree;
    t.withholds = true;
    go_to(EVERY);
    expect_stable(0);
    certify(&c, EVERY, 0);
    store_stage_checkpoint(t.chain.store, t.batch, &c);
    staged_append_to(&t, EVERY + 2);
    staged_commit(&t);
    certify(&c, EVERY, 1);
    store_stage_checkpoint(t.chain.store, t.batch, &c);
    staged_commit(&t);
    expect_stable(EVERY);
    staged_reopen(&t);
    expect_stable(EVERY);
    keep(EVERY + 2);
    staged_settle(&t);
    certify(&c, EVERY + 2, 2);
    staged_append_to(&t, EVERY + 3);
    store_stage_checkpoint(t.chain.store, t.batch, &c);
    staged_commit(&t);
    staged_reopen(&t);
    expect_stable(EVERY + 2);
    assert_int_equal(store_get_stable(t.chain.store, EVERY + 2, &found, NULL), RC_OK);
    assert_int_equal(found.statement.height, EVERY);
    assert_int_equal(store_get_checkpoint(t.chain.store, &found, &tree, NULL), RC_OK);
    assert_int_equal(found.statement.height, EVERY + 2);
    assert_int_equal(tree.version, EVERY + 2);
    assert_int_equal(store_head(t.chain.store)->height, EVERY + 3);
    staged_expect_audited(&t);
}

/* ---- anything in any order ---- */

struct walker {
    struct prng prng;
    uint64_t asked; /* heights that were asked for and are among the kept by now: counted */
};

static void stage_job(struct walker *w)
{
    struct why why;
    if (job == NULL) {
        job = store_flush_begin(t.chain.store);
        if (job != NULL && prng_below(&w->prng, 2) == 0)
            return; /* held */
    }
    if (job == NULL)
        return;
    store_flush_compute(job);
    assert_int_equal(store_stage_flush(t.chain.store, t.batch, job, &why), RC_OK);
    job = NULL;
}

static void crash(bool lands)
{
    struct store_mark mark = store_mark(t.chain.store);
    struct store_kept kept = *store_kept(t.chain.store);
    kv_mem_begin(t.chain.kv, t.batch);
    kv_mem_finish(t.chain.kv, lands);
    store_flush_abandon(job);
    job = NULL;
    staged_reopen(&t);
    if (lands)
        kept = mark.kept;
    expect_kept(kept.heights[0], kept.heights[1]);
}

/* Blocks, quiet heights, flushes held or not, small layers, certificates that come or not, and
 * restarts: what is kept is whole after every batch, and durable as it was said to be. */
static void kept_trees_are_whole_whatever_comes(void **state)
{
    (void)state;
    struct walker w = {.asked = 0};
    for (uint64_t seed = 1; seed <= 12; seed++) {
        staged_close(&t);
        w.prng = prng_of(seed);
        open_with(seed % 3 == 0 ? 71000 : 0);
        while (store_head(t.chain.store)->height < END) {
            uint64_t height = store_head(t.chain.store)->height + prng_below(&w.prng, 4);
            t.withholds = prng_below(&w.prng, 3) > 0;
            staged_append_to(&t, height < END ? height : END);
            if (prng_below(&w.prng, 4) == 0)
                keep(store_head(t.chain.store)->height);
            stage_job(&w);
            if (prng_below(&w.prng, 8) == 0)
                crash(prng_below(&w.prng, 2) == 0);
            else
                staged_commit(&t);
            w.asked += store_kept(t.chain.store)->heights[1] % EVERY != 0;
            expect_whole();
        }
        store_flush_abandon(job);
        job = NULL;
        staged_settle(&t);
        expect_whole();
        staged_expect_audited(&t);
    }
    assert_true(w.asked > 50);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_quiet_head_is_flushed_out_of_turn),
        T(the_two_newest_are_kept_and_older_ones_go),
        T(what_is_kept_outlives_a_restart),
        T(a_height_that_is_flushed_already_is_kept),
        T(a_height_whose_flush_is_under_way_is_kept),
        T(a_height_that_was_passed_is_not_kept),
        T(without_the_record_the_multiples_are_kept),
        T(a_record_that_cannot_be_is_refused),
        T(staged_certificates_are_found),
        T(kept_trees_are_whole_whatever_comes),
    };
    return cmocka_run_group_tests_name("store_checkpoint", tests, NULL, NULL);
}
