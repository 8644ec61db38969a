/* Replicas on real sockets: sessions come, go and come again, and messages with them. Nothing here
 * waits for a time, only for what is to happen. */
#include "tests/help/unit.h"

#include <stdio.h>
#include <string.h>

#include "tests/help/net_world.h"

static struct net_world w;

static int close_world(void **state)
{
    (void)state;
    net_world_end(&w);
    return 0;
}

static void open_world(uint32_t count)
{
    net_world_start(&w, count);
    net_world_open_all(&w);
    net_world_until(&w, net_world_all_live(&w));
}

static bool was_told(uint32_t at, uint32_t peer, const char *words)
{
    return strstr(w.members[at].notices[peer], words) != NULL;
}

/* ---- messages ---- */

/* Each hears what the other sent, in order and whole; both logs say that the session is live. */
static void two_peers_exchange_messages_both_ways(void **state)
{
    (void)state;
    open_world(2);
    for (uint64_t n = 1; n <= 500; n++) {
        net_world_send(&w, 0, 1, n, 8 + n);
        net_world_send(&w, 1, 0, n, 8 + 2 * n);
    }
    net_world_until(&w, net_world_came(&w, 1, 0, 500) && net_world_came(&w, 0, 1, 500));
    assert_int_equal(w.members[1].heard[0].count, 500);
    assert_int_equal(w.members[0].heard[1].count, 500);
    struct peers_look look = net_world_look(&w, 0, 1);
    assert_int_equal(look.sent_count, 500);
    assert_int_equal(look.sent_bytes, 500 * 8 + 500 * 501 / 2);
    assert_int_equal(look.received_count, 500);
    assert_int_equal(look.received_bytes, 500 * 8 + 500 * 501);
    assert_true(look.sessions_count >= 1);
    assert_int_equal(look.queue_bytes, 0);
    assert_true(look.heard_ms > 0);
    const char *live = "session live\n";
    assert_memory_equal(w.members[0].notices[1], live, strlen(live));
    assert_memory_equal(w.members[1].notices[0], live, strlen(live));
    assert_int_equal(w.members[0].troubles[1], 0);
    assert_int_equal(w.members[1].troubles[0], 0);
}

/* With four, everybody hears everybody, and knows who it is. */
static void four_peers_exchange_messages_both_ways(void **state)
{
    (void)state;
    open_world(4);
    for (uint64_t n = 1; n <= 50; n++)
        for (uint32_t from = 0; from < 4; from++)
            for (uint32_t to = 0; to < 4; to++)
                if (from != to)
                    net_world_send(&w, from, to, n * 16 + from * 4 + to, 200);
    for (uint32_t from = 0; from < 4; from++)
        for (uint32_t to = 0; to < 4; to++)
            if (from != to) {
                net_world_until(&w, net_world_came(&w, to, from, 50 * 16 + from * 4 + to));
                assert_int_equal(w.members[to].heard[from].count, 50);
            }
}

/* Before there is a session a message is dropped, and counted. */
static void message_without_a_session_is_dropped(void **state)
{
    (void)state;
    net_world_start(&w, 2);
    net_world_open(&w, 0);
    net_world_send(&w, 0, 1, 1, 100);
    assert_int_equal(net_world_look(&w, 0, 1).queue_drops, 1);
    assert_int_equal(net_world_look(&w, 0, 1).queue_bytes, 0);
    net_world_open(&w, 1);
    net_world_until(&w, net_world_all_live(&w));
    net_world_send(&w, 0, 1, 2, 100);
    net_world_until(&w, net_world_came(&w, 1, 0, 2));
    assert_int_equal(w.members[1].heard[0].count, 1);
}

/* ---- sessions ---- */

/* A peer that ends and starts with the same keys makes a new session, and messages flow again both
 * ways. */
static void restarted_peer_gets_a_new_session(void **state)
{
    (void)state;
    open_world(2);
    for (uint64_t round = 1; round <= 3; round++) {
        uint64_t sessions_count = net_world_look(&w, 0, 1).sessions_count;
        net_world_close(&w, 1);
        net_world_turn(&w);
        net_world_open(&w, 1);
        net_world_until(&w, net_world_look(&w, 0, 1).sessions_count > sessions_count);
        net_world_until(&w, net_world_is_live(&w, 1, 0));
        net_world_send(&w, 0, 1, round, 100);
        net_world_send(&w, 1, 0, round, 100);
        net_world_until(&w, net_world_came(&w, 1, 0, round) && net_world_came(&w, 0, 1, round));
    }
    assert_true(was_told(0, 1, "a new session is live"));
    assert_int_equal(net_world_look(&w, 0, 1).reconnects_count, 0);
}

