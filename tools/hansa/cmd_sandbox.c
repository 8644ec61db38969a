/* `hansa sandbox`: a chain of real nodes on this machine, until Ctrl-C. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "ledger/amount.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/render.h"
#include "tools/hansa/sandbox.h"

/* ---- the directory ---- */

/* Nothing is made among other people's files: it is empty, or a sandbox already. */
static enum rc judge_dir(const char *dir, struct why *why)
{
    char path[PATH_MAX], quoted[CLI_QUOTE_BYTES];
    snprintf(path, sizeof path, "%s/genesis.json", dir);
    bool is_sandbox = access(path, F_OK) == 0;
    snprintf(path, sizeof path, "%s/keys", dir);
    is_sandbox = is_sandbox && access(path, F_OK) == 0;
    DIR *open_dir = opendir(dir);
    if (open_dir == NULL)
        return why_set(why, RC_FILE_IO, "%s: %s", cli_quote(quoted, dir), strerror(errno));
    bool is_empty = true;
    for (const struct dirent *e = readdir(open_dir); e != NULL; e = readdir(open_dir))
        is_empty = is_empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
    closedir(open_dir);
    if (is_empty || is_sandbox)
        return RC_OK;
    return why_set(why, RC_INVALID,
                   "%s: this directory is not empty, and no sandbox is in it: give a new one",
                   cli_quote(quoted, dir));
}

static enum rc take_dir(struct sandbox *s, struct cli *c, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES], path[PATH_MAX];
    const char *asked = cli_value(c, "dir");
    const char *base = getenv("TMPDIR");
    if (asked == NULL) {
        int size =
            snprintf(path, sizeof path, "%s/hansa-sandbox-XXXXXX", base != NULL ? base : "/tmp");
        if (size < 0 || (size_t)size >= sizeof s->dir || mkdtemp(path) == NULL)
            return why_set(why, RC_FILE_IO, "%s: no directory can be made there: %s",
                           cli_quote(quoted, base != NULL ? base : "/tmp"), strerror(errno));
        s->is_temporary = !cli_has(c, "keep");
        snprintf(s->dir, sizeof s->dir, "%.*s", (int)sizeof s->dir - 1, path);
        return RC_OK;
    }
    if (mkdir(asked, 0700) != 0 && errno != EEXIST)
        return why_set(why, RC_FILE_IO, "%s: cannot be made: %s", cli_quote(quoted, asked),
                       strerror(errno));
    /* Whoever reads the commands that are printed may stand in another directory. */
    if (realpath(asked, path) == NULL || strlen(path) >= sizeof s->dir)
        return why_set(why, RC_FILE_IO, "%s: %s", cli_quote(quoted, asked), strerror(errno));
    snprintf(s->dir, sizeof s->dir, "%.*s", (int)sizeof s->dir - 1, path);
    return judge_dir(s->dir, why);
}

/* ---- saying that it is ready ---- */

static enum cli_exit say_ready_json(const struct sandbox *s, struct cli *c)
{
    char path[PATH_MAX];
    json_t *out = json_object();
    json_t *list = json_array();
    snprintf(path, sizeof path, "%s/genesis.json", s->dir);
    render_set_text(out, "dir", bytes_of_text(s->dir));
    render_set_text(out, "genesis_file", bytes_of_text(path));
    render_set_digest(out, "chain_id", &s->genesis.chain_id);
    for (uint32_t i = 0; i < s->nodes_count; i++) {
        const struct genesis_member *m = &s->genesis.members[i];
        json_t *one = json_object();
        render_set_text(one, "name", bytes_of_text(m->name));
        render_set_text(one, "peer", bytes_of_text(m->peer_address));
        render_set_text(one, "client", bytes_of_text(m->client_address));
        render_set_number(one, "pid", (uint64_t)s->nodes[i].pid);
        CHECK(json_array_append_new(list, one) == 0);
    }
    CHECK(json_object_set_new(out, "nodes", list) == 0);
    return cli_answer(c, out);
}

/* Somebody with money, and somebody else. */
static void print_transfer(const struct sandbox *s)
{
    const struct initial_state *initial = &s->genesis.initial;
    if (initial->balances_count == 0 || initial->participants_count < 2)
        return;
    const struct initial_balance *from = &initial->balances[0];
    struct bytes owner = account_participant(bytes_of_text(from->account));
    bool is_first = bytes_equal(owner, bytes_of_text(initial->participants[0].name));
    const struct initial_asset *asset = genesis_asset(&s->genesis, bytes_of_text(from->asset));
    char amount[AMOUNT_TEXT_BYTES];
    amount_format(amount, 1, asset->decimals);
    printf("  hansa transfer --key keys/%.*s.key --from %s --to %s/main --amount %s --asset %s\n",
           (int)owner.size, (const char *)owner.data, from->account,
           initial->participants[is_first ? 1 : 0].name, amount, from->asset);
}

