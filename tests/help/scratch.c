#include "tests/help/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "crypto/base/check.h"

char *scratch_join(const char *path, const char *name)
{
    char *joined;
    CHECK(asprintf(&joined, "%s/%s", path, name) > 0);
    return joined;
}

char *scratch_make(void)
{
    const char *base = getenv("TMPDIR");
    char *path = scratch_join(base != NULL ? base : "/tmp", "hansa-test-XXXXXX");
    CHECK(mkdtemp(path) != NULL);
    return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void scratch_remove(char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}

int scratch_setup(void **state)
{
    *state = scratch_make();
    return 0;
}

int scratch_teardown(void **state)
{
    scratch_remove(*state);
    return 0;
}

/* ---- small disks ---- */

/* Write "0 ID 1", a map of one id to root, or the word when there is one. */
static bool write_map(const char *path, const char *word, unsigned id)
{
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return false;
    bool is_written = (word != NULL ? fputs(word, f) : fprintf(f, "0 %u 1\n", id)) >= 0;
    return fclose(f) == 0 && is_written;
}

/* A mount namespace of our own: as root, or as root of a user namespace. */
static bool has_own_mounts(void)
{
    unsigned uid = getuid();
    unsigned gid = getgid();
    if (unshare(CLONE_NEWNS) != 0 && (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
                                      !write_map("/proc/self/setgroups", "deny", 0) ||
                                      !write_map("/proc/self/uid_map", NULL, uid) ||
                                      !write_map("/proc/self/gid_map", NULL, gid)))
        return false;
    return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
}

bool scratch_mount_disk(const char *path, const char *room)
{
    return has_own_mounts() && mount("none", path, "tmpfs", 0, room) == 0;
}

bool scratch_resize_disk(const char *path, const char *room)
{
    return mount("none", path, "tmpfs", MS_REMOUNT, room) == 0;
}

void scratch_fill_disk(const char *path)
{
    static const char zeros[4096];
    char *name = scratch_join(path, "filler");
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    while (write(fd, zeros, sizeof zeros) > 0)
        continue;
    close(fd);
    free(name);
}
