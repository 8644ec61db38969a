/* PROTOCOL.md 9.3 in the core: when a state is taken instead of blocks, what rests meanwhile, and
 * how it goes on where the head's own certificate is not known (7.5). */
#include <string.h>

#include "tests/unit/rules_view.h"

enum { BEHIND = 10 };
static const struct digest root = {{1}}, other_root = {{2}};

static void begin_behind(void)
{
    begin_stored(4, 3);
    l.config.snapshot_behind_heights = BEHIND;
    lone_start(&l);
}

static enum pbft_drop certificate_comes(const struct pbft_block *block)
{
    struct certificate c = lone_checkpoint_certificate(&l, block, &root, others());
    return lone_certified(&l, &c);
}

/* The height that is asked for by the last output; 0: none is. */
static uint64_t asked_height(void)
{
    const struct pbft_act *act = lone_act(&l, PBFT_ASK_SNAPSHOT, 0);
    assert_in_range(lone_count(&l, PBFT_ASK_SNAPSHOT), 0, 1);
    return act == NULL ? 0 : act->certificate->statement.height;
}

static enum pbft_drop step(enum pbft_event_type type)
{
    struct pbft_event event = {.type = type};
    return lone_step(&l, &event);
}

static enum pbft_drop fetch_range(uint64_t from_height)
{
    struct pbft_event event = {.type = PBFT_EVENT_FETCH_RANGE};
    event.range.from_height = from_height;
    event.range.blocks_max = 5;
    return lone_step(&l, &event);
}

/* As the driver starts it anew on the state taken. */
static void stand_on(const struct pbft_block *block)
{
    l.durable.committed = *block;
    l.durable.has_head = l.durable.is_taking_snapshot = false;
    lone_start(&l);
    assert_int_equal(l.look.committed.height, block->height);
}

/* ---- when ---- */

static void rule_9_3_a_checkpoint_beyond_the_threshold_is_taken(void **state)
{
    (void)state;
    begin_behind();
    commit(&b[1]);
    assert_int_equal(certificate_comes(&b[1 + BEHIND]), PBFT_KEEP);
    assert_int_equal(asked_height(), 0);
    assert_false(l.look.is_taking_snapshot);
    assert_int_equal(certificate_comes(&b[2 + BEHIND]), PBFT_KEEP);
    assert_int_equal(asked_height(), 2 + BEHIND);
    assert_true(l.look.is_taking_snapshot);
}

static void rule_9_3_no_claim_of_a_peer_makes_anybody_take_a_state(void **state)
{
    (void)state;
    begin_behind();
    for (uint32_t from = 0; from < 3; from++)
        (void)lone_status(&l, from, 1000000);
    struct certificate c = lone_certificate(&l, CERT_COMMIT, 0, &b[30], others());
    (void)lone_certified(&l, &c);
    for (uint32_t from = 0; from < 2; from++) /* two of them are no quorum */
        (void)lone_checkpoint(&l, from, &b[30], &root);
    assert_false(l.look.is_taking_snapshot);
    (void)lone_checkpoint(&l, 2, &b[30], &root);
    assert_int_equal(asked_height(), 30);
}

/* The newest is asked for as well, each once; an older one never. */
static void rule_9_3_a_newer_checkpoint_is_told(void **state)
{
    (void)state;
    begin_behind();
    (void)certificate_comes(&b[20]);
    assert_int_equal(asked_height(), 20);
    (void)certificate_comes(&b[20]);
    assert_int_equal(asked_height(), 0);
    (void)certificate_comes(&b[19]);
    assert_int_equal(asked_height(), 0);
    (void)certificate_comes(&b[24]);
    assert_int_equal(asked_height(), 24);
    (void)lone_tick(&l, 250);
    assert_int_equal(asked_height(), 0);
}

/* After a start with one under way only a certificate that comes is news. */
static void rule_9_3_one_under_way_goes_on_after_a_start(void **state)
{
    (void)state;
    begin_behind();
    l.durable.is_taking_snapshot = true;
    lone_start(&l);
    assert_true(l.look.is_taking_snapshot);
    assert_int_equal(asked_height(), 0);
    (void)certificate_comes(&b[4]);
    assert_int_equal(asked_height(), 4);
}

