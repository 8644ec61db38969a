/* The pool of pending transactions: what it takes, and what becomes of it (PROTOCOL.md 10.1, 6.3;
 * pitfalls E2 to E6). Limits are in test_pool_limits.c, walks and forwarding in test_pool_order.c.
 */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/pool_world.h"

/* Ten places for each link and for the clients; half of them may wait. */
static const struct pool_limits limits = {
    .nonce_window = 4, .txs_max = 40, .bytes_max = 1 << 20, .replicas_count = 4};
static struct pool_world w;
static enum verdict verdict;

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

static const struct sign_key *key_of(enum book_key key)
{
    return &w.book.keys[key];
}

static enum pool_answer add(const struct tx *tx, uint32_t from, uint64_t now_ms)
{
    return pool_add(w.pool, tx, from, now_ms, &verdict);
}

static struct pool_summary summary(void)
{
    struct pool_summary s;
    pool_summary(w.pool, &s);
    return s;
}

static enum verdict why_pending(const struct tx *tx)
{
    return pool_why_pending(w.pool, &tx->signer, tx->nonce, &tx->id);
}

static bool has(enum book_key key, uint64_t nonce)
{
    return pool_has(w.pool, &key_of(key)->public, nonce);
}

static const struct tx *record(enum book_key key, uint64_t nonce, const char *what)
{
    return pool_world_record(&w, key_of(key), nonce, what);
}

/* A transfer of CZK by anna, who has none at the start. */
static const struct tx *spend(uint64_t nonce, uint64_t amount)
{
    return pool_world_tx(&w, key_of(ANNA), nonce, 0,
                         op_transfer_of("anna/home", "shop/till", "CZK", amount));
}

/* The bank gives anna money in a block of its own. */
static void give(uint64_t amount, uint64_t now_ms)
{
    uint64_t nonce = pool_world_last_nonce(&w, &key_of(BANK)->public) + 1;
    const struct tx *tx = pool_world_tx(&w, key_of(BANK), nonce, 0,
                                        op_transfer_of("bank/main", "anna/home", "CZK", amount));
    pool_world_commit(&w, &tx, 1, now_ms);
}

static void take_away(uint64_t amount, uint64_t now_ms)
{
    const struct tx *tx =
        pool_world_tx(&w, &w.extra[7], pool_world_last_nonce(&w, &w.extra[7].public) + 1, 0,
                      op_transfer_of("anna/home", "bank/main", "CZK", amount));
    pool_world_commit(&w, &tx, 1, now_ms);
}

/* The first nonce that applies is taken, and is executable from its arrival on. */
static void rule_10_1_add_next_nonce_is_executable(void **state)
{
    (void)state;
    assert_int_equal(add(record(BANK, 1, "a"), POOL_FROM_CLIENT, 700), POOL_TAKEN);
    struct pool_summary s = summary();
    assert_int_equal(s.txs_count, 1);
    assert_int_equal(s.executable_count, 1);
    assert_int_equal(s.oldest_executable_ms, 700);
    assert_int_equal(s.bytes, record(BANK, 1, "a")->whole.size);
}

/* What the pool lends is its own copy, not the bytes that were given. */
static void add_copies_the_bytes(void **state)
{
    (void)state;
    struct buf copy = {0};
    const struct tx *lent;
    struct tx tx;
    const struct tx *original = record(BANK, 1, "a");
    buf_add_bytes(&copy, original->whole);
    assert_int_equal(tx_decode(&tx, buf_bytes(&copy), &w.book.chain_id), VERDICT_OK);
    assert_int_equal(add(&tx, 1, 0), POOL_TAKEN);
    memset(copy.data, 0xEE, copy.size);
    buf_free(&copy);
    pool_walk_start(w.pool);
    assert_true(pool_walk_next(w.pool, &lent));
    assert_true(bytes_equal(lent->whole, original->whole));
    assert_true(bytes_equal(lent->body, original->body));
    assert_true(bytes_equal(lent->ops, original->ops));
}

/* The window is (last, last+A]: A ahead is taken, A+1 is not; it moves with the last nonce. */
static void rule_10_1_add_beyond_the_window_is_not_taken(void **state)
{
    (void)state;
    assert_int_equal(add(record(BANK, 4, "a"), 0, 0), POOL_TAKEN);
    assert_int_equal(add(record(BANK, 5, "a"), 0, 0), POOL_BEYOND_WINDOW);
    const struct tx *first = record(BANK, 1, "a");
    pool_world_commit(&w, &first, 1, 1);
    assert_int_equal(add(record(BANK, 5, "a"), 0, 0), POOL_TAKEN);
    assert_int_equal(add(record(BANK, 6, "a"), 0, 0), POOL_BEYOND_WINDOW);
    assert_int_equal(summary().executable_count, 0);
}

