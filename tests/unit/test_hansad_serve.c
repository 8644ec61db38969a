/* What clients are told of transactions, by the real driver and store of a world in the test's
 * hand: outcomes when they are settled, and never silence (rule 10.3). */
#include "tests/unit/hansad_serve.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "net/loop.h"
#include "node/hansad/node_impl.h"

/* ---- SUBMIT ---- */

static void a_submitted_transaction_is_told_once_it_is_durable(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = block_of(tx);
    uint64_t number = submit(&tx, 1, 5000);
    world_settle(&w);
    commit_not_durable(block);
    run();
    assert_false(is_replied(number)); /* committed, and not durable yet */
    world_land(&w);
    run();
    assert_committed(number, 0, &tx->tx.id, 1);
    struct serve_look look;
    serve_look(serve, &look);
    assert_int_equal(look.txs_committed, 1);
    assert_int_equal(look.followed_height, 1);
    assert_int_equal(look.waits_count, 0);
}

static void a_request_waits_for_all_of_its_transactions(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *txs[] = {world_record(&w, 0, 1), world_record(&w, 1, 1)};
    uint64_t number = submit(txs, 2, 5000);
    world_settle(&w);
    world_commit(&w, block_of(txs[1]));
    run();
    assert_false(is_replied(number));
    world_pass(&w, 5000);
    run();
    assert_code(number, PROTO_OK);
    assert_int_equal(reply.results[0].outcome, PROTO_UNKNOWN);
    assert_memory_equal(&reply.results[0].txid, &txs[0]->tx.id, DIGEST_BYTES);
    assert_committed(number, 1, &txs[1]->tx.id, 1);
}

static void a_refusal_says_why(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *good = world_record(&w, 0, 1);
    const struct world_tx *txs[] = {world_forged(&w, good), world_record(&w, 1, 1000)};
    uint64_t number = submit(txs, 2, 5000);
    world_settle(&w);
    assert_code(number, PROTO_OK);
    assert_int_equal(reply.results[0].outcome, PROTO_REJECTED);
    assert_int_equal(reply.results[0].verdict, VERDICT_BAD_SIGNATURE);
    assert_int_equal(reply.results[1].outcome, PROTO_REFUSED);
    assert_int_equal(reply.results[1].pool_answer, POOL_BEYOND_WINDOW);
}

/* All that was logged since the last call; begins_log() first. */
static int log_fds[2];
static void begin_log(enum log_level level)
{
    assert_int_equal(pipe2(log_fds, O_NONBLOCK | O_CLOEXEC), 0);
    no_log = (struct log){.fd = log_fds[1], .level = level};
}
static const char *logged(void)
{
    static char text[8192];
    ssize_t size = read(log_fds[0], text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    return text;
}
static void end_log(void)
{
    close(log_fds[0]);
    close(log_fds[1]);
    no_log = (struct log){.fd = -1, .level = LOG_ERROR};
}

static void assert_logged(const char *text, const char *event, const struct digest *txid,
                          const char *word)
{
    char hex[DIGEST_HEX_BYTES], want[256];
    digest_to_hex(hex, txid);
    snprintf(want, sizeof want, "level=debug event=%s txid=%s word=%s\n", event, hex, word);
    if (strstr(text, want) == NULL)
        fail_msg("no \"%s\" in: %s", want, text);
}

static void a_refusal_is_logged_with_txid_and_word(void **state)
{
    (void)state;
    begin_serving();
    begin_log(LOG_DEBUG);
    const struct world_tx *good = world_record(&w, 0, 1);
    const struct world_tx *txs[] = {world_forged(&w, good), world_record(&w, 1, 1000), good};
    submit(txs, 2, 5000);
    world_settle(&w);
    const char *text = logged();
    assert_logged(text, "rejected", &txs[0]->tx.id, "bad_signature");
    assert_logged(text, "refused_tx", &txs[1]->tx.id, "beyond_window");
    serve_set_room(serve, false, false); /* not given to the driver at all */
    submit(&txs[2], 1, 5000);
    assert_logged(logged(), "refused_tx", &good->tx.id, "busy");
    no_log.level = LOG_INFO;
    submit(txs, 2, 5000);
    world_settle(&w);
    assert_string_equal(logged(), "");
    end_log();
}

static void what_is_no_transaction_is_logged_without_a_txid(void **state)
{
    (void)state;
    begin_serving();
    begin_log(LOG_DEBUG);
    struct proto_request r = {.type = PROTO_SUBMIT, .wait_ms = 5000, .count = 1};
    r.items[0] = bytes_of_text("hello");
    ask(&r);
    world_settle(&w);
    const char *text = logged();
    assert_non_null(strstr(text, "level=debug event=rejected word=malformed"));
    end_log();
}

/* The loop may have waited long since the events before this one. */
static void the_status_tells_the_time_when_it_is_made(void **state)
{
    static struct home home;
    static struct config config;
    static struct node node;
    struct proto_status status;
    (void)state;
    begin_serving();
    home.store = w.store;
    home.config = &config;
    home.genesis.members_count = 1;
    node.home = &home;
    node.driver = w.driver;
    node.serve = serve;
    node.time.wall_ms = 1;
    uint64_t before_ms = loop_wall_ms();
    node_status(&node, &status);
    assert_true(status.wall_ms >= before_ms);
}

static void another_transaction_of_the_nonce_is_named(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_tx *other = world_transfer(&w, 0, 1, 1, 5);
    world_commit(&w, block_of(tx));
    run();
    uint64_t number = submit(&other, 1, 5000);
    world_settle(&w);
    assert_code(number, PROTO_OK);
    assert_int_equal(reply.results[0].outcome, PROTO_REJECTED);
    assert_int_equal(reply.results[0].verdict, VERDICT_NONCE_USED);
    assert_true(reply.results[0].has_other);
    assert_memory_equal(&reply.results[0].other_txid, &tx->tx.id, DIGEST_BYTES);
}

/* The driver gives up after DRIVER_ANSWER_MS; the client asked for longer. */
static void who_waits_longer_than_the_driver_is_told_by_the_chain(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1);
    uint64_t number = submit(&tx, 1, PROTO_WAIT_MS_MAX);
    world_settle(&w);
    world_pass(&w, DRIVER_ANSWER_MS + 1000);
    world_settle(&w);
    run();
    assert_int_equal(world_look(&w).waiting_count, 0); /* it gave up */
    assert_false(is_replied(number));
    world_commit(&w, block_of(tx));
    run();
    assert_committed(number, 0, &tx->tx.id, 1);
}

