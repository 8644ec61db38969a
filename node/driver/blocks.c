/* Bodies above the committed height and what they do to the state: one layer for each, on its
 * parent's. Checking and committing run the same apply once (design 2). */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"
#include "node/driver/records.h"

/* ---- the bodies ---- */

struct driver_block *driver_block_find(struct driver *d, const struct digest *digest)
{
    for (size_t i = 0; i < d->blocks_count; i++)
        if (digest_equal(&d->blocks[i]->block.digest, digest))
            return d->blocks[i];
    return NULL;
}

struct driver_block *driver_block_add(struct driver *d, struct bytes whole)
{
    struct driver_block *b = mem_alloc(sizeof *b);
    buf_add_bytes(&b->bytes, whole);
    enum block_fault fault = block_decode(&b->block, buf_bytes(&b->bytes));
    CHECK(fault == BLOCK_OK); /* node/verify judged it, or we built it, or the store did */
    if (d->blocks_count == d->blocks_room) {
        d->blocks_room = d->blocks_room * 2 + 16;
        d->blocks = mem_resize(d->blocks, d->blocks_room * sizeof *d->blocks);
    }
    d->blocks[d->blocks_count++] = b;
    d->blocks_bytes += whole.size;
    return b;
}

void driver_block_keep(struct driver *d, struct bytes whole)
{
    struct pbft_block name;
    bool is_block = verify_block_head(whole, &name);
    CHECK(is_block); /* decoded before */
    if (name.height > store_head(d->store)->height && driver_block_find(d, &name.digest) == NULL)
        driver_block_add(d, whole);
}

/* Forget what stands on a block that goes: those layers read through its layer. */
static void drop_layers_on(struct driver *d, const struct digest *digest)
{
    for (size_t i = 0; i < d->blocks_count; i++) {
        struct driver_block *b = d->blocks[i];
        if (b->layer == NULL || !digest_equal(&b->block.header.parent, digest))
            continue;
        drop_layers_on(d, &b->block.digest);
        layer_free(b->layer);
        b->layer = NULL;
    }
}

static void remove_at(struct driver *d, size_t index)
{
    struct driver_block *b = d->blocks[index];
    d->blocks[index] = d->blocks[--d->blocks_count];
    d->blocks_bytes -= b->bytes.size;
    layer_free(b->layer);
    buf_free(&b->bytes);
    mem_free(b);
}

void driver_blocks_prune(struct driver *d)
{
    driver_lost_prune(d);
    for (size_t i = 0; i < d->blocks_count;) {
        struct driver_block *b = d->blocks[i];
        if (b->is_fresh || pbft_wants_block(d->core, &b->block.digest, b->block.header.height)) {
            i++;
            continue;
        }
        /* 5.9: the core says when a body that was voted for may go. */
        if (b->is_stored)
            store_stage_proposal_drop(driver_turn(d)->batch, b->block.header.height,
                                      &b->block.digest);
        if (b->block.header.height > store_head(d->store)->height)
            drop_layers_on(d, &b->block.digest); /* those on a committed one were lifted */
        remove_at(d, i);
    }
}

void driver_blocks_free(struct driver *d)
{
    while (d->blocks_count > 0)
        remove_at(d, d->blocks_count - 1);
    mem_free(d->lost.names);
    mem_free(d->blocks);
}

void driver_stage_block(struct driver *d, const struct pbft_block *block)
{
    struct driver_block *b = driver_block_find(d, &block->digest);
    CHECK(b != NULL);
    if (b->is_stored)
        return;
    b->is_stored = true;
    driver_lost_forget(d, &block->digest);
    store_stage_proposal(d->store, driver_turn(d)->batch, &b->block);
}

/* ---- effects ---- */

/* Header and layer of a block that is committed head or has been applied. */
static bool find_parent(struct driver *d, const struct digest *digest, struct layer **layer,
                        const struct block_header **header)
{
    if (digest_equal(digest, store_head_digest(d->store))) {
        *layer = store_layer(d->store);
        *header = store_head(d->store);
        return true;
    }
    struct driver_block *b = driver_block_find(d, digest);
    if (b == NULL || b->layer == NULL)
        return false;
    *layer = b->layer;
    *header = &b->block.header;
    return true;
}

