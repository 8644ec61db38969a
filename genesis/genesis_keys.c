#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "genesis/genesis_parts.h"
#include "genesis/repeated.h"

int genesis_compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, PUBLIC_KEY_BYTES);
}

/* One key has one holder and one use, whatever the role: a participant's key that also signs votes
 * would let one of the two speak for the other. */

enum key_use { USE_SIGN, USE_LINK, USE_PARTICIPANT };
struct key_place {
    uint8_t key[PUBLIC_KEY_BYTES]; /* first, for genesis_compare_keys */
    enum key_use use;
    uint32_t holder_index;
    uint32_t key_index; /* USE_PARTICIPANT */
};
_Static_assert((int)LINK_KEY_BYTES == (int)PUBLIC_KEY_BYTES, "both kinds stand in one list");

static void key_place_path(char out[static JSON_PATH_BYTES], const struct key_place *p)
{
    if (p->use == USE_PARTICIPANT)
        snprintf(out, JSON_PATH_BYTES, "participants[%" PRIu32 "].keys[%" PRIu32 "]",
                 p->holder_index, p->key_index);
    else
        snprintf(out, JSON_PATH_BYTES, "members[%" PRIu32 "].%s", p->holder_index,
                 p->use == USE_SIGN ? "sign_key" : "link_key");
}

static struct key_place *key_places(const struct genesis *g, size_t *count)
{
    size_t room = 2 * g->members_count + PARTICIPANT_KEYS_MAX * g->initial.participants_count;
    struct key_place *places = mem_alloc(room * sizeof *places);
    *count = 0;
    for (uint32_t i = 0; i < g->members_count; i++) {
        struct key_place *place = &places[(*count)++];
        *place = (struct key_place){.use = USE_SIGN, .holder_index = i};
        memcpy(place->key, g->members[i].sign_key.bytes, sizeof place->key);
        place = &places[(*count)++];
        *place = (struct key_place){.use = USE_LINK, .holder_index = i};
        memcpy(place->key, g->members[i].link_key, sizeof place->key);
    }
    for (uint32_t i = 0; i < g->initial.participants_count; i++) {
        const struct initial_participant *p = &g->initial.participants[i];
        for (uint32_t k = 0; k < p->keys_count; k++) {
            struct key_place *place = &places[(*count)++];
            *place = (struct key_place){.use = USE_PARTICIPANT, .holder_index = i, .key_index = k};
            memcpy(place->key, p->keys[k].bytes, sizeof place->key);
        }
    }
    CHECK(*count <= room);
    return places;
}

enum rc genesis_judge_keys_differ(const struct genesis *g, struct why *why)
{
    size_t count;
    struct key_place *places = key_places(g, &count);
    struct repeated twice = repeated_in(places, count, sizeof places[0], genesis_compare_keys);
    enum rc rc = RC_OK;
    if (twice.found) {
        char first[JSON_PATH_BYTES];
        char second[JSON_PATH_BYTES];
        char hex[PUBLIC_KEY_HEX_BYTES];
        key_place_path(first, &places[twice.first]);
        key_place_path(second, &places[twice.second]);
        hex_encode(hex, places[twice.second].key, PUBLIC_KEY_BYTES);
        rc = why_set(why, RC_INVALID,
                     "%s: is the same key as %s, and each key has one use (here: \"%s\")", second,
                     first, hex);
    }
    mem_free(places);
    return rc;
}
