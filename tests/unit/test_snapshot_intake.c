/* Taking a snapshot in, and standing on it: rules 9.3 and 8.2, pitfalls C1, C4, C5. */
#include "tests/help/unit.h"

#include <stdio.h>
#include <string.h>

#include "tests/help/snapshot_world.h"

static struct why why;

/* The store stands at the target: head, state and tree, and applies the rest of the chain. */
static void expect_stands(struct snapshot_world *w)
{
    struct store *s = w->t.chain.store;
    struct certificate checkpoint;
    struct tree_ref tree;
    assert_int_equal(store_head(s)->height, w->target.height);
    assert_true(digest_equal(store_head_digest(s), &w->target.digest));
    assert_int_equal(store_flushed_height(s), w->target.height);
    tree = store_tree(s);
    assert_true(digest_equal(&tree.root, &w->target.root));
    assert_int_equal(store_get_checkpoint(s, &checkpoint, &tree, &why), RC_OK);
    assert_int_equal(checkpoint.statement.height, w->target.height);
    assert_true(digest_equal(&tree.root, &w->target.root));
    snapshot_world_expect_tree(w);
}

/* At the head: what both states and their lists hold is the same. */
static void expect_followed(struct snapshot_world *w)
{
    struct tree_ref ours, theirs;
    snapshot_world_follow(w);
    assert_int_equal(store_flush(w->t.chain.store, &why), RC_OK);
    assert_int_equal(store_flush(w->t.sound.store, &why), RC_OK);
    ours = store_tree(w->t.chain.store);
    theirs = store_tree(w->t.sound.store);
    assert_true(digest_equal(&ours.root, &theirs.root));
    snapshot_world_expect_same(w, KV_NAME);
}

/* ---- from the genesis, and from behind ---- */

/* An empty store stands at the checkpoint, also when opened anew, and goes on from there; with
 * pieces of any size and random chains. */
static void a_new_store_stands_on_the_snapshot(void **state)
{
    (void)state;
    static const size_t limits[] = {0, 500, 4000, SNAPSHOT_PIECE_BYTES_MAX};
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct snapshot_world w;
        snapshot_world_open(&w, &(struct chain_options){.seed = seed}, 10);
        w.piece_bytes_max = limits[seed];
        assert_int_equal(w.target.height, 8);
        snapshot_world_take(&w, false);
        expect_stands(&w);
        assert_int_equal(store_history_from_height(w.t.chain.store), 9);
        snapshot_world_reopen(&w);
        expect_stands(&w);
        assert_int_equal(store_history_from_height(w.t.chain.store), 9);
        expect_followed(&w);
        snapshot_world_reopen(&w);
        assert_int_equal(store_head(w.t.chain.store)->height, 10);
        snapshot_world_close(&w);
    }
}

/* Whether it crashes after every commit, or loses batches at random, it goes on where it was. */
static void crashes_at_every_batch_lose_nothing_durable(void **state)
{
    (void)state;
    unsigned lost_count = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct snapshot_world w;
        bool discards = seed % 2 != 0;
        snapshot_world_open(&w, &(struct chain_options){.seed = seed, .txs_per_block = 20}, 14);
        w.piece_bytes_max = 200;
        staged_append_to(&w.t, 5);
        staged_commit(&w.t);
        assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
        w.crash_every = 1 + (unsigned)seed / 4;
        snapshot_world_take(&w, discards);
        assert_true(w.commits_count > 10);
        assert_true(w.crashes_count > 0);
        assert_true(w.crash_every > 1 || w.lost_count == 0);
        lost_count += w.lost_count;
        expect_stands(&w);
        assert_true(store_history_has(w.t.chain.store, 5));
        assert_false(store_history_has(w.t.chain.store, 6));
        expect_followed(&w);
        snapshot_world_close(&w);
    }
    assert_true(lost_count > 10);
}

/* ---- what is read meanwhile ---- */

struct listed {
    struct store *store;
    uint32_t count;
};

static enum rc count_known(void *context, struct bytes key)
{
    struct listed *l = context;
    struct state_record record;
    assert_true(state_get_record(store_layer(l->store), key, &record));
    l->count++;
    return RC_OK;
}

static uint32_t count_records(struct store *s)
{
    struct listed l = {.store = s};
    assert_int_equal(store_list(s, STATE_RECORD, bytes_of(NULL, 0), count_known, &l, &why), RC_OK);
    return l.count;
}

