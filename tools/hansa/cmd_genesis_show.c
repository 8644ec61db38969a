/* `hansa genesis show`: what a genesis file says, and its digest to read out over the phone. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/render.h"

/* Sixteen groups of four digits, four groups to a line: people lose their place in longer ones. */
enum { GROUPS_COUNT = 16, GROUP_DIGITS = 4, GROUPS_BYTES = GROUPS_COUNT * (GROUP_DIGITS + 1) };

static void digest_groups(char out[static GROUPS_BYTES], const struct digest *d)
{
    char hex[DIGEST_HEX_BYTES];
    digest_to_hex(hex, d);
    for (size_t i = 0; i < GROUPS_COUNT; i++) {
        memcpy(out + i * (GROUP_DIGITS + 1), hex + i * GROUP_DIGITS, GROUP_DIGITS);
        out[i * (GROUP_DIGITS + 1) + GROUP_DIGITS] = i + 1 < GROUPS_COUNT ? ' ' : '\0';
    }
}

static const struct {
    const char *name;
    size_t offset;
    uint64_t initial;
} rows[] = {
#define X(field, symbol, initial, least, most)                                                     \
    {#field, offsetof(struct parameters, field), initial},
    PARAMETER_LIST(X)
#undef X
};
enum { ROWS_COUNT = sizeof rows / sizeof rows[0] };

static uint64_t value_of(const struct parameters *p, size_t row)
{
    uint64_t value;
    memcpy(&value, (const char *)p + rows[row].offset, sizeof value);
    return value;
}

/* ---- JSON ---- */

static json_t *members_json(const struct genesis *g)
{
    json_t *out = json_array();
    for (uint32_t i = 0; i < g->members_count; i++) {
        const struct genesis_member *m = &g->members[i];
        json_t *member = json_pack("{s:i, s:s, s:s, s:s}", "member", (int)i, "name", m->name,
                                   "peer", m->peer_address, "client", m->client_address);
        render_set_public_key(member, "sign_key", &m->sign_key);
        render_set_hex(member, "link_key", bytes_of(m->link_key, LINK_KEY_BYTES));
        json_array_append_new(out, member);
    }
    return out;
}

static json_t *participants_json(const struct genesis *g)
{
    json_t *out = json_array();
    for (uint32_t i = 0; i < g->initial.participants_count; i++) {
        const struct initial_participant *p = &g->initial.participants[i];
        json_t *keys = json_array();
        for (uint32_t k = 0; k < p->keys_count; k++) {
            char hex[PUBLIC_KEY_HEX_BYTES];
            public_key_to_hex(hex, &p->keys[k]);
            json_array_append_new(keys, json_string(hex));
        }
        json_array_append_new(out, json_pack("{s:s, s:s, s:o}", "name", p->name, "role",
                                             p->role == ROLE_GOVERNOR ? "governor" : "none", "keys",
                                             keys));
    }
    return out;
}

static json_t *assets_json(const struct genesis *g)
{
    json_t *out = json_array();
    for (uint32_t i = 0; i < g->initial.assets_count; i++) {
        const struct initial_asset *a = &g->initial.assets[i];
        json_array_append_new(out, json_pack("{s:s, s:i, s:s}", "code", a->code, "decimals",
                                             (int)a->decimals, "issuer", a->issuer));
    }
    return out;
}

static json_t *balances_json(const struct genesis *g)
{
    json_t *out = json_array();
    for (uint32_t i = 0; i < g->initial.balances_count; i++) {
        const struct initial_balance *b = &g->initial.balances[i];
        json_t *balance = json_pack("{s:s, s:s}", "account", b->account, "asset", b->asset);
        render_amount_into(balance, "amount", b->amount, bytes_of_text(b->asset), g);
        json_array_append_new(out, balance);
    }
    return out;
}

static enum cli_exit answer_json(struct cli *c, const struct genesis *g)
{
    char groups[GROUPS_BYTES];
    digest_groups(groups, &g->chain_id);
    json_t *parameters = json_object();
    json_t *changed = json_array();
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        render_set_number(parameters, rows[i].name, value_of(&g->parameters, i));
        if (value_of(&g->parameters, i) != rows[i].initial)
            json_array_append_new(changed, json_string(rows[i].name));
    }
    json_t *out = json_pack("{s:s, s:s, s:i, s:i, s:s}", "chain", g->chain, "chain_id_groups",
                            groups, "faulty_max", (int)faulty_max_of(g->members_count), "quorum",
                            (int)quorum_of(g->members_count), "reads",
                            g->reads == READS_OPEN ? "open" : "participants");
    render_set_digest(out, "chain_id", &g->chain_id);
    json_object_set_new(out, "members", members_json(g));
    json_object_set_new(out, "participants", participants_json(g));
    json_object_set_new(out, "assets", assets_json(g));
    json_object_set_new(out, "balances", balances_json(g));
    json_object_set_new(out, "parameters", parameters);
    json_object_set_new(out, "parameters_not_default", changed);
    return cli_answer(c, out);
}