/* What waits while a peer restarts is sealed by the new session, and not thrown at a program that
 * cannot open it. */
static void what_waited_for_a_restarted_peer_reaches_it(void **state)
{
    (void)state;
    open_world(2);
    w.members[0].is_timeless = true; /* whatever it takes, nobody is called silent */
    net_world_close(&w, 1);
    uint64_t number = 1;
    while (net_world_look(&w, 0, 1).queue_count < 20) { /* nanomsg takes some until it knows */
        net_world_send(&w, 0, 1, number++, 100);
        net_world_turn(&w);
    }
    memset(w.members[1].heard, 0, sizeof w.members[1].heard);
    net_world_open(&w, 1);
    w.members[0].is_timeless = false;
    net_world_until(&w, net_world_came(&w, 1, 0, number - 1));
    assert_int_equal(w.members[1].heard[0].count, 20);
    assert_int_equal(net_world_look(&w, 0, 1).queue_count, 0);
}

/* After NET_SILENCE_MS the session is lost, what waits is dropped, and the connection is made anew,
 * again and again; a word of the peer brings all back. */
static void silent_peer_is_lost_and_comes_back(void **state)
{
    (void)state;
    open_world(2);
    uint64_t now_ms = loop_now_ms();
    w.members[1].is_stopped = true;
    net_world_send(&w, 0, 1, 1, 100);
    for (uint64_t ms = 0; ms <= NET_SILENCE_MS + 2000; ms += 1000)
        peers_run(w.members[0].peers, now_ms + ms);
    assert_false(net_world_is_live(&w, 0, 1));
    assert_int_equal(net_world_look(&w, 0, 1).reconnects_count, 1);
    assert_true(was_told(0, 1, "session lost: silent for 5 s\n") ||
                was_told(0, 1, "session lost: silent for 6 s\n"));
    assert_true(was_told(0, 1, ": connecting to 127.0.0.1:"));
    net_world_send(&w, 0, 1, 2, 100);
    assert_int_equal(net_world_look(&w, 0, 1).queue_drops, 1);
    for (uint64_t ms = NET_SILENCE_MS + 3000; ms <= 2 * NET_SILENCE_MS + 3000; ms += 1000)
        peers_run(w.members[0].peers, now_ms + ms);
    assert_int_equal(net_world_look(&w, 0, 1).reconnects_count, 2);

    w.members[1].is_stopped = false;
    net_world_send(&w, 1, 0, 1, 100);
    net_world_until(&w, net_world_is_live(&w, 0, 1) && net_world_is_live(&w, 1, 0));
    net_world_send(&w, 0, 1, 3, 100);
    net_world_until(&w, net_world_came(&w, 1, 0, 3));
}

/* A peer with nothing to say is asked by a HELLO: it is not silent. */
static void quiet_peer_stays_live(void **state)
{
    (void)state;
    open_world(2);
    uint64_t heard_ms = net_world_look(&w, 0, 1).heard_ms;
    w.members[0].ahead_ms = NET_QUIET_MS;
    net_world_until(&w, net_world_look(&w, 0, 1).heard_ms > heard_ms);
    assert_true(net_world_is_live(&w, 0, 1));
    assert_int_equal(net_world_look(&w, 0, 1).reconnects_count, 0);
}

/* Who slept himself, for whatever reason, calls nobody silent (pitfalls I6). */
static void own_sleep_loses_nobody(void **state)
{
    (void)state;
    open_world(2);
    w.members[0].ahead_ms = 3600 * 1000;
    peers_run(w.members[0].peers, loop_now_ms() + 3600 * 1000);
    assert_true(net_world_is_live(&w, 0, 1));
    assert_int_equal(net_world_look(&w, 0, 1).reconnects_count, 0);
    net_world_send(&w, 0, 1, 1, 100);
    net_world_until(&w, net_world_came(&w, 1, 0, 1));
}

/* After NET_SESSION_MS a session gets a fresh key, and loses no message by it. The time that is
 * told stands still, so that nobody is taken for quiet. */
