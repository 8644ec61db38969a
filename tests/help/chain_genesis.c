/* The genesis of a test chain, by way of its JSON form: the same path that a real one takes. */
#include "tests/help/chain_genesis.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/base/check.h"
#include "genesis/json.h"
#include "ledger/amount.h"

static const uint8_t asset_decimals[CHAIN_ASSETS_MAX] = {2, 2, 0, 8};

static json_t *text_of(const char *format, unsigned number)
{
    return json_sprintf(format, number);
}

static void set(json_t *object, const char *field, json_t *value)
{
    CHECK(json_object_set_new(object, field, value) == 0);
}

static void append(json_t *array, json_t *value)
{
    CHECK(json_array_append_new(array, value) == 0);
}

static json_t *key_text(const struct public_key *key)
{
    char hex[PUBLIC_KEY_HEX_BYTES];
    public_key_to_hex(hex, key);
    return json_string(hex);
}

static json_t *members_of(const struct chain *c)
{
    json_t *members = json_array();
    for (uint32_t i = 0; i < c->options.members_count; i++) {
        json_t *member = json_object();
        struct digest secret, link;
        char hex[DIGEST_HEX_BYTES];
        digest_of(&secret, TAG_TEST, bytes_of(c->members[i].public.bytes, PUBLIC_KEY_BYTES));
        link_public_of(link.bytes, secret.bytes);
        digest_to_hex(hex, &link);
        set(member, "name", text_of("m%u", i));
        set(member, "sign_key", key_text(&c->members[i].public));
        set(member, "link_key", json_string(hex));
        set(member, "peer", text_of("127.0.0.1:%u", 7100 + i));
        set(member, "client", text_of("127.0.0.1:%u", 7200 + i));
        append(members, member);
    }
    return members;
}

static json_t *participants_of(const struct chain *c)
{
    json_t *participants = json_array();
    for (uint32_t i = 0; i < c->options.participants_count; i++) {
        json_t *participant = json_object();
        json_t *keys = json_array();
        struct sign_key key;
        chain_make_key(&key, "participant", i, 0);
        append(keys, key_text(&key.public));
        set(participant, "name", text_of("p%u", i));
        if (i == 0)
            set(participant, "role", json_string("governor"));
        set(participant, "keys", keys);
        append(participants, participant);
    }
    return participants;
}

static json_t *assets_of(const struct chain *c)
{
    json_t *assets = json_array();
    for (uint32_t i = 0; i < c->options.assets_count; i++) {
        json_t *asset = json_object();
        set(asset, "code", json_string(chain_asset_codes[i]));
        set(asset, "decimals", json_integer(asset_decimals[i]));
        set(asset, "issuer", text_of("p%u", i % c->options.participants_count));
        append(assets, asset);
    }
    return assets;
}

static json_t *balances_of(const struct chain *c)
{
    json_t *balances = json_array();
    char amount[AMOUNT_TEXT_BYTES];
    char account[CHAIN_ACCOUNT_ROOM];
    for (uint32_t i = 0; i < c->options.participants_count * c->options.assets_count; i++) {
        uint32_t asset = i % c->options.assets_count;
        json_t *balance = json_object();
        chain_account(account, c, i / c->options.assets_count);
        amount_format(amount, CHAIN_OPENING, asset_decimals[asset]);
        set(balance, "account", json_string(account));
        set(balance, "asset", json_string(chain_asset_codes[asset]));
        set(balance, "amount", json_string(amount));
        append(balances, balance);
    }
    return balances;
}

static json_t *parameters_of(const struct chain *c)
{
    uint32_t every = c->options.checkpoint_every_heights;
    json_t *parameters = json_object();
    set(parameters, "pipeline_heights", json_integer(every / 2 < 8 ? every / 2 : 8));
    set(parameters, "checkpoint_every_heights", json_integer(every));
    set(parameters, "window_heights", json_integer(2 * (json_int_t)every));
    return parameters;
}

enum rc chain_make_genesis(struct chain *c, struct why *why)
{
    json_t *document = json_object();
    set(document, "hansa_genesis", json_integer(1));
    set(document, "chain", json_string("test"));
    set(document, "members", members_of(c));
    set(document, "participants", participants_of(c));
    set(document, "assets", assets_of(c));
    set(document, "balances", balances_of(c));
    set(document, "parameters", parameters_of(c));
    char *text = json_dumps(document, JSON_INDENT(1));
    json_decref(document);
    CHECK(text != NULL);
    enum rc rc = genesis_from_json(&c->genesis, bytes_of_text(text), why);
    free(text);
    return rc;
}
