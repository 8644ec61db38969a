/* Reading from a store: blocks, certificates, places, lists. Whatever is read is held against a
 * digest, a checksum or a count before it is believed. */
#include <inttypes.h>
#include <stdlib.h>

#include "crypto/base/check.h"
#include "ledger/store_impl.h"

struct kv *store_kv(struct store *s)
{
    return s->kv;
}

const struct block_header *store_head(const struct store *s)
{
    return &s->head;
}

const struct digest *store_head_digest(const struct store *s)
{
    return &s->head_digest;
}

uint64_t store_flushed_height(const struct store *s)
{
    return s->derived.flushed_height;
}

uint64_t store_awaited_height(const struct store *s)
{
    return s->awaited_height;
}

struct tree_ref store_tree(const struct store *s)
{
    return s->derived.tree;
}

struct layer *store_layer(struct store *s)
{
    return s->layer;
}

struct kv_view *store_view(struct store *s)
{
    return s->view;
}

/* ---- blocks and certificates ---- */

/* A block below the head that is not there (store_history.h). */
#define NOT_YET "block in this store's history yet"

enum rc store_read_failed(struct why *why, enum rc rc, const char *what, uint64_t height)
{
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc, "there is no %s at height %" PRIu64, what, height);
    return why_set(why, rc, "the %s at height %" PRIu64 " cannot be read: %s", what, height,
                   rc_text(rc));
}

enum rc store_get_digest(struct store *s, uint64_t height, struct digest *out, struct why *why)
{
    uint8_t room[8];
    struct bytes value;
    if (!store_chain_has(s, height))
        return store_read_failed(
            why, RC_NOT_FOUND, height == 0 || height > s->chain_height ? "block" : NOT_YET, height);
    enum rc rc = kv_get(s->view, KV_CHAIN, store_height_key(room, height), &value);
    if (rc != RC_OK) /* up to the head there is one at each height */
        return store_read_failed(why, rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc, "block", height);
    struct rd r = rd_of(value);
    rd_copy(&r, out->bytes, DIGEST_BYTES);
    return rd_done(&r) ? RC_OK : store_read_failed(why, RC_STORE_DAMAGED, "block digest", height);
}

enum rc store_get_block(struct store *s, uint64_t height, struct block *out, struct why *why)
{
    uint8_t block_room[8 + DIGEST_BYTES];
    struct bytes value;
    struct digest digest;
    enum rc rc = store_get_digest(s, height, &digest, why);
    if (rc != RC_OK)
        return rc;
    rc = kv_get(s->view, KV_BLOCK, store_block_key(block_room, height, &digest), &value);
    if (rc == RC_NOT_FOUND && store_history_has(s, height)) /* the chain says that it is there */
        rc = RC_STORE_DAMAGED;
    if (rc != RC_OK)
        return store_read_failed(why, rc, rc == RC_NOT_FOUND ? NOT_YET : "block", height);
    enum block_fault fault = block_decode(out, value);
    if (fault == BLOCK_OK && s->options.care == TREE_VERIFY)
        fault = block_judge_body(out, NULL);
    if (fault != BLOCK_OK)
        return why_set(why, RC_STORE_DAMAGED, "the block at height %" PRIu64 " is damaged: %s",
                       height, block_fault_text(fault));
    if (!digest_equal(&out->digest, &digest) || out->header.height != height)
        return why_set(why, RC_STORE_DAMAGED,
                       "the block at height %" PRIu64 " is not the one that was committed", height);
    return RC_OK;
}

enum rc store_decode_certificate(struct certificate *out, struct bytes value, enum cert_kind kind)
{
    struct rd r = rd_of(value);
    cert_decode(&r, out);
    return rd_done(&r) && out->statement.kind == kind ? RC_OK : RC_STORE_DAMAGED;
}

/* The first certificate at or above a height, as the search finds it. */
static enum rc seek_certificate(struct store *s, uint64_t height, struct certificate *out)
{
    uint8_t room[8];
    struct kv_cursor *c;
    struct bytes key, value;
    enum rc rc = kv_cursor_open(&c, s->view, KV_CERT);
    if (rc != RC_OK)
        return rc;
    rc = kv_cursor_seek(c, store_height_key(room, height), &key, &value);
    if (rc == RC_OK)
        rc = store_decode_certificate(out, value, CERT_COMMIT);
    if (rc == RC_OK && (out->statement.height < height ||
                        !bytes_equal(key, store_height_key(room, out->statement.height))))
        rc = RC_STORE_DAMAGED;
    kv_cursor_close(c);
    return rc;
}

