/* Files that people name on the command line: read whole within a bound, written once. */
#ifndef TOOLS_HANSA_FILES_H
#define TOOLS_HANSA_FILES_H

#include "genesis/genesis.h"
#include "genesis/json.h"
#include "tools/hansa/cli.h"

/* Append the whole file to out. The words begin with the path, quoted, in all functions here.
 * what says what is meant to be in it: "a receipt".
 * Returns: RC_OK | RC_FILE_IO | RC_MALFORMED (more than bytes_max, which no such thing has). */
MUST_USE enum rc file_read(struct buf *out, const char *path, size_t bytes_max, const char *what,
                           struct why *why);
/* genesis_read(), json_read_file() and keyfile_read_public() with such words. */
MUST_USE enum rc file_read_genesis(struct genesis *out, const char *path, struct why *why);
MUST_USE enum rc file_read_json(json_t **out, const char *path, size_t bytes_max, struct why *why);
MUST_USE enum rc file_read_public_key(struct key_public *out, const char *path, struct why *why);

/* What a file is by its first bytes, and what to do with it ("a receipt: hansa receipt verify"), or
 * NULL: for words about a file that was mistaken for another. */
const char *file_guess(struct bytes contents);
/* Whether it is a secret key file, by its first line; false as well when it cannot be read. */
bool file_is_secret_key(const char *path);

/* For commands that judge one file by the genesis file of --genesis, else of HANSA_GENESIS: read
 * that, then act with it and an empty buffer for the file; both are freed afterwards. */
typedef enum cli_exit file_act(struct cli *c, struct buf *file, const struct genesis *g);
enum cli_exit file_act_with_genesis(struct cli *c, file_act *act);

/* Refuse a path at which file_write_new() would find something, before work is done for it.
 * Returns: RC_OK | RC_FILE_EXISTS. */
MUST_USE enum rc file_expect_none(const char *path, struct why *why);
/* Make a new file (exclusive, mode 0644), synced with its directory; nothing stays on failure.
 * Returns: RC_OK | RC_FILE_EXISTS | RC_DISK_FULL | RC_FILE_IO. */
MUST_USE enum rc file_write_new(const char *path, struct bytes contents, struct why *why);

#endif
