/* The node's end of its clients' sealed sessions; layouts and promises are in seal_client.h. No
 * I/O, no clock; all memory at the start, besides the buffers given.
 *
 * A session is nothing but two keys made from the client's ephemeral by one X25519 (45 us). The
 * table spares making them again for each request, and remembers those used last; one that was
 * forgotten is made again with its next request, so forgetting loses nothing. A session is
 * remembered only after a request has opened under it (pitfalls H8). Anybody can make many, and so
 * have others forgotten: that costs the stranger as much as the node. Noise with an ephemeral never
 * seen costs the node one exchange and the stranger nothing: requests need a budget of their own
 * (pitfalls I4), which is not this module's. */
#ifndef CRYPTO_SEAL_NODE_H
#define CRYPTO_SEAL_NODE_H

#include "crypto/seal.h"

struct seal_node_setup {
    struct digest chain_id;
    const uint8_t *link_secret;                /* LINK_KEY_BYTES; borrows for seal_node_new() */
    uint32_t sessions_count_max;               /* to remember: 1..2^20, 112 bytes each */
    size_t request_bytes_max, reply_bytes_max; /* of messages; longer ones never pass */
    seal_random *random;                       /* NULL: crypto_random() */
    void *random_context;
};

struct seal_node;
/* Requires: what the setup says. */
struct seal_node *seal_node_new(const struct seal_node_setup *setup);
void seal_node_free(struct seal_node *n); /* wipes it; NULL is fine */

/* What a reply needs, however late it is given and whatever the table forgot meanwhile. Holds a
 * secret: crypto_wipe() it when done. */
struct seal_ticket {
    uint8_t ephemeral[LINK_KEY_BYTES]; /* the client's: it names the session */
    uint64_t counter;
    struct seal_secret reply_key;
};

/* Judge a request; any bytes. opened becomes the message, or empty; *ticket is set when kept. The
 * same request opens as often as it comes. */
MUST_USE enum seal_drop seal_node_take(struct seal_node *n, struct seal_ticket *ticket,
                                       struct buf *opened, struct bytes bytes);
/* Append the reply to a request to out; several to one ticket are fine.
 * Requires: message.size <= reply_bytes_max; message does not lie in out. */
void seal_node_reply(struct seal_node *n, struct buf *out, const struct seal_ticket *ticket,
                     struct bytes message);

uint32_t seal_node_sessions_count(const struct seal_node *n);  /* remembered now */
uint64_t seal_node_exchanges_count(const struct seal_node *n); /* X25519s paid so far */

#endif
