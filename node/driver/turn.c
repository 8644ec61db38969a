/* Decide, make durable, then tell (PROTOCOL.md 4). This is the one place where what the core
 * decides becomes writes and outputs, and the one place from which anything leaves the replica.
 *
 * A turn fills while the one before it is being made durable. What a turn has to tell is kept with
 * it and goes out when its own batch is durable, after everything of the turns before. A turn that
 * has nothing to write still waits for those. */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"
#include "node/pbft/wire.h"

struct driver_turn *driver_turn(struct driver *d)
{
    return &d->turns[d->filling];
}

/* ---- outputs ---- */

struct driver_output *driver_add_output(struct driver *d, enum driver_output_type type)
{
    struct driver_turn *t = driver_turn(d);
    if (t->outputs_count == t->outputs_room) {
        t->outputs_room = t->outputs_room * 2 + 64;
        t->outputs = mem_resize(t->outputs, t->outputs_room * sizeof *t->outputs);
    }
    struct driver_output *o = &t->outputs[t->outputs_count++];
    o->type = type;
    o->is_own_word = false;
    return o;
}

void driver_say(struct driver *d, uint64_t client, const struct driver_answer *answer)
{
    CHECK(answer->outcome != DRIVER_COMMITTED);
    struct driver_output *o = driver_add_output(d, OUTPUT_ANSWER);
    o->client = client;
    o->answer = *answer;
}

void driver_say_receipt(struct driver *d, uint64_t client, const struct digest *txid,
                        const struct place *place)
{
    struct driver_output *o = driver_add_output(d, OUTPUT_ANSWER);
    o->client = client;
    o->answer = (struct driver_answer){.outcome = DRIVER_COMMITTED, .txid = *txid, .place = *place};
}

void driver_say_other(struct driver *d, uint64_t client, const struct digest *txid,
                      const struct place *place)
{
    struct driver_output *o = driver_add_output(d, OUTPUT_OTHER);
    o->client = client;
    o->place = *place;
    o->answer = (struct driver_answer){.outcome = DRIVER_REJECTED,
                                       .txid = *txid,
                                       .verdict = VERDICT_NONCE_USED,
                                       .pool_answer = POOL_REFUSED,
                                       .has_other = true};
}

void driver_say_forward(struct driver *d, uint32_t to, struct bytes tx)
{
    struct pbft_msg *m = d->scratch_msg;
    m->type = PBFT_FORWARD;
    m->forward = tx;
    driver_say_message(d, to, m);
}

void driver_say_message(struct driver *d, uint32_t to, struct pbft_msg *m)
{
    struct buf *bytes = &driver_turn(d)->bytes;
    struct driver_output *o = driver_add_output(d, OUTPUT_MESSAGE);
    m->link = m->from = d->config.own_index;
    driver_turn(d)->messages_count++;
    o->to = to;
    o->at = bytes->size;
    pbft_encode(bytes, m);
    o->size = bytes->size - o->at;
}

bool driver_has_room(const struct driver *d)
{
    const struct driver_turn *t = &d->turns[d->filling];
    return t->messages_count < d->config.outputs_max && t->bytes.size < DRIVER_OUTPUT_BYTES_MAX;
}

bool driver_has_room_to_spare(const struct driver *d)
{
    const struct driver_turn *t = &d->turns[d->filling];
    return t->messages_count < d->config.outputs_max / 2 &&
           t->bytes.size < DRIVER_OUTPUT_BYTES_MAX / 2;
}

bool driver_has_outputs(const struct driver *d)
{
    const struct driver_turn *t = &d->turns[d->filling];
    return t->outputs_count > 0 || kv_batch_count(t->batch) > 0;
}

static void send_to(struct driver *d, uint32_t to, struct bytes message)
{
    const struct driver_net *net = &d->config.net;
    CHECK(message.size <= PBFT_MSG_BYTES_MAX);
    for (uint32_t i = 0; i < d->verify_config.members.members_count; i++)
        if (i != d->config.own_index && (to == PBFT_TO_ALL || to == i))
            net->send(net->context, i, message);
}

