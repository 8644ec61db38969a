/* PROTOCOL.md 16: what proposals may hold above the highest COMMIT certificate, P blocks of the
 * largest size, and what goes beyond it: the one that is needed last. */
#include "tests/unit/rules_view.h"

/* A core that has P = 4 of them above tip, at heights 2 to 5. */
static void begin_full(void)
{
    begin(4, 1);
    l.block_bytes = LONE_BLOCK_BYTES_MAX;
    for (int h = 2; h <= 5; h++)
        assert_int_equal(lone_pre_prepare(&l, 0, &b[h]), PBFT_KEEP);
}

static bool has_body(const struct pbft_block *block)
{
    return pbft_wants_block(l.core, &block->digest, block->height);
}

static uint64_t bodies_held(void)
{
    uint64_t count = 0;
    for (int h = 1; h < RULE_BLOCKS; h++)
        count += has_body(&b[h]);
    return count;
}

/* One primary cannot fill the window: what it sends above the first P blocks is dropped. */
static void rule_16_proposals_hold_p_blocks_at_most(void **state)
{
    (void)state;
    begin_full();
    for (int h = 6; h <= 16; h++) {
        assert_int_equal(lone_pre_prepare(&l, 0, &b[h]), PBFT_DROP_NO_ROOM);
        assert_false(has_body(&b[h]));
    }
    assert_int_equal(l.glances[PBFT_DROP_NO_ROOM], 11);
    assert_int_equal(bodies_held(), 4);
}

/* Bytes are counted, not blocks; exactly the limit fits. */
static void rule_16_the_limit_is_of_bytes(void **state)
{
    (void)state;
    begin(4, 1);
    l.block_bytes = LONE_BLOCK_BYTES_MAX / 2;
    for (int h = 2; h <= 9; h++)
        assert_int_equal(lone_pre_prepare(&l, 0, &b[h]), PBFT_KEEP);
    l.block_bytes = 1;
    assert_int_equal(lone_pre_prepare(&l, 0, &b[10]), PBFT_DROP_NO_ROOM);
    l.block_bytes = 0;
    assert_int_equal(lone_pre_prepare(&l, 0, &b[10]), PBFT_KEEP);
}

/* A lower one is needed earlier: the highest body makes room, as many as it takes. */
static void rule_16_the_highest_body_makes_room(void **state)
{
    (void)state;
    begin(4, 1);
    l.block_bytes = LONE_BLOCK_BYTES_MAX / 2;
    for (int h = 9; h >= 2; h--)
        assert_int_equal(lone_pre_prepare(&l, 0, &b[h]), PBFT_KEEP);
    l.block_bytes = LONE_BLOCK_BYTES_MAX;
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_KEEP);
    for (int h = 1; h <= 9; h++)
        assert_int_equal(has_body(&b[h]), h <= 7);
    /* Right above tip there is always room, and it can be voted for. */
    assert_true(lone_block_equal(&lone_act(&l, PBFT_ASK_CHECK, 0)->block, &b[1]));
}

/* A proposal whose body had to go is still the first of its place: another one is a conflict. */
static void rule_16_a_proposal_without_its_body_is_still_the_first(void **state)
{
    (void)state;
    begin_full();
    struct pbft_block other = lone_block(&l, &b[4]);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_KEEP);
    assert_false(has_body(&b[5]));
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[5]), PBFT_DROP_NO_ROOM);
}

/* So it is where the lower one is not right above tip. */
static void rule_16_a_lower_body_has_room_wherever_it_stands(void **state)
{
    (void)state;
    begin(4, 1);
    l.block_bytes = LONE_BLOCK_BYTES_MAX;
    for (int h = 3; h <= 6; h++)
        assert_int_equal(lone_pre_prepare(&l, 0, &b[h]), PBFT_KEEP);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[2]), PBFT_KEEP);
    assert_true(has_body(&b[2]));
    assert_false(has_body(&b[6]));
    assert_int_equal(bodies_held(), 4);
}

/* A vote frees nothing: all of a primary's chain may be valid, and P of it is enough. The one right
 * above tip is kept, its vote waits; a COMMIT certificate makes room, and the vote goes out. */
static void rule_16_what_is_voted_for_is_bounded_too(void **state)
{
    (void)state;
    begin(4, 1);
    l.block_bytes = LONE_BLOCK_BYTES_MAX;
    for (int h = 1; h <= 4; h++)
        lone_accept(&l, &b[h]);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[5]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[6]), PBFT_DROP_NO_ROOM);
    assert_int_equal(bodies_held(), 5);
    (void)lone_tick(&l, 1000); /* time alone changes nothing */
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    (void)lone_qc(&l, CERT_COMMIT, &b[2], 13);
    assert_int_equal(l.look.committed.height, 2);
    assert_true(lone_block_equal(&lone_act(&l, PBFT_ASK_CHECK, 0)->block, &b[5]));
    assert_int_equal(lone_checked(&l, &b[5], PBFT_CHECK_VALID, 0), PBFT_KEEP);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[6]), PBFT_KEEP);
    assert_int_equal(lone_checked(&l, &b[6], PBFT_CHECK_VALID, 0), PBFT_KEEP);
    assert_int_equal(l.look.tip.height, 6);
}

