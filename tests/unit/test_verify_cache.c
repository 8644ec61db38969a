/* The cache of verified transactions, and the check of a proposal, which asks it (PROTOCOL.md 5.2;
 * pitfalls H3). */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/prng.h"
#include "tests/help/verify_world.h"

static struct verify_world w;

static int open_world(void **state)
{
    (void)state;
    verify_world_open(&w);
    w.cache = verify_cache_new(64);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    verify_world_close(&w);
    return 0;
}

static struct tx tx_of(uint32_t tx_index)
{
    struct tx tx;
    assert_int_equal(tx_decode(&tx, buf_bytes(&w.txs[tx_index]), &w.config.chain_id), VERDICT_OK);
    return tx;
}

static bool knows(uint32_t tx_index)
{
    struct tx tx = tx_of(tx_index);
    return verify_cache_has(w.cache, &tx);
}

static enum verify_drop forward(uint32_t tx_index)
{
    verify_world_make_forward(&w, tx_index);
    return verify_world_judge(&w);
}

/* As a driver does with a FORWARD: what holds is remembered. */
static enum verify_drop forward_and_add(uint32_t tx_index)
{
    enum verify_drop drop = forward(tx_index);
    if (drop == VERIFY_KEEP) {
        struct tx tx = tx_of(tx_index);
        verify_cache_add(w.cache, &tx);
    }
    return drop;
}

/* Garble the signature, which leaves the txid as it is. */
static void forge(uint32_t tx_index)
{
    struct digest before = tx_of(tx_index).id, after;
    w.txs[tx_index].data[w.txs[tx_index].size - 40] ^= 4;
    after = tx_of(tx_index).id;
    assert_true(digest_equal(&before, &after));
}

/* The block of these transactions, whose body is what its header says. */
static struct block block_of(const uint32_t *tx_indexes, uint32_t txs_count)
{
    struct bytes txs[VERIFY_WORLD_TXS];
    struct block block;
    for (uint32_t i = 0; i < txs_count; i++)
        txs[i] = buf_bytes(&w.txs[tx_indexes[i]]);
    verify_world_remake_block(&w, 3, txs, txs_count, NULL);
    assert_int_equal(block_decode(&block, buf_bytes(&w.blocks[3])), BLOCK_OK);
    return block;
}

/* ---- FORWARD ---- */

/* The judge of messages may run on any thread: it neither asks the cache nor adds to it. */
static void forward_is_verified_whatever_the_cache_knows(void **state)
{
    (void)state;
    assert_int_equal(forward(0), VERIFY_KEEP);
    assert_false(knows(0));
    forge(0);
    struct tx tx = tx_of(0);
    verify_cache_add(w.cache, &tx);
    assert_int_equal(forward(0), VERIFY_DROP_BAD_TX);
    assert_int_equal(forward(0), VERIFY_DROP_BAD_TX);
}

/* Pitfalls H3: the txid leaves the signature out, so it must not be what is remembered. */
static void forged_signature_under_a_known_txid_is_not_known(void **state)
{
    (void)state;
    assert_int_equal(forward_and_add(0), VERIFY_KEEP);
    assert_true(knows(0));
    assert_false(knows(1));
    forge(0);
    assert_false(knows(0));
    assert_int_equal(forward_and_add(0), VERIFY_DROP_BAD_TX);
    assert_false(knows(0));
}

/* Signed bytes with something wrong in them that needs no signature to see. */
static void forward_malformed_is_dropped(void **state)
{
    (void)state;
    w.txs[0].data[0]++; /* version */
    assert_int_equal(forward(0), VERIFY_DROP_BAD_TX);
    w.txs[1].size--;
    assert_int_equal(forward(1), VERIFY_DROP_BAD_TX);
    w.txs[2].size = 0;
    assert_int_equal(forward(2), VERIFY_DROP_BAD_TX);
    uint8_t *beyond = mem_alloc(TX_BYTES_MAX + 1);
    buf_clear(&w.txs[3]);
    buf_add(&w.txs[3], beyond, TX_BYTES_MAX + 1);
    mem_free(beyond);
    assert_int_equal(forward(3), VERIFY_DROP_BAD_TX);
    assert_int_equal(forward(4), VERIFY_KEEP);
}

