/* Rule 8.2 where a checksum shows the rot: a node of the state tree that cannot be read any more
 * ends no replica for good. With a certified state to take it has diverged, wherever the damage was
 * met; without one, or where the disk itself fails, it ends as for a fault. */
#include <string.h>

#include "ledger/kv_impl.h"
#include "ledger/tree_node.h"
#include "tests/help/rot.h"
#include "tests/unit/others_rules.h"

enum {
    FLUSHED = 16, /* K = 8: a start that stands here applies nothing */
    CHAIN = 40,
};

/* One bit of each node. */
static void rot_tree(void)
{
    struct kv_view *v;
    struct kv_cursor *c;
    struct bytes key, value;
    struct buf keys = {0};
    assert_int_equal(kv_view_open(&v, w.kv, NULL), RC_OK);
    assert_int_equal(kv_cursor_open(&c, v, KV_TREE), RC_OK);
    enum rc rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value);
    for (; rc == RC_OK; rc = kv_cursor_next(c, &key, &value)) {
        buf_add_u32(&keys, (uint32_t)key.size);
        buf_add_bytes(&keys, key);
    }
    kv_cursor_close(c);
    kv_view_close(v);
    for (struct rd r = rd_of(buf_bytes(&keys)); r.left > 0;) {
        uint32_t size = rd_u32(&r);
        world_rot(&w, KV_TREE, rd_take(&r, size));
    }
    buf_free(&keys);
}

/* Member 3 has the first blocks, and stable is 8 if its certificate came; the others go on. */
static void begin_at(uint64_t height, bool is_certified)
{
    world_open(&w, 3, NULL);
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, FLUSHED - 1);
    if (!is_certified) /* none is ever told of it */
        p.checkpoint.entries_count = 0;
    others_commit_to(&p, 12);
    others_certify(&p, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).core.stable_height, is_certified ? 8 : 0);
    others_grow(&p, CHAIN - (FLUSHED - 1));
    others_commit_to(&p, height);
    world_forget(&w);
}

/* Down, rotten, and up again where nothing of it has been met. */
static void begin_rotten(bool is_certified)
{
    begin_at(FLUSHED, is_certified);
    world_crash(&w, false);
    rot_tree();
    world_begin(&w);
    assert_int_equal(store_flushed_height(w.store), FLUSHED);
    assert_int_equal(driver_failure(w.driver, NULL), RC_OK);
}

static void expect_diverged(const char *words)
{
    struct why why = {{0}};
    world_settle(&w);
    assert_true(world_look(&w).is_diverged);
    assert_int_equal(driver_failure(w.driver, &why), RC_REOPEN);
    if (strstr(why.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", why.text, words);
}

static void expect_sound_in_the_end(void)
{
    others_reopen(&p);
    assert_true(world_look(&w).core.is_diverged);
    w.is_rotten = false; /* what will be left of it is sound */
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    others_reopen(&p);
    assert_false(world_look(&w).is_diverged);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_OK);
    assert_int_equal(store_head(w.store)->height, CHAIN);
    assert_true(others_have_same_state(&p));
}

/* ---- where it is met ---- */

static void a_start_that_meets_it_has_diverged(void **state)
{
    (void)state;
    begin_at(12, true);
    world_crash(&w, false);
    rot_tree();
    assert_int_equal(world_start(&w), RC_OK);
    assert_true(store_has_wrong_state(w.store, NULL));
    expect_diverged("the state below height 9 cannot be read");
    expect_sound_in_the_end();
}

static void a_commit_that_meets_it_has_diverged(void **state)
{
    (void)state;
    begin_rotten(true);
    world_range(&w, 0, &p.blocks[FLUSHED + 1], 1, 0);
    expect_diverged("the state below height 17 cannot be read");
    assert_int_equal(store_head(w.store)->height, FLUSHED);
    expect_sound_in_the_end();
}

/* It is not voted for, and its proposer is not to blame. */
static void a_check_that_meets_it_has_diverged(void **state)
{
    (void)state;
    begin_rotten(true);
    world_propose(&w, p.blocks[FLUSHED + 1]);
    expect_diverged("the state below height 17 cannot be read");
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 0);
    assert_int_equal(world_look(&w).scores[0].accusations, 0);
    assert_int_equal(world_look(&w).core_drops[PBFT_DROP_INVALID_BLOCK], 0);
    expect_sound_in_the_end();
}

