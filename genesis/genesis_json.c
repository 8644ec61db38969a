/* From the JSON form into the struct: types, fields and lengths are judged here, because only here
 * are they seen; what the values may be is said in genesis_judge.c. */
#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"
#include "genesis/genesis_parts.h"
#include "ledger/amount.h"

static enum rc fill_text(char *out, size_t bytes_max, const struct json_at *at, struct why *why)
{
    struct bytes text;
    enum rc rc = json_expect_text(&text, at, why);
    if (rc != RC_OK)
        return rc;
    if (!genesis_text_set(out, bytes_max, text))
        return json_refuse(at, why, "has %zu bytes, allowed are %zu", text.size, bytes_max);
    return RC_OK;
}

static enum rc fill_key(uint8_t *out, const struct json_at *at, struct why *why)
{
    struct bytes text;
    enum rc rc = json_expect_text(&text, at, why);
    if (rc != RC_OK)
        return rc;
    if (text.size != 2 * PUBLIC_KEY_BYTES ||
        !hex_decode(out, PUBLIC_KEY_BYTES, (const char *)text.data))
        return json_refuse(at, why, "must be %d lower-case hex digits", 2 * PUBLIC_KEY_BYTES);
    return RC_OK;
}

/* One of two words; a field that is missing means the first, which is also where *out starts. */
static enum rc fill_choice(bool *out, const struct json_at *at, const char *first,
                           const char *second, struct why *why)
{
    *out = false;
    if (at->value == NULL)
        return RC_OK;
    struct bytes text;
    enum rc rc = json_expect_text(&text, at, why);
    if (rc != RC_OK)
        return rc;
    *out = bytes_equal(text, bytes_of_text(second));
    if (!*out && !bytes_equal(text, bytes_of_text(first)))
        return json_refuse(at, why, "must be \"%s\" or \"%s\"", first, second);
    return RC_OK;
}

/* ---- members ---- */

static enum rc fill_member(struct genesis_member *m, const struct json_at *at, struct why *why)
{
    static const char *const names[] = {"name", "sign_key", "link_key", "peer", "client", NULL};
    enum rc rc = json_expect_object(at, names, why);
    if (rc != RC_OK)
        return rc;
    struct json_at name = json_field(at, "name");
    struct json_at sign_key = json_field(at, "sign_key");
    struct json_at link_key = json_field(at, "link_key");
    struct json_at peer = json_field(at, "peer");
    struct json_at client = json_field(at, "client");
    rc = fill_text(m->name, KEY_NAME_BYTES_MAX, &name, why);
    if (rc == RC_OK)
        rc = fill_key(m->sign_key.bytes, &sign_key, why);
    if (rc == RC_OK)
        rc = fill_key(m->link_key, &link_key, why);
    if (rc == RC_OK)
        rc = fill_text(m->peer_address, KEY_ADDRESS_BYTES_MAX, &peer, why);
    if (rc == RC_OK)
        rc = fill_text(m->client_address, KEY_ADDRESS_BYTES_MAX, &client, why);
    return rc;
}

static enum rc fill_members(struct genesis *g, const struct json_at *at, struct why *why)
{
    enum rc rc = json_expect_array(at, MEMBERS_MIN, MEMBERS_MAX, why);
    if (rc != RC_OK)
        return rc;
    g->members_count = (uint32_t)json_items_count(at);
    for (uint32_t i = 0; i < g->members_count && rc == RC_OK; i++) {
        struct json_at item = json_item(at, i);
        rc = fill_member(&g->members[i], &item, why);
    }
    return rc;
}

/* ---- participants ---- */

