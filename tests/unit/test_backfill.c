/* History below a snapshot, taken afterwards: rule 9.3, back-fill. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/snapshot_world.h"

static struct why why;

static const enum kv_table by_height[] = {KV_CHAIN, KV_BLOCK, KV_CERT};
static const enum kv_table indexes[] = {KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY, KV_RECORD};

static void expect_same_history(struct snapshot_world *w)
{
    for (size_t i = 0; i < sizeof by_height / sizeof by_height[0]; i++)
        snapshot_world_expect_same(w, by_height[i]);
}

/* All that a store which applied every block has, once both have flushed all. */
static void expect_same_all(struct snapshot_world *w)
{
    snapshot_world_follow(w);
    assert_int_equal(store_flush(w->t.chain.store, &why), RC_OK);
    assert_int_equal(store_flush(w->t.sound.store, &why), RC_OK);
    expect_same_history(w);
    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++)
        snapshot_world_expect_same(w, indexes[i]);
    struct tree_ref ours = store_tree(w->t.chain.store), theirs = store_tree(w->t.sound.store);
    assert_true(digest_equal(&ours.root, &theirs.root));
    snapshot_world_reopen(w); /* and the counts are right */
}

static void append_to(struct snapshot_world *w, uint64_t height)
{
    staged_append_to(&w->t, height);
    staged_commit(&w->t);
    staged_settle(&w->t);
}

/* ---- whole ---- */

/* Random chains, behind by anything, crashing or not: in the end every block and every index entry
 * is the one that applying from the genesis gives. */
static void history_becomes_what_replaying_gives(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 16; seed++) {
        struct snapshot_world w;
        struct chain_options options = {
            .seed = seed, .specials_per_mille = 400, .certificate_every_heights = 1 + seed % 3};
        snapshot_world_open(&w, &options, 18);
        append_to(&w, seed % 8);
        assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
        w.crash_every = seed < 4 ? 0 : (unsigned)seed % 4;
        snapshot_world_take(&w, false);
        assert_int_equal(store_history_from_height(w.t.chain.store), 17);
        if (seed % 2 == 0) /* before it, behind it, or in the midst of it */
            snapshot_world_follow(&w);
        while (store_history_from_height(w.t.chain.store) > 12)
            (void)snapshot_world_backfill_step(&w, 2);
        snapshot_world_follow(&w);
        snapshot_world_backfill(&w);
        assert_int_equal(store_history_from_height(w.t.chain.store), 1);
        assert_true(store_backfill_next(w.t.chain.store).is_whole);
        expect_same_all(&w);
        snapshot_world_close(&w);
    }
}

/* Of a diverged store the blocks stay: their indexes are made anew from them, and nobody is asked.
 * What was missing before is asked for. */
static void discarded_indexes_are_made_anew_from_own_blocks(void **state)
{
    (void)state;
    for (unsigned crash_every = 0; crash_every < 3; crash_every++) {
        struct snapshot_world w;
        snapshot_world_open(&w, &(struct chain_options){.seed = 20 + crash_every}, 10);
        append_to(&w, 10);
        w.crash_every = crash_every;
        snapshot_world_take(&w, true);
        assert_int_equal(store_history_from_height(w.t.chain.store), 9);
        struct backfill_next next = store_backfill_next(w.t.chain.store);
        assert_true(next.is_held);
        assert_int_equal(next.height, 8);
        assert_int_equal(next.heights_count, 8);
        snapshot_world_backfill(&w);
        expect_same_all(&w);
        snapshot_world_close(&w);
    }
}

/* Snapshot after snapshot, with back-fill left off in between: several gaps, of both kinds, are all
 * filled, and what was there between them stays as it was. */
