#include "tests/help/snapshot_world.h"

#include <string.h>

#include "crypto/base/check.h"
#include "tests/help/unit.h"

/* ---- opening, closing, crashing ---- */

void snapshot_world_open(struct snapshot_world *w, const struct chain_options *options,
                         uint32_t blocks_count)
{
    snapshot_world_open_on(w, options, blocks_count, kv_mem_new());
}

void snapshot_world_open_on(struct snapshot_world *w, const struct chain_options *options,
                            uint32_t blocks_count, struct kv *kv)
{
    *w = (struct snapshot_world){.piece_bytes_max = 500, .prng = prng_of(options->seed + 77)};
    staged_open_on(&w->t, options, blocks_count, kv);
    if (blocks_count >= w->t.sound.options.checkpoint_every_heights)
        snapshot_world_aim(w);
}

void snapshot_world_close(struct snapshot_world *w)
{
    snapshot_intake_close(w->intake);
    staged_close(&w->t);
}

void snapshot_world_reopen(struct snapshot_world *w)
{
    struct why why = {{0}};
    snapshot_intake_close(w->intake);
    staged_reopen(&w->t);
    enum rc rc = snapshot_intake_open(&w->intake, w->t.chain.store, &why);
    assert_true(rc == RC_OK || rc == RC_NOT_FOUND);
    assert_int_equal(rc == RC_OK, store_is_taking_snapshot(w->t.chain.store));
}

bool snapshot_world_commit(struct snapshot_world *w)
{
    bool crashes = w->crash_every > 0 && prng_below(&w->prng, w->crash_every) == 0;
    bool lands = !crashes || w->crash_every == 1 || prng_below(&w->prng, 2) == 0;
    if (w->crash_every == 0) {
        assert_int_equal(kv_commit(w->t.chain.kv, w->t.batch, NULL), RC_OK);
    } else {
        kv_mem_begin(w->t.chain.kv, w->t.batch);
        kv_mem_finish(w->t.chain.kv, lands);
    }
    kv_batch_clear(w->t.batch);
    w->commits_count++;
    w->crashes_count += crashes;
    w->lost_count += !lands;
    if (crashes)
        snapshot_world_reopen(w);
    return lands;
}

/* After a commit without a crash: the store's view moves on. */
static void renew(struct snapshot_world *w)
{
    struct store_mark mark = store_mark(w->t.chain.store);
    assert_int_equal(store_on_durable(w->t.chain.store, &mark, NULL), RC_OK);
}

/* ---- taking ---- */

void snapshot_world_aim(struct snapshot_world *w)
{
    assert_int_equal(store_get_checkpoint(w->t.sound.store, &w->checkpoint, &w->tree, NULL), RC_OK);
    w->target = (struct snapshot_target){.height = w->checkpoint.statement.height,
                                         .digest = w->checkpoint.statement.digest,
                                         .root = w->checkpoint.statement.state_root};
}

void snapshot_world_start(struct snapshot_world *w, bool discards)
{
    struct why why = {{0}};
    do {
        snapshot_intake_close(w->intake);
        assert_int_equal(snapshot_intake_start(&w->intake, w->t.chain.store, w->t.batch, &w->target,
                                               discards, &why),
                         RC_OK);
    } while (!snapshot_world_commit(w));
}

void snapshot_world_clear(struct snapshot_world *w)
{
    while (snapshot_intake_is_clearing(w->intake)) {
        assert_int_equal(snapshot_intake_clear(w->intake, w->t.batch, NULL), RC_OK);
        (void)snapshot_world_commit(w);
    }
}

static void answer(struct snapshot_world *w, const struct snapshot_path *path)
{
    struct buf bytes = {0};
    struct snapshot_piece piece;
    struct why why = {{0}};
    assert_int_equal(snapshot_make(&bytes, store_view(w->t.sound.store), &w->tree, path,
                                   w->piece_bytes_max, &why),
                     RC_OK);
    assert_int_equal(snapshot_intake_judge(w->intake, &piece, path, buf_bytes(&bytes)),
                     SNAPSHOT_OK);
    assert_int_equal(snapshot_intake_take(w->intake, w->t.batch, &piece, &why), RC_OK);
    snapshot_piece_close(&piece);
    assert_int_equal(snapshot_intake_judge(w->intake, &piece, path, buf_bytes(&bytes)),
                     SNAPSHOT_NOT_ASKED);
    buf_free(&bytes);
}

