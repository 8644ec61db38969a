/* Back-filling: blocks below a snapshot, downward. Their index entries are made in store_undo.c. */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/store_impl.h"

static const char *const words[BACKFILL_FAULT_COUNT] = {
#define X(fault, word, text) [fault] = word,
    BACKFILL_FAULT_LIST(X)
#undef X
};
static const char *const texts[BACKFILL_FAULT_COUNT] = {
#define X(fault, word, text) [fault] = text,
    BACKFILL_FAULT_LIST(X)
#undef X
};

const char *backfill_fault_word(enum backfill_fault f)
{
    CHECK(f < BACKFILL_FAULT_COUNT);
    return words[f];
}

const char *backfill_fault_text(enum backfill_fault f)
{
    CHECK(f < BACKFILL_FAULT_COUNT);
    return texts[f];
}

/* ---- what comes next ---- */

static uint64_t undone_changes(const struct store *s)
{
    return s->undone == NULL ? 0 : layer_log_count(s->undone);
}

static struct store_gap *top_gap(struct store_history *h)
{
    CHECK(h->gaps_count > 0);
    return &h->gaps[h->gaps_count - 1];
}

struct backfill_next store_backfill_next(const struct store *s)
{
    const struct store_history *h = &s->backfilled;
    if (h->gaps_count == 0)
        return (struct backfill_next){.is_whole = true,
                                      .is_batch_full = s->undone_is_full,
                                      .changes_count = undone_changes(s)};
    const struct store_gap *gap = &h->gaps[h->gaps_count - 1];
    return (struct backfill_next){.is_held = gap->kind != STORE_GAP_BLOCKS,
                                  .is_batch_full = s->undone_is_full,
                                  .changes_count = undone_changes(s),
                                  .height = gap->to,
                                  .digest = h->next_digest,
                                  .heights_count = gap->to - gap->from + 1};
}

/* A block, or an entry of the chain, that the store has from before cannot be read. */
static void meet_damage(struct store *s, uint64_t height, enum backfill_fault *fault)
{
    s->backfill_damaged_height = height;
    *fault = BACKFILL_HELD_DAMAGED;
}

/* Below a gap stands what the store had before, which must be what its first block follows. */
static enum rc judge_link(struct store *s, enum backfill_fault *fault, const struct block *block,
                          struct why *why)
{
    uint64_t below = block->header.height - 1;
    struct block_header genesis;
    struct digest digest;
    enum rc rc = RC_OK;
    block_genesis_header(&genesis, &s->identity.chain_id);
    block_header_digest(&digest, &genesis);
    if (below > 0)
        rc = store_get_digest(s, below, &digest, why);
    if (rc == RC_STORE_DAMAGED) {
        meet_damage(s, below, fault);
        return RC_OK;
    }
    if (rc != RC_OK || digest_equal(&digest, &block->header.parent))
        return rc;
    *fault = BACKFILL_WRONG_BLOCK;
    return why_set(why, RC_STORE_DAMAGED,
                   "the block at height %" PRIu64 " does not follow the one before it",
                   block->header.height);
}

/* The gap ends with this block, and no other follows at once. */
static bool ends_gap(const struct store_history *h, const struct block *block)
{
    const struct store_gap *gap = &h->gaps[h->gaps_count - 1];
    return gap->from == block->header.height && !(h->gaps_count > 1 && gap[-1].to + 1 == gap->from);
}

/* Below the gap that ends with this block there is one that the store holds. */
static bool meets_own(const struct store_history *h, const struct block *block)
{
    const struct store_gap *gap = &h->gaps[h->gaps_count - 1];
    return gap->from == block->header.height &&
           (ends_gap(h, block) || gap[-1].kind != STORE_GAP_BLOCKS);
}

/* What the block that comes after this one is called. All that can fail is here, before anything is
 * staged. */
