/* `hansa keygen`: make a participant's or a replica's key. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/passphrase.h"
#include "tools/hansa/render.h"

enum { PATH_BYTES = 4096 }; /* PATH_MAX of Linux */

/* ---- judging the words ---- */

static bool take_name(struct cli *c, char *out, const char *what, const char *text)
{
    if (key_name_is_valid(bytes_of_text(text))) {
        memcpy(out, text, strlen(text) + 1);
        return true;
    }
    struct why why;
    char quoted[CLI_QUOTE_BYTES];
    enum rc rc =
        why_set(&why, RC_INVALID, "%s %s: a name is 1 to %d letters a-z, digits and hyphens", what,
                cli_quote(quoted, text), (int)KEY_NAME_BYTES_MAX);
    cli_fail(c, rc, &why);
    return false;
}

static bool take_address(struct cli *c, char *out, const char *option)
{
    const char *text = cli_value(c, option);
    if (key_address_is_valid(bytes_of_text(text))) {
        memcpy(out, text, strlen(text) + 1);
        return true;
    }
    struct why why;
    char quoted[CLI_QUOTE_BYTES];
    enum rc rc =
        why_set(&why, RC_INVALID, "--%s %s: an address is HOST:PORT, for example 192.0.2.7:7101",
                option, cli_quote(quoted, text));
    cli_fail(c, rc, &why);
    return false;
}

/* Options that need each other. False = refused, and said so. */
static bool judge_options(struct cli *c)
{
    bool is_replica = cli_has(c, "replica");
    if (is_replica && (!cli_has(c, "peer") || !cli_has(c, "client"))) {
        cli_usage(c, "--replica needs --peer HOST:PORT and --client HOST:PORT");
        return false;
    }
    if (!is_replica && (cli_has(c, "peer") || cli_has(c, "client"))) {
        cli_usage(c, "--peer and --client belong to replicas: add --replica");
        return false;
    }
    if (cli_has(c, "passphrase") && cli_has(c, "passphrase-file")) {
        cli_usage(c, "--passphrase asks at the terminal; --passphrase-file does not: use one");
        return false;
    }
    return true;
}

/* ---- answering ---- */

static enum cli_exit answer(struct cli *c, const struct key_public *public, const char *path,
                            bool is_protected)
{
    char hex[PUBLIC_KEY_HEX_BYTES];
    public_key_to_hex(hex, &public->sign_public);
    bool is_replica = public->kind == KEY_REPLICA;
    char public_path[PATH_BYTES];
    snprintf(public_path, sizeof public_path, "%s.pub", path);
    if (c->json) {
        json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", public->name, "network",
                                public->network, "kind", is_replica ? "replica" : "participant",
                                "public_key", hex, "protected", is_protected);
        render_set_text(out, "secret_file", bytes_of_text(path));
        render_set_text(out, "public_file", bytes_of_text(public_path));
        return cli_answer(c, out);
    }
    char quoted[CLI_QUOTE_BYTES];
    cli_line("public key", "%s", hex);
    cli_line("secret file", "%s (keep it; %s)", cli_quote(quoted, path),
             is_protected ? "it opens with its passphrase only"
                          : "not encrypted: whoever reads it can sign");
    cli_line("public file", "%s (give it to the others)", cli_quote(quoted, public_path));
    printf("next: when all public files are together, run\n"
           "  hansa genesis init --chain %s --out genesis.json --%s %s ...\n",
           public->network, is_replica ? "member" : "participant", cli_quote(quoted, public_path));
    if (!is_replica)
        printf("or, when it is a further key of a participant of a chain there is, with its other "
               "key\n"
               "  hansa sign key-add --new-key %s --key FILE --genesis FILE --nonce N --out FILE\n",
               cli_quote(quoted, path));
    return CLI_DONE;
}

static enum rc make(struct key_public *public, const char *path, const char *passphrase,
                    struct why *why)
{
    struct key key;
    key_make(&key, public, NULL);
    *public = key.public;
    enum rc rc = keyfile_write(path, &key, passphrase, KEYFILE_COST_MODERATE, why);
    key_close(&key);
    return rc;
}

