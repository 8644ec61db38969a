/* The messages of view changes: COMPLAIN, VIEW-CHANGE, NEW-VIEW, and what they sign.
 *
 * The parts of a VIEW-CHANGE are written once, by write_*(), for the encoding and for the digest
 * under which they are signed. */
#include "crypto/base/check.h"
#include "node/pbft/wire_parts.h"

enum {
    HIGH_BYTES_MAX = 1 + CERT_BYTES_MAX,
    LC_ENTRY_BYTES = 1 + 1 + SIGNATURE_BYTES,
    LC_BYTES_MAX = 1 + PBFT_LC_ENTRIES_MAX * LC_ENTRY_BYTES,
    VIEW_CHANGE_BYTES_MAX = HIGH_BYTES_MAX + LC_BYTES_MAX + SIGNATURE_BYTES,
    NEW_VIEW_BYTES_MAX =
        1 + 1 + 8 + 8 + 1 + QUORUM_MAX * (1 + VIEW_CHANGE_BYTES_MAX) + SIGNATURE_BYTES
};
_Static_assert(NEW_VIEW_BYTES_MAX <= 64 * 1024, "about 50 KiB at n = 31 (PROTOCOL.md 16)");
_Static_assert((int)NEW_VIEW_BYTES_MAX <= (int)PBFT_MSG_BYTES_MAX, "it fits into a message");
_Static_assert((int)PBFT_LC_ENTRIES_MAX <= (int)QUORUM_MAX, "counts are one byte");

/* ---- form ---- */

static bool is_complaint(uint64_t view, unsigned reason)
{
    return view < UINT64_MAX && reason >= PBFT_REASON_UNFAIR && reason < PBFT_REASON_END;
}

static bool is_lc(const struct pbft_lc *lc)
{
    if (lc->entries_count < 1 || lc->entries_count > PBFT_LC_ENTRIES_MAX)
        return false;
    for (uint32_t i = 0; i < lc->entries_count; i++) {
        const struct pbft_lc_entry *entry = &lc->entries[i];
        if (entry->member_index >= MEMBERS_MAX || !is_complaint(lc->view, entry->reason))
            return false;
        if (i > 0 && entry->member_index <= lc->entries[i - 1].member_index)
            return false;
    }
    return true;
}

/* Rule 7.2, as far as it can be seen without keys. */
static bool is_view_change(const struct pbft_view_change *v)
{
    const struct statement *high = &v->high.statement;
    if (v->has_high &&
        (high->kind == CERT_CHECKPOINT || high->epoch != v->epoch || high->view >= v->view))
        return false;
    return v->view >= 1 && v->lc.epoch == v->epoch && v->lc.view == v->view - 1 && is_lc(&v->lc);
}

/* Rule 7.4, likewise: from different members, for exactly (e,v') (pitfalls B5). */
static bool is_new_view(const struct pbft_new_view *n)
{
    if (n->entries_count < 1 || n->entries_count > QUORUM_MAX)
        return false;
    for (uint32_t i = 0; i < n->entries_count; i++) {
        const struct pbft_new_view_entry *entry = &n->entries[i];
        if (entry->from >= MEMBERS_MAX || (i > 0 && entry->from <= n->entries[i - 1].from))
            return false;
        if (entry->view_change.epoch != n->epoch || entry->view_change.view != n->view ||
            !is_view_change(&entry->view_change))
            return false;
    }
    return true;
}

/* ---- parts ---- */

static void write_high(struct wr *w, bool has_high, const struct certificate *high)
{
    wr_u8(w, has_high ? 1 : 0);
    if (has_high)
        wire_write_certificate(w, high);
}

static void take_high(struct rd *r, struct pbft_view_change *out)
{
    uint8_t has_high = rd_u8(r);
    if (has_high > 1)
        rd_fail(r);
    out->has_high = has_high == 1;
    if (out->has_high)
        wire_take_certificate(r, &out->high);
}

static void write_lc(struct wr *w, const struct pbft_lc *lc)
{
    CHECK(is_lc(lc));
    wr_u8(w, (uint8_t)lc->entries_count);
    for (uint32_t i = 0; i < lc->entries_count; i++) {
        wr_u8(w, lc->entries[i].member_index);
        wr_u8(w, (uint8_t)lc->entries[i].reason);
        wr_copy(w, lc->entries[i].signature.bytes, SIGNATURE_BYTES);
    }
}

