/* PROTOCOL.md 7.6: in CHANGING a replica goes on with all but votes; also with asking for what it
 * lacks, so that a view change which takes long makes nobody fall behind. */
#include "tests/unit/rules_view.h"

/* What f+1 votes or a certificate name and is not here is fetched, and commits. */
static void rule_7_6_changing_fetches_and_commits(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    struct certificate c = lone_certificate(&l, CERT_COMMIT, 0, &b[1], others());
    assert_int_equal(lone_certified(&l, &c), PBFT_KEEP);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    assert_true(digest_equal(&act->fetch.digest, &b[1].digest));
    assert_int_equal(lone_data(&l, act->to, &b[1], false), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 1);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
}

/* 9.2: ranges are asked for, one after the other. */
static void rule_7_6_changing_asks_for_ranges(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    for (uint32_t from = 0; from < 3; from++)
        (void)lone_status(&l, from, 4);
    l.view = 0;
    assert_int_equal(lone_range(&l, 0, &b[1], 2, 0), PBFT_KEEP);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    assert_int_equal(act->fetch.kind, PBFT_FETCH_RANGE);
    assert_int_equal(act->fetch.from_height, 3);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_7_6_changing_fetches_and_commits),
        RULE(rule_7_6_changing_asks_for_ranges),
    };
    return cmocka_run_group_tests_name("rules_7_changing", tests, NULL, NULL);
}
