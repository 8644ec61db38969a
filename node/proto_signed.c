/* Requests that a participant signs. */
#include <string.h>

#include "crypto/base/check.h"
#include "node/proto_parts.h"

bool proto_is_signable(enum proto_type t)
{
    switch (t) {
    case PROTO_STATE:
    case PROTO_INDEX:
    case PROTO_NAMES:
    case PROTO_BLOCK:
    case PROTO_PROOF:
    case PROTO_BACKUP:
    case PROTO_READ:
    case PROTO_EVIDENCE: /* one of a bad body holds a block */
        return true;
    case PROTO_SUBMIT:
    case PROTO_WAIT:
    case PROTO_RECEIPT: /* goes to who knows the txid, and so the transaction */
    case PROTO_STATUS:
    case PROTO_METRICS:
    case PROTO_TYPE_END:
        break;
    }
    return false;
}

void proto_put_signature(struct buf *out, const struct proto_request *r)
{
    if (!r->is_signed)
        return;
    CHECK(proto_is_signable(r->type));
    buf_add(out, r->signer.bytes, PUBLIC_KEY_BYTES);
    buf_add(out, r->signature.bytes, SIGNATURE_BYTES);
}

void proto_take_signature(struct rd *from, struct proto_request *r, struct bytes whole)
{
    if (from->failed || from->left != PROTO_SIGNED_BYTES || !proto_is_signable(r->type))
        return; /* what is left over is refused */
    r->is_signed = true;
    r->signed_bytes = bytes_of(whole.data, whole.size - PROTO_SIGNED_BYTES);
    rd_copy(from, r->signer.bytes, PUBLIC_KEY_BYTES);
    rd_copy(from, r->signature.bytes, SIGNATURE_BYTES);
}

static void add_statement(struct buf *out, const struct proto_session *session,
                          struct bytes request)
{
    buf_add(out, tag_bytes(TAG_READ_SIGN), TAG_BYTES);
    buf_add(out, session->chain_id->bytes, DIGEST_BYTES);
    buf_add(out, session->ephemeral, LINK_KEY_BYTES);
    buf_add(out, session->node_link_key, LINK_KEY_BYTES);
    buf_add_bytes(out, request);
}

void proto_sign_request(struct buf *request, const struct proto_session *session,
                        const struct sign_key *key)
{
    struct buf statement = {0};
    struct signature signature;
    CHECK(request->size >= 2);
    CHECK(proto_is_signable((enum proto_type)request->data[1]));
    add_statement(&statement, session, buf_bytes(request));
    sign_message(&signature, buf_bytes(&statement), key);
    buf_add(request, key->public.bytes, PUBLIC_KEY_BYTES);
    buf_add(request, signature.bytes, SIGNATURE_BYTES);
    buf_free(&statement);
}

bool proto_is_signed_well(const struct proto_request *r, const struct proto_session *session)
{
    struct buf statement = {0};
    CHECK(r->is_signed);
    add_statement(&statement, session, r->signed_bytes);
    bool holds = sign_verify(&r->signature, buf_bytes(&statement), &r->signer);
    buf_free(&statement);
    return holds;
}
