/* What the driver does for checkpoints (8.1 to 8.3): roots that are told at a start and when they
 * are asked for, certificates and divergence that are written and come back. */
#include <string.h>

#include "tests/unit/driver_step.h"

/* ---- roots that are asked for ---- */

static void a_start_tells_the_roots_that_are_kept(void **state)
{
    (void)state;
    begin_at(9);
    world_crash(&w, false);
    forget_events();
    world_begin(&w);
    assert_int_equal(first_events[0], PBFT_EVENT_START);
    assert_int_equal(roots_count, 2);
    expect_root(0, 4);
    expect_root(1, 8);
}

static void a_quiet_head_is_flushed_and_told(void **state)
{
    (void)state;
    begin_at(6);
    forget_events();
    w.holds_trees = true;
    ask_root(6);
    world_run(&w);
    assert_non_null(w.tree);
    world_propose(&w, b[7]); /* the world goes on meanwhile */
    world_settle(&w);
    assert_int_equal(roots_count, 1);
    expect_root(0, 6);
    world_commit(&w, b[7]);
    world_commit(&w, b[8]);
    assert_int_equal(roots_count, 2);
    expect_root(1, 8);
    world_crash(&w, false);
    forget_events();
    world_begin(&w);
    assert_int_equal(roots_count, 2);
    expect_root(0, 6);
    expect_root(1, 8);
}

/* Also while the batch of the head itself is under way, whose mark knows nothing of it. */
static void a_head_that_is_not_durable_yet_is_told_when_it_is(void **state)
{
    (void)state;
    begin_at(4);
    forget_events();
    commit_range(5, 2);
    ask_root(6);
    world_run(&w);
    assert_int_equal(roots_count, 0);
    world_land(&w);
    world_run(&w);
    assert_int_equal(roots_count, 0);
    assert_true(w.is_submitted);
    world_land(&w);
    world_run(&w);
    assert_int_equal(roots_count, 1);
    expect_root(0, 6);
}

static void what_was_told_is_told_again_when_asked(void **state)
{
    (void)state;
    begin_at(8);
    forget_events();
    for (size_t i = 0; i < 3; i++) {
        uint64_t submits = w.submits_count;
        ask_root(i < 2 ? 8 : 4);
        assert_int_equal(driver_deadline_ms(w.driver), 0);
        world_run(&w);
        assert_int_equal(roots_count, i + 1);
        expect_root(i, i < 2 ? 8 : 4);
        assert_int_equal(w.submits_count, submits);
    }
}

static void a_height_that_was_passed_gets_no_answer(void **state)
{
    (void)state;
    begin_at(7);
    forget_events();
    ask_root(6);
    ask_root(9);
    ask_root(0);
    ask_root(UINT64_MAX);
    world_settle(&w);
    assert_int_equal(roots_count, 0);
    assert_int_equal(store_flushed_height(w.store), 4);
}

/* ---- checkpoints and divergence ---- */

static struct certificate checkpoint(uint64_t height)
{
    struct certificate c;
    struct digest root;
    assert_int_equal(store_get_root(w.store, height, &root, NULL), RC_OK);
    chain_certify(&w.chain, &c, CERT_CHECKPOINT, height, &b[height]->block.digest, &root, 0);
    return c;
}

static void write_checkpoint(const struct certificate *c)
{
    say(&(struct pbft_act){.type = PBFT_WRITE_CHECKPOINT, .certificate = c});
    world_settle(&w);
}

/* What the core is given at a start. */
static void expect_stable(const struct certificate *expected)
{
    static struct pbft_durable durable;
    struct why why = {{0}};
    memset(&durable, 0, sizeof durable);
    assert_int_equal(driver_load_stable(w.driver, &durable, &why), RC_OK);
    assert_int_equal(durable.has_stable, expected != NULL);
    if (expected == NULL)
        return;
    assert_int_equal(durable.stable.statement.height, expected->statement.height);
    assert_int_equal(durable.stable.entries_count, expected->entries_count);
    assert_memory_equal(&durable.stable.entries[0].signature, &expected->entries[0].signature,
                        SIGNATURE_BYTES);
}

static void a_checkpoint_that_was_written_is_stable_at_a_start(void **state)
{
    (void)state;
    struct certificate found;
    struct tree_ref tree;
    begin_at(8);
    expect_stable(NULL);
    struct certificate first = checkpoint(4), second = checkpoint(8);
    write_checkpoint(&first);
    assert_int_equal(store_get_checkpoint(w.store, &found, &tree, NULL), RC_OK);
    assert_int_equal(found.statement.height, 4);
    say(&(struct pbft_act){.type = PBFT_WRITE_CHECKPOINT, .certificate = &second});
    world_run(&w);
    assert_true(w.is_submitted);
    world_crash(&w, false);
    world_begin(&w);
    expect_stable(&first);
    write_checkpoint(&second);
    world_crash(&w, false);
    world_begin(&w);
    expect_stable(&second);
    assert_int_equal(store_get_checkpoint(w.store, &found, &tree, NULL), RC_OK);
    assert_int_equal(found.statement.height, 8);
}

