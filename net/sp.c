#include "net/sp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>
#include <nanomsg/reqrep.h>
#include <nanomsg/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "crypto/base/check.h"
#include "crypto/keyfile.h"
#include "net/limits.h"

enum { HOPS_MAX = 1 }; /* askers are connected to us, with no device between */

/* ---- opening ---- */

static void set_option(int s, int level, int option, int value)
{
    CHECK(nn_setsockopt(s, level, option, &value, sizeof value) == 0);
}

enum rc sp_open(int *out, enum sp_kind kind, int frame_bytes_max, struct why *why)
{
    static const struct {
        int domain, protocol;
    } sockets[] = {
        [SP_PULL] = {AF_SP, NN_PULL},
        [SP_PUSH] = {AF_SP, NN_PUSH},
        [SP_ANSWER] = {AF_SP_RAW, NN_REP},
        /* Not nanomsg's own REQ: a reply to a request that was replaced, or a second reply to one,
         * makes it free the reply that it keeps, and use it or free it again later (nn_req_in of
         * 1.1.5), which aborts the process. Resending brings such replies about, and so may any
         * node that means ill. */
        [SP_ASK] = {AF_SP_RAW, NN_REQ},
    };
    CHECK(frame_bytes_max > 0);
    int s = nn_socket(sockets[kind].domain, sockets[kind].protocol);
    if (s < 0)
        return why_set(why, RC_FILE_IO, "no socket of nanomsg: %s", nn_strerror(nn_errno()));
    set_option(s, NN_SOL_SOCKET, NN_RCVMAXSIZE, frame_bytes_max);
    set_option(s, NN_SOL_SOCKET, NN_RECONNECT_IVL, NET_RECONNECT_MS);
    /* Small frames go one way, with the answer on another connection, so that Nagle's algorithm
     * would hold each until the one before is acknowledged, up to 40 ms later. */
    set_option(s, NN_TCP, NN_TCP_NODELAY, 1);
    if (kind == SP_ANSWER)
        set_option(s, NN_SOL_SOCKET, NN_MAXTTL, HOPS_MAX);
    *out = s;
    return RC_OK;
}

void sp_close(int s)
{
    while (nn_close(s) != 0) /* a signal may interrupt it */
        CHECK(nn_errno() == EINTR);
}

/* ---- addresses ---- */

struct sp_address {
    char host[KEY_ADDRESS_BYTES_MAX + 1]; /* without the brackets of IPv6 */
    char port[KEY_ADDRESS_BYTES_MAX + 1];
    bool is_ipv6, is_ipv4; /* neither: a name */
};

static bool address_split(struct sp_address *out, const char *address)
{
    memset(out, 0, sizeof *out);
    if (!key_address_is_valid(bytes_of_text(address)))
        return false;
    const char *colon = strrchr(address, ':');
    size_t host_bytes = (size_t)(colon - address);
    out->is_ipv6 = address[0] == '[';
    if (out->is_ipv6)
        memcpy(out->host, address + 1, host_bytes - 2);
    else
        memcpy(out->host, address, host_bytes);
    memcpy(out->port, colon + 1, strlen(colon + 1));
    struct in_addr ipv4;
    out->is_ipv4 = !out->is_ipv6 && inet_pton(AF_INET, out->host, &ipv4) == 1;
    return true;
}

enum { URL_BYTES = 128 };
struct url {
    char text[URL_BYTES];
};

static struct url url_of(const struct sp_address *a)
{
    struct url url;
    snprintf(url.text, sizeof url.text, a->is_ipv6 ? "tcp://[%s]:%s" : "tcp://%s:%s", a->host,
             a->port);
    return url;
}

static const char *cause_of(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "address already in use";
    case EADDRNOTAVAIL:
        return "not an address of this machine";
    case EACCES:
        return "not allowed: ports below 1024 belong to the administrator";
    default:
        return nn_strerror(error);
    }
}

static enum rc refuse_address(const char *what, const char *address, struct why *why)
{
    return why_set(why, RC_INVALID, "%s %.64s: must be host:port with a port from 1 to 65535", what,
                   address);
}

/* nanomsg binds to numbers only. Of a name's addresses the first of IPv4 is taken, or else the
 * first of IPv6: the same that sp_connect() tries first. Returns getaddrinfo's error, or 0. */
static int look_up(struct sp_address *a)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET}, *found = NULL;
    int error = getaddrinfo(a->host, NULL, &hints, &found);
    if (error != 0) {
        hints.ai_family = AF_INET6;
        error = getaddrinfo(a->host, NULL, &hints, &found);
    }
    if (error != 0)
        return error;
    error = getnameinfo(found->ai_addr, found->ai_addrlen, a->host, sizeof a->host, NULL, 0,
                        NI_NUMERICHOST);
    a->is_ipv6 = found->ai_family == AF_INET6;
    a->is_ipv4 = !a->is_ipv6;
    freeaddrinfo(found);
    return error;
}

bool sp_name_is_ipv6_only(const char *address)
{
    struct sp_address a;
    return address_split(&a, address) && !a.is_ipv4 && !a.is_ipv6 && look_up(&a) == 0 && a.is_ipv6;
}

enum rc sp_bind(int s, const char *what, const char *address, struct why *why)
{
    struct sp_address a;
    if (!address_split(&a, address))
        return refuse_address(what, address, why);
    int error = a.is_ipv4 || a.is_ipv6 ? 0 : look_up(&a);
    if (error != 0)
        return why_set(why, RC_INVALID, "%s %s: %s", what, address, gai_strerror(error));
    set_option(s, NN_SOL_SOCKET, NN_IPV4ONLY, !a.is_ipv6);
    if (nn_bind(s, url_of(&a).text) < 0)
        return why_set(why, RC_INVALID, "%s %s: %s", what, address, cause_of(nn_errno()));
    return RC_OK;
}

