/* Rule 9.3 through the driver: pieces of the state that others ask for, and what the driver does
 * where a snapshot cannot begin, or the disk is never at rest for it. */
#include <string.h>

#include "node/driver/driver_impl.h"

static enum rc watched_start(struct snapshot_intake **out, struct store *s, struct kv_batch *batch,
                             const struct snapshot_target *target, bool discards, struct why *why);
#define snapshot_intake_start watched_start
#include "node/driver/snapshot.c"
#undef snapshot_intake_start

#include "tests/unit/others_rules.h"

static bool is_refusing;
static uint32_t refusals_count;

static enum rc watched_start(struct snapshot_intake **out, struct store *s, struct kv_batch *batch,
                             const struct snapshot_target *target, bool discards, struct why *why)
{
    if (!is_refusing)
        return snapshot_intake_start(out, s, batch, target, discards, why);
    refusals_count++;
    return why_set(why, RC_REFUSED, "history has too many gaps");
}

/* ---- giving ---- */

/* Member 1 has ten blocks, and with them the tree of height 8. */
static void begin_giving(void)
{
    world_open(&w, 1, NULL);
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, 10);
    others_commit_to(&p, 10);
    world_forget(&w);
}

static struct pbft_fetch_piece name_of(struct bytes path)
{
    return (struct pbft_fetch_piece){.height = p.checkpoint.statement.height,
                                     .root = p.checkpoint.statement.state_root,
                                     .path = path};
}

static void fetch(uint32_t link, const struct pbft_fetch_piece *f)
{
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = PBFT_FETCH_PIECE;
    w.msg.link = w.msg.from = link;
    w.msg.fetch_piece = *f;
    assert_true(world_give(&w, link));
    world_settle(&w);
}

/* The only PIECE that left; NULL: none did. Forgets it by the next call. */
static const struct pbft_piece *given(uint32_t to)
{
    static struct pbft_msg m;
    static struct buf bytes;
    const struct world_output *o = world_message(&w, PBFT_PIECE, 0);
    assert_in_range(world_sent(&w, PBFT_PIECE, NULL), 0, 1);
    if (o == NULL)
        return NULL;
    assert_int_equal(o->to, to);
    buf_clear(&bytes);
    buf_add_bytes(&bytes, buf_bytes(&o->bytes));
    assert_true(pbft_decode(&m, buf_bytes(&bytes), 1, verify_block_head));
    world_forget(&w);
    return &m.piece;
}

static const uint8_t top[] = {0};

static void a_piece_of_a_kept_tree_is_given(void **state)
{
    (void)state;
    begin_giving();
    struct pbft_fetch_piece f = name_of(bytes_of(top, 1));
    fetch(2, &f);
    const struct pbft_piece *piece = given(2);
    assert_non_null(piece);
    assert_int_equal(piece->of.height, 8);
    assert_true(digest_equal(&piece->of.root, &f.root));
    assert_true(bytes_equal(piece->of.path, f.path));
    struct snapshot_piece judged;
    assert_int_equal(snapshot_judge(&judged, piece->bytes, &(struct snapshot_path){0}, &f.root),
                     SNAPSHOT_OK);
    assert_true(judged.entries_count > 10);
    snapshot_piece_close(&judged);
}

/* Of another height, another root, or a path where no node is: it is said, so that others are
 * asked. What is no path is not answered at all. */
static void what_is_not_here_is_said(void **state)
{
    (void)state;
    static const uint8_t deep[] = {6, 0x12, 0x34, 0x56}, odd[] = {1, 0x11}, longer[] = {1, 0x10, 0};
    begin_giving();
    for (int i = 0; i < 3; i++) {
        struct pbft_fetch_piece f = name_of(i < 2 ? bytes_of(top, 1) : bytes_of(deep, 4));
        f.height += i == 0;
        f.root.bytes[3] ^= i == 1;
        fetch(2, &f);
        const struct pbft_piece *piece = given(2);
        assert_non_null(piece);
        assert_int_equal(piece->bytes.size, 0);
        assert_int_equal(piece->of.height, f.height);
    }
    struct pbft_fetch_piece f = name_of(bytes_of(odd, 2));
    fetch(2, &f);
    assert_null(given(2));
    f = name_of(bytes_of(longer, 3));
    fetch(2, &f);
    assert_null(given(2));
    assert_int_equal(world_look(&w).damaged_count, 0);
}

