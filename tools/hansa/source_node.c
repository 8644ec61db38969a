/* A running node as a source. Whoever answers first answers all that follows, so that what is shown
 * together was said by one. Nothing that it says may do harm here: sizes, order and bounds are
 * judged before anything is kept. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/source_parts.h"

/* An entry of the state that was asked for by itself. */
struct kept {
    uint8_t table;
    struct buf key, value;
    bool is_present;
};

struct source_node {
    struct nodes nodes;
    uint32_t pinned; /* MEMBERS_MAX: nobody has answered yet */
    struct layer_base base;
    struct proto_request request;
    struct nodes_answer answer; /* the last */
    struct kept *kept;
    size_t kept_count, kept_room;
    bool has_height;
    uint64_t height;           /* the lowest of the answers */
    struct why words;          /* of the last read of the state that failed */
    uint64_t certificate_from; /* the height whose BLOCK came with it; 0 = none */
    bool has_certificate;
    struct certificate certificate;
};

/* ---- asking ---- */

/* Each question has its own time: a long list is no silence.
 * Returns: RC_OK | RC_NOT_FOUND | RC_NOT_YET | RC_TIMEOUT | RC_MALFORMED. */
static enum rc ask(struct source_node *n, struct why *why)
{
    enum rc rc;
    nodes_restart(&n->nodes);
    if (n->pinned == MEMBERS_MAX) {
        rc = nodes_ask(&n->nodes, &n->request, 0, &n->answer, why);
        if (rc == RC_OK || rc == RC_NOT_FOUND)
            n->pinned = n->answer.node;
        return rc;
    }
    for (;;) {
        rc = nodes_ask_one(&n->nodes, n->pinned, &n->request, nodes_left_ms(&n->nodes), &n->answer,
                           why);
        if (rc != RC_OK || n->answer.reply.code != PROTO_BUSY || nodes_left_ms(&n->nodes) == 0)
            break;
        (void)poll(NULL, 0, NODES_AGAIN_MS);
    }
    if (rc != RC_OK || n->answer.reply.code == PROTO_OK)
        return rc;
    if (n->answer.reply.code == PROTO_NOT_FOUND)
        return why_set(why, RC_NOT_FOUND, "%s", proto_code_text(PROTO_NOT_FOUND));
    char name[NODES_NAME_BYTES];
    rc = n->answer.reply.code == PROTO_FORBIDDEN ? RC_REFUSED
         : n->answer.reply.code == PROTO_NOT_YET ? RC_NOT_YET
                                                 : RC_TIMEOUT;
    return why_set(why, rc, "%s answers: %s", nodes_name(name, &n->nodes, n->pinned),
                   nodes_code_text(&n->nodes, n->request.type, n->answer.reply.code));
}

static struct proto_request *begin(struct source_node *n, enum proto_type type)
{
    memset(&n->request, 0, sizeof n->request);
    n->request.type = type;
    return &n->request;
}

static void note_height(struct source_node *n, uint64_t height)
{
    if (!n->has_height || height < n->height)
        n->height = height;
    n->has_height = true;
}

/* ---- the state ---- */

static struct kept *find_kept(struct source_node *n, uint8_t table, struct bytes key)
{
    for (size_t i = 0; i < n->kept_count; i++) {
        if (n->kept[i].table == table && bytes_equal(buf_bytes(&n->kept[i].key), key))
            return &n->kept[i];
    }
    return NULL;
}

/* What was lent from values stays: a buf's bytes do not move when the list does. */
static struct kept *keep(struct source_node *n, uint8_t table, struct bytes key)
{
    if (n->kept_count == n->kept_room) {
        n->kept_room = 2 * n->kept_room + 8;
        n->kept = mem_resize(n->kept, n->kept_room * sizeof *n->kept);
    }
    struct kept *k = &n->kept[n->kept_count++];
    memset(k, 0, sizeof *k);
    k->table = table;
    buf_add_bytes(&k->key, key);
    return k;
}

static enum rc get(void *context, uint8_t table, struct bytes key, struct bytes *value)
{
    struct source_node *n = context;
    struct kept *k = find_kept(n, table, key);
    if (k == NULL) {
        struct proto_request *r = begin(n, PROTO_STATE);
        r->table = table;
        r->count = 1;
        r->items[0] = key;
        enum rc rc = ask(n, &n->words);
        if (rc != RC_OK)
            return rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc;
        if (n->answer.reply.items[0].size > STATE_VALUE_BYTES_MAX)
            return why_set(&n->words, RC_STORE_DAMAGED, "the node shows an entry that is too long");
        note_height(n, n->answer.reply.height);
        k = keep(n, table, key);
        k->is_present = n->answer.reply.is_present[0];
        buf_add_bytes(&k->value, n->answer.reply.items[0]);
    }
    *value = buf_bytes(&k->value);
    return k->is_present ? RC_OK : RC_NOT_FOUND;
}

/* ---- lists ---- */

/* Names as they came: size u16, then the bytes. */
struct names {
    struct buf bytes;
    size_t count;
    struct buf last;
};

