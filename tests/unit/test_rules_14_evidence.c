/* PROTOCOL.md 14 (and 3.1, 5.3, 5.8): what is evidence, and what never is. */
#include <string.h>

#include "tests/unit/evidence_rules.h"

/* ---- 14.1: found by the core ---- */

static void rule_14_1_two_pre_prepares_of_one_place_are_evidence(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_KEEP);
    assert_nothing_found();
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    assert_found(PBFT_TWO_PRE_PREPARES, 0);
    assert_signed(lone_act(&l, PBFT_WRITE_EVIDENCE, 0)->evidence);
}

static void rule_14_1_two_votes_of_one_kind_and_place_are_evidence(void **state)
{
    (void)state;
    static const enum cert_kind kinds[] = {CERT_PREPARE, CERT_COMMIT};
    static const enum pbft_evidence_kind found[] = {PBFT_TWO_PREPARES, PBFT_TWO_COMMITS};
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(lone_vote(&l, 2, kinds[i], &b[1]), PBFT_KEEP);
        assert_int_equal(lone_vote(&l, 2, kinds[i], &b[1]), PBFT_DROP_DUPLICATE);
        assert_nothing_found();
        assert_int_equal(lone_vote(&l, 2, kinds[i], &other), PBFT_DROP_CONFLICT);
        assert_found(found[i], 2);
        assert_signed(lone_act(&l, PBFT_WRITE_EVIDENCE, 0)->evidence);
    }
}

/* A PREPARE and a COMMIT of two blocks are votes of two kinds. */
static void rule_14_1_votes_of_two_kinds_are_no_pair(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    assert_int_equal(lone_vote(&l, 2, CERT_PREPARE, &b[1]), PBFT_KEEP);
    assert_int_equal(lone_vote(&l, 2, CERT_COMMIT, &other), PBFT_KEEP);
    assert_nothing_found();
}

/* 5.8: fetched by its digest, "it completes the evidence". */
static void rule_5_8_the_other_pre_prepare_may_come_by_data(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &b[1]);
    (void)lone_qc(&l, CERT_COMMIT, &other, 13);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    assert_int_equal(act->fetch.kind, PBFT_FETCH_BLOCK);
    assert_true(digest_equal(&act->fetch.digest, &other.digest));
    (void)lone_data(&l, 3, &other, true);
    assert_found(PBFT_TWO_PRE_PREPARES, 0);
    assert_signed(lone_act(&l, PBFT_WRITE_EVIDENCE, 0)->evidence);
}

/* After a restart my vote says what the first one proposed, and cannot show its signature. */
static void rule_14_1_a_pre_prepare_against_my_own_vote_alone_is_no_evidence(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &b[1]);
    lone_start(&l);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    assert_nothing_found();
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_KEEP);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    assert_found(PBFT_TWO_PRE_PREPARES, 0);
}

/* The driver looks into blocks, the core does not. */
static void rule_14_1_a_bad_body_comes_from_the_driver(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_evidence e;
    struct pbft_msg m = lone_make_pre_prepare(&l, 0, &b[1]);
    struct pbft_event event = {.type = PBFT_EVENT_EVIDENCE, .evidence = &e};
    assert_true(pbft_evidence_of_body(&e, 0, &m.pre_prepare, 3));
    assert_int_equal(lone_step(&l, &event), PBFT_KEEP);
    assert_found(PBFT_BAD_BODY, 0);
    assert_signed(lone_act(&l, PBFT_WRITE_EVIDENCE, 0)->evidence);
    assert_int_equal(lone_step(&l, &event), PBFT_DROP_DUPLICATE);
    assert_nothing_found();
}

/* ---- 14.1: from two messages ---- */

