/* Checkpoints: their certificates, and the two heights whose trees are kept for them (8.1, 8.3).
 *
 * A tree is dropped when it is older than both, and than the newest certified one: members that
 * withhold their CHECKPOINTs would else take the last one away of which anybody may make its state
 * anew (8.3, 9.3). Every height that a root was told of has been flushed by itself, so its tree did
 * exist. What is kept is written down, because a quiet
 * checkpoint's height cannot be told from any other that a flush happened to end at. */
#include <inttypes.h>

#include "crypto/base/check.h"
#include "ledger/store_impl.h"

static const char META_KEPT[] = "kept";

/* ---- the two heights ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t oldest_of(const struct store *s, const struct store_kept *kept,
                          uint64_t checkpoint_height)
{
    uint64_t oldest = least(kept->heights[0], checkpoint_height);
    return s->held_height > 0 ? least(s->held_height, oldest) : oldest;
}

uint64_t store_oldest_tree(const struct store *s, const struct store_kept *kept)
{
    return oldest_of(s, kept, s->checkpoint_height);
}

uint64_t store_oldest_durable_tree(const struct store *s)
{
    return oldest_of(s, &s->kept_durable, s->checkpoint_durable);
}

bool store_kept_add(struct store_kept *kept, uint64_t height)
{
    uint64_t *h = kept->heights;
    if (height <= h[0] || height == h[1])
        return false;
    if (height > h[1]) {
        h[0] = h[1];
        h[1] = height;
    } else {
        h[0] = height;
    }
    return true;
}

void store_put_kept(struct kv_batch *batch, const struct store_kept *kept)
{
    uint8_t value[8 + 8];
    struct wr w = wr_of(value, sizeof value);
    wr_u64(&w, kept->heights[0]);
    wr_u64(&w, kept->heights[1]);
    kv_batch_put(batch, KV_META, bytes_of_text(META_KEPT), wr_bytes_of(&w));
}

/* Multiples of K are always among those told, so what they give is never too new: a store without
 * the record, or one that went on without it, is right with them alone. */
static void add_multiples(struct store_kept *kept, uint64_t flushed_height, uint64_t every)
{
    uint64_t last = flushed_height / every * every;
    if (last > every)
        (void)store_kept_add(kept, last - every);
    if (last > 0)
        (void)store_kept_add(kept, last);
}

enum rc store_load_kept(struct kv_view *v, uint64_t flushed_height, uint64_t every,
                        struct store_kept *out, struct why *why)
{
    struct bytes value;
    *out = (struct store_kept){{0}};
    enum rc rc = kv_get(v, KV_META, bytes_of_text(META_KEPT), &value);
    if (rc == RC_STORE_IO)
        return why_set(why, rc, "the record of the kept trees cannot be read");
    struct rd r = rd_of(rc == RC_OK ? value : bytes_of(NULL, 0));
    if (rc != RC_NOT_FOUND) {
        out->heights[0] = rd_u64(&r);
        out->heights[1] = rd_u64(&r);
        if (!rd_done(&r) || out->heights[0] >= out->heights[1] || out->heights[1] > flushed_height)
            return why_set(why, RC_STORE_DAMAGED, "the record of the kept trees is damaged");
    }
    add_multiples(out, flushed_height, every);
    return RC_OK;
}

const struct store_kept *store_kept(const struct store *s)
{
    return &s->kept_durable;
}

void store_stage_keep(struct store *s, struct kv_batch *batch, uint64_t height)
{
    store_freeze_at(s, height);
    struct store_frozen *f = s->oldest;
    while (f != NULL && f->height != height)
        f = f->newer;
    if (f != NULL && !(f == s->oldest && s->is_flush_staged)) {
        f->is_told = true; /* staging it does the rest */
        return;
    }
    bool is_flushed = f != NULL || height == s->derived.flushed_height;
    if (is_flushed && store_kept_add(&s->kept, height))
        store_put_kept(batch, &s->kept);
}

/* ---- certificates ---- */

enum rc store_load_checkpoint_height(struct kv_view *v, uint64_t *out, struct why *why)
{
    struct kv_cursor *c;
    struct bytes key, value;
    *out = 0;
    enum rc rc = kv_cursor_open(&c, v, KV_CHECKPOINT);
    if (rc != RC_OK)
        return why_set(why, rc, "the table of checkpoints cannot be read");
    rc = kv_cursor_seek_before(c, bytes_of(NULL, 0), &key, &value);
    kv_cursor_close(c);
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    struct rd r = rd_of(key); /* damage of the value is for whoever wants the certificate */
    *out = rd_be64(&r);
    if (rc == RC_STORE_IO || !rd_done(&r))
        return why_set(why, rc == RC_STORE_IO ? rc : RC_STORE_DAMAGED,
                       "the last entry of the table of checkpoints cannot be read");
    return RC_OK;
}

