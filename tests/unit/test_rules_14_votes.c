/* PROTOCOL.md 14.1: two votes of one member for one place, where one of them, or both, came inside
 * a certificate. */
#include "tests/unit/evidence_rules.h"
#include "tests/unit/rules_view.h"

static struct pbft_block other; /* beside b[1] */

static void begin_seven(void)
{
    begin(7, 1); /* five are a quorum */
    other = lone_block(&l, &b[0]);
}

/* The last step found that each of these members voted twice, and nothing else. */
static void assert_all_found(enum pbft_evidence_kind kind, uint32_t members)
{
    uint32_t found = 0;
    const struct pbft_act *act;
    for (size_t i = 0; (act = lone_act(&l, PBFT_WRITE_EVIDENCE, i)) != NULL; i++) {
        assert_int_equal(act->evidence->kind, kind);
        assert_signed(act->evidence);
        found |= 1u << act->evidence->offender;
    }
    assert_int_equal(found, members);
    assert_int_equal(lone_count(&l, PBFT_WRITE_EVIDENCE), __builtin_popcount(members));
    assert_int_equal(lone_count(&l, PBFT_SEND_EVIDENCE), __builtin_popcount(members));
}

static const enum cert_kind kinds[] = {CERT_PREPARE, CERT_COMMIT};
static const enum pbft_evidence_kind evidence_kinds[] = {PBFT_TWO_PREPARES, PBFT_TWO_COMMITS};

static void rule_14_1_a_vote_against_a_certificate_is_evidence(void **state)
{
    (void)state;
    begin_seven();
    for (int k = 0; k < 2; k++) {
        (void)lone_qc(&l, kinds[k], &b[1], 0x7c); /* of 2 to 6 */
        assert_nothing_found();
        assert_int_equal(lone_vote(&l, 0, kinds[k], &other), PBFT_KEEP);
        assert_nothing_found(); /* it is not in there */
        assert_int_equal(lone_vote(&l, 3, kinds[k], &other), PBFT_KEEP);
        assert_all_found(evidence_kinds[k], 1u << 3);
    }
}

static void rule_14_1_a_certificate_against_votes_is_evidence(void **state)
{
    (void)state;
    begin_seven();
    for (int k = 0; k < 2; k++) {
        (void)lone_vote(&l, 0, kinds[k], &other);
        (void)lone_vote(&l, 4, kinds[k], &other);
        (void)lone_vote(&l, 5, kinds[k], &b[1]);
        (void)lone_qc(&l, kinds[k], &b[1], 0x7c);
        assert_all_found(evidence_kinds[k], 1u << 4);
    }
}

/* Also one that raises nothing, which is verified for this alone; but once. */
static void rule_14_1_a_certificate_that_is_not_needed_may_be_evidence(void **state)
{
    (void)state;
    begin_seven();
    (void)lone_vote(&l, 4, CERT_PREPARE, &other);
    (void)lone_qc(&l, CERT_PREPARE, &b[3], 0x7c);
    (void)lone_data(&l, 0, &b[3], true);
    (void)lone_data(&l, 0, &b[2], true); /* it covers b[1] */
    struct pbft_msg m = lone_make_qc(&l, CERT_PREPARE, &b[1], 0x7c);
    assert_int_equal(pbft_glance(l.core, &m), PBFT_KEEP);
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_NOT_NEEDED);
    assert_all_found(PBFT_TWO_PREPARES, 1u << 4);
    assert_int_equal(pbft_glance(l.core, &m), PBFT_DROP_NOT_NEEDED);
}

/* More than f voted twice: the alarm names the two certificates, the evidence those who lie. */
static void rule_14_1_two_certificates_of_one_view_are_evidence(void **state)
{
    (void)state;
    begin_seven();
    (void)lone_qc(&l, CERT_COMMIT, &b[1], 0x7c);
    assert_int_equal(lone_qc(&l, CERT_COMMIT, &other, 0x3d), PBFT_DROP_CONFLICT); /* 0, 2 to 5 */
    assert_true(l.look.is_alarmed);
    assert_all_found(PBFT_TWO_COMMITS, 0x3c);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], 0x7c);
    struct pbft_block beside = lone_block(&l, &b[1]);
    (void)lone_qc(&l, CERT_PREPARE, &beside, 0x7c);
    assert_all_found(PBFT_TWO_PREPARES, 0x7c);
}