static bool is_on_path(const char *name)
{
    char file[PATH_MAX];
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        size_t size = strcspn(path, ":");
        snprintf(file, sizeof file, "%.*s/%s", (int)size, path, name);
        if (size > 0 && access(file, X_OK) == 0)
            return true;
        path += size + (path[size] == ':');
    }
    return false;
}

/* The commands that are printed begin with "hansa". */
static void print_path(void)
{
    char file[PATH_MAX], quoted[CLI_QUOTE_BYTES];
    ssize_t size = readlink("/proc/self/exe", file, sizeof file - 1);
    file[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(file, '/');
    if (slash == NULL || is_on_path("hansa"))
        return;
    *slash = '\0';
    printf("  export PATH=%s:\"$PATH\"\n", cli_quote(quoted, file));
}

static void print_next(const struct sandbox *s)
{
    char quoted[CLI_QUOTE_BYTES];
    printf("next, in another terminal:\n");
    print_path();
    printf("  cd %s; export HANSA_GENESIS=$PWD/genesis.json\n"
           "  hansa status\n",
           cli_quote(quoted, s->dir));
    print_transfer(s);
    printf("  hansa sandbox kill primary    # then pay again: the others choose the next one\n"
           "  hansa status; hansa sandbox start all\n");
    if (s->is_temporary)
        printf("Ctrl-C here ends the nodes and removes the directory (--keep leaves it).\n");
    else
        printf("Ctrl-C here ends the nodes; hansa sandbox --dir DIR goes on with the directory.\n");
}

static enum cli_exit say_ready(const struct sandbox *s, struct cli *c)
{
    char quoted[CLI_QUOTE_BYTES];
    enum cli_exit code = CLI_DONE;
    if (c->json) {
        code = say_ready_json(s, c);
    } else {
        cli_line("directory", "%s", cli_quote(quoted, s->dir));
        cli_line("keys", "in keys/, not encrypted: for trying out only");
        for (uint32_t i = 0; i < s->nodes_count; i++) {
            const struct genesis_member *m = &s->genesis.members[i];
            cli_line(m->name, "clients %s, peers %s, ledger %s/data, log %s/log", m->client_address,
                     m->peer_address, m->name, m->name);
        }
        printf("ready: %" PRIu32 " nodes, a quorum of %" PRIu32 " works\n", s->nodes_count,
               quorum_of(s->nodes_count));
        print_next(s);
    }
    fflush(stdout);
    return code;
}

/* ---- keeping it ---- */

/* how: "exit_code" or "signal". */
static void tell_ended(const char *name, const char *how, int number, bool is_json)
{
    bool is_exit = strcmp(how, "exit_code") == 0;
    if (is_json) {
        json_t *whole = json_pack("{s:{s:s, s:i}}", "ended", "node", name, how, number);
        CHECK(whole != NULL);
        (void)json_dumpf(whole, stderr, JSON_COMPACT);
        (void)fputc('\n', stderr);
        json_decref(whole);
    } else if (is_exit) {
        fprintf(stderr, "hansa: sandbox: node %s ended with exit code %d: see %s/log\n", name,
                number, name);
    } else {
        fprintf(stderr, "hansa: sandbox: node %s was ended by signal %d\n", name, number);
    }
}

static void note_ended(struct sandbox *s, bool is_json)
{
    int status;
    for (uint32_t i = sandbox_reap(s, &status); i < s->nodes_count; i = sandbox_reap(s, &status)) {
        const char *name = s->genesis.members[i].name;
        if (WIFEXITED(status))
            tell_ended(name, "exit_code", WEXITSTATUS(status), is_json);
        else
            tell_ended(name, "signal", WTERMSIG(status), is_json);
    }
}

/* Until somebody asks for the end. */
static void keep(struct sandbox *s, int signals, bool is_json)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
                               {.fd = s->control, .events = POLLIN}};
        struct signalfd_siginfo info;
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[0].revents != 0 && read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
            if (info.ssi_signo != SIGCHLD)
                return;
            note_ended(s, is_json); /* first, or one that has just ended would count as running */
        }
        if (fds[1].revents != 0)
            sandbox_serve(s);
    }
}

