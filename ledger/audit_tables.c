#include "ledger/audit_parts.h"

#include <inttypes.h>

#include "crypto/base/check.h"

/* Ask whether to go on after so many entries: some milliseconds. */
enum { ENTRIES_PER_TICK = 1024 };

/* All that has a height in front of its key. */
static const enum kv_table tables_by_height[] = {KV_CHAIN, KV_BLOCK, KV_CERT, KV_CHECKPOINT};
enum { TABLES_BY_HEIGHT_COUNT = sizeof tables_by_height / sizeof tables_by_height[0] };

/* Tables that nothing else goes through from end to end. (KV_ROOT was passed entry by entry beside
 * the heights; KV_STALE is judged in audit_kept.c.) */
static const enum kv_table other_tables[] = {KV_META, KV_TREE, KV_VOTE};
enum { OTHER_TABLES_COUNT = sizeof other_tables / sizeof other_tables[0] };

/* ---- before the start ---- */

static bool judge_genesis(struct store *s, struct audit_fault *f)
{
    struct buf canonical = {0};
    struct why why = {{0}};
    enum rc rc = store_genesis(s, &canonical, &why);
    buf_free(&canonical);
    return rc == RC_OK || audit_fault_set(f, rc, 0, "genesis: %s", why.text);
}

/* The first key of a table, at or after the given height. A damaged value has its key all the same.
 */
static bool first_key(struct kv_view *v, enum kv_table table, uint64_t height, bool *found,
                      uint64_t *found_height, struct audit_fault *f)
{
    uint8_t from[8];
    struct wr w = wr_of(from, sizeof from);
    wr_be64(&w, height);
    struct kv_cursor *cursor = NULL;
    struct bytes key = {0};
    struct bytes value = {0};
    *found = false;
    enum rc rc = kv_cursor_open(&cursor, v, table);
    if (rc == RC_OK) {
        struct bytes start = height == 0 ? bytes_of(NULL, 0) : wr_bytes_of(&w);
        rc = kv_cursor_seek(cursor, start, &key, &value);
        kv_cursor_close(cursor);
    }
    if (rc == RC_NOT_FOUND)
        return true;
    if (rc != RC_OK && (rc != RC_STORE_DAMAGED || key.size == 0))
        return audit_fault_read(f, rc, height, table);
    struct rd r = rd_of(key);
    *found_height = rd_be64(&r); /* 0 when the key is shorter */
    *found = true;
    return true;
}

bool audit_tables_judge_start(struct store *s, struct kv_view *v, struct audit_fault *f)
{
    if (!judge_genesis(s, f))
        return false;
    for (size_t i = 0; i < TABLES_BY_HEIGHT_COUNT; i++) {
        bool found;
        uint64_t height;
        if (!first_key(v, tables_by_height[i], 0, &found, &height, f))
            return false;
        if (found && height == 0)
            return audit_fault_set(f, RC_PROOF, 0, "%s: an entry below height 1",
                                   kv_table_name(tables_by_height[i]));
    }
    return true;
}

/* ---- beyond the head ---- */

/* The fault at the lowest height is named. Blocks may stand there: see audit_proposals.c. */
static bool judge_beyond(const struct audit_subject *subject, struct kv_view *v,
                         const struct audit_tick *tick, struct audit_fault *f)
{
    uint64_t beyond = subject->head_height + 1;
    uint64_t lowest = UINT64_MAX;
    const char *name = NULL;
    for (size_t i = 0; i < TABLES_BY_HEIGHT_COUNT; i++) {
        bool found;
        uint64_t height = 0;
        if (tables_by_height[i] == KV_BLOCK)
            continue;
        if (!first_key(v, tables_by_height[i], beyond, &found, &height, f))
            return false;
        if (!found || (name != NULL && height >= lowest))
            continue;
        lowest = height;
        name = kv_table_name(tables_by_height[i]);
    }
    if (!audit_proposals_judge(subject, v, lowest, tick, f))
        return false;
    if (name == NULL)
        return true;
    return audit_fault_set(f, RC_PROOF, lowest, "%s: an entry beyond the head at height %" PRIu64,
                           name, subject->head_height);
}

/* KV_META holds the records that store.h names, the commit counter of kv.h, and nothing else. The
 * pieces of the genesis are those that store_genesis() puts together, which are numbered without a
 * gap: a piece after one would be read by nobody, and an empty one changes no digest. */
static bool judge_meta(uint32_t *pieces_count, struct bytes key, struct bytes value)
{
    static const char *const records[] = {"commits", "store", "head", "derived", "kept", "history"};
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        if (bytes_equal(key, bytes_of_text(records[i])))
            return true;
    }
    struct bytes genesis = bytes_of_text("genesis");
    if (!bytes_has_prefix(key, genesis))
        return false;
    struct rd r = rd_of(bytes_of(key.data + genesis.size, key.size - genesis.size));
    uint32_t piece = rd_be32(&r);
    return rd_done(&r) && piece == (*pieces_count)++ && value.size > 0;
}

/* Read every entry for its checksum's sake: what was not needed today is needed some day. */
static bool scrub(const struct audit_subject *subject, struct kv_view *v, enum kv_table table,
                  const struct audit_tick *tick, struct audit_fault *f)
{
    struct kv_cursor *cursor = NULL;
    enum rc rc = kv_cursor_open(&cursor, v, table);
    if (rc != RC_OK)
        return audit_fault_read(f, rc, subject->head_height, table);
    struct bytes key = {0};
    struct bytes value = {0};
    uint64_t entries_count = 0;
    uint32_t pieces_count = 0;
    for (rc = kv_cursor_seek(cursor, key, &key, &value); rc == RC_OK;
         rc = kv_cursor_next(cursor, &key, &value)) {
        if (table == KV_META && !judge_meta(&pieces_count, key, value)) {
            char text[AUDIT_KEY_TEXT_BYTES];
            audit_fault_set(f, RC_PROOF, subject->head_height,
                            "table meta: an entry that belongs to nothing (key %s)",
                            audit_key_text(text, key));
            break;
        }
        if (++entries_count % ENTRIES_PER_TICK == 0 && !audit_tick_ask(tick)) {
            rc = RC_INTERRUPTED;
            break;
        }
    }
    kv_cursor_close(cursor);
    if (rc == RC_OK)
        return false; /* the fault is set */
    return rc == RC_NOT_FOUND || audit_fault_read(f, rc, subject->head_height, table);
}

bool audit_tables_judge_end(const struct audit_subject *subject, struct kv_view *v,
                            const struct audit_tick *tick, struct audit_fault *f)
{
    if (!judge_beyond(subject, v, tick, f))
        return false;
    for (size_t i = 0; i < OTHER_TABLES_COUNT; i++) {
        if (!scrub(subject, v, other_tables[i], tick, f))
            return false;
    }
    return true;
}
