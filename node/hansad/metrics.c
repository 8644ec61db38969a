/* Metrics as Prometheus text (version 0.0.4), made when they are asked for. */
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "node/hansad/node_impl.h"

const uint64_t node_commit_bounds_us[NODE_COMMIT_BUCKETS] = {250,   500,    1000,   2500,
                                                             10000, 100000, 500000, 2500000};

static void add(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct buf *out, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    CHECK(size >= 0 && (size_t)size < sizeof line); /* words of ours and judged names only */
    buf_add(out, line, (size_t)size);
}

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    add(out, "# HELP hansa_%s %s\n# TYPE hansa_%s %s\n", name, help, name, type);
}

static void one(struct buf *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    head(out, name, type, help);
    add(out, "hansa_%s %" PRIu64 "\n", name, value);
}

static void with_label(struct buf *out, const char *name, const char *label, const char *word,
                       uint64_t value)
{
    add(out, "hansa_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, word, value);
}

/* ---- parts ---- */

static void tell_chain(const struct node *n, const struct driver_look *look, struct buf *out)
{
    const struct home *h = n->home;
    char chain_id[DIGEST_HEX_BYTES];
    digest_to_hex(chain_id, &h->genesis.chain_id);
    head(out, "info", "gauge", "What this node is; always 1.");
    add(out, "hansa_info{chain=\"%s\",chain_id=\"%s\",replica=\"%s\"} 1\n", h->genesis.chain,
        chain_id, home_member(h)->name);
    one(out, "height", "gauge", "Highest block committed and durable here.", look->durable_height);
    one(out, "flushed_height", "gauge", "Height up to which the state is flushed.",
        store_flushed_height(h->store));
    one(out, "certified_height", "gauge", "Highest height with a commit certificate seen.",
        look->core.certified_height);
    one(out, "behind_heights", "gauge", "How far this node is behind what is committed.",
        node_behind(n, look));
    one(out, "head_time_ms", "gauge", "Time of the newest block, ms since 1970.",
        store_head(h->store)->time_ms);
    one(out, "view", "gauge", "View of the agreement.", look->core.view);
    one(out, "view_changes_total", "counter", "Views left.", look->views.left_count);
    one(out, "views_installed_total", "counter", "Views installed after one was left.",
        look->views.installed_count);
    one(out, "is_changing_view", "gauge", "1: it has left its view and waits for the next.",
        look->core.mode == PBFT_CHANGING);
    one(out, "view_timeout_ms", "gauge",
        "Without a commit for so long, it wants to leave its view.", look->core.timeout_ms);
    head(out, "complaints_total", "counter", "Own complaints, one for a view, by reason.");
    for (uint32_t i = PBFT_REASON_NONE + 1; i < PROTO_REASON_COUNT; i++)
        with_label(out, "complaints_total", "reason", proto_reason_word(i),
                   look->views.complaints[i]);
    one(out, "is_primary", "gauge", "1: this node is its view's primary.", look->core.is_primary);
    one(out, "is_learner", "gauge", "1: this key never votes again (rule 4.2).",
        look->core.is_learner);
    one(out, "is_alarmed", "gauge", "1: safety alarm, more than f members lie.",
        look->core.is_alarmed);
    one(out, "is_diverged", "gauge", "1: the own state is not the certified one (rule 8.2).",
        look->is_diverged);
    one(out, "awaited_height", "gauge",
        "0, or a block that is damaged here and fetched: there is no state without it.",
        look->awaited_height);
    one(out, "is_taking_snapshot", "gauge", "1: the state is being taken from others (9.3).",
        look->is_taking_snapshot);
    one(out, "snapshot_per_mille", "gauge", "How much of it is here.",
        look->snapshot.done_per_mille);
    one(out, "snapshot_pieces", "gauge", "Pieces of it that are here.", look->snapshot.pieces_done);
    one(out, "snapshot_bad_pieces", "gauge", "Pieces that were refused.", look->snapshot_faults);
    one(out, "history_from_height", "gauge", "Blocks below are not here yet; 1: all are.",
        look->history_from_height);
    one(out, "stable_height", "gauge", "Newest certified checkpoint that is the own state.",
        look->core.stable_height);
    one(out, "checkpoint_height", "gauge", "Newest certified checkpoint seen.",
        look->core.checkpoint_height);
    one(out, "root_height", "gauge", "Newest checkpoint height whose state root is durable here.",
        look->root.height);
}

static void tell_work(const struct node *n, const struct driver_look *look, struct buf *out)
{
    struct serve_look serve;
    serve_look(n->serve, &serve);
    one(out, "committed_txs_total", "counter", "Transactions committed since the start.",
        serve.txs_committed);
    one(out, "committed_bytes_total", "counter", "Bytes of blocks committed since the start.",
        serve.bytes_committed);
    one(out, "pool_txs", "gauge", "Pending transactions.", look->pool.txs_count);
    one(out, "pool_bytes", "gauge", "Their bytes.", look->pool.bytes);
    one(out, "pool_executable_txs", "gauge", "Pending transactions that apply now.",
        look->pool.executable_count);
    one(out, "uncommitted_blocks", "gauge", "Blocks held above the committed height.",
        look->blocks_count);
    one(out, "uncommitted_blocks_bytes", "gauge", "Their bytes.", look->blocks_bytes);
    one(out, "inbox_bytes", "gauge", "Messages that wait for their turn.", look->inbox_bytes);
    one(out, "verify_jobs_inline_total", "counter",
        "Jobs run on the protocol thread because the verifiers' ring was full.",
        n->jobs_inline_count);
    one(out, "waiting_requests", "gauge", "Clients that wait for a transaction.",
        serve.waits_count);
    one(out, "held_reply_bytes", "gauge", "Replies that wait for the disk.", serve.held_bytes);
    head(out, "requests_total", "counter", "Requests of clients, by type.");
    static const char *const types[PROTO_TYPE_END] = {[0] = "not_understood",
#define X(name, number, word) [number] = word,
                                                      PROTO_TYPE_LIST(X)
#undef X
    };
    for (int i = 0; i < PROTO_TYPE_END; i++)
        with_label(out, "requests_total", "type", types[i], serve.requests[i]);
    head(out, "replies_total", "counter", "Replies to them, by code.");
    for (int i = 0; i < PROTO_CODE_COUNT; i++)
        with_label(out, "replies_total", "code", proto_code_word((enum proto_code)i),
                   serve.codes[i]);
    head(out, "outcomes_total", "counter", "What clients were told of transactions.");
    static const char *const outcomes[] = {
#define X(name, word) word,
        PROTO_OUTCOME_LIST(X)
#undef X
    };
    for (int i = 0; i < PROTO_OUTCOME_COUNT; i++)
        with_label(out, "outcomes_total", "outcome", outcomes[i], serve.outcomes[i]);
}

static void tell_drops(const struct node *n, const struct driver_look *look, struct buf *out)
{
    head(out, "core_drops_total", "counter", "Messages that the protocol had no use for.");
    for (int i = 0; i < PBFT_DROP_COUNT; i++)
        if (i != PBFT_KEEP)
            with_label(out, "core_drops_total", "reason", pbft_drop_word((enum pbft_drop)i),
                       look->core_drops[i]);
    head(out, "verify_drops_total", "counter", "Messages that were not what they should be.");
    for (int i = 0; i < VERIFY_DROP_COUNT; i++)
        if (i != VERIFY_KEEP)
            with_label(out, "verify_drops_total", "reason", verify_drop_word((enum verify_drop)i),
                       look->verify_drops[i]);
    one(out, "inbox_drops_total", "counter", "Messages dropped because a peer's queue was full.",
        look->inbox_drops);
    one(out, "output_drops_total", "counter", "Messages beyond what a turn keeps.",
        look->output_drops);
    one(out, "answer_drops_total", "counter", "Bodies beyond a peer's budget.", look->answer_drops);
    one(out, "turn_outputs", "gauge", "Messages that wait for the disk.", look->outputs_count);
    one(out, "turn_output_bytes", "gauge", "Their bytes.", look->outputs_bytes);
    one(out, "stranger_drops_total", "counter", "Frames in nobody's name.",
        peers_stranger_drops(n->peers));
}

static void tell_storage(const struct node *n, const struct driver_look *look, struct buf *out)
{
    head(out, "commit_seconds", "histogram", "Time to make a batch durable.");
    for (int i = 0; i < NODE_COMMIT_BUCKETS; i++)
        add(out, "hansa_commit_seconds_bucket{le=\"%.6g\"} %" PRIu64 "\n",
            (double)node_commit_bounds_us[i] / 1e6, n->commit_buckets[i]);
    add(out, "hansa_commit_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", n->commits_count);
    add(out, "hansa_commit_seconds_sum %.6f\n", (double)n->commits_us / 1e6);
    add(out, "hansa_commit_seconds_count %" PRIu64 "\n", n->commits_count);
    one(out, "commit_bytes_total", "counter", "Keys and values of all batches.", n->commits_bytes);
    one(out, "damaged_reads_total", "counter",
        "Reads of the store that met damage and gave nothing; the log says where.",
        look->damaged_count);
    one(out, "reopenings_total", "counter", "How often the store was opened anew.",
        n->reopen.count);
    one(out, "reopen_wait_ms", "gauge", "How long the last of them waited, or the next one waits.",
        n->reopen.wait_ms);
    one(out, "marker_writes_total", "counter", "How often the marker was raised (rule 4.2).",
        n->marks_count);
    one(out, "store_bytes", "gauge", "Bytes of the store on the disk.", n->store_bytes);
    one(out, "disk_free_bytes", "gauge", "Bytes free on its disk.", n->disk_free_bytes);
    one(out, "disk_reserve_bytes", "gauge", "With less free, no transactions are taken.",
        n->home->config->disk_reserve_bytes);
    one(out, "takes_transactions", "gauge", "0: the disk is below its reserve.",
        !n->was_short_of_disk);
}

static const struct peer_metric {
    const char *name, *type, *help;
    size_t offset; /* of a u64 in peers_look */
} peer_metrics[] = {
#define AT(field) offsetof(struct peers_look, field)
    {"peer_sessions_total", "counter", "Sessions with the peer.", AT(sessions_count)},
    {"peer_reconnects_total", "counter", "Connections made anew.", AT(reconnects_count)},
    {"peer_sent_total", "counter", "Messages sent.", AT(sent_count)},
    {"peer_sent_bytes_total", "counter", "Their bytes.", AT(sent_bytes)},
    {"peer_received_total", "counter", "Messages received.", AT(received_count)},
    {"peer_received_bytes_total", "counter", "Their bytes.", AT(received_bytes)},
    {"peer_queue_bytes", "gauge", "Bytes that wait to be sent.", AT(queue_bytes)},
    {"peer_queue_drops_total", "counter", "Messages dropped unsent.", AT(queue_drops)},
    {"peer_frame_drops_total", "counter", "Frames in its name that were refused.", AT(frame_drops)},
#undef AT
};

static void tell_peers(const struct node *n, const struct driver_look *driver, struct buf *out)
{
    const struct genesis *g = &n->home->genesis;
    struct peers_look looks[MEMBERS_MAX];
    memset(looks, 0, sizeof looks);
    for (uint32_t i = 0; i < g->members_count; i++)
        if (i != n->home->own_index)
            peers_look(n->peers, i, &looks[i]);
    head(out, "peer_live", "gauge", "1: a session with the peer is live.");
    for (uint32_t i = 0; i < g->members_count; i++)
        if (i != n->home->own_index)
            with_label(out, "peer_live", "peer", g->members[i].name, looks[i].is_live);
    head(out, "peer_claimed_height", "gauge", "Committed height that the peer claims.");
    for (uint32_t i = 0; i < g->members_count; i++)
        if (i != n->home->own_index)
            with_label(out, "peer_claimed_height", "peer", g->members[i].name,
                       driver->claimed_heights[i]);
    for (size_t m = 0; m < sizeof peer_metrics / sizeof *peer_metrics; m++) {
        const struct peer_metric *metric = &peer_metrics[m];
        head(out, metric->name, metric->type, metric->help);
        for (uint32_t i = 0; i < g->members_count; i++) {
            uint64_t value;
            memcpy(&value, (const char *)&looks[i] + metric->offset, sizeof value);
            if (i != n->home->own_index)
                with_label(out, metric->name, "peer", g->members[i].name, value);
        }
    }
}

static void tell_clients(const struct node *n, struct buf *out)
{
    struct clients_look look;
    clients_look(n->clients, &look);
    one(out, "client_requests_total", "counter", "Requests opened.", look.requests_count);
    one(out, "client_replies_total", "counter", "Replies sent.", look.replies_count);
    one(out, "client_waiting", "gauge", "Requests not replied to yet.", look.waiting_count);
    one(out, "client_forgotten_total", "counter", "Requests forgotten because too many waited.",
        look.forgotten_count);
    one(out, "client_refused_total", "counter", "Frames that did not open.", look.refused_count);
}

static const struct score_metric {
    const char *name, *help;
    size_t offset; /* of a u64 in driver_score */
} score_metrics[] = {
#define AT(field) offsetof(struct driver_score, field)
    {"peer_bad_signatures_total", "Messages over its link with a signature that is none.",
     AT(bad_signatures)},
    {"peer_conflicts_total", "Votes and proposals against earlier ones of its own.", AT(conflicts)},
    {"peer_accusations_total", "Proposals that were not valid on this node's state.",
     AT(accusations)},
#undef AT
};

/* The own entry too: somebody may have used this node's key. */
static void tell_scores(const struct node *n, const struct driver_look *look, struct buf *out)
{
    const struct genesis *g = &n->home->genesis;
    for (size_t m = 0; m < sizeof score_metrics / sizeof *score_metrics; m++) {
        head(out, score_metrics[m].name, "counter", score_metrics[m].help);
        for (uint32_t i = 0; i < g->members_count; i++) {
            uint64_t value;
            memcpy(&value, (const char *)&look->scores[i] + score_metrics[m].offset, sizeof value);
            if (i != n->home->own_index)
                with_label(out, score_metrics[m].name, "peer", g->members[i].name, value);
        }
    }
    head(out, "evidence", "gauge", "1: there is proof that the member lied, of this kind.");
    for (uint32_t i = 0; i < g->members_count; i++)
        for (int kind = 1; kind < PBFT_EVIDENCE_KINDS_END; kind++)
            add(out, "hansa_evidence{peer=\"%s\",kind=\"%s\"} %d\n", g->members[i].name,
                pbft_evidence_word((enum pbft_evidence_kind)kind),
                (look->scores[i].evidence & PBFT_EVIDENCE_BIT(kind)) != 0);
}

void node_metrics(void *context, struct buf *out)
{
    const struct node *n = context;
    struct driver_look look;
    node_look(n, &look);
    tell_chain(n, &look, out);
    one(out, "up_ms", "gauge", "Time since the start.", n->time.now_ms - n->started_ms);
    tell_work(n, &look, out);
    tell_drops(n, &look, out);
    tell_storage(n, &look, out);
    tell_peers(n, &look, out);
    tell_scores(n, &look, out);
    tell_clients(n, out);
}
