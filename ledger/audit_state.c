#include "ledger/audit_parts.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/amount.h"

/* Ask whether to go on after so many entries: some milliseconds. */
enum { ENTRIES_PER_TICK = 1024 };

/* ---- the root at each version ---- */

static void roots_move(struct audit_roots *r, bool is_first)
{
    struct bytes from = {0};
    r->rc = is_first ? kv_cursor_seek(r->cursor, from, &r->key, &r->value)
                     : kv_cursor_next(r->cursor, &r->key, &r->value);
}

enum rc audit_roots_open(struct audit_roots *r, const struct audit_subject *subject,
                         struct kv_view *v)
{
    *r = (struct audit_roots){.subject = subject};
    enum rc rc = kv_cursor_open(&r->cursor, v, KV_ROOT);
    if (rc == RC_OK)
        roots_move(r, true);
    return rc;
}

void audit_roots_close(struct audit_roots *r)
{
    if (r->cursor != NULL)
        kv_cursor_close(r->cursor);
    r->cursor = NULL;
}

/* The version of the entry at hand; what is no version at all is as good as one that is due. */
static uint64_t version_at_hand(const struct audit_roots *r)
{
    struct rd key = rd_of(r->key);
    uint64_t version = rd_be64(&key);
    return rd_done(&key) ? version : 0;
}

bool audit_roots_is_due(const struct audit_roots *r, uint64_t height)
{
    const struct audit_subject *subject = r->subject;
    if (height >= subject->flushed_height)
        return height == subject->flushed_height;
    if (height < subject->base_height || height < subject->start_height)
        return false; /* of trees before the snapshot, and before what is replayed */
    return height % subject->checkpoint_every_heights == 0 || height == subject->kept.heights[0] ||
           height == subject->kept.heights[1];
}

/* The entry at hand is of this height, or of none: judged now. Damage leaves the key readable, or
 * it is everybody's. */
static bool is_at_hand(const struct audit_roots *r, uint64_t height)
{
    if (r->rc == RC_NOT_FOUND)
        return false;
    bool has_key = r->rc == RC_OK || (r->rc == RC_STORE_DAMAGED && r->key.size > 0);
    return !has_key || version_at_hand(r) <= height;
}

bool audit_roots_pass(struct audit_roots *r, uint64_t height, struct audit_fault *f)
{
    if (!is_at_hand(r, height))
        return true;
    if (r->rc != RC_OK)
        return audit_fault_set(f, r->rc, height, "state root: %s", rc_text(r->rc));
    if (r->key.size != 8 || version_at_hand(r) != height)
        return audit_fault_set(f, RC_PROOF, height, "state root: an entry that belongs to nothing");
    if (height > r->subject->flushed_height)
        return audit_fault_set(f, RC_PROOF, height,
                               "state root: an entry above the flushed height");
    if (r->value.size != DIGEST_BYTES)
        return audit_fault_set(f, RC_PROOF, height, "state root: the entry is not a digest");
    memcpy(r->newest.bytes, r->value.data, DIGEST_BYTES);
    r->newest_version = height;
    roots_move(r, false);
    return true;
}

bool audit_roots_judge_end(struct audit_roots *r, struct audit_fault *f)
{
    if (r->rc == RC_NOT_FOUND)
        return true;
    if (r->rc != RC_OK)
        return audit_fault_read(f, r->rc, r->subject->head_height, KV_ROOT);
    return audit_fault_set(f, RC_PROOF, version_at_hand(r),
                           "state root: an entry beyond the head at height %" PRIu64,
                           r->subject->head_height);
}

/* ---- entries for people ---- */

static const char *table_word(uint8_t table)
{
    static const char *const words[STATE_TABLE_END] = {
        [STATE_PARTICIPANT] = "participant", [STATE_KEY] = "key",       [STATE_ASSET] = "asset",
        [STATE_BALANCE] = "balance",         [STATE_RECORD] = "record",
    };
    return table < STATE_TABLE_END && words[table] != NULL ? words[table] : "unknown";
}

