/* A sandbox's files: keys, genesis, configurations. */
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tools/hansa/files.h"
#include "tools/hansa/genesis_draft.h"
#include "tools/hansa/sandbox.h"

enum { PORTS_MAX = 2 * MEMBERS_MAX };

static const char *const member_names[] = {"alpha", "beta", "gamma", "delta"};
enum { MEMBER_NAMES = sizeof member_names / sizeof member_names[0] };
static const char *const default_participants[] = {"bank", "alice", "bob"};

/* ---- ports ---- */

/* Free ones of this moment: all are held until the last is known. */
static enum rc find_ports(uint16_t *out, uint32_t count, struct why *why)
{
    int sockets[PORTS_MAX];
    uint32_t held = 0;
    enum rc rc = RC_OK;
    CHECK(count <= PORTS_MAX);
    for (; held < count && rc == RC_OK; held++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof at;
        sockets[held] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (sockets[held] < 0 || bind(sockets[held], (struct sockaddr *)&at, sizeof at) != 0 ||
            getsockname(sockets[held], (struct sockaddr *)&at, &size) != 0)
            rc = why_set(why, RC_FILE_IO, "no free port on 127.0.0.1: %s", strerror(errno));
        out[held] = ntohs(at.sin_port);
    }
    while (held > 0)
        close(sockets[--held]);
    return rc;
}

static enum cli_exit take_ports(uint16_t *out, uint32_t count, struct cli *c)
{
    uint64_t first = 0;
    struct why why = {""};
    if (!cli_number(c, "port", 1, UINT16_MAX - count + 1, &first))
        return CLI_USAGE;
    for (uint32_t i = 0; i < count && first != 0; i++)
        out[i] = (uint16_t)(first + i);
    enum rc rc = first != 0 ? RC_OK : find_ports(out, count, &why);
    return rc == RC_OK ? CLI_DONE : cli_fail(c, rc, &why);
}

/* ---- files ---- */

static enum rc make_dir(const char *path, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return RC_OK;
    return why_set(why, RC_FILE_IO, "%s: cannot be made: %s", cli_quote(quoted, path),
                   strerror(errno));
}

static enum rc make_key(const struct sandbox *s, struct key_public *public, char *path,
                        struct why *why)
{
    struct key key;
    snprintf(path, PATH_MAX, "%s/keys/%s.key", s->dir, public->name);
    key_make(&key, public, NULL);
    *public = key.public;
    enum rc rc = keyfile_write(path, &key, NULL, KEYFILE_COST_MODERATE, why);
    key_close(&key);
    return rc == RC_OK ? rc : cli_why_path(why, rc, path);
}

static enum rc make_member(const struct sandbox *s, json_t *draft, uint32_t index,
                           const uint16_t *ports, struct why *why)
{
    char path[PATH_MAX];
    struct key_public public = {.kind = KEY_REPLICA, .network = "sandbox"};
    if (index < MEMBER_NAMES)
        snprintf(public.name, sizeof public.name, "%s", member_names[index]);
    else
        snprintf(public.name, sizeof public.name, "member-%" PRIu32, index);
    snprintf(public.peer_address, sizeof public.peer_address, "127.0.0.1:%u",
             (unsigned)ports[2 * index]);
    snprintf(public.client_address, sizeof public.client_address, "127.0.0.1:%u",
             (unsigned)ports[2 * index + 1]);
    enum rc rc = make_key(s, &public, path, why);
    return rc == RC_OK ? draft_add_member(draft, &public, path, why) : rc;
}

static enum rc make_participant(const struct sandbox *s, json_t *draft, const char *name,
                                struct why *why)
{
    char path[PATH_MAX], quoted[CLI_QUOTE_BYTES];
    struct key_public public = {.kind = KEY_PARTICIPANT, .network = "sandbox"};
    if (!key_name_is_valid(bytes_of_text(name)))
        return why_set(why, RC_INVALID,
                       "--participant %s: a name is 1 to %d letters a-z, digits and hyphens",
                       cli_quote(quoted, name), (int)KEY_NAME_BYTES_MAX);
    snprintf(public.name, sizeof public.name, "%s", name);
    enum rc rc = make_key(s, &public, path, why);
    return rc == RC_OK ? draft_add_participant(draft, &public, path, why) : rc;
}

/* bank issues CZK and has a million, alice and bob have a thousand each. */
static enum rc make_defaults(const struct sandbox *s, json_t *draft, struct why *why)
{
    enum rc rc = RC_OK;
    for (size_t i = 0; i < 3 && rc == RC_OK; i++)
        rc = make_participant(s, draft, default_participants[i], why);
    if (rc != RC_OK)
        return rc;
    json_t *assets = json_pack("[{s:s, s:i, s:s}]", "code", "CZK", "decimals", 2, "issuer", "bank");
    json_t *balances =
        json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}, {s:s, s:s, s:s}]", "account", "bank/main",
                  "asset", "CZK", "amount", "1000000.00", "account", "alice/main", "asset", "CZK",
                  "amount", "1000.00", "account", "bob/main", "asset", "CZK", "amount", "1000.00");
    CHECK(json_object_set_new(draft, "assets", assets) == 0);
    CHECK(json_object_set_new(draft, "balances", balances) == 0);
    return draft_set_governor(draft, "bank", why);
}

