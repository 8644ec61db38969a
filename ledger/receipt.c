#include "ledger/receipt.h"

#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/envelope.h"

/* ---- making ---- */

static void add_path(struct buf *out, const struct merkle_path *path)
{
    buf_add_u8(out, (uint8_t)path->count);
    for (uint32_t i = 0; i < path->count; i++)
        buf_add(out, path->siblings[i].bytes, DIGEST_BYTES);
}

/* The transaction, and its way up to the block's tx_root. */
static enum rc add_tx(struct buf *out, const struct block *block, uint32_t tx_index,
                      struct why *why)
{
    struct digest leaves[BLOCK_TXS_MAX];
    struct merkle_path path;
    struct rd r = rd_of(block->body);
    struct bytes tx = {0};
    if (tx_index >= block->header.tx_count)
        return why_set(why, RC_NOT_FOUND,
                       "block %" PRIu64 " has %" PRIu32 " transactions, none at index %" PRIu32,
                       block->header.height, block->header.tx_count, tx_index);
    if (block_judge_body(block, leaves) != BLOCK_OK)
        return why_set(why, RC_STORE_DAMAGED,
                       "block %" PRIu64 ": its transactions do not give its tx_root",
                       block->header.height);
    for (uint32_t i = 0; i <= tx_index; i++)
        tx = block_next_tx(&r);
    merkle_prove(&path, leaves, block->header.tx_count, tx_index);
    buf_add_u32(out, (uint32_t)tx.size);
    buf_add_bytes(out, tx);
    buf_add_u32(out, tx_index);
    add_path(out, &path);
    return RC_OK;
}

/* The headers of heights first..last, the last of which the certificate must name. */
static enum rc add_headers(struct buf *out, struct store *s, uint64_t first,
                           const struct statement *last, struct why *why)
{
    CHECK(last->height >= first);
    if (last->height - first >= RECEIPT_HEADERS_MAX)
        return why_set(why, RC_NOT_FOUND,
                       "no certificate covers height %" PRIu64 " within the %d heights that a "
                       "receipt may span (the next one is at %" PRIu64 ")",
                       first, RECEIPT_HEADERS_MAX, last->height);
    buf_add_u16(out, (uint16_t)(last->height - first + 1));
    for (uint64_t height = first; height <= last->height; height++) {
        struct block block;
        enum rc rc = store_get_block(s, height, &block, why);
        if (rc == RC_NOT_FOUND)
            return why_set(why, RC_STORE_DAMAGED,
                           "block %" PRIu64 " is missing below the certificate of height "
                           "%" PRIu64,
                           height, last->height);
        if (rc != RC_OK)
            return rc;
        if (height == last->height && !digest_equal(&block.digest, &last->digest))
            return why_set(why, RC_STORE_DAMAGED,
                           "the certificate of height %" PRIu64 " names another block", height);
        block_header_encode(buf_grow(out, BLOCK_HEADER_BYTES), &block.header);
    }
    return RC_OK;
}

/* A damaged one covers nothing, and one above it covers the same (pitfalls D5). A few are tried:
 * each that is not there costs a walk of the table. */
static enum rc find_certificate(struct store *s, uint64_t height, struct certificate *out,
                                struct why *why)
{
    enum { TRIES = 4 };
    enum rc rc = store_get_certificate(s, height, out, why);
    for (uint64_t above = 1; rc == RC_STORE_DAMAGED && above < TRIES; above++) {
        struct why skipped;
        if (store_get_certificate(s, height + above, out, &skipped) == RC_OK)
            return RC_OK;
    }
    return rc;
}

static enum rc make(struct buf *out, struct store *s, const struct place *place, struct why *why)
{
    struct block block;
    struct certificate certificate;
    enum rc rc = store_get_block(s, place->height, &block, why);
    if (rc != RC_OK)
        return rc;
    envelope_begin(out, RECEIPT_MAGIC, &block.header.chain_id);
    rc = add_tx(out, &block, place->tx_index, why);
    if (rc != RC_OK)
        return rc;
    rc = find_certificate(s, place->height, &certificate, why);
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc, "no certificate covers height %" PRIu64 " yet: try again later",
                       place->height);
    if (rc == RC_OK)
        rc = add_headers(out, s, place->height, &certificate.statement, why);
    if (rc == RC_OK)
        envelope_end(out, &certificate);
    return rc;
}

