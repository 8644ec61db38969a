/* The pool against a naive one: thousands of random steps, and after each the same answer, the same
 * contents and counters, the same walk and the same forwarding. The reference keeps one flat array
 * and looks through all of it for everything; it shares no code with the pool. */
#include "tests/help/unit.h"

#include <stdio.h>
#include <string.h>

#include "crypto/base/prng.h"
#include "tests/help/pool_world.h"

enum {
    STEPS = 1500,
    KEYS = 9, /* the last but one unknown, the last revoked on the way */
    ITEMS_MAX = 64,
    TOLD_MAX = 4 * ITEMS_MAX,
    REPLICAS = 4,
    WINDOW = 6,
    AGAIN_MS = 300
};

struct item {
    const struct tx *tx;
    uint32_t from, key;
    uint64_t arrival, since_ms, told_ms, queued;
    bool executable, reachable, told, untold_queue;
};

/* The reference. */
struct naive {
    struct item items[ITEMS_MAX];
    uint32_t count;
    uint64_t arrivals, key_arrivals, queued, now_ms;
    uint64_t key_order[KEYS]; /* since when the key has something pending; 0 = it has nothing */
};

static struct pool_limits limits;
static struct pool_world w;
static struct naive n;
static struct prng prng;
static const struct sign_key *keys[KEYS];
static const struct tx *earlier[64]; /* to come again */
static uint32_t earlier_key[64];
static uint64_t answers[POOL_ANSWER_COUNT], seed_now;

static bool ask_last(uint32_t key, uint64_t *last)
{
    return w.state.last_nonce(&w, &keys[key]->public, last);
}

/* ---- the reference's rules ---- */

static struct item *find(struct naive *m, uint32_t key, uint64_t nonce)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (m->items[i].key == key && m->items[i].tx->nonce == nonce)
            return &m->items[i];
    return NULL;
}

static void forget(struct naive *m, struct item *item)
{
    *item = m->items[--m->count];
}

static bool is_reachable(struct naive *m, const struct item *item, uint64_t last)
{
    const struct item *first = find(m, item->key, last + 1);
    if (first == NULL || !first->executable)
        return false;
    for (uint64_t nonce = last + 1; nonce < item->tx->nonce; nonce++)
        if (find(m, item->key, nonce) == NULL)
            return false;
    return true;
}

/* Line up or take out of line what became, or is no longer, reachable: a key's nonces in order. */
static void settle_reach(struct naive *m, uint32_t key)
{
    uint64_t last = 0;
    bool is_pending = false;
    (void)ask_last(key, &last);
    for (uint64_t nonce = last + 1; nonce <= last + WINDOW; nonce++) {
        struct item *item = find(m, key, nonce);
        if (item == NULL)
            continue;
        is_pending = true;
        bool reachable = is_reachable(m, item, last);
        if (reachable && !item->reachable) {
            item->queued = ++m->queued;
            item->untold_queue = item->from == POOL_FROM_CLIENT && !item->told;
            item->told_ms = m->now_ms;
        }
        item->reachable = reachable;
    }
    if (!is_pending)
        m->key_order[key] = 0;
    else if (m->key_order[key] == 0)
        m->key_order[key] = ++m->key_arrivals;
}

struct share {
    uint64_t count, bytes, waiting_count, waiting_bytes;
};

static struct share share_of(const struct naive *m, uint32_t from)
{
    struct share s = {0};
    for (uint32_t i = 0; i < m->count; i++) {
        const struct item *item = &m->items[i];
        if (item->from != from)
            continue;
        s.count++;
        s.bytes += item->tx->whole.size;
        s.waiting_count += !item->reachable;
        s.waiting_bytes += item->reachable ? 0 : item->tx->whole.size;
    }
    return s;
}

static bool fits(const struct naive *m, const struct tx *tx, uint32_t from, bool waits)
{
    struct share s = share_of(m, from);
    uint64_t count = limits.txs_max / REPLICAS, bytes = limits.bytes_max / REPLICAS;
    if (from == POOL_FROM_CLIENT) {
        count = limits.txs_max - 3 * count;
        bytes = limits.bytes_max - 3 * bytes;
    }
    if (waits && (s.waiting_count + 1 > (count + 1) / 2 ||
                  s.waiting_bytes + tx->whole.size > (bytes + 1) / 2))
        return false;
    return s.count + 1 <= count && s.bytes + tx->whole.size <= bytes;
}

/* Evict from *m, a copy, until it fits. */
static bool evict(struct naive *m, const struct tx *tx, uint32_t key, uint32_t from, bool waits)
{
    while (!fits(m, tx, from, waits)) {
        struct item *highest = NULL;
        for (uint32_t i = 0; i < m->count; i++) {
            struct item *item = &m->items[i];
            if (item->key == key && item->from == from && item->tx->nonce > tx->nonce &&
                (highest == NULL || item->tx->nonce > highest->tx->nonce))
                highest = item;
        }
        if (highest == NULL)
            return false;
        forget(m, highest);
    }
    return true;
}

