/* A node looks after itself: room on the disk, how far it is and how far behind, and whether it may
 * still vote; and says so in the log, in STATUS and in the metrics. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "crypto/base/check.h"
#include "crypto/base/version.h"
#include "net/crowd.h"
#include "node/hansad/node_impl.h"

/* ---- the disk ---- */

enum rc node_disk_free(uint64_t *out, const char *data_path, struct why *why)
{
    struct statvfs room;
    if (statvfs(data_path, &room) != 0)
        return why_set(why, RC_FILE_IO, "%s: the room on its disk cannot be told: %s", data_path,
                       strerror(errno));
    *out = (uint64_t)room.f_bavail * room.f_frsize;
    return RC_OK;
}

static uint64_t store_bytes(const struct node *n)
{
    char path[PATH_MAX + 16];
    struct stat st;
    snprintf(path, sizeof path, "%s/data.mdb", n->home->config->data);
    return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static void say_disk(struct node *n, bool is_short)
{
    struct log_line l;
    log_begin(&l, n->log, is_short ? LOG_ERROR : LOG_INFO, is_short ? "disk_low" : "disk_enough");
    log_number(&l, "free_bytes", n->disk_free_bytes);
    log_number(&l, "reserve_bytes", n->home->config->disk_reserve_bytes);
    log_words(&l, "words",
              is_short ? "no client's transactions are taken until there is room again; proposals, "
                         "votes and reads go on: make room"
                       : "transactions are taken");
    log_end(&l);
}

static void look_at_disk(struct node *n)
{
    struct why why = {{0}};
    const struct config *c = n->home->config;
    bool is_unknown = node_disk_free(&n->disk_free_bytes, c->data, &why) != RC_OK;
    if (is_unknown && !n->was_disk_unknown)
        log_say(n->log, LOG_WARN, "disk_unknown", why.text);
    n->was_disk_unknown = is_unknown;
    if (is_unknown)
        return;
    n->store_bytes = store_bytes(n);
    bool is_short = n->disk_free_bytes < c->disk_reserve_bytes;
    /* A copy is at most as large as what it is of. */
    bool has_room = !is_short && n->disk_free_bytes - c->disk_reserve_bytes > n->store_bytes;
    serve_set_room(n->serve, !is_short, has_room);
    if (is_short != n->was_short_of_disk)
        say_disk(n, is_short);
    n->was_short_of_disk = is_short;
}

/* ---- readers ---- */

void node_clear_readers(struct node *n)
{
    struct why why = {{0}};
    struct log_line l;
    uint32_t cleared_count = 0;
    if (kv_lmdb_clear_readers(n->home->kv, &cleared_count, &why) != RC_OK) {
        log_say(n->log, LOG_WARN, "readers_unknown", why.text);
        return;
    }
    if (cleared_count == 0)
        return;
    log_begin(&l, n->log, LOG_INFO, "readers_cleared");
    log_number(&l, "count", cleared_count);
    log_words(&l, "words",
              "other programs looked into the store and were killed; they held up the reuse of its "
              "pages");
    log_end(&l);
}

/* ---- strangers ---- */

static void look_at_crowd(struct node *n)
{
    const char *const addresses[] = {home_peer_address(n->home), home_client_address(n->home)};
    struct crowd_look crowd;
    uint64_t skipped;
    struct log_line l;
    crowd_thin(&crowd, addresses, 2, NET_CONNECTIONS_MAX);
    if (crowd.ended_count == 0 ||
        !log_may(&n->crowd_limit, n->time.now_ms, NODE_PROGRESS_MS, &skipped))
        return;
    log_begin(&l, n->log, LOG_WARN, "crowd");
    log_number(&l, "connections", crowd.connections_count);
    log_number(&l, "ended", crowd.ended_count);
    log_words(&l, "words",
              "too many connections to the two ports: those that were silent for longest were "
              "ended; let a firewall say who may connect");
    log_end(&l);
}

/* ---- progress ---- */

static int compare_descending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

uint64_t node_behind(const struct node *n, const struct driver_look *look)
{
    uint64_t claims[MEMBERS_MAX];
    uint32_t count = n->home->genesis.members_count;
    memcpy(claims, look->claimed_heights, sizeof claims);
    qsort(claims, count, sizeof *claims, compare_descending);
    uint64_t highest = claims[faulty_max_of(count)]; /* f may lie, one more does not */
    if (look->core.certified_height > highest)
        highest = look->core.certified_height;
    return highest > look->durable_height ? highest - look->durable_height : 0;
}

static uint32_t peers_live(const struct node *n)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->home->genesis.members_count; i++) {
        struct peers_look peer;
        if (i == n->home->own_index)
            continue;
        peers_look(n->peers, i, &peer);
        count += peer.is_live;
    }
    return count;
}