/* A store that is behind is read as before until the last batch, lists included. */
static void the_old_state_is_read_while_the_new_one_comes(void **state)
{
    (void)state;
    struct snapshot_world w;
    snapshot_world_open(&w, &(struct chain_options){.seed = 3}, 16);
    staged_append_to(&w.t, 3);
    staged_commit(&w.t);
    assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
    struct tree_ref before = store_tree(w.t.chain.store), now;
    uint32_t records_count = count_records(w.t.chain.store);
    assert_true(records_count > 0);
    assert_true(count_records(w.t.sound.store) > records_count);
    w.crash_every = 1;
    snapshot_world_start(&w, false);
    snapshot_world_clear(&w);
    while (!snapshot_intake_is_whole(w.intake)) {
        snapshot_world_step(&w);
        now = store_tree(w.t.chain.store);
        assert_true(digest_equal(&before.root, &now.root));
        assert_int_equal(store_head(w.t.chain.store)->height, 3);
        assert_int_equal(count_records(w.t.chain.store), records_count);
        assert_true(store_has_state(w.t.chain.store));
    }
    snapshot_world_finish(&w);
    expect_stands(&w);
    snapshot_world_close(&w);
}

/* A store that discards its state answers nothing from it, and keeps its chain. */
static void a_discarded_state_is_not_asked(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct block block;
    struct bytes value;
    snapshot_world_open(&w, &(struct chain_options){.seed = 4}, 9);
    staged_append_to(&w.t, 9);
    staged_commit(&w.t);
    staged_settle(&w.t);
    w.crash_every = 1;
    snapshot_world_start(&w, true);
    for (int round = 0; round < 2; round++) {
        struct store *s = w.t.chain.store;
        struct layer *layer = layer_new(store_layer(s), NULL);
        assert_false(store_has_state(s));
        assert_int_equal(store_head(s)->height, 9);
        assert_int_equal(store_get_block(s, 9, &block, &why), RC_OK);
        assert_true(digest_equal(&block.digest, store_head_digest(s)));
        assert_false(layer_get(layer, STATE_ASSET, bytes_of_text("CZK"), &value));
        assert_int_equal(layer_rc(layer), RC_STORE_DAMAGED);
        assert_int_equal(store_get_index(s, KV_TXID, bytes_of_text("x"), &value, &why),
                         RC_STORE_DAMAGED);
        layer_free(layer);
        snapshot_world_clear(&w);
    }
    snapshot_world_pieces(&w);
    snapshot_world_finish(&w);
    snapshot_world_close(&w);
}

/* ---- diverged (8.2) ---- */

/* A store whose state has rotted, above and below the checkpoint, takes it anew: blocks above are
 * applied again, and its own blocks are all there. */
static void a_diverged_store_is_made_right(void **state)
{
    (void)state;
    for (unsigned crash_every = 0; crash_every < 3; crash_every++) {
        struct snapshot_world w;
        snapshot_world_open(&w, &(struct chain_options){.seed = 5 + crash_every}, 10);
        staged_append_to(&w.t, 10);
        staged_commit(&w.t);
        assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
        /* A name of nothing in place of another, and an account with money of nobody's. */
        kv_batch_delete(w.t.batch, KV_NAME, bytes_of_text("\1p0"));
        kv_batch_put(w.t.batch, KV_NAME, bytes_of_text("\5rotten"), bytes_of(NULL, 0));
        struct tree_ref tree = store_tree(w.t.chain.store), rotten;
        uint8_t value[16] = {1};
        struct tree_change change = {.table = STATE_BALANCE,
                                     .key = bytes_of("p0/x\0CZK", 8),
                                     .value = bytes_of(value, sizeof value)};
        assert_int_equal(
            tree_update(&rotten, w.t.batch, store_view(w.t.chain.store), &tree, 99, &change, 1),
            RC_OK);
        assert_int_equal(kv_commit(w.t.chain.kv, w.t.batch, &why), RC_OK);
        kv_batch_clear(w.t.batch);

        w.crash_every = crash_every;
        snapshot_world_take(&w, true);
        assert_int_equal(store_head(w.t.chain.store)->height, 10);
        assert_int_equal(store_flushed_height(w.t.chain.store), 8);
        snapshot_world_expect_tree(&w);
        assert_int_equal(store_history_from_height(w.t.chain.store), 9); /* for its indexes */
        assert_true(store_history_has(w.t.chain.store, 1));
        expect_followed(&w);
        snapshot_world_close(&w);
    }
}