static enum pool_answer naive_add(const struct tx *tx, uint32_t key, uint32_t from, uint64_t now_ms,
                                  enum verdict *verdict)
{
    uint64_t last;
    n.now_ms = now_ms, *verdict = VERDICT_OK;
    if (!ask_last(key, &last))
        *verdict = key == KEYS - 2 ? VERDICT_UNKNOWN_KEY : VERDICT_REVOKED_KEY;
    else if (tx->nonce <= last)
        *verdict = VERDICT_NONCE_USED;
    else if (tx->valid_until_height != 0 && tx->valid_until_height < w.height + 1)
        *verdict = VERDICT_EXPIRED;
    if (*verdict != VERDICT_OK)
        return POOL_REFUSED;
    if (tx->nonce > last + WINDOW)
        return POOL_BEYOND_WINDOW;

    struct naive after = n;
    struct item *slot = find(&after, key, tx->nonce);
    bool is_next = tx->nonce == last + 1;
    if (slot != NULL && digest_equal(&slot->tx->id, &tx->id)) {
        *verdict = is_next && !slot->executable ? w.state.try_apply(&w, slot->tx) : *verdict;
        return *verdict == VERDICT_OK ? POOL_KNOWN : POOL_REFUSED;
    }
    if (slot != NULL && (!is_next || slot->executable))
        return POOL_SLOT_TAKEN;
    if (slot != NULL)
        forget(&after, slot);
    const struct item *before = find(&after, key, tx->nonce - 1);
    if (!evict(&after, tx, key, from, !is_next && (before == NULL || !before->reachable)))
        return POOL_BUSY;
    if (is_next)
        *verdict = w.state.try_apply(&w, tx);
    if (*verdict != VERDICT_OK)
        return POOL_REFUSED;
    after.items[after.count++] = (struct item){.tx = tx,
                                               .from = from,
                                               .key = key,
                                               .arrival = after.arrivals++,
                                               .since_ms = now_ms,
                                               .executable = is_next};
    n = after;
    settle_reach(&n, key);
    return POOL_TAKEN;
}

static bool is_to_drop(const struct item *item, bool has_key, uint64_t last)
{
    return !has_key || item->tx->nonce <= last ||
           (item->tx->valid_until_height != 0 && item->tx->valid_until_height < w.height + 1);
}

static void naive_settle(uint32_t key)
{
    uint64_t last = 0;
    bool has_key = ask_last(key, &last);
    for (uint32_t i = n.count; i-- > 0;)
        if (n.items[i].key == key && is_to_drop(&n.items[i], has_key, last))
            forget(&n, &n.items[i]);
    struct item *next = find(&n, key, last + 1);
    if (next != NULL) {
        enum verdict verdict = w.state.try_apply(&w, next->tx);
        if (verdict == VERDICT_OK && !next->executable)
            next->since_ms = n.now_ms;
        next->executable = verdict == VERDICT_OK;
        if (verdict_outcome(verdict) == OUTCOME_FINAL)
            forget(&n, next);
    }
    settle_reach(&n, key);
}

/* The pending keys in order of arrival; returns how many. */
static uint32_t keys_in_order(uint32_t order[static KEYS])
{
    uint32_t count = 0;
    for (uint64_t at = 1; at <= n.key_arrivals; at++)
        for (uint32_t key = 0; key < KEYS; key++)
            if (n.key_order[key] == at)
                order[count++] = key;
    return count;
}

static void naive_on_commit(uint64_t now_ms)
{
    uint32_t order[KEYS], count = keys_in_order(order);
    n.now_ms = now_ms;
    for (uint32_t i = 0; i < count; i++)
        naive_settle(order[i]);
}

static void naive_forward_again(uint64_t now_ms)
{
    uint32_t order[KEYS], count = keys_in_order(order);
    n.now_ms = now_ms;
    for (uint32_t i = 0; i < n.count; i++)
        n.items[i].told = n.items[i].reachable = false;
    for (uint32_t i = 0; i < count; i++)
        settle_reach(&n, order[i]);
}

/* ---- comparing ---- */

