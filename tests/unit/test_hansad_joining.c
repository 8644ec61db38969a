/* What clients hear of a node whose state is not to be believed, or is not there (8.2), and of one
 * that stands on a snapshot, without the blocks below it (9.3). */
#include "tests/help/driver_others.h"
#include "tests/help/rot.h"
#include "tests/unit/hansad_serve.h"

static struct driver_others p;

static int end_others(void **state)
{
    others_close(&p);
    return end_serving(state);
}

#define JOINING_TEST(test) cmocka_unit_test_teardown(test, end_others)

static void begin_others(uint64_t own_height)
{
    last_number = 0;
    memset(replies, 0, sizeof replies);
    world_open(&w, 3, NULL);
    w.snapshot_behind_heights = 16;
    others_open(&p, &w);
    world_begin(&w);
    others_grow(&p, 40);
    others_commit_to(&p, own_height);
}

static enum proto_code code_of(const struct proto_request *request)
{
    return reply_to(ask(request))->code;
}

static struct proto_request state_request(void)
{
    struct proto_request r = {.type = PROTO_STATE, .table = STATE_BALANCE, .count = 1};
    r.items[0] = bytes_of_text("p0/a0");
    return r;
}

/* Everything that would read it is told to go on to another node; the chain is told. */
static void expect_busy(void)
{
    struct proto_request r = state_request();
    assert_int_equal(code_of(&r), PROTO_BUSY);
    r = (struct proto_request){.type = PROTO_RECEIPT};
    assert_int_equal(code_of(&r), PROTO_BUSY);
    r = (struct proto_request){.type = PROTO_NAMES, .table = STATE_RECORD, .names_max = 1};
    assert_int_equal(code_of(&r), PROTO_BUSY);
    r = (struct proto_request){.type = PROTO_STATUS};
    assert_int_equal(code_of(&r), PROTO_OK);
    r = (struct proto_request){.type = PROTO_METRICS};
    assert_int_equal(code_of(&r), PROTO_OK);
    r = (struct proto_request){.type = PROTO_BLOCK, .height = 3};
    assert_int_equal(code_of(&r), PROTO_OK);
}

static void a_state_that_is_not_to_be_believed_is_not_read(void **state)
{
    (void)state;
    begin_others(30);
    world_crash(&w, false);
    assert_int_equal(rot_state(w.kv, 1), 24);
    w.is_rotten = true;
    world_begin(&w);
    others_tell(&p);
    for (int i = 0; i < 10 && driver_failure(w.driver, NULL) == RC_OK; i++)
        (void)others_answer(&p);
    assert_int_equal(driver_failure(w.driver, NULL), RC_REOPEN);
    struct driver_look look;
    struct tree_ref sound;
    struct why why = {{0}};
    driver_look(w.driver, &look);
    assert_int_equal(look.divergence.height, 40);
    assert_int_equal(store_get_tree(p.store, 40, &sound, &why), RC_OK);
    assert_true(digest_equal(&look.divergence.certified_root, &sound.root));
    assert_false(digest_equal(&look.divergence.root, &sound.root));
    uint8_t room[8];
    struct wr at = wr_of(room, sizeof room);
    wr_be64(&at, 40);
    world_crash(&w, false);
    world_rot(&w, KV_CHECKPOINT, wr_bytes_of(&at)); /* else it would be gone at once */
    assert_int_equal(world_start(&w), RC_OK);
    bind_serve();
    assert_true(store_has_state(w.store));
    expect_busy();
    others_tell(&p);
    for (int i = 0; i < 20 && store_has_state(w.store); i++)
        (void)others_answer(&p);
    assert_false(store_has_state(w.store)); /* now it is gone, under the very same serve */
    expect_busy();
    run();
}

/* Nor one that cannot be made before a damaged block is here again (pitfalls D5). */
static void a_state_that_waits_for_a_block_is_not_read(void **state)
{
    (void)state;
    struct buf key = {0};
    begin_others(30);
    world_crash(&w, false);
    world_rot(&w, KV_BLOCK, world_block_key(&key, 27, &p.blocks[27]->name.digest));
    buf_free(&key);
    assert_int_equal(world_start(&w), RC_OK);
    assert_int_equal(world_look(&w).awaited_height, 27);
    bind_serve();
    expect_busy();
    run();
}

struct names {
    uint32_t shown_count, hidden_count;
};

/* One that the others' state has: what the index here says of it is what the state here says. */
static enum rc take_name(void *context, struct bytes name)
{
    struct names *names = context;
    struct buf key = {0};
    struct proto_request r = {.type = PROTO_STATE, .table = STATE_RECORD, .count = 1};
    r.items[0] = name;
    assert_int_equal(code_of(&r), PROTO_OK);
    bool is_known = reply.is_present[0];
    buf_add_u8(&key, STATE_RECORD);
    buf_add_bytes(&key, name);
    r = (struct proto_request){.type = PROTO_INDEX, .table = KV_NAME, .count = 1};
    r.items[0] = buf_bytes(&key);
    assert_int_equal(code_of(&r), PROTO_OK);
    assert_int_equal(reply.is_present[0], is_known);
    names->shown_count += is_known;
    names->hidden_count += !is_known;
    buf_free(&key);
    return RC_OK;
}

