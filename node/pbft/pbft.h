/* The core of agreement: PBFT as in PROTOCOL.md, as a pure function of its state and one event.
 *
 * No I/O, no clock, no randomness, no globals, no allocation after init. What has to happen is
 * listed in the output, in order; the driver makes the writes durable and only then does the rest
 * (rule 4). Blocks are opaque here: the core knows height, digest and parent, and asks the driver
 * to CHECK a block on its parent or to BUILD one. */
#ifndef NODE_PBFT_PBFT_H
#define NODE_PBFT_PBFT_H

#include "node/pbft/drop.h"
#include "node/pbft/msg.h"

struct pbft;

/* ---- configuration ---- */

struct pbft_config {
    struct digest chain_id;
    uint64_t epoch;
    struct member_table members;
    uint32_t own_index;
    uint64_t pipeline_heights;    /* P */
    uint64_t window_heights;      /* L; L >= 4P follows from L >= 2K >= 4P */
    uint64_t batch_ms;            /* T_batch */
    uint64_t status_ms;           /* T_s */
    uint64_t view_change_ms;      /* T_0 */
    uint64_t view_change_cap_ms;  /* T_cap */
    uint64_t fairness_ms;         /* T_fair */
    uint64_t retransmit_ms;       /* T_rtx */
    uint64_t quiet_checkpoint_ms; /* T_c */
    /* 9.3: who is behind a certified checkpoint by more than this takes its state, whatever lies
     * between; up to it, blocks. */
    uint64_t snapshot_behind_heights;
    uint64_t term_blocks;         /* R; 0 = no terms */
    struct pbft_block epoch_base; /* the block before the epoch's first: the genesis block */
    /* B, at most PBFT_DATA_BLOCKS_MAX and at most L. Whoever asks for a range has to hold it, and
     * the headers behind it up to its certificate, inside his window of 2L: nothing of a range
     * whose certificate lies beyond it could ever be committed. L of blocks leave L for the
     * headers. */
    uint32_t sync_blocks_max;
    /* 16: what the bodies above the head may hold, P * (B_max + a header), beside the one right
     * above tip and the next to commit; and as much again those of a base that is not voted for yet
     * (7.4). Requires: at least the largest block. */
    uint64_t proposals_bytes_max;
    /* Sign with the replica's key: the one effect the core asks for directly, since it is a pure
     * function of key and message (Ed25519 is deterministic). */
    void (*sign)(void *context, struct signature *out, struct bytes message);
    void *sign_context;
};

/* What a node that starts knows from its store (PROTOCOL.md 2): pbft_durable_init(), and what the
 * store has put over it. */
struct pbft_durable {
    uint64_t view;
    enum pbft_mode mode;
    struct pbft_block base; /* base(v); height 0 = the genesis block */
    bool is_installed;      /* 6.1: a COMMIT certificate of v at or above base was seen */
    bool is_spoiled; /* 5.8, 7.5: a certificate of v is against my votes or base: no PREPARE in v */
    bool has_tip;
    struct pbft_block tip;       /* last block PREPAREd in v */
    struct pbft_block committed; /* head of the ledger; height 0 = the genesis block */
    bool has_head;               /* the certificate of exactly the head, if the ledger has it */
    struct certificate head;
    bool has_high;
    struct certificate high;
    bool has_cover; /* blocks up to committed stand under this COMMIT certificate, which is of one
                       above (5.6) */
    struct certificate cover;
    bool is_learner;           /* rule 4.2: this key never votes again */
    bool is_alarmed;           /* 13: more than f members lied; stays readable, never votes */
    bool is_diverged;          /* 8.2: my state is not the certified one */
    bool is_taking_snapshot;   /* 9.3: one is under way; nothing is committed until it stands */
    bool has_stable;           /* of a committed height: */
    struct certificate stable; /* the newest CHECKPOINT certificate that was written */
    uint64_t status_counter;   /* above every one sent before */
};

