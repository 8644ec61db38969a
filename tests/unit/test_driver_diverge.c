/* Rule 8.2 where a block shows it: what a quorum committed does not apply here. With a certified
 * state to take, the replica has diverged, once and for all; without one it ends as for a fault. */
#include <string.h>

#include "ledger/state.h"
#include "node/driver/driver_impl.h"
#include "tests/help/rot.h"
#include "tests/unit/others_rules.h"

enum {
    OWN = 12,
    CHAIN = 40,
};

/* Member 3 has the first blocks, stable is 8 if its certificate came, and in its memory somebody
 * has used nonces that nobody used. */
static void begin_wrong_for(bool is_certified, uint64_t height)
{
    struct state_key key;
    world_open(&w, 3, NULL);
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, OWN);
    others_commit_to(&p, OWN);
    if (is_certified)
        others_certify(&p, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).core.stable_height, is_certified ? 8 : 0);
    others_grow(&p, CHAIN - OWN);
    const struct public_key *signer = &w.txs[2 * (height - 1)]->tx.signer;
    struct layer *layer = store_layer(w.store);
    assert_true(state_get_key(layer, signer, &key));
    key.nonce += 100;
    state_put_key(layer, signer, &key, false);
    world_forget(&w);
}

static void begin_wrong(bool is_certified)
{
    begin_wrong_for(is_certified, OWN + 1);
}

/* The certificate of the next block, and the block. */
static void commit_next(void)
{
    world_range(&w, 0, &p.blocks[OWN + 1], 1, 0);
}

static void expect_sound_in_the_end(void)
{
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    others_reopen(&p);
    assert_false(world_look(&w).is_diverged);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_OK);
    assert_int_equal(store_head(w.store)->height, CHAIN);
    assert_true(others_have_same_state(&p));
}

static void a_state_that_a_certified_block_does_not_fit_is_taken_anew(void **state)
{
    (void)state;
    struct why why;
    begin_wrong(true);
    struct pbft_rank high = world_look(&w).core.high;
    others_tell(&p);
    assert_int_equal(others_play(&p, 100), RC_REOPEN);
    (void)driver_failure(w.driver, &why);
    assert_non_null(strstr(why.text, "the certified block at height 13 does not apply"));
    assert_true(world_look(&w).is_diverged);
    assert_int_equal(store_head(w.store)->height, OWN);
    others_reopen(&p);
    assert_true(world_look(&w).is_diverged); /* that is durable */
    assert_true(world_look(&w).core.is_diverged);
    assert_int_equal(store_head(w.store)->height, OWN);
    struct pbft_rank now = world_look(&w).core.high;
    assert_true(pbft_rank_compare(&now, &high) >= 0);
    expect_sound_in_the_end();
}

/* Nobody is told that it ended before that is durable; and what the turn decided is not. */
static void the_driver_ends_when_that_is_durable(void **state)
{
    (void)state;
    begin_wrong(true);
    commit_next();
    world_return_jobs(&w, false);
    world_run(&w);
    uint64_t submits = w.submits_count;
    assert_true(w.is_submitted);
    assert_int_equal(driver_failure(w.driver, NULL), RC_OK);
    assert_true(world_look(&w).is_diverged);
    world_pass(&w, 10000); /* nothing else happens, nor leaves */
    world_run(&w);
    assert_int_equal(w.submits_count, submits);
    assert_int_equal(w.outputs_count, 0);
    world_land(&w);
    assert_int_equal(driver_failure(w.driver, NULL), RC_REOPEN);
    assert_int_equal(world_sent(&w, PBFT_STATUS, NULL), 0);
    others_reopen(&p);
    assert_true(world_look(&w).is_diverged);
    expect_sound_in_the_end();
}

/* Of a step all becomes durable or nothing: the block below it fits, and is forgotten too. */
static void what_the_turn_decided_is_forgotten(void **state)
{
    (void)state;
    begin_wrong_for(true, OWN + 3);
    world_range(&w, 0, &p.blocks[OWN + 1], 3, 0);
    world_run(&w);
    assert_true(world_look(&w).is_diverged);
    world_land(&w);
    others_reopen(&p);
    assert_true(world_look(&w).is_diverged);
    assert_int_equal(store_head(w.store)->height, OWN);
    expect_sound_in_the_end();
}

