/* `hansa account`: proofs of the state, verified here before anything of them is shown. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "tools/hansa/account.h"
#include "tools/hansa/files.h"
#include "tools/hansa/render.h"

/* ---- the proof ---- */

/* What is written is what a reader of it will be told: so it is verified first, like theirs. */
enum rc account_prove(struct account_proven *out, struct source *s,
                      const struct account_question *q, struct bytes asset, struct why *why)
{
    uint8_t room[STATE_KEY_BYTES_MAX];
    enum state_table table = q->is_account ? STATE_BALANCE : STATE_PARTICIPANT;
    struct bytes key = q->is_account ? state_balance_key(room, q->who, asset) : q->who;
    enum rc rc = source_proof(s, table, key, &out->file, why);
    if (rc == RC_OK)
        rc = proof_verify(&out->proof, buf_bytes(&out->file), &s->genesis->chain_id,
                          &s->genesis->member_table, why);
    if (rc != RC_OK)
        return rc;
    if (out->proof.table != table || !bytes_equal(out->proof.key, key))
        return why_set(why, RC_PROOF, "the proof is of another entry than was asked for");
    if (q->is_account && out->proof.present &&
        !state_balance_decode(&out->balance, out->proof.value))
        return why_set(why, RC_STORE_DAMAGED, "the proven balance cannot be decoded");
    if (!q->is_account && out->proof.present &&
        !state_participant_decode(&out->participant, out->proof.value))
        return why_set(why, RC_STORE_DAMAGED, "the proven participant cannot be decoded");
    return q->proof_path != NULL ? file_write_new(q->proof_path, buf_bytes(&out->file), why)
                                 : RC_OK;
}

json_t *account_proof_json(const struct account_question *q, const struct account_proven *p,
                           struct bytes asset, const struct genesis *g)
{
    json_t *out = json_object();
    render_set_text(out, "file", bytes_of_text(q->proof_path));
    render_set_number(out, "bytes", p->file.size);
    render_set_number(out, "height", p->proof.certificate.statement.height);
    render_set_digest(out, "state_root", &p->proof.certificate.statement.state_root);
    json_object_set_new(out, "present", json_boolean(p->proof.present));
    if (!q->is_account)
        return out;
    render_set_text(out, "asset", asset);
    if (!p->proof.present)
        return out;
    render_amount_into(out, "amount", p->balance.amount, asset, g);
    render_set_number(out, "entries_count", p->balance.entries_count);
    return out;
}

void account_print_proof(const struct cli *c, const struct account_question *q,
                         const struct account_proven *p, struct bytes asset,
                         const struct genesis *g)
{
    char quoted[CLI_QUOTE_BYTES];
    char amount[RENDER_AMOUNT_BYTES];
    cli_line("proof", "%s, of the checkpoint at height %" PRIu64, cli_quote(quoted, q->proof_path),
             p->proof.certificate.statement.height);
    if (!p->proof.present && q->is_account)
        cli_line("it proves", "%s held no %.*s there, and never had", (const char *)q->who.data,
                 (int)asset.size, (const char *)asset.data);
    else if (!p->proof.present)
        cli_line("it proves", "there was no such participant there");
    else if (q->is_account)
        cli_line("it proves", "%s, after %" PRIu64 " history entr%s",
                 render_amount(amount, p->balance.amount, asset, g), p->balance.entries_count,
                 p->balance.entries_count == 1 ? "y" : "ies");
    else
        cli_line("it proves", "the participant's role and active keys there");
    data_dir_print_next(c, "proof verify", q->proof_path);
}

/* ---- the level `proved` ---- */

/* One proof shows one entry: of an account in which asset, if that has to be said. Which assets an
 * account has is the source's word, and only helps to choose. */
static enum cli_exit choose_asset(struct cli *c, struct source *s, const struct account_question *q,
                                  struct holdings *h, struct bytes *asset)
{
    struct why why = {""};
    *asset = q->asset;
    if (!q->is_account || q->asset.size > 0)
        return CLI_DONE;
    enum rc rc = holdings_read(h, s, q->who, q->asset, &why);
    if (rc != RC_OK)
        return source_fail(c, s, rc, &why);
    if (h->count != 1)
        return cli_usage(c, "a proof shows one balance: say with --asset CODE which");
    *asset = bytes_of_text(h->items[0].asset);
    return CLI_DONE;
}

/* What is proven, as if it had been read. */
static void as_holdings(struct holdings *h, const struct account_question *q,
                        const struct account_proven *p)
{
    h->count = 0;
    if (q->is_account && p->proof.present) {
        bool is_balance = holdings_take(h, p->proof.key, p->proof.value);
        CHECK(is_balance); /* account_prove() has judged it */
    }
}

static enum cli_exit show_proven(struct cli *c, const struct source *s,
                                 const struct account_question *q, const struct account_proven *p,
                                 struct holdings *h, struct bytes asset)
{
    const struct genesis *g = s->genesis;
    const struct certificate *certificate = &p->proof.certificate;
    uint64_t height = certificate->statement.height;
    as_holdings(h, q, p);
    if (c->json) {
        json_t *out = json_object();
        render_set_text(out, "participant", q->participant);
        render_set_number(out, "height", height);
        json_object_set_new(out, "consistency", json_string("proved"));
        json_object_set_new(out, "certified", json_true());
        json_object_set_new(out, "present", json_boolean(p->proof.present));
        render_set_digest(out, "state_root", &certificate->statement.state_root);
        if (q->is_account)
            account_set_balances(out, q, h, g);
        else if (p->proof.present)
            account_set_keys(out, &p->participant);
        if (q->proof_path != NULL)
            json_object_set_new(out, "proof", account_proof_json(q, p, asset, g));
        return cli_answer(c, out);
    }
    account_print_head(c, q, height);
    cli_line("consistency", "proved: a checkpoint that %" PRIu32 " of %" PRIu32 " members signed",
             certificate->entries_count, g->members_count);
    if (!q->is_account && p->proof.present)
        account_print_participant(&p->participant);
    else if (!q->is_account)
        cli_line("role", "none: there was no such participant there");
    else if (p->proof.present)
        account_print_holdings(q, h, g);
    else
        cli_line("balance", "none: it held no %.*s there, and never had", (int)asset.size,
                 (const char *)asset.data);
    if (q->proof_path != NULL)
        account_print_proof(c, q, p, asset, g);
    return CLI_DONE;
}

enum cli_exit account_proved(struct cli *c, struct source *s, const struct account_question *q)
{
    struct why why = {""};
    struct account_proven proven = {.file = {0}};
    struct holdings listed = {0}, shown = {0};
    struct bytes asset;
    enum cli_exit code = choose_asset(c, s, q, &listed, &asset);
    if (code == CLI_DONE) {
        enum rc rc = account_prove(&proven, s, q, asset, &why);
        code = rc == RC_OK ? show_proven(c, s, q, &proven, &shown, asset)
                           : source_fail(c, s, rc, &why);
    }
    buf_free(&proven.file);
    holdings_close(&listed);
    holdings_close(&shown);
    return code;
}
