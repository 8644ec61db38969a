/* Admission (PROTOCOL.md 6.3; pitfalls L1, E2): however much clients want, what they are let in
 * drains so soon that nothing grows as old as T_fair, and no more is kept out than that needs.
 *
 * Four nodes' pools and one queue in virtual time. What a node takes from its clients joins the
 * queue; so many a second leave it; a delay later all nodes have them committed. */
#include "tests/help/unit.h"

#include <string.h>

#include "crypto/base/check.h"
#include "node/pool.h"

enum {
    NODES = 4,
    T_FAIR_MS = 2000,
    KEYS_MAX = 1 << 18, /* one for each transaction, so that each is executable at once */
    BLOCK_EVERY_MS = 10,
    BLOCKS_MAX = 1 << 12
};

static struct load {
    struct pool *pools[NODES];
    uint64_t now_ms;
    /* The world as it is. */
    uint32_t per_second;    /* done */
    uint32_t delay_ms;      /* from the queue to committed everywhere */
    uint32_t wanted[NODES]; /* a second, by this node's clients */
    uint32_t ops_count;     /* of each transaction */
    /* Transactions by number: 0..first_queued-1 left the queue. */
    uint32_t made_count, first_queued, committed_count;
    uint8_t node_of[KEYS_MAX];
    uint64_t credit; /* thousandths of transactions that may leave the queue */
    uint64_t done[NODES], wished[NODES];
    struct {
        uint64_t at_ms;
        uint32_t until; /* those before it are committed then */
    } blocks[BLOCKS_MAX];
    uint32_t blocks_made, blocks_committed;
    uint64_t oldest_ms; /* the greatest age of 6.1 (a) that was seen */
    uint64_t pending_most;
} l;

static bool last_nonce(void *context, const struct public_key *key, uint64_t *nonce)
{
    uint32_t number;
    (void)context;
    memcpy(&number, key->bytes, sizeof number);
    *nonce = number < l.committed_count ? 1 : 0;
    return true;
}

static enum verdict try_apply(void *context, const struct tx *tx)
{
    (void)context;
    (void)tx;
    return VERDICT_OK;
}

static uint64_t committed_height(void *context)
{
    (void)context;
    return l.blocks_committed;
}

/* Full speed is 5,000 transactions a second. */
static void begin_with(uint64_t fairness_ms)
{
    struct pool_limits limits = {.nonce_window = 64,
                                 .txs_max = 8192,
                                 .bytes_max = 32 << 20,
                                 .replicas_count = NODES,
                                 .fairness_ms = fairness_ms};
    struct pool_state state = {
        .last_nonce = last_nonce, .try_apply = try_apply, .committed_height = committed_height};
    memset(&l, 0, sizeof l);
    l.now_ms = 1;
    l.per_second = 5000;
    l.delay_ms = 40;
    l.ops_count = 1;
    for (uint32_t i = 0; i < NODES; i++)
        l.pools[i] = pool_new(&limits, &state);
}

static void begin(void)
{
    begin_with(T_FAIR_MS);
}

static int end(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < NODES; i++)
        pool_free(l.pools[i]);
    return 0;
}

static void make_tx(struct tx *out, uint32_t number)
{
    static uint8_t bytes[200];
    memset(out, 0, sizeof *out);
    out->whole = out->body = out->ops = bytes_of(bytes, sizeof bytes);
    memcpy(out->signer.bytes, &number, sizeof number);
    memcpy(out->id.bytes, &number, sizeof number);
    out->nonce = 1;
    out->ops_count = l.ops_count;
}

static enum pool_answer submit(uint32_t node)
{
    struct tx tx;
    enum verdict verdict;
    CHECK(l.made_count < KEYS_MAX);
    make_tx(&tx, l.made_count);
    enum pool_answer a = pool_add(l.pools[node], &tx, POOL_FROM_CLIENT, l.now_ms, &verdict);
    if (a == POOL_TAKEN)
        l.node_of[l.made_count++] = (uint8_t)node;
    return a;
}

