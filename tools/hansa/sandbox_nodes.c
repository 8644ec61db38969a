/* A sandbox's node processes. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "net/loop.h"
#include "tools/hansa/sandbox.h"

enum { LOOK_MS = 50, STATUS_MS = 1000 };

static void sleep_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* ---- starting ---- */

/* In the child. Its own process group: Ctrl-C at the terminal is for the one who keeps it. When
 * that one dies without a word, so does the node: nothing is left running. */
static void become_node(const struct sandbox *s, const char *config, int log, bool is_first,
                        pid_t keeper)
{
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDONLY);
    if (getppid() == keeper && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
        dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0 &&
        sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        execl(s->hansad, "hansad", "--config", config, is_first ? "--init" : NULL, (char *)NULL);
    _exit(127);
}

enum rc sandbox_start(struct sandbox *s, uint32_t node, struct why *why)
{
    char config[PATH_MAX], log_path[PATH_MAX], marker[PATH_MAX], quoted[CLI_QUOTE_BYTES];
    const char *name = s->genesis.members[node].name;
    struct sandbox_node *n = &s->nodes[node];
    if (n->pid != 0)
        return RC_OK;
    snprintf(config, sizeof config, "%s/%s/node.json", s->dir, name);
    snprintf(log_path, sizeof log_path, "%s/%s/log", s->dir, name);
    snprintf(marker, sizeof marker, "%s/keys/%s.key.marker", s->dir, name);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0)
        return why_set(why, RC_FILE_IO, "%s: cannot be written: %s", cli_quote(quoted, log_path),
                       strerror(errno));
    pid_t keeper = getpid();
    n->was_ended = false;
    fflush(NULL);
    n->pid = fork();
    if (n->pid == 0)
        become_node(s, config, log, access(marker, F_OK) != 0, keeper);
    close(log);
    if (n->pid > 0)
        return RC_OK;
    n->pid = 0;
    return why_set(why, RC_FILE_IO, "no process can be made: %s", strerror(errno));
}

/* ---- ending ---- */

static bool is_gone(struct sandbox_node *n)
{
    if (n->pid == 0)
        return true;
    pid_t got = waitpid(n->pid, NULL, WNOHANG);
    if (got == 0)
        return false;
    n->pid = 0;
    return true;
}

void sandbox_end(struct sandbox *s, uint32_t nodes, int signal_number)
{
    uint64_t until_ms = loop_now_ms() + SANDBOX_STOP_MS;
    for (uint32_t i = 0; i < s->nodes_count; i++) {
        if ((nodes >> i & 1) == 0 || s->nodes[i].pid == 0)
            continue;
        s->nodes[i].was_ended = true;
        kill(s->nodes[i].pid, signal_number);
    }
    for (uint32_t i = 0; i < s->nodes_count; i++) {
        while ((nodes >> i & 1) != 0 && !is_gone(&s->nodes[i])) {
            if (loop_now_ms() >= until_ms)
                kill(s->nodes[i].pid, SIGKILL);
            sleep_ms(LOOK_MS / 5);
        }
    }
}

uint32_t sandbox_all(const struct sandbox *s)
{
    return (uint32_t)(((uint64_t)1 << s->nodes_count) - 1);
}

uint32_t sandbox_reap(struct sandbox *s, int *status)
{
    for (uint32_t i = 0; i < s->nodes_count; i++) {
        struct sandbox_node *n = &s->nodes[i];
        if (n->pid == 0 || waitpid(n->pid, status, WNOHANG) != n->pid)
            continue;
        n->pid = 0;
        return i;
    }
    return s->nodes_count;
}

/* ---- looking ---- */

/* Asks all nodes for their status; the caller closes and frees the answers. */
static struct nodes_answer *ask_status(struct sandbox *s, struct nodes *nodes)
{
    struct proto_request request = {.type = PROTO_STATUS};
    struct why why;
    enum rc rc = nodes_open(nodes, &s->genesis, NULL, 0, STATUS_MS, &why);
    CHECK(rc == RC_OK); /* all members, by their own names */
    struct nodes_answer *answers = mem_alloc(s->nodes_count * sizeof *answers);
    nodes_ask_all(nodes, &request, STATUS_MS, answers);
    return answers;
}

static void end_asking(struct sandbox *s, struct nodes *nodes, struct nodes_answer *answers)
{
    for (uint32_t i = 0; i < s->nodes_count; i++)
        nodes_answer_close(&answers[i]);
    mem_free(answers);
    nodes_close(nodes);
}

static uint32_t count_live(const struct proto_status *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->peers_count; i++)
        count += s->peers[i].is_live != 0;
    return count;
}

