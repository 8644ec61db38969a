/* What the files of node/driver share. Nobody else includes this. */
#ifndef NODE_DRIVER_DRIVER_IMPL_H
#define NODE_DRIVER_DRIVER_IMPL_H

#include "node/driver/answers_impl.h"
#include "node/driver/driver.h"
#include "node/driver/snapshot_impl.h"

/* ---- blocks.c: bodies above the committed height, and their effects ---- */

struct driver_block {
    struct block block; /* lends from bytes */
    struct buf bytes;
    bool is_stored;      /* staged as a proposal */
    bool is_fresh;       /* built, and the core has not heard of it yet */
    struct layer *layer; /* what it does to its parent's state; NULL until applied */
    /* By the primary of the view that it came in: the last such view, when, and when my last pause
     * before that ended. */
    bool is_proposed;
    uint64_t proposed_view, arrived_ms, awake_from_ms;
};

/* ---- waiting.c: clients whose transaction was taken ---- */

struct driver_waiter {
    struct driver_waiter *newer, *older;  /* by arrival: all wait equally long */
    struct driver_waiter *next_in_bucket; /* by key and nonce */
    uint64_t client;
    struct digest txid;
    struct public_key signer;
    uint64_t nonce;
    uint64_t valid_until_height;
    uint64_t until_ms;
};

/* A receipt that waits until a certificate covers its block: after a partial commit (5.6). */
struct driver_uncovered {
    uint64_t client;
    struct digest txid;
    struct place place;
    uint64_t until_ms;
};

/* ---- turn.c ---- */

enum driver_output_type { OUTPUT_MESSAGE, OUTPUT_BODY, OUTPUT_ANSWER, OUTPUT_OTHER };

/* What goes out once the turn is durable, in this order. */
struct driver_output {
    enum driver_output_type type;
    bool is_own_word;            /* a vote or PRE-PREPARE of mine: withdraw() in acts.c */
    uint32_t to;                 /* MESSAGE, BODY: member index or PBFT_TO_ALL */
    size_t at, size;             /* MESSAGE: of the turn's bytes */
    struct pbft_act act;         /* BODY: PRE-PREPARE, BLOCK or RANGE, encoded when it goes out */
    uint64_t client;             /* ANSWER, OTHER */
    struct place place;          /* OTHER: of what stands at the nonce, read when it goes out */
    struct driver_answer answer; /* OTHER: without what is read */
};

struct driver_turn {
    struct kv_batch *batch;
    struct store_mark mark;
    uint32_t pieces_count; /* of a snapshot, in the batch */
    bool has_backfill;     /* blocks below a snapshot are in the batch */
    bool has_awaited;      /* the block that the store waits for is in the batch */
    bool is_diverging;     /* that the state is not the certified one is in the batch */
    bool has_high;         /* the core's when the turn was closed */
    struct certificate high;
    bool is_above_marker;      /* the marker is to be raised before the outputs leave, */
    struct pbft_rank reserved; /* to here */
    struct driver_output *outputs;
    size_t outputs_count, outputs_room;
    struct buf bytes;
    uint32_t messages_count; /* of the outputs */
    size_t status_at;        /* 1 + index of the STATUS among the outputs; 0 = none */
};

/* ---- jobs.c ---- */

enum driver_job_type { JOB_MESSAGE, JOB_BLOCK_TXS, JOB_CLIENT_TX, JOB_FLUSH };

struct driver_job {
    struct driver_job *next;           /* in a queue */
    struct driver_job *before, *after; /* while it is out: all that are */
    struct driver *driver;
    enum driver_job_type type;
    struct buf bytes;     /* of the message or the transaction, or the listed ones one by one */
    uint32_t link;        /* MESSAGE */
    struct pbft_msg *msg; /* MESSAGE: decoded, lends from bytes */
    /* MESSAGE: its certificate is against the ledger (13). */
    bool is_against_ledger;
    uint64_t client; /* CLIENT_TX */
    uint64_t check;  /* BLOCK_TXS: which check it belongs to, */
    uint32_t from;   /* and the first of its transactions among those that the check lists */
    struct tx *txs;  /* BLOCK_TXS, CLIENT_TX; lend from bytes */
    uint32_t txs_count;
    struct store_flush_job *flush; /* FLUSH; holds its result too */
    /* The results. */
    enum verify_drop drop;
    enum verdict verdict; /* of the first that is bad, */
    uint32_t bad_tx;      /* and which of txs that is */
};

