/* `hansa metrics`: what a node counts, in Prometheus' text format. */
#include <stdio.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/nodes.h"
#include "tools/hansa/render.h"

/* It goes to terminals and files as it is: text and newlines, nothing else. */
static bool is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '\n' && (text.data[i] < 0x20 || text.data[i] > 0x7e))
            return false;
    }
    return true;
}

static enum cli_exit answer(struct cli *c, const struct nodes *n, const struct nodes_answer *a)
{
    struct why why = {""};
    char name[NODES_NAME_BYTES];
    struct bytes text = a->reply.data;
    if (!is_plain(text))
        return cli_fail(c,
                        why_set(&why, RC_MALFORMED, "%s: what it says is no plain text",
                                nodes_name(name, n, a->node)),
                        &why);
    if (c->json) {
        json_t *out = json_pack("{s:s}", "node", nodes_member_name(n, a->node));
        render_set_text(out, "metrics", text);
        return cli_answer(c, out);
    }
    (void)fwrite(text.data, 1, text.size, stdout);
    return CLI_DONE;
}

static enum cli_exit run(struct cli *c)
{
    struct why why = {""};
    struct nodes nodes;
    enum cli_exit code = nodes_open_asked(&nodes, c, NODES_READ_SECONDS);
    if (code != CLI_DONE)
        return code;
    struct proto_request *request = mem_alloc(sizeof *request);
    struct nodes_answer *a = mem_alloc(sizeof *a);
    request->type = PROTO_METRICS;
    enum rc rc = nodes_ask(&nodes, request, 0, a, &why);
    code = rc == RC_OK ? answer(c, &nodes, a) : cli_fail(c, rc, &why);
    nodes_answer_close(a);
    mem_free(a);
    mem_free(request);
    nodes_close(&nodes);
    return code;
}

static const struct cli_option options[] = {NODES_OPTIONS, {0}};

const struct command cmd_metrics = {
    .words = "metrics",
    .summary = "print what a node counts, in Prometheus' text format",
    .options = options,
    .text = "Of the first node that answers, so name one with --node.",
    .example = "hansa metrics --genesis genesis.json --node alpha",
    .exits = "0 printed; 3 no such member, or the answer is no text; 7 the node does not answer",
    .run = run,
};