/* Nonces at the very end of their range wrap nothing around (pitfalls E2). */
static void rule_10_1_add_last_nonce_of_all_wraps_nothing(void **state)
{
    (void)state;
    assert_int_equal(add(record(BANK, UINT64_MAX, "a"), 0, 0), POOL_BEYOND_WINDOW);
    struct state_key k = {.participant = bytes_of_text("bank"), .nonce = UINT64_MAX - 2};
    state_put_key(w.book.layer, &key_of(BANK)->public, &k, false);
    const struct tx *last[] = {record(BANK, UINT64_MAX - 1, "a"), record(BANK, UINT64_MAX, "a")};
    assert_int_equal(add(last[1], 0, 0), POOL_TAKEN);
    assert_int_equal(add(record(BANK, 1, "a"), 0, 0), POOL_REFUSED);
    assert_int_equal(verdict, VERDICT_NONCE_USED);
    assert_int_equal(add(last[0], 0, 0), POOL_TAKEN);
    pool_world_commit(&w, last, 1, 1);
    assert_int_equal(summary().executable_count, 1);
    assert_true(has(BANK, UINT64_MAX));
    pool_world_commit(&w, last + 1, 1, 2);
    assert_int_equal(summary().txs_count, 0);
    assert_int_equal(add(record(BANK, UINT64_MAX, "b"), 0, 0), POOL_REFUSED);
    assert_int_equal(verdict, VERDICT_NONCE_USED);
}

/* A transaction that was committed already starts nothing, nor does another of its nonce (E4). */
static void rule_10_1_add_used_nonce_is_refused(void **state)
{
    (void)state;
    const struct tx *first = record(BANK, 1, "a");
    pool_world_commit(&w, &first, 1, 1);
    assert_int_equal(add(first, 0, 2), POOL_REFUSED);
    assert_int_equal(verdict, VERDICT_NONCE_USED);
    assert_int_equal(add(record(BANK, 1, "b"), 0, 2), POOL_REFUSED);
    assert_int_equal(verdict, VERDICT_NONCE_USED);
    assert_int_equal(summary().txs_count, 0);
}

/* valid_until is the last height it may stand at: the next block's is taken, the committed not. */
static void rule_10_1_add_expired_is_refused(void **state)
{
    (void)state;
    struct op op = op_record_of("t", "k", bytes_of_text("v"));
    assert_int_equal(add(pool_world_tx(&w, key_of(BANK), 1, w.height, op), 0, 0), POOL_REFUSED);
    assert_int_equal(verdict, VERDICT_EXPIRED);
    assert_int_equal(add(pool_world_tx(&w, key_of(BANK), 2, w.height, op), 0, 0), POOL_REFUSED);
    assert_int_equal(verdict, VERDICT_EXPIRED);
    assert_int_equal(add(pool_world_tx(&w, key_of(BANK), 1, w.height + 1, op), 0, 0), POOL_TAKEN);
}

/* Commits expire what waits too long, executable or behind a gap; no limit never expires. */
static void rule_10_1_commit_drops_what_expired(void **state)
{
    (void)state;
    struct op op = op_record_of("t", "k", bytes_of_text("v"));
    uint64_t soon = w.height + 1;
    assert_int_equal(add(pool_world_tx(&w, key_of(BANK), 1, soon + 1, op), 0, 0), POOL_TAKEN);
    assert_int_equal(add(pool_world_tx(&w, key_of(BANK), 2, soon, op), 0, 0), POOL_TAKEN);
    assert_int_equal(add(pool_world_tx(&w, key_of(BANK), 3, 0, op), 0, 0), POOL_TAKEN);
    assert_int_equal(add(pool_world_tx(&w, key_of(SHOP), 3, soon, op), 0, 0), POOL_TAKEN);
    pool_world_commit(&w, NULL, 0, 1);
    assert_true(has(BANK, 1));
    assert_false(has(BANK, 2));
    assert_false(has(SHOP, 3));
    pool_world_commit(&w, NULL, 0, 2);
    assert_false(has(BANK, 1));
    assert_true(has(BANK, 3));
    assert_int_equal(summary().txs_count, 1);
    assert_int_equal(summary().executable_count, 0);
}