/* Names that the certified state does not have are seen when the state is kept. */
static void a_rotten_name_in_a_kept_state_is_refused(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct block block;
    snapshot_world_open(&w, &(struct chain_options){.seed = 6}, 9);
    kv_batch_put(w.t.batch, KV_NAME, bytes_of_text("\5rotten"), bytes_of(NULL, 0));
    assert_int_equal(kv_commit(w.t.chain.kv, w.t.batch, &why), RC_OK);
    kv_batch_clear(w.t.batch);
    snapshot_world_start(&w, false);
    snapshot_world_clear(&w);
    snapshot_world_pieces(&w);
    staged_block(&w.t, w.target.height, &block);
    assert_int_equal(store_stage_snapshot(w.t.chain.store, w.t.batch, w.intake, &block.header,
                                          &w.checkpoint, &why),
                     RC_INVALID);
    assert_non_null(strstr(why.text, "discarded"));
    kv_batch_clear(w.t.batch);
    assert_int_equal(snapshot_intake_begin_again(w.intake, w.t.batch, true, &why), RC_OK);
    assert_false(store_has_state(w.t.chain.store));
    snapshot_world_clear(&w);
    snapshot_world_pieces(&w);
    assert_int_equal(snapshot_intake_judge_taken(w.intake, &why), RC_OK);
    snapshot_world_close(&w);
}

/* ---- targets ---- */

/* When a newer checkpoint is certified half-way, the old pieces go, and none is in the new tree. */
static void a_newer_target_drops_the_old_pieces(void **state)
{
    (void)state;
    for (unsigned discards = 0; discards < 2; discards++) {
        struct snapshot_world w;
        snapshot_world_open(&w, &(struct chain_options){.seed = 7}, 9);
        w.crash_every = discards;
        snapshot_world_start(&w, discards != 0);
        snapshot_world_clear(&w);
        for (int i = 0; i < 3; i++)
            snapshot_world_step(&w);
        assert_int_equal(snapshot_intake_progress(w.intake).height, 8);
        chain_grow(&w.t.sound, 5);
        snapshot_world_aim(&w);
        assert_int_equal(w.target.height, 12);
        snapshot_intake_retarget(w.intake, w.t.batch, &w.target);
        (void)snapshot_world_commit(&w);
        struct snapshot_progress p = snapshot_intake_progress(w.intake);
        assert_int_equal(p.height, 12);
        assert_int_equal(p.pieces_done, 0);
        assert_int_equal(p.done_per_mille, 0);
        assert_true(p.is_clearing);
        struct snapshot_path path;
        assert_false(snapshot_intake_ask(w.intake, &path)); /* not before it is cleared */
        snapshot_world_clear(&w);
        snapshot_world_pieces(&w);
        snapshot_world_finish(&w);
        expect_stands(&w);
        expect_followed(&w);
        snapshot_world_close(&w);
    }
}

/* Header and certificate must be the target's; else nothing is staged. */
static void another_header_or_certificate_is_refused(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct block block, other;
    struct certificate c;
    snapshot_world_open(&w, &(struct chain_options){.seed = 8}, 9);
    struct store *s = w.t.chain.store;
    snapshot_world_start(&w, false);
    snapshot_world_clear(&w);
    snapshot_world_pieces(&w);
    staged_block(&w.t, 8, &block);
    staged_block(&w.t, 7, &other);
    assert_int_equal(
        store_stage_snapshot(s, w.t.batch, w.intake, &other.header, &w.checkpoint, &why), RC_PROOF);
    struct block_header later = block.header;
    later.time_ms++;
    assert_int_equal(store_stage_snapshot(s, w.t.batch, w.intake, &later, &w.checkpoint, &why),
                     RC_PROOF);
    for (int field = 0; field < 4; field++) {
        c = w.checkpoint;
        if (field == 0)
            c.statement.kind = CERT_COMMIT;
        if (field == 1)
            c.statement.height++;
        if (field == 2)
            c.statement.digest.bytes[0] ^= 1;
        if (field == 3)
            c.statement.state_root.bytes[0] ^= 1;
        assert_int_equal(store_stage_snapshot(s, w.t.batch, w.intake, &block.header, &c, &why),
                         RC_PROOF);
    }
    assert_int_equal(kv_batch_count(w.t.batch), 0);
    snapshot_world_finish(&w);
    expect_stands(&w);
    snapshot_world_close(&w);
}

