/* The store: what is durable stays, what is derived can be made again, and neither depends on when
 * it was flushed or on which kv it stands. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/scratch.h"
#include "tests/help/stored.h"

static uint64_t balance_of(struct layer *l, const char *account)
{
    struct state_balance balance;
    bool found = state_get_balance(l, bytes_of_text(account), bytes_of_text("CZK"), &balance);
    return found ? balance.amount : 0;
}

/* A fresh store stands at height 0 with the genesis' state, and is made once only. */
static void a_new_store_holds_the_initial_state(void **state)
{
    (void)state;
    struct digest genesis;
    struct block_header header;
    block_genesis_header(&header, &stored.traffic.book.chain_id);
    block_header_digest(&genesis, &header);
    assert_int_equal(store_head(stored.store)->height, 0);
    assert_true(digest_equal(store_head_digest(stored.store), &genesis));
    assert_int_equal(balance_of(store_layer(stored.store), "bank/main"), 100000);
    assert_int_equal(traffic_create_store(&stored.traffic, stored.kv, &stored.why), RC_FILE_EXISTS);
}

/* Blocks above the flushed height are applied again at start, with the same result. */
static void reopening_applies_what_was_not_flushed(void **state)
{
    (void)state;
    stored_append(0, TRAFFIC_CHECKPOINT_EVERY + 5);
    struct digest head = *store_head_digest(stored.store);
    uint64_t balance = balance_of(store_layer(stored.store), "bank/main");
    assert_int_equal(store_flushed_height(stored.store), TRAFFIC_CHECKPOINT_EVERY);
    stored_reopen();
    assert_int_equal(store_head(stored.store)->height, TRAFFIC_CHECKPOINT_EVERY + 5);
    assert_true(digest_equal(store_head_digest(stored.store), &head));
    assert_int_equal(balance_of(store_layer(stored.store), "bank/main"), balance);
    stored_append(TRAFFIC_CHECKPOINT_EVERY + 5, STORED_BLOCKS);
    assert_int_equal(balance_of(store_layer(stored.store), "bank/main"),
                     book_balance(&stored.traffic.book, "bank/main", "CZK"));
}

/* Flushing after every block, or only at checkpoints, gives the same state root. */
static void the_state_root_does_not_depend_on_flushes(void **state)
{
    (void)state;
    stored_append(0, STORED_BLOCKS);
    assert_int_equal(store_flush(stored.store, &stored.why), RC_OK);
    struct tree_ref rare = store_tree(stored.store);
    stored_renew(1); /* a layer of one byte is always too large */
    stored_append(0, STORED_BLOCKS);
    assert_int_equal(store_flushed_height(stored.store), STORED_BLOCKS);
    assert_true(digest_equal(stored_root(), &rare.root));
}

static void expect_equal_tables(struct kv_view *a, struct kv_view *b)
{
    for (int table = 0; table < KV_TABLE_COUNT; table++) {
        struct kv_cursor *ca, *cb;
        struct bytes key_a, key_b, value_a, value_b;
        assert_int_equal(kv_cursor_open(&ca, a, (enum kv_table)table), RC_OK);
        assert_int_equal(kv_cursor_open(&cb, b, (enum kv_table)table), RC_OK);
        enum rc rc_a = kv_cursor_seek(ca, bytes_of(NULL, 0), &key_a, &value_a);
        enum rc rc_b = kv_cursor_seek(cb, bytes_of(NULL, 0), &key_b, &value_b);
        while (rc_a == RC_OK && rc_b == RC_OK) {
            assert_true(bytes_equal(key_a, key_b));
            assert_true(bytes_equal(value_a, value_b));
            rc_a = kv_cursor_next(ca, &key_a, &value_a);
            rc_b = kv_cursor_next(cb, &key_b, &value_b);
        }
        assert_int_equal(rc_a, RC_NOT_FOUND);
        assert_int_equal(rc_b, RC_NOT_FOUND);
        kv_cursor_close(ca);
        kv_cursor_close(cb);
    }
}

