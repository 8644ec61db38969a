/* `hansa record get|history|verify`: what participants have recorded, and whether a file is it. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/files.h"
#include "tools/hansa/record.h"
#include "tools/hansa/render.h"

/* ---- the question: PARTICIPANT TOPIC KEY, from argument `first` on ---- */

static enum rc ask_text(struct bytes *out, const char *text, size_t bytes_max, const char *name,
                        struct why *why)
{
    char quoted[CLI_QUOTE_BYTES];
    *out = bytes_of_text(text);
    if (out->size > 0 && out->size <= bytes_max && text_is_valid(*out))
        return RC_OK;
    return why_set(why, RC_INVALID,
                   "%s %s: that is a text of 1 to %zu bytes, without control characters", name,
                   cli_quote(quoted, text), bytes_max);
}

struct question {
    struct bytes participant, topic, key;
};

static enum rc ask(struct question *q, const struct cli *c, size_t first, struct why *why)
{
    enum rc rc = ask_participant(&q->participant, cli_argument(c, first), why);
    if (rc == RC_OK)
        rc = ask_text(&q->topic, cli_argument(c, first + 1), TOPIC_BYTES_MAX, "topic", why);
    if (rc == RC_OK)
        rc = ask_text(&q->key, cli_argument(c, first + 2), RECORD_KEY_BYTES_MAX, "key", why);
    return rc;
}

/* ---- one version ---- */

static json_t *version_json(const struct record_version *v)
{
    char time[RENDER_TIME_BYTES];
    json_t *out = json_object();
    render_set_number(out, "version", v->version);
    render_set_digest(out, "txid", &v->tx.id);
    render_set_number(out, "height", v->place.height);
    render_set_number(out, "tx_index", v->place.tx_index);
    render_set_number(out, "op_index", v->place.op_index);
    render_set_number(out, "time_ms", v->time_ms);
    if (render_time(time, v->time_ms)[0] != '\0')
        json_object_set_new(out, "time", json_string(time));
    render_set_number(out, "data_bytes", v->data.size);
    render_set_digest(out, "data_hash", &v->data_hash);
    if (v->certificate_height > 0)
        render_set_number(out, "certificate_height", v->certificate_height);
    return out;
}

static void set_data(json_t *out, struct bytes data)
{
    if (text_is_valid(data))
        render_set_text(out, "data", data);
    else
        render_set_hex(out, "data_hex", data);
}

static void print_version(const struct record_version *v)
{
    char hex[DIGEST_HEX_BYTES], time[RENDER_TIME_BYTES];
    digest_to_hex(hex, &v->tx.id);
    cli_line("version", "%" PRIu64 ", at height %" PRIu64 ", %s", v->version, v->place.height,
             render_time(time, v->time_ms));
    cli_line("txid", "%s", hex);
    digest_to_hex(hex, &v->data_hash);
    cli_line("data hash", "%s, of %zu byte%s", hex, v->data.size, cli_plural(v->data.size));
    if (v->certificate_height > 0)
        cli_line("certificate", "commit at height %" PRIu64, v->certificate_height);
    else
        cli_line("certificate", "none covers this block in this store yet");
}

static json_t *record_json(const struct question *q, const struct record *r)
{
    json_t *out = json_object();
    render_set_text(out, "participant", q->participant);
    render_set_text(out, "topic", q->topic);
    render_set_text(out, "key", q->key);
    render_set_number(out, "versions_count", r->newest.version);
    return out;
}

/* ---- get ---- */

static enum cli_exit get(struct cli *c, struct source *s, const struct question *q)
{
    struct why why = {""};
    struct record r;
    struct record_version v;
    const char *path = cli_value(c, "out");
    enum rc rc = record_open(&r, s, q->participant, q->topic, q->key, &why);
    if (rc == RC_OK)
        rc = record_get(&v, &r, r.newest.version, &why);
    if (rc == RC_OK && path != NULL)
        rc = file_write_new(path, v.data, &why);
    if (rc != RC_OK)
        return source_fail(c, s, rc, &why);
    if (c->json) {
        json_t *out = record_json(q, &r);
        json_object_update_new(out, version_json(&v));
        if (path != NULL)
            render_set_text(out, "file", bytes_of_text(path));
        else
            set_data(out, v.data);
        return cli_answer(c, out);
    }
    print_version(&v);
    if (path != NULL) {
        char quoted[CLI_QUOTE_BYTES];
        cli_line("data", "in %s", cli_quote(quoted, path));
        return CLI_DONE;
    }
    char *shown = cli_printable(v.data);
    cli_line("data", "%s", shown);
    mem_free(shown);
    return CLI_DONE;
}

/* ---- history ---- */

enum {
    HISTORY_LIMIT_DEFAULT = 100, /* at 32 KiB each, 3 MiB of data in JSON */
    HISTORY_LIMIT_MAX = 10000
};

