#include "ledger/kv_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "crypto/checksum.h"

enum {
    HEAD_BYTES = 24,
    HEAD_DOMAIN = 255, /* no table has this number */
    /* Less than this is no room: a failed write may leave some blocks that it could not use. */
    ROOM_BYTES_MIN = 1024 * 1024
};
static const char head_magic[] = "hansahd1";

bool kv_dir_is_full(const struct kv_dir *d, int e)
{
    if (e == ENOSPC || e == EDQUOT)
        return true;
    if (e != EIO && e != EFBIG) /* LMDB calls a short write EIO */
        return false;
    struct statvfs room;
    if (fstatvfs(d->fd, &room) != 0)
        return false;
    return (uint64_t)room.f_bavail * room.f_frsize < ROOM_BYTES_MIN;
}

/* The code and words of a failed system call. */
static enum rc failed(const struct kv_dir *d, const char *act, int e, struct why *why)
{
    enum rc rc = kv_dir_is_full(d, e) ? RC_DISK_FULL : RC_STORE_IO;
    return why_set(why, rc, "%s: %s", act, strerror(e));
}

/* ---- the directory ---- */

static enum rc dir_lock(const struct kv_dir *d, struct why *why)
{
    while (flock(d->fd, (d->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return why_set(why, RC_STORE_IN_USE, "%s", rc_text(RC_STORE_IN_USE));
        if (errno != EINTR)
            return failed(d, "lock the directory", errno, why);
    }
    return RC_OK;
}

enum rc kv_dir_open(struct kv_dir *d, const char *path, bool create, bool read_only,
                    struct why *why)
{
    CHECK(!(create && read_only));
    *d = (struct kv_dir){.fd = -1, .head_fd = -1, .read_only = read_only};
    if (create && mkdir(path, 0700) != 0 && errno != EEXIST)
        return failed(d, "make the directory", errno, why);
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return why_set(why, RC_NOT_A_STORE, "there is no Hansa store here: %s", strerror(errno));
    if (d->fd < 0)
        return failed(d, "open the directory", errno, why);
    enum rc rc = dir_lock(d, why);
    if (rc != RC_OK)
        kv_dir_close(d);
    return rc;
}

void kv_dir_close(struct kv_dir *d)
{
    if (d->head_fd >= 0)
        close(d->head_fd);
    if (d->fd >= 0)
        close(d->fd);
    d->head_fd = d->fd = -1;
}

enum rc kv_dir_file_bytes(const struct kv_dir *d, const char *name, uint64_t *out, struct why *why)
{
    *out = 0;
    struct stat st;
    if (fstatat(d->fd, name, &st, 0) == 0)
        *out = (uint64_t)st.st_size;
    else if (errno != ENOENT)
        return failed(d, name, errno, why);
    return RC_OK;
}

enum rc kv_dir_reserve(const struct kv_dir *d, const char *name, uint64_t size, struct why *why)
{
    int fd = openat(d->fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(d, name, errno, why);
    int e = posix_fallocate(fd, 0, (off_t)size);
    close(fd);
    return e == 0 ? RC_OK : failed(d, name, e, why);
}

enum rc kv_dir_sync(const struct kv_dir *d, struct why *why)
{
    if (fsync(d->fd) != 0)
        return failed(d, "sync the directory", errno, why);
    /* The parent may be closed to us; then whoever made the directory answers for its name. */
    int parent = openat(d->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return RC_OK;
    int e = fsync(parent) == 0 ? 0 : errno;
    close(parent);
    return e == 0 ? RC_OK : failed(d, "sync the parent directory", e, why);
}

/* ---- head ---- */

static uint64_t head_checksum(uint64_t commits)
{
    uint8_t at[8];
    struct wr w = wr_of(at, sizeof at);
    wr_u64(&w, commits);
    return checksum_of(HEAD_DOMAIN, bytes_of_text(head_magic), wr_bytes_of(&w));
}

/* False when the file is missing, short, torn or no head at all. */
static bool head_read(const struct kv_dir *d, uint64_t *commits)
{
    uint8_t at[HEAD_BYTES + 1];
    ssize_t size = d->head_fd < 0 ? 0 : pread(d->head_fd, at, sizeof at, 0);
    struct rd r = rd_of(bytes_of(at, size > 0 ? (size_t)size : 0));
    struct bytes magic = rd_take(&r, strlen(head_magic));
    *commits = rd_u64(&r);
    uint64_t checksum = rd_u64(&r);
    return rd_done(&r) && bytes_equal(magic, bytes_of_text(head_magic)) &&
           checksum == head_checksum(*commits);
}

void kv_dir_write_head(const struct kv_dir *d, uint64_t commits)
{
    CHECK(!d->read_only);
    uint8_t at[HEAD_BYTES];
    struct wr w = wr_of(at, sizeof at);
    wr_bytes(&w, bytes_of_text(head_magic));
    wr_u64(&w, commits);
    wr_u64(&w, head_checksum(commits));
    CHECK(wr_ok(&w));
    ssize_t written = pwrite(d->head_fd, at, sizeof at, 0);
    (void)written;
}

enum rc kv_dir_judge_head(struct kv_dir *d, uint64_t commits, struct why *why)
{
    int flags = d->read_only ? O_RDONLY : O_RDWR | O_CREAT;
    d->head_fd = openat(d->fd, "head", flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->head_fd < 0 && !(d->read_only && errno == ENOENT))
        return failed(d, "head", errno, why);
    uint64_t noted;
    bool is_sound = head_read(d, &noted);
    if (is_sound && noted > commits)
        return why_set(why, RC_STORE_ROLLED_BACK,
                       "the store is older than it was when it was last used: it has %" PRIu64
                       " commits and had %" PRIu64
                       ", so it came from a backup or was damaged; do not run a replica on it",
                       commits, noted);
    if (!d->read_only && (!is_sound || noted != commits)) {
        /* Whatever stood there, and however long it was, makes room. */
        if (ftruncate(d->head_fd, 0) != 0)
            return failed(d, "head", errno, why);
        kv_dir_write_head(d, commits);
    }
    return RC_OK;
}
