/* Clients' sealed sessions: a request opens at its node only, a reply at its client and for its
 * request only, and the node remembers a bounded number of sessions, those used last. */
#include "tests/unit/seal_pair.h"

#include "crypto/seal_client.h"
#include "crypto/seal_node.h"

enum { SESSIONS = 4, CLIENTS = 12, REQUEST_MAX = 200, REPLY_MAX = 250 };

static struct seal_node *node;
static struct seal_client clients[CLIENTS];
static struct seal_ticket ticket;
static struct buf request, reply;

static struct seal_node *node_of(const struct pair_keys *k, uint8_t member)
{
    return seal_node_new(&(struct seal_node_setup){.chain_id = k->chain_id,
                                                   .link_secret = k->link_secret[member],
                                                   .sessions_count_max = SESSIONS,
                                                   .request_bytes_max = REQUEST_MAX,
                                                   .reply_bytes_max = REPLY_MAX,
                                                   .random = pair_random,
                                                   .random_context = &random_bytes});
}

static int begin(void **state)
{
    (void)start(state);
    node = node_of(&keys, 3);
    for (int i = 0; i < CLIENTS; i++)
        seal_client_init(&clients[i],
                         &(struct seal_client_setup){.chain_id = keys.chain_id,
                                                     .request_bytes_max = REQUEST_MAX,
                                                     .reply_bytes_max = REPLY_MAX,
                                                     .node_link_public = keys.link_public[3],
                                                     .random = pair_random,
                                                     .random_context = &random_bytes});
    return 0;
}

static int end(void **state)
{
    seal_node_free(node);
    for (int i = 0; i < CLIENTS; i++)
        seal_client_close(&clients[i]);
    buf_free(&request);
    buf_free(&reply);
    return stop(state);
}

/* A request of a client to the node; its counter. */
static uint64_t ask(struct seal_client *c, const char *text)
{
    buf_clear(&request);
    uint64_t counter = seal_client_request(c, &request, bytes_of_text(text));
    assert_int_equal(seal_node_take(node, &ticket, &opened, buf_bytes(&request)), SEAL_KEEP);
    assert_true(bytes_equal(buf_bytes(&opened), bytes_of_text(text)));
    assert_true(ticket.counter == counter);
    return counter;
}

static void answer(const char *text)
{
    buf_clear(&reply);
    seal_node_reply(node, &reply, &ticket, bytes_of_text(text));
}

static void assert_answered(const struct seal_client *c, uint64_t counter, const char *text)
{
    assert_int_equal(seal_client_take(c, &opened, buf_bytes(&reply), counter), SEAL_KEEP);
    assert_true(bytes_equal(buf_bytes(&opened), bytes_of_text(text)));
}

static enum seal_drop node_takes(struct bytes what)
{
    enum seal_drop drop = seal_node_take(node, &ticket, &opened, what);
    assert_true(drop == SEAL_KEEP || opened.size == 0);
    return drop;
}

/* ---- tests ---- */

/* Request and reply, empty and of any length up to the maximum. */
static void request_and_reply_come_through(void **state)
{
    (void)state;
    uint8_t message[REPLY_MAX];
    struct prng p = prng_of(8);
    prng_fill(&p, message, sizeof message);
    for (size_t size = 0; size <= REPLY_MAX; size++) {
        struct bytes asked = bytes_of(message, size < REQUEST_MAX ? size : REQUEST_MAX);
        buf_clear(&request);
        uint64_t counter = seal_client_request(&clients[0], &request, asked);
        assert_int_equal(request.size, asked.size + SEAL_REQUEST_OVERHEAD_BYTES);
        assert_int_equal(node_takes(buf_bytes(&request)), SEAL_KEEP);
        assert_true(bytes_equal(buf_bytes(&opened), asked));
        buf_clear(&reply);
        seal_node_reply(node, &reply, &ticket, bytes_of(message, size));
        assert_int_equal(reply.size, size + SEAL_REPLY_OVERHEAD_BYTES);
        assert_int_equal(seal_client_take(&clients[0], &opened, buf_bytes(&reply), counter),
                         SEAL_KEEP);
        assert_true(bytes_equal(buf_bytes(&opened), bytes_of(message, size)));
    }
    assert_int_equal(seal_node_exchanges_count(node), 1);
}

