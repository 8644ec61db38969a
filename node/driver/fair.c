/* What the timers of PROTOCOL.md 6.1 go by: how old what is pending has grown, how late the blocks
 * of this view came, how much work was done. The core judges; here it is only measured. */
#include "node/driver/driver_impl.h"

/* ---- what the core is told ---- */

/* Whether what no proposal holds yet would fill a block: the pool still holds what is in flight. */
static bool has_full_block(const struct driver *d, const struct pool_summary *s)
{
    uint64_t txs_in_flight = 0, bytes_in_flight = 0;
    for (size_t i = 0; i < d->blocks_count; i++) {
        txs_in_flight += d->blocks[i]->block.header.tx_count;
        bytes_in_flight += d->blocks[i]->block.header.body_bytes;
    }
    return s->txs_count >= txs_in_flight + BLOCK_TXS_MAX ||
           s->bytes >= bytes_in_flight + d->parameters.block_bytes_max;
}

/* Of what could be ordered. Whether all of it applies is known of each key's first alone; but when
 * that one is committed the next is tried, and if it does not apply nothing behind it counts any
 * more. So nobody keeps this up by what never can be executed, unless the primary leaves the first
 * ones waiting (6.3, pitfalls E3). */
static bool is_over_full_block(const struct driver *d, const struct pool_summary *s)
{
    return s->reachable_count > BLOCK_TXS_MAX || s->reachable_bytes > d->parameters.block_bytes_max;
}

void driver_tell_pool(struct driver *d)
{
    struct pool_summary s;
    if (!d->is_pool_changed)
        return;
    d->is_pool_changed = false;
    pool_summary(d->pool, &s);
    d->told = (struct pbft_pool){.has_executable = s.executable_count > 0,
                                 .is_full_block = has_full_block(d, &s),
                                 .oldest_ms = s.oldest_executable_ms,
                                 .unproposed_ms = d->unproposed_ms,
                                 .fair_since_ms = s.fair_since_ms,
                                 .late_ms = d->late_ms,
                                 .work_done = d->work_done,
                                 .is_over_full_block = is_over_full_block(d, &s)};
    struct pbft_event e = {.type = PBFT_EVENT_POOL, .now_ms = d->time.now_ms, .pool = d->told};
    driver_step(d, &e);
}

void driver_note_unproposed(struct driver *d)
{
    d->is_pool_changed = true;
    if (d->unproposed_ms == 0)
        d->unproposed_ms = d->time.now_ms > 0 ? d->time.now_ms : 1;
}

/* ---- before 6.1 (b) ---- */

/* The primary may have refused what was forwarded to it at once, and be right: the nonce's turn had
 * not come there, and another transaction had taken its place. Then nobody but this replica waits,
 * and it would complain about a primary that did nothing wrong. When its turn has come it displaces
 * the other one, so it is sent again, half of T_0 before (b). The oldest alone, as any commit stops
 * (b); and (a) counts from when it went to all, which sends it again in time. */
uint64_t driver_remind_ms(const struct driver *d)
{
    struct bytes whole;
    uint64_t since_ms;
    if (!d->is_view_installed || driver_primary(d) == d->config.own_index ||
        !pool_oldest(d->pool, &whole, &since_ms))
        return UINT64_MAX;
    return (since_ms > d->moved_ms ? since_ms : d->moved_ms) + d->parameters.view_change_ms / 2;
}

void driver_remind_primary(struct driver *d)
{
    struct bytes whole;
    uint64_t since_ms;
    if (d->time.now_ms < driver_remind_ms(d) || !driver_has_room_to_spare(d) ||
        !pool_oldest(d->pool, &whole, &since_ms))
        return;
    d->moved_ms = d->time.now_ms;
    driver_say_forward(d, driver_primary(d), whole);
}

/* ---- views ---- */

/* What stood in the proposals of the view before stands in no block now, or in one of the new
 * view's base, where building finds its nonces used. It came when it came: T_batch is over for it.
 */
static void note_dropped(struct driver *d)
{
    struct pool_summary s;
    pool_summary(d->pool, &s);
    if (s.executable_count > 0 &&
        (d->unproposed_ms == 0 || s.oldest_executable_ms < d->unproposed_ms))
        d->unproposed_ms = s.oldest_executable_ms > 0 ? s.oldest_executable_ms : 1;
}

void driver_note_view(struct driver *d)
{
    struct pbft_view_of look;
    pbft_look(d->core, &look);
    bool is_installed = look.mode == PBFT_NORMAL && look.is_installed;
    driver_views_note(d, &look);
    if (look.view == d->view && is_installed == d->is_view_installed)
        return;
    if (look.view != d->view)
        note_dropped(d);
    d->view = look.view;
    d->is_view_installed = is_installed;
    d->late_ms = 0; /* of another view, or of before this one was installed here */
    d->moved_ms = d->time.now_ms;
    if (is_installed)
        pool_forward_again(d->pool, d->time.now_ms);
    d->is_pool_changed = d->is_view_new = true;
}

/* ---- blocks ---- */

void driver_note_proposed(struct driver *d, const struct digest *digest, uint32_t from,
                          uint64_t view)
{
    struct driver_block *b = driver_block_find(d, digest);
    if (view != d->view || from != driver_primary(d))
        return;
    if (b == NULL || (b->is_proposed && b->proposed_view >= view))
        return; /* sent again: it has been here all the time */
    b->is_proposed = true;
    b->proposed_view = view;
    b->arrived_ms = d->time.now_ms;
    b->awake_from_ms = pbft_awake_from_ms(d->core, b->arrived_ms);
}

/* How much later than its age began did this transaction's block come? Those that were not
 * executable until now were not late. After a pause of mine ages begin anew (6.2): the proposal may
 * have waited here through it. */
static void note_late(struct driver *d, const struct driver_block *b, const struct tx *tx)
{
    uint64_t since_ms = pool_fair_since_ms(d->pool, &tx->signer, tx->nonce, &tx->id);
    if (since_ms == 0)
        return;
    if (since_ms < b->awake_from_ms)
        since_ms = b->awake_from_ms;
    if (b->arrived_ms <= since_ms)
        return;
    uint64_t late_ms = b->arrived_ms - since_ms - pbft_held_ms(d->core, since_ms, b->arrived_ms);
    if (late_ms > d->late_ms)
        d->late_ms = late_ms;
}

void driver_note_tx(struct driver *d, const struct driver_block *b, const struct tx *tx)
{
    d->work_done += 1 + tx->consents_count + tx->ops_count;
    d->is_pool_changed = true;
    if (!b->is_proposed || b->proposed_view != d->view || !d->is_view_installed)
        return; /* what others committed long ago says nothing of this view, nor of the rate now */
    note_late(d, b, tx);
    pool_on_work(d->pool, pool_work_of(tx), d->time.now_ms);
}
