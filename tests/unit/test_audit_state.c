/* The audit of what a store derives from its blocks: state tree, roots, indexes. */
#include <string.h>

#include "ledger/place.h"
#include "ledger/state.h"
#include "tests/help/audited.h"
#include "tests/help/rot.h"
#include "tests/help/unit.h"

/* ---- state ---- */

static struct bytes balance_value(uint8_t out[static 16], uint64_t amount, uint64_t entries_count)
{
    struct wr w = wr_of(out, 16);
    wr_u64(&w, amount);
    wr_u64(&w, entries_count);
    return wr_bytes_of(&w);
}

static struct bytes balance_key(uint8_t out[static STATE_KEY_BYTES_MAX], const char *account)
{
    return state_balance_key(out, bytes_of_text(account), bytes_of_text("CZK"));
}

/* A balance raised, with all hashes and roots made right and the checkpoint signed by all. */
static void raised_balance_under_right_hashes_is_found(void **state)
{
    (void)state;
    struct chain c;
    uint8_t key[STATE_KEY_BYTES_MAX], value[16];
    audited_open(&c);
    struct state_balance balance;
    assert_true(state_get_balance(store_layer(c.store), bytes_of_text("p1/a1"),
                                  bytes_of_text("CZK"), &balance));
    assert_true(tamper_state(&c, STATE_BALANCE, balance_key(key, "p1/a1"),
                             balance_value(value, balance.amount + 1, balance.entries_count),
                             true));
    audited_expect(&c, 8, "state balance p1/a1 CZK: differs from the replayed one");
}

/* The same of a tree that is kept still, under blocks that were applied to it and flushed since. */
static void raised_balance_of_a_kept_tree_is_named(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    audited_open(&c);
    store_close(c.store);
    c.store = NULL;
    assert_int_equal(rot_state(c.kv, 1), 8);
    assert_int_equal(chain_reopen(&c, NULL), RC_OK);
    chain_grow(&c, 4); /* its checkpoint is of the wrong root */
    tamper_delete(&c, KV_CHECKPOINT, tamper_height_key(12));
    tamper_delete(&c, KV_CHECKPOINT, tamper_height_key(8));
    assert_int_equal(audited_run(&c, &report), RC_PROOF);
    assert_int_equal(report.fault_height, 8);
    assert_memory_equal(report.fault_field, "state balance p", 15);
    assert_non_null(strstr(report.fault_field, ": differs from the replayed one"));
    chain_close(&c);
}

/* A balance out of nothing, likewise. */
static void balance_from_nothing_is_found(void **state)
{
    (void)state;
    struct chain c;
    uint8_t key[STATE_KEY_BYTES_MAX], value[16];
    char account[] = "p2/rich-a";
    audited_open(&c);
    /* Some name has a place of its own in the tree. */
    while (!tamper_state(&c, STATE_BALANCE, balance_key(key, account),
                         balance_value(value, 1000000, 0), true)) {
        account[sizeof account - 2]++;
        assert_true(account[sizeof account - 2] <= 'z');
    }
    struct audit_report report;
    assert_int_equal(audited_run(&c, &report), RC_PROOF);
    assert_int_equal(report.fault_height, 8);
    assert_memory_equal(report.fault_field, "state balance p2/rich-", 22);
    assert_non_null(strstr(report.fault_field, " CZK: comes from no transaction"));
    chain_close(&c);
}

/* A leaf changed under the old hashes contradicts its own tree. */
static void changed_leaf_under_old_hashes_is_found(void **state)
{
    (void)state;
    struct chain c;
    uint8_t key[STATE_KEY_BYTES_MAX], value[16];
    audited_open(&c);
    assert_true(tamper_state(&c, STATE_BALANCE, balance_key(key, "p1/a1"),
                             balance_value(value, 5, 5), false));
    struct audit_report report;
    assert_int_equal(audited_run(&c, &report), RC_STORE_DAMAGED);
    assert_int_equal(report.fault_height, 8);
    assert_memory_equal(report.fault_field, "state tree: ", 12);
    chain_close(&c);
}

/* The root kept for an older checkpoint. */
static void changed_root_of_checkpoint_is_found(void **state)
{
    (void)state;
    struct chain c;
    uint8_t root[DIGEST_BYTES] = {1};
    audited_open(&c);
    tamper_put(&c, KV_ROOT, tamper_height_key(4), bytes_of(root, sizeof root));
    audited_expect(&c, 4, "state root: ");
}

/* A root that is gone leaves an older one in its place, which is not the state's. */
static void missing_root_is_found(void **state)
{
    (void)state;
    struct chain c;
    audited_open(&c);
    tamper_delete(&c, KV_ROOT, tamper_height_key(4));
    audited_expect(&c, 4, "state root: ");
}

/* A root above the flushed height, where the store cannot have one yet. */
static void root_above_flushed_height_is_found(void **state)
{
    (void)state;
    struct chain c;
    uint8_t root[DIGEST_BYTES] = {1};
    audited_open(&c);
    chain_grow(&c, 2);
    tamper_put(&c, KV_ROOT, tamper_height_key(9), bytes_of(root, sizeof root));
    audited_expect(&c, 9, "state root: an entry above the flushed height");
}

