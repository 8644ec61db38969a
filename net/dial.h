/* The tool's side of the client port: one REQ socket and one sealed session to one node. */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "crypto/digest.h"
#include "net/limits.h"

struct dial;
/* Connects in the background: a node that is not there yet is no error here. A name is looked up,
 * and waited for.
 * Returns: RC_OK | RC_INVALID (the address). */
MUST_USE enum rc dial_open(struct dial **out, const char *address,
                           const uint8_t node_link_key[static LINK_KEY_BYTES],
                           const struct digest *chain_id, struct why *why);
void dial_close(struct dial *d);

/* The ephemeral key of its session, for good: LINK_KEY_BYTES. Lends. */
const uint8_t *dial_session(const struct dial *d);

/* Send a request; one is under way at a time, a new one takes its place (its reply is then
 * ignored). It goes out when there is a connection, and goes again when it may be lost, until it is
 * replied to or replaced: by dial_take(), to be called whenever dial_fd() is readable. Copies.
 * Requires: at most NET_CLIENT_MSG_BYTES_MAX bytes. */
void dial_send(struct dial *d, struct bytes request);
/* Send what is due, as dial_take() does too. */
void dial_run(struct dial *d);
/* Nobody listens at the address, or no way leads there: since dial_send() NET_REFUSED_TRIES to
 * connect have failed, with no success between, and NET_REFUSED_MS have passed. It goes on trying
 * all the same, so this may change. False while nothing is asked, and of a node that only says
 * nothing.
 */
bool dial_is_refused(const struct dial *d);
/* Take the reply if it has come: true, and *reply appended to. What does not open
 * is dropped. */
MUST_USE bool dial_take(struct dial *d, struct buf *reply);
int dial_fd(const struct dial *d); /* readable when dial_take() has something to do: for poll() */
/* Send and wait. Returns: RC_OK | RC_TIMEOUT (words: the address, and what may be wrong). */
MUST_USE enum rc dial_ask(struct dial *d, struct bytes request, struct buf *reply,
                          uint32_t timeout_ms, struct why *why);

#endif
