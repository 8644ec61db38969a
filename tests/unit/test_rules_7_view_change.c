/* PROTOCOL.md 7.1 to 7.3, 7.6, 7.7 and 5.4 as far as they are about VIEW-CHANGE and NEW-VIEW. What
 * follows from the base stands in test_rules_7_base.c. */
#include <string.h>

#include "tests/unit/rules_view.h"

static const struct pbft_view_change *sent_view_change(void)
{
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_VIEW_CHANGE, 0);
    assert_non_null(act);
    return act->view_change;
}

static void assert_signed(enum pbft_msg_type type)
{
    struct pbft_msg m = {.type = type, .link = l.config.own_index, .from = l.config.own_index};
    if (type == PBFT_VIEW_CHANGE)
        m.view_change = *sent_view_change();
    else
        m.new_view = *lone_act(&l, PBFT_SEND_NEW_VIEW, 0)->new_view;
    assert_true(fake_verify(&m, l.config.members.members_count, &l.config.chain_id));
}

/* ---- 7.1 ---- */

/* v := u + 1, CHANGING, tip none; persist; VIEW-CHANGE with high and LC, to all. */
static void rule_7_1_a_list_of_complaints_changes_the_view(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    lone_accept(&l, &b[2]);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], others());
    leave(0);
    assert_false(l.look.has_tip);
    assert_int_equal(l.durable.view, 1);
    assert_int_equal(l.durable.mode, PBFT_CHANGING);
    assert_int_equal(lone_count(&l, PBFT_WRITE_VIEW_CHANGE), 1);
    const struct pbft_view_change *v = sent_view_change();
    assert_int_equal(lone_act(&l, PBFT_SEND_VIEW_CHANGE, 0)->to, PBFT_TO_ALL);
    assert_int_equal(v->view, 1);
    assert_true(v->has_high);
    assert_int_equal(v->high.statement.height, 2);
    assert_int_equal(v->high.statement.kind, CERT_PREPARE);
    assert_int_equal(v->lc.view, 0);
    assert_signed(PBFT_VIEW_CHANGE);
}

/* Before anything was certified its high is the base of the epoch. */
static void rule_7_1_without_a_certificate_high_is_the_base_of_the_epoch(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    assert_false(sent_view_change()->has_high);
    assert_signed(PBFT_VIEW_CHANGE);
}

/* The highest certificate goes along although its block is committed (pitfalls A8). */
static void rule_7_1_high_goes_along_committed_or_not(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    leave(0);
    assert_true(sent_view_change()->has_high);
    assert_int_equal(sent_view_change()->high.statement.height, 1);
}

/* No more PREPARE or COMMIT below the new view. */
static void rule_7_1_no_votes_below_the_new_view(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
    leave(0);
    l.view = 0;
    size_t votes_count = l.votes_count;
    assert_int_equal(lone_checked(&l, &b[2], PBFT_CHECK_VALID, 0), PBFT_DROP_STALE);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[2]), PBFT_DROP_OTHER_VIEW);
    (void)lone_qc(&l, CERT_PREPARE, &b[1], others());
    assert_int_equal(lone_vote(&l, 0, CERT_PREPARE, &b[1]), PBFT_DROP_OTHER_VIEW);
    assert_int_equal(l.votes_count, votes_count);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
}

/* Sent again every T_rtx, byte for byte, also when high has risen since (14.1). */
static void rule_7_1_a_view_change_is_sent_again_byte_for_byte(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    struct pbft_view_change first = *sent_view_change();
    assert_int_equal(lone_wait(&l, 499).view_changes_count, 0);
    assert_int_equal(lone_wait(&l, 1).view_changes_count, 1);
    l.view = 0;
    (void)lone_qc(&l, CERT_PREPARE, &b[1], others());
    assert_int_equal(l.look.high.height, 1);
    assert_int_equal(lone_wait(&l, 500).view_changes_count, 1);
    assert_memory_equal(sent_view_change(), &first, sizeof first);
    assert_int_equal(lone_wait(&l, 10000).view_changes_count, 20);
    adopt(1, NULL);
    assert_int_equal(lone_wait(&l, 10000).view_changes_count, 0);
}

