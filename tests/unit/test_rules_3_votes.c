/* PROTOCOL.md 3: counting votes. */
#include <string.h>

#include "tests/unit/rules.h"

/* Ten copies of one vote are one vote (pitfalls A1). */
static void rule_3_1_a_vote_sent_again_counts_once(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    assert_int_equal(lone_vote(&l, 0, CERT_PREPARE, &b[1]), PBFT_KEEP);
    for (int i = 0; i < 10; i++)
        assert_int_equal(lone_vote(&l, 0, CERT_PREPARE, &b[1]), PBFT_DROP_DUPLICATE);
    assert_false(l.look.has_high);
    assert_int_equal(lone_vote(&l, 2, CERT_PREPARE, &b[1]), PBFT_KEEP);
    assert_true(l.look.has_high);
}

/* Of two different votes of a signer the first counts, the second does not. */
static void rule_3_1_a_second_different_vote_is_a_conflict(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &b[1]);
    assert_int_equal(lone_vote(&l, 2, CERT_PREPARE, &other), PBFT_KEEP);
    assert_int_equal(lone_vote(&l, 2, CERT_PREPARE, &b[1]), PBFT_DROP_CONFLICT);
    (void)lone_vote(&l, 0, CERT_PREPARE, &b[1]);
    assert_false(l.look.has_high);
}

/* PREPAREs and COMMITs are counted apart. */
static void rule_3_1_kinds_do_not_add_up(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    (void)lone_vote(&l, 0, CERT_PREPARE, &b[1]);
    (void)lone_vote(&l, 2, CERT_COMMIT, &b[1]);
    (void)lone_vote(&l, 3, CERT_COMMIT, &b[1]);
    assert_false(l.look.has_high);
}

/* At every size q votes make a certificate and q - 1 do not: exactly q signers, ascending, each
 * signature its signer's (pitfalls A2). */
static void rule_3_1_a_quorum_is_q_at_every_size(void **state)
{
    (void)state;
    for (uint32_t n = MEMBERS_MIN; n <= MEMBERS_MAX; n++) {
        begin(n, 1);
        uint32_t quorum = quorum_of(n);
        lone_accept(&l, &b[1]); /* the own vote is one */
        uint32_t votes = 1, from = n;
        while (votes < quorum - 1) {
            from -= from - 1 == 1 ? 2 : 1;
            assert_int_equal(lone_vote(&l, from, CERT_PREPARE, &b[1]), PBFT_KEEP);
            votes++;
        }
        assert_false(l.look.has_high);
        (void)lone_vote(&l, from - 1 == 1 ? 0 : from - 1, CERT_PREPARE, &b[1]);
        const struct pbft_act *act = lone_act(&l, PBFT_WRITE_HIGH, 0);
        assert_non_null(act);
        assert_int_equal(act->certificate->statement.kind, CERT_PREPARE);
        assert_true(fake_verify_certificate(act->certificate, n, &l.config.chain_id));
        lone_close(&l);
    }
    begin(4, 1);
}

/* Votes after the quorum are dropped, also for what the certificate covers below it. */
static void rule_3_3_votes_beyond_a_quorum_are_not_needed(void **state)
{
    (void)state;
    begin(7, 1);
    for (int h = 1; h <= 3; h++)
        lone_accept(&l, &b[h]);
    lone_votes(&l, CERT_PREPARE, &b[2], 6);
    assert_int_equal(l.look.high.height, 2);
    for (int h = 1; h <= 2; h++) {
        assert_int_equal(lone_vote(&l, 6, CERT_PREPARE, &b[h]), PBFT_DROP_NOT_NEEDED);
        assert_int_equal(l.out.acts_count, 0);
    }
    assert_int_equal(lone_vote(&l, 6, CERT_PREPARE, &b[3]), PBFT_KEEP);
    assert_int_equal(lone_vote(&l, 6, CERT_COMMIT, &b[1]), PBFT_KEEP); /* another kind */
}

/* The same of COMMITs; here nothing is committed since the body is not here. */
static void rule_3_3_commits_beyond_a_quorum_are_not_needed(void **state)
{
    (void)state;
    begin(7, 1);
    (void)lone_qc(&l, CERT_COMMIT, &b[2], 0x7d);
    assert_int_equal(l.look.certified_height, 2);
    assert_int_equal(lone_vote(&l, 6, CERT_COMMIT, &b[2]), PBFT_DROP_NOT_NEEDED);
    /* That b[1] lies below b[2] is not known before b[2] is. */
    assert_int_equal(lone_vote(&l, 6, CERT_COMMIT, &b[1]), PBFT_KEEP);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    assert_int_equal(lone_vote(&l, 5, CERT_COMMIT, &b[1]), PBFT_DROP_NOT_NEEDED);
    assert_int_equal(lone_vote(&l, 5, CERT_PREPARE, &b[2]), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 0);
}

