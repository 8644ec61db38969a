/* PROTOCOL.md 9.1, 9.2, 9.4, 9.5: what a STATUS brings back, ranges, and how often. */
#include <string.h>

#include "tests/unit/rules.h"

/* ---- 9.1 ---- */

/* STATUS goes to all every T_s and tells where this node stands. */
static void rule_9_1_status_goes_out_every_t_s(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    uint64_t counter = 0;
    for (int i = 0; i < 3; i++) {
        assert_true(pbft_deadline_ms(l.core) <= l.now_ms + 250);
        l.now_ms = pbft_deadline_ms(l.core);
        (void)lone_tick(&l, 0);
        const struct pbft_act *act = lone_act(&l, PBFT_SEND_STATUS, 0);
        assert_non_null(act);
        assert_int_equal(act->to, PBFT_TO_ALL);
        assert_int_equal(act->status.committed_height, 1);
        assert_int_equal(act->status.high.height, 1);
        assert_true(act->status.counter > counter);
        counter = act->status.counter;
        assert_int_equal(pbft_deadline_ms(l.core), l.now_ms + 250);
    }
}

/* Lower committed: blocks and their certificate, to that one alone. */
static void rule_9_1_a_lower_committed_height_is_answered_with_blocks(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    commit(&b[2]);
    assert_int_equal(lone_status(&l, 3, 0), PBFT_KEEP);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_RANGE, 0);
    assert_non_null(act);
    assert_int_equal(act->to, 3);
    assert_int_equal(act->height, 1);
    assert_int_equal(act->count, 8);
    assert_int_equal(lone_count(&l, PBFT_SEND_RANGE), 1);
}

/* One that rises by itself and is hardly behind is not: its blocks are on the way. */
static void rule_9_1_one_that_rises_gets_blocks_only_when_far_behind(void **state)
{
    (void)state;
    begin(4, 1);
    for (int h = 1; h <= 6; h++)
        commit(&b[h]);
    (void)lone_status(&l, 3, 0);
    l.now_ms += 250;
    (void)lone_status(&l, 3, 2); /* P behind */
    assert_int_equal(lone_count(&l, PBFT_SEND_RANGE), 0);
    (void)lone_status(&l, 2, 0);
    l.now_ms += 250;
    (void)lone_status(&l, 2, 1); /* more than P */
    assert_int_equal(lone_count(&l, PBFT_SEND_RANGE), 1);
}

/* Same view and not risen: my votes above what it committed, and as the primary my proposals. */
static void rule_9_1_one_that_does_not_rise_gets_votes_and_proposals(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    (void)lone_built(&l, &b[1], 0);
    (void)lone_built(&l, &b[2], 0);
    lone_votes(&l, CERT_PREPARE, &b[1], 4);
    assert_int_equal(lone_status(&l, 3, 0), PBFT_KEEP);
    assert_int_equal(l.out.acts_count, 1); /* my high: whether it rises is not known yet */
    l.now_ms += 250;
    assert_int_equal(lone_status(&l, 3, 0), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 2);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 3); /* PREPARE 1 and 2, COMMIT 1 */
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(lone_act(&l, PBFT_SEND_VOTE, i)->to, 3);
    l.now_ms += 250;
    (void)lone_status(&l, 3, 1);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0); /* it rose */
    l.now_ms += 250;
    (void)lone_status(&l, 3, 1);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 1); /* above its 1 only */
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
}

/* Backups send no proposals of the primary. */
static void rule_9_1_a_backup_sends_its_votes_only(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    (void)lone_status(&l, 3, 0);
    l.now_ms += 250;
    (void)lone_status(&l, 3, 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 0);
}

/* PRE-PREPAREs carry bodies: to one that never rises each goes out ever more seldom, down to once
 * in 8 T_s; votes as often as before, and to others nothing changes. */