/* A rotten node gives no piece, and is counted. */
static void a_rotten_tree_gives_no_piece(void **state)
{
    (void)state;
    begin_giving();
    struct kv_view *view;
    struct kv_cursor *c;
    struct bytes key, value;
    struct buf last = {0};
    assert_int_equal(kv_view_open(&view, w.kv, NULL), RC_OK);
    assert_int_equal(kv_cursor_open(&c, view, KV_TREE), RC_OK);
    assert_int_equal(
        kv_cursor_seek(c, bytes_of((const uint8_t *)"\0\0\0\0\0\0\0\x08", 8), &key, &value),
        RC_OK); /* the top node of height 8 */
    buf_add_bytes(&last, key);
    kv_cursor_close(c);
    kv_view_close(view);
    world_rot(&w, KV_TREE, buf_bytes(&last));
    buf_free(&last);
    world_propose(&w, world_block(&w, p.blocks[10], NULL, 0)); /* a landing renews the view */
    world_settle(&w);
    world_forget(&w);
    struct pbft_fetch_piece f = name_of(bytes_of(top, 1));
    fetch(0, &f);
    const struct pbft_piece *piece = given(0);
    assert_non_null(piece);
    assert_int_equal(piece->bytes.size, 0);
    assert_true(world_look(&w).damaged_count > 0);
}

/* 9.1: within the bytes that one peer gets in T_s, for others besides, and again after it. */
static void pieces_have_a_budget(void **state)
{
    (void)state;
    begin_giving();
    w.driver->config.answer_bytes_max = PBFT_MSG_BYTES_MAX; /* less than is done for all */
    struct pbft_fetch_piece f = name_of(bytes_of(top, 1));
    size_t total = 0; /* small ones count for more than they have */
    for (fetch(2, &f); given(2) != NULL; fetch(2, &f)) {
        total += DRIVER_QUESTION_BYTES_MIN;
        assert_true(total <= PBFT_MSG_BYTES_MAX);
    }
    assert_true(total + DRIVER_QUESTION_BYTES_MIN > PBFT_MSG_BYTES_MAX);
    fetch(0, &f);
    assert_non_null(given(0));
    world_pass(&w, 250);
    fetch(2, &f);
    world_settle(&w);
    assert_true(world_sent(&w, PBFT_PIECE, NULL) == 1);
}

/* Nor is it said for ever that something is not here, and searched for: that costs no bytes. Others
 * are told, and pieces given, as before; and so is this one after T_s. */
static void what_is_not_here_is_said_so_often(void **state)
{
    (void)state;
    begin_giving();
    struct pbft_fetch_piece here = name_of(bytes_of(top, 1)), absent = here;
    absent.height++;
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 3 * DRIVER_ABSENCES_MAX; i++) {
            fetch(2, &absent);
            assert_int_equal(given(2) != NULL, i < DRIVER_ABSENCES_MAX);
        }
        fetch(0, &absent);
        assert_non_null(given(0));
        fetch(0, &here);
        assert_true(given(0)->bytes.size > 0);
        world_pass(&w, 250);
        world_settle(&w);
        world_forget(&w);
    }
}

/* The tree of height 8 with its root, while the chain goes on beyond two more checkpoints. */
static bool is_given(const struct pbft_fetch_piece *f)
{
    fetch(2, f);
    const struct pbft_piece *piece = given(2);
    assert_non_null(piece);
    return piece->bytes.size > 0;
}

static void go_on_uncertified_to(uint64_t height)
{
    others_grow(&p, (uint32_t)(height - p.count));
    others_commit_to(&p, height);
    world_settle(&w);
    world_forget(&w);
}

static void go_on_to(uint64_t height)
{
    go_on_uncertified_to(height);
    others_certify(&p, 0);
    world_settle(&w);
    world_forget(&w);
}

/* 8.3, 9.3: members that withhold their CHECKPOINTs do not take the last certified state from one
 * that has none: it is given however long nobody asks for it, and however far the chain goes on. */
static void the_certified_tree_is_given_while_no_newer_one_is_certified(void **state)
{
    (void)state;
    begin_giving();
    struct pbft_fetch_piece f = name_of(bytes_of(top, 1));
    others_certify(&p, 0);
    for (uint64_t height = 16; height <= 48; height += 8) {
        world_pass(&w, 2 * DRIVER_HOLD_MS);
        go_on_uncertified_to(height);
    }
    assert_int_equal(world_look(&w).core.stable_height, 8);
    assert_int_equal(store_kept(w.store)->heights[0], 40);
    assert_true(is_given(&f));
    world_pass(&w, 2 * DRIVER_HOLD_MS);
    others_certify(&p, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).core.stable_height, 48);
    go_on_to(56);
    assert_false(is_given(&f));
}

