/* Open addressing with linear probing; nothing is ever taken out. */
#include <string.h>

#include "tests/sim/checker_parts.h"

enum { ROOM_MIN = 64 };

/* The keys are hashes, or numbers in their place: all of their bytes count. */
static size_t place_of(const struct digest *key, size_t room)
{
    uint64_t word, hash = 0;
    for (size_t at = 0; at < DIGEST_BYTES; at += sizeof word) {
        memcpy(&word, key->bytes + at, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return (size_t)hash & (room - 1);
}

static struct check_entry *entry_of(const struct check_map *m, const struct digest *key)
{
    size_t at = place_of(key, m->room);
    while (m->entries[at].is_used && !digest_equal(&m->entries[at].key, key))
        at = (at + 1) & (m->room - 1);
    return &m->entries[at];
}

struct check_value *check_map_find(const struct check_map *m, const struct digest *key)
{
    struct check_entry *e = m->room == 0 ? NULL : entry_of(m, key);
    return e != NULL && e->is_used ? &e->value : NULL;
}

static void grow(struct check_map *m)
{
    struct check_map wider = {.count = m->count, .room = m->room == 0 ? ROOM_MIN : 2 * m->room};
    wider.entries = mem_alloc(wider.room * sizeof *wider.entries);
    for (size_t i = 0; i < m->room; i++)
        if (m->entries[i].is_used)
            *entry_of(&wider, &m->entries[i].key) = m->entries[i];
    mem_free(m->entries);
    *m = wider;
}

struct check_value *check_map_put(struct check_map *m, const struct digest *key)
{
    if (2 * m->count >= m->room)
        grow(m);
    struct check_entry *e = entry_of(m, key);
    if (!e->is_used) {
        e->is_used = true;
        e->key = *key;
        m->count++;
    }
    return &e->value;
}

void check_map_free(struct check_map *m)
{
    mem_free(m->entries);
    *m = (struct check_map){0};
}
