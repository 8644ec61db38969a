/* Back-fill (9.3): what lies below a snapshot is fetched behind everything else, downward, and held
 * by hash links against what is here; then what the state before the snapshot left is swept away.
 */
#include "crypto/base/check.h"
#include "ledger/store_history.h"
#include "node/driver/driver_impl.h"

enum {
    SWEEP_KEYS = 2048, /* in one turn: a small part of what a flush writes */
    /* In T_s. Where answers take longer, the same is asked for of others beside; they are taken all
     * the same (PROTOCOL.md 9.4). */
    WAIT_PERIODS_MAX = 8,
    /* After so many ranges that were not short, for each that is wasted where longer ones are,
     * longer ones are tried. */
    WHOLE_RANGES = 8,
    /* Held blocks in one run: they go on until so many entries of state and indexes were undone, so
     * that a run takes some 20 ms, and what one block takes, which may be full, beyond. Then as
     * long a pause that the thread is at it for a quarter of the time at most, on a machine that
     * undoes 400 in a millisecond: all the while votes wait. Small blocks make no pause. */
    HELD_CHANGES = 8192,
    HELD_CHANGES_PER_MS = 100,
    /* In T_s, after damage that could not be mended: each look at it asks others anew. */
    REST_PERIODS = 16
};

/* One batch of it at a time (store_history.h). */
static bool may_stage(const struct driver *d)
{
    return !(d->is_committing && d->turns[1 - d->filling].has_backfill);
}

/* A block that is held here is damaged (pitfalls D5): it is fetched like any other, and until it is
 * in its place nothing below can be reached. */
static void rest(struct driver *d, const struct why *why)
{
    uint64_t height = store_backfill_damaged_height(d->store);
    (void)driver_note_damage(d, RC_STORE_DAMAGED, why);
    d->backfill.rests_for_height = height;
    d->backfill.rest_until_ms = d->time.now_ms + REST_PERIODS * d->parameters.status_ms;
    driver_repair_want(d, height);
}

static bool is_resting(const struct driver *d)
{
    const struct driver_backfill *b = &d->backfill;
    bool is_wanted = d->repair.height != 0 && d->repair.height == b->rests_for_height;
    return is_wanted || d->time.now_ms < b->rest_until_ms;
}

/* Returns whether the block was the next, and good. */
static bool stage(struct driver *d, const struct block *block, const struct certificate *c)
{
    struct why why = {{0}};
    enum backfill_fault fault = BACKFILL_OK;
    enum rc rc = store_stage_backfill(d->store, driver_turn(d)->batch, &fault, block, c, &why);
    if (rc != RC_OK && fault == BACKFILL_OK) {
        driver_state_failed(d, rc, &why); /* 8.2: indexes are made anew with it */
        return false;
    }
    if (rc != RC_OK) {
        driver_fail(d, rc, &why);
        return false;
    }
    d->backfill.faults[fault]++;
    if (fault == BACKFILL_HELD_DAMAGED)
        rest(d, &why);
    if (fault != BACKFILL_OK)
        return false;
    driver_turn(d)->has_backfill = true;
    return true;
}

static bool has_held(const struct driver *d)
{
    struct backfill_next next = store_backfill_next(d->store);
    return !next.is_whole && next.is_held && !next.is_batch_full;
}

/* A bound on blocks alone would hold the thread for seconds where they are full. The batch takes
 * what the next runs stage, until it is on its way. */
static void stage_held(struct driver *d)
{
    struct driver_backfill *b = &d->backfill;
    uint64_t from = store_backfill_next(d->store).changes_count, done = 0;
    if (d->time.now_ms < b->held_at_ms)
        return;
    while (d->failure == RC_OK && has_held(d) && done < HELD_CHANGES && stage(d, NULL, NULL))
        done = store_backfill_next(d->store).changes_count - from;
    b->held_at_ms = d->time.now_ms + done / HELD_CHANGES_PER_MS;
}

