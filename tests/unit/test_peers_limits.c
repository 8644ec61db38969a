/* The peer port beyond its limits, and in the hands of strangers: whatever they do, the good peers
 * go on (pitfalls I1, I3, K3 to K7). */
#include "tests/help/unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/help/net_world.h"

static struct net_world w;
static uint64_t number; /* of the last message between 0 and 1 */

static int close_world(void **state)
{
    (void)state;
    net_world_end(&w);
    return 0;
}

static void open_world(uint32_t count)
{
    number = 0;
    net_world_start(&w, count);
    net_world_open_all(&w);
    net_world_until(&w, net_world_all_live(&w));
}

/* Both ways between 0 and 1. */
static void good_peers_go_on(void)
{
    number++;
    net_world_send(&w, 0, 1, number, 1000);
    net_world_send(&w, 1, 0, number, 1000);
    net_world_until(&w, net_world_came(&w, 1, 0, number) && net_world_came(&w, 0, 1, number));
}

/* ---- sizes ---- */

/* A message of NET_PEER_MSG_BYTES_MAX arrives whole. */
static void largest_message_arrives(void **state)
{
    (void)state;
    open_world(2);
    net_world_send(&w, 0, 1, 1, NET_PEER_MSG_BYTES_MAX);
    net_world_until(&w, net_world_came(&w, 1, 0, 1));
    assert_int_equal(w.members[1].heard[0].last_bytes, NET_PEER_MSG_BYTES_MAX);
    number = 1;
    good_peers_go_on();
}

static bool send_aborts(uint32_t to, size_t size)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        uint8_t *data = mem_alloc(size + 1);
        peers_send(w.members[0].peers, to, bytes_of(data, size));
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* Nobody but ourselves can ask for a longer one, an empty one, or one to oneself: CHECKs. */
static void message_beyond_the_contract_ends_the_process(void **state)
{
    (void)state;
    net_world_start(&w, 2);
    net_world_open(&w, 0); /* without a session a message within the contract is dropped */
    assert_false(send_aborts(1, NET_PEER_MSG_BYTES_MAX));
    assert_true(send_aborts(1, NET_PEER_MSG_BYTES_MAX + 1));
    assert_false(send_aborts(1, 1));
    assert_true(send_aborts(1, 0));
    assert_true(send_aborts(0, 1));
    assert_true(send_aborts(2, 1));
}

/* A stranger's frame of NET_PEER_FRAME_BYTES_MAX is read and dropped; one byte more, or any number
 * that does not fit, and he loses his connection at its header. */
static void frame_beyond_the_limit_ends_its_connection(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {NET_PEER_FRAME_BYTES_MAX + 1, UINT32_MAX, (uint64_t)1 << 32,
                                     (uint64_t)1 << 62, UINT64_MAX};
    static uint8_t garbage[NET_PEER_FRAME_BYTES_MAX];
    open_world(2);
    uint64_t before = peers_stranger_drops(w.members[0].peers);
    int fd = sockets_connect(w.members[0].address.port);
    sockets_greet(fd, SP_NUMBER_PUSH);
    sockets_send(fd, garbage, sizeof garbage);
    net_world_until(&w, peers_stranger_drops(w.members[0].peers) > before);
    close(fd);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fd = sockets_connect(w.members[0].address.port);
        sockets_greet(fd, SP_NUMBER_PUSH);
        sockets_announce(fd, sizes[i]);
        assert_true(sockets_is_ended(fd));
        close(fd);
    }
    good_peers_go_on();
}

/* ---- the queue ---- */

/* One of three reads nothing any more. What waits for it stays below NET_PEER_QUEUE_BYTES_MAX, the
 * oldest goes first, the third is served as ever; and when it reads again it gets the newest. */
