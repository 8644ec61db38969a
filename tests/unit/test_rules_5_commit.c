/* PROTOCOL.md 5.4 to 5.9: certificates, COMMIT, committing, bodies, and what moves tip; and what
 * section 13 does where more than f members lie. */
#include <string.h>

#include "tests/unit/rules.h"

/* ---- 5.4 ---- */

/* q PREPAREs make a PQC, which becomes high; so does a certificate from any message. */
static void rule_5_4_a_quorum_or_any_certificate_raises_high(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    lone_votes(&l, CERT_PREPARE, &b[1], 4);
    assert_int_equal(l.look.high.height, 1);
    assert_int_equal(lone_qc(&l, CERT_PREPARE, &b[3], 13), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_WRITE_HIGH), 1);
    assert_int_equal(l.look.high.height, 3);
    assert_int_equal(lone_range(&l, 2, &b[1], 2, 3), PBFT_KEEP);
    assert_int_equal(l.look.high.height, 5);
}

/* One of a lower or equal rank does not. */
static void rule_5_4_high_never_falls(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_qc(&l, CERT_PREPARE, &b[3], 13);
    assert_int_equal(lone_qc(&l, CERT_PREPARE, &b[2], 13), PBFT_KEEP); /* COMMIT may need it */
    assert_int_equal(lone_count(&l, PBFT_WRITE_HIGH), 0);
    assert_int_equal(lone_qc(&l, CERT_PREPARE, &b[2], 13), PBFT_DROP_NOT_NEEDED);
    (void)lone_qc(&l, CERT_COMMIT, &b[3], 13);
    assert_int_equal(lone_count(&l, PBFT_WRITE_HIGH), 0);
    assert_int_equal(l.look.high.height, 3);
}

/* Rank is view before height: a later view's certificate of a committed height still counts. */
static void rule_5_4_a_certificate_from_below_what_is_committed_raises_high(void **state)
{
    (void)state;
    begin_stored(4, 1);
    l.durable.view = 4;
    l.durable.base = l.durable.tip = b[2];
    lone_start(&l);
    struct pbft_msg m = lone_make_qc(&l, CERT_COMMIT, &b[2], 13);
    assert_int_equal(lone_range(&l, 2, &b[1], 2, 0), PBFT_KEEP); /* of view 0 */
    assert_int_equal(l.look.committed.height, 2);
    m = lone_make_qc(&l, CERT_PREPARE, &b[1], 13);
    m.qc.statement.view = 4;
    assert_int_equal(lone_msg(&l, &m), PBFT_DROP_COMMITTED);
    assert_int_equal(l.look.high.view, 4);
    assert_int_equal(l.look.high.height, 1);
}

/* ---- 5.5 ---- */

/* A PQC covers all blocks below it: COMMIT for each, ascending, once. */
static void rule_5_5_commit_covers_all_below_ascending_and_once(void **state)
{
    (void)state;
    begin(4, 1);
    for (int h = 1; h <= 3; h++)
        lone_accept(&l, &b[h]);
    (void)lone_qc(&l, CERT_PREPARE, &b[3], 13);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 3);
    for (int h = 1; h <= 3; h++) {
        const struct statement *s = &lone_act(&l, PBFT_SEND_VOTE, (size_t)h - 1)->vote.statement;
        assert_int_equal(s->kind, CERT_COMMIT);
        assert_int_equal(s->height, h);
    }
    (void)lone_qc(&l, CERT_PREPARE, &b[3], 14);
    lone_votes(&l, CERT_PREPARE, &b[2], 4);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(l.votes_count, 6);
}

/* Where a body is missing, COMMIT stops below it and goes on once it is there. */
static void rule_5_5_commit_waits_for_bodies(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    (void)lone_pre_prepare(&l, 0, &b[3]);
    (void)lone_qc(&l, CERT_PREPARE, &b[3], 13);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0); /* 2 is not known, so 3's chain is not */
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 1);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 3);
}

/* COMMIT begins at the base of the view; what is below is committed with it, so its bodies are as
 * durable before the first of them goes out (4). */
