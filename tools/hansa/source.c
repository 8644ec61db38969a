#include "tools/hansa/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/certified.h"
#include "tools/hansa/source_parts.h"

/* ---- opening ---- */

void source_of_dir(struct source *out, struct data_dir *d)
{
    *out = (struct source){
        .kind = &source_kind_dir, .genesis = &d->genesis, .layer = store_layer(d->store), .dir = d};
}

void source_of_nodes(struct source *out, struct nodes *nodes)
{
    *out = (struct source){.kind = &source_kind_node, .genesis = nodes->genesis};
    out->node = source_node_new(out, nodes);
}

static enum cli_exit open_dir(struct source *out, struct cli *c)
{
    struct why why = {""};
    if (cli_has(c, "node"))
        return cli_usage(c, "--dir reads a stopped node's directory, --node asks a running one: "
                            "give one of them");
    struct data_dir *d = mem_alloc(sizeof *d);
    enum rc rc = data_dir_open_asked(d, c, &why);
    if (rc != RC_OK) {
        mem_free(d);
        return cli_fail(c, rc, &why);
    }
    source_of_dir(out, d);
    out->is_own = true;
    return CLI_DONE;
}

enum cli_exit source_open_asked(struct source *out, struct cli *c)
{
    struct nodes nodes;
    if (cli_has(c, "dir"))
        return open_dir(out, c);
    if (nodes_genesis_path(c) == NULL)
        return cli_usage(c, "give --genesis FILE (or set HANSA_GENESIS) to ask a running node, or "
                            "--dir DIR to read a stopped node's data directory");
    enum cli_exit code = nodes_open_to_read(&nodes, c, NODES_READ_SECONDS);
    if (code == CLI_DONE)
        source_of_nodes(out, &nodes);
    return code;
}

void source_close(struct source *s)
{
    if (s->node != NULL)
        source_node_free(s);
    if (s->is_own) {
        data_dir_close(s->dir);
        mem_free(s->dir);
    }
    buf_free(&s->block_bytes);
}

/* ---- reading ---- */

enum rc source_state_rc(struct source *s, const char *what, struct why *why)
{
    enum rc rc = layer_rc(s->layer);
    if (rc == RC_OK)
        return RC_OK;
    const char *words = s->node != NULL ? source_node_words(s->node) : "";
    return why_set(why, rc, "%s cannot be read: %s", what, words[0] != '\0' ? words : rc_text(rc));
}

enum rc source_head(struct source *s, uint64_t *height, struct why *why)
{
    return s->kind->head(s, height, why);
}

uint64_t source_height(const struct source *s)
{
    return s->dir != NULL ? store_head(s->dir->store)->height : source_node_height(s->node);
}

enum rc source_list(struct source *s, enum state_table table, struct bytes prefix,
                    store_visit *visit, void *context, struct why *why)
{
    return s->kind->list(s, table, prefix, visit, context, why);
}

enum rc source_index(struct source *s, enum kv_table table, struct bytes key, struct bytes *value,
                     struct why *why)
{
    return s->kind->index(s, table, key, value, why);
}

enum rc source_place(struct source *s, const struct digest *txid, struct place *out,
                     struct why *why)
{
    return s->kind->place(s, txid, out, why);
}

/* What people list often stands together in one block. */
enum rc source_block(struct source *s, uint64_t height, struct why *why)
{
    if (height > 0 && s->block_height == height)
        return RC_OK;
    s->block_height = 0;
    enum rc rc = s->kind->block(s, height, &s->block_bytes, &s->block, why);
    if (rc == RC_OK)
        s->block_height = height;
    return rc;
}

enum rc source_receipt(struct source *s, const struct digest *txid, const struct place *place,
                       struct buf *out, struct why *why)
{
    return s->kind->receipt(s, txid, place, out, why);
}

enum rc source_proof(struct source *s, enum state_table table, struct bytes key, struct buf *out,
                     struct why *why)
{
    return s->kind->proof(s, table, key, out, why);
}

/* ---- words ---- */

static const char *name_of(char out[static SOURCE_NAME_BYTES], const struct source *s,
                           uint32_t node)
{
    char name[NODES_NAME_BYTES];
    if (s->dir != NULL)
        snprintf(out, SOURCE_NAME_BYTES, "this directory");
    else if (node == MEMBERS_MAX)
        snprintf(out, SOURCE_NAME_BYTES, "no node");
    else
        snprintf(out, SOURCE_NAME_BYTES, "node %s",
                 nodes_name(name, source_node_nodes(s->node), node));
    return out;
}

const char *source_name(char out[static SOURCE_NAME_BYTES], const struct source *s)
{
    return name_of(out, s, s->node != NULL ? source_node_pinned(s->node) : MEMBERS_MAX);
}

/* Who is silent is in the words already, and a file here is no node's fault. */
static bool is_of_node(const struct source *s, enum rc rc)
{
    return s->node != NULL && source_node_pinned(s->node) < MEMBERS_MAX && rc != RC_TIMEOUT &&
           rc != RC_FILE_IO && rc != RC_FILE_EXISTS && rc != RC_DISK_FULL;
}

const char *source_audit_words(const struct source *s)
{
    return s->dir != NULL ? "this directory" : "that node's directory, and ask another node";
}

void source_print_standing(const struct source *s)
{
    char name[SOURCE_NAME_BYTES];
    if (s->dir != NULL) {
        certified_print(&s->dir->certified);
        return;
    }
    cli_line("certified", "no: it is the word of %s", source_name(name, s));
}

void source_standing_to_json(json_t *object, const struct source *s)
{
    char name[SOURCE_NAME_BYTES], reason[SOURCE_NAME_BYTES + 32];
    if (s->dir != NULL) {
        certified_to_json(object, &s->dir->certified);
        return;
    }
    uint32_t pinned = source_node_pinned(s->node);
    snprintf(reason, sizeof reason, "it is the word of %s", source_name(name, s));
    json_object_set_new(object, "certified", json_false());
    json_object_set_new(object, "not_certified_because", json_string(reason));
    if (pinned < MEMBERS_MAX)
        json_object_set_new(object, "node",
                            json_string(nodes_member_name(source_node_nodes(s->node), pinned)));
}

enum cli_exit source_fail(struct cli *c, const struct source *s, enum rc rc, struct why *why)
{
    char name[SOURCE_NAME_BYTES];
    if (is_of_node(s, rc))
        rc = why_within(why, rc, "%s", name_of(name, s, source_node_last(s->node)));
    return cli_fail(c, rc, why);
}
