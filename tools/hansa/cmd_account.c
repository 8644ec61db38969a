/* `hansa account`: what an account holds, or which accounts a participant has; and the proof. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/receipt.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/holdings.h"
#include "tools/hansa/render.h"

struct question {
    struct bytes who;   /* an account or a participant */
    struct bytes asset; /* empty = all */
    bool is_account;
    struct bytes participant;
    const char *proof_path; /* NULL = no proof is asked for */
};

/* What the proof file says, which is of a checkpoint and so may be older than the head. */
struct proven {
    struct buf file;
    struct state_proof proof;
    struct state_balance balance; /* of an account */
};

static enum rc ask(struct question *q, const struct cli *c, struct why *why)
{
    const char *text = cli_argument(c, 0);
    q->is_account = strchr(text, '/') != NULL;
    q->proof_path = cli_value(c, "prove");
    enum rc rc =
        q->is_account ? ask_account(&q->who, text, why) : ask_participant(&q->who, text, why);
    if (rc != RC_OK)
        return rc;
    q->participant = q->is_account ? account_participant(q->who) : q->who;
    return cli_has(c, "asset") ? ask_asset(&q->asset, cli_value(c, "asset"), why) : RC_OK;
}

/* ---- the proof ---- */

/* What is written is what a reader of it will be told: so it is verified first, like theirs. */
static enum rc make_proof(struct proven *out, struct source *s, const struct question *q,
                          struct bytes asset, struct why *why)
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
    return file_write_new(q->proof_path, buf_bytes(&out->file), why);
}

static json_t *proof_json(const struct question *q, const struct proven *p, struct bytes asset,
                          const struct genesis *g)
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

static void print_proof(const struct cli *c, const struct question *q, const struct proven *p,
                        struct bytes asset, const struct genesis *g)
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
        cli_line("it proves", "%s, after %" PRIu64 " history entries",
                 render_amount(amount, p->balance.amount, asset, g), p->balance.entries_count);
    else
        cli_line("it proves", "the participant's role and active keys there");
    data_dir_print_next(c, "proof verify", q->proof_path);
}

/* ---- answering ---- */

static json_t *balance_json(const struct holding *h, const struct genesis *g)
{
    json_t *out = json_pack("{s:s}", "asset", h->asset);
    render_amount_into(out, "amount", h->balance.amount, bytes_of_text(h->asset), g);
    render_set_number(out, "entries_count", h->balance.entries_count);
    return out;
}

static void set_account(json_t *out, const struct question *q, const struct holdings *h,
                        const struct genesis *g)
{
    json_t *balances = json_array();
    render_set_text(out, "account", q->who);
    for (size_t i = 0; i < h->count; i++)
        json_array_append_new(balances, balance_json(&h->items[i], g));
    json_object_set_new(out, "balances", balances);
}

static void set_participant(json_t *out, const struct state_participant *p,
                            const struct holdings *h, const struct genesis *g)
{
    json_t *keys = json_array(), *accounts = json_array(), *balances = NULL;
    for (uint32_t i = 0; i < p->keys_count; i++) {
        char hex[PUBLIC_KEY_HEX_BYTES];
        public_key_to_hex(hex, &p->keys[i]);
        json_array_append_new(keys, json_string(hex));
    }
    for (size_t i = 0; i < h->count; i++) {
        if (i == 0 || strcmp(h->items[i].account, h->items[i - 1].account) != 0) {
            balances = json_array();
            json_array_append_new(accounts, json_pack("{s:s, s:o}", "account", h->items[i].account,
                                                      "balances", balances));
        }
        json_array_append_new(balances, balance_json(&h->items[i], g));
    }
    json_object_set_new(out, "role", json_string(p->role == ROLE_GOVERNOR ? "governor" : "none"));
    json_object_set_new(out, "keys", keys);
    json_object_set_new(out, "accounts", accounts);
}

static void print_participant(const struct state_participant *p)
{
    cli_line("role", "%s", p->role == ROLE_GOVERNOR ? "governor" : "none");
    for (uint32_t i = 0; i < p->keys_count; i++) {
        char hex[PUBLIC_KEY_HEX_BYTES];
        public_key_to_hex(hex, &p->keys[i]);
        cli_line(i == 0 ? "keys" : "", "%s", hex);
    }
}

static void print_holdings(const struct question *q, const struct holdings *h,
                           const struct genesis *g)
{
    for (size_t i = 0; i < h->count; i++) {
        const struct holding *item = &h->items[i];
        char amount[RENDER_AMOUNT_BYTES];
        render_amount(amount, item->balance.amount, bytes_of_text(item->asset), g);
        cli_line(q->is_account ? item->asset : item->account, "%s, %" PRIu64 " history entr%s",
                 amount, item->balance.entries_count,
                 item->balance.entries_count == 1 ? "y" : "ies");
    }
    if (h->count == 0)
        cli_line(q->is_account ? "balance" : "accounts", "none");
}