static void rule_5_5_no_commit_below_the_base(void **state)
{
    (void)state;
    begin_stored(4, 1);
    l.durable.view = 4;
    l.durable.base = b[3];
    l.durable.has_tip = false;
    lone_start(&l);
    struct pbft_msg m = lone_make_qc(&l, CERT_PREPARE, &b[4], 13);
    m.qc.statement.view = 4;
    assert_int_equal(lone_msg(&l, &m), PBFT_KEEP);
    for (int h = 4; h >= 1; h--) {
        assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
        assert_int_equal(lone_data(&l, 2, &b[h], false), PBFT_KEEP);
    }
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 3); /* with the base vote: 7.4 */
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[3]));
    assert_int_equal(lone_act(&l, PBFT_SEND_VOTE, 0)->vote.statement.height, 3);
    assert_int_equal(lone_act(&l, PBFT_SEND_VOTE, 1)->vote.statement.height, 4);
    assert_int_equal(lone_count(&l, PBFT_WRITE_BLOCK), 4);
}

/* In CHANGING no COMMIT goes out. */
static void rule_5_5_no_commit_in_changing(void **state)
{
    (void)state;
    begin_stored(4, 1);
    l.durable.mode = PBFT_CHANGING;
    lone_start(&l);
    (void)lone_range(&l, 2, &b[1], 1, 0);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], 13);
    (void)lone_data(&l, 2, &b[2], false);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(l.votes_count, 0);
}

/* A certificate further up, to which headers do not lead yet, hides no nearer one. */
static void rule_5_5_a_certificate_without_its_headers_hides_no_lower_one(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    (void)lone_qc(&l, CERT_PREPARE, &b[3], 7);
    (void)lone_vote(&l, 0, CERT_PREPARE, &b[1]);
    assert_false(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
    (void)lone_vote(&l, 1, CERT_PREPARE, &b[1]);
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
    lone_accept(&l, &b[2]);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], 7); /* nor when it comes as a whole */
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[2]));
    (void)lone_pre_prepare(&l, 0, &b[3]);
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[3]));
}

/* ---- 5.6 ---- */

/* q COMMITs commit the block and all below it, in order, in one step. */
static void rule_5_6_a_cqc_commits_all_below_in_order(void **state)
{
    (void)state;
    begin(4, 1);
    for (int h = 1; h <= 3; h++)
        lone_accept(&l, &b[h]);
    lone_votes(&l, CERT_PREPARE, &b[3], 4);
    assert_int_equal(lone_vote(&l, 0, CERT_COMMIT, &b[3]), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 0);
    assert_int_equal(lone_vote(&l, 2, CERT_COMMIT, &b[3]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_WRITE_COMMIT), 3);
    for (int h = 1; h <= 3; h++) {
        const struct pbft_act *act = lone_act(&l, PBFT_WRITE_COMMIT, (size_t)h - 1);
        assert_true(lone_block_equal(&act->block, &b[h]));
        assert_int_equal(act->certificate != NULL, h == 3); /* the ancestors point to it */
    }
    const struct certificate *c = lone_act(&l, PBFT_WRITE_COMMIT, 2)->certificate;
    assert_int_equal(c->statement.kind, CERT_COMMIT);
    assert_true(fake_verify_certificate(c, 4, &l.config.chain_id));
}

/* A CQC of a later height alone waits for what is below it (pitfalls A7). */
static void rule_5_6_nothing_is_committed_out_of_order(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    (void)lone_qc(&l, CERT_COMMIT, &b[2], 13);
    assert_int_equal(l.look.committed.height, 0);
    assert_int_equal(l.look.certified_height, 2);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    assert_int_equal(l.look.committed.height, 2);
}

/* In any mode. */
static void rule_5_6_a_cqc_commits_in_changing(void **state)
{
    (void)state;
    begin_stored(4, 1);
    l.durable.mode = PBFT_CHANGING;
    lone_start(&l);
    assert_int_equal(lone_range(&l, 2, &b[1], 3, 0), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 3);
    assert_int_equal(l.look.tip.height, 0);
}

/* A range whose last blocks are heads commits as far as the bodies go, and on when they come. */
static void rule_5_6_bodies_commit_as_far_as_they_are_here(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_range(&l, 2, &b[1], 2, 2), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 2);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 1); /* the lowest that is missing */
    assert_true(digest_equal(&lone_act(&l, PBFT_SEND_FETCH, 0)->fetch.digest, &b[3].digest));
    assert_int_equal(lone_data(&l, 2, &b[4], false), PBFT_DROP_NOT_ASKED);
    assert_int_equal(lone_data(&l, 2, &b[3], false), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 3);
    assert_int_equal(lone_data(&l, 2, &b[4], false), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 4);
    assert_non_null(lone_act(&l, PBFT_WRITE_COMMIT, 0)->certificate);
}

