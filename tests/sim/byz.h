/* Byzantine members of a simulated consortium, as the rest of the simulator sees them: who they
 * are, what they may do, and the few places at which the world asks them.
 *
 * A Byzantine member runs a real driver, so that it does plausible work; what that one sends passes
 * through the member's ways, which change, sign again, multiply, hold back, redirect and replay it,
 * and speak unasked besides. All of them share one memory of all that any of them has seen. What
 * none can do is sign with another's key: the world is as safe as its signatures.
 *
 * The checkers look at correct members alone. With at most f Byzantine ones they must find nothing;
 * in marked runs there are f+1, and then they must be able to see a fork. */
#ifndef TESTS_SIM_BYZ_H
#define TESTS_SIM_BYZ_H

#include <stdio.h>

#include "crypto/base/bytes.h"

/* Everything a Byzantine member may do, and how often it did is called in a summary. */
#define SIM_BYZ_LIST(X)                                                                            \
    X(BYZ_SILENCE, "silent")               /* says nothing */                                      \
    X(BYZ_SHUNNING, "silent to some")      /* says nothing to some */                              \
    X(BYZ_DELAY, "delayed")                /* by almost one of the protocol's times */             \
    X(BYZ_EQUIVOCATION, "equivocated")     /* two blocks, and votes for both */                    \
    X(BYZ_BAD_BLOCK, "invalid blocks")     /* of every kind of invalid */                          \
    X(BYZ_OMISSION, "omitted")             /* transactions of one client are never heard */        \
    X(BYZ_VOTE_LIE, "lies in votes")       /* another digest, height, view or block */             \
    X(BYZ_STATUS_LIE, "in STATUS")         /* every field of it */                                 \
    X(BYZ_DATA_LIE, "in DATA")             /* other blocks, certificates, PRE-PREPAREs */          \
    X(BYZ_GARBLE, "garbled bodies")        /* a byte of what is relayed differs */                 \
    X(BYZ_WITHHOLDING, "withheld")         /* certificates and bodies */                           \
    X(BYZ_CHECKPOINT_LIE, "CHECKPOINTs")   /* another root */                                      \
    X(BYZ_VIEW_CHANGE_LIE, "VIEW-CHANGEs") /* an old high, or none */                              \
    X(BYZ_NEW_VIEW_LIE, "NEW-VIEWs")       /* of another subset; two of them */                    \
    X(BYZ_COMPLAINT, "complaints")         /* without a reason */                                  \
    X(BYZ_FORGERY, "forged")               /* in another's name */                                 \
    X(BYZ_REPLAY, "replayed")              /* anything that was ever seen */                       \
    X(BYZ_FLOOD, "floods")                                                                         \
    X(BYZ_HUGE, "huge numbers") /* views, heights, counters */                                     \
    X(BYZ_SQUATTING, "squats")  /* clients of theirs, on nonces and on room */                     \
    X(BYZ_TWIN, "twin phases")  /* one identity run twice, in two parts of the network */          \
    X(BYZ_STINGINESS, "CHECKPOINTs withheld") /* and their certificates, from some or all */
enum sim_byz_way {
#define X(name, word) name,
    SIM_BYZ_LIST(X)
#undef X
        SIM_BYZ_COUNT
};

enum {
    SIM_BYZ_MEMBERS_MAX = 13, /* SIM_NODES_MAX */
    SIM_TWINS_MAX = 2,        /* second drivers in one run */
    SIM_BYZ_CLIENTS = 2,      /* keys of clients that are with them */
    SIM_FORK_SEEN = 3         /* the status of a process whose marked run showed the fork */
};

struct sim_byz_plan {
    uint32_t members; /* bits; 0: all are correct */
    bool is_marked;   /* there are f+1 of them */
    bool is_fork;     /* and they do nothing but what makes one */
    /* One withholds its CHECKPOINTs whenever a correct one knows that its state rotted, and does
     * nothing else: nothing is certified then, and that one has to take what was (8.3, 9.3). */
    bool is_stingy;
    bool is_faultless;                      /* nothing at all goes wrong; any load */
    uint32_t ways[SIM_BYZ_MEMBERS_MAX];     /* of each, bits of enum sim_byz_way */
    uint32_t strength_ppm[SIM_BYZ_COUNT];   /* of messages, or of moments */
    uint32_t shunned[SIM_BYZ_MEMBERS_MAX];  /* bits: to whom it is silent */
    uint32_t withheld[SIM_BYZ_MEMBERS_MAX]; /* bits: from whom it withholds its CHECKPOINTs */
    uint64_t delay_us[SIM_BYZ_MEMBERS_MAX]; /* of what it delays */
    uint32_t half;                          /* bits: who is shown the second of two things */
    uint32_t victim;                        /* index of the client that is omitted */
    uint32_t moments_per_second;            /* at which each speaks unasked */
};

struct sim;
struct sim_plan;
struct sim_packet;
struct sim_counts;
struct driver_answer;

/* ---- the plan ---- */
/* Draw who is Byzantine and how, by numbers of its own: the rest of the plan stays as it was drawn,
 * but that faultless runs lose its faults. */
void sim_byz_draw(struct sim_plan *plan);
/* The plan becomes one in which f+1 members make a fork: n is 3f+1, nothing else goes wrong. */
void sim_byz_plan_fork(struct sim_plan *plan);
/* The plan becomes one in which nothing goes wrong, at any load: nobody complains (6.1, 6.3). */
void sim_byz_plan_faultless(struct sim_plan *plan);
void sim_byz_plan_print(FILE *to, const struct sim_plan *plan);
void sim_byz_print_counts(FILE *to, const struct sim_counts *counts);

/* ---- a run ---- */
void sim_byz_open(struct sim *s);  /* before the genesis is made */
void sim_byz_start(struct sim *s); /* all nodes have started */
void sim_byz_close(struct sim *s);
/* Also true of the second driver of a twin, which stands behind all members. */
bool sim_is_byzantine(const struct sim *s, uint32_t node_index);
/* Who of the members is: bits. */
uint32_t sim_byzantine(const struct sim *s);
/* Whether what is pending has to be decided in the end: not in marked runs, nor, where the replicas
 * do not change views, under a Byzantine primary. */
bool sim_byz_is_live(const struct sim *s);
/* How much longer that may take because of them. */
uint64_t sim_byz_bound_ms(const struct sim *s);
/* A property is violated. In marked runs, and for what f+1 can bring about, this does not return:
 * the process ends with SIM_FORK_SEEN. */
void sim_byz_on_violation(struct sim *s, const char *property);
/* More clients for the genesis: each entry behind a comma. */
void sim_byz_initial(const struct sim *s, struct buf *participants_json, struct buf *balances_json);

/* ---- where they stand in the way of things ---- */
/* The driver of a Byzantine node wants this sent. */
void sim_byz_send(struct sim *s, uint32_t node_index, uint32_t to, struct bytes message);
/* A message comes to a member. Returns the node that gets it: of a twin one or the other;
 * UINT32_MAX: nobody. */
uint32_t sim_byz_arrives(struct sim *s, uint32_t from, uint32_t to, struct bytes message);
/* Whether a Byzantine node passes over a client's request in silence. */
bool sim_byz_ignores_tx(struct sim *s, uint32_t node_index, struct bytes tx);
/* An answer of a node: true when it is not for one of the plan's clients, or a Byzantine node keeps
 * it for itself. */
bool sim_byz_takes_answer(struct sim *s, uint32_t node_index, uint64_t client,
                          const struct driver_answer *answer);

#endif
