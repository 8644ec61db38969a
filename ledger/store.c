/* Opening a store, and appending to it. Making one is in store_create.c, appending through somebody
 * else's batch in store_stage.c, flushing in store_flush.c, reading in store_read.c, the small
 * records of KV_META in store_meta.c. */
#include "ledger/store.h"

#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/store_impl.h"

/* ---- opening ---- */

static enum rc base_get(void *context, uint8_t table, struct bytes key, struct bytes *value)
{
    struct store *s = context;
    if (!store_can_read_state(s))
        return RC_STORE_DAMAGED; /* not "absent": the state that was here is discarded */
    return tree_get(s->view, &s->derived.tree, s->options.care, table, key, value);
}

static enum rc check_count(const struct store *s, enum kv_table table, uint64_t written,
                           struct why *why)
{
    uint64_t count = 0;
    enum rc rc = kv_count(s->view, table, &count);
    if (rc == RC_OK && count == written)
        return RC_OK;
    return why_set(why, rc == RC_OK ? RC_STORE_DAMAGED : rc,
                   "the table %s has %" PRIu64 " entries where %" PRIu64 " were written",
                   kv_table_name(table), count, written);
}

/* The kv's own count of each table must be the one that our last commit left. */
static enum rc check_counts(const struct store *s, struct why *why)
{
    enum rc rc = check_count(s, KV_CHAIN, store_chain_count(&s->history, s->chain_height), why);
    if (rc == RC_OK)
        rc = check_count(s, KV_CERT, s->counts.certificates, why);
    if (rc == RC_OK)
        rc = check_count(s, KV_CHECKPOINT, s->counts.checkpoints, why);
    for (uint32_t i = 0; i < STORE_INDEXES_COUNT && rc == RC_OK && store_has_state(s); i++)
        rc = check_count(s, store_indexes[i],
                         store_index_count(i, &s->derived, &s->history, &s->intake), why);
    return rc;
}

/* The chain's last entry must be the head that the last commit recorded. */
static enum rc check_chain_end(const struct store *s, uint64_t height, const struct digest *digest,
                               struct why *why)
{
    struct kv_cursor *c;
    struct bytes key, value;
    uint8_t room[8];
    enum rc rc = kv_cursor_open(&c, s->view, KV_CHAIN);
    if (rc != RC_OK)
        return why_set(why, rc, "the chain's table cannot be read");
    rc = kv_cursor_seek_before(c, bytes_of(NULL, 0), &key, &value);
    bool is_end = rc == RC_OK && bytes_equal(key, store_height_key(room, height)) &&
                  bytes_equal(value, bytes_of(digest->bytes, DIGEST_BYTES));
    kv_cursor_close(c);
    if (rc == RC_NOT_FOUND ? height == 0 : is_end)
        return RC_OK;
    return why_set(
        why, RC_STORE_DAMAGED,
        "the chain does not end at height %" PRIu64 ", which the store gives as its head", height);
}

/* This bounds what opening has to apply, and hold, whoever wrote the store. */
static enum rc check_heights(const struct store *s, struct why *why)
{
    const struct store_derived *d = &s->derived;
    if (d->flushed_height > s->chain_height || d->tree.version > d->flushed_height)
        return why_set(why, RC_STORE_DAMAGED,
                       "height %" PRIu64
                       ": derived: the state is ahead of the chain, which ends at "
                       "height %" PRIu64,
                       d->flushed_height, s->chain_height);
    if (s->chain_height - d->flushed_height > STORE_BEHIND_HEIGHTS_MAX)
        return why_set(why, RC_STORE_DAMAGED,
                       "height %" PRIu64 ": derived: the state stops more than %d heights below "
                       "the chain, which ends at height %" PRIu64,
                       d->flushed_height, STORE_BEHIND_HEIGHTS_MAX, s->chain_height);
    return RC_OK;
}

/* A block whose bytes are damaged, or gone (pitfalls D5): others have it, as long as the chain here
 * says which it is, and the state is made when it is here again. */
