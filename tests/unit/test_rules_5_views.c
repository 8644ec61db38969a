/* PROTOCOL.md 5.2, 5.5, 5.8 and 5.9 across views: what a view change takes along and what it lets
 * go. */
#include "tests/unit/rules_view.h"

static bool wants(const struct pbft_block *block)
{
    return pbft_wants_block(l.core, &block->digest, block->height);
}

/* ---- 5.5 ---- */

/* A certificate of a lower view asks for no COMMIT in this one, wherever it comes from. */
static void rule_5_5_a_certificate_of_a_lower_view_gets_no_commit(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    go_on(0, &b[0]);
    size_t votes_count = l.votes_count;
    l.view = 0;
    (void)lone_qc(&l, CERT_PREPARE, &b[1], others());
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(l.votes_count, votes_count);
    l.view = 1;
    lone_accept(&l, &b[1]); /* proposed once more in this view, it is as good as any */
    (void)lone_qc(&l, CERT_PREPARE, &b[1], others());
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
}

/* The COMMIT for the base may be the one that installs the view, which lets bodies of lower views
 * go (5.9): not what this view has certified, though the highest certificate does not lead down to
 * it. */
static void rule_5_5_commits_go_on_where_one_installs_the_view(void **state)
{
    (void)state;
    begin(4, 3);
    for (int h = 1; h <= 3; h++)
        lone_accept(&l, &b[h]);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    leave(0);
    adopt(4, &high); /* of the primary of view 0, who proposes the same block again */
    (void)lone_vote(&l, 0, CERT_COMMIT, &b[1]);
    (void)lone_vote(&l, 1, CERT_COMMIT, &b[1]);
    (void)lone_qc(&l, CERT_PREPARE, &b[9], others());
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    (void)lone_qc(&l, CERT_PREPARE, &b[2], others());
    assert_true(l.look.is_installed);
    assert_int_equal(l.look.committed.height, 1);
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[2]));
    assert_true(wants(&b[2]));
    assert_false(wants(&b[3]));
}

/* ---- 5.8 ---- */

/* A commit of this view against my vote in it: complain, no more PREPARE, commit all the same. */
static void rule_5_8_a_commit_against_my_vote_is_complained_about(void **state)
{
    (void)state;
    begin(4, 3);
    go_on(0, &b[0]);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &other);
    (void)lone_range(&l, 2, &b[1], 2, 0);
    assert_int_equal(l.look.committed.height, 2);
    assert_false(l.look.has_tip);
    assert_true(l.durable.is_spoiled);
    assert_int_equal(lone_act(&l, PBFT_SEND_COMPLAIN, 0)->complain.reason, PBFT_REASON_FAULTY);
    (void)lone_pre_prepare(&l, 1, &b[3]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    lone_start(&l);
    (void)lone_pre_prepare(&l, 1, &b[3]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    /* The next view is another matter. */
    l.view = 1;
    struct certificate high = lone_certificate(&l, CERT_COMMIT, 1, &b[2], others());
    leave(1);
    adopt(2, &high);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[2]));
    assert_false(l.durable.is_spoiled);
}

/* A commit of a lower view is against no vote of this one: 7.5 says what that is. It moves no tip
 * and spoils nothing where it agrees. */
static void rule_5_8_a_commit_of_a_lower_view_spoils_nothing(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    leave(0);
    adopt(1, &high);
    assert_true(lone_block_equal(&l.look.tip, &b[1]));
    l.view = 0;
    (void)lone_qc(&l, CERT_COMMIT, &b[1], others());
    assert_int_equal(l.look.committed.height, 1);
    assert_true(lone_block_equal(&l.look.tip, &b[1]));
    assert_false(l.durable.is_spoiled);
    assert_int_equal(l.look.complaint, PBFT_REASON_NONE);
    assert_false(l.look.is_installed);
}

/* One that would pass tip takes more than f liars: the alarm (13), and no vote, also where the
 * check of a proposal was under way. */
