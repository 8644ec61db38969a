#include "ledger/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crypto/base/check.h"
#include "ledger/audit_parts.h"

/* Longest wait for a height before the clock is looked at. */
enum { WAIT_MS = 50 };

struct audit {
    struct audit_subject subject;
    const struct audit_options *options;
    struct audit_report *report;
    struct store *store;
    struct kv_view *view; /* the calling thread's own */
    struct audit_pool *pool;
    struct audit_replay *replay;
    struct audit_roots roots;
    struct audit_index index;
    struct audit_fault fault;
    struct audit_tick tick;
    bool has_parent;            /* false behind blocks that are missing */
    struct block_header parent; /* of the height that comes next */
    struct digest parent_digest;
    uint64_t run_from_height; /* since when no block was missing */
    uint64_t started_ms;
    uint64_t told_ms; /* when progress was last told */
    bool interrupted;
};

/* ---- progress ---- */

static uint64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool tell(struct audit *a)
{
    a->told_ms = now_ms();
    if (a->options->progress != NULL &&
        !a->options->progress(a->options->progress_context, &a->report->done))
        a->interrupted = true;
    return !a->interrupted;
}

static bool tick(void *context)
{
    struct audit *a = context;
    if (a->interrupted)
        return false;
    return now_ms() - a->told_ms < a->options->progress_every_ms || tell(a);
}

/* ---- one height ---- */

/* All of the state, where the store keeps all of it. This comes before its root is compared, so
 * that what is named is the entry that is wrong and not only that one is. */
static bool judge_flushed(struct audit *a, uint64_t height)
{
    struct audit_report *report = a->report;
    struct audit_fault *f = &a->fault;
    uint64_t entries_count = 0;
    if (!audit_money_judge(a->replay, height, &a->tick, &entries_count, f) ||
        !audit_state_judge(&a->subject, a->view, a->replay, &a->tick, entries_count, f) ||
        !audit_index_judge_counts(&a->index, &a->subject, a->view, a->replay, &a->tick, f))
        return false;
    report->state_root = audit_replay_tree(a->replay)->root;
    report->flushed_height = height;
    report->state_entries_count = entries_count;
    for (size_t table = 0; table < KV_TABLE_COUNT; table++)
        report->index_entries_count += a->index.count[table];
    return true;
}

/* Wherever the store says something of the state, it must be what replaying gives. */
static bool judge_state(struct audit *a, uint64_t height, const struct audit_height *h)
{
    struct audit_fault *f = &a->fault;
    bool has_checkpoint = h != NULL && h->has_checkpoint;
    bool has_root = audit_roots_is_due(&a->roots, height);
    if (!audit_roots_pass(&a->roots, height, f))
        return false;
    if (!has_root && !has_checkpoint && height != a->subject.head_height)
        return true;
    if (!audit_replay_flush(a->replay, height, f))
        return false;
    if (height == a->subject.flushed_height && !judge_flushed(a, height))
        return false;
    const struct digest *root = &audit_replay_tree(a->replay)->root;
    if (has_checkpoint && !digest_equal(&h->checkpoint_root, root))
        return audit_fault_set(f, RC_PROOF, height,
                               "checkpoint certificate: its state root is not the replayed one");
    a->report->checkpoints_count += has_checkpoint;
    return !has_root || audit_roots_judge(&a->roots, height, a->view, a->replay, f);
}

/* What the layer holds is of this height. Above the flushed height the store has no index entries
 * yet. */
static bool judge_effects(struct audit *a, uint64_t height, const struct audit_height *h)
{
    if (height <= a->subject.flushed_height &&
        !audit_index_judge(&a->index, a->view, audit_replay_layer(a->replay), height, &a->fault))
        return false;
    audit_replay_absorb(a->replay);
    return judge_state(a, height, h);
}

static void set_parent(struct audit *a, const struct block_header *header,
                       const struct digest *digest)
{
    a->has_parent = true;
    a->parent = *header;
    a->parent_digest = *digest;
}

static bool judge_start(struct audit *a)
{
    a->has_parent = true;
    a->run_from_height = 1;
    block_genesis_header(&a->parent, &a->subject.chain_id);
    block_header_digest(&a->parent_digest, &a->parent);
    uint64_t every = store_identity(a->store)->checkpoint_every_heights;
    if (every != a->subject.checkpoint_every_heights)
        return audit_fault_set(&a->fault, RC_PROOF, 0,
                               "checkpoint interval: the store has %" PRIu64
                               ", its genesis %" PRIu64,
                               every, a->subject.checkpoint_every_heights);
    if (!audit_tables_judge_start(a->store, a->view, &a->fault) ||
        !audit_history_judge_gaps(&a->subject, a->view, &a->fault))
        return false;
    if (a->subject.start_height > 0)
        return audit_roots_pass(&a->roots, 0, &a->fault);
    a->replay = audit_replay_new(a->subject.initial);
    return judge_effects(a, 0, NULL);
}

/* ---- history that is not whole ---- */