static void assert_refused(bool by_node, struct bytes what, uint64_t counter)
{
    enum seal_drop drop = by_node ? seal_node_take(node, &ticket, &opened, what)
                                  : seal_client_take(&clients[0], &opened, what, counter);
    assert_int_not_equal(drop, SEAL_KEEP);
    assert_int_equal(opened.size, 0);
}

static void assert_every_change_is_refused(bool by_node, const struct buf *good, uint64_t counter)
{
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    uint8_t bad[512] = {0};
    memcpy(bad, good->data, good->size);
    for (size_t i = 0; i < good->size; i++) {
        for (size_t j = 0; j < sizeof flips; j++) {
            bad[i] ^= flips[j];
            assert_refused(by_node, bytes_of(bad, good->size), counter);
            bad[i] ^= flips[j];
        }
    }
    for (size_t size = 0; size < good->size; size++) { /* in a place of its own */
        uint8_t *cut = mem_alloc(size + (size == 0));
        memcpy(cut, good->data, size);
        assert_refused(by_node, bytes_of(cut, size), counter);
        mem_free(cut);
    }
    for (size_t more = 1; more <= 64; more++)
        assert_refused(by_node, bytes_of(bad, good->size + more), counter);
}

/* A request is whole or nothing, from a client that the node remembers and from a new one; and
 * nothing is remembered for what did not open. */
static void request_changed_anywhere_is_dropped(void **state)
{
    (void)state;
    (void)seal_client_request(&clients[0], &request, bytes_of_text("ten coins to berta"));
    assert_every_change_is_refused(true, &request, 0);
    assert_int_equal(seal_node_sessions_count(node), 0);
    assert_int_equal(node_takes(buf_bytes(&request)), SEAL_KEEP);
    assert_every_change_is_refused(true, &request, 0);
    assert_int_equal(seal_node_sessions_count(node), 1);
    assert_int_equal(node_takes(buf_bytes(&request)), SEAL_KEEP);
}

/* A reply is whole or nothing. */
static void reply_changed_anywhere_is_dropped(void **state)
{
    (void)state;
    uint64_t counter = ask(&clients[0], "how much?");
    answer("ten");
    assert_every_change_is_refused(false, &reply, counter);
    assert_answered(&clients[0], counter, "ten");
}

/* A reply answers its request, not the one before or after it, nor another client's. */
static void reply_to_another_request_is_dropped(void **state)
{
    (void)state;
    uint64_t first = ask(&clients[0], "first");
    answer("to the first");
    uint64_t second = ask(&clients[0], "second");
    assert_true(second == first + 1);
    for (uint64_t other = 0; other < 5; other++)
        if (other != first)
            assert_int_equal(seal_client_take(&clients[0], &opened, buf_bytes(&reply), other),
                             SEAL_DROP_OTHER_REQUEST);
    reply.data[1] = (uint8_t)second; /* renamed */
    assert_int_equal(seal_client_take(&clients[0], &opened, buf_bytes(&reply), second),
                     SEAL_DROP_NOT_AUTHENTIC);
    reply.data[1] = (uint8_t)first;
    assert_answered(&clients[0], first, "to the first");
    assert_true(ask(&clients[1], "of another") == first);
    assert_int_equal(seal_client_take(&clients[1], &opened, buf_bytes(&reply), first),
                     SEAL_DROP_NOT_AUTHENTIC);
}

/* A request that comes again opens again, and each of its replies has a nonce of its own: they may
 * say different things. */