static void gaps_of_several_snapshots_are_filled(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct snapshot_world w;
        snapshot_world_open(&w, &(struct chain_options){.seed = 30 + seed}, 9);
        append_to(&w, 2);
        assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
        w.crash_every = seed < 3 ? 0 : 3;
        snapshot_world_take(&w, false); /* at 8: 1..2, then 9.. */
        if (seed % 3 > 0)
            while (store_history_from_height(w.t.chain.store) > 7)
                (void)snapshot_world_backfill_step(&w, 1);
        snapshot_world_follow(&w);
        assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
        chain_grow(&w.t.sound, 8);
        snapshot_world_aim(&w);
        assert_int_equal(w.target.height, 16);
        snapshot_world_take(&w, seed % 3 == 2);
        assert_int_equal(store_history_from_height(w.t.chain.store), 17);
        assert_int_equal(store_history_has(w.t.chain.store, 8), seed % 3 > 0);
        assert_true(store_history_has(w.t.chain.store, 9));
        assert_false(store_history_has(w.t.chain.store, 10));
        assert_true(store_history_has(w.t.chain.store, 2));
        snapshot_world_reopen(&w);
        chain_grow(&w.t.sound, 3);
        snapshot_world_follow(&w);
        snapshot_world_backfill(&w);
        expect_same_all(&w);
        snapshot_world_close(&w);
    }
}

/* ---- meanwhile ---- */

/* What is asked below the height from which history is there is "not found", and the store tells
 * that it may be all the same; what is above is found. */
static void what_is_not_in_history_yet_can_be_told_from_absent(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct block block;
    struct digest digest;
    struct place place;
    snapshot_world_open(&w, &(struct chain_options){.seed = 40}, 10);
    append_to(&w, 2);
    assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
    snapshot_world_take(&w, false);
    struct store *s = w.t.chain.store;
    assert_int_equal(store_get_digest(s, 8, &digest, &why), RC_OK); /* the snapshot's own */
    assert_int_equal(store_get_block(s, 8, &block, &why), RC_NOT_FOUND);
    for (uint64_t height = 3; height <= 8; height++) {
        assert_false(store_history_has(s, height));
        assert_int_equal(store_get_block(s, height, &block, &why), RC_NOT_FOUND);
        assert_non_null(strstr(why.text, "history"));
        staged_block(&w.t, height, &block);
        struct tx tx;
        struct rd r = rd_of(block.body);
        assert_int_equal(tx_decode(&tx, block_next_tx(&r), &block.header.chain_id), VERDICT_OK);
        assert_int_equal(store_get_place(s, &tx.id, &place, &why), RC_NOT_FOUND);
        assert_non_null(strstr(why.text, "from height 9"));
    }
    assert_false(store_history_has(s, 0));
    assert_false(store_history_has(s, 9)); /* above the head */
    assert_int_equal(store_get_block(s, 9, &block, &why), RC_NOT_FOUND);
    assert_null(strstr(why.text, "history"));
    for (uint64_t height = 1; height <= 2; height++) {
        assert_true(store_history_has(s, height));
        assert_int_equal(store_get_block(s, height, &block, &why), RC_OK);
    }
    (void)snapshot_world_backfill_step(&w, 1);
    assert_int_equal(store_get_block(s, 8, &block, &why), RC_OK);
    assert_int_equal(store_history_from_height(s), 8);
    snapshot_world_close(&w);
}

/* What is staged is not there before it is durable; appending and flushing go on beside it. */
static void backfill_goes_on_beside_appending(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct block block;
    enum backfill_fault fault;
    snapshot_world_open(&w, &(struct chain_options){.seed = 41}, 16);
    snapshot_world_take(&w, false);
    chain_grow(&w.t.sound, 11);
    struct store *s = w.t.chain.store;
    struct kv_batch *filling = kv_batch_new();
    for (uint64_t height = 16; height > 4; height -= 2) {
        for (uint64_t h = height; h > height - 2; h--) {
            staged_block(&w.t, h, &block);
            assert_int_equal(store_stage_backfill(s, filling, &fault, &block, NULL, &why), RC_OK);
            assert_int_equal(fault, BACKFILL_OK);
        }
        assert_int_equal(store_history_from_height(s), height + 1);
        assert_int_equal(store_backfill_next(s).height, height - 2);
        /* A block and a flush come between filling and its commit, and behind it. */
        assert_int_equal(kv_commit(w.t.chain.kv, filling, &why), RC_OK);
        kv_batch_clear(filling);
        if (store_head(s)->height < 27)
            staged_append(&w.t);
        (void)staged_flush(&w.t);
        staged_commit(&w.t);
        assert_int_equal(store_on_backfill(s, &why), RC_OK);
        assert_int_equal(store_history_from_height(s), height - 1);
    }
    kv_batch_free(filling);
    snapshot_world_backfill(&w);
    /* Certificates were not given here. */
    snapshot_world_follow(&w);
    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++)
        snapshot_world_expect_same(&w, indexes[i]);
    snapshot_world_close(&w);
}

