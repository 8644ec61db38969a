/* Rule 9.3 through the driver: a state comes over a line on which each piece takes long, and who is
 * silent is not waited for in vain for ever. */
#include <string.h>

#include "node/driver/driver_impl.h"
#include "tests/unit/others_rules.h"

enum { T_S_MS = 250, WAIT_MS = 4 * T_S_MS, WAIT_MS_MAX = 64 * T_S_MS };
enum { LATEST_MS = 20000, QUESTIONS_MAX = 4096 };

/* Questions that wait for their time to be answered, oldest first. */
struct question {
    uint32_t link;
    struct pbft_fetch_piece name;
    uint8_t path[SNAPSHOT_PATH_BYTES_MAX];
    uint64_t asked_ms;
};
static struct question questions[QUESTIONS_MAX];
static uint32_t questions_count, answered_count;
enum answer { GOOD, BENT, ABSENT, SILENT };
static enum answer manners[WORLD_OTHERS];
static bool is_hasty[WORLD_OTHERS]; /* has a fast line */

/* Member 3 is behind, and its peers' pieces come when we say. */
static void begin_behind(void)
{
    world_open(&w, 3, NULL);
    w.snapshot_behind_heights = 16;
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, 60);
    others_commit_to(&p, 5);
    world_forget(&w);
    p.holds_pieces = true;
    questions_count = answered_count = 0;
    memset(manners, 0, sizeof manners);
    memset(is_hasty, 0, sizeof is_hasty);
    others_tell(&p);
}

static void answer(const struct question *q, enum answer how)
{
    struct rd r = rd_of(q->name.path);
    struct snapshot_path path;
    struct tree_ref tree;
    struct buf bytes = {0};
    snapshot_path_decode(&r, &path);
    if (how != ABSENT) {
        assert_int_equal(store_get_kept_tree(p.store, q->name.height, &q->name.root, &tree, NULL),
                         RC_OK);
        assert_int_equal(snapshot_make(&bytes, store_view(p.store), &tree, &path, 300, NULL),
                         RC_OK);
        bytes.data[bytes.size - 1] ^= how == BENT;
    }
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = PBFT_PIECE;
    w.msg.link = w.msg.from = q->link;
    w.msg.piece = (struct pbft_piece){.of = q->name, .bytes = buf_bytes(&bytes)};
    assert_true(world_give(&w, q->link));
    buf_free(&bytes);
    world_settle(&w);
}

static void note_questions(void)
{
    static struct pbft_msg m;
    static struct question hasty[WORLD_OTHERS];
    uint32_t hasty_count = 0;
    for (size_t i = 0; i < w.outputs_count; i++) {
        bool is_of_hasty = is_hasty[w.outputs[i].to % WORLD_OTHERS];
        struct question *q = is_of_hasty ? &hasty[hasty_count] : &questions[questions_count];
        if (w.outputs[i].is_answer || w.outputs[i].type != PBFT_FETCH_PIECE)
            continue;
        hasty_count += is_of_hasty;
        questions_count += !is_of_hasty;
        assert_true(questions_count < QUESTIONS_MAX && hasty_count <= WORLD_OTHERS);
        assert_true(world_decode(&m, &w.outputs[i]));
        *q = (struct question){
            .link = w.outputs[i].to, .name = m.fetch_piece, .asked_ms = w.time.now_ms};
        memcpy(q->path, m.fetch_piece.path.data, m.fetch_piece.path.size);
        q->name.path.data = q->path;
    }
    (void)others_give(&p); /* ranges, at once */
    for (uint32_t i = 0; i < hasty_count; i++)
        answer(&hasty[i], manners[hasty[i].link]);
}

static bool is_failed(void)
{
    return driver_failure(w.driver, NULL) != RC_OK;
}

/* So long, in steps of 10 ms; what was asked late_ms ago is answered. */
static void pass(uint64_t ms, uint64_t late_ms)
{
    uint64_t end_ms = w.time.now_ms + ms;
    for (; w.time.now_ms < end_ms && !is_failed(); world_pass(&w, 10)) {
        world_settle(&w);
        note_questions();
        while (answered_count < questions_count && !is_failed() &&
               w.time.now_ms - questions[answered_count].asked_ms >= late_ms) {
            const struct question *q = &questions[answered_count++];
            if (manners[q->link] != SILENT)
                answer(q, manners[q->link]);
        }
    }
}

static void expect_joined(void)
{
    assert_int_equal(driver_failure(w.driver, NULL), RC_REOPEN);
    others_reopen(&p);
    assert_int_equal(store_head(w.store)->height, 56);
}