/* ---- 7.2 ---- */

/* One valid VIEW-CHANGE pulls up whoever sees it: LC is in it (pitfalls B8, B9). */
static void rule_7_2_one_view_change_pulls_up(void **state)
{
    (void)state;
    begin(4, 3);
    assert_int_equal(lone_view_change(&l, 0, 5, NULL), PBFT_KEEP);
    assert_int_equal(l.look.view, 5);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
    assert_int_equal(sent_view_change()->view, 5);
    assert_int_equal(sent_view_change()->lc.view, 4);
    assert_signed(PBFT_VIEW_CHANGE);
}

/* Its high counts like any certificate (5.4), before my own VIEW-CHANGE is made. */
static void rule_7_2_its_high_is_taken_first(void **state)
{
    (void)state;
    begin(4, 3);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 2, &b[4], others());
    assert_int_equal(lone_view_change(&l, 0, 5, &high), PBFT_KEEP);
    assert_int_equal(l.look.view, 5);
    assert_int_equal(l.look.high.view, 2);
    assert_int_equal(sent_view_change()->high.statement.height, 4);
}

static void rule_7_2_the_highest_view_of_a_sender_is_kept(void **state)
{
    (void)state;
    begin(7, 6);
    assert_int_equal(lone_view_change(&l, 0, 5, NULL), PBFT_KEEP);
    assert_int_equal(lone_view_change(&l, 0, 5, NULL), PBFT_DROP_DUPLICATE);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    assert_int_equal(lone_view_change(&l, 0, 5, &high), PBFT_DROP_CONFLICT); /* evidence: 14.1 */
    assert_int_equal(lone_view_change(&l, 0, 4, NULL), PBFT_DROP_OTHER_VIEW);
    assert_int_equal(lone_view_change(&l, 1, 4, NULL), PBFT_DROP_OTHER_VIEW);
    struct pbft_msg m = lone_make_view_change(&l, 1, 6, NULL);
    m.view_change.epoch = 1;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OTHER_EPOCH);
    assert_int_equal(l.look.view, 5);
    assert_int_equal(lone_view_change(&l, 0, 6, NULL), PBFT_KEEP);
    assert_int_equal(l.look.view, 6);
}

/* In NORMAL one for this view is late, unless its high is news (5.4: from any message). */
static void rule_7_2_a_late_view_change_only_raises_high(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    adopt(1, NULL);
    assert_int_equal(lone_view_change(&l, 0, 1, NULL), PBFT_DROP_NOT_NEEDED);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[2], others());
    assert_int_equal(lone_view_change(&l, 0, 1, &high), PBFT_KEEP);
    assert_int_equal(l.look.high.height, 2);
    assert_int_equal(l.look.mode, PBFT_NORMAL);
    assert_int_equal(lone_count(&l, PBFT_SEND_VIEW_CHANGE), 0);
    assert_int_equal(lone_view_change(&l, 1, 1, &high), PBFT_DROP_NOT_NEEDED);
}

/* ---- 7.3 ---- */

/* The primary of v, with q VIEW-CHANGEs for v, its own among them: NEW-VIEW, once. */
static void rule_7_3_the_primary_sends_new_view_once(void **state)
{
    (void)state;
    begin(7, 1);
    leave(0);
    for (uint32_t from = 2; from < 5; from++) {
        (void)lone_view_change(&l, from, 1, NULL);
        assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0);
    }
    (void)lone_view_change(&l, 5, 1, NULL);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 1);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_NEW_VIEW, 0);
    assert_int_equal(act->to, PBFT_TO_ALL);
    assert_int_equal(act->new_view_from, 1);
    assert_int_equal(act->new_view->view, 1);
    assert_int_equal(act->new_view->entries_count, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(act->new_view->entries[i].from, i + 1);
    assert_signed(PBFT_NEW_VIEW);
    assert_int_equal(lone_count(&l, PBFT_WRITE_NEW_VIEW), 1);
    assert_int_equal(l.look.mode, PBFT_NORMAL);
    assert_int_equal(l.durable.mode, PBFT_NORMAL);
    (void)lone_view_change(&l, 0, 1, NULL);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0);
    assert_int_equal(lone_wait(&l, 1500).new_views_count, 0);
}