/* Pitfalls C5: whoever takes a state comes to its end under load. */
static void a_tree_that_is_being_taken_is_held(void **state)
{
    (void)state;
    begin_giving();
    struct pbft_fetch_piece f = name_of(bytes_of(top, 1));
    for (uint64_t height = 16; height <= 48; height += 8) {
        world_pass(&w, DRIVER_HOLD_MS - 1000);
        assert_true(is_given(&f));
        go_on_to(height);
    }
    assert_int_equal(store_kept(w.store)->heights[0], 40);
    assert_true(is_given(&f));
    struct pbft_fetch_piece newer = name_of(bytes_of(top, 1));
    newer.height = 48;
    assert_true(is_given(&newer));  /* and what is kept anyway is given too */
    world_pass(&w, DRIVER_HOLD_MS); /* nobody asks any more */
    go_on_to(56);
    assert_false(is_given(&f));
}

/* Nobody makes a disk keep old states for ever. */
static void a_tree_is_not_held_for_ever(void **state)
{
    (void)state;
    begin_giving();
    struct pbft_fetch_piece f = name_of(bytes_of(top, 1));
    uint64_t height = 10;
    uint32_t rounds = 0;
    for (; is_given(&f); rounds++) {
        assert_true(rounds <= DRIVER_HOLD_MAX_MS / (DRIVER_HOLD_MS / 2) + 8);
        world_pass(&w, DRIVER_HOLD_MS / 2);
        if (rounds % 20 == 0)
            go_on_to(height += 8);
    }
    assert_true(rounds >= DRIVER_HOLD_MAX_MS / (DRIVER_HOLD_MS / 2) - 1);
}

/* ---- beginning ---- */

static void begin_behind(void)
{
    world_open(&w, 3, NULL);
    w.snapshot_behind_heights = 16;
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, 60);
    others_commit_to(&p, 4);
    world_forget(&w);
}

static void where_a_snapshot_is_refused_blocks_are_taken(void **state)
{
    (void)state;
    begin_behind();
    p.range_blocks_max = 16;
    is_refusing = true;
    refusals_count = 0;
    others_tell(&p);
    assert_int_equal(others_play(&p, 200), RC_OK);
    assert_int_equal(refusals_count, 1);
    assert_int_equal(store_head(w.store)->height, p.count);
    assert_false(world_look(&w).is_taking_snapshot);
    is_refusing = false;
}

/* Under load something is on its way to the disk at any time, and steps that need it at rest make
 * their room after T_s: here each turn has a write, since high rises with each. */
static void load_does_not_keep_a_snapshot_from_being_taken(void **state)
{
    (void)state;
    enum { AHEAD = 1000 };
    begin_behind();
    p.piece_bytes_max = 0;
    others_tell(&p);
    world_run(&w);
    const struct world_block *block = p.blocks[p.count];
    uint32_t left = AHEAD;
    while (driver_failure(w.driver, NULL) == RC_OK) {
        for (int turn = 0; turn < 2; turn++) { /* one fills while the other lands */
            assert_true(left-- > 0);
            block = world_block(&w, block, NULL, 0);
            world_qc(&w, left % 3, CERT_COMMIT, block);
            world_run_once(&w);
        }
        if (w.is_submitted)
            world_land(&w);
        world_pass(&w, 10);
        (void)others_give(&p);
    }
    assert_int_equal(driver_failure(w.driver, NULL), RC_REOPEN);
    others_reopen(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OTHERS_TEST(a_piece_of_a_kept_tree_is_given),
        OTHERS_TEST(what_is_not_here_is_said),
        OTHERS_TEST(a_rotten_tree_gives_no_piece),
        OTHERS_TEST(pieces_have_a_budget),
        OTHERS_TEST(what_is_not_here_is_said_so_often),
        OTHERS_TEST(the_certified_tree_is_given_while_no_newer_one_is_certified),
        OTHERS_TEST(a_tree_that_is_being_taken_is_held),
        OTHERS_TEST(a_tree_is_not_held_for_ever),
        OTHERS_TEST(where_a_snapshot_is_refused_blocks_are_taken),
        OTHERS_TEST(load_does_not_keep_a_snapshot_from_being_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
