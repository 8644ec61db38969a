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

/* ---- hyperledger-archives/sawtooth-pbft 90, SmartBFT 350: stuck in ViewChanging ---- */

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

/* ---- concord-bft 1141: restarts after several views that nobody led ---- */

/* Two of seven are dead, the next primary with them; whoever is killed on the way to view 2 comes
 * back in the view that it was in, not in the one before it. */
static void concord_1141_a_restart_on_the_way_through_views_that_nobody_led(void **state)
{
    (void)state;
    for (uint32_t victim = 2; victim < 7; victim++)
        for (int step = 1; step <= 60; step += 3) {
            begin_with(7, 1, 1);
            cluster_start_all(&c);
            cluster_aim(&c, 2);
            assert_commits(2, SECOND_MS);
            cluster_crash(&c, 0);
            cluster_crash(&c, 1);
            cluster_aim(&c, 5);
            struct killer killer = {.victims = 1U << victim, .steps_left = step};
            killer.how = step % 2 == 0 ? CLUSTER_CRASH_BEFORE_WRITE : CLUSTER_CRASH_AFTER_WRITE;
            c.crashes = kill_at;
            c.context = &killer;
            uint64_t view = 0;
            for (int i = 0; i < 1000 && killer.steps_left > 0; i++) {
                view = c.nodes[victim].durable.view;
                cluster_run(&c, 5);
            }
            c.crashes = NULL;
            if (c.nodes[victim].core == NULL)
                cluster_start(&c, victim);
            assert_true(c.nodes[victim].durable.view >= view);
            assert_commits(5, 15 * SECOND_MS);
            assert_in_range(highest_view(), 2, 4);
            cluster_close(&c);
        }
    begin_with(4, 1, 1);
}

/* ---- sawtooth-pbft 98, bluzelle/swarmDB 358: NEW-VIEW and VIEW-CHANGE sent again and again ----
 */

enum { VIEWS_COUNTED = 8 };
struct counted_sends {
    uint32_t new_views[VIEWS_COUNTED][4][4]; /* view, from, to */
    uint32_t view_changes[VIEWS_COUNTED][4][4];
};

static bool is_counted_and_not_lost(void *context, uint32_t from, uint32_t to,
                                    const struct pbft_msg *m)
{
    struct counted_sends *sends = context;
    if (c.nodes[to].core == NULL)
        return false; /* who is down is told again and again */
    if (m->type == PBFT_NEW_VIEW)
        sends->new_views[m->new_view.view % VIEWS_COUNTED][from][to]++;
    if (m->type == PBFT_VIEW_CHANGE)
        sends->view_changes[m->view_change.view % VIEWS_COUNTED][from][to]++;
    return false;
}

/* With n = 4 the primary's own VIEW-CHANGE comes after f others that made it leave, and f + 1 are
 * 2f there. Where nothing is lost, each is sent once to each, in every view. (Over a slower network
 * a STATUS of before crosses a NEW-VIEW, and is answered.) */
static void sawtooth_98_where_nothing_is_lost_nothing_is_sent_twice(void **state)
{
    (void)state;
    for (uint64_t delay_ms = 1; delay_ms <= 4; delay_ms *= 2) {
        struct counted_sends sends = {0};
        begin_with(4, delay_ms, delay_ms);
        c.loses = is_counted_and_not_lost;
        c.context = &sends;
        cluster_start_all(&c);
        for (uint64_t view = 0; view < 3; view++) {
            cluster_aim(&c, 3 * view + 3);
            assert_commits(3 * view + 3, 10 * SECOND_MS);
            cluster_crash(&c, (uint32_t)view);
            cluster_aim(&c, 3 * view + 4);
            assert_commits(3 * view + 4, 10 * SECOND_MS);
            cluster_start(&c, (uint32_t)view);
            cluster_run(&c, 10 * SECOND_MS);
        }
        assert_int_equal(highest_view(), 3);
        for (uint64_t view = 1; view <= 3; view++)
            for (uint32_t from = 0; from < 4; from++)
                for (uint32_t to = 0; to < 4; to++) {
                    /* Its primary sends NEW-VIEW; once more when it comes back, if it was killed
                     * (4.1). Who came back without it asks. */
                    uint32_t most = from != view ? 0 : view < 3 ? 2 : 1;
                    if (to != view - 1)
                        assert_in_range(sends.new_views[view][from][to], 0, most);
                    assert_in_range(sends.view_changes[view][from][to], 0, 1);
                }
        cluster_close(&c);
    }
    begin_with(4, 1, 1);
}

