/* The core's state, shared by the files of node/pbft. Nobody outside includes this. */
#ifndef NODE_PBFT_STATE_H
#define NODE_PBFT_STATE_H

#include "node/pbft/pbft.h"

enum {
    /* Blocks known at one height: 2 proposals of the current view (the second is evidence), and one
     * that a certificate names and that was fetched (PROTOCOL.md 16). */
    PBFT_SLOT_BLOCKS = 3,
    PBFT_VOTE_KINDS = 2 /* PREPARE and COMMIT */
};

enum pbft_validity { PBFT_UNCHECKED, PBFT_VALID, PBFT_INVALID };

/* A block at a height: as proposed in the current view, as fetched, or both. */
struct pbft_known {
    bool is_used;
    bool has_body;    /* the driver holds it */
    bool is_durable;  /* PBFT_WRITE_BLOCK was put out for it */
    bool is_proposed; /* by a PRE-PREPARE of the current view, whose signature stands below */
    enum pbft_validity validity;
    struct pbft_block block;
    struct signature pre_prepare;
    size_t size; /* of the whole block, where has_body came from outside (PROTOCOL.md 16) */
};

/* One member's vote of a kind at a height, in the current view (rule 3.1). */
struct pbft_ballot {
    bool is_cast;
    uint64_t view;
    struct digest digest;
    struct signature signature;
};

struct pbft_slot {
    uint64_t height; /* 0 = unused */
    struct pbft_known known[PBFT_SLOT_BLOCKS];
    struct pbft_ballot ballots[PBFT_VOTE_KINDS][MEMBERS_MAX];
    bool has_cqc, has_pqc;
    struct certificate cqc; /* at exactly this height */
    struct certificate pqc; /* the same of PREPAREs; of the current view if has_pqc */
    bool is_committed;
    struct digest committed;
    uint64_t fetch_at_ms; /* when a missing body may be asked for again */
    uint32_t fetch_turn;  /* rotates over those who may have it */
    bool is_fetched;      /* whose body was asked for last */
    struct digest fetched;
    /* 9.1: when my PRE-PREPARE may be sent again to a member, and how often that was done. */
    uint64_t resend_at_ms[MEMBERS_MAX];
    uint8_t resends_count[MEMBERS_MAX];
};

/* How far above a committed height a COMMIT certificate may lie that commits what is between (5.6),
 * and so how far above the highest one a PREPARE may go (5.2): no further than the headers of one
 * range lead, or whoever lacks those blocks could never be given them (9.2). At least P. */
enum { PBFT_UNCERTIFIED_MAX = PBFT_DATA_HEADS_MAX };

/* Rule 9.1's budget, besides the driver's of bytes: what one peer may make me send within T_s. */
enum {
    PBFT_ANSWERS_MAX =
        16,               /* to FETCHes: 16 ranges of B blocks are four times what a window holds */
    PBFT_FETCHES_MAX = 8, /* in flight in all; one per peer (9.4, 16) */
    PBFT_RESEND_DOUBLINGS_MAX = 4 /* of T_s / 2: up to 8 T_s between two PRE-PREPAREs (9.1) */
};

/* What is known of a peer. */
struct pbft_peer {
    bool has_status;
    uint64_t counter;
    uint64_t committed_height;
    uint64_t status_quiet_ms; /* until then a STATUS of its is not answered again */
    uint64_t answers_from_ms; /* the current T_s of its budget, and how much of it is used up */
    uint32_t answers_count;
    uint64_t range_height; /* of its last range, and when that may be asked for again */
    uint64_t range_quiet_ms;
    uint64_t fetching_until_ms; /* 9.4: a FETCH of mine is in flight to it */
    uint64_t fetching_height;   /* from where, if it is one of a range; 0 = of a block */
};

struct pbft {
    struct pbft_config config;
    uint32_t quorum;
    uint32_t faulty_max;
    uint64_t now_ms;

    /* Durable (PROTOCOL.md 2). */
    uint64_t view;
    enum pbft_mode mode;
    struct pbft_block base;
    bool has_tip;
    struct pbft_block tip;
    struct pbft_block committed;
    bool has_high;
    struct certificate high;