static void with_the_disk_below_its_reserve_nothing_is_taken(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *txs[] = {world_record(&w, 0, 1), world_record(&w, 1, 1)};
    world_commit(&w, block_of(txs[0]));
    run();
    serve_set_room(serve, false, false);
    uint64_t number = submit(txs, 2, 5000);
    assert_committed(number, 0, &txs[0]->tx.id, 1);
    assert_int_equal(reply.results[1].outcome, PROTO_TX_BUSY);
    world_settle(&w);
    assert_int_equal(world_look(&w).pool.txs_count, 0);
    assert_int_equal(nonce_in(ask_nonce(0)), 1); /* reads go on */
    serve_set_room(serve, true, true);
    submit(&txs[1], 1, 5000);
    world_settle(&w);
    assert_int_equal(world_look(&w).pool.txs_count, 1);
}

/* Each block comes to this disk whoever proposes it: what peers forward is pooled all the same, and
 * a primary goes on proposing. */
static void below_its_reserve_a_primary_proposes_what_peers_forward(void **state)
{
    (void)state;
    begin_serving_as(0);
    serve_set_room(serve, false, false);
    world_forward(&w, 2, world_record(&w, 0, 1));
    world_settle(&w);
    assert_int_equal(world_look(&w).pool.txs_count, 1);
    assert_int_equal(world_sent(&w, PBFT_PRE_PREPARE, NULL), WORLD_OTHERS);
}

static void below_its_reserve_it_votes_for_the_blocks_of_others(void **state)
{
    (void)state;
    begin_serving();
    serve_set_room(serve, false, false);
    const struct world_block *block = block_of(world_record(&w, 0, 1));
    world_propose(&w, block);
    world_settle(&w);
    assert_int_equal(world_sent(&w, PBFT_PREPARE, block), WORLD_OTHERS);
}

/* ---- the end ---- */

static void whoever_waits_is_answered_when_the_node_ends(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *txs[] = {world_record(&w, 0, 1), world_record(&w, 1, 1)};
    struct digest txid = {{7}};
    uint64_t submitted = submit(txs, 2, 5000), awaited = wait_for(&txid, 5000);
    world_settle(&w);
    const struct world_block *block = block_of(txs[1]);
    world_commit(&w, block);
    run();
    assert_false(is_replied(submitted));
    serve_end(serve);
    assert_code(submitted, PROTO_OK);
    assert_int_equal(reply.results[0].outcome, PROTO_UNKNOWN);
    assert_memory_equal(&reply.results[0].txid, &txs[0]->tx.id, DIGEST_BYTES);
    assert_committed(submitted, 1, &txs[1]->tx.id, 1);
    assert_code(awaited, PROTO_OK);
    assert_int_equal(reply.results[0].outcome, PROTO_UNKNOWN);
    world_commit(&w, world_block(&w, block, &txs[0],
                                 1)); /* the driver's answer comes too late, and to nobody */
}

static void what_the_disk_does_not_have_is_not_told_at_the_end(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = block_of(tx);
    struct digest txid = {{7}};
    commit_not_durable(block);
    uint64_t early = wait_for(&txid, 1000), read = ask_nonce(0);
    world_pass(&w, 1000);
    run();
    assert_false(is_replied(early)); /* behind the read, in its turn */
    assert_false(is_replied(read));
    serve_end(serve);
    assert_code(early, PROTO_OK);
    assert_code(read, PROTO_BUSY);
    assert_int_equal(reply.type, PROTO_STATE);
    world_land(&w);
    run();
}