void snapshot_world_step(struct snapshot_world *w)
{
    struct snapshot_path asked[SNAPSHOT_ASKED_MAX + 1];
    size_t count = 0;
    size_t taken = 0;
    while (snapshot_intake_ask(w->intake, &asked[count]))
        count++;
    assert_in_range(count, 1, SNAPSHOT_ASKED_MAX);
    for (size_t i = count; i > 0; i--) {
        size_t at = prng_below(&w->prng, i);
        if (taken++ >= SNAPSHOT_PIECES_PER_BATCH_MAX || prng_below(&w->prng, 4) == 0)
            snapshot_intake_give_up(w->intake, &asked[at]);
        else
            answer(w, &asked[at]);
        asked[at] = asked[i - 1];
    }
    (void)snapshot_world_commit(w);
}

void snapshot_world_pieces(struct snapshot_world *w)
{
    while (!snapshot_intake_is_whole(w->intake))
        snapshot_world_step(w);
}

void snapshot_world_finish(struct snapshot_world *w)
{
    struct block block;
    struct why why = {{0}};
    staged_block(&w->t, w->target.height, &block);
    do {
        enum rc rc = store_stage_snapshot(w->t.chain.store, w->t.batch, w->intake, &block.header,
                                          &w->checkpoint, &why);
        if (rc != RC_OK)
            fail_msg("the snapshot is refused: %s", why.text);
    } while (!snapshot_world_commit(w));
    if (w->intake == NULL) /* it crashed, and was opened anew */
        return;
    snapshot_intake_close(w->intake);
    w->intake = NULL;
    if (store_on_snapshot(w->t.chain.store, &why) != RC_OK)
        fail_msg("the store does not stand on the snapshot: %s", why.text);
}

void snapshot_world_take(struct snapshot_world *w, bool discards)
{
    snapshot_world_start(w, discards);
    snapshot_world_clear(w);
    snapshot_world_pieces(w);
    snapshot_world_finish(w);
    assert_false(store_is_taking_snapshot(w->t.chain.store));
    assert_true(store_has_state(w->t.chain.store));
}

/* ---- afterwards ---- */

bool snapshot_world_backfill_step(struct snapshot_world *w, uint32_t blocks_count)
{
    struct store *s = w->t.chain.store;
    struct why why = {{0}};
    for (uint32_t i = 0; i < blocks_count; i++) {
        struct backfill_next next = store_backfill_next(s);
        if (next.is_whole || next.is_batch_full)
            break;
        struct block block;
        struct certificate c;
        enum backfill_fault fault;
        staged_block(&w->t, next.height, &block);
        assert_true(digest_equal(&block.digest, &next.digest));
        assert_int_equal(store_get_certificate(w->t.sound.store, next.height, &c, NULL), RC_OK);
        bool is_certified = c.statement.height == next.height;
        enum rc rc = store_stage_backfill(s, w->t.batch, &fault, next.is_held ? NULL : &block,
                                          next.is_held || !is_certified ? NULL : &c, &why);
        if (rc != RC_OK)
            fail_msg("back-filling height %u: %s", (unsigned)next.height, why.text);
        assert_int_equal(fault, BACKFILL_OK);
    }
    unsigned crashes_count = w->crashes_count;
    bool lands = snapshot_world_commit(w);
    if (lands && crashes_count == w->crashes_count)
        assert_int_equal(store_on_backfill(w->t.chain.store, &why), RC_OK);
    return lands;
}

void snapshot_world_backfill(struct snapshot_world *w)
{
    while (store_history_from_height(w->t.chain.store) > 1)
        (void)snapshot_world_backfill_step(w, 1 + (uint32_t)prng_below(&w->prng, 3));
}

