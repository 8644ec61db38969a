/* Creating and opening a store, and appending to it. Flushing is in store_flush.c, reading in
 * store_read.c, the small records of KV_META in store_meta.c. */
#include "ledger/store.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "ledger/store_impl.h"

enum { GENESIS_PIECE_BYTES = 1024 * 1024 };

static const char META_STORE[] = "store";
static const char META_GENESIS[] = "genesis";

static struct bytes genesis_key(uint8_t out[static 16], uint32_t piece)
{
    struct wr w = wr_of(out, 16);
    wr_bytes(&w, bytes_of_text(META_GENESIS));
    wr_be32(&w, piece);
    return wr_bytes_of(&w);
}

/* ---- identity ---- */

static void put_identity(struct kv_batch *batch, const struct store_identity *id)
{
    struct buf value = {0};
    buf_add_u32(&value, STORE_FORMAT);
    buf_add(&value, id->store_id, STORE_ID_BYTES);
    buf_add(&value, id->chain_id.bytes, DIGEST_BYTES);
    buf_add(&value, id->replica_key.bytes, PUBLIC_KEY_BYTES);
    buf_add_u8(&value, (uint8_t)id->replica_index);
    buf_add_u64(&value, id->checkpoint_every_heights);
    kv_batch_put(batch, KV_META, bytes_of_text(META_STORE), buf_bytes(&value));
    buf_free(&value);
}

static enum rc load_identity(struct kv_view *v, struct store_identity *out, struct why *why)
{
    struct bytes value;
    enum rc rc = kv_get(v, KV_META, bytes_of_text(META_STORE), &value);
    if (rc == RC_NOT_FOUND)
        return why_set(why, RC_NOT_A_STORE, "there is no Hansa store here");
    if (rc != RC_OK)
        return why_set(why, rc, "the store's identity record is damaged: restore a backup");

    struct rd r = rd_of(value);
    uint32_t format = rd_u32(&r);
    rd_copy(&r, out->store_id, STORE_ID_BYTES);
    rd_copy(&r, out->chain_id.bytes, DIGEST_BYTES);
    rd_copy(&r, out->replica_key.bytes, PUBLIC_KEY_BYTES);
    out->replica_index = rd_u8(&r);
    out->checkpoint_every_heights = rd_u64(&r);
    if (format != STORE_FORMAT)
        return why_set(why, RC_STORE_FORMAT,
                       "the store has format %" PRIu32 ", this program knows format %d", format,
                       STORE_FORMAT);
    if (!rd_done(&r) || out->checkpoint_every_heights == 0)
        return why_set(why, RC_STORE_DAMAGED, "the store's identity record is damaged");
    return RC_OK;
}

const struct store_identity *store_identity(const struct store *s)
{
    return &s->identity;
}

enum rc store_expect(const struct store *s, const struct digest *chain_id,
                     const struct public_key *replica_key, struct why *why)
{
    char ours[DIGEST_HEX_BYTES], theirs[DIGEST_HEX_BYTES];
    if (!digest_equal(chain_id, &s->identity.chain_id)) {
        digest_to_hex(ours, &s->identity.chain_id);
        digest_to_hex(theirs, chain_id);
        return why_set(why, RC_GENESIS_MISMATCH,
                       "the store is of chain %s, the genesis file of chain %s: use the genesis "
                       "file that the store was made from",
                       ours, theirs);
    }
    if (replica_key != NULL && !public_key_equal(replica_key, &s->identity.replica_key)) {
        public_key_to_hex(ours, &s->identity.replica_key);
        public_key_to_hex(theirs, replica_key);
        return why_set(why, RC_REPLICA_MISMATCH,
                       "the store belongs to replica %s, the key file to %s: use the data "
                       "directory of this key",
                       ours, theirs);
    }
    return RC_OK;
}

enum rc store_genesis(struct store *s, struct buf *out, struct why *why)
{
    buf_clear(out);
    for (uint32_t piece = 0;; piece++) {
        uint8_t room[16];
        struct bytes value;
        enum rc rc = kv_get(s->view, KV_META, genesis_key(room, piece), &value);
        if (rc == RC_NOT_FOUND)
            break;
        if (rc != RC_OK)
            return why_set(why, rc, "piece %" PRIu32 " of the genesis in the store is damaged",
                           piece);
        buf_add_bytes(out, value);
    }
    struct digest chain_id;
    digest_of(&chain_id, TAG_GENESIS, buf_bytes(out));
    if (!digest_equal(&chain_id, &s->identity.chain_id))
        return why_set(why, RC_STORE_DAMAGED,
                       "the genesis in the store does not give its chain id");
    return RC_OK;
}

/* ---- creating ---- */

static enum rc refuse_used(struct kv *kv, struct why *why)
{
    struct kv_view *v;
    struct bytes value;
    enum rc rc = kv_view_open(&v, kv, why);
    if (rc != RC_OK)
        return rc;
    rc = kv_get(v, KV_META, bytes_of_text(META_STORE), &value);
    kv_view_close(v);
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    return why_set(why, rc == RC_OK ? RC_FILE_EXISTS : rc, "there is a store here already");
}