/* What clients want and is not taken is wanted no more: they have turned away, and others come. */
static void clients_want(void)
{
    bool is_full[NODES] = {false};
    for (uint32_t i = 0; i < NODES; i++)
        l.wished[i] += l.wanted[i];
    for (bool is_any = true; is_any;) { /* in turn, as they would come */
        is_any = false;
        for (uint32_t i = 0; i < NODES; i++) {
            if (l.wished[i] < 1000)
                continue;
            is_any = true;
            l.wished[i] -= 1000;
            is_full[i] = is_full[i] || submit(i) != POOL_TAKEN;
        }
    }
}

static void primary_works(void)
{
    l.credit += l.per_second;
    if (l.now_ms % BLOCK_EVERY_MS != 0)
        return;
    uint32_t queued = l.made_count - l.first_queued;
    uint32_t count = (uint32_t)(l.credit / 1000) < queued ? (uint32_t)(l.credit / 1000) : queued;
    l.credit = count == queued ? 0 : l.credit - (uint64_t)count * 1000;
    if (count == 0)
        return;
    CHECK(l.blocks_made < BLOCKS_MAX);
    l.first_queued += count;
    l.blocks[l.blocks_made].at_ms = l.now_ms + l.delay_ms;
    l.blocks[l.blocks_made++].until = l.first_queued;
}

static void commit_one(uint32_t until)
{
    struct public_key keys[8192];
    uint64_t work = 0;
    uint32_t count = 0;
    for (; l.committed_count < until; l.committed_count++) {
        struct tx tx;
        make_tx(&tx, l.committed_count);
        l.done[l.node_of[l.committed_count]]++;
        work += pool_work_of(&tx);
        CHECK(count < 8192);
        keys[count++] = tx.signer;
    }
    for (uint32_t i = 0; i < NODES; i++) {
        pool_on_work(l.pools[i], work, l.now_ms);
        pool_on_commit(l.pools[i], keys, count, l.now_ms);
    }
}

static bool visit(void *context, struct bytes whole, bool to_all)
{
    (void)context;
    (void)whole;
    (void)to_all;
    return true;
}

static void look_at_ages(void)
{
    for (uint32_t i = 0; i < NODES; i++) {
        struct pool_summary s;
        pool_forward_due(l.pools[i], l.now_ms, T_FAIR_MS / 2, visit, NULL);
        pool_summary(l.pools[i], &s);
        uint64_t age_ms = s.fair_since_ms > 0 ? l.now_ms - s.fair_since_ms : 0;
        l.oldest_ms = age_ms > l.oldest_ms ? age_ms : l.oldest_ms;
    }
    uint64_t pending = l.made_count - l.committed_count;
    l.pending_most = pending > l.pending_most ? pending : l.pending_most;
}

static void pass(uint64_t ms)
{
    for (uint64_t until_ms = l.now_ms + ms; l.now_ms < until_ms; l.now_ms++) {
        clients_want();
        primary_works();
        while (l.blocks_committed < l.blocks_made && l.blocks[l.blocks_committed].at_ms <= l.now_ms)
            commit_one(l.blocks[l.blocks_committed++].until);
        look_at_ages();
    }
}

static void all_want(uint32_t per_second)
{
    for (uint32_t i = 0; i < NODES; i++)
        l.wanted[i] = per_second;
}

/* In a second of the time to come. */
static uint64_t rate_over(uint64_t seconds)
{
    uint32_t before = l.committed_count;
    pass(seconds * 1000);
    return (l.committed_count - before) / seconds;
}

static uint64_t clients_most(uint32_t node)
{
    struct pool_summary s;
    pool_summary(l.pools[node], &s);
    return s.clients_work_max;
}

/* What the rule forbids is what happens without it: or the tests below would show nothing. */
static void without_admission_a_full_pool_grows_old(void **state)
{
    (void)state;
    begin_with(0);
    l.per_second = 1000;
    all_want(5000);
    pass(5000);
    assert_true(l.oldest_ms > T_FAIR_MS);
}

