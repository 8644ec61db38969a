/* From bytes to messages the core may believe: the only maker of `struct pbft_msg` from outside
 * (PROTOCOL.md 3.2). Decodes, holds bodies against headers, checks every signature, nested ones
 * too; a certificate is verified whole or the message is dropped. Judges: any bytes may be handed
 * in.
 *
 * Verifying is the expensive part of a replica's work and is done once: transactions that were
 * verified when they came to the pool are known again when a proposal brings them, by a bounded
 * cache keyed by H(TAG_TX_VERIFIED, body | signature), never by txid alone: the txid leaves the
 * signature out, so a forged signature under a known txid would pass (pitfalls H3).
 *
 * Two steps, so that the dear one can be spared: verify_decode() judges form alone and is cheap;
 * then whoever knows what is needed may drop the message (rule 3.3, pbft_glance()); verify_judge()
 * hashes bodies and verifies signatures, on any thread. No system calls, no clock. */
#ifndef NODE_VERIFY_H
#define NODE_VERIFY_H

#include "ledger/block.h"
#include "node/pbft/msg.h"

/* Why bytes from a link make no message. The word is metric label, log word and test hook. Who is
 * to blame: the link, never the signer that the bytes claim (rules 5.2, 14.3); for OTHER_EPOCH
 * nobody, since correct replicas send such too. BAD_CERTIFICATE is said of whatever holds only as a
 * whole: a certificate, an LC, the VIEW-CHANGEs of a NEW-VIEW. */
#define VERIFY_DROP_LIST(X)                                                                        \
    X(VERIFY_KEEP, "keep")                                                                         \
    X(VERIFY_DROP_TOO_LARGE, "too_large")       /* over PBFT_MSG_BYTES_MAX; a block over B_max */  \
    X(VERIFY_DROP_MALFORMED, "malformed")       /* not the encoding of a message */                \
    X(VERIFY_DROP_NOT_A_MEMBER, "not_a_member") /* a signer beyond the member table */             \
    X(VERIFY_DROP_OTHER_EPOCH, "other_epoch")   /* keys of another epoch are not known here */     \
    X(VERIFY_DROP_BAD_SIGNATURE, "bad_signature") /* of the message itself */                      \
    X(VERIFY_DROP_BAD_CERTIFICATE, "bad_certificate")                                              \
    X(VERIFY_DROP_NOT_PRIMARY, "not_primary") /* NEW-VIEW: not of the view's primary (7.4) */      \
    X(VERIFY_DROP_BAD_BODY, "bad_body")       /* the body does not give the header */              \
    X(VERIFY_DROP_OTHER_CHAIN, "other_chain") /* a block of another chain */                       \
    X(VERIFY_DROP_BAD_TX, "bad_tx")           /* FORWARD: malformed, or its signature wrong */     \
    X(VERIFY_DROP_NO_EVIDENCE, "no_evidence") /* EVIDENCE of a transaction that is good */

enum verify_drop {
#define X(drop, word) drop,
    VERIFY_DROP_LIST(X)
#undef X
        VERIFY_DROP_COUNT
};
const char *verify_drop_word(enum verify_drop drop);

/* ---- the cache of verified transactions ---- */

struct verify_cache;
/* Remembers the last `txs_max` verified transactions (oldest forgotten first; meeting one again
 * does not make it younger); all memory at once. Of one chain only: the key does not say which.
 * Requires: 1 <= txs_max <= 2^24. */
struct verify_cache *verify_cache_new(uint32_t txs_max);
void verify_cache_free(struct verify_cache *c);
MUST_USE bool verify_cache_has(const struct verify_cache *c, const struct tx *tx);
void verify_cache_add(struct verify_cache *c, const struct tx *tx);

/* ---- messages ---- */

struct verify_config {
    struct digest chain_id;
    uint64_t epoch;
    struct member_table members;
    struct block_rules block_rules;
};

/* The form of what a link brought: size and encoding. *out lends from bytes; unless VERIFY_KEEP
 * nothing in it may be used, and before verify_judge() nothing in it may be believed.
 * Requires: link < members_count. */
MUST_USE enum verify_drop verify_decode(struct pbft_msg *out, const struct verify_config *config,
                                        struct bytes bytes, uint32_t link);
/* The rest: signers, bodies against headers, every signature; FORWARD: its transaction too. Pure;
 * safe on any thread. DATA: a head is a header and nothing behind it. */
MUST_USE enum verify_drop verify_judge(const struct pbft_msg *m,
                                       const struct verify_config *config);

/* How many signatures verify_judge() verifies of a message in which all of them hold. Requires: a
 * decoded message. Pure. */
uint32_t verify_signatures(const struct pbft_msg *m);

/* Decode the transactions of a block, and list those whose signatures the cache does not know (all
 * when cache is NULL), in order. Each listed one that then passes tx_verify() is to be added to the
 * cache by the caller. For rule 5.2's check; certified blocks need none (9.2).
 * Returns: VERDICT_OK, or the verdict on the first that does not decode, whose index *bad_tx_index
 * is. Owns: the listed lend from the block. Requires: room for BLOCK_TXS_MAX; a block whose body
 * was judged, of the cache's chain. */
MUST_USE enum verdict verify_unknown_txs(const struct block *block,
                                         const struct verify_cache *cache, struct tx *unknown,
                                         uint32_t *indexes, uint32_t *unknown_count,
                                         uint32_t *bad_tx_index);

/* ---- evidence ---- */

/* Whether evidence of any form proves what it says: KEEP, or why not. Pure; safe on any thread.
 * Requires: pbft_is_evidence(e), as decoding and making it see to. */
MUST_USE enum verify_drop verify_evidence(const struct pbft_evidence *e,
                                          const struct verify_config *config);

/* Whether a transaction makes its block contradict itself without any state (14.1): it is malformed
 * or a signature in it is wrong (BAD, and *verdict says which), or it stands in the block before
 * (REPEATED, whatever its signature). Requires: tx_index < tx_count; a block that block_decode()
 * took. */
enum verify_tx { VERIFY_TX_GOOD, VERIFY_TX_BAD, VERIFY_TX_REPEATED };
MUST_USE enum verify_tx verify_tx_at(const struct block *block, uint32_t tx_index,
                                     enum verdict *verdict);
/* The first that is REPEATED; false when none is, and then *tx_index is of no use. */
MUST_USE bool verify_repeated_tx(const struct block *block, uint32_t *tx_index);

/* The header of a block, for node/pbft's decoder (pbft_block_head of wire.h). */
bool verify_block_head(struct bytes bytes, struct pbft_block *out);

#endif
