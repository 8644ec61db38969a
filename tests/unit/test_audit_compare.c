/* Two stores of one chain against each other, and the builder of chains that these tests stand on.
 */
#include <string.h>

#include "ledger/state.h"
#include "tests/help/audited.h"
#include "tests/help/unit.h"

static void open_pair(struct chain *ours, struct chain *theirs)
{
    audited_open(ours);
    audited_open(theirs);
}

static void close_pair(struct chain *ours, struct chain *theirs)
{
    chain_close(ours);
    chain_close(theirs);
}

static struct audit_difference compare(struct chain *ours, struct chain *theirs)
{
    struct audit_difference d;
    assert_int_equal(audit_compare(&d, ours->store, theirs->store, NULL), RC_OK);
    return d;
}

/* Two stores of the same blocks and state do not differ. */
static void equal_stores_do_not_differ(void **state)
{
    (void)state;
    struct chain ours, theirs;
    open_pair(&ours, &theirs);
    struct audit_difference d = compare(&ours, &theirs);
    assert_false(d.found);
    assert_true(d.state_compared);
    assert_int_equal(d.ours_height, 8);
    assert_int_equal(d.theirs_height, 8);
    close_pair(&ours, &theirs);
}

/* A shorter chain that is a prefix does not differ; with the same height flushed, the state was
 * compared, and with other heights it was not. */
static void prefix_does_not_differ(void **state)
{
    (void)state;
    struct chain ours, theirs;
    open_pair(&ours, &theirs);
    chain_grow(&theirs, 3);
    struct audit_difference d = compare(&ours, &theirs);
    assert_false(d.found);
    assert_true(d.state_compared);
    assert_int_equal(d.theirs_height, 11);
    chain_grow(&theirs, 1);
    d = compare(&ours, &theirs);
    assert_false(d.found);
    assert_true(d.state_compared); /* at the checkpoint that both keep */
    assert_int_equal(d.state_height, 8);
    chain_grow(&theirs, 4);
    d = compare(&ours, &theirs);
    assert_false(d.found);
    assert_false(d.state_compared);
    close_pair(&ours, &theirs);
}

static void add_transfer(struct chain *c, uint64_t amount)
{
    struct buf tx = {0};
    struct op op = {.type = OP_TRANSFER,
                    .transfer = {.from = bytes_of_text("p1/a1"),
                                 .to = bytes_of_text("p0/a0"),
                                 .asset = bytes_of_text("CZK"),
                                 .amount = amount}};
    chain_sign(c, &tx, 1, &op, 1);
    struct bytes txs[] = {buf_bytes(&tx)};
    chain_add_block(c, txs, 1);
    buf_free(&tx);
}

/* A fork is found at its first height, with both digests. */
static void fork_is_found_at_its_first_height(void **state)
{
    (void)state;
    struct chain ours, theirs;
    struct block block;
    open_pair(&ours, &theirs);
    add_transfer(&ours, 1);
    add_transfer(&theirs, 2);
    add_transfer(&ours, 3);
    struct audit_difference d = compare(&ours, &theirs);
    assert_true(d.found);
    assert_int_equal(d.height, 9);
    assert_int_equal(store_get_block(ours.store, 9, &block, NULL), RC_OK);
    assert_true(digest_equal(&d.ours, &block.digest));
    assert_true(digest_equal(&d.theirs, store_head_digest(theirs.store)));
    assert_int_equal(d.ours_height, 10);
    assert_int_equal(d.theirs_height, 9);
    assert_false(d.state_compared);
    close_pair(&ours, &theirs);
}

/* Chains that differ from the first block on. */
static void chains_of_other_seeds_differ_at_height_1(void **state)
{
    (void)state;
    struct chain ours, theirs;
    chain_open(&ours, &(struct chain_options){.seed = 1}, kv_mem_new());
    chain_open(&theirs, &(struct chain_options){.seed = 2}, kv_mem_new());
    chain_grow(&ours, 2);
    chain_grow(&theirs, 2);
    assert_true(digest_equal(&ours.genesis.chain_id, &theirs.genesis.chain_id));
    struct audit_difference d = compare(&ours, &theirs);
    assert_true(d.found);
    assert_int_equal(d.height, 1);
    close_pair(&ours, &theirs);
}

/* Equal chains under which one state was changed: the entry is named, with both values. */
static void state_that_differs_is_found_by_entry(void **state)
{
    (void)state;
    struct chain ours, theirs;
    uint8_t key_room[STATE_KEY_BYTES_MAX], value[16] = {1};
    open_pair(&ours, &theirs);
    struct bytes key = state_balance_key(key_room, bytes_of_text("p1/a1"), bytes_of_text("CZK"));
    assert_true(tamper_state(&theirs, STATE_BALANCE, key, bytes_of(value, sizeof value), true));
    assert_int_equal(chain_reopen(&theirs, NULL), RC_OK);
    struct audit_difference d = compare(&ours, &theirs);
    assert_true(d.found);
    assert_int_equal(d.height, 0);
    assert_true(d.state_compared);
    assert_int_equal(d.state.table, STATE_BALANCE);
    assert_true(bytes_equal(d.state.key, key));
    assert_true(d.state.ours_has);
    assert_true(d.state.theirs_has);
    assert_true(bytes_equal(d.state.theirs, bytes_of(value, sizeof value)));
    assert_false(bytes_equal(d.state.ours, d.state.theirs));
    close_pair(&ours, &theirs);
}