static enum rc unread_block(struct store *s, uint64_t height, enum rc rc, struct why *why)
{
    struct digest digest;
    struct why cause = *why;
    if (rc != RC_STORE_DAMAGED)
        return rc;
    if (store_get_digest(s, height, &digest, NULL) != RC_OK)
        return why_set(why, rc,
                       "%s; nor does the chain here say any more which block that is, so it cannot "
                       "be fetched: let this member re-enter with a new key, or restore its store "
                       "exactly as it was when the replica last stopped",
                       cause.text);
    s->is_state_wrong = true;
    s->awaited_height = height;
    s->wrong_why = cause;
    return rc;
}

/* Apply one stored block on the layer. Signatures were verified before it was committed. */
static enum rc apply_stored(struct store *s, uint64_t height, struct why *why)
{
    struct block block;
    enum rc rc = store_get_block(s, height, &block, why);
    if (rc != RC_OK)
        return unread_block(s, height, rc, why);
    if (!digest_equal(&block.header.parent, &s->head_digest))
        return why_set(why, RC_STORE_DAMAGED,
                       "the block at height %" PRIu64 " does not follow the one before it", height);

    enum block_fault fault;
    uint32_t tx_index = 0;
    enum verdict verdict = VERDICT_OK;
    rc = block_apply(&fault, &tx_index, &verdict, s->layer, &block, false);
    if (rc != RC_OK) {
        s->is_state_wrong = rc == RC_STORE_DAMAGED; /* 8.2; a disk that fails says nothing of it */
        rc = why_set(&s->wrong_why, rc, "the state below height %" PRIu64 " cannot be read: %s",
                     height, rc_text(rc));
        return why_set(why, rc, "%s", s->wrong_why.text);
    }
    if (fault != BLOCK_OK) {
        s->is_state_wrong = true;
        return why_set(&s->wrong_why, RC_STORE_DAMAGED,
                       "transaction %" PRIu32 " at height %" PRIu64
                       " does not apply to the stored state: %s",
                       tx_index, height, verdict_text(verdict));
    }
    s->head = block.header;
    s->head_digest = block.digest;
    store_freeze_if_due(s);
    return RC_OK;
}

static enum rc load_records(struct store *s, struct digest *head_digest, struct why *why)
{
    enum rc rc = store_load_head(s->view, &s->chain_height, head_digest, &s->counts, why);
    if (rc == RC_OK)
        rc = store_load_derived(s->view, &s->derived, why);
    if (rc == RC_OK)
        rc = store_load_history(s->view, &s->history, why);
    if (rc == RC_OK)
        rc = store_load_intake(s->view, &s->intake, why);
    s->backfilled = s->history;
    if (rc == RC_OK)
        rc = check_heights(s, why);
    if (rc == RC_OK)
        rc = store_load_kept(s->view, s->derived.flushed_height,
                             s->identity.checkpoint_every_heights, &s->kept, why);
    /* The one before the snapshot's is not there. */
    if (s->history.exists && s->kept.heights[0] < s->history.base.height)
        s->kept.heights[0] = 0;
    s->kept_durable = s->kept;
    return rc;
}

/* As far as the chain goes, of a block that cannot be read: height, digest and parent. */
static enum rc stand_on_chain(struct store *s, uint64_t height, struct why *why)
{
    struct digest parent = s->head_digest; /* that of genesis */
    enum rc rc = height > 1 ? store_get_digest(s, height - 1, &parent, why) : RC_OK;
    s->head.height = height;
    s->head.parent = parent;
    return rc == RC_OK ? store_get_digest(s, height, &s->head_digest, why) : rc;
}

/* The header of a committed block is the head, for now. Of one with others above it the digest
 * does, and of any where nothing is made of the state. */
static enum rc stand_on(struct store *s, uint64_t height, struct why *why)
{
    struct block block;
    block_genesis_header(&s->head, &s->identity.chain_id);
    block_header_digest(&s->head_digest, &s->head);
    if (s->history.exists && s->history.base.height == height) {
        s->head = s->history.base; /* its block may not be there yet */
    } else if (height > 0) {
        enum rc rc = store_get_block(s, height, &block, why);
        if (rc == RC_STORE_DAMAGED && (height < s->chain_height || s->is_state_wrong))
            return stand_on_chain(s, height, why);
        if (rc != RC_OK)
            return unread_block(s, height, rc, why);
        s->head = block.header;
    }
    block_header_digest(&s->head_digest, &s->head);
    return RC_OK;
}

