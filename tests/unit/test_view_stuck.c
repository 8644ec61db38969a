/* View changes that got stuck elsewhere, each after the thread that tells of it (pitfalls B8 to
 * B13, users 1): the same script here, and it has to end. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/cluster.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS };

static struct cluster c;

static void begin_with(uint32_t members_count, uint64_t seed, uint64_t delay_ms)
{
    struct cluster_options o = cluster_defaults();
    o.members_count = members_count;
    o.seed = seed;
    o.delay_min_ms = o.delay_max_ms = delay_ms;
    o.has_trace = true;
    cluster_init(&c, &o);
}

static int end(void **state)
{
    (void)state;
    cluster_close(&c);
    return 0;
}

static uint64_t view_of(uint32_t at)
{
    return c.nodes[at].durable.view;
}

static uint64_t highest_view(void)
{
    uint64_t view = 0;
    for (uint32_t at = 0; at < c.options.members_count; at++)
        view = view_of(at) > view ? view_of(at) : view;
    return view;
}

static void link_members(uint32_t a, uint32_t b, bool is_linked)
{
    c.cut[a][b] = c.cut[b][a] = !is_linked;
}

static void assert_commits(uint64_t height, uint64_t limit_ms)
{
    if (!cluster_run_to(&c, height, limit_ms))
        cluster_fail(&c, 0, "it commits in the end");
}

/* ---- hyperledger-archives/fabric 1917: PBFT transient network failure tolerance ---- */

/* The primary hears all, and the backups only it; all want to leave the view, one of them has a
 * quorum of VIEW-CHANGEs and the others have two. Its timer runs on and it goes ahead alone. When
 * the links are there, nobody sends again what was lost: stuck for ever. */
static void fabric_1917_backups_that_are_not_linked_to_each_other(void **state)
{
    (void)state;
    for (uint64_t apart_ms = 500; apart_ms <= 64 * SECOND_MS; apart_ms *= 2)
        for (uint32_t hub = 0; hub < 4; hub++) {
            begin_with(4, apart_ms + hub, 1);
            cluster_start_all(&c);
            for (uint32_t a = 0; a < 4; a++)
                for (uint32_t b = 0; b < a; b++)
                    link_members(a, b, a == hub || b == hub);
            cluster_aim(&c, 4);
            cluster_run(&c, apart_ms);
            memset(c.cut, 0, sizeof c.cut);
            cluster_aim(&c, 8);
            assert_commits(8, 10 * SECOND_MS);
            assert_in_range(highest_view(), 0, 4);
            cluster_close(&c);
        }
    begin_with(4, 1, 1);
}

/* The same in the midst of a view change that a dead primary began, its timeouts repeated. */
static void fabric_1917_in_the_midst_of_a_view_change(void **state)
{
    (void)state;
    for (uint64_t apart_ms = SECOND_MS; apart_ms <= 64 * SECOND_MS; apart_ms *= 2)
        for (uint32_t hub = 1; hub < 4; hub++) {
            begin_with(4, apart_ms + hub, 1);
            cluster_start_all(&c);
            cluster_aim(&c, 1);
            assert_commits(1, SECOND_MS);
            cluster_crash(&c, 0);
            cluster_aim(&c, 4);
            cluster_run(&c, 900);
            for (uint32_t a = 1; a < 4; a++)
                for (uint32_t b = 1; b < a; b++)
                    link_members(a, b, a == hub || b == hub);
            cluster_run(&c, apart_ms);
            memset(c.cut, 0, sizeof c.cut);
            assert_commits(4, 10 * SECOND_MS);
            assert_in_range(highest_view(), 1, 4);
            cluster_close(&c);
        }
    begin_with(4, 1, 1);
}

/* ---- hyperledger-indy/indy-node 1720: Nodes get lost during view change (infinite loop) ---- */

/* View numbers run away, each node asking for another one, and never meet. Here whoever is not
 * heard by f others complains about one view for ever; links flap for five minutes, then they hold.
 */
