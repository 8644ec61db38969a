#include "node/hansad/secret.h"

#include <stdlib.h>
#include <string.h>

/* ---- passphrase ---- */

static enum rc read_protected(struct key *out, const char *path, const char *passphrase_file,
                              const char *network, struct why *why)
{
    const char *file =
        passphrase_file[0] != '\0' ? passphrase_file : getenv("HANSA_PASSPHRASE_FILE");
    struct key_passphrase passphrase;
    if (file == NULL || file[0] == '\0')
        return why_set(why, RC_PASSPHRASE,
                       "the key is protected: name the file with its passphrase by "
                       "--passphrase-file or HANSA_PASSPHRASE_FILE");
    enum rc rc = key_passphrase_read(&passphrase, file, why);
    if (rc != RC_OK)
        return why_within(why, rc, "the passphrase file");
    rc = keyfile_read(out, path, passphrase.text, network, why);
    key_passphrase_close(&passphrase);
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