/* A certificate far beyond the window is no obstacle for those that come nearer, and counts as soon
 * as the window has come that far. */
static void rule_5_6_a_certificate_beyond_the_window_waits(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_qc(&l, CERT_COMMIT, &b[20], 13), PBFT_KEEP);
    assert_int_equal(l.look.certified_height, 20);
    assert_int_equal(lone_range(&l, 2, &b[1], 8, 0), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 8);
    for (int h = 9; h <= 20; h++)
        assert_int_equal(lone_pre_prepare(&l, 0, &b[h]), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 20);
}

/* What the head stands on is durable: after a start it commits the rest as if nothing had been. */
static void rule_5_6_the_certificate_above_the_head_outlasts_a_restart(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_range(&l, 2, &b[1], 2, 4), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 2);
    assert_int_equal(lone_count(&l, PBFT_WRITE_COVER), 1);
    assert_int_equal(lone_range(&l, 2, &b[3], 1, 3), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_WRITE_COVER), 0); /* it is the same */
    (void)lone_qc(&l, CERT_PREPARE, &b[9], 13);            /* this one is high now */
    lone_start(&l);
    assert_int_equal(l.look.certified_height, 6);
    for (int h = 4; h <= 6; h++)
        (void)lone_pre_prepare(&l, 0, &b[h]);
    assert_int_equal(l.look.committed.height, 6);
    assert_int_equal(lone_act(&l, PBFT_WRITE_COMMIT, 2)->certificate->statement.height, 6);
}

/* Not under a certificate to which no range could lead whoever asks me for these blocks (9.2). */
static void rule_5_6_nothing_is_committed_far_below_the_nearest_certificate(void **state)
{
    (void)state;
    static struct pbft_block chain[70];
    begin_sized(4, 1, 4, 64);
    make_chain(chain, 69);
    for (int h = 1; h <= 65; h++)
        assert_int_equal(lone_pre_prepare(&l, 0, &chain[h]), PBFT_KEEP);
    (void)lone_qc(&l, CERT_COMMIT, &chain[65], 13);
    assert_int_equal(l.look.committed.height, 0);
    (void)lone_qc(&l, CERT_COMMIT, &chain[1], 13);
    assert_int_equal(l.look.committed.height, 65);
}

/* ---- 5.7 ---- */

/* f PREPAREs for an unknown block may be lies; f + 1 are not: it is fetched from a signer. */
static void rule_5_7_f_plus_1_prepares_for_an_unknown_block_fetch_it(void **state)
{
    (void)state;
    begin(7, 1);
    (void)lone_vote(&l, 4, CERT_PREPARE, &b[1]);
    (void)lone_vote(&l, 5, CERT_PREPARE, &b[1]);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    assert_int_equal(lone_data(&l, 5, &b[1], false), PBFT_DROP_NOT_ASKED);
    (void)lone_tick(&l, l.config.status_ms); /* when all that is missing is looked for */
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    (void)lone_vote(&l, 6, CERT_PREPARE, &b[1]);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    assert_int_equal(act->fetch.kind, PBFT_FETCH_BLOCK);
    assert_true(digest_equal(&act->fetch.digest, &b[1].digest));
    assert_int_equal(act->to, 4);
    assert_int_equal(lone_data(&l, 4, &b[1], true), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1); /* with its PRE-PREPARE it is a proposal */
}

/* A FETCH is answered with the body, and with the PRE-PREPARE if it is of this view. */
static void rule_5_7_data_of_this_view_has_its_pre_prepare(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_fetch(&l, 2, &b[1]), PBFT_DROP_NOT_ASKED);
    lone_accept(&l, &b[1]);
    assert_int_equal(lone_fetch(&l, 2, &b[1]), PBFT_KEEP);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_BLOCK, 0);
    assert_int_equal(act->to, 2);
    assert_true(act->has_pre_prepare);
    assert_int_equal(act->pre_prepare_from, 0);
    struct pbft_msg original = lone_make_pre_prepare(&l, 0, &b[1]);
    assert_memory_equal(act->pre_prepare.signature.bytes, original.pre_prepare.signature.bytes,
                        SIGNATURE_BYTES);
}

