/* `hansa evidence list` and `hansa evidence get`: who lied, and the proof of it as a file. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/data_dir.h"
#include "tools/hansa/evidence.h"
#include "tools/hansa/files.h"

/* Ask all nodes, and act with their answers. */
typedef enum cli_exit act_on(struct cli *c, struct nodes *n, struct nodes_answer *answers,
                             const struct proto_request *request);
static enum cli_exit ask_all(struct cli *c, struct nodes *n, const struct proto_request *request,
                             act_on *act)
{
    struct nodes_answer *answers = mem_alloc(n->count * sizeof *answers);
    nodes_ask_all(n, request, nodes_left_ms(n), answers);
    enum cli_exit code = act(c, n, answers, request);
    for (uint32_t i = 0; i < n->count; i++)
        nodes_answer_close(&answers[i]);
    mem_free(answers);
    return code;
}

static enum rc say_none(const struct nodes *n, struct why *why)
{
    if (n->count == 1)
        return why_set(why, RC_TIMEOUT, "%s does not answer", nodes_member_name(n, 0));
    return why_set(why, RC_TIMEOUT, "none of %" PRIu32 " nodes answers", n->count);
}

/* ---- list ---- */

static enum cli_exit list(struct cli *c, struct nodes *n, struct nodes_answer *answers,
                          const struct proto_request *request)
{
    struct why why = {""};
    uint32_t answering_count = 0;
    (void)request;
    for (uint32_t i = 0; i < n->count; i++)
        answering_count += answers[i].has_answered;
    if (answering_count == 0)
        return cli_fail(c, say_none(n, &why), &why);
    if (c->json) {
        json_t *out = json_pack("{s:s, s:o}", "chain", n->genesis->chain, "evidence",
                                evidence_known_json(n, answers));
        json_object_set_new(out, "answering", json_integer((json_int_t)answering_count));
        return cli_answer(c, out);
    }
    if (evidence_known_print(n, answers) == 0)
        printf("%" PRIu32 " of %" PRIu32 " nodes answer, and none has evidence against anybody\n",
               answering_count, n->count);
    else
        printf("next: get the proof with\n  hansa evidence get MEMBER KIND\n");
    return CLI_DONE;
}

static enum cli_exit run_list(struct cli *c)
{
    struct nodes nodes;
    enum cli_exit code = nodes_open_all_asked(&nodes, c, NODES_READ_SECONDS);
    if (code != CLI_DONE)
        return code;
    struct proto_request *request = mem_alloc(sizeof *request);
    request->type = PROTO_STATUS;
    code = ask_all(c, &nodes, request, list);
    mem_free(request);
    nodes_close(&nodes);
    return code;
}

static const struct cli_option list_options[] = {NODES_OPTIONS, {0}};

const struct command cmd_evidence_list = {
    .words = "evidence list",
    .summary = "list the members that nodes have proof against, and for what",
    .options = list_options,
    .text = "Each line is the word of the nodes it names; the proof itself is nobody's word:\n"
            "hansa evidence get.",
    .example = "hansa evidence list --genesis genesis.json",
    .exits = "0 listed, also when there is none; 3 no such member; 7 no node answers",
    .run = run_list,
};

/* ---- get ---- */

/* The first that holds. What does not is the fault of the node that sent it.
 * Returns: RC_OK | RC_NOT_FOUND (without words: nobody sent any) | why the last one does not hold.
 */
static enum rc find(const struct nodes *n, const struct nodes_answer *answers,
                    const struct proto_request *request, struct evidence_file *out,
                    const struct nodes_answer **found, struct why *why)
{
    enum rc rc = RC_NOT_FOUND;
    for (uint32_t i = 0; i < n->count; i++) {
        char name[NODES_NAME_BYTES];
        *found = &answers[i];
        if (!answers[i].has_answered)
            continue;
        rc = evidence_file_verify(out, answers[i].reply.data, n->genesis, why);
        if (rc == RC_OK && (out->evidence.offender != request->offender ||
                            out->evidence.kind != (enum pbft_evidence_kind)request->evidence_kind))
            rc = why_set(why, RC_PROOF, "kind: it is other evidence than was asked for");
        if (rc == RC_OK)
            return rc;
        rc = why_within(why, RC_PROOF, "%s sent evidence that proves nothing",
                        nodes_name(name, n, i));
    }
    return rc;
}

/* Nobody sent any. */
static enum cli_exit fail_to_get(struct cli *c, const struct nodes *n,
                                 const struct nodes_answer *answers,
                                 const struct proto_request *request, struct why *why)
{
    bool has_answered = false, is_forbidden = false;
    for (uint32_t i = 0; i < n->count; i++) {
        /* Whoever lacks it has answered, too. */
        has_answered |= answers[i].has_answered || answers[i].reply.code == PROTO_NOT_FOUND;
        is_forbidden |= answers[i].is_forbidden;
    }
    if (is_forbidden)
        return cli_fail(
            c, why_set(why, RC_REFUSED, "%s", nodes_code_text(n, request->type, PROTO_FORBIDDEN)),
            why);
    if (!has_answered)
        return cli_fail(c, say_none(n, why), why);
    return cli_fail(c,
                    why_set(why, RC_NOT_FOUND, "no node that answers has evidence of %s against %s",
                            pbft_evidence_word((enum pbft_evidence_kind)request->evidence_kind),
                            n->genesis->members[request->offender].name),
                    why);
}

