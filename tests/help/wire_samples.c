#include "tests/help/wire_samples.h"

#include <string.h>

#include "crypto/base/check.h"
#include "ledger/block.h"

const enum pbft_msg_type wire_types[WIRE_TYPES_COUNT] = {
    PBFT_PRE_PREPARE, PBFT_PREPARE,  PBFT_COMMIT,   PBFT_CHECKPOINT,  PBFT_STATUS,
    PBFT_FETCH,       PBFT_DATA,     PBFT_FORWARD,  PBFT_QC,          PBFT_COMPLAIN,
    PBFT_VIEW_CHANGE, PBFT_NEW_VIEW, PBFT_EVIDENCE, PBFT_FETCH_PIECE, PBFT_PIECE};

bool wire_block_head(struct bytes block, struct pbft_block *out)
{
    struct rd r = rd_of(block);
    struct block_header header;
    block_header_decode(&r, &header);
    if (r.failed)
        return false;
    out->height = header.height;
    out->parent = header.parent;
    block_header_digest(&out->digest, &header);
    return true;
}

/* ---- parts ----
 * One statement for each draw: inside an initialiser the order would be the compiler's choice. */

enum {
    BODY_BYTES_MAX = 40,
    BLOCKS_MAX = 4,
    HEADS_MAX = 3,
    SIGNERS_MAX = 3,
    VIEW_CHANGES_MAX = 3
}; /* small, so that a mutation hits every field */

static struct digest draw_digest(struct prng *p)
{
    struct digest d;
    prng_fill(p, d.bytes, sizeof d.bytes);
    return d;
}

static struct signature draw_signature(struct prng *p)
{
    struct signature s;
    prng_fill(p, s.bytes, sizeof s.bytes);
    return s;
}

static uint32_t draw_member(struct prng *p)
{
    return (uint32_t)prng_below(p, MEMBERS_MAX);
}

static void draw_entries(struct certificate *out, struct prng *p, uint32_t entries_count)
{
    out->entries_count = entries_count;
    for (uint32_t i = 0; i < entries_count; i++) {
        out->entries[i].member_index = (uint8_t)draw_member(p);
        out->entries[i].signature = draw_signature(p);
    }
}

static void draw_certificate(struct certificate *out, struct prng *p, enum cert_kind kind)
{
    memset(out, 0, sizeof *out);
    out->statement.kind = kind;
    out->statement.epoch = prng_u64(p);
    out->statement.view = prng_u64(p);
    out->statement.height = prng_u64(p);
    out->statement.digest = draw_digest(p);
    draw_entries(out, p, (uint32_t)prng_below(p, QUORUM_MAX + 1));
}

static void append_block(struct buf *out, struct prng *p, uint64_t height,
                         const struct digest *parent, size_t body_bytes)
{
    struct block_header header = {.height = height, .parent = *parent};
    header.chain_id = draw_digest(p);
    header.epoch = prng_u64(p);
    header.tx_root = draw_digest(p);
    header.tx_count = (uint32_t)prng_u64(p);
    header.body_bytes = (uint32_t)prng_u64(p);
    header.time_ms = prng_u64(p);
    header.proposer = (uint16_t)prng_u64(p);
    block_header_encode(buf_grow(out, BLOCK_HEADER_BYTES), &header);
    prng_fill(p, buf_grow(out, body_bytes), body_bytes);
}

/* ---- messages with blocks ---- */

static struct pbft_pre_prepare draw_pre_prepare(struct prng *p, const struct pbft_block *block,
                                                struct bytes bytes)
{
    struct pbft_pre_prepare pre_prepare = {.block = *block, .bytes = bytes};
    pre_prepare.epoch = prng_u64(p);
    pre_prepare.view = prng_u64(p);
    pre_prepare.signature = draw_signature(p);
    return pre_prepare;
}

static void start(struct wire_sample *s, enum pbft_msg_type type, struct prng *p)
{
    buf_clear(&s->bytes);
    memset(&s->msg, 0, sizeof s->msg);
    s->msg.type = type;
    s->msg.link = draw_member(p);
    s->msg.from = s->msg.link;
}

