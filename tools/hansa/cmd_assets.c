/* `hansa assets` and `hansa participants`: what there is, by name. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/hansa/commands.h"

#include "tools/hansa/render.h"
#include "tools/hansa/source.h"

#define TEXT(bytes) (int)(bytes).size, (const char *)(bytes).data

struct listing {
    struct source *source;
    json_t *items; /* NULL: print */
};

static enum rc visit_asset(void *context, struct bytes code)
{
    struct listing *l = context;
    struct layer *layer = l->source->layer;
    struct state_asset asset;
    /* An index of names holds what its writer put there: nothing else may reach a terminal. */
    if (!asset_is_valid(code))
        return RC_STORE_DAMAGED;
    bool is_there = state_get_asset(layer, code, &asset);
    if (layer_rc(layer) != RC_OK || !is_there)
        return layer_rc(layer) != RC_OK ? layer_rc(layer) : RC_STORE_DAMAGED;
    if (l->items != NULL) {
        json_t *one = json_object();
        render_set_text(one, "code", code);
        render_set_number(one, "decimals", asset.decimals);
        render_set_text(one, "issuer", asset.issuer);
        render_amount_into(one, "supply", asset.supply, code, l->source->genesis);
        json_array_append_new(l->items, one);
        return RC_OK;
    }
    char name[ASSET_BYTES_MAX + 1];
    char amount[RENDER_AMOUNT_BYTES];
    snprintf(name, sizeof name, "%.*s", TEXT(code));
    cli_line(name, "supply %s, %u decimal%s, issued by %.*s",
             render_amount(amount, asset.supply, code, l->source->genesis),
             (unsigned)asset.decimals, cli_plural(asset.decimals), TEXT(asset.issuer));
    return RC_OK;
}

static enum rc visit_participant(void *context, struct bytes name)
{
    struct listing *l = context;
    struct layer *layer = l->source->layer;
    struct state_participant p;
    if (!participant_is_valid(name))
        return RC_STORE_DAMAGED;
    bool is_there = state_get_participant(layer, name, &p);
    if (layer_rc(layer) != RC_OK || !is_there)
        return layer_rc(layer) != RC_OK ? layer_rc(layer) : RC_STORE_DAMAGED;
    bool is_governor = p.role == ROLE_GOVERNOR;
    if (l->items == NULL) {
        char text[PARTICIPANT_BYTES_MAX + 1];
        snprintf(text, sizeof text, "%.*s", TEXT(name));
        cli_line(text, "%" PRIu32 " active key%s%s", p.keys_count, p.keys_count == 1 ? "" : "s",
                 is_governor ? ", governor" : "");
        return RC_OK;
    }
    json_t *one = json_object(), *keys = json_array();
    for (uint32_t i = 0; i < p.keys_count; i++) {
        char hex[PUBLIC_KEY_HEX_BYTES];
        public_key_to_hex(hex, &p.keys[i]);
        json_array_append_new(keys, json_string(hex));
    }
    render_set_text(one, "name", name);
    json_object_set_new(one, "role", json_string(is_governor ? "governor" : "none"));
    json_object_set_new(one, "keys", keys);
    json_array_append_new(l->items, one);
    return RC_OK;
}

static enum cli_exit list_of(struct cli *c, struct source *s, enum state_table table,
                             store_visit *visit, const char *field)
{
    struct why why = {""};
    /* For people too all is read before the first line is shown. */
    struct listing l = {.source = s, .items = json_array()};
    enum rc rc = source_list(s, table, bytes_of(NULL, 0), visit, &l, &why);
    if (rc == RC_OK && c->json) {
        json_t *out = json_object();
        render_set_number(out, "height", source_height(s));
        source_standing_to_json(out, s);
        json_object_set_new(out, field, l.items);
        return cli_answer(c, out);
    }
    json_decref(l.items);
    l.items = NULL;
    if (rc == RC_OK) {
        cli_line("height", "%" PRIu64, source_height(s));
        source_print_standing(s);
        rc = source_list(s, table, bytes_of(NULL, 0), visit, &l, &why);
    }
    return rc == RC_OK ? CLI_DONE : source_fail(c, s, rc, &why);
}

static enum cli_exit list(struct cli *c, enum state_table table, store_visit *visit,
                          const char *field)
{
    struct source s;
    enum cli_exit code = source_open_asked(&s, c);
    if (code != CLI_DONE)
        return code;
    code = list_of(c, &s, table, visit, field);
    source_close(&s);
    return code;
}

static enum cli_exit run_assets(struct cli *c)
{
    return list(c, STATE_ASSET, visit_asset, "assets");
}

static enum cli_exit run_participants(struct cli *c)
{
    return list(c, STATE_PARTICIPANT, visit_participant, "participants");
}

static const struct cli_option options[] = {SOURCE_OPTIONS, {0}};

const struct command cmd_assets = {
    .words = "assets",
    .summary = "list the assets, their issuers and what there is of each",
    .options = options,
    .example = "hansa assets --genesis genesis.json\n"
               "hansa assets --dir node-0/data",
    .exits = "0 shown; 1 the store is damaged; 3 another chain; 4 no store in DIR; 5 a node runs\n"
             "in DIR; 6 the key may not read; 7 no node answers",
    .run = run_assets,
};

const struct command cmd_participants = {
    .words = "participants",
    .summary = "list the participants, their roles and active keys",
    .options = options,
    .example = "hansa participants --genesis genesis.json\n"
               "hansa participants --dir node-0/data",
    .exits = "0 shown; 1 the store is damaged; 3 another chain; 4 no store in DIR; 5 a node runs\n"
             "in DIR; 6 the key may not read; 7 no node answers",
    .run = run_participants,
};
