#include "tools/hansa/audit_against.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger/audit.h"
#include "tools/hansa/chain_read.h"
#include "tools/hansa/interrupt.h"
#include "tools/hansa/render.h"
#include "tools/hansa/state_words.h"

struct two {
    const char *paths[2];
    struct data_dir dirs[2];
};

/* ---- who signed what ---- */

/* One store's block at the height where the two differ, and whose signatures are under it. */
struct side {
    const char *path;
    struct data_dir *dir;
    const struct digest *digest;
    bool is_certified; /* certificate is there and verified */
    struct certificate certificate;
};

static void side_open(struct side *s, struct two *t, size_t index, uint64_t height,
                      const struct digest *digest)
{
    *s = (struct side){.path = t->paths[index], .dir = &t->dirs[index], .digest = digest};
    struct source source;
    source_of_dir(&source, s->dir);
    s->is_certified = chain_get_certificate(&source, height, &s->certificate, NULL) == RC_OK;
    source_close(&source);
}

static bool has_signed(const struct side *s, uint32_t member_index)
{
    for (uint32_t i = 0; s->is_certified && i < s->certificate.entries_count; i++) {
        if (s->certificate.entries[i].member_index == member_index)
            return true;
    }
    return false;
}

/* The names of the members under one block, or, with b, under both; "nobody" when there is none. */
enum { NAMES_BYTES = MEMBERS_MAX * (KEY_NAME_BYTES_MAX + 2) + 8 };
static void signer_names(char out[static NAMES_BYTES], const struct side *a, const struct side *b)
{
    size_t used = 0;
    snprintf(out, NAMES_BYTES, "nobody");
    for (uint32_t i = 0; i < a->dir->genesis.members_count; i++) {
        if (has_signed(a, i) && (b == NULL || has_signed(b, i)))
            used += (size_t)snprintf(out + used, NAMES_BYTES - used, "%s%s", used > 0 ? ", " : "",
                                     a->dir->genesis.members[i].name);
    }
}

static json_t *side_json(const struct side *s)
{
    json_t *out = json_object();
    render_set_text(out, "dir", bytes_of_text(s->path));
    render_set_digest(out, "digest", s->digest);
    if (s->is_certified)
        json_object_set_new(out, "certificate",
                            render_certificate_json(&s->certificate, &s->dir->genesis));
    return out;
}

/* ---- the answers ---- */

static bool is_fork(const struct side *ours, const struct side *theirs)
{
    return ours->is_certified && theirs->is_certified &&
           !digest_equal(ours->digest, theirs->digest);
}

enum { MEANING_BYTES = NAMES_BYTES + 256 };
static void meaning_words(char out[static MEANING_BYTES], const struct side *ours,
                          const struct side *theirs)
{
    char names[NAMES_BYTES], quoted[CLI_QUOTE_BYTES];
    signer_names(names, ours, theirs);
    if (digest_equal(ours->digest, theirs->digest))
        snprintf(out, MEANING_BYTES,
                 "one digest with two bodies, so one of them is damaged: run "
                 "hansa audit on both");
    else if (is_fork(ours, theirs))
        snprintf(out, MEANING_BYTES,
                 "a fork: both blocks are certified, so more than f = %u members signed two blocks "
                 "of one height: keep both directories as evidence, and call the other members; "
                 "signed both: %s",
                 (unsigned)faulty_max_of(ours->dir->genesis.members_count), names);
    else if (!ours->is_certified && !theirs->is_certified)
        snprintf(out, MEANING_BYTES, "neither is certified, so neither was final");
    else
        snprintf(out, MEANING_BYTES, "only the block of %s is certified, the other was not final",
                 cli_quote(quoted, ours->is_certified ? ours->path : theirs->path));
}

static json_t *both_json(const struct side *ours, const struct side *theirs)
{
    json_t *out = json_array();
    const struct genesis *g = &ours->dir->genesis;
    for (uint32_t i = 0; i < g->members_count; i++) {
        if (has_signed(ours, i) && has_signed(theirs, i))
            json_array_append_new(out, json_string(g->members[i].name));
    }
    return out;
}

