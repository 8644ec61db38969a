#include "tests/help/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/base/check.h"

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int bound(uint16_t port)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = loopback(port);
    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
    CHECK(bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

struct sockets_address sockets_free_address(void)
{
    struct sockets_address address;
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    int fd = bound(0);
    CHECK(getsockname(fd, (struct sockaddr *)&at, &size) == 0);
    close(fd);
    address.port = ntohs(at.sin_port);
    snprintf(address.text, sizeof address.text, "127.0.0.1:%u", address.port);
    return address;
}

bool sockets_can_look_up(void)
{
#ifdef __has_feature
    return !__has_feature(thread_sanitizer);
#elif defined(__SANITIZE_THREAD__)
    return false;
#else
    return true;
#endif
}

int sockets_listen(uint16_t port)
{
    int fd = bound(port);
    CHECK(listen(fd, 16) == 0);
    return fd;
}

int sockets_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = loopback(port);
    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

void sockets_write(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t wrote = send(fd, at, size, MSG_NOSIGNAL);
        if (wrote < 0 && (errno == EPIPE || errno == ECONNRESET))
            return; /* whoever is written to may hang up at any time */
        CHECK(wrote > 0);
        at += wrote;
        size -= (size_t)wrote;
    }
}

void sockets_read(int fd, void *data, size_t size)
{
    uint8_t *at = data;
    while (size > 0) {
        ssize_t got = recv(fd, at, size, 0);
        CHECK(got > 0);
        at += got;
        size -= (size_t)got;
    }
}

bool sockets_is_ended(int fd)
{
    uint8_t room[256];
    ssize_t got;
    do
        got = recv(fd, room, sizeof room, 0);
    while (got > 0);
    return got == 0 || errno == ECONNRESET;
}

void sockets_greet(int fd, uint16_t protocol)
{
    uint8_t mine[8] = {0, 'S', 'P', 0, (uint8_t)(protocol >> 8), (uint8_t)protocol, 0, 0};
    uint8_t its[8];
    sockets_write(fd, mine, sizeof mine);
    sockets_read(fd, its, sizeof its);
    CHECK(memcmp(its, "\0SP", 4) == 0);
}

void sockets_announce(int fd, uint64_t size)
{
    uint8_t header[8];
    for (int i = 0; i < 8; i++)
        header[i] = (uint8_t)(size >> (56 - 8 * i));
    sockets_write(fd, header, sizeof header);
}

void sockets_send(int fd, const void *data, size_t size)
{
    sockets_announce(fd, size);
    sockets_write(fd, data, size);
}
