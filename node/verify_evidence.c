/* Judging evidence (PROTOCOL.md 14): that one member signed all of it, and that it contradicts
 * itself. The decoder has seen to the form, so that two parts are two; here come the keys, and the
 * block of a bad body. A certificate in it is not verified: its signer, and nobody else, is said to
 * have sent it. */
#include "crypto/base/check.h"
#include "node/pbft/wire.h"
#include "node/verify_parts.h"

/* ---- transactions that no block can hold ---- */

/* The transaction at a place, as it decodes. Requires: tx_index < tx_count. */
static enum verdict decode_tx(const struct block *block, uint32_t tx_index, struct tx *out)
{
    struct rd r = rd_of(block->body);
    CHECK(tx_index < block->header.tx_count);
    for (uint32_t i = 0; i < tx_index; i++)
        (void)block_next_tx(&r);
    return tx_decode(out, block_next_tx(&r), &block->header.chain_id);
}

/* By its txid: a second signature makes no second transaction of it (pitfalls H3). */
static bool stands_before(const struct block *block, uint32_t tx_index, const struct digest *txid)
{
    struct rd r = rd_of(block->body);
    for (uint32_t i = 0; i < tx_index; i++) {
        struct tx tx;
        enum verdict verdict = tx_decode(&tx, block_next_tx(&r), &block->header.chain_id);
        if (verdict == VERDICT_OK && digest_equal(&tx.id, txid))
            return true;
    }
    return false;
}

enum verify_tx verify_tx_at(const struct block *block, uint32_t tx_index, enum verdict *verdict)
{
    struct tx tx;
    *verdict = decode_tx(block, tx_index, &tx);
    if (*verdict == VERDICT_OK && stands_before(block, tx_index, &tx.id))
        return VERIFY_TX_REPEATED;
    if (*verdict == VERDICT_OK)
        *verdict = tx_verify(&tx, &block->header.chain_id);
    if (*verdict == VERDICT_OK)
        return VERIFY_TX_GOOD;
    CHECK(verdict_is_stateless(*verdict)); /* neither of the two looks at a state */
    return VERIFY_TX_BAD;
}

bool verify_repeated_tx(const struct block *block, uint32_t *tx_index)
{
    struct digest *ids = mem_alloc((BLOCK_TXS_MAX + 1) * sizeof *ids);
    struct rd r = rd_of(block->body);
    uint32_t count = 0;
    bool is_repeated = false;
    CHECK(block->header.tx_count <= BLOCK_TXS_MAX);
    for (uint32_t i = 0; i < block->header.tx_count && !is_repeated; i++) {
        struct tx tx;
        if (tx_decode(&tx, block_next_tx(&r), &block->header.chain_id) != VERDICT_OK)
            continue;
        for (uint32_t k = 0; k < count && !is_repeated; k++)
            is_repeated = digest_equal(&ids[k], &tx.id);
        ids[count++] = tx.id;
        *tx_index = i;
    }
    mem_free(ids);
    return is_repeated;
}

/* ---- evidence ---- */

static enum verify_drop judge_signatures(const struct verify_config *config,
                                         const struct pbft_evidence *e)
{
    enum verify_drop drop = VERIFY_KEEP;
    for (uint32_t i = 0; i < pbft_evidence_parts(e) && drop == VERIFY_KEEP; i++) {
        uint8_t room[PBFT_SIGNED_BYTES_MAX];
        struct bytes message = pbft_evidence_signed(room, e, i, &config->chain_id);
        drop = judge_signature(config, e->offender, &e->parts[i].signature, message);
    }
    return drop;
}

/* The signature is on the header, which names the body: so whoever signed it is to blame for the
 * transactions, if they give that header, and nobody is if they do not (14.3). */
static enum verify_drop judge_body(const struct verify_config *config,
                                   const struct pbft_evidence *e)
{
    struct block block;
    enum verdict verdict;
    enum verify_drop drop = verify_judge_block(config, e->block);
    if (drop != VERIFY_KEEP)
        return drop;
    enum block_fault fault = block_decode(&block, e->block);
    CHECK(fault == BLOCK_OK); /* it was judged */
    if (e->tx_index >= block.header.tx_count)
        return VERIFY_DROP_NO_EVIDENCE;
    drop = judge_signatures(config, e);
    if (drop != VERIFY_KEEP)
        return drop;
    return verify_tx_at(&block, e->tx_index, &verdict) == VERIFY_TX_GOOD ? VERIFY_DROP_NO_EVIDENCE
                                                                         : VERIFY_KEEP;
}

enum verify_drop verify_evidence(const struct pbft_evidence *e, const struct verify_config *config)
{
    CHECK(pbft_is_evidence(e));
    enum verify_drop drop = judge_signer(config, e->offender, e->epoch);
    if (drop != VERIFY_KEEP)
        return drop;
    return e->kind == PBFT_BAD_BODY ? judge_body(config, e) : judge_signatures(config, e);
}
