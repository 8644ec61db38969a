/* PROTOCOL.md 4, 4.1 and 4.2 in view changes: durable before sent, a restart in every state of one
 * (pitfalls B10, D2), and own messages that a peer shows. */
#include <string.h>

#include "tests/unit/rules_view.h"

/* ---- 4 ---- */

/* VIEW-CHANGE comes with its view, CHANGING and itself; high is durable before. */
static void rule_4_view_change_comes_with_view_mode_and_message(void **state)
{
    (void)state;
    begin(4, 3);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 1, &b[2], others());
    (void)lone_view_change(&l, 0, 2, &high); /* high, view and VIEW-CHANGE in one step */
    const struct pbft_act *act = lone_act(&l, PBFT_WRITE_VIEW_CHANGE, 0);
    assert_non_null(act);
    assert_ptr_equal(act->view_change, lone_act(&l, PBFT_SEND_VIEW_CHANGE, 0)->view_change);
    assert_int_equal(l.durable.view, 2);
    assert_int_equal(l.durable.mode, PBFT_CHANGING);
    assert_int_equal(lone_count(&l, PBFT_WRITE_HIGH), 1);
    assert_int_equal(l.durable.high.statement.height, act->view_change->high.statement.height);
    assert_int_equal(l.view_change.view, 2);
}

/* NEW-VIEW and the first vote come with v', NORMAL, base and V. */
static void rule_4_new_view_and_base_vote_come_with_the_view(void **state)
{
    (void)state;
    begin(4, 1);
    leave(0);
    (void)lone_view_change(&l, 2, 1, NULL);
    (void)lone_view_change(&l, 3, 1, NULL);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 1);
    assert_ptr_equal(lone_act(&l, PBFT_WRITE_NEW_VIEW, 0)->new_view,
                     lone_act(&l, PBFT_SEND_NEW_VIEW, 0)->new_view);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[0]));
    assert_int_equal(lone_count(&l, PBFT_WRITE_VOTE), 1);
    assert_int_equal(l.durable.view, 1);
    assert_int_equal(l.durable.mode, PBFT_NORMAL);
    assert_true(l.durable.has_tip);
    assert_int_equal(l.new_view.view, 1);
}

/* ---- 4.1: a restart in every state ---- */

/* Between COMPLAIN and LC: the complaint is forgotten, the view and its votes are not. */
static void rule_4_1_restart_while_complaining(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    (void)lone_pool(&l, true, false);
    assert_int_equal(lone_wait(&l, 1000).complaints_count, 1);
    lone_start(&l);
    assert_int_equal(l.look.complaint, PBFT_REASON_NONE);
    assert_int_equal(l.look.view, 0);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
    (void)lone_pool(&l, true, false);
    assert_int_equal(lone_wait(&l, 1000).complaints_count, 1);
}

/* CHANGING: the VIEW-CHANGE goes out again, once, byte for byte, with the high of then; no vote of
 * the view below. */
static void rule_4_1_restart_while_changing_sends_the_view_change(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    (void)lone_qc(&l, CERT_PREPARE, &b[1], others());
    leave(0);
    l.view_change.signature.bytes[SIGNATURE_BYTES - 1] ^= 1; /* signing anew gives other bytes */
    struct pbft_view_change first = l.view_change;
    l.view = 0;
    (void)lone_qc(&l, CERT_PREPARE, &b[2], others()); /* high has risen since */
    lone_start(&l);
    assert_int_equal(l.look.view, 1);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
    assert_int_equal(l.look.high.height, 2);
    assert_int_equal(lone_count(&l, PBFT_SEND_VIEW_CHANGE), 1);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_VIEW_CHANGE, 0);
    assert_int_equal(act->to, PBFT_TO_ALL);
    assert_memory_equal(act->view_change, &first, sizeof first);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(lone_act(&l, PBFT_SEND_STATUS, 0)->status.mode, PBFT_CHANGING);
    assert_int_equal(lone_wait(&l, 1000).view_changes_count, 2);
}

