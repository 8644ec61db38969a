/* Reads: a bounded number of lookups each. What the committed layer shows may not be durable yet,
 * and says with its height from when on it may be told; what is read by height, or carries its
 * proof, is durable. */
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/receipt.h"
#include "ledger/store_history.h"
#include "ledger/store_intake.h"
#include "node/evidence_file.h"
#include "node/hansad/serve_impl.h"

/* ---- entries ---- */

static void read_state(struct serve *s, uint64_t number)
{
    const struct proto_request *r = &s->request;
    struct proto_reply *reply = &s->reply;
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->items[i].size > STATE_KEY_BYTES_MAX) {
            serve_refuse(s, number, r->type, PROTO_MALFORMED);
            return;
        }
        reply->items[i] = bytes_of(NULL, 0);
        reply->is_present[i] =
            layer_get(s->scratch, (enum state_table)r->table, r->items[i], &reply->items[i]);
    }
    enum rc rc = layer_rc(s->scratch);
    if (rc != RC_OK) {
        struct why why = {{0}};
        layer_clear(s->scratch);
        rc = why_set(&why, rc, "the state cannot be read: %s", rc_text(rc));
        serve_fail(s, number, r->type, rc, &why);
        return;
    }
    reply->count = r->count;
    reply->height = store_head(s->config.store)->height;
    serve_reply(s, number, reply->height);
}

/* Then what is not found may stand in a block that is not here yet (9.3). */
static bool lacks_history(const struct serve *s)
{
    return store_history_from_height(s->config.store) > 1;
}

static bool is_index(uint8_t table)
{
    return table == KV_NAME || table == KV_TXID || table == KV_NONCE || table == KV_HISTORY ||
           table == KV_RECORD;
}

/* While a snapshot is taken in beside the state (9.3), its names stand in the index before it. */
static enum rc hide_name(struct serve *s, struct bytes name)
{
    struct bytes value;
    if (!store_is_taking_snapshot(s->config.store))
        return RC_OK;
    CHECK(name.size > 0); /* there is an entry, and its checksum covers its name */
    bool is_known = layer_get(s->scratch, (enum state_table)name.data[0],
                              bytes_of(name.data + 1, name.size - 1), &value);
    enum rc rc = layer_rc(s->scratch);
    layer_clear(s->scratch);
    return rc != RC_OK ? rc : is_known ? RC_OK : RC_NOT_FOUND;
}

static void read_index(struct serve *s, uint64_t number)
{
    const struct proto_request *r = &s->request;
    struct proto_reply *reply = &s->reply;
    struct why why = {{0}};
    if (!is_index(r->table)) {
        serve_refuse(s, number, r->type, PROTO_MALFORMED);
        return;
    }
    for (uint32_t i = 0; i < r->count; i++) {
        reply->items[i] = bytes_of(NULL, 0);
        enum rc rc = store_get_index(s->config.store, (enum kv_table)r->table, r->items[i],
                                     &reply->items[i], &why);
        if (rc == RC_OK && r->table == KV_NAME)
            rc = hide_name(s, r->items[i]);
        reply->is_present[i] = rc == RC_OK;
        if (rc == RC_NOT_FOUND && r->table != KV_NAME && lacks_history(s)) {
            serve_refuse(s, number, r->type, PROTO_NOT_YET);
            return;
        }
        if (rc != RC_OK && rc != RC_NOT_FOUND) {
            serve_fail(s, number, r->type, rc, &why);
            return;
        }
    }
    reply->count = r->count;
    reply->height = store_head(s->config.store)->height;
    serve_reply(s, number, reply->height);
}

/* ---- names ---- */

struct list {
    struct serve *serve;
    bool is_more;
};

static enum rc take_name(void *context, struct bytes name)
{
    struct list *list = context;
    struct proto_reply *reply = &list->serve->reply;
    list->is_more = reply->count == list->serve->request.names_max;
    if (list->is_more)
        return RC_REFUSED; /* ends the walk */
    reply->items[reply->count++] = name;
    return RC_OK;
}

/* The names lend from the store and its layers, which nothing changes before they are encoded. */
static void read_names(struct serve *s, uint64_t number)
{
    const struct proto_request *r = &s->request;
    struct list list = {.serve = s};
    struct why why = {{0}};
    if (r->prefix.size > STATE_KEY_BYTES_MAX || r->after.size > STATE_KEY_BYTES_MAX) {
        serve_refuse(s, number, r->type, PROTO_MALFORMED);
        return;
    }
    s->reply.count = 0;
    enum rc rc = store_list_after(s->config.store, (enum state_table)r->table, r->prefix, r->after,
                                  take_name, &list, &why);
    if (rc != RC_OK && !(rc == RC_REFUSED && list.is_more)) {
        serve_fail(s, number, r->type, rc, &why);
        return;
    }
    s->reply.is_end = !list.is_more;
    s->reply.height = store_head(s->config.store)->height;
    serve_reply(s, number, s->reply.height);
}

