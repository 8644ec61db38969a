/* How far behind a node says it is: what certificates prove and what enough members claim counts,
 * what f liars claim does not. */
#include "tests/help/unit.h"

#include "node/hansad/node_impl.h"

static struct home home;
static struct node node = {.home = &home};

static uint64_t behind(uint32_t members_count, uint64_t durable_height, uint64_t certified_height,
                       const uint64_t *claims)
{
    struct driver_look look = {.durable_height = durable_height};
    home.genesis.members_count = members_count;
    look.core.certified_height = certified_height;
    for (uint32_t i = 0; i < members_count; i++)
        look.claimed_heights[i] = claims[i];
    return node_behind(&node, &look);
}

static void a_node_at_the_head_is_not_behind(void **state)
{
    (void)state;
    const uint64_t claims[] = {0, 100, 100, 99};
    assert_int_equal(behind(4, 100, 100, claims), 0);
    assert_int_equal(behind(4, 101, 100, claims), 0);
}

static void a_certificate_counts(void **state)
{
    (void)state;
    const uint64_t claims[] = {0, 0, 0, 0};
    assert_int_equal(behind(4, 100, 130, claims), 30);
}

static void what_one_more_than_f_claim_counts(void **state)
{
    (void)state;
    const uint64_t claims[] = {0, 500, 400, 300};
    assert_int_equal(behind(4, 100, 100, claims), 300); /* 400 is claimed by two */
    const uint64_t seven[] = {0, 900, 800, 700, 600, 500, 400};
    assert_int_equal(behind(7, 100, 100, seven), 600); /* f = 2: 700 by three */
}

static void what_f_members_claim_does_not_count(void **state)
{
    (void)state;
    const uint64_t claims[] = {0, UINT64_MAX, 100, 100};
    assert_int_equal(behind(4, 100, 100, claims), 0);
    const uint64_t seven[] = {0, UINT64_MAX, UINT64_MAX, 100, 100, 100, 100};
    assert_int_equal(behind(7, 100, 100, seven), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_at_the_head_is_not_behind),
        cmocka_unit_test(a_certificate_counts),
        cmocka_unit_test(what_one_more_than_f_claim_counts),
        cmocka_unit_test(what_f_members_claim_does_not_count),
    };
    return cmocka_run_group_tests_name("hansad_behind", tests, NULL, NULL);
}
