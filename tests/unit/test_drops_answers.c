/* PROTOCOL.md 5.1, 5.2 and 16: what becomes of answers of the driver, CHECKED and BUILT, that come
 * too late, twice or unasked; and of a height that has no room left. Each of these drops is the
 * only thing between such an answer and a vote. */
#include "tests/unit/rules_view.h"

static enum pbft_drop checked_in(uint64_t view, const struct pbft_block *block)
{
    struct pbft_event event = {.type = PBFT_EVENT_CHECKED};
    event.checked.ticket =
        (struct pbft_ticket){.view = view, .height = block->height, .parent = block->parent};
    event.checked.digest = block->digest;
    event.checked.answer = PBFT_CHECK_VALID;
    return lone_step(&l, &event);
}

static enum pbft_drop built_in(uint64_t view, const struct pbft_block *block)
{
    struct pbft_event event = {.type = PBFT_EVENT_BUILT};
    event.built.ticket =
        (struct pbft_ticket){.view = view, .height = block->height, .parent = block->parent};
    event.built.has_block = true;
    event.built.block = *block;
    return lone_step(&l, &event);
}

/* 4.2: a peer shows a vote of mine that I do not know. */
static void become_learner(void)
{
    struct pbft_msg m = lone_make_vote(&l, l.config.own_index, CERT_COMMIT, &b[9]);
    m.link = l.config.own_index == 2 ? 1 : 2;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_true(l.look.is_learner);
}

static void assert_no_vote(void)
{
    assert_int_equal(l.votes_count, 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 0);
}

/* ---- CHECKED ---- */

/* "Later" answers the question: only the next answer, to the question that is asked then, counts.
 */
static void rule_5_2_a_block_that_is_held_gets_no_vote_by_a_second_answer(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_LATER, l.now_ms + 40), PBFT_KEEP);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0), PBFT_DROP_STALE);
    assert_no_vote();
    (void)lone_tick(&l, 40);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0), PBFT_KEEP);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
}

/* An answer about another block does not end the question that is open. */
static void rule_5_2_a_stale_answer_leaves_the_question_open(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
    assert_int_equal(lone_checked(&l, &b[2], PBFT_CHECK_VALID, 0), PBFT_DROP_STALE);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0), PBFT_KEEP);
    assert_int_equal(l.votes_count, 1);
}

/* What was found in one view says nothing in the next: whose turn it is to propose has changed. */
static void rule_5_2_an_answer_from_a_lower_view_is_stale(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    go_on(0, &b[0]);
    size_t votes_count = l.votes_count; /* the base's */
    (void)lone_pre_prepare(&l, 1, &b[1]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
    assert_int_equal(lone_act(&l, PBFT_ASK_CHECK, 0)->ticket.view, 1);
    assert_int_equal(checked_in(0, &b[1]), PBFT_DROP_STALE);
    assert_int_equal(l.votes_count, votes_count);
    assert_int_equal(checked_in(1, &b[1]), PBFT_KEEP);
    assert_int_equal(l.votes_count, votes_count + 1);
}

/* 4.2: what was asked before it became a learner is not voted for after. */
static void rule_4_2_a_learner_does_not_vote_for_what_was_being_checked(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    become_learner();
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0), PBFT_DROP_STALE);
    assert_no_vote();
}

/* 5.8: nor in a view that a commit against a vote of mine has spoiled meanwhile. */
static void rule_5_8_no_vote_for_what_was_being_checked_in_a_spoiled_view(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &b[1]);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
    (void)lone_qc(&l, CERT_COMMIT, &other, others());
    assert_true(l.durable.is_spoiled);
    assert_int_equal(lone_checked(&l, &b[2], PBFT_CHECK_VALID, 0), PBFT_DROP_STALE);
    assert_int_equal(l.votes_count, 1);
}

/* ---- BUILT ---- */

/* A primary proposes what it asked for, once, and nothing else: two would be evidence (14.1). */
static void rule_5_1_a_block_that_nobody_asked_for_is_not_proposed(void **state)
{
    (void)state;
    begin(4, 0);
    assert_int_equal(lone_built(&l, &b[1], 0), PBFT_DROP_STALE);
    assert_no_vote();
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_built(&l, NULL, 0), PBFT_KEEP); /* that is the answer */
    assert_int_equal(lone_built(&l, &b[1], 0), PBFT_DROP_STALE);
    assert_no_vote();
}

/* Nor what it asked for in an earlier view of its own. */
static void rule_5_1_a_block_that_was_built_for_a_lower_view_is_not_proposed(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 1);
    for (uint64_t view = 0; view < 4; view++)
        leave(view);
    for (uint32_t from = 1; from < 3; from++)
        (void)lone_view_change(&l, from, 4, NULL);
    assert_int_equal(lone_count(&l, PBFT_SEND_NEW_VIEW), 1);
    install(&b[0]);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 1);
    assert_int_equal(built_in(0, &b[1]), PBFT_DROP_STALE);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 0);
    assert_int_equal(built_in(4, &b[1]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 1);
}

