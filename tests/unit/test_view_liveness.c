/* Clusters that have to change views, PROTOCOL.md 6, 7 and 15: dead primaries, partitions that heal
 * at every phase, hostile complaints, long outages. The judge of the cluster holds safety at every
 * step; here it is held that everything commits in the end, and in how long. */
#include "tests/help/unit.h"

#include <string.h>

#include "tests/help/cluster.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, T_CAP_MS = MINUTE_MS };

static struct cluster c;

static void begin(uint32_t members_count, uint64_t seed)
{
    struct cluster_options o = cluster_defaults();
    o.members_count = members_count;
    o.seed = seed;
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

static void heal(void)
{
    memset(c.cut, 0, sizeof c.cut);
}

/* Those whose bits are set hear the others no more, and the other way round. */
static void split(uint32_t members)
{
    for (uint32_t a = 0; a < c.options.members_count; a++)
        for (uint32_t b = 0; b < c.options.members_count; b++)
            if ((members >> a & 1) != (members >> b & 1))
                c.cut[a][b] = true;
}

static void complain_to_all(uint32_t from, uint64_t view)
{
    struct pbft_msg m = {.type = PBFT_COMPLAIN, .link = from, .from = from};
    m.complain = (struct pbft_complain){.view = view, .reason = PBFT_REASON_UNFAIR};
    fake_sign_complain(&m.complain, from, &c.config.chain_id);
    for (uint32_t to = 0; to < c.options.members_count; to++)
        if (to != from)
            cluster_send(&c, from, to, &m);
}

/* ---- primaries that are not there ---- */

/* Any f members down from the start, the first primaries too (pitfalls A2; sawtooth-pbft 158). */
static void any_f_members_down_are_borne(void **state)
{
    (void)state;
    for (uint32_t n = 4; n <= CLUSTER_NODES_MAX; n++)
        for (uint32_t down = 1; down < 1u << n; down++) {
            if ((uint32_t)__builtin_popcount(down) != faulty_max_of(n))
                continue;
            begin(n, 1);
            for (uint32_t at = 0; at < n; at++)
                if ((down >> at & 1) == 0)
                    cluster_start(&c, at);
            cluster_aim(&c, 5);
            if (!cluster_run_to(&c, 5, 5 * SECOND_MS))
                fail_msg("n = %u without %x: nothing commits", n, down);
            uint64_t dead_in_a_row = 0;
            while ((down >> dead_in_a_row & 1) != 0)
                dead_in_a_row++;
            assert_int_equal(highest_view(), dead_in_a_row);
            cluster_close(&c);
        }
    begin(4, 1);
}

/* Each primary in turn is lost while it works, and comes back when the next one has taken over. */
static void one_primary_after_the_other_crashes(void **state)
{
    (void)state;
    for (uint32_t n = 4; n <= CLUSTER_NODES_MAX; n++) {
        begin(n, n);
        cluster_start_all(&c);
        for (uint64_t round = 0; round < 2 * n; round++) {
            uint32_t primary = (uint32_t)(highest_view() % n);
            cluster_aim(&c, c.chain_height + 3);
            cluster_run(&c, 4);
            cluster_crash(&c, primary);
            if (!cluster_run_to(&c, c.target_height, 10 * SECOND_MS))
                fail_msg("n = %u, round %u: nothing commits", n, (unsigned)round);
            cluster_start(&c, primary);
            assert_true(cluster_run_to(&c, c.target_height, 2 * SECOND_MS));
        }
        assert_in_range(highest_view(), 1, 2 * n);
        cluster_close(&c);
    }
    begin(4, 1);
}

/* ---- partitions ---- */

/* The primary is gone; while the others change the view they are parted at each moment of it, in
 * every way, until it heals. */
static void a_partition_at_every_phase_of_a_view_change_heals(void **state)
{
    (void)state;
    for (uint32_t members = 1; members < 7; members++)
        for (uint64_t at_ms = 0; at_ms < 80; at_ms += 2) {
            struct cluster_options o = cluster_defaults();
            o.delay_min_ms = o.delay_max_ms = 10; /* one phase each 10 ms */
            o.seed = 1 + at_ms;
            cluster_init(&c, &o);
            cluster_start_all(&c);
            cluster_aim(&c, 2);
            assert_true(cluster_run_to(&c, 2, SECOND_MS));
            cluster_aim(&c, 3);
            cluster_run(&c, 5);
            cluster_crash(&c, 0); /* with a proposal on its way */
            cluster_aim(&c, 6);
            cluster_run(&c, SECOND_MS - 20 + at_ms);
            split(members << 1);
            cluster_run(&c, 3 * SECOND_MS);
            heal();
            if (!cluster_run_to(&c, 6, 10 * SECOND_MS))
                fail_msg("parted as %x after %u ms: nothing commits", members, (unsigned)at_ms);
            assert_in_range(highest_view(), 1, 4);
            cluster_close(&c);
        }
    begin(4, 1);
}

/* Half an hour without a quorum: then it takes less than 2 T_cap, and not as long again (pitfalls
 * L3; besu 7642, besu-docs 611). No views were burnt meanwhile. */
static void half_an_hour_without_a_quorum_is_over_at_once(void **state)
{
    (void)state;
    for (uint32_t n = 4; n <= CLUSTER_NODES_MAX; n++)
        for (int is_crash = 0; is_crash < 2; is_crash++) {
            begin(n, n);
            uint32_t gone = n - quorum_of(n) + 1;
            cluster_start_all(&c);
            cluster_aim(&c, 3);
            assert_true(cluster_run_to(&c, 3, SECOND_MS));
            for (uint32_t at = 0; is_crash && at < gone; at++)
                cluster_crash(&c, at);
            split(is_crash ? 0 : (1u << gone) - 1);
            cluster_aim(&c, 8);
            cluster_run(&c, 30 * (uint64_t)MINUTE_MS);
            assert_int_equal(c.chain_height, 3);
            assert_in_range(highest_view(), 0, 1);
            heal();
            cluster_start_all(&c);
            uint64_t healed_ms = c.now_ms;
            assert_true(cluster_run_to(&c, 8, 2 * (uint64_t)T_CAP_MS - 1));
            assert_true(c.now_ms - healed_ms < 10 * SECOND_MS);
            cluster_close(&c);
        }
    begin(4, 1);
}

/* Three parts that come and go at different times: nobody chases views alone (pitfalls L4). */
static void staggered_partitions_burn_no_views(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        begin(7, seed);
        cluster_start_all(&c);
        cluster_aim(&c, 2);
        assert_true(cluster_run_to(&c, 2, SECOND_MS));
        cluster_aim(&c, 20);
        for (int round = 0; round < 12; round++) {
            static const uint32_t parts[3] = {0x07, 0x18, 0x60};
            split(parts[prng_below(&c.prng, 3)]);
            cluster_run(&c, 200 + prng_below(&c.prng, 1500));
            split(parts[prng_below(&c.prng, 3)]);
            cluster_run(&c, 200 + prng_below(&c.prng, 3000));
            if (prng_below(&c.prng, 3) == 0)
                heal();
        }
        heal();
        if (!cluster_run_to(&c, 20, 20 * SECOND_MS))
            fail_msg("seed %u: nothing commits", (unsigned)seed);
        assert_in_range(highest_view(), 0, 12);
        cluster_close(&c);
    }
    begin(4, 1);
}

