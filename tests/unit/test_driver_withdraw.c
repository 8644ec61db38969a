/* PROTOCOL.md 4.2 and 13 through the driver: a vote that was decided and waits for the disk does
 * not leave any more once this key votes no more. All else that waits still goes. */
#include <string.h>

#include "tests/unit/driver_rules.h"

static const struct world_block *other; /* of height 1, and no b[] */

static void begin_with_other(uint32_t own_index)
{
    begin(own_index);
    const struct world_tx *tx = world_record(&w, 0, 1);
    other = world_block(&w, NULL, &tx, 1);
}

/* A vote for b[1] waits for its batch, and one for b[2] for the next. */
static void two_votes_wait(void)
{
    begin_with_other(1);
    world_propose(&w, b[1]);
    world_run(&w);
    assert_true(w.is_submitted);
    world_propose(&w, b[2]);
    world_run(&w);
    assert_int_equal(world_look(&w).outputs_count, 1);
}

/* Somebody shows a vote of mine that contradicts one which I have told nobody of yet. */
static void become_a_learner(void)
{
    world_make_vote(&w, w.own_index, CERT_PREPARE, other);
    assert_true(world_give(&w, 2));
    world_run(&w);
    assert_true(world_look(&w).core.is_learner);
}

static void become_alarmed(void)
{
    world_qc(&w, 2, CERT_COMMIT, b[1]);
    world_qc(&w, 3, CERT_COMMIT, other);
    world_run(&w);
    assert_true(world_look(&w).core.is_alarmed);
}

static void assert_no_vote_leaves(void)
{
    assert_int_equal(w.outputs_count, 0);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
    assert_int_equal(world_sent(&w, PBFT_COMMIT, NULL), 0);
    assert_int_equal(world_sent(&w, PBFT_PRE_PREPARE, NULL), 0);
    assert_int_equal(world_look(&w).outputs_count, 0);
}

static void rule_4_2_a_learner_lets_no_vote_go_that_waited_for_the_disk(void **state)
{
    (void)state;
    two_votes_wait();
    become_a_learner();
    assert_no_vote_leaves();
}

static void rule_13_an_alarmed_replica_lets_no_vote_go_that_waited_for_the_disk(void **state)
{
    (void)state;
    two_votes_wait();
    become_alarmed();
    assert_no_vote_leaves();
}

/* The batch is durable, and the marker is being raised. */
static void rule_4_2_nor_one_that_waited_for_the_marker(void **state)
{
    (void)state;
    begin_with_other(1);
    w.holds_marker = true;
    world_propose(&w, b[1]);
    world_run(&w);
    world_land(&w);
    assert_true(w.is_marking);
    become_a_learner();
    assert_no_vote_leaves();
}

/* A primary's proposals, a block that a peer asked for, STATUS and an answer wait. */
static void four_things_wait(void)
{
    begin_with_other(0);
    world_submit(&w, 1, world_record(&w, 1, 1));
    world_run(&w);
    assert_true(w.is_submitted);
    world_submit(&w, 2, world_record(&w, 2, 1));
    world_run(&w);
    world_pass(&w, 250); /* T_batch, T_s */
    world_run(&w);
    driver_on_tx(w.driver, 3, bytes_of_text("no transaction"), w.time);
    const struct pbft_block tip = world_look(&w).core.tip;
    assert_int_equal(tip.height, 2);
    w.msg = (struct pbft_msg){.type = PBFT_FETCH, .from = 2, .link = 2};
    w.msg.fetch.kind = PBFT_FETCH_BLOCK;
    w.msg.fetch.digest = tip.parent;
    assert_true(world_give(&w, 2));
    world_run(&w);
    assert_int_equal(w.outputs_count, 0);
}

static void what_is_no_word_of_mine_still_goes(void **state)
{
    (void)state;
    struct pbft_msg *m = mem_alloc(sizeof *m);
    four_things_wait();
    become_a_learner();
    assert_no_vote_leaves();
    assert_int_equal(world_sent(&w, PBFT_STATUS, NULL), WORLD_OTHERS);
    assert_non_null(world_answer(&w, 3));
    assert_non_null(world_message(&w, PBFT_DATA, 0));
    assert_true(world_decode(m, world_message(&w, PBFT_DATA, 0)));
    assert_int_equal(m->data.blocks[0].height, 1);
    assert_false(m->data.has_pre_prepare);
    mem_free(m);
}

/* Of the STATUSes of a turn the last one goes: also when what stood before it has gone. */
static void the_last_status_goes_and_once(void **state)
{
    (void)state;
    struct pbft_msg *m = mem_alloc(sizeof *m);
    four_things_wait();
    become_a_learner();
    uint64_t before = w.counter;
    for (int i = 0; i < 5; i++) {
        world_pass(&w, 250);
        world_run(&w);
    }
    assert_no_vote_leaves();
    assert_int_equal(world_sent(&w, PBFT_STATUS, NULL), WORLD_OTHERS);
    assert_true(world_decode(m, world_message(&w, PBFT_STATUS, 0)));
    assert_true(m->status.counter >= before + 5);
    mem_free(m);
}

/* The PRE-PREPARE of another member is not mine to withhold. */
static void a_block_goes_with_the_proposal_of_another(void **state)
{
    (void)state;
    struct pbft_msg *m = mem_alloc(sizeof *m);
    two_votes_wait();
    world_fetch(&w, 2, b[1]);
    world_run(&w);
    become_a_learner();
    assert_no_vote_leaves();
    assert_non_null(world_message(&w, PBFT_DATA, 0));
    assert_true(world_decode(m, world_message(&w, PBFT_DATA, 0)));
    assert_true(m->data.has_pre_prepare);
    assert_int_equal(m->data.pre_prepare_from, 0);
    mem_free(m);
}

/* A certificate of a block whose body is not here commits what is below it: that is written, and is
 * no reason to stop voting (5.6). */
static void rule_5_6_a_cover_withdraws_nothing(void **state)
{
    (void)state;
    begin(1);
    world_propose(&w, b[1]);
    world_run(&w);
    assert_true(w.is_submitted);
    world_range(&w, 2, &b[1], 2, 2);
    world_run(&w);
    assert_int_equal(world_look(&w).core.committed.height, 2);
    assert_int_equal(world_look(&w).core.certified_height, 4);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[1]), WORLD_OTHERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(rule_4_2_a_learner_lets_no_vote_go_that_waited_for_the_disk),
        DRIVER_TEST(rule_13_an_alarmed_replica_lets_no_vote_go_that_waited_for_the_disk),
        DRIVER_TEST(rule_4_2_nor_one_that_waited_for_the_marker),
        DRIVER_TEST(what_is_no_word_of_mine_still_goes),
        DRIVER_TEST(the_last_status_goes_and_once),
        DRIVER_TEST(a_block_goes_with_the_proposal_of_another),
        DRIVER_TEST(rule_5_6_a_cover_withdraws_nothing),
    };
    return cmocka_run_group_tests_name("driver_withdraw", tests, NULL, NULL);
}
