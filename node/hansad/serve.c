/* Requests in, replies out, and following the chain. */
#include "node/hansad/serve.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "node/hansad/serve_impl.h"

/* ---- replies ---- */

uint64_t serve_durable_height(const struct serve *s)
{
    struct driver_look look;
    driver_look(s->config.driver, &look);
    return look.durable_height;
}

bool serve_has_state(const struct serve *s)
{
    struct driver_look look;
    driver_look(s->config.driver, &look);
    return !look.is_diverged && store_can_read_state(s->config.store);
}

bool serve_scratch_open(struct serve *s)
{
    CHECK(s->scratch == NULL);
    if (serve_has_state(s))
        s->scratch = layer_new(store_layer(s->config.store), NULL);
    return s->scratch != NULL;
}

void serve_scratch_close(struct serve *s)
{
    layer_free(s->scratch);
    s->scratch = NULL;
}

static void send(struct serve *s, uint64_t number, struct bytes reply)
{
    s->config.reply(s->config.context, number, reply);
}

static void hold(struct serve *s, uint64_t number, uint64_t height)
{
    struct serve_held *h = mem_alloc(sizeof *h);
    h->number = number;
    h->height = height;
    h->type = s->reply.type;
    buf_add_bytes(&h->reply, buf_bytes(&s->bytes));
    s->look.held_bytes += h->reply.size;
    if (s->held_last != NULL)
        s->held_last->next = h;
    else
        s->held_first = h;
    s->held_last = h;
}

void serve_reply(struct serve *s, uint64_t number, uint64_t height)
{
    /* Behind one that waits, so that what one client sees never goes back. */
    bool must_wait = s->held_first != NULL || height > serve_durable_height(s);
    s->look.codes[s->reply.code]++;
    if (s->reply.type == PROTO_READ && !must_wait) /* else when it goes out */
        serve_linear_seal(s);
    buf_clear(&s->bytes);
    proto_encode_reply(&s->bytes, &s->reply);
    if (!must_wait)
        send(s, number, buf_bytes(&s->bytes));
    else if (s->look.held_bytes + s->bytes.size <= SERVE_HELD_BYTES_MAX)
        hold(s, number, height);
    else
        serve_refuse(s, number, s->reply.type, PROTO_BUSY);
}

void serve_refuse(struct serve *s, uint64_t number, enum proto_type type, enum proto_code code)
{
    CHECK(code != PROTO_OK);
    s->look.codes[code]++;
    s->reply.type = type;
    s->reply.code = code;
    buf_clear(&s->bytes);
    proto_encode_reply(&s->bytes, &s->reply);
    send(s, number, buf_bytes(&s->bytes));
}

void serve_fail(struct serve *s, uint64_t number, enum proto_type type, enum rc rc,
                const struct why *why)
{
    struct log_line l;
    uint64_t skipped;
    serve_refuse(s, number, type, PROTO_FAILED);
    if (!log_may(&s->read_failed_limit, s->time.now_ms, SERVE_READ_FAILED_MS, &skipped))
        return;
    log_begin(&l, s->config.log, LOG_ERROR, "read_failed");
    log_words(&l, "code", rc_name(rc));
    log_words(&l, "words", why->text[0] != '\0' ? why->text : rc_text(rc));
    log_number(&l, "skipped", skipped);
    log_end(&l);
}

static void send_held(struct serve *s, const struct serve_held *h)
{
    struct bytes reply = buf_bytes(&h->reply);
    send(s, h->number, h->type == PROTO_READ ? serve_linear_unhold(s, reply) : reply);
}

static void drop_first_held(struct serve *s)
{
    struct serve_held *h = s->held_first;
    s->held_first = h->next;
    if (s->held_first == NULL)
        s->held_last = NULL;
    s->look.held_bytes -= h->reply.size;
    buf_free(&h->reply);
    mem_free(h);
}

static void release_held(struct serve *s)
{
    uint64_t durable_height = s->held_first != NULL ? serve_durable_height(s) : 0;
    while (s->held_first != NULL && s->held_first->height <= durable_height) {
        send_held(s, s->held_first);
        drop_first_held(s);
    }
}

/* What waits for nothing but its turn goes out; what shows more than the disk has does not. */
static void end_held(struct serve *s)
{
    uint64_t durable_height = s->held_first != NULL ? serve_durable_height(s) : 0;
    while (s->held_first != NULL) {
        const struct serve_held *h = s->held_first;
        if (h->height <= durable_height)
            send_held(s, h);
        else
            serve_refuse(s, h->number, h->type, PROTO_BUSY);
        drop_first_held(s);
    }
}

/* ---- requests ---- */