static enum cli_exit start_and_keep(struct sandbox *s, struct cli *c, int signals)
{
    struct why why = {""};
    enum rc rc = sandbox_listen(s, &why);
    for (uint32_t i = 0; i < s->nodes_count && rc == RC_OK; i++)
        rc = sandbox_start(s, i, &why);
    if (rc == RC_OK)
        rc = sandbox_await(s, SANDBOX_START_MS, &why);
    enum cli_exit code = CLI_DONE;
    if (rc == RC_OK)
        code = say_ready(s, c);
    if (rc == RC_OK && code == CLI_DONE)
        keep(s, signals, c->json);
    sandbox_unlisten(s);
    sandbox_end(s, sandbox_all(s), SIGTERM);
    if (rc == RC_INTERRUPTED)
        return CLI_DONE; /* ended before it was ready, and nothing is left */
    if (rc != RC_OK) {
        s->is_temporary = false; /* its logs say why */
        return cli_fail(c, rc, &why);
    }
    return code;
}

/* With --json stdout has its one object already. */
static void say_ended(const struct sandbox *s, const struct cli *c)
{
    char quoted[CLI_QUOTE_BYTES];
    cli_quote(quoted, s->dir);
    if (c->json)
        return;
    if (s->is_temporary)
        printf("ended: the nodes have ended, and the directory %s is removed\n", quoted);
    else
        printf("ended: the nodes have ended, and the directory is kept: to go on,\n"
               "  hansa sandbox --dir %s\n",
               quoted);
}

static int take_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    int fd = signalfd(-1, &set, SFD_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static enum cli_exit run(struct cli *c)
{
    struct why why = {""};
    struct sandbox *s = mem_alloc(sizeof *s);
    s->control = -1;
    enum rc rc = sandbox_find_hansad(s, cli_value(c, "hansad"), &why);
    if (rc == RC_OK)
        rc = take_dir(s, c, &why);
    if (rc != RC_OK) {
        mem_free(s);
        return cli_fail(c, rc, &why);
    }
    enum cli_exit code = sandbox_make(s, c);
    if (code == CLI_DONE) {
        int signals = take_signals();
        code = start_and_keep(s, c, signals);
        close(signals);
        genesis_close(&s->genesis);
    }
    if (s->is_temporary)
        sandbox_remove(s);
    if (code == CLI_DONE)
        say_ended(s, c);
    mem_free(s);
    return code;
}

static const struct cli_option options[] = {
    {"nodes", "N", CLI_OPTIONAL, "members of the chain, 4 to 31; default 4"},
    {"dir", "DIR", CLI_OPTIONAL, "make it there, or go on with the one that is there"},
    {"keep", NULL, CLI_OPTIONAL, "leave the directory at the end; with --dir it always is left"},
    {"participant", "NAME", CLI_REPEATED, "instead of bank, alice and bob; the first is governor"},
    {"asset", "CODE:DECIMALS:ISSUER", CLI_REPEATED, "an asset; without --participant CZK is one"},
    {"balance", "ACCOUNT=AMOUNT:ASSET", CLI_REPEATED, "an opening balance"},
    {"parameter", "NAME=VALUE", CLI_REPEATED, "a protocol parameter other than its default"},
    {"reads", "WHO", CLI_OPTIONAL, "open (default) or participants"},
    {"port", "FIRST", CLI_OPTIONAL, "use 2N ports from here on; default: any that are free"},
    {"hansad", "FILE", CLI_OPTIONAL, "the node's program; default: the one beside this tool"},
    {0}};

const struct command cmd_sandbox = {
    .words = "sandbox",
    .summary = "run a chain of real nodes on this machine, to try things out",
    .options = options,
    .text =
        "Makes keys, genesis and configurations in a directory of its own, starts a hansad for\n"
        "each member on 127.0.0.1, and prints what to try next. The keys are not encrypted.\n"
        "From another terminal hansa sandbox stop, kill and start act on its nodes. Ctrl-C\n"
        "ends all of them, and so does the end of this process in any other way.",
    .example = "hansa sandbox\n"
               "hansa sandbox --nodes 7 --dir trial --participant bank --participant shop \\\n"
               "    --asset EUR:2:bank --balance shop/till=100.00:EUR",
    .exits = "0 it ran, and was ended; 3 an option's value is refused; 4 there is no hansad;\n"
             "5 a file, port or process cannot be had; 7 the nodes did not come together",
    .run = run,
};