static enum cli_exit refuse_made(struct cli *c, enum rc rc, const char *path, struct why *why)
{
    rc = cli_why_path(why, rc, path);
    struct why cause = *why;
    const char *slash = strrchr(path, '/');
    char directory[PATH_BYTES];
    snprintf(directory, sizeof directory, "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
    if (rc == RC_FILE_IO && directory[0] != '\0' && access(directory, F_OK) != 0)
        rc = why_set(why, rc, "%.560s: make that directory first", cause.text);
    return cli_fail(c, rc, why);
}

static enum cli_exit run(struct cli *c)
{
    struct key_public public = {.kind = cli_has(c, "replica") ? KEY_REPLICA : KEY_PARTICIPANT};
    if (!judge_options(c))
        return CLI_USAGE;
    if (!take_name(c, public.name, "name", cli_argument(c, 0)) ||
        !take_name(c, public.network, "--network", cli_value(c, "network")))
        return CLI_BAD_INPUT;
    if (public.kind == KEY_REPLICA && (!take_address(c, public.peer_address, "peer") ||
                                       !take_address(c, public.client_address, "client")))
        return CLI_BAD_INPUT;
    char default_path[KEY_NAME_BYTES_MAX + sizeof ".key"];
    snprintf(default_path, sizeof default_path, "%s.key", public.name);
    const char *path = cli_has(c, "out") ? cli_value(c, "out") : default_path;
    if (path[0] == '\0' || strlen(path) + sizeof ".pub" > PATH_BYTES)
        return cli_usage(c, "--out must name a file, in less than %d bytes", PATH_BYTES - 4);
    struct why why = {""};
    struct key_passphrase passphrase = {""};
    enum rc rc = RC_OK;
    if (cli_has(c, "passphrase-file"))
        rc = passphrase_from_file(&passphrase, cli_value(c, "passphrase-file"), &why);
    else if (cli_has(c, "passphrase"))
        rc = passphrase_ask(&passphrase, path, true, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    bool is_protected = passphrase.text[0] != '\0';
    rc = make(&public, path, passphrase.text, &why);
    key_passphrase_close(&passphrase);
    if (rc != RC_OK)
        return refuse_made(c, rc, path, &why);
    return answer(c, &public, path, is_protected);
}

static const struct cli_argument arguments[] = {
    {"NAME", CLI_REQUIRED, "whose key it is: 1 to 32 of a-z, 0-9 and -"}, {0}};

static const struct cli_option options[] = {
    {"network", "CHAIN", CLI_REQUIRED, "the chain's name, as in its genesis file"},
    {"replica", NULL, CLI_OPTIONAL, "a member's key (signing and link); else a participant's"},
    {"peer", "HOST:PORT", CLI_OPTIONAL, "where the other replicas reach this one"},
    {"client", "HOST:PORT", CLI_OPTIONAL, "where clients reach this replica"},
    {"out", "FILE", CLI_OPTIONAL, "the secret file; default NAME.key"},
    {"passphrase", NULL, CLI_OPTIONAL, "ask at the terminal, and encrypt the file"},
    {"passphrase-file", "FILE", CLI_OPTIONAL, "encrypt with the line in FILE (mode 0600)"},
    {0}};

const struct command cmd_keygen = {
    .words = "keygen",
    .summary = "make a key: a secret file and its public twin FILE.pub",
    .arguments = arguments,
    .options = options,
    .text = "`hansa keygen alpha` makes alpha.key, which is secret and has mode 0600, and\n"
            "alpha.key.pub, which others get. Existing files are never overwritten.",
    .example = "hansa keygen alice --network demo\n"
               "hansa keygen alpha --network demo --replica --peer 192.0.2.7:7101 \\\n"
               "    --client 192.0.2.7:7201 --passphrase",
    .exits = "0 made; 3 a bad name, address or passphrase; 5 the file exists, or cannot be "
             "written",
    .run = run,
};
