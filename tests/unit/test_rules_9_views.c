/* PROTOCOL.md 9.1 and 9.5 as far as they are about views: what STATUS brings to one that is in a
 * lower view, or CHANGING (pitfalls B9, B11). */
#include <string.h>

#include "tests/unit/rules_view.h"

/* A member's STATUS of this view and mode, heard. */
static void status_of(uint32_t from, uint64_t view, enum pbft_mode mode)
{
    l.now_ms += l.config.status_ms;
    struct pbft_msg m = lone_make_status(&l, from, l.look.committed.height);
    m.status.view = view;
    m.status.mode = mode;
    m.status.high = l.look.high;
    assert_int_equal(lone_msg(&l, &m), PBFT_KEEP);
}

/* Lower view: the NEW-VIEW of mine, from its primary's hand or passed on by anybody. */
static void rule_9_1_a_lower_view_is_answered_with_new_view(void **state)
{
    (void)state;
    begin(4, 3);
    go_on(0, &b[0]);
    status_of(2, 0, PBFT_NORMAL);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_NEW_VIEW, 0);
    assert_non_null(act);
    assert_int_equal(act->to, 2);
    assert_int_equal(act->new_view_from, 1);
    assert_memory_equal(&act->new_view->signature, &l.new_view.signature, SIGNATURE_BYTES);
    assert_int_equal(lone_count(&l, PBFT_SEND_VIEW_CHANGE), 0);
    lone_start(&l); /* it is durable */
    status_of(2, 0, PBFT_NORMAL);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 1);
}

/* Same view and CHANGING: the same. */
static void rule_9_1_one_that_is_changing_is_answered_with_new_view(void **state)
{
    (void)state;
    begin(4, 3);
    go_on(0, &b[0]);
    status_of(2, 1, PBFT_CHANGING);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 1);
    status_of(2, 1, PBFT_NORMAL);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0);
    status_of(2, 2, PBFT_CHANGING);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0);
}

/* While CHANGING myself: my VIEW-CHANGE, in which LC is. */
static void rule_9_1_a_lower_view_is_answered_with_my_view_change(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    for (int is_same_view = 0; is_same_view < 2; is_same_view++) {
        status_of(2, is_same_view, is_same_view ? PBFT_CHANGING : PBFT_NORMAL);
        const struct pbft_act *act = lone_act(&l, PBFT_SEND_VIEW_CHANGE, 0);
        assert_non_null(act);
        while (act->to == PBFT_TO_ALL) /* its own time may have come too */
            act = lone_act(&l, PBFT_SEND_VIEW_CHANGE, 1);
        assert_int_equal(act->to, 2);
        assert_int_equal(act->view_change->lc.view, 0);
        assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0);
    }
    status_of(2, 5, PBFT_CHANGING);
    assert_null(lone_act(&l, PBFT_SEND_NEW_VIEW, 0));
}

/* Who came here by a certificate has neither, and gives that: my high (9.5). */
static void rule_9_1_a_certificate_brings_to_its_view_where_there_is_no_more(void **state)
{
    (void)state;
    begin(4, 3);
    struct certificate c = lone_certificate(&l, CERT_PREPARE, 2, &b[1], others());
    (void)lone_certified(&l, &c);
    l.now_ms += 250;
    (void)lone_status(&l, 0, 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_VIEW_CHANGE), 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_QC, 0);
    assert_non_null(act);
    assert_int_equal(act->certificate->statement.view, 2);
}

/* 9.5: lower is by rank, so by view before height. */
static void rule_9_5_high_is_compared_by_view_before_height(void **state)
{
    (void)state;
    begin(4, 3);
    struct certificate c = lone_certificate(&l, CERT_PREPARE, 2, &b[1], others());
    (void)lone_certified(&l, &c);
    l.now_ms += 250;
    struct pbft_msg m = lone_make_status(&l, 0, 0);
    m.status.view = 2;
    m.status.high = (struct pbft_rank){.view = 1, .height = 9};
    (void)lone_msg(&l, &m);
    assert_int_equal(lone_count(&l, PBFT_SEND_QC), 1);
    m = lone_make_status(&l, 1, 0);
    m.status.view = 2;
    m.status.high = (struct pbft_rank){.view = 2, .height = 1};
    (void)lone_msg(&l, &m);
    assert_int_equal(lone_count(&l, PBFT_SEND_QC), 0);
}

