/* The inside of peers.h: what its files share. Only net/peers*.c include this. */
#ifndef NET_PEERS_IMPL_H
#define NET_PEERS_IMPL_H

#include "net/peers.h"
#include "net/sp.h"

/* A message that waits, not sealed yet: so counters go up in the order of sending, and a new
 * session seals what waited under the old one. */
struct waiting {
    struct waiting *next;
    size_t size;
    uint8_t data[];
};

enum notice {
    NOTICE_LIVE,
    NOTICE_LIVE_ANEW,
    NOTICE_LOST,
    NOTICE_CONNECT_ANEW,
    NOTICE_OTHER_CHAIN,
    NOTICE_OTHER_VERSION,
    NOTICE_OTHER_KEYS,
    NOTICE_COUNT
};

struct peer {
    struct peers *owner;
    uint32_t index;
    bool is_open, is_watched; /* is_watched: something waits until send_fd is readable */
    int socket, endpoint, send_fd;
    struct seal_peer seal;
    struct waiting *first, *last;
    bool is_up, told_up; /* look.is_live, and what the log says of it */
    bool hello_due, confirm_due;
    bool is_unsure; /* another connection was made, and it said nothing since */
    uint64_t connections_count;
    uint64_t hello_ms, hello_next_ms;         /* the last HELLO, and the next if one is wanted */
    uint64_t called_first_ms, called_last_ms; /* HELLOs of the peer, one close after the other */
    uint64_t connected_ms;                    /* when its endpoint was made, the last time */
    uint64_t session_ms;                      /* since when the session is live */
    uint64_t told_ms[NOTICE_COUNT];
    struct peers_look look;
};

struct peers {
    struct peers_config config;
    uint64_t awake_ms; /* since when we listen without a break */
    uint64_t ran_ms;   /* the last peers_run() */
    int port;
    bool port_is_open;
    uint64_t stranger_drops;
    struct buf sealed, opened; /* the frame going out, the message coming in */
    struct peer peers[MEMBERS_MAX];
};

/* ---- peers_out.c ---- */
/* Send what is due and what waits, as far as the connection takes it. */
void peer_pump(struct peer *peer, uint64_t now_ms);
void peer_queue_clear(struct peer *peer); /* counts what it drops */

/* ---- peers_in.c ---- */
void peers_on_readable(void *context); /* the port; context is struct peers */

/* ---- peers.c ---- */
/* When something of the peer's session came last, or when we began to listen since. */
uint64_t peer_heard_ms(const struct peer *peer);
void peer_connect_anew(struct peer *peer, uint64_t now_ms);

/* ---- peers_notice.c ---- */
/* Say that the session is live, or lost, if the log says otherwise. */
void peer_tell_state(struct peer *peer, uint64_t now_ms);
void peer_tell(struct peer *peer, enum notice kind, uint64_t now_ms);
/* Why a HELLO in its name was refused, if the operators can mend it. */
void peer_tell_refused(struct peer *peer, enum seal_drop drop, struct bytes hello, uint64_t now_ms);

#endif
