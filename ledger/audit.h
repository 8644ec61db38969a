/* The audit: believe nothing but the genesis, and recompute all the rest.
 *
 * Every block is hashed, every transaction decoded and its signature verified, every certificate
 * verified, every transaction applied from the genesis state on; the state tree is recomputed and
 * its root compared at every checkpoint height and at the flushed height; the store's own tree is
 * walked and compared entry by entry; every index entry is compared with the one that applying
 * gives, and counted; the trees that are kept for proofs are walked, and what is listed to be
 * dropped is needed by none of them. Each height needs a COMMIT certificate at some m >= h, but for
 * a tail of at most AUDIT_UNCERTIFIED_MAX blocks below the head; whoever shows the report says that
 * they are not certified. Above the head there may be blocks that were proposed (store.h): each is
 * the one of its key, and nothing more is said of it.
 *
 * A store that took its state from a snapshot (store_history.h) and has not all history yet begins
 * in the middle: at the lowest height whose tree it keeps and has a CHECKPOINT certificate of, the
 * snapshot's own or a later one. That certificate is verified, and the tree has its root. From
 * there on everything is as above. Of the blocks below, those that are there are held to the hash
 * links, their bodies, signatures and certificates, and to the places of their transactions; of the
 * indexes of histories and records below only the number of entries is compared. Where blocks are
 * missing there is nothing. The report says from which height history is there.
 * Signatures and hashes are checked on all cores, applying goes in order on one. Memory grows with
 * the number of accounts and keys only, not with the length of the chain.
 *
 * The store must stand still: nobody may commit to its kv meanwhile. */
#ifndef LEDGER_AUDIT_H
#define LEDGER_AUDIT_H

#include "ledger/store_intake.h"

struct audit_progress {
    uint64_t height; /* done so far */
    uint64_t height_end;
    uint64_t txs_count;
    uint64_t signatures_count; /* verified: transactions, consents and certificates */
};

/* A node may write a block that is committed, because a later one is certified, before the bodies
 * up to that one have come; so what it leaves when it stops then is sound. P, the pipeline's
 * length, is at most this (genesis.h). */
enum { AUDIT_UNCERTIFIED_MAX = 64 };

/* LMDB has room for 126 readers; more cores than this wait for `apply`. */
enum { AUDIT_THREADS_MAX = 64 };

struct audit_options {
    uint32_t threads_count; /* 0 = one per core; AUDIT_THREADS_MAX at most are started */
    /* Called about every `progress_every_ms` on the calling thread, and once at the end; may be
     * NULL. Returning false interrupts the audit (RC_INTERRUPTED). */
    bool (*progress)(void *context, const struct audit_progress *progress);
    void *progress_context;
    uint32_t progress_every_ms;
};

/* What the audit found. fault_height and fault_field are set when it failed: the first height, in
 * the chain's order, at which something is wrong, and what ("certificate", "tx_root",
 * "transaction 7: overdraft", "state root", "index nonce", ...). */
struct audit_report {
    struct audit_progress done;
    struct digest head_digest;
    uint64_t head_height;
    uint64_t certified_height;  /* highest height that a certificate covers; head_height, or less */
    uint64_t checkpoints_count; /* CHECKPOINT certificates verified against recomputed roots */
    uint64_t history_from_height; /* store_history_from_height(): 1 = all of it */
    uint64_t
        replayed_from_height; /* the state there was taken from a certified tree; 0 = genesis */
    uint64_t missing_count;   /* of blocks below, which are not in history yet */
    struct digest state_root; /* at the flushed height */
    uint64_t flushed_height;
    uint64_t state_entries_count;
    uint64_t index_entries_count;
    uint32_t threads_count; /* that verified */
    double seconds;
    uint64_t fault_height;
    char fault_field[WHY_BYTES];
};

/* What the genesis says, whose chain id the store must have; whoever calls has checked that. */
struct audit_chain {
    const struct member_table *members;  /* who may sign certificates (epoch 0) */
    const struct initial_state *initial; /* the state at height 0 */
    uint64_t body_bytes_max;             /* B_max */
    uint64_t checkpoint_every_heights;   /* K */
};

/* Audit a store.
 * Returns: RC_OK | RC_PROOF (something is wrong: see report) | RC_STORE_DAMAGED (the same, where a
 * read itself failed) | RC_STORE_IO (the same, for the disk) | RC_INTERRUPTED | RC_INVALID (no
 * thread could be started) | RC_REFUSED (a snapshot is being taken in: nothing can be said yet). */
MUST_USE enum rc audit_run(struct audit_report *report, struct store *s,
                           const struct audit_chain *chain, const struct audit_options *options,
                           struct why *why);

/* Two stores of one chain: the first height at which their blocks differ in any byte (with equal
 * digests, it is the bodies that differ, and one of them is not the header's), or, if the shorter
 * chain is a prefix of the other, the first state entry that differs at the newest height whose
 * tree both have: the flushed one, or the newest checkpoint height that both have kept. */
struct audit_difference {
    bool found;
    uint64_t height;            /* of the first block that differs; 0 when it is a state entry */
    struct digest ours, theirs; /* block digests */
    uint64_t ours_height, theirs_height; /* heads */
    uint64_t missing_count; /* of heights that one of them does not have in its history yet */
    bool state_compared;    /* both have the tree of one height: */
    uint64_t state_height;
    struct tree_difference state;
};
/* out->state lends until either store's next commit. Requires: both are of one chain id.
 * Returns: RC_OK with *out | RC_STORE_DAMAGED | RC_STORE_IO. */
MUST_USE enum rc audit_compare(struct audit_difference *out, struct store *ours,
                               struct store *theirs, struct why *why);

#endif