static void stopped_reader_costs_its_own_oldest_messages(void **state)
{
    (void)state;
    enum { MSGS = 40, BYTES = 512 * 1024 };
    open_world(3);
    w.members[0].is_timeless = true;
    w.members[1].is_stopped = true;
    for (uint64_t n = 1; n <= MSGS; n++) {
        net_world_send(&w, 0, 1, n, BYTES);
        net_world_send(&w, 0, 2, n, 1000);
        assert_true(net_world_look(&w, 0, 1).queue_bytes <= NET_PEER_QUEUE_BYTES_MAX);
        net_world_until(&w, net_world_came(&w, 2, 0, n));
    }
    struct peers_look look = net_world_look(&w, 0, 1);
    assert_int_equal(look.queue_bytes, NET_PEER_QUEUE_BYTES_MAX);
    assert_int_equal(look.sent_count + look.queue_drops + look.queue_count, MSGS);
    assert_true(look.queue_drops > 0);
    assert_int_equal(net_world_look(&w, 0, 2).queue_drops, 0);
    w.members[1].is_stopped = false;
    net_world_until(&w, net_world_came(&w, 1, 0, MSGS));
    assert_int_equal(net_world_look(&w, 0, 1).queue_drops, look.queue_drops);
    assert_int_equal(w.members[1].heard[0].count, MSGS - look.queue_drops);
}

/* Small messages are counted instead: no more than NET_PEER_QUEUE_MSGS_MAX wait. */
static void queue_counts_small_messages(void **state)
{
    (void)state;
    open_world(2);
    w.members[0].is_timeless = true;
    w.members[1].is_stopped = true;
    uint64_t n = 0;
    while (net_world_look(&w, 0, 1).queue_count < NET_PEER_QUEUE_MSGS_MAX)
        net_world_send(&w, 0, 1, ++n, 16);
    assert_int_equal(net_world_look(&w, 0, 1).queue_drops, 0);
    for (int i = 1; i <= 10; i++) {
        net_world_send(&w, 0, 1, ++n, 16);
        assert_int_equal(net_world_look(&w, 0, 1).queue_count, NET_PEER_QUEUE_MSGS_MAX);
        assert_int_equal(net_world_look(&w, 0, 1).queue_drops, i);
    }
    w.members[1].is_stopped = false;
    net_world_until(&w, net_world_came(&w, 1, 0, n));
    assert_int_equal(w.members[1].heard[0].count, n - 10);
    assert_true(w.members[1].turn_most > 1);
    assert_true(w.members[1].turn_most <= NET_PEER_TAKE_MAX);
}

/* ---- strangers ---- */

/* Garbage, silence, half a handshake, half a message, another protocol, and 200 connections that
 * each announce a whole frame. */
static void hostile_connections_are_harmless(void **state)
{
    (void)state;
    enum { CROWD = 200 };
    static const uint8_t garbage[1000] = {1, 2, 3};
    int fds[CROWD];
    open_world(2);
    uint16_t port = w.members[0].address.port;
    int noise = sockets_connect(port);
    sockets_write(noise, garbage, sizeof garbage);
    assert_true(sockets_is_ended(noise));
    close(noise);
    int other = sockets_connect(port); /* a REQ where a PULL is */
    sockets_greet(other, SP_NUMBER_REQ);
    assert_true(sockets_is_ended(other));
    close(other);
    int half = sockets_connect(port);
    sockets_write(half, "\0SP", 3);
    good_peers_go_on();
    for (int i = 0; i < CROWD; i++) {
        fds[i] = sockets_connect(port);
        if (i % 2 == 0)
            continue; /* silent */
        sockets_greet(fds[i], SP_NUMBER_PUSH);
        sockets_announce(fds[i], NET_PEER_FRAME_BYTES_MAX);
        sockets_write(fds[i], garbage, sizeof garbage);
        if (i % 20 == 1)
            good_peers_go_on();
    }
    good_peers_go_on();
    for (int i = 0; i < CROWD; i++)
        close(fds[i]);
    close(half);
    good_peers_go_on();
    assert_int_equal(net_world_look(&w, 0, 1).reconnects_count, 0);
}

