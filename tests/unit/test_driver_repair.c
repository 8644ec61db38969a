/* Pitfalls D5 through the driver: a committed block that rots on the disk is fetched from another
 * member, and nothing but the very block that the chain names is put in its place. */
#include <string.h>

#include "node/driver/driver_impl.h"
#include "tests/unit/driver_rules.h"

enum { COMMITTED = 18, ROTTEN = 5, ASKS_MAX = 4 * WORLD_OTHERS };

static struct buf key;
static struct pbft_msg *msg;

static int end_repair(void **state)
{
    buf_free(&key);
    mem_free(msg);
    msg = NULL;
    return end(state);
}

static void begin_rotten(void)
{
    msg = mem_alloc(sizeof *msg);
    begin_with(1, NULL);
    for (int i = 1; i <= COMMITTED; i++)
        world_commit(&w, b[i]);
    world_crash(&w, true);
    world_rot(&w, KV_BLOCK, world_block_key(&key, ROTTEN, &b[ROTTEN]->name.digest));
    world_begin(&w);
    for (uint32_t from = 0; from < WORLD_MEMBERS; from++)
        if (from != 1)
            world_status(&w, from, COMMITTED);
    world_settle(&w);
    world_forget(&w);
}

/* From here on the real audit has to find the disk sound, at each stop. */
static void assert_repaired(void)
{
    assert_int_equal(world_look(&w).repaired_count, 1);
    assert_true(world_is_given(&w, 2, ROTTEN, msg));
    w.is_rotten = false;
}

/* How often the block alone was asked for, of whom last. */
static uint32_t asked(uint32_t *of)
{
    uint32_t count = 0;
    const struct world_output *o;
    for (size_t i = 0; (o = world_message(&w, PBFT_FETCH, i)) != NULL; i++) {
        assert_true(world_decode(msg, o));
        if (msg->fetch.kind != PBFT_FETCH_RANGE || msg->fetch.from_height != ROTTEN)
            continue;
        assert_int_equal(msg->fetch.blocks_max, 1);
        *of = o->to;
        count++;
    }
    return count;
}

static void a_damaged_block_is_fetched_and_is_there_again(void **state)
{
    (void)state;
    uint32_t of;
    begin_rotten();
    assert_int_equal(asked(&of), 0); /* nobody has looked at it */
    assert_false(world_is_given(&w, 2, ROTTEN, msg));
    assert_int_equal(asked(&of), 1);
    world_range(&w, of, &b[ROTTEN], 1, 0);
    world_settle(&w);
    assert_repaired();
    assert_int_equal(world_look(&w).damaged_count, 1);
    assert_int_equal(asked(&of), 0);
    world_crash(&w, false); /* and durably */
    world_begin(&w);
    assert_true(world_is_given(&w, 2, ROTTEN, msg));
    assert_int_equal(world_look(&w).damaged_count, 0);
    world_commit(&w, b[COMMITTED + 1]);
}

/* A range that leads on to a certificate above: the block is the first of it. */
static void the_certificate_may_be_of_a_block_above(void **state)
{
    (void)state;
    uint32_t of;
    begin_rotten();
    assert_false(world_is_given(&w, 2, ROTTEN, msg));
    assert_int_equal(asked(&of), 1);
    world_range(&w, of, &b[ROTTEN], 1, 3);
    world_settle(&w);
    assert_repaired();
}

/* Each of the others in turn, in vain; then it rests until the damage is met again. */
static void it_is_asked_for_so_often_and_then_left(void **state)
{
    (void)state;
    uint32_t count = 0, of;
    bool was_asked[WORLD_MEMBERS] = {false};
    begin_rotten();
    assert_false(world_is_given(&w, 2, ROTTEN, msg));
    for (int i = 0; i < 200; i++) {
        uint32_t now = asked(&of);
        count += now;
        if (now > 0)
            was_asked[of] = true;
        world_forget(&w);
        world_pass(&w, 500);
        world_settle(&w);
    }
    assert_in_range(count, 1, ASKS_MAX);
    assert_true(was_asked[0]);
    assert_true(was_asked[2]);
    assert_true(was_asked[3]);
    assert_int_equal(world_look(&w).repaired_count, 0);
    for (uint32_t from = 0; from < WORLD_MEMBERS; from++)
        if (from != 1)
            world_status(&w, from, COMMITTED);
    assert_false(world_is_given(&w, 2, ROTTEN, msg));
    assert_int_equal(asked(&of), 1);
}

