/* What holds for any transactions: over random traffic of several seeds. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/traffic.h"

enum { TXS = 150, SEEDS = 4 };

static struct why why;

/* A store in memory over a traffic. */
struct run {
    struct kv *kv;
    struct store *store;
};

static void run_open(struct run *r, const struct traffic *t)
{
    struct store_options options = {.care = TREE_VERIFY};
    r->kv = kv_mem_new();
    assert_int_equal(traffic_create_store(t, r->kv, &why), RC_OK);
    assert_int_equal(store_open(&r->store, r->kv, &options, &why), RC_OK);
}

static void run_close(struct run *r)
{
    store_close(r->store);
    kv_close(r->kv);
}

/* The state root after all transactions, in blocks of random sizes. */
static struct digest root_of_random_split(const struct traffic *t, struct prng *p)
{
    struct run r;
    run_open(&r, t);
    for (uint32_t at = 0; at < t->txs_count;) {
        uint32_t left = t->txs_count - at;
        uint32_t count = 1 + (uint32_t)prng_below(p, left < 40 ? left : 40);
        assert_int_equal(traffic_append(t, r.store, at, count, NULL, &why), RC_OK);
        at += count;
    }
    assert_int_equal(store_flush(r.store, &why), RC_OK);
    struct tree_ref tree = store_tree(r.store);
    run_close(&r);
    return tree.root;
}

/* However the same transactions are split into blocks, the state is the same. */
static void any_split_into_blocks_gives_the_same_state(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct traffic t;
        struct prng p = prng_of(seed);
        traffic_open(&t, seed, TXS);
        struct digest first = root_of_random_split(&t, &p);
        for (int split = 0; split < 5; split++) {
            struct digest other = root_of_random_split(&t, &p);
            assert_true(digest_equal(&first, &other));
        }
        traffic_close(&t);
    }
}

/* Sums of balances, by asset. */
struct sums {
    struct layer *layer;
    uint64_t czk, pts;
};

static enum rc add_balance(void *context, struct bytes key)
{
    struct sums *sums = context;
    struct bytes account, asset;
    struct state_balance balance;
    assert_true(state_balance_key_split(key, &account, &asset));
    assert_true(state_get_balance(sums->layer, account, asset, &balance));
    *(bytes_equal(asset, bytes_of_text("CZK")) ? &sums->czk : &sums->pts) += balance.amount;
    return RC_OK;
}

/* After every block the balances of an asset add up to its supply: no operation, accepted or
 * refused, makes or loses a unit. */
static void money_and_supply_are_conserved(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct traffic t;
        struct run r;
        traffic_open(&t, seed, TXS);
        assert_true(t.tries_count > TXS); /* some were refused on the way */
        run_open(&r, &t);
        for (uint32_t at = 0; at < TXS; at += 10) {
            struct state_asset czk, pts;
            struct sums sums = {.layer = store_layer(r.store)};
            assert_int_equal(traffic_append(&t, r.store, at, 10, NULL, &why), RC_OK);
            assert_int_equal(
                store_list(r.store, STATE_BALANCE, bytes_of(NULL, 0), add_balance, &sums, &why),
                RC_OK);
            assert_true(state_get_asset(sums.layer, bytes_of_text("CZK"), &czk));
            assert_true(state_get_asset(sums.layer, bytes_of_text("PTS"), &pts));
            assert_int_equal(sums.czk, czk.supply);
            assert_int_equal(sums.pts, pts.supply);
        }
        run_close(&r);
        traffic_close(&t);
    }
}

/* A block cannot be applied twice, nor any of its transactions in a later block. */
static void nothing_takes_effect_twice(void **state)
{
    (void)state;
    struct traffic t;
    struct run r;
    traffic_open(&t, 9, TXS);
    run_open(&r, &t);
    assert_int_equal(traffic_append(&t, r.store, 0, TXS, NULL, &why), RC_OK);
    for (uint32_t i = 0; i < TXS; i++) {
        struct tx tx;
        enum verdict verdict;
        assert_int_equal(tx_decode(&tx, traffic_tx(&t, i), &t.book.chain_id), VERDICT_OK);
        assert_int_equal(apply_tx(&verdict, store_layer(r.store), &tx, 99, 0), RC_OK);
        assert_true(verdict == VERDICT_NONCE_USED || verdict == VERDICT_REVOKED_KEY);
    }
    run_close(&r);
    traffic_close(&t);
}

/* The store under kv_lmdb and kv_mem are held against each other in test_store.c. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_into_blocks_gives_the_same_state),
        cmocka_unit_test(money_and_supply_are_conserved),
        cmocka_unit_test(nothing_takes_effect_twice),
    };
    return cmocka_run_group_tests_name("ledger_properties", tests, NULL, NULL);
}
