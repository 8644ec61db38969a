/* PROTOCOL.md 7.4, 7.5, 7.7 and 7.8: the base of a view, the base vote, and what a base cannot be.
 */
#include "tests/unit/rules_view.h"

static struct certificate prepared(uint64_t view, const struct pbft_block *block)
{
    return lone_certificate(&l, CERT_PREPARE, view, block, others());
}

static struct certificate committed(uint64_t view, const struct pbft_block *block)
{
    return lone_certificate(&l, CERT_COMMIT, view, block, others());
}

/* ---- 7.8 ---- */

/* View 0 of an epoch is NORMAL and installed, tip is the base, and there is no base vote. */
static void rule_7_8_view_0_needs_no_base_vote(void **state)
{
    (void)state;
    begin(4, 3);
    assert_int_equal(l.look.mode, PBFT_NORMAL);
    assert_true(l.look.is_installed);
    assert_true(l.look.has_tip);
    assert_int_equal(l.look.tip.height, 0);
    (void)lone_wait(&l, 5000);
    (void)lone_status(&l, 0, 0);
    (void)lone_wait(&l, 250);
    (void)lone_status(&l, 0, 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(lone_vote(&l, 0, CERT_PREPARE, &b[0]), PBFT_DROP_COMMITTED);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
    assert_int_equal(l.votes_count, 0);
}

/* ---- 7.4: the base vote ---- */

/* PREPARE(v',h*,d*) even if h* is committed, COMMIT as usual; that installs the view (6.1). */
static void base_is_voted_for(const struct pbft_block *base)
{
    assert_true(lone_sent_vote(&l, CERT_PREPARE, base));
    assert_true(lone_block_equal(&l.look.tip, base));
    assert_int_equal(lone_act(&l, PBFT_SEND_VOTE, 0)->vote.statement.view, l.view);
    assert_false(l.look.is_installed);
    (void)lone_vote(&l, 0, CERT_PREPARE, base);
    assert_false(sends_anything_for(CERT_COMMIT));
    (void)lone_vote(&l, 1, CERT_PREPARE, base);
    assert_true(lone_sent_vote(&l, CERT_COMMIT, base));
    (void)lone_vote(&l, 0, CERT_COMMIT, base);
    assert_false(l.look.is_installed);
    (void)lone_vote(&l, 1, CERT_COMMIT, base);
    assert_true(l.look.is_installed);
    assert_true(l.durable.is_installed);
    assert_int_equal(l.look.committed.height, base->height);
}

static void rule_7_4_the_base_of_the_epoch_is_voted_for(void **state)
{
    (void)state;
    begin(4, 3);
    leave(0);
    adopt(1, NULL);
    base_is_voted_for(&b[0]);
}

static void rule_7_4_a_committed_base_is_voted_for(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    commit(&b[2]);
    struct certificate high = committed(0, &b[2]);
    leave(0);
    adopt(1, &high);
    base_is_voted_for(&b[2]);
    assert_int_equal(lone_count(&l, PBFT_WRITE_COMMIT), 0);
}

static void rule_7_4_a_prepared_base_is_voted_for_and_commits(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    lone_accept(&l, &b[2]);
    lone_accept(&l, &b[3]);
    struct certificate high = prepared(0, &b[2]);
    leave(0);
    adopt(1, &high);
    base_is_voted_for(&b[2]); /* and 3 is gone: no certificate carried it over */
}

/* Votes for the base that come before its NEW-VIEW count: the network owes no order. */
static void rule_7_4_votes_for_the_base_count_before_its_new_view(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    struct certificate high = committed(0, &b[1]);
    leave(0);
    for (uint32_t from = 0; from < 2; from++) {
        assert_int_equal(lone_vote(&l, from, CERT_PREPARE, &b[1]), PBFT_KEEP);
        assert_int_equal(lone_vote(&l, from, CERT_COMMIT, &b[1]), PBFT_KEEP);
    }
    adopt(1, &high);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
    assert_true(l.look.is_installed);
}

/* Missing bodies up to h* are fetched by digest; the base vote waits for them, and writes them. */
static void rule_7_4_the_base_vote_waits_for_bodies(void **state)
{
    (void)state;
    begin(4, 3);
    struct certificate high = prepared(0, &b[3]);
    leave(0);
    adopt(1, &high);
    for (int h = 3; h >= 1; h--) {
        assert_false(l.look.has_tip);
        assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
        const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
        assert_non_null(act);
        assert_true(digest_equal(&act->fetch.digest, &b[h].digest));
        assert_int_equal(lone_data(&l, act->to, &b[h], false), PBFT_KEEP);
    }
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[3]));
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1);
    assert_int_equal(lone_count(&l, PBFT_WRITE_BLOCK), 3);
    assert_true(lone_block_equal(&l.durable.tip, &b[3]));
    assert_int_equal(l.look.committed.height, 0);
}