enum rc store_get_certificate(struct store *s, uint64_t height, struct certificate *out,
                              struct why *why)
{
    uint8_t from[8], to[8];
    enum rc rc = seek_certificate(s, height, out);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return store_read_failed(why, rc, "certificate", height);
    uint64_t found = rc == RC_OK ? out->statement.height : UINT64_MAX;
    if (found == height)
        return RC_OK;
    /* That there is none in between is an absence too, and is not believed unseen. */
    enum rc absent = store_confirm_absent(s, KV_CERT, store_height_key(from, height),
                                          store_height_key(to, found - 1), why);
    if (absent != RC_OK)
        return absent;
    return rc == RC_OK ? RC_OK : store_read_failed(why, rc, "certificate", height);
}

/* ---- indexes ---- */

enum rc store_get_index(struct store *s, enum kv_table table, struct bytes key, struct bytes *value,
                        struct why *why)
{
    if (!store_can_read_state(s))
        return why_set(why, RC_STORE_DAMAGED, "the state is discarded, and taken in anew");
    if (layer_get_index(s->layer, table, key, value))
        return RC_OK;
    enum rc rc = kv_get(s->view, table, key, value);
    if (rc == RC_OK)
        return RC_OK;
    if (rc != RC_NOT_FOUND)
        return why_set(why, rc, "the index %s cannot be read: %s", kv_table_name(table),
                       rc_text(rc));
    rc = store_confirm_absent(s, table, key, key, why);
    return rc == RC_OK ? why_set(why, RC_NOT_FOUND, "not found") : rc;
}

enum rc store_get_place(struct store *s, const struct digest *txid, struct place *out,
                        struct why *why)
{
    struct bytes value;
    char hex[DIGEST_HEX_BYTES];
    enum rc rc = store_get_index(s, KV_TXID, bytes_of(txid->bytes, DIGEST_BYTES), &value, why);
    digest_to_hex(hex, txid);
    if (rc == RC_NOT_FOUND)
        return why_set(why, rc,
                       "there is no transaction %s from height %" PRIu64 " up to height %" PRIu64,
                       hex, store_history_from_height(s), s->head.height);
    if (rc != RC_OK)
        return rc;
    if (!place_tx_decode(out, value))
        return why_set(why, RC_STORE_DAMAGED, "the place of transaction %s is damaged", hex);
    return RC_OK;
}

enum rc store_get_tx(struct store *s, const struct place *place, struct tx *out,
                     struct block *block, struct why *why)
{
    enum rc rc = store_get_block(s, place->height, block, why);
    if (rc != RC_OK)
        return rc;
    if (place->tx_index >= block->header.tx_count)
        return why_set(why, RC_STORE_DAMAGED,
                       "an index names transaction %" PRIu32 " of the %" PRIu32
                       " at height %" PRIu64,
                       place->tx_index, block->header.tx_count, place->height);
    struct rd r = rd_of(block->body);
    struct bytes whole = block_next_tx(&r);
    for (uint32_t i = 0; i < place->tx_index; i++)
        whole = block_next_tx(&r);
    enum verdict verdict = tx_decode(out, whole, &s->identity.chain_id);
    if (verdict != VERDICT_OK)
        return why_set(why, RC_STORE_DAMAGED,
                       "transaction %" PRIu32 " at height %" PRIu64 " is damaged: %s",
                       place->tx_index, place->height, verdict_text(verdict));
    return RC_OK;
}

/* ---- lists ---- */

