/* Rule 9.3 through the driver: a state is taken from several peers at once, whatever some of them
 * do, and over any crash; and 8.2: one that is not the certified one is discarded and taken anew.
 * That the audit accepts what every crash leaves is held by the world. */
#include <string.h>

#include "tests/help/rot.h"
#include "tests/unit/others_rules.h"

enum { CHAIN = 60, BEHIND = 16 };

/* Member 3 has the first blocks, and its peers CHAIN of them. */
static void begin_behind(uint64_t own_height)
{
    world_open(&w, 3, NULL);
    w.snapshot_behind_heights = BEHIND;
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, CHAIN);
    others_commit_to(&p, own_height);
    world_forget(&w);
    others_tell(&p);
}

static struct pbft_rank high_of(void)
{
    const struct certificate *high = driver_high(w.driver);
    return high == NULL ? (struct pbft_rank){0} : pbft_rank_of(high);
}

static void expect_joined(uint64_t height)
{
    assert_int_equal(driver_failure(w.driver, NULL), RC_REOPEN);
    others_reopen(&p);
    assert_int_equal(store_head(w.store)->height, height);
    assert_false(world_look(&w).is_taking_snapshot);
    assert_int_equal(world_look(&w).history_from_height, height + 1);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_OK);
    assert_int_equal(store_head(w.store)->height, p.count);
    assert_int_equal(world_look(&w).history_from_height, 1);
    assert_true(others_have_same_state(&p));
}

/* ---- joining ---- */

/* From nothing, and from the middle; with pieces of any size. */
static void one_that_is_far_behind_takes_the_state(void **state)
{
    (void)state;
    static const uint64_t heights[] = {0, 5, 17};
    for (int i = 0; i < 3; i++) {
        begin_behind(heights[i]);
        p.piece_bytes_max = i == 0 ? 0 : 300 * (size_t)i;
        assert_int_equal(others_play(&p, 400), RC_REOPEN);
        assert_int_equal(p.checkpoint.statement.height, 56);
        for (uint32_t at = 0; at < 3; at++)
            assert_true(p.pieces_asked[at] > 0); /* of all of them */
        expect_joined(56);
        if (i < 2)
            assert_int_equal(end_others(state), 0);
    }
}

static void one_that_is_not_so_far_behind_takes_blocks(void **state)
{
    (void)state;
    begin_behind(56 - BEHIND);
    assert_int_equal(others_play(&p, 100), RC_OK);
    assert_int_equal(store_head(w.store)->height, CHAIN);
    assert_false(store_snapshot_header(w.store, &(struct block_header){0}));
    for (uint32_t at = 0; at < 3; at++)
        assert_int_equal(p.pieces_asked[at], 0);
}

/* Nothing commits meanwhile, and the old state is read. */
static void nothing_commits_while_a_state_is_taken(void **state)
{
    (void)state;
    begin_behind(5);
    p.holds_pieces = true;
    assert_int_equal(others_play(&p, 40), RC_OK);
    struct driver_look look = world_look(&w);
    assert_true(look.is_taking_snapshot);
    assert_true(look.core.is_taking_snapshot);
    assert_int_equal(look.snapshot.height, 56);
    assert_int_equal(store_head(w.store)->height, 5);
    assert_true(store_has_state(w.store));
    world_submit(&w, 1, world_record(&w, 0, p.nonces[0] + 1)); /* beyond the old state's window */
    world_settle(&w);
    p.holds_pieces = false;
    assert_int_equal(others_play(&p, 200), RC_REOPEN);
    expect_joined(56);
}

/* ---- sources ---- */

static void a_lying_or_silent_peer_is_put_off_whoever_it_is(void **state)
{
    (void)state;
    static const enum peer_manner manners[] = {PEER_SILENT, PEER_EMPTY, PEER_BENT, PEER_OTHER};
    for (uint32_t i = 0; i < 12; i++) {
        enum peer_manner manner = manners[i / 3];
        begin_behind(3);
        p.piece_bytes_max = 300;
        p.manners[i % 3] = manner;
        assert_int_equal(others_play(&p, 600), RC_REOPEN);
        uint32_t honest = p.pieces_asked[(i + 1) % 3];
        assert_true(p.pieces_asked[i % 3] > 0);
        assert_true(p.pieces_asked[i % 3] < honest);
        bool is_liar = manner == PEER_BENT || manner == PEER_OTHER;
        assert_int_equal(world_look(&w).snapshot_faults, is_liar ? p.pieces_asked[i % 3] : 0);
        expect_joined(56);
        if (i < 11)
            assert_int_equal(end_others(state), 0);
    }
}

