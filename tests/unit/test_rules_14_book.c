/* PROTOCOL.md 9.5, 14, 16: which evidence the core keeps, and whom it tells. */
#include "tests/unit/evidence_rules.h"

/* ---- messages ---- */

/* 9.5: to all once. */
static void rule_9_5_new_evidence_is_kept_and_handed_on_once(void **state)
{
    (void)state;
    begin(4, 1);
    for (int kind = 1; kind < PBFT_BAD_BODY; kind++) {
        assert_int_equal(show((enum pbft_evidence_kind)kind, 3, 2), PBFT_KEEP);
        assert_found((enum pbft_evidence_kind)kind, 3);
        assert_int_equal(show((enum pbft_evidence_kind)kind, 3, 0), PBFT_DROP_DUPLICATE);
        assert_nothing_found();
    }
}

/* The offender may show it himself. */
static void evidence_counts_whoever_brings_it(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(show(PBFT_TWO_COMMITS, 3, 3), PBFT_KEEP);
    assert_found(PBFT_TWO_COMMITS, 3);
}

static void evidence_of_another_epoch_or_against_a_stranger_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    struct liar liar = a_liar(4);
    struct pbft_msg m = {.type = PBFT_EVIDENCE, .link = 2, .from = 2};
    liar_evidence(&liar, &m.evidence, PBFT_TWO_COMMITS);
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_NOT_A_MEMBER);
    m.evidence.offender = 3;
    m.evidence.epoch = 1;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OTHER_EPOCH);
    assert_nothing_found();
    m.evidence.epoch = 0;
    m.link = m.from = 1; /* over a link to myself, which there is none of */
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_nothing_found();
}

/* My key signed elsewhere: it never votes again (4.2). The evidence is as true as any. */
static void rule_4_2_evidence_against_my_key_makes_me_a_learner(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(show(PBFT_TWO_COMMITS, 1, 2), PBFT_KEEP);
    assert_true(l.look.is_learner);
    assert_int_equal(lone_count(&l, PBFT_WRITE_LEARNER), 1);
    assert_found(PBFT_TWO_COMMITS, 1);
    lone_start(&l);
    assert_true(l.look.is_learner);
}

/* 6.1 (c), whoever found it: against the primary, in this view; not of another one. */
static void rule_6_1_evidence_against_the_primary_of_this_view_is_complained_about(void **state)
{
    (void)state;
    static const struct {
        uint32_t offender;
        uint64_t view;
        size_t complaints_count;
    } cases[] = {{0, 0, 1}, {0, 4, 0}, {3, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(4, 1);
        struct liar liar = a_liar(cases[i].offender);
        struct pbft_vote v = liar_vote(&liar, CERT_COMMIT, cases[i].view, 10, 1);
        struct pbft_vote second = liar_vote(&liar, CERT_COMMIT, cases[i].view, 10, 2);
        struct pbft_msg m = {.type = PBFT_EVIDENCE, .link = 2, .from = 2};
        assert_true(pbft_evidence_of_votes(&m.evidence, liar.index, &v, &second));
        assert_int_equal(lone_msg(&l, &m), PBFT_KEEP);
        assert_int_equal(lone_count(&l, PBFT_SEND_COMPLAIN), cases[i].complaints_count);
        if (cases[i].complaints_count > 0)
            assert_int_equal(lone_act(&l, PBFT_SEND_COMPLAIN, 0)->complain.reason,
                             PBFT_REASON_FAULTY);
        lone_close(&l);
    }
    begin(4, 1);
}

/* ---- 16, 4 ---- */

/* The first per offender, kind and epoch: a second pair at another place adds nothing. */
static void rule_16_the_first_per_offender_and_kind_is_kept(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other[3];
    for (int i = 1; i <= 2; i++) {
        other[i] = lone_block(&l, &b[i - 1]);
        (void)lone_vote(&l, 2, CERT_PREPARE, &b[i]);
        (void)lone_vote(&l, 2, CERT_PREPARE, &other[i]);
        if (i == 1)
            assert_found(PBFT_TWO_PREPARES, 2);
        else
            assert_nothing_found();
    }
    (void)lone_vote(&l, 3, CERT_PREPARE, &b[1]);
    (void)lone_vote(&l, 3, CERT_PREPARE, &other[1]);
    assert_found(PBFT_TWO_PREPARES, 3);
}

/* All that there can be, at the largest size: every offender, every kind. */
static void rule_16_all_of_it_is_kept(void **state)
{
    (void)state;
    begin(MEMBERS_MAX, 1);
    l.spares_glance = true;
    for (uint32_t offender = 0; offender < MEMBERS_MAX; offender++) {
        for (int kind = 1; kind < PBFT_BAD_BODY && offender != 1; kind++)
            assert_int_equal(show((enum pbft_evidence_kind)kind, offender, 2), PBFT_KEEP);
        assert_int_equal(pbft_evidence_kinds(l.core, offender), offender == 1 ? 0 : 0x7e);
    }
}

static void rule_4_evidence_survives_a_restart(void **state)
{
    (void)state;
    begin(4, 1);
    (void)show(PBFT_TWO_COMMITS, 3, 2);
    (void)lone_tick(&l, 1000);
    struct digest before = lone_act(&l, PBFT_SEND_STATUS, 0)->status.evidence_digest;
    lone_start(&l);
    assert_nothing_found();
    struct digest after = lone_act(&l, PBFT_SEND_STATUS, 0)->status.evidence_digest;
    assert_false(digest_is_zero(&before));
    assert_true(digest_equal(&before, &after));
    assert_int_equal(show(PBFT_TWO_COMMITS, 3, 2), PBFT_DROP_DUPLICATE);
}

/* ---- 9.5: STATUS ---- */

/* What is sent in answer to a STATUS with this evidence_digest; NULL: nothing of it. */
static const struct pbft_act *answer_to(const struct digest *evidence_digest)
{
    struct pbft_msg m = lone_make_status(&l, 2, 0);
    m.status.evidence_digest = *evidence_digest;
    l.now_ms += l.config.status_ms;
    (void)lone_msg(&l, &m);
    assert_int_equal(lone_count(&l, PBFT_WRITE_EVIDENCE), 0);
    assert_in_range(lone_count(&l, PBFT_SEND_EVIDENCE), 0, 1);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_EVIDENCE, 0);
    if (act != NULL)
        assert_int_equal(act->to, 2);
    return act;
}