/* Also where the first has committed, and the other one comes from the driver. */
static void rule_14_1_a_certificate_against_what_was_committed_is_evidence(void **state)
{
    (void)state;
    for (int is_contradiction = 0; is_contradiction < 2; is_contradiction++) {
        begin_seven();
        (void)lone_range(&l, 2, &b[1], 1, 0); /* its certificate is of 0, 2 to 5 */
        assert_int_equal(l.look.committed.height, 1);
        struct pbft_msg m = lone_make_qc(&l, CERT_COMMIT, &other, 0x7c);
        struct pbft_event event = {.type = PBFT_EVENT_CONTRADICTION, .contradiction = &m.qc};
        if (is_contradiction)
            (void)lone_step(&l, &event);
        else
            (void)lone_msg(&l, &m);
        assert_true(l.look.is_alarmed);
        assert_all_found(PBFT_TWO_COMMITS, 0x3c);
        if (!is_contradiction)
            lone_close(&l);
    }
}

/* Of another view, or of another kind, it may be; and mine are for 4.2. */
static void rule_14_3_votes_of_two_places_in_certificates_are_no_evidence(void **state)
{
    (void)state;
    begin_seven();
    (void)lone_qc(&l, CERT_PREPARE, &b[1], 0x7c);
    (void)lone_qc(&l, CERT_COMMIT, &other, 0x7c);
    assert_nothing_found();
    (void)lone_qc(&l, CERT_PREPARE, &b[2], 0x7c);
    l.view = 1;
    (void)lone_qc(&l, CERT_PREPARE, &other, 0x7c);
    assert_nothing_found();
}

static void rule_4_2_a_vote_of_mine_beside_a_certificate_is_no_evidence_of_others(void **state)
{
    (void)state;
    begin_seven();
    lone_accept(&l, &b[1]);
    (void)lone_qc(&l, CERT_PREPARE, &other, 0x3e); /* of 1 to 5 */
    assert_true(l.look.is_learner);
    assert_nothing_found();
}

/* A COMMIT that came inside a certificate is forgotten all the same. */
static void rule_14_1_a_view_change_that_forgets_a_certificate_is_evidence(void **state)
{
    (void)state;
    begin_seven();
    (void)lone_qc(&l, CERT_COMMIT, &b[2], 0x7c);
    struct certificate low = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    assert_int_equal(lone_view_change(&l, 0, 1, &low), PBFT_KEEP); /* it is not in there */
    assert_nothing_found();
    assert_int_equal(lone_view_change(&l, 2, 1, &low), PBFT_KEEP);
    assert_all_found(PBFT_FORGOTTEN_COMMIT, 1u << 2);
}

/* 16: of each member one of each kind, from one event, in the largest epoch. */
static void rule_16_one_event_shows_the_evidence_against_all(void **state)
{
    (void)state;
    begin(MEMBERS_MAX, 1);
    l.spares_glance = true;
    other = lone_block(&l, &b[0]);
    for (uint32_t from = 0; from < MEMBERS_MAX; from++)
        if (from != 1)
            for (int k = 0; k < 2; k++)
                (void)lone_vote(&l, from, kinds[k], from % 2 == 0 ? &b[1] : &other);
    /* In the certificates of a NEW-VIEW each has voted for the other block as well. */
    struct certificate highs[MEMBERS_MAX];
    const struct certificate *pointers[MEMBERS_MAX];
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        bool is_odd = i / 2 % 2 != 0; /* all of those, and of the others what makes q */
        uint32_t signers = is_odd ? 0x2aaaaaa8 | 0x1555 : 0x55555555 | 0xaa8;
        const struct pbft_block *block = is_odd ? &b[1] : &other;
        highs[i] = lone_certificate(&l, kinds[i % 2], 0, block, signers);
        pointers[i] = &highs[i];
    }
    struct pbft_msg m = lone_make_new_view(&l, 3, others(), pointers);
    (void)lone_msg(&l, &m);
    for (uint32_t from = 0; from < MEMBERS_MAX; from++)
        assert_int_equal(pbft_evidence_kinds(l.core, from),
                         from == 1 ? 0
                                   : PBFT_EVIDENCE_BIT(PBFT_TWO_PREPARES) |
                                         PBFT_EVIDENCE_BIT(PBFT_TWO_COMMITS));
    assert_int_equal(lone_count(&l, PBFT_WRITE_EVIDENCE), 2 * (MEMBERS_MAX - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_14_1_a_vote_against_a_certificate_is_evidence),
        RULE(rule_14_1_a_certificate_against_votes_is_evidence),
        RULE(rule_14_1_a_certificate_that_is_not_needed_may_be_evidence),
        RULE(rule_14_1_two_certificates_of_one_view_are_evidence),
        RULE(rule_14_1_a_certificate_against_what_was_committed_is_evidence),
        RULE(rule_14_3_votes_of_two_places_in_certificates_are_no_evidence),
        RULE(rule_4_2_a_vote_of_mine_beside_a_certificate_is_no_evidence_of_others),
        RULE(rule_14_1_a_view_change_that_forgets_a_certificate_is_evidence),
        RULE(rule_16_one_event_shows_the_evidence_against_all),
    };
    return cmocka_run_group_tests_name("rules_14_votes", tests, NULL, NULL);
}