static int stranger_fd;

static void stranger_sends(const void *data, size_t size)
{
    sockets_send(stranger_fd, data, size);
}

/* What a stranger writes is counted as nobody's, or as refused in the name that he took; it changes
 * no session. */
static void refused_frames_are_counted(void **state)
{
    (void)state;
    uint8_t hello[SEAL_HELLO_BYTES] = {SEAL_TYPE_HELLO, 1, 0}, frame[100] = {SEAL_TYPE_FRAME, 7};
    open_world(2);
    struct peers *p = w.members[0].peers;
    memcpy(hello + 3, w.members[0].config.chain_id.bytes, DIGEST_BYTES);
    hello[35] = hello[37] = 1; /* the version */
    stranger_fd = sockets_connect(w.members[0].address.port);
    sockets_greet(stranger_fd, SP_NUMBER_PUSH);
    stranger_sends(hello, sizeof hello); /* in the name of 1 */
    net_world_until(&w, strstr(w.members[0].notices[1], "(bad_mac)") != NULL);
    assert_true(net_world_look(&w, 0, 1).frame_drops >= 1);
    uint64_t nobodys = peers_stranger_drops(p);
    static const uint8_t names[] = {0, 2, 30, 31, 200, 255}; /* my own, and nobody's */
    for (size_t i = 0; i < sizeof names; i++) {
        hello[1] = names[i];
        stranger_sends(hello, sizeof hello);
        nobodys++;
    }
    stranger_sends(frame, sizeof frame); /* of no session */
    stranger_sends("", 0);
    stranger_sends("\7", 1);
    stranger_sends(hello, 20);
    nobodys += 4;
    net_world_until(&w, peers_stranger_drops(p) >= nobodys);
    close(stranger_fd);
    good_peers_go_on();
}

/* However many wrong HELLOs come in its name, the log has one line of each kind a minute. */
static void notices_of_a_flood_are_few(void **state)
{
    (void)state;
    enum { FLOOD = 300 };
    uint8_t hello[SEAL_HELLO_BYTES] = {SEAL_TYPE_HELLO, 1, 0};
    open_world(2);
    memset(w.members[0].notices, 0, sizeof w.members[0].notices);
    stranger_fd = sockets_connect(w.members[0].address.port);
    sockets_greet(stranger_fd, SP_NUMBER_PUSH);
    for (int i = 0; i < FLOOD; i++) {
        hello[3] = (uint8_t)i; /* another chain each time, and each time other words */
        stranger_sends(hello, sizeof hello);
    }
    net_world_until(&w, net_world_look(&w, 0, 1).frame_drops >= FLOOD);
    const char *told = strstr(w.members[0].notices[1], "is of chain id ");
    assert_non_null(told);
    assert_null(strstr(told + 1, "is of chain id "));
    close(stranger_fd);
    good_peers_go_on();
}

/* A peer that asks HELLO after HELLO does not hear us: our connection to it is made anew. */
static void peer_that_does_not_hear_us_is_connected_anew(void **state)
{
    (void)state;
    struct seal_peer deaf;
    struct buf hello = {0};
    open_world(2);
    struct net_world_member *m = &w.members[1];
    seal_peer_init(&deaf, &(struct seal_peer_setup){
                              .me = 1,
                              .peer = 0,
                              .version_least = 1,
                              .version_most = 1,
                              .message_bytes_max = NET_PEER_MSG_BYTES_MAX,
                              .chain_id = m->config.chain_id,
                              .link_secret = m->link_secret,
                              .peer_link_public = m->config.members[0].link_key,
                              .sign_key = &m->sign,
                              .peer_key = w.members[0].sign.public,
                          });
    seal_peer_hello(&deaf, &hello);
    stranger_fd = sockets_connect(w.members[0].address.port);
    sockets_greet(stranger_fd, SP_NUMBER_PUSH);
    net_world_until(&w, (sockets_send(stranger_fd, hello.data, hello.size),
                         net_world_look(&w, 0, 1).reconnects_count > 0));
    close(stranger_fd);
    seal_peer_close(&deaf);
    buf_free(&hello);
    assert_true(net_world_is_live(&w, 0, 1));
    number = 0;
    net_world_until(
        &w, (number++, net_world_send(&w, 0, 1, number, 100), w.members[1].heard[0].count > 0));
}

