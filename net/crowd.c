#include "net/crowd.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "crypto/base/check.h"
#include "net/limits.h"

enum { PORTS_MAX = 8 };

struct ports {
    size_t count;
    uint16_t items[PORTS_MAX];
};

struct guest {
    int fd;
    uint32_t silent_ms;
};

static uint16_t port_of_address(const char *address)
{
    const char *colon = strrchr(address, ':');
    CHECK(colon != NULL); /* sp_bind() took it */
    return (uint16_t)strtoul(colon + 1, NULL, 10);
}

static bool is_at(const struct ports *p, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } own = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t size = sizeof own;
    if (getsockname(fd, &own.any, &size) != 0)
        return false;
    bool is_ip = own.any.sa_family == AF_INET || own.any.sa_family == AF_INET6;
    uint16_t port = own.any.sa_family == AF_INET ? own.ipv4.sin_port : own.ipv6.sin6_port;
    for (size_t i = 0; is_ip && i < p->count; i++) {
        if (ntohs(port) == p->items[i])
            return true;
    }
    return false;
}

/* One of the connections to our ports, and no listener, nor one that is over already. */
static bool is_guest(struct guest *out, const struct ports *p, int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    if (!is_at(p, fd) || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        info.tcpi_state != TCP_ESTABLISHED)
        return false;
    *out = (struct guest){.fd = fd, .silent_ms = info.tcpi_last_data_recv};
    return true;
}

static int compare_descending(const void *a, const void *b)
{
    uint32_t x = ((const struct guest *)a)->silent_ms, y = ((const struct guest *)b)->silent_ms;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The sockets are nanomsg's, which may close one meanwhile and get another by the same number: the
 * worst of it is a connection ended that was not meant, and made again. To it an end from here is
 * one from over there. */
void crowd_thin(struct crowd_look *out, const char *const *addresses, size_t addresses_count,
                uint32_t connections_max)
{
    struct guest guests[NET_DESCRIPTORS_MAX];
    struct ports ports = {.count = addresses_count};
    CHECK(addresses_count >= 1 && addresses_count <= PORTS_MAX);
    for (size_t i = 0; i < addresses_count; i++)
        ports.items[i] = port_of_address(addresses[i]);
    *out = (struct crowd_look){0};
    for (int fd = 0; fd < NET_DESCRIPTORS_MAX; fd++)
        out->connections_count += is_guest(&guests[out->connections_count], &ports, fd);
    if (out->connections_count <= connections_max)
        return;
    qsort(guests, out->connections_count, sizeof guests[0], compare_descending);
    for (uint32_t i = 0; i < out->connections_count - connections_max; i++)
        out->ended_count += shutdown(guests[i].fd, SHUT_RDWR) == 0;
}
