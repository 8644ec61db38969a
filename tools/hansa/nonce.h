/* Which nonce a key's next transaction needs. One that is too low is refused as used, one that is
 * too high waits for others that nobody signs; so it is not taken from whichever node answers
 * first, which may lag or lie, but read as rule 11 reads (linear_read.h): it is right whenever 2f+1
 * nodes that vote answer. Where fewer do, one is taken that is hardly too high, and it is said
 * whose word it is; that of learners is taken only where no more than f others answer. */
#ifndef TOOLS_HANSA_NONCE_H
#define TOOLS_HANSA_NONCE_H

#include "tools/hansa/nodes.h"

enum { NONCE_WORDS_BYTES = 384 };
struct nonce {
    uint64_t next;
    bool is_agreed;                /* else it is by the word of few: */
    char words[NONCE_WORDS_BYTES]; /* "by the word of m1 and m2 alone: fewer than 3 nodes answer" */
};

/* Ask the nodes, at most as long as their time is. Who does not answer within a half of that, or at
 * once where fewer than 2f+1 were named, is not waited for once somebody has answered.
 * Returns: RC_OK | RC_REFUSED (no participant has this key, it was revoked or has used all nonces,
 * or all forbid the question) | RC_TIMEOUT (nobody answered) | RC_STORE_DAMAGED (they agree on what
 * cannot be). */
MUST_USE enum rc nonce_ask(struct nonce *out, struct nodes *n, const struct public_key *key,
                           struct why *why);

/* What one node tells of a key. */
struct nonce_told {
    uint32_t node;
    bool is_known; /* the key is in its state, and then: */
    bool is_revoked;
    uint64_t last; /* the last nonce used; 0 = none */
};
/* Of what few nodes told, f of whom may lie: the (f+1)-th highest, which one honest node at least
 * has reached, so that it is not ahead of the ledger; or the lowest where they are not so many. One
 * that is too low only has the transaction refused. Sorts told. Requires: count > 0. Returns: its
 * index.
 */
uint32_t nonce_of_few(struct nonce_told *told, uint32_t count, uint32_t faulty_max);

#endif
