/* EVIDENCE: its encoding, which is also that of the store and of files, and what its parts sign. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/pbft/wire_parts.h"

_Static_assert(PBFT_EVIDENCE_KINDS_END <= 8, "the kinds of one offender are bits of one byte");

/* ---- the parts ---- */

static void put_part(struct buf *out, const struct pbft_evidence *e, int index)
{
    const struct pbft_evidence_part *part = &e->parts[index];
    wire_put_digest(out, &part->digest);
    if (e->kind == PBFT_TWO_VIEW_CHANGES)
        wire_put_digest(out, &part->lc);
    wire_put_signature(out, &part->signature);
}

static void take_part(struct rd *r, struct pbft_evidence *e, int index)
{
    struct pbft_evidence_part *part = &e->parts[index];
    wire_take_digest(r, &part->digest);
    if (e->kind == PBFT_TWO_VIEW_CHANGES)
        wire_take_digest(r, &part->lc);
    wire_take_signature(r, &part->signature);
}

static void put_forgotten(struct buf *out, const struct pbft_evidence *e)
{
    put_part(out, e, 0);
    buf_add_u64(out, e->to_view);
    buf_add_u8(out, e->has_high ? 1 : 0);
    if (e->has_high)
        wire_put_certificate(out, &e->high);
    wire_put_digest(out, &e->parts[1].lc);
    wire_put_signature(out, &e->parts[1].signature);
}

static void take_forgotten(struct rd *r, struct pbft_evidence *e)
{
    take_part(r, e, 0);
    e->to_view = rd_u64(r);
    uint8_t has_high = rd_u8(r);
    if (has_high > 1)
        rd_fail(r);
    e->has_high = has_high == 1;
    if (e->has_high)
        wire_take_certificate(r, &e->high);
    wire_take_digest(r, &e->parts[1].lc);
    wire_take_signature(r, &e->parts[1].signature);
}

/* Height and digest are the block's own: what is signed is put together from them (pitfalls A3). */
static void put_body(struct buf *out, const struct pbft_evidence *e)
{
    CHECK(e->block.size <= PBFT_MSG_BYTES_MAX);
    wire_put_signature(out, &e->parts[0].signature);
    buf_add_u32(out, e->tx_index);
    buf_add_u32(out, (uint32_t)e->block.size);
    buf_add_bytes(out, e->block);
}

static void take_body(struct rd *r, struct pbft_evidence *e, pbft_block_head *head)
{
    struct pbft_block block;
    wire_take_signature(r, &e->parts[0].signature);
    e->tx_index = rd_u32(r);
    uint32_t size = rd_u32(r);
    e->block = rd_take(r, size);
    if (r->failed || !head(e->block, &block)) {
        rd_fail(r);
        return;
    }
    e->height = block.height;
    e->parts[0].digest = block.digest;
}

/* ---- the whole ---- */

static bool has_height(enum pbft_evidence_kind kind)
{
    return kind == PBFT_TWO_PRE_PREPARES || kind == PBFT_TWO_PREPARES || kind == PBFT_TWO_COMMITS ||
           kind == PBFT_FORGOTTEN_COMMIT;
}

void pbft_evidence_encode(struct buf *out, const struct pbft_evidence *e)
{
    CHECK(pbft_is_evidence(e));
    CHECK(has_height(e->kind) || e->kind == PBFT_BAD_BODY || e->height == 0);
    buf_add_u8(out, (uint8_t)e->kind);
    wire_put_member(out, e->offender);
    buf_add_u64(out, e->epoch);
    buf_add_u64(out, e->view);
    if (has_height(e->kind))
        buf_add_u64(out, e->height);
    if (e->kind == PBFT_FORGOTTEN_COMMIT) {
        put_forgotten(out, e);
    } else if (e->kind == PBFT_BAD_BODY) {
        put_body(out, e);
    } else {
        put_part(out, e, 0);
        put_part(out, e, 1);
    }
}

static void take_evidence(struct rd *r, struct pbft_evidence *out, pbft_block_head *head)
{
    memset(out, 0, sizeof *out);
    out->kind = (enum pbft_evidence_kind)rd_u8(r);
    wire_take_member(r, &out->offender);
    out->epoch = rd_u64(r);
    out->view = rd_u64(r);
    if (has_height(out->kind))
        out->height = rd_u64(r);
    if (out->kind == PBFT_FORGOTTEN_COMMIT) {
        take_forgotten(r, out);
    } else if (out->kind == PBFT_BAD_BODY) {
        take_body(r, out, head);
    } else {
        take_part(r, out, 0);
        take_part(r, out, 1);
    }
    if (out->kind < 1 || out->kind >= PBFT_EVIDENCE_KINDS_END)
        rd_fail(r);
}