static void compare_contents(void)
{
    struct pool_summary s;
    uint64_t bytes = 0, executable = 0, oldest = UINT64_MAX;
    for (uint32_t i = 0; i < n.count; i++) {
        bytes += n.items[i].tx->whole.size;
        executable += n.items[i].executable;
        if (n.items[i].executable && n.items[i].since_ms < oldest)
            oldest = n.items[i].since_ms;
    }
    pool_summary(w.pool, &s);
    assert_int_equal(s.txs_count, n.count);
    assert_int_equal(s.bytes, bytes);
    assert_int_equal(s.executable_count, executable);
    assert_int_equal(s.oldest_executable_ms, executable == 0 ? 0 : oldest);
    for (uint32_t key = 0; key < KEYS; key++) {
        uint64_t last = pool_world_last_nonce(&w, &keys[key]->public);
        for (uint64_t nonce = 0; nonce <= last + WINDOW + 1; nonce++)
            assert_int_equal(pool_has(w.pool, &keys[key]->public, nonce),
                             find(&n, key, nonce) != NULL);
    }
}

/* The oldest of the keys' candidates, NULL when none is left. */
static struct item *oldest_of(const uint64_t candidates[static KEYS])
{
    struct item *oldest = NULL;
    for (uint32_t key = 0; key < KEYS; key++) {
        struct item *item = candidates[key] == 0 ? NULL : find(&n, key, candidates[key]);
        if (item != NULL && (oldest == NULL || item->arrival < oldest->arrival))
            oldest = item;
    }
    return oldest;
}

static void compare_walk(void)
{
    uint64_t candidates[KEYS]; /* nonces; 0 = this key's turn is over */
    const struct tx *tx;
    for (uint32_t key = 0; key < KEYS; key++)
        candidates[key] = pool_world_last_nonce(&w, &keys[key]->public) + 1;
    pool_walk_start(w.pool);
    while (pool_walk_next(w.pool, &tx)) {
        struct item *item = oldest_of(candidates);
        assert_non_null(item);
        assert_true(bytes_equal(tx->whole, item->tx->whole));
        bool was_taken = prng_below(&prng, 5) > 0;
        candidates[item->key] = was_taken ? item->tx->nonce + 1 : 0;
        pool_walk_taken(w.pool, was_taken);
    }
    assert_null(oldest_of(candidates));
}

struct told {
    struct bytes whole;
    bool to_all;
};
static struct told told[TOLD_MAX];
static uint32_t told_count, told_most;

static bool on_forward(void *context, struct bytes whole, bool to_all)
{
    (void)context;
    if (told_count == told_most)
        return false;
    assert_true(told_count < TOLD_MAX);
    told[told_count++] = (struct told){.whole = whole, .to_all = to_all};
    return true;
}

/* The next that is due: of those for the primary, else of those for all, the first in line. */
static struct item *next_due(uint64_t line_end)
{
    struct item *due = NULL;
    for (uint32_t i = 0; i < n.count; i++) {
        struct item *item = &n.items[i];
        bool is_due = item->untold_queue || item->told_ms + AGAIN_MS <= n.now_ms;
        if (!item->reachable || !is_due || item->queued > line_end)
            continue;
        if (due == NULL || (item->untold_queue && !due->untold_queue) ||
            (item->untold_queue == due->untold_queue && item->queued < due->queued))
            due = item;
    }
    return due;
}

static void compare_forward(uint64_t now_ms)
{
    uint64_t line_end = n.queued;
    uint32_t at = 0;
    n.now_ms = now_ms;
    told_count = 0;
    told_most = prng_below(&prng, 4) == 0 ? (uint32_t)prng_below(&prng, 8) : TOLD_MAX;
    pool_forward_due(w.pool, now_ms, AGAIN_MS, on_forward, NULL);
    for (struct item *item; at < told_most && (item = next_due(line_end)) != NULL; at++) {
        assert_true(at < told_count);
        assert_true(bytes_equal(told[at].whole, item->tx->whole));
        assert_int_equal(told[at].to_all, !item->untold_queue);
        item->told = true;
        item->untold_queue = false;
        item->told_ms = now_ms;
        item->queued = ++n.queued;
    }
    assert_int_equal(told_count, at);
}

/* ---- random steps ---- */

static struct op random_op(void)
{
    static uint8_t data[256];
    prng_fill(&prng, data, 8);
    uint64_t amount = 1 + prng_below(&prng, 40);
    switch (prng_below(&prng, 8)) {
    case 0: /* anna's come and go: an overdraft now, perhaps not later */
    case 1:
        return op_transfer_of("anna/home", "bank/main", "CZK", amount);
    case 2:
        return op_transfer_of("bank/main", "anna/home", "CZK", amount);
    case 3: /* final for most */
        return op_transfer_of("shop/till", "anna/home", "PTS", 1);
    default:
        return op_record_of("t", "k", bytes_of(data, 8 + prng_below(&prng, 240)));
    }
}

