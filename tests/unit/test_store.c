/* The store: what is durable stays, what is derived can be made again, and neither depends on when
 * it was flushed or on which kv it stands. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/scratch.h"
#include "tests/help/traffic.h"

enum { TXS = 120, TXS_PER_BLOCK = 3, BLOCKS = TXS / TXS_PER_BLOCK };

static struct traffic traffic;
static struct kv *kv;
static struct store *store;
static struct why why;

static void open_store(uint64_t layer_bytes_max)
{
    struct store_options options = {.care = TREE_VERIFY, .layer_bytes_max = layer_bytes_max};
    assert_int_equal(store_open(&store, kv, &options, &why), RC_OK);
}

static int open_empty(void **state)
{
    (void)state;
    traffic_open(&traffic, 5, TXS);
    kv = kv_mem_new();
    assert_int_equal(traffic_create_store(&traffic, kv, &why), RC_OK);
    open_store(0);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    store_close(store);
    kv_close(kv);
    traffic_close(&traffic);
    return 0;
}

static const struct digest *root_now(void)
{
    static struct digest root;
    root = store_tree(store).root;
    return &root;
}

static void append_blocks(uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        assert_int_equal(
            traffic_append(&traffic, store, i * TXS_PER_BLOCK, TXS_PER_BLOCK, NULL, &why), RC_OK);
}

static void reopen(void)
{
    store_close(store);
    open_store(0);
}

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
    block_genesis_header(&header, &traffic.book.chain_id);
    block_header_digest(&genesis, &header);
    assert_int_equal(store_head(store)->height, 0);
    assert_true(digest_equal(store_head_digest(store), &genesis));
    assert_int_equal(balance_of(store_layer(store), "bank/main"), 100000);
    assert_int_equal(traffic_create_store(&traffic, kv, &why), RC_FILE_EXISTS);
}

/* Blocks above the flushed height are applied again at start, with the same result. */
static void reopening_applies_what_was_not_flushed(void **state)
{
    (void)state;
    append_blocks(0, TRAFFIC_CHECKPOINT_EVERY + 5);
    struct digest head = *store_head_digest(store);
    uint64_t balance = balance_of(store_layer(store), "bank/main");
    assert_int_equal(store_flushed_height(store), TRAFFIC_CHECKPOINT_EVERY);
    reopen();
    assert_int_equal(store_head(store)->height, TRAFFIC_CHECKPOINT_EVERY + 5);
    assert_true(digest_equal(store_head_digest(store), &head));
    assert_int_equal(balance_of(store_layer(store), "bank/main"), balance);
    append_blocks(TRAFFIC_CHECKPOINT_EVERY + 5, BLOCKS);
    assert_int_equal(balance_of(store_layer(store), "bank/main"),
                     book_balance(&traffic.book, "bank/main", "CZK"));
}

/* Flushing after every block, or only at checkpoints, gives the same state root. */
static void the_state_root_does_not_depend_on_flushes(void **state)
{
    (void)state;
    append_blocks(0, BLOCKS);
    assert_int_equal(store_flush(store, &why), RC_OK);
    struct tree_ref rare = store_tree(store);
    store_close(store);
    kv_close(kv);

    kv = kv_mem_new();
    assert_int_equal(traffic_create_store(&traffic, kv, &why), RC_OK);
    open_store(1); /* a layer of one byte is always too large */
    append_blocks(0, BLOCKS);
    assert_int_equal(store_flushed_height(store), BLOCKS);
    assert_true(digest_equal(root_now(), &rare.root));
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
    append_blocks(0, BLOCKS);
    struct store *in_memory = store;

    assert_int_equal(kv_lmdb_open(&disk, path, &disk_options, &why), RC_OK);
    assert_int_equal(traffic_create_store(&traffic, disk, &why), RC_OK);
    struct store_options options = {.care = TREE_TRUST};
    assert_int_equal(store_open(&store, disk, &options, &why), RC_OK);
    append_blocks(0, BLOCKS);
    expect_equal_tables(store_view(in_memory), store_view(store));

    store_close(store);
    kv_close(disk);
    store = in_memory;
    scratch_remove(path);
}