enum rc receipt_make(struct buf *out, struct store *s, const struct place *place, struct why *why)
{
    size_t before = out->size;
    enum rc rc = make(out, s, place, why);
    if (rc != RC_OK)
        out->size = before; /* half a receipt is none */
    else
        CHECK(out->size - before <= RECEIPT_BYTES_MAX);
    return rc;
}

/* ---- judging ---- */

/* A receipt taken apart, nothing of it believed yet. */
struct parts {
    struct bytes tx;
    uint32_t tx_index;
    struct merkle_path path;
    uint32_t headers_count;
    struct bytes headers;
    struct certificate certificate;
};

static enum rc take_tx(struct parts *out, struct rd *r, struct why *why)
{
    uint32_t tx_bytes = rd_u32(r);
    if (tx_bytes > TX_BYTES_MAX)
        return why_set(why, RC_MALFORMED,
                       "structure: a transaction of %" PRIu32 " bytes, allowed are %d", tx_bytes,
                       TX_BYTES_MAX);
    out->tx = rd_take(r, tx_bytes);
    return envelope_judge_taken(r, "transaction", why);
}

static enum rc take_path(struct parts *out, struct rd *r, struct why *why)
{
    out->tx_index = rd_u32(r);
    out->path.count = rd_u8(r);
    if (out->path.count > MERKLE_PATH_MAX)
        return why_set(why, RC_MALFORMED,
                       "structure: a Merkle path of %" PRIu32 " siblings, allowed are %d",
                       out->path.count, MERKLE_PATH_MAX);
    for (uint32_t i = 0; i < out->path.count; i++)
        rd_copy(r, out->path.siblings[i].bytes, DIGEST_BYTES);
    return envelope_judge_taken(r, "Merkle path", why);
}

static enum rc take_headers(struct parts *out, struct rd *r, struct why *why)
{
    out->headers_count = rd_u16(r);
    if (!r->failed && (out->headers_count == 0 || out->headers_count > RECEIPT_HEADERS_MAX))
        return why_set(why, RC_MALFORMED, "structure: %" PRIu32 " headers, allowed are 1 to %d",
                       out->headers_count, RECEIPT_HEADERS_MAX);
    out->headers = rd_take(r, (size_t)out->headers_count * BLOCK_HEADER_BYTES);
    return envelope_judge_taken(r, "headers", why);
}

static enum rc take_parts(struct parts *out, struct bytes receipt, const struct digest *chain_id,
                          struct why *why)
{
    struct rd r = rd_of(receipt);
    enum rc rc = envelope_judge_begin(&r, RECEIPT_MAGIC, chain_id, why);
    if (rc == RC_OK)
        rc = take_tx(out, &r, why);
    if (rc == RC_OK)
        rc = take_path(out, &r, why);
    if (rc == RC_OK)
        rc = take_headers(out, &r, why);
    if (rc == RC_OK)
        rc = envelope_judge_end(&r, &out->certificate, why);
    return rc;
}

/* One header at the height where it must stand. */
static enum rc judge_header(struct block_header *out, struct bytes bytes, uint64_t height,
                            const struct digest *chain_id, struct why *why)
{
    struct rd r = rd_of(bytes);
    block_header_decode(&r, out);
    if (!rd_done(&r))
        return why_set(why, RC_PROOF, "header of height %" PRIu64 ": its version is unknown",
                       height);
    if (!digest_equal(&out->chain_id, chain_id))
        return why_set(why, RC_PROOF, "header of height %" PRIu64 ": it is of another chain",
                       height);
    if (out->epoch != 0)
        return why_set(why, RC_PROOF,
                       "header of height %" PRIu64 ": its epoch must be 0 (here: %" PRIu64 ")",
                       height, out->epoch);
    if (out->height != height)
        return why_set(why, RC_PROOF, "header of height %" PRIu64 ": it says height %" PRIu64,
                       height, out->height);
    return RC_OK;
}