/* An answer that nobody waits for any more, of another root, or to another's question. */
static void what_was_not_asked_for_is_not_taken(void **state)
{
    (void)state;
    begin_behind(3);
    p.holds_pieces = true;
    for (uint32_t i = 0; i < 20 && world_sent(&w, PBFT_FETCH_PIECE, NULL) == 0; i++) {
        world_settle(&w);
        if (world_sent(&w, PBFT_FETCH_PIECE, NULL) == 0)
            (void)others_answer(&p);
    }
    const struct world_output *o = world_message(&w, PBFT_FETCH_PIECE, 0);
    assert_non_null(o);
    uint32_t asked = o->to;
    struct buf bytes = {0};
    struct snapshot_path top = {0};
    struct tree_ref tree;
    static struct pbft_msg m;
    assert_true(world_decode(&m, o));
    assert_int_equal(
        store_get_kept_tree(p.store, m.fetch_piece.height, &m.fetch_piece.root, &tree, NULL),
        RC_OK);
    assert_int_equal(
        snapshot_make(&bytes, store_view(p.store), &tree, &top, SNAPSHOT_PIECE_BYTES_MAX, NULL),
        RC_OK);
    struct pbft_fetch_piece name = m.fetch_piece;
    for (uint32_t i = 0; i < 4; i++) {
        memset(&w.msg, 0, sizeof w.msg);
        uint32_t link = i == 0 ? (asked + 1) % 3 : asked;
        w.msg.type = PBFT_PIECE;
        w.msg.link = w.msg.from = link;
        w.msg.piece = (struct pbft_piece){.of = name, .bytes = buf_bytes(&bytes)};
        if (i == 1)
            w.msg.piece.of.height++;
        if (i == 2)
            w.msg.piece.of.root.bytes[0] ^= 1;
        if (i == 3)
            w.msg.piece.of.path = bytes_of((const uint8_t *)"\x01\x10", 2);
        assert_true(world_give(&w, link));
        world_settle(&w);
        assert_int_equal(world_look(&w).snapshot.pieces_done, 0);
    }
    world_forget(&w);
    buf_free(&bytes);
    p.holds_pieces = false;
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    expect_joined(56);
}

/* ---- time and crashes ---- */

/* It crashes after every round, with the batch or without, and goes on where it was. */
static void crashes_cost_no_piece_that_was_durable(void **state)
{
    (void)state;
    for (uint32_t lands = 0; lands < 2; lands++) {
        uint32_t rounds = 0, done = 0;
        begin_behind(4);
        p.piece_bytes_max = 0;
        while (driver_failure(w.driver, NULL) != RC_REOPEN) {
            assert_true(++rounds < 1000);
            (void)others_answer(&p);
            if (driver_failure(w.driver, NULL) == RC_REOPEN)
                break;
            world_run(&w); /* up to something under way */
            world_crash(&w, lands == 1 || rounds % 2 == 0);
            assert_int_equal(world_start(&w), RC_OK);
            if (store_history_from_height(w.store) > 1)
                break; /* it was the last batch that landed */
            if (world_look(&w).is_taking_snapshot) {
                assert_int_equal(world_look(&w).snapshot.height, 56);
                assert_true(world_look(&w).snapshot.pieces_done >= done);
                done = (uint32_t)world_look(&w).snapshot.pieces_done;
            }
            others_tell(&p);
        }
        assert_true(done > 3);
        if (driver_failure(w.driver, NULL) == RC_REOPEN) {
            expect_joined(56);
        } else {
            assert_int_equal(store_head(w.store)->height, 56);
            others_tell(&p);
            assert_int_equal(others_play(&p, 400), RC_OK);
            assert_true(others_have_same_state(&p));
        }
        if (lands == 0)
            assert_int_equal(end_others(state), 0);
    }
}

/* Peers let go of the trees before the last two: then it takes a newer one, and drops what it had.
 */
