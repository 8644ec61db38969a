/* PROTOCOL.md 14.1 as far as it is about view changes: found by the core where two messages meet.
 */
#include "tests/unit/evidence_rules.h"
#include "tests/unit/rules_view.h"

static void rule_14_1_a_second_view_change_for_one_view_is_evidence(void **state)
{
    (void)state;
    begin(4, 0);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    assert_int_equal(lone_view_change(&l, 2, 1, &high), PBFT_KEEP);
    assert_nothing_found();
    assert_int_equal(lone_view_change(&l, 2, 1, &high), PBFT_DROP_DUPLICATE);
    assert_nothing_found();
    assert_int_equal(lone_view_change(&l, 2, 1, NULL), PBFT_DROP_CONFLICT);
    assert_found(PBFT_TWO_VIEW_CHANGES, 2);
    assert_signed(lone_act(&l, PBFT_WRITE_EVIDENCE, 0)->evidence);
}

/* For the next view it may be another one. */
static void rule_14_3_view_changes_for_two_views_are_no_evidence(void **state)
{
    (void)state;
    begin(4, 0);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    assert_int_equal(lone_view_change(&l, 2, 1, NULL), PBFT_KEEP);
    assert_int_equal(lone_view_change(&l, 2, 2, &high), PBFT_KEEP);
    assert_nothing_found();
}

static void rule_7_4_a_second_new_view_is_evidence(void **state)
{
    (void)state;
    begin(4, 0);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    leave(0);
    adopt(1, NULL);
    assert_int_equal(lone_new_view(&l, 1, NULL), PBFT_DROP_DUPLICATE);
    assert_nothing_found();
    assert_int_equal(lone_new_view(&l, 1, &high), PBFT_DROP_CONFLICT);
    assert_found(PBFT_TWO_NEW_VIEWS, 1);
    assert_signed(lone_act(&l, PBFT_WRITE_EVIDENCE, 0)->evidence);
}

/* COMMIT(v,h), and then a VIEW-CHANGE whose high ranks below (v,h). */
static void rule_14_1_a_view_change_that_forgets_a_commit_is_evidence(void **state)
{
    (void)state;
    begin(4, 0);
    assert_int_equal(lone_vote(&l, 2, CERT_COMMIT, &b[2]), PBFT_KEEP);
    assert_int_equal(lone_vote(&l, 3, CERT_COMMIT, &b[2]), PBFT_KEEP);
    struct certificate low = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[2], others());
    assert_int_equal(lone_view_change(&l, 3, 1, &high), PBFT_KEEP);
    assert_nothing_found(); /* its high covers what it committed */
    assert_int_equal(lone_view_change(&l, 2, 1, &low), PBFT_KEEP);
    assert_found(PBFT_FORGOTTEN_COMMIT, 2);
    assert_signed(lone_act(&l, PBFT_WRITE_EVIDENCE, 0)->evidence);
}

/* 16, 3.3: more of what is known is not looked at again. */
static void glance_drops_second_view_changes_and_new_views_that_are_known(void **state)
{
    (void)state;
    begin(4, 0);
    struct certificate a = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    struct certificate c = lone_certificate(&l, CERT_PREPARE, 0, &b[2], others());
    const struct certificate *highs[] = {&c, &c, &c, &c};
    (void)lone_view_change(&l, 2, 1, &a);
    struct pbft_msg view_change = lone_make_view_change(&l, 2, 1, &c);
    assert_int_equal(pbft_glance(l.core, &view_change), PBFT_KEEP);
    (void)lone_view_change(&l, 2, 1, NULL);
    assert_found(PBFT_TWO_VIEW_CHANGES, 2);
    assert_int_equal(pbft_glance(l.core, &view_change), PBFT_DROP_CONFLICT);
    assert_int_equal(lone_msg(&l, &view_change), PBFT_DROP_CONFLICT);
    adopt(1, NULL);
    struct pbft_msg new_view = lone_make_new_view(&l, 1, others(), highs);
    assert_int_equal(pbft_glance(l.core, &new_view), PBFT_KEEP);
    (void)lone_new_view(&l, 1, &a);
    assert_found(PBFT_TWO_NEW_VIEWS, 1);
    assert_int_equal(pbft_glance(l.core, &new_view), PBFT_DROP_CONFLICT);
    assert_int_equal(lone_msg(&l, &new_view), PBFT_DROP_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_14_1_a_second_view_change_for_one_view_is_evidence),
        RULE(rule_14_3_view_changes_for_two_views_are_no_evidence),
        RULE(rule_7_4_a_second_new_view_is_evidence),
        RULE(rule_14_1_a_view_change_that_forgets_a_commit_is_evidence),
        RULE(glance_drops_second_view_changes_and_new_views_that_are_known),
    };
    return cmocka_run_group_tests_name("rules_14_views", tests, NULL, NULL);
}
