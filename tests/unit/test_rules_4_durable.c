/* PROTOCOL.md 4: durable before sent, restarts, and votes of mine that others show. */
#include <string.h>

#include "tests/unit/rules.h"

/* Body, tip and vote land with the step that sends PREPARE. */
static void rule_4_prepare_comes_with_body_tip_and_vote(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
    assert_true(lone_block_equal(&lone_act(&l, PBFT_WRITE_BLOCK, 0)->block, &b[1]));
    assert_true(lone_block_equal(&lone_act(&l, PBFT_WRITE_STATE, 0)->state.tip, &b[1]));
    const struct pbft_vote *written = &lone_act(&l, PBFT_WRITE_VOTE, 0)->vote;
    assert_memory_equal(written, &lone_act(&l, PBFT_SEND_VOTE, 0)->vote, sizeof *written);
    assert_int_equal(lone_act(&l, PBFT_SEND_VOTE, 0)->to, PBFT_TO_ALL);
}

/* So does all that with the primary's proposal, and the signed PRE-PREPARE. */
static void rule_4_pre_prepare_comes_with_body_tip_and_both_messages(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, false);
    assert_int_equal(lone_built(&l, &b[1], 0), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_WRITE_BLOCK), 1);
    assert_true(lone_block_equal(&lone_act(&l, PBFT_WRITE_STATE, 0)->state.tip, &b[1]));
    const struct pbft_pre_prepare *sent = &lone_act(&l, PBFT_SEND_PRE_PREPARE, 0)->pre_prepare;
    const struct pbft_pre_prepare *written = &lone_act(&l, PBFT_WRITE_PRE_PREPARE, 0)->pre_prepare;
    assert_memory_equal(sent->signature.bytes, written->signature.bytes, SIGNATURE_BYTES);
    struct pbft_msg expected = lone_make_pre_prepare(&l, 0, &b[1]);
    assert_memory_equal(sent->signature.bytes, expected.pre_prepare.signature.bytes,
                        SIGNATURE_BYTES);
    assert_int_equal(lone_count(&l, PBFT_WRITE_VOTE), 1);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
}

/* COMMIT has its certificate as high, and bodies that were only fetched, written with it. */
static void rule_4_commit_comes_with_high_and_bodies(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_qc(&l, CERT_PREPARE, &b[1], 13), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_WRITE_HIGH), 1);
    assert_false(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
    assert_int_equal(lone_data(&l, 2, &b[1], false), PBFT_KEEP);
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
    assert_true(lone_block_equal(&lone_act(&l, PBFT_WRITE_BLOCK, 0)->block, &b[1]));
    assert_int_equal(l.durable.high.statement.height, 1);
}

/* A chain that is known by its heads alone is linked, but its bodies are not here: no COMMIT. */
static void rule_4_heads_without_bodies_get_no_commit(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_range(&l, 2, &b[1], 1, 2), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 1);
    assert_int_equal(lone_qc(&l, CERT_PREPARE, &b[3], 13), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(lone_count(&l, PBFT_WRITE_BLOCK), 0);
}

/* A body is written once, however many votes go out for it. */
static void rule_4_a_body_is_written_once(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    commit(&b[2]);
    assert_int_equal(l.bodies_count, 2);
}

static void assert_sends_again(const struct pbft_vote *votes, size_t count)
{
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), count);
    for (size_t i = 0; i < count; i++)
        assert_memory_equal(&lone_act(&l, PBFT_SEND_VOTE, i)->vote, &votes[i], sizeof *votes);
}

/* After a restart the votes above what is committed go out again, byte for byte, then STATUS. */
static void rule_4_1_restart_sends_votes_again_byte_identical(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    lone_accept(&l, &b[2]);
    lone_accept(&l, &b[3]);
    lone_votes(&l, CERT_PREPARE, &b[2], 4);
    assert_int_equal(l.votes_count, 5); /* PREPARE 1, COMMIT 1, PREPARE 2 and 3, COMMIT 2 */
    lone_start(&l);
    struct pbft_vote expected[3] = {l.votes[2], l.votes[4], l.votes[3]};
    assert_sends_again(expected, 3);
    assert_int_equal(lone_count(&l, PBFT_WRITE_VOTE), 0);
    assert_int_equal(l.out.acts[l.out.acts_count - 1].type, PBFT_SEND_STATUS);
}

/* What goes out again are the stored bytes, even where signing anew would give others. */
static void rule_4_1_restart_sends_the_stored_signature(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    l.votes[0].signature.bytes[SIGNATURE_BYTES - 1] ^= 1;
    lone_start(&l);
    assert_sends_again(l.votes, 1);
}