/* ---- the transactions of a proposal ---- */

static void forget_all(void)
{
    verify_cache_free(w.cache);
    w.cache = verify_cache_new(64);
}

/* What has to be verified is what the cache does not know, in order, with its place in the block;
 * asking changes nothing that is known. */
static void block_txs_unknown_are_listed_in_order(void **state)
{
    (void)state;
    enum { TXS_COUNT = 5, SUBSETS = 1 << TXS_COUNT };
    struct block block = block_of((uint32_t[]){0, 1, 2, 3, 4}, TXS_COUNT);
    for (uint32_t known = 0; known < SUBSETS; known++) {
        static struct tx unknown[BLOCK_TXS_MAX];
        static uint32_t indexes[BLOCK_TXS_MAX];
        uint32_t unknown_count = 99, bad_tx_index = 99, expected_count = 0;
        forget_all();
        for (uint32_t i = 0; i < TXS_COUNT; i++)
            if ((known >> i & 1) != 0)
                assert_int_equal(forward_and_add(i), VERIFY_KEEP);
        assert_int_equal(
            verify_unknown_txs(&block, w.cache, unknown, indexes, &unknown_count, &bad_tx_index),
            VERDICT_OK);
        for (uint32_t i = 0; i < TXS_COUNT; i++) {
            assert_int_equal(knows(i), known >> i & 1);
            if ((known >> i & 1) != 0)
                continue;
            struct tx tx = tx_of(i);
            assert_int_equal(indexes[expected_count], i);
            assert_true(digest_equal(&unknown[expected_count].id, &tx.id));
            assert_true(bytes_equal(unknown[expected_count].body, tx.body));
            expected_count++;
        }
        assert_int_equal(unknown_count, expected_count);
        assert_int_equal(bad_tx_index, 99);
    }
}

/* As many as a block can have, all of them unknown: the room that is asked for is enough. */
static void block_txs_of_a_full_block_fit_into_the_list(void **state)
{
    (void)state;
    static struct bytes txs[BLOCK_TXS_MAX];
    struct tx *unknown = mem_alloc(BLOCK_TXS_MAX * sizeof *unknown);
    uint32_t *indexes = mem_alloc(BLOCK_TXS_MAX * sizeof *indexes);
    uint32_t unknown_count = 0, bad_tx_index = 99;
    struct block block;
    for (uint32_t i = 0; i < BLOCK_TXS_MAX; i++)
        txs[i] = buf_bytes(&w.txs[0]);
    verify_world_remake_block(&w, 3, txs, BLOCK_TXS_MAX, NULL);
    assert_int_equal(block_decode(&block, buf_bytes(&w.blocks[3])), BLOCK_OK);
    assert_int_equal(
        verify_unknown_txs(&block, NULL, unknown, indexes, &unknown_count, &bad_tx_index),
        VERDICT_OK);
    assert_int_equal(unknown_count, BLOCK_TXS_MAX);
    assert_int_equal(indexes[BLOCK_TXS_MAX - 1], BLOCK_TXS_MAX - 1);
    mem_free(indexes);
    mem_free(unknown);
}

/* All hold: all are known afterwards, also those that were not before. */
static void block_txs_that_hold_are_all_known_afterwards(void **state)
{
    (void)state;
    uint32_t bad_tx_index = 99;
    struct block block = block_of((uint32_t[]){0, 1, 2, 3}, 4);
    assert_int_equal(forward_and_add(2), VERIFY_KEEP);
    assert_int_equal(verify_world_check_txs(&w, &block, &bad_tx_index), VERDICT_OK);
    assert_int_equal(bad_tx_index, 99);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(knows(i));
    assert_false(knows(4));
}

