/* `hansa genesis init`: a genesis file from public key files, or one with keys for a local trial.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "genesis/genesis.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/genesis_draft.h"
#include "tools/hansa/render.h"

enum { PATH_BYTES = 4096, PEER_PORT_FIRST = 7100, CLIENT_PORT_FIRST = 7200 };
_Static_assert(PEER_PORT_FIRST + MEMBERS_MAX <= CLIENT_PORT_FIRST, "no port is used twice");

/* ---- a local trial: keys made here ---- */

/* What was made so far, so that a failure leaves nothing behind. */
struct local {
    char dir[PATH_BYTES - 64]; /* with room for a name */
    bool made_dir;
    char out_dir[PATH_BYTES]; /* of the genesis file */
    bool made_out_dir;
    uint32_t keys_count;
    char paths[MEMBERS_MAX + 1][PATH_BYTES];
};

static void local_undo(struct local *l)
{
    for (uint32_t i = 0; i < l->keys_count; i++) {
        char public_path[PATH_BYTES + 8];
        snprintf(public_path, sizeof public_path, "%s.pub", l->paths[i]);
        unlink(public_path);
        unlink(l->paths[i]);
    }
    if (l->made_dir)
        rmdir(l->dir);
    if (l->made_out_dir)
        rmdir(l->out_dir);
}

/* One level, as people mean it who write demo/genesis.json; more could be a slip. */
static enum rc make_dir(bool *made, const char *path, mode_t mode, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    *made = mkdir(path, mode) == 0;
    if (*made || errno == EEXIST)
        return RC_OK;
    return why_set(why, RC_FILE_IO, "%s: cannot be made: %s%s", cli_quote(quoted, path),
                   strerror(errno),
                   errno == ENOENT ? ": make the directory that is to hold it first" : "");
}

static enum rc local_out_dir(struct local *l, const char *out, struct why *why)
{
    const char *slash = strrchr(out, '/');
    if (slash == NULL || slash == out)
        return RC_OK;
    if ((size_t)(slash - out) >= sizeof l->out_dir)
        return why_set(why, RC_INVALID, "--out must be less than %zu bytes long",
                       sizeof l->out_dir);
    snprintf(l->out_dir, sizeof l->out_dir, "%.*s", (int)(slash - out), out);
    return make_dir(&l->made_out_dir, l->out_dir, 0777, why);
}

/* --keys-dir, or "keys" beside the genesis file. */
static enum rc local_dir(struct local *l, struct cli *c, struct why *why)
{
    const char *out = cli_value(c, "out");
    const char *slash = strrchr(out, '/');
    int size;
    if (cli_has(c, "keys-dir"))
        size = snprintf(l->dir, sizeof l->dir, "%s", cli_value(c, "keys-dir"));
    else
        size = snprintf(l->dir, sizeof l->dir, "%.*skeys", slash ? (int)(slash - out + 1) : 0, out);
    if (size <= 0 || (size_t)size >= sizeof l->dir)
        return why_set(why, RC_INVALID, "--keys-dir must be 1 to %zu bytes long",
                       sizeof l->dir - 1);
    return make_dir(&l->made_dir, l->dir, 0700, why);
}

static enum rc local_key(struct local *l, struct key_public *public, struct why *why)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s.key", l->dir, public->name);
    struct key key;
    key_make(&key, public, NULL);
    *public = key.public;
    enum rc rc = keyfile_write(path, &key, NULL, KEYFILE_COST_MODERATE, why);
    key_close(&key);
    if (rc == RC_OK) {
        memcpy(l->paths[l->keys_count++], path, sizeof path);
        return RC_OK;
    }
    rc = cli_why_path(why, rc, path);
    struct why cause = *why;
    if (rc == RC_FILE_EXISTS)
        rc = why_set(why, rc,
                     "%.400s; or, for another trial chain beside this one, give "
                     "--keys-dir DIR",
                     cause.text);
    return rc;
}

