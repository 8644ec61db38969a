/* The audit of a store that stands on a snapshot. */
#include "tests/help/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/help/audited.h"
#include "tests/help/scratch.h"
#include "tests/help/snapshot_world.h"

static struct why why;

/* Audit the second store, as it was recorded, with 1 and 3 threads. */
static enum rc run(struct snapshot_world *w, struct audit_report *report)
{
    struct audit_report again;
    struct store_options options = {.care = TREE_VERIFY, .as_recorded = true};
    snapshot_intake_close(w->intake);
    w->intake = NULL;
    store_close(w->t.chain.store);
    assert_int_equal(store_open(&w->t.chain.store, w->t.chain.kv, &options, &why), RC_OK);
    enum rc rc = audited_run_open(&w->t.chain, 1, report);
    assert_int_equal(audited_run_open(&w->t.chain, 3, &again), rc);
    again.threads_count = report->threads_count; /* 3 and 1, or 0 where none was started */
    assert_memory_equal(&again, report, sizeof again);
    staged_reopen(&w->t);
    return rc;
}

static void expect_good(struct snapshot_world *w, struct audit_report *report)
{
    if (run(w, report) != RC_OK)
        fail_msg("height %u: %s", (unsigned)report->fault_height, report->fault_field);
    assert_int_equal(report->head_height, store_head(w->t.chain.store)->height);
    assert_int_equal(report->certified_height, report->head_height);
    assert_int_equal(report->history_from_height, store_history_from_height(w->t.chain.store));
}

static void append_to(struct snapshot_world *w, uint64_t height)
{
    staged_append_to(&w->t, height);
    staged_commit(&w->t);
    staged_settle(&w->t);
}

/* At every step from the snapshot to the whole history the audit holds, and says where it begins;
 * the whole history gives what it gives of a store that never took one. */
static void every_step_of_a_snapshot_holds(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 6; seed++) {
        struct snapshot_world w;
        struct audit_report report, sound;
        bool discards = seed % 2 != 0;
        snapshot_world_open(&w, &(struct chain_options){.seed = seed}, 10);
        append_to(&w, seed);
        assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
        snapshot_world_take(&w, discards);
        expect_good(&w, &report);
        assert_int_equal(report.replayed_from_height, 8);
        assert_int_equal(report.history_from_height, 9);
        assert_int_equal(report.missing_count, 8 - seed);
        assert_int_equal(report.checkpoints_count, 1);
        assert_true(digest_equal(&report.state_root, &w.target.root));
        for (unsigned i = 0; store_history_from_height(w.t.chain.store) > 1; i++) {
            assert_true(snapshot_world_backfill_step(&w, 2));
            if (i == 1)
                snapshot_world_follow(&w);
            expect_good(&w, &report);
            bool is_whole = report.history_from_height == 1;
            assert_int_equal(report.replayed_from_height, is_whole ? 0 : 8);
        }
        snapshot_world_follow(&w);
        assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
        assert_int_equal(store_flush(w.t.sound.store, &why), RC_OK);
        expect_good(&w, &report);
        assert_int_equal(audited_run_open(&w.t.sound, 1, &sound), RC_OK);
        assert_int_equal(report.state_entries_count, sound.state_entries_count);
        assert_int_equal(report.index_entries_count, sound.index_entries_count);
        assert_int_equal(report.done.txs_count, sound.done.txs_count);
        assert_int_equal(report.missing_count, 0);
        snapshot_world_close(&w);
    }
}

/* As long as nothing newer is certified the snapshot's tree is kept, and replaying starts from it,
 * whatever two were told since; then from the oldest certified one that is. Sweeping what is older
 * changes nothing. */
