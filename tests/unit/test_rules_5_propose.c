/* PROTOCOL.md 5.1 to 5.3: proposing, accepting and preparing. */
#include <string.h>

#include "tests/unit/rules.h"

/* ---- 5.1 ---- */

static bool asks_to_build(uint64_t height)
{
    const struct pbft_act *act = lone_act(&l, PBFT_ASK_BUILD, 0);
    return act != NULL && act->ticket.height == height;
}

/* An idle primary builds on tip as soon as there is work; without work there are no blocks. */
static void rule_5_1_an_idle_primary_builds_at_once(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_tick(&l, 1000);
    (void)lone_pool(&l, false, false);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    (void)lone_pool(&l, true, false);
    assert_true(asks_to_build(1));
    assert_true(digest_equal(&lone_act(&l, PBFT_ASK_BUILD, 0)->ticket.parent, &b[0].digest));
}

/* Nobody else builds. */
static void rule_5_1_only_the_primary_builds(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    assert_int_equal(lone_built(&l, &b[1], 0), PBFT_DROP_STALE);
    assert_int_equal(l.out.acts_count, 0);
}

/* With blocks in flight it waits for T_batch, or for a full block; the deadline says until when. */
static void rule_5_1_a_busy_primary_waits_for_t_batch_or_a_full_block(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, false);
    (void)lone_built(&l, &b[1], 0);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    assert_int_equal(pbft_deadline_ms(l.core), l.now_ms + 5);
    (void)lone_tick(&l, 4);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    (void)lone_tick(&l, 1);
    assert_true(asks_to_build(2));
    (void)lone_pool(&l, true, false); /* what is left after those that went into b[2] */
    (void)lone_built(&l, &b[2], 0);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    (void)lone_pool(&l, true, true);
    assert_true(asks_to_build(3));
}

/* T_batch counts from the oldest that no block has yet: what is in flight already stays in the pool
 * until it commits, and is older. */
static void rule_5_1_t_batch_counts_from_what_no_block_has(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, false);
    (void)lone_built(&l, &b[1], 0);
    l.now_ms += 50;
    struct pbft_pool pool = {
        .has_executable = true, .oldest_ms = l.now_ms - 50, .unproposed_ms = l.now_ms - 1};
    (void)lone_pool_of(&l, &pool);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    assert_int_equal(pbft_deadline_ms(l.core), l.now_ms + 4);
    (void)lone_tick(&l, 4);
    assert_true(asks_to_build(2));
}

/* When all that is pending stands in blocks in flight there is nothing to build: not after T_batch,
 * not for a pool that holds a block's worth, and not when the pipeline is empty. */
static void rule_5_1_what_is_proposed_already_is_not_built_again(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, false);
    (void)lone_built(&l, &b[1], 0);
    struct pbft_pool pool = {.has_executable = true, .is_full_block = true, .oldest_ms = l.now_ms};
    (void)lone_pool_of(&l, &pool);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    (void)lone_tick(&l, 100);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    lone_votes(&l, CERT_PREPARE, &b[1], 4);
    lone_votes(&l, CERT_COMMIT, &b[1], 3);
    assert_int_equal(l.look.committed.height, 1);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    pool.unproposed_ms = l.now_ms;
    (void)lone_pool_of(&l, &pool);
    assert_true(asks_to_build(2));
}

/* P heights are in flight at most; a commit makes room for the next. */
static void rule_5_1_a_primary_has_p_heights_in_flight(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    for (int h = 1; h <= 4; h++) {
        assert_true(asks_to_build((uint64_t)h));
        (void)lone_built(&l, &b[h], 0);
    }
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    (void)lone_tick(&l, 1000);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    lone_votes(&l, CERT_PREPARE, &b[1], 4);
    lone_votes(&l, CERT_COMMIT, &b[1], 3);
    assert_int_equal(l.look.committed.height, 1);
    assert_true(asks_to_build(5));
}

/* One block is built at a time. */
static void rule_5_1_one_block_is_built_at_a_time(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
}

/* When nothing applies, the primary waits for news from the pool, for a commit, or for the time
 * that the driver names (its clock is behind the parent's time). */
