/* Answering reads: hansad's own serve, over the driver and the store of a simulated node. It is
 * opened with the first question of a life, and runs only while somebody waits. */
#include "node/hansad/serve.h"

#include "crypto/base/check.h"
#include "tests/sim/world.h"

/* Its words go nowhere: what it could say of a sound node is a violation. */
static struct log quiet = {.fd = -1, .level = LOG_ERROR};

static void on_reply(void *context, uint64_t number, struct bytes reply)
{
    struct sim_node *n = context;
    struct sim *s = n->sim;
    struct buf bytes = {0};
    buf_add_bytes(&bytes, reply);
    bool is_told = true;
    if (sim_is_byzantine(s, n->index))
        is_told = sim_read_lies(s, n->index, number, &bytes);
    else if (!sim_is_faulty(s, n->index))
        sim_check_read_reply(s, n->index, number, reply);
    if (is_told)
        sim_reads_on_reply(s, n->index, number, buf_bytes(&bytes));
    buf_free(&bytes);
}

static bool no_session(void *context, uint64_t number, uint8_t out[static LINK_KEY_BYTES])
{
    (void)context;
    (void)number;
    (void)out;
    return false;
}

static void no_status(void *context, struct proto_status *out)
{
    (void)context;
    (void)out;
    CHECK(!"asked for by nobody");
}

static void no_metrics(void *context, struct buf *out)
{
    (void)context;
    (void)out;
    CHECK(!"asked for by nobody");
}

/* hansad's process would end of that; here its answers do. */
static void fail(struct sim *s, struct sim_node *n, enum rc rc, const struct why *why)
{
    if (!sim_is_faulty(s, n->index) && !sim_is_byzantine(s, n->index))
        sim_fail(s, n->index, "a sound node can be read", "%s: %s", rc_name(rc), why->text);
    sim_serve_close(n);
}

static bool open_it(struct sim *s, struct sim_node *n)
{
    const struct serve_config config = {.genesis = &s->genesis,
                                        .own_index = n->member,
                                        .store = n->store,
                                        .driver = n->driver,
                                        .log = &quiet,
                                        .context = n,
                                        .reply = on_reply,
                                        .session = no_session,
                                        .status = no_status,
                                        .metrics = no_metrics};
    struct why why = {{0}};
    if (n->serve != NULL)
        return true;
    enum rc rc = serve_open(&n->serve, &config, &why);
    if (rc != RC_OK)
        fail(s, n, rc, &why);
    return rc == RC_OK;
}

/* ---- time ---- */

static void due(struct sim *s, void *context, uint64_t number)
{
    struct sim_node *n = context;
    if (number == n->serve_event && !sim_node_is_paused(s, n->index)) { /* going on runs it */
        n->serve_event = 0;
        sim_serve_run(s, n);
    }
}

static void run_at_deadline(struct sim *s, struct sim_node *n)
{
    uint64_t deadline_ms = serve_deadline_ms(n->serve);
    if (deadline_ms == UINT64_MAX)
        return;
    uint64_t at_us =
        deadline_ms > sim_node_time(s, n->index).now_ms ? sim_node_world_us(n, deadline_ms) : 0;
    n->serve_event = sim_at(s, at_us > s->now_us ? at_us : s->now_us + 1, due, n);
}

static bool is_waited_for(const struct sim_node *n)
{
    struct serve_look look;
    serve_look(n->serve, &look);
    return look.reads_count > 0 || look.held_bytes > 0;
}

void sim_serve_run(struct sim *s, struct sim_node *n)
{
    struct why why = {{0}};
    if (n->serve == NULL || n->driver == NULL || n->is_dying || n->is_failed || !is_waited_for(n))
        return;
    enum rc rc = serve_run(n->serve, sim_node_time(s, n->index), &why);
    if (rc != RC_OK)
        fail(s, n, rc, &why);
    else
        run_at_deadline(s, n);
}

/* ---- questions ---- */

void sim_serve_take(struct sim *s, struct sim_node *n, const struct sim_packet *p)
{
    if (n->is_failed || !open_it(s, n))
        return;
    serve_on_request(n->serve, p->client, bytes_of(p->bytes, p->size), sim_node_time(s, n->index));
    if (is_waited_for(n))
        run_at_deadline(s, n);
}

void sim_serve_ask(struct sim *s, uint32_t node_index, uint64_t number, struct bytes request)
{
    struct sim_node *n = &s->nodes[node_index];
    if (n->driver == NULL)
        return;
    struct sim_packet *p = sim_packet_new(s, PACKET_READ, node_index, request);
    p->client = number;
    p->life = n->life;
    sim_node_take(s, p);
}

void sim_serve_close(struct sim_node *n)
{
    serve_close(n->serve);
    n->serve = NULL;
    n->serve_event = 0;
}