static void request_come_again_opens_and_replies_differ(void **state)
{
    (void)state;
    uint64_t counter = ask(&clients[0], "how much?");
    struct buf first = {0};
    seal_node_reply(node, &first, &ticket, bytes_of_text("ten"));
    assert_int_equal(node_takes(buf_bytes(&request)), SEAL_KEEP);
    for (int i = 0; i < 20; i++) {
        answer(i % 2 == 0 ? "ten" : "six");
        assert_memory_not_equal(reply.data + 9, first.data + 9, SEAL_REPLY_NONCE_BYTES);
        assert_memory_not_equal(reply.data + 33, first.data + 33, 3);
        assert_answered(&clients[0], counter, i % 2 == 0 ? "ten" : "six");
        buf_clear(&first);
        buf_add_bytes(&first, buf_bytes(&reply));
    }
    struct seal_node *again = node_of(&keys, 3); /* a restart: another salt */
    struct buf later = {0};
    assert_int_equal(seal_node_take(again, &ticket, &opened, buf_bytes(&request)), SEAL_KEEP);
    seal_node_reply(again, &later, &ticket, bytes_of_text("two"));
    assert_memory_not_equal(later.data + 9, reply.data + 9, 16);
    buf_free(&later);
    buf_free(&first);
    seal_node_free(again);
}

/* Another node, and the same node of another chain, cannot open it; nor pass for the node. */
static void request_to_another_node_or_chain_is_dropped(void **state)
{
    (void)state;
    (void)seal_client_request(&clients[0], &request, bytes_of_text("for three"));
    struct pair_keys world = keys;
    world.chain_id.bytes[0] ^= 1;
    struct seal_node *others[] = {node_of(&keys, 2), node_of(&world, 3)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(seal_node_take(others[i], &ticket, &opened, buf_bytes(&request)),
                         SEAL_DROP_NOT_AUTHENTIC);
        assert_int_equal(opened.size, 0);
        assert_int_equal(seal_node_sessions_count(others[i]), 0);
        struct seal_ticket forged = {.counter = 1};
        buf_clear(&reply);
        seal_node_reply(others[i], &reply, &forged, bytes_of_text("forged"));
        assert_int_equal(seal_client_take(&clients[0], &opened, buf_bytes(&reply), 1),
                         SEAL_DROP_NOT_AUTHENTIC);
        seal_node_free(others[i]);
    }
    assert_int_equal(node_takes(buf_bytes(&request)), SEAL_KEEP);
}

/* Weak ephemerals, counter 0, other types, and messages above the maximum. */
static void malformed_requests_and_replies_are_dropped(void **state)
{
    (void)state;
    uint64_t counter = ask(&clients[0], "good");
    uint8_t bad[SEAL_REQUEST_OVERHEAD_BYTES + 4];
    memcpy(bad, request.data, sizeof bad);
    memset(bad + 33, 0, 8);
    assert_int_equal(node_takes(bytes_of(bad, sizeof bad)), SEAL_DROP_MALFORMED);
    bad[33] = 1;
    static const uint8_t lows[] = {0xec, 0xed, 0xee, 0xf6, 0xff};
    for (size_t i = 0; i < sizeof lows; i++) {
        memset(bad + 1, 0xff, 32);
        bad[1] = lows[i];
        bad[32] = 0x7f;
        assert_int_equal(node_takes(bytes_of(bad, sizeof bad)), SEAL_DROP_WEAK_KEY);
        bad[32] = 0xff;
        assert_int_equal(node_takes(bytes_of(bad, sizeof bad)), SEAL_DROP_WEAK_KEY);
    }
    memset(bad + 1, 0, 32);
    assert_int_equal(node_takes(bytes_of(bad, sizeof bad)), SEAL_DROP_WEAK_KEY);
    bad[1] = 1;
    assert_int_equal(node_takes(bytes_of(bad, sizeof bad)), SEAL_DROP_WEAK_KEY);
    answer("good");
    assert_int_equal(node_takes(buf_bytes(&reply)), SEAL_DROP_MALFORMED);
    assert_int_equal(seal_client_take(&clients[0], &opened, buf_bytes(&request), counter),
                     SEAL_DROP_MALFORMED);

    uint8_t message[REPLY_MAX + 1] = {0};
    clients[0].setup.request_bytes_max++;
    buf_clear(&request);
    (void)seal_client_request(&clients[0], &request, bytes_of(message, REQUEST_MAX + 1));
    assert_int_equal(node_takes(buf_bytes(&request)), SEAL_DROP_MALFORMED);
    clients[0].setup.reply_bytes_max--;
    buf_clear(&reply);
    seal_node_reply(node, &reply, &ticket, bytes_of(message, REPLY_MAX));
    assert_int_equal(seal_client_take(&clients[0], &opened, buf_bytes(&reply), counter),
                     SEAL_DROP_MALFORMED);
}

