/* `hansa export`: the chain as JSON lines, one block a line, streamed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/base/check.h"
#include "ledger/receipt.h"
#include "ledger/store_history.h"
#include "tools/hansa/chain_read.h"
#include "tools/hansa/commands.h"
#include "tools/hansa/interrupt.h"
#include "tools/hansa/progress.h"
#include "tools/hansa/render.h"

/* Blocks come in order, so the chain is walked once: each block must name the one before it, and
 * where a certificate stands it must name the block there. */
struct export
{
    struct data_dir *dir;
    FILE *out;
    uint64_t from, to;
    uint64_t txs_count;
    uint64_t blocks_count;
    struct digest parent; /* digest of the last block walked */
    struct certificate certificate;
    bool is_certified; /* certificate covers the height at hand */
    struct progress progress;
};

/* ---- the chain ---- */

/* A block up to the head is there, or not there yet (PROTOCOL.md 9.3), or the store is damaged. */
static enum rc get_block(const struct export *e, uint64_t height, struct block *b, struct why *why)
{
    enum rc rc = store_get_block(e->dir->store, height, b, why);
    if (rc != RC_NOT_FOUND)
        return rc;
    if (store_history_has(e->dir->store, height))
        return RC_STORE_DAMAGED;
    return why_set(why, RC_NOT_YET,
                   "the block at height %" PRIu64 " is not here yet; there is everything from "
                   "height %" PRIu64 " on: start the node to have the rest",
                   height, store_history_from_height(e->dir->store));
}

static enum rc read_parent(struct export *e, struct why *why)
{
    struct block before;
    if (e->from == 1) {
        struct block_header genesis;
        block_genesis_header(&genesis, &e->dir->genesis.chain_id);
        block_header_digest(&e->parent, &genesis);
        return RC_OK;
    }
    enum rc rc = get_block(e, e->from - 1, &before, why);
    if (rc == RC_OK)
        e->parent = before.digest;
    return rc;
}

/* Have the certificate that covers a height at hand, if there is one. */
static enum rc cover(struct export *e, uint64_t height, struct why *why)
{
    if (e->is_certified && e->certificate.statement.height >= height)
        return RC_OK;
    enum rc rc = store_get_certificate(e->dir->store, height, &e->certificate, why);
    e->is_certified = rc == RC_OK;
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    return rc == RC_OK ? chain_judge_certificate(&e->dir->genesis, &e->certificate, why) : rc;
}

/* The next block on the walk. */
static enum rc step(struct export *e, uint64_t height, struct block *b, struct why *why)
{
    enum rc rc = get_block(e, height, b, why);
    if (rc != RC_OK)
        return rc;
    if (!digest_equal(&b->header.parent, &e->parent))
        return why_set(why, RC_PROOF, "height %" PRIu64 ": header: its parent is another block",
                       height);
    e->parent = b->digest;
    if (e->is_certified && e->certificate.statement.height == height &&
        !digest_equal(&e->certificate.statement.digest, &b->digest))
        return why_set(why, RC_PROOF, "height %" PRIu64 ": certificate: it names another block",
                       height);
    return RC_OK;
}

/* ---- lines ---- */

static enum rc write_failed(struct why *why)
{
    return why_set(why, errno == ENOSPC ? RC_DISK_FULL : RC_FILE_IO,
                   "the lines cannot be written: %s", strerror(errno));
}

static enum rc write_line(struct export *e, const struct block *b, struct why *why)
{
    json_t *line = render_block_json(b, &e->dir->genesis);
    if (e->is_certified)
        render_set_number(line, "certificate_height", e->certificate.statement.height);
    else
        json_object_set_new(line, "certificate_height", json_null());
    errno = 0;
    bool is_written = json_dumpf(line, e->out, JSON_COMPACT) == 0 && putc('\n', e->out) != EOF;
    json_decref(line);
    return is_written ? RC_OK : write_failed(why);
}

static enum rc write_lines(struct export *e, struct why *why)
{
    struct block block;
    enum rc rc = read_parent(e, why);
    uint64_t height = e->from;
    for (; rc == RC_OK && height <= e->to; height++) {
        if (interrupt_was_asked())
            return why_set(why, RC_INTERRUPTED, "interrupted at height %" PRIu64, height);
        rc = cover(e, height, why);
        if (rc == RC_OK)
            rc = step(e, height, &block, why);
        if (rc == RC_OK)
            rc = write_line(e, &block, why);
        if (rc != RC_OK)
            break;
        e->blocks_count++;
        e->txs_count += block.header.tx_count;
        progress_tell(&e->progress, e->blocks_count, e->to - e->from + 1, e->txs_count);
    }
    /* The last certificate may stand above the last line; it must hold for that line too. */
    while (rc == RC_OK && e->is_certified && height <= e->certificate.statement.height)
        rc = step(e, height++, &block, why);
    return rc;
}

/* ---- the file ---- */

static enum rc finish_file(FILE *out, struct why *why)
{
    enum rc rc = RC_OK;
    if (fflush(out) != 0 || fsync(fileno(out)) != 0)
        rc = write_failed(why);
    if (fclose(out) != 0 && rc == RC_OK)
        rc = write_failed(why);
    return rc;
}

/* The lines go to FILE.part, which becomes FILE when they are whole and synced: half an export
 * could pass for a whole one, whatever ends this program. */
static enum rc open_part(struct export *e, const char *path, const char *part, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    if (access(path, F_OK) == 0)
        return why_set(why, RC_FILE_EXISTS, "%s: %s", cli_quote(quoted, path),
                       rc_text(RC_FILE_EXISTS));
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return why_set(why, RC_FILE_EXISTS, "%s: the rest of an export that was cut off: remove it",
                       cli_quote(quoted, part));
    if (fd < 0)
        return why_set(why, RC_FILE_IO, "%s: cannot be made: %s", cli_quote(quoted, path),
                       strerror(errno));
    e->out = fdopen(fd, "w");
    CHECK(e->out != NULL); /* fd is open for writing: only memory could be lacking */
    return RC_OK;
}

