/* Blocks: a header, and the transactions under its Merkle root.
 *
 *   header (131 bytes): version u8 = 1 | chain_id 32 | epoch u64 | height u64 | parent 32 |
 *                       tx_root 32 | tx_count u32 | body_bytes u32 | time_ms u64 | proposer u16
 *   body:   (tx_bytes u32 | transaction) * tx_count
 *   block:  header | body
 *   digest = H(TAG_BLOCK, header); the leaves of tx_root are whole signed transactions.
 * No view stands in it, so a block that is proposed again keeps its digest (pitfalls A4). */
#ifndef LEDGER_BLOCK_H
#define LEDGER_BLOCK_H

#include "crypto/merkle.h"
#include "ledger/apply.h"

enum {
    BLOCK_VERSION = 1,
    BLOCK_HEADER_BYTES = 1 + DIGEST_BYTES + 8 + 8 + DIGEST_BYTES + DIGEST_BYTES + 4 + 4 + 8 + 2,
    BLOCK_TXS_MAX = 1024,               /* PROTOCOL.md 16 */
    BLOCK_BODY_BYTES_MAX = 1024 * 1024, /* B_max's upper bound */
    BLOCK_BYTES_MAX = BLOCK_HEADER_BYTES + BLOCK_BODY_BYTES_MAX
};

struct block_header {
    struct digest chain_id;
    uint64_t epoch;
    uint64_t height;
    struct digest parent;
    struct digest tx_root;
    uint32_t tx_count;
    uint32_t body_bytes;
    uint64_t time_ms;  /* since 1970, UTC; orders nothing */
    uint16_t proposer; /* member index */
};

struct block {
    struct block_header header;
    struct digest digest;
    struct bytes whole; /* lends */
    struct bytes body;  /* lends */
};

/* Why a block is refused. For BLOCK_BAD_TX verdict_is_stateless() of the transaction's verdict says
 * whether the block contradicts itself. */
#define BLOCK_FAULT_LIST(X)                                                                        \
    X(BLOCK_OK, "ok", "ok")                                                                        \
    X(BLOCK_MALFORMED, "block_malformed", "the bytes are not a block")                             \
    X(BLOCK_TOO_LARGE, "block_too_large", "the block has too many bytes or transactions")          \
    X(BLOCK_BODY_MISMATCH, "block_body_mismatch",                                                  \
      "the transactions do not give the header's tx_root, count and bytes")                        \
    X(BLOCK_BAD_TX, "block_bad_tx", "a transaction in it is invalid")                              \
    X(BLOCK_WRONG_CHAIN, "block_wrong_chain", "it belongs to another chain")                       \
    X(BLOCK_WRONG_EPOCH, "block_wrong_epoch", "it belongs to another epoch")                       \
    X(BLOCK_WRONG_HEIGHT, "block_wrong_height", "its height does not follow its parent's")         \
    X(BLOCK_WRONG_PARENT, "block_wrong_parent", "its parent is another block")                     \
    X(BLOCK_WRONG_PROPOSER, "block_wrong_proposer", "its proposer is not a member")                \
    X(BLOCK_WRONG_TIME, "block_wrong_time", "its time is not after its parent's")

enum block_fault {
#define X(fault, word, text) fault,
    BLOCK_FAULT_LIST(X)
#undef X
        BLOCK_FAULT_COUNT
};
const char *block_fault_word(enum block_fault f);
const char *block_fault_text(enum block_fault f);

void block_header_encode(uint8_t out[static BLOCK_HEADER_BYTES], const struct block_header *h);
/* Takes a header from the cursor; another version fails the cursor. */
void block_header_decode(struct rd *r, struct block_header *out);
void block_header_digest(struct digest *out, const struct block_header *h);

/* Height 0 of a chain: no transactions, no parent, time 0. Nobody signs or stores it; its digest
 * is the parent of height 1. */
void block_genesis_header(struct block_header *out, const struct digest *chain_id);

/* Decode a block that fills `whole` exactly: sizes, header, and that the body splits into tx_count
 * pieces of body_bytes in all. Says nothing yet of tx_root: that is block_judge_body(). */
MUST_USE enum block_fault block_decode(struct block *out, struct bytes whole);
/* Take the next transaction's bytes from a cursor over the body (rd_of(block.body)). */
struct bytes block_next_tx(struct rd *r);
/* That the body gives tx_root. With leaves != NULL also hands out the leaf hashes
 * (room for BLOCK_TXS_MAX). */
MUST_USE enum block_fault block_judge_body(const struct block *b, struct digest *leaves);
/* What a chain's genesis says of its blocks. */
struct block_rules {
    uint32_t members_count;
    uint64_t body_bytes_max; /* B_max: of the body, without the header */
};
/* That the header can follow its parent's: chain, height, parent digest, time, proposer, size. */
MUST_USE enum block_fault block_judge_header(const struct block_header *h,
                                             const struct block_header *parent,
                                             const struct digest *parent_digest,
                                             const struct block_rules *rules);

/* Decode and apply all transactions of a block on a layer whose parent is the parent block's.
 * On BLOCK_BAD_TX *bad_tx_index and *bad_tx say which and why. With verify, client signatures are
 * verified too; without, they are known to be good (the block is certified, or the cache said so).
 * Unless *out is BLOCK_OK the layer holds some of its effects and has to be cleared.
 * Returns: RC_OK with *out | the layer's error. */
MUST_USE enum rc block_apply(enum block_fault *out, uint32_t *bad_tx_index, enum verdict *bad_tx,
                             struct layer *l, const struct block *b, bool verify);

/* ---- building ---- */

/* A block in the making. Zero-initialise nothing: block_build_start() does; end with
 * block_build_close(). */
struct block_build {
    struct block_header header;
    struct layer *layer;
    uint64_t body_bytes_max;
    struct buf bytes; /* header's place, then the body */
    struct digest leaves[BLOCK_TXS_MAX];
};
/* layer: empty, on the parent's; receives the effects. Borrows until close. */
void block_build_start(struct block_build *b, const struct block_header *parent,
                       const struct digest *parent_digest, struct layer *layer,
                       uint64_t body_bytes_max);
/* Add a verified transaction if it applies and fits. *fits = false when the block is full; then
 * *out is meaningless. Returns: RC_OK | the layer's error. */
MUST_USE enum rc block_build_add(struct block_build *b, const struct tx *tx, bool *fits,
                                 enum verdict *out);
/* Complete header and bytes. *out lends from b until it is closed. */
void block_build_finish(struct block_build *b, uint64_t time_ms, uint16_t proposer,
                        struct block *out);
void block_build_close(struct block_build *b);

#endif