/* ---- words ---- */

static void print_parameters(const struct genesis *g)
{
    bool any = false;
    for (size_t i = 0; i < ROWS_COUNT; i++) {
        uint64_t value = value_of(&g->parameters, i);
        if (value == rows[i].initial)
            continue;
        cli_line(any ? "" : "parameters", "%s = %" PRIu64 " (default %" PRIu64 ")", rows[i].name,
                 value, rows[i].initial);
        any = true;
    }
    if (!any)
        cli_line("parameters", "all at their defaults");
}

static void print_initial(const struct genesis *g)
{
    const struct initial_state *s = &g->initial;
    for (uint32_t i = 0; i < s->participants_count; i++) {
        const struct initial_participant *p = &s->participants[i];
        cli_line(i == 0 ? "participants" : "", "%s, %u key%s%s", p->name, (unsigned)p->keys_count,
                 p->keys_count == 1 ? "" : "s", p->role == ROLE_GOVERNOR ? ", governor" : "");
    }
    for (uint32_t i = 0; i < s->assets_count; i++)
        cli_line(i == 0 ? "assets" : "", "%s, %u decimal%s, issued by %s", s->assets[i].code,
                 (unsigned)s->assets[i].decimals, cli_plural(s->assets[i].decimals),
                 s->assets[i].issuer);
    for (uint32_t i = 0; i < s->balances_count; i++) {
        const struct initial_balance *b = &s->balances[i];
        char amount[RENDER_AMOUNT_BYTES];
        cli_line(i == 0 ? "balances" : "", "%s %s", b->account,
                 render_amount(amount, b->amount, bytes_of_text(b->asset), g));
    }
}

static void print_genesis(const struct genesis *g)
{
    char hex[DIGEST_HEX_BYTES];
    char groups[GROUPS_BYTES];
    digest_to_hex(hex, &g->chain_id);
    digest_groups(groups, &g->chain_id);
    cli_line("chain", "%s", g->chain);
    cli_line("chain id", "%s", hex);
    enum { LINE_CHARACTERS = 4 * (GROUP_DIGITS + 1) - 1 };
    for (size_t i = 0; i < GROUPS_COUNT / 4; i++)
        cli_line(i == 0 ? "to read out" : "", "%.*s", (int)LINE_CHARACTERS,
                 groups + i * (LINE_CHARACTERS + 1));
    cli_line("members", "%u; %u may be faulty; a quorum is %u", (unsigned)g->members_count,
             (unsigned)faulty_max_of(g->members_count), (unsigned)quorum_of(g->members_count));
    for (uint32_t i = 0; i < g->members_count; i++) {
        const struct genesis_member *m = &g->members[i];
        public_key_to_hex(hex, &m->sign_key);
        cli_line("", "%u %s, peer %s, client %s, key %s", (unsigned)i, m->name, m->peer_address,
                 m->client_address, hex);
    }
    print_initial(g);
    cli_line("reads", "%s", g->reads == READS_OPEN ? "open" : "participants");
    print_parameters(g);
    printf("Every member must have this chain id: read it out to one another before starting.\n");
}

static enum cli_exit run(struct cli *c)
{
    struct why why = {""};
    struct genesis g;
    enum rc rc = file_read_genesis(&g, cli_argument(c, 0), &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    enum cli_exit code = CLI_DONE;
    if (c->json)
        code = answer_json(c, &g);
    else
        print_genesis(&g);
    genesis_close(&g);
    return code;
}

static const struct cli_argument arguments[] = {{"FILE", CLI_REQUIRED, "the genesis file"}, {0}};

const struct command cmd_genesis_show = {
    .words = "genesis show",
    .summary = "show a genesis file, and its chain id to read out over the phone",
    .arguments = arguments,
    .example = "hansa genesis show genesis.json",
    .exits = "0 shown; 3 not a genesis file (the words name the field); 5 it cannot be read",
    .run = run,
};
