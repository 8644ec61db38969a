#include "tests/help/tamper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/tree_node.h"
#include "tests/help/scratch.h"

/* ---- entries ---- */

static void commit(struct chain *c, struct kv_batch *batch)
{
    CHECK(kv_commit(c->kv, batch, NULL) == RC_OK);
    kv_batch_free(batch);
}

void tamper_put(struct chain *c, enum kv_table table, struct bytes key, struct bytes value)
{
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, table, key, value);
    commit(c, batch);
}

void tamper_delete(struct chain *c, enum kv_table table, struct bytes key)
{
    struct kv_batch *batch = kv_batch_new();
    kv_batch_delete(batch, table, key);
    commit(c, batch);
}

struct buf tamper_get(struct chain *c, enum kv_table table, struct bytes key)
{
    struct kv_view *view;
    struct bytes value;
    struct buf copy = {0};
    CHECK(kv_view_open(&view, c->kv, NULL) == RC_OK);
    CHECK(kv_get(view, table, key, &value) == RC_OK);
    buf_add_bytes(&copy, value);
    kv_view_close(view);
    return copy;
}

struct buf tamper_first_key(struct chain *c, enum kv_table table)
{
    struct kv_view *view;
    struct kv_cursor *cursor;
    struct bytes key, value;
    struct buf copy = {0};
    CHECK(kv_view_open(&view, c->kv, NULL) == RC_OK);
    CHECK(kv_cursor_open(&cursor, view, table) == RC_OK);
    CHECK(kv_cursor_seek(cursor, bytes_of(NULL, 0), &key, &value) == RC_OK);
    buf_add_bytes(&copy, key);
    kv_cursor_close(cursor);
    kv_view_close(view);
    return copy;
}

struct bytes tamper_height_key(uint64_t height)
{
    static uint8_t key[8];
    struct wr w = wr_of(key, sizeof key);
    wr_be64(&w, height);
    return wr_bytes_of(&w);
}

/* "head": height u64 | digest | counts; "derived": flushed_height u64 | tree version u64 | root |
 * counts (ledger/store.h) */
enum {
    HEAD_COUNTS_AT = 8 + DIGEST_BYTES,
    DERIVED_ROOT_AT = 8 + 8,
    DERIVED_COUNTS_AT = DERIVED_ROOT_AT + DIGEST_BYTES
};

static void put_counts(struct chain *c, const char *record, size_t at, const enum kv_table *tables,
                       size_t tables_count)
{
    struct kv_view *view;
    struct buf value = tamper_get(c, KV_META, bytes_of_text(record));
    CHECK(value.size == at + 8 * tables_count);
    CHECK(kv_view_open(&view, c->kv, NULL) == RC_OK);
    struct wr w = wr_of(value.data + at, value.size - at);
    for (size_t i = 0; i < tables_count; i++) {
        uint64_t count;
        CHECK(kv_count(view, tables[i], &count) == RC_OK);
        wr_u64(&w, count);
    }
    kv_view_close(view);
    tamper_put(c, KV_META, bytes_of_text(record), buf_bytes(&value));
    buf_free(&value);
}

void tamper_counts(struct chain *c)
{
    static const enum kv_table in_head[] = {KV_CERT, KV_CHECKPOINT};
    static const enum kv_table in_derived[] = {KV_NAME, KV_TXID, KV_NONCE, KV_HISTORY, KV_RECORD};
    put_counts(c, "head", HEAD_COUNTS_AT, in_head, 2);
    put_counts(c, "derived", DERIVED_COUNTS_AT, in_derived, STORE_INDEXES_COUNT);
}

static void flip_in_file(const char *path, struct bytes wanted)
{
    uint32_t flips_count = 0;
    FILE *file = fopen(path, "r+b");
    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    size_t size = (size_t)ftell(file);
    uint8_t *data = mem_alloc(size);
    rewind(file);
    CHECK(fread(data, 1, size, file) == size);
    for (size_t i = 0; i + wanted.size <= size; i++) {
        if (memcmp(data + i, wanted.data, wanted.size) != 0)
            continue;
        data[i] ^= 1;
        flips_count++;
    }
    CHECK(flips_count > 0);
    rewind(file);
    CHECK(fwrite(data, 1, size, file) == size);
    CHECK(fclose(file) == 0);
    mem_free(data);
}