/* Which versions were asked for: from..end, end included. */
struct versions {
    uint64_t from, end;
};

/* All that are shown are read before the first is: a damaged one shows none. With items, their
 * data too. */
static enum rc read_versions(struct record *r, const struct versions *asked, json_t *items,
                             struct why *why)
{
    for (uint64_t version = asked->from; version <= asked->end; version++) {
        struct record_version v;
        enum rc rc = record_get(&v, r, version, why);
        if (rc != RC_OK)
            return rc;
        if (items == NULL)
            continue;
        json_t *one = version_json(&v);
        set_data(one, v.data);
        json_array_append_new(items, one);
    }
    return RC_OK;
}

static enum rc print_versions(struct record *r, const struct versions *asked, struct why *why)
{
    for (uint64_t version = asked->from; version <= asked->end; version++) {
        struct record_version v;
        enum rc rc = record_get(&v, r, version, why);
        if (rc != RC_OK)
            return rc;
        print_version(&v);
    }
    if (asked->end < r->newest.version)
        printf("there are more: go on with --from %" PRIu64 "\n", asked->end + 1);
    return RC_OK;
}

static enum cli_exit answer_versions(struct cli *c, const struct question *q,
                                     const struct record *r, const struct versions *asked,
                                     json_t *items)
{
    json_t *out = record_json(q, r);
    json_object_set_new(out, "versions", items);
    if (asked->end < r->newest.version)
        render_set_number(out, "next_from", asked->end + 1);
    return cli_answer(c, out);
}

static enum cli_exit history(struct cli *c, struct source *s, const struct question *q)
{
    struct why why = {""};
    struct record r;
    struct versions asked = {.from = 1};
    uint64_t limit = HISTORY_LIMIT_DEFAULT;
    if (!cli_number(c, "from", 1, UINT64_MAX, &asked.from) ||
        !cli_number(c, "limit", 1, HISTORY_LIMIT_MAX, &limit))
        return CLI_USAGE;
    enum rc rc = record_open(&r, s, q->participant, q->topic, q->key, &why);
    if (rc != RC_OK)
        return source_fail(c, s, rc, &why);
    uint64_t newest = r.newest.version;
    if (asked.from > newest)
        return cli_fail(c,
                        why_set(&why, RC_NOT_FOUND,
                                "there is no version %" PRIu64 ": the newest is %" PRIu64,
                                asked.from, newest),
                        &why);
    asked.end = newest - asked.from < limit ? newest : asked.from + limit - 1;
    json_t *items = c->json ? json_array() : NULL;
    rc = read_versions(&r, &asked, items, &why);
    if (rc == RC_OK && c->json)
        return answer_versions(c, q, &r, &asked, items);
    json_decref(items);
    if (rc == RC_OK)
        rc = print_versions(&r, &asked, &why);
    return rc == RC_OK ? CLI_DONE : source_fail(c, s, rc, &why);
}

/* ---- verify ---- */

static enum cli_exit answer_verified(struct cli *c, const struct question *q,
                                     const struct record *r, const struct record_version *v)
{
    bool is_newest = v->version == r->newest.version;
    if (c->json) {
        json_t *out = record_json(q, r);
        json_object_set_new(out, "holds", json_true());
        json_object_set_new(out, "newest", json_boolean(is_newest));
        json_object_update_new(out, version_json(v));
        return cli_answer(c, out);
    }
    printf("Yes: this content stands recorded there%s.\n",
           is_newest ? "" : ", but a newer version has replaced it");
    print_version(v);
    if (!is_newest)
        cli_line("newest", "version %" PRIu64, r->newest.version);
    return CLI_DONE;
}

/* Newest first: the answer people want is how it stands now. */
static enum cli_exit find(struct cli *c, struct source *s, const struct question *q,
                          struct bytes content)
{
    struct why why = {""};
    char quoted[CLI_QUOTE_BYTES];
    struct record r;
    struct digest hash;
    digest_of(&hash, TAG_RECORD, content);
    enum rc rc = record_open(&r, s, q->participant, q->topic, q->key, &why);
    for (uint64_t version = r.newest.version; rc == RC_OK && version >= 1; version--) {
        struct record_version v;
        rc = record_get(&v, &r, version, &why);
        if (rc == RC_OK && bytes_equal(v.data, content))
            return answer_verified(c, q, &r, &v);
    }
    if (rc != RC_OK)
        return cli_fail_holds(c, rc, &why, NULL);
    char ours[DIGEST_HEX_BYTES], theirs[DIGEST_HEX_BYTES];
    digest_to_hex(ours, &hash);
    digest_to_hex(theirs, &r.newest.data_hash);
    char versions[64] = "not the one version";
    if (r.newest.version > 1)
        snprintf(versions, sizeof versions, "none of the %" PRIu64 " versions", r.newest.version);
    rc = why_set(&why, RC_PROOF,
                 "%s: this content (%zu byte%s, hash %s) is %s recorded there up to height %" PRIu64
                 "; the newest has %" PRIu32 " byte%s, hash %s",
                 cli_quote(quoted, cli_argument(c, 0)), content.size, cli_plural(content.size),
                 ours, versions, source_height(s), r.newest.data_bytes,
                 cli_plural(r.newest.data_bytes), theirs);
    return cli_fail_holds(c, rc, &why, NULL);
}

