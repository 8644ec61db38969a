/* `hansa backup`: a copy of a running node's ledger, into a new directory that the other commands
 * read. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/data_dir.h"
#include "tools/hansa/files.h"
#include "tools/hansa/interrupt.h"
#include "tools/hansa/nodes.h"
#include "tools/hansa/progress.h"
#include "tools/hansa/render.h"

enum { COPY_SECONDS = 600 }; /* a node makes its copy before it hands out the first piece */

/* Made beside DIR, and given its name when it is whole: what is called DIR is a backup. */
struct copy {
    char part[PATH_MAX]; /* DIR.part */
    char file[PATH_MAX]; /* DIR.part/data.mdb */
    int fd;
    uint64_t done, total;
    uint8_t id[16];
};

/* ---- files ---- */

static enum rc failed(struct why *why, const char *path, const char *what)
{
    char quoted[CLI_QUOTE_BYTES];
    int cause = errno;
    return why_set(why, cause == ENOSPC ? RC_DISK_FULL : RC_FILE_IO, "%s: %s: %s",
                   cli_quote(quoted, path), what, strerror(cause));
}

static enum rc make(struct copy *k, const char *path, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    struct stat st;
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    k->fd = -1;
    if (lstat(path, &st) == 0)
        return why_set(why, RC_FILE_EXISTS, "%s: it exists already: name a new directory",
                       cli_quote(quoted, path));
    int fits = snprintf(k->part, sizeof k->part, "%.*s.part", (int)size, path);
    if (fits < 0 || (size_t)fits >= sizeof k->part - strlen("/data.mdb"))
        return why_set(why, RC_INVALID, "%s: the name is too long", cli_quote(quoted, path));
    (void)snprintf(k->file, sizeof k->file, "%.*s.part/data.mdb", (int)size, path);
    if (mkdir(k->part, 0700) != 0)
        return failed(why, k->part,
                      errno == EEXIST
                          ? "left by a backup that was broken off: remove it, or wait if one runs"
                          : "cannot be made");
    k->fd = open(k->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (k->fd >= 0)
        return RC_OK;
    enum rc rc = failed(why, k->file, "cannot be made");
    rmdir(k->part);
    return rc;
}

static void drop(struct copy *k)
{
    if (k->fd < 0)
        return;
    close(k->fd);
    unlink(k->file);
    rmdir(k->part);
}

static enum rc put(struct copy *k, struct bytes piece, struct why *why)
{
    size_t done = 0;
    while (done < piece.size) {
        ssize_t got = write(k->fd, piece.data + done, piece.size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(why, k->file, "cannot be written");
        done += (size_t)got;
    }
    k->done += piece.size;
    return RC_OK;
}

static enum rc finish(struct copy *k, const char *path, struct why *why)
{
    int directory = open(k->part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = directory >= 0 && fsync(k->fd) == 0 && fsync(directory) == 0;
    enum rc rc = is_synced ? RC_OK : failed(why, k->part, "cannot be synced");
    if (directory >= 0)
        close(directory);
    if (rc == RC_OK && rename(k->part, path) != 0)
        rc = failed(why, path, "the finished backup cannot be given this name");
    if (rc != RC_OK)
        return rc;
    close(k->fd);
    k->fd = -1;
    return RC_OK;
}

/* ---- pieces ---- */

static enum rc judge_piece(struct copy *k, const struct proto_reply *reply, bool is_first,
                           const char *name, struct why *why)
{
    if (is_first) {
        memcpy(k->id, reply->backup_id, sizeof k->id);
        k->total = reply->total;
    }
    if (memcmp(k->id, reply->backup_id, sizeof k->id) != 0 || reply->total != k->total)
        return why_set(why, RC_MALFORMED,
                       "%s: it gives pieces of another copy: run the command again", name);
    if (reply->data.size == 0 || reply->data.size > k->total - k->done)
        return why_set(why, RC_MALFORMED,
                       "%s: its pieces do not make up the copy of %" PRIu64 " bytes", name,
                       k->total);
    return RC_OK;
}

/* One node alone: another's copy has other bytes. A node that copies for somebody else is busy. */
static enum rc ask_piece(struct nodes *n, struct copy *k, struct proto_request *request,
                         struct nodes_answer *a, struct why *why)
{
    char name[NODES_NAME_BYTES];
    memset(request, 0, sizeof *request);
    request->type = PROTO_BACKUP;
    request->offset = k->done;
    request->count = PROTO_CHUNK_BYTES_MAX;
    memcpy(request->backup_id, k->id, sizeof k->id);
    nodes_restart(n);
    for (;;) {
        enum rc rc = nodes_ask_one(n, n->first, request, nodes_left_ms(n), a, why);
        if (rc != RC_OK)
            return rc;
        if (a->reply.code == PROTO_OK)
            return RC_OK;
        if (a->reply.code != PROTO_BUSY || nodes_left_ms(n) == 0)
            return why_within(why,
                              why_set(why,
                                      a->reply.code == PROTO_NOT_FOUND ? RC_NOT_FOUND : RC_TIMEOUT,
                                      "%s", nodes_code_text(n, PROTO_BACKUP, a->reply.code)),
                              "%s", nodes_name(name, n, n->first));
        interrupt_sleep(NODES_AGAIN_MS);
    }
}

static enum rc fetch(struct nodes *n, struct copy *k, struct progress *progress, struct why *why)
{
    char name[NODES_NAME_BYTES];
    struct proto_request *request = mem_alloc(sizeof *request);
    struct nodes_answer *a = mem_alloc(sizeof *a);
    enum rc rc = RC_OK;
    do {
        bool is_first = k->done == 0;
        rc = ask_piece(n, k, request, a, why);
        if (rc == RC_OK)
            rc = judge_piece(k, &a->reply, is_first, nodes_name(name, n, n->first), why);
        if (rc == RC_OK)
            rc = put(k, a->reply.data, why);
        if (rc == RC_OK)
            progress_tell_bytes(progress, k->done, k->total);
    } while (rc == RC_OK && k->done < k->total && !interrupt_was_asked());
    if (rc == RC_INTERRUPTED || (rc == RC_OK && k->done < k->total))
        rc = why_set(why, RC_INTERRUPTED, "interrupted: nothing is left behind");
    nodes_answer_close(a);
    mem_free(a);
    mem_free(request);
    return rc;
}

/* ---- the command ---- */

static enum cli_exit answer(struct cli *c, const struct nodes *n, const struct copy *k)
{
    char quoted[CLI_QUOTE_BYTES], name[NODES_NAME_BYTES];
    const char *path = cli_argument(c, 0);
    if (c->json) {
        json_t *out = json_pack("{s:s}", "node", nodes_member_name(n, n->first));
        render_set_text(out, "directory", bytes_of_text(path));
        render_set_number(out, "bytes", k->done);
        return cli_answer(c, out);
    }
    cli_line("backup", "%s, %" PRIu64 " bytes, from %s", cli_quote(quoted, path), k->done,
             nodes_name(name, n, n->first));
    data_dir_print_next(c, "audit", path);
    return CLI_DONE;
}

static enum cli_exit back_up(struct cli *c, struct nodes *n)
{
    struct why why = {""};
    struct copy k = {.fd = -1};
    struct progress progress;
    const char *path = cli_argument(c, 0);
    interrupt_watch(); /* before there is anything to leave behind */
    enum rc rc = make(&k, path, &why);
    if (rc == RC_OK) {
        progress_start(&progress, "backup", c->json);
        rc = fetch(n, &k, &progress, &why);
        progress_end(&progress);
    }
    if (rc == RC_OK)
        rc = finish(&k, path, &why);
    drop(&k);
    return rc == RC_OK ? answer(c, n, &k) : cli_fail(c, rc, &why);
}

static enum cli_exit run(struct cli *c)
{
    struct nodes nodes;
    enum cli_exit code = nodes_open_to_read(&nodes, c, COPY_SECONDS);
    if (code != CLI_DONE)
        return code;
    if (nodes.count != 1)
        code = cli_usage(c, "say with --node which node's ledger to copy");
    else
        code = back_up(c, &nodes);
    nodes_close(&nodes);
    return code;
}

static const struct cli_argument arguments[] = {
    {"DIR", CLI_REQUIRED, "a new directory for the copy"}, {0}};

static const struct cli_option options[] = {
    NODES_GENESIS_OPTION,
    NODES_OPTIONS_WAITING("for its copy, and for each piece; else HANSA_TIMEOUT, else 600"),
    NODES_READER_OPTIONS,
    {0}};

const struct command cmd_backup = {
    .words = "backup",
    .summary = "copy a running node's ledger into a new directory",
    .arguments = arguments,
    .options = options,
    .text =
        "The node goes on meanwhile. The copy is its ledger at one moment, whole or not there\n"
        "at all; hansa audit verifies it, and all commands with --dir read it. A node whose\n"
        "ledger is large takes minutes to make it. Ctrl-C leaves nothing behind.\n"
        "It is no node: hansad does not vote from a copy, because its key may have voted since.",
    .example = "hansa backup ledger-2026-11 --node alpha --genesis genesis.json\n"
               "hansa audit ledger-2026-11 --genesis genesis.json",
    .exits =
        "0 copied; 2 not one node; 3 the answers make no copy; 4 the node dropped its copy; 5\n"
        "DIR exists, or cannot be written, or interrupted; 7 the node does not answer, or does\n"
        "not allow it",
    .run = run,
};