/* Its own VIEW-CHANGE counts after the restart too: the primary makes its NEW-VIEW of it. */
static void rule_4_1_restart_of_a_primary_that_collects_view_changes(void **state)
{
    (void)state;
    begin(4, 1);
    leave(0);
    (void)lone_view_change(&l, 2, 1, NULL);
    lone_start(&l);
    (void)lone_view_change(&l, 2, 1, NULL);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0);
    (void)lone_view_change(&l, 3, 1, NULL);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_NEW_VIEW, 0);
    assert_non_null(act);
    assert_memory_equal(&act->new_view->entries[0].view_change, &l.view_change,
                        sizeof l.view_change);
}

/* CHANGING by a certificate (7.7): there is no VIEW-CHANGE for this view, and that of a lower one
 * is not sent. */
static void rule_4_1_restart_sends_no_view_change_of_a_lower_view(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    struct certificate c = lone_certificate(&l, CERT_PREPARE, 2, &b[1], others());
    (void)lone_certified(&l, &c);
    assert_int_equal(l.view_change.view, 1);
    lone_start(&l);
    assert_int_equal(l.look.view, 2);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
    assert_int_equal(lone_count(&l, PBFT_SEND_VIEW_CHANGE), 0);
    assert_int_equal(lone_wait(&l, 5000).view_changes_count, 0);
    struct certificate base = lone_certificate(&l, CERT_PREPARE, 1, &b[1], others());
    adopt(2, &base);
}

/* NORMAL, the base's body not here: it is fetched, then voted for. */
static void rule_4_1_restart_before_the_base_vote(void **state)
{
    (void)state;
    begin(4, 3);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    leave(0);
    adopt(1, &high);
    lone_start(&l);
    assert_int_equal(l.look.mode, PBFT_NORMAL);
    assert_false(l.look.has_tip);
    assert_int_equal(l.look.base.height, 1);
    assert_int_equal(lone_count(&l, PBFT_SEND_VIEW_CHANGE), 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 0); /* it is not mine */
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    (void)lone_data(&l, act->to, &b[1], false);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
}

static void assert_sent_again(size_t from)
{
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), l.votes_count - from);
    for (size_t i = from; i < l.votes_count; i++)
        assert_memory_equal(&lone_act(&l, PBFT_SEND_VOTE, i - from)->vote, &l.votes[i],
                            sizeof l.votes[i]);
}

/* NORMAL, the base voted for, committed before or not: the same votes again, and no others. */
static void rule_4_1_restart_after_the_base_vote(void **state)
{
    (void)state;
    for (int is_committed = 0; is_committed < 2; is_committed++) {
        begin(4, 3);
        if (is_committed)
            commit(&b[1]);
        else
            lone_accept(&l, &b[1]);
        size_t before = l.votes_count;
        struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
        leave(0);
        adopt(1, &high);
        assert_int_equal(l.votes_count, before + 1);
        lone_start(&l);
        assert_sent_again(before);
        assert_int_equal(lone_count(&l, PBFT_WRITE_VOTE), 0);
        assert_true(lone_block_equal(&l.look.tip, &b[1]));
        (void)lone_vote(&l, 0, CERT_PREPARE, &b[1]);
        (void)lone_vote(&l, 1, CERT_PREPARE, &b[1]);
        assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
        lone_start(&l);
        assert_sent_again(before);
        lone_votes(&l, CERT_PREPARE, &b[1], 4);
        assert_int_equal(l.votes_count, before + 2); /* none is cast twice */
        lone_votes(&l, CERT_COMMIT, &b[1], 4);
        assert_true(l.look.is_installed);
        lone_start(&l);
        assert_true(l.look.is_installed);
        if (!is_committed)
            lone_close(&l);
    }
}