/* One that was alone for an hour votes in the same view again: it had to leave none (pitfalls B8;
 * concord-bft 1041, 1062). */
static void one_that_was_alone_for_an_hour_comes_back_into_the_same_view(void **state)
{
    (void)state;
    begin(4, 1);
    cluster_start_all(&c);
    split(8);
    cluster_aim(&c, 20);
    cluster_run(&c, 60 * (uint64_t)MINUTE_MS);
    assert_int_equal(c.chain_height, 20);
    heal();
    assert_true(cluster_run_to(&c, 20, 5 * SECOND_MS));
    cluster_crash(&c, 2); /* now its votes are needed */
    cluster_aim(&c, 25);
    assert_true(cluster_run_to(&c, 25, 5 * SECOND_MS));
    assert_int_equal(highest_view(), 0);
}

/* ---- the network ---- */

/* Half of all messages lost for two minutes, with a dead primary: the view change gets through when
 * that ends, and before (pitfalls B9). */
static void view_changes_get_through_heavy_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        begin(4, seed);
        c.options.has_trace = true;
        c.options.lose_percent = 50;
        c.options.double_percent = 20;
        c.options.delay_max_ms = 80;
        cluster_start_all(&c);
        cluster_aim(&c, 3);
        cluster_run(&c, 500);
        cluster_crash(&c, 0);
        cluster_aim(&c, 10);
        cluster_run(&c, 2 * MINUTE_MS);
        c.options.lose_percent = 0;
        if (!cluster_run_to(&c, 10, 20 * SECOND_MS))
            fail_msg("seed %u: nothing commits", (unsigned)seed);
        cluster_close(&c);
    }
    begin(4, 1);
}