static void a_target_that_nobody_has_any_more_is_left_for_a_newer_one(void **state)
{
    (void)state;
    begin_behind(4);
    p.piece_bytes_max = 0;
    for (int i = 0; i < 3; i++)
        (void)others_answer(&p);
    assert_true(world_look(&w).is_taking_snapshot);
    assert_int_equal(world_look(&w).snapshot.height, 56);
    others_grow(&p, 40);
    for (uint32_t i = 0; i < 100 && world_look(&w).snapshot.height == 56; i++) {
        if (others_answer(&p) == 0) {
            world_pass(&w, 250);
            others_tell(&p);
        }
    }
    assert_int_equal(world_look(&w).snapshot.height, 96);
    assert_int_equal(others_play(&p, 600), RC_REOPEN);
    expect_joined(96);
}

/* While pieces of it come it is gone on with. */
static void a_newer_certificate_alone_changes_nothing(void **state)
{
    (void)state;
    begin_behind(4);
    p.piece_bytes_max = 0;
    for (int i = 0; i < 3; i++)
        (void)others_answer(&p);
    others_grow(&p, 8);
    others_tell(&p);
    assert_int_equal(others_play(&p, 600), RC_REOPEN);
    expect_joined(56);
}

/* All pieces are here, and nobody gives the block; then somebody does. */
static void a_header_that_is_withheld_is_waited_for(void **state)
{
    (void)state;
    begin_behind(4);
    p.withholds_ranges = true;
    assert_int_equal(others_play(&p, 60), RC_OK);
    assert_true(world_look(&w).is_taking_snapshot);
    assert_int_equal(world_look(&w).snapshot.done_per_mille, 1000);
    p.withholds_ranges = false;
    assert_int_equal(others_play(&p, 60), RC_REOPEN);
    expect_joined(56);
}

/* ---- 8.2 ---- */

/* Which checkpoint shows it: the flushed one, or the next. */
static void a_state_that_diverged_is_discarded_and_taken_anew(void **state)
{
    (void)state;
    for (uint64_t own = 8; own <= 15; own += 7) {
        world_open(&w, 3, NULL);
        others_open(&p, &w);
        world_begin(&w);
        others_grow(&p, 40);
        others_commit_to(&p, own);
        world_crash(&w, false);
        assert_int_equal(rot_state(w.kv, own), 8);
        w.is_rotten = true;
        world_begin(&w);
        struct pbft_rank high = high_of();
        others_tell(&p);
        assert_int_equal(others_play(&p, 100), RC_REOPEN);
        assert_true(world_look(&w).is_diverged);
        assert_true(store_head(w.store)->height >= own);
        uint64_t head = store_head(w.store)->height, shown = world_look(&w).divergence.height;
        struct pbft_rank high_then = high_of();
        assert_true(pbft_rank_compare(&high_then, &high) >= 0);

        others_reopen(&p); /* the next one discards it */
        assert_true(world_look(&w).is_diverged);
        assert_int_equal(store_head(w.store)->height, head);
        /* Nobody else may have what shows it: of members that withhold theirs, one told only me. */
        assert_int_equal(world_look(&w).core.stable_height, shown);
        world_submit(&w, 7, world_record(&w, 0, p.nonces[0] + 1));
        world_settle(&w);
        assert_int_equal(world_answer(&w, 7)->outcome, DRIVER_BUSY);
        world_forget(&w);
        w.is_rotten = false; /* what is left of it is sound */
        p.piece_bytes_max = 300;
        others_tell(&p);
        assert_int_equal(others_play(&p, 400), RC_REOPEN);
        others_reopen(&p);
        assert_false(world_look(&w).is_diverged);
        high = high_of();
        assert_true(pbft_rank_compare(&high, &high_then) >= 0);
        others_tell(&p);
        assert_int_equal(others_play(&p, 400), RC_OK);
        assert_int_equal(store_head(w.store)->height, p.count);
        assert_true(others_have_same_state(&p));
        if (own == 8)
            assert_int_equal(end_others(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OTHERS_TEST(one_that_is_far_behind_takes_the_state),
        OTHERS_TEST(one_that_is_not_so_far_behind_takes_blocks),
        OTHERS_TEST(nothing_commits_while_a_state_is_taken),
        OTHERS_TEST(a_lying_or_silent_peer_is_put_off_whoever_it_is),
        OTHERS_TEST(what_was_not_asked_for_is_not_taken),
        OTHERS_TEST(crashes_cost_no_piece_that_was_durable),
        OTHERS_TEST(a_target_that_nobody_has_any_more_is_left_for_a_newer_one),
        OTHERS_TEST(a_newer_certificate_alone_changes_nothing),
        OTHERS_TEST(a_header_that_is_withheld_is_waited_for),
        OTHERS_TEST(a_state_that_diverged_is_discarded_and_taken_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
