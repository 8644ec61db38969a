/* Rule 9.3 where nobody has the state that is being taken: a newer one is, or none, but for a
 * replica that has diverged (8.2), which has no other way. */
#include <string.h>

#include "tests/help/rot.h"
#include "tests/unit/others_rules.h"

enum {
    CHAIN = 60,
    BEHIND = 16,
    OWN = 5, /* the head of the state that it has */
};

static void let_all(enum peer_manner manner)
{
    for (uint32_t i = 0; i < WORLD_OTHERS; i++)
        p.manners[i] = manner;
}

/* Member 3 has some blocks, and some pieces of the state of height 56. */
static void begin_taking(void)
{
    world_open(&w, 3, NULL);
    w.snapshot_behind_heights = BEHIND;
    others_open(&p, &w);
    p.piece_bytes_max = 0;
    p.range_blocks_max = 16; /* L */
    world_begin(&w);
    others_grow(&p, CHAIN);
    others_commit_to(&p, OWN);
    world_forget(&w);
    others_tell(&p);
    for (int i = 0; i < 4; i++)
        (void)others_answer(&p);
    assert_true(world_look(&w).is_taking_snapshot);
    assert_true(world_look(&w).snapshot.pieces_done > 0);
}

static void what_nobody_has_is_given_up_for_blocks(void **state)
{
    (void)state;
    begin_taking();
    let_all(PEER_EMPTY);
    uint32_t asked = 0;
    assert_int_equal(others_play(&p, 600), RC_OK);
    assert_int_equal(store_head(w.store)->height, CHAIN);
    assert_false(world_look(&w).is_taking_snapshot);
    assert_false(world_look(&w).core.is_taking_snapshot);
    assert_int_equal(world_look(&w).history_from_height, 1);
    assert_true(others_have_same_state(&p));
    for (uint32_t i = 0; i < WORLD_OTHERS; i++)
        asked += p.pieces_asked[i];
    others_tell(&p); /* nor is it asked for again */
    assert_int_equal(others_play(&p, 20), RC_OK);
    for (uint32_t i = 0; i < WORLD_OTHERS; i++)
        asked -= p.pieces_asked[i];
    assert_int_equal(asked, 0);
}

/* One may lie, and the silent may be there again: so one alone gives nothing up. */
static void one_that_has_it_not_and_silence_give_nothing_up(void **state)
{
    (void)state;
    begin_taking();
    uint32_t done = (uint32_t)world_look(&w).snapshot.pieces_done;
    let_all(PEER_SILENT);
    p.manners[1] = PEER_EMPTY;
    assert_int_equal(others_play(&p, 200), RC_OK);
    assert_true(p.pieces_asked[1] > 4);
    assert_true(world_look(&w).is_taking_snapshot);
    assert_true(world_look(&w).snapshot.pieces_done >= done);
    let_all(PEER_HONEST);
    assert_int_equal(others_play(&p, 600), RC_REOPEN);
    others_reopen(&p);
    assert_int_equal(store_head(w.store)->height, 56);
}

/* Nor has one alone what is here thrown away for a newer one, however often it says so while pieces
 * of the others are on their way. */
static void one_that_has_it_not_keeps_nobody_from_the_target(void **state)
{
    (void)state;
    begin_taking();
    uint32_t done = (uint32_t)world_look(&w).snapshot.pieces_done;
    let_all(PEER_SILENT);
    p.manners[1] = PEER_EMPTY;
    others_grow(&p, 8); /* all of them still have 56 */
    others_tell(&p);
    for (int i = 0; i < 60; i++)
        if (others_answer(&p) == 0)
            world_pass(&w, 250);
    assert_true(p.pieces_asked[1] > 6);
    assert_int_equal(world_look(&w).snapshot.height, 56);
    assert_true(world_look(&w).snapshot.pieces_done >= done);
}