/* Nothing stands on it from here on, but for whoever does not need it. */
static enum rc on_wrong_state(struct store *s, uint64_t height, struct why *why)
{
    if (!s->options.may_have_wrong_state)
        return why_set(why, RC_STORE_DAMAGED, "%s", s->wrong_why.text);
    store_drop_layers(s);
    return stand_on(s, height, why);
}

enum rc store_recover(struct store *s, struct why *why)
{
    struct digest digest;
    s->is_state_wrong = false;
    s->awaited_height = 0;
    enum rc rc = load_records(s, &digest, why);
    uint64_t height = s->chain_height;
    if (rc == RC_OK && s->options.as_recorded) {
        s->head = (struct block_header){.chain_id = s->identity.chain_id, .height = height};
        s->head_digest = digest;
        return RC_OK;
    }
    if (rc == RC_OK)
        rc = check_counts(s, why);
    if (rc == RC_OK)
        rc = store_load_checkpoint_height(s->view, &s->checkpoint_height, why);
    s->checkpoint_durable = s->checkpoint_height;
    if (rc == RC_OK)
        rc = check_chain_end(s, height, &digest, why);
    if (rc == RC_OK)
        rc = stand_on(s, store_has_state(s) ? s->derived.flushed_height : height, why);
    while (rc == RC_OK && s->head.height < height)
        rc = apply_stored(s, s->head.height + 1, why);
    return s->is_state_wrong ? on_wrong_state(s, height, why) : rc;
}

enum rc store_open(struct store **out, struct kv *kv, const struct store_options *options,
                   struct why *why)
{
    struct store *s = mem_alloc(sizeof *s);
    struct layer_base base = {.get = base_get, .context = s};
    *out = NULL;
    s->kv = kv;
    s->options = *options;
    if (s->options.layer_bytes_max == 0)
        s->options.layer_bytes_max = STORE_LAYER_BYTES_MAX;
    s->batch = kv_batch_new();
    s->layer = layer_new(NULL, &base);

    enum rc rc = kv_view_open(&s->view, kv, why);
    if (rc == RC_OK)
        rc = store_load_identity(s->view, &s->identity, why);
    if (rc == RC_OK)
        rc = store_recover(s, why);
    if (rc != RC_OK) {
        store_close(s);
        return rc;
    }
    *out = s;
    return RC_OK;
}

void store_drop_layers(struct store *s)
{
    CHECK(s->job == NULL); /* it would be at the layers that go here */
    layer_set_parent(s->layer, NULL);
    layer_clear(s->layer);
    while (s->oldest != NULL) {
        struct store_frozen *f = s->oldest;
        s->oldest = f->newer;
        layer_free(f->layer);
        mem_free(f);
    }
    s->newest = NULL;
    s->frozen_count = 0;
    s->is_flush_staged = false;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    store_drop_layers(s);
    layer_free(s->layer);
    layer_free(s->undone);
    kv_batch_free(s->batch);
    if (s->view != NULL)
        kv_view_close(s->view);
    mem_free(s);
}

/* ---- appending ---- */

enum rc store_commit(struct store *s, struct why *why)
{
    enum rc rc = kv_commit(s->kv, s->batch, why);
    kv_batch_clear(s->batch);
    return rc == RC_OK ? kv_view_renew(s->view, why) : rc;
}

void store_check_settled(const struct store *s)
{
    CHECK(s->chain_height == s->head.height);
    CHECK(s->job == NULL);
    CHECK(!s->is_flush_staged);
}

void store_put_certificate_at(struct kv_batch *batch, struct bytes key, const struct certificate *c)
{
    uint8_t encoded[CERT_BYTES_MAX];
    struct wr w = wr_of(encoded, sizeof encoded);
    cert_encode(&w, c);
    CHECK(wr_ok(&w));
    kv_batch_put(batch, c->statement.kind == CERT_COMMIT ? KV_CERT : KV_CHECKPOINT, key,
                 wr_bytes_of(&w));
}

