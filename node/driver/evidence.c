/* Evidence in the driver: kept in the store and judged when it starts; made where a proposal's body
 * contradicts itself; and what each member is known for (PROTOCOL.md 14).
 *
 * An item is read from the store whenever it is sent or shown: one may be as large as a block, and
 * the core has only the names of them. */
#include "crypto/base/check.h"
#include "node/driver/driver_impl.h"
#include "node/driver/records.h"
#include "node/pbft/wire.h"

/* ---- the store ---- */

/* What a record says, held against its key, the chain and its members. */
static bool is_sound(const struct driver *d, uint32_t offender, enum pbft_evidence_kind kind,
                     struct bytes value, struct pbft_evidence *out)
{
    return pbft_evidence_decode(out, value, verify_block_head) && out->offender == offender &&
           out->kind == kind && verify_evidence(out, &d->verify_config) == VERIFY_KEEP;
}

static enum rc damaged(const struct driver *d, uint32_t offender, enum pbft_evidence_kind kind,
                       struct why *why)
{
    return why_set(why, RC_STORE_DAMAGED,
                   "the evidence (%s) against %s is damaged: it is not counted here, and comes "
                   "again from whoever has it",
                   pbft_evidence_word(kind), d->config.genesis->members[offender].name);
}

static enum rc get(struct driver *d, uint32_t offender, enum pbft_evidence_kind kind,
                   struct bytes *value, struct why *why)
{
    enum rc rc = records_get_evidence(store_view(d->store), offender, kind, value);
    if (rc == RC_OK || rc == RC_NOT_FOUND)
        return rc;
    if (rc == RC_STORE_DAMAGED)
        return damaged(d, offender, kind, why);
    return why_set(why, rc, "evidence cannot be read: %s", rc_text(rc));
}

static enum rc load_one(struct driver *d, uint32_t offender, enum pbft_evidence_kind kind,
                        struct why *why)
{
    struct bytes value;
    struct pbft_evidence e;
    enum rc rc = get(d, offender, kind, &value, why);
    if (rc == RC_OK && !is_sound(d, offender, kind, value, &e))
        rc = damaged(d, offender, kind, why);
    if (driver_note_damage(d, rc, why)) /* others have it: it binds nobody's vote */
        return RC_OK;
    if (rc == RC_OK)
        pbft_restore_evidence(d->core, &e);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc driver_evidence_load(struct driver *d, struct why *why)
{
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < d->verify_config.members.members_count; i++)
        for (int kind = 1; kind < PBFT_EVIDENCE_KINDS_END && rc == RC_OK; kind++)
            rc = load_one(d, i, (enum pbft_evidence_kind)kind, why);
    return rc;
}

bool driver_evidence(struct driver *d, uint32_t offender, enum pbft_evidence_kind kind,
                     struct bytes *out)
{
    struct why why = {{0}};
    if (offender >= d->verify_config.members.members_count)
        return false;
    enum rc rc = get(d, offender, kind, out, &why);
    return !driver_note_damage(d, rc, &why) && rc == RC_OK;
}

bool driver_encode_evidence(struct driver *d, struct buf *out, const struct pbft_act *act)
{
    struct bytes value;
    if (!driver_evidence(d, act->evidence_of.offender, act->evidence_of.kind, &value))
        return false;
    d->read_bytes += value.size;
    buf_add_u8(out, PBFT_EVIDENCE);
    buf_add_bytes(out, value);
    return true;
}

/* ---- a proposal that is not valid ---- */

void driver_note_bad_tx(struct driver *d, const struct driver_job *job)
{
    struct driver_check *check = &d->check;
    uint32_t tx_index = d->unknown_indexes[job->from + job->bad_tx];
    if (!check->has_bad_tx || tx_index < check->bad_tx_index)
        check->bad_tx_index = tx_index;
    check->has_bad_tx = true;
}

static bool find_bad_tx(const struct driver *d, const struct block *block, enum block_fault fault,
                        uint32_t *tx_index)
{
    *tx_index = d->check.bad_tx_index;
    if (d->check.has_bad_tx)
        return true;
    return fault == BLOCK_BAD_TX && verify_repeated_tx(block, tx_index);
}

/* Rule 5.3. The primary signed the digest, the header names the body, and the body is bad whatever
 * the state: evidence. What only the state forbids is an accusation, which everybody checks on a
 * state of his own (14.2); it is counted here, and goes nowhere. */
void driver_accuse(struct driver *d, const struct block *block, enum block_fault fault)
{
    const struct driver_check *check = &d->check;
    struct pbft_pre_prepare p = check->pre_prepare;
    struct pbft_evidence evidence;
    uint32_t tx_index;
    if (d->failure != RC_OK || fault == BLOCK_WRONG_PARENT)
        return; /* the fault may be here (14.3) */
    CHECK(check->pre_prepare_from < d->verify_config.members.members_count);
    p.bytes = block->whole;
    if (!find_bad_tx(d, block, fault, &tx_index) ||
        !pbft_evidence_of_body(&evidence, check->pre_prepare_from, &p, tx_index)) {
        d->scores[check->pre_prepare_from].accusations++;
        return;
    }
    struct pbft_event e = {
        .type = PBFT_EVENT_EVIDENCE, .now_ms = d->time.now_ms, .evidence = &evidence};
    driver_step(d, &e);
}

/* ---- what each member is known for ---- */

void driver_score_refused(struct driver *d, uint32_t link, enum verify_drop drop)
{
    if (drop == VERIFY_DROP_BAD_SIGNATURE || drop == VERIFY_DROP_BAD_CERTIFICATE)
        d->scores[link].bad_signatures++;
}

void driver_score_step(struct driver *d, const struct pbft_event *event, enum pbft_drop drop)
{
    if (event->type != PBFT_EVENT_MSG || drop != PBFT_DROP_CONFLICT)
        return;
    enum pbft_msg_type type = event->msg->type;
    if (type == PBFT_PRE_PREPARE || type == PBFT_PREPARE || type == PBFT_COMMIT)
        d->scores[event->msg->from].conflicts++;
}

void driver_score_look(const struct driver *d, struct driver_look *out)
{
    for (uint32_t i = 0; i < d->verify_config.members.members_count; i++) {
        out->scores[i] = d->scores[i];
        out->scores[i].evidence = pbft_evidence_kinds(d->core, i);
    }
}
