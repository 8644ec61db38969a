/* An import: batches of rows become transactions of one key, and each is followed to its end.
 *
 * It makes no connection and knows no clock: whoever runs it takes from it what is to be sent, and
 * brings back what nodes say. What it promises, whatever nodes say and wherever it is cut off:
 *
 *   - nothing is sent before the journal holds it on the disk;
 *   - a batch is signed under a second nonce only once the block that holds another transaction
 *     under the first one was shown with a certificate (LOST, REFUSED). No expiry is ever signed,
 *     so that this is the only way a nonce can be lost;
 *   - a batch counts as paid only once such a block holds its transaction;
 *   - what enough nodes refuse has its nonce filled with a cancel, since everything behind it waits
 *     for that nonce. Which of the two is committed decides, not the refusal.
 *
 * A batch that was refused, or lost its nonce, is open: the same command again signs it anew. */
#ifndef TOOLS_HANSA_IMPORT_H
#define TOOLS_HANSA_IMPORT_H

#include "node/proto.h"
#include "tools/hansa/journal.h"

enum {
    IMPORT_WINDOW_MAX = 64, /* nonces in flight, if the chain's window is no smaller */
    IMPORT_AGAIN_MS = 100   /* before what was busy, or out of turn, is sent again */
};

/* Rows that go into one transaction. */
struct import_batch {
    uint64_t number; /* from 0, without a gap */
    uint64_t first_line, last_line;
    const struct op *ops; /* one for each row; lends until the next batch */
    uint32_t ops_count;
};

/* Where batches come from, in order: always the same ones for the same binding.
 * Returns: RC_OK | RC_NOT_FOUND (there are no more) | any other ends the import. */
struct import_source {
    void *context;
    enum rc (*next)(void *context, struct import_batch *out, struct why *why);
};

struct import_config {
    struct import_source source;
    struct journal *journal; /* open, not replayed; borrows */
    struct journal_binding binding;
    const struct sign_key *key; /* borrows */
    uint32_t window;            /* 1..IMPORT_WINDOW_MAX: A of the chain */
    uint32_t refusals_needed;   /* nodes that must refuse before it is believed: one honest */
    bool skip_refused;          /* go on behind a refused batch */
};

struct import;
/* Replay the journal, or begin it. Returns: RC_OK | as journal_replay(), journal_sync() and
 * journal_judge_binding() | RC_STORE_DAMAGED (its records contradict each other). */
MUST_USE enum rc import_open(struct import **out, const struct import_config *config,
                             struct why *why);
void import_close(struct import *im);

/* The last nonce of the key that the ledger has committed, as far as is known; asked for at first
 * and whenever a nonce was lost to somebody else. One that is too low costs time, no money. */
bool import_wants_nonce(const struct import *im);
void import_set_nonce(struct import *im, uint64_t last);

/* Sign and journal what there is room for. Does nothing while it wants the nonce, or is stopping.
 * Returns: RC_OK | as the source and journal_sync(); then nothing more may be taken from it. */
MUST_USE enum rc import_fill(struct import *im, struct why *why);

/* Nothing new is signed from now on. */
void import_stop(struct import *im);

/* ---- sending ---- */

struct import_item {
    struct bytes tx; /* lends until the next call that is given results */
    struct digest txid;
    uint64_t first_line, last_line;
    bool is_first_time; /* never sent before by this process */
    bool is_cancel;
};
/* Take what is due for this node, in the order of nonces and up to both bounds: from then on it is
 * under way, until import_on_result() or import_on_lost(). Requires: node < 32. */
uint32_t import_take(struct import *im, uint32_t node, uint64_t now_ms, uint32_t count_max,
                     size_t bytes_max, struct import_item *out);
/* Take the lowest open nonce alone, for a node that has not refused it, if it was sent before and
 * has no outcome yet: all others wait for it. It may be under way on another lane still. */
bool import_take_head(struct import *im, uint32_t node, uint64_t now_ms, struct import_item *out);
/* When something becomes due; UINT64_MAX: nothing waits for time alone. */
uint64_t import_due_ms(const struct import *im);

/* What a node says of one. Returns: RC_OK | as journal_sync() | RC_REFUSED: the key itself is
 * refused by so many, and not even a cancel can go (words). */
MUST_USE enum rc import_on_result(struct import *im, uint32_t node,
                                  const struct proto_result *result, uint64_t now_ms,
                                  struct why *why);
/* No answer came: it is due again at once. */
void import_on_lost(struct import *im, const struct digest *txid);

/* ---- proving: "committed" is a claim until it is shown ---- */

struct import_claim {
    struct digest txid;
    bool is_foreign; /* said to have taken our nonce: the height is not known yet */
    uint64_t height;
};
/* The claims that wait for their proof, lowest nonce first. out: room for IMPORT_WINDOW_MAX. */
uint32_t import_claims(const struct import *im, struct import_claim *out);
/* A certified block at this height holds this transaction, one of ours or with our nonce. */
void import_on_proven(struct import *im, const struct tx *tx, uint64_t height);
/* There is no proof of it now: it is sent again, and claimed again. */
void import_on_unproven(struct import *im, const struct digest *txid, uint64_t now_ms);
/* Write what import_on_proven() learnt; import_fill() does it too. Not synced: a crash only means
 * that it is learnt again. */
MUST_USE enum rc import_note(struct import *im, struct why *why);

/* ---- looking ---- */

struct import_refusal {
    uint64_t first_line, last_line;
    uint32_t rows;
    enum verdict verdict;
};
struct import_look {
    uint64_t rows_committed;        /* in all, also by earlier runs */
    uint64_t rows_committed_before; /* of those, by earlier runs */
    uint64_t rows_under_way;        /* signed, and their end is not known */
    uint64_t rows_refused;          /* by this run */
    uint64_t rows_seen;             /* that this run has come past, in the file */
    uint32_t txs_under_way;
    uint64_t nonces_lost; /* to others who use the same key */
    bool is_stopping;     /* because of a refusal, or asked to */
    bool is_done;         /* nothing is under way, and nothing more is to be signed */
    const struct import_refusal *refusals; /* lends until the next call */
    size_t refusals_count;
};
void import_look(const struct import *im, struct import_look *out);
/* The first that is under way; false when there is none. */
bool import_first_under_way(const struct import *im, struct import_item *out);

#endif
