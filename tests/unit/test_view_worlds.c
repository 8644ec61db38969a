/* Small worlds of view changes, exhaustively, at n = 4: every order in which the last COMMIT, a
 * timeout and a VIEW-CHANGE can meet at three replicas while the fourth lies (pitfalls A8; issue
 * 1734 of besu-eth/besu: two blocks at one height), and every subset of lost base votes. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/cluster.h"

enum { LIAR = 3, CORRECT = 3, ORDERS = 6, T_0_MS = 1000 };

static struct cluster c;

static void init(void)
{
    struct cluster_options o = cluster_defaults();
    o.pipeline_heights = 1;
    o.window_heights = 4;
    o.sync_blocks_max = 2;
    o.heights_max = 4;
    cluster_init(&c, &o);
}

static int end(void **state)
{
    (void)state;
    cluster_close(&c);
    return 0;
}

static void give(uint32_t to, const struct pbft_msg *m)
{
    struct pbft_event event = {.type = PBFT_EVENT_MSG, .now_ms = c.now_ms, .msg = m};
    assert_true(fake_verify(m, 4, &c.config.chain_id));
    cluster_step(&c, to, &event);
}

static void give_complain(uint32_t from, uint32_t to)
{
    struct pbft_msg m = {.type = PBFT_COMPLAIN, .link = from, .from = from};
    m.complain = (struct pbft_complain){.view = 0, .reason = PBFT_REASON_STALLED};
    fake_sign_complain(&m.complain, from, &c.config.chain_id);
    give(to, &m);
}

/* ---- every order ---- */

struct order_world {
    uint32_t order;   /* of each correct node, base 6 */
    uint32_t lacking; /* the correct node that lacks the PQC; CORRECT: none does */
    bool has_high;    /* the liar's VIEW-CHANGE carries the PQC, or as if it knew of nothing */
    bool is_held;     /* what they say meanwhile arrives afterwards, or is lost */
    bool is_set_up;   /* from here on only the test says who hears what */
    uint64_t released_ms;
};

static bool is_not_heard(void *context, uint32_t from, uint32_t to, const struct pbft_msg *m)
{
    const struct order_world *w = context;
    (void)from;
    if (w->is_set_up)
        return !w->is_held;
    if (m->type == PBFT_PREPARE)
        return to == w->lacking;
    return m->type != PBFT_PRE_PREPARE;
}

static struct pbft_block block_1(void)
{
    return c.blocks[1].block;
}

static void give_commit(uint32_t from, uint32_t to)
{
    struct pbft_msg m = {.type = PBFT_COMMIT, .link = from, .from = from};
    m.vote.statement =
        (struct statement){.kind = CERT_COMMIT, .height = 1, .digest = block_1().digest};
    fake_sign_vote(&m.vote, from, &c.config.chain_id);
    give(to, &m);
}

/* Those of all others that sent one, the liar's last. */
static void give_commits(const struct order_world *w, uint32_t to)
{
    for (uint32_t from = 0; from < CORRECT; from++)
        if (from != to && from != w->lacking)
            give_commit(from, to);
    give_commit(LIAR, to);
}

static void time_out(uint32_t at)
{
    struct pbft_event tick = {.type = PBFT_EVENT_TICK, .now_ms = c.now_ms};
    cluster_step(&c, at, &tick);
    give_complain((at + 1) % CORRECT, at);
    give_complain(LIAR, at);
}

static void give_view_change(const struct order_world *w, uint32_t to)
{
    struct pbft_msg m = {.type = PBFT_VIEW_CHANGE, .link = LIAR, .from = LIAR};
    struct statement s = {.kind = CERT_PREPARE, .height = 1, .digest = block_1().digest};
    m.view_change.view = 1;
    m.view_change.has_high = w->has_high;
    if (w->has_high)
        fake_certificate(&m.view_change.high, &s, 15, 3, &c.config.chain_id);
    fake_lc(&m.view_change.lc, 0, 0, PBFT_REASON_STALLED, 9, 4, &c.config.chain_id);
    fake_sign_view_change(&m.view_change, LIAR, &c.config.chain_id);
    give(to, &m);
}

static void act(const struct order_world *w, uint32_t at, char what)
{
    if (what == 'C')
        give_commits(w, at);
    else if (what == 'T')
        time_out(at);
    else
        give_view_change(w, at);
}