/* 8.2: whatever the height, also below the head. */
static void rule_8_2_a_diverged_state_is_taken_anew(void **state)
{
    (void)state;
    begin_behind();
    for (int h = 1; h <= 4; h++)
        commit(&b[h]);
    (void)lone_root(&l, &b[2], &other_root);
    (void)certificate_comes(&b[2]);
    assert_true(l.look.is_diverged);
    assert_int_equal(asked_height(), 2);
    lone_start(&l);
    assert_true(l.look.is_diverged);
    assert_int_equal(asked_height(), 2); /* it has kept the certificate */
    (void)certificate_comes(&b[2]);
    assert_int_equal(asked_height(), 0);
    (void)lone_pre_prepare(&l, 0, &b[5]);
    (void)lone_range(&l, 1, &b[5], 2, 0);
    assert_int_equal(l.look.committed.height, 4);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
}

/* A start reads the roots anew: the one at stable was the certified one. Stable itself is what is
 * taken, if nothing newer is certified. */
static void rule_8_2_a_start_holds_its_root_against_stable(void **state)
{
    (void)state;
    begin_behind();
    for (int h = 1; h <= 3; h++)
        commit(&b[h]);
    (void)lone_root(&l, &b[2], &root);
    (void)certificate_comes(&b[2]);
    assert_int_equal(l.look.stable_height, 2);
    lone_start(&l);
    (void)lone_root(&l, &b[2], &root);
    assert_false(l.look.is_diverged);
    lone_start(&l);
    (void)lone_root(&l, &b[2], &other_root);
    assert_true(l.look.is_diverged);
    assert_int_equal(lone_act(&l, PBFT_DIVERGED, 0)->certificate->statement.height, 2);
    assert_int_equal(asked_height(), 2);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    lone_start(&l);
    assert_int_equal(asked_height(), 2);
    (void)certificate_comes(&b[8]);
    assert_int_equal(asked_height(), 8);
}

/* Also where no state is to be had: what it accepted while it believed in its own is not applied.
 */
static void rule_8_2_a_diverged_replica_applies_nothing(void **state)
{
    (void)state;
    begin_behind();
    commit(&b[1]);
    commit(&b[2]);
    lone_accept(&l, &b[3]);
    (void)lone_root(&l, &b[2], &other_root);
    (void)certificate_comes(&b[2]);
    assert_true(l.look.is_diverged);
    (void)step(PBFT_EVENT_SNAPSHOT_REFUSED);
    assert_false(l.look.is_taking_snapshot);
    (void)lone_qc(&l, CERT_COMMIT, &b[3], others());
    assert_int_equal(l.look.high.height, 3);
    assert_int_equal(l.look.committed.height, 2);
    assert_int_equal(lone_count(&l, PBFT_WRITE_COMMIT), 0);
}

static void rule_9_3_an_alarmed_replica_takes_nothing(void **state)
{
    (void)state;
    begin_behind();
    l.durable.is_alarmed = true;
    lone_start(&l);
    (void)certificate_comes(&b[20]);
    assert_int_equal(asked_height(), 0);
}

/* ---- meanwhile ---- */

static void rule_9_3_nothing_is_committed_or_fetched_meanwhile(void **state)
{
    (void)state;
    begin_behind();
    (void)lone_qc(&l, CERT_COMMIT, &b[2], others());
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 1);
    (void)certificate_comes(&b[20]);
    (void)lone_tick(&l, 250);
    assert_true(pbft_deadline_ms(l.core) > l.now_ms); /* the retry is not due for ever */
    for (uint32_t from = 0; from < 3; from++)
        (void)lone_status(&l, from, 20);
    (void)lone_range(&l, 1, &b[1], 3, 0);
    assert_int_equal(l.look.committed.height, 0);
    assert_int_equal(lone_count(&l, PBFT_WRITE_COMMIT), 0);
    (void)lone_tick(&l, 250);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    assert_int_equal(lone_count(&l, PBFT_ASK_ROOT), 0);
    (void)lone_tick(&l, 2500);
    assert_int_equal(lone_count(&l, PBFT_ASK_ROOT), 0);
}

