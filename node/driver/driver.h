/* The driver: everything a replica does between the bytes that come in and the bytes that go out.
 * Decode and verify, feed the core, hand what must be durable to the store, and when the store says
 * DONE, and only then, send and answer (PROTOCOL.md 4, design 3).
 *
 * It makes no system call, starts no thread and knows no clock. What it needs of the world stands
 * behind interfaces: kv, net, verify, helper, signer; the time comes with every call. hansad binds
 * them to threads, sockets and LMDB; the simulator binds the same driver to a virtual world.
 *
 * Turns. All that happens between two calls of driver_run() joins one turn: its writes one batch,
 * its outputs one list. One batch is being made durable while the next turn fills; when the store
 * says DONE its outputs go out, and the next batch is submitted. So outputs never overtake a write
 * that was decided before them, and under load one sync carries many decisions (group commit).
 *
 * One thread: all functions here are called on it, but for driver_job_run(). The interfaces'
 * functions must not call back into the driver, save verify.submit and helper.submit, which may
 * call driver_on_job().
 */
#ifndef NODE_DRIVER_DRIVER_H
#define NODE_DRIVER_DRIVER_H

#include "genesis/genesis.h"
#include "ledger/store_intake.h"
#include "node/pbft/pbft.h"
#include "node/pool.h"
#include "node/verify.h"

/* ---- what the world provides ---- */

/* Monotonic milliseconds drive all timers; the wall clock is for block time alone (5.1, 5.2). */
struct driver_time {
    uint64_t now_ms;
    uint64_t wall_ms; /* since 1970, UTC */
};

/* Make a batch durable, as kv_commit() on the store's kv, then say driver_on_durable(). The driver
 * submits one at a time. Owns: lends batch until driver_on_durable(). */
struct driver_kv {
    void *context;
    void (*submit)(void *context, const struct kv_batch *batch);
};

enum driver_outcome {
    DRIVER_COMMITTED, /* at place: durable, and covered by a durable certificate: receipt_make() */
    DRIVER_REJECTED,  /* final: see verdict; txid_at_nonce when the nonce is another's */
    DRIVER_REFUSED,   /* now: the nonce stays open, these very bytes may commit later (10.3) */
    DRIVER_BUSY,      /* nothing was kept: try again later */
    DRIVER_UNKNOWN    /* it was taken and is pending still: ask again, or send the same bytes */
};

/* What became of one submitted transaction (10.2, 10.3). */
struct driver_answer {
    enum driver_outcome outcome;
    struct digest txid; /* zero when the bytes are no transaction */
    enum verdict verdict;
    enum pool_answer pool_answer;
    bool has_other;           /* REJECTED for a used nonce: */
    struct digest other_txid; /* the transaction that stands there */
    struct place place;       /* COMMITTED */
};

struct driver_net {
    void *context;
    /* Hand a message to the queue of one member. Never blocks, may lose. Borrows. */
    void (*send)(void *context, uint32_t to, struct bytes message);
    /* Answer a client's transaction; `client` is the number given to driver_on_tx(). Once each. */
    void (*answer)(void *context, uint64_t client, const struct driver_answer *answer);
};

/* Work that may run on any thread: driver_job_run() does it, then driver_on_job() brings it back on
 * the driver's thread, in any order. Owns: the driver's; lent until driver_on_job(). */
struct driver_job;
struct driver_verify {
    void *context;
    void (*submit)(void *context, struct driver_job *job);
};
/* The same for state trees (8.1), whose jobs read the disk and may take a second: a thread of their
 * own. One at a time. */
struct driver_helper {
    void *context;
    void (*submit)(void *context, struct driver_job *job);
};
void driver_job_run(struct driver_job *job);
/* How many signatures the job may have to verify: its cost, for whoever schedules or simulates. */
uint32_t driver_job_signatures(const struct driver_job *job);

