/* READ (rule 11): one committed state, told with the high that the disk has; held until the height
 * that is asked for is committed, not for ever, and only so many. */
#include <stdio.h>

#include "tests/unit/hansad_serve.h"

enum { T_READ_MS = 1000 };

/* ---- asking ---- */

static struct proto_request read_of(uint64_t at_least_height, enum state_table table,
                                    bool is_prefix, struct bytes key)
{
    struct proto_request r = {.type = PROTO_READ, .height = at_least_height, .count = 1};
    r.tables[0] = (uint8_t)table;
    r.is_prefix[0] = is_prefix;
    r.items[0] = key;
    return r;
}

/* A payer's key, whose nonce counts what it has committed. */
static uint64_t read_nonce(uint32_t payer, uint64_t at_least_height)
{
    const struct world_tx *tx = world_record(&w, payer, 1);
    struct proto_request r =
        read_of(at_least_height, STATE_KEY, false, bytes_of(tx->tx.signer.bytes, PUBLIC_KEY_BYTES));
    return ask(&r);
}

static void assert_read(uint64_t number, uint64_t height, uint64_t nonce)
{
    struct state_key key;
    assert_code(number, PROTO_OK);
    assert_int_equal(reply.height, height);
    assert_true(reply.is_end);
    assert_int_equal(reply.count, 1);
    assert_true(state_key_decode(&key, reply.items[0]));
    assert_int_equal(key.nonce, nonce);
}

/* PREPAREs and COMMITs of one block are of one rank, and either may be kept (PROTOCOL.md 1). */
static void assert_high(uint64_t height)
{
    const struct genesis *g = &w.chain.genesis;
    assert_true(reply.has_certificate);
    assert_int_equal(reply.certificate.statement.height, height);
    assert_int_equal(cert_verify(&reply.certificate, &g->chain_id, &g->member_table), CERT_OK);
}

static const struct world_block *one(uint32_t payer, uint64_t nonce,
                                     const struct world_block *parent)
{
    const struct world_tx *tx = world_record(&w, payer, nonce);
    return world_block(&w, parent, &tx, 1);
}

/* ---- value and high ---- */

static void a_read_tells_value_height_and_high(void **state)
{
    (void)state;
    begin_serving();
    uint64_t first = read_nonce(0, 0);
    assert_read(first, 0, 0);
    assert_false(reply.has_certificate);
    assert_false(reply.is_learner);
    const struct world_block *block = one(0, 1, NULL);
    world_commit(&w, block);
    assert_read(read_nonce(0, 0), 1, 1);
    assert_high(1);
    world_qc(&w, 2, CERT_PREPARE, one(0, 2, block));
    world_settle(&w);
    assert_read(read_nonce(0, 0), 1, 1); /* committed state only, */
    assert_high(2);                      /* and what may be committed elsewhere */
}

/* Neither the value nor the high is told before the disk has them, and the two fit together. */
static void a_read_waits_for_the_disk_and_takes_the_high_of_then(void **state)
{
    (void)state;
    begin_serving();
    const struct world_block *block = one(0, 1, NULL);
    commit_not_durable(block);
    uint64_t number = read_nonce(0, 0);
    run();
    assert_false(is_replied(number));
    world_qc(&w, 2, CERT_PREPARE, one(0, 2, block));
    world_run(&w); /* decided, and waits for the batch under way */
    world_land(&w);
    run();
    assert_read(number, 1, 1);
    assert_high(1);
    world_settle(&w);
    assert_read(read_nonce(0, 0), 1, 1);
    assert_high(2);
}

static void a_high_that_is_not_durable_is_not_told(void **state)
{
    (void)state;
    begin_serving();
    world_qc(&w, 2, CERT_PREPARE, one(0, 1, NULL));
    world_run(&w);
    assert_true(w.is_submitted);
    assert_read(read_nonce(0, 0), 0, 0);
    assert_false(reply.has_certificate);
    world_land(&w);
    assert_read(read_nonce(0, 0), 0, 0);
    assert_high(1);
}

/* A store that was put back may have forgotten what it signed (4.2): its reply says so. */
static void a_learner_says_that_it_is_one(void **state)
{
    (void)state;
    begin_serving();
    serve_close(serve);
    serve = NULL;
    world_crash(&w, false);
    w.is_fenced = true;
    assert_int_equal(world_start(&w), RC_OK);
    bind_serve();
    assert_read(read_nonce(0, 0), 0, 0);
    assert_true(reply.is_learner);
}

/* ---- entries ---- */