/* ---- addresses ---- */

static void assert_does_not_open(const char *words)
{
    struct why why = {""};
    struct peers *p;
    assert_int_equal(peers_open(&p, &w.members[0].config, &why), RC_INVALID);
    assert_null(p);
    assert_string_equal(why.text, words);
}

/* What cannot be used is said with the address and the cause; nothing stays behind. */
static void unusable_addresses_are_said(void **state)
{
    (void)state;
    char words[200];
    net_world_start(&w, 2);
    struct peers_config *config = &w.members[0].config;
    int taken = sockets_listen(w.members[0].address.port);
    snprintf(words, sizeof words, "peer port %s: address already in use",
             w.members[0].address.text);
    assert_does_not_open(words);
    close(taken);
    config->bind_address = "192.0.2.1:7101"; /* of a net that only stands in books, RFC 5737 */
    assert_does_not_open("peer port 192.0.2.1:7101: not an address of this machine");
    config->bind_address = "127.0.0.1";
    assert_does_not_open("peer port 127.0.0.1: must be host:port with a port from 1 to 65535");
    config->bind_address = NULL;
    config->members[1].address = "a/b:1";
    assert_does_not_open("peer a/b:1: must be host:port with a port from 1 to 65535");
    config->members[1].address = w.members[1].address.text;
    net_world_open_all(&w);
    net_world_until(&w, net_world_all_live(&w));
}

static void use_host(const char *host)
{
    net_world_start(&w, 2);
    for (int i = 0; i < 2; i++)
        snprintf(w.members[i].address.text, sizeof w.members[i].address.text, "%s:%u", host,
                 w.members[i].address.port);
}

/* Names do as well; while nobody answers they are tried by IPv4 and by IPv6 in turn. */
static void peers_meet_by_name(void **state)
{
    (void)state;
    if (!sockets_can_look_up())
        skip();
    use_host("localhost");
    net_world_open(&w, 0);
    while (net_world_look(&w, 0, 1).reconnects_count < 21) {
        net_world_turn(&w);
        w.members[0].ahead_ms += 1000;
    }
    w.members[0].ahead_ms = 0;
    net_world_open(&w, 1);
    net_world_until(&w, net_world_all_live(&w));
    number = 0;
    good_peers_go_on();
}

/* And so does IPv6. */
static void peers_meet_by_ipv6(void **state)
{
    (void)state;
    struct why why = {""};
    use_host("[::1]");
    if (peers_open(&w.members[0].peers, &w.members[0].config, &why) != RC_OK) {
        assert_non_null(strstr(why.text, "peer port [::1]:"));
        skip(); /* this machine has no IPv6 */
    }
    net_world_open(&w, 1);
    net_world_until(&w, net_world_all_live(&w));
    number = 0;
    good_peers_go_on();
}

#define TEST(name) cmocka_unit_test_teardown(name, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(largest_message_arrives),
        TEST(message_beyond_the_contract_ends_the_process),
        TEST(frame_beyond_the_limit_ends_its_connection),
        TEST(stopped_reader_costs_its_own_oldest_messages),
        TEST(queue_counts_small_messages),
        TEST(hostile_connections_are_harmless),
        TEST(refused_frames_are_counted),
        TEST(notices_of_a_flood_are_few),
        TEST(peer_that_does_not_hear_us_is_connected_anew),
        TEST(unusable_addresses_are_said),
        TEST(peers_meet_by_name),
        TEST(peers_meet_by_ipv6),
    };
    return cmocka_run_group_tests_name("peers_limits", tests, NULL, NULL);
}
