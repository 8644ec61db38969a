/* How old the pool's transactions are by rule 6.1 (a): since they are executable without a break
 * and were sent to all in this view, whichever came later (PROTOCOL.md 6.1, 6.3; pitfalls E3, E4,
 * E5).
 */
#include "tests/help/unit.h"

#include "tests/help/pool_world.h"

enum { AGAIN_MS = 1000 };

static const struct pool_limits limits = {
    .nonce_window = 8, .txs_max = 80, .bytes_max = 1 << 20, .replicas_count = 4};
static struct pool_world w;

static int open_world(void **state)
{
    (void)state;
    pool_world_open(&w, &limits);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    pool_world_close(&w);
    return 0;
}

static const struct tx *record(enum book_key key, uint64_t nonce)
{
    return pool_world_record(&w, &w.book.keys[key], nonce, "a");
}

/* A transfer of CZK by anna, who has none at the start. */
static const struct tx *spend(uint64_t nonce, uint64_t amount)
{
    return pool_world_tx(&w, &w.book.keys[ANNA], nonce, 0,
                         op_transfer_of("anna/home", "shop/till", "CZK", amount));
}

/* By another key of anna's, in a block of its own. */
static void take_away(uint64_t amount, uint64_t now_ms)
{
    uint64_t nonce = pool_world_last_nonce(&w, &w.extra[7].public) + 1;
    const struct tx *tx = pool_world_tx(&w, &w.extra[7], nonce, 0,
                                        op_transfer_of("anna/home", "bank/main", "CZK", amount));
    pool_world_commit(&w, &tx, 1, now_ms);
}

static void give(uint64_t amount, uint64_t now_ms)
{
    uint64_t nonce = pool_world_last_nonce(&w, &w.book.keys[BANK].public) + 1;
    const struct tx *tx = pool_world_tx(&w, &w.book.keys[BANK], nonce, 0,
                                        op_transfer_of("bank/main", "anna/home", "CZK", amount));
    pool_world_commit(&w, &tx, 1, now_ms);
}

static void add(const struct tx *tx, uint32_t from, uint64_t now_ms)
{
    enum verdict verdict;
    assert_int_equal(pool_add(w.pool, tx, from, now_ms, &verdict), POOL_TAKEN);
}

static bool visit(void *context, struct bytes whole, bool to_all)
{
    (void)whole;
    (void)to_all;
    uint32_t *most = context;
    return most == NULL || (*most)-- > 0;
}

static void forward(uint64_t now_ms)
{
    pool_forward_due(w.pool, now_ms, AGAIN_MS, visit, NULL);
}

static uint64_t oldest(void)
{
    struct pool_summary s;
    pool_summary(w.pool, &s);
    return s.fair_since_ms;
}

static uint64_t since(const struct tx *tx)
{
    return pool_fair_since_ms(w.pool, &tx->signer, tx->nonce, &tx->id);
}

static void rule_6_1_an_age_begins_when_it_was_sent_to_all(void **state)
{
    (void)state;
    const struct tx *tx = record(BANK, 1);
    add(tx, POOL_FROM_CLIENT, 100);
    forward(200); /* to the primary */
    assert_int_equal(oldest(), 0);
    forward(200 + AGAIN_MS - 1);
    assert_int_equal(since(tx), 0);
    forward(200 + AGAIN_MS);
    assert_int_equal(oldest(), 200 + AGAIN_MS);
    assert_int_equal(since(tx), 200 + AGAIN_MS);
    forward(200 + 2 * AGAIN_MS); /* again: the first time counts */
    assert_int_equal(oldest(), 200 + AGAIN_MS);
}

/* What cannot go out now was not sent. */
static void rule_6_1_what_found_no_room_was_not_sent(void **state)
{
    (void)state;
    uint32_t most = 1;
    add(record(BANK, 1), 1, 100);
    add(record(ANNA, 1), 1, 100);
    pool_forward_due(w.pool, 100 + AGAIN_MS, AGAIN_MS, visit, &most);
    assert_int_equal(since(record(BANK, 1)), 100 + AGAIN_MS);
    assert_int_equal(since(record(ANNA, 1)), 0);
}

static void rule_6_1_what_a_peer_forwarded_ages_as_well(void **state)
{
    (void)state;
    add(record(BANK, 1), 2, 100);
    forward(100 + AGAIN_MS);
    assert_int_equal(oldest(), 100 + AGAIN_MS);
}

static void rule_6_1_an_age_before_time_began_is_one(void **state)
{
    (void)state;
    add(record(BANK, 1), 2, 0);
    pool_forward_due(w.pool, 0, 0, visit, NULL);
    assert_int_equal(oldest(), 1);
}

/* Behind another it is sent to all as well, but ages from its turn on. */
static void rule_6_1_a_later_nonce_ages_from_its_turn_on(void **state)
{
    (void)state;
    const struct tx *first = record(BANK, 1);
    add(first, 1, 100);
    add(record(BANK, 2), 1, 100);
    forward(100 + AGAIN_MS);
    assert_int_equal(since(record(BANK, 2)), 0);
    pool_world_commit(&w, &first, 1, 5000);
    assert_int_equal(oldest(), 5000);
    assert_int_equal(since(record(BANK, 2)), 5000);
    assert_int_equal(since(first), 0);
}

