/* The port for clients: a raw REP socket, so that many requests wait at once, each sealed by a
 * session of the client's with the node's link key (design 4). Bytes only. Requests are idempotent:
 * nanomsg's REQ sends them again by itself, and one that is replayed is answered again.
 *
 * One thread, that of the loop. */
#ifndef NET_CLIENTS_H
#define NET_CLIENTS_H

#include "crypto/digest.h"
#include "net/limits.h"
#include "net/loop.h"

struct clients_config {
    struct loop *loop;
    struct digest chain_id;
    const char *bind_address;   /* "host:port" */
    const uint8_t *link_secret; /* LINK_KEY_BYTES; borrows for clients_open() */
    /* A request was opened. Lends request until it returns. Is answered by clients_reply(), once,
     * now or later; number names it. */
    void (*on_request)(void *context, uint64_t number, struct bytes request);
    void *context;
};

struct clients;
/* Returns: RC_OK | RC_INVALID (address, also "in use"; words name it) | RC_FILE_IO. */
MUST_USE enum rc clients_open(struct clients **out, const struct clients_config *config,
                              struct why *why);
void clients_close(struct clients *c);
/* Answer; a number that is not waiting (answered, or forgotten because NET_CLIENT_REQUESTS_MAX were
 * waiting: the oldest goes) is ignored. Requires: at most NET_CLIENT_MSG_BYTES_MAX bytes. */
void clients_reply(struct clients *c, uint64_t number, struct bytes reply);

/* The ephemeral key of the session that a request came by; false: it is not waiting any more. */
MUST_USE bool clients_session(const struct clients *c, uint64_t number,
                              uint8_t out[static LINK_KEY_BYTES]);

struct clients_look {
    uint64_t requests_count, replies_count, waiting_count, forgotten_count, refused_count;
};
void clients_look(const struct clients *c, struct clients_look *out);

#endif