/* The same chain gives the same bytes in memory and on disk, in every table. */
static void memory_and_disk_hold_the_same(void **state)
{
    (void)state;
    char *path = scratch_make();
    struct kv *disk;
    struct kv_lmdb_options disk_options = {.create = true};
    stored_append(0, STORED_BLOCKS);
    struct store *in_memory = stored.store;

    assert_int_equal(kv_lmdb_open(&disk, path, &disk_options, &stored.why), RC_OK);
    assert_int_equal(traffic_create_store(&stored.traffic, disk, &stored.why), RC_OK);
    struct store_options options = {.care = TREE_TRUST};
    assert_int_equal(store_open(&stored.store, disk, &options, &stored.why), RC_OK);
    stored_append(0, STORED_BLOCKS);
    expect_equal_tables(store_view(in_memory), store_view(stored.store));

    store_close(stored.store);
    kv_close(disk);
    stored.store = in_memory;
    scratch_remove(path);
}

/* Every transaction is found by its id, with the bytes that were signed, flushed or not. */
static void every_transaction_is_found(void **state)
{
    (void)state;
    stored_append(0, STORED_BLOCKS - 1);
    for (uint32_t i = 0; i < STORED_TXS - STORED_TXS_PER_BLOCK; i++) {
        struct tx tx, found;
        struct place place;
        struct block block;
        assert_int_equal(
            tx_decode(&tx, traffic_tx(&stored.traffic, i), &stored.traffic.book.chain_id),
            VERDICT_OK);
        assert_int_equal(store_get_place(stored.store, &tx.id, &place, &stored.why), RC_OK);
        assert_int_equal(place.height, 1 + i / STORED_TXS_PER_BLOCK);
        assert_int_equal(store_get_tx(stored.store, &place, &found, &block, &stored.why), RC_OK);
        assert_true(bytes_equal(found.whole, tx.whole));
    }
    struct tx last;
    struct place place;
    assert_int_equal(tx_decode(&last, traffic_tx(&stored.traffic, STORED_TXS - 1),
                               &stored.traffic.book.chain_id),
                     VERDICT_OK);
    assert_int_equal(store_get_place(stored.store, &last.id, &place, &stored.why), RC_NOT_FOUND);
}

/* An account's history is complete: entries 1 to entries_count are there, each leads from the
 * balance before it to the one after, and there is no other. */
static void histories_are_complete(void **state)
{
    (void)state;
    uint8_t room[KV_KEY_BYTES_MAX];
    struct bytes account = bytes_of_text("bank/main"), asset = bytes_of_text("CZK"), value;
    struct state_balance balance;
    struct history_entry entry;
    uint64_t amount = 100000;
    stored_append(0, STORED_BLOCKS);
    assert_true(state_get_balance(store_layer(stored.store), account, asset, &balance));
    assert_true(balance.entries_count > 10);
    for (uint64_t i = 1; i <= balance.entries_count; i++) {
        struct bytes key = place_history_key(room, account, asset, i);
        assert_int_equal(store_get_index(stored.store, KV_HISTORY, key, &value, &stored.why),
                         RC_OK);
        assert_true(place_history_decode(&entry, value));
        amount = entry.credit ? amount + entry.amount : amount - entry.amount;
        assert_int_equal(entry.balance, amount);
    }
    assert_int_equal(amount, balance.amount);
    struct bytes beyond = place_history_key(room, account, asset, balance.entries_count + 1);
    assert_int_equal(store_get_index(stored.store, KV_HISTORY, beyond, &value, &stored.why),
                     RC_NOT_FOUND);
}