static void tell_status(struct serve *s, uint64_t number)
{
    memset(&s->reply.status, 0, sizeof s->reply.status);
    s->config.status(s->config.context, &s->reply.status);
    serve_reply(s, number, store_head(s->config.store)->height);
}

static void tell_metrics(struct serve *s, uint64_t number)
{
    struct buf text = {0};
    s->config.metrics(s->config.context, &text);
    s->reply.data = buf_bytes(&text);
    serve_reply(s, number, 0);
    buf_free(&text);
}

/* Once in a while: who writes such requests can write many. */
static void say_unreadable(struct serve *s, struct bytes request)
{
    struct log_line l;
    uint64_t skipped;
    bool is_of_another_version = request.size > 0 && request.data[0] != PROTO_VERSION;
    if (!is_of_another_version ||
        !log_may(&s->version_limit, s->time.now_ms, SERVE_VERSION_MS, &skipped))
        return;
    log_begin(&l, s->config.log, LOG_WARN, "client_version");
    log_number(&l, "its", request.data[0]);
    log_number(&l, "ours", PROTO_VERSION);
    log_words(&l, "words",
              "a client speaks another version of the protocol: it is told so; upgrade the older "
              "program");
    log_number(&l, "skipped", skipped);
    log_end(&l);
}

/* What is in the chain, and what the node is, is told with or without a state. */
static bool needs_state(enum proto_type type)
{
    return type != PROTO_STATUS && type != PROTO_METRICS && type != PROTO_BLOCK &&
           type != PROTO_WAIT && type != PROTO_EVIDENCE;
}

static void handle(struct serve *s, uint64_t number, struct bytes request)
{
    const struct proto_request *r = &s->request;
    switch (r->type) {
    case PROTO_SUBMIT:
        serve_submit(s, number);
        break;
    case PROTO_WAIT:
        serve_await(s, number);
        break;
    case PROTO_STATUS:
        tell_status(s, number);
        break;
    case PROTO_METRICS:
        tell_metrics(s, number);
        break;
    case PROTO_BACKUP:
        serve_backup(s, number);
        break;
    case PROTO_READ:
        serve_linear(s, number, request);
        break;
    default:
        serve_read(s, number);
        break;
    }
}

void serve_on_request(struct serve *s, uint64_t number, struct bytes request,
                      struct driver_time time)
{
    struct proto_request *r = &s->request;
    s->time = time;
    if (!proto_decode_request(r, request)) {
        s->look.requests[0]++;
        say_unreadable(s, request);
        serve_refuse(s, number, 0, PROTO_MALFORMED);
        return;
    }
    s->look.requests[r->type]++;
    s->reply.type = r->type;
    s->reply.code = PROTO_OK;
    if (s->is_ending) {
        serve_refuse(s, number, r->type, PROTO_BUSY);
        return;
    }
    if (!serve_scratch_open(s) && needs_state(r->type)) {
        serve_refuse(s, number, r->type, PROTO_BUSY); /* for as long as it is taken anew */
        return;
    }
    if (serve_may(s, number))
        handle(s, number, request);
    serve_scratch_close(s);
}

/* ---- following the chain ---- */

static void log_block(const struct serve *s, const struct block *block)
{
    struct log_line l;
    log_begin(&l, s->config.log, LOG_DEBUG, "committed_block");
    log_number(&l, "height", block->header.height);
    log_digest(&l, "digest", &block->digest);
    log_number(&l, "txs", block->header.tx_count);
    log_number(&l, "proposer", block->header.proposer);
    log_end(&l);
    struct rd r = rd_of(block->body);
    for (uint32_t i = 0; s->config.log->level >= LOG_DEBUG && i < block->header.tx_count; i++) {
        struct tx tx;
        if (tx_decode(&tx, block_next_tx(&r), &s->config.genesis->chain_id) != VERDICT_OK)
            continue;
        log_begin(&l, s->config.log, LOG_DEBUG, "committed");
        log_digest(&l, "txid", &tx.id);
        log_number(&l, "height", block->header.height);
        log_number(&l, "index", i);
        log_end(&l);
    }
}

/* RC_NOT_FOUND: nothing covers this height yet. A damaged certificate covers nothing, and one above
 * it covers the same (pitfalls D5). */
static enum rc find_cover(struct serve *s, uint64_t height, struct why *why)
{
    struct certificate certificate;
    uint64_t durable_height = serve_durable_height(s);
    if (s->cover_from_height < height)
        s->cover_from_height = height;
    for (int i = 0; i < SERVE_FOLLOWED_MAX && s->cover_from_height <= durable_height; i++) {
        enum rc rc =
            store_get_certificate(s->config.store, s->cover_from_height, &certificate, why);
        if (rc != RC_STORE_DAMAGED)
            return rc;
        driver_on_damage(s->config.driver, why);
        s->cover_from_height++;
    }
    return RC_NOT_FOUND;
}

