#include "ledger/block.h"

#include <string.h>

#include "crypto/base/check.h"

struct fault_row {
    const char *word, *text;
};

static const struct fault_row fault_rows[] = {
#define X(fault, word, text) [fault] = {word, text},
    BLOCK_FAULT_LIST(X)
#undef X
};

const char *block_fault_word(enum block_fault f)
{
    CHECK((unsigned)f < BLOCK_FAULT_COUNT);
    return fault_rows[f].word;
}

const char *block_fault_text(enum block_fault f)
{
    CHECK((unsigned)f < BLOCK_FAULT_COUNT);
    return fault_rows[f].text;
}

/* ---- header ---- */

void block_header_encode(uint8_t out[static BLOCK_HEADER_BYTES], const struct block_header *h)
{
    struct wr w = wr_of(out, BLOCK_HEADER_BYTES);
    wr_u8(&w, BLOCK_VERSION);
    wr_copy(&w, h->chain_id.bytes, DIGEST_BYTES);
    wr_u64(&w, h->epoch);
    wr_u64(&w, h->height);
    wr_copy(&w, h->parent.bytes, DIGEST_BYTES);
    wr_copy(&w, h->tx_root.bytes, DIGEST_BYTES);
    wr_u32(&w, h->tx_count);
    wr_u32(&w, h->body_bytes);
    wr_u64(&w, h->time_ms);
    wr_u16(&w, h->proposer);
    CHECK(wr_ok(&w));
    CHECK(w.size == BLOCK_HEADER_BYTES);
}

void block_header_decode(struct rd *r, struct block_header *out)
{
    uint8_t version = rd_u8(r);
    rd_copy(r, out->chain_id.bytes, DIGEST_BYTES);
    out->epoch = rd_u64(r);
    out->height = rd_u64(r);
    rd_copy(r, out->parent.bytes, DIGEST_BYTES);
    rd_copy(r, out->tx_root.bytes, DIGEST_BYTES);
    out->tx_count = rd_u32(r);
    out->body_bytes = rd_u32(r);
    out->time_ms = rd_u64(r);
    out->proposer = rd_u16(r);
    if (version != BLOCK_VERSION)
        rd_fail(r);
}

void block_header_digest(struct digest *out, const struct block_header *h)
{
    uint8_t header[BLOCK_HEADER_BYTES];
    block_header_encode(header, h);
    digest_of(out, TAG_BLOCK, bytes_of(header, sizeof header));
}

void block_genesis_header(struct block_header *out, const struct digest *chain_id)
{
    *out = (struct block_header){.chain_id = *chain_id};
    merkle_root(&out->tx_root, NULL, 0);
}

/* ---- judging ---- */

struct bytes block_next_tx(struct rd *r)
{
    uint32_t size = rd_u32(r);
    return rd_take(r, size);
}

enum block_fault block_decode(struct block *out, struct bytes whole)
{
    *out = (struct block){.whole = whole};
    if (whole.size > BLOCK_BYTES_MAX)
        return BLOCK_TOO_LARGE;
    struct rd r = rd_of(whole);
    block_header_decode(&r, &out->header);
    if (r.failed)
        return BLOCK_MALFORMED;
    out->body = bytes_of(r.at, r.left);
    if (out->header.tx_count > BLOCK_TXS_MAX)
        return BLOCK_TOO_LARGE;
    if (out->header.body_bytes != out->body.size)
        return BLOCK_BODY_MISMATCH;
    for (uint32_t i = 0; i < out->header.tx_count; i++)
        block_next_tx(&r);
    if (!rd_done(&r))
        return BLOCK_BODY_MISMATCH;
    block_header_digest(&out->digest, &out->header);
    return BLOCK_OK;
}

enum block_fault block_judge_body(const struct block *b, struct digest *leaves)
{
    struct digest own[BLOCK_TXS_MAX], root;
    struct rd r = rd_of(b->body);
    if (leaves == NULL)
        leaves = own;
    for (uint32_t i = 0; i < b->header.tx_count; i++)
        merkle_leaf(&leaves[i], block_next_tx(&r));
    merkle_root(&root, leaves, b->header.tx_count);
    return digest_equal(&root, &b->header.tx_root) ? BLOCK_OK : BLOCK_BODY_MISMATCH;
}