/* A batch was under way: it lands first. */
static void a_batch_that_is_under_way_lands_before(void **state)
{
    (void)state;
    begin_wrong(true);
    world_pass(&w, 1000);
    world_qc(&w, 1, CERT_PREPARE, p.blocks[OWN + 2]); /* raises high, and is written */
    world_run(&w);
    assert_true(w.is_submitted);
    uint64_t submits = w.submits_count;
    struct pbft_rank high = world_look(&w).core.high;
    commit_next();
    world_run(&w);
    assert_true(world_look(&w).is_diverged);
    assert_int_equal(w.submits_count, submits);
    world_land(&w);
    assert_int_equal(w.submits_count, submits + 1);
    assert_int_equal(driver_failure(w.driver, NULL), RC_OK);
    world_land(&w);
    others_reopen(&p);
    assert_true(world_look(&w).is_diverged);
    struct pbft_rank now = world_look(&w).core.high;
    assert_int_equal(pbft_rank_compare(&now, &high), 0);
    expect_sound_in_the_end();
}

/* A crash before leaves no trace. Here the fault was in memory alone, so the next start is sound.
 */
static void a_crash_before_it_is_durable_forgets_it(void **state)
{
    (void)state;
    begin_wrong(true);
    commit_next();
    world_run(&w);
    assert_true(w.is_submitted);
    world_crash(&w, false);
    world_begin(&w);
    assert_false(world_look(&w).is_diverged);
    others_tell(&p);
    assert_int_equal(others_play(&p, 100), RC_OK);
    assert_true(others_have_same_state(&p));
}

static void a_disk_that_fails_at_that_is_what_ends_it(void **state)
{
    (void)state;
    begin_wrong(true);
    commit_next();
    world_run(&w);
    world_fail(&w, RC_STORE_IO);
    assert_int_equal(driver_failure(w.driver, NULL), RC_STORE_IO);
}

/* There is nothing to take, and who is wrong is not known: a person has to look. */
static void without_a_certified_state_it_ends_as_for_a_fault(void **state)
{
    (void)state;
    struct why why;
    begin_wrong(false);
    commit_next();
    world_run(&w);
    assert_int_equal(driver_failure(w.driver, &why), RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "the certified block at height 13 does not apply"));
    assert_false(world_look(&w).is_diverged);
    assert_false(w.is_submitted);
}

/* ---- at the start ---- */

/* What is on the disk has a payer's nonces used at height 16; memory had them right, so that the
 * blocks above were committed. */
static void begin_rotten(bool is_certified)
{
    enum { WRONG = 16, HEAD = 20 };
    struct state_key key;
    world_open(&w, 3, NULL);
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, WRONG - 1);
    others_commit_to(&p, WRONG - 1);
    if (is_certified)
        others_certify(&p, 0);
    world_settle(&w);
    others_grow(&p, CHAIN - WRONG + 1);
    const struct public_key *signer = &w.txs[2 * WRONG + 1]->tx.signer; /* in block 17 */
    assert_true(state_get_key(store_layer(w.store), signer, &key));
    uint64_t nonce = key.nonce;
    key.nonce = 1000;
    state_put_key(store_layer(w.store), signer, &key, false);
    others_commit_to(&p, WRONG);
    world_settle(&w);
    assert_int_equal(store_flushed_height(w.store), WRONG);
    assert_true(state_get_key(store_layer(w.store), signer, &key));
    key.nonce = nonce;
    state_put_key(store_layer(w.store), signer, &key, false);
    others_commit_to(&p, HEAD);
    w.is_rotten = true;
    world_crash(&w, false);
    world_forget(&w);
}

static void a_state_that_stored_blocks_do_not_fit_is_taken_anew(void **state)
{
    (void)state;
    struct why why;
    begin_rotten(true);
    assert_int_equal(world_start(&w), RC_OK);
    world_run(&w);
    assert_int_equal(driver_failure(w.driver, NULL), RC_OK);
    assert_true(w.is_submitted);
    assert_int_equal(w.outputs_count, 0);
    world_land(&w);
    assert_int_equal(driver_failure(w.driver, &why), RC_REOPEN);
    assert_non_null(strstr(why.text, "at height 17 does not apply to the stored state"));
    assert_true(store_has_wrong_state(w.store, NULL));
    others_reopen(&p);
    assert_true(world_look(&w).core.is_diverged);
    assert_int_equal(store_head(w.store)->height, 20);
    world_submit(&w, 7, world_record(&w, 0, p.nonces[0] + 1));
    world_settle(&w);
    assert_int_equal(world_answer(&w, 7)->outcome, DRIVER_BUSY);
    w.is_rotten = false; /* what is left of it is sound */
    expect_sound_in_the_end();
}