void snapshot_world_follow(struct snapshot_world *w)
{
    while (store_head(w->t.chain.store)->height < store_head(w->t.sound.store)->height) {
        staged_append(&w->t);
        staged_commit(&w->t);
    }
    staged_settle(&w->t);
    renew(w);
}

/* ---- comparing ---- */

void snapshot_world_expect_same(struct snapshot_world *w, enum kv_table table)
{
    struct kv_cursor *ca, *cb;
    struct bytes ka, kb, va, vb;
    assert_int_equal(kv_cursor_open(&ca, store_view(w->t.sound.store), table), RC_OK);
    assert_int_equal(kv_cursor_open(&cb, store_view(w->t.chain.store), table), RC_OK);
    enum rc rc_a = kv_cursor_seek(ca, bytes_of(NULL, 0), &ka, &va);
    enum rc rc_b = kv_cursor_seek(cb, bytes_of(NULL, 0), &kb, &vb);
    while (rc_a == RC_OK && rc_b == RC_OK) {
        if (!bytes_equal(ka, kb) || !bytes_equal(va, vb))
            fail_msg("the tables %s differ", kv_table_name(table));
        rc_a = kv_cursor_next(ca, &ka, &va);
        rc_b = kv_cursor_next(cb, &kb, &vb);
    }
    if (rc_a != RC_NOT_FOUND || rc_b != RC_NOT_FOUND)
        fail_msg("of the tables %s one is longer", kv_table_name(table));
    kv_cursor_close(ca);
    kv_cursor_close(cb);
}

struct gathered {
    struct tree_change *entries;
    size_t count;
};

static enum rc gather(void *context, const struct digest *key_hash, uint8_t table, struct bytes key,
                      struct bytes value)
{
    struct gathered *g = context;
    (void)key_hash;
    g->entries = mem_resize(g->entries, (g->count + 1) * sizeof *g->entries);
    g->entries[g->count++] = (struct tree_change){.table = table, .key = key, .value = value};
    return RC_OK;
}

/* Of the kv's tree table, from this version on. */
static void expect_same_nodes(struct kv_view *a, struct kv_view *b, uint64_t version)
{
    uint8_t room[8];
    struct wr w = wr_of(room, sizeof room);
    struct kv_cursor *ca, *cb;
    struct bytes ka, kb, va, vb;
    wr_be64(&w, version);
    assert_int_equal(kv_cursor_open(&ca, a, KV_TREE), RC_OK);
    assert_int_equal(kv_cursor_open(&cb, b, KV_TREE), RC_OK);
    enum rc rc_a = kv_cursor_seek(ca, wr_bytes_of(&w), &ka, &va);
    enum rc rc_b = kv_cursor_seek(cb, wr_bytes_of(&w), &kb, &vb);
    while (rc_a == RC_OK && rc_b == RC_OK) {
        assert_true(bytes_equal(ka, kb));
        assert_true(bytes_equal(va, vb));
        rc_a = kv_cursor_next(ca, &ka, &va);
        rc_b = kv_cursor_next(cb, &kb, &vb);
    }
    assert_int_equal(rc_a, RC_NOT_FOUND);
    assert_int_equal(rc_b, RC_NOT_FOUND);
    kv_cursor_close(ca);
    kv_cursor_close(cb);
}

void snapshot_world_expect_tree(struct snapshot_world *w)
{
    struct gathered g = {NULL, 0};
    struct tree_ref ref;
    struct kv *kv = kv_mem_new();
    struct kv_view *view;
    struct kv_batch *batch = kv_batch_new();
    assert_int_equal(tree_walk(store_view(w->t.sound.store), &w->tree, gather, &g, NULL), RC_OK);
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    assert_int_equal(tree_update(&ref, batch, view, NULL, w->target.height, g.entries, g.count),
                     RC_OK);
    kv_view_close(view);
    assert_int_equal(kv_commit(kv, batch, NULL), RC_OK);
    assert_int_equal(kv_view_open(&view, kv, NULL), RC_OK);
    assert_true(digest_equal(&ref.root, &w->target.root));
    expect_same_nodes(view, store_view(w->t.chain.store), w->target.height);
    kv_view_close(view);
    kv_batch_free(batch);
    kv_close(kv);
    mem_free(g.entries);
}