/* From the certified block downwards, each header being what the one above names as its parent.
 * Digests come first and are taken over the very bytes, so a changed header is blamed itself, and
 * not the one below it. */
static enum rc judge_headers(struct receipt *out, const struct parts *p,
                             const struct digest *chain_id, struct why *why)
{
    uint64_t height = p->certificate.statement.height;
    struct digest expected = p->certificate.statement.digest;
    if (height < p->headers_count)
        return why_set(why, RC_PROOF,
                       "headers: %" PRIu32 " of them up to height %" PRIu64 " would begin below 1",
                       p->headers_count, height);
    for (uint32_t i = p->headers_count; i > 0; i--, height--) {
        struct bytes bytes =
            bytes_of(p->headers.data + (i - 1) * BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES);
        digest_of(&out->block_digest, TAG_BLOCK, bytes);
        if (!digest_equal(&out->block_digest, &expected))
            return why_set(why, RC_PROOF,
                           "header of height %" PRIu64 ": its digest is not the one that the %s",
                           height,
                           i == p->headers_count ? "certificate is about"
                                                 : "header above it names as its parent");
        enum rc rc = judge_header(&out->header, bytes, height, chain_id, why);
        if (rc != RC_OK)
            return rc;
        expected = out->header.parent;
    }
    return RC_OK;
}

static enum rc judge_tx(struct receipt *out, const struct parts *p, const struct digest *chain_id,
                        struct why *why)
{
    enum verdict verdict = tx_decode(&out->tx, p->tx, chain_id);
    if (verdict != VERDICT_OK)
        return why_set(why, RC_MALFORMED, "transaction: %s", verdict_text(verdict));
    verdict = tx_verify(&out->tx, chain_id);
    if (verdict != VERDICT_OK)
        return why_set(why, RC_SIGNATURE, "transaction: %s", verdict_text(verdict));
    return RC_OK;
}

static enum rc judge_path(struct receipt *out, const struct parts *p, struct why *why)
{
    struct digest leaf;
    uint32_t tx_count = out->header.tx_count;
    out->tx_index = p->tx_index;
    if (p->tx_index >= tx_count)
        return why_set(why, RC_PROOF,
                       "tx index: %" PRIu32 ", but block %" PRIu64 " has %" PRIu32 " transactions",
                       p->tx_index, out->header.height, tx_count);
    merkle_leaf(&leaf, p->tx);
    if (!merkle_verify(&out->header.tx_root, &leaf, p->tx_index, tx_count, &p->path))
        return why_set(why, RC_PROOF,
                       "Merkle path: it does not lead from the transaction at tx index %" PRIu32
                       " of %" PRIu32 " to the tx_root of block %" PRIu64,
                       p->tx_index, tx_count, out->header.height);
    return RC_OK;
}

/* The order is that of trust: the certificate vouches for the last header, each header for the one
 * below it and the first for the transactions. So the first check that fails names the field at
 * fault, not one that merely no longer fits it. */
enum rc receipt_verify(struct receipt *out, struct bytes receipt, const struct digest *chain_id,
                       const struct member_table *members, struct why *why)
{
    struct parts p = {0};
    *out = (struct receipt){0};
    enum rc rc = take_parts(&p, receipt, chain_id, why);
    if (rc == RC_OK)
        rc = envelope_judge_certificate(&p.certificate, CERT_COMMIT, chain_id, members, why);
    if (rc == RC_OK)
        rc = judge_headers(out, &p, chain_id, why);
    if (rc == RC_OK)
        rc = judge_tx(out, &p, chain_id, why);
    if (rc == RC_OK)
        rc = judge_path(out, &p, why);
    out->certificate = p.certificate;
    return rc;
}