/* The first that does not hold is named; those before it are good for ever, so they are known. */
static void block_txs_name_the_first_that_does_not_hold(void **state)
{
    (void)state;
    for (uint32_t bad = 0; bad < 4; bad++) {
        uint32_t bad_tx_index = 99;
        forget_all();
        forge(bad);
        forge(4);
        struct block block = block_of((uint32_t[]){0, 1, 2, 3, 4}, 5);
        assert_int_equal(verify_world_check_txs(&w, &block, &bad_tx_index), VERDICT_BAD_SIGNATURE);
        assert_int_equal(bad_tx_index, bad);
        for (uint32_t i = 0; i < 5; i++)
            assert_int_equal(knows(i), i < bad);
        forge(4); /* the same bit again: as it was */
        forge(bad);
    }
}

/* A forged signature under a txid that is known from FORWARD is found in a proposal, too. */
static void block_txs_with_a_forged_signature_under_a_known_txid_are_refused(void **state)
{
    (void)state;
    uint32_t bad_tx_index = 99;
    assert_int_equal(forward_and_add(1), VERIFY_KEEP);
    forge(1);
    struct block block = block_of((uint32_t[]){0, 1}, 2);
    assert_int_equal(verify_world_check_txs(&w, &block, &bad_tx_index), VERDICT_BAD_SIGNATURE);
    assert_int_equal(bad_tx_index, 1);
}

/* What the cache knows is not verified again, what it does not know is. */
static void block_txs_that_are_known_are_not_verified_again(void **state)
{
    (void)state;
    uint32_t bad_tx_index = 99;
    forge(0);
    forge(1);
    struct tx tx = tx_of(0);
    struct block block = block_of((uint32_t[]){0, 1}, 2);
    verify_cache_add(w.cache, &tx);
    assert_int_equal(verify_world_check_txs(&w, &block, &bad_tx_index), VERDICT_BAD_SIGNATURE);
    assert_int_equal(bad_tx_index, 1);
}

/* A transaction that is none at all is named with what its bytes tell. */
static void block_txs_malformed_are_named(void **state)
{
    (void)state;
    uint32_t bad_tx_index = 99;
    w.txs[1].size = 10;
    struct block block = block_of((uint32_t[]){0, 1}, 2);
    assert_int_equal(verify_world_check_txs(&w, &block, &bad_tx_index), VERDICT_MALFORMED);
    assert_int_equal(bad_tx_index, 1);
}

/* Without a cache every signature is verified; an empty block has none. */
static void block_txs_are_verified_without_a_cache(void **state)
{
    (void)state;
    uint32_t bad_tx_index = 99;
    struct block block = block_of((uint32_t[]){0, 1}, 2);
    verify_cache_free(w.cache);
    w.cache = NULL;
    assert_int_equal(verify_world_check_txs(&w, &block, &bad_tx_index), VERDICT_OK);
    forge(1);
    block = block_of((uint32_t[]){0, 1}, 2);
    assert_int_equal(verify_world_check_txs(&w, &block, &bad_tx_index), VERDICT_BAD_SIGNATURE);
    assert_int_equal(bad_tx_index, 1);
    block = block_of(NULL, 0);
    assert_int_equal(verify_world_check_txs(&w, &block, &bad_tx_index), VERDICT_OK);
}

/* ---- what is remembered, and for how long ----
 * The cache never looks at signatures, so numbers do for transactions here. */

static struct tx numbered(uint8_t room[static 8], uint64_t number)
{
    struct tx tx = {0};
    struct wr body = wr_of(room, 8);
    wr_u64(&body, number);
    tx.body = wr_bytes_of(&body);
    memset(tx.signature.bytes, (int)(number % 251), SIGNATURE_BYTES);
    return tx;
}

static bool has_number(const struct verify_cache *c, uint64_t number)
{
    uint8_t room[8];
    struct tx tx = numbered(room, number);
    return verify_cache_has(c, &tx);
}

static void add_number(struct verify_cache *c, uint64_t number)
{
    uint8_t room[8];
    struct tx tx = numbered(room, number);
    verify_cache_add(c, &tx);
}

