/* Up to four replicas with real sockets on the loopback, each with a loop of its own, so that one
 * can be left alone as if it were stopped. What they hear is checked as it comes: messages are
 * numbered and say their own bytes. */
#ifndef TESTS_HELP_NET_WORLD_H
#define TESTS_HELP_NET_WORLD_H

#include "net/peers.h"
#include "tests/help/sockets.h"

enum { NET_WORLD_MAX = 4, NET_WORLD_WORDS = 2048 };

struct net_world_heard {
    uint64_t count, last_number; /* numbers only go up, or the test fails */
    size_t last_bytes;
};

struct net_world_member {
    struct loop *loop;
    struct peers *peers; /* NULL while closed */
    struct peers_config config;
    struct sockets_address address;
    struct sign_key sign;
    uint8_t link_secret[LINK_KEY_BYTES];
    bool is_stopped;    /* its loop does not run */
    bool is_timeless;   /* its loop runs, its peers_run() does not */
    uint64_t ahead_ms;  /* its peers_run() is told a time so far ahead */
    uint64_t fixed_ms;  /* unless 0: its peers_run() is told this time again and again */
    uint32_t turn_most; /* messages taken in one turn of its loop, at most so far */
    struct net_world_heard heard[NET_WORLD_MAX];
    char notices[NET_WORLD_MAX][NET_WORLD_WORDS]; /* about each peer, one line each */
    uint32_t troubles[NET_WORLD_MAX];             /* how many of these lines are of trouble */
};

struct net_world {
    uint32_t count;
    struct net_world_member members[NET_WORLD_MAX];
};

/* Keys, free addresses and configurations; nobody is open yet. */
void net_world_start(struct net_world *w, uint32_t count);
void net_world_end(struct net_world *w);
void net_world_open(struct net_world *w, uint32_t index);
void net_world_close(struct net_world *w, uint32_t index);
void net_world_open_all(struct net_world *w);

/* Send message number n, of that many bytes (8 at least). */
void net_world_send(struct net_world *w, uint32_t from, uint32_t to, uint64_t number, size_t size);

/* One turn of everybody who is open and not stopped. */
void net_world_turn(struct net_world *w);
/* Turns until the condition holds; fails the test when it does not for a minute. */
#define net_world_until(w, condition)                                                              \
    do {                                                                                           \
        uint64_t until_ms_ = loop_now_ms() + 60 * 1000;                                            \
        while (!(condition)) {                                                                     \
            net_world_turn(w);                                                                     \
            if (loop_now_ms() > until_ms_)                                                         \
                fail_msg("not within a minute: %s", #condition);                                   \
        }                                                                                          \
    } while (0)

bool net_world_all_live(const struct net_world *w);
bool net_world_is_live(const struct net_world *w, uint32_t at, uint32_t peer);
struct peers_look net_world_look(const struct net_world *w, uint32_t at, uint32_t peer);
/* Message number n came to one member from another. */
bool net_world_came(const struct net_world *w, uint32_t to, uint32_t from, uint64_t number);

#endif
