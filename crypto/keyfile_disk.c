/* Key files on disk: made once, whole or not at all, and never followed by a second look at the
 * path, which somebody could have changed in between. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/keyfile_parts.h"

/* ---- reading ---- */

/* At most one byte more than a key file may have. Returns false with errno on failure. */
static bool read_all(int fd, struct keyfile_text *out)
{
    out->size = 0;
    while (out->size < sizeof out->data) {
        ssize_t got = read(fd, out->data + out->size, sizeof out->data - out->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        out->size += (size_t)got;
    }
    return true;
}

static enum rc load_open(struct keyfile_text *out, struct keyfile_stat *stat_out, int fd,
                         struct why *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return why_set(why, RC_FILE_IO, "cannot be examined: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return why_set(why, RC_FILE_IO, "is not a file");
    stat_out->mode = (unsigned)(st.st_mode & 07777);
    stat_out->owner = (unsigned long)st.st_uid;
    if (!read_all(fd, out))
        return why_set(why, RC_FILE_IO, "cannot be read: %s", strerror(errno));
    if (out->size > KEY_FILE_BYTES_MAX)
        return why_set(why, RC_MALFORMED, "is longer than %d bytes: this is not a key file",
                       (int)KEY_FILE_BYTES_MAX);
    return RC_OK;
}

enum rc keyfile_load(struct keyfile_text *out, struct keyfile_stat *stat_out, const char *path,
                     struct why *why)
{
    /* O_NONBLOCK: opening a pipe must not wait for its other end. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return why_set(why, RC_FILE_IO, "cannot be opened: %s", strerror(errno));
    enum rc rc = load_open(out, stat_out, fd, why);
    close(fd);
    return rc;
}

enum rc keyfile_judge_access(const struct keyfile_stat *stat, const char *what, const char *more,
                             struct why *why)
{
    if ((stat->mode & ~0600u) != 0)
        return why_set(why, RC_FILE_MODE,
                       "the %s file's mode is %04o and may be 0600 at most: run chmod 600 on it%s",
                       what, stat->mode, more);
    if (geteuid() != 0 && stat->owner != (unsigned long)geteuid())
        return why_set(why, RC_FILE_MODE,
                       "the %s file belongs to user %lu, this is user %lu: run as its owner", what,
                       stat->owner, (unsigned long)geteuid());
    return RC_OK;
}

/* ---- writing ---- */

/* A file being made. fd is -1 while it is not ours, and then it is never removed. */
struct made {
    const char *path;
    int fd;
};

static enum rc create(struct made *m, mode_t mode, struct why *why)
{
    m->fd = open(m->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (m->fd < 0 && errno == EEXIST)
        return why_set(why, RC_FILE_EXISTS, "%s: %s", m->path, rc_text(RC_FILE_EXISTS));
    if (m->fd < 0)
        return why_set(why, RC_FILE_IO, "%s: cannot be made: %s", m->path, strerror(errno));
    /* The umask may have taken bits away. */
    if (fchmod(m->fd, mode) != 0)
        return why_set(why, RC_FILE_IO, "%s: mode cannot be set: %s", m->path, strerror(errno));
    return RC_OK;
}

static enum rc fill(const struct made *m, const struct keyfile_text *text, struct why *why)
{
    size_t done = 0;
    while (done < text->size) {
        ssize_t put = write(m->fd, text->data + done, text->size - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return why_set(why, RC_FILE_IO, "%s: cannot be written: %s", m->path, strerror(errno));
        done += (size_t)put;
    }
    if (fsync(m->fd) != 0)
        return why_set(why, RC_FILE_IO, "%s: cannot be synced: %s", m->path, strerror(errno));
    return RC_OK;
}

/* New names are durable only when their directory is. */
static enum rc sync_directory_of(const char *path, struct why *why)
{
    char directory[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL)
        snprintf(directory, sizeof directory, "%.*s", (int)(slash - path + 1), path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return why_set(why, RC_FILE_IO, "%s: cannot be opened: %s", directory, strerror(errno));
    enum rc rc = RC_OK;
    if (fsync(fd) != 0)
        rc = why_set(why, RC_FILE_IO, "%s: cannot be synced: %s", directory, strerror(errno));
    close(fd);
    return rc;
}

/* Both files are created before either is filled, so that one in the way leaves no trace. */
static enum rc make_both(struct made *secret_file, struct made *public_file,
                         const struct keyfile_text *secret, const struct keyfile_text *public,
                         struct why *why)
{
    enum rc rc = create(secret_file, 0600, why);
    if (rc == RC_OK)
        rc = create(public_file, 0644, why);
    if (rc == RC_OK)
        rc = fill(secret_file, secret, why);
    if (rc == RC_OK)
        rc = fill(public_file, public, why);
    if (rc == RC_OK)
        rc = sync_directory_of(secret_file->path, why);
    return rc;
}

static void end(const struct made *m, bool is_kept)
{
    if (m->fd < 0)
        return;
    close(m->fd);
    if (!is_kept)
        unlink(m->path);
}

enum rc keyfile_store(const char *path, const struct keyfile_text *secret,
                      const struct keyfile_text *public, struct why *why)
{
    char public_path[PATH_MAX];
    int size = snprintf(public_path, sizeof public_path, "%s.pub", path);
    if (size < 0 || (size_t)size >= sizeof public_path)
        return why_set(why, RC_FILE_IO, "the path is too long: %zu bytes", strlen(path));
    struct made secret_file = {.path = path, .fd = -1};
    struct made public_file = {.path = public_path, .fd = -1};
    enum rc rc = make_both(&secret_file, &public_file, secret, public, why);
    end(&public_file, rc == RC_OK);
    end(&secret_file, rc == RC_OK);
    return rc;
}
