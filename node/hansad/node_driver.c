/* The driver on its threads and its disk; and, when it has ended because its store stands elsewhere
 * or its state is to go (RC_REOPEN: 9.3, 8.2), the next one in its place. All else goes on:
 * threads, sessions, ports, what is counted. */
#include "crypto/base/check.h"
#include "node/hansad/aside.h"
#include "node/hansad/node_impl.h"

/* ---- what the driver asks for ---- */

static void submit_batch(void *context, const struct kv_batch *batch)
{
    struct node *n = context;
    storage_submit(n->storage, batch);
}

static void raise_marker(void *context, const struct pbft_rank *to)
{
    struct node *n = context;
    storage_raise(n->storage, to);
}

static void submit_job(void *context, struct driver_job *job)
{
    struct node *n = context;
    if (workers_submit(n->workers, job))
        return;
    n->jobs_inline_count++;
    driver_job_run(job);
    driver_on_job(n->driver, job);
}

static void submit_tree(void *context, struct driver_job *job)
{
    struct node *n = context;
    bool is_taken = workers_submit(n->helper, job);
    CHECK(is_taken); /* one at a time */
}

static void send_message(void *context, uint32_t to, struct bytes message)
{
    struct node *n = context;
    peers_send(n->peers, to, message);
}

static void on_answer(void *context, uint64_t client, const struct driver_answer *answer)
{
    struct node *n = context;
    serve_on_answer(n->serve, client, answer);
}

static void sign(void *context, struct signature *out, struct bytes message)
{
    const struct node *n = context;
    sign_message(out, message, &n->home->key.sign);
}

/* ---- opening ---- */

static enum rc open_driver(struct node *n, struct why *why)
{
    struct home *h = n->home;
    const struct driver_config config = {
        .genesis = &h->genesis,
        .own_index = h->own_index,
        .store = h->store,
        .kv = {.context = n, .submit = submit_batch},
        .net = {.context = n, .send = send_message, .answer = on_answer},
        .verify = {.context = n, .submit = submit_job},
        .helper = {.context = n, .submit = submit_tree},
        .signer = {.context = n, .sign = sign},
        .marker = {.context = n, .held = h->marker.reserved, .raise = raise_marker},
        .reserved_heights = DRIVER_RESERVED_HEIGHTS,
        .snapshot_behind_heights = h->config->snapshot_behind_heights,
        .outputs_max = DRIVER_OUTPUTS_MAX,
        .answer_bytes_max = DRIVER_ANSWER_BYTES_MAX,
        .is_fenced = h->is_fenced};
    return driver_open(&n->driver, &config, why);
}

/* A state that is not to be believed is the next driver's to discard: before, it is put aside. Also
 * after a start, since the last one may have been cut off in between. */
enum rc node_open_driver(struct node *n, struct why *why)
{
    enum rc rc = aside_put(n->home, n->log, why);
    return rc == RC_OK ? open_driver(n, why) : rc;
}

/* ---- another one in its place ---- */

static void views_on(struct driver_views *to, const struct driver_views *before)
{
    if (to->left_count == 0) {
        to->left_view = before->left_view;
        to->left_ms = before->left_ms;
        to->left_for = before->left_for;
    }
    if (to->installed_count == 0)
        to->installed_ms = before->installed_ms;
    if (to->complaint_reason == PBFT_REASON_NONE) {
        to->complaint_view = before->complaint_view;
        to->complaint_reason = before->complaint_reason;
    }
    for (int i = 0; i < PBFT_REASON_END; i++)
        to->complaints[i] += before->complaints[i];
    to->left_count += before->left_count;
    to->installed_count += before->installed_count;
}

void node_count_on(struct driver_look *to, const struct driver_look *before)
{
    for (int i = 0; i < PBFT_DROP_COUNT; i++)
        to->core_drops[i] += before->core_drops[i];
    for (int i = 0; i < VERIFY_DROP_COUNT; i++)
        to->verify_drops[i] += before->verify_drops[i];
    for (int i = 0; i < MEMBERS_MAX; i++) {
        to->scores[i].bad_signatures += before->scores[i].bad_signatures;
        to->scores[i].conflicts += before->scores[i].conflicts;
        to->scores[i].accusations += before->scores[i].accusations;
    }
    views_on(&to->views, &before->views);
    to->inbox_drops += before->inbox_drops;
    to->output_drops += before->output_drops;
    to->answer_drops += before->answer_drops;
    to->snapshot_faults += before->snapshot_faults;
    to->damaged_count += before->damaged_count;
}

void node_look(const struct node *n, struct driver_look *out)
{
    driver_look(n->driver, out);
    node_count_on(out, &n->before);
}

/* Its jobs come back first, since it frees them; nothing of it is under way on the disk. */
static void end_driver(struct node *n, const struct driver_look *look)
{
    n->before = *look;
    serve_part(n->serve);
    workers_end_jobs(n->workers);
    workers_end_jobs(n->helper);
    driver_close(n->driver);
    n->driver = NULL;
}

/* Whoever is asked meanwhile finds the driver that has ended, which decides nothing more: its store
 * is read, and what it does not answer is answered when its place is taken. */
static void say_waits(const struct node *n, const struct why *why)
{
    struct log_line l;
    log_begin(&l, n->log, LOG_WARN, "reopening_waits");
    log_number(&l, "ms", n->reopen.wait_ms);
    log_number(&l, "times", n->reopen.row_count);
    log_words(&l, "what", why->text);
    log_words(&l, "words",
              "the store was opened anew so many times without a minute of good work between; the "
              "next time waits; if this goes on, look after disk and memory");
    log_end(&l);
}

enum rc node_reopen(struct node *n, struct why *why)
{
    struct driver_look look;
    bool is_news = reopen_due_ms(&n->reopen) == UINT64_MAX;
    if (!reopen_is_due(&n->reopen, n->time.now_ms)) {
        if (is_news)
            say_waits(n, why);
        return RC_OK;
    }
    node_look(n, &look);
    node_say_changes(n, &look); /* with what the next one does not know: the roots */
    log_say(n->log, LOG_INFO, "reopening", why->text);
    *why = (struct why){{0}};
    end_driver(n, &look);
    enum rc rc = home_reopen(n->home, why);
    if (rc == RC_OK)
        rc = node_open_driver(n, why);
    if (rc == RC_OK)
        rc = serve_rejoin(n->serve, n->home->store, n->driver, why);
    n->time = node_time(); /* a copy may have taken long */
    reopen_done(&n->reopen, n->time.now_ms);
    return rc;
}