static enum rc name_next(struct store *s, struct digest *out, enum backfill_fault *fault,
                         const struct block *block, struct why *why)
{
    const struct store_history *h = &s->backfilled;
    struct block above;
    *out = block->header.parent;
    enum rc rc = meets_own(h, block) ? judge_link(s, fault, block, why) : RC_OK;
    if (rc != RC_OK || *fault != BACKFILL_OK || !ends_gap(h, block) || h->gaps_count == 1)
        return rc;
    uint64_t height = h->gaps[h->gaps_count - 2].to + 1;
    rc = store_get_block(s, height, &above, why);
    if (rc == RC_STORE_DAMAGED) {
        meet_damage(s, height, fault);
        return RC_OK;
    }
    if (rc == RC_OK)
        *out = above.header.parent;
    return rc;
}

/* The block is in: what is next. */
static void step_down(struct store *s, const struct block *block, const struct digest *next)
{
    struct store_history *h = &s->backfilled;
    struct store_gap *gap = top_gap(h);
    /* What was undone ends here: it knows nothing of the blocks in between. */
    if (ends_gap(h, block) && h->gaps_count > 1)
        s->undone_is_full = true;
    h->next_digest = *next;
    if (gap->to > gap->from)
        gap->to--;
    else
        h->gaps_count--;
}

uint64_t store_backfill_damaged_height(const struct store *s)
{
    return s->backfill_damaged_height;
}

/* ---- staging ---- */

static enum rc nothing_below(void *context, uint8_t table, struct bytes key, struct bytes *value)
{
    (void)context, (void)table, (void)key, (void)value;
    return RC_NOT_FOUND;
}

static void stage_indexes(struct store *s, struct kv_batch *batch, size_t from)
{
    size_t log_count = layer_log_count(s->undone);
    for (size_t at = from; at < log_count; at++) {
        struct layer_entry e;
        if (!layer_log_at(s->undone, at, &e) || !e.is_index)
            continue;
        kv_batch_put(batch, (enum kv_table)e.table, e.key, e.value);
        for (uint32_t i = 0; i < STORE_INDEXES_COUNT; i++)
            s->backfilled.counts[i] += (uint8_t)store_indexes[i] == e.table;
    }
}

/* The entries are there, made on a state that nobody certified: each has to be the one that the
 * certified state gives. Any that went to a wrong place is missed at its right one. */
static enum rc compare_indexes(const struct store *s, size_t from, uint64_t height, struct why *why)
{
    size_t log_count = layer_log_count(s->undone);
    for (size_t at = from; at < log_count; at++) {
        struct layer_entry e;
        struct bytes value;
        if (!layer_log_at(s->undone, at, &e) || !e.is_index)
            continue;
        enum rc rc = kv_get(s->view, (enum kv_table)e.table, e.key, &value);
        bool differs = rc == RC_NOT_FOUND || (rc == RC_OK && !bytes_equal(value, e.value));
        if (rc != RC_OK || differs)
            return why_set(
                why, differs ? RC_STORE_DAMAGED : rc, "the index of %s at height %" PRIu64 ": %s",
                kv_table_name((enum kv_table)e.table), height,
                differs ? "it was made on another state than the certified one" : rc_text(rc));
    }
    return RC_OK;
}

static enum rc stage_certificate(struct store *s, struct kv_batch *batch, const struct block *block,
                                 const struct certificate *c, struct why *why)
{
    uint8_t room[8];
    uint64_t height = block->header.height;
    struct bytes key = store_height_key(room, height), present;
    CHECK(c->statement.kind == CERT_COMMIT);
    CHECK(c->statement.height == height);
    CHECK(digest_equal(&c->statement.digest, &block->digest));
    enum rc rc = kv_get(s->view, KV_CERT, key, &present);
    if (rc != RC_OK && rc != RC_NOT_FOUND && rc != RC_STORE_DAMAGED) /* that one is replaced */
        return why_set(why, rc, "the certificate at height %" PRIu64 " cannot be read", height);
    s->counts.certificates += rc == RC_NOT_FOUND;
    store_put_certificate_at(batch, key, c);
    store_put_head(batch, s->head.height, &s->head_digest, &s->counts);
    return RC_OK;
}

static enum backfill_fault judge_block(const struct store *s, const struct block *block)
{
    struct backfill_next next = store_backfill_next(s);
    if (block->header.height != next.height)
        return BACKFILL_NOT_NEXT;
    if (!digest_equal(&block->digest, &next.digest))
        return BACKFILL_WRONG_BLOCK;
    return block_judge_body(block, NULL) == BLOCK_OK ? BACKFILL_OK : BACKFILL_WRONG_BODY;
}

