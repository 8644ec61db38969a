#include "tools/hansa/import.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/import_impl.h"

/* ---- slots ---- */

struct import_slot *import_slot_add(struct import *im)
{
    if (im->slots_count == im->slots_room) {
        im->slots_room = 2 * im->slots_room + IMPORT_WINDOW_MAX;
        im->slots = mem_resize(im->slots, im->slots_room * sizeof *im->slots);
    }
    struct import_slot *s = &im->slots[im->slots_count++];
    memset(s, 0, sizeof *s);
    return s;
}

void import_slot_remove(struct import *im, struct import_slot *s)
{
    buf_free(&s->tx);
    buf_free(&s->cancel);
    size_t behind = (size_t)(im->slots + im->slots_count - (s + 1));
    memmove(s, s + 1, behind * sizeof *s);
    im->slots_count--;
}

bool import_is_open(const struct import *im, uint64_t batch)
{
    size_t at = (size_t)(batch / 8);
    return at < im->open.size && (im->open.data[at] >> (batch % 8) & 1) != 0;
}

void import_set_open(struct import *im, uint64_t batch, bool is_open)
{
    size_t at = (size_t)(batch / 8);
    if (at >= im->open.size && !is_open)
        return;
    if (at >= im->open.size) {
        size_t more = at + 1 - im->open.size;
        memset(buf_grow(&im->open, more), 0, more);
    }
    uint8_t bit = (uint8_t)(1u << (batch % 8));
    im->open.data[at] = (uint8_t)(is_open ? im->open.data[at] | bit : im->open.data[at] & ~bit);
}

const struct import_slot *import_lowest(const struct import *im)
{
    for (size_t i = 0; i < im->slots_count; i++) {
        if (!im->slots[i].is_lost)
            return &im->slots[i];
    }
    return NULL;
}

/* By default one refused batch stops all that has not been signed yet. */
bool import_is_stopping(const struct import *im)
{
    if (im->is_asked_to_stop)
        return true;
    if (im->config.skip_refused)
        return false;
    for (size_t i = 0; i < im->slots_count; i++) {
        if (im->slots[i].is_cancelling)
            return true;
    }
    return im->look.refusals_count > 0;
}

/* ---- beginning and ending ---- */

static enum rc begin(struct import *im, struct why *why)
{
    struct journal_record r = {.type = JOURNAL_BEGIN, .binding = im->config.binding};
    journal_add(im->config.journal, &r);
    return journal_sync(im->config.journal, why);
}

enum rc import_open(struct import **out, const struct import_config *config, struct why *why)
{
    CHECK(config->window >= 1);
    CHECK(config->window <= IMPORT_WINDOW_MAX);
    CHECK(config->refusals_needed >= 1);
    struct import *im = mem_alloc(sizeof *im);
    im->config = *config;
    im->wants_nonce = true;
    bool has_begun;
    enum rc rc = import_replay(im, &has_begun, why);
    if (rc == RC_OK)
        rc = has_begun ? journal_sync(config->journal, why) : begin(im, why);
    if (rc == RC_OK)
        *out = im;
    else
        import_close(im);
    return rc;
}

void import_close(struct import *im)
{
    if (im == NULL)
        return;
    while (im->slots_count > 0)
        import_slot_remove(im, &im->slots[im->slots_count - 1]);
    mem_free(im->slots);
    mem_free(im->refusals);
    buf_free(&im->open);
    mem_free(im);
}

bool import_wants_nonce(const struct import *im)
{
    return im->wants_nonce;
}

void import_set_nonce(struct import *im, uint64_t last)
{
    if (im->next_nonce <= last)
        im->next_nonce = last + 1;
    for (size_t i = 0; i < im->slots_count; i++) {
        if (im->next_nonce <= im->slots[i].nonce)
            im->next_nonce = im->slots[i].nonce + 1;
    }
    im->wants_nonce = false;
}

void import_stop(struct import *im)
{
    im->is_asked_to_stop = true;
}

/* ---- signing ---- */

static enum rc sign_slot(struct import *im, struct import_slot *s, const struct op *ops,
                         uint32_t ops_count, struct why *why)
{
    struct tx_draft draft = {.nonce = im->next_nonce, .ops = ops, .ops_count = ops_count};
    const struct digest *chain_id = &im->config.binding.chain_id;
    enum verdict v = tx_sign(&s->tx, &draft, im->config.key, chain_id);
    if (v != VERDICT_OK)
        return why_set(why, RC_INVALID, "line %" PRIu64 " to %" PRIu64 ": %s", s->first_line,
                       s->last_line, verdict_text(v));
    struct tx tx;
    v = tx_decode(&tx, buf_bytes(&s->tx), chain_id);
    CHECK(v == VERDICT_OK);
    s->nonce = im->next_nonce++;
    s->txid = tx.id;
    struct journal_record r = {.type = JOURNAL_SIGNED,
                               .batch = s->batch,
                               .first_line = s->first_line,
                               .last_line = s->last_line,
                               .rows = s->rows,
                               .tx = buf_bytes(&s->tx)};
    journal_add(im->config.journal, &r);
    return RC_OK;
}

