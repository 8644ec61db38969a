#include "genesis/genesis.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/base/check.h"
#include "genesis/genesis_parts.h"
#include "ledger/amount.h"

/* ---- memory ---- */

void genesis_room_for_participants(struct genesis *g, uint32_t count)
{
    CHECK(g->initial.participants == NULL);
    CHECK(count <= INITIAL_PARTICIPANTS_MAX);
    g->initial.participants = mem_alloc(count * sizeof *g->initial.participants);
    g->initial.participants_count = count;
}

void genesis_room_for_assets(struct genesis *g, uint32_t count)
{
    CHECK(g->initial.assets == NULL);
    CHECK(count <= INITIAL_ASSETS_MAX);
    g->initial.assets = mem_alloc(count * sizeof *g->initial.assets);
    g->initial.assets_count = count;
}

void genesis_room_for_balances(struct genesis *g, uint32_t count)
{
    CHECK(g->initial.balances == NULL);
    CHECK(count <= INITIAL_BALANCES_MAX);
    g->initial.balances = mem_alloc(count * sizeof *g->initial.balances);
    g->initial.balances_count = count;
}

void genesis_close(struct genesis *g)
{
    mem_free(g->initial.participants);
    mem_free(g->initial.assets);
    mem_free(g->initial.balances);
    buf_free(&g->canonical);
    memset(g, 0, sizeof *g);
}

/* ---- both ways in ---- */

/* What follows from a genesis that is judged. */
static void seal(struct genesis *g)
{
    CHECK(g->canonical.size == 0);
    genesis_encode(&g->canonical, g);
    digest_of(&g->chain_id, TAG_GENESIS, buf_bytes(&g->canonical));
    g->member_table.members_count = g->members_count;
    for (uint32_t i = 0; i < g->members_count; i++)
        g->member_table.sign_keys[i] = g->members[i].sign_key;
}

static enum rc from_document(struct genesis *out, json_t *document, struct why *why)
{
    memset(out, 0, sizeof *out);
    enum rc rc = genesis_fill_from_json(out, document, why);
    if (rc == RC_OK)
        seal(out);
    else
        genesis_close(out);
    return rc;
}

enum rc genesis_from_json(struct genesis *out, struct bytes json, struct why *why)
{
    if (json.size > GENESIS_FILE_BYTES_MAX)
        return why_set(why, RC_MALFORMED, "the genesis has %zu bytes, allowed are %d", json.size,
                       GENESIS_FILE_BYTES_MAX);
    json_t *document;
    enum rc rc = json_read(&document, json, why);
    if (rc != RC_OK)
        return rc;
    rc = from_document(out, document, why);
    json_decref(document);
    return rc;
}

enum rc genesis_read(struct genesis *out, const char *path, struct why *why)
{
    json_t *document;
    enum rc rc = json_read_file(&document, path, GENESIS_FILE_BYTES_MAX, why);
    if (rc != RC_OK)
        return rc;
    rc = from_document(out, document, why);
    json_decref(document);
    return rc != RC_OK ? why_within(why, rc, "%s", path) : RC_OK;
}

enum rc genesis_from_canonical(struct genesis *out, struct bytes canonical, struct why *why)
{
    memset(out, 0, sizeof *out);
    enum rc rc = genesis_fill_from_canonical(out, canonical, why);
    if (rc == RC_OK) {
        seal(out);
        if (!bytes_equal(buf_bytes(&out->canonical), canonical))
            rc = why_set(why, RC_MALFORMED,
                         "the genesis is not in canonical form: its participants, keys, assets or "
                         "balances are not in ascending order");
    }
    if (rc != RC_OK)
        genesis_close(out);
    return rc;
}

/* ---- lookups ---- */

uint32_t genesis_member_by_name(const struct genesis *g, const char *name)
{
    for (uint32_t i = 0; i < g->members_count; i++) {
        if (strcmp(g->members[i].name, name) == 0)
            return i;
    }
    return MEMBERS_MAX;
}

uint32_t genesis_member_by_key(const struct genesis *g, const struct public_key *key)
{
    for (uint32_t i = 0; i < g->members_count; i++) {
        if (public_key_equal(&g->members[i].sign_key, key))
            return i;
    }
    return MEMBERS_MAX;
}

