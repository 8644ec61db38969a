/* In which order the pool offers transactions for a block, and when it sends them on
 * (PROTOCOL.md 5.1, 10.1, 6.3; pitfalls E1, E5). */
#include "tests/help/unit.h"

#include <stdio.h>
#include <string.h>

#include "tests/help/pool_world.h"

static const struct pool_limits limits = {
    .nonce_window = 8, .txs_max = 160, .bytes_max = 1 << 20, .replicas_count = 4};
enum { AGAIN_MS = 1000, STORY_BYTES = 512 };
static struct pool_world w;

/* What was offered or sent, as "key letter, nonce" words: "a1 a2 b1". */
static char story[STORY_BYTES];
static uint32_t visits_left; /* after so many the network is full */

static int open_world(void **state)
{
    (void)state;
    pool_world_open(&w, &limits);
    visits_left = UINT32_MAX;
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    pool_world_close(&w);
    return 0;
}

static struct tx_name {
    char letter;
    const struct sign_key *key;
} names[] = {{'a', &w.extra[0]}, {'b', &w.extra[1]}, {'c', &w.extra[2]}, {'d', &w.extra[3]}};

/* The transaction of a word: key and nonce. */
static const struct tx *tx_named(const char *word)
{
    return pool_world_record(&w, names[word[0] - 'a'].key, (uint64_t)(word[1] - '0'), "x");
}

static void add(const char *word, uint32_t from, uint64_t now_ms)
{
    enum verdict verdict;
    assert_int_equal(pool_add(w.pool, tx_named(word), from, now_ms, &verdict), POOL_TAKEN);
}

static void tell(const struct tx *tx, const char *mark)
{
    size_t at = strlen(story);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (public_key_equal(&names[i].key->public, &tx->signer))
            snprintf(story + at, sizeof story - at, "%s%c%d%s", at > 0 ? " " : "", names[i].letter,
                     (int)tx->nonce, mark);
}

/* Walk to the end, taking all but those in `refused` ("b1 c2"). */
static const char *walk(const char *refused)
{
    const struct tx *tx;
    story[0] = '\0';
    pool_walk_start(w.pool);
    while (pool_walk_next(w.pool, &tx)) {
        size_t before = strlen(story);
        tell(tx, "");
        const char *word = story[before] == ' ' ? story + before + 1 : story + before;
        pool_walk_taken(w.pool, strstr(refused, word) == NULL);
    }
    return story;
}

/* "!" marks what went to all. */
static bool on_forward(void *context, struct bytes whole, bool to_all)
{
    struct tx tx;
    assert_ptr_equal(context, &w);
    if (visits_left == 0)
        return false;
    visits_left--;
    assert_int_equal(tx_decode(&tx, whole, &w.book.chain_id), VERDICT_OK);
    tell(&tx, to_all ? "!" : "");
    return true;
}

static const char *forwarded(uint64_t now_ms)
{
    story[0] = '\0';
    pool_forward_due(w.pool, now_ms, AGAIN_MS, on_forward, &w);
    return story;
}

static void commit(const char *word, uint64_t now_ms)
{
    const struct tx *tx = tx_named(word);
    pool_world_commit(&w, &tx, 1, now_ms);
}

/* Keys are offered in the order of arrival, whoever brought them; an empty pool offers nothing. */
static void walk_offers_the_oldest_arrival_first(void **state)
{
    (void)state;
    assert_string_equal(walk(""), "");
    add("c1", 2, 0);
    add("a1", POOL_FROM_CLIENT, 0);
    add("d1", 0, 0);
    add("b1", 1, 0);
    assert_string_equal(walk(""), "c1 a1 d1 b1");
    assert_string_equal(walk(""), "c1 a1 d1 b1");
}

/* A key's nonces come in order, several in one block (E1); each takes its own place in the order of
 * arrival, and one that came before its predecessor comes at once behind it. */
static void walk_offers_a_keys_nonces_in_order(void **state)
{
    (void)state;
    add("a1", 0, 0);
    add("b3", 0, 0);
    add("b2", 0, 0);
    add("a2", 0, 0);
    add("c1", 0, 0);
    add("b1", 0, 0);
    add("a3", 0, 0);
    assert_string_equal(walk(""), "a1 a2 c1 b1 b2 b3 a3");
}

