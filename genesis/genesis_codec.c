/* The canonical form of a genesis. Its digest under TAG_GENESIS is the chain id, so there is one
 * byte string per genesis (pitfalls H4). Integers are little-endian; text8 is a length u8 and as
 * many bytes, without a terminator.
 *
 *   version             u8 = 1
 *   chain               text8
 *   members_count       u8, 4..31
 *   per member, in the order of the file (a member's place is its index):
 *     name              text8
 *     sign_key          32 bytes, Ed25519
 *     link_key          32 bytes, X25519
 *     peer              text8
 *     client            text8
 *   participants_count  u32, at most 4096
 *   per participant, ascending by name:
 *     name              text8
 *     role              u8: 0 none, 1 governor
 *     keys_count        u8, 1..8
 *     keys              32 bytes each, ascending
 *   assets_count        u32, at most 256
 *   per asset, ascending by code:
 *     code              text8
 *     decimals          u8, 0..8
 *     issuer            text8
 *   balances_count      u32, at most 65536
 *   per balance, ascending by account, then by asset:
 *     account           text8
 *     asset             text8
 *     amount            u64, minor units, more than 0
 *   reads               u8: 0 open, 1 participants
 *   parameters          u64 each, all of them, in the order of PARAMETER_LIST (genesis.h)
 *
 * Ascending is by unsigned bytes, a prefix before the longer text; nothing stands twice. */
#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "genesis/genesis_parts.h"

enum { CANONICAL_VERSION = 1 };

_Static_assert((int)ACCOUNT_BYTES_MAX <= UINT8_MAX, "every text of a genesis fits in a text8");
_Static_assert((int)KEY_ADDRESS_BYTES_MAX <= UINT8_MAX, "every text of a genesis fits in a text8");
_Static_assert((int)MEMBERS_MAX <= UINT8_MAX, "members_count is a u8");

/* ---- encoding ---- */

static void add_text8(struct buf *out, const char *text)
{
    size_t size = strlen(text);
    CHECK(size <= UINT8_MAX);
    buf_add_u8(out, (uint8_t)size);
    buf_add(out, text, size);
}

static void add_members(struct buf *out, const struct genesis *g)
{
    buf_add_u8(out, (uint8_t)g->members_count);
    for (uint32_t i = 0; i < g->members_count; i++) {
        const struct genesis_member *m = &g->members[i];
        add_text8(out, m->name);
        buf_add(out, m->sign_key.bytes, sizeof m->sign_key.bytes);
        buf_add(out, m->link_key, sizeof m->link_key);
        add_text8(out, m->peer_address);
        add_text8(out, m->client_address);
    }
}

static void add_initial(struct buf *out, const struct initial_state *s)
{
    buf_add_u32(out, s->participants_count);
    for (uint32_t i = 0; i < s->participants_count; i++) {
        const struct initial_participant *p = &s->participants[i];
        add_text8(out, p->name);
        buf_add_u8(out, (uint8_t)p->role);
        buf_add_u8(out, (uint8_t)p->keys_count);
        for (uint32_t k = 0; k < p->keys_count; k++)
            buf_add(out, p->keys[k].bytes, sizeof p->keys[k].bytes);
    }
    buf_add_u32(out, s->assets_count);
    for (uint32_t i = 0; i < s->assets_count; i++) {
        add_text8(out, s->assets[i].code);
        buf_add_u8(out, s->assets[i].decimals);
        add_text8(out, s->assets[i].issuer);
    }
    buf_add_u32(out, s->balances_count);
    for (uint32_t i = 0; i < s->balances_count; i++) {
        add_text8(out, s->balances[i].account);
        add_text8(out, s->balances[i].asset);
        buf_add_u64(out, s->balances[i].amount);
    }
}

void genesis_encode(struct buf *out, const struct genesis *g)
{
    CHECK(g->members_count >= MEMBERS_MIN);
    CHECK(g->members_count <= MEMBERS_MAX);
    buf_add_u8(out, CANONICAL_VERSION);
    add_text8(out, g->chain);
    add_members(out, g);
    add_initial(out, &g->initial);
    buf_add_u8(out, (uint8_t)g->reads);
    for (size_t i = 0; i < PARAMETERS_COUNT; i++)
        buf_add_u64(out, genesis_parameter(&g->parameters, i));
}

/* ---- decoding: here only the shape; what the values may be is said in genesis_judge.c ---- */