bool pbft_evidence_split(struct pbft_evidence *out, struct bytes bytes, pbft_block_head *head)
{
    struct rd r = rd_of(bytes);
    if (bytes.size > PBFT_EVIDENCE_BYTES_MAX)
        return false;
    take_evidence(&r, out, head);
    return rd_done(&r);
}

bool pbft_evidence_decode(struct pbft_evidence *out, struct bytes bytes, pbft_block_head *head)
{
    return pbft_evidence_split(out, bytes, head) && pbft_is_evidence(out);
}

void wire_put_evidence(struct buf *out, const struct pbft_msg *m)
{
    pbft_evidence_encode(out, &m->evidence);
}

void wire_take_evidence(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    take_evidence(r, &out->evidence, head);
    if (r->failed || !pbft_is_evidence(&out->evidence))
        rd_fail(r);
}

/* ---- what is signed ---- */

_Static_assert((int)STATEMENT_BYTES_MAX <= (int)PBFT_SIGNED_BYTES_MAX, "room for a statement");

static struct bytes vote_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                const struct pbft_evidence *e, uint32_t part_index,
                                const struct digest *chain_id)
{
    struct statement s = {.kind = e->kind == PBFT_TWO_PREPARES ? CERT_PREPARE : CERT_COMMIT,
                          .epoch = e->epoch,
                          .view = e->view,
                          .height = e->height,
                          .digest = e->parts[part_index].digest};
    return bytes_of(out, statement_signed_bytes(out, &s, chain_id));
}

static struct bytes pre_prepare_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                       const struct pbft_evidence *e, uint32_t part_index,
                                       const struct digest *chain_id)
{
    struct pbft_pre_prepare p = {.epoch = e->epoch, .view = e->view};
    p.block.height = e->height;
    p.block.digest = e->parts[part_index].digest;
    return pbft_pre_prepare_signed(out, &p, chain_id);
}

/* The VIEW-CHANGE behind a COMMIT. */
static struct bytes forgetting_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                      const struct pbft_evidence *e, const struct digest *chain_id)
{
    struct digest high;
    wire_high_digest(&high, e->has_high, &e->high);
    return wire_view_change_signed(out, chain_id, e->epoch, e->offender, e->to_view, &high,
                                   &e->parts[1].lc);
}

uint32_t pbft_evidence_parts(const struct pbft_evidence *e)
{
    return e->kind == PBFT_BAD_BODY ? 1 : 2;
}

struct bytes pbft_evidence_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                  const struct pbft_evidence *e, uint32_t part_index,
                                  const struct digest *chain_id)
{
    const struct pbft_evidence_part *part = &e->parts[part_index];
    CHECK(pbft_is_evidence(e));
    CHECK(part_index < pbft_evidence_parts(e));
    switch (e->kind) {
    case PBFT_TWO_PREPARES:
    case PBFT_TWO_COMMITS:
        return vote_signed(out, e, part_index, chain_id);
    case PBFT_TWO_VIEW_CHANGES:
        return wire_view_change_signed(out, chain_id, e->epoch, e->offender, e->view, &part->digest,
                                       &part->lc);
    case PBFT_TWO_NEW_VIEWS:
        return wire_new_view_signed(out, chain_id, e->epoch, e->offender, e->view, &part->digest);
    case PBFT_FORGOTTEN_COMMIT:
        return part_index == 0 ? vote_signed(out, e, 0, chain_id)
                               : forgetting_signed(out, e, chain_id);
    default:
        return pre_prepare_signed(out, e, part_index, chain_id);
    }
}

/* ---- what is known ---- */

void pbft_evidence_digest(struct digest *out, const uint8_t kinds[static MEMBERS_MAX])
{
    struct hasher h;
    bool is_empty = true;
    hasher_start(&h, TAG_EVIDENCE);
    for (uint8_t offender = 0; offender < MEMBERS_MAX; offender++) {
        for (uint8_t kind = 1; kind < PBFT_EVIDENCE_KINDS_END; kind++) {
            const uint8_t item[] = {offender, kind};
            if ((kinds[offender] & PBFT_EVIDENCE_BIT(kind)) == 0)
                continue;
            hasher_add(&h, item, sizeof item);
            is_empty = false;
        }
    }
    hasher_end(&h, out);
    if (is_empty)
        *out = (struct digest){0};
}
