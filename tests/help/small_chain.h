/* A small chain in a store in memory: four members, two participants, one asset. FORMATS.md shows
 * its first four blocks, so small_chain_fill() is not changed without changing that text. */
#ifndef TESTS_HELP_SMALL_CHAIN_H
#define TESTS_HELP_SMALL_CHAIN_H

#include "genesis/genesis.h"
#include "ledger/store.h"

enum {
    SMALL_MEMBERS = 4,
    SMALL_QUORUM = 3,
    SMALL_HEIGHTS = 4, /* of small_chain_fill(); also the checkpoint interval */
    SMALL_TXS = 8
};

/* Who signs transactions: the key of the test seed of that name. */
enum small_signer { SIGNER_BANK, SIGNER_CAFE, SIGNERS_COUNT };

struct small_chain {
    struct buf json; /* the genesis file */
    struct genesis genesis;
    struct sign_key members[SMALL_MEMBERS];
    struct sign_key signers[SIGNERS_COUNT];
    uint64_t nonces[SIGNERS_COUNT];
    struct kv *kv;
    struct store *store;
    struct buf txs[SMALL_TXS]; /* of small_chain_fill(), in the order of the chain */
};

/* seed = H("hansa-test", name). */
void small_seed(uint8_t out[static SIGN_SEED_BYTES], const char *name);
struct sign_key small_key(const char *name);

/* Genesis and an empty store. End with small_chain_close(). */
void small_chain_open(struct small_chain *c);
void small_chain_close(struct small_chain *c);

/* Append the signed transaction to out, with the signer's next nonce. */
void small_chain_sign(struct small_chain *c, struct buf *out, enum small_signer signer,
                      const struct op *ops, uint32_t ops_count, uint64_t valid_until_height);
/* Append a block of these transactions. */
void small_chain_append(struct small_chain *c, const struct buf *txs, uint32_t txs_count);
/* A block of `txs_count` records by the cafe, each different. */
void small_chain_append_records(struct small_chain *c, uint32_t txs_count);

/* A statement about the block at a height; CERT_CHECKPOINT with the root of the flushed tree. */
struct statement small_chain_statement(const struct small_chain *c, enum cert_kind kind,
                                       uint64_t view, uint64_t height);
/* Signed by the members of these indexes, in this order. */
struct certificate small_chain_certificate(const struct small_chain *c, const struct statement *s,
                                           const uint8_t *members, uint32_t members_count);
/* The same by members 0, 1 and 2, and kept in the store. */
void small_chain_certify(struct small_chain *c, enum cert_kind kind, uint64_t height);

/* Blocks 1..4 with one transaction of each kind, COMMIT certificates at 2 and 4 and a CHECKPOINT
 * certificate at 4. */
void small_chain_fill(struct small_chain *c);

#endif