static void rule_9_1_proposals_are_sent_again_ever_more_seldom(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    (void)lone_built(&l, &b[1], 0);
    (void)lone_status(&l, 3, 0);
    (void)lone_status(&l, 2, 0);
    uint64_t begun_ms = l.now_ms, at_ms[16];
    size_t count = 0;
    for (int i = 1; i <= 8 * 8; i++) { /* a STATUS each T_s / 2, which is as often as it is heard */
        l.now_ms += 125;
        (void)lone_status(&l, 3, 0);
        assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
        if (lone_count(&l, PBFT_SEND_PRE_PREPARE) > 0)
            at_ms[count++] = l.now_ms - begun_ms;
    }
    static const uint64_t expected_ms[] = {125, 250, 500, 1000, 2000, 4000, 6000, 8000};
    assert_int_equal(count, 8);
    assert_memory_equal(at_ms, expected_ms, sizeof expected_ms);
    (void)lone_status(&l, 2, 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 1);
}

/* What it claims about its height earns it nothing; another height has its own budget. */
static void rule_9_1_a_claim_that_goes_up_and_down_brings_no_more_proposals(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    (void)lone_built(&l, &b[1], 0);
    (void)lone_built(&l, &b[2], 0);
    size_t count = 0;
    (void)lone_status(&l, 3, 0);
    for (uint64_t i = 1; i <= 32; i++) {
        l.now_ms += 125;
        (void)lone_status(&l, 3, i % 2);
        count += lone_count(&l, PBFT_SEND_PRE_PREPARE);
    }
    assert_in_range(count, 2, 2 * 6);
    (void)lone_built(&l, &b[3], 0);
    l.now_ms += 125;
    (void)lone_status(&l, 3, 0);
    assert_int_equal(lone_act(&l, PBFT_SEND_PRE_PREPARE, lone_count(&l, PBFT_SEND_PRE_PREPARE) - 1)
                         ->block.height,
                     3);
}

/* Of another view: no votes of this one; of another epoch: nothing. */
static void rule_9_1_a_status_of_another_view_or_epoch_gets_no_votes(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    (void)lone_status(&l, 3, 0);
    l.now_ms += 250;
    struct pbft_msg m = lone_make_status(&l, 3, 0);
    m.status.view = 1;
    assert_int_equal(lone_msg(&l, &m), PBFT_KEEP);
    assert_int_equal(l.out.acts_count, 0);
    m = lone_make_status(&l, 3, 0);
    m.status.epoch = 1;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OTHER_EPOCH);
}

/* An older STATUS, or the same again, is stale; a highest counter harms its sender alone. */
static void rule_9_1_an_old_status_is_stale(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    struct pbft_msg m = lone_make_status(&l, 3, 0);
    assert_int_equal(lone_msg(&l, &m), PBFT_KEEP);
    l.now_ms += 250;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_STALE);
    assert_int_equal(l.out.acts_count, 0);
    m.status.counter = UINT64_MAX;
    assert_int_equal(lone_msg(&l, &m), PBFT_KEEP);
    l.now_ms += 250;
    assert_int_equal(lone_status(&l, 3, 0), PBFT_DROP_STALE);
    assert_int_equal(lone_status(&l, 2, 0), PBFT_KEEP);
    l.now_ms += 250;
    assert_int_equal(lone_status(&l, 2, 0), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
}

/* One that lost its store counts from the beginning, and has to be heard: nobody else knows what it
 * lacks. As long as it speaks its old ones are stale. */
static void rule_9_1_a_sender_that_begins_anew_is_heard_after_a_silence(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    lone_votes(&l, CERT_PREPARE, &b[1], 4);
    lone_votes(&l, CERT_COMMIT, &b[1], 4);
    assert_int_equal(l.look.committed.height, 1);
    struct pbft_msg late = lone_make_status(&l, 3, 1);
    late.status.counter = UINT64_C(2) << 32;
    assert_int_equal(lone_msg(&l, &late), PBFT_KEEP);
    struct pbft_msg anew = lone_make_status(&l, 3, 0);
    anew.status.counter = UINT64_C(1) << 32;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(lone_msg(&l, &anew), PBFT_DROP_STALE);
        (void)lone_tick(&l, 250);
        assert_int_equal(lone_count(&l, PBFT_SEND_STATUS), 1);
    }
    assert_int_equal(lone_msg(&l, &anew), PBFT_KEEP);
    anew.status.counter++;
    (void)lone_tick(&l, 250);
    assert_int_equal(lone_msg(&l, &anew), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_SEND_RANGE), 1);
    anew.status.counter--; /* it was heard just now */
    assert_int_equal(lone_msg(&l, &anew), PBFT_DROP_STALE);
}

