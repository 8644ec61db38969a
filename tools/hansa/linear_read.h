/* Asking all nodes for a linearizable read (rule 11), until f+1 of them agree: side by side, and
 * again where one was not far enough. What the replies are worth says linear.h. */
#ifndef TOOLS_HANSA_LINEAR_READ_H
#define TOOLS_HANSA_LINEAR_READ_H

#include "tools/hansa/linear.h"
#include "tools/hansa/nodes.h"

/* After T_read nodes answer with what they have; so much later that has come here. */
enum { LINEAR_GRACE_MS = 500 };

/* Zero-initialise, set `request`, end with linear_read_close(). Large: keep it off the stack. */
struct linear_read {
    struct proto_request request; /* READ with its questions; what it lends from outlives this */
    /* So long, once somebody has answered, a quorum is waited for; 0: the nodes' whole time. */
    uint32_t patience_ms;
    struct nodes *nodes; /* borrows */
    uint64_t ordered_height;
    struct linear_reply replies[LINEAR_REPLIES_MAX];
    size_t replies_count;
    struct linear_answers answers;
    struct linear_verdict verdict;
    struct linear_node { /* by index in nodes.items */
        bool is_asked;   /* and has not answered */
        bool is_forbidden;
        bool is_refused; /* nobody listened there, when the read ended */
        uint32_t replies_count;
        uint64_t again_ms; /* when to ask it again after an answer of no use; 0: not */
        char trouble[NODES_TROUBLE_BYTES];
    } items[MEMBERS_MAX];
    struct proto_reply reply; /* the accepted one; lends from answers */
};

/* Two nodes of one member count as that member. May be called once more, with an ordered_height.
 * Who does not listen is not waited for, unless nobody has answered and it is not for reading alone
 * (nodes.is_for_reading).
 * Returns: RC_OK, and reply has the entries | RC_REFUSED (all forbid it) | RC_TIMEOUT (not so many
 * replies, or no f+1 alike; words: who said what). */
MUST_USE enum rc linear_read(struct linear_read *r, struct nodes *n, uint64_t ordered_height,
                             struct why *why);
void linear_read_close(struct linear_read *r);
/* Words when nobody has told anything of use: who did what. Returns RC_TIMEOUT. */
enum rc linear_say_silence(const struct linear_read *r, struct why *why);

/* What a node did, as words behind its name: "lags at height 3". */
enum { LINEAR_SAID_BYTES = 256 };
const char *linear_said(char out[static LINEAR_SAID_BYTES], const struct linear_read *r,
                        uint32_t index);
/* Whether that is what no correct node does. */
bool linear_is_lie(const struct linear_read *r, uint32_t index);
enum linear_word linear_word_of(const struct linear_read *r, uint32_t index);

#endif