/* ---- lies and damage ---- */

static enum backfill_fault stage(struct snapshot_world *w, const struct block *block)
{
    enum backfill_fault fault = BACKFILL_OK;
    assert_int_equal(store_stage_backfill(w->t.chain.store, w->t.batch, &fault, block, NULL, &why),
                     RC_OK);
    if (fault != BACKFILL_OK)
        assert_int_equal(kv_batch_count(w->t.batch), 0);
    return fault;
}

/* Another block, a block of another height, a changed body: refused, and nothing is staged. No
 * flipped byte of a block goes unseen. */
static void a_block_that_is_not_the_next_is_refused(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct block block, other;
    struct buf room = {0};
    snapshot_world_open(&w, &(struct chain_options){.seed = 42}, 9);
    snapshot_world_take(&w, false);
    staged_block(&w.t, 7, &block);
    assert_int_equal(stage(&w, &block), BACKFILL_NOT_NEXT);
    staged_block(&w.t, 9, &block);
    assert_int_equal(stage(&w, &block), BACKFILL_NOT_NEXT);
    staged_sibling(&w.t, 8, &room, &other);
    assert_int_equal(stage(&w, &other), BACKFILL_WRONG_BLOCK);
    staged_block(&w.t, 8, &block);
    buf_clear(&room);
    buf_add_bytes(&room, block.whole);
    for (size_t i = 0; i < room.size; i++) {
        room.data[i] ^= 0x10;
        if (block_decode(&other, buf_bytes(&room)) == BLOCK_OK)
            assert_int_not_equal(stage(&w, &other), BACKFILL_OK);
        room.data[i] ^= 0x10;
    }
    room.data[room.size - 1] ^= 1; /* in the last signature */
    assert_int_equal(block_decode(&other, buf_bytes(&room)), BLOCK_OK);
    assert_int_equal(stage(&w, &other), BACKFILL_WRONG_BODY);
    assert_int_equal(stage(&w, &block), BACKFILL_OK);
    buf_free(&room);
    snapshot_world_close(&w);
}

/* A block that its quorum certified, whose transaction is none, is refused without a CHECK. */
static void a_block_of_bytes_that_are_no_transaction_is_refused(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct block_header header;
    struct buf bytes = {0};
    struct block block;
    struct digest leaf;
    uint8_t raw[BLOCK_HEADER_BYTES];
    snapshot_world_open(&w, &(struct chain_options){.seed = 43}, 9);
    snapshot_world_start(&w, false);
    snapshot_world_clear(&w);
    snapshot_world_pieces(&w);
    staged_block(&w.t, 8, &block);
    header = block.header;
    header.tx_count = 1;
    header.body_bytes = 4 + 3;
    merkle_leaf(&leaf, bytes_of_text("abc"));
    merkle_root(&header.tx_root, &leaf, 1);
    block_header_encode(raw, &header);
    buf_add(&bytes, raw, sizeof raw);
    buf_add_u32(&bytes, 3);
    buf_add(&bytes, "abc", 3);
    assert_int_equal(block_decode(&block, buf_bytes(&bytes)), BLOCK_OK);
    /* As if more than f members had signed it. */
    snapshot_intake_close(w.intake);
    w.intake = NULL;
    staged_reopen(&w.t);
    struct bytes record, key = bytes_of_text("intake");
    struct buf forged = {0};
    assert_int_equal(kv_get(store_view(w.t.chain.store), KV_META, key, &record), RC_OK);
    buf_add_bytes(&forged, record);
    memcpy(forged.data + 8, block.digest.bytes, DIGEST_BYTES);
    kv_batch_put(w.t.batch, KV_META, key, buf_bytes(&forged));
    assert_int_equal(kv_commit(w.t.chain.kv, w.t.batch, &why), RC_OK);
    snapshot_world_reopen(&w);
    w.checkpoint.statement.digest = block.digest;
    assert_int_equal(store_stage_snapshot(w.t.chain.store, w.t.batch, w.intake, &block.header,
                                          &w.checkpoint, &why),
                     RC_OK);
    assert_int_equal(kv_commit(w.t.chain.kv, w.t.batch, &why), RC_OK);
    snapshot_world_reopen(&w);
    assert_int_equal(stage(&w, &block), BACKFILL_BAD_TX);
    buf_free(&forged);
    buf_free(&bytes);
    snapshot_world_close(&w);
}