/* A node that has itself another block where the quorum certified one does not begin. */
static void a_target_against_the_own_chain_is_refused(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct snapshot_intake *in;
    snapshot_world_open(&w, &(struct chain_options){.seed = 9}, 9);
    staged_append_to(&w.t, 9);
    staged_commit(&w.t);
    w.target.digest.bytes[3] ^= 1;
    assert_int_equal(snapshot_intake_start(&in, w.t.chain.store, w.t.batch, &w.target, true, &why),
                     RC_PROOF);
    assert_null(in);
    assert_int_equal(kv_batch_count(w.t.batch), 0);
    assert_true(store_has_state(w.t.chain.store));
    snapshot_world_close(&w);
}

/* ---- bad pieces and bounds ---- */

/* A piece that lies changes nothing; the path is asked for again, of somebody else. */
static void a_bad_piece_is_refused_and_asked_for_again(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct snapshot_path path, again = {0};
    struct snapshot_piece piece;
    struct buf bytes = {0};
    snapshot_world_open(&w, &(struct chain_options){.seed = 10}, 9);
    snapshot_world_start(&w, false);
    snapshot_world_clear(&w);
    assert_true(snapshot_intake_ask(w.intake, &path));
    assert_false(snapshot_intake_ask(w.intake, &again)); /* there is but the root */
    assert_int_equal(snapshot_make(&bytes, store_view(w.t.sound.store), &w.tree, &path, 0, &why),
                     RC_OK);
    bytes.data[bytes.size - 1] ^= 1;
    assert_int_not_equal(snapshot_intake_judge(w.intake, &piece, &path, buf_bytes(&bytes)),
                         SNAPSHOT_OK);
    bytes.data[bytes.size - 1] ^= 1;
    snapshot_intake_give_up(w.intake, &path);
    assert_true(snapshot_intake_wants(w.intake, &path)); /* it may come late, and is as good */
    assert_int_equal(snapshot_intake_judge(w.intake, &piece, &path, buf_bytes(&bytes)),
                     SNAPSHOT_OK);
    snapshot_piece_close(&piece);
    tree_path_set(&again.nibbles, again.depth++, 3); /* here nothing is wanted */
    assert_false(snapshot_intake_wants(w.intake, &again));
    assert_int_equal(snapshot_intake_judge(w.intake, &piece, &again, buf_bytes(&bytes)),
                     SNAPSHOT_NOT_ASKED);
    snapshot_intake_give_up(w.intake, &path); /* twice is fine */
    assert_true(snapshot_intake_ask(w.intake, &again));
    assert_true(snapshot_path_equal(&path, &again));
    snapshot_intake_give_up(w.intake, &again);
    buf_free(&bytes);
    snapshot_world_pieces(&w);
    snapshot_world_finish(&w);
    expect_stands(&w);
    snapshot_world_close(&w);
}

/* No more than SNAPSHOT_ASKED_MAX are asked for, deepest first; so what is wanted stays few,
 * however small the pieces are. */
static void what_is_asked_and_wanted_is_bounded(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct snapshot_path path[SNAPSHOT_ASKED_MAX + 1];
    uint64_t most = 0;
    uint32_t done_before = 0;
    snapshot_world_open(&w, &(struct chain_options){.seed = 11, .txs_per_block = 40}, 41);
    w.piece_bytes_max = 0;
    snapshot_world_start(&w, false);
    snapshot_world_clear(&w);
    while (!snapshot_intake_is_whole(w.intake)) {
        unsigned asked = 0, depth = TREE_DEPTH_MAX;
        while (snapshot_intake_ask(w.intake, &path[asked])) {
            assert_true(path[asked].depth <= depth);
            depth = path[asked].depth;
            asked++;
        }
        assert_in_range(asked, 1, SNAPSHOT_ASKED_MAX);
        while (asked > 0)
            snapshot_intake_give_up(w.intake, &path[--asked]);
        snapshot_world_step(&w);
        struct snapshot_progress p = snapshot_intake_progress(w.intake);
        most = p.pieces_wanted > most ? p.pieces_wanted : most;
        assert_true(p.done_per_mille >= done_before);
        done_before = p.done_per_mille;
    }
    struct snapshot_progress p = snapshot_intake_progress(w.intake);
    assert_int_equal(p.done_per_mille, 1000);
    assert_true(p.pieces_done > 100);
    assert_true(p.bytes > p.entries_count);
    assert_in_range(most, 16, 4 * 17 * SNAPSHOT_ASKED_MAX);
    snapshot_world_finish(&w);
    expect_stands(&w);
    snapshot_world_close(&w);
}

