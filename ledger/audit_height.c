#include "ledger/audit_parts.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"

enum { HEIGHT_KEY_BYTES = 8, BLOCK_KEY_BYTES = HEIGHT_KEY_BYTES + DIGEST_BYTES };

/* ---- reading ---- */

/* Where one table stands at one height. */
struct entry {
    bool found;
    struct bytes value;
};

/* Take the entry of this very key, and refuse every other key up to the next height: such an entry
 * is one that nobody would ever look at, and that nothing vouches for. It begins with the height,
 * or it is too short to be of any and stands in between. */
static bool take_entry(struct entry *out, struct kv_view *v, enum kv_table table, uint64_t height,
                       struct bytes wanted, struct audit_fault *f)
{
    *out = (struct entry){.found = false};
    struct kv_cursor *cursor = NULL;
    enum rc rc = kv_cursor_open(&cursor, v, table);
    if (rc != RC_OK)
        return audit_fault_read(f, rc, height, table);
    struct bytes prefix = bytes_of(wanted.data, HEIGHT_KEY_BYTES);
    struct bytes key = {0};
    struct bytes value = {0};
    char text[AUDIT_KEY_TEXT_BYTES];
    for (rc = kv_cursor_seek(cursor, prefix, &key, &value);
         rc == RC_OK && bytes_has_prefix(key, prefix); rc = kv_cursor_next(cursor, &key, &value)) {
        if (!bytes_equal(key, wanted)) {
            audit_fault_set(f, RC_PROOF, height, "%s: an entry that belongs to nothing (key %s)",
                            kv_table_name(table), audit_key_text(text, key));
            break;
        }
        *out = (struct entry){.found = true, .value = value};
    }
    bool has_key = (rc == RC_OK || rc == RC_STORE_DAMAGED) && key.size > 0;
    if (has_key && key.size < HEIGHT_KEY_BYTES)
        audit_fault_set(f, RC_PROOF, height, "%s: an entry that belongs to nothing (key %s)",
                        kv_table_name(table), audit_key_text(text, key));
    /* Damage in an entry of a later height is that height's. */
    bool is_later = rc == RC_STORE_DAMAGED && has_key && !bytes_has_prefix(key, prefix);
    if (rc != RC_OK && rc != RC_NOT_FOUND && !is_later)
        audit_fault_read(f, rc, height, table);
    kv_cursor_close(cursor);
    return f->rc == RC_OK;
}

/* ---- the block ---- */

/* The digest that the chain names, and the block of that digest. */
static bool read_block(struct audit_height *out, struct kv_view *v, uint64_t height)
{
    uint8_t key_bytes[BLOCK_KEY_BYTES];
    struct wr key = wr_of(key_bytes, sizeof key_bytes);
    wr_be64(&key, height);
    struct audit_fault *f = &out->broken;
    struct entry entry;
    if (!take_entry(&entry, v, KV_CHAIN, height, wr_bytes_of(&key), f))
        return false;
    if (!entry.found)
        return audit_fault_set(f, RC_PROOF, height, "chain: no block is named for this height");
    if (entry.value.size != DIGEST_BYTES)
        return audit_fault_set(f, RC_PROOF, height, "chain: the entry is not a digest");
    struct digest named;
    memcpy(named.bytes, entry.value.data, DIGEST_BYTES);
    wr_copy(&key, named.bytes, DIGEST_BYTES);
    if (!take_entry(&entry, v, KV_BLOCK, height, wr_bytes_of(&key), f))
        return false;
    if (!entry.found)
        return audit_fault_set(f, RC_PROOF, height, "block: missing");
    enum block_fault fault = block_decode(&out->block, entry.value);
    if (fault != BLOCK_OK)
        return audit_fault_set(f, RC_PROOF, height, "block: %s", block_fault_text(fault));
    if (!digest_equal(&out->block.digest, &named))
        return audit_fault_set(f, RC_PROOF, height,
                               "digest: the block's header does not give the digest it has in the "
                               "chain");
    return true;
}

static void make_room(struct audit_height *h, size_t txs_count)
{
    if (h->txs_room >= txs_count)
        return;
    h->txs = mem_resize(h->txs, txs_count * sizeof *h->txs);
    h->txs_room = txs_count;
}

