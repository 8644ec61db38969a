/* PROTOCOL.md 4 and pitfalls D5: a body that I voted for, and that my disk lost. */
#include "tests/unit/rules.h"

/* Start anew without the body of one block. */
static void restart_without(const struct pbft_block *lost)
{
    size_t kept = 0;
    for (size_t i = 0; i < l.bodies_count; i++)
        if (!lone_block_equal(&l.bodies[i], lost))
            l.bodies[kept++] = l.bodies[i];
    assert_int_equal(kept, l.bodies_count - 1);
    l.bodies_count = kept;
    lone_start(&l);
    assert_true(l.look.has_lost);
}

static void accept_three(void)
{
    begin(4, 1);
    for (int h = 1; h <= 3; h++)
        lone_accept(&l, &b[h]);
}

/* Not before its body is written again; what lies above it waits for the check as well. */
static void rule_4_votes_wait_for_a_body_that_was_lost(void **state)
{
    (void)state;
    accept_three();
    restart_without(&b[2]);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[4]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 0);
    assert_int_equal(lone_pre_prepare(&l, 0, &b[2]), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_WRITE_BLOCK), 1);
    assert_true(lone_block_equal(&lone_act(&l, PBFT_WRITE_BLOCK, 0)->block, &b[2]));
    assert_int_equal(lone_count(&l, PBFT_ASK_CHECK), 1);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0); /* STATUS asks for them */
    assert_false(l.look.has_lost);
    lone_start(&l);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 3);
}

/* Sent on a certificate alone, without a PREPARE of mine. */
static void rule_4_so_do_those_that_were_sent_on_a_certificate(void **state)
{
    (void)state;
    begin(4, 1);
    assert_int_equal(lone_qc(&l, CERT_PREPARE, &b[1], 13), PBFT_KEEP);
    assert_int_equal(lone_data(&l, 2, &b[1], false), PBFT_KEEP);
    assert_true(lone_sent_vote(&l, CERT_COMMIT, &b[1]));
    restart_without(&b[1]);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_FETCH), 1);
    assert_int_equal(lone_data(&l, lone_act(&l, PBFT_SEND_FETCH, 0)->to, &b[1], false), PBFT_KEEP);
    assert_int_equal(lone_count(&l, PBFT_WRITE_BLOCK), 1);
    assert_false(l.look.has_lost);
}

/* Another one for its place is refused, as if the body were here. */
static void rule_5_3_a_second_proposal_for_a_lost_one_is_a_conflict(void **state)
{
    (void)state;
    accept_three();
    restart_without(&b[3]);
    struct pbft_block other = lone_block(&l, &b[2]);
    assert_int_equal(lone_pre_prepare(&l, 0, &other), PBFT_DROP_CONFLICT);
    assert_true(l.look.has_lost);
}

static void rule_5_1_a_primary_builds_on_no_lost_body(void **state)
{
    (void)state;
    begin(4, 0);
    (void)lone_pool(&l, true, false);
    assert_int_equal(lone_built(&l, &b[1], 0), PBFT_KEEP);
    restart_without(&b[1]);
    assert_int_equal(lone_count(&l, PBFT_SEND_PRE_PREPARE), 0);
    assert_int_equal(lone_count(&l, PBFT_SEND_VOTE), 0);
    (void)lone_pool(&l, true, true);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 0);
    assert_int_equal(lone_vote(&l, 2, CERT_PREPARE, &b[1]), PBFT_KEEP);
    assert_int_equal(lone_act(&l, PBFT_SEND_FETCH, 0)->to, 2);
    assert_int_equal(lone_data(&l, 2, &b[1], false), PBFT_KEEP);
    assert_false(l.look.has_lost);
    assert_int_equal(lone_count(&l, PBFT_ASK_BUILD), 1);
}

/* 5.8: a state was taken below tip, and nothing says that tip leads to its block. */
static void rule_5_8_over_a_lost_body_a_snapshot_spoils_the_view(void **state)
{
    (void)state;
    struct pbft_event taken = {.type = PBFT_EVENT_SNAPSHOT_TAKEN};
    accept_three();
    taken.snapshot = b[1];
    restart_without(&b[2]);
    (void)lone_step(&l, &taken);
    assert_false(l.look.has_tip);
    assert_true(l.durable.is_spoiled);
}

/* 5.9: another view asks for nothing of it. */
static void rule_5_9_it_is_not_waited_for_in_another_view(void **state)
{
    (void)state;
    accept_three();
    restart_without(&b[2]);
    for (uint32_t from = 2; from < 4; from++)
        (void)lone_complain(&l, from, 0);
    assert_int_equal(l.look.view, 1);
    assert_false(l.look.has_lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(rule_4_votes_wait_for_a_body_that_was_lost),
        RULE(rule_4_so_do_those_that_were_sent_on_a_certificate),
        RULE(rule_5_3_a_second_proposal_for_a_lost_one_is_a_conflict),
        RULE(rule_5_1_a_primary_builds_on_no_lost_body),
        RULE(rule_5_8_over_a_lost_body_a_snapshot_spoils_the_view),
        RULE(rule_5_9_it_is_not_waited_for_in_another_view),
    };
    return cmocka_run_group_tests_name("rules_4_lost", tests, NULL, NULL);
}