/* The chain here names another block: then nothing that comes is believed. */
static void what_the_chain_does_not_name_is_not_taken(void **state)
{
    (void)state;
    uint32_t of;
    uint8_t room[8];
    struct wr at = wr_of(room, sizeof room);
    begin_rotten();
    struct bytes another = bytes_of(b[6]->name.digest.bytes, DIGEST_BYTES);
    wr_be64(&at, ROTTEN);
    world_crash(&w, true);
    world_write(&w, KV_CHAIN, wr_bytes_of(&at), &another);
    world_begin(&w);
    for (uint32_t from = 0; from < WORLD_MEMBERS; from++)
        if (from != 1)
            world_status(&w, from, COMMITTED);
    assert_false(world_is_given(&w, 2, ROTTEN, msg));
    assert_int_equal(asked(&of), 1);
    world_range(&w, of, &b[ROTTEN], 1, 3); /* its certificate is of another height */
    world_settle(&w);
    assert_int_equal(world_look(&w).repaired_count, 0);
    assert_false(world_is_given(&w, 2, ROTTEN, msg));
}

/* A range that nobody asked for, or from elsewhere, puts nothing in its place. */
static void nothing_is_repaired_that_was_not_met(void **state)
{
    (void)state;
    begin_rotten();
    world_range(&w, 2, &b[ROTTEN], 1, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).repaired_count, 0);
    assert_false(world_is_given(&w, 2, ROTTEN, msg));
    world_range(&w, 3, &b[ROTTEN + 1], 1, 0);
    world_settle(&w);
    assert_int_equal(world_look(&w).repaired_count, 0);
}

/* Of a client that asks for the block: the same. */
static void a_reader_may_say_that_it_met_it(void **state)
{
    (void)state;
    uint32_t of;
    begin_rotten();
    driver_on_damaged_block(w.driver, ROTTEN + 1); /* it is sound: it met something else */
    driver_on_damaged_block(w.driver, COMMITTED + 1);
    driver_on_damaged_block(w.driver, 0);
    world_settle(&w);
    assert_int_equal(asked(&of), 0);
    driver_on_damaged_block(w.driver, ROTTEN);
    driver_repair_want(w.driver, ROTTEN + 1); /* one at a time */
    world_settle(&w);
    assert_int_equal(asked(&of), 1);
    world_range(&w, of, &b[ROTTEN], 1, 0);
    world_settle(&w);
    assert_repaired();
}

/* Which transaction has the nonce stands in it. */
static void a_client_who_meets_it_has_it_fetched(void **state)
{
    (void)state;
    uint32_t of;
    begin_rotten();
    const struct world_tx *other = world_transfer(&w, DRIVER_PAYER, 1, ROTTEN, 7);
    world_submit(&w, 1, other);
    world_settle(&w);
    assert_int_equal(world_answer(&w, 1)->outcome, DRIVER_UNKNOWN);
    assert_int_equal(asked(&of), 1);
    world_range(&w, of, &b[ROTTEN], 1, 0);
    world_settle(&w);
    assert_repaired();
}

/* By its digest (5.7), which the core knows still. */
static void a_peer_who_asks_for_it_alone_has_it_fetched(void **state)
{
    (void)state;
    const struct pbft_fetch *f = NULL;
    msg = mem_alloc(sizeof *msg);
    begin_with(1, NULL);
    for (int i = 1; i <= COMMITTED; i++)
        world_commit(&w, b[i]);
    world_rot(&w, KV_BLOCK, world_block_key(&key, COMMITTED, &b[COMMITTED]->name.digest));
    world_commit(&w, b[COMMITTED + 1]); /* the store looks anew */
    for (uint32_t from = 0; from < WORLD_MEMBERS; from++)
        if (from != 1)
            world_status(&w, from, COMMITTED + 1);
    world_pass(&w, 1000);
    world_settle(&w);
    world_forget(&w);
    world_fetch(&w, 2, b[COMMITTED]);
    world_settle(&w);
    assert_null(world_message(&w, PBFT_DATA, 0));
    assert_non_null(world_message(&w, PBFT_FETCH, 0));
    assert_true(world_decode(msg, world_message(&w, PBFT_FETCH, 0)));
    f = &msg->fetch;
    assert_int_equal(f->kind, PBFT_FETCH_RANGE);
    assert_int_equal(f->from_height, COMMITTED);
    assert_int_equal(f->blocks_max, 1);
}

#define REPAIR_TEST(test) cmocka_unit_test_teardown(test, end_repair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPAIR_TEST(a_damaged_block_is_fetched_and_is_there_again),
        REPAIR_TEST(the_certificate_may_be_of_a_block_above),
        REPAIR_TEST(it_is_asked_for_so_often_and_then_left),
        REPAIR_TEST(what_the_chain_does_not_name_is_not_taken),
        REPAIR_TEST(nothing_is_repaired_that_was_not_met),
        REPAIR_TEST(a_reader_may_say_that_it_met_it),
        REPAIR_TEST(a_client_who_meets_it_has_it_fetched),
        REPAIR_TEST(a_peer_who_asks_for_it_alone_has_it_fetched),
    };
    return cmocka_run_group_tests_name("driver_repair", tests, NULL, NULL);
}
