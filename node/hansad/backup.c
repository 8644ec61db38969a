#include "node/hansad/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "crypto/crypto.h"
#include "net/ring.h"

struct backup {
    struct kv *kv;
    const char *data_path;
    struct ring *ended;
    bool is_making; /* the asker's */
    pthread_t thread;
    /* The thread's until it has ended. */
    enum rc rc;
    struct why why;
    /* The copy: fd -1 = none. */
    int fd;
    bool is_ready;
    uint64_t total;
    uint64_t read_ms; /* when it was read of last */
    uint8_t id[BACKUP_ID_BYTES];
};

enum rc backup_open(struct backup **out, struct kv *kv, const char *data_path, struct why *why)
{
    struct backup *b = mem_alloc(sizeof *b);
    *b = (struct backup){.kv = kv, .data_path = data_path, .ended = ring_new(1), .fd = -1};
    *out = b->ended != NULL ? b : NULL;
    if (*out != NULL)
        return RC_OK;
    mem_free(b);
    return why_set(why, RC_FILE_IO, "no descriptor is left for backups");
}

static void drop(struct backup *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
    b->is_ready = false;
}

void backup_close(struct backup *b)
{
    if (b == NULL)
        return;
    if (b->is_making)
        CHECK(pthread_join(b->thread, NULL) == 0);
    drop(b);
    ring_free(b->ended);
    mem_free(b);
}

/* ---- making ---- */

/* Nameless from the start: a node that is killed meanwhile leaves nothing behind. */
static int open_nameless(const char *directory)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/backup.tmp", directory);
    if (size < 0 || (size_t)size >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (unlink(path) != 0 && errno != ENOENT)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && unlink(path) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void *make(void *context)
{
    struct backup *b = context;
    struct stat st;
    b->rc = kv_lmdb_copy(b->kv, b->fd, KV_COPY_COMPACT, &b->why);
    if (b->rc == RC_OK && fstat(b->fd, &st) != 0)
        b->rc = why_set(&b->why, RC_FILE_IO, "the copy cannot be examined: %s", strerror(errno));
    if (b->rc == RC_OK)
        b->total = (uint64_t)st.st_size;
    bool is_put = ring_put(b->ended, b);
    CHECK(is_put); /* one at a time */
    return NULL;
}

bool backup_begin(struct backup *b, uint64_t now_ms)
{
    if (b->is_making)
        return false;
    drop(b);
    b->fd = open_nameless(b->data_path);
    if (b->fd < 0)
        return false;
    crypto_random(b->id, sizeof b->id);
    b->read_ms = now_ms;
    b->is_making = pthread_create(&b->thread, NULL, make, b) == 0;
    if (!b->is_making)
        drop(b);
    return b->is_making;
}

int backup_fd(const struct backup *b)
{
    return ring_fd(b->ended);
}

enum rc backup_finish(struct backup *b, uint64_t now_ms, struct why *why)
{
    CHECK(ring_take(b->ended) != NULL);
    CHECK(pthread_join(b->thread, NULL) == 0);
    b->is_making = false;
    b->is_ready = b->rc == RC_OK;
    b->read_ms = now_ms;
    if (b->rc == RC_OK)
        return RC_OK;
    *why = b->why;
    drop(b);
    return b->rc;
}

/* ---- reading ---- */

bool backup_is_there(const struct backup *b, uint8_t id[static BACKUP_ID_BYTES], uint64_t *total)
{
    memcpy(id, b->id, BACKUP_ID_BYTES);
    *total = b->total;
    return b->is_ready;
}

enum rc backup_read(struct backup *b, const uint8_t id[static BACKUP_ID_BYTES], uint64_t offset,
                    uint32_t count, struct buf *out, uint64_t now_ms, struct why *why)
{
    if (!b->is_ready || memcmp(id, b->id, BACKUP_ID_BYTES) != 0 || offset > b->total)
        return why_set(why, RC_NOT_FOUND, "there is no such backup: begin a new one");
    b->read_ms = now_ms;
    uint64_t left = b->total - offset;
    size_t size = left < count ? (size_t)left : count, done = 0;
    size_t start = out->size;
    uint8_t *at = buf_grow(out, size);
    while (done < size) {
        ssize_t got = pread(b->fd, at + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            out->size = start;
            return why_set(why, RC_FILE_IO, "the backup cannot be read: %s",
                           got < 0 ? strerror(errno) : "it ends early");
        }
        done += (size_t)got;
    }
    return RC_OK;
}

void backup_run(struct backup *b, uint64_t now_ms)
{
    if (b->is_ready && now_ms - b->read_ms >= BACKUP_IDLE_MS)
        drop(b);
}
