/* Reading where only participants may: what is asked is signed by one (node/proto.h). */
#include <stdlib.h>

#include "crypto/base/check.h"
#include "net/dial.h"
#include "tools/hansa/nodes.h"
#include "tools/hansa/passphrase.h"

static bool asks_for_signature(const struct nodes *n, enum proto_type type)
{
    return n->genesis->reads != READS_OPEN && proto_is_signable(type);
}

const char *nodes_code_text(const struct nodes *n, enum proto_type type, enum proto_code code)
{
    if (code != PROTO_FORBIDDEN || !asks_for_signature(n, type))
        return proto_code_text(code);
    if (n->reader == NULL)
        return "only participants may read: name a participant's key with --key";
    return type == PROTO_BACKUP
               ? "it makes no backups, or the signing key is no active one of a participant"
               : "the signing key is no active key of a participant";
}

/* Each node is sent a signature of its own: it is bound to the session with that one. */
void nodes_send(const struct nodes *n, uint32_t index, struct bytes request)
{
    const struct node *node = &n->items[index];
    struct buf bytes = {0};
    CHECK(request.size >= 2); /* version, type */
    buf_add_bytes(&bytes, request);
    if (n->reader != NULL && asks_for_signature(n, (enum proto_type)request.data[1])) {
        const struct proto_session session = {.chain_id = &n->genesis->chain_id,
                                              .ephemeral = dial_session(node->dial),
                                              .node_link_key =
                                                  n->genesis->members[node->member_index].link_key};
        proto_sign_request(&bytes, &session, n->reader);
    }
    dial_send(node->dial, buf_bytes(&bytes));
    buf_free(&bytes);
}

void nodes_read_as(struct nodes *n, const struct sign_key *key)
{
    n->reader = key;
}

const char *nodes_key_path(const struct cli *c)
{
    const char *path = cli_value(c, "key");
    if (path == NULL)
        path = getenv("HANSA_KEY");
    return path != NULL && path[0] != '\0' ? path : NULL;
}

static enum cli_exit open_reader(struct nodes *n, struct cli *c)
{
    struct why why = {""};
    const char *path = nodes_key_path(c);
    if (path == NULL)
        return cli_usage(c, "only participants may read this chain, and --key FILE is missing, and "
                            "HANSA_KEY is not set: name a participant's secret key file");
    struct key *key = mem_alloc(sizeof *key);
    enum rc rc = key_open(key, path, cli_value(c, "passphrase-file"), n->genesis->chain, &why);
    if (rc != RC_OK) {
        mem_free(key);
        return cli_fail(c, rc, &why);
    }
    n->opened_key = key;
    nodes_read_as(n, &key->sign);
    nodes_restart(n); /* a passphrase takes its time */
    return CLI_DONE;
}

static enum cli_exit with_reader(struct nodes *out, struct cli *c, enum cli_exit code)
{
    if (code == CLI_DONE)
        out->is_for_reading = true;
    if (code != CLI_DONE || out->genesis->reads == READS_OPEN)
        return code;
    code = open_reader(out, c);
    if (code != CLI_DONE)
        nodes_close(out);
    return code;
}

enum cli_exit nodes_open_to_read(struct nodes *out, struct cli *c, uint32_t seconds)
{
    return with_reader(out, c, nodes_open_asked(out, c, seconds));
}

enum cli_exit nodes_open_all_to_read(struct nodes *out, struct cli *c, uint32_t seconds)
{
    return with_reader(out, c, nodes_open_all_asked(out, c, seconds));
}
