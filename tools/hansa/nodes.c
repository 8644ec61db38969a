/* Which nodes a command talks to: from the command line and the environment to addresses. */
#include "tools/hansa/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/base/check.h"
#include "net/dial.h"
#include "net/loop.h"
#include "tools/hansa/files.h"

/* ---- one name ---- */

static uint32_t member_by_address(const struct genesis *g, const char *address)
{
    for (uint32_t i = 0; i < g->members_count; i++) {
        if (strcasecmp(g->members[i].client_address, address) == 0)
            return i;
    }
    return MEMBERS_MAX;
}

/* A name may be all digits, so it goes first. */
static uint32_t member_by_word(const struct genesis *g, const char *word)
{
    uint64_t index;
    uint32_t member = genesis_member_by_name(g, word);
    if (member < MEMBERS_MAX)
        return member;
    if (cli_parse_number(word, 0, g->members_count - 1, &index))
        return (uint32_t)index;
    return member_by_address(g, word);
}

static enum rc refuse_name(const struct genesis *g, const char *text, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    const char *names[MEMBERS_MAX];
    for (uint32_t i = 0; i < g->members_count; i++)
        names[i] = g->members[i].name;
    const char *nearest = cli_nearest(text, names, g->members_count);
    if (nearest != NULL)
        return why_set(why, RC_INVALID, "there is no member %s in the genesis; did you mean '%s'?",
                       cli_quote(quoted, text), nearest);
    if (strchr(text, ':') != NULL && strchr(text, '@') == NULL)
        return why_set(why, RC_INVALID,
                       "%s is no member's client address in the genesis: for a member that is "
                       "reached elsewhere write NAME@HOST:PORT",
                       cli_quote(quoted, text));
    return why_set(why, RC_INVALID,
                   "%s is no member: give a name, an index from 0 to %u, a client address of the "
                   "genesis (hansa genesis show lists them), or NAME@HOST:PORT",
                   cli_quote(quoted, text), (unsigned)g->members_count - 1);
}

/* "alpha@10.0.0.7:7201": the member's key, at another address than the genesis gives. */
static bool split_at(char word[static KEY_NAME_BYTES_MAX + 1], const char **address,
                     const char *text)
{
    const char *at = strchr(text, '@');
    if (at == NULL || at == text || at - text > KEY_NAME_BYTES_MAX)
        return false;
    snprintf(word, KEY_NAME_BYTES_MAX + 1, "%.*s", (int)(at - text), text);
    *address = at + 1;
    return key_address_is_valid(bytes_of_text(*address));
}

static enum rc parse_node(struct node *out, const struct genesis *g, const char *text,
                          struct why *why)
{
    char word[KEY_NAME_BYTES_MAX + 1];
    const char *address = NULL;
    memset(out, 0, sizeof *out);
    out->member_index = split_at(word, &address, text) ? member_by_word(g, word) : MEMBERS_MAX;
    if (address == NULL || out->member_index == MEMBERS_MAX)
        out->member_index = member_by_word(g, text);
    if (out->member_index == MEMBERS_MAX)
        return refuse_name(g, text, why);
    if (address == NULL)
        address = g->members[out->member_index].client_address;
    snprintf(out->address, sizeof out->address, "%s", address);
    return RC_OK;
}

/* ---- opening ---- */

static void add(struct nodes *n, const struct node *node)
{
    for (uint32_t i = 0; i < n->count; i++) {
        if (n->items[i].member_index == node->member_index &&
            strcasecmp(n->items[i].address, node->address) == 0)
            return;
    }
    CHECK(n->count < MEMBERS_MAX);
    n->items[n->count++] = *node;
}

enum rc nodes_open(struct nodes *out, const struct genesis *genesis, const char *const *names,
                   size_t names_count, uint32_t timeout_ms, struct why *why)
{
    memset(out, 0, sizeof *out);
    out->genesis = genesis;
    out->timeout_ms = timeout_ms;
    nodes_restart(out);
    if (names_count > MEMBERS_MAX)
        return why_set(why, RC_INVALID, "%zu nodes are named: at most %d may be", names_count,
                       (int)MEMBERS_MAX);
    for (size_t i = 0; i < names_count; i++) {
        struct node node;
        enum rc rc = parse_node(&node, genesis, names[i], why);
        if (rc != RC_OK)
            return rc;
        add(out, &node);
    }
    for (uint32_t i = 0; i < genesis->members_count && names_count == 0; i++) {
        struct node node = {.member_index = i};
        snprintf(node.address, sizeof node.address, "%s", genesis->members[i].client_address);
        add(out, &node);
    }
    return RC_OK;
}

