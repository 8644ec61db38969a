/* The frame of every message, and the messages that are neither in wire_data.c nor in wire_view.c.
 */
#include "node/pbft/wire.h"

#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/wire_parts.h"

_Static_assert(MEMBERS_MAX <= UINT8_MAX, "a member index is one byte");
_Static_assert(PBFT_DATA_BLOCKS_MAX <= UINT8_MAX, "blocks_count of DATA is one byte");

/* ---- parts ---- */

void wire_put_digest(struct buf *out, const struct digest *d)
{
    buf_add(out, d->bytes, DIGEST_BYTES);
}

void wire_take_digest(struct rd *r, struct digest *out)
{
    rd_copy(r, out->bytes, DIGEST_BYTES);
}

void wire_put_signature(struct buf *out, const struct signature *s)
{
    buf_add(out, s->bytes, SIGNATURE_BYTES);
}

void wire_take_signature(struct rd *r, struct signature *out)
{
    rd_copy(r, out->bytes, SIGNATURE_BYTES);
}

void wire_put_member(struct buf *out, uint32_t member_index)
{
    CHECK(member_index < MEMBERS_MAX);
    buf_add_u8(out, (uint8_t)member_index);
}

void wire_take_member(struct rd *r, uint32_t *out)
{
    *out = rd_u8(r);
    if (*out >= MEMBERS_MAX)
        rd_fail(r);
}

/* Ranges before use (pitfalls H5); a quorum, and its order, is cert_verify()'s to judge. */
static bool has_member_indexes(const struct certificate *c)
{
    for (uint32_t i = 0; i < c->entries_count; i++) {
        if (c->entries[i].member_index >= MEMBERS_MAX)
            return false;
    }
    return true;
}

void wire_write_certificate(struct wr *w, const struct certificate *c)
{
    CHECK(c->entries_count <= QUORUM_MAX);
    CHECK(has_member_indexes(c));
    cert_encode(w, c);
    CHECK(wr_ok(w));
}

void wire_put_certificate(struct buf *out, const struct certificate *c)
{
    uint8_t encoding[CERT_BYTES_MAX];
    struct wr w = wr_of(encoding, sizeof encoding);
    wire_write_certificate(&w, c);
    buf_add_bytes(out, wr_bytes_of(&w));
}

void wire_take_certificate(struct rd *r, struct certificate *out)
{
    cert_decode(r, out);
    if (!has_member_indexes(out))
        rd_fail(r);
}

/* ---- PREPARE, COMMIT, CHECKPOINT ---- */

static enum cert_kind kind_of(enum pbft_msg_type type)
{
    if (type == PBFT_PREPARE)
        return CERT_PREPARE;
    if (type == PBFT_COMMIT)
        return CERT_COMMIT;
    CHECK(type == PBFT_CHECKPOINT);
    return CERT_CHECKPOINT;
}

static void put_vote(struct buf *out, const struct pbft_msg *m)
{
    const struct statement *s = &m->vote.statement;
    CHECK(s->kind == kind_of(m->type));
    wire_put_member(out, m->from);
    buf_add_u64(out, s->epoch);
    if (s->kind == CERT_CHECKPOINT)
        CHECK(s->view == 0);
    else
        buf_add_u64(out, s->view);
    buf_add_u64(out, s->height);
    wire_put_digest(out, &s->digest);
    if (s->kind == CERT_CHECKPOINT)
        wire_put_digest(out, &s->state_root);
    else
        CHECK(digest_is_zero(&s->state_root));
    wire_put_signature(out, &m->vote.signature);
}

static void take_vote(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    (void)head;
    struct statement *s = &out->vote.statement;
    s->kind = kind_of(out->type);
    wire_take_member(r, &out->from);
    s->epoch = rd_u64(r);
    if (s->kind != CERT_CHECKPOINT)
        s->view = rd_u64(r);
    s->height = rd_u64(r);
    wire_take_digest(r, &s->digest);
    if (s->kind == CERT_CHECKPOINT)
        wire_take_digest(r, &s->state_root);
    wire_take_signature(r, &out->vote.signature);
}

