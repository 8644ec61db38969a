/* PROTOCOL.md 8.1, 8.2, 9.5 and 16: CHECKPOINTs, their certificates, stable, and a state that is
 * not the certified one. */
#include <string.h>

#include "tests/unit/rules_view.h"

static const struct digest root = {{1}}, other_root = {{2}};

static void commit_up_to(int height)
{
    for (int h = (int)l.look.committed.height + 1; h <= height; h++)
        commit(&b[h]);
}

static enum pbft_drop certificate_comes(const struct pbft_block *block, const struct digest *of)
{
    struct certificate c = lone_checkpoint_certificate(&l, block, of, others());
    return lone_certified(&l, &c);
}

static const struct pbft_vote *sent_checkpoint(size_t nth)
{
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_VOTE, nth);
    assert_non_null(act);
    assert_int_equal(act->vote.statement.kind, CERT_CHECKPOINT);
    return &act->vote;
}

/* ---- 8.1 ---- */

/* The root of a height, once its state is durable: CHECKPOINT, signed, to all, once. */
static void rule_8_1_a_root_is_signed_and_sent(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(2);
    (void)lone_root(&l, &b[2], &root);
    const struct pbft_vote *vote = sent_checkpoint(0);
    struct pbft_msg m = {.type = PBFT_CHECKPOINT, .link = 1, .from = 1, .vote = *vote};
    assert_int_equal(lone_act(&l, PBFT_SEND_VOTE, 0)->to, PBFT_TO_ALL);
    assert_int_equal(vote->statement.height, 2);
    assert_true(digest_equal(&vote->statement.digest, &b[2].digest));
    assert_true(digest_equal(&vote->statement.state_root, &root));
    assert_true(fake_verify(&m, 4, &l.config.chain_id));
    (void)lone_root(&l, &b[2], &root);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
}

/* q equal ones make a certificate; stable moves there, durably, since my root is the same. */
static void rule_8_1_q_equal_checkpoints_make_stable(void **state)
{
    (void)state;
    begin(7, 1);
    for (int h = 1; h <= 2; h++) {
        lone_accept(&l, &b[h]);
        lone_votes(&l, CERT_PREPARE, &b[h], 7);
        lone_votes(&l, CERT_COMMIT, &b[h], 7);
    }
    (void)lone_root(&l, &b[2], &root);
    for (uint32_t from = 2; from < 5; from++) {
        assert_int_equal(lone_checkpoint(&l, from, &b[2], &root), PBFT_KEEP);
        assert_int_equal(lone_checkpoint(&l, from, &b[2], &root), PBFT_DROP_DUPLICATE);
    }
    assert_int_equal(l.look.stable_height, 0);
    assert_int_equal(lone_checkpoint(&l, 5, &b[2], &root), PBFT_KEEP);
    assert_int_equal(l.look.stable_height, 2);
    const struct pbft_act *act = lone_act(&l, PBFT_WRITE_CHECKPOINT, 0);
    assert_non_null(act);
    assert_true(fake_verify_certificate(act->certificate, 7, &l.config.chain_id));
    assert_int_equal(lone_checkpoint(&l, 6, &b[2], &root), PBFT_DROP_NOT_NEEDED);
    lone_start(&l);
    assert_int_equal(l.look.stable_height, 2);
}

/* Different roots, blocks or heights do not add up; one member counts once. */
static void rule_8_1_different_checkpoints_do_not_add_up(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[1]);
    commit_up_to(2);
    (void)lone_root(&l, &b[2], &root);
    assert_int_equal(lone_checkpoint(&l, 0, &b[2], &other_root), PBFT_KEEP);
    assert_int_equal(lone_checkpoint(&l, 0, &b[2], &root), PBFT_DROP_STALE); /* the first counts */
    assert_int_equal(lone_checkpoint(&l, 2, &other, &root), PBFT_KEEP);
    assert_int_equal(lone_checkpoint(&l, 3, &b[1], &root), PBFT_KEEP);
    assert_int_equal(l.look.stable_height, 0);
    assert_int_equal(l.look.checkpoint_height, 0);
    assert_int_equal(lone_checkpoint(&l, 3, &b[2], &root), PBFT_KEEP);
    assert_int_equal(l.look.stable_height, 0);
}

