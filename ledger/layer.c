#include "ledger/layer.h"

#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/shorthash.h"

enum {
    CHUNK_BYTES = 64 * 1024, /* holds dozens of the largest entry: a key of 511, a value of 512 */
    SLOTS_MIN = 64,
    INDEX_FLAG = 0x80, /* in an entry's table byte: a kv_table, not a state_table */
    NO_ENTRY = UINT32_MAX
};

_Static_assert((int)KV_TABLE_COUNT < INDEX_FLAG, "table numbers leave room for the flag");
_Static_assert((int)STATE_TABLE_END < INDEX_FLAG, "table numbers leave room for the flag");
_Static_assert((int)KV_KEY_BYTES_MAX <= (int)SHORTHASH_DATA_BYTES_MAX, "keys can be hashed");

/* Keys and values live in chunks that never move, so that what was lent stays where it is. */
struct chunk {
    struct chunk *previous;
    size_t used;
    uint8_t data[CHUNK_BYTES];
};

struct entry {
    uint64_t hash;
    struct chunk *chunk;
    const uint8_t *data; /* key, then value */
    uint32_t value_bytes;
    uint32_t previous; /* the entry of the same key that this one supersedes, or NO_ENTRY */
    uint16_t key_bytes;
    uint8_t table;
    bool is_superseded;
};

struct layer {
    struct layer *parent;
    struct layer_base base;        /* of the lowest layer; any one may become that */
    struct shorthash_key hash_key; /* one for a whole stack of layers */
    enum rc rc;
    struct entry *entries; /* the log */
    size_t entries_count;
    size_t entries_room;
    uint32_t *slots;    /* open addressing, linear probing: entry index, or NO_ENTRY */
    size_t slots_count; /* a power of two, at least twice the log's length */
    struct chunk *chunk;
    size_t chunks_count;
};

/* ---- memory ---- */

static uint8_t *grow_data(struct layer *l, size_t size)
{
    CHECK(size <= CHUNK_BYTES);
    if (l->chunk == NULL || CHUNK_BYTES - l->chunk->used < size) {
        struct chunk *fresh = mem_resize(NULL, sizeof *fresh);
        fresh->previous = l->chunk;
        fresh->used = 0;
        l->chunk = fresh;
        l->chunks_count++;
    }
    uint8_t *at = l->chunk->data + l->chunk->used;
    l->chunk->used += size;
    return at;
}

static void drop_chunks_above(struct layer *l, const struct chunk *keep)
{
    while (l->chunk != keep) {
        struct chunk *dropped = l->chunk;
        l->chunk = dropped->previous;
        l->chunks_count--;
        mem_free(dropped);
    }
}

static void reset_slots(struct layer *l, size_t slots_count)
{
    mem_free(l->slots);
    l->slots = mem_resize(NULL, slots_count * sizeof *l->slots);
    memset(l->slots, 0xff, slots_count * sizeof *l->slots); /* NO_ENTRY everywhere */
    l->slots_count = slots_count;
}

struct layer *layer_new(struct layer *parent, const struct layer_base *base)
{
    struct layer *l = mem_alloc(sizeof *l);
    l->parent = parent;
    if (parent == NULL) {
        l->base = *base;
        crypto_random(&l->hash_key, sizeof l->hash_key);
    } else {
        l->base = parent->base;
        l->hash_key = parent->hash_key;
    }
    reset_slots(l, SLOTS_MIN);
    return l;
}

static bool is_one_stack(const struct layer *a, const struct layer *b)
{
    return memcmp(&a->hash_key, &b->hash_key, sizeof a->hash_key) == 0;
}

void layer_set_parent(struct layer *l, struct layer *parent)
{
    CHECK(parent != l);
    CHECK(parent == NULL || is_one_stack(l, parent));
    l->parent = parent;
}

void layer_clear(struct layer *l)
{
    drop_chunks_above(l, NULL);
    mem_free(l->entries);
    l->entries = NULL;
    l->entries_count = 0;
    l->entries_room = 0;
    l->rc = RC_OK;
    reset_slots(l, SLOTS_MIN);
}

void layer_free(struct layer *l)
{
    if (l == NULL)
        return;
    layer_clear(l);
    mem_free(l->slots);
    mem_free(l);
}

/* ---- the hash table over the log ---- */

static struct bytes key_of(const struct entry *e)
{
    return bytes_of(e->data, e->key_bytes);
}

static struct bytes value_of(const struct entry *e)
{
    return bytes_of(e->data + e->key_bytes, e->value_bytes);
}

/* The slot of this key, or the empty slot where it would go. */
static uint32_t *find_slot(const struct layer *l, uint64_t hash, uint8_t table, struct bytes key)
{
    size_t mask = l->slots_count - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        uint32_t *slot = &l->slots[at];
        if (*slot == NO_ENTRY)
            return slot;
        const struct entry *e = &l->entries[*slot];
        if (e->hash == hash && e->table == table && bytes_equal(key_of(e), key))
            return slot;
    }
}

/* Entries go back into the slots in the order of the log, so the newest of all never stands in an
 * older one's way: rolling back may then simply empty its slot. */
static void grow_slots(struct layer *l)
{
    reset_slots(l, l->slots_count * 2);
    for (size_t i = 0; i < l->entries_count; i++) {
        const struct entry *e = &l->entries[i];
        *find_slot(l, e->hash, e->table, key_of(e)) = (uint32_t)i;
    }
}