/* The state is read as before while another one is taken in beside it (9.3). */
static void names_of_a_state_that_is_being_taken_are_not_shown(void **state)
{
    (void)state;
    struct why why = {{0}};
    begin_others(5);
    bind_serve();
    others_tell(&p);
    bool was_met = false;
    for (int i = 0; i < 100 && driver_failure(w.driver, NULL) == RC_OK; i++) {
        struct names names = {0};
        (void)others_answer(&p);
        if (!store_is_taking_snapshot(w.store) || !store_has_state(w.store))
            continue;
        assert_int_equal(
            store_list(p.store, STATE_RECORD, bytes_of(NULL, 0), take_name, &names, &why), RC_OK);
        was_met |= names.shown_count == 5 && names.hidden_count == 35;
    }
    assert_true(was_met);
    assert_int_equal(driver_failure(w.driver, NULL), RC_REOPEN); /* all of it was taken */
    serve_part(serve);
    world_crash(&w, false);
    assert_int_equal(world_start(&w), RC_OK);
    bind_driver();
    assert_int_equal(serve_rejoin(serve, w.store, w.driver, &why), RC_OK);
}

static void one_that_joined_tells_what_it_has(void **state)
{
    (void)state;
    begin_others(5);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    world_crash(&w, false);
    assert_int_equal(world_start(&w), RC_OK);
    bind_serve();
    run();
    struct serve_look look;
    serve_look(serve, &look);
    assert_int_equal(look.followed_height, 40);
    struct proto_request r = state_request();
    assert_int_equal(code_of(&r), PROTO_OK);
    r = (struct proto_request){.type = PROTO_BLOCK, .height = 30};
    assert_int_equal(code_of(&r), PROTO_NOT_YET);
    r.height = 41;
    assert_int_equal(code_of(&r), PROTO_NOT_FOUND);
    r.height = 4;
    assert_int_equal(code_of(&r), PROTO_OK);
    struct rd body = rd_of(p.blocks[30]->block.body);
    struct tx tx;
    assert_int_equal(tx_decode(&tx, block_next_tx(&body), &w.chain.genesis.chain_id), VERDICT_OK);
    r = (struct proto_request){.type = PROTO_RECEIPT, .txids = {tx.id}};
    assert_int_equal(code_of(&r), PROTO_NOT_YET);
    r = (struct proto_request){.type = PROTO_INDEX, .table = KV_TXID, .count = 1};
    r.items[0] = bytes_of(tx.id.bytes, DIGEST_BYTES);
    assert_int_equal(code_of(&r), PROTO_NOT_YET);
    others_grow(&p, 2); /* and follows what comes */
    others_tell(&p);
    (void)others_answer(&p);
    (void)others_answer(&p);
    run();
    serve_look(serve, &look);
    assert_int_equal(look.followed_height, 42);
}

/* Whoever waits when driver and store are closed is told what is known; the serve itself goes on
 * with the next ones, and its counts. */
static void whoever_waits_is_answered_before_the_store_is_opened_anew(void **state)
{
    (void)state;
    begin_others(5);
    bind_serve();
    const struct world_tx *tx = world_record(&w, 0, p.nonces[0] + 1);
    uint64_t submitted = submit(&tx, 1, PROTO_WAIT_MS_MAX);
    uint64_t waits =
        wait_for(&p.blocks[30]->block.digest, PROTO_WAIT_MS_MAX); /* no txid: never comes */
    struct proto_request r = {
        .type = PROTO_READ, .height = 41, .tables = {STATE_BALANCE}, .count = 1};
    r.items[0] = bytes_of_text("p0/a0");
    uint64_t reads = ask(&r);
    others_tell(&p);
    assert_int_equal(others_play(&p, 400), RC_REOPEN);
    assert_false(is_replied(submitted) || is_replied(waits) || is_replied(reads));
    serve_part(serve);
    assert_int_equal(reply_to(submitted)->results[0].outcome, PROTO_UNKNOWN);
    assert_int_equal(reply_to(waits)->results[0].outcome, PROTO_UNKNOWN);
    assert_code(reads, PROTO_BUSY);

    struct why why = {{0}};
    struct serve_look look;
    world_crash(&w, false);
    assert_int_equal(world_start(&w), RC_OK);
    bind_driver();
    assert_int_equal(serve_rejoin(serve, w.store, w.driver, &why), RC_OK);
    world_settle(&w);
    run();
    serve_look(serve, &look);
    assert_int_equal(look.followed_height, 40);
    assert_int_equal(look.requests[PROTO_SUBMIT], 1);
    assert_int_equal(look.outcomes[PROTO_UNKNOWN], 2);
    r = state_request();
    assert_int_equal(code_of(&r), PROTO_OK); /* of the new state */
    assert_int_equal(reply.height, 40);
    submitted = submit(&tx, 1, PROTO_WAIT_MS_MAX); /* the same bytes again, to the new driver */
    world_settle(&w);
    run();
    assert_false(is_replied(submitted));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOINING_TEST(a_state_that_is_not_to_be_believed_is_not_read),
        JOINING_TEST(a_state_that_waits_for_a_block_is_not_read),
        JOINING_TEST(names_of_a_state_that_is_being_taken_are_not_shown),
        JOINING_TEST(one_that_joined_tells_what_it_has),
        JOINING_TEST(whoever_waits_is_answered_before_the_store_is_opened_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