/* Before I have applied h it is a target, and stable moves when I have its root. */
static void rule_8_1_stable_waits_for_my_own_root(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(1);
    assert_int_equal(certificate_comes(&b[2], &root), PBFT_KEEP);
    assert_int_equal(l.look.checkpoint_height, 2);
    assert_int_equal(l.look.stable_height, 0);
    commit_up_to(2);
    assert_int_equal(l.look.stable_height, 0);
    assert_int_equal(lone_count(&l, PBFT_WRITE_CHECKPOINT), 0);
    (void)lone_root(&l, &b[2], &root);
    assert_int_equal(l.look.stable_height, 2);
    assert_int_equal(lone_count(&l, PBFT_WRITE_CHECKPOINT), 1);
    assert_int_equal(certificate_comes(&b[2], &root), PBFT_DROP_NOT_NEEDED);
    assert_int_equal(certificate_comes(&b[1], &root), PBFT_DROP_NOT_NEEDED);
}

/* A nearer certificate whose root I have counts though a further one is known. */
static void rule_8_1_a_nearer_certificate_counts_under_a_further_one(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(2);
    (void)lone_root(&l, &b[2], &root);
    assert_int_equal(certificate_comes(&b[9], &root), PBFT_KEEP);
    assert_int_equal(certificate_comes(&b[8], &root), PBFT_DROP_NOT_NEEDED);
    assert_int_equal(certificate_comes(&b[2], &root), PBFT_KEEP);
    assert_int_equal(l.look.stable_height, 2);
}

/* Stable drops nothing that votes stand on: high, base and tip stay. */
static void rule_8_1_stable_drops_neither_high_nor_tip(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(2);
    lone_accept(&l, &b[3]);
    (void)lone_root(&l, &b[2], &root);
    (void)certificate_comes(&b[2], &root);
    assert_int_equal(l.look.stable_height, 2);
    assert_int_equal(l.look.high.height, 2);
    assert_int_equal(l.look.tip.height, 3);
    lone_votes(&l, CERT_PREPARE, &b[3], 4);
    lone_votes(&l, CERT_COMMIT, &b[3], 4);
    assert_int_equal(l.look.committed.height, 3);
}

/* At the newest height, when nothing followed it for T_c; asked for once. */
static void rule_8_1_a_quiet_chain_is_certified_too(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_wait(&l, 10000).roots_asked_count,
                     0); /* the base of the epoch needs none */
    commit_up_to(1);
    assert_int_equal(lone_wait(&l, 1000).roots_asked_count, 0);
    commit_up_to(2);
    assert_int_equal(lone_wait(&l, 1999).roots_asked_count, 0);
    assert_int_equal(lone_wait(&l, 1).roots_asked_count, 1);
    assert_int_equal(lone_act(&l, PBFT_ASK_ROOT, 0)->height, 2);
    assert_int_equal(lone_wait(&l, 20000).roots_asked_count, 0);
    (void)lone_root(&l, &b[2], &root);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
    commit_up_to(3);
    assert_int_equal(lone_wait(&l, 2000).roots_asked_count, 1);
}

/* What is stable, or told already, is not asked for. */
static void rule_8_1_a_root_that_is_here_is_not_asked_for(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(2);
    (void)lone_root(&l, &b[2], &root);
    assert_int_equal(lone_wait(&l, 20000).roots_asked_count, 0);
    (void)certificate_comes(&b[2], &root);
    lone_start(&l);
    assert_int_equal(lone_wait(&l, 20000).roots_asked_count, 0);
}

/* After a start the driver tells the kept roots again: the same bytes go out. */
static void rule_4_1_a_checkpoint_is_the_same_after_a_restart(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(2);
    (void)lone_root(&l, &b[2], &root);
    struct pbft_vote first = *sent_checkpoint(0);
    lone_start(&l);
    (void)lone_root(&l, &b[2], &root);
    assert_memory_equal(sent_checkpoint(0), &first, sizeof first);
}