static void absence_and_lists_come_from_one_state(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *txs[] = {world_record(&w, 0, 1), world_record(&w, 1, 1)};
    world_commit(&w, world_block(&w, NULL, txs, 2)); /* records in the layer, the rest flushed */
    struct proto_request r = read_of(0, STATE_ASSET, false, bytes_of_text("NONE"));
    assert_code(ask(&r), PROTO_OK);
    assert_int_equal(reply.count, 0);
    assert_true(reply.is_end);

    const char *name = w.chain.genesis.initial.participants[0].name;
    r = read_of(0, STATE_PARTICIPANT, false, bytes_of_text(name));
    r.count = 3;
    r.tables[1] = STATE_BALANCE;
    r.is_prefix[1] = true;
    r.items[1] = bytes_of_text(name);
    r.tables[2] = STATE_RECORD;
    r.is_prefix[2] = true;
    r.items[2] = bytes_of("\x02", 1); /* the length of a name of two letters */
    assert_code(ask(&r), PROTO_OK);
    assert_true(reply.is_end);
    assert_int_equal(reply.questions[0], 0);
    assert_true(bytes_equal(reply.keys[0], bytes_of_text(name)));
    assert_int_equal(reply.questions[1], 1);
    struct state_balance balance;
    assert_true(state_balance_decode(&balance, reply.items[1]));
    assert_int_equal(balance.amount, CHAIN_OPENING);
    assert_int_equal(reply.questions[reply.count - 1], 2);
}

static const struct world_tx *record_of_its_own(uint64_t nonce)
{
    char key[16];
    assert_true(snprintf(key, sizeof key, "%04u", (unsigned)nonce) > 0);
    return world_tx(&w, 0, nonce, 0, op_record_of("many", key, bytes_of_text("data")));
}

/* The first ones, and that there are more; what is behind them is not begun. */
static void more_entries_than_fit_are_said_to_be_more(void **state)
{
    (void)state;
    begin_serving();
    uint64_t height = 0;
    const struct world_block *parent = NULL;
    uint64_t nonce = 1;
    while (nonce <= PROTO_ENTRIES_MAX + 1) {
        const struct world_tx *txs[64];
        uint32_t count = 0;
        for (; count < 64 && nonce <= PROTO_ENTRIES_MAX + 1; count++)
            txs[count] = record_of_its_own(nonce++);
        parent = world_block(&w, parent, txs, count);
        world_commit(&w, parent);
        height++;
    }
    struct proto_request r = read_of(height, STATE_RECORD, true, bytes_of("\x02", 1));
    r.count = 2;
    r.tables[1] = STATE_ASSET;
    r.items[1] = bytes_of_text("CZK");
    assert_code(ask(&r), PROTO_OK);
    assert_int_equal(reply.count, PROTO_ENTRIES_MAX);
    assert_false(reply.is_end);
    assert_int_equal(reply.questions[PROTO_ENTRIES_MAX - 1], 0);
    r = read_of(0, STATE_RECORD, true, reply.keys[PROTO_ENTRIES_MAX - 1]);
    assert_code(ask(&r), PROTO_OK);
    assert_int_equal(reply.count, 1);
    assert_true(reply.is_end);
}

static void a_key_longer_than_any_is_refused(void **state)
{
    (void)state;
    begin_serving();
    uint8_t key[STATE_KEY_BYTES_MAX + 1] = {1};
    struct proto_request r = read_of(0, STATE_RECORD, false, bytes_of(key, sizeof key));
    assert_code(ask(&r), PROTO_MALFORMED);
    r.is_prefix[0] = true;
    assert_code(ask(&r), PROTO_MALFORMED);
    r.items[0].size--;
    assert_code(ask(&r), PROTO_OK);
}

/* ---- held until R ---- */

static void a_read_is_held_until_its_height_is_committed_and_durable(void **state)
{
    (void)state;
    begin_serving();
    const struct world_block *first = one(0, 1, NULL), *second = one(0, 2, first);
    uint64_t now = read_nonce(0, 0), at_1 = read_nonce(0, 1), at_2 = read_nonce(0, 2);
    assert_read(now, 0, 0);
    assert_false(is_replied(at_1));
    commit_not_durable(first);
    run();
    assert_false(is_replied(at_1));
    world_land(&w);
    run();
    assert_read(at_1, 1, 1);
    assert_high(1);
    assert_false(is_replied(at_2));
    world_settle(&w);
    world_commit(&w, second);
    run();
    assert_read(at_2, 2, 2);
    struct serve_look look;
    serve_look(serve, &look);
    assert_int_equal(look.reads_count, 0);
}

