/* What hansad is told: the configuration file and the flags that override it.
 *
 *   { "hansad_config": 1,
 *     "genesis": "genesis.json", "key": "alpha.key", "data": "data",
 *     "peer_bind": "0.0.0.0:7101", "disk_reserve_bytes": 1073741824, ... }
 *
 * Each setting is one field of the file and one flag: "disk_reserve_bytes" is --disk-reserve-bytes.
 * Paths in the file are relative to the file, those of flags to the working directory. Without
 * --config, flags alone have to name genesis, key and data. */
#ifndef NODE_HANSAD_CONFIG_H
#define NODE_HANSAD_CONFIG_H

#include <limits.h>

#include "crypto/keyfile.h"
#include "node/hansad/log.h"

enum { CONFIG_FILE_BYTES_MAX = 64 * 1024, CONFIG_VERIFY_THREADS_MAX = 256 };

struct config {
    char file[PATH_MAX]; /* of --config; "": there are flags alone */
    uint32_t by_flags;   /* a bit for each setting that a flag gave, over the file */
    char genesis[PATH_MAX];
    char key[PATH_MAX];
    char passphrase_file[PATH_MAX]; /* "": the key is not protected, or HANSA_PASSPHRASE_FILE */
    char data[PATH_MAX];
    char peer_bind[KEY_ADDRESS_BYTES_MAX + 1];   /* "": the member's own of the genesis file */
    char client_bind[KEY_ADDRESS_BYTES_MAX + 1]; /* the same */
    enum log_level log_level;
    enum log_format log_format;
    uint64_t verify_threads; /* 0: one per core */
    uint64_t map_bytes;      /* 0: 1 TiB */
    uint64_t disk_reserve_bytes;
    uint64_t snapshot_behind_heights; /* 9.3 */
    bool backups; /* answer BACKUP requests: whoever reads may then copy the whole store */
};

/* What a command line asks for besides settings. */
struct asked {
    const char *config_file; /* NULL: none */
    bool init, check, help, version;
};

/* Read the command line, then the file it names, then the flags over it.
 * Returns: RC_OK | RC_REFUSED (wrong usage) | RC_INVALID, RC_MALFORMED, RC_FILE_IO (the file; words
 * name it, and the field). With help or version asked for, nothing else is read or judged. */
MUST_USE enum rc config_read(struct config *out, struct asked *asked, int argc, char **argv,
                             struct why *why);

/* Where people gave a setting, for words about its value: "alpha.json: genesis", or "--genesis".
 * Requires: field is one of the settings. */
enum { CONFIG_PLACE_BYTES = 256 }; /* longer paths are cut */
const char *config_place(char out[static CONFIG_PLACE_BYTES], const struct config *c,
                         const char *field);

/* "NAME VALUE" of every setting and what it means, for --help. */
void config_print_settings(void);

#endif