/* Own blocks that are not of the certified chain are damage, found where the gap ends. */
static void own_blocks_of_another_chain_are_damage(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct block block;
    struct digest other = {{1}};
    enum backfill_fault fault;
    snapshot_world_open(&w, &(struct chain_options){.seed = 44}, 9);
    append_to(&w, 5);
    assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
    snapshot_world_take(&w, false);
    uint8_t room[8];
    struct wr key = wr_of(room, sizeof room);
    wr_be64(&key, 5);
    kv_batch_put(w.t.batch, KV_CHAIN, wr_bytes_of(&key), bytes_of(other.bytes, DIGEST_BYTES));
    assert_int_equal(kv_commit(w.t.chain.kv, w.t.batch, &why), RC_OK);
    snapshot_world_reopen(&w);
    assert_true(snapshot_world_backfill_step(&w, 2));
    staged_block(&w.t, 6, &block);
    assert_int_equal(store_stage_backfill(w.t.chain.store, w.t.batch, &fault, &block, NULL, &why),
                     RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "does not follow"));
    snapshot_world_close(&w);
}

/* A state, or an index, that does not go with the certified blocks is damage, and no CHECK. */
static void a_state_that_does_not_go_with_the_blocks_is_damage(void **state)
{
    (void)state;
    static const enum kv_table table[] = {KV_HISTORY, KV_RECORD};
    for (size_t t = 0; t < 2; t++) {
        struct snapshot_world w;
        struct kv_cursor *c;
        struct bytes key, value;
        struct block block;
        enum backfill_fault fault;
        enum rc rc = RC_OK;
        struct chain_options options = {.seed = 45, .specials_per_mille = 900, .txs_per_block = 16};
        snapshot_world_open(&w, &options, 16);
        snapshot_world_take(&w, false);
        assert_true(snapshot_world_backfill_step(&w, 8));
        /* All numbers from 1 on are said to be of these heights: none is left for lower ones. */
        assert_int_equal(kv_cursor_open(&c, store_view(w.t.chain.store), table[t]), RC_OK);
        for (rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value); rc == RC_OK;
             rc = kv_cursor_next(c, &key, &value)) {
            uint8_t room[KV_KEY_BYTES_MAX];
            memcpy(room, key.data, key.size);
            for (; room[key.size - 1] > 0; room[key.size - 1]--)
                kv_batch_put(w.t.batch, table[t], bytes_of(room, key.size), value);
        }
        kv_cursor_close(c);
        assert_int_equal(kv_commit(w.t.chain.kv, w.t.batch, &why), RC_OK);
        kv_batch_clear(w.t.batch);
        struct store_mark mark = store_mark(w.t.chain.store);
        assert_int_equal(store_on_durable(w.t.chain.store, &mark, &why), RC_OK);
        rc = RC_OK;
        for (uint64_t height = 8; height > 0 && rc == RC_OK; height--) {
            assert_int_equal(store_backfill_next(w.t.chain.store).height, height);
            staged_block(&w.t, height, &block);
            rc = store_stage_backfill(w.t.chain.store, w.t.batch, &fault, &block, NULL, &why);
        }
        assert_int_equal(rc, RC_STORE_DAMAGED);
        assert_non_null(strstr(why.text, "does not go with"));
        snapshot_world_close(&w);
    }
}

/* The last entry of an index that a block above a height made: another value, or another place. */
static void spoil_index(struct snapshot_world *w, enum kv_table table, uint64_t above_height,
                        bool moves)
{
    struct kv_cursor *c;
    struct bytes key, value;
    struct buf other = {0};
    assert_int_equal(kv_cursor_open(&c, store_view(w->t.chain.store), table), RC_OK);
    enum rc rc = kv_cursor_seek_before(c, bytes_of(NULL, 0), &key, &value);
    while (rc == RC_OK) {
        struct rd r = rd_of(value);
        if (rd_u64(&r) > above_height)
            break;
        rc = kv_cursor_seek_before(c, key, &key, &value);
    }
    assert_int_equal(rc, RC_OK);
    buf_add_bytes(&other, value);
    other.data[other.size - 1] ^= 1;
    if (moves) {
        kv_batch_delete(w->t.batch, table, key);
        buf_clear(&other);
        buf_add_bytes(&other, key);
        other.data[other.size - 1] ^= 0x40;
        kv_batch_put(w->t.batch, table, buf_bytes(&other), value);
    } else {
        kv_batch_put(w->t.batch, table, key, buf_bytes(&other));
    }
    kv_cursor_close(c);
    assert_int_equal(kv_commit(w->t.chain.kv, w->t.batch, &why), RC_OK);
    kv_batch_clear(w->t.batch);
    buf_free(&other);
}

