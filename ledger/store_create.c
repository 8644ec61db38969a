/* Making a store, and what it knows of itself: identity and genesis, written once and never again.
 */
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

enum rc store_load_identity(struct kv_view *v, struct store_identity *out, struct why *why)
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
    if (!rd_done(&r) || out->replica_index > MEMBERS_MAX || out->checkpoint_every_heights == 0 ||
        out->checkpoint_every_heights > STORE_CHECKPOINT_EVERY_MAX)
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
        if (out->size + value.size > STORE_GENESIS_BYTES_MAX)
            return why_set(why, RC_STORE_DAMAGED, "the genesis in the store is too large");
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
    struct digest chain_id;
    enum rc rc = refuse_used(kv, why);
    if (rc != RC_OK)
        return rc;
    digest_of(&chain_id, TAG_GENESIS, genesis_canonical);
    CHECK(digest_equal(&chain_id, &identity->chain_id));
    CHECK(genesis_canonical.size <= STORE_GENESIS_BYTES_MAX);
    CHECK(identity->replica_index <= MEMBERS_MAX);
    CHECK(identity->checkpoint_every_heights <= STORE_CHECKPOINT_EVERY_MAX);

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
    store_put_head(s.batch, 0, &s.head_digest, &s.counts);
    s.layer = layer_new(NULL, &nothing);
    state_put_initial(s.layer, initial);
    rc = store_flush_initial(&s, why);

    layer_free(s.layer);
    kv_view_close(s.view);
    kv_batch_free(s.batch);
    return rc;
}