static void rule_14_1_two_view_changes_or_new_views_for_one_view_are_evidence(void **state)
{
    (void)state;
    static struct pbft_new_view n, m;
    begin(4, 1);
    struct liar liar = a_liar(2);
    struct pbft_evidence e;
    struct pbft_view_change v = liar_view_change(&liar, 5, 3, 7, 1), w = v;
    assert_false(pbft_evidence_of_view_changes(&e, 2, &v, &w));
    w = liar_view_change(&liar, 5, 3, 7, 2); /* another LC */
    assert_true(pbft_evidence_of_view_changes(&e, 2, &v, &w));
    w = liar_view_change(&liar, 5, 3, 8, 1); /* another high */
    assert_true(pbft_evidence_of_view_changes(&e, 2, &v, &w));
    w = liar_view_change(&liar, 5, 0, 0, 1); /* none */
    assert_true(pbft_evidence_of_view_changes(&e, 2, &v, &w));
    w = liar_view_change(&liar, 6, 3, 8, 1);
    assert_false(pbft_evidence_of_view_changes(&e, 2, &v, &w));
    liar_new_view(&liar, &n, 5, 1);
    liar_new_view(&liar, &m, 5, 1);
    assert_false(pbft_evidence_of_new_views(&e, 2, &n, &m));
    liar_new_view(&liar, &m, 5, 2);
    assert_true(pbft_evidence_of_new_views(&e, 2, &n, &m));
    liar_new_view(&liar, &m, 6, 2);
    assert_false(pbft_evidence_of_new_views(&e, 2, &n, &m));
    liar.epoch = 1;
    liar_new_view(&liar, &m, 5, 2);
    assert_false(pbft_evidence_of_new_views(&e, 2, &n, &m));
}

/* COMMIT(5,10): a later VIEW-CHANGE has a high of at least (5,10). */
static void rule_14_1_a_forgotten_commit_is_evidence(void **state)
{
    (void)state;
    static const struct {
        uint64_t to_view, high_view, high_height;
        bool is_evidence;
    } cases[] = {
        {6, 5, 9, true},   {6, 5, 10, false}, {6, 5, 11, false}, {6, 4, 9, true}, {6, 4, 10, true},
        {6, 4, 999, true}, {9, 8, 1, false},  {9, 6, 9, false},  {9, 0, 0, true}, /* "base of e" */
        {5, 4, 9, false},  {5, 0, 0, false}, /* it may have committed after that one */
        {4, 3, 9, false},  {1, 0, 0, false},
    };
    begin(4, 1);
    struct liar liar = a_liar(3);
    struct pbft_evidence e;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pbft_vote commit = liar_vote(&liar, CERT_COMMIT, 5, 10, 1);
        struct pbft_vote prepare = liar_vote(&liar, CERT_PREPARE, 5, 10, 1);
        struct pbft_view_change v =
            liar_view_change(&liar, cases[i].to_view, cases[i].high_view, cases[i].high_height, 1);
        assert_int_equal(pbft_evidence_of_forgotten(&e, 3, &commit, &v), cases[i].is_evidence);
        assert_false(pbft_evidence_of_forgotten(&e, 3, &prepare, &v));
        v.epoch++;
        assert_false(pbft_evidence_of_forgotten(&e, 3, &commit, &v));
    }
}