/* What was not taken ends its key's turn, and only its own. */
static void walk_ends_the_turn_of_a_key_not_taken(void **state)
{
    (void)state;
    const char *const order[] = {"a1", "b1", "c1", "a2", "b2", "c2", "b3"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        add(order[i], 0, 0);
    assert_string_equal(walk("a1"), "a1 b1 c1 b2 c2 b3");
    assert_string_equal(walk("b2"), "a1 b1 c1 a2 b2 c2");
    assert_string_equal(walk("a1 b1 c1"), "a1 b1 c1");
}

/* Nothing behind a gap is offered, nor across one (E2). */
static void walk_stops_at_a_gap(void **state)
{
    (void)state;
    add("a2", 0, 0);
    add("b1", 0, 0);
    add("b3", 0, 0);
    assert_string_equal(walk(""), "b1");
    add("a1", 0, 0);
    assert_string_equal(walk(""), "b1 a1 a2");
}

/* Offered is the committed nonce + 1 whether it applies or not: on the caller's layer it may. */
static void walk_offers_the_next_that_is_not_executable(void **state)
{
    (void)state;
    enum verdict verdict;
    const struct tx *lent,
        *spend = pool_world_tx(&w, &w.extra[0], 2, 0,
                               op_transfer_of("anna/home", "shop/till", "CZK", 1));
    assert_int_equal(pool_add(w.pool, spend, 0, 0, &verdict), POOL_TAKEN);
    commit("a1", 1);
    pool_walk_start(w.pool);
    assert_true(pool_walk_next(w.pool, &lent));
    assert_true(digest_equal(&lent->id, &spend->id));
    pool_walk_taken(w.pool, true);
    assert_false(pool_walk_next(w.pool, &lent));
}

/* After a commit the walk goes on behind what it took. */
static void walk_after_a_commit_starts_behind_it(void **state)
{
    (void)state;
    add("a1", 0, 0);
    add("a2", 0, 0);
    add("b1", 0, 0);
    commit("a1", 1);
    assert_string_equal(walk(""), "a2 b1");
}

/* A change of the pool ends a walk, since what it lends may be gone; the answer to the last
 * question is then of no account. */
static void walk_ends_when_the_pool_changes(void **state)
{
    (void)state;
    const struct tx *tx;
    add("a1", 0, 0);
    add("b1", 0, 0);
    pool_walk_start(w.pool);
    assert_true(pool_walk_next(w.pool, &tx));
    add("c1", 0, 0);
    pool_walk_taken(w.pool, true);
    assert_false(pool_walk_next(w.pool, &tx));
    pool_walk_start(w.pool);
    assert_true(pool_walk_next(w.pool, &tx));
    commit("b1", 1);
    pool_walk_taken(w.pool, true);
    assert_false(pool_walk_next(w.pool, &tx));
    assert_string_equal(walk(""), "a1 c1");
}

/* 10.1: a client's transaction goes to the primary at once, to all an interval later, and again
 * each interval until it is committed. */
static void forward_to_the_primary_then_to_all(void **state)
{
    (void)state;
    add("a1", POOL_FROM_CLIENT, 500);
    add("b1", POOL_FROM_CLIENT, 500);
    assert_string_equal(forwarded(500), "a1 b1");
    assert_string_equal(forwarded(500), "");
    assert_string_equal(forwarded(1499), "");
    assert_string_equal(forwarded(1500), "a1! b1!");
    assert_string_equal(forwarded(2499), "");
    commit("b1", 2499);
    assert_string_equal(forwarded(2500), "a1!");
    assert_string_equal(forwarded(9000), "a1!");
    assert_string_equal(forwarded(9999), "");
}

/* What a peer forwarded the primary has from that peer: it goes to all after the interval. */
static void forward_of_a_peers_goes_to_all_only(void **state)
{
    (void)state;
    add("a1", 2, 500);
    assert_string_equal(forwarded(500), "");
    assert_string_equal(forwarded(1499), "");
    assert_string_equal(forwarded(1500), "a1!");
}

/* A key's unbroken run is sent whole, in order; what waits behind a gap is not, until it is
 * reached: so a flood of gaps fills nobody's share elsewhere. */
static void forward_leaves_out_what_cannot_be_reached(void **state)
{
    (void)state;
    add("a4", POOL_FROM_CLIENT, 0);
    add("a2", POOL_FROM_CLIENT, 0);
    assert_string_equal(forwarded(0), "");
    add("a1", POOL_FROM_CLIENT, 10);
    assert_string_equal(forwarded(10), "a1 a2");
    add("a3", POOL_FROM_CLIENT, 20);
    assert_string_equal(forwarded(20), "a3 a4");
    assert_string_equal(forwarded(1010), "a1! a2!");
    assert_string_equal(forwarded(1020), "a3! a4!");
}

/* One whose next nonce does not apply any more is not sent, until it applies again; then to all,
 * an interval later. */
static void forward_leaves_out_what_no_longer_applies(void **state)
{
    (void)state;
    enum verdict verdict;
    struct op spend = op_transfer_of("anna/home", "shop/till", "CZK", 5);
    struct op give = op_transfer_of("bank/main", "anna/home", "CZK", 5);
    const struct sign_key *bank = &w.book.keys[BANK];
    const struct tx *tx = pool_world_tx(&w, bank, 1, 0, give);
    pool_world_commit(&w, &tx, 1, 0);
    tx = pool_world_tx(&w, &w.extra[0], 1, 0, spend);
    assert_int_equal(pool_add(w.pool, tx, POOL_FROM_CLIENT, 0, &verdict), POOL_TAKEN);
    assert_string_equal(forwarded(0), "a1");
    tx = pool_world_tx(&w, &w.extra[5], 1, 0, spend);
    pool_world_commit(&w, &tx, 1, 900);
    assert_string_equal(forwarded(2000), "");
    tx = pool_world_tx(&w, bank, 2, 0, give);
    pool_world_commit(&w, &tx, 1, 2500);
    assert_string_equal(forwarded(3499), "");
    assert_string_equal(forwarded(3500), "a1!");
}

/* When the network is full nothing is lost: what was not taken is due still, the rest not again. */
static void forward_that_was_stopped_goes_on_later(void **state)
{
    (void)state;
    add("a1", POOL_FROM_CLIENT, 0);
    add("b1", POOL_FROM_CLIENT, 0);
    add("c1", POOL_FROM_CLIENT, 0);
    visits_left = 1;
    assert_string_equal(forwarded(0), "a1");
    assert_string_equal(forwarded(0), "");
    visits_left = UINT32_MAX;
    assert_string_equal(forwarded(5), "b1 c1");
    visits_left = 2;
    assert_string_equal(forwarded(2000), "a1! b1!");
    visits_left = UINT32_MAX;
    assert_string_equal(forwarded(2000), "c1!");
}

/* With no interval at all each is still sent once in a call, never in a circle. */
static void forward_without_an_interval_sends_each_once(void **state)
{
    (void)state;
    add("a1", POOL_FROM_CLIENT, 0);
    add("b1", 1, 0);
    story[0] = '\0';
    pool_forward_due(w.pool, 0, 0, on_forward, &w);
    assert_string_equal(story, "a1 b1!");
}

/* 6.3: when a view is installed, pending ones are forwarded again in a fixed order (E5): a client's
 * to the new primary at once, all to all an interval after. */
static void forward_again_starts_over(void **state)
{
    (void)state;
    add("b1", POOL_FROM_CLIENT, 0);
    add("a1", 3, 0);
    add("b2", POOL_FROM_CLIENT, 0);
    add("c2", POOL_FROM_CLIENT, 0);
    assert_string_equal(forwarded(0), "b1 b2");
    assert_string_equal(forwarded(1000), "a1! b1! b2!");
    pool_forward_again(w.pool, 1100);
    assert_string_equal(forwarded(1100), "b1 b2");
    assert_string_equal(forwarded(2099), "");
    assert_string_equal(forwarded(2100), "a1! b1! b2!");
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(walk_offers_the_oldest_arrival_first),
        T(walk_offers_a_keys_nonces_in_order),
        T(walk_ends_the_turn_of_a_key_not_taken),
        T(walk_stops_at_a_gap),
        T(walk_offers_the_next_that_is_not_executable),
        T(walk_after_a_commit_starts_behind_it),
        T(walk_ends_when_the_pool_changes),
        T(forward_to_the_primary_then_to_all),
        T(forward_of_a_peers_goes_to_all_only),
        T(forward_leaves_out_what_cannot_be_reached),
        T(forward_leaves_out_what_no_longer_applies),
        T(forward_that_was_stopped_goes_on_later),
        T(forward_without_an_interval_sends_each_once),
        T(forward_again_starts_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