    /* Volatile. */
    bool is_learner; /* durable: 4.2 */
    bool is_alarmed;
    struct certificate top_pqc;   /* highest seen of the current view; height 0 = none */
    struct certificate top_cqc;   /* highest seen; height 0 = none */
    struct certificate head_cqc;  /* what committed the head, if that is known; height 0 = none */
    struct certificate alarm_cqc; /* what contradicts another; lent with the alarm */
    uint64_t commit_voted_height; /* own COMMITs of this view were sent up to here */
    bool is_checking;
    struct pbft_ticket check;
    struct digest check_digest;
    uint64_t check_retry_ms; /* 0 = none */
    bool is_building;
    struct pbft_ticket build;
    bool is_build_dry; /* the last BUILD found nothing; wait for news */
    uint64_t build_retry_ms;
    struct pbft_pool pool;
    uint64_t status_at_ms;
    uint64_t status_counter;
    bool is_fetch_due;        /* something happened after which a body may be missing */
    uint64_t fetch_retry_ms;  /* 0 = nothing is being fetched */
    uint64_t range_until_ms;  /* a range is being fetched, and late from then on; 0 = none is */
    uint32_t range_turn;      /* 9.2: whose turn it is to be asked for the next */
    uint32_t range_asks_left; /* before one has to be of use: a bound on asking in vain */
    struct pbft_peer peers[MEMBERS_MAX];
    uint64_t drops[PBFT_DROP_COUNT];

    /* Arrays behind this struct, in the memory given. */
    struct pbft_slot *slots; /* slots_count, by height modulo */
    size_t slots_count;
    struct pbft_act *acts;
    size_t acts_count;
    size_t acts_room;
    struct pbft_block *chain; /* scratch of pbft_chain_to(): 2L */
};

/* ---- out.c: the output list ---- */
struct pbft_act *pbft_put(struct pbft *p, enum pbft_act_type type);
struct pbft_act *pbft_put_send(struct pbft *p, enum pbft_act_type type, uint32_t to);
void pbft_write_state(struct pbft *p);
/* The other may be NULL or empty: it stands in the ledger. */
void pbft_alarm(struct pbft *p, const struct certificate *a, const struct certificate *other);

/* ---- slot.c: the log of heights ---- */
uint32_t pbft_primary(const struct pbft *p, uint64_t view);
bool pbft_in_window(const struct pbft *p, uint64_t height); /* (committed, committed + 2L] */
/* The slot of a height in the window, taken over from an older height if need be. */
struct pbft_slot *pbft_slot_at(struct pbft *p, uint64_t height);
/* NULL where nothing is known of the height. */
struct pbft_slot *pbft_slot_find(const struct pbft *p, uint64_t height);
struct pbft_known *pbft_known_find(const struct pbft *p, uint64_t height,
                                   const struct digest *digest);
bool pbft_has_room(const struct pbft *p, uint64_t height); /* for one more block */
/* Find or add; NULL when the height has no room for one more. */
struct pbft_known *pbft_known_at(struct pbft *p, const struct pbft_block *block);
/* The chain that ends in (height, digest): fill p->chain with its blocks above the committed
 * height, ascending, if all their parents are known (with bodies or not). bodies_count is how many
 * of them, from the lowest on, have their bodies here. */
struct pbft_chain {
    bool is_linked;
    size_t count; /* 0 unless linked */
    size_t bodies_count;
};
/* Requires: height in the window. */
struct pbft_chain pbft_chain_to(struct pbft *p, uint64_t height, const struct digest *digest);
/* What to fetch next below a certificate: the lowest block of its chain without a body, or the
 * highest whose parent is unknown; height 0 when nothing is missing, there is no certificate
 * (entries_count 0), or it is outside the window. */
struct pbft_block pbft_missing_below(const struct pbft *p, const struct certificate *c);
/* Whether the certificate is of this block, or of one above it along headers that are here; false
 * where the window or what is known ends. */
bool pbft_covers(const struct pbft *p, const struct certificate *c, uint64_t height,
                 const struct digest *digest);

/* Handlers (on_) only write down what they learn; what follows from it is done once, at the end of
 * the step, by the functions named try_. So no rule runs inside another. What a handler drops a
 * message for is said by a judge_ function, pure, which pbft_glance() asks too. */

