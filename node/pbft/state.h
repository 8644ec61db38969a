/* The core's state, shared by the files of node/pbft. Nobody outside includes this. */
#ifndef NODE_PBFT_STATE_H
#define NODE_PBFT_STATE_H

#include "node/pbft/pbft.h"

enum {
    /* Blocks known at one height: one that I voted for in a lower view (5.9), a proposal of the
     * current one, and one that votes or a certificate name and that was fetched (PROTOCOL.md 16).
     */
    PBFT_SLOT_BLOCKS = 3,
    PBFT_VOTE_KINDS = 2 /* PREPARE and COMMIT */
};
_Static_assert(MEMBERS_MAX <= 32, "a set of members is a word");

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
    bool has_cqc, has_pqc;
    struct certificate cqc; /* at exactly this height */
    struct certificate pqc; /* the same of PREPAREs; of the current view if has_pqc */
    bool is_committed;
    struct digest committed;
    uint64_t fetch_at_ms; /* when a missing body may be asked for again */
    uint32_t fetch_asked; /* 9.4: bit i: member i was asked; each once before anybody again */
    bool is_fetched;      /* whose body was asked for last */
    struct digest fetched;
    /* 9.1: when my PRE-PREPARE may be sent again to a member, and how often that was done. */
    uint64_t resend_at_ms[MEMBERS_MAX];
    uint8_t resends_count[MEMBERS_MAX];
    /* Last: the room of members that there are not, half of a slot, is never looked at. */
    struct pbft_ballot ballots[MEMBERS_MAX][PBFT_VOTE_KINDS];
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

/* 6.2: when the caller took no messages. So many are more than any T_fair sees: between two lies
 * the agreement on K heights. */
enum { PBFT_HELD_MAX = 16 };
struct pbft_held {
    uint64_t from_ms, until_ms;
};

/* 16: CHECKPOINTs, two per sender; and as many roots of my own, whose trees are kept (8.3). */
enum { PBFT_CHECKPOINTS = 2 };
struct pbft_checkpoint_vote {
    bool is_cast;
    struct pbft_vote vote;
};

/* Evidence that one event can show (14): at most a NEW-VIEW, which contradicts another; in it q
 * VIEW-CHANGEs, each of which contradicts another and a COMMIT; and in their certificates a PREPARE
 * and a COMMIT of each member, against others. */
enum { PBFT_FOUND_MAX = 1 + 2 * QUORUM_MAX + 2 * MEMBERS_MAX };

/* 9.1: an old STATUS is stale as long as its sender is heard. After so many of mine without one of
 * his he may have lost his store, and count anew: whoever lags must not go unheard for that. A few
 * times what a start takes; and what others show of his old ones meanwhile earns them no more than
 * his budget. */
enum { PBFT_STATUS_SILENT_MAX = 8 };

/* 16: answers that a peer owes at most. Two more than the kinds of question that are open side by
 * side: one of a body, one of the next blocks, and one or two of old ones (9.3). */
enum { PBFT_ASKED_PLACES = 6 };

/* What is known of a peer; at my own index, what I sent of the same kinds. */
struct pbft_peer {
    bool has_status;
    uint32_t silent_count; /* STATUSes of mine since his last, up to that */
    uint64_t counter;
    uint64_t committed_height;
    uint64_t status_quiet_ms;   /* until then a STATUS of its is not answered again, */
    uint64_t new_view_quiet_ms; /* and not with a NEW-VIEW */
    uint64_t answers_from_ms;   /* the current T_s of its budget, and how much of it is used up */
    uint32_t answers_count;
    uint64_t range_height; /* of its last range, and when that may be asked for again */
    uint64_t range_quiet_ms;
    uint64_t fetching_until_ms; /* 9.4: a FETCH of mine is in flight to it */
    uint64_t fetching_place;    /* what for (asked.c) */
    struct digest fetching;     /* of a body: which */
    bool is_asked_in_vain; /* the last body asked of it has not come in time: others go first */
    /* The same of the last different FETCHes that it has not answered, in a ring: an answer is
     * welcome however late it comes, and once. 0 = none. */
    uint64_t asked_places[PBFT_ASKED_PLACES];
    uint32_t asked_turn;
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
    uint64_t worked_ms; /* until then at least the caller was at work: pbft_worked() */
    bool has_paused;    /* before that, and no step was made since */

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
    bool has_view_change; /* mine, for this view; it stands with those of the others */
    bool has_new_view;    /* that was accepted, or made, for this view */
    struct pbft_new_view new_view;

    struct certificate stable; /* height 0: none yet */
    bool is_diverged;
    bool has_lost; /* D5: of what I voted for in this view a body is not here */

    /* Volatile. */
    struct certificate checkpoint; /* the newest that is certified, above stable; height 0: none */
    struct pbft_root roots[PBFT_CHECKPOINTS]; /* mine; height 0: none */
    uint64_t root_asked_height;
    bool is_taking_snapshot;
    uint64_t snapshot_asked_height; /* of the newest certificate that was asked for */
    struct pbft_new_view making;    /* scratch: the one that I am about to send */
    bool is_learner;                /* durable: 4.2 */
    bool is_alarmed;
    struct certificate top_pqc;  /* highest seen of the current view; height 0 = none */
    struct certificate top_cqc;  /* highest seen; height 0 = none */
    struct certificate head_cqc; /* what committed the head, if that is known; height 0 = none */
    struct certificate alarm[2]; /* what contradict each other; lent with the alarm */
    uint64_t commit_next_height; /* own COMMITs of this view were sent below here */
    bool has_view_cqc;           /* a COMMIT certificate of this view was seen, */
    uint64_t view_cqc_height;    /* the highest of them */
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
    struct pbft_held held[PBFT_HELD_MAX]; /* a ring; older ones count as if they had not been */
    uint32_t held_count;
    uint64_t installed_ms;          /* when this view was, here */
    uint64_t committed_ms;          /* when the last block was */
    uint64_t changing_ms;           /* (e): since q VIEW-CHANGEs, or NEW-VIEW; 0: neither is here */
    uint32_t backoff_count;         /* k */
    uint64_t backoff_eased_ms;      /* when k last fell within this view */
    uint32_t unfair_count;          /* views left for (a), one after the other */
    bool has_progress;              /* of this view, 6.2 */
    bool is_primary_faulty;         /* (c) */
    bool is_fault_told;             /* by evidence, to all, in this view */
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
    uint32_t fetch_turn;      /* 9.4: whose turn it is to be asked for a body */
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
    uint64_t slots_top_height; /* no slot is of a height above */
    struct pbft_act *acts;
    size_t acts_count;
    size_t acts_room;
    struct pbft_block *chain; /* scratch of pbft_chain_to(): 2L */
};

/* What the files offer one another, on this state. */
#include "node/pbft/rules.h"

#endif
