/* Planning transactions that are valid in the order in which they are planned, without asking any
 * store: the plan keeps its own books of balances, keys and nonces. So signing can run ahead of
 * building blocks, and on all cores. For chain*.c only. */
#ifndef TESTS_HELP_CHAIN_PLAN_H
#define TESTS_HELP_CHAIN_PLAN_H

#include <stdatomic.h>

#include "crypto/base/prng.h"
#include "tests/help/chain.h"

struct plan_key {
    struct sign_key sign;
    uint32_t number; /* of the participant's keys, counting revoked ones */
    uint64_t nonce;  /* the last one used */
};

struct plan_participant {
    uint32_t keys_count;
    uint32_t keys_made;
    struct plan_key keys[PARTICIPANT_KEYS_MAX]; /* active ones */
};

struct chain_plan {
    struct prng prng;
    struct plan_participant *participants;
    uint64_t *balances;       /* [account * assets_count + asset] */
    uint32_t accounts_opened; /* those below have been credited */
    uint32_t records_count;
};

struct chain_plan *chain_plan_new(const struct chain *c);
void chain_plan_free(struct chain_plan *plan);

/* What an operation is to be, in numbers; the texts are made where it is signed. */
struct plan_op {
    enum op_type type;
    uint32_t from, to; /* accounts */
    uint32_t asset;
    uint32_t number; /* of a record or a key */
    uint64_t amount;
};
struct plan_tx {
    struct sign_key key;
    uint32_t participant;
    uint64_t nonce;
    size_t ops_from; /* in the batch's operations */
    uint32_t ops_count;
    struct buf bytes; /* the transaction, once it is signed */
};

/* Some blocks' worth of transactions. */
struct plan_batch {
    struct plan_tx *txs;
    uint32_t txs_count;
    struct plan_op *ops;
    atomic_uint next; /* to be signed */
};

/* Room for blocks_count blocks. */
void plan_batch_open(struct plan_batch *b, const struct chain *c, uint32_t blocks_count);
void plan_batch_close(struct plan_batch *b);
/* Fill the batch with the next txs_count transactions. */
void plan_batch_fill(struct plan_batch *b, struct chain *c, uint32_t txs_count);
/* Sign one transaction of the batch. Safe on any thread, each for another transaction. */
void plan_sign(struct plan_batch *b, const struct chain *c, uint32_t tx_index);

#endif