static void a_later_certified_tree_is_started_from(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct audit_report report;
    struct certificate c;
    size_t swept;
    snapshot_world_open(&w, &(struct chain_options){.seed = 10}, 10);
    append_to(&w, 3);
    assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
    snapshot_world_take(&w, false);
    chain_grow(&w.t.sound, 12);
    w.t.withholds = true;
    snapshot_world_follow(&w);
    expect_good(&w, &report);
    assert_int_equal(report.replayed_from_height, 8);
    tamper_get_certificate(&w.t.sound, KV_CHECKPOINT, 20, &c);
    c.statement.state_root.bytes[0] ^= 1; /* the only one from the older kept height on */
    assert_int_equal(store_put_certificate(w.t.chain.store, &c, &why), RC_OK);
    assert_int_equal(run(&w, &report), RC_PROOF);
    assert_non_null(strstr(report.fault_field, "there is none of a state tree that is kept"));
    for (uint64_t height = 16; height <= 20; height += 4) {
        tamper_get_certificate(&w.t.sound, KV_CHECKPOINT, height, &c);
        assert_int_equal(store_put_certificate(w.t.chain.store, &c, &why), RC_OK);
    }
    expect_good(&w, &report);
    assert_int_equal(report.replayed_from_height, 16);
    assert_int_equal(report.history_from_height, 9);
    assert_int_equal(report.missing_count, 5);
    do {
        assert_int_equal(store_stage_sweep(w.t.chain.store, w.t.batch, 100, &swept, &why), RC_OK);
        staged_commit(&w.t);
    } while (swept > 0);
    expect_good(&w, &report);
    snapshot_world_backfill(&w);
    expect_good(&w, &report);
    assert_int_equal(report.replayed_from_height, 0);
    snapshot_world_close(&w);
}

/* Two snapshots with a gap left open in between. */
static void several_gaps_hold(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct audit_report report;
    snapshot_world_open(&w, &(struct chain_options){.seed = 11}, 9);
    append_to(&w, 2);
    assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
    snapshot_world_take(&w, false);
    snapshot_world_follow(&w);
    assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
    chain_grow(&w.t.sound, 8);
    snapshot_world_aim(&w);
    snapshot_world_take(&w, false);
    expect_good(&w, &report);
    assert_int_equal(report.missing_count, 6 + 7);
    assert_int_equal(report.replayed_from_height, 16);
    while (store_history_from_height(w.t.chain.store) > 1) {
        assert_true(snapshot_world_backfill_step(&w, 3));
        expect_good(&w, &report);
    }
    snapshot_world_close(&w);
}

/* While a snapshot is being taken in, nothing is said. */
static void an_intake_under_way_is_not_audited(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct audit_report report;
    struct audit_options options = {.threads_count = 1};
    snapshot_world_open(&w, &(struct chain_options){.seed = 12}, 9);
    snapshot_world_start(&w, false);
    snapshot_world_clear(&w);
    snapshot_world_step(&w);
    struct audit_chain chain = audited_chain(&w.t.chain);
    assert_int_equal(audit_run(&report, w.t.chain.store, &chain, &options, &why), RC_REFUSED);
    assert_non_null(strstr(why.text, "being taken in"));
    snapshot_world_close(&w);
}

/* On a real disk it is the same. */
static void a_snapshot_in_lmdb_holds(void **state)
{
    struct snapshot_world w;
    struct audit_report report;
    struct kv *kv;
    struct kv_lmdb_options options = {.create = true};
    for (int discards = 0; discards < 2; discards++) {
        char *path = scratch_join(*state, discards ? "b" : "a");
        assert_int_equal(kv_lmdb_open(&kv, path, &options, &why), RC_OK);
        snapshot_world_open_on(&w, &(struct chain_options){.seed = 18}, 10, kv);
        append_to(&w, 5);
        assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
        snapshot_world_take(&w, discards);
        expect_good(&w, &report);
        assert_int_equal(report.history_from_height, 9);
        snapshot_world_backfill(&w);
        snapshot_world_follow(&w);
        expect_good(&w, &report);
        assert_int_equal(report.history_from_height, 1);
        snapshot_world_close(&w);
        free(path);
    }
}

/* A quiet checkpoint (8.1), at a height that is no multiple of the interval, is as good as any; and
 * blocks flushed above it have its tree kept. */
