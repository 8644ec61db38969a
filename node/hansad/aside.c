#include "node/hansad/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/store_intake.h"
#include "node/driver/records.h"
#include "node/hansad/node.h"

/* A copy, or where one would be. */
struct aside {
    char directory[PATH_MAX], file[PATH_MAX], part[PATH_MAX], mark[PATH_MAX];
};

enum { FIRST, NEWEST, COPIES_COUNT };
static const char *const names[COPIES_COUNT] = {
    [FIRST] = "diverged-first", [NEWEST] = "diverged-newest"};

static enum rc failed(struct why *why, const char *path)
{
    return why_set(why, errno == ENOSPC ? RC_DISK_FULL : RC_FILE_IO, "%s: %s", path,
                   strerror(errno));
}

static enum rc join(char out[static PATH_MAX], const char *directory, const char *name,
                    struct why *why)
{
    int size = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    if (size > 0 && size < PATH_MAX)
        return RC_OK;
    errno = ENAMETOOLONG;
    return failed(why, directory);
}

static enum rc name_all(struct aside *a, const char *data, const char *name, struct why *why)
{
    enum rc rc = join(a->directory, data, name, why);
    if (rc == RC_OK)
        rc = join(a->file, a->directory, "data.mdb", why);
    if (rc == RC_OK)
        rc = join(a->part, a->directory, "data.part", why);
    return rc == RC_OK ? join(a->mark, a->directory, "current", why) : rc;
}

/* ---- making ---- */

static enum rc sync_directory(const char *path, struct why *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed(why, path);
    enum rc rc = fsync(fd) == 0 ? RC_OK : failed(why, path);
    close(fd);
    return rc;
}

/* The reserve is the ledger's (design 5): no copy takes of it. It is at most as large as the store,
 * and the one that it takes the place of goes when it is whole. */
static enum rc judge_room(const struct home *h, struct why *why)
{
    char path[PATH_MAX];
    struct stat st;
    uint64_t free_bytes, reserve_bytes = h->config->disk_reserve_bytes;
    enum rc rc = join(path, h->config->data, "data.mdb", why);
    if (rc == RC_OK)
        rc = node_disk_free(&free_bytes, h->config->data, why);
    if (rc != RC_OK)
        return rc;
    uint64_t store_bytes = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    if (free_bytes > reserve_bytes && free_bytes - reserve_bytes > store_bytes)
        return RC_OK;
    return why_set(why, RC_DISK_FULL,
                   "%" PRIu64 " bytes are free, of which %" PRIu64
                   " are held in reserve; a copy may take %" PRIu64,
                   free_bytes, reserve_bytes, store_bytes);
}

static enum rc copy_to(struct kv *kv, const char *path, enum kv_copy how, struct why *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(why, path);
    enum rc rc = kv_lmdb_copy(kv, fd, how, why);
    if (rc == RC_OK && fsync(fd) != 0)
        rc = failed(why, path);
    close(fd);
    return rc;
}

static enum rc put_mark(const struct aside *a, struct why *why)
{
    int fd = open(a->mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(why, a->mark);
    close(fd);
    return RC_OK;
}

/* The name comes last, so that what has it is whole; and the mark behind it, so that the copy of an
 * earlier time never has it: a crash in between costs one copy more. */
static enum rc make(const struct aside *a, const struct home *h, struct why *why)
{
    (void)unlink(a->part); /* of one that was cut off: its room is needed */
    enum rc rc = judge_room(h, why);
    if (rc == RC_OK && mkdir(a->directory, 0700) != 0 && errno != EEXIST)
        return failed(why, a->directory);
    if (rc != RC_OK)
        return rc;
    rc = copy_to(h->kv, a->part, KV_COPY_COMPACT, why);
    if (rc != RC_OK && rc != RC_DISK_FULL) /* what is wrong may be the trees */
        rc = copy_to(h->kv, a->part, KV_COPY_AS_IS, why);
    if (rc == RC_OK && rename(a->part, a->file) != 0)
        rc = failed(why, a->file);
    if (rc == RC_OK)
        rc = put_mark(a, why);
    if (rc == RC_OK)
        rc = sync_directory(a->directory, why);
    return rc == RC_OK ? sync_directory(h->config->data, why) : rc;
}

/* What is half a copy holds room that the ledger may need. */
static void leave_nothing(const struct aside *a)
{
    (void)unlink(a->part);
    (void)rmdir(a->directory); /* unless there is an older one in it */
}

/* ---- saying ---- */

static void say(const struct aside *a, const struct home *h, struct log *log)
{
    struct log_line l;
    log_begin(&l, log, LOG_ERROR, "set_aside");
    log_number(&l, "height", store_flushed_height(h->store));
    log_words(&l, "to", a->directory);
    log_words(&l, "words",
              "the state of this node is not the one that a quorum of the members has certified; a "
              "copy of its store is kept there, and the node takes the certified state from the "
              "others; look after disk and memory, and see what is wrong in it with the command");
    char command[2 * PATH_MAX + 64];
    (void)snprintf(command, sizeof command, "hansa audit %s --genesis %s", a->directory,
                   h->config->genesis);
    log_words(&l, "command", command);
    log_end(&l);
}

static void say_not(const struct home *h, const struct why *cause, struct log *log)
{
    struct log_line l;
    log_begin(&l, log, LOG_ERROR, "not_set_aside");
    log_number(&l, "height", store_flushed_height(h->store));
    log_words(&l, "what", cause->text);
    log_words(&l, "words",
              "the state of this node is not the one that a quorum of the members has certified; "
              "no copy of it could be made, and the node takes the certified state from the others "
              "all the same; look after disk and memory");
    log_end(&l);
}

/* ---- putting aside ---- */

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

enum rc aside_put(struct home *h, struct log *log, struct why *why)
{
    struct aside copies[COPIES_COUNT];
    struct why cause = {{0}};
    bool is_diverged;
    enum rc rc = records_load_diverged(store_view(h->store), &is_diverged, why);
    if (rc != RC_OK)
        return rc;
    bool has_it = is_diverged && store_has_state(h->store);
    for (int i = 0; i < COPIES_COUNT && rc == RC_OK; i++) {
        rc = name_all(&copies[i], h->config->data, names[i], &cause);
        if (rc == RC_OK && !has_it)
            (void)unlink(copies[i].mark); /* it was of what is over */
        if (rc == RC_OK && has_it && is_there(copies[i].mark) && is_there(copies[i].file)) {
            say(&copies[i], h, log); /* a start after a kill: was it said before? */
            return RC_OK;
        }
    }
    if (!has_it)
        return RC_OK;
    const struct aside *a = &copies[rc == RC_OK && is_there(copies[FIRST].file) ? NEWEST : FIRST];
    if (rc == RC_OK) {
        rc = make(a, h, &cause);
        if (rc != RC_OK)
            leave_nothing(a);
    }
    if (rc == RC_OK)
        say(a, h, log);
    else
        say_not(h, &cause, log);
    return RC_OK;
}
