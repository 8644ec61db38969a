/* PROTOCOL.md 6.4, 9.5 and 16: complaints of others and of oneself, and what they add up to. */
#include <string.h>

#include "tests/unit/rules_view.h"

/* ---- 6.4 ---- */

/* f + 1 of one view make LC, at every size; f of them do not. */
static void rule_6_4_f_plus_1_complaints_leave_the_view(void **state)
{
    (void)state;
    for (uint32_t n = 4; n <= 31; n += 3) {
        begin(n, n - 1);
        for (uint32_t from = 0; from < faulty_max_of(n); from++)
            assert_int_equal(lone_complain(&l, from, 0), PBFT_KEEP);
        assert_int_equal(l.look.view, 0);
        assert_int_equal(lone_complain(&l, faulty_max_of(n), 0), PBFT_KEEP);
        assert_int_equal(l.look.view, 1);
        assert_int_equal(l.look.mode, PBFT_CHANGING);
        if (n < 31)
            lone_close(&l);
    }
}

/* My own is one of them. */
static void rule_6_4_my_own_complaint_counts(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_pool(&l, true, false);
    assert_int_equal(lone_wait(&l, 1000).complaints_count, 1);
    assert_int_equal(l.look.view, 0);
    (void)lone_complain(&l, 2, 0);
    assert_int_equal(l.look.view, 1);
    const struct pbft_lc *lc = &lone_act(&l, PBFT_SEND_VIEW_CHANGE, 0)->view_change->lc;
    assert_int_equal(lc->entries[1].member_index, 3);
    assert_true(fake_verify_lc(lc, 4, &l.config.chain_id));
}

/* And it counts wherever it comes: others' first, then mine. */
static void rule_6_4_my_own_complaint_is_the_last_that_was_missing(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_pool(&l, true, false);
    (void)lone_complain(&l, 2, 0);
    (void)lone_wait(&l, 1000);
    (void)lone_wait(&l, 1);
    assert_int_equal(l.look.view, 1);
}

/* A list is of f + 1 though more complain by the time it is made: mine comes at the end of a step.
 */
static void rule_6_4_a_list_is_of_f_plus_1_though_more_complain(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_pool(&l, true, false);
    (void)lone_complain(&l, 2, 0);
    assert_int_equal(lone_wait(&l, 1000).complaints_count, 1);
    assert_int_equal(l.look.view, 0);
    (void)lone_complain(&l, 0, 0);
    assert_int_equal(l.look.view, 1);
    const struct pbft_lc *lc = &lone_act(&l, PBFT_SEND_VIEW_CHANGE, 0)->view_change->lc;
    assert_int_equal(lc->entries_count, 2);
    assert_true(fake_verify_lc(lc, 4, &l.config.chain_id));
}

/* The same member's complaint, sent again, counts once (pitfalls A1). */
static void rule_6_4_one_member_counts_once(void **state)
{
    (void)state;
    begin(4, 3);
    assert_int_equal(lone_complain(&l, 1, 0), PBFT_KEEP);
    for (int i = 0; i < 10; i++)
        assert_int_equal(lone_complain(&l, 1, 0), PBFT_DROP_DUPLICATE);
    struct pbft_msg m = lone_make_complain(&l, 1, 0);
    m.complain.reason = PBFT_REASON_UNFAIR; /* several reasons: one complaint (14.3) */
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_DUPLICATE);
    assert_int_equal(l.look.view, 0);
}

/* Complaints about different views do not add up; of different reasons they do. */
static void rule_6_4_views_do_not_add_up_and_reasons_do(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_complain(&l, 0, 0);
    (void)lone_complain(&l, 1, 1);
    assert_int_equal(l.look.view, 0);
    struct pbft_msg m = lone_make_complain(&l, 2, 0);
    m.complain.reason = PBFT_REASON_ABSENT;
    fake_sign_complain(&m.complain, 2, &l.config.chain_id);
    (void)lone_msg(&l, &m);
    assert_int_equal(l.look.view, 1);
    const struct pbft_lc *lc = &lone_act(&l, PBFT_SEND_VIEW_CHANGE, 0)->view_change->lc;
    assert_int_equal(lc->entries[0].reason, PBFT_REASON_STALLED);
    assert_int_equal(lc->entries[1].reason, PBFT_REASON_ABSENT);
    assert_true(fake_verify_lc(lc, 4, &l.config.chain_id));
}