static void a_quiet_checkpoint_is_taken(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct audit_report report;
    struct certificate c;
    struct tree_ref tree;
    snapshot_world_open(&w, &(struct chain_options){.seed = 17}, 10);
    struct store *sound = w.t.sound.store;
    store_stage_keep(sound, w.t.batch, 10);
    struct store_mark mark = store_mark(sound);
    assert_int_equal(kv_commit(w.t.sound.kv, w.t.batch, &why), RC_OK);
    kv_batch_clear(w.t.batch);
    assert_int_equal(store_on_durable(sound, &mark, &why), RC_OK);
    assert_int_equal(store_flush(sound, &why), RC_OK);
    tree = store_tree(sound);
    chain_certify(&w.t.sound, &c, CERT_CHECKPOINT, 10, store_head_digest(sound), &tree.root, 0);
    assert_int_equal(store_put_certificate(sound, &c, &why), RC_OK);
    snapshot_world_aim(&w);
    assert_int_equal(w.target.height, 10);
    snapshot_world_take(&w, false);
    expect_good(&w, &report);
    assert_int_equal(report.replayed_from_height, 10);
    assert_int_equal(store_kept(w.t.chain.store)->heights[0], 0);
    assert_int_equal(store_kept(w.t.chain.store)->heights[1], 10);
    chain_grow(&w.t.sound, 3);
    snapshot_world_follow(&w);
    expect_good(&w, &report);
    assert_int_equal(store_kept(w.t.chain.store)->heights[0], 10);
    assert_int_equal(store_kept(w.t.chain.store)->heights[1], 12);
    assert_int_equal(store_get_kept_tree(w.t.chain.store, 10, &w.target.root, &tree, &why), RC_OK);
    snapshot_world_backfill(&w);
    expect_good(&w, &report);
    snapshot_world_close(&w);
}

/* What was proposed up to the snapshot's height is decided now and goes; what is above stays. */
static void proposals_up_to_the_snapshot_go(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct audit_report report;
    struct block block;
    struct buf room = {0};
    struct bytes whole;
    snapshot_world_open(&w, &(struct chain_options){.seed = 16}, 10);
    append_to(&w, 2);
    assert_int_equal(store_flush(w.t.chain.store, &why), RC_OK);
    for (uint64_t height = 3; height <= 9; height++) {
        staged_sibling(&w.t, height, &room, &block);
        store_stage_proposal(w.t.chain.store, w.t.batch, &block);
    }
    staged_commit(&w.t);
    snapshot_world_take(&w, false);
    expect_good(&w, &report);
    for (uint64_t height = 3; height <= 9; height++) {
        staged_sibling(&w.t, height, &room, &block);
        assert_int_equal(store_get_body(w.t.chain.store, height, &block.digest, &whole, &why),
                         height <= 8 ? RC_NOT_FOUND : RC_OK);
    }
    buf_free(&room);
    snapshot_world_close(&w);
}

/* ---- what is found ---- */

static struct bytes height_key(uint64_t height)
{
    return tamper_height_key(height);
}

/* A store with 1..2, a gap 3..6, and 7..10; flushed at 8 and above. */
static void open_with_gap(struct snapshot_world *w)
{
    snapshot_world_open(w, &(struct chain_options){.seed = 13}, 10);
    append_to(w, 2);
    assert_int_equal(store_flush(w->t.chain.store, &why), RC_OK);
    snapshot_world_take(w, false);
    assert_true(snapshot_world_backfill_step(w, 2));
    snapshot_world_follow(w);
    assert_int_equal(store_flush(w->t.chain.store, &why), RC_OK);
}

/* Audit what stands there by now. Closes the world. */
static void expect_fault(struct snapshot_world *w, uint64_t height, const char *field)
{
    struct audit_report report;
    struct store_options options = {.care = TREE_VERIFY, .as_recorded = true};
    store_close(w->t.chain.store);
    assert_int_equal(store_open(&w->t.chain.store, w->t.chain.kv, &options, &why), RC_OK);
    enum rc rc = audited_run_open(&w->t.chain, 2, &report);
    assert_true(rc == RC_PROOF || rc == RC_STORE_DAMAGED);
    if (report.fault_height != height || strncmp(report.fault_field, field, strlen(field)) != 0)
        fail_msg("height %u: %s", (unsigned)report.fault_height, report.fault_field);
    snapshot_world_close(w);
}

