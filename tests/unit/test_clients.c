/* The port for clients on real sockets: answers find their way, and nobody spoils it for others.
 * Nothing here waits for a time. */
#include <unistd.h>

#include "tests/unit/client_node.h"

/* ---- asking and answering ---- */

/* A reply is appended to what is in the buffer; the empty request and reply are fine. */
static void request_and_reply_arrive(void **state)
{
    (void)state;
    struct buf got = {0};
    struct dial *d = dial();
    assert_false(dial_take(d, &got));
    served(d, "a request", "its reply");
    served(d, "", "");
    buf_add(&got, "before ", 7);
    uint32_t before = node.asked_count;
    send_text(d, "more");
    until(node.asked_count > before);
    reply_text(node.numbers[node.asked_count - 1], "after");
    until(dial_take(d, &got));
    assert_text(&got, "before after");
    struct clients_look l = look();
    assert_true(l.requests_count >= 3);
    assert_int_equal(l.replies_count, 3);
    assert_int_equal(l.waiting_count, l.requests_count - l.replies_count);
    buf_free(&got);
    hang_up(d);
}

/* With 64 asking at once and answered last first, each gets its own answer. */
static void replies_reach_the_right_one_of_64(void **state)
{
    (void)state;
    enum { DIALS = 64 };
    struct dial *dials[DIALS];
    char text[TEXT_BYTES];
    for (int i = 0; i < DIALS; i++) {
        dials[i] = dial();
        snprintf(text, sizeof text, "client %d", i);
        send_text(dials[i], text);
    }
    until(node.asked_count >= DIALS);
    assert_int_equal(look().waiting_count, node.asked_count);
    for (uint32_t i = node.asked_count; i > 0; i--)
        reply_text(node.numbers[i - 1], node.texts[i - 1]);
    node.echoes = true; /* for those that came twice before others came once */
    for (int i = 0; i < DIALS; i++) {
        struct buf got = {0};
        until(dial_take(dials[i], &got));
        snprintf(text, sizeof text, "client %d", i);
        assert_text(&got, text);
        buf_free(&got);
        hang_up(dials[i]);
    }
}

/* Both ends name a session by the same key, and no two sessions have one name. */
static void session_of_a_request_is_its_dials(void **state)
{
    (void)state;
    uint8_t name[LINK_KEY_BYTES];
    struct dial *dials[2] = {dial(), dial()};
    assert_memory_not_equal(dial_session(dials[0]), dial_session(dials[1]), LINK_KEY_BYTES);
    for (int i = 0; i < 2; i++) {
        uint32_t before = node.asked_count;
        send_text(dials[i], i == 0 ? "first" : "second");
        until(node.asked_count > before &&
              strcmp(node.texts[node.asked_count - 1], i == 0 ? "first" : "second") == 0);
        uint64_t number = node.numbers[node.asked_count - 1];
        assert_true(clients_session(node.clients, number, name));
        assert_memory_equal(name, dial_session(dials[i]), LINK_KEY_BYTES);
        reply_text(number, "yes");
        assert_false(clients_session(node.clients, number, name));
    }
    assert_false(clients_session(node.clients, 0, name));
    hang_up(dials[0]);
    hang_up(dials[1]);
}

/* A number that is not waiting is ignored: one that nobody has, and one that was answered. */
static void answer_to_nobody_is_ignored(void **state)
{
    (void)state;
    struct buf got = {0};
    struct dial *d = dial();
    static const uint64_t nobodys[] = {0, 1, NET_CLIENT_REQUESTS_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof nobodys / sizeof nobodys[0]; i++)
        reply_text(nobodys[i], "to nobody");
    send_text(d, "one");
    until(node.asked_count > 0);
    reply_text(node.numbers[0] + NET_CLIENT_REQUESTS_MAX, "another in this place");
    assert_int_equal(look().replies_count, 0);
    reply_text(node.numbers[0], "first");
    reply_text(node.numbers[0], "second");
    assert_int_equal(look().replies_count, 1);
    until(dial_take(d, &got));
    assert_text(&got, "first");
    served(d, "two", "its own");
    buf_free(&got);
    hang_up(d);
}