static enum rc make_keys(const struct sandbox *s, json_t *draft, struct cli *c,
                         const uint16_t *ports, struct why *why)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/keys", s->dir);
    enum rc rc = make_dir(path, why);
    for (uint32_t i = 0; i < s->nodes_count && rc == RC_OK; i++)
        rc = make_member(s, draft, i, ports, why);
    if (rc == RC_OK && !cli_has(c, "participant"))
        return make_defaults(s, draft, why);
    for (size_t i = 0; i < cli_values_count(c, "participant") && rc == RC_OK; i++)
        rc = make_participant(s, draft, cli_value_at(c, "participant", i), why);
    return rc == RC_OK ? draft_set_governor(draft, cli_value(c, "participant"), why) : rc;
}

static enum rc write_genesis(const struct sandbox *s, const json_t *draft, struct why *why)
{
    char path[PATH_MAX];
    struct genesis g;
    char *text = json_dumps(draft, JSON_COMPACT);
    enum rc rc = genesis_from_json(&g, bytes_of_text(text), why);
    free(text);
    if (rc != RC_OK)
        return rc;
    char *json = genesis_to_json(&g);
    snprintf(path, sizeof path, "%s/genesis.json", s->dir);
    rc = file_write_new(path, bytes_of_text(json), why);
    mem_free(json);
    genesis_close(&g);
    return rc;
}

/* All nodes share the cores of this machine, and its disk, which need not be empty. */
static enum rc write_config(const struct sandbox *s, const char *name, struct why *why)
{
    char path[PATH_MAX], text[512];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long threads = cores > (long)s->nodes_count ? cores / (long)s->nodes_count : 1;
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    enum rc rc = make_dir(path, why);
    if (rc != RC_OK)
        return rc;
    snprintf(path, sizeof path, "%s/%s/node.json", s->dir, name);
    snprintf(text, sizeof text,
             "{\n  \"hansad_config\": 1,\n  \"genesis\": \"../genesis.json\",\n"
             "  \"key\": \"../keys/%s.key\",\n  \"data\": \"data\",\n"
             "  \"verify_threads\": %ld,\n  \"disk_reserve_bytes\": 67108864,\n"
             "  \"backups\": true\n}\n",
             name, threads);
    return file_write_new(path, bytes_of_text(text), why);
}

/* ---- the whole ---- */

static enum cli_exit make_new(struct sandbox *s, struct cli *c)
{
    uint64_t count = 4;
    uint16_t ports[PORTS_MAX];
    struct why why = {""};
    if (!cli_number(c, "nodes", MEMBERS_MIN, MEMBERS_MAX, &count))
        return CLI_USAGE;
    s->nodes_count = (uint32_t)count;
    enum cli_exit code = take_ports(ports, 2 * s->nodes_count, c);
    if (code != CLI_DONE)
        return code;
    json_t *draft = draft_new("sandbox");
    enum rc rc = make_keys(s, draft, c, ports, &why);
    if (rc == RC_OK)
        code = draft_add_options(draft, c);
    if (rc == RC_OK && code == CLI_DONE)
        rc = write_genesis(s, draft, &why);
    json_decref(draft);
    return rc == RC_OK ? code : cli_fail(c, rc, &why);
}

enum cli_exit sandbox_make(struct sandbox *s, struct cli *c)
{
    char path[PATH_MAX];
    struct why why = {""};
    snprintf(path, sizeof path, "%s/genesis.json", s->dir);
    bool is_new = access(path, F_OK) != 0;
    enum cli_exit code = is_new ? make_new(s, c) : CLI_DONE;
    if (code != CLI_DONE)
        return code;
    enum rc rc = file_read_genesis(&s->genesis, path, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    s->nodes_count = s->genesis.members_count;
    for (uint32_t i = 0; i < s->nodes_count && is_new && rc == RC_OK; i++)
        rc = write_config(s, s->genesis.members[i].name, &why);
    if (rc == RC_OK)
        return CLI_DONE;
    genesis_close(&s->genesis);
    return cli_fail(c, rc, &why);
}

enum rc sandbox_find_hansad(struct sandbox *s, const char *asked, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    if (asked != NULL) {
        snprintf(s->hansad, sizeof s->hansad, "%s", asked);
    } else {
        ssize_t size = readlink("/proc/self/exe", s->hansad, sizeof s->hansad - sizeof "hansad");
        s->hansad[size > 0 ? size : 0] = '\0';
        char *slash = strrchr(s->hansad, '/');
        CHECK(slash != NULL);
        memcpy(slash + 1, "hansad", sizeof "hansad");
    }
    if (access(s->hansad, X_OK) == 0)
        return RC_OK;
    return why_set(why, RC_NOT_FOUND,
                   "%s: there is no program to run nodes with: build it, or give --hansad FILE",
                   cli_quote(quoted, s->hansad));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void sandbox_remove(const struct sandbox *s)
{
    nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