static void a_transaction_that_meets_it_has_diverged(void **state)
{
    (void)state;
    begin_rotten(true);
    world_submit(&w, 1, world_record(&w, 0, p.nonces[0] + 1));
    expect_diverged("the state cannot be read");
    assert_null(world_answer(&w, 1));
    expect_sound_in_the_end();
}

static void a_flush_that_meets_it_has_diverged(void **state)
{
    (void)state;
    begin_at(FLUSHED - 1, true);
    w.holds_trees = true;
    world_range(&w, 0, &p.blocks[FLUSHED], 1, 0);
    world_run(&w);
    world_return_jobs(&w, false);
    world_run(&w);
    assert_true(w.is_submitted);
    world_land(&w);
    world_run(&w);
    assert_non_null(w.tree);
    rot_tree();
    world_return_tree(&w);
    w.holds_trees = false;
    expect_diverged("the state tree of height 16 cannot be updated");
    assert_int_equal(store_flushed_height(w.store), 8);
    expect_sound_in_the_end();
}

/* ---- an older certificate than that of the state (pitfalls D5) ---- */

/* It stands on the snapshot of 56, whose certificate rots, and so does the state. That of 8 can be
 * read; but back there it cannot go, so a newer one is waited for. */
static void a_state_below_the_snapshot_is_not_taken(void **state)
{
    (void)state;
    uint8_t room[8];
    struct wr at = wr_of(room, sizeof room);
    wr_be64(&at, 56);
    begin_at(12, true);
    w.snapshot_behind_heights = 16;
    world_crash(&w, false);
    world_begin(&w);
    others_grow(&p, 20);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    world_crash(&w, false);
    world_rot(&w, KV_CHECKPOINT, wr_bytes_of(&at));
    assert_int_equal(rot_state(w.kv, 1), 56);
    assert_int_equal(world_start(&w), RC_OK);
    assert_int_equal(world_look(&w).core.stable_height, 8);
    for (int i = 0; i < 100 && driver_failure(w.driver, NULL) == RC_OK; i++) {
        others_tell(&p);
        (void)others_answer(&p);
    }
    expect_diverged("is not the one that a quorum signed");
    world_crash(&w, false);
    world_rot(&w, KV_CHECKPOINT, wr_bytes_of(&at)); /* it was mended with that, and rots again */
    world_begin(&w);
    for (int start = 0; start < 2; start++) { /* nobody says more */
        world_crash(&w, false);
        world_begin(&w);
        assert_int_equal(world_look(&w).core.stable_height, 8);
        assert_true(world_look(&w).is_diverged);
        assert_false(world_look(&w).is_taking_snapshot);
    }
    w.is_rotten = false;
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    others_reopen(&p);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_OK);
    assert_int_equal(store_head(w.store)->height, p.count);
    assert_true(others_have_same_state(&p));
}

/* ---- and an entry of the chain (pitfalls D5) ---- */

/* What block stands at the stable height says the certificate as well: a state can be taken there.
 */
static void a_damaged_entry_of_the_chain_keeps_nobody_from_a_state(void **state)
{
    (void)state;
    uint8_t room[8];
    struct wr at = wr_of(room, sizeof room);
    wr_be64(&at, 8);
    begin_at(FLUSHED, true);
    world_crash(&w, false);
    rot_tree();
    world_rot(&w, KV_CHAIN, wr_bytes_of(&at));
    world_begin(&w);
    assert_int_equal(world_look(&w).core.stable_height, 8);
    world_range(&w, 0, &p.blocks[FLUSHED + 1], 1, 0);
    expect_diverged("the state below height 17 cannot be read");
    for (int start = 0; start < 2; start++) { /* it has begun before anybody tells of a newer one */
        world_crash(&w, false);
        world_begin(&w);
        assert_int_equal(driver_failure(w.driver, NULL), RC_OK);
        assert_true(world_look(&w).is_taking_snapshot);
        assert_int_equal(world_look(&w).snapshot.height, 8);
        /* When its certificate is loaded, and when it is aimed at. */
        assert_int_equal(world_look(&w).damaged_count, start == 0 ? 2 : 1);
        assert_non_null(strstr(world_look(&w).damaged_why.text, "the block at height 8"));
    }
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    others_reopen(&p);
    assert_false(world_look(&w).is_diverged);
    others_tell(&p);
    assert_int_equal(others_play(&p, 100), RC_OK);
    assert_int_equal(store_head(w.store)->height, CHAIN);
    assert_int_equal(store_history_from_height(w.store), 9); /* nothing names what is below */
    assert_true(others_have_same_state(&p));
}

/* ---- found beside a state that was taken (9.3) ---- */