/* link() does what rename() does not: it refuses a name that somebody has taken meanwhile. */
static enum rc name_part(const char *path, const char *part, struct why *why)
{
    if (link(part, path) != 0)
        return why_set(why, errno == EEXIST ? RC_FILE_EXISTS : RC_FILE_IO, "%s", strerror(errno));
    unlink(part);
    return RC_OK;
}

static enum rc write_file(struct export *e, const char *path, struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    struct buf part = {0};
    buf_add_bytes(&part, bytes_of_text(path));
    buf_add(&part, ".part", sizeof ".part");
    const char *part_path = (const char *)part.data;
    enum rc rc = open_part(e, path, part_path, why);
    if (rc != RC_OK) {
        buf_free(&part);
        return rc;
    }
    rc = write_lines(e, why);
    struct why late = {""};
    enum rc finished = finish_file(e->out, &late);
    if (rc == RC_OK && finished != RC_OK) {
        rc = finished;
        *why = late;
    }
    if (rc == RC_OK)
        rc = name_part(path, part_path, why);
    if (rc != RC_OK) {
        unlink(part_path);
        rc = why_within(why, rc, "%s was not written", cli_quote(quoted, path));
    }
    buf_free(&part);
    return rc;
}

static enum rc write_standard_output(struct export *e, struct why *why)
{
    e->out = stdout;
    enum rc rc = write_lines(e, why);
    if (rc == RC_OK && fflush(stdout) != 0)
        rc = write_failed(why);
    return rc;
}

/* ---- the command ---- */

static enum rc judge_range(const struct export *e, uint64_t head_height, struct why *why)
{
    bool is_empty = head_height == 0 && e->from == 1; /* nothing but the genesis: no lines */
    if (e->to <= head_height && (e->from <= head_height || is_empty))
        return RC_OK;
    return why_set(why, RC_NOT_FOUND,
                   "there is no block at height %" PRIu64 ": the newest is at %" PRIu64,
                   e->to > head_height ? e->to : e->from, head_height);
}

static enum cli_exit answer(struct cli *c, const struct export *e, const char *path)
{
    if (path == NULL)
        return CLI_DONE; /* the lines are the answer */
    if (c->json) {
        json_t *out = json_object();
        render_set_text(out, "file", bytes_of_text(path));
        render_set_number(out, "from", e->from);
        render_set_number(out, "to", e->to);
        render_set_number(out, "blocks_count", e->blocks_count);
        render_set_number(out, "txs_count", e->txs_count);
        return cli_answer(c, out);
    }
    char quoted[CLI_QUOTE_BYTES];
    cli_line("exported", "%" PRIu64 " blocks with %" PRIu64 " transactions to %s", e->blocks_count,
             e->txs_count, cli_quote(quoted, path));
    return CLI_DONE;
}

static enum cli_exit run(struct cli *c)
{
    struct why why = {""};
    struct data_dir d;
    const char *path = cli_value(c, "out");
    struct export e = {.dir = &d, .from = 1, .to = UINT64_MAX};
    if (!cli_number(c, "from", 1, UINT64_MAX, &e.from) ||
        !cli_number(c, "to", 1, UINT64_MAX, &e.to))
        return CLI_USAGE;
    if (e.from > e.to)
        return cli_usage(c, "--from %" PRIu64 " is beyond --to %" PRIu64, e.from, e.to);
    interrupt_watch();
    enum rc rc = data_dir_open_expecting(&d, cli_argument(c, 0), cli_value(c, "genesis"), &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    uint64_t head_height = store_head(d.store)->height;
    if (!cli_has(c, "to"))
        e.to = head_height;
    rc = judge_range(&e, head_height, &why);
    if (rc == RC_OK) {
        progress_start(&e.progress, "export", c->json);
        rc = path != NULL ? write_file(&e, path, &why) : write_standard_output(&e, &why);
        progress_end(&e.progress);
    }
    data_dir_close(&d);
    return rc == RC_OK ? answer(c, &e, path) : cli_fail(c, rc, &why);
}

static const struct cli_argument arguments[] = {
    {"DIR", CLI_REQUIRED, "a stopped node's data directory"}, {0}};

static const struct cli_option options[] = {
    {"from", "H", CLI_OPTIONAL, "begin with the block at height H; default 1"},
    {"to", "H", CLI_OPTIONAL, "end with the block at height H; default the newest"},
    {"out", "FILE", CLI_OPTIONAL, "write there; default the standard output"},
    {"genesis", "FILE", CLI_OPTIONAL, "refuse a directory of another chain than this file's"},
    {0}};

const struct command cmd_export = {
    .words = "export",
    .summary = "write the blocks as JSON lines",
    .arguments = arguments,
    .options = options,
    .text =
        "One line is one block: its header, digest, all transactions with their operations,\n"
        "and certificate_height, the height of the certificate that covers it (null when it\n"
        "has none yet). Amounts are decimal strings. Every block is hashed, and every\n"
        "certificate verified, on the way. When it fails, FILE is removed. The lines are the same\n"
        "with --json, which changes errors and, with --out, the answer.",
    .example = "hansa export node-0/data --out chain.jsonl\n"
               "hansa export node-0/data --from 1000 | jq .digest",
    .exits = "0 written; 1 the store is damaged, or a certificate does not hold; 3 another chain;\n"
             "4 no such block, or no store; 5 a node runs in DIR, FILE exists or cannot be "
             "written,\nor interrupted",
    .run = run,
};
