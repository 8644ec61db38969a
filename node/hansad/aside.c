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

struct aside {
    const char *data;
    char directory[PATH_MAX], file[PATH_MAX], part[PATH_MAX];
};

static enum rc failed(struct why *why, const char *path)
{
    return why_set(why, errno == ENOSPC ? RC_DISK_FULL : RC_FILE_IO, "%s: %s", path,
                   strerror(errno));
}

static enum rc name_all(struct aside *a, const struct home *h, struct why *why)
{
    uint64_t height = store_flushed_height(h->store);
    a->data = h->config->data;
    int size = snprintf(a->directory, sizeof a->directory, "%s/diverged-%" PRIu64, a->data, height);
    if (size > 0 && size < PATH_MAX)
        size =
            snprintf(a->file, sizeof a->file, "%s/diverged-%" PRIu64 "/data.mdb", a->data, height);
    if (size > 0 && size < PATH_MAX)
        size =
            snprintf(a->part, sizeof a->part, "%s/diverged-%" PRIu64 "/data.part", a->data, height);
    if (size > 0 && size < PATH_MAX)
        return RC_OK;
    errno = ENAMETOOLONG;
    return failed(why, a->data);
}

static enum rc sync_directory(const char *path, struct why *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed(why, path);
    enum rc rc = fsync(fd) == 0 ? RC_OK : failed(why, path);
    close(fd);
    return rc;
}

static enum rc copy_to(struct kv *kv, const char *path, struct why *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(why, path);
    enum rc rc = kv_lmdb_copy(kv, fd, why);
    if (rc == RC_OK && fsync(fd) != 0)
        rc = failed(why, path);
    close(fd);
    return rc;
}

/* The name comes last, so that what has it is whole. */
static enum rc make(const struct aside *a, struct kv *kv, struct why *why)
{
    if (mkdir(a->directory, 0700) != 0 && errno != EEXIST)
        return failed(why, a->directory);
    enum rc rc = copy_to(kv, a->part, why);
    if (rc == RC_OK && rename(a->part, a->file) != 0)
        rc = failed(why, a->file);
    if (rc == RC_OK)
        rc = sync_directory(a->directory, why);
    return rc == RC_OK ? sync_directory(a->data, why) : rc;
}

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

enum rc aside_put(struct home *h, struct log *log, struct why *why)
{
    struct aside a;
    bool is_diverged;
    enum rc rc = records_load_diverged(store_view(h->store), &is_diverged, why);
    if (rc != RC_OK || !is_diverged || !store_has_state(h->store))
        return rc;
    rc = name_all(&a, h, why);
    if (rc != RC_OK)
        return rc;
    if (access(a.file, F_OK) == 0)
        return RC_OK;
    rc = make(&a, h->kv, why);
    if (rc == RC_OK)
        say(&a, h, log);
    return rc == RC_OK ? rc
                       : why_within(why, rc,
                                    "the state that has diverged cannot be put aside: make "
                                    "room, and start the node again");
}
