#include "tests/help/key_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int key_place_make(void **state)
{
    struct key_place *p = calloc(1, sizeof *p);
    if (p == NULL)
        return -1;
    strcpy(p->directory, "/tmp/hansa-keyfile-XXXXXX");
    if (mkdtemp(p->directory) == NULL)
        return -1;
    snprintf(p->path, sizeof p->path, "%s/alpha.key", p->directory);
    snprintf(p->public_path, sizeof p->public_path, "%s.pub", p->path);
    *state = p;
    return 0;
}

int key_place_remove(void **state)
{
    struct key_place *p = *state;
    unlink(p->path);
    unlink(p->public_path);
    int failed = rmdir(p->directory);
    free(p);
    return failed;
}

uint32_t key_place_files_count(const struct key_place *p)
{
    uint32_t count = 0;
    DIR *d = opendir(p->directory);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

/* ---- keys and texts ---- */

struct key key_for_test(enum key_kind kind, uint8_t seed)
{
    struct key_public public = {.kind = kind, .network = "demo", .name = "alpha"};
    if (kind == KEY_REPLICA) {
        strcpy(public.peer_address, "127.0.0.1:7101");
        strcpy(public.client_address, "[::1]:7201");
    }
    uint8_t seed32[SIGN_SEED_BYTES];
    memset(seed32, seed, sizeof seed32);
    struct key key;
    key_make(&key, &public, seed32);
    return key;
}

size_t key_place_load(const char *path, char *out)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t size = fread(out, 1, KEY_FILE_BYTES_MAX, f);
    fclose(f);
    out[size] = '\0';
    return size;
}

void key_place_save(const char *path, const char *text, size_t size)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    close(fd);
}

void key_place_write(const struct key_place *p, enum key_kind kind, const char *passphrase)
{
    struct key key = key_for_test(kind, 1);
    struct why why = {{0}};
    assert_int_equal(keyfile_write(p->path, &key, passphrase, KEYFILE_COST_TEST, &why), RC_OK);
    key_close(&key);
}

enum rc key_place_read(const char *path, const char *passphrase, const char *network,
                       struct why *why)
{
    static const struct key wiped;
    struct key key;
    *why = (struct why){{0}};
    enum rc rc = keyfile_read(&key, path, passphrase, network, why);
    if (rc != RC_OK) {
        /* A refusal leaves no secret behind and says in words which file and why. */
        assert_memory_equal(&key.sign, &wiped.sign, sizeof key.sign);
        assert_memory_equal(key.link_secret, wiped.link_secret, LINK_KEY_BYTES);
        assert_true(strncmp(why->text, path, strlen(path)) == 0);
        assert_true(strlen(why->text) > strlen(path) + 10);
    }
    key_close(&key);
    return rc;
}