/* View 0 of an epoch that begins after this block: NORMAL, tip and committed there (rule 7.8). */
void pbft_durable_init(struct pbft_durable *out, const struct pbft_block *base);

size_t pbft_memory_bytes(const struct pbft_config *config);
/* Make a core in memory (aligned for any type, pbft_memory_bytes() long), which it then lives in.
 * Requires: the memory is all zero, as mem_alloc() gives it. There are megabytes of room, mostly
 * for bad times; what is not needed is not touched.
 * Owns: borrows memory until the core is no longer used; copies config and durable. */
struct pbft *pbft_init(void *memory, const struct pbft_config *config,
                       const struct pbft_durable *durable);
/* After init and before START: what else is durable, in any order; heights at or below the
 * committed one are ignored. Blocks whose bodies are in the store, and how big they are as a whole;
 * own votes; own PRE-PREPAREs. A body that was voted for and rotted (pitfalls D5) is left out: it
 * is fetched, and until it is here what was signed in this view is not sent again, nor gone on
 * from. */
void pbft_restore_block(struct pbft *p, const struct pbft_block *block, size_t block_bytes);
void pbft_restore_vote(struct pbft *p, const struct pbft_vote *vote);
void pbft_restore_pre_prepare(struct pbft *p, const struct pbft_pre_prepare *pre_prepare);
/* The own VIEW-CHANGE for, and the accepted NEW-VIEW of, the current view; of other views they are
 * ignored. Requires: verified. */
void pbft_restore_view_change(struct pbft *p, const struct pbft_view_change *view_change);
void pbft_restore_new_view(struct pbft *p, const struct pbft_new_view *new_view);
/* Likewise: evidence of the store, which was verified. Of another epoch it is ignored. */
void pbft_restore_evidence(struct pbft *p, const struct pbft_evidence *evidence);

/* ---- events ---- */

/* A ticket names what was asked for; an answer to an older one is dropped (design 3). */
struct pbft_ticket {
    uint64_t view;
    uint64_t height;
    struct digest parent;
};

enum pbft_check_answer { PBFT_CHECK_VALID, PBFT_CHECK_INVALID, PBFT_CHECK_LATER };

struct pbft_checked {
    struct pbft_ticket ticket;
    struct digest digest;
    enum pbft_check_answer answer;
    uint64_t retry_ms; /* LATER: ask again at this time (5.2: its clock is ahead) */
};

struct pbft_built {
    struct pbft_ticket ticket;
    bool has_block; /* false: nothing applies now; wait for the pool, a commit, or retry_ms */
    struct pbft_block block;
    uint64_t retry_ms; /* 0 = none */
};

/* The state root of a checkpoint height, whose tree is durable and kept (8.1). */
struct pbft_root {
    uint64_t height;
    struct digest digest; /* the block */
    struct digest root;
};

/* What the pool holds (10.1). */
struct pbft_pool {
    bool has_executable;
    bool is_full_block; /* enough for a full block */
    uint64_t oldest_ms; /* since when the oldest is executable; for the timers of section 6 */
    /* Arrival of the oldest that stands in no block above the committed height; 0: there is none.
     * T_batch counts from it, and nothing is built while it is 0 (5.1: no empty blocks). */
    uint64_t unproposed_ms;
    /* 6.1 (a): the least, over executable transactions, of the later of: executable without a
     * break; sent to all in this view. 0: none was sent to all yet. */
    uint64_t fair_since_ms;
    /* 6.1 (a), second half: of the transactions that blocks of this view committed since the view
     * was installed here, the longest time from the beginning of its age until the block's proposal
     * reached me; 0: none. */
    uint64_t late_ms;
    uint64_t
        work_done; /* signatures + operations of all blocks committed since the start: 6.1 (d) */
    bool is_over_full_block; /* more pending than one block takes */
};

