#include "tools/hansa/chain_read.h"

#include <inttypes.h>

#include "ledger/receipt.h"

enum rc chain_get_tx(struct source *s, const struct place *place, struct tx *out, struct why *why)
{
    enum rc rc = source_block(s, place->height, why);
    if (rc == RC_NOT_FOUND) /* whoever asks was sent here by an index */
        return why_within(why, RC_STORE_DAMAGED, "an index names a block that is not there");
    if (rc != RC_OK)
        return rc;
    if (place->tx_index >= s->block.header.tx_count)
        return why_set(why, RC_STORE_DAMAGED,
                       "an index names transaction %" PRIu32 " of the %" PRIu32
                       " at height %" PRIu64,
                       place->tx_index, s->block.header.tx_count, place->height);
    struct rd body = rd_of(s->block.body);
    struct bytes whole = block_next_tx(&body);
    for (uint32_t i = 0; i < place->tx_index; i++)
        whole = block_next_tx(&body);
    enum verdict verdict = tx_decode(out, whole, &s->genesis->chain_id);
    if (verdict != VERDICT_OK)
        return why_set(why, RC_STORE_DAMAGED,
                       "transaction %" PRIu32 " at height %" PRIu64 " is damaged: %s",
                       place->tx_index, place->height, verdict_text(verdict));
    return RC_OK;
}

enum rc chain_get_op(struct source *s, const struct place *place, struct tx *tx, struct op *op,
                     struct why *why)
{
    enum rc rc = chain_get_tx(s, place, tx, why);
    if (rc != RC_OK)
        return rc;
    if (place->op_index >= tx->ops_count)
        return why_set(why, RC_STORE_DAMAGED,
                       "an index names operation %u of the %" PRIu32 " in transaction %" PRIu32
                       " at height %" PRIu64,
                       (unsigned)place->op_index, tx->ops_count, place->tx_index, place->height);
    struct rd ops = tx_ops(tx);
    for (uint32_t i = 0; i <= place->op_index; i++)
        op_decode_judged(&ops, op);
    return RC_OK;
}

enum rc chain_judge_certificate(const struct genesis *g, const struct certificate *c,
                                struct why *why)
{
    enum cert_fault fault = cert_verify(c, &g->chain_id, &g->member_table);
    if (fault == CERT_OK)
        return RC_OK;
    return why_set(why, RC_PROOF, "height %" PRIu64 ": certificate: %s", c->statement.height,
                   cert_fault_text(fault));
}

/* That the certificate's block stands at the end of the chain that starts with source.block. */
static enum rc judge_link(struct source *s, const struct statement *last, struct why *why)
{
    struct buf room = {0};
    struct digest digest = s->block.digest;
    enum rc rc = RC_OK;
    for (uint64_t h = s->block_height + 1; h <= last->height && rc == RC_OK; h++) {
        struct block block;
        rc = s->kind->block(s, h, &room, &block, why);
        if (rc != RC_OK)
            rc = why_within(why, rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc,
                            "below the certificate of height %" PRIu64, last->height);
        else if (!digest_equal(&block.header.parent, &digest))
            rc = why_set(why, RC_PROOF, "height %" PRIu64 ": header: its parent is another block",
                         h);
        else
            digest = block.digest;
    }
    buf_free(&room);
    if (rc == RC_OK && !digest_equal(&digest, &last->digest))
        rc = why_set(why, RC_PROOF, "height %" PRIu64 ": certificate: it names another block",
                     last->height);
    return rc;
}

enum rc chain_get_certificate(struct source *s, uint64_t height, struct certificate *out,
                              struct why *why)
{
    enum rc rc = s->kind->certificate(s, height, out, why);
    if (rc == RC_OK && out->statement.height - height >= RECEIPT_HEADERS_MAX)
        rc = RC_NOT_FOUND;
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc, "no certificate that is there covers height %" PRIu64, height);
    if (rc == RC_OK)
        rc = chain_judge_certificate(s->genesis, out, why);
    if (rc == RC_OK)
        rc = source_block(s, height, why);
    return rc == RC_OK ? judge_link(s, &out->statement, why) : rc;
}

enum rc chain_get_signer(struct source *s, const struct tx *tx, struct bytes *out, struct why *why)
{
    struct state_key key;
    bool is_known = state_get_key(s->layer, &tx->signer, &key);
    enum rc rc = source_state_rc(s, "the entry of the signer's key", why);
    if (rc != RC_OK)
        return rc;
    if (!is_known)
        return why_set(why, RC_STORE_DAMAGED,
                       "the state has no entry for the key that signed a transaction");
    *out = key.participant;
    return RC_OK;
}