/* Names as they are, everything else as hex. */
static const char *entry_text(char out[static AUDIT_KEY_TEXT_BYTES], uint8_t table,
                              struct bytes key)
{
    if (table != STATE_BALANCE && table != STATE_PARTICIPANT && table != STATE_ASSET)
        return audit_key_text(out, key);
    size_t size = key.size < AUDIT_KEY_TEXT_BYTES - 1 ? key.size : AUDIT_KEY_TEXT_BYTES - 1;
    for (size_t i = 0; i < size; i++) {
        bool is_plain = key.data[i] > ' ' && key.data[i] < 0x7f;
        out[i] = is_plain ? (char)key.data[i] : key.data[i] == 0 ? ' ' : '?';
    }
    out[size] = '\0';
    return out;
}

/* ---- the root of a height against the replayed one ---- */

/* Where the store keeps the tree still, the entry that is wrong is named, and not only that one is.
 */
static bool name_entry(const struct audit_roots *r, uint64_t height, struct kv_view *v,
                       struct audit_replay *replay, struct audit_fault *f)
{
    struct tree_ref tree = {.version = r->newest_version, .root = r->newest};
    struct tree_difference d;
    char text[AUDIT_KEY_TEXT_BYTES];
    if (height < r->subject->kept.heights[0] ||
        tree_compare(&d, v, &tree, audit_replay_view(replay), audit_replay_tree(replay)) != RC_OK ||
        !d.found)
        return false;
    (void)audit_fault_set(f, RC_PROOF, height, "state %s %s: %s", table_word(d.table),
                          entry_text(text, d.table, d.key),
                          !d.ours_has     ? "is missing"
                          : !d.theirs_has ? "comes from no transaction"
                                          : "differs from the replayed one");
    return true;
}

bool audit_roots_judge(const struct audit_roots *r, uint64_t height, struct kv_view *v,
                       struct audit_replay *replay, struct audit_fault *f)
{
    const struct digest *root = &audit_replay_tree(replay)->root;
    /* A version without changes has no entry; then the one before still holds. */
    if (digest_equal(&r->newest, root))
        return true;
    if (name_entry(r, height, v, replay, f))
        return false;
    char kept[DIGEST_HEX_BYTES];
    char replayed[DIGEST_HEX_BYTES];
    digest_to_hex(kept, &r->newest);
    digest_to_hex(replayed, root);
    return audit_fault_set(f, RC_PROOF, height, "state root: the store has %s, replaying gives %s",
                           kept, replayed);
}

/* ---- the store's tree against the replayed one ---- */

struct comparison {
    struct audit_replay *replay;
    const struct audit_tick *tick;
    uint64_t height;
    uint64_t entries_count;
    struct audit_fault *f;
};

static bool tick_now(const struct audit_tick *tick, uint64_t entries_count)
{
    return entries_count % ENTRIES_PER_TICK != 0 || audit_tick_ask(tick);
}

static enum rc compare_entry(void *context, const struct digest *key_hash, uint8_t table,
                             struct bytes key, struct bytes value)
{
    (void)key_hash;
    struct comparison *c = context;
    struct bytes replayed = {0};
    enum rc rc = tree_get(audit_replay_view(c->replay), audit_replay_tree(c->replay), TREE_TRUST,
                          table, key, &replayed);
    if (rc == RC_OK && bytes_equal(value, replayed)) {
        c->entries_count++;
        return tick_now(c->tick, c->entries_count) ? RC_OK : RC_INTERRUPTED;
    }
    char text[AUDIT_KEY_TEXT_BYTES];
    const char *what = rc == RC_OK          ? "differs from the replayed one"
                       : rc == RC_NOT_FOUND ? "comes from no transaction"
                                            : rc_text(rc);
    audit_fault_set(c->f, rc == RC_OK || rc == RC_NOT_FOUND ? RC_PROOF : rc, c->height,
                    "state %s %s: %s", table_word(table), entry_text(text, table, key), what);
    return RC_PROOF;
}

bool audit_state_judge(const struct audit_subject *subject, struct kv_view *v,
                       struct audit_replay *replay, const struct audit_tick *tick,
                       uint64_t entries_count, struct audit_fault *f)
{
    uint64_t height = subject->flushed_height;
    struct comparison c = {.replay = replay, .tick = tick, .height = height, .f = f};
    struct why why = {{0}};
    /* With every hash on the way: equal entries under a wrong hash are wrong too. */
    enum rc rc = tree_walk(v, &subject->tree, compare_entry, &c, &why);
    if (f->rc != RC_OK)
        return false;
    if (rc != RC_OK)
        return audit_fault_set(f, rc, height, "state tree: %s",
                               why.text[0] != '\0' ? why.text : rc_text(rc));
    if (c.entries_count != entries_count)
        return audit_fault_set(f, RC_PROOF, height,
                               "state entries: the store has %" PRIu64 ", replaying gives %" PRIu64,
                               c.entries_count, entries_count);
    if (digest_equal(&subject->tree.root, &audit_replay_tree(replay)->root))
        return true;
    return audit_fault_set(f, RC_PROOF, height, "state root: not the one of its own entries");
}