/* A key that nobody registered, and one that was revoked, are told apart. */
static void add_unknown_or_revoked_key_is_refused(void **state)
{
    (void)state;
    assert_int_equal(add(record(STRANGER, 1, "a"), 0, 0), POOL_REFUSED);
    assert_int_equal(verdict, VERDICT_UNKNOWN_KEY);
    const struct tx *revoke =
        pool_world_tx(&w, key_of(BANK), 1, 0, op_key_revoke_of(&w.book, BANK2));
    pool_world_commit(&w, &revoke, 1, 1);
    assert_int_equal(add(record(BANK2, 1, "a"), 0, 0), POOL_REFUSED);
    assert_int_equal(verdict, VERDICT_REVOKED_KEY);
}

/* Another key's transaction revokes a key: nothing of it stays, neither its next nonce nor one
 * behind a gap, though its own nonce never moved. */
static void commit_that_revokes_a_key_drops_all_of_it(void **state)
{
    (void)state;
    assert_int_equal(add(record(BANK2, 1, "a"), 0, 0), POOL_TAKEN);
    assert_int_equal(add(record(BANK2, 3, "a"), 0, 0), POOL_TAKEN);
    const struct tx *revoke =
        pool_world_tx(&w, key_of(BANK), 1, 0, op_key_revoke_of(&w.book, BANK2));
    pool_world_commit(&w, &revoke, 1, 1);
    assert_int_equal(summary().txs_count, 0);
    assert_int_equal(summary().bytes, 0);
}

/* The same for a key of which only a nonce behind a gap is pending. */
static void commit_that_revokes_a_gapped_key_drops_all_of_it(void **state)
{
    (void)state;
    assert_int_equal(add(record(BANK2, 3, "a"), 0, 0), POOL_TAKEN);
    const struct tx *revoke =
        pool_world_tx(&w, key_of(BANK), 1, 0, op_key_revoke_of(&w.book, BANK2));
    pool_world_commit(&w, &revoke, 1, 1);
    assert_int_equal(summary().txs_count, 0);
}

/* The next nonce that does not apply is refused with its verdict and not kept (E3). */
static void rule_10_1_add_next_nonce_that_does_not_apply_is_refused(void **state)
{
    (void)state;
    assert_int_equal(add(spend(1, 5), POOL_FROM_CLIENT, 0), POOL_REFUSED);
    assert_int_equal(verdict, VERDICT_OVERDRAFT);
    assert_int_equal(summary().txs_count, 0);
    give(5, 1);
    assert_int_equal(add(spend(1, 5), POOL_FROM_CLIENT, 2), POOL_TAKEN);
}

/* A later nonce is kept without being tried, and is not executable. */
static void rule_10_1_add_later_nonce_waits_untried(void **state)
{
    (void)state;
    assert_int_equal(add(spend(2, 5), 0, 0), POOL_TAKEN);
    assert_int_equal(w.tries_count, 0);
    assert_int_equal(summary().txs_count, 1);
    assert_int_equal(summary().executable_count, 0);
    assert_int_equal(summary().oldest_executable_ms, 0);
}

/* The same transaction again is known, also under another signature (H3), which the first keeps. */
static void add_same_txid_is_known(void **state)
{
    (void)state;
    const struct tx *first = record(BANK, 1, "a"), *lent;
    struct tx other = *first;
    struct buf copy = {0};
    buf_add_bytes(&copy, first->whole);
    copy.data[copy.size - 1] ^= 1;
    assert_int_equal(tx_decode(&other, buf_bytes(&copy), &w.book.chain_id), VERDICT_OK);
    assert_int_equal(add(first, 0, 0), POOL_TAKEN);
    assert_int_equal(add(first, 1, 0), POOL_KNOWN);
    assert_int_equal(add(&other, 1, 0), POOL_KNOWN);
    pool_walk_start(w.pool);
    assert_true(pool_walk_next(w.pool, &lent));
    assert_true(bytes_equal(lent->whole, first->whole));
    buf_free(&copy);
}

/* Two transactions of one nonce that could both commit: the first stays (E6). */
static void rule_10_1_add_second_of_a_nonce_finds_its_slot_taken(void **state)
{
    (void)state;
    assert_int_equal(add(record(BANK, 1, "a"), 0, 0), POOL_TAKEN);
    assert_int_equal(add(record(BANK, 2, "a"), 0, 0), POOL_TAKEN);
    assert_int_equal(add(record(BANK, 1, "b"), 1, 0), POOL_SLOT_TAKEN);
    assert_int_equal(add(record(BANK, 2, "b"), 1, 0), POOL_SLOT_TAKEN);
    assert_int_equal(summary().txs_count, 2);
}

