/* Pending transactions (PROTOCOL.md 10.1, 10.3; pitfalls E1-E6).
 *
 * Per signing key a window of nonces (last, last + A]; caps on bytes and count; per forwarding
 * replica a share of N_tx / n. *Executable* = nonce last+1 and applies on the committed state. One
 * transaction per (key, nonce), but an executable one displaces one that is not: so a client, or a
 * peer who replays a client's older variant, cannot squat a slot with what can never commit.
 *
 * The pool owns the bytes of what it holds. It asks for the committed nonce of a key, and whether a
 * transaction applies, through functions given at init; it makes no system call and knows no clock:
 * time comes in with each call (monotonic ms). All memory is bounded by the limits; it is allocated
 * at init or within them. Iteration order never depends on addresses or hash seeds. */
#ifndef NODE_POOL_H
#define NODE_POOL_H

#include "ledger/tx.h"

struct pool_limits {
    uint32_t nonce_window;   /* A */
    uint32_t txs_max;        /* N_tx */
    uint64_t bytes_max;      /* N_bytes */
    uint32_t replicas_count; /* n */
    uint64_t fairness_ms;    /* T_fair, for admission; 0: only what is above limits */
};

/* Shares are fixed, in places and in bytes alike: each of the other n-1 replicas' links has 1/n
 * (rounded down) for what it forwards, the clients of this node have all that remains. Nobody's
 * flood pushes out another's, and nothing idle is lent out, because it could be had back only by
 * dropping another's. Of each share at most half (rounded up) may wait behind gaps, so that gapped
 * nonces of however many keys leave room for what can commit (pitfalls E2). When a share is full, a
 * lower nonce evicts the highest of the same sender and key, which is needed last; otherwise the
 * answer is POOL_BUSY.
 *
 * Admission (6.3) keeps the clients' part far smaller than that, at what drains within T_fair/4 at
 * the measured rate: pool_admit.c says how. It holds for clients alone, at the node that they came
 * to: what a peer's admission has taken is owed a place here, or it would grow old for want of one.
 */

/* How the pool sees the committed state. */
struct pool_state {
    void *context;
    /* The last committed nonce of a key; false = the key is unknown or revoked. */
    bool (*last_nonce)(void *context, const struct public_key *key, uint64_t *nonce);
    /* Whether the transaction, whose nonce is last+1, would apply on the committed state now. Also
     * asked when last_nonce was false, to tell an unknown key from a revoked one. */
    enum verdict (*try_apply)(void *context, const struct tx *tx);
    uint64_t (*committed_height)(void *context);
};

/* What becomes of a submitted transaction. The word is metric label, log word and test hook. */
#define POOL_ANSWER_LIST(X)                                                                        \
    X(POOL_TAKEN, "taken", "pending")                                                              \
    X(POOL_KNOWN, "known", "pending already")                                                      \
    X(POOL_REFUSED, "refused", "the ledger refuses it now or for good: see the verdict")           \
    X(POOL_SLOT_TAKEN, "slot_taken", "another transaction of this nonce is pending")               \
    X(POOL_BEYOND_WINDOW, "beyond_window", "the nonce is too far ahead of the last committed one") \
    X(POOL_BUSY, "busy", "the pool, or this sender's share of it, is full: try again later")

enum pool_answer {
#define X(answer, word, text) answer,
    POOL_ANSWER_LIST(X)
#undef X
        POOL_ANSWER_COUNT
};
const char *pool_answer_word(enum pool_answer a);
const char *pool_answer_text(enum pool_answer a);

/* Who brought it: a client of this node, or a peer's FORWARD (then its member index). */
enum { POOL_FROM_CLIENT = UINT8_MAX };

struct pool;
struct pool *pool_new(const struct pool_limits *limits, const struct pool_state *state);
void pool_free(struct pool *p);

/* Take a verified transaction (tx_decode and tx_verify said OK). Copies its bytes.
 * Requires: from == POOL_FROM_CLIENT or from < replicas_count; *not* this node's own index.
 * *verdict is set with POOL_REFUSED: nonce used, expired, unknown or revoked key, or, for the
 * executable nonce, what applying says (then it is refused now: a client's is told so; a
 * transaction that does not apply yet is not kept, so it can start no timer: pitfalls E3).
 * A later nonce is kept without being tried. When its turn comes and it does not apply, it stays,
 * not executable, and is tried again at each commit; when the verdict is final it is dropped.
 * A slot's transaction that is not executable gives way to one that is; anything else of that nonce
 * gets POOL_SLOT_TAKEN, or POOL_REFUSED when it was tried (its nonce is last+1) in vain. The same
 * txid under another signature is POOL_KNOWN: the first stays. So is the same transaction again,
 * but where its turn has come and it does not apply: that is POOL_REFUSED, and it stays as well. */