/* Nodes that answer and each see a quorum. */
static uint32_t count_working(struct sandbox *s, uint32_t quorum)
{
    struct nodes nodes;
    struct nodes_answer *answers = ask_status(s, &nodes);
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->nodes_count; i++) {
        const struct nodes_answer *a = &answers[i];
        if (a->has_answered && a->reply.code == PROTO_OK && !a->reply.status.is_alarmed &&
            count_live(&a->reply.status) >= quorum)
            count++;
    }
    end_asking(s, &nodes, answers);
    return count;
}

static bool is_asked_to_end(void)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

enum rc sandbox_await(struct sandbox *s, uint32_t timeout_ms, struct why *why)
{
    uint64_t until_ms = loop_now_ms() + timeout_ms;
    uint32_t quorum = quorum_of(s->nodes_count);
    char quoted[CLI_QUOTE_BYTES];
    while (count_working(s, quorum) < quorum) {
        int status;
        if (is_asked_to_end())
            return why_set(why, RC_INTERRUPTED, "interrupted");
        uint32_t ended = sandbox_reap(s, &status);
        if (ended < s->nodes_count)
            return why_set(why, RC_FILE_IO, "node %s ended at once: its log, %s/%s/log, says why",
                           s->genesis.members[ended].name, cli_quote(quoted, s->dir),
                           s->genesis.members[ended].name);
        if (loop_now_ms() >= until_ms)
            return why_set(why, RC_TIMEOUT,
                           "no quorum of nodes came together within %" PRIu32 " s: see the logs in "
                           "%s",
                           timeout_ms / 1000, cli_quote(quoted, s->dir));
        sleep_ms(LOOK_MS);
    }
    return RC_OK;
}

static bool is_in_view(const struct nodes_answer *a)
{
    return a->has_answered && a->reply.code == PROTO_OK && a->reply.status.mode == 0;
}

/* Of the view that a quorum is in; while they change it, nodes_count. */
static uint32_t look_for_primary(struct sandbox *s)
{
    struct nodes nodes;
    struct nodes_answer *answers = ask_status(s, &nodes);
    uint32_t found = s->nodes_count;
    for (uint32_t i = 0; i < s->nodes_count; i++) {
        const struct proto_status *its = &answers[i].reply.status;
        uint32_t count = 0;
        for (uint32_t k = 0; k < s->nodes_count && is_in_view(&answers[i]); k++)
            count += is_in_view(&answers[k]) && answers[k].reply.status.view == its->view;
        if (count >= quorum_of(s->nodes_count))
            found = (uint32_t)((its->epoch + its->view) % s->nodes_count);
    }
    end_asking(s, &nodes, answers);
    return found;
}

static uint32_t count_running(const struct sandbox *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->nodes_count; i++)
        count += s->nodes[i].pid != 0;
    return count;
}

/* Too few for a quorum stay so while we look: the same process would have to start more. */
static enum rc find_primary(struct sandbox *s, uint32_t *node, struct why *why)
{
    uint64_t until_ms = loop_now_ms() + SANDBOX_VIEW_MS;
    uint32_t running = count_running(s), quorum = quorum_of(s->nodes_count);
    if (running < quorum)
        return why_set(why, RC_INVALID,
                       "%" PRIu32 " of %" PRIu32 " nodes run and a quorum is %" PRIu32
                       ", so there is no primary: hansa sandbox start all, or give a member's name",
                       running, s->nodes_count, quorum);
    for (;;) {
        *node = look_for_primary(s);
        if (*node < s->nodes_count)
            return RC_OK;
        if (is_asked_to_end())
            return why_set(why, RC_INTERRUPTED, "the sandbox is being ended");
        if (loop_now_ms() >= until_ms)
            return why_set(why, RC_INVALID,
                           "no quorum of nodes is in one view, so there is no primary: give a "
                           "member's name (hansa status shows them)");
        sleep_ms(LOOK_MS);
    }
}

enum rc sandbox_pick(struct sandbox *s, const char *word, uint32_t *nodes, struct why *why)
{
    uint64_t index;
    char quoted[CLI_QUOTE_BYTES];
    uint32_t node = genesis_member_by_name(&s->genesis, word);
    if (node >= s->nodes_count && strcmp(word, "primary") == 0) {
        enum rc rc = find_primary(s, &node, why);
        if (rc != RC_OK)
            return rc;
    }
    if (node >= s->nodes_count && cli_parse_number(word, 0, s->nodes_count - 1, &index))
        node = (uint32_t)index;
    *nodes = node < s->nodes_count ? 1u << node : 0;
    if (*nodes == 0 && strcmp(word, "all") == 0)
        *nodes = sandbox_all(s);
    if (*nodes != 0)
        return RC_OK;
    return why_set(why, RC_INVALID,
                   "%s is no node here: give a member's name, its index, primary or all",
                   cli_quote(quoted, word));
}