/* Same view, and standing at its base: the base's votes are among mine that are sent again. */
static void rule_9_1_the_base_votes_are_sent_again(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    struct certificate high = lone_certificate(&l, CERT_COMMIT, 0, &b[1], others());
    leave(0);
    adopt(1, &high);
    (void)lone_vote(&l, 0, CERT_PREPARE, &b[1]);
    (void)lone_vote(&l, 1, CERT_PREPARE, &b[1]);
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
    status_of(2, 1, PBFT_NORMAL);
    status_of(2, 1, PBFT_NORMAL);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 2);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
    assert_int_equal(lone_act(&l, PBFT_SEND_VOTE, 0)->to, 2);
    assert_int_equal(lone_act(&l, PBFT_SEND_VOTE, 0)->vote.statement.view, 1);
}

/* Votes of a lower view are not sent again by anybody who left it (7.1, 4.1). */
static void rule_9_1_no_votes_of_a_lower_view_are_sent_again(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    leave(0);
    status_of(2, 1, PBFT_CHANGING);
    status_of(2, 1, PBFT_CHANGING);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    adopt(1, NULL);
    status_of(2, 1, PBFT_NORMAL);
    status_of(2, 1, PBFT_NORMAL);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
    assert_int_equal(lone_act(&l, PBFT_SEND_VOTE, 0)->vote.statement.height, 0);
}

/* Within a budget: NEW-VIEW is big, and goes to one member once per T_s (16), however often he
 * asks, and to each of the others as well. */
static void rule_9_1_new_view_is_given_within_a_budget(void **state)
{
    (void)state;
    begin(4, 3);
    go_on(0, &b[0]);
    l.view = 0;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(lone_status(&l, 2, 0), PBFT_KEEP);
        assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 1);
        assert_int_equal(lone_status(&l, 2, 0), PBFT_DROP_BUDGET);
        assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0);
        l.now_ms += 125;
        assert_int_equal(lone_status(&l, 2, 0), PBFT_KEEP); /* other answers it may have */
        assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0);
        assert_int_equal(lone_status(&l, 0, 0), PBFT_KEEP);
        assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 1);
        l.now_ms += 125;
    }
}

/* A learner passes the NEW-VIEW of others on, and sends none of its own (4.2). */
static void rule_4_2_a_learner_passes_on_new_views_of_others_only(void **state)
{
    (void)state;
    for (uint32_t own = 1; own <= 3; own += 2) {
        begin(4, own);
        leave(0);
        (void)lone_view_change(&l, 0, 1, NULL);
        (void)lone_view_change(&l, 2, 1, NULL);
        if (own == 3)
            adopt(1, NULL);
        assert_int_equal(l.look.mode, PBFT_NORMAL);
        l.durable.is_learner = true;
        lone_start(&l);
        assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0);
        assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
        status_of(2, 0, PBFT_NORMAL);
        assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), own == 3);
        if (own == 1)
            lone_close(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_9_1_a_lower_view_is_answered_with_new_view),
        RULE(rule_9_1_one_that_is_changing_is_answered_with_new_view),
        RULE(rule_9_1_a_lower_view_is_answered_with_my_view_change),
        RULE(rule_9_1_a_certificate_brings_to_its_view_where_there_is_no_more),
        RULE(rule_9_5_high_is_compared_by_view_before_height),
        RULE(rule_9_1_the_base_votes_are_sent_again),
        RULE(rule_9_1_no_votes_of_a_lower_view_are_sent_again),
        RULE(rule_9_1_new_view_is_given_within_a_budget),
        RULE(rule_4_2_a_learner_passes_on_new_views_of_others_only),
    };
    return cmocka_run_group_tests_name("rules_9_views", tests, NULL, NULL);
}
