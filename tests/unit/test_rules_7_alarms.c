/* PROTOCOL.md 7.5 and 13: COMMIT certificates that cannot be, beside the base that a view was
 * given, wherever on its chain, or above it. */
#include "tests/unit/rules_view.h"

static struct pbft_block other[6]; /* another chain from genesis on than b[] */

static void adopt_base_3(void)
{
    struct certificate base = lone_certificate(&l, CERT_PREPARE, 0, &b[3], others());
    leave(0);
    adopt(1, &base);
}

/* I voted for a base at height 3, in view 1. */
static void begin_on_base_3(void)
{
    begin(4, 3);
    make_chain(other, 5);
    for (int h = 1; h <= 3; h++)
        lone_accept(&l, &b[h]);
    adopt_base_3();
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[3]));
}

static void assert_alarm(const struct pbft_block *base, const struct pbft_block *against)
{
    const struct pbft_act *act = lone_act(&l, PBFT_WRITE_ALARM, 0);
    assert_true(l.look.is_alarmed);
    assert_true(digest_equal(&act->certificate->statement.digest, &base->digest));
    assert_true(digest_equal(&act->other->statement.digest, &against->digest));
}

/* Below the base too, and above it: what lower views commit all stands in a base or below it (13).
 * With both certificates, before anything of that chain is here. */
static void rule_7_5_a_commit_of_a_lower_view_beside_the_base_is_the_alarm(void **state)
{
    (void)state;
    for (int height = 1; height <= 5; height++) {
        begin_on_base_3();
        l.view = 0;
        (void)lone_qc(&l, CERT_COMMIT, &other[height], others());
        assert_alarm(&b[3], &other[height]);
        (void)lone_range(&l, 2, &other[1], 2, 0);
        assert_int_equal(l.look.committed.height, 0);
        lone_close(&l);
    }
    begin_on_base_3();
    l.view = 0;
    for (int height = 1; height <= 3; height++)
        (void)lone_qc(&l, CERT_COMMIT, &b[height], others());
    assert_false(l.look.is_alarmed);
    assert_int_equal(l.look.committed.height, 3);
}

/* Also where it agrees with what I voted for meanwhile: it comes from nowhere. */
static void rule_13_a_commit_of_a_lower_view_above_the_base_is_the_alarm(void **state)
{
    (void)state;
    begin_on_base_3();
    install(&b[3]);
    lone_accept(&l, &b[4]);
    l.view = 0;
    (void)lone_qc(&l, CERT_COMMIT, &b[4], others());
    assert_alarm(&b[3], &b[4]);
}

/* Where the base's chain is not here yet, at the base vote, which is not cast. */
static void rule_7_5_a_certificate_beside_the_base_is_held_against_it_when_it_is_here(void **state)
{
    (void)state;
    begin(4, 3);
    make_chain(other, 5);
    lone_accept(&l, &b[1]);
    lone_accept(&l, &b[2]);
    adopt_base_3();
    l.view = 0;
    (void)lone_qc(&l, CERT_COMMIT, &other[2], others());
    assert_false(l.look.is_alarmed);
    (void)lone_data(&l, 0, &b[3], false);
    assert_alarm(&b[3], &other[2]);
    assert_int_equal(l.votes_count, 2);
}

static void assert_spoiled(void)
{
    assert_true(l.durable.is_spoiled);
    assert_false(l.look.has_tip);
    assert_false(l.look.is_alarmed);
    assert_int_equal(l.look.complaint, PBFT_REASON_FAULTY);
}

/* One of the view itself shows two NEW-VIEWs, also further down. */
static void rule_7_5_a_commit_of_the_view_below_its_base_spoils_it(void **state)
{
    (void)state;
    begin_on_base_3();
    (void)lone_qc(&l, CERT_COMMIT, &other[2], others());
    assert_spoiled();
}

/* Also where the certificate is of a block further up, when what it covers commits. */
static void rule_7_5_what_a_commit_of_the_view_covers_below_its_base_spoils_it(void **state)
{
    (void)state;
    begin_on_base_3();
    (void)lone_qc(&l, CERT_COMMIT, &other[5], others());
    assert_false(l.durable.is_spoiled);
    (void)lone_range(&l, 2, &other[1], 2, 3);
    assert_int_equal(l.look.committed.height, 2);
    assert_spoiled();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_7_5_a_commit_of_a_lower_view_beside_the_base_is_the_alarm),
        RULE(rule_13_a_commit_of_a_lower_view_above_the_base_is_the_alarm),
        RULE(rule_7_5_a_certificate_beside_the_base_is_held_against_it_when_it_is_here),
        RULE(rule_7_5_a_commit_of_the_view_below_its_base_spoils_it),
        RULE(rule_7_5_what_a_commit_of_the_view_covers_below_its_base_spoils_it),
    };
    return cmocka_run_group_tests_name("rules_7_alarms", tests, NULL, NULL);
}