void nodes_close(struct nodes *n)
{
    for (uint32_t i = 0; i < n->count; i++) {
        if (n->items[i].dial != NULL)
            dial_close(n->items[i].dial);
    }
    n->count = 0;
    if (n->opened_key != NULL)
        key_close(n->opened_key);
    mem_free(n->opened_key);
    n->opened_key = NULL;
    n->reader = NULL;
    if (n->opened == NULL)
        return;
    genesis_close(n->opened);
    mem_free(n->opened);
    n->opened = NULL;
}

void nodes_restart(struct nodes *n)
{
    n->deadline_ms = loop_now_ms() + n->timeout_ms;
}

uint32_t nodes_left_ms(const struct nodes *n)
{
    uint64_t now_ms = loop_now_ms();
    return now_ms >= n->deadline_ms ? 0 : (uint32_t)(n->deadline_ms - now_ms);
}

const char *nodes_name(char out[static NODES_NAME_BYTES], const struct nodes *n, uint32_t index)
{
    snprintf(out, NODES_NAME_BYTES, "%s (%s)", nodes_member_name(n, index),
             n->items[index].address);
    return out;
}

const char *nodes_member_name(const struct nodes *n, uint32_t index)
{
    CHECK(index < n->count);
    return n->genesis->members[n->items[index].member_index].name;
}

/* ---- the command line and the environment ---- */

const char *nodes_genesis_path(const struct cli *c)
{
    const char *path = cli_value(c, "genesis");
    if (path == NULL)
        path = getenv("HANSA_GENESIS");
    return path != NULL && path[0] != '\0' ? path : NULL;
}

/* What is named, in their order; lends from the command line or from *room, which the caller frees
 * with mem_free(). At most MEMBERS_MAX + 1: nodes_open() refuses that many. */
static size_t list_names(const char *names[static MEMBERS_MAX + 1], char **room,
                         const struct cli *c, bool with_environment)
{
    size_t count = 0;
    for (size_t i = 0; i < cli_values_count(c, "node") && count <= MEMBERS_MAX; i++)
        names[count++] = cli_value_at(c, "node", i);
    const char *listed = with_environment ? getenv("HANSA_NODE") : NULL;
    if (count > 0 || listed == NULL)
        return count;
    size_t size = strlen(listed) + 1;
    *room = mem_alloc(size);
    memcpy(*room, listed, size);
    char *rest = *room;
    while (rest != NULL && count <= MEMBERS_MAX) {
        char *name = strsep(&rest, ",");
        if (name[0] != '\0')
            names[count++] = name;
    }
    return count;
}

static enum rc open_named(struct nodes *out, const struct cli *c, const struct genesis *g,
                          uint64_t seconds, bool with_environment, struct why *why)
{
    const char *names[MEMBERS_MAX + 1];
    char *room = NULL;
    size_t count = list_names(names, &room, c, with_environment);
    enum rc rc = nodes_open(out, g, names, count, (uint32_t)(seconds * 1000), why);
    mem_free(room);
    return rc;
}

static enum cli_exit open_asked(struct nodes *out, struct cli *c, uint32_t seconds,
                                bool with_environment)
{
    struct why why = {""};
    uint64_t timeout_s = seconds;
    const char *said = getenv("HANSA_TIMEOUT");
    if (!cli_has(c, "timeout") && said != NULL && said[0] != '\0' &&
        !cli_number_of(c, "HANSA_TIMEOUT", said, 1, NODES_SECONDS_MAX, &timeout_s))
        return CLI_USAGE;
    if (!cli_number(c, "timeout", 1, NODES_SECONDS_MAX, &timeout_s))
        return CLI_USAGE;
    const char *path = nodes_genesis_path(c);
    if (path == NULL)
        return cli_usage(c, "--genesis FILE is missing, and HANSA_GENESIS is not set: the genesis "
                            "file says who the nodes are");
    struct genesis *g = mem_alloc(sizeof *g);
    enum rc rc = file_read_genesis(g, path, &why);
    if (rc != RC_OK) {
        mem_free(g);
        return cli_fail(c, rc, &why);
    }
    rc = open_named(out, c, g, timeout_s, with_environment, &why);
    out->opened = g;
    if (rc == RC_OK)
        return CLI_DONE;
    nodes_close(out);
    return cli_fail(c, rc, &why);
}

enum cli_exit nodes_open_asked(struct nodes *out, struct cli *c, uint32_t seconds)
{
    return open_asked(out, c, seconds, true);
}

enum cli_exit nodes_open_all_asked(struct nodes *out, struct cli *c, uint32_t seconds)
{
    return open_asked(out, c, seconds, false);
}