/* Whichever came first. */
static void one_pair_has_one_encoding(void **state)
{
    (void)state;
    begin(4, 1);
    struct liar liar = a_liar(2);
    struct pbft_vote v = liar_vote(&liar, CERT_COMMIT, 5, 10, 1);
    struct pbft_vote w = liar_vote(&liar, CERT_COMMIT, 5, 10, 2);
    struct pbft_evidence e, f;
    struct buf first = {0}, second = {0};
    assert_true(pbft_evidence_of_votes(&e, 2, &v, &w));
    assert_true(pbft_evidence_of_votes(&f, 2, &w, &v));
    pbft_evidence_encode(&first, &e);
    pbft_evidence_encode(&second, &f);
    assert_true(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
    buf_free(&first);
    buf_free(&second);
}

/* ---- 14.3 ---- */

static void rule_14_3_different_state_roots_are_never_evidence(void **state)
{
    (void)state;
    begin(4, 1);
    struct liar liar = a_liar(2);
    struct pbft_vote v = liar_vote(&liar, CERT_CHECKPOINT, 0, 10, 1);
    struct pbft_vote w = liar_vote(&liar, CERT_CHECKPOINT, 0, 10, 2);
    struct pbft_evidence e;
    assert_false(pbft_evidence_of_votes(&e, 2, &v, &w));
}

/* Signatures of one member on one content may be many (pitfalls H3). */
static void rule_14_3_two_signatures_on_one_content_are_never_evidence(void **state)
{
    (void)state;
    begin(4, 1);
    struct liar liar = a_liar(2);
    struct pbft_vote v = liar_vote(&liar, CERT_COMMIT, 5, 10, 1), w = v;
    struct pbft_pre_prepare p = liar_pre_prepare(&liar, 5, 10, 1), q = p;
    struct pbft_evidence e;
    w.signature.bytes[0] ^= 1;
    q.signature.bytes[0] ^= 1;
    assert_false(pbft_evidence_of_votes(&e, 2, &v, &w));
    assert_false(pbft_evidence_of_pre_prepares(&e, 2, &p, &q));
}

static void rule_14_3_messages_for_two_places_are_never_evidence(void **state)
{
    (void)state;
    begin(4, 1);
    struct liar liar = a_liar(2), later = liar;
    struct pbft_vote v = liar_vote(&liar, CERT_PREPARE, 5, 10, 1);
    struct pbft_pre_prepare p = liar_pre_prepare(&liar, 5, 10, 1);
    struct pbft_evidence e;
    later.epoch = 1;
    const struct pbft_vote votes[] = {
        liar_vote(&liar, CERT_PREPARE, 5, 11, 2), liar_vote(&liar, CERT_PREPARE, 6, 10, 2),
        liar_vote(&later, CERT_PREPARE, 5, 10, 2), liar_vote(&liar, CERT_COMMIT, 5, 10, 2)};
    const struct pbft_pre_prepare proposals[] = {liar_pre_prepare(&liar, 5, 11, 2),
                                                 liar_pre_prepare(&liar, 6, 10, 2),
                                                 liar_pre_prepare(&later, 5, 10, 2)};
    for (int i = 0; i < 4; i++)
        assert_false(pbft_evidence_of_votes(&e, 2, &v, &votes[i]));
    for (int i = 0; i < 3; i++)
        assert_false(pbft_evidence_of_pre_prepares(&e, 2, &p, &proposals[i]));
}

/* Parent other than my tip, beyond the window, not of the primary: dropped, and nobody's lie. */
static void rule_14_3_what_only_does_not_fit_here_is_never_evidence(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]), child = lone_block(&l, &other);
    lone_accept(&l, &b[1]);
    assert_int_equal(lone_pre_prepare(&l, 0, &child), PBFT_DROP_WRONG_PARENT);
    assert_nothing_found();
    assert_int_equal(lone_pre_prepare(&l, 0, &b[30]), PBFT_DROP_OUT_OF_WINDOW);
    assert_int_equal(lone_pre_prepare(&l, 2, &other), PBFT_DROP_NOT_PRIMARY);
    assert_nothing_found();
    (void)lone_vote(&l, 2, CERT_COMMIT, &b[30]);
    other = lone_block(&l, &b[29]);
    (void)lone_vote(&l, 2, CERT_COMMIT, &other);
    assert_nothing_found();
}

/* STATUSes of one counter that say different things. */
static void rule_14_3_status_counters_are_never_evidence(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = lone_make_status(&l, 2, 5);
    (void)lone_msg(&l, &m);
    m.status.committed_height = 6;
    (void)lone_msg(&l, &m);
    assert_nothing_found();
}

/* 4.2: what a peer shows of mine makes a learner of me, and no evidence against me. */
static void own_messages_are_never_evidence_against_myself(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &b[1]);
    struct pbft_msg m = lone_make_vote(&l, 1, CERT_PREPARE, &other);
    m.link = 2;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_true(l.look.is_learner);
    assert_nothing_found();
    assert_int_equal(pbft_evidence_kinds(l.core, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_14_1_two_pre_prepares_of_one_place_are_evidence),
        RULE(rule_14_1_two_votes_of_one_kind_and_place_are_evidence),
        RULE(rule_14_1_votes_of_two_kinds_are_no_pair),
        RULE(rule_5_8_the_other_pre_prepare_may_come_by_data),
        RULE(rule_14_1_a_pre_prepare_against_my_own_vote_alone_is_no_evidence),
        RULE(rule_14_1_a_bad_body_comes_from_the_driver),
        RULE(rule_14_1_two_view_changes_or_new_views_for_one_view_are_evidence),
        RULE(rule_14_1_a_forgotten_commit_is_evidence),
        RULE(one_pair_has_one_encoding),
        RULE(rule_14_3_different_state_roots_are_never_evidence),
        RULE(rule_14_3_two_signatures_on_one_content_are_never_evidence),
        RULE(rule_14_3_messages_for_two_places_are_never_evidence),
        RULE(rule_14_3_what_only_does_not_fit_here_is_never_evidence),
        RULE(rule_14_3_status_counters_are_never_evidence),
        RULE(own_messages_are_never_evidence_against_myself),
    };
    return cmocka_run_group_tests_name("rules_14_evidence", tests, NULL, NULL);
}