static void old_session_is_renewed_without_loss(void **state)
{
    (void)state;
    open_world(2);
    uint64_t before = net_world_look(&w, 0, 1).sessions_count, number = 0;
    w.members[0].fixed_ms = loop_now_ms() + NET_SESSION_MS;
    net_world_until(&w, (number++, net_world_send(&w, 0, 1, number, 100),
                         net_world_send(&w, 1, 0, number, 100),
                         net_world_look(&w, 0, 1).sessions_count > before));
    net_world_until(&w, net_world_came(&w, 1, 0, number) && net_world_came(&w, 0, 1, number));
    assert_int_equal(w.members[1].heard[0].count, number);
    assert_int_equal(w.members[0].heard[1].count, number);
}

/* ---- peers of another kind ---- */

static void open_two_unlike(void)
{
    net_world_open_all(&w);
    net_world_until(&w, net_world_look(&w, 0, 1).frame_drops > 2 &&
                            net_world_look(&w, 1, 0).frame_drops > 2);
    assert_false(net_world_is_live(&w, 0, 1));
    assert_false(net_world_is_live(&w, 1, 0));
}

/* Another chain id: both see both values, and what to compare; one line, however often it comes. */
static void other_chain_is_refused_with_both_values(void **state)
{
    (void)state;
    char zero_hex[DIGEST_HEX_BYTES], one_hex[DIGEST_HEX_BYTES], words[400];
    net_world_start(&w, 2);
    w.members[1].config.chain_id.bytes[0] ^= 1;
    digest_to_hex(zero_hex, &w.members[0].config.chain_id);
    digest_to_hex(one_hex, &w.members[1].config.chain_id);
    open_two_unlike();
    snprintf(words, sizeof words,
             "a HELLO in its name is of chain id %s, ours is %s: compare the genesis files\n",
             one_hex, zero_hex);
    assert_string_equal(w.members[0].notices[1], words);
    snprintf(words, sizeof words,
             "a HELLO in its name is of chain id %s, ours is %s: compare the genesis files\n",
             zero_hex, one_hex);
    assert_string_equal(w.members[1].notices[0], words);
    assert_int_equal(w.members[0].troubles[1], 1);
    assert_int_equal(w.members[1].troubles[0], 1);
}

/* No version in common: both are shown. */
static void other_version_is_refused_with_both_values(void **state)
{
    (void)state;
    net_world_start(&w, 2);
    w.members[1].config.version_least = 2;
    w.members[1].config.version_most = 3;
    open_two_unlike();
    assert_string_equal(w.members[0].notices[1],
                        "a HELLO in its name speaks versions 2 to 3 of the protocol, we speak 1 to "
                        "1: upgrade the older program\n");
    assert_string_equal(w.members[1].notices[0],
                        "a HELLO in its name speaks versions 1 to 1 of the protocol, we speak 2 to "
                        "3: upgrade the older program\n");
}

/* Another link key than the genesis file says, and another signing key. */
static void other_keys_are_refused_with_words(void **state)
{
    (void)state;
    net_world_start(&w, 2);
    w.members[1].link_secret[5] ^= 1;
    open_two_unlike();
    assert_true(was_told(0, 1, "is not made with its keys (bad_mac)"));
    net_world_end(&w);

    net_world_start(&w, 2);
    w.members[1].config.sign_key = &w.members[0].sign;
    net_world_open_all(&w);
    net_world_until(&w, was_told(0, 1, "is not made with its keys (bad_signature)"));
    assert_false(net_world_is_live(&w, 0, 1));
}

#define TEST(name) cmocka_unit_test_teardown(name, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_peers_exchange_messages_both_ways),
        TEST(four_peers_exchange_messages_both_ways),
        TEST(message_without_a_session_is_dropped),
        TEST(restarted_peer_gets_a_new_session),
        TEST(what_waited_for_a_restarted_peer_reaches_it),
        TEST(silent_peer_is_lost_and_comes_back),
        TEST(quiet_peer_stays_live),
        TEST(own_sleep_loses_nobody),
        TEST(old_session_is_renewed_without_loss),
        TEST(other_chain_is_refused_with_both_values),
        TEST(other_version_is_refused_with_both_values),
        TEST(other_keys_are_refused_with_words),
    };
    return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