/* Append all blocks while the commit of this number fails; then open again, like a restarted node,
 * and go on. Returns false when there were fewer commits. */
static bool append_with_a_failure_after(uint32_t commits, bool lands)
{
    bool failed = false;
    kv_mem_fail_after(kv, commits, RC_STORE_IO, lands);
    while (store_head(store)->height < BLOCKS) {
        uint32_t next = (uint32_t)store_head(store)->height;
        uint32_t first = next * TXS_PER_BLOCK;
        if (traffic_append(&traffic, store, first, TXS_PER_BLOCK, NULL, &why) == RC_OK)
            continue;
        assert_false(failed);
        failed = true;
        store_close(store);
        kv_mem_fail_next(kv, RC_OK);
        open_store(0);
        assert_in_range(store_head(store)->height, next, next + 1);
    }
    return failed;
}

/* A commit that fails anywhere, of a block or of a flush, and whether it landed or not, costs
 * nothing that was reported durable: the chain goes on and ends in the same state. */
static void a_failed_commit_anywhere_is_recovered(void **state)
{
    (void)state;
    append_blocks(0, BLOCKS);
    assert_int_equal(store_flush(store, &why), RC_OK);
    struct digest head = *store_head_digest(store);
    struct digest root = *root_now();
    bool failed = true;
    for (uint32_t at = 0; failed; at++) {
        store_close(store);
        kv_close(kv);
        kv = kv_mem_new();
        assert_int_equal(traffic_create_store(&traffic, kv, &why), RC_OK);
        open_store(0);
        failed = append_with_a_failure_after(at / 2, at % 2 == 0);
        assert_int_equal(failed, at / 2 < BLOCKS + 2 * (BLOCKS / TRAFFIC_CHECKPOINT_EVERY) - 1);
        assert_true(digest_equal(store_head_digest(store), &head));
        kv_mem_fail_next(kv, RC_OK);
        assert_int_equal(store_flush(store, &why), RC_OK);
        assert_true(digest_equal(root_now(), &root));
    }
}

/* Every transaction is found by its id, with the bytes that were signed, flushed or not. */
static void every_transaction_is_found(void **state)
{
    (void)state;
    append_blocks(0, BLOCKS - 1);
    for (uint32_t i = 0; i < TXS - TXS_PER_BLOCK; i++) {
        struct tx tx, found;
        struct place place;
        struct block block;
        assert_int_equal(tx_decode(&tx, traffic_tx(&traffic, i), &traffic.book.chain_id),
                         VERDICT_OK);
        assert_int_equal(store_get_place(store, &tx.id, &place, &why), RC_OK);
        assert_int_equal(place.height, 1 + i / TXS_PER_BLOCK);
        assert_int_equal(store_get_tx(store, &place, &found, &block, &why), RC_OK);
        assert_true(bytes_equal(found.whole, tx.whole));
    }
    struct tx last;
    struct place place;
    assert_int_equal(tx_decode(&last, traffic_tx(&traffic, TXS - 1), &traffic.book.chain_id),
                     VERDICT_OK);
    assert_int_equal(store_get_place(store, &last.id, &place, &why), RC_NOT_FOUND);
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
    append_blocks(0, BLOCKS);
    assert_true(state_get_balance(store_layer(store), account, asset, &balance));
    assert_true(balance.entries_count > 10);
    for (uint64_t i = 1; i <= balance.entries_count; i++) {
        struct bytes key = place_history_key(room, account, asset, i);
        assert_int_equal(store_get_index(store, KV_HISTORY, key, &value, &why), RC_OK);
        assert_true(place_history_decode(&entry, value));
        amount = entry.credit ? amount + entry.amount : amount - entry.amount;
        assert_int_equal(entry.balance, amount);
    }
    assert_int_equal(amount, balance.amount);
    struct bytes beyond = place_history_key(room, account, asset, balance.entries_count + 1);
    assert_int_equal(store_get_index(store, KV_HISTORY, beyond, &value, &why), RC_NOT_FOUND);
}

