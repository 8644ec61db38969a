/* A store whose history is not whole: replaying starts from a tree that is kept and certified, and
 * where blocks are missing nothing else may stand. */
#include "ledger/audit_parts.h"

#include <inttypes.h>

#include "crypto/base/check.h"

void audit_history_load(struct audit_subject *subject, const struct store *s)
{
    if (!store_snapshot_header(s, &subject->base))
        return;
    subject->base_height = subject->base.height;
    block_header_digest(&subject->base_digest, &subject->base);
    subject->gaps_count = store_history_gaps(s, subject->gaps);
}

const struct store_gap *audit_gap_at(const struct audit_subject *subject, uint64_t height)
{
    for (uint32_t i = 0; i < subject->gaps_count; i++) {
        const struct store_gap *gap = &subject->gaps[i];
        if (height >= gap->from && height <= gap->to)
            return gap;
    }
    return NULL;
}

bool audit_is_missing(const struct audit_subject *subject, uint64_t height)
{
    const struct store_gap *gap = audit_gap_at(subject, height);
    return gap != NULL && gap->kind == STORE_GAP_BLOCKS;
}

/* ---- the start ---- */

static struct bytes height_key(uint8_t out[static 8], uint64_t height)
{
    struct wr w = wr_of(out, 8);
    wr_be64(&w, height);
    return wr_bytes_of(&w);
}

/* Is this the newest root that is not above the height? Then *ref is its tree. */
static bool has_tree(struct tree_ref *ref, struct kv_view *v, uint64_t height,
                     const struct digest *root)
{
    uint8_t room[8];
    struct kv_cursor *cursor = NULL;
    struct bytes key = {0};
    struct bytes value = {0};
    if (kv_cursor_open(&cursor, v, KV_ROOT) != RC_OK)
        return false;
    enum rc rc = kv_cursor_seek_before(cursor, height_key(room, height + 1), &key, &value);
    kv_cursor_close(cursor);
    struct rd r = rd_of(key);
    ref->version = rd_be64(&r);
    ref->root = *root;
    return rc == RC_OK && rd_done(&r) && bytes_equal(value, bytes_of(root->bytes, DIGEST_BYTES));
}

/* The digest that the chain names is the certificate's. */
static bool is_in_chain(struct kv_view *v, const struct statement *s)
{
    uint8_t room[8];
    struct bytes value = {0};
    return kv_get(v, KV_CHAIN, height_key(room, s->height), &value) == RC_OK &&
           bytes_equal(value, bytes_of(s->digest.bytes, DIGEST_BYTES));
}

static bool verify(const struct audit_subject *subject, const struct certificate *c,
                   struct kv_view *v, uint64_t height, uint64_t *signatures_count,
                   struct audit_fault *f)
{
    const struct statement *s = &c->statement;
    if (s->kind != CERT_CHECKPOINT || s->height != height || s->epoch != subject->base.epoch)
        return audit_fault_set(f, RC_PROOF, height,
                               "checkpoint certificate: it is of another kind, height or epoch");
    if (!is_in_chain(v, s))
        return audit_fault_set(f, RC_PROOF, height,
                               "checkpoint certificate: it is for another block");
    enum cert_fault fault = cert_verify(c, &subject->chain_id, subject->members);
    if (fault != CERT_OK)
        return audit_fault_set(f, RC_PROOF, height, "checkpoint certificate: %s",
                               cert_fault_text(fault));
    *signatures_count += c->entries_count;
    return true;
}

/* The snapshot's own: its quorum vouches for the header at the top of the missing blocks. */
static bool judge_base(struct audit_subject *subject, struct kv_view *v, uint64_t *signatures_count,
                       struct audit_fault *f)
{
    uint8_t room[8];
    struct bytes value = {0};
    struct certificate c;
    uint64_t height = subject->base_height;
    enum rc rc = kv_get(v, KV_CHECKPOINT, height_key(room, height), &value);
    if (rc != RC_OK)
        return audit_fault_read(f, rc, height, KV_CHECKPOINT);
    struct rd r = rd_of(value);
    cert_decode(&r, &c);
    if (!rd_done(&r))
        return audit_fault_set(f, RC_PROOF, height,
                               "checkpoint certificate: the bytes are not a certificate");
    if (!digest_equal(&subject->base.chain_id, &subject->chain_id) ||
        !digest_equal(&c.statement.digest, &subject->base_digest))
        return audit_fault_set(f, RC_PROOF, height,
                               "history: the header is not the one that is certified");
    return verify(subject, &c, v, height, signatures_count, f);
}

/* All trees from here on are kept: from the older of the two heights, or from the newest certified
 * one where that is older still (store.h). */