static enum rc fill_participant(struct initial_participant *p, const struct json_at *at,
                                struct why *why)
{
    static const char *const names[] = {"name", "?role", "keys", NULL};
    enum rc rc = json_expect_object(at, names, why);
    if (rc != RC_OK)
        return rc;
    struct json_at name = json_field(at, "name");
    struct json_at role = json_field(at, "role");
    struct json_at keys = json_field(at, "keys");
    rc = fill_text(p->name, PARTICIPANT_BYTES_MAX, &name, why);
    if (rc != RC_OK)
        return rc;
    bool is_governor;
    rc = fill_choice(&is_governor, &role, "none", "governor", why);
    if (rc != RC_OK)
        return rc;
    p->role = is_governor ? ROLE_GOVERNOR : ROLE_NONE;
    rc = json_expect_array(&keys, 1, PARTICIPANT_KEYS_MAX, why);
    if (rc != RC_OK)
        return rc;
    p->keys_count = (uint32_t)json_items_count(&keys);
    for (uint32_t i = 0; i < p->keys_count && rc == RC_OK; i++) {
        struct json_at item = json_item(&keys, i);
        rc = fill_key(p->keys[i].bytes, &item, why);
    }
    return rc;
}

static enum rc fill_participants(struct genesis *g, const struct json_at *at, struct why *why)
{
    enum rc rc = json_expect_array(at, 0, INITIAL_PARTICIPANTS_MAX, why);
    if (rc != RC_OK)
        return rc;
    genesis_room_for_participants(g, (uint32_t)json_items_count(at));
    for (uint32_t i = 0; i < g->initial.participants_count && rc == RC_OK; i++) {
        struct json_at item = json_item(at, i);
        rc = fill_participant(&g->initial.participants[i], &item, why);
    }
    return rc;
}

/* ---- assets ---- */

static enum rc fill_asset(struct initial_asset *a, const struct json_at *at, struct why *why)
{
    static const char *const names[] = {"code", "decimals", "issuer", NULL};
    enum rc rc = json_expect_object(at, names, why);
    if (rc != RC_OK)
        return rc;
    struct json_at code = json_field(at, "code");
    struct json_at decimals = json_field(at, "decimals");
    struct json_at issuer = json_field(at, "issuer");
    uint64_t value = 0;
    rc = fill_text(a->code, ASSET_BYTES_MAX, &code, why);
    if (rc == RC_OK)
        rc = json_expect_integer(&value, &decimals, 0, DECIMALS_MAX, why);
    if (rc == RC_OK)
        rc = fill_text(a->issuer, PARTICIPANT_BYTES_MAX, &issuer, why);
    a->decimals = (uint8_t)value;
    return rc;
}

static enum rc fill_assets(struct genesis *g, const struct json_at *at, struct why *why)
{
    if (at->value == NULL)
        return RC_OK;
    enum rc rc = json_expect_array(at, 0, INITIAL_ASSETS_MAX, why);
    if (rc != RC_OK)
        return rc;
    genesis_room_for_assets(g, (uint32_t)json_items_count(at));
    for (uint32_t i = 0; i < g->initial.assets_count && rc == RC_OK; i++) {
        struct json_at item = json_item(at, i);
        rc = fill_asset(&g->initial.assets[i], &item, why);
    }
    return rc;
}

/* ---- balances: an amount is read with the decimals of its asset ---- */

static enum rc fill_balance(const struct genesis *g, struct initial_balance *b,
                            const struct json_at *at, struct why *why)
{
    static const char *const names[] = {"account", "asset", "amount", NULL};
    enum rc rc = json_expect_object(at, names, why);
    if (rc != RC_OK)
        return rc;
    struct json_at account_at = json_field(at, "account");
    struct json_at asset_at = json_field(at, "asset");
    struct json_at amount_at = json_field(at, "amount");
    rc = fill_text(b->account, ACCOUNT_BYTES_MAX, &account_at, why);
    if (rc == RC_OK)
        rc = fill_text(b->asset, ASSET_BYTES_MAX, &asset_at, why);
    if (rc != RC_OK)
        return rc;
    const struct initial_asset *asset = genesis_asset(g, bytes_of_text(b->asset));
    if (asset == NULL)
        return json_refuse(&asset_at, why, "is not among the assets");
    struct bytes amount;
    rc = json_expect_text(&amount, &amount_at, why);
    if (rc != RC_OK)
        return rc;
    if (!amount_parse(&b->amount, amount, asset->decimals))
        return json_refuse(&amount_at, why,
                           "must be an amount of %s: digits, %s%u decimals, at most 2^64-1 of the "
                           "smallest units",
                           asset->code, asset->decimals > 0 ? "a point and exactly " : "",
                           (unsigned)asset->decimals);
    return RC_OK;
}