/* Squatting: an older variant that cannot commit sits in the slot, replayed by a peer while its
 * nonce was not yet due. It gives way to one that can, and is gone (E6). */
static void rule_10_1_add_executable_displaces_what_is_not(void **state)
{
    (void)state;
    const struct tx *squatter = spend(2, 1000), *first = record(ANNA, 1, "a");
    assert_int_equal(add(squatter, 2, 0), POOL_TAKEN);
    assert_int_equal(add(record(ANNA, 2, "mine"), POOL_FROM_CLIENT, 1), POOL_SLOT_TAKEN);
    pool_world_commit(&w, &first, 1, 5);
    assert_true(has(ANNA, 2));
    assert_int_equal(summary().executable_count, 0);

    assert_int_equal(add(spend(2, 2000), POOL_FROM_CLIENT, 6), POOL_REFUSED);
    assert_int_equal(verdict, VERDICT_OVERDRAFT);
    assert_int_equal(add(record(ANNA, 2, "mine"), POOL_FROM_CLIENT, 7), POOL_TAKEN);
    struct pool_summary s = summary();
    assert_int_equal(s.txs_count, 1);
    assert_int_equal(s.executable_count, 1);
    assert_int_equal(s.oldest_executable_ms, 7);
    assert_int_equal(s.bytes, record(ANNA, 2, "mine")->whole.size);
    assert_int_equal(add(squatter, 2, 8), POOL_SLOT_TAKEN);
}

/* Its turn came and it does not apply: it stays without starting a timer, and is tried again at
 * each commit. Its age begins when it becomes executable, and anew after each break. */
static void commit_tries_again_what_waits_for_money(void **state)
{
    (void)state;
    const struct tx *first = record(ANNA, 1, "a");
    const struct tx *spending = spend(2, 5);
    assert_int_equal(add(spending, 0, 10), POOL_TAKEN);
    assert_int_equal(add(spending, 0, 10), POOL_KNOWN); /* nobody knows yet */
    assert_int_equal(why_pending(spending), VERDICT_OK);
    pool_world_commit(&w, &first, 1, 20);
    assert_int_equal(summary().executable_count, 0);
    assert_int_equal(add(spending, 0, 25), POOL_REFUSED); /* and who asks is told why */
    assert_int_equal(verdict, VERDICT_OVERDRAFT);
    assert_int_equal(why_pending(spending), VERDICT_OVERDRAFT);
    assert_int_equal(why_pending(spend(2, 6)), VERDICT_OK); /* it is not here */
    pool_world_commit(&w, NULL, 0, 30);
    assert_true(has(ANNA, 2));
    give(5, 40);
    assert_int_equal(summary().executable_count, 1);
    assert_int_equal(add(spending, 0, 40), POOL_KNOWN);
    assert_int_equal(summary().oldest_executable_ms, 40);
    pool_world_commit(&w, NULL, 0, 50);
    assert_int_equal(summary().oldest_executable_ms, 40);
    take_away(1, 60);
    assert_int_equal(summary().executable_count, 0);
    assert_int_equal(summary().oldest_executable_ms, 0);
    give(1, 70);
    assert_int_equal(summary().oldest_executable_ms, 70);
}

/* Its turn came and the verdict is final: these bytes can never commit, so they are dropped, and
 * the client who asks again is told the verdict. */
static void commit_drops_what_can_never_apply(void **state)
{
    (void)state;
    const struct tx *first = record(ANNA, 1, "a");
    const struct tx *theft =
        pool_world_tx(&w, key_of(ANNA), 2, 0, op_transfer_of("bank/main", "anna/home", "CZK", 1));
    assert_int_equal(add(theft, 0, 0), POOL_TAKEN);
    assert_int_equal(add(record(ANNA, 3, "a"), 0, 0), POOL_TAKEN);
    pool_world_commit(&w, &first, 1, 1);
    assert_false(has(ANNA, 2));
    assert_true(has(ANNA, 3));
    assert_int_equal(add(theft, 0, 2), POOL_REFUSED);
    assert_int_equal(verdict, VERDICT_FOREIGN_ACCOUNT);
}

/* A block that takes several nonces of several keys drops those, and the keys' next become
 * executable at that moment; a key it did not touch keeps its age. */