/* A vote against what is certified is none beyond the quorum: it counts where it stands. */
static void rule_3_3_a_vote_against_the_certified_block_counts(void **state)
{
    (void)state;
    begin(7, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &b[1]);
    lone_votes(&l, CERT_PREPARE, &b[1], 5);
    assert_true(l.look.has_high);
    assert_int_equal(lone_vote(&l, 5, CERT_PREPARE, &other), PBFT_KEEP);
    assert_int_equal(lone_vote(&l, 5, CERT_PREPARE, &b[1]), PBFT_DROP_CONFLICT);
    assert_int_equal(lone_vote(&l, 2, CERT_PREPARE, &other), PBFT_DROP_CONFLICT);
}

/* My own vote is cast and kept however late it comes: others have long had their quorum. */
static void rule_3_3_an_own_vote_beyond_a_quorum_is_cast(void **state)
{
    (void)state;
    begin(7, 1);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    (void)lone_qc(&l, CERT_PREPARE, &b[1], 0x7d);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0), PBFT_KEEP);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
    struct pbft_block other = lone_block(&l, &b[0]);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
}

static enum pbft_drop vote_of(uint64_t epoch, uint64_t view, uint64_t height)
{
    struct pbft_msg m = lone_make_vote(&l, 2, CERT_PREPARE, &b[1]);
    m.vote.statement.epoch = epoch;
    m.vote.statement.view = view;
    m.vote.statement.height = height;
    fake_sign_vote(&m.vote, 2, &l.config.chain_id);
    return lone_msg(&l, &m);
}

/* Votes of other epochs and views, and of heights outside the window, are not counted. */
static void rule_3_1_votes_of_other_places_are_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    assert_int_equal(vote_of(1, 0, 2), PBFT_DROP_OTHER_EPOCH);
    assert_int_equal(vote_of(0, 1, 2), PBFT_DROP_OTHER_VIEW);
    assert_int_equal(vote_of(0, UINT64_MAX, 2), PBFT_DROP_OTHER_VIEW);
    assert_int_equal(vote_of(0, 0, 0), PBFT_DROP_COMMITTED);
    assert_int_equal(vote_of(0, 0, 1), PBFT_DROP_COMMITTED);
    assert_int_equal(vote_of(0, 0, 1 + 16), PBFT_KEEP);
    assert_int_equal(vote_of(0, 0, 1 + 16 + 1), PBFT_DROP_OUT_OF_WINDOW);
    assert_int_equal(vote_of(0, 0, UINT64_MAX), PBFT_DROP_OUT_OF_WINDOW);
}

/* Signed votes for a million heights leave no more behind than the window holds (pitfalls I1). */
static void rule_16_votes_for_a_million_heights_are_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    for (uint64_t height = 17; height < 1000000; height += 97)
        assert_int_equal(vote_of(0, 0, height), PBFT_DROP_OUT_OF_WINDOW);
    assert_int_equal(l.out.acts_count, 0);
}

/* Whoever is not in the member table is nobody, as signer and as link. */
static void rule_3_2_a_stranger_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = lone_make_vote(&l, 4, CERT_PREPARE, &b[1]);
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_NOT_A_MEMBER);
    m = lone_make_vote(&l, 2, CERT_PREPARE, &b[1]);
    m.link = 4;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_NOT_A_MEMBER);
}

/* A certificate of another epoch is not for this core. */
static void rule_3_2_certificates_of_other_places_are_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = lone_make_qc(&l, CERT_PREPARE, &b[1], 13);
    m.qc.statement.epoch = 1;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OTHER_EPOCH);
    assert_false(l.look.has_high);
}

/* A FORWARD is for the pool. */
static void what_is_not_for_the_core_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = {.type = PBFT_FORWARD, .link = 2, .from = 2};
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_NOT_YET);
    assert_int_equal(l.out.acts_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_3_1_a_vote_sent_again_counts_once),
        RULE(rule_3_1_a_second_different_vote_is_a_conflict),
        RULE(rule_3_1_kinds_do_not_add_up),
        RULE(rule_3_1_a_quorum_is_q_at_every_size),
        RULE(rule_3_1_votes_of_other_places_are_dropped),
        RULE(rule_3_2_a_stranger_is_dropped),
        RULE(rule_3_2_certificates_of_other_places_are_dropped),
        RULE(rule_3_3_votes_beyond_a_quorum_are_not_needed),
        RULE(rule_3_3_commits_beyond_a_quorum_are_not_needed),
        RULE(rule_3_3_a_vote_against_the_certified_block_counts),
        RULE(rule_3_3_an_own_vote_beyond_a_quorum_is_cast),
        RULE(rule_16_votes_for_a_million_heights_are_dropped),
        RULE(what_is_not_for_the_core_is_dropped),
    };
    return cmocka_run_group_tests_name("rules_3_votes", tests, NULL, NULL);
}