static void who_asks_while_the_node_ends_is_told_busy(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1);
    serve_end(serve);
    assert_code(submit(&tx, 1, 5000), PROTO_BUSY);
    assert_int_equal(reply.type, PROTO_SUBMIT);
    assert_code(ask_nonce(0), PROTO_BUSY);
    world_settle(&w);
    assert_int_equal(world_look(&w).pool.txs_count, 0);
}

/* ---- WAIT ---- */

static void waiting_for_what_somebody_else_submitted(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1);
    uint64_t first = wait_for(&tx->tx.id, 5000), second = wait_for(&tx->tx.id, 5000);
    uint64_t in_vain = wait_for(&world_record(&w, 1, 1)->tx.id, 5000);
    world_commit(&w, block_of(tx));
    assert_false(is_replied(first));
    run();
    assert_committed(first, 0, &tx->tx.id, 1);
    assert_committed(second, 0, &tx->tx.id, 1);
    assert_false(is_replied(in_vain));
    assert_committed(wait_for(&tx->tx.id, 0), 0, &tx->tx.id, 1); /* at once */
}

static void waiting_for_what_is_committed_and_not_durable(void **state)
{
    (void)state;
    begin_serving();
    const struct world_tx *tx = world_record(&w, 0, 1);
    const struct world_block *block = block_of(tx);
    commit_not_durable(block);
    uint64_t number = wait_for(&tx->tx.id, 5000);
    run();
    assert_false(is_replied(number));
    world_land(&w);
    run();
    assert_committed(number, 0, &tx->tx.id, 1);
}

static void waiting_ends_when_its_time_is_over(void **state)
{
    (void)state;
    begin_serving();
    struct digest txid = {{7}};
    uint64_t number = wait_for(&txid, 1000), later = wait_for(&txid, 2000);
    assert_int_equal(serve_deadline_ms(serve), w.time.now_ms + 1000);
    world_pass(&w, 999);
    run();
    assert_false(is_replied(number));
    world_pass(&w, 1);
    run();
    assert_code(number, PROTO_OK);
    assert_int_equal(reply.results[0].outcome, PROTO_UNKNOWN);
    assert_memory_equal(&reply.results[0].txid, &txid, sizeof txid);
    assert_false(is_replied(later));
    assert_int_equal(serve_deadline_ms(serve), w.time.now_ms + 1000);
}

static void more_waiting_than_the_bound_is_busy(void **state)
{
    (void)state;
    begin_serving();
    struct digest txid = {{7}};
    for (int i = 0; i < SERVE_WAITS_MAX; i++)
        wait_for(&txid, 1000);
    assert_false(is_replied(last_number));
    assert_code(wait_for(&txid, 1000), PROTO_BUSY);
    const struct world_tx *tx = world_record(&w, 0, 1);
    assert_code(submit(&tx, 1, 1000), PROTO_BUSY);
    world_pass(&w, 1000);
    run();
    for (uint64_t i = 1; i <= SERVE_WAITS_MAX; i++)
        assert_true(is_replied(i));
    wait_for(&txid, 1000);
    assert_false(is_replied(last_number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(a_submitted_transaction_is_told_once_it_is_durable),
        SERVE_TEST(a_request_waits_for_all_of_its_transactions),
        SERVE_TEST(a_refusal_says_why),
        SERVE_TEST(a_refusal_is_logged_with_txid_and_word),
        SERVE_TEST(what_is_no_transaction_is_logged_without_a_txid),
        SERVE_TEST(the_status_tells_the_time_when_it_is_made),
        SERVE_TEST(another_transaction_of_the_nonce_is_named),
        SERVE_TEST(who_waits_longer_than_the_driver_is_told_by_the_chain),
        SERVE_TEST(with_the_disk_below_its_reserve_nothing_is_taken),
        SERVE_TEST(below_its_reserve_a_primary_proposes_what_peers_forward),
        SERVE_TEST(below_its_reserve_it_votes_for_the_blocks_of_others),
        SERVE_TEST(whoever_waits_is_answered_when_the_node_ends),
        SERVE_TEST(what_the_disk_does_not_have_is_not_told_at_the_end),
        SERVE_TEST(who_asks_while_the_node_ends_is_told_busy),
        SERVE_TEST(waiting_for_what_somebody_else_submitted),
        SERVE_TEST(waiting_for_what_is_committed_and_not_durable),
        SERVE_TEST(waiting_ends_when_its_time_is_over),
        SERVE_TEST(more_waiting_than_the_bound_is_busy),
    };
    return cmocka_run_group_tests_name("hansad_serve", tests, NULL, NULL);
}
