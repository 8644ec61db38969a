#include "ledger/audit_parts.h"

#include <inttypes.h>

#include "crypto/base/check.h"

/* Ask whether to go on after so many entries: some milliseconds. */
enum { ENTRIES_PER_TICK = 4096 };

static const enum kv_table index_tables[STORE_INDEXES_COUNT] = {KV_NAME, KV_TXID, KV_NONCE,
                                                                KV_HISTORY, KV_RECORD};

static bool judge_entry(struct kv_view *v, const struct layer_entry *entry, uint64_t height,
                        struct audit_fault *f)
{
    enum kv_table table = (enum kv_table)entry->table;
    struct bytes value = {0};
    enum rc rc = kv_get(v, table, entry->key, &value);
    if (rc == RC_OK && bytes_equal(value, entry->value))
        return true;
    const char *what = rc == RC_OK          ? "differs from the replayed one"
                       : rc == RC_NOT_FOUND ? "is missing"
                                            : rc_text(rc);
    char text[AUDIT_KEY_TEXT_BYTES];
    return audit_fault_set(f, rc == RC_OK || rc == RC_NOT_FOUND ? RC_PROOF : rc, height,
                           "index %s: entry %s: %s", kv_table_name(table),
                           audit_key_text(text, entry->key), what);
}

bool audit_index_judge(struct audit_index *index, struct kv_view *v, const struct layer *l,
                       uint64_t height, struct audit_fault *f)
{
    size_t log_count = layer_log_count(l);
    for (size_t i = 0; i < log_count; i++) {
        struct layer_entry entry;
        if (!layer_log_at(l, i, &entry) || !entry.is_index)
            continue;
        if (!judge_entry(v, &entry, height, f))
            return false;
        index->count[entry.table]++;
    }
    return true;
}

/* ---- below the start ---- */

/* An entry as it is without the state that it was made on. */
static bool judge_place(struct audit_index *index, struct kv_view *v, enum kv_table table,
                        struct bytes key, struct bytes place, uint64_t height,
                        struct audit_fault *f)
{
    const struct layer_entry entry = {.table = (uint8_t)table, .key = key, .value = place};
    index->count[table]++;
    return judge_entry(v, &entry, height, f);
}

/* How many entries of a balance's history, and of records, an operation makes. */
static void count_op(struct audit_index *index, const struct op *op)
{
    index->count[KV_RECORD] += op->type == OP_RECORD;
    index->count[KV_HISTORY] += op->type == OP_ISSUE || op->type == OP_REDEEM;
    index->count[KV_HISTORY] += op->type == OP_TRANSFER ? 2 : 0;
}

bool audit_index_judge_below(struct audit_index *index, struct kv_view *v,
                             const struct audit_height *h, struct audit_fault *f)
{
    for (uint32_t i = 0; i < h->block.header.tx_count; i++) {
        uint8_t key_room[KV_KEY_BYTES_MAX], place_room[PLACE_BYTES_MAX];
        const struct tx *tx = &h->txs[i];
        const struct place at = {.height = h->height, .tx_index = i};
        struct bytes place = place_tx_encode(place_room, &at);
        struct bytes nonce = place_nonce_key(key_room, &tx->signer, tx->nonce);
        if (!judge_place(index, v, KV_TXID, bytes_of(tx->id.bytes, DIGEST_BYTES), place, h->height,
                         f) ||
            !judge_place(index, v, KV_NONCE, nonce, place, h->height, f))
            return false;
        struct rd r = tx_ops(tx);
        for (uint32_t k = 0; k < tx->ops_count; k++) {
            struct op op;
            op_decode_judged(&r, &op);
            count_op(index, &op);
        }
    }
    return true;
}

struct names {
    struct audit_index *index;
    struct kv_view *view;
    const struct audit_tick *tick;
    uint64_t height;
    struct audit_fault *f;
};