static enum cli_exit answer(struct cli *c, const struct source *s, const struct question *q,
                            const struct state_participant *participant, const struct holdings *h,
                            const struct proven *p, struct bytes asset)
{
    const struct genesis *g = s->genesis;
    uint64_t height = source_height(s);
    if (c->json) {
        json_t *out = json_object();
        render_set_text(out, "participant", q->participant);
        render_set_number(out, "height", height);
        source_standing_to_json(out, s);
        if (q->is_account)
            set_account(out, q, h, g);
        else
            set_participant(out, participant, h, g);
        if (q->proof_path != NULL)
            json_object_set_new(out, "proof", proof_json(q, p, asset, g));
        return cli_answer(c, out);
    }
    if (q->is_account)
        cli_line("account", "%s", cli_argument(c, 0));
    cli_line("participant", "%.*s", (int)q->participant.size, (const char *)q->participant.data);
    cli_line("height", "%" PRIu64, height);
    source_print_standing(s);
    if (!q->is_account)
        print_participant(participant);
    print_holdings(q, h, g);
    if (q->proof_path != NULL)
        print_proof(c, q, p, asset, g);
    return CLI_DONE;
}

/* ---- the command ---- */

/* Nothing there is an answer only when its proof was asked for. */
static enum rc judge_found(struct source *s, const struct question *q, const struct holdings *h,
                           struct why *why)
{
    if (h->count > 0 || !q->is_account || q->proof_path != NULL)
        return RC_OK;
    uint64_t height = source_height(s);
    if (q->asset.size > 0)
        return why_set(
            why, RC_NOT_FOUND, "account '%s' has never held any %.*s up to height %" PRIu64,
            (const char *)q->who.data, (int)q->asset.size, (const char *)q->asset.data, height);
    return why_set(why, RC_NOT_FOUND,
                   "there is no account '%s' up to height %" PRIu64
                   ": an account exists from its first credit",
                   (const char *)q->who.data, height);
}

static enum cli_exit show(struct cli *c, struct source *s, const struct question *q,
                          struct holdings *h, struct proven *p)
{
    struct why why = {""};
    struct state_participant participant = {0};
    enum rc rc = RC_OK;
    if (!q->is_account)
        rc = holdings_participant(&participant, s, q->who, &why);
    if (rc == RC_NOT_FOUND && q->proof_path != NULL)
        rc = RC_OK;
    if (rc == RC_OK)
        rc = holdings_read(h, s, q->who, q->asset, &why);
    if (rc == RC_OK)
        rc = judge_found(s, q, h, &why);
    if (rc != RC_OK)
        return source_fail(c, s, rc, &why);
    struct bytes asset = q->asset;
    if (q->proof_path != NULL && q->is_account && asset.size == 0) {
        if (h->count != 1)
            return cli_usage(c, "--prove proves one balance: say with --asset CODE which");
        asset = bytes_of_text(h->items[0].asset);
    }
    if (q->proof_path != NULL)
        rc = make_proof(p, s, q, asset, &why);
    if (rc != RC_OK)
        return source_fail(c, s, rc, &why);
    return answer(c, s, q, &participant, h, p, asset);
}

static enum cli_exit run(struct cli *c)
{
    struct why why = {""};
    struct question q = {0};
    struct source s;
    enum rc rc = ask(&q, c, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    enum cli_exit code = source_open_asked(&s, c);
    if (code != CLI_DONE)
        return code;
    struct holdings holdings = {0};
    struct proven proven = {0};
    code = show(c, &s, &q, &holdings, &proven);
    buf_free(&proven.file);
    holdings_close(&holdings);
    source_close(&s);
    return code;
}

static const struct cli_argument arguments[] = {
    {"ACCOUNT", CLI_REQUIRED, "participant/name; or a participant alone, for all its accounts"},
    {0}};

static const struct cli_option options[] = {
    SOURCE_OPTIONS,
    {"asset", "CODE", CLI_OPTIONAL, "this asset only"},
    {"prove", "FILE", CLI_OPTIONAL, "write a proof of the balance, or that there is none"},
    {0}};

const struct command cmd_account = {
    .words = "account",
    .summary = "show what an account holds, or the accounts of a participant",
    .arguments = arguments,
    .options = options,
    .text =
        "Balances are those at the newest block. A running node's answer is its word; --prove\n"
        "fetches a proof and verifies it. With --dir they are verified against the state tree,\n"
        "and certified when a quorum of members signed that tree, and the blocks above it; if\n"
        "they are not, the answer says so, and only hansa audit can vouch for them. A proof is\n"
        "of the newest certified checkpoint, which may be older; it shows a balance, or that\n"
        "the account never held the asset, and for a participant alone its role and keys.",
    .example = "hansa account bank/main --genesis genesis.json\n"
               "hansa account bank/main --asset CZK --prove main.proof --node beta\n"
               "hansa account bank/main --dir node-0/data\n"
               "hansa account bank/main --dir node-0/data --asset CZK --prove main.proof",
    .exits =
        "0 shown; 1 the store is damaged, or a proof does not hold; 3 not a name, or another\n"
        "chain; 4 no such account, or no checkpoint is certified yet; 5 a node runs in DIR, or\n"
        "a file cannot be written; 6 the key may not read; 7 no node answers",
    .run = run,
};