/* ---- hostile complaints ---- */

/* f members complain about every view all the time: no view change, and everything commits. */
static void complaints_by_f_members_change_no_view(void **state)
{
    (void)state;
    for (uint32_t n = 4; n <= CLUSTER_NODES_MAX; n++) {
        begin(n, n);
        uint32_t f = faulty_max_of(n);
        for (uint32_t at = 0; at < n - f; at++)
            cluster_start(&c, at);
        for (uint64_t height = 1; height <= 40; height++) {
            for (uint32_t at = n - f; at < n; at++)
                for (uint64_t view = 0; view < 4; view++)
                    complain_to_all(at, view == 3 ? UINT64_MAX - 1 : view);
            cluster_aim(&c, height);
            cluster_run(&c, 100);
        }
        assert_int_equal(c.chain_height, 40);
        assert_int_equal(highest_view(), 0);
        cluster_close(&c);
    }
    begin(4, 1);
}

/* f hostile complaints about each view, and a network that is sometimes too slow for T_k: timeouts
 * outgrow it, and it settles (pitfalls L5). */
static void hostile_complaints_and_jitter_settle(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        begin(4, seed);
        c.options.delay_min_ms = 50;
        c.options.delay_max_ms = 400;
        for (uint32_t at = 0; at < 3; at++)
            cluster_start(&c, at);
        cluster_aim(&c, 60);
        uint64_t half_way = 0;
        for (int i = 0; i < 1200 && c.chain_height < 60; i++) {
            complain_to_all(3, highest_view());
            cluster_run(&c, 500);
            if (c.chain_height < 30)
                half_way = highest_view();
        }
        if (!cluster_run_to(&c, 60, 20 * SECOND_MS))
            fail_msg("seed %u: it does not settle", (unsigned)seed);
        assert_in_range(highest_view() - half_way, 0, 6);
        assert_in_range(highest_view(), 0, 20);
        cluster_close(&c);
    }
    begin(4, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(any_f_members_down_are_borne, end),
        cmocka_unit_test_teardown(one_primary_after_the_other_crashes, end),
        cmocka_unit_test_teardown(a_partition_at_every_phase_of_a_view_change_heals, end),
        cmocka_unit_test_teardown(half_an_hour_without_a_quorum_is_over_at_once, end),
        cmocka_unit_test_teardown(staggered_partitions_burn_no_views, end),
        cmocka_unit_test_teardown(one_that_was_alone_for_an_hour_comes_back_into_the_same_view,
                                  end),
        cmocka_unit_test_teardown(view_changes_get_through_heavy_loss, end),
        cmocka_unit_test_teardown(complaints_by_f_members_change_no_view, end),
        cmocka_unit_test_teardown(hostile_complaints_and_jitter_settle, end),
    };
    return cmocka_run_group_tests_name("view_liveness", tests, NULL, NULL);
}
