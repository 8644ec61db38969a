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
    bool is_used;
    uint64_t height;
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

/* 16: CHECKPOINTs, two per sender; and as many roots of my own, whose trees are kept (8.3). */
enum { PBFT_CHECKPOINTS = 2 };
struct pbft_checkpoint_vote {
    bool is_cast;
    struct pbft_vote vote;
};

/* Evidence that one event can show (14): at most a NEW-VIEW, which contradicts another, and in it q
 * VIEW-CHANGEs, each of which contradicts another and a COMMIT. */
enum { PBFT_FOUND_MAX = 1 + 2 * QUORUM_MAX };

/* What is known of a peer. */
/* 9.1: an old STATUS is stale as long as its sender is heard. After so many of mine without one of
 * his he may have lost his store, and count anew: whoever lags must not go unheard for that. A few
 * times what a start takes; and what others show of his old ones meanwhile earns them no more than
 * his budget. */
enum { PBFT_STATUS_SILENT_MAX = 8 };

struct pbft_peer {
    bool has_status;
    uint32_t silent_count; /* STATUSes of mine since his last, up to that */
    uint64_t counter;
    uint64_t committed_height;
    uint64_t status_quiet_ms; /* until then a STATUS of its is not answered again */
    uint64_t answers_from_ms; /* the current T_s of its budget, and how much of it is used up */
    uint32_t answers_count;
    uint64_t range_height; /* of its last range, and when that may be asked for again */
    uint64_t range_quiet_ms;
    uint64_t fetching_until_ms; /* 9.4: a FETCH of mine is in flight to it */
    uint64_t fetching_height;   /* from where, if it is one of a range; 0 = of a block */
    /* 16: one COMPLAIN and one VIEW-CHANGE per sender, of the highest view. */
    bool has_complain, has_view_change;
    struct pbft_complain complain;
    struct pbft_view_change view_change;
    struct pbft_checkpoint_vote checkpoints[PBFT_CHECKPOINTS];
    uint32_t evidence_turn; /* 9.5: where in the book to look for the next item */
};

/* 6.1 (d): how much work this view does while there is more than it can do. pace.c */
enum { PBFT_PACE_VIEWS = 3, PBFT_PACE_PERIODS = 10 };
struct pbft_pace {
    uint64_t period_from_ms;         /* 0: no period is under way */
    uint64_t period_work;            /* done before it */
    uint64_t slow_count;             /* successive periods below the floor */
    uint64_t work, time_ms;          /* of this view's whole periods */
    uint64_t views_count;            /* how many views were measured */
    uint64_t rates[PBFT_PACE_VIEWS]; /* work per 1000 s of the last ones, in a ring */
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
    bool is_installed;
    bool is_spoiled;
    bool has_tip;
    struct pbft_block tip;
    struct pbft_block committed;
    bool has_high;
    struct certificate high;
    bool has_view_change; /* mine, for this view */
    struct pbft_view_change view_change;
    bool has_new_view; /* that was accepted, or made, for this view */
    struct pbft_new_view new_view;

    struct certificate stable; /* height 0: none yet */
    bool is_diverged;

    /* Volatile. */
    struct certificate checkpoint; /* the newest that is certified, above stable; height 0: none */
    struct pbft_root roots[PBFT_CHECKPOINTS]; /* mine; height 0: none */
    uint64_t root_asked_height;
    bool is_taking_snapshot;
    uint64_t snapshot_asked_height; /* of the newest certificate that was asked for */
    struct pbft_new_view making;    /* scratch: the one that I am about to send */
    bool is_learner;                /* durable: 4.2 */
    bool is_alarmed;
    struct certificate top_pqc;   /* highest seen of the current view; height 0 = none */
    struct certificate top_cqc;   /* highest seen; height 0 = none */
    struct certificate head_cqc;  /* what committed the head, if that is known; height 0 = none */
    struct certificate alarm_cqc; /* what contradicts another; lent with the alarm */
    uint64_t commit_next_height;  /* own COMMITs of this view were sent below here */
    bool has_view_cqc;            /* a COMMIT certificate of this view was seen, */
    uint64_t view_cqc_height;     /* the highest of them */
    bool is_checking;
    struct pbft_ticket check;
    struct digest check_digest;
    uint64_t check_retry_ms; /* 0 = none */
    bool is_building;
    struct pbft_ticket build;
    bool is_build_dry; /* the last BUILD found nothing; wait for news */
    uint64_t build_retry_ms;
    struct pbft_pool pool;
    /* 6: timers. All ages are counted from awake_from_ms at least: the end of the last pause. */
    uint64_t awake_from_ms;
    uint64_t installed_ms;          /* when this view was, here */
    uint64_t committed_ms;          /* when the last block was */
    uint64_t changing_ms;           /* (e): since q VIEW-CHANGEs, or NEW-VIEW; 0: neither is here */
    uint32_t backoff_count;         /* k */
    uint64_t backoff_eased_ms;      /* when k last fell within this view */
    uint32_t unfair_count;          /* views left for (a), one after the other */
    uint64_t view_from_height;      /* committed when this view was entered: for terms */
    bool has_progress;              /* of this view, 6.2 */
    bool is_primary_faulty;         /* (c) */
    struct pbft_complain complaint; /* mine; of this view if reason is not NONE */
    bool is_complaining;            /* its reason holds */
    uint64_t complain_at_ms;        /* when it is sent again */
    uint64_t view_change_at_ms;     /* and my VIEW-CHANGE */
    struct pbft_pace pace;
    uint64_t status_at_ms;
    uint64_t status_counter;
    bool is_fetch_due;        /* something happened after which a body may be missing */
    uint64_t fetch_retry_ms;  /* 0 = nothing is being fetched */
    uint64_t range_until_ms;  /* a range is being fetched, and late from then on; 0 = none is */
    uint32_t range_turn;      /* 9.2: whose turn it is to be asked for the next */
    uint32_t range_asks_left; /* before one has to be of use: a bound on asking in vain */
    struct pbft_peer peers[MEMBERS_MAX];
    uint64_t drops[PBFT_DROP_COUNT];