/* Whatever is not executable starts no timer; when it is so again, it begins anew (E3). */
static void rule_6_1_a_break_ends_the_age(void **state)
{
    (void)state;
    give(100, 50);
    add(spend(1, 80), 1, 100);
    add(record(SHOP, 1), 1, 200);
    forward(100 + AGAIN_MS);
    forward(200 + AGAIN_MS);
    assert_int_equal(oldest(), 100 + AGAIN_MS);
    take_away(50, 3000);
    assert_int_equal(oldest(), 200 + AGAIN_MS);
    give(50, 4000);
    assert_int_equal(oldest(), 200 + AGAIN_MS);
    assert_int_equal(since(spend(1, 80)), 4000);
}

/* A commit disarms, in whatever order (6.3, E4). */
static void rule_6_3_commit_ends_the_age_and_the_next_oldest_counts(void **state)
{
    (void)state;
    const struct tx *txs[] = {record(BANK, 1), record(ANNA, 1), record(SHOP, 1)};
    for (uint64_t i = 0; i < 3; i++)
        add(txs[i], 1, 100 + i);
    for (uint64_t i = 0; i < 3; i++)
        forward(100 + i + AGAIN_MS);
    pool_world_commit(&w, &txs[1], 1, 2000);
    assert_int_equal(oldest(), 100 + AGAIN_MS);
    pool_world_commit(&w, &txs[0], 1, 2001);
    assert_int_equal(oldest(), 102 + AGAIN_MS);
    pool_world_commit(&w, &txs[2], 1, 2002);
    assert_int_equal(oldest(), 0);
}

/* An expired one starts no timer (E3). */
static void rule_6_3_expiry_ends_the_age(void **state)
{
    (void)state;
    const struct tx *tx = pool_world_tx(&w, &w.book.keys[BANK], 1, w.height + 1,
                                        op_record_of("topic", "key", bytes_of_text("data")));
    const struct tx *other = record(ANNA, 1);
    add(tx, 1, 100);
    forward(100 + AGAIN_MS);
    assert_int_equal(oldest(), 100 + AGAIN_MS);
    pool_world_commit(&w, &other, 1, 2000);
    assert_int_equal(oldest(), 0);
}

/* In a new view nothing was sent to anybody (E5). */
static void rule_6_1_a_new_view_begins_all_ages_anew(void **state)
{
    (void)state;
    add(record(BANK, 1), 1, 100);
    add(record(ANNA, 1), POOL_FROM_CLIENT, 100);
    forward(100);
    forward(100 + AGAIN_MS);
    assert_int_equal(oldest(), 100 + AGAIN_MS);
    pool_forward_again(w.pool, 2000);
    assert_int_equal(oldest(), 0);
    assert_int_equal(pool_forward_next_ms(w.pool, AGAIN_MS), 0); /* a client's at once */
    forward(2000);
    assert_int_equal(oldest(), 0);
    forward(2000 + AGAIN_MS);
    assert_int_equal(oldest(), 2000 + AGAIN_MS);
    assert_int_equal(since(record(ANNA, 1)), 2000 + AGAIN_MS);
}

/* Whoever asks names what it means: another transaction of the nonce has no age here. */
static void an_age_is_of_one_txid(void **state)
{
    (void)state;
    const struct tx *other = pool_world_record(&w, &w.book.keys[BANK], 1, "other");
    add(record(BANK, 1), 1, 100);
    forward(100 + AGAIN_MS);
    assert_int_equal(since(other), 0);
    assert_int_equal(since(record(ANNA, 1)), 0);
    assert_int_equal(since(record(BANK, 1)), 100 + AGAIN_MS);
}

/* What stands behind a gap, or behind what does not apply, may never be executed: it is counted
 * apart from what could be ordered. */
static void rule_6_3_what_can_be_ordered_is_counted_apart(void **state)
{
    (void)state;
    struct pool_summary s;
    give(100, 50);
    add(spend(1, 80), 1, 100);
    add(spend(2, 1), 1, 100);
    add(spend(4, 1), 1, 100);
    pool_summary(w.pool, &s);
    assert_int_equal(s.txs_count, 3);
    assert_int_equal(s.reachable_count, 2);
    assert_int_equal(s.reachable_bytes, spend(1, 80)->whole.size + spend(2, 1)->whole.size);
    take_away(50, 200);
    pool_summary(w.pool, &s);
    assert_int_equal(s.txs_count, 3);
    assert_int_equal(s.reachable_count, 0);
    assert_int_equal(s.reachable_bytes, 0);
}

int main(void)
{
#define FAIR(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
    const struct CMUnitTest tests[] = {
        FAIR(rule_6_1_an_age_begins_when_it_was_sent_to_all),
        FAIR(rule_6_1_what_found_no_room_was_not_sent),
        FAIR(rule_6_1_what_a_peer_forwarded_ages_as_well),
        FAIR(rule_6_1_an_age_before_time_began_is_one),
        FAIR(rule_6_1_a_later_nonce_ages_from_its_turn_on),
        FAIR(rule_6_1_a_break_ends_the_age),
        FAIR(rule_6_3_commit_ends_the_age_and_the_next_oldest_counts),
        FAIR(rule_6_3_expiry_ends_the_age),
        FAIR(rule_6_1_a_new_view_begins_all_ages_anew),
        FAIR(an_age_is_of_one_txid),
        FAIR(rule_6_3_what_can_be_ordered_is_counted_apart),
    };
    return cmocka_run_group_tests_name("pool_fair", tests, NULL, NULL);
}