/* Many STATUSes of one sender are answered once per half T_s. */
static void rule_9_1_statuses_are_answered_within_a_budget(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    assert_int_equal(lone_status(&l, 3, 0), PBFT_KEEP);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(lone_status(&l, 3, 0), PBFT_DROP_BUDGET);
        assert_int_equal(l.out.acts_count, 0);
    }
    assert_int_equal(lone_status(&l, 2, 0), PBFT_KEEP); /* another's own budget */
    l.now_ms += 125;
    assert_int_equal(lone_status(&l, 3, 0), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
}

/* A liar's committed height, however high, brings nothing and overflows nothing. */
static void rule_9_1_a_claimed_height_is_answered_with_nothing(void **state)
{
    (void)state;
    static const uint64_t heights[] = {3,         17, 18, 1u << 30, UINT64_MAX - 16, UINT64_MAX - 1,
                                       UINT64_MAX};
    begin(4, 1);
    lone_accept(&l, &b[1]);
    for (int i = 0; i < 7; i++) {
        l.now_ms += 250;
        (void)lone_status(&l, 3, heights[i]);
        assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
        assert_int_equal(lone_count(&l, PBFT_SEND_RANGE), 0);
        assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0); /* 9.2: no claim is believed */
    }
}

/* A peer gets PBFT_ANSWERS_MAX ranges and bodies within T_s, and the same range not at once. */
static void rule_9_1_fetches_are_answered_within_a_budget(void **state)
{
    (void)state;
    begin(4, 1);
    for (int h = 1; h <= 30; h++)
        commit(&b[h]);
    l.now_ms += 1000;
    assert_int_equal(lone_fetch_range(&l, 3, 1), PBFT_KEEP);
    assert_int_equal(lone_act(&l, PBFT_SEND_RANGE, 0)->count, 8); /* B, though 64 were asked for */
    assert_int_equal(lone_fetch_range(&l, 3, 1), PBFT_DROP_BUDGET);
    for (uint64_t h = 2; h <= 16; h++)
        assert_int_equal(lone_fetch_range(&l, 3, h), PBFT_KEEP);
    assert_int_equal(lone_fetch_range(&l, 3, 17), PBFT_DROP_BUDGET);
    assert_int_equal(lone_fetch(&l, 3, &b[30]), PBFT_DROP_BUDGET);
    assert_int_equal(lone_fetch(&l, 2, &b[30]), PBFT_KEEP);
    l.now_ms += 250;
    assert_int_equal(lone_fetch_range(&l, 3, 17), PBFT_KEEP);
}

/* There is nothing to give at 0, nor above what is committed. */
static void rule_9_1_a_range_that_is_not_here_is_not_given(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    assert_int_equal(lone_fetch_range(&l, 3, 0), PBFT_DROP_NOT_ASKED);
    assert_int_equal(lone_fetch_range(&l, 3, 2), PBFT_DROP_NOT_ASKED);
    assert_int_equal(lone_fetch_range(&l, 3, UINT64_MAX), PBFT_DROP_NOT_ASKED);
    assert_int_equal(lone_fetch_range(&l, 3, 1), PBFT_KEEP);
}

/* ---- 9.2 ---- */

/* A range is committed by its certificate, without votes of mine, and STATUS shows it. */
static void rule_9_2_a_range_commits_without_votes(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_range(&l, 2, &b[1], 8, 0), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 8);
    assert_int_equal(lone_count(&l, PBFT_WRITE_COMMIT), 8);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(lone_range(&l, 3, &b[1], 8, 0), PBFT_DROP_COMMITTED);
}