/* NN_IPV4ONLY belongs to the socket, and nanomsg reads it twice for a connection: when it starts to
 * look the name up and when it knows the address. Where the two differ, or an IPv4 address is
 * connected with NN_IPV4ONLY off, its bind to the local end fails, and its next try aborts the
 * process. Hence the family is set to what the address is, and no socket has two connections. */
enum rc sp_connect(int s, int *endpoint, const struct sp_target *target, struct why *why)
{
    struct sp_address a;
    if (!address_split(&a, target->address))
        return refuse_address(target->what, target->address, why);
    bool by_ipv6 = a.is_ipv6 || (!a.is_ipv4 && target->by_ipv6);
    set_option(s, NN_SOL_SOCKET, NN_IPV4ONLY, !by_ipv6);
    *endpoint = nn_connect(s, url_of(&a).text);
    if (*endpoint < 0)
        return why_set(why, RC_INVALID, "%s %s: %s", target->what, target->address,
                       cause_of(nn_errno()));
    return RC_OK;
}

void sp_disconnect(int s, int endpoint)
{
    CHECK(nn_shutdown(s, endpoint) == 0);
}

uint64_t sp_connections_count(int s)
{
    return nn_get_statistic(s, NN_STAT_ESTABLISHED_CONNECTIONS);
}

uint64_t sp_failures_count(int s)
{
    return nn_get_statistic(s, NN_STAT_CONNECT_ERRORS);
}

/* ---- descriptors ---- */

static int descriptor(int s, int option)
{
    int fd;
    size_t size = sizeof fd;
    CHECK(nn_getsockopt(s, NN_SOL_SOCKET, option, &fd, &size) == 0);
    return fd;
}

int sp_receive_fd(int s)
{
    return descriptor(s, NN_RCVFD);
}

int sp_send_fd(int s)
{
    return descriptor(s, NN_SNDFD);
}

bool sp_may_send(int send_fd)
{
    struct pollfd p = {.fd = send_fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* ---- frames ---- */

/* All that may stop a call that does not wait, as long as we use our own sockets rightly. */
static bool is_nothing_now(void)
{
    int error = nn_errno();
    return error == EAGAIN || error == EINTR;
}

bool sp_send(int s, struct bytes frame)
{
    if (nn_send(s, frame.data, frame.size, NN_DONTWAIT) >= 0)
        return true;
    CHECK(is_nothing_now());
    return false;
}

/* A request begins with a number whose highest bit is set, which comes back with the reply: the
 * asker's end of the way. Sealed replies say themselves what they answer, so any will do. */
bool sp_ask(int s, struct bytes frame)
{
    static const uint8_t number[SP_WAY_BYTES] = {0x80};
    uint8_t *chunk = nn_allocmsg(sizeof number + frame.size, 0);
    CHECK(chunk != NULL);
    memcpy(chunk, number, sizeof number);
    memcpy(chunk + sizeof number, frame.data, frame.size);
    if (nn_send(s, &chunk, NN_MSG, NN_DONTWAIT) >= 0)
        return true;
    CHECK(is_nothing_now());
    CHECK(nn_freemsg(chunk) == 0);
    return false;
}

static bool receive(int s, struct sp_frame *out, void *control, size_t control_bytes)
{
    void *chunk = NULL;
    struct nn_iovec part = {.iov_base = &chunk, .iov_len = NN_MSG};
    struct nn_msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = control_bytes};
    int size = nn_recvmsg(s, &header, NN_DONTWAIT);
    if (size < 0) {
        CHECK(is_nothing_now());
        return false;
    }
    *out = (struct sp_frame){.bytes = bytes_of(chunk, (size_t)size), .chunk = chunk};
    return true;
}

bool sp_receive(int s, struct sp_frame *out)
{
    return receive(s, out, NULL, 0);
}

void sp_frame_free(struct sp_frame *f)
{
    CHECK(nn_freemsg(f->chunk) == 0);
    *f = (struct sp_frame){0};
}

/* nanomsg gives the way as a control message that holds its length and then the connection's number
 * and one number per hop. Where it has no room it leaves all of it out; NN_MAXTTL sees to it that
 * there is room. It is kept as it is and given back with the reply. */
_Static_assert((int)SP_WAY_ROOM >=
                   (int)NN_CMSG_SPACE(sizeof(size_t) + (1 + HOPS_MAX) * sizeof(uint32_t)),
               "a way has room");

bool sp_receive_request(int s, struct sp_frame *out, struct sp_way *way)
{
    memset(way, 0, sizeof *way);
    return receive(s, out, way->control, sizeof way->control);
}

void sp_reply(int s, const struct sp_way *way, struct bytes frame)
{
    struct sp_way copy = *way; /* nanomsg's structs know no const */
    struct nn_iovec part = {.iov_base = (void *)(uintptr_t)frame.data, .iov_len = frame.size};
    struct nn_msghdr header = {.msg_iov = &part,
                               .msg_iovlen = 1,
                               .msg_control = copy.control,
                               .msg_controllen = sizeof copy.control};
    /* A raw REP takes everything, and drops what it cannot deliver. */
    CHECK(nn_sendmsg(s, &header, NN_DONTWAIT) >= 0 || is_nothing_now());
}
