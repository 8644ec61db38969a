/* A block that a quorum committed does not apply (8.2), now or when the store was opened, or what
 * the state says cannot be read: the state here is not theirs. It cannot be gone on with, and not
 * ended either as for a fault: every start would end at the same block. So what the turn decided is
 * forgotten, as by a crash, and one thing becomes durable before this driver ends: that the state
 * has diverged. The next one discards it, and takes it anew (9.3). */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"
#include "node/driver/records.h"

/* That and nothing else is to become durable. */
static void end(struct driver *d, const struct why *why)
{
    driver_fail(d, RC_REOPEN, why);
    d->is_diverged = true;
    d->last_word = LAST_WORD_DUE;
}

void driver_diverge(struct driver *d, uint64_t height, enum block_fault fault)
{
    struct pbft_view_of look;
    struct why why = {{0}};
    pbft_look(d->core, &look);
    enum rc rc =
        why_set(&why, RC_STORE_DAMAGED,
                "the certified block at height %" PRIu64 " does not apply to this node's state: %s",
                height, block_fault_text(fault));
    /* Without a certified state there is nothing to take, and nothing that says who is wrong. */
    if (look.stable_height > 0)
        end(d, &why);
    else
        driver_fail(d, rc, &why);
}

/* There is a state to take: the one that was taken shows that the own one is not theirs. */
void driver_diverge_taking(struct driver *d, const struct why *why)
{
    end(d, why);
}

/* What a checksum shows is the same rot as what a root does, only met earlier: and who stopped for
 * it would stop at every start. A disk that fails is another matter (4.2). */
void driver_state_failed(struct driver *d, enum rc rc, const struct why *why)
{
    struct pbft_view_of look;
    pbft_look(d->core, &look);
    bool is_rot = rc == RC_STORE_DAMAGED && !d->was_diverged && d->failure == RC_OK;
    if (is_rot && look.stable_height > 0)
        end(d, why);
    else
        driver_fail(d, rc, why);
}

enum rc driver_diverge_load(struct driver *d, struct pbft_durable *durable, struct why *why)
{
    struct why cause = {{0}};
    if (!store_has_wrong_state(d->store, &cause))
        return RC_OK;
    d->was_diverged = true; /* nothing may stand on it */
    if (durable->is_diverged)
        return RC_OK; /* it goes */
    if (store_awaited_height(d->store) != 0) {
        durable->is_diverged = true; /* of this core: it neither votes nor commits */
        driver_repair_await(d, &cause);
        return RC_OK;
    }
    if (!durable->has_stable)
        return why_set(why, RC_STORE_DAMAGED, "%s", cause.text);
    end(d, &cause);
    return RC_OK;
}

void driver_last_word(struct driver *d)
{
    struct driver_turn *t = driver_turn(d);
    if (d->last_word != LAST_WORD_DUE || d->is_committing)
        return;
    kv_batch_clear(t->batch);
    records_put(t->batch, &(struct pbft_act){.type = PBFT_DIVERGED}, d->config.own_index);
    d->last_word = LAST_WORD_UNDER_WAY;
    d->is_committing = true;
    d->config.kv.submit(d->config.kv.context, t->batch);
}

void driver_last_word_on_durable(struct driver *d, enum rc rc, const struct why *why)
{
    if (d->last_word == LAST_WORD_NONE)
        return;
    d->is_committing = d->is_marking = false;
    if (rc != RC_OK) {
        d->last_word = LAST_WORD_NONE;
        d->failure = rc;
        d->failure_why = *why;
    } else if (d->last_word == LAST_WORD_UNDER_WAY) {
        d->last_word = LAST_WORD_NONE;
    }
    driver_last_word(d);
}