/* Returns whether anybody committed the block before the view changed. */
static bool run_order(struct order_world *w)
{
    static const char *const orders[ORDERS] = {"CTV", "CVT", "TCV", "TVC", "VCT", "VTC"};
    cluster_reset(&c, 1);
    c.loses = is_not_heard;
    c.context = w;
    for (uint32_t at = 0; at < CORRECT; at++)
        cluster_start(&c, at);
    cluster_aim(&c, 1);
    cluster_run(&c, T_0_MS - 2);
    assert_int_equal(c.chain_height, 0);
    w->is_set_up = true;
    c.now_ms += 2;
    uint32_t order = w->order;
    for (uint32_t at = 0; at < CORRECT; at++, order /= ORDERS)
        for (int i = 0; i < 3; i++)
            act(w, at, orders[order % ORDERS][i]);
    bool has_committed = c.chain_height == 1;
    w->released_ms = c.now_ms;
    c.loses = NULL;
    cluster_aim(&c, 3);
    if (!cluster_run_to(&c, 3, 20000))
        fail_msg("order %u, %u lacks the PQC, high %d, held %d: nothing commits", w->order,
                 w->lacking, w->has_high, w->is_held);
    return has_committed;
}

/* Whatever meets first: one block per height (the cluster's judge), and it commits in the end, with
 * the liar silent from then on. What was committed, or prepared by all correct ones, is what stays.
 */
static void last_commit_timeout_and_view_change_may_come_in_any_order(void **state)
{
    (void)state;
    uint32_t committed_count = 0, worlds_count = 0;
    init();
    for (uint32_t order = 0; order < ORDERS * ORDERS * ORDERS; order++)
        for (uint32_t lacking = 0; lacking <= CORRECT; lacking++)
            for (int how = 0; how < 4; how++) {
                struct order_world w = {.order = order,
                                        .lacking = lacking,
                                        .has_high = (how & 1) != 0,
                                        .is_held = (how & 2) != 0};
                bool has_committed = run_order(&w);
                committed_count += has_committed;
                worlds_count++;
                if (has_committed || lacking == CORRECT)
                    assert_true(digest_equal(&c.chain[1].digest, &c.blocks[1].block.digest));
            }
    /* In 6^3 - 4^3 of the orders the COMMITs came first somewhere. */
    assert_int_equal(worlds_count, 16 * 216);
    assert_int_equal(committed_count, 16 * (216 - 64));
}

/* ---- every subset of lost base votes ---- */

struct base_world {
    uint32_t lost; /* a bit per kind and sender */
    uint64_t until_ms;
    bool is_committed; /* the base, before the view changed */
};

static bool is_base_vote_lost(void *context, uint32_t from, uint32_t to, const struct pbft_msg *m)
{
    const struct base_world *w = context;
    (void)to;
    if (m->type != PBFT_PREPARE && m->type != PBFT_COMMIT)
        return false;
    const struct statement *s = &m->vote.statement;
    if (s->view == 0)
        return m->type == PBFT_COMMIT && !w->is_committed;
    uint32_t bit = (m->type == PBFT_COMMIT) * 4 + from;
    return c.now_ms < w->until_ms && s->height == 1 && (w->lost >> bit & 1) != 0;
}

/* Returns whether the lost votes were missed at all. */
static bool run_base(struct base_world *w)
{
    enum { QUIET_MS = 200, HEALED_MS = 1500 };
    cluster_reset(&c, 1);
    c.loses = is_base_vote_lost;
    c.context = w;
    cluster_start_all(&c);
    cluster_aim(&c, 1);
    cluster_run(&c, 20);
    assert_int_equal(c.chain_height, w->is_committed);
    w->until_ms = c.now_ms + QUIET_MS;
    cluster_aim(&c, 3);
    for (uint32_t to = 0; to < 4; to++)
        for (uint32_t from = 0; from < 2; from++)
            if (from != to)
                give_complain(from, to);
    for (uint32_t to = 0; to < 2; to++)
        give_complain(3, to);
    bool is_through = cluster_run_to(&c, 3, QUIET_MS);
    if (!is_through && !cluster_run_to(&c, 3, HEALED_MS))
        fail_msg("base votes %02x lost, committed %d: not healed", w->lost, w->is_committed);
    return !is_through;
}

/* Every one is healed by STATUS, before anybody would have to leave the view for it. */
static void lost_base_votes_are_healed_by_status(void **state)
{
    (void)state;
    init();
    for (int is_committed = 0; is_committed < 2; is_committed++) {
        uint32_t missed_count = 0;
        for (uint32_t lost = 0; lost < 256; lost++) {
            struct base_world w = {.lost = lost, .is_committed = is_committed};
            bool is_missed = run_base(&w);
            missed_count += is_missed;
            if (lost == 0)
                assert_false(is_missed);
            for (uint32_t at = 0; at < 4; at++)
                assert_int_equal(c.nodes[at].durable.view, 1);
            assert_true(digest_equal(&c.chain[1].digest, &c.blocks[1].block.digest));
        }
        assert_in_range(missed_count, 128, 254);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(last_commit_timeout_and_view_change_may_come_in_any_order, end),
        cmocka_unit_test_teardown(lost_base_votes_are_healed_by_status, end),
    };
    return cmocka_run_group_tests_name("view_worlds", tests, NULL, NULL);
}
