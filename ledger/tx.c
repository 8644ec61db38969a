#include "ledger/tx.h"

#include <string.h>

#include "crypto/base/check.h"

/* What the signer signs: tag | chain_id | txid. */
enum { SIGNED_BYTES = TAG_BYTES + 2 * DIGEST_BYTES };

static struct bytes signed_bytes(uint8_t out[static SIGNED_BYTES], const struct digest *chain_id,
                                 const struct digest *txid)
{
    memcpy(out, tag_bytes(TAG_TX_SIGN), TAG_BYTES);
    memcpy(out + TAG_BYTES, chain_id->bytes, DIGEST_BYTES);
    memcpy(out + TAG_BYTES + DIGEST_BYTES, txid->bytes, DIGEST_BYTES);
    return bytes_of(out, SIGNED_BYTES);
}

static void tx_id(struct digest *out, struct bytes body, const struct digest *chain_id)
{
    struct hasher h;
    hasher_start(&h, TAG_TX_ID);
    hasher_add(&h, chain_id->bytes, DIGEST_BYTES);
    hasher_add_bytes(&h, body);
    hasher_end(&h, out);
}

/* Every operation is well-formed, cancel stands alone, and nothing is left over. */
static enum verdict judge_ops(struct tx *tx)
{
    struct rd r = tx_ops(tx);
    for (uint32_t i = 0; i < tx->ops_count; i++) {
        struct op op;
        enum verdict verdict = op_decode(&r, &op);
        if (verdict != VERDICT_OK)
            return verdict;
        if (op.type == OP_CANCEL && tx->ops_count > 1)
            return VERDICT_CANCEL_NOT_ALONE;
        tx->consents_count += op.type == OP_KEY_ADD;
    }
    return rd_done(&r) ? VERDICT_OK : VERDICT_MALFORMED;
}

static enum verdict judge_head(const struct tx *tx, uint8_t version)
{
    if (version != TX_VERSION)
        return VERDICT_UNKNOWN_VERSION;
    if (tx->nonce == 0)
        return VERDICT_ZERO_NONCE;
    if (tx->ops_count == 0 || tx->ops_count > TX_OPS_MAX)
        return VERDICT_OPS_COUNT;
    return VERDICT_OK;
}

enum verdict tx_decode(struct tx *out, struct bytes whole, const struct digest *chain_id)
{
    *out = (struct tx){.whole = whole};
    if (whole.size > TX_BYTES_MAX)
        return VERDICT_TOO_LARGE;
    if (whole.size < TX_HEAD_BYTES + SIGNATURE_BYTES)
        return VERDICT_MALFORMED;

    struct rd r = rd_of(whole);
    uint8_t version = rd_u8(&r);
    rd_copy(&r, out->signer.bytes, PUBLIC_KEY_BYTES);
    out->nonce = rd_u64(&r);
    out->valid_until_height = rd_u64(&r);
    out->ops_count = rd_u16(&r);
    out->ops = rd_take(&r, whole.size - TX_HEAD_BYTES - SIGNATURE_BYTES);
    rd_copy(&r, out->signature.bytes, SIGNATURE_BYTES);
    out->body = bytes_of(whole.data, whole.size - SIGNATURE_BYTES);
    CHECK(rd_done(&r));

    enum verdict verdict = judge_head(out, version);
    if (verdict == VERDICT_OK)
        verdict = judge_ops(out);
    if (verdict == VERDICT_OK)
        tx_id(&out->id, out->body, chain_id);
    return verdict;
}

struct rd tx_ops(const struct tx *tx)
{
    return rd_of(tx->ops);
}

enum verdict tx_verify(const struct tx *tx, const struct digest *chain_id)
{
    uint8_t room[SIGNED_BYTES];
    if (!sign_verify(&tx->signature, signed_bytes(room, chain_id, &tx->id), &tx->signer))
        return VERDICT_BAD_SIGNATURE;
    if (tx->consents_count == 0)
        return VERDICT_OK;

    struct rd r = tx_ops(tx);
    for (uint32_t i = 0; i < tx->ops_count; i++) {
        struct op op;
        op_decode_judged(&r, &op);
        if (op.type != OP_KEY_ADD)
            continue;
        if (!public_key_is_valid(&op.key_add.key))
            return VERDICT_BAD_KEY;
        if (!op_key_add_consent_verify(&op.key_add, chain_id))
            return VERDICT_BAD_CONSENT;
    }
    return VERDICT_OK;
}

/* What must hold before the operations can be encoded at all: known types, texts that fit. */
static enum verdict judge_draft(const struct tx_draft *draft)
{
    if (draft->ops_count == 0 || draft->ops_count > TX_OPS_MAX)
        return VERDICT_OPS_COUNT;
    for (uint32_t i = 0; i < draft->ops_count; i++) {
        const struct op_rules *rules = op_rules_of(draft->ops[i].type);
        if (rules == NULL)
            return VERDICT_UNKNOWN_OP;
        enum verdict verdict = rules->judge(&draft->ops[i]);
        if (verdict != VERDICT_OK)
            return verdict;
    }
    return VERDICT_OK;
}

enum verdict tx_sign(struct buf *out, const struct tx_draft *draft, const struct sign_key *key,
                     const struct digest *chain_id)
{
    enum verdict verdict = judge_draft(draft);
    if (verdict != VERDICT_OK)
        return verdict;

    size_t start = out->size;
    buf_add_u8(out, TX_VERSION);
    buf_add(out, key->public.bytes, PUBLIC_KEY_BYTES);
    buf_add_u64(out, draft->nonce);
    buf_add_u64(out, draft->valid_until_height);
    buf_add_u16(out, (uint16_t)draft->ops_count);
    for (uint32_t i = 0; i < draft->ops_count; i++)
        op_encode(out, &draft->ops[i]);

    struct digest txid;
    uint8_t room[SIGNED_BYTES];
    struct signature signature;
    tx_id(&txid, bytes_of(out->data + start, out->size - start), chain_id);
    sign_message(&signature, signed_bytes(room, chain_id, &txid), key);
    buf_add(out, signature.bytes, SIGNATURE_BYTES);

    /* One judge for what is signed and for what is received. */
    struct tx tx;
    verdict = tx_decode(&tx, bytes_of(out->data + start, out->size - start), chain_id);
    if (verdict != VERDICT_OK)
        out->size = start;
    return verdict;
}
