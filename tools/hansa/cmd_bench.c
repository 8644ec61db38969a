/* `hansa bench`: how much a chain of real nodes on this machine commits, as a share of what the
 * machine could verify at best. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/base/check.h"
#include "net/loop.h"
#include "tools/hansa/bench_box.h"
#include "tools/hansa/bench_machine.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/interrupt.h"
#include "tools/hansa/lanes.h"

enum {
    CLIENTS_MAX = 32,
    LANES_EACH = 2, /* requests of one client side by side */
    LANE_TXS = 32,  /* so that both fill the window of 64 nonces */
    WAIT_MS = 2000,
    OPS_BYTES_EACH = 64, /* of a transfer as it is made here, at most */
    MEMORY_MAX = 512 * 1024 * 1024
};

struct client {
    struct buf *txs; /* signed before the clock starts */
    struct digest *txids;
    uint32_t next; /* of txs */
};

/* A request, until all in it are committed. */
struct request {
    bool is_under_way;
    uint32_t client, first, count;
    uint64_t sent_us;
};

struct bench {
    struct cli *c;
    uint32_t nodes_count, clients_count, ops_per_tx, txs_each, per_request;
    uint64_t seconds;
    struct bench_box box;
    struct bench_machine machine;
    struct nodes nodes;
    struct lanes lanes;
    struct request requests[LANES_MAX];
    struct client clients[CLIENTS_MAX];
    uint64_t committed, run_us;
    uint32_t *latencies_us; /* of requests */
    size_t latencies_count, latencies_room;
};

static uint64_t now_us(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- signing, before the clock starts ---- */

static void sign_one(const struct bench *b, struct client *client, uint32_t index,
                     const struct sign_key *key, uint32_t number)
{
    struct op ops[TX_OPS_MAX];
    char from[32], to[32];
    snprintf(from, sizeof from, "c%" PRIu32 "/main", number);
    snprintf(to, sizeof to, "c%" PRIu32 "/main", (number + 1) % b->clients_count);
    for (uint32_t i = 0; i < b->ops_per_tx; i++) {
        ops[i] = (struct op){.type = OP_TRANSFER};
        ops[i].transfer = (struct op_transfer){.from = bytes_of_text(from),
                                               .to = bytes_of_text(to),
                                               .asset = bytes_of_text("BEN"),
                                               .amount = 1};
    }
    struct tx_draft draft = {.nonce = index + 1, .ops = ops, .ops_count = b->ops_per_tx};
    struct tx tx;
    const struct digest *chain_id = &b->box.genesis.chain_id;
    enum verdict v = tx_sign(&client->txs[index], &draft, key, chain_id);
    CHECK(v == VERDICT_OK);
    v = tx_decode(&tx, buf_bytes(&client->txs[index]), chain_id);
    CHECK(v == VERDICT_OK);
    client->txids[index] = tx.id;
}

static enum rc sign_all(struct bench *b, struct why *why)
{
    /* More than the machine can verify in the time, but not more than the memory takes. */
    double most = b->machine.cores * b->machine.verify_one / b->nodes_count * (double)b->seconds;
    uint64_t bytes_each =
        TX_HEAD_BYTES + SIGNATURE_BYTES + OPS_BYTES_EACH * (uint64_t)b->ops_per_tx;
    uint64_t fit = MEMORY_MAX / bytes_each;
    uint64_t all = most < (double)fit ? (uint64_t)most : fit;
    b->txs_each = (uint32_t)(all / b->clients_count) + b->per_request;
    for (uint32_t i = 0; i < b->clients_count; i++) {
        struct key key;
        enum rc rc = bench_box_key(&b->box, i, &key, why);
        if (rc != RC_OK)
            return rc;
        b->clients[i].txs = mem_alloc(b->txs_each * sizeof *b->clients[i].txs);
        b->clients[i].txids = mem_alloc(b->txs_each * sizeof *b->clients[i].txids);
        for (uint32_t k = 0; k < b->txs_each && !interrupt_was_asked(); k++)
            sign_one(b, &b->clients[i], k, &key.sign, i);
        key_close(&key);
    }
    return interrupt_was_asked() ? why_set(why, RC_INTERRUPTED, "interrupted") : RC_OK;
}

/* ---- the run ---- */

static enum rc send(struct bench *b, uint32_t lane, struct why *why)
{
    const struct request *r = &b->requests[lane];
    const struct client *client = &b->clients[r->client];
    struct bytes txs[LANE_TXS];
    CHECK(r->count >= 1);
    for (uint32_t i = 0; i < r->count; i++)
        txs[i] = buf_bytes(&client->txs[r->first + i]);
    return lanes_send(&b->lanes, lane, r->client % b->nodes_count, txs, client->txids + r->first,
                      r->count, WAIT_MS, why);
}

static enum rc send_next(struct bench *b, uint32_t lane, struct why *why)
{
    struct request *r = &b->requests[lane];
    struct client *client = &b->clients[lane / LANES_EACH];
    uint32_t left = b->txs_each - client->next;
    if (left == 0)
        return RC_OK;
    *r = (struct request){.is_under_way = true,
                          .client = lane / LANES_EACH,
                          .first = client->next,
                          .count = left < b->per_request ? left : b->per_request,
                          .sent_us = now_us()};
    client->next += r->count;
    return send(b, lane, why);
}

static void note_done(struct bench *b, struct request *r)
{
    if (b->latencies_count == b->latencies_room) {
        b->latencies_room = 2 * b->latencies_room + 1024;
        b->latencies_us = mem_resize(b->latencies_us, b->latencies_room * sizeof *b->latencies_us);
    }
    b->latencies_us[b->latencies_count++] = (uint32_t)(now_us() - r->sent_us);
    b->committed += r->count;
    r->is_under_way = false;
}

/* A lane has an answer: all committed, or the same once more. */
static enum rc judge(struct bench *b, uint32_t lane, enum lane_news news, struct why *why)
{
    struct request *r = &b->requests[lane];
    bool is_done = news == LANE_RESULTS;
    for (uint32_t i = 0; i < r->count && news == LANE_RESULTS; i++) {
        const struct proto_result *result = &b->lanes.reply.results[i];
        is_done = is_done && result->outcome == PROTO_COMMITTED;
        if (result->verdict != VERDICT_OK && result->outcome != PROTO_COMMITTED)
            return why_set(why, RC_REFUSED, "a node says of a transaction: %s",
                           verdict_text(result->verdict));
    }
    if (!is_done)
        return send(b, lane, why);
    note_done(b, r);
    return RC_OK;
}

static bool is_any_under_way(const struct bench *b)
{
    for (uint32_t i = 0; i < b->lanes.count; i++) {
        if (b->requests[i].is_under_way)
            return true;
    }
    return false;
}

/* Nothing new after the time; what is under way is waited for, and counts in time and number. */
static enum rc run_clients(struct bench *b, struct why *why)
{
    enum { PATIENCE_S = 30 };
    uint64_t began_us = now_us(), until_us = began_us + b->seconds * 1000000;
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < b->lanes.count && rc == RC_OK; i++)
        rc = send_next(b, i, why);
    while (rc == RC_OK && is_any_under_way(b)) {
        lanes_wait(&b->lanes, loop_now_ms() + WAIT_MS);
        for (uint32_t i = 0; i < b->lanes.count && rc == RC_OK; i++) {
            enum lane_news news = lanes_take(&b->lanes, i);
            if (news != LANE_NOTHING)
                rc = judge(b, i, news, why);
            if (rc == RC_OK && !b->requests[i].is_under_way && now_us() < until_us)
                rc = send_next(b, i, why);
        }
        if (interrupt_was_asked())
            rc = why_set(why, RC_INTERRUPTED, "interrupted");
        else if (rc == RC_OK && now_us() > until_us + PATIENCE_S * 1000000)
            rc = why_set(why, RC_TIMEOUT, "the nodes do not answer any more");
    }
    b->run_us = now_us() - began_us;
    return rc;
}

