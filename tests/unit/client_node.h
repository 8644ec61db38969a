/* A node's port for clients and dials to it, for the tests of both. It keeps what is asked until
 * the test answers. Where a machine is slow, a dial asks the same again: no test may count on the
 * number of requests. */
#ifndef TESTS_UNIT_CLIENT_NODE_H
#define TESTS_UNIT_CLIENT_NODE_H

#include "tests/help/unit.h"

#include <stdio.h>
#include <string.h>

#include "net/clients.h"
#include "net/dial.h"
#include "tests/help/sockets.h"

enum {
    ASKED_MAX = NET_CLIENT_REQUESTS_MAX + 256,
    TEXT_BYTES = 24,
    DIALS_MAX = 128,
    NO_ANSWER_MS = 300,
    TIMEOUT_MS = 60 * 1000
};

static struct {
    struct loop *loop;
    struct clients *clients;
    struct clients_config config;
    struct sockets_address address;
    uint8_t link_secret[LINK_KEY_BYTES], link_public[LINK_KEY_BYTES];
    uint32_t asked_count, turn_most;
    bool echoes; /* answers at once, with the request */
    uint64_t numbers[ASKED_MAX];
    char texts[ASKED_MAX][TEXT_BYTES]; /* how the requests begin */
    size_t last_bytes;
    struct dial *dials[DIALS_MAX]; /* that are open: each turn they send what is due */
    uint32_t dials_count;
} node;

static inline void on_request(void *context, uint64_t number, struct bytes request)
{
    (void)context;
    assert_true(node.asked_count < ASKED_MAX);
    if (node.echoes)
        clients_reply(node.clients, number, request);
    size_t shown = request.size < TEXT_BYTES ? request.size : TEXT_BYTES - 1;
    memset(node.texts[node.asked_count], 0, TEXT_BYTES);
    if (shown > 0)
        memcpy(node.texts[node.asked_count], request.data, shown);
    node.last_bytes = request.size;
    node.numbers[node.asked_count++] = number;
}

static inline void open_port(void)
{
    struct why why = {""};
    if (clients_open(&node.clients, &node.config, &why) != RC_OK)
        fail_msg("%s", why.text);
}

static inline int open_node(void **state)
{
    (void)state;
    memset(&node, 0, sizeof node);
    memset(node.link_secret, 5, LINK_KEY_BYTES);
    link_public_of(node.link_public, node.link_secret);
    node.address = sockets_free_address();
    if (loop_open(&node.loop, NULL) != RC_OK)
        return -1;
    node.config = (struct clients_config){.loop = node.loop,
                                          .bind_address = node.address.text,
                                          .link_secret = node.link_secret,
                                          .on_request = on_request};
    digest_of(&node.config.chain_id, TAG_TEST, bytes_of_text("chain"));
    open_port();
    return 0;
}

static inline int close_node(void **state)
{
    (void)state;
    clients_close(node.clients);
    loop_close(node.loop);
    return 0;
}

static inline void turn(void)
{
    uint32_t before = node.asked_count;
    for (uint32_t i = 0; i < node.dials_count; i++)
        dial_run(node.dials[i]);
    assert_int_equal(loop_run(node.loop, loop_now_ms() + 1, NULL), RC_OK);
    if (node.asked_count - before > node.turn_most)
        node.turn_most = node.asked_count - before;
}

#define until(condition)                                                                           \
    do {                                                                                           \
        uint64_t until_ms_ = loop_now_ms() + TIMEOUT_MS;                                           \
        while (!(condition)) {                                                                     \
            turn();                                                                                \
            if (loop_now_ms() > until_ms_)                                                         \
                fail_msg("not within a minute: %s", #condition);                                   \
        }                                                                                          \
    } while (0)

static inline struct dial *tended(struct dial *d)
{
    assert_true(node.dials_count < DIALS_MAX);
    node.dials[node.dials_count++] = d;
    return d;
}

static inline struct dial *dial(void)
{
    struct dial *d;
    struct why why = {""};
    if (dial_open(&d, node.address.text, node.link_public, &node.config.chain_id, &why) != RC_OK)
        fail_msg("%s", why.text);
    return tended(d);
}

static inline void hang_up(struct dial *d)
{
    uint32_t i = 0;
    while (node.dials[i] != d)
        i++;
    node.dials[i] = node.dials[--node.dials_count];
    dial_close(d);
}

static inline void send_text(struct dial *d, const char *text)
{
    dial_send(d, bytes_of_text(text));
}

static inline void reply_text(uint64_t number, const char *text)
{
    clients_reply(node.clients, number, bytes_of_text(text));
}

static inline void assert_text(const struct buf *b, const char *text)
{
    assert_int_equal(b->size, strlen(text));
    assert_memory_equal(b->data, text, b->size);
}

static inline struct clients_look look(void)
{
    struct clients_look l;
    clients_look(node.clients, &l);
    return l;
}

/* Ask, answer, and see both come whole. */
static inline void served(struct dial *d, const char *request, const char *reply)
{
    struct buf got = {0};
    uint32_t before = node.asked_count;
    send_text(d, request);
    until(node.asked_count > before);
    assert_string_equal(node.texts[node.asked_count - 1], request);
    reply_text(node.numbers[node.asked_count - 1], reply);
    until(dial_take(d, &got));
    assert_text(&got, reply);
    assert_false(dial_take(d, &got));
    buf_free(&got);
}

#endif
