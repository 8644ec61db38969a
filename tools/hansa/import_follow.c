/* An import on its way: what is sent, what nodes say, and what is proven. */
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/import_impl.h"

/* A node that refused is asked again after so long, should nobody else answer. */
enum { REFUSED_AGAIN_MS = 2000 };
/* What others wait for is asked for by itself when it has not come in this time: the request that
 * it went with is answered only when all in it are settled. */
enum { HEAD_AGAIN_MS = 200 };

static struct import_slot *slot_of_txid(const struct import *im, const struct digest *txid)
{
    for (size_t i = 0; i < im->slots_count; i++) {
        struct import_slot *s = &im->slots[i];
        if (digest_equal(&s->txid, txid) ||
            (s->cancel.size > 0 && digest_equal(&s->cancel_txid, txid)))
            return s;
    }
    return NULL;
}

/* ---- sending ---- */

/* All that is in slots is on the disk: import_fill() and make_cancel() sync before they return. */
static bool is_due(const struct import_slot *s, uint32_t node, uint64_t now_ms)
{
    if (s->is_lost || s->is_claimed || s->due_ms > now_ms)
        return false;
    return (s->refused_by >> node & 1) == 0 || now_ms >= s->due_ms + REFUSED_AGAIN_MS;
}

void import_show(const struct import_slot *s, struct import_item *out)
{
    *out = (struct import_item){.tx = buf_bytes(s->is_cancelling ? &s->cancel : &s->tx),
                                .txid = s->is_cancelling ? s->cancel_txid : s->txid,
                                .first_line = s->first_line,
                                .last_line = s->last_line,
                                .is_first_time = !s->was_sent,
                                .is_cancel = s->is_cancelling};
}

uint32_t import_take(struct import *im, uint32_t node, uint64_t now_ms, uint32_t count_max,
                     size_t bytes_max, struct import_item *out)
{
    uint32_t count = 0;
    CHECK(node < 32);
    CHECK(!im->is_broken);
    for (size_t i = 0; i < im->slots_count && count < count_max; i++) {
        struct import_slot *s = &im->slots[i];
        if (s->is_under_way || !is_due(s, node, now_ms))
            continue;
        import_show(s, &out[count]);
        if (out[count].tx.size > bytes_max)
            break;
        bytes_max -= out[count].tx.size;
        s->is_under_way = true;
        s->was_sent = true;
        s->sent_ms = now_ms;
        count++;
    }
    return count;
}

static struct import_slot *lowest(struct import *im)
{
    const struct import_slot *s = import_lowest(im);
    return s == NULL ? NULL : &im->slots[s - im->slots];
}

bool import_take_head(struct import *im, uint32_t node, uint64_t now_ms, struct import_item *out)
{
    struct import_slot *s = lowest(im);
    if (s == NULL || !s->was_sent || !is_due(s, node, now_ms) ||
        (s->is_under_way && now_ms < s->sent_ms + HEAD_AGAIN_MS))
        return false;
    import_show(s, out);
    s->is_under_way = true;
    s->sent_ms = now_ms;
    return true;
}

uint64_t import_due_ms(const struct import *im)
{
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; i < im->slots_count; i++) {
        const struct import_slot *s = &im->slots[i];
        if (!s->is_lost && !s->is_claimed && !s->is_under_way && s->due_ms < due_ms)
            due_ms = s->due_ms;
    }
    return due_ms;
}

/* Whether this is what is being sent now: the answer to a request from before the cancel says
 * nothing of the cancel, unless it settles the nonce. */
static bool is_shown(const struct import_slot *s, const struct digest *txid)
{
    return digest_equal(txid, s->is_cancelling ? &s->cancel_txid : &s->txid);
}

void import_on_lost(struct import *im, const struct digest *txid)
{
    struct import_slot *s = slot_of_txid(im, txid);
    if (s != NULL && is_shown(s, txid))
        s->is_under_way = false;
}

/* ---- what nodes say ---- */

static bool is_of_the_key(enum verdict v)
{
    return v == VERDICT_UNKNOWN_KEY || v == VERDICT_REVOKED_KEY || v == VERDICT_BAD_SIGNATURE ||
           v == VERDICT_UNKNOWN_VERSION;
}

/* From now on the cancel is sent, on the disk before that. */
static enum rc make_cancel(struct import *im, struct import_slot *s, struct why *why)
{
    static const struct op op = {.type = OP_CANCEL};
    struct tx_draft draft = {.nonce = s->nonce, .ops = &op, .ops_count = 1};
    const struct digest *chain_id = &im->config.binding.chain_id;
    struct tx tx;
    enum verdict v = tx_sign(&s->cancel, &draft, im->config.key, chain_id);
    CHECK(v == VERDICT_OK);
    v = tx_decode(&tx, buf_bytes(&s->cancel), chain_id);
    CHECK(v == VERDICT_OK);
    s->cancel_txid = tx.id;
    struct journal_record r = {.type = JOURNAL_CANCEL,
                               .batch = s->batch,
                               .verdict = s->verdict,
                               .tx = buf_bytes(&s->cancel)};
    journal_add(im->config.journal, &r);
    enum rc rc = journal_sync(im->config.journal, why);
    s->is_cancelling = rc == RC_OK;
    s->refused_by = 0;
    return rc;
}

static bool is_enough(const struct import *im, uint32_t nodes)
{
    return (uint32_t)__builtin_popcount(nodes) >= im->config.refusals_needed;
}

