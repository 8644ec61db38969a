/* The store under failing commits and damage: nothing reported durable is lost, and what is lost is
 * noticed. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/stored.h"

/* The checkpoint's certificate, where the head is one that has none yet: older trees are dropped
 * only then. */
static enum rc certify_head(void)
{
    struct certificate c;
    uint64_t height = store_head(stored.store)->height;
    if (height % TRAFFIC_CHECKPOINT_EVERY != 0 || height == 0 ||
        (store_get_stable(stored.store, height + 1, &c, NULL) == RC_OK &&
         c.statement.height == height))
        return RC_OK;
    enum rc rc = store_flush(stored.store, &stored.why); /* if that of the block failed */
    if (rc != RC_OK)
        return rc;
    traffic_certificate(&c, &stored.traffic, CERT_CHECKPOINT, height,
                        store_head_digest(stored.store), stored_root());
    return store_put_certificate(stored.store, &c, &stored.why);
}

/* Append all blocks while the commit of this number fails; then open again, like a restarted node,
 * and go on. Returns false when there were fewer commits. */
static bool append_with_a_failure_after(uint32_t commits, bool lands)
{
    bool failed = false;
    kv_mem_fail_after(stored.kv, commits, RC_STORE_IO, lands);
    while (store_head(stored.store)->height < STORED_BLOCKS) {
        uint32_t next = (uint32_t)store_head(stored.store)->height;
        uint32_t first = next * STORED_TXS_PER_BLOCK;
        if (certify_head() == RC_OK &&
            traffic_append(&stored.traffic, stored.store, first, STORED_TXS_PER_BLOCK, NULL,
                           &stored.why) == RC_OK)
            continue;
        assert_false(failed);
        failed = true;
        store_close(stored.store);
        kv_mem_fail_next(stored.kv, RC_OK);
        stored_open(0);
        assert_in_range(store_head(stored.store)->height, next, next + 1);
    }
    return failed;
}

/* The tree of a checkpoint height was flushed by itself: its root is kept under that height. */
static void expect_root_at_every_checkpoint(void)
{
    for (uint8_t height = TRAFFIC_CHECKPOINT_EVERY; height <= STORED_BLOCKS;
         height += TRAFFIC_CHECKPOINT_EVERY) {
        uint8_t key[8] = {[7] = height};
        struct bytes root;
        assert_int_equal(
            kv_get(store_view(stored.store), KV_ROOT, bytes_of(key, sizeof key), &root), RC_OK);
    }
}

/* A commit that fails anywhere, of a block or of a flush, and whether it landed or not, costs
 * nothing that was reported durable: the chain goes on and ends in the same state. */
static void a_failed_commit_anywhere_is_recovered(void **state)
{
    (void)state;
    stored_append(0, STORED_BLOCKS);
    assert_int_equal(store_flush(stored.store, &stored.why), RC_OK);
    struct digest head = *store_head_digest(stored.store);
    struct digest root = *stored_root();
    bool failed = true;
    for (uint32_t at = 0; failed; at++) {
        stored_renew(0);
        failed = append_with_a_failure_after(at / 2, at % 2 == 0);
        /* A block each; a flush, a dropping, a certificate for each checkpoint, but for the first
         * flush, which leaves nothing to drop, and the last certificate. */
        assert_int_equal(failed, at / 2 < STORED_BLOCKS +
                                              3 * (STORED_BLOCKS / TRAFFIC_CHECKPOINT_EVERY) - 2);
        assert_true(digest_equal(store_head_digest(stored.store), &head));
        kv_mem_fail_next(stored.kv, RC_OK);
        assert_int_equal(store_flush(stored.store, &stored.why), RC_OK);
        assert_true(digest_equal(stored_root(), &root));
        expect_root_at_every_checkpoint();
    }
}

/* A full map leaves the store as it was, also its counts: the same store goes on once there is
 * room, and opens again. */
