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

/* A checkpoint at a quiet height serves as well, where a flush ended there. */
static void a_checkpoint_at_a_quiet_height_is_found(void **state)
{
    (void)state;
    struct certificate c, found;
    struct tree_ref tree;
    append_blocks(0, 5);
    assert_int_equal(store_flush(store, &why), RC_OK);
    traffic_certificate(&c, &traffic, CERT_CHECKPOINT, 5, store_head_digest(store), root_now());
    assert_int_equal(store_put_certificate(store, &c, &why), RC_OK);
    append_blocks(5, 7);
    assert_int_equal(store_get_checkpoint(store, &found, &tree, &why), RC_OK);
    assert_int_equal(found.statement.height, 5);
    assert_true(digest_equal(&tree.root, &c.statement.state_root));
    /* Another one, of a height where no flush ended: the tree is not here, so the older serves. */
    traffic_certificate(&c, &traffic, CERT_CHECKPOINT, 7, store_head_digest(store),
                        store_head_digest(store));
    assert_int_equal(store_put_certificate(store, &c, &why), RC_OK);
    append_blocks(7, TRAFFIC_CHECKPOINT_EVERY);
    assert_int_equal(store_get_checkpoint(store, &found, &tree, &why), RC_OK);
    assert_int_equal(found.statement.height, 5);
}

/* A layer stays useful when the one below it was committed and is gone. */
static void a_layer_moves_to_the_committed_state(void **state)
{
    (void)state;
    struct layer *below = layer_new(store_layer(store), NULL);
    struct layer *above = layer_new(below, NULL);
    struct bytes value;
    layer_put(below, STATE_ASSET, bytes_of_text("B"), bytes_of_text("b"));
    layer_put(above, STATE_ASSET, bytes_of_text("A"), bytes_of_text("a"));
    layer_merge(store_layer(store), below);
    layer_set_parent(above, store_layer(store));
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