static enum rc add_names(struct names *names, const struct source_node *n, struct bytes prefix,
                         struct why *why)
{
    const struct proto_reply *reply = &n->answer.reply;
    if (reply->count == 0 && !reply->is_end)
        return why_set(why, RC_STORE_DAMAGED, "it lists nothing, and says that there is more");
    for (uint32_t i = 0; i < reply->count; i++) {
        struct bytes name = reply->items[i];
        if (name.size > STATE_KEY_BYTES_MAX || !bytes_has_prefix(name, prefix) ||
            bytes_compare(name, buf_bytes(&names->last)) <= 0)
            return why_set(why, RC_STORE_DAMAGED, "what it lists is not in order");
        buf_add_u16(&names->bytes, (uint16_t)name.size);
        buf_add_bytes(&names->bytes, name);
        buf_clear(&names->last);
        buf_add_bytes(&names->last, name);
        names->count++;
    }
    return RC_OK;
}

static enum rc ask_names(struct names *names, struct source_node *n, enum state_table table,
                         struct bytes prefix, struct why *why)
{
    do {
        struct proto_request *r = begin(n, PROTO_NAMES);
        r->table = (uint8_t)table;
        r->prefix = prefix;
        r->after = buf_bytes(&names->last);
        r->names_max = PROTO_NAMES_MAX;
        enum rc rc = ask(n, why);
        if (rc == RC_OK)
            rc = add_names(names, n, prefix, why);
        if (rc != RC_OK)
            return rc;
    } while (!n->answer.reply.is_end);
    if (names->count == 0)
        note_height(n, n->answer.reply.height);
    return RC_OK;
}

static struct bytes next_name(struct rd *r)
{
    uint16_t size = rd_u16(r);
    return rd_take(r, size);
}

/* Put the next values, as many as one question may ask for, into the layer. */
static enum rc fetch_values(struct source *s, enum state_table table, struct rd *names,
                            struct why *why)
{
    struct source_node *n = s->node;
    struct proto_request *r = begin(n, PROTO_STATE);
    r->table = (uint8_t)table;
    while (r->count < PROTO_KEYS_MAX && names->left > 0)
        r->items[r->count++] = next_name(names);
    enum rc rc = ask(n, why);
    if (rc != RC_OK)
        return rc;
    note_height(n, n->answer.reply.height);
    for (uint32_t i = 0; i < r->count; i++) {
        struct bytes value = n->answer.reply.items[i];
        if (!n->answer.reply.is_present[i] || value.size > STATE_VALUE_BYTES_MAX)
            return why_set(why, RC_STORE_DAMAGED, "what it lists is not in its state");
        layer_put(s->layer, table, r->items[i], value);
    }
    return RC_OK;
}

static enum rc node_list(struct source *s, enum state_table table, struct bytes prefix,
                         store_visit *visit, void *context, struct why *why)
{
    struct names names = {.count = 0};
    enum rc rc = ask_names(&names, s->node, table, prefix, why);
    struct rd r = rd_of(buf_bytes(&names.bytes));
    while (rc == RC_OK && r.left > 0)
        rc = fetch_values(s, table, &r, why);
    r = rd_of(buf_bytes(&names.bytes));
    while (rc == RC_OK && r.left > 0) {
        rc = visit(context, next_name(&r));
        if (rc == RC_STORE_DAMAGED)
            rc = why_set(why, rc, "an entry that it lists is damaged");
    }
    buf_free(&names.bytes);
    buf_free(&names.last);
    return rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc;
}

/* ---- indexes ---- */

static enum rc node_index(struct source *s, enum kv_table table, struct bytes key,
                          struct bytes *value, struct why *why)
{
    struct source_node *n = s->node;
    struct proto_request *r = begin(n, PROTO_INDEX);
    r->table = (uint8_t)table;
    r->count = 1;
    r->items[0] = key;
    enum rc rc = ask(n, why);
    if (rc != RC_OK)
        return rc;
    note_height(n, n->answer.reply.height);
    *value = n->answer.reply.items[0];
    return n->answer.reply.is_present[0] ? RC_OK : why_set(why, RC_NOT_FOUND, "not found");
}

static enum rc node_place(struct source *s, const struct digest *txid, struct place *out,
                          struct why *why)
{
    struct bytes value;
    char hex[DIGEST_HEX_BYTES];
    enum rc rc = node_index(s, KV_TXID, bytes_of(txid->bytes, DIGEST_BYTES), &value, why);
    digest_to_hex(hex, txid);
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc,
                       "there is no transaction %s up to height %" PRIu64
                       "; if it was sent just now: hansa wait %s",
                       hex, s->node->height, hex);
    if (rc == RC_OK && !place_tx_decode(out, value))
        return why_set(why, RC_STORE_DAMAGED, "the place of transaction %s is damaged", hex);
    return rc;
}

/* ---- blocks ---- */