/* Messages of a link that wait for their turn, oldest first. */
struct driver_link {
    struct driver_job *first, *last;
    uint32_t msgs_count;
    size_t bytes;
    uint32_t jobs_count; /* under way */
};

/* ---- the driver ---- */

/* The one check of a proposal that is under way; the core asks for one at a time. */
struct driver_check {
    bool is_asked;   /* to be begun */
    bool is_waiting; /* for jobs */
    uint64_t number; /* jobs of an older one are dropped */
    uint32_t jobs_count;
    bool has_bad_tx;
    uint32_t bad_tx_index; /* in the block: the lowest that is known to be bad */
    struct pbft_ticket ticket;
    struct pbft_block block;
    struct pbft_pre_prepare pre_prepare; /* that proposed it; without bytes */
    uint32_t pre_prepare_from;
};

/* 6.2: when no messages are taken because the disk is behind, and those that waited meanwhile. */
struct driver_held {
    bool is_waiting; /* driver_jobs_wait() when the last run ended */
    bool is_held;    /* then, or those that waited are being taken still */
    uint64_t from_ms, drain_until_ms;
};

enum { DRIVER_WAITER_BUCKETS = 4096 };

/* What a driver that has failed still makes durable: diverge.c. */
enum driver_last_word { LAST_WORD_NONE, LAST_WORD_DUE, LAST_WORD_UNDER_WAY };

struct driver {
    struct driver_config config;
    struct parameters parameters;
    struct verify_config verify_config;
    struct store *store;
    struct driver_time time;
    enum rc failure;
    struct why failure_why;
    enum driver_last_word last_word; /* until it is durable nobody is told of the failure */

    struct pbft *core;
    void *core_memory;
    bool is_started;
    uint64_t starts_count;
    uint64_t due_ms;         /* what driver_run() asked for when it ended, or the end of its work */
    uint64_t drain_until_ms; /* after a pause: no TICK before the inbox is empty, or this */

    struct driver_held held;

    struct driver_turn turns[2];
    uint32_t filling;   /* of turns; the other one is being made durable if is_committing */
    bool is_committing; /* until the batch is durable and, if need be, the marker raised */
    bool is_marking;
    bool is_fenced;               /* 4.2: found at opening */
    struct pbft_rank reserved;    /* in the store, staged or durable */
    struct pbft_rank marked;      /* in the marker before the turn that fills now tells anything */
    struct driver_job *flushed;   /* computed, and waits for the next turn to close; NULL: none */
    struct store_kept told_roots; /* roots that the core was told */
    struct pbft_root root;        /* the last of them */
    bool was_diverged;            /* when it was opened: its state goes, and nothing stands on it */
    bool is_diverged;
    struct driver_divergence divergence;
    uint64_t durable_height;
    bool has_durable_high;
    struct certificate durable_high;
    uint64_t covered_height; /* committed, and a certificate at or above it is staged or durable */

    struct driver_block **blocks; /* any order */
    size_t blocks_count, blocks_room;
    uint64_t blocks_bytes;
    struct driver_lost lost;
    struct driver_check check;
    struct driver_snapshot snapshot;
    struct driver_backfill backfill;
    struct driver_hold hold;
    struct driver_pieces pieces;
    struct driver_repair repair;
    bool is_build_asked;
    struct pbft_ticket build;
    struct tx *unknown_txs; /* scratch of a check: BLOCK_TXS_MAX */
    uint32_t *unknown_indexes;
    struct public_key *signers; /* of the blocks that this step committed */
    size_t signers_count, signers_room;
    struct pbft_msg *scratch_msg;