static enum rc local_make(struct local *l, json_t *draft, struct cli *c, uint32_t members_count,
                          struct why *why)
{
    const char *chain = cli_value(c, "chain");
    enum rc rc = local_out_dir(l, cli_value(c, "out"), why);
    if (rc == RC_OK)
        rc = local_dir(l, c, why);
    for (uint32_t i = 0; i < members_count && rc == RC_OK; i++) {
        struct key_public member = {.kind = KEY_REPLICA};
        snprintf(member.network, sizeof member.network, "%s", chain);
        snprintf(member.name, sizeof member.name, "member-%u", (unsigned)i);
        snprintf(member.peer_address, sizeof member.peer_address, "127.0.0.1:%u",
                 (unsigned)(PEER_PORT_FIRST + i));
        snprintf(member.client_address, sizeof member.client_address, "127.0.0.1:%u",
                 (unsigned)(CLIENT_PORT_FIRST + i));
        rc = local_key(l, &member, why);
        if (rc == RC_OK)
            rc = draft_add_member(draft, &member, l->paths[i], why);
    }
    if (rc != RC_OK)
        return rc;
    struct key_public governor = {.kind = KEY_PARTICIPANT, .name = "governor"};
    snprintf(governor.network, sizeof governor.network, "%s", chain);
    rc = local_key(l, &governor, why);
    if (rc == RC_OK)
        rc = draft_add_participant(draft, &governor, l->paths[members_count], why);
    return rc == RC_OK ? draft_set_governor(draft, governor.name, why) : rc;
}

/* ---- from public files ---- */

typedef enum rc add_public(json_t *draft, const struct key_public *public, const char *path,
                           struct why *why);

