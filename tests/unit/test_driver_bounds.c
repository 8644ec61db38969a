/* What a slow disk, a greedy peer and a lagging one can make this replica keep or send (PROTOCOL.md
 * 9.1, 9.2, 16). */
#include <string.h>

#include "tests/unit/driver_rules.h"

/* ---- a slow disk ---- */

/* Peers that never rise are sent everything again and again; a batch is under way all the time. */
static void stall(uint32_t seconds)
{
    for (uint32_t i = 0; i < 8 * seconds; i++) {
        world_pass(&w, 125);
        for (uint32_t from = 1; from < WORLD_MEMBERS; from++)
            world_status(&w, from, 0);
        world_run(&w);
    }
}

static void a_slow_disk_does_not_fill_the_turn(void **state)
{
    (void)state;
    begin(0); /* the primary, with P proposals in flight */
    for (uint64_t i = 1; i <= 4; i++) {
        world_submit(&w, i, world_record(&w, 0, i));
        world_run(&w);
        world_pass(&w, 6);
        world_run(&w);
    }
    assert_true(w.is_submitted);
    stall(200);
    struct driver_look look = world_look(&w);
    assert_true(look.outputs_count <= DRIVER_OUTPUTS_MAX);
    assert_true(look.outputs_bytes <= DRIVER_OUTPUT_BYTES_MAX + PBFT_MSG_BYTES_MAX);
    assert_true(look.output_drops > 0);
    world_forget(&w);
    world_settle(&w);
    assert_int_equal(world_look(&w).outputs_count, 0);
}

/* What clients want told to the primary can wait; a vote that finds no room is lost, and would be
 * lost again behind the next ones. */
static void what_is_forwarded_leaves_room_for_votes(void **state)
{
    enum { ROOM = 16, TXS = 2 * ROOM };
    (void)state;
    begin(1);
    w.outputs_max = ROOM;
    world_crash(&w, false);
    world_begin(&w);
    world_propose(&w, b[1]); /* its block is written, so what follows waits for the next turn */
    world_run(&w);
    assert_true(w.is_submitted);
    world_forget(&w);
    for (uint64_t i = 1; i <= TXS; i++)
        world_submit(&w, i, world_record(&w, 0, i));
    world_run(&w);
    assert_int_equal(world_look(&w).outputs_count, ROOM / 2);
    world_propose(&w, b[2]);
    world_settle(&w);
    assert_int_equal(world_look(&w).output_drops, 0);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, NULL), 2 * WORLD_OTHERS);
    assert_int_equal(world_sent(&w, PBFT_FORWARD, NULL), TXS); /* turn by turn */
}

static void a_look_at_work_shows_what_a_whole_look_does(void **state)
{
    (void)state;
    begin(0);
    for (uint64_t i = 1; i <= 4; i++) {
        world_submit(&w, i, world_record(&w, 0, i));
        world_run(&w);
        world_pass(&w, 6);
        world_run(&w);
    }
    world_status(&w, 1, 0); /* waits in the inbox */
    struct driver_look whole = world_look(&w), work;
    memset(&work, 0xa5, sizeof work); /* of what was there before nothing is left */
    driver_look_at_work(w.driver, &work);
    assert_memory_equal(&work.pool, &whole.pool, sizeof whole.pool);
    assert_memory_equal(&work.core.committed, &whole.core.committed, sizeof whole.core.committed);
    assert_int_equal(work.core.tip.height, whole.core.tip.height);
    assert_int_equal(work.durable_height, whole.durable_height);
    assert_int_equal(work.blocks_count, whole.blocks_count);
    assert_int_equal(work.blocks_bytes, whole.blocks_bytes);
    assert_int_equal(work.waiting_count, whole.waiting_count);
    assert_int_equal(work.inbox_bytes, whole.inbox_bytes);
    assert_int_equal(work.outputs_count, whole.outputs_count);
    assert_int_equal(work.outputs_bytes, whole.outputs_bytes);
    assert_true(work.blocks_count > 0 && work.waiting_count > 0 && work.inbox_bytes > 0);
}

