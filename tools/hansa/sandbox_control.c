/* The socket between a sandbox and those who ask something of it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tools/hansa/sandbox.h"

enum { HEAR_MS = 15000, ANSWER_MS = SANDBOX_VIEW_MS + SANDBOX_STOP_MS + SANDBOX_START_MS };
enum { PATIENCE_MS = 2000 }; /* then people are told what the sandbox waits for */

/* Socket names have 107 bytes at most; through the directory's descriptor its path may be long. */
static bool name_of(struct sockaddr_un *out, int *dir_fd, const char *dir)
{
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    *dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*dir_fd < 0)
        return false;
    snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/control", *dir_fd);
    return true;
}

/* Up to a newline or the end. */
static bool hear(int fd, char text[static SANDBOX_CONTROL_BYTES_MAX], int timeout_ms)
{
    size_t size = 0;
    while (size < SANDBOX_CONTROL_BYTES_MAX - 1) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, timeout_ms) != 1)
            return false;
        ssize_t got = recv(fd, text + size, SANDBOX_CONTROL_BYTES_MAX - 1 - size, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
        if (text[size - 1] == '\n')
            break;
    }
    text[size] = '\0';
    if (size > 0 && text[size - 1] == '\n')
        text[size - 1] = '\0';
    return size > 0;
}

/* ---- the sandbox's side ---- */

enum rc sandbox_listen(struct sandbox *s, struct why *why)
{
    struct sockaddr_un name;
    char answer[SANDBOX_CONTROL_BYTES_MAX], quoted[CLI_QUOTE_BYTES];
    struct why ignored;
    int dir_fd;
    s->control = -1;
    if (sandbox_ask(s->dir, "hello all", NULL, answer, &ignored) != RC_NOT_FOUND)
        return why_set(why, RC_STORE_IN_USE, "%s: another sandbox runs in this directory",
                       cli_quote(quoted, s->dir));
    if (!name_of(&name, &dir_fd, s->dir))
        return why_set(why, RC_FILE_IO, "%s: %s", cli_quote(quoted, s->dir), strerror(errno));
    unlink(name.sun_path);
    s->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_open = s->control >= 0 &&
                   bind(s->control, (struct sockaddr *)&name, sizeof name) == 0 &&
                   listen(s->control, 8) == 0;
    int cause = errno;
    close(dir_fd);
    if (is_open)
        return RC_OK;
    return why_set(why, RC_FILE_IO, "%s: no control socket can be made: %s",
                   cli_quote(quoted, s->dir), strerror(cause));
}

void sandbox_unlisten(struct sandbox *s)
{
    char path[PATH_MAX];
    if (s->control < 0)
        return;
    close(s->control);
    s->control = -1;
    snprintf(path, sizeof path, "%s/control", s->dir);
    unlink(path);
}

static const struct action {
    const char *word;
    int signal_number; /* 0: start */
} actions[] = {{"stop", SIGTERM}, {"kill", SIGKILL}, {"start", 0}};

static enum rc act(struct sandbox *s, const struct action *a, uint32_t nodes, struct why *why)
{
    enum rc rc = RC_OK;
    if (a->signal_number != 0)
        sandbox_end(s, nodes, a->signal_number);
    for (uint32_t i = 0; i < s->nodes_count && rc == RC_OK && a->signal_number == 0; i++) {
        if ((nodes >> i & 1) != 0)
            rc = sandbox_start(s, i, why);
    }
    return rc;
}

/* The others miss their primary only when a transaction waits (rule 6.3). */
static enum rc judge_primary(const struct sandbox *s, uint32_t nodes, struct why *why)
{
    for (uint32_t i = 0; i < s->nodes_count; i++)
        if ((nodes >> i & 1) != 0 && s->nodes[i].pid == 0)
            return why_set(why, RC_INVALID,
                           "%s, the primary, is not running, and the others choose the next one "
                           "once a transaction waits: send one",
                           s->genesis.members[i].name);
    return RC_OK;
}

enum { NAMES_BYTES = 250 }; /* two lists go into one answer */
static void list_nodes(const struct sandbox *s, uint32_t nodes, char *out, size_t room)
{
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < s->nodes_count && used < room; i++) {
        if ((nodes >> i & 1) != 0)
            used += (size_t)snprintf(out + used, room - used, "%s%s", used > 0 ? ", " : "",
                                     s->genesis.members[i].name);
    }
}