void wire_sample_pre_prepare(struct wire_sample *s, struct prng *p, size_t body_bytes)
{
    start(s, PBFT_PRE_PREPARE, p);
    struct digest parent = draw_digest(p);
    struct pbft_block block;
    append_block(&s->bytes, p, prng_u64(p), &parent, body_bytes);
    CHECK(wire_block_head(buf_bytes(&s->bytes), &block));
    s->msg.from = draw_member(p);
    s->msg.pre_prepare = draw_pre_prepare(p, &block, buf_bytes(&s->bytes));
}

void wire_sample_range(struct wire_sample *s, struct prng *p, uint32_t blocks_count,
                       size_t body_bytes)
{
    wire_sample_range_with_heads(s, p, blocks_count, 0, body_bytes);
}

void wire_sample_range_with_heads(struct wire_sample *s, struct prng *p, uint32_t blocks_count,
                                  uint32_t heads_count, size_t body_bytes)
{
    start(s, PBFT_DATA, p);
    struct pbft_data *d = &s->msg.data;
    uint32_t count = blocks_count + heads_count;
    struct digest parent = draw_digest(p);
    uint64_t height = prng_below(p, UINT64_MAX - count);
    size_t block_bytes = BLOCK_HEADER_BYTES + body_bytes;
    for (uint32_t i = 0; i < count; i++) {
        struct pbft_block *block = i < blocks_count ? &d->blocks[i] : &d->heads[i - blocks_count];
        size_t at = s->bytes.size;
        append_block(&s->bytes, p, height + i, &parent, i < blocks_count ? body_bytes : 0);
        CHECK(wire_block_head(bytes_of(s->bytes.data + at, s->bytes.size - at), block));
        parent = block->digest;
    }
    d->kind = PBFT_FETCH_RANGE;
    d->blocks_count = blocks_count;
    d->heads_count = heads_count;
    const uint8_t *at = s->bytes.data; /* the buffer stands still by now */
    for (uint32_t i = 0; i < blocks_count; i++, at += block_bytes)
        d->bytes[i] = bytes_of(at, block_bytes);
    for (uint32_t i = 0; i < heads_count; i++, at += BLOCK_HEADER_BYTES)
        d->head_bytes[i] = bytes_of(at, BLOCK_HEADER_BYTES);
    draw_certificate(&d->certificate, p, CERT_COMMIT);
    d->certificate.statement.height = height + count - 1;
    d->certificate.statement.digest = parent;
}

void wire_sample_block(struct wire_sample *s, struct prng *p, bool has_pre_prepare,
                       size_t body_bytes)
{
    start(s, PBFT_DATA, p);
    struct pbft_data *d = &s->msg.data;
    struct digest parent = draw_digest(p);
    append_block(&s->bytes, p, prng_u64(p), &parent, body_bytes);
    d->kind = PBFT_FETCH_BLOCK;
    d->blocks_count = 1;
    d->bytes[0] = buf_bytes(&s->bytes);
    CHECK(wire_block_head(d->bytes[0], &d->blocks[0]));
    d->has_pre_prepare = has_pre_prepare;
    if (!has_pre_prepare)
        return;
    d->pre_prepare_from = draw_member(p);
    d->pre_prepare = draw_pre_prepare(p, &d->blocks[0], d->bytes[0]);
}

static void draw_range(struct wire_sample *s, struct prng *p, size_t body_bytes)
{
    uint32_t blocks_count = 1 + (uint32_t)prng_below(p, BLOCKS_MAX);
    uint32_t heads_count = (uint32_t)prng_below(p, HEADS_MAX + 1);
    wire_sample_range_with_heads(s, p, blocks_count, heads_count, body_bytes);
}

static void make_data(struct wire_sample *s, struct prng *p)
{
    size_t body_bytes = (size_t)prng_below(p, BODY_BYTES_MAX + 1);
    if (prng_below(p, 2) == 0)
        draw_range(s, p, body_bytes);
    else
        wire_sample_block(s, p, prng_below(p, 2) == 0, body_bytes);
}

