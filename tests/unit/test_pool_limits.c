/* The pool's limits, each gone beyond: shares, places, bytes, floods (PROTOCOL.md 10.1, 16;
 * pitfalls E2, I1). Each keeps the rule: beyond a limit the sender's own goes, never another's. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/pool_world.h"

/* Eight places for each of three links and for this node's clients; four of them may wait. */
enum { SHARE = 8, SHARE_WAITING = 4, REPLICAS = 4, WINDOW = 64, TX_BYTES = 3000 };
static const struct pool_limits limits = {.nonce_window = WINDOW,
                                          .txs_max = SHARE * REPLICAS,
                                          .bytes_max = 1 << 20,
                                          .replicas_count = REPLICAS};
static struct pool_world w;
static enum verdict verdict;
static struct buf flood_room;

static void reopen(const struct pool_limits *other)
{
    pool_free(w.pool);
    w.pool = pool_new(other, &w.state);
}

static int open_world(void **state)
{
    (void)state;
    pool_world_open(&w, &limits);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    buf_free(&flood_room);
    memset(&flood_room, 0, sizeof flood_room);
    pool_world_close(&w);
    return 0;
}

static enum pool_answer add_record(const struct sign_key *key, uint64_t nonce, uint32_t from)
{
    return pool_add(w.pool, pool_world_record(&w, key, nonce, "a"), from, 0, &verdict);
}

static enum pool_answer flood(const struct public_key *key, uint64_t nonce, uint32_t from)
{
    struct tx tx;
    pool_world_flood_tx(&w, &tx, &flood_room, key, nonce);
    return pool_add(w.pool, &tx, from, 0, &verdict);
}

static struct pool_summary summary(void)
{
    struct pool_summary s;
    pool_summary(w.pool, &s);
    return s;
}

static bool has(const struct sign_key *key, uint64_t nonce)
{
    return pool_has(w.pool, &key->public, nonce);
}

/* A key of its own, registered. */
static struct public_key new_key(uint64_t number)
{
    struct public_key key = {{0}};
    memcpy(key.bytes, &number, sizeof number);
    key.bytes[31] = 0x77;
    pool_world_register(&w, &key);
    return key;
}

/* A record whose transaction has exactly `size` bytes. */
static const struct tx *sized(const struct sign_key *key, uint64_t nonce, size_t size)
{
    static uint8_t data[TX_BYTES];
    size_t least = pool_world_record(&w, key, nonce, "x")->whole.size - 1;
    struct op op = op_record_of("pool", "x", bytes_of(data, size - least));
    const struct tx *tx = pool_world_tx(&w, key, nonce, 0, op);
    assert_int_equal(tx->whole.size, size);
    return tx;
}

static enum pool_answer add(const struct tx *tx, uint32_t from)
{
    return pool_add(w.pool, tx, from, 0, &verdict);
}

/* A peer that forwards without end fills its own share, is told busy, and nobody else is. */
static void rule_10_1_flooding_peer_is_busy_and_others_are_not(void **state)
{
    (void)state;
    uint64_t taken = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        struct public_key key = new_key(i);
        enum pool_answer answer = flood(&key, 1, 2);
        assert_int_equal(answer, i < SHARE ? POOL_TAKEN : POOL_BUSY);
        taken += answer == POOL_TAKEN;
    }
    assert_int_equal(taken, SHARE);
    for (uint64_t i = 0; i < SHARE; i++) {
        struct public_key key = new_key(i);
        assert_true(pool_has(w.pool, &key, 1));
        assert_int_equal(flood(&key, 1, 0), POOL_KNOWN);
    }
    for (uint64_t nonce = 1; nonce <= SHARE; nonce++) {
        assert_int_equal(add_record(&w.extra[0], nonce, 0), POOL_TAKEN);
        assert_int_equal(add_record(&w.extra[1], nonce, 1), POOL_TAKEN);
        assert_int_equal(add_record(&w.extra[2], nonce, POOL_FROM_CLIENT), POOL_TAKEN);
    }
    assert_int_equal(summary().txs_count, 4 * SHARE);
}

/* Likewise the clients: their flood leaves every link its places. */
static void flooding_clients_leave_the_links_their_shares(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        struct public_key key = new_key(i);
        assert_int_equal(flood(&key, 1, POOL_FROM_CLIENT), i < SHARE ? POOL_TAKEN : POOL_BUSY);
    }
    for (uint32_t link = 0; link < REPLICAS - 1; link++)
        for (uint64_t nonce = 1; nonce <= SHARE; nonce++)
            assert_int_equal(add_record(&w.extra[link], nonce, link), POOL_TAKEN);
}

