/* `hansa metrics`: what a node counts, in Prometheus' text format. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/nodes.h"

/* It goes to terminals and files as it is: text and newlines, nothing else. */
static bool is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '\n' && (text.data[i] < 0x20 || text.data[i] > 0x7e))
            return false;
    }
    return true;
}

/* Numbers in Prometheus are doubles: whole ones stay whole as far as a double holds them. */
static json_t *number_json(const char *text)
{
    const double whole_max = 9007199254740992.0; /* 2^53 */
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0')
        return NULL;
    if (strpbrk(text, ".eE") == NULL && value >= -whole_max && value <= whole_max)
        return json_integer((json_int_t)value);
    return json_real(value); /* NULL: NaN, infinity */
}

/* { "name{labels}": value } of all lines but comments; NULL: one is not of this form. Requires:
 * is_plain(). */
static json_t *metrics_json(struct bytes text)
{
    json_t *out = json_object();
    char *lines = mem_alloc(text.size + 1);
    char *rest;
    bool is_good = true;
    if (text.size > 0)
        memcpy(lines, text.data, text.size);
    for (char *line = strtok_r(lines, "\n", &rest); line != NULL && is_good;
         line = strtok_r(NULL, "\n", &rest)) {
        char *space = strrchr(line, ' '); /* labels may hold some */
        if (line[0] == '#')
            continue;
        if (space != NULL)
            *space = '\0';
        is_good = space != NULL && json_object_set_new(out, line, number_json(space + 1)) == 0;
    }
    mem_free(lines);
    if (is_good)
        return out;
    json_decref(out);
    return NULL;
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
        json_t *metrics = metrics_json(text);
        if (metrics == NULL)
            return cli_fail(c,
                            why_set(&why, RC_MALFORMED, "%s: what it says are no metrics",
                                    nodes_name(name, n, a->node)),
                            &why);
        return cli_answer(
            c, json_pack("{s:s, s:o}", "node", nodes_member_name(n, a->node), "metrics", metrics));
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
    nodes.is_for_reading = true;
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
    .text = "Of the first node that answers, so name one with --node. --json gives one object\n"
            "\"metrics\": { \"name{labels}\": value }.",
    .example = "hansa metrics --genesis genesis.json --node alpha",
    .exits = "0 printed; 3 no such member, or the answer is no text; 7 the node does not answer",
    .run = run,
};
