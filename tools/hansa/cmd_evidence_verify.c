/* `hansa evidence verify`: evidence held against the genesis file alone. */
#include <stdio.h>
#include <string.h>

#include "tools/hansa/commands.h"
#include "tools/hansa/evidence.h"
#include "tools/hansa/files.h"

static enum cli_exit answer(struct cli *c, const struct evidence_file *f, const struct genesis *g)
{
    if (c->json) {
        json_t *out = evidence_json(f, g);
        json_object_set_new(out, "holds", json_true());
        return cli_answer(c, out);
    }
    const struct pbft_evidence *e = &f->evidence;
    printf("This evidence proves that %s, a member of chain '%s',\n%s.\n\n",
           g->members[e->offender].name, g->chain, pbft_evidence_text(e->kind));
    evidence_print(f, g);
    return CLI_DONE;
}

static enum cli_exit verify(struct cli *c, struct buf *file, const struct genesis *g)
{
    struct why why = {""};
    char quoted[CLI_QUOTE_BYTES];
    const char *path = cli_argument(c, 0);
    enum rc rc = file_read(file, path, EVIDENCE_FILE_BYTES_MAX, "evidence", &why);
    if (rc != RC_OK)
        return cli_fail(c, rc, &why);
    struct evidence_file f;
    rc = evidence_file_verify(&f, buf_bytes(file), g, &why);
    if (rc == RC_OK)
        return answer(c, &f, g);
    const char *guess = rc == RC_MALFORMED ? file_guess(buf_bytes(file)) : NULL;
    if (guess != NULL && strncmp(guess, "evidence:", strlen("evidence:")) != 0)
        rc = why_set(&why, rc, "this is %s", guess);
    rc = why_within(&why, rc, "%s: this evidence proves nothing", cli_quote(quoted, path));
    return cli_fail_holds(c, rc, &why, NULL);
}

static enum cli_exit run(struct cli *c)
{
    return file_act_with_genesis(c, verify);
}

static const struct cli_argument arguments[] = {{"FILE", CLI_REQUIRED, "the evidence"}, {0}};

static const struct cli_option options[] = {
    {"genesis", "FILE", CLI_OPTIONAL,
     "the chain's genesis file, which is all that is trusted; else HANSA_GENESIS"},
    {0}};

const struct command cmd_evidence_verify = {
    .words = "evidence verify",
    .summary = "verify evidence offline: that a member lied",
    .arguments = arguments,
    .options = options,
    .text =
        "Nobody's word is taken: both halves carry the member's own signature, and no correct\n"
        "member signs both. With --json the answer has \"holds\": true; else the error's details\n"
        "have it as false.",
    .example = "hansa evidence verify delta-two-commits.evidence --genesis genesis.json",
    .exits = "0 it holds; 1 it does not (the words name the field); 3 the bytes are no evidence,\n"
             "or of another chain; 5 a file cannot be read",
    .run = run,
};