/* VIEW-CHANGEs for other views are none for this one (pitfalls B5). */
static void rule_7_3_view_changes_for_other_views_do_not_count(void **state)
{
    (void)state;
    begin(7, 1);
    for (uint32_t from = 2; from < 5; from++)
        (void)lone_view_change(&l, from, 7, NULL);
    assert_int_equal(l.look.view, 7);
    leave(7);
    for (uint32_t from = 5; from < 7; from++)
        (void)lone_view_change(&l, from, 8, NULL);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0); /* three of view 8, five in all */
    for (uint32_t from = 2; from < 4; from++)
        (void)lone_view_change(&l, from, 8, NULL);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 1);
    const struct pbft_new_view *n = lone_act(&l, PBFT_SEND_NEW_VIEW, 0)->new_view;
    for (uint32_t i = 0; i < n->entries_count; i++)
        assert_int_equal(n->entries[i].view_change.view, 8);
}

/* Nobody else does, and a learner does not. */
static void rule_7_3_nobody_but_the_primary_sends_new_view(void **state)
{
    (void)state;
    for (int is_learner = 0; is_learner < 2; is_learner++) {
        begin(4, is_learner ? 1 : 3);
        leave(0);
        struct pbft_msg mine = lone_make_vote(&l, 1, CERT_COMMIT, &b[9]);
        mine.link = 2;
        if (is_learner)
            (void)lone_msg(&l, &mine);
        assert_int_equal(l.look.is_learner, is_learner);
        for (uint32_t from = 0; from < 4; from++)
            if (from != l.config.own_index)
                (void)lone_view_change(&l, from, 1, NULL);
        assert_int_equal(lone_wait(&l, 1500).new_views_count, 0);
        assert_int_equal(l.look.mode, PBFT_CHANGING);
        if (!is_learner)
            lone_close(&l);
    }
}

/* Q* is the high of highest rank: view before height; every replica takes it from V itself. */
static void rule_7_3_the_base_is_the_high_of_highest_rank(void **state)
{
    (void)state;
    begin(4, 3);
    struct pbft_block other = lone_block(&l, &b[2]);
    const struct certificate a = lone_certificate(&l, CERT_COMMIT, 0, &b[5], 7);
    const struct certificate c = lone_certificate(&l, CERT_PREPARE, 1, &other, 7);
    const struct certificate *highs[4] = {&a, &c, NULL, NULL};
    struct pbft_msg m = lone_make_new_view(&l, 2, 7, highs);
    l.view = 2;
    assert_int_equal(lone_msg(&l, &m), PBFT_KEEP);
    assert_int_equal(l.look.base.height, 3);
    assert_true(digest_equal(&l.look.base.digest, &other.digest));
    assert_true(digest_equal(&l.durable.base.digest, &other.digest));
}

/* The primary takes it the same way, and its own high is in V. */
static void rule_7_3_the_primary_takes_the_base_by_the_same_choice(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], others());
    leave(0);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[3], others());
    (void)lone_view_change(&l, 2, 1, NULL);
    (void)lone_view_change(&l, 3, 1, &high);
    assert_int_equal(l.look.mode, PBFT_NORMAL);
    assert_int_equal(l.look.base.height, 3);
    lone_close(&l);
    begin(4, 1);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], others());
    leave(0);
    (void)lone_view_change(&l, 2, 1, NULL);
    (void)lone_view_change(&l, 3, 1, NULL);
    assert_int_equal(l.look.base.height, 2);
}