static enum cli_exit answer_block(struct cli *c, struct two *t, const struct audit_difference *diff)
{
    struct why why = {""};
    struct side a, b;
    side_open(&a, t, 0, diff->height, &diff->ours);
    side_open(&b, t, 1, diff->height, &diff->theirs);
    char ours[DIGEST_HEX_BYTES], theirs[DIGEST_HEX_BYTES], quoted[CLI_QUOTE_BYTES];
    char our_names[NAMES_BYTES], their_names[NAMES_BYTES], meaning[MEANING_BYTES];
    digest_to_hex(ours, &diff->ours);
    digest_to_hex(theirs, &diff->theirs);
    signer_names(our_names, &a, NULL);
    signer_names(their_names, &b, NULL);
    meaning_words(meaning, &a, &b);
    json_t *details = json_pack("{s:s, s:b}", "kind", "block", "fork", (int)is_fork(&a, &b));
    render_set_number(details, "height", diff->height);
    if (is_fork(&a, &b))
        json_object_set_new(details, "signed_both", both_json(&a, &b));
    json_object_set_new(details, "ours", side_json(&a));
    json_object_set_new(details, "theirs", side_json(&b));
    /* The meaning comes first: with many members the words are cut at the end. */
    enum rc rc = why_set(&why, RC_PROOF,
                         "%s: height %" PRIu64 ": block: %s; here %s, signed by %s; there %s, "
                         "signed by %s",
                         cli_quote(quoted, t->paths[1]), diff->height, meaning, ours, our_names,
                         theirs, their_names);
    return cli_fail_holds(c, rc, &why, details);
}

static enum cli_exit answer_state(struct cli *c, const struct two *t,
                                  const struct audit_difference *diff)
{
    struct why why = {""};
    char quoted[CLI_QUOTE_BYTES];
    const struct tree_difference *s = &diff->state;
    const struct genesis *g = &t->dirs[0].genesis;
    char *key = state_words_key(s->table, s->key);
    char *ours = state_words_value(s->table, s->key, s->ours, g);
    char *theirs = state_words_value(s->table, s->key, s->theirs, g);
    uint64_t height = diff->state_height;
    json_t *details = json_pack("{s:s}", "kind", "state");
    render_set_number(details, "height", height);
    render_set_number(details, "table", s->table);
    render_set_hex(details, "key_hex", s->key);
    render_set_text(details, "key", bytes_of_text(key));
    if (s->ours_has)
        render_set_text(details, "ours", bytes_of_text(ours));
    if (s->theirs_has)
        render_set_text(details, "theirs", bytes_of_text(theirs));
    enum rc rc = why_set(&why, RC_PROOF,
                         "%s: height %" PRIu64 ": state: %s: here %s, there %s (the blocks are the "
                         "same: run hansa audit on both)",
                         cli_quote(quoted, t->paths[1]), height, key, s->ours_has ? ours : "absent",
                         s->theirs_has ? theirs : "absent");
    mem_free(theirs);
    mem_free(ours);
    mem_free(key);
    return cli_fail_holds(c, rc, &why, details);
}

static void print_same(const struct two *t, const struct audit_difference *diff,
                       uint64_t common_height)
{
    char quoted[CLI_QUOTE_BYTES];
    uint64_t ours = diff->ours_height, theirs = diff->theirs_height;
    cli_line("blocks", "the same up to height %" PRIu64, common_height);
    if (diff->missing_count > 0)
        cli_line("history", "%" PRIu64 " height%s not compared: one side does not have %s yet",
                 diff->missing_count, diff->missing_count == 1 ? " was" : "s were",
                 diff->missing_count == 1 ? "it" : "them");
    if (ours != theirs)
        cli_line("heads",
                 "%" PRIu64 " here, %" PRIu64 " there: %s is merely %" PRIu64 " behind; that is no "
                 "difference",
                 ours, theirs, cli_quote(quoted, t->paths[ours < theirs ? 0 : 1]),
                 ours < theirs ? theirs - ours : ours - theirs);
    if (diff->state_compared)
        cli_line("state", "the same at height %" PRIu64, diff->state_height);
    else
        cli_line("state",
                 "not compared, only blocks were: it is kept at height %" PRIu64
                 " here and %" PRIu64 " there",
                 store_flushed_height(t->dirs[0].store), store_flushed_height(t->dirs[1].store));
}