static void rule_5_8_a_commit_of_a_lower_view_above_tip_ends_its_check(void **state)
{
    (void)state;
    begin(4, 3);
    go_on(0, &b[0]);
    (void)lone_pre_prepare(&l, 1, &b[1]);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
    l.view = 0;
    (void)lone_range(&l, 2, &b[1], 2, 0);
    assert_true(l.look.is_alarmed);
    assert_int_equal(l.look.committed.height, 0);
    assert_int_equal(lone_checked(&l, &b[1], PBFT_CHECK_VALID, 0), PBFT_DROP_STALE);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
}

/* ---- 5.9 ---- */

/* What I PREPAREd in view w is kept over views and restarts, though nothing certified it here. */
static void rule_5_9_a_prepared_body_outlasts_its_view(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    leave(0);
    assert_true(wants(&b[1]));
    lone_start(&l);
    assert_true(wants(&b[1]));
    leave(1);
    adopt(2, NULL);
    assert_true(wants(&b[1]));
    assert_int_equal(lone_fetch(&l, 1, &b[1]), PBFT_KEEP); /* and given to who asks */
    assert_int_equal(lone_count(&l, PBFT_SEND_BLOCK), 1);
    assert_false(lone_act(&l, PBFT_SEND_BLOCK, 0)->has_pre_prepare); /* that was of view 0 */
    /* Its certificate may show only now: another had it, and it is the next view's base. */
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    leave(2);
    l.view = 4;
    assert_int_equal(lone_new_view(&l, 4, &high), PBFT_KEEP);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
}

/* Until a COMMIT certificate of a view above w is known. */
static void rule_5_9_a_commit_certificate_of_a_higher_view_lets_it_go(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    lone_accept(&l, &b[2]);
    leave(0);
    adopt(1, NULL);
    assert_true(wants(&b[1]));
    install(&b[0]);
    assert_false(wants(&b[1]));
    assert_false(wants(&b[2]));
}

/* But not what this view stands on: its base and all below, and what is certified on it. */
static void rule_5_9_the_base_and_what_is_below_it_stay(void **state)
{
    (void)state;
    begin(4, 3);
    for (int h = 1; h <= 3; h++)
        lone_accept(&l, &b[h]);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[2], others());
    leave(0);
    adopt(1, &high);
    struct certificate c = lone_certificate(&l, CERT_COMMIT, 1, &b[2], others());
    struct certificate p = lone_certificate(&l, CERT_PREPARE, 1, &b[3], others());
    (void)lone_certified(&l, &p); /* proposed again in view 1, and certified before I heard of it */
    (void)lone_certified(&l, &c);
    assert_true(l.look.is_installed);
    assert_int_equal(l.look.committed.height, 2);
    assert_true(wants(&b[3]));
    lone_close(&l);

    begin(4, 3);
    for (int h = 1; h <= 3; h++)
        lone_accept(&l, &b[h]);
    high = lone_certificate(&l, CERT_PREPARE, 0, &b[2], others());
    leave(0);
    adopt(1, &high);
    (void)lone_certified(&l, &c);
    assert_int_equal(l.look.committed.height, 2);
    assert_false(wants(&b[3]));
}

/* Until its height is committed, by whatever. */
static void rule_5_9_a_commit_of_its_height_lets_it_go(void **state)
{
    (void)state;
    begin(4, 3);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &other);
    leave(0);
    l.view = 0;
    (void)lone_range(&l, 2, &b[1], 1, 0);
    assert_int_equal(l.look.committed.height, 1);
    assert_false(wants(&other));
}

/* Proposals that got no vote go with their view, and so do their signatures. */
static void rule_5_9_a_proposal_without_a_vote_goes_with_its_view(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_pre_prepare(&l, 0, &b[1]);
    (void)lone_pre_prepare(&l, 0, &b[2]);
    assert_true(wants(&b[1]));
    leave(0);
    assert_false(wants(&b[1]));
    assert_false(wants(&b[2]));
    /* Another one at its place in the next view is no second proposal (5.3). */
    adopt(1, NULL);
    install(&b[0]);
    struct pbft_block other = lone_block(&l, &b[0]);
    lone_accept(&l, &other);
    assert_int_equal(l.look.complaint, PBFT_REASON_NONE);
}