static void rule_9_3_one_that_is_refused_leaves_it_to_blocks(void **state)
{
    (void)state;
    begin_behind();
    (void)certificate_comes(&b[20]);
    (void)lone_range(&l, 1, &b[1], 3, 0);
    assert_int_equal(l.look.committed.height, 0);
    (void)step(PBFT_EVENT_SNAPSHOT_REFUSED);
    assert_false(l.look.is_taking_snapshot);
    assert_int_equal(l.look.committed.height, 3);
    assert_int_equal(asked_height(), 0);
    (void)certificate_comes(&b[24]);
    assert_int_equal(asked_height(), 24);
}

/* ---- ranges for the driver ---- */

static void rule_9_4_a_range_for_the_driver_is_one_fetch_of_a_peer(void **state)
{
    (void)state;
    begin_behind();
    stand_on(&b[20]);
    assert_int_equal(fetch_range(7), PBFT_DROP_BUDGET); /* nobody has it */
    (void)lone_status(&l, 0, 20);
    (void)lone_status(&l, 1, 20);
    (void)lone_status(&l, 2, 6);
    assert_int_equal(fetch_range(7), PBFT_KEEP);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    uint32_t first = act->to;
    assert_int_equal(act->fetch.kind, PBFT_FETCH_RANGE);
    assert_int_equal(act->fetch.from_height, 7);
    assert_int_equal(act->fetch.blocks_max, 5);
    assert_int_equal(fetch_range(7), PBFT_KEEP);
    assert_int_equal(lone_act(&l, PBFT_SEND_FETCH, 0)->to, 1 - first);
    assert_int_equal(fetch_range(7), PBFT_DROP_BUDGET); /* one each, and member 2 has it not */
    (void)lone_range(&l, first, &b[7], 2, 0);
    assert_int_equal(fetch_range(7), PBFT_KEEP);
    assert_int_equal(lone_act(&l, PBFT_SEND_FETCH, 0)->to, first);
    l.now_ms += 250;
    assert_int_equal(fetch_range(7), PBFT_KEEP); /* who did not answer is asked again */
}

/* ---- when it is here ---- */

static void taken(const struct pbft_block *block)
{
    struct pbft_event event = {.type = PBFT_EVENT_SNAPSHOT_TAKEN, .snapshot = *block};
    (void)lone_step(&l, &event);
}

/* 5.8: my votes above it have to stand on its block, or I vote no more in this view. */
static void rule_5_8_votes_above_a_snapshot_stand_on_its_block(void **state)
{
    (void)state;
    begin_behind();
    for (int h = 1; h <= 4; h++)
        lone_accept(&l, &b[h]);
    assert_int_equal(l.look.tip.height, 4);
    (void)certificate_comes(&b[20]);
    taken(&b[20]); /* beyond all of them */
    assert_true(l.look.has_tip);
    taken(&b[4]);
    taken(&b[2]);
    assert_true(l.look.has_tip);
    assert_int_equal(lone_count(&l, PBFT_WRITE_STATE), 0);
    struct pbft_block other = lone_block(&l, &b[1]);
    taken(&other);
    assert_false(l.look.has_tip);
    assert_true(l.durable.is_spoiled);
    assert_false(l.durable.has_tip);
}

static void rule_9_3_blocks_behind_the_snapshot_commit(void **state)
{
    (void)state;
    begin_behind();
    lone_accept(&l, &b[1]);
    (void)certificate_comes(&b[20]);
    stand_on(&b[20]);
    (void)lone_range(&l, 1, &b[21], 2, 0);
    assert_int_equal(l.look.committed.height, 22);
    assert_int_equal(l.look.tip.height, 22); /* 5.8: it is of this view */
    lone_accept(&l, &b[23]);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[23]));
}