    struct pool *pool;
    struct layer *scratch; /* the pool's attempts, on the committed state */
    bool is_pool_changed;
    uint64_t unproposed_ms;
    uint64_t view; /* the core's, when last looked at */
    bool is_view_installed;
    bool is_view_known;       /* it was looked at */
    enum pbft_mode view_mode; /* then */
    bool is_view_new;         /* the core has not been told what of the pool counts in this view */
    struct driver_views views;
    uint64_t late_ms, work_done; /* struct pbft_pool */
    uint64_t moved_ms; /* a block was committed, a view installed, or the primary told once more */
    struct pbft_pool told; /* what the core knows of the pool */
    struct verify_cache *cache;

    struct driver_link links[MEMBERS_MAX];
    uint32_t next_link; /* round robin */
    uint32_t client_jobs_count;
    uint64_t client_jobs_work;                   /* of theirs, as the pool counts it */
    struct driver_job *ready_first, *ready_last; /* came back */
    struct driver_job *out;                      /* submitted, and not back */
    uint64_t checks_number;

    struct driver_waiter *oldest_waiter, *newest_waiter;
    struct driver_waiter *buckets[DRIVER_WAITER_BUCKETS];
    uint32_t waiters_count, waiters_max; /* with the uncovered */
    uint64_t expires_min_height;         /* least valid_until of a waiter; UINT64_MAX = none */
    struct driver_uncovered *uncovered;
    size_t uncovered_count, uncovered_room;

    uint64_t verify_drops[VERIFY_DROP_COUNT];
    uint64_t glance_drops[PBFT_DROP_COUNT];
    uint64_t inbox_drops;
    uint64_t output_drops, answer_drops;
    uint64_t damaged_count;
    struct why damaged_why;
    uint64_t read_bytes; /* of blocks and evidence so far, to be sent */
    struct driver_budget budgets[MEMBERS_MAX];
    struct driver_answers answers;
    struct driver_score scores[MEMBERS_MAX]; /* but for .evidence, which the core has */
};

uint32_t driver_primary(const struct driver *d);
/* Stop for good (4.2); the first reason stays. */
void driver_fail(struct driver *d, enum rc rc, const struct why *why);
/* A certificate that the store gives is of this epoch, and a quorum signed it.
 * Returns: RC_OK | RC_STORE_DAMAGED. */
MUST_USE enum rc driver_judge_record(struct driver *d, const struct certificate *c,
                                     const char *name, struct why *why);
/* Somebody asked for what cannot be read. True: it is damaged, is counted, and is to be taken for
 * not here (pitfalls D5). False: rc is RC_OK or RC_NOT_FOUND, or the disk failed and the driver
 * with it. */
bool driver_note_damage(struct driver *d, enum rc rc, const struct why *why);

/* ---- load.c ---- */
/* Load what is durable and make the core of it. Returns: as driver_open(). */
MUST_USE enum rc driver_load(struct driver *d, const struct pbft_config *core, struct why *why);

/* ---- acts.c: one thing that the core decided, into the turn that fills ---- */
void driver_take_act(struct driver *d, const struct pbft_act *act);

/* ---- turn.c: decide, make durable, then tell: nothing goes around this file ---- */
struct driver_turn *driver_turn(struct driver *d); /* the one that fills */
/* One more of it, of this type. */
struct driver_output *driver_add_output(struct driver *d, enum driver_output_type type);
/* One event into the core; what it decides joins the turn. */
void driver_step(struct driver *d, const struct pbft_event *event);
/* Close the turn that fills, unless one is being made durable: submit it or, when it has nothing to
 * make durable, let its outputs go. */
void driver_turn_close(struct driver *d);
void driver_turn_on_durable(struct driver *d);
void driver_turn_on_marked(struct driver *d);
void driver_say(struct driver *d, uint64_t client, const struct driver_answer *answer);
void driver_say_receipt(struct driver *d, uint64_t client, const struct digest *txid,
                        const struct place *place);
/* Rejected: at this place stands another transaction of its nonce. */
void driver_say_other(struct driver *d, uint64_t client, const struct digest *txid,
                      const struct place *place);