/* ---- sawtooth-pbft 117: a view change while the ledger still works on a commit ---- */

/* The driver's answers take longer than a view does; the primary dies at any moment between. No
 * block is committed twice or left out (the cluster judges that), and it goes on. */
static void sawtooth_117_a_view_change_over_a_slow_ledger(void **state)
{
    (void)state;
    for (uint64_t at_ms = 0; at_ms < 400; at_ms += 10) {
        struct cluster_options o = cluster_defaults();
        o.seed = at_ms + 1;
        o.check_ms = o.build_ms = 300;
        o.has_trace = true;
        cluster_init(&c, &o);
        cluster_start_all(&c);
        cluster_aim(&c, 12);
        cluster_run(&c, at_ms);
        cluster_crash(&c, 0);
        assert_commits(12, 30 * SECOND_MS);
        assert_in_range(highest_view(), 1, 3);
        cluster_start(&c, 0);
        assert_commits(12, 10 * SECOND_MS);
        cluster_close(&c);
    }
    begin_with(4, 1, 1);
}

/* ---- hyperledger-archives/fabric 1877: a view change at every checkpoint ---- */

/* Whoever leads is cut off as soon as it led a checkpoint's interval, and comes back in the next
 * view: every new primary has blocks to fetch first. */
static void fabric_1877_a_view_change_at_every_checkpoint(void **state)
{
    (void)state;
    enum { VIEWS = 50 };
    struct cluster_options o = cluster_defaults();
    o.heights_max = (VIEWS + 1) * CLUSTER_CHECKPOINT_EVERY;
    o.has_trace = true;
    cluster_init(&c, &o);
    cluster_start_all(&c);
    for (uint64_t i = 0; i < VIEWS; i++) {
        uint32_t primary = (uint32_t)(highest_view() % 4);
        memset(c.cut, 0, sizeof c.cut);
        cluster_aim(&c, (i + 1) * CLUSTER_CHECKPOINT_EVERY);
        assert_commits((i + 1) * CLUSTER_CHECKPOINT_EVERY, 20 * SECOND_MS);
        uint64_t view = highest_view();
        for (uint32_t at = 0; at < 4; at++)
            link_members(primary, at, at == primary);
        cluster_aim(&c, (i + 1) * CLUSTER_CHECKPOINT_EVERY + 1);
        for (int s = 0; s < 20 && highest_view() == view; s++)
            cluster_run(&c, SECOND_MS);
        assert_true(highest_view() > view);
    }
    assert_true(c.chain_height >= (uint64_t)VIEWS * CLUSTER_CHECKPOINT_EVERY);
    assert_in_range(highest_view(), VIEWS, VIEWS + VIEWS / 10);
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
        cmocka_unit_test_teardown(concord_1141_a_restart_on_the_way_through_views_that_nobody_led,
                                  end),
        cmocka_unit_test_teardown(sawtooth_98_where_nothing_is_lost_nothing_is_sent_twice, end),
        cmocka_unit_test_teardown(sawtooth_117_a_view_change_over_a_slow_ledger, end),
        cmocka_unit_test_teardown(fabric_1877_a_view_change_at_every_checkpoint, end),
        cmocka_unit_test_teardown(concord_704_what_was_lost_once_comes_again, end),
    };
    return cmocka_run_group_tests_name("view_stuck", tests, NULL, NULL);
}
