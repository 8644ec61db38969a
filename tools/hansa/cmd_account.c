/* `hansa account`: what an account holds, or which accounts a participant has; and the proof. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/hansa/account.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/render.h"

static const char *const levels[] = {[ACCOUNT_LOCAL] = "local",
                                     [ACCOUNT_PROVED] = "proved",
                                     [ACCOUNT_LINEARIZABLE] = "linearizable"};

static enum cli_exit ask_level(struct account_question *q, struct cli *c)
{
    char quoted[CLI_QUOTE_BYTES];
    const char *word = cli_value(c, "consistency");
    enum account_level level = ACCOUNT_LOCAL;
    while (word != NULL && level <= ACCOUNT_LINEARIZABLE && strcmp(word, levels[level]) != 0)
        level++;
    if (level > ACCOUNT_LINEARIZABLE)
        return cli_usage(c, "--consistency is local, proved or linearizable (here: %s)",
                         cli_quote(quoted, word));
    q->level = level;
    bool is_linear = level == ACCOUNT_LINEARIZABLE;
    if (is_linear && (cli_has(c, "dir") || cli_has(c, "prove")))
        return cli_usage(c, "--consistency linearizable asks all running nodes: a directory cannot "
                            "know what is newest, and a proof is of a checkpoint");
    if (!is_linear && cli_has(c, "ordered-fallback"))
        return cli_usage(c, "--ordered-fallback is for --consistency linearizable");
    return CLI_DONE;
}

static enum rc ask(struct account_question *q, const struct cli *c, struct why *why)
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

/* ---- answering ---- */

static json_t *balance_json(const struct holding *h, const struct genesis *g)
{
    json_t *out = json_pack("{s:s}", "asset", h->asset);
    render_amount_into(out, "amount", h->balance.amount, bytes_of_text(h->asset), g);
    render_set_number(out, "entries_count", h->balance.entries_count);
    return out;
}

void account_set_balances(json_t *out, const struct account_question *q, const struct holdings *h,
                          const struct genesis *g)
{
    json_t *balances = json_array();
    render_set_text(out, "account", q->who);
    for (size_t i = 0; i < h->count; i++)
        json_array_append_new(balances, balance_json(&h->items[i], g));
    json_object_set_new(out, "balances", balances);
}

void account_set_keys(json_t *out, const struct state_participant *p)
{
    json_t *keys = json_array();
    for (uint32_t i = 0; i < p->keys_count; i++) {
        char hex[PUBLIC_KEY_HEX_BYTES];
        public_key_to_hex(hex, &p->keys[i]);
        json_array_append_new(keys, json_string(hex));
    }
    json_object_set_new(out, "role", json_string(p->role == ROLE_GOVERNOR ? "governor" : "none"));
    json_object_set_new(out, "keys", keys);
}

void account_set_accounts(json_t *out, const struct holdings *h, const struct genesis *g)
{
    json_t *accounts = json_array(), *balances = NULL;
    for (size_t i = 0; i < h->count; i++) {
        if (i == 0 || strcmp(h->items[i].account, h->items[i - 1].account) != 0) {
            balances = json_array();
            json_array_append_new(accounts, json_pack("{s:s, s:o}", "account", h->items[i].account,
                                                      "balances", balances));
        }
        json_array_append_new(balances, balance_json(&h->items[i], g));
    }
    json_object_set_new(out, "accounts", accounts);
}

void account_print_head(const struct cli *c, const struct account_question *q, uint64_t height)
{
    if (q->is_account)
        cli_line("account", "%s", cli_argument(c, 0));
    cli_line("participant", "%.*s", (int)q->participant.size, (const char *)q->participant.data);
    cli_line("height", "%" PRIu64, height);
}

void account_print_participant(const struct state_participant *p)
{
    cli_line("role", "%s", p->role == ROLE_GOVERNOR ? "governor" : "none");
    for (uint32_t i = 0; i < p->keys_count; i++) {
        char hex[PUBLIC_KEY_HEX_BYTES];
        public_key_to_hex(hex, &p->keys[i]);
        cli_line(i == 0 ? "keys" : "", "%s", hex);
    }
}

