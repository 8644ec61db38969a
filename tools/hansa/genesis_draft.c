#include "tools/hansa/genesis_draft.h"

#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/name.h"
#include "tools/hansa/render.h"

static json_t *list_of(json_t *draft, const char *name)
{
    json_t *list = json_object_get(draft, name);
    CHECK(json_is_array(list));
    return list;
}

static void append(json_t *list, json_t *item)
{
    CHECK(item != NULL);
    CHECK(json_array_append_new(list, item) == 0);
}

json_t *draft_new(const char *chain)
{
    json_t *draft = json_pack("{s:i, s:[], s:[], s:[], s:[], s:{}}", "hansa_genesis", 1, "members",
                              "participants", "assets", "balances", "parameters");
    CHECK(draft != NULL);
    render_set_text(draft, "chain", bytes_of_text(chain));
    return draft;
}

/* ---- keys ---- */

static enum rc judge_key(const json_t *draft, const struct key_public *public, enum key_kind kind,
                         const char *path, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    const char *chain = json_string_value(json_object_get(draft, "chain"));
    if (strcmp(public->network, chain) != 0)
        return why_set(why, RC_NETWORK_MISMATCH,
                       "%s: the key belongs to network '%s', not to '%s': its owner has to make "
                       "one with hansa keygen --network %s",
                       cli_quote(quoted, path), public->network, chain, chain);
    if (public->kind != kind)
        return why_set(why, RC_INVALID, "%s: this is a %s's key: give it as --%s",
                       cli_quote(quoted, path),
                       public->kind == KEY_REPLICA ? "replica" : "participant",
                       public->kind == KEY_REPLICA ? "member" : "participant");
    return RC_OK;
}

enum rc draft_add_member(json_t *draft, const struct key_public *public, const char *path,
                         struct why *why)
{
    enum rc rc = judge_key(draft, public, KEY_REPLICA, path, why);
    if (rc != RC_OK)
        return rc;
    json_t *member = json_object();
    render_set_text(member, "name", bytes_of_text(public->name));
    render_set_public_key(member, "sign_key", &public->sign_public);
    render_set_hex(member, "link_key", bytes_of(public->link_public, LINK_KEY_BYTES));
    render_set_text(member, "peer", bytes_of_text(public->peer_address));
    render_set_text(member, "client", bytes_of_text(public->client_address));
    append(list_of(draft, "members"), member);
    return RC_OK;
}

/* The participant of this name, or NULL. Borrowed from the draft. */
static json_t *participant_of(json_t *draft, const char *name)
{
    size_t index;
    json_t *participant;
    json_array_foreach(list_of(draft, "participants"), index, participant)
    {
        if (strcmp(json_string_value(json_object_get(participant, "name")), name) == 0)
            return participant;
    }
    return NULL;
}

enum rc draft_add_participant(json_t *draft, const struct key_public *public, const char *path,
                              struct why *why)
{
    enum rc rc = judge_key(draft, public, KEY_PARTICIPANT, path, why);
    if (rc != RC_OK)
        return rc;
    json_t *participant = participant_of(draft, public->name);
    if (participant == NULL) {
        participant = json_pack("{s:s, s:[]}", "name", public->name, "keys");
        append(list_of(draft, "participants"), participant);
    }
    char hex[PUBLIC_KEY_HEX_BYTES];
    public_key_to_hex(hex, &public->sign_public);
    append(list_of(participant, "keys"), json_string(hex));
    return RC_OK;
}

enum rc draft_set_governor(json_t *draft, const char *name, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    json_t *participant = participant_of(draft, name);
    if (participant == NULL)
        return why_set(why, RC_NOT_FOUND,
                       "--governor %s: there is no participant of this name: give its public "
                       "file with --participant",
                       cli_quote(quoted, name));
    CHECK(json_object_set_new(participant, "role", json_string("governor")) == 0);
    return RC_OK;
}

/* ---- options ---- */

/* Cut text at the first `by`; false when there is none. Lends from text. */
static bool split(const char *text, char by, struct bytes *left, const char **right)
{
    const char *at = strchr(text, by);
    if (at == NULL)
        return false;
    *left = bytes_of(text, (size_t)(at - text));
    *right = at + 1;
    return true;
}