/* LC of a higher view than mine takes me above that one at once. */
static void rule_6_4_complaints_about_a_higher_view_lead_above_it(void **state)
{
    (void)state;
    begin(7, 6);
    leave(41);
    assert_int_equal(l.look.view, 42);
    const struct pbft_view_change *v = lone_act(&l, PBFT_SEND_VIEW_CHANGE, 0)->view_change;
    assert_int_equal(v->view, 42);
    assert_int_equal(v->lc.view, 41);
}

/* Two LCs in one step: the highest one decides, and what goes out is for that view alone. */
static void rule_6_4_of_two_lists_the_higher_one_decides(void **state)
{
    (void)state;
    begin(7, 6);
    for (uint32_t from = 0; from < 2; from++)
        (void)lone_complain(&l, from, 0);
    for (uint32_t from = 2; from < 4; from++)
        (void)lone_complain(&l, from, 5);
    (void)lone_complain(&l, 4, 5);
    assert_int_equal(l.look.view, 6);
    (void)lone_complain(&l, 5, 5);
    assert_int_equal(l.look.view, 6);
    for (size_t i = 0; i < lone_count(&l, PBFT_SEND_VIEW_CHANGE); i++)
        assert_int_equal(lone_act(&l, PBFT_SEND_VIEW_CHANGE, i)->view_change->view, 6);
}

/* ---- others' ---- */

static void complaints_of_other_places_are_dropped(void **state)
{
    (void)state;
    begin(4, 3);
    leave(1);
    assert_int_equal(lone_complain(&l, 0, 1), PBFT_DROP_OTHER_VIEW);
    assert_int_equal(lone_complain(&l, 0, 0), PBFT_DROP_OTHER_VIEW);
    struct pbft_msg m = lone_make_complain(&l, 0, 2);
    m.complain.epoch = 1;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OTHER_EPOCH);
    m = lone_make_complain(&l, 3, 2);
    m.link = 2;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_false(l.look.is_learner);
    assert_int_equal(l.look.view, 2);
}

/* 16: one per sender, of the highest view. A lower one that comes later is stale. */
static void rule_16_one_complaint_per_sender_is_kept(void **state)
{
    (void)state;
    begin(4, 3);
    assert_int_equal(lone_complain(&l, 0, 7), PBFT_KEEP);
    assert_int_equal(lone_complain(&l, 0, 3), PBFT_DROP_STALE);
    assert_int_equal(lone_complain(&l, 0, 7), PBFT_DROP_DUPLICATE);
    assert_int_equal(lone_complain(&l, 0, 8), PBFT_KEEP);
    (void)lone_complain(&l, 1, 7); /* 0's about 7 is gone */
    assert_int_equal(l.look.view, 0);
    (void)lone_complain(&l, 1, 8);
    assert_int_equal(l.look.view, 9);
}

/* f hostile members alone raise nothing, whatever views they name (pitfalls B7). */
static void rule_16_huge_views_of_f_members_raise_nothing(void **state)
{
    (void)state;
    begin(7, 6);
    static const uint64_t views[] = {1, 1ull << 32, 1ull << 63, UINT64_MAX - 1};
    for (int i = 0; i < 4; i++)
        for (uint32_t from = 0; from < 2; from++)
            assert_int_equal(lone_complain(&l, from, views[i]), PBFT_KEEP);
    assert_int_equal(l.look.view, 0);
    for (uint64_t view = 0; view < 1000000; view += 1009)
        assert_int_equal(lone_complain(&l, 0, view), PBFT_DROP_STALE);
    assert_int_equal(l.look.view, 0);
    /* And it harms only them: three others still leave. */
    for (uint32_t from = 2; from < 5; from++)
        (void)lone_complain(&l, from, 0);
    assert_int_equal(l.look.view, 1);
}

/* Whatever f + 1 lists lead to, there is no view above the last, and none wraps (7.1). */
static void rule_7_1_the_last_view_has_no_next_one(void **state)
{
    (void)state;
    begin(4, 3);
    leave(UINT64_MAX - 1);
    assert_int_equal(l.look.view, UINT64_MAX);
    (void)lone_pool(&l, true, false);
    for (uint32_t from = 0; from < 3; from++)
        (void)lone_view_change(&l, from, UINT64_MAX, NULL);
    assert_int_equal(lone_wait(&l, 300000).complaints_count, 0);
    assert_int_equal(l.look.view, UINT64_MAX);
}

