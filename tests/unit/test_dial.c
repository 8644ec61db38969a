/* The tool's side of the client port, on real sockets. Nothing here waits for a time, but where no
 * answer is to come. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/client_node.h"

/* A new request takes the place of the one under way, whose reply is then ignored. */
static void new_request_replaces_the_one_under_way(void **state)
{
    (void)state;
    struct buf got = {0};
    struct dial *d = dial();
    send_text(d, "old");
    until(node.asked_count > 0);
    send_text(d, "new");
    reply_text(node.numbers[0], "old reply");
    until(strcmp(node.texts[node.asked_count - 1], "new") == 0);
    assert_false(dial_take(d, &got));
    reply_text(node.numbers[node.asked_count - 1], "new reply");
    until(dial_take(d, &got));
    assert_text(&got, "new reply");
    buf_free(&got);
    hang_up(d);
}

/* A node that starts later, and one that is started anew, gets the request all the same. */
static void request_survives_a_restart_of_the_node(void **state)
{
    (void)state;
    struct buf got = {0};
    clients_close(node.clients);
    struct dial *d = dial();
    send_text(d, "patient");
    open_port();
    until(node.asked_count > 0);
    uint32_t before = node.asked_count;
    clients_close(node.clients);
    open_port();
    until(node.asked_count > before);
    assert_string_equal(node.texts[before], "patient");
    reply_text(node.numbers[before], "at last");
    until(dial_take(d, &got));
    assert_text(&got, "at last");
    buf_free(&got);
    hang_up(d);
}

/* ---- nobody there ---- */

/* It is said, and goes on being tried: a node that is started then is found. */
static void nobody_listens_until_somebody_does(void **state)
{
    (void)state;
    struct buf got = {0};
    clients_close(node.clients);
    struct dial *d = dial();
    assert_false(dial_is_refused(d));
    send_text(d, "anybody");
    assert_false(dial_is_refused(d)); /* not before it was tried */
    until(dial_is_refused(d));
    open_port();
    until(node.asked_count > 0);
    assert_false(dial_is_refused(d));
    reply_text(node.numbers[0], "here");
    until(dial_take(d, &got));
    assert_text(&got, "here");
    assert_false(dial_is_refused(d));
    buf_free(&got);
    clients_close(node.clients);
    struct dial *other = dial();
    send_text(other, "anybody");
    until(dial_is_refused(other));
    assert_false(dial_is_refused(d)); /* it asks nothing */
    hang_up(other);
    hang_up(d);
    open_port();
}

/* A node that ends with a request under way is gone too. */
static void a_node_that_ended_is_not_listening(void **state)
{
    (void)state;
    struct dial *d = dial();
    send_text(d, "stay");
    until(node.asked_count > 0);
    assert_false(dial_is_refused(d));
    clients_close(node.clients);
    until(dial_is_refused(d));
    open_port();
    until(!dial_is_refused(d));
    hang_up(d);
}

/* The system accepts in the name of a process that is stopped: that is silence, however often the
 * connection is made anew. */
static void who_listens_and_says_nothing_is_silent(void **state)
{
    (void)state;
    clients_close(node.clients);
    struct dial *d = dial();
    send_text(d, "hello");
    until(dial_is_refused(d));
    int port = sockets_listen(node.address.port);
    until(!dial_is_refused(d));
    for (int i = 0; i < 3; i++) {
        int fd = accept(port, NULL, NULL);
        assert_true(fd >= 0);
        for (int k = 0; k < 50; k++) {
            turn();
            assert_false(dial_is_refused(d));
        }
        close(fd); /* and until the next one is there */
        for (int k = 0; k < 50; k++) {
            turn();
            assert_false(dial_is_refused(d));
        }
    }
    close(port);
    open_port();
    hang_up(d);
}

/* ---- a node that lies to the dial ---- */

/* What does not open is dropped, and the request is sent again: whoever stands in between can keep
 * an answer back, but not be taken for one. */