/* The primary's own PRE-PREPAREs, too. */
static void rule_4_1_restart_sends_pre_prepares_again(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, false);
    (void)lone_built(&l, &b[1], 0);
    lone_start(&l);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_PRE_PREPARE, 0);
    assert_non_null(act);
    assert_int_equal(act->to, PBFT_TO_ALL);
    assert_memory_equal(act->pre_prepare.signature.bytes, l.pre_prepares[0].signature.bytes,
                        SIGNATURE_BYTES);
    /* And it builds on from there, not at the same height again. */
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_act(&l, PBFT_ASK_BUILD, 0)->ticket.height, 2);
}

/* Restored votes count, and the height they were cast at is not voted at again. */
static void rule_4_1_restored_votes_count_and_are_not_cast_again(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    lone_start(&l);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    struct pbft_block other = lone_block(&l, &b[0]);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    (void)lone_vote(&l, 0, CERT_PREPARE, &b[1]);
    assert_false(l.look.has_high);
    (void)lone_vote(&l, 3, CERT_PREPARE, &b[1]);
    assert_true(l.look.has_high);
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
    lone_start(&l);
    lone_votes(&l, CERT_PREPARE, &b[1], 4);
    assert_int_equal(l.votes_count, 2);
}

/* A first vote before a restart binds where only the vote is left of the proposal (pitfalls D1). */
static void rule_4_1_a_proposal_against_a_restored_vote_is_a_conflict(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    lone_start(&l);
    struct pbft_block other = lone_block(&l, &b[0]);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
}

/* high is loaded and never falls behind (pitfalls D2). */
static void rule_4_1_restart_keeps_high(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_qc(&l, CERT_PREPARE, &b[3], 13), PBFT_KEEP);
    lone_start(&l);
    assert_int_equal(l.look.high.height, 3);
    assert_int_equal(lone_act(&l, PBFT_SEND_STATUS, 0)->status.high.height, 3);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 1);
}

/* ---- 4.2 ---- */

static void assert_is_mute(void)
{
    assert_true(l.look.is_learner);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    (void)lone_qc(&l, CERT_COMMIT, &b[1], 13);
    assert_int_equal(l.look.committed.height, 1); /* it follows */
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
}

/* A vote of mine that my store does not know: never vote again with that key (pitfalls D4). */
static void rule_4_2_a_vote_of_mine_that_i_lack_makes_a_learner(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = lone_make_vote(&l, 1, CERT_PREPARE, &b[1]);
    m.link = 2;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_int_equal(lone_count(&l, PBFT_WRITE_LEARNER), 1);
    (void)lone_msg(&l, &m);
    assert_int_equal(lone_count(&l, PBFT_WRITE_LEARNER), 0);
    assert_is_mute();
}

/* It stays so over a restart, and what was signed before is not sent again either. */
static void rule_4_2_a_learner_stays_one(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = lone_make_vote(&l, 1, CERT_COMMIT, &b[1]);
    m.link = 2;
    (void)lone_msg(&l, &m);
    lone_start(&l);
    assert_is_mute();
}

/* One that contradicts a stored one; the stored one itself proves nothing. */
static void rule_4_2_a_vote_of_mine_against_a_stored_one_makes_a_learner(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    struct pbft_msg m = lone_make_vote(&l, 1, CERT_PREPARE, &b[1]);
    m.link = 2;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_false(l.look.is_learner);
    struct pbft_block other = lone_block(&l, &b[0]);
    m = lone_make_vote(&l, 1, CERT_PREPARE, &other);
    m.link = 2;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_true(l.look.is_learner);
}

/* A vote of mine from below what is committed, or of a lower view, proves nothing. */
static void rule_4_2_older_votes_of_mine_prove_nothing(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    struct pbft_block other = lone_block(&l, &b[0]);
    struct pbft_msg m = lone_make_vote(&l, 1, CERT_PREPARE, &other);
    m.link = 2;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    m = lone_make_pre_prepare(&l, 1, &other);
    m.link = 2;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_false(l.look.is_learner);
    m = lone_make_vote(&l, 1, CERT_PREPARE, &b[2]);
    m.link = 2;
    m.vote.statement.view = 1; /* a view that I never was in */
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_true(l.look.is_learner);
}

/* My signature inside a certificate is a vote of mine as well. */
static void rule_4_2_my_signature_in_a_certificate_that_i_lack_makes_a_learner(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    (void)lone_qc(&l, CERT_PREPARE, &b[1], 7);
    assert_false(l.look.is_learner);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], 7);
    assert_true(l.look.is_learner);
    assert_int_equal(l.look.high.height, 2);
}