static void commit_consumes_and_makes_executable(void **state)
{
    (void)state;
    const struct tx *bank[] = {record(BANK, 1, "a"), record(BANK, 2, "a"), record(BANK, 3, "a")};
    const struct tx *shop[] = {record(SHOP, 1, "a"), record(SHOP, 2, "a")};
    for (int i = 0; i < 3; i++)
        assert_int_equal(add(bank[i], 0, 10), POOL_TAKEN);
    for (int i = 0; i < 2; i++)
        assert_int_equal(add(shop[i], 1, 20), POOL_TAKEN);
    assert_int_equal(add(record(ANNA, 1, "a"), 1, 30), POOL_TAKEN);
    assert_int_equal(summary().executable_count, 3);
    assert_int_equal(summary().oldest_executable_ms, 10);

    const struct tx *block[] = {bank[0], shop[0], bank[1]};
    pool_world_commit(&w, block, 3, 40);
    assert_false(has(BANK, 1) || has(BANK, 2) || has(SHOP, 1));
    assert_true(has(BANK, 3) && has(SHOP, 2) && has(ANNA, 1));
    assert_int_equal(summary().executable_count, 3);
    assert_int_equal(summary().oldest_executable_ms, 30);
    assert_int_equal(summary().txs_count, 3);
}

/* A block may take another transaction of a nonce than the pending one: that one is gone too. */
static void commit_of_another_variant_drops_the_pending_one(void **state)
{
    (void)state;
    assert_int_equal(add(record(BANK, 1, "a"), 0, 0), POOL_TAKEN);
    const struct tx *other = record(BANK, 1, "b");
    pool_world_commit(&w, &other, 1, 1);
    assert_int_equal(summary().txs_count, 0);
}

/* A transaction that comes between a commit and the word of it is judged on the new state, and so
 * are the pending ones of its key. */
static void add_before_the_word_of_a_commit_sees_the_new_state(void **state)
{
    (void)state;
    const struct tx *first = record(BANK, 1, "a");
    assert_int_equal(add(first, 0, 0), POOL_TAKEN);
    assert_int_equal(add(record(BANK, 3, "a"), 0, 0), POOL_TAKEN);
    pool_world_commit_untold(&w, &first, 1);
    assert_int_equal(add(record(BANK, 2, "a"), 0, 5), POOL_TAKEN);
    assert_false(has(BANK, 1));
    assert_int_equal(summary().txs_count, 2);
    assert_int_equal(summary().executable_count, 1);
    pool_on_commit(w.pool, &key_of(BANK)->public, 1, 6);
    assert_int_equal(summary().oldest_executable_ms, 5);
}

/* A clock that is handed in late never makes an age negative. */
static void time_never_goes_back(void **state)
{
    (void)state;
    assert_int_equal(add(record(BANK, 1, "a"), 0, 100), POOL_TAKEN);
    assert_int_equal(add(record(SHOP, 1, "a"), 0, 90), POOL_TAKEN);
    const struct tx *first = record(BANK, 1, "a");
    pool_world_commit(&w, &first, 1, 80);
    assert_int_equal(summary().oldest_executable_ms, 100);
}

/* Each answer has a word and a text of its own. */
static void answers_have_words_and_texts(void **state)
{
    (void)state;
    for (int a = 0; a < POOL_ANSWER_COUNT; a++) {
        assert_true(strlen(pool_answer_text((enum pool_answer)a)) > 0);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(pool_answer_word((enum pool_answer)a),
                                    pool_answer_word((enum pool_answer)b));
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rule_10_1_add_next_nonce_is_executable),
        T(add_copies_the_bytes),
        T(rule_10_1_add_beyond_the_window_is_not_taken),
        T(rule_10_1_add_last_nonce_of_all_wraps_nothing),
        T(rule_10_1_add_used_nonce_is_refused),
        T(rule_10_1_add_expired_is_refused),
        T(rule_10_1_commit_drops_what_expired),
        T(add_unknown_or_revoked_key_is_refused),
        T(commit_that_revokes_a_key_drops_all_of_it),
        T(commit_that_revokes_a_gapped_key_drops_all_of_it),
        T(rule_10_1_add_next_nonce_that_does_not_apply_is_refused),
        T(rule_10_1_add_later_nonce_waits_untried),
        T(add_same_txid_is_known),
        T(rule_10_1_add_second_of_a_nonce_finds_its_slot_taken),
        T(rule_10_1_add_executable_displaces_what_is_not),
        T(commit_tries_again_what_waits_for_money),
        T(commit_drops_what_can_never_apply),
        T(commit_consumes_and_makes_executable),
        T(commit_of_another_variant_drops_the_pending_one),
        T(add_before_the_word_of_a_commit_sees_the_new_state),
        T(time_never_goes_back),
        T(answers_have_words_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