/* The marker file beside the key (rule 4.2): what it holds bounds what this key may have signed, so
 * that a store put back from a copy is found out. A vote or proposal above it leaves only after the
 * reservation was raised in the store, in the batch of that vote, and then in the marker. */
struct driver_marker {
    void *context;
    struct pbft_rank held; /* when the driver opens */
    /* Write and sync the marker, then say driver_on_marked(). One at a time, and none while a batch
     * is submitted. NULL: there is no marker. Borrows. */
    void (*raise)(void *context, const struct pbft_rank *to);
};

struct driver_signer {
    void *context;
    void (*sign)(void *context, struct signature *out, struct bytes message);
};

/* ---- limits; each has its reason and a test beyond it ---- */

enum {
    /* Messages of one link waiting for their turn: what a peer resends after one STATUS, 2L votes
     * and proposals, comes in bursts; more is dropped and healed by the next STATUS. */
    DRIVER_LINK_MSGS_MAX = 1024,
    /* ... and their bytes: two of the largest and change, times the pipeline. */
    DRIVER_LINK_BYTES_MAX = 8 * PBFT_MSG_BYTES_MAX,
    /* Of one link being verified at once: nobody can fill the verification pool alone. */
    DRIVER_LINK_JOBS_MAX = 64,
    /* Messages taken from the links in one driver_run(): bounds how long a turn fills. */
    DRIVER_RUN_MSGS_MAX = 256,
    /* Signatures in one job: 64 * 50 us is 3 ms, so that a full block spreads over all cores. */
    DRIVER_JOB_TXS_MAX = 64,
    /* Client transactions being verified at once. */
    DRIVER_CLIENT_JOBS_MAX = 1024,
    /* While more flushes than this are set aside and go on, no messages are taken: bounds the
     * memory of layers and how far the flushed state lags behind, at one step's commits beyond. */
    DRIVER_FLUSHES_DUE_MAX = 2,
    /* Waiting answers for one transaction: a client, and one that asks again. Beyond, UNKNOWN is
     * answered at once; so nobody takes all places that there are, twice those of the pool. */
    DRIVER_WAITERS_PER_TX = 2,
    /* Messages that a turn keeps while the disk is slow, and their bytes: two windows of votes and
     * proposals for each of 31 peers. More are dropped, and healed by the next STATUS; of STATUS
     * itself the last one is kept. */
    DRIVER_OUTPUTS_MAX = 8192,
    DRIVER_OUTPUT_BYTES_MAX = 8 * PBFT_MSG_BYTES_MAX,
    /* Bodies sent to one peer within T_s because it asked or lags (rule 9.1's budget of bytes): 17
     * MiB/s at the default T_s. The last may go beyond, which counts in the next T_s: so nothing is
     * read that is not sent. What is proposed to all is not counted. */
    DRIVER_ANSWER_BYTES_MAX = 4 * PBFT_MSG_BYTES_MAX,
    /* Work on answers with bodies or evidence within so long, for all who ask (9.1): what is read
     * for 12 of the largest. Reading, copying and sealing one takes 4 to 5 ms, so this is a quarter
     * of the driver's thread, whatever T_s is, and 51 MiB/s. It is shared among those who ask by
     * what it costs, however many of them are liars. */
    DRIVER_ANSWERS_MS = 250,
    DRIVER_ANSWERS_BYTES_MAX = 12 * PBFT_MSG_BYTES_MAX,
    /* ... of which one run begins no more when it read as much as for one of the largest. */
    DRIVER_RUN_ANSWERS_BYTES_MAX = PBFT_MSG_BYTES_MAX,
    /* The least that a block, certificate or answer counts for: finding, checking and decoding a
     * small one is some 20 us, as long as 4 KiB of a large one take. */
    DRIVER_READ_BYTES_MIN = 4 * 1024,
    /* Answers that wait for their turn, of one peer: to the six questions that it may owe an answer
     * to (9.4), and what its STATUS brings unasked, a range and an item of evidence. */
    DRIVER_ANSWERS_WAITING_MAX = 8,
    /* Work on pieces of the state within so long, for all who ask (9.3): 16 of the largest. Walking
     * and hashing the entries of one takes 3 to 4 ms, so this is a quarter of the driver's thread,
     * whatever T_s is, and 16 MiB/s. It is shared piece by piece among those who ask, however many
     * of them are liars: a question waits for its turn, of each peer the newest. */
    DRIVER_PIECES_MS = 250,
    DRIVER_PIECES_BYTES_MAX = 16 * SNAPSHOT_PIECE_BYTES_MAX,
    /* ... of which one run does no more than one of the largest, so that it stays as short as with
     * other messages. */
    DRIVER_RUN_PIECES_BYTES_MAX = SNAPSHOT_PIECE_BYTES_MAX,
    /* The least that a question counts for, in what is done for all and in what its peer gets: the
     * way down to a node, each on it hashed, is some 50 us, 16 KiB of entries take four times that
     * long. */
    DRIVER_QUESTION_BYTES_MIN = 16 * 1024,
    /* Times within T_s that one peer is told that a piece of the state is not here (9.3). Such an
     * answer costs a search and next to no bytes, so the bytes do not bound it. A sound one asks
     * for one piece at a time, and after such an answer not again for 4 T_s. */
    DRIVER_ABSENCES_MAX = 16,
    /* A taken transaction is answered UNKNOWN after so long. */
    DRIVER_ANSWER_MS = 10000,
    /* Who is behind a certified checkpoint by more takes its state instead of the blocks between
     * (9.3): 256 ranges of 64 blocks, which are minutes, and no state of ten million accounts is
     * here sooner. */
    DRIVER_SNAPSHOT_BEHIND_HEIGHTS = 16384,
    /* A state tree of which pieces are asked for is not dropped (8.3, 9.3): for so long after the
     * last one, which is more than any pause between two of a sound joiner's questions; */
    DRIVER_HOLD_MS = 10000,
    /* and no longer in all, for 10 GiB of state over 50 Mbit/s. It bounds what somebody who asks
     * for ever makes a disk keep: what states change in that time. */
    DRIVER_HOLD_MAX_MS = 30 * 60 * 1000,
    /* What lasted longer at a stretch was the process standing still in the midst of it: a run's
     * work has the bounds above, and that of handing over what came those of the net; both are far
     * shorter. */
    DRIVER_WORK_MS_MAX = 4000,
    /* Heights reserved at once, rule 4.2's number: the marker's sync is spread over so many. */
    DRIVER_RESERVED_HEIGHTS = 1024
};