/* Commit a raw change behind the store's back, as damage would. */
static void delete_first(enum kv_table table)
{
    struct kv_cursor *c;
    struct bytes key, value;
    struct kv_batch *batch = kv_batch_new();
    assert_int_equal(kv_cursor_open(&c, store_view(store), table), RC_OK);
    assert_int_equal(kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value), RC_OK);
    kv_batch_delete(batch, table, key);
    kv_cursor_close(c);
    assert_int_equal(kv_commit(kv, batch, &why), RC_OK);
    kv_batch_free(batch);
}

/* A table that lost an entry is noticed when the store is opened, whichever index it is. */
static void a_lost_index_entry_is_noticed_at_open(void **state)
{
    (void)state;
    static const enum kv_table tables[] = {KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY, KV_RECORD};
    append_blocks(0, BLOCKS);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct store *opened;
        struct store_options options = {.care = TREE_TRUST};
        delete_first(tables[i]);
        assert_int_equal(store_open(&opened, kv, &options, &why), RC_STORE_DAMAGED);
        assert_non_null(strstr(why.text, kv_table_name(tables[i])));
        store_close(store);
        kv_close(kv);
        kv = kv_mem_new();
        assert_int_equal(traffic_create_store(&traffic, kv, &why), RC_OK);
        open_store(0);
        append_blocks(0, BLOCKS);
    }
}

/* An entry that vanishes while the store is open is never reported as "there is none". */
static void a_vanished_entry_is_damage_and_not_absence(void **state)
{
    (void)state;
    append_blocks(0, BLOCKS);
    assert_int_equal(store_flush(store, &why), RC_OK);
    delete_first(KV_TXID);
    assert_int_equal(
        store_put_certificate(store,
                              &(struct certificate){.statement = {.kind = CERT_COMMIT, .height = 1},
                                                    .entries_count = 0},
                              &why),
        RC_OK); /* renews the view */
    for (uint32_t i = 0; i < TXS; i++) {
        struct tx tx;
        struct place place;
        assert_int_equal(tx_decode(&tx, traffic_tx(&traffic, i), &traffic.book.chain_id),
                         VERDICT_OK);
        enum rc rc = store_get_place(store, &tx.id, &place, &why);
        assert_true(rc == RC_OK || rc == RC_STORE_DAMAGED);
    }
    struct digest nowhere = {{1}};
    struct place place;
    assert_int_equal(store_get_place(store, &nowhere, &place, &why), RC_STORE_DAMAGED);
}

/* A missing block, a missing end of the chain, a missing state node: each is named at open. */
static void a_lost_block_or_chain_end_is_noticed_at_open(void **state)
{
    (void)state;
    struct store *opened;
    struct store_options options = {.care = TREE_TRUST};
    struct kv_batch *batch = kv_batch_new();
    struct buf key = {0};
    append_blocks(0, TRAFFIC_CHECKPOINT_EVERY + 1);
    static const uint8_t last[8] = {[7] = TRAFFIC_CHECKPOINT_EVERY + 1};
    buf_add(&key, last, sizeof last);
    buf_add(&key, store_head_digest(store)->bytes, DIGEST_BYTES);
    kv_batch_delete(batch, KV_BLOCK, buf_bytes(&key));
    assert_int_equal(kv_commit(kv, batch, &why), RC_OK);
    assert_int_equal(store_open(&opened, kv, &options, &why), RC_STORE_DAMAGED);
    kv_batch_clear(batch);
    kv_batch_delete(batch, KV_CHAIN, bytes_of(last, sizeof last));
    assert_int_equal(kv_commit(kv, batch, &why), RC_OK);
    assert_int_equal(store_open(&opened, kv, &options, &why), RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "chain"));
    kv_batch_free(batch);
    buf_free(&key);
}

/* The identity guards against another chain's genesis and another replica's key. */
static void a_store_knows_its_chain_and_replica(void **state)
{
    (void)state;
    struct sign_key own, other;
    struct digest chain = traffic.book.chain_id;
    struct buf genesis = {0};
    traffic_member_key(&own, 0);
    traffic_member_key(&other, 1);
    assert_int_equal(store_expect(store, &chain, &own.public, &why), RC_OK);
    assert_int_equal(store_expect(store, &chain, NULL, &why), RC_OK);
    assert_int_equal(store_expect(store, &chain, &other.public, &why), RC_REPLICA_MISMATCH);
    chain.bytes[0] ^= 1;
    assert_int_equal(store_expect(store, &chain, &own.public, &why), RC_GENESIS_MISMATCH);
    assert_int_equal(store_genesis(store, &genesis, &why), RC_OK);
    assert_true(bytes_equal(buf_bytes(&genesis), bytes_of_text("book")));
    buf_free(&genesis);
}