/* Entries of heights that are missing belong to nothing. */
static void entries_in_a_gap_are_found(void **state)
{
    (void)state;
    static const enum kv_table tables[] = {KV_CHAIN, KV_CERT, KV_CHECKPOINT, KV_BLOCK};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct snapshot_world w;
        char field[64];
        open_with_gap(&w);
        tamper_put(&w.t.chain, tables[i], height_key(4), bytes_of_text("x"));
        snprintf(field, sizeof field, "%s: an entry where blocks are missing",
                 kv_table_name(tables[i]));
        expect_fault(&w, 4, field);
    }
}

/* The certificate of the snapshot, and its header, must be good. */
static void the_snapshots_own_certificate_is_verified(void **state)
{
    (void)state;
    struct certificate c;
    for (int what = 0; what < 4; what++) {
        struct snapshot_world w;
        uint64_t height = 8;
        snapshot_world_open(&w, &(struct chain_options){.seed = 14}, 9);
        snapshot_world_take(&w, false);
        if (what % 2 != 0) /* of a whole history too */
            snapshot_world_backfill(&w);
        tamper_get_certificate(&w.t.chain, KV_CHECKPOINT, 8, &c);
        const char *field = "checkpoint certificate: a signature is wrong";
        if (what == 0)
            c.entries[1].signature.bytes[5] ^= 1;
        if (what == 1) {
            c.entries_count--;
            field = "checkpoint certificate: not exactly a quorum of signatures";
        }
        if (what == 2) {
            c.statement.digest.bytes[0] ^= 1;
            field = "history: the header is not the one that is certified";
        }
        if (what < 3)
            tamper_put_certificate(&w.t.chain, &c);
        else {
            tamper_delete(&w.t.chain, KV_CHECKPOINT, height_key(8));
            field = "table checkpoint: an entry is missing";
        }
        expect_fault(&w, height, field);
    }
}

/* A state that is not the one that was certified, although all its own hashes are right. */
static void a_state_that_nobody_certified_is_found(void **state)
{
    (void)state;
    struct snapshot_world w;
    uint8_t value[16] = {9};
    struct certificate c;
    snapshot_world_open(&w, &(struct chain_options){.seed = 15}, 9);
    snapshot_world_take(&w, false);
    tamper_get_certificate(&w.t.chain, KV_CHECKPOINT, 8, &c);
    assert_true(tamper_state(&w.t.chain, STATE_BALANCE, bytes_of("p0/a0\0CZK", 9),
                             bytes_of(value, sizeof value), true));
    tamper_put_certificate(&w.t.chain, &c); /* as the quorum signed it */
    expect_fault(&w, 8, "checkpoint certificate: there is none of a state tree that is kept");

    snapshot_world_open(&w, &(struct chain_options){.seed = 15}, 9);
    snapshot_world_take(&w, false);
    assert_true(tamper_state(&w.t.chain, STATE_BALANCE, bytes_of("p0/a0\0CZK", 9),
                             bytes_of(value, sizeof value), false));
    expect_fault(&w, 8, "state tree: ");
}

/* A block below that was changed, or one that does not follow, is found. */
static void blocks_below_are_held_to_the_links(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct buf room = {0}, block = {0};
    struct block other;
    open_with_gap(&w);
    struct buf named = tamper_get(&w.t.chain, KV_CHAIN, height_key(7));
    buf_add_bytes(&room, height_key(7));
    buf_add_bytes(&room, buf_bytes(&named));
    block = tamper_get(&w.t.chain, KV_BLOCK, buf_bytes(&room));
    block.data[block.size - 1] ^= 1;
    tamper_put(&w.t.chain, KV_BLOCK, buf_bytes(&room), buf_bytes(&block));
    buf_free(&named);
    buf_free(&block);
    expect_fault(&w, 7, "tx_root");

    open_with_gap(&w); /* another block of height 7, whole by itself */
    named = tamper_get(&w.t.chain, KV_CHAIN, height_key(7));
    buf_clear(&room);
    buf_add_bytes(&room, height_key(7));
    buf_add_bytes(&room, buf_bytes(&named));
    tamper_delete(&w.t.chain, KV_BLOCK, buf_bytes(&room));
    tamper_delete(&w.t.chain, KV_CERT, height_key(7));
    staged_sibling(&w.t, 7, &block, &other);
    buf_clear(&room);
    buf_add_bytes(&room, height_key(7));
    buf_add(&room, other.digest.bytes, DIGEST_BYTES);
    tamper_put(&w.t.chain, KV_BLOCK, buf_bytes(&room), other.whole);
    tamper_put(&w.t.chain, KV_CHAIN, height_key(7), bytes_of(other.digest.bytes, DIGEST_BYTES));
    expect_fault(&w, 8, "header: its parent is another block");
    buf_free(&named);
    buf_free(&block);
    buf_free(&room);
}

