#include "tests/help/import_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tests/help/scratch.h"
#include "tests/help/unit.h"

enum { WINDOW = 64, AMOUNT_FIRST = 1000 };

void import_world_open(struct import_world *w, uint64_t seed, int rows)
{
    static const uint8_t key_seed[SIGN_SEED_BYTES] = {42};
    memset(w, 0, sizeof *w);
    w->prng = prng_of(seed);
    w->directory = scratch_make();
    w->path = scratch_join(w->directory, "rows.journal");
    sign_key_from_seed(&w->key, key_seed);
    w->chain_id.bytes[0] = 9;
    w->rows = rows;
    w->liar = -1;
    w->actions_left = -1;
    CHECK(rows <= IMPORT_WORLD_ROWS_MAX);
}

static void tx_drop(struct import_world_tx *t)
{
    buf_free(&t->bytes);
    memset(t, 0, sizeof *t);
}

void import_world_close(struct import_world *w)
{
    for (int i = 0; i < IMPORT_WORLD_NONCES_MAX; i++) {
        tx_drop(&w->committed[i]);
        tx_drop(&w->pending[i]);
    }
    free(w->path);
    scratch_remove(w->directory);
}

/* ---- the rows ---- */

static enum rc next_row(void *context, struct import_batch *out, struct why *why)
{
    static struct op op;
    struct import_world *w = context;
    (void)why;
    if (w->next_row == w->rows)
        return RC_NOT_FOUND;
    op = (struct op){.type = OP_TRANSFER};
    op.transfer = (struct op_transfer){.from = bytes_of_text("home/a"),
                                       .to = bytes_of_text("bank/b"),
                                       .asset = bytes_of_text("CZK"),
                                       .amount = (uint64_t)(AMOUNT_FIRST + w->next_row)};
    uint64_t line = (uint64_t)w->next_row + 2;
    *out = (struct import_batch){(uint64_t)w->next_row++, line, line, &op, 1};
    return RC_OK;
}

struct import_source import_world_source(struct import_world *w)
{
    w->next_row = 0;
    return (struct import_source){w, next_row};
}

static int row_of(const struct tx *tx)
{
    struct op op;
    struct rd r = tx_ops(tx);
    op_decode_judged(&r, &op);
    return op.type == OP_TRANSFER ? (int)op.transfer.amount - AMOUNT_FIRST : -1;
}

/* ---- the ledger ---- */

static bool is_refused(const struct import_world *w, const struct import_world_tx *t)
{
    return t->row >= 0 && w->is_broke[t->row];
}

static void commit(struct import_world *w, struct import_world_tx *t)
{
    w->last++;
    CHECK(w->last < IMPORT_WORLD_NONCES_MAX);
    struct import_world_tx *to = &w->committed[w->last];
    *to = *t;
    to->is_there = true;
    memset(t, 0, sizeof *t);
    tx_drop(&w->pending[w->last]);
    struct import_world_tx *next = &w->pending[w->last + 1];
    if (next->is_there && !is_refused(w, next))
        commit(w, next);
}

static struct import_world_tx make(const struct tx *tx)
{
    struct import_world_tx t = {.is_there = true, .txid = tx->id, .row = row_of(tx)};
    buf_add_bytes(&t.bytes, tx->whole);
    return t;
}

void import_world_steal_nonce(struct import_world *w)
{
    static const struct op op = {.type = OP_CANCEL};
    struct tx_draft draft = {
        .nonce = w->last + 1, .valid_until_height = 1000000, .ops = &op, .ops_count = 1};
    struct buf bytes = {0};
    struct tx tx;
    CHECK(tx_sign(&bytes, &draft, &w->key, &w->chain_id) == VERDICT_OK);
    CHECK(tx_decode(&tx, buf_bytes(&bytes), &w->chain_id) == VERDICT_OK);
    struct import_world_tx t = make(&tx);
    commit(w, &t);
    buf_free(&bytes);
}

