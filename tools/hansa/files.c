#include "tools/hansa/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/hansa/cli.h"
#include "tools/hansa/nodes.h"

/* ---- reading ---- */

static enum rc read_open(struct buf *out, int fd, size_t bytes_max, const char *what,
                         struct why *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return why_set(why, RC_FILE_IO, "cannot be examined: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return why_set(why, RC_FILE_IO, "is not a file");
    enum { PIECE_BYTES = 64 * 1024 };
    size_t start = out->size;
    for (;;) {
        uint8_t *piece = buf_grow(out, PIECE_BYTES);
        ssize_t got = read(fd, piece, PIECE_BYTES);
        out->size -= (size_t)PIECE_BYTES - (got > 0 ? (size_t)got : 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return why_set(why, RC_FILE_IO, "cannot be read: %s", strerror(errno));
        if (got == 0)
            return RC_OK;
        if (out->size - start > bytes_max)
            return why_set(why, RC_MALFORMED, "is longer than %s may be, %zu bytes%s: give another",
                           what, bytes_max, bytes_max == 32 * 1024 ? " (32 KiB)" : "");
    }
}

enum rc file_read(struct buf *out, const char *path, size_t bytes_max, const char *what,
                  struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    /* O_NONBLOCK: opening a pipe must not wait for its other end. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return why_set(why, RC_FILE_IO, "%s: cannot be opened: %s", cli_quote(quoted, path),
                       strerror(errno));
    enum rc rc = read_open(out, fd, bytes_max, what, why);
    close(fd);
    return rc == RC_OK ? rc : why_within(why, rc, "%s", cli_quote(quoted, path));
}

enum rc file_read_genesis(struct genesis *out, const char *path, struct why *why)
{
    enum rc rc = genesis_read(out, path, why);
    return rc == RC_OK ? rc : cli_why_path(why, rc, path);
}

enum rc file_read_json(json_t **out, const char *path, size_t bytes_max, struct why *why)
{
    enum rc rc = json_read_file(out, path, bytes_max, why);
    return rc == RC_OK ? rc : cli_why_path(why, rc, path);
}

enum rc file_read_public_key(struct key_public *out, const char *path, struct why *why)
{
    enum rc rc = keyfile_read_public(out, path, why);
    return rc == RC_OK ? rc : cli_why_path(why, rc, path);
}

/* ---- guessing ---- */

static const struct {
    const char *start;
    const char *guess;
} starts[] = {
    {"hansa-key 1\n", "a secret key file, which is for signing only: keep it to yourself"},
    {"hansa-public 1\n", "a public key file: hansa key show"},
    {"HANSARC1", "a receipt: hansa receipt verify"},
    {"HANSAPF1", "a proof: hansa proof verify"},
    {"HANSAEV1", "evidence: hansa evidence verify"},
    {"{", "a JSON file, such as a genesis file: hansa genesis show"},
    {"[", "a JSON file, such as operations to sign: hansa sign --ops"},
};

const char *file_guess(struct bytes contents)
{
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        size_t size = strlen(starts[i].start);
        if (contents.size >= size && memcmp(contents.data, starts[i].start, size) == 0)
            return starts[i].guess;
    }
    return NULL;
}

bool file_is_secret_key(const char *path)
{
    char start[12]; /* "hansa-key 1" and its newline: nothing secret stands so early */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, start, sizeof start);
    close(fd);
    return got == (ssize_t)sizeof start && memcmp(start, starts[0].start, sizeof start) == 0;
}

enum cli_exit file_act_with_genesis(struct cli *c, file_act *act)
{
    struct why why = {""};
    struct genesis g;
    const char *path = nodes_genesis_path(c);
    if (path == NULL)
        return cli_usage(c, "--genesis FILE is missing, and HANSA_GENESIS is not set: the genesis "
                            "file says which chain it is, and whose signatures count");
    enum rc rc = file_read_genesis(&g, path, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    struct buf file = {0};
    enum cli_exit code = act(c, &file, &g);
    buf_free(&file);
    genesis_close(&g);
    return code;
}

/* ---- writing ---- */

static enum rc write_all(int fd, struct bytes contents, struct why *why)
{
    size_t done = 0;
    while (done < contents.size) {
        ssize_t put = write(fd, contents.data + done, contents.size - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return why_set(why, errno == ENOSPC ? RC_DISK_FULL : RC_FILE_IO,
                           "cannot be written: %s", strerror(errno));
        done += (size_t)put;
    }
    if (fsync(fd) != 0)
        return why_set(why, RC_FILE_IO, "cannot be synced: %s", strerror(errno));
    return RC_OK;
}

/* A new name is durable only when its directory is. */
static enum rc sync_directory_of(const char *path, struct why *why)
{
    char directory[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL)
        snprintf(directory, sizeof directory, "%.*s", (int)(slash - path + 1), path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return why_set(why, RC_FILE_IO, "its directory cannot be opened: %s", strerror(errno));
    int synced = fsync(fd);
    int cause = errno;
    close(fd);
    if (synced != 0)
        return why_set(why, RC_FILE_IO, "its directory cannot be synced: %s", strerror(cause));
    return RC_OK;
}

static enum rc say_exists(const char *path, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    return why_set(why, RC_FILE_EXISTS, "%s: %s", cli_quote(quoted, path), rc_text(RC_FILE_EXISTS));
}

enum rc file_expect_none(const char *path, struct why *why)
{
    struct stat st;
    return lstat(path, &st) != 0 ? RC_OK : say_exists(path, why);
}

enum rc file_write_new(const char *path, struct bytes contents, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return say_exists(path, why);
    if (fd < 0)
        return why_set(why, RC_FILE_IO, "%s: cannot be made: %s%s", cli_quote(quoted, path),
                       strerror(errno),
                       errno == ENOENT ? ": make the directory that is to hold it first" : "");
    enum rc rc = write_all(fd, contents, why);
    if (close(fd) != 0 && rc == RC_OK)
        rc = why_set(why, RC_FILE_IO, "cannot be written: %s", strerror(errno));
    if (rc == RC_OK)
        rc = sync_directory_of(path, why);
    if (rc == RC_OK)
        return RC_OK;
    unlink(path);
    return why_within(why, rc, "%s", cli_quote(quoted, path));
}