    /* Evidence (14): which kinds of each member are durable or being written (PBFT_EVIDENCE_BIT);
     * what this step found is lent with its acts. */
    uint8_t evidence[MEMBERS_MAX];
    struct digest evidence_digest;
    struct pbft_evidence found[PBFT_FOUND_MAX];
    size_t found_count;

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
/* The same, and the committed height where that is the base: it is voted for once more in its view
 * (7.4). */
bool pbft_is_votable(const struct pbft *p, uint64_t height);
/* The slot of a votable height, taken over from an older height if need be. */
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
void pbft_on_own_view_change(struct pbft *p, const struct pbft_view_change *v);
void pbft_on_own_entries(struct pbft *p, const struct certificate *c);
void pbft_become_learner(struct pbft *p);
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

/* ---- view.c: which view this is, and what goes with it ---- */
/* Leave the view for this one, CHANGING: what belonged to the old one is forgotten (7.1, 7.7). */
void pbft_enter_view(struct pbft *p, uint64_t view);
/* NORMAL in the view of this NEW-VIEW (7.4). */
void pbft_adopt(struct pbft *p, const struct pbft_new_view *n, const struct pbft_block *base);
/* A COMMIT certificate of this view was seen: 6.1, 6.2. */
void pbft_note_view_cqc(struct pbft *p, uint64_t height);
/* No more PREPARE in this view, and a reason to leave it (5.8, 7.5). */
void pbft_spoil_view(struct pbft *p);
/* Vote and speak for this view at all: a learner, or after an alarm, not. */
bool pbft_may_speak(const struct pbft *p);

/* ---- base.c: 7.4, 7.5 ---- */
enum pbft_fit {
    PBFT_FITS,
    PBFT_FIT_TWO_BASES, /* a certificate of that very view committed something else */
    PBFT_FIT_ALARM      /* one of a lower view did: more than f lie */
};
/* Whether a base may be that of a view, by what is committed here; ledger: see struct pbft_event.
 */
enum pbft_fit pbft_judge_base(const struct pbft *p, uint64_t view, const struct pbft_block *base,
                              const struct digest *ledger);
void pbft_try_base_vote(struct pbft *p);
/* A block is committed at the base's height. */
void pbft_judge_commit_at_base(struct pbft *p, const struct pbft_block *block,
                               const struct certificate *c);

/* ---- view_change.c: 7.1 to 7.4 ---- */
enum pbft_drop pbft_judge_view_change(const struct pbft *p, uint32_t from,
                                      const struct pbft_view_change *v);
enum pbft_drop pbft_on_view_change(struct pbft *p, uint32_t from, const struct pbft_view_change *v);
enum pbft_drop pbft_judge_new_view(const struct pbft *p, const struct pbft_new_view *n);
enum pbft_drop pbft_on_new_view(struct pbft *p, const struct pbft_new_view *n,
                                const struct digest *ledger);
/* 7.1: leave for lc->view + 1. */
void pbft_change_view(struct pbft *p, const struct pbft_lc *lc);
void pbft_try_new_view(struct pbft *p);
/* What brings somebody of this view and mode into mine (9.1). */
void pbft_send_view(struct pbft *p, uint32_t to);
void pbft_try_resend_view_change(struct pbft *p);

/* ---- complain.c: 6 ---- */
enum pbft_drop pbft_judge_complain(const struct pbft *p, uint32_t from,
                                   const struct pbft_complain *c);
enum pbft_drop pbft_on_complain(struct pbft *p, uint32_t from, const struct pbft_complain *c);
bool pbft_try_leave_view(struct pbft *p); /* 6.4, 7.1; whether it did */
void pbft_try_complain(struct pbft *p);
/* Count the view that is left: k, and what else depends on how it ended (6.2). */
void pbft_count_view(struct pbft *p);
/* A COMMIT certificate of this view above base and head: it makes progress (6.2). */
void pbft_count_progress(struct pbft *p);
uint64_t pbft_timeout_ms(const struct pbft *p); /* T_k */
uint64_t pbft_complain_due_ms(const struct pbft *p);

/* ---- pace.c: 6.1 (d) ---- */
void pbft_pace_run(struct pbft *p);
void pbft_pace_end_view(struct pbft *p);
bool pbft_is_slow(const struct pbft *p);
uint64_t pbft_pace_due_ms(const struct pbft *p);

/* ---- checkpoint.c: 8.1, 8.2, 9.5 ---- */
uint64_t pbft_stable_height(const struct pbft *p);
enum pbft_drop pbft_judge_checkpoint(const struct pbft *p, uint32_t from,
                                     const struct statement *s);
enum pbft_drop pbft_on_checkpoint(struct pbft *p, uint32_t from, const struct pbft_vote *vote);
enum pbft_drop pbft_judge_checkpoint_certificate(const struct pbft *p, const struct certificate *c);
enum pbft_drop pbft_on_checkpoint_certificate(struct pbft *p, const struct certificate *c);
void pbft_on_root(struct pbft *p, const struct pbft_root *root);
bool pbft_try_stable(struct pbft *p); /* whether it moved */
void pbft_try_ask_root(struct pbft *p);
uint64_t pbft_quiet_due_ms(const struct pbft *p);
/* 9.3: too far behind, or diverged. */
void pbft_try_ask_snapshot(struct pbft *p);
void pbft_on_snapshot_refused(struct pbft *p);
void pbft_on_snapshot_taken(struct pbft *p, const struct pbft_block *block);
void pbft_send_checkpoints(struct pbft *p, uint32_t to, uint64_t stable_height);

/* ---- commit.c: 5.4 to 5.8 ---- */
/* If it is of the very block at the head: of which view that was committed, where a snapshot did
 * not tell, or of a later one (5.8, 7.5). */
void pbft_note_head_cqc(struct pbft *p, const struct certificate *c);
bool pbft_raises_high(const struct pbft *p, const struct certificate *c);
void pbft_raise_high(struct pbft *p, const struct certificate *c);
bool pbft_try_commit_vote(struct pbft *p); /* 5.5; whether anything was sent */
bool pbft_try_execute(struct pbft *p);     /* 5.6; whether anything was committed */
void pbft_try_move_tip(struct pbft *p);    /* 5.8 */
/* 5.8: a CQC of this view covers another block at a height where I PREPAREd. */
void pbft_judge_own_chain(struct pbft *p, uint64_t view, uint64_t height,
                          const struct digest *digest);

/* ---- sync.c: 5.7, 9.2, 9.4 ---- */
/* A range for the driver, of whoever is free. */
enum pbft_drop pbft_on_fetch_range(struct pbft *p, uint64_t from_height, uint32_t blocks_max);
void pbft_try_fetch(struct pbft *p);
/* Of what comes from a link that owes no answer: see pbft_on_data(). */
enum pbft_drop pbft_judge_data(const struct pbft *p, uint32_t link, const struct pbft_data *data);
enum pbft_drop pbft_on_data(struct pbft *p, uint32_t link, const struct pbft_data *data);

/* ---- evidence_book.c: 14 ---- */
/* Two messages were found to contradict each other; own ones are passed over. Copies. */
void pbft_found_evidence(struct pbft *p, const struct pbft_evidence *e);
enum pbft_drop pbft_judge_evidence(const struct pbft *p, const struct pbft_evidence *e);
enum pbft_drop pbft_on_evidence(struct pbft *p, const struct pbft_evidence *e);
/* A vote or PRE-PREPARE, verified, that was dropped as a conflict: held against the first. */
void pbft_find_votes(struct pbft *p, uint32_t from, const struct pbft_vote *second);
void pbft_find_pre_prepares(struct pbft *p, uint32_t from, const struct pbft_pre_prepare *second);
/* The same of a second VIEW-CHANGE, a second NEW-VIEW, and of a VIEW-CHANGE against the COMMITs of
 * its signer that are here. */
void pbft_find_view_changes(struct pbft *p, uint32_t from, const struct pbft_view_change *second);
void pbft_find_new_views(struct pbft *p, const struct pbft_new_view *second);
void pbft_find_forgotten(struct pbft *p, uint32_t from, const struct pbft_view_change *v);
/* 9.5: one item, if what they have is not what I have. */
void pbft_answer_evidence(struct pbft *p, uint32_t to, const struct digest *theirs);

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
