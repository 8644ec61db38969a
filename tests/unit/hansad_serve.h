/* What the tests of hansad's serve start from: one serve over the driver of a world, its requests
 * and its replies. */
#ifndef TESTS_UNIT_HANSAD_SERVE_H
#define TESTS_UNIT_HANSAD_SERVE_H

#include <string.h>

#include "crypto/base/check.h"
#include "ledger/state.h"
#include "node/driver/driver_impl.h"
#include "node/hansad/serve.h"
#include "tests/unit/driver_rules.h"

enum { REPLIES_MAX = 8192 };

static struct serve *serve;
static struct log no_log = {.fd = -1, .level = LOG_ERROR};
static struct driver_net world_net; /* the world's own */
static struct {
    bool is_there;
    struct buf bytes;
} replies[REPLIES_MAX];
static uint64_t last_number;
static struct proto_reply reply; /* the last one decoded */

/* ---- what the serve is bound to ---- */

static inline void on_send(void *context, uint32_t to, struct bytes message)
{
    (void)context;
    world_net.send(world_net.context, to, message);
}

static inline void on_answer(void *context, uint64_t client, const struct driver_answer *answer)
{
    (void)context;
    serve_on_answer(serve, client, answer);
}

static inline void on_reply(void *context, uint64_t number, struct bytes bytes)
{
    (void)context;
    CHECK(number < REPLIES_MAX);
    assert_false(replies[number].is_there); /* each request is answered once */
    replies[number].is_there = true;
    buf_clear(&replies[number].bytes);
    buf_add_bytes(&replies[number].bytes, bytes);
}

static uint8_t session_key[LINK_KEY_BYTES]; /* of all who ask */
static inline bool on_session(void *context, uint64_t number, uint8_t out[static LINK_KEY_BYTES])
{
    (void)context;
    (void)number;
    memcpy(out, session_key, LINK_KEY_BYTES);
    return true;
}

static inline void on_status(void *context, struct proto_status *out)
{
    (void)context;
    out->peers_count = WORLD_MEMBERS;
    out->committed_height = store_head(w.store)->height;
}

static inline void on_metrics(void *context, struct buf *out)
{
    (void)context;
    buf_add_bytes(out, bytes_of_text("hansa_height 0\n"));
}

/* The world's driver again, with answers that go to the serve. */
static inline void bind_driver(void)
{
    struct why why = {{0}};
    struct driver_config config = w.driver->config;
    world_net = config.net;
    config.net = (struct driver_net){.send = on_send, .answer = on_answer};
    driver_close(w.driver);
    assert_int_equal(driver_open(&w.driver, &config, &why), RC_OK);
}

static inline void bind_serve(void)
{
    struct why why = {{0}};
    bind_driver();
    const struct serve_config serve_config = {.genesis = &w.chain.genesis,
                                              .store = w.store,
                                              .driver = w.driver,
                                              .log = &no_log,
                                              .own_index = w.own_index,
                                              .reply = on_reply,
                                              .session = on_session,
                                              .status = on_status,
                                              .metrics = on_metrics};
    assert_int_equal(serve_open(&serve, &serve_config, &why), RC_OK);
    world_settle(&w);
    world_forget(&w);
}

static inline void begin_serving_as(uint32_t own_index)
{
    last_number = 0;
    memset(replies, 0, sizeof replies);
    begin_stored(own_index, NULL);
    assert_int_equal(world_start(&w), RC_OK);
    bind_serve();
}

static inline void begin_serving(void)
{
    begin_serving_as(1);
}

static inline int end_serving(void **state)
{
    serve_close(serve);
    for (int i = 0; i < REPLIES_MAX; i++)
        buf_free(&replies[i].bytes);
    return end(state);
}

/* ---- asking ---- */

static inline uint64_t ask(const struct proto_request *request)
{
    struct buf bytes = {0};
    proto_encode_request(&bytes, request);
    serve_on_request(serve, ++last_number, buf_bytes(&bytes), w.time);
    buf_free(&bytes);
    return last_number;
}

static inline void run(void)
{
    struct why why = {{0}};
    assert_int_equal(serve_run(serve, w.time, &why), RC_OK);
}

static inline bool is_replied(uint64_t number)
{
    return replies[number].is_there;
}

static inline const struct proto_reply *reply_to(uint64_t number)
{
    assert_true(is_replied(number));
    assert_true(proto_decode_reply(&reply, buf_bytes(&replies[number].bytes)));
    return &reply;
}

static inline void assert_code(uint64_t number, enum proto_code code)
{
    assert_int_equal(reply_to(number)->code, code);
}

static inline uint64_t submit(const struct world_tx *const *txs, uint32_t count, uint32_t wait_ms)
{
    struct proto_request r = {.type = PROTO_SUBMIT, .wait_ms = wait_ms, .count = count};
    for (uint32_t i = 0; i < count; i++)
        r.items[i] = txs[i]->tx.whole;
    return ask(&r);
}

static inline uint64_t wait_for(const struct digest *txid, uint32_t wait_ms)
{
    struct proto_request r = {.type = PROTO_WAIT, .wait_ms = wait_ms, .count = 1, .txids = {*txid}};
    return ask(&r);
}

static inline uint64_t ask_nonce(uint32_t payer)
{
    struct proto_request r = {.type = PROTO_STATE, .table = STATE_KEY, .count = 1};
    const struct world_tx *tx = world_record(&w, payer, 1);
    r.items[0] = bytes_of(tx->tx.signer.bytes, PUBLIC_KEY_BYTES);
    return ask(&r);
}

static inline uint64_t nonce_in(uint64_t number)
{
    struct state_key key;
    assert_code(number, PROTO_OK);
    assert_true(reply.is_present[0]);
    assert_true(state_key_decode(&key, reply.items[0]));
    return key.nonce;
}

static inline const struct world_block *block_of(const struct world_tx *tx)
{
    return world_block(&w, NULL, &tx, 1);
}

/* Committed, and on its way to the disk. */
static inline void commit_not_durable(const struct world_block *block)
{
    world_propose(&w, block);
    world_settle(&w);
    world_votes(&w, CERT_PREPARE, block);
    world_settle(&w);
    world_votes(&w, CERT_COMMIT, block);
    world_run(&w);
    assert_true(w.is_submitted);
}

static inline void assert_committed(uint64_t number, uint32_t index, const struct digest *txid,
                                    uint64_t height)
{
    assert_code(number, PROTO_OK);
    assert_int_equal(reply.results[index].outcome, PROTO_COMMITTED);
    assert_memory_equal(&reply.results[index].txid, txid, sizeof *txid);
    assert_int_equal(reply.results[index].place.height, height);
}

#define SERVE_TEST(test) cmocka_unit_test_teardown(test, end_serving)

#endif