enum block_fault block_judge_header(const struct block_header *h, const struct block_header *parent,
                                    const struct digest *parent_digest,
                                    const struct block_rules *rules)
{
    if (!digest_equal(&h->chain_id, &parent->chain_id))
        return BLOCK_WRONG_CHAIN;
    if (h->epoch != parent->epoch)
        return BLOCK_WRONG_EPOCH;
    if (parent->height == UINT64_MAX || h->height != parent->height + 1)
        return BLOCK_WRONG_HEIGHT;
    if (!digest_equal(&h->parent, parent_digest))
        return BLOCK_WRONG_PARENT;
    if (h->proposer >= rules->members_count)
        return BLOCK_WRONG_PROPOSER;
    if (h->body_bytes > rules->body_bytes_max)
        return BLOCK_TOO_LARGE;
    return h->time_ms > parent->time_ms ? BLOCK_OK : BLOCK_WRONG_TIME;
}

enum rc block_apply(enum block_fault *out, uint32_t *bad_tx_index, enum verdict *bad_tx,
                    struct layer *l, const struct block *b, bool verify)
{
    struct rd r = rd_of(b->body);
    *out = BLOCK_OK;
    for (uint32_t i = 0; i < b->header.tx_count; i++) {
        struct tx tx;
        enum verdict verdict = tx_decode(&tx, block_next_tx(&r), &b->header.chain_id);
        if (verdict == VERDICT_OK && verify)
            verdict = tx_verify(&tx, &b->header.chain_id);
        if (verdict == VERDICT_OK) {
            enum rc rc = apply_tx(&verdict, l, &tx, b->header.height, i);
            if (rc != RC_OK)
                return rc;
        }
        if (verdict != VERDICT_OK) {
            *out = BLOCK_BAD_TX;
            *bad_tx_index = i;
            *bad_tx = verdict;
            return RC_OK;
        }
    }
    return RC_OK;
}

/* ---- building ---- */

void block_build_start(struct block_build *b, const struct block_header *parent,
                       const struct digest *parent_digest, struct layer *layer,
                       uint64_t body_bytes_max)
{
    CHECK(body_bytes_max <= BLOCK_BODY_BYTES_MAX);
    CHECK(parent->height < UINT64_MAX);
    b->header = (struct block_header){.chain_id = parent->chain_id,
                                      .epoch = parent->epoch,
                                      .height = parent->height + 1,
                                      .parent = *parent_digest,
                                      .time_ms = parent->time_ms};
    b->layer = layer;
    b->body_bytes_max = body_bytes_max;
    b->bytes = (struct buf){0};
    buf_grow(&b->bytes, BLOCK_HEADER_BYTES);
}

enum rc block_build_add(struct block_build *b, const struct tx *tx, bool *fits, enum verdict *out)
{
    uint32_t index = b->header.tx_count;
    *fits = index < BLOCK_TXS_MAX && b->header.body_bytes + 4 + tx->whole.size <= b->body_bytes_max;
    if (!*fits)
        return RC_OK;
    enum rc rc = apply_tx(out, b->layer, tx, b->header.height, index);
    if (rc != RC_OK || *out != VERDICT_OK)
        return rc;
    buf_add_u32(&b->bytes, (uint32_t)tx->whole.size);
    buf_add_bytes(&b->bytes, tx->whole);
    merkle_leaf(&b->leaves[index], tx->whole);
    b->header.body_bytes += 4 + (uint32_t)tx->whole.size;
    b->header.tx_count++;
    return RC_OK;
}

void block_build_finish(struct block_build *b, uint64_t time_ms, uint16_t proposer,
                        struct block *out)
{
    CHECK(time_ms > b->header.time_ms); /* rule 5.1: the caller takes max(clock, parent + 1) */
    b->header.time_ms = time_ms;
    b->header.proposer = proposer;
    merkle_root(&b->header.tx_root, b->leaves, b->header.tx_count);
    block_header_encode(b->bytes.data, &b->header);
    CHECK(block_decode(out, buf_bytes(&b->bytes)) == BLOCK_OK);
}

void block_build_close(struct block_build *b)
{
    buf_free(&b->bytes);
}