/* ---- making and ending ---- */

struct driver_config {
    const struct genesis *genesis; /* borrows */
    uint32_t own_index;
    struct store *store; /* of this genesis and replica, opened with TREE_TRUST; borrows */
    struct driver_kv kv;
    struct driver_net net;
    struct driver_verify verify;
    struct driver_helper helper;
    struct driver_signer signer;
    struct driver_marker marker; /* raise may be NULL */
    /* Heights reserved at once: DRIVER_RESERVED_HEIGHTS, fewer where the raising itself is tried.
     */
    uint64_t reserved_heights;
    /* 9.3: DRIVER_SNAPSHOT_BEHIND_HEIGHTS, fewer where snapshots themselves are tried. */
    uint64_t snapshot_behind_heights;
    /* DRIVER_OUTPUTS_MAX and DRIVER_ANSWER_BYTES_MAX, less where overflowing itself is tried; one
     * message of the largest size has to fit. */
    uint32_t outputs_max;
    size_t answer_bytes_max;
    /* The marker says that this key has signed what this store does not know (4.2): follow as a
     * learner, for good. A marker above the store's reservation is found here without it. */
    bool is_fenced;
};

struct driver;

/* Load what is durable and make a driver that stands where the last one was cut off: committed
 * blocks are re-applied by the store, proposals, votes, high and state are given to the core. The
 * first driver_run() sends again what rule 4.1 says. Owns: borrows all that config names.
 * Requires: config->reserved_heights > 0, snapshot_behind_heights > 0, outputs_max > 1,
 * answer_bytes_max >= PBFT_MSG_BYTES_MAX. Returns: RC_OK | RC_STORE_DAMAGED (vote state is not
 * repaired: pitfalls D5) | RC_STORE_IO. */