/* Member 3 is far behind, at 5, without any certificate. */
static void begin_behind(void)
{
    world_open(&w, 3, NULL);
    w.snapshot_behind_heights = 16;
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, CHAIN);
    others_commit_to(&p, 5);
    world_forget(&w);
}

static void expect_joined(void)
{
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    others_reopen(&p);
    assert_int_equal(store_head(w.store)->height, CHAIN);
    assert_false(world_look(&w).is_diverged);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_OK);
    assert_int_equal(store_history_from_height(w.store), 1);
    assert_true(others_have_same_state(&p));
}

/* The first name that is flushed, into out. */
static void first_name(struct buf *out)
{
    struct kv_cursor *c;
    struct bytes key, value;
    assert_int_equal(store_flush(w.store, NULL), RC_OK);
    assert_int_equal(kv_cursor_open(&c, store_view(w.store), KV_NAME), RC_OK);
    assert_int_equal(kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value), RC_OK);
    buf_add_bytes(out, key);
    kv_cursor_close(c);
}

/* A name of nothing in place of another: the own state was not this chain's, and it goes. */
static void a_name_that_the_taken_state_has_not_has_the_own_one_discarded(void **state)
{
    (void)state;
    struct buf first = {0};
    struct bytes nothing = bytes_of(NULL, 0);
    begin_behind();
    first_name(&first);
    world_crash(&w, false);
    world_write(&w, KV_NAME, buf_bytes(&first), NULL);
    world_write(&w, KV_NAME, bytes_of_text("\5rotten"), &nothing);
    buf_free(&first);
    w.is_rotten = true;
    world_begin(&w);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    expect_diverged("the old state is to be discarded");
    others_reopen(&p);
    assert_true(world_look(&w).core.is_diverged);
    assert_true(store_has_state(w.store)); /* whoever runs it puts it aside first */
    w.is_rotten = false;
    expect_joined();
}

/* A name that cannot be read: whoever takes the state beside it meets it, at every start. */
static void a_name_that_cannot_be_read_has_the_own_state_discarded(void **state)
{
    (void)state;
    struct buf first = {0};
    begin_behind();
    first_name(&first);
    world_crash(&w, false);
    world_rot(&w, KV_NAME, buf_bytes(&first));
    world_begin(&w);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    expect_diverged("the index of names cannot be read");
    buf_free(&first);
    others_reopen(&p);
    assert_true(world_look(&w).core.is_diverged);
    assert_true(store_has_state(w.store)); /* whoever runs it puts it aside first */
    w.is_rotten = false;
    expect_joined();
}

/* Take part in what comes, a step at a time, until the intake clears, again if it did. */
static void play_until_it_clears(void)
{
    for (int i = 0; i < 50 && !world_look(&w).snapshot.is_clearing; i++) {
        world_run(&w);
        if (w.is_submitted)
            world_land(&w);
        else if (others_answer(&p) == 0)
            world_pass(&w, 1000);
    }
    assert_int_equal(driver_failure(w.driver, NULL), RC_OK);
    assert_true(world_look(&w).snapshot.is_clearing);
}

/* One that has diverged, and discards, loses a name of what it took: it takes all of it again. */
static void a_name_that_is_lost_from_a_taken_state_has_it_taken_again(void **state)
{
    (void)state;
    struct buf first = {0};
    struct kv_view *v;
    struct kv_cursor *c;
    struct bytes key, value;
    begin_rotten(true);
    world_range(&w, 0, &p.blocks[FLUSHED + 1], 1, 0);
    expect_diverged("cannot be read");
    others_reopen(&p);
    p.withholds_ranges = true; /* and with them the header */
    others_tell(&p);
    assert_int_equal(others_play(&p, 50), RC_OK);
    assert_int_equal(world_look(&w).snapshot.done_per_mille, 1000);
    assert_false(store_has_state(w.store));
    world_crash(&w, false);
    assert_int_equal(kv_view_open(&v, w.kv, NULL), RC_OK);
    assert_int_equal(kv_cursor_open(&c, v, KV_NAME), RC_OK);
    assert_int_equal(kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value), RC_OK);
    buf_add_bytes(&first, key);
    kv_cursor_close(c);
    kv_view_close(v);
    world_write(&w, KV_NAME, buf_bytes(&first), NULL);
    buf_free(&first);
    world_begin(&w);
    p.withholds_ranges = false;
    others_tell(&p);
    play_until_it_clears();
    assert_int_equal(world_look(&w).damaged_count, 1);
    w.is_rotten = false;
    expect_joined();
}