/* 16: at one height there are a body voted for in a lower view, a fresh one, and one that a
 * certificate names: views that come to nothing add none. */
static void rule_16_views_that_come_to_nothing_add_no_bodies(void **state)
{
    (void)state;
    begin(7, 6);
    lone_accept(&l, &b[1]);
    for (uint64_t view = 1; view <= 5; view++) {
        leave(view - 1);
        adopt(view, NULL);
        for (int i = 0; i < 3; i++) { /* nothing above the base before it is installed */
            struct pbft_block other = lone_block(&l, &b[0]);
            (void)lone_pre_prepare(&l, (uint32_t)view, &other);
            assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
        }
    }
    assert_true(wants(&b[1]));
    assert_int_equal(l.bodies_count, 1);
}

/* f + 1 members vote for a block, it is asked for, and comes without its PRE-PREPARE (5.7). */
static enum pbft_drop fetch(uint32_t first, const struct pbft_block *block)
{
    for (uint32_t i = 0; i <= faulty_max_of(l.config.members.members_count); i++)
        (void)lone_vote(&l, first + i, CERT_PREPARE, block);
    (void)lone_tick(&l, l.config.status_ms); /* 9.4: in its turn */
    return lone_data(&l, first, block, false);
}

/* Nor do bodies that were fetched: three lying primaries in a row, each of which has one voted for
 * by some, fill no height with them. */
static void rule_16_fetched_bodies_go_with_their_view(void **state)
{
    (void)state;
    begin(10, 9);
    for (uint64_t view = 0; view < 3; view++) {
        struct pbft_block other = lone_block(&l, &b[0]);
        assert_int_equal(fetch(0, &other), PBFT_KEEP);
        assert_true(wants(&other));
        leave(view);
        assert_false(wants(&other));
        adopt(view + 1, NULL);
    }
    install(&b[0]);
    lone_accept(&l, &b[1]);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
}

/* What a COMMIT certificate covers is of any view: heads and bodies stay. */
static void rule_16_what_is_certified_for_good_outlasts_its_view(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_range(&l, 2, &b[1], 1, 2);
    assert_int_equal(l.look.committed.height, 1);
    leave(0);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act); /* the lowest of those that the heads name */
    assert_true(digest_equal(&act->fetch.digest, &b[2].digest));
    lone_close(&l);

    begin(4, 3);
    (void)lone_qc(&l, CERT_COMMIT, &b[3], others());
    assert_int_equal(lone_data(&l, 0, &b[3], false), PBFT_KEEP);
    (void)lone_qc(&l, CERT_PREPARE, &b[9], others()); /* high, from which nothing leads down */
    leave(0);
    assert_true(wants(&b[3]));
}

/* So does what high covers: the next base may stand on it. But of another view, not for long. */
static void rule_16_what_high_covers_outlasts_its_view(void **state)
{
    (void)state;
    begin(4, 3);
    (void)lone_qc(&l, CERT_PREPARE, &b[3], others());
    for (int h = 3; h >= 2; h--)
        assert_int_equal(lone_data(&l, 0, &b[h], false), PBFT_KEEP);
    assert_int_equal(l.votes_count, 0); /* without b[1] there is no COMMIT */
    leave(0);
    leave(1);
    assert_true(wants(&b[3]) && wants(&b[2]));
    struct pbft_block other = lone_block(&l, &b[0]);
    (void)lone_qc(&l, CERT_PREPARE, &other, others()); /* of view 2 */
    leave(2);
    assert_false(wants(&b[3]) || wants(&b[2]));
}

/* A height in view 1: a body voted for in view 0, a proposal, and one that was fetched. */
static struct pbft_block begin_with_a_full_height(void)
{
    begin(6, 5);
    lone_accept(&l, &b[1]);
    leave(0);
    adopt(1, NULL);
    struct pbft_block proposed = lone_block(&l, &b[0]), other = lone_block(&l, &b[0]);
    assert_int_equal(lone_pre_prepare(&l, 1, &proposed), PBFT_KEEP);
    assert_int_equal(fetch(0, &other), PBFT_KEEP);
    struct pbft_block one_more = lone_block(&l, &b[0]);
    assert_int_equal(fetch(2, &one_more), PBFT_DROP_SLOT_FULL);
    return other;
}

