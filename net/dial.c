#include "net/dial.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/keyfile.h"
#include "net/loop.h"
#include "net/sp.h"

struct dial {
    char address[KEY_ADDRESS_BYTES_MAX + 1];
    int socket;
    struct seal_client seal;
    bool is_asking;
    uint64_t counter;                  /* of the request under way */
    struct buf request;                /* it, sealed */
    uint64_t asked_ms, failures_count; /* when it was asked first, and what had failed before */
    bool is_sent;
    uint64_t sent_ms, connections_count; /* when it was sent last, and in which connection */
    int timer, ready;                    /* ready: readable when the socket or the timer is */
    struct buf opened;
};

static void close_descriptors(const struct dial *d)
{
    if (d->timer >= 0)
        close(d->timer);
    if (d->ready >= 0)
        close(d->ready);
}

static void watch(const struct dial *d, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events};
    CHECK(epoll_ctl(d->ready, EPOLL_CTL_ADD, fd, &e) == 0);
}

static enum rc open_socket(struct dial *d, const char *address, struct why *why)
{
    int endpoint; /* the only one, for good */
    struct sp_target target = {
        .what = "node", .address = address, .by_ipv6 = sp_name_is_ipv6_only(address)};
    enum rc rc = sp_open(&d->socket, SP_ASK, NET_CLIENT_REPLY_BYTES_MAX + SP_WAY_BYTES, why);
    if (rc != RC_OK)
        return rc;
    rc = sp_connect(d->socket, &endpoint, &target, why);
    if (rc != RC_OK) {
        sp_close(d->socket);
        return rc;
    }
    watch(d, d->timer, EPOLLIN);
    watch(d, sp_receive_fd(d->socket), EPOLLIN);
    watch(d, sp_send_fd(d->socket), 0);
    return RC_OK;
}

enum rc dial_open(struct dial **out, const char *address,
                  const uint8_t node_link_key[static LINK_KEY_BYTES], const struct digest *chain_id,
                  struct why *why)
{
    *out = NULL;
    struct dial *d = mem_alloc(sizeof *d);
    d->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    d->ready = epoll_create1(EPOLL_CLOEXEC);
    enum rc rc = d->timer >= 0 && d->ready >= 0
                     ? open_socket(d, address, why)
                     : why_set(why, RC_FILE_IO, "no descriptors left: %s", strerror(errno));
    if (rc != RC_OK) {
        close_descriptors(d);
        mem_free(d);
        return rc;
    }
    snprintf(d->address, sizeof d->address, "%s", address);
    seal_client_init(&d->seal, &(struct seal_client_setup){
                                   .chain_id = *chain_id,
                                   .request_bytes_max = NET_CLIENT_MSG_BYTES_MAX,
                                   .reply_bytes_max = NET_CLIENT_MSG_BYTES_MAX,
                                   .node_link_public = node_link_key,
                               });
    *out = d;
    return RC_OK;
}

void dial_close(struct dial *d)
{
    if (d == NULL)
        return;
    close_descriptors(d);
    sp_close(d->socket);
    seal_client_close(&d->seal);
    buf_free(&d->request);
    buf_free(&d->opened);
    mem_free(d);
}

/* Have the time looked at again and again while a request is under way. */
static void tick_every(const struct dial *d, uint32_t ms)
{
    struct itimerspec t = {.it_interval = {.tv_nsec = (long)ms * 1000000},
                           .it_value = {.tv_nsec = (long)ms * 1000000}};
    CHECK(timerfd_settime(d->timer, 0, &t, NULL) == 0);
}

/* The descriptor for sending is ready all the time that nothing is to be sent. */
static void watch_sending(const struct dial *d, bool is_watched)
{
    struct epoll_event e = {.events = is_watched ? EPOLLIN : 0};
    CHECK(epoll_ctl(d->ready, EPOLL_CTL_MOD, sp_send_fd(d->socket), &e) == 0);
}

static void ask(struct dial *d)
{
    uint64_t count = sp_connections_count(d->socket);
    d->sent_ms = loop_now_ms();
    if (count != d->connections_count) /* somebody listens, or did until now */
        d->failures_count = sp_failures_count(d->socket);
    d->connections_count = count;
    d->is_sent = sp_ask(d->socket, buf_bytes(&d->request));
    watch_sending(d, !d->is_sent);
}

/* What went into a connection that is no more is lost. */
void dial_run(struct dial *d)
{
    uint64_t ticks;
    ssize_t got = read(d->timer, &ticks, sizeof ticks);
    CHECK(got == (ssize_t)sizeof ticks || errno == EAGAIN || errno == EINTR);
    if (d->is_asking && (!d->is_sent || loop_now_ms() - d->sent_ms >= NET_RESEND_MS ||
                         sp_connections_count(d->socket) != d->connections_count))
        ask(d);
}

const uint8_t *dial_session(const struct dial *d)
{
    return seal_client_name(&d->seal);
}

void dial_send(struct dial *d, struct bytes request)
{
    CHECK(request.size <= NET_CLIENT_MSG_BYTES_MAX);
    buf_clear(&d->request);
    d->counter = seal_client_request(&d->seal, &d->request, request);
    d->is_asking = true;
    d->asked_ms = loop_now_ms();
    d->failures_count = sp_failures_count(d->socket);
    tick_every(d, NET_RECONNECT_MS);
    ask(d);
}

bool dial_is_refused(const struct dial *d)
{
    return d->is_asking && loop_now_ms() - d->asked_ms >= NET_REFUSED_MS &&
           sp_failures_count(d->socket) - d->failures_count >= NET_REFUSED_TRIES;
}

/* A reply that nothing is asked for, or that does not open, may be one to an older request. */
bool dial_take(struct dial *d, struct buf *reply)
{
    struct sp_frame frame;
    while (sp_receive(d->socket, &frame)) {
        bool is_it = d->is_asking &&
                     seal_client_take(&d->seal, &d->opened, frame.bytes, d->counter) == SEAL_KEEP;
        sp_frame_free(&frame);
        if (!is_it)
            continue;
        buf_add_bytes(reply, buf_bytes(&d->opened));
        d->is_asking = false;
        tick_every(d, 0);
        watch_sending(d, false);
        return true;
    }
    dial_run(d);
    return false;
}

int dial_fd(const struct dial *d)
{
    return d->ready;
}

static int left_ms(uint64_t until_ms)
{
    uint64_t now_ms = loop_now_ms();
    if (now_ms >= until_ms)
        return 0;
    return until_ms - now_ms < INT_MAX ? (int)(until_ms - now_ms) : INT_MAX;
}

enum rc dial_ask(struct dial *d, struct bytes request, struct buf *reply, uint32_t timeout_ms,
                 struct why *why)
{
    uint64_t until_ms = loop_now_ms() + timeout_ms;
    struct pollfd p = {.fd = dial_fd(d), .events = POLLIN};
    dial_send(d, request);
    while (!dial_take(d, reply)) {
        int timeout = left_ms(until_ms);
        if (timeout == 0)
            return why_set(why, RC_TIMEOUT,
                           "%s: no answer within %" PRIu32 " ms: see that the node runs, that this "
                           "is its client address, and that the genesis file is the network's",
                           d->address, timeout_ms);
        (void)poll(&p, 1, timeout); /* a signal only has us look again */
    }
    return RC_OK;
}