/* Put a certificate under its height. *counts is raised if none stood there; it becomes the store's
 * own only once the commit is known to be good. */
static enum rc put_certificate(struct store *s, const struct certificate *c,
                               struct store_counts *counts, struct why *why)
{
    uint8_t room[8];
    struct bytes key = store_height_key(room, c->statement.height), present;
    CHECK(c->statement.kind == CERT_COMMIT || c->statement.kind == CERT_CHECKPOINT);
    bool is_commit = c->statement.kind == CERT_COMMIT;
    enum rc rc = kv_get(s->view, is_commit ? KV_CERT : KV_CHECKPOINT, key, &present);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return why_set(why, rc, "the certificate at height %" PRIu64 " cannot be read: %s",
                       c->statement.height, rc_text(rc));
    if (rc == RC_NOT_FOUND)
        *(is_commit ? &counts->certificates : &counts->checkpoints) += 1;
    store_put_certificate_at(s->batch, key, c);
    return RC_OK;
}

void store_check_next(const struct store *s, const struct block *block, const struct layer *layer,
                      const struct certificate *certificate)
{
    uint64_t height = block->header.height;
    CHECK(height == s->head.height + 1);
    CHECK(digest_equal(&block->header.parent, &s->head_digest));
    CHECK(digest_equal(&block->header.chain_id, &s->identity.chain_id));
    CHECK(layer_rc(layer) == RC_OK);
    CHECK(!s->intake.is_open);
    CHECK(certificate == NULL ||
          (certificate->statement.kind == CERT_COMMIT && certificate->statement.height == height &&
           digest_equal(&certificate->statement.digest, &block->digest)));
}

void store_put_block(struct kv_batch *batch, const struct block *block, bool with_body)
{
    uint8_t room[8], block_room[8 + DIGEST_BYTES];
    uint64_t height = block->header.height;
    if (with_body)
        kv_batch_put(batch, KV_BLOCK, store_block_key(block_room, height, &block->digest),
                     block->whole);
    kv_batch_put(batch, KV_CHAIN, store_height_key(room, height),
                 bytes_of(block->digest.bytes, DIGEST_BYTES));
}

void store_take_block(struct store *s, const struct block *block, const struct layer *layer)
{
    layer_merge(s->layer, layer);
    s->head = block->header;
    s->head_digest = block->digest;
    store_freeze_if_due(s);
}

enum rc store_append(struct store *s, const struct block *block, struct layer *layer,
                     const struct certificate *certificate, struct why *why)
{
    store_check_next(s, block, layer, certificate);
    store_check_settled(s);

    /* A flush that was due and did not happen, for a crash or a full map, comes first. */
    struct store_counts counts = s->counts;
    enum rc rc = store_flush_due(s, why);
    if (rc == RC_OK && certificate != NULL)
        rc = put_certificate(s, certificate, &counts, why);
    if (rc != RC_OK)
        return rc;
    store_put_block(s->batch, block, true);
    store_put_head(s->batch, block->header.height, &block->digest, &counts);
    rc = store_commit(s, why);
    if (rc != RC_OK)
        return rc;
    s->counts = counts;
    s->chain_height = block->header.height;
    store_take_block(s, block, layer);
    return store_flush_due(s, why);
}

enum rc store_put_certificate(struct store *s, const struct certificate *c, struct why *why)
{
    store_check_settled(s);
    struct store_counts counts = s->counts;
    enum rc rc = put_certificate(s, c, &counts, why);
    if (rc != RC_OK)
        return rc;
    store_put_head(s->batch, s->head.height, &s->head_digest, &counts);
    rc = store_commit(s, why);
    if (rc != RC_OK)
        return rc;
    s->counts = counts;
    if (c->statement.kind == CERT_CHECKPOINT && c->statement.height > s->checkpoint_height)
        s->checkpoint_height = s->checkpoint_durable = c->statement.height;
    return RC_OK;
}
