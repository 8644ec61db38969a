/* Sockets of nanomsg, with what this project needs of them and its own words for what goes wrong.
 * Only net/sp.c includes nanomsg. Nothing here blocks, but for names that are looked up
 * in sp_bind() and sp_name_is_ipv6_only(), and sp_close() while nanomsg looks one up.
 *
 * Addresses are "host:port" with a host of [A-Za-z0-9.-] or [IPv6], as key_address_is_valid()
 * judges them. */
#ifndef NET_SP_H
#define NET_SP_H

#include "crypto/base/bytes.h"

enum sp_kind {
    SP_PULL,   /* takes from all who connect */
    SP_PUSH,   /* gives to the one it connected to; nothing comes in */
    SP_ANSWER, /* raw REP: many requests at once, each with its way back */
    SP_ASK     /* raw REQ: requests go by sp_ask(); which reply is to which, the asker judges */
};

/* frame_bytes_max becomes NN_RCVMAXSIZE: who announces a longer frame loses his connection, and
 * nanomsg reserves no more than that for a header that a stranger sends (pitfalls K3, K4). It
 * counts SP_WAY_BYTES too, where there is a way. Requires: frame_bytes_max > 0.
 * Returns: RC_OK | RC_FILE_IO (no sockets or descriptors left). */
MUST_USE enum rc sp_open(int *out, enum sp_kind kind, int frame_bytes_max, struct why *why);
void sp_close(int s);

/* what says in the words what the address is for: "<what> <address>: <cause>".
 * Returns: RC_OK | RC_INVALID. */
MUST_USE enum rc sp_bind(int s, const char *what, const char *address, struct why *why);
/* Connect in the background, again and again; a name is looked up each time. *endpoint says which
 * connection it is. A name is taken for its IPv4 address, or with by_ipv6 for its IPv6 address if
 * it has one. Requires: the socket has no other connection. Returns: as sp_bind(). */
struct sp_target {
    const char *what, *address;
    bool by_ipv6;
};
MUST_USE enum rc sp_connect(int s, int *endpoint, const struct sp_target *target, struct why *why);
/* What was accepted for sending and is not on its way is lost. */
void sp_disconnect(int s, int endpoint);
/* A name that has an IPv6 address and none of IPv4. Looks it up, and waits for that. */
bool sp_name_is_ipv6_only(const char *address);
/* How many connections it made so far: when it goes up, another program may sit at the other end.
 */
uint64_t sp_connections_count(int s);
/* How many of its tries to connect have failed: refused, or no way there. A name that is not found
 * is no try. */
uint64_t sp_failures_count(int s);

int sp_receive_fd(int s); /* readable while sp_receive() has something; not for SP_PUSH */
int sp_send_fd(int s);    /* SP_PUSH, SP_ASK: readable while something would be taken */
MUST_USE bool sp_may_send(int send_fd);

/* False when it cannot be taken now, for want of a connection as well. Copies. */
MUST_USE bool sp_send(int s, struct bytes frame);
/* The same for SP_ASK. */
MUST_USE bool sp_ask(int s, struct bytes frame);

struct sp_frame {
    struct bytes bytes; /* lives until sp_frame_free() */
    void *chunk;
};
/* False when nothing is there; that may be so although others wait (pitfalls K10): do not wait for
 * an edge. */
MUST_USE bool sp_receive(int s, struct sp_frame *out);
void sp_frame_free(struct sp_frame *f);

/* The way back to who sent a request: nanomsg's number of the connection, and the asker's of the
 * request. SP_WAY_BYTES of it travel with each request and each reply. */
enum { SP_WAY_BYTES = 4, SP_WAY_ROOM = 64 };
struct sp_way {
    _Alignas(8) uint8_t control[SP_WAY_ROOM];
};
/* The same for SP_ANSWER. */
MUST_USE bool sp_receive_request(int s, struct sp_frame *out, struct sp_way *way);
/* To an asker who is gone or slow it is dropped. */
void sp_reply(int s, const struct sp_way *way, struct bytes frame);

#endif