static void indy_node_1720_view_numbers_do_not_run_away(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint32_t n = 4 + (uint32_t)(seed % 4);
        begin_with(n, seed, 5);
        cluster_start_all(&c);
        cluster_aim(&c, 40);
        for (int i = 0; i < 300; i++) {
            for (uint32_t a = 0; a < n; a++)
                for (uint32_t b = 0; b < a; b++)
                    link_members(a, b, prng_below(&c.prng, 100) < 55);
            cluster_run(&c, SECOND_MS);
        }
        memset(c.cut, 0, sizeof c.cut);
        uint64_t view = highest_view();
        assert_in_range(view, 0, 30); /* one in ten seconds at most */
        assert_commits(40, 30 * SECOND_MS);
        assert_in_range(highest_view(), view, view + 3);
        cluster_close(&c);
    }
    begin_with(4, 1, 1);
}

/* ---- hyperledger-archives/sawtooth-pbft 90, 117: stuck in ViewChanging while catching up ---- */

static bool is_new_view_to_3(void *context, uint32_t from, uint32_t to, const struct pbft_msg *m)
{
    (void)context;
    (void)from;
    return to == 3 && m->type == PBFT_NEW_VIEW;
}

/* A node that misses the NEW-VIEW gets blocks by catch-up, and votes again as soon as it comes. */
static void sawtooth_90_one_that_is_changing_catches_up_and_rejoins(void **state)
{
    (void)state;
    begin_with(5, 1, 1);
    c.loses = is_new_view_to_3;
    cluster_start_all(&c);
    cluster_aim(&c, 2);
    assert_commits(2, SECOND_MS);
    cluster_crash(&c, 0);
    cluster_aim(&c, 30);
    cluster_run(&c, 3 * SECOND_MS / 2);
    /* q = 4 of the four that are left: without 3's votes nothing commits in view 1. */
    assert_int_equal(c.chain_height, 2);
    assert_int_equal(highest_view(), 1);
    cluster_start(&c, 0); /* now the others are enough */
    cluster_run(&c, 10 * SECOND_MS);
    assert_int_equal(highest_view(), 1);
    assert_int_equal(c.nodes[3].durable.mode, PBFT_CHANGING);
    assert_int_equal(cluster_committed(&c, 3), 30); /* 7.6 */
    c.loses = NULL;
    cluster_run(&c, SECOND_MS);
    assert_int_equal(c.nodes[3].durable.mode, PBFT_NORMAL);
    cluster_crash(&c, 0);
    cluster_aim(&c, 33);
    assert_commits(33, 10 * SECOND_MS);
}

/* ---- vmware/concord-bft 2707, fabric 1877: a view change that waits for state ---- */

/* The next primary lags by more than a window: it leads its view all the same. */
static void concord_2707_a_primary_that_lags_still_leads(void **state)
{
    (void)state;
    begin_with(4, 1, 1);
    cluster_start_all(&c);
    for (uint32_t at = 0; at < 4; at++)
        link_members(1, at, at == 1);
    cluster_aim(&c, 40);
    cluster_run(&c, 5 * SECOND_MS);
    assert_int_equal(c.chain_height, 40);
    assert_int_equal(cluster_committed(&c, 1), 0);
    cluster_crash(&c, 0);
    memset(c.cut, 0, sizeof c.cut);
    cluster_aim(&c, 45);
    assert_commits(45, 10 * SECOND_MS);
    assert_int_equal(highest_view(), 1);
}

/* ---- concord-bft 805, 1141; SmartBFT TestRestoringViewChange: a restart inside a view change ----
 */

struct killer {
    uint32_t victims; /* bits */
    int steps_left;   /* of theirs, until it strikes */
    enum cluster_crash how;
};

static enum cluster_crash kill_at(void *context, uint32_t at)
{
    struct killer *killer = context;
    if ((killer->victims >> at & 1) == 0)
        return CLUSTER_RUNS_ON;
    return --killer->steps_left == 0 ? killer->how : CLUSTER_RUNS_ON;
}