static enum cli_exit refuse_form(struct cli *c, const char *option, const char *text,
                                 const char *form, const char *example)
{
    char quoted[CLI_QUOTE_BYTES];
    return cli_usage(c, "--%s %s: write it as %s, for example %s", option, cli_quote(quoted, text),
                     form, example);
}

static enum cli_exit add_asset(json_t *draft, struct cli *c, const char *text)
{
    struct bytes code, decimals;
    const char *rest, *issuer;
    if (!split(text, ':', &code, &rest) || !split(rest, ':', &decimals, &issuer))
        return refuse_form(c, "asset", text, "CODE:DECIMALS:ISSUER", "CZK:2:bank");
    char digits[24];
    snprintf(digits, sizeof digits, "%.*s", (int)decimals.size, (const char *)decimals.data);
    uint64_t value;
    if (!cli_number_of(c, "the decimals of --asset", digits, 0, DECIMALS_MAX, &value))
        return CLI_USAGE;
    json_t *asset = json_object();
    render_set_text(asset, "code", code);
    render_set_number(asset, "decimals", value);
    render_set_text(asset, "issuer", bytes_of_text(issuer));
    append(list_of(draft, "assets"), asset);
    return CLI_DONE;
}

static enum cli_exit add_balance(json_t *draft, struct cli *c, const char *text)
{
    struct bytes account, amount;
    const char *rest, *asset;
    if (!split(text, '=', &account, &rest) || !split(rest, ':', &amount, &asset))
        return refuse_form(c, "balance", text, "ACCOUNT=AMOUNT:ASSET", "bank/main=1000.00:CZK");
    json_t *balance = json_object();
    render_set_text(balance, "account", account);
    render_set_text(balance, "asset", bytes_of_text(asset));
    render_set_text(balance, "amount", amount);
    append(list_of(draft, "balances"), balance);
    return CLI_DONE;
}

/* An unknown name has no range: the judge of the genesis will name it. */
static void parameter_range(const char *name, uint64_t *least_out, uint64_t *most_out)
{
#define X(field, symbol, initial, least, most)                                                     \
    if (strcmp(name, #field) == 0) {                                                               \
        *least_out = (least);                                                                      \
        *most_out = (most);                                                                        \
    }
    PARAMETER_LIST(X)
#undef X
}

static enum cli_exit add_parameter(json_t *draft, struct cli *c, const char *text)
{
    struct bytes name;
    const char *digits;
    if (!split(text, '=', &name, &digits) || !text_is_valid(name) || name.size > 40)
        return refuse_form(c, "parameter", text, "NAME=VALUE", "batch_ms=5");
    char field[48];
    snprintf(field, sizeof field, "%.*s", (int)name.size, (const char *)name.data);
    uint64_t value, least = 0, most = INT64_MAX;
    parameter_range(field, &least, &most);
    char words[80];
    snprintf(words, sizeof words, "--parameter %s", field);
    if (!cli_number_of(c, words, digits, least, most, &value))
        return CLI_USAGE;
    json_t *parameters = json_object_get(draft, "parameters");
    if (json_object_get(parameters, field) != NULL)
        return cli_usage(c, "--parameter %s stands twice", field);
    CHECK(json_object_set_new(parameters, field, json_integer((json_int_t)value)) == 0);
    return CLI_DONE;
}

typedef enum cli_exit add_option(json_t *draft, struct cli *c, const char *text);

static enum cli_exit add_each(json_t *draft, struct cli *c, const char *option, add_option *add)
{
    enum cli_exit code = CLI_DONE;
    for (size_t i = 0; i < cli_values_count(c, option) && code == CLI_DONE; i++)
        code = add(draft, c, cli_value_at(c, option, i));
    return code;
}

enum cli_exit draft_add_options(json_t *draft, struct cli *c)
{
    enum cli_exit code = add_each(draft, c, "asset", add_asset);
    if (code == CLI_DONE)
        code = add_each(draft, c, "balance", add_balance);
    if (code == CLI_DONE)
        code = add_each(draft, c, "parameter", add_parameter);
    if (code == CLI_DONE && cli_has(c, "reads"))
        render_set_text(draft, "reads", bytes_of_text(cli_value(c, "reads")));
    return code;
}