/* Index entries of blocks below: a wrong place, one that is missing, one too many, a name too few.
 */
static void indexes_below_are_compared(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct block block;
    struct tx tx;
    open_with_gap(&w);
    staged_block(&w.t, 7, &block);
    struct rd r = rd_of(block.body);
    assert_int_equal(tx_decode(&tx, block_next_tx(&r), &block.header.chain_id), VERDICT_OK);
    struct bytes txid = bytes_of(tx.id.bytes, DIGEST_BYTES);
    uint8_t place[PLACE_BYTES_MAX];
    tamper_put(&w.t.chain, KV_TXID, txid,
               place_tx_encode(place, &(struct place){.height = 7, .tx_index = 1}));
    expect_fault(&w, 7, "index txid: entry");

    open_with_gap(&w);
    uint8_t key[KV_KEY_BYTES_MAX];
    tamper_delete(&w.t.chain, KV_NONCE, place_nonce_key(key, &tx.signer, tx.nonce));
    expect_fault(&w, 7, "index nonce: entry");

    static const enum kv_table tables[] = {KV_HISTORY, KV_RECORD, KV_TXID, KV_NONCE};
    uint64_t flushed_height = 0;
    for (size_t i = 0; i < 4; i++) {
        char field[64];
        open_with_gap(&w);
        flushed_height = store_flushed_height(w.t.chain.store);
        tamper_put(&w.t.chain, tables[i], bytes_of_text("zz"), bytes_of_text("x"));
        snprintf(field, sizeof field, "index %s: ", kv_table_name(tables[i]));
        expect_fault(&w, flushed_height, field);
    }
    open_with_gap(&w);
    tamper_delete(&w.t.chain, KV_NAME, bytes_of_text("\1p0"));
    expect_fault(&w, 8, "index name: entry");
}

/* Two stores are compared where both have blocks. */
static void stores_are_compared_where_both_have_blocks(void **state)
{
    (void)state;
    struct snapshot_world w;
    struct audit_difference d;
    open_with_gap(&w);
    assert_int_equal(store_flush(w.t.sound.store, &why), RC_OK);
    assert_int_equal(audit_compare(&d, w.t.sound.store, w.t.chain.store, &why), RC_OK);
    assert_false(d.found);
    assert_true(d.state_compared);
    assert_int_equal(d.missing_count, 4);
    snapshot_world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_of_a_snapshot_holds),
        cmocka_unit_test(a_later_certified_tree_is_started_from),
        cmocka_unit_test(several_gaps_hold),
        cmocka_unit_test(an_intake_under_way_is_not_audited),
        cmocka_unit_test_setup_teardown(a_snapshot_in_lmdb_holds, scratch_setup, scratch_teardown),
        cmocka_unit_test(a_quiet_checkpoint_is_taken),
        cmocka_unit_test(proposals_up_to_the_snapshot_go),
        cmocka_unit_test(entries_in_a_gap_are_found),
        cmocka_unit_test(the_snapshots_own_certificate_is_verified),
        cmocka_unit_test(a_state_that_nobody_certified_is_found),
        cmocka_unit_test(blocks_below_are_held_to_the_links),
        cmocka_unit_test(indexes_below_are_compared),
        cmocka_unit_test(stores_are_compared_where_both_have_blocks),
    };
    return cmocka_run_group_tests_name("audit_snapshot", tests, NULL, NULL);
}
