/* What is durable, given to a driver that opens and to its core. Vote state that does not hold
 * together is not repaired: such a store stops (pitfalls D5). */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"
#include "node/driver/records.h"

static struct pbft_block head_of(const struct driver *d)
{
    const struct block_header *h = store_head(d->store);
    return (struct pbft_block){
        .height = h->height, .digest = *store_head_digest(d->store), .parent = h->parent};
}

/* The highest height up to this one whose block is here (9.3). */
static uint64_t held_below(const struct driver *d, uint64_t height)
{
    struct store_gap gaps[STORE_GAPS_MAX];
    for (uint32_t i = store_history_gaps(d->store, gaps); i-- > 0;)
        if (gaps[i].kind == STORE_GAP_BLOCKS && height >= gaps[i].from && height <= gaps[i].to)
            height = gaps[i].from - 1;
    return height;
}

/* The highest height that a certificate covers; a few at most lie above it (5.6). */
static enum rc find_covered(struct driver *d, struct pbft_durable *durable, struct why *why)
{
    struct certificate c = {.entries_count = 0};
    uint64_t height = held_below(d, store_head(d->store)->height);
    enum rc rc = RC_NOT_FOUND;
    for (; height > 0; height = held_below(d, height - 1)) {
        rc = store_get_certificate(d->store, height, &c, why);
        if (rc != RC_NOT_FOUND && !driver_note_damage(d, rc, why))
            break; /* a damaged one covers nothing; a lower one may */
    }
    d->covered_height = rc == RC_OK ? height : 0;
    durable->has_head = d->covered_height > 0 && height == durable->committed.height;
    durable->head = c;
    return rc == RC_NOT_FOUND || rc == RC_STORE_DAMAGED ? RC_OK : rc;
}

static enum rc restore_block(void *context, const struct block *block)
{
    struct driver *d = context;
    struct pbft_block name = {
        .height = block->header.height, .digest = block->digest, .parent = block->header.parent};
    driver_block_add(d, block->whole)->is_stored = true;
    pbft_restore_block(d->core, &name, block->whole.size);
    return RC_OK;
}

/* The vote for it stands, and the body is fetched like any other (pitfalls D5). */
static void note_lost(void *context, uint64_t height, const struct digest *digest)
{
    struct driver *d = context;
    struct why why = {{0}};
    enum rc rc = why_set(&why, RC_STORE_DAMAGED,
                         "the body of a proposal at height %" PRIu64
                         " cannot be read: others are asked for it",
                         height);
    (void)driver_note_damage(d, rc, &why);
    driver_lost_add(d, height, digest);
}

/* What I voted for is here, or is known to be damaged: tip's chain, down to the committed block. */
static enum rc judge_tip(struct driver *d, const struct pbft_durable *durable, struct why *why)
{
    struct pbft_block at = durable->tip;
    while (durable->has_tip && at.height > durable->committed.height) {
        struct driver_block *b = driver_block_find(d, &at.digest);
        if (b == NULL && driver_lost_has(d, at.height, &at.digest))
            return RC_OK; /* what it stands on is seen when it is here again (node/pbft/lost.c) */
        if (b == NULL || b->block.header.height != at.height)
            return why_set(why, RC_STORE_DAMAGED,
                           "the block of height %" PRIu64
                           " that this replica voted for is not in its store",
                           at.height);
        at.digest = b->block.header.parent;
        at.height--;
    }
    if (!durable->has_tip || durable->tip.height <= durable->committed.height ||
        digest_equal(&at.digest, &durable->committed.digest))
        return RC_OK;
    return why_set(why, RC_STORE_DAMAGED,
                   "the blocks that this replica voted for do not stand on the ledger's head");
}

enum rc driver_judge_record(struct driver *d, const struct certificate *c, const char *name,
                            struct why *why)
{
    const struct verify_config *v = &d->verify_config;
    if (c->statement.epoch == v->epoch && cert_verify(c, &v->chain_id, &v->members) == CERT_OK)
        return RC_OK;
    return why_set(why, RC_STORE_DAMAGED,
                   "the record \"%s\" of the agreement's state is not a certificate of this "
                   "chain's members: this store must not vote again; restore nothing by hand, "
                   "re-enter with a new key",
                   name);
}

/* One that no quorum signed would let this replica vote for what nobody prepared, or commit it. */
static enum rc judge_certificates(struct driver *d, const struct pbft_durable *durable,
                                  struct why *why)
{
    enum rc rc = durable->has_high ? driver_judge_record(d, &durable->high, "high", why) : RC_OK;
    if (rc == RC_OK && durable->has_cover)
        rc = driver_judge_record(d, &durable->cover, "cover", why);
    return rc;
}

enum rc driver_load(struct driver *d, const struct pbft_config *core, struct why *why)
{
    struct pbft_durable durable;
    struct block_header base;
    pbft_durable_init(&durable, &core->epoch_base);
    enum rc rc = records_load(store_view(d->store), &durable, &d->starts_count, why);
    if (rc == RC_OK)
        rc = judge_certificates(d, &durable, why);
    if (rc == RC_OK)
        rc = driver_load_stable(d, &durable, why);
    if (rc == RC_OK)
        rc = driver_reserve_load(d, why);
    if (rc != RC_OK)
        return rc;

    d->has_durable_high = durable.has_high;
    d->durable_high = durable.high;
    durable.is_learner |= d->is_fenced;
    d->is_diverged = d->was_diverged = durable.is_diverged;
    rc = driver_diverge_load(d, &durable, why);
    if (rc != RC_OK)
        return rc;
    if (d->was_diverged) { /* nothing stands on a state that goes (ledger/store_intake.h) */
        layer_free(d->scratch);
        d->scratch = NULL;
    }
    rc = driver_snapshot_load(d, &durable, why);
    if (rc != RC_OK)
        return rc;
    d->backfill.is_sweeping = store_snapshot_header(d->store, &base);
    d->starts_count++;
    durable.committed = head_of(d);
    durable.status_counter = d->starts_count << 32; /* above all of earlier starts */
    rc = find_covered(d, &durable, why);
    if (rc != RC_OK)
        return rc;
    d->core_memory = mem_alloc(pbft_memory_bytes(core));
    d->core = pbft_init(d->core_memory, core, &durable);
    rc = store_proposals(d->store, restore_block, note_lost, d, why);
    if (rc == RC_OK)
        rc = records_restore(store_view(d->store), d->core, &d->verify_config, why);
    if (rc == RC_OK)
        rc = judge_tip(d, &durable, why);
    return rc == RC_OK ? driver_evidence_load(d, why) : rc;
}