void tamper_flip_on_disk(struct chain *c, const char *directory, struct bytes wanted)
{
    struct kv_lmdb_options options = {.create = true};
    char *path = scratch_join(directory, "data.mdb");
    store_close(c->store);
    c->store = NULL;
    kv_close(c->kv);
    flip_in_file(path, wanted);
    free(path);
    CHECK(kv_lmdb_open(&c->kv, directory, &options, NULL) == RC_OK);
}

/* ---- blocks ---- */

static struct bytes block_key(uint8_t out[static 8 + DIGEST_BYTES], uint64_t height,
                              const struct digest *digest)
{
    struct wr w = wr_of(out, 8 + DIGEST_BYTES);
    wr_be64(&w, height);
    wr_copy(&w, digest->bytes, DIGEST_BYTES);
    return wr_bytes_of(&w);
}

void tamper_take(struct tamper_block *b, struct chain *c, uint64_t height)
{
    struct block block;
    CHECK(store_get_block(c->store, height, &block, NULL) == RC_OK);
    *b = (struct tamper_block){.height = height,
                               .digest = block.digest,
                               .header = block.header,
                               .txs_count = block.header.tx_count};
    CHECK(b->txs_count <= TAMPER_TXS_MAX);
    struct rd r = rd_of(block.body);
    for (uint32_t i = 0; i < b->txs_count; i++)
        buf_add_bytes(&b->txs[i], block_next_tx(&r));
}

void tamper_seal(struct tamper_block *b)
{
    struct digest leaves[TAMPER_TXS_MAX];
    b->header.tx_count = b->txs_count;
    b->header.body_bytes = 0;
    for (uint32_t i = 0; i < b->txs_count; i++) {
        merkle_leaf(&leaves[i], buf_bytes(&b->txs[i]));
        b->header.body_bytes += 4 + (uint32_t)b->txs[i].size;
    }
    merkle_root(&b->header.tx_root, leaves, b->txs_count);
}

/* All its members agree to the lie. */
static void sign_anew(const struct tamper_block *b, struct chain *c, const struct digest *digest)
{
    struct certificate certificate;
    chain_certify(c, &certificate, CERT_COMMIT, b->height, digest, NULL, 0);
    tamper_put_certificate(c, &certificate);
    if (b->height % c->options.checkpoint_every_heights != 0)
        return;
    tamper_get_certificate(c, KV_CHECKPOINT, b->height, &certificate);
    struct digest root = certificate.statement.state_root;
    chain_certify(c, &certificate, CERT_CHECKPOINT, b->height, digest, &root, 0);
    tamper_put_certificate(c, &certificate);
}

void tamper_put_back(struct tamper_block *b, struct chain *c, bool sign)
{
    uint8_t key[8 + DIGEST_BYTES];
    uint8_t header[BLOCK_HEADER_BYTES];
    struct buf whole = {0};
    struct digest digest;
    block_header_encode(header, &b->header);
    buf_add(&whole, header, sizeof header);
    for (uint32_t i = 0; i < b->txs_count; i++) {
        buf_add_u32(&whole, (uint32_t)b->txs[i].size);
        buf_add_bytes(&whole, buf_bytes(&b->txs[i]));
        buf_free(&b->txs[i]);
    }
    block_header_digest(&digest, &b->header);
    tamper_delete(c, KV_BLOCK, block_key(key, b->height, &b->digest));
    tamper_put(c, KV_BLOCK, block_key(key, b->height, &digest), buf_bytes(&whole));
    tamper_put(c, KV_CHAIN, tamper_height_key(b->height), bytes_of(digest.bytes, DIGEST_BYTES));
    buf_free(&whole);
    if (store_head(c->store)->height == b->height) {
        struct buf head = tamper_get(c, KV_META, bytes_of_text("head"));
        memcpy(head.data + 8, digest.bytes, DIGEST_BYTES);
        tamper_put(c, KV_META, bytes_of_text("head"), buf_bytes(&head));
        buf_free(&head);
    }
    if (sign)
        sign_anew(b, c, &digest);
}

/* ---- certificates ---- */