/* ---- STATUS ---- */

/* view to counter: the same in what is signed and in the encoding. */
enum { STATUS_FIELDS_BYTES = 8 + 1 + 8 + 3 * 8 + 8 + DIGEST_BYTES + 8 };

static void write_status_fields(struct wr *w, const struct pbft_status *s)
{
    CHECK(s->mode == PBFT_NORMAL || s->mode == PBFT_CHANGING);
    wr_u64(w, s->view);
    wr_u8(w, (uint8_t)s->mode);
    wr_u64(w, s->committed_height);
    wr_u64(w, s->high.epoch);
    wr_u64(w, s->high.view);
    wr_u64(w, s->high.height);
    wr_u64(w, s->stable_height);
    wr_copy(w, s->evidence_digest.bytes, DIGEST_BYTES);
    wr_u64(w, s->counter);
    CHECK(wr_ok(w));
}

struct bytes pbft_status_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                const struct pbft_status *s, uint32_t from,
                                const struct digest *chain_id)
{
    struct wr w = wr_of(out, PBFT_SIGNED_BYTES_MAX);
    CHECK(from < MEMBERS_MAX);
    wr_copy(&w, tag_bytes(TAG_STATUS), TAG_BYTES);
    wr_copy(&w, chain_id->bytes, DIGEST_BYTES);
    wr_u64(&w, s->epoch);
    wr_u8(&w, (uint8_t)from);
    write_status_fields(&w, s);
    return wr_bytes_of(&w);
}

static void put_status(struct buf *out, const struct pbft_msg *m)
{
    uint8_t fields[STATUS_FIELDS_BYTES];
    struct wr w = wr_of(fields, sizeof fields);
    write_status_fields(&w, &m->status);
    wire_put_member(out, m->from);
    buf_add_u64(out, m->status.epoch);
    buf_add_bytes(out, wr_bytes_of(&w));
    wire_put_signature(out, &m->status.signature);
}

static void take_status(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    (void)head;
    struct pbft_status *s = &out->status;
    wire_take_member(r, &out->from);
    s->epoch = rd_u64(r);
    s->view = rd_u64(r);
    uint8_t mode = rd_u8(r);
    if (mode != PBFT_NORMAL && mode != PBFT_CHANGING)
        rd_fail(r);
    s->mode = (enum pbft_mode)mode;
    s->committed_height = rd_u64(r);
    s->high.epoch = rd_u64(r);
    s->high.view = rd_u64(r);
    s->high.height = rd_u64(r);
    s->stable_height = rd_u64(r);
    wire_take_digest(r, &s->evidence_digest);
    s->counter = rd_u64(r);
    wire_take_signature(r, &s->signature);
}

/* ---- FETCH ---- */

static void put_fetch(struct buf *out, const struct pbft_msg *m)
{
    const struct pbft_fetch *f = &m->fetch;
    buf_add_u8(out, (uint8_t)f->kind);
    if (f->kind == PBFT_FETCH_BLOCK) {
        wire_put_digest(out, &f->digest);
        return;
    }
    CHECK(f->kind == PBFT_FETCH_RANGE);
    CHECK(f->blocks_max >= 1);
    CHECK(f->blocks_max <= PBFT_DATA_BLOCKS_MAX);
    buf_add_u64(out, f->from_height);
    buf_add_u16(out, (uint16_t)f->blocks_max);
}

static void take_fetch(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    (void)head;
    struct pbft_fetch *f = &out->fetch;
    uint8_t kind = rd_u8(r);
    f->kind = (enum pbft_fetch_kind)kind;
    if (kind == PBFT_FETCH_BLOCK) {
        wire_take_digest(r, &f->digest);
        return;
    }
    f->from_height = rd_u64(r);
    f->blocks_max = rd_u16(r);
    if (kind != PBFT_FETCH_RANGE || f->blocks_max < 1 || f->blocks_max > PBFT_DATA_BLOCKS_MAX)
        rd_fail(r);
}