static void rule_5_1_nothing_to_build_waits_for_news(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_built(&l, NULL, 0), PBFT_KEEP);
    (void)lone_tick(&l, 1000);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    (void)lone_pool(&l, true, false);
    assert_true(asks_to_build(1));
    assert_int_equal(lone_built(&l, NULL, l.now_ms + 40), PBFT_KEEP);
    assert_int_equal(pbft_deadline_ms(l.core), l.now_ms + 40);
    (void)lone_tick(&l, 39);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    (void)lone_tick(&l, 1);
    assert_true(asks_to_build(1));
}

/* A commit is news, too: with it the next block has another state below it. */
static void rule_5_1_nothing_to_build_waits_for_a_commit(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    (void)lone_built(&l, &b[1], 0);
    assert_int_equal(lone_built(&l, NULL, 0), PBFT_KEEP);
    lone_votes(&l, CERT_PREPARE, &b[1], 4);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    lone_votes(&l, CERT_COMMIT, &b[1], 3);
    assert_true(asks_to_build(2));
}

/* An answer to another question is stale, and proposes nothing. */
static void rule_5_1_a_block_for_another_ticket_is_stale(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_built(&l, &b[2], 0), PBFT_DROP_STALE);
    struct pbft_block other = lone_block(&l, &b[5]);
    other.height = 1;
    assert_int_equal(lone_built(&l, &other, 0), PBFT_DROP_STALE);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 0);
    assert_int_equal(lone_built(&l, &b[1], 0), PBFT_KEEP);
    assert_int_equal(lone_built(&l, &b[1], 0), PBFT_DROP_STALE);
}

/* In CHANGING, and with no tip, nothing is built. */
static void rule_5_1_without_tip_or_normal_mode_nothing_is_built(void **state)
{
    (void)state;
    begin_stored(4, 0);
    l.durable.mode = PBFT_CHANGING;
    lone_start(&l);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    l.durable.mode = PBFT_NORMAL;
    l.durable.has_tip = false;
    lone_start(&l);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
}

/* ---- 5.2 ---- */

/* Only the primary of exactly this epoch and view proposes. */
static void rule_5_2_proposals_of_others_are_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_pre_prepare(&l, 2, &b[1]), PBFT_DROP_NOT_PRIMARY);
    struct pbft_msg m = lone_make_pre_prepare(&l, 0, &b[1]);
    m.pre_prepare.epoch = 1;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OTHER_EPOCH);
    m = lone_make_pre_prepare(&l, 0, &b[1]);
    m.pre_prepare.view = 4; /* in which member 0 is the primary, too */
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OTHER_VIEW);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
}

/* A stranger inside DATA is dropped like one outside. */
static void rule_5_2_a_proposal_of_a_stranger_in_data_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = {.type = PBFT_DATA, .link = 2, .from = 2};
    m.data.kind = PBFT_FETCH_BLOCK;
    m.data.blocks_count = 1;
    m.data.blocks[0] = b[1];
    m.data.has_pre_prepare = true;
    m.data.pre_prepare_from = 30;
    m.data.pre_prepare = lone_make_pre_prepare(&l, 30, &b[1]).pre_prepare;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_NOT_ASKED);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
}

/* In CHANGING none is accepted. */
static void rule_5_2_a_proposal_in_changing_is_dropped(void **state)
{
    (void)state;
    begin_stored(4, 1);
    l.durable.mode = PBFT_CHANGING;
    lone_start(&l);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_DROP_CHANGING);
}

/* While tip is none it is kept and not accepted (7.4). */
static void rule_5_2_a_proposal_without_tip_is_kept(void **state)
{
    (void)state;
    begin_stored(4, 1);
    l.durable.has_tip = false;
    lone_start(&l);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_KEEP);
    assert_int_equal(l.out.acts_count, 0);
}

/* The block after tip has tip as its parent. */
static void rule_5_2_a_proposal_with_another_parent_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block stranger = lone_block(&l, &b[9]);
    stranger.height = 1;
    assert_int_equal(lone_pre_prepare(&l, 0, &stranger), PBFT_DROP_WRONG_PARENT);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
}

/* One that was kept when tip was further down is held against tip like any other when its turn
 * comes: it is not even checked, and gets no PREPARE. */
static void rule_5_2_a_kept_proposal_with_another_parent_gets_no_vote(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block stranger = lone_block(&l, &b[9]);
    stranger.height = 2;
    assert_int_equal(lone_pre_prepare(&l, 0, &stranger), PBFT_KEEP);
    lone_accept(&l, &b[1]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    (void)lone_tick(&l, l.config.status_ms);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    assert_int_equal(l.look.tip.height, 1);
}

/* What is committed needs no proposal; beyond committed + 2L there is no place for one. */
static void rule_5_2_a_proposal_outside_the_window_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_DROP_COMMITTED);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[17]), PBFT_KEEP);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[18]), PBFT_DROP_OUT_OF_WINDOW);
}