/* What does not divide evenly is the clients'. */
static void remainder_of_the_shares_is_the_clients(void **state)
{
    (void)state;
    reopen(&(struct pool_limits){
        .nonce_window = WINDOW, .txs_max = 4 * 4 + 3, .bytes_max = 1 << 20, .replicas_count = 4});
    for (uint64_t nonce = 1; nonce <= 8; nonce++) {
        assert_int_equal(add_record(&w.extra[0], nonce, POOL_FROM_CLIENT),
                         nonce <= 7 ? POOL_TAKEN : POOL_BUSY);
        assert_int_equal(add_record(&w.extra[1], nonce, 0), nonce <= 4 ? POOL_TAKEN : POOL_BUSY);
    }
}

/* Even if every index there is forwards, this node's own among them, N_tx and N_bytes hold. */
static void total_holds_when_all_indices_forward(void **state)
{
    (void)state;
    size_t size = pool_world_record(&w, &w.extra[0], 1, "a")->whole.size;
    for (uint32_t by_bytes = 0; by_bytes < 2; by_bytes++) {
        reopen(&(struct pool_limits){.nonce_window = WINDOW,
                                     .txs_max = by_bytes ? 1000 : SHARE * REPLICAS,
                                     .bytes_max = by_bytes ? SHARE * REPLICAS * size : 1 << 20,
                                     .replicas_count = REPLICAS});
        for (uint32_t link = 0; link < REPLICAS; link++)
            for (uint64_t nonce = 1; nonce <= SHARE; nonce++)
                assert_int_equal(add_record(&w.extra[link], nonce, link), POOL_TAKEN);
        assert_int_equal(add_record(&w.extra[4], 1, POOL_FROM_CLIENT), POOL_BUSY);
        assert_int_equal(summary().txs_count, SHARE * REPLICAS);
    }
}

/* Bytes have shares as places have: a peer's few big transactions are no way around them, and the
 * last byte of a share can be used. */
static void bytes_of_a_share_are_its_own(void **state)
{
    (void)state;
    reopen(&(struct pool_limits){.nonce_window = WINDOW,
                                 .txs_max = 400,
                                 .bytes_max = 4 * 2 * TX_BYTES,
                                 .replicas_count = 4});
    assert_int_equal(add(sized(&w.extra[0], 1, TX_BYTES), 1), POOL_TAKEN);
    assert_int_equal(add(sized(&w.extra[1], 1, TX_BYTES - 500), 1), POOL_TAKEN);
    assert_int_equal(add(sized(&w.extra[2], 1, 501), 1), POOL_BUSY);
    assert_int_equal(add(sized(&w.extra[2], 1, 500), 1), POOL_TAKEN);
    assert_int_equal(add(sized(&w.extra[3], 1, 250), 1), POOL_BUSY);
    assert_int_equal(summary().bytes, 2 * TX_BYTES);
    assert_int_equal(add(sized(&w.extra[3], 1, TX_BYTES), 2), POOL_TAKEN);
    assert_int_equal(add(sized(&w.extra[4], 1, TX_BYTES), POOL_FROM_CLIENT), POOL_TAKEN);
    const struct tx *gone = sized(&w.extra[0], 1, TX_BYTES);
    pool_world_commit(&w, &gone, 1, 1);
    assert_int_equal(add(sized(&w.extra[5], 1, TX_BYTES), 1), POOL_TAKEN);
}

/* A full share: a key's lower nonce evicts that key's highest, which is needed last (E2). */
static void rule_10_1_lower_nonce_evicts_the_keys_highest(void **state)
{
    (void)state;
    for (uint64_t nonce = 1; nonce < SHARE; nonce++)
        assert_int_equal(add_record(&w.extra[0], nonce, 0), POOL_TAKEN);
    assert_int_equal(add_record(&w.extra[1], 9, 0), POOL_TAKEN);
    assert_int_equal(add_record(&w.extra[1], 10, 0), POOL_BUSY);
    assert_int_equal(add_record(&w.extra[2], 1, 0), POOL_BUSY);
    assert_int_equal(add_record(&w.extra[0], 8, 0), POOL_BUSY);
    assert_int_equal(add_record(&w.extra[1], 8, 0), POOL_TAKEN);
    assert_false(has(&w.extra[1], 9));
    assert_int_equal(add_record(&w.extra[1], 1, 0), POOL_TAKEN);
    assert_false(has(&w.extra[1], 8));
    for (uint64_t nonce = 1; nonce < SHARE; nonce++)
        assert_true(has(&w.extra[0], nonce));
}