/* Here replaying starts. h is NULL when the block is missing. */
static bool judge_first_state(struct audit *a, uint64_t height, const struct audit_height *h)
{
    const struct audit_subject *subject = &a->subject;
    struct audit_fault *f = &a->fault;
    if (h != NULL && !digest_equal(&h->block.digest, &subject->start_digest))
        return audit_fault_set(f, RC_PROOF, height,
                               "checkpoint certificate: it is for another block");
    a->replay = audit_replay_new_from(a->view, subject, &a->tick, f);
    if (a->replay == NULL || !audit_index_judge_names(&a->index, a->view, subject, &a->tick, f) ||
        !audit_replay_flush(a->replay, height, f))
        return false;
    if (!digest_equal(&audit_replay_tree(a->replay)->root, &subject->start_tree.root))
        return audit_fault_set(f, RC_PROOF, height, "state root: not the one of its own entries");
    a->report->checkpoints_count += h == NULL;
    return judge_state(a, height, h);
}

/* A block below that: its place in the indexes, where they are there. */
static bool judge_below(struct audit *a, const struct audit_height *h)
{
    const struct audit_subject *subject = &a->subject;
    if (!audit_roots_pass(&a->roots, h->height, &a->fault))
        return false;
    const struct store_gap *gap = audit_gap_at(subject, h->height);
    bool has_indexes = gap == NULL || gap->kind == STORE_GAP_UNPROVEN;
    if (has_indexes && !audit_index_judge_below(&a->index, a->view, h, &a->fault))
        return false;
    return h->height != subject->start_height || judge_first_state(a, h->height, h);
}

/* Blocks that were held before the snapshot have certificates of their own: no link leads from
 * what came later to them, before the blocks in between are there. */
static bool judge_run_end(struct audit *a, uint64_t end)
{
    uint64_t covered = a->report->certified_height;
    if (covered + 1 < a->run_from_height)
        covered = a->run_from_height - 1;
    return end <= covered || end - covered <= AUDIT_UNCERTIFIED_MAX ||
           audit_fault_set(&a->fault, RC_PROOF, covered + 1,
                           "certificate: none covers this height");
}

static bool judge_missing(struct audit *a, uint64_t height)
{
    const struct audit_subject *subject = &a->subject;
    if (a->has_parent && !judge_run_end(a, height - 1))
        return false;
    a->has_parent = false;
    a->run_from_height = height + 1;
    if (!audit_roots_pass(&a->roots, height, &a->fault))
        return false;
    if (height == subject->base_height) {
        set_parent(a, &subject->base, &subject->base_digest);
        a->report->certified_height = height; /* by the CHECKPOINT certificate */
    }
    if (height == subject->start_height && !judge_first_state(a, height, NULL))
        return false;
    a->report->missing_count++;
    a->report->done.height = height;
    return true;
}

static bool judge_height(struct audit *a, const struct audit_height *h)
{
    if (h->is_missing)
        return judge_missing(a, h->height);
    const struct audit_fault *broken = &h->broken;
    if (broken->rc != RC_OK)
        return audit_fault_set(&a->fault, broken->rc, broken->height, "%s", broken->field);
    if (!a->has_parent) { /* nothing is known of it but what this header says */
        a->parent = (struct block_header){.chain_id = a->subject.chain_id, .height = h->height - 1};
        a->parent_digest = h->block.header.parent;
    }
    enum block_fault link = block_judge_header(&h->block.header, &a->parent, &a->parent_digest,
                                               &a->subject.block_rules);
    if (link != BLOCK_OK)
        return audit_fault_set(&a->fault, RC_PROOF, h->height, "header: %s",
                               block_fault_text(link));
    const struct audit_fault *wrong = &h->wrong;
    if (wrong->rc != RC_OK)
        return audit_fault_set(&a->fault, wrong->rc, wrong->height, "%s", wrong->field);
    bool is_good =
        h->height <= a->subject.start_height
            ? judge_below(a, h)
            : audit_replay_apply(a->replay, h, &a->fault) && judge_effects(a, h->height, h);
    if (!is_good)
        return false;
    set_parent(a, &h->block.header, &h->block.digest);
    a->report->done.height = h->height;
    a->report->done.txs_count += h->block.header.tx_count;
    a->report->done.signatures_count += h->signatures_count;
    if (h->has_commit || h->height == a->subject.base_height)
        a->report->certified_height = h->height;
    return true;
}

/* ---- the whole chain ---- */

static bool judge_chain(struct audit *a)
{
    while (a->report->done.height < a->subject.head_height) {
        struct audit_height *h = NULL;
        while (h == NULL) {
            if (!tick(a))
                return false;
            h = audit_pool_take(a->pool, WAIT_MS);
        }
        if (!judge_height(a, h))
            return false;
        audit_pool_release(a->pool);
    }
    return true;
}

