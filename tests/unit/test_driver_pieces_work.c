/* Rules 9.1, 9.3 through the driver: what questions for pieces of the state cost whoever answers
 * them. Each here costs as much as the largest one, whatever is sent. */
#include <string.h>

#include "node/driver/driver_impl.h"

static enum rc costly_make(struct buf *out, size_t *walked_bytes, struct snapshot_known *known,
                           struct kv_view *v, const struct tree_ref *ref,
                           const struct snapshot_path *path, size_t piece_bytes_max,
                           struct why *why);
#define snapshot_make_known costly_make
#include "node/driver/pieces.c"
#undef snapshot_make_known

#include "tests/unit/others_rules.h"

enum { PIECES_MAX = DRIVER_PIECES_BYTES_MAX / SNAPSHOT_PIECE_BYTES_MAX };
static uint32_t walks_count;

/* As a node that holds more than a piece takes: all was walked, little is sent. */
static enum rc costly_make(struct buf *out, size_t *walked_bytes, struct snapshot_known *known,
                           struct kv_view *v, const struct tree_ref *ref,
                           const struct snapshot_path *path, size_t piece_bytes_max,
                           struct why *why)
{
    enum rc rc = snapshot_make_known(out, walked_bytes, known, v, ref, path, piece_bytes_max, why);
    walks_count++;
    *walked_bytes = piece_bytes_max;
    return rc;
}

/* Member 1 has ten blocks, and with them the tree of height 8; a new while begins. */
static void begin_giving(void)
{
    world_open(&w, 1, NULL);
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, 10);
    others_commit_to(&p, 10);
    world_pass(&w, DRIVER_PIECES_MS);
    world_settle(&w);
    world_forget(&w);
    walks_count = 0;
}

static void ask(uint32_t link)
{
    memset(&w.msg, 0, sizeof w.msg);
    w.msg.type = PBFT_FETCH_PIECE;
    w.msg.link = w.msg.from = link;
    w.msg.fetch_piece = (struct pbft_fetch_piece){.height = p.checkpoint.statement.height,
                                                  .root = p.checkpoint.statement.state_root,
                                                  .path = bytes_of((const uint8_t *)"", 1)};
    assert_true(world_give(&w, link));
}

static uint32_t given_to(uint32_t link)
{
    uint32_t count = 0;
    for (size_t i = 0; i < w.outputs_count; i++) {
        const struct world_output *o = &w.outputs[i];
        count += !o->is_answer && o->type == PBFT_PIECE && o->to == link;
    }
    return count;
}

/* What was walked counts, not what is sent: all peers together get so many in a while. The others
 * wait until the next, and the driver rests. */
static void what_is_walked_for_all_has_a_bound(void **state)
{
    (void)state;
    begin_giving();
    for (uint32_t round = 1; round <= 3; round++) {
        for (uint32_t i = 0; i < 3 * PIECES_MAX; i++) {
            ask(i % 2 == 0 ? 0 : 2);
            world_settle(&w);
        }
        assert_int_equal(walks_count, round * PIECES_MAX);
        assert_int_equal(given_to(0) + given_to(2), round * PIECES_MAX);
        assert_true(driver_deadline_ms(w.driver) > w.time.now_ms);
        assert_true(driver_deadline_ms(w.driver) <= w.time.now_ms + DRIVER_PIECES_MS);
        world_pass(&w, DRIVER_PIECES_MS);
    }
}

/* One run makes one piece of the largest size, whoever asks; then it is run again. */
static void a_run_walks_one_piece(void **state)
{
    (void)state;
    begin_giving();
    for (uint32_t i = 0; i < 30; i++)
        for (uint32_t link = 0; link < WORLD_MEMBERS; link++)
            if (link != 1)
                ask(link);
    for (uint32_t i = 1; i <= 3; i++) {
        world_run_once(&w);
        assert_int_equal(walks_count, i);
        assert_int_equal(driver_deadline_ms(w.driver) <= w.time.now_ms, i < 3);
    }
    world_settle(&w);
    assert_int_equal(walks_count, 3); /* of each the newest question */
}

/* Whoever asks most does not get most: liars that ask without end leave the others their share. */
static void those_who_ask_get_equal_shares(void **state)
{
    (void)state;
    begin_giving();
    for (uint32_t i = 0; i < 8 * PIECES_MAX; i++) {
        for (int many = 0; many < 5; many++) {
            ask(0);
            ask(2);
        }
        ask(3);
        world_run_once(&w);
        world_pass(&w, DRIVER_PIECES_MS / PIECES_MAX / 4);
    }
    uint32_t honest = given_to(3);
    assert_true(honest >= PIECES_MAX / 3);
    assert_in_range(given_to(0), honest - 1, honest + 1);
    assert_in_range(given_to(2), honest - 1, honest + 1);
    world_settle(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OTHERS_TEST(what_is_walked_for_all_has_a_bound),
        OTHERS_TEST(a_run_walks_one_piece),
        OTHERS_TEST(those_who_ask_get_equal_shares),
    };
    return cmocka_run_group_tests_name("driver_pieces_work", tests, NULL, NULL);
}