static void put(struct layer *l, uint8_t table, struct bytes key, struct bytes value)
{
    CHECK(key.size <= KV_KEY_BYTES_MAX);
    CHECK(value.size <= STATE_VALUE_BYTES_MAX);
    CHECK(l->entries_count < NO_ENTRY / 4);
    if ((l->entries_count + 1) * 2 > l->slots_count)
        grow_slots(l);
    if (l->entries_count == l->entries_room) {
        l->entries_room = l->entries_room > 0 ? l->entries_room * 2 : SLOTS_MIN;
        l->entries = mem_resize(l->entries, l->entries_room * sizeof *l->entries);
    }

    uint64_t hash = shorthash(&l->hash_key, table, key);
    uint32_t *slot = find_slot(l, hash, table, key);
    uint8_t *data = grow_data(l, key.size + value.size);
    memcpy(data, key.data, key.size);
    if (value.size > 0)
        memcpy(data + key.size, value.data, value.size);
    if (*slot != NO_ENTRY)
        l->entries[*slot].is_superseded = true;
    l->entries[l->entries_count] = (struct entry){.hash = hash,
                                                  .chunk = l->chunk,
                                                  .data = data,
                                                  .value_bytes = (uint32_t)value.size,
                                                  .previous = *slot,
                                                  .key_bytes = (uint16_t)key.size,
                                                  .table = table};
    *slot = (uint32_t)l->entries_count++;
}

size_t layer_mark(const struct layer *l)
{
    return l->entries_count;
}

void layer_rollback(struct layer *l, size_t mark)
{
    CHECK(mark <= l->entries_count);
    if (mark == l->entries_count)
        return;
    while (l->entries_count > mark) {
        const struct entry *e = &l->entries[--l->entries_count];
        *find_slot(l, e->hash, e->table, key_of(e)) = e->previous;
        if (e->previous != NO_ENTRY)
            l->entries[e->previous].is_superseded = false;
    }
    const struct entry *first = &l->entries[mark];
    drop_chunks_above(l, first->chunk);
    l->chunk->used = (size_t)(first->data - l->chunk->data);
}

/* ---- reading and writing ---- */

bool layer_get(struct layer *l, enum state_table table, struct bytes key, struct bytes *value)
{
    uint64_t hash = shorthash(&l->hash_key, (uint8_t)table, key);
    for (struct layer *at = l; at != NULL; at = at->parent) {
        uint32_t slot = *find_slot(at, hash, (uint8_t)table, key);
        if (slot != NO_ENTRY) {
            *value = value_of(&at->entries[slot]);
            return true;
        }
    }
    enum rc rc = l->base.get(l->base.context, (uint8_t)table, key, value);
    if (rc == RC_OK)
        return true;
    if (rc != RC_NOT_FOUND)
        layer_fail(l, rc);
    return false;
}

void layer_put(struct layer *l, enum state_table table, struct bytes key, struct bytes value)
{
    CHECK(key.size <= STATE_KEY_BYTES_MAX);
    put(l, (uint8_t)table, key, value);
}

void layer_put_index(struct layer *l, enum kv_table table, struct bytes key, struct bytes value)
{
    put(l, (uint8_t)(INDEX_FLAG | table), key, value);
}

bool layer_get_index(const struct layer *l, enum kv_table table, struct bytes key,
                     struct bytes *value)
{
    uint8_t flagged = (uint8_t)(INDEX_FLAG | table);
    uint64_t hash = shorthash(&l->hash_key, flagged, key);
    for (const struct layer *at = l; at != NULL; at = at->parent) {
        uint32_t slot = *find_slot(at, hash, flagged, key);
        if (slot != NO_ENTRY) {
            *value = value_of(&at->entries[slot]);
            return true;
        }
    }
    return false;
}

enum rc layer_rc(const struct layer *l)
{
    return l->rc;
}

void layer_fail(struct layer *l, enum rc rc)
{
    CHECK(rc != RC_OK);
    if (l->rc == RC_OK)
        l->rc = rc;
}

void layer_merge(struct layer *into, const struct layer *from)
{
    for (size_t i = 0; i < from->entries_count; i++) {
        const struct entry *e = &from->entries[i];
        if (!e->is_superseded)
            put(into, e->table, key_of(e), value_of(e));
    }
}

void layer_move(struct layer *into, struct layer *from)
{
    CHECK(is_one_stack(into, from));
    CHECK(into != from);
    CHECK(into->entries_count == 0);
    struct layer emptied = *into;
    *into = *from;
    *from = emptied;
    struct layer *parent = into->parent;
    into->parent = from->parent;
    from->parent = parent;
    layer_clear(from); /* may have held memory of what was rolled back */
}

size_t layer_log_count(const struct layer *l)
{
    return l->entries_count;
}

bool layer_log_at(const struct layer *l, size_t index, struct layer_entry *out)
{
    CHECK(index < l->entries_count);
    const struct entry *e = &l->entries[index];
    *out = (struct layer_entry){.is_index = (e->table & INDEX_FLAG) != 0,
                                .table = e->table & (uint8_t)~INDEX_FLAG,
                                .key = key_of(e),
                                .value = value_of(e)};
    return !e->is_superseded;
}

size_t layer_bytes(const struct layer *l)
{
    return l->chunks_count * sizeof(struct chunk) + l->entries_room * sizeof(struct entry) +
           l->slots_count * sizeof *l->slots;
}