/* ---- answering ---- */

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static double percentile_ms(const struct bench *b, uint32_t percent)
{
    if (b->latencies_count == 0)
        return 0;
    return b->latencies_us[(b->latencies_count - 1) * percent / 100] / 1000.0;
}

static enum cli_exit answer(const struct bench *b)
{
    const struct bench_machine *m = &b->machine;
    double seconds = (double)b->run_us / 1e6;
    double rate = (double)b->committed / seconds;
    double bound = m->cores * m->verify_one / b->nodes_count;
    if (b->c->json) {
        json_t *out = json_pack("{s:i, s:i, s:i, s:i, s:i}", "nodes", (int)b->nodes_count,
                                "clients", (int)b->clients_count, "ops_per_tx", (int)b->ops_per_tx,
                                "txs_per_request", (int)b->per_request, "cores", (int)m->cores);
        const struct {
            const char *name;
            double value;
        } figures[] = {{"seconds", seconds},
                       {"txs_committed", (double)b->committed},
                       {"txs_per_second", rate},
                       {"ops_per_second", rate * b->ops_per_tx},
                       {"p50_ms", percentile_ms(b, 50)},
                       {"p99_ms", percentile_ms(b, 99)},
                       {"verify_per_second_one_core", m->verify_one},
                       {"verify_per_second_all_cores", m->verify_all},
                       {"fdatasync_per_second", m->syncs},
                       {"share_of_bound", rate / bound}};
        for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
            CHECK(json_object_set_new(out, figures[i].name, cli_json_measure(figures[i].value)) ==
                  0);
        return cli_answer(b->c, out);
    }
    cli_line("setting",
             "%" PRIu32 " nodes and %" PRIu32 " client%s on this machine, %" PRIu32
             " operation%s in a transaction",
             b->nodes_count, b->clients_count, cli_plural(b->clients_count), b->ops_per_tx,
             cli_plural(b->ops_per_tx));
    cli_line("machine", "%" PRIu32 " core%s; verify %.0f/s on one, %.0f/s on all; fdatasync %.0f/s",
             m->cores, cli_plural(m->cores), m->verify_one, m->verify_all, m->syncs);
    cli_line("committed", "%" PRIu64 " transactions in %.1f s", b->committed, seconds);
    cli_line("throughput", "%.0f transactions/s, %.0f operations/s", rate, rate * b->ops_per_tx);
    cli_line("share", "%.2f of cores x verify/s / nodes, which is %.0f/s", rate / bound, bound);
    cli_line("latency", "p50 %.1f ms, p99 %.1f ms, of requests with %" PRIu32 " transaction%s",
             percentile_ms(b, 50), percentile_ms(b, 99), b->per_request,
             cli_plural(b->per_request));
    return CLI_DONE;
}

