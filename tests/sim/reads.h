/* Reads in a simulated consortium (rule 11): clients that read accounts, as `hansa account` does,
 * linearizable, proved or local; the node's own serve, which answers them; and what Byzantine
 * members answer in its place. Questions and answers are delayed, lost, doubled and late as the
 * plan's network has it.
 *
 * All that happens here is drawn from numbers of its own, and nothing here touches a driver: with
 * and without reads a seed's other events are the same, up to how soon its end is seen. */
#ifndef TESTS_SIM_READS_H
#define TESTS_SIM_READS_H

#include "crypto/base/bytes.h"
#include "tests/sim/byz.h"

enum sim_read_kind { SIM_READ_LINEAR, SIM_READ_PROVED, SIM_READ_LOCAL, SIM_READ_KINDS };

/* What a Byzantine member answers. All of them tell one read the same lie: together they are f. */
#define SIM_READ_LIE_LIST(X)                                                                       \
    X(SIM_READ_SILENT, "silent")                                                                   \
    X(SIM_READ_WRONG, "wrong values")                                                              \
    X(SIM_READ_STALE, "old values")     /* of the height that the others name */                   \
    X(SIM_READ_PAST, "all of the past") /* value, height and high as they once were */             \
    X(SIM_READ_ABSENT, "absent")        /* there is no such account */                             \
    X(SIM_READ_HEIGHT, "other heights") /* below and above its certificate */                      \
    X(SIM_READ_HIGH, "other highs")     /* none, or one that nobody signed */                      \
    X(SIM_READ_GARBLED, "garbled")
enum sim_read_lie {
#define X(name, word) name,
    SIM_READ_LIE_LIST(X)
#undef X
        SIM_READ_LIE_COUNT
};

struct sim_reads_plan {
    uint32_t per_second;                    /* of all clients; 0: none */
    uint32_t proved_percent, local_percent; /* of them; the others are linearizable */
    uint32_t lies_bits;                     /* bits of enum sim_read_lie */
    uint32_t lies_ppm;                      /* of answers of Byzantine members */
};

enum { SIM_READ_ACCOUNTS_MAX = 3 }; /* of one read, all from one state */
/* What is said of an account's balance; one that was never touched has none. */
struct sim_read_entry {
    struct bytes account;
    bool is_present;
    uint64_t amount, entries_count;
};

struct sim;
struct sim_plan;
struct sim_node;
struct sim_packet;

/* ---- the plan ---- */
/* By numbers of its own: the rest of the plan stays as it was drawn, but for T_read. */
void sim_reads_draw(struct sim_plan *plan);

/* ---- clients (reads.c) ---- */
void sim_reads_open(struct sim *s);
void sim_reads_start(struct sim *s);
/* All is healed: no new ones but a last one; linearizable ones do not give up any more. */
void sim_reads_stop_new(struct sim *s);
/* Linearizable reads that have no answer yet; for the report of a run that does not end. */
uint32_t sim_reads_pending(const struct sim *s);
/* How long one may take when nothing goes wrong any more; bound.c. */
uint64_t sim_reads_bound_ms(const struct sim *s);
void sim_reads_close(struct sim *s);
/* A node's reply to a question; its way to the client is still before it. */
void sim_reads_on_reply(struct sim *s, uint32_t node_index, uint64_t number, struct bytes reply);
/* The accounts that a question is about; 0: nobody waits for an answer any more. */
uint32_t sim_reads_accounts(const struct sim *s, uint64_t number,
                            struct sim_read_entry out[static SIM_READ_ACCOUNTS_MAX]);
struct proto_reply;
/* What an answer says of these accounts; false: it is none to that question. */
bool sim_read_entries(const struct proto_reply *reply, struct sim_read_entry *entries,
                      uint32_t count);
/* The same of a proof; false: it does not verify, or is of another account. */
bool sim_read_proof(const struct sim *s, struct bytes proof, struct bytes account,
                    struct sim_read_entry *out, uint64_t *height);
/* What a question is about, for those who lie: the read that it belongs to, and the height of the
 * chain when that began. False: nobody waits for an answer any more. */
bool sim_reads_of(const struct sim *s, uint64_t number, uint64_t *serial, uint64_t *height);

/* ---- lies (reads_lies.c) ---- */
/* A Byzantine member answers: *reply may be changed. False: it says nothing. */
bool sim_read_lies(struct sim *s, uint32_t node_index, uint64_t number, struct buf *reply);

/* ---- the node (serve.c): hansad's serve over the driver of the simulator ---- */
/* A question reaches a node; nobody answers when it is down. */
void sim_serve_ask(struct sim *s, uint32_t node_index, uint64_t number, struct bytes request);
/* The packet is at a node that is up. */
void sim_serve_take(struct sim *s, struct sim_node *n, const struct sim_packet *p);
/* Its driver was run. */
void sim_serve_run(struct sim *s, struct sim_node *n);
/* Its life ends: whoever waits is told nothing. */
void sim_serve_close(struct sim_node *n);

#endif