static bool find_oldest(uint64_t *oldest, const struct audit_subject *subject, struct kv_view *v,
                        struct audit_fault *f)
{
    uint8_t room[8];
    struct kv_cursor *cursor = NULL;
    struct bytes key = {0};
    struct bytes value = {0};
    *oldest = subject->kept.heights[0];
    enum rc rc = kv_cursor_open(&cursor, v, KV_CHECKPOINT);
    if (rc == RC_OK) {
        rc = kv_cursor_seek_before(cursor, height_key(room, subject->flushed_height + 1), &key,
                                   &value);
        kv_cursor_close(cursor);
    }
    struct rd r = rd_of(key);
    uint64_t newest = rd_be64(&r);
    if (rc != RC_OK)
        return audit_fault_read(f, rc, subject->flushed_height, KV_CHECKPOINT);
    if (newest < *oldest)
        *oldest = newest;
    if (*oldest < subject->base_height)
        *oldest = subject->base_height;
    return true;
}

/* The lowest CHECKPOINT certificate from here on whose tree is kept. */
static bool find_start(struct audit_subject *subject, struct kv_view *v, uint64_t oldest,
                       uint64_t *signatures_count, struct audit_fault *f)
{
    uint8_t room[8];
    struct kv_cursor *cursor = NULL;
    struct bytes key = {0};
    struct bytes value = {0};
    struct certificate c;
    enum rc rc = kv_cursor_open(&cursor, v, KV_CHECKPOINT);
    if (rc != RC_OK)
        return audit_fault_read(f, rc, oldest, KV_CHECKPOINT);
    for (rc = kv_cursor_seek(cursor, height_key(room, oldest), &key, &value); rc == RC_OK;
         rc = kv_cursor_next(cursor, &key, &value)) {
        struct rd height = rd_of(key);
        subject->start_height = rd_be64(&height);
        if (subject->start_height > subject->flushed_height)
            break;
        struct rd r = rd_of(value);
        cert_decode(&r, &c);
        /* One that is bad, or of a tree that does not stand here, is judged when its height comes.
         */
        if (rd_done(&r) &&
            has_tree(&subject->start_tree, v, subject->start_height, &c.statement.state_root)) {
            kv_cursor_close(cursor);
            subject->start_digest = c.statement.digest;
            return verify(subject, &c, v, subject->start_height, signatures_count, f);
        }
    }
    kv_cursor_close(cursor);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return audit_fault_read(f, rc, oldest, KV_CHECKPOINT);
    return audit_fault_set(
        f, RC_PROOF, oldest,
        "checkpoint certificate: there is none of a state tree that is kept, and "
        "the blocks from the genesis on are not all there");
}

bool audit_history_find_start(struct audit_subject *subject, struct kv_view *v,
                              uint64_t *signatures_count, struct audit_fault *f)
{
    if (subject->base_height == 0)
        return true;
    if (!judge_base(subject, v, signatures_count, f))
        return false;
    if (subject->gaps_count == 0)
        return true;
    uint64_t oldest;
    return find_oldest(&oldest, subject, v, f) &&
           find_start(subject, v, oldest, signatures_count, f);
}

/* ---- what is not there ---- */

/* No entry of the table stands in from..to. */
static bool judge_empty(struct kv_view *v, enum kv_table table, uint64_t from, uint64_t to,
                        struct audit_fault *f)
{
    uint8_t room[8];
    struct kv_cursor *cursor = NULL;
    struct bytes key = {0};
    struct bytes value = {0};
    char text[AUDIT_KEY_TEXT_BYTES];
    if (from > to)
        return true;
    enum rc rc = kv_cursor_open(&cursor, v, table);
    if (rc != RC_OK)
        return audit_fault_read(f, rc, from, table);
    rc = kv_cursor_seek(cursor, height_key(room, from), &key, &value);
    kv_cursor_close(cursor);
    if (rc == RC_NOT_FOUND)
        return true;
    if (rc != RC_OK && key.size == 0)
        return audit_fault_read(f, rc, from, table);
    struct rd r = rd_of(key);
    uint64_t height = rd_be64(&r);
    if (!r.failed && height > to)
        return true;
    return audit_fault_set(f, RC_PROOF, r.failed ? from : height,
                           "%s: an entry where blocks are missing (key %s)", kv_table_name(table),
                           audit_key_text(text, key));
}

bool audit_history_judge_gaps(const struct audit_subject *subject, struct kv_view *v,
                              struct audit_fault *f)
{
    for (uint32_t i = 0; i < subject->gaps_count; i++) {
        const struct store_gap *gap = &subject->gaps[i];
        if (gap->kind != STORE_GAP_BLOCKS)
            continue;
        /* The snapshot's own place in the chain, and its certificate, are there. */
        uint64_t to = gap->to - (gap->to == subject->base_height);
        if (!judge_empty(v, KV_BLOCK, gap->from, gap->to, f) ||
            !judge_empty(v, KV_CERT, gap->from, gap->to, f) ||
            !judge_empty(v, KV_CHAIN, gap->from, to, f) ||
            !judge_empty(v, KV_CHECKPOINT, gap->from, to, f))
            return false;
    }
    return true;
}