/* ---- 7.4: what is accepted ---- */

/* v' > v, in any mode, or v' = v while CHANGING; never a lower one (pitfalls B6). */
static void rule_7_4_a_higher_new_view_is_accepted_in_any_mode(void **state)
{
    (void)state;
    begin(7, 6);
    adopt(3, NULL); /* from NORMAL, without VIEW-CHANGE */
    leave(3);
    adopt(4, NULL);
    leave(4);
    adopt(7, NULL);
    for (uint64_t view = 1; view < 6; view++)
        assert_int_equal(lone_new_view(&l, view, NULL), PBFT_DROP_OTHER_VIEW);
    assert_int_equal(l.look.view, 7);
    struct pbft_msg m = lone_make_new_view(&l, 8, others(), NULL);
    m.new_view.epoch = 1;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OTHER_EPOCH);
}

/* The same again is a duplicate; a second, different one is evidence and changes nothing. */
static void rule_7_4_a_second_new_view_is_not_accepted(void **state)
{
    (void)state;
    begin(5, 4);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    leave(0);
    adopt(1, &high);
    assert_int_equal(lone_new_view(&l, 1, &high), PBFT_DROP_DUPLICATE);
    assert_int_equal(lone_new_view(&l, 1, NULL), PBFT_DROP_CONFLICT);
    assert_int_equal(l.look.base.height, 1);
    assert_int_equal(lone_count(&l, PBFT_WRITE_NEW_VIEW), 0);
}

/* Persist v', NORMAL, base, V, tip := none; the highs in V raise mine. */
static void rule_7_4_what_is_accepted_is_written(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[3], others());
    adopt(1, &high);
    assert_true(l.has_new_view);
    assert_int_equal(l.new_view.view, 1);
    assert_int_equal(l.durable.view, 1);
    assert_int_equal(l.durable.mode, PBFT_NORMAL);
    assert_int_equal(l.durable.base.height, 3);
    assert_false(l.durable.has_tip);
    assert_false(l.durable.is_installed);
    assert_int_equal(l.durable.high.statement.height, 3);
}

/* ---- 7.6 ---- */

/* In CHANGING certificates, DATA, CHECKPOINT, STATUS and applying go on (pitfalls B11). */
static void rule_7_6_changing_goes_on_with_everything_but_votes(void **state)
{
    (void)state;
    static const struct digest root = {{1}};
    begin(4, 3);
    leave(0);
    l.view = 0;
    assert_int_equal(lone_range(&l, 2, &b[1], 2, 0), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 2);
    (void)lone_root(&l, &b[2], &root);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
    (void)lone_checkpoint(&l, 0, &b[2], &root);
    (void)lone_checkpoint(&l, 1, &b[2], &root);
    assert_int_equal(l.look.stable_height, 2);
    assert_int_equal(lone_status(&l, 2, 0), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_SEND_RANGE), 1);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
}

/* ---- 7.7 ---- */

/* A certificate of a higher view: CHANGING there, without a VIEW-CHANGE; STATUS goes out at once,
 * whose answers bring the NEW-VIEW. */
static void rule_7_7_a_certificate_of_a_higher_view_leads_there(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    struct certificate c = lone_certificate(&l, CERT_PREPARE, 4, &b[2], others());
    assert_int_equal(lone_certified(&l, &c), PBFT_KEEP);
    assert_int_equal(l.look.view, 4);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
    assert_int_equal(l.durable.view, 4);
    assert_int_equal(l.look.high.view, 4);
    assert_int_equal(lone_count(&l, PBFT_SEND_VIEW_CHANGE), 0);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_STATUS, 0);
    assert_non_null(act);
    assert_int_equal(act->status.view, 4);
    assert_int_equal(act->status.mode, PBFT_CHANGING);
    assert_int_equal(lone_wait(&l, 5000).view_changes_count, 0);
    adopt(4, NULL);
}