/* ---- limits ---- */

/* Beyond NET_CLIENT_REQUESTS_MAX the oldest is forgotten, and only that; places are used again. */
static void oldest_request_is_forgotten(void **state)
{
    (void)state;
    struct buf got = {0};
    struct dial *first = dial(), *many = dial();
    send_text(first, "first");
    until(node.asked_count > 0);
    while (look().forgotten_count == 0) {
        uint32_t before = node.asked_count;
        assert_int_equal(look().waiting_count, before);
        assert_true(before <= NET_CLIENT_REQUESTS_MAX);
        send_text(many, "many");
        until(node.asked_count > before);
    }
    uint64_t forgotten = look().forgotten_count;
    assert_int_equal(node.asked_count, NET_CLIENT_REQUESTS_MAX + forgotten);
    assert_int_equal(look().waiting_count, NET_CLIENT_REQUESTS_MAX);
    reply_text(node.numbers[forgotten - 1], "too late");
    assert_int_equal(look().replies_count, 0);
    for (uint32_t i = (uint32_t)forgotten; i < node.asked_count; i++)
        reply_text(node.numbers[i], node.texts[i]);
    assert_int_equal(look().replies_count, NET_CLIENT_REQUESTS_MAX);
    assert_int_equal(look().waiting_count, 0);
    node.echoes = true; /* of so many replies in one go the last may be dropped on its way */
    until(dial_take(many, &got));
    assert_text(&got, "many");
    node.echoes = false;
    assert_int_equal(look().forgotten_count, forgotten);
    served(many, "a place", "is free");
    buf_free(&got);
    hang_up(first);
    hang_up(many);
}

/* The largest request and the largest reply pass. */
static void largest_messages_pass(void **state)
{
    (void)state;
    static uint8_t large[NET_CLIENT_MSG_BYTES_MAX];
    struct buf got = {0};
    struct dial *d = dial();
    memset(large, 7, sizeof large);
    dial_send(d, bytes_of(large, sizeof large));
    until(node.asked_count > 0);
    assert_int_equal(node.last_bytes, sizeof large);
    clients_reply(node.clients, node.numbers[0], bytes_of(large, sizeof large));
    until(dial_take(d, &got));
    assert_int_equal(got.size, sizeof large);
    assert_memory_equal(got.data, large, sizeof large);
    buf_free(&got);
    hang_up(d);
}

/* However many wait, one turn takes NET_CLIENT_TAKE_MAX, and then it is others' turn. */
static void one_turn_takes_its_share_and_no_more(void **state)
{
    (void)state;
    enum { DIALS = NET_CLIENT_TAKE_MAX + 16, PAUSE_MS_MAX = 8192 };
    struct dial *dials[DIALS];
    for (int i = 0; i < DIALS; i++)
        dials[i] = dial();
    for (uint32_t pause_ms = 2; node.turn_most < NET_CLIENT_TAKE_MAX; pause_ms *= 2) {
        assert_true(pause_ms <= PAUSE_MS_MAX);
        for (int i = 0; i < DIALS; i++)
            send_text(dials[i], "all at once");
        uint64_t until_ms = loop_now_ms() + pause_ms;
        while (loop_now_ms() < until_ms) /* nobody looks at the port meanwhile */
            for (int i = 0; i < DIALS; i++)
                dial_run(dials[i]);
        turn();
    }
    assert_int_equal(node.turn_most, NET_CLIENT_TAKE_MAX);
    for (int i = 0; i < DIALS; i++)
        hang_up(dials[i]);
}

/* ---- who may not ---- */

static void assert_no_answer(const uint8_t *link_key, const struct digest *chain_id)
{
    struct dial *d;
    struct buf got = {0};
    uint64_t refused = look().refused_count;
    assert_int_equal(dial_open(&d, node.address.text, link_key, chain_id, NULL), RC_OK);
    send_text(tended(d), "let me in");
    until(look().refused_count > refused);
    assert_int_equal(node.asked_count, 0);
    assert_false(dial_take(d, &got));
    hang_up(d);
}

