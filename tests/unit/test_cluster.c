/* Clusters of cores under crashes and a bad network, all of it decided by seeds. */
#include "tests/help/unit.h"

#include "tests/help/cluster.h"

/* Without faults each height commits everywhere, at every size. */
static void cluster_without_faults_commits_at_every_size(void **state)
{
    (void)state;
    for (uint32_t n = 4; n <= CLUSTER_NODES_MAX; n++) {
        struct cluster_options o = cluster_defaults();
        struct cluster c;
        o.members_count = n;
        o.has_trace = true;
        cluster_init(&c, &o);
        cluster_start_all(&c);
        cluster_aim(&c, 40);
        assert_true(cluster_run_to(&c, 40, 2000));
        cluster_close(&c);
    }
}

/* Delay, loss and doubling of any message only slow it down. */
static void cluster_on_a_bad_network_commits_in_the_end(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct cluster_options o = cluster_defaults();
        struct cluster c;
        o.seed = seed;
        o.has_trace = true;
        o.members_count = 4 + (uint32_t)(seed % 4);
        o.delay_max_ms = 1 + seed % 200;
        o.lose_percent = (uint32_t)(seed % 5) * 10;
        o.double_percent = (uint32_t)(seed % 3) * 10;
        o.build_ms = o.check_ms = seed % 10;
        o.range_blocks_max = (uint32_t)(seed % 3);
        o.has_glance = seed % 2 == 0;
        cluster_init(&c, &o);
        cluster_start_all(&c);
        cluster_aim(&c, 30);
        if (!cluster_run_to(&c, 30, 120000))
            cluster_fail(&c, 0, "everything commits in the end");
        cluster_close(&c);
    }
}

/* Those beyond a quorum may be down; with one less than a quorum nothing commits (pitfalls A2). */
static void cluster_of_a_quorum_commits_and_of_one_less_does_not(void **state)
{
    (void)state;
    for (uint32_t n = 4; n <= CLUSTER_NODES_MAX; n++) {
        for (uint32_t more = 0; more <= 1; more++) {
            struct cluster_options o = cluster_defaults();
            struct cluster c;
            o.members_count = n;
            cluster_init(&c, &o);
            for (uint32_t at = 0; at < quorum_of(n) - more; at++)
                cluster_start(&c, at);
            cluster_aim(&c, 5);
            assert_int_equal(cluster_run_to(&c, 5, 5000), more == 0);
            assert_int_equal(c.chain_height, more == 0 ? 5 : 0);
            cluster_close(&c);
        }
    }
}

struct crasher {
    struct cluster *cluster;
    uint32_t percent;
};

static enum cluster_crash draw_crash(void *context, uint32_t at)
{
    struct crasher *crasher = context;
    (void)at;
    if (prng_below(&crasher->cluster->prng, 1000) >= crasher->percent)
        return CLUSTER_RUNS_ON;
    return prng_below(&crasher->cluster->prng, 2) == 0 ? CLUSTER_CRASH_BEFORE_WRITE
                                                       : CLUSTER_CRASH_AFTER_WRITE;
}

/* Steps of any node, the primary too, are cut short before and after their writes; nodes come back
 * from what was durable. Nothing conflicts, and with the crashes over everything commits. */
static void cluster_with_crashes_at_every_boundary_commits_in_the_end(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct cluster_options o = cluster_defaults();
        struct cluster c;
        o.seed = seed;
        o.has_trace = true;
        o.members_count = 4 + (uint32_t)(seed % 4);
        o.delay_max_ms = 1 + seed % 30;
        o.lose_percent = (uint32_t)(seed % 4) * 5;
        o.double_percent = 5;
        o.build_ms = o.check_ms = seed % 4;
        o.range_blocks_max = (uint32_t)(seed % 3);
        o.has_glance = seed % 2 == 0;
        cluster_init(&c, &o);
        struct crasher crasher = {&c, 5 + (uint32_t)(seed % 60)};
        c.crashes = draw_crash;
        c.context = &crasher;
        cluster_start_all(&c);
        cluster_aim(&c, 30);
        for (int i = 0; i < 60; i++) {
            cluster_run(&c, 100);
            if (seed % 7 == 0 && i % 10 == 9) /* all at once */
                for (uint32_t at = 0; at < o.members_count; at++)
                    if (c.nodes[at].core != NULL)
                        cluster_crash(&c, at);
            for (uint32_t at = 0; at < o.members_count; at++)
                if (c.nodes[at].core == NULL && prng_below(&c.prng, 2) == 0)
                    cluster_start(&c, at);
        }
        c.crashes = NULL;
        cluster_start_all(&c);
        if (!cluster_run_to(&c, 30, 60000))
            cluster_fail(&c, 0, "everything commits in the end");
        cluster_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cluster_without_faults_commits_at_every_size),
        cmocka_unit_test(cluster_of_a_quorum_commits_and_of_one_less_does_not),
        cmocka_unit_test(cluster_on_a_bad_network_commits_in_the_end),
        cmocka_unit_test(cluster_with_crashes_at_every_boundary_commits_in_the_end),
    };
    return cmocka_run_group_tests_name("cluster", tests, NULL, NULL);
}