/* 5.1: a primary builds up to stable + L. */
static void rule_5_1_a_primary_builds_up_to_stable_plus_l(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    for (int h = 1; h <= 8; h++) {
        assert_int_equal(l.look.tip.height, h - 1);
        (void)lone_built(&l, &b[h], 0);
        lone_votes(&l, CERT_PREPARE, &b[h], 4);
        lone_votes(&l, CERT_COMMIT, &b[h], 4);
    }
    assert_int_equal(l.look.committed.height, 8);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    (void)lone_root(&l, &b[4], &root);
    (void)certificate_comes(&b[4], &root);
    assert_int_equal(l.look.stable_height, 4);
    assert_int_equal(lone_act(&l, PBFT_ASK_BUILD, 0)->ticket.height, 9);
}

/* ---- 8.2 ---- */

/* My root is not the certified one: diverged, durably. No vote, no commit; votes, tip, base and
 * high survive, and nobody is accused. */
static void assert_diverged(void)
{
    const struct pbft_act *act = lone_act(&l, PBFT_DIVERGED, 0);
    assert_non_null(act);
    assert_true(digest_equal(&act->certificate->statement.state_root, &root));
    assert_int_equal(act->root.height, act->certificate->statement.height);
    assert_false(digest_equal(&act->root.root, &root)); /* mine, for people */
    assert_true(l.look.is_diverged);
    assert_true(l.durable.is_diverged);
    assert_false(l.look.is_alarmed);
    for (int i = 0; i < 2; i++) {
        size_t votes_count = l.votes_count;
        /* The certificate is kept: a state of it is to be taken, and others may not have it. */
        assert_int_equal(l.look.stable_height, i == 0 ? 0 : 2);
        assert_int_equal(l.look.tip.height, 2);
        assert_int_equal(l.look.high.height, 2 + i);
        (void)lone_pre_prepare(&l, 0, &b[3]);
        assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
        (void)lone_qc(&l, CERT_COMMIT, &b[3], others());
        assert_int_equal(l.look.committed.height, 2);
        assert_int_equal(l.votes_count, votes_count);
        (void)lone_pool(&l, true, true);
        struct lone_waited w = lone_wait(&l, 20000);
        assert_int_equal(w.complaints_count + w.view_changes_count + w.roots_asked_count, 0);
        assert_int_equal(lone_count(&l, PBFT_DIVERGED), 0);
        lone_start(&l);
        assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    }
}

static void rule_8_2_another_root_than_the_certified_one_stops_the_replica(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(2);
    (void)lone_root(&l, &b[2], &other_root);
    assert_int_equal(certificate_comes(&b[2], &root), PBFT_KEEP);
    assert_diverged();
}

/* Whichever comes first. */
static void rule_8_2_also_when_the_certificate_came_first(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(2);
    (void)certificate_comes(&b[2], &root);
    (void)lone_root(&l, &b[2], &other_root);
    assert_diverged();
}

/* f other roots are nothing: disks rot, and liars lie (14.3). */
static void rule_8_2_single_other_roots_are_nothing(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(2);
    (void)lone_root(&l, &b[2], &root);
    (void)lone_checkpoint(&l, 0, &b[2], &other_root);
    (void)lone_checkpoint(&l, 2, &b[2], &root);
    (void)lone_checkpoint(&l, 3, &b[2], &root);
    assert_int_equal(l.look.stable_height, 2);
    assert_false(l.look.is_diverged);
}

/* 13: a certificate of another block than the committed one is the alarm, and not a divergence. */
static void rule_13_a_checkpoint_of_another_block_is_the_alarm(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[1]);
    commit_up_to(2);
    (void)lone_root(&l, &b[2], &root);
    (void)certificate_comes(&other, &root);
    assert_true(l.look.is_alarmed);
    assert_false(l.look.is_diverged);
    const struct pbft_act *act = lone_act(&l, PBFT_WRITE_ALARM, 0);
    assert_true(digest_equal(&act->certificate->statement.digest, &other.digest));
    assert_int_equal(l.look.stable_height, 0);
}

/* ---- 9.5, 16 ---- */