enum pbft_event_type {
    PBFT_EVENT_START, /* once, first: 4.1 */
    PBFT_EVENT_MSG,
    PBFT_EVENT_TICK, /* the deadline has come */
    PBFT_EVENT_CHECKED,
    PBFT_EVENT_BUILT,
    PBFT_EVENT_POOL,
    /* 13: a COMMIT certificate of a committed height is not of the block that the ledger has there.
     * The core remembers what it committed lately and compares that itself; it is the driver that
     * can look up the rest. */
    PBFT_EVENT_CONTRADICTION,
    /* 8.1: at each multiple of K, ascending, as soon as the flush is durable; when ASK_ROOT has
     * asked; and after START once for each of the last two, whose trees are kept. */
    PBFT_EVENT_ROOT,
    /* 9.3: the snapshot asked for last cannot be taken, or nobody has it: ranges have to do. */
    PBFT_EVENT_SNAPSHOT_REFUSED,
    /* 9.3: all of it is here. What this decides becomes durable together with it, and the core ends
     * there: the next one is made on the state taken. */
    PBFT_EVENT_SNAPSHOT_TAKEN,
    /* The driver lacks committed blocks below a snapshot (back-fill), or the block at its height:
     * ask some peer for this range. Dropped as `budget` when none is free. The answer is the
     * driver's to look for among the DATA that comes. */
    PBFT_EVENT_FETCH_RANGE,
    /* 14.1: a block that a member proposed contradicts itself. The core does not look into blocks;
     * whoever does has verified this evidence, as node/verify would if a peer had sent it. */
    PBFT_EVENT_EVIDENCE
};

struct pbft_event {
    enum pbft_event_type type;
    uint64_t now_ms; /* monotonic; a lower one than before is taken for the same */
    /* MSG, a NEW-VIEW: what the ledger has at the height of its base (pbft_new_view_base()), if
     * that is durable there; NULL: it has nothing there, or the core remembers it itself (7.5). */
    const struct digest *base_digest;
    union {
        const struct pbft_msg *msg; /* verified; borrowed until pbft_step returns */
        struct pbft_checked checked;
        struct pbft_built built;
        struct pbft_pool pool;
        struct pbft_root root;
        struct {
            uint64_t from_height;
            uint32_t blocks_max; /* 1..PBFT_DATA_BLOCKS_MAX */
        } range;
        struct pbft_block snapshot;              /* TAKEN: the block whose state it is */
        const struct certificate *contradiction; /* verified; borrowed until pbft_step returns */
        const struct pbft_evidence *evidence;    /* verified; likewise */
    };
};

/* ---- output ---- */

