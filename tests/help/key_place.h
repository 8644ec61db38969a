/* For tests of key files: a directory of its own for each test, and keys to write there. */
#ifndef TESTS_HELP_KEY_PLACE_H
#define TESTS_HELP_KEY_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/keyfile.h"

struct key_place {
    char directory[64];
    char path[96];
    char public_path[104];
};

/* Setup and teardown of a cmocka test: *state is the struct key_place. Removing fails when files
 * other than path and public_path are left. */
int key_place_make(void **state);
int key_place_remove(void **state);
uint32_t key_place_files_count(const struct key_place *p);

/* The key of network demo, name alpha, whose seed is 32 times seed. End with key_close(). */
struct key key_for_test(enum key_kind kind, uint8_t seed);
/* Write key_for_test(kind, 1) at the lowest cost. */
void key_place_write(const struct key_place *p, enum key_kind kind, const char *passphrase);
/* Read a key and close it; on a refusal also asserts that no secret is left and that the words
 * begin with the path. */
MUST_USE enum rc key_place_read(const char *path, const char *passphrase, const char *network,
                                struct why *why);

/* A whole file as text: out has room for KEY_FILE_BYTES_MAX + 1. Returns its size. */
size_t key_place_load(const char *path, char *out);
/* Make path anew, mode 0600. */
void key_place_save(const char *path, const char *text, size_t size);

#endif