void driver_say_forward(struct driver *d, uint32_t to, struct bytes tx);
/* Any other message without a body in the store; its sender is this replica. Encodes it. */
void driver_say_message(struct driver *d, uint32_t to, struct pbft_msg *m);
/* Whether the turn takes another message: the limits of driver.h while the disk is slow. */
bool driver_has_room(const struct driver *d);
/* The same for what can as well go with the next turn: half of it is left to the protocol, whose
 * votes are dropped where there is none. */
bool driver_has_room_to_spare(const struct driver *d);
bool driver_has_outputs(const struct driver *d);

/* ---- flush.c: state trees beside the protocol, and checkpoints (8.1) ---- */
/* More are due than DRIVER_FLUSHES_DUE_MAX, and they go on. */
bool driver_flush_lags(const struct driver *d);
/* Have the next flush that is due computed, if none is under way. */
void driver_flush_begin(struct driver *d);
/* Put one that was computed into the turn that fills. False: reading failed, and the driver. */
bool driver_flush_stage(struct driver *d);
/* Tell the core the roots that are durable and that it does not know. */
void driver_roots_tell(struct driver *d);
/* Any of these is to be done now. */
bool driver_flush_has_work(const struct driver *d);
/* Carry out ASK_ROOT and WRITE_CHECKPOINT. */
void driver_ask_root(struct driver *d, uint64_t height);
void driver_stage_checkpoint(struct driver *d, const struct certificate *certificate);
/* The newest CHECKPOINT certificate, judged. Returns: RC_OK | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc driver_load_stable(struct driver *d, struct pbft_durable *durable,
                                    struct why *why);

/* ---- reserve.c: rule 4.2 ---- */
/* Load the store's reservation, and judge whether the marker knows of more than it. */
MUST_USE enum rc driver_reserve_load(struct driver *d, struct why *why);
/* See to it that what this act signs is reserved before it leaves. */
void driver_reserve(struct driver *d, const struct pbft_act *act);

/* ---- send.c: acts and outputs to bytes ---- */
/* Encode a message without a body into out; false when the act is none. */
bool driver_encode(struct driver *d, struct buf *out, const struct pbft_act *act);
/* Encode one with bodies, or evidence, which the store holds; false when there is nothing to send.
 */
bool driver_encode_bodies(struct driver *d, struct buf *out, const struct pbft_act *act);

/* ---- blocks.c ---- */
struct driver_block *driver_block_find(struct driver *d, const struct digest *digest);
/* Take a judged body, or one of our own making, that is not here yet. Copies. */
struct driver_block *driver_block_add(struct driver *d, struct bytes whole);
/* Keep a body if it is above the committed height and not here yet. Copies. */
void driver_block_keep(struct driver *d, struct bytes whole);
/* Drop what the core does not refer to (pbft_wants_block()). */
void driver_blocks_prune(struct driver *d);
/* Begin the check that the core asked for; its answer is a step, now or when its jobs are back. */
void driver_check_start(struct driver *d);
void driver_check_on_job(struct driver *d, const struct driver_job *job);
void driver_build(struct driver *d);
/* Carry out WRITE_BLOCK and WRITE_COMMIT. */
void driver_stage_block(struct driver *d, const struct pbft_block *block);
void driver_commit(struct driver *d, const struct pbft_act *act);
void driver_blocks_free(struct driver *d);

/* ---- evidence.c ---- */
/* Give the core what of it is in the store. */
MUST_USE enum rc driver_evidence_load(struct driver *d, struct why *why);
bool driver_encode_evidence(struct driver *d, struct buf *out, const struct pbft_act *act);
/* A job of the check under way found a bad one: the lowest that any of them names is kept, in
 * whatever order they come back. */
void driver_note_bad_tx(struct driver *d, const struct driver_job *job);
/* The block whose check is under way is not valid: evidence, or an accusation. */
void driver_accuse(struct driver *d, const struct block *block, enum block_fault fault);
void driver_score_refused(struct driver *d, uint32_t link, enum verify_drop drop);
void driver_score_step(struct driver *d, const struct pbft_event *event, enum pbft_drop drop);
void driver_score_look(const struct driver *d, struct driver_look *out);