/* A client that believes in another node key or another chain gets nothing; the node lives. */
static void client_of_another_node_or_chain_gets_nothing(void **state)
{
    (void)state;
    uint8_t secret[LINK_KEY_BYTES] = {9}, other[LINK_KEY_BYTES];
    struct digest chain_id = node.config.chain_id;
    link_public_of(other, secret);
    chain_id.bytes[31] ^= 1;
    assert_no_answer(other, &node.config.chain_id);
    assert_no_answer(node.link_public, &chain_id);
    struct dial *d = dial();
    served(d, "a good one", "is served");
    hang_up(d);
}

/* Garbage, floods of malformed requests and frames that are too long: the good are served. */
static void hostile_connections_are_harmless(void **state)
{
    (void)state;
    enum { CROWD = 100 };
    static const uint8_t way_only[4] = {0x80, 0, 0, 1}, endless_way[64] = {0};
    static uint8_t garbage[4096] = {0x80, 0, 0, 1, SEAL_TYPE_REQUEST, 1, 2, 3};
    int fds[CROWD];
    struct dial *d = dial();
    int noise = sockets_connect(node.address.port);
    sockets_write(noise, garbage, sizeof garbage);
    assert_true(sockets_is_ended(noise));
    close(noise);
    for (int i = 0; i < CROWD; i++) {
        fds[i] = sockets_connect(node.address.port);
        if (i % 4 == 0)
            continue; /* silent */
        sockets_greet(fds[i], SP_NUMBER_REQ);
        sockets_send(fds[i], "", 0);
        sockets_send(fds[i], way_only, sizeof way_only);
        sockets_send(fds[i], endless_way, sizeof endless_way);
        sockets_send(fds[i], garbage, sizeof garbage);
        sockets_announce(fds[i], NET_CLIENT_FRAME_BYTES_MAX); /* and no more of it */
    }
    served(d, "a good one", "is served");
    until(look().refused_count >= 2 * (CROWD - CROWD / 4));
    for (int i = 0; i < CROWD; i++)
        close(fds[i]);
    served(d, "another", "too");
    assert_true(look().requests_count >= 2);
    hang_up(d);
}

/* A frame of the limit is read, and refused; one byte more ends the connection at its header. */
static void frame_beyond_the_limit_ends_its_connection(void **state)
{
    (void)state;
    enum { WAY_BYTES = 4, LIMIT = NET_CLIENT_FRAME_BYTES_MAX + WAY_BYTES };
    static uint8_t frame[LIMIT] = {0x80};
    int fd = sockets_connect(node.address.port);
    sockets_greet(fd, SP_NUMBER_REQ);
    sockets_send(fd, frame, sizeof frame);
    until(look().refused_count == 1);
    sockets_announce(fd, LIMIT + 1);
    assert_true(sockets_is_ended(fd));
    close(fd);
}

/* A port in use is said with the address and the cause, and nothing of it stays behind. */
static void port_in_use_is_said(void **state)
{
    (void)state;
    struct why why;
    struct clients *other;
    char words[100];
    assert_int_equal(clients_open(&other, &node.config, &why), RC_INVALID);
    assert_null(other);
    snprintf(words, sizeof words, "client port %s: address already in use", node.address.text);
    assert_string_equal(why.text, words);
    struct dial *d = dial();
    served(d, "still", "here");
    hang_up(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_node, close_node)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(request_and_reply_arrive),
        TEST(replies_reach_the_right_one_of_64),
        TEST(session_of_a_request_is_its_dials),
        TEST(answer_to_nobody_is_ignored),
        TEST(oldest_request_is_forgotten),
        TEST(largest_messages_pass),
        TEST(one_turn_takes_its_share_and_no_more),
        TEST(client_of_another_node_or_chain_gets_nothing),
        TEST(hostile_connections_are_harmless),
        TEST(frame_beyond_the_limit_ends_its_connection),
        TEST(port_in_use_is_said),
    };
    return cmocka_run_group_tests_name("clients", tests, NULL, NULL);
}