/* Rule 9.1's budget of bytes: of what one peer gets because it asked or lags. */
static struct driver_budget *budget_of(struct driver *d, uint32_t to)
{
    struct driver_budget *b = &d->budgets[to];
    if (d->time.now_ms >= b->from_ms + d->parameters.status_ms) {
        b->from_ms = d->time.now_ms;
        b->bytes =
            b->bytes > d->config.answer_bytes_max ? b->bytes - d->config.answer_bytes_max : 0;
        b->absences_count = 0;
    }
    return b;
}

bool driver_has_budget(struct driver *d, uint32_t to)
{
    return budget_of(d, to)->bytes < d->config.answer_bytes_max;
}

void driver_charge_budget(struct driver *d, uint32_t to, size_t size)
{
    budget_of(d, to)->bytes += size;
}

bool driver_take_budget(struct driver *d, uint32_t to, size_t size)
{
    struct driver_budget *b = budget_of(d, to);
    if (b->bytes + size > d->config.answer_bytes_max)
        return false;
    b->bytes += size;
    return true;
}

bool driver_has_absences(struct driver *d, uint32_t to)
{
    return budget_of(d, to)->absences_count < DRIVER_ABSENCES_MAX;
}

void driver_take_absence(struct driver *d, uint32_t to)
{
    budget_of(d, to)->absences_count++;
}

/* Bodies are read from the store now: whatever was voted for or committed up to this turn is
 * durable in it, so there is one copy, and a send never outlives what it sends. */
static void send_bodies(struct driver *d, const struct driver_output *o)
{
    struct buf message = {0};
    bool is_for_one = o->to != PBFT_TO_ALL;
    if (is_for_one && !driver_has_budget(d, o->to)) {
        d->answer_drops++;
        return;
    }
    if (driver_encode_bodies(d, &message, &o->act)) {
        send_to(d, o->to, buf_bytes(&message));
        if (is_for_one)
            driver_charge_budget(d, o->to, message.size);
    }
    buf_free(&message);
}

static void send_other(struct driver *d, const struct driver_output *o)
{
    const struct driver_net *net = &d->config.net;
    struct driver_answer answer = o->answer;
    struct block block;
    struct tx tx;
    struct why why = {{0}};
    enum rc rc = store_get_tx(d->store, &o->place, &tx, &block, &why);
    bool is_away = rc == RC_NOT_FOUND && !store_history_has(d->store, o->place.height);
    if (rc == RC_NOT_FOUND && !is_away) /* the index names a place above the head */
        rc = RC_STORE_DAMAGED;
    if (rc == RC_OK)
        answer.other_txid = tx.id;
    else if (is_away || driver_note_damage(d, rc, &why))
        answer = (struct driver_answer){
            .outcome = DRIVER_UNKNOWN, .txid = o->answer.txid, .pool_answer = POOL_KNOWN};
    if (rc == RC_STORE_DAMAGED)
        driver_on_damaged_block(d, o->place.height);
    if (d->failure == RC_OK)
        net->answer(net->context, o->client, &answer);
}

/* Everything that leaves the replica leaves here. */
static void release(struct driver *d, struct driver_turn *t)
{
    const struct driver_net *net = &d->config.net;
    CHECK(kv_batch_count(t->batch) == 0); /* 13: no output before its change is durable */
    CHECK(!t->is_above_marker);           /* 4.2 */
    for (size_t i = 0; i < t->outputs_count && d->failure == RC_OK; i++) {
        const struct driver_output *o = &t->outputs[i];
        switch (o->type) {
        case OUTPUT_MESSAGE:
            send_to(d, o->to, bytes_of(t->bytes.data + o->at, o->size));
            break;
        case OUTPUT_BODY:
            if (driver_is_answer(o))
                driver_answers_add(d, o);
            else
                send_bodies(d, o);
            break;
        case OUTPUT_ANSWER:
            net->answer(net->context, o->client, &o->answer);
            break;
        case OUTPUT_OTHER:
            send_other(d, o);
            break;
        }
    }
    t->outputs_count = 0;
    t->messages_count = 0;
    t->status_at = 0;
    buf_clear(&t->bytes);
}

