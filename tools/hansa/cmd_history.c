/* `hansa history`: every entry of an account, from its first credit on. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/history.h"
#include "tools/hansa/render.h"

enum {
    LIMIT_DEFAULT = 1000,   /* entries of one answer: about half a megabyte of JSON */
    LIMIT_MAX = 1000 * 1000 /* what JSON of one answer may have in memory: about a gigabyte */
};

struct question {
    struct bytes account;
    struct bytes asset;
    uint64_t from;
    uint64_t limit;
};

/* ---- one entry ---- */

static json_t *line_json(const struct history_line *l, struct bytes asset, const struct genesis *g)
{
    char time[RENDER_TIME_BYTES];
    json_t *out = json_object();
    render_set_number(out, "number", l->number);
    json_object_set_new(out, "direction", json_string(l->entry.credit ? "credit" : "debit"));
    json_object_set_new(out, "op", json_string(op_rules_of(l->op.type)->name));
    render_amount_into(out, "amount", l->entry.amount, asset, g);
    render_amount_into(out, "balance", l->entry.balance, asset, g);
    if (l->counterparty.size > 0)
        render_set_text(out, "counterparty", l->counterparty);
    if (l->memo.size > 0)
        render_set_text(out, "memo", l->memo);
    render_set_digest(out, "txid", &l->tx.id);
    render_set_number(out, "height", l->entry.place.height);
    render_set_number(out, "tx_index", l->entry.place.tx_index);
    render_set_number(out, "op_index", l->entry.place.op_index);
    render_set_number(out, "time_ms", l->time_ms);
    if (render_time(time, l->time_ms)[0] != '\0')
        json_object_set_new(out, "time", json_string(time));
    return out;
}

#define TEXT(bytes) (int)(bytes).size, (const char *)(bytes).data

static void print_line(const struct history_line *l, struct bytes asset, const struct genesis *g)
{
    char time[RENDER_TIME_BYTES], amount[RENDER_AMOUNT_BYTES], balance[RENDER_AMOUNT_BYTES];
    char txid[DIGEST_HEX_BYTES];
    digest_to_hex(txid, &l->tx.id);
    printf("%" PRIu64 "  %s  height %" PRIu64 "  %c%s  balance %s  %s", l->number,
           render_time(time, l->time_ms), l->entry.place.height, l->entry.credit ? '+' : '-',
           render_amount(amount, l->entry.amount, asset, g),
           render_amount(balance, l->entry.balance, asset, g), op_rules_of(l->op.type)->name);
    if (l->counterparty.size > 0)
        printf(" %s %.*s", l->entry.credit ? "from" : "to", TEXT(l->counterparty));
    if (l->memo.size > 0)
        printf("  \"%.*s\"", TEXT(l->memo));
    printf("  %s\n", txid);
}

/* ---- one asset ---- */

/* Read what is asked for without showing it: nothing is printed of a history that turns out to be
 * damaged further on. */