/* 5.8: a commit moved tip while the block was being built: the next is built on that. */
static void rule_5_1_a_block_that_tip_has_overtaken_is_not_proposed(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 1);
    (void)lone_range(&l, 2, &b[1], 2, 0);
    assert_int_equal(l.look.tip.height, 2);
    struct pbft_block late = lone_block(&l, &b[0]);
    assert_int_equal(built_in(0, &late), PBFT_DROP_STALE);
    assert_no_vote();
    assert_int_equal(lone_act(&l, PBFT_ASK_BUILD, 0)->ticket.height, 3);
}

/* 4.2: a learner proposes nothing. */
static void rule_4_2_a_learner_does_not_propose_what_was_being_built(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 1);
    become_learner();
    assert_int_equal(lone_built(&l, &b[1], 0), PBFT_DROP_STALE);
    assert_no_vote();
}

/* ---- 16: a height without room ---- */

/* Three blocks at height 1, none of them proposed to me: two are named by f+1 votes, one by a
 * certificate, and all are fetched. It takes more than f liars. */
static void begin_crowded(uint32_t own_index)
{
    begin(6, own_index);
    uint32_t voter = 0;
    for (int i = 0; i < 3; i++) {
        struct pbft_block named = lone_block(&l, &b[0]);
        for (int votes = 0; votes < 2 && i < 2; votes++, voter++) {
            voter += voter == own_index;
            assert_int_equal(lone_vote(&l, voter, CERT_PREPARE, &named), PBFT_KEEP);
        }
        if (i == 2)
            (void)lone_qc(&l, CERT_PREPARE, &named, others());
        (void)lone_tick(&l, l.config.status_ms);
        assert_int_equal(lone_data(&l, own_index == 1 ? 2 : 1, &named, false), PBFT_KEEP);
    }
}

static void rule_16_a_proposal_for_a_full_height_is_dropped(void **state)
{
    (void)state;
    begin_crowded(5);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_DROP_SLOT_FULL);
    assert_false(pbft_wants_block(l.core, &b[1].digest, 1));
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
}

static void rule_16_an_own_block_for_a_full_height_is_dropped(void **state)
{
    (void)state;
    begin_crowded(0);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 1);
    assert_int_equal(lone_built(&l, &b[1], 0), PBFT_DROP_SLOT_FULL);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 0);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0); /* or it would build again for ever */
}

/* A range that does not fit is of no use: nobody is asked for the next one on its account (9.2). At
 * its height stand what I voted for (5.9), a block of the base that is waited for (7.4), and one
 * that a certificate of this view names: none of them gives its place away. */
static void rule_16_a_range_over_a_full_height_is_dropped(void **state)
{
    (void)state;
    begin(4, 3);
    struct pbft_block base[4], certified = lone_block(&l, &b[1]), fourth[3];
    make_chain(base, 3);
    make_chain(fourth, 2);
    lone_accept(&l, &b[1]);
    lone_accept(&l, &b[2]);
    leave(0);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &base[3], others());
    adopt(1, &high);
    assert_int_equal(lone_data(&l, 0, &base[3], false), PBFT_KEEP);
    assert_int_equal(lone_data(&l, 0, &base[2], false), PBFT_KEEP);
    (void)lone_qc(&l, CERT_PREPARE, &certified, others());
    (void)lone_tick(&l, l.config.status_ms);
    assert_int_equal(lone_data(&l, 0, &certified, false), PBFT_KEEP);
    for (uint32_t from = 0; from < 3; from++)
        (void)lone_status(&l, from, 8);
    assert_int_equal(lone_range(&l, 2, &fourth[1], 2, 0), PBFT_DROP_SLOT_FULL);
    assert_int_equal(l.look.committed.height, 0);
    const struct pbft_act *act;
    for (size_t i = 0; (act = lone_act(&l, PBFT_SEND_FETCH, i)) != NULL; i++)
        assert_int_equal(act->fetch.kind, PBFT_FETCH_BLOCK);
    assert_false(pbft_wants_block(l.core, &fourth[2].digest, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_5_2_a_block_that_is_held_gets_no_vote_by_a_second_answer),
        RULE(rule_5_2_a_stale_answer_leaves_the_question_open),
        RULE(rule_5_2_an_answer_from_a_lower_view_is_stale),
        RULE(rule_4_2_a_learner_does_not_vote_for_what_was_being_checked),
        RULE(rule_5_8_no_vote_for_what_was_being_checked_in_a_spoiled_view),
        RULE(rule_5_1_a_block_that_nobody_asked_for_is_not_proposed),
        RULE(rule_5_1_a_block_that_was_built_for_a_lower_view_is_not_proposed),
        RULE(rule_5_1_a_block_that_tip_has_overtaken_is_not_proposed),
        RULE(rule_4_2_a_learner_does_not_propose_what_was_being_built),
        RULE(rule_16_a_proposal_for_a_full_height_is_dropped),
        RULE(rule_16_an_own_block_for_a_full_height_is_dropped),
        RULE(rule_16_a_range_over_a_full_height_is_dropped),
    };
    return cmocka_run_group_tests_name("drops_answers", tests, NULL, NULL);
}
