#include "tools/hansa/submit.h"

#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "net/loop.h"
#include "node/pool.h"
#include "tools/hansa/interrupt.h"

/* ---- outcomes ---- */

static bool is_open(const struct submit_end *end)
{
    return end->result.outcome == PROTO_UNKNOWN || end->result.outcome == PROTO_TX_BUSY;
}

static bool any_open(const struct submit_end *ends, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (is_open(&ends[i]))
            return true;
    }
    return false;
}

const char *submit_text(const struct proto_result *r)
{
    if (r->outcome == PROTO_COMMITTED || r->outcome == PROTO_UNKNOWN)
        return "";
    if (r->verdict != VERDICT_OK)
        return verdict_text(r->verdict);
    return pool_answer_text((enum pool_answer)r->pool_answer);
}

/* ---- following ---- */

struct following {
    struct nodes *n;
    const struct bytes *txs; /* NULL: they were sent by somebody, and are waited for */
    struct submit_end *ends;
    uint32_t count;
    uint32_t places[PROTO_TXS_MAX]; /* of the request's items in ends */
    bool has_heard;
    uint64_t busy_ms;
};

static uint32_t least_ms(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

/* The open ones, from the first on, as many as one message carries. */
static void fill_request(struct following *f, struct proto_request *request)
{
    enum { BYTES_MAX = PROTO_MSG_BYTES_MAX - 1024 };
    size_t bytes = 0;
    memset(request, 0, sizeof *request);
    request->type = f->txs != NULL ? PROTO_SUBMIT : PROTO_WAIT;
    /* A node that waits to the end answers too late: a quarter is left for its way here. */
    uint64_t left_ms = nodes_left_ms(f->n);
    request->wait_ms = least_ms(SUBMIT_WAIT_MS, left_ms - left_ms / 4);
    for (uint32_t i = 0; i < f->count; i++) {
        if (!is_open(&f->ends[i]))
            continue;
        if (f->txs != NULL) {
            bytes += 4 + f->txs[i].size;
            if (bytes > BYTES_MAX)
                return;
            request->items[request->count] = f->txs[i];
        }
        request->txids[request->count] = f->ends[i].result.txid;
        f->places[request->count++] = i;
    }
}

/* A node may only speak of what it was asked; of bytes that it cannot read it knows no txid. */
static void take_result(struct submit_end *end, const struct proto_result *said, uint32_t node)
{
    struct digest txid = end->result.txid;
    if (!digest_equal(&said->txid, &txid) && !digest_is_zero(&said->txid))
        return;
    *end = (struct submit_end){*said, node};
    end->result.txid = txid;
}

/* Who does not know may be cut off from the others, and who is busy may be alone in it. One that
 * answers before its time, busy or not, is not asked again at once. */
static void turn_to_next(struct following *f, bool is_early)
{
    f->n->first = (f->n->first + 1) % f->n->count;
    if (!is_early) {
        f->busy_ms = SUBMIT_BUSY_MS;
        return;
    }
    interrupt_sleep(least_ms(f->busy_ms, nodes_left_ms(f->n)));
    f->busy_ms = least_ms(2 * f->busy_ms, SUBMIT_BUSY_MS_MAX);
}

static void take_answer(struct following *f, const struct nodes_answer *answer)
{
    for (uint32_t i = 0; i < answer->reply.count; i++)
        take_result(&f->ends[f->places[i]], &answer->reply.results[i], answer->node);
}

static enum rc follow(struct following *f, struct why *why)
{
    struct proto_request *request = mem_alloc(sizeof *request);
    struct nodes_answer *answer = mem_alloc(sizeof *answer);
    enum rc rc = RC_OK;
    f->busy_ms = SUBMIT_BUSY_MS;
    while (any_open(f->ends, f->count) && (nodes_left_ms(f->n) > 0 || !f->has_heard)) {
        uint64_t asked_ms = loop_now_ms();
        fill_request(f, request);
        /* It answers late on purpose, while it waits; silence begins after that. */
        rc = nodes_ask(f->n, request, request->wait_ms + NODES_PATIENCE_MS, answer, why);
        if (rc != RC_OK)
            break;
        f->has_heard = true;
        take_answer(f, answer);
        if (any_open(f->ends, f->count))
            turn_to_next(f, loop_now_ms() - asked_ms < request->wait_ms);
    }
    nodes_answer_close(answer);
    mem_free(answer);
    mem_free(request);
    return f->has_heard ? RC_OK : rc;
}

static void open_all(struct submit_end *ends, uint32_t count)
{
    CHECK(count >= 1);
    CHECK(count <= PROTO_TXS_MAX);
    for (uint32_t i = 0; i < count; i++)
        ends[i] = (struct submit_end){.result = {.outcome = PROTO_UNKNOWN}};
}

enum rc submit_txs(struct nodes *n, const struct bytes *txs, uint32_t count,
                   struct submit_end *ends, struct why *why)
{
    struct following f = {.n = n, .txs = txs, .ends = ends, .count = count};
    open_all(ends, count);
    for (uint32_t i = 0; i < count; i++) {
        struct tx tx;
        CHECK(tx_decode(&tx, txs[i], &n->genesis->chain_id) == VERDICT_OK);
        ends[i].result.txid = tx.id;
    }
    return follow(&f, why);
}

enum rc submit_wait(struct nodes *n, const struct digest *txids, uint32_t count,
                    struct submit_end *ends, struct why *why)
{
    struct following f = {.n = n, .ends = ends, .count = count};
    open_all(ends, count);
    for (uint32_t i = 0; i < count; i++)
        ends[i].result.txid = txids[i];
    return follow(&f, why);
}

/* ---- receipts ---- */

static enum rc judge_receipt(struct receipt *out, const struct buf *file, size_t start,
                             const struct digest *txid, const struct genesis *g, struct why *why)
{
    struct bytes bytes = bytes_of(file->data + start, file->size - start);
    enum rc rc = receipt_verify(out, bytes, &g->chain_id, &g->member_table, why);
    if (rc == RC_OK && !digest_equal(&out->tx.id, txid))
        rc = why_set(why, RC_PROOF, "it is the receipt of another transaction");
    return rc;
}

enum { ANSWER_MS_MIN = 500 }; /* the last one asked has its time too */

/* Returns: RC_OK | RC_NOT_FOUND | RC_PROOF | RC_TIMEOUT (no answer of use). */
static enum rc ask_receipt(struct nodes *n, uint32_t index, const struct proto_request *request,
                           struct nodes_answer *answer, struct buf *file, struct receipt *receipt,
                           struct why *why)
{
    char name[NODES_NAME_BYTES];
    uint32_t left_ms = nodes_left_ms(n);
    uint32_t wait_ms =
        left_ms < ANSWER_MS_MIN ? ANSWER_MS_MIN : least_ms(NODES_PATIENCE_MS, left_ms);
    enum rc rc = nodes_ask_one(n, index, request, wait_ms, answer, why);
    if (rc != RC_OK)
        return RC_TIMEOUT;
    if (answer->reply.code == PROTO_NOT_FOUND)
        return RC_NOT_FOUND;
    if (answer->reply.code != PROTO_OK)
        return why_set(why, RC_TIMEOUT, "%s answers: %s", nodes_name(name, n, index),
                       proto_code_text(answer->reply.code));
    size_t start = file->size;
    buf_add_bytes(file, answer->reply.data);
    rc = judge_receipt(receipt, file, start, &request->txids[0], n->genesis, why);
    if (rc == RC_OK)
        return RC_OK;
    file->size = start;
    return why_within(why, RC_PROOF, "the receipt from %s does not hold",
                      nodes_name(name, n, index));
}

/* All nodes in turn. A lie weighs more than silence, and silence more than "there is none": that is
 * said only when everybody says so. */
static enum rc ask_round(struct nodes *n, const struct proto_request *request,
                         struct nodes_answer *answer, struct buf *file, struct receipt *receipt,
                         struct why *why)
{
    enum rc worst = RC_NOT_FOUND;
    for (uint32_t i = 0; i < n->count; i++) {
        struct why words = {""};
        uint32_t index = (n->first + i) % n->count;
        enum rc rc = ask_receipt(n, index, request, answer, file, receipt, &words);
        if (rc == RC_OK) {
            n->first = index;
            return RC_OK;
        }
        if (rc == RC_PROOF || (rc == RC_TIMEOUT && worst == RC_NOT_FOUND)) {
            worst = rc;
            *why = words;
        }
    }
    return worst;
}

enum rc submit_receipt(struct nodes *n, const struct digest *txid, struct buf *file,
                       struct receipt *receipt, struct why *why)
{
    char hex[DIGEST_HEX_BYTES];
    struct proto_request *request = mem_alloc(sizeof *request);
    struct nodes_answer *answer = mem_alloc(sizeof *answer);
    request->type = PROTO_RECEIPT;
    request->txids[0] = *txid;
    digest_to_hex(hex, txid);
    enum rc rc = ask_round(n, request, answer, file, receipt, why);
    while (rc == RC_TIMEOUT && nodes_left_ms(n) > 0 && !interrupt_was_asked()) {
        interrupt_sleep(least_ms(NODES_AGAIN_MS, nodes_left_ms(n)));
        rc = ask_round(n, request, answer, file, receipt, why);
    }
    nodes_answer_close(answer);
    mem_free(answer);
    mem_free(request);
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc,
                       "no node that was asked has a receipt of transaction %s: it is not "
                       "committed there yet, or never will be",
                       hex);
    return rc;
}
