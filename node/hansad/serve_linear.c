/* READ: what a linearizable read asks of each node (rule 11). The entries come from the committed
 * state of one moment, and go out when the disk has that state; with them goes the high that the
 * disk has then, so that no reply shows more committed than its certificate reaches.
 *
 * A READ that asks for a height which is not committed here yet waits for it, no longer than T_read
 * and only so many at once: then it is answered with what there is, or at once that the node is
 * busy. Its signature was judged when it came. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/hansad/serve_impl.h"

/* ---- entries ---- */

struct listing {
    struct proto_reply *reply;
    uint8_t question;
    bool is_more;
};

/* Whether there was room for it. */
static bool add_key(struct proto_reply *reply, uint8_t question, struct bytes key)
{
    if (reply->count == PROTO_ENTRIES_MAX)
        return false;
    reply->questions[reply->count] = question;
    reply->keys[reply->count++] = key;
    return true;
}

static enum rc take_name(void *context, struct bytes name)
{
    struct listing *l = context;
    l->is_more = !add_key(l->reply, l->question, name);
    return l->is_more ? RC_REFUSED : RC_OK; /* ends the walk */
}

/* The keys that begin so, in order; the reply is no end when there is no room for all. */
static enum rc list(struct serve *s, uint8_t question, struct why *why)
{
    const struct proto_request *r = &s->request;
    struct listing l = {.reply = &s->reply, .question = question};
    enum rc rc = store_list(s->config.store, (enum state_table)r->tables[question],
                            r->items[question], take_name, &l, why);
    s->reply.is_end = s->reply.is_end && !l.is_more;
    return rc == RC_REFUSED && l.is_more ? RC_OK : rc;
}

static enum rc state_rc(struct serve *s, struct why *why)
{
    enum rc rc = layer_rc(s->scratch);
    if (rc == RC_OK)
        return RC_OK;
    layer_clear(s->scratch);
    return why_set(why, rc, "the state cannot be read: %s", rc_text(rc));
}

/* One key that is asked for by itself: it has an entry or none. */
static enum rc look_up(struct serve *s, uint8_t question, struct why *why)
{
    const struct proto_request *r = &s->request;
    struct bytes value;
    bool is_there =
        layer_get(s->scratch, (enum state_table)r->tables[question], r->items[question], &value);
    if (is_there && !add_key(&s->reply, question, r->items[question]))
        s->reply.is_end = false;
    return state_rc(s, why);
}

/* A name that is listed has its entry, or the store is damaged. */
static enum rc fill_values(struct serve *s, struct why *why)
{
    struct proto_reply *reply = &s->reply;
    for (uint32_t i = 0; i < reply->count; i++) {
        uint8_t table = s->request.tables[reply->questions[i]];
        bool is_there =
            layer_get(s->scratch, (enum state_table)table, reply->keys[i], &reply->items[i]);
        enum rc rc = state_rc(s, why);
        if (rc != RC_OK)
            return rc;
        if (!is_there)
            return why_set(why, RC_STORE_DAMAGED, "a name that is listed is not in the state");
    }
    return RC_OK;
}

/* s->request is answered with what is committed now. */
static void answer(struct serve *s, uint64_t number)
{
    const struct proto_request *r = &s->request;
    struct proto_reply *reply = &s->reply;
    struct driver_look look;
    struct why why = {{0}};
    enum rc rc = RC_OK;
    driver_look(s->config.driver, &look);
    reply->type = PROTO_READ;
    reply->code = PROTO_OK;
    reply->height = store_head(s->config.store)->height;
    reply->is_learner = look.core.is_learner;
    reply->has_certificate = false;
    reply->is_end = true;
    reply->count = 0;
    for (uint8_t i = 0; i < r->count && rc == RC_OK && reply->is_end; i++)
        rc = r->is_prefix[i] ? list(s, i, &why) : look_up(s, i, &why);
    if (rc == RC_OK)
        rc = fill_values(s, &why);
    if (rc == RC_OK)
        serve_reply(s, number, reply->height);
    else
        serve_fail(s, number, PROTO_READ, rc, &why);
}

/* ---- the high ---- */

