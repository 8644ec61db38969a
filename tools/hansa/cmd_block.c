/* `hansa block`: one block, by height or digest, with its certificate. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/base/check.h"
#include "ledger/store_history.h"
#include "tools/hansa/chain_read.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/render.h"

struct question {
    bool is_head;
    bool is_digest;
    uint64_t height;
    struct digest digest;
};

static bool ask(struct question *q, struct cli *c)
{
    const char *text = cli_argument(c, 0);
    q->is_head = strcmp(text, "head") == 0;
    if (q->is_head)
        return true;
    char quoted[CLI_QUOTE_BYTES];
    q->is_digest = digest_from_hex(&q->digest, text);
    if (q->is_digest || cli_parse_number(text, 1, UINT64_MAX, &q->height))
        return true;
    cli_usage(
        c,
        "%s is neither a HEIGHT, which is a whole number from 1, nor a DIGEST of 64 digits 0-9 "
        "and a-f, nor the word head for the newest block",
        cli_quote(quoted, text));
    return false;
}

/* The height of a block digest. The store has no index of them: blocks are asked for by digest so
 * rarely that a walk along the chain's table will do. */
static enum rc find_digest(struct source *s, const struct digest *digest, uint64_t *height,
                           struct why *why)
{
    if (s->dir == NULL)
        return why_set(
            why, RC_INVALID,
            "a running node finds blocks by height: give a HEIGHT or head, or with --dir "
            "a stopped node's directory");
    char hex[DIGEST_HEX_BYTES];
    struct kv_cursor *cursor;
    struct bytes key, value;
    struct bytes wanted = bytes_of(digest->bytes, DIGEST_BYTES);
    uint64_t count = 0, head_height = source_height(s);
    enum rc rc = kv_cursor_open(&cursor, store_view(s->dir->store), KV_CHAIN);
    if (rc != RC_OK)
        return why_set(why, rc, "the chain's table cannot be read: %s", rc_text(rc));
    rc = kv_cursor_seek(cursor, bytes_of(NULL, 0), &key, &value);
    while (rc == RC_OK && !bytes_equal(value, wanted)) {
        count++;
        rc = kv_cursor_next(cursor, &key, &value);
    }
    kv_cursor_close(cursor);
    digest_to_hex(hex, digest);
    struct rd r = rd_of(key);
    *height = rd_be64(&r);
    if (rc == RC_OK)
        return RC_OK;
    /* An absence is the truth only when every height was looked at. */
    if (rc == RC_NOT_FOUND && count == head_height)
        return why_set(why, rc, "there is no block %s up to height %" PRIu64, hex, head_height);
    if (rc == RC_NOT_FOUND && store_history_from_height(s->dir->store) > 1)
        return why_set(why, RC_NOT_YET,
                       "there is no block %s here; but below height %" PRIu64
                       " blocks are not here yet",
                       hex, store_history_from_height(s->dir->store));
    return why_set(why, rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc,
                   "the chain's table is damaged after %" PRIu64 " of %" PRIu64
                   " heights: run hansa audit on this directory",
                   count, head_height);
}

static enum rc find(struct source *s, const struct question *q, struct why *why)
{
    uint64_t head_height, height = q->height;
    enum rc rc = source_head(s, &head_height, why);
    if (rc == RC_OK && q->is_digest)
        rc = find_digest(s, &q->digest, &height, why);
    if (rc != RC_OK)
        return rc;
    if (head_height == 0)
        return why_set(why, RC_NOT_FOUND,
                       "there are no blocks yet: the chain has its genesis only");
    height = q->is_head ? head_height : height;
    if (height > head_height)
        return why_set(why, RC_NOT_FOUND,
                       "there is no block at height %" PRIu64 ": the newest is at %" PRIu64, height,
                       head_height);
    rc = source_block(s, height, why);
    return rc == RC_NOT_FOUND ? RC_STORE_DAMAGED : rc;
}

/* A line per transaction: what it is, and how much more there is to it. */
static void print_txs(const struct block *b, const struct genesis *g)
{
    struct rd body = rd_of(b->body);
    for (uint32_t i = 0; i < b->header.tx_count; i++) {
        struct tx tx;
        struct op op;
        char hex[DIGEST_HEX_BYTES];
        enum verdict v = tx_decode(&tx, block_next_tx(&body), &b->header.chain_id);
        if (v != VERDICT_OK) {
            printf("tx %" PRIu32 ": not a transaction: %s\n", i, verdict_text(v));
            continue;
        }
        struct rd ops = tx_ops(&tx);
        op_decode_judged(&ops, &op);
        digest_to_hex(hex, &tx.id);
        printf("tx %" PRIu32 ": %s  ", i, hex);
        render_op_text(&op, g);
        if (tx.ops_count > 1)
            printf("  and %" PRIu32 " more", tx.ops_count - 1);
        putchar('\n');
    }
}

static enum cli_exit show(struct cli *c, struct source *s, const struct question *q)
{
    struct why why = {""};
    struct certificate certificate;
    enum rc rc = find(s, q, &why);
    if (rc != RC_OK)
        return source_fail(c, s, rc, &why);
    rc = chain_get_certificate(s, s->block_height, &certificate, &why);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return source_fail(c, s, rc, &why);
    const struct genesis *g = s->genesis;
    if (c->json) {
        json_t *out = render_block_json(&s->block, g);
        json_object_set_new(out, "certified", json_boolean(rc == RC_OK));
        if (rc == RC_OK)
            json_object_set_new(out, "certificate", render_certificate_json(&certificate, g));
        return cli_answer(c, out);
    }
    render_header_text(&s->block.header, &s->block.digest, g);
    if (rc == RC_OK)
        render_certificate_text(&certificate, g);
    else
        cli_line("certificate", "none covers this block in this store yet");
    print_txs(&s->block, g);
    return CLI_DONE;
}

static enum cli_exit run(struct cli *c)
{
    struct question q = {0};
    if (!ask(&q, c))
        return CLI_USAGE;
    struct source s;
    enum cli_exit code = source_open_asked(&s, c);
    if (code != CLI_DONE)
        return code;
    code = show(c, &s, &q);
    source_close(&s);
    return code;
}

static const struct cli_argument arguments[] = {
    {"HEIGHT|DIGEST", CLI_REQUIRED, "a height from 1, a block's digest, or head for the newest"},
    {0}};

static const struct cli_option options[] = {SOURCE_OPTIONS, {0}};

const struct command cmd_block = {
    .words = "block",
    .summary = "show a block: its header, certificate and transactions",
    .arguments = arguments,
    .options = options,
    .text = "The block is hashed and the certificate over it verified before anything is shown,\n"
            "whoever answers. By digest it is found with --dir only.\n"
            "With --json the transactions come whole, else a line for each.",
    .example = "hansa block head --genesis genesis.json\n"
               "hansa block 42 --dir node-0/data\n"
               "hansa block head --dir node-0/data --json",
    .exits = "0 shown; 1 the store is damaged, or the certificate does not hold; 2 not a height\n"
             "or digest; 3 another chain; 4 no such block; 5 a node runs in DIR;\n"
             "6 the key may not read; 7 no node answers",
    .run = run,
};