static int compare_code(const void *key, const void *item)
{
    const struct bytes *code = key;
    const struct initial_asset *asset = item;
    return bytes_compare(*code, bytes_of_text(asset->code));
}

const struct initial_asset *genesis_asset(const struct genesis *g, struct bytes code)
{
    if (g->initial.assets_count == 0)
        return NULL;
    return bsearch(&code, g->initial.assets, g->initial.assets_count, sizeof *g->initial.assets,
                   compare_code);
}

/* ---- out, for people ---- */

/* A genesis is ASCII and jansson takes what it is given, so only want of memory could fail. */
static void put(json_t *object, const char *field, json_t *value)
{
    CHECK(value != NULL);
    CHECK(json_object_set_new(object, field, value) == 0);
}

static void append(json_t *array, json_t *value)
{
    CHECK(value != NULL);
    CHECK(json_array_append_new(array, value) == 0);
}

static json_t *hex_of_key(const uint8_t key[static PUBLIC_KEY_BYTES])
{
    char hex[PUBLIC_KEY_HEX_BYTES];
    hex_encode(hex, key, PUBLIC_KEY_BYTES);
    return json_string(hex);
}

static json_t *members_to_json(const struct genesis *g)
{
    json_t *members = json_array();
    for (uint32_t i = 0; i < g->members_count; i++) {
        const struct genesis_member *m = &g->members[i];
        json_t *member = json_object();
        put(member, "name", json_string(m->name));
        put(member, "sign_key", hex_of_key(m->sign_key.bytes));
        put(member, "link_key", hex_of_key(m->link_key));
        put(member, "peer", json_string(m->peer_address));
        put(member, "client", json_string(m->client_address));
        append(members, member);
    }
    return members;
}

static json_t *participants_to_json(const struct initial_state *s)
{
    json_t *participants = json_array();
    for (uint32_t i = 0; i < s->participants_count; i++) {
        const struct initial_participant *p = &s->participants[i];
        json_t *keys = json_array();
        for (uint32_t k = 0; k < p->keys_count; k++)
            append(keys, hex_of_key(p->keys[k].bytes));
        json_t *participant = json_object();
        put(participant, "name", json_string(p->name));
        if (p->role == ROLE_GOVERNOR)
            put(participant, "role", json_string("governor"));
        put(participant, "keys", keys);
        append(participants, participant);
    }
    return participants;
}

static json_t *assets_to_json(const struct initial_state *s)
{
    json_t *assets = json_array();
    for (uint32_t i = 0; i < s->assets_count; i++) {
        json_t *asset = json_object();
        put(asset, "code", json_string(s->assets[i].code));
        put(asset, "decimals", json_integer(s->assets[i].decimals));
        put(asset, "issuer", json_string(s->assets[i].issuer));
        append(assets, asset);
    }
    return assets;
}

static json_t *balances_to_json(const struct genesis *g)
{
    json_t *balances = json_array();
    for (uint32_t i = 0; i < g->initial.balances_count; i++) {
        const struct initial_balance *b = &g->initial.balances[i];
        const struct initial_asset *asset = genesis_asset(g, bytes_of_text(b->asset));
        CHECK(asset != NULL);
        char amount[AMOUNT_TEXT_BYTES];
        amount_format(amount, b->amount, asset->decimals);
        json_t *balance = json_object();
        put(balance, "account", json_string(b->account));
        put(balance, "asset", json_string(b->asset));
        put(balance, "amount", json_string(amount));
        append(balances, balance);
    }
    return balances;
}

char *genesis_to_json(const struct genesis *g)
{
    json_t *parameters = json_object();
    for (size_t i = 0; i < PARAMETERS_COUNT; i++)
        put(parameters, genesis_parameter_rules[i].name,
            json_integer((json_int_t)genesis_parameter(&g->parameters, i)));
    json_t *document = json_object();
    put(document, "hansa_genesis", json_integer(1));
    put(document, "chain", json_string(g->chain));
    put(document, "members", members_to_json(g));
    put(document, "participants", participants_to_json(&g->initial));
    put(document, "assets", assets_to_json(&g->initial));
    put(document, "balances", balances_to_json(g));
    put(document, "reads", json_string(g->reads == READS_OPEN ? "open" : "participants"));
    put(document, "parameters", parameters);
    char *text = json_dumps(document, JSON_INDENT(2));
    CHECK(text != NULL);
    json_decref(document);
    return text;
}