static enum rc backfill_held(struct snapshot_world *w)
{
    struct store *s = w->t.chain.store;
    enum backfill_fault fault;
    enum rc rc = RC_OK;
    while (!store_backfill_next(s).is_held)
        (void)snapshot_world_backfill_step(w, 1);
    while (rc == RC_OK && !store_backfill_next(s).is_whole) {
        rc = store_stage_backfill(s, w->t.batch, &fault, NULL, NULL, &why);
        assert_int_equal(fault, BACKFILL_OK);
    }
    return rc;
}

/* Who was far behind applied his last blocks to a state that no certified root was ever held
 * against. If it had rotted, its entries are not those of the certified state, and that is seen. */
static void entries_made_on_an_uncertified_state_are_compared(void **state)
{
    (void)state;
    static const enum kv_table spoilt[] = {KV_HISTORY, KV_TXID, KV_NONCE, KV_RECORD};
    for (size_t t = 0; t < 2 * sizeof spoilt / sizeof spoilt[0]; t++) {
        struct snapshot_world w;
        struct chain_options options = {.seed = 46, .specials_per_mille = 900, .txs_per_block = 8};
        snapshot_world_open(&w, &options, 9);
        append_to(&w, 7); /* K = 4 */
        assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
        spoil_index(&w, spoilt[t / 2], 4, t % 2 == 1);
        snapshot_world_reopen(&w);
        snapshot_world_take(&w, false);
        assert_int_equal(backfill_held(&w), RC_STORE_DAMAGED);
        assert_non_null(strstr(why.text, "made on another state"));
        snapshot_world_close(&w);
    }
}

/* What is below a checkpoint whose root was the own one is proven: nothing there is read again. */
static void entries_below_a_certified_root_are_not_compared(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct certificate c;
    struct tree_ref tree;
    snapshot_world_open(&w, &(struct chain_options){.seed = 47}, 26);
    append_to(&w, 10);
    assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
    assert_int_equal(store_get_checkpoint(w.t.chain.store, &c, &tree, &why), RC_OK);
    assert_int_equal(c.statement.height, 8);
    snapshot_world_take(&w, false);
    struct store_gap gaps[STORE_GAPS_MAX];
    assert_int_equal(store_history_gaps(w.t.chain.store, gaps), 2);
    assert_int_equal(gaps[0].kind, STORE_GAP_UNPROVEN);
    assert_int_equal(gaps[0].from, 9);
    assert_int_equal(gaps[0].to, 10);
    assert_int_equal(gaps[1].kind, STORE_GAP_BLOCKS);
    assert_int_equal(gaps[1].from, 11);
    snapshot_world_backfill(&w);
    expect_same_all(&w);
    snapshot_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_becomes_what_replaying_gives),
        cmocka_unit_test(discarded_indexes_are_made_anew_from_own_blocks),
        cmocka_unit_test(gaps_of_several_snapshots_are_filled),
        cmocka_unit_test(what_is_not_in_history_yet_can_be_told_from_absent),
        cmocka_unit_test(backfill_goes_on_beside_appending),
        cmocka_unit_test(a_block_that_is_not_the_next_is_refused),
        cmocka_unit_test(a_block_of_bytes_that_are_no_transaction_is_refused),
        cmocka_unit_test(own_blocks_of_another_chain_are_damage),
        cmocka_unit_test(a_state_that_does_not_go_with_the_blocks_is_damage),
        cmocka_unit_test(entries_made_on_an_uncertified_state_are_compared),
        cmocka_unit_test(entries_below_a_certified_root_are_not_compared),
    };
    return cmocka_run_group_tests_name("backfill", tests, NULL, NULL);
}
