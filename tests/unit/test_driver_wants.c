/* Rule 9.3: what is wanted of a state that is taken keeps a bound (SNAPSHOT_WANTS_MAX), and the
 * state comes, though one peer answers each of its questions with a node that nobody asked for, and
 * so opens the tree breadth first. */
#include <string.h>

#include "node/driver/driver_impl.h"
#include "tests/help/big_tree.h"
#include "tests/unit/others_rules.h"

enum {
    ENTRIES = 20000, /* some 5 for each node of depth 3 */
    LIAR = 0,
    HONEST_MS = 1000, /* each honest peer gives a piece in a second: 2 Mbit/s */
    STEP_MS = 50,
    HOURS_MAX = 1,
    QUEUE_MAX = 1 << 17,
    QUESTIONS_MAX = 1 << 17
};

static struct big_tree big;

/* The certified state of height 56 is the large one. */
static void begin_behind(void)
{
    world_open(&w, 3, NULL);
    w.snapshot_behind_heights = 16;
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, 60);
    others_commit_to(&p, 5);
    world_forget(&w);
    struct certificate *c = &p.checkpoint;
    c->statement.state_root = big.tree.root;
    c->entries_count = 0;
    for (uint32_t i = 0; i < 3; i++) {
        struct cert_entry *e = &c->entries[c->entries_count++];
        e->member_index = (uint8_t)i;
        statement_sign(&e->signature, &c->statement, &w.chain.genesis.chain_id,
                       &w.chain.members[i]);
    }
    p.holds_pieces = true;
    others_tell(&p);
}

static void give(uint32_t link, const struct snapshot_path *path, size_t bytes_max)
{
    uint8_t room[SNAPSHOT_PATH_BYTES_MAX];
    struct wr wr = wr_of(room, sizeof room);
    struct buf bytes = {0};
    snapshot_path_encode(&wr, path);
    assert_int_equal(snapshot_make(&bytes, big.view, &big.tree, path, bytes_max, NULL), RC_OK);
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = PBFT_PIECE;
    w.msg.link = w.msg.from = link;
    w.msg.piece =
        (struct pbft_piece){.of = {.height = 56, .root = big.tree.root, .path = wr_bytes_of(&wr)},
                            .bytes = buf_bytes(&bytes)};
    assert_true(world_give(&w, link));
    buf_free(&bytes);
}

/* ---- the liar: breadth first, knowing nothing of what others answered ---- */

static struct snapshot_path queue[QUEUE_MAX];
static size_t queue_at, queue_end = 1; /* the first is the top */
static uint32_t liar_asked;

static void liar_opens_one(void)
{
    struct snapshot_path path = queue[queue_at++];
    assert_in_range(queue_end, 0, QUEUE_MAX - TREE_CHILDREN);
    queue_end += big_tree_children(&big, &path, &queue[queue_end]);
    give(LIAR, &path, 0);
}

/* ---- the honest: each question after HONEST_MS ---- */

struct question {
    uint32_t link;
    struct snapshot_path path;
    uint64_t asked_ms;
};
static struct question questions[QUESTIONS_MAX];
static size_t questions_at, questions_end;

static void note_questions(void)
{
    static struct pbft_msg m;
    for (size_t i = 0; i < w.outputs_count; i++) {
        const struct world_output *o = &w.outputs[i];
        if (o->is_answer || o->type != PBFT_FETCH_PIECE)
            continue;
        if (o->to == LIAR) {
            liar_asked++;
            continue;
        }
        assert_in_range(questions_end, 0, QUESTIONS_MAX - 1);
        struct question *q = &questions[questions_end++];
        assert_true(world_decode(&m, o));
        struct rd r = rd_of(m.fetch_piece.path);
        snapshot_path_decode(&r, &q->path);
        q->link = o->to;
        q->asked_ms = w.time.now_ms;
    }
    world_forget(&w);
}

static void honest_answer(void)
{
    while (questions_at < questions_end &&
           w.time.now_ms - questions[questions_at].asked_ms >= HONEST_MS) {
        const struct question *q = &questions[questions_at++];
        give(q->link, &q->path, 300);
        world_settle(&w);
    }
}

/* The first question is left open, so that there is always one answer owed. The others are answered
 * when their time is over: with something else. */
static void liar_answers(void)
{
    static uint32_t seen;
    if (liar_asked <= 1 || liar_asked == seen || w.driver->snapshot.asked[LIAR].is_asked ||
        queue_at == queue_end)
        return;
    seen = liar_asked;
    liar_opens_one();
    world_settle(&w);
}

static void one_that_opens_the_tree_breadth_first_fills_nothing(void **state)
{
    (void)state;
    uint64_t most = 0, end_ms;
    big_tree_open(&big, 56, ENTRIES);
    begin_behind();
    end_ms = w.time.now_ms + HOURS_MAX * 3600 * 1000;
    do {
        world_settle(&w);
        note_questions();
        honest_answer();
        liar_answers();
        struct snapshot_progress progress = world_look(&w).snapshot;
        most = progress.pieces_wanted > most ? progress.pieces_wanted : most;
        world_pass(&w, STEP_MS);
    } while (w.time.now_ms < end_ms && (most == 0 || world_look(&w).snapshot.pieces_wanted > 0));
    assert_in_range(most, SNAPSHOT_WANTS_FREE_MAX,
                    SNAPSHOT_WANTS_FREE_MAX + 17 * SNAPSHOT_ASKED_MAX);
    assert_int_equal(world_look(&w).snapshot.pieces_wanted, 0);
    assert_true(world_look(&w).snapshot_faults > 0); /* too late */
    assert_int_equal(driver_failure(w.driver, NULL), RC_OK);
    big_tree_close(&big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OTHERS_TEST(one_that_opens_the_tree_breadth_first_fills_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
