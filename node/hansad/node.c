/* Binding: the driver's interfaces, and the loop. */
#include "node/hansad/node.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "node/hansad/node_impl.h"

_Static_assert((int)NET_PEER_MSG_BYTES_MAX == (int)PBFT_MSG_BYTES_MAX, "one message, one limit");
_Static_assert((int)NET_CLIENT_MSG_BYTES_MAX == (int)PROTO_MSG_BYTES_MAX, "the same for clients");

enum { PEER_VERSION = 1 }; /* of what replicas say to each other: PROTOCOL.md, as it is now */

struct driver_time node_time(void)
{
    return (struct driver_time){.now_ms = loop_now_ms(), .wall_ms = loop_wall_ms()};
}

/* The first reason stays. */
static void fail(struct node *n, enum rc rc, const struct why *why)
{
    if (n->failure != RC_OK)
        return;
    n->failure = rc;
    n->failure_why = *why;
}

/* ---- what comes in ---- */

static void on_message(void *context, uint32_t from, struct bytes message)
{
    struct node *n = context;
    uint64_t skipped;
    if (driver_on_message(n->driver, from, message))
        return;
    if (!log_may(&n->inbox_limit[from], n->time.now_ms, NODE_PROGRESS_MS, &skipped))
        return;
    struct log_line l;
    log_begin(&l, n->log, LOG_WARN, "inbox_full");
    log_words(&l, "peer", n->home->genesis.members[from].name);
    log_number(&l, "dropped", skipped + 1);
    log_end(&l);
}

static void on_notice(void *context, uint32_t peer, bool is_trouble, const char *words)
{
    struct node *n = context;
    struct log_line l;
    log_begin(&l, n->log, is_trouble ? LOG_WARN : LOG_INFO, "peer");
    log_words(&l, "peer", n->home->genesis.members[peer].name);
    log_words(&l, "words", words);
    log_end(&l);
}

static void on_request(void *context, uint64_t number, struct bytes request)
{
    struct node *n = context;
    serve_on_request(n->serve, number, request, node_time()); /* not that of before the wait */
}

static void reply(void *context, uint64_t number, struct bytes bytes)
{
    struct node *n = context;
    clients_reply(n->clients, number, bytes);
}

static bool session(void *context, uint64_t number, uint8_t out[static LINK_KEY_BYTES])
{
    const struct node *n = context;
    return clients_session(n->clients, number, out);
}

static void count_commit(struct node *n, const struct storage_done *done)
{
    n->commits_count++;
    n->commits_us += done->took_us;
    n->commits_bytes += done->bytes;
    for (int i = 0; i < NODE_COMMIT_BUCKETS; i++)
        n->commit_buckets[i] += done->took_us <= node_commit_bounds_us[i];
}

static void on_storage(void *context)
{
    struct node *n = context;
    struct storage_done done;
    if (!storage_take(n->storage, &done))
        return;
    if (done.rc != RC_OK)
        fail(n, done.rc, &done.why);
    if (done.is_marker) {
        n->marks_count++;
        driver_on_marked(n->driver, done.rc);
    } else {
        count_commit(n, &done);
        driver_on_durable(n->driver, done.rc);
    }
}

static void on_jobs(void *context)
{
    struct node *n = context;
    for (int i = 0; i < NODE_JOBS_TAKEN_MAX; i++) {
        struct driver_job *job = workers_take(n->workers);
        if (job == NULL)
            return;
        driver_on_job(n->driver, job);
    }
}

static void on_tree(void *context)
{
    struct node *n = context;
    struct driver_job *job = workers_take(n->helper);
    if (job != NULL)
        driver_on_job(n->driver, job);
}

static void on_backup(void *context)
{
    struct node *n = context;
    serve_on_backup(n->serve, node_time());
}

