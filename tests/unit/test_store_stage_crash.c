/* A node that stops with a batch on its way: the batch is in the store whole or not at all, and
 * from either the chain goes on to the same end. */
#include "tests/help/unit.h"

#include <string.h>

#include "ledger/store_impl.h"
#include "tests/help/audited.h"
#include "tests/help/staged.h"

enum { EVERY = 4, END = 40, AHEAD = 6, BATCHES_MAX = 90 };

/* The one proposed that gets committed, and the other one of its height. */
struct known {
    bool block[END + 1];
    bool sibling[END + 1];
};

struct run {
    struct staged t;
    struct known known; /* proposals in the store and the batches */
    uint32_t batches_count;
    uint32_t flushes_due_max;
    /* Flushes are computed beside: begun with one batch, staged with a later one. */
    bool is_beside;
    struct store_flush_job *job;
};

static void start_run(struct run *r, bool is_beside)
{
    memset(r, 0, sizeof *r);
    r->is_beside = is_beside;
    staged_open(&r->t,
                &(struct chain_options){.seed = 5,
                                        .txs_per_block = 2,
                                        .checkpoint_every_heights = EVERY,
                                        .certificate_every_heights = 3},
                END);
}

/* ---- filling a batch ---- */

static void propose(struct run *r, uint64_t height)
{
    struct staged *t = &r->t;
    struct block block;
    struct buf room = {0};
    if (height > END || r->known.block[height])
        return;
    staged_block(t, height, &block);
    store_stage_proposal(t->chain.store, t->batch, &block);
    r->known.block[height] = true;
    if (height % 3 == 0) {
        staged_sibling(t, height, &room, &block);
        store_stage_proposal(t->chain.store, t->batch, &block);
        r->known.sibling[height] = true;
    }
    buf_free(&room);
}

static void commit_next(struct run *r)
{
    struct staged *t = &r->t;
    uint64_t height = store_head(t->chain.store)->height + 1;
    struct block sibling;
    struct buf room = {0};
    if (height > END)
        return;
    if (r->known.sibling[height]) {
        staged_sibling(t, height, &room, &sibling);
        store_stage_proposal_drop(t->batch, height, &sibling.digest);
        r->known.sibling[height] = false;
    }
    if (r->known.block[height])
        staged_append_proposed(t);
    else
        staged_append(t);
    r->known.block[height] = false;
    buf_free(&room);
}

/* It is computed early or late, and held over batches in between. */
static void flush_beside(struct run *r, uint32_t step)
{
    struct store *s = r->t.chain.store;
    struct why why;
    if (r->job == NULL) {
        r->job = store_flush_begin(s);
        if (r->job != NULL && step % 2 == 0)
            store_flush_compute(r->job);
        return;
    }
    if (step % 3 != 0)
        return;
    if (!r->job->is_computed)
        store_flush_compute(r->job);
    assert_int_equal(store_stage_flush(s, r->t.batch, r->job, &why), RC_OK);
    r->job = NULL;
}

/* Proposals, some blocks, and at times a flush: fewer flushes than become due, up to the end. */
static void fill(struct run *r)
{
    static const uint64_t commits[] = {1, 0, 3, 9, 0, 2, 5};
    struct store *s = r->t.chain.store;
    uint64_t head = store_head(s)->height;
    uint32_t step = r->batches_count++;
    for (uint64_t height = head + 1; height <= head + AHEAD && step % 4 != 3; height++)
        propose(r, height);
    for (uint64_t i = 0; i < commits[step % 7]; i++)
        commit_next(r);
    if (store_flushes_due(s) > r->flushes_due_max)
        r->flushes_due_max = store_flushes_due(s);
    if (r->is_beside)
        flush_beside(r, step);
    else if (step % 3 == 2 || store_head(s)->height == END)
        (void)staged_flush(&r->t);
}

/* ---- stopping ---- */