static int compare_names(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* Which names are listed: those that start so, behind `after`. */
struct wanted {
    struct bytes prefix;
    struct bytes after; /* empty: all */
};

/* Append the names of a layer that are wanted. */
static void add_names(const struct layer *l, const struct wanted *wanted, struct bytes **names,
                      size_t *count)
{
    size_t log_count = layer_log_count(l);
    *names = mem_resize(*names, (*count + log_count) * sizeof **names);
    for (size_t i = 0; i < log_count; i++) {
        struct layer_entry e;
        if (layer_log_at(l, i, &e) && e.is_index && e.table == KV_NAME &&
            bytes_has_prefix(e.key, wanted->prefix) && bytes_compare(e.key, wanted->after) > 0)
            (*names)[(*count)++] = e.key;
    }
}

/* Names above the flushed height, ascending. The caller frees *names. */
static size_t layer_names(const struct store *s, const struct wanted *wanted, struct bytes **names)
{
    size_t count = 0;
    *names = NULL;
    for (const struct store_frozen *f = s->oldest; f != NULL; f = f->newer)
        add_names(f->layer, wanted, names, &count);
    add_names(s->layer, wanted, names, &count);
    if (count > 0)
        qsort(*names, count, sizeof **names, compare_names);
    return count;
}

/* Without the table byte in front. */
static enum rc visit_name(store_visit *visit, void *context, struct bytes name)
{
    return visit(context, bytes_of(name.data + 1, name.size - 1));
}

/* Go to the first name that is wanted, or beyond: by search, or, where nothing is believed unseen,
 * by walking there from the first name of all. */
static enum rc seek_names(struct store *s, struct kv_cursor *c, const struct wanted *wanted,
                          struct bytes *key, struct bytes *value)
{
    bool is_behind = bytes_compare(wanted->after, wanted->prefix) >= 0;
    struct bytes from = is_behind ? wanted->after : wanted->prefix;
    enum rc rc =
        kv_cursor_seek(c, s->options.care == TREE_TRUST ? from : bytes_of(NULL, 0), key, value);
    while (rc == RC_OK &&
           (bytes_compare(*key, wanted->prefix) < 0 || bytes_compare(*key, wanted->after) <= 0))
        rc = kv_cursor_next(c, key, value);
    return rc;
}

/* Merge the flushed names with those of the layers. A name is in both only when the view is ahead
 * of what store_on_durable() was told. */
static enum rc merge_names(struct store *s, struct kv_cursor *c, const struct wanted *wanted,
                           const struct bytes *names, size_t names_count, store_visit *visit,
                           void *context)
{
    struct bytes key, value;
    size_t next = 0;
    enum rc rc = seek_names(s, c, wanted, &key, &value);
    while (rc == RC_OK && bytes_has_prefix(key, wanted->prefix)) {
        for (; next < names_count && bytes_compare(names[next], key) < 0 && rc == RC_OK; next++)
            rc = visit_name(visit, context, names[next]);
        if (rc == RC_OK)
            rc = visit_name(visit, context, key);
        if (rc != RC_OK)
            return rc;
        if (next < names_count && bytes_equal(names[next], key))
            next++;
        rc = kv_cursor_next(c, &key, &value);
    }
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    for (rc = RC_OK; next < names_count && rc == RC_OK; next++)
        rc = visit_name(visit, context, names[next]);
    return rc;
}

/* With the table byte in front. */
static struct bytes name_in(uint8_t room[static 1 + STATE_KEY_BYTES_MAX], enum state_table table,
                            struct bytes name)
{
    struct wr w = wr_of(room, 1 + STATE_KEY_BYTES_MAX);
    wr_u8(&w, (uint8_t)table);
    wr_bytes(&w, name);
    CHECK(wr_ok(&w));
    return wr_bytes_of(&w);
}

enum rc store_list(struct store *s, enum state_table table, struct bytes prefix, store_visit *visit,
                   void *context, struct why *why)
{
    return store_list_after(s, table, prefix, bytes_of(NULL, 0), visit, context, why);
}

enum rc store_list_after(struct store *s, enum state_table table, struct bytes prefix,
                         struct bytes after, store_visit *visit, void *context, struct why *why)
{
    uint8_t prefix_room[1 + STATE_KEY_BYTES_MAX], after_room[1 + STATE_KEY_BYTES_MAX];
    const struct wanted wanted = {.prefix = name_in(prefix_room, table, prefix),
                                  .after =
                                      after.size > 0 ? name_in(after_room, table, after) : after};
    if (s->options.care == TREE_VERIFY) {
        enum rc rc = store_confirm_index(s, KV_NAME, why);
        if (rc != RC_OK)
            return rc;
    }

    struct kv_cursor *c;
    struct store_known known = {s, table, visit, context};
    if (store_is_taking_snapshot(s)) {
        visit = store_visit_known;
        context = &known;
    }
    enum rc rc = kv_cursor_open(&c, s->view, KV_NAME);
    if (rc != RC_OK)
        return why_set(why, rc, "the index of names cannot be read");
    struct bytes *names;
    size_t names_count = layer_names(s, &wanted, &names);
    rc = merge_names(s, c, &wanted, names, names_count, visit, context);
    mem_free(names);
    kv_cursor_close(c);
    if (rc == RC_STORE_DAMAGED || rc == RC_STORE_IO)
        return why_within(why, rc, "the index of names");
    return rc;
}
