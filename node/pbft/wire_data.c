/* The messages that carry blocks or states: PRE-PREPARE, DATA, PIECE. */
#include "node/pbft/wire_parts.h"

#include "crypto/base/check.h"

/* ---- one block ---- */

static void put_block(struct buf *out, struct bytes block)
{
    CHECK(block.size <= PBFT_MSG_BYTES_MAX);
    buf_add_u32(out, (uint32_t)block.size);
    buf_add_bytes(out, block);
}

/* The digest is computed from the bytes, never believed (pitfalls A3). */
static void take_block(struct rd *r, struct pbft_block *out, struct bytes *bytes,
                       pbft_block_head *head)
{
    uint32_t size = rd_u32(r);
    *bytes = rd_take(r, size);
    if (r->failed || !head(*bytes, out))
        rd_fail(r);
}

static bool block_equal(const struct pbft_block *a, const struct pbft_block *b)
{
    return a->height == b->height && digest_equal(&a->digest, &b->digest) &&
           digest_equal(&a->parent, &b->parent);
}

/* ---- PRE-PREPARE ---- */

struct bytes pbft_pre_prepare_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                     const struct pbft_pre_prepare *p,
                                     const struct digest *chain_id)
{
    struct wr w = wr_of(out, PBFT_SIGNED_BYTES_MAX);
    wr_copy(&w, tag_bytes(TAG_PRE_PREPARE), TAG_BYTES);
    wr_copy(&w, chain_id->bytes, DIGEST_BYTES);
    wr_u64(&w, p->epoch);
    wr_u64(&w, p->view);
    wr_u64(&w, p->block.height);
    wr_copy(&w, p->block.digest.bytes, DIGEST_BYTES);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

void wire_put_pre_prepare(struct buf *out, const struct pbft_msg *m)
{
    const struct pbft_pre_prepare *p = &m->pre_prepare;
    wire_put_member(out, m->from);
    buf_add_u64(out, p->epoch);
    buf_add_u64(out, p->view);
    buf_add_u64(out, p->block.height);
    wire_put_digest(out, &p->block.digest);
    wire_put_signature(out, &p->signature);
    put_block(out, p->bytes);
}

void wire_take_pre_prepare(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    struct pbft_pre_prepare *p = &out->pre_prepare;
    struct digest claimed_digest;
    wire_take_member(r, &out->from);
    p->epoch = rd_u64(r);
    p->view = rd_u64(r);
    uint64_t claimed_height = rd_u64(r);
    wire_take_digest(r, &claimed_digest);
    wire_take_signature(r, &p->signature);
    take_block(r, &p->block, &p->bytes, head);
    if (p->block.height != claimed_height || !digest_equal(&p->block.digest, &claimed_digest))
        rd_fail(r);
}

/* ---- DATA ---- */

static bool is_parent(const struct pbft_block *parent, const struct pbft_block *child)
{
    return parent->height < UINT64_MAX && child->height == parent->height + 1 &&
           digest_equal(&child->parent, &parent->digest);
}

/* Each block, then each head, is the parent of the next; the last is what the certificate commits.
 */
static bool is_certified_chain(const struct pbft_data *d)
{
    const struct pbft_block *last = &d->blocks[0];
    for (uint32_t i = 1; i < d->blocks_count; i++) {
        if (!is_parent(last, &d->blocks[i]))
            return false;
        last = &d->blocks[i];
    }
    for (uint32_t i = 0; i < d->heads_count; i++) {
        if (!is_parent(last, &d->heads[i]))
            return false;
        last = &d->heads[i];
    }
    const struct statement *s = &d->certificate.statement;
    return s->kind == CERT_COMMIT && s->height == last->height &&
           digest_equal(&s->digest, &last->digest);
}

static void put_range(struct buf *out, const struct pbft_data *d)
{
    CHECK(d->blocks_count >= 1);
    CHECK(d->blocks_count <= PBFT_DATA_BLOCKS_MAX);
    CHECK(d->heads_count <= PBFT_DATA_HEADS_MAX);
    CHECK(!d->has_pre_prepare);
    CHECK(is_certified_chain(d));
    buf_add_u8(out, (uint8_t)d->blocks_count);
    for (uint32_t i = 0; i < d->blocks_count; i++)
        put_block(out, d->bytes[i]);
    buf_add_u8(out, (uint8_t)d->heads_count);
    for (uint32_t i = 0; i < d->heads_count; i++)
        put_block(out, d->head_bytes[i]);
    wire_put_certificate(out, &d->certificate);
}

static void take_range(struct rd *r, struct pbft_data *d, pbft_block_head *head)
{
    uint8_t blocks_count = rd_u8(r);
    if (blocks_count < 1 || blocks_count > PBFT_DATA_BLOCKS_MAX) {
        rd_fail(r);
        return;
    }
    d->blocks_count = blocks_count;
    for (uint32_t i = 0; i < blocks_count && !r->failed; i++)
        take_block(r, &d->blocks[i], &d->bytes[i], head);
    uint8_t heads_count = rd_u8(r);
    if (heads_count > PBFT_DATA_HEADS_MAX) {
        rd_fail(r);
        return;
    }
    d->heads_count = heads_count;
    for (uint32_t i = 0; i < heads_count && !r->failed; i++)
        take_block(r, &d->heads[i], &d->head_bytes[i], head);
    wire_take_certificate(r, &d->certificate);
    if (r->failed || !is_certified_chain(d))
        rd_fail(r);
}

static void put_one_block(struct buf *out, const struct pbft_data *d)
{
    CHECK(d->blocks_count == 1);
    put_block(out, d->bytes[0]);
    buf_add_u8(out, d->has_pre_prepare ? 1 : 0);
    if (!d->has_pre_prepare)
        return;
    const struct pbft_pre_prepare *p = &d->pre_prepare;
    CHECK(block_equal(&p->block, &d->blocks[0]));
    wire_put_member(out, d->pre_prepare_from);
    buf_add_u64(out, p->epoch);
    buf_add_u64(out, p->view);
    wire_put_signature(out, &p->signature);
}

static void take_one_block(struct rd *r, struct pbft_data *d, pbft_block_head *head)
{
    d->blocks_count = 1;
    take_block(r, &d->blocks[0], &d->bytes[0], head);
    uint8_t has_pre_prepare = rd_u8(r);
    if (has_pre_prepare > 1)
        rd_fail(r);
    d->has_pre_prepare = has_pre_prepare == 1;
    if (!d->has_pre_prepare)
        return;
    /* Height and digest are the block's own: what is signed is put together from them. */
    struct pbft_pre_prepare *p = &d->pre_prepare;
    wire_take_member(r, &d->pre_prepare_from);
    p->epoch = rd_u64(r);
    p->view = rd_u64(r);
    wire_take_signature(r, &p->signature);
    p->block = d->blocks[0];
    p->bytes = d->bytes[0];
}

void wire_put_data(struct buf *out, const struct pbft_msg *m)
{
    const struct pbft_data *d = &m->data;
    CHECK(d->kind == PBFT_FETCH_BLOCK || d->kind == PBFT_FETCH_RANGE);
    buf_add_u8(out, (uint8_t)d->kind);
    if (d->kind == PBFT_FETCH_RANGE)
        put_range(out, d);
    else
        put_one_block(out, d);
}

void wire_take_data(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    struct pbft_data *d = &out->data;
    uint8_t kind = rd_u8(r);
    d->kind = (enum pbft_fetch_kind)kind;
    if (kind == PBFT_FETCH_RANGE)
        take_range(r, d, head);
    else if (kind == PBFT_FETCH_BLOCK)
        take_one_block(r, d, head);
    else
        rd_fail(r);
}

/* ---- FETCH-PIECE, PIECE ---- */

static void put_piece_name(struct buf *out, const struct pbft_fetch_piece *f)
{
    CHECK(f->path.size >= 1 && f->path.size <= PBFT_PATH_BYTES_MAX);
    buf_add_u64(out, f->height);
    wire_put_digest(out, &f->root);
    buf_add_u8(out, (uint8_t)f->path.size);
    buf_add_bytes(out, f->path);
}

static void take_piece_name(struct rd *r, struct pbft_fetch_piece *f)
{
    f->height = rd_u64(r);
    wire_take_digest(r, &f->root);
    uint8_t path_bytes = rd_u8(r);
    if (path_bytes < 1 || path_bytes > PBFT_PATH_BYTES_MAX)
        rd_fail(r);
    f->path = rd_take(r, path_bytes);
}

void wire_put_fetch_piece(struct buf *out, const struct pbft_msg *m)
{
    put_piece_name(out, &m->fetch_piece);
}

void wire_take_fetch_piece(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    (void)head;
    take_piece_name(r, &out->fetch_piece);
}

void wire_put_piece(struct buf *out, const struct pbft_msg *m)
{
    put_piece_name(out, &m->piece.of);
    buf_add_u32(out, (uint32_t)m->piece.bytes.size);
    buf_add_bytes(out, m->piece.bytes);
}

void wire_take_piece(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    (void)head;
    take_piece_name(r, &out->piece.of);
    uint32_t bytes = rd_u32(r);
    out->piece.bytes = rd_take(r, bytes);
}
