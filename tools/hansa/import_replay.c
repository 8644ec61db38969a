/* The journal of earlier runs, read back into slots and open batches. */
#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/import_impl.h"

struct replaying {
    struct import *im;
    bool has_begun;
};

static struct import_slot *slot_of(struct import *im, uint64_t batch)
{
    for (size_t i = 0; i < im->slots_count; i++) {
        if (im->slots[i].batch == batch)
            return &im->slots[i];
    }
    return NULL;
}

static enum rc contradiction(const struct journal_record *r, const char *text, struct why *why)
{
    return why_set(why, RC_STORE_DAMAGED,
                   "the journal contradicts itself about batch %" PRIu64 ": %s", r->batch, text);
}

static enum rc decode_own(struct tx *tx, const struct import *im, const struct journal_record *r,
                          struct why *why)
{
    const struct journal_binding *b = &im->config.binding;
    if (tx_decode(tx, r->tx, &b->chain_id) != VERDICT_OK ||
        !public_key_equal(&tx->signer, &b->signer))
        return contradiction(r, "its transaction is none of this key", why);
    return RC_OK;
}

static enum rc see_signed(struct import *im, const struct journal_record *r, struct why *why)
{
    struct tx tx;
    enum rc rc = decode_own(&tx, im, r, why);
    if (rc != RC_OK)
        return rc;
    bool is_new = r->batch == im->batches_signed;
    if (!is_new && !import_is_open(im, r->batch))
        return contradiction(r, "it is signed, and neither new nor open", why);
    if (im->slots_count > 0 && tx.nonce <= im->slots[im->slots_count - 1].nonce)
        return contradiction(r, "its nonce does not follow", why);
    if (is_new)
        im->batches_signed++;
    import_set_open(im, r->batch, false);
    struct import_slot *s = import_slot_add(im);
    s->batch = r->batch;
    s->first_line = r->first_line;
    s->last_line = r->last_line;
    s->rows = r->rows;
    s->nonce = tx.nonce;
    s->txid = tx.id;
    buf_add_bytes(&s->tx, r->tx);
    return RC_OK;
}

static enum rc see_cancel(struct import *im, const struct journal_record *r, struct why *why)
{
    struct tx tx;
    struct import_slot *s = slot_of(im, r->batch);
    enum rc rc = decode_own(&tx, im, r, why);
    if (rc != RC_OK)
        return rc;
    if (s == NULL || s->nonce != tx.nonce)
        return contradiction(r, "a cancel is not of its nonce", why);
    buf_clear(&s->cancel);
    buf_add_bytes(&s->cancel, r->tx);
    s->cancel_txid = tx.id;
    s->is_cancelling = true;
    s->verdict = r->verdict;
    return RC_OK;
}

/* Its end: committed, or open again. */
static enum rc see_end(struct import *im, const struct journal_record *r, struct why *why)
{
    struct import_slot *s = slot_of(im, r->batch);
    if (s == NULL)
        return contradiction(r, "it ends twice, or before it was signed", why);
    if (r->type == JOURNAL_COMMITTED)
        im->look.rows_committed += s->rows;
    else
        import_set_open(im, r->batch, true);
    import_slot_remove(im, s);
    return RC_OK;
}

static enum rc see(void *context, const struct journal_record *r, struct why *why)
{
    struct replaying *at = context;
    if ((r->type == JOURNAL_BEGIN) == at->has_begun)
        return why_set(why, RC_STORE_DAMAGED, "the journal does not begin as one, or begins twice");
    switch (r->type) {
    case JOURNAL_BEGIN:
        at->has_begun = true;
        return journal_judge_binding(&r->binding, &at->im->config.binding, why);
    case JOURNAL_SIGNED:
        return see_signed(at->im, r, why);
    case JOURNAL_CANCEL:
        return see_cancel(at->im, r, why);
    default:
        return see_end(at->im, r, why);
    }
}

enum rc import_replay(struct import *im, bool *has_begun, struct why *why)
{
    struct replaying at = {.im = im};
    enum rc rc = journal_replay(im->config.journal, see, &at, why);
    *has_begun = at.has_begun;
    im->look.rows_committed_before = im->look.rows_committed;
    return rc;
}