/* f that are silent for ever keep nobody at a target that the correct ones have no more. */
static void the_silent_keep_nobody_at_a_target_that_is_gone(void **state)
{
    (void)state;
    begin_taking();
    let_all(PEER_EMPTY);
    p.manners[2] = PEER_SILENT;
    others_grow(&p, 8);
    others_tell(&p);
    for (int i = 0; i < 60 && world_look(&w).snapshot.height == 56; i++)
        if (others_answer(&p) == 0)
            world_pass(&w, 250);
    assert_int_equal(world_look(&w).snapshot.height, 64);
    let_all(PEER_HONEST);
    assert_int_equal(others_play(&p, 600), RC_REOPEN);
    others_reopen(&p);
    assert_int_equal(store_head(w.store)->height, 64);
}

/* Who says so now and then, between pieces, says nothing about the whole. */
static void pieces_that_come_keep_it(void **state)
{
    (void)state;
    begin_taking();
    for (int round = 0; world_look(&w).is_taking_snapshot && round < 600; round++) {
        let_all(round % 8 < 5 ? PEER_EMPTY : PEER_HONEST);
        if (others_answer(&p) == 0)
            world_pass(&w, 250);
        if (driver_failure(w.driver, NULL) != RC_OK)
            break;
    }
    assert_int_equal(driver_failure(w.driver, NULL), RC_REOPEN);
    others_reopen(&p);
    assert_int_equal(store_head(w.store)->height, 56);
}

/* It crashes at every round, with the batch or without. */
static void giving_up_outlasts_crashes(void **state)
{
    (void)state;
    for (int lands = 0; lands < 2; lands++) {
        begin_taking();
        let_all(PEER_EMPTY);
        for (int i = 0; i < 200 && store_is_taking_snapshot(w.store); i++) {
            (void)others_answer(&p);
            world_run(&w);
            world_pass(&w, 250);
            if (w.is_submitted) {
                world_crash(&w, lands == 1 || i % 2 == 0);
                assert_int_equal(world_start(&w), RC_OK);
            }
        }
        assert_false(store_is_taking_snapshot(w.store));
        w.snapshot_behind_heights = 16384; /* a start that is told of it again would try again */
        world_crash(&w, false);
        world_begin(&w);
        others_tell(&p);
        assert_int_equal(others_play(&p, 200), RC_OK);
        assert_true(others_have_same_state(&p));
        if (lands == 0)
            assert_int_equal(end_others(state), 0);
    }
}

/* While it is given up a newer one is certified, which is to be had. */
static void a_newer_one_is_taken_afterwards(void **state)
{
    (void)state;
    begin_taking();
    let_all(PEER_EMPTY);
    p.withholds_ranges = true;
    for (int i = 0; i < 200 && world_look(&w).is_taking_snapshot; i++)
        if (others_answer(&p) == 0)
            world_pass(&w, 250);
    assert_false(world_look(&w).is_taking_snapshot);
    let_all(PEER_HONEST);
    p.withholds_ranges = false;
    others_grow(&p, 8);
    others_certify(&p, 0);
    assert_int_equal(others_play(&p, 600), RC_REOPEN);
    others_reopen(&p);
    assert_int_equal(store_head(w.store)->height, 64);
}

/* It has no state to go on with: it asks until somebody has it. */
static void one_that_has_diverged_gives_nothing_up(void **state)
{
    (void)state;
    world_open(&w, 3, NULL);
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, 40);
    others_commit_to(&p, 15);
    world_crash(&w, false);
    (void)rot_state(w.kv, 3);
    w.is_rotten = true;
    world_begin(&w);
    others_tell(&p);
    assert_int_equal(others_play(&p, 100), RC_REOPEN);
    others_reopen(&p);
    w.is_rotten = false;
    let_all(PEER_EMPTY);
    others_tell(&p);
    assert_int_equal(others_play(&p, 300), RC_OK);
    assert_true(world_look(&w).is_diverged);
    assert_true(world_look(&w).is_taking_snapshot);
    let_all(PEER_HONEST);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    others_reopen(&p);
    assert_false(world_look(&w).is_diverged);
}

/* ---- the own state is damaged, which whoever gives up wants to go on with (8.2) ---- */