static enum rc add_files(json_t *draft, struct cli *c, const char *option, add_public *add,
                         struct why *why)
{
    for (size_t i = 0; i < cli_values_count(c, option); i++) {
        const char *path = cli_value_at(c, option, i);
        struct key_public public;
        char quoted[CLI_QUOTE_BYTES], twin[CLI_QUOTE_BYTES], twin_path[PATH_BYTES];
        if (file_is_secret_key(path)) {
            snprintf(twin_path, sizeof twin_path, "%s.pub", path);
            return why_set(why, RC_INVALID,
                           "%s: this is a secret key file, which its owner keeps: give the public "
                           "one beside it, %s",
                           cli_quote(quoted, path), cli_quote(twin, twin_path));
        }
        enum rc rc = file_read_public_key(&public, path, why);
        if (rc == RC_OK)
            rc = add(draft, &public, path, why);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static enum rc add_governors(json_t *draft, struct cli *c, struct why *why)
{
    enum rc rc = RC_OK;
    for (size_t i = 0; i < cli_values_count(c, "governor") && rc == RC_OK; i++)
        rc = draft_set_governor(draft, cli_value_at(c, "governor", i), why);
    return rc;
}

/* ---- the file ---- */

static enum rc write_genesis(json_t *draft, const char *path, struct digest *chain_id,
                             struct why *why)
{
    char *text = json_dumps(draft, JSON_COMPACT);
    struct genesis g;
    enum rc rc = genesis_from_json(&g, bytes_of_text(text), why);
    free(text);
    if (rc != RC_OK)
        return rc;
    char *json = genesis_to_json(&g);
    rc = file_write_new(path, bytes_of_text(json), why);
    *chain_id = g.chain_id;
    mem_free(json);
    genesis_close(&g);
    return rc;
}

static enum cli_exit answer(struct cli *c, const json_t *draft, const struct digest *chain_id,
                            const struct local *local)
{
    const char *path = cli_value(c, "out");
    if (c->json) {
        json_t *out = json_pack("{s:s, s:i}", "chain", cli_value(c, "chain"), "members_count",
                                (int)json_array_size(json_object_get(draft, "members")));
        render_set_digest(out, "chain_id", chain_id);
        render_set_text(out, "genesis_file", bytes_of_text(path));
        json_t *keys = json_array();
        for (uint32_t i = 0; i < local->keys_count; i++)
            json_array_append_new(keys, cli_json_text(bytes_of_text(local->paths[i])));
        json_object_set_new(out, "key_files", keys);
        return cli_answer(c, out);
    }
    char hex[DIGEST_HEX_BYTES];
    char quoted[CLI_QUOTE_BYTES];
    digest_to_hex(hex, chain_id);
    cli_line("chain", "%s", cli_value(c, "chain"));
    cli_line("chain id", "%s", hex);
    cli_line("genesis file", "%s", cli_quote(quoted, path));
    if (local->keys_count > 0)
        cli_line("key files", "%u in %s (not encrypted: for trials on one machine)",
                 (unsigned)local->keys_count, cli_quote(quoted, local->dir));
    printf("next: hansa genesis show %s, and compare the chain id with the other members\n",
           cli_quote(quoted, path));
    return CLI_DONE;
}

static enum cli_exit make(struct cli *c, json_t *draft, struct local *local, uint32_t members_count)
{
    enum cli_exit code = draft_add_options(draft, c);
    if (code != CLI_DONE)
        return code;
    struct why why = {""};
    enum rc rc = RC_OK;
    if (members_count > 0)
        rc = local_make(local, draft, c, members_count, &why);
    if (rc == RC_OK)
        rc = add_files(draft, c, "member", draft_add_member, &why);
    if (rc == RC_OK)
        rc = add_files(draft, c, "participant", draft_add_participant, &why);
    if (rc == RC_OK)
        rc = add_governors(draft, c, &why);
    struct digest chain_id;
    if (rc == RC_OK)
        rc = write_genesis(draft, cli_value(c, "out"), &chain_id, &why);
    if (rc == RC_OK)
        return answer(c, draft, &chain_id, local);
    local_undo(local);
    return cli_fail(c, rc, &why);
}

static enum cli_exit run(struct cli *c)
{
    struct why why;
    char quoted[CLI_QUOTE_BYTES];
    const char *chain = cli_value(c, "chain");
    uint64_t members_count = 0;
    if (cli_has(c, "members") == cli_has(c, "member"))
        return cli_usage(c, "give either --members N, which makes keys for a trial, or a --member "
                            "FILE.pub of each member");
    if (!cli_number(c, "members", MEMBERS_MIN, MEMBERS_MAX, &members_count))
        return CLI_USAGE;
    if (members_count == 0 && cli_has(c, "keys-dir"))
        return cli_usage(c, "--keys-dir belongs to --members N");
    if (!key_name_is_valid(bytes_of_text(chain)))
        return cli_fail(c,
                        why_set(&why, RC_INVALID,
                                "--chain %s: a name is 1 to %d letters a-z, digits and hyphens",
                                cli_quote(quoted, chain), (int)KEY_NAME_BYTES_MAX),
                        &why);
    /* Looked at here only to refuse before keys are made; writing refuses again. */
    const char *path = cli_value(c, "out");
    if (access(path, F_OK) == 0)
        return cli_fail(c,
                        why_set(&why, RC_FILE_EXISTS, "%s: %s", cli_quote(quoted, path),
                                rc_text(RC_FILE_EXISTS)),
                        &why);
    struct local *local = mem_alloc(sizeof *local);
    json_t *draft = draft_new(chain);
    enum cli_exit code = make(c, draft, local, (uint32_t)members_count);
    json_decref(draft);
    mem_free(local);
    return code;
}

static const struct cli_option options[] = {
    {"chain", "NAME", CLI_REQUIRED, "the chain's name: 1 to 32 of a-z, 0-9 and -"},
    {"out", "FILE", CLI_REQUIRED, "the genesis file to make"},
    {"members", "N", CLI_OPTIONAL, "make N members' keys and a governor's, on loopback ports"},
    {"keys-dir", "DIR", CLI_OPTIONAL, "where to put them; default `keys` beside the genesis file"},
    {"member", "FILE.pub", CLI_REPEATED, "a member's public file (alpha.key.pub), in their order"},
    {"participant", "FILE.pub", CLI_REPEATED, "a participant's; several of one name are its keys"},
    {"governor", "NAME", CLI_REPEATED, "this participant gets the role governor"},
    {"asset", "CODE:DECIMALS:ISSUER", CLI_REPEATED, "an asset"},
    {"balance", "ACCOUNT=AMOUNT:ASSET", CLI_REPEATED, "an opening balance"},
    {"parameter", "NAME=VALUE", CLI_REPEATED, "a protocol parameter other than its default"},
    {"reads", "WHO", CLI_OPTIONAL, "open (default) or participants"},
    {0}};

const struct command cmd_genesis_init = {
    .words = "genesis init",
    .summary = "make a genesis file, from public key files or with keys for a trial",
    .options = options,
    .text = "Members exchange public files only; whoever runs this on the same files in the same\n"
            "order of members gets the same chain id. Existing files are never overwritten.\n"
            "FILE.pub is what hansa keygen made for others, such as alpha.key.pub. --members N\n"
            "makes the directory of FILE, if it is missing; for a second trial chain beside a\n"
            "first one give --keys-dir.",
    .example = "hansa genesis init --chain demo --out demo/genesis.json --members 4 \\\n"
               "    --asset CZK:2:governor --balance governor/main=1000.00:CZK\n"
               "hansa genesis init --chain demo --out genesis.json --member alpha.key.pub \\\n"
               "    --member beta.key.pub --member gamma.key.pub --member delta.key.pub \\\n"
               "    --participant bank.key.pub --governor bank --asset CZK:2:bank",
    .exits = "0 made; 3 a key file or a value is refused (the words name the field);\n"
             "4 --governor names nobody; 5 the file exists, or cannot be read or written",
    .run = run,
};