static enum rc note_proposal(void *context, const struct block *block)
{
    struct run *r = context;
    struct block wanted;
    staged_block(&r->t, block->header.height, &wanted);
    if (digest_equal(&wanted.digest, &block->digest))
        r->known.block[block->header.height] = true;
    else
        r->known.sibling[block->header.height] = true;
    return RC_OK;
}

/* Open the store anew: it stands where this mark says, and knows these proposals. */
static void reopen(struct run *r, const struct store_mark *expected, const struct known *known)
{
    struct store *s;
    struct block block;
    store_flush_abandon(r->job); /* it was under way, or not yet staged: it never was */
    r->job = NULL;
    staged_reopen(&r->t);
    s = r->t.chain.store;
    assert_int_equal(store_head(s)->height, expected->height);
    assert_int_equal(store_flushed_height(s), expected->flushed_height);
    assert_int_equal(store_flushes_due(s),
                     expected->height / EVERY - expected->flushed_height / EVERY);
    assert_memory_equal(store_kept(s), &expected->kept, sizeof expected->kept);
    if (expected->height > 0) {
        staged_block(&r->t, expected->height, &block);
        assert_true(digest_equal(store_head_digest(s), &block.digest));
    }
    memset(&r->known, 0, sizeof r->known);
    assert_int_equal(store_proposals(s, note_proposal, NULL, r, NULL), RC_OK);
    assert_memory_equal(&r->known, known, sizeof *known);
    struct audit_report report;
    assert_int_equal(audited_run_open(&r->t.chain, 1, &report), RC_OK);
}

static bool is_done(const struct run *r)
{
    return store_head(r->t.chain.store)->height == END && store_flushes_due(r->t.chain.store) == 0;
}

/* Run to the end, always one batch on its way and the next one being filled; when the batch of this
 * number is on its way, stop, with it in the store or not, and go on from there. */
static void run_stopping_at(struct run *r, uint32_t stop_at, bool lands)
{
    struct store_mark durable = {0};
    struct known durable_known = {0};
    fill(r);
    while (!is_done(r)) {
        assert_in_range(r->batches_count, 0, BATCHES_MAX);
        struct store_mark mark = store_mark(r->t.chain.store);
        struct known known = r->known;
        bool stops = r->batches_count == stop_at;
        kv_mem_begin(r->t.chain.kv, r->t.batch);
        kv_batch_clear(r->t.batch);
        fill(r);
        kv_mem_finish(r->t.chain.kv, !stops || lands);
        if (!stops) {
            assert_int_equal(store_on_durable(r->t.chain.store, &mark, NULL), RC_OK);
        } else {
            reopen(r, lands ? &mark : &durable, lands ? &known : &durable_known);
            fill(r);
        }
        if (!stops || lands) {
            durable = mark;
            durable_known = known;
        }
    }
    staged_commit(&r->t);
}

static void stop_at_each(bool is_beside)
{
    static struct run r;
    uint32_t batches_count = BATCHES_MAX;
    for (uint32_t at = 0; at <= 2 * batches_count; at++) {
        start_run(&r, is_beside);
        run_stopping_at(&r, at / 2, at % 2 == 0); /* the first two stop nowhere */
        if (at == 0) {
            batches_count = r.batches_count - 1; /* those that were on their way */
            assert_true(batches_count > 20);
            assert_true(r.flushes_due_max > 3);
        }
        staged_expect_same(&r.t);
        staged_expect_audited(&r.t);
        staged_close(&r.t);
    }
}

static void a_batch_on_its_way_is_there_whole_or_not_at_all(void **state)
{
    (void)state;
    stop_at_each(false);
}

static void so_it_is_with_flushes_under_way_beside_it(void **state)
{
    (void)state;
    stop_at_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_on_its_way_is_there_whole_or_not_at_all),
        cmocka_unit_test(so_it_is_with_flushes_under_way_beside_it),
    };
    return cmocka_run_group_tests_name("store_stage_crash", tests, NULL, NULL);
}