/* The identity guards against another chain's genesis and another replica's key. */
static void a_store_knows_its_chain_and_replica(void **state)
{
    (void)state;
    struct sign_key own, other;
    struct digest chain = stored.traffic.book.chain_id;
    struct buf genesis = {0};
    traffic_member_key(&own, 0);
    traffic_member_key(&other, 1);
    assert_int_equal(store_expect(stored.store, &chain, &own.public, &stored.why), RC_OK);
    assert_int_equal(store_expect(stored.store, &chain, NULL, &stored.why), RC_OK);
    assert_int_equal(store_expect(stored.store, &chain, &other.public, &stored.why),
                     RC_REPLICA_MISMATCH);
    chain.bytes[0] ^= 1;
    assert_int_equal(store_expect(stored.store, &chain, &own.public, &stored.why),
                     RC_GENESIS_MISMATCH);
    assert_int_equal(store_genesis(stored.store, &genesis, &stored.why), RC_OK);
    assert_true(bytes_equal(buf_bytes(&genesis), bytes_of_text("book")));
    buf_free(&genesis);
}

/* A certificate serves its height and those below it down to the previous one. */
static void certificates_are_found_by_the_heights_they_cover(void **state)
{
    (void)state;
    struct certificate c;
    stored_append(0, 6);
    assert_int_equal(store_get_certificate(stored.store, 3, &c, &stored.why), RC_OK);
    assert_int_equal(c.statement.height, 3);
    assert_int_equal(store_get_certificate(stored.store, 7, &c, &stored.why), RC_NOT_FOUND);
    assert_int_equal(store_get_checkpoint(stored.store, &c, &(struct tree_ref){0}, &stored.why),
                     RC_NOT_FOUND);
}

/* The newest certified checkpoint's tree is kept, however many come that nobody certifies: proofs
 * can be made against it. */
static void the_newest_certified_checkpoint_is_found(void **state)
{
    (void)state;
    struct certificate c, found;
    struct tree_ref tree;
    stored_append(0, 2 * TRAFFIC_CHECKPOINT_EVERY);
    struct tree_ref first = store_tree(stored.store);
    traffic_certificate(&c, &stored.traffic, CERT_CHECKPOINT, 2 * TRAFFIC_CHECKPOINT_EVERY,
                        store_head_digest(stored.store), &first.root);
    assert_int_equal(store_put_certificate(stored.store, &c, &stored.why), RC_OK);
    stored_append(2 * TRAFFIC_CHECKPOINT_EVERY, 3 * TRAFFIC_CHECKPOINT_EVERY + 2);
    assert_int_equal(store_get_checkpoint(stored.store, &found, &tree, &stored.why), RC_OK);
    assert_int_equal(found.statement.height, 2 * TRAFFIC_CHECKPOINT_EVERY);
    assert_true(digest_equal(&tree.root, &first.root));
    struct bytes value;
    assert_int_equal(tree_get(store_view(stored.store), &tree, TREE_VERIFY, STATE_ASSET,
                              bytes_of_text("CZK"), &value),
                     RC_OK);
    stored_append(3 * TRAFFIC_CHECKPOINT_EVERY + 2, 4 * TRAFFIC_CHECKPOINT_EVERY);
    assert_int_equal(store_get_checkpoint(stored.store, &found, &tree, &stored.why), RC_OK);
    assert_int_equal(found.statement.height, 2 * TRAFFIC_CHECKPOINT_EVERY);
    assert_true(digest_equal(&tree.root, &first.root));
}