/* ---- money ---- */

struct asset_sum {
    char code[ASSET_BYTES_MAX + 1];
    uint64_t balances;
    uint64_t supply;
    bool overflowed;
};

struct money {
    const struct audit_tick *tick;
    uint64_t height;
    uint64_t entries_count;
    struct asset_sum *assets;
    size_t assets_count;
    struct audit_fault *f;
};

static struct asset_sum *asset_sum_of(struct money *m, struct bytes code)
{
    for (size_t i = 0; i < m->assets_count; i++) {
        if (bytes_equal(bytes_of_text(m->assets[i].code), code))
            return &m->assets[i];
    }
    CHECK(code.size <= ASSET_BYTES_MAX);
    m->assets = mem_resize(m->assets, (m->assets_count + 1) * sizeof *m->assets);
    struct asset_sum *sum = &m->assets[m->assets_count++];
    *sum = (struct asset_sum){.balances = 0};
    memcpy(sum->code, code.data, code.size);
    return sum;
}

static enum rc refuse_entry(struct money *m, uint8_t table, struct bytes key)
{
    char text[AUDIT_KEY_TEXT_BYTES];
    audit_fault_set(m->f, RC_PROOF, m->height, "state %s %s: not a valid entry", table_word(table),
                    entry_text(text, table, key));
    return RC_PROOF;
}

static enum rc add_balance(struct money *m, struct bytes key, struct bytes value)
{
    struct bytes account, code;
    struct state_balance balance;
    if (!state_balance_key_split(key, &account, &code) || code.size > ASSET_BYTES_MAX ||
        !state_balance_decode(&balance, value))
        return refuse_entry(m, STATE_BALANCE, key);
    struct asset_sum *sum = asset_sum_of(m, code);
    if (!amount_add(&sum->balances, sum->balances, balance.amount))
        sum->overflowed = true;
    return RC_OK;
}

static enum rc add_supply(struct money *m, struct bytes key, struct bytes value)
{
    struct state_asset asset;
    if (key.size > ASSET_BYTES_MAX || !state_asset_decode(&asset, value))
        return refuse_entry(m, STATE_ASSET, key);
    asset_sum_of(m, key)->supply = asset.supply;
    return RC_OK;
}

static enum rc add_entry(void *context, const struct digest *key_hash, uint8_t table,
                         struct bytes key, struct bytes value)
{
    (void)key_hash;
    struct money *m = context;
    m->entries_count++;
    if (!tick_now(m->tick, m->entries_count))
        return RC_INTERRUPTED;
    if (table == STATE_BALANCE)
        return add_balance(m, key, value);
    return table == STATE_ASSET ? add_supply(m, key, value) : RC_OK;
}

bool audit_money_judge(struct audit_replay *replay, uint64_t height, const struct audit_tick *tick,
                       uint64_t *entries_count, struct audit_fault *f)
{
    struct money m = {.tick = tick, .height = height, .f = f};
    enum rc rc =
        tree_walk(audit_replay_view(replay), audit_replay_tree(replay), add_entry, &m, NULL);
    if (rc != RC_OK)
        audit_fault_set(f, rc, height, "replayed state: %s", rc_text(rc));
    for (size_t i = 0; i < m.assets_count && f->rc == RC_OK; i++) {
        const struct asset_sum *sum = &m.assets[i];
        if (sum->overflowed || sum->balances != sum->supply)
            audit_fault_set(f, RC_PROOF, height,
                            "money: the balances of %s are %" PRIu64 "%s, its supply is %" PRIu64,
                            sum->code, sum->balances, sum->overflowed ? " and more" : "",
                            sum->supply);
    }
    mem_free(m.assets);
    *entries_count = m.entries_count;
    return f->rc == RC_OK;
}