/* While the peer is ahead the next range is asked for at once, from where this one ended. */
static void rule_9_2_the_next_range_is_asked_for_at_once(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_status(&l, 2, 20);
    (void)lone_range(&l, 2, &b[1], 8, 0);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    assert_int_equal(act->to, 2);
    assert_int_equal(act->fetch.kind, PBFT_FETCH_RANGE);
    assert_int_equal(act->fetch.from_height, 9);
    assert_int_equal(act->fetch.blocks_max, 8);
    (void)lone_range(&l, 2, &b[9], 8, 0);
    assert_int_equal(lone_act(&l, PBFT_SEND_FETCH, 0)->fetch.from_height, 17);
    (void)lone_range(&l, 2, &b[17], 4, 0);
    assert_int_equal(l.look.committed.height, 20);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
}

/* Blocks that a range under way will bring are not fetched one by one beside it. */
static void rule_9_2_a_range_under_way_spares_single_fetches(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_status(&l, 2, 20);
    (void)lone_range(&l, 2, &b[1], 4, 0);
    assert_int_equal(lone_act(&l, PBFT_SEND_FETCH, 0)->fetch.kind, PBFT_FETCH_RANGE);
    (void)lone_qc(&l, CERT_PREPARE, &b[9], 13);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    (void)lone_tick(&l, 249);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    assert_true(pbft_deadline_ms(l.core) <= l.now_ms + 1);
    (void)lone_tick(&l, 1); /* it was lost, or its giver is bad: both, of different peers */
    assert_int_equal(lone_act(&l, PBFT_SEND_FETCH, 0)->fetch.kind, PBFT_FETCH_RANGE);
    assert_int_equal(lone_act(&l, PBFT_SEND_FETCH, 1)->fetch.kind, PBFT_FETCH_BLOCK);
}

/* A range whose certificate lies beyond my window commits nothing: it is not kept, and no more of
 * that kind is asked for. */
static void rule_9_2_after_a_range_that_commits_nothing_no_next_is_asked_for(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_status(&l, 2, 30);
    assert_int_equal(lone_range(&l, 2, &b[1], 8, 9), PBFT_DROP_NOT_ASKED); /* certified at 17 */
    assert_int_equal(l.look.committed.height, 0);
    assert_false(pbft_wants_block(l.core, &b[1].digest, 1));
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    assert_int_equal(lone_range(&l, 3, &b[1], 8, 8), PBFT_KEEP); /* at 16: the window's last */
    assert_int_equal(l.look.committed.height, 8);
}

/* A range from beyond the window is of no use yet; its certificate is. */
static void rule_9_2_a_range_beyond_the_window_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_range(&l, 2, &b[17], 4, 0), PBFT_DROP_OUT_OF_WINDOW);
    assert_int_equal(l.look.high.height, 20);
    assert_int_equal(l.look.certified_height, 20);
}

/* Blocks that I have passed do not count, though their certificate lies ahead. */
static void rule_9_2_a_range_of_committed_blocks_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    commit(&b[2]);
    assert_int_equal(lone_range(&l, 2, &b[1], 2, 2), PBFT_DROP_COMMITTED);
    assert_int_equal(l.look.certified_height, 4);
}

/* A gap wider than one message is crossed by heads: each range brings what fits. */
static void rule_9_2_heads_lead_over_a_gap_that_no_message_holds(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_status(&l, 2, 4);
    for (int h = 1; h <= 4; h++) {
        assert_int_equal(lone_range(&l, 2, &b[h], 1, 4 - (uint32_t)h), PBFT_KEEP);
        assert_int_equal(l.look.committed.height, h);
    }
}

/* ---- 9.4 ---- */

/* A FETCH is sent again after T_s, to the next; the deadline says when. */
static void rule_9_4_a_fetch_is_repeated_every_t_s_to_another(void **state)
{
    (void)state;
    begin(4, 1);
    l.now_ms += 100; /* T_s does not end together with that of STATUS */
    (void)lone_qc(&l, CERT_PREPARE, &b[1], 13);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    uint32_t first = act->to;
    (void)lone_tick(&l, 249);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    assert_int_equal(pbft_deadline_ms(l.core), l.now_ms + 1);
    (void)lone_tick(&l, 1);
    act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    assert_int_not_equal(act->to, first);
    assert_int_not_equal(act->to, 1);
}

