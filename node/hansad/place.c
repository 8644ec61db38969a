#include "node/hansad/place.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "crypto/base/check.h"

/* "a/b/" is in "a", "/b" in "/", and "b" in ".". */
static void find_parent(char out[static PATH_MAX], const char *path)
{
    size_t size = strlen(path);
    CHECK(size > 0 && size < PATH_MAX);
    while (size > 1 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    while (size > 1 && path[size - 1] == '/')
        size--;
    if (size == 0)
        snprintf(out, PATH_MAX, ".");
    else
        snprintf(out, PATH_MAX, "%.*s", (int)size, path);
}

void place_find_disk(char out[static PATH_MAX], const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0)
        snprintf(out, PATH_MAX, "%s", path);
    else
        find_parent(out, path);
}

/* The kernel shows things of its own as files there, and nobody's permission lets make others. */
static bool is_kernels(const char *directory)
{
    struct statfs fs;
    return statfs(directory, &fs) == 0 &&
           (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC);
}

static enum rc judge_directory(const char *path, const char *directory, int needed, struct why *why)
{
    const char *what = path == directory ? "it" : directory;
    if (access(directory, needed) != 0)
        return why_set(why, RC_FILE_IO, "%s: nothing can be made in %s: %s", path, what,
                       strerror(errno));
    if (is_kernels(directory))
        return why_set(why, RC_FILE_IO,
                       "%s: nothing can be made in %s: these are the kernel's own files; name a "
                       "directory on a disk",
                       path, what);
    return RC_OK;
}

static enum rc judge_parent(const char *path, struct why *why)
{
    char parent[PATH_MAX];
    struct stat st;
    if (lstat(path, &st) == 0)
        return why_set(why, RC_FILE_IO, "%s: it is a link to what is not there", path);
    find_parent(parent, path);
    if (stat(parent, &st) != 0)
        return why_set(why, RC_FILE_IO,
                       "%s: it cannot be made, for there is no directory %s: is the path right? If "
                       "so, make that directory first",
                       path, parent);
    return judge_directory(path, parent, W_OK | X_OK, why);
}

enum rc place_judge(const char *path, struct why *why)
{
    struct stat st;
    if (stat(path, &st) != 0 && errno == ENOENT)
        return judge_parent(path, why);
    if (stat(path, &st) != 0)
        return why_set(why, RC_FILE_IO, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return why_set(why, RC_NOT_A_STORE, "%s: %s: name the data directory", path,
                       strerror(ENOTDIR));
    return judge_directory(path, path, R_OK | W_OK | X_OK, why);
}
