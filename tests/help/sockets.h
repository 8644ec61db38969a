/* Plain TCP for tests of the network: free ports, and what strangers do to an open one. */
#ifndef TESTS_HELP_SOCKETS_H
#define TESTS_HELP_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SOCKETS_ADDRESS_BYTES = 32 };
struct sockets_address {
    char text[SOCKETS_ADDRESS_BYTES]; /* "127.0.0.1:port" */
    uint16_t port;
};

/* A port of the loopback that is free now; two calls in a row give two. */
struct sockets_address sockets_free_address(void);
/* Whether names can be looked up here. nanomsg does that with getaddrinfo_a(), and glibc starts its
 * thread where ThreadSanitizer cannot see it: the process then crashes, with ten lines of C too. */
bool sockets_can_look_up(void);
/* Listen there; the caller closes it. */
int sockets_listen(uint16_t port);
/* Connect there, at once; the caller closes it. */
int sockets_connect(uint16_t port);
void sockets_write(int fd, const void *data, size_t size);
void sockets_read(int fd, void *data, size_t size);
/* Nothing more will come: the other side closed it. Waits for that. */
bool sockets_is_ended(int fd);

/* The handshake of nanomsg, as the protocol with that number (REQ 48, REP 49, PUSH 80, PULL 81). */
enum { SP_NUMBER_REQ = 48, SP_NUMBER_REP = 49, SP_NUMBER_PUSH = 80, SP_NUMBER_PULL = 81 };
void sockets_greet(int fd, uint16_t protocol);
/* Announce a message of size bytes, without sending it. */
void sockets_announce(int fd, uint64_t size);
/* Send one whole. */
void sockets_send(int fd, const void *data, size_t size);

#endif