/* RC_NOT_FOUND: nothing is there to be followed yet. A damaged block is passed over and fetched
 * anew: who waits for what stands in it is told UNKNOWN in time (10.3). */
static enum rc follow_one(struct serve *s, uint64_t height, struct why *why)
{
    struct block block;
    enum rc rc = find_cover(s, height, why);
    if (rc == RC_OK)
        rc = store_get_block(s->config.store, height, &block, why);
    if (rc != RC_OK && rc != RC_STORE_DAMAGED)
        return rc;
    s->look.followed_height = height;
    if (rc != RC_OK) {
        driver_on_damage(s->config.driver, why);
        driver_on_damaged_block(s->config.driver, height);
        return RC_OK;
    }
    s->look.txs_committed += block.header.tx_count;
    s->look.bytes_committed += block.whole.size;
    log_block(s, &block);
    serve_waits_on_block(s, &block);
    return RC_OK;
}

static enum rc follow(struct serve *s, struct why *why)
{
    uint64_t durable_height = serve_durable_height(s);
    enum rc rc = RC_OK;
    for (int i = 0; i < SERVE_FOLLOWED_MAX && rc == RC_OK; i++) {
        if (s->look.followed_height >= durable_height)
            return RC_OK;
        rc = follow_one(s, s->look.followed_height + 1, why);
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* ---- life ---- */

/* From the highest block that a certificate covers: the driver has counted what is damaged. What a
 * snapshot stands on is covered by its own; blocks below it come by another way. */
static enum rc begin_following(struct serve *s, struct why *why)
{
    struct certificate certificate;
    uint64_t height = store_head(s->config.store)->height;
    struct block_header base = {.height = 0};
    (void)store_snapshot_header(s->config.store, &base);
    for (s->cover_from_height = 0; height > base.height; height--) {
        enum rc rc = store_get_certificate(s->config.store, height, &certificate, why);
        if (rc == RC_STORE_DAMAGED && s->cover_from_height == 0)
            s->cover_from_height = height + 1;
        if (rc == RC_OK)
            break;
        if (rc != RC_NOT_FOUND && rc != RC_STORE_DAMAGED)
            return rc;
    }
    s->look.followed_height = height;
    return RC_OK;
}

enum rc serve_open(struct serve **out, const struct serve_config *config, struct why *why)
{
    struct serve *s = mem_alloc(sizeof *s);
    *out = NULL;
    s->config = *config;
    s->takes_txs = s->may_copy = true;
    enum rc rc = begin_following(s, why);
    if (rc == RC_OK)
        *out = s;
    else
        serve_close(s);
    return rc;
}

void serve_close(struct serve *s)
{
    if (s == NULL)
        return;
    serve_waits_free(s);
    serve_linear_free(s);
    while (s->held_first != NULL)
        drop_first_held(s);
    serve_scratch_close(s);
    buf_free(&s->bytes);
    mem_free(s);
}

enum rc serve_run(struct serve *s, struct driver_time time, struct why *why)
{
    s->time = time;
    enum rc rc = follow(s, why);
    release_held(s);
    serve_waits_run(s);
    serve_linear_run(s);
    return rc;
}

uint64_t serve_deadline_ms(const struct serve *s)
{
    uint64_t waits_ms = serve_waits_deadline_ms(s), reads_ms = serve_linear_deadline_ms(s);
    return waits_ms < reads_ms ? waits_ms : reads_ms;
}

void serve_set_room(struct serve *s, bool for_txs, bool for_backup)
{
    s->takes_txs = for_txs;
    s->may_copy = for_backup;
}

void serve_part(struct serve *s)
{
    end_held(s); /* first: answers go behind them */
    serve_waits_end(s);
    serve_linear_end(s);
}

enum rc serve_rejoin(struct serve *s, struct store *store, struct driver *driver, struct why *why)
{
    CHECK(s->look.waits_count == 0);
    CHECK(s->held_first == NULL);
    s->config.store = store;
    s->config.driver = driver;
    s->owed_count = 0; /* the other one owes nothing any more */
    return begin_following(s, why);
}

void serve_end(struct serve *s)
{
    s->is_ending = true;
    serve_part(s);
    serve_backup_end(s);
}

void serve_look(const struct serve *s, struct serve_look *out)
{
    *out = s->look;
    out->takes_txs = s->takes_txs;
}
