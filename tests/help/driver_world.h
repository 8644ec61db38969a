/* One driver in a world that the test plays: its store's disk, its network, its verifiers, its
 * clock, its clients and the other three members. Keys, genesis, store and cryptography are real.
 *
 * What is submitted is under way until the test says that it lands, fails, or that the machine
 * crashes. What leaves is kept in order, and each time something leaves it is held against the disk
 * of that moment (driver_world_judge.c): the first broken promise stands in `broken`.
 *
 *   world_open(&w, 1, NULL);            member 1; the primary of view 0 is member 0
 *   world_begin(&w);                    open the driver, let it start, forget what it said
 *   world_propose(&w, world_block(&w, NULL, &tx, 1));
 *   world_run(&w); world_land(&w);
 *   ... world_sent(&w, PBFT_PREPARE, NULL) ...
 *   world_close(&w); */
#ifndef TESTS_HELP_DRIVER_WORLD_H
#define TESTS_HELP_DRIVER_WORLD_H

#include "node/driver/driver.h"
#include "tests/help/book.h"
#include "tests/help/chain.h"

enum {
    WORLD_MEMBERS = 4,
    WORLD_PAYERS = 4, /* participants, each with one key and one account of CHAIN_OPENING */
    WORLD_OTHERS = WORLD_MEMBERS - 1
};

struct world_tx {
    struct buf bytes;
    struct tx tx;
};

struct world_block {
    struct buf bytes;
    struct block block;
    struct pbft_block name;
};

/* A message to one member, or an answer to a client. */
struct world_output {
    bool is_answer;
    uint32_t to;
    enum pbft_msg_type type;
    uint64_t height;      /* PRE-PREPARE, PREPARE, COMMIT: of which block */
    struct digest digest; /* the same */
    uint64_t client;
    struct driver_answer answer;
    struct buf bytes; /* the message, or the receipt, made at once */
};

struct driver_world {
    struct chain chain; /* only options, genesis and keys */
    uint32_t own_index;
    struct driver_time time;
    struct kv *kv;
    struct store *store;
    struct driver *driver; /* NULL: it is down */
    struct why why;        /* of the last that failed */
    /* The disk. */
    bool is_submitted;
    bool is_rotten; /* by world_rot(), or by a test that writes what is wrong */
    uint64_t submits_count;
    /* The marker file beside the key (4.2). */
    bool holds_marker; /* else it is written at once when the driver waits for it */
    bool is_marking;
    struct pbft_rank marker, marking; /* what it holds; what it is to hold */
    uint64_t marks_count;
    bool is_fenced;                   /* given to the driver when it is opened, */
    uint64_t reserved_heights;        /* as is this: DRIVER_RESERVED_HEIGHTS, */
    uint64_t snapshot_behind_heights; /* and this: DRIVER_SNAPSHOT_BEHIND_HEIGHTS */
    uint32_t outputs_max;             /* and this: DRIVER_OUTPUTS_MAX */
    /* The verifiers. */
    bool holds_jobs; /* else each is run at once */
    struct driver_job **jobs;
    size_t jobs_count, jobs_room;
    uint64_t signatures_count; /* of all jobs so far */
    /* The helper for state trees. */
    bool holds_trees;        /* else a job is run at once */
    struct driver_job *tree; /* NULL: none is held */
    uint64_t trees_count;    /* so far */
    /* What left. */
    struct world_output *outputs;
    size_t outputs_count, outputs_room;
    const char *broken;    /* the first promise that was broken */
    uint64_t judged_count; /* messages and answers held against the disk */
    /* What left in all its lives. */
    struct pbft_vote *own_votes;
    size_t own_votes_count, own_votes_room;
    uint64_t counter; /* of the last STATUS */
    uint64_t *answered;
    size_t answered_count, answered_room;
    /* The players'. */
    uint64_t counters[WORLD_MEMBERS]; /* of their STATUSes */
    struct world_tx **txs;
    size_t txs_count, txs_room;
    struct world_block **blocks;
    size_t blocks_count, blocks_room;
    struct pbft_msg msg; /* the last one made; a test may bend it and give it */
};

/* ---- life ---- */

/* Genesis and an empty store. P = 4, K = 8, L = 16 and defaults, but for `parameters`: a JSON
 * object of genesis parameters, or NULL. */
void world_open(struct driver_world *w, uint32_t own_index, const char *parameters);
void world_close(struct driver_world *w);
/* Open store and driver on what is on the disk. */
MUST_USE enum rc world_start(struct driver_world *w);
/* Start, run until it rests, forget what left. */
void world_begin(struct driver_world *w);
/* The machine stops; what is under way to disk or marker lands whole or is lost. The audit finds
 * what is left sound.
 */
void world_crash(struct driver_world *w, bool lands);

/* ---- the disk, and the marker ---- */
void world_land(struct driver_world *w);
void world_fail(struct driver_world *w, enum rc rc);
void world_mark(struct driver_world *w);
void world_fail_marker(struct driver_world *w, enum rc rc);
/* Write to the disk by hand, while the driver is down; no value = delete. */
void world_write(struct driver_world *w, enum kv_table table, struct bytes key,
                 const struct bytes *value);
/* Read from the disk; false = not there. */
bool world_read(const struct driver_world *w, enum kv_table table, struct bytes key,
                struct buf *out);
/* Flip a bit of what is there, beside its checksum. The driver may be up, and reads it so after the
 * next landing; nothing may be under way. The audit has to refuse such a store from then on. */