void tamper_put_certificate(struct chain *c, const struct certificate *certificate)
{
    uint8_t value[CERT_BYTES_MAX];
    struct wr w = wr_of(value, sizeof value);
    cert_encode(&w, certificate);
    enum kv_table table = certificate->statement.kind == CERT_COMMIT ? KV_CERT : KV_CHECKPOINT;
    tamper_put(c, table, tamper_height_key(certificate->statement.height), wr_bytes_of(&w));
}

void tamper_get_certificate(struct chain *c, enum kv_table table, uint64_t height,
                            struct certificate *out)
{
    struct buf value = tamper_get(c, table, tamper_height_key(height));
    struct rd r = rd_of(buf_bytes(&value));
    cert_decode(&r, out);
    CHECK(rd_done(&r));
    buf_free(&value);
}

/* ---- state ---- */

struct rewrite {
    struct kv_view *view;
    struct kv_batch *batch;
    struct digest key_hash;
    uint8_t table;
    struct bytes key, value;
    bool rehash;
};

static void write_node(struct rewrite *r, struct tree_node *node, const struct tree_place *place)
{
    uint8_t key[TREE_PLACE_KEY_BYTES_MAX];
    struct buf value = {0};
    tree_node_encode(&value, node);
    kv_batch_put(r->batch, KV_TREE, tree_place_encode(key, place), buf_bytes(&value));
    buf_free(&value);
}

/* Set the entry below this place; *hash becomes the node's new one. */
static bool rewrite_node(struct rewrite *r, const struct tree_place *place, struct digest *hash)
{
    struct tree_node node;
    CHECK(tree_node_get(&node, r->view, place) == RC_OK);
    struct tree_child *child = &node.child[tree_nibble(&r->key_hash, place->depth)];
    if (child->kind == TREE_INNER) {
        struct tree_place below = {child->version, place->depth + 1, r->key_hash};
        if (!rewrite_node(r, &below, &child->hash))
            return false;
        if (!r->rehash)
            return true;
    } else {
        bool is_other = child->table != r->table || !bytes_equal(child->key, r->key);
        if (child->kind == TREE_LEAF && is_other)
            return false;
        *child = (struct tree_child){
            .kind = TREE_LEAF, .table = r->table, .key = r->key, .value = r->value};
    }
    CHECK(tree_node_hash_leaves(&node, place));
    tree_node_hash_of(hash, &node);
    write_node(r, &node, place);
    return true;
}

/* The root stands at its version, in the derived record, and in the checkpoint's certificate. */
static void spread_root(struct chain *c, const struct tree_ref *tree, const struct digest *root)
{
    uint64_t height = store_flushed_height(c->store);
    struct certificate certificate;
    tamper_put(c, KV_ROOT, tamper_height_key(tree->version), bytes_of(root->bytes, DIGEST_BYTES));
    struct buf derived = tamper_get(c, KV_META, bytes_of_text("derived"));
    memcpy(derived.data + DERIVED_ROOT_AT, root->bytes, DIGEST_BYTES);
    tamper_put(c, KV_META, bytes_of_text("derived"), buf_bytes(&derived));
    buf_free(&derived);
    tamper_get_certificate(c, KV_CHECKPOINT, height, &certificate);
    struct digest digest = certificate.statement.digest;
    chain_certify(c, &certificate, CERT_CHECKPOINT, height, &digest, root, 0);
    tamper_put_certificate(c, &certificate);
}

bool tamper_state(struct chain *c, enum state_table table, struct bytes key, struct bytes value,
                  bool rehash)
{
    struct tree_ref tree = store_tree(c->store);
    struct tree_place top = {.version = tree.version};
    struct rewrite r = {.table = (uint8_t)table, .key = key, .value = value, .rehash = rehash};
    struct digest root = {{0}};
    r.batch = kv_batch_new();
    tree_key_hash(&r.key_hash, r.table, key);
    CHECK(kv_view_open(&r.view, c->kv, NULL) == RC_OK);
    bool is_done = rewrite_node(&r, &top, &root);
    if (is_done)
        CHECK(kv_commit(c->kv, r.batch, NULL) == RC_OK);
    kv_view_close(r.view);
    kv_batch_free(r.batch);
    if (is_done && rehash)
        spread_root(c, &tree, &root);
    return is_done;
}