enum rc store_create(struct kv *kv, const struct store_identity *identity,
                     struct bytes genesis_canonical, const struct initial_state *initial,
                     struct why *why)
{
    static const uint8_t no_id[STORE_ID_BYTES];
    enum rc rc = refuse_used(kv, why);
    if (rc != RC_OK)
        return rc;

    struct store_identity id = *identity;
    if (memcmp(id.store_id, no_id, STORE_ID_BYTES) == 0)
        crypto_random(id.store_id, STORE_ID_BYTES);

    struct store s = {.kv = kv, .batch = kv_batch_new(), .identity = id};
    struct layer_base nothing = {.get = NULL};
    rc = kv_view_open(&s.view, kv, why);
    if (rc != RC_OK) {
        kv_batch_free(s.batch);
        return rc;
    }
    put_identity(s.batch, &id);
    for (size_t at = 0, piece = 0; at < genesis_canonical.size; piece++) {
        uint8_t room[16];
        size_t left = genesis_canonical.size - at;
        size_t size = left < GENESIS_PIECE_BYTES ? left : GENESIS_PIECE_BYTES;
        kv_batch_put(s.batch, KV_META, genesis_key(room, (uint32_t)piece),
                     bytes_of(genesis_canonical.data + at, size));
        at += size;
    }
    block_genesis_header(&s.head, &id.chain_id);
    block_header_digest(&s.head_digest, &s.head);
    store_put_head(&s, 0, &s.head_digest);
    s.layer = layer_new(NULL, &nothing);
    state_put_initial(s.layer, initial);
    rc = store_flush_initial(&s, why);

    layer_free(s.layer);
    kv_view_close(s.view);
    kv_batch_free(s.batch);
    return rc;
}

/* ---- opening ---- */

static enum rc base_get(void *context, uint8_t table, struct bytes key, struct bytes *value)
{
    struct store *s = context;
    return tree_get(s->view, &s->derived.tree, s->options.care, table, key, value);
}

static enum rc check_count(const struct store *s, enum kv_table table, uint64_t written,
                           struct why *why)
{
    uint64_t count = 0;
    enum rc rc = kv_count(s->view, table, &count);
    if (rc == RC_OK && count == written)
        return RC_OK;
    return why_set(why, rc == RC_OK ? RC_STORE_DAMAGED : rc,
                   "the table %s has %" PRIu64 " entries where %" PRIu64 " were written",
                   kv_table_name(table), count, written);
}

/* The kv's own count of each table must be the one that our last commit left. */
static enum rc check_counts(const struct store *s, struct why *why)
{
    enum rc rc = check_count(s, KV_CHAIN, s->chain_height, why);
    if (rc == RC_OK)
        rc = check_count(s, KV_CERT, s->certificates_count, why);
    if (rc == RC_OK)
        rc = check_count(s, KV_CHECKPOINT, s->checkpoints_count, why);
    for (uint32_t i = 0; i < STORE_INDEXES_COUNT && rc == RC_OK; i++)
        rc = check_count(s, store_indexes[i], s->derived.counts[i], why);
    return rc;
}

/* The chain's last entry must be the head that the last commit recorded. */
static enum rc check_chain_end(const struct store *s, uint64_t height, const struct digest *digest,
                               struct why *why)
{
    struct kv_cursor *c;
    struct bytes key, value;
    uint8_t room[8];
    enum rc rc = kv_cursor_open(&c, s->view, KV_CHAIN);
    if (rc != RC_OK)
        return why_set(why, rc, "the chain's table cannot be read");
    rc = kv_cursor_seek_before(c, bytes_of(NULL, 0), &key, &value);
    bool is_end = rc == RC_OK && bytes_equal(key, store_height_key(room, height)) &&
                  bytes_equal(value, bytes_of(digest->bytes, DIGEST_BYTES));
    kv_cursor_close(c);
    if (rc == RC_NOT_FOUND ? height == 0 : is_end)
        return RC_OK;
    return why_set(
        why, RC_STORE_DAMAGED,
        "the chain does not end at height %" PRIu64 ", which the store gives as its head", height);
}

/* Apply one stored block on the layer. Signatures were verified before it was committed. */
static enum rc apply_stored(struct store *s, uint64_t height, struct why *why)
{
    struct block block;
    enum rc rc = store_get_block(s, height, &block, why);
    if (rc != RC_OK)
        return rc;
    if (!digest_equal(&block.header.parent, &s->head_digest))
        return why_set(why, RC_STORE_DAMAGED,
                       "the block at height %" PRIu64 " does not follow the one before it", height);

    enum block_fault fault;
    uint32_t tx_index = 0;
    enum verdict verdict = VERDICT_OK;
    rc = block_apply(&fault, &tx_index, &verdict, s->layer, &block, false);
    if (rc != RC_OK)
        return why_set(why, rc, "the state below height %" PRIu64 " cannot be read: %s", height,
                       rc_text(rc));
    if (fault != BLOCK_OK)
        return why_set(why, RC_STORE_DAMAGED,
                       "transaction %" PRIu32 " at height %" PRIu64
                       " does not apply to the stored state: %s",
                       tx_index, height, verdict_text(verdict));
    s->head = block.header;
    s->head_digest = block.digest;
    return RC_OK;
}

