#include "tools/hansa/import_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/state.h"
#include "net/loop.h"
#include "tools/hansa/interrupt.h"
#include "tools/hansa/lanes.h"
#include "tools/hansa/shown.h"
#include "tools/hansa/submit.h"

enum {
    LANES = 4,                            /* requests side by side */
    HEAD_LANE = LANES,                    /* and one for the nonce that all others wait for */
    LANE_TXS = IMPORT_WINDOW_MAX / LANES, /* so that all lanes have some of the window */
    WAIT_MS = 1000,                       /* for an outcome, before asking again */
    HEAD_MS = 200,                        /* then the lowest open nonce is asked for by itself */
    ASK_MS = 1000,                        /* one node, for a block or a nonce */
    BREATH_MS = 50                        /* between rounds in which nothing could be done */
};

struct run {
    const struct import_run_config *config;
    struct import *im;
    struct nodes *nodes;
    struct lanes lanes;
    struct shown shown;
    struct nodes_answer answers[MEMBERS_MAX];
    uint32_t main;      /* the node that the lanes talk to */
    uint32_t head_turn; /* whose turn it is to be asked for the lowest open nonce */
    uint64_t rows_settled;
    uint64_t pause_until_ms; /* after an answer of no use */
};

/* ---- the key's nonce ---- */

/* Sorts the answers' nonces down. The one that f others top is not above every honest one. */
static uint64_t believable(uint64_t *nonces, uint32_t count, uint32_t faulty_max)
{
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t k = i; k > 0 && nonces[k - 1] < nonces[k]; k--) {
            uint64_t lower = nonces[k - 1];
            nonces[k - 1] = nonces[k];
            nonces[k] = lower;
        }
    }
    return nonces[faulty_max < count ? faulty_max : count - 1];
}

static enum rc ask_nonce(struct run *r, struct why *why)
{
    const struct public_key *key = &r->config->signer;
    struct proto_request request = {.type = PROTO_STATE, .table = STATE_KEY, .count = 1};
    uint64_t nonces[MEMBERS_MAX];
    uint32_t count = 0, unknown = 0, forbidden = 0;
    request.items[0] = bytes_of(key->bytes, sizeof key->bytes);
    nodes_ask_all(r->nodes, &request, ASK_MS, r->answers);
    for (uint32_t i = 0; i < r->nodes->count; i++) {
        const struct nodes_answer *a = &r->answers[i];
        struct state_key state;
        forbidden += a->is_forbidden;
        if (!a->has_answered || a->reply.code != PROTO_OK)
            continue;
        if (!a->reply.is_present[0])
            unknown++;
        else if (state_key_decode(&state, a->reply.items[0]))
            nonces[count++] = state.nonce;
    }
    if (count > 0)
        import_set_nonce(
            r->im, believable(nonces, count, faulty_max_of(r->nodes->genesis->members_count)));
    else if (unknown > 0)
        return why_set(why, RC_REFUSED, "the nodes know no participant with this key: %s",
                       verdict_text(VERDICT_UNKNOWN_KEY));
    else if (forbidden > 0)
        return why_set(why, RC_REFUSED, "the nodes do not let the nonce be read: %s",
                       nodes_code_text(r->nodes, request.type, PROTO_FORBIDDEN));
    return RC_OK;
}

/* ---- sending ---- */

static void tell_json(const struct import_item *item, const char *txid)
{
    json_t *whole =
        json_pack("{s:{s:o, s:s, s:b}}", "sending", "line", cli_json_number(item->first_line),
                  "txid", txid, "cancel", (int)item->is_cancel);
    CHECK(whole != NULL);
    (void)json_dumpf(whole, stderr, JSON_COMPACT);
    (void)fputc('\n', stderr);
    json_decref(whole);
}

static void tell(struct run *r, const struct import_item *item)
{
    char txid[DIGEST_HEX_BYTES];
    if (!r->config->is_telling || (!item->is_first_time && !item->is_cancel))
        return;
    progress_end(r->config->progress);
    digest_to_hex(txid, &item->txid);
    if (r->config->is_json) {
        tell_json(item, txid);
        return;
    }
    fprintf(stderr, "line %" PRIu64 ": %stxid %s\n", item->first_line,
            item->is_cancel ? "cancel, " : "", txid);
}

static void give_back(struct run *r, const struct lane *lane)
{
    for (uint32_t i = 0; i < lane->count; i++)
        import_on_lost(r->im, &lane->txids[i]);
}

static void leave(struct run *r, uint32_t node)
{
    if (r->main == node)
        r->main = (node + 1) % r->nodes->count;
}

