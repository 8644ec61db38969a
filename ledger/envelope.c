#include "ledger/envelope.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/base/check.h"

void envelope_begin(struct buf *out, const char *magic, const struct digest *chain_id)
{
    CHECK(strlen(magic) == ENVELOPE_MAGIC_BYTES);
    buf_add(out, magic, ENVELOPE_MAGIC_BYTES);
    buf_add(out, chain_id->bytes, DIGEST_BYTES);
    buf_add_u16(out, 0); /* epoch changes: the format has room for them, there are none yet */
}

void envelope_end(struct buf *out, const struct certificate *certificate)
{
    uint8_t bytes[CERT_BYTES_MAX];
    struct wr w = wr_of(bytes, sizeof bytes);
    cert_encode(&w, certificate);
    CHECK(wr_ok(&w));
    buf_add_bytes(out, wr_bytes_of(&w));
}

/* What begins with these bytes; NULL: nothing of ours. */
static const char *name_of(struct bytes magic)
{
    static const char *const names[][2] = {
        {RECEIPT_MAGIC, "a receipt"}, {PROOF_MAGIC, "a state proof"}, {EVIDENCE_MAGIC, "evidence"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bytes_equal(magic, bytes_of_text(names[i][0])))
            return names[i][1];
    return NULL;
}

static enum rc judge_magic(struct rd *r, const char *magic, struct why *why)
{
    struct bytes found = rd_take(r, ENVELOPE_MAGIC_BYTES);
    if (bytes_equal(found, bytes_of_text(magic)))
        return RC_OK;
    const char *is = name_of(found);
    if (is != NULL)
        return why_set(why, RC_MALFORMED, "magic: this is %s, not %s: check it as %s", is,
                       name_of(bytes_of_text(magic)), is);
    return why_set(why, RC_MALFORMED, "magic: the file does not begin with %s", magic);
}

enum rc envelope_judge_begin(struct rd *r, const char *magic, const struct digest *chain_id,
                             struct why *why)
{
    struct digest found;
    enum rc rc = judge_magic(r, magic, why);
    if (rc != RC_OK)
        return rc;
    rd_copy(r, found.bytes, DIGEST_BYTES);
    rc = envelope_judge_taken(r, "chain id", why);
    if (rc != RC_OK)
        return rc;
    if (!digest_equal(&found, chain_id)) {
        char is[DIGEST_HEX_BYTES];
        char should[DIGEST_HEX_BYTES];
        digest_to_hex(is, &found);
        digest_to_hex(should, chain_id);
        return why_set(why, RC_NETWORK_MISMATCH,
                       "chain id: the file is of chain %s, the genesis of chain %s: take the "
                       "genesis file of its network",
                       is, should);
    }
    uint16_t epoch_changes = rd_u16(r);
    rc = envelope_judge_taken(r, "epoch changes", why);
    if (rc == RC_OK && epoch_changes != 0)
        return why_set(why, RC_MALFORMED,
                       "epoch changes: this program cannot check proofs of epochs (here: %u of "
                       "them): a newer one may",
                       (unsigned)epoch_changes);
    return rc;
}

enum rc envelope_judge_taken(const struct rd *r, const char *field, struct why *why)
{
    if (!r->failed)
        return RC_OK;
    return why_set(why, RC_MALFORMED, "structure: the file ends within or before the %s", field);
}

enum rc envelope_judge_end(struct rd *r, struct certificate *out, struct why *why)
{
    cert_decode(r, out);
    if (r->failed)
        return why_set(why, RC_MALFORMED,
                       "structure: what should be the certificate is cut short, of an unknown "
                       "kind, or has too many signatures");
    if (!rd_done(r))
        return why_set(why, RC_MALFORMED,
                       "structure: %zu bytes are left over after the certificate", r->left);
    return RC_OK;
}

static const char *kind_name(enum cert_kind kind)
{
    if (kind == CERT_PREPARE)
        return "PREPARE";
    return kind == CERT_COMMIT ? "COMMIT" : "CHECKPOINT";
}

enum rc envelope_judge_certificate(const struct certificate *c, enum cert_kind kind,
                                   const struct digest *chain_id,
                                   const struct member_table *members, struct why *why)
{
    const struct statement *s = &c->statement;
    if (s->kind != kind)
        return why_set(why, RC_PROOF, "certificate: its kind must be %s (here: %s)",
                       kind_name(kind), kind_name(s->kind));
    enum cert_fault fault = cert_verify(c, chain_id, members);
    if (fault == CERT_NOT_A_QUORUM)
        return why_set(why, RC_PROOF,
                       "certificate: it must have exactly %" PRIu32 " signatures, a quorum of "
                       "%" PRIu32 " members (here: %" PRIu32 ")",
                       quorum_of(members->members_count), members->members_count, c->entries_count);
    if (fault != CERT_OK)
        return why_set(why, fault == CERT_BAD_SIGNATURE ? RC_SIGNATURE : RC_PROOF,
                       "certificate: %s", cert_fault_text(fault));
    /* The genesis names the members of epoch 0. Their keys say nothing about later epochs, whose
     * members only a proof of epochs could name. */
    if (s->epoch != 0)
        return why_set(why, RC_PROOF,
                       "certificate: its epoch must be 0, as no epoch change is shown (here: "
                       "%" PRIu64 ")",
                       s->epoch);
    return RC_OK;
}