MUST_USE enum rc driver_open(struct driver **out, const struct driver_config *config,
                             struct why *why);
/* Jobs that are out are freed too: nobody may be running one, and none may come back. */
void driver_close(struct driver *d);

/* ---- events ---- */

/* A message of a peer, whose session (link) brought it. Copies. False when the link's queue is full
 * and the message was dropped. Requires: link < members_count and not the own. */
bool driver_on_message(struct driver *d, uint32_t link, struct bytes message);
/* A client's transaction. Copies. It is answered once, by net.answer(), unless the driver fails.
 * The caller bounds how many are unanswered: answers are kept while a commit is under way. */
void driver_on_tx(struct driver *d, uint64_t client, struct bytes whole, struct driver_time time);
/* A reader met damage, perhaps to the committed block of this height (pitfalls D5): if that is what
 * is damaged on the disk, it is fetched from other members and put in its place, unless another one
 * is wanted so already. Any height may be given. */
void driver_on_damaged_block(struct driver *d, uint64_t height);
/* A reader met damage and goes on without what it read: counted with the driver's own. */
void driver_on_damage(struct driver *d, const struct why *why);
/* A job was run. */
void driver_on_job(struct driver *d, struct driver_job *job);
/* The batch that was submitted is durable (RC_OK), or the disk failed: then nothing is sent or
 * written any more, and driver_failure() says why (rule 4.2). */
void driver_on_durable(struct driver *d, enum rc rc);
/* The marker holds what it was to be raised to (RC_OK), or could not be written: as above. */
void driver_on_marked(struct driver *d, enum rc rc);
/* Do what is to be done: call after events, and at driver_deadline_ms(). Bounded; when it left
 * something to do the deadline is at or before now. After a pause, which is T_s or more beyond the
 * deadline and the end of its own work (driver_worked()), no timer fires before the messages that
 * wait were verified and taken, or T_s has passed (6.2, pitfalls I6): hand over what came meanwhile
 * before this is called. */
void driver_run(struct driver *d, struct driver_time time);
/* The thread was at work from then until now_ms, in driver_run() or with handing over what came:
 * that time was no pause, unless it is longer than DRIVER_WORK_MS_MAX (6.2, pitfalls I6). To be
 * said before it sleeps, and before driver_run() of what it did since it woke. Where it is not
 * said, work takes no time. */
void driver_worked(struct driver *d, uint64_t from_ms, uint64_t now_ms);
/* When to call driver_run() by itself. */
uint64_t driver_deadline_ms(const struct driver *d);

/* RC_OK, or why this driver has stopped for good, in words. RC_REOPEN: not for a fault. The store
 * stands elsewhere now, because a snapshot was taken (9.3), or the state is not to be believed any
 * more (8.2: its root is not the certified one, or a certified block does not apply, which may show
 * when a driver is opened: store_options.may_have_wrong_state; or it is damaged on the disk), or a
 * block that the state is made of was damaged, and is here again (D5); close
 * driver and store, and open both again. Before a diverged store is opened again, copy it: the next
 * driver discards its state. Not for a committed block, certificate or index that is damaged on the
 * disk (pitfalls D5): whoever asked for it gets nothing, or UNKNOWN, and others have it. Without
 * the state tree nothing can be checked or committed: where no CHECKPOINT certificate is held, and
 * so no state can be taken, its damage is RC_STORE_DAMAGED. */
enum rc driver_failure(const struct driver *d, struct why *why);

/* ---- looking in (status, metrics, tests) ---- */