/* ---- blocks, receipts, proofs ---- */

static void finish(struct serve *s, uint64_t number, enum rc rc, const struct why *why)
{
    enum proto_type type = s->reply.type;
    if (rc == RC_OK)
        serve_reply(s, number, 0);
    else if (rc == RC_NOT_FOUND)
        serve_refuse(s, number, type, PROTO_NOT_FOUND);
    else if (rc == RC_NOT_YET)
        serve_refuse(s, number, type, PROTO_NOT_YET);
    else if (rc == RC_INVALID)
        serve_refuse(s, number, type, PROTO_MALFORMED);
    else
        serve_fail(s, number, type, rc, why);
}

/* A damaged one covers nothing, and the next covers the same (pitfalls D5): the block is told all
 * the same. Only the next, since each that is not there costs a walk of the table. */
static enum rc find_certificate(struct serve *s, uint64_t height, struct why *why)
{
    struct proto_reply *reply = &s->reply;
    enum rc rc = store_get_certificate(s->config.store, height, &reply->certificate, why);
    if (rc == RC_STORE_DAMAGED) {
        driver_on_damage(s->config.driver, why);
        rc = store_get_certificate(s->config.store, height + 1, &reply->certificate, why);
        rc = rc == RC_STORE_DAMAGED ? RC_NOT_FOUND : rc;
    }
    reply->has_certificate = rc == RC_OK;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static void read_block(struct serve *s, uint64_t number)
{
    struct block block;
    struct why why = {{0}};
    uint64_t height = s->request.height;
    bool is_durable = height >= 1 && height <= serve_durable_height(s);
    enum rc rc = is_durable ? store_get_block(s->config.store, height, &block, &why) : RC_NOT_FOUND;
    if (is_durable && rc == RC_NOT_FOUND && !store_history_has(s->config.store, height))
        rc = RC_NOT_YET;
    s->reply.has_certificate = false;
    if (rc == RC_STORE_DAMAGED)
        driver_on_damaged_block(s->config.driver, height);
    if (rc == RC_OK) {
        s->reply.data = block.whole;
        rc = find_certificate(s, height, &why);
    }
    finish(s, number, rc, &why);
}

static void read_receipt(struct serve *s, uint64_t number)
{
    struct buf receipt = {0};
    struct place place = {.height = 0};
    struct why why = {{0}};
    enum rc rc = store_get_place(s->config.store, &s->request.txids[0], &place, &why);
    if (rc == RC_OK && place.height > serve_durable_height(s))
        rc = RC_NOT_FOUND;
    if (rc == RC_OK)
        rc = receipt_make(&receipt, s->config.store, &place, &why);
    if (rc == RC_STORE_DAMAGED)
        driver_on_damaged_block(s->config.driver, place.height);
    if (rc == RC_NOT_FOUND && lacks_history(s))
        rc = RC_NOT_YET;
    s->reply.data = buf_bytes(&receipt);
    finish(s, number, rc, &why);
    buf_free(&receipt);
}

static void read_proof(struct serve *s, uint64_t number)
{
    const struct proto_request *r = &s->request;
    struct buf proof = {0};
    struct why why = {{0}};
    enum rc rc = RC_INVALID;
    if (r->items[0].size <= STATE_KEY_BYTES_MAX)
        rc = proof_make(&proof, s->config.store, (enum state_table)r->table, r->items[0], &why);
    s->reply.data = buf_bytes(&proof);
    finish(s, number, rc, &why);
    buf_free(&proof);
}

/* As a file, which proves itself; the node has verified it. */
static void read_evidence(struct serve *s, uint64_t number)
{
    const struct proto_request *r = &s->request;
    struct buf file = {0};
    struct bytes evidence;
    struct why why = {{0}};
    enum rc rc = RC_NOT_FOUND;
    if (driver_evidence(s->config.driver, r->offender, (enum pbft_evidence_kind)r->evidence_kind,
                        &evidence)) {
        evidence_file_make(&file, &s->config.genesis->chain_id, evidence);
        rc = RC_OK;
    }
    s->reply.data = buf_bytes(&file);
    finish(s, number, rc, &why);
    buf_free(&file);
}

void serve_read(struct serve *s, uint64_t number)
{
    switch (s->request.type) {
    case PROTO_STATE:
        read_state(s, number);
        break;
    case PROTO_INDEX:
        read_index(s, number);
        break;
    case PROTO_NAMES:
        read_names(s, number);
        break;
    case PROTO_BLOCK:
        read_block(s, number);
        break;
    case PROTO_RECEIPT:
        read_receipt(s, number);
        break;
    case PROTO_EVIDENCE:
        read_evidence(s, number);
        break;
    default:
        CHECK(s->request.type == PROTO_PROOF);
        read_proof(s, number);
        break;
    }
}