/* The cover that came with it, or high: of which view the head was committed. */
static void rule_5_8_a_certificate_of_the_head_itself_moves_tip(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        begin_behind();
        lone_accept(&l, &b[1]);
        struct certificate c = lone_certificate(&l, CERT_COMMIT, 0, &b[20], others());
        l.durable.has_cover = how == 0;
        l.durable.cover = c;
        if (how == 1) {
            l.durable.has_high = true;
            l.durable.high = c;
        }
        stand_on(&b[20]);
        if (how == 2) {
            assert_int_equal(l.look.tip.height, 1);
            (void)lone_certified(&l, &c);
        }
        assert_int_equal(l.look.tip.height, 20);
        lone_accept(&l, &b[21]);
        assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[21]));
        if (how < 2)
            (void)end(state);
    }
}

/* ---- 7.5 ---- */

static void stand_on_unknown(const struct pbft_block *head, const struct pbft_block *base)
{
    begin_behind();
    stand_on(head);
    struct certificate high = lone_certificate(&l, CERT_COMMIT, 0, base, others());
    leave(0);
    adopt(1, &high);
    assert_false(l.look.is_alarmed);
}

static void rule_7_5_below_a_head_of_unknown_view_the_base_vote_waits(void **state)
{
    (void)state;
    stand_on_unknown(&b[20], &b[18]);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_false(l.look.has_tip);
    struct certificate c = lone_certificate(&l, CERT_COMMIT, 1, &b[20], others());
    (void)lone_certified(&l, &c);
    assert_true(l.look.has_tip);
    assert_int_equal(l.look.tip.height, 20);
    assert_true(l.look.is_installed);
}

static void rule_7_4_a_base_at_a_head_of_unknown_view_is_voted_for(void **state)
{
    (void)state;
    stand_on_unknown(&b[20], &b[20]);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[20]));
}

static void rule_7_5_a_base_against_a_head_of_unknown_view_is_not_accepted(void **state)
{
    (void)state;
    begin_behind();
    stand_on(&b[20]);
    struct pbft_block other = lone_block(&l, &b[19]);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &other, others());
    leave(0);
    l.view = 1;
    (void)lone_new_view(&l, 1, &high);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
    assert_false(l.look.is_alarmed);
}

/* The base was accepted from below, and the snapshot is of another block there. */
static void rule_7_5_a_snapshot_against_a_waiting_base_spoils_the_view(void **state)
{
    (void)state;
    begin_behind();
    struct pbft_block other = lone_block(&l, &b[19]);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &other, others());
    leave(0);
    adopt(1, &high);
    assert_int_equal(l.look.mode, PBFT_NORMAL);
    stand_on(&b[20]);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_true(l.durable.is_spoiled);
    assert_false(l.look.is_alarmed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_9_3_a_checkpoint_beyond_the_threshold_is_taken),
        RULE(rule_9_3_no_claim_of_a_peer_makes_anybody_take_a_state),
        RULE(rule_9_3_a_newer_checkpoint_is_told),
        RULE(rule_9_3_one_under_way_goes_on_after_a_start),
        RULE(rule_8_2_a_diverged_state_is_taken_anew),
        RULE(rule_8_2_a_start_holds_its_root_against_stable),
        RULE(rule_8_2_a_diverged_replica_applies_nothing),
        RULE(rule_9_3_an_alarmed_replica_takes_nothing),
        RULE(rule_9_3_nothing_is_committed_or_fetched_meanwhile),
        RULE(rule_9_3_one_that_is_refused_leaves_it_to_blocks),
        RULE(rule_9_4_a_range_for_the_driver_is_one_fetch_of_a_peer),
        RULE(rule_5_8_votes_above_a_snapshot_stand_on_its_block),
        RULE(rule_9_3_blocks_behind_the_snapshot_commit),
        RULE(rule_5_8_a_certificate_of_the_head_itself_moves_tip),
        RULE(rule_7_5_below_a_head_of_unknown_view_the_base_vote_waits),
        RULE(rule_7_4_a_base_at_a_head_of_unknown_view_is_voted_for),
        RULE(rule_7_5_a_base_against_a_head_of_unknown_view_is_not_accepted),
        RULE(rule_7_5_a_snapshot_against_a_waiting_base_spoils_the_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
