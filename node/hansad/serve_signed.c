/* Who may read what (genesis "reads"): a stranger costs a look at the state and one verification
 * (66 us) for each request, as a new session costs one exchange, and requests come
 * NET_CLIENT_TAKE_MAX at a time. */
#include "crypto/base/check.h"
#include "ledger/state.h"
#include "node/hansad/serve_impl.h"

/* An active key is in the committed state, and is not revoked there. */
static enum proto_code judge_signer(struct serve *s, uint64_t number)
{
    const struct proto_request *r = &s->request;
    struct state_key key;
    struct why why = {{0}};
    if (s->scratch == NULL) {
        serve_refuse(s, number, r->type, PROTO_BUSY);
        return PROTO_BUSY;
    }
    bool is_there = state_get_key(s->scratch, &r->signer, &key);
    enum rc rc = layer_rc(s->scratch);
    if (rc == RC_OK)
        return is_there && !key.revoked ? PROTO_OK : PROTO_FORBIDDEN;
    layer_clear(s->scratch);
    rc = why_set(&why, rc, "the signer's key cannot be read: %s", rc_text(rc));
    serve_fail(s, number, r->type, rc, &why);
    return PROTO_FAILED;
}

static bool is_signed_here(struct serve *s, uint64_t number)
{
    const struct genesis *g = s->config.genesis;
    uint8_t ephemeral[LINK_KEY_BYTES];
    if (!s->config.session(s->config.context, number, ephemeral))
        return false;
    return proto_is_signed_well(
        &s->request,
        &(struct proto_session){&g->chain_id, ephemeral, g->members[s->config.own_index].link_key});
}

bool serve_may(struct serve *s, uint64_t number)
{
    const struct proto_request *r = &s->request;
    bool is_off = r->type == PROTO_BACKUP && s->config.backup == NULL;
    bool is_open = s->config.genesis->reads == READS_OPEN || !proto_is_signable(r->type);
    if (is_open && !is_off)
        return true;
    enum proto_code code = PROTO_FORBIDDEN;
    if (!is_off && r->is_signed)
        code = judge_signer(s, number);
    if (code == PROTO_OK && !is_signed_here(s, number))
        code = PROTO_FORBIDDEN;
    if (code == PROTO_FORBIDDEN)
        serve_refuse(s, number, r->type, code);
    return code == PROTO_OK;
}