uint64_t node_left_s(uint64_t behind_heights, uint64_t made_heights, uint64_t took_ms)
{
    double made_per_s = took_ms > 0 ? (double)made_heights * 1000 / (double)took_ms : 0;
    return made_per_s > 0 ? (uint64_t)((double)behind_heights / made_per_s) + 1 : 0;
}

/* While it is behind: how long it will be, or that it gets nowhere. */
static void add_pace(struct log_line *l, uint64_t behind, uint64_t made, uint64_t took_ms)
{
    if (behind > 0 && made > 0)
        log_number(l, "left_s", node_left_s(behind, made, took_ms));
    else if (behind > 0)
        log_words(l, "words",
                  "it has come no nearer since the last look: nobody sends it what it lacks, or "
                  "its disk stands still");
}

static void say_progress(struct node *n, const struct driver_look *look)
{
    struct serve_look serve;
    struct log_line l;
    uint64_t behind = node_behind(n, look);
    uint64_t made = look->durable_height - n->progress_height;
    uint64_t took_ms = n->time.now_ms - n->progressed_ms;
    n->progressed_ms = n->time.now_ms;
    serve_look(n->serve, &serve);
    bool is_news = look->durable_height != n->progress_height || behind > 0 ||
                   look->pool.txs_count > 0 || n->log->level >= LOG_DEBUG;
    if (!is_news)
        return;
    log_begin(&l, n->log, behind > 0 && made == 0 ? LOG_WARN : LOG_INFO, "progress");
    log_number(&l, "height", look->durable_height);
    log_number(&l, "behind", behind);
    add_pace(&l, behind, made, took_ms);
    log_number(&l, "view", look->core.view);
    log_number(&l, "primary", look->core.is_primary);
    log_number(&l, "peers_live", peers_live(n));
    log_number(&l, "txs", serve.txs_committed - n->progress_txs);
    log_number(&l, "pending", look->pool.txs_count);
    log_end(&l);
    n->progress_height = look->durable_height;
    n->progress_txs = serve.txs_committed;
}

/* ---- what must not go unseen ---- */

/* Once with the two roots; a start after that has the words alone, and the copy (aside.h). */
static void say_diverged(const struct node *n, const struct driver_divergence *d)
{
    struct log_line l;
    log_begin(&l, n->log, LOG_ERROR, "diverged");
    if (d->height > 0) {
        log_number(&l, "height", d->height);
        log_digest(&l, "root", &d->root);
        log_digest(&l, "certified_root", &d->certified_root);
    }
    log_words(&l, "words",
              "the state of this node is not the one that a quorum of the members has certified: "
              "its disk or its program is wrong; it votes no more until it has put that state "
              "aside and taken the certified one from the others; look after the disk");
    log_end(&l);
}

void node_say_changes(struct node *n, const struct driver_look *look)
{
    if (look->core.is_learner && !n->was_learner)
        log_say(n->log, LOG_ERROR, "learner",
                n->home->is_fenced
                    ? n->home->fence_why.text
                    : "this key has signed what this store does not know: it never votes again and "
                      "follows as a learner; does it run in two places, or was the store put back "
                      "from a copy? There is no way yet to give the member a new key");
    if (look->core.is_alarmed && !n->was_alarmed)
        log_say(n->log, LOG_ERROR, "safety_alarm",
                "two certificates contradict each other, so more than f members lie: this node has "
                "stopped voting and stays readable; keep its data directory, it holds both "
                "certificates");
    if (look->is_diverged && !n->was_diverged)
        say_diverged(n, &look->divergence);
    n->was_learner = look->core.is_learner;
    n->was_diverged = look->is_diverged;
    n->was_alarmed = look->core.is_alarmed;
}

