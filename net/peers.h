/* The other replicas: one bound PULL socket for all that comes, one connected PUSH socket for each
 * (never PAIR, BUS or PUB: facts). Sealed sessions over both; a bounded queue per peer, oldest
 * dropped first; HELLO until a session lives; after silence the connection is made anew. Bytes
 * only: what is in them is node/'s. Loss is normal, nothing here blocks, and who is not in the
 * table is not heard.
 *
 * One thread, that of the loop. */
#ifndef NET_PEERS_H
#define NET_PEERS_H

#include "crypto/cert.h"
#include "crypto/link.h"
#include "net/limits.h"
#include "net/loop.h"

struct peers_member {
    const char *address; /* "host:port"; borrows until peers_close() */
    uint8_t link_key[LINK_KEY_BYTES];
    struct public_key sign_key;
};

struct peers_config {
    struct loop *loop;
    struct digest chain_id;
    uint16_t version_least, version_most; /* of the protocol, as a HELLO says them */
    uint32_t own_index;
    uint32_t members_count;
    struct peers_member members[MEMBERS_MAX];
    const char *bind_address;        /* "host:port"; NULL: the own member's */
    const uint8_t *link_secret;      /* LINK_KEY_BYTES; borrows for peers_open() */
    const struct sign_key *sign_key; /* of the own member; borrows until peers_close() */
    /* A message opened from a peer's session. Lends message until it returns. It may send, but not
     * close. */
    void (*on_message)(void *context, uint32_t from, struct bytes message);
    /* Something worth a line in the log: words lend. is_trouble: not as it should be, in whatever
     * state its session is. Rate-limited here: words of one kind about one peer come at most once a
     * minute. */
    void (*on_notice)(void *context, uint32_t peer, bool is_trouble, const char *words);
    void *context;
};

struct peers;
/* Bind and connect. Requires: link keys and addresses of the members are valid (genesis saw to it).
 * Returns: RC_OK | RC_INVALID (an address that cannot be used: words name it, and the cause,
 * "address already in use" too) | RC_FILE_IO. */
MUST_USE enum rc peers_open(struct peers **out, const struct peers_config *config, struct why *why);
void peers_close(struct peers *p);

/* Queue a message; dropped when there is no live session. Copies. Requires: 1 to
 * NET_PEER_MSG_BYTES_MAX bytes, to another member. */
void peers_send(struct peers *p, uint32_t to, struct bytes message);
/* HELLOs, silence, key renewal: call at peers_deadline_ms(), or sooner. */
void peers_run(struct peers *p, uint64_t now_ms);
uint64_t peers_deadline_ms(const struct peers *p);

struct peers_look {
    bool is_live;      /* a session is, and something of it came within NET_SILENCE_MS */
    uint64_t heard_ms; /* when something of its session came last; 0 = never */
    uint64_t sessions_count, reconnects_count;
    uint64_t sent_count, sent_bytes, received_count, received_bytes; /* messages, not HELLOs */
    uint64_t queue_bytes, queue_count, queue_drops;
    uint64_t frame_drops; /* frames in its name that were refused */
};
void peers_look(const struct peers *p, uint32_t peer, struct peers_look *out);
/* Frames that came in nobody's name, or in one's that cannot be told. */
uint64_t peers_stranger_drops(const struct peers *p);

#endif
