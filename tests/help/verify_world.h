/* Four members, a chain of certified blocks, and messages about them, truly signed: what
 * node/verify is shown in tests. Everything is made from fixed seeds. */
#ifndef TESTS_HELP_VERIFY_WORLD_H
#define TESTS_HELP_VERIFY_WORLD_H

#include "node/pbft/wire.h"
#include "node/verify.h"
#include "tests/help/book.h"

enum {
    VERIFY_WORLD_MEMBERS = 4,
    VERIFY_WORLD_QUORUM = 3,
    VERIFY_WORLD_BLOCKS = 4,    /* of heights 1 to 4 */
    VERIFY_WORLD_BLOCK_TXS = 2, /* in each of them */
    VERIFY_WORLD_TXS = VERIFY_WORLD_BLOCKS * VERIFY_WORLD_BLOCK_TXS,
    VERIFY_WORLD_EPOCH = 3,
    VERIFY_WORLD_VIEW = 9,
    VERIFY_WORLD_LINK = 2 /* the member whose session brings all messages */
};

struct verify_world {
    struct sign_key members[VERIFY_WORLD_MEMBERS];
    struct verify_config config;
    struct verify_cache *cache;       /* NULL unless a test makes one; freed at the end */
    struct buf txs[VERIFY_WORLD_TXS]; /* nonces 1.. of one key */
    struct buf blocks[VERIFY_WORLD_BLOCKS];
    struct pbft_block heads[VERIFY_WORLD_BLOCKS];
    struct pbft_msg msg; /* what the makers below make */
    struct pbft_msg out; /* what verify_decode() made */
    struct buf encoding; /* of msg */
    uint8_t *exact;      /* the bytes last judged, in a place of exactly their size */
};

void verify_world_open(struct verify_world *w);
void verify_world_close(struct verify_world *w);

/* A block of the world's chain and epoch with these transactions, in place of the world's block of
 * that index: header first changed by `change` (may be NULL), the digest as it then comes out. */
typedef void verify_world_change(struct block_header *header);
void verify_world_remake_block(struct verify_world *w, uint32_t block_index,
                               const struct bytes *txs, uint32_t txs_count,
                               verify_world_change *change);

/* Messages into w->msg, truly signed for the world's chain, epoch and view. */
void verify_world_make_pre_prepare(struct verify_world *w, uint32_t block_index, uint32_t from);
void verify_world_make_vote(struct verify_world *w, enum pbft_msg_type type, uint32_t block_index,
                            uint32_t from);
void verify_world_make_status(struct verify_world *w, uint32_t from);
void verify_world_make_fetch(struct verify_world *w);
void verify_world_make_range(struct verify_world *w, uint32_t first, uint32_t blocks_count,
                             uint32_t heads_count);
void verify_world_make_block(struct verify_world *w, uint32_t block_index, bool has_pre_prepare);
void verify_world_make_forward(struct verify_world *w, uint32_t tx_index);
void verify_world_make_qc(struct verify_world *w, enum cert_kind kind, uint32_t block_index);

/* Sign again what a test has changed: PRE-PREPARE, vote, STATUS, or the nested PRE-PREPARE. */
void verify_world_sign(struct verify_world *w);
/* A statement about a block, and signatures of these members in this order. */
struct statement verify_world_statement(const struct verify_world *w, enum cert_kind kind,
                                        uint32_t block_index);
struct certificate verify_world_certificate(const struct verify_world *w, const struct statement *s,
                                            const uint8_t *members, uint32_t members_count);

/* Judge these bytes, from a place of exactly their size, so that a read beyond is seen. */
enum verify_drop verify_world_judge_bytes(struct verify_world *w, struct bytes bytes);
/* Encode w->msg and judge it. */
enum verify_drop verify_world_judge(struct verify_world *w);
/* What a driver makes of verify_unknown_txs() for rule 5.2: verify those that w->cache does not
 * know, in order up to the first that does not hold, and add them to it. */
enum verdict verify_world_check_txs(struct verify_world *w, const struct block *block,
                                    uint32_t *bad_tx_index);

#endif