/* ---- messages without ---- */

static void make_vote(struct wire_sample *s, struct prng *p)
{
    struct statement *statement = &s->msg.vote.statement;
    statement->epoch = prng_u64(p);
    statement->height = prng_u64(p);
    statement->digest = draw_digest(p);
    if (s->msg.type == PBFT_CHECKPOINT) {
        statement->kind = CERT_CHECKPOINT;
        statement->state_root = draw_digest(p);
    } else {
        statement->kind = s->msg.type == PBFT_PREPARE ? CERT_PREPARE : CERT_COMMIT;
        statement->view = prng_u64(p);
    }
    s->msg.from = draw_member(p);
    s->msg.vote.signature = draw_signature(p);
}

static void make_status(struct wire_sample *s, struct prng *p)
{
    s->msg.from = draw_member(p);
    struct pbft_status *status = &s->msg.status;
    status->epoch = prng_u64(p);
    status->view = prng_u64(p);
    status->mode = prng_below(p, 2) == 0 ? PBFT_NORMAL : PBFT_CHANGING;
    status->committed_height = prng_u64(p);
    status->high.epoch = prng_u64(p);
    status->high.view = prng_u64(p);
    status->high.height = prng_u64(p);
    status->stable_height = prng_u64(p);
    status->evidence_digest = draw_digest(p);
    status->counter = prng_u64(p);
    status->signature = draw_signature(p);
}

static void make_fetch(struct wire_sample *s, struct prng *p)
{
    struct pbft_fetch *f = &s->msg.fetch;
    f->kind = prng_below(p, 2) == 0 ? PBFT_FETCH_BLOCK : PBFT_FETCH_RANGE;
    if (f->kind == PBFT_FETCH_BLOCK) {
        f->digest = draw_digest(p);
        return;
    }
    f->from_height = prng_u64(p);
    f->blocks_max = 1 + (uint32_t)prng_below(p, PBFT_DATA_BLOCKS_MAX);
}

static void make_forward(struct wire_sample *s, struct prng *p)
{
    size_t size = (size_t)prng_below(p, BODY_BYTES_MAX + 1);
    prng_fill(p, buf_grow(&s->bytes, size), size);
    s->msg.forward = buf_bytes(&s->bytes);
}

/* What a path means is the ledger's: any bytes do. */
static struct pbft_fetch_piece draw_piece_name(struct wire_sample *s, struct prng *p)
{
    struct pbft_fetch_piece f = {.height = prng_u64(p)};
    f.root = draw_digest(p);
    size_t at = s->bytes.size, size = 1 + (size_t)prng_below(p, PBFT_PATH_BYTES_MAX);
    prng_fill(p, buf_grow(&s->bytes, size), size);
    f.path = bytes_of(s->bytes.data + at, size);
    return f;
}

static void make_piece(struct wire_sample *s, struct prng *p)
{
    size_t size = (size_t)prng_below(p, BODY_BYTES_MAX + 1);
    prng_fill(p, buf_grow(&s->bytes, size), size);
    s->msg.piece.of = draw_piece_name(s, p);
    s->msg.piece.bytes = bytes_of(s->bytes.data, size); /* it stands still by now */
}

/* ---- view changes ---- */

static enum pbft_reason draw_reason(struct prng *p)
{
    return (enum pbft_reason)(PBFT_REASON_UNFAIR +
                              prng_below(p, PBFT_REASON_END - PBFT_REASON_UNFAIR));
}

/* Different members in ascending order: the i-th of count, drawn from its share of all. */
static uint32_t draw_ascending_member(struct prng *p, uint32_t i, uint32_t count)
{
    uint32_t from = MEMBERS_MAX * i / count, to = MEMBERS_MAX * (i + 1) / count;
    return from + (uint32_t)prng_below(p, to - from);
}

static void make_complain(struct wire_sample *s, struct prng *p)
{
    s->msg.from = draw_member(p);
    struct pbft_complain *c = &s->msg.complain;
    c->epoch = prng_u64(p);
    c->view = prng_below(p, UINT64_MAX);
    c->reason = draw_reason(p);
    c->signature = draw_signature(p);
}

