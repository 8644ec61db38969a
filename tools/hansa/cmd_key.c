/* `hansa key show`: what is public in a key file, and what a ledger knows of the key. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/render.h"
#include "tools/hansa/source.h"

/* ---- what a ledger knows ---- */

struct standing {
    const struct source *source; /* a data directory was given, or nodes; else NULL */
    uint64_t height;
    bool is_known;
    bool is_revoked;
    char participant[PARTICIPANT_BYTES_MAX + 1];
    uint64_t nonce;
    uint32_t member_index; /* MEMBERS_MAX: not a member */
};

static enum rc ask_source(struct standing *out, struct source *s, const struct key_public *public,
                          struct why *why)
{
    if (strcmp(s->genesis->chain, public->network) != 0)
        return why_set(why, RC_NETWORK_MISMATCH,
                       "the key belongs to network '%s', the %s to '%s': give the %s of the key's "
                       "network",
                       public->network, s->dir != NULL ? "data directory" : "genesis file",
                       s->genesis->chain, s->dir != NULL ? "data directory" : "genesis file");
    out->source = s;
    out->member_index = genesis_member_by_key(s->genesis, &public->sign_public);
    struct state_key key;
    out->is_known = state_get_key(s->layer, &public->sign_public, &key);
    enum rc rc = source_state_rc(s, "the key's entry", why);
    out->height = source_height(s);
    if (rc != RC_OK || !out->is_known)
        return rc;
    out->is_revoked = key.revoked;
    out->nonce = key.nonce;
    /* The state's own names are at most this long, but a damaged store may say anything. */
    if (!participant_is_valid(key.participant))
        return why_set(why, RC_STORE_DAMAGED, "the key's participant has a name that cannot be");
    memcpy(out->participant, key.participant.data, key.participant.size);
    return RC_OK;
}

/* ---- answering ---- */

/* Members stand in the genesis, so that of them there is nothing to vouch for. */
static json_t *standing_json(const struct standing *s, enum key_kind kind)
{
    json_t *out = json_object();
    render_set_number(out, "height", s->height);
    if (kind == KEY_REPLICA) {
        bool is_member = s->member_index < MEMBERS_MAX;
        json_object_set_new(out, "status", json_string(is_member ? "member" : "unknown"));
        if (is_member)
            render_set_number(out, "member", s->member_index);
        return out;
    }
    source_standing_to_json(out, s->source);
    const char *status = !s->is_known ? "unknown" : s->is_revoked ? "revoked" : "active";
    json_object_set_new(out, "status", json_string(status));
    if (!s->is_known)
        return out;
    render_set_text(out, "participant", bytes_of_text(s->participant));
    if (!s->is_revoked && s->nonce < UINT64_MAX)
        render_set_number(out, "next_nonce", s->nonce + 1);
    return out;
}

static void print_member(const struct standing *s)
{
    if (s->member_index < MEMBERS_MAX)
        cli_line("status", "member %" PRIu32 " of the chain", s->member_index);
    else
        cli_line("status", "not a member of this chain");
}

static void print_participant(const struct standing *s)
{
    if (!s->is_known) {
        cli_line("status",
                 "unknown at height %" PRIu64 ": no participant has this key; a "
                 "participant's other key can add it (hansa sign key-add)",
                 s->height);
        return;
    }
    cli_line("participant", "%s", s->participant);
    if (s->is_revoked) {
        cli_line("status", "revoked, for ever; last nonce %" PRIu64, s->nonce);
        return;
    }
    cli_line("status", "active at height %" PRIu64, s->height);
    cli_line("next nonce", "%" PRIu64, s->nonce + 1);
}

static enum cli_exit answer(struct cli *c, const struct key_public *public,
                            const struct standing *standing)
{
    char hex[PUBLIC_KEY_HEX_BYTES];
    public_key_to_hex(hex, &public->sign_public);
    char link_hex[2 * LINK_KEY_BYTES + 1];
    hex_encode(link_hex, public->link_public, LINK_KEY_BYTES);
    bool is_replica = public->kind == KEY_REPLICA;
    if (c->json) {
        json_t *out =
            json_pack("{s:s, s:s, s:s, s:s}", "name", public->name, "network", public->network,
                      "kind", is_replica ? "replica" : "participant", "public_key", hex);
        if (is_replica) {
            json_object_set_new(out, "link_key", json_string(link_hex));
            json_object_set_new(out, "peer", json_string(public->peer_address));
            json_object_set_new(out, "client", json_string(public->client_address));
        }
        if (standing->source != NULL)
            json_object_set_new(out, "ledger", standing_json(standing, public->kind));
        return cli_answer(c, out);
    }
    cli_line("name", "%s", public->name);
    cli_line("network", "%s", public->network);
    cli_line("kind", "%s", is_replica ? "replica" : "participant");
    cli_line("public key", "%s", hex);
    if (is_replica) {
        cli_line("link key", "%s", link_hex);
        cli_line("peer address", "%s", public->peer_address);
        cli_line("client address", "%s", public->client_address);
    }
    if (standing->source == NULL)
        return CLI_DONE;
    if (is_replica) {
        print_member(standing);
        return CLI_DONE;
    }
    print_participant(standing);
    source_print_standing(standing->source);
    return CLI_DONE;
}

static enum cli_exit ask_and_answer(struct cli *c, const struct key_public *public)
{
    struct standing standing = {.member_index = MEMBERS_MAX};
    struct why why = {""};
    struct source s;
    enum cli_exit code = source_open_asked(&s, c);
    if (code != CLI_DONE)
        return code;
    enum rc rc = ask_source(&standing, &s, public, &why);
    if (rc != RC_OK && s.dir != NULL) {
        char quoted[CLI_QUOTE_BYTES];
        rc = why_within(&why, rc, "%s", cli_quote(quoted, cli_value(c, "dir")));
    }
    code = rc == RC_OK ? answer(c, public, &standing) : source_fail(c, &s, rc, &why);
    source_close(&s);
    return code;
}

static enum cli_exit run(struct cli *c)
{
    struct why why = {""};
    struct key_public public;
    enum rc rc = file_read_public_key(&public, cli_argument(c, 0), &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    /* Not for HANSA_GENESIS alone: what stands in a file is shown without asking anybody. */
    if (cli_has(c, "dir") || cli_has(c, "genesis") || cli_has(c, "node"))
        return ask_and_answer(c, &public);
    return answer(c, &public, &(struct standing){.source = NULL});
}

static const struct cli_argument arguments[] = {
    {"FILE", CLI_REQUIRED, "a secret key file, or its public twin FILE.pub"}, {0}};

static const struct cli_option options[] = {SOURCE_OPTIONS, {0}};

const struct command cmd_key_show = {
    .words = "key show",
    .summary = "show what is public in a key file, and its next nonce",
    .arguments = arguments,
    .options = options,
    .text =
        "No passphrase is needed: secrets are not looked at. With --genesis or --node a running\n"
        "node is asked for the key's status and next nonce, and this is its word: it may lag, or\n"
        "lie. (Commands that sign and send ask all nodes for the nonce.) With --dir they are read\n"
        "in a stopped node's data directory.",
    .example = "hansa key show alice.key --genesis genesis.json\n"
               "hansa key show alice.key --dir node-0/data",
    .exits = "0 shown; 1 the store is damaged; 3 not a key file, a mode wider than 0600, or\n"
             "another network; 4 no store in DIR; 5 a file cannot be read, a node runs in DIR;\n"
             "6 the key may not read; 7 no node answers",
    .run = run,
};