static void take_lc(struct rd *r, struct pbft_lc *out)
{
    uint8_t entries_count = rd_u8(r);
    if (entries_count > PBFT_LC_ENTRIES_MAX) {
        rd_fail(r);
        return;
    }
    out->entries_count = entries_count;
    for (uint32_t i = 0; i < entries_count && !r->failed; i++) {
        out->entries[i].member_index = rd_u8(r);
        out->entries[i].reason = (enum pbft_reason)rd_u8(r);
        wire_take_signature(r, &out->entries[i].signature);
    }
}

/* high | lc | signature: a VIEW-CHANGE from where epoch and view are known. */
static void write_view_change(struct wr *w, const struct pbft_view_change *v)
{
    CHECK(is_view_change(v));
    write_high(w, v->has_high, &v->high);
    write_lc(w, &v->lc);
    wr_copy(w, v->signature.bytes, SIGNATURE_BYTES);
}

static void take_view_change(struct rd *r, struct pbft_view_change *out, uint64_t epoch,
                             uint64_t view)
{
    out->epoch = out->lc.epoch = epoch;
    out->view = view;
    out->lc.view = view - 1; /* of view 0 there is none: is_view_change() refuses it */
    take_high(r, out);
    take_lc(r, &out->lc);
    wire_take_signature(r, &out->signature);
    if (!is_view_change(out))
        rd_fail(r);
}

/* The encoding of one VIEW-CHANGE of a set, into room. */
static struct bytes write_entry(uint8_t room[static 1 + VIEW_CHANGE_BYTES_MAX],
                                const struct pbft_new_view_entry *entry)
{
    struct wr w = wr_of(room, 1 + VIEW_CHANGE_BYTES_MAX);
    wr_u8(&w, (uint8_t)entry->from);
    write_view_change(&w, &entry->view_change);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

/* ---- what is signed ---- */

void wire_high_digest(struct digest *out, bool has_high, const struct certificate *high)
{
    uint8_t room[HIGH_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    write_high(&w, has_high, high);
    CHECK(wr_ok(&w));
    digest_of(out, TAG_VIEW_HIGH, wr_bytes_of(&w));
}

void pbft_high_digest(struct digest *out, const struct pbft_view_change *v)
{
    wire_high_digest(out, v->has_high, &v->high);
}

void pbft_lc_digest(struct digest *out, const struct pbft_lc *lc)
{
    uint8_t room[2 * 8 + LC_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    wr_u64(&w, lc->epoch);
    wr_u64(&w, lc->view);
    write_lc(&w, lc);
    CHECK(wr_ok(&w));
    digest_of(out, TAG_VIEW_LC, wr_bytes_of(&w));
}

void pbft_set_digest(struct digest *out, const struct pbft_new_view *n)
{
    struct hasher h;
    uint8_t count = (uint8_t)n->entries_count;
    CHECK(is_new_view(n));
    hasher_start(&h, TAG_VIEW_SET);
    hasher_add(&h, &count, 1);
    for (uint32_t i = 0; i < n->entries_count; i++) {
        uint8_t room[1 + VIEW_CHANGE_BYTES_MAX];
        hasher_add_bytes(&h, write_entry(room, &n->entries[i]));
    }
    hasher_end(&h, out);
}

/* tag | chain_id | epoch | from | view: how all three begin. */
static struct wr start_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX], enum tag tag,
                              const struct digest *chain_id, uint64_t epoch, uint32_t from,
                              uint64_t view)
{
    struct wr w = wr_of(out, PBFT_SIGNED_BYTES_MAX);
    CHECK(from < MEMBERS_MAX);
    wr_copy(&w, tag_bytes(tag), TAG_BYTES);
    wr_copy(&w, chain_id->bytes, DIGEST_BYTES);
    wr_u64(&w, epoch);
    wr_u8(&w, (uint8_t)from);
    wr_u64(&w, view);
    return w;
}

struct bytes pbft_complain_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                  const struct pbft_complain *c, uint32_t from,
                                  const struct digest *chain_id)
{
    struct wr w = start_signed(out, TAG_COMPLAIN, chain_id, c->epoch, from, c->view);
    CHECK(is_complaint(c->view, c->reason));
    wr_u8(&w, (uint8_t)c->reason);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

struct bytes wire_view_change_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                     const struct digest *chain_id, uint64_t epoch, uint32_t from,
                                     uint64_t view, const struct digest *high,
                                     const struct digest *lc)
{
    struct wr w = start_signed(out, TAG_VIEW_CHANGE, chain_id, epoch, from, view);
    wr_copy(&w, high->bytes, DIGEST_BYTES);
    wr_copy(&w, lc->bytes, DIGEST_BYTES);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

struct bytes pbft_view_change_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                     const struct pbft_view_change *v, uint32_t from,
                                     const struct digest *chain_id)
{
    struct digest high, lc;
    CHECK(is_view_change(v));
    pbft_high_digest(&high, v);
    pbft_lc_digest(&lc, &v->lc);
    return wire_view_change_signed(out, chain_id, v->epoch, from, v->view, &high, &lc);
}