/* Also where its chain is known by headers alone. */
static void rule_7_4_headers_are_not_enough_for_the_base_vote(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_range(&l, 2, &b[1], 1, 2);
    assert_int_equal(l.look.committed.height, 1);
    struct certificate high = committed(0, &b[3]);
    leave(0);
    adopt(1, &high);
    assert_int_equal(l.votes_count, 0);
    assert_int_equal(lone_count(&l, PBFT_WRITE_BLOCK), 0);
    assert_false(l.look.has_tip);
}

/* Only the base vote, or a certificate of this very view, sets tip: not one of a lower view. */
static void rule_7_4_a_commit_of_a_lower_view_sets_no_tip(void **state)
{
    (void)state;
    begin(4, 3);
    struct certificate high = committed(0, &b[3]);
    leave(0);
    adopt(1, &high);
    l.view = 0;
    (void)lone_range(&l, 2, &b[1], 2, 0);
    assert_int_equal(l.look.committed.height, 2);
    assert_false(l.look.has_tip);
    (void)lone_range(&l, 2, &b[3], 1, 0);
    assert_int_equal(l.look.committed.height, 3);
    assert_false(l.look.is_installed);                    /* that takes a certificate of view 1 */
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[3])); /* now the base is here */
    assert_true(lone_block_equal(&l.look.tip, &b[3]));
}

/* While tip is none no PRE-PREPARE is accepted; they are kept. */
static void rule_7_4_proposals_wait_for_tip_and_for_the_view_to_be_installed(void **state)
{
    (void)state;
    begin(4, 3);
    struct certificate high = prepared(0, &b[1]);
    leave(0);
    adopt(1, &high);
    assert_int_equal(lone_pre_prepare(&l, 1, &b[2]), PBFT_KEEP);
    assert_int_equal(lone_pre_prepare(&l, 1, &b[3]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    (void)lone_data(&l, 0, &b[1], false);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0); /* not installed: PROTOCOL.md, beside */
    (void)lone_wait(&l, 1000);
    assert_int_equal(l.votes_count, 1);
    install(&b[1]);
    assert_true(lone_block_equal(&lone_act(&l, PBFT_ASK_CHECK, 0)->block, &b[2]));
}

/* The same of the primary, who builds nothing before. */
static void rule_7_4_the_primary_builds_on_an_installed_base_only(void **state)
{
    (void)state;
    begin(4, 1);
    (void)lone_pool(&l, true, true);
    leave(0);
    (void)lone_view_change(&l, 0, 1, NULL);
    (void)lone_view_change(&l, 2, 1, NULL);
    assert_int_equal(l.look.mode, PBFT_NORMAL);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    install(&b[0]);
    assert_int_equal(lone_act(&l, PBFT_ASK_BUILD, 0)->ticket.view, 1);
    assert_int_equal(lone_act(&l, PBFT_ASK_BUILD, 0)->ticket.height, 1);
}

/* New proposals start at h* + 1; in a view nobody votes below its base. */
static void rule_7_4_nobody_votes_at_or_below_the_base_again(void **state)
{
    (void)state;
    begin(4, 3);
    for (int h = 1; h <= 3; h++)
        lone_accept(&l, &b[h]);
    struct certificate high = prepared(0, &b[2]);
    leave(0);
    adopt(1, &high);
    struct pbft_block other = lone_block(&l, &b[0]);
    assert_int_equal(lone_pre_prepare(&l, 1, &other), PBFT_DROP_COMMITTED);
    assert_int_equal(lone_pre_prepare(&l, 1, &b[2]), PBFT_DROP_COMMITTED);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], others());
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 1); /* COMMIT 2, none for 1 */
    install(&b[2]);
    assert_int_equal(l.look.committed.height, 2);
    struct pbft_block third = lone_block(&l, &b[2]); /* another one than I prepared in view 0 */
    lone_accept(&l, &third);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &third));
}