/* The same after a restart, which reads the bodies back. */
static void rule_16_what_was_voted_for_before_a_restart_counts(void **state)
{
    (void)state;
    begin(4, 1);
    l.block_bytes = LONE_BLOCK_BYTES_MAX;
    for (int h = 1; h <= 4; h++)
        lone_accept(&l, &b[h]);
    lone_start(&l);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[5]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[6]), PBFT_DROP_NO_ROOM);
}

/* However small the blocks: no vote further above a COMMIT certificate than the headers of one
 * range lead, or nobody could be given what is between (9.2). */
static void rule_16_votes_go_no_further_than_a_range_leads(void **state)
{
    (void)state;
    static struct pbft_block chain[80];
    begin_sized(4, 1, 4, 64);
    make_chain(chain, 79);
    for (int h = 1; h <= 64; h++)
        lone_accept(&l, &chain[h]);
    assert_int_equal(lone_pre_prepare(&l, 0, &chain[65]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    (void)lone_qc(&l, CERT_COMMIT, &chain[1], 13);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
}

/* What f+1 PREPAREs or a certificate name is fetched beyond the limit where it is the next to
 * commit, which lets others go (5.7); its PRE-PREPARE comes with it or later. */
static void rule_16_the_next_body_always_has_room(void **state)
{
    (void)state;
    begin_full();
    (void)lone_qc(&l, CERT_PREPARE, &b[6], 13);
    (void)lone_vote(&l, 0, CERT_PREPARE, &b[7]);
    (void)lone_vote(&l, 2, CERT_PREPARE, &b[7]);
    (void)lone_tick(&l, 250);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    (void)lone_qc(&l, CERT_PREPARE, &b[1], 13);
    assert_true(digest_equal(&lone_act(&l, PBFT_SEND_FETCH, 0)->fetch.digest, &b[1].digest));
    assert_int_equal(lone_data(&l, 2, &b[1], false), PBFT_KEEP);
    assert_int_equal(bodies_held(), 5);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_KEEP);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[1]), PBFT_DROP_DUPLICATE);
    assert_int_equal(bodies_held(), 5);
}

/* Nor do votes fill the window: two members' PREPAREs, and nothing certified. */
static void rule_16_fetched_bodies_are_bounded_too(void **state)
{
    (void)state;
    begin(4, 1);
    l.block_bytes = LONE_BLOCK_BYTES_MAX;
    for (int h = 1; h <= 16; h++) {
        (void)lone_vote(&l, 2, CERT_PREPARE, &b[h]);
        (void)lone_vote(&l, 3, CERT_PREPARE, &b[h]);
    }
    for (int i = 0; i < 40; i++) {
        uint64_t asked = lone_count(&l, PBFT_SEND_FETCH);
        for (uint64_t k = 0; k < asked; k++)
            for (int h = 1; h <= 16; h++)
                (void)lone_data(&l, 2, &b[h], false);
        (void)lone_tick(&l, 250);
    }
    assert_in_range(bodies_held(), 4, 5);
    assert_true(has_body(&b[1]));
}

/* A certificate far above the head does not open the window to proposals either. */
static void rule_16_a_far_certificate_makes_no_room(void **state)
{
    (void)state;
    begin(4, 1);
    l.block_bytes = LONE_BLOCK_BYTES_MAX;
    struct pbft_block other = lone_block(&l, &b[13]);
    (void)lone_qc(&l, CERT_COMMIT, &other, 13); /* of height 14, on another chain or on this */
    for (int h = 1; h <= 4; h++)
        lone_accept(&l, &b[h]);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[5]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[6]), PBFT_DROP_NO_ROOM);
}

/* A body that had to go is missing like any other below a certificate, and is fetched. */
static void rule_16_a_body_that_had_to_go_is_fetched_when_certified(void **state)
{
    (void)state;
    begin_full();
    (void)lone_pre_prepare(&l, 0, &b[1]);
    assert_false(has_body(&b[5]));
    (void)lone_qc(&l, CERT_COMMIT, &b[5], 13);
    assert_int_equal(l.look.committed.height, 4);
    const struct pbft_act *act = lone_act(&l, PBFT_SEND_FETCH, 0);
    assert_non_null(act);
    assert_true(digest_equal(&act->fetch.digest, &b[5].digest));
    (void)lone_data(&l, act->to, &b[5], false);
    assert_int_equal(l.look.committed.height, 5);
}

/* ---- the base of a view, beside the limit ---- */