/* ---- stepping ---- */

void driver_step(struct driver *d, const struct pbft_event *event)
{
    struct pbft_output out;
    pbft_step(d->core, event, &out);
    driver_note_view(d);
    driver_score_step(d, event, out.drop);
    for (size_t i = 0; i < out.acts_count && d->failure == RC_OK; i++)
        driver_take_act(d, &out.acts[i]);
    driver_clients_after_commits(d);
    driver_blocks_prune(d);
    if (d->is_view_new) { /* before the next message: it may install the view, and arm its timers */
        d->is_view_new = false;
        driver_tell_pool(d);
    }
}

/* ---- closing ---- */

/* What its batch, or one before it, makes durable of the core's high. */
static void note_high(const struct driver *d, struct driver_turn *t)
{
    const struct certificate *high = pbft_high(d->core);
    t->has_high = high != NULL;
    if (high != NULL)
        t->high = *high;
}

static void raise_marker(struct driver *d, const struct driver_turn *t)
{
    d->is_marking = true;
    d->config.marker.raise(d->config.marker.context, &t->reserved);
}

void driver_turn_close(struct driver *d)
{
    struct driver_turn *t = driver_turn(d);
    if (d->failure != RC_OK || d->is_committing || !driver_flush_stage(d))
        return;
    bool has_writes = kv_batch_count(t->batch) > 0;
    if (!has_writes && !t->is_above_marker) {
        release(d, t);
        return;
    }
    t->mark = store_mark(d->store);
    note_high(d, t);
    d->is_committing = true;
    d->filling = 1 - d->filling;
    if (has_writes)
        d->config.kv.submit(d->config.kv.context, t->batch);
    else
        raise_marker(d, t);
}

void driver_turn_on_durable(struct driver *d)
{
    struct driver_turn *t = &d->turns[1 - d->filling];
    struct why why = {{0}};
    CHECK(d->is_committing);
    CHECK(!d->is_marking);
    kv_batch_clear(t->batch);
    if (d->snapshot.is_finishing) {
        driver_fail(d,
                    why_set(&why, RC_REOPEN, "the state of height %" PRIu64 " was taken from peers",
                            d->snapshot.certificate.statement.height),
                    &why);
        return;
    }
    if (t->has_awaited) {
        driver_repair_on_durable(d);
        return;
    }
    enum rc rc = store_on_durable(d->store, &t->mark, &why);
    if (rc == RC_OK && t->has_backfill)
        rc = store_on_backfill(d->store, &why);
    d->snapshot.has_news = true;
    t->has_backfill = false;
    t->pieces_count = 0;
    if (rc == RC_OK && t->is_diverging && !d->was_diverged)
        rc = why_set(&why, RC_REOPEN,
                     "the state of height %" PRIu64 " is not the one that a quorum signed",
                     d->divergence.height);
    if (rc != RC_OK) {
        driver_fail(d, rc, &why);
        return;
    }
    d->durable_height = t->mark.height;
    d->has_durable_high = t->has_high;
    if (t->has_high)
        d->durable_high = t->high;
    if (t->is_above_marker) {
        raise_marker(d, t);
        return;
    }
    d->is_committing = false;
    release(d, t);
}

void driver_turn_on_marked(struct driver *d)
{
    struct driver_turn *t = &d->turns[1 - d->filling];
    CHECK(d->is_marking);
    d->is_marking = d->is_committing = t->is_above_marker = false;
    release(d, t);
}
