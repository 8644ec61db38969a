/* The nodes of a chain as the tool talks to them: one after the other until one answers, or all of
 * them side by side.
 *
 * A node is known by its link key in the genesis file: whoever answers at its address without that
 * key is not heard. What a node says is its own word all the same, unless it carries a proof. */
#ifndef TOOLS_HANSA_NODES_H
#define TOOLS_HANSA_NODES_H

#include "genesis/genesis.h"
#include "node/proto.h"
#include "tools/hansa/cli.h"

enum {
    NODES_PATIENCE_MS = 2000, /* silence after which the next node is asked beside */
    NODES_AGAIN_MS = 500,     /* after an answer of no use that node is asked again */
    NODES_READ_SECONDS = 10,  /* default of --timeout when only reading */
    NODES_SEND_SECONDS = 30,  /* and when something is sent */
    NODES_SECONDS_MAX = 24 * 60 * 60
};

/* What is said of a node to which no connection comes about, see dial_is_refused(). */
#define NODES_REFUSED "nobody listens there"

enum { NODES_TROUBLE_BYTES = 96 };
struct node {
    uint32_t member_index; /* in the genesis */
    char address[KEY_ADDRESS_BYTES_MAX + 1];
    struct dial *dial;                 /* NULL until it is first asked */
    uint64_t sent;                     /* the number of the question it was last asked */
    uint64_t sent_ms;                  /* loop_now_ms() then */
    char trouble[NODES_TROUBLE_BYTES]; /* why its last answer was of no use; "" = there was none */
};

struct nodes {
    const struct genesis *genesis; /* borrows */
    uint32_t count;                /* 1..MEMBERS_MAX */
    struct node items[MEMBERS_MAX];
    uint32_t first;         /* who is asked first: the one that answered last */
    uint32_t timeout_ms;    /* of --timeout: for a whole command */
    uint64_t deadline_ms;   /* loop_now_ms() when that is over; nodes_restart() begins it anew */
    uint64_t asked;         /* questions so far */
    struct genesis *opened; /* by nodes_open_asked(): closed with the nodes */
    const struct sign_key *reader; /* who signs what only participants may read; NULL = nobody */
    struct key *opened_key;        /* by nodes_open_to_read(): closed with the nodes */
    /* Who only reads does not wait for nodes that may be started: nodes_ask() ends when nobody
     * listens at any of them, nodes_ask_one() when nobody listens at that one. Who sends does. */
    bool is_for_reading;
};

/* ---- opening ---- */

/* The options that all commands which talk to nodes have in common; --genesis apart, for those
 * whose --genesis means something else too. */
#define NODES_OPTIONS_WAITING(time)                                                                \
    {"node", "NODE", CLI_REPEATED,                                                                 \
     "whom to ask: name, index, address or NAME@HOST:PORT; else HANSA_NODE, else all"},            \
    {                                                                                              \
        "timeout", "SECONDS", CLI_OPTIONAL, time                                                   \
    }
#define NODES_OPTIONS_BUT_GENESIS                                                                  \
    NODES_OPTIONS_WAITING("give up after so long; else HANSA_TIMEOUT, else 10, with sending 30")
#define NODES_GENESIS_OPTION                                                                       \
    {                                                                                              \
        "genesis", "FILE", CLI_OPTIONAL,                                                           \
            "the chain's genesis file; else the one HANSA_GENESIS names"                           \
    }
#define NODES_OPTIONS NODES_GENESIS_OPTION, NODES_OPTIONS_BUT_GENESIS

/* Those of commands that read, beside these. */
#define NODES_READER_OPTIONS                                                                       \
    {"key", "FILE", CLI_OPTIONAL,                                                                  \
     "where only participants may read: a participant's key; else HANSA_KEY"},                     \
    {                                                                                              \
        "passphrase-file", "FILE", CLI_OPTIONAL, "its passphrase; else asked at the terminal"      \
    }

/* --genesis, or what HANSA_GENESIS names, or NULL. Requires: the command declares --genesis. */
const char *nodes_genesis_path(const struct cli *c);
/* What the command line and the environment name: genesis file, nodes (HANSA_NODE takes several
 * with commas between them) and time (HANSA_TIMEOUT). Connects nothing yet. seconds: where neither
 * names one.
 * Requires: the command declares NODES_OPTIONS.
 * Returns: CLI_DONE (end with nodes_close()), or it has said why not: return that. */
MUST_USE enum cli_exit nodes_open_asked(struct nodes *out, struct cli *c, uint32_t seconds);
/* The same for commands that read. Where the genesis lets only participants read, the key that
 * --key or HANSA_KEY names is opened, and signs. Requires: NODES_READER_OPTIONS too. */
MUST_USE enum cli_exit nodes_open_to_read(struct nodes *out, struct cli *c, uint32_t seconds);
/* The secret key file that --key names, else HANSA_KEY; NULL: neither does. Lends from either. */
const char *nodes_key_path(const struct cli *c);
/* Sign what is read from here on, where the genesis wants that. Borrows until nodes_close(). */
void nodes_read_as(struct nodes *n, const struct sign_key *key);
/* The same for commands that look at all nodes: HANSA_NODE does not count. */
MUST_USE enum cli_exit nodes_open_all_to_read(struct nodes *out, struct cli *c, uint32_t seconds);
/* ... where everybody may look. */
MUST_USE enum cli_exit nodes_open_all_asked(struct nodes *out, struct cli *c, uint32_t seconds);
/* The same without a command line. names: each as --node takes it; count 0 = all members in order;
 * the same node twice is one. Borrows genesis until nodes_close(). Returns: RC_OK | RC_INVALID. */