static enum cli_exit answer_same(struct cli *c, const struct two *t,
                                 const struct audit_difference *diff)
{
    uint64_t ours = diff->ours_height, theirs = diff->theirs_height;
    uint64_t common_height = ours < theirs ? ours : theirs;
    if (!c->json) {
        print_same(t, diff, common_height);
        return CLI_DONE;
    }
    json_t *out = json_pack("{s:b, s:b}", "holds", 1, "state_compared", (int)diff->state_compared);
    const char *behind = ours < theirs ? "ours" : "theirs";
    json_object_set_new(out, "behind", ours != theirs ? json_string(behind) : json_null());
    render_set_number(out, "common_height", common_height);
    render_set_number(out, "missing_count", diff->missing_count);
    render_set_number(out, "ours_height", ours);
    render_set_number(out, "theirs_height", theirs);
    return cli_answer(c, out);
}

static enum cli_exit compare(struct cli *c, struct two *t)
{
    struct why why = {""};
    struct audit_difference diff;
    /* The very first thing in which two chains can differ. */
    enum rc rc = store_expect(t->dirs[1].store, &t->dirs[0].genesis.chain_id, NULL, NULL);
    if (rc != RC_OK) {
        char ours[DIGEST_HEX_BYTES], theirs[DIGEST_HEX_BYTES], quoted[CLI_QUOTE_BYTES];
        digest_to_hex(ours, &t->dirs[0].genesis.chain_id);
        digest_to_hex(theirs, &t->dirs[1].genesis.chain_id);
        rc = why_set(&why, rc, "%s is of another chain: chain id %s ('%s') here, %s ('%s') there",
                     cli_quote(quoted, t->paths[1]), ours, t->dirs[0].genesis.chain, theirs,
                     t->dirs[1].genesis.chain);
        return cli_fail(c, rc, &why);
    }
    rc = audit_compare(&diff, t->dirs[0].store, t->dirs[1].store, &why);
    if (rc != RC_OK) {
        char quoted[CLI_QUOTE_BYTES];
        rc = why_within(&why, rc, "comparing with %s", cli_quote(quoted, t->paths[1]));
        return cli_fail_holds(c, rc, &why, NULL);
    }
    if (!diff.found)
        return answer_same(c, t, &diff);
    return diff.height > 0 ? answer_block(c, t, &diff) : answer_state(c, t, &diff);
}

/* ---- opening ---- */

/* LMDB must not be opened twice on one directory in one process (pitfalls J6). */
static bool is_one_directory(const char *a, const char *b)
{
    struct stat a_stat, b_stat;
    return stat(a, &a_stat) == 0 && stat(b, &b_stat) == 0 && a_stat.st_dev == b_stat.st_dev &&
           a_stat.st_ino == b_stat.st_ino;
}

enum cli_exit audit_against(struct cli *c)
{
    struct why why = {""};
    struct two t = {.paths = {cli_argument(c, 0), cli_value(c, "against")}};
    if (is_one_directory(t.paths[0], t.paths[1]))
        return cli_usage(c, "DIR and --against name one and the same directory");
    interrupt_end_with(c->json ? "{\"error\": {\"command\": \"audit\", \"code\": "
                                 "\"interrupted\", \"exit_code\": 5, \"exit\": \"environment\", "
                                 "\"text\": \"interrupted\"}}\n"
                               : "hansa: audit: interrupted\n",
                       CLI_ENVIRONMENT);
    enum rc rc = data_dir_open_expecting(&t.dirs[0], t.paths[0], cli_value(c, "genesis"), &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    rc = data_dir_open(&t.dirs[1], t.paths[1], &why);
    if (rc != RC_OK) {
        data_dir_close(&t.dirs[0]);
        return cli_fail(c, rc, &why);
    }
    enum cli_exit code = compare(c, &t);
    data_dir_close(&t.dirs[1]);
    data_dir_close(&t.dirs[0]);
    return code;
}