/* As node/pool.h and the driver answer. */
static struct proto_result take(struct import_world *w, const struct tx *tx)
{
    struct proto_result r = {.txid = tx->id, .outcome = PROTO_UNKNOWN};
    struct import_world_tx t = make(tx);
    struct import_world_tx *pending = &w->pending[tx->nonce];
    if (tx->nonce > w->last + WINDOW) {
        r.outcome = PROTO_REFUSED; /* beyond the window: no verdict */
    } else if (tx->nonce > w->last + 1) {
        if (!pending->is_there) {
            *pending = t;
            return r;
        }
    } else if (tx->nonce == w->last + 1) {
        if (!is_refused(w, &t)) {
            commit(w, &t);
        } else {
            r.outcome = PROTO_REFUSED;
            r.verdict = VERDICT_OVERDRAFT;
        }
    }
    buf_free(&t.bytes);
    if (tx->nonce > w->last)
        return r;
    const struct import_world_tx *there = &w->committed[tx->nonce];
    bool is_same = digest_equal(&there->txid, &tx->id);
    r.outcome = is_same ? PROTO_COMMITTED : PROTO_REJECTED;
    r.verdict = is_same ? VERDICT_OK : VERDICT_NONCE_USED;
    r.place.height = tx->nonce; /* a block for each transaction */
    r.has_other = !is_same;
    r.other_txid = there->txid;
    return r;
}

static struct proto_result lie(struct import_world *w, const struct tx *tx)
{
    struct proto_result r = {.txid = tx->id};
    r.outcome = (enum proto_outcome)prng_below(&w->prng, PROTO_OUTCOME_COUNT);
    r.verdict = (enum verdict)prng_below(&w->prng, VERDICT_COUNT);
    r.place.height = prng_below(&w->prng, 50);
    r.has_other = prng_below(&w->prng, 2) == 0;
    prng_fill(&w->prng, r.other_txid.bytes, DIGEST_BYTES);
    return r;
}

/* ---- what must always hold ---- */

/* Nothing is sent that the disk might not hold after a crash. */
static void check_durable(const struct import_world *w, struct bytes tx)
{
    struct buf file = {0};
    size_t size = (size_t)w->journal.synced;
    int fd = open(w->path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, buf_grow(&file, size), size, 0), (ssize_t)size);
    close(fd);
    assert_non_null(memmem(file.data, file.size, tx.data, tx.size));
    buf_free(&file);
}

/* A row goes under a second nonce only when another transaction stands under its first. */
static void check_nonce(struct import_world *w, const struct tx *tx)
{
    int row = row_of(tx);
    if (row < 0)
        return;
    uint64_t before = w->seen_nonce[row];
    if (before != 0 && before != tx->nonce) {
        assert_true(w->committed[before].is_there);
        assert_false(digest_equal(&w->committed[before].txid, &w->seen_txid[row]));
    }
    assert_true(before == 0 || before != tx->nonce || digest_equal(&w->seen_txid[row], &tx->id));
    w->seen_nonce[row] = tx->nonce;
    w->seen_txid[row] = tx->id;
}

int import_world_paid(const struct import_world *w, int row)
{
    int count = 0;
    for (uint64_t n = 1; n <= w->last; n++)
        count += w->committed[n].row == row;
    return count;
}

/* ---- the process ---- */

/* One step that a kill can come before. */
static bool is_killed(struct import_world *w)
{
    if (w->actions_left == 0)
        w->is_killed = true;
    else if (w->actions_left > 0)
        w->actions_left--;
    return w->is_killed;
}

static bool happens(struct import_world *w, int percent)
{
    return (int)prng_below(&w->prng, 100) < percent;
}

static enum rc send_one(struct import_world *w, uint32_t node, const struct import_item *item,
                        struct why *why)
{
    struct tx tx;
    assert_int_equal(tx_decode(&tx, item->tx, &w->chain_id), VERDICT_OK);
    check_durable(w, item->tx);
    check_nonce(w, &tx);
    if (happens(w, w->loss_percent)) {
        import_on_lost(w->import, &item->txid);
        return RC_OK;
    }
    struct proto_result r = (int)node == w->liar ? lie(w, &tx) : take(w, &tx);
    if (is_killed(w))
        return RC_OK;
    if (happens(w, w->loss_percent)) {
        import_on_lost(w->import, &item->txid);
        return RC_OK;
    }
    if (happens(w, w->unknown_percent))
        r.outcome = PROTO_UNKNOWN;
    return import_on_result(w->import, node, &r, w->now_ms, why);
}