/* P and my own stable + L are the primary's bounds, and no reason to reject: CHECKPOINTs that come
 * late here make nobody drop good proposals (pitfalls A6). */
static void rule_5_2_a_backup_whose_stable_lags_votes_on(void **state)
{
    (void)state;
    begin(4, 1);
    for (int h = 1; h <= 8; h++) /* L */
        commit(&b[h]);
    assert_int_equal(l.look.stable_height, 0);
    for (int h = 9; h <= 9 + 4; h++) { /* P and one more */
        assert_int_equal(lone_pre_prepare(&l, 0, &b[h]), PBFT_KEEP);
        (void)lone_checked(&l, &b[h], PBFT_CHECK_VALID, 0);
        assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[h]));
    }
}

/* Higher ones are kept, one per height, and voted for when tip reaches them; how many the primary
 * may have in flight is no reason to drop one (pitfalls A6). */
static void rule_5_2_higher_proposals_are_kept_until_tip_reaches_them(void **state)
{
    (void)state;
    begin(4, 1);
    for (int h = 6; h >= 2; h--) {
        assert_int_equal(lone_pre_prepare(&l, 0, &b[h]), PBFT_KEEP);
        assert_int_equal(l.out.acts_count, 0);
    }
    assert_int_equal(lone_pre_prepare(&l, 0, &b[6]), PBFT_DROP_DUPLICATE);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_KEEP);
    for (int h = 1; h <= 6; h++) {
        const struct pbft_act *ask = lone_act(&l, PBFT_ASK_CHECK, 0);
        assert_non_null(ask);
        assert_true(lone_block_equal(&ask->block, &b[h]));
        assert_true(digest_equal(&ask->ticket.parent, &b[h - 1].digest));
        assert_int_equal(lone_checked(&l, &b[h], PBFT_CHECK_VALID, 0), PBFT_KEEP);
        assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[h]));
    }
    assert_int_equal(l.look.tip.height, 6);
}

/* A block whose time has not come is held, and asked about again then; that is no verdict. */
static void rule_5_2_a_block_of_the_future_is_held_until_its_time(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_LATER, l.now_ms + 60), PBFT_KEEP);
    assert_int_equal(l.out.acts_count, 0);
    assert_int_equal(pbft_deadline_ms(l.core), l.now_ms + 60);
    (void)lone_tick(&l, 59);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    (void)lone_tick(&l, 1);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
    assert_true(pbft_deadline_ms(l.core) > l.now_ms);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0), PBFT_KEEP);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
}

/* What is held for its time does not hold up the block that a commit has put in its place. */
static void rule_5_2_a_held_block_holds_up_no_other(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    (void)lone_checked(&l, &b[1], PBFT_CHECK_LATER, l.now_ms + 5000);
    (void)lone_qc(&l, CERT_COMMIT, &b[1], 13);
    assert_true(lone_block_equal(&lone_act(&l, PBFT_ASK_CHECK, 0)->block, &b[2]));
}

/* In a view nobody votes at or below its base but for the base itself. */
static void rule_5_2_a_proposal_at_or_below_the_base_is_dropped(void **state)
{
    (void)state;
    begin_stored(4, 1);
    l.durable.view = 4; /* of which member 0 is the primary, too */
    l.durable.base = b[3];
    l.durable.has_tip = false;
    lone_start(&l);
    for (int h = 1; h <= 4; h++) {
        struct pbft_msg m = lone_make_pre_prepare(&l, 0, &b[h]);
        m.pre_prepare.view = 4;
        assert_int_equal(lone_msg(&l, &m), h <= 3 ? PBFT_DROP_COMMITTED : PBFT_KEEP);
    }
}

/* An answer about another block, or one that nobody asked for, is stale. */
static void rule_5_2_an_answer_to_another_question_is_stale(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0), PBFT_DROP_STALE);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    assert_int_equal(lone_checked(&l, &b[2], PBFT_CHECK_VALID, 0), PBFT_DROP_STALE);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0), PBFT_KEEP);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0), PBFT_DROP_STALE);
    assert_int_equal(l.votes_count, 1);
}