static void rule_6_3_overload_lets_nothing_grow_old_and_idles_nobody(void **state)
{
    (void)state;
    begin();
    all_want(5000); /* four times what can be done */
    pass(3000);
    l.pending_most = 0;
    assert_true(rate_over(5) >= 4900);
    assert_true(l.oldest_ms < T_FAIR_MS);
    /* Drained in T_fair/4, or in twice that while the nodes' shares shift. */
    assert_true(l.pending_most <= 5000 * T_FAIR_MS / 2 / 1000);
}

static void rule_6_3_one_nodes_clients_may_have_all_that_there_is(void **state)
{
    (void)state;
    begin();
    l.wanted[2] = 20000;
    pass(3000);
    assert_true(rate_over(5) >= 4900);
    assert_true(l.oldest_ms < T_FAIR_MS);
}

/* Who comes when others have taken everything has his n-th part before long. */
static void rule_6_3_a_node_that_comes_late_gets_its_part(void **state)
{
    (void)state;
    begin();
    l.wanted[0] = 20000;
    pass(4000);
    l.wanted[1] = 20000;
    pass(3000);
    uint64_t before = l.done[1];
    assert_true(rate_over(4) >= 4900);
    assert_true(l.done[1] - before >= 4 * 5000 / NODES * 8 / 10);
    assert_true(l.oldest_ms < T_FAIR_MS);
}

/* At a quarter of the slowest useful rate, and from there up. */
static void rule_6_3_slow_ones_do_not_complain_either(void **state)
{
    static const uint32_t rates[] = {260, 500, 1000, 2000};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        begin();
        l.per_second = rates[i];
        all_want(3000);
        pass(2000);
        assert_true(rate_over(4) >= rates[i] * 9 / 10);
        assert_true(l.oldest_ms < T_FAIR_MS);
        if (i + 1 < sizeof rates / sizeof rates[0])
            (void)end(state);
    }
}

/* The estimate follows a rate that falls to a quarter, before what was let in grows old; and finds
 * back by itself. */
static void rule_6_3_the_rate_may_fall_to_a_quarter_and_comes_back(void **state)
{
    (void)state;
    begin();
    all_want(6000);
    pass(4000);
    l.per_second = 5000 / 4;
    pass(4000);
    assert_true(l.oldest_ms < T_FAIR_MS);
    assert_true(l.made_count - l.committed_count <= 1250 * T_FAIR_MS / 2 / 1000 + 512);
    l.per_second = 5000;
    pass(2000);
    assert_true(rate_over(3) >= 4900);
    assert_true(l.oldest_ms < T_FAIR_MS);
}

/* Nothing commits for a while, as in a change of views: clients are told `busy`. Then all is as
 * before, within some T_fair. */
static void rule_6_3_a_standstill_is_found_back_from(void **state)
{
    (void)state;
    begin();
    all_want(5000);
    pass(4000);
    l.per_second = 0;
    pass(5000);
    assert_int_equal(submit(0), POOL_BUSY);
    l.credit = 0;
    l.per_second = 5000;
    pass(3 * T_FAIR_MS);
    assert_true(rate_over(3) >= 4900);
}

/* A node that has little to do does little: that is not taken for all it can do. */
static void rule_6_3_a_trickle_does_not_lower_the_estimate(void **state)
{
    (void)state;
    begin();
    all_want(5000);
    pass(4000);
    uint64_t most = clients_most(0);
    assert_true(most >= 5000 / NODES * 2 * (T_FAIR_MS / 4) / 1000);
    all_want(3);
    pass(20000);
    assert_true(clients_most(0) >= most);
    uint32_t taken = 0; /* a burst, all at once */
    while (submit(0) == POOL_TAKEN)
        taken++;
    assert_true(taken + 2 >= most / 2);
    l.oldest_ms = 0;
    pass(T_FAIR_MS);
    assert_true(l.oldest_ms < T_FAIR_MS);
}

