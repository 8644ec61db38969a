/* A core that is started from the records of its acts alone, as after a crash (PROTOCOL.md 4.1). */
#include "tests/unit/records_kept.h"
#include "tests/unit/rules_view.h"

static bool is_sent(const struct pbft_act *act)
{
    return act->type == PBFT_SEND_VOTE || act->type == PBFT_SEND_PRE_PREPARE ||
           act->type == PBFT_SEND_STATUS;
}

static void assert_same_act(const struct pbft_act *a, const struct pbft_act *expected)
{
    assert_int_equal(a->type, expected->type);
    assert_int_equal(a->to, expected->to);
    if (a->type == PBFT_SEND_VOTE)
        assert_memory_equal(&a->vote, &expected->vote, sizeof a->vote);
    if (a->type == PBFT_SEND_STATUS)
        assert_memory_equal(&a->status.signature, &expected->status.signature, SIGNATURE_BYTES);
    if (a->type != PBFT_SEND_PRE_PREPARE)
        return;
    assert_true(lone_block_equal(&a->block, &expected->block));
    assert_int_equal(a->pre_prepare.view, expected->pre_prepare.view);
    assert_memory_equal(&a->pre_prepare.signature, &expected->pre_prepare.signature,
                        SIGNATURE_BYTES);
}

/* Rule 4.1, pitfalls D6: byte for byte what one sends that never lost what it keeps. */
static void assert_starts_like_one_that_kept_all(size_t sends_expected)
{
    static struct pbft_act expected[64];
    size_t count = 0, at = 0;
    struct why why = {{0}};
    lone_start(&l);
    for (size_t i = 0; i < l.out.acts_count; i++)
        if (is_sent(&l.out.acts[i])) {
            assert_true(count < 64);
            expected[count++] = l.out.acts[i];
        }
    assert_int_equal(count, sends_expected);
    assert_int_equal(start_from_records(&why), RC_OK);
    for (size_t i = 0; i < l.out.acts_count; i++)
        if (is_sent(&l.out.acts[i])) {
            assert_true(at < count);
            assert_same_act(&l.out.acts[i], &expected[at++]);
        }
    assert_int_equal(at, count);
}

static void rule_4_1_a_primary_sends_the_same_bytes_again(void **state)
{
    (void)state;
    begin_kept(0);
    run_primary();
    assert_starts_like_one_that_kept_all(2 + 3 + 1);
    assert_int_equal(l.look.high.height, 1);
    assert_int_equal(l.look.tip.height, 2);
}

static void rule_4_1_a_backup_sends_the_same_bytes_again(void **state)
{
    (void)state;
    begin_kept(1);
    run_backup();
    assert_starts_like_one_that_kept_all(3 + 1);
}

/* With a height committed meanwhile, whose records are gone. */
static void rule_4_1_what_is_committed_is_not_sent_again(void **state)
{
    (void)state;
    begin_kept(0);
    run_primary();
    for (uint32_t from = 1; from <= 2; from++) {
        (void)lone_vote(&l, from, CERT_COMMIT, &b[1]);
        keep();
    }
    assert_int_equal(l.look.committed.height, 1);
    assert_starts_like_one_that_kept_all(1 + 1 + 1);
}

/* Without what a view change leaves, which is judged by signatures that nobody makes here. */
static void keep_but_messages(void)
{
    for (size_t i = 0; i < l.out.acts_count; i++) {
        const struct pbft_act *act = &l.out.acts[i];
        bool is_message = act->type == PBFT_WRITE_VIEW_CHANGE || act->type == PBFT_WRITE_NEW_VIEW;
        if (is_kept(act->type) && !is_message)
            keep_act(act);
    }
}

/* The base was voted for, and is committed only then, by what a lower view knew of it: the base
 * vote goes out again, and counts (7.4), or this view might never be installed. */
static void rule_4_1_a_base_vote_outlasts_its_commit(void **state)
{
    (void)state;
    begin_kept(3);
    lone_accept(&l, &b[1]);
    keep();
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    struct certificate late = lone_certificate(&l, CERT_COMMIT, 0, &b[1], others());
    leave(0);
    adopt(1, &high);
    keep_but_messages();
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
    (void)lone_certified(&l, &late);
    keep();
    assert_int_equal(l.look.committed.height, 1);
    assert_starts_like_one_that_kept_all(1 + 1);
    assert_false(l.look.is_installed);
    for (uint32_t from = 0; from <= 1; from++)
        (void)lone_vote(&l, from, CERT_PREPARE, &b[1]);
    keep();
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
    assert_starts_like_one_that_kept_all(2 + 1);
}

/* It is not the vote signed anew: the stored bytes go out, even if nobody could sign such. */
static void the_stored_signature_is_sent_as_it_is(void **state)
{
    (void)state;
    begin_kept(1);
    run_backup();
    keep_vote(CERT_PREPARE, 0, 2, &b[2].digest);
    assert_int_equal(start_from_records(NULL), RC_OK);
    uint8_t expected[SIGNATURE_BYTES];
    memset(expected, 0x5e, sizeof expected);
    const struct pbft_act *last = lone_act(&l, PBFT_SEND_VOTE, 2);
    assert_int_equal(last->vote.statement.height, 2);
    assert_memory_equal(last->vote.signature.bytes, expected, SIGNATURE_BYTES);
}

/* Pitfalls D1: it goes on from there, and casts no vote twice. */
static void a_core_from_records_goes_on(void **state)
{
    (void)state;
    begin_kept(1);
    run_backup();
    assert_int_equal(start_from_records(NULL), RC_OK);
    struct pbft_block other = lone_block(&l, &b[1]);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    lone_accept(&l, &b[3]);
    keep();
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[3]));
    lone_votes(&l, CERT_PREPARE, &b[3], 4);
    assert_true(l.look.high.height == 3);
}

/* Pitfalls D2: a vote of a lower view is kept, and is not sent in a later one. */
static void votes_of_older_views_are_met_and_not_sent(void **state)
{
    (void)state;
    begin_kept(1);
    struct certificate c = make_certificate(CERT_PREPARE, 0, 7, &b[7].digest);
    for (int i = 1; i <= 3; i++) {
        keep_vote(CERT_PREPARE, 0, b[i].height, &b[i].digest);
        keep_vote(CERT_COMMIT, 0, b[i].height, &b[i].digest);
        keep_proposal(0, &b[i]); /* member 1 is not even view 0's primary */
    }
    keep_high(&c);
    keep_state(1, &b[0], &b[0]);
    assert_int_equal(start_from_records(NULL), RC_OK);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 0);
    assert_int_equal(l.look.high.height, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEPT(rule_4_1_a_primary_sends_the_same_bytes_again),
        KEPT(rule_4_1_a_backup_sends_the_same_bytes_again),
        KEPT(rule_4_1_what_is_committed_is_not_sent_again),
        KEPT(rule_4_1_a_base_vote_outlasts_its_commit),
        KEPT(the_stored_signature_is_sent_as_it_is),
        KEPT(a_core_from_records_goes_on),
        KEPT(votes_of_older_views_are_met_and_not_sent),
    };
    return cmocka_run_group_tests_name("records_restart", tests, NULL, NULL);
}
