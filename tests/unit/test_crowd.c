/* Too many connections: those which said nothing for longest are ended, and no others. */
#include "tests/help/unit.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "net/crowd.h"
#include "tests/help/sockets.h"

enum { GUESTS = 6 };

/* A port with guests, both ends of each. */
struct house {
    struct sockets_address address;
    int listener;
    int theirs[GUESTS], ours[GUESTS];
};

static void open_house(struct house *h)
{
    h->address = sockets_free_address();
    h->listener = sockets_listen(h->address.port);
    for (int i = 0; i < GUESTS; i++) {
        h->theirs[i] = sockets_connect(h->address.port);
        h->ours[i] = accept(h->listener, NULL, NULL);
        CHECK(h->ours[i] >= 0);
    }
}

static void close_house(const struct house *h)
{
    for (int i = 0; i < GUESTS; i++) {
        close(h->theirs[i]);
        close(h->ours[i]);
    }
    close(h->listener);
}

static bool is_over(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) == 1;
}

static struct crowd_look thin(const struct house *a, const struct house *b, uint32_t most)
{
    struct crowd_look look;
    const char *addresses[] = {a->address.text, b != NULL ? b->address.text : NULL};
    crowd_thin(&look, addresses, b != NULL ? 2 : 1, most);
    return look;
}

/* The clock that silence is measured with has steps of up to 10 ms. */
static void let_time_pass(void)
{
    CHECK(poll(NULL, 0, 50) == 0);
}

static void say(int from, int to)
{
    uint8_t byte = 1;
    sockets_write(from, &byte, 1);
    sockets_read(to, &byte, 1);
}

static void as_many_as_may_be_all_stay(void **state)
{
    (void)state;
    struct house h;
    open_house(&h);
    struct crowd_look look = thin(&h, NULL, GUESTS);
    assert_int_equal(look.connections_count, GUESTS);
    assert_int_equal(look.ended_count, 0);
    for (int i = 0; i < GUESTS; i++)
        assert_false(is_over(h.theirs[i]));
    close_house(&h);
}

static void those_silent_for_longest_are_ended(void **state)
{
    (void)state;
    struct house h;
    open_house(&h);
    let_time_pass();
    say(h.theirs[0], h.ours[0]); /* the first to come, and the last to speak */
    say(h.theirs[3], h.ours[3]);
    struct crowd_look look = thin(&h, NULL, 2);
    assert_int_equal(look.connections_count, GUESTS);
    assert_int_equal(look.ended_count, GUESTS - 2);
    for (int i = 0; i < GUESTS; i++)
        assert_int_equal(is_over(h.theirs[i]), i != 0 && i != 3);
    close_house(&h);
}

/* What is over is not counted again, while its owner has not closed it yet. */
static void what_was_ended_counts_no_more(void **state)
{
    (void)state;
    struct house h;
    open_house(&h);
    assert_int_equal(thin(&h, NULL, 2).ended_count, GUESTS - 2);
    struct crowd_look look = thin(&h, NULL, 2);
    assert_int_equal(look.connections_count, 2);
    assert_int_equal(look.ended_count, 0);
    close_house(&h);
}

/* Connections out of here, as to other replicas, and to ports that are not named. */
static void other_connections_are_let_alone(void **state)
{
    (void)state;
    struct house named, other;
    open_house(&named);
    open_house(&other);
    assert_int_equal(thin(&named, NULL, 0).ended_count, GUESTS);
    for (int i = 0; i < GUESTS; i++) {
        assert_true(is_over(named.theirs[i]));
        assert_false(is_over(other.theirs[i]));
        assert_false(is_over(other.ours[i]));
    }
    int late = sockets_connect(named.address.port); /* it is open still */
    close(late);
    close_house(&named);
    close_house(&other);
}

static void both_ports_share_the_number(void **state)
{
    (void)state;
    struct house a, b;
    open_house(&a);
    let_time_pass();
    open_house(&b);
    struct crowd_look look = thin(&a, &b, GUESTS);
    assert_int_equal(look.connections_count, 2 * GUESTS);
    assert_int_equal(look.ended_count, GUESTS);
    for (int i = 0; i < GUESTS; i++) {
        assert_true(is_over(a.theirs[i]));
        assert_false(is_over(b.theirs[i]));
    }
    close_house(&a);
    close_house(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        TEST(as_many_as_may_be_all_stay),    TEST(those_silent_for_longest_are_ended),
        TEST(what_was_ended_counts_no_more), TEST(other_connections_are_let_alone),
        TEST(both_ports_share_the_number),
    };
    return cmocka_run_group_tests_name("crowd", tests, NULL, NULL);
}
