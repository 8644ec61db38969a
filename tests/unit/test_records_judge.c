/* Records that are sound each by itself and cannot all be true: one of them is older, or lost. */
#include "tests/unit/records_kept.h"

/* Pitfalls D1: without its state the core would PREPARE at b[1] again. */
static void a_vote_above_tip_is_damage(void **state)
{
    (void)state;
    begin_kept(1);
    keep_vote(CERT_PREPARE, 0, 1, &b[1].digest);
    expect_damage("\"vote\" (PREPARE at height 1)");
    keep_state(0, &b[0], &b[1]);
    assert_int_equal(start_from_records(NULL), RC_OK);
    keep_vote(CERT_PREPARE, 0, 2, &b[2].digest);
    expect_damage("\"vote\" (PREPARE at height 2)");
    keep_state(0, &b[0], NULL); /* it prepares no more in this view (5.8) */
    assert_int_equal(start_from_records(NULL), RC_OK);
}

static void a_vote_for_another_block_than_tip_is_damage(void **state)
{
    (void)state;
    begin_kept(1);
    keep_state(0, &b[0], &b[1]);
    keep_vote(CERT_PREPARE, 0, 1, &b[2].digest);
    expect_damage("contradicts the tip");
}

/* Pitfalls D4: an older state was put back, by itself. */
static void a_vote_or_proposal_of_a_later_view_is_damage(void **state)
{
    (void)state;
    begin_kept(1);
    struct certificate c = make_certificate(CERT_COMMIT, 0, 9, &b[9].digest);
    keep_state(0, &b[0], &b[9]);
    keep_high(&c);
    keep_vote(CERT_COMMIT, 0, 1, &b[1].digest);
    assert_int_equal(start_from_records(NULL), RC_OK);
    keep_vote(CERT_COMMIT, 1, 1, &b[1].digest);
    expect_damage("later view");
    keep_vote(CERT_COMMIT, 0, 1, &b[1].digest);
    keep_vote(CERT_PREPARE, 1, 1, &b[1].digest);
    expect_damage("later view");
    keep_vote(CERT_PREPARE, 0, 1, &b[1].digest);
    keep_proposal(1, &b[1]);
    expect_damage("later view");
}

/* Rule 4: high is durable before a COMMIT that it covers. */
static void a_commit_vote_that_high_does_not_cover_is_damage(void **state)
{
    (void)state;
    begin_kept(1);
    struct certificate c = make_certificate(CERT_PREPARE, 0, 1, &b[1].digest);
    keep_vote(CERT_COMMIT, 0, 1, &b[1].digest);
    expect_damage("\"vote\" (COMMIT at height 1)");
    keep_high(&c);
    assert_int_equal(start_from_records(NULL), RC_OK);
    keep_vote(CERT_COMMIT, 0, 2, &b[2].digest);
    expect_damage("\"vote\" (COMMIT at height 2)");
}

static void a_proposal_against_its_vote_or_tip_is_damage(void **state)
{
    (void)state;
    begin_kept(0);
    struct pbft_block other = lone_block(&l, &b[0]), strange = b[2];
    keep_proposal(0, &b[1]);
    expect_damage("\"proposal\" (at height 1)");
    keep_state(0, &b[0], &b[2]);
    keep_vote(CERT_PREPARE, 0, 1, &b[1].digest);
    assert_int_equal(start_from_records(NULL), RC_OK);
    keep_proposal(0, &other);
    expect_damage("contradicts the record \"proposal\"");
    keep_proposal(0, &b[1]);
    strange.parent = other.digest;
    keep_proposal(0, &strange);
    expect_damage("contradicts the tip");
    keep_proposal(0, &b[2]);
    assert_int_equal(start_from_records(NULL), RC_OK);
}

static void a_proposal_of_another_primarys_view_is_damage(void **state)
{
    (void)state;
    begin_kept(1);
    keep_state(0, &b[0], &b[1]);
    keep_proposal(0, &b[1]);
    expect_damage("not the primary");
}

static void a_proposal_and_its_vote_are_of_one_epoch(void **state)
{
    (void)state;
    begin_kept(0);
    struct pbft_act act = {.type = PBFT_WRITE_PRE_PREPARE, .block = b[1]};
    act.pre_prepare.epoch = 4;
    keep_state(0, &b[0], &b[1]);
    keep_act(&act);
    keep_vote(CERT_PREPARE, 0, 1, &b[1].digest);
    expect_damage("contradicts the record \"proposal\"");
}

/* Whatever it says: no vote is cast there any more, and the driver may have left it behind. */
static void what_is_committed_binds_nothing(void **state)
{
    (void)state;
    begin_kept(1);
    l.durable.committed = b[1];
    keep_vote(CERT_PREPARE, 3, 1, &b[2].digest);
    keep_vote(CERT_COMMIT, 3, 1, &b[2].digest);
    keep_vote(CERT_PREPARE, 0, 0, &b[2].digest);
    keep_proposal(3, &b[1]);
    assert_int_equal(start_from_records(NULL), RC_OK);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    keep_vote(CERT_PREPARE, 0, 2, &b[2].digest);
    expect_damage("\"vote\" (PREPARE at height 2)");
}

static void a_tip_that_does_not_follow_its_base_is_damage(void **state)
{
    (void)state;
    begin_kept(1);
    struct pbft_block other = lone_block(&l, &b[0]), zero = {.height = 3};
    keep_state(0, &b[2], &b[1]);
    expect_damage("\"state\"");
    keep_state(0, &b[1], &other);
    expect_damage("\"state\"");
    keep_state(0, &b[1], &zero);
    expect_damage("digest zero");
    keep_state(0, &zero, NULL);
    expect_damage("digest zero");
    keep_state(0, &b[1], &b[1]);
    assert_int_equal(start_from_records(NULL), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT(a_vote_above_tip_is_damage),
        KEPT(a_vote_for_another_block_than_tip_is_damage),
        KEPT(a_vote_or_proposal_of_a_later_view_is_damage),
        KEPT(a_commit_vote_that_high_does_not_cover_is_damage),
        KEPT(a_proposal_against_its_vote_or_tip_is_damage),
        KEPT(a_proposal_of_another_primarys_view_is_damage),
        KEPT(a_proposal_and_its_vote_are_of_one_epoch),
        KEPT(what_is_committed_binds_nothing),
        KEPT(a_tip_that_does_not_follow_its_base_is_damage),
    };
    return cmocka_run_group_tests_name("records_judge", tests, NULL, NULL);
}