static void a_full_map_anywhere_leaves_the_store_sound(void **state)
{
    (void)state;
    for (uint32_t at = 0; at < STORED_BLOCKS; at++) {
        int refused = 0;
        stored_renew(0);
        kv_mem_fail_after(stored.kv, at, RC_STORE_FULL, false);
        while (store_head(stored.store)->height < STORED_BLOCKS) {
            uint32_t first = (uint32_t)store_head(stored.store)->height * STORED_TXS_PER_BLOCK;
            enum rc rc = traffic_append(&stored.traffic, stored.store, first, STORED_TXS_PER_BLOCK,
                                        NULL, &stored.why);
            refused += rc == RC_STORE_FULL;
            assert_true(rc == RC_OK || rc == RC_STORE_FULL);
        }
        assert_int_equal(refused, 1);
        expect_root_at_every_checkpoint();
        stored_reopen();
        assert_int_equal(store_head(stored.store)->height, STORED_BLOCKS);
    }
}

/* Commit a raw change behind the store's back, as damage would. */
static void delete_first(enum kv_table table)
{
    struct kv_cursor *c;
    struct bytes key, value;
    struct kv_batch *batch = kv_batch_new();
    assert_int_equal(kv_cursor_open(&c, store_view(stored.store), table), RC_OK);
    assert_int_equal(kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value), RC_OK);
    kv_batch_delete(batch, table, key);
    kv_cursor_close(c);
    assert_int_equal(kv_commit(stored.kv, batch, &stored.why), RC_OK);
    kv_batch_free(batch);
}

/* A table that lost an entry is noticed when the store is opened, whichever index it is. */
static void a_lost_index_entry_is_noticed_at_open(void **state)
{
    (void)state;
    static const enum kv_table tables[] = {KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY, KV_RECORD};
    stored_append(0, STORED_BLOCKS);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct store *opened;
        struct store_options options = {.care = TREE_TRUST};
        delete_first(tables[i]);
        assert_int_equal(store_open(&opened, stored.kv, &options, &stored.why), RC_STORE_DAMAGED);
        assert_non_null(strstr(stored.why.text, kv_table_name(tables[i])));
        stored_renew(0);
        stored_append(0, STORED_BLOCKS);
    }
}

/* An entry that vanishes while the store is open is never reported as "there is none". */
static void a_vanished_entry_is_damage_and_not_absence(void **state)
{
    (void)state;
    stored_append(0, STORED_BLOCKS);
    assert_int_equal(store_flush(stored.store, &stored.why), RC_OK);
    delete_first(KV_TXID);
    assert_int_equal(
        store_put_certificate(stored.store,
                              &(struct certificate){.statement = {.kind = CERT_COMMIT, .height = 1},
                                                    .entries_count = 0},
                              &stored.why),
        RC_OK); /* renews the view */
    for (uint32_t i = 0; i < STORED_TXS; i++) {
        struct tx tx;
        struct place place;
        assert_int_equal(
            tx_decode(&tx, traffic_tx(&stored.traffic, i), &stored.traffic.book.chain_id),
            VERDICT_OK);
        enum rc rc = store_get_place(stored.store, &tx.id, &place, &stored.why);
        assert_true(rc == RC_OK || rc == RC_STORE_DAMAGED);
    }
    struct digest nowhere = {{1}};
    struct place place;
    assert_int_equal(store_get_place(stored.store, &nowhere, &place, &stored.why),
                     RC_STORE_DAMAGED);
}

