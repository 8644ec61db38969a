/* Back-fill (9.3): what lies below a snapshot is fetched behind everything else, downward, and held
 * by hash links against what is here; then what the state before the snapshot left is swept away.
 */
#include "crypto/base/check.h"
#include "ledger/store_history.h"
#include "node/driver/driver_impl.h"

enum { SWEEP_KEYS = 2048 /* in one turn: a small part of what a flush writes */ };

/* One batch of it at a time (store_history.h). */
static bool may_stage(const struct driver *d)
{
    return !(d->is_committing && d->turns[1 - d->filling].has_backfill);
}

/* Returns whether the block was the next, and good. */
static bool stage(struct driver *d, const struct block *block, const struct certificate *c)
{
    struct why why = {{0}};
    enum backfill_fault fault = BACKFILL_OK;
    enum rc rc = store_stage_backfill(d->store, driver_turn(d)->batch, &fault, block, c, &why);
    if (rc != RC_OK) {
        driver_fail(d, rc, &why);
        return false;
    }
    d->backfill.faults[fault]++;
    if (fault != BACKFILL_OK)
        return false;
    driver_turn(d)->has_backfill = true;
    return true;
}

static void stage_held(struct driver *d)
{
    struct backfill_next next = store_backfill_next(d->store);
    while (d->failure == RC_OK && !next.is_whole && next.is_held && !next.is_batch_full &&
           stage(d, NULL, NULL))
        next = store_backfill_next(d->store);
}

/* From above: the answer stops where its bytes end, so that a range may not reach up to what comes
 * next. Then fewer are asked for. */
static void ask(struct driver *d, const struct backfill_next *next)
{
    struct driver_backfill *b = &d->backfill;
    struct pbft_event e = {.type = PBFT_EVENT_FETCH_RANGE, .now_ms = d->time.now_ms};
    uint64_t count = b->blocks_count < next->heights_count ? b->blocks_count : next->heights_count;
    e.range.blocks_max = (uint32_t)count;
    e.range.from_height = next->height - count + 1;
    if (b->asked_from != 0 &&
        ++b->silences_count % (d->verify_config.members.members_count - 1) == 0)
        b->blocks_count = (b->blocks_count + 1) / 2; /* they may have less history, not none */
    b->ask_at_ms = d->time.now_ms + d->parameters.status_ms;
    b->asked_from = e.range.from_height;
    driver_step(d, &e);
}

/* It goes by the state, which is another one soon. */
static bool is_stateless(const struct driver *d)
{
    return d->snapshot.intake != NULL || d->was_diverged || !store_has_state(d->store);
}

static bool is_over(const struct driver *d)
{
    return is_stateless(d) || store_backfill_next(d->store).is_whole;
}

void driver_backfill_on_range(struct driver *d, const struct pbft_data *data)
{
    struct driver_backfill *b = &d->backfill;
    if (data->kind != PBFT_FETCH_RANGE || is_over(d) || data->blocks[0].height != b->asked_from ||
        !may_stage(d))
        return;
    uint64_t last = data->blocks[data->blocks_count - 1].height;
    b->asked_from = 0;
    b->silences_count = 0;
    if (last < store_backfill_next(d->store).height && b->blocks_max > 1)
        b->blocks_max = (b->blocks_max + 1) / 2;
    b->blocks_count = 2 * b->blocks_count < b->blocks_max ? 2 * b->blocks_count : b->blocks_max;
    for (uint32_t i = data->blocks_count; i-- > 0;) {
        struct backfill_next next = store_backfill_next(d->store);
        struct block block;
        const struct certificate *c = &data->certificate;
        if (next.is_whole || next.is_batch_full || next.is_held)
            break;
        if (data->blocks[i].height != next.height)
            continue;
        enum block_fault fault = block_decode(&block, data->bytes[i]);
        CHECK(fault == BLOCK_OK); /* node/verify judged it */
        if (!stage(d, &block, c->statement.height == next.height ? c : NULL))
            break;
    }
    b->ask_at_ms = 0;
}

static void sweep(struct driver *d)
{
    size_t swept = 0;
    struct why why = {{0}};
    if (!d->backfill.is_sweeping || d->is_committing)
        return; /* what is on its way to the disk would be found once more */
    enum rc rc = store_stage_sweep(d->store, driver_turn(d)->batch, SWEEP_KEYS, &swept, &why);
    if (rc != RC_OK)
        driver_fail(d, rc, &why);
    d->backfill.is_sweeping = rc == RC_OK && swept > 0;
}

void driver_backfill_run(struct driver *d)
{
    struct driver_backfill *b = &d->backfill;
    if (d->failure != RC_OK || is_stateless(d))
        return;
    sweep(d);
    if (is_over(d) || !may_stage(d))
        return;
    if (b->blocks_max == 0)
        b->blocks_count = b->blocks_max = STORE_BACKFILL_BLOCKS_MAX;
    stage_held(d);
    struct backfill_next next = store_backfill_next(d->store);
    if (d->failure == RC_OK && !next.is_whole && !next.is_held && !next.is_batch_full &&
        d->time.now_ms >= b->ask_at_ms)
        ask(d, &next);
}

uint64_t driver_backfill_deadline_ms(const struct driver *d)
{
    if (is_stateless(d))
        return UINT64_MAX;
    if (d->backfill.is_sweeping && !d->is_committing)
        return 0;
    if (is_over(d) || !may_stage(d))
        return UINT64_MAX;
    return store_backfill_next(d->store).is_batch_full ? UINT64_MAX : d->backfill.ask_at_ms;
}