/* Only what the same sender brought is evicted, even of the same key. */
static void eviction_spares_what_another_sender_brought(void **state)
{
    (void)state;
    reopen(&(struct pool_limits){
        .nonce_window = WINDOW, .txs_max = 8, .bytes_max = 1 << 20, .replicas_count = 4});
    assert_int_equal(add_record(&w.extra[0], 4, 0), POOL_TAKEN);
    assert_int_equal(add_record(&w.extra[0], 5, 1), POOL_TAKEN);
    assert_int_equal(add_record(&w.extra[1], 1, 0), POOL_TAKEN);
    assert_int_equal(add_record(&w.extra[0], 1, 0), POOL_TAKEN);
    assert_false(has(&w.extra[0], 4));
    assert_true(has(&w.extra[0], 5));
    assert_int_equal(add_record(&w.extra[0], 2, 0), POOL_BUSY);
    assert_true(has(&w.extra[0], 5));
    assert_true(has(&w.extra[1], 1));
}

/* Bytes too are made room for from the key's highest nonce down, as many as it takes; when all of
 * them would not be enough, none is lost. */
static void eviction_for_bytes_takes_as_many_as_needed_or_none(void **state)
{
    (void)state;
    reopen(&(struct pool_limits){
        .nonce_window = WINDOW, .txs_max = 400, .bytes_max = 4 * 2000, .replicas_count = 4});
    assert_int_equal(add(sized(&w.extra[1], 1, 1000), 0), POOL_TAKEN);
    for (uint64_t nonce = 4; nonce <= 7; nonce++)
        assert_int_equal(add(sized(&w.extra[0], nonce, 250), 0), POOL_TAKEN);
    assert_int_equal(add(sized(&w.extra[0], 1, 1001), 0), POOL_BUSY);
    assert_int_equal(summary().txs_count, 5);
    assert_int_equal(add(sized(&w.extra[0], 1, 501), 0), POOL_TAKEN);
    assert_true(has(&w.extra[0], 4));
    assert_false(has(&w.extra[0], 5) || has(&w.extra[0], 6) || has(&w.extra[0], 7));
    assert_int_equal(summary().bytes, 1000 + 501 + 250);
}

/* Nothing is evicted for a transaction that is refused after all. */
static void eviction_waits_for_the_verdict(void **state)
{
    (void)state;
    reopen(&(struct pool_limits){
        .nonce_window = WINDOW, .txs_max = 4, .bytes_max = 1 << 20, .replicas_count = 4});
    assert_int_equal(add_record(&w.extra[0], 2, 0), POOL_TAKEN);
    struct op overdraft = op_transfer_of("anna/home", "shop/till", "CZK", 1);
    assert_int_equal(add(pool_world_tx(&w, &w.extra[0], 1, 0, overdraft), 0), POOL_REFUSED);
    assert_true(has(&w.extra[0], 2));
    assert_int_equal(add_record(&w.extra[0], 1, 0), POOL_TAKEN);
    assert_false(has(&w.extra[0], 2));
}

/* Displacing frees the place of whoever brought the squatter, and takes one of the newcomer's: one
 * whose share is full does not get around it, one whose own it was does. */
static void rule_10_1_displacement_needs_a_place_of_the_newcomers_share(void **state)
{
    (void)state;
    reopen(&(struct pool_limits){
        .nonce_window = WINDOW, .txs_max = 4, .bytes_max = 1 << 20, .replicas_count = 4});
    struct op overdraft = op_transfer_of("anna/home", "shop/till", "CZK", 1);
    assert_int_equal(add(pool_world_tx(&w, &w.extra[0], 2, 0, overdraft), 0), POOL_TAKEN);
    assert_int_equal(add_record(&w.extra[1], 1, 1), POOL_TAKEN);
    const struct tx *first = pool_world_record(&w, &w.extra[0], 1, "b");
    pool_world_commit(&w, &first, 1, 1);
    assert_int_equal(add_record(&w.extra[0], 2, 1), POOL_BUSY);
    assert_int_equal(add_record(&w.extra[0], 2, 0), POOL_TAKEN);
    assert_int_equal(summary().txs_count, 2);
    assert_int_equal(summary().executable_count, 2);
}

/* 10^5 gapped transactions of one key, through a link and from clients: memory is flat, an honest
 * one of another key is taken through the very same link (E2). */