/* Its primary who came so has sent a NEW-VIEW before, which its store lost: no second one. */
static void rule_7_7_a_primary_that_comes_so_makes_no_new_view(void **state)
{
    (void)state;
    begin(4, 1);
    struct certificate c = lone_certificate(&l, CERT_PREPARE, 1, &b[1], others());
    (void)lone_certified(&l, &c);
    assert_int_equal(l.look.view, 1);
    for (uint32_t from = 0; from < 4; from++)
        if (from != 1)
            (void)lone_view_change(&l, from, 1, NULL);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
    assert_int_equal(lone_wait(&l, 1500).new_views_count, 0);
}

/* Seen before the NEW-VIEW of its view, a COMMIT certificate installs that view when it comes. */
static void rule_6_1_a_certificate_before_its_new_view_installs(void **state)
{
    (void)state;
    for (int has_restart = 0; has_restart < 2; has_restart++) {
        begin(4, 3);
        commit(&b[1]);
        struct certificate base = lone_certificate(&l, CERT_COMMIT, 0, &b[1], others());
        struct certificate c = lone_certificate(&l, CERT_COMMIT, 2, &b[1], others());
        (void)lone_certified(&l, &c);
        assert_int_equal(l.look.view, 2);
        assert_false(l.look.is_installed);
        if (has_restart)
            lone_start(&l);
        adopt(2, &base);
        assert_true(l.look.is_installed);
        assert_true(l.durable.is_installed);
        if (!has_restart)
            lone_close(&l);
    }
}

/* 6.1: also one of a block that is not here yet, after a restart: nobody sends it again. */
static void rule_6_1_high_installs_its_view_after_a_restart(void **state)
{
    (void)state;
    begin(4, 3);
    struct certificate c = lone_certificate(&l, CERT_COMMIT, 2, &b[5], others());
    (void)lone_certified(&l, &c);
    assert_int_equal(l.look.view, 2);
    lone_start(&l);
    adopt(2, NULL);
    assert_true(l.look.is_installed);
    assert_int_equal(l.look.committed.height, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_6_1_high_installs_its_view_after_a_restart),
        RULE(rule_7_1_a_list_of_complaints_changes_the_view),
        RULE(rule_7_1_without_a_certificate_high_is_the_base_of_the_epoch),
        RULE(rule_7_1_high_goes_along_committed_or_not),
        RULE(rule_7_1_no_votes_below_the_new_view),
        RULE(rule_7_1_a_view_change_is_sent_again_byte_for_byte),
        RULE(rule_7_2_one_view_change_pulls_up),
        RULE(rule_7_2_its_high_is_taken_first),
        RULE(rule_7_2_the_highest_view_of_a_sender_is_kept),
        RULE(rule_7_2_a_late_view_change_only_raises_high),
        RULE(rule_7_3_the_primary_sends_new_view_once),
        RULE(rule_7_3_view_changes_for_other_views_do_not_count),
        RULE(rule_7_3_nobody_but_the_primary_sends_new_view),
        RULE(rule_7_3_the_base_is_the_high_of_highest_rank),
        RULE(rule_7_3_the_primary_takes_the_base_by_the_same_choice),
        RULE(rule_7_4_a_higher_new_view_is_accepted_in_any_mode),
        RULE(rule_7_4_a_second_new_view_is_not_accepted),
        RULE(rule_7_4_what_is_accepted_is_written),
        RULE(rule_7_6_changing_goes_on_with_everything_but_votes),
        RULE(rule_7_7_a_certificate_of_a_higher_view_leads_there),
        RULE(rule_7_7_a_primary_that_comes_so_makes_no_new_view),
        RULE(rule_6_1_a_certificate_before_its_new_view_installs),
    };
    return cmocka_run_group_tests_name("rules_7_view_change", tests, NULL, NULL);
}