static enum rc on_refused(struct import *im, struct import_slot *s, uint32_t node,
                          enum verdict verdict, struct why *why)
{
    s->refused_by |= 1u << node;
    if (is_of_the_key(verdict))
        s->key_refused_by |= 1u << node;
    if (is_enough(im, s->key_refused_by))
        return why_set(why, RC_REFUSED, "%s", verdict_text(verdict));
    if (!is_enough(im, s->refused_by & ~s->key_refused_by))
        return RC_OK;
    if (s->is_cancelling)
        return why_set(why, RC_REFUSED, "not even a cancel is taken under this key: %s",
                       verdict_text(verdict));
    s->verdict = verdict;
    return make_cancel(im, s, why);
}

/* The nonce is another transaction's. If that is one of ours, sending it again finds its place. */
static void on_other(struct import_slot *s, const struct digest *other)
{
    if (digest_equal(other, &s->txid)) {
        s->is_cancelling = false;
    } else if (s->cancel.size > 0 && digest_equal(other, &s->cancel_txid)) {
        s->is_cancelling = true;
    } else {
        s->is_claimed = true;
        s->claim = (struct import_claim){.txid = *other, .is_foreign = true};
    }
}

enum rc import_on_result(struct import *im, uint32_t node, const struct proto_result *result,
                         uint64_t now_ms, struct why *why)
{
    struct import_slot *s = slot_of_txid(im, &result->txid);
    if (s == NULL || s->is_lost)
        return RC_OK;
    if (!is_shown(s, &result->txid) && result->outcome != PROTO_COMMITTED && !result->has_other)
        return RC_OK;
    s->is_under_way = false;
    s->due_ms = now_ms + IMPORT_AGAIN_MS;
    switch (result->outcome) {
    case PROTO_COMMITTED:
        s->is_claimed = true;
        s->claim = (struct import_claim){.txid = result->txid, .height = result->place.height};
        return RC_OK;
    case PROTO_REJECTED:
        if (result->has_other)
            on_other(s, &result->other_txid);
        /* None of ours expires, and a used nonce comes with whose it is: no honest node says so. */
        if (result->has_other || result->verdict == VERDICT_NONCE_USED ||
            result->verdict == VERDICT_EXPIRED)
            return RC_OK;
        break;
    case PROTO_REFUSED:
        if (result->verdict == VERDICT_OK || result->verdict == VERDICT_NONCE_GAP)
            return RC_OK; /* not in its turn yet, or its place is taken for now */
        break;
    case PROTO_UNKNOWN: /* it waited long enough at the node */
        s->due_ms = now_ms;
        return RC_OK;
    default:
        return RC_OK;
    }
    s->due_ms = now_ms; /* the others are to be asked at once */
    return on_refused(im, s, node, result->verdict, why);
}

/* ---- proving ---- */

uint32_t import_claims(const struct import *im, struct import_claim *out)
{
    uint32_t count = 0;
    for (size_t i = 0; i < im->slots_count && count < IMPORT_WINDOW_MAX; i++) {
        if (im->slots[i].is_claimed)
            out[count++] = im->slots[i].claim;
    }
    return count;
}

static void note_end(struct import *im, const struct import_slot *s, enum journal_type type,
                     const struct digest *txid, uint64_t height)
{
    struct journal_record r = {
        .type = type, .batch = s->batch, .txid = *txid, .height = height, .verdict = s->verdict};
    journal_add(im->config.journal, &r);
}

static void note_refusal(struct import *im, const struct import_slot *s)
{
    if (im->look.refusals_count == im->refusals_room) {
        im->refusals_room = 2 * im->refusals_room + 16;
        im->refusals = mem_resize(im->refusals, im->refusals_room * sizeof *im->refusals);
    }
    im->refusals[im->look.refusals_count++] =
        (struct import_refusal){s->first_line, s->last_line, s->rows, s->verdict};
    im->look.rows_refused += s->rows; /* open again for the next run: import_replay.c */
}

/* Somebody else's, with our key: only now may the batch go under another nonce. import_fill() sees
 * to it; the batch is not open meanwhile, or it would be signed when the source comes to it, too.
 */
static void lose(struct import *im, struct import_slot *s)
{
    im->look.nonces_lost++;
    im->wants_nonce = true;
    s->is_lost = true;
    s->is_claimed = false;
    s->is_cancelling = false;
    buf_clear(&s->cancel);
}

void import_on_proven(struct import *im, const struct tx *tx, uint64_t height)
{
    if (!public_key_equal(&tx->signer, &im->config.binding.signer))
        return;
    struct import_slot *s = NULL;
    for (size_t i = 0; i < im->slots_count; i++) {
        if (!im->slots[i].is_lost && im->slots[i].nonce == tx->nonce)
            s = &im->slots[i];
    }
    if (s == NULL)
        return;
    if (digest_equal(&tx->id, &s->txid)) {
        note_end(im, s, JOURNAL_COMMITTED, &tx->id, height);
        im->look.rows_committed += s->rows;
        import_slot_remove(im, s);
    } else if (s->cancel.size > 0 && digest_equal(&tx->id, &s->cancel_txid)) {
        note_end(im, s, JOURNAL_REFUSED, &tx->id, height);
        note_refusal(im, s);
        import_slot_remove(im, s);
    } else {
        note_end(im, s, JOURNAL_LOST, &tx->id, height);
        lose(im, s);
    }
}

void import_on_unproven(struct import *im, const struct digest *txid, uint64_t now_ms)
{
    for (size_t i = 0; i < im->slots_count; i++) {
        struct import_slot *s = &im->slots[i];
        if (!s->is_claimed || !digest_equal(&s->claim.txid, txid))
            continue;
        s->is_claimed = false;
        s->due_ms = now_ms + IMPORT_AGAIN_MS;
    }
}