static enum rc judge_name(void *context, const struct digest *key_hash, uint8_t table,
                          struct bytes key, struct bytes value)
{
    (void)key_hash, (void)value;
    struct names *n = context;
    uint8_t room[1 + STATE_KEY_BYTES_MAX];
    struct wr w = wr_of(room, sizeof room);
    wr_u8(&w, table);
    wr_bytes(&w, key);
    if (!judge_place(n->index, n->view, KV_NAME, wr_bytes_of(&w), bytes_of(NULL, 0), n->height,
                     n->f))
        return RC_PROOF;
    return n->index->count[KV_NAME] % ENTRIES_PER_TICK != 0 || audit_tick_ask(n->tick)
               ? RC_OK
               : RC_INTERRUPTED;
}

bool audit_index_judge_names(struct audit_index *index, struct kv_view *v,
                             const struct audit_subject *subject, const struct audit_tick *tick,
                             struct audit_fault *f)
{
    struct names n = {index, v, tick, subject->start_height, f};
    enum rc rc = tree_walk(v, &subject->start_tree, judge_name, &n, NULL);
    return rc == RC_OK ||
           audit_fault_set(f, rc, subject->start_height, "state tree: %s", rc_text(rc));
}

/* ---- nothing else ---- */

/* Each number from 1 to the one in the state was compared already, so that an entry is one too many
 * exactly when its number is none of those. */
static bool number_is_known(struct bytes key, struct bytes *front, uint64_t *number)
{
    if (key.size < 8)
        return false;
    *front = bytes_of(key.data, key.size - 8);
    struct rd r = rd_of(bytes_of(key.data + front->size, 8));
    *number = rd_be64(&r);
    return *number >= 1;
}

static bool nonce_belongs(struct layer *l, struct bytes key)
{
    struct bytes front;
    uint64_t nonce;
    struct public_key public_key;
    struct state_key state;
    if (!number_is_known(key, &front, &nonce) || front.size != PUBLIC_KEY_BYTES)
        return false;
    struct rd r = rd_of(front);
    rd_copy(&r, public_key.bytes, PUBLIC_KEY_BYTES);
    return state_get_key(l, &public_key, &state) && nonce <= state.nonce;
}

static bool record_belongs(struct layer *l, struct bytes key)
{
    struct bytes front;
    uint64_t version;
    struct state_record record;
    if (!number_is_known(key, &front, &version) || front.size > STATE_KEY_BYTES_MAX)
        return false;
    return state_get_record(l, front, &record) && version <= record.version;
}

static bool history_belongs(struct layer *l, struct bytes key)
{
    struct bytes front, account, asset;
    uint64_t number;
    struct state_balance balance;
    if (!number_is_known(key, &front, &number) || front.size < 1 ||
        front.data[front.size - 1] != 0 || front.size - 1 > STATE_KEY_BYTES_MAX)
        return false;
    front.size--;
    if (!state_balance_key_split(front, &account, &asset))
        return false;
    return state_get_balance(l, account, asset, &balance) && number <= balance.entries_count;
}

static bool name_belongs(struct layer *l, struct bytes key)
{
    struct bytes value;
    if (key.size < 1 || key.size - 1 > STATE_KEY_BYTES_MAX || key.data[0] == 0 ||
        key.data[0] >= STATE_TABLE_END)
        return false;
    return layer_get(l, (enum state_table)key.data[0], bytes_of(key.data + 1, key.size - 1),
                     &value);
}

/* The transaction at the place that the entry names has this id. */
static bool txid_belongs(const struct audit_subject *subject, struct kv_view *v, struct bytes key,
                         struct bytes value)
{
    struct place place;
    struct tx tx;
    struct block block;
    uint8_t block_key[8 + DIGEST_BYTES];
    struct wr w = wr_of(block_key, sizeof block_key);
    if (!place_tx_decode(&place, value))
        return false;
    wr_be64(&w, place.height);
    if (kv_get(v, KV_CHAIN, wr_bytes_of(&w), &value) != RC_OK)
        return false;
    wr_bytes(&w, value);
    if (!wr_ok(&w) || kv_get(v, KV_BLOCK, wr_bytes_of(&w), &value) != RC_OK)
        return false;
    if (block_decode(&block, value) != BLOCK_OK || place.tx_index >= block.header.tx_count)
        return false;
    struct rd body = rd_of(block.body);
    for (uint32_t i = 0; i < place.tx_index; i++)
        (void)block_next_tx(&body);
    if (tx_decode(&tx, block_next_tx(&body), &subject->chain_id) != VERDICT_OK)
        return false;
    return bytes_equal(bytes_of(tx.id.bytes, DIGEST_BYTES), key);
}