static bool send_items(struct run *r, uint32_t lane, uint32_t node, const struct import_item *items,
                       uint32_t count)
{
    struct bytes txs[LANE_TXS];
    struct digest txids[LANE_TXS];
    struct why why = {""};
    CHECK(count >= 1);
    for (uint32_t i = 0; i < count; i++) {
        tell(r, &items[i]);
        txs[i] = items[i].tx;
        txids[i] = items[i].txid;
    }
    if (lanes_send(&r->lanes, lane, node, txs, txids, count, lane == HEAD_LANE ? HEAD_MS : WAIT_MS,
                   &why) == RC_OK)
        return true;
    for (uint32_t i = 0; i < count; i++)
        import_on_lost(r->im, &txids[i]);
    leave(r, node);
    r->pause_until_ms = loop_now_ms() + BREATH_MS;
    return false;
}

/* To another node each time: one that holds it without being able to commit it knows no more than
 * at first, and two have to refuse it before that is believed. */
static void send_head(struct run *r, uint64_t now_ms)
{
    for (uint32_t i = 0; i < r->nodes->count && !r->lanes.items[HEAD_LANE].is_busy; i++) {
        struct import_item item;
        uint32_t node = (r->main + r->head_turn) % r->nodes->count;
        r->head_turn++;
        if (import_take_head(r->im, node, now_ms, &item))
            send_items(r, HEAD_LANE, node, &item, 1);
    }
}

static void send_due(struct run *r)
{
    uint64_t now_ms = loop_now_ms();
    if (now_ms < r->pause_until_ms)
        return;
    send_head(r, now_ms);
    for (uint32_t lane = 0; lane < LANES; lane++) {
        struct import_item items[LANE_TXS];
        if (r->lanes.items[lane].is_busy)
            continue;
        uint32_t count = import_take(r->im, r->main, now_ms, LANE_TXS, LANE_TX_BYTES_MAX, items);
        if (count == 0 || !send_items(r, lane, r->main, items, count))
            return;
    }
}

/* ---- hearing ---- */