/* A root beyond the head, which no height ever comes to. */
static void root_beyond_head_is_found(void **state)
{
    (void)state;
    struct chain c;
    uint8_t root[DIGEST_BYTES] = {1};
    audited_open(&c);
    tamper_put(&c, KV_ROOT, tamper_height_key(12), bytes_of(root, sizeof root));
    audited_expect(&c, 12, "state root: an entry beyond the head");
}

/* The state that a genesis gives is compared too: another genesis fails at height 0. */
static void opening_balances_of_another_genesis_are_found(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    audited_open(&c);
    c.genesis.initial.balances[0].amount--;
    assert_int_equal(audited_run(&c, &report), RC_PROOF);
    assert_int_equal(report.fault_height, 0);
    assert_memory_equal(report.fault_field, "state root: ", 12);
    chain_close(&c);
}

/* ---- indexes ---- */

enum { NAME, TXID, NONCE, HISTORY, RECORD, INDEXES_COUNT };
static const enum kv_table tables[INDEXES_COUNT] = {KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY,
                                                    KV_RECORD};
static const char *const words[INDEXES_COUNT] = {
    "index name: ", "index txid: ", "index nonce: ", "index history: ", "index record: "};

/* The height that the place in an index entry names. */
static uint64_t height_of(enum kv_table table, struct bytes value)
{
    struct rd r = rd_of(value);
    return table == KV_NAME ? 0 : rd_u64(&r);
}

/* An entry that says something else than the blocks do: the fault is of its own height. */
static void changed_index_entry_is_found_at_its_height(void **state)
{
    (void)state;
    for (uint32_t i = TXID; i < INDEXES_COUNT; i++) {
        struct chain c;
        audited_open(&c);
        struct buf key = tamper_first_key(&c, tables[i]);
        struct buf value = tamper_get(&c, tables[i], buf_bytes(&key));
        uint64_t height = height_of(tables[i], buf_bytes(&value));
        value.data[value.size - 1] ^= 1;
        tamper_put(&c, tables[i], buf_bytes(&key), buf_bytes(&value));
        buf_free(&key);
        buf_free(&value);
        audited_expect(&c, height, words[i]);
    }
}

/* An entry taken away. */
static void removed_index_entry_is_found_at_its_height(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < INDEXES_COUNT; i++) {
        struct chain c;
        audited_open(&c);
        struct buf key = tamper_first_key(&c, tables[i]);
        struct buf value = tamper_get(&c, tables[i], buf_bytes(&key));
        uint64_t height = height_of(tables[i], buf_bytes(&value));
        tamper_delete(&c, tables[i], buf_bytes(&key));
        buf_free(&key);
        buf_free(&value);
        audited_expect(&c, height, words[i]);
    }
}

static void expect_extra(struct chain *c, uint32_t i, struct bytes key, struct bytes value)
{
    struct audit_report report;
    tamper_put(c, tables[i], key, value);
    assert_int_equal(audited_run(c, &report), RC_PROOF);
    assert_int_equal(report.fault_height, 8);
    assert_memory_equal(report.fault_field, words[i], strlen(words[i]));
    assert_non_null(strstr(report.fault_field, "belongs to nothing"));
    /* Back to how it was, for the next one. */
    tamper_delete(c, tables[i], key);
}

/* The first key of each table with another last byte: a number never reached, in those that end
 * with one, and another name or id in the others. */
static void added_index_entry_is_found(void **state)
{
    (void)state;
    struct chain c;
    struct audit_report report;
    static const size_t odd_sizes[] = {1, 8, 9, 40, 257, KV_KEY_BYTES_MAX};
    audited_open(&c);
    for (uint32_t i = 0; i < INDEXES_COUNT; i++) {
        struct buf key = tamper_first_key(&c, tables[i]);
        struct buf value = tamper_get(&c, tables[i], buf_bytes(&key));
        key.data[key.size - 1] ^= 0x80;
        expect_extra(&c, i, buf_bytes(&key), buf_bytes(&value));
        /* Keys that are none at all, from too short to far too long. */
        uint8_t odd[KV_KEY_BYTES_MAX];
        memset(odd, 1, sizeof odd);
        for (size_t k = 0; k < sizeof odd_sizes / sizeof odd_sizes[0]; k++)
            expect_extra(&c, i, bytes_of(odd, odd_sizes[k]), buf_bytes(&value));
        buf_free(&key);
        buf_free(&value);
    }
    assert_int_equal(audited_run(&c, &report), RC_OK);
    chain_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raised_balance_under_right_hashes_is_found),
        cmocka_unit_test(raised_balance_of_a_kept_tree_is_named),
        cmocka_unit_test(balance_from_nothing_is_found),
        cmocka_unit_test(changed_leaf_under_old_hashes_is_found),
        cmocka_unit_test(changed_root_of_checkpoint_is_found),
        cmocka_unit_test(missing_root_is_found),
        cmocka_unit_test(root_above_flushed_height_is_found),
        cmocka_unit_test(root_beyond_head_is_found),
        cmocka_unit_test(opening_balances_of_another_genesis_are_found),
        cmocka_unit_test(changed_index_entry_is_found_at_its_height),
        cmocka_unit_test(removed_index_entry_is_found_at_its_height),
        cmocka_unit_test(added_index_entry_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