static bool judge_txs(struct audit_height *h, const struct audit_subject *subject,
                      const atomic_bool *stop)
{
    uint32_t txs_count = h->block.header.tx_count;
    make_room(h, txs_count);
    struct rd body = rd_of(h->block.body);
    for (uint32_t i = 0; i < txs_count; i++) {
        if (atomic_load_explicit(stop, memory_order_relaxed))
            return false;
        struct tx *tx = &h->txs[i];
        enum verdict verdict = tx_decode(tx, block_next_tx(&body), &subject->chain_id);
        if (verdict == VERDICT_OK)
            verdict = tx_verify(tx, &subject->chain_id);
        if (verdict != VERDICT_OK)
            return audit_fault_set(&h->wrong, RC_PROOF, h->height,
                                   "transaction %" PRIu32 ": %s: %s", i, verdict_word(verdict),
                                   verdict_text(verdict));
        h->signatures_count += 1 + tx->consents_count;
    }
    return true;
}

/* ---- certificates ---- */

struct kept_certificate {
    enum kv_table table;
    enum cert_kind kind;
    const char *field;
};
static const struct kept_certificate commit = {KV_CERT, CERT_COMMIT, "certificate"};
static const struct kept_certificate checkpoint = {KV_CHECKPOINT, CERT_CHECKPOINT,
                                                   "checkpoint certificate"};

/* The certificate kept for this height, if any: of the right kind, for this block, and verified. */
static bool judge_certificate(bool *found, struct certificate *c,
                              const struct kept_certificate *which, struct audit_height *h,
                              const struct audit_subject *subject, struct kv_view *v)
{
    uint8_t key_bytes[HEIGHT_KEY_BYTES];
    struct wr key = wr_of(key_bytes, sizeof key_bytes);
    wr_be64(&key, h->height);
    struct audit_fault *f = &h->wrong;
    struct entry entry;
    if (!take_entry(&entry, v, which->table, h->height, wr_bytes_of(&key), f))
        return false;
    *found = entry.found;
    if (!entry.found)
        return true;
    struct rd r = rd_of(entry.value);
    cert_decode(&r, c);
    if (!rd_done(&r))
        return audit_fault_set(f, RC_PROOF, h->height, "%s: the bytes are not a certificate",
                               which->field);
    const struct statement *s = &c->statement;
    if (s->kind != which->kind)
        return audit_fault_set(f, RC_PROOF, h->height, "%s: it is of another kind", which->field);
    if (s->epoch != h->block.header.epoch)
        return audit_fault_set(f, RC_PROOF, h->height, "%s: it is for epoch %" PRIu64, which->field,
                               s->epoch);
    if (s->height != h->height)
        return audit_fault_set(f, RC_PROOF, h->height, "%s: it is for height %" PRIu64,
                               which->field, s->height);
    if (!digest_equal(&s->digest, &h->block.digest))
        return audit_fault_set(f, RC_PROOF, h->height, "%s: it is for another block", which->field);
    enum cert_fault fault = cert_verify(c, &subject->chain_id, subject->members);
    if (fault != CERT_OK)
        return audit_fault_set(f, RC_PROOF, h->height, "%s: %s", which->field,
                               cert_fault_text(fault));
    h->signatures_count += c->entries_count;
    return true;
}

static bool judge_certificates(struct audit_height *h, const struct audit_subject *subject,
                               struct kv_view *v)
{
    struct certificate c;
    if (!judge_certificate(&h->has_commit, &c, &commit, h, subject, v))
        return false;
    /* Rule 5.6: the certificate of a later height covers this one through the hash links; for a few
     * last blocks that one may be of a height above the head (audit.h). */
    bool is_tail = subject->head_height - subject->covered_height <= AUDIT_UNCERTIFIED_MAX;
    if (h->height > subject->covered_height && !is_tail)
        return audit_fault_set(&h->wrong, RC_PROOF, h->height,
                               "certificate: none covers this height");
    if (!judge_certificate(&h->has_checkpoint, &c, &checkpoint, h, subject, v))
        return false;
    if (h->has_checkpoint)
        h->checkpoint_root = c.statement.state_root;
    return true;
}

/* ---- all of it ---- */

void audit_height_read(struct audit_height *out, const struct audit_subject *subject,
                       struct kv_view *v, uint64_t height, const atomic_bool *stop)
{
    *out = (struct audit_height){.height = height, .txs = out->txs, .txs_room = out->txs_room};
    out->is_missing = audit_is_missing(subject, height);
    if (out->is_missing)
        return;
    if (!read_block(out, v, height))
        return;
    enum block_fault fault = block_judge_body(&out->block, NULL);
    if (fault != BLOCK_OK) {
        audit_fault_set(&out->wrong, RC_PROOF, height, "tx_root: %s", block_fault_text(fault));
        return;
    }
    if (!judge_txs(out, subject, stop))
        return;
    (void)judge_certificates(out, subject, v);
}

void audit_height_close(struct audit_height *h)
{
    mem_free(h->txs);
    *h = (struct audit_height){0};
}
