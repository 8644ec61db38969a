/* Answers that hold bodies, ranges or evidence (9.1, 9.2, 16). A question of 50 bytes may cost
 * milliseconds, so what is done for all who ask within a while, and in one run, has a bound by what
 * is read for it; it is given out in turn, so that who asks most does not get most.
 *
 * They come here when the turn that decided them is durable. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"

bool driver_is_answer(const struct driver_output *o)
{
    return o->type == OUTPUT_BODY && o->to != PBFT_TO_ALL && o->act.type != PBFT_SEND_PRE_PREPARE;
}

/* ---- what waits ---- */

static bool is_same(const struct pbft_act *a, const struct pbft_act *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == PBFT_SEND_RANGE)
        return a->height == b->height && a->count == b->count;
    if (a->type == PBFT_SEND_BLOCK)
        return digest_equal(&a->block.digest, &b->block.digest);
    return a->evidence_of.offender == b->evidence_of.offender &&
           a->evidence_of.kind == b->evidence_of.kind;
}

void driver_answers_add(struct driver *d, const struct driver_output *o)
{
    struct driver_asker *asker = &d->answers.askers[o->to];
    for (uint32_t i = 0; i < asker->waiting_count; i++)
        if (is_same(&asker->waiting[i], &o->act))
            return; /* it is on its way */
    if (asker->waiting_count == DRIVER_ANSWERS_WAITING_MAX) {
        d->answer_drops++;
        return;
    }
    asker->waiting[asker->waiting_count++] = o->act;
}

static struct pbft_act take_oldest(struct driver_asker *asker)
{
    struct pbft_act act = asker->waiting[0];
    asker->waiting_count--;
    memmove(asker->waiting, asker->waiting + 1, asker->waiting_count * sizeof *asker->waiting);
    return act;
}

void driver_answers_withdraw(struct driver *d)
{
    for (uint32_t link = 0; link < MEMBERS_MAX; link++) {
        struct driver_asker *asker = &d->answers.askers[link];
        for (uint32_t i = 0; i < asker->waiting_count; i++)
            driver_strip_proposal(d, &asker->waiting[i]);
    }
}

/* ---- giving it ---- */

/* Returns what it cost, in bytes that were read. What the peer's budget forbids is not read: nobody
 * makes this replica work in vain. */
static size_t answer(struct driver *d, uint32_t to, const struct pbft_act *act)
{
    if (!driver_has_budget(d, to)) {
        d->answer_drops++;
        return 0;
    }
    struct buf message = {0};
    uint64_t before_bytes = d->read_bytes;
    if (driver_encode_bodies(d, &message, act) && d->failure == RC_OK) {
        driver_charge_budget(d, to, message.size);
        d->config.net.send(d->config.net.context, to, buf_bytes(&message));
    }
    buf_free(&message);
    return (size_t)(d->read_bytes - before_bytes) + DRIVER_READ_BYTES_MIN;
}

/* Whose turn it is, going round; who had more than an answer of the largest size passes until that
 * is made up for. Answers may differ in what they cost as widely as heads from bodies. */
static bool next_asker(struct driver_answers *a, uint32_t n, uint32_t *out)
{
    bool is_waiting = false;
    for (uint32_t i = 0; i < n || is_waiting; i++) {
        struct driver_asker *asker = &a->askers[a->next_link];
        *out = a->next_link;
        a->next_link = (a->next_link + 1) % n;
        if (asker->waiting_count == 0)
            continue;
        is_waiting = true;
        if (asker->debt_bytes == 0)
            return true;
        asker->debt_bytes -=
            asker->debt_bytes < PBFT_MSG_BYTES_MAX ? asker->debt_bytes : PBFT_MSG_BYTES_MAX;
    }
    return false;
}

/* Work is forgotten as time passes, evenly: where a while were full at once and empty at once,
 * whoever asks for the next only when the last is there would have one answer in it. */
static void forget_work(struct driver *d)
{
    struct driver_answers *a = &d->answers;
    enum { LONG_MS = 1000 * DRIVER_ANSWERS_MS }; /* nothing that was begun costs so much */
    uint64_t past_ms = d->time.now_ms - a->from_ms;
    past_ms = past_ms < LONG_MS ? past_ms : LONG_MS;
    uint64_t past_bytes = past_ms * DRIVER_ANSWERS_BYTES_MAX / DRIVER_ANSWERS_MS;
    a->from_ms = d->time.now_ms;
    a->worked_bytes -= past_bytes < a->worked_bytes ? past_bytes : a->worked_bytes;
}

void driver_answers_run(struct driver *d)
{
    struct driver_answers *a = &d->answers;
    uint32_t n = d->verify_config.members.members_count, link;
    forget_work(d);
    while (d->failure == RC_OK && a->worked_bytes < DRIVER_RUN_ANSWERS_BYTES_MAX &&
           next_asker(a, n, &link)) {
        struct pbft_act act = take_oldest(&a->askers[link]);
        size_t cost_bytes = answer(d, link, &act);
        if (cost_bytes > PBFT_MSG_BYTES_MAX)
            a->askers[link].debt_bytes = cost_bytes - PBFT_MSG_BYTES_MAX;
        a->worked_bytes += cost_bytes;
    }
}

uint64_t driver_answers_deadline_ms(const struct driver *d)
{
    const struct driver_answers *a = &d->answers;
    bool is_waiting = false;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        is_waiting = is_waiting || a->askers[i].waiting_count > 0;
    if (!is_waiting)
        return UINT64_MAX;
    if (a->worked_bytes < DRIVER_RUN_ANSWERS_BYTES_MAX)
        return 0;
    uint64_t beyond_bytes = a->worked_bytes - DRIVER_RUN_ANSWERS_BYTES_MAX;
    return a->from_ms + beyond_bytes * DRIVER_ANSWERS_MS / DRIVER_ANSWERS_BYTES_MAX + 1;
}