static enum rc send_due(struct import_world *w, struct why *why)
{
    struct import_item items[WINDOW];
    uint32_t node = (uint32_t)prng_below(&w->prng, IMPORT_WORLD_NODES);
    uint32_t count_max = 1 + (uint32_t)prng_below(&w->prng, WINDOW);
    uint32_t count = 0;
    if (happens(w, 30))
        count = import_take_head(w->import, node, w->now_ms, items);
    if (count == 0)
        count = import_take(w->import, node, w->now_ms, count_max, 1 << 20, items);
    struct buf copies[WINDOW] = {0}; /* items are lent until the first result comes */
    for (uint32_t i = 0; i < count; i++) {
        buf_add_bytes(&copies[i], items[i].tx);
        items[i].tx = buf_bytes(&copies[i]);
    }
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (rc == RC_OK && !w->is_killed)
            rc = send_one(w, node, &items[i], why);
        buf_free(&copies[i]);
    }
    return rc;
}

static void prove(struct import_world *w)
{
    struct import_claim claims[IMPORT_WINDOW_MAX];
    uint32_t count = import_claims(w->import, claims);
    for (uint32_t i = 0; i < count; i++) {
        for (uint64_t n = 1; n <= w->last; n++) {
            struct tx tx;
            const struct import_world_tx *t = &w->committed[n];
            bool is_shown = claims[i].is_foreign ? digest_equal(&t->txid, &claims[i].txid)
                                                 : claims[i].height == n;
            if (!is_shown)
                continue;
            assert_int_equal(tx_decode(&tx, buf_bytes(&t->bytes), &w->chain_id), VERDICT_OK);
            import_on_proven(w->import, &tx, n);
        }
        import_on_unproven(w->import, &claims[i].txid, w->now_ms);
        if (is_killed(w))
            return;
    }
}

static enum rc turn(struct import_world *w, struct import_look *look, struct why *why)
{
    if (import_wants_nonce(w->import))
        import_set_nonce(w->import, w->last);
    enum rc rc = import_fill(w->import, why);
    import_look(w->import, look);
    if (rc != RC_OK || look->is_done || is_killed(w))
        return rc;
    rc = send_due(w, why);
    if (rc == RC_OK && !w->is_killed)
        prove(w);
    w->now_ms += 20;
    return rc;
}

static enum rc start(struct import_world *w, struct why *why)
{
    enum rc rc = journal_open(&w->journal, w->path, why);
    assert_int_equal(rc, RC_OK);
    struct import_config config = {.source = import_world_source(w),
                                   .journal = &w->journal,
                                   .key = &w->key,
                                   .window = WINDOW,
                                   .refusals_needed = 2,
                                   .skip_refused = w->skip_refused};
    config.binding.chain_id = w->chain_id;
    config.binding.signer = w->key.public;
    w->is_killed = false;
    return import_open(&w->import, &config, why);
}

enum rc import_world_run(struct import_world *w, struct import_look *look, struct why *why)
{
    enum { TURNS_MAX = 200000 };
    memset(look, 0, sizeof *look);
    w->import = NULL;
    enum rc rc = start(w, why);
    for (int i = 0; rc == RC_OK && !look->is_done && !w->is_killed; i++) {
        if (i == TURNS_MAX)
            fail_msg("the import never ends");
        rc = turn(w, look, why);
    }
    look->refusals = NULL; /* lent by what is closed now */
    import_close(w->import);
    journal_close(&w->journal);
    return rc;
}

void import_world_crash(struct import_world *w)
{
    struct stat st;
    uint64_t synced = w->journal.synced;
    assert_int_equal(stat(w->path, &st), 0);
    uint64_t size = synced + prng_below(&w->prng, (uint64_t)st.st_size - synced + 1);
    assert_int_equal(truncate(w->path, (off_t)size), 0);
    if (prng_below(&w->prng, 3) > 0)
        return;
    uint8_t garbage[100];
    int fd = open(w->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    prng_fill(&w->prng, garbage, sizeof garbage);
    assert_int_equal(write(fd, garbage, sizeof garbage), (ssize_t)sizeof garbage);
    close(fd);
}