/* Also at a checkpoint below, where one has flushed more since. */
static void state_that_differs_below_is_found_by_entry(void **state)
{
    (void)state;
    struct chain ours, theirs;
    uint8_t key_room[STATE_KEY_BYTES_MAX], value[16] = {1};
    open_pair(&ours, &theirs);
    struct bytes key = state_balance_key(key_room, bytes_of_text("p1/a1"), bytes_of_text("CZK"));
    assert_true(tamper_state(&theirs, STATE_BALANCE, key, bytes_of(value, sizeof value), true));
    assert_int_equal(chain_reopen(&theirs, NULL), RC_OK);
    chain_grow(&ours, 5);
    struct audit_difference d = compare(&ours, &theirs);
    assert_true(d.found);
    assert_int_equal(d.height, 0);
    assert_int_equal(d.state_height, 8);
    assert_true(bytes_equal(d.state.key, key));
    close_pair(&ours, &theirs);
}

/* A block that cannot be read is not "equal". */
static void missing_block_cannot_be_compared(void **state)
{
    (void)state;
    struct chain ours, theirs;
    struct audit_difference d;
    struct why why = {{0}};
    open_pair(&ours, &theirs);
    tamper_delete(&theirs, KV_CHAIN, tamper_height_key(3));
    uint8_t stray[9] = {0, 0, 0, 0, 0, 0, 0, 3, 0}; /* keeps the count, or opening would find it */
    tamper_put(&theirs, KV_CHAIN, bytes_of(stray, sizeof stray), bytes_of(stray, sizeof stray));
    assert_int_equal(chain_reopen(&theirs, NULL), RC_OK);
    assert_int_equal(audit_compare(&d, ours.store, theirs.store, &why), RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "the other store"));
    assert_non_null(strstr(why.text, "3"));
    assert_int_equal(audit_compare(&d, theirs.store, ours.store, &why), RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "this store"));
    close_pair(&ours, &theirs);
}

/* ---- the builder ---- */

/* The same seed gives the same chain, by however many threads and in however many steps. */
static void chain_of_one_seed_is_the_same_however_it_is_built(void **state)
{
    (void)state;
    struct chain once, twice;
    struct chain_options options = {.seed = 11, .txs_per_block = 9};
    chain_open(&once, &options, kv_mem_new());
    chain_grow(&once, 20);
    options.threads_count = 3;
    chain_open(&twice, &options, kv_mem_new());
    chain_grow(&twice, 7);
    chain_grow(&twice, 0);
    chain_grow(&twice, 13);
    assert_true(digest_equal(store_head_digest(once.store), store_head_digest(twice.store)));
    struct audit_difference d = compare(&once, &twice);
    assert_false(d.found);
    close_pair(&once, &twice);
}

static enum rc count_op_types(struct chain *c, uint64_t count[OP_TYPE_END])
{
    for (uint64_t height = 1; height <= store_head(c->store)->height; height++) {
        struct block block;
        enum rc rc = store_get_block(c->store, height, &block, NULL);
        if (rc != RC_OK)
            return rc;
        struct rd body = rd_of(block.body);
        for (uint32_t i = 0; i < block.header.tx_count; i++) {
            struct tx tx;
            assert_int_equal(tx_decode(&tx, block_next_tx(&body), &c->genesis.chain_id),
                             VERDICT_OK);
            struct rd ops = tx_ops(&tx);
            for (uint32_t k = 0; k < tx.ops_count; k++) {
                struct op op;
                assert_int_equal(op_decode(&ops, &op), VERDICT_OK);
                count[op.type]++;
            }
        }
    }
    return RC_OK;
}

/* Every kind of operation comes in a chain of some length, transfers most, and all accounts are
 * opened. */
static void chain_holds_operations_of_all_kinds(void **state)
{
    (void)state;
    struct chain c;
    uint64_t count[OP_TYPE_END] = {0};
    chain_open(&c, &(struct chain_options){.seed = 5, .txs_per_block = 30, .accounts_count = 100},
               kv_mem_new());
    chain_grow(&c, 30);
    assert_int_equal(count_op_types(&c, count), RC_OK);
    for (int type = OP_TRANSFER; type < OP_TYPE_END; type++) {
        assert_true(count[type] > 0);
        assert_true(count[OP_TRANSFER] >= count[type]);
    }
    char name[CHAIN_ACCOUNT_ROOM];
    for (uint32_t account = 0; account < 100; account++) {
        struct state_balance balance;
        bool is_open = false;
        for (uint32_t asset = 0; asset < c.options.assets_count; asset++)
            is_open |= state_get_balance(store_layer(c.store), chain_account(name, &c, account),
                                         bytes_of_text(chain_asset_codes[asset]), &balance);
        assert_true(is_open);
    }
    struct audit_report report;
    assert_int_equal(audited_run(&c, &report), RC_OK);
    chain_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_stores_do_not_differ),
        cmocka_unit_test(prefix_does_not_differ),
        cmocka_unit_test(fork_is_found_at_its_first_height),
        cmocka_unit_test(chains_of_other_seeds_differ_at_height_1),
        cmocka_unit_test(state_that_differs_is_found_by_entry),
        cmocka_unit_test(state_that_differs_below_is_found_by_entry),
        cmocka_unit_test(missing_block_cannot_be_compared),
        cmocka_unit_test(chain_of_one_seed_is_the_same_however_it_is_built),
        cmocka_unit_test(chain_holds_operations_of_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