/* ---- 7.5 ---- */

/* h* below what a lower view committed, or another block there: more than f lie. */
static void rule_7_5_a_base_against_a_commit_of_a_lower_view_is_the_alarm(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    commit(&b[2]);
    struct certificate below = prepared(0, &b[1]);
    l.view = 1;
    assert_int_equal(lone_new_view(&l, 1, &below), PBFT_DROP_CONFLICT);
    assert_true(l.look.is_alarmed);
    const struct pbft_act *act = lone_act(&l, PBFT_WRITE_ALARM, 0);
    assert_int_equal(act->certificate->statement.height, 1);
    assert_int_equal(act->other->statement.height, 2);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    lone_close(&l);

    begin(4, 3);
    struct pbft_block other = lone_block(&l, &b[0]);
    commit(&b[1]);
    struct certificate beside = prepared(0, &other);
    l.view = 1;
    assert_int_equal(lone_new_view(&l, 1, &beside), PBFT_DROP_CONFLICT);
    assert_true(l.look.is_alarmed);
    assert_int_equal(l.look.view, 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
}

/* The same where the base was to be that of the epoch: there are two certificates no more, but one
 * stands against V. */
static void rule_7_5_the_base_of_the_epoch_against_a_commit_is_the_alarm(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    l.view = 1;
    assert_int_equal(lone_new_view(&l, 1, NULL), PBFT_DROP_CONFLICT);
    assert_true(l.look.is_alarmed);
    assert_int_equal(lone_act(&l, PBFT_WRITE_ALARM, 0)->certificate->statement.height, 1);
}

/* In view 2, CHANGING, where a certificate of view 2 has committed up to b[3]. */
static void begin_committed_in_view_2(void)
{
    begin(4, 3);
    commit(&b[1]);
    l.view = 2;
    (void)lone_range(&l, 2, &b[2], 2, 0);
    assert_int_equal(l.look.view, 2);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
    assert_int_equal(l.look.committed.height, 3);
}

/* Certificates of v' itself took me above h*: tip := committed instead of the base vote. */
static void rule_7_5_a_certificate_of_the_view_above_its_base_sets_tip(void **state)
{
    (void)state;
    begin_committed_in_view_2();
    struct certificate base = prepared(1, &b[2]);
    adopt(2, &base);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_true(lone_block_equal(&l.look.tip, &b[3]));
    assert_true(lone_block_equal(&l.durable.tip, &b[3]));
    assert_true(l.look.is_installed);
    lone_accept(&l, &b[4]);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[4]));
}

/* They conflict: the primary sent two NEW-VIEWs. Stay CHANGING, complain; the other may come. */
static void rule_7_5_a_base_against_a_commit_of_its_own_view_is_not_accepted(void **state)
{
    (void)state;
    begin_committed_in_view_2();
    struct pbft_block other = lone_block(&l, &b[1]);
    struct certificate wrong = prepared(1, &other), right = prepared(1, &b[2]);
    assert_int_equal(lone_new_view(&l, 2, &wrong), PBFT_DROP_CONFLICT);
    assert_false(l.look.is_alarmed);
    assert_int_equal(l.look.mode, PBFT_CHANGING);
    assert_int_equal(lone_act(&l, PBFT_SEND_COMPLAIN, 0)->complain.reason, PBFT_REASON_FAULTY);
    adopt(2, &right);
    assert_true(lone_block_equal(&l.look.tip, &b[3]));
}