/* A body that a certificate names finds a place: nobody needs the one that only votes named. */
static void rule_16_a_certified_body_takes_the_place_of_one_that_is_not(void **state)
{
    (void)state;
    struct pbft_block other = begin_with_a_full_height();
    struct pbft_block chain[3];
    make_chain(chain, 2);
    (void)lone_qc(&l, CERT_PREPARE, &chain[2], others());
    (void)lone_tick(&l, 250);
    assert_int_equal(lone_data(&l, 0, &chain[2], false), PBFT_KEEP);
    (void)lone_tick(&l, 250);
    assert_int_equal(lone_data(&l, 0, &chain[1], false), PBFT_KEEP);
    assert_true(wants(&chain[1]));
    assert_false(wants(&other));
    assert_false(wants(&b[1])); /* 5.9: with my COMMIT no later view can want it */
    /* Its proposal, which is still known for the first of its height (5.3). */
    assert_int_equal(lone_pre_prepare(&l, 1, &other), PBFT_DROP_CONFLICT);
}

/* The same of a base, and of what a range brings. */
static void rule_16_a_base_and_a_range_find_a_place(void **state)
{
    (void)state;
    struct pbft_block chain[3];
    begin(6, 5);
    make_chain(chain, 2);
    lone_accept(&l, &b[1]);
    struct certificate above = lone_certificate(&l, CERT_PREPARE, 0, &chain[2], others());
    leave(0);
    adopt(1, &above);
    struct pbft_block other = lone_block(&l, &b[0]), one_more = lone_block(&l, &b[0]);
    assert_int_equal(fetch(0, &other), PBFT_KEEP);
    assert_int_equal(fetch(2, &one_more), PBFT_KEEP);
    l.view = 0;
    assert_int_equal(lone_range(&l, 2, &chain[1], 2, 0), PBFT_KEEP);
    assert_int_equal(l.look.committed.height, 2);
    lone_close(&l);

    /* The view's base is named by its NEW-VIEW; what came before that was voted for in it. */
    begin(10, 9);
    lone_accept(&l, &b[1]);
    leave(0);
    for (uint32_t first = 0; first < 8; first += 4) {
        other = lone_block(&l, &b[0]);
        assert_int_equal(fetch(first, &other), PBFT_KEEP);
    }
    struct pbft_block base = lone_block(&l, &b[0]);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &base, others());
    adopt(1, &high);
    (void)lone_tick(&l, 250);
    assert_int_equal(lone_data(&l, 0, &base, false), PBFT_KEEP);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &base));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_5_5_a_certificate_of_a_lower_view_gets_no_commit),
        RULE(rule_5_5_commits_go_on_where_one_installs_the_view),
        RULE(rule_5_8_a_commit_against_my_vote_is_complained_about),
        RULE(rule_5_8_a_commit_of_a_lower_view_spoils_nothing),
        RULE(rule_5_8_a_commit_of_a_lower_view_above_tip_ends_its_check),
        RULE(rule_5_9_a_prepared_body_outlasts_its_view),
        RULE(rule_5_9_a_commit_certificate_of_a_higher_view_lets_it_go),
        RULE(rule_5_9_the_base_and_what_is_below_it_stay),
        RULE(rule_5_9_a_commit_of_its_height_lets_it_go),
        RULE(rule_5_9_a_proposal_without_a_vote_goes_with_its_view),
        RULE(rule_16_views_that_come_to_nothing_add_no_bodies),
        RULE(rule_16_fetched_bodies_go_with_their_view),
        RULE(rule_16_what_is_certified_for_good_outlasts_its_view),
        RULE(rule_16_what_high_covers_outlasts_its_view),
        RULE(rule_16_a_certified_body_takes_the_place_of_one_that_is_not),
        RULE(rule_16_a_base_and_a_range_find_a_place),
    };
    return cmocka_run_group_tests_name("rules_5_views", tests, NULL, NULL);
}
