/* `hansa sandbox stop|kill|start NODE`: asked from another terminal. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/render.h"
#include "tools/hansa/sandbox.h"

/* --dir, or where the genesis file stands that the sandbox told to export. */
static enum rc take_dir(char out[static PATH_MAX], const struct cli *c, struct why *why)
{
    const char *asked = cli_value(c, "dir");
    const char *genesis = getenv("HANSA_GENESIS");
    const char *slash = genesis != NULL ? strrchr(genesis, '/') : NULL;
    int size;
    if (asked != NULL)
        size = snprintf(out, PATH_MAX, "%s", asked);
    else if (genesis != NULL)
        size = snprintf(out, PATH_MAX, "%.*s", slash != NULL ? (int)(slash - genesis) : 1,
                        slash != NULL ? genesis : ".");
    else
        return why_set(why, RC_INVALID,
                       "which sandbox? Give --dir DIR, or export HANSA_GENESIS as "
                       "it said when it was ready");
    return size > 0 && size < PATH_MAX ? RC_OK : why_set(why, RC_INVALID, "the path is too long");
}

/* already: what is said of nodes to which nothing had to be done. */
static enum cli_exit ask(struct cli *c, const char *action, const char *done, const char *already)
{
    struct why why = {""};
    char waiting[128];
    bool is_primary = strcmp(cli_argument(c, 0), "primary") == 0;
    char dir[PATH_MAX], answer[SANDBOX_CONTROL_BYTES_MAX], request[SANDBOX_CONTROL_BYTES_MAX];
    enum rc rc = take_dir(dir, c, &why);
    snprintf(request, sizeof request, "%s %.64s", action, cli_argument(c, 0));
    snprintf(waiting, sizeof waiting, "hansa: %s: waiting, at most %d s, %s\n", c->command->words,
             is_primary ? SANDBOX_VIEW_MS / 1000 : SANDBOX_STOP_MS / 1000,
             is_primary ? "until a quorum of nodes is in one view" : "for the sandbox");
    if (rc == RC_OK)
        rc = sandbox_ask(dir, request, c->json ? NULL : waiting, answer, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    char *idle = answer;
    const char *acted = strsep(&idle, ";");
    if (idle == NULL)
        idle = answer + strlen(answer); /* a sandbox of an older tool does not tell */
    if (c->json) {
        json_t *out = json_object();
        render_set_text(out, "nodes", bytes_of_text(acted));
        render_set_text(out, "already", bytes_of_text(idle));
        return cli_answer(c, out);
    }
    printf("%s: %s", acted[0] != '\0' ? done : "nothing to do", acted);
    if (idle[0] != '\0')
        printf("%s%s %s", acted[0] != '\0' ? "; " : "", idle, already);
    putchar('\n');
    return CLI_DONE;
}

static enum cli_exit run_stop(struct cli *c)
{
    return ask(c, "stop", "stopped", "did not run");
}

static enum cli_exit run_kill(struct cli *c)
{
    return ask(c, "kill", "killed", "did not run");
}

static enum cli_exit run_start(struct cli *c)
{
    return ask(c, "start", "started", "ran already");
}

static const struct cli_argument arguments[] = {
    {"NODE", CLI_REQUIRED, "a member's name, its index, primary (of the view of now), or all"},
    {0}};

static const struct cli_option options[] = {
    {"dir", "DIR", CLI_OPTIONAL, "the sandbox's directory; else that of HANSA_GENESIS"}, {0}};

#define EXITS                                                                                      \
    "0 done; 3 there is no such node; 4 no sandbox runs there; 5 the node cannot be started;\n"    \
    "7 the sandbox does not answer"

const struct command cmd_sandbox_stop = {
    .words = "sandbox stop",
    .summary = "end a node of a sandbox (SIGTERM), and wait for its end",
    .arguments = arguments,
    .options = options,
    .example = "hansa sandbox stop beta",
    .exits = EXITS,
    .run = run_stop,
};

const struct command cmd_sandbox_kill = {
    .words = "sandbox kill",
    .summary = "kill a node of a sandbox (SIGKILL): nothing may be lost by it",
    .arguments = arguments,
    .options = options,
    .text =
        "With the word primary it is that of the view a quorum is in; if a view is being changed,\n"
        "it waits until that is done. Once a transaction waits, the others choose the next one.",
    .example = "hansa sandbox kill primary\n"
               "hansa sandbox kill delta",
    .exits = EXITS,
    .run = run_kill,
};

const struct command cmd_sandbox_start = {
    .words = "sandbox start",
    .summary = "start a node of a sandbox again",
    .arguments = arguments,
    .options = options,
    .example = "hansa sandbox start all",
    .exits = EXITS,
    .run = run_start,
};