/* What the core does not remember stands in the ledger. */
static void rule_7_5_the_ledger_tells_what_is_committed_at_the_base(void **state)
{
    (void)state;
    struct certificate right;
    for (int is_right = 0; is_right < 2; is_right++) {
        begin_committed_in_view_2();
        struct pbft_block other = lone_block(&l, &b[1]);
        lone_start(&l);
        right = prepared(1, &b[2]);
        const struct certificate *highs[4] = {&right, &right, &right, &right};
        struct pbft_msg m = lone_make_new_view(&l, 2, 7, highs);
        struct pbft_event event = {.type = PBFT_EVENT_MSG, .msg = &m};
        event.base_digest = is_right ? &b[2].digest : &other.digest;
        assert_int_equal(lone_step(&l, &event), is_right ? PBFT_KEEP : PBFT_DROP_CONFLICT);
        assert_int_equal(l.look.mode, is_right ? PBFT_NORMAL : PBFT_CHANGING);
        assert_false(l.look.is_alarmed);
        if (!is_right)
            lone_close(&l);
    }
}

static void assert_spoiled(void)
{
    assert_false(l.look.has_tip);
    assert_true(l.durable.is_spoiled);
    assert_false(l.look.is_alarmed);
    assert_int_equal(lone_act(&l, PBFT_SEND_COMPLAIN, 0)->complain.reason, PBFT_REASON_FAULTY);
    size_t votes_count = l.votes_count;
    for (int i = 0; i < 2; i++) { /* before and after a restart */
        struct pbft_block next = lone_block(&l, &l.look.committed);
        (void)lone_pre_prepare(&l, 2, &next);
        assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
        (void)lone_wait(&l, 1000);
        assert_false(l.look.has_tip);
        assert_int_equal(l.votes_count, votes_count);
        lone_start(&l);
    }
}

/* The same at the base vote, which was waiting: no PREPARE in v', also after a restart. */
static void rule_7_5_a_commit_of_the_view_against_its_waiting_base_spoils_it(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    struct pbft_block other = lone_block(&l, &b[1]);
    struct certificate base = prepared(1, &other);
    adopt(2, &base);
    (void)lone_range(&l, 2, &b[2], 1, 0); /* of view 2 */
    assert_int_equal(l.look.committed.height, 2);
    assert_spoiled();
}

/* Or after it: a vote of mine is contradicted (5.8). */
static void rule_7_5_a_commit_of_the_view_against_its_voted_base_spoils_it(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    struct pbft_block other = lone_block(&l, &b[1]);
    l.view = 0;
    lone_accept(&l, &other);
    struct certificate base = prepared(0, &other);
    adopt(2, &base);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &other));
    (void)lone_range(&l, 2, &b[2], 1, 0);
    assert_int_equal(l.look.committed.height, 2);
    assert_spoiled();
}

/* A lower view's commit against the base: more than f lie; nothing of it is committed. */
static void rule_7_5_a_later_commit_of_a_lower_view_against_the_base_is_the_alarm(void **state)
{
    (void)state;
    begin(4, 3);
    commit(&b[1]);
    struct pbft_block other = lone_block(&l, &b[1]);
    struct certificate base = prepared(1, &other);
    adopt(2, &base);
    l.view = 0;
    (void)lone_range(&l, 2, &b[2], 1, 0);
    assert_true(l.look.is_alarmed);
    assert_int_equal(l.look.committed.height, 1);
    assert_int_equal(lone_count(&l, PBFT_WRITE_COMMIT), 0);
}

/* The chain from my head to the base does not begin at my head. */
static void rule_7_5_a_base_on_another_chain_than_mine_is_the_alarm(void **state)
{
    (void)state;
    begin(4, 3);
    struct pbft_block other[3];
    make_chain(other, 2);
    commit(&b[1]);
    struct certificate base = prepared(0, &other[2]);
    leave(0);
    adopt(1, &base);
    assert_false(l.look.is_alarmed);
    (void)lone_data(&l, 0, &other[2], false);
    assert_true(l.look.is_alarmed);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(l.votes_count, 2);
}