static void expect_refused(const char *words)
{
    world_crash(&w, false);
    assert_int_equal(world_start(&w), RC_STORE_DAMAGED);
    if (strstr(w.why.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", w.why.text, words);
}

static void a_checkpoint_that_no_quorum_signed_is_refused(void **state)
{
    (void)state;
    begin_at(8);
    struct certificate c = checkpoint(8);
    c.entries[1].signature.bytes[7] ^= 1;
    w.is_rotten = true; /* the audit refuses it too */
    write_checkpoint(&c);
    expect_refused("checkpoint");
}

static void a_checkpoint_of_another_block_is_refused(void **state)
{
    (void)state;
    struct digest root;
    begin_at(8);
    assert_int_equal(store_get_root(w.store, 8, &root, NULL), RC_OK);
    struct certificate c;
    chain_certify(&w.chain, &c, CERT_CHECKPOINT, 8, &b[7]->block.digest, &root, 0);
    w.is_rotten = true;
    write_checkpoint(&c);
    expect_refused("not of the block");
}

/* 8.3: an older one only keeps more. */
static void where_the_newest_cannot_be_read_an_older_one_does(void **state)
{
    (void)state;
    uint8_t room[8];
    struct wr wr = wr_of(room, sizeof room);
    begin_at(8);
    struct certificate first = checkpoint(4), second = checkpoint(8);
    write_checkpoint(&first);
    write_checkpoint(&second);
    wr_be64(&wr, 8);
    world_rot(&w, KV_CHECKPOINT, wr_bytes_of(&wr));
    world_crash(&w, false);
    world_begin(&w);
    assert_int_equal(world_look(&w).damaged_count, 1);
    expect_stable(&first);
    wr = wr_of(room, sizeof room);
    wr_be64(&wr, 4);
    world_rot(&w, KV_CHECKPOINT, wr_bytes_of(&wr));
    world_crash(&w, false);
    world_begin(&w);
    assert_int_equal(world_look(&w).damaged_count, 2);
    expect_stable(NULL);
}

/* One between the newest and the one that can be read: that the newest is there is known. */
static void below_a_damaged_one_none_is_written(void **state)
{
    (void)state;
    uint8_t room[8];
    struct wr wr = wr_of(room, sizeof room);
    begin_at(8);
    struct certificate first = checkpoint(4), second = checkpoint(8);
    write_checkpoint(&second);
    wr_be64(&wr, 8);
    world_rot(&w, KV_CHECKPOINT, wr_bytes_of(&wr));
    world_crash(&w, false);
    world_begin(&w);
    write_checkpoint(&first);
    expect_stable(NULL);
    write_checkpoint(&second); /* it is mended by itself */
    expect_stable(&second);
    w.is_rotten = false;
    world_crash(&w, false);
    world_begin(&w);
    expect_stable(&second);
}

static void a_diverged_replica_says_so_for_good_and_lets_no_vote_go(void **state)
{
    (void)state;
    begin_at(4);
    assert_false(world_look(&w).is_diverged);
    world_propose(&w, b[5]);
    world_run(&w);
    assert_true(w.is_submitted);
    const struct certificate certified = {.statement = {.state_root = {{0xcc}}}};
    say(&(struct pbft_act){
        .type = PBFT_DIVERGED, .certificate = &certified, .root = {.height = 4, .root = {{0xaa}}}});
    assert_true(world_look(&w).is_diverged);
    assert_int_equal(world_look(&w).divergence.height, 4);
    assert_int_equal(world_look(&w).divergence.root.bytes[0], 0xaa);
    assert_int_equal(world_look(&w).divergence.certified_root.bytes[0], 0xcc);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, b[5]), 0);
    for (int starts = 0; starts < 2; starts++) {
        world_crash(&w, false);
        world_begin(&w);
        assert_true(world_look(&w).is_diverged);
    }
    struct bytes other = bytes_of_text("\2");
    world_crash(&w, false);
    world_write(&w, KV_VOTE, bytes_of_text("diverged"), &other);
    assert_int_equal(world_start(&w), RC_STORE_DAMAGED);
    assert_non_null(strstr(w.why.text, "\"diverged\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(a_start_tells_the_roots_that_are_kept),
        DRIVER_TEST(a_quiet_head_is_flushed_and_told),
        DRIVER_TEST(a_head_that_is_not_durable_yet_is_told_when_it_is),
        DRIVER_TEST(what_was_told_is_told_again_when_asked),
        DRIVER_TEST(a_height_that_was_passed_gets_no_answer),
        DRIVER_TEST(a_checkpoint_that_was_written_is_stable_at_a_start),
        DRIVER_TEST(a_checkpoint_that_no_quorum_signed_is_refused),
        DRIVER_TEST(a_checkpoint_of_another_block_is_refused),
        DRIVER_TEST(where_the_newest_cannot_be_read_an_older_one_does),
        DRIVER_TEST(below_a_damaged_one_none_is_written),
        DRIVER_TEST(a_diverged_replica_says_so_for_good_and_lets_no_vote_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
