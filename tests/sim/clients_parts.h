/* What clients.c (how a transaction is seen through) and clients_tx.c (what it says) share. Nobody
 * else includes this. */
#ifndef TESTS_SIM_CLIENTS_PARTS_H
#define TESTS_SIM_CLIENTS_PARTS_H

#include "ledger/tx.h"
#include "tests/sim/sim.h"

enum {
    /* The clients of the plan, and the bank, which issues and redeems. */
    CLIENTS_MAX = SIM_KEYS_MAX + 1,
    /* Of one nonce: two that conflict, what refills it after both expired, a cancel. */
    TRIES_MAX = 4,
    ACCOUNT_ROOM = ACCOUNT_BYTES_MAX + 1
};

/* What a transaction is made to meet. */
enum try_kind {
    TRY_PLAIN,     /* nothing stands against it */
    TRY_OVERDRAFT, /* it is refused, unless its owner becomes rich */
    TRY_EXPIRING,  /* valid for a few heights */
    TRY_CANCEL     /* fills a nonce that something better did not */
};

/* One transaction: these very bytes are sent, to one node after the other, until its fate is known.
 */
struct
try {
    enum try_kind kind;
    struct buf bytes;
    struct digest txid;
    uint64_t valid_until_height; /* 0: for ever */
    bool is_refused;             /* for now: it is not sent any more, and may commit all the same */
    bool is_dead;                /* rejected: it never commits */
    uint32_t next_node;          /* who gets it next */
    uint32_t sends_count;
    uint32_t unknown_count; /* of answers that it was taken and is pending */
    struct trip *timer;     /* when it is sent again; NULL: not by itself */
};

/* One nonce of a key, open until one of its transactions is known to be committed. */
struct slot {
    struct slot *next;
    uint64_t nonce;
    uint32_t tries_count;
    struct try tries[TRIES_MAX];
    struct try *chosen; /* a rejection named it as the committed one; its receipt is asked for */
    bool is_echo;       /* its receipt is here; the same bytes were sent once more */
};

struct client {
    char name[PARTICIPANT_BYTES_MAX + 1];
    struct sign_key key;
    uint64_t last_nonce; /* the last one given to a slot */
    struct slot *slots;  /* ascending by nonce */
};

struct sim_clients {
    uint32_t count; /* the last one is the bank */
    struct client clients[CLIENTS_MAX];
    struct trip *trips; /* all that is under way, and timers */
    bool is_stopped;    /* nothing new */
    uint64_t big_bytes; /* of records so far */
};

void clients_make_key(struct client *c, const char *name, uint64_t seed);
/* The account of a client: "c3/main" (0) or "c3/side" (1). */
struct bytes clients_account(char out[static ACCOUNT_ROOM], const struct client *c, uint32_t which);
/* Draw and sign a transaction for a nonce into a try that is empty. */
void clients_draw_tx(struct sim *s, struct client *c, uint64_t nonce, enum try_kind kind,
                     struct try *out);

#endif
