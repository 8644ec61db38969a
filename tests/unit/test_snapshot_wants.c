/* Rule 9.3: what is wanted of a state that is taken keeps a bound, whatever is answered. */
#include "tests/help/unit.h"

#include "tests/help/big_tree.h"
#include "tests/help/snapshot_world.h"

enum { ENTRIES = 60000, OPENED_MAX = 8192 };

static struct snapshot_world w;
static struct big_tree big;
static struct snapshot_path opened[OPENED_MAX + TREE_CHILDREN]; /* breadth first: the top */
static uint32_t opened_at, opened_end;

static void begin(void)
{
    snapshot_world_open(&w, &(struct chain_options){.seed = 7}, 10);
    big_tree_open(&big, w.target.height, ENTRIES);
    w.target.root = big.tree.root;
    snapshot_world_start(&w, false);
    snapshot_world_clear(&w);
    opened_at = 0;
    opened_end = 1;
}

static int end(void **state)
{
    (void)state;
    big_tree_close(&big);
    snapshot_world_close(&w);
    return 0;
}

static enum snapshot_fault give(const struct snapshot_path *path, size_t bytes_max)
{
    struct buf bytes = {0};
    struct snapshot_piece piece;
    assert_int_equal(snapshot_make(&bytes, big.view, &big.tree, path, bytes_max, NULL), RC_OK);
    enum snapshot_fault fault = snapshot_intake_judge(w.intake, &piece, path, buf_bytes(&bytes));
    if (fault == SNAPSHOT_OK) {
        assert_int_equal(snapshot_intake_take(w.intake, w.t.batch, &piece, NULL), RC_OK);
        (void)snapshot_world_commit(&w);
        snapshot_piece_close(&piece);
    }
    buf_free(&bytes);
    return fault;
}

static uint64_t wanted(void)
{
    return snapshot_intake_progress(w.intake).pieces_wanted;
}

/* Nodes that nobody asked for, from the top down, until they are refused. */
static void open_breadth_first(void)
{
    enum snapshot_fault fault = SNAPSHOT_OK;
    while (fault == SNAPSHOT_OK) {
        assert_in_range(opened_end, opened_at + 1, OPENED_MAX);
        fault = give(&opened[opened_at], 0);
        if (fault == SNAPSHOT_OK)
            opened_end += big_tree_children(&big, &opened[opened_at++], &opened[opened_end]);
    }
    assert_int_equal(fault, SNAPSHOT_NOT_ASKED);
}

static void nodes_that_nobody_asked_for_are_taken_while_little_is_wanted(void **state)
{
    (void)state;
    begin();
    open_breadth_first();
    assert_in_range(wanted(), SNAPSHOT_WANTS_FREE_MAX + 1, SNAPSHOT_WANTS_FREE_MAX + TREE_CHILDREN);
    assert_true(snapshot_intake_wants(w.intake, &opened[opened_at]));
    /* All that hangs there makes nothing more wanted. */
    assert_int_equal(give(&opened[opened_end - 1], SNAPSHOT_PIECE_BYTES_MAX), SNAPSHOT_OK);
}

/* What is asked for is taken, as a node too; and so is what few are wanted below, also late: else
 * nothing would come over a line on which all of it is late. */
static void what_is_asked_for_is_taken_and_the_deepest_as_well(void **state)
{
    (void)state;
    struct snapshot_path asked[SNAPSHOT_ASKED_MAX], path;
    begin();
    open_breadth_first();
    for (int i = 0; i < SNAPSHOT_ASKED_MAX; i++)
        assert_true(snapshot_intake_ask(w.intake, &asked[i]));
    assert_false(snapshot_intake_ask(w.intake, &path));
    assert_int_equal(asked[7].depth, asked[0].depth);
    snapshot_intake_give_up(w.intake, &asked[7]);
    for (int i = 0; i < 7; i++)
        assert_int_equal(give(&asked[i], 0), SNAPSHOT_OK);
    assert_true(snapshot_intake_ask(w.intake, &path));
    assert_int_equal(path.depth, asked[0].depth + 1);
    snapshot_intake_give_up(w.intake, &path);
    assert_int_equal(give(&asked[7], 0), SNAPSHOT_NOT_ASKED);
    assert_int_equal(give(&path, 0), SNAPSHOT_OK);
}

/* Whoever answers, asked or not, the state comes, and the bound of each depth holds. */
static void it_comes_all_the_same(void **state)
{
    (void)state;
    struct prng prng = prng_of(3);
    uint64_t most = 0;
    begin();
    while (!snapshot_intake_is_whole(w.intake)) {
        struct snapshot_path asked[SNAPSHOT_ASKED_MAX];
        uint32_t count = 0;
        while (opened_at < opened_end && give(&opened[opened_at], 0) == SNAPSHOT_OK &&
               opened_end < OPENED_MAX)
            opened_end += big_tree_children(&big, &opened[opened_at++], &opened[opened_end]);
        while (snapshot_intake_ask(w.intake, &asked[count]))
            count++;
        most = wanted() > most ? wanted() : most;
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(give(&asked[i], prng_below(&prng, 4) == 0 ? 0 : 2000), SNAPSHOT_OK);
    }
    assert_in_range(most, SNAPSHOT_WANTS_FREE_MAX,
                    SNAPSHOT_WANTS_FREE_MAX + 4 * 17 * SNAPSHOT_ASKED_MAX);
    assert_int_equal(snapshot_intake_progress(w.intake).entries_count, ENTRIES);
}

#define TEST(test) cmocka_unit_test_teardown(test, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nodes_that_nobody_asked_for_are_taken_while_little_is_wanted),
        TEST(what_is_asked_for_is_taken_and_the_deepest_as_well),
        TEST(it_comes_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