/* Member 3 has prepared P of the largest blocks, b[1] to b[4], when view 1 begins. */
static void begin_full_of_votes(void)
{
    begin(4, 3);
    l.block_bytes = LONE_BLOCK_BYTES_MAX;
    for (int h = 1; h <= 4; h++)
        lone_accept(&l, &b[h]);
    leave(0);
}

/* Each body that is asked for is given, until nothing is asked for; how many that were. */
static uint64_t give_what_is_asked(const struct pbft_block *chain, int last)
{
    uint64_t given = 0;
    const struct pbft_act *act;
    while ((act = lone_act(&l, PBFT_SEND_FETCH, 0)) != NULL) {
        struct pbft_fetch asked = act->fetch;
        uint32_t to = act->to;
        int h = 1;
        while (h <= last && !digest_equal(&chain[h].digest, &asked.digest))
            h++;
        assert_in_range(h, 1, last);
        assert_int_equal(lone_data(&l, to, &chain[h], false), PBFT_KEEP);
        assert_true(has_body(&chain[h]));
        given++;
    }
    return given;
}

/* What I voted for in lower views goes with the base vote and when this view is installed (5.9):
 * so a replica that holds all it may fetches the base's bodies all the same. */
static void rule_16_the_bodies_of_the_base_have_room_beside_the_limit(void **state)
{
    (void)state;
    begin_full_of_votes();
    /* Its primary proposed others to the others, from height 2 on. */
    struct pbft_block chain[4] = {b[0], b[1]};
    chain[2] = lone_block(&l, &chain[1]);
    chain[3] = lone_block(&l, &chain[2]);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &chain[3], others());
    adopt(1, &high);
    assert_int_equal(give_what_is_asked(chain, 3), 2);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &chain[3]));
    /* 5.9: beside the base's what I voted for goes, above it not before the view is installed. */
    assert_int_equal(bodies_held(), 2);
    install(&chain[3]);
    assert_int_equal(l.look.committed.height, 3);
    assert_int_equal(bodies_held(), 0);
}

/* Nothing but the base is: not what votes or a certificate of this view name above it. */
static void rule_16_only_the_base_has_room_beside_the_limit(void **state)
{
    (void)state;
    begin_full_of_votes();
    struct pbft_block other[5];
    make_chain(other, 4);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &other[2], others());
    adopt(1, &high);
    (void)lone_vote(&l, 0, CERT_PREPARE, &other[3]);
    (void)lone_vote(&l, 1, CERT_PREPARE, &other[3]);
    (void)lone_qc(&l, CERT_PREPARE, &other[4], others());
    (void)lone_tick(&l, 250);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 1);
    assert_int_equal(give_what_is_asked(other, 2), 2);
    for (int i = 0; i < 10; i++) {
        (void)lone_tick(&l, 250);
        assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    }
}

/* As much again, and no more: whoever prepared it held all of it above his head within the limit.
 * What is below his head is committed, and comes in ranges (9.1). */
static void rule_16_the_base_has_a_limit_of_its_own(void **state)
{
    (void)state;
    begin_full_of_votes();
    static struct pbft_block other[13];
    make_chain(other, 12);
    struct certificate high = lone_certificate(&l, CERT_PREPARE, 0, &other[12], others());
    adopt(1, &high);
    assert_int_equal(give_what_is_asked(other, 12), 4); /* 12 to 9 */
    for (int i = 0; i < 10; i++) {
        (void)lone_tick(&l, 250);
        assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 0);
    }
    assert_false(l.look.has_tip);
    l.view = 0;
    (void)lone_range(&l, 2, &other[1], 8, 0);
    assert_int_equal(l.look.committed.height, 8);
    assert_true(lone_sent_vote(&l, CERT_PREPARE, &other[12]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_16_proposals_hold_p_blocks_at_most),
        RULE(rule_16_the_limit_is_of_bytes),
        RULE(rule_16_the_highest_body_makes_room),
        RULE(rule_16_a_proposal_without_its_body_is_still_the_first),
        RULE(rule_16_a_lower_body_has_room_wherever_it_stands),
        RULE(rule_16_what_is_voted_for_is_bounded_too),
        RULE(rule_16_what_was_voted_for_before_a_restart_counts),
        RULE(rule_16_votes_go_no_further_than_a_range_leads),
        RULE(rule_16_the_next_body_always_has_room),
        RULE(rule_16_fetched_bodies_are_bounded_too),
        RULE(rule_16_a_far_certificate_makes_no_room),
        RULE(rule_16_a_body_that_had_to_go_is_fetched_when_certified),
        RULE(rule_16_the_bodies_of_the_base_have_room_beside_the_limit),
        RULE(rule_16_only_the_base_has_room_beside_the_limit),
        RULE(rule_16_the_base_has_a_limit_of_its_own),
    };
    return cmocka_run_group_tests_name("rules_16_bounds", tests, NULL, NULL);
}