void store_stage_checkpoint(struct store *s, struct kv_batch *batch, const struct certificate *c)
{
    uint8_t room[8];
    uint64_t height = c->statement.height;
    CHECK(c->statement.kind == CERT_CHECKPOINT);
    CHECK(height <= s->head.height);
    if (height < s->checkpoint_height)
        return; /* the newest is damaged, or who stages this would know of it (pitfalls D5) */
    s->counts.checkpoints += height > s->checkpoint_height;
    s->checkpoint_height = height;
    store_put_certificate_at(batch, store_height_key(room, height), c);
    store_put_head(batch, s->head.height, &s->head_digest, &s->counts);
}

enum rc store_tree_at(struct store *s, uint64_t height, struct tree_ref *out)
{
    uint8_t room[8];
    struct kv_cursor *c;
    struct bytes key, value;
    enum rc rc = kv_cursor_open(&c, s->view, KV_ROOT);
    if (rc != RC_OK)
        return rc;
    rc = kv_cursor_seek_before(c, store_height_key(room, height + 1), &key, &value);
    kv_cursor_close(c);
    if (rc != RC_OK)
        return rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc;
    struct rd key_rd = rd_of(key), value_rd = rd_of(value);
    out->version = rd_be64(&key_rd);
    rd_copy(&value_rd, out->root.bytes, DIGEST_BYTES);
    return rd_done(&key_rd) && rd_done(&value_rd) ? RC_OK : RC_STORE_DAMAGED;
}

/* The newest CHECKPOINT certificate below a height, as the search finds it. When it is damaged,
 * *out has its height alone; 0: the table is. */
static enum rc seek_checkpoint(struct store *s, uint64_t below, struct certificate *out)
{
    uint8_t room[8];
    struct kv_cursor *c;
    struct bytes key, value;
    *out = (struct certificate){.statement = {.kind = CERT_CHECKPOINT}};
    enum rc rc = kv_cursor_open(&c, s->view, KV_CHECKPOINT);
    if (rc != RC_OK)
        return rc;
    rc = kv_cursor_seek_before(c, store_height_key(room, below), &key, &value);
    struct rd r = rd_of(key);
    uint64_t height = rd_be64(&r);
    if (rc == RC_OK)
        rc = store_decode_certificate(out, value, CERT_CHECKPOINT);
    if (rc == RC_OK && !bytes_equal(key, store_height_key(room, out->statement.height)))
        rc = RC_STORE_DAMAGED;
    kv_cursor_close(c);
    if (rc == RC_STORE_DAMAGED)
        out->statement.height = rd_done(&r) ? height : 0;
    return rc;
}

/* Checkpoints come at multiples of K, and at quiet heights in between (PROTOCOL.md 8.1). Where no
 * flush ended at a quiet height its tree does not exist here, and an older checkpoint has to serve.
 * From the older of the two kept heights on nothing was dropped, nor the newest checkpoint's. */
enum rc store_get_checkpoint(struct store *s, struct certificate *out, struct tree_ref *tree,
                             struct why *why)
{
    uint64_t every = s->identity.checkpoint_every_heights;
    const uint64_t *kept = s->kept_durable.heights;
    uint64_t oldest = kept[0] > 0 ? kept[0] : 1;
    bool is_newest = true;
    uint64_t below = s->derived.flushed_height + 1;
    uint8_t from[8], to[8];
    while (below > oldest || is_newest) {
        enum rc rc = seek_checkpoint(s, below, out);
        uint64_t height = rc == RC_OK ? out->statement.height : 0;
        if (rc != RC_OK && rc != RC_NOT_FOUND)
            return store_read_failed(why, rc, "checkpoint", below - 1);
        if (height < below - 1) { /* that none stands between is an absence too */
            enum rc absent =
                store_confirm_absent(s, KV_CHECKPOINT, store_height_key(from, height + 1),
                                     store_height_key(to, below - 1), why);
            if (absent != RC_OK)
                return absent;
        }
        if (height == 0 || (height < oldest && !is_newest))
            break;
        is_newest = false;
        rc = store_tree_at(s, height, tree);
        if (rc != RC_OK)
            return store_read_failed(why, rc, "state tree", height);
        if (digest_equal(&tree->root, &out->statement.state_root))
            return RC_OK;
        if (height == kept[0] || height == kept[1] || height % every == 0)
            return store_read_failed(why, RC_STORE_DAMAGED, "state tree", height);
        below = height;
    }
    return why_set(why, RC_NOT_FOUND,
                   "no checkpoint is certified yet: the next one comes at height %" PRIu64,
                   (s->head.height / every + 1) * every);
}

enum rc store_get_stable(struct store *s, uint64_t below, struct certificate *out, struct why *why)
{
    enum rc rc = seek_checkpoint(s, below, out);
    if (rc == RC_OK)
        return RC_OK;
    uint64_t height = out->statement.height;
    return store_read_failed(why, rc, "checkpoint", rc == RC_STORE_DAMAGED ? height : below - 1);
}

enum rc store_get_root(struct store *s, uint64_t height, struct digest *out, struct why *why)
{
    struct tree_ref tree;
    enum rc rc = store_tree_at(s, height, &tree);
    if (rc != RC_OK)
        return store_read_failed(why, rc, "state root", height);
    *out = tree.root;
    return RC_OK;
}
