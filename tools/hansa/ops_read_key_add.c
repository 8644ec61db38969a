#include <string.h>

#include "tools/hansa/files.h"
#include "tools/hansa/ops_read_parts.h"
#include "tools/hansa/passphrase.h"

/* A key that signs has a participant already, and has it for ever: the ledger would refuse. */
static enum rc judge_new_key(const struct json_at *at, const struct public_key *key,
                             const struct reading *r)
{
    if (!public_key_equal(key, r->context->signer))
        return RC_OK;
    return json_refuse(at, r->why,
                       "is the signer's own key: make another with hansa keygen %s --out FILE",
                       r->context->participant);
}

/* Judged by the public lines, before a passphrase is asked for. */
static enum rc judge_new_key_file(const struct json_at *at, const char *path,
                                  const struct reading *r)
{
    struct key_public public;
    const char *participant = r->context->participant;
    enum rc rc = file_read_public_key(&public, path, r->why);
    if (rc != RC_OK)
        return why_within(r->why, rc, "%s", at->path);
    bool is_replica = public.kind != KEY_PARTICIPANT;
    if (!is_replica && strcmp(public.name, participant) == 0)
        return judge_new_key(at, &public.sign_public, r);
    /* Of another network key_open() says that first. */
    if (strcmp(public.network, r->context->genesis->chain) != 0)
        return RC_OK;
    return json_refuse(at, r->why,
                       "is the key of %s '%s', but the signer is participant '%s': make the new "
                       "key with hansa keygen %s",
                       is_replica ? "replica" : "participant", public.name, participant,
                       participant);
}

/* The new key's secret is here: it gives its consent now. */
static enum rc consent_now(const struct reading *r)
{
    struct json_at path_at = json_field(r->at, "new_key_file");
    struct json_at passphrase_at = json_field(r->at, "new_passphrase_file");
    struct bytes path;
    struct bytes passphrase = {0};
    enum rc rc = json_expect_text(&path, &path_at, r->why);
    if (rc == RC_OK && passphrase_at.value != NULL)
        rc = json_expect_text(&passphrase, &passphrase_at, r->why);
    if (rc != RC_OK)
        return rc;
    rc = judge_new_key_file(&path_at, (const char *)path.data, r);
    if (rc != RC_OK)
        return rc;
    struct key key;
    rc = key_open(&key, (const char *)path.data, (const char *)passphrase.data,
                  r->context->genesis->chain, r->why);
    if (rc != RC_OK)
        return why_within(r->why, rc, "%s", path_at.path);
    r->op->key_add.key = key.public.sign_public;
    op_key_add_consent(&r->op->key_add.consent, &r->context->genesis->chain_id,
                       r->op->key_add.participant, &key.sign);
    key_close(&key);
    return rc;
}

/* The new key's holder signed its consent elsewhere. */
static enum rc consent_given(const struct reading *r)
{
    struct op_key_add *op = &r->op->key_add;
    struct json_at participant_at = json_field(r->at, "participant");
    enum rc rc = RC_OK;
    struct bytes participant = op->participant;
    if (participant_at.value != NULL)
        rc = json_expect_text(&participant, &participant_at, r->why);
    if (rc == RC_OK && !bytes_equal(participant, op->participant))
        rc = json_refuse(&participant_at, r->why, "must be the signer's participant, '%s'",
                         r->context->participant);
    if (rc == RC_OK)
        rc = ops_read_hex(op->key.bytes, PUBLIC_KEY_BYTES, r, "key");
    if (rc == RC_OK)
        rc = ops_read_hex(op->consent.bytes, SIGNATURE_BYTES, r, "consent");
    struct json_at key_at = json_field(r->at, "key");
    if (rc == RC_OK)
        rc = judge_new_key(&key_at, &op->key, r);
    if (rc != RC_OK || op_key_add_consent_verify(op, &r->context->genesis->chain_id))
        return rc;
    struct json_at consent = json_field(r->at, "consent");
    return json_refuse(&consent, r->why,
                       "is not the key's signature for this participant on this "
                       "chain");
}

enum rc ops_read_key_add(const struct reading *r)
{
    static const char *const by_file[] = {"op", "new_key_file", "?new_passphrase_file", NULL};
    static const char *const by_consent[] = {"op", "?participant", "key", "consent", NULL};
    bool has_consent = json_field(r->at, "consent").value != NULL;
    enum rc rc = json_expect_object(r->at, has_consent ? by_consent : by_file, r->why);
    if (rc != RC_OK)
        return rc;
    r->op->key_add.participant = bytes_of_text(r->context->participant);
    return has_consent ? consent_given(r) : consent_now(r);
}
