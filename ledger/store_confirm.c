/* Confirming what a search did not find. A damaged page can hide keys from a search, or from a
 * walk, without any checksum failing, so before an absence is reported the table is walked from end
 * to end: its keys ascend, their number is the one that was written, and the key in question is not
 * among them (design 5; tests/unit/test_store_flips.c found each of these to be needed). */
#include <inttypes.h>

#include "ledger/store_impl.h"

/* As the view itself has it: what the store knows may run ahead of that (staged), or behind. */
static enum rc load_expected(uint64_t *out, const struct store *s, enum kv_table table,
                             struct why *why)
{
    struct store_derived derived;
    struct store_history history;
    struct store_intake intake;
    struct store_counts counts;
    struct digest digest;
    uint64_t height;
    for (uint32_t i = 0; i < STORE_INDEXES_COUNT; i++) {
        if (store_indexes[i] != table)
            continue;
        enum rc rc = store_load_derived(s->view, &derived, why);
        if (rc == RC_OK)
            rc = store_load_history(s->view, &history, why);
        if (rc == RC_OK)
            rc = store_load_intake(s->view, &intake, why);
        *out = rc == RC_OK ? store_index_count(i, &derived, &history, &intake) : 0;
        return rc;
    }
    enum rc rc = store_load_head(s->view, &height, &digest, &counts, why);
    *out = rc != RC_OK ? 0 : table == KV_CERT ? counts.certificates : counts.checkpoints;
    return rc;
}

/* Walk a table. *is_sound is false when a key is out of order or stands in from..to, or when there
 * are too many or too few. Returns RC_OK when the walk came to the end. */
static enum rc walk(struct store *s, enum kv_table table, struct bytes from, struct bytes to,
                    uint64_t expected, uint64_t *count, bool *is_sound)
{
    struct kv_cursor *c;
    struct bytes key, value, previous = bytes_of(NULL, 0);
    enum rc rc = kv_cursor_open(&c, s->view, table);
    if (rc != RC_OK)
        return rc;
    rc = kv_cursor_seek(c, bytes_of(NULL, 0), &key, &value);
    for (; rc == RC_OK && *is_sound; (*count)++) {
        bool is_hidden = bytes_compare(key, from) >= 0 && bytes_compare(key, to) <= 0;
        *is_sound = bytes_compare(previous, key) < 0 && !is_hidden && *count < expected;
        previous = key;
        rc = kv_cursor_next(c, &key, &value);
    }
    kv_cursor_close(c);
    *is_sound = *is_sound && *count == expected;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc store_confirm_absent(struct store *s, enum kv_table table, struct bytes from,
                             struct bytes to, struct why *why)
{
    uint64_t count = 0, expected;
    bool is_sound = true;
    /* A node in service relies on its scrub and on the next state root instead of walking. */
    if (s->options.care == TREE_TRUST)
        return RC_OK;
    enum rc rc = load_expected(&expected, s, table, why);
    if (rc != RC_OK)
        return rc;
    rc = walk(s, table, from, to, expected, &count, &is_sound);
    if (rc == RC_OK && is_sound)
        return RC_OK;
    return why_set(why, rc == RC_STORE_IO ? rc : RC_STORE_DAMAGED,
                   "the table %s is damaged near its entry %" PRIu64 " of %" PRIu64,
                   kv_table_name(table), count, expected);
}

enum rc store_confirm_index(struct store *s, enum kv_table table, struct why *why)
{
    /* From the empty key to the empty key: no key is that one. */
    return store_confirm_absent(s, table, bytes_of(NULL, 0), bytes_of(NULL, 0), why);
}