static void of_status_a_turn_keeps_the_last_one(void **state)
{
    (void)state;
    struct pbft_msg *m = mem_alloc(sizeof *m);
    begin(1);
    world_propose(&w, b[1]);
    world_run(&w);
    assert_true(w.is_submitted);
    for (uint32_t i = 0; i < 100; i++) {
        world_pass(&w, 250);
        world_run(&w);
    }
    uint64_t before = w.counter;
    world_land(&w);
    world_run(&w);
    assert_int_equal(world_sent(&w, PBFT_STATUS, NULL), WORLD_OTHERS);
    assert_true(world_decode(m, world_message(&w, PBFT_STATUS, 0)));
    assert_true(m->status.counter >= before + 100);
    mem_free(m);
}

static void a_message_counts_for_its_link_while_it_is_verified(void **state)
{
    (void)state;
    begin(1);
    w.holds_jobs = true;
    world_vote(&w, 2, CERT_PREPARE, b[1]);
    world_run(&w);
    assert_int_equal(w.jobs_count, 1);
    assert_true(world_look(&w).inbox_bytes > 0);
    world_return_job(&w, 0);
    world_run(&w);
    assert_int_equal(world_look(&w).inbox_bytes, 0);
}

/* ---- what one peer is given ---- */

static void a_peer_is_given_so_many_bytes_in_a_while(void **state)
{
    (void)state;
    enum { BLOCKS = 8 };
    const struct world_block *parent = NULL;
    begin(1);
    for (uint64_t i = 0; i < BLOCKS; i++) {
        const struct world_block *block = large_block(parent, i);
        world_commit(&w, block);
        parent = block;
    }
    world_pass(&w, 1000);
    world_settle(&w);
    world_forget(&w);
    for (uint64_t height = 1; height <= BLOCKS; height++)
        world_fetch_range(&w, 2, height);
    for (int i = 0; i < 24; i++) { /* no full T_s */
        world_settle(&w);
        world_pass(&w, 10);
    }
    size_t given = 0;
    for (size_t i = 0; world_message(&w, PBFT_DATA, i) != NULL; i++)
        given += world_message(&w, PBFT_DATA, i)->bytes.size;
    assert_true(given > DRIVER_ANSWER_BYTES_MAX / 2);
    assert_true(given <= DRIVER_ANSWER_BYTES_MAX + PBFT_MSG_BYTES_MAX);
    assert_true(world_look(&w).answer_drops > 0);

    world_forget(&w);
    world_pass(&w, 1000); /* another while, another budget */
    world_fetch_range(&w, 2, BLOCKS);
    world_settle(&w);
    assert_true(world_message(&w, PBFT_DATA, 0) != NULL);
}

/* ---- where a range ends ---- */

static void expect_range(uint64_t from, uint32_t blocks_count, uint32_t heads_count)
{
    struct pbft_msg *m = mem_alloc(sizeof *m);
    world_pass(&w, 1000);
    world_settle(&w);
    world_forget(&w);
    world_fetch_range(&w, 2, from);
    world_settle(&w);
    const struct world_output *o = world_message(&w, PBFT_DATA, 0);
    assert_non_null(o);
    assert_true(world_decode(m, o));
    assert_int_equal(m->data.blocks[0].height, from);
    assert_int_equal(m->data.blocks_count, blocks_count);
    assert_int_equal(m->data.heads_count, heads_count);
    mem_free(m);
}

/* Certificates stand at 3 and 17 alone. Who is at 0 could not keep one of 17, beyond its window of
 * 16, and would be given the same range for ever. */
static void a_range_ends_inside_the_window_of_who_asks(void **state)
{
    (void)state;
    begin_with(1, "{\"pipeline_heights\": 2, \"checkpoint_every_heights\": 4,"
                  " \"window_heights\": 8, \"sync_blocks_max\": 64}");
    world_range(&w, 2, &b[1], 3, 0);
    world_settle(&w);
    world_range(&w, 2, &b[4], 14, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).durable_height, 17);
    expect_range(1, 3, 0);
    expect_range(4, 8, 6);
    expect_range(12, 6, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DRIVER_TEST(a_slow_disk_does_not_fill_the_turn),
        DRIVER_TEST(what_is_forwarded_leaves_room_for_votes),
        DRIVER_TEST(a_look_at_work_shows_what_a_whole_look_does),
        DRIVER_TEST(of_status_a_turn_keeps_the_last_one),
        DRIVER_TEST(a_message_counts_for_its_link_while_it_is_verified),
        DRIVER_TEST(a_peer_is_given_so_many_bytes_in_a_while),
        DRIVER_TEST(a_range_ends_inside_the_window_of_who_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