static void on_signal(void *context)
{
    struct node *n = context;
    struct signalfd_siginfo info;
    if (read(n->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    struct log_line l;
    log_begin(&l, n->log, LOG_INFO, "ending");
    log_words(&l, "signal", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    log_end(&l);
    n->is_ending = true;
}

/* ---- opening ---- */

static enum rc open_serve(struct node *n, struct why *why)
{
    const struct serve_config config = {.genesis = &n->home->genesis,
                                        .own_index = n->home->own_index,
                                        .store = n->home->store,
                                        .driver = n->driver,
                                        .log = n->log,
                                        .backup = n->backup,
                                        .context = n,
                                        .reply = reply,
                                        .session = session,
                                        .status = node_status,
                                        .metrics = node_metrics};
    return serve_open(&n->serve, &config, why);
}

/* Addresses were judged before: what is wrong with one now is the machine's (in use, not here). */
static enum rc port_failed(enum rc rc, const char *port, const char *option, struct why *why)
{
    rc = why_within(why, rc == RC_INVALID ? RC_FILE_IO : rc, "the port for %s", port);
    struct why cause = *why;
    return why_set(why, rc, "%s; if it is in use, free it or give another address with %s",
                   cause.text, option);
}

static enum rc open_ports(struct node *n, struct why *why)
{
    const struct home *h = n->home;
    struct peers_config peers = {.loop = n->loop,
                                 .version_least = PEER_VERSION,
                                 .version_most = PEER_VERSION,
                                 .chain_id = h->genesis.chain_id,
                                 .own_index = h->own_index,
                                 .members_count = h->genesis.members_count,
                                 .bind_address = home_peer_address(h),
                                 .link_secret = h->key.link_secret,
                                 .sign_key = &h->key.sign,
                                 .on_message = on_message,
                                 .on_notice = on_notice,
                                 .context = n};
    for (uint32_t i = 0; i < h->genesis.members_count; i++) {
        const struct genesis_member *m = &h->genesis.members[i];
        peers.members[i].address = m->peer_address;
        memcpy(peers.members[i].link_key, m->link_key, LINK_KEY_BYTES);
        peers.members[i].sign_key = m->sign_key;
    }
    const struct clients_config clients = {.loop = n->loop,
                                           .chain_id = h->genesis.chain_id,
                                           .bind_address = home_client_address(h),
                                           .link_secret = h->key.link_secret,
                                           .on_request = on_request,
                                           .context = n};
    enum rc rc = peers_open(&n->peers, &peers, why);
    if (rc != RC_OK)
        return port_failed(rc, "replicas", "--peer-bind", why);
    rc = clients_open(&n->clients, &clients, why);
    return rc == RC_OK ? rc : port_failed(rc, "clients", "--client-bind", why);
}

static enum rc open_signals(struct node *n, struct why *why)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    n->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (n->signal_fd < 0)
        return why_set(why, RC_FILE_IO, "signalfd: %s", strerror(errno));
    return RC_OK;
}

static enum rc watch_all(struct node *n, struct why *why)
{
    enum rc rc = loop_add(n->loop, n->signal_fd, on_signal, n, why);
    if (rc == RC_OK)
        rc = loop_add(n->loop, storage_fd(n->storage), on_storage, n, why);
    if (rc == RC_OK)
        rc = loop_add(n->loop, workers_fd(n->workers), on_jobs, n, why);
    if (rc == RC_OK)
        rc = loop_add(n->loop, workers_fd(n->helper), on_tree, n, why);
    if (rc == RC_OK && n->backup != NULL)
        rc = loop_add(n->loop, backup_fd(n->backup), on_backup, n, why);
    return rc;
}

static enum rc open_all(struct node *n, struct why *why)
{
    struct home *h = n->home;
    enum rc rc = loop_open(&n->loop, why);
    if (rc == RC_OK)
        rc = open_signals(n, why);
    if (rc == RC_OK)
        rc = workers_open(&n->workers, (uint32_t)h->config->verify_threads, why);
    if (rc == RC_OK)
        rc = workers_open(&n->helper, 1, why);
    if (rc == RC_OK)
        rc = storage_open(&n->storage, h->kv, h->marker_path, &h->marker, why);
    if (rc == RC_OK && h->config->backups)
        rc = backup_open(&n->backup, h->kv, h->config->data, why);
    if (rc == RC_OK)
        rc = node_open_driver(n, why);
    if (rc == RC_OK)
        rc = open_serve(n, why);
    if (rc == RC_OK)
        rc = watch_all(n, why);
    return rc == RC_OK ? open_ports(n, why) : rc;
}

/* The driver's work is over; who waits is told so, and turns to another node. */
static void part(struct node *n)
{
    struct why why = {{0}};
    uint64_t until_ms = loop_now_ms() + NODE_PARTING_MS;
    serve_end(n->serve);
    peers_close(n->peers);
    n->peers = NULL;
    loop_remove(n->loop, n->signal_fd);
    loop_remove(n->loop, storage_fd(n->storage));
    loop_remove(n->loop, workers_fd(n->workers));
    loop_remove(n->loop, workers_fd(n->helper));
    if (n->backup != NULL)
        loop_remove(n->loop, backup_fd(n->backup));
    enum rc rc = RC_OK;
    while (rc == RC_OK && loop_now_ms() < until_ms)
        rc = loop_run(n->loop, until_ms, &why);
}

/* Ports first: nothing more comes in. Then the threads end, each with the act it is in the middle
 * of; what they leave undone was never told to anybody. */
static void close_all(struct node *n)
{
    clients_close(n->clients);
    peers_close(n->peers);
    workers_close(n->workers);
    workers_close(n->helper);
    storage_close(n->storage);
    backup_close(n->backup);
    serve_close(n->serve);
    driver_close(n->driver);
    loop_close(n->loop);
    if (n->signal_fd >= 0)
        close(n->signal_fd);
}

/* ---- running ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t deadline_ms(const struct node *n)
{
    uint64_t deadline = driver_deadline_ms(n->driver);
    deadline = earlier(deadline, peers_deadline_ms(n->peers));
    deadline = earlier(deadline, serve_deadline_ms(n->serve));
    deadline = earlier(deadline, reopen_due_ms(&n->reopen));
    return earlier(deadline, node_watch_deadline_ms(n));
}

enum rc node_hand_over(struct node *n, uint64_t until_ms, struct why *why)
{
    uint64_t ran_ms = n->time.now_ms;
    n->time = node_time();
    driver_worked(n->driver, ran_ms, n->time.now_ms);
    enum rc rc = loop_run(n->loop, until_ms, why);
    if (rc != RC_OK)
        return rc;
    n->time = node_time();
    driver_worked(n->driver, loop_woke_ms(n->loop), n->time.now_ms);
    return RC_OK;
}

/* One turn of the loop: what came, and what follows from it. */
static enum rc run_once(struct node *n, struct why *why)
{
    enum rc rc = node_hand_over(n, deadline_ms(n), why);
    if (rc != RC_OK)
        return rc;
    driver_run(n->driver, n->time);
    rc = serve_run(n->serve, n->time, why);
    if (rc != RC_OK)
        return rc;
    if (peers_deadline_ms(n->peers) <= n->time.now_ms)
        peers_run(n->peers, n->time.now_ms);
    node_watch(n);
    if (n->failure != RC_OK) { /* the thread's own words say more than the driver's */
        *why = n->failure_why;
        return n->failure;
    }
    return driver_failure(n->driver, why);
}

enum rc node_run(struct home *home, struct log *log, struct why *why)
{
    struct node *n = mem_alloc(sizeof *n);
    n->home = home;
    n->log = log;
    n->signal_fd = -1;
    n->time = node_time();
    n->started_ms = n->time.now_ms;
    enum rc rc = open_all(n, why);
    if (rc == RC_OK) {
        node_watch(n);
        node_say_started(n);
    }
    bool is_open = rc == RC_OK;
    while (rc == RC_OK && !n->is_ending) {
        rc = run_once(n, why);
        if (rc == RC_REOPEN)
            rc = node_reopen(n, why);
    }
    if (is_open)
        part(n);
    close_all(n);
    mem_free(n);
    return rc;
}