static void take_text8(struct rd *r, char *out, size_t bytes_max)
{
    struct bytes text = rd_take(r, rd_u8(r));
    if (!genesis_text_set(out, bytes_max, text))
        rd_fail(r);
}

/* A count that is too large fails the cursor and counts as 0: nothing is reserved for it. */
static uint32_t take_count(struct rd *r, uint32_t count, uint32_t count_max)
{
    if (count > count_max)
        rd_fail(r);
    return r->failed ? 0 : count;
}

static uint8_t take_choice(struct rd *r, uint8_t most)
{
    uint8_t choice = rd_u8(r);
    if (choice > most)
        rd_fail(r);
    return r->failed ? 0 : choice;
}

static void take_members(struct rd *r, struct genesis *g)
{
    g->members_count = take_count(r, rd_u8(r), MEMBERS_MAX);
    for (uint32_t i = 0; i < g->members_count; i++) {
        struct genesis_member *m = &g->members[i];
        take_text8(r, m->name, KEY_NAME_BYTES_MAX);
        rd_copy(r, m->sign_key.bytes, sizeof m->sign_key.bytes);
        rd_copy(r, m->link_key, sizeof m->link_key);
        take_text8(r, m->peer_address, KEY_ADDRESS_BYTES_MAX);
        take_text8(r, m->client_address, KEY_ADDRESS_BYTES_MAX);
    }
}

static void take_participants(struct rd *r, struct genesis *g)
{
    genesis_room_for_participants(g, take_count(r, rd_u32(r), INITIAL_PARTICIPANTS_MAX));
    for (uint32_t i = 0; i < g->initial.participants_count && !r->failed; i++) {
        struct initial_participant *p = &g->initial.participants[i];
        take_text8(r, p->name, PARTICIPANT_BYTES_MAX);
        p->role = (enum participant_role)take_choice(r, ROLE_GOVERNOR);
        p->keys_count = take_count(r, rd_u8(r), PARTICIPANT_KEYS_MAX);
        for (uint32_t k = 0; k < p->keys_count; k++)
            rd_copy(r, p->keys[k].bytes, sizeof p->keys[k].bytes);
    }
}

static void take_assets(struct rd *r, struct genesis *g)
{
    genesis_room_for_assets(g, take_count(r, rd_u32(r), INITIAL_ASSETS_MAX));
    for (uint32_t i = 0; i < g->initial.assets_count && !r->failed; i++) {
        struct initial_asset *a = &g->initial.assets[i];
        take_text8(r, a->code, ASSET_BYTES_MAX);
        a->decimals = rd_u8(r);
        take_text8(r, a->issuer, PARTICIPANT_BYTES_MAX);
    }
}

static void take_balances(struct rd *r, struct genesis *g)
{
    genesis_room_for_balances(g, take_count(r, rd_u32(r), INITIAL_BALANCES_MAX));
    for (uint32_t i = 0; i < g->initial.balances_count && !r->failed; i++) {
        struct initial_balance *b = &g->initial.balances[i];
        take_text8(r, b->account, ACCOUNT_BYTES_MAX);
        take_text8(r, b->asset, ASSET_BYTES_MAX);
        b->amount = rd_u64(r);
    }
}

enum rc genesis_fill_from_canonical(struct genesis *g, struct bytes canonical, struct why *why)
{
    struct rd r = rd_of(canonical);
    uint8_t version = rd_u8(&r);
    if (!r.failed && version != CANONICAL_VERSION)
        return why_set(why, RC_MALFORMED,
                       "the genesis is of version %u, this program knows version %d",
                       (unsigned)version, CANONICAL_VERSION);
    take_text8(&r, g->chain, KEY_NETWORK_BYTES_MAX);
    take_members(&r, g);
    take_participants(&r, g);
    take_assets(&r, g);
    take_balances(&r, g);
    g->reads = (enum genesis_reads)take_choice(&r, READS_PARTICIPANTS);
    for (size_t i = 0; i < PARAMETERS_COUNT; i++)
        genesis_parameter_set(&g->parameters, i, rd_u64(&r));
    if (!rd_done(&r))
        return why_set(
            why, RC_MALFORMED,
            "the %zu bytes are not a genesis in canonical form: cut short, lengthened or "
            "damaged",
            canonical.size);
    enum rc rc = genesis_judge_head(g, why);
    return rc != RC_OK ? rc : genesis_judge_balances(g, why);
}