static enum rc try_entries(const struct history *h, const struct question *q, struct why *why)
{
    struct history ahead = *h;
    enum rc rc = RC_OK;
    for (uint64_t i = 0; i < q->limit && rc == RC_OK; i++) {
        struct history_line line;
        rc = history_next(&ahead, &line, why);
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* entries == NULL: print. */
static enum rc list_entries(struct history *h, const struct question *q, json_t *entries,
                            struct why *why)
{
    const struct genesis *g = h->source->genesis;
    for (uint64_t i = 0; i < q->limit; i++) {
        struct history_line line;
        enum rc rc = history_next(h, &line, why);
        if (rc == RC_NOT_FOUND)
            return RC_OK;
        if (rc != RC_OK)
            return rc;
        if (entries != NULL)
            json_array_append_new(entries, line_json(&line, h->asset, g));
        else
            print_line(&line, h->asset, g);
    }
    return RC_OK;
}

static enum rc list_json(json_t *histories, struct history *h, const struct question *q,
                         struct why *why)
{
    const struct genesis *g = h->source->genesis;
    json_t *one = json_object(), *entries = json_array();
    render_set_text(one, "asset", h->asset);
    render_amount_into(one, "opening", h->opening, h->asset, g);
    render_amount_into(one, "balance", h->end.amount, h->asset, g);
    render_set_number(one, "entries_count", h->end.entries_count);
    json_object_set_new(one, "entries", entries);
    json_array_append_new(histories, one);
    enum rc rc = list_entries(h, q, entries, why);
    if (rc == RC_OK && h->next <= h->end.entries_count)
        render_set_number(one, "next_from", h->next);
    return rc;
}

static enum rc list_words(struct history *h, const struct question *q, struct why *why)
{
    const struct genesis *g = h->source->genesis;
    char amount[RENDER_AMOUNT_BYTES];
    enum rc rc = try_entries(h, q, why);
    if (rc != RC_OK)
        return rc;
    cli_line("account", "%.*s", TEXT(h->account));
    cli_line("asset", "%.*s", TEXT(h->asset));
    cli_line("balance", "%s at height %" PRIu64, render_amount(amount, h->end.amount, h->asset, g),
             source_height(h->source));
    source_print_standing(h->source);
    if (h->opening > 0)
        cli_line("opening", "%s, from the genesis file",
                 render_amount(amount, h->opening, h->asset, g));
    cli_line("entries", "%" PRIu64, h->end.entries_count);
    rc = list_entries(h, q, NULL, why);
    if (rc == RC_OK && h->next <= h->end.entries_count)
        printf("there are more: go on with --from %" PRIu64 "\n", h->next);
    return rc;
}

/* ---- the command ---- */

static enum rc list_all(struct cli *c, struct source *s, const struct question *q,
                        const struct holdings *holdings, json_t *histories, struct why *why)
{
    size_t listed = 0;
    for (size_t i = 0; i < holdings->count; i++) {
        struct history h;
        enum rc rc = history_open(&h, s, &holdings->items[i], q->from, why);
        if (rc == RC_NOT_FOUND)
            continue; /* this asset has fewer entries than another may have */
        if (rc == RC_OK && !c->json && listed > 0)
            putchar('\n');
        if (rc == RC_OK)
            rc = c->json ? list_json(histories, &h, q, why) : list_words(&h, q, why);
        if (rc != RC_OK)
            return rc;
        listed++;
    }
    return listed > 0 ? RC_OK : RC_NOT_FOUND;
}

static enum cli_exit list(struct cli *c, struct source *s, const struct question *q,
                          struct holdings *holdings)
{
    struct why why = {""};
    enum rc rc = holdings_read(holdings, s, q->account, q->asset, &why);
    if (rc == RC_OK && holdings->count == 0)
        rc = why_set(&why, RC_NOT_FOUND,
                     "account '%.*s' has no history%s%.*s up to height %" PRIu64, TEXT(q->account),
                     q->asset.size > 0 ? " in " : "", TEXT(q->asset), source_height(s));
    if (rc != RC_OK)
        return source_fail(c, s, rc, &why);
    json_t *histories = json_array();
    rc = list_all(c, s, q, holdings, histories, &why);
    if (rc != RC_OK || !c->json) {
        json_decref(histories);
        return rc == RC_OK ? CLI_DONE : source_fail(c, s, rc, &why);
    }
    json_t *out = json_object();
    render_set_text(out, "account", q->account);
    render_set_number(out, "height", source_height(s));
    source_standing_to_json(out, s);
    json_object_set_new(out, "histories", histories);
    return cli_answer(c, out);
}

static enum cli_exit run(struct cli *c)
{
    struct why why = {""};
    struct question q = {.from = 1, .limit = LIMIT_DEFAULT};
    if (!cli_number(c, "from", 1, UINT64_MAX, &q.from) ||
        !cli_number(c, "limit", 1, LIMIT_MAX, &q.limit))
        return CLI_USAGE;
    struct source s;
    enum rc rc = ask_account(&q.account, cli_argument(c, 0), &why);
    if (rc == RC_OK && cli_has(c, "asset"))
        rc = ask_asset(&q.asset, cli_value(c, "asset"), &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    enum cli_exit code = source_open_asked(&s, c);
    if (code != CLI_DONE)
        return code;
    struct holdings holdings = {0};
    code = list(c, &s, &q, &holdings);
    holdings_close(&holdings);
    source_close(&s);
    return code;
}

static const struct cli_argument arguments[] = {{"ACCOUNT", CLI_REQUIRED, "participant/name"}, {0}};

static const struct cli_option options[] = {
    SOURCE_OPTIONS,
    {"asset", "CODE", CLI_OPTIONAL, "this asset only; else all, one after the other"},
    {"from", "N", CLI_OPTIONAL, "begin with entry N; default 1, the oldest"},
    {"limit", "N", CLI_OPTIONAL, "at most N entries per asset; default 1000"},
    {0}};

const struct command cmd_history = {
    .words = "history",
    .summary = "show all that went in and out of an account, and why",
    .arguments = arguments,
    .options = options,
    .text = "The history is complete: the account's entry in the state counts its entries, and\n"
            "each is held against the operation that made it and the balances around it. From a\n"
            "running node that count is the node's word.",
    .example = "hansa history bank/main --genesis genesis.json --limit 20\n"
               "hansa history bank/main --dir node-0/data --asset CZK --from 1001",
    .exits = "0 shown; 1 the store is damaged; 3 not a name, or another chain; 4 no such account\n"
             "or entry; 5 a node runs in DIR; 6 the key may not read; 7 no node answers",
    .run = run,
};