/* ---- FORWARD ---- */

static void put_forward(struct buf *out, const struct pbft_msg *m)
{
    CHECK(m->forward.size <= PBFT_MSG_BYTES_MAX);
    buf_add_u32(out, (uint32_t)m->forward.size);
    buf_add_bytes(out, m->forward);
}

static void take_forward(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    (void)head;
    uint32_t size = rd_u32(r);
    out->forward = rd_take(r, size);
}

/* ---- QC ---- */

/* Of votes, which has a rank (PROTOCOL.md section 1), or of CHECKPOINTs, which has none. */
static void put_qc(struct buf *out, const struct pbft_msg *m)
{
    wire_put_certificate(out, &m->qc);
}

static void take_qc(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    (void)head;
    wire_take_certificate(r, &out->qc);
}

/* ---- the frame ---- */

struct form {
    void (*put)(struct buf *out, const struct pbft_msg *m);
    void (*take)(struct rd *r, struct pbft_msg *out, pbft_block_head *head);
};

/* The form of a type; NULL when it has none. */
static const struct form *form_of(unsigned type)
{
    static const struct form forms[PBFT_MSG_TYPE_END] = {
        [PBFT_PRE_PREPARE] = {wire_put_pre_prepare, wire_take_pre_prepare},
        [PBFT_PREPARE] = {put_vote, take_vote},
        [PBFT_COMMIT] = {put_vote, take_vote},
        [PBFT_COMPLAIN] = {wire_put_complain, wire_take_complain},
        [PBFT_VIEW_CHANGE] = {wire_put_view_change, wire_take_view_change},
        [PBFT_NEW_VIEW] = {wire_put_new_view, wire_take_new_view},
        [PBFT_CHECKPOINT] = {put_vote, take_vote},
        [PBFT_STATUS] = {put_status, take_status},
        [PBFT_FETCH] = {put_fetch, take_fetch},
        [PBFT_DATA] = {wire_put_data, wire_take_data},
        [PBFT_FORWARD] = {put_forward, take_forward},
        [PBFT_EVIDENCE] = {wire_put_evidence, wire_take_evidence},
        [PBFT_QC] = {put_qc, take_qc},
        [PBFT_FETCH_PIECE] = {wire_put_fetch_piece, wire_take_fetch_piece},
        [PBFT_PIECE] = {wire_put_piece, wire_take_piece},
    };
    if (type >= PBFT_MSG_TYPE_END || forms[type].take == NULL)
        return NULL;
    return &forms[type];
}

void pbft_encode(struct buf *out, const struct pbft_msg *m)
{
    const struct form *form = form_of(m->type);
    size_t before_bytes = out->size;
    CHECK(form != NULL);
    buf_add_u8(out, (uint8_t)m->type);
    form->put(out, m);
    /* The receiver refuses more: a DATA's sender adds blocks only while they fit. */
    CHECK(out->size - before_bytes <= PBFT_MSG_BYTES_MAX);
}

bool pbft_decode(struct pbft_msg *out, struct bytes bytes, uint32_t link, pbft_block_head *head)
{
    CHECK(link < MEMBERS_MAX);
    if (bytes.size > PBFT_MSG_BYTES_MAX)
        return false;
    struct rd r = rd_of(bytes);
    uint8_t type = rd_u8(&r);
    const struct form *form = form_of(type);
    if (form == NULL)
        return false;
    memset(out, 0, pbft_msg_bytes((enum pbft_msg_type)type));
    out->type = (enum pbft_msg_type)type;
    out->link = link;
    out->from = link; /* the signed types say otherwise */
    form->take(&r, out, head);
    return rd_done(&r);
}