/* The primary's own proposal, by itself or inside DATA: it must not propose there again. */
static void rule_4_2_a_proposal_of_mine_that_i_lack_makes_a_learner(void **state)
{
    (void)state;
    begin(4, 0);
    struct pbft_msg m = lone_make_pre_prepare(&l, 0, &b[1]);
    m.link = 2;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_true(l.look.is_learner);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    lone_close(&l);
    begin(4, 0);
    assert_int_equal(lone_data(&l, 2, &b[1], true), PBFT_DROP_NOT_ASKED);
    assert_true(l.look.is_learner);
    lone_close(&l);
    begin(4, 0);
    (void)lone_pool(&l, true, false);
    (void)lone_built(&l, &b[1], 0);
    m = lone_make_pre_prepare(&l, 0, &b[1]);
    m.link = 2;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_false(l.look.is_learner);
}

/* Nobody is linked to himself. */
static void messages_over_a_link_to_myself_are_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_msg m = lone_make_vote(&l, 2, CERT_PREPARE, &b[1]);
    m.link = 1;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_OWN);
    assert_int_equal(lone_fetch_range(&l, 1, 1), PBFT_DROP_OWN);
    assert_false(l.look.is_learner);
}

/* Ask for a block of mine as member 3; whether my PRE-PREPARE comes with its body. */
static bool is_proposal_handed_out(const struct pbft_block *block)
{
    assert_int_equal(lone_fetch(&l, 3, block), PBFT_KEEP);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_BLOCK, 0);
    assert_non_null(act);
    return act->has_pre_prepare;
}

/* A primary that has become a learner, or is alarmed, still gives bodies, and its signature on them
 * no more: its PRE-PREPARE is a vote like others. Those of another primary it passes on. */
static void rule_4_2_a_learner_hands_out_bodies_without_its_proposals(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    (void)lone_built(&l, &b[1], 0);
    assert_true(is_proposal_handed_out(&b[1]));
    struct pbft_msg m = lone_make_vote(&l, 0, CERT_COMMIT, &b[9]);
    m.link = 2;
    (void)lone_msg(&l, &m);
    assert_true(l.look.is_learner);
    assert_false(is_proposal_handed_out(&b[1]));
    lone_close(&l);

    begin(4, 1);
    lone_accept(&l, &b[1]);
    m = lone_make_vote(&l, 1, CERT_COMMIT, &b[9]);
    m.link = 2;
    (void)lone_msg(&l, &m);
    assert_true(l.look.is_learner);
    assert_true(is_proposal_handed_out(&b[1]));
}

/* 8.2: nor does one whose state is not the certified one. */
static void rule_8_2_a_diverged_primary_hands_out_bodies_without_its_proposals(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    (void)lone_built(&l, &b[1], 0);
    l.durable.is_diverged = true;
    lone_start(&l);
    assert_false(is_proposal_handed_out(&b[1]));
}

static void rule_13_an_alarmed_primary_hands_out_bodies_without_its_proposals(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, true);
    (void)lone_built(&l, &b[1], 0);
    assert_true(is_proposal_handed_out(&b[1]));
    struct pbft_block other = lone_block(&l, &b[8]);
    (void)lone_qc(&l, CERT_COMMIT, &b[9], 14);
    (void)lone_qc(&l, CERT_COMMIT, &other, 14);
    assert_true(l.look.is_alarmed);
    assert_false(is_proposal_handed_out(&b[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_4_prepare_comes_with_body_tip_and_vote),
        RULE(rule_4_pre_prepare_comes_with_body_tip_and_both_messages),
        RULE(rule_4_commit_comes_with_high_and_bodies),
        RULE(rule_4_heads_without_bodies_get_no_commit),
        RULE(rule_4_a_body_is_written_once),
        RULE(rule_4_1_restart_sends_votes_again_byte_identical),
        RULE(rule_4_1_restart_sends_the_stored_signature),
        RULE(rule_4_1_restart_sends_pre_prepares_again),
        RULE(rule_4_1_restored_votes_count_and_are_not_cast_again),
        RULE(rule_4_1_a_proposal_against_a_restored_vote_is_a_conflict),
        RULE(rule_4_1_restart_keeps_high),
        RULE(rule_4_2_a_vote_of_mine_that_i_lack_makes_a_learner),
        RULE(rule_4_2_a_learner_stays_one),
        RULE(rule_4_2_a_vote_of_mine_against_a_stored_one_makes_a_learner),
        RULE(rule_4_2_older_votes_of_mine_prove_nothing),
        RULE(rule_4_2_my_signature_in_a_certificate_that_i_lack_makes_a_learner),
        RULE(rule_4_2_a_proposal_of_mine_that_i_lack_makes_a_learner),
        RULE(rule_4_2_a_learner_hands_out_bodies_without_its_proposals),
        RULE(rule_8_2_a_diverged_primary_hands_out_bodies_without_its_proposals),
        RULE(rule_13_an_alarmed_primary_hands_out_bodies_without_its_proposals),
        RULE(messages_over_a_link_to_myself_are_dropped),
    };
    return cmocka_run_group_tests_name("rules_4_durable", tests, NULL, NULL);
}