/* It is read by nobody else, and without a certified state it ends as for a fault. */
static void a_wrong_state_is_refused_where_none_can_be_taken(void **state)
{
    (void)state;
    struct store *store;
    struct why why;
    begin_rotten(false);
    assert_int_equal(store_open(&store, w.kv, &(struct store_options){.care = TREE_VERIFY}, &why),
                     RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "at height 17 does not apply to the stored state"));
    struct store_options options = {.care = TREE_VERIFY, .may_have_wrong_state = true};
    struct place place;
    struct state_key key;
    assert_int_equal(store_open(&store, w.kv, &options, &why), RC_OK);
    assert_true(store_has_wrong_state(store, &why));
    assert_int_equal(store_head(store)->height, 20);
    assert_int_equal(store_get_place(store, &w.txs[0]->tx.id, &place, NULL), RC_STORE_DAMAGED);
    assert_false(state_get_key(store_layer(store), &w.txs[0]->tx.signer, &key));
    assert_int_equal(layer_rc(store_layer(store)), RC_STORE_DAMAGED);
    store_close(store);
    assert_int_equal(world_start(&w), RC_STORE_DAMAGED);
    assert_non_null(strstr(w.why.text, "at height 17 does not apply to the stored state"));
}

/* One range took it far beyond what is flushed, and then the first of these flushes shows that the
 * state has diverged. The others are never computed: that they are due keeps nothing out of the
 * inbox, or nobody would ever tell it of a state to take. */
static void flushes_of_a_diverged_state_keep_no_message_waiting(void **state)
{
    (void)state;
    enum { WRONG = 4, HEAD = 32 };
    world_open(&w, 3,
               "{\"pipeline_heights\": 2, \"checkpoint_every_heights\": 4,"
               " \"window_heights\": 16}");
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, 2 * WRONG);
    others_commit_to(&p, WRONG);
    world_crash(&w, false);
    assert_int_equal(rot_state(w.kv, 0), WRONG);
    w.is_rotten = true;
    world_begin(&w);
    others_certify(&p, 0);
    world_settle(&w);
    others_grow(&p, CHAIN - 2 * WRONG);
    world_range(&w, 0, &p.blocks[WRONG + 1], HEAD - WRONG, 0);
    world_settle(&w);
    assert_int_equal(driver_failure(w.driver, NULL), RC_REOPEN);
    assert_int_equal(store_head(w.store)->height, HEAD);
    uint8_t room[8];
    struct wr at = wr_of(room, sizeof room);
    wr_be64(&at, world_look(&w).divergence.height);
    world_crash(&w, false);
    world_rot(&w, KV_CHECKPOINT, wr_bytes_of(&at)); /* else it begins at once */
    world_begin(&w);
    assert_true(world_look(&w).core.is_diverged);
    assert_in_range(store_flushes_due(w.store), DRIVER_FLUSHES_DUE_MAX + 1, HEAD);
    expect_sound_in_the_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OTHERS_TEST(a_state_that_a_certified_block_does_not_fit_is_taken_anew),
        OTHERS_TEST(the_driver_ends_when_that_is_durable),
        OTHERS_TEST(what_the_turn_decided_is_forgotten),
        OTHERS_TEST(a_batch_that_is_under_way_lands_before),
        OTHERS_TEST(a_crash_before_it_is_durable_forgets_it),
        OTHERS_FAILS(a_disk_that_fails_at_that_is_what_ends_it),
        OTHERS_TEST(a_state_that_stored_blocks_do_not_fit_is_taken_anew),
        OTHERS_TEST(flushes_of_a_diverged_state_keep_no_message_waiting),
        OTHERS_FAILS(a_wrong_state_is_refused_where_none_can_be_taken),
        OTHERS_FAILS(without_a_certified_state_it_ends_as_for_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