static enum rc node_head(struct source *s, uint64_t *height, struct why *why)
{
    begin(s->node, PROTO_STATUS);
    enum rc rc = ask(s->node, why);
    if (rc != RC_OK)
        return rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc;
    /* What is committed there can be read once it is durable. */
    *height = s->node->answer.reply.status.durable_height;
    note_height(s->node, *height);
    return RC_OK;
}

static enum rc judge_block(struct block *out, uint64_t height, const struct genesis *g,
                           struct bytes whole, struct why *why)
{
    enum block_fault fault = block_decode(out, whole);
    if (fault == BLOCK_OK)
        fault = block_judge_body(out, NULL);
    if (fault == BLOCK_OK && !digest_equal(&out->header.chain_id, &g->chain_id))
        fault = BLOCK_WRONG_CHAIN;
    if (fault == BLOCK_OK && out->header.height != height)
        fault = BLOCK_WRONG_HEIGHT;
    if (fault == BLOCK_OK)
        return RC_OK;
    return why_set(why, RC_STORE_DAMAGED, "what it shows as the block at height %" PRIu64 ": %s",
                   height, block_fault_text(fault));
}

static enum rc node_block(struct source *s, uint64_t height, struct buf *room, struct block *out,
                          struct why *why)
{
    struct source_node *n = s->node;
    n->certificate_from = 0;
    begin(n, PROTO_BLOCK)->height = height;
    enum rc rc = ask(n, why);
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc, "it has no block at height %" PRIu64, height);
    if (rc != RC_OK)
        return rc;
    buf_clear(room);
    buf_add_bytes(room, n->answer.reply.data);
    n->has_certificate = n->answer.reply.has_certificate;
    n->certificate = n->answer.reply.certificate;
    n->certificate_from = height;
    return judge_block(out, height, s->genesis, buf_bytes(room), why);
}

static enum rc node_certificate(struct source *s, uint64_t height, struct certificate *out,
                                struct why *why)
{
    struct source_node *n = s->node;
    if (n->certificate_from != height) {
        struct buf room = {0};
        struct block block;
        enum rc rc = node_block(s, height, &room, &block, why);
        buf_free(&room);
        if (rc != RC_OK)
            return rc;
    }
    if (!n->has_certificate)
        return why_set(why, RC_NOT_FOUND, "it has no certificate at height %" PRIu64, height);
    if (n->certificate.statement.height < height)
        return why_set(why, RC_PROOF, "height %" PRIu64 ": its certificate is of a lower height",
                       height);
    *out = n->certificate;
    return RC_OK;
}

static enum rc node_receipt(struct source *s, const struct digest *txid, const struct place *place,
                            struct buf *out, struct why *why)
{
    (void)place;
    begin(s->node, PROTO_RECEIPT)->txids[0] = *txid;
    enum rc rc = ask(s->node, why);
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc, "it has no certificate over that block yet, so no receipt");
    if (rc == RC_OK)
        buf_add_bytes(out, s->node->answer.reply.data);
    return rc;
}

static enum rc node_proof(struct source *s, enum state_table table, struct bytes key,
                          struct buf *out, struct why *why)
{
    struct proto_request *r = begin(s->node, PROTO_PROOF);
    r->table = (uint8_t)table;
    r->items[0] = key;
    enum rc rc = ask(s->node, why);
    if (rc == RC_NOT_FOUND)
        rc = nodes_ask_others_for_proof(&s->node->nodes, s->node->pinned, r, &s->node->answer, why);
    if (rc == RC_OK)
        buf_add_bytes(out, s->node->answer.reply.data);
    return rc;
}

const struct source_kind source_kind_node = {.head = node_head,
                                             .list = node_list,
                                             .index = node_index,
                                             .place = node_place,
                                             .block = node_block,
                                             .certificate = node_certificate,
                                             .receipt = node_receipt,
                                             .proof = node_proof};

/* ---- opening ---- */

struct source_node *source_node_new(struct source *s, struct nodes *nodes)
{
    struct source_node *n = mem_alloc(sizeof *n);
    n->nodes = *nodes;
    n->pinned = MEMBERS_MAX;
    n->base = (struct layer_base){.get = get, .context = n};
    s->layer = layer_new(NULL, &n->base);
    return n;
}

void source_node_free(struct source *s)
{
    struct source_node *n = s->node;
    layer_free(s->layer);
    for (size_t i = 0; i < n->kept_count; i++) {
        buf_free(&n->kept[i].key);
        buf_free(&n->kept[i].value);
    }
    mem_free(n->kept);
    nodes_answer_close(&n->answer);
    nodes_close(&n->nodes);
    mem_free(n);
}

const char *source_node_words(const struct source_node *n)
{
    return n->words.text;
}

uint64_t source_node_height(const struct source_node *n)
{
    return n->height;
}

const struct nodes *source_node_nodes(const struct source_node *n)
{
    return &n->nodes;
}

uint32_t source_node_pinned(const struct source_node *n)
{
    return n->pinned;
}

uint32_t source_node_last(const struct source_node *n)
{
    return n->pinned == MEMBERS_MAX ? MEMBERS_MAX : n->answer.node;
}
