#include "tools/hansa/history.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/amount.h"

static enum rc damaged(const struct history *h, uint64_t number, struct why *why, const char *what)
{
    return why_set(why, RC_STORE_DAMAGED,
                   "entry %" PRIu64 " of the history of %.*s in %.*s is damaged: %s; run hansa "
                   "audit on %s",
                   number, (int)h->account.size, (const char *)h->account.data, (int)h->asset.size,
                   (const char *)h->asset.data, what, source_audit_words(h->source));
}

static enum rc get_entry(struct history *h, uint64_t number, struct history_entry *out,
                         struct why *why)
{
    uint8_t room[KV_KEY_BYTES_MAX];
    struct bytes value;
    enum rc rc = source_index(h->source, KV_HISTORY,
                              place_history_key(room, h->account, h->asset, number), &value, why);
    if (rc == RC_NOT_FOUND)
        return damaged(h, number, why, "it is missing");
    if (rc == RC_OK && !place_history_decode(out, value))
        return damaged(h, number, why, "it cannot be decoded");
    return rc;
}

static uint64_t opening_of(const struct genesis *g, const struct holding *holding)
{
    for (uint32_t i = 0; i < g->initial.balances_count; i++) {
        const struct initial_balance *b = &g->initial.balances[i];
        if (strcmp(b->account, holding->account) == 0 && strcmp(b->asset, holding->asset) == 0)
            return b->amount;
    }
    return 0;
}

enum rc history_open(struct history *h, struct source *s, const struct holding *holding,
                     uint64_t from, struct why *why)
{
    CHECK(from >= 1);
    *h = (struct history){.source = s,
                          .account = bytes_of_text(holding->account),
                          .asset = bytes_of_text(holding->asset),
                          .end = holding->balance,
                          .opening = opening_of(s->genesis, holding),
                          .next = from};
    h->balance = h->opening;
    if (from == 1)
        return RC_OK;
    if (from > h->end.entries_count)
        return why_set(why, RC_NOT_FOUND,
                       "the history of '%s' in %s has %" PRIu64 " entr%s up to height %" PRIu64
                       ", none of number %" PRIu64,
                       holding->account, holding->asset, h->end.entries_count,
                       h->end.entries_count == 1 ? "y" : "ies", source_height(s), from);
    struct history_entry before;
    enum rc rc = get_entry(h, from - 1, &before, why);
    if (rc != RC_OK)
        return rc;
    h->balance = before.balance;
    h->last = before.place;
    return RC_OK;
}

/* What an operation does to this account, if anything. */
struct movement {
    bool credit;
    uint64_t amount;
    struct bytes asset, counterparty, memo;
};

static bool movement_of(struct movement *m, const struct op *op, struct bytes account)
{
    memset(m, 0, sizeof *m);
    switch (op->type) {
    case OP_TRANSFER:
        m->credit = bytes_equal(op->transfer.to, account);
        m->amount = op->transfer.amount;
        m->asset = op->transfer.asset;
        m->counterparty = m->credit ? op->transfer.from : op->transfer.to;
        m->memo = op->transfer.memo;
        return m->credit || bytes_equal(op->transfer.from, account);
    case OP_ISSUE:
        m->credit = true;
        m->amount = op->issue.amount;
        m->asset = op->issue.asset;
        m->memo = op->issue.memo;
        return bytes_equal(op->issue.to, account);
    case OP_REDEEM:
        m->amount = op->redeem.amount;
        m->asset = op->redeem.asset;
        m->memo = op->redeem.memo;
        return bytes_equal(op->redeem.from, account);
    case OP_RECORD:
    case OP_KEY_ADD:
    case OP_KEY_REVOKE:
    case OP_CANCEL:
    case OP_TYPE_END:
        break;
    }
    return false;
}

static bool is_after(const struct place *a, const struct place *b)
{
    if (a->height != b->height)
        return a->height > b->height;
    if (a->tx_index != b->tx_index)
        return a->tx_index > b->tx_index;
    return a->op_index > b->op_index;
}

/* That the entry continues the one before it, and the last one ends at the proven balance. */
static enum rc judge_balance(const struct history *h, const struct history_entry *e,
                             struct why *why)
{
    uint64_t balance = 0;
    bool fits = e->credit ? amount_add(&balance, h->balance, e->amount)
                          : amount_subtract(&balance, h->balance, e->amount);
    if (!fits || balance != e->balance)
        return damaged(h, h->next, why, "its balance does not follow from the one before it");
    if (!is_after(&e->place, &h->last))
        return damaged(h, h->next, why, "it does not come after the one before it");
    if (h->next == h->end.entries_count && balance != h->end.amount)
        return damaged(h, h->next, why, "its balance is not the account's");
    return RC_OK;
}

enum rc history_next(struct history *h, struct history_line *out, struct why *why)
{
    struct movement m;
    if (h->next > h->end.entries_count)
        return why_set(why, RC_NOT_FOUND, "there are no more entries");
    enum rc rc = get_entry(h, h->next, &out->entry, why);
    if (rc == RC_OK)
        rc = chain_get_op(h->source, &out->entry.place, &out->tx, &out->op, why);
    if (rc != RC_OK)
        return rc;
    if (!movement_of(&m, &out->op, h->account) || m.credit != out->entry.credit ||
        m.amount != out->entry.amount || !bytes_equal(m.asset, h->asset))
        return damaged(h, h->next, why, "the operation that it names is another");
    rc = judge_balance(h, &out->entry, why);
    if (rc != RC_OK)
        return rc;
    out->number = h->next++;
    out->counterparty = m.counterparty;
    out->memo = m.memo;
    out->time_ms = h->source->block.header.time_ms;
    h->balance = out->entry.balance;
    h->last = out->entry.place;
    return RC_OK;
}