/* A ticket answers, though the node has forgotten the session since; and a forgotten client needs
 * no more than its next request. */
static void forgotten_session_is_answered_and_made_again(void **state)
{
    (void)state;
    uint64_t counter = ask(&clients[0], "slow");
    struct seal_ticket slow = ticket;
    for (int i = 1; i <= SESSIONS; i++)
        (void)ask(&clients[i], "quick");
    assert_int_equal(seal_node_sessions_count(node), SESSIONS);
    ticket = slow;
    answer("late");
    assert_answered(&clients[0], counter, "late");
    assert_int_equal(seal_node_exchanges_count(node), SESSIONS + 1);
    (void)ask(&clients[0], "again");
    assert_int_equal(seal_node_exchanges_count(node), SESSIONS + 2);
    assert_int_equal(seal_node_sessions_count(node), SESSIONS);
}

/* Against a list of the clients by last use: an exchange is paid exactly for those that are not
 * among the last SESSIONS; requests that do not open change nothing in it. */
static void sessions_used_last_are_remembered(void **state)
{
    (void)state;
    int last_used[CLIENTS];
    uint64_t exchanges = 0;
    for (int i = 0; i < CLIENTS; i++)
        last_used[i] = i;
    struct prng p = prng_of(10);
    int known = 0;
    for (int round = 0; round < 3000; round++) {
        /* often one of few, so that hits and misses are both common */
        int c = (int)prng_below(&p, prng_below(&p, 3) == 0 ? CLIENTS : SESSIONS + 1);
        int at = 0;
        while (last_used[at] != c)
            at++;
        bool is_known = at < known;
        if (prng_below(&p, 5) == 0) {
            buf_clear(&request);
            (void)seal_client_request(&clients[c], &request, bytes_of_text("x"));
            request.data[request.size - 1] ^= 1;
            assert_int_equal(node_takes(buf_bytes(&request)), SEAL_DROP_NOT_AUTHENTIC);
            exchanges += !is_known;
        } else {
            uint64_t counter = ask(&clients[c], "x");
            answer("y");
            assert_answered(&clients[c], counter, "y");
            exchanges += !is_known;
            known += !is_known && known < SESSIONS;
            memmove(last_used + 1, last_used, (size_t)at * sizeof last_used[0]);
            last_used[0] = c;
        }
        assert_int_equal(seal_node_exchanges_count(node), exchanges);
        assert_int_equal(seal_node_sessions_count(node), known);
    }
    assert_true(exchanges > 500 && exchanges < 2000); /* both did happen */
}

/* Any bytes may come. */
static void noise_is_dropped(void **state)
{
    (void)state;
    uint64_t counter = ask(&clients[0], "good");
    answer("good");
    struct prng p = prng_of(11);
    uint8_t noise[300];
    for (int i = 0; i < 4000; i++) {
        size_t size = prng_below(&p, sizeof noise + 1);
        bool by_node = i % 2 == 0;
        const struct buf *good = by_node ? &request : &reply;
        prng_fill(&p, noise, size);
        size_t kept = prng_below(&p, good->size);
        memcpy(noise, good->data, kept < size ? kept : size);
        assert_refused(by_node, bytes_of(noise, size), counter);
    }
    assert_int_equal(seal_node_sessions_count(node), 1);
}

#define CLIENT_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(request_and_reply_come_through),
        CLIENT_TEST(request_changed_anywhere_is_dropped),
        CLIENT_TEST(reply_changed_anywhere_is_dropped),
        CLIENT_TEST(reply_to_another_request_is_dropped),
        CLIENT_TEST(request_come_again_opens_and_replies_differ),
        CLIENT_TEST(request_to_another_node_or_chain_is_dropped),
        CLIENT_TEST(malformed_requests_and_replies_are_dropped),
        CLIENT_TEST(forgotten_session_is_answered_and_made_again),
        CLIENT_TEST(sessions_used_last_are_remembered),
        CLIENT_TEST(noise_is_dropped),
    };
    return cmocka_run_group_tests_name("seal_client", tests, NULL, NULL);
}