/* A record of an intake that is none is damage, and no CHECK. */
static void a_damaged_record_is_damage(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct bytes record;
    struct bytes key = bytes_of_text("intake");
    struct buf copy = {0};
    snapshot_world_open(&w, &(struct chain_options){.seed = 12}, 9);
    snapshot_world_start(&w, false);
    snapshot_world_clear(&w);
    snapshot_world_step(&w);
    snapshot_world_reopen(&w);
    assert_int_equal(kv_get(store_view(w.t.chain.store), KV_META, key, &record), RC_OK);
    buf_add_bytes(&copy, record);
    for (size_t size = 0; size < copy.size; size++) {
        kv_batch_put(w.t.batch, KV_META, key, bytes_of(copy.data, size));
        assert_int_equal(kv_commit(w.t.chain.kv, w.t.batch, &why), RC_OK);
        kv_batch_clear(w.t.batch);
        struct store_mark mark = store_mark(w.t.chain.store);
        assert_int_equal(store_on_durable(w.t.chain.store, &mark, &why), RC_OK);
        struct snapshot_intake *in;
        assert_int_equal(snapshot_intake_open(&in, w.t.chain.store, &why), RC_STORE_DAMAGED);
        assert_null(in);
    }
    buf_free(&copy);
    snapshot_world_close(&w);
}

/* ---- serving ---- */

/* Both trees that are kept can be served, by height and root, and no other. */
static void kept_trees_are_served(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct certificate c;
    struct tree_ref tree;
    snapshot_world_open(&w, &(struct chain_options){.seed = 13}, 18);
    struct store *s = w.t.sound.store;
    for (uint64_t height = 12; height <= 16; height += 4) {
        struct bytes value;
        uint8_t room[8];
        struct wr at = wr_of(room, sizeof room);
        wr_be64(&at, height);
        assert_int_equal(kv_get(store_view(s), KV_CHECKPOINT, wr_bytes_of(&at), &value), RC_OK);
        struct rd r = rd_of(value);
        cert_decode(&r, &c);
        assert_int_equal(store_get_kept_tree(s, height, &c.statement.state_root, &tree, &why),
                         RC_OK);
        assert_true(digest_equal(&tree.root, &c.statement.state_root));
        assert_int_equal(store_get_kept_tree(s, height + 1, &c.statement.state_root, &tree, &why),
                         height == 16 ? RC_NOT_FOUND : RC_OK); /* nothing was flushed at 13 */
        c.statement.state_root.bytes[0] ^= 1;
        assert_int_equal(store_get_kept_tree(s, height, &c.statement.state_root, &tree, &why),
                         RC_NOT_FOUND);
    }
    assert_int_equal(store_get_kept_tree(s, 8, &w.target.root, &tree, &why), RC_NOT_FOUND);
    snapshot_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_stands_on_the_snapshot),
        cmocka_unit_test(crashes_at_every_batch_lose_nothing_durable),
        cmocka_unit_test(the_old_state_is_read_while_the_new_one_comes),
        cmocka_unit_test(a_discarded_state_is_not_asked),
        cmocka_unit_test(a_diverged_store_is_made_right),
        cmocka_unit_test(a_rotten_name_in_a_kept_state_is_refused),
        cmocka_unit_test(a_newer_target_drops_the_old_pieces),
        cmocka_unit_test(another_header_or_certificate_is_refused),
        cmocka_unit_test(a_target_against_the_own_chain_is_refused),
        cmocka_unit_test(a_bad_piece_is_refused_and_asked_for_again),
        cmocka_unit_test(what_is_asked_and_wanted_is_bounded),
        cmocka_unit_test(a_damaged_record_is_damage),
        cmocka_unit_test(kept_trees_are_served),
    };
    return cmocka_run_group_tests_name("snapshot_intake", tests, NULL, NULL);
}