static enum rc stage_block(struct store *s, struct kv_batch *batch, enum backfill_fault *fault,
                           const struct block *block, struct why *why)
{
    static const struct layer_base nothing = {.get = nothing_below};
    struct digest below;
    *fault = judge_block(s, block);
    if (*fault != BACKFILL_OK)
        return RC_OK;
    enum rc rc = name_next(s, &below, fault, block, why);
    if (rc != RC_OK || *fault != BACKFILL_OK)
        return rc;
    if (s->undone == NULL)
        s->undone = layer_new(NULL, &nothing);
    size_t mark = layer_log_count(s->undone);
    bool is_good;
    rc = store_undo_block(s, s->undone, block, &is_good);
    if (rc != RC_OK)
        return why_set(why, rc, "the state does not go with the block at height %" PRIu64 ": %s",
                       block->header.height, rc_text(rc));
    *fault = is_good ? BACKFILL_OK : BACKFILL_BAD_TX;
    if (!is_good)
        return RC_OK;
    if (top_gap(&s->backfilled)->kind == STORE_GAP_UNPROVEN)
        rc = compare_indexes(s, mark, block->header.height, why);
    else
        stage_indexes(s, batch, mark);
    if (rc != RC_OK)
        return rc;
    step_down(s, block, &below);
    return RC_OK;
}

/* A block that the store holds is of the certified chain, or the store is damaged. Its bytes alone
 * can be had from others again (pitfalls D5). */
static enum rc stage_held(struct store *s, struct kv_batch *batch, enum backfill_fault *fault,
                          struct why *why)
{
    struct block block;
    uint64_t height = store_backfill_next(s).height;
    enum rc rc = store_get_block(s, height, &block, why);
    if (rc == RC_STORE_DAMAGED) {
        meet_damage(s, height, fault);
        return RC_OK;
    }
    if (rc == RC_OK)
        rc = stage_block(s, batch, fault, &block, why);
    if (rc != RC_OK || *fault == BACKFILL_OK || *fault == BACKFILL_HELD_DAMAGED)
        return rc;
    if (*fault == BACKFILL_WRONG_BODY) {
        meet_damage(s, height, fault);
        return why_set(why, RC_OK, "the block at height %" PRIu64 ": %s", height,
                       backfill_fault_text(BACKFILL_WRONG_BODY));
    }
    return why_set(why, RC_STORE_DAMAGED, "the block at height %" PRIu64 ": %s", height,
                   backfill_fault_text(*fault));
}

enum rc store_stage_backfill(struct store *s, struct kv_batch *batch, enum backfill_fault *fault,
                             const struct block *block, const struct certificate *certificate,
                             struct why *why)
{
    struct backfill_next next = store_backfill_next(s);
    CHECK(!next.is_whole);
    CHECK(!s->intake.is_open);
    CHECK(!s->undone_is_full);
    CHECK(block != NULL || next.is_held);
    *fault = next.is_held && block != NULL ? BACKFILL_NOT_NEXT : BACKFILL_OK;
    if (*fault != BACKFILL_OK)
        return RC_OK;
    enum rc rc =
        block != NULL ? stage_block(s, batch, fault, block, why) : stage_held(s, batch, fault, why);
    if (rc != RC_OK || *fault != BACKFILL_OK)
        return rc;
    if (block != NULL)
        store_put_block(batch, block, true);
    if (block != NULL && certificate != NULL)
        rc = stage_certificate(s, batch, block, certificate, why);
    store_put_history(batch, &s->backfilled);
    if (++s->undone_count == STORE_BACKFILL_BLOCKS_MAX)
        s->undone_is_full = true;
    return rc;
}

enum rc store_on_backfill(struct store *s, struct why *why)
{
    CHECK(s->undone_count > 0);
    enum rc rc = kv_view_renew(s->view, why);
    if (rc != RC_OK)
        return rc;
    s->history = s->backfilled;
    layer_free(s->undone);
    s->undone = NULL;
    s->undone_count = 0;
    s->undone_is_full = false;
    return RC_OK;
}