/* The disk says that it is given up, and not that this is done (ledger/store_intake.h). */
static bool is_being_given_up(void)
{
    enum { PHASE_AT = 8 + 2 * DIGEST_BYTES + 1, ABANDONED = 2 };
    struct buf record = {0};
    bool is_abandoned = world_read(&w, KV_META, bytes_of_text("intake"), &record) &&
                        record.data[PHASE_AT] == ABANDONED;
    buf_free(&record);
    return is_abandoned;
}

static void begin_giving_up(void)
{
    begin_taking();
    let_all(PEER_EMPTY);
    for (int i = 0; i < 2000 && !is_being_given_up(); i++) {
        (void)others_give(&p);
        world_run(&w);
        if (w.is_submitted)
            world_land(&w);
        else
            world_pass(&w, 250);
    }
    assert_true(is_being_given_up());
}

/* Nobody has anything of a state, so what there is to begin with is that the own one goes. */
static void expect_own_state_goes(void)
{
    struct why why = {{0}};
    world_settle(&w);
    assert_int_equal(driver_failure(w.driver, &why), RC_REOPEN);
    assert_non_null(strstr(why.text, "cannot be cleared away"));
    others_reopen(&p);
    assert_int_equal(driver_failure(w.driver, NULL), RC_OK);
    assert_true(world_look(&w).is_diverged);
    assert_true(world_look(&w).is_taking_snapshot);
    assert_false(store_has_state(w.store));
    assert_false(is_being_given_up());
    w.is_rotten = false; /* what is left is sound */
}

static void expect_healed(uint64_t height)
{
    assert_int_equal(others_play(&p, 600), RC_REOPEN);
    others_reopen(&p);
    assert_int_equal(store_head(w.store)->height, height);
    assert_false(world_look(&w).is_diverged);
    others_tell(&p);
    assert_int_equal(others_play(&p, 200), RC_OK);
    assert_int_equal(store_head(w.store)->height, p.count);
    assert_true(others_have_same_state(&p));
}

static void a_start_that_meets_damage_while_it_gives_up_heals(void **state)
{
    (void)state;
    begin_giving_up();
    world_crash(&w, false);
    assert_int_equal(rot_top_node(w.kv), OWN);
    w.is_rotten = true;
    world_begin(&w);
    expect_own_state_goes();
    for (int i = 0; i < 2; i++) { /* and no start ends any more */
        world_crash(&w, false);
        world_begin(&w);
        assert_int_equal(driver_failure(w.driver, NULL), RC_OK);
        assert_true(world_look(&w).is_taking_snapshot);
    }
    let_all(PEER_HONEST);
    expect_healed(56);
}

static void a_newer_one_heals_what_had_nothing_to_go_on_with(void **state)
{
    (void)state;
    begin_giving_up();
    world_crash(&w, false);
    assert_int_equal(rot_top_node(w.kv), OWN);
    w.is_rotten = true;
    world_begin(&w);
    expect_own_state_goes();
    assert_int_equal(others_play(&p, 200), RC_OK); /* nobody has that of 56 */
    assert_int_equal(world_look(&w).snapshot.height, 56);
    others_grow(&p, 8);
    others_certify(&p, 0);
    for (int i = 0; i < 200 && world_look(&w).snapshot.height == 56; i++)
        if (others_answer(&p) == 0)
            world_pass(&w, 250);
    assert_int_equal(world_look(&w).snapshot.height, 64);
    let_all(PEER_HONEST);
    expect_healed(64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OTHERS_TEST(what_nobody_has_is_given_up_for_blocks),
        OTHERS_TEST(one_that_has_it_not_and_silence_give_nothing_up),
        OTHERS_TEST(one_that_has_it_not_keeps_nobody_from_the_target),
        OTHERS_TEST(the_silent_keep_nobody_at_a_target_that_is_gone),
        OTHERS_TEST(pieces_that_come_keep_it),
        OTHERS_TEST(giving_up_outlasts_crashes),
        OTHERS_TEST(a_newer_one_is_taken_afterwards),
        OTHERS_TEST(one_that_has_diverged_gives_nothing_up),
        OTHERS_TEST(a_start_that_meets_damage_while_it_gives_up_heals),
        OTHERS_TEST(a_newer_one_heals_what_had_nothing_to_go_on_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