/* ---- my own ---- */

/* It goes to all, signed, and is sent again every T_rtx while its reason holds (9.5). */
static void rule_9_5_a_complaint_is_sent_again_while_its_reason_holds(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pool(&l, true, false);
    struct lone_waited w = lone_wait(&l, 1000);
    assert_int_equal(w.complaints_count, 1);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_COMPLAIN, 0);
    struct pbft_msg m = {.type = PBFT_COMPLAIN, .link = 1, .from = 1, .complain = act->complain};
    assert_int_equal(act->to, PBFT_TO_ALL);
    assert_int_equal(act->complain.view, 0);
    assert_true(fake_verify(&m, 4, &l.config.chain_id));
    assert_int_equal(lone_wait(&l, 499).complaints_count, 0);
    assert_int_equal(lone_wait(&l, 1).complaints_count, 1);
    assert_int_equal(lone_wait(&l, 5000).complaints_count, 10);
    commit(&b[1]);
    assert_int_equal(l.look.complaint, PBFT_REASON_NONE);
    assert_int_equal(lone_wait(&l, 999).complaints_count, 0);
    assert_int_equal(lone_wait(&l, 1).complaints_count, 1); /* it stalls again */
}

/* One per view, with the reason that came first (14.1 does not count reasons, 16 the bytes). */
static void rule_6_1_one_complaint_per_view_with_its_first_reason(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pool(&l, true, false);
    (void)lone_wait(&l, 1000);
    struct pbft_complain first = lone_act(&l, PBFT_SEND_COMPLAIN, 0)->complain;
    struct pbft_block other = lone_block(&l, &b[0]);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    (void)lone_pre_prepare(&l, 0, &other);
    (void)lone_wait(&l, 500);
    assert_memory_equal(&lone_act(&l, PBFT_SEND_COMPLAIN, 0)->complain, &first, sizeof first);
}

/* A complaint about one view is none about the next. */
static void rule_6_1_a_complaint_ends_with_its_view(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_pool(&l, true, false);
    (void)lone_wait(&l, 1000);
    (void)lone_complain(&l, 0, 0);
    assert_int_equal(l.look.view, 1);
    assert_int_equal(l.look.complaint, PBFT_REASON_NONE);
    assert_int_equal(lone_wait(&l, 10000).complaints_count, 0);
    adopt(1, NULL);
    assert_int_equal(lone_wait(&l, 2000).complaints_count, 1);
    assert_int_equal(lone_act(&l, PBFT_SEND_COMPLAIN, 0)->complain.view, 1);
    assert_int_equal(lone_act(&l, PBFT_SEND_COMPLAIN, 0)->complain.reason, PBFT_REASON_ABSENT);
}

/* A learner, and an alarmed replica, complain about nothing, and follow. */
static void rule_4_2_a_learner_does_not_complain(void **state)
{
    (void)state;
    begin_stored(4, 3);
    l.durable.is_learner = true;
    lone_start(&l);
    (void)lone_pool(&l, true, false);
    assert_int_equal(lone_wait(&l, 60000).complaints_count, 0);
    leave(0);
    assert_int_equal(lone_count(&l, PBFT_SEND_VIEW_CHANGE), 0);
    (void)lone_view_change(&l, 0, 1, NULL);
    (void)lone_view_change(&l, 1, 1, NULL);
    (void)lone_view_change(&l, 2, 1, NULL);
    struct lone_waited w = lone_wait(&l, 60000);
    assert_int_equal(w.complaints_count + w.view_changes_count + w.new_views_count, 0);
    adopt(1, NULL);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    (void)lone_range(&l, 2, &b[1], 2, 0);
    assert_int_equal(l.look.committed.height, 2);
}

/* 6.1 (d): a term is of blocks of its view. What lower views committed is none of it, also where it
 * comes here only now; what the view committed counts, however it came, and after a restart. */