struct bytes wire_new_view_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                  const struct digest *chain_id, uint64_t epoch, uint32_t from,
                                  uint64_t view, const struct digest *set)
{
    struct wr w = start_signed(out, TAG_NEW_VIEW, chain_id, epoch, from, view);
    wr_copy(&w, set->bytes, DIGEST_BYTES);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

struct bytes pbft_new_view_signed(uint8_t out[static PBFT_SIGNED_BYTES_MAX],
                                  const struct pbft_new_view *n, uint32_t from,
                                  const struct digest *chain_id)
{
    struct digest set;
    pbft_set_digest(&set, n);
    return wire_new_view_signed(out, chain_id, n->epoch, from, n->view, &set);
}

/* ---- messages ---- */

void wire_put_complain(struct buf *out, const struct pbft_msg *m)
{
    const struct pbft_complain *c = &m->complain;
    CHECK(is_complaint(c->view, c->reason));
    wire_put_member(out, m->from);
    buf_add_u64(out, c->epoch);
    buf_add_u64(out, c->view);
    buf_add_u8(out, (uint8_t)c->reason);
    wire_put_signature(out, &c->signature);
}

void wire_take_complain(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    (void)head;
    struct pbft_complain *c = &out->complain;
    wire_take_member(r, &out->from);
    c->epoch = rd_u64(r);
    c->view = rd_u64(r);
    c->reason = (enum pbft_reason)rd_u8(r);
    wire_take_signature(r, &c->signature);
    if (!is_complaint(c->view, c->reason))
        rd_fail(r);
}

void wire_put_view_change(struct buf *out, const struct pbft_msg *m)
{
    uint8_t room[VIEW_CHANGE_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    write_view_change(&w, &m->view_change);
    CHECK(wr_ok(&w));
    wire_put_member(out, m->from);
    buf_add_u64(out, m->view_change.epoch);
    buf_add_u64(out, m->view_change.view);
    buf_add_bytes(out, wr_bytes_of(&w));
}

void wire_take_view_change(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    (void)head;
    wire_take_member(r, &out->from);
    uint64_t epoch = rd_u64(r), view = rd_u64(r);
    take_view_change(r, &out->view_change, epoch, view);
}

void wire_put_new_view(struct buf *out, const struct pbft_msg *m)
{
    const struct pbft_new_view *n = &m->new_view;
    CHECK(is_new_view(n));
    wire_put_member(out, m->from);
    buf_add_u64(out, n->epoch);
    buf_add_u64(out, n->view);
    buf_add_u8(out, (uint8_t)n->entries_count);
    for (uint32_t i = 0; i < n->entries_count; i++) {
        uint8_t room[1 + VIEW_CHANGE_BYTES_MAX];
        buf_add_bytes(out, write_entry(room, &n->entries[i]));
    }
    wire_put_signature(out, &n->signature);
}

void wire_take_new_view(struct rd *r, struct pbft_msg *out, pbft_block_head *head)
{
    (void)head;
    struct pbft_new_view *n = &out->new_view;
    wire_take_member(r, &out->from);
    n->epoch = rd_u64(r);
    n->view = rd_u64(r);
    uint8_t entries_count = rd_u8(r);
    if (entries_count > QUORUM_MAX) {
        rd_fail(r);
        return;
    }
    n->entries_count = entries_count;
    for (uint32_t i = 0; i < entries_count && !r->failed; i++) {
        wire_take_member(r, &n->entries[i].from);
        take_view_change(r, &n->entries[i].view_change, n->epoch, n->view);
    }
    wire_take_signature(r, &n->signature);
    if (!is_new_view(n))
        rd_fail(r);
}
