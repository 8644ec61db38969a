#include "tools/hansa/sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/files.h"
#include "tools/hansa/ops_read.h"
#include "tools/hansa/passphrase.h"
#include "tools/hansa/render.h"
#include "tools/hansa/sign_warn.h"

/* Beside the answer, for people; with --json they stand in it. */
static void print_warnings(const struct cli *c, const json_t *warnings)
{
    size_t index;
    json_t *one;
    json_array_foreach(warnings, index, one)
    {
        fprintf(stderr, "hansa: %s: warning: %s\n", c->command->words, json_string_value(one));
    }
}

static enum cli_exit answer_json(struct cli *c, const struct tx *tx, const char *path,
                                 json_t *warnings)
{
    json_t *out = json_object();
    render_set_digest(out, "txid", &tx->id);
    render_set_number(out, "nonce", tx->nonce);
    render_set_number(out, "bytes", tx->whole.size);
    if (path != NULL)
        render_set_text(out, "file", bytes_of_text(path));
    else
        render_set_hex(out, "transaction", tx->whole);
    CHECK(json_object_set(out, "warnings", warnings) == 0);
    return cli_answer(c, out);
}

/* The transaction is signed and decodes: the program has made it itself. */
static enum cli_exit answer(struct cli *c, struct bytes whole, const struct genesis *g,
                            json_t *warnings)
{
    struct tx tx;
    CHECK(tx_decode(&tx, whole, &g->chain_id) == VERDICT_OK);
    const char *path = cli_value(c, "out");
    struct why why = {""};
    enum rc rc = path != NULL ? file_write_new(path, whole, &why) : RC_OK;
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    if (c->json)
        return answer_json(c, &tx, path, warnings);
    print_warnings(c, warnings);
    char txid[DIGEST_HEX_BYTES];
    digest_to_hex(txid, &tx.id);
    if (path != NULL) {
        char quoted[CLI_QUOTE_BYTES];
        cli_line("txid", "%s", txid);
        cli_line("file", "%s, %zu bytes", cli_quote(quoted, path), whole.size);
        return CLI_DONE;
    }
    /* Only the transaction goes to stdout, so that it can go on into a pipe or file. */
    char *hex = mem_alloc(2 * whole.size + 1);
    hex_encode(hex, whole.data, whole.size);
    printf("%s\n", hex);
    mem_free(hex);
    fprintf(stderr, "txid: %s\n", txid);
    return CLI_DONE;
}

/* Of several operations, the one that is refused is named, as JSON counts them. */
static enum cli_exit refuse(struct cli *c, const struct tx_draft *draft, enum verdict v)
{
    char words[64] = "the transaction is not signed";
    for (uint32_t i = 0; i < draft->ops_count && draft->ops_count > 1; i++) {
        const struct op_rules *rules = op_rules_of(draft->ops[i].type);
        if (rules == NULL || rules->judge(&draft->ops[i]) != v)
            continue;
        snprintf(words, sizeof words, "not signed: operation [%" PRIu32 "], %s", i, rules->name);
        break;
    }
    return cli_fail_verdict(c, v, "%s", words);
}

enum cli_exit sign_ops(struct cli *c, struct buf *whole, json_t **warnings, struct tx_draft *draft,
                       const struct json_at *at, const char *where, const struct key *key,
                       const struct genesis *g)
{
    struct why why = {""};
    struct op_list list;
    const struct ops_context context = {g, key->public.name, &key->public.sign_public};
    *warnings = NULL;
    enum rc rc = ops_read(&list, at, &context, &why);
    if (rc != RC_OK && where != NULL)
        rc = why_within(&why, rc, "%s", where);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    draft->ops = list.ops;
    draft->ops_count = list.count;
    *warnings = sign_warnings(&list, &context);
    enum verdict v = tx_sign(whole, draft, &key->sign, &g->chain_id);
    enum cli_exit code = v == VERDICT_OK ? CLI_DONE : refuse(c, draft, v);
    draft->ops = NULL;
    ops_close(&list);
    return code;
}

static enum cli_exit sign_with_genesis(struct cli *c, struct tx_draft *draft,
                                       const struct json_at *at, const char *where,
                                       const struct genesis *g)
{
    struct why why = {""};
    struct key key;
    enum rc rc =
        key_open(&key, cli_value(c, "key"), cli_value(c, "passphrase-file"), g->chain, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    struct buf whole = {0};
    json_t *warnings;
    enum cli_exit code = sign_ops(c, &whole, &warnings, draft, at, where, &key, g);
    key_close(&key);
    if (code == CLI_DONE)
        code = answer(c, buf_bytes(&whole), g, warnings);
    json_decref(warnings);
    buf_free(&whole);
    return code;
}

enum cli_exit sign_and_answer(struct cli *c, json_t *ops, const char *where)
{
    struct tx_draft draft = {0};
    if (!cli_number(c, "nonce", 1, UINT64_MAX, &draft.nonce) ||
        !cli_number(c, "valid-until", 1, UINT64_MAX, &draft.valid_until_height))
        return CLI_USAGE;
    struct why why = {""};
    struct genesis g;
    enum rc rc = file_read_genesis(&g, cli_value(c, "genesis"), &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    struct json_at at = json_root(ops);
    enum cli_exit code = sign_with_genesis(c, &draft, &at, where, &g);
    genesis_close(&g);
    return code;
}