static enum cli_exit get(struct cli *c, struct nodes *n, struct nodes_answer *answers,
                         const struct proto_request *request)
{
    struct why why = {""};
    struct evidence_file f;
    char own[EVIDENCE_NAME_BYTES + 40], quoted[CLI_QUOTE_BYTES];
    const struct nodes_answer *a;
    enum rc rc = find(n, answers, request, &f, &a, &why);
    if (rc == RC_NOT_FOUND)
        return fail_to_get(c, n, answers, request, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    snprintf(own, sizeof own, "%s-%s.evidence", n->genesis->members[request->offender].name,
             pbft_evidence_word(f.evidence.kind));
    const char *path = cli_has(c, "out") ? cli_value(c, "out") : own;
    rc = file_write_new(path, a->reply.data, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    if (c->json) {
        json_t *out = evidence_json(&f, n->genesis);
        json_object_set_new(out, "file", cli_json_text(bytes_of_text(path)));
        return cli_answer(c, out);
    }
    evidence_print(&f, n->genesis);
    cli_line("file", "%s", cli_quote(quoted, path));
    data_dir_print_next(c, "evidence verify", path);
    return CLI_DONE;
}

static bool kind_of(uint8_t *out, const char *word)
{
    for (int kind = 1; kind < PBFT_EVIDENCE_KINDS_END; kind++) {
        if (strcmp(pbft_evidence_word((enum pbft_evidence_kind)kind), word) == 0) {
            *out = (uint8_t)kind;
            return true;
        }
    }
    return false;
}

static bool read_arguments(struct proto_request *out, struct cli *c, const struct genesis *g)
{
    char quoted[CLI_QUOTE_BYTES];
    struct why why = {""};
    uint64_t index = genesis_member_by_name(g, cli_argument(c, 0));
    if (index == MEMBERS_MAX && !cli_parse_number(cli_argument(c, 0), 0, MEMBERS_MAX - 1, &index))
        index = MEMBERS_MAX;
    if (index >= g->members_count) {
        (void)cli_fail(c,
                       why_set(&why, RC_INVALID, "%s is no member of chain '%s'",
                               cli_quote(quoted, cli_argument(c, 0)), g->chain),
                       &why);
        return false;
    }
    out->offender = (uint8_t)index;
    if (kind_of(&out->evidence_kind, cli_argument(c, 1)))
        return true;
    (void)cli_fail(c,
                   why_set(&why, RC_INVALID,
                           "%s is no kind of evidence: see hansa evidence get --help",
                           cli_quote(quoted, cli_argument(c, 1))),
                   &why);
    return false;
}

static enum cli_exit run_get(struct cli *c)
{
    struct nodes nodes;
    enum cli_exit code = nodes_open_to_read(&nodes, c, NODES_READ_SECONDS);
    if (code != CLI_DONE)
        return code;
    struct proto_request *request = mem_alloc(sizeof *request);
    request->type = PROTO_EVIDENCE;
    code = CLI_BAD_INPUT;
    if (read_arguments(request, c, nodes.genesis))
        code = ask_all(c, &nodes, request, get);
    mem_free(request);
    nodes_close(&nodes);
    return code;
}

static const struct cli_argument get_arguments[] = {
    {"MEMBER", CLI_REQUIRED, "whom it is against: name or index"},
    {"KIND", CLI_REQUIRED, "as hansa evidence list shows it"},
    {0}};

static const struct cli_option get_options[] = {
    NODES_OPTIONS,
    NODES_READER_OPTIONS,
    {"out", "FILE", CLI_OPTIONAL, "where to write it; else MEMBER-KIND.evidence"},
    {0}};

const struct command cmd_evidence_get = {
    .words = "evidence get",
    .summary = "write the proof that a member lied, which anyone can verify offline",
    .arguments = get_arguments,
    .options = get_options,
    .text = "All nodes are asked; what they send is verified before it is written. The kinds:\n"
            "two-pre-prepares, two-prepares, two-commits, two-view-changes, two-new-views,\n"
            "forgotten-commit, bad-body.",
    .example = "hansa evidence get delta two-commits --genesis genesis.json",
    .exits =
        "0 written; 1 what the nodes sent proves nothing; 3 no such member or kind; 4 no node\n"
        "that answers has it; 5 the file cannot be written; 6 the key may not read; 7 no node\n"
        "answers",
    .run = run_get,
};