/* ---- the whole ---- */

static enum rc run_in_box(struct bench *b, struct why *why)
{
    enum rc rc = bench_measure(&b->machine, b->box.dir, why);
    if (rc == RC_OK)
        rc = sign_all(b, why);
    if (rc == RC_OK)
        rc = nodes_open(&b->nodes, &b->box.genesis, NULL, 0, WAIT_MS, why);
    if (rc != RC_OK)
        return rc;
    lanes_open(&b->lanes, &b->nodes, LANES_EACH * b->clients_count);
    rc = run_clients(b, why);
    lanes_close(&b->lanes);
    nodes_close(&b->nodes);
    return rc;
}

static void free_all(struct bench *b)
{
    for (uint32_t i = 0; i < b->clients_count; i++) {
        for (uint32_t k = 0; k < b->txs_each && b->clients[i].txs != NULL; k++)
            buf_free(&b->clients[i].txs[k]);
        mem_free(b->clients[i].txs);
        mem_free(b->clients[i].txids);
    }
    mem_free(b->latencies_us);
    mem_free(b);
}

static enum cli_exit run(struct cli *c)
{
    struct why why = {""};
    uint64_t nodes = 4, clients = 8, ops = 1, seconds = 5;
    if (!cli_number(c, "nodes", MEMBERS_MIN, MEMBERS_MAX, &nodes) ||
        !cli_number(c, "clients", 2, CLIENTS_MAX, &clients) ||
        !cli_number(c, "ops-per-tx", 1, TX_OPS_MAX, &ops) ||
        !cli_number(c, "duration", 1, 3600, &seconds))
        return CLI_USAGE;
    struct bench *b = mem_alloc(sizeof *b);
    b->c = c;
    b->nodes_count = (uint32_t)nodes;
    b->clients_count = (uint32_t)clients;
    b->ops_per_tx = (uint32_t)ops;
    b->seconds = seconds;
    uint64_t fit = LANE_TX_BYTES_MAX / (256 + OPS_BYTES_EACH * ops);
    b->per_request = fit < LANE_TXS ? (uint32_t)fit : LANE_TXS;
    interrupt_watch();
    enum rc rc =
        bench_box_open(&b->box, b->nodes_count, b->clients_count, cli_value(c, "hansad"), &why);
    if (rc == RC_OK) {
        rc = run_in_box(b, &why);
        bench_box_close(&b->box);
    }
    if (b->latencies_count > 0)
        qsort(b->latencies_us, b->latencies_count, sizeof *b->latencies_us, compare);
    enum cli_exit code = rc == RC_OK ? answer(b) : cli_fail(c, rc, &why);
    free_all(b);
    return code;
}

static const struct cli_option options[] = {
    {"clients", "N", CLI_OPTIONAL, "participants that send side by side, 2 to 32; default 8"},
    {"ops-per-tx", "N", CLI_OPTIONAL, "transfers in one transaction; default 1"},
    {"duration", "SECONDS", CLI_OPTIONAL, "how long they send; default 5"},
    {"nodes", "N", CLI_OPTIONAL, "members of the chain; default 4"},
    {"hansad", "FILE", CLI_OPTIONAL, "the node's program; default: the one beside this tool"},
    {0}};

const struct command cmd_bench = {
    .words = "bench",
    .summary = "measure what a chain on this machine commits, as a share of what it could verify",
    .options = options,
    .text =
        "Runs a sandbox of its own, and removes it. Transactions are signed before the clock\n"
        "starts; each client has up to 64 under way. What the machine can do is measured in\n"
        "the same run: every node has to verify every transaction, so cores x verify/s / nodes\n"
        "bounds what can be committed with one operation in each.",
    .example = "hansa bench\n"
               "hansa bench --clients 16 --ops-per-tx 10 --duration 20",
    .exits = "0 measured; 5 the nodes cannot be run, or interrupted; 7 they stopped answering",
    .run = run,
};