static void step_add(uint64_t now_ms)
{
    uint32_t key = (uint32_t)prng_below(&prng, KEYS), at = (uint32_t)prng_below(&prng, 64);
    uint32_t from = (uint32_t)prng_below(&prng, REPLICAS);
    const struct tx *tx = earlier[at];
    if (tx == NULL || prng_below(&prng, 4) > 0) {
        uint64_t nonce = pool_world_last_nonce(&w, &keys[key]->public) + prng_below(&prng, 9);
        uint64_t until = prng_below(&prng, 3) == 0 ? w.height + prng_below(&prng, 6) : 0;
        tx = pool_world_tx(&w, keys[key], nonce == 0 ? 1 : nonce, until, random_op());
        earlier[at] = tx;
        earlier_key[at] = key;
    }
    key = earlier_key[at];
    if (from == REPLICAS - 1)
        from = POOL_FROM_CLIENT;

    enum verdict expected_verdict, verdict;
    enum pool_answer expected = naive_add(tx, key, from, now_ms, &expected_verdict);
    enum pool_answer answer = pool_add(w.pool, tx, from, now_ms, &verdict);
    assert_string_equal(pool_answer_word(answer), pool_answer_word(expected));
    if (answer == POOL_REFUSED)
        assert_string_equal(verdict_word(verdict), verdict_word(expected_verdict));
    answers[answer]++;
}

/* A block of what the walk gives and of some that never were in the pool. */
static void step_commit(uint64_t now_ms)
{
    struct public_key signers[ITEMS_MAX];
    uint32_t signers_count = 0, most = (uint32_t)prng_below(&prng, 8);
    enum verdict verdict;
    const struct tx *tx;
    pool_walk_start(w.pool);
    while (signers_count < most && pool_walk_next(w.pool, &tx)) {
        verdict = VERDICT_NONCE_GAP;
        if (prng_below(&prng, 4) > 0)
            assert_int_equal(apply_tx(&verdict, w.book.layer, tx, w.height + 1, signers_count),
                             RC_OK);
        if (verdict == VERDICT_OK)
            signers[signers_count++] = tx->signer;
        pool_walk_taken(w.pool, verdict == VERDICT_OK);
    }
    bool revokes = prng_below(&prng, 100) == 0;
    const struct sign_key *key = keys[revokes ? 0 : prng_below(&prng, KEYS - 2)];
    tx = pool_world_tx(&w, key, pool_world_last_nonce(&w, &key->public) + 1, 0,
                       revokes ? op_key_revoke_of(&w.book, BANK2) : random_op());
    assert_int_equal(apply_tx(&verdict, w.book.layer, tx, w.height + 1, signers_count), RC_OK);
    if (verdict == VERDICT_OK)
        signers[signers_count++] = tx->signer;
    w.height++;
    naive_on_commit(now_ms);
    pool_on_commit(w.pool, signers, signers_count, now_ms);
}

static void step(uint64_t now_ms)
{
    uint64_t kind = prng_below(&prng, 100);
    if (kind < 85)
        step_add(now_ms);
    else if (kind < 93)
        step_commit(now_ms);
    else if (kind < 94) {
        naive_forward_again(now_ms);
        pool_forward_again(w.pool, now_ms);
    } else
        compare_forward(now_ms);
    compare_contents();
    if (kind % 4 == 0)
        compare_walk();
}

static void run(uint64_t seed)
{
    uint64_t now_ms = 1000;
    prng = prng_of(seed);
    limits = (struct pool_limits){.nonce_window = WINDOW,
                                  .txs_max = 12 + (uint32_t)prng_below(&prng, 40),
                                  .bytes_max = 4000 + prng_below(&prng, 12000),
                                  .replicas_count = REPLICAS};
    pool_world_open(&w, &limits);
    memset(&n, 0, sizeof n);
    memset(earlier, 0, sizeof earlier);
    const struct sign_key *all[KEYS] = {
        &w.book.keys[BANK], &w.book.keys[SHOP], &w.book.keys[ANNA], &w.extra[0],
        &w.extra[1],        &w.extra[2],        &w.extra[3],        &w.book.keys[STRANGER],
        &w.book.keys[BANK2]};
    memcpy(keys, all, sizeof all);
    for (uint32_t i = 0; i < STEPS; i++) {
        now_ms += prng_below(&prng, 60);
        step(now_ms);
    }
    pool_world_close(&w);
}

/* Said only when a run fails, which leaves the test by a jump. */
static int say_seed(void **state)
{
    (void)state;
    if (seed_now != 0)
        printf("test_pool_random: seed %d failed\n", (int)seed_now);
    return 0;
}

/* Whatever happens in whatever order, the pool and the reference agree; and the runs reach every
 * answer there is, so the comparison is of something. */
static void pool_agrees_with_the_naive_one(void **state)
{
    (void)state;
    for (seed_now = 1; seed_now <= 30; seed_now++)
        run(seed_now);
    seed_now = 0;
    for (int a = 0; a < POOL_ANSWER_COUNT; a++)
        assert_true(answers[a] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(pool_agrees_with_the_naive_one, say_seed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
