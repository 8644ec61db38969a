/* Rule 5.9 where views come and go that are never installed here: a base, or a PREPARE certificate
 * of this view, names the only block of its height that a later view can want (PROTOCOL.md). */
#include "tests/unit/rules_view.h"

/* A certificate that q members made in a view of which this one saw nothing, and that a liar shows
 * in the next one: its base is voted for here, in a view that is never installed here. */
static void base_of(uint64_t view, const struct pbft_block *block)
{
    struct certificate high = lone_certificate(&l, CERT_PREPARE, view - 1, block, others());
    while (l.look.view < view)
        leave(l.look.view);
    adopt(view, &high);
}

/* The body, as soon as it is asked for. */
static enum pbft_drop give(const struct pbft_block *block)
{
    enum pbft_drop drop = PBFT_DROP_NOT_ASKED;
    for (int i = 0; i < 8 && drop == PBFT_DROP_NOT_ASKED; i++) {
        drop = lone_data(&l, (uint32_t)(i % 3), block, false);
        if (drop == PBFT_DROP_NOT_ASKED)
            (void)lone_tick(&l, 250);
    }
    return drop;
}

static void rule_5_9_bases_of_views_not_installed_here_fill_no_height(void **state)
{
    (void)state;
    begin(4, 3);
    for (uint64_t view = 1; view <= 13; view += 4) {
        struct pbft_block x = lone_block(&l, &b[0]);
        base_of(view, &x);
        enum pbft_drop drop = give(&x);
        assert_int_equal(drop, PBFT_KEEP);
        assert_true(l.look.has_tip); /* the base vote */
    }
}

static void rule_5_9_what_the_others_commit_finds_a_place(void **state)
{
    (void)state;
    struct pbft_block x;
    begin(4, 3);
    for (uint64_t view = 1; view <= 13; view += 4) {
        x = lone_block(&l, &b[0]);
        base_of(view, &x);
        (void)give(&x);
    }
    (void)lone_qc(&l, CERT_COMMIT, &x, others());
    assert_true(l.look.is_installed);
    (void)give(&x);
    assert_int_equal(l.look.committed.height, 1);
}

static void rule_5_9_a_fresh_block_and_bases_fill_no_height(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    for (uint64_t view = 1; view <= 9; view += 4) {
        struct pbft_block x = lone_block(&l, &b[0]);
        base_of(view, &x);
        enum pbft_drop drop = give(&x);
        assert_int_equal(drop, PBFT_KEEP);
    }
}

static void rule_5_9_two_of_a_view_and_one_committed_to_fill_no_height(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    struct pbft_block other = lone_block(&l, &b[0]);
    (void)lone_qc(&l, CERT_PREPARE, &other, others());
    assert_int_equal(give(&other), PBFT_KEEP);
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &other));
    leave(0);
    adopt(1, NULL);
    struct pbft_block third = lone_block(&l, &b[0]);
    (void)lone_qc(&l, CERT_PREPARE, &third, others());
    assert_int_equal(give(&third), PBFT_KEEP);
    struct pbft_block fourth = lone_block(&l, &b[0]);
    base_of(5, &fourth);
    enum pbft_drop drop = give(&fourth);
    assert_int_equal(drop, PBFT_KEEP);
}

/* 4.2, 13: the primary sent two NEW-VIEWs; a certificate on the other one's chain takes nothing
 * away that stands below my own base vote. */
static void rule_5_9_what_i_voted_for_in_this_view_stays(void **state)
{
    (void)state;
    begin(4, 3);
    lone_accept(&l, &b[1]);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &b[1], others());
    leave(0);
    adopt(1, &high);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &b[1]));
    struct pbft_block other = lone_block(&l, &b[0]);
    (void)lone_qc(&l, CERT_PREPARE, &other, others());
    (void)give(&other);
    assert_true(pbft_wants_block(l.core, &b[1].digest, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_5_9_bases_of_views_not_installed_here_fill_no_height),
        RULE(rule_5_9_what_the_others_commit_finds_a_place),
        RULE(rule_5_9_a_fresh_block_and_bases_fill_no_height),
        RULE(rule_5_9_two_of_a_view_and_one_committed_to_fill_no_height),
        RULE(rule_5_9_what_i_voted_for_in_this_view_stays),
    };
    return cmocka_run_group_tests_name("rules_5_bodies", tests, NULL, NULL);
}
