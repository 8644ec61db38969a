/* What is there of history, and what is not: the record of gaps. */
#include "ledger/store_history.h"

#include "crypto/base/check.h"
#include "ledger/store_impl.h"

static const char META_HISTORY[] = "history";

/* ---- the record ---- */

void store_put_history(struct kv_batch *batch, const struct store_history *h)
{
    uint8_t header[BLOCK_HEADER_BYTES];
    struct buf value = {0};
    block_header_encode(header, &h->base);
    buf_add(&value, header, sizeof header);
    buf_add(&value, h->next_digest.bytes, DIGEST_BYTES);
    for (uint32_t i = 0; i < STORE_INDEXES_COUNT; i++)
        buf_add_u64(&value, h->counts[i]);
    buf_add_u32(&value, h->gaps_count);
    for (uint32_t i = 0; i < h->gaps_count; i++) {
        buf_add_u64(&value, h->gaps[i].from);
        buf_add_u64(&value, h->gaps[i].to);
        buf_add_u8(&value, (uint8_t)h->gaps[i].kind);
    }
    kv_batch_put(batch, KV_META, bytes_of_text(META_HISTORY), buf_bytes(&value));
    buf_free(&value);
}

static bool decode_gaps(struct store_history *out, struct rd *r)
{
    uint64_t below = 0;
    out->gaps_count = rd_u32(r);
    if (out->gaps_count > STORE_GAPS_MAX)
        return false;
    for (uint32_t i = 0; i < out->gaps_count; i++) {
        struct store_gap *gap = &out->gaps[i];
        gap->from = rd_u64(r);
        gap->to = rd_u64(r);
        uint8_t kind = rd_u8(r);
        gap->kind = (enum store_gap_kind)kind;
        if (kind >= STORE_GAP_KIND_COUNT || gap->from <= below || gap->to < gap->from ||
            gap->to > out->base.height)
            return false;
        below = gap->to;
    }
    return rd_done(r);
}

enum rc store_load_history(struct kv_view *v, struct store_history *out, struct why *why)
{
    struct bytes value;
    *out = (struct store_history){0};
    enum rc rc = kv_get(v, KV_META, bytes_of_text(META_HISTORY), &value);
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc != RC_OK)
        return why_set(why, rc, "the record of the store's history cannot be read");
    struct rd r = rd_of(value);
    block_header_decode(&r, &out->base);
    rd_copy(&r, out->next_digest.bytes, DIGEST_BYTES);
    for (uint32_t i = 0; i < STORE_INDEXES_COUNT; i++)
        out->counts[i] = rd_u64(&r);
    if (!decode_gaps(out, &r) || out->base.height == 0)
        return why_set(why, RC_STORE_DAMAGED, "the record of the store's history is damaged");
    out->exists = true;
    return RC_OK;
}

/* ---- asking ---- */

static const struct store_gap *gap_at(const struct store_history *h, uint64_t height)
{
    for (uint32_t i = 0; i < h->gaps_count; i++) {
        if (height >= h->gaps[i].from && height <= h->gaps[i].to)
            return &h->gaps[i];
    }
    return NULL;
}

static bool is_missing(const struct store_history *h, uint64_t height)
{
    const struct store_gap *gap = gap_at(h, height);
    return gap != NULL && gap->kind == STORE_GAP_BLOCKS;
}

uint64_t store_history_from_height(const struct store *s)
{
    const struct store_history *h = &s->history;
    return h->gaps_count > 0 ? h->gaps[h->gaps_count - 1].to + 1 : 1;
}

bool store_history_has(const struct store *s, uint64_t height)
{
    return height > 0 && height <= s->chain_height && !is_missing(&s->history, height);
}

uint32_t store_history_gaps(const struct store *s, struct store_gap out[static STORE_GAPS_MAX])
{
    for (uint32_t i = 0; i < s->history.gaps_count; i++)
        out[i] = s->history.gaps[i];
    return s->history.gaps_count;
}

bool store_snapshot_header(const struct store *s, struct block_header *out)
{
    *out = s->history.base;
    return s->history.exists;
}