static void garbage_is_not_taken_for_a_reply(void **state)
{
    (void)state;
    static uint8_t request[4 + SEAL_REQUEST_OVERHEAD_BYTES + 4];
    uint8_t size[8];
    struct buf got = {0};
    clients_close(node.clients);
    int port = sockets_listen(node.address.port);
    struct dial *d = dial();
    send_text(d, "true");
    int fd = accept(port, NULL, NULL);
    assert_true(fd >= 0);
    sockets_greet(fd, SP_NUMBER_REP);
    for (int i = 0; i < 2; i++) { /* each time the same request */
        uint8_t lie[100] = {0};
        struct pollfd in = {.fd = fd, .events = POLLIN};
        while (poll(&in, 1, 1) == 0)
            dial_run(d);
        sockets_read(fd, size, sizeof size);
        assert_int_equal(size[7], sizeof request);
        sockets_read(fd, request, sizeof request);
        memcpy(lie, request, 4);
        lie[4] = SEAL_TYPE_REPLY;
        memcpy(lie + 5, request + 4 + 1 + LINK_KEY_BYTES, 8); /* the right counter */
        sockets_send(fd, lie, sizeof lie);
        uint64_t until_ms = loop_now_ms() + TIMEOUT_MS;
        struct pollfd p = {.fd = dial_fd(d), .events = POLLIN};
        assert_int_equal(poll(&p, 1, (int)(until_ms - loop_now_ms())), 1);
        assert_false(dial_take(d, &got));
    }
    assert_int_equal(got.size, 0);
    close(fd);
    close(port);
    open_port();
    until(node.asked_count > 0);
    reply_text(node.numbers[0], "the truth");
    until(dial_take(d, &got));
    assert_text(&got, "the truth");
    buf_free(&got);
    hang_up(d);
}

/* Replies to what was replaced, to nothing, and twice to the same: nanomsg's own REQ frees its
 * memory twice over them, and ends the process with the next reply or with the socket. */
static void stray_replies_do_no_harm(void **state)
{
    (void)state;
    enum { STRAYS = 8 };
    struct buf got = {0};
    struct dial *d = dial();
    for (int round = 0; round < STRAYS; round++) {
        uint32_t before = node.asked_count;
        send_text(d, "old");
        until(node.asked_count > before);
        send_text(d, "new");
        until(strcmp(node.texts[node.asked_count - 1], "new") == 0);
        for (uint32_t i = before; i < node.asked_count; i++)
            reply_text(node.numbers[i], node.texts[i]);
        buf_clear(&got);
        until(dial_take(d, &got));
        assert_text(&got, "new");
        for (int i = 0; i < 5; i++)
            turn(); /* while nothing is asked for */
    }
    send_text(d, "unanswered");
    buf_free(&got);
    hang_up(d);
}

/* ---- waiting for a reply ---- */

static atomic_bool is_over;

static void *serve(void *context)
{
    (void)context;
    while (!atomic_load(&is_over))
        if (loop_run(node.loop, loop_now_ms() + 1, NULL) != RC_OK)
            return NULL;
    return NULL;
}

/* dial_ask() gives the reply, again and again, or says whom it waited for. */
static void ask_waits_for_the_reply_or_the_end_of_its_time(void **state)
{
    (void)state;
    pthread_t thread;
    struct why why;
    struct buf got = {0};
    char words[100];
    struct dial *d = dial();
    assert_int_equal(dial_ask(d, bytes_of_text("x"), &got, NO_ANSWER_MS, &why), RC_TIMEOUT);
    snprintf(words, sizeof words, "%s: no answer within 300 ms: ", node.address.text);
    assert_memory_equal(why.text, words, strlen(words));
    assert_int_equal(got.size, 0);
    node.echoes = true;
    atomic_store(&is_over, false);
    assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
    assert_int_equal(dial_ask(d, bytes_of_text("one"), &got, TIMEOUT_MS, &why), RC_OK);
    assert_text(&got, "one");
    assert_int_equal(dial_ask(d, bytes_of_text(" two"), &got, TIMEOUT_MS, &why), RC_OK);
    assert_text(&got, "one two");
    atomic_store(&is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    buf_free(&got);
    hang_up(d);
}

/* ---- addresses ---- */

/* What is no address is said. */
static void what_is_no_address_is_said(void **state)
{
    (void)state;
    struct why why;
    struct dial *d;
    assert_int_equal(dial_open(&d, "no port", node.link_public, &node.config.chain_id, &why),
                     RC_INVALID);
    assert_null(d);
    assert_string_equal(why.text, "node no port: must be host:port with a port from 1 to 65535");
}

/* A node is found by its name too. */
static void node_is_found_by_name(void **state)
{
    (void)state;
    if (!sockets_can_look_up())
        skip();
    struct dial *d;
    char address[32];
    snprintf(address, sizeof address, "localhost:%u", node.address.port);
    assert_int_equal(dial_open(&d, address, node.link_public, &node.config.chain_id, NULL), RC_OK);
    served(tended(d), "by name", "found");
    hang_up(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_node, close_node)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_request_replaces_the_one_under_way),
        TEST(request_survives_a_restart_of_the_node),
        TEST(nobody_listens_until_somebody_does),
        TEST(a_node_that_ended_is_not_listening),
        TEST(who_listens_and_says_nothing_is_silent),
        TEST(garbage_is_not_taken_for_a_reply),
        TEST(stray_replies_do_no_harm),
        TEST(ask_waits_for_the_reply_or_the_end_of_its_time),
        TEST(what_is_no_address_is_said),
        TEST(node_is_found_by_name),
    };
    return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}