/* A checkpoint at a quiet height serves as well, where a flush ended there. */
static void a_checkpoint_at_a_quiet_height_is_found(void **state)
{
    (void)state;
    struct certificate c, found;
    struct tree_ref tree;
    stored_append(0, 5);
    assert_int_equal(store_flush(stored.store, &stored.why), RC_OK);
    traffic_certificate(&c, &stored.traffic, CERT_CHECKPOINT, 5, store_head_digest(stored.store),
                        stored_root());
    assert_int_equal(store_put_certificate(stored.store, &c, &stored.why), RC_OK);
    stored_append(5, 7);
    assert_int_equal(store_get_checkpoint(stored.store, &found, &tree, &stored.why), RC_OK);
    assert_int_equal(found.statement.height, 5);
    assert_true(digest_equal(&tree.root, &c.statement.state_root));
    /* Another one, of a height where no flush ended: the tree is not here, so the older serves. */
    traffic_certificate(&c, &stored.traffic, CERT_CHECKPOINT, 7, store_head_digest(stored.store),
                        store_head_digest(stored.store));
    assert_int_equal(store_put_certificate(stored.store, &c, &stored.why), RC_OK);
    stored_append(7, TRAFFIC_CHECKPOINT_EVERY);
    assert_int_equal(store_get_checkpoint(stored.store, &found, &tree, &stored.why), RC_OK);
    assert_int_equal(found.statement.height, 5);
}

/* A layer stays useful when the one below it was committed and is gone. */
static void a_layer_moves_to_the_committed_state(void **state)
{
    (void)state;
    struct layer *below = layer_new(store_layer(stored.store), NULL);
    struct layer *above = layer_new(below, NULL);
    struct bytes value;
    layer_put(below, STATE_ASSET, bytes_of_text("B"), bytes_of_text("b"));
    layer_put(above, STATE_ASSET, bytes_of_text("A"), bytes_of_text("a"));
    layer_merge(store_layer(stored.store), below);
    layer_set_parent(above, store_layer(stored.store));
    layer_free(below);
    assert_true(layer_get(above, STATE_ASSET, bytes_of_text("B"), &value));
    assert_true(bytes_equal(value, bytes_of_text("b")));
    assert_true(layer_get(above, STATE_ASSET, bytes_of_text("A"), &value));
    layer_free(above);
}

static enum rc collect_name(void *context, struct bytes key)
{
    struct buf *names = context;
    buf_add_bytes(names, key);
    buf_add_u8(names, '\n');
    return RC_OK;
}

/* Lists join what is flushed and what is not, in order, each entry once. */
static void lists_join_flushed_and_fresh_names(void **state)
{
    (void)state;
    struct buf all = {0}, again = {0};
    stored_append(0, TRAFFIC_CHECKPOINT_EVERY + 3);
    assert_int_equal(store_list(stored.store, STATE_BALANCE, bytes_of_text("shop/"), collect_name,
                                &all, &stored.why),
                     RC_OK);
    assert_int_equal(store_flush(stored.store, &stored.why), RC_OK);
    assert_int_equal(store_list(stored.store, STATE_BALANCE, bytes_of_text("shop/"), collect_name,
                                &again, &stored.why),
                     RC_OK);
    assert_true(all.size > 20);
    assert_true(bytes_equal(buf_bytes(&all), buf_bytes(&again)));
    buf_clear(&all);
    assert_int_equal(store_list(stored.store, STATE_PARTICIPANT, bytes_of(NULL, 0), collect_name,
                                &all, &stored.why),
                     RC_OK);
    assert_true(bytes_equal(buf_bytes(&all), bytes_of_text("anna\nbank\nshop\n")));
    buf_free(&all);
    buf_free(&again);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, stored_setup, stored_teardown)
    const struct CMUnitTest tests[] = {
        T(a_new_store_holds_the_initial_state),
        T(reopening_applies_what_was_not_flushed),
        T(the_state_root_does_not_depend_on_flushes),
        T(memory_and_disk_hold_the_same),
        T(every_transaction_is_found),
        T(histories_are_complete),
        T(a_store_knows_its_chain_and_replica),
        T(certificates_are_found_by_the_heights_they_cover),
        T(the_newest_certified_checkpoint_is_found),
        T(a_checkpoint_at_a_quiet_height_is_found),
        T(a_layer_moves_to_the_committed_state),
        T(lists_join_flushed_and_fresh_names),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
