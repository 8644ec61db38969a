#include "tools/hansa/send.h"

#include "tools/hansa/nonce.h"
#include "tools/hansa/passphrase.h"
#include "tools/hansa/sign.h"

/* ---- signing and sending ---- */

/* Nothing is sent before the nonce is known, so no outcome is open. */
static enum cli_exit ask_nonce(struct nonce *out, struct cli *c, struct nodes *n,
                               const struct key *key)
{
    struct why why = {""};
    outcome_watch_unsent(c);
    enum rc rc = nonce_ask(out, n, &key->public.sign_public, &why);
    if (rc == RC_OK)
        return CLI_DONE;
    if (rc != RC_TIMEOUT)
        return cli_fail(c, rc, &why);
    rc = why_within(&why, rc, "nothing was sent, so give the command again once nodes answer");
    return cli_fail_as(c, CLI_ENVIRONMENT, rc, &why, json_pack("{s:b}", "sent", 0));
}

/* nonce: NULL when it was not asked for. height: NULL, or where to put that of what is committed,
 * instead of answering. */
static enum cli_exit send_whole(struct cli *c, struct nodes *n, struct bytes whole,
                                const struct nonce *nonce, uint64_t *height)
{
    struct tx tx;
    struct submit_end end;
    struct why why = {""};
    enum verdict v = tx_decode(&tx, whole, &n->genesis->chain_id);
    if (v != VERDICT_OK)
        return cli_fail_verdict(c, v, "the transaction is not sent");
    const struct outcome_of o = {.txid = tx.id, .nonce = tx.nonce, .asked = nonce};
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
    struct json_at at = json_root(ops);
    struct nonce nonce;
    bool is_asked = draft->nonce == 0;
    if (is_asked) {
        enum cli_exit code = ask_nonce(&nonce, c, n, key);
        if (code != CLI_DONE)
            return code;
        draft->nonce = nonce.next;
    }
    struct buf whole = {0};
    json_t *warnings; /* of what the genesis file tells: the ledger itself is about to say more */
    enum cli_exit code = sign_ops(c, &whole, &warnings, draft, &at, where, key, n->genesis);
    json_decref(warnings);
    if (code == CLI_DONE)
        code = send_whole(c, n, buf_bytes(&whole), is_asked ? &nonce : NULL, NULL);
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
    struct nonce nonce;
    enum rc rc = nonce_ask(&nonce, n, &key->public.sign_public, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    draft.nonce = nonce.next;
    enum verdict v = tx_sign(&whole, &draft, &key->sign, &n->genesis->chain_id);
    enum cli_exit code = v == VERDICT_OK
                             ? send_whole(c, n, buf_bytes(&whole), &nonce, height)
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
