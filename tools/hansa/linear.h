/* What the replies of nodes to a linearizable read are worth (rule 11): replies in, verdict out. No
 * I/O and no clock; linear_read.h asks.
 *
 * Why it is right. A write that was acknowledged before the read began stands at a height h under
 * a COMMIT certificate, so q members had a high that covers h on their disks. Any q replies have a
 * correct one of these among them, and by rule 7 no certificate of a higher rank lies below h. So
 * of any q replies the height R of the highest-rank high is at least h. What f+1 members say alike
 * of heights from R on is what a correct one of them has committed there: the value was so at a
 * moment within the read, with every write in it that was acknowledged before. A value that is
 * stale is below R; one that is not committed, or split, no correct member tells (pitfalls F2).
 *
 * Any q replies will do, so those are taken that give the lowest R: who shows a certificate of a
 * proposal that never commits does not hold up a read that others can answer. */
#ifndef TOOLS_HANSA_LINEAR_H
#define TOOLS_HANSA_LINEAR_H

#include "genesis/genesis.h"
#include "node/proto.h"

enum {
    /* Replies of one member to one read: it is asked again only while others are further, so a
     * correct one needs two or three. */
    LINEAR_REPLIES_PER_MEMBER = 8,
    LINEAR_REPLIES_MAX = MEMBERS_MAX * LINEAR_REPLIES_PER_MEMBER
};

/* What no correct member replies: such a member counts for nothing. */
enum linear_fault {
    LINEAR_WHOLE,
    LINEAR_BAD_CERTIFICATE,   /* not of this chain's members, or not over this statement */
    LINEAR_OTHER_EPOCH,       /* of an epoch that this genesis has no members for */
    LINEAR_ABOVE_CERTIFICATE, /* it claims more committed than its certificate reaches */
};

struct linear_reply {
    uint32_t member; /* index in the genesis */
    enum linear_fault fault;
    bool is_learner;                 /* its high counts for nothing (rule 4.2) */
    bool has_high;                   /* else the epoch's base, which every certificate outranks */
    uint64_t high_view, high_height; /* 0 without one */
    uint64_t height;                 /* committed there */
    uint32_t answer;                 /* equal answers have equal numbers */
};

/* Judge one member's reply: verifies its certificate. `answer` is left for the caller to fill in.
 * Requires: an OK reply to a READ. */
void linear_take(struct linear_reply *out, uint32_t member, const struct proto_reply *reply,
                 const struct genesis *g);
/* Why, in words: "its certificate does not verify". */
const char *linear_fault_text(enum linear_fault fault);

/* The different answers to one read. Zero-initialise, end with linear_answers_close(). */
struct linear_answers {
    uint32_t count;
    struct buf replies[LINEAR_REPLIES_MAX]; /* those that gave each answer first */
    size_t sizes[LINEAR_REPLIES_MAX];       /* of the answer, with which the reply ends */
};
/* The number of this reply's answer: the same for the same bytes. reply: decoded from whole. */
uint32_t linear_number(struct linear_answers *a, const struct proto_reply *reply,
                       struct bytes whole);
void linear_answers_clear(struct linear_answers *a);
void linear_answers_close(struct linear_answers *a);

/* What each member did, the worst that holds of it. */
#define LINEAR_WORD_LIST(X)                                                                        \
    X(LINEAR_SILENT, "silent")   /* no reply */                                                    \
    X(LINEAR_HEARD, "heard")     /* it is not known yet how far it had to be */                    \
    X(LINEAR_LAGS, "lags")       /* below R */                                                     \
    X(LINEAR_DIFFERS, "differs") /* another answer, of another height: it may be right */          \
    X(LINEAR_AGREES, "agrees")   /* with what is accepted */                                       \
    X(LINEAR_CONTRADICTED, "contradicted") /* another member has another answer of that height */  \
    X(LINEAR_LIES, "lies")                 /* f+1 others do, alike; or it has two itself */        \
    X(LINEAR_REFUTED, "refuted")           /* a fault */
enum linear_word {
#define X(word, text) word,
    LINEAR_WORD_LIST(X)
#undef X
        LINEAR_WORD_COUNT
};
const char *linear_word_text(enum linear_word word);

struct linear_verdict {
    uint32_t highs_count; /* members whose high counts */
    bool has_index;
    uint64_t index_height; /* R */
    bool is_accepted;
    uint32_t answer;      /* the accepted one */
    uint32_t agree_count; /* the most members that say the same of heights from R on */
    enum linear_word words[MEMBERS_MAX];
    uint32_t against[MEMBERS_MAX];      /* CONTRADICTED: by whom */
    uint64_t heights[MEMBERS_MAX];      /* of its last reply */
    bool is_learner[MEMBERS_MAX];       /* by its last reply: its high does not count */
    uint64_t next_heights[MEMBERS_MAX]; /* ask it again for at least this; 0: nothing more */
};
/* replies: in the order in which they came. ordered_height: where a transaction stands that was
 * ordered after the read began, proven; it is R then, whatever the highs say. 0: none was.
 * Requires: count <= LINEAR_REPLIES_MAX, members below members_count. */
void linear_judge(struct linear_verdict *out, const struct linear_reply *replies, size_t count,
                  uint32_t members_count, uint64_t ordered_height);

#endif