/* Tip moved by a commit while the check was under way: the answer is stale, the next is asked. */
static void rule_5_2_an_answer_that_tip_has_overtaken_is_stale(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    (void)lone_qc(&l, CERT_COMMIT, &b[1], 13);
    assert_int_equal(l.look.tip.height, 1);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0), PBFT_DROP_STALE);
    assert_true(lone_block_equal(&lone_act(&l, PBFT_ASK_CHECK, 0)->block, &b[2]));
    assert_int_equal(lone_count(&l, PBFT_WRITE_VOTE), 0);
}

/* The primary votes for its own block, and an explicit PREPARE of its own counts (pitfalls A2). */
static void rule_5_2_the_primary_prepares_too(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, false);
    (void)lone_built(&l, &b[1], 0);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
    (void)lone_vote(&l, 1, CERT_PREPARE, &b[1]);
    assert_false(l.look.has_high);
    (void)lone_vote(&l, 2, CERT_PREPARE, &b[1]);
    assert_true(l.look.has_high);
}

/* ---- 5.3 ---- */

/* Of two signed PRE-PREPAREs for one place the first stays; no vote goes to the second. */
static void rule_5_3_a_second_different_proposal_is_a_conflict(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    (void)lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    assert_int_equal(l.votes_count, 1);
}

/* Also where the first is only kept. */
static void rule_5_3_a_second_proposal_above_tip_is_a_conflict(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[4]);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[5]), PBFT_KEEP);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
}

/* No vote for a block that is invalid on its parent, and none for what is built on it. */
static void rule_5_3_an_invalid_block_gets_no_vote(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_INVALID, 0), PBFT_DROP_INVALID_BLOCK);
    assert_int_equal(l.out.acts_count, 1);
    assert_non_null(lone_act(&l, PBFT_SEND_COMPLAIN, 0)); /* 14.2 */
    (void)lone_tick(&l, 1000);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    assert_int_equal(l.votes_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_5_1_an_idle_primary_builds_at_once),
        RULE(rule_5_1_only_the_primary_builds),
        RULE(rule_5_1_a_busy_primary_waits_for_t_batch_or_a_full_block),
        RULE(rule_5_1_t_batch_counts_from_what_no_block_has),
        RULE(rule_5_1_what_is_proposed_already_is_not_built_again),
        RULE(rule_5_1_a_primary_has_p_heights_in_flight),
        RULE(rule_5_1_one_block_is_built_at_a_time),
        RULE(rule_5_1_nothing_to_build_waits_for_news),
        RULE(rule_5_1_nothing_to_build_waits_for_a_commit),
        RULE(rule_5_1_a_block_for_another_ticket_is_stale),
        RULE(rule_5_1_without_tip_or_normal_mode_nothing_is_built),
        RULE(rule_5_2_proposals_of_others_are_dropped),
        RULE(rule_5_2_a_proposal_of_a_stranger_in_data_is_dropped),
        RULE(rule_5_2_a_proposal_in_changing_is_dropped),
        RULE(rule_5_2_a_proposal_without_tip_is_kept),
        RULE(rule_5_2_a_proposal_with_another_parent_is_dropped),
        RULE(rule_5_2_a_kept_proposal_with_another_parent_gets_no_vote),
        RULE(rule_5_2_a_proposal_outside_the_window_is_dropped),
        RULE(rule_5_2_a_backup_whose_stable_lags_votes_on),
        RULE(rule_5_2_higher_proposals_are_kept_until_tip_reaches_them),
        RULE(rule_5_2_a_block_of_the_future_is_held_until_its_time),
        RULE(rule_5_2_a_held_block_holds_up_no_other),
        RULE(rule_5_2_a_proposal_at_or_below_the_base_is_dropped),
        RULE(rule_5_2_an_answer_to_another_question_is_stale),
        RULE(rule_5_2_an_answer_that_tip_has_overtaken_is_stale),
        RULE(rule_5_2_the_primary_prepares_too),
        RULE(rule_5_3_a_second_different_proposal_is_a_conflict),
        RULE(rule_5_3_a_second_proposal_above_tip_is_a_conflict),
        RULE(rule_5_3_an_invalid_block_gets_no_vote),
    };
    return cmocka_run_group_tests_name("rules_5_propose", tests, NULL, NULL);
}
