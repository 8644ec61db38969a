/* What became of one transaction, as commands that send or wait for one answer it. That it is
 * committed is said only with its receipt, verified: no node has to be believed. */
#ifndef TOOLS_HANSA_OUTCOME_H
#define TOOLS_HANSA_OUTCOME_H

#include "tools/hansa/nonce.h"
#include "tools/hansa/submit.h"

#define OUTCOME_RECEIPT_OPTION                                                                     \
    {                                                                                              \
        "receipt", "FILE", CLI_OPTIONAL, "write the receipt to a new file: anyone can verify it"   \
    }
/* unsent says what 3 and 5 mean here, of which nothing was sent. */
#define OUTCOME_EXITS(unsent)                                                                      \
    "0 committed, and its receipt verified; 1 a signature or a node's receipt does not "           \
    "hold;\n" unsent "\n6 rejected or refused by the ledger: the words say whether for good;\n"    \
    "7 sent, and no outcome in time or interrupted: hansa wait TXID asks again"

struct outcome_of {
    struct digest txid;
    uint64_t nonce; /* 0: not known here */
    /* Where the nonce was asked for; else NULL. Borrows. */
    const struct nonce *asked;
    bool is_kept; /* its bytes are in a file: they can be sent again */
};

/* Whether --receipt names a file that can be made: asked before anything is sent.
 * Returns: CLI_DONE, or it has said why not. */
MUST_USE enum cli_exit outcome_judge_receipt(struct cli *c);
/* Nothing is sent yet, but the nodes are asked: from now on Ctrl-C ends the program with words that
 * say so, until outcome_announce(). */
void outcome_watch_unsent(const struct cli *c);
/* Say, before anything is sent, what is being sent: a transaction whose txid is known can be asked
 * for whatever happens. From now on Ctrl-C ends the program with words that say so too, until
 * outcome_answer(). */
void outcome_announce(struct cli *c, const struct outcome_of *o);
/* Answer. rc and why are what submit_txs() or submit_wait() gave. Requires: the command declares
 * OUTCOME_RECEIPT_OPTION. */
enum cli_exit outcome_answer(struct cli *c, struct nodes *n, const struct outcome_of *o,
                             const struct submit_end *end, enum rc rc, struct why *why);

/* The same for who only wants to know where it stands: says nothing when it is committed, and that
 * is proven. Returns: CLI_DONE with *height, or it has said why not. */
MUST_USE enum cli_exit outcome_height(struct cli *c, struct nodes *n, const struct outcome_of *o,
                                      const struct submit_end *end, enum rc rc, struct why *why,
                                      uint64_t *height);

#endif