void account_print_holdings(const struct account_question *q, const struct holdings *h,
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

static enum cli_exit answer(struct cli *c, const struct source *s, const struct account_question *q,
                            const struct state_participant *participant, const struct holdings *h,
                            const struct account_proven *p, struct bytes asset)
{
    const struct genesis *g = s->genesis;
    uint64_t height = source_height(s);
    if (c->json) {
        json_t *out = json_object();
        render_set_text(out, "participant", q->participant);
        render_set_number(out, "height", height);
        json_object_set_new(out, "consistency", json_string("local"));
        source_standing_to_json(out, s);
        if (q->is_account)
            account_set_balances(out, q, h, g);
        if (!q->is_account) {
            account_set_keys(out, participant);
            account_set_accounts(out, h, g);
        }
        if (q->proof_path != NULL)
            json_object_set_new(out, "proof", account_proof_json(q, p, asset, g));
        return cli_answer(c, out);
    }
    account_print_head(c, q, height);
    cli_line("consistency", "local: what %s has committed",
             s->dir != NULL ? "this directory" : "one node");
    source_print_standing(s);
    if (!q->is_account)
        account_print_participant(participant);
    account_print_holdings(q, h, g);
    if (q->proof_path != NULL)
        account_print_proof(c, q, p, asset, g);
    return CLI_DONE;
}

/* ---- the command ---- */

enum rc account_not_found(const struct account_question *q, uint64_t height, struct why *why)
{
    if (q->asset.size > 0)
        return why_set(
            why, RC_NOT_FOUND, "account '%s' has never held any %.*s up to height %" PRIu64,
            (const char *)q->who.data, (int)q->asset.size, (const char *)q->asset.data, height);
    return why_set(why, RC_NOT_FOUND,
                   "there is no account '%s' up to height %" PRIu64
                   ": an account exists from its first credit",
                   (const char *)q->who.data, height);
}

/* Nothing there is an answer only when its proof was asked for. */
static enum rc judge_found(struct source *s, const struct account_question *q,
                           const struct holdings *h, struct why *why)
{
    if (h->count > 0 || !q->is_account || q->proof_path != NULL)
        return RC_OK;
    return account_not_found(q, source_height(s), why);
}

static enum cli_exit show(struct cli *c, struct source *s, const struct account_question *q,
                          struct holdings *h, struct account_proven *p)
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
        rc = account_prove(p, s, q, asset, &why);
    if (rc != RC_OK)
        return source_fail(c, s, rc, &why);
    return answer(c, s, q, &participant, h, p, asset);
}

static enum cli_exit read_local(struct cli *c, struct source *s, const struct account_question *q)
{
    struct holdings holdings = {0};
    struct account_proven proven = {.file = {0}};
    enum cli_exit code = show(c, s, q, &holdings, &proven);
    buf_free(&proven.file);
    holdings_close(&holdings);
    return code;
}

static enum cli_exit run(struct cli *c)
{
    struct why why = {""};
    struct account_question q = {.level = ACCOUNT_LOCAL};
    struct source s;
    enum cli_exit code = ask_level(&q, c);
    if (code != CLI_DONE)
        return code;
    enum rc rc = ask(&q, c, &why);
    if (rc == RC_OK && q.proof_path != NULL)
        rc = file_expect_none(q.proof_path, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    if (q.level == ACCOUNT_LINEARIZABLE)
        return account_linearizable(c, &q);
    code = source_open_asked(&s, c);
    if (code != CLI_DONE)
        return code;
    code = q.level == ACCOUNT_PROVED ? account_proved(c, &s, &q) : read_local(c, &s, &q);
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
    {"consistency", "LEVEL", CLI_OPTIONAL, "local (default), proved or linearizable: see above"},
    {"ordered-fallback", NULL, CLI_OPTIONAL,
     "linearizable: if nodes do not agree, use up a nonce of --key"},
    {0}};

const struct command cmd_account = {
    .words = "account",
    .summary = "show what an account holds, or the accounts of a participant",
    .arguments = arguments,
    .options = options,
    .text =
        "Balances are those at the newest block. --consistency says what they are worth:\n"
        "  local         what one node has committed, and its word; the default. With --dir\n"
        "                they are verified against the state tree, and certified when a quorum\n"
        "                of members signed that tree, and the blocks above it; if they are not,\n"
        "                the answer says so, and only hansa audit can vouch for them.\n"
        "  proved        one entry as it stood at the newest certified checkpoint, with its\n"
        "                proof, verified here: no node has to be believed. It may be older.\n"
        "                Where one node has no checkpoint yet, the others are asked.\n"
        "  linearizable  what f+1 nodes say alike, at a height at which all is in it that was\n"
        "                acknowledged to anybody before you asked. All nodes are asked, and\n"
        "                those that lie are named. With --ordered-fallback, when they do not\n"
        "                agree in time, a transaction of --key that does nothing is ordered\n"
        "                first: it uses up the key's next nonce.\n"
        "--prove writes the proof to a file: it shows a balance, or that the account never held\n"
        "the asset, and for a participant alone its role and keys.",
    .example = "hansa account bank/main --genesis genesis.json\n"
               "hansa account bank/main --asset CZK --prove main.proof --node beta\n"
               "hansa account bank/main --consistency linearizable --genesis genesis.json\n"
               "hansa account bank/main --dir node-0/data\n"
               "hansa account bank/main --dir node-0/data --asset CZK --prove main.proof",
    .exits =
        "0 shown; 1 the store is damaged, or a proof does not hold; 3 not a name, or another\n"
        "chain; 4 no such account, or no checkpoint is certified in DIR; 5 a node runs in DIR,\n"
        "or a file exists or cannot be written; 6 the key may not read; 7 not now: no node\n"
        "answers, or none has a certified checkpoint yet (the words say when one comes), or\n"
        "linearizable: not enough of them, or no f+1 alike (the words say who said what)",
    .run = run,
};