bool store_chain_has(const struct store *s, uint64_t height)
{
    bool is_base = s->history.exists && height == s->history.base.height;
    return is_base || store_history_has(s, height);
}

uint64_t store_chain_count(const struct store_history *h, uint64_t head_height)
{
    uint64_t count = head_height;
    for (uint32_t i = 0; i < h->gaps_count; i++) {
        if (h->gaps[i].kind == STORE_GAP_BLOCKS)
            count -= h->gaps[i].to - h->gaps[i].from + 1;
    }
    return count + is_missing(h, h->base.height);
}

uint64_t store_index_count(uint32_t i, const struct store_derived *d, const struct store_history *h,
                           const struct store_intake *intake)
{
    uint64_t names_count = store_indexes[i] == KV_NAME ? intake->names_count : 0;
    return d->counts[i] + h->counts[i] + names_count;
}

/* ---- a new snapshot ---- */

/* Append a gap above those there are; the last one grows where it can. */
static bool add_gap(struct store_history *h, uint64_t from, uint64_t to, enum store_gap_kind kind,
                    uint32_t gaps_max)
{
    if (from > to)
        return true;
    struct store_gap *last = h->gaps_count > 0 ? &h->gaps[h->gaps_count - 1] : NULL;
    CHECK(last == NULL || last->to < from);
    if (last != NULL && last->to + 1 == from && last->kind == kind) {
        last->to = to;
        return true;
    }
    if (h->gaps_count >= gaps_max)
        return false;
    h->gaps[h->gaps_count++] = (struct store_gap){from, to, kind};
    return true;
}

/* The gap that there is, above what was whole. */
static bool keep_gap(struct store_history *out, uint64_t next, const struct store_gap *gap,
                     bool discards, uint32_t gaps_max)
{
    bool has_entries = gap->kind == STORE_GAP_UNPROVEN;
    enum store_gap_kind kind = discards && has_entries ? STORE_GAP_INDEXES : gap->kind;
    bool fits = !discards || add_gap(out, next, gap->from - 1, STORE_GAP_INDEXES, gaps_max);
    return fits && add_gap(out, gap->from, gap->to, kind, gaps_max);
}

bool store_history_rebase(struct store_history *out, const struct store_history *from,
                          const struct store_rebase *to)
{
    uint64_t held_height = to->head_height < to->base_height ? to->head_height : to->base_height;
    uint32_t gaps_max = to->discards ? STORE_GAPS_MAX : STORE_GAPS_BESIDE_MAX;
    uint64_t next = 1;
    bool fits = true;
    CHECK(!from->exists || from->base.height <= held_height);
    *out = *from;
    out->gaps_count = 0;
    for (uint32_t i = 0; i < from->gaps_count && fits; i++) {
        fits = keep_gap(out, next, &from->gaps[i], to->discards, gaps_max);
        next = from->gaps[i].to + 1;
    }
    if (to->discards) {
        fits = fits && add_gap(out, next, held_height, STORE_GAP_INDEXES, gaps_max);
        for (uint32_t i = 0; i < STORE_INDEXES_COUNT; i++)
            out->counts[i] = 0;
    } else {
        uint64_t unproven = to->proven_height < next ? next : to->proven_height + 1;
        fits = fits && add_gap(out, unproven, held_height, STORE_GAP_UNPROVEN, gaps_max);
    }
    out->exists = true;
    return fits && add_gap(out, held_height + 1, to->base_height, STORE_GAP_BLOCKS, gaps_max);
}

bool store_history_has_room(const struct store_history *from, const struct store_rebase *to)
{
    struct store_history history;
    struct store_rebase worst = *to;
    worst.proven_height = 0;
    bool fits = store_history_rebase(&history, from, &worst);
    /* With more proven the gap that is to be compared is shorter, but may stand by itself. */
    if (from->gaps_count > 0)
        worst.proven_height = from->gaps[from->gaps_count - 1].to + 1;
    return fits && store_history_rebase(&history, from, &worst);
}