/* A missing block, a missing end of the chain, a missing state node: each is named at open. */
static void a_lost_block_or_chain_end_is_noticed_at_open(void **state)
{
    (void)state;
    struct store *opened;
    struct store_options options = {.care = TREE_TRUST};
    struct kv_batch *batch = kv_batch_new();
    struct buf key = {0};
    stored_append(0, TRAFFIC_CHECKPOINT_EVERY + 1);
    static const uint8_t last[8] = {[7] = TRAFFIC_CHECKPOINT_EVERY + 1};
    buf_add(&key, last, sizeof last);
    buf_add(&key, store_head_digest(stored.store)->bytes, DIGEST_BYTES);
    kv_batch_delete(batch, KV_BLOCK, buf_bytes(&key));
    assert_int_equal(kv_commit(stored.kv, batch, &stored.why), RC_OK);
    assert_int_equal(store_open(&opened, stored.kv, &options, &stored.why), RC_STORE_DAMAGED);
    kv_batch_clear(batch);
    kv_batch_delete(batch, KV_CHAIN, bytes_of(last, sizeof last));
    assert_int_equal(kv_commit(stored.kv, batch, &stored.why), RC_OK);
    assert_int_equal(store_open(&opened, stored.kv, &options, &stored.why), RC_STORE_DAMAGED);
    assert_non_null(strstr(stored.why.text, "chain"));
    kv_batch_free(batch);
    buf_free(&key);
}

/* Put a raw value behind the store's back. */
static void put_raw(enum kv_table table, struct bytes key, struct bytes value)
{
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, table, key, value);
    assert_int_equal(kv_commit(stored.kv, batch, &stored.why), RC_OK);
    kv_batch_free(batch);
}

/* A store whose state lags further than a node ever leaves it is refused: opening it would have to
 * apply and hold as much of the chain as its writer likes. */
static void a_state_far_behind_the_chain_is_refused_at_open(void **state)
{
    (void)state;
    struct store *opened;
    struct bytes value, record = bytes_of_text("head");
    struct store_options options = {.care = TREE_VERIFY};
    struct buf head = {0};
    stored_append(0, TRAFFIC_CHECKPOINT_EVERY + 1);
    assert_int_equal(kv_get(store_view(stored.store), KV_META, record, &value), RC_OK);
    buf_add_bytes(&head, value);
    struct wr w = wr_of(head.data, 8); /* its first field: the height */
    wr_u64(&w, TRAFFIC_CHECKPOINT_EVERY + STORE_BEHIND_HEIGHTS_MAX + 1);
    put_raw(KV_META, record, buf_bytes(&head));
    assert_int_equal(store_open(&opened, stored.kv, &options, &stored.why), RC_STORE_DAMAGED);
    assert_non_null(strstr(stored.why.text, "height 8: derived: the state stops more than 49152"));
    buf_free(&head);
}

/* The audit opens what others refuse, to say what is wrong with it and where. */
static void a_damaged_store_can_be_opened_as_recorded(void **state)
{
    (void)state;
    struct store *opened;
    struct store_options options = {.care = TREE_VERIFY, .as_recorded = true};
    stored_append(0, TRAFFIC_CHECKPOINT_EVERY + 2);
    delete_first(KV_CERT);
    delete_first(KV_CHAIN);
    assert_int_equal(store_open(&opened, stored.kv, &options, &stored.why), RC_OK);
    assert_int_equal(store_head(opened)->height, TRAFFIC_CHECKPOINT_EVERY + 2);
    assert_true(digest_equal(store_head_digest(opened), store_head_digest(stored.store)));
    assert_int_equal(store_flushed_height(opened), TRAFFIC_CHECKPOINT_EVERY);
    store_close(opened);
    options.as_recorded = false;
    assert_int_equal(store_open(&opened, stored.kv, &options, &stored.why), RC_STORE_DAMAGED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, stored_setup, stored_teardown)
    const struct CMUnitTest tests[] = {
        T(a_failed_commit_anywhere_is_recovered),
        T(a_full_map_anywhere_leaves_the_store_sound),
        T(a_lost_index_entry_is_noticed_at_open),
        T(a_vanished_entry_is_damage_and_not_absence),
        T(a_lost_block_or_chain_end_is_noticed_at_open),
        T(a_state_far_behind_the_chain_is_refused_at_open),
        T(a_damaged_store_can_be_opened_as_recorded),
    };
    return cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
}