/* Also where each of them takes longer than the longest wait; and few are asked for twice. */
static void a_state_comes_over_a_slow_line(void **state)
{
    (void)state;
    static const uint64_t late_ms[] = {900, 1200, 5000, LATEST_MS};
    for (int i = 0; i < 4; i++) {
        begin_behind();
        pass(300 * late_ms[i], late_ms[i]);
        assert_true(questions_count < 120);
        expect_joined();
        if (i < 3)
            assert_int_equal(end_others(state), 0);
    }
}

/* A slow line is no reason for another target, which would come no faster; what is here already
 * would go with the old one. */
static void silence_is_not_absence(void **state)
{
    (void)state;
    begin_behind();
    pass(100, UINT64_MAX);
    assert_true(world_look(&w).is_taking_snapshot);
    others_grow(&p, 8);
    others_tell(&p);
    pass(20 * WAIT_MS_MAX, UINT64_MAX);
    assert_true(questions_count > 6);
    assert_int_equal(world_look(&w).snapshot.height, 56);
}

/* A piece takes 20 s, and a checkpoint is certified as often, for which whoever says that it has
 * nothing of the target would have all thrown away, if it were believed alone. */
static void one_that_has_it_not_ends_no_target(void **state)
{
    (void)state;
    begin_behind();
    assert_true(store_hold_trees(p.store, 56)); /* as peers do while they are asked */
    manners[1] = ABSENT;
    is_hasty[1] = true;
    for (int i = 0; i < 90 && !is_failed(); i++) {
        pass(LATEST_MS, LATEST_MS);
        if (is_failed())
            break;
        others_grow(&p, 8);
        others_tell(&p);
    }
    expect_joined();
}

/* That it is not there is said late as well. One of them is silent for ever. */
static void absences_that_come_late_count(void **state)
{
    (void)state;
    begin_behind();
    manners[0] = manners[1] = ABSENT;
    manners[2] = SILENT;
    pass(100, LATEST_MS);
    others_grow(&p, 8);
    others_tell(&p);
    for (int i = 0; i < 60 && world_look(&w).snapshot.height == 56; i++)
        pass(LATEST_MS, LATEST_MS);
    assert_int_equal(world_look(&w).snapshot.height, 64);
}

/* Each silence doubles the wait, up to a bound, and the pause after it; the first good answer that
 * comes in time ends that. */
static void the_wait_doubles_up_to_a_bound_and_falls_again(void **state)
{
    (void)state;
    begin_behind();
    uint64_t waits_ms = WAIT_MS;
    for (int i = 0; i < 7; i++) {
        while (questions_count == answered_count)
            pass(10, UINT64_MAX);
        assert_int_equal(w.driver->snapshot.asked[questions[answered_count].link].until_ms,
                         questions[answered_count].asked_ms + waits_ms);
        answered_count++; /* it is not */
        while (w.driver->snapshot.wait_ms == waits_ms || w.driver->snapshot.wait_ms == 0) {
            if (waits_ms == WAIT_MS_MAX)
                break;
            pass(10, UINT64_MAX);
        }
        waits_ms = 2 * waits_ms < WAIT_MS_MAX ? 2 * waits_ms : WAIT_MS_MAX;
        assert_int_equal(w.driver->snapshot.wait_ms, waits_ms);
    }
    while (questions_count == answered_count)
        pass(10, UINT64_MAX);
    pass(20, 10);
    assert_int_equal(w.driver->snapshot.wait_ms, WAIT_MS);
    pass(10 * WAIT_MS_MAX, 10);
    expect_joined();
}

/* As many answers as questions: judging costs as much as making. */
static void what_is_not_owed_is_not_judged(void **state)
{
    (void)state;
    begin_behind();
    while (questions_count == 0)
        pass(10, UINT64_MAX);
    pass(WAIT_MS + 10, UINT64_MAX); /* all are late */
    for (int i = 0; i < 5; i++)
        answer(&questions[0], BENT);
    assert_int_equal(world_look(&w).snapshot_faults, 1);
    assert_int_equal(world_look(&w).snapshot.pieces_done, 0);
    uint32_t liar = questions[0].link, before = questions_count;
    answer(&questions[0], GOOD); /* a liar is put off, whatever it says then */
    assert_int_equal(world_look(&w).snapshot.pieces_done, 0);
    pass(30000, 10);
    for (uint32_t i = before; i < questions_count; i++)
        assert_int_not_equal(questions[i].link, liar);
    expect_joined();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OTHERS_TEST(a_state_comes_over_a_slow_line),
        OTHERS_TEST(silence_is_not_absence),
        OTHERS_TEST(one_that_has_it_not_ends_no_target),
        OTHERS_TEST(absences_that_come_late_count),
        OTHERS_TEST(the_wait_doubles_up_to_a_bound_and_falls_again),
        OTHERS_TEST(what_is_not_owed_is_not_judged),
    };
    return cmocka_run_group_tests_name("driver_slow_line", tests, NULL, NULL);
}