MUST_USE enum rc nodes_open(struct nodes *out, const struct genesis *genesis,
                            const char *const *names, size_t names_count, uint32_t timeout_ms,
                            struct why *why);
void nodes_close(struct nodes *n);
/* The time of --timeout begins now. */
void nodes_restart(struct nodes *n);
/* What is left of it, 0 when it is over. */
uint32_t nodes_left_ms(const struct nodes *n);

/* "alpha (127.0.0.1:7201)" */
enum { NODES_NAME_BYTES = KEY_NAME_BYTES_MAX + KEY_ADDRESS_BYTES_MAX + 8 };
const char *nodes_name(char out[static NODES_NAME_BYTES], const struct nodes *n, uint32_t index);
/* Its name in the genesis. Lends from that. */
const char *nodes_member_name(const struct nodes *n, uint32_t index);

/* ---- asking: in a command that watches for Ctrl-C (interrupt.h) that ends each wait ---- */

/* Why an answer to a request of this type has no fields; FORBIDDEN with the next step. */
const char *nodes_code_text(const struct nodes *n, enum proto_type type, enum proto_code code);
/* What decodes as a reply may still be one to another request, or have other counts: whoever reads
 * answers by index relies on this. */
bool nodes_is_reply_to(const struct proto_reply *reply, const struct proto_request *request);
/* Send to a node that is dialled, signed where it has to be. */
void nodes_send(const struct nodes *n, uint32_t index, struct bytes request);

/* An answer and who gave it. Zero-initialise, end with nodes_answer_close(); may be used again.
 * Large: keep it off the stack where there are many. */
struct nodes_answer {
    bool has_answered;        /* in nodes_ask_all(): else trouble says why not */
    bool is_forbidden;        /* in nodes_ask_all(): that is why */
    bool is_refused;          /* in nodes_ask_all(): nobody listens there, that is why */
    uint32_t node;            /* index in nodes.items */
    uint64_t wall_ms;         /* here, when it came */
    uint64_t took_ms;         /* since it was asked: connecting, and both ways */
    struct buf bytes;         /* what reply lends from */
    struct proto_reply reply; /* of the request's type, with as many items as were asked for */
    char trouble[NODES_TROUBLE_BYTES];
};
void nodes_answer_close(struct nodes_answer *a);

/* Ask nodes.first; when it is silent for patience_ms (0: NODES_PATIENCE_MS), or nobody listens
 * there, ask the next one beside it, and so on, until one answers with PROTO_OK, or for a read with
 * PROTO_NOT_FOUND, or the time is over. A node that answers otherwise (busy, failed, forbidden,
 * bytes that are no reply) is passed over at once, and asked again later, but for "forbidden". Who
 * answered is asked first from then on. Returns: RC_OK | RC_NOT_FOUND (out->node says so) |
 * RC_REFUSED (all of them forbid it) | RC_TIMEOUT (words: each node that was asked, and what it
 * did; at once when nodes.is_for_reading and nobody listens at any of them) | RC_INTERRUPTED. */
MUST_USE enum rc nodes_ask(struct nodes *n, const struct proto_request *request,
                           uint32_t patience_ms, struct nodes_answer *out, struct why *why);
/* Ask one node alone, at most so long; out->reply.code may be anything.
 * Returns: RC_OK | RC_TIMEOUT (at once when nodes.is_for_reading and nobody listens there) |
 * RC_MALFORMED (its bytes are no reply to this); these words name the node | RC_INTERRUPTED. */
MUST_USE enum rc nodes_ask_one(struct nodes *n, uint32_t index, const struct proto_request *request,
                               uint32_t timeout_ms, struct nodes_answer *out, struct why *why);
/* Ask all side by side, and wait at most timeout_ms in all, and no longer than until each has
 * answered or nobody listens there: out has room for nodes.count, and out[i] is of node i. */
void nodes_ask_all(struct nodes *n, const struct proto_request *request, uint32_t timeout_ms,
                   struct nodes_answer *out);

/* Ask all but one, which has no proof of its state yet, side by side, until one of them has: for
 * NODES_PATIENCE_MS at most. request: a PROOF.
 * Returns: RC_OK (out->node has it) | RC_NOT_YET (out->node is `but`; words: when there will be
 * one, and what to do). */
MUST_USE enum rc nodes_ask_others_for_proof(struct nodes *n, uint32_t but,
                                            const struct proto_request *request,
                                            struct nodes_answer *out, struct why *why);

/* As nodes_ask_all(), for who follows up each answer with a question of his own: begin, put a
 * question to as many nodes as you like, take an answer, put the next question. A node has one at a
 * time, and a new one takes the place of the one before. */
void nodes_begin(struct nodes *n);
/* Whether it was asked since nodes_begin(), and nobody listens there: as things are now. */
bool nodes_is_refused(const struct nodes *n, uint32_t index);
/* Whether it could be sent; if not, the node's trouble says why. */
MUST_USE bool nodes_put(struct nodes *n, uint32_t index, const struct proto_request *request);
/* Take an answer to any of the questions put since nodes_begin(), waiting for one until then (as
 * loop_now_ms()). request: any of them, as long as they differ in nothing that an answer is judged
 * by. True: out->node has answered, or out->trouble says why that is of no use (out->has_answered);
 * out->reply.code may then be anything but OK. False: the time is over, or Ctrl-C. */
MUST_USE bool nodes_take(struct nodes *n, const struct proto_request *request, uint64_t until_ms,
                         struct nodes_answer *out);

#endif
