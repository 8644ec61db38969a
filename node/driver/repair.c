/* A committed block whose bytes this disk does not give back any more (pitfalls D5) is fetched from
 * other members, one at a time, behind everything else. Its digest stands in the chain here, so
 * what comes is believed only if it is that very block. What else may be damaged is not mended: a
 * certificate has another one above it, an index can be made anew by whoever looks after the disk,
 * and votes must never come from elsewhere. */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"

enum {
    ASK_PERIODS = 4,  /* in T_s: it is in nobody's way */
    ASKS_PER_PEER = 4 /* then it is left, until the damage is met again */
};

static bool is_due(const struct driver *d)
{
    return d->repair.height != 0 && d->failure == RC_OK && d->snapshot.intake == NULL &&
           store_has_state(d->store);
}

void driver_repair_want(struct driver *d, uint64_t height)
{
    struct driver_repair *r = &d->repair;
    CHECK(height > 0);
    if (r->height != 0)
        return;
    r->height = height;
    r->ask_at_ms = d->time.now_ms;
    r->asks_count = 0;
}

void driver_repair_await(struct driver *d, const struct why *why)
{
    struct why said = {{0}};
    (void)driver_note_damage(
        d,
        why_set(&said, RC_STORE_DAMAGED,
                "%s; it is fetched from the others, and until it is here this node has no state: "
                "it neither votes nor answers",
                why->text),
        &said);
    driver_repair_want(d, store_awaited_height(d->store));
    d->repair.is_awaited = true;
}

void driver_repair_on_durable(struct driver *d)
{
    struct why why = {{0}};
    driver_fail(d,
                why_set(&why, RC_REOPEN,
                        "the block of height %" PRIu64
                        " was fetched from the others: the state is made of it",
                        store_awaited_height(d->store)),
                &why);
}

void driver_on_damage(struct driver *d, const struct why *why)
{
    (void)driver_note_damage(d, RC_STORE_DAMAGED, why);
}

void driver_on_damaged_block(struct driver *d, uint64_t height)
{
    struct block block;
    struct why why = {{0}};
    /* Who met it may have met an index, or a certificate. */
    if (height > 0 && store_get_block(d->store, height, &block, &why) == RC_STORE_DAMAGED)
        driver_repair_want(d, height);
}

void driver_repair_run(struct driver *d)
{
    struct driver_repair *r = &d->repair;
    if (!is_due(d) || d->time.now_ms < r->ask_at_ms)
        return;
    uint32_t asks_max = ASKS_PER_PEER * (d->verify_config.members.members_count - 1);
    if (r->asks_count++ == asks_max && !r->is_awaited) {
        r->height = 0;
        return;
    }
    struct pbft_event e = {.type = PBFT_EVENT_FETCH_RANGE, .now_ms = d->time.now_ms};
    e.range.from_height = r->height;
    e.range.blocks_max = 1;
    r->ask_at_ms = d->time.now_ms + ASK_PERIODS * d->parameters.status_ms;
    driver_step(d, &e);
}

uint64_t driver_repair_deadline_ms(const struct driver *d)
{
    return is_due(d) ? d->repair.ask_at_ms : UINT64_MAX;
}

void driver_repair_on_range(struct driver *d, const struct pbft_data *data)
{
    struct driver_repair *r = &d->repair;
    struct block block;
    struct why why = {{0}};
    if (!is_due(d) || data->kind != PBFT_FETCH_RANGE || data->blocks[0].height != r->height)
        return;
    enum block_fault fault = block_decode(&block, data->bytes[0]);
    CHECK(fault == BLOCK_OK); /* node/verify judged it */
    enum rc rc = store_stage_body(d->store, driver_turn(d)->batch, &block, &why);
    if (rc == RC_INVALID)
        return; /* others are asked */
    r->repaired_count += rc == RC_OK;
    if (rc == RC_OK && d->backfill.rests_for_height == r->height) /* once it is durable */
        d->backfill.rest_until_ms = d->time.now_ms + d->parameters.status_ms;
    driver_turn(d)->has_awaited = r->is_awaited;
    if (r->is_awaited && rc != RC_OK)
        driver_fail(d, rc, &why); /* nobody can say any more which block it is */
    r->height = 0; /* or the chain itself is damaged there, and then nothing names the block */
    (void)driver_note_damage(d, rc, &why);
}