static uint64_t doubled(uint64_t count, uint64_t max)
{
    return 2 * count < max ? 2 * count : max;
}

/* All were asked in vain: answers may take longer than that, or they have less history, not none.
 * One is tried after the other. */
static void note_silence(struct driver *d)
{
    struct driver_backfill *b = &d->backfill;
    uint32_t others = d->verify_config.members.members_count - 1;
    if (++b->silences_count % others != 0)
        return;
    if (b->silences_count / others % 2 == 0)
        b->blocks_count = (b->blocks_count + 1) / 2;
    else
        b->wait_periods = doubled(b->wait_periods, WAIT_PERIODS_MAX);
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
    if (b->asked_from != 0)
        note_silence(d);
    b->ask_at_ms = d->time.now_ms + b->wait_periods * d->parameters.status_ms;
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

/* Short where blocks are large. One liar does not make ranges short for all, so one more than lie
 * have to say it; and blocks further down may be smaller. */
static void note_length(struct driver *d, uint32_t link, bool is_short)
{
    struct driver_backfill *b = &d->backfill;
    uint32_t needed = faulty_max_of(d->verify_config.members.members_count) + 1;
    b->whole_count += !is_short;
    if (is_short)
        b->short_links |= UINT32_C(1) << link;
    bool is_over_long = (uint32_t)__builtin_popcount(b->short_links) >= needed;
    bool is_tried = b->whole_count >= WHOLE_RANGES * needed;
    if (is_over_long)
        b->blocks_max = (b->blocks_count + 1) / 2;
    else if (is_tried)
        b->blocks_max = doubled(b->blocks_max, STORE_BACKFILL_BLOCKS_MAX);
    if (is_over_long || is_tried)
        b->whole_count = b->short_links = 0;
    b->blocks_count = doubled(b->blocks_count, b->blocks_max);
}

/* Others are asked beside one that is silent; where all answers come later than that it only fills
 * the line. */
static void note_answer(struct driver_backfill *b)
{
    if (b->silences_count == 0 && b->wait_periods > 1)
        b->wait_periods--;
    if (b->silences_count > 0 && b->wait_periods < WAIT_PERIODS_MAX)
        b->wait_periods++;
    b->silences_count = 0;
    b->asked_from = 0;
}

/* An answer to an earlier question than the last one does as well, if it has what comes next. */
void driver_backfill_on_range(struct driver *d, uint32_t link, const struct pbft_data *data)
{
    struct driver_backfill *b = &d->backfill;
    if (data->kind != PBFT_FETCH_RANGE || is_over(d) || !may_stage(d) || is_resting(d) ||
        b->asked_from == 0)
        return;
    uint64_t first = data->blocks[0].height, last = data->blocks[data->blocks_count - 1].height;
    uint64_t wanted = store_backfill_next(d->store).height;
    if (first > wanted || (last < wanted && first != b->asked_from))
        return;
    note_answer(b);
    note_length(d, link, last < wanted);
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
    if (is_over(d) || !may_stage(d) || is_resting(d))
        return;
    if (b->blocks_max == 0) {
        b->blocks_count = b->blocks_max = STORE_BACKFILL_BLOCKS_MAX;
        b->wait_periods = 1;
    }
    stage_held(d);
    struct backfill_next next = store_backfill_next(d->store);
    if (d->failure == RC_OK && !next.is_whole && !next.is_held && !next.is_batch_full &&
        d->time.now_ms >= b->ask_at_ms && !is_resting(d))
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
    if (is_resting(d)) /* the repair has a deadline of its own */
        return d->repair.height == d->backfill.rests_for_height ? UINT64_MAX
                                                                : d->backfill.rest_until_ms;
    if (has_held(d))
        return d->backfill.held_at_ms;
    return store_backfill_next(d->store).is_batch_full ? UINT64_MAX : d->backfill.ask_at_ms;
}