/* The primary: its NEW-VIEW again, byte for byte, and no second one. */
static void rule_4_1_restart_sends_the_new_view_again(void **state)
{
    (void)state;
    begin(4, 1);
    leave(0);
    (void)lone_view_change(&l, 2, 1, NULL);
    (void)lone_view_change(&l, 3, 1, NULL);
    l.new_view.signature.bytes[SIGNATURE_BYTES - 1] ^= 1;
    struct pbft_new_view first = l.new_view;
    lone_start(&l);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_NEW_VIEW, 0);
    assert_non_null(act);
    assert_int_equal(act->to, PBFT_TO_ALL);
    assert_memory_equal(act->new_view, &first, sizeof first);
    for (uint32_t from = 0; from < 4; from++)
        if (from != 1)
            (void)lone_view_change(&l, from, 1, NULL);
    assert_int_equal(lone_wait(&l, 1500).new_views_count, 0);
}

/* In an installed view: votes above the base go on where they were. */
static void rule_4_1_restart_in_an_installed_view(void **state)
{
    (void)state;
    begin(4, 3);
    go_on(0, &b[0]);
    lone_accept(&l, &b[1]);
    lone_start(&l);
    assert_true(lone_block_equal(&l.look.tip, &b[1]));
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
    struct pbft_block other = lone_block(&l, &b[0]);
    assert_int_equal(lone_pre_prepare(&l, 1, &other), PBFT_DROP_CONFLICT);
    (void)lone_pre_prepare(&l, 1, &b[1]);
    lone_accept(&l, &b[2]);
    lone_votes(&l, CERT_PREPARE, &b[2], 4);
    lone_votes(&l, CERT_COMMIT, &b[2], 4);
    assert_int_equal(l.look.committed.height, 2);
}

/* ---- 4.2 ---- */

static bool becomes_learner(struct pbft_msg *m)
{
    m->link = 0;
    assert_int_equal(lone_msg(&l, m), PBFT_DROP_OWN);
    bool is_learner = l.look.is_learner;
    if (is_learner)
        assert_int_equal(lone_count(&l, PBFT_WRITE_LEARNER), 1);
    return is_learner;
}

/* A VIEW-CHANGE of mine: of a view that I was not in, or another than mine, or where I made none.
 */
static void rule_4_2_a_view_change_of_mine_that_i_lack_makes_a_learner(void **state)
{
    (void)state;
    begin(4, 3);
    struct pbft_msg m = lone_make_view_change(&l, 3, 1, NULL);
    assert_true(becomes_learner(&m));
    leave(0);
    assert_int_equal(lone_count(&l, PBFT_SEND_VIEW_CHANGE), 0);
    lone_close(&l);

    begin(4, 3);
    leave(0);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    m = lone_make_view_change(&l, 3, 1, &high);
    assert_true(becomes_learner(&m));
    lone_close(&l);

    begin(4, 3);
    struct certificate c = lone_certificate(&l, CERT_PREPARE, 1, &b[1], others());
    (void)lone_certified(&l, &c); /* 7.7: in view 1 without one */
    m = lone_make_view_change(&l, 3, 1, NULL);
    assert_true(becomes_learner(&m));
}

/* The one that I sent proves nothing, nor do older ones, also after a restart. */
static void rule_4_2_a_view_change_of_mine_that_i_know_proves_nothing(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    struct pbft_msg m = {.type = PBFT_VIEW_CHANGE, .from = 3, .view_change = l.view_change};
    assert_false(becomes_learner(&m));
    lone_start(&l);
    assert_false(becomes_learner(&m));
    adopt(1, NULL);
    assert_false(becomes_learner(&m));
    lone_start(&l);
    assert_false(becomes_learner(&m));
    leave(1);
    assert_false(becomes_learner(&m));
    m = lone_make_view_change(&l, 3, 9, NULL);
    m.view_change.epoch = 1;
    assert_false(becomes_learner(&m));
}