/* A body nobody needs is not kept, whoever sends it. */
static void rule_5_7_data_that_nobody_asked_for_is_dropped(void **state)
{
    (void)state;
    begin(4, 1);
    commit(&b[1]);
    assert_int_equal(lone_data(&l, 2, &b[1], false), PBFT_DROP_COMMITTED);
    assert_int_equal(lone_data(&l, 2, &b[2], false), PBFT_DROP_NOT_ASKED);
    assert_int_equal(lone_data(&l, 2, &b[18], false), PBFT_DROP_OUT_OF_WINDOW);
    assert_false(pbft_wants_block(l.core, &b[2].digest, 2));
}

/* A height has room for what correct members can name; what liars add to it is dropped (16). */
static void rule_16_a_height_has_room_for_three_blocks(void **state)
{
    (void)state;
    begin(6, 5);
    struct pbft_block named[4];
    for (int i = 0; i < 4; i++)
        named[i] = lone_block(&l, &b[0]);
    (void)lone_pre_prepare(&l, 0, &named[0]);
    for (uint32_t i = 1; i < 3; i++) {
        (void)lone_vote(&l, 2 * i - 1, CERT_PREPARE, &named[i]);
        (void)lone_vote(&l, 2 * i, CERT_PREPARE, &named[i]);
        (void)lone_tick(&l, 250); /* 9.4: it is asked for in its turn */
        assert_int_equal(lone_data(&l, 1, &named[i], false), PBFT_KEEP);
    }
    for (int i = 0; i < 3; i++)
        assert_true(pbft_wants_block(l.core, &named[i].digest, 1));
    /* A certificate's block takes the place of one of them, of which it says that they are lost. */
    assert_int_equal(lone_qc(&l, CERT_PREPARE, &named[3], 15), PBFT_KEEP);
    (void)lone_tick(&l, 250);
    assert_int_equal(lone_data(&l, 1, &named[3], false), PBFT_KEEP);
    assert_true(pbft_wants_block(l.core, &named[0].digest, 1)); /* the first proposal: 5.3 */
    assert_false(pbft_wants_block(l.core, &named[1].digest, 1));
}

/* ---- 5.8 ---- */

/* A commit of this view above tip takes tip along, durably; below tip it does not move it. */
static void rule_5_8_a_commit_above_tip_moves_tip(void **state)
{
    (void)state;
    begin(4, 1);
    lone_accept(&l, &b[1]);
    lone_accept(&l, &b[2]);
    (void)lone_qc(&l, CERT_COMMIT, &b[1], 13);
    assert_int_equal(l.look.tip.height, 2);
    assert_int_equal(lone_count(&l, PBFT_WRITE_STATE), 0);
    (void)lone_range(&l, 2, &b[1], 5, 0);
    assert_true(lone_block_equal(&l.look.tip, &b[5]));
    assert_true(lone_block_equal(&l.durable.tip, &b[5]));
    (void)lone_pre_prepare(&l, 0, &b[6]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
}

/* Proposals that were kept above tip are taken up from where tip has come to. */
static void rule_5_8_kept_proposals_go_on_from_the_moved_tip(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pre_prepare(&l, 0, &b[4]);
    (void)lone_range(&l, 2, &b[1], 3, 0);
    assert_true(lone_block_equal(&lone_act(&l, PBFT_ASK_CHECK, 0)->block, &b[4]));
}

/* A commit of a lower view never moves tip: where a snapshot passed it, before a start. */
static void rule_5_8_a_commit_of_a_lower_view_does_not_move_tip(void **state)
{
    (void)state;
    begin_stored(4, 1);
    l.durable.view = 4;
    l.durable.committed = b[2];
    l.durable.has_head = true;
    l.durable.head = lone_certificate(&l, CERT_COMMIT, 0, &b[2], 13);
    lone_start(&l);
    (void)lone_pre_prepare(&l, 0, &b[3]);
    assert_int_equal(l.look.committed.height, 2);
    assert_int_equal(l.look.tip.height, 0);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
}

/* A commit against a vote of mine: no more PREPARE in this view, before and after a restart;
 * committing goes on. */
static void rule_5_8_a_commit_against_my_vote_ends_preparing(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &other);
    (void)lone_qc(&l, CERT_COMMIT, &b[2], 13); /* b[1] is below it: not seen yet */
    assert_true(l.look.has_tip);
    (void)lone_qc(&l, CERT_COMMIT, &b[1], 13);
    assert_false(l.look.has_tip);
    assert_false(l.durable.has_tip);
    lone_start(&l);
    assert_false(l.look.has_tip);
    assert_int_equal(lone_range(&l, 2, &b[1], 2, 0), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 2);
    assert_false(l.look.is_alarmed);
    (void)lone_pre_prepare(&l, 0, &b[3]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    assert_int_equal(l.votes_count, 1);
}

/* Of f+1 who leave the view it is one, whenever it was started. */
static void rule_5_8_who_started_anew_complains_still(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &other);
    (void)lone_qc(&l, CERT_COMMIT, &b[1], 13);
    assert_true(l.durable.is_spoiled);
    lone_start(&l);
    assert_true(lone_wait(&l, 1000).complaints_count > 0);
}