/* No peer has two of mine at once; what finds nobody free waits. */
static void rule_9_4_one_fetch_is_in_flight_per_peer(void **state)
{
    (void)state;
    begin(4, 1);
    static const uint32_t asked[] = {2, 3};
    for (int i = 0; i < 3; i++) { /* three missing bodies, two signers of each */
        (void)lone_vote(&l, 2, CERT_PREPARE, &b[4 - i]);
        (void)lone_vote(&l, 3, CERT_PREPARE, &b[4 - i]);
        const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
        if (i == 2) {
            assert_null(act); /* nor is 0 asked, who has not voted for it (5.7) */
            break;
        }
        assert_non_null(act);
        assert_int_equal(act->to, asked[i]);
    }
    assert_int_equal(lone_data(&l, 2, &b[4], false), PBFT_KEEP); /* answered: free again */
    assert_int_equal(lone_act(&l, PBFT_SEND_FETCH, 0)->to, 2);
}

/* Eight in all, however many peers there are. */
static void rule_16_eight_fetches_are_in_flight_in_all(void **state)
{
    (void)state;
    begin_sized(31, 30, 16, 16);
    size_t count = 0;
    for (int h = 1; h <= 16; h++) {
        for (uint32_t from = 0; from < 11; from++) {
            (void)lone_vote(&l, from, CERT_PREPARE, &b[h]);
            count += lone_count(&l, PBFT_SEND_FETCH);
        }
    }
    assert_int_equal(count, 8);
}

/* ---- 9.5 ---- */

/* Whoever shows a lower high gets mine. */
static void rule_9_5_a_lower_high_is_answered_with_mine(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_qc(&l, CERT_PREPARE, &b[3], 13);
    struct pbft_msg m = lone_make_status(&l, 3, 0);
    m.status.high.height = 2;
    (void)lone_msg(&l, &m);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_QC, 0);
    assert_non_null(act);
    assert_int_equal(act->to, 3);
    assert_int_equal(act->certificate->statement.height, 3);
    l.now_ms += 250;
    m = lone_make_status(&l, 3, 0);
    m.status.high.height = 3;
    (void)lone_msg(&l, &m);
    assert_int_equal(lone_count(&l, PBFT_SEND_QC), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_9_1_status_goes_out_every_t_s),
        RULE(rule_9_1_a_lower_committed_height_is_answered_with_blocks),
        RULE(rule_9_1_one_that_rises_gets_blocks_only_when_far_behind),
        RULE(rule_9_1_one_that_does_not_rise_gets_votes_and_proposals),
        RULE(rule_9_1_a_backup_sends_its_votes_only),
        RULE(rule_9_1_proposals_are_sent_again_ever_more_seldom),
        RULE(rule_9_1_a_claim_that_goes_up_and_down_brings_no_more_proposals),
        RULE(rule_9_1_a_status_of_another_view_or_epoch_gets_no_votes),
        RULE(rule_9_1_an_old_status_is_stale),
        RULE(rule_9_1_a_sender_that_begins_anew_is_heard_after_a_silence),
        RULE(rule_9_1_statuses_are_answered_within_a_budget),
        RULE(rule_9_1_a_claimed_height_is_answered_with_nothing),
        RULE(rule_9_1_fetches_are_answered_within_a_budget),
        RULE(rule_9_1_a_range_that_is_not_here_is_not_given),
        RULE(rule_9_2_a_range_commits_without_votes),
        RULE(rule_9_2_the_next_range_is_asked_for_at_once),
        RULE(rule_9_2_a_range_under_way_spares_single_fetches),
        RULE(rule_9_2_after_a_range_that_commits_nothing_no_next_is_asked_for),
        RULE(rule_9_2_a_range_beyond_the_window_is_dropped),
        RULE(rule_9_2_a_range_of_committed_blocks_is_dropped),
        RULE(rule_9_2_heads_lead_over_a_gap_that_no_message_holds),
        RULE(rule_9_4_a_fetch_is_repeated_every_t_s_to_another),
        RULE(rule_9_4_one_fetch_is_in_flight_per_peer),
        RULE(rule_16_eight_fetches_are_in_flight_in_all),
        RULE(rule_9_5_a_lower_high_is_answered_with_mine),
    };
    return cmocka_run_group_tests_name("rules_9_sync", tests, NULL, NULL);
}