/* ---- votes.c ---- */
enum pbft_drop pbft_judge_vote(const struct pbft *p, uint32_t from, const struct statement *s);
/* Judge and count one vote of a peer. A quorum makes a certificate. */
enum pbft_drop pbft_on_vote(struct pbft *p, uint32_t from, const struct pbft_vote *vote);
/* PBFT_KEEP also for what only raises high. */
enum pbft_drop pbft_judge_certificate(const struct pbft *p, const struct certificate *c);
/* Any valid certificate, from any message (rules 5.4, 5.6). */
enum pbft_drop pbft_on_certificate(struct pbft *p, const struct certificate *c);
/* 13: a COMMIT certificate against what the ledger has, of a height that no slot remembers. */
enum pbft_drop pbft_on_contradiction(struct pbft *p, const struct certificate *c);
/* Keep a certificate with its height, once that is inside the window. */
void pbft_keep_cqc(struct pbft *p, const struct certificate *c);
void pbft_keep_pqc(struct pbft *p, const struct certificate *c);
/* The lowest certificate of a kind at or above a height, among those kept; NULL: none. */
const struct certificate *pbft_lowest_certificate(const struct pbft *p, enum cert_kind kind,
                                                  uint64_t from_height);
bool pbft_may_vote(const struct pbft *p);
/* Sign, write, count and send an own vote of the current view. */
void pbft_cast(struct pbft *p, enum cert_kind kind, const struct pbft_block *block);
struct pbft_ballot *pbft_ballot(struct pbft_slot *slot, enum cert_kind kind, uint32_t from);

/* ---- own.c: 4.2 ---- */
/* A validly signed message of mine, shown by a peer. */
enum pbft_drop pbft_on_own(struct pbft *p, const struct pbft_msg *m);
void pbft_on_own_pre_prepare(struct pbft *p, const struct pbft_pre_prepare *m);
void pbft_on_own_entries(struct pbft *p, const struct certificate *c);
/* Whether my signature is in it on a vote that I do not know. */
bool pbft_has_strange_entry(const struct pbft *p, const struct certificate *c);

/* ---- propose.c: 5.1 ---- */
void pbft_try_propose(struct pbft *p);
uint64_t pbft_build_due_ms(const struct pbft *p); /* UINT64_MAX = not by itself */
enum pbft_drop pbft_on_built(struct pbft *p, const struct pbft_built *built);

/* ---- prepare.c: 5.2, 5.3 ---- */
enum pbft_drop pbft_judge_pre_prepare(const struct pbft *p, uint32_t from,
                                      const struct pbft_pre_prepare *pre_prepare);
enum pbft_drop pbft_on_pre_prepare(struct pbft *p, uint32_t from,
                                   const struct pbft_pre_prepare *pre_prepare);
enum pbft_drop pbft_on_checked(struct pbft *p, const struct pbft_checked *checked);
/* 16: whether the bodies above the head hold all that they may. */
bool pbft_is_full(const struct pbft *p);
/* Ask for the check of the proposal that follows tip, if it is here. */
void pbft_try_check(struct pbft *p);

/* ---- commit.c: 5.4 to 5.8 ---- */
bool pbft_raises_high(const struct pbft *p, const struct certificate *c);
void pbft_raise_high(struct pbft *p, const struct certificate *c);
bool pbft_try_commit_vote(struct pbft *p); /* 5.5; whether anything was sent */
bool pbft_try_execute(struct pbft *p);     /* 5.6; whether anything was committed */
void pbft_try_move_tip(struct pbft *p);    /* 5.8 */
/* 5.8: a CQC of this view covers another block at a height where I PREPAREd. */
void pbft_judge_own_chain(struct pbft *p, uint64_t view, uint64_t height,
                          const struct digest *digest);

/* ---- sync.c: 5.7, 9.2, 9.4 ---- */
void pbft_try_fetch(struct pbft *p);
/* Of what comes from a link that owes no answer: see pbft_on_data(). */
enum pbft_drop pbft_judge_data(const struct pbft *p, uint32_t link, const struct pbft_data *data);
enum pbft_drop pbft_on_data(struct pbft *p, uint32_t link, const struct pbft_data *data);

/* ---- answer.c: 5.7, 9.1 ---- */
/* Answer with committed blocks, if there are any and the peer's budget allows. */
enum pbft_drop pbft_send_range(struct pbft *p, uint32_t to, uint64_t from_height,
                               uint32_t blocks_max);
enum pbft_drop pbft_on_fetch(struct pbft *p, uint32_t link, const struct pbft_fetch *fetch);

/* ---- status.c: 9.1, 4.1 ---- */
void pbft_send_status(struct pbft *p);
enum pbft_drop pbft_judge_status(const struct pbft *p, uint32_t from,
                                 const struct pbft_status *status);
enum pbft_drop pbft_on_status(struct pbft *p, uint32_t from, const struct pbft_status *status);
/* Send again what I signed in this view above a height, to one (within its budget) or to all. */
void pbft_resend(struct pbft *p, uint64_t above_height, uint32_t to);

#endif