/* ---- clients.c: transactions, the pool, outcomes ---- */
struct pool *driver_pool_new(struct driver *d);
void driver_clients_on_job(struct driver *d, struct driver_job *job);
/* A verified FORWARD. */
void driver_clients_on_forward(struct driver *d, uint32_t link, struct bytes whole);
/* A block is committed: settle its transactions' waiters, tell the pool. */
void driver_clients_on_commit(struct driver *d, const struct driver_block *b, bool is_covered);
/* Once after a step, whatever it committed: tell the pool. */
void driver_clients_after_commits(struct driver *d);
/* All up to here is covered by a certificate now. */
void driver_clients_on_covered(struct driver *d, uint64_t height);
void driver_clients_run(struct driver *d); /* what is due by time: forwards, answers */
uint64_t driver_clients_deadline_ms(const struct driver *d);

/* ---- fair.c: what the timers of 6.1 go by ---- */
/* Tell the core what the pool holds, if that changed. */
void driver_tell_pool(struct driver *d);
/* 10.1: tell the primary once more, while there is time for it before 6.1 (b). */
void driver_remind_primary(struct driver *d);
uint64_t driver_remind_ms(const struct driver *d); /* when that is due */
/* Something came, or may apply now, that no block above the committed height holds. */
void driver_note_unproposed(struct driver *d);
/* After a step, before its acts are carried out: whether it changed or installed a view. */
void driver_note_view(struct driver *d);
/* A PRE-PREPARE of a block came from this member, or I made it. Nothing, when the body is not here,
 * or it is not the word of the primary of the view that the core is in: that one says when a block
 * was proposed, and nobody else may. */
void driver_note_proposed(struct driver *d, const struct digest *digest, uint32_t from,
                          uint64_t view);
/* A committed block holds this transaction; the pool was not told yet. */
void driver_note_tx(struct driver *d, const struct driver_block *b, const struct tx *tx);

/* ---- views.c: what is told of views ---- */
/* After a step, before driver_note_view(), and then before each of its acts is carried out. */
void driver_views_note(struct driver *d, const struct pbft_view_of *now);
void driver_views_note_act(struct driver *d, const struct pbft_act *act);

/* ---- waiting.c ---- */
bool driver_wait(struct driver *d, uint64_t client, const struct tx *tx);
/* Take out one waiter for this key and nonce; NULL when there is none. The caller frees. */
struct driver_waiter *driver_waiter_take(struct driver *d, const struct public_key *signer,
                                         uint64_t nonce);
/* The oldest, if its time is up; taken out, the caller frees. */
struct driver_waiter *driver_waiter_take_late(struct driver *d);
/* The next one, from *at on (NULL: the oldest), whose transaction cannot stand above this height
 * any more; taken out. */
struct driver_waiter *driver_waiter_take_expired(struct driver *d, uint64_t head_height,
                                                 struct driver_waiter **at);
void driver_waiters_free(struct driver *d);

/* ---- jobs.c: the inbox, and what is being verified ---- */
struct driver_job *driver_job_new(struct driver *d, enum driver_job_type type, struct bytes bytes);
/* Some of a block's transactions, copied: the block may go while they are verified. */
struct driver_job *driver_job_of_txs(struct driver *d, uint64_t check, const struct tx *txs,
                                     uint32_t txs_count);
void driver_job_free(struct driver_job *job);
void driver_job_submit(struct driver_job *job);
/* Take messages from the links in turn, drop what is of no use, have the rest verified. */
void driver_jobs_take(struct driver *d);
/* Deal with all jobs that came back. */
void driver_jobs_ready(struct driver *d);
bool driver_jobs_have_work(const struct driver *d);
/* None is taken now. */
bool driver_jobs_wait(const struct driver *d);
/* Whether a message waits for its turn or is being verified. */
bool driver_jobs_have_messages(const struct driver *d);
void driver_jobs_free(struct driver *d);

#endif