/* The work counts, not how many: ten transactions a second of a hundred operations are a thousand
 * units; and one is always let in, however large. */
static void rule_6_3_large_transactions_count_as_what_they_cost(void **state)
{
    (void)state;
    begin();
    l.ops_count = 1000;
    l.per_second = 10;
    all_want(200);
    pass(3000);
    assert_true(rate_over(5) >= 9);
    assert_true(l.oldest_ms < T_FAIR_MS);
}

/* What waits behind gaps is no work yet: it keeps nobody out (pitfalls E2). */
static void rule_6_3_gapped_nonces_do_not_use_up_admission(void **state)
{
    (void)state;
    begin();
    for (uint32_t i = 0; i < 1000; i++) {
        struct tx tx;
        enum verdict verdict;
        make_tx(&tx, KEYS_MAX + i);
        tx.nonce = 2;
        (void)pool_add(l.pools[0], &tx, POOL_FROM_CLIENT, l.now_ms, &verdict);
    }
    struct pool_summary s;
    pool_summary(l.pools[0], &s);
    assert_true(s.txs_count >= 1000);
    assert_int_equal(s.reachable_count, 0);
    assert_int_equal(s.clients_work, 0);
    assert_int_equal(submit(0), POOL_TAKEN);
    pool_summary(l.pools[0], &s);
    assert_int_equal(s.reachable_count, 1);
    assert_int_equal(s.reachable_bytes, 200);
    assert_int_equal(s.clients_work, 2);
}

/* At the limit exactly one is taken, beyond it none; what peers forward has its own room. */
static void rule_6_3_beyond_the_limit_clients_are_told_busy_and_peers_are_not(void **state)
{
    (void)state;
    struct tx tx;
    enum verdict verdict;
    begin();
    uint64_t most = clients_most(0);
    assert_int_equal(most, 2048 * (T_FAIR_MS / 4) / 1000 / NODES);
    for (uint64_t i = 0; i < most / 2; i++) {
        assert_false(pool_is_full(l.pools[0], 0, l.now_ms));
        assert_int_equal(submit(0), POOL_TAKEN);
    }
    assert_true(pool_is_full(l.pools[0], 0, l.now_ms));
    assert_int_equal(submit(0), POOL_BUSY);
    assert_int_equal(submit(1), POOL_TAKEN);
    make_tx(&tx, KEYS_MAX);
    assert_int_equal(pool_add(l.pools[0], &tx, 2, l.now_ms, &verdict), POOL_TAKEN);
    make_tx(&tx, 0); /* known, not busy */
    assert_int_equal(pool_add(l.pools[0], &tx, POOL_FROM_CLIENT, l.now_ms, &verdict), POOL_KNOWN);
}

int main(void)
{
#define LOAD(test) cmocka_unit_test_teardown(test, end)
    const struct CMUnitTest tests[] = {
        LOAD(without_admission_a_full_pool_grows_old),
        LOAD(rule_6_3_overload_lets_nothing_grow_old_and_idles_nobody),
        LOAD(rule_6_3_one_nodes_clients_may_have_all_that_there_is),
        LOAD(rule_6_3_a_node_that_comes_late_gets_its_part),
        LOAD(rule_6_3_slow_ones_do_not_complain_either),
        LOAD(rule_6_3_the_rate_may_fall_to_a_quarter_and_comes_back),
        LOAD(rule_6_3_a_standstill_is_found_back_from),
        LOAD(rule_6_3_a_trickle_does_not_lower_the_estimate),
        LOAD(rule_6_3_large_transactions_count_as_what_they_cost),
        LOAD(rule_6_3_gapped_nonces_do_not_use_up_admission),
        LOAD(rule_6_3_beyond_the_limit_clients_are_told_busy_and_peers_are_not),
    };
    return cmocka_run_group_tests_name("pool_load", tests, NULL, NULL);
}