/* Under the next nonce, with the operations of the transaction that lost its own. */
static enum rc sign_lost(struct import *im, struct import_slot *lost, struct why *why)
{
    struct tx tx;
    struct import_slot old = *lost;
    enum verdict v = tx_decode(&tx, buf_bytes(&old.tx), &im->config.binding.chain_id);
    CHECK(v == VERDICT_OK);
    struct op *ops = mem_alloc(tx.ops_count * sizeof *ops);
    struct rd r = tx_ops(&tx);
    for (uint32_t i = 0; i < tx.ops_count; i++)
        op_decode_judged(&r, &ops[i]);
    lost->tx = (struct buf){0};
    import_slot_remove(im, lost);
    struct import_slot *s = import_slot_add(im);
    s->batch = old.batch;
    s->first_line = old.first_line;
    s->last_line = old.last_line;
    s->rows = old.rows;
    enum rc rc = sign_slot(im, s, ops, tx.ops_count, why);
    mem_free(ops);
    buf_free(&old.tx);
    return rc;
}

/* The next batch that is to be signed. */
static enum rc next_batch(struct import *im, struct import_batch *out, struct why *why)
{
    for (;;) {
        enum rc rc = im->config.source.next(im->config.source.context, out, why);
        if (rc != RC_OK)
            return rc;
        im->look.rows_seen += out->ops_count;
        if (out->number >= im->batches_signed || import_is_open(im, out->number))
            return RC_OK;
    }
}

static enum rc sign_next(struct import *im, struct why *why)
{
    struct import_batch batch;
    enum rc rc = next_batch(im, &batch, why);
    im->is_source_ended = rc == RC_NOT_FOUND;
    if (rc != RC_OK)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    CHECK(batch.number <= im->batches_signed);
    if (batch.number == im->batches_signed)
        im->batches_signed++;
    import_set_open(im, batch.number, false);
    struct import_slot *s = import_slot_add(im);
    s->batch = batch.number;
    s->first_line = batch.first_line;
    s->last_line = batch.last_line;
    s->rows = batch.ops_count;
    return sign_slot(im, s, batch.ops, batch.ops_count, why);
}

static struct import_slot *find_lost(const struct import *im)
{
    for (size_t i = 0; i < im->slots_count; i++) {
        if (im->slots[i].is_lost)
            return &im->slots[i];
    }
    return NULL;
}

/* They are open in the journal: the next run signs them. */
static void drop_lost(struct import *im)
{
    for (struct import_slot *lost = find_lost(im); lost != NULL; lost = find_lost(im)) {
        import_set_open(im, lost->batch, true);
        import_slot_remove(im, lost);
    }
}

/* The pools take nonces up to the window behind the last committed one, so one that is open holds
 * back all behind it. */
static bool has_room(const struct import *im)
{
    const struct import_slot *first = import_lowest(im);
    return first == NULL || im->next_nonce - first->nonce < im->config.window;
}

enum rc import_fill(struct import *im, struct why *why)
{
    bool is_signing = false;
    enum rc rc = RC_OK;
    if (import_is_stopping(im))
        drop_lost(im);
    if (im->wants_nonce || import_is_stopping(im))
        return import_note(im, why);
    while (rc == RC_OK && has_room(im)) {
        struct import_slot *lost = find_lost(im);
        if (lost == NULL && im->is_source_ended)
            break;
        is_signing = true;
        rc = lost != NULL ? sign_lost(im, lost, why) : sign_next(im, why);
    }
    if (rc == RC_OK)
        rc = is_signing ? journal_sync(im->config.journal, why) : import_note(im, why);
    im->is_broken = rc != RC_OK;
    return rc;
}

enum rc import_note(struct import *im, struct why *why)
{
    return im->config.journal->pending.size > 0 ? journal_write(im->config.journal, why) : RC_OK;
}

/* ---- looking ---- */

void import_look(const struct import *im, struct import_look *out)
{
    *out = im->look;
    out->refusals = im->refusals;
    for (size_t i = 0; i < im->slots_count; i++) {
        if (im->slots[i].is_lost) /* its end is known: it is to be signed anew */
            continue;
        out->txs_under_way++;
        out->rows_under_way += im->slots[i].rows;
    }
    out->is_stopping = import_is_stopping(im);
    out->is_done = im->slots_count == 0 && (im->is_source_ended || out->is_stopping);
}

bool import_first_under_way(const struct import *im, struct import_item *out)
{
    const struct import_slot *s = import_lowest(im);
    if (s != NULL)
        import_show(s, out);
    return s != NULL;
}