static void rule_6_1_d_a_term_counts_blocks_of_its_view(void **state)
{
    (void)state;
    begin_stored(4, 3);
    l.config.term_blocks = 3;
    lone_start(&l);
    struct certificate high = lone_certificate(&l, CERT_COMMIT, 0, &b[6], others());
    leave(0);
    adopt(1, &high);
    l.view = 0;
    (void)lone_range(&l, 2, &b[1], 6, 0);
    l.view = 1;
    install(&b[6]);
    assert_int_equal(l.look.committed.height, 6);
    assert_int_equal(l.look.complaint, PBFT_REASON_NONE);
    (void)lone_range(&l, 2, &b[7], 2, 0);
    assert_int_equal(l.look.complaint, PBFT_REASON_NONE);
    lone_start(&l);
    commit(&b[9]);
    assert_int_equal(l.look.complaint, PBFT_REASON_SLOW);
}

/* It is over for nobody who is behind a certificate, as (a) and (b) are not armed there either. */
static void rule_6_1_d_a_term_is_not_over_for_one_that_is_behind(void **state)
{
    (void)state;
    begin_stored(4, 3);
    l.config.term_blocks = 3;
    lone_start(&l);
    (void)lone_range(&l, 2, &b[1], 3, 2);
    assert_int_equal(l.look.committed.height, 3);
    assert_quiet(1);
    (void)lone_range(&l, 2, &b[4], 2, 0);
    assert_int_equal(l.look.complaint, PBFT_REASON_SLOW);
}

/* 6.1 (e), L4: the q VIEW-CHANGEs for one view say nothing about the next. */
static void rule_6_1_e_what_armed_one_view_arms_no_other(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    for (uint32_t from = 0; from < 2; from++)
        (void)lone_view_change(&l, from, 1, NULL);
    assert_quiet(1500);
    leave(1);
    assert_quiet(60000);
    for (uint32_t from = 0; from < 2; from++)
        (void)lone_view_change(&l, from, 2, NULL);
    assert_complains_after(4 * 1000, PBFT_REASON_ABSENT); /* T_0, doubled by each view */
}

/* 6.2: progress is above what was committed; what a start finds committed was so before. */
static void rule_6_2_what_a_start_finds_committed_is_no_progress(void **state)
{
    (void)state;
    begin(7, 6);
    leave(0);
    adopt(1, NULL);
    install(&b[0]);
    commit(&b[1]);
    lone_start(&l);
    assert_true(l.look.is_installed);
    assert_int_equal(l.look.committed.height, 1);
    leave(1);
    assert_int_equal(l.look.timeout_ms, 2 * 1000);
}

/* 5.3: also where my own vote alone shows that there was another, as after a restart. */
static void rule_6_1_c_a_proposal_against_my_vote_alone_is_complained_about(void **state)
{
    (void)state;
    begin(4, 3);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &b[1]);
    lone_start(&l);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    assert_int_equal(lone_count(&l, PBFT_WRITE_EVIDENCE), 0);
    assert_int_equal(l.look.complaint, PBFT_REASON_FAULTY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_6_4_f_plus_1_complaints_leave_the_view),
        RULE(rule_6_4_my_own_complaint_counts),
        RULE(rule_6_4_my_own_complaint_is_the_last_that_was_missing),
        RULE(rule_6_4_a_list_is_of_f_plus_1_though_more_complain),
        RULE(rule_6_4_one_member_counts_once),
        RULE(rule_6_4_views_do_not_add_up_and_reasons_do),
        RULE(rule_6_4_complaints_about_a_higher_view_lead_above_it),
        RULE(rule_6_4_of_two_lists_the_higher_one_decides),
        RULE(complaints_of_other_places_are_dropped),
        RULE(rule_16_one_complaint_per_sender_is_kept),
        RULE(rule_16_huge_views_of_f_members_raise_nothing),
        RULE(rule_7_1_the_last_view_has_no_next_one),
        RULE(rule_9_5_a_complaint_is_sent_again_while_its_reason_holds),
        RULE(rule_6_1_one_complaint_per_view_with_its_first_reason),
        RULE(rule_6_1_a_complaint_ends_with_its_view),
        RULE(rule_4_2_a_learner_does_not_complain),
        RULE(rule_6_1_d_a_term_counts_blocks_of_its_view),
        RULE(rule_6_1_d_a_term_is_not_over_for_one_that_is_behind),
        RULE(rule_6_1_e_what_armed_one_view_arms_no_other),
        RULE(rule_6_2_what_a_start_finds_committed_is_no_progress),
        RULE(rule_6_1_c_a_proposal_against_my_vote_alone_is_complained_about),
    };
    return cmocka_run_group_tests_name("rules_6_complain", tests, NULL, NULL);
}