enum pbft_act_type {
    /* Durable changes: all of a step's land before any of its other acts is carried out. */
    PBFT_WRITE_STATE,       /* view, mode, base, tip, and what is said of the view */
    PBFT_WRITE_BLOCK,       /* the body of block, which the driver holds */
    PBFT_WRITE_VOTE,        /* an own PREPARE or COMMIT */
    PBFT_WRITE_PRE_PREPARE, /* an own PRE-PREPARE */
    PBFT_WRITE_HIGH,
    PBFT_WRITE_VIEW_CHANGE, /* an own VIEW-CHANGE */
    PBFT_WRITE_NEW_VIEW,    /* the NEW-VIEW that was accepted, or made */
    PBFT_WRITE_COMMIT,  /* block is committed: append it to the ledger, with its certificate if any
                         */
    PBFT_WRITE_COVER,   /* the last blocks were committed under this certificate of one above them,
                           whose body, or one between, is not here yet (5.6) */
    PBFT_WRITE_LEARNER, /* a peer showed a vote of mine that this store does not know (4.2) */
    PBFT_WRITE_ALARM, /* certificate and other: what section 13 calls a safety alarm; kept, so that
                         a restart neither forgets it nor votes again */
    PBFT_WRITE_CHECKPOINT, /* certificate: of CHECKPOINTs, of a committed height, none below the one
                              before; given back as stable at a start. Also the one that DIVERGED is
                              about: there is a state to be taken by it */
    PBFT_DIVERGED,       /* certificate; 8.2: my root of its height (root) is not the certified one.
                            Durable, and told; as with LEARNER, votes that wait for the disk do not leave
                          */
    PBFT_WRITE_EVIDENCE, /* evidence: the first of its offender and kind in this epoch (16) */
    /* Messages. */
    PBFT_SEND_VOTE,
    PBFT_SEND_PRE_PREPARE, /* with block's body */
    PBFT_SEND_STATUS,
    PBFT_SEND_FETCH,
    PBFT_SEND_QC,
    PBFT_SEND_RANGE, /* DATA: committed blocks from height on, at most count, and their certificate
                      */
    PBFT_SEND_BLOCK, /* DATA: block's body, with the PRE-PREPARE if has_pre_prepare */
    PBFT_SEND_COMPLAIN,
    PBFT_SEND_VIEW_CHANGE, /* an own one */
    PBFT_SEND_NEW_VIEW,    /* of new_view_from, the primary of its view; anybody may relay it */
    PBFT_SEND_EVIDENCE, /* evidence, or if that is NULL the item of evidence_of, which was written
                         */
    /* Questions to the driver. They need not wait for the writes: an answer reveals nothing, and
     * what comes of it queues behind them. */
    PBFT_ASK_CHECK, /* block, and the PRE-PREPARE that proposed it */
    PBFT_ASK_BUILD,
    /* 9.3: take the state of this CHECKPOINT certificate (above the head, unless diverged) from
     * peers. Asked again with a newer one meanwhile. Nothing is committed until the driver makes a
     * core anew on the state taken, or says that it cannot (SNAPSHOT_REFUSED). */
    PBFT_ASK_SNAPSHOT,
    PBFT_ASK_ROOT, /* flush the newest height out of turn, or keep the tree that is flushed (8.1:
                      nothing followed it for T_c), and tell its ROOT when that is durable. No
                      answer when the height is neither by then. */
    /* Two certificates that cannot both be: more than f members lie. The core has stopped voting.
     */
    PBFT_ALARM
};

enum { PBFT_TO_ALL = UINT32_MAX };

struct pbft_act {
    enum pbft_act_type type;
    uint32_t to; /* sends: member index, or PBFT_TO_ALL (everybody else) */
    struct pbft_block block;
    struct pbft_ticket ticket; /* ASK_* */
    union {
        struct pbft_vote vote;
        struct {
            struct pbft_pre_prepare pre_prepare; /* without bytes: block says which */
            uint32_t pre_prepare_from;
            bool has_pre_prepare;
        };
        struct pbft_status status;
        struct pbft_fetch fetch;
        struct pbft_complain complain;
        struct pbft_root root;                      /* DIVERGED */
        const struct pbft_view_change *view_change; /* lends until the next step */
        struct {
            const struct pbft_new_view *new_view; /* lends until the next step */
            uint32_t new_view_from;
        };
        struct {
            uint64_t height; /* RANGE, ASK_ROOT */
            uint32_t count;
        };
        struct {
            uint32_t offender;
            enum pbft_evidence_kind kind;
        } evidence_of;
        struct {
            uint64_t view;
            enum pbft_mode mode;
            bool is_installed;
            bool is_spoiled;
            struct pbft_block base;
            bool has_tip;
            struct pbft_block tip;
        } state;
    };
    const struct certificate
        *certificate; /* HIGH, COVER, QC, COMMIT, CHECKPOINT, *ALARM; lends until the next step */
    const struct certificate *other;      /* *ALARM; NULL: the one in the ledger */
    const struct pbft_evidence *evidence; /* *_EVIDENCE; lends until the next step, and the
                                             bytes of a block as long as the event does */
};