/* Stand on the flushed height, then apply what came after it. */
static enum rc recover(struct store *s, struct why *why)
{
    struct digest digest;
    enum rc rc = store_load_head(s, &digest, why);
    uint64_t height = s->chain_height;
    if (rc == RC_OK)
        rc = store_load_derived(s->view, &s->derived, why);
    if (rc == RC_OK)
        rc = check_counts(s, why);
    if (rc == RC_OK)
        rc = check_chain_end(s, height, &digest, why);
    if (rc != RC_OK)
        return rc;
    if (s->derived.flushed_height > height)
        return why_set(why, RC_STORE_DAMAGED, "the state is ahead of the chain");

    block_genesis_header(&s->head, &s->identity.chain_id);
    block_header_digest(&s->head_digest, &s->head);
    if (s->derived.flushed_height > 0) {
        struct block block;
        rc = store_get_block(s, s->derived.flushed_height, &block, why);
        if (rc != RC_OK)
            return rc;
        s->head = block.header;
        s->head_digest = block.digest;
    }
    while (rc == RC_OK && s->head.height < height)
        rc = apply_stored(s, s->head.height + 1, why);
    return rc;
}

enum rc store_open(struct store **out, struct kv *kv, const struct store_options *options,
                   struct why *why)
{
    struct store *s = mem_alloc(sizeof *s);
    struct layer_base base = {.get = base_get, .context = s};
    *out = NULL;
    s->kv = kv;
    s->options = *options;
    if (s->options.layer_bytes_max == 0)
        s->options.layer_bytes_max = STORE_LAYER_BYTES_MAX;
    s->batch = kv_batch_new();
    s->layer = layer_new(NULL, &base);

    enum rc rc = kv_view_open(&s->view, kv, why);
    if (rc == RC_OK)
        rc = load_identity(s->view, &s->identity, why);
    if (rc == RC_OK)
        rc = recover(s, why);
    if (rc != RC_OK) {
        store_close(s);
        return rc;
    }
    *out = s;
    return RC_OK;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    layer_free(s->layer);
    kv_batch_free(s->batch);
    if (s->view != NULL)
        kv_view_close(s->view);
    mem_free(s);
}

/* ---- appending ---- */

enum rc store_commit(struct store *s, struct why *why)
{
    struct kv_view *fresh;
    enum rc rc = kv_commit(s->kv, s->batch, why);
    kv_batch_clear(s->batch);
    if (rc != RC_OK)
        return rc;
    rc = kv_view_open(&fresh, s->kv, why);
    if (rc != RC_OK)
        return rc;
    kv_view_close(s->view);
    s->view = fresh;
    return RC_OK;
}

/* Put a certificate under its height, counting it if none stood there. */
static void put_certificate(struct store *s, const struct certificate *c)
{
    uint8_t room[8], encoded[CERT_BYTES_MAX];
    struct wr w = wr_of(encoded, sizeof encoded);
    struct bytes key = store_height_key(room, c->statement.height), present;
    CHECK(c->statement.kind == CERT_COMMIT || c->statement.kind == CERT_CHECKPOINT);
    bool is_commit = c->statement.kind == CERT_COMMIT;
    cert_encode(&w, c);
    CHECK(wr_ok(&w));
    enum kv_table table = is_commit ? KV_CERT : KV_CHECKPOINT;
    if (kv_get(s->view, table, key, &present) == RC_NOT_FOUND)
        *(is_commit ? &s->certificates_count : &s->checkpoints_count) += 1;
    kv_batch_put(s->batch, table, key, wr_bytes_of(&w));
}

enum rc store_append(struct store *s, const struct block *block, struct layer *layer,
                     const struct certificate *certificate, struct why *why)
{
    uint8_t room[8], block_room[8 + DIGEST_BYTES];
    uint64_t height = block->header.height;
    CHECK(height == s->head.height + 1);
    CHECK(digest_equal(&block->header.parent, &s->head_digest));
    CHECK(layer_rc(layer) == RC_OK);

    kv_batch_put(s->batch, KV_BLOCK, store_block_key(block_room, height, &block->digest),
                 block->whole);
    kv_batch_put(s->batch, KV_CHAIN, store_height_key(room, height),
                 bytes_of(block->digest.bytes, DIGEST_BYTES));
    if (certificate != NULL)
        put_certificate(s, certificate);
    store_put_head(s, height, &block->digest);
    enum rc rc = store_commit(s, why);
    if (rc != RC_OK)
        return rc;

    layer_merge(s->layer, layer);
    s->head = block->header;
    s->head_digest = block->digest;
    s->chain_height = height;
    return store_flush_if_due(s, why);
}

enum rc store_put_certificate(struct store *s, const struct certificate *c, struct why *why)
{
    put_certificate(s, c);
    store_put_head(s, s->head.height, &s->head_digest);
    return store_commit(s, why);
}
