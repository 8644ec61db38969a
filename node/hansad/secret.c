#include "node/hansad/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"

/* ---- passphrase ---- */

struct passphrase {
    char text[KEY_PASSPHRASE_BYTES_MAX + 2]; /* room for the newline while it is read */
};

static enum rc judge_mode(int fd, struct why *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return why_set(why, RC_FILE_IO, "cannot be examined: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return why_set(why, RC_FILE_IO, "is not a file");
    if ((st.st_mode & 07777 & ~0600u) != 0)
        return why_set(why, RC_FILE_MODE,
                       "the passphrase file's mode is %04o and may be 0600 at most: run chmod 600 "
                       "on it",
                       (unsigned)(st.st_mode & 07777));
    if (geteuid() != 0 && st.st_uid != geteuid())
        return why_set(
            why, RC_FILE_MODE,
            "the passphrase file belongs to user %lu, this is user %lu: run as its owner",
            (unsigned long)st.st_uid, (unsigned long)geteuid());
    return RC_OK;
}

/* One line; the words never quote it. */
static enum rc take_line(struct passphrase *p, size_t size, struct why *why)
{
    if (size > 0 && p->text[size - 1] == '\n')
        size--;
    if (size == 0)
        return why_set(why, RC_MALFORMED, "the passphrase is empty: it needs one byte at least");
    if (size > KEY_PASSPHRASE_BYTES_MAX)
        return why_set(why, RC_MALFORMED, "a passphrase has at most %d bytes",
                       (int)KEY_PASSPHRASE_BYTES_MAX);
    p->text[size] = '\0';
    if (strlen(p->text) != size || strchr(p->text, '\n') != NULL)
        return why_set(why, RC_MALFORMED, "a passphrase is one line of text, without NUL bytes");
    return RC_OK;
}

static enum rc read_passphrase(struct passphrase *p, const char *path, struct why *why)
{
    size_t size = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return why_set(why, RC_FILE_IO, "%s: cannot be opened: %s", path, strerror(errno));
    enum rc rc = judge_mode(fd, why);
    while (rc == RC_OK && got > 0 && size < sizeof p->text) {
        got = read(fd, p->text + size, sizeof p->text - size);
        if (got < 0)
            rc = why_set(why, RC_FILE_IO, "cannot be read: %s", strerror(errno));
        else
            size += (size_t)got;
    }
    close(fd);
    if (rc == RC_OK)
        rc = take_line(p, size, why);
    return rc == RC_OK ? rc : why_within(why, rc, "%s", path);
}

static enum rc read_protected(struct key *out, const char *path, const char *passphrase_file,
                              const char *network, struct why *why)
{
    const char *file =
        passphrase_file[0] != '\0' ? passphrase_file : getenv("HANSA_PASSPHRASE_FILE");
    struct passphrase p = {{0}};
    if (file == NULL || file[0] == '\0')
        return why_set(why, RC_PASSPHRASE,
                       "the key is protected: name the file with its passphrase by "
                       "--passphrase-file or HANSA_PASSPHRASE_FILE");
    crypto_lock(&p, sizeof p);
    enum rc rc = read_passphrase(&p, file, why);
    if (rc == RC_OK)
        rc = keyfile_read(out, path, p.text, network, why);
    crypto_unlock(&p, sizeof p);
    return rc;
}

/* ---- the key ---- */

/* What the public lines tell: no passphrase is wanted for a key that is of no use here. */
static enum rc judge_public(uint32_t *own_index, const struct key_public *public,
                            const struct genesis *g, struct why *why)
{
    if (strcmp(public->network, g->chain) != 0)
        return why_set(why, RC_NETWORK_MISMATCH,
                       "the key belongs to network '%s', the genesis file is of '%s': use a key of "
                       "this network",
                       public->network, g->chain);
    if (public->kind != KEY_REPLICA)
        return why_set(why, RC_INVALID,
                       "this is the key of participant '%s': a node runs with a replica's key "
                       "(hansa keygen --replica)",
                       public->name);
    char hex[PUBLIC_KEY_HEX_BYTES];
    public_key_to_hex(hex, &public->sign_public);
    uint32_t index = genesis_member_by_key(g, &public->sign_public);
    if (index == MEMBERS_MAX)
        return why_set(why, RC_KEY_MISMATCH,
                       "the key %s, of replica '%s', is no member's of this genesis file: use a "
                       "member's key, or the genesis file that names this one",
                       hex, public->name);
    if (memcmp(public->link_public, g->members[index].link_key, LINK_KEY_BYTES) != 0)
        return why_set(why, RC_KEY_MISMATCH,
                       "the link key is not the one that the genesis file has for member '%s': use "
                       "the key file that its public file was made with",
                       g->members[index].name);
    *own_index = index;
    return RC_OK;
}

enum rc secret_open(struct key *out, uint32_t *own_index, const char *path,
                    const char *passphrase_file, const struct genesis *genesis, struct why *why)
{
    struct key_public public;
    bool is_protected = false;
    enum rc rc = keyfile_read_public(&public, path, why);
    if (rc == RC_OK)
        rc = judge_public(own_index, &public, genesis, why);
    if (rc == RC_OK)
        rc = keyfile_needs_passphrase(&is_protected, path, why);
    if (rc == RC_OK && is_protected)
        rc = read_protected(out, path, passphrase_file, genesis->chain, why);
    else if (rc == RC_OK)
        rc = keyfile_read(out, path, NULL, genesis->chain, why);
    return rc == RC_OK ? rc : why_within(why, rc, "%s", path);
}