/* STATUS with a lower stable: my certificate, else my CHECKPOINTs above its stable. */
static void rule_9_5_a_lower_stable_is_answered(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(4);
    (void)lone_root(&l, &b[2], &root);
    (void)lone_root(&l, &b[4], &root);
    (void)lone_status(&l, 3, 4);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 2);
    assert_int_equal(lone_act(&l, PBFT_SEND_VOTE, 0)->to, 3);
    (void)lone_wait(&l, 250);
    struct pbft_msg m = lone_make_status(&l, 3, 5);
    m.status.stable_height = 2;
    (void)lone_msg(&l, &m);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
    assert_int_equal(sent_checkpoint(0)->statement.height, 4);
    (void)certificate_comes(&b[2], &root);
    (void)lone_wait(&l, 250);
    (void)lone_status(&l, 3, 6);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_QC, 0);
    assert_int_equal(act->certificate->statement.kind, CERT_CHECKPOINT);
    assert_int_equal(act->certificate->statement.height, 2);
    assert_int_equal(act->to, 3);
}

/* My own STATUS tells what is stable here. */
static void rule_9_1_status_tells_stable(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(3);
    (void)lone_root(&l, &b[2], &root);
    (void)certificate_comes(&b[2], &root);
    l.now_ms = pbft_deadline_ms(l.core);
    (void)lone_tick(&l, 0);
    assert_int_equal(lone_act(&l, PBFT_SEND_STATUS, 0)->status.stable_height, 2);
}

/* Two per sender: one that names far heights displaces its own, and nobody else's. */
static void rule_16_two_checkpoints_per_sender_are_kept(void **state)
{
    (void)state;
    begin(4, 1);
    commit_up_to(4);
    (void)lone_checkpoint(&l, 0, &b[2], &root);
    (void)lone_checkpoint(&l, 2, &b[2], &root);
    assert_int_equal(lone_checkpoint(&l, 0, &b[4], &root), PBFT_KEEP);
    assert_int_equal(lone_checkpoint(&l, 0, &b[6], &root), PBFT_KEEP); /* its own 2 goes */
    assert_int_equal(lone_checkpoint(&l, 0, &b[3], &root), PBFT_DROP_STALE);
    (void)lone_root(&l, &b[2], &root);
    assert_int_equal(l.look.stable_height, 0);
    assert_int_equal(lone_checkpoint(&l, 3, &b[2], &root), PBFT_KEEP);
    assert_int_equal(l.look.stable_height, 2);
    struct pbft_msg m = lone_make_checkpoint(&l, 3, &b[4], &root);
    m.vote.statement.epoch = 1;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OTHER_EPOCH);
}

/* A learner signs no state either (4.2), and follows what is stable. */
static void rule_4_2_a_learner_signs_no_checkpoint(void **state)
{
    (void)state;
    begin_stored(4, 1);
    l.durable.is_learner = true;
    lone_start(&l);
    (void)lone_range(&l, 2, &b[1], 2, 0);
    (void)lone_root(&l, &b[2], &root);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    (void)lone_status(&l, 3, 2);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    (void)certificate_comes(&b[2], &root);
    assert_int_equal(l.look.stable_height, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_8_1_a_root_is_signed_and_sent),
        RULE(rule_8_1_q_equal_checkpoints_make_stable),
        RULE(rule_8_1_different_checkpoints_do_not_add_up),
        RULE(rule_8_1_stable_waits_for_my_own_root),
        RULE(rule_8_1_a_nearer_certificate_counts_under_a_further_one),
        RULE(rule_8_1_stable_drops_neither_high_nor_tip),
        RULE(rule_8_1_a_quiet_chain_is_certified_too),
        RULE(rule_8_1_a_root_that_is_here_is_not_asked_for),
        RULE(rule_4_1_a_checkpoint_is_the_same_after_a_restart),
        RULE(rule_5_1_a_primary_builds_up_to_stable_plus_l),
        RULE(rule_8_2_another_root_than_the_certified_one_stops_the_replica),
        RULE(rule_8_2_also_when_the_certificate_came_first),
        RULE(rule_8_2_single_other_roots_are_nothing),
        RULE(rule_13_a_checkpoint_of_another_block_is_the_alarm),
        RULE(rule_9_5_a_lower_stable_is_answered),
        RULE(rule_9_1_status_tells_stable),
        RULE(rule_16_two_checkpoints_per_sender_are_kept),
        RULE(rule_4_2_a_learner_signs_no_checkpoint),
    };
    return cmocka_run_group_tests_name("rules_8_checkpoints", tests, NULL, NULL);
}