/* The oldest goes first, at every size from one on, and never more than txs_max are there. */
static void cache_full_forgets_the_oldest(void **state)
{
    (void)state;
    enum { ADDED_COUNT = 40 };
    for (uint32_t txs_max = 1; txs_max <= 17; txs_max++) {
        struct verify_cache *c = verify_cache_new(txs_max);
        for (uint64_t number = 0; number < ADDED_COUNT; number++) {
            add_number(c, number);
            for (uint64_t i = 0; i <= ADDED_COUNT; i++)
                assert_int_equal(has_number(c, i), i <= number && i + txs_max > number);
        }
        verify_cache_free(c);
    }
}

/* Adding what is known takes no second place and makes it no younger. */
static void cache_add_of_a_known_one_changes_nothing(void **state)
{
    (void)state;
    struct verify_cache *c = verify_cache_new(3);
    for (uint64_t number = 0; number < 3; number++)
        add_number(c, number);
    for (int again = 0; again < 5; again++)
        add_number(c, 0);
    assert_true(has_number(c, 1));
    assert_true(has_number(c, 2));
    add_number(c, 3);
    assert_false(has_number(c, 0));
    assert_true(has_number(c, 1));
    add_number(c, 0); /* forgotten, so it is new */
    assert_true(has_number(c, 0));
    assert_false(has_number(c, 1));
    verify_cache_free(c);
}

enum { MODEL_TXS_MAX = 100, MODEL_NUMBERS = 300 };

/* A list of numbers, oldest first: what the cache is to be. */
struct model {
    uint32_t numbers[MODEL_TXS_MAX];
    uint32_t count;
};

static bool model_has(const struct model *m, uint32_t number)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->numbers[i] == number)
            return true;
    }
    return false;
}

static void model_add(struct model *m, uint32_t number)
{
    if (model_has(m, number))
        return;
    if (m->count == MODEL_TXS_MAX) {
        m->count--;
        memmove(&m->numbers[0], &m->numbers[1], m->count * sizeof m->numbers[0]);
    }
    m->numbers[m->count++] = number;
}

/* Numbers come, are forgotten and come again, in long runs of taken slots: nothing that is there is
 * lost, and nothing that was forgotten is found. */
static void cache_under_churn_holds_what_a_plain_list_holds(void **state)
{
    (void)state;
    enum { STEPS = 20000, LOOKED_EVERY = 50 };
    static struct model model;
    struct prng p = prng_of(41);
    struct verify_cache *c = verify_cache_new(MODEL_TXS_MAX);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t number = (uint32_t)prng_below(&p, MODEL_NUMBERS);
        assert_int_equal(has_number(c, number), model_has(&model, number));
        add_number(c, number);
        model_add(&model, number);
        if (step % LOOKED_EVERY != 0)
            continue;
        for (uint32_t i = 0; i < MODEL_NUMBERS; i++)
            assert_int_equal(has_number(c, i), model_has(&model, i));
    }
    verify_cache_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(forward_is_verified_whatever_the_cache_knows),
        TEST(forged_signature_under_a_known_txid_is_not_known),
        TEST(forward_malformed_is_dropped),
        TEST(block_txs_unknown_are_listed_in_order),
        TEST(block_txs_of_a_full_block_fit_into_the_list),
        TEST(block_txs_that_hold_are_all_known_afterwards),
        TEST(block_txs_name_the_first_that_does_not_hold),
        TEST(block_txs_with_a_forged_signature_under_a_known_txid_are_refused),
        TEST(block_txs_that_are_known_are_not_verified_again),
        TEST(block_txs_malformed_are_named),
        TEST(block_txs_are_verified_without_a_cache),
        TEST(cache_full_forgets_the_oldest),
        TEST(cache_add_of_a_known_one_changes_nothing),
        TEST(cache_under_churn_holds_what_a_plain_list_holds),
    };
    return cmocka_run_group_tests_name("verify_cache", tests, NULL, NULL);
}
