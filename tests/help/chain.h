/* Whole chains for tests: a genesis, members and participants with keys made from fixed seeds, and
 * a store filled with blocks of valid transactions of all kinds, certified by its members.
 *
 *   struct chain c;
 *   chain_open(&c, &(struct chain_options){.seed = 1}, kv_mem_new());
 *   chain_grow(&c, 10);
 *   ... c.store, c.kv, c.genesis ...
 *   chain_close(&c);
 *
 * The same options give the same bytes, whatever the kv and the number of threads. The genesis does
 * not depend on the seed, so that two seeds give two chains of one chain id.
 *
 * Participant i is "p<i>"; account i is "p<i mod participants>/a<i>"; the first account of each
 * participant holds CHAIN_OPENING of every asset from the start, the others are opened by
 * transfers. Asset i is chain_asset_codes[i], issued by participant i mod participants. */
#ifndef TESTS_HELP_CHAIN_H
#define TESTS_HELP_CHAIN_H

#include "genesis/genesis.h"
#include "ledger/store.h"

enum {
    CHAIN_ASSETS_MAX = 4,
    CHAIN_ACCOUNT_ROOM = ACCOUNT_BYTES_MAX + 1,
    CHAIN_TX_BYTES_MAX = 128, /* bound without operations, and for each of them: for planning */
    CHAIN_OP_BYTES_MAX = 160
};
#define CHAIN_OPENING 1000000000000u /* minor units: more than any test moves */
extern const char *const chain_asset_codes[CHAIN_ASSETS_MAX];

/* 0 everywhere means the default. */
struct chain_options {
    uint64_t seed;
    uint32_t members_count;             /* 4 */
    uint32_t participants_count;        /* 4 */
    uint32_t assets_count;              /* 2 */
    uint32_t accounts_count;            /* 4 for each participant */
    uint32_t txs_per_block;             /* 4 */
    uint32_t ops_per_tx;                /* 2, but a cancel stands alone */
    uint32_t specials_per_mille;        /* 300: operations that are no transfers */
    uint32_t checkpoint_every_heights;  /* 4 */
    uint32_t certificate_every_heights; /* 1; the tip has a certificate whatever this says */
    uint32_t threads_count;             /* 1: how many sign */
    uint64_t layer_bytes_max;           /* of the store */
};

struct chain_plan; /* chain_plan.h */

struct chain {
    struct chain_options options; /* with the defaults filled in */
    struct genesis genesis;
    struct sign_key members[MEMBERS_MAX];
    struct kv *kv;
    struct store *store;
    struct chain_plan *plan;
};

/* Make the genesis, create the store in an empty kv, and open it. All functions here end the
 * program with words when the world fails them. Owns: takes kv. */
void chain_open(struct chain *c, const struct chain_options *options, struct kv *kv);
void chain_close(struct chain *c);
/* Close and open the store anew, as after a restart. On failure c->store is NULL. */
MUST_USE enum rc chain_reopen(struct chain *c, struct why *why);

/* Append so many blocks of transactions drawn from the seed, with their certificates. */
void chain_grow(struct chain *c, uint32_t blocks_count);
/* The same, telling how far it is. */
typedef void chain_progress(void *context, uint32_t blocks_done);
void chain_grow_telling(struct chain *c, uint32_t blocks_count, chain_progress *progress,
                        void *context);

/* ---- transactions of one's own ----
 * chain_grow() keeps books of its own, so leave the keys of participants alone, and take money from
 * first accounts only, if it is to be called afterwards. */

/* Append a transaction, signed by the participant's first key with its next nonce. */
void chain_sign(struct chain *c, struct buf *out, uint32_t participant_index, const struct op *ops,
                uint32_t ops_count);
/* The key that signs next, and the nonce it used last; whoever signs by hand counts it up. */
const struct sign_key *chain_key(const struct chain *c, uint32_t participant_index,
                                 uint64_t **nonce);
/* Append a block of these transactions, which must apply, with its certificates. */
void chain_add_block(struct chain *c, const struct bytes *txs, uint32_t txs_count);

/* ---- certificates ---- */

/* q signatures, by the members from first_member on (the numbers wrap). state_root is NULL but for
 * CERT_CHECKPOINT. */
void chain_certify(const struct chain *c, struct certificate *out, enum cert_kind kind,
                   uint64_t height, const struct digest *digest, const struct digest *state_root,
                   uint32_t first_member);

/* ---- names and keys ---- */
struct bytes chain_account(char out[static CHAIN_ACCOUNT_ROOM], const struct chain *c,
                           uint32_t account_index);
/* A key of a label and two numbers, by a seed of H(TAG_TEST, ...). */
void chain_make_key(struct sign_key *out, const char *label, uint64_t number, uint64_t other);

#endif
