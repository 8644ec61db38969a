#include "ledger/audit_parts.h"

#include <string.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "crypto/shorthash.h"

enum { SLOTS_MIN = 1024, NO_ENTRY = UINT32_MAX };

struct map_entry {
    uint64_t hash;
    uint8_t *data; /* key, then value */
    uint16_t key_bytes;
    uint16_t value_bytes;
    uint8_t table;
    bool is_changed; /* since the last audit_map_settle() */
};

struct audit_map {
    struct shorthash_key hash_key;
    struct map_entry *entries;
    size_t entries_count;
    size_t entries_room;
    uint32_t *slots;    /* open addressing, linear probing: entry index, or NO_ENTRY */
    size_t slots_count; /* a power of two, at least twice the entries */
    uint32_t *changed;  /* entries, in the order of their first change; as much room as entries */
    size_t changed_count;
};

static void reset_slots(struct audit_map *m, size_t slots_count)
{
    mem_free(m->slots);
    m->slots = mem_resize(NULL, slots_count * sizeof *m->slots);
    memset(m->slots, 0xff, slots_count * sizeof *m->slots); /* NO_ENTRY everywhere */
    m->slots_count = slots_count;
}

struct audit_map *audit_map_new(void)
{
    struct audit_map *m = mem_alloc(sizeof *m);
    crypto_random(&m->hash_key, sizeof m->hash_key);
    reset_slots(m, SLOTS_MIN);
    return m;
}

void audit_map_free(struct audit_map *m)
{
    for (size_t i = 0; i < m->entries_count; i++)
        mem_free(m->entries[i].data);
    mem_free(m->entries);
    mem_free(m->slots);
    mem_free(m->changed);
    mem_free(m);
}

static struct bytes key_of(const struct map_entry *e)
{
    return bytes_of(e->data, e->key_bytes);
}

static struct bytes value_of(const struct map_entry *e)
{
    return bytes_of(e->data + e->key_bytes, e->value_bytes);
}

/* The slot of this key, or the empty slot where it would go. */
static uint32_t *find_slot(const struct audit_map *m, uint64_t hash, uint8_t table,
                           struct bytes key)
{
    size_t mask = m->slots_count - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        uint32_t *slot = &m->slots[at];
        if (*slot == NO_ENTRY)
            return slot;
        const struct map_entry *e = &m->entries[*slot];
        if (e->hash == hash && e->table == table && bytes_equal(key_of(e), key))
            return slot;
    }
}

static void grow(struct audit_map *m)
{
    if (m->entries_count == m->entries_room) {
        m->entries_room = m->entries_room > 0 ? 2 * m->entries_room : SLOTS_MIN;
        m->entries = mem_resize(m->entries, m->entries_room * sizeof *m->entries);
        m->changed = mem_resize(m->changed, m->entries_room * sizeof *m->changed);
    }
    if (2 * (m->entries_count + 1) <= m->slots_count)
        return;
    reset_slots(m, 2 * m->slots_count);
    for (size_t i = 0; i < m->entries_count; i++) {
        const struct map_entry *e = &m->entries[i];
        *find_slot(m, e->hash, e->table, key_of(e)) = (uint32_t)i;
    }
}

bool audit_map_get(const struct audit_map *m, uint8_t table, struct bytes key, struct bytes *value)
{
    uint32_t at = *find_slot(m, shorthash(&m->hash_key, table, key), table, key);
    if (at == NO_ENTRY)
        return false;
    *value = value_of(&m->entries[at]);
    return true;
}

static struct map_entry *add_entry(struct audit_map *m, uint64_t hash, uint8_t table,
                                   struct bytes key)
{
    CHECK(m->entries_count < NO_ENTRY);
    grow(m);
    *find_slot(m, hash, table, key) = (uint32_t)m->entries_count;
    struct map_entry *e = &m->entries[m->entries_count++];
    *e = (struct map_entry){.hash = hash,
                            .table = table,
                            .key_bytes = (uint16_t)key.size,
                            .data = mem_resize(NULL, key.size)};
    memcpy(e->data, key.data, key.size);
    return e;
}

void audit_map_put(struct audit_map *m, uint8_t table, struct bytes key, struct bytes value)
{
    CHECK(key.size <= STATE_KEY_BYTES_MAX);
    CHECK(value.size <= STATE_VALUE_BYTES_MAX);
    uint64_t hash = shorthash(&m->hash_key, table, key);
    uint32_t at = *find_slot(m, hash, table, key);
    struct map_entry *e = at == NO_ENTRY ? add_entry(m, hash, table, key) : &m->entries[at];
    if (e->value_bytes != value.size) {
        e->data = mem_resize(e->data, key.size + value.size);
        e->value_bytes = (uint16_t)value.size;
    }
    memcpy(e->data + key.size, value.data, value.size);
    if (e->is_changed)
        return;
    e->is_changed = true;
    m->changed[m->changed_count++] = (uint32_t)(e - m->entries);
}

struct tree_change *audit_map_changes(const struct audit_map *m, size_t *count)
{
    *count = m->changed_count;
    struct tree_change *changes = mem_resize(NULL, (m->changed_count + 1) * sizeof *changes);
    for (size_t i = 0; i < m->changed_count; i++) {
        const struct map_entry *e = &m->entries[m->changed[i]];
        changes[i] =
            (struct tree_change){.table = e->table, .key = key_of(e), .value = value_of(e)};
    }
    return changes;
}

void audit_map_settle(struct audit_map *m)
{
    for (size_t i = 0; i < m->changed_count; i++)
        m->entries[m->changed[i]].is_changed = false;
    m->changed_count = 0;
}