static bool judge_end(struct audit *a)
{
    if (!digest_equal(&a->parent_digest, &a->subject.head_digest))
        return audit_fault_set(&a->fault, RC_PROOF, a->subject.head_height,
                               "head: its digest is not the last block's");
    /* What was flushed was held against its money already; the tail above it was not. */
    uint64_t entries_count;
    if (a->subject.head_height > a->subject.flushed_height &&
        !audit_money_judge(a->replay, a->subject.head_height, &a->tick, &entries_count, &a->fault))
        return false;
    return audit_roots_judge_end(&a->roots, &a->fault) &&
           audit_tables_judge_end(&a->subject, a->view, &a->tick, &a->fault) &&
           audit_kept_judge(a->store, &a->subject, a->view, &a->tick, &a->fault);
}

/* Where the highest COMMIT certificate at or below the head stands. Whether it is a good one is
 * judged when its height comes. */
static enum rc find_covered_height(struct audit *a, struct why *why)
{
    uint8_t before[8];
    struct wr w = wr_of(before, sizeof before);
    wr_be64(&w, a->subject.head_height + 1);
    struct kv_cursor *cursor = NULL;
    struct bytes key = {0};
    struct bytes value = {0};
    enum rc rc = kv_cursor_open(&cursor, a->view, KV_CERT);
    if (rc == RC_OK) {
        rc = kv_cursor_seek_before(cursor, wr_bytes_of(&w), &key, &value);
        kv_cursor_close(cursor);
    }
    struct rd r = rd_of(key);
    a->subject.covered_height = rd_be64(&r);
    /* Up to a snapshot its CHECKPOINT certificate vouches for the chain. */
    if (a->subject.covered_height < a->subject.base_height)
        a->subject.covered_height = a->subject.base_height;
    /* Damage is found again, and named, at the height where it is. */
    if (rc == RC_STORE_IO)
        return why_set(why, rc, "audit: table %s: %s", kv_table_name(KV_CERT), rc_text(rc));
    return RC_OK;
}

static enum rc open_all(struct audit *a, struct why *why)
{
    enum rc rc = kv_view_open(&a->view, a->subject.kv, why);
    if (rc == RC_OK)
        rc = find_covered_height(a, why);
    if (rc == RC_OK && !audit_history_find_start(&a->subject, a->view,
                                                 &a->report->done.signatures_count, &a->fault))
        return RC_OK; /* the fault is the answer */
    if (rc == RC_OK)
        rc = audit_roots_open(&a->roots, &a->subject, a->view);
    if (rc == RC_OK)
        rc = audit_pool_start(&a->pool, &a->subject, a->options->threads_count, why);
    if (rc == RC_OK)
        a->report->threads_count = audit_pool_threads_count(a->pool);
    return rc;
}

static void close_all(struct audit *a)
{
    audit_pool_stop(a->pool);
    audit_roots_close(&a->roots);
    audit_replay_free(a->replay);
    if (a->view != NULL)
        kv_view_close(a->view);
}

static enum rc conclude(struct audit *a, struct why *why)
{
    a->report->seconds = (double)(now_ms() - a->started_ms) / 1000;
    if (a->interrupted)
        return why_set(why, RC_INTERRUPTED, "audit: interrupted at height %" PRIu64,
                       a->report->done.height);
    (void)tell(a); /* too late to interrupt: what was found stands */
    if (a->fault.rc == RC_OK)
        return RC_OK;
    a->report->fault_height = a->fault.height;
    memcpy(a->report->fault_field, a->fault.field, sizeof a->fault.field);
    return why_set(why, a->fault.rc, "height %" PRIu64 ": %s", a->fault.height, a->fault.field);
}

enum rc audit_run(struct audit_report *report, struct store *s, const struct audit_chain *chain,
                  const struct audit_options *options, struct why *why)
{
    const struct store_identity *identity = store_identity(s);
    if (store_is_taking_snapshot(s))
        return why_set(why, RC_REFUSED,
                       "a snapshot of the state is being taken in: start the node, and audit when "
                       "that is done");
    struct audit a = {
        .subject = {.kv = store_kv(s),
                    .chain_id = identity->chain_id,
                    .members = chain->members,
                    .initial = chain->initial,
                    .block_rules = {.members_count = chain->members->members_count,
                                    .body_bytes_max = chain->body_bytes_max},
                    .checkpoint_every_heights = chain->checkpoint_every_heights,
                    .head_height = store_head(s)->height,
                    .head_digest = *store_head_digest(s),
                    .flushed_height = store_flushed_height(s),
                    .kept = *store_kept(s),
                    .tree = store_tree(s)},
        .options = options,
        .report = report,
        .store = s,
        .started_ms = now_ms(),
    };
    a.told_ms = a.started_ms;
    a.tick = (struct audit_tick){.ask = tick, .context = &a};
    *report = (struct audit_report){.head_height = a.subject.head_height,
                                    .head_digest = a.subject.head_digest,
                                    .done.height_end = a.subject.head_height};
    audit_history_load(&a.subject, s);
    report->history_from_height = store_history_from_height(s);
    enum rc rc = open_all(&a, why);
    report->replayed_from_height = a.subject.start_height;
    if (rc == RC_OK) {
        if (a.fault.rc == RC_OK && judge_start(&a) && judge_chain(&a))
            (void)judge_end(&a);
        rc = conclude(&a, why);
    }
    close_all(&a);
    return rc;
}