static enum rc fill_balances(struct genesis *g, const struct json_at *at, struct why *why)
{
    if (at->value == NULL)
        return RC_OK;
    enum rc rc = json_expect_array(at, 0, INITIAL_BALANCES_MAX, why);
    if (rc != RC_OK)
        return rc;
    genesis_room_for_balances(g, (uint32_t)json_items_count(at));
    for (uint32_t i = 0; i < g->initial.balances_count && rc == RC_OK; i++) {
        struct json_at item = json_item(at, i);
        rc = fill_balance(g, &g->initial.balances[i], &item, why);
    }
    return rc;
}

/* ---- parameters ---- */

static enum rc fill_parameters(struct parameters *p, const struct json_at *at, struct why *why)
{
    static const char *const names[] = {
#define X(field, symbol, initial, least, most) "?" #field,
        PARAMETER_LIST(X)
#undef X
            NULL};
    for (size_t i = 0; i < PARAMETERS_COUNT; i++)
        genesis_parameter_set(p, i, genesis_parameter_rules[i].initial);
    if (at->value == NULL)
        return RC_OK;
    enum rc rc = json_expect_object(at, names, why);
    for (size_t i = 0; i < PARAMETERS_COUNT && rc == RC_OK; i++) {
        struct json_at field = json_field(at, genesis_parameter_rules[i].name);
        if (field.value == NULL)
            continue;
        uint64_t value = 0;
        rc = json_expect_integer(&value, &field, 0, INT64_MAX, why);
        genesis_parameter_set(p, i, value);
    }
    return rc;
}

/* ---- the whole ---- */

static enum rc fill_head(struct genesis *g, const struct json_at *root, struct why *why)
{
    struct json_at version_at = json_field(root, "hansa_genesis");
    struct json_at chain = json_field(root, "chain");
    struct json_at members = json_field(root, "members");
    struct json_at participants = json_field(root, "participants");
    struct json_at assets = json_field(root, "assets");
    struct json_at reads = json_field(root, "reads");
    struct json_at parameters = json_field(root, "parameters");
    uint64_t version;
    bool reads_by_participants = false;
    enum rc rc = json_expect_integer(&version, &version_at, 1, 1, why);
    if (rc == RC_OK)
        rc = fill_text(g->chain, KEY_NETWORK_BYTES_MAX, &chain, why);
    if (rc == RC_OK)
        rc = fill_members(g, &members, why);
    if (rc == RC_OK)
        rc = fill_participants(g, &participants, why);
    if (rc == RC_OK)
        rc = fill_assets(g, &assets, why);
    if (rc == RC_OK)
        rc = fill_choice(&reads_by_participants, &reads, "open", "participants", why);
    g->reads = reads_by_participants ? READS_PARTICIPANTS : READS_OPEN;
    return rc != RC_OK ? rc : fill_parameters(&g->parameters, &parameters, why);
}

enum rc genesis_fill_from_json(struct genesis *g, json_t *document, struct why *why)
{
    static const char *const names[] = {"hansa_genesis", "chain",       "members",
                                        "participants",  "?assets",     "?balances",
                                        "?reads",        "?parameters", NULL};
    struct json_at root = json_root(document);
    enum rc rc = json_expect_object(&root, names, why);
    if (rc == RC_OK)
        rc = fill_head(g, &root, why);
    if (rc == RC_OK)
        rc = genesis_judge_head(g, why);
    if (rc != RC_OK)
        return rc;
    struct json_at balances = json_field(&root, "balances");
    rc = fill_balances(g, &balances, why);
    return rc != RC_OK ? rc : genesis_judge_balances(g, why);
}