struct index_walk {
    const struct audit_subject *subject;
    struct kv_view *view;
    struct audit_replay *replay;
    const struct audit_tick *tick;
    enum kv_table table;
    struct audit_fault *f;
};

static bool belongs(const struct index_walk *w, struct bytes key, struct bytes value)
{
    struct layer *l = audit_replay_layer(w->replay);
    switch (w->table) {
    case KV_NAME:
        return name_belongs(l, key);
    case KV_TXID:
        return txid_belongs(w->subject, w->view, key, value);
    case KV_NONCE:
        return nonce_belongs(l, key);
    case KV_HISTORY:
        return history_belongs(l, key);
    case KV_RECORD:
        return record_belongs(l, key);
    default:
        return false;
    }
}

/* Count the entries by walking, because the count that the table itself gives is only a number that
 * somebody wrote. With naming, stop at the first entry that belongs to nothing. */
static bool walk_index(const struct index_walk *w, bool naming, uint64_t *count)
{
    uint64_t height = w->subject->flushed_height;
    struct kv_cursor *cursor = NULL;
    enum rc rc = kv_cursor_open(&cursor, w->view, w->table);
    if (rc != RC_OK)
        return audit_fault_read(w->f, rc, height, w->table);
    struct bytes key = {0};
    struct bytes value = {0};
    char text[AUDIT_KEY_TEXT_BYTES];
    *count = 0;
    for (rc = kv_cursor_seek(cursor, key, &key, &value); rc == RC_OK;
         rc = kv_cursor_next(cursor, &key, &value)) {
        ++*count;
        if (naming && !belongs(w, key, value)) {
            audit_fault_set(w->f, RC_PROOF, height, "index %s: entry %s: belongs to nothing",
                            kv_table_name(w->table), audit_key_text(text, key));
            break;
        }
        if (*count % ENTRIES_PER_TICK == 0 && !audit_tick_ask(w->tick)) {
            audit_fault_set(w->f, RC_INTERRUPTED, height, "interrupted");
            break;
        }
    }
    kv_cursor_close(cursor);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        audit_fault_set(w->f, rc, height, "index %s: %s", kv_table_name(w->table), rc_text(rc));
    return w->f->rc == RC_OK;
}

static bool judge_count(const struct index_walk *w, uint64_t expected)
{
    uint64_t walked = 0;
    uint64_t counted = 0;
    uint64_t height = w->subject->flushed_height;
    const char *name = kv_table_name(w->table);
    if (!walk_index(w, false, &walked))
        return false;
    if (walked != expected && !walk_index(w, true, &walked))
        return false;
    if (walked != expected)
        return audit_fault_set(w->f, RC_PROOF, height,
                               "index %s: %" PRIu64 " entries, replaying gives %" PRIu64, name,
                               walked, expected);
    enum rc rc = kv_count(w->view, w->table, &counted);
    if (rc != RC_OK)
        return audit_fault_set(w->f, rc, height, "index %s: %s", name, rc_text(rc));
    if (counted != expected)
        return audit_fault_set(w->f, RC_PROOF, height,
                               "index %s: the table says it has %" PRIu64
                               " entries, and has %" PRIu64,
                               name, counted, expected);
    return true;
}

bool audit_index_judge_counts(const struct audit_index *index, const struct audit_subject *subject,
                              struct kv_view *v, struct audit_replay *replay,
                              const struct audit_tick *tick, struct audit_fault *f)
{
    struct index_walk w = {.subject = subject, .view = v, .replay = replay, .tick = tick, .f = f};
    for (size_t i = 0; i < STORE_INDEXES_COUNT; i++) {
        w.table = index_tables[i];
        if (!judge_count(&w, index->count[w.table]))
            return false;
    }
    return true;
}