/* Whoever sent it over his link is to blame; correct members send of another epoch too. */
void node_say_refused(struct node *n, const struct driver_look *look)
{
    struct log_line l;
    uint64_t skipped;
    bool is_news = false;
    for (int i = VERIFY_KEEP + 1; i < VERIFY_DROP_COUNT; i++)
        is_news |= i != VERIFY_DROP_OTHER_EPOCH && look->verify_drops[i] != n->said_drops[i];
    if (!is_news || !log_may(&n->refused_limit, n->time.now_ms, NODE_PROGRESS_MS, &skipped))
        return;
    log_begin(&l, n->log, LOG_WARN, "refused");
    for (int i = VERIFY_KEEP + 1; i < VERIFY_DROP_COUNT; i++)
        if (i != VERIFY_DROP_OTHER_EPOCH && look->verify_drops[i] != n->said_drops[i])
            log_number(&l, verify_drop_word((enum verify_drop)i),
                       look->verify_drops[i] - n->said_drops[i]);
    log_words(&l, "words",
              "messages of members that were not what they should be: one of them is faulty or "
              "lies");
    log_end(&l);
    memcpy(n->said_drops, look->verify_drops, sizeof n->said_drops);
}

/* A block comes from others by itself; beyond that there is little to do: no command mends a store,
 * another member's is of another replica, and an
 * older copy of this one might vote twice (4.2). */
void node_say_damaged(struct node *n, const struct driver_look *look)
{
    struct log_line l;
    uint64_t skipped;
    if (look->damaged_count == n->said_damaged ||
        !log_may(&n->damaged_limit, n->time.now_ms, NODE_PROGRESS_MS, &skipped))
        return;
    log_begin(&l, n->log, LOG_ERROR, "damaged");
    log_number(&l, "reads", look->damaged_count - n->said_damaged);
    log_words(&l, "what", look->damaged_why.text);
    log_words(
        &l, "words",
        "it is given to nobody and this node goes on: the other members have it; a block that is "
        "damaged is fetched from them, and nothing else is mended here; look after the disk, and "
        "when it suits stop the node and run hansa "
        "audit on its data directory to see what else is damaged; keep that directory, it holds "
        "what this key signed: never start an older copy in its place");
    log_end(&l);
    n->said_damaged = look->damaged_count;
}

static void say_behind(struct node *n, const struct driver_look *look)
{
    struct log_line l;
    uint64_t behind = node_behind(n, look);
    bool is_behind = behind >= NODE_BEHIND_HEIGHTS || (n->was_behind && behind > 0);
    if (is_behind == n->was_behind)
        return;
    log_begin(&l, n->log, LOG_INFO, is_behind ? "catching_up" : "caught_up");
    log_number(&l, "height", look->durable_height);
    log_number(&l, "behind", behind);
    log_end(&l);
    n->was_behind = is_behind;
}

void node_watch(struct node *n)
{
    struct driver_look look;
    uint64_t now_ms = n->time.now_ms;
    if (now_ms < n->look_ms)
        return;
    n->look_ms = now_ms + NODE_LOOK_MS;
    node_look(n, &look);
    node_say_changes(n, &look);
    node_say_views(n, &look);
    node_say_checkpoint(n, &look);
    node_say_snapshot(n, &look);
    say_behind(n, &look);
    node_say_refused(n, &look);
    node_say_damaged(n, &look);
    node_say_evidence(n, &look);
    if (now_ms >= n->disk_ms) {
        n->disk_ms = now_ms + NODE_DISK_MS;
        look_at_disk(n);
        look_at_crowd(n);
        if (n->backup != NULL)
            backup_run(n->backup, now_ms);
    }
    if (now_ms >= n->readers_ms) {
        if (n->readers_ms != 0) /* opening the store did it */
            node_clear_readers(n);
        n->readers_ms = now_ms + NODE_READERS_MS;
    }
    if (now_ms >= n->progress_ms) {
        if (n->progress_ms != 0)
            say_progress(n, &look);
        n->progress_ms = now_ms + NODE_PROGRESS_MS;
    }
}