static void draw_view_change(struct pbft_view_change *out, struct prng *p, uint64_t epoch,
                             uint64_t view, uint32_t high_entries, uint32_t lc_entries)
{
    out->epoch = out->lc.epoch = epoch;
    out->view = view;
    out->lc.view = view - 1;
    out->has_high = high_entries > 0;
    if (out->has_high) {
        draw_certificate(&out->high, p, prng_below(p, 2) == 0 ? CERT_PREPARE : CERT_COMMIT);
        out->high.statement.epoch = epoch;
        out->high.statement.view = prng_below(p, view);
        draw_entries(&out->high, p, high_entries);
    }
    out->lc.entries_count = lc_entries;
    for (uint32_t i = 0; i < lc_entries; i++) {
        struct pbft_lc_entry *entry = &out->lc.entries[i];
        entry->member_index = (uint8_t)draw_ascending_member(p, i, lc_entries);
        entry->reason = draw_reason(p);
        entry->signature = draw_signature(p);
    }
    out->signature = draw_signature(p);
}

void wire_sample_view_change(struct wire_sample *s, struct prng *p, uint32_t high_entries,
                             uint32_t lc_entries)
{
    start(s, PBFT_VIEW_CHANGE, p);
    s->msg.from = draw_member(p);
    uint64_t epoch = prng_u64(p), view = 1 + prng_below(p, UINT64_MAX);
    draw_view_change(&s->msg.view_change, p, epoch, view, high_entries, lc_entries);
}

void wire_sample_new_view(struct wire_sample *s, struct prng *p, uint32_t view_changes,
                          uint32_t high_entries, uint32_t lc_entries)
{
    start(s, PBFT_NEW_VIEW, p);
    s->msg.from = draw_member(p);
    struct pbft_new_view *n = &s->msg.new_view;
    n->epoch = prng_u64(p);
    n->view = 1 + prng_below(p, UINT64_MAX);
    n->entries_count = view_changes;
    for (uint32_t i = 0; i < view_changes; i++) {
        n->entries[i].from = draw_ascending_member(p, i, view_changes);
        draw_view_change(&n->entries[i].view_change, p, n->epoch, n->view, high_entries,
                         lc_entries);
    }
    n->signature = draw_signature(p);
}

static void make_view_change(struct wire_sample *s, struct prng *p)
{
    uint32_t high_entries = (uint32_t)prng_below(p, SIGNERS_MAX + 1);
    wire_sample_view_change(s, p, high_entries, 1 + (uint32_t)prng_below(p, SIGNERS_MAX));
}

static void make_new_view(struct wire_sample *s, struct prng *p)
{
    uint32_t view_changes = 1 + (uint32_t)prng_below(p, VIEW_CHANGES_MAX);
    uint32_t high_entries = (uint32_t)prng_below(p, SIGNERS_MAX);
    wire_sample_new_view(s, p, view_changes, high_entries, 1 + (uint32_t)prng_below(p, 2));
}

/* ---- evidence ---- */

/* The COMMIT in a view of at least 1, and a high of a lower one. */
static void draw_forgotten(struct pbft_evidence *e, struct prng *p, uint32_t high_entries)
{
    e->view = 1 + prng_below(p, UINT64_MAX - 1);
    e->height = prng_u64(p);
    e->to_view = e->view + 1 + prng_below(p, UINT64_MAX - e->view);
    e->has_high = high_entries > 0;
    if (e->has_high) {
        draw_certificate(&e->high, p, prng_below(p, 2) == 0 ? CERT_PREPARE : CERT_COMMIT);
        e->high.statement.epoch = e->epoch;
        e->high.statement.view = prng_below(p, e->view);
        draw_entries(&e->high, p, high_entries);
    }
    e->parts[1].digest = (struct digest){0}; /* that of the high */
    e->parts[1].lc = draw_digest(p);
}