/* What was taken rots before it is stood on: it is taken once more, and that is all. */
static void a_taken_state_that_rots_is_taken_again(void **state)
{
    (void)state;
    uint8_t room[TREE_PLACE_KEY_BYTES_MAX];
    struct tree_place top = {.version = CHAIN};
    begin_behind();
    p.withholds_ranges = true; /* and with them the header */
    others_tell(&p);
    assert_int_equal(others_play(&p, 50), RC_OK);
    assert_int_equal(world_look(&w).snapshot.done_per_mille, 1000);
    world_rot(&w, KV_TREE, tree_place_encode(room, &top));
    p.withholds_ranges = false;
    play_until_it_clears();
    assert_int_equal(world_look(&w).damaged_count, 1);
    assert_false(world_look(&w).is_diverged);
    assert_true(store_has_state(w.store));
    w.is_rotten = false;
    expect_joined();
}

/* ---- what still ends it ---- */

static void without_a_certified_state_it_ends_as_for_a_fault(void **state)
{
    (void)state;
    struct why why = {{0}};
    begin_rotten(false);
    world_range(&w, 0, &p.blocks[FLUSHED + 1], 1, 0);
    world_settle(&w);
    assert_int_equal(driver_failure(w.driver, &why), RC_STORE_DAMAGED);
    assert_non_null(strstr(why.text, "the state below height 17 cannot be read"));
    assert_false(world_look(&w).is_diverged);
}

static void nor_is_a_start_without_one(void **state)
{
    (void)state;
    begin_at(12, false);
    world_crash(&w, false);
    rot_tree();
    assert_int_equal(world_start(&w), RC_STORE_DAMAGED);
    assert_non_null(strstr(w.why.text, "the state below height 9 cannot be read"));
}

static const struct kv_ops *sound;
static struct kv_ops broken;

static enum rc get_fails(struct kv_view *v, enum kv_table table, struct bytes at,
                         struct bytes *sealed)
{
    return table == KV_TREE ? RC_STORE_IO : sound->get(v, table, at, sealed);
}

static void break_disk(void)
{
    sound = w.kv->ops;
    broken = *sound;
    broken.get = get_fails;
    w.kv->ops = &broken;
}

/* A disk that cannot be read says nothing of what is on it. */
static void a_disk_that_fails_has_not_diverged(void **state)
{
    (void)state;
    begin_at(FLUSHED, true);
    world_propose(&w, p.blocks[FLUSHED + 1]);
    break_disk();
    world_run(&w);
    w.kv->ops = sound;
    assert_int_equal(driver_failure(w.driver, NULL), RC_STORE_IO);
    assert_false(world_look(&w).is_diverged);
    assert_int_equal(world_look(&w).scores[0].accusations, 0);
    assert_false(w.is_submitted);
}

static void nor_has_it_at_a_start(void **state)
{
    (void)state;
    struct store *store;
    struct store_options options = {.care = TREE_TRUST, .may_have_wrong_state = true};
    begin_at(12, true);
    world_crash(&w, false);
    break_disk();
    assert_int_equal(store_open(&store, w.kv, &options, NULL), RC_STORE_IO);
    w.kv->ops = sound;
    world_begin(&w);
    assert_false(world_look(&w).is_diverged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OTHERS_TEST(a_state_below_the_snapshot_is_not_taken),
        OTHERS_TEST(a_damaged_entry_of_the_chain_keeps_nobody_from_a_state),
        OTHERS_TEST(a_name_that_the_taken_state_has_not_has_the_own_one_discarded),
        OTHERS_TEST(a_name_that_cannot_be_read_has_the_own_state_discarded),
        OTHERS_TEST(a_name_that_is_lost_from_a_taken_state_has_it_taken_again),
        OTHERS_TEST(a_taken_state_that_rots_is_taken_again),
        OTHERS_TEST(a_start_that_meets_it_has_diverged),
        OTHERS_TEST(a_commit_that_meets_it_has_diverged),
        OTHERS_TEST(a_check_that_meets_it_has_diverged),
        OTHERS_TEST(a_transaction_that_meets_it_has_diverged),
        OTHERS_TEST(a_flush_that_meets_it_has_diverged),
        OTHERS_FAILS(without_a_certified_state_it_ends_as_for_a_fault),
        OTHERS_FAILS(nor_is_a_start_without_one),
        OTHERS_FAILS(a_disk_that_fails_has_not_diverged),
        OTHERS_FAILS(nor_has_it_at_a_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
