#include "tools/hansa/send.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ledger/state.h"
#include "tools/hansa/passphrase.h"
#include "tools/hansa/sign.h"

/* ---- the nonce ---- */

/* Only what is committed counts: two transactions of one nonce cannot both commit, so whoever runs
 * a command again too early does not pay twice. */
static enum rc judge_key(uint64_t *nonce, const struct nodes *n, const struct nodes_answer *a,
                         struct why *why)
{
    struct state_key key;
    char name[NODES_NAME_BYTES];
    nodes_name(name, n, a->node);
    if (!a->reply.is_present[0])
        return why_set(why, RC_REFUSED,
                       "%s knows no such key at height %" PRIu64
                       ": no participant has it; a participant's other key can add it (hansa key "
                       "add)",
                       name, a->reply.height);
    if (!state_key_decode(&key, a->reply.items[0]))
        return why_set(why, RC_STORE_DAMAGED, "%s: the key's entry cannot be decoded", name);
    if (key.revoked)
        return why_set(why, RC_REFUSED, "%s: the key was revoked, for ever: use another", name);
    if (key.nonce == UINT64_MAX)
        return why_set(why, RC_REFUSED, "%s: the key has used all its nonces", name);
    *nonce = key.nonce + 1;
    return RC_OK;
}

static enum rc ask_nonce(uint64_t *nonce, struct nodes *n, const struct public_key *key,
                         struct why *why)
{
    struct proto_request *request = mem_alloc(sizeof *request);
    struct nodes_answer *answer = mem_alloc(sizeof *answer);
    request->type = PROTO_STATE;
    request->table = STATE_KEY;
    request->count = 1;
    request->items[0] = bytes_of(key->bytes, PUBLIC_KEY_BYTES);
    enum rc rc = nodes_ask(n, request, 0, answer, why);
    if (rc == RC_OK)
        rc = judge_key(nonce, n, answer, why);
    nodes_answer_close(answer);
    mem_free(answer);
    mem_free(request);
    return rc;
}

/* ---- signing and sending ---- */

/* height: NULL, or where to put that of what is committed, instead of answering. */
static enum cli_exit send_whole(struct cli *c, struct nodes *n, struct bytes whole,
                                uint64_t *height)
{
    struct tx tx;
    struct submit_end end;
    struct why why = {""};
    enum verdict v = tx_decode(&tx, whole, &n->genesis->chain_id);
    if (v != VERDICT_OK)
        return cli_fail_verdict(c, v, "the transaction is not sent");
    const struct outcome_of o = {.txid = tx.id, .nonce = tx.nonce};
    outcome_announce(c, &o);
    nodes_restart(n);
    enum rc rc = submit_txs(n, &whole, 1, &end, &why);
    if (height != NULL)
        return outcome_height(c, n, &o, &end, rc, &why, height);
    return outcome_answer(c, n, &o, &end, rc, &why);
}

static enum cli_exit sign_and_send(struct cli *c, struct nodes *n, struct tx_draft *draft,
                                   json_t *ops, const char *where, const struct key *key)
{
    struct why why = {""};
    struct json_at at = json_root(ops);
    if (draft->nonce == 0) {
        enum rc rc = ask_nonce(&draft->nonce, n, &key->public.sign_public, &why);
        if (rc != RC_OK)
            return cli_fail(c, rc, &why);
    }
    struct buf whole = {0};
    json_t *warnings; /* of what the genesis file tells: the ledger itself is about to say more */
    enum cli_exit code = sign_ops(c, &whole, &warnings, draft, &at, where, key, n->genesis);
    json_decref(warnings);
    if (code == CLI_DONE)
        code = send_whole(c, n, buf_bytes(&whole), NULL);
    buf_free(&whole);
    return code;
}

enum cli_exit send_open_key(struct key *key, struct cli *c, const struct genesis *g)
{
    struct why why = {""};
    const char *path = nodes_key_path(c);
    if (path == NULL)
        return cli_usage(c, "--key FILE is missing, and HANSA_KEY is not set: the signer's secret "
                            "key file");
    enum rc rc = key_open(key, path, cli_value(c, "passphrase-file"), g->chain, &why);
    return rc == RC_OK ? CLI_DONE : cli_fail(c, rc, &why);
}

enum cli_exit send_ordered(struct cli *c, struct nodes *n, const struct key *key, uint64_t *height)
{
    static const struct op cancel = {.type = OP_CANCEL};
    struct tx_draft draft = {.ops = &cancel, .ops_count = 1};
    struct why why = {""};
    struct buf whole = {0};
    nodes_restart(n);
    enum rc rc = ask_nonce(&draft.nonce, n, &key->public.sign_public, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    enum verdict v = tx_sign(&whole, &draft, &key->sign, &n->genesis->chain_id);
    enum cli_exit code = v == VERDICT_OK
                             ? send_whole(c, n, buf_bytes(&whole), height)
                             : cli_fail_verdict(c, v, "the transaction cannot be signed");
    buf_free(&whole);
    return code;
}

enum cli_exit send_and_answer(struct cli *c, json_t *ops, const char *where)
{
    struct tx_draft draft = {0};
    struct nodes nodes;
    struct key key;
    if (!cli_number(c, "nonce", 1, UINT64_MAX, &draft.nonce) ||
        !cli_number(c, "valid-until", 1, UINT64_MAX, &draft.valid_until_height))
        return CLI_USAGE;
    enum cli_exit code = outcome_judge_receipt(c);
    if (code == CLI_DONE)
        code = nodes_open_asked(&nodes, c, NODES_SEND_SECONDS);
    if (code != CLI_DONE)
        return code;
    code = send_open_key(&key, c, nodes.genesis);
    if (code == CLI_DONE) {
        nodes_restart(&nodes); /* a passphrase takes its time */
        nodes_read_as(&nodes, &key.sign);
        code = sign_and_send(c, &nodes, &draft, ops, where, &key);
        key_close(&key);
    }
    nodes_close(&nodes);
    return code;
}