static enum cli_exit verify(struct cli *c, struct source *s, const struct question *q)
{
    struct why why = {""};
    struct buf content = {0};
    enum rc rc =
        file_read(&content, cli_argument(c, 0), RECORD_DATA_BYTES_MAX, "record data", &why);
    if (rc == RC_MALFORMED)
        rc = why_within(&why, RC_PROOF, "it is not recorded");
    enum cli_exit code =
        rc == RC_OK ? find(c, s, q, buf_bytes(&content)) : cli_fail_holds(c, rc, &why, NULL);
    buf_free(&content);
    return code;
}

/* ---- the commands ---- */

static enum cli_exit run(struct cli *c, size_t first_argument,
                         enum cli_exit (*act)(struct cli *, struct source *,
                                              const struct question *))
{
    struct why why = {""};
    struct question q = {0};
    struct source s;
    enum rc rc = ask(&q, c, first_argument, &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    enum cli_exit code = source_open_asked(&s, c);
    if (code != CLI_DONE)
        return code;
    code = act(c, &s, &q);
    source_close(&s);
    return code;
}

static enum cli_exit run_get(struct cli *c)
{
    return run(c, 0, get);
}

static enum cli_exit run_history(struct cli *c)
{
    return run(c, 0, history);
}

static enum cli_exit run_verify(struct cli *c)
{
    return run(c, 1, verify);
}

/* ---- the commands ---- */

#define RECORD_ARGUMENTS                                                                           \
    {"PARTICIPANT", CLI_REQUIRED, "who recorded it"},                                              \
        {"TOPIC", CLI_REQUIRED, "under which topic"},                                              \
    {                                                                                              \
        "KEY", CLI_REQUIRED, "under which key"                                                     \
    }

static const struct cli_argument arguments[] = {RECORD_ARGUMENTS, {0}};
static const struct cli_argument verify_arguments[] = {
    {"FILE", CLI_REQUIRED, "the file whose content is asked for"}, RECORD_ARGUMENTS, {0}};

static const struct cli_option options[] = {SOURCE_OPTIONS, {0}};
static const struct cli_option get_options[] = {
    SOURCE_OPTIONS, {"out", "FILE", CLI_OPTIONAL, "write the data there, byte for byte"}, {0}};
static const struct cli_option history_options[] = {
    SOURCE_OPTIONS,
    {"from", "N", CLI_OPTIONAL, "begin with version N; default 1"},
    {"limit", "N", CLI_OPTIONAL, "show at most N versions, 1 to 10000; default 100"},
    {0}};

const struct command cmd_record_get = {
    .words = "record get",
    .summary = "show the newest data that a participant has recorded",
    .arguments = arguments,
    .options = get_options,
    .text = "Data that is no plain text is shown with \\xHH for its other bytes; --out writes it\n"
            "as it is.",
    .example = "hansa record get port-of-x bill-of-lading 2026-17 --genesis genesis.json\n"
               "hansa record get port-of-x bill-of-lading 2026-17 --dir node-0/data --out bill.pdf",
    .exits = "0 shown; 1 the store is damaged; 3 not a name, or another chain; 4 no such record;\n"
             "5 a node runs in DIR, or the file cannot be written; 6 the key may not read;\n"
             "7 no node answers",
    .run = run_get,
};

const struct command cmd_record_history = {
    .words = "record history",
    .summary = "show all versions of a record",
    .arguments = arguments,
    .options = history_options,
    .text = "None is left out: the record's entry in the state counts its versions. If there are\n"
            "more than the limit, the answer says where to go on.",
    .example = "hansa record history port-of-x bill-of-lading 2026-17 --dir node-0/data",
    .exits = "0 shown; 1 the store is damaged; 3 not a name, or another chain; 4 no such record;\n"
             "5 a node runs in DIR; 6 the key may not read; 7 no node answers",
    .run = run_history,
};

const struct command cmd_record_verify = {
    .words = "record verify",
    .summary = "say whether a file's content stands recorded, in which version and since when",
    .arguments = verify_arguments,
    .options = options,
    .text =
        "With --json the answer has \"holds\": true; else the error's details have it as false.",
    .example = "hansa record verify bill.pdf port-of-x bill-of-lading 2026-17 --dir node-0/data",
    .exits =
        "0 it does; 1 it does not, or the store is damaged; 3 not a name, or another chain;\n"
        "4 no such record; 5 a node runs in DIR, or the file cannot be read; 6 the key may not\n"
        "read; 7 no node answers",
    .run = run_verify,
};