enum pool_answer pool_add(struct pool *p, const struct tx *tx, uint32_t from, uint64_t now_ms,
                          enum verdict *verdict);

/* After a block was committed: drop what it consumed or what expired, and look again at the keys
 * whose nonces moved and at those that waited for money (every key's next is tried once; one that
 * no longer applies is no longer executable). keys: the signers of the committed blocks, in any
 * order, also more than once, also without anything pending. */
void pool_on_commit(struct pool *p, const struct public_key *keys, uint32_t keys_count,
                    uint64_t now_ms);

/* What a transaction costs those who commit it, in units of one signature or operation. A KiB
 * counts as much: large records cost by their bytes, on wires and disks. */
uint64_t pool_work_of(const struct tx *tx);
/* Blocks of so much work were committed as they were proposed: the measure of admission. Not those
 * that were fetched from others long after. */
void pool_on_work(struct pool *p, uint64_t work, uint64_t now_ms);
/* Whether a client's transaction that could be ordered would be POOL_BUSY for admission's sake,
 * with so much work of others' on its way here: told before its signature costs anything. */
bool pool_is_full(struct pool *p, uint64_t coming_work, uint64_t now_ms);

/* What the core is told (PROTOCOL.md 10.1, 6.1): whether anything is executable, since when its
 * oldest; and how old the oldest is by 6.1 (a). Costs the same however much is pending. */
struct pool_summary {
    uint32_t txs_count;
    uint64_t bytes;
    uint32_t executable_count;
    uint64_t oldest_executable_ms; /* since when, without a break; never before it arrived; 0 when
                                      none */
    /* What could be ordered: the executable ones and what stands behind them without a gap. Of all
     * else nobody knows whether it ever will be (pitfalls E2, E3). */
    uint32_t reachable_count;
    uint64_t reachable_bytes;
    /* The least age's beginning of 6.1 (a): since when an executable one, without a break, also was
     * sent to all (visited with to_all since pool_forward_again()); 0 when there is none. */
    uint64_t fair_since_ms;
    uint64_t clients_work, clients_work_max; /* of what could be ordered; admission's limit */
};
void pool_summary(const struct pool *p, struct pool_summary *out);

/* Walk candidates for a block: oldest arrival first among the next nonces of each key, then, each
 * time one was taken, that key's following nonce takes its place in the order of arrival. Next is
 * the committed nonce + 1, executable or not: the caller tries each on its own layer. It answers
 * each with was_taken before it asks for another: true when the nonce is used on that layer now,
 * by this block or (VERDICT_NONCE_USED) by an ancestor that is not committed yet; false ends the
 * key's turn. Lends *tx until the pool changes, which also ends the walk. Returns false at the end.
 * One walk at a time, in scratch that the pool owns. */
void pool_walk_start(struct pool *p);
bool pool_walk_next(struct pool *p, const struct tx **tx);
void pool_walk_taken(struct pool *p, bool was_taken);

/* Pending transactions that are due for forwarding (10.1): a client's to the primary at once, all
 * to all one interval (again_ms, T_fair/2) later and again every interval; what a peer forwarded
 * was sent to the primary by that peer. Only what could be ordered: the executable ones and what
 * stands behind them without a gap. Calls visit for each that is due, oldest due first, and marks
 * it; stops when visit returns false, and that one is due still. to_all tells which. Requires:
 * visit does not change the pool. */
typedef bool pool_forward(void *context, struct bytes whole, bool to_all);
void pool_forward_due(struct pool *p, uint64_t now_ms, uint64_t again_ms, pool_forward *visit,
                      void *context);
/* When pool_forward_due() has something to visit next; 0 = now, UINT64_MAX = nothing is pending. */
uint64_t pool_forward_next_ms(const struct pool *p, uint64_t again_ms);
/* A view was installed: all as if it came now, a key's nonces in order (6.3, pitfalls E5). Nothing
 * was sent to all in this view yet, so no age has begun (6.1 (a)). */
void pool_forward_again(struct pool *p, uint64_t now_ms);
/* Since when 6.1 (a) counts the age of this transaction; 0: it is not here, not executable, or was
 * not sent to all yet. */
uint64_t pool_fair_since_ms(const struct pool *p, const struct public_key *key, uint64_t nonce,
                            const struct digest *txid);

/* The transaction that oldest_executable_ms of the summary is of; false when there is none. Lends
 * until the pool changes. */
bool pool_oldest(const struct pool *p, struct bytes *whole, uint64_t *since_ms);

/* Why a pending transaction is not in a block: VERDICT_OK when it could be, waits for its turn, or
 * is not here; else what applying it to the committed state says. */
enum verdict pool_why_pending(const struct pool *p, const struct public_key *key, uint64_t nonce,
                              const struct digest *txid);

/* Only in tests and metrics. */
bool pool_has(const struct pool *p, const struct public_key *key, uint64_t nonce);

#endif