/* What a member is known for here. Only evidence convinces anybody else. */
struct driver_score {
    uint64_t bad_signatures; /* messages over its link with a signature or certificate that is none
                              */
    uint64_t conflicts;      /* of its own votes and proposals against earlier ones, each time */
    uint64_t accusations;    /* proposals that were not valid on their parent's state (14.2) */
    uint8_t evidence;        /* PBFT_EVIDENCE_BIT(kind) of each that is known (14.1) */
};

/* How the views went, as far as this driver saw since it was opened. */
struct driver_views {
    uint64_t since_ms;         /* in the view and mode of now */
    uint64_t left_count;       /* how often a view was left, */
    uint64_t left_view;        /* the last of them, */
    uint64_t left_ms;          /* when, */
    enum pbft_reason left_for; /* and for what most of the f+1 complained; NONE: it was not told */
    uint64_t installed_count;  /* how often one was installed after that, */
    uint64_t installed_ms;     /* and when last */
    uint64_t complaints[PBFT_REASON_END]; /* own: one for a view, however often it is sent */
    uint64_t complaint_view;              /* of the last of them */
    enum pbft_reason complaint_reason;    /* NONE: there was none */
};

/* Two roots of one height, of which the own one is wrong (8.2). Height 0: an earlier driver found
 * it. */
struct driver_divergence {
    uint64_t height;
    struct digest root, certified_root;
};

struct driver_look {
    struct pbft_view_of core;
    struct pool_summary pool;
    struct pbft_pool told;   /* what the core was told of it last */
    uint64_t durable_height; /* committed and durable */
    uint32_t blocks_count;   /* bodies held above the committed height */
    uint64_t blocks_bytes;
    uint32_t waiting_count;                /* clients that wait for an answer */
    uint64_t inbox_bytes;                  /* of messages that wait or are being verified */
    uint64_t claimed_heights[MEMBERS_MAX]; /* by each member's last STATUS; not to be believed */
    struct driver_score scores[MEMBERS_MAX];
    uint64_t core_drops[PBFT_DROP_COUNT];
    uint64_t verify_drops[VERIFY_DROP_COUNT];
    uint64_t inbox_drops;                  /* queues that were full */
    uint64_t outputs_count, outputs_bytes; /* messages of the turn that fills */
    uint64_t output_drops;                 /* beyond its limits */
    uint64_t answer_drops;                 /* bodies beyond a peer's budget, or places to wait */
    struct driver_views views;
    bool is_diverged; /* 8.2: my state is not the certified one: */
    struct driver_divergence divergence;
    bool is_taking_snapshot;           /* 9.3: */
    struct snapshot_progress snapshot; /* how far it is */
    uint64_t snapshot_faults;          /* pieces that were refused */
    uint64_t history_from_height;      /* blocks below are not here yet; 1: all are */
    struct pbft_root root;             /* the last that the core was told; height 0: none */
    uint64_t damaged_count;            /* reads of the store that met damage and gave nothing; */
    struct why damaged_why;            /* what the last of them met, with its height */
    uint64_t repaired_count;           /* blocks that were fetched from others in such a place */
    uint64_t awaited_height;           /* 0, or: the state is made when this block is here again */
};
void driver_look(const struct driver *d, struct driver_look *out);
/* The same of what nearly every run changes, for who looks after each: core, pool, durable_height,
 * what is held of blocks, waiting_count, inbox_bytes and outputs. The rest of out stays as it is.
 */
void driver_look_at_work(const struct driver *d, struct driver_look *out);
/* The core's high as the disk has it, for a committed read (rules 4 and 11): it is at least that of
 * driver_look()'s durable height, and at least that of every COMMIT that left. NULL: the epoch's
 * base. Lends until the next call. */
const struct certificate *driver_high(const struct driver *d);

/* The bytes of one item of evidence, as pbft_evidence_encode() has it. Lends until the next commit.
 * False when there is none, or none that is durable yet, or it is damaged. */
bool driver_evidence(struct driver *d, uint32_t offender, enum pbft_evidence_kind kind,
                     struct bytes *out);

#endif
