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

/* The first is DATA/diverged-HEIGHT; beyond it, with the number. */
static enum rc name_all(struct aside *a, const struct home *h, uint32_t number, struct why *why)
{
    char tail[16] = "";
    a->data = h->config->data;
    if (number > 1)
        (void)snprintf(tail, sizeof tail, "-%" PRIu32, number);
    int size = snprintf(a->directory, sizeof a->directory, "%s/diverged-%" PRIu64 "%s", a->data,
                        store_flushed_height(h->store), tail);
    if (size > 0 && size < PATH_MAX - (int)sizeof "/data.part") {
        (void)snprintf(a->file, sizeof a->file, "%.*s/data.mdb", size, a->directory);
        (void)snprintf(a->part, sizeof a->part, "%.*s/data.part", size, a->directory);
        return RC_OK;
    }
    errno = ENAMETOOLONG;
    return failed(why, a->data);
}

/* Whether the copy is of this very state: a node may rot at the same height again. One that cannot
 * be read is another's business, and stays. */
static bool is_copy(const struct aside *a, const struct home *h)
{
    struct why why = {{0}};
    struct kv *kv;
    struct store *copy;
    const struct kv_lmdb_options options = {.map_bytes = h->config->map_bytes, .read_only = true};
    if (kv_lmdb_open(&kv, a->directory, &options, &why) != RC_OK)
        return false;
    enum rc rc = store_open(&copy, kv, &(struct store_options){.as_recorded = true}, &why);
    if (rc == RC_OK) {
        struct tree_ref ours = store_tree(h->store), theirs = store_tree(copy);
        rc = digest_equal(&ours.root, &theirs.root) ? RC_OK : RC_NOT_FOUND;
        store_close(copy);
    }
    kv_close(kv);
    return rc == RC_OK;
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
    bool is_diverged, is_there = false;
    enum rc rc = records_load_diverged(store_view(h->store), &is_diverged, why);
    if (rc != RC_OK || !is_diverged || !store_has_state(h->store))
        return rc;
    for (uint32_t number = 1; rc == RC_OK; number++) {
        rc = name_all(&a, h, number, why);
        is_there = rc == RC_OK && access(a.file, F_OK) == 0;
        if (!is_there || is_copy(&a, h))
            break;
    }
    if (rc == RC_OK && !is_there)
        rc = make(&a, h->kv, why);
    if (rc == RC_OK)
        say(&a, h, log);
    return rc == RC_OK ? rc
                       : why_within(why, rc,
                                    "the state that has diverged cannot be put aside: make "
                                    "room, and start the node again");
}