static enum rc take_results(struct run *r, const struct lane *lane, struct why *why)
{
    uint64_t now_ms = loop_now_ms();
    for (uint32_t i = 0; i < lane->count; i++) {
        const struct proto_result *result = &r->lanes.reply.results[i];
        enum rc rc = import_on_result(r->im, lane->node, result, now_ms, why);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static enum rc hear(struct run *r, struct why *why)
{
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < r->lanes.count && rc == RC_OK; i++) {
        const struct lane *lane = &r->lanes.items[i];
        enum lane_news news = lanes_take(&r->lanes, i);
        if (news == LANE_RESULTS)
            rc = take_results(r, lane, why);
        if (news != LANE_SILENT && news != LANE_USELESS)
            continue;
        give_back(r, lane);
        leave(r, lane->node);
        if (news == LANE_USELESS)
            r->pause_until_ms = loop_now_ms() + BREATH_MS;
    }
    return rc;
}

/* ---- proving ---- */

static void take_block(struct run *r, const struct block *block)
{
    struct rd body = rd_of(block->body);
    for (uint32_t i = 0; i < block->header.tx_count; i++) {
        struct tx tx;
        /* A certified block holds none that do not decode, if at most f members lie. */
        if (tx_decode(&tx, block_next_tx(&body), &block->header.chain_id) == VERDICT_OK)
            import_on_proven(r->im, &tx, block->header.height);
    }
}

/* False: no node that was asked has shown it. */
static bool prove_height(struct run *r, uint64_t height)
{
    struct why why = {""};
    for (uint32_t i = 0; i < r->nodes->count && !interrupt_was_asked(); i++) {
        uint32_t node = (r->main + i) % r->nodes->count;
        struct block block;
        if (shown_block(&r->shown, node, height, ASK_MS, &block, &why) != RC_OK)
            continue;
        take_block(r, &block);
        return true;
    }
    return false;
}

static void prove_foreign(struct run *r, const struct import_claim *claim)
{
    struct buf file = {0};
    struct receipt receipt;
    struct why why = {""};
    uint64_t deadline_ms = r->nodes->deadline_ms;
    r->nodes->deadline_ms = loop_now_ms() + 2 * ASK_MS;
    if (submit_receipt(r->nodes, &claim->txid, &file, &receipt, &why) == RC_OK)
        import_on_proven(r->im, &receipt.tx, receipt.header.height);
    r->nodes->deadline_ms = deadline_ms;
    buf_free(&file);
}

/* Each claim is proven now, or claimed anew later. */
static void prove_claims(struct run *r)
{
    struct import_claim claims[IMPORT_WINDOW_MAX];
    uint64_t asked_height = 0;
    uint32_t count = import_claims(r->im, claims);
    for (uint32_t i = 0; i < count; i++) {
        if (claims[i].is_foreign) {
            prove_foreign(r, &claims[i]);
        } else if (claims[i].height != asked_height) {
            asked_height = claims[i].height;
            prove_height(r, asked_height);
        }
    }
    uint64_t now_ms = loop_now_ms();
    for (uint32_t i = 0; i < count; i++)
        import_on_unproven(r->im, &claims[i].txid, now_ms); /* those that are left */
}

/* ---- the whole ---- */

static enum rc give_up(struct run *r, struct why *why)
{
    struct import_item item;
    struct import_look look;
    import_look(r->im, &look);
    double seconds = r->nodes->timeout_ms / 1000.0;
    if (!import_first_under_way(r->im, &item))
        return why_set(why, RC_TIMEOUT,
                       "no node answered within %.3g s: are they running (hansa status)? Nothing "
                       "is under way; the same command again goes on",
                       seconds);
    char txid[DIGEST_HEX_BYTES];
    digest_to_hex(txid, &item.txid);
    return why_set(why, RC_TIMEOUT,
                   "outcome unknown of %" PRIu32 " transactions with %" PRIu64 " rows: nothing "
                   "happened for %.3g s. The first is of line %" PRIu64 ", txid %s. The same "
                   "command again finds out about each, signs anew what can no longer be "
                   "committed, goes on and pays no row twice",
                   look.txs_under_way, look.rows_under_way, seconds, item.first_line, txid);
}

static void note_progress(struct run *r)
{
    struct import_look look;
    import_look(r->im, &look);
    uint64_t settled = look.rows_committed + look.rows_refused + look.nonces_lost;
    if (settled != r->rows_settled)
        nodes_restart(r->nodes);
    r->rows_settled = settled;
    progress_tell_rows(r->config->progress, look.rows_committed, r->config->rows_total,
                       look.rows_committed - look.rows_committed_before);
}

static bool is_any_busy(const struct run *r)
{
    for (uint32_t i = 0; i < r->lanes.count; i++) {
        if (r->lanes.items[i].is_busy)
            return true;
    }
    return false;
}

static void rest(struct run *r)
{
    uint64_t until_ms = loop_now_ms() + (is_any_busy(r) ? HEAD_MS : BREATH_MS);
    uint64_t due_ms = import_due_ms(r->im);
    if (due_ms > loop_now_ms() && due_ms < until_ms)
        until_ms = due_ms;
    lanes_wait(&r->lanes, until_ms);
}

static enum rc say_interrupted(const struct run *r, struct why *why)
{
    struct import_look look;
    char under_way[80] = "";
    import_look(r->im, &look);
    if (look.rows_under_way > 0)
        snprintf(under_way, sizeof under_way, ", and of %" PRIu64 " the outcome is not known yet",
                 look.rows_under_way);
    return why_set(why, RC_INTERRUPTED,
                   "interrupted: %" PRIu64 " of %" PRIu64 " rows are committed%s: the same command "
                   "again goes on, and pays no row twice",
                   look.rows_committed, r->config->rows_total, under_way);
}

/* One round: RC_NOT_FOUND when all is done. */
static enum rc turn(struct run *r, struct why *why)
{
    struct import_look look;
    enum rc rc = RC_OK;
    if (import_wants_nonce(r->im))
        rc = ask_nonce(r, why);
    if (rc == RC_OK)
        rc = import_fill(r->im, why);
    import_look(r->im, &look);
    if (rc != RC_OK || look.is_done)
        return rc == RC_OK ? RC_NOT_FOUND : rc;
    send_due(r);
    rest(r);
    rc = hear(r, why);
    if (rc == RC_OK)
        prove_claims(r);
    note_progress(r);
    if (rc != RC_OK)
        return rc;
    if (interrupt_was_asked())
        return say_interrupted(r, why);
    return nodes_left_ms(r->nodes) == 0 ? give_up(r, why) : RC_OK;
}

enum rc import_run(const struct import_run_config *config, struct why *why)
{
    struct run *r = mem_alloc(sizeof *r);
    enum rc rc = RC_OK;
    r->config = config;
    r->im = config->import;
    r->nodes = config->nodes;
    r->shown.nodes = config->nodes;
    lanes_open(&r->lanes, config->nodes, LANES + 1);
    nodes_restart(r->nodes);
    while (rc == RC_OK)
        rc = turn(r, why);
    struct why unwritten = {""};
    enum rc noted = import_note(r->im, &unwritten);
    if (rc == RC_NOT_FOUND && noted != RC_OK) {
        *why = unwritten; /* else what was not noted is learnt again */
        rc = noted;
    }
    lanes_close(&r->lanes);
    shown_close(&r->shown);
    for (uint32_t i = 0; i < MEMBERS_MAX; i++)
        nodes_answer_close(&r->answers[i]);
    mem_free(r);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}