/* Apply a block on its parent; its signatures are known to be good. Returns why it is invalid, and
 * BLOCK_OK with a layer. A read that fails ends the driver (driver_state_failed()). */
static enum block_fault apply(struct driver *d, struct driver_block *b)
{
    struct layer *parent;
    const struct block_header *parent_header;
    if (b->layer != NULL)
        return BLOCK_OK;
    if (!find_parent(d, &b->block.header.parent, &parent, &parent_header))
        return BLOCK_WRONG_PARENT;
    enum block_fault fault = block_judge_header(
        &b->block.header, parent_header, &b->block.header.parent, &d->verify_config.block_rules);
    if (fault != BLOCK_OK)
        return fault;

    struct layer *layer = layer_new(parent, NULL);
    uint32_t tx_index = 0;
    enum verdict verdict = VERDICT_OK;
    enum rc rc = block_apply(&fault, &tx_index, &verdict, layer, &b->block, false);
    if (rc == RC_OK && fault == BLOCK_OK) {
        b->layer = layer;
        return BLOCK_OK;
    }
    layer_free(layer);
    if (rc != RC_OK) {
        struct why why = {{0}};
        rc = why_set(&why, rc, "the state below height %" PRIu64 " cannot be read: %s",
                     b->block.header.height, rc_text(rc));
        driver_state_failed(d, rc, &why);
        return BLOCK_BAD_TX;
    }
    return fault;
}

/* Apply those below it first: after a start, what was voted for has been stored and not applied. */
static enum block_fault apply_chain(struct driver *d, struct driver_block *b)
{
    size_t count = 0;
    struct driver_block **chain = mem_resize(NULL, (d->blocks_count + 1) * sizeof *chain);
    for (struct driver_block *at = b; at != NULL && at->layer == NULL;
         at = driver_block_find(d, &at->block.header.parent)) {
        CHECK(count < d->blocks_count); /* heights fall, so no block comes twice */
        chain[count++] = at;
    }
    enum block_fault fault = BLOCK_OK;
    while (count > 0 && fault == BLOCK_OK)
        fault = apply(d, chain[--count]);
    mem_free(chain);
    return fault;
}

/* ---- checking a proposal (5.2) ---- */

/* When to look again at what a wall clock makes wait: soon, since that clock may be put right. */
static uint64_t look_again_ms(const struct driver *d, uint64_t wait_ms)
{
    uint64_t most_ms = d->parameters.status_ms;
    return d->time.now_ms + (wait_ms < most_ms ? wait_ms : most_ms);
}

static void answer_check(struct driver *d, const struct driver_check *check,
                         enum pbft_check_answer answer, uint64_t retry_ms)
{
    struct pbft_event e = {.type = PBFT_EVENT_CHECKED, .now_ms = d->time.now_ms};
    d->check.is_waiting = false;
    e.checked = (struct pbft_checked){.ticket = check->ticket,
                                      .digest = check->block.digest,
                                      .answer = answer,
                                      .retry_ms = retry_ms};
    driver_step(d, &e);
}

static void finish_check(struct driver *d)
{
    struct driver_check check = d->check; /* evidence may bring the next question */
    struct driver_block *b = driver_block_find(d, &check.block.digest);
    if (b == NULL) { /* committed or superseded meanwhile: the core asks anew if it wants to */
        answer_check(d, &d->check, PBFT_CHECK_LATER, d->time.now_ms + 1);
        return;
    }
    enum block_fault fault = d->check.has_bad_tx ? BLOCK_BAD_TX : apply_chain(d, b);
    if (d->failure != RC_OK)
        return; /* my state's fault: neither is it valid, nor the proposer to blame */
    if (fault != BLOCK_OK)
        driver_accuse(d, &b->block, fault);
    answer_check(d, &check, fault == BLOCK_OK ? PBFT_CHECK_VALID : PBFT_CHECK_INVALID, 0);
}