/* Of which view the head was committed is not known (its certificate is damaged, or a state was
 * taken without one): nobody can be blamed for a base beside it. The primary of view 5 sent two
 * NEW-VIEWs. */
static void rule_7_5_a_base_beside_a_head_of_an_unknown_view_is_no_alarm(void **state)
{
    (void)state;
    begin_stored(4, 3);
    l.durable.view = 5;
    l.durable.mode = PBFT_CHANGING;
    l.durable.has_tip = l.durable.is_installed = false;
    l.durable.committed = b[1];
    lone_start(&l);
    struct pbft_block other[3];
    make_chain(other, 2);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 4, &other[2], others());
    adopt(5, &high);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    assert_int_equal(lone_data(&l, act->to, &other[2], false), PBFT_KEEP);
    assert_false(l.look.is_alarmed);
    assert_false(l.look.has_tip);
}

/* Committed in this very view, and its base far below, where no history is. */
static void rule_7_5_a_new_view_below_a_snapshot_of_its_own_view_is_taken(void **state)
{
    (void)state;
    begin_stored(4, 3);
    l.durable.view = 5;
    l.durable.mode = PBFT_CHANGING;
    l.durable.has_tip = false;
    l.durable.is_installed = false;
    l.durable.committed = b[20];
    l.durable.has_cover = true;
    l.durable.cover = lone_certificate(&l, CERT_COMMIT, 5, &b[21], others());
    l.durable.has_high = true;
    l.durable.high = l.durable.cover;
    lone_start(&l);
    struct certificate high = lone_certificate(&l, CERT_COMMIT, 4, &b[3], others());
    enum pbft_drop drop = lone_new_view(&l, 5, &high);
    assert_int_equal(drop, PBFT_KEEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_7_8_view_0_needs_no_base_vote),
        RULE(rule_7_4_the_base_of_the_epoch_is_voted_for),
        RULE(rule_7_4_a_committed_base_is_voted_for),
        RULE(rule_7_4_a_prepared_base_is_voted_for_and_commits),
        RULE(rule_7_4_votes_for_the_base_count_before_its_new_view),
        RULE(rule_7_4_the_base_vote_waits_for_bodies),
        RULE(rule_7_4_headers_are_not_enough_for_the_base_vote),
        RULE(rule_7_4_a_commit_of_a_lower_view_sets_no_tip),
        RULE(rule_7_4_proposals_wait_for_tip_and_for_the_view_to_be_installed),
        RULE(rule_7_4_the_primary_builds_on_an_installed_base_only),
        RULE(rule_7_4_nobody_votes_at_or_below_the_base_again),
        RULE(rule_7_5_a_base_against_a_commit_of_a_lower_view_is_the_alarm),
        RULE(rule_7_5_the_base_of_the_epoch_against_a_commit_is_the_alarm),
        RULE(rule_7_5_a_certificate_of_the_view_above_its_base_sets_tip),
        RULE(rule_7_5_a_base_against_a_commit_of_its_own_view_is_not_accepted),
        RULE(rule_7_5_the_ledger_tells_what_is_committed_at_the_base),
        RULE(rule_7_5_a_commit_of_the_view_against_its_waiting_base_spoils_it),
        RULE(rule_7_5_a_commit_of_the_view_against_its_voted_base_spoils_it),
        RULE(rule_7_5_a_later_commit_of_a_lower_view_against_the_base_is_the_alarm),
        RULE(rule_7_5_a_base_on_another_chain_than_mine_is_the_alarm),
        RULE(rule_7_5_a_base_beside_a_head_of_an_unknown_view_is_no_alarm),
        RULE(rule_7_5_a_new_view_below_a_snapshot_of_its_own_view_is_taken),
    };
    return cmocka_run_group_tests_name("rules_7_base", tests, NULL, NULL);
}