void serve_linear_seal(struct serve *s)
{
    const struct certificate *high = driver_high(s->config.driver);
    s->reply.has_certificate = high != NULL;
    if (high != NULL)
        s->reply.certificate = *high;
}

struct bytes serve_linear_unhold(struct serve *s, struct bytes held)
{
    bool is_ours = proto_decode_reply(&s->reply, held);
    CHECK(is_ours && s->reply.type == PROTO_READ && s->reply.code == PROTO_OK);
    serve_linear_seal(s);
    buf_clear(&s->bytes);
    proto_encode_reply(&s->bytes, &s->reply);
    return buf_bytes(&s->bytes);
}

/* ---- waiting for a height ---- */

static void wait_for_height(struct serve *s, uint64_t number, struct bytes request)
{
    if (s->look.reads_count >= SERVE_READS_MAX) {
        serve_refuse(s, number, PROTO_READ, PROTO_BUSY);
        return;
    }
    struct serve_read_wait *w = mem_alloc(sizeof *w);
    w->number = number;
    w->at_least_height = s->request.height;
    w->until_ms = s->time.now_ms + s->config.genesis->parameters.read_ms;
    buf_add_bytes(&w->request, request);
    if (s->reads_first == NULL || w->until_ms < s->reads_due_ms)
        s->reads_due_ms = w->until_ms;
    if (s->reads_last != NULL)
        s->reads_last->next = w;
    else
        s->reads_first = w;
    s->reads_last = w;
    s->look.reads_count++;
}

void serve_linear(struct serve *s, uint64_t number, struct bytes request)
{
    const struct proto_request *r = &s->request;
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->items[i].size > STATE_KEY_BYTES_MAX) {
            serve_refuse(s, number, PROTO_READ, PROTO_MALFORMED);
            return;
        }
    }
    if (r->height <= store_head(s->config.store)->height)
        answer(s, number);
    else
        wait_for_height(s, number, request);
}

static bool is_due(const struct serve *s, const struct serve_read_wait *w)
{
    return w->at_least_height <= store_head(s->config.store)->height ||
           w->until_ms <= s->time.now_ms;
}

/* Takes it out of the list; the caller frees. */
static struct serve_read_wait *take_out(struct serve *s, struct serve_read_wait **at,
                                        struct serve_read_wait *before)
{
    struct serve_read_wait *w = *at;
    *at = w->next;
    if (s->reads_last == w)
        s->reads_last = before;
    s->look.reads_count--;
    return w;
}

static void wait_free(struct serve_read_wait *w)
{
    buf_free(&w->request);
    mem_free(w);
}

void serve_linear_run(struct serve *s)
{
    struct serve_read_wait **at = &s->reads_first, *before = NULL;
    uint32_t answered_count = 0;
    s->reads_due_ms = UINT64_MAX;
    while (*at != NULL) {
        bool due = is_due(s, *at);
        if (due && answered_count < SERVE_READS_RUN_MAX) {
            struct serve_read_wait *w = take_out(s, at, before);
            bool is_ours = proto_decode_request(&s->request, buf_bytes(&w->request));
            CHECK(is_ours);
            if (serve_scratch_open(s))
                answer(s, w->number);
            else
                serve_refuse(s, w->number, PROTO_READ, PROTO_BUSY);
            serve_scratch_close(s);
            wait_free(w);
            answered_count++;
            continue;
        }
        uint64_t due_ms = due ? 0 : (*at)->until_ms;
        if (due_ms < s->reads_due_ms)
            s->reads_due_ms = due_ms;
        before = *at;
        at = &before->next;
    }
}

uint64_t serve_linear_deadline_ms(const struct serve *s)
{
    return s->reads_first != NULL ? s->reads_due_ms : UINT64_MAX;
}

static struct serve_read_wait *take_first(struct serve *s)
{
    return take_out(s, &s->reads_first, NULL);
}

void serve_linear_end(struct serve *s)
{
    while (s->reads_first != NULL) {
        struct serve_read_wait *w = take_first(s);
        serve_refuse(s, w->number, PROTO_READ, PROTO_BUSY);
        wait_free(w);
    }
}

void serve_linear_free(struct serve *s)
{
    while (s->reads_first != NULL)
        wait_free(take_first(s));
}