struct pbft_output {
    const struct pbft_act *acts; /* lends until the next step */
    size_t acts_count;
    enum pbft_drop drop; /* why a message or answer was dropped; PBFT_KEEP when it was not */
};

/* Take one event. Never fails: what is wrong with an event is in output->drop. */
void pbft_step(struct pbft *p, const struct pbft_event *event, struct pbft_output *output);

/* The caller was at work from then until now_ms: that is no pause, however long it was, and all
 * ages go on over it (6.2, pitfalls I6). What lies before it, since the last step or work, may be
 * one. */
void pbft_worked(struct pbft *p, uint64_t from_ms, uint64_t now_ms);
/* When the last pause ended, as a step at now_ms would see it: what came before that and was late
 * may have waited here. Start counts as one; 0: there was none yet. */
uint64_t pbft_awake_from_ms(const struct pbft *p, uint64_t now_ms);

/* The caller took no messages from then until now, and may go on so: no age grows in that time, up
 * to T_cap for each (6.2, pitfalls I6). Steps go on. Said in ascending order; adjoining ones are
 * one. */
void pbft_held(struct pbft *p, uint64_t from_ms, uint64_t until_ms);
/* So much of the time in between was so, up to T_cap. */
uint64_t pbft_held_ms(const struct pbft *p, uint64_t from_ms, uint64_t until_ms);

/* When to call back with a TICK; UINT64_MAX = not by itself. */
uint64_t pbft_deadline_ms(const struct pbft *p);

/* ---- looking in (driver, status, tests) ---- */

struct pbft_view_of {
    uint64_t view;
    enum pbft_mode mode;
    bool is_primary;
    bool is_installed;          /* 6.1; view 0 always is */
    enum pbft_reason complaint; /* why I want to leave the view; 0: I do not */
    uint64_t timeout_ms;        /* T_k */
    struct pbft_block base;
    bool has_tip;
    struct pbft_block tip;
    struct pbft_block committed;
    uint64_t certified_height; /* of the highest COMMIT certificate seen */
    bool has_high;
    struct pbft_rank high;
    bool is_alarmed;
    bool is_learner;
    bool is_diverged;
    bool has_lost;              /* a body that I voted for in this view is not here (D5) */
    bool is_taking_snapshot;    /* 9.3: nothing is committed meanwhile */
    uint64_t stable_height;     /* 8.1 */
    uint64_t checkpoint_height; /* of the newest CHECKPOINT certificate seen; at least stable */
};
void pbft_look(const struct pbft *p, struct pbft_view_of *out);
/* The committed height that a member's last STATUS claims; 0: none came yet. Not to be believed. */
uint64_t pbft_claimed_height(const struct pbft *p, uint32_t member);
/* The highest-ranked certificate seen (PROTOCOL.md 2); NULL: the epoch's base, there is none yet.
 * It may not be durable yet. Lends until the next step. */
const struct certificate *pbft_high(const struct pbft *p);
/* Which evidence there is against a member: PBFT_EVIDENCE_BIT(kind) of each. */
uint8_t pbft_evidence_kinds(const struct pbft *p, uint32_t member);
/* Whether the core still refers to a block above the committed height: the driver keeps the body
 * and the layer of those, and of no others. */
bool pbft_wants_block(const struct pbft *p, const struct digest *digest, uint64_t height);
/* What would become of a message whose signatures nobody has looked at yet: the reason for which
 * pbft_step() would drop it whoever signed it, else PBFT_KEEP. So that signatures are not verified
 * in vain: votes beyond a quorum (3.3), certificates that raise nothing, DATA that was not asked
 * for, old STATUSes. Changes nothing. Own messages that a peer shows (4.2) are always kept. */
enum pbft_drop pbft_glance(const struct pbft *p, const struct pbft_msg *m);
/* How many of each reason so far. */
const uint64_t *pbft_drops(const struct pbft *p); /* PBFT_DROP_COUNT of them */

#endif
