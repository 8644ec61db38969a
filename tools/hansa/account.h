/* What the files of `hansa account` share: cmd_account.c asks and shows, and reads what one source
 * has (local); account_proof.c verifies proofs (proved, --prove); account_linear.c has f+1 nodes
 * agree (linearizable). */
#ifndef TOOLS_HANSA_ACCOUNT_H
#define TOOLS_HANSA_ACCOUNT_H

#include "ledger/receipt.h"
#include "tools/hansa/holdings.h"

/* Rule 11's levels, dearest last. */
enum account_level { ACCOUNT_LOCAL, ACCOUNT_PROVED, ACCOUNT_LINEARIZABLE };

struct account_question {
    enum account_level level;
    struct bytes who;   /* an account or a participant */
    struct bytes asset; /* empty = all */
    bool is_account;
    struct bytes participant;
    const char *proof_path; /* NULL = no proof is to be written */
};

/* What a proof file says, which is of a checkpoint and so may be older than the head. */
struct account_proven {
    struct buf file;
    struct state_proof proof;
    struct state_balance balance;         /* of an account */
    struct state_participant participant; /* of a participant */
};

/* ---- account_proof.c ---- */
/* Fetch the proof of the account's balance in the asset, or of the participant, verify it, and
 * write it where the question says. out->file is to be freed whatever it was.
 * Returns: RC_OK | RC_NOT_FOUND (no checkpoint is certified in this directory) | RC_NOT_YET (nor at
 * any node that was asked) | RC_PROOF | RC_STORE_DAMAGED |
 * as source_proof() and file_write_new(). */
MUST_USE enum rc account_prove(struct account_proven *out, struct source *s,
                               const struct account_question *q, struct bytes asset,
                               struct why *why);
json_t *account_proof_json(const struct account_question *q, const struct account_proven *p,
                           struct bytes asset, const struct genesis *g);
void account_print_proof(const struct cli *c, const struct account_question *q,
                         const struct account_proven *p, struct bytes asset,
                         const struct genesis *g);
/* The level `proved`: shows what a proof holds, and nothing else. */
enum cli_exit account_proved(struct cli *c, struct source *s, const struct account_question *q);

/* ---- account_linear.c ---- */
enum cli_exit account_linearizable(struct cli *c, const struct account_question *q);

/* ---- cmd_account.c: showing ---- */
void account_set_balances(json_t *out, const struct account_question *q, const struct holdings *h,
                          const struct genesis *g);
void account_set_keys(json_t *out, const struct state_participant *p);
void account_set_accounts(json_t *out, const struct holdings *h, const struct genesis *g);
void account_print_head(const struct cli *c, const struct account_question *q, uint64_t height);
void account_print_participant(const struct state_participant *p);
void account_print_holdings(const struct account_question *q, const struct holdings *h,
                            const struct genesis *g);
/* The words for an account that is not there. */
MUST_USE enum rc account_not_found(const struct account_question *q, uint64_t height,
                                   struct why *why);

#endif