/* A certificate serves its height and those below it down to the previous one. */
static void certificates_are_found_by_the_heights_they_cover(void **state)
{
    (void)state;
    struct certificate c;
    append_blocks(0, 6);
    assert_int_equal(store_get_certificate(store, 3, &c, &why), RC_OK);
    assert_int_equal(c.statement.height, 3);
    assert_int_equal(store_get_certificate(store, 7, &c, &why), RC_NOT_FOUND);
    assert_int_equal(store_get_checkpoint(store, &c, &(struct tree_ref){0}, &why), RC_NOT_FOUND);
}

/* The two newest checkpoints' trees are kept; proofs can be made against the certified one. */
static void the_newest_certified_checkpoint_is_found(void **state)
{
    (void)state;
    struct certificate c, found;
    struct tree_ref tree;
    append_blocks(0, 2 * TRAFFIC_CHECKPOINT_EVERY);
    struct tree_ref first = store_tree(store);
    traffic_certificate(&c, &traffic, CERT_CHECKPOINT, 2 * TRAFFIC_CHECKPOINT_EVERY,
                        store_head_digest(store), &first.root);
    assert_int_equal(store_put_certificate(store, &c, &why), RC_OK);
    append_blocks(2 * TRAFFIC_CHECKPOINT_EVERY, 3 * TRAFFIC_CHECKPOINT_EVERY + 2);
    assert_int_equal(store_get_checkpoint(store, &found, &tree, &why), RC_OK);
    assert_int_equal(found.statement.height, 2 * TRAFFIC_CHECKPOINT_EVERY);
    assert_true(digest_equal(&tree.root, &first.root));
    struct bytes value;
    assert_int_equal(
        tree_get(store_view(store), &tree, TREE_VERIFY, STATE_ASSET, bytes_of_text("CZK"), &value),
        RC_OK);
    append_blocks(3 * TRAFFIC_CHECKPOINT_EVERY + 2, 4 * TRAFFIC_CHECKPOINT_EVERY);
    assert_int_equal(store_get_checkpoint(store, &found, &tree, &why), RC_NOT_FOUND);
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
    append_blocks(0, TRAFFIC_CHECKPOINT_EVERY + 3);
    assert_int_equal(
        store_list(store, STATE_BALANCE, bytes_of_text("shop/"), collect_name, &all, &why), RC_OK);
    assert_int_equal(store_flush(store, &why), RC_OK);
    assert_int_equal(
        store_list(store, STATE_BALANCE, bytes_of_text("shop/"), collect_name, &again, &why),
        RC_OK);
    assert_true(all.size > 20);
    assert_true(bytes_equal(buf_bytes(&all), buf_bytes(&again)));
    buf_clear(&all);
    assert_int_equal(
        store_list(store, STATE_PARTICIPANT, bytes_of(NULL, 0), collect_name, &all, &why), RC_OK);
    assert_true(bytes_equal(buf_bytes(&all), bytes_of_text("anna\nbank\nshop\n")));
    buf_free(&all);
    buf_free(&again);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_empty, close_all)
    const struct CMUnitTest tests[] = {
        T(a_new_store_holds_the_initial_state),
        T(reopening_applies_what_was_not_flushed),
        T(the_state_root_does_not_depend_on_flushes),
        T(memory_and_disk_hold_the_same),
        T(a_failed_commit_anywhere_is_recovered),
        T(every_transaction_is_found),
        T(histories_are_complete),
        T(a_lost_index_entry_is_noticed_at_open),
        T(a_vanished_entry_is_damage_and_not_absence),
        T(a_lost_block_or_chain_end_is_noticed_at_open),
        T(a_store_knows_its_chain_and_replica),
        T(certificates_are_found_by_the_heights_they_cover),
        T(the_newest_certified_checkpoint_is_found),
        T(lists_join_flushed_and_fresh_names),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