static uint32_t running(const struct sandbox *s)
{
    uint32_t nodes = 0;
    for (uint32_t i = 0; i < s->nodes_count; i++)
        nodes |= (uint32_t)(s->nodes[i].pid != 0) << i;
    return nodes;
}

/* request: "stop alpha". out: "ok ...;..." (nodes to which it was done, and those that were so
 * already) or "no ...". */
static void obey(struct sandbox *s, char *request, char out[static SANDBOX_CONTROL_BYTES_MAX])
{
    struct why why = {""};
    char done[NAMES_BYTES], already[NAMES_BYTES];
    char *space = strchr(request, ' ');
    const struct action *a = NULL;
    if (space != NULL)
        *space = '\0';
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].word, request) == 0)
            a = &actions[i];
    }
    if (a == NULL || space == NULL) {
        snprintf(out, SANDBOX_CONTROL_BYTES_MAX, "no this sandbox cannot do that\n");
        return;
    }
    uint32_t nodes;
    enum rc rc = sandbox_pick(s, space + 1, &nodes, &why);
    if (rc == RC_OK && a->signal_number != 0 && strcmp(space + 1, "primary") == 0)
        rc = judge_primary(s, nodes, &why);
    if (rc == RC_OK) {
        uint32_t others = a->signal_number != 0 ? running(s) : ~running(s);
        list_nodes(s, nodes & others, done, sizeof done);
        list_nodes(s, nodes & ~others, already, sizeof already);
        rc = act(s, a, nodes, &why);
    }
    if (rc == RC_OK)
        snprintf(out, SANDBOX_CONTROL_BYTES_MAX, "ok %s;%s\n", done, already);
    else
        snprintf(out, SANDBOX_CONTROL_BYTES_MAX, "no %.400s\n", why.text);
}

void sandbox_serve(struct sandbox *s)
{
    char request[SANDBOX_CONTROL_BYTES_MAX], answer[SANDBOX_CONTROL_BYTES_MAX];
    int fd = accept4(s->control, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (hear(fd, request, HEAR_MS)) {
        obey(s, request, answer);
        ssize_t put = send(fd, answer, strlen(answer), MSG_NOSIGNAL);
        (void)put; /* who does not listen any more misses it */
    }
    close(fd);
}

/* ---- the asking side ---- */

static void tell_of_waiting(int fd, const char *waiting)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (waiting == NULL || poll(&ready, 1, PATIENCE_MS) != 0)
        return;
    fputs(waiting, stderr);
    fflush(stderr);
}

enum rc sandbox_ask(const char *dir, const char *request, const char *waiting,
                    char answer[static SANDBOX_CONTROL_BYTES_MAX], struct why *why)
{
    struct sockaddr_un name;
    char line[SANDBOX_CONTROL_BYTES_MAX], quoted[CLI_QUOTE_BYTES];
    int dir_fd;
    if (!name_of(&name, &dir_fd, dir))
        return why_set(why, RC_NOT_FOUND, "%s: %s", cli_quote(quoted, dir), strerror(errno));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_there = fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0;
    close(dir_fd);
    int size = snprintf(line, sizeof line, "%s\n", request);
    bool is_sent = is_there && size > 0 && (size_t)size < sizeof line &&
                   send(fd, line, (size_t)size, MSG_NOSIGNAL) == size;
    if (is_sent)
        tell_of_waiting(fd, waiting);
    bool is_heard = is_sent && hear(fd, line, ANSWER_MS);
    if (fd >= 0)
        close(fd);
    if (!is_there)
        return why_set(why, RC_NOT_FOUND,
                       "%s: no sandbox runs in this directory: hansa sandbox "
                       "starts one",
                       cli_quote(quoted, dir));
    if (!is_heard)
        return why_set(why, RC_TIMEOUT, "%s: the sandbox does not answer", cli_quote(quoted, dir));
    snprintf(answer, SANDBOX_CONTROL_BYTES_MAX, "%s", strlen(line) > 3 ? line + 3 : "");
    return strncmp(line, "ok", 2) == 0 ? RC_OK : why_set(why, RC_INVALID, "%s", answer);
}
