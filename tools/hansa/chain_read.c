#include "tools/hansa/chain_read.h"

#include <inttypes.h>

#include "ledger/receipt.h"

enum rc chain_get_block(struct chain_read *r, uint64_t height, struct why *why)
{
    if (height > 0 && r->height == height)
        return RC_OK;
    r->height = 0;
    enum rc rc = store_get_block(r->dir->store, height, &r->block, why);
    if (rc == RC_OK)
        r->height = height;
    return rc;
}

enum rc chain_get_tx(struct chain_read *r, const struct place *place, struct tx *out,
                     struct why *why)
{
    enum rc rc = chain_get_block(r, place->height, why);
    if (rc == RC_NOT_FOUND) /* whoever asks was sent here by an index */
        return why_within(why, RC_STORE_DAMAGED, "an index names a block that is not there");
    if (rc != RC_OK)
        return rc;
    if (place->tx_index >= r->block.header.tx_count)
        return why_set(why, RC_STORE_DAMAGED,
                       "an index names transaction %" PRIu32 " of the %" PRIu32
                       " at height %" PRIu64,
                       place->tx_index, r->block.header.tx_count, place->height);
    struct rd body = rd_of(r->block.body);
    struct bytes whole = block_next_tx(&body);
    for (uint32_t i = 0; i < place->tx_index; i++)
        whole = block_next_tx(&body);
    enum verdict verdict = tx_decode(out, whole, &r->dir->genesis.chain_id);
    if (verdict != VERDICT_OK)
        return why_set(why, RC_STORE_DAMAGED,
                       "transaction %" PRIu32 " at height %" PRIu64 " is damaged: %s",
                       place->tx_index, place->height, verdict_text(verdict));
    return RC_OK;
}

enum rc chain_get_op(struct chain_read *r, const struct place *place, struct tx *tx, struct op *op,
                     struct why *why)
{
    enum rc rc = chain_get_tx(r, place, tx, why);
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

enum rc chain_judge_certificate(const struct data_dir *d, const struct certificate *c,
                                struct why *why)
{
    enum cert_fault fault = cert_verify(c, &d->genesis.chain_id, &d->genesis.member_table);
    if (fault == CERT_OK)
        return RC_OK;
    return why_set(why, RC_PROOF, "height %" PRIu64 ": certificate: %s", c->statement.height,
                   cert_fault_text(fault));
}

/* That the certificate's block stands at the end of the chain that starts at a height. */
static enum rc judge_link(struct data_dir *d, uint64_t height, const struct statement *last,
                          struct why *why)
{
    struct block block;
    enum rc rc = store_get_block(d->store, height, &block, why);
    if (rc != RC_OK)
        return rc;
    struct digest digest = block.digest;
    for (uint64_t h = height + 1; h <= last->height; h++) {
        rc = store_get_block(d->store, h, &block, why);
        if (rc != RC_OK)
            return why_within(why, rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc,
                              "below the certificate of height %" PRIu64, last->height);
        if (!digest_equal(&block.header.parent, &digest))
            return why_set(why, RC_PROOF, "height %" PRIu64 ": header: its parent is another block",
                           h);
        digest = block.digest;
    }
    if (!digest_equal(&digest, &last->digest))
        return why_set(why, RC_PROOF, "height %" PRIu64 ": certificate: it names another block",
                       last->height);
    return RC_OK;
}

enum rc chain_get_certificate(struct data_dir *d, uint64_t height, struct certificate *out,
                              struct why *why)
{
    enum rc rc = store_get_certificate(d->store, height, out, why);
    if (rc == RC_OK && out->statement.height - height >= RECEIPT_HEADERS_MAX)
        rc = RC_NOT_FOUND;
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc, "no certificate in this store covers height %" PRIu64, height);
    if (rc == RC_OK)
        rc = chain_judge_certificate(d, out, why);
    return rc == RC_OK ? judge_link(d, height, &out->statement, why) : rc;
}

enum rc chain_get_signer(struct data_dir *d, const struct tx *tx, struct bytes *out,
                         struct why *why)
{
    struct layer *layer = store_layer(d->store);
    struct state_key key;
    bool is_known = state_get_key(layer, &tx->signer, &key);
    enum rc rc = layer_rc(layer);
    if (rc != RC_OK)
        return why_set(why, rc, "the entry of the signer's key cannot be read: %s", rc_text(rc));
    if (!is_known)
        return why_set(why, RC_STORE_DAMAGED,
                       "the state has no entry for the key that signed a transaction");
    *out = key.participant;
    return RC_OK;
}
