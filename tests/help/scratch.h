/* Directories for tests that need a real disk. */
#ifndef TESTS_HELP_SCRATCH_H
#define TESTS_HELP_SCRATCH_H

#include <stdbool.h>

/* Make an empty directory under $TMPDIR or /tmp. The caller ends it with scratch_remove. */
char *scratch_make(void);
/* Remove it with all that is in it, and free the path. */
void scratch_remove(char *path);
/* path/name; the caller frees it with free(). */
char *scratch_join(const char *path, const char *name);

/* The same as setup and teardown of a cmocka test: *state is the path. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* Put a small disk of its own (a tmpfs; room is like "size=3m") on the directory, for this process
 * only, so call it in a child: the disk ends with the last process that sees it.
 * Returns false where the system does not let us. */
bool scratch_mount_disk(const char *path, const char *room);
bool scratch_resize_disk(const char *path, const char *room);
/* Take what room is left on the disk that path is on, with a file path/filler. */
void scratch_fill_disk(const char *path);

#endif