/* Inside a NEW-VIEW it is the same message. */
static void rule_4_2_a_view_change_of_mine_inside_a_new_view(void **state)
{
    (void)state;
    begin(4, 3);
    struct pbft_msg m = lone_make_new_view(&l, 1, 14, NULL); /* of members 1, 2 and 3 */
    l.view = 1;
    assert_int_equal(lone_msg(&l, &m), PBFT_KEEP);
    assert_true(l.look.is_learner);
    assert_int_equal(l.look.view, 1); /* it follows */
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    lone_close(&l);

    begin(4, 3);
    leave(0);
    m = lone_make_new_view(&l, 1, 14, NULL);
    m.new_view.entries[2].view_change = l.view_change;
    fake_sign_new_view(&m.new_view, 1, &l.config.chain_id);
    assert_int_equal(lone_msg(&l, &m), PBFT_KEEP);
    assert_false(l.look.is_learner);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[0]));
}

/* A NEW-VIEW of mine is durable, with its view, before anybody has it. */
static void rule_4_2_a_new_view_of_mine_that_i_lack_makes_a_learner(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = lone_make_new_view(&l, 1, 13, NULL);
    assert_true(becomes_learner(&m));
    lone_close(&l);

    begin(4, 1);
    leave(0);
    assert_true(becomes_learner(&m));
    lone_close(&l);

    begin(4, 1);
    leave(0);
    (void)lone_view_change(&l, 2, 1, NULL);
    (void)lone_view_change(&l, 3, 1, NULL);
    struct pbft_msg other = lone_make_new_view(&l, 1, 13, NULL);
    m.new_view = l.new_view;
    assert_false(becomes_learner(&m));
    leave(1);
    assert_false(becomes_learner(&m));
    assert_false(becomes_learner(&other)); /* older ones prove nothing */
}

/* Somebody else with my key made it: there is one per view (7.4). */
static void rule_4_2_another_new_view_than_my_own_makes_a_learner(void **state)
{
    (void)state;
    begin(4, 1);
    leave(0);
    (void)lone_view_change(&l, 2, 1, NULL);
    (void)lone_view_change(&l, 3, 1, NULL);
    struct pbft_msg m = lone_make_new_view(&l, 1, 13, NULL);
    lone_start(&l);
    assert_true(becomes_learner(&m));
}

/* A vote of mine of a view in which I am CHANGING: I have cast none, at whatever height. */
static void rule_4_2_a_base_vote_of_mine_that_i_lack_makes_a_learner(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    leave(0);
    struct pbft_msg m = lone_make_vote(&l, 3, CERT_PREPARE, &b[1]);
    assert_true(becomes_learner(&m));
    lone_close(&l);

    begin(4, 3);
    commit(&b[1]);
    struct certificate high = lone_certificate(&l, CERT_COMMIT, 0, &b[1], others());
    leave(0);
    adopt(1, &high);
    m = lone_make_vote(&l, 3, CERT_PREPARE, &b[1]);
    assert_false(becomes_learner(&m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_4_view_change_comes_with_view_mode_and_message),
        RULE(rule_4_new_view_and_base_vote_come_with_the_view),
        RULE(rule_4_1_restart_while_complaining),
        RULE(rule_4_1_restart_while_changing_sends_the_view_change),
        RULE(rule_4_1_restart_of_a_primary_that_collects_view_changes),
        RULE(rule_4_1_restart_sends_no_view_change_of_a_lower_view),
        RULE(rule_4_1_restart_before_the_base_vote),
        RULE(rule_4_1_restart_after_the_base_vote),
        RULE(rule_4_1_restart_sends_the_new_view_again),
        RULE(rule_4_1_restart_in_an_installed_view),
        RULE(rule_4_2_a_view_change_of_mine_that_i_lack_makes_a_learner),
        RULE(rule_4_2_a_view_change_of_mine_that_i_know_proves_nothing),
        RULE(rule_4_2_a_view_change_of_mine_inside_a_new_view),
        RULE(rule_4_2_a_new_view_of_mine_that_i_lack_makes_a_learner),
        RULE(rule_4_2_another_new_view_than_my_own_makes_a_learner),
        RULE(rule_4_2_a_base_vote_of_mine_that_i_lack_makes_a_learner),
    };
    return cmocka_run_group_tests_name("rules_4_views", tests, NULL, NULL);
}
