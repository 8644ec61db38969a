/* Blocks that were proposed and not committed. A node keeps them above its head from one start to
 * the next; nobody certified them, and none is shown to anybody. What stands there all the same
 * must be what a node writes: the node itself refuses anything else when it starts. */
#include "ledger/audit_parts.h"

#include <inttypes.h>

/* Each block may have a megabyte to hash: ask often. */
enum { ENTRIES_PER_TICK = 16, HEIGHT_KEY_BYTES = 8, BLOCK_KEY_BYTES = 8 + DIGEST_BYTES };

struct proposals {
    const struct audit_subject *subject;
    struct audit_fault *f;
    uint64_t height;       /* of the entry before */
    uint32_t height_count; /* at that height so far */
};

/* Of what has too short a key: the first one above the head. */
static uint64_t height_of(const struct proposals *p, struct bytes key)
{
    struct rd r = rd_of(key);
    uint64_t height = rd_be64(&r);
    return r.failed ? p->subject->head_height + 1 : height;
}

static bool judge_body(struct audit_fault *f, uint64_t height, struct bytes digest,
                       struct bytes value)
{
    struct block block;
    enum block_fault fault = block_decode(&block, value);
    if (fault == BLOCK_OK)
        fault = block_judge_body(&block, NULL);
    if (fault != BLOCK_OK)
        return audit_fault_set(f, RC_PROOF, height, "block: a proposal beyond the head: %s",
                               block_fault_text(fault));
    struct bytes actual = bytes_of(block.digest.bytes, DIGEST_BYTES);
    if (block.header.height == height && bytes_equal(actual, digest))
        return true;
    return audit_fault_set(f, RC_PROOF, height,
                           "block: a proposal beyond the head is not the one of its key");
}

static bool judge_proposal(struct proposals *p, struct bytes key, struct bytes value)
{
    uint64_t head_height = p->subject->head_height;
    uint64_t height = height_of(p, key);
    char text[AUDIT_KEY_TEXT_BYTES];
    if (key.size != BLOCK_KEY_BYTES)
        return audit_fault_set(p->f, RC_PROOF, height,
                               "block: an entry beyond the head that belongs to nothing (key %s)",
                               audit_key_text(text, key));
    p->height_count = height == p->height ? p->height_count + 1 : 1;
    p->height = height;
    if (height - head_height > STORE_PROPOSAL_HEIGHTS_MAX)
        return audit_fault_set(p->f, RC_PROOF, height,
                               "block: a proposal more than %d heights beyond the head at height "
                               "%" PRIu64,
                               STORE_PROPOSAL_HEIGHTS_MAX, head_height);
    if (p->height_count > STORE_PROPOSALS_PER_HEIGHT_MAX)
        return audit_fault_set(p->f, RC_PROOF, height,
                               "block: more than %d proposals at one height beyond the head",
                               STORE_PROPOSALS_PER_HEIGHT_MAX);
    struct bytes digest = bytes_of(key.data + HEIGHT_KEY_BYTES, DIGEST_BYTES);
    return judge_body(p->f, height, digest, value);
}

bool audit_proposals_judge(const struct audit_subject *subject, struct kv_view *v, uint64_t last,
                           const struct audit_tick *tick, struct audit_fault *f)
{
    struct proposals p = {.subject = subject, .f = f};
    uint8_t from[HEIGHT_KEY_BYTES];
    struct wr w = wr_of(from, sizeof from);
    wr_be64(&w, subject->head_height + 1);
    struct kv_cursor *cursor = NULL;
    struct bytes key = {0}, value = {0};
    uint64_t entries_count = 0;
    enum rc rc = kv_cursor_open(&cursor, v, KV_BLOCK);
    if (rc != RC_OK)
        return audit_fault_read(f, rc, subject->head_height + 1, KV_BLOCK);
    for (rc = kv_cursor_seek(cursor, wr_bytes_of(&w), &key, &value);
         rc == RC_OK && height_of(&p, key) <= last; rc = kv_cursor_next(cursor, &key, &value)) {
        if (!judge_proposal(&p, key, value))
            break;
        if (++entries_count % ENTRIES_PER_TICK == 0 && !audit_tick_ask(tick)) {
            rc = RC_INTERRUPTED;
            break;
        }
    }
    kv_cursor_close(cursor);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return audit_fault_read(f, rc, height_of(&p, key), KV_BLOCK);
    return f->rc == RC_OK;
}