static void rule_9_5_a_status_names_what_is_known(void **state)
{
    (void)state;
    begin(4, 1);
    uint8_t kinds[MEMBERS_MAX] = {0};
    struct digest expected;
    assert_true(digest_is_zero(&lone_act(&l, PBFT_SEND_STATUS, 0)->status.evidence_digest));
    (void)show(PBFT_TWO_COMMITS, 3, 2);
    (void)show(PBFT_TWO_PREPARES, 0, 2);
    (void)lone_tick(&l, 1000);
    kinds[3] = PBFT_EVIDENCE_BIT(PBFT_TWO_COMMITS);
    kinds[0] = PBFT_EVIDENCE_BIT(PBFT_TWO_PREPARES);
    pbft_evidence_digest(&expected, kinds);
    assert_true(
        digest_equal(&expected, &lone_act(&l, PBFT_SEND_STATUS, 0)->status.evidence_digest));
}

/* One item per STATUS in turn, until it shows the same digest. */
static void rule_9_5_another_digest_is_answered_with_one_item_in_turn(void **state)
{
    (void)state;
    static const enum pbft_evidence_kind kinds[] = {PBFT_TWO_PREPARES, PBFT_FORGOTTEN_COMMIT,
                                                    PBFT_TWO_COMMITS};
    static const uint32_t offenders[] = {0, 0, 3};
    struct digest theirs = {{0}};
    begin(4, 1);
    assert_null(answer_to(&theirs));
    theirs.bytes[0] = 1;
    assert_null(answer_to(&theirs)); /* I know of nothing */
    for (int i = 0; i < 3; i++)
        (void)show(kinds[i], offenders[i], 2);
    for (int round = 0; round < 9; round++) {
        const struct pbft_act *act = answer_to(&theirs);
        assert_non_null(act);
        assert_int_equal(act->evidence_of.kind, kinds[round % 3]);
        assert_int_equal(act->evidence_of.offender, offenders[round % 3]);
    }
    (void)lone_tick(&l, 1000);
    theirs = lone_act(&l, PBFT_SEND_STATUS, 0)->status.evidence_digest;
    assert_null(answer_to(&theirs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_9_5_new_evidence_is_kept_and_handed_on_once),
        RULE(evidence_counts_whoever_brings_it),
        RULE(evidence_of_another_epoch_or_against_a_stranger_is_dropped),
        RULE(rule_4_2_evidence_against_my_key_makes_me_a_learner),
        RULE(rule_6_1_evidence_against_the_primary_of_this_view_is_complained_about),
        RULE(rule_16_the_first_per_offender_and_kind_is_kept),
        RULE(rule_16_all_of_it_is_kept),
        RULE(rule_4_evidence_survives_a_restart),
        RULE(rule_9_5_a_status_names_what_is_known),
        RULE(rule_9_5_another_digest_is_answered_with_one_item_in_turn),
    };
    return cmocka_run_group_tests_name("rules_14_book", tests, NULL, NULL);
}