/* Spread the signatures that nobody has verified here over jobs. */
static void submit_txs(struct driver *d, const struct tx *txs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += DRIVER_JOB_TXS_MAX) {
        uint32_t n = count - i < DRIVER_JOB_TXS_MAX ? count - i : DRIVER_JOB_TXS_MAX;
        struct driver_job *job = driver_job_of_txs(d, d->check.number, txs + i, n);
        job->from = i;
        d->check.jobs_count++;
        driver_job_submit(job);
    }
}

/* The members propose in turn: the proposer of a fresh proposal is the primary of its view. */
static bool is_primarys(const struct driver *d, const struct block_header *h, uint64_t view)
{
    uint32_t n = d->verify_config.members.members_count;
    return h->proposer == (d->verify_config.epoch + view) % n;
}

void driver_check_start(struct driver *d)
{
    struct driver_block *b = driver_block_find(d, &d->check.block.digest);
    uint32_t unknown_count = 0, bad_tx_index = 0;
    d->check.is_asked = false;
    d->check.is_waiting = true;
    d->check.has_bad_tx = false;
    d->check.jobs_count = 0;
    d->check.number = ++d->checks_number;
    if (b == NULL) {
        finish_check(d);
        return;
    }
    const struct block_header *h = &b->block.header;
    if (!is_primarys(d, h, d->check.ticket.view)) {
        driver_accuse(d, &b->block, BLOCK_WRONG_PROPOSER);
        answer_check(d, &d->check, PBFT_CHECK_INVALID, 0);
        return;
    }
    uint64_t latest_ms = d->time.wall_ms + d->parameters.clock_skew_ms;
    if (h->time_ms > latest_ms) { /* held until its time comes: neither invalid nor evidence */
        answer_check(d, &d->check, PBFT_CHECK_LATER, look_again_ms(d, h->time_ms - latest_ms));
        return;
    }
    enum verdict verdict = verify_unknown_txs(&b->block, d->cache, d->unknown_txs,
                                              d->unknown_indexes, &unknown_count, &bad_tx_index);
    d->check.has_bad_tx = verdict != VERDICT_OK;
    d->check.bad_tx_index = bad_tx_index;
    if (d->check.has_bad_tx || unknown_count == 0)
        finish_check(d);
    else
        submit_txs(d, d->unknown_txs, unknown_count);
}

void driver_check_on_job(struct driver *d, const struct driver_job *job)
{
    for (uint32_t i = 0; job->verdict == VERDICT_OK && i < job->txs_count; i++)
        verify_cache_add(d->cache, &job->txs[i]);
    if (!d->check.is_waiting || job->check != d->check.number)
        return; /* of a check that the core does not wait for any more */
    if (job->verdict != VERDICT_OK)
        driver_note_bad_tx(d, job);
    if (--d->check.jobs_count == 0)
        finish_check(d);
}

/* ---- building (5.1) ---- */

/* Candidates in the pool's order, until the block is full. Returns whether the walk came to its
 * end: then nothing that applies is left out. */
static bool fill(struct driver *d, struct block_build *build, struct layer *layer)
{
    const struct tx *tx;
    pool_walk_start(d->pool);
    while (pool_walk_next(d->pool, &tx)) {
        bool fits = true;
        enum verdict verdict = VERDICT_OK;
        enum rc rc = block_build_add(build, tx, &fits, &verdict);
        if (rc != RC_OK) {
            struct why why = {{0}};
            rc = why_set(&why, rc, "the state cannot be read: %s", rc_text(rc));
            driver_state_failed(d, rc, &why);
            return false;
        }
        if (!fits)
            return false;
        pool_walk_taken(d->pool, verdict == VERDICT_OK || verdict == VERDICT_NONCE_USED);
    }
    CHECK(layer_rc(layer) == RC_OK);
    return true;
}

static void answer_build(struct driver *d, const struct driver_block *b, uint64_t retry_ms)
{
    struct pbft_event e = {.type = PBFT_EVENT_BUILT, .now_ms = d->time.now_ms};
    e.built = (struct pbft_built){.ticket = d->build, .has_block = b != NULL, .retry_ms = retry_ms};
    if (b != NULL)
        e.built.block = (struct pbft_block){.height = b->block.header.height,
                                            .digest = b->block.digest,
                                            .parent = b->block.header.parent};
    driver_step(d, &e);
}