/* The primary is dead for good; another is killed at each step of the view change, before or after
 * its writes, and comes back; or all are, one step later each. */
static void concord_805_a_restart_at_every_step_of_a_view_change(void **state)
{
    (void)state;
    for (uint32_t victims = 1; victims < 8; victims++)
        for (int step = 1; step <= 50; step++)
            for (int how = 0; how < 2; how++) {
                begin_with(4, 1, 1);
                cluster_start_all(&c);
                cluster_aim(&c, 1);
                cluster_run(&c, 3); /* a block is prepared somewhere, and not committed */
                cluster_crash(&c, 0);
                cluster_aim(&c, 4);
                cluster_run(&c, 980);
                struct killer killer = {.victims = victims << 1, .steps_left = step};
                killer.how = how == 0 ? CLUSTER_CRASH_BEFORE_WRITE : CLUSTER_CRASH_AFTER_WRITE;
                c.crashes = kill_at;
                c.context = &killer;
                for (int i = 0; i < 20; i++) {
                    cluster_run(&c, 15);
                    for (uint32_t at = 1; at < 4; at++)
                        if (c.nodes[at].core == NULL) {
                            cluster_start(&c, at);
                            killer.steps_left = step + 1;
                        }
                }
                c.crashes = NULL;
                for (uint32_t at = 1; at < 4; at++)
                    if (c.nodes[at].core == NULL)
                        cluster_start(&c, at);
                assert_commits(4, 15 * SECOND_MS);
                assert_in_range(highest_view(), 1, 3);
                cluster_close(&c);
            }
    begin_with(4, 1, 1);
}

/* ---- concord-bft 704, fabric f7a6ec04: the one message that was lost ---- */

struct first_loss {
    enum pbft_msg_type type;
    uint64_t until_ms;
};

static bool is_early(void *context, uint32_t from, uint32_t to, const struct pbft_msg *m)
{
    const struct first_loss *loss = context;
    (void)from;
    (void)to;
    return m->type == loss->type && c.now_ms < loss->until_ms;
}

/* All of one type that a view change needs are lost for a while: then the next ones are enough. */
static void concord_704_what_was_lost_once_comes_again(void **state)
{
    (void)state;
    static const enum pbft_msg_type types[] = {PBFT_COMPLAIN, PBFT_VIEW_CHANGE, PBFT_NEW_VIEW,
                                               PBFT_PREPARE,  PBFT_COMMIT,      PBFT_QC,
                                               PBFT_STATUS,   PBFT_DATA};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        begin_with(4, 1, 1);
        struct first_loss loss = {.type = types[i], .until_ms = 3 * SECOND_MS};
        cluster_start_all(&c);
        cluster_aim(&c, 2);
        assert_commits(2, 500);
        cluster_crash(&c, 0);
        c.loses = is_early;
        c.context = &loss;
        cluster_aim(&c, 5);
        cluster_run(&c, 3 * SECOND_MS);
        assert_commits(5, 6 * SECOND_MS);
        assert_in_range(highest_view(), 1, 2);
        cluster_close(&c);
    }
    begin_with(4, 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(fabric_1917_backups_that_are_not_linked_to_each_other, end),
        cmocka_unit_test_teardown(fabric_1917_in_the_midst_of_a_view_change, end),
        cmocka_unit_test_teardown(indy_node_1720_view_numbers_do_not_run_away, end),
        cmocka_unit_test_teardown(sawtooth_90_one_that_is_changing_catches_up_and_rejoins, end),
        cmocka_unit_test_teardown(concord_2707_a_primary_that_lags_still_leads, end),
        cmocka_unit_test_teardown(concord_805_a_restart_at_every_step_of_a_view_change, end),
        cmocka_unit_test_teardown(concord_704_what_was_lost_once_comes_again, end),
    };
    return cmocka_run_group_tests_name("view_stuck", tests, NULL, NULL);
}
