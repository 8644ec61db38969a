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

/* The names of the members under the block, "nobody" when no valid certificate is there. */
enum { NAMES_BYTES = QUORUM_MAX * (KEY_NAME_BYTES_MAX + 2) + 8 };
static void signer_names(char out[static NAMES_BYTES], struct data_dir *d, uint64_t height)
{
    struct certificate certificate;
    size_t used = 0;
    snprintf(out, NAMES_BYTES, "nobody");
    if (chain_get_certificate(d, height, &certificate, NULL) != RC_OK)
        return;
    for (uint32_t i = 0; i < certificate.entries_count; i++) {
        uint32_t index = certificate.entries[i].member_index; /* verified to be a member's */
        used += (size_t)snprintf(out + used, NAMES_BYTES - used, "%s%s", used > 0 ? ", " : "",
                                 d->genesis.members[index].name);
    }
}

static json_t *side_json(const char *path, struct data_dir *d, uint64_t height,
                         const struct digest *digest)
{
    struct certificate certificate;
    json_t *out = json_object();
    render_set_text(out, "dir", bytes_of_text(path));
    render_set_digest(out, "digest", digest);
    if (chain_get_certificate(d, height, &certificate, NULL) == RC_OK)
        json_object_set_new(out, "certificate", render_certificate_json(&certificate, &d->genesis));
    return out;
}

/* ---- the answers ---- */

static enum cli_exit answer_block(struct cli *c, struct two *t, const struct audit_difference *diff)
{
    struct why why = {""};
    char ours[DIGEST_HEX_BYTES], theirs[DIGEST_HEX_BYTES], quoted[CLI_QUOTE_BYTES];
    char our_names[NAMES_BYTES], their_names[NAMES_BYTES];
    digest_to_hex(ours, &diff->ours);
    digest_to_hex(theirs, &diff->theirs);
    signer_names(our_names, &t->dirs[0], diff->height);
    signer_names(their_names, &t->dirs[1], diff->height);
    json_t *details = json_pack("{s:s}", "kind", "block");
    render_set_number(details, "height", diff->height);
    json_object_set_new(details, "ours",
                        side_json(t->paths[0], &t->dirs[0], diff->height, &diff->ours));
    json_object_set_new(details, "theirs",
                        side_json(t->paths[1], &t->dirs[1], diff->height, &diff->theirs));
    enum rc rc =
        why_set(&why, RC_PROOF,
                "%s: height %" PRIu64 ": block: here %s, signed by %s; there %s, signed "
                "by %s",
                cli_quote(quoted, t->paths[1]), diff->height, ours, our_names, theirs, their_names);
    return cli_fail_details(c, rc, &why, details);
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
    uint64_t height = store_flushed_height(t->dirs[0].store);
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
    return cli_fail_details(c, rc, &why, details);
}

static enum cli_exit answer_same(struct cli *c, const struct audit_difference *diff)
{
    uint64_t common_height =
        diff->ours_height < diff->theirs_height ? diff->ours_height : diff->theirs_height;
    if (c->json) {
        json_t *out = json_pack("{s:b, s:b}", "same", 1, "state_compared", diff->state_compared);
        render_set_number(out, "common_height", common_height);
        render_set_number(out, "ours_height", diff->ours_height);
        render_set_number(out, "theirs_height", diff->theirs_height);
        return cli_answer(c, out);
    }
    cli_line("blocks", "the same up to height %" PRIu64, common_height);
    if (diff->ours_height != diff->theirs_height)
        cli_line("heads", "%" PRIu64 " here, %" PRIu64 " there: one is only behind",
                 diff->ours_height, diff->theirs_height);
    cli_line("state", diff->state_compared
                          ? "the same"
                          : "not compared: the two were not flushed at the same height");
    return CLI_DONE;
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
        return cli_fail(c, rc, &why);
    }
    if (!diff.found)
        return answer_same(c, &diff);
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
                                 "\"RC_INTERRUPTED\", \"exit_code\": 5, \"exit\": \"environment\", "
                                 "\"text\": \"interrupted\"}}\n"
                               : "hansa: audit: interrupted\n");
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