static void draw_bad_body(struct wire_sample *s, struct prng *p, size_t body_bytes)
{
    struct pbft_evidence *e = &s->msg.evidence;
    struct digest parent = draw_digest(p);
    struct pbft_block block;
    append_block(&s->bytes, p, prng_u64(p), &parent, body_bytes);
    CHECK(wire_block_head(buf_bytes(&s->bytes), &block));
    e->tx_index = (uint32_t)prng_u64(p);
    e->block = buf_bytes(&s->bytes);
    e->height = block.height;
    e->parts[0].digest = block.digest;
    memset(&e->parts[1], 0, sizeof e->parts[1]);
}

void wire_sample_evidence(struct wire_sample *s, struct prng *p, enum pbft_evidence_kind kind,
                          uint32_t high_entries, size_t body_bytes)
{
    start(s, PBFT_EVIDENCE, p);
    struct pbft_evidence *e = &s->msg.evidence;
    bool is_of_views = kind == PBFT_TWO_VIEW_CHANGES || kind == PBFT_TWO_NEW_VIEWS;
    e->kind = kind;
    e->offender = draw_member(p);
    e->epoch = prng_u64(p);
    e->view = 1 + prng_below(p, UINT64_MAX);
    if (!is_of_views)
        e->height = prng_u64(p);
    for (int i = 0; i < 2; i++) {
        e->parts[i].digest = draw_digest(p);
        e->parts[i].digest.bytes[0] = (uint8_t)(e->parts[i].digest.bytes[0] / 2 + i * 128);
        if (kind == PBFT_TWO_VIEW_CHANGES)
            e->parts[i].lc = draw_digest(p);
        e->parts[i].signature = draw_signature(p);
    }
    if (kind == PBFT_FORGOTTEN_COMMIT)
        draw_forgotten(e, p, high_entries);
    if (kind == PBFT_BAD_BODY)
        draw_bad_body(s, p, body_bytes);
    CHECK(pbft_is_evidence(e));
}

static void make_evidence(struct wire_sample *s, struct prng *p)
{
    enum pbft_evidence_kind kind =
        (enum pbft_evidence_kind)(1 + prng_below(p, PBFT_EVIDENCE_KINDS_END - 1));
    uint32_t high_entries = (uint32_t)prng_below(p, SIGNERS_MAX + 1);
    wire_sample_evidence(s, p, kind, high_entries, (size_t)prng_below(p, BODY_BYTES_MAX + 1));
}

void wire_sample_make(struct wire_sample *s, enum pbft_msg_type type, struct prng *p)
{
    start(s, type, p);
    switch (type) {
    case PBFT_PRE_PREPARE:
        wire_sample_pre_prepare(s, p, (size_t)prng_below(p, BODY_BYTES_MAX + 1));
        return;
    case PBFT_PREPARE:
    case PBFT_COMMIT:
    case PBFT_CHECKPOINT:
        make_vote(s, p);
        return;
    case PBFT_STATUS:
        make_status(s, p);
        return;
    case PBFT_FETCH:
        make_fetch(s, p);
        return;
    case PBFT_DATA:
        make_data(s, p);
        return;
    case PBFT_FORWARD:
        make_forward(s, p);
        return;
    case PBFT_FETCH_PIECE:
        s->msg.fetch_piece = draw_piece_name(s, p);
        return;
    case PBFT_PIECE:
        make_piece(s, p);
        return;
    case PBFT_COMPLAIN:
        make_complain(s, p);
        return;
    case PBFT_VIEW_CHANGE:
        make_view_change(s, p);
        return;
    case PBFT_NEW_VIEW:
        make_new_view(s, p);
        return;
    case PBFT_EVIDENCE:
        make_evidence(s, p);
        return;
    default:
        CHECK(type == PBFT_QC);
        draw_certificate(&s->msg.qc, p, prng_below(p, 2) == 0 ? CERT_PREPARE : CERT_COMMIT);
    }
}

void wire_sample_close(struct wire_sample *s)
{
    buf_free(&s->bytes);
    memset(s, 0, sizeof *s);
}