static void build_on(struct driver *d, struct layer *parent, const struct block_header *header,
                     uint64_t time_ms)
{
    struct layer *layer = layer_new(parent, NULL);
    struct block_build *build = mem_alloc(sizeof *build);
    struct driver_block *b = NULL;
    block_build_start(build, header, &d->build.parent, layer, d->parameters.block_bytes_max);
    if (fill(d, build, layer))
        d->unproposed_ms = 0;
    if (build->header.tx_count > 0 && d->failure == RC_OK) {
        struct block block;
        block_build_finish(build, time_ms, (uint16_t)d->config.own_index, &block);
        b = driver_block_add(d, block.whole);
        b->layer = layer;
        b->is_fresh = true;
        driver_note_proposed(d, &b->block.digest, d->config.own_index, d->build.view);
    } else {
        layer_free(layer);
    }
    block_build_close(build);
    mem_free(build);
    /* What is left in the pool goes before the answer, or the core asks for the next block at once
     * (5.1). */
    d->is_pool_changed = true;
    driver_tell_pool(d);
    if (b != NULL)
        b->is_fresh = false;
    answer_build(d, b, 0);
}

void driver_build(struct driver *d)
{
    struct layer *parent;
    const struct block_header *header;
    d->is_build_asked = false;
    struct driver_block *b = driver_block_find(d, &d->build.parent);
    if (b != NULL && apply_chain(d, b) != BLOCK_OK) {
        answer_build(d, NULL, 0);
        return;
    }
    if (!find_parent(d, &d->build.parent, &parent, &header)) {
        answer_build(d, NULL, 0); /* tip was passed meanwhile (5.8) */
        return;
    }
    uint64_t time_ms = header->time_ms + 1;
    uint64_t latest_ms = d->time.wall_ms + d->parameters.clock_skew_ms;
    if (time_ms < d->time.wall_ms)
        time_ms = d->time.wall_ms;
    if (time_ms > latest_ms) {
        answer_build(d, NULL, look_again_ms(d, time_ms - latest_ms));
        return;
    }
    build_on(d, parent, header, time_ms);
}

/* ---- committing (5.6) ---- */

/* Siblings lose; what stands on them has nothing to stand on. */
static void drop_siblings(struct driver *d, uint64_t height, const struct digest *digest)
{
    for (size_t i = 0; i < d->blocks_count;) {
        struct driver_block *b = d->blocks[i];
        if (b->block.header.height != height || digest_equal(&b->block.digest, digest)) {
            i++;
            continue;
        }
        if (b->is_stored)
            store_stage_proposal_drop(driver_turn(d)->batch, b->block.header.height,
                                      &b->block.digest);
        drop_layers_on(d, &b->block.digest);
        remove_at(d, i);
    }
}

/* Its effects are the committed layer's now; those above stand on that. */
static void lift_children(struct driver *d, const struct digest *digest)
{
    for (size_t i = 0; i < d->blocks_count; i++) {
        struct driver_block *b = d->blocks[i];
        if (b->layer != NULL && digest_equal(&b->block.header.parent, digest))
            layer_set_parent(b->layer, store_layer(d->store));
    }
}

void driver_commit(struct driver *d, const struct pbft_act *act)
{
    struct kv_batch *batch = driver_turn(d)->batch;
    struct driver_block *b = driver_block_find(d, &act->block.digest);
    CHECK(b != NULL);
    enum block_fault fault = apply(d, b);
    if (d->failure != RC_OK)
        return;
    if (fault != BLOCK_OK) { /* q members lie, or this state is wrong */
        driver_diverge(d, act->block.height, fault);
        return;
    }
    drop_siblings(d, act->block.height, &act->block.digest);
    driver_lost_forget(d, &act->block.digest);
    store_stage_append(d->store, batch, &b->block, b->layer, act->certificate, b->is_stored);
    records_drop_below(batch, act->block.height);
    lift_children(d, &act->block.digest);
    driver_clients_on_commit(d, b, act->certificate != NULL);
    b->is_stored = false; /* it is the chain's now; prune lets it go */
}