uint64_t node_watch_deadline_ms(const struct node *n)
{
    return n->look_ms;
}

void node_say_started(struct node *n)
{
    const struct home *h = n->home;
    struct driver_look look;
    struct log_line l;
    node_look(n, &look);
    n->progress_height = look.durable_height;
    n->progressed_ms = n->time.now_ms;
    n->said_stable_height = look.core.stable_height;
    log_begin(&l, n->log, LOG_INFO, "started");
    log_words(&l, "version", HANSA_VERSION);
    log_words(&l, "chain", h->genesis.chain);
    log_digest(&l, "chain_id", &h->genesis.chain_id);
    log_words(&l, "replica", home_member(h)->name);
    log_number(&l, "index", h->own_index);
    log_words(&l, "peer_address", home_peer_address(h));
    log_words(&l, "client_address", home_client_address(h));
    log_words(&l, "data", h->config->data);
    log_number(&l, "height", look.durable_height);
    log_number(&l, "view", look.core.view);
    log_number(&l, "votes",
               !look.core.is_learner && !look.core.is_alarmed && !look.core.is_diverged);
    log_number(&l, "verify_threads", workers_count(n->workers));
    log_end(&l);
}

/* ---- STATUS ---- */

static void tell_peer(const struct node *n, uint32_t index, const struct driver_look *look,
                      struct proto_peer *out)
{
    struct peers_look peer;
    out->committed_height = look->claimed_heights[index];
    out->evidence = look->scores[index].evidence;
    if (index == n->home->own_index) {
        out->is_live = 1;
        out->committed_height = look->durable_height;
        return;
    }
    peers_look(n->peers, index, &peer);
    out->is_live = peer.is_live;
    out->heard_ms_ago = UINT64_MAX;
    if (peer.heard_ms != 0)
        out->heard_ms_ago = n->time.now_ms > peer.heard_ms ? n->time.now_ms - peer.heard_ms : 0;
}

void node_status(void *context, struct proto_status *out)
{
    const struct node *n = context;
    const struct home *h = n->home;
    const struct block_header *head = store_head(h->store);
    struct driver_look look;
    struct serve_look serve;
    node_look(n, &look);
    serve_look(n->serve, &serve);
    *out = (struct proto_status){.chain_id = h->genesis.chain_id,
                                 .member_index = (uint8_t)h->own_index,
                                 .view = look.core.view,
                                 .mode = (uint8_t)look.core.mode,
                                 .is_primary = look.core.is_primary,
                                 .is_learner = look.core.is_learner,
                                 .is_alarmed = look.core.is_alarmed,
                                 .is_diverged = look.is_diverged,
                                 .is_installed = look.core.is_installed,
                                 .complaint = (uint8_t)look.core.complaint,
                                 .mode_ms = n->time.now_ms - look.views.since_ms,
                                 .timeout_ms = look.core.timeout_ms,
                                 .view_changes = look.views.left_count,
                                 .stable_height = look.core.stable_height,
                                 .checkpoint_height = look.core.checkpoint_height,
                                 .history_from_height = look.history_from_height,
                                 .snapshot_height = look.snapshot.height,
                                 .snapshot_per_mille = look.snapshot.done_per_mille,
                                 .committed_height = look.core.committed.height,
                                 .durable_height = look.durable_height,
                                 .flushed_height = store_flushed_height(h->store),
                                 .certified_height = look.core.certified_height,
                                 .head_digest = *store_head_digest(h->store),
                                 .head_time_ms = head->time_ms,
                                 .wall_ms = loop_wall_ms(), /* held against the asker's */
                                 .up_ms = n->time.now_ms - n->started_ms,
                                 .pool_txs = look.pool.txs_count,
                                 .pool_bytes = look.pool.bytes,
                                 .store_bytes = n->store_bytes,
                                 .disk_free_bytes = n->disk_free_bytes,
                                 .disk_reserve_bytes = h->config->disk_reserve_bytes,
                                 .takes_transactions = serve.takes_txs,
                                 .txs_committed = serve.txs_committed,
                                 .peers_count = (uint8_t)h->genesis.members_count};
    for (uint32_t i = 0; i < h->genesis.members_count; i++)
        tell_peer(n, i, &look, &out->peers[i]);
}