static void gapped_flood_of_one_key_leaves_room(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100000; i++) {
        uint32_t from = i % 2 ? 1 : POOL_FROM_CLIENT;
        enum pool_answer answer = flood(&w.extra[0].public, 2 + i % 1000, from);
        assert_true(answer == POOL_TAKEN || answer == POOL_BUSY || answer == POOL_KNOWN ||
                    answer == POOL_BEYOND_WINDOW);
        assert_true(summary().txs_count <= 2 * SHARE_WAITING);
    }
    assert_int_equal(summary().txs_count, 2 * SHARE_WAITING);
    assert_int_equal(summary().executable_count, 0);
    for (uint64_t nonce = 1; nonce <= SHARE_WAITING; nonce++) {
        assert_int_equal(add_record(&w.extra[1], nonce, 1), POOL_TAKEN);
        assert_int_equal(add_record(&w.extra[2], nonce, POOL_FROM_CLIENT), POOL_TAKEN);
    }
}

/* The same of many keys, 64 nonces each: half of each share is left for what can commit. */
static void gapped_flood_of_many_keys_leaves_room(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100000; i += WINDOW - 1) {
        struct public_key key = new_key(i);
        for (uint64_t nonce = 2; nonce <= WINDOW; nonce++)
            (void)flood(&key, nonce, i % 2 ? 1 : POOL_FROM_CLIENT);
        assert_true(summary().txs_count <= 2 * SHARE_WAITING);
    }
    assert_int_equal(summary().txs_count, 2 * SHARE_WAITING);
    for (uint64_t nonce = 1; nonce <= SHARE_WAITING; nonce++) {
        assert_int_equal(add_record(&w.extra[1], nonce, 1), POOL_TAKEN);
        assert_int_equal(add_record(&w.extra[2], nonce, POOL_FROM_CLIENT), POOL_TAKEN);
    }
    assert_int_equal(add_record(&w.extra[3], 1, 1), POOL_BUSY);
    assert_int_equal(summary().executable_count, 2);
}

/* What waits counts as waiting only until its gap is filled. */
static void filled_gap_frees_the_waiting_half(void **state)
{
    (void)state;
    for (uint64_t nonce = 2; nonce <= 2 + SHARE_WAITING; nonce++)
        assert_int_equal(add_record(&w.extra[0], nonce, 0),
                         nonce <= 1 + SHARE_WAITING ? POOL_TAKEN : POOL_BUSY);
    assert_int_equal(add_record(&w.extra[1], 2, 0), POOL_BUSY);
    assert_int_equal(add_record(&w.extra[0], 1, 0), POOL_TAKEN);
    assert_int_equal(add_record(&w.extra[1], 2, 0), POOL_TAKEN);
    assert_int_equal(add_record(&w.extra[0], 2 + SHARE_WAITING, 0), POOL_TAKEN);
}

/* A pool emptied by commits takes as much as a new one: no place leaks, over many rounds. */
static void places_come_back_after_commits(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 20; round++) {
        const struct tx *block[SHARE];
        for (uint64_t i = 0; i < SHARE; i++) {
            uint64_t last = pool_world_last_nonce(&w, &w.extra[i].public);
            block[i] = pool_world_record(&w, &w.extra[i], last + 1, "a");
            assert_int_equal(add(block[i], 0), POOL_TAKEN);
        }
        assert_int_equal(add_record(&w.book.keys[SHOP], 1, 0), POOL_BUSY);
        pool_world_commit(&w, block, SHARE, round);
        assert_int_equal(summary().txs_count, 0);
        assert_int_equal(summary().bytes, 0);
        assert_int_equal(summary().executable_count, 0);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rule_10_1_flooding_peer_is_busy_and_others_are_not),
        T(flooding_clients_leave_the_links_their_shares),
        T(remainder_of_the_shares_is_the_clients),
        T(total_holds_when_all_indices_forward),
        T(bytes_of_a_share_are_its_own),
        T(rule_10_1_lower_nonce_evicts_the_keys_highest),
        T(eviction_spares_what_another_sender_brought),
        T(eviction_for_bytes_takes_as_many_as_needed_or_none),
        T(eviction_waits_for_the_verdict),
        T(rule_10_1_displacement_needs_a_place_of_the_newcomers_share),
        T(gapped_flood_of_one_key_leaves_room),
        T(gapped_flood_of_many_keys_leaves_room),
        T(filled_gap_frees_the_waiting_half),
        T(places_come_back_after_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