static void a_height_that_does_not_come_is_answered_after_t_read(void **state)
{
    (void)state;
    begin_serving();
    assert_int_equal(w.chain.genesis.parameters.read_ms, T_READ_MS);
    uint64_t early = read_nonce(0, UINT64_MAX);
    assert_int_equal(serve_deadline_ms(serve), w.time.now_ms + T_READ_MS);
    world_pass(&w, 100);
    uint64_t late = read_nonce(0, 1);
    world_pass(&w, T_READ_MS - 101);
    run();
    assert_false(is_replied(early));
    assert_int_equal(serve_deadline_ms(serve), w.time.now_ms + 1);
    world_pass(&w, 1);
    run();
    assert_read(early, 0, 0); /* with what there is: the height says that it is not there */
    assert_false(is_replied(late));
    world_pass(&w, 100);
    run();
    assert_read(late, 0, 0);
    assert_int_equal(serve_deadline_ms(serve), UINT64_MAX);
}

static void more_reads_than_may_wait_are_told_that_it_is_busy(void **state)
{
    (void)state;
    begin_serving();
    uint64_t first = last_number + 1;
    for (int i = 0; i < SERVE_READS_MAX; i++)
        assert_false(is_replied(read_nonce(0, 1)));
    assert_code(read_nonce(0, 1), PROTO_BUSY);
    assert_read(read_nonce(0, 0), 0, 0); /* that need not wait */
    world_commit(&w, one(0, 1, NULL));
    /* In portions, and the deadline says that there are more; in the order in which they came. */
    for (int done = 0; done < SERVE_READS_MAX; done += SERVE_READS_RUN_MAX) {
        assert_false(is_replied(first + (uint64_t)done));
        if (done > 0)
            assert_int_equal(serve_deadline_ms(serve), 0);
        run();
        assert_read(first + (uint64_t)done + SERVE_READS_RUN_MAX - 1, 1, 1);
    }
    assert_int_equal(serve_deadline_ms(serve), UINT64_MAX);
    assert_read(read_nonce(0, 1), 1, 1);
}

/* One that goes out of the middle leaves those before and behind it. */
static void reads_are_answered_in_any_order(void **state)
{
    (void)state;
    begin_serving();
    uint64_t far = read_nonce(0, 9), near = read_nonce(0, 1), farther = read_nonce(0, 10);
    world_commit(&w, one(0, 1, NULL));
    run();
    assert_read(near, 1, 1);
    assert_false(is_replied(far));
    uint64_t last = read_nonce(0, 11);
    world_pass(&w, T_READ_MS);
    run();
    assert_read(far, 1, 1);
    assert_read(farther, 1, 1);
    assert_read(last, 1, 1);
}

static void who_waits_when_the_node_ends_is_told(void **state)
{
    (void)state;
    begin_serving();
    commit_not_durable(one(0, 1, NULL));
    uint64_t held = read_nonce(0, 0), waits = read_nonce(0, 5);
    serve_end(serve);
    assert_code(held, PROTO_BUSY);
    assert_code(waits, PROTO_BUSY);
    assert_code(read_nonce(0, 0), PROTO_BUSY);
    world_land(&w);
}

/* Those that wait are freed with the serve: the sanitizers see it. */
static void a_serve_may_be_closed_while_reads_wait(void **state)
{
    (void)state;
    begin_serving();
    assert_false(is_replied(read_nonce(0, 1)));
    assert_false(is_replied(read_nonce(1, 2)));
}

static void reads_of_participants_are_signed(void **state)
{
    (void)state;
    begin_serving();
    w.chain.genesis.reads = READS_PARTICIPANTS;
    assert_code(read_nonce(0, 0), PROTO_FORBIDDEN);
    assert_code(read_nonce(0, 1), PROTO_FORBIDDEN); /* nor does it wait */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(a_read_tells_value_height_and_high),
        SERVE_TEST(a_read_waits_for_the_disk_and_takes_the_high_of_then),
        SERVE_TEST(a_high_that_is_not_durable_is_not_told),
        SERVE_TEST(a_learner_says_that_it_is_one),
        SERVE_TEST(absence_and_lists_come_from_one_state),
        SERVE_TEST(more_entries_than_fit_are_said_to_be_more),
        SERVE_TEST(a_key_longer_than_any_is_refused),
        SERVE_TEST(a_read_is_held_until_its_height_is_committed_and_durable),
        SERVE_TEST(a_height_that_does_not_come_is_answered_after_t_read),
        SERVE_TEST(more_reads_than_may_wait_are_told_that_it_is_busy),
        SERVE_TEST(reads_are_answered_in_any_order),
        SERVE_TEST(who_waits_when_the_node_ends_is_told),
        SERVE_TEST(a_serve_may_be_closed_while_reads_wait),
        SERVE_TEST(reads_of_participants_are_signed),
    };
    return cmocka_run_group_tests_name("hansad_serve_linear", tests, NULL, NULL);
}