/* Also when the contradicted height is an ancestor of what the certificate names. */
static void rule_5_8_a_commit_of_an_ancestor_against_my_vote_ends_preparing(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &other);
    (void)lone_range(&l, 2, &b[1], 3, 0);
    assert_int_equal(l.look.committed.height, 3);
    assert_false(l.durable.has_tip);
}

/* ---- 5.9 ---- */

/* What I PREPAREd is kept until its height is committed; then the ledger has it. */
static void rule_5_9_a_prepared_body_is_kept_until_its_height_is_committed(void **state)
{
    (void)state;
    begin(4, 1);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &other);
    (void)lone_qc(&l, CERT_PREPARE, &b[1], 13);
    (void)lone_data(&l, 2, &b[1], false);
    assert_true(pbft_wants_block(l.core, &other.digest, 1));
    assert_true(pbft_wants_block(l.core, &b[1].digest, 1));
    (void)lone_qc(&l, CERT_COMMIT, &b[1], 13);
    assert_int_equal(l.look.committed.height, 1);
    assert_false(pbft_wants_block(l.core, &other.digest, 1));
    assert_false(pbft_wants_block(l.core, &b[1].digest, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_5_4_a_quorum_or_any_certificate_raises_high),
        RULE(rule_5_4_high_never_falls),
        RULE(rule_5_4_a_certificate_from_below_what_is_committed_raises_high),
        RULE(rule_5_5_commit_covers_all_below_ascending_and_once),
        RULE(rule_5_5_commit_waits_for_bodies),
        RULE(rule_5_5_no_commit_below_the_base),
        RULE(rule_5_5_no_commit_in_changing),
        RULE(rule_5_6_a_cqc_commits_all_below_in_order),
        RULE(rule_5_6_nothing_is_committed_out_of_order),
        RULE(rule_5_6_a_cqc_commits_in_changing),
        RULE(rule_5_6_bodies_commit_as_far_as_they_are_here),
        RULE(rule_5_6_a_certificate_beyond_the_window_waits),
        RULE(rule_5_5_a_certificate_without_its_headers_hides_no_lower_one),
        RULE(rule_5_6_the_certificate_above_the_head_outlasts_a_restart),
        RULE(rule_5_6_nothing_is_committed_far_below_the_nearest_certificate),
        RULE(rule_5_7_f_plus_1_prepares_for_an_unknown_block_fetch_it),
        RULE(rule_5_7_data_of_this_view_has_its_pre_prepare),
        RULE(rule_5_7_data_that_nobody_asked_for_is_dropped),
        RULE(rule_16_a_height_has_room_for_three_blocks),
        RULE(rule_5_8_a_commit_above_tip_moves_tip),
        RULE(rule_5_8_kept_proposals_go_on_from_the_moved_tip),
        RULE(rule_5_8_a_commit_of_a_lower_view_does_not_move_tip),
        RULE(rule_5_8_a_commit_against_my_vote_ends_preparing),
        RULE(rule_5_8_who_started_anew_complains_still),
        RULE(rule_5_8_a_commit_of_an_ancestor_against_my_vote_ends_preparing),
        RULE(rule_5_9_a_prepared_body_is_kept_until_its_height_is_committed),
    };
    return cmocka_run_group_tests_name("rules_5_commit", tests, NULL, NULL);
}
