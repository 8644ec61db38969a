/* A small world, exhaustively: two heights at n = 4, every subset of their sixteen votes lost to
 * all who should have got them. */
#include "tests/help/unit.h"

#include "tests/help/cluster.h"

enum { HEIGHTS = 2, SUBSETS = 1 << (2 * HEIGHTS * 4), QUIET_MS = 200 };

struct subset {
    struct cluster *cluster;
    uint64_t until_ms; /* what is sent again later arrives */
    uint32_t lost;     /* a bit per height, kind and sender */
};

static bool is_in_subset(void *context, uint32_t from, uint32_t to, const struct pbft_msg *m)
{
    const struct subset *subset = context;
    (void)to;
    if (m->type != PBFT_PREPARE && m->type != PBFT_COMMIT)
        return false;
    uint32_t bit =
        (uint32_t)(m->vote.statement.height - 1) * 8 + (m->type == PBFT_COMMIT) * 4 + from;
    return subset->cluster->now_ms < subset->until_ms && (subset->lost >> bit & 1) != 0;
}

static void init(struct cluster *c)
{
    struct cluster_options o = cluster_defaults();
    o.pipeline_heights = 2;
    o.window_heights = 2;
    o.sync_blocks_max = 2;
    o.heights_max = HEIGHTS;
    cluster_init(c, &o);
}

/* Whatever is lost, nothing conflicts, and the next STATUSes heal it: both heights commit
 * everywhere. What is not lost commits without them. */
static void cluster_that_loses_any_subset_of_votes_is_healed_by_status(void **state)
{
    (void)state;
    struct cluster c;
    uint32_t healed_count = 0;
    init(&c);
    for (uint32_t lost = 0; lost < SUBSETS; lost++) {
        cluster_reset(&c, 1);
        struct subset subset = {.cluster = &c, .until_ms = c.now_ms + QUIET_MS, .lost = lost};
        c.loses = is_in_subset;
        c.context = &subset;
        cluster_start_all(&c);
        cluster_aim(&c, HEIGHTS);
        bool is_through = cluster_run_to(&c, HEIGHTS, QUIET_MS);
        if (!is_through && !cluster_run_to(&c, HEIGHTS, 3 * c.config.status_ms))
            fail_msg("subset %04x is not healed", lost);
        healed_count += !is_through;
        if (lost == 0)
            assert_true(is_through);
    }
    assert_in_range(healed_count, SUBSETS / 2, SUBSETS - 2);
    cluster_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cluster_that_loses_any_subset_of_votes_is_healed_by_status),
    };
    return cmocka_run_group_tests_name("lost_votes", tests, NULL, NULL);
}