void world_rot(struct driver_world *w, enum kv_table table, struct bytes key);
/* KV_BLOCK's key of a block, KV_VOTE's key of a record ("vote" and "proposal" take a height, the
 * first also a kind); lends from out. */
struct bytes world_block_key(struct buf *out, uint64_t height, const struct digest *digest);
struct bytes world_record_key(struct buf *out, const char *name, uint64_t height,
                              enum cert_kind kind);

/* ---- time and work ---- */
void world_run_once(struct driver_world *w);
/* Until it has nothing to do at this time, or waits for the disk or for held jobs. */
void world_run(struct driver_world *w);
void world_pass(struct driver_world *w, uint64_t ms);
/* Run, return jobs and land until it has nothing to do at this time. */
void world_settle(struct driver_world *w);
/* Run a held job and bring it back; those behind move up. */
void world_return_job(struct driver_world *w, size_t index);
void world_return_jobs(struct driver_world *w, bool is_reversed);
/* The same for the helper's. Requires: it holds one. */
void world_return_tree(struct driver_world *w);

/* ---- transactions and blocks; they live until world_close() ---- */
const struct world_tx *world_tx(struct driver_world *w, uint32_t payer, uint64_t nonce,
                                uint64_t valid_until_height, struct op op);
/* One that always applies in its turn. */
const struct world_tx *world_record(struct driver_world *w, uint32_t payer, uint64_t nonce);
const struct world_tx *world_transfer(struct driver_world *w, uint32_t from, uint32_t to,
                                      uint64_t nonce, uint64_t amount);
/* The same with a signature that does not hold. */
const struct world_tx *world_forged(struct driver_world *w, const struct world_tx *tx);
/* So many transfers in one; up to TX_OPS_MAX. */
const struct world_tx *world_transfers(struct driver_world *w, uint32_t from, uint32_t to,
                                       uint64_t nonce, uint64_t amount, uint32_t count);

/* Of these transactions as they are, on parent (NULL: genesis), by member 0, at the world's time or
 * right after the parent's. */
const struct world_block *world_block(struct driver_world *w, const struct world_block *parent,
                                      const struct world_tx *const *txs, uint32_t txs_count);
const struct world_block *world_block_at(struct driver_world *w, const struct world_block *parent,
                                         const struct world_tx *const *txs, uint32_t txs_count,
                                         uint64_t time_ms, uint32_t proposer);

/* ---- clients and members; each gives one message to the driver ---- */
void world_submit(struct driver_world *w, uint64_t client, const struct world_tx *tx);
/* Encode w->msg and bring it over a link. */
bool world_give(struct driver_world *w, uint32_t link);
/* What the next ones would give, in w->msg; signed by its `from`. */
void world_make_pre_prepare(struct driver_world *w, const struct world_block *b);
void world_make_vote(struct driver_world *w, uint32_t from, enum cert_kind kind,
                     const struct world_block *b);
void world_make_status(struct driver_world *w, uint32_t from, uint64_t committed_height);
/* Over the link of their signer. */
void world_propose(struct driver_world *w, const struct world_block *b); /* by member 0 */
void world_vote(struct driver_world *w, uint32_t from, enum cert_kind kind,
                const struct world_block *b);
void world_status(struct driver_world *w, uint32_t from, uint64_t committed_height);
void world_forward(struct driver_world *w, uint32_t link, const struct world_tx *tx);
void world_fetch(struct driver_world *w, uint32_t link, const struct world_block *b);
void world_fetch_range(struct driver_world *w, uint32_t link, uint64_t from_height);
/* Whether a member is given blocks from this height on, that asks for them when its budget is whole
 * again: in *out. What left before is forgotten. */
MUST_USE bool world_is_given(struct driver_world *w, uint32_t link, uint64_t from_height,
                             struct pbft_msg *out);
void world_data(struct driver_world *w, uint32_t link, const struct world_block *b);
/* A chain, its first blocks with bodies, and a certificate of the three others on its last. */
void world_range(struct driver_world *w, uint32_t link, const struct world_block *const *chain,
                 uint32_t blocks_count, uint32_t heads_count);
void world_qc(struct driver_world *w, uint32_t link, enum cert_kind kind,
              const struct world_block *b);
struct certificate world_certificate(const struct driver_world *w, enum cert_kind kind,
                                     const struct world_block *b);
/* The votes of two others, which with the own one are a quorum. */
void world_votes(struct driver_world *w, enum cert_kind kind, const struct world_block *b);
/* Proposed, prepared, committed and at rest. */
void world_commit(struct driver_world *w, const struct world_block *b);

/* ---- what left ---- */
void world_forget(struct driver_world *w); /* what left up to now */
/* How many messages of a type left, each recipient counted; of one block unless b is NULL. */
size_t world_sent(const struct driver_world *w, enum pbft_msg_type type,
                  const struct world_block *b);
/* The nth of a type to anybody; NULL: there is none. */
const struct world_output *world_message(const struct driver_world *w, enum pbft_msg_type type,
                                         size_t nth);
MUST_USE bool world_decode(struct pbft_msg *out, const struct world_output *o);
/* The answer to a client; NULL: none yet. */
const struct driver_answer *world_answer(const struct driver_world *w, uint64_t client);
struct driver_look world_look(const struct driver_world *w);

/* ---- between the files of driver_world ---- */
void world_judge_message(struct driver_world *w, const struct world_output *o);
void world_judge_answer(struct driver_world *w, const struct world_output *o);
void world_judge_store(struct driver_world *w);

#endif
